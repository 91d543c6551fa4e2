/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Network cards of VMs. Those of a running VM are plugged and pulled: the record says "plugged" only when the host has
 * done it, and "not plugged" before anything is pulled out.
 */
#include <string.h>

#include "manager/api/generic.h"
#include "manager/core/locks.h"
#include "manager/networks/networks.h"
#include "manager/vms/vm_hardware.h"

enum { PLUG_MS = 90 * 1000, MAX_CARDS = 26, MAX_NUMBER = 1000 };

/* ---- rules ---- */

int nic_check_interface(enum m_nic_interface i, struct err *e)
{
	switch (i) {
	case M_NIC_INTERFACE_PCI_PASSTHROUGH:
		return err_field(
		    e, ERR_UNSUPPORTED, "nic.interface",
		    "Handing parts of a card through (pci_passthrough) is not supported; add the card to the "
		    "VM's host devices.");
	case M_NIC_INTERFACE_SPAPR_VLAN:
		return err_field(e, ERR_UNSUPPORTED, "nic.interface", "The interface spapr_vlan is of POWER machines.");
	case M_NIC_INTERFACE_RTL8139_VIRTIO:
		return err_field(e, ERR_UNSUPPORTED, "nic.interface",
		                 "The interface rtl8139_virtio is not supported; virtio and rtl8139 are.");
	default: return 0;
	}
}

static struct event_refs nic_refs(struct call *c, const struct m_vm *vm)
{
	return vm_refs(vm, c->who.user_id, c->correlation_id);
}

/* The VM of the path, in its latest version, fit for changes of its cards. */
static const struct m_vm *vm_for_change(struct call *c, const char *what, struct err *e)
{
	const struct m_vm *vm = INV_LATEST(c->core->inv, VM, vm, c->ids[0]);

	if (!vm) {
		err_set(e, ERR_NO_ENTITY, "There is no VM %s.", c->ids[0]);
		return NULL;
	}
	if (vm->status != M_VM_STATUS_DOWN && vm->status != M_VM_STATUS_UP && vm->status != M_VM_STATUS_PAUSED) {
		err_set(e, ERR_CONFLICT, "Cannot %s. VM is %s; it must be up or down.", what,
		        m_enum_name(&M_ENUM_vm_status, vm->status));
		return NULL;
	}
	return lock_check(c->core, vm->id, NULL, e) < 0 ? NULL : vm;
}

/* A network of the request instead of a profile: the old way. */
static int profile_of_network(struct call *c, struct m_nic *body, struct err *e)
{
	if (body->vnic_profile.id || body->vnic_profile.obj || (!body->network.id && !body->network.obj))
		return 0;
	if (call_resolve(c, &body->network, KIND_NETWORK, NULL, true, "nic.network", e) < 0)
		return -1;
	INV_EACH_BY (vp, c->core->inv, KIND_VNIC_PROFILE, IDX_VNIC_PROFILE_network, body->network.id) {
		body->vnic_profile.id = pool_strdup(c->pool, vp->id);
		return 0;
	}
	return err_field(e, ERR_CONFLICT, "nic.network", "The network has no vNIC profile.");
}

/* Names of profiles are unique within their network only: the one that the VM's cluster has is meant. */
static void profile_by_name(struct call *c, const struct m_vm *vm, struct m_ref *ref)
{
	const struct m_vnic_profile *wanted = ref->id ? NULL : ref->obj;

	if (!wanted || !wanted->name)
		return;
	INV_EACH (en, c->core->inv, KIND_VNIC_PROFILE) {
		const struct m_vnic_profile *vp = en->pub;

		if (strcmp(vp->name, wanted->name) == 0 &&
		    network_is_in_cluster(c->core, vp->network.id, vm->cluster.id)) {
			ref->id = pool_strdup(c->pool, vp->id);
			return;
		}
	}
}

/* An empty id means: no network. */
static int resolve_profile(struct call *c, const struct m_vm *vm, struct m_nic *body, struct err *e)
{
	const struct m_network *net;

	if (body->vnic_profile.id && !*body->vnic_profile.id) {
		body->vnic_profile.obj = NULL;
		return 0;
	}
	profile_by_name(c, vm, &body->vnic_profile);
	if (profile_of_network(c, body, e) < 0 ||
	    call_resolve(c, &body->vnic_profile, KIND_VNIC_PROFILE, NULL, false, "nic.vnic_profile", e) < 0)
		return -1;
	body->network = (struct m_ref){ 0 };
	if (!body->vnic_profile.id)
		return 0;
	net = network_of_profile(c->core, body->vnic_profile.id);
	if (!net || !network_is_in_cluster(c->core, net->id, vm->cluster.id))
		return err_field(e, ERR_CONFLICT, "nic.vnic_profile", "The network %s is not in the VM's cluster.",
		                 net ? net->name : "-");
	return 0;
}

static int take_mac(struct call *c, const struct m_vm *vm, struct m_nic *nic, GPtrArray *made, struct err *e)
{
	if (nic->mac && nic->mac->address) {
		char *lower = g_ascii_strdown(nic->mac->address, -1);
		nic->mac->address = pool_strdup(c->pool, lower);
		g_free(lower);
		return mac_check_free(c->core, vm->cluster.id, nic->mac->address, nic->id, e);
	}
	if (!nic->mac)
		nic->mac = m_new(c->pool, &M_TYPE_mac);
	for (;;) {
		bool is_new = true;

		nic->mac->address = mac_draw(c->core, c->pool, vm->cluster.id, e);
		if (!nic->mac->address)
			return -1;
		for (guint i = 0; made && i < made->len; i++)
			is_new =
			    is_new && strcmp(((struct m_nic *)made->pdata[i])->mac->address, nic->mac->address) != 0;
		if (is_new)
			return 0;
	}
}

static bool has_name(const struct m_nic **nics, unsigned n, GPtrArray *made, const char *name, const char *except_id)
{
	for (unsigned i = 0; i < n; i++)
		if (g_strcmp0(nics[i]->name, name) == 0 && g_strcmp0(nics[i]->id, except_id) != 0)
			return true;
	for (guint i = 0; made && i < made->len; i++)
		if (g_strcmp0(((struct m_nic *)made->pdata[i])->name, name) == 0)
			return true;
	return false;
}

static int take_name(struct call *c, struct m_nic *nic, const struct m_nic **nics, unsigned n, GPtrArray *made,
                     struct err *e)
{
	for (int i = 1; !nic->name && i < MAX_NUMBER; i++) {
		char *name = pool_printf(c->pool, "nic%d", i);
		if (!has_name(nics, n, made, name, NULL))
			nic->name = name;
	}
	if (has_name(nics, n, made, nic->name, nic->id))
		return err_field(e, ERR_CONFLICT, "nic.name",
		                 "Cannot add Interface. The network interface name '%s' is already in use.", nic->name);
	return 0;
}

struct m_nic *nic_new(struct call *c, struct txn *t, const struct m_vm *vm, struct m_nic *body, GPtrArray *made,
                      struct err *e)
{
	unsigned n;
	const struct m_nic **nics = vm_nics(c->core, c->pool, vm->id, &n);
	struct m_nic *nic;

	if (n + (made ? made->len : 0) >= MAX_CARDS) {
		err_set(e, ERR_CONFLICT, "Cannot add Interface. A VM has %d network interfaces at most.", MAX_CARDS);
		return NULL;
	}
	if (nic_check_interface(body->interface, e) < 0 ||
	    vm_check_slots(c->core, vm, M_DISK_INTERFACE_NONE, 1 + (made ? (int)made->len : 0), "add Interface", e) <
	        0 ||
	    resolve_profile(c, vm, body, e) < 0)
		return NULL;
	nic = txn_new(t, KIND_NIC, NULL);
	body->template = body->instance_type = (struct m_ref){ 0 };
	if (m_merge(txn_pool(t), &M_TYPE_nic, nic, body, M_MERGE_API | M_MERGE_CREATE, e) < 0 ||
	    take_name(c, nic, nics, n, made, e) < 0 || m_validate(&M_TYPE_nic, nic, e) < 0 ||
	    take_mac(c, vm, nic, made, e) < 0)
		return NULL;
	if (nic->vnic_profile.id && !*nic->vnic_profile.id)
		nic->vnic_profile = (struct m_ref){ 0 };
	REF_SET(txn_pool(t), nic->vm, vm->id);
	if (nic->interface == M_NIC_INTERFACE_NONE)
		nic->interface = M_NIC_INTERFACE_VIRTIO;
	DEFAULT(nic, plugged, true);
	DEFAULT(nic, linked, true);
	nic->has.on_boot = nic->has.synced = 0;
	if (made)
		g_ptr_array_add(made, nic);
	return nic;
}

/* ---- plugging ---- */

/* Plug or pull a card of a running VM. In a fiber; 0 when the VM does not run. */
static int plug(struct call *c, const char *vm_id, const struct m_nic *nic, bool is_in, struct err *e)
{
	const struct m_vm *vm = INV_LATEST(c->core->inv, VM, vm, vm_id);
	struct domain_nic_spec spec;
	const char *host;
	char *xml;

	if (!vm || !vm_is_live(vm))
		return 0;
	host = vm_host(c->core, c->pool, vm, e);
	if (!host || vm_nic_spec(c->core, c->pool, nic, &spec, e) < 0)
		return -1;
	xml = domain_nic_plug_xml(c->pool, &spec);
	if (agent_call(c->core, host, is_in ? "VM.hotplugNic" : "VM.hotunplugNic",
	               json_pack("{s:s,s:{s:s,s:s}}", "vmID", vm_id, "params", "vmId", vm_id, "xml", xml), PLUG_MS,
	               c->correlation_id, NULL, e) < 0)
		return err_wrap(
		    e, is_in ? "Failed to hot-plug network interface %s" : "Failed to hot-unplug network interface %s",
		    nic->name);
	return 0;
}

/* Change link and network of a card that is in use. */
static int change_live(struct call *c, const char *vm_id, const struct m_nic *nic, struct err *e)
{
	const struct m_vm *vm = INV_LATEST(c->core->inv, VM, vm, vm_id);
	struct domain_nic_spec spec;
	const char *host = vm ? vm_host(c->core, c->pool, vm, e) : NULL;

	if (!host || vm_nic_spec(c->core, c->pool, nic, &spec, e) < 0)
		return -1;
	if (agent_call(c->core, host, "VM.updateDevice",
	               json_pack("{s:s,s:{s:s,s:s,s:s,s:b}}", "vmID", vm_id, "params", "deviceType", "interface",
	                         "alias", domain_alias(c->pool, nic->id), "network", STR_OR(spec.bridge, ""),
	                         "linkActive", M_GET(nic, linked, true) && spec.bridge),
	               PLUG_MS, c->correlation_id, NULL, e) < 0)
		return err_wrap(e, "Failed to change network interface %s", nic->name);
	return 0;
}

static int set_plugged(struct call *c, const char *nic_id, bool is_plugged, const char *event, struct err *e)
{
	struct txn *t = txn_begin(c->core);
	struct m_nic *nic = txn_edit(t, KIND_NIC, nic_id);
	const struct m_vm *vm = nic ? txn_get(t, KIND_VM, nic->vm.id) : NULL;
	struct event_refs refs;

	if (!vm) {
		txn_cancel(t);
		return err_set(e, ERR_NO_ENTITY, "The network interface was removed meanwhile.");
	}
	M_SET(nic, plugged, is_plugged);
	refs = nic_refs(c, vm);
	if (event)
		txn_event(t, event, &refs, "Network Interface %s was %s VM %s.", nic->name,
		          is_plugged ? "plugged into" : "unplugged from", vm->name);
	return txn_commit(t, e);
}

static int set_active(struct call *c, const char *nic_id, bool is_in, struct err *e)
{
	const struct m_nic *nic = INV_LATEST(c->core->inv, NIC, nic, nic_id);
	char *vm_id, *id;

	if (!nic)
		return err_set(e, ERR_NO_ENTITY, "There is no network interface %s.", nic_id);
	if (M_GET(nic, plugged, true) == is_in)
		return 0;
	id = pool_strdup(c->pool, nic_id);
	vm_id = pool_strdup(c->pool, nic->vm.id);
	nic = m_copy(c->pool, &M_TYPE_nic, nic);
	if (is_in) {
		if (mac_check_free(c->core, ((const struct m_vm *)inv_latest(c->core->inv, KIND_VM, vm_id))->cluster.id,
		                   nic->mac->address, id, e) < 0 ||
		    plug(c, vm_id, nic, true, e) < 0)
			return -1;
		return set_plugged(c, id, true, "NETWORK_ACTIVATE_VM_INTERFACE_SUCCESS", e);
	}
	if (plug(c, vm_id, nic, false, e) < 0)
		return -1;
	return set_plugged(c, id, false, "NETWORK_DEACTIVATE_VM_INTERFACE_SUCCESS", e);
}

/* ---- operations ---- */

static int drop(struct call *c, const char *nic_id)
{
	struct txn *t = txn_begin(c->core);
	struct err ignored;

	txn_remove(t, KIND_NIC, nic_id);
	return txn_commit(t, &ignored);
}

static int nic_add(struct call *c, struct err *e)
{
	const struct m_vm *vm = vm_for_change(c, "add Interface", e);
	struct m_nic *nic;
	struct event_refs refs;
	struct txn *t;
	char *id;
	bool is_hot;

	if (!vm)
		return -1;
	t = txn_begin(c->core);
	nic = nic_new(c, t, vm, c->body, NULL, e);
	if (!nic) {
		txn_cancel(t);
		return -1;
	}
	is_hot = vm_is_live(vm) && nic->plugged;
	if (is_hot)
		M_SET(nic, plugged, false);
	id = pool_strdup(c->pool, nic->id);
	refs = nic_refs(c, vm);
	txn_event(t, "NETWORK_ADD_VM_INTERFACE", &refs, "Interface %s was added to VM %s.", nic->name, vm->name);
	if (txn_commit(t, e) < 0)
		return -1;
	if (is_hot && set_active(c, id, true, e) < 0) {
		drop(c, id);
		return -1;
	}
	return call_reply_kind(c, KIND_NIC, id);
}

static bool changes_card(const struct m_nic *old, const struct m_nic *draft)
{
	return old->interface != draft->interface ||
	       g_strcmp0(old->mac ? old->mac->address : NULL, draft->mac ? draft->mac->address : NULL) != 0;
}

static bool changes_link(const struct m_nic *old, const struct m_nic *draft)
{
	return M_GET(old, linked, true) != M_GET(draft, linked, true) ||
	       g_strcmp0(old->vnic_profile.id, draft->vnic_profile.id) != 0;
}

static int check_draft(struct call *c, const struct m_vm *vm, const struct m_nic *old, struct m_nic *draft,
                       struct err *e)
{
	unsigned n;
	const struct m_nic **nics = vm_nics(c->core, c->pool, vm->id, &n);

	if (nic_check_interface(draft->interface, e) < 0 || take_name(c, draft, nics, n, NULL, e) < 0 ||
	    take_mac(c, vm, draft, NULL, e) < 0)
		return -1;
	if (vm_is_live(vm) && M_GET(old, plugged, true) && M_GET(draft, plugged, true) && changes_card(old, draft))
		return err_set(e, ERR_CONFLICT,
		               "Cannot edit Interface. MAC address and type of a plugged interface cannot change while "
		               "the VM runs; unplug it first.");
	return 0;
}

/* Draft with the body merged in; what the host must know is told before the commit. */
static struct txn *prepare_update(struct call *c, const struct m_vm *vm, const char *id, struct m_nic *wanted,
                                  struct err *e)
{
	struct txn *t = txn_begin(c->core);
	const struct m_nic *old = txn_get(t, KIND_NIC, id);
	struct m_nic *draft;
	bool was_plugged = old && M_GET(old, plugged, true);

	old = old ? m_copy(c->pool, &M_TYPE_nic, old) : NULL;
	draft = old ? generic_merge(c, t, KIND_NIC, id, e) : NULL;
	if (!old)
		err_set(e, ERR_NO_ENTITY, "There is no network interface %s.", id);
	if (draft && draft->vnic_profile.id && !*draft->vnic_profile.id)
		draft->vnic_profile = (struct m_ref){ 0 };
	if (!draft || check_draft(c, vm, old, draft, e) < 0) {
		txn_cancel(t);
		return NULL;
	}
	*wanted = *(struct m_nic *)m_copy(c->pool, &M_TYPE_nic, draft);
	if (vm_is_live(vm)) /* plugging is a step of its own */
		M_SET(draft, plugged, was_plugged);
	return t;
}

static int nic_update(struct call *c, struct err *e)
{
	const struct m_nic *old = generic_target(c, e);
	const struct m_vm *vm = old ? vm_for_change(c, "edit Interface", e) : NULL;
	struct m_nic wanted, *body = c->body;
	struct event_refs refs;
	struct txn *t;
	char *id, *vm_id;
	bool is_live;

	if (!vm || resolve_profile(c, vm, body, e) < 0)
		return -1;
	id = pool_strdup(c->pool, old->id);
	vm_id = pool_strdup(c->pool, vm->id);
	is_live = vm_is_live(vm);
	body->template = body->instance_type = (struct m_ref){ 0 };
	t = prepare_update(c, vm, id, &wanted, e);
	if (!t)
		return -1;
	if (is_live && M_GET(old, plugged, true) && M_GET(&wanted, plugged, true) && changes_link(old, &wanted)) {
		txn_cancel(t); /* no waits inside a transaction: tell the host, then begin again */
		if (change_live(c, vm_id, &wanted, e) < 0)
			return -1;
		vm = INV_LATEST(c->core->inv, VM, vm, vm_id);
		t = vm ? prepare_update(c, vm, id, &wanted, e) : NULL;
		if (!t)
			return -1;
	}
	refs = nic_refs(c, vm);
	txn_event(t, "NETWORK_UPDATE_VM_INTERFACE", &refs, "Interface %s of VM %s was updated.", wanted.name, vm->name);
	if (txn_commit(t, e) < 0)
		return -1;
	if (is_live && set_active(c, id, M_GET(&wanted, plugged, true), e) < 0)
		return -1;
	return call_reply_kind(c, KIND_NIC, id);
}

static int nic_remove(struct call *c, struct err *e)
{
	const struct m_nic *nic = generic_target(c, e);
	const struct m_vm *vm = nic ? vm_for_change(c, "remove Interface", e) : NULL;
	struct event_refs refs;
	struct txn *t;
	char *id;

	if (!vm)
		return -1;
	id = pool_strdup(c->pool, nic->id);
	if (vm_is_live(vm) && M_GET(nic, plugged, true) && set_active(c, id, false, e) < 0)
		return -1;
	t = txn_begin(c->core);
	nic = txn_get(t, KIND_NIC, id);
	vm = nic ? txn_get(t, KIND_VM, nic->vm.id) : NULL;
	if (vm) {
		refs = nic_refs(c, vm);
		txn_event(t, "NETWORK_REMOVE_VM_INTERFACE", &refs, "Interface %s was removed from VM %s.", nic->name,
		          vm->name);
	}
	txn_remove(t, KIND_NIC, id);
	return txn_commit(t, e) < 0 ? -1 : call_reply_action(c, NULL);
}

static int activate(struct call *c, bool is_in, struct err *e)
{
	/* the action's word is no id: the card is the second one */
	const struct m_nic *nic = c->n_ids > 1 ? INV_GET(c->core->inv, NIC, nic, c->ids[1]) : NULL;

	if (!nic || g_strcmp0(nic->vm.id, c->ids[0]) != 0)
		return err_set(e, ERR_NO_ENTITY, "There is no such network interface.");
	if (!vm_for_change(c, is_in ? "activate Interface" : "deactivate Interface", e))
		return -1;
	return set_active(c, nic->id, is_in, e) < 0 ? -1 : call_reply_action(c, NULL);
}

static int nic_activate(struct call *c, struct err *e) { return activate(c, true, e); }
static int nic_deactivate(struct call *c, struct err *e) { return activate(c, false, e); }

const struct api_op VM_NIC_OPS[] = {
	ROW("vm_nics.list", generic_list, KIND_NIC, BELOW(KIND_VM, IDX_NIC_vm)),
	ROW("vm_nic.get", generic_get, KIND_NIC, BELOW(KIND_VM, IDX_NIC_vm)),
	ROW("vm_nics.add", nic_add, KIND_NIC, BELOW(KIND_VM, IDX_NIC_vm), ON("configure_vm_network", KIND_VM)),
	ROW("vm_nic.update", nic_update, KIND_NIC, BELOW(KIND_VM, IDX_NIC_vm), ON("configure_vm_network", KIND_VM)),
	ROW("vm_nic.remove", nic_remove, KIND_NIC, BELOW(KIND_VM, IDX_NIC_vm), ON("configure_vm_network", KIND_VM)),
	ROW("vm_nic.activate", nic_activate, KIND_NIC, ON("configure_vm_network", KIND_VM)),
	ROW("vm_nic.deactivate", nic_deactivate, KIND_NIC, ON("configure_vm_network", KIND_VM)),
	{ .name = NULL },
};
