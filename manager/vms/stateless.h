/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Stateless runs: for the time of one run each active disk gets an empty layer, which is dropped when the VM is down. A
 * snapshot of type stateless remembers what is below.
 */
#include "manager/core/jobs.h"
#include "model/types.h"

/*
 * "Make it so" step of RunVm: every active disk of the VM has an empty layer of its own for this run. May wait; changes are
 * staged in job_txn(). The ids of the layers follow from the job's id, so that it may run twice. What an earlier run
 * left is dropped first. Nothing is done for a VM without disks.
 */
int vm_stateless_begin(struct job *j, const struct m_vm *vm, struct err *e);
/* Its undoing: layers that are not recorded go; those that are recorded are dropped when the VM is known to be down. */
int vm_stateless_undo(struct job *j, struct err *e);
/*
 * Tell that the VM may be down: if it is, and has layers of a stateless run, a job drops them as soon as nobody else works
 * on the VM. Anytime, from anywhere on the core thread; safe to repeat.
 */
void vm_stateless_end(struct core *c, const char *vm_id);
/* Is the VM's next, or present, run one of which nothing stays? */
bool vm_is_run_stateless(struct core *c, const struct m_vm *vm);
/* After loading: runs that ended while no Manager was there. */
void vm_stateless_start(struct core *c);
