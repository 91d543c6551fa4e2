/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Taking and removing snapshots. A snapshot keeps the volumes as they are, and the disks go on in empty layers over them;
 * removing it brings the data of the layer above down into its volume, and that layer goes.
 */
#include <string.h>

#include "base/auto.h"
#include "base/log.h"
#include "manager/api/generic.h"
#include "manager/core/locks.h"
#include "manager/disks/disks_int.h"
#include "manager/vms/snapshot_int.h"

enum { SNAPSHOT_MS = 35 * 60 * 1000, XML_MS = 60 * 1000, PAUSE_MS = 3000 };

static const char *text(const json_t *one, const char *key)
{
	const char *s = json_string_value(json_object_get(one, key));
	return s ? s : "";
}

/* ---- taking: the running VM ---- */

/* Disks that are not plugged have their layers, and the machine knows nothing of them. */
static bool is_plugged(const json_t *one) { return json_is_true(json_object_get(one, "plugged")); }

static size_t count_plugged(struct job *j)
{
	json_t *one;
	size_t i, n = 0;

	json_array_foreach (json_object_get(job_data(j), "volumes"), i, one)
		n += is_plugged(one);
	return n;
}

/* How many of the new layers does the machine write to? -1: nobody knows. */
static int count_used(struct job *j, const char *host, struct err *e)
{
	auto_json *answer = NULL;
	const char *xml;
	json_t *one;
	int n = 0;
	size_t i;

	if (agent_call(job_core(j), host, "Host.dumpxmls", json_pack("{s:[s]}", "vmList", job_text(j, "vm")), XML_MS,
	               job_correlation(j), &answer, e) < 0)
		return -1;
	xml = text(answer, job_text(j, "vm"));
	if (!*xml)
		return err_set(e, ERR_NETWORK, "The host does not tell what the VM has.");
	json_array_foreach (json_object_get(job_data(j), "volumes"), i, one)
		n += is_plugged(one) && strstr(xml, text(one, "volume")) != NULL;
	return n;
}

static int ask_host(struct job *j, const char *host, struct err *e)
{
	json_t *drives = json_array(), *one;
	size_t i;

	json_array_foreach (json_object_get(job_data(j), "volumes"), i, one)
		if (is_plugged(one))
			json_array_append_new(drives, json_pack("{s:s,s:s,s:s,s:s}", "domainID", text(one, "domain"),
			                                        "imageID", text(one, "disk"), "baseVolumeID",
			                                        text(one, "parent"), "volumeID", text(one, "volume")));
	return agent_call(job_core(j), host, "VM.snapshot",
	                  json_pack("{s:s,s:o,s:b}", "vmID", job_text(j, "vm"), "snapDrives", drives, "frozen", 0),
	                  SNAPSHOT_MS, job_correlation(j), NULL, e);
}

/*
 * Bring a running VM onto its layers. 0: it is there, or does not run any more, and what it wrote is there. 1: it is certain that
 * it is not. -1: nobody knows yet.
 */
static int switch_once(struct job *j, struct err *cause, struct err *e)
{
	const struct m_vm *vm = INV_LATEST(job_core(j)->inv, VM, vm, job_text(j, "vm"));
	size_t want = count_plugged(j);
	const char *host;
	int used;

	if (!vm || vm_is_down(vm) || !want)
		return 0;
	host = vm_host(job_core(j), job_pool(j), vm, e);
	used = host ? count_used(j, host, e) : -1;
	if (used < 0)
		return -1;
	if (used == (int)want)
		return 0;
	if (cause->code != ERR_NONE)
		return 1;
	if (ask_host(j, host, cause) == 0)
		cause->code = ERR_NONE;
	else if (cause->code == ERR_NETWORK || cause->code == ERR_TIMEOUT)
		cause->code = ERR_NONE; /* look before it is asked again */
	return -1;
}

static int switch_step(struct job *j, struct err *e)
{
	struct err cause = ERR_INIT;

	for (;;) {
		int rc = switch_once(j, &cause, e);

		if (rc == 0)
			return 0;
		if (rc > 0) {
			*e = cause;
			return -1;
		}
		fiber_sleep(PAUSE_MS / (cause.code ? 10 : 1));
	}
}

/* ---- taking ---- */

static void add_ended(struct job *j, struct txn *t, bool ok, const struct err *e)
{
	struct m_snapshot *s = txn_edit(t, KIND_SNAPSHOT, job_text(j, "snapshot"));
	struct event_refs refs = snapshot_refs(j);

	snapshot_unlock_vm(t, job_text(j, "vm"));
	snapshot_free_disks(j, t, "volumes");
	if (ok) {
		volumes_take(j, t);
		if (s)
			s->snapshot_status = M_SNAPSHOT_STATUS_OK;
		txn_event(t, "USER_CREATE_SNAPSHOT_FINISHED_SUCCESS", &refs,
		          "Snapshot '%s' creation for VM '%s' has been completed.", job_text(j, "name"),
		          job_text(j, "vm_name"));
		return;
	}
	if (s)
		txn_remove(t, KIND_SNAPSHOT, s->id);
	txn_event(t, "USER_CREATE_SNAPSHOT_FINISHED_FAILURE", &refs,
	          "Failed to complete snapshot '%s' creation for VM '%s': %.300s", job_text(j, "name"),
	          job_text(j, "vm_name"), e->detail);
}

static const struct job_step ADD_STEPS[] = {
	{ "create-volumes", "Creating the volumes", volumes_create, volumes_create_undo, false },
	{ "switch", "Bringing the VM onto the new volumes", switch_step, NULL, false },
};
const struct command ADD_SNAPSHOT_COMMAND = { "CreateSnapshot", ADD_STEPS, G_N_ELEMENTS(ADD_STEPS), add_ended };

static bool is_wanted(const struct m_snapshot *body, const char *disk_id)
{
	for (uint32_t i = 0; i < body->disk_attachments.n; i++) {
		const struct m_disk_attachment *a = body->disk_attachments.v[i].obj;
		const struct m_disk *d = a ? a->disk.obj : NULL;
		const char *id = a && a->disk.id ? a->disk.id
		                 : d && d->id    ? d->id
		                 : a             ? a->id
		                                 : body->disk_attachments.v[i].id;

		if (id && g_ascii_strcasecmp(id, disk_id) == 0)
			return true;
	}
	return !body->disk_attachments.n;
}

static bool is_active(struct call *c, const char *disk_id)
{
	const struct m_disk_attachment *a;
	uuid_text key;

	disk_attachment_key(c->ids[0], disk_id, key);
	a = INV_LATEST(c->core->inv, DISK_ATTACHMENT, disk_attachment, key);
	return a && M_GET(a, active, true);
}

/* Layers for the disks; what is in the content else is not part of the snapshot. */
static int plan_layers(struct call *c, struct txn *t, const struct m_snapshot *body, json_t *content, json_t *plans,
                       GPtrArray *locks, struct err *e)
{
	json_t *list = json_object_get(content, "volumes");

	for (size_t i = 0; i < json_array_size(list);) {
		const char *id = text(json_array_get(list, i), "disk");
		const struct m_disk *d = NULL;
		int rc =
		    is_wanted(body, id) ? snapshot_disk(c->core, c->ids[0], id, "Cannot create Snapshot", &d, e) : 0;
		json_t *plan;

		if (rc < 0)
			return -1;
		if (rc == 0) {
			json_array_remove(list, i);
			continue;
		}
		plan = volume_plan(c->core, c->pool, d, core_uuid(c->core, c->pool));
		volume_plan_over(plan, d->id, d->volume_id);
		json_object_set_new(plan, "plugged", json_boolean(is_active(c, id)));
		json_array_append_new(plans, plan);
		snapshot_lock_disk(c, t, pool_strdup(c->pool, id), locks);
		i++;
	}
	return 0;
}

static struct m_snapshot *new_snapshot(struct call *c, struct txn *t, const struct m_snapshot *body,
                                       const json_t *content)
{
	struct m_snapshot *s = txn_new(t, KIND_SNAPSHOT, NULL);

	REF_SET(txn_pool(t), s->vm, c->ids[0]);
	s->description = pool_strdup(txn_pool(t), body->description);
	s->snapshot_type = M_SNAPSHOT_TYPE_REGULAR;
	s->snapshot_status = M_SNAPSHOT_STATUS_LOCKED;
	M_SET(s, date, loop_wall_ms(c->core->loop));
	M_SET(s, persist_memorystate, false);
	snapshot_write(t, s, content);
	return s;
}

static int start(struct call *c, struct txn *t, const struct command *cmd, json_t *data, GPtrArray *locks,
                 const char *snapshot_id, const char *vm_name, const char *title, char *job, struct err *e)
{
	const char *objects[] = { c->ids[0], snapshot_id, NULL };
	struct job_spec spec;

	g_ptr_array_add(locks, pool_strdup(c->pool, c->ids[0]));
	g_ptr_array_add(locks, NULL);
	spec = (struct job_spec){ .command = cmd,
		                  .correlation_id = c->correlation_id,
		                  .owner_id = call_refs(c).user,
		                  .data = data,
		                  .locks = (const char *const *)locks->pdata,
		                  .objects = objects };
	return job_start(t, &spec, job, e, "%s of VM %s", title, vm_name);
}

static int add_in(struct call *c, struct txn *t, const struct m_vm *vm, const struct m_snapshot *body, char *id,
                  struct err *e)
{
	char *packed = snapshot_content(c->core, c->pool, vm);
	auto_json *content = json_loads(packed, 0, NULL), *plans = json_array();
	g_autoptr(GPtrArray) locks = g_ptr_array_new();
	const char *name = pool_strdup(c->pool, vm->name);
	struct event_refs refs = vm_refs(vm, c->who.user_id, c->correlation_id);
	char job[UUID_LEN + 1];
	struct m_snapshot *s;

	if (plan_layers(c, t, body, content, plans, locks, e) < 0) {
		txn_cancel(t);
		return -1;
	}
	s = new_snapshot(c, t, body, content);
	if (m_validate(&M_TYPE_snapshot, s, e) < 0) {
		txn_cancel(t);
		return -1;
	}
	g_strlcpy(id, s->id, UUID_LEN + 1);
	txn_event(t, "USER_CREATE_SNAPSHOT", &refs, "Snapshot '%.200s' creation for VM '%s' was initiated.",
	          body->description, name);
	snapshot_lock_vm(t, c->ids[0]);
	return start(c, t, &ADD_SNAPSHOT_COMMAND,
	             json_pack("{s:O,s:s,s:s,s:s,s:s,s:s}", "volumes", plans, "vm", c->ids[0], "vm_name", name,
	                       "snapshot", id, "name", body->description, "user", c->who.user_id),
	             locks, id, name, pool_printf(c->pool, "Creating Snapshot %.200s", body->description), job, e);
}

int snapshot_add(struct call *c, struct err *e)
{
	static const char WHAT[] = "Cannot create Snapshot";
	const struct m_snapshot *body = c->body;
	const struct m_vm *vm;
	uuid_text id;

	if (!body->description)
		return err_field(e, ERR_MISSING, "snapshot.description", "Snapshot [description] required for add");
	if (vm_check_plugged(c, c->ids[0], WHAT, e) < 0 || snapshot_check_vm(c->core, c->ids[0], true, WHAT, e) < 0 ||
	    vm_check_no_preview(c->core, c->ids[0], WHAT, e) < 0)
		return -1;
	vm = INV_LATEST(c->core->inv, VM, vm, c->ids[0]);
	if (vm->status == M_VM_STATUS_UP && M_GET(body, persist_memorystate, false))
		return err_field(e, ERR_UNSUPPORTED, "snapshot.persist_memorystate",
		                 "%s. Snapshots with the memory of a running VM are not supported.", WHAT);
	return add_in(c, txn_begin(c->core), vm, body, id, e) < 0 ? -1 : call_reply_kind(c, KIND_SNAPSHOT, id);
}

/* ---- removing ---- */

/* A volume that went: what was in it is in the base now. */
static void move_down(struct job *j, struct txn *t, const json_t *merge, const json_t *gone)
{
	const char *disk_id = text(merge, "disk");
	struct m_disk *d = txn_edit(t, KIND_DISK, disk_id);
	int64_t size = d ? M_GET(d, provisioned_size, 0) : 0;

	if (d && g_strcmp0(d->volume_id, text(merge, "top")) == 0) {
		snapshot_take_volume(t, gone, disk_id, text(merge, "base"));
		M_SET(d, provisioned_size, size);
		M_SET(d, actual_size, json_integer_value(json_object_get(merge, "actual")));
	}
	INV_EACH_BY (en, txn_core(t)->inv, KIND_SNAPSHOT, IDX_SNAPSHOT_vm, job_text(j, "vm")) {
		const struct m_snapshot *s = txn_get(t, KIND_SNAPSHOT, en->id);
		auto_json *content = s ? snapshot_read(s) : NULL;

		if (!content || g_strcmp0(snapshot_volume(content, disk_id), text(merge, "top")) != 0)
			continue;
		snapshot_replace_volume(content, gone, disk_id);
		snapshot_write(t, txn_edit(t, KIND_SNAPSHOT, en->id), content);
	}
}

static void remove_ended(struct job *j, struct txn *t, bool ok, const struct err *e)
{
	struct m_snapshot *s = txn_edit(t, KIND_SNAPSHOT, job_text(j, "snapshot"));
	auto_json *content = s ? snapshot_read(s) : NULL;
	struct event_refs refs = snapshot_refs(j);
	json_t *one;
	size_t i;

	snapshot_unlock_vm(t, job_text(j, "vm"));
	snapshot_free_disks(j, t, "merges");
	if (!ok) {
		if (s) {
			s->snapshot_status = M_SNAPSHOT_STATUS_OK;
			M_SET(s, is_broken,
			      M_GET(s, is_broken, false) || json_is_true(json_object_get(job_data(j), "begun")));
		}
		txn_event(t, "USER_REMOVE_SNAPSHOT_FINISHED_FAILURE", &refs,
		          "Failed to delete snapshot '%s' for VM '%s': %.300s", job_text(j, "name"),
		          job_text(j, "vm_name"), e->detail);
		return;
	}
	json_array_foreach (json_object_get(job_data(j), "merges"), i, one)
		move_down(j, t, one, content);
	txn_remove(t, KIND_SNAPSHOT, job_text(j, "snapshot"));
	txn_event(t, "USER_REMOVE_SNAPSHOT_FINISHED_SUCCESS", &refs, "Snapshot '%s' for VM '%s' has been deleted.",
	          job_text(j, "name"), job_text(j, "vm_name"));
}

/* From here on the snapshot's volumes change: what it was cannot be had again. */
static int prepare_step(struct job *j, struct err *e)
{
	if (volumes_merge_prepare(j, e) < 0)
		return -1;
	json_object_set_new(job_data(j), "begun", json_true());
	return 0;
}

#ifdef HOSTLER_PLANTED_BUG
/* For the test that the simulator finds such a thing: cut out before it was merged. */
static int volumes_nothing(struct job *j, struct err *e) { return 0; }

static const struct job_step REMOVE_STEPS[] = {
	{ "prepare-merge", "Making room", prepare_step, NULL, false },
	{ "finish-merge", "Removing the merged volumes", volumes_merge_finish, NULL, true },
	{ "merge", "Merging the data", volumes_nothing, NULL, false },
};
#else
static const struct job_step REMOVE_STEPS[] = {
	{ "prepare-merge", "Making room", prepare_step, NULL, false },
	{ "merge", "Merging the data", volumes_merge, NULL, true },
	{ "finish-merge", "Removing the merged volumes", volumes_merge_finish, NULL, false },
};
#endif
const struct command REMOVE_SNAPSHOT_COMMAND = { "RemoveSnapshot", REMOVE_STEPS, G_N_ELEMENTS(REMOVE_STEPS),
	                                         remove_ended };

/* The volume that lies on that of snapshot s: the next one's, or the disk's own. */
static const char *volume_above(struct call *c, const struct m_snapshot *s, const struct m_disk *d)
{
	unsigned n;
	const struct m_snapshot **list = snapshots_of(c->core, c->pool, c->ids[0], &n);

	for (unsigned i = 0; i < n; i++) {
		auto_json *content = M_GET(list[i], date, 0) > M_GET(s, date, 0) ? snapshot_read(list[i]) : NULL;
		const char *volume = content ? snapshot_volume(content, d->id) : NULL;

		if (volume)
			return pool_strdup(c->pool, volume);
	}
	return d->volume_id;
}

static int plan_merges(struct call *c, struct txn *t, const struct m_snapshot *s, const json_t *content, json_t *merges,
                       GPtrArray *locks, struct err *e)
{
	json_t *one;
	size_t i;

	json_array_foreach (json_object_get(content, "volumes"), i, one) {
		const struct m_disk *d = NULL;
		int rc = snapshot_disk(c->core, c->ids[0], text(one, "disk"), "Cannot remove Snapshot", &d, e);
		const char *top = rc > 0 ? volume_above(c, s, d) : NULL;

		if (rc < 0)
			return -1;
		if (!top || strcmp(top, text(one, "volume")) == 0)
			continue;
		json_array_append_new(merges, volume_merge(c->core, d, text(one, "volume"), top));
		snapshot_lock_disk(c, t, text(one, "disk"), locks);
	}
	return 0;
}

static int remove_in(struct call *c, struct txn *t, const struct m_snapshot *s, struct err *e)
{
	const struct m_vm *vm = txn_get(t, KIND_VM, c->ids[0]);
	struct event_refs refs = vm_refs(vm, c->who.user_id, c->correlation_id);
	auto_json *content = snapshot_read(s), *merges = json_array();
	g_autoptr(GPtrArray) locks = g_ptr_array_new();
	const char *name = pool_strdup(c->pool, STR_OR(s->description, "")), *vm_name = pool_strdup(c->pool, vm->name);
	char job[UUID_LEN + 1];

	if (plan_merges(c, t, s, content, merges, locks, e) < 0) {
		txn_cancel(t);
		return -1;
	}
	((struct m_snapshot *)txn_edit(t, KIND_SNAPSHOT, s->id))->snapshot_status = M_SNAPSHOT_STATUS_LOCKED;
	txn_event(t, "USER_REMOVE_SNAPSHOT", &refs, "Snapshot '%.200s' deletion for VM '%s' was initiated.", name,
	          vm_name);
	snapshot_lock_vm(t, c->ids[0]);
	if (start(c, t, &REMOVE_SNAPSHOT_COMMAND,
	          json_pack("{s:O,s:s,s:s,s:s,s:s,s:s}", "merges", merges, "vm", c->ids[0], "vm_name", vm_name,
	                    "snapshot", c->ids[1], "name", name, "user", c->who.user_id),
	          locks, c->ids[1], vm_name, pool_printf(c->pool, "Removing Snapshot %.200s", name), job, e) < 0)
		return -1;
	return call_reply_action(c, job);
}

int snapshot_remove(struct call *c, struct err *e)
{
	static const char WHAT[] = "Cannot remove Snapshot";
	const struct m_snapshot *s = snapshot_in_path(c, e);
	const struct m_vm *vm;

	if (!s)
		return -1;
	if (s->snapshot_type != M_SNAPSHOT_TYPE_REGULAR)
		return err_set(e, ERR_CONFLICT, "%s. Only regular snapshots are removed; this one is %s.", WHAT,
		               m_enum_name(&M_ENUM_snapshot_type, s->snapshot_type));
	vm = INV_LATEST(c->core->inv, VM, vm, c->ids[0]);
	if (vm && !vm_is_down(vm))
		return err_set(e, ERR_CONFLICT,
		               "%s. VM %s runs; in this version snapshots are removed while their VM is down.", WHAT,
		               vm->name);
	if (snapshot_check_vm(c->core, c->ids[0], false, WHAT, e) < 0 ||
	    vm_check_no_preview(c->core, c->ids[0], WHAT, e) < 0)
		return -1;
	if (s->snapshot_status != M_SNAPSHOT_STATUS_OK)
		return err_set(e, ERR_CONFLICT, "%s. The snapshot is locked. Please try again later.", WHAT);
	return remove_in(c, txn_begin(c->core), s, e);
}
