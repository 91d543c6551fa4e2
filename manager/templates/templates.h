/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Templates: what new VMs are made from. Blank is the only one now. */
#include "manager/api/call.h"

void templates_register(struct core *c);
