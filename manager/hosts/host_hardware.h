/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Devices and NUMA nodes of hosts as the API shows them. */
#include "manager/hosts/hosts.h"

/* Id by which the API knows a device, from its name. */
char *host_device_id(struct pool *p, const char *name);
/* Name of the device that an id or a name stands for; NULL: the host does not list it. Borrowed from the list. */
const char *host_device_name(json_t *listed, const char *id_or_name);
/* A device as the API shows it. */
struct m_host_device *host_device_make(struct pool *p, const char *host_id, json_t *listed, const char *name);
/* Ask the host for its devices. In a fiber; what it said before stays when it does not answer. */
int host_read_devices(struct core *c, const char *id, struct err *e);
