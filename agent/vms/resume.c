/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/vms/resume.h"

#include <glib.h>
#include <libvirt/libvirt.h>
#include <string.h>

#include "agent/agent.h"
#include "agent/storage/storage.h"
#include "agent/vms/virt.h"
#include "agent/vms/vms.h"
#include "base/auto.h"
#include "base/log.h"

enum { LOOK_MS = 2000, KILL_AFTER_MS = 80000 };

static bool stopped_by_error(const struct vm *vm)
{
	return vm->status == VM_PAUSED &&
	       (strcmp(vm->pause_code, "EIO") == 0 || strcmp(vm->pause_code, "EOTHER") == 0 ||
	        strcmp(vm->pause_code, "ENOSPC") == 0);
}

static bool behaves(const struct vm *vm, const char *word)
{
	const char *rule = domain_meta(vm->domain, "resumeBehavior");

	return strcmp(rule ? rule : "auto_resume", word) == 0;
}

/* --- what is done ------------------------------------------------------------ */

static int resume_work(virDomainPtr dom, void *arg, struct err *e)
{
	return virDomainResume(dom) < 0 ? virt_err(e, "resume") : 0;
}

static int kill_work(virDomainPtr dom, void *arg, struct err *e)
{
	return virDomainDestroyFlags(dom, 0) < 0 ? virt_err(e, "destroy") : 0;
}

static void resume_fiber(void *arg)
{
	struct vm *vm = arg;
	struct err e = ERR_INIT;

	if (vm_lock(vm, &e) == 0) {
		if (stopped_by_error(vm) && virt_run_domain(vm->agent, VIRT_OPS, vm->id, resume_work, NULL, &e) == 0)
			log_info("storage is well again, vm goes on", "VM", vm->id);
		vm_unlock(vm);
	}
	vm_unref(vm);
}

static void kill_fiber(void *arg)
{
	struct vm *vm = arg;
	struct err e = ERR_INIT;

	if (vm_lock(vm, &e) == 0) {
		if (stopped_by_error(vm)) {
			log_warn("paused by an I/O error for too long, killed", "VM", vm->id);
			vm->is_paused_too_long = true; /* the event tells the reason */
			if (virt_run_domain(vm->agent, VIRT_OPS, vm->id, kill_work, NULL, &e) < 0)
				vm->is_paused_too_long = false;
		}
		vm_unlock(vm);
	}
	vm_unref(vm);
}

/* --- looking ------------------------------------------------------------------- */

static bool is_on(const struct vm *vm, const char *sd)
{
	for (int i = 0; i < vm->domain->n_disks; i++)
		if (vm->domain->disks[i].domain_id && g_ascii_strcasecmp(vm->domain->disks[i].domain_id, sd) == 0)
			return true;
	return false;
}

static void domain_came_back(struct agent *a, const char *sd)
{
	GHashTableIter it;
	gpointer value;

	g_hash_table_iter_init(&it, a->vms->by_id);
	while (g_hash_table_iter_next(&it, NULL, &value)) {
		struct vm *vm = value;

		/* a full disk is not cured by the domain's being there */
		if (stopped_by_error(vm) && strcmp(vm->pause_code, "ENOSPC") != 0 && behaves(vm, "auto_resume") &&
		    is_on(vm, sd))
			fiber_start(a->loop, "resume", resume_fiber, vm_ref(vm));
	}
}

static void kill_old(struct agent *a)
{
	GHashTableIter it;
	gpointer value;

	g_hash_table_iter_init(&it, a->vms->by_id);
	while (g_hash_table_iter_next(&it, NULL, &value)) {
		struct vm *vm = value;

		if (stopped_by_error(vm) && behaves(vm, "kill") && !vm->is_paused_too_long &&
		    agent_event_time_ms() - vm->status_ms > KILL_AFTER_MS)
			fiber_start(a->loop, "kill paused", kill_fiber, vm_ref(vm));
	}
}

/* known: domain id -> was valid (1) or not (2); a domain seen for the first time counts as come back. */
static void look(struct agent *a, GHashTable *known)
{
	auto_json *stats = json_object();
	const char *sd;
	json_t *d;

	storage_add_stats(a, stats);
	json_object_foreach (json_object_get(stats, "storageDomains"), sd, d) {
		const bool is_valid = json_is_true(json_object_get(d, "valid"));
		const int before = GPOINTER_TO_INT(g_hash_table_lookup(known, sd));

		if (is_valid && before != 1)
			domain_came_back(a, sd);
		g_hash_table_insert(known, g_strdup(sd), GINT_TO_POINTER(is_valid ? 1 : 2));
	}
	kill_old(a);
}

static void resume_watch(void *arg)
{
	g_autoptr(GHashTable) known = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
	struct agent *a = arg;

	while (!a->is_stopping) {
		if (virt_is_connected(a) && a->storage && a->vms->is_found)
			look(a, known);
		fiber_sleep(LOOK_MS);
	}
}

void resume_init(struct agent *a) { fiber_start(a->loop, "resume after errors", resume_watch, a); }
