/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* What hardware a VM may have, and what a host must have for it. */
#include "manager/vms/vm_int.h"

struct os_type;

extern const struct api_op WATCHDOG_OPS[], VM_NUMA_OPS[], VM_HOSTDEV_OPS[], INSTANCE_TYPE_OPS[], NIC_FILTER_OPS[];

/* The guest system's row; that of "other" when it says none. */
const struct os_type *vm_os(const struct m_vm *vm);
/* Rules that span the machine's members: the field and the limit are in e. what: "add VM". */
int vm_check_hardware(struct core *c, const struct m_vm *vm, const char *what, struct err *e);
int vm_check_properties(struct core *c, const struct m_vm *vm, int level, const char *what, struct err *e);
/* Names of custom properties that may be given. */
char *vm_property_names(struct core *c, struct pool *p, int level);
/* NUMA nodes by themselves and against the VM. is_complete: they must add up, as when it starts. */
int vm_check_numa(const struct m_vm *vm, bool is_complete, const char *what, struct err *e);
/* A set of processors, "0-3,^2,5": fills mask (bits below n_max); -1 when it is none or names one beyond. */
int vm_parse_cpu_set(const char *text, GArray *numbers, int64_t max, struct err *e);

/* Why the host cannot carry this hardware; NULL: it can. In the pool. */
const char *vm_refuse_hardware(struct core *c, struct pool *p, const struct m_vm *vm, const struct m_host *h);
/* Does it ask for hardware at all? If not, every host can carry it. */
bool vm_needs_hardware(const struct m_vm *vm);
/* Devices of hosts by name, as the host lists them; in a fiber. Borrowed from the list; NULL with e. */
int vm_hostdev_spec(json_t *listed, const char *name, struct domain_hostdev_spec *out, struct err *e);
/* Tell that the memory is outside of what is recommended for the guest system. */
void vm_warn_memory(struct txn *t, const struct m_vm *vm, const struct event_refs *refs);
