/* SPDX-License-Identifier: Apache-2.0 */
/* Devices of the host that virtual machines could be given, as libvirt lists them. */
#include <glib.h>
#include <libvirt/libvirt.h>
#include <string.h>

#include "agent/agent.h"
#include "agent/host/caps.h"
#include "agent/vms/virt.h"
#include "agent/vms/xml.h"

struct listing {
	const json_t *kinds; /* NULL: all */
	json_t *devices;
};

/* "<product id='0x1234'>Name</product>" to two members. */
static void add_named(json_t *params, xmlNodePtr cap, struct pool *p, const char *element, const char *id_key)
{
	xmlNodePtr n = xml_child(cap, element);
	const char *text = xml_content(p, n), *id = xml_attr(p, n, "id");

	if (text && *text)
		json_object_set_new(params, element, json_string(text));
	if (id)
		json_object_set_new(params, id_key, json_string(id));
}

static void add_address(json_t *params, xmlNodePtr cap, struct pool *p)
{
	static const char *const PCI[] = { "domain", "bus", "slot", "function", NULL };
	static const char *const USB[] = { "bus", "device", NULL };
	static const char *const SCSI[] = { "host", "bus", "target", "lun", NULL };
	const char *const *keys = xml_attr_is(cap, "type", "pci")          ? PCI
	                          : xml_attr_is(cap, "type", "usb_device") ? USB
	                          : xml_attr_is(cap, "type", "scsi")       ? SCSI
	                                                                   : NULL;
	json_t *address;

	if (!keys)
		return;
	address = json_object();
	for (; *keys; keys++)
		json_object_set_new(address, *keys, json_string(xml_child_content(p, cap, *keys) ?: ""));
	json_object_set_new(params, "address", address);
}

static bool is_wanted(const json_t *kinds, const char *kind)
{
	size_t i;
	json_t *k;

	if (!kinds || json_array_size(kinds) == 0)
		return true;
	json_array_foreach ((json_t *)kinds, i, k)
		if (json_is_string(k) && strcmp(json_string_value(k), kind) == 0)
			return true;
	return false;
}

static void add_device(struct listing *l, const char *text, struct pool *p)
{
	struct err e = ERR_INIT;
	auto_xml doc = xml_parse(text, &e);
	xmlNodePtr root = doc ? xmlDocGetRootElement(doc) : NULL, cap = xml_child(root, "capability");
	const char *name = xml_child_content(p, root, "name"), *kind = xml_attr(p, cap, "type"), *v;
	json_t *params;

	if (!name || !kind || strcmp(kind, "system") == 0 || !is_wanted(l->kinds, kind))
		return;
	params = json_object();
	json_object_set_new(params, "capability", json_string(kind));
	json_object_set_new(
	    params, "is_assignable",
	    json_string(xml_child(cap, "iommuGroup") || strcmp(kind, "usb_device") == 0 ? "true" : "false"));
	if ((v = xml_child_content(p, root, "parent")))
		json_object_set_new(params, "parent", json_string(v));
	if ((v = xml_child_content(p, xml_child(root, "driver"), "name")))
		json_object_set_new(params, "driver", json_string(v));
	if ((v = xml_child_content(p, cap, "interface")))
		json_object_set_new(params, "interface", json_string(v));
	if ((v = xml_child_content(p, cap, "block")))
		json_object_set_new(params, "block_path", json_string(v));
	if ((v = xml_attr(p, xml_child(cap, "numa"), "node")))
		json_object_set_new(params, "numa_node", json_string(v));
	if ((v = xml_attr(p, xml_child(cap, "iommuGroup"), "number")))
		json_object_set_new(params, "iommu_group", json_string(v));
	add_named(params, cap, p, "vendor", "vendor_id");
	add_named(params, cap, p, "product", "product_id");
	add_address(params, cap, p);
	json_object_set_new(l->devices, name, json_pack("{s:o}", "params", params));
}

static int list_work(virConnectPtr conn, void *arg, struct err *e)
{
	struct listing *l = arg;
	virNodeDevicePtr *devices = NULL;
	const int n = virConnectListAllNodeDevices(conn, &devices, 0);
	auto_pool p = pool_new();

	if (n < 0)
		return virt_err(e, "list devices");
	for (int i = 0; i < n; i++) {
		char *text = virNodeDeviceGetXMLDesc(devices[i], 0);

		if (text)
			add_device(l, text, p);
		free(text);
		virNodeDeviceFree(devices[i]);
	}
	free(devices);
	return 0;
}

int hostdev_list(struct agent *a, const json_t *kinds, json_t **out, struct err *e)
{
	json_t *copy = json_deep_copy(kinds); /* the worker has its own */
	struct listing l = { .kinds = copy, .devices = json_object() };
	const int r = virt_run(a, VIRT_OPS, list_work, &l, e);

	json_decref(copy);
	if (r < 0) {
		json_decref(l.devices);
		return -1;
	}
	json_object_set_new(l.devices, "computer",
	                    json_pack("{s:{s:s, s:s}}", "params", "capability", "system", "is_assignable", "false"));
	*out = l.devices;
	return 0;
}
