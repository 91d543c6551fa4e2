/* SPDX-License-Identifier: Apache-2.0 */
/* NUMA nodes of VMs, and the action that makes them from those of the host. */
#include <string.h>

#include "manager/api/generic.h"
#include "manager/core/locks.h"
#include "manager/hosts/hosts.h"
#include "manager/vms/vm_hardware.h"

enum { MAX_NODES = 64 };

static struct m_virtual_numa_node *view(struct call *c, const struct m_virtual_numa_node *node)
{
	struct m_virtual_numa_node *n = m_copy(c->pool, &M_TYPE_virtual_numa_node, node);

	REF_SET(c->pool, n->vm, c->ids[0]);
	return n;
}

static int node_list(struct call *c, struct err *e)
{
	const struct m_vm *vm = call_visible(c, 0, KIND_VM, e);
	void **list = vm ? POOL_ARRAY(c->pool, void *, vm->numa.n + 1) : NULL;

	for (uint32_t i = 0; vm && i < vm->numa.n; i++)
		list[i] = view(c, vm->numa.v[i]);
	return vm ? call_reply_list(c, &M_TYPE_virtual_numa_node, list, vm->numa.n) : -1;
}

static int position(const struct m_vm *vm, const char *id)
{
	for (uint32_t i = 0; i < vm->numa.n; i++)
		if (g_strcmp0(vm->numa.v[i]->id, id) == 0)
			return (int)i;
	return -1;
}

static int reply_node(struct call *c, const char *id, struct err *e)
{
	const struct m_vm *vm = INV_GET(c->core->inv, VM, vm, c->ids[0]);
	int at = vm ? position(vm, id) : -1;

	if (at < 0)
		return err_set(e, ERR_NO_ENTITY, "There is no NUMA node %s.", id);
	return call_reply_entity(c, &M_TYPE_virtual_numa_node, view(c, vm->numa.v[at]));
}

static int node_get(struct call *c, struct err *e)
{
	return call_visible(c, 0, KIND_VM, e) ? reply_node(c, c->ids[1], e) : -1;
}

/* ---- changes ---- */

static struct m_vm *begin(struct call *c, struct txn *t, struct err *e)
{
	struct m_vm *vm = txn_edit(t, KIND_VM, c->ids[0]);

	if (!vm) {
		err_set(e, ERR_NO_ENTITY, "There is no VM %s.", c->ids[0]);
		return NULL;
	}
	if (vm_check_down(vm, "edit the NUMA nodes of the VM", e) < 0 || lock_check(c->core, vm->id, NULL, e) < 0)
		return NULL;
	return vm;
}

static int finish(struct call *c, struct txn *t, struct m_vm *vm, const char *event, struct err *e)
{
	struct event_refs refs = call_refs(c);

	if (vm_check_numa(vm, false, "edit the NUMA nodes of the VM", e) < 0) {
		txn_cancel(t);
		return -1;
	}
	refs.vm = c->ids[0];
	txn_event(t, event, &refs, "NUMA nodes of VM %s were changed.", vm->name);
	return txn_commit(t, e);
}

/* What a client may say of a node. */
static void take(struct pool *p, struct m_virtual_numa_node *node, const struct m_virtual_numa_node *body)
{
	if (body->has.index)
		M_SET(node, index, body->index);
	if (body->has.memory)
		M_SET(node, memory, body->memory);
	if (body->cpu)
		node->cpu = m_copy(p, &M_TYPE_cpu, body->cpu);
	if (body->numa_tune_mode)
		node->numa_tune_mode = body->numa_tune_mode;
	if (body->numa_node_pins.v) {
		const struct m_virtual_numa_node *copy = m_copy(p, &M_TYPE_virtual_numa_node, body);
		node->numa_node_pins.v = copy->numa_node_pins.v;
		node->numa_node_pins.n = copy->numa_node_pins.n;
	}
}

static int node_add(struct call *c, struct err *e)
{
	const struct m_virtual_numa_node *body = c->body;
	struct txn *t = txn_begin(c->core);
	struct m_vm *vm = begin(c, t, e);
	struct m_virtual_numa_node *node, **list;
	char *id = core_uuid(c->core, c->pool);

	if (!vm ||
	    (vm->numa.n >= MAX_NODES && err_set(e, ERR_CONFLICT, "A VM has %d NUMA nodes at most.", MAX_NODES) < 0)) {
		txn_cancel(t);
		return -1;
	}
	node = m_new(txn_pool(t), &M_TYPE_virtual_numa_node);
	node->id = pool_strdup(txn_pool(t), id);
	take(txn_pool(t), node, body);
	list = POOL_ARRAY(txn_pool(t), struct m_virtual_numa_node *, vm->numa.n + 1);
	if (vm->numa.n)
		memcpy(list, vm->numa.v, vm->numa.n * sizeof(*list));
	list[vm->numa.n++] = node;
	vm->numa.v = list;
	return finish(c, t, vm, "NUMA_ADD_VM_NUMA_NODE_SUCCESS", e) < 0 ? -1 : reply_node(c, id, e);
}

static int node_update(struct call *c, struct err *e)
{
	struct txn *t = txn_begin(c->core);
	struct m_vm *vm = begin(c, t, e);
	int at = vm ? position(vm, c->ids[1]) : -1;

	if (at < 0) {
		txn_cancel(t);
		return vm ? err_set(e, ERR_NO_ENTITY, "There is no NUMA node %s.", c->ids[1]) : -1;
	}
	take(txn_pool(t), vm->numa.v[at], c->body);
	return finish(c, t, vm, "NUMA_UPDATE_VM_NUMA_NODE_SUCCESS", e) < 0 ? -1 : reply_node(c, c->ids[1], e);
}

static int node_remove(struct call *c, struct err *e)
{
	struct txn *t = txn_begin(c->core);
	struct m_vm *vm = begin(c, t, e);
	int at = vm ? position(vm, c->ids[1]) : -1;

	if (at < 0) {
		txn_cancel(t);
		return vm ? err_set(e, ERR_NO_ENTITY, "There is no NUMA node %s.", c->ids[1]) : -1;
	}
	vm->numa.n--;
	memmove(vm->numa.v + at, vm->numa.v + at + 1, (vm->numa.n - (size_t)at) * sizeof(*vm->numa.v));
	return finish(c, t, vm, "NUMA_REMOVE_VM_NUMA_NODE_SUCCESS", e) < 0 ? -1 : call_reply_action(c, NULL);
}

/* ---- automatically: the VM becomes like its host ---- */

/* Its processors, pinned one to one, in nodes as the host has them. cpus: numbers of the host's processors of each node. */
static void mirror(struct core *c, struct pool *p, struct m_vm *vm, json_t *nodes)
{
	int64_t memory = vm->memory >> 20, vcpu = 0, n_nodes = (int64_t)json_object_size(nodes), i = 0;
	g_autoptr(GPtrArray) pins = g_ptr_array_new();
	const char *name;
	json_t *there;

	vm->numa.v = POOL_ARRAY(p, struct m_virtual_numa_node *, n_nodes + 1);
	vm->numa.n = 0;
	json_object_foreach (nodes, name, there) {
		struct m_virtual_numa_node *node = m_new(p, &M_TYPE_virtual_numa_node);
		json_t *cpus = json_object_get(there, "cpus"), *cpu;
		struct m_numa_node_pin *pin = m_new(p, &M_TYPE_numa_node_pin);
		size_t k;

		node->id = core_uuid(c, p);
		M_SET(node, index, i);
		M_SET(node, memory, memory / n_nodes + (i == 0 ? memory % n_nodes : 0));
		node->cpu = m_new(p, &M_TYPE_cpu);
		node->cpu->cores.v = POOL_ARRAY(p, struct m_core *, json_array_size(cpus) + 1);
		json_array_foreach (cpus, k, cpu) {
			struct m_core *core = m_new(p, &M_TYPE_core);
			struct m_vcpu_pin *vp = m_new(p, &M_TYPE_vcpu_pin);

			M_SET(core, index, vcpu);
			node->cpu->cores.v[node->cpu->cores.n++] = core;
			M_SET(vp, vcpu, vcpu++);
			vp->cpu_set = pool_printf(p, "%d", (int)json_integer_value(cpu));
			g_ptr_array_add(pins, vp);
		}
		M_SET(pin, index, g_ascii_strtoll(name, NULL, 10));
		M_SET(pin, pinned, true);
		node->numa_node_pins.v = POOL_ARRAY(p, struct m_numa_node_pin *, 1);
		node->numa_node_pins.v[0] = pin;
		node->numa_node_pins.n = 1;
		node->numa_tune_mode = M_NUMA_TUNE_MODE_PREFERRED;
		vm->numa.v[vm->numa.n++] = node;
		i++;
	}
	vm->cpu->cpu_tune = m_new(p, &M_TYPE_cpu_tune);
	vm->cpu->cpu_tune->vcpu_pins.v = POOL_ARRAY(p, struct m_vcpu_pin *, pins->len + 1);
	memcpy(vm->cpu->cpu_tune->vcpu_pins.v, pins->pdata, pins->len * sizeof(void *));
	vm->cpu->cpu_tune->vcpu_pins.n = pins->len;
}

static int resize(struct call *c, struct pool *p, struct m_vm *vm, const struct m_host *h, struct err *e)
{
	json_t *nodes = json_object_get(host_caps(c->core, h->id), "numaNodes");
	const struct m_cpu_topology *t = h->cpu ? h->cpu->topology : NULL;
	json_t *node;
	const char *name;
	int64_t n = 0;

	json_object_foreach (nodes, name, node)
		n += (int64_t)json_array_size(json_object_get(node, "cpus"));
	if (!t || !n)
		return err_set(e, ERR_CONFLICT, "Host %s does not tell about its processors.", h->name);
	if (!vm->cpu)
		vm->cpu = m_new(p, &M_TYPE_cpu);
	vm->cpu->topology = m_new(p, &M_TYPE_cpu_topology);
	if (M_GET(t, sockets, 1) * M_GET(t, cores, 1) * M_GET(t, threads, 1) == n) {
		M_SET(vm->cpu->topology, sockets, t->sockets);
		M_SET(vm->cpu->topology, cores, t->cores);
		M_SET(vm->cpu->topology, threads, t->threads);
	} else {
		M_SET(vm->cpu->topology, sockets, n);
		M_SET(vm->cpu->topology, cores, 1);
		M_SET(vm->cpu->topology, threads, 1);
	}
	mirror(c->core, p, vm, nodes);
	vm->cpu_pinning_policy = M_CPU_PINNING_POLICY_MANUAL;
	return 0;
}

static const struct m_host *only_host(struct call *c, const struct m_vm *vm, struct err *e)
{
	const struct m_vm_placement_policy *pp = vm->placement_policy;
	const struct m_host *h = pp && pp->hosts.n == 1 ? INV_GET(c->core->inv, HOST, host, pp->hosts.v[0].id) : NULL;

	if (!h)
		err_field(e, ERR_CONFLICT, "vm.placement_policy.hosts",
		          "Cannot pin the CPUs of VM %s. It must be bound to one host.", vm->name);
	return h;
}

static int auto_pin(struct call *c, struct err *e)
{
	bool optimize = c->action && M_GET(c->action, optimize_cpu_settings, false);
	struct txn *t = txn_begin(c->core);
	struct m_vm *vm = begin(c, t, e);
	const struct m_host *h = vm ? only_host(c, vm, e) : NULL;
	struct event_refs refs = call_refs(c);

	if (h && !optimize) {
		err_field(e, ERR_UNSUPPORTED, "action.optimize_cpu_settings",
		          "Pinning without adjusting the VM's CPUs to the host's is not supported; "
		          "set optimize_cpu_settings.");
		h = NULL;
	}
	if (!h || resize(c, txn_pool(t), vm, h, e) < 0 || vm_check_hardware(c->core, vm, "edit VM", e) < 0) {
		txn_cancel(t);
		return -1;
	}
	refs.vm = c->ids[0];
	txn_event(t, "USER_UPDATE_VM", &refs, "VM %s configuration was updated.", vm->name);
	return txn_commit(t, e) < 0 ? -1 : call_reply_action(c, NULL);
}

const struct api_op VM_NUMA_OPS[] = {
	ROW("vm_numa_nodes.list", node_list, NO_KIND),
	ROW("vm_numa_node.get", node_get, NO_KIND),
	ROW("vm_numa_nodes.add", node_add, NO_KIND, ON("edit_vm_properties", KIND_VM)),
	ROW("vm_numa_node.update", node_update, NO_KIND, ON("edit_vm_properties", KIND_VM)),
	ROW("vm_numa_node.remove", node_remove, NO_KIND, ON("edit_vm_properties", KIND_VM)),
	ROW("vm.auto_pin_cpu_and_numa_nodes", auto_pin, NO_KIND, ON("edit_admin_vm_properties", KIND_VM)),
	{ .name = NULL },
};
