/* SPDX-License-Identifier: Apache-2.0 */
/* Disks, CD, floppy and media with payloads. What comes from an entity bears an alias made of its id. */
#include <string.h>

#include "base/uuid.h"
#include "manager/vms/domain_int.h"

enum { MAX_TARGETS = 26 * 27, MIB = 1024 * 1024 };

#define CD_TARGET_Q35    "sdc"
#define CD_TARGET_I440FX "hdc"

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

const char *domain_cd_target(const struct domain_spec *s)
{
	return domain_is_q35(s) ? CD_TARGET_Q35 : CD_TARGET_I440FX;
}

/* Names beside the CD drive's; floppies have their own. */
const char *domain_payload_target(const struct domain_spec *s, size_t i)
{
	static const char *const Q35[] = { "sdd", "sde" }, *const I440FX[] = { "hdd", "hdb" };
	size_t before = 0;

	if (s->payloads[i].is_floppy)
		return "fda";
	for (size_t k = 0; k < i; k++)
		before += !s->payloads[k].is_floppy;
	return before >= 2 ? NULL : domain_is_q35(s) ? Q35[before] : I440FX[before];
}

static bool is_target_taken(void *arg, const char *name)
{
	const struct domain_spec *s = arg;

	for (size_t i = 0; i < s->n_payloads; i++)
		if (g_strcmp0(domain_payload_target(s, i), name) == 0)
			return true;
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

/* Position of a name: "sda" 0, "sdaa" 26. */
static int target_index(const char *target)
{
	int n = 0;

	for (const char *at = target ? target + 2 : ""; *at; at++)
		n = n * 26 + (*at - 'a' + 1);
	return MAX(n - 1, 0);
}

static void add_limit(xmlNodePtr tune, const char *name, bool is_set, int64_t value, int64_t unit)
{
	if (is_set && value > 0)
		dx_addf(tune, name, "%" G_GINT64_FORMAT, value * unit);
}

/* The limits of the disk's profile. */
static void add_io_tune(xmlNodePtr disk, const struct m_qos *q)
{
	xmlNodePtr tune;

	if (!q)
		return;
	tune = xmlNewChild(disk, NULL, (const xmlChar *)"iotune", NULL);
	add_limit(tune, "total_bytes_sec", q->has.max_throughput, q->max_throughput, MIB);
	add_limit(tune, "read_bytes_sec", q->has.max_read_throughput, q->max_read_throughput, MIB);
	add_limit(tune, "write_bytes_sec", q->has.max_write_throughput, q->max_write_throughput, MIB);
	add_limit(tune, "total_iops_sec", q->has.max_iops, q->max_iops, 1);
	add_limit(tune, "read_iops_sec", q->has.max_read_iops, q->max_read_iops, 1);
	add_limit(tune, "write_iops_sec", q->has.max_write_iops, q->max_write_iops, 1);
	if (!tune->children) {
		xmlUnlinkNode(tune);
		xmlFreeNode(tune);
	}
}

static void add_driver(xmlNodePtr n, const struct domain_disk_spec *d)
{
	bool is_raw = d->disk->format != M_DISK_FORMAT_COW;
	bool is_virtio = d->attachment->interface == M_DISK_INTERFACE_VIRTIO;
	xmlNodePtr driver = dx_set(dx_set(dx_add(n, "driver", NULL), "name", "qemu"), "type", is_raw ? "raw" : "qcow2");

	dx_set(driver, "cache", is_virtio && d->cache && !M_GET(d->disk, shareable, false) ? d->cache : "none");
	dx_set(driver, "error_policy", M_GET(d->disk, propagate_errors, false) ? "report" : "stop");
	dx_set(driver, "io", d->is_block ? "native" : "threads");
	if (M_GET(d->attachment, pass_discard, false))
		dx_set(driver, "discard", "unmap");
	if (is_virtio && d->io_thread > 0)
		dx_setf(driver, "iothread", "%d", d->io_thread);
}

xmlNodePtr domain_add_disk(xmlNodePtr devices, const struct domain_disk_spec *d, int boot_order)
{
	const struct m_disk_attachment *a = d->attachment;
	xmlNodePtr n = dx_add(devices, "disk", NULL);

	dx_set(dx_set(n, "type", "file"), "device", "disk");
	add_driver(n, d);
	dx_set(dx_add(n, "source", NULL), "file", d->path);
	dx_set(dx_set(dx_add(n, "target", NULL), "dev", d->target), "bus", bus_of(a->interface));
	add_io_tune(n, d->qos);
	if (M_GET(a, read_only, false))
		dx_add(n, "readonly", NULL);
	if (M_GET(d->disk, shareable, false))
		dx_add(n, "shareable", NULL);
	dx_add(n, "serial", d->disk->id);
	dx_boot(n, boot_order);
	dx_alias(n, d->disk->id);
	if (a->interface == M_DISK_INTERFACE_VIRTIO_SCSI && d->target) {
		xmlNodePtr at = dx_set(dx_add(n, "address", NULL), "type", "drive");

		dx_set(dx_set(dx_set(at, "controller", "0"), "bus", "0"), "target", "0");
		dx_setf(at, "unit", "%d", target_index(d->target));
	}
	return n;
}

static void add_cdrom(xmlNodePtr devices, const struct domain_spec *s)
{
	xmlNodePtr n = dx_add(devices, "disk", NULL);

	dx_set(dx_set(n, "type", "file"), "device", "cdrom");
	dx_set(dx_set(dx_set(dx_add(n, "driver", NULL), "name", "qemu"), "type", "raw"), "error_policy", "report");
	if (s->cd_path)
		dx_set(dx_set(dx_add(n, "source", NULL), "file", s->cd_path), "startupPolicy", "optional");
	dx_set(dx_set(dx_add(n, "target", NULL), "dev", domain_cd_target(s)), "bus", domain_is_q35(s) ? "sata" : "ide");
	dx_add(n, "readonly", NULL);
	dx_boot(n, domain_boot_order(s, M_BOOT_DEVICE_CDROM, 0));
}

/* The agent makes the medium of what the metadata hold, and puts its path here. */
static void add_payload(xmlNodePtr devices, const struct domain_spec *s, size_t i)
{
	bool is_floppy = s->payloads[i].is_floppy;
	xmlNodePtr n = dx_add(devices, "disk", NULL);

	dx_set(dx_set(n, "type", "file"), "device", is_floppy ? "floppy" : "cdrom");
	dx_set(dx_set(dx_set(dx_add(n, "driver", NULL), "name", "qemu"), "type", "raw"), "error_policy", "report");
	dx_set(dx_set(dx_add(n, "source", NULL), "file", "*PAYLOAD:"), "startupPolicy", "optional");
	dx_set(dx_set(dx_add(n, "target", NULL), "dev", domain_payload_target(s, i)), "bus",
	       is_floppy          ? "fdc"
	       : domain_is_q35(s) ? "sata"
	                          : "ide");
	dx_add(n, "readonly", NULL);
}

static void name_disks(struct pool *p, struct domain_spec *s, bool is_sata)
{
	for (size_t i = 0; i < s->n_disks; i++) {
		struct domain_disk_spec *d = &s->disks[i];
		enum m_disk_interface with = d->attachment->interface;

		if (!d->target && (with == M_DISK_INTERFACE_SATA) == is_sata)
			d->target = domain_free_target(p, domain_target_prefix(with), is_target_taken, s);
	}
}

void domain_add_disks(xmlNodePtr devices, struct pool *p, struct domain_spec *s)
{
	name_disks(p, s, true); /* ports of a controller go by the name: the first ones are for SATA */
	name_disks(p, s, false);
	for (size_t i = 0; i < s->n_disks; i++) {
		struct domain_disk_spec *d = &s->disks[i];

		domain_add_disk(devices, d, domain_boot_order(s, M_BOOT_DEVICE_HD, i));
	}
	add_cdrom(devices, s);
	for (size_t i = 0; i < s->n_payloads; i++)
		add_payload(devices, s, i);
}
