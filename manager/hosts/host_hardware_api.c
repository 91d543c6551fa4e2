/* SPDX-License-Identifier: Apache-2.0 */
/* /hosts/{id}/devices and /hosts/{id}/numanodes: what the host lists of itself, and which VM has it. */
#include <string.h>

#include "manager/api/generic.h"
#include "manager/api/statistics.h"
#include "manager/hosts/host_hardware.h"
#include "manager/hosts/host_int.h"

static const char *text(json_t *o, const char *key) { return json_string_value(json_object_get(o, key)); }

static int64_t number(json_t *v)
{
	return json_is_string(v) ? g_ascii_strtoll(json_string_value(v), NULL, 10) : (int64_t)json_number_value(v);
}

/* ---- devices ---- */

char *host_device_id(struct pool *p, const char *name)
{
	g_autoptr(GString) hex = g_string_new(NULL);

	for (const unsigned char *at = (const unsigned char *)name; *at; at++)
		g_string_append_printf(hex, "%02x", *at);
	return pool_strdup(p, hex->str);
}

const char *host_device_name(json_t *listed, const char *wanted)
{
	auto_pool p = pool_new();
	const char *name;
	json_t *d;

	json_object_foreach (listed, name, d)
		if (strcmp(name, wanted) == 0 || strcmp(host_device_id(p, name), wanted) == 0)
			return name;
	return NULL;
}

static struct m_product *product(struct pool *p, json_t *params)
{
	struct m_product *x = m_new(p, &M_TYPE_product);

	x->id = pool_strdup(p, text(params, "product_id"));
	x->name = pool_strdup(p, text(params, "product"));
	return x->id || x->name ? x : NULL;
}

static struct m_vendor *vendor(struct pool *p, json_t *params)
{
	struct m_vendor *x = m_new(p, &M_TYPE_vendor);

	x->id = pool_strdup(p, text(params, "vendor_id"));
	x->name = pool_strdup(p, text(params, "vendor"));
	return x->id || x->name ? x : NULL;
}

struct m_host_device *host_device_make(struct pool *p, const char *host_id, json_t *listed, const char *name)
{
	json_t *params = json_object_get(json_object_get(listed, name), "params");
	struct m_host_device *d = m_new(p, &M_TYPE_host_device);

	d->id = host_device_id(p, name);
	d->name = pool_strdup(p, name);
	REF_SET(p, d->host, host_id);
	d->capability = pool_strdup(p, text(params, "capability"));
	d->driver = pool_strdup(p, text(params, "driver"));
	d->product = product(p, params);
	d->vendor = vendor(p, params);
	if (json_object_get(params, "iommu_group"))
		M_SET(d, iommu_group, number(json_object_get(params, "iommu_group")));
	if (json_object_get(params, "totalvfs"))
		M_SET(d, virtual_functions, number(json_object_get(params, "totalvfs")));
	if (text(params, "parent"))
		d->parent_device.id = host_device_id(p, text(params, "parent"));
	M_SET(d, placeholder, false);
	return d;
}

/* The VM of this host that has the device. */
static const char *user_of(struct core *c, const char *host_id, const char *name)
{
	INV_EACH (en, c->inv, KIND_VM) {
		const struct m_vm *vm = en->pub;
		const struct m_vm_placement_policy *pp = vm->placement_policy;

		for (uint32_t i = 0; i < vm->hostdevs.n; i++)
			if (strcmp(vm->hostdevs.v[i], name) == 0 && pp && pp->hosts.n == 1 &&
			    g_strcmp0(pp->hosts.v[0].id, host_id) == 0)
				return en->id;
	}
	return NULL;
}

static struct m_host_device *show(struct call *c, const char *name)
{
	struct m_host_device *d = host_device_make(c->pool, c->ids[0], host_devices(c->core, c->ids[0]), name);

	REF_SET(c->pool, d->vm, user_of(c->core, c->ids[0], name));
	return d;
}

/* As they are now if the host answers, else as it told last. */
static json_t *look(struct call *c, struct err *e)
{
	struct err ignored;

	if (!call_visible(c, 0, KIND_HOST, e))
		return NULL;
	if (host_is_connected(c->core, c->ids[0]) && !host_devices(c->core, c->ids[0]))
		host_read_devices(c->core, c->ids[0], &ignored);
	if (!call_visible(c, 0, KIND_HOST, e))
		return NULL;
	if (!host_devices(c->core, c->ids[0]))
		err_set(e, ERR_CONFLICT, "The host did not tell of its devices yet.");
	return host_devices(c->core, c->ids[0]);
}

static int device_list(struct call *c, struct err *e)
{
	struct err ignored;
	const char *name;
	json_t *listed, *d;
	void **list;
	size_t n = 0;

	if (!call_visible(c, 0, KIND_HOST, e))
		return -1;
	if (host_is_up(c->core, c->ids[0])) /* sticks of USB come and go */
		host_read_devices(c->core, c->ids[0], &ignored);
	listed = host_devices(c->core, c->ids[0]);
	list = POOL_ARRAY(c->pool, void *, json_object_size(listed) + 1);
	json_object_foreach (listed, name, d)
		list[n++] = show(c, name);
	return call_reply_list(c, &M_TYPE_host_device, list, n);
}

static int device_get(struct call *c, struct err *e)
{
	json_t *listed = look(c, e);
	const char *name = listed ? host_device_name(listed, c->ids[1]) : NULL;

	if (!listed)
		return -1;
	return name ? call_reply_entity(c, &M_TYPE_host_device, show(c, name))
	            : err_set(e, ERR_NO_ENTITY, "The host has no device %s.", c->ids[1]);
}

/* ---- NUMA nodes ---- */

static struct m_numa_node *make_node(struct call *c, const char *name, json_t *there)
{
	struct m_numa_node *n = m_new(c->pool, &M_TYPE_numa_node);
	json_t *cpus = json_object_get(there, "cpus"), *v;
	json_t *distances = json_object_get(json_object_get(host_caps(c->core, c->ids[0]), "numaNodeDistance"), name);
	g_autoptr(GString) far = g_string_new(NULL);
	uuid_text id;
	size_t i;

	uuid_derive(c->ids[0], pool_printf(c->pool, "numa-%s", name), id);
	n->id = pool_strdup(c->pool, id);
	n->name = pool_printf(c->pool, "node%s", name);
	REF_SET(c->pool, n->host, c->ids[0]);
	M_SET(n, index, g_ascii_strtoll(name, NULL, 10));
	M_SET(n, memory, number(json_object_get(there, "totalMemory")));
	n->cpu = m_new(c->pool, &M_TYPE_cpu);
	n->cpu->cores.v = POOL_ARRAY(c->pool, struct m_core *, json_array_size(cpus) + 1);
	json_array_foreach (cpus, i, v) {
		struct m_core *core = m_new(c->pool, &M_TYPE_core);

		M_SET(core, index, number(v));
		n->cpu->cores.v[n->cpu->cores.n++] = core;
	}
	json_array_foreach (distances, i, v)
		g_string_append_printf(far, "%s%" G_GINT64_FORMAT, i ? " " : "", number(v));
	n->node_distance = pool_strdup(c->pool, far->str);
	return n;
}

static void **make_nodes(struct call *c, size_t *n)
{
	json_t *nodes = json_object_get(host_caps(c->core, c->ids[0]), "numaNodes"), *there;
	void **list = POOL_ARRAY(c->pool, void *, json_object_size(nodes) + 1);
	const char *name;

	*n = 0;
	json_object_foreach (nodes, name, there)
		list[(*n)++] = make_node(c, name, there);
	return list;
}

static int node_list(struct call *c, struct err *e)
{
	size_t n;
	void **list;

	if (!call_visible(c, 0, KIND_HOST, e))
		return -1;
	list = make_nodes(c, &n);
	return call_reply_list(c, &M_TYPE_numa_node, list, n);
}

static int node_get(struct call *c, struct err *e)
{
	size_t n;
	void **list;

	if (!call_visible(c, 0, KIND_HOST, e))
		return -1;
	list = make_nodes(c, &n);
	for (size_t i = 0; i < n; i++)
		if (strcmp(((struct m_numa_node *)list[i])->id, c->ids[1]) == 0)
			return call_reply_entity(c, &M_TYPE_numa_node, list[i]);
	return err_set(e, ERR_NO_ENTITY, "The host has no NUMA node %s.", c->ids[1]);
}

const struct api_op HOST_HARDWARE_OPS[] = {
	ROW("host_devices.list", device_list, NO_KIND, .flags = OP_WAITS | OP_HREF_HERE),
	ROW("host_device.get", device_get, NO_KIND, .flags = OP_WAITS | OP_HREF_HERE),
	ROW("host_numa_nodes.list", node_list, NO_KIND, .flags = OP_HREF_HERE),
	ROW("host_numa_node.get", node_get, NO_KIND, .flags = OP_HREF_HERE),
	{ .name = NULL },
};
