/* SPDX-License-Identifier: Apache-2.0 */
/* Copies of disks: new disks with the data of others, in the same or another storage domain; and moving them. */
#include <string.h>

#include "base/auto.h"
#include "manager/api/generic.h"
#include "manager/disks/disks_int.h"
#include "manager/disks/volumes.h"

static const char *text(const json_t *one, const char *key)
{
	const char *s = json_string_value(json_object_get(one, key));
	return s ? s : "";
}

static struct event_refs refs_of(struct job *j)
{
	const char *user = job_text(j, "user");

	return (struct event_refs){ .user = *user ? user : NULL, .correlation_id = job_correlation(j) };
}

static void free_source(struct job *j, struct txn *t)
{
	struct m_disk *d = txn_edit(t, KIND_DISK, job_text(j, "source"));

	if (d && d->status == M_DISK_STATUS_LOCKED)
		d->status = M_DISK_STATUS_OK;
}

/* ---- copy ---- */

static void copy_ended(struct job *j, struct txn *t, bool ok, const struct err *e)
{
	const char *id = text(json_array_get(json_object_get(job_data(j), "volumes"), 0), "disk");
	struct event_refs refs = refs_of(j);

	free_source(j, t);
	if (ok) {
		volumes_take(j, t);
		volumes_set_status(j, t, M_DISK_STATUS_OK);
		txn_event(t, "USER_COPIED_DISK_FINISHED_SUCCESS", &refs, "Disk %s was copied to the Storage Domain %s.",
		          job_text(j, "name"), job_text(j, "domain_name"));
		return;
	}
	if (job_has_left(j, "create-volumes"))
		volumes_set_status(j, t, M_DISK_STATUS_ILLEGAL);
	else
		disk_remove_records(t, id);
	txn_event(t, "USER_COPIED_DISK_FINISHED_FAILURE", &refs,
	          "Failed to copy disk %s to the Storage Domain %s: %.300s", job_text(j, "name"),
	          job_text(j, "domain_name"), e->detail);
}

static const struct job_step COPY_STEPS[] = {
	{ "create-volumes", "Creating the volume", volumes_create, volumes_create_undo, false },
	{ "copy-data", "Copying the data", volumes_copy, NULL, false },
};
const struct command COPY_DISK = { "CopyDisk", COPY_STEPS, G_N_ELEMENTS(COPY_STEPS), copy_ended };

/* What the action says of the new disk, as the body of one. */
static struct m_disk *body_of(struct call *c, const struct m_disk *src, struct err *e)
{
	const struct m_action *a = c->action;
	struct m_disk *b = a->disk ? m_copy(c->pool, &M_TYPE_disk, a->disk) : m_new(c->pool, &M_TYPE_disk);

	b->storage_domains.n = 0;
	b->storage_domain = (struct m_ref){ a->storage_domain->id, a->storage_domain };
	if (a->disk_profile)
		b->disk_profile = (struct m_ref){ a->disk_profile->id, a->disk_profile };
	if (a->quota)
		b->quota = (struct m_ref){ a->quota->id, a->quota };
	if (!b->alias && !b->name)
		b->alias = pool_printf(c->pool, "%.240s_copy", STR_OR(src->name, src->id));
	return b;
}

static int check_source(struct call *c, const struct m_disk *d, const char *what, struct err *e)
{
	const struct m_vm *vm = disk_running_vm(c->core, d->id);

	if (vm)
		return err_set(e, ERR_CONFLICT, "%s. Disk %s is used by VM %s, which runs.", what,
		               STR_OR(d->name, d->id), vm->name);
	if (d->status == M_DISK_STATUS_ILLEGAL)
		return err_set(e, ERR_CONFLICT, "%s. Disk %s is illegal.", what, STR_OR(d->name, d->id));
	return disk_check_free(c->core, d, what, e);
}

/* profile: what a moved disk has from then on; profiles belong to domains. */
static int start(struct call *c, struct txn *t, const struct command *cmd, const char *src_id, const char *new_id,
                 const char *profile, const char *name, json_t *volumes, const char *title, const char *event,
                 struct err *e)
{
	const char *domain = text(json_array_get(volumes, 0), "domain"), *locks[] = { src_id, new_id, NULL };
	const struct m_storage_domain *sd = INV_LATEST(c->core->inv, STORAGE_DOMAIN, storage_domain, domain);
	const char *sd_name = sd ? pool_strdup(c->pool, sd->name) : "-";
	struct m_disk *src = txn_edit(t, KIND_DISK, src_id);
	struct event_refs refs = call_refs(c);
	char job[UUID_LEN + 1];
	struct job_spec spec = {
		.command = cmd,
		.correlation_id = c->correlation_id,
		.owner_id = refs.user,
		.data = json_pack("{s:O,s:s,s:s,s:s,s:s,s:s}", "volumes", volumes, "source", src_id, "profile", profile,
		                  "name", name, "domain_name", sd_name, "user", c->who.user_id),
		.locks = locks,
		.objects = locks,
	};

	src->status = M_DISK_STATUS_LOCKED;
	refs.storage_domain = domain;
	txn_event(t, event, &refs, "%s disk %s to the Storage Domain %s was initiated.", title, name, sd_name);
	if (job_start(t, &spec, job, e, "%s Disk %s to %s", title, name, sd_name) < 0)
		return -1;
	return call_reply_action(c, job);
}

int disk_copy(struct call *c, struct err *e)
{
	static const char WHAT[] = "Cannot copy Virtual Disk";
	const char *id = pool_strdup(c->pool, c->ids[c->n_ids - 1]);
	const struct m_disk *src = disk_latest(c->core, id);
	auto_json *volumes = json_array();
	struct m_disk *body, *d;
	struct txn *t;
	json_t *plan;

	if (!src)
		return err_set(e, ERR_NO_ENTITY, "There is no disk %s.", id);
	if (!c->action || !c->action->storage_domain)
		return err_field(e, ERR_MISSING, "storage_domain", "Action [storageDomain.id|name] required for copy");
	if (check_source(c, src, WHAT, e) < 0)
		return -1;
	src = m_copy(c->pool, &M_TYPE_disk, src);
	body = body_of(c, src, e);
	t = txn_begin(c->core);
	d = disk_derive(c, t, src, body, false, disk_data_center(c->core, src), "disk", WHAT, e);
	if (!d) {
		txn_cancel(t);
		return -1;
	}
	plan = volume_plan(c->core, c->pool, d, d->volume_id);
	volume_plan_copy(plan, src, src->volume_id);
	json_array_append_new(volumes, plan);
	return start(c, t, &COPY_DISK, id, pool_strdup(c->pool, d->id), "", pool_strdup(c->pool, STR_OR(src->name, id)),
	             volumes, "Copying", "USER_COPIED_DISK", e);
}

/* ---- move ---- */

/* The image has one id in both domains; it is moved when the record says so. */
static int switch_step(struct job *j, struct err *e)
{
	const json_t *one = json_array_get(json_object_get(job_data(j), "volumes"), 0);
	struct txn *t = job_txn(j);
	struct m_disk *d = txn_edit(t, KIND_DISK, job_text(j, "source"));

	if (!d)
		return err_set(e, ERR_CONFLICT, "The disk was removed.");
	volumes_take(j, t);
	d->storage_domains.v = POOL_ARRAY(txn_pool(t), struct m_ref, 1);
	d->storage_domains.n = 1;
	REF_SET(txn_pool(t), d->storage_domains.v[0], text(one, "domain"));
	if (*job_text(j, "profile"))
		REF_SET(txn_pool(t), d->disk_profile, job_text(j, "profile"));
	return 0;
}

static int delete_now(struct job *j, struct err *e)
{
	const json_t *one = json_array_get(json_object_get(job_data(j), "volumes"), 0);
	const char *host;

	job_set_text(j, "domain", text(one, "from_domain"));
	job_set_text(j, "dc", text(one, "dc"));
	host = disk_job_spm(j, e);
	return host ? disk_job_delete_image(j, host, job_text(j, "source"), false, e) : -1;
}

static int delete_step(struct job *j, struct err *e) { return storage_patiently(j, delete_now, e); }

static void move_ended(struct job *j, struct txn *t, bool ok, const struct err *e)
{
	struct event_refs refs = refs_of(j);

	free_source(j, t);
	if (ok)
		txn_event(t, "USER_MOVED_DISK_FINISHED_SUCCESS", &refs, "Disk %s was moved to the Storage Domain %s.",
		          job_text(j, "name"), job_text(j, "domain_name"));
	else
		txn_event(t, "USER_MOVED_DISK_FINISHED_FAILURE", &refs,
		          "Failed to move disk %s to the Storage Domain %s: %.300s", job_text(j, "name"),
		          job_text(j, "domain_name"), e->detail);
}

static const struct job_step MOVE_STEPS[] = {
	{ "create-volumes", "Creating the volume", volumes_create, volumes_create_undo, false },
	{ "copy-data", "Copying the data", volumes_copy, NULL, false },
	{ "switch", "Taking the new place", switch_step, NULL, true },
	{ "delete-image", "Removing the old image", delete_step, NULL, false },
};
const struct command MOVE_DISK = { "MoveDisk", MOVE_STEPS, G_N_ELEMENTS(MOVE_STEPS), move_ended };

/* Layers below or above: the disk is more than one volume. */
static int check_single(struct call *c, const struct m_disk *d, struct err *e)
{
	INV_EACH_BY (a, c->core->inv, KIND_DISK_ATTACHMENT, IDX_DISK_ATTACHMENT_disk, d->id) {
		const struct m_disk_attachment *da = a->latest;
		const struct m_vm *vm = da ? INV_LATEST(c->core->inv, VM, vm, da->vm.id) : NULL;

		if (da && da->template.id)
			return err_set(e, ERR_CONFLICT, "Cannot move Virtual Disk. Disk %s belongs to a template.",
			               d->name);
		if (vm && g_strcmp0(vm->template.id, UUID_NIL) != 0)
			return err_set(e, ERR_CONFLICT,
			               "Cannot move Virtual Disk. Disk %s may stand on that of the template of VM %s.",
			               d->name, vm->name);
		if (vm && inv_count_by(c->core->inv, KIND_SNAPSHOT, IDX_SNAPSHOT_vm, vm->id) > 1)
			return err_set(e, ERR_CONFLICT,
			               "Cannot move Virtual Disk. VM %s has snapshots; in this version its disks stay.",
			               vm->name);
	}
	return 0;
}

int disk_move(struct call *c, struct err *e)
{
	static const char WHAT[] = "Cannot move Virtual Disk";
	const char *id = pool_strdup(c->pool, c->ids[c->n_ids - 1]);
	const struct m_disk *src = disk_latest(c->core, id);
	auto_json *volumes = json_array();
	struct m_disk *to, *trial;
	struct txn *t;
	json_t *plan;

	if (!src)
		return err_set(e, ERR_NO_ENTITY, "There is no disk %s.", id);
	if (!c->action || !c->action->storage_domain)
		return err_field(e, ERR_MISSING, "storage_domain", "Action [storageDomain.id|name] required for move");
	if (check_source(c, src, WHAT, e) < 0 || check_single(c, src, e) < 0)
		return -1;
	src = m_copy(c->pool, &M_TYPE_disk, src);
	/* Whatever holds for a copy there holds for it. */
	t = txn_begin(c->core);
	trial = disk_derive(c, t, src, body_of(c, src, e), false, disk_data_center(c->core, src), "disk", WHAT, e);
	to = trial ? m_copy(c->pool, &M_TYPE_disk, trial) : NULL;
	txn_cancel(t);
	if (!to)
		return -1;
	if (g_strcmp0(disk_domain(to), disk_domain(src)) == 0)
		return err_field(e, ERR_CONFLICT, "storage_domain", "%s. It is in this Storage Domain already.", WHAT);
	to->id = (char *)id;
	to->name = src->name;
	plan = volume_plan(c->core, c->pool, to, src->volume_id);
	volume_plan_copy(plan, src, src->volume_id);
	json_object_set_new(plan, "desc", json_string(disk_description(c->pool, src)));
	json_array_append_new(volumes, plan);
	return start(c, txn_begin(c->core), &MOVE_DISK, id, NULL, STR_OR(to->disk_profile.id, ""),
	             pool_strdup(c->pool, STR_OR(src->name, id)), volumes, "Moving", "USER_MOVED_DISK", e);
}
