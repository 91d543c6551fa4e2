/* SPDX-License-Identifier: Apache-2.0 */
/* Actions on VMs. All answer at once; the VM's status tells how it goes on. */
#include <string.h>

#include "manager/api/generic.h"
#include "manager/hosts/hosts.h"
#include "manager/vms/vm_int.h"

/* ---- start ---- */

static struct job_spec spec_for(struct call *c, const struct m_vm *vm, const struct command *cmd, const char *word,
                                const char *failed)
{
	const struct m_host *h = INV_GET(c->core->inv, HOST, host, vm->host.id);
	const char **objects = POOL_ARRAY(c->pool, const char *, 3);

	objects[0] = pool_strdup(c->pool, vm->id);
	objects[1] = pool_strdup(c->pool, vm->host.id);
	return (struct job_spec){ .command = cmd,
		                  .correlation_id = c->correlation_id,
		                  .owner_id = call_refs(c).user,
		                  .objects = objects,
		                  .data =
		                      json_pack("{s:s,s:s,s:s,s:s,s:s,s:s,s:s,s:I,s:b}", "vm", vm->id, "user",
		                                c->who.user_id, "user_name", c->who.user_name, "host",
		                                STR_OR(vm->host.id, ""), "host_name", h ? h->name : "", "word", word,
		                                "failed", failed, "stopped", (json_int_t)M_GET(vm, stop_time, 0),
		                                "force", c->action && M_GET(c->action, force, false)) };
}

static int resume(struct call *c, const struct m_vm *vm, struct err *e)
{
	struct job_spec spec;
	char job[UUID_LEN + 1];
	struct event_refs refs = vm_refs(vm, c->who.user_id, c->correlation_id);
	struct txn *t;

	if (!vm_host(c->core, c->pool, vm, e))
		return -1;
	spec = spec_for(c, vm, &VM_RESUME_COMMAND, "Resume", "USER_FAILED_RESUME_VM");
	t = txn_begin(c->core);
	txn_event(t, "USER_RESUME_VM", &refs, "VM %s was resumed.", vm->name);
	return job_start(t, &spec, job, e, "Resuming VM %s", vm->name) < 0 ? -1 : call_reply_action(c, job);
}

static int vm_start(struct call *c, struct err *e)
{
	const struct m_vm *vm = INV_LATEST(c->core->inv, VM, vm, c->ids[0]);
	struct m_action *a = c->action;
	struct run_once once = { 0 };
	char job[UUID_LEN + 1];

	if (!vm)
		return err_set(e, ERR_NO_ENTITY, "There is no VM %s.", c->ids[0]);
	if (vm->status == M_VM_STATUS_PAUSED && !c->query.is_dry_run)
		return resume(c, m_copy(c->pool, &M_TYPE_vm, vm), e);
	if (a && run_once_read(c, vm, a, &once, e) < 0)
		return -1;
	if (c->query.is_dry_run)
		return vm_check_run(c->core, vm, &once, e) < 0 ? -1 : call_reply_action(c, NULL);
	if (vm_run(c->core, vm->id, &once, c->who.user_id, c->correlation_id, job, e) < 0)
		return -1;
	return call_reply_action(c, job);
}

/* ---- the others ---- */

struct wish {
	enum vm_action action;
	const struct command *command;
	const char *word, *told, *failed, *title;
};

static void stage_wish(struct call *c, struct txn *t, struct m_vm *vm, const struct wish *w)
{
	const char *reason = c->action ? c->action->reason : NULL;

	if (w->action == VM_STOP)
		M_SET(vm, stop_requested, loop_wall_ms(c->core->loop));
	if ((w->action == VM_STOP || w->action == VM_SHUTDOWN) && reason)
		vm->stop_reason = pool_strdup(txn_pool(t), reason);
	if (w->action == VM_REBOOT)
		M_SET(vm, cold_reboot,
		      M_GET(vm, next_run_configuration_exists, false) || M_GET(vm, is_volatile, false));
}

static int wish_for(struct call *c, const struct wish *w, struct err *e)
{
	const struct m_vm *vm = INV_LATEST(c->core->inv, VM, vm, c->ids[0]);
	struct event_refs refs;
	struct job_spec spec;
	char job[UUID_LEN + 1];
	const char *name;
	struct txn *t;

	if (!vm)
		return err_set(e, ERR_NO_ENTITY, "There is no VM %s.", c->ids[0]);
	if (vm_check_action(vm, w->action, e) < 0 || !vm_host(c->core, c->pool, vm, e))
		return -1;
	name = pool_strdup(c->pool, vm->name);
	spec = spec_for(c, vm, w->command, w->word, w->failed);
	t = txn_begin(c->core);
	struct m_vm *draft = txn_edit(t, KIND_VM, vm->id);
	stage_wish(c, t, draft, w);
	refs = vm_refs(draft, c->who.user_id, c->correlation_id);
	if (w->told)
		txn_event(t, w->told, &refs, "%s of VM %s was initiated by %s.", w->word, name, c->who.user_name);
	return job_start(t, &spec, job, e, "%s VM %s", w->title, name) < 0 ? -1 : call_reply_action(c, job);
}

/* Highly available, failed, and about to be started again: not any more. */
static int give_up_restart(struct call *c, const struct m_vm *vm, struct err *e)
{
	struct txn *t = txn_begin(c->core);
	struct m_vm *draft = txn_edit(t, KIND_VM, vm->id);
	struct event_refs refs = vm_refs(draft, c->who.user_id, c->correlation_id);

	draft->has.restart_wanted = draft->has.restart_next = draft->has.restart_tries = draft->has.cold_reboot = 0;
	txn_event(t, "USER_STOP_VM", &refs, "VM %s is not started again, as %s asked.", draft->name, c->who.user_name);
	return txn_commit(t, e) < 0 ? -1 : call_reply_action(c, NULL);
}

static int vm_stop(struct call *c, struct err *e)
{
	static const struct wish w = { VM_STOP, &VM_STOP_COMMAND,      "Power off",
		                       NULL,    "USER_FAILED_STOP_VM", "Powering off" };
	const struct m_vm *vm = INV_LATEST(c->core->inv, VM, vm, c->ids[0]);

	if (vm && vm->status == M_VM_STATUS_SUSPENDED)
		return suspend_stop(c, vm, e);
	if (vm && vm->status == M_VM_STATUS_DOWN && vm->has.restart_wanted)
		return give_up_restart(c, vm, e);
	return wish_for(c, &w, e);
}

static int vm_shutdown(struct call *c, struct err *e)
{
	static const struct wish w = { VM_SHUTDOWN,
		                       &VM_SHUTDOWN_COMMAND,
		                       "Shutdown",
		                       "USER_INITIATED_SHUTDOWN_VM",
		                       "USER_FAILED_SHUTDOWN_VM",
		                       "Shutting down" };
	return wish_for(c, &w, e);
}

static int vm_reboot(struct call *c, struct err *e)
{
	static const struct wish w = { VM_REBOOT,        &VM_REBOOT_COMMAND,      "Reboot",
		                       "USER_REBOOT_VM", "USER_FAILED_REBOOT_VM", "Rebooting" };
	return wish_for(c, &w, e);
}

static int vm_reset(struct call *c, struct err *e)
{
	static const struct wish w = { VM_RESET,        &VM_RESET_COMMAND,      "Reset",
		                       "USER_RESET_VM", "USER_FAILED_RESET_VM", "Resetting" };
	return wish_for(c, &w, e);
}

/* ---- what cannot be here ---- */

static int vm_detach(struct call *c, struct err *e)
{
	const struct m_vm *vm = CALL_ENTITY(c, 0, VM, vm, e);

	return vm ? err_set(e, ERR_CONFLICT, "Cannot detach VM from VM-Pool. VM %s is not attached to a pool.",
	                    vm->name)
	          : -1;
}

static int cancel_migration(struct call *c, struct err *e)
{
	const struct m_vm *vm = CALL_ENTITY(c, 0, VM, vm, e);

	return vm ? err_set(e, ERR_CONFLICT, "Cannot cancel migration. VM %s is not migrating.", vm->name) : -1;
}

const struct api_op VM_ACTION_OPS[] = {
	{ .name = "vm.start",
	  .run = vm_start,
	  .kind = NO_KIND,
	  .permit = "run_vm",
	  .on = KIND_VM,
	  .flags = OP_WAITS | OP_DRY_RUN },
	ROW("vm.suspend", suspend_vm, NO_KIND, ON("hibernate_vm", KIND_VM)),
	ROW("vm.detach", vm_detach, NO_KIND, ON("stop_vm", KIND_VM)),
	ROW("vm.cancel_migration", cancel_migration, NO_KIND, ON("migrate_vm", KIND_VM)),
	ROW("vm.stop", vm_stop, NO_KIND, ON("stop_vm", KIND_VM)),
	ROW("vm.shutdown", vm_shutdown, NO_KIND, ON("shut_down_vm", KIND_VM)),
	ROW("vm.reboot", vm_reboot, NO_KIND, ON("reboot_vm", KIND_VM)),
	ROW("vm.reset", vm_reset, NO_KIND, ON("reset_vm", KIND_VM)),
	{ .name = NULL },
};
