/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * The last hour and day of a VM for graphs, in memory beside the inventory, made with the VM's first report: about 1 KiB, 2 KiB
 * after ten minutes.
 */
#include "manager/api/history.h"
#include "manager/vms/vm_int.h"

enum vm_series {
	VM_SERIES_CPU,
	VM_SERIES_MEMORY,
	VM_SERIES_NETWORK,
	N_VM_PERCENT,
	VM_SERIES_RX = N_VM_PERCENT, /* bytes a second, as the rest */
	VM_SERIES_TX,
	VM_SERIES_READ,
	VM_SERIES_WRITE,
	N_VM_SERIES
};

/* A report of the VM has been kept: sample it when it is time. */
void vm_history_take(struct core *c, const char *vm_id);
/* What it is now; false when nothing is known. */
bool vm_percent(struct core *c, const char *vm_id, enum vm_series what, double *out);
/* The values that searches look for in reports. Once, at start. */
void vm_search_register(void);
