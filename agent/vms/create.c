/* SPDX-License-Identifier: Apache-2.0 */
/*
 * VM.create and VM.destroy. A start goes on behind the answer, in a fiber that holds the machine's lock:
 * prepare disks, fill in what the host knows, define, start. What fails undoes the earlier steps and
 * leaves the machine Down with the reason. When libvirt vanishes in the middle the fiber waits for it
 * and makes it so again: each step may be repeated.
 */
#include <libvirt/libvirt.h>
#include <string.h>
#include <sys/stat.h>

#include "agent/agent.h"
#include "agent/hooks/hooks.h"
#include "agent/host/accel.h"
#include "agent/host/system.h"
#include "agent/network/network.h"
#include "agent/storage/storage.h"
#include "agent/vms/life.h"
#include "agent/vms/payload.h"
#include "agent/vms/sample.h"
#include "agent/vms/save.h"
#include "agent/vms/virt.h"
#include "agent/vms/xml.h"
#include "base/auto.h"
#include "base/log.h"

struct start {
	struct vm *vm;
	struct pool *pool;
	const char *correlation_id;
	xmlDocPtr doc;
	const char *xml;     /* as it is defined */
	struct saved *saved; /* memory to go on from, or NULL */
	unsigned flags;      /* of the start, as hooks left them */
	bool is_paused;
};

/* --- disks ---------------------------------------------------------------- */

static void teardown_disks(struct vm *vm)
{
	for (int i = 0; i < vm->domain->n_disks; i++) {
		const struct domain_disk *d = &vm->domain->disks[i];
		struct err e = ERR_INIT;

		if (d->domain_id && d->image_id && d->volume_id &&
		    storage_teardown_volume(vm->agent, d->domain_id, d->image_id, d->volume_id, &e) < 0)
			log_debug("disk not torn down", "VM", vm->id, "DISK", d->name, "ERROR", e.detail);
	}
}

static const struct domain_disk *disk_of(const struct domain *d, const char *name)
{
	for (int i = 0; name && i < d->n_disks; i++)
		if (strcmp(d->disks[i].name, name) == 0)
			return &d->disks[i];
	return NULL;
}

int disk_prepare(struct agent *a, struct pool *p, xmlNodePtr node, const struct domain_disk *d, struct err *e)
{
	char *path = NULL;
	struct stat st;

	if (!d || !d->domain_id || !d->image_id || !d->volume_id)
		return 0;
	if (storage_prepare_volume(a, p, d->domain_id, d->image_id, d->volume_id, &path, e) < 0)
		return err_wrap(e, "disk %s", d->name);
	domain_disk_set_source(node, path, stat(path, &st) == 0 && S_ISBLK(st.st_mode));
	return 0;
}

int disk_prepared(struct vm *vm, struct pool *p, xmlNodePtr node, const struct domain_disk *d, struct err *e)
{
	auto_json *drive = NULL;
	const char *path = domain_disk_source(p, node), *made;
	struct stat st;

	if (!d || !path || !hooks_has(vm->agent, HOOK_AFTER_DISK_PREPARE))
		return 0;
	drive = json_pack("{s:s, s:s, s:s?, s:s, s:s?, s:s?, s:s?, s:s?}", "type", "disk", "device",
	                  d->device ? d->device : "disk", "name", d->name, "path", path, "poolID", d->pool_id,
	                  "domainID", d->domain_id, "imageID", d->image_id, "volumeID", d->volume_id);
	if (hooks_json(vm->agent, HOOK_AFTER_DISK_PREPARE, vm->id, NULL, &drive, e) < 0)
		return -1;
	made = json_string_value(json_object_get(drive, "path"));
	if (made && strcmp(made, path) != 0)
		domain_disk_set_source(node, made, stat(made, &st) == 0 && S_ISBLK(st.st_mode));
	return 0;
}

static int prepare_disks(struct start *s, struct err *e)
{
	xmlNodePtr devices = xml_child(xmlDocGetRootElement(s->doc), "devices");

	for (xmlNodePtr n = xml_child(devices, "disk"); n; n = xml_next(n)) {
		const char *name = xml_attr(s->pool, xml_child(n, "target"), "dev");

		if (s->vm->is_doomed)
			return err_set(e, ERR_CANCELLED, "destroyed while starting");
		if (disk_prepare(s->vm->agent, s->pool, n, disk_of(s->vm->domain, name), e) < 0 ||
		    disk_prepared(s->vm, s->pool, n, disk_of(s->vm->domain, name), e) < 0)
			return -1;
	}
	return 0;
}

/* --- what the host knows ---------------------------------------------------- */

static const char *network_address(void *arg, const char *network) { return network_listen_address(arg, network); }

static bool directory_exists(void *arg, const char *path) { return g_file_test(path, G_FILE_TEST_IS_DIR); }

static int fill(struct start *s, struct err *e)
{
	struct agent *a = s->vm->agent;
	struct os_info os;
	struct domain_fill f = { .network_address = network_address, .directory_exists = directory_exists, .arg = a };
	xmlNodePtr root = xmlDocGetRootElement(s->doc);

	system_os_info(s->pool, &os);
	f.os_name = os.name;
	f.os_version = os.version;
	f.host_serial = a->host_id;
	f.serial_dir = a->opt.serial_dir;
	f.display_address = a->opt.listen ? a->opt.listen : "0.0.0.0";
	f.is_emulated = !accel_is_kvm(a);
	f.start_time_s = loop_wall_ms(a->loop) / 1000;
	network_prepare_for(a, xml_child(root, "devices"));
	return domain_fill(s->doc, &f, e);
}

/* --- libvirt ------------------------------------------------------------------ */

static const unsigned UNDEFINE = VIR_DOMAIN_UNDEFINE_MANAGED_SAVE | VIR_DOMAIN_UNDEFINE_SNAPSHOTS_METADATA |
                                 VIR_DOMAIN_UNDEFINE_NVRAM | VIR_DOMAIN_UNDEFINE_CHECKPOINTS_METADATA;

static int start_work(virConnectPtr conn, void *arg, struct err *e)
{
	const struct start *s = arg;
	auto_domain dom = virDomainDefineXMLFlags(conn, s->xml, 0);

	if (!dom)
		return virt_err(e, "define");
	if (s->saved) {
		if (virDomainRestoreFlags(conn, s->saved->path, s->xml,
		                          s->is_paused ? VIR_DOMAIN_SAVE_PAUSED : VIR_DOMAIN_SAVE_RUNNING) == 0)
			return 0;
	} else if (virDomainCreateWithFlags(dom, s->flags) == 0)
		return 0;
	virt_err(e, s->saved ? "restore" : "start");
	if (e->code == ERR_CONFLICT && virDomainIsActive(dom) == 1) /* started by a call whose answer was lost */
		return 0;
	if (e->code != ERR_NETWORK)
		virDomainUndefineFlags(dom, UNDEFINE);
	return -1;
}

static int start_domain(struct start *s, struct err *e)
{
	for (;;) {
		if (virt_run(s->vm->agent, VIRT_OPS, start_work, s, e) == 0)
			return 0;
		if (e->code != ERR_NETWORK)
			return -1;
		log_warn("libvirt went away during a start", "VM", s->vm->id);
		while (!virt_is_connected(s->vm->agent)) {
			if (s->vm->is_doomed)
				return err_set(e, ERR_CANCELLED, "destroyed while starting");
			fiber_sleep(100);
		}
	}
}

static int start(struct start *s, struct err *e)
{
	int r;

	if (s->saved) {
		vm_move(s->vm, VM_RESTORING);
		if (hooks_vm(s->vm, HOOK_BEFORE_VM_DEHIBERNATE, NULL, e) < 0 ||
		    saved_open(s->vm->agent, s->pool, s->saved, &s->doc, e) < 0)
			return -1;
	}
	if (hooks_devices(s->vm, HOOK_BEFORE_DEVICE_CREATE, s->doc, true, e) < 0 || prepare_disks(s, e) < 0 ||
	    payload_make(s->vm->agent, s->doc, s->vm->id, e) < 0 || accel_wait(s->vm->agent, e) < 0 || fill(s, e) < 0)
		return -1;
	s->flags = s->is_paused ? VIR_DOMAIN_START_PAUSED : 0;
	if (hooks_vm_start(s->vm, &s->doc, &s->flags, s->pool, e) < 0)
		return -1;
	s->is_paused = s->flags & VIR_DOMAIN_START_PAUSED;
	s->xml = xml_text_of(s->pool, s->doc, NULL);
	if (s->vm->is_doomed)
		return err_set(e, ERR_CANCELLED, "destroyed while starting");
	s->vm->is_restoring = s->saved;
	r = start_domain(s, e);
	s->vm->is_restoring = false;
	return r;
}

static void start_fiber(void *arg)
{
	struct start *s = arg;
	auto_vm vm = vm_ref(s->vm);
	struct err e = ERR_INIT;
	const bool is_restored = s->saved, is_started = start(s, &e) == 0;

	if (is_started) {
		log_info("vm started", "VM", vm->id, "NAME", vm->domain->name, "CORRELATION", s->correlation_id);
		if (vm_sync(vm, &e) < 0)
			vm_move(vm, s->is_paused ? VM_PAUSED : VM_UP);
		sample_soon(vm->agent);
	} else {
		log_warn("vm not started", "VM", vm->id, "ERROR", e.detail, "CORRELATION", s->correlation_id);
		teardown_disks(vm);
		vm_end(vm, e.code != ERR_CANCELLED,
		       e.code == ERR_CANCELLED ? EXIT_DESTROYED_STARTING
		       : e.code == ERR_AGENT   ? EXIT_ERROR
		                               : EXIT_START_FAILED,
		       e.detail);
	}
	if (s->saved)
		saved_close(vm->agent, s->saved);
	vm_unlock(vm);
	xmlFreeDoc(s->doc);
	pool_free(s->pool);
	g_free(s);
	if (is_started) { /* without the lock: a script that hangs must not hold up the machine's end */
		if (is_restored)
			hooks_vm(vm, HOOK_AFTER_VM_DEHIBERNATE, NULL, &e);
		hooks_vm(vm, HOOK_AFTER_VM_START, NULL, &e);
		hooks_devices_of(vm, HOOK_AFTER_DEVICE_CREATE, &e);
	}
}

/* --- VM.create ------------------------------------------------------------------ */

json_t *vm_definition(const struct vm *vm)
{
	const struct domain *d = vm->domain;

	return json_pack("{s:s, s:s, s:s, s:s, s:I, s:i, s:s, s:b, s:s}", "vmId", vm->id, "vmName", d->name, "status",
	                 vm_status_name(vm->status), "vmType", "kvm", "memSize", (json_int_t)(d->mem_kib / 1024), "smp",
	                 d->vcpus, "emulatedMachine", d->machine ? d->machine : "", "kvmEnable",
	                 d->type && strcmp(d->type, "kvm") == 0, "xml", vm->xml ? vm->xml : "");
}

static int read_definition(struct verb_call *c, const char *id, struct start *s, struct domain **out,
                           struct pool *domain_pool, struct err *e)
{
	const char *xml;

	if (verb_string(c, "vmParams.xml", &xml, e) < 0 || saved_params(c, s->pool, &s->saved, e) < 0)
		return -1;
	s->doc = xml_parse(xml, e);
	if (!s->doc || domain_read_doc(domain_pool, s->doc, out, e) < 0) {
		g_strlcpy(e->field, "vmParams.xml", sizeof(e->field));
		return err_wrap(e, "parameter vmParams.xml");
	}
	if (g_ascii_strcasecmp((*out)->id, id) != 0)
		return err_field(e, ERR_INVALID, "vmID", "parameter vmID differs from the <uuid> of the domain");
	s->is_paused = domain_meta_bool(*out, "launchPaused", false);
	return 0;
}

int vm_create(struct agent *a, struct verb_call *c, struct err *e)
{
	struct start *s;
	struct pool *domain_pool;
	struct domain *d = NULL;
	const char *id;

	if (verb_uuid(c, "vmID", &id, e) < 0)
		return -1;
	if (vms_find(a, id))
		return err_agent(e, 4, "Virtual machine already exists: %s", id);
	if (!virt_is_connected(a))
		return err_agent(e, 100, "libvirt does not answer");
	s = g_new0(struct start, 1);
	s->pool = pool_new();
	domain_pool = pool_new();
	if (read_definition(c, id, s, &d, domain_pool, e) < 0) {
		xml_doc_free(&s->doc);
		pool_free(domain_pool);
		pool_free(s->pool);
		g_free(s);
		return -1;
	}
	s->correlation_id = pool_strdup(s->pool, c->correlation_id);
	s->vm = vm_add(a, domain_pool, d, xml_text_of(domain_pool, s->doc, NULL));
	s->vm->status = VM_WAIT_FOR_LAUNCH;
	if (vm_lock(s->vm, e) < 0) /* new: nobody else has it */
		return -1;
	c->result = vm_definition(s->vm);
	fiber_start(a->loop, "vm start", start_fiber, s);
	return 0;
}

/* --- VM.destroy ----------------------------------------------------------------- */

static int kill_work(virDomainPtr dom, void *arg, struct err *e)
{
	int64_t graceful = *(int64_t *)arg;

	while (virDomainIsActive(dom) == 1 && graceful-- > 0)
		if (virDomainDestroyFlags(dom, VIR_DOMAIN_DESTROY_GRACEFUL) == 0)
			break;
	if (virDomainIsActive(dom) == 1 && virDomainDestroyFlags(dom, 0) < 0 && virDomainIsActive(dom) == 1)
		return virt_err(e, "destroy");
	return 0;
}

static int remove_work(virDomainPtr dom, void *arg, struct err *e)
{
	if (kill_work(dom, arg, e) < 0)
		return -1;
	if (virDomainIsPersistent(dom) == 1 && virDomainUndefineFlags(dom, UNDEFINE) < 0)
		return virt_err(e, "undefine");
	return 0;
}

/* The kill comes before the lock: an operation that hangs in a dead machine holds the lock, and ends by it.
 */
static int destroy(struct agent *a, struct vm *vm, int64_t graceful, struct vm **held, struct err *e)
{
	int64_t none = 0;

	if (vm->is_locked && virt_run_domain(a, VIRT_OPS, vm->id, kill_work, &none, e) < 0 && e->code != ERR_NOT_FOUND)
		return -1;
	if (vm_hold(vm, held, e) < 0)
		return -1;
	if (virt_run_domain(a, VIRT_OPS, vm->id, remove_work, &graceful, e) < 0 && e->code != ERR_NOT_FOUND)
		return -1;
	return 0;
}

int vm_destroy(struct agent *a, struct verb_call *c, struct err *e)
{
	auto_vm_lock held = NULL;
	auto_vm vm = NULL;
	struct vm *found;
	int64_t graceful;

	if (vms_of_call(a, c, &found, e) < 0)
		return -1;
	vm = vm_ref(found);
	if (verb_int_or(c, "gracefulAttempts", 0, 10, 1, &graceful, e) < 0 ||
	    hooks_devices_of(vm, HOOK_BEFORE_DEVICE_DESTROY, e) < 0 ||
	    hooks_vm(vm, HOOK_BEFORE_VM_DESTROY, NULL, e) < 0)
		return -1;
	vm->is_doomed = true;
	if (destroy(a, vm, graceful, &held, e) < 0) {
		vm->is_doomed = false;
		return e->code == ERR_AGENT ? -1 : err_agent(e, 100, "%s", pool_strdup(c->pool, e->detail));
	}
	teardown_disks(vm);
	if (vm->status != VM_DOWN)
		vm_end(vm, false, EXIT_BY_ADMIN, "Admin shut down from the engine");
	log_info("vm removed", "VM", vm->id, "CORRELATION", c->correlation_id);
	vm_remove(vm);
	hooks_devices_of(vm, HOOK_AFTER_DEVICE_DESTROY, e);
	hooks_vm(vm, HOOK_AFTER_VM_DESTROY, NULL, e);
	return 0;
}
