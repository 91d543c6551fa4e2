/* SPDX-License-Identifier: Apache-2.0 */
/* Instance types: sizes of machines by name. A VM that is made with one takes its values over. */
#include <string.h>

#include "manager/api/generic.h"
#include "manager/vms/vm_hardware.h"

#define TAKE(m, type)                                                                                                  \
	if (it->m)                                                                                                     \
	vm->m = m_copy(p, &M_TYPE_##type, it->m)

void instance_type_take(struct pool *p, struct m_vm *vm, const struct m_instance_type *it)
{
	TAKE(console, console);
	TAKE(high_availability, high_availability);
	TAKE(io, io);
	TAKE(migration, migration_options);
	TAKE(rng_device, rng_device);
	TAKE(usb, usb);
	TAKE(virtio_scsi, virtio_scsi);
	if (it->has.cpu_shares)
		M_SET(vm, cpu_shares, it->cpu_shares);
	if (it->has.migration_downtime && it->migration_downtime >= 0)
		M_SET(vm, migration_downtime, it->migration_downtime);
	if (it->has.soundcard_enabled)
		M_SET(vm, soundcard_enabled, it->soundcard_enabled);
	if (it->watchdog_model) {
		vm->watchdog_model = it->watchdog_model;
		vm->watchdog_action = it->watchdog_action;
	}
	if (it->has.memory && !(it->memory_policy && it->memory_policy->has.guaranteed) && vm->memory_policy)
		M_SET(vm->memory_policy, guaranteed, it->memory);
	if (it->has.memory && !(it->memory_policy && it->memory_policy->has.max) && vm->memory_policy)
		M_SET(vm->memory_policy, max, 4 * it->memory);
	if (it->display && vm->display && it->display->has.monitors)
		M_SET(vm->display, monitors, it->display->monitors);
}

static int check(struct call *c, const struct m_instance_type *it, struct err *e)
{
	struct m_vm *vm = m_new(c->pool, &M_TYPE_vm);

	m_copy_common(c->pool, &M_TYPE_vm, vm, &M_TYPE_instance_type, it);
	vm->os = NULL;
	if (!vm->has.memory)
		return err_field(e, ERR_MISSING, "instance_type.memory", "An instance type needs memory.");
	return vm_check(c->core, vm, "save Instance Type", e);
}

static int type_add(struct call *c, struct err *e)
{
	struct event_refs refs = call_refs(c);
	struct m_instance_type *it, *body = c->body;
	struct txn *t = txn_begin(c->core);
	char *id;

	body->nics.v = NULL;
	body->nics.n = 0;
	it = generic_create(c, t, KIND_INSTANCE_TYPE, false, e);
	if (it) {
		DEFAULT(it, memory, 1LL << 30);
		M_SET(it, creation_time, loop_wall_ms(c->core->loop));
		if (!it->cpu || !it->cpu->topology) {
			it->cpu = it->cpu ? it->cpu : m_new(txn_pool(t), &M_TYPE_cpu);
			it->cpu->topology = m_new(txn_pool(t), &M_TYPE_cpu_topology);
			M_SET(it->cpu->topology, sockets, 1);
			M_SET(it->cpu->topology, cores, 1);
			M_SET(it->cpu->topology, threads, 1);
		}
	}
	if (!it || check(c, it, e) < 0) {
		txn_cancel(t);
		return -1;
	}
	id = pool_strdup(c->pool, it->id);
	txn_event(t, "USER_ADD_VM_TEMPLATE_SUCCESS", &refs, "Instance Type %s was added.", it->name);
	return txn_commit(t, e) < 0 ? -1 : call_reply_kind(c, KIND_INSTANCE_TYPE, id);
}

static int type_update(struct call *c, struct err *e)
{
	const struct m_instance_type *old = generic_target(c, e);
	struct event_refs refs = call_refs(c);
	struct m_instance_type *it;
	struct txn *t;
	char *id;

	if (!old)
		return -1;
	id = pool_strdup(c->pool, old->id);
	((struct m_instance_type *)c->body)->nics.v = NULL;
	((struct m_instance_type *)c->body)->nics.n = 0;
	t = txn_begin(c->core);
	it = generic_merge(c, t, KIND_INSTANCE_TYPE, id, e);
	if (!it || check(c, it, e) < 0) {
		txn_cancel(t);
		return -1;
	}
	txn_event(t, "USER_UPDATE_VM_TEMPLATE", &refs, "Instance Type %s was updated.", it->name);
	return txn_commit(t, e) < 0 ? -1 : call_reply_kind(c, KIND_INSTANCE_TYPE, id);
}

static int type_remove(struct call *c, struct err *e)
{
	const struct m_instance_type *it = generic_target(c, e);
	struct event_refs refs = call_refs(c);
	const void **nics;
	struct txn *t;
	unsigned n;

	if (!it)
		return -1;
	INV_EACH (en, c->core->inv, KIND_VM)
		if (en->latest && g_strcmp0(((const struct m_vm *)en->latest)->instance_type.id, it->id) == 0)
			return err_set(e, ERR_CONFLICT, "Cannot remove Instance Type %s. VM %s has it.", it->name,
			               ((const struct m_vm *)en->latest)->name);
	t = txn_begin(c->core);
	nics = inv_latest_by(c->core->inv, txn_pool(t), KIND_NIC, IDX_NIC_instance_type, it->id, &n);
	for (unsigned i = 0; i < n; i++)
		txn_remove(t, KIND_NIC, ((const struct m_nic *)nics[i])->id);
	txn_event(t, "USER_REMOVE_VM_TEMPLATE", &refs, "Instance Type %s was removed.", it->name);
	txn_remove(t, KIND_INSTANCE_TYPE, it->id);
	return txn_commit(t, e) < 0 ? -1 : call_reply_action(c, NULL);
}

/* ---- its network cards ---- */

static int nic_add(struct call *c, struct err *e)
{
	struct m_nic *body = c->body, *nic;
	struct txn *t;
	char *id;

	if (!call_visible(c, 0, KIND_INSTANCE_TYPE, e) || nic_check_interface(body->interface, e) < 0 ||
	    call_resolve(c, &body->vnic_profile, KIND_VNIC_PROFILE, NULL, false, "nic.vnic_profile", e) < 0)
		return -1;
	t = txn_begin(c->core);
	nic = generic_create(c, t, KIND_NIC, false, e);
	if (!nic || (!nic->name && err_field(e, ERR_MISSING, "nic.name", "Nic [name] required for add") < 0)) {
		txn_cancel(t);
		return -1;
	}
	nic->vm = nic->template = (struct m_ref){ 0 };
	nic->mac = NULL;
	REF_SET(txn_pool(t), nic->instance_type, c->ids[0]);
	if (!nic->interface)
		nic->interface = M_NIC_INTERFACE_VIRTIO;
	DEFAULT(nic, plugged, true);
	DEFAULT(nic, linked, true);
	id = pool_strdup(c->pool, nic->id);
	return txn_commit(t, e) < 0 ? -1 : call_reply_kind(c, KIND_NIC, id);
}

#define OF_TYPE BELOW(KIND_INSTANCE_TYPE, IDX_NIC_instance_type)
#define MAY(P)  .permit = P, .is_on_system = true, .flags = OP_WAITS
#define MAY_IT  .permit = "edit_template_properties", .is_on_system = true, .flags = OP_WAITS | OP_HREF_HERE

const struct api_op INSTANCE_TYPE_OPS[] = {
	ROW("instance_types.list", generic_list, KIND_INSTANCE_TYPE),
	ROW("instance_type.get", generic_get, KIND_INSTANCE_TYPE),
	ROW("instance_types.add", type_add, KIND_INSTANCE_TYPE, MAY("create_template")),
	ROW("instance_type.update", type_update, KIND_INSTANCE_TYPE, MAY("edit_template_properties")),
	ROW("instance_type.remove", type_remove, KIND_INSTANCE_TYPE, MAY("delete_template")),
	ROW("instance_type_nics.list", generic_list, KIND_NIC, OF_TYPE, .flags = OP_HREF_HERE),
	ROW("instance_type_nic.get", generic_get, KIND_NIC, OF_TYPE, .flags = OP_HREF_HERE),
	ROW("instance_type_nics.add", nic_add, KIND_NIC, OF_TYPE, MAY_IT),
	ROW("instance_type_nic.update", generic_update, KIND_NIC, OF_TYPE, MAY_IT),
	ROW("instance_type_nic.remove", generic_remove, KIND_NIC, OF_TYPE, MAY_IT),
	{ .name = NULL },
};
