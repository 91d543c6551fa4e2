/* SPDX-License-Identifier: Apache-2.0 */
/* Jobs that make the disks of a new VM: layers over a template's, or copies. And the action "clone" of VMs. */
#include <string.h>

#include "manager/api/generic.h"
#include "manager/clusters/clusters.h"
#include "manager/disks/disks_int.h"
#include "manager/vms/clone.h"

static struct event_refs refs_of(struct job *j, const char *vm_id)
{
	const char *user = job_text(j, "user");

	return (struct event_refs){ .user = *user ? user : NULL, .vm = vm_id, .correlation_id = job_correlation(j) };
}

static void release_source(struct job *j, struct txn *t)
{
	const char *id = job_text(j, "source");
	struct m_vm *vm = *id ? txn_edit(t, KIND_VM, id) : NULL;
	json_t *one;
	size_t i;

	if (vm && vm->status == M_VM_STATUS_IMAGE_LOCKED)
		vm->status = M_VM_STATUS_DOWN;
	json_array_foreach (json_object_get(job_data(j), "volumes"), i, one) {
		const char *image = json_string_value(json_object_get(one, "from_image"));
		struct m_disk *d = *id && image ? txn_edit(t, KIND_DISK, image) : NULL;

		if (d && d->status == M_DISK_STATUS_LOCKED)
			d->status = M_DISK_STATUS_OK;
	}
}

/* The disks that the job made; they may have left something on storage. */
static void drop_disks(struct job *j, struct txn *t)
{
	json_t *one;
	size_t i;

	json_array_foreach (json_object_get(job_data(j), "volumes"), i, one)
		disk_remove_records(t, json_string_value(json_object_get(one, "disk")));
}

static void keep_illegal(struct job *j, struct txn *t, const struct err *e)
{
	struct event_refs refs = refs_of(j, NULL);
	struct m_vm *vm = txn_edit(t, KIND_VM, job_text(j, "vm"));

	volumes_set_status(j, t, M_DISK_STATUS_ILLEGAL);
	if (vm)
		vm->status = M_VM_STATUS_DOWN;
	txn_event(t, "USER_ADD_VM_FINISHED_FAILURE", &refs,
	          "Failed to complete VM %s creation: %.300s Its disks are illegal; remove it.", job_text(j, "name"),
	          e->detail);
}

static void clone_ended(struct job *j, struct txn *t, bool ok, const struct err *e)
{
	const char *id = job_text(j, "vm");
	struct event_refs refs = refs_of(j, ok ? id : NULL);
	struct m_vm *vm;

	release_source(j, t);
	if (!ok && job_has_left(j, "create-volumes")) {
		keep_illegal(j, t, e);
		return;
	}
	if (!ok) {
		drop_disks(j, t);
		disk_remove_vm_records(t, id);
		txn_event(t, "USER_ADD_VM_FINISHED_FAILURE", &refs, "Failed to complete VM %s creation: %.400s",
		          job_text(j, "name"), e->detail);
		return;
	}
	volumes_take(j, t);
	volumes_set_status(j, t, M_DISK_STATUS_OK);
	vm = txn_edit(t, KIND_VM, id);
	if (vm) {
		vm->status = M_VM_STATUS_DOWN;
		if (json_is_true(json_object_get(job_data(j), "detached")))
			REF_SET(txn_pool(t), vm->template, BLANK_TEMPLATE);
	}
	txn_event(t, "USER_ADD_VM_FINISHED_SUCCESS", &refs, "VM %s creation has been completed.", job_text(j, "name"));
}

static const struct job_step STEPS[] = {
	{ "create-volumes", "Creating the volumes", volumes_create, volumes_create_undo, false },
	{ "copy-data", "Copying the data", volumes_copy, NULL, false },
};
const struct command CLONE_VM_COMMAND = { "CloneVm", STEPS, G_N_ELEMENTS(STEPS), clone_ended };

int clone_start(struct call *c, struct txn *t, struct m_vm *vm, const struct clone_work *work, const char *source_vm,
                bool is_detached, char *job, struct err *e)
{
	struct m_vm *source = source_vm ? txn_edit(t, KIND_VM, source_vm) : NULL;
	const char *objects[] = { vm->id, source_vm, NULL };
	struct job_spec spec;
	json_t *one;
	size_t i;

	vm->status = M_VM_STATUS_IMAGE_LOCKED;
	g_ptr_array_add(work->locks, pool_strdup(c->pool, vm->id));
	if (source) {
		source->status = M_VM_STATUS_IMAGE_LOCKED;
		g_ptr_array_add(work->locks, pool_strdup(c->pool, source_vm));
		json_array_foreach (work->volumes, i, one) {
			const char *image = json_string_value(json_object_get(one, "from_image"));
			struct m_disk *d = image ? txn_edit(t, KIND_DISK, image) : NULL;

			if (d)
				d->status = M_DISK_STATUS_LOCKED;
			if (d)
				g_ptr_array_add(work->locks, pool_strdup(c->pool, image));
		}
	}
	g_ptr_array_add(work->locks, NULL);
	spec = (struct job_spec){
		.command = &CLONE_VM_COMMAND,
		.correlation_id = c->correlation_id,
		.owner_id = call_refs(c).user,
		.data =
		    json_pack("{s:O,s:s,s:s,s:s,s:s,s:b}", "volumes", work->volumes, "vm", vm->id, "name", vm->name,
		              "user", c->who.user_id, "source", source_vm ? source_vm : "", "detached", is_detached),
		.locks = (const char *const *)work->locks->pdata,
		.objects = objects,
	};
	return job_start(t, &spec, job, e, "Creating VM %s", vm->name);
}

/* ---- vms/{id}/clone ---- */

static int check_clone(struct call *c, const struct m_vm *body, struct m_ref *domain, struct err *e)
{
	struct m_storage_domain *sd = c->action->storage_domain;

	if (!body || !body->name || !*body->name)
		return err_field(e, ERR_MISSING, "vm.name", "Vm [name] required for clone");
	if (inv_name_taken(c->core->inv, KIND_VM, NULL, body->name, NULL))
		return err_field(e, ERR_CONFLICT, "vm.name", "Cannot clone VM. The VM name is already in use.");
	*domain = (struct m_ref){ sd ? sd->id : NULL, sd };
	return sd ? call_resolve(c, domain, KIND_STORAGE_DOMAIN, NULL, true, "storage_domain", e) : 0;
}

static struct m_vm *new_vm(struct call *c, struct txn *t, const struct source *s, const struct m_vm *body,
                           struct err *e)
{
	struct m_vm *vm = txn_new(t, KIND_VM, NULL);
	g_autoptr(GPtrArray) made = g_ptr_array_new();
	struct pool *p = txn_pool(t);
	int64_t now = loop_wall_ms(c->core->loop);

	clone_configuration(p, vm, s);
	vm->name = pool_strdup(p, body->name);
	vm->description = pool_strdup(p, body->description ? body->description : s->vm->description);
	REF_SET(p, vm->cluster, s->cluster);
	REF_SET(p, vm->cpu_profile, s->vm->cpu_profile.id);
	REF_SET(p, vm->template, BLANK_TEMPLATE);
	REF_SET(p, vm->original_template, STR_OR(s->vm->original_template.id, s->vm->template.id));
	M_SET(vm, creation_time, now);
	vm->created_by = pool_strdup(p, c->who.user_id);
	M_SET(vm, stop_time, now);
	if (m_validate(&M_TYPE_vm, vm, e) < 0 || clone_nics_to_vm(c, t, s, vm, made, e) < 0)
		return NULL;
	vm_add_records(c, t, vm);
	return vm;
}

static int vm_clone(struct call *c, struct err *e)
{
	const struct m_vm *body = c->action ? c->action->vm : NULL;
	g_autoptr(GPtrArray) locks = g_ptr_array_new();
	struct clone_work work;
	struct event_refs refs;
	char job[UUID_LEN + 1];
	struct m_ref domain;
	struct source s;
	struct m_vm *vm;
	struct txn *t;
	int rc = -1;

	if (!call_visible(c, 0, KIND_VM, e) || check_clone(c, body, &domain, e) < 0 ||
	    source_of_vm(c->core, c->pool, c->ids[0], "Cannot clone VM", &s, e) < 0 || call_asked(c, s.cluster, e) < 0)
		return -1;
	work = (struct clone_work){ json_array(), locks };
	t = txn_begin(c->core);
	vm = new_vm(c, t, &s, body, e);
	if (vm && clone_disks(c, t,
	                      &(struct clone_spec){ .source = &s,
	                                            .owner_kind = KIND_VM,
	                                            .owner_id = vm->id,
	                                            .cluster_id = s.cluster,
	                                            .prefix = "storage_domain",
	                                            .what = "Cannot clone VM",
	                                            .domain_id = domain.id,
	                                            .alias = vm->name },
	                      &work, e) == 0) {
		refs = vm_refs(vm, c->who.user_id, c->correlation_id);
		txn_event(t, "USER_ADD_VM_STARTED", &refs, "VM %s creation was initiated.", vm->name);
		rc = clone_start(c, t, vm, &work, s.id, false, job, e);
	} else {
		txn_cancel(t);
	}
	json_decref(work.volumes);
	return rc < 0 ? -1 : call_reply_action(c, job);
}

const struct api_op VM_CLONE_OPS[] = {
	ROW("vm.clone", vm_clone, KIND_VM, ASKS("create_vm", KIND_CLUSTER)),
	{ .name = NULL },
};
