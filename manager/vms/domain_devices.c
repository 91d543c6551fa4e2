/* SPDX-License-Identifier: Apache-2.0 */
/* Devices of a domain that have no file of their own, and devices alone for plugging. */
#include <string.h>

#include "manager/vms/domain_int.h"

enum { ROOT_PORTS = 16 };

char *domain_alias(struct pool *p, const char *id) { return pool_printf(p, "ua-%s", id); }

/* What comes from an entity is found again by its alias. */
void dx_alias(xmlNodePtr n, const char *id) { dx_setf(dx_add(n, "alias", NULL), "name", "ua-%s", id); }

void dx_boot(xmlNodePtr n, int order)
{
	if (order > 0)
		dx_setf(dx_add(n, "boot", NULL), "order", "%d", order);
}

/* USB 2 with its three companions for what clients hand in on the old chipset; the new one has USB 3 anyway. */
static void add_usb(xmlNodePtr devices, const struct domain_spec *s)
{
	static const char *const COMPANIONS[] = { "ich9-ehci1", "ich9-uhci1", "ich9-uhci2", "ich9-uhci3" };
	bool is_native = domain_has_spice(s) && s->vm->usb && M_GET(s->vm->usb, enabled, false);
	xmlNodePtr n;

	if (domain_is_q35(s) || !is_native) {
		n = dx_set(dx_set(dx_add(devices, "controller", NULL), "type", "usb"), "index", "0");
		dx_set(n, "model", domain_is_q35(s) ? "qemu-xhci" : "piix3-uhci");
		if (domain_is_q35(s) && is_native)
			dx_set(n, "ports", "8");
		return;
	}
	for (int i = 0; i < 4; i++) {
		n = dx_set(dx_set(dx_add(devices, "controller", NULL), "type", "usb"), "index", "0");
		dx_set(n, "model", COMPANIONS[i]);
		if (i > 0)
			dx_setf(dx_add(n, "master", NULL), "startport", "%d", (i - 1) * 2);
	}
}

static void add_scsi(xmlNodePtr devices, const struct domain_spec *s)
{
	bool has_threads = s->vm->io && M_GET(s->vm->io, threads, 0) > 0;
	bool has_queues =
	    M_GET(s->vm, virtio_scsi_multi_queues_enabled, false) || M_GET(s->vm, virtio_scsi_multi_queues, 0) > 0;
	int64_t queues =
	    M_GET(s->vm, virtio_scsi_multi_queues, 0) > 0 ? s->vm->virtio_scsi_multi_queues : MIN(domain_cpus(s), 4);
	xmlNodePtr n = dx_set(dx_set(dx_add(devices, "controller", NULL), "type", "scsi"), "index", "0"), driver;

	dx_set(n, "model", "virtio-scsi");
	if (!has_threads && !has_queues)
		return;
	driver = dx_add(n, "driver", NULL);
	if (has_queues)
		dx_setf(driver, "queues", "%" G_GINT64_FORMAT, queues);
	if (has_threads)
		dx_set(driver, "iothread", "1");
}

static void add_controllers(xmlNodePtr devices, const struct domain_spec *s)
{
	bool wants_scsi = !s->vm->virtio_scsi || M_GET(s->vm->virtio_scsi, enabled, true);
	xmlNodePtr n;

	for (size_t i = 0; i < s->n_disks; i++)
		wants_scsi = wants_scsi || s->disks[i].attachment->interface == M_DISK_INTERFACE_VIRTIO_SCSI;
	add_usb(devices, s);
	n = dx_set(dx_set(dx_add(devices, "controller", NULL), "type", "virtio-serial"), "index", "0");
	dx_set(n, "ports", "16");
	if (wants_scsi)
		add_scsi(devices, s);
	for (int i = 1; domain_is_q35(s) && i <= ROOT_PORTS;
	     i++) { /* places for devices, also for those plugged in later */
		n = dx_set(dx_add(devices, "controller", NULL), "type", "pci");
		dx_set(dx_setf(n, "index", "%d", i), "model", "pcie-root-port");
	}
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

static void add_watchdog(xmlNodePtr devices, const struct m_vm *vm)
{
	xmlNodePtr n;

	if (!vm->watchdog_model)
		return;
	n = dx_set(dx_add(devices, "watchdog", NULL), "model",
	           m_enum_name(&M_ENUM_watchdog_model, (int)vm->watchdog_model));
	dx_set(n, "action",
	       vm->watchdog_action ? m_enum_name(&M_ENUM_watchdog_action, (int)vm->watchdog_action) : "reset");
}

/* ---- devices of the host ---- */

static void add_scsi_source(xmlNodePtr source, const unsigned *at)
{
	xmlNodePtr n;

	dx_setf(dx_add(source, "adapter", NULL), "name", "scsi_host%u", at[0]);
	n = dx_setf(dx_add(source, "address", NULL), "bus", "%u", at[1]);
	dx_setf(dx_setf(n, "target", "%u", at[2]), "unit", "%u", at[3]);
}

static void add_hostdev(xmlNodePtr devices, const struct domain_hostdev_spec *h)
{
	static const char *const KINDS[] = { "pci", "usb", "scsi" };
	xmlNodePtr n = dx_set(dx_add(devices, "hostdev", NULL), "mode", "subsystem"), source, at;

	dx_set(n, "type", KINDS[h->kind]);
	if (h->kind == HOSTDEV_PCI)
		dx_set(n, "managed", "yes");
	source = dx_add(n, "source", NULL);
	if (h->kind == HOSTDEV_SCSI) {
		add_scsi_source(source, h->address);
		return;
	}
	at = dx_add(source, "address", NULL);
	if (h->kind == HOSTDEV_USB) {
		dx_setf(dx_setf(at, "bus", "%u", h->address[0]), "device", "%u", h->address[1]);
		return;
	}
	dx_setf(dx_setf(at, "domain", "0x%04x", h->address[0]), "bus", "0x%02x", h->address[1]);
	dx_setf(dx_setf(at, "slot", "0x%02x", h->address[2]), "function", "0x%x", h->address[3]);
}

/* Parts of cards that several VMs share. The id of the device is the id of its part. */
static void add_mdev(xmlNodePtr devices, const struct m_vm_mediated_device *m)
{
	xmlNodePtr n = dx_set(dx_set(dx_add(devices, "hostdev", NULL), "mode", "subsystem"), "type", "mdev");
	bool has_display = true;

	for (uint32_t i = 0; i < m->spec_params.n; i++)
		if (g_strcmp0(m->spec_params.v[i]->name, "nodisplay") == 0)
			has_display = g_strcmp0(m->spec_params.v[i]->value, "true") != 0;
	dx_set(n, "model", "vfio-pci");
	if (has_display)
		dx_set(n, "display", "on");
	dx_set(dx_add(dx_add(n, "source", NULL), "address", NULL), "uuid", m->id);
	dx_alias(n, m->id);
}

void domain_add_devices(xmlNodePtr domain, struct pool *p, struct domain_spec *s)
{
	xmlNodePtr devices = dx_add(domain, "devices", NULL);

	domain_add_disks(devices, p, s);
	add_controllers(devices, s);
	for (size_t i = 0; i < s->n_nics; i++)
		domain_add_nic(devices, &s->nics[i], domain_boot_order(s, M_BOOT_DEVICE_NETWORK, i));
	domain_add_consoles(devices, p, s);
	add_small_devices(devices, s);
	add_watchdog(devices, s->vm);
	for (size_t i = 0; i < s->n_hostdevs; i++)
		add_hostdev(devices, &s->hostdevs[i]);
	for (uint32_t i = 0; i < s->vm->mdevs.n; i++)
		add_mdev(devices, s->vm->mdevs.v[i]);
	if (M_GET(s->vm, tpm_enabled, false))
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

	domain_add_nic(devices, n, 0);
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

	domain_add_disk(devices, d, 0);
	domain_meta_disk(vm, d->target, &d->ids, M_GET(d->disk, shareable, false));
	text = dx_text(p, doc, NULL);
	xmlFreeDoc(doc);
	return text;
}
