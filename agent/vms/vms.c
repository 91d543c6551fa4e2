/* SPDX-License-Identifier: Apache-2.0 */
/* All machines: finding them in libvirt, and following what it says. */
#include "agent/vms/vms.h"

#include <libvirt/libvirt.h>
#include <stdlib.h>
#include <string.h>

#include "agent/agent.h"
#include "agent/host/caps.h"
#include "agent/verb.h"
#include "agent/vms/filter.h"
#include "agent/vms/guest.h"
#include "agent/vms/payload.h"
#include "agent/vms/resume.h"
#include "agent/vms/sample.h"
#include "agent/vms/serial.h"
#include "agent/vms/virt.h"
#include "base/log.h"

/* --- what libvirt says of one domain ---------------------------------------- */

struct truth {
	uuid_text id;
	int state, reason;
	char *xml; /* malloc */
	struct pool *pool;
	struct domain *domain;
	const char *pause_code;
};

static void truth_clear(struct truth *t)
{
	free(t->xml);
	pool_free(t->pool);
	t->xml = NULL;
	t->pool = NULL;
}

/* ENOSPC and EIO look the same in the state; the disks know. */
static const char *disk_error_code(virDomainPtr dom)
{
	virDomainDiskError errors[64];
	const int n = virDomainGetDiskErrors(dom, errors, G_N_ELEMENTS(errors), 0);
	const char *code = "EOTHER";

	for (int i = 0; i < n; i++) {
		code = errors[i].error == VIR_DOMAIN_DISK_ERROR_NO_SPACE ? "ENOSPC" : "EIO";
		free(errors[i].disk);
	}
	return code;
}

static int truth_read(virDomainPtr dom, struct truth *t, struct err *e)
{
	if (virDomainGetUUIDString(dom, t->id) < 0 || virDomainGetState(dom, &t->state, &t->reason, 0) < 0)
		return virt_err(e, "read the domain's state");
	t->xml = virDomainGetXMLDesc(dom, 0);
	if (!t->xml)
		return virt_err(e, "read the domain");
	t->pool = pool_new();
	if (domain_read(t->pool, t->xml, &t->domain, e) < 0)
		return -1;
	t->pause_code = "NOERR";
	if (t->state == VIR_DOMAIN_PAUSED && t->reason == VIR_DOMAIN_PAUSED_IOERROR)
		t->pause_code = disk_error_code(dom);
	return 0;
}

/* --- following it ------------------------------------------------------------- */

static void take_domain(struct vm *vm, struct truth *t)
{
	const bool is_changed = vm->domain->hash != t->domain->hash;

	pool_free(vm->domain_pool);
	vm->domain_pool = t->pool;
	vm->domain = t->domain;
	vm->xml = pool_strdup(t->pool, t->xml);
	vm->is_live_xml = t->state != VIR_DOMAIN_SHUTOFF;
	t->pool = NULL;
	if (is_changed && vm_is_active(vm))
		vm_tell(vm);
	if (vm->is_live_xml && !vm->domain->is_agent_connected)
		json_object_clear(vm->guest);
}

/* A machine that does not run: by what is noted in it, else by what libvirt remembers. */
static void end_as_noted(struct vm *vm, const struct truth *t)
{
	static const struct {
		int reason;
		bool is_failed;
		enum vm_exit exit;
		const char *text;
	} REASONS[] = {
		{ VIR_DOMAIN_SHUTOFF_SHUTDOWN, false, EXIT_BY_GUEST, "User shut down from within the guest" },
		{ VIR_DOMAIN_SHUTOFF_DESTROYED, false, EXIT_BY_ADMIN, "The virtual machine was destroyed" },
		{ VIR_DOMAIN_SHUTOFF_CRASHED, true, EXIT_LOST_QEMU, "Lost connection with qemu process" },
		{ VIR_DOMAIN_SHUTOFF_FAILED, true, EXIT_START_FAILED, "The virtual machine failed to start" },
		{ VIR_DOMAIN_SHUTOFF_MIGRATED, false, EXIT_MIGRATED, "Migration succeeded" },
		{ VIR_DOMAIN_SHUTOFF_SAVED, false, EXIT_SAVED, "SaveState succeeded" },
	};
	const struct domain *d = vm->domain;

	if (vm->is_admin_shutdown) {
		vm_end(vm, false, EXIT_BY_ADMIN, "Admin shut down from the engine");
		return;
	}
	if (domain_meta(d, "exitReason")) {
		vm_end(vm, domain_meta_int(d, "exitCode", 1) != 0,
		       (enum vm_exit)domain_meta_int(d, "exitReason", EXIT_ERROR),
		       domain_meta(d, "exitMessage") ? domain_meta(d, "exitMessage") : "unknown");
		return;
	}
	for (size_t i = 0; i < G_N_ELEMENTS(REASONS); i++)
		if (REASONS[i].reason == t->reason) {
			vm_end(vm, REASONS[i].is_failed, REASONS[i].exit, REASONS[i].text);
			return;
		}
	vm_end(vm, true, EXIT_LOST_QEMU, "The virtual machine ended while nobody looked");
}

static void follow(struct vm *vm, struct truth *t)
{
	take_domain(vm, t);
	switch (t->state) {
	case VIR_DOMAIN_RUNNING:
	case VIR_DOMAIN_BLOCKED:
		serial_follow(vm);
		if (vm->status != VM_POWERING_DOWN && vm->status != VM_REBOOTING && !vm->is_saving && !vm->is_restoring)
			vm_move(vm, VM_UP);
		break;
	case VIR_DOMAIN_PAUSED:
		serial_follow(vm);
		if (vm->is_restoring)
			break;
		if (vm->is_saving || t->reason == VIR_DOMAIN_PAUSED_SAVE)
			vm_move(vm, VM_SAVING);
		else if (t->reason != VIR_DOMAIN_PAUSED_STARTING_UP)
			vm_pause_with(vm, t->pause_code);
		break;
	case VIR_DOMAIN_SHUTDOWN: vm_move(vm, VM_POWERING_DOWN); break;
	case VIR_DOMAIN_CRASHED:
	case VIR_DOMAIN_SHUTOFF:
		if (vm->status != VM_DOWN || !vm->exit_message[0])
			end_as_noted(vm, t);
		break;
	default: break;
	}
}

static int sync_work(virDomainPtr dom, void *arg, struct err *e) { return truth_read(dom, arg, e); }

int vm_sync(struct vm *vm, struct err *e)
{
	for (int round = 0; round < 5; round++) {
		const unsigned n_events = vm->n_events;
		struct truth t = { .state = 0 };
		const int r = virt_run_domain(vm->agent, VIRT_OPS, vm->id, sync_work, &t, e);

		if (r == 0 && n_events != vm->n_events) { /* older than what an event has told since */
			truth_clear(&t);
			continue;
		}
		if (r == 0 && !vm->is_removed)
			follow(vm, &t);
		else if (r < 0 && e->code == ERR_NOT_FOUND && vm_is_active(vm))
			vm_end(vm, true, EXIT_MISSING, "libvirt does not know the virtual machine any more");
		truth_clear(&t);
		return r;
	}
	return 0;
}

static void sync_fiber(void *arg)
{
	struct vm *vm = arg;
	struct err e = ERR_INIT;

	do {
		vm->is_sync_wanted = false;
		if (!vm->is_removed && vm_sync(vm, &e) < 0)
			log_debug("state not read", "VM", vm->id, "ERROR", e.detail);
	} while (vm->is_sync_wanted);
	vm->is_syncing = false;
	vm_unref(vm);
}

void vm_sync_soon(struct vm *vm)
{
	vm->is_sync_wanted = true;
	if (vm->is_syncing) /* events come in bunches: it reads once more */
		return;
	vm->is_syncing = true;
	fiber_start(vm->agent->loop, "vm sync", sync_fiber, vm_ref(vm));
}

/* --- metadata ------------------------------------------------------------------ */

struct meta_change {
	const struct domain_meta *values;
	int n;
};

static int meta_work(virDomainPtr dom, void *arg, struct err *e)
{
	const struct meta_change *m = arg;
	const bool is_active = virDomainIsActive(dom) == 1;
	const unsigned flags = VIR_DOMAIN_AFFECT_CONFIG | (is_active ? VIR_DOMAIN_AFFECT_LIVE : 0);
	auto_pool p = pool_new();
	char *old = virDomainGetMetadata(dom, VIR_DOMAIN_METADATA_ELEMENT, OVIRT_VM_URI,
	                                 is_active ? VIR_DOMAIN_AFFECT_LIVE : VIR_DOMAIN_AFFECT_CONFIG);
	char *element;
	int r = domain_meta_edit(p, old, m->values, m->n, &element, e);

	free(old);
	if (r < 0)
		return -1;
	if (virDomainSetMetadata(dom, VIR_DOMAIN_METADATA_ELEMENT, element, "ovirt-vm", OVIRT_VM_URI, flags) < 0)
		return virt_err(e, "write the domain's metadata");
	return 0;
}

int vm_write_meta(struct vm *vm, const struct domain_meta *values, int n, struct err *e)
{
	struct meta_change m = { values, n };

	return virt_run_domain(vm->agent, VIRT_OPS, vm->id, meta_work, &m, e);
}

/* --- all of them ------------------------------------------------------------------ */

static int list_work(virConnectPtr conn, void *arg, struct err *e)
{
	GArray *found = arg;
	virDomainPtr *doms = NULL;
	const int n = virConnectListAllDomains(conn, &doms, 0);

	if (n < 0)
		return virt_err(e, "list domains");
	for (int i = 0; i < n; i++) {
		struct truth t = { .state = 0 };
		struct err one = ERR_INIT;

		if (truth_read(doms[i], &t, &one) == 0 && t.domain->is_ours)
			g_array_append_val(found, t);
		else
			truth_clear(&t);
		virDomainFree(doms[i]);
	}
	free(doms);
	return 0;
}

static void adopt(struct agent *a, struct truth *t, unsigned generation)
{
	struct vm *vm = vms_find(a, t->id);

	if (vm && vm->is_locked) /* an operation is on it; it reads the state itself at its end */
		return;
	if (!vm) {
		struct pool *p = pool_new();
		struct domain *d;
		struct err e = ERR_INIT;

		if (domain_read(p, t->xml, &d, &e) < 0) {
			pool_free(p);
			return;
		}
		vm = vm_add(a, p, d, pool_strdup(p, t->xml));
		vm->started_wall_ms = domain_meta_int(d, "startTime", 0) * 1000;
		vm->is_reboot_destroy = domain_meta_bool(d, "destroy_on_reboot", false);
		vm->is_live_xml = t->state != VIR_DOMAIN_SHUTOFF;
		log_info("vm found", "VM", vm->id, "NAME", d->name);
	}
	follow(vm, t);
}

static bool is_in(const GArray *found, const char *id)
{
	for (guint i = 0; i < found->len; i++)
		if (strcmp(g_array_index(found, struct truth, i).id, id) == 0)
			return true;
	return false;
}

static void end_missing(struct agent *a, const GArray *found)
{
	g_autoptr(GPtrArray) all = g_ptr_array_new();
	GHashTableIter it;
	gpointer vm;

	g_hash_table_iter_init(&it, a->vms->by_id);
	while (g_hash_table_iter_next(&it, NULL, &vm))
		g_ptr_array_add(all, vm);
	for (guint i = 0; i < all->len; i++) {
		struct vm *v = all->pdata[i];

		if (!v->is_locked && vm_is_active(v) && !is_in(found, v->id))
			vm_end(v, true, EXIT_MISSING, "libvirt does not know the virtual machine any more");
	}
}

void vms_libvirt_found(struct agent *a)
{
	g_autoptr(GArray) found = g_array_new(FALSE, FALSE, sizeof(struct truth));
	struct err e = ERR_INIT;

	caps_refresh(a);
	filter_define(a);
	if (virt_run(a, VIRT_OPS, list_work, found, &e) < 0) {
		log_warn("virtual machines not read", "ERROR", e.detail);
	} else {
		end_missing(a, found);
		for (guint i = 0; i < found->len; i++)
			adopt(a, &g_array_index(found, struct truth, i), a->vms->generation);
		if (!a->vms->is_found) {
			log_info("all virtual machines are found");
			payload_sweep(a);
		}
		a->vms->is_found = true;
		sample_soon(a);
	}
	for (guint i = 0; i < found->len; i++)
		truth_clear(&g_array_index(found, struct truth, i));
}

void vms_libvirt_lost(struct agent *a) { a->vms->generation++; }

int vms_init(struct agent *a, struct err *e)
{
	a->vms = g_new0(struct vms, 1);
	a->vms->by_id = g_hash_table_new(g_str_hash, g_str_equal);
	sample_init(a);
	guest_init(a);
	resume_init(a);
	serial_init(a);
	return virt_init(a, e);
}

bool vms_are_found(const struct agent *a) { return a->vms && a->vms->is_found; }

struct vm *vms_find(const struct agent *a, const char *id) { return g_hash_table_lookup(a->vms->by_id, id); }

int vms_of_call(struct agent *a, struct verb_call *c, struct vm **out, struct err *e)
{
	const char *id;

	*out = NULL;
	if (verb_uuid(c, "vmID", &id, e) < 0)
		return -1;
	*out = vms_find(a, id);
	return *out ? 0 : err_agent(e, 1, "Virtual machine does not exist: %s", id);
}

int vms_count(const struct agent *a, bool only_active)
{
	GHashTableIter it;
	gpointer vm;
	int n = 0;

	g_hash_table_iter_init(&it, a->vms->by_id);
	while (g_hash_table_iter_next(&it, NULL, &vm))
		n += !only_active || ((struct vm *)vm)->status == VM_UP;
	return n;
}
