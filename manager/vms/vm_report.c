/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What hosts report of their VMs, and what it makes of the inventory. Numbers stay beside the journal; only changes of
 * what a VM is doing are staged, so that a report of a quiet host commits nothing.
 *
 * The end of a VM is made durable first; only then the host is told to forget it. A VM that a job is starting belongs to
 * that job: its end is left there (rt->end), since it may go on with another host.
 */
#include <string.h>

#include "base/auto.h"
#include "base/log.h"
#include "manager/api/search.h"
#include "manager/console/console.h"
#include "manager/core/locks.h"
#include "manager/hosts/hosts.h"
#include "manager/vms/vm_history.h"
#include "manager/vms/vm_int.h"

enum { DESTROY_MS = 60 * 1000, EXIT_MISSING = 9, EXIT_ON_REBOOT = 13, MAX_FOREIGN = 10000 };

/* ---- words ---- */

static const struct {
	const char *word;
	enum m_vm_status status;
} WORDS[] = {
	{ "Up", M_VM_STATUS_UP },
	{ "Down", M_VM_STATUS_DOWN },
	{ "Paused", M_VM_STATUS_PAUSED },
	{ "WaitForLaunch", M_VM_STATUS_WAIT_FOR_LAUNCH },
	{ "Powering up", M_VM_STATUS_POWERING_UP },
	{ "Powering down", M_VM_STATUS_POWERING_DOWN },
	{ "RebootInProgress", M_VM_STATUS_REBOOT_IN_PROGRESS },
	{ "Migration Source", M_VM_STATUS_MIGRATING },
	{ "Migration Destination", M_VM_STATUS_MIGRATING },
	{ "Saving State", M_VM_STATUS_SAVING_STATE },
	{ "Restoring state", M_VM_STATUS_RESTORING_STATE },
};

static enum m_vm_status status_of(json_t *news)
{
	const char *word = rep_text(news, "status");

	for (size_t i = 0; i < G_N_ELEMENTS(WORDS); i++)
		if (strcmp(WORDS[i].word, word) == 0)
			return WORDS[i].status == M_VM_STATUS_UP && strcmp(rep_text(news, "monitorResponse"), "-1") == 0
			           ? M_VM_STATUS_NOT_RESPONDING
			           : WORDS[i].status;
	return M_VM_STATUS_NONE;
}

static bool is_being_started(struct core *c, const struct m_vm *vm)
{
	struct err ignored;
	return vm_is_launching(vm) && lock_check(c, vm->id, NULL, &ignored) < 0;
}

/* What becomes of it is the business of the job that saves its memory. */
static bool is_being_saved(struct core *c, const struct m_vm *vm)
{
	struct err ignored;
	return vm_rt(c, vm->id)->is_saving ||
	       (vm->status == M_VM_STATUS_SAVING_STATE && lock_check(c, vm->id, NULL, &ignored) < 0);
}

/* ---- the end ---- */

void vm_set_down(struct txn *t, struct m_vm *vm)
{
	vm->status = M_VM_STATUS_DOWN;
	vm->host = (struct m_ref){ 0 };
	vm->status_detail = vm->paused_code = vm->display_info = NULL;
	vm->has.start_time = vm->has.boot_requested = vm->has.stop_requested = vm->has.is_volatile = 0;
	M_SET(vm, stop_time, loop_wall_ms(txn_core(t)->loop));
	M_SET(vm, run_once, false);
	if (vm->memory_disk.id) /* saved memory is of the machine as it was */
		return;
	next_run_apply(txn_pool(t), vm);
	vm->running_cd = NULL;
}

void vm_take_end(struct txn *t, struct m_vm *vm, json_t *news, const char *correlation_id)
{
	bool is_failed = rep_number(news, "exitCode") != 0;
	struct event_refs refs = vm_refs(vm, NULL, correlation_id);
	bool is_stopped_by_user = vm->has.stop_requested;
	const char *message = rep_text(news, "exitMessage");

	refs.host = pool_strdup(txn_pool(t), vm->host.id);
	vm_set_down(t, vm);
	M_SET(vm, exit_reason, (int64_t)rep_number(news, "exitReason"));
	vm->exit_message = pool_strdup(txn_pool(t), message);
	if (is_failed && !is_stopped_by_user)
		keeper_want_restart(txn_core(t), vm);
	if (is_failed)
		txn_event(t, "VM_DOWN_ERROR", &refs, "VM %s is down with error. Exit message: %.300s.", vm->name,
		          message);
	else if (!is_stopped_by_user) /* else the job that stops it tells */
		txn_event(t, "VM_DOWN", &refs, "VM %s is down. Exit message: %.300s", vm->name, message);
}

struct ending {
	struct core *core;
	uuid_text vm_id, host_id;
	json_t *news; /* NULL: only tell the host to forget it */
};

/* A reboot that the host made an end, so that it starts anew. */
static bool is_cold_reboot(const struct m_vm *vm, json_t *news)
{
	return M_GET(vm, cold_reboot, false) && !vm->has.stop_requested && rep_number(news, "exitCode") == 0 &&
	       rep_number(news, "exitReason") == EXIT_ON_REBOOT;
}

/* Make it durable. 0: recorded or nothing to do; -1: not now. */
static int record_end(struct ending *en)
{
	struct txn *t = txn_begin(en->core);
	struct m_vm *vm = txn_edit(t, KIND_VM, en->vm_id);
	struct err e = ERR_INIT;
	bool is_again;

	if (!vm || !vm_may_run(vm) || g_strcmp0(vm->host.id, en->host_id) != 0) {
		txn_cancel(t);
		return 0;
	}
	is_again = is_cold_reboot(vm, en->news);
	log_info("VM ended", "VM", vm->name, "HOST_ID", en->host_id, "REASON", rep_text(en->news, "exitMessage"));
	vm_take_end(t, vm, en->news, NULL);
	M_SET(vm, cold_reboot, is_again);
	if (is_again)
		keeper_want_restart(en->core, vm);
	if (txn_commit(t, &e) < 0) {
		log_warn("the end of a VM was not recorded; the next report tells it again", "VM_ID", en->vm_id,
		         "REASON", e.detail);
		return -1;
	}
	return 0;
}

static void ending_fiber(void *arg)
{
	struct ending *en = arg;
	struct err e = ERR_INIT;
	int rc = en->news ? record_end(en) : 0;

	if (rc >= 0 &&
	    agent_call(en->core, en->host_id, "VM.destroy",
	               json_pack("{s:s,s:i}", "vmID", en->vm_id, "gracefulAttempts", 0), DESTROY_MS, NULL, NULL,
	               &e) < 0 &&
	    !(e.code == ERR_AGENT && e.agent_code == 1))
		log_warn("host was not told to forget a VM", "VM_ID", en->vm_id, "HOST_ID", en->host_id, "REASON",
		         e.detail);
	if (inv_find(en->core->inv, KIND_VM, en->vm_id)) {
		struct vm_rt *rt = vm_rt(en->core, en->vm_id);

		rt->is_ending = false;
		if (en->news) {
			json_decref(rt->stats);
			rt->stats = NULL;
			search_touch(en->core, KIND_VM, en->vm_id);
		}
		waitq_wake_all(&rt->wake);
		waitq_wake_all(&en->core->vms->keeper);
	}
	json_decref(en->news);
	g_free(en);
}

static void end_vm(struct core *c, const char *host_id, const char *vm_id, json_t *news)
{
	struct vm_rt *rt = vm_rt(c, vm_id);
	struct ending *en;

	if (rt->is_ending)
		return;
	rt->is_ending = true;
	en = g_new0(struct ending, 1);
	en->core = c;
	g_strlcpy(en->vm_id, vm_id, sizeof(en->vm_id));
	g_strlcpy(en->host_id, host_id, sizeof(en->host_id));
	en->news = json_incref(news);
	fiber_start(c->loop, "VM's end", ending_fiber, en);
}

void vm_forget_on_host(struct core *c, const char *host_id, const char *vm_id) { end_vm(c, host_id, vm_id, NULL); }

/* ---- one VM on its own host ---- */

static const char *pause_event(const char *code)
{
	static const char *const EVENTS[][2] = { { "ENOSPC", "VM_PAUSED_ENOSPC" },
		                                 { "EIO", "VM_PAUSED_EIO" },
		                                 { "EPERM", "VM_PAUSED_EPERM" },
		                                 { "EOTHER", "VM_PAUSED_ERROR" } };

	for (size_t i = 0; i < G_N_ELEMENTS(EVENTS); i++)
		if (strcmp(code, EVENTS[i][0]) == 0)
			return EVENTS[i][1];
	return NULL;
}

static void tell_move(struct txn *t, const struct m_vm *vm, enum m_vm_status from, enum m_vm_status to,
                      const char *code)
{
	const struct m_host *h = INV_GET(txn_core(t)->inv, HOST, host, vm->host.id);
	struct event_refs refs = vm_refs(vm, NULL, NULL);
	const char *name = pause_event(code);

	if (to == M_VM_STATUS_PAUSED) {
		txn_event(t, "VM_PAUSED", &refs, "VM %s has been paused.", vm->name);
		if (name)
			txn_event(t, name, &refs, "VM %s has been paused due to a storage error (%s).", vm->name, code);
	} else if (to == M_VM_STATUS_NOT_RESPONDING) {
		txn_event(t, "VM_NOT_RESPONDING", &refs, "VM %s is not responding.", vm->name);
	} else if (to != M_VM_STATUS_UP) {
		return;
	} else if (from == M_VM_STATUS_RESTORING_STATE || from == M_VM_STATUS_WAIT_FOR_LAUNCH ||
	           from == M_VM_STATUS_POWERING_UP) {
		txn_event(t, "USER_RUN_VM", &refs, "VM %s started on Host %s.", vm->name, h ? h->name : "-");
	} else if (from == M_VM_STATUS_POWERING_DOWN) {
		txn_event(t, "VM_POWER_DOWN_FAILED", &refs, "Shutdown of VM %s failed.", vm->name);
	} else if (from == M_VM_STATUS_PAUSED && vm->paused_code && pause_event(vm->paused_code)) {
		txn_event(t, "VM_RECOVERED_FROM_PAUSE_ERROR", &refs, "VM %s has recovered from paused back to up.",
		          vm->name);
	}
}

static char *display_of(json_t *news)
{
	json_t *info = json_object_get(news, "displayInfo");
	return json_is_array(info) ? json_dumps(info, JSON_COMPACT | JSON_SORT_KEYS) : NULL;
}

static void take_running(struct core *c, struct txn **t, const struct m_vm *vm, json_t *news)
{
	enum m_vm_status word = status_of(news), status = word == M_VM_STATUS_NONE ? vm->status : word;
	const char *code = status == M_VM_STATUS_PAUSED ? rep_text(news, "pauseCode") : "";
	g_autofree char *display = status == M_VM_STATUS_WAIT_FOR_LAUNCH ? NULL : display_of(news);
	bool is_moved = status != vm->status, is_paused_anew = g_strcmp0(STR_OR(vm->paused_code, ""), code) != 0;
	bool has_display = display && g_strcmp0(display, vm->display_info) != 0;
	bool has_start = status == M_VM_STATUS_UP && !vm->has.start_time;
	struct m_vm *d;

	if (is_moved && is_being_saved(c, vm)) {
		waitq_wake_all(&vm_rt(c, vm->id)->wake);
		return;
	}
	if (!is_moved && !is_paused_anew && !has_display && !has_start)
		return;
	if (!*t)
		*t = txn_begin(c);
	d = txn_edit(*t, KIND_VM, vm->id);
	if (is_moved) {
		log_info("VM status", "VM", vm->name, "FROM", m_enum_name(&M_ENUM_vm_status, vm->status), "TO",
		         m_enum_name(&M_ENUM_vm_status, status), "REASON", *code ? code : NULL);
		tell_move(*t, d, vm->status, status, code);
	}
	d->status = status;
	d->paused_code = *code ? pool_strdup(txn_pool(*t), code) : NULL;
	d->status_detail = d->paused_code ? g_ascii_strdown(code, -1) : NULL;
	if (d->status_detail)
		pool_on_free(txn_pool(*t), g_free, d->status_detail);
	if (has_display)
		d->display_info = pool_strdup(txn_pool(*t), display);
	if (has_start)
		M_SET(d, start_time, loop_wall_ms(c->loop) - (int64_t)rep_number(news, "elapsedTime") * 1000);
}

/* ---- a VM where it should not be ---- */

static void take_stray(struct core *c, struct txn **t, const char *host_id, const struct m_vm *vm, json_t *news)
{
	struct vm_rt *rt = vm_rt(c, vm->id);
	struct err ignored;
	struct m_vm *d;

	if (status_of(news) == M_VM_STATUS_DOWN) { /* left over: it has been dealt with */
		vm_forget_on_host(c, host_id, vm->id);
		return;
	}
	if (vm->status == M_VM_STATUS_MIGRATING || lock_check(c, vm->id, NULL, &ignored) < 0)
		return;
	if (strcmp(rt->stray_host, host_id) != 0) {
		g_strlcpy(rt->stray_host, host_id, sizeof(rt->stray_host));
		rt->n_strays = 0;
	}
	if (rt->n_strays++ == 0) {
		host_refresh_soon(c, host_id);
		return; /* perhaps it is only about to be forgotten */
	}
	if (vm_may_run(vm)) {
		if (rt->n_strays == 2)
			log_error("a VM runs on a host although it is recorded on another one: two copies may be "
			          "writing to its disks",
			          "VM", vm->name, "RECORDED_ON", vm->host.id, "ALSO_ON", host_id);
		return;
	}
	log_error("a VM that is recorded as down runs on a host; it is taken over", "VM", vm->name, "HOST_ID", host_id);
	if (!*t)
		*t = txn_begin(c);
	d = txn_edit(*t, KIND_VM, vm->id);
	REF_SET(txn_pool(*t), d->host, host_id);
	take_running(c, t, d, news);
}

/* ---- reports ---- */

static void take(struct core *c, struct txn **t, const char *host_id, const struct m_vm *vm, json_t *news)
{
	struct vm_rt *rt = vm_rt(c, vm->id);
	bool is_here = vm_may_run(vm) && g_strcmp0(vm->host.id, host_id) == 0;

	if (!is_here) {
		take_stray(c, t, host_id, vm, news);
		return;
	}
	rt->n_missing = rt->n_strays = 0;
	console_client_is(c, vm->id, rep_text(news, "clientIp")); /* "" of one that is down */
	if (status_of(news) != M_VM_STATUS_DOWN) {
		take_running(c, t, vm, news);
	} else if (is_being_started(c, vm) || is_being_saved(c, vm)) {
		json_decref(rt->end);
		rt->end = json_incref(news);
		waitq_wake_all(&rt->wake);
	} else {
		end_vm(c, host_id, vm->id, news);
	}
}

static const struct m_vm *vm_of(struct core *c, const char *host_id, const char *id)
{
	const struct m_vm *vm = INV_LATEST(c->inv, VM, vm, id);
	char *key;

	if (vm)
		return vm;
	key = g_strdup_printf("%s %s", host_id, id);
	if (g_hash_table_contains(c->vms->foreign, key) || g_hash_table_size(c->vms->foreign) > MAX_FOREIGN) {
		g_free(key);
		return NULL;
	}
	g_hash_table_add(c->vms->foreign, key);
	log_info("a host runs a machine that is none of ours; left alone", "HOST_ID", host_id, "MACHINE", id);
	return NULL;
}

static void keep_stats(struct vm_rt *rt, json_t *news)
{
	json_decref(rt->net_before);
	rt->net_before = json_incref(json_object_get(rt->stats, "network"));
	json_decref(rt->stats);
	rt->stats = json_incref(news);
}

/* News bring no numbers, only empty places for some. */
static void merge_stats(struct vm_rt *rt, json_t *news)
{
	const char *key;
	json_t *v;

	json_object_foreach (news, key, v)
		if (rt->stats && strcmp(key, "cpuUser") != 0 && strcmp(key, "cpuSys") != 0)
			json_object_set(rt->stats, key, v);
}

/* It should run there, and does not. */
static void take_missing(struct core *c, const char *host_id, const struct m_vm *vm)
{
	struct vm_rt *rt = vm_rt(c, vm->id);
	bool is_expected = vm->status == M_VM_STATUS_POWERING_DOWN || vm->has.stop_requested;
	json_t *news;

	rt->n_missing++;
	waitq_wake_all(&rt->wake);
	if (rt->n_missing == 1) {
		host_refresh_soon(c, host_id);
		return;
	}
	if (is_being_started(c, vm) || is_being_saved(c, vm) || vm->status == M_VM_STATUS_MIGRATING)
		return;
	log_warn("a host does not have a VM any more", "VM", vm->name, "HOST_ID", host_id);
	news = json_pack("{s:i,s:i,s:s}", "exitCode", is_expected ? 0 : 1, "exitReason", EXIT_MISSING, "exitMessage",
	                 "The host does not know the VM any more");
	end_vm(c, host_id, vm->id, news);
	json_decref(news);
}

static const char *id_of(json_t *news)
{
	const char *id = json_string_value(json_object_get(news, "vmId"));
	return uuid_is_valid(id) ? id : NULL;
}

void vms_host_report(struct core *c, const char *host_id, json_t *list)
{
	g_autoptr(GHashTable) seen = g_hash_table_new(g_str_hash, g_str_equal);
	struct txn *t = NULL;
	json_t *news;
	size_t i;

	json_array_foreach (list, i, news) {
		const char *id = id_of(news);
		const struct m_vm *vm = id ? vm_of(c, host_id, id) : NULL;

		if (!vm)
			continue;
		g_hash_table_add(seen, (char *)id);
		if (status_of(news) != M_VM_STATUS_DOWN && g_strcmp0(vm->host.id, host_id) == 0) {
			keep_stats(vm_rt(c, id), news);
			vm_history_take(c, id);
			search_touch(c, KIND_VM, id);
		}
		take(c, &t, host_id, vm, news);
	}
	INV_EACH_BY (e, c->inv, KIND_VM, IDX_VM_host, host_id) {
		const struct m_vm *vm = e->latest;

		if (vm && vm_may_run(vm) && g_strcmp0(vm->host.id, host_id) == 0 &&
		    !g_hash_table_contains(seen, vm->id))
			take_missing(c, host_id, vm);
	}
	if (t)
		txn_commit_async(t);
}

void vms_host_event(struct core *c, const char *host_id, const char *vm_id, json_t *news)
{
	const struct m_vm *vm = json_is_object(news) ? vm_of(c, host_id, vm_id) : NULL;
	struct txn *t = NULL;
	struct vm_rt *rt;

	if (!vm)
		return;
	rt = vm_rt(c, vm_id);
	if (g_strcmp0(vm->host.id, host_id) == 0) {
		merge_stats(rt, news);
		search_touch(c, KIND_VM, vm_id);
	}
	if (status_of(news) == M_VM_STATUS_NONE)
		return;
	take(c, &t, host_id, vm, news);
	if (t)
		txn_commit_async(t);
}

void vms_host_lost(struct core *c, const char *host_id)
{
	struct txn *t = txn_begin(c);

	INV_EACH_BY (e, c->inv, KIND_VM, IDX_VM_host, host_id) {
		const struct m_vm *vm = e->latest;
		struct event_refs refs;
		struct m_vm *d;

		if (!vm || !vm_may_run(vm) || vm->status == M_VM_STATUS_UNKNOWN || g_strcmp0(vm->host.id, host_id) != 0)
			continue;
		d = txn_edit(t, KIND_VM, vm->id);
		d->status = M_VM_STATUS_UNKNOWN;
		refs = vm_refs(d, NULL, NULL);
		txn_event(t, "VM_SET_TO_UNKNOWN_STATUS", &refs, "VM %s was set to the Unknown status.", d->name);
	}
	txn_commit_async(t);
}
