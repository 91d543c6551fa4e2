/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* What this host can do. Slow facts (libvirt's capabilities) are read once per connection and kept. */
#include <jansson.h>

#include "base/err.h"

struct agent;

void caps_init(struct agent *a);
/* libvirt is here (again): read its facts anew, soon. */
void caps_refresh(struct agent *a);
/* Host.getCapabilities; waits for libvirt's facts the first time, at most some seconds. In a fiber. */
int caps_json(struct agent *a, const char *local_address, json_t **out, struct err *e);
/* Host.hostdevListByCaps: node devices, all or of the kinds given. In a fiber. */
int hostdev_list(struct agent *a, const json_t *kinds, json_t **out, struct err *e);
