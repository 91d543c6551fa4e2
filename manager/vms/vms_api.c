/* SPDX-License-Identifier: Apache-2.0 */
/* VMs as a collection, and their removal. */
#include <string.h>

#include "manager/api/generic.h"
#include "manager/core/locks.h"
#include "manager/disks/disks.h"
#include "manager/vms/vm_int.h"

struct event_refs vm_refs(const struct m_vm *vm, const char *user_id, const char *correlation_id)
{
	return (struct event_refs){ .vm = vm->id,
		                    .cluster = vm->cluster.id,
		                    .host = vm->host.id,
		                    .user = user_id && *user_id ? user_id : NULL,
		                    .correlation_id = correlation_id };
}

/* ---- removal ---- */

/* Disks that go with the VM: not those that other VMs share. */
static const char **own_disks(struct call *c, const char *vm_id, size_t *n)
{
	unsigned count;
	const struct m_disk_attachment **list = vm_attachments(c->core, c->pool, vm_id, &count);
	const char **ids = POOL_ARRAY(c->pool, const char *, count + 1);

	*n = 0;
	for (unsigned i = 0; i < count; i++) {
		unsigned users = 0;

		inv_latest_by(c->core->inv, c->pool, KIND_DISK_ATTACHMENT, IDX_DISK_ATTACHMENT_disk, list[i]->disk.id,
		              &users);
		if (list[i]->disk.id && users <= 1)
			ids[(*n)++] = pool_strdup(c->pool, list[i]->disk.id);
	}
	return ids;
}

static int check_removable(struct call *c, const struct m_vm *vm, const char **disks, size_t n, struct err *e)
{
	if (M_GET(vm, delete_protected, false))
		return err_set(e, ERR_CONFLICT,
		               "Cannot remove VM. Delete protection is enabled for VM %s. Disable it first.", vm->name);
	if (vm_check_action(vm, VM_REMOVE, e) < 0 || lock_check(c->core, vm->id, NULL, e) < 0)
		return -1;
	for (size_t i = 0; i < n; i++) {
		const struct m_disk *d = INV_LATEST(c->core->inv, DISK, disk, disks[i]);

		if (d && d->status == M_DISK_STATUS_LOCKED)
			return err_set(e, ERR_CONFLICT,
			               "Cannot remove VM. Disk is locked: %s. Please try again in a few minutes.",
			               STR_OR(d->alias, d->id));
	}
	return 0;
}

/* Without disks to remove the transaction is all there is. */
static int remove_at_once(struct call *c, struct txn *t, const struct m_vm *vm, struct err *e)
{
	struct event_refs refs = vm_refs(vm, c->who.user_id, c->correlation_id);
	char job[UUID_LEN + 1];

	disk_remove_vm_records(t, vm->id);
	txn_event(t, "USER_REMOVE_VM_FINISHED", &refs, "VM %s was successfully removed.", vm->name);
	job_record(t, c->correlation_id, c->who.user_id, job, "Removing VM %s from system", vm->name);
	return txn_commit(t, e) < 0 ? -1 : call_reply_action(c, job);
}

static int vm_remove_op(struct call *c, struct err *e)
{
	const struct m_vm *vm = CALL_ENTITY(c, 0, VM, vm, e);
	char job[UUID_LEN + 1];
	const char **disks = NULL;
	size_t n = 0;
	struct m_vm *draft;
	struct txn *t;
	char *id;

	if (!vm)
		return -1;
	vm = INV_LATEST(c->core->inv, VM, vm, vm->id);
	if (!vm)
		return err_set(e, ERR_NO_ENTITY, "The VM is being removed.");
	if (!c->query.detach_only)
		disks = own_disks(c, vm->id, &n);
	if (check_removable(c, vm, disks, n, e) < 0)
		return -1;
	id = pool_strdup(c->pool, vm->id);
	t = txn_begin(c->core);
	if (n == 0)
		return remove_at_once(c, t, m_copy(c->pool, &M_TYPE_vm, vm), e);
	draft = txn_edit(t, KIND_VM, id);
	draft->status = M_VM_STATUS_IMAGE_LOCKED;
	return disk_start_remove(c, t, disks, id, job, e) < 0 ? -1 : call_reply_action(c, job);
}

const struct api_op VM_OPS[] = {
	ROW("vms.list", generic_list, KIND_VM),
	ROW("vms.add", vm_add, KIND_VM, ASKS("create_vm", KIND_CLUSTER)),
	ROW("vm.remove", vm_remove_op, KIND_VM, ON("delete_vm", KIND_VM)),
	{ .name = NULL },
};
