/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Suspending: a VM's memory and how its machine was go to two volumes, then it is no more on its host. Until the host says that
 * all is written, the VM counts as running there; afterwards it is suspended, and its next start goes on with that memory.
 *
 * Saved memory is good once. As soon as the VM was seen running again, or was powered off instead, it is stale: the record's
 * references go together with the start of the volumes' removal.
 */
#include <string.h>

#include "base/auto.h"
#include "base/log.h"
#include "manager/clusters/clusters.h"
#include "manager/core/locks.h"
#include "manager/disks/disks.h"
#include "manager/storage/storage.h"
#include "manager/vms/vm_int.h"

#define OVERHEAD    (264LL << 20) /* devices and video memory, beside the guest's own */
#define CONFIG_SIZE (1LL << 20)

enum {
	CALL_MS = 60 * 1000,
	PATIENCE_MS = 10 * 60 * 1000,
	LOOK_MS = 2000,
	ENOUGH_LOOKS = 3,
	ENOUGH_FAILURES = 30,
	NO_SUCH_VM = 1,
	EXIT_SAVED = 5
};

static const struct m_vm *vm_of(struct job *j) { return INV_LATEST(job_core(j)->inv, VM, vm, job_text(j, "vm")); }

/* ---- the volumes ---- */

static bool is_block(const struct m_storage_domain *sd)
{
	enum m_storage_type t = sd->storage ? sd->storage->type : M_STORAGE_TYPE_LOCALFS;
	return t == M_STORAGE_TYPE_ISCSI || t == M_STORAGE_TYPE_FCP;
}

static const char *stage_disk(struct txn *t, const struct m_vm *vm, const struct m_storage_domain *sd, const char *what,
                              int64_t size, enum m_disk_content_type type)
{
	struct m_disk *d = txn_new(t, KIND_DISK, NULL);
	struct pool *p = txn_pool(t);

	d->name = d->alias = pool_printf(p, "%s_hibernation_%s", vm->name, what);
	d->description = pool_printf(p, "Suspended VM %s: its %s", vm->name, what);
	d->content_type = type;
	d->format = M_DISK_FORMAT_RAW;
	M_SET(d, sparse, !is_block(sd));
	M_SET(d, provisioned_size, (size + 4095) / 4096 * 4096);
	M_SET(d, actual_size, d->sparse ? 0 : d->provisioned_size);
	M_SET(d, total_size, d->actual_size);
	d->storage_domains.v = POOL_ARRAY(p, struct m_ref, 1);
	d->storage_domains.n = 1;
	REF_SET(p, d->storage_domains.v[0], sd->id);
	M_SET(d, created, loop_wall_ms(txn_core(t)->loop));
	d->volume_id = core_uuid(txn_core(t), p);
	d->image_id = d->volume_id;
	d->storage_type = M_DISK_STORAGE_TYPE_IMAGE;
	d->status = M_DISK_STATUS_LOCKED;
	d->backup = M_DISK_BACKUP_NONE;
	M_SET(d, is_attached, false);
	M_SET(d, propagate_errors, false);
	M_SET(d, shareable, false);
	M_SET(d, wipe_after_delete, M_GET(sd, wipe_after_delete, false));
	return d->id;
}

static int create_memory(struct job *j, struct err *e) { return disk_job_create(j, job_text(j, "memory"), e); }
static int undo_memory(struct job *j, struct err *e) { return disk_job_uncreate(j, job_text(j, "memory"), e); }
static int create_config(struct job *j, struct err *e) { return disk_job_create(j, job_text(j, "config"), e); }
static int undo_config(struct job *j, struct err *e) { return disk_job_uncreate(j, job_text(j, "config"), e); }

/* ---- writing ---- */

static json_t *handle(struct job *j)
{
	const struct m_disk *m = INV_LATEST(job_core(j)->inv, DISK, disk, job_text(j, "memory"));
	const struct m_disk *k = INV_LATEST(job_core(j)->inv, DISK, disk, job_text(j, "config"));

	if (!m || !k)
		return NULL;
	return json_sprintf("%s,%s,%s,%s,%s,%s", m->storage_domains.v[0].id, job_text(j, "dc"), m->id, m->volume_id,
	                    k->id, k->volume_id);
}

enum state { IS_RUNNING, IS_SAVING, IS_SAVED, IS_ENDED, IS_GONE };

/* What the host says of the VM now; its report goes to *news. -1 with e. */
static int look(struct job *j, const char *host, json_t **news, struct err *e)
{
	auto_json *stats = NULL;
	const char *status;
	json_t *one;

	*news = NULL;
	if (job_agent_call(j, host, "VM.getStats", json_pack("{s:s}", "vmID", job_text(j, "vm")), CALL_MS, PATIENCE_MS,
	                   &stats, e) < 0)
		return e->code == ERR_AGENT && e->agent_code == NO_SUCH_VM ? IS_GONE : -1;
	one = json_is_array(stats) ? json_array_get(stats, 0) : stats;
	*news = json_incref(one);
	status = rep_text(one, "status");
	if (strcmp(status, "Saving State") == 0)
		return IS_SAVING;
	if (strcmp(status, "Down") != 0)
		return IS_RUNNING;
	return rep_number(one, "exitCode") == 0 && rep_number(one, "exitReason") == EXIT_SAVED ? IS_SAVED : IS_ENDED;
}

static int ask(struct job *j, const char *host, struct err *e)
{
	json_t *volumes = handle(j);

	if (!volumes)
		return err_set(e, ERR_CONFLICT, "A disk for the VM's memory was removed.");
	return job_agent_call(j, host, "VM.hibernate",
	                      json_pack("{s:s,s:o}", "vmID", job_text(j, "vm"), "hibernationVolHandle", volumes),
	                      CALL_MS, CALL_MS, NULL, e);
}

static void stage_suspended(struct job *j)
{
	struct txn *t = job_txn(j);
	struct m_vm *vm = txn_edit(t, KIND_VM, job_text(j, "vm"));
	static const char *const DISKS[] = { "memory", "config" };

	if (!vm)
		return;
	vm->status = M_VM_STATUS_SUSPENDED;
	vm->host = (struct m_ref){ 0 };
	vm->status_detail = vm->paused_code = vm->display_info = NULL;
	vm->has.start_time = vm->has.boot_requested = vm->has.stop_requested = vm->has.cold_reboot = 0;
	M_SET(vm, stop_time, loop_wall_ms(job_core(j)->loop));
	REF_SET(txn_pool(t), vm->memory_disk, job_text(j, "memory"));
	REF_SET(txn_pool(t), vm->memory_config_disk, job_text(j, "config"));
	for (size_t i = 0; i < G_N_ELEMENTS(DISKS); i++) {
		struct m_disk *d = txn_edit(t, KIND_DISK, job_text(j, DISKS[i]));
		if (d)
			d->status = M_DISK_STATUS_OK;
	}
}

/*
 * Ask, then look until the host has an answer. Once it was asked, a look that fails tells nothing: it may be writing the memory. Memory that
 * was saved before it was asked is that of an earlier try, which is given up.
 */
static int save(struct job *j, const char *host, struct err *e)
{
	bool is_asked = false, may_be_ours = job_is_resumed(j);
	int looks = 0, failures = 0;

	for (;;) {
		auto_json *news = NULL;
		int state = look(j, host, &news, e);

		if (state < 0 && (e->code != ERR_AGENT || !(is_asked || may_be_ours) || ++failures > ENOUGH_FAILURES))
			return -1;
		if (state == IS_SAVED && !is_asked && !may_be_ours)
			state = IS_ENDED;
		if (state == IS_SAVED)
			return 0;
		if (state == IS_GONE)
			return err_set(e, ERR_CONFLICT, "The host does not know the VM any more.");
		if (state == IS_ENDED) {
			json_object_set(job_data(j), "end", news);
			return err_set(e, ERR_CONFLICT, "The VM ended before it was saved: %.300s",
			               rep_text(news, "exitMessage"));
		}
		if (state == IS_RUNNING && is_asked && ++looks >= ENOUGH_LOOKS)
			return err_set(e, ERR_CONFLICT, "The host did not save the VM's memory; it goes on running.");
		if (state == IS_RUNNING && !is_asked) {
			if (ask(j, host, e) < 0)
				return -1;
			is_asked = true;
		}
		waitq_wait(&vm_rt(job_core(j), job_text(j, "vm"))->wake, LOOK_MS);
	}
}

static int hibernate(struct job *j, struct err *e)
{
	const struct m_vm *vm = vm_of(j);
	struct vm_rt *rt;
	const char *host = vm ? pool_strdup(job_pool(j), vm->host.id) : NULL;

	if (!host)
		return err_set(e, ERR_CONFLICT, "The VM does not run any more.");
	rt = vm_rt(job_core(j), job_text(j, "vm"));
	rt->is_saving = true;
	if (save(j, host, e) < 0)
		return -1;
	stage_suspended(j);
	return 0;
}

/* ---- the end ---- */

static void drop_record(struct job *j, struct txn *t, const char *disk_id, const char *step)
{
	struct m_disk *d = txn_edit(t, KIND_DISK, disk_id);

	if (!d)
		return;
	if (job_has_left(j, step))
		d->status = M_DISK_STATUS_ILLEGAL;
	else
		txn_remove(t, KIND_DISK, disk_id);
}

/* It was not saved: what it is now is what the host said last. */
static void stage_not_saved(struct job *j, struct txn *t, struct m_vm *vm, const struct err *e)
{
	json_t *end = json_object_get(job_data(j), "end");

	drop_record(j, t, job_text(j, "memory"), "create-memory");
	drop_record(j, t, job_text(j, "config"), "create-config");
	if (!vm || !vm_may_run(vm))
		return;
	if (end)
		vm_take_end(t, vm, end, job_correlation(j));
	else if (vm->status == M_VM_STATUS_SAVING_STATE)
		vm->status = e->code == ERR_NETWORK || e->code == ERR_TIMEOUT ? M_VM_STATUS_UNKNOWN : M_VM_STATUS_UP;
}

static void suspend_ended(struct job *j, struct txn *t, bool ok, const struct err *e)
{
	struct core *c = job_core(j);
	struct m_vm *vm = txn_edit(t, KIND_VM, job_text(j, "vm"));
	struct event_refs refs;

	vm_rt(c, job_text(j, "vm"))->is_saving = false;
	if (!ok)
		stage_not_saved(j, t, vm, e);
	if (!vm)
		return;
	refs = vm_refs(vm, job_text(j, "user"), job_correlation(j));
	refs.host = pool_strdup(txn_pool(t), job_text(j, "host"));
	if (ok)
		txn_event(t, "USER_SUSPEND_VM_OK", &refs, "VM %s on Host %s is suspended.", vm->name,
		          job_text(j, "host_name"));
	else
		txn_event(t, "USER_SUSPEND_VM_FINISH_FAILURE", &refs, "Failed to complete suspending of VM %s: %.300s",
		          vm->name, e->detail);
}

static const struct job_step STEPS[] = {
	{ "create-memory", "Creating the volume for the memory", create_memory, undo_memory, false },
	{ "create-config", "Creating the volume for the configuration", create_config, undo_config, false },
	{ "hibernate", "Saving the memory", hibernate, NULL, false },
};
const struct command VM_SUSPEND_COMMAND = { "HibernateVm", STEPS, G_N_ELEMENTS(STEPS), suspend_ended };

/* ---- the beginning ---- */

static const struct m_storage_domain *choose_domain(struct core *c, const struct m_vm *vm, int64_t size, struct err *e)
{
	const char *dc = cluster_data_center(c, vm->cluster.id), *id = dc ? disk_default_domain(c, dc, e) : NULL;
	const struct m_storage_domain *sd = id ? INV_LATEST(c->inv, STORAGE_DOMAIN, storage_domain, id) : NULL;
	int64_t free, total;

	if (!sd)
		err_set(e, ERR_CONFLICT,
		        "Cannot hibernate VM. There is no active storage domain that its memory could be saved on.");
	else if (storage_space(c, sd->id, &free, &total) &&
	         free < size + (M_GET(sd, critical_space_action_blocker, 5) << 30)) {
		err_set(e, ERR_CONFLICT, "Cannot hibernate VM. Low disk space on Storage Domain %s.", sd->name);
		return NULL;
	}
	return sd;
}

static int start_job(struct call *c, const struct m_vm *vm, const struct m_storage_domain *sd, int64_t size,
                     struct err *e)
{
	struct txn *t = txn_begin(c->core);
	struct m_vm *draft = txn_edit(t, KIND_VM, vm->id);
	const struct m_host *h = INV_GET(c->core->inv, HOST, host, vm->host.id);
	const char *memory = stage_disk(t, draft, sd, "memory", size, M_DISK_CONTENT_TYPE_MEMORY_DUMP_VOLUME);
	const char *config =
	    stage_disk(t, draft, sd, "metadata", CONFIG_SIZE, M_DISK_CONTENT_TYPE_MEMORY_METADATA_VOLUME);
	const char *objects[] = { draft->id, NULL }, *locks[] = { draft->id, memory, config, NULL };
	struct event_refs refs = vm_refs(draft, c->who.user_id, c->correlation_id);
	char job[UUID_LEN + 1];
	struct job_spec spec = { .command = &VM_SUSPEND_COMMAND,
		                 .correlation_id = c->correlation_id,
		                 .owner_id = refs.user,
		                 .locks = locks,
		                 .objects = objects };

	spec.data = json_pack("{s:s,s:s,s:s,s:s,s:s,s:s,s:s}", "vm", draft->id, "memory", memory, "config", config,
	                      "dc", sd->data_center.id, "user", c->who.user_id, "host", draft->host.id, "host_name",
	                      h ? h->name : "-");
	draft->status = M_VM_STATUS_SAVING_STATE;
	txn_event(t, "USER_SUSPEND_VM", &refs, "Suspending VM %s was initiated by %s (Host: %s).", draft->name,
	          c->who.user_name, h ? h->name : "-");
	return job_start(t, &spec, job, e, "Suspending VM %s", pool_strdup(c->pool, draft->name)) < 0
	           ? -1
	           : call_reply_action(c, job);
}

int suspend_vm(struct call *c, struct err *e)
{
	const struct m_vm *vm = INV_LATEST(c->core->inv, VM, vm, c->ids[0]);
	const struct m_storage_domain *sd;
	int64_t size;

	if (!vm)
		return err_set(e, ERR_NO_ENTITY, "There is no VM %s.", c->ids[0]);
	if (vm_check_action(vm, VM_SUSPEND, e) < 0 || !vm_host(c->core, c->pool, vm, e))
		return -1;
	size = M_GET(vm, memory, 1LL << 30) + OVERHEAD;
	sd = choose_domain(c->core, vm, size, e);
	return sd ? start_job(c, vm, sd, size, e) : -1;
}

/* ---- using it ---- */

json_t *suspend_volume(struct core *c, const char *disk_id, struct err *e)
{
	const struct m_disk *d = INV_LATEST(c->inv, DISK, disk, disk_id);
	const struct m_storage_domain *sd =
	    d && d->storage_domains.n ? storage_active(c, d->storage_domains.v[0].id, e) : NULL;

	if (!d || !d->storage_domains.n)
		err_set(e, ERR_CONFLICT, "The saved memory of the VM is gone.");
	if (!sd)
		return NULL;
	return json_pack("{s:s,s:s,s:s,s:s,s:s}", "device", "disk", "poolID", sd->data_center.id, "domainID", sd->id,
	                 "imageID", d->id, "volumeID", d->volume_id);
}

bool suspend_is_stale(const struct m_vm *vm)
{
	if (!vm->memory_disk.id && !vm->memory_config_disk.id)
		return false;
	switch (vm->status) {
	case M_VM_STATUS_SUSPENDED:
	case M_VM_STATUS_SAVING_STATE:
	case M_VM_STATUS_RESTORING_STATE:
	case M_VM_STATUS_WAIT_FOR_LAUNCH:
	case M_VM_STATUS_IMAGE_LOCKED:
	case M_VM_STATUS_UNKNOWN: return false;
	default: return true;
	}
}

/* ---- dropping it ---- */

static int begin_drop(struct job *j, struct err *e) { return 0; }

static bool is_out_of_reach(struct core *c, const struct m_disk *d)
{
	const char *id = d->storage_domains.n ? d->storage_domains.v[0].id : NULL;
	const struct m_storage_domain *sd = INV_LATEST(c->inv, STORAGE_DOMAIN, storage_domain, id);

	return !sd || !sd->data_center.id || sd->status == M_STORAGE_DOMAIN_STATUS_MAINTENANCE ||
	       sd->status == M_STORAGE_DOMAIN_STATUS_UNATTACHED;
}

/* What lies on a domain that was taken out of use is left there, and its disk stays in the list. */
static int drop_one(struct job *j, const char *what, struct err *e)
{
	const struct m_disk *d = INV_LATEST(job_core(j)->inv, DISK, disk, job_text(j, what));
	g_autofree char *done = g_strconcat(what, "_gone", NULL);

	if (d && is_out_of_reach(job_core(j), d))
		return 0;
	if (d && disk_job_uncreate(j, job_text(j, what), e) < 0)
		return -1;
	json_object_set_new(job_data(j), done, json_true());
	return 0;
}

static int drop_memory(struct job *j, struct err *e) { return drop_one(j, "memory", e); }
static int drop_config(struct job *j, struct err *e) { return drop_one(j, "config", e); }

static void drop_ended(struct job *j, struct txn *t, bool ok, const struct err *e)
{
	static const char *const DISKS[][2] = { { "memory", "memory_gone" }, { "config", "config_gone" } };

	for (size_t i = 0; i < G_N_ELEMENTS(DISKS); i++) {
		struct m_disk *d = txn_edit(t, KIND_DISK, job_text(j, DISKS[i][0]));
		if (d && ok && json_is_true(json_object_get(job_data(j), DISKS[i][1])))
			txn_remove(t, KIND_DISK, d->id);
		else if (d) /* left behind, and of no use to anybody: it can only be removed */
			d->status = ok ? M_DISK_STATUS_ILLEGAL : M_DISK_STATUS_OK;
	}
}

static const struct job_step DROP_STEPS[] = {
	{ "begin", "Giving the saved memory up", begin_drop, NULL, true },
	{ "delete-memory", "Removing the memory", drop_memory, NULL, false },
	{ "delete-config", "Removing its configuration", drop_config, NULL, false },
};
const struct command VM_DROP_MEMORY_COMMAND = { "DropMemory", DROP_STEPS, G_N_ELEMENTS(DROP_STEPS), drop_ended };

int suspend_drop(struct core *c, const char *vm_id, struct err *e)
{
	struct txn *t = txn_begin(c);
	struct m_vm *vm = txn_edit(t, KIND_VM, vm_id);
	const char *locks[3] = { NULL }, *ids[2];
	char job[UUID_LEN + 1];
	size_t n = 0;

	if (!vm || !suspend_is_stale(vm)) {
		txn_cancel(t);
		return 0;
	}
	ids[0] = STR_OR(pool_strdup(txn_pool(t), vm->memory_disk.id), "");
	ids[1] = STR_OR(pool_strdup(txn_pool(t), vm->memory_config_disk.id), "");
	for (int i = 0; i < 2; i++) {
		struct m_disk *d = *ids[i] ? txn_edit(t, KIND_DISK, ids[i]) : NULL;
		if (d)
			d->status = M_DISK_STATUS_LOCKED;
		if (d)
			locks[n++] = d->id;
	}
	vm->memory_disk = vm->memory_config_disk = (struct m_ref){ 0 };
	if (!n)
		return txn_commit(t, e);
	struct job_spec spec = { .command = &VM_DROP_MEMORY_COMMAND,
		                 .locks = locks,
		                 .objects = (const char *const[]){ vm->id, NULL },
		                 .data = json_pack("{s:s,s:s}", "memory", ids[0], "config", ids[1]) };
	return job_start(t, &spec, job, e, "Dropping the saved memory of VM %s", vm->name);
}

bool suspend_is_memory(struct core *c, const char *disk_id)
{
	INV_EACH (en, c->inv, KIND_VM) {
		const struct m_vm *vm = en->latest;
		if (vm &&
		    (g_strcmp0(vm->memory_disk.id, disk_id) == 0 || g_strcmp0(vm->memory_config_disk.id, disk_id) == 0))
			return true;
	}
	return false;
}

int suspend_stop(struct call *c, const struct m_vm *vm, struct err *e)
{
	struct txn *t = txn_begin(c->core);
	struct m_vm *draft = txn_edit(t, KIND_VM, vm->id);
	struct event_refs refs = vm_refs(draft, c->who.user_id, c->correlation_id);
	const char *reason = c->action ? c->action->reason : NULL;
	char job[UUID_LEN + 1];

	if (lock_check(c->core, draft->id, NULL, e) < 0) {
		txn_cancel(t);
		return -1;
	}
	vm_set_down(t, draft);
	next_run_apply(txn_pool(t), draft);
	draft->stop_reason = reason ? pool_strdup(txn_pool(t), reason) : NULL;
	txn_event(t, "USER_STOP_SUSPENDED_VM", &refs, "Suspended VM %s has had its save state cleared by %s%s%s.",
	          draft->name, c->who.user_name, reason && *reason ? ". Reason: " : "", reason ? reason : "");
	job_record(t, c->correlation_id, c->who.user_id, job, "Powering off VM %s", draft->name);
	return txn_commit(t, e) < 0 ? -1 : call_reply_action(c, job);
}
