/* SPDX-License-Identifier: Apache-2.0 */
/* A new disk: what the client wants, completed and checked against what its storage can do. */
#include <string.h>

#include "manager/core/locks.h"
#include "manager/disks/disks_int.h"

const struct m_disk *disk_latest(struct core *c, const char *id) { return INV_LATEST(c->inv, DISK, disk, id); }

const char *disk_domain(const struct m_disk *disk)
{
	return disk->storage_domains.n ? disk->storage_domains.v[0].id : NULL;
}

int64_t disk_round(int64_t size) { return (size + DISK_SECTOR - 1) / DISK_SECTOR * DISK_SECTOR; }

static char *field_of(struct pool *p, const char *prefix, const char *member)
{
	return pool_printf(p, "%s.%s", prefix, member);
}

/* ---- where ---- */

const char *disk_default_domain(struct core *c, const char *dc_id, struct err *e)
{
	const char *best = NULL;
	int64_t best_free = -1;

	INV_EACH_BY (en, c->inv, KIND_STORAGE_DOMAIN, IDX_STORAGE_DOMAIN_data_center, dc_id) {
		const struct m_storage_domain *sd = en->latest;
		int64_t free = 0, total;

		if (!sd || sd->status != M_STORAGE_DOMAIN_STATUS_ACTIVE || sd->type != M_STORAGE_DOMAIN_TYPE_DATA)
			continue;
		storage_space(c, en->id, &free, &total);
		if (free > best_free) {
			best = en->id;
			best_free = free;
		}
	}
	if (!best)
		err_set(e, ERR_CONFLICT,
		        "Cannot add Virtual Disk. There is no active Storage Domain in the Data Center.");
	return best;
}

int disk_resolve_domain(struct call *c, const struct m_disk *body, const char *prefix, bool is_required,
                        struct m_ref *out, struct err *e)
{
	*out = (struct m_ref){ 0 };
	if (body->storage_domains.n > 1)
		return err_field(e, ERR_INVALID, field_of(c->pool, prefix, "storage_domains"),
		                 "A disk has one storage domain.");
	if (body->storage_domains.n == 1)
		*out = body->storage_domains.v[0];
	else if (body->storage_domain.id || body->storage_domain.obj)
		*out = body->storage_domain;
	return call_resolve(c, out, KIND_STORAGE_DOMAIN, NULL, is_required,
	                    field_of(c->pool, prefix, "storage_domains.storage_domain"), e);
}

int disk_resolve_profile(struct call *c, struct m_disk *body, const char *sd_id, const char *prefix, struct err *e)
{
	const struct m_disk_profile *dp;
	struct entity *first;

	if (call_resolve(c, &body->disk_profile, KIND_DISK_PROFILE, sd_id, false,
	                 field_of(c->pool, prefix, "disk_profile"), e) < 0)
		return -1;
	if (!body->disk_profile.id) {
		first = inv_first_by(c->core->inv, KIND_DISK_PROFILE, IDX_DISK_PROFILE_storage_domain, sd_id);
		if (first)
			body->disk_profile.id = pool_strdup(c->pool, first->id);
		return 0;
	}
	dp = INV_LATEST(c->core->inv, DISK_PROFILE, disk_profile, body->disk_profile.id);
	if (g_strcmp0(dp->storage_domain.id, sd_id) != 0)
		return err_field(e, ERR_CONFLICT, field_of(c->pool, prefix, "disk_profile"),
		                 "The disk profile %s belongs to another storage domain.", dp->name);
	return 0;
}

/* ---- what ---- */

static bool is_file(const struct m_storage_domain *sd)
{
	enum m_storage_type t = sd->storage ? sd->storage->type : M_STORAGE_TYPE_LOCALFS;
	return t != M_STORAGE_TYPE_ISCSI && t != M_STORAGE_TYPE_FCP;
}

static bool is_incremental(const struct m_disk *d) { return d->backup == M_DISK_BACKUP_INCREMENTAL; }

/* Format and allocation that the storage likes best, where the client does not care. */
static void choose_format(struct m_disk *d, const struct m_storage_domain *sd)
{
	if (!d->format)
		d->format = is_incremental(d) || (!is_file(sd) && M_GET(d, sparse, false)) ? M_DISK_FORMAT_COW
		                                                                           : M_DISK_FORMAT_RAW;
	if (!d->has.sparse)
		M_SET(d, sparse, is_file(sd) || d->format == M_DISK_FORMAT_COW);
}

int disk_check_format(struct call *c, const struct m_disk *d, const struct m_storage_domain *sd, const char *prefix,
                      struct err *e)
{
	const char *wrong = NULL;

	if (is_incremental(d) && d->format != M_DISK_FORMAT_COW)
		return err_field(e, ERR_CONFLICT, field_of(c->pool, prefix, "backup"),
		                 "Cannot add Virtual Disk. Incremental backup needs a disk of format cow.");
	if (is_file(sd) && d->format == M_DISK_FORMAT_COW && !d->sparse && !is_incremental(d))
		wrong = "COW Preallocated";
	else if (!is_file(sd) && d->format == M_DISK_FORMAT_RAW && d->sparse)
		wrong = "RAW Sparse";
	if (wrong)
		return err_field(e, ERR_UNSUPPORTED, field_of(c->pool, prefix, "format"),
		                 "Cannot add Virtual Disk. Disk configuration "
		                 "(%s) is incompatible with the storage domain type.",
		                 wrong);
	if (M_GET(d, shareable, false) && d->format != M_DISK_FORMAT_RAW)
		return err_field(e, ERR_CONFLICT, field_of(c->pool, prefix, "shareable"),
		                 "Cannot add Virtual Disk. A disk of format cow cannot be shareable.");
	return 0;
}

int disk_check_room(struct core *c, const struct m_storage_domain *sd, int64_t bytes, const char *what, struct err *e)
{
	int64_t free, total, critical = M_GET(sd, critical_space_action_blocker, 5) << 30;

	if (!storage_space(c, sd->id, &free, &total))
		return 0;
	if (free < critical || free - bytes < 0)
		return err_set(e, ERR_CONFLICT, "%s. Low disk space on Storage Domain %s.", what, sd->name);
	return 0;
}

/* Bytes that the new volume takes at once. */
static int64_t first_bytes(const struct m_disk *d)
{
	return d->sparse ? M_GET(d, initial_size, 0) : d->provisioned_size;
}

/* ---- the draft ---- */

static int take_id(struct call *c, struct txn *t, const struct m_disk *body, const char *prefix, char **id,
                   struct err *e)
{
	*id = NULL;
	if (!body->id)
		return 0;
	if (!uuid_is_valid(body->id) || strcmp(body->id, UUID_NIL) == 0)
		return err_field(e, ERR_INVALID, field_of(c->pool, prefix, "id"), "'%.80s' is no valid UUID.",
		                 body->id);
	*id = pool_strdup(txn_pool(t), body->id);
	for (char *s = *id; *s; s++)
		*s = g_ascii_tolower(*s);
	if (txn_get(t, KIND_DISK, *id) || inv_find(c->core->inv, KIND_DISK, *id))
		return err_field(e, ERR_CONFLICT, field_of(c->pool, prefix, "id"),
		                 "Cannot add Virtual Disk. Disk with the ID %s "
		                 "already exists.",
		                 *id);
	return 0;
}

/* Of a disk inside of another document: "disk.alias" becomes "<prefix>.alias". */
static int fix_field(struct call *c, const char *prefix, struct err *e)
{
	char *field;

	if (strncmp(e->field, "disk.", 5) != 0 || strcmp(prefix, "disk") == 0)
		return -1;
	field = field_of(c->pool, prefix, e->field + 5);
	g_strlcpy(e->field, field, sizeof(e->field));
	return -1;
}

static void set_names(struct txn *t, struct m_disk *d)
{
	if (!d->alias)
		d->alias = d->name;
	if (!d->alias)
		d->alias = (char *)"";
	d->name = d->alias = pool_strdup(txn_pool(t), d->alias);
}

static void set_defaults(struct txn *t, struct m_disk *d, const char *sd_id)
{
	struct pool *p = txn_pool(t);

	d->storage_domain = (struct m_ref){ 0 };
	d->storage_domains.v = POOL_ARRAY(p, struct m_ref, 1);
	d->storage_domains.n = 1;
	REF_SET(p, d->storage_domains.v[0], sd_id);
	M_SET(d, provisioned_size, disk_round(d->provisioned_size));
	d->volume_id = core_uuid(txn_core(t), p);
	d->image_id = d->volume_id;
	d->storage_type = M_DISK_STORAGE_TYPE_IMAGE;
	d->status = M_DISK_STATUS_LOCKED;
	d->qcow_version = d->format == M_DISK_FORMAT_COW ? M_QCOW_VERSION_QCOW2_V3 : 0;
	if (!d->content_type)
		d->content_type = M_DISK_CONTENT_TYPE_DATA;
	if (!d->backup)
		d->backup = M_DISK_BACKUP_NONE;
	M_SET(d, actual_size, d->sparse ? 0 : d->provisioned_size);
	M_SET(d, total_size, d->actual_size);
	M_SET(d, is_attached, false);
	DEFAULT(d, propagate_errors, false);
	DEFAULT(d, shareable, false);
	/* said of the attachment */
	d->interface = 0;
	d->logical_name = d->external_disk = NULL;
	d->snapshot = d->openstack_volume_type = d->instance_type = (struct m_ref){ 0 };
	d->has.active = d->has.bootable = d->has.read_only = d->has.uses_scsi_reservation = 0;
}

static int check_body(struct call *c, const struct m_disk *body, const char *prefix, struct err *e)
{
	if (body->lun_storage)
		return err_field(e, ERR_UNSUPPORTED, field_of(c->pool, prefix, "lun_storage"),
		                 "Cannot add Virtual Disk. Direct LUN disks are not supported in this version.");
	if (!body->has.provisioned_size || body->provisioned_size <= 0)
		return err_field(e, ERR_MISSING, field_of(c->pool, prefix, "provisioned_size"),
		                 "Disk [provisionedSize] required for add");
	return 0;
}

struct m_disk *disk_new(struct call *c, struct txn *t, struct m_disk *body, const char *prefix, struct err *e)
{
	const struct m_storage_domain *sd;
	struct m_disk *d;
	struct m_ref ref;
	char *id;

	if (check_body(c, body, prefix, e) < 0 || disk_resolve_domain(c, body, prefix, true, &ref, e) < 0 ||
	    disk_resolve_profile(c, body, ref.id, prefix, e) < 0 ||
	    call_resolve(c, &body->quota, KIND_QUOTA, NULL, false, field_of(c->pool, prefix, "quota"), e) < 0 ||
	    call_permit(c, "create_disk", KIND_STORAGE_DOMAIN, ref.id, e) < 0 ||
	    take_id(c, t, body, prefix, &id, e) < 0)
		return NULL;
	sd = storage_active(c->core, ref.id, e);
	if (!sd) {
		err_wrap(e, "Cannot add Virtual Disk");
		return NULL;
	}
	d = txn_new(t, KIND_DISK, id);
	if (m_merge(txn_pool(t), &M_TYPE_disk, d, body, M_MERGE_API | M_MERGE_CREATE, e) < 0 ||
	    m_validate(&M_TYPE_disk, d, e) < 0) {
		fix_field(c, prefix, e);
		return NULL;
	}
	choose_format(d, sd);
	if (disk_check_format(c, d, sd, prefix, e) < 0 ||
	    disk_check_room(c->core, sd, first_bytes(d), "Cannot add Virtual Disk", e) < 0)
		return NULL;
	set_names(t, d);
	M_SET(d, created, loop_wall_ms(c->core->loop));
	DEFAULT(d, wipe_after_delete, M_GET(sd, wipe_after_delete, false));
	set_defaults(t, d, sd->id);
	perm_grant_owner(t, &c->who, ROLE_DISK_OPERATOR, KIND_DISK, d->id);
	return d;
}

char *disk_path(struct core *c, struct pool *p, const struct m_disk *disk)
{
	const char *sd_id = disk_domain(disk);
	const struct m_storage_domain *sd = sd_id ? INV_LATEST(c->inv, STORAGE_DOMAIN, storage_domain, sd_id) : NULL;

	if (!sd || !sd->data_center.id || !disk->volume_id)
		return NULL;
	return pool_printf(p, "/rhev/data-center/%s/%s/images/%s/%s", sd->data_center.id, sd_id, disk->id,
	                   disk->volume_id);
}

/* ---- attachments ---- */

void disk_attachment_key(const char *owner_id, const char *disk_id, uuid_text out)
{
	uuid_derive(owner_id, disk_id, out);
}

struct m_disk_attachment *disk_attach(struct txn *t, const char *vm_id, struct m_disk *disk,
                                      const struct m_disk_attachment *body)
{
	struct m_disk_attachment *a;
	struct pool *p = txn_pool(t);
	uuid_text key;

	disk_attachment_key(vm_id, disk->id, key);
	a = txn_new(t, KIND_DISK_ATTACHMENT, key);
	REF_SET(p, a->vm, vm_id);
	REF_SET(p, a->disk, disk->id);
	a->interface = body && body->interface ? body->interface : M_DISK_INTERFACE_VIRTIO;
	M_SET(a, active, body ? M_GET(body, active, true) : true);
	M_SET(a, bootable, body ? M_GET(body, bootable, false) : false);
	M_SET(a, pass_discard, body ? M_GET(body, pass_discard, false) : false);
	M_SET(a, read_only, body ? M_GET(body, read_only, false) : false);
	M_SET(a, uses_scsi_reservation, body ? M_GET(body, uses_scsi_reservation, false) : false);
	M_SET(disk, is_attached, true);
	return a;
}
