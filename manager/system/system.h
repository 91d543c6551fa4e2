/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* The root of the API and what belongs to the system as a whole: options, guest systems, jobs, events, tags, roles. */
#include "manager/api/call.h"

void system_register(struct core *c);

/* Name of a network filter, as libvirt knows it, by its id; NULL: there is none. */
const char *network_filter_name(const char *id);
