/* SPDX-License-Identifier: Apache-2.0 */
#include "manager/vms/stateless.h"

#include <string.h>

#include "base/auto.h"
#include "base/log.h"
#include "manager/core/locks.h"
#include "manager/vms/snapshot_int.h"

enum { PAUSE_MS = 1000 };

bool vm_is_run_stateless(struct core *c, const struct m_vm *vm)
{
	return M_GET(vm, stateless, false) || snapshot_of_type(c, vm->id, M_SNAPSHOT_TYPE_STATELESS);
}

/* ---- the beginning ---- */

/* A disk that gets a layer for the run; NULL: not this one. */
static const struct m_disk *disk_of(struct core *c, const struct m_disk_attachment *a)
{
	const struct m_disk *d = INV_LATEST(c->inv, DISK, disk, a->disk.id);

	if (!d || !M_GET(a, active, true) || M_GET(a, read_only, false) || M_GET(d, shareable, false) ||
	    !d->volume_id || (d->storage_type && d->storage_type != M_DISK_STORAGE_TYPE_IMAGE))
		return NULL;
	return d;
}

/* The ids follow from the job, so that another try makes the same layers. */
static json_t *plan_layers(struct job *j, const struct m_vm *vm, const json_t *left, json_t *doomed)
{
	struct core *c = job_core(j);
	json_t *plans = json_array();
	unsigned n;
	const struct m_disk_attachment **list = vm_attachments(c, job_pool(j), vm->id, &n);

	for (unsigned i = 0; i < n; i++) {
		const struct m_disk *d = disk_of(c, list[i]);
		const char *below = d && left ? snapshot_volume(left, d->id) : NULL;
		json_t *plan;
		uuid_text id;

		if (!d)
			continue;
		if (below && strcmp(below, d->volume_id) != 0)
			json_array_append_new(doomed, volume_doom(c, d, d->volume_id));
		uuid_derive(job_id(j), d->id, id);
		plan = volume_plan(c, job_pool(j), d, id);
		volume_plan_over(plan, d->id, below ? below : d->volume_id);
		json_array_append_new(plans, plan);
	}
	return plans;
}

static void record(struct job *j, const char *vm_id, const char *left)
{
	struct txn *t = job_txn(j);
	const struct m_vm *vm = txn_get(t, KIND_VM, vm_id);
	struct m_snapshot *s = left ? txn_edit(t, KIND_SNAPSHOT, left) : NULL;

	if (!vm)
		return;
	if (!s) { /* what is below is still what it was before */
		s = txn_new(t, KIND_SNAPSHOT, NULL);
		REF_SET(txn_pool(t), s->vm, vm_id);
		s->snapshot_type = M_SNAPSHOT_TYPE_STATELESS;
		s->snapshot_status = M_SNAPSHOT_STATUS_OK;
		s->description = "stateless snapshot";
		M_SET(s, date, loop_wall_ms(job_core(j)->loop));
		M_SET(s, persist_memorystate, false);
		s->content = snapshot_content(job_core(j), txn_pool(t), vm);
	}
	volumes_take(j, t);
}

int vm_stateless_begin(struct job *j, const struct m_vm *vm, struct err *e)
{
	struct core *c = job_core(j);
	const struct m_snapshot *s = snapshot_of_type(c, vm->id, M_SNAPSHOT_TYPE_STATELESS);
	const char *id = pool_strdup(job_pool(j), vm->id), *left_id = s ? pool_strdup(job_pool(j), s->id) : NULL;
	auto_json *left = s ? snapshot_read(s) : NULL;
	json_t *doomed, *plans;

	if (!M_GET(vm, stateless, false) && !s)
		return 0;
	doomed = json_array();
	plans = plan_layers(j, vm, left, doomed);
	json_object_set_new(job_data(j), "volumes", plans);
	json_object_set_new(job_data(j), "doomed", doomed);
	if (!json_array_size(plans))
		return 0;
	if (volumes_delete(j, e) < 0 || volumes_create(j, e) < 0)
		return err_wrap(e, "Layers for the stateless run");
	record(j, id, left_id);
	return 0;
}

/* Is this layer recorded as the disk's own? */
static bool is_recorded(struct job *j)
{
	const json_t *first = json_array_get(json_object_get(job_data(j), "volumes"), 0);
	const struct m_disk *d =
	    INV_LATEST(job_core(j)->inv, DISK, disk, json_string_value(json_object_get(first, "disk")));

	return d && g_strcmp0(d->volume_id, json_string_value(json_object_get(first, "volume"))) == 0;
}

int vm_stateless_undo(struct job *j, struct err *e)
{
	const struct m_vm *vm = INV_LATEST(job_core(j)->inv, VM, vm, job_text(j, "vm"));

	if (!json_object_get(job_data(j), "volumes") && vm && M_GET(vm, stateless, false)) {
		auto_json *doomed = json_array();

		/* The step was begun and its plan is not recorded: the ids tell it again. */
		json_object_set_new(job_data(j), "volumes", plan_layers(j, vm, NULL, doomed));
	}
	return is_recorded(j) ? 0 : volumes_create_undo(j, e);
}

/* ---- the end ---- */

static int decide_step(struct job *j, struct err *e) { return 0; }

static void end_ended(struct job *j, struct txn *t, bool ok, const struct err *e)
{
	const struct m_snapshot *s = snapshot_of_type(txn_core(t), job_text(j, "vm"), M_SNAPSHOT_TYPE_STATELESS);
	auto_json *content = s ? snapshot_read(s) : NULL;
	json_t *one;
	size_t i;

	json_array_foreach (json_object_get(job_data(j), "doomed"), i, one) {
		const char *disk_id = json_string_value(json_object_get(one, "disk"));

		if (ok && content)
			snapshot_take_volume(t, content, disk_id, snapshot_volume(content, disk_id));
	}
	snapshot_free_disks(j, t, "doomed");
	snapshot_unlock_vm(t, job_text(j, "vm"));
	if (ok && s)
		txn_remove(t, KIND_SNAPSHOT, s->id);
}

static const struct job_step STEPS[] = {
	{ "decide", "Ending the stateless run", decide_step, NULL, true },
	{ "delete-volumes", "Dropping what the run wrote", volumes_delete, NULL, false },
};
const struct command END_STATELESS_COMMAND = { "RestoreStatelessVm", STEPS, G_N_ELEMENTS(STEPS), end_ended };

/* Layers of the run in t; the disks are locked. */
static json_t *doom_layers(struct core *c, struct txn *t, struct pool *p, const json_t *content, GPtrArray *locks)
{
	json_t *doomed = json_array(), *list = json_object_get(content, "volumes"), *one;
	size_t i;

	json_array_foreach (list, i, one) {
		const char *id = json_string_value(json_object_get(one, "disk"));
		struct m_disk *d = id ? txn_edit(t, KIND_DISK, id) : NULL;

		if (!d || g_strcmp0(d->volume_id, json_string_value(json_object_get(one, "volume"))) == 0)
			continue;
		json_array_append_new(doomed, volume_doom(c, d, d->volume_id));
		d->status = M_DISK_STATUS_LOCKED;
		g_ptr_array_add(locks, pool_strdup(p, id));
	}
	return doomed;
}

static int start_end(struct core *c, const struct m_vm *vm, const struct m_snapshot *s, struct err *e)
{
	struct txn *t = txn_begin(c);
	auto_pool p = pool_new();
	auto_json *content = snapshot_read(s);
	g_autoptr(GPtrArray) locks = g_ptr_array_new();
	const char *id = pool_strdup(p, vm->id), *name = pool_strdup(p, vm->name), *objects[] = { id, NULL };
	json_t *doomed = doom_layers(c, t, p, content, locks);
	char job[UUID_LEN + 1];
	struct job_spec spec;

	g_ptr_array_add(locks, (char *)id);
	g_ptr_array_add(locks, NULL);
	snapshot_lock_vm(t, id);
	spec = (struct job_spec){ .command = &END_STATELESS_COMMAND,
		                  .correlation_id = "",
		                  .data = json_pack("{s:o,s:s}", "doomed", doomed, "vm", id),
		                  .locks = (const char *const *)locks->pdata,
		                  .objects = objects };
	return job_start(t, &spec, job, e, "Restoring stateless VM %s", name);
}

struct ending {
	struct core *core;
	uuid_text vm_id;
};

/* It ends by itself when somebody else takes the layers over: a start that comes first drops them, too. */
static void end_fiber(void *arg)
{
	struct ending *en = arg;
	struct core *c = en->core;
	struct err e = ERR_INIT;

	for (;;) {
		const struct m_vm *vm = INV_LATEST(c->inv, VM, vm, en->vm_id);
		const struct m_snapshot *s = vm ? snapshot_of_type(c, vm->id, M_SNAPSHOT_TYPE_STATELESS) : NULL;

		if (!s || vm->status != M_VM_STATUS_DOWN)
			break;
		if (lock_check(c, vm->id, NULL, &e) == 0) {
			if (start_end(c, vm, s, &e) == 0)
				break;
			log_warn("layers of a stateless run are not dropped yet", "VM_ID", en->vm_id, "REASON",
			         e.detail);
		}
		fiber_sleep(PAUSE_MS);
	}
	if (c->vms && c->vms->stateless)
		g_hash_table_remove(c->vms->stateless, en->vm_id);
	g_free(en);
}

void vm_stateless_end(struct core *c, const char *vm_id)
{
	const struct m_vm *vm = INV_LATEST(c->inv, VM, vm, vm_id);
	struct ending *en;

	if (!vm || vm->status != M_VM_STATUS_DOWN || !c->vms->stateless ||
	    !snapshot_of_type(c, vm_id, M_SNAPSHOT_TYPE_STATELESS) ||
	    !g_hash_table_add(c->vms->stateless, g_strdup(vm_id)))
		return;
	en = g_new0(struct ending, 1);
	en->core = c;
	g_strlcpy(en->vm_id, vm_id, sizeof(en->vm_id));
	fiber_start(c->loop, "stateless run's end", end_fiber, en);
}

void vm_stateless_start(struct core *c)
{
	INV_EACH (en, c->inv, KIND_SNAPSHOT) {
		const struct m_snapshot *s = en->pub;

		if (s->snapshot_type == M_SNAPSHOT_TYPE_STATELESS && s->vm.id)
			vm_stateless_end(c, s->vm.id);
	}
}
