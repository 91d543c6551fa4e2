/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Going back to a snapshot. A preview puts an empty layer on the snapshot's volumes; the VM as it was before is kept in a
 * snapshot of type preview, and both branches live until one of them is dropped: by a commit the old one, by an undo the new one.
 * A restore is a preview and its commit at once.
 */
#include <string.h>

#include "base/auto.h"
#include "manager/api/generic.h"
#include "manager/disks/disks_int.h"
#include "manager/vms/snapshot_int.h"

static const char *text(const json_t *one, const char *key)
{
	const char *s = json_string_value(json_object_get(one, key));
	return s ? s : "";
}

/* ---- plans ---- */

static bool is_chosen(const struct m_action *a, const char *disk_id)
{
	for (uint32_t i = 0; a && i < a->disks.n; i++)
		if (a->disks.v[i]->id && g_ascii_strcasecmp(a->disks.v[i]->id, disk_id) == 0)
			return true;
	return !a || !a->disks.n;
}

/* New layers over the snapshot's volumes. */
static int plan_layers(struct call *c, struct txn *t, const json_t *content, const char *what, json_t *plans,
                       GPtrArray *locks, struct err *e)
{
	json_t *one;
	size_t i;

	json_array_foreach (json_object_get(content, "volumes"), i, one) {
		const char *id = text(one, "disk");
		const struct m_disk *d = NULL;
		int rc = is_chosen(c->action, id) ? snapshot_disk(c->core, c->ids[0], id, what, &d, e) : 0;
		json_t *plan;

		if (rc < 0)
			return -1;
		if (rc == 0)
			continue;
		plan = volume_plan(c->core, c->pool, d, core_uuid(c->core, c->pool));
		volume_plan_over(plan, id, text(one, "volume"));
		json_object_set(plan, "size", json_object_get(one, "size"));
		json_array_append_new(plans, plan);
		snapshot_lock_disk(c, t, id, locks);
	}
	return 0;
}

/* Volumes of a disk from its branch's leaf down to, but without, the snapshot's own: those that go. */
static void doom_branch(struct call *c, const struct m_disk *d, const char *leaf, const struct m_snapshot *s,
                        const char *base, json_t *doomed)
{
	unsigned n;
	const struct m_snapshot **list = snapshots_of(c->core, c->pool, c->ids[0], &n);

	if (strcmp(leaf, base) != 0)
		json_array_append_new(doomed, volume_doom(c->core, d, leaf));
	for (unsigned i = n; i-- > 0;) {
		auto_json *content = M_GET(list[i], date, 0) > M_GET(s, date, 0) ? snapshot_read(list[i]) : NULL;
		const char *volume = content ? snapshot_volume(content, d->id) : NULL;

		if (volume && strcmp(volume, base) != 0)
			json_array_append_new(doomed, volume_doom(c->core, d, volume));
	}
}

/* ---- what jobs have in common ---- */

static int decide_step(struct job *j, struct err *e) { return 0; }

static json_t *content_of(struct txn *t, const char *id)
{
	const struct m_snapshot *s = txn_get(t, KIND_SNAPSHOT, id);

	return s ? snapshot_read(s) : NULL;
}

static void set_snapshot(struct txn *t, const char *id, enum m_snapshot_status status)
{
	struct m_snapshot *s = txn_edit(t, KIND_SNAPSHOT, id);

	if (s)
		s->snapshot_status = status;
}

/* Snapshots that are younger than this one are of the branch that went. */
static void drop_younger(struct txn *t, const char *vm_id, const char *id)
{
	const struct m_snapshot *chosen = txn_get(t, KIND_SNAPSHOT, id);
	int64_t date = chosen ? M_GET(chosen, date, 0) : G_MAXINT64;

	INV_EACH_BY (en, txn_core(t)->inv, KIND_SNAPSHOT, IDX_SNAPSHOT_vm, vm_id) {
		const struct m_snapshot *s = txn_get(t, KIND_SNAPSHOT, en->id);

		if (s && s->snapshot_type == M_SNAPSHOT_TYPE_REGULAR && M_GET(s, date, 0) > date)
			txn_remove(t, KIND_SNAPSHOT, en->id);
	}
}

static void go_back(struct job *j, struct txn *t)
{
	auto_json *content = content_of(t, job_text(j, "snapshot"));

	volumes_take(j, t);
	if (content)
		snapshot_take_configuration(t, job_text(j, "vm"), content);
}

static int start(struct call *c, struct txn *t, const struct command *cmd, const struct m_snapshot *s, json_t *volumes,
                 json_t *doomed, GPtrArray *locks, const char *title, const char *event, const char *says,
                 struct err *e)
{
	const struct m_vm *vm = txn_get(t, KIND_VM, c->ids[0]);
	struct event_refs refs = vm_refs(vm, c->who.user_id, c->correlation_id);
	const char *vm_name = pool_strdup(c->pool, vm->name), *name = pool_strdup(c->pool, STR_OR(s->description, ""));
	const char *id = pool_strdup(c->pool, s->id), *objects[] = { c->ids[0], id, NULL };
	char job[UUID_LEN + 1];
	struct job_spec spec;

	txn_event(t, event, &refs, "%s of VM %s to Snapshot '%.200s' was initiated.", says, vm_name, name);
	snapshot_lock_vm(t, c->ids[0]);
	set_snapshot(t, id, M_SNAPSHOT_STATUS_LOCKED);
	g_ptr_array_add(locks, pool_strdup(c->pool, c->ids[0]));
	g_ptr_array_add(locks, NULL);
	spec = (struct job_spec){ .command = cmd,
		                  .correlation_id = c->correlation_id,
		                  .owner_id = call_refs(c).user,
		                  .data = json_pack("{s:O,s:O,s:s,s:s,s:s,s:s,s:s}", "volumes", volumes, "doomed",
		                                    doomed, "vm", c->ids[0], "vm_name", vm_name, "snapshot", id, "name",
		                                    name, "user", c->who.user_id),
		                  .locks = (const char *const *)locks->pdata,
		                  .objects = objects };
	if (job_start(t, &spec, job, e, "%s %s of VM %s", title, name, vm_name) < 0)
		return -1;
	return call_reply_action(c, job);
}

/* ---- preview ---- */

/* The VM as it is: the active snapshot becomes that of the preview, and there is a new active one. */
static void keep_present(struct job *j, struct txn *t)
{
	const struct m_vm *vm = txn_get(t, KIND_VM, job_text(j, "vm"));
	const struct m_snapshot *active = snapshot_of_type(txn_core(t), vm->id, M_SNAPSHOT_TYPE_ACTIVE);
	struct m_snapshot *old = active ? txn_edit(t, KIND_SNAPSHOT, active->id) : txn_new(t, KIND_SNAPSHOT, NULL);
	struct m_snapshot *s = txn_new(t, KIND_SNAPSHOT, NULL);

	REF_SET(txn_pool(t), old->vm, vm->id);
	old->snapshot_type = M_SNAPSHOT_TYPE_PREVIEW;
	old->snapshot_status = M_SNAPSHOT_STATUS_LOCKED;
	old->description = "Active VM before the preview";
	old->content = snapshot_content(txn_core(t), txn_pool(t), vm);
	REF_SET(txn_pool(t), s->vm, vm->id);
	s->description = "Active VM";
	s->snapshot_type = M_SNAPSHOT_TYPE_ACTIVE;
	s->snapshot_status = M_SNAPSHOT_STATUS_OK;
	M_SET(s, date, loop_wall_ms(txn_core(t)->loop));
	M_SET(s, persist_memorystate, false);
}

static void preview_ended(struct job *j, struct txn *t, bool ok, const struct err *e)
{
	struct event_refs refs = snapshot_refs(j);

	if (ok) {
		keep_present(j, t);
		go_back(j, t);
	}
	snapshot_unlock_vm(t, job_text(j, "vm"));
	snapshot_free_disks(j, t, "volumes");
	set_snapshot(t, job_text(j, "snapshot"), ok ? M_SNAPSHOT_STATUS_IN_PREVIEW : M_SNAPSHOT_STATUS_OK);
	if (ok)
		txn_event(t, "USER_TRY_BACK_TO_SNAPSHOT_FINISH_SUCCESS", &refs,
		          "Snapshot-Preview '%s' for VM %s has been completed.", job_text(j, "name"),
		          job_text(j, "vm_name"));
	else
		txn_event(t, "USER_TRY_BACK_TO_SNAPSHOT_FINISH_FAILURE", &refs,
		          "Failed to complete Snapshot-Preview '%s' for VM %s: %.300s", job_text(j, "name"),
		          job_text(j, "vm_name"), e->detail);
}

static const struct job_step PREVIEW_STEPS[] = {
	{ "create-volumes", "Creating the volumes", volumes_create, volumes_create_undo, false },
};
const struct command PREVIEW_SNAPSHOT_COMMAND = { "PreviewSnapshot", PREVIEW_STEPS, G_N_ELEMENTS(PREVIEW_STEPS),
	                                          preview_ended };

/* Fit to go back to. */
static int check_chosen(struct call *c, const struct m_snapshot *s, const char *what, struct err *e)
{
	if (s->snapshot_type != M_SNAPSHOT_TYPE_REGULAR || !s->content)
		return err_set(e, ERR_CONFLICT, "%s. This snapshot is no regular one.", what);
	if (M_GET(s, is_broken, false))
		return err_set(e, ERR_CONFLICT, "%s. The removal of this snapshot has begun: it can only be removed.",
		               what);
	if (s->snapshot_status != M_SNAPSHOT_STATUS_OK)
		return err_set(e, ERR_CONFLICT, "%s. The snapshot is %s. Please try again later.", what,
		               m_enum_name(&M_ENUM_snapshot_status, s->snapshot_status));
	if (c->action && M_GET(c->action, restore_memory, false))
		return err_field(e, ERR_UNSUPPORTED, "restore_memory", "%s. The snapshot has no memory.", what);
	if (snapshot_check_vm(c->core, c->ids[0], false, what, e) < 0)
		return -1;
	return vm_check_no_preview(c->core, c->ids[0], what, e);
}

static int vm_preview(struct call *c, struct err *e)
{
	static const char WHAT[] = "Cannot preview Snapshot";
	const struct m_snapshot *wanted = c->action ? c->action->snapshot : NULL;
	const struct m_snapshot *s = wanted ? INV_LATEST(c->core->inv, SNAPSHOT, snapshot, wanted->id) : NULL;
	g_autoptr(GPtrArray) locks = g_ptr_array_new();
	auto_json *content = NULL, *plans = json_array(), *none = json_array();
	struct txn *t;

	if (!call_visible(c, 0, KIND_VM, e))
		return -1;
	if (!s || g_strcmp0(s->vm.id, c->ids[0]) != 0)
		return err_field(e, ERR_NOT_FOUND, "snapshot", "Entity not found: Snapshot: id=%.80s",
		                 wanted ? STR_OR(wanted->id, "") : "");
	if (check_chosen(c, s, WHAT, e) < 0)
		return -1;
	content = snapshot_read(s);
	t = txn_begin(c->core);
	if (plan_layers(c, t, content, WHAT, plans, locks, e) < 0) {
		txn_cancel(t);
		return -1;
	}
	return start(c, t, &PREVIEW_SNAPSHOT_COMMAND, s, plans, none, locks, "Previewing Snapshot",
	             "USER_TRY_BACK_TO_SNAPSHOT", "Preview", e);
}

/* ---- undo, commit ---- */

/* The VM's preview and the snapshot that is looked at. */
static int find_preview(struct call *c, const char *what, const struct m_snapshot **before,
                        const struct m_snapshot **chosen, struct err *e)
{
	if (!call_visible(c, 0, KIND_VM, e) || snapshot_check_vm(c->core, c->ids[0], false, what, e) < 0)
		return -1;
	*before = snapshot_of_type(c->core, c->ids[0], M_SNAPSHOT_TYPE_PREVIEW);
	*chosen = NULL;
	INV_EACH_BY (en, c->core->inv, KIND_SNAPSHOT, IDX_SNAPSHOT_vm, c->ids[0]) {
		const struct m_snapshot *s = en->latest;

		if (s && s->snapshot_status == M_SNAPSHOT_STATUS_IN_PREVIEW)
			*chosen = s;
	}
	if (!*before || !*chosen)
		return err_set(e, ERR_CONFLICT, "%s. No snapshot of the VM is in preview.", what);
	return 0;
}

static void undo_ended(struct job *j, struct txn *t, bool ok, const struct err *e)
{
	const struct m_snapshot *before = snapshot_of_type(txn_core(t), job_text(j, "vm"), M_SNAPSHOT_TYPE_PREVIEW);
	auto_json *content = before ? snapshot_read(before) : NULL;
	struct event_refs refs = snapshot_refs(j);
	json_t *one;
	size_t i;

	json_array_foreach (json_object_get(job_data(j), "doomed"), i, one)
		if (ok)
			snapshot_take_volume(t, content, text(one, "disk"),
			                     snapshot_volume(content, text(one, "disk")));
	if (ok && content)
		snapshot_take_configuration(t, job_text(j, "vm"), content);
	if (ok && before)
		txn_remove(t, KIND_SNAPSHOT, before->id);
	snapshot_unlock_vm(t, job_text(j, "vm"));
	snapshot_free_disks(j, t, "doomed");
	set_snapshot(t, job_text(j, "snapshot"), ok ? M_SNAPSHOT_STATUS_OK : M_SNAPSHOT_STATUS_IN_PREVIEW);
	txn_event(
	    t, ok ? "USER_UNDO_RESTORE_FROM_SNAPSHOT_FINISH_SUCCESS" : "USER_UNDO_RESTORE_FROM_SNAPSHOT_FINISH_FAILURE",
	    &refs, "Undoing the preview of a snapshot of VM %s %s %.300s", job_text(j, "vm_name"),
	    ok ? "has been completed." : "failed:", ok ? "" : e->detail);
}

static void commit_ended(struct job *j, struct txn *t, bool ok, const struct err *e)
{
	const struct m_snapshot *before = snapshot_of_type(txn_core(t), job_text(j, "vm"), M_SNAPSHOT_TYPE_PREVIEW);
	struct event_refs refs = snapshot_refs(j);

	if (ok) {
		drop_younger(t, job_text(j, "vm"), job_text(j, "snapshot"));
		if (before)
			txn_remove(t, KIND_SNAPSHOT, before->id);
	}
	snapshot_unlock_vm(t, job_text(j, "vm"));
	snapshot_free_disks(j, t, "doomed");
	set_snapshot(t, job_text(j, "snapshot"), ok ? M_SNAPSHOT_STATUS_OK : M_SNAPSHOT_STATUS_IN_PREVIEW);
	txn_event(t,
	          ok ? "USER_COMMIT_RESTORE_FROM_SNAPSHOT_FINISH_SUCCESS"
	             : "USER_COMMIT_RESTORE_FROM_SNAPSHOT_FINISH_FAILURE",
	          &refs, "Committing the preview of a snapshot of VM %s %s %.300s", job_text(j, "vm_name"),
	          ok ? "has been completed." : "failed:", ok ? "" : e->detail);
}

static const struct job_step DROP_STEPS[] = {
	{ "decide", "Choosing the branch", decide_step, NULL, true },
	{ "delete-volumes", "Removing the other branch", volumes_delete, NULL, false },
};
const struct command UNDO_SNAPSHOT_COMMAND = { "UndoSnapshot", DROP_STEPS, G_N_ELEMENTS(DROP_STEPS), undo_ended };
const struct command COMMIT_SNAPSHOT_COMMAND = { "CommitSnapshot", DROP_STEPS, G_N_ELEMENTS(DROP_STEPS), commit_ended };

/* What goes: the branch of the preview (undo), or that of before (commit). */
static int plan_drop(struct call *c, struct txn *t, const struct m_snapshot *before, const struct m_snapshot *chosen,
                     bool is_undo, const char *what, json_t *doomed, GPtrArray *locks, struct err *e)
{
	auto_json *then = snapshot_read(before), *base = snapshot_read(chosen);
	json_t *one;
	size_t i;

	json_array_foreach (json_object_get(then, "volumes"), i, one) {
		const char *id = text(one, "disk"), *below = snapshot_volume(base, id);
		const struct m_disk *d = NULL;
		int rc = snapshot_disk(c->core, c->ids[0], id, what, &d, e);

		if (rc < 0)
			return -1;
		if (rc == 0 || !below || g_strcmp0(d->volume_id, text(one, "volume")) == 0) /* not part of it */
			continue;
		if (is_undo)
			json_array_append_new(doomed, volume_doom(c->core, d, d->volume_id));
		else
			doom_branch(c, d, text(one, "volume"), chosen, below, doomed);
		snapshot_lock_disk(c, t, id, locks);
	}
	return 0;
}

static int drop_branch(struct call *c, bool is_undo, struct err *e)
{
	const char *what = is_undo ? "Cannot undo the preview" : "Cannot commit the preview";
	auto_json *doomed = json_array(), *none = json_array();
	g_autoptr(GPtrArray) locks = g_ptr_array_new();
	const struct m_snapshot *before, *chosen;
	struct txn *t;

	if (find_preview(c, what, &before, &chosen, e) < 0)
		return -1;
	t = txn_begin(c->core);
	if (plan_drop(c, t, before, chosen, is_undo, what, doomed, locks, e) < 0) {
		txn_cancel(t);
		return -1;
	}
	if (is_undo)
		return start(c, t, &UNDO_SNAPSHOT_COMMAND, chosen, none, doomed, locks,
		             "Undoing the preview of Snapshot", "USER_UNDO_RESTORE_FROM_SNAPSHOT_START",
		             "Undoing the preview", e);
	return start(c, t, &COMMIT_SNAPSHOT_COMMAND, chosen, none, doomed, locks, "Committing Snapshot",
	             "USER_COMMIT_RESTORE_FROM_SNAPSHOT_START", "Commit", e);
}

static int vm_undo(struct call *c, struct err *e) { return drop_branch(c, true, e); }
static int vm_commit(struct call *c, struct err *e) { return drop_branch(c, false, e); }

/* ---- restore ---- */

static void restore_ended(struct job *j, struct txn *t, bool ok, const struct err *e)
{
	struct event_refs refs = snapshot_refs(j);

	if (ok) {
		go_back(j, t);
		drop_younger(t, job_text(j, "vm"), job_text(j, "snapshot"));
	}
	snapshot_unlock_vm(t, job_text(j, "vm"));
	snapshot_free_disks(j, t, "volumes");
	set_snapshot(t, job_text(j, "snapshot"), M_SNAPSHOT_STATUS_OK);
	if (ok)
		txn_event(t, "USER_RESTORE_FROM_SNAPSHOT_FINISH_SUCCESS", &refs,
		          "VM %s has been restored to Snapshot '%s'.", job_text(j, "vm_name"), job_text(j, "name"));
	else
		txn_event(t, "USER_RESTORE_FROM_SNAPSHOT_FINISH_FAILURE", &refs,
		          "Failed to restore VM %s to Snapshot '%s': %.300s", job_text(j, "vm_name"),
		          job_text(j, "name"), e->detail);
}

static const struct job_step RESTORE_STEPS[] = {
	{ "create-volumes", "Creating the volumes", volumes_create, volumes_create_undo, false },
	{ "decide", "Choosing the branch", decide_step, NULL, true },
	{ "delete-volumes", "Removing the other branch", volumes_delete, NULL, false },
};
const struct command RESTORE_SNAPSHOT_COMMAND = { "RestoreSnapshot", RESTORE_STEPS, G_N_ELEMENTS(RESTORE_STEPS),
	                                          restore_ended };

int snapshot_restore(struct call *c, struct err *e)
{
	static const char WHAT[] = "Cannot restore VM from Snapshot";
	const struct m_snapshot *s = snapshot_in_path(c, e);
	auto_json *content = NULL, *plans = json_array(), *doomed = json_array();
	g_autoptr(GPtrArray) locks = g_ptr_array_new();
	struct txn *t;
	json_t *one;
	size_t i;

	if (!s || check_chosen(c, s, WHAT, e) < 0)
		return -1;
	content = snapshot_read(s);
	t = txn_begin(c->core);
	if (plan_layers(c, t, content, WHAT, plans, locks, e) < 0) {
		txn_cancel(t);
		return -1;
	}
	json_array_foreach (plans, i, one) {
		const struct m_disk *d = INV_LATEST(c->core->inv, DISK, disk, text(one, "disk"));

		doom_branch(c, d, d->volume_id, s, text(one, "parent"), doomed);
	}
	return start(c, t, &RESTORE_SNAPSHOT_COMMAND, s, plans, doomed, locks, "Restore Snapshot",
	             "USER_RESTORE_FROM_SNAPSHOT_START", "Restore", e);
}

#define CHANGES ON("manipulate_vm_snapshots", KIND_VM)
const struct api_op VM_PREVIEW_OPS[] = {
	ROW("vm.preview_snapshot", vm_preview, KIND_VM, CHANGES),
	ROW("vm.undo_snapshot", vm_undo, KIND_VM, CHANGES),
	ROW("vm.commit_snapshot", vm_commit, KIND_VM, CHANGES),
	{ .name = NULL },
};
