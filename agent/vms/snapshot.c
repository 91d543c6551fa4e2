/* SPDX-License-Identifier: Apache-2.0 */
/*
 * VM.snapshot: a machine that runs goes on in new volumes, which the Manager has made on top of those it had. All disks
 * change over in one transaction of QEMU, or none. And VM.diskSizeExtend.
 */
#include <libvirt/libvirt.h>
#include <string.h>
#include <sys/stat.h>

#include "agent/agent.h"
#include "agent/storage/storage.h"
#include "agent/vms/freeze.h"
#include "agent/vms/life.h"
#include "agent/vms/virt.h"
#include "agent/vms/xml.h"
#include "base/log.h"

enum { FAILED = 48, MAX_DRIVES = 64, BAD_SIZE = 58 };

struct drive {
	const struct domain_disk *disk; /* valid under the machine's lock until it is read again */
	const char *name, *pool_id, *domain_id, *image_id, *volume_id, *base_id;
	char *path;
};

struct snapshot {
	struct vm *vm;
	struct pool *pool;
	struct drive drives[MAX_DRIVES];
	int n;
	const char *xml;
	bool is_frozen_by_us;
};

/* --- which disks --------------------------------------------------------------- */

static const struct domain_disk *disk_by_image(const struct domain *d, const char *image, const char *volume)
{
	for (int i = 0; i < d->n_disks; i++)
		if (d->disks[i].image_id && g_ascii_strcasecmp(d->disks[i].image_id, image) == 0 &&
		    (!volume || (d->disks[i].volume_id && g_ascii_strcasecmp(d->disks[i].volume_id, volume) == 0)))
			return &d->disks[i];
	return NULL;
}

/* Done before, when an answer was lost: the disk is in the new volume already. */
static int read_drive(struct verb_call *c, struct snapshot *s, int i, struct err *e)
{
	struct drive *d = &s->drives[s->n];
	json_t *drive = json_array_get(json_object_get(c->params, "snapDrives"), (size_t)i);
	const struct {
		const char *name, **to;
	} ids[] = { { "domainID", &d->domain_id },
		    { "imageID", &d->image_id },
		    { "volumeID", &d->volume_id },
		    { "baseVolumeID", &d->base_id } };

	for (size_t k = 0; k < G_N_ELEMENTS(ids); k++) {
		const char *id = json_string_value(json_object_get(drive, ids[k].name));

		if (!id || !uuid_is_valid(id))
			return err_field(e, ERR_INVALID, "snapDrives", "parameter snapDrives[%d].%s must be a UUID", i,
			                 ids[k].name);
		*ids[k].to = pool_strdup(s->pool, id);
	}
	d->disk = disk_by_image(s->vm->domain, d->image_id, d->volume_id);
	if (d->disk)
		return 0;
	d->disk = disk_by_image(s->vm->domain, d->image_id, d->base_id);
	if (!d->disk)
		return err_agent(e, FAILED, "The virtual machine does not use volume %s", d->base_id);
	d->name = pool_strdup(s->pool, d->disk->name);
	d->pool_id = pool_strdup(s->pool, d->disk->pool_id);
	s->n++;
	return 0;
}

static int read_drives(struct verb_call *c, struct snapshot *s, struct err *e)
{
	json_t *list;

	if (verb_array_or(c, "snapDrives", &list, e) < 0)
		return -1;
	if (json_array_size(list) == 0 || json_array_size(list) > MAX_DRIVES)
		return err_field(e, ERR_RANGE, "snapDrives", "parameter snapDrives must name 1 to %d disks",
		                 MAX_DRIVES);
	for (size_t i = 0; i < json_array_size(list); i++)
		if (read_drive(c, s, (int)i, e) < 0)
			return -1;
	return 0;
}

/* --- libvirt --------------------------------------------------------------------- */

static void write_xml(struct snapshot *s)
{
	auto_xml doc = xmlNewDoc((const xmlChar *)"1.0");
	xmlNodePtr root = xmlNewNode(NULL, (const xmlChar *)"domainsnapshot"), disks;

	xmlDocSetRootElement(doc, root);
	disks = xml_add(root, "disks", NULL);
	for (int i = 0; i < s->vm->domain->n_disks; i++) {
		const struct domain_disk *disk = &s->vm->domain->disks[i];
		const struct drive *d = NULL;
		xmlNodePtr n;
		struct stat st;
		bool is_block;

		for (int k = 0; k < s->n; k++)
			if (strcmp(s->drives[k].name, disk->name) == 0)
				d = &s->drives[k];
		n = xml_add(disks, "disk", NULL);
		xml_set(n, "name", disk->name);
		xml_set(n, "snapshot", d ? "external" : "no");
		if (!d)
			continue;
		is_block = stat(d->path, &st) == 0 && S_ISBLK(st.st_mode);
		xml_set(n, "type", is_block ? "block" : "file");
		xml_set(xml_add(n, "source", NULL), is_block ? "dev" : "file", d->path);
		xml_set(xml_add(n, "driver", NULL), "type", "qcow2");
	}
	s->xml = xml_text_of(s->pool, doc, NULL);
}

static int snapshot_work(virDomainPtr dom, void *arg, struct err *e)
{
	const struct snapshot *s = arg;
	virDomainSnapshotPtr made =
	    virDomainSnapshotCreateXML(dom, s->xml,
	                               VIR_DOMAIN_SNAPSHOT_CREATE_DISK_ONLY | VIR_DOMAIN_SNAPSHOT_CREATE_NO_METADATA |
	                                   VIR_DOMAIN_SNAPSHOT_CREATE_REUSE_EXT | VIR_DOMAIN_SNAPSHOT_CREATE_ATOMIC);

	if (!made)
		return virt_err(e, "take the snapshot");
	virDomainSnapshotFree(made);
	return 0;
}

/* Volumes of the metadata follow, so that a later start of the agent knows them. */
static int meta_work(virDomainPtr dom, void *arg, struct err *e)
{
	const struct snapshot *s = arg;
	const unsigned live = VIR_DOMAIN_AFFECT_LIVE, both = live | VIR_DOMAIN_AFFECT_CONFIG;
	char *old = virDomainGetMetadata(dom, VIR_DOMAIN_METADATA_ELEMENT, OVIRT_VM_URI, live), *text = old;

	for (int i = 0; i < s->n; i++) {
		const struct drive *d = &s->drives[i];
		auto_xml doc = xml_parse("<device/>", e);
		xmlNodePtr n = xmlDocGetRootElement(doc);
		const struct domain_meta values[] = { { "domainID", d->domain_id },
			                              { "imageID", d->image_id },
			                              { "poolID", d->pool_id },
			                              { "volumeID", d->volume_id } };

		xml_set(n, "devtype", "disk");
		xml_set(n, "name", d->name);
		for (size_t k = 0; k < G_N_ELEMENTS(values); k++)
			if (values[k].value)
				xml_add(n, values[k].name, values[k].value);
		if (domain_meta_put_device(s->pool, text, n, false, &text, e) < 0) {
			free(old);
			return -1;
		}
	}
	if (s->n && virDomainSetMetadata(dom, VIR_DOMAIN_METADATA_ELEMENT, text, "ovirt-vm", OVIRT_VM_URI, both) < 0) {
		free(old);
		return virt_err(e, "write the domain's metadata");
	}
	free(old);
	return 0;
}

/* --- the verb ---------------------------------------------------------------------- */

static int prepare(struct agent *a, struct snapshot *s, struct err *e)
{
	for (int i = 0; i < s->n; i++) {
		struct drive *d = &s->drives[i];

		if (storage_prepare_volume(a, s->pool, d->domain_id, d->image_id, d->volume_id, &d->path, e) < 0)
			return err_wrap(e, "volume %s", d->volume_id);
	}
	return 0;
}

static int take(struct agent *a, struct snapshot *s, int64_t freeze_s, int64_t limit_s, bool is_frozen, struct err *e)
{
	struct err note = ERR_INIT;
	const int64_t began = loop_now_ms(a->loop);
	int r;

	if (prepare(a, s, e) < 0)
		return -1;
	write_xml(s);
	if (!is_frozen && s->vm->status == VM_UP && s->vm->domain->is_agent_connected) {
		s->is_frozen_by_us = freeze_guest(s->vm, freeze_s, &note) == 0;
		if (!s->is_frozen_by_us)
			log_warn("snapshot without frozen file systems", "VM", s->vm->id, "WHY", note.detail);
	}
	if (limit_s && loop_now_ms(a->loop) - began > limit_s * 60000)
		r = err_set(e, ERR_TIMEOUT, "the preparations took too long");
	else
		r = virt_run_domain(a, VIRT_LONG, s->vm->id, snapshot_work, s, e);
	if ((s->is_frozen_by_us || is_frozen) && s->vm->domain->is_agent_connected && thaw_guest(s->vm, &note) < 0)
		log_warn("file systems of the guest were not thawed", "VM", s->vm->id, "ERROR", note.detail);
	if (r == 0 && virt_run_domain(a, VIRT_OPS, s->vm->id, meta_work, s, &note) < 0)
		log_warn("device data not written", "VM", s->vm->id, "ERROR", note.detail);
	return r;
}

int vm_snapshot(struct agent *a, struct verb_call *c, struct err *e)
{
	auto_vm_lock held = NULL;
	struct snapshot *s = POOL_NEW(c->pool, struct snapshot);
	const char *memory;
	int64_t limit_m, freeze_s;
	bool is_frozen;

	s->pool = c->pool;
	if (vms_running(a, c, &s->vm, e) < 0 || verb_string_or(c, "snapMemory", NULL, &memory, e) < 0 ||
	    verb_bool_or(c, "frozen", false, &is_frozen, e) < 0 ||
	    verb_int_or(c, "timeout", 0, 1440, 30, &limit_m, e) < 0 ||
	    verb_int_or(c, "freeze_timeout", 1, 600, FREEZE_S, &freeze_s, e) < 0 || vm_hold(s->vm, &held, e) < 0)
		return -1;
	if (memory && *memory)
		return err_agent(e, 75, "Snapshots with memory are not supported by this agent yet");
	if (vm_sync(s->vm, e) < 0 || read_drives(c, s, e) < 0)
		return -1;
	if (s->n && take(a, s, freeze_s, limit_m, is_frozen, e) < 0) {
		const struct err cause = *e;

		log_warn("no snapshot", "VM", s->vm->id, "ERROR", cause.detail);
		return err_agent(e, FAILED, "%s", cause.detail);
	}
	log_info("snapshot taken", "VM", s->vm->id, "CORRELATION", c->correlation_id);
	if (vm_sync(s->vm, e) < 0)
		log_debug("state not read after a snapshot", "VM", s->vm->id, "ERROR", e->detail);
	c->result = json_pack("{s:b}", "quiesce", s->is_frozen_by_us || is_frozen);
	return 0;
}

/* --- VM.diskSizeExtend ---------------------------------------------------------------- */

struct resize {
	const char *name;
	int64_t bytes;
};

static int resize_work(virDomainPtr dom, void *arg, struct err *e)
{
	const struct resize *r = arg;

	return virDomainBlockResize(dom, r->name, (unsigned long long)r->bytes, VIR_DOMAIN_BLOCK_RESIZE_BYTES) < 0
	           ? virt_err(e, "resize the disk")
	           : 0;
}

int vm_disk_size_extend(struct agent *a, struct verb_call *c, struct err *e)
{
	auto_vm_lock held = NULL;
	const struct domain_disk *disk;
	const char *image, *volume;
	struct resize r;
	struct vm *vm;

	if (vms_running(a, c, &vm, e) < 0 || verb_uuid(c, "driveSpecs.imageID", &image, e) < 0 ||
	    verb_uuid_or(c, "driveSpecs.volumeID", NULL, &volume, e) < 0 ||
	    verb_int(c, "newSize", 1, (int64_t)1 << 53, &r.bytes, e) < 0 || vm_hold(vm, &held, e) < 0)
		return -1;
	disk = disk_by_image(vm->domain, image, volume);
	if (!disk)
		return err_agent(e, 100, "The virtual machine does not use image %s", image);
	r.name = pool_strdup(c->pool, disk->name);
	if (virt_run_domain(a, VIRT_OPS, vm->id, resize_work, &r, e) < 0) {
		const struct err cause = *e;

		return err_agent(e, BAD_SIZE, "%s", cause.detail);
	}
	c->result = json_sprintf("%lld", (long long)r.bytes);
	return 0;
}
