/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Devices as the kernel's route socket tells them. Not /sys, which may be that of another network
 * namespace than ours.
 */
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/pool.h"

struct link {
	int index, master, lower; /* of the bridge or bond it is in, of the device below; 0: none */
	unsigned type, mtu, flags, vlan_id;
	bool is_down, has_stp;
	char name[IFNAMSIZ];
	char kind[16]; /* "" for hardware, "bridge", "veth", "vlan", "bond", "tun"... */
	char mac[20], permanent_mac[20];
	char active_port[IFNAMSIZ]; /* of a bond */
	int bond_mode;
	uint64_t rx_bytes, tx_bytes, rx_errors, tx_errors, rx_dropped, tx_dropped;
};

/* All devices, in the pool. NULL and 0 when the kernel does not answer. */
struct link *netlink_links(struct pool *p, int *n);
const struct link *netlink_find(const struct link *links, int n, const char *name);
const struct link *netlink_by_index(const struct link *links, int n, int index);
/* Mbit/s, or fallback. */
int64_t netlink_speed(const char *name, int64_t fallback);
