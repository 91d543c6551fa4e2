/* SPDX-License-Identifier: Apache-2.0 */
/* The volumes that snapshots keep of disks: of one disk, or of all on a storage domain. Their ids are those of the volumes. */
#include <string.h>

#include "base/auto.h"
#include "manager/core/perm.h"
#include "manager/vms/snapshot_int.h"
#include "manager/vms/vm_int.h"

struct layers {
	struct call *call;
	GPtrArray *list; /* of struct m_disk_snapshot, the oldest of each disk first */
	const char *below;
};

/* With its VM, which its address needs. */
static struct m_ref reference(struct pool *p, const struct m_snapshot *s)
{
	struct m_snapshot *key = m_new(p, &M_TYPE_snapshot);

	key->id = pool_strdup(p, s->id);
	REF_SET(p, key->vm, s->vm.id);
	return (struct m_ref){ key->id, key };
}

static struct m_disk_snapshot *add(struct layers *l, const struct m_disk *d, const char *volume,
                                   const struct m_snapshot *s)
{
	struct pool *p = l->call->pool;
	struct m_disk_snapshot *v = m_new(p, &M_TYPE_disk_snapshot);

	v->id = v->image_id = pool_strdup(p, volume);
	v->name = v->alias = d->name;
	v->description = d->description;
	v->content_type = d->content_type;
	v->storage_type = d->storage_type;
	v->status = d->status;
	v->storage_domains.v = d->storage_domains.v;
	v->storage_domains.n = d->storage_domains.n;
	REF_SET(p, v->disk, d->id);
	if (s)
		v->snapshot = reference(p, s);
	if (l->below)
		REF_SET(p, v->parent, l->below);
	l->below = v->id;
	g_ptr_array_add(l->list, v);
	return v;
}

static void add_kept(struct layers *l, const struct m_disk *d, const struct m_snapshot *s)
{
	auto_json *content = snapshot_read(s);
	const json_t *one = snapshot_entry(content, d->id);
	const char *volume = json_string_value(json_object_get(one, "volume"));
	struct m_disk_snapshot *v;

	if (!volume || !*volume || g_strcmp0(volume, l->below) == 0 || g_strcmp0(volume, d->volume_id) == 0)
		return;
	v = add(l, d, volume, s);
	v->format = g_strcmp0(json_string_value(json_object_get(one, "format")), "COW") == 0 ? M_DISK_FORMAT_COW
	                                                                                     : M_DISK_FORMAT_RAW;
	M_SET(v, active, false);
	M_SET(v, sparse, json_is_true(json_object_get(one, "sparse")));
	M_SET(v, provisioned_size, json_integer_value(json_object_get(one, "size")));
	M_SET(v, actual_size, json_integer_value(json_object_get(one, "actual")));
}

/* What the VM writes to. */
static void add_active(struct layers *l, const struct m_disk *d, const char *vm_id)
{
	const struct m_snapshot *s = vm_id ? snapshot_of_type(l->call->core, vm_id, M_SNAPSHOT_TYPE_ACTIVE) : NULL;
	struct m_disk_snapshot *v;

	if (!d->volume_id)
		return;
	v = add(l, d, d->volume_id, s);
	v->format = d->format;
	M_SET(v, active, true);
	M_SET(v, sparse, M_GET(d, sparse, true));
	M_SET(v, provisioned_size, M_GET(d, provisioned_size, 0));
	M_SET(v, actual_size, M_GET(d, actual_size, 0));
}

static void add_disk(struct layers *l, const char *disk_id)
{
	struct call *c = l->call;
	const struct m_disk *d = INV_GET(c->core->inv, DISK, disk, disk_id);
	const char *vm_id = NULL;

	if (!d || (call_is_filtered(c) && !perm_can_see(c->core, &c->who, KIND_DISK, disk_id)))
		return;
	call_retain(c, d);
	l->below = NULL;
	INV_EACH_BY (a, c->core->inv, KIND_DISK_ATTACHMENT, IDX_DISK_ATTACHMENT_disk, disk_id) {
		const struct m_snapshot **kept;
		unsigned n;

		vm_id = ENTITY_OBJ(a, disk_attachment)->vm.id;
		kept = vm_id ? snapshots_of(c->core, c->pool, vm_id, &n) : NULL;
		for (unsigned i = 0; kept && i < n; i++)
			add_kept(l, d, kept[i]);
	}
	if (c->query.include_active)
		add_active(l, d, vm_id);
}

/* Below a disk or a storage domain. */
static GPtrArray *read_layers(struct call *c, struct err *e)
{
	bool is_disk = g_str_has_prefix(c->path, "disks/");
	struct layers l = { c, NULL, NULL };

	if (!call_visible(c, 0, is_disk ? KIND_DISK : KIND_STORAGE_DOMAIN, e))
		return NULL;
	l.list = g_ptr_array_new();
	if (is_disk)
		add_disk(&l, c->ids[0]);
	else
		INV_EACH_BY (d, c->core->inv, KIND_DISK, IDX_DISK_storage_domains, c->ids[0])
			add_disk(&l, d->id);
	return l.list;
}

static int list(struct call *c, struct err *e)
{
	GPtrArray *found = read_layers(c, e);
	void **all;

	if (!found)
		return -1;
	all = POOL_ARRAY(c->pool, void *, found->len + 1);
	for (guint i = 0; i < found->len; i++)
		all[i] = found->pdata[i];
	call_reply_list(c, &M_TYPE_disk_snapshot, all, found->len);
	g_ptr_array_free(found, TRUE);
	return 0;
}

static int get(struct call *c, struct err *e)
{
	struct m_disk_snapshot *v = NULL;
	GPtrArray *found;

	c->query.include_active = true;
	found = read_layers(c, e);
	if (!found)
		return -1;
	for (guint i = 0; i < found->len && !v; i++)
		if (strcmp(((struct m_disk_snapshot *)found->pdata[i])->id, c->ids[1]) == 0)
			v = found->pdata[i];
	g_ptr_array_free(found, TRUE);
	return v ? call_reply_entity(c, &M_TYPE_disk_snapshot, v)
	         : err_set(e, ERR_NO_ENTITY, "There is no disk snapshot %s.", c->ids[1]);
}

const struct api_op DISK_SNAPSHOT_OPS[] = {
	ROW("disk_snapshots.list", list, NO_KIND, .flags = OP_HREF_HERE),
	ROW("disk_snapshot.get", get, NO_KIND, .flags = OP_HREF_HERE),
	{ .name = NULL },
};
