/* SPDX-License-Identifier: Apache-2.0 */
/* Making volumes and layers, filling them with data, and removing them: steps of jobs. */
#include "manager/disks/volumes.h"

#include <string.h>

#include "manager/disks/disks_int.h"

enum { UNDO_PAUSE_MS = 15 * 1000 };

static const char *text(const json_t *one, const char *key)
{
	const char *s = json_string_value(json_object_get(one, key));
	return s ? s : "";
}

static json_t *list_of(struct job *j, const char *key) { return json_object_get(job_data(j), key); }

/* ---- plans ---- */

static const char *type_of(const struct m_disk *d)
{
	switch (d->content_type) {
	case M_DISK_CONTENT_TYPE_ISO: return "ISOF";
	case M_DISK_CONTENT_TYPE_OVF_STORE: return "OVFS";
	default: return "DATA";
	}
}

static json_t *place_of(struct core *c, const struct m_disk *d)
{
	return json_pack("{s:s,s:s,s:s,s:s}", "disk", d->id, "name", d->name ? d->name : d->id, "domain",
	                 STR_OR(disk_domain(d), ""), "dc", disk_data_center(c, d));
}

json_t *volume_plan(struct core *c, struct pool *p, const struct m_disk *d, const char *volume_id)
{
	json_t *plan = place_of(c, d);

	json_object_set_new(plan, "volume", json_string(volume_id));
	json_object_set_new(plan, "format", json_string(d->format == M_DISK_FORMAT_COW ? "COW" : "RAW"));
	json_object_set_new(plan, "sparse", json_boolean(M_GET(d, sparse, true)));
	json_object_set_new(plan, "size", json_integer(M_GET(d, provisioned_size, 0)));
	json_object_set_new(plan, "type", json_string(type_of(d)));
	json_object_set_new(plan, "desc", json_string(disk_description(p, d)));
	return plan;
}

void volume_plan_over(json_t *plan, const char *image, const char *parent)
{
	json_object_set_new(plan, "parent_image", json_string(image));
	json_object_set_new(plan, "parent", json_string(parent));
	json_object_set_new(plan, "format", json_string("COW"));
	json_object_set_new(plan, "sparse", json_true());
}

void volume_plan_copy(json_t *plan, const struct m_disk *src, const char *volume)
{
	json_object_set_new(plan, "from_domain", json_string(disk_domain(src)));
	json_object_set_new(plan, "from_image", json_string(src->id));
	json_object_set_new(plan, "from_volume", json_string(volume));
}

json_t *volume_doom(struct core *c, const struct m_disk *disk, const char *volume)
{
	json_t *one = place_of(c, disk);

	json_object_set_new(one, "volume", json_string(volume));
	return one;
}

json_t *volume_merge(struct core *c, const struct m_disk *disk, const char *base, const char *top)
{
	json_t *one = place_of(c, disk);

	json_object_set_new(one, "base", json_string(base));
	json_object_set_new(one, "top", json_string(top));
	return one;
}

/* ---- asking storage ---- */

/* The host that works on this one; what an earlier life began there has ended. */
static const char *host_for(struct job *j, const json_t *one, struct err *e)
{
	job_set_text(j, "domain", text(one, "domain"));
	job_set_text(j, "dc", text(one, "dc"));
	return disk_job_spm(j, e);
}

/* 1 there, 0 not. */
static int look(struct job *j, const char *host, const json_t *one, const char *key, json_t **info, struct err *e)
{
	return disk_job_volume(j, host, text(one, "disk"), text(one, key), info, e);
}

static bool is_word(const json_t *info, const char *key, const char *word)
{
	return strcmp(text(info, key), word) == 0;
}

static json_t *params_for(struct job *j, const json_t *one, const char *key)
{
	json_t *params = disk_job_place(j, text(one, "disk"));

	json_object_set_new(params, "volumeID", json_string(text(one, key)));
	return params;
}

/* Run fn for each of a list, with patience for hosts that come and go. */
struct each {
	const char *list;
	bool is_reversed;
	int (*fn)(struct job *j, json_t *one, struct err *e);
};

static int run_each(struct job *j, const struct each *w, struct err *e)
{
	json_t *list = list_of(j, w->list);
	size_t n = json_array_size(list);

	for (size_t i = 0; i < n; i++) {
		json_t *one = json_array_get(list, w->is_reversed ? n - 1 - i : i);

		if (w->fn(j, one, e) < 0)
			return err_wrap(e, "Disk %s", text(one, "name"));
	}
	return 0;
}

/* ---- make ---- */

static json_t *creation_params(struct job *j, const json_t *one)
{
	bool is_layer = *text(one, "parent"), is_copied = *text(one, "from_volume");
	json_t *params = params_for(j, one, "volume");
	char size[24];

	g_snprintf(size, sizeof(size), "%lld", (long long)json_integer_value(json_object_get(one, "size")));
	json_object_set_new(params, "size", json_string(size));
	json_object_set(params, "volFormat", json_object_get(one, "format"));
	json_object_set_new(params, "preallocate",
	                    json_string(json_is_true(json_object_get(one, "sparse")) ? "SPARSE" : "PREALLOCATED"));
	json_object_set(params, "diskType", json_object_get(one, "type"));
	json_object_set(params, "desc", json_object_get(one, "desc"));
	json_object_set_new(params, "srcImgUUID", json_string(is_layer ? text(one, "parent_image") : UUID_NIL));
	json_object_set_new(params, "srcVolUUID", json_string(is_layer ? text(one, "parent") : UUID_NIL));
	/* Nobody takes it for whole before it has its data. */
	json_object_set_new(params, "legal", json_boolean(!is_copied));
	return params;
}

static int create_one(struct job *j, json_t *one, struct err *e)
{
	const char *host = host_for(j, one, e);
	auto_json *info = NULL;
	int found = host ? look(j, host, one, "volume", &info, e) : -1;

	if (found == 0) {
		if (storage_run_task(j, host, "Volume.create", creation_params(j, one), e) < 0 &&
		    !disk_is_agent(e, AGENT_VOLUME_EXISTS))
			return -1;
		found = look(j, host, one, "volume", &info, e);
	}
	if (found <= 0)
		return found < 0 ? -1 : err_set(e, ERR_BACKEND, "The volume is not there although it was made.");
	json_object_set_new(one, "actual", json_integer(disk_info_number(info, "truesize")));
	return 0;
}

static int create_now(struct job *j, struct err *e)
{
	return run_each(j, &(struct each){ "volumes", false, create_one }, e);
}

int volumes_create(struct job *j, struct err *e) { return storage_patiently(j, create_now, e); }

static int delete_volume(struct job *j, const char *host, const json_t *one, struct err *e)
{
	json_t *params = params_for(j, one, "volume");

	json_object_set_new(params, "postZero", json_false());
	json_object_set_new(params, "force", json_false());
	if (storage_run_task(j, host, "Volume.delete", params, e) == 0 || disk_is_agent(e, AGENT_VOLUME_MISSING) ||
	    disk_is_agent(e, AGENT_IMAGE_MISSING))
		return 0;
	return -1;
}

static bool is_layer_of_own(const json_t *one)
{
	return *text(one, "parent") && strcmp(text(one, "parent_image"), text(one, "disk")) == 0;
}

static int delete_one(struct job *j, json_t *one, struct err *e)
{
	const char *host = host_for(j, one, e);
	auto_json *info = NULL;
	int found = host ? look(j, host, one, "volume", &info, e) : -1;

	return found > 0 ? delete_volume(j, host, one, e) : found;
}

/*
 * A layer that stays would be of no use to anybody, and nobody could remove it: as long as the disk is there, its storage is
 * waited for.
 */
static int drop_layer(struct job *j, json_t *one, struct err *e)
{
	char *id = pool_strdup(job_pool(j), text(one, "disk"));

	while (delete_one(j, one, e) < 0) {
		if (e->code == ERR_AGENT && !disk_is_agent(e, AGENT_NOT_SPM) && !disk_is_agent(e, AGENT_POOL_UNKNOWN) &&
		    !disk_is_agent(e, AGENT_RECOVERING))
			return -1;
		if (!disk_latest(job_core(j), id))
			return 0;
		fiber_sleep(UNDO_PAUSE_MS);
	}
	return 0;
}

static int uncreate_one(struct job *j, json_t *one, struct err *e)
{
	const char *host;

	if (is_layer_of_own(one))
		return drop_layer(j, one, e);
	host = host_for(j, one, e);
	return host ? disk_job_delete_image(j, host, text(one, "disk"), false, e) : -1;
}

int volumes_create_undo(struct job *j, struct err *e)
{
	return run_each(j, &(struct each){ "volumes", true, uncreate_one }, e);
}

static int delete_now(struct job *j, struct err *e)
{
	return run_each(j, &(struct each){ "doomed", false, delete_one }, e);
}

int volumes_delete(struct job *j, struct err *e) { return storage_patiently(j, delete_now, e); }

/* ---- copy ---- */

static json_t *endpoint(const char *domain, const char *image, const char *volume, int64_t generation)
{
	return json_pack("{s:s,s:s,s:s,s:s,s:I}", "endpoint_type", "div", "sd_id", domain, "img_id", image, "vol_id",
	                 volume, "generation", (json_int_t)generation);
}

static json_t *copy_params(const json_t *one, const json_t *info)
{
	return json_pack("{s:o,s:o}", "source",
	                 endpoint(text(one, "from_domain"), text(one, "from_image"), text(one, "from_volume"), 0),
	                 "destination",
	                 endpoint(text(one, "domain"), text(one, "disk"), text(one, "volume"),
	                          disk_info_number(info, "generation")));
}

static int copy_one(struct job *j, json_t *one, struct err *e)
{
	const char *host = *text(one, "from_volume") ? host_for(j, one, e) : "";
	auto_json *info = NULL, *after = NULL;

	if (!host || !*host)
		return host ? 0 : -1;
	if (look(j, host, one, "volume", &info, e) <= 0)
		return e->code ? -1 : err_set(e, ERR_CONFLICT, "The new volume is not there.");
	if (!is_word(info, "legality", "LEGAL") &&
	    host_job_run(j, host, "SDM.copy_data", "copy", text(one, "volume"), copy_params(one, info), e) < 0)
		return -1;
	if (look(j, host, one, "volume", &after, e) <= 0 || !is_word(after, "legality", "LEGAL"))
		return err_set(e, ERR_NETWORK, "The data was not copied to its end.");
	json_object_set_new(one, "actual", json_integer(disk_info_number(after, "truesize")));
	return 0;
}

static int copy_now(struct job *j, struct err *e)
{
	e->code = ERR_NONE;
	return run_each(j, &(struct each){ "volumes", false, copy_one }, e);
}

int volumes_copy(struct job *j, struct err *e) { return storage_patiently(j, copy_now, e); }

/* ---- share, seal ---- */

static int share_one(struct job *j, json_t *one, struct err *e)
{
	const char *host = host_for(j, one, e);
	auto_json *info = NULL;
	json_t *params;
	int found = host ? look(j, host, one, "volume", &info, e) : -1;

	if (found <= 0)
		return found < 0 ? -1 : err_set(e, ERR_CONFLICT, "The new volume is not there.");
	if (is_word(info, "voltype", "SHARED"))
		return 0;
	params = json_pack("{s:{s:s,s:s,s:s,s:I},s:{s:s}}", "vol_info", "sd_id", text(one, "domain"), "img_id",
	                   text(one, "disk"), "vol_id", text(one, "volume"), "generation",
	                   (json_int_t)disk_info_number(info, "generation"), "vol_attr", "type", "SHARED");
	return host_job_run(j, host, "SDM.update_volume", "share", text(one, "volume"), params, e);
}

static int share_now(struct job *j, struct err *e)
{
	return run_each(j, &(struct each){ "volumes", false, share_one }, e);
}

int volumes_share(struct job *j, struct err *e) { return storage_patiently(j, share_now, e); }

static int seal_now(struct job *j, struct err *e)
{
	json_t *list = list_of(j, "volumes"), *one, *images = json_array();
	const char *host = NULL;
	size_t i;

	json_array_foreach (list, i, one) {
		host = host_for(j, one, e);
		if (!host)
			break;
		json_array_append_new(images, json_pack("{s:s,s:s,s:s}", "sd_id", text(one, "domain"), "img_id",
		                                        text(one, "disk"), "vol_id", text(one, "volume")));
	}
	if (!host) {
		json_decref(images);
		return json_array_size(list) ? -1 : 0;
	}
	return host_job_run(
	    j, host, "VM.seal", "seal", job_text(j, "template"),
	    json_pack("{s:s,s:s,s:o}", "vmID", job_text(j, "template"), "sp_id", job_text(j, "dc"), "images", images),
	    e);
}

int volumes_seal(struct job *j, struct err *e)
{
	return json_is_true(json_object_get(job_data(j), "seal")) ? storage_patiently(j, seal_now, e) : 0;
}

/* ---- merge ---- */

static json_t *subchain(const json_t *one)
{
	return json_pack("{s:s,s:s,s:s,s:s,s:I}", "sd_id", text(one, "domain"), "img_id", text(one, "disk"), "base_id",
	                 text(one, "base"), "top_id", text(one, "top"), "base_generation",
	                 (json_int_t)json_integer_value(json_object_get(one, "generation")));
}

static int merge_task(struct job *j, const char *host, const char *method, const json_t *one, struct err *e)
{
	return storage_run_task(j, host, method,
	                        json_pack("{s:s,s:o}", "storagepoolID", text(one, "dc"), "subchainInfo", subchain(one)),
	                        e);
}

static int prepare_one(struct job *j, json_t *one, struct err *e)
{
	const char *host = host_for(j, one, e);
	auto_json *info = NULL;
	int found = host ? look(j, host, one, "base", &info, e) : -1;

	if (found <= 0)
		return found < 0 ? -1 : err_set(e, ERR_CONFLICT, "The volume of the snapshot is not there.");
	json_object_set_new(one, "generation", json_integer(disk_info_number(info, "generation")));
	return merge_task(j, host, "StoragePool.prepareMerge", one, e);
}

static int prepare_now(struct job *j, struct err *e)
{
	return run_each(j, &(struct each){ "merges", false, prepare_one }, e);
}

int volumes_merge_prepare(struct job *j, struct err *e) { return storage_patiently(j, prepare_now, e); }

static int merge_one(struct job *j, json_t *one, struct err *e)
{
	const char *host = host_for(j, one, e);
	auto_json *info = NULL;
	int found = host ? look(j, host, one, "base", &info, e) : -1;
	json_t *params;

	if (found <= 0)
		return found < 0 ? -1 : err_set(e, ERR_CONFLICT, "The volume of the snapshot is not there.");
	if (disk_info_number(info, "generation") != json_integer_value(json_object_get(one, "generation")))
		return 0; /* the data went down in an earlier try */
	params = json_pack("{s:o,s:b}", "subchain_info", subchain(one), "merge_bitmaps", 0);
	return host_job_run(j, host, "SDM.merge", "merge", text(one, "top"), params, e);
}

static int merge_now(struct job *j, struct err *e)
{
	return run_each(j, &(struct each){ "merges", false, merge_one }, e);
}

int volumes_merge(struct job *j, struct err *e) { return storage_patiently(j, merge_now, e); }

/* The upper volume is cut out of the chain, and goes. */
static int finish_one(struct job *j, json_t *one, struct err *e)
{
	const char *host = host_for(j, one, e);
	auto_json *info = NULL, *doomed = NULL;
	int found = host ? look(j, host, one, "top", &info, e) : -1;

	if (found < 0 || (found && merge_task(j, host, "StoragePool.finalizeMerge", one, e) < 0))
		return -1;
	if (found) {
		doomed = json_copy(one);
		json_object_set(doomed, "volume", json_object_get(one, "top"));
		if (delete_volume(j, host, doomed, e) < 0)
			return -1;
	}
	json_decref(info);
	info = NULL;
	if (look(j, host, one, "base", &info, e) > 0)
		json_object_set_new(one, "actual", json_integer(disk_info_number(info, "truesize")));
	return 0;
}

static int finish_now(struct job *j, struct err *e)
{
	return run_each(j, &(struct each){ "merges", false, finish_one }, e);
}

int volumes_merge_finish(struct job *j, struct err *e) { return storage_patiently(j, finish_now, e); }

/* ---- records ---- */

void volumes_take(struct job *j, struct txn *t)
{
	json_t *one;
	size_t i;

	json_array_foreach (list_of(j, "volumes"), i, one) {
		struct m_disk *d = txn_edit(t, KIND_DISK, text(one, "disk"));
		int64_t actual = json_integer_value(json_object_get(one, "actual"));

		if (!d)
			continue;
		M_SET(d, total_size, (is_layer_of_own(one) ? M_GET(d, total_size, 0) : 0) + actual);
		M_SET(d, actual_size, actual);
		d->volume_id = d->image_id = pool_strdup(txn_pool(t), text(one, "volume"));
		d->format = is_word(one, "format", "COW") ? M_DISK_FORMAT_COW : M_DISK_FORMAT_RAW;
		d->qcow_version = d->format == M_DISK_FORMAT_COW ? M_QCOW_VERSION_QCOW2_V3 : 0;
		M_SET(d, sparse, json_is_true(json_object_get(one, "sparse")));
	}
}

void volumes_set_status(struct job *j, struct txn *t, enum m_disk_status status)
{
	json_t *one;
	size_t i;

	json_array_foreach (list_of(j, "volumes"), i, one) {
		struct m_disk *d = txn_edit(t, KIND_DISK, text(one, "disk"));

		if (d)
			d->status = status;
	}
}
