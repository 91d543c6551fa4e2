/* SPDX-License-Identifier: Apache-2.0 */
/* Snapshots of VMs: reading them, and what their operations have in common. */
#include <string.h>

#include "base/auto.h"
#include "manager/api/generic.h"
#include "manager/core/locks.h"
#include "manager/disks/disks_int.h"
#include "manager/networks/networks.h"
#include "manager/vms/snapshot_int.h"

/* ---- finding ---- */

const struct m_snapshot *snapshot_of_type(struct core *c, const char *vm_id, enum m_snapshot_type type)
{
	auto_pool p = pool_new();
	unsigned n;
	const void **list = inv_latest_by(c->inv, p, KIND_SNAPSHOT, IDX_SNAPSHOT_vm, vm_id, &n);

	for (unsigned i = 0; i < n; i++)
		if (((const struct m_snapshot *)list[i])->snapshot_type == type)
			return list[i];
	return NULL;
}

static int by_date(const void *a, const void *b)
{
	const struct m_snapshot *const *x = a, *const *y = b;
	int64_t dx = M_GET(*x, date, 0), dy = M_GET(*y, date, 0);

	return dx < dy ? -1 : dx > dy;
}

const struct m_snapshot **snapshots_of(struct core *c, struct pool *p, const char *vm_id, unsigned *n)
{
	unsigned all, k = 0;
	const void **list = inv_latest_by(c->inv, p, KIND_SNAPSHOT, IDX_SNAPSHOT_vm, vm_id, &all);
	const struct m_snapshot **out = POOL_ARRAY(p, const struct m_snapshot *, all + 1);

	for (unsigned i = 0; i < all; i++) {
		const struct m_snapshot *s = list[i];

		if (s->snapshot_type == M_SNAPSHOT_TYPE_REGULAR)
			out[k++] = s;
	}
	qsort(out, k, sizeof(*out), by_date);
	*n = k;
	return out;
}

const struct m_snapshot *snapshot_in_path(struct call *c, struct err *e)
{
	const struct m_snapshot *s = INV_LATEST(c->core->inv, SNAPSHOT, snapshot, c->ids[1]);

	if (!call_visible(c, 0, KIND_VM, e))
		return NULL;
	if (!s || g_strcmp0(s->vm.id, c->ids[0]) != 0) {
		err_set(e, ERR_NO_ENTITY, "The VM has no snapshot %s.", c->ids[1]);
		return NULL;
	}
	return s;
}

/* ---- rules ---- */

int vm_check_no_preview(struct core *c, const char *vm_id, const char *what, struct err *e)
{
	if (snapshot_of_type(c, vm_id, M_SNAPSHOT_TYPE_PREVIEW))
		return err_set(e, ERR_CONFLICT, "%s. A snapshot of the VM is in preview; commit or undo that first.",
		               what);
	if (snapshot_of_type(c, vm_id, M_SNAPSHOT_TYPE_STATELESS))
		return err_set(e, ERR_CONFLICT, "%s. The VM runs stateless, or its last run is just being dropped.",
		               what);
	return 0;
}

int snapshot_check_vm(struct core *c, const char *vm_id, bool may_run, const char *what, struct err *e)
{
	const struct m_vm *vm = INV_LATEST(c->inv, VM, vm, vm_id);

	if (!vm)
		return err_set(e, ERR_NO_ENTITY, "There is no VM %s.", vm_id);
	if (vm->status == M_VM_STATUS_IMAGE_LOCKED || lock_check(c, vm_id, NULL, e) < 0)
		return err_set(e, ERR_CONFLICT, "%s. VM %s is locked. Please try again later.", what, vm->name);
	if (vm->status != M_VM_STATUS_DOWN && !(may_run && vm->status == M_VM_STATUS_UP))
		return err_set(e, ERR_CONFLICT, "%s. VM %s is %s; it must be down%s.", what, vm->name,
		               m_enum_name(&M_ENUM_vm_status, vm->status), may_run ? " or up" : "");
	return 0;
}

int snapshot_disk(struct core *c, const char *vm_id, const char *disk_id, const char *what, const struct m_disk **out,
                  struct err *e)
{
	const struct m_disk *d = INV_LATEST(c->inv, DISK, disk, disk_id);
	uuid_text key;

	disk_attachment_key(vm_id, disk_id, key);
	if (!d || !inv_latest(c->inv, KIND_DISK_ATTACHMENT, key) || !d->volume_id || M_GET(d, shareable, false) ||
	    (d->storage_type && d->storage_type != M_DISK_STORAGE_TYPE_IMAGE))
		return 0;
	if (disk_check_free(c, d, what, e) < 0)
		return -1;
	if (d->status == M_DISK_STATUS_ILLEGAL)
		return err_set(e, ERR_CONFLICT, "%s. Disk %s is illegal.", what, STR_OR(d->name, d->id));
	if (!storage_active(c, disk_domain(d), e))
		return err_wrap(e, "%s", what);
	*out = d;
	return 1;
}

/* ---- locks and records of jobs ---- */

void snapshot_lock_vm(struct txn *t, const char *vm_id)
{
	struct m_vm *vm = txn_edit(t, KIND_VM, vm_id);

	if (vm && vm->status == M_VM_STATUS_DOWN)
		vm->status = M_VM_STATUS_IMAGE_LOCKED;
}

void snapshot_unlock_vm(struct txn *t, const char *vm_id)
{
	struct m_vm *vm = txn_edit(t, KIND_VM, vm_id);

	if (vm && vm->status == M_VM_STATUS_IMAGE_LOCKED)
		vm->status = M_VM_STATUS_DOWN;
}

void snapshot_lock_disk(struct call *c, struct txn *t, const char *disk_id, GPtrArray *locks)
{
	struct m_disk *d = txn_edit(t, KIND_DISK, disk_id);

	if (d)
		d->status = M_DISK_STATUS_LOCKED;
	g_ptr_array_add(locks, pool_strdup(c->pool, disk_id));
}

void snapshot_free_disks(struct job *j, struct txn *t, const char *list)
{
	json_t *one;
	size_t i;

	json_array_foreach (json_object_get(job_data(j), list), i, one) {
		struct m_disk *d = txn_edit(t, KIND_DISK, json_string_value(json_object_get(one, "disk")));

		if (d && d->status == M_DISK_STATUS_LOCKED)
			d->status = M_DISK_STATUS_OK;
	}
}

struct event_refs snapshot_refs(struct job *j)
{
	const char *user = job_text(j, "user");

	return (struct event_refs){ .user = *user ? user : NULL,
		                    .vm = job_text(j, "vm"),
		                    .correlation_id = job_correlation(j) };
}

/* ---- going back ---- */

void snapshot_take_volume(struct txn *t, const json_t *content, const char *disk_id, const char *volume)
{
	struct m_disk *d = txn_edit(t, KIND_DISK, disk_id);
	json_t *list = json_object_get(content, "volumes"), *one;
	size_t i;

	if (!d)
		return;
	d->volume_id = d->image_id = pool_strdup(txn_pool(t), volume);
	json_array_foreach (list, i, one) {
		if (g_strcmp0(json_string_value(json_object_get(one, "disk")), disk_id) != 0)
			continue;
		d->format = g_strcmp0(json_string_value(json_object_get(one, "format")), "COW") == 0
		                ? M_DISK_FORMAT_COW
		                : M_DISK_FORMAT_RAW;
		d->qcow_version = d->format == M_DISK_FORMAT_COW ? M_QCOW_VERSION_QCOW2_V3 : 0;
		M_SET(d, sparse, json_is_true(json_object_get(one, "sparse")));
		if (json_integer_value(json_object_get(one, "size")) > 0)
			M_SET(d, provisioned_size, json_integer_value(json_object_get(one, "size")));
		M_SET(d, actual_size, json_integer_value(json_object_get(one, "actual")));
	}
}

static void *unpack(struct pool *p, const struct m_type *type, const json_t *v)
{
	char *text = json_dumps(v, JSON_COMPACT);
	struct err e = ERR_INIT;
	void *obj = NULL;
	int rc = text ? m_from_journal(p, type, text, strlen(text), &obj, &e) : -1;

	free(text);
	return rc == 0 ? obj : NULL;
}

/* A card as it was; an address that somebody else got meanwhile is not taken again. */
static void take_nic(struct txn *t, const char *vm_id, const struct m_nic *then)
{
	struct core *c = txn_core(t);
	struct m_nic *nic = txn_edit(t, KIND_NIC, then->id);
	const struct m_vm *vm = txn_get(t, KIND_VM, vm_id);
	struct err e = ERR_INIT;
	char *id;

	if (!nic)
		nic = txn_new(t, KIND_NIC, then->id);
	id = nic->id;
	*nic = *(struct m_nic *)m_copy(txn_pool(t), &M_TYPE_nic, then);
	nic->id = id;
	if (nic->vnic_profile.id && !inv_latest(c->inv, KIND_VNIC_PROFILE, nic->vnic_profile.id))
		nic->vnic_profile = (struct m_ref){ 0 };
	if (nic->mac && nic->mac->address && vm && mac_check_free(c, vm->cluster.id, nic->mac->address, id, &e) < 0)
		nic->mac->address = mac_draw(c, txn_pool(t), vm->cluster.id, &e);
}

static bool has_nic(const json_t *list, const char *id)
{
	json_t *one;
	size_t i;

	json_array_foreach (list, i, one)
		if (g_strcmp0(json_string_value(json_object_get(one, "id")), id) == 0)
			return true;
	return false;
}

void snapshot_take_configuration(struct txn *t, const char *vm_id, const json_t *content)
{
	const struct m_vm *then = unpack(txn_pool(t), &M_TYPE_vm, json_object_get(content, "vm"));
	json_t *nics = json_object_get(content, "nics"), *one;
	struct m_vm *vm = txn_edit(t, KIND_VM, vm_id);
	size_t i;

	if (vm && then)
		clone_go_back(txn_pool(t), vm, then);
	INV_EACH_BY (en, txn_core(t)->inv, KIND_NIC, IDX_NIC_vm, vm_id)
		if (!has_nic(nics, en->id))
			txn_remove(t, KIND_NIC, en->id);
	json_array_foreach (nics, i, one) {
		const struct m_nic *nic = unpack(txn_pool(t), &M_TYPE_nic, one);

		if (nic && nic->id)
			take_nic(t, vm_id, nic);
	}
}

/* ---- reading ---- */

/* A disk as the snapshot has it. */
static struct m_disk *disk_view_of(struct call *c, const struct m_snapshot *s, const json_t *one)
{
	const struct m_disk *d = INV_GET(c->core->inv, DISK, disk, json_string_value(json_object_get(one, "disk")));
	struct m_disk *v = d ? call_view(c, KIND_DISK, d) : NULL;

	if (!v)
		return NULL;
	v->image_id = pool_strdup(c->pool, json_string_value(json_object_get(one, "volume")));
	v->format = g_strcmp0(json_string_value(json_object_get(one, "format")), "COW") == 0 ? M_DISK_FORMAT_COW
	                                                                                     : M_DISK_FORMAT_RAW;
	M_SET(v, provisioned_size, json_integer_value(json_object_get(one, "size")));
	M_SET(v, actual_size, json_integer_value(json_object_get(one, "actual")));
	REF_SET(c->pool, v->snapshot, s->id);
	return v;
}

static size_t disks_now(struct call *c, const struct m_snapshot *s, void **list)
{
	size_t n = 0;

	INV_EACH_BY (a, c->core->inv, KIND_DISK_ATTACHMENT, IDX_DISK_ATTACHMENT_vm, c->ids[0]) {
		const struct m_disk *d = INV_GET(c->core->inv, DISK, disk, ENTITY_OBJ(a, disk_attachment)->disk.id);
		struct m_disk *v = d ? call_view(c, KIND_DISK, d) : NULL;

		if (!v)
			continue;
		REF_SET(c->pool, v->snapshot, s->id);
		list[n++] = v;
	}
	return n;
}

static size_t disks_then(struct call *c, const struct m_snapshot *s, const json_t *volumes, void **list)
{
	json_t *one;
	size_t i, n = 0;

	json_array_foreach (volumes, i, one) {
		struct m_disk *v = disk_view_of(c, s, one);

		if (v)
			list[n++] = v;
	}
	return n;
}

static int read_disks(struct call *c, void ***list, size_t *n, struct err *e)
{
	const struct m_snapshot *s = snapshot_in_path(c, e);
	auto_json *content = NULL;
	size_t max;

	if (!s)
		return -1;
	content = s->snapshot_type == M_SNAPSHOT_TYPE_ACTIVE ? NULL : snapshot_read(s);
	max = content ? json_array_size(json_object_get(content, "volumes"))
	              : inv_count_by(c->core->inv, KIND_DISK_ATTACHMENT, IDX_DISK_ATTACHMENT_vm, c->ids[0]);
	*list = POOL_ARRAY(c->pool, void *, max + 1);
	*n = content ? disks_then(c, s, json_object_get(content, "volumes"), *list) : disks_now(c, s, *list);
	return 0;
}

static int disk_list(struct call *c, struct err *e)
{
	void **list;
	size_t n;

	return read_disks(c, &list, &n, e) < 0 ? -1 : call_reply_list(c, &M_TYPE_disk, list, n);
}

static int disk_get(struct call *c, struct err *e)
{
	void **list;
	size_t n;

	if (read_disks(c, &list, &n, e) < 0)
		return -1;
	for (size_t i = 0; i < n; i++)
		if (g_strcmp0(((struct m_disk *)list[i])->id, c->ids[2]) == 0)
			return call_reply_entity(c, &M_TYPE_disk, list[i]);
	return err_set(e, ERR_NO_ENTITY, "The snapshot has no disk %s.", c->ids[2]);
}

static int read_nics(struct call *c, void ***list, size_t *n, struct err *e)
{
	const struct m_snapshot *s = snapshot_in_path(c, e);
	auto_json *content = NULL;
	json_t *nics, *one;
	size_t i;

	if (!s)
		return -1;
	*n = 0;
	content = s->snapshot_type == M_SNAPSHOT_TYPE_ACTIVE ? NULL : snapshot_read(s);
	if (!content) {
		*list = POOL_ARRAY(c->pool, void *, inv_count_by(c->core->inv, KIND_NIC, IDX_NIC_vm, c->ids[0]) + 1);
		INV_EACH_BY (nic, c->core->inv, KIND_NIC, IDX_NIC_vm, c->ids[0])
			(*list)[(*n)++] = call_view(c, KIND_NIC, nic->pub);
		return 0;
	}
	nics = json_object_get(content, "nics");
	*list = POOL_ARRAY(c->pool, void *, json_array_size(nics) + 1);
	json_array_foreach (nics, i, one) {
		struct m_nic *nic = unpack(c->pool, &M_TYPE_nic, one);

		if (nic)
			(*list)[(*n)++] = nic;
	}
	return 0;
}

static int nic_list(struct call *c, struct err *e)
{
	void **list;
	size_t n;

	return read_nics(c, &list, &n, e) < 0 ? -1 : call_reply_list(c, &M_TYPE_nic, list, n);
}

static int nic_get(struct call *c, struct err *e)
{
	void **list;
	size_t n;

	if (read_nics(c, &list, &n, e) < 0)
		return -1;
	for (size_t i = 0; i < n; i++)
		if (g_strcmp0(((struct m_nic *)list[i])->id, c->ids[2]) == 0)
			return call_reply_entity(c, &M_TYPE_nic, list[i]);
	return err_set(e, ERR_NO_ENTITY, "The snapshot has no NIC %s.", c->ids[2]);
}

#define CHANGES ON("manipulate_vm_snapshots", KIND_VM)
const struct api_op VM_SNAPSHOT_OPS[] = {
	ROW("snapshots.list", generic_list, KIND_SNAPSHOT, BELOW(KIND_VM, IDX_SNAPSHOT_vm)),
	ROW("snapshots.add", snapshot_add, KIND_SNAPSHOT, CHANGES),
	ROW("snapshot.get", generic_get, KIND_SNAPSHOT, BELOW(KIND_VM, IDX_SNAPSHOT_vm)),
	ROW("snapshot.remove", snapshot_remove, KIND_SNAPSHOT, CHANGES),
	ROW("snapshot.restore", snapshot_restore, KIND_SNAPSHOT, CHANGES),
	ROW("snapshot_disks.list", disk_list, NO_KIND, .flags = OP_HREF_HERE),
	ROW("snapshot_disk.get", disk_get, NO_KIND, .flags = OP_HREF_HERE),
	ROW("snapshot_nics.list", nic_list, NO_KIND, .flags = OP_HREF_HERE),
	ROW("snapshot_nic.get", nic_get, NO_KIND, .flags = OP_HREF_HERE),
	{ .name = NULL },
};

void snapshots_register(struct core *c)
{
	static const struct command *const COMMANDS[] = { &CLONE_VM_COMMAND,         &ADD_SNAPSHOT_COMMAND,
		                                          &REMOVE_SNAPSHOT_COMMAND,  &PREVIEW_SNAPSHOT_COMMAND,
		                                          &UNDO_SNAPSHOT_COMMAND,    &COMMIT_SNAPSHOT_COMMAND,
		                                          &RESTORE_SNAPSHOT_COMMAND, &END_STATELESS_COMMAND };

	for (size_t i = 0; i < G_N_ELEMENTS(COMMANDS); i++)
		jobs_register(c, COMMANDS[i]);
	api_register(VM_CLONE_OPS);
	api_register(VM_PREVIEW_OPS);
}
