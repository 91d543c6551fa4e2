/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What has to be done again and again until it is done: highly available VMs that failed are started again, and saved memory
 * that is stale is dropped. The wish is in the VM's record, so that it outlives the Manager; a publication of the VM wakes the
 * keeper. A VM is started only from "down": its host said that it does not run there. One whose host is silent is "unknown", and
 * waits.
 */
#include <string.h>

#include "base/auto.h"
#include "base/log.h"
#include "manager/core/locks.h"
#include "manager/vms/vm_int.h"

enum {
	ROUND_MS = 1000,
	IDLE_MS = 10 * 60 * 1000,
	RETRY_MS = 30 * 1000,
	QUICK_TRIES = 10,
	SLOW_MS = 1800 * 1000,
	PRIORITY_WAIT_MS = 600 * 1000 /* so long a VM of higher priority may keep others waiting */
};

static bool is_highly_available(const struct m_vm *vm)
{
	return vm->high_availability && M_GET(vm->high_availability, enabled, false);
}

static int64_t priority_of(const struct m_vm *vm)
{
	return vm->high_availability ? M_GET(vm->high_availability, priority, 0) : 0;
}

void keeper_want_restart(struct core *c, struct m_vm *vm)
{
	if (!is_highly_available(vm) && !M_GET(vm, cold_reboot, false))
		return;
	M_SET(vm, restart_wanted, loop_wall_ms(c->loop));
	M_SET(vm, restart_next, 0);
	M_SET(vm, restart_tries, 0);
}

void keeper_notice(struct core *c, const struct m_vm *vm)
{
	if (!vm->has.restart_wanted && !suspend_is_stale(vm))
		return;
	if (g_hash_table_add(c->vms->kept, g_strdup(vm->id)))
		waitq_wake_all(&c->vms->keeper);
}

/* ---- restarts ---- */

static bool is_free(struct core *c, const char *vm_id)
{
	struct err ignored;
	return lock_check(c, vm_id, NULL, &ignored) == 0 && !vm_rt(c, vm_id)->is_ending;
}

static void forget_wish(struct core *c, const char *vm_id)
{
	struct txn *t = txn_begin(c);
	struct m_vm *vm = txn_edit(t, KIND_VM, vm_id);
	struct err ignored;

	if (!vm || !vm->has.restart_wanted) {
		txn_cancel(t);
		return;
	}
	vm->has.restart_wanted = vm->has.restart_next = vm->has.restart_tries = 0;
	if (vm->status == M_VM_STATUS_DOWN)
		vm->has.cold_reboot = 0;
	txn_commit(t, &ignored);
}

/* One more try is durable before it is made. */
static int count_try(struct core *c, const char *vm_id, int64_t *tries)
{
	struct txn *t = txn_begin(c);
	struct m_vm *vm = txn_edit(t, KIND_VM, vm_id);
	struct err ignored;

	if (!vm) {
		txn_cancel(t);
		return -1;
	}
	*tries = M_GET(vm, restart_tries, 0) + 1;
	M_SET(vm, restart_tries, *tries);
	M_SET(vm, restart_next, loop_wall_ms(c->loop) + (*tries < QUICK_TRIES ? RETRY_MS : SLOW_MS));
	return txn_commit(t, &ignored);
}

static void tell_failure(struct core *c, const char *vm_id, int64_t tries, const struct err *e)
{
	const struct m_vm *vm = INV_LATEST(c->inv, VM, vm, vm_id);
	struct txn *t = txn_begin(c);
	struct event_refs refs;

	if (!vm) {
		txn_cancel(t);
		return;
	}
	refs = vm_refs(vm, NULL, NULL);
	txn_event(t, "HA_VM_RESTART_FAILED", &refs, "Restart of the Highly Available VM %s failed: %.300s", vm->name,
	          e->detail);
	if (tries == QUICK_TRIES)
		txn_event(t, "EXCEEDED_MAXIMUM_NUM_OF_RESTART_HA_VM_ATTEMPTS", &refs,
		          "Highly Available VM %s could not be restarted automatically, exceeded the maximum number of "
		          "attempts.",
		          vm->name);
	txn_commit_async(t);
}

static void restart(struct core *c, const char *vm_id)
{
	struct run_once plain = { 0 };
	struct err e = ERR_INIT;
	char job[UUID_LEN + 1];
	int64_t tries;

	if (count_try(c, vm_id, &tries) < 0)
		return;
	if (vm_run(c, vm_id, &plain, NULL, NULL, job, &e) < 0) {
		log_warn("VM was not started again", "VM_ID", vm_id, "REASON", e.detail);
		tell_failure(c, vm_id, tries, &e);
		return;
	}
	log_info("VM is started again", "VM_ID", vm_id);
}

/* Is it to be started in this round? false also removes what is not wanted any more. */
static bool is_due(struct core *c, const struct m_vm *vm)
{
	if (vm->status == M_VM_STATUS_UP ||
	    (!is_highly_available(vm) && !M_GET(vm, cold_reboot, false) && vm->status == M_VM_STATUS_DOWN)) {
		forget_wish(c, vm->id);
		return false;
	}
	return vm->status == M_VM_STATUS_DOWN && is_free(c, vm->id) &&
	       M_GET(vm, restart_next, 0) <= loop_wall_ms(c->loop);
}

/* ---- rounds ---- */

/* Does a VM of higher priority still wait for its start? */
static bool has_to_wait(struct core *c, char **ids, const struct m_vm *vm)
{
	for (char **id = ids; *id; id++) {
		const struct m_vm *other = INV_LATEST(c->inv, VM, vm, *id);

		if (other && other != vm && other->has.restart_wanted && priority_of(other) > priority_of(vm) &&
		    (other->status == M_VM_STATUS_DOWN || vm_is_launching(other)) &&
		    loop_wall_ms(c->loop) - other->restart_wanted < PRIORITY_WAIT_MS)
			return true;
	}
	return false;
}

static void drop_memory(struct core *c, const char *vm_id)
{
	struct err e = ERR_INIT;

	if (!is_free(c, vm_id) || suspend_drop(c, vm_id, &e) == 0)
		return;
	log_debug("the saved memory of a VM could not be dropped yet", "VM_ID", vm_id, "REASON", e.detail);
}

static void visit(struct core *c, char **all, const char *id)
{
	const struct m_vm *vm = INV_LATEST(c->inv, VM, vm, id);

	if (!vm || (!vm->has.restart_wanted && !suspend_is_stale(vm))) {
		g_hash_table_remove(c->vms->kept, id);
		return;
	}
	if (suspend_is_stale(vm)) {
		drop_memory(c, id);
		vm = INV_LATEST(c->inv, VM, vm, id);
	}
	if (vm && vm->has.restart_wanted && is_due(c, vm) && !has_to_wait(c, all, vm))
		restart(c, id);
}

static void keep(void *arg)
{
	struct core *c = arg;

	for (;;) {
		waitq_wait(&c->vms->keeper, g_hash_table_size(c->vms->kept) ? ROUND_MS : IDLE_MS);
		if (loop_is_stopping(c->loop))
			return;
		g_autofree char **keys = (char **)g_hash_table_get_keys_as_array(c->vms->kept, NULL);
		g_auto(GStrv) ids = g_strdupv(keys);

		for (char **id = ids; *id; id++)
			visit(c, ids, *id);
	}
}

void keeper_start(struct core *c)
{
	INV_EACH (e, c->inv, KIND_VM)
		keeper_notice(c, e->pub);
	fiber_start(c->loop, "VMs to be looked after", keep, c);
}
