/* SPDX-License-Identifier: Apache-2.0 */
/*
 * RunVm. The host is chosen and made durable together with "wait for launch" before anything is asked of it; so whatever
 * happens, the journal says where the VM may be running. A host that refuses is left for another one, up to three times.
 * When nobody knows whether a host took the VM, its status is unknown until that host reports: it is not started elsewhere.
 */
#include <string.h>

#include "base/auto.h"
#include "base/log.h"
#include "manager/hosts/hosts.h"
#include "manager/vms/stateless.h"
#include "manager/vms/vm_int.h"

enum {
	BACK_MS = 60 * 1000,
	CREATE_MS = 60 * 1000,
	LAUNCH_MS = 10 * 60 * 1000,
	LOOK_MS = 3000,
	RERUNS = 3,
	NO_SUCH_VM = 1,
	VM_EXISTS = 4,
	EXIT_ERROR = 1,
	EXIT_START_FAILED = 3,
	RECOVERING = 99,
	NOT_KNOWN = -2
};

/* ---- one try ---- */

static const struct m_vm *vm_of(struct job *j, struct err *e)
{
	const struct m_vm *vm = INV_LATEST(job_core(j)->inv, VM, vm, job_text(j, "vm"));

	if (!vm)
		err_set(e, ERR_CONFLICT, "The VM was removed meanwhile.");
	return vm;
}

#ifdef HOSTLER_PLANTED_BUG /* for the test that the simulator finds such a thing: silence counts as a refusal */
static bool is_lost(const struct err *e) { return false; }
#else
static bool is_lost(const struct err *e) { return e->code == ERR_NETWORK || e->code == ERR_TIMEOUT; }
#endif

static int forget(struct job *j, const char *host_id, struct err *e)
{
	return job_agent_call(j, host_id, "VM.destroy",
	                      json_pack("{s:s,s:i}", "vmID", job_text(j, "vm"), "gracefulAttempts", 0), CREATE_MS,
	                      CREATE_MS, NULL, e);
}

/* The host has a machine of this id. One that ended was not yet forgotten there; one that runs is ours already. 1: try again. */
static int look_at_existing(struct job *j, const char *host_id, struct err *e)
{
	auto_json *stats = NULL;

	if (job_agent_call(j, host_id, "VM.getStats", json_pack("{s:s}", "vmID", job_text(j, "vm")), CREATE_MS,
	                   CREATE_MS, &stats, e) < 0)
		return e->code == ERR_AGENT && e->agent_code == NO_SUCH_VM ? 1 : -1;
	if (strcmp(rep_text(json_is_array(stats) ? json_array_get(stats, 0) : stats, "status"), "Down") != 0)
		return 0;
	return forget(j, host_id, e) < 0 && !(e->code == ERR_AGENT && e->agent_code == NO_SUCH_VM) ? -1 : 1;
}

/* Saved memory that the VM goes on with, into the parameters of its creation. */
static int add_memory(struct job *j, json_t *params, const struct m_vm *vm, struct err *e)
{
	json_t *dump, *conf;

	if (!vm->memory_disk.id)
		return 0;
	dump = suspend_volume(job_core(j), vm->memory_disk.id, e);
	conf = dump ? suspend_volume(job_core(j), vm->memory_config_disk.id, e) : NULL;
	json_object_set_new(params, "memoryDumpVolume", dump);
	json_object_set_new(params, "memoryConfVolume", conf);
	return conf ? 0 : -1;
}

static int ask_create(struct job *j, const char *host, const char *xml, struct err *e)
{
	const char *id = job_text(j, "vm");
	const struct m_vm *vm = vm_of(j, e);
	json_t *params = json_pack("{s:s,s:s}", "vmId", id, "xml", xml);

	if (!vm || add_memory(j, params, vm, e) < 0) {
		json_decref(params);
		return -1;
	}
	return agent_call(job_core(j), host, "VM.create", json_pack("{s:s,s:o}", "vmID", id, "vmParams", params),
	                  CREATE_MS, job_correlation(j), NULL, e);
}

/* The definition for the host that was chosen. NULL with e. */
static char *definition(struct job *j, const struct m_vm *vm, const char *host, struct err *e)
{
	struct run_once once;

	if (run_once_unpack(job_pool(j), job_data(j), &once, e) < 0 ||
	    run_once_media(job_pool(j), run_once_vm(&once, vm), &once, e) < 0)
		return NULL;
	json_object_set_new(job_data(j), "is_initializing", json_boolean(once.is_initializing));
	return vm_domain_xml(job_core(j), job_pool(j), run_once_vm(&once, vm), host, &once, e);
}

/* Of a call for creation that failed. */
static int answer_of(struct job *j, const struct err *e)
{
	return is_lost(e) || (job_is_resumed(j) && e->code == ERR_AGENT && e->agent_code == RECOVERING) ? NOT_KNOWN
	                                                                                                : -1;
}

/* 0; -1: the host did not take it; NOT_KNOWN: it may have. */
static int create(struct job *j, struct err *e)
{
	const struct m_vm *vm = vm_of(j, e);
	const char *host;
	char *xml;

	if (!vm)
		return -1;
	host = pool_strdup(job_pool(j), vm->host.id);
	xml = host ? definition(j, vm, host, e) : NULL;
	if (!xml)
		return host ? -1 : err_set(e, ERR_CONFLICT, "The VM has no host.");
	if (ask_create(j, host, xml, e) == 0)
		return 0;
	if (e->code != ERR_AGENT || e->agent_code != VM_EXISTS)
		return answer_of(j, e);
	switch (look_at_existing(j, host, e)) {
	case 0: return 0;
	case 1: return ask_create(j, host, xml, e) == 0 ? 0 : answer_of(j, e);
	default: return NOT_KNOWN; /* it is there, in whatever state */
	}
}

static int commit_place(struct job *j, const char *host_id, enum m_vm_status status, struct err *e)
{
	struct txn *t = txn_begin(job_core(j));
	struct m_vm *vm = txn_edit(t, KIND_VM, job_text(j, "vm"));

	if (!vm) {
		txn_cancel(t);
		return err_set(e, ERR_CONFLICT, "The VM was removed meanwhile.");
	}
	if (host_id)
		REF_SET(txn_pool(t), vm->host, host_id);
	vm->status = status;
	return txn_commit(t, e);
}

static enum m_vm_status first_status(const struct m_vm *vm)
{
	return vm->memory_disk.id ? M_VM_STATUS_RESTORING_STATE : M_VM_STATUS_WAIT_FOR_LAUNCH;
}

/* Another host after `cause`: chosen, durable. -1 with the cause when there is none. */
static int move_on(struct job *j, const struct err *cause, struct err *e)
{
	json_t *tried = json_object_get(job_data(j), "tried");
	const struct m_vm *vm = vm_of(j, e);
	struct vm_rt *rt = vm_rt(job_core(j), job_text(j, "vm"));
	const char *list[RERUNS + 1], *next;
	struct run_once once;
	struct err ignored;
	size_t n = 0;

	*e = *cause;
	if (!vm || !vm->host.id || vm->has.stop_requested || json_array_size(tried) >= RERUNS)
		return -1;
	if (!tried)
		json_object_set_new(job_data(j), "tried", tried = json_array());
	json_array_append_new(tried, json_string(vm->host.id));
	for (size_t i = 0; i < json_array_size(tried) && n < G_N_ELEMENTS(list); i++)
		list[n++] = json_string_value(json_array_get(tried, i));
	if (run_once_unpack(job_pool(j), job_data(j), &once, &ignored) < 0)
		return -1;
	next = vm_place(job_core(j), run_once_vm(&once, vm), &once, list, n, &ignored);
	if (!next)
		return -1;
	log_warn("VM is tried on another host", "VM", vm->name, "HOST_ID", next, "REASON", cause->detail);
	rt->n_missing = 0;
	return commit_place(j, pool_strdup(job_pool(j), next), first_status(vm), e);
}

static void drop_end(struct job *j)
{
	struct vm_rt *rt = vm_rt(job_core(j), job_text(j, "vm"));

	json_decref(rt->end);
	rt->end = NULL;
	rt->n_missing = 0;
}

/* A host is being told to forget an earlier run of the VM: it might take the new one for that. */
static bool wait_for_burial(struct job *j)
{
	struct vm_rt *rt = vm_rt(job_core(j), job_text(j, "vm"));

	if (!rt->is_ending)
		return false;
	waitq_wait(&rt->wake, LOOK_MS);
	return true;
}

/* Until a host took it. */
static int create_somewhere(struct job *j, struct err *e)
{
	for (;;) {
		const struct m_vm *vm = vm_of(j, e);
		struct err cause, ignored;
		int rc;

		if (!vm)
			return -1;
		if (!vm_is_launching(vm)) /* an earlier life of the Manager got further */
			return 0;
		if (vm->has.stop_requested)
			return err_set(e, ERR_CONFLICT, "The VM was stopped before it was started.");
		if (wait_for_burial(j)) /* after a wait things are looked up again */
			continue;
		drop_end(j);
		rc = create(j, e);
		if (rc == 0) {
			drop_end(j); /* reports from before it was there lacked it */
			return 0;
		}
		if (rc == NOT_KNOWN) {
			cause = *e;
			json_object_set_new(job_data(j), "is_unknown", json_true());
			vm = vm_of(j, &ignored);
			if (vm && vm_is_launching(vm)) /* else it was stopped meanwhile, or lost with its host */
				commit_place(j, NULL, M_VM_STATUS_UNKNOWN, &ignored);
			*e = cause;
			return -1;
		}
		cause = *e;
		if (move_on(j, &cause, e) < 0)
			return -1;
	}
}

/* After a restart of the Manager the host is given time to be heard: it may have the VM already. */
static int create_step(struct job *j, struct err *e)
{
	const struct m_vm *vm = vm_of(j, e);
	struct err ignored;

	if (job_is_resumed(j) && vm && vm->host.id)
		host_wait_up(job_core(j), pool_strdup(job_pool(j), vm->host.id), BACK_MS, &ignored);
	return create_somewhere(j, e);
}

/* ---- until it runs ---- */

/* It may have run. With its saved memory it must not be tried again then: its disks are not what they were. */
static bool is_over(const struct m_vm *vm, json_t *end)
{
	double reason = rep_number(end, "exitReason");

	if (rep_number(end, "exitCode") == 0)
		return true;
	return vm->memory_disk.id && reason != EXIT_ERROR && reason != EXIT_START_FAILED;
}

static int ended_early(struct job *j, json_t *end, struct err *e)
{
	const struct m_vm *vm = vm_of(j, e);
	struct err cause, ignored;
	bool is_stopped = vm && vm->has.stop_requested;
	bool has_run = vm && is_over(vm, end); /* there are waits below */

	if (!vm)
		return -1;
	if (vm->host.id)
		forget(j, pool_strdup(job_pool(j), vm->host.id), &ignored);
	err_set(&cause, ERR_CONFLICT, "%.400s", rep_text(end, "exitMessage"));
	if (has_run && !is_stopped) { /* it ran, and was over before it was seen running */
		struct txn *t = job_txn(j);
		struct m_vm *draft = txn_edit(t, KIND_VM, job_text(j, "vm"));
		if (draft)
			vm_take_end(t, draft, end, job_correlation(j));
		return 0;
	}
	if (is_stopped)
		return err_set(e, ERR_CONFLICT, "The VM was stopped before it was up.");
	return move_on(j, &cause, e) < 0 || create_somewhere(j, e) < 0 ? -1 : 1;
}

/* Reports lack it: does the host itself say so? Only then may it be started elsewhere. */
static bool is_missing_indeed(struct job *j, const char *host_id)
{
	struct err e;

	if (agent_call(job_core(j), host_id, "VM.getStats", json_pack("{s:s}", "vmID", job_text(j, "vm")), CREATE_MS,
	               job_correlation(j), NULL, &e) < 0)
		return e.code == ERR_AGENT && e.agent_code == NO_SUCH_VM;
	return false;
}

/* 0 wait on, 1 it runs, -1 it will not. */
static int look(struct job *j, struct err *e)
{
	const struct m_vm *vm = vm_of(j, e);
	struct vm_rt *rt = vm_rt(job_core(j), job_text(j, "vm"));
	struct err cause;
	int rc;

	if (!vm)
		return -1;
	if (vm->status == M_VM_STATUS_DOWN)
		return err_set(e, ERR_CONFLICT, "The VM was stopped before it was up.");
	if (vm->status == M_VM_STATUS_UNKNOWN)
		return err_set(e, ERR_NETWORK, "The host stopped answering; whether the VM runs is not known.");
	if (!vm_is_launching(vm))
		return 1;
	if (rt->end) {
		auto_json *end = g_steal_pointer(&rt->end);
		rc = ended_early(j, end, e);
		return rc < 0 ? -1 : rc == 0;
	}
	if (rt->n_missing < 2)
		return 0;
	rt->n_missing = 0;
	if (!vm->host.id || !is_missing_indeed(j, pool_strdup(job_pool(j), vm->host.id)))
		return 0;
	vm = vm_of(j, e);
	if (!vm || !vm_is_launching(vm))
		return vm ? 0 : -1;
	err_set(&cause, ERR_CONFLICT, "The host does not know the VM any more.");
	return move_on(j, &cause, e) < 0 || create_somewhere(j, e) < 0 ? -1 : 0;
}

static int wait_step(struct job *j, struct err *e)
{
	struct core *c = job_core(j);
	int64_t until = loop_now_ms(c->loop) + LAUNCH_MS;
	int rc;

	while ((rc = look(j, e)) == 0) {
		const struct m_vm *vm;

		if (loop_now_ms(c->loop) > until)
			return err_set(e, ERR_TIMEOUT, "The host did not tell that the VM runs within %d minutes.",
			               LAUNCH_MS / 60000);
		if (waitq_wait(&vm_rt(c, job_text(j, "vm"))->wake, LOOK_MS))
			continue;
		vm = vm_of(j, e);
		if (vm && vm->host.id)
			host_refresh_soon(c, vm->host.id);
	}
	return rc < 0 ? -1 : 0;
}

/* The guest started its first life; the configuration of a volatile run ends with it. */
static void stage_started(struct job *j, struct m_vm *vm)
{
	if (json_is_true(json_object_get(job_data(j), "is_initializing")))
		M_SET(vm, is_initialized, true);
	if (vm_may_run(vm) && json_is_true(json_object_get(job_data(j), "volatile"))) {
		M_SET(vm, is_volatile, true);
		M_SET(vm, cold_reboot, true);
	}
}

/* No host has it: it is what it was before. */
static void stage_not_started(struct txn *t, struct m_vm *vm, const struct err *e)
{
	bool was_suspended = vm->memory_disk.id;

	vm_set_down(t, vm);
	if (was_suspended)
		vm->status = M_VM_STATUS_SUSPENDED;
	M_SET(vm, exit_reason, 1);
	vm->exit_message = pool_strdup(txn_pool(t), e->detail);
}

static void run_ended(struct job *j, struct txn *t, bool ok, const struct err *e)
{
	struct m_vm *vm = txn_edit(t, KIND_VM, job_text(j, "vm"));
	struct event_refs refs;

	if (!vm)
		return;
	if (ok) {
		stage_started(j, vm);
		return;
	}
	refs = vm_refs(vm, NULL, job_correlation(j));
	refs.host = pool_strdup(txn_pool(t), vm->host.id);
	/* Where nobody knows, a report may have said meanwhile that it is being started. */
	if (vm_is_launching(vm) && e->code != ERR_TIMEOUT && !json_is_true(json_object_get(job_data(j), "is_unknown")))
		stage_not_started(t, vm, e);
	txn_event(t, "USER_FAILED_RUN_VM", &refs, "Failed to run VM %s: %.400s", vm->name, e->detail);
}

/* A reboot ends a volatile run; the host is told so, and its next start is the Manager's. */
static int volatile_step(struct job *j, struct err *e)
{
	const struct m_vm *vm = vm_of(j, e);
	const char *host = vm && vm_may_run(vm) ? pool_strdup(job_pool(j), vm->host.id) : NULL;

	if (!host || !json_is_true(json_object_get(job_data(j), "volatile")))
		return vm ? 0 : -1;
	return job_agent_call(j, host, "VM.setDestroyOnReboot", json_pack("{s:s}", "vmID", job_text(j, "vm")),
	                      CREATE_MS, CREATE_MS, NULL, e) < 0 &&
	               !(e->code == ERR_AGENT && e->agent_code == NO_SUCH_VM)
	           ? -1
	           : 0;
}

static int wait_and_bind(struct job *j, struct err *e) { return wait_step(j, e) < 0 ? -1 : volatile_step(j, e); }

/* Empty layers over the disks for a stateless run. */
static int layers_step(struct job *j, struct err *e)
{
	const struct m_vm *vm = vm_of(j, e);
	struct run_once once;

	if (!vm || run_once_unpack(job_pool(j), job_data(j), &once, e) < 0)
		return -1;
	return vm_stateless_begin(j, run_once_vm(&once, vm), e);
}

static const struct job_step STEPS[] = {
	{ "layers", "Preparing the disks", layers_step, vm_stateless_undo },
	{ "create", "Creating the VM on the host", create_step, NULL },
	{ "wait", "Waiting for the VM to run", wait_and_bind, NULL },
};

const struct command VM_RUN_COMMAND = { "RunVm", STEPS, G_N_ELEMENTS(STEPS), run_ended };
/* The same with memory that was saved; what is left of that is dropped by the keeper, when the VM is seen running. */
const struct command VM_RESTORE_COMMAND = { "RestoreVm", STEPS, G_N_ELEMENTS(STEPS), run_ended };

/* ---- the beginning ---- */

static void stage_launch(struct core *c, struct txn *t, struct m_vm *vm, const char *host_id,
                         const struct run_once *once)
{
	REF_SET(txn_pool(t), vm->host, host_id);
	vm->status = first_status(vm);
	M_SET(vm, boot_requested, loop_wall_ms(c->loop));
	vm->has.stop_requested = vm->has.exit_reason = vm->has.start_time = 0;
	vm->has.is_volatile = vm->has.cold_reboot = 0;
	vm->exit_message = vm->stop_reason = vm->display_info = vm->paused_code = vm->status_detail = NULL;
	M_SET(vm, run_once, run_once_is_special(once));
	if (vm->memory_disk.id)
		return;
	next_run_apply(txn_pool(t), vm);
	vm->running_cd = pool_strdup(txn_pool(t), STR_OR(vm_cdrom_file(run_once_vm(once, vm)), ""));
}

/* Checks that need no host, then the host. */
static const char *find_host(struct core *c, struct pool *p, const struct m_vm *vm, struct run_once *once,
                             struct err *e)
{
	const struct m_vm *eff = run_once_vm(once, vm);
	const char *host;

	if (vm_check_action(vm, VM_RUN, e) < 0 || vm_check_bootable(c, eff, e) < 0 ||
	    run_once_media(p, eff, once, e) < 0)
		return NULL;
	host = vm_place(c, eff, once, NULL, 0, e);
	return host && vm_domain_xml(c, p, eff, host, once, e) ? host : NULL;
}

int vm_check_run(struct core *c, const struct m_vm *vm, const struct run_once *asked, struct err *e)
{
	auto_pool p = pool_new();
	struct run_once once = *asked;

	return find_host(c, p, vm, &once, e) ? 0 : -1;
}

static json_t *run_data(const char *vm_id, const struct run_once *once)
{
	json_t *data = run_once_pack(once);

	json_object_set_new(data, "vm", json_string(vm_id));
	return data;
}

int vm_run(struct core *c, const char *vm_id, const struct run_once *asked, const char *user_id,
           const char *correlation_id, char *job, struct err *e)
{
	const struct m_vm *vm = INV_LATEST(c->inv, VM, vm, vm_id);
	auto_pool p = pool_new();
	const char *locks[] = { pool_strdup(p, vm_id), NULL };
	struct run_once once = *asked;
	struct event_refs refs;
	const struct m_host *h;
	const char *host;
	struct m_vm *draft;
	struct txn *t;

	if (!vm)
		return err_set(e, ERR_NO_ENTITY, "There is no VM %s.", vm_id);
	if (vm->status == M_VM_STATUS_SUSPENDED && !vm->memory_disk.id)
		return err_set(e, ERR_CONFLICT, "Cannot run VM. Its saved memory is not there; stop it first.");
	if (vm->status == M_VM_STATUS_SUSPENDED) /* it goes on as what it was */
		once = (struct run_once){ .is_paused = asked->is_paused };
	host = find_host(c, p, vm, &once, e);
	if (!host)
		return -1;
	h = INV_GET(c->inv, HOST, host, host);
	t = txn_begin(c);
	draft = txn_edit(t, KIND_VM, vm_id);
	stage_launch(c, t, draft, host, &once);
	refs = vm_refs(draft, user_id, correlation_id);
	txn_event(t, once.is_paused ? "USER_INITIATED_RUN_VM_AND_PAUSE" : "USER_STARTED_VM", &refs,
	          "VM %s was started (Host: %s).", draft->name, h ? h->name : "-");
	struct job_spec spec = { .command = draft->memory_disk.id ? &VM_RESTORE_COMMAND : &VM_RUN_COMMAND,
		                 .correlation_id = correlation_id,
		                 .owner_id = refs.user,
		                 .data = run_data(locks[0], &once),
		                 .locks = locks,
		                 .objects = locks };
	return job_start(t, &spec, job, e, "%s VM %s", draft->memory_disk.id ? "Resuming" : "Launching",
	                 pool_strdup(p, draft->name));
}
