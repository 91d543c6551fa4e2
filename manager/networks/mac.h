/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Inside manager/networks: which MAC addresses are in use. */
#include "manager/core/core.h"

/* Six pairs of hexadecimal digits between colons, nothing else. */
bool mac_parse(const char *s, uint64_t *number);
/* The first address from n on that a NIC may have: not multicast, not all zero. Behind all addresses: there is none. */
uint64_t mac_next_usable(uint64_t n);

struct macs *macs_new(void);
void macs_free(struct macs *m);
/* A NIC was published (old NULL: new; new NULL: removed). */
void mac_nic_published(struct core *c, const char *id, const void *old, const void *new);
