/* SPDX-License-Identifier: Apache-2.0 */
/* Hooks of machines and their devices: what scripts are told and what becomes of their answer. */
#include <fcntl.h>
#include <libvirt/libvirt.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/agent.h"
#include "agent/hooks/hooks.h"
#include "agent/vms/vms.h"
#include "agent/vms/xml.h"
#include "base/auto.h"
#include "base/log.h"

/* --- custom properties ------------------------------------------------------------- */

/* <ovirt-vm:custom><ovirt-vm:NAME>VALUE</...></...> below a <ovirt-vm:vm> or <ovirt-vm:device>. */
static void take_custom(json_t *vars, xmlNodePtr owner, struct pool *p)
{
	for (xmlNodePtr n = xml_first(xml_child_ns(owner, "custom", OVIRT_VM_URI)); n; n = xml_sibling(n))
		json_object_set_new(vars, (const char *)n->name, json_string(xml_content(p, n) ?: ""));
}

static xmlNodePtr meta_of(xmlDocPtr doc)
{
	return xml_child_ns(xml_child(xmlDocGetRootElement(doc), "metadata"), "vm", OVIRT_VM_URI);
}

static json_t *vars_of(struct vm *vm, xmlDocPtr doc, json_t *more)
{
	auto_pool p = pool_new();
	struct err e = ERR_INIT;
	auto_xml own = doc || !vm->xml ? NULL : xml_parse(vm->xml, &e);
	json_t *vars = json_object();

	if (doc || own)
		take_custom(vars, meta_of(doc ? doc : own), p);
	if (more)
		json_object_update(vars, more);
	return vars;
}

/* --- machines ------------------------------------------------------------------------ */

int hooks_vm_xml(struct vm *vm, enum hook_point point, json_t *more, struct pool *p, const char *xml, const char **out,
                 struct err *e)
{
	auto_json *vars = NULL;

	if (out)
		*out = xml;
	if (!hooks_has(vm->agent, point))
		return 0;
	vars = vars_of(vm, NULL, more);
	xml = pool_strdup(p, xml ? xml : vm->xml ? vm->xml : "<domain/>"); /* the machine may change meanwhile */
	return hooks_text(vm->agent, point, vm->id, vars, p, xml, out, e);
}

int hooks_vm(struct vm *vm, enum hook_point point, json_t *more, struct err *e)
{
	auto_pool p = pool_new();

	return hooks_vm_xml(vm, point, more, p, NULL, NULL, e);
}

/* --- start ------------------------------------------------------------------------------ */

/* RUN_DIR/ID/launchflags, where scripts read and change the flags. */
static char *flags_path(struct vm *vm)
{
	g_autofree char *dir = g_build_filename(vm->agent->opt.run_dir, vm->id, NULL);

	g_mkdir_with_parents(dir, 0755);
	return g_build_filename(dir, "launchflags", NULL);
}

static void offer_flags(struct vm *vm, const char *path, unsigned flags)
{
	g_autofree char *text = g_strdup_printf("%u", flags);
	uid_t uid;
	gid_t gid;

	unlink(path);
	if (!g_file_set_contents(path, text, -1, NULL))
		log_warn("flags of the start not written for hooks", "VM", vm->id, "PATH", path);
	else if (hooks_user(vm->agent, &uid, &gid) && chown(path, uid, gid) < 0)
		log_warn("flags of the start not given to hooks", "VM", vm->id, "PATH", path);
}

/* Only flags that do not change whose the machine is. */
static unsigned take_flags(struct vm *vm, const char *path, unsigned flags)
{
	static const unsigned ALLOWED = VIR_DOMAIN_START_PAUSED | VIR_DOMAIN_START_BYPASS_CACHE |
	                                VIR_DOMAIN_START_FORCE_BOOT | VIR_DOMAIN_START_VALIDATE |
	                                VIR_DOMAIN_START_RESET_NVRAM;
	auto_close int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	char text[32] = "";
	guint64 v;

	if (fd < 0 || read(fd, text, sizeof(text) - 1) <= 0)
		return flags;
	if (!g_ascii_string_to_unsigned(g_strstrip(text), 10, 0, G_MAXUINT32, &v, NULL)) {
		log_warn("a hook left no number as flags of the start", "VM", vm->id);
		return flags;
	}
	if (v & ~(guint64)ALLOWED)
		log_warn("flags of the start that a hook asks for are not used", "VM", vm->id);
	return (unsigned)v & ALLOWED;
}

static int check_domain(struct vm *vm, xmlDocPtr doc, struct err *e)
{
	auto_pool p = pool_new();
	xmlNodePtr root = xmlDocGetRootElement(doc);
	const char *id = xml_child_content(p, root, "uuid");

	if (!xml_is(root, "domain"))
		return err_agent(e, 1500, "Hook Error: hook before_vm_start left no <domain>");
	if (!id || g_ascii_strcasecmp(g_strstrip((char *)id), vm->id) != 0)
		return err_agent(e, 1500, "Hook Error: hook before_vm_start changed the <uuid> of the domain");
	return 0;
}

int hooks_vm_start(struct vm *vm, xmlDocPtr *doc, unsigned *flags, struct pool *p, struct err *e)
{
	struct agent *a = vm->agent;
	g_autofree char *path = NULL;
	auto_json *vars = NULL;
	struct err bad = ERR_INIT;
	const char *in, *out;
	xmlDocPtr made;
	int r;

	if (!hooks_has(a, HOOK_BEFORE_VM_START))
		return 0;
	vars = vars_of(vm, *doc, NULL);
	in = xml_text_of(p, *doc, NULL);
	path = flags_path(vm);
	offer_flags(vm, path, *flags);
	r = hooks_text(a, HOOK_BEFORE_VM_START, vm->id, vars, p, in, &out, e);
	if (r == 0)
		*flags = take_flags(vm, path, *flags);
	unlink(path);
	if (r < 0 || strcmp(in, out) == 0)
		return r;
	made = xml_parse(out, &bad);
	if (!made)
		return err_agent(e, 1500, "Hook Error: hook before_vm_start left no valid XML: %s", bad.detail);
	if (check_domain(vm, made, e) < 0) {
		xmlFreeDoc(made);
		return -1;
	}
	xmlFreeDoc(*doc);
	*doc = made;
	return 0;
}

/* --- devices ----------------------------------------------------------------------------- */

static int replace(struct vm *vm, enum hook_point point, xmlNodePtr *device, const char *text, struct err *e)
{
	struct err bad = ERR_INIT;
	auto_xml made = xml_parse(text, &bad);
	xmlNodePtr copy;

	if (!made)
		return err_agent(e, 1500, "Hook Error: hook %s left no valid XML: %s", hook_point_name(point),
		                 bad.detail);
	if (!xml_is(xmlDocGetRootElement(made), (const char *)(*device)->name))
		return err_agent(e, 1500, "Hook Error: hook %s left something else than a <%s>", hook_point_name(point),
		                 (const char *)(*device)->name);
	copy = xmlDocCopyNode(xmlDocGetRootElement(made), (*device)->doc, 1);
	if (*device == xmlDocGetRootElement((*device)->doc))
		xmlDocSetRootElement((*device)->doc, copy);
	else
		xmlReplaceNode(*device, copy);
	xmlFreeNode(*device);
	*device = copy;
	return 0;
}

static bool is_named(xmlNodePtr device, const char *element, const char *attr, const char *value)
{
	return value && xml_attr_is(xml_child(device, element), attr, value);
}

/* Is the <ovirt-vm:device> about this device? */
static bool is_about(xmlNodePtr meta, xmlNodePtr device, struct pool *p)
{
	return is_named(device, "mac", "address", xml_attr(p, meta, "mac_address")) ||
	       (xml_is(device, "disk") && is_named(device, "target", "dev", xml_attr(p, meta, "name"))) ||
	       is_named(device, "alias", "name", xml_attr(p, meta, "alias"));
}

static xmlNodePtr device_of(xmlNodePtr devices, xmlNodePtr meta, struct pool *p)
{
	for (xmlNodePtr d = xml_first(devices); d; d = xml_sibling(d))
		if (is_about(meta, d, p))
			return d;
	return NULL;
}

/* Custom properties that are known of a device of the machine. */
static void take_known_custom(json_t *vars, struct vm *vm, xmlNodePtr device, struct pool *p)
{
	struct err e = ERR_INIT;
	auto_xml doc = vm->xml ? xml_parse(vm->xml, &e) : NULL;

	for (xmlNodePtr m = doc ? xml_child_ns(meta_of(doc), "device", OVIRT_VM_URI) : NULL; m; m = xml_next(m))
		if (is_about(m, device, p)) {
			take_custom(vars, m, p);
			return;
		}
}

int hooks_device(struct vm *vm, enum hook_point point, xmlNodePtr *device, xmlNodePtr meta, bool out, struct err *e)
{
	auto_pool p = pool_new();
	auto_json *vars = NULL;
	const char *before, *after;

	if (!hooks_has(vm->agent, point))
		return 0;
	vars = vars_of(vm, NULL, NULL);
	if (meta)
		take_custom(vars, meta, p);
	else
		take_known_custom(vars, vm, *device, p);
	before = xml_text_of(p, (*device)->doc, *device);
	if (hooks_text(vm->agent, point, vm->id, vars, p, before, &after, e) < 0)
		return -1;
	return out && strcmp(before, after) != 0 ? replace(vm, point, device, after, e) : 0;
}

int hooks_devices(struct vm *vm, enum hook_point point, xmlDocPtr doc, bool out, struct err *e)
{
	xmlNodePtr devices = xml_child(xmlDocGetRootElement(doc), "devices"), device;
	auto_pool p = pool_new();

	if (!hooks_has(vm->agent, point))
		return 0;
	for (xmlNodePtr meta = xml_child_ns(meta_of(doc), "device", OVIRT_VM_URI); meta; meta = xml_next(meta)) {
		if (!xml_first(xml_child_ns(meta, "custom", OVIRT_VM_URI)))
			continue;
		device = device_of(devices, meta, p);
		if (device && hooks_device(vm, point, &device, meta, out, e) < 0)
			return -1;
	}
	return 0;
}

int hooks_devices_of(struct vm *vm, enum hook_point point, struct err *e)
{
	struct err bad = ERR_INIT;
	auto_xml doc = NULL;

	if (!hooks_has(vm->agent, point) || !vm->xml)
		return 0;
	doc = xml_parse(vm->xml, &bad);
	return doc ? hooks_devices(vm, point, doc, false, e) : 0;
}
