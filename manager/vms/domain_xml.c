/* SPDX-License-Identifier: Apache-2.0 */
/* The domain itself: memory, processors, firmware, clock. Devices and metadata have files of their own. */
#include <libxml/tree.h>
#include <string.h>

#include "manager/vms/cpu_models.h"
#include "manager/vms/domain_int.h"

enum {
	MEMORY_SLOTS = 16,
	HOTPLUG_SOCKETS = 16, /* up to so many sockets can be added while a VM runs */
	MAX_VCPUS = 240,      /* beyond 255 an interrupt remapping device would be needed */
};

#define X(s) ((const xmlChar *)(s))

/* ---- trees ---- */

xmlNodePtr dx_add(xmlNodePtr parent, const char *name, const char *text)
{
	return xmlNewTextChild(parent, NULL, X(name), X(text));
}

xmlNodePtr dx_addf(xmlNodePtr parent, const char *name, const char *fmt, ...)
{
	g_autofree char *text = NULL;
	va_list ap;

	va_start(ap, fmt);
	text = g_strdup_vprintf(fmt, ap);
	va_end(ap);
	return dx_add(parent, name, text);
}

xmlNodePtr dx_set(xmlNodePtr n, const char *name, const char *value)
{
	if (value)
		xmlNewProp(n, X(name), X(value));
	return n;
}

xmlNodePtr dx_setf(xmlNodePtr n, const char *name, const char *fmt, ...)
{
	g_autofree char *text = NULL;
	va_list ap;

	va_start(ap, fmt);
	text = g_strdup_vprintf(fmt, ap);
	va_end(ap);
	return dx_set(n, name, text);
}

char *dx_text(struct pool *p, xmlDocPtr doc, xmlNodePtr n)
{
	xmlBufferPtr b = xmlBufferCreate();
	char *text;

	xmlNodeDump(b, doc, n ? n : xmlDocGetRootElement(doc), 0, 1);
	text = pool_strdup(p, (const char *)xmlBufferContent(b));
	xmlBufferFree(b);
	return text;
}

/* ---- what the VM and its cluster say ---- */

enum m_bios_type domain_bios(const struct domain_spec *s)
{
	enum m_bios_type t = s->vm->bios ? s->vm->bios->type : M_BIOS_TYPE_NONE;

	if (t == M_BIOS_TYPE_NONE || t == M_BIOS_TYPE_CLUSTER_DEFAULT)
		t = s->cluster ? s->cluster->bios_type : M_BIOS_TYPE_NONE;
	return t == M_BIOS_TYPE_NONE || t == M_BIOS_TYPE_CLUSTER_DEFAULT ? M_BIOS_TYPE_Q35_SEA_BIOS : t;
}

bool domain_is_q35(const struct domain_spec *s) { return domain_bios(s) != M_BIOS_TYPE_I440FX_SEA_BIOS; }

bool domain_is_windows(const struct m_vm *vm)
{
	return vm->os && vm->os->type && g_str_has_prefix(vm->os->type, "windows");
}

size_t domain_boot(const struct domain_spec *s, const enum m_boot_device **list)
{
	static const enum m_boot_device disk_only[] = { M_BOOT_DEVICE_HD };
	const struct m_boot *b = s->vm->os ? s->vm->os->boot : NULL;

	if (s->n_boot) {
		*list = s->boot;
		return s->n_boot;
	}
	*list = b && b->devices.n ? b->devices.v : disk_only;
	return b && b->devices.n ? b->devices.n : 1;
}

static bool is_booted(const struct domain_disk_spec *d)
{
	return d->attachment && M_GET(d->attachment, bootable, false);
}

static int count_of(const struct domain_spec *s, enum m_boot_device sort)
{
	int n = 0;

	if (sort == M_BOOT_DEVICE_NETWORK)
		return (int)s->n_nics;
	if (sort == M_BOOT_DEVICE_CDROM)
		return 1;
	for (size_t i = 0; i < s->n_disks; i++)
		n += is_booted(&s->disks[i]);
	return n;
}

int domain_boot_order(const struct domain_spec *s, enum m_boot_device sort, size_t i)
{
	const enum m_boot_device *list;
	size_t n = domain_boot(s, &list);
	int order = 1;

	for (size_t k = 0; k < n; k++) {
		if (list[k] != sort) {
			order += count_of(s, list[k]);
			continue;
		}
		if (sort != M_BOOT_DEVICE_HD)
			return order + (int)i;
		if (!is_booted(&s->disks[i]))
			return 0;
		for (size_t d = 0; d < i; d++)
			order += is_booted(&s->disks[d]);
		return order;
	}
	return 0;
}

/* ---- memory and processors ---- */

struct cpus {
	int64_t sockets, cores, threads, max_sockets;
};

static struct cpus cpus_of(const struct domain_spec *s)
{
	const struct m_cpu_topology *t = s->vm->cpu ? s->vm->cpu->topology : NULL;
	struct cpus c = { 1, 1, 1, 1 };

	if (t) {
		c.sockets = MAX(M_GET(t, sockets, 1), 1);
		c.cores = MAX(M_GET(t, cores, 1), 1);
		c.threads = MAX(M_GET(t, threads, 1), 1);
	}
	c.max_sockets = c.sockets;
	if (s->has_kvm) /* emulation has no room for more than it starts with */
		c.max_sockets = MAX(c.sockets, MIN(HOTPLUG_SOCKETS, MAX_VCPUS / (c.cores * c.threads)));
	return c;
}

static int64_t max_memory(const struct domain_spec *s)
{
	const struct m_memory_policy *mp = s->vm->memory_policy;
	int64_t max = mp ? M_GET(mp, max, 0) : 0;

	/* An emulated guest would set memory of its own aside for what could be added. */
	return s->has_kvm && max > s->vm->memory ? max : 0;
}

static void add_memory(xmlNodePtr root, const struct domain_spec *s)
{
	int64_t max = max_memory(s), kib = M_GET(s->vm, memory, 1LL << 30) / 1024;
	struct cpus c = cpus_of(s);
	xmlNodePtr n;

	if (max)
		dx_setf(dx_set(dx_addf(root, "maxMemory", "%" G_GINT64_FORMAT, max / 1024), "unit", "KiB"), "slots",
		        "%d", MEMORY_SLOTS);
	dx_set(dx_addf(root, "memory", "%" G_GINT64_FORMAT, kib), "unit", "KiB");
	dx_set(dx_addf(root, "currentMemory", "%" G_GINT64_FORMAT, kib), "unit", "KiB");
	n = dx_addf(root, "vcpu", "%" G_GINT64_FORMAT, c.max_sockets * c.cores * c.threads);
	if (c.max_sockets > c.sockets)
		dx_setf(n, "current", "%" G_GINT64_FORMAT, c.sockets * c.cores * c.threads);
}

static void add_features(xmlNodePtr cpu, const char *const *list)
{
	for (; *list; list++)
		dx_set(dx_set(dx_add(cpu, "feature", NULL), "policy", **list == '-' ? "disable" : "require"), "name",
		       *list + 1);
}

/* A named model, "Haswell-noTSX,+spec-ctrl". */
static void add_model(xmlNodePtr cpu, const char *spec)
{
	g_auto(GStrv) part = g_strsplit(spec, ",", 32);
	g_autoptr(GPtrArray) features = g_ptr_array_new();

	dx_set(dx_set(cpu, "mode", "custom"), "match", "exact");
	dx_set(dx_add(cpu, "model", part[0] ? part[0] : ""), "fallback", "allow");
	for (int i = 1; part[0] && part[i]; i++)
		if ((part[i][0] == '+' || part[i][0] == '-') && part[i][1])
			g_ptr_array_add(features, part[i]);
	g_ptr_array_add(features, NULL);
	add_features(cpu, (const char *const *)features->pdata);
}

static const char *cluster_model(const struct domain_spec *s)
{
	const char *type = s->cluster && s->cluster->cpu ? s->cluster->cpu->type : NULL;

	for (const struct cpu_model *m = CPU_MODELS; type && m->type; m++)
		if (strcmp(m->type, type) == 0)
			return m->spec;
	return NULL;
}

static void choose_cpu(xmlNodePtr cpu, const struct domain_spec *s)
{
	enum m_cpu_mode mode = s->vm->cpu ? s->vm->cpu->mode : M_CPU_MODE_NONE;
	const char *model =
	    s->vm->custom_cpu_model && *s->vm->custom_cpu_model ? s->vm->custom_cpu_model : cluster_model(s);

	if (!s->has_kvm) {
		dx_set(dx_set(dx_set(cpu, "mode", "custom"), "match", "exact"), "check", "none");
		dx_set(dx_add(cpu, "model", "qemu64"), "fallback", "forbid");
	} else if (mode == M_CPU_MODE_HOST_PASSTHROUGH) {
		dx_set(cpu, "mode", "host-passthrough");
	} else if (mode == M_CPU_MODE_HOST_MODEL || !model) {
		dx_set(cpu, "mode", "host-model");
	} else {
		add_model(cpu, model);
	}
}

static void add_cpu(xmlNodePtr root, const struct domain_spec *s)
{
	xmlNodePtr cpu = dx_add(root, "cpu", NULL), top, cell;
	struct cpus c = cpus_of(s);

	choose_cpu(cpu, s);
	top = dx_add(cpu, "topology", NULL);
	dx_setf(
	    dx_setf(dx_setf(top, "sockets", "%" G_GINT64_FORMAT, c.max_sockets), "cores", "%" G_GINT64_FORMAT, c.cores),
	    "threads", "%" G_GINT64_FORMAT, c.threads);
	if (!max_memory(s))
		return;
	cell = dx_add(dx_add(cpu, "numa", NULL), "cell", NULL);
	dx_set(cell, "id", "0");
	dx_setf(cell, "cpus", "0-%" G_GINT64_FORMAT, c.max_sockets * c.cores * c.threads - 1);
	dx_setf(cell, "memory", "%" G_GINT64_FORMAT, s->vm->memory / 1024);
	dx_set(cell, "unit", "KiB");
}

/* ---- firmware ---- */

/* The host's newest machine of the family, or the family's own name, which the host resolves. */
static const char *machine_of(const struct domain_spec *s)
{
	const char *family = domain_is_q35(s) ? "q35" : "pc";

	if (s->vm->custom_emulated_machine && *s->vm->custom_emulated_machine)
		return s->vm->custom_emulated_machine;
	for (size_t i = 0; s->machines && s->machines[i]; i++)
		if (strcmp(s->machines[i], family) == 0)
			return family;
	for (size_t i = 0; s->machines && s->machines[i]; i++)
		if (g_str_has_prefix(s->machines[i], domain_is_q35(s) ? "pc-q35-" : "pc-i440fx-"))
			return s->machines[i];
	return family;
}

static void add_firmware(xmlNodePtr os, enum m_bios_type bios)
{
	bool is_secure = bios == M_BIOS_TYPE_Q35_SECURE_BOOT;
	xmlNodePtr fw;

	if (bios != M_BIOS_TYPE_Q35_OVMF && !is_secure)
		return;
	/* Without a word libvirt might choose a firmware that enforces signatures. */
	dx_set(os, "firmware", "efi");
	fw = dx_add(os, "firmware", NULL);
	dx_set(dx_set(dx_add(fw, "feature", NULL), "enabled", is_secure ? "yes" : "no"), "name", "secure-boot");
	if (is_secure)
		dx_set(dx_set(dx_add(fw, "feature", NULL), "enabled", "yes"), "name", "enrolled-keys");
}

static const char *first_of(const char *a, const char *b) { return a && *a ? a : b && *b ? b : NULL; }

static void add_os(xmlNodePtr root, const struct domain_spec *s)
{
	const struct m_operating_system *v = s->vm->os;
	xmlNodePtr os = dx_add(root, "os", NULL), type;
	const char *kernel = first_of(s->kernel, v ? v->kernel : NULL);
	const char *initrd = first_of(s->initrd, v ? v->initrd : NULL);
	const char *cmdline = first_of(s->cmdline, v ? v->cmdline : NULL);

	type = dx_add(os, "type", "hvm");
	dx_set(dx_set(type, "arch", "x86_64"), "machine", machine_of(s));
	add_firmware(os, domain_bios(s));
	if (kernel) {
		dx_add(os, "kernel", kernel);
		if (initrd)
			dx_add(os, "initrd", initrd);
		if (cmdline)
			dx_add(os, "cmdline", cmdline);
	}
	if (s->vm->bios && s->vm->bios->boot_menu && M_GET(s->vm->bios->boot_menu, enabled, false))
		dx_set(dx_set(dx_add(os, "bootmenu", NULL), "enable", "yes"), "timeout", "30000");
	dx_set(dx_add(os, "smbios", NULL), "mode", "sysinfo");
}

/* What the guest reads in its firmware tables; the host fills in its own names. */
static void add_sysinfo(xmlNodePtr root, const struct domain_spec *s)
{
	const struct m_serial_number *sn = s->vm->serial_number;
	const char *serial = "HOST-SERIAL:";
	xmlNodePtr sys;

	if (!sn && s->cluster)
		sn = s->cluster->serial_number;
	if (sn && sn->policy == M_SERIAL_NUMBER_POLICY_VM)
		serial = s->vm->id;
	else if (sn && sn->policy == M_SERIAL_NUMBER_POLICY_CUSTOM && sn->value)
		serial = sn->value;
	sys = dx_add(dx_set(dx_add(root, "sysinfo", NULL), "type", "smbios"), "system", NULL);
	dx_set(dx_add(sys, "entry", "oVirt"), "name", "manufacturer");
	dx_set(dx_add(sys, "entry", "OS-NAME:"), "name", "product");
	dx_set(dx_add(sys, "entry", "OS-VERSION:"), "name", "version");
	dx_set(dx_add(sys, "entry", serial), "name", "serial");
	dx_set(dx_add(sys, "entry", s->vm->id), "name", "uuid");
}

static void add_platform(xmlNodePtr root, const struct domain_spec *s)
{
	xmlNodePtr f = dx_add(root, "features", NULL), hv;

	dx_add(f, "acpi", NULL);
	dx_add(f, "apic", NULL);
	if (domain_bios(s) == M_BIOS_TYPE_Q35_SECURE_BOOT)
		dx_set(dx_add(f, "smm", NULL), "state", "on");
	if (!s->has_kvm) {
		dx_set(dx_add(dx_add(f, "tcg", NULL), "tb-cache", "32"), "unit", "MiB");
	} else if (domain_is_windows(s->vm)) {
		hv = dx_add(f, "hyperv", NULL);
		dx_set(dx_add(hv, "relaxed", NULL), "state", "on");
		dx_set(dx_add(hv, "vapic", NULL), "state", "on");
		dx_set(dx_set(dx_add(hv, "spinlocks", NULL), "state", "on"), "retries", "8191");
	}
}

/* ---- clock ---- */

static bool is_utc(const char *zone)
{
	static const char *const NAMES[] = { "Etc/GMT", "Etc/UTC",           "UTC",
		                             "GMT",     "GMT Standard Time", "UTC Standard Time" };

	for (size_t i = 0; i < G_N_ELEMENTS(NAMES); i++)
		if (strcmp(zone, NAMES[i]) == 0)
			return true;
	return false;
}

static void add_clock(xmlNodePtr root, const struct domain_spec *s)
{
	const char *zone = s->vm->time_zone ? s->vm->time_zone->name : NULL;
	xmlNodePtr clock = dx_add(root, "clock", NULL);

	if (!zone || !*zone || is_utc(zone))
		dx_set(clock, "offset", "utc");
	else if (strchr(zone, '/'))
		dx_set(dx_set(clock, "offset", "timezone"), "timezone", zone);
	else /* names that only Windows knows */
		dx_set(clock, "offset", "localtime");
	if (!s->has_kvm)
		return;
	dx_set(dx_set(dx_add(clock, "timer", NULL), "name", "rtc"), "tickpolicy", "catchup");
	dx_set(dx_set(dx_add(clock, "timer", NULL), "name", "pit"), "tickpolicy", "delay");
	dx_set(dx_set(dx_add(clock, "timer", NULL), "name", "hpet"), "present", "no");
	if (domain_is_windows(s->vm))
		dx_set(dx_set(dx_add(clock, "timer", NULL), "name", "hypervclock"), "present", "yes");
}

/* ---- all of it ---- */

static int check(const struct domain_spec *s, struct err *e)
{
	const struct m_vm *vm = s->vm;

	if (!vm->id || !vm->name || !vm->has.memory)
		return err_set(e, ERR_INVALID, "The VM has no id, name or memory.");
	if (vm->display && vm->display->type == M_DISPLAY_TYPE_SPICE)
		return err_field(e, ERR_UNSUPPORTED, "vm.display.type", "SPICE consoles are not supported; VNC is.");
	return 0;
}

char *domain_xml(struct pool *p, struct domain_spec *s, struct err *e)
{
	xmlDocPtr doc;
	xmlNodePtr root;
	char *text;

	if (check(s, e) < 0)
		return NULL;
	doc = xmlNewDoc(X("1.0"));
	root = xmlNewDocNode(doc, NULL, X("domain"), NULL);
	xmlDocSetRootElement(doc, root);
	dx_set(root, "type", s->has_kvm ? "kvm" : "qemu");
	dx_add(root, "name", s->vm->name);
	dx_add(root, "uuid", s->vm->id);
	add_memory(root, s);
	add_sysinfo(root, s);
	add_os(root, s);
	add_platform(root, s);
	add_cpu(root, s);
	add_clock(root, s);
	dx_add(root, "on_poweroff", "destroy");
	dx_add(root, "on_reboot", "restart");
	dx_add(root, "on_crash", "destroy");
	domain_add_devices(root, p, s);
	domain_add_metadata(root, s);
	text = dx_text(p, doc, NULL);
	xmlFreeDoc(doc);
	return text;
}
