/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Jobs: storage operations of any host, named by the Manager, alive in our memory only. What a job did
 * is decided by the volume's generation and legality; a job is told for an hour after its end.
 */
#include <string.h>

#include "agent/storage/storage_int.h"
#include "base/log.h"

#define KEEP_MS   (3600 * 1000)
#define UPDATE_MS (5 * 60 * 1000)

struct sjob {
	uuid_text id;
	struct storage *storage;
	const char *status, *description, *op;
	char *message; /* of the error, or NULL */
	int code, progress;
	int64_t ended_ms;
	bool is_running, is_long;
	json_t *args;
	struct sdomain *src, *dst; /* src NULL for operations on one volume */
	char *lock_src, *lock_dst;
	struct client *worker;
};

void sjob_free(void *p)
{
	struct sjob *j = p;

	client_free(j->worker);
	json_decref(j->args);
	g_free(j->message);
	g_free(j->lock_src);
	g_free(j->lock_dst);
	g_free(j);
}

static void forget_old(struct storage *s)
{
	GHashTableIter it;
	gpointer value;

	g_hash_table_iter_init(&it, s->jobs);
	while (g_hash_table_iter_next(&it, NULL, &value)) {
		struct sjob *j = value;

		if (!j->is_running && loop_now_ms(s->loop) - j->ended_ms > KEEP_MS)
			g_hash_table_iter_remove(&it);
	}
}

static json_t *job_json(const struct sjob *j)
{
	json_t *out = json_pack("{s:s,s:s,s:s,s:s,s:i}", "id", j->id, "status", j->status, "job_type", "storage",
	                        "description", j->description, "progress", j->progress);

	if (j->message)
		json_object_set_new(out, "error", json_pack("{s:i,s:s}", "code", j->code, "message", j->message));
	return out;
}

static void tell(const struct sjob *j)
{
	g_autofree char *method = g_strdup_printf("|jobs|status|%s", j->id);

	agent_event(j->storage->agent, method, job_json(j));
}

static void job_progress(void *arg, int percent) { ((struct sjob *)arg)->progress = percent; }

/* Locks of two images are taken in one order, whichever way the data flows. */
static int take_locks(struct sjob *j, struct err *e)
{
	bool is_swapped = j->lock_src && strcmp(j->lock_src, j->lock_dst) > 0;
	const char *first = is_swapped || !j->lock_src ? j->lock_dst : j->lock_src;
	const char *second = !j->lock_src || strcmp(j->lock_src, j->lock_dst) == 0 ? NULL
	                     : is_swapped                                          ? j->lock_src
	                                                                           : j->lock_dst;

	/* The source is only read, so that several copies of a template may run. */
	if (slock_take(j->storage, first, first != j->lock_src || !second, e) < 0)
		return -1;
	if (second && slock_take(j->storage, second, second != j->lock_src, e) < 0) {
		slock_release(j->storage, first, first != j->lock_src);
		return -1;
	}
	return 0;
}

static void release_locks(struct sjob *j)
{
	bool is_one = !j->lock_src || strcmp(j->lock_src, j->lock_dst) == 0;

	if (!is_one)
		slock_release(j->storage, j->lock_src, false);
	slock_release(j->storage, j->lock_dst, true);
}

static void job_end(struct sjob *j, const struct err *e)
{
	j->is_running = false;
	j->ended_ms = loop_now_ms(j->storage->loop);
	j->status = e ? "failed" : "done";
	j->progress = e ? j->progress : 100;
	if (e) {
		j->code = verb_error_code(e);
		j->message = g_strdup(e->detail);
	}
	log_write(e ? LOG_LEVEL_WARN : LOG_LEVEL_INFO, "storage job ended", "JOB", j->id, "ERROR", e ? e->detail : NULL,
	          (char *)0);
	tell(j);
}

static void job_fiber(void *arg)
{
	struct sjob *j = arg;
	struct storage *s = j->storage;
	struct err e = ERR_INIT;
	json_t *result = NULL;

	if (take_locks(j, &e) == 0) {
		j->status = "running";
		tell(j);
		result = client_call(j->worker, j->op, json_incref(j->args), j->src || j->is_long ? -1 : UPDATE_MS,
		                     NULL, &e);
		release_locks(j);
	}
	if (!result)
		storage_settle_error(&e);
	job_end(j, result ? NULL : &e);
	json_decref(result);
	client_free(j->worker);
	j->worker = NULL;
	storage_fiber_end(s);
}

/* --- the verbs --- */

static int read_endpoint(struct agent *a, struct verb_call *c, const char *name, struct sdomain **d, json_t **args,
                         char **lock, struct err *e)
{
	const char *sd, *img, *vol;
	int64_t generation;
	json_t *where;

	if (verb_uuid(c, pool_printf(c->pool, "%s.sd_id", name), &sd, e) < 0 ||
	    verb_uuid(c, pool_printf(c->pool, "%s.img_id", name), &img, e) < 0 ||
	    verb_uuid(c, pool_printf(c->pool, "%s.vol_id", name), &vol, e) < 0 ||
	    verb_int_or(c, pool_printf(c->pool, "%s.generation", name), 0, VOL_GEN_MAX, -1, &generation, e) < 0 ||
	    sdomain_find(storage_of(a), sd, d, e) < 0 || sdomain_check_writable(*d, e) < 0)
		return -1;
	*args = json_pack("{s:s,s:s}", "img", img, "vol", vol);
	where = sdomain_args(*d);
	json_object_update(*args, where);
	json_decref(where);
	if (generation >= 0)
		json_object_set_new(*args, "generation", json_integer(generation));
	*lock = g_strdup_printf("%s/%s", sd, img);
	return 0;
}

struct sjob *sjob_new(struct storage *s, struct verb_call *c, const char *op, const char *description, struct err *e)
{
	const char *id;
	struct sjob *j;

	forget_old(s);
	if (verb_uuid(c, "job_id", &id, e) < 0)
		return NULL;
	if (g_hash_table_contains(s->jobs, id)) {
		err_agent(e, SC_JOB_EXISTS, "Job already exists: %s", id);
		return NULL;
	}
	if (g_hash_table_size(s->jobs) >= STORAGE_MAX_JOBS) {
		err_agent(e, SC_BUSY, "Too busy: %d jobs", STORAGE_MAX_JOBS);
		return NULL;
	}
	j = g_new0(struct sjob, 1);
	g_strlcpy(j->id, id, sizeof(j->id));
	j->storage = s;
	j->op = op;
	j->description = description;
	j->status = "pending";
	return j;
}

/* Two may have asked for the same id while we waited. */
static int job_launch(struct sjob *j, struct err *e)
{
	struct storage *s = j->storage;
	struct spool *p = spool_of_domain(s, j->dst->id);

	if (g_hash_table_contains(s->jobs, j->id)) {
		err_agent(e, SC_JOB_EXISTS, "Job already exists: %s", j->id);
		sjob_free(j);
		return -1;
	}
	g_hash_table_insert(s->jobs, j->id, j);
	j->worker = client_new(s->workers, p ? p->lease_fd : -1);
	client_on_progress(j->worker, job_progress, j);
	j->is_running = true;
	storage_fiber_begin(s);
	fiber_start(s->loop, "storage-job", job_fiber, j);
	return 0;
}

int sjob_start(struct sjob *j, struct sdomain *d, const char *img, json_t *args, struct err *e)
{
	j->dst = d;
	j->is_long = true;
	j->lock_dst = g_strdup_printf("%s/%s", d->id, img);
	j->args = args;
	return job_launch(j, e);
}

int sverb_copy_data(struct agent *a, struct verb_call *c, struct err *e)
{
	struct sjob *j = sjob_new(storage_of(a), c, "volume.copy", "Copying data", e);
	json_t *src = NULL, *dst = NULL;

	if (!j)
		return -1;
	if (read_endpoint(a, c, "source", &j->src, &src, &j->lock_src, e) < 0 ||
	    read_endpoint(a, c, "destination", &j->dst, &dst, &j->lock_dst, e) < 0) {
		json_decref(src);
		sjob_free(j);
		return -1;
	}
	json_object_del(src, "generation");
	j->args = json_pack("{s:o,s:o}", "src", src, "dst", dst);
	return job_launch(j, e);
}

static int read_attributes(struct verb_call *c, json_t *args, struct err *e)
{
	const char *legality, *description, *role;
	int64_t generation;

	if (verb_string_or(c, "vol_attr.legality", NULL, &legality, e) < 0 ||
	    verb_string_or(c, "vol_attr.description", NULL, &description, e) < 0 ||
	    verb_string_or(c, "vol_attr.type", NULL, &role, e) < 0 ||
	    verb_int_or(c, "vol_attr.generation", 0, VOL_GEN_MAX, -1, &generation, e) < 0)
		return -1;
	if (!legality && !description && !role && generation < 0)
		return err_field(e, ERR_MISSING, "vol_attr", "parameter vol_attr names nothing to change");
	if (legality)
		json_object_set_new(args, "legality", json_string(legality));
	if (description)
		json_object_set_new(args, "desc", json_string(description));
	if (role)
		json_object_set_new(args, "role", json_string(role));
	if (generation >= 0)
		json_object_set_new(args, "new_generation", json_integer(generation));
	else
		json_object_set_new(args, "bump", json_true());
	return 0;
}

int sverb_update_volume(struct agent *a, struct verb_call *c, struct err *e)
{
	struct sjob *j = sjob_new(storage_of(a), c, "volume.set", "Updating volume", e);

	if (!j)
		return -1;
	if (read_endpoint(a, c, "vol_info", &j->dst, &j->args, &j->lock_dst, e) < 0 ||
	    read_attributes(c, j->args, e) < 0) {
		sjob_free(j);
		return -1;
	}
	return job_launch(j, e);
}

static bool is_listed(const json_t *ids, const char *id)
{
	json_t *one;
	size_t i;

	if (!json_array_size(ids))
		return true;
	json_array_foreach (ids, i, one)
		if (g_ascii_strcasecmp(json_is_string(one) ? json_string_value(one) : "", id) == 0)
			return true;
	return false;
}

int sverb_get_jobs(struct agent *a, struct verb_call *c, struct err *e)
{
	struct storage *s = storage_of(a);
	GHashTableIter it;
	gpointer value;
	json_t *ids;
	const char *type;

	if (verb_array_or(c, "job_ids", &ids, e) < 0 || verb_string_or(c, "job_type", "storage", &type, e) < 0)
		return -1;
	forget_old(s);
	c->result = json_object();
	g_hash_table_iter_init(&it, s->jobs);
	while (strcmp(type, "storage") == 0 && g_hash_table_iter_next(&it, NULL, &value)) {
		const struct sjob *j = value;

		if (is_listed(ids, j->id))
			json_object_set_new(c->result, j->id, job_json(j));
	}
	return 0;
}
