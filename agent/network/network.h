/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Networks of this host: what the kernel has, and the logical networks that the Manager asked for.
 * Ours are those in the running configuration (a file); all other devices are left alone.
 */
#include <jansson.h>
#include <libxml/tree.h>
#include <stdbool.h>

#include "base/err.h"
#include "base/pool.h"

struct agent;

/* Network cards of machines that are plugged into no network sit on this bridge without ports. */
#define DUMMY_BRIDGE ";vdsmdummy;"

int network_init(struct agent *a, struct err *e);
/* "networks", "bridges", "nics", "bondings", "vlans", "nameservers", "supportsIPv6". */
void network_add_capabilities(struct agent *a, json_t *caps);
/* "network", "rxDropped", "txDropped". */
void network_add_statistics(struct agent *a, json_t *stats);
/* The device that has this address, in the pool; "" if none. */
const char *network_device_of(struct pool *p, const char *address);
/* IPv4 address of a logical network on this host, for consoles to listen on, or NULL. */
const char *network_listen_address(struct agent *a, const char *network);
/* The running configuration differs from the one that a reboot brings. */
bool network_is_dirty(struct agent *a);
/* Make the dummy bridge, if a device of this domain needs it. */
void network_prepare_for(struct agent *a, xmlNodePtr devices);
int network_make_dummy(struct agent *a, struct err *e);
/* A client has called: it still reaches us. */
void network_client_seen(struct agent *a);

/* --- links.c: the kernel --- */
bool link_exists(const char *name);
bool link_is_bridge(const char *name);
bool link_is_nic(const char *name);
struct link;
bool link_is_nic_of(const struct link *l);
bool link_has_address(const char *name);
int link_bridge_add(const char *name, bool has_stp, int mtu, struct err *e);
int link_bridge_del(const char *name, struct err *e);
/* Put a device into a bridge, up. */
int link_bridge_join(const char *bridge, const char *port, struct err *e);
/* Number of devices in the bridge besides `except` (may be NULL). */
int link_bridge_ports(const char *bridge, const char *except);
json_t *link_bridge_port_list(const char *bridge);
/* First IPv4 address of the device as text in the pool, or NULL. */
const char *link_ipv4(struct pool *p, const char *name);
/* addr, netmask, ipv4addrs, ipv6addrs, gateway... of a device. */
void link_add_addresses(json_t *j, const char *name);
