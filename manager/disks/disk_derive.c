/* SPDX-License-Identifier: Apache-2.0 */
/* Disks that are made from others: copies, and layers over templates' disks. */
#include <string.h>

#include "manager/disks/disks_int.h"

static char *field_of(struct pool *p, const char *prefix, const char *member)
{
	return pool_printf(p, "%s.%s", prefix, member);
}

/* Where: as asked, or beside the source. */
static const struct m_storage_domain *choose_domain(struct call *c, const struct m_disk *src, const struct m_disk *body,
                                                    bool is_layer, const char *dc_id, const char *prefix,
                                                    const char *what, struct err *e)
{
	const char *field = field_of(c->pool, prefix, "storage_domains"), *id = disk_domain(src);
	const struct m_storage_domain *sd;
	struct m_ref ref = { 0 };

	if (body && disk_resolve_domain(c, body, prefix, false, &ref, e) < 0)
		return NULL;
	if (ref.id && is_layer && g_strcmp0(ref.id, id) != 0) {
		err_field(e, ERR_CONFLICT, field,
		          "%s. Disk %s: the storage domain does not hold the template's disk, which a thin disk needs. "
		          "Copy the disks instead (clone).",
		          what, STR_OR(src->name, src->id));
		return NULL;
	}
	sd = storage_active(c->core, ref.id ? ref.id : id, e);
	if (!sd) {
		err_wrap(e, "%s", what);
		return NULL;
	}
	if (sd->type != M_STORAGE_DOMAIN_TYPE_DATA || g_strcmp0(sd->data_center.id, dc_id) != 0) {
		err_field(e, ERR_CONFLICT, field, "%s. The storage domain %s is no data domain of the Data Center.",
		          what, sd->name);
		return NULL;
	}
	return call_permit(c, "create_disk", KIND_STORAGE_DOMAIN, sd->id, e) < 0 ? NULL : sd;
}

static void take_wishes(struct pool *p, struct m_disk *d, const struct m_disk *body)
{
	const char *name = body->alias ? body->alias : body->name;

	if (name)
		d->name = d->alias = pool_strdup(p, name);
	if (body->description)
		d->description = pool_strdup(p, body->description);
	if (body->format)
		d->format = body->format;
	if (body->has.sparse)
		M_SET(d, sparse, body->sparse);
	else if (body->format == M_DISK_FORMAT_COW)
		M_SET(d, sparse, true);
	if (body->has.wipe_after_delete)
		M_SET(d, wipe_after_delete, body->wipe_after_delete);
	if (body->quota.id)
		REF_SET(p, d->quota, body->quota.id);
}

static void reset(struct txn *t, struct m_disk *d, const char *sd_id)
{
	struct pool *p = txn_pool(t);

	d->storage_domain = (struct m_ref){ 0 };
	d->storage_domains.v = POOL_ARRAY(p, struct m_ref, 1);
	d->storage_domains.n = 1;
	REF_SET(p, d->storage_domains.v[0], sd_id);
	d->volume_id = d->image_id = core_uuid(txn_core(t), p);
	d->status = M_DISK_STATUS_LOCKED;
	d->qcow_version = d->format == M_DISK_FORMAT_COW ? M_QCOW_VERSION_QCOW2_V3 : 0;
	d->backup = d->format == M_DISK_FORMAT_COW && d->backup ? d->backup : M_DISK_BACKUP_NONE;
	M_SET(d, actual_size, d->sparse ? 0 : d->provisioned_size);
	M_SET(d, total_size, d->actual_size);
	M_SET(d, is_attached, false);
	M_SET(d, shareable, false);
	d->has.initial_size = 0;
}

struct m_disk *disk_derive(struct call *c, struct txn *t, const struct m_disk *src, struct m_disk *body, bool is_layer,
                           const char *dc_id, const char *prefix, const char *what, struct err *e)
{
	const struct m_storage_domain *sd;
	struct m_disk *d, none = { 0 };
	struct pool *p = txn_pool(t);
	char *id;

	if (src->storage_type && src->storage_type != M_DISK_STORAGE_TYPE_IMAGE) {
		err_set(e, ERR_CONFLICT, "%s. Disk %s is no image: it cannot be copied.", what,
		        STR_OR(src->name, src->id));
		return NULL;
	}
	sd = choose_domain(c, src, body, is_layer, dc_id, prefix, what, e);
	if (!sd)
		return NULL;
	if (!body)
		body = &none;
	if (!body->disk_profile.id && !body->disk_profile.obj && g_strcmp0(sd->id, disk_domain(src)) == 0)
		body->disk_profile.id = src->disk_profile.id;
	if (disk_resolve_profile(c, body, sd->id, prefix, e) < 0 ||
	    call_resolve(c, &body->quota, KIND_QUOTA, NULL, false, field_of(c->pool, prefix, "quota"), e) < 0)
		return NULL;
	d = txn_new(t, KIND_DISK, NULL);
	id = d->id;
	m_copy_common(p, &M_TYPE_disk, d, &M_TYPE_disk, src);
	d->id = id;
	M_SET(d, created, loop_wall_ms(c->core->loop));
	d->has.modified = 0;
	take_wishes(p, d, body);
	if (is_layer) {
		d->format = M_DISK_FORMAT_COW;
		M_SET(d, sparse, true);
	}
	REF_SET(p, d->disk_profile, body->disk_profile.id);
	if (m_validate(&M_TYPE_disk, d, e) < 0 || disk_check_format(c, d, sd, prefix, e) < 0 ||
	    disk_check_room(c->core, sd, M_GET(d, sparse, true) ? 0 : d->provisioned_size, what, e) < 0)
		return NULL;
	reset(t, d, sd->id);
	return d;
}
