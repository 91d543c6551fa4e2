/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Changing VMs. One that is down becomes what it is told at once. For one that runs, the change is taken apart: what can come
 * into force does, by plugging if need be, and the rest waits for the next start. With dry_run the answer says which is which.
 */
#include <string.h>

#include "manager/api/generic.h"
#include "manager/clusters/clusters.h"
#include "manager/core/locks.h"
#include "manager/vms/vm_int.h"

#define MEMORY_LIMIT (64LL << 40)

/* ---- rules ---- */

static int check_cluster(struct call *c, struct m_vm *wanted, const struct m_vm *old, struct err *e)
{
	const char *what = "edit VM";
	const struct entity *profile;

	if (g_strcmp0(wanted->cluster.id, old->cluster.id) == 0)
		return 0;
	if (vm_check_down(old, what, e) < 0 || call_permit(c, "create_vm", KIND_CLUSTER, wanted->cluster.id, e) < 0)
		return -1;
	if (g_strcmp0(cluster_data_center(c->core, wanted->cluster.id),
	              cluster_data_center(c->core, old->cluster.id)) != 0)
		return err_field(e, ERR_CONFLICT, "vm.cluster",
		                 "Cannot %s. The cluster belongs to another data center.", what);
	if (g_strcmp0(wanted->cpu_profile.id, old->cpu_profile.id) != 0)
		return 0;
	profile = inv_first_by(c->core->inv, KIND_CPU_PROFILE, IDX_CPU_PROFILE_cluster, wanted->cluster.id);
	wanted->cpu_profile.id = profile ? pool_strdup(c->pool, profile->id) : NULL;
	return 0;
}

static int merge(struct call *c, struct m_vm *wanted, const struct m_vm *old, struct err *e)
{
	struct m_vm *body = c->body;

	if (body->id && g_ascii_strcasecmp(body->id, old->id) != 0)
		return err_field(e, ERR_IMMUTABLE, "id", "Attempt to set immutable field: id");
	if (m_merge(c->pool, &M_TYPE_vm, wanted, body, M_MERGE_API, e) < 0 || m_validate(&M_TYPE_vm, wanted, e) < 0)
		return -1;
	if (wanted->has.migration_downtime && wanted->migration_downtime < 0)
		wanted->has.migration_downtime = 0;
	if (body->has.memory && !(body->memory_policy && body->memory_policy->has.max) && wanted->memory_policy &&
	    wanted->memory > M_GET(wanted->memory_policy, max, wanted->memory))
		M_SET(wanted->memory_policy, max, MIN(4 * wanted->memory, MEMORY_LIMIT));
	if (vm_check(c->core, wanted, "edit VM", e) < 0 || check_cluster(c, wanted, old, e) < 0)
		return -1;
	if (inv_name_taken(c->core->inv, KIND_VM, NULL, wanted->name, wanted->id))
		return err_field(e, ERR_CONFLICT, "vm.name", "Cannot edit VM. The VM name is already in use.");
	return 0;
}

/* ---- the answer to "what if" ---- */

static json_t *change_json(const struct vm_change *ch)
{
	return json_pack("{s:s,s:s*}", "member", ch->member, "reason", ch->why);
}

static int reply_dry_run(struct call *c, const struct m_vm *vm, const struct vm_change *list, size_t n)
{
	json_t *by[] = {
		[CHANGE_NOW] = json_array(), [CHANGE_PLUGGED] = json_array(), [CHANGE_NEXT_RUN] = json_array()
	};
	json_t *doc;
	char *text;

	for (size_t i = 0; i < n; i++)
		json_array_append_new(by[list[i].when], change_json(&list[i]));
	doc = json_pack("{s:{s:s,s:s,s:o,s:o,s:o}}", "dry_run", "id", vm->id, "status",
	                m_enum_name(&M_ENUM_vm_status, vm->status), "now", by[CHANGE_NOW], "plugged",
	                by[CHANGE_PLUGGED], "next_run", by[CHANGE_NEXT_RUN]);
	text = json_dumps(doc, JSON_INDENT(2));
	json_decref(doc);
	c->result = RESULT_TEXT;
	c->text = pool_strdup(c->pool, text);
	c->text_type = "application/json";
	free(text);
	return 0;
}

/* ---- plugging ---- */

static int plug(struct call *c, const struct m_vm *vm, const struct m_vm *wanted, const struct vm_change *list,
                size_t n, struct err *e)
{
	uuid_text id;
	int64_t memory = M_GET(vm, memory, 0);

	g_strlcpy(id, vm->id, sizeof(id)); /* there are waits below */
	for (size_t i = 0; i < n; i++) {
		if (list[i].when != CHANGE_PLUGGED)
			continue;
		if (strcmp(list[i].member, "memory") == 0 ? hotplug_memory(c, id, memory, wanted->memory, e) < 0
		                                          : hotplug_cpus(c, id, wanted, e) < 0)
			return -1;
	}
	return 0;
}

/* A reboot of the guest is the next start then. */
static void restart_at_reboot(struct txn *t, struct m_vm *draft)
{
	if (draft->next_run && vm_is_live(draft))
		M_SET(draft, cold_reboot, true);
}

/* What the host must know of a change that is made already. */
static void tell_host(struct core *c, const char *vm_id, const struct vm_change *list, size_t n)
{
	const struct m_vm *vm;
	uuid_text host;
	struct err ignored;

	for (size_t i = 0; i < n; i++)
		if (list[i].when == CHANGE_NOW && strcmp(list[i].member, "memory_policy.guaranteed") == 0)
			hotplug_guaranteed(c, vm_id);
	vm = INV_LATEST(c->inv, VM, vm, vm_id);
	if (!vm || !vm->next_run || !vm_is_live(vm))
		return;
	g_strlcpy(host, vm->host.id, sizeof(host));
	agent_call(c, host, "VM.setDestroyOnReboot", json_pack("{s:s}", "vmID", vm_id), 20 * 1000, NULL, NULL,
	           &ignored);
}

/* ---- the handler ---- */

static int commit(struct call *c, const char *id, const struct m_vm *wanted, const struct vm_change *list, size_t n,
                  struct err *e)
{
	struct txn *t = txn_begin(c->core);
	struct m_vm *draft = txn_edit(t, KIND_VM, id);
	struct event_refs refs;
	char job[UUID_LEN + 1];

	if (!draft) {
		txn_cancel(t);
		return err_set(e, ERR_NO_ENTITY, "There is no VM %s.", id);
	}
	next_run_stage(txn_pool(t), draft, wanted, list, n);
	restart_at_reboot(t, draft);
	refs = vm_refs(draft, c->who.user_id, c->correlation_id);
	txn_event(t, "USER_UPDATE_VM", &refs, "VM %s configuration was updated.", draft->name);
	job_record(t, c->correlation_id, c->who.user_id, job, "Editing VM %s", draft->name);
	return txn_commit(t, e);
}

static int vm_update(struct call *c, struct err *e)
{
	const struct m_vm *old = CALL_ENTITY(c, 0, VM, vm, e);
	bool is_all_later = c->query.next_run;
	const struct m_vm *waiting;
	struct vm_change *list;
	struct m_vm *wanted;
	size_t n;

	if (!old || vm_prepare_body(c, old, e) < 0)
		return -1;
	old = INV_LATEST(c->core->inv, VM, vm, c->ids[0]);
	if (!old)
		return err_set(e, ERR_NO_ENTITY, "There is no VM %s.", c->ids[0]);
	if (old->status == M_VM_STATUS_IMAGE_LOCKED)
		return err_set(e, ERR_CONFLICT, "Cannot edit VM. VM is locked. Please try again in a few minutes.");
	if (lock_check(c->core, old->id, NULL, e) < 0)
		return -1;
	old = m_copy(c->pool, &M_TYPE_vm, old);
	wanted = next_run_of(c->pool, old);
	waiting = m_copy(c->pool, &M_TYPE_vm, wanted);
	if (merge(c, wanted, old, e) < 0)
		return -1;
	list = next_run_changes(c->core, c->pool, old, wanted, is_all_later && old->status != M_VM_STATUS_DOWN, &n);
	next_run_keep_waiting(c->pool, waiting, wanted, c->body, list, n);
	if (c->query.is_dry_run)
		return reply_dry_run(c, old, list, n);
	if (plug(c, old, wanted, list, n, e) < 0 || commit(c, old->id, wanted, list, n, e) < 0)
		return -1;
	tell_host(c->core, old->id, list, n);
	return call_reply_kind(c, KIND_VM, old->id);
}

/* With next_run: as it will be at its next start. */
static int vm_get(struct call *c, struct err *e)
{
	const struct m_vm *vm = generic_target(c, e);
	void *frozen;

	if (!vm)
		return -1;
	if (!c->query.next_run || !vm->next_run)
		return call_reply_entity(c, &M_TYPE_vm, call_view(c, KIND_VM, vm));
	frozen = m_freeze(&M_TYPE_vm, next_run_of(c->pool, vm));
	call_reply_entity(c, &M_TYPE_vm, call_view(c, KIND_VM, frozen));
	m_frozen_release(frozen);
	return 0;
}

const struct api_op VM_UPDATE_OPS[] = {
	ROW("vm.get", vm_get, KIND_VM),
	{ .name = "vm.update",
	  .run = vm_update,
	  .kind = KIND_VM,
	  .permit = "edit_vm_properties",
	  .on = KIND_VM,
	  .flags = OP_WAITS | OP_DRY_RUN },
	{ .name = NULL },
};
