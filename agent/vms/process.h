/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* What the kernel tells of a machine's QEMU process: it costs a hundredth of asking its monitor through libvirt. */
#include <stdbool.h>
#include <stdint.h>

struct process_times {
	uint64_t cpu_ns, system_ns; /* all its threads */
};

/* The process whose id libvirt keeps in DIR/NAME.pid; it must have the machine's UUID in its arguments. False: not known. */
bool process_times_of(const char *dir, const char *name, const char *uuid, struct process_times *t);
