/* SPDX-License-Identifier: Apache-2.0 */
#include "fake_agent.h"

#include <string.h>

#include "base/auto.h"

enum { ANSWER_MS = 2, TASK_MS = 300 };

struct task {
	struct fake_agents *fa;
	struct fhost *host;
	char id[UUID_LEN + 1];
	const char *state, *result;
	int code;
	bool is_failing, is_spm_start;
	char *verb;
	json_t *params;
	struct loop_timer timer;
};

struct fhost {
	char *id;
	bool is_up;
	json_t *servers; /* path -> true */
	json_t *pools;
	GHashTable *tasks;
};

struct answer {
	struct fake_agents *fa;
	struct loop_timer timer;
	void (*done)(void *, json_t *, const struct err *);
	void *arg;
	json_t *result;
	struct err error;
};

struct fault {
	unsigned at;
	enum fake_fault fault;
	void (*fn)(void *);
	void *arg;
	bool is_set;
};

struct fake_agents {
	struct loop *loop;
	struct chance *chance;
	GHashTable *hosts;
	json_t *disk;
	GPtrArray *calls;   /* names */
	GPtrArray *answers; /* under way */
	struct fault fault;
	char *bad_verb;
	enum fake_fault bad_fault;
	int bad_code;
};

/* ---- small things ---- */

static const char *text(const json_t *o, const char *key)
{
	const char *s = json_string_value(json_object_get(o, key));
	return s ? s : "";
}

static int64_t number(const json_t *o, const char *key)
{
	const json_t *v = json_object_get(o, key);
	return json_is_string(v) ? g_ascii_strtoll(json_string_value(v), NULL, 10) : json_integer_value(v);
}

static json_t *see_domain(struct fake_agents *fa, struct fhost *h, const char *sd, struct err *e)
{
	json_t *d = json_object_get(fa->disk, sd);

	if (!d || strcmp(text(d, "host"), h->id) != 0 || !json_object_get(h->servers, text(d, "path"))) {
		err_agent(e, 358, "Storage domain does not exist: %s", sd);
		return NULL;
	}
	return d;
}

static json_t *see_pool(struct fhost *h, const json_t *params, bool must_be_spm, struct err *e)
{
	json_t *p = json_object_get(h->pools, text(params, "storagepoolID"));

	if (!p) {
		err_agent(e, 309, "Unknown pool id, pool not connected");
		return NULL;
	}
	if (must_be_spm && strcmp(text(p, "spm"), "SPM") != 0) {
		err_agent(e, 654, "Not SPM");
		return NULL;
	}
	return p;
}

/* ---- tasks ---- */

static json_t *see_image(struct fake_agents *fa, struct fhost *h, const json_t *params, json_t **images, struct err *e)
{
	json_t *d = see_domain(fa, h, text(params, "storagedomainID"), e), *img;

	if (!d)
		return NULL;
	*images = json_object_get(d, "images");
	img = json_object_get(*images, text(params, "imageID"));
	if (!img)
		err_agent(e, 268, "Image does not exist in domain: %s", text(params, "imageID"));
	return img;
}

static void do_create(struct task *t)
{
	json_t *images = json_object_get(json_object_get(t->fa->disk, text(t->params, "storagedomainID")), "images"),
	       *img;
	int64_t size = (number(t->params, "size") + 4095) / 4096 * 4096;
	bool is_sparse = strcmp(text(t->params, "preallocate"), "SPARSE") == 0;

	img = json_object_get(images, text(t->params, "imageID"));
	if (!img) {
		img = json_object();
		json_object_set_new(images, text(t->params, "imageID"), img);
	}
	json_object_set_new(img, text(t->params, "volumeID"),
	                    json_pack("{s:I,s:s,s:s,s:s,s:s,s:I,s:I}", "capacity", (json_int_t)size, "format",
	                              text(t->params, "volFormat"), "type", text(t->params, "preallocate"), "legality",
	                              "LEGAL", "description", text(t->params, "desc"), "truesize",
	                              (json_int_t)(is_sparse ? 0 : size), "apparentsize", (json_int_t)size));
}

static void do_effect(struct task *t)
{
	json_t *d = json_object_get(t->fa->disk, text(t->params, "storagedomainID")), *img;

	if (strcmp(t->verb, "Volume.create") == 0) {
		do_create(t);
	} else if (strcmp(t->verb, "Image.delete") == 0) {
		json_object_del(json_object_get(d, "images"), text(t->params, "imageID"));
	} else if (strcmp(t->verb, "Volume.extendSize") == 0) {
		img = json_object_get(json_object_get(d, "images"), text(t->params, "imageID"));
		json_object_set_new(json_object_get(img, text(t->params, "volumeID")), "capacity",
		                    json_integer(number(t->params, "newSize")));
	} else if (t->is_spm_start) {
		json_t *p = json_object_get(t->host->pools, text(t->params, "storagepoolID"));
		json_object_set_new(p, "spm", json_string("SPM"));
	}
}

static void task_end(void *arg)
{
	struct task *t = arg;

	t->state = "finished";
	if (t->is_failing) {
		t->result = "cleanSuccess";
		t->code = 205;
		if (t->is_spm_start)
			json_object_set_new(json_object_get(t->host->pools, text(t->params, "storagepoolID")), "spm",
			                    json_string("Free"));
		return;
	}
	t->result = "success";
	do_effect(t);
}

static void task_free(void *arg)
{
	struct task *t = arg;

	timer_stop(t->fa->loop, &t->timer);
	json_decref(t->params);
	g_free(t->verb);
	g_free(t);
}

static json_t *begin_task(struct fake_agents *fa, struct fhost *h, const char *verb, json_t *params)
{
	struct task *t = g_new0(struct task, 1);

	t->fa = fa;
	t->host = h;
	uuid_make(fa->chance, t->id);
	t->state = "running";
	t->result = "";
	t->verb = g_strdup(verb);
	t->params = json_deep_copy(params);
	t->is_spm_start = strcmp(verb, "StoragePool.spmStart") == 0;
	g_hash_table_insert(h->tasks, t->id, t);
	timer_start(fa->loop, &t->timer, TASK_MS, task_end, t);
	return json_string(t->id);
}

static json_t *task_json(const struct task *t)
{
	return json_pack("{s:s,s:s,s:s,s:i,s:s}", "taskID", t->id, "taskState", t->state, "taskResult", t->result,
	                 "code", t->code, "message",
	                 t->code ? "the task was told to fail" : "1 jobs completed successfully");
}

/* ---- verbs ---- */

#define VERB_ARGS struct fake_agents *fa, struct fhost *h, json_t *params, json_t **result, struct err *e

static int connect_server(VERB_ARGS)
{
	const json_t *one = json_array_get(json_object_get(params, "connectionParams"), 0);

	json_object_set_new(h->servers, text(one, "connection"), json_true());
	*result =
	    json_pack("[{s:s,s:i}]", "id", text(one, "id"), "status", strstr(text(one, "connection"), "bad") ? 451 : 0);
	return 0;
}

static int disconnect_server(VERB_ARGS)
{
	json_object_del(h->servers, text(json_array_get(json_object_get(params, "connectionParams"), 0), "connection"));
	*result = json_array();
	return 0;
}

static int domain_create(VERB_ARGS)
{
	const char *sd = text(params, "storagedomainID");

	if (!json_object_get(h->servers, text(params, "typeArgs")))
		return err_agent(e, 360, "Storage domain remote path not mounted");
	if (json_object_get(fa->disk, sd))
		return err_agent(e, 365, "Storage domain already exists: %s", sd);
	json_object_set_new(fa->disk, sd,
	                    json_pack("{s:s,s:s,s:s,s:s,s:s,s:{}}", "host", h->id, "path", text(params, "typeArgs"),
	                              "name", text(params, "name"), "pool", "", "role", "Regular", "images"));
	return 0;
}

static int domain_format(VERB_ARGS)
{
	json_t *d = see_domain(fa, h, text(params, "storagedomainID"), e);

	if (!d)
		return -1;
	if (*text(d, "pool"))
		return err_agent(e, 391, "Cannot format attached storage domain");
	json_object_del(fa->disk, text(params, "storagedomainID"));
	return 0;
}

static int domain_info(VERB_ARGS)
{
	json_t *d = see_domain(fa, h, text(params, "storagedomainID"), e);

	if (!d)
		return -1;
	*result = json_pack("{s:s,s:i,s:i,s:s,s:[]}", "name", text(d, "name"), "version", 5, "block_size", 512, "role",
	                    text(d, "role"), "pool");
	if (*text(d, "pool"))
		json_array_append_new(json_object_get(*result, "pool"), json_string(text(d, "pool")));
	return 0;
}

static int domain_stats(VERB_ARGS)
{
	if (!see_domain(fa, h, text(params, "storagedomainID"), e))
		return -1;
	*result = json_pack("{s:s,s:s}", "disktotal", "100000000000", "diskfree", "60000000000");
	return 0;
}

static int set_name(VERB_ARGS)
{
	json_t *d = see_domain(fa, h, text(params, "storagedomainID"), e);

	if (d)
		json_object_set(d, "name", json_object_get(params, "description"));
	return d ? 0 : -1;
}

static int pool_create(VERB_ARGS)
{
	json_t *d = see_domain(fa, h, text(params, "masterSdUUID"), e);

	if (!d)
		return -1;
	if (*text(d, "pool") && strcmp(text(d, "pool"), text(params, "storagepoolID")) != 0)
		return err_agent(e, 900, "Storage domain is a member of another pool");
	json_object_set(d, "pool", json_object_get(params, "storagepoolID"));
	json_object_set_new(d, "role", json_string("Master"));
	return 0;
}

static int pool_connect(VERB_ARGS)
{
	const char *pool = text(params, "storagepoolID"), *sd, *master = text(params, "masterSdUUID");
	json_t *p = json_object_get(h->pools, pool), *domains, *state;
	json_t *d = see_domain(fa, h, master, e);

	if (!d)
		return err_agent(e, 304, "Cannot find master domain");
	if (strcmp(text(d, "pool"), pool) != 0 || strcmp(text(d, "role"), "Master") != 0)
		return err_agent(e, 324, "Wrong master");
	if (!p) {
		p = json_pack("{s:s,s:s}", "spm", "Free", "master", master);
		json_object_set_new(h->pools, pool, p);
	}
	domains = json_object();
	json_object_foreach (json_object_get(params, "domainDict"), sd, state)
		json_object_set_new(
		    domains, sd, json_string(strcmp(json_string_value(state), "active") == 0 ? "Active" : "Attached"));
	json_object_set_new(p, "domains", domains);
	return 0;
}

static int pool_disconnect(VERB_ARGS)
{
	json_t *p = json_object_get(h->pools, text(params, "storagepoolID"));

	if (p && strcmp(text(p, "spm"), "Free") != 0)
		return err_agent(e, 656, "Operation not allowed while SPM");
	json_object_del(h->pools, text(params, "storagepoolID"));
	return 0;
}

static int pool_destroy(VERB_ARGS)
{
	json_t *p = see_pool(h, params, true, e), *d, *state;
	const char *sd;

	if (!p)
		return -1;
	json_object_foreach (json_object_get(p, "domains"), sd, state) {
		d = json_object_get(fa->disk, sd);
		json_object_set_new(d, "pool", json_string(""));
		json_object_set_new(d, "role", json_string("Regular"));
	}
	json_object_del(h->pools, text(params, "storagepoolID"));
	return 0;
}

static int pool_info(VERB_ARGS)
{
	json_t *p = see_pool(h, params, false, e), *info, *state;
	const char *sd;

	if (!p)
		return -1;
	info = json_object();
	json_object_foreach (json_object_get(p, "domains"), sd, state)
		json_object_set_new(info, sd,
		                    json_pack("{s:O,s:s,s:s}", "status", state, "disktotal", "100000000000", "diskfree",
		                              "60000000000"));
	*result = json_pack("{s:{},s:o}", "info", "dominfo", info);
	return 0;
}

static int spm_status(VERB_ARGS)
{
	json_t *p = see_pool(h, params, false, e);

	if (p)
		*result = json_pack("{s:s,s:i,s:i}", "spmStatus", text(p, "spm"), "spmId", 1, "spmLver", 0);
	return p ? 0 : -1;
}

static int spm_start(VERB_ARGS)
{
	json_t *p = see_pool(h, params, false, e);

	if (!p)
		return -1;
	if (strcmp(text(p, "spm"), "Free") != 0)
		return err_agent(e, 656, "Operation not allowed: host is or becomes SPM");
	json_object_set_new(p, "spm", json_string("Contend"));
	*result = begin_task(fa, h, "StoragePool.spmStart", params);
	return 0;
}

static int spm_stop(VERB_ARGS)
{
	json_t *p = see_pool(h, params, false, e);

	if (p)
		json_object_set_new(p, "spm", json_string("Free"));
	return p ? 0 : -1;
}

/* The domain in a pool that this host manages. */
static json_t *member(VERB_ARGS)
{
	json_t *p = see_pool(h, params, true, e), *d = p ? see_domain(fa, h, text(params, "storagedomainID"), e) : NULL;

	if (!d)
		return NULL;
	if (!json_object_get(json_object_get(p, "domains"), text(params, "storagedomainID"))) {
		err_agent(e, 353, "Storage domain not in pool");
		return NULL;
	}
	return p;
}

static int domain_attach(VERB_ARGS)
{
	json_t *p = see_pool(h, params, true, e), *d = p ? see_domain(fa, h, text(params, "storagedomainID"), e) : NULL;

	if (!d)
		return -1;
	if (*text(d, "pool") && strcmp(text(d, "pool"), text(params, "storagepoolID")) != 0)
		return err_agent(e, 380, "Storage domain already attached");
	json_object_set(d, "pool", json_object_get(params, "storagepoolID"));
	json_object_set_new(json_object_get(p, "domains"), text(params, "storagedomainID"), json_string("Attached"));
	return 0;
}

static int set_member(VERB_ARGS, const char *state)
{
	json_t *p = member(fa, h, params, result, e);

	if (p)
		json_object_set_new(json_object_get(p, "domains"), text(params, "storagedomainID"), json_string(state));
	return p ? 0 : -1;
}

static int domain_activate(VERB_ARGS) { return set_member(fa, h, params, result, e, "Active"); }
static int domain_deactivate(VERB_ARGS) { return set_member(fa, h, params, result, e, "Attached"); }

static int domain_detach(VERB_ARGS)
{
	json_t *p = member(fa, h, params, result, e), *d;

	if (!p)
		return -1;
	if (strcmp(text(p, "master"), text(params, "storagedomainID")) == 0)
		return err_agent(e, 383, "Cannot detach master domain");
	d = json_object_get(fa->disk, text(params, "storagedomainID"));
	json_object_set_new(d, "pool", json_string(""));
	json_object_del(json_object_get(p, "domains"), text(params, "storagedomainID"));
	return 0;
}

static int volume_create(VERB_ARGS)
{
	json_t *images, *img;
	struct err none;

	if (!member(fa, h, params, result, e))
		return -1;
	img = see_image(fa, h, params, &images, &none);
	if (img && json_object_get(img, text(params, "volumeID")))
		return err_agent(e, 212, "Volume already exists");
	*result = begin_task(fa, h, "Volume.create", params);
	return 0;
}

static int volume_info(VERB_ARGS)
{
	json_t *images, *img = see_image(fa, h, params, &images, e), *vol;

	if (!img)
		return -1;
	vol = json_object_get(img, text(params, "volumeID"));
	if (!vol)
		return err_agent(e, 201, "Volume does not exist");
	*result = json_incref(vol);
	return 0;
}

static int volume_extend(VERB_ARGS)
{
	if (!member(fa, h, params, result, e) || volume_info(fa, h, params, result, e) < 0)
		return -1;
	json_decref(*result);
	*result = begin_task(fa, h, "Volume.extendSize", params);
	return 0;
}

static int volume_describe(VERB_ARGS)
{
	if (volume_info(fa, h, params, result, e) < 0)
		return -1;
	json_object_set(*result, "description", json_object_get(params, "description"));
	json_decref(*result);
	*result = NULL;
	return 0;
}

static int image_delete(VERB_ARGS)
{
	json_t *images;

	if (!member(fa, h, params, result, e) || !see_image(fa, h, params, &images, e))
		return -1;
	*result = begin_task(fa, h, "Image.delete", params);
	return 0;
}

static int task_status(VERB_ARGS)
{
	struct task *t = g_hash_table_lookup(h->tasks, text(params, "taskID"));

	if (!t)
		return err_agent(e, 401, "Task id unknown");
	*result = task_json(t);
	return 0;
}

static int task_clear(VERB_ARGS)
{
	struct task *t = g_hash_table_lookup(h->tasks, text(params, "taskID"));

	if (!t)
		return err_agent(e, 401, "Task id unknown");
	if (strcmp(t->state, "finished") != 0)
		return err_agent(e, 403, "Task is not finished");
	g_hash_table_remove(h->tasks, t->id);
	return 0;
}

static int all_tasks(VERB_ARGS)
{
	GHashTableIter it;
	struct task *t;

	*result = json_object();
	g_hash_table_iter_init(&it, h->tasks);
	while (g_hash_table_iter_next(&it, NULL, (void **)&t))
		json_object_set_new(*result, t->id, task_json(t));
	return 0;
}

static const struct {
	const char *name;
	int (*fn)(VERB_ARGS);
} VERBS[] = {
	{ "StoragePool.connectStorageServer", connect_server },
	{ "StoragePool.disconnectStorageServer", disconnect_server },
	{ "StorageDomain.create", domain_create },
	{ "StorageDomain.format", domain_format },
	{ "StorageDomain.getInfo", domain_info },
	{ "StorageDomain.getStats", domain_stats },
	{ "StorageDomain.setDescription", set_name },
	{ "StorageDomain.attach", domain_attach },
	{ "StorageDomain.activate", domain_activate },
	{ "StorageDomain.deactivate", domain_deactivate },
	{ "StorageDomain.detach", domain_detach },
	{ "StoragePool.create", pool_create },
	{ "StoragePool.connect", pool_connect },
	{ "StoragePool.disconnect", pool_disconnect },
	{ "StoragePool.destroy", pool_destroy },
	{ "StoragePool.getInfo", pool_info },
	{ "StoragePool.getSpmStatus", spm_status },
	{ "StoragePool.spmStart", spm_start },
	{ "StoragePool.spmStop", spm_stop },
	{ "Volume.create", volume_create },
	{ "Volume.getInfo", volume_info },
	{ "Volume.extendSize", volume_extend },
	{ "Volume.setDescription", volume_describe },
	{ "Image.delete", image_delete },
	{ "Task.getStatus", task_status },
	{ "Task.clear", task_clear },
	{ "Host.getAllTasksStatuses", all_tasks },
};

/* ---- the door ---- */

static void answer_free(void *arg)
{
	struct answer *a = arg;

	timer_stop(a->fa->loop, &a->timer);
	json_decref(a->result);
	g_free(a);
}

static void answer_now(void *arg)
{
	struct answer *a = arg;
	void (*done)(void *, json_t *, const struct err *) = a->done;
	json_t *result = json_incref(a->result);
	struct err error = a->error;
	void *done_arg = a->arg;

	g_ptr_array_remove(a->fa->answers, a);
	done(done_arg, error.code ? NULL : result, error.code ? &error : NULL);
	json_decref(result);
}

static int perform(struct fake_agents *fa, struct fhost *h, const char *method, json_t *params, json_t **result,
                   struct err *e)
{
	for (size_t i = 0; i < G_N_ELEMENTS(VERBS); i++)
		if (strcmp(VERBS[i].name, method) == 0)
			return VERBS[i].fn(fa, h, params, result, e);
	return err_agent(e, -32601, "no such verb: %s", method);
}

/* The fault that this call meets. */
static enum fake_fault next_fault(struct fake_agents *fa, const char *method, struct fault *out)
{
	if (fa->bad_verb && strcmp(fa->bad_verb, method) == 0)
		return fa->bad_fault;
	if (!fa->fault.is_set || fa->fault.at != fa->calls->len)
		return N_FAKE_FAULTS;
	*out = fa->fault;
	fa->fault.is_set = false;
	return out->fault;
}

static void mark_failing(struct fhost *h, const json_t *task)
{
	struct task *t = json_is_string(task) ? g_hash_table_lookup(h->tasks, json_string_value(task)) : NULL;

	if (t)
		t->is_failing = true;
}

static void faulty(struct fake_agents *fa, struct fhost *h, const char *method, json_t *params, struct answer *a)
{
	struct fault f = { 0 };
	enum fake_fault kind = next_fault(fa, method, &f);

	g_ptr_array_add(fa->calls, g_strdup(method));
	if (!h || !h->is_up) {
		err_set(&a->error, ERR_NETWORK, "There is no connection to the host.");
		return;
	}
	if (kind == FAKE_HOOK)
		f.fn(f.arg);
	if (kind == FAKE_REFUSE) {
		err_agent(&a->error, fa->bad_code ? fa->bad_code : 100, "told to refuse");
		return;
	}
	if (kind != FAKE_LOSE_BEFORE && perform(fa, h, method, params, &a->result, &a->error) < 0 &&
	    kind == N_FAKE_FAULTS)
		return;
	if (kind == FAKE_TASK_FAILS)
		mark_failing(h, a->result);
	if (kind == FAKE_RESTART)
		fake_agents_restart(fa, h->id);
	if (kind == FAKE_LOSE_BEFORE || kind == FAKE_LOSE_AFTER || kind == FAKE_RESTART) {
		json_decref(a->result);
		a->result = NULL;
		err_set(&a->error, ERR_NETWORK, "The connection was lost.");
	}
}

static void door_call(void *arg, const char *host_id, const char *method, json_t *params, int timeout_ms,
                      const char *correlation, void (*done)(void *, json_t *, const struct err *), void *done_arg)
{
	struct fake_agents *fa = arg;
	struct answer *a = g_new0(struct answer, 1);

	a->fa = fa;
	a->done = done;
	a->arg = done_arg;
	g_ptr_array_add(fa->answers, a);
	timer_start(fa->loop, &a->timer, ANSWER_MS, answer_now, a);
	faulty(fa, g_hash_table_lookup(fa->hosts, host_id), method, params, a);
	if (!a->error.code && !a->result)
		a->result = json_true();
	json_decref(params);
}

static void door_nothing(void *arg, const char *host_id) {}
static void door_connect(void *arg, const char *host_id, const char *address, int port) {}

struct agent_door fake_agents_door(struct fake_agents *fa)
{
	return (struct agent_door){ door_connect, door_nothing, door_call, fa };
}

/* ---- life ---- */

static void host_free(void *arg)
{
	struct fhost *h = arg;

	g_hash_table_destroy(h->tasks);
	json_decref(h->servers);
	json_decref(h->pools);
	g_free(h->id);
	g_free(h);
}

struct fake_agents *fake_agents_new(struct loop *l)
{
	struct fake_agents *fa = g_new0(struct fake_agents, 1);

	fa->loop = l;
	fa->chance = chance_new_seeded(7);
	fa->hosts = g_hash_table_new_full(g_str_hash, g_str_equal, NULL, host_free);
	fa->disk = json_object();
	fa->calls = g_ptr_array_new_with_free_func(g_free);
	fa->answers = g_ptr_array_new_with_free_func(answer_free);
	return fa;
}

void fake_agents_free(struct fake_agents *fa)
{
	if (!fa)
		return;
	g_ptr_array_free(fa->answers, TRUE);
	g_hash_table_destroy(fa->hosts);
	g_ptr_array_free(fa->calls, TRUE);
	json_decref(fa->disk);
	chance_free(fa->chance);
	g_free(fa->bad_verb);
	g_free(fa);
}

void fake_agents_move(struct fake_agents *fa, struct loop *l)
{
	GHashTableIter it, jt;
	struct fhost *h;
	struct task *t;

	g_ptr_array_set_size(fa->answers, 0);
	g_hash_table_iter_init(&it, fa->hosts);
	while (g_hash_table_iter_next(&it, NULL, (void **)&h)) {
		g_hash_table_iter_init(&jt, h->tasks);
		while (g_hash_table_iter_next(&jt, NULL, (void **)&t)) {
			if (!timer_is_running(&t->timer))
				continue;
			timer_stop(fa->loop, &t->timer); /* the agent lives on: it goes on in the new time */
			timer_start(l, &t->timer, TASK_MS, task_end, t);
		}
	}
	fa->loop = l;
}

void fake_agents_add_host(struct fake_agents *fa, const char *host_id)
{
	struct fhost *h = g_new0(struct fhost, 1);

	h->id = g_strdup(host_id);
	h->is_up = true;
	h->servers = json_object();
	h->pools = json_object();
	h->tasks = g_hash_table_new_full(g_str_hash, g_str_equal, NULL, task_free);
	g_hash_table_insert(fa->hosts, h->id, h);
}

void fake_agents_set_up(struct fake_agents *fa, const char *host_id, bool is_up)
{
	((struct fhost *)g_hash_table_lookup(fa->hosts, host_id))->is_up = is_up;
}

bool fake_agents_is_up(struct fake_agents *fa, const char *host_id)
{
	struct fhost *h = g_hash_table_lookup(fa->hosts, host_id);
	return h && h->is_up;
}

/* Tasks that ran are undone by the next SPM; they stay on its list, as those that ended do. */
void fake_agents_restart(struct fake_agents *fa, const char *host_id)
{
	struct fhost *h = g_hash_table_lookup(fa->hosts, host_id);
	GHashTableIter it;
	struct task *t;

	json_object_clear(h->pools);
	g_hash_table_iter_init(&it, h->tasks);
	while (g_hash_table_iter_next(&it, NULL, (void **)&t)) {
		if (t->is_spm_start) {
			g_hash_table_iter_remove(&it);
			continue;
		}
		if (!timer_is_running(&t->timer))
			continue;
		timer_stop(fa->loop, &t->timer);
		t->state = "finished";
		t->result = "cleanSuccess";
		t->code = 411;
	}
}

unsigned fake_agents_calls(const struct fake_agents *fa) { return fa->calls->len; }

const char *fake_agents_call_name(const struct fake_agents *fa, unsigned i) { return g_ptr_array_index(fa->calls, i); }

void fake_agents_fault_at(struct fake_agents *fa, unsigned i, enum fake_fault f, void (*fn)(void *), void *arg)
{
	fa->fault = (struct fault){ i, f, fn, arg, true };
}

void fake_agents_fault_verb(struct fake_agents *fa, const char *verb, enum fake_fault f, int code)
{
	g_free(fa->bad_verb);
	fa->bad_verb = g_strdup(verb);
	fa->bad_fault = f;
	fa->bad_code = code;
}

void fake_agents_heal(struct fake_agents *fa)
{
	g_free(fa->bad_verb);
	fa->bad_verb = NULL;
	fa->bad_code = 0;
	fa->fault.is_set = false;
}

json_t *fake_agents_disk(struct fake_agents *fa) { return fa->disk; }

json_t *fake_agents_pools(struct fake_agents *fa, const char *host_id)
{
	return ((struct fhost *)g_hash_table_lookup(fa->hosts, host_id))->pools;
}

unsigned fake_agents_tasks(struct fake_agents *fa, const char *host_id)
{
	struct fhost *h = g_hash_table_lookup(fa->hosts, host_id);
	GHashTableIter it;
	struct task *t;
	unsigned n = 0;

	g_hash_table_iter_init(&it, h->tasks);
	while (g_hash_table_iter_next(&it, NULL, (void **)&t))
		n += !t->is_spm_start;
	return n;
}

json_t *fake_agents_report(struct fake_agents *fa, const char *host_id, int code)
{
	json_t *out = json_object(), *pool, *state;
	const char *pool_id, *sd;

	json_object_foreach (fake_agents_pools(fa, host_id), pool_id, pool)
		json_object_foreach (json_object_get(pool, "domains"), sd, state)
			if (strcmp(json_string_value(state), "Active") == 0)
				json_object_set_new(out, sd,
				                    json_pack("{s:i,s:s,s:s,s:b,s:i,s:b,s:b}", "code", code,
				                              "lastCheck", "1.0", "delay", "0.001", "valid", code == 0,
				                              "version", 5, "acquired", 1, "actual", 1));
	return out;
}
