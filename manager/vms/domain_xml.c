/* SPDX-License-Identifier: Apache-2.0 */
/* The domain itself: memory, processors, firmware, clock. Devices and metadata have files of their own. */
#include <libxml/tree.h>
#include <string.h>

#include "manager/vms/domain_int.h"

enum { IDE_SLOTS = 4, SATA_PORTS = 6 };

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

/* Disks, the CD and payloads share the slots of the controller that the chipset has. */
static int check_slots(const struct domain_spec *s, struct err *e)
{
	bool is_q35 = domain_is_q35(s);
	enum m_disk_interface own = is_q35 ? M_DISK_INTERFACE_SATA : M_DISK_INTERFACE_IDE;
	int slots = is_q35 ? SATA_PORTS : IDE_SLOTS, used = 1;

	for (size_t i = 0; i < s->n_disks; i++) {
		enum m_disk_interface with = s->disks[i].attachment->interface;

		if (with == (is_q35 ? M_DISK_INTERFACE_IDE : M_DISK_INTERFACE_SATA))
			return err_set(e, ERR_CONFLICT, "The chipset %s has no %s, which a disk of the VM has.",
			               is_q35 ? "Q35" : "I440FX", is_q35 ? "IDE" : "SATA");
		used += with == own;
	}
	for (size_t i = 0; i < s->n_payloads; i++)
		used += !s->payloads[i].is_floppy;
	if (used > slots)
		return err_set(
		    e, ERR_CONFLICT,
		    "The disks with an %s interface, the CD drive and the payloads need %d slots; there are %d.",
		    is_q35 ? "SATA" : "IDE", used, slots);
	return 0;
}

static int check(const struct domain_spec *s, struct err *e)
{
	const struct m_vm *vm = s->vm;

	if (!vm->id || !vm->name || !vm->has.memory)
		return err_set(e, ERR_INVALID, "The VM has no id, name or memory.");
	for (size_t i = 0; i < s->n_payloads; i++)
		if (!domain_payload_target(s, i))
			return err_field(e, ERR_CONFLICT, "vm.payloads", "A VM has 2 CDs with payloads at most.");
	return check_slots(s, e);
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
	domain_add_memory(root, s);
	domain_add_tuning(root, s);
	add_sysinfo(root, s);
	add_os(root, s);
	add_platform(root, s);
	domain_add_cpu(root, s);
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
