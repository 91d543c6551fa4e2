/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Hot plug. The device comes as libvirt's XML with our data beside it:
 * <hotplug><devices>DEVICE</devices><metadata><ovirt-vm:vm><ovirt-vm:device
 * .../></ovirt-vm:vm></metadata></hotplug> An unplug is over when the guest has let the device go; libvirt's
 * answer alone does not say that.
 */
#include <libvirt/libvirt.h>
#include <string.h>

#include "agent/agent.h"
#include "agent/hooks/hooks.h"
#include "agent/network/network.h"
#include "agent/storage/storage.h"
#include "agent/vms/life.h"
#include "agent/vms/virt.h"
#include "agent/vms/xml.h"
#include "base/log.h"

enum { UNPLUG_WAIT_MS = 30000, UNPLUG_LOOK_MS = 1000 };

/* What to do with one kind of device. */
struct kind {
	const char *element;
	int plug_error, unplug_error;
	enum hook_point before, after, failed, before_out, after_out, failed_out;
};
static const struct kind NIC = { "interface",
	                         49,
	                         50,
	                         HOOK_BEFORE_NIC_HOTPLUG,
	                         HOOK_AFTER_NIC_HOTPLUG,
	                         HOOK_AFTER_NIC_HOTPLUG_FAIL,
	                         HOOK_BEFORE_NIC_HOTUNPLUG,
	                         HOOK_AFTER_NIC_HOTUNPLUG,
	                         HOOK_AFTER_NIC_HOTUNPLUG_FAIL };
static const struct kind DISK = { "disk",
	                          45,
	                          46,
	                          HOOK_BEFORE_DISK_HOTPLUG,
	                          HOOK_AFTER_DISK_HOTPLUG,
	                          HOOK_NONE,
	                          HOOK_BEFORE_DISK_HOTUNPLUG,
	                          HOOK_AFTER_DISK_HOTUNPLUG,
	                          HOOK_NONE };

static const struct kind MEMORY = {
	"memory",  70,        85,       HOOK_BEFORE_MEMORY_HOTPLUG, HOOK_AFTER_MEMORY_HOTPLUG, HOOK_NONE,
	HOOK_NONE, HOOK_NONE, HOOK_NONE
};

struct plug {
	xmlDocPtr doc;
	xmlNodePtr device, meta; /* meta may be NULL */
	struct pool *pool;
	const char *xml;
	bool is_removal;
};

static int plug_read(struct verb_call *c, const struct kind *k, struct plug *p, struct err *e)
{
	xmlNodePtr root;
	const char *xml;

	if (verb_string(c, "params.xml", &xml, e) < 0)
		return -1;
	p->pool = c->pool;
	p->doc = xml_parse(xml, e);
	if (!p->doc)
		return err_wrap(e, "parameter params.xml");
	root = xmlDocGetRootElement(p->doc);
	p->device = xml_is(root, "hotplug") ? xml_first(xml_child(root, "devices")) : root;
	p->meta = xml_child_ns(xml_child_ns(xml_child(root, "metadata"), "vm", OVIRT_VM_URI), "device", OVIRT_VM_URI);
	if (!xml_is(p->device, k->element))
		return err_field(e, ERR_INVALID, "params.xml", "parameter params.xml must hold an <%s>", k->element);
	return 0;
}

/* --- on a worker ------------------------------------------------------------------ */

static int attach_work(virDomainPtr dom, void *arg, struct err *e)
{
	const struct plug *p = arg;

	return virDomainAttachDeviceFlags(dom, p->xml, VIR_DOMAIN_AFFECT_LIVE) < 0 ? virt_err(e, "plug the device") : 0;
}

static int detach_work(virDomainPtr dom, void *arg, struct err *e)
{
	const struct plug *p = arg;

	return virDomainDetachDeviceFlags(dom, p->xml, VIR_DOMAIN_AFFECT_LIVE) < 0 ? virt_err(e, "unplug the device")
	                                                                           : 0;
}

static int meta_work(virDomainPtr dom, void *arg, struct err *e)
{
	const struct plug *p = arg;
	char *element,
	    *old = virDomainGetMetadata(dom, VIR_DOMAIN_METADATA_ELEMENT, OVIRT_VM_URI, VIR_DOMAIN_AFFECT_LIVE);
	const int r = domain_meta_put_device(p->pool, old, p->meta, p->is_removal, &element, e);

	free(old);
	if (r < 0)
		return -1;
	if (virDomainSetMetadata(dom, VIR_DOMAIN_METADATA_ELEMENT, element, "ovirt-vm", OVIRT_VM_URI,
	                         VIR_DOMAIN_AFFECT_LIVE | VIR_DOMAIN_AFFECT_CONFIG) < 0)
		return virt_err(e, "write the domain's metadata");
	return 0;
}

static void write_meta(struct agent *a, struct vm *vm, struct plug *p)
{
	struct err e = ERR_INIT;

	if (p->meta && virt_run_domain(a, VIRT_OPS, vm->id, meta_work, p, &e) < 0)
		log_warn("device data not written", "VM", vm->id, "ERROR", e.detail);
}

/* --- plug ------------------------------------------------------------------------- */

static int finish(struct verb_call *c, struct vm *vm, struct err *e)
{
	if (vm_sync(vm, e) < 0)
		log_debug("state not read after hot plug", "VM", vm->id, "ERROR", e->detail);
	c->result = vm_definition(vm);
	return 0;
}

static int failed(int code, struct err *e)
{
	const struct err cause = *e;

	return cause.code == ERR_AGENT && cause.agent_code == 1500 ? -1 : err_agent(e, code, "%s", cause.detail);
}

/* Hooks that cannot change anything any more. */
static void tell_hooks(struct vm *vm, enum hook_point point, struct plug *p)
{
	struct err e = ERR_INIT;

	if (point != HOOK_NONE)
		hooks_device(vm, point, &p->device, p->meta, false, &e);
}

/* Network cards and memory. */
static int plug_simple(struct agent *a, struct verb_call *c, struct vm *vm, const struct kind *k, struct plug *p,
                       struct err *e)
{
	if (plug_read(c, k, p, e) < 0)
		return -1;
	if (hooks_device(vm, k->before, &p->device, p->meta, true, e) < 0)
		return -1;
	if (xml_attr_is(xml_child(p->device, "source"), "bridge", DUMMY_BRIDGE) && network_make_dummy(a, e) < 0)
		return -1;
	p->xml = xml_text_of(c->pool, p->doc, p->device);
	if (virt_run_domain(a, VIRT_OPS, vm->id, attach_work, p, e) < 0) {
		tell_hooks(vm, k->failed, p);
		return failed(k->plug_error, e);
	}
	write_meta(a, vm, p);
	tell_hooks(vm, k->after, p);
	return finish(c, vm, e);
}

static void disk_ids(struct plug *p, struct domain_disk *d)
{
	const char *path = domain_disk_source(p->pool, p->device);

	d->name = xml_attr(p->pool, xml_child(p->device, "target"), "dev");
	d->domain_id = xml_child_content(p->pool, p->meta, "domainID");
	d->image_id = xml_child_content(p->pool, p->meta, "imageID");
	d->volume_id = xml_child_content(p->pool, p->meta, "volumeID");
	if ((!d->domain_id || !d->image_id || !d->volume_id) && path)
		domain_path_ids(p->pool, path, &d->domain_id, &d->image_id, &d->volume_id);
}

static int attach_disk(struct agent *a, struct vm *vm, struct plug *p, const struct domain_disk *d, struct err *e)
{
	if (disk_prepared(vm, p->pool, p->device, d, e) < 0 ||
	    hooks_device(vm, DISK.before, &p->device, p->meta, true, e) < 0)
		return -1;
	p->xml = xml_text_of(p->pool, p->doc, p->device);
	return virt_run_domain(a, VIRT_OPS, vm->id, attach_work, p, e);
}

static int plug_disk(struct agent *a, struct verb_call *c, struct vm *vm, struct plug *p, struct err *e)
{
	struct domain_disk d = { .name = NULL };

	if (plug_read(c, &DISK, p, e) < 0)
		return -1;
	disk_ids(p, &d);
	if (disk_prepare(a, c->pool, p->device, &d, e) < 0)
		return failed(DISK.plug_error, e);
	if (attach_disk(a, vm, p, &d, e) < 0) {
		struct err ignored = ERR_INIT;

		if (d.domain_id)
			storage_teardown_volume(a, d.domain_id, d.image_id, d.volume_id, &ignored);
		return failed(DISK.plug_error, e);
	}
	write_meta(a, vm, p);
	tell_hooks(vm, DISK.after, p);
	return finish(c, vm, e);
}

/* --- unplug ----------------------------------------------------------------------- */

/* The element of the live domain that is meant: by alias, MAC or target. */
static xmlNodePtr find_live(xmlNodePtr devices, const struct plug *p)
{
	static const struct {
		const char *element, *attr;
	} KEYS[] = { { "alias", "name" }, { "mac", "address" }, { "target", "dev" } };

	for (size_t i = 0; i < G_N_ELEMENTS(KEYS); i++) {
		const char *key = xml_attr(p->pool, xml_child(p->device, KEYS[i].element), KEYS[i].attr);

		for (xmlNodePtr n = xml_child(devices, (const char *)p->device->name); key && n; n = xml_next(n))
			if (xml_attr_is(xml_child(n, KEYS[i].element), KEYS[i].attr, key))
				return n;
	}
	return NULL;
}

static bool is_plugged(struct vm *vm, struct plug *p, char **live_xml)
{
	struct err e = ERR_INIT;
	auto_xml doc = vm->xml ? xml_parse(vm->xml, &e) : NULL;
	xmlNodePtr n = doc ? find_live(xml_child(xmlDocGetRootElement(doc), "devices"), p) : NULL;

	if (n && live_xml)
		*live_xml = xml_text_of(p->pool, doc, n);
	return n;
}

static int wait_unplugged(struct vm *vm, struct plug *p, struct err *e)
{
	const int64_t until = loop_now_ms(vm->agent->loop) + UNPLUG_WAIT_MS;

	for (;;) {
		if (vm_sync(vm, e) < 0 && e->code != ERR_NETWORK)
			return -1;
		if (!vm_is_active(vm) || !is_plugged(vm, p, NULL))
			return 0;
		if (loop_now_ms(vm->agent->loop) > until)
			return err_set(e, ERR_TIMEOUT, "the guest did not let the device go");
		waitq_wait(&vm->moved, UNPLUG_LOOK_MS);
	}
}

static int unplug(struct agent *a, struct verb_call *c, struct vm *vm, const struct kind *k, struct plug *p,
                  struct err *e)
{
	struct domain_disk d = { .name = NULL };
	char *live_xml;

	if (plug_read(c, k, p, e) < 0)
		return -1;
	p->is_removal = true;
	if (vm_sync(vm, e) < 0)
		return failed(k->unplug_error, e);
	if (hooks_device(vm, k->before_out, &p->device, p->meta, false, e) < 0)
		return -1;
	if (is_plugged(vm, p, &live_xml)) {
		p->xml = live_xml;
		if (virt_run_domain(a, VIRT_OPS, vm->id, detach_work, p, e) < 0 || wait_unplugged(vm, p, e) < 0) {
			tell_hooks(vm, k->failed_out, p);
			return failed(k->unplug_error, e);
		}
	}
	tell_hooks(vm, k->after_out, p);
	write_meta(a, vm, p);
	if (k == &DISK) {
		disk_ids(p, &d);
		if (d.domain_id && d.image_id && d.volume_id &&
		    storage_teardown_volume(a, d.domain_id, d.image_id, d.volume_id, e) < 0)
			log_debug("disk not torn down", "VM", vm->id, "ERROR", e->detail);
	}
	return finish(c, vm, e);
}

/* --- verbs ------------------------------------------------------------------------ */

static int with_vm(struct agent *a, struct verb_call *c, const struct kind *k, bool is_plug, struct err *e)
{
	auto_vm_lock held = NULL;
	struct plug p = { .doc = NULL };
	struct vm *vm;
	int r;

	if (vms_running(a, c, &vm, e) < 0 || vm_hold(vm, &held, e) < 0)
		return -1;
	if (!is_plug)
		r = unplug(a, c, vm, k, &p, e);
	else
		r = k == &DISK ? plug_disk(a, c, vm, &p, e) : plug_simple(a, c, vm, k, &p, e);
	xml_doc_free(&p.doc);
	return r;
}

int vm_hotplug_nic(struct agent *a, struct verb_call *c, struct err *e) { return with_vm(a, c, &NIC, true, e); }

int vm_hotunplug_nic(struct agent *a, struct verb_call *c, struct err *e) { return with_vm(a, c, &NIC, false, e); }

int vm_hotplug_disk(struct agent *a, struct verb_call *c, struct err *e) { return with_vm(a, c, &DISK, true, e); }

int vm_hotunplug_disk(struct agent *a, struct verb_call *c, struct err *e) { return with_vm(a, c, &DISK, false, e); }

int vm_hotplug_memory(struct agent *a, struct verb_call *c, struct err *e) { return with_vm(a, c, &MEMORY, true, e); }

int vm_hotunplug_memory(struct agent *a, struct verb_call *c, struct err *e)
{
	return with_vm(a, c, &MEMORY, false, e);
}

static int set_cpus_work(virDomainPtr dom, void *arg, struct err *e)
{
	return virDomainSetVcpusFlags(dom, *(const unsigned *)arg, VIR_DOMAIN_AFFECT_LIVE) < 0 ? virt_err(e, "set CPUs")
	                                                                                       : 0;
}

int vm_set_number_of_cpus(struct agent *a, struct verb_call *c, struct err *e)
{
	auto_vm_lock held = NULL;
	struct vm *vm;
	int64_t n;
	unsigned cpus;

	if (vms_running(a, c, &vm, e) < 0 || verb_int(c, "numberOfCpus", 1, 4096, &n, e) < 0 ||
	    vm_hold(vm, &held, e) < 0)
		return -1;
	cpus = (unsigned)n;
	if (hooks_vm(vm, HOOK_BEFORE_SET_NUM_OF_CPUS, NULL, e) < 0)
		return -1;
	if (virt_run_domain(a, VIRT_OPS, vm->id, set_cpus_work, &cpus, e) < 0)
		return failed(60, e);
	hooks_vm(vm, HOOK_AFTER_SET_NUM_OF_CPUS, NULL, e);
	return finish(c, vm, e);
}
