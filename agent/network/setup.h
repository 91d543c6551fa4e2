/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* The configuration of logical networks: canonical form, checks, and the step from one to another. */
#include <jansson.h>

#include "base/err.h"

struct agent;

/* {name: {"bridged": bool, "nic": text?, "mtu": int, "stp": bool, "adopted": true?}}; borrowed. An adopted
 * bridge was here before the network: it is never removed. */
const json_t *network_running(const struct agent *a);

/* Codes of the protocol. */
enum { BAD_PARAMS = 21, BAD_NIC = 23, USED_NIC = 24, BAD_VLAN = 26, BAD_BRIDGE = 27, LOST_CONNECTION = 10 };

/* The IPv4 address that a device has now, or NULL. */
typedef const char *(*setup_address_fn)(void *arg, const char *device);

/*
 * The canonical form of what a client wants, as a new reference: `now` with the changes of `wanted`
 * (the parameter "networks"). Pure. Codes 21 (parameters), 26 (VLAN), 27 (bridge name).
 */
json_t *setup_merge(const json_t *now, const json_t *wanted, setup_address_fn address, void *arg, struct err *e);
