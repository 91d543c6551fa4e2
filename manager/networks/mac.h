/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Inside manager/networks: which MAC addresses are in use. */
#include "manager/core/core.h"

struct macs *macs_new(void);
void macs_free(struct macs *m);
/* A NIC was published (old NULL: new; new NULL: removed). */
void mac_nic_published(struct core *c, const char *id, const void *old, const void *new);
