/* SPDX-License-Identifier: Apache-2.0 */
/* Actions on VMs. All answer at once; the VM's status tells how it goes on. */
#include <string.h>

#include "manager/api/generic.h"
#include "manager/hosts/hosts.h"
#include "manager/vms/vm_int.h"

/* ---- start ---- */

static int refuse_unsupported(const struct m_action *a, struct err *e)
{
	const struct m_vm *vm = a->vm;

	if (M_GET(a, use_cloud_init, false) || M_GET(a, use_sysprep, false) || M_GET(a, use_ignition, false) ||
	    M_GET(a, use_initialization, false) || (vm && vm->initialization))
		return err_set(e, ERR_UNSUPPORTED,
		               "Cannot run VM. Initialization (cloud-init, sysprep, ignition) is not supported.");
	if (vm && M_GET(vm, stateless, false))
		return err_set(e, ERR_UNSUPPORTED, "Cannot run VM. Stateless runs are not supported.");
	return 0;
}

static int take_boot(struct run_once *o, const struct m_operating_system *os, struct err *e)
{
	if (!os)
		return 0;
	o->kernel = os->kernel && *os->kernel ? os->kernel : NULL;
	o->initrd = os->initrd && *os->initrd ? os->initrd : NULL;
	o->cmdline = os->cmdline && *os->cmdline ? os->cmdline : NULL;
	if ((o->kernel && *o->kernel != '/') || (o->initrd && *o->initrd != '/'))
		return err_field(e, ERR_UNSUPPORTED, "vm.os.kernel",
		                 "Kernel and initrd must be absolute paths of files on the host.");
	for (const char *const *s = (const char *const[]){ o->kernel ? o->kernel : "", o->initrd ? o->initrd : "",
	                                                   o->cmdline ? o->cmdline : "", NULL };
	     *s; s++)
		for (const char *ch = *s; *ch; ch++)
			if ((unsigned char)*ch < 0x20)
				return err_field(e, ERR_INVALID, "vm.os", "Control characters are not allowed here.");
	for (uint32_t i = 0; os->boot && i < os->boot->devices.n && o->n_boot < G_N_ELEMENTS(o->boot); i++)
		o->boot[o->n_boot++] = os->boot->devices.v[i];
	return 0;
}

static int take_places(struct call *c, struct run_once *o, struct m_vm *vm, struct err *e)
{
	struct m_vm_placement_policy *pp = vm->placement_policy;
	const struct m_cdrom *cd = vm->cdroms.n ? vm->cdroms.v[0].obj : NULL;
	const struct m_disk *iso;

	for (uint32_t i = 0; pp && i < pp->hosts.n && o->n_hosts < G_N_ELEMENTS(o->hosts); i++) {
		if (call_resolve(c, &pp->hosts.v[i], KIND_HOST, NULL, true, "vm.placement_policy.hosts", e) < 0)
			return -1;
		o->hosts[o->n_hosts++] = pp->hosts.v[i].id;
	}
	if (!cd || !cd->file || !cd->file->id || !*cd->file->id)
		return 0;
	iso = INV_LATEST(c->core->inv, DISK, disk, cd->file->id);
	if (!iso || iso->content_type != M_DISK_CONTENT_TYPE_ISO)
		return err_field(e, ERR_NOT_FOUND, "vm.cdroms", "Entity not found: File: id=%.80s", cd->file->id);
	o->cdrom = pool_strdup(c->pool, iso->id);
	return 0;
}

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
		                  .data = json_pack("{s:s,s:s,s:s,s:s,s:s,s:s,s:s,s:b}", "vm", vm->id, "user",
		                                    c->who.user_id, "user_name", c->who.user_name, "host",
		                                    STR_OR(vm->host.id, ""), "host_name", h ? h->name : "", "word",
		                                    word, "failed", failed, "force",
		                                    c->action && M_GET(c->action, force, false)) };
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
	if (vm->status == M_VM_STATUS_PAUSED)
		return resume(c, m_copy(c->pool, &M_TYPE_vm, vm), e);
	if (a) {
		if (refuse_unsupported(a, e) < 0)
			return -1;
		once.is_paused = M_GET(a, pause, false);
		if (a->vm && (take_boot(&once, a->vm->os, e) < 0 || take_places(c, &once, a->vm, e) < 0))
			return -1;
	}
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
		M_SET(vm, cold_reboot, M_GET(vm, next_run_configuration_exists, false));
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

static int vm_stop(struct call *c, struct err *e)
{
	static const struct wish w = { VM_STOP, &VM_STOP_COMMAND,      "Power off",
		                       NULL,    "USER_FAILED_STOP_VM", "Powering off" };
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

const struct api_op VM_ACTION_OPS[] = {
	ROW("vm.start", vm_start, NO_KIND, ON("run_vm", KIND_VM)),
	ROW("vm.stop", vm_stop, NO_KIND, ON("stop_vm", KIND_VM)),
	ROW("vm.shutdown", vm_shutdown, NO_KIND, ON("shut_down_vm", KIND_VM)),
	ROW("vm.reboot", vm_reboot, NO_KIND, ON("reboot_vm", KIND_VM)),
	ROW("vm.reset", vm_reset, NO_KIND, ON("reset_vm", KIND_VM)),
	{ .name = NULL },
};
