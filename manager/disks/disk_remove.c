/* SPDX-License-Identifier: Apache-2.0 */
/* Removing disks, alone or with their VM. From the first deleted image on there is no way back. */
#include <string.h>

#include "manager/disks/disks_int.h"

void disk_remove_records(struct txn *t, const char *disk_id)
{
	struct inventory *inv = txn_core(t)->inv;

	INV_EACH_BY (a, inv, KIND_DISK_ATTACHMENT, IDX_DISK_ATTACHMENT_disk, disk_id)
		txn_remove(t, KIND_DISK_ATTACHMENT, a->id);
	txn_remove(t, KIND_DISK, disk_id);
}

static const char *text(const json_t *one, const char *key) { return json_string_value(json_object_get(one, key)); }

static const char *host_for(struct job *j, const json_t *one, struct err *e)
{
	job_set_text(j, "domain", text(one, "domain"));
	job_set_text(j, "dc", text(one, "dc"));
	return disk_job_spm(j, e);
}

static int delete_one(struct job *j, const json_t *one, struct err *e)
{
	const char *host = host_for(j, one, e);

	return host ? disk_job_delete_image(j, host, text(one, "id"), json_is_true(json_object_get(one, "wipe")), e)
	            : -1;
}

static int delete_now(struct job *j, struct err *e)
{
	const json_t *one;
	size_t i;

	json_array_foreach (json_object_get(job_data(j), "disks"), i, one)
		if (delete_one(j, one, e) < 0)
			return -1;
	return 0;
}

static int delete_step(struct job *j, struct err *e) { return storage_patiently(j, delete_now, e); }

/* Nothing comes back; but a disk whose volume is untouched is fine. */
static int look_undo(struct job *j, struct err *e)
{
	const json_t *one;
	size_t i;

	json_array_foreach (json_object_get(job_data(j), "disks"), i, one) {
		const char *host = host_for(j, one, e);
		auto_json *info = NULL;
		int found = host ? disk_job_volume(j, host, text(one, "id"), text(one, "volume"), &info, e) : -1;

		if (found < 0)
			return -1;
		json_object_set_new((json_t *)one, "is_whole",
		                    json_boolean(found && g_strcmp0(text(info, "legality"), "LEGAL") == 0));
	}
	return 0;
}

static struct event_refs removal_refs(struct job *j, const json_t *one)
{
	const char *user = job_text(j, "user");

	return (struct event_refs){ .user = *user ? user : NULL,
		                    .storage_domain = one ? text(one, "domain") : NULL,
		                    .correlation_id = job_correlation(j) };
}

static void remove_disks_ended(struct job *j, struct txn *t, bool ok, const struct err *e)
{
	const json_t *one;
	size_t i;

	json_array_foreach (json_object_get(job_data(j), "disks"), i, one) {
		const char *id = text(one, "id"), *name = text(one, "name");
		struct event_refs refs = removal_refs(j, one);

		if (ok) {
			disk_remove_records(t, id);
			txn_event(t, "USER_FINISHED_REMOVE_DISK", &refs,
			          "Disk %s was successfully removed from domain %s.", name, text(one, "domain_name"));
		} else { /* what may be half gone stays illegal; removing it again is allowed */
			struct m_disk *d =
			    json_is_true(json_object_get(one, "is_whole")) ? txn_edit(t, KIND_DISK, id) : NULL;
			if (d)
				d->status = M_DISK_STATUS_OK;
			txn_event(t, "USER_FINISHED_FAILED_REMOVE_DISK", &refs,
			          "Failed to remove disk %s from storage domain %s: %s", name, text(one, "domain_name"),
			          e->detail);
		}
	}
}

void disk_remove_vm_records(struct txn *t, const char *vm_id)
{
	struct inventory *inv = txn_core(t)->inv;

	INV_EACH_BY (n, inv, KIND_NIC, IDX_NIC_vm, vm_id)
		txn_remove(t, KIND_NIC, n->id);
	INV_EACH_BY (a, inv, KIND_DISK_ATTACHMENT, IDX_DISK_ATTACHMENT_vm, vm_id) {
		const char *disk_id = ENTITY_OBJ(a, disk_attachment)->disk.id;
		struct m_disk *d = txn_edit(t, KIND_DISK, disk_id);
		if (d && inv_count_by(inv, KIND_DISK_ATTACHMENT, IDX_DISK_ATTACHMENT_disk, disk_id) == 1)
			M_SET(d, is_attached, false);
		txn_remove(t, KIND_DISK_ATTACHMENT, a->id);
	}
	INV_EACH_BY (s, inv, KIND_SNAPSHOT, IDX_SNAPSHOT_vm, vm_id)
		txn_remove(t, KIND_SNAPSHOT, s->id);
	txn_remove(t, KIND_VM, vm_id);
}

static void remove_vm_ended(struct job *j, struct txn *t, bool ok, const struct err *e)
{
	struct event_refs refs = removal_refs(j, NULL);
	const char *vm_id = job_text(j, "vm");
	struct m_vm *vm;

	remove_disks_ended(j, t, ok, e);
	if (ok) {
		disk_remove_vm_records(t, vm_id);
		txn_event(t, "USER_REMOVE_VM_FINISHED", &refs, "VM %s was successfully removed.",
		          job_text(j, "vm_name"));
		return;
	}
	vm = txn_edit(t, KIND_VM, vm_id);
	if (vm && vm->status == M_VM_STATUS_IMAGE_LOCKED)
		vm->status = M_VM_STATUS_DOWN;
	refs.vm = vm_id;
	txn_event(t, "USER_FAILED_REMOVE_VM", &refs, "Failed to remove VM %s: %s", job_text(j, "vm_name"), e->detail);
}

static const struct job_step REMOVE_STEPS[] = {
	{ "delete-images", "Removing the images", delete_step, look_undo, true },
};
const struct command REMOVE_DISK = { "RemoveDisk", REMOVE_STEPS, G_N_ELEMENTS(REMOVE_STEPS), remove_disks_ended };
const struct command REMOVE_VM = { "RemoveVm", REMOVE_STEPS, G_N_ELEMENTS(REMOVE_STEPS), remove_vm_ended };

/* A disk for the job's data; illegal from now on. */
static json_t *doom(struct txn *t, const char *disk_id)
{
	struct core *c = txn_core(t);
	struct m_disk *d = txn_edit(t, KIND_DISK, disk_id);
	const struct m_storage_domain *sd;

	if (!d)
		return NULL;
	d->status = M_DISK_STATUS_ILLEGAL;
	sd = disk_domain(d) ? INV_LATEST(c->inv, STORAGE_DOMAIN, storage_domain, disk_domain(d)) : NULL;
	return json_pack("{s:s,s:s,s:s,s:s,s:s,s:s,s:b}", "id", d->id, "volume", d->volume_id ? d->volume_id : "",
	                 "name", d->name ? d->name : "", "domain", sd ? sd->id : "", "dc", disk_data_center(c, d),
	                 "domain_name", sd ? sd->name : "-", "wipe", M_GET(d, wipe_after_delete, false));
}

/* Only what is on an active domain can be deleted. */
static int check_domain(struct txn *t, const char *disk_id, struct err *e)
{
	const struct m_disk *d = txn_get(t, KIND_DISK, disk_id);

	if (d && disk_domain(d) && !storage_active(txn_core(t), disk_domain(d), e))
		return err_wrap(e, "Cannot remove Virtual Disk");
	return 0;
}

int disk_start_remove(struct call *c, struct txn *t, const char *const *disk_ids, const char *vm_id, char *job,
                      struct err *e)
{
	const struct m_vm *vm = vm_id ? txn_get(t, KIND_VM, vm_id) : NULL;
	const char *vm_name = vm ? pool_strdup(c->pool, vm->name) : "", *name = "";
	json_t *disks = json_array();
	unsigned n, k = 0;
	const char **locks;
	struct job_spec spec;

	for (n = 0; disk_ids[n]; n++)
		if (check_domain(t, disk_ids[n], e) < 0) {
			json_decref(disks);
			txn_cancel(t);
			return -1;
		}
	locks = POOL_ARRAY(c->pool, const char *, n + 2);
	for (unsigned i = 0; i < n; i++) {
		json_t *one = doom(t, disk_ids[i]);
		if (!one)
			continue;
		name = text(one, "name");
		json_array_append_new(disks, one);
		locks[k++] = pool_strdup(c->pool, disk_ids[i]);
	}
	if (vm_id)
		locks[k++] = pool_strdup(c->pool, vm_id);
	spec = (struct job_spec){
		.command = vm_id ? &REMOVE_VM : &REMOVE_DISK,
		.correlation_id = c->correlation_id,
		.owner_id = call_refs(c).user,
		.data = json_pack("{s:o,s:s,s:s,s:s}", "disks", disks, "user", c->who.user_id, "vm", vm_id ? vm_id : "",
		                  "vm_name", vm_name),
		.locks = locks,
		.objects = locks,
	};
	if (vm_id)
		return job_start(t, &spec, job, e, "Removing VM %s", vm_name);
	return job_start(t, &spec, job, e, "Removing Disk %s", pool_strdup(c->pool, name));
}
