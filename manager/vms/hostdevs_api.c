/* SPDX-License-Identifier: Apache-2.0 */
/* Devices of the host that a VM is given, and parts of graphics cards (mediated devices). */
#include <string.h>

#include "manager/api/generic.h"
#include "manager/core/locks.h"
#include "manager/hosts/host_hardware.h"
#include "manager/vms/vm_hardware.h"

enum { MAX_DEVICES = 64 };

/* ---- devices ---- */

static const char *only_host(const struct m_vm *vm)
{
	const struct m_vm_placement_policy *pp = vm->placement_policy;
	return pp && pp->hosts.n == 1 ? pp->hosts.v[0].id : NULL;
}

static struct m_host_device *view(struct call *c, const struct m_vm *vm, const char *name)
{
	const char *host = only_host(vm);
	struct m_host_device *d = host_device_make(c->pool, host, host_devices(c->core, host), name);

	REF_SET(c->pool, d->vm, vm->id);
	return d;
}

static int device_list(struct call *c, struct err *e)
{
	const struct m_vm *vm = call_visible(c, 0, KIND_VM, e);
	void **list = vm ? POOL_ARRAY(c->pool, void *, vm->hostdevs.n + 1) : NULL;

	for (uint32_t i = 0; vm && i < vm->hostdevs.n; i++)
		list[i] = view(c, vm, vm->hostdevs.v[i]);
	return vm ? call_reply_list(c, &M_TYPE_host_device, list, vm->hostdevs.n) : -1;
}

static int position(struct pool *p, const struct m_vm *vm, const char *id)
{
	for (uint32_t i = 0; i < vm->hostdevs.n; i++)
		if (strcmp(host_device_id(p, vm->hostdevs.v[i]), id) == 0)
			return (int)i;
	return -1;
}

static int reply_device(struct call *c, const char *id, struct err *e)
{
	const struct m_vm *vm = INV_GET(c->core->inv, VM, vm, c->ids[0]);
	int at = vm ? position(c->pool, vm, id) : -1;

	if (at < 0)
		return err_set(e, ERR_NO_ENTITY, "The VM has no host device %s.", id);
	return call_reply_entity(c, &M_TYPE_host_device, view(c, vm, vm->hostdevs.v[at]));
}

static int device_get(struct call *c, struct err *e)
{
	return call_visible(c, 0, KIND_VM, e) ? reply_device(c, c->ids[1], e) : -1;
}

static struct m_vm *begin(struct call *c, struct txn *t, const char *what, struct err *e)
{
	struct m_vm *vm = txn_edit(t, KIND_VM, c->ids[0]);

	if (!vm) {
		err_set(e, ERR_NO_ENTITY, "There is no VM %s.", c->ids[0]);
		return NULL;
	}
	return vm_check_down(vm, what, e) < 0 || lock_check(c->core, vm->id, NULL, e) < 0 ? NULL : vm;
}

/* Another VM bound to the same host has it? */
static int check_free(struct core *c, const struct m_vm *vm, const char *name, struct err *e)
{
	INV_EACH (en, c->inv, KIND_VM) {
		const struct m_vm *other = en->latest;

		for (uint32_t i = 0; other && i < other->hostdevs.n; i++)
			if (strcmp(other->hostdevs.v[i], name) == 0 && g_strcmp0(other->id, vm->id) != 0 &&
			    g_strcmp0(only_host(other), only_host(vm)) == 0)
				return err_set(e, ERR_CONFLICT, "Cannot add Host Device %s. VM %s has it already.",
				               name, other->name);
	}
	return 0;
}

/* Name of the device that the body means, in the pool; NULL with e. */
static char *wanted(struct call *c, const struct m_vm *vm, struct err *e)
{
	const struct m_host_device *body = c->body;
	const char *host = only_host(vm), *ask = body->id ? body->id : body->name, *name;
	struct domain_hostdev_spec spec;

	if (!host) {
		err_field(e, ERR_CONFLICT, "vm.placement_policy.hosts",
		          "Cannot add Host Device. The VM must be bound to one host.");
		return NULL;
	}
	name = host_devices(c->core, host) ? host_device_name(host_devices(c->core, host), ask) : NULL;
	if (!name) {
		err_field(e, ERR_NOT_FOUND, "host_device",
		          "Cannot add Host Device. The VM's host lists no device %.80s.", ask);
		return NULL;
	}
	if (vm_hostdev_spec(host_devices(c->core, host), name, &spec, e) < 0) {
		err_wrap(e, "Cannot add Host Device");
		return NULL;
	}
	return check_free(c->core, vm, name, e) < 0 ? NULL : pool_strdup(c->pool, name);
}

static int finish(struct call *c, struct txn *t, const char *event, const char *fmt, const char *name,
                  const struct m_vm *vm, struct err *e)
{
	struct event_refs refs = call_refs(c);

	refs.vm = c->ids[0];
	txn_event(t, event, &refs, "Host device %s was %s VM %s.", name, fmt, vm->name);
	return txn_commit(t, e);
}

static int device_add(struct call *c, struct err *e)
{
	struct txn *t = txn_begin(c->core);
	struct m_vm *vm = begin(c, t, "add Host Device", e);
	char *name = vm ? wanted(c, vm, e) : NULL, **list;

	if (!name ||
	    (position(c->pool, vm, host_device_id(c->pool, name)) >= 0 &&
	     err_set(e, ERR_CONFLICT, "The VM has the device %s already.", name) < 0) ||
	    (vm->hostdevs.n >= MAX_DEVICES &&
	     err_set(e, ERR_CONFLICT, "A VM has %d host devices at most.", MAX_DEVICES) < 0)) {
		txn_cancel(t);
		return -1;
	}
	list = POOL_ARRAY(txn_pool(t), char *, vm->hostdevs.n + 1);
	if (vm->hostdevs.n)
		memcpy(list, vm->hostdevs.v, vm->hostdevs.n * sizeof(*list));
	list[vm->hostdevs.n++] = pool_strdup(txn_pool(t), name);
	vm->hostdevs.v = list;
	if (finish(c, t, "VM_ADD_HOST_DEVICES", "added to", name, vm, e) < 0)
		return -1;
	return reply_device(c, host_device_id(c->pool, name), e);
}

static int device_remove(struct call *c, struct err *e)
{
	struct txn *t = txn_begin(c->core);
	struct m_vm *vm = begin(c, t, "remove Host Device", e);
	int at = vm ? position(c->pool, vm, c->ids[1]) : -1;
	char *name;

	if (at < 0) {
		txn_cancel(t);
		return vm ? err_set(e, ERR_NO_ENTITY, "The VM has no host device %s.", c->ids[1]) : -1;
	}
	name = pool_strdup(c->pool, vm->hostdevs.v[at]);
	vm->hostdevs.n--;
	memmove(vm->hostdevs.v + at, vm->hostdevs.v + at + 1, (vm->hostdevs.n - (size_t)at) * sizeof(char *));
	if (finish(c, t, "VM_REMOVE_HOST_DEVICES", "removed from", name, vm, e) < 0)
		return -1;
	return call_reply_action(c, NULL);
}

/* ---- mediated devices ---- */

static int mdev_list(struct call *c, struct err *e)
{
	const struct m_vm *vm = call_visible(c, 0, KIND_VM, e);
	void **list = vm ? POOL_ARRAY(c->pool, void *, vm->mdevs.n + 1) : NULL;

	for (uint32_t i = 0; vm && i < vm->mdevs.n; i++)
		list[i] = m_copy(c->pool, &M_TYPE_vm_mediated_device, vm->mdevs.v[i]);
	return vm ? call_reply_list(c, &M_TYPE_vm_mediated_device, list, vm->mdevs.n) : -1;
}

static int mdev_position(const struct m_vm *vm, const char *id)
{
	for (uint32_t i = 0; i < vm->mdevs.n; i++)
		if (g_strcmp0(vm->mdevs.v[i]->id, id) == 0)
			return (int)i;
	return -1;
}

static int reply_mdev(struct call *c, const char *id, struct err *e)
{
	const struct m_vm *vm = INV_GET(c->core->inv, VM, vm, c->ids[0]);
	int at = vm ? mdev_position(vm, id) : -1;

	if (at < 0)
		return err_set(e, ERR_NO_ENTITY, "The VM has no mediated device %s.", id);
	return call_reply_entity(c, &M_TYPE_vm_mediated_device,
	                         m_copy(c->pool, &M_TYPE_vm_mediated_device, vm->mdevs.v[at]));
}

static int mdev_get(struct call *c, struct err *e)
{
	return call_visible(c, 0, KIND_VM, e) ? reply_mdev(c, c->ids[1], e) : -1;
}

/* mdevType is needed; nodisplay and driverParams may be there. */
static int check_params(const struct m_vm_mediated_device *m, struct err *e)
{
	bool has_type = false;

	for (uint32_t i = 0; i < m->spec_params.n; i++) {
		const struct m_property *p = m->spec_params.v[i];
		const char *value = p->value ? p->value : "";

		for (const char *at = value; *at; at++)
			if ((unsigned char)*at < 0x20 || *at == 0x7f)
				return err_field(e, ERR_INVALID, "vm_mediated_device.spec_params",
				                 "Control characters are not allowed here.");
		if (g_strcmp0(p->name, "mdevType") == 0)
			has_type = *value;
		else if (g_strcmp0(p->name, "nodisplay") != 0 && g_strcmp0(p->name, "driverParams") != 0)
			return err_field(e, ERR_INVALID, "vm_mediated_device.spec_params",
			                 "There is no parameter '%.60s'. Known are: mdevType, nodisplay, driverParams.",
			                 p->name ? p->name : "");
	}
	return has_type ? 0
	                : err_field(e, ERR_MISSING, "vm_mediated_device.spec_params",
	                            "A mediated device needs the parameter mdevType.");
}

static int mdev_add(struct call *c, struct err *e)
{
	struct m_vm_mediated_device *body = c->body, **list;
	struct txn *t = txn_begin(c->core);
	struct m_vm *vm = begin(c, t, "add Mediated Device", e);
	char *id = core_uuid(c->core, c->pool);

	if (!vm || check_params(body, e) < 0 ||
	    (vm->mdevs.n >= MAX_DEVICES &&
	     err_set(e, ERR_CONFLICT, "A VM has %d mediated devices at most.", MAX_DEVICES) < 0)) {
		txn_cancel(t);
		return -1;
	}
	list = POOL_ARRAY(txn_pool(t), struct m_vm_mediated_device *, vm->mdevs.n + 1);
	if (vm->mdevs.n)
		memcpy(list, vm->mdevs.v, vm->mdevs.n * sizeof(*list));
	list[vm->mdevs.n] = m_copy(txn_pool(t), &M_TYPE_vm_mediated_device, body);
	list[vm->mdevs.n++]->id = pool_strdup(txn_pool(t), id);
	vm->mdevs.v = list;
	return txn_commit(t, e) < 0 ? -1 : reply_mdev(c, id, e);
}

static int mdev_update(struct call *c, struct err *e)
{
	struct m_vm_mediated_device *body = c->body, *copy;
	struct txn *t = txn_begin(c->core);
	struct m_vm *vm = begin(c, t, "edit Mediated Device", e);
	int at = vm ? mdev_position(vm, c->ids[1]) : -1;

	if (at < 0 || check_params(body, e) < 0) {
		txn_cancel(t);
		return at >= 0 || !vm ? -1 : err_set(e, ERR_NO_ENTITY, "The VM has no mediated device %s.", c->ids[1]);
	}
	copy = m_copy(txn_pool(t), &M_TYPE_vm_mediated_device, body);
	vm->mdevs.v[at]->spec_params.v = copy->spec_params.v;
	vm->mdevs.v[at]->spec_params.n = copy->spec_params.n;
	return txn_commit(t, e) < 0 ? -1 : reply_mdev(c, c->ids[1], e);
}

static int mdev_remove(struct call *c, struct err *e)
{
	struct txn *t = txn_begin(c->core);
	struct m_vm *vm = begin(c, t, "remove Mediated Device", e);
	int at = vm ? mdev_position(vm, c->ids[1]) : -1;

	if (at < 0) {
		txn_cancel(t);
		return vm ? err_set(e, ERR_NO_ENTITY, "The VM has no mediated device %s.", c->ids[1]) : -1;
	}
	vm->mdevs.n--;
	memmove(vm->mdevs.v + at, vm->mdevs.v + at + 1, (vm->mdevs.n - (size_t)at) * sizeof(*vm->mdevs.v));
	return txn_commit(t, e) < 0 ? -1 : call_reply_action(c, NULL);
}

#define HERE(PERMIT) .permit = PERMIT, .on = KIND_VM, .flags = OP_WAITS | OP_HREF_HERE

const struct api_op VM_HOSTDEV_OPS[] = {
	ROW("vm_host_devices.list", device_list, NO_KIND, .flags = OP_HREF_HERE),
	ROW("vm_host_device.get", device_get, NO_KIND, .flags = OP_HREF_HERE),
	ROW("vm_host_devices.add", device_add, NO_KIND, HERE("edit_admin_vm_properties")),
	ROW("vm_host_device.remove", device_remove, NO_KIND, HERE("edit_admin_vm_properties")),
	ROW("vm_mediated_devices.list", mdev_list, NO_KIND, .flags = OP_HREF_HERE),
	ROW("vm_mediated_device.get", mdev_get, NO_KIND, .flags = OP_HREF_HERE),
	ROW("vm_mediated_devices.add", mdev_add, NO_KIND, HERE("edit_admin_vm_properties")),
	ROW("vm_mediated_device.update", mdev_update, NO_KIND, HERE("edit_admin_vm_properties")),
	ROW("vm_mediated_device.remove", mdev_remove, NO_KIND, HERE("edit_admin_vm_properties")),
	{ .name = NULL },
};
