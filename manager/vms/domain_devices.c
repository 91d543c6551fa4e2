/* SPDX-License-Identifier: Apache-2.0 */
/* Devices of a domain. What comes from an entity bears an alias made of its id, by which it is found again. */
#include <string.h>

#include "base/uuid.h"
#include "manager/vms/domain_int.h"

enum { ROOT_PORTS = 16, MAX_TARGETS = 26 * 27 };

#define CD_TARGET_Q35    "sdc"
#define CD_TARGET_I440FX "hdc"

char *domain_alias(struct pool *p, const char *id) { return pool_printf(p, "ua-%s", id); }

static void set_alias(xmlNodePtr n, const char *id) { dx_setf(dx_add(n, "alias", NULL), "name", "ua-%s", id); }

static void set_boot(xmlNodePtr n, int order)
{
	if (order > 0)
		dx_setf(dx_add(n, "boot", NULL), "order", "%d", order);
}

/* ---- names of disks ---- */

const char *domain_target_prefix(enum m_disk_interface i)
{
	return i == M_DISK_INTERFACE_IDE ? "hd" : i == M_DISK_INTERFACE_VIRTIO ? "vd" : "sd";
}

char *domain_free_target(struct pool *p, const char *prefix, bool (*is_taken)(void *arg, const char *name), void *arg)
{
	for (int i = 0; i < MAX_TARGETS; i++) {
		char name[8];

		if (i < 26)
			g_snprintf(name, sizeof(name), "%s%c", prefix, 'a' + i);
		else
			g_snprintf(name, sizeof(name), "%s%c%c", prefix, 'a' + i / 26 - 1, 'a' + i % 26);
		if (strcmp(name, CD_TARGET_Q35) != 0 && strcmp(name, CD_TARGET_I440FX) != 0 && !is_taken(arg, name))
			return pool_strdup(p, name);
	}
	return NULL;
}

static bool is_target_taken(void *arg, const char *name)
{
	const struct domain_spec *s = arg;

	for (size_t i = 0; i < s->n_disks; i++)
		if (s->disks[i].target && strcmp(s->disks[i].target, name) == 0)
			return true;
	return false;
}

bool domain_path_volume(struct pool *p, const char *path, struct volume_ids *ids)
{
	g_auto(GStrv) part = path ? g_strsplit(path, "/", 32) : NULL;
	guint n = part ? g_strv_length(part) : 0;

	if (n < 5 || strcmp(part[n - 3], "images") != 0 || !uuid_is_valid(part[n - 1]) || !uuid_is_valid(part[n - 2]) ||
	    !uuid_is_valid(part[n - 4]))
		return false;
	ids->pool = pool_strdup(p, part[n - 5]);
	ids->domain = pool_strdup(p, part[n - 4]);
	ids->image = pool_strdup(p, part[n - 2]);
	ids->volume = pool_strdup(p, part[n - 1]);
	return true;
}

/* ---- disks ---- */

static const char *bus_of(enum m_disk_interface i)
{
	switch (i) {
	case M_DISK_INTERFACE_IDE: return "ide";
	case M_DISK_INTERFACE_SATA: return "sata";
	case M_DISK_INTERFACE_VIRTIO_SCSI:
	case M_DISK_INTERFACE_SPAPR_VSCSI: return "scsi";
	default: return "virtio";
	}
}

static xmlNodePtr add_disk(xmlNodePtr devices, const struct domain_disk_spec *d, int boot_order)
{
	const struct m_disk_attachment *a = d->attachment;
	xmlNodePtr n = dx_add(devices, "disk", NULL), driver;
	bool is_raw = d->disk->format != M_DISK_FORMAT_COW;

	dx_set(dx_set(n, "type", "file"), "device", "disk");
	driver = dx_set(dx_set(dx_add(n, "driver", NULL), "name", "qemu"), "type", is_raw ? "raw" : "qcow2");
	dx_set(dx_set(dx_set(driver, "cache", "none"), "error_policy", "stop"), "io", "threads");
	if (M_GET(a, pass_discard, false))
		dx_set(driver, "discard", "unmap");
	dx_set(dx_add(n, "source", NULL), "file", d->path);
	dx_set(dx_set(dx_add(n, "target", NULL), "dev", d->target), "bus", bus_of(a->interface));
	if (M_GET(a, read_only, false))
		dx_add(n, "readonly", NULL);
	if (M_GET(d->disk, shareable, false))
		dx_add(n, "shareable", NULL);
	dx_add(n, "serial", d->disk->id);
	set_boot(n, boot_order);
	set_alias(n, d->disk->id);
	return n;
}

static void add_disks(xmlNodePtr devices, struct pool *p, struct domain_spec *s)
{
	for (size_t i = 0; i < s->n_disks; i++) {
		struct domain_disk_spec *d = &s->disks[i];

		if (!d->target)
			d->target =
			    domain_free_target(p, domain_target_prefix(d->attachment->interface), is_target_taken, s);
		add_disk(devices, d, domain_boot_order(s, M_BOOT_DEVICE_HD, i));
	}
}

static void add_cdrom(xmlNodePtr devices, const struct domain_spec *s)
{
	xmlNodePtr n = dx_add(devices, "disk", NULL);
	bool is_q35 = domain_is_q35(s);

	dx_set(dx_set(n, "type", "file"), "device", "cdrom");
	dx_set(dx_set(dx_set(dx_add(n, "driver", NULL), "name", "qemu"), "type", "raw"), "error_policy", "report");
	if (s->cd_path)
		dx_set(dx_set(dx_add(n, "source", NULL), "file", s->cd_path), "startupPolicy", "optional");
	dx_set(dx_set(dx_add(n, "target", NULL), "dev", is_q35 ? CD_TARGET_Q35 : CD_TARGET_I440FX), "bus",
	       is_q35 ? "sata" : "ide");
	dx_add(n, "readonly", NULL);
	set_boot(n, domain_boot_order(s, M_BOOT_DEVICE_CDROM, 0));
}

/* ---- network cards ---- */

static const char *nic_model(enum m_nic_interface i)
{
	switch (i) {
	case M_NIC_INTERFACE_E1000: return "e1000";
	case M_NIC_INTERFACE_E1000E: return "e1000e";
	case M_NIC_INTERFACE_RTL8139:
	case M_NIC_INTERFACE_RTL8139_VIRTIO: return "rtl8139";
	default: return "virtio";
	}
}

static xmlNodePtr add_nic(xmlNodePtr devices, const struct domain_nic_spec *s, int boot_order)
{
	xmlNodePtr n = dx_set(dx_add(devices, "interface", NULL), "type", "bridge");
	bool is_up = M_GET(s->nic, linked, true) && s->bridge;

	dx_set(dx_add(n, "mac", NULL), "address", s->nic->mac ? s->nic->mac->address : NULL);
	dx_set(dx_add(n, "source", NULL), "bridge", s->bridge ? s->bridge : DOMAIN_NO_NETWORK);
	dx_set(dx_add(n, "model", NULL), "type", nic_model(s->nic->interface));
	if (s->filter)
		dx_set(dx_add(n, "filterref", NULL), "filter", s->filter);
	dx_set(dx_add(n, "link", NULL), "state", is_up ? "up" : "down");
	if (s->mtu > 0)
		dx_setf(dx_add(n, "mtu", NULL), "size", "%" G_GINT64_FORMAT, s->mtu);
	set_boot(n, boot_order);
	set_alias(n, s->nic->id);
	return n;
}

/* ---- the rest ---- */

static void add_controllers(xmlNodePtr devices, const struct domain_spec *s)
{
	bool wants_scsi = !s->vm->virtio_scsi || M_GET(s->vm->virtio_scsi, enabled, true);
	xmlNodePtr n;

	for (size_t i = 0; i < s->n_disks; i++)
		wants_scsi = wants_scsi || s->disks[i].attachment->interface == M_DISK_INTERFACE_VIRTIO_SCSI;
	n = dx_set(dx_set(dx_add(devices, "controller", NULL), "type", "usb"), "index", "0");
	dx_set(n, "model", domain_is_q35(s) ? "qemu-xhci" : "piix3-uhci");
	n = dx_set(dx_set(dx_add(devices, "controller", NULL), "type", "virtio-serial"), "index", "0");
	dx_set(n, "ports", "16");
	if (wants_scsi)
		dx_set(dx_set(dx_set(dx_add(devices, "controller", NULL), "type", "scsi"), "index", "0"), "model",
		       "virtio-scsi");
	for (int i = 1; domain_is_q35(s) && i <= ROOT_PORTS;
	     i++) { /* places for devices, also for those plugged in later */
		n = dx_set(dx_add(devices, "controller", NULL), "type", "pci");
		dx_set(dx_setf(n, "index", "%d", i), "model", "pcie-root-port");
	}
}

static void add_console(xmlNodePtr devices, const struct domain_spec *s)
{
	const struct m_display *d = s->vm->display;
	xmlNodePtr n;

	n = dx_set(dx_add(devices, "serial", NULL), "type", "pty");
	dx_set(dx_set(dx_add(n, "target", NULL), "type", "isa-serial"), "port", "0");
	n = dx_set(dx_add(devices, "console", NULL), "type", "pty");
	dx_set(dx_set(dx_add(n, "target", NULL), "type", "serial"), "port", "0");
	n = dx_set(dx_add(devices, "channel", NULL), "type", "unix");
	dx_set(dx_set(dx_add(n, "target", NULL), "type", "virtio"), "name", "org.qemu.guest_agent.0");
	if (!d) /* headless */
		return;
	dx_set(dx_set(dx_add(devices, "input", NULL), "type", "tablet"), "bus", "usb");
	n = dx_set(dx_set(dx_set(dx_add(devices, "graphics", NULL), "type", "vnc"), "port", "-1"), "autoport", "yes");
	dx_set(dx_set(n, "passwd", "*****"), "passwdValidTo",
	       "1970-01-01T00:00:01"); /* nobody, until there is a ticket */
	dx_set(n, "keymap", d->keyboard_layout && *d->keyboard_layout ? d->keyboard_layout : NULL);
	if (s->display_network)
		dx_setf(dx_set(dx_add(n, "listen", NULL), "type", "network"), "network", "vdsm-%s", s->display_network);
	n = dx_add(dx_add(devices, "video", NULL), "model", NULL);
	dx_set(dx_set(dx_set(n, "type", "vga"), "vram", "16384"), "heads", "1");
}

static void add_small_devices(xmlNodePtr devices, const struct domain_spec *s)
{
	static const char *const SOURCES[] = { [M_RNG_SOURCE_HWRNG] = "/dev/hwrng",
		                               [M_RNG_SOURCE_RANDOM] = "/dev/random",
		                               [M_RNG_SOURCE_URANDOM] = "/dev/urandom" };
	const struct m_memory_policy *mp = s->vm->memory_policy;
	const struct m_rng_device *rng = s->vm->rng_device;
	xmlNodePtr n;

	n = dx_add(devices, "memballoon", NULL);
	if (!mp || M_GET(mp, ballooning, true)) {
		dx_set(n, "model", "virtio");
		dx_set(dx_add(n, "stats", NULL), "period", "5");
	} else {
		dx_set(n, "model", "none");
	}
	if (!rng || rng->source <= 0 || (size_t)rng->source >= G_N_ELEMENTS(SOURCES) || !SOURCES[rng->source])
		return;
	n = dx_set(dx_add(devices, "rng", NULL), "model", "virtio");
	if (rng->rate && M_GET(rng->rate, bytes, 0) > 0)
		dx_setf(dx_setf(dx_add(n, "rate", NULL), "bytes", "%" G_GINT64_FORMAT, rng->rate->bytes), "period",
		        "%" G_GINT64_FORMAT, M_GET(rng->rate, period, 1000));
	dx_set(dx_add(n, "backend", SOURCES[rng->source]), "model", "random");
}

void domain_add_devices(xmlNodePtr domain, struct pool *p, struct domain_spec *s)
{
	xmlNodePtr devices = dx_add(domain, "devices", NULL);

	add_disks(devices, p, s);
	add_cdrom(devices, s);
	add_controllers(devices, s);
	for (size_t i = 0; i < s->n_nics; i++)
		add_nic(devices, &s->nics[i], domain_boot_order(s, M_BOOT_DEVICE_NETWORK, i));
	add_console(devices, s);
	add_small_devices(devices, s);
	if (s->vm->tpm_enabled)
		dx_set(dx_set(dx_add(dx_set(dx_add(devices, "tpm", NULL), "model", "tpm-crb"), "backend", NULL), "type",
		              "emulator"),
		       "version", "2.0");
}

/* ---- one device alone ---- */

static xmlDocPtr plug_new(xmlNodePtr *devices, xmlNodePtr *vm)
{
	xmlDocPtr doc = xmlNewDoc((const xmlChar *)"1.0");
	xmlNodePtr root = xmlNewDocNode(doc, NULL, (const xmlChar *)"hotplug", NULL);

	xmlDocSetRootElement(doc, root);
	*devices = dx_add(root, "devices", NULL);
	*vm = domain_meta_vm(dx_add(root, "metadata", NULL));
	return doc;
}

char *domain_nic_plug_xml(struct pool *p, const struct domain_nic_spec *n)
{
	xmlNodePtr devices, vm;
	xmlDocPtr doc = plug_new(&devices, &vm);
	char *text;

	add_nic(devices, n, 0);
	domain_meta_nic(vm, n);
	text = dx_text(p, doc, NULL);
	xmlFreeDoc(doc);
	return text;
}

char *domain_disk_plug_xml(struct pool *p, const struct domain_disk_spec *d)
{
	xmlNodePtr devices, vm;
	xmlDocPtr doc = plug_new(&devices, &vm);
	char *text;

	add_disk(devices, d, 0);
	domain_meta_disk(vm, d->target, &d->ids, M_GET(d->disk, shareable, false));
	text = dx_text(p, doc, NULL);
	xmlFreeDoc(doc);
	return text;
}
