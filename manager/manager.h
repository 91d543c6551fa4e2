/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* All domains of the Manager together, for the program and for the simulator. */
#include "manager/core/core.h"

/* Domains make their state, register kinds, commands and operations. Before core_load. */
void manager_register_all(struct core *c);
/* After core_load and bootstrap: monitoring, jobs, cleaning. On the core's thread. */
void manager_start_all(struct core *c);
/* Before core_free. */
void manager_free_all(struct core *c);
