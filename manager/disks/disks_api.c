/* SPDX-License-Identifier: Apache-2.0 */
/* /disks, and the disks of a storage domain. */
#include <string.h>

#include "manager/api/generic.h"
#include "manager/core/locks.h"
#include "manager/disks/disks_int.h"

int disk_check_free(struct core *c, const struct m_disk *disk, const char *what, struct err *e)
{
	if (disk->status == M_DISK_STATUS_LOCKED || lock_check(c, disk->id, NULL, e) < 0)
		return err_set(e, ERR_CONFLICT, "%s: Disk is locked: %s. Please try again later.", what,
		               disk->name && *disk->name ? disk->name : disk->id);
	if ((disk->content_type == M_DISK_CONTENT_TYPE_MEMORY_DUMP_VOLUME ||
	     disk->content_type == M_DISK_CONTENT_TYPE_MEMORY_METADATA_VOLUME) &&
	    suspend_is_memory(c, disk->id))
		return err_set(e, ERR_CONFLICT, "%s: Disk %s holds the memory of a suspended VM.", what,
		               disk->name && *disk->name ? disk->name : disk->id);
	return 0;
}

const struct m_vm *disk_running_vm(struct core *c, const char *disk_id)
{
	INV_EACH_BY (a, c->inv, KIND_DISK_ATTACHMENT, IDX_DISK_ATTACHMENT_disk, disk_id) {
		const struct m_disk_attachment *da = a->latest;
		const struct m_vm *vm = da ? INV_LATEST(c->inv, VM, vm, da->vm.id) : NULL;
		if (vm && M_GET(da, active, true) && !vm_is_down(vm))
			return vm;
	}
	return NULL;
}

/* ---- add ---- */

static int add_disk(struct call *c, struct m_disk *body, struct err *e)
{
	struct txn *t = txn_begin(c->core);
	struct m_disk *d = disk_new(c, t, body, "disk", e);
	char job[UUID_LEN + 1];
	char *id;

	if (!d) {
		txn_cancel(t);
		return -1;
	}
	id = pool_strdup(c->pool, d->id);
	return disk_start_create(c, t, d, NULL, job, e) < 0 ? -1 : call_reply_kind(c, KIND_DISK, id);
}

static int disk_add(struct call *c, struct err *e) { return add_disk(c, c->body, e); }

/* ---- below storage domains: storagedomains/{sd}/disks, datacenters/{dc}/storagedomains/{sd}/disks ---- */

/* The storage domain's id in the path, checked. NULL with e. */
static const char *domain_in_path(struct call *c, int i, struct err *e)
{
	const struct m_storage_domain *sd = call_visible(c, i, KIND_STORAGE_DOMAIN, e);

	if (sd && i > 0 && g_strcmp0(sd->data_center.id, c->ids[0]) != 0) {
		err_set(e, ERR_NO_ENTITY, "The storage domain is not attached to the data center.");
		return NULL;
	}
	return sd ? sd->id : NULL;
}

static int list_in(struct call *c, const char *sd_id, struct err *e)
{
	GPtrArray *v;
	int rc;

	if (!sd_id)
		return -1;
	v = g_ptr_array_new();
	INV_EACH_BY (en, c->core->inv, KIND_DISK, IDX_DISK_storage_domains, sd_id)
		g_ptr_array_add(v, (void *)en->pub);
	rc = generic_reply_versions(c, KIND_DISK, v, e);
	g_ptr_array_free(v, TRUE);
	return rc;
}

static int domain_disk_list(struct call *c, struct err *e) { return list_in(c, domain_in_path(c, 0, e), e); }
static int attached_disk_list(struct call *c, struct err *e) { return list_in(c, domain_in_path(c, 1, e), e); }

static int get_in(struct call *c, const char *sd_id, struct err *e)
{
	const struct m_disk *d = sd_id ? inv_get(c->core->inv, KIND_DISK, c->ids[c->n_ids - 1]) : NULL;

	if (!sd_id)
		return -1;
	if (!d || g_strcmp0(disk_domain(d), sd_id) != 0)
		return err_set(e, ERR_NO_ENTITY, "There is no such disk in the storage domain.");
	return call_visible(c, c->n_ids - 1, KIND_DISK, e) ? call_reply_kind(c, KIND_DISK, d->id) : -1;
}

static int domain_disk_get(struct call *c, struct err *e) { return get_in(c, domain_in_path(c, 0, e), e); }
static int attached_disk_get(struct call *c, struct err *e) { return get_in(c, domain_in_path(c, 1, e), e); }

static int domain_disk_add(struct call *c, struct err *e)
{
	const char *sd_id = domain_in_path(c, 0, e);
	struct m_disk *body = c->body;

	if (!sd_id)
		return -1;
	body->storage_domains.n = 0;
	body->storage_domain = (struct m_ref){ pool_strdup(c->pool, sd_id), NULL };
	return add_disk(c, body, e);
}

/* ---- change ---- */

/* What the client may not, or need not, say of an existing disk: it reads it and sends it back. */
static int check_fixed(struct call *c, const struct m_disk *old, const struct m_disk *body, const char *prefix,
                       struct err *e)
{
	if (body->format && body->format != old->format)
		return err_field(e, ERR_CONFLICT, pool_printf(c->pool, "%s.format", prefix),
		                 "Cannot edit Virtual Disk. The format of a disk is changed by converting it.");
	if (body->has.sparse && body->sparse != M_GET(old, sparse, true))
		return err_field(e, ERR_CONFLICT, pool_printf(c->pool, "%s.sparse", prefix),
		                 "Cannot edit Virtual Disk. The allocation of a disk is changed by converting it.");
	if (body->has.provisioned_size && disk_round(body->provisioned_size) < M_GET(old, provisioned_size, 0))
		return err_field(e, ERR_CONFLICT, pool_printf(c->pool, "%s.provisioned_size", prefix),
		                 "Cannot edit Virtual Disk. New disk size must be larger than the current disk size.");
	if (M_GET(body, shareable, false) && old->format != M_DISK_FORMAT_RAW)
		return err_field(e, ERR_CONFLICT, pool_printf(c->pool, "%s.shareable", prefix),
		                 "Cannot edit Virtual Disk. A disk of format cow cannot be shareable.");
	if (body->has.shareable && !body->shareable &&
	    inv_count_by(c->core->inv, KIND_DISK_ATTACHMENT, IDX_DISK_ATTACHMENT_disk, old->id) > 1)
		return err_field(e, ERR_CONFLICT, pool_printf(c->pool, "%s.shareable", prefix),
		                 "Cannot edit Virtual Disk. The disk is attached to several VMs.");
	if (body->backup == M_DISK_BACKUP_INCREMENTAL && old->format != M_DISK_FORMAT_COW)
		return err_field(e, ERR_CONFLICT, pool_printf(c->pool, "%s.backup", prefix),
		                 "Cannot edit Virtual Disk. Incremental backup needs a disk of format cow.");
	return 0;
}

/* Members that a merge may take over. */
static struct m_disk *changeable(struct call *c, const struct m_disk *body)
{
	struct m_disk *b = m_new(c->pool, &M_TYPE_disk);

	b->name = b->alias = body->alias ? body->alias : body->name;
	b->description = body->description;
	b->comment = body->comment;
	b->backup = body->backup;
	b->content_type = body->content_type;
	b->sgio = body->sgio;
	b->disk_profile = body->disk_profile;
	b->quota = body->quota;
	if (body->has.wipe_after_delete)
		M_SET(b, wipe_after_delete, body->wipe_after_delete);
	if (body->has.propagate_errors)
		M_SET(b, propagate_errors, body->propagate_errors);
	if (body->has.shareable)
		M_SET(b, shareable, body->shareable);
	return b;
}

static int check_grow(struct core *c, const struct m_disk *old, int64_t size, struct err *e)
{
	const struct m_vm *vm = disk_running_vm(c, old->id);
	const struct m_storage_domain *sd;

	if (old->status == M_DISK_STATUS_ILLEGAL)
		return err_set(e, ERR_CONFLICT, "Cannot edit Virtual Disk. Disk %s is illegal: it can only be removed.",
		               old->name);
	if (vm)
		return err_set(e, ERR_CONFLICT,
		               "Cannot edit Virtual Disk. VM %s runs; in this version a disk cannot grow meanwhile.",
		               vm->name);
	if (size > 9007199254740992)
		return err_field(e, ERR_RANGE, "disk.provisioned_size",
		                 "The size of a disk is at most 9007199254740992 bytes.");
	sd = storage_active(c, disk_domain(old), e);
	if (!sd)
		return err_wrap(e, "Cannot edit Virtual Disk");
	return disk_check_room(c, sd, M_GET(old, sparse, true) ? 0 : size - old->provisioned_size,
	                       "Cannot edit Virtual Disk", e);
}

int disk_apply_update(struct call *c, const char *disk_id, const struct m_disk *body, const char *prefix, char *job,
                      struct err *e)
{
	const struct m_disk *old = disk_latest(c->core, disk_id);
	struct event_refs refs = call_refs(c);
	bool is_renamed;
	struct m_disk *draft, *b;
	int64_t size;
	struct txn *t;
	int rc;

	*job = 0;
	if (!old)
		return err_set(e, ERR_NO_ENTITY, "There is no disk %s.", disk_id);
	b = changeable(c, body);
	if (check_fixed(c, old, body, prefix, e) < 0)
		return -1;
	if (!body->has.provisioned_size && m_equal(&M_TYPE_disk, b, m_new(c->pool, &M_TYPE_disk)))
		return 0;
	if (disk_check_free(c->core, old, "Cannot edit Virtual Disk", e) < 0 ||
	    call_resolve(c, &b->disk_profile, KIND_DISK_PROFILE, disk_domain(old), false, "disk.disk_profile", e) < 0 ||
	    call_resolve(c, &b->quota, KIND_QUOTA, NULL, false, "disk.quota", e) < 0)
		return -1;
	size = body->has.provisioned_size ? disk_round(body->provisioned_size) : 0;
	if (size > M_GET(old, provisioned_size, 0) && check_grow(c->core, old, size, e) < 0)
		return -1;
	is_renamed = (b->name && g_strcmp0(b->name, old->name) != 0) ||
	             (b->description && g_strcmp0(b->description, old->description) != 0);
	t = txn_begin(c->core);
	draft = txn_edit(t, KIND_DISK, disk_id);
	if (m_merge(txn_pool(t), &M_TYPE_disk, draft, b, M_MERGE_API, e) < 0 ||
	    m_validate(&M_TYPE_disk, draft, e) < 0) {
		txn_cancel(t);
		return -1;
	}
	M_SET(draft, modified, loop_wall_ms(c->core->loop));
	refs.storage_domain = disk_domain(draft);
	txn_event(t, "USER_UPDATE_DISK", &refs, "Disk %s was updated.", draft->name ? draft->name : disk_id);
	if (size > M_GET(draft, provisioned_size, 0)) {
		rc = disk_start_extend(c, t, draft, size, job, e);
	} else {
		job_record(t, c->correlation_id, c->who.user_id, job, "Editing Disk %s",
		           draft->name ? draft->name : disk_id);
		rc = txn_commit(t, e);
	}
	if (rc == 0 && is_renamed)
		disk_write_description(c->core, disk_id);
	return rc;
}

static int disk_update(struct call *c, struct err *e)
{
	const char *id = c->ids[c->n_ids - 1];
	const struct m_disk *body = c->body;
	char job[UUID_LEN + 1];

	if (body->id && g_ascii_strcasecmp(body->id, id) != 0)
		return err_field(e, ERR_IMMUTABLE, "id", "Attempt to set immutable field: id");
	return disk_apply_update(c, id, body, "disk", job, e) < 0 ? -1 : call_reply_kind(c, KIND_DISK, id);
}

/* ---- remove ---- */

static int disk_remove(struct call *c, struct err *e)
{
	const char *id = pool_strdup(c->pool, c->ids[c->n_ids - 1]);
	const struct m_disk *d = disk_latest(c->core, id);
	const struct m_vm *vm;
	char job[UUID_LEN + 1];
	struct event_refs refs = call_refs(c);
	struct txn *t;

	if (!d)
		return err_set(e, ERR_NO_ENTITY, "There is no disk %s.", id);
	if (disk_check_free(c->core, d, "Cannot remove Virtual Disk", e) < 0)
		return -1;
	vm = disk_running_vm(c->core, id);
	if (vm)
		return err_set(e, ERR_CONFLICT,
		               "Cannot remove Virtual Disk. At least one of the VMs using it is not down: %s.",
		               vm->name);
	INV_EACH_BY (a, c->core->inv, KIND_DISK_ATTACHMENT, IDX_DISK_ATTACHMENT_disk, id)
		if (ENTITY_OBJ(a, disk_attachment)->template.id)
			return err_set(e, ERR_CONFLICT, "Cannot remove Virtual Disk. It belongs to a template.");
	t = txn_begin(c->core);
	refs.storage_domain = disk_domain(d);
	txn_event(t, "USER_REMOVE_DISK_INITIATED", &refs, "Disk %s is being removed.", d->name ? d->name : id);
	if (disk_start_remove(c, t, (const char *const[]){ id, NULL }, NULL, job, e) < 0)
		return -1;
	return call_reply_action(c, job);
}

static int domain_disk_remove(struct call *c, struct err *e)
{
	const char *sd_id = domain_in_path(c, c->n_ids - 2, e);
	const struct m_disk *d = sd_id ? inv_get(c->core->inv, KIND_DISK, c->ids[c->n_ids - 1]) : NULL;

	if (!sd_id)
		return -1;
	if (!d || g_strcmp0(disk_domain(d), sd_id) != 0)
		return err_set(e, ERR_NO_ENTITY, "There is no such disk in the storage domain.");
	return disk_remove(c, e);
}

#define ON_DISK(PERMIT) .permit = PERMIT, .on = KIND_DISK, .is_on_last = true, .flags = OP_WAITS
const struct api_op DISK_OPS[] = {
	ROW("disks.list", generic_list, KIND_DISK),
	ROW("disk.get", generic_get, KIND_DISK),
	ROW("disks.add", disk_add, KIND_DISK, ASKS("create_disk", KIND_STORAGE_DOMAIN)),
	ROW("disk.update", disk_update, KIND_DISK, ON_DISK("edit_disk_properties")),
	ROW("disk.remove", disk_remove, KIND_DISK, ON_DISK("delete_disk")),
	ROW("disk.copy", disk_copy, KIND_DISK, ON_DISK("configure_disk_storage")),
	ROW("disk.move", disk_move, KIND_DISK, ON_DISK("configure_disk_storage")),
	ROW("storage_domain_disk.copy", disk_copy, KIND_DISK, ON_DISK("configure_disk_storage")),
	ROW("storage_domain_disk.move", disk_move, KIND_DISK, ON_DISK("configure_disk_storage")),
	ROW("attached_storage_domain_disk.copy", disk_copy, KIND_DISK, ON_DISK("configure_disk_storage")),
	ROW("attached_storage_domain_disk.move", disk_move, KIND_DISK, ON_DISK("configure_disk_storage")),
	ROW("storage_domain_disks.list", domain_disk_list, KIND_DISK),
	ROW("storage_domain_disk.get", domain_disk_get, KIND_DISK),
	ROW("storage_domain_disks.add", domain_disk_add, KIND_DISK, ASKS("create_disk", KIND_STORAGE_DOMAIN)),
	ROW("storage_domain_disk.update", disk_update, KIND_DISK, ON_DISK("edit_disk_properties")),
	ROW("storage_domain_disk.remove", domain_disk_remove, KIND_DISK, ON_DISK("delete_disk")),
	ROW("attached_storage_domain_disks.list", attached_disk_list, KIND_DISK),
	ROW("attached_storage_domain_disk.get", attached_disk_get, KIND_DISK),
	ROW("attached_storage_domain_disk.update", disk_update, KIND_DISK, ON_DISK("edit_disk_properties")),
	ROW("attached_storage_domain_disk.remove", domain_disk_remove, KIND_DISK, ON_DISK("delete_disk")),
	{ .name = NULL },
};

static void attachment_view(struct core *c, struct pool *p, const void *published, void *copy)
{
	/* Clients know an attachment by its disk. */
	((struct m_disk_attachment *)copy)->id = ((const struct m_disk_attachment *)published)->disk.id;
}

/* A disk says which VMs it is attached to, or whose template it is. */
static void disk_view(struct core *c, struct pool *p, const void *published, void *copy)
{
	const struct m_disk *d = published;
	struct m_disk *v = copy;
	unsigned most = inv_count_by(c->inv, KIND_DISK_ATTACHMENT, IDX_DISK_ATTACHMENT_disk, d->id);

	v->vms.v = POOL_ARRAY(p, struct m_ref, most + 1);
	v->vms.n = 0;
	INV_EACH_BY (a, c->inv, KIND_DISK_ATTACHMENT, IDX_DISK_ATTACHMENT_disk, d->id) {
		const struct m_disk_attachment *da = a->pub;

		if (da && da->vm.id && v->vms.n < most)
			v->vms.v[v->vms.n++].id = da->vm.id;
		if (da && da->template.id)
			v->template.id = da->template.id;
	}
}

static const struct kind_ops ATTACHMENT_KIND = { .view = attachment_view };
static const struct kind_ops DISK_KIND = { .view = disk_view };

void disks_register(struct core *c)
{
	core_register_kind(c, KIND_DISK_ATTACHMENT, &ATTACHMENT_KIND);
	core_register_kind(c, KIND_DISK, &DISK_KIND);
	jobs_register(c, &ADD_DISK);
	jobs_register(c, &COPY_DISK);
	jobs_register(c, &MOVE_DISK);
	jobs_register(c, &EXTEND_DISK);
	jobs_register(c, &REMOVE_DISK);
	jobs_register(c, &REMOVE_VM);
	api_register(DISK_OPS);
	api_register(DISK_ATTACHMENT_OPS);
}
