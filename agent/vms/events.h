/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Events of libvirt: taken on its thread, handled on the loop. */
#include <libvirt/libvirt.h>

struct agent;

/* Subscribe to all domains of a new connection. On a worker. */
void events_register(virConnectPtr conn, struct agent *a);
