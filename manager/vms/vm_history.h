/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * The last hour of a VM in percent: processors, memory, network, every 30 seconds, for graphs. In memory beside the
 * inventory, made with the VM's first report: 376 bytes, so that 100,000 running VMs take 36 MiB.
 */
#include "manager/vms/vm_int.h"

enum { VM_HISTORY_SAMPLES = 120, VM_HISTORY_MS = 30 * 1000 };

enum vm_series { VM_SERIES_CPU, VM_SERIES_MEMORY, VM_SERIES_NETWORK, N_VM_SERIES };

/* A report of the VM has been kept: sample it when it is time. */
void vm_history_take(struct core *c, const char *vm_id);
/* Newest first, at most VM_HISTORY_SAMPLES; how many. */
int vm_history_get(struct core *c, const char *vm_id, enum vm_series what, uint8_t *out);
/* What it is now; false when nothing is known. */
bool vm_percent(struct core *c, const char *vm_id, enum vm_series what, double *out);
/* With the VM. */
void vm_history_free(struct vm_history *h);
/* The values that searches look for in reports. Once, at start. */
void vm_search_register(void);
