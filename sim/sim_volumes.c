/* SPDX-License-Identifier: Apache-2.0 */
/* Volumes, images, and the tasks of the SPM that change them. */
#include <string.h>

#include "sim/sim_host.h"

void sim_volume_free(void *p)
{
	struct sim_volume *v = p;

	g_free(v->format);
	g_free(v->preallocate);
	g_free(v->description);
	g_free(v);
}

void sim_task_free(void *p)
{
	struct sim_task *t = p;

	g_free(t->verb);
	g_free(t->message);
	json_decref(t->params);
	g_free(t);
}

static char *volume_key(const char *img, const char *vol) { return g_strconcat(img, "/", vol, NULL); }

struct sim_volume *sim_volume_find(struct sim_sd *sd, const char *img, const char *vol)
{
	g_autofree char *key = volume_key(img, vol);
	return g_hash_table_lookup(sd->volumes, key);
}

static struct sim_volume *first_of_image(struct sim_sd *sd, const char *img)
{
	GHashTableIter it;
	struct sim_volume *v;

	g_hash_table_iter_init(&it, sd->volumes);
	while (g_hash_table_iter_next(&it, NULL, (void **)&v))
		if (strcmp(v->img, img) == 0)
			return v;
	return NULL;
}

/* ---- who has what open ---- */

int sim_volumes_open(struct sim_vm *vm, int first, struct err *e)
{
	struct sim *s = vm->host->sim;

	for (int i = first; i < vm->n_disks; i++) {
		struct sim_vm_disk *d = &vm->disks[i];
		struct sim_sd *sd = sim_sd_find(vm->host, d->sd, e);
		struct sim_volume *v = sd ? sim_volume_find(sd, d->img, d->vol) : NULL;

		if (!v) {
			sim_volumes_close(vm, first);
			sim_refuse(e, 201, "Volume does not exist: %s", d->vol);
			return -1;
		}
		if (!sim_volume_is_whole(sd, v))
			sim_fail(s, "vm %s opens volume %s, which stands on what is not there", vm->id, v->vol);
		if (d->is_readonly)
			continue;
		if (sim_volume_children(sd, v))
			sim_fail(s, "vm %s writes to volume %s, on which others stand", vm->id, v->vol);
		sim_volume_write(s, v);
		if (v->writer_host && (v->writer_host != vm->host || strcmp(v->writer_vm, vm->id) != 0))
			sim_fail(s, "volume %s is written by two: vm %s on %s and vm %s on %s", v->vol, v->writer_vm,
			         v->writer_host->address, vm->id, vm->host->address);
		v->writer_host = vm->host;
		g_strlcpy(v->writer_vm, vm->id, sizeof(v->writer_vm));
	}
	return 0;
}

void sim_volumes_close(struct sim_vm *vm, int first)
{
	for (int i = first; i < vm->n_disks; i++) {
		struct sim_vm_disk *d = &vm->disks[i];
		struct sim_sd *sd = g_hash_table_lookup(vm->host->sim->storage->domains, d->sd);
		struct sim_volume *v = sd ? sim_volume_find(sd, d->img, d->vol) : NULL;

		if (v && v->writer_host == vm->host && strcmp(v->writer_vm, vm->id) == 0)
			v->writer_host = NULL;
	}
}

/* ---- what tasks do ---- */

/* The volume below must be there, and another image's be a template's. */
static int check_parent(struct sim_task *t, struct sim_sd *sd, const char *img, const char *vol, struct err *e)
{
	struct sim_volume *p = sim_volume_find(sd, strcmp(img, UUID_NIL) == 0 ? t->img : img, vol);

	if (!p || !p->is_legal) {
		sim_refuse(e, p ? 226 : 201, "Volume does not exist, or is illegal: %s", vol);
		return -1;
	}
	if (strcmp(p->img, t->img) != 0 && !p->is_shared) {
		sim_refuse(e, 214, "Volume %s of another image is no template", vol);
		return -1;
	}
	if (p->size > sim_int(t->params, "size")) {
		sim_refuse(e, 229, "Volume size is below that of its parent");
		return -1;
	}
	return 0;
}

static int create_volume(struct sim_task *t, struct sim_sd *sd, struct err *e)
{
	const char *src_img = sim_text(t->params, "srcImgUUID"), *src_vol = sim_text(t->params, "srcVolUUID");
	bool has_parent = strcmp(src_vol, UUID_NIL) != 0;
	struct sim_volume *v;

	if (has_parent && check_parent(t, sd, src_img, src_vol, e) < 0)
		return -1;

	if (sim_volume_find(sd, t->img, t->vol)) {
		sim_refuse(e, 205, "Volume already exists: %s", t->vol);
		return -1;
	}
	v = g_new0(struct sim_volume, 1);
	g_strlcpy(v->sd, sd->id, sizeof(v->sd));
	g_strlcpy(v->img, t->img, sizeof(v->img));
	g_strlcpy(v->vol, t->vol, sizeof(v->vol));
	v->size = sim_int(t->params, "size");
	v->format = g_strdup(sim_text(t->params, "volFormat"));
	v->preallocate = g_strdup(sim_text(t->params, "preallocate"));
	v->description = g_strdup(sim_text(t->params, "desc"));
	v->is_legal = !json_object_get(t->params, "legal") || sim_bool(t->params, "legal");
	if (has_parent) {
		g_strlcpy(v->parent, src_vol, sizeof(v->parent));
		g_strlcpy(v->parent_img, strcmp(src_img, UUID_NIL) == 0 ? t->img : src_img, sizeof(v->parent_img));
	} else if (v->is_legal) {
		sim_volume_write(t->sim, v);
	}
	g_hash_table_insert(sd->volumes, volume_key(v->img, v->vol), v);
	return 0;
}

static int remove_volume(struct sim_task *t, struct sim_sd *sd, struct sim_volume *v)
{
	g_autofree char *key = volume_key(v->img, v->vol);

	if (v->writer_host)
		sim_fail(t->sim, "volume %s is removed while vm %s writes it on %s", v->vol, v->writer_vm,
		         v->writer_host->address);
	return g_hash_table_remove(sd->volumes, key) ? 0 : -1;
}

/* Does another image stand on it? */
static bool is_image_used(struct sim_sd *sd, const char *img)
{
	GHashTableIter it;
	struct sim_volume *v;

	g_hash_table_iter_init(&it, sd->volumes);
	while (g_hash_table_iter_next(&it, NULL, (void **)&v))
		if (v->parent[0] && strcmp(v->parent_img, img) == 0 && strcmp(v->img, img) != 0)
			return true;
	return false;
}

static int delete_image(struct sim_task *t, struct sim_sd *sd, struct err *e)
{
	struct sim_volume *v;

	if (!first_of_image(sd, t->img)) {
		sim_refuse(e, 268, "Image does not exist in domain: %s", t->img);
		return -1;
	}
	if (is_image_used(sd, t->img)) {
		sim_refuse(e, 223, "Cannot delete shared image %s: others use it", t->img);
		return -1;
	}
	while ((v = first_of_image(sd, t->img)))
		remove_volume(t, sd, v);
	return 0;
}

static int change_volume(struct sim_task *t, struct sim_sd *sd, struct err *e)
{
	struct sim_volume *v = sim_volume_find(sd, t->img, t->vol);

	if (!v) {
		sim_refuse(e, 201, "Volume does not exist: %s", t->vol);
		return -1;
	}
	if (strcmp(t->verb, "Volume.delete") == 0 && (v->is_shared || sim_volume_children(sd, v))) {
		sim_refuse(e, v->is_shared ? 223 : 204, "Volume %s has children or is shared", v->vol);
		return -1;
	}
	if (strcmp(t->verb, "Volume.delete") == 0)
		return remove_volume(t, sd, v);
	v->size = MAX(v->size, sim_int(t->params, "newSize"));
	return 0;
}

static int become_spm(struct sim_task *t, struct err *e)
{
	struct sim_pool *p = sim_pool_find(t->host, t->pool, e);
	struct sim_sd *master = p ? sim_sd_find(t->host, p->master, e) : NULL;

	if (p)
		p->is_contending = false;
	if (!master)
		return -1;
	if (master->lease && master->lease != t->host) {
		sim_refuse(e, 651, "Cannot acquire the lease of domain %s", master->id);
		return -1;
	}
	master->lease = t->host;
	master->spm_id = p->host_id;
	p->lver = ++master->lver;
	p->is_spm = true;
	sim_tasks_recover(t->host, master);
	return 0;
}

static int work(struct sim_task *t, struct err *e)
{
	struct sim_sd *sd;

	if (strcmp(t->verb, "StoragePool.spmStart") == 0)
		return become_spm(t, e);
	sd = sim_sd_find(t->host, t->sd, e);
	if (!sd)
		return -1;
	if (sim_happens(t->sim, t->sim->faults.fail_task)) {
		sim_refuse(e, 205, "Error creating or changing a volume");
		return -1;
	}
	if (strstr(t->verb, "Merge"))
		return sim_merge_work(t, sd, e);
	if (strcmp(t->verb, "Volume.create") == 0)
		return create_volume(t, sd, e);
	return strcmp(t->verb, "Image.delete") == 0 ? delete_image(t, sd, e) : change_volume(t, sd, e);
}

static void end_task(struct sim_task *t, const char *outcome, int code, const char *message)
{
	t->is_finished = true;
	t->outcome = outcome;
	t->code = code;
	g_free(t->message);
	t->message = g_strdup(message);
	sim_tell(t->sim, "%s: task %s %s: %s", t->host ? t->host->address : "-", t->id, t->verb,
	         code ? message : outcome);
}

void sim_task_work(struct sim_task *t)
{
	struct err e = ERR_INIT;

	if (work(t, &e) == 0)
		end_task(t, "success", 0, "1 jobs completed successfully");
	else
		end_task(t, "cleanSuccess", e.agent_code, e.detail);
}

/* ---- tasks ---- */

static struct sim_sd *master_of(struct sim_host *h, const char *pool)
{
	struct sim_pool *p = g_hash_table_lookup(h->pools, pool);
	return p ? g_hash_table_lookup(h->sim->storage->domains, p->master) : NULL;
}

static struct sim_task *task_copy(const struct sim_task *t)
{
	struct sim_task *copy = g_memdup2(t, sizeof(*t));

	copy->verb = g_strdup(t->verb);
	copy->message = g_strdup(t->message);
	copy->params = json_incref(t->params);
	return copy;
}

/* What is written down on the master follows what the agent knows. */
static void write_down(struct sim_host *h, const struct sim_task *t)
{
	struct sim_sd *master = t->is_persisted ? master_of(h, t->pool) : NULL;
	struct sim_task *copy;

	if (!master)
		return;
	copy = task_copy(t);
	g_hash_table_replace(master->tasks, copy->id, copy);
}

static void task_due(struct sim *s, void *arg)
{
	g_autofree char *id = arg;
	struct sim_task *t = g_hash_table_lookup(s->storage->tasks, id);

	if (!t || t->is_finished)
		return;
	sim_task_work(t);
	write_down(t->host, t);
}

json_t *sim_task_begin(struct sim_host *h, const char *verb, const char *pool, json_t *params, bool is_persisted)
{
	struct sim_task *t = g_new0(struct sim_task, 1);
	int64_t takes = sim_between(h->sim, 100, 20 * SIM_SECOND);

	t->sim = h->sim;
	t->host = h;
	uuid_make(h->sim->chance, t->id);
	t->verb = g_strdup(verb);
	t->params = json_incref(params);
	t->outcome = "";
	t->message = g_strdup("");
	t->is_persisted = is_persisted;
	g_strlcpy(t->pool, pool, sizeof(t->pool));
	g_strlcpy(t->sd, sim_text(params, "storagedomainID"), sizeof(t->sd));
	g_strlcpy(t->img, sim_text(params, "imageID"), sizeof(t->img));
	g_strlcpy(t->vol, sim_text(params, "volumeID"), sizeof(t->vol));
	g_hash_table_insert(h->sim->storage->tasks, t->id, t);
	write_down(h, t);
	if (sim_happens(h->sim, h->sim->faults.slow_call))
		takes += sim_between(h->sim, 0, 5 * SIM_MINUTE);
	sim_after(h->sim, takes, task_due, g_strdup(t->id), g_free, &h->agent_life);
	return json_string(t->id);
}

/* An unfinished task is undone, unless it had come to its end; a deletion is always done again. */
static void recover_one(struct sim_task *t)
{
	bool is_deletion = strstr(t->verb, "delete") != NULL;

	if (sim_happens(t->sim, 500000) || is_deletion)
		sim_task_work(t);
	else
		end_task(t, "cleanSuccess", 411, "Task aborted: the agent or its worker stopped while it ran");
}

void sim_tasks_recover(struct sim_host *h, struct sim_sd *master)
{
	g_autoptr(GList) all = g_list_sort(g_hash_table_get_values(master->tasks), (GCompareFunc)strcmp);

	for (GList *l = all; l; l = l->next) {
		struct sim_task *t = task_copy(l->data);

		t->host = h;
		if (!t->is_finished)
			recover_one(t);
		g_hash_table_replace(h->sim->storage->tasks, t->id, t);
		write_down(h, t);
	}
}

static struct sim_task *task_of(struct sim_host *h, json_t *params, struct err *e)
{
	struct sim_task *t = g_hash_table_lookup(h->sim->storage->tasks, sim_text(params, "taskID"));

	if (!t || t->host != h) {
		sim_refuse(e, 401, "Task id unknown: %s", sim_text(params, "taskID"));
		return NULL;
	}
	return t;
}

static json_t *task_json(const struct sim_task *t)
{
	return json_pack("{s:s,s:s,s:s,s:i,s:s}", "taskID", t->id, "taskState", t->is_finished ? "finished" : "running",
	                 "taskResult", t->outcome, "code", t->code, "message", t->message);
}

static json_t *task_status(struct sim_host *h, json_t *params, struct err *e)
{
	struct sim_task *t = task_of(h, params, e);
	return t ? task_json(t) : NULL;
}

static json_t *task_stop(struct sim_host *h, json_t *params, struct err *e)
{
	struct sim_task *t = task_of(h, params, e);

	if (!t)
		return NULL;
	if (!t->is_finished) {
		recover_one(t);
		write_down(h, t);
	}
	return json_true();
}

static json_t *task_clear(struct sim_host *h, json_t *params, struct err *e)
{
	struct sim_task *t = task_of(h, params, e);
	struct sim_sd *master;

	if (!t)
		return NULL;
	if (!t->is_finished)
		return sim_refuse(e, 403, "Task %s is not finished", t->id);
	master = master_of(h, t->pool);
	if (t->is_persisted && master)
		g_hash_table_remove(master->tasks, t->id);
	g_hash_table_remove(h->sim->storage->tasks, t->id);
	return json_true();
}

static json_t *all_tasks(struct sim_host *h, json_t *params, struct err *e)
{
	json_t *out = json_object();
	GHashTableIter it;
	struct sim_task *t;

	g_hash_table_iter_init(&it, h->sim->storage->tasks);
	while (g_hash_table_iter_next(&it, NULL, (void **)&t))
		if (t->host == h)
			json_object_set_new(out, t->id, task_json(t));
	return out;
}

static json_t *all_infos(struct sim_host *h, json_t *params, struct err *e)
{
	json_t *out = json_object();
	GHashTableIter it;
	struct sim_task *t;

	g_hash_table_iter_init(&it, h->sim->storage->tasks);
	while (g_hash_table_iter_next(&it, NULL, (void **)&t))
		if (t->host == h)
			json_object_set_new(out, t->id, json_pack("{s:s,s:s}", "id", t->id, "verb", t->verb));
	return out;
}

/* ---- verbs on volumes ---- */

static struct sim_sd *target(struct sim_host *h, json_t *params, struct err *e)
{
	struct sim_pool *p = sim_pool_spm(h, sim_text(params, "storagepoolID"), e);
	struct sim_sd *sd = p ? sim_sd_find(h, sim_text(params, "storagedomainID"), e) : NULL;
	const char *state;

	if (!sd)
		return NULL;
	state = json_string_value(json_object_get(p->domains, sd->id));
	if (!state || strcmp(state, "Active") != 0) {
		sim_refuse(e, state ? 369 : 353, "Storage domain %s is not active in the pool", sd->id);
		return NULL;
	}
	return sd;
}

static json_t *volume_create(struct sim_host *h, json_t *params, struct err *e)
{
	const char *format = sim_text(params, "volFormat"), *alloc = sim_text(params, "preallocate");

	if ((strcmp(format, "RAW") != 0 && strcmp(format, "COW") != 0) ||
	    (strcmp(alloc, "SPARSE") != 0 && strcmp(alloc, "PREALLOCATED") != 0) || sim_int(params, "size") <= 0) {
		sim_fail(h->sim, "Volume.create with format %s, allocation %s", format, alloc);
		return sim_refuse(e, 202, "Incorrect volume");
	}
	if (!target(h, params, e))
		return NULL;
	return sim_task_begin(h, "Volume.create", sim_text(params, "storagepoolID"), params, true);
}

static json_t *volume_task(struct sim_host *h, json_t *params, const char *verb, struct err *e)
{
	return target(h, params, e) ? sim_task_begin(h, verb, sim_text(params, "storagepoolID"), params, true) : NULL;
}

static json_t *volume_extend(struct sim_host *h, json_t *params, struct err *e)
{
	return volume_task(h, params, "Volume.extendSize", e);
}

static json_t *volume_delete(struct sim_host *h, json_t *params, struct err *e)
{
	return volume_task(h, params, "Volume.delete", e);
}

static json_t *image_delete(struct sim_host *h, json_t *params, struct err *e)
{
	struct sim_sd *sd = target(h, params, e);

	if (!sd)
		return NULL;
	if (!first_of_image(sd, sim_text(params, "imageID")))
		return sim_refuse(e, 268, "Image does not exist in domain: %s", sim_text(params, "imageID"));
	return sim_task_begin(h, "Image.delete", sim_text(params, "storagepoolID"), params, true);
}

static struct sim_volume *volume_of(struct sim_host *h, json_t *params, struct err *e)
{
	struct sim_sd *sd = sim_sd_find(h, sim_text(params, "storagedomainID"), e);
	struct sim_volume *v =
	    sd ? sim_volume_find(sd, sim_text(params, "imageID"), sim_text(params, "volumeID")) : NULL;

	if (sd && !v)
		sim_refuse(e, 201, "Volume does not exist: %s", sim_text(params, "volumeID"));
	return v;
}

static json_t *volume_info(struct sim_host *h, json_t *params, struct err *e)
{
	struct sim_volume *v = volume_of(h, params, e);

	if (!v)
		return NULL;
	return json_pack(
	    "{s:s,s:s,s:s,s:o,s:o,s:o,s:s,s:s,s:s,s:s,s:s,s:s,s:s,s:s,s:i}", "uuid", v->vol, "image", v->img, "domain",
	    v->sd, "capacity", json_sprintf("%lld", (long long)v->size), "apparentsize",
	    json_sprintf("%lld", (long long)v->size), "truesize", json_sprintf("%lld", (long long)v->size / 2),
	    "format", v->format, "type", v->preallocate, "voltype",
	    v->is_shared                                                                   ? "SHARED"
	    : sim_volume_children(g_hash_table_lookup(h->sim->storage->domains, v->sd), v) ? "INTERNAL"
	                                                                                   : "LEAF",
	    "legality", v->is_legal ? "LEGAL" : "ILLEGAL", "status", "OK", "description", v->description, "disktype",
	    "DATA", "parent", v->parent[0] ? v->parent : UUID_NIL, "generation", v->generation);
}

static json_t *volume_size(struct sim_host *h, json_t *params, struct err *e)
{
	struct sim_volume *v = volume_of(h, params, e);

	return v ? json_pack("{s:o,s:o}", "truesize", json_sprintf("%lld", (long long)v->size / 2), "apparentsize",
	                     json_sprintf("%lld", (long long)v->size))
	         : NULL;
}

static json_t *volume_set(struct sim_host *h, json_t *params, struct err *e)
{
	struct sim_volume *v = target(h, params, e) ? volume_of(h, params, e) : NULL;
	const char *text = json_string_value(json_object_get(params, "description"));

	if (!v)
		return NULL;
	if (text) {
		g_free(v->description);
		v->description = g_strdup(text);
	}
	return json_true();
}

static json_t *image_volumes(struct sim_host *h, json_t *params, struct err *e)
{
	struct sim_sd *sd = sim_sd_find(h, sim_text(params, "storagedomainID"), e);
	struct sim_volume *v;
	GHashTableIter it;
	json_t *out;

	if (!sd)
		return NULL;
	if (!first_of_image(sd, sim_text(params, "imageID")))
		return sim_refuse(e, 268, "Image does not exist in domain: %s", sim_text(params, "imageID"));
	out = json_array();
	g_hash_table_iter_init(&it, sd->volumes);
	while (g_hash_table_iter_next(&it, NULL, (void **)&v))
		if (strcmp(v->img, sim_text(params, "imageID")) == 0)
			json_array_append_new(out, json_string(v->vol));
	return out;
}

static json_t *domain_images(struct sim_host *h, json_t *params, struct err *e)
{
	struct sim_sd *sd = sim_sd_find(h, sim_text(params, "storagedomainID"), e);
	struct sim_volume *v;
	GHashTableIter it;
	json_t *out;

	if (!sd)
		return NULL;
	out = json_array();
	g_hash_table_iter_init(&it, sd->volumes);
	while (g_hash_table_iter_next(&it, NULL, (void **)&v))
		json_array_append_new(out, json_string(v->img));
	return out;
}

#define VOLUME "storagepoolID=u storagedomainID=u imageID=u volumeID=u"

const struct sim_verb SIM_VOLUME_VERBS[] = {
	{ "Task.getStatus", "taskID=u", task_status, false },
	{ "Task.stop", "taskID=u", task_stop, false },
	{ "Task.revert", "taskID=u", task_stop, false },
	{ "Task.clear", "taskID=u", task_clear, false },
	{ "Host.getAllTasksStatuses", "", all_tasks, false },
	{ "Host.getAllTasksInfo", "", all_infos, false },
	{ "Volume.create",
	  VOLUME
	  " size=s volFormat=s preallocate=s diskType=s desc=s srcImgUUID=u srcVolUUID=u initialSize=s? addBitmaps=b? "
	  "legal=b? sequence=i? bitmap=u?",
	  volume_create, false },
	{ "Volume.extendSize", VOLUME " newSize=s", volume_extend, false },
	{ "Volume.delete", VOLUME " postZero=b force=b discard=b?", volume_delete, false },
	{ "Volume.getInfo", VOLUME, volume_info, false },
	{ "Volume.getSize", VOLUME, volume_size, false },
	{ "Volume.setDescription", VOLUME " description=s", volume_set, false },
	{ "Volume.setLegality", VOLUME " legality=s", volume_set, false },
	{ "Volume.refresh", VOLUME, volume_size, false },
	{ "Image.delete", "storagepoolID=u storagedomainID=u imageID=u postZero=b force=b discard=b?", image_delete,
	  false },
	{ "Image.getVolumes", "storagepoolID=u storagedomainID=u imageID=u", image_volumes, false },
	{ "StorageDomain.getImages", "storagedomainID=u", domain_images, false },
	{ NULL, NULL, NULL, false },
};
