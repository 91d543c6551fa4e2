/* SPDX-License-Identifier: Apache-2.0 */
/*
 * StopVm, ShutdownVm, RebootVm, ResetVm, ResumeVm. They take no lock: people must be able to stop what is just being
 * started. The VM's stop_requested says that somebody wants it to end.
 */
#include <string.h>

#include "base/log.h"
#include "manager/core/locks.h"
#include "manager/hosts/hosts.h"
#include "manager/system/options.h"
#include "manager/vms/vm_int.h"

enum {
	CALL_MS = 60 * 1000,
	PATIENCE_MS = 60 * 1000,
	AGAIN_MS = 300,
	AGAIN_FOR_MS = 60 * 1000,
	NO_SUCH_VM = 1,
	VM_IS_DOWN = 6,
	EXIT_BY_ADMIN = 6
};

const char *vm_host(struct core *c, struct pool *p, const struct m_vm *vm, struct err *e)
{
	const struct m_host *h = INV_GET(c->inv, HOST, host, vm->host.id);

	if (!h) {
		err_set(e, ERR_CONFLICT, "VM %s runs on no host.", vm->name);
		return NULL;
	}
	if (!host_is_connected(c, h->id)) {
		err_set(e, ERR_CONFLICT, "The host %s of VM %s does not answer.", h->name, vm->name);
		return NULL;
	}
	return pool_strdup(p, h->id);
}

static const struct m_vm *vm_of(struct job *j) { return INV_LATEST(job_core(j)->inv, VM, vm, job_text(j, "vm")); }

static bool is_gone(const struct err *e)
{
	return e->code == ERR_AGENT && (e->agent_code == NO_SUCH_VM || e->agent_code == VM_IS_DOWN);
}

/* ---- stop ---- */

static void record_stop(struct job *j)
{
	struct txn *t = job_txn(j);
	struct m_vm *vm = txn_edit(t, KIND_VM, job_text(j, "vm"));
	json_t *news =
	    json_pack("{s:i,s:i,s:s}", "exitCode", 0, "exitReason", EXIT_BY_ADMIN, "exitMessage", "Stopped on request");

	if (vm && vm_may_run(vm)) {
		M_SET(vm, stop_requested, loop_wall_ms(job_core(j)->loop));
		vm_take_end(t, vm, news, job_correlation(j));
	}
	json_decref(news);
}

/* Is it the run that the job was for? Not when it has ended, though another one may have begun since, on whatever host. */
static bool is_same_run(struct job *j, const struct m_vm *vm)
{
	return vm && vm_may_run(vm) &&
	       M_GET(vm, stop_time, 0) == json_integer_value(json_object_get(job_data(j), "stopped"));
}

static int stop_step(struct job *j, struct err *e)
{
	struct core *c = job_core(j);
	int64_t until = loop_now_ms(c->loop) + AGAIN_FOR_MS;

	for (;;) {
		const struct m_vm *vm = vm_of(j);
		struct err ignored;
		bool is_starting;
		const char *host;

		if (!is_same_run(j, vm))
			return 0;
		host = pool_strdup(job_pool(j), vm->host.id);
		if (job_agent_call(j, host, "VM.destroy",
		                   json_pack("{s:s,s:i}", "vmID", job_text(j, "vm"), "gracefulAttempts", 1), CALL_MS,
		                   PATIENCE_MS, NULL, e) < 0 &&
		    !is_gone(e))
			return -1;
		vm = vm_of(j);
		if (!is_same_run(j, vm))
			return 0;
		if (g_strcmp0(vm->host.id, host) != 0) /* its start has moved on */
			continue;
		is_starting = vm->status == M_VM_STATUS_WAIT_FOR_LAUNCH && lock_check(c, vm->id, NULL, &ignored) < 0;
		if (!is_starting || loop_now_ms(c->loop) > until) {
			record_stop(j);
			return 0;
		}
		fiber_sleep(AGAIN_MS); /* the job that starts it is to notice */
	}
}

static void stop_ended(struct job *j, struct txn *t, bool ok, const struct err *e)
{
	struct m_vm *vm = txn_edit(t, KIND_VM, job_text(j, "vm"));
	struct event_refs refs;

	if (!vm)
		return;
	refs = vm_refs(vm, job_text(j, "user"), job_correlation(j));
	refs.host = pool_strdup(txn_pool(t), job_text(j, "host"));
	vm->has.stop_requested = 0;
	if (ok)
		txn_event(t, "USER_STOP_VM", &refs, "VM %s powered off by %s (Host: %s).", vm->name,
		          job_text(j, "user_name"), job_text(j, "host_name"));
	else
		txn_event(t, "USER_FAILED_STOP_VM", &refs, "Failed to power off VM %s: %.300s", vm->name, e->detail);
}

static const struct job_step STOP_STEPS[] = { { "destroy", "Powering off the VM", stop_step, NULL } };
const struct command VM_STOP_COMMAND = { "StopVm", STOP_STEPS, 1, stop_ended };

/* ---- what is one verb ---- */

static int ask(struct job *j, const char *verb, json_t *params, struct err *e)
{
	const struct m_vm *vm = vm_of(j);
	const char *host = vm ? pool_strdup(job_pool(j), vm->host.id) : NULL;

	if (!host) {
		json_decref(params);
		return err_set(e, ERR_CONFLICT, "The VM does not run any more.");
	}
	return job_agent_call(j, host, verb, params, CALL_MS, PATIENCE_MS, NULL, e);
}

static json_t *shutdown_params(struct job *j, bool is_reboot, bool is_forced)
{
	return json_pack("{s:s,s:i,s:s,s:b,s:I,s:b}", "vmID", job_text(j, "vm"), "delay", 0, "message",
	                 is_reboot ? "The system is going to reboot."
	                           : "System Administrator has initiated shutdown of this "
	                             "Virtual Machine. Virtual Machine is shutting down.",
	                 "reboot", is_reboot, "timeout",
	                 (json_int_t)option_number(job_core(j), "VmGracefulShutdownTimeout"), "force", is_forced);
}

static bool is_forced(struct job *j) { return json_is_true(json_object_get(job_data(j), "force")); }

static int shutdown_step(struct job *j, struct err *e)
{
	const struct m_vm *vm = vm_of(j);

	if (!is_same_run(j, vm))
		return 0;
	return ask(j, "VM.shutdown", shutdown_params(j, false, is_forced(j)), e) < 0 && !is_gone(e) ? -1 : 0;
}

/* A VM whose configuration has changed must be powered down to take it over; what follows is done at its end. */
static int reboot_step(struct job *j, struct err *e)
{
	const struct m_vm *vm = vm_of(j);
	bool is_cold = vm && M_GET(vm, cold_reboot, false);

	if (is_cold && ask(j, "VM.setDestroyOnReboot", json_pack("{s:s}", "vmID", job_text(j, "vm")), e) < 0)
		return -1;
	return ask(j, "VM.shutdown", shutdown_params(j, true, is_forced(j)), e);
}

static json_t *only_id(struct job *j) { return json_pack("{s:s}", "vmID", job_text(j, "vm")); }
static int reset_step(struct job *j, struct err *e) { return ask(j, "VM.reset", only_id(j), e); }
static int resume_step(struct job *j, struct err *e) { return ask(j, "VM.cont", only_id(j), e); }

/* Success was told when it was asked for; failures are told here. */
static void verb_ended(struct job *j, struct txn *t, bool ok, const struct err *e)
{
	const struct m_vm *vm = txn_get(t, KIND_VM, job_text(j, "vm"));
	struct event_refs refs;
	struct m_vm *draft;

	if (!vm || ok)
		return;
	refs = vm_refs(vm, job_text(j, "user"), job_correlation(j));
	txn_event(t, job_text(j, "failed"), &refs, "Failed: %s of VM %s: %.300s", job_text(j, "word"), vm->name,
	          e->detail);
	if (M_GET(vm, cold_reboot, false) && !vm->next_run && !M_GET(vm, is_volatile, false) &&
	    (draft = txn_edit(t, KIND_VM, vm->id)))
		M_SET(draft, cold_reboot, false);
}

static const struct job_step SHUTDOWN_STEPS[] = { { "shutdown", "Asking the guest to shut down", shutdown_step,
	                                            NULL } };
static const struct job_step REBOOT_STEPS[] = { { "reboot", "Asking the guest to reboot", reboot_step, NULL } };
static const struct job_step RESET_STEPS[] = { { "reset", "Resetting the VM", reset_step, NULL } };
static const struct job_step RESUME_STEPS[] = { { "resume", "Resuming the VM", resume_step, NULL } };
const struct command VM_SHUTDOWN_COMMAND = { "ShutdownVm", SHUTDOWN_STEPS, 1, verb_ended };
const struct command VM_REBOOT_COMMAND = { "RebootVm", REBOOT_STEPS, 1, verb_ended };
const struct command VM_RESET_COMMAND = { "ResetVm", RESET_STEPS, 1, verb_ended };
const struct command VM_RESUME_COMMAND = { "ResumeVm", RESUME_STEPS, 1, verb_ended };
