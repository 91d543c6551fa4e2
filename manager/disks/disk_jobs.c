/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Jobs on disks. The ids of image and volume are the Manager's, so whether a step was done is a question to storage: is the
 * volume there, is the image gone, how large is it.
 */
#include <string.h>

#include "base/log.h"
#include "manager/disks/disks_int.h"

static struct event_refs refs_of(struct job *j)
{
	const char *user = job_text(j, "user"), *vm = job_text(j, "vm");
	return (struct event_refs){ .user = *user ? user : NULL,
		                    .vm = *vm ? vm : NULL,
		                    .storage_domain = job_text(j, "domain"),
		                    .correlation_id = job_correlation(j) };
}

static int look(struct job *j, const char *host, json_t **info, struct err *e)
{
	return disk_job_volume(j, host, job_text(j, "disk"), job_text(j, "volume"), info, e);
}

static struct m_disk *edit_disk(struct job *j, struct txn *t) { return txn_edit(t, KIND_DISK, job_text(j, "disk")); }

static void take_sizes(struct m_disk *d, const json_t *info)
{
	if (!d)
		return;
	if (disk_info_number(info, "capacity") > 0)
		M_SET(d, provisioned_size, disk_info_number(info, "capacity"));
	M_SET(d, actual_size, disk_info_number(info, "truesize"));
	M_SET(d, total_size, disk_info_number(info, "truesize"));
}

/* ---- add ---- */

static const char *disk_type(const struct m_disk *d)
{
	switch (d->content_type) {
	case M_DISK_CONTENT_TYPE_OVF_STORE: return "OVFS";
	case M_DISK_CONTENT_TYPE_MEMORY_DUMP_VOLUME: return "MEMD";
	case M_DISK_CONTENT_TYPE_MEMORY_METADATA_VOLUME: return "MEMM";
	case M_DISK_CONTENT_TYPE_ISO: return "ISOF";
	case M_DISK_CONTENT_TYPE_HOSTED_ENGINE: return "HEVD";
	case M_DISK_CONTENT_TYPE_HOSTED_ENGINE_SANLOCK: return "HESD";
	case M_DISK_CONTENT_TYPE_HOSTED_ENGINE_METADATA: return "HEMD";
	case M_DISK_CONTENT_TYPE_HOSTED_ENGINE_CONFIGURATION: return "HECI";
	case M_DISK_CONTENT_TYPE_BACKUP_SCRATCH: return "SCRD";
	default: return "DATA";
	}
}

static json_t *creation_params(struct job *j, const struct m_disk *d)
{
	char size[24], initial[24];
	json_t *params = disk_job_place(j, d->id);

	g_snprintf(size, sizeof(size), "%" G_GINT64_FORMAT, d->provisioned_size);
	json_object_set_new(params, "volumeID", json_string(d->volume_id));
	json_object_set_new(params, "size", json_string(size));
	json_object_set_new(params, "volFormat", json_string(d->format == M_DISK_FORMAT_COW ? "COW" : "RAW"));
	json_object_set_new(params, "preallocate", json_string(d->sparse ? "SPARSE" : "PREALLOCATED"));
	json_object_set_new(params, "diskType", json_string(disk_type(d)));
	json_object_set_new(params, "desc", json_string(disk_description(job_pool(j), d)));
	json_object_set_new(params, "srcImgUUID", json_string(UUID_NIL));
	json_object_set_new(params, "srcVolUUID", json_string(UUID_NIL));
	if (d->has.initial_size) {
		g_snprintf(initial, sizeof(initial), "%" G_GINT64_FORMAT, d->initial_size);
		json_object_set_new(params, "initialSize", json_string(initial));
	}
	return params;
}

/* Look, make, look again: the last look tells the sizes. */
static int create_now(struct job *j, struct err *e)
{
	const char *host = disk_job_spm(j, e);
	auto_json *info = NULL;
	const struct m_disk *d;
	int found;

	if (!host)
		return -1;
	found = look(j, host, &info, e);
	if (found == 0) {
		d = disk_latest(job_core(j), job_text(j, "disk"));
		if (!d)
			return err_set(e, ERR_CONFLICT, "The disk was removed.");
		if (storage_run_task(j, host, "Volume.create", creation_params(j, d), e) < 0 &&
		    !disk_is_agent(e, AGENT_VOLUME_EXISTS))
			return -1;
		found = look(j, host, &info, e);
	}
	if (found <= 0)
		return found < 0 ? -1 : err_set(e, ERR_BACKEND, "The volume is not there although it was made.");
	take_sizes(edit_disk(j, job_txn(j)), info);
	return 0;
}

static int create_step(struct job *j, struct err *e) { return storage_patiently(j, create_now, e); }

static int delete_now(struct job *j, bool post_zero, struct err *e)
{
	const char *host = disk_job_spm(j, e);

	return host ? disk_job_delete_image(j, host, job_text(j, "disk"), post_zero, e) : -1;
}

static int create_undo(struct job *j, struct err *e) { return delete_now(j, false, e); }

/* The job's data names one disk at a time. */
static int name_disk(struct job *j, const char *disk_id, struct err *e)
{
	const struct m_disk *d = disk_latest(job_core(j), disk_id);

	if (!d)
		return err_set(e, ERR_CONFLICT, "The disk was removed.");
	job_set_text(j, "disk", d->id);
	job_set_text(j, "volume", d->volume_id ? d->volume_id : "");
	job_set_text(j, "domain", disk_domain(d) ? disk_domain(d) : "");
	job_set_text(j, "dc", disk_data_center(job_core(j), d));
	return 0;
}

int disk_job_create(struct job *j, const char *disk_id, struct err *e)
{
	return name_disk(j, disk_id, e) < 0 ? -1 : create_step(j, e);
}

int disk_job_uncreate(struct job *j, const char *disk_id, struct err *e)
{
	const struct m_disk *d = disk_latest(job_core(j), disk_id);
	bool post_zero = d && M_GET(d, wipe_after_delete, false);

	return name_disk(j, disk_id, e) < 0 ? -1 : delete_now(j, post_zero, e);
}

static void add_ended(struct job *j, struct txn *t, bool ok, const struct err *e)
{
	struct event_refs refs = refs_of(j);
	bool has_vm = refs.vm != NULL;
	struct m_disk *d = edit_disk(j, t);

	if (ok) {
		if (d)
			d->status = M_DISK_STATUS_OK;
		txn_event(t, has_vm ? "USER_ADD_DISK_TO_VM_FINISHED_SUCCESS" : "USER_ADD_DISK_FINISHED_SUCCESS", &refs,
		          "The disk '%s' was "
		          "successfully added%s%s.",
		          job_text(j, "name"), has_vm ? " to VM " : "", job_text(j, "vm_name"));
		return;
	}
	if (d &&
	    job_has_left(j, "create-volume")) /* the volume may be there: somebody has to remove the disk once more */
		d->status = M_DISK_STATUS_ILLEGAL;
	else
		disk_remove_records(t, job_text(j, "disk"));
	txn_event(t, has_vm ? "USER_ADD_DISK_TO_VM_FINISHED_FAILURE" : "USER_ADD_DISK_FINISHED_FAILURE", &refs,
	          "Add-Disk operation of '%s' failed to complete: %s", job_text(j, "name"), e->detail);
}

static const struct job_step ADD_STEPS[] = {
	{ "create-volume", "Creating the volume", create_step, create_undo, false },
};
const struct command ADD_DISK = { "AddDisk", ADD_STEPS, G_N_ELEMENTS(ADD_STEPS), add_ended };

const char *disk_data_center(struct core *c, const struct m_disk *d)
{
	const char *sd_id = disk_domain(d);
	const struct m_storage_domain *sd = sd_id ? INV_LATEST(c->inv, STORAGE_DOMAIN, storage_domain, sd_id) : NULL;

	return sd && sd->data_center.id ? sd->data_center.id : "";
}

static json_t *disk_data(struct call *c, const struct m_disk *d, const char *vm_id, const char *vm_name)
{
	return json_pack("{s:s,s:s,s:s,s:s,s:s,s:s,s:s,s:s}", "disk", d->id, "volume", d->volume_id ? d->volume_id : "",
	                 "name", d->name ? d->name : "", "domain", disk_domain(d) ? disk_domain(d) : "", "dc",
	                 disk_data_center(c->core, d), "user", c->who.user_id, "vm", vm_id ? vm_id : "", "vm_name",
	                 vm_name ? vm_name : "");
}

int disk_start_create(struct call *c, struct txn *t, const struct m_disk *disk, const char *attach_vm, char *job,
                      struct err *e)
{
	const struct m_vm *vm = attach_vm ? txn_get(t, KIND_VM, attach_vm) : NULL;
	const char *vm_name = vm ? vm->name : NULL, *name = disk->name ? disk->name : disk->id;
	struct event_refs refs = call_refs(c);
	struct job_spec spec = {
		.command = &ADD_DISK,
		.correlation_id = c->correlation_id,
		.owner_id = refs.user,
		.data = disk_data(c, disk, attach_vm, vm_name),
		.locks = (const char *const[]){ disk->id, NULL },
		.objects = (const char *const[]){ disk->id, attach_vm, NULL },
	};

	refs.vm = attach_vm;
	refs.storage_domain = disk_domain(disk);
	txn_event(t, attach_vm ? "USER_ADD_DISK_TO_VM" : "USER_ADD_DISK", &refs,
	          "Add-Disk operation of '%s'%s%s was initiated.", name, vm_name ? " on VM " : "",
	          vm_name ? vm_name : "");
	if (vm_name)
		return job_start(t, &spec, job, e, "Adding Disk %s to VM %s", name, vm_name);
	return job_start(t, &spec, job, e, "Adding Disk %s", name);
}

/* ---- grow ---- */

static int extend_now(struct job *j, struct err *e)
{
	const char *host = disk_job_spm(j, e);
	int64_t size = job_int(j, "size");
	auto_json *info = NULL;
	char text[24];
	int found;

	if (!host)
		return -1;
	found = look(j, host, &info, e);
	if (found <= 0)
		return found < 0 ? -1 : err_set(e, ERR_CONFLICT, "The volume of the disk is not there.");
	if (disk_info_number(info, "capacity") < size) {
		json_t *params = disk_job_place(j, job_text(j, "disk"));

		g_snprintf(text, sizeof(text), "%" G_GINT64_FORMAT, size);
		json_object_set_new(params, "volumeID", json_string(job_text(j, "volume")));
		json_object_set_new(params, "newSize", json_string(text));
		if (storage_run_task(j, host, "Volume.extendSize", params, e) < 0)
			return -1;
		json_decref(info);
		info = NULL;
		found = look(j, host, &info, e);
		if (found <= 0)
			return found < 0 ? -1 : err_set(e, ERR_BACKEND, "The volume of the disk went away.");
	}
	take_sizes(edit_disk(j, job_txn(j)), info);
	return 0;
}

static int extend_step(struct job *j, struct err *e) { return storage_patiently(j, extend_now, e); }

/* Volumes do not shrink: what was reached is what is recorded. */
static int extend_undo(struct job *j, struct err *e)
{
	const char *host = disk_job_spm(j, e);
	auto_json *info = NULL;
	int found;

	if (!host)
		return -1;
	found = look(j, host, &info, e);
	if (found < 0)
		return -1;
	if (found)
		take_sizes(edit_disk(j, job_txn(j)), info);
	return 0;
}

static void extend_ended(struct job *j, struct txn *t, bool ok, const struct err *e)
{
	struct event_refs refs = refs_of(j);
	struct m_disk *d = edit_disk(j, t);

	if (d)
		d->status = M_DISK_STATUS_OK;
	if (ok)
		txn_event(t, "USER_EXTEND_DISK_SIZE_SUCCESS", &refs,
		          "Size of the disk '%s' was successfully updated to %lld GB.", job_text(j, "name"),
		          (long long)(job_int(j, "size") >> 30));
	else
		txn_event(t, "USER_EXTEND_DISK_SIZE_FAILURE", &refs,
		          "Failed to extend size of the disk '%s' to %lld GB: %s", job_text(j, "name"),
		          (long long)(job_int(j, "size") >> 30), e->detail);
}

static const struct job_step EXTEND_STEPS[] = {
	{ "extend-volume", "Extending the volume", extend_step, extend_undo, false },
};
const struct command EXTEND_DISK = { "ExtendDisk", EXTEND_STEPS, G_N_ELEMENTS(EXTEND_STEPS), extend_ended };

int disk_start_extend(struct call *c, struct txn *t, struct m_disk *draft, int64_t size, char *job, struct err *e)
{
	json_t *data = disk_data(c, draft, NULL, NULL);
	struct job_spec spec = {
		.command = &EXTEND_DISK,
		.correlation_id = c->correlation_id,
		.owner_id = call_refs(c).user,
		.data = data,
		.locks = (const char *const[]){ draft->id, NULL },
		.objects = (const char *const[]){ draft->id, NULL },
	};

	json_object_set_new(data, "size", json_integer(size));
	draft->status = M_DISK_STATUS_LOCKED;
	return job_start(t, &spec, job, e, "Extending Disk %s", draft->name ? draft->name : draft->id);
}
