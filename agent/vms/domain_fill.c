/* SPDX-License-Identifier: Apache-2.0 */
/* What only the host can know is put into the domain here, before libvirt sees it. */
#include <glib.h>
#include <libxml/xmlsave.h>
#include <string.h>

#include "agent/vms/domain.h"
#include "agent/vms/xml.h"

#define X(s) ((const xmlChar *)(s))

/* --- text placeholders ---------------------------------------------------- */

static void fill_sysinfo(xmlNodePtr root, const struct domain_fill *f)
{
	const struct {
		const char *mark, *value;
	} MARKS[] = {
		{ "OS-NAME:", f->os_name },
		{ "OS-VERSION:", f->os_version },
		{ "HOST-SERIAL:", f->host_serial },
	};

	for (xmlNodePtr part = xml_first(xml_child(root, "sysinfo")); part; part = xml_sibling(part))
		for (xmlNodePtr entry = xml_child(part, "entry"); entry; entry = xml_next(entry)) {
			xmlChar *text = xmlNodeGetContent(entry);

			for (size_t i = 0; i < G_N_ELEMENTS(MARKS); i++)
				if (text && strcmp((const char *)text, MARKS[i].mark) == 0) {
					xmlNodeSetContent(entry, NULL);
					xmlNodeAddContent(entry, X(MARKS[i].value ? MARKS[i].value : ""));
				}
			xmlFree(text);
		}
}

/* --- consoles -------------------------------------------------------------- */

/* A listen on the libvirt network "vdsm-NAME" becomes one on that network's address here. */
static void fill_listen(xmlNodePtr graphics, const struct domain_fill *f, struct pool *p)
{
	xmlNodePtr listen = xml_child(graphics, "listen");
	const char *network = xml_attr(p, listen, "network"), *address = NULL;

	if (listen && !xml_attr_is(listen, "type", "network"))
		return;
	if (!listen && xmlHasProp(graphics, X("listen")))
		return;
	if (network && g_str_has_prefix(network, "vdsm-"))
		network += strlen("vdsm-");
	if (network && f->network_address)
		address = f->network_address(f->arg, network);
	if (!listen)
		listen = xml_add(graphics, "listen", NULL);
	xml_unset(listen, "network");
	xml_unset(graphics, "listen");
	xml_set(listen, "type", "address");
	xml_set(listen, "address", address ? address : f->display_address);
}

/* Sockets of consoles and channels: where their folder does not exist libvirt finds a better place. */
static void fill_sockets(xmlNodePtr devices, const struct domain_fill *f, struct pool *p)
{
	static const char *const KINDS[] = { "channel", "console", "serial" };

	for (size_t k = 0; k < G_N_ELEMENTS(KINDS); k++)
		for (xmlNodePtr n = xml_child(devices, KINDS[k]); n; n = xml_next(n)) {
			xmlNodePtr source = xml_child(n, "source");
			const char *path = xml_attr(p, source, "path");
			g_autofree char *dir = NULL, *name = NULL;

			if (!xml_attr_is(n, "type", "unix") || !path)
				continue;
			dir = g_path_get_dirname(path);
			if (f->serial_dir && strcmp(dir, SERIAL_DIR) == 0 && strcmp(dir, f->serial_dir) != 0) {
				name = g_path_get_basename(path);
				g_free(dir);
				dir = g_strdup(f->serial_dir);
				xml_set(source, "path", pool_printf(p, "%s/%s", dir, name));
			}
			if (f->directory_exists && f->directory_exists(f->arg, dir))
				continue;
			xml_remove(source);
			if (k > 0)
				xml_set(n, "type", "pty");
		}
}

/* --- emulation ------------------------------------------------------------- */

static void emulate_clock(xmlNodePtr root)
{
	static const char *const KVM_TIMERS[] = { "kvmclock", "hypervclock", "tsc" };
	xmlNodePtr clock = xml_child(root, "clock"), next;

	for (xmlNodePtr t = xml_child(clock, "timer"); t; t = next) {
		next = xml_next(t);
		for (size_t i = 0; i < G_N_ELEMENTS(KVM_TIMERS); i++)
			if (xml_attr_is(t, "name", KVM_TIMERS[i])) {
				xml_remove(t);
				break;
			}
	}
}

static void emulate_cpu(xmlNodePtr root)
{
	xmlNodePtr cpu = xml_child(root, "cpu"), next;

	if (!cpu)
		return;
	if (xml_attr_is(cpu, "mode", "host-passthrough") || xml_attr_is(cpu, "mode", "host-model")) {
		xml_set(cpu, "mode", "maximum");
		xml_unset(cpu, "match");
		xml_remove(xml_child(cpu, "model"));
	} else if (xml_child(cpu, "model")) {
		xml_set(cpu, "match", "exact");
		xml_set(cpu, "mode", "custom");
	}
	if (!xml_attr_is(cpu, "mode", "maximum"))
		xml_set(cpu, "check", "none");
	else
		xml_unset(cpu, "check");
	xml_remove(xml_child(cpu, "cache"));
	for (xmlNodePtr n = xml_child(cpu, "feature"); n; n = next) {
		next = xml_next(n);
		xml_remove(n); /* features of the host's CPU: emulation has its own set */
	}
}

static void emulate(xmlNodePtr root, struct pool *p)
{
	xmlNodePtr features = xml_child(root, "features"), tcg, vcpu = xml_child(root, "vcpu");

	if (!xml_attr_is(root, "type", "kvm"))
		return;
	xml_set(root, "type", "qemu");
	xml_remove(xml_child(features, "hyperv"));
	xml_remove(xml_child(features, "kvm"));
	xml_remove(xml_child(features, "pmu"));
	emulate_clock(root);
	emulate_cpu(root);
	if (!features) {
		features = xml_add(root, "features", NULL);
		xml_add(features, "acpi", NULL);
		xml_add(features, "apic", NULL);
	}
	if (!xml_child(features, "tcg")) { /* an added CPU needs room in the translation cache, or QEMU aborts */
		tcg = xml_add(features, "tcg", NULL);
		xml_set(xml_add(tcg, "tb-cache", vcpu && xml_attr(p, vcpu, "current") ? "512" : "128"), "unit", "MiB");
	}
}

/* --- metadata -------------------------------------------------------------- */

static void mark_as_ours(xmlNodePtr root, int64_t start_time_s)
{
	xmlNodePtr metadata = xml_child(root, "metadata"), vm, start;
	g_autofree char *seconds = g_strdup_printf("%" G_GINT64_FORMAT, start_time_s);

	if (!metadata)
		metadata = xml_add(root, "metadata", NULL);
	vm = xml_child_ns(metadata, "vm", OVIRT_VM_URI);
	if (!vm) {
		vm = xml_add(metadata, "vm", NULL);
		xmlSetNs(vm, xmlNewNs(vm, X(OVIRT_VM_URI), X("ovirt-vm")));
	}
	xml_remove(xml_child(vm, "startTime"));
	start = xml_add(vm, "startTime", seconds);
	xmlSetNs(start, vm->ns);
	xml_set(start, "type", "float");
}

static int refuse_placeholders(xmlNodePtr devices, struct pool *p, struct err *e)
{
	for (xmlNodePtr n = xml_child(devices, "lease"); n; n = xml_next(n)) {
		const char *path = xml_attr(p, xml_child(n, "target"), "path");

		if (path && g_str_has_prefix(path, "LEASE-PATH:"))
			return err_agent(e, 75, "leases of virtual machines are not supported by this agent yet");
	}
	return 0;
}

int domain_fill(xmlDocPtr doc, const struct domain_fill *f, struct err *e)
{
	xmlNodePtr root = xmlDocGetRootElement(doc), devices = xml_child(root, "devices");
	auto_pool p = pool_new();

	if (refuse_placeholders(devices, p, e) < 0)
		return -1;
	fill_sysinfo(root, f);
	for (xmlNodePtr g = xml_child(devices, "graphics"); g; g = xml_next(g))
		fill_listen(g, f, p);
	fill_sockets(devices, f, p);
	if (f->is_emulated)
		emulate(root, p);
	mark_as_ours(root, f->start_time_s);
	return 0;
}

/* Forget namespaces at and below n and behind it: libvirt adds them itself. */
static void strip_ns(xmlNodePtr n)
{
	for (; n; n = xml_sibling(n)) {
		n->ns = NULL;
		for (xmlAttrPtr attr = n->properties; attr; attr = attr->next)
			attr->ns = NULL;
		strip_ns(xml_first(n));
		xmlFreeNsList(n->nsDef);
		n->nsDef = NULL;
	}
}

static xmlDocPtr meta_open(const char *element, struct err *e)
{
	xmlDocPtr doc = xml_parse(element && *element ? element : "<vm/>", e);

	strip_ns(doc ? xmlDocGetRootElement(doc) : NULL);
	return doc;
}

int domain_meta_edit(struct pool *p, const char *element, const struct domain_meta *values, int n, char **out,
                     struct err *e)
{
	auto_xml doc = meta_open(element, e);
	xmlNodePtr root, c;

	if (!doc)
		return -1;
	root = xmlDocGetRootElement(doc);
	for (int i = 0; i < n; i++) {
		xml_remove(xml_child(root, values[i].name));
		if (!values[i].value)
			continue;
		c = xml_add(root, values[i].name, values[i].value);
		if (g_ascii_string_to_signed(values[i].value, 10, G_MININT64, G_MAXINT64, NULL, NULL))
			xml_set(c, "type", "int");
	}
	*out = xml_text_of(p, doc, root);
	return 0;
}

static bool is_same_device(struct pool *p, xmlNodePtr a, xmlNodePtr b)
{
	static const char *const KEYS[] = { "mac_address", "name", "alias" };

	for (size_t i = 0; i < G_N_ELEMENTS(KEYS); i++) {
		const char *key = xml_attr(p, b, KEYS[i]);

		if (key && xml_attr_is(a, KEYS[i], key))
			return g_strcmp0(xml_attr(p, a, "devtype"), xml_attr(p, b, "devtype")) == 0;
	}
	return false;
}

int domain_meta_put_device(struct pool *p, const char *element, xmlNodePtr device, bool is_removal, char **out,
                           struct err *e)
{
	auto_xml doc = meta_open(element, e);
	xmlNodePtr root, copy, next;

	if (!doc)
		return -1;
	root = xmlDocGetRootElement(doc);
	for (xmlNodePtr n = xml_child(root, "device"); n; n = next) {
		next = xml_next(n);
		if (is_same_device(p, n, device))
			xml_remove(n);
	}
	if (!is_removal) {
		copy = xmlDocCopyNode(device, doc, 1);
		strip_ns(copy);
		xmlAddChild(root, copy);
	}
	*out = xml_text_of(p, doc, root);
	return 0;
}
