/* SPDX-License-Identifier: Apache-2.0 */
/* /vms/{id}/diskattachments. An attachment is known by the id of its disk. */
#include <string.h>

#include "manager/api/generic.h"
#include "manager/core/locks.h"
#include "manager/disks/disks_int.h"

enum { PLUG_WAIT_MS = 60 * 1000 };

/* ---- finding ---- */

static const struct m_vm *find_vm(struct call *c, struct err *e) { return call_visible(c, 0, KIND_VM, e); }

/* Published attachment of disk ids[1] to VM ids[0]. */
static const struct m_disk_attachment *find_attachment(struct call *c, struct err *e)
{
	const struct m_disk_attachment *a;
	uuid_text key;

	if (!find_vm(c, e))
		return NULL;
	disk_attachment_key(c->ids[0], c->ids[1], key);
	a = INV_GET(c->core->inv, DISK_ATTACHMENT, disk_attachment, key);
	if (!a)
		err_set(e, ERR_NO_ENTITY, "The disk %s is not attached to the VM.", c->ids[1]);
	return a;
}

static int attachment_list(struct call *c, struct err *e)
{
	void **list;
	size_t n = 0;

	if (!find_vm(c, e))
		return -1;
	list = POOL_ARRAY(c->pool, void *,
	                  inv_count_by(c->core->inv, KIND_DISK_ATTACHMENT, IDX_DISK_ATTACHMENT_vm, c->ids[0]) + 1);
	INV_EACH_BY (en, c->core->inv, KIND_DISK_ATTACHMENT, IDX_DISK_ATTACHMENT_vm, c->ids[0])
		list[n++] = call_view(c, KIND_DISK_ATTACHMENT, en->pub);
	return call_reply_list(c, &M_TYPE_disk_attachment, list, n);
}

static int attachment_get(struct call *c, struct err *e)
{
	const struct m_disk_attachment *a = find_attachment(c, e);

	return a ? call_reply_entity(c, &M_TYPE_disk_attachment, call_view(c, KIND_DISK_ATTACHMENT, a)) : -1;
}

static int reply_key(struct call *c, const char *key, struct err *e)
{
	const struct m_disk_attachment *a = INV_GET(c->core->inv, DISK_ATTACHMENT, disk_attachment, key);

	if (!a)
		return err_set(e, ERR_CONFLICT, "The disk was detached meanwhile.");
	return call_reply_entity(c, &M_TYPE_disk_attachment, call_view(c, KIND_DISK_ATTACHMENT, a));
}

/* ---- rules ---- */

static const char *disk_name(struct core *c, const char *id)
{
	const struct m_disk *d = disk_latest(c, id);
	return d && d->name && *d->name ? d->name : id;
}

static int check_vm(struct call *c, const struct m_vm *vm, const char *what, struct err *e)
{
	if (vm->status == M_VM_STATUS_IMAGE_LOCKED || lock_check(c->core, vm->id, NULL, e) < 0)
		return err_set(e, ERR_CONFLICT, "%s. VM is locked: %s. Please try again later.", what, vm->name);
	if (vm->status == M_VM_STATUS_SUSPENDED) /* its saved memory knows the disks that it had */
		return err_set(e, ERR_CONFLICT, "%s. VM %s is suspended: resume it, or power it off, first.", what,
		               vm->name);
	return 0;
}

/* Record whether the disk is plugged. */
static int set_active(struct call *c, const char *key, bool is_active, struct err *e)
{
	struct txn *t = txn_begin(c->core);
	struct m_disk_attachment *a = txn_edit(t, KIND_DISK_ATTACHMENT, key);

	if (a)
		M_SET(a, active, is_active);
	return txn_commit(t, e);
}

/* Nobody knows whether it was done. */
static bool is_unknown(const struct err *e) { return e->code == ERR_NETWORK || e->code == ERR_TIMEOUT; }

/* "Active" is recorded before a disk is plugged, and cleared behind its being pulled: whatever happens between, a disk that a VM
 * may have open is recorded as such, and is not deleted under it. */
static int plug_in(struct call *c, const char *key, const char *disk_id, struct err *e)
{
	const struct m_disk *d = disk_latest(c->core, disk_id);
	struct err ignored;

	if (!d)
		return err_set(e, ERR_CONFLICT, "The disk was removed meanwhile.");
	if (disk_check_free(c->core, d, "Cannot plug Virtual Disk", e) < 0 || set_active(c, key, true, e) < 0)
		return -1;
	if (vm_hotplug_disk(c, c->ids[0], disk_id, true, e) == 0)
		return 0;
	if (!is_unknown(e))
		set_active(c, key, false, &ignored);
	return -1;
}

/* An attachment that is recorded, but not plugged yet, is plugged into the VM, if that runs. When it cannot be, it is as if it
 * had not been attached. */
static int plug_new(struct call *c, const char *key, const char *disk_id, struct err *e)
{
	struct err ignored;
	struct txn *t;

	if (plug_in(c, key, disk_id, e) == 0)
		return 0;
	if (is_unknown(e))
		return -1;
	t = txn_begin(c->core);
	txn_remove(t, KIND_DISK_ATTACHMENT, key);
	txn_commit(t, &ignored);
	return -1;
}

static const struct m_disk_attachment *other_boot_disk(struct core *c, struct pool *p, const char *vm_id,
                                                       const char *disk_id)
{
	unsigned n;
	const void **list = inv_latest_by(c->inv, p, KIND_DISK_ATTACHMENT, IDX_DISK_ATTACHMENT_vm, vm_id, &n);

	for (unsigned i = 0; i < n; i++) {
		const struct m_disk_attachment *a = list[i];
		if (M_GET(a, bootable, false) && g_strcmp0(a->disk.id, disk_id) != 0)
			return a;
	}
	return NULL;
}

static int check_boot(struct call *c, const struct m_vm *vm, const char *disk_id, bool is_bootable, const char *what,
                      struct err *e)
{
	const struct m_disk_attachment *other = is_bootable ? other_boot_disk(c->core, c->pool, vm->id, disk_id) : NULL;
	const struct m_disk *d = other ? disk_latest(c->core, other->disk.id) : NULL;

	if (other)
		return err_field(e, ERR_CONFLICT, "disk_attachment.bootable",
		                 "%s. Disk %s in VM %s is already marked as boot.", what, d && d->name ? d->name : "-",
		                 vm->name);
	return 0;
}

static int check_interface(const struct m_disk_attachment *body, enum m_disk_interface interface, bool is_read_only,
                           struct err *e)
{
	if (interface == M_DISK_INTERFACE_SPAPR_VSCSI)
		return err_field(e, ERR_UNSUPPORTED, "disk_attachment.interface",
		                 "The interface spapr_vscsi is of POWER machines.");
	if (interface == M_DISK_INTERFACE_IDE && is_read_only)
		return err_field(e, ERR_CONFLICT, "disk_attachment.read_only",
		                 "A disk with interface ide cannot be read-only.");
	return 0;
}

/* The disk's domain must be in the VM's data center. */
static int check_place(struct core *c, const struct m_vm *vm, const struct m_disk *d, struct err *e)
{
	const struct m_cluster *cl = INV_LATEST(c->inv, CLUSTER, cluster, vm->cluster.id);

	if (disk_domain(d) && (!cl || g_strcmp0(cl->data_center.id, disk_data_center(c, d)) != 0))
		return err_field(
		    e, ERR_CONFLICT, "disk_attachment.disk",
		    "Cannot attach Virtual Disk. The disk's Storage Domain is not in the Data Center of the VM.");
	return 0;
}

/* ---- add ---- */

static int check_existing(struct call *c, const struct m_vm *vm, const struct m_disk *d, struct err *e)
{
	uuid_text key;
	unsigned n;

	disk_attachment_key(vm->id, d->id, key);
	if (inv_latest(c->core->inv, KIND_DISK_ATTACHMENT, key))
		return err_field(e, ERR_CONFLICT, "disk_attachment.disk",
		                 "Cannot attach Virtual Disk. The disk %s is already attached to "
		                 "VM %s.",
		                 d->name, vm->name);
	inv_latest_by(c->core->inv, c->pool, KIND_DISK_ATTACHMENT, IDX_DISK_ATTACHMENT_disk, d->id, &n);
	if (n > 0 && !M_GET(d, shareable, false))
		return err_field(e, ERR_CONFLICT, "disk_attachment.disk",
		                 "Cannot attach Virtual Disk. The disk %s is not shareable and "
		                 "is already attached to a VM.",
		                 d->name);
	if (d->status == M_DISK_STATUS_ILLEGAL)
		return err_field(e, ERR_CONFLICT, "disk_attachment.disk",
		                 "Cannot attach Virtual Disk. The disk %s is illegal.", d->name);
	return check_place(c->core, vm, d, e);
}

static int attach_existing(struct call *c, const struct m_vm *vm, struct m_disk_attachment *body, struct err *e)
{
	const struct m_disk *d = disk_latest(c->core, body->disk.id);
	bool is_plugged = !vm_is_down(vm) && M_GET(body, active, true);
	struct event_refs refs = call_refs(c);
	struct m_disk_attachment *a;
	char job[UUID_LEN + 1];
	struct m_disk *draft;
	uuid_text key;
	struct txn *t;

	if (call_permit(c, "attach_disk", KIND_DISK, d->id, e) < 0 || check_existing(c, vm, d, e) < 0 ||
	    disk_check_free(c->core, d, "Cannot attach Virtual Disk", e) < 0)
		return -1;
	disk_attachment_key(vm->id, d->id, key);
	t = txn_begin(c->core);
	draft = txn_edit(t, KIND_DISK, d->id);
	a = disk_attach(t, vm->id, draft, body);
	if (is_plugged)
		M_SET(a, active, false);
	refs.vm = vm->id;
	txn_event(t, "USER_ATTACH_DISK_TO_VM", &refs, "Disk %s was successfully attached to VM %s.", draft->name,
	          vm->name);
	job_record(t, c->correlation_id, c->who.user_id, job, "Attaching Disk %s to VM %s", draft->name, vm->name);
	if (txn_commit(t, e) < 0 || (is_plugged && plug_new(c, key, body->disk.id, e) < 0))
		return -1;
	return reply_key(c, key, e);
}

static char *default_alias(struct call *c, const struct m_vm *vm)
{
	unsigned n = inv_count_by(c->core->inv, KIND_DISK_ATTACHMENT, IDX_DISK_ATTACHMENT_vm, vm->id);

	return pool_printf(c->pool, "%.200s_Disk%u", vm->name, n + 1);
}

/* Name and place that a disk of a VM gets when nobody said. */
static int complete_disk(struct call *c, const struct m_vm *vm, struct m_disk *d, struct err *e)
{
	const struct m_cluster *cl = INV_LATEST(c->core->inv, CLUSTER, cluster, vm->cluster.id);
	const char *sd_id;

	if (!d->name && !d->alias)
		d->name = default_alias(c, vm);
	if (d->storage_domains.n || d->storage_domain.id || d->storage_domain.obj)
		return 0;
	sd_id = cl && cl->data_center.id ? disk_default_domain(c->core, cl->data_center.id, e) : NULL;
	if (!sd_id)
		return cl && cl->data_center.id
		           ? -1
		           : err_set(e, ERR_CONFLICT, "Cannot add Virtual Disk. The VM has no Data Center.");
	d->storage_domain.id = pool_strdup(c->pool, sd_id);
	return 0;
}

static int attach_new(struct call *c, const struct m_vm *vm, struct m_disk_attachment *body, struct err *e)
{
	bool is_plugged = !vm_is_down(vm) && M_GET(body, active, true);
	struct m_disk *wanted = body->disk.obj, *d;
	struct m_disk_attachment *a;
	char job[UUID_LEN + 1];
	uuid_text key;
	struct txn *t;
	char *id;

	if (complete_disk(c, vm, wanted, e) < 0)
		return -1;
	t = txn_begin(c->core);
	d = disk_new(c, t, wanted, "disk_attachment.disk", e);
	if (!d || check_place(c->core, vm, d, e) < 0) {
		txn_cancel(t);
		return -1;
	}
	disk_attachment_key(vm->id, d->id, key);
	id = pool_strdup(c->pool, d->id);
	a = disk_attach(t, vm->id, d, body);
	if (is_plugged)
		M_SET(a, active, false);
	if (disk_start_create(c, t, d, c->ids[0], job, e) < 0)
		return -1;
	/* A running VM gets it when it is there. */
	if (is_plugged && (job_wait(c->core, job, PLUG_WAIT_MS, e) < 0 || plug_new(c, key, id, e) < 0))
		return -1;
	return reply_key(c, key, e);
}

/* Which disk, if it is one that exists: by id, or by a name that comes without a size. */
static int resolve_disk(struct call *c, struct m_disk_attachment *body, bool *exists, struct err *e)
{
	const struct m_disk *wanted = body->disk.obj;

	*exists = false;
	if (wanted && wanted->has.provisioned_size &&
	    (!body->disk.id || !inv_latest(c->core->inv, KIND_DISK, body->disk.id)))
		return 0;
	if (call_resolve(c, &body->disk, KIND_DISK, NULL, true, "disk_attachment.disk", e) < 0)
		return -1;
	*exists = true;
	return 0;
}

static int attachment_add(struct call *c, struct err *e)
{
	const struct m_vm *vm = find_vm(c, e);
	struct m_disk_attachment *body = c->body;
	bool exists;

	if (!vm || !(vm = INV_LATEST(c->core->inv, VM, vm, c->ids[0])))
		return err_set(e, ERR_NO_ENTITY, "There is no such VM.");
	if (!body->disk.id && body->id)
		body->disk.id = body->id;
	if (!body->interface)
		return err_field(e, ERR_MISSING, "disk_attachment.interface",
		                 "DiskAttachment [interface] required for add");
	if (resolve_disk(c, body, &exists, e) < 0 || check_vm(c, vm, "Cannot attach Virtual Disk", e) < 0 ||
	    check_interface(body, body->interface, M_GET(body, read_only, false), e) < 0 ||
	    vm_check_slots(c->core, vm, body->interface, 0, "attach Virtual Disk", e) < 0 ||
	    check_boot(c, vm, NULL, M_GET(body, bootable, false), "Cannot attach Virtual Disk", e) < 0)
		return -1;
	return exists ? attach_existing(c, vm, body, e) : attach_new(c, vm, body, e);
}

/* ---- change ---- */

static void merge_flags(struct m_disk_attachment *a, const struct m_disk_attachment *body)
{
	if (body->interface)
		a->interface = body->interface;
	if (body->has.active)
		M_SET(a, active, body->active);
	if (body->has.bootable)
		M_SET(a, bootable, body->bootable);
	if (body->has.pass_discard)
		M_SET(a, pass_discard, body->pass_discard);
	if (body->has.read_only)
		M_SET(a, read_only, body->read_only);
	if (body->has.uses_scsi_reservation)
		M_SET(a, uses_scsi_reservation, body->uses_scsi_reservation);
}

static int check_change(struct call *c, const struct m_vm *vm, const struct m_disk_attachment *old,
                        const struct m_disk_attachment *body, struct err *e)
{
	bool is_active = M_GET(old, active, true), will_be = body->has.active ? body->active : is_active;

	if (check_vm(c, vm, "Cannot edit Virtual Disk", e) < 0 ||
	    check_boot(c, vm, old->disk.id, M_GET(body, bootable, false), "Cannot edit Virtual Disk", e) < 0 ||
	    check_interface(body, body->interface ? body->interface : old->interface,
	                    body->has.read_only ? body->read_only : M_GET(old, read_only, false), e) < 0 ||
	    (body->interface && body->interface != old->interface &&
	     vm_check_slots(c->core, vm, body->interface, 0, "edit Virtual Disk", e) < 0))
		return -1;
	if (vm_is_down(vm))
		return 0;
	if (is_active && will_be &&
	    ((body->interface && body->interface != old->interface) ||
	     (body->has.bootable && body->bootable != M_GET(old, bootable, false)) ||
	     (body->has.read_only && body->read_only != M_GET(old, read_only, false))))
		return err_set(e, ERR_CONFLICT, "Cannot edit Virtual Disk. VM %s is not down.", vm->name);
	return 0;
}

/* The attachment and its VM as they are now, and whether body may be merged. */
static int look_again(struct call *c, const char *key, const struct m_vm **vm, struct err *e)
{
	const struct m_disk_attachment *old = INV_LATEST(c->core->inv, DISK_ATTACHMENT, disk_attachment, key);

	*vm = INV_LATEST(c->core->inv, VM, vm, c->ids[0]);
	if (!*vm || !old)
		return err_set(e, ERR_NO_ENTITY, "It was removed meanwhile.");
	return check_change(c, *vm, old, c->body, e);
}

/* Plug or pull when that is what the client asks for, and the VM runs. */
static int change_plug(struct call *c, const char *key, const struct m_disk_attachment *body, struct err *e)
{
	const struct m_disk_attachment *now = INV_LATEST(c->core->inv, DISK_ATTACHMENT, disk_attachment, key);
	const struct m_vm *vm = INV_LATEST(c->core->inv, VM, vm, c->ids[0]);

	if (!body->has.active || body->active == M_GET(now, active, true) || vm_is_down(vm))
		return 0;
	if (body->active)
		return plug_in(c, key, c->ids[1], e);
	return vm_hotplug_disk(c, c->ids[0], c->ids[1], false, e) < 0 ? -1 : set_active(c, key, false, e);
}

static int attachment_update(struct call *c, struct err *e)
{
	const struct m_disk_attachment *body = c->body;
	struct event_refs refs = call_refs(c);
	char job[UUID_LEN + 1];
	const struct m_vm *vm;
	uuid_text key;
	struct txn *t;

	if (!find_attachment(c, e))
		return -1;
	disk_attachment_key(c->ids[0], c->ids[1], key);
	if (look_again(c, key, &vm, e) < 0)
		return -1;
	if (body->disk.obj && (disk_apply_update(c, c->ids[1], body->disk.obj, "disk_attachment.disk", job, e) < 0 ||
	                       look_again(c, key, &vm, e) < 0))
		return -1;
	if (change_plug(c, key, body, e) < 0 || look_again(c, key, &vm, e) < 0)
		return -1;
	t = txn_begin(c->core);
	merge_flags(txn_edit(t, KIND_DISK_ATTACHMENT, key), body);
	refs.vm = vm->id;
	txn_event(t, "USER_UPDATE_VM_DISK", &refs, "VM %s disk %s was updated.", vm->name,
	          disk_name(c->core, c->ids[1]));
	return txn_commit(t, e) < 0 ? -1 : reply_key(c, key, e);
}

/* ---- remove ---- */

static int detach(struct call *c, const struct m_vm *vm, const char *key, struct err *e)
{
	unsigned others = inv_count_by(c->core->inv, KIND_DISK_ATTACHMENT, IDX_DISK_ATTACHMENT_disk, c->ids[1]);
	struct txn *t = txn_begin(c->core);
	struct m_disk *d = txn_edit(t, KIND_DISK, c->ids[1]);
	struct event_refs refs = call_refs(c);
	char job[UUID_LEN + 1];

	txn_remove(t, KIND_DISK_ATTACHMENT, key);
	if (d && others <= 1)
		M_SET(d, is_attached, false);
	refs.vm = vm->id;
	txn_event(t, "USER_DETACH_DISK_FROM_VM", &refs, "Disk %s was successfully detached from VM %s.",
	          d && d->name ? d->name : c->ids[1], vm->name);
	job_record(t, c->correlation_id, c->who.user_id, job, "Detaching Disk %s from VM %s",
	           d && d->name ? d->name : c->ids[1], vm->name);
	return txn_commit(t, e) < 0 ? -1 : call_reply_action(c, job);
}

static int check_remove(struct call *c, const struct m_vm **vm, const struct m_disk **d, struct err *e)
{
	*vm = INV_LATEST(c->core->inv, VM, vm, c->ids[0]);
	*d = disk_latest(c->core, c->ids[1]);
	if (!*vm || !*d)
		return err_set(e, ERR_NO_ENTITY, "It was removed meanwhile.");
	if (check_vm(c, *vm, "Cannot detach Virtual Disk", e) < 0 ||
	    disk_check_free(c->core, *d, "Cannot detach Virtual Disk", e) < 0)
		return -1;
	if (c->query.detach_only)
		return 0;
	if (inv_count_by(c->core->inv, KIND_DISK_ATTACHMENT, IDX_DISK_ATTACHMENT_disk, (*d)->id) > 1)
		return err_set(e, ERR_CONFLICT,
		               "Cannot remove Virtual Disk. The disk %s is attached to other VMs, too; detach it only.",
		               (*d)->name);
	return call_permit(c, "delete_disk", KIND_DISK, (*d)->id, e);
}

static int attachment_remove(struct call *c, struct err *e)
{
	const struct m_disk_attachment *a = find_attachment(c, e);
	struct event_refs refs = call_refs(c);
	const struct m_disk *d;
	char job[UUID_LEN + 1];
	const struct m_vm *vm;
	uuid_text key;
	struct txn *t;

	if (!a || check_remove(c, &vm, &d, e) < 0)
		return -1;
	disk_attachment_key(c->ids[0], c->ids[1], key);
	if (!vm_is_down(vm) && M_GET(a, active, true) &&
	    (vm_hotplug_disk(c, c->ids[0], c->ids[1], false, e) < 0 || set_active(c, key, false, e) < 0 ||
	     check_remove(c, &vm, &d, e) < 0))
		return -1;
	if (c->query.detach_only)
		return detach(c, vm, key, e);
	t = txn_begin(c->core);
	refs.vm = vm->id;
	txn_event(t, "USER_REMOVE_DISK_INITIATED", &refs, "Disk %s of VM %s is being removed.", d->name, vm->name);
	if (disk_start_remove(c, t, (const char *const[]){ c->ids[1], NULL }, NULL, job, e) < 0)
		return -1;
	return call_reply_action(c, job);
}

const struct api_op DISK_ATTACHMENT_OPS[] = {
	ROW("disk_attachments.list", attachment_list, KIND_DISK_ATTACHMENT),
	ROW("disk_attachment.get", attachment_get, KIND_DISK_ATTACHMENT),
	ROW("disk_attachments.add", attachment_add, KIND_DISK_ATTACHMENT, ON("configure_vm_storage", KIND_VM)),
	ROW("disk_attachment.update", attachment_update, KIND_DISK_ATTACHMENT, ON("configure_vm_storage", KIND_VM)),
	ROW("disk_attachment.remove", attachment_remove, KIND_DISK_ATTACHMENT, ON("configure_vm_storage", KIND_VM)),
	{ .name = NULL },
};
