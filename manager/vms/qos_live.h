/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Limits of VMs that run follow their QoS. */
#include "manager/core/core.h"

/* A QoS or a profile was published (the hook of their kinds): VMs that run with it get the new limits. */
void qos_live_published(struct core *c, const char *id, const void *old, const void *new);
void qos_live_register(struct core *c);
