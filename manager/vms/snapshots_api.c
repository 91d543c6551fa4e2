/* SPDX-License-Identifier: Apache-2.0 */
/* Snapshots: the active one, which is the VM as it is. */
#include "manager/api/generic.h"
#include "manager/vms/vm_int.h"

/* The snapshot of the path, which must be the VM's active one: only that has its disks and cards in the inventory. */
static const struct m_snapshot *active_of(struct call *c, struct err *e)
{
	const struct m_snapshot *s = INV_GET(c->core->inv, SNAPSHOT, snapshot, c->ids[1]);

	if (!call_entity(c, 0, KIND_VM, e))
		return NULL;
	if (!s || g_strcmp0(s->vm.id, c->ids[0]) != 0) {
		err_set(e, ERR_NO_ENTITY, "The VM has no snapshot %s.", c->ids[1]);
		return NULL;
	}
	return s;
}

static int disk_list(struct call *c, struct err *e)
{
	const struct m_snapshot *s = active_of(c, e);
	void **list;
	size_t n = 0;

	if (!s)
		return -1;
	list = POOL_ARRAY(c->pool, void *,
	                  inv_count_by(c->core->inv, KIND_DISK_ATTACHMENT, IDX_DISK_ATTACHMENT_vm, c->ids[0]) + 1);
	INV_EACH_BY (a, c->core->inv, KIND_DISK_ATTACHMENT, IDX_DISK_ATTACHMENT_vm, c->ids[0]) {
		const struct m_disk *d = INV_GET(c->core->inv, DISK, disk, ENTITY_OBJ(a, disk_attachment)->disk.id);
		struct m_disk *v = d ? call_view(c, KIND_DISK, d) : NULL;

		if (!v)
			continue;
		REF_SET(c->pool, v->snapshot, s->id);
		list[n++] = v;
	}
	return call_reply_list(c, &M_TYPE_disk, list, n);
}

static int nic_list(struct call *c, struct err *e)
{
	void **list;
	size_t n = 0;

	if (!active_of(c, e))
		return -1;
	list = POOL_ARRAY(c->pool, void *, inv_count_by(c->core->inv, KIND_NIC, IDX_NIC_vm, c->ids[0]) + 1);
	INV_EACH_BY (nic, c->core->inv, KIND_NIC, IDX_NIC_vm, c->ids[0])
		list[n++] = call_view(c, KIND_NIC, nic->pub);
	return call_reply_list(c, &M_TYPE_nic, list, n);
}

const struct api_op VM_SNAPSHOT_OPS[] = {
	ROW("snapshots.list", generic_list, KIND_SNAPSHOT, BELOW(KIND_VM, IDX_SNAPSHOT_vm)),
	ROW("snapshot.get", generic_get, KIND_SNAPSHOT, BELOW(KIND_VM, IDX_SNAPSHOT_vm)),
	ROW("snapshot_disks.list", disk_list, NO_KIND, .flags = OP_HREF_HERE),
	ROW("snapshot_nics.list", nic_list, NO_KIND, .flags = OP_HREF_HERE),
	{ .name = NULL },
};
