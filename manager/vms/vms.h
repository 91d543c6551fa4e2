/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Virtual machines: what they are, and what the hosts report of them. */
#include "manager/api/call.h"
#include "manager/core/jobs.h"

void vms_register(struct core *c);
void vms_start(struct core *c);
void vms_free(struct core *c);

/* All that runs on a host (Host.getAllVmStats): complete, so what is missing does not run there. In plain loop code or a fiber. */
void vms_host_report(struct core *c, const char *host_id, json_t *list);
/* One VM's news (|virt|VM_status|ID). */
void vms_host_event(struct core *c, const char *host_id, const char *vm_id, json_t *news);
/* The host does not answer any more: nobody knows about its VMs. */
void vms_host_lost(struct core *c, const char *host_id);
/* VMs that run, or may run, on the host. */
unsigned vms_on_host(struct core *c, const char *host_id);
/* Bytes of memory of those. */
int64_t vms_memory_on_host(struct core *c, const char *host_id);
/* May something of it run somewhere? */
bool vm_may_run(const struct m_vm *vm);
/* Down, suspended or with locked images: nothing runs. */
bool vm_is_down(const struct m_vm *vm);
/* Last statistics of a VM as its host sent them; NULL: none. Borrowed. */
json_t *vm_stats(struct core *c, const char *vm_id);
/* Its last hour and day, series as in vm_history.h: processors and memory first; NULL: none yet. Borrowed. */
struct history;
const struct history *vm_history(struct core *c, const char *vm_id);

/*
 * Plug a disk that is attached to the VM into the running machine, or pull it out. In a fiber; waits for the guest. The
 * attachment's record is the caller's business. 0 without a host being asked when the VM is down.
 */
int vm_hotplug_disk(struct call *c, const char *vm_id, const char *disk_id, bool plug, struct err *e);
/*
 * Is there room for one more device? disk: interface of a disk to be added, or M_DISK_INTERFACE_NONE; nics: how many
 * network cards more.
 */
int vm_check_slots(struct core *c, const struct m_vm *vm, enum m_disk_interface disk, int nics, const char *what,
                   struct err *e);
/* Is the disk part of a suspended VM's memory? */
bool suspend_is_memory(struct core *c, const char *disk_id);
/* ERR_CONFLICT unless the VM is down (nothing runs, no images locked). what: "remove VM", for "Cannot remove VM. ...". */
int vm_check_down(const struct m_vm *vm, const char *what, struct err *e);
