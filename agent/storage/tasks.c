/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tasks: operations of the SPM that answer with an id and go on. Each has a worker process of its own,
 * which writes the task down on the master, runs it and writes its end. When that process dies, of a
 * crash or since the task was stopped, another one looks what is there and undoes or finishes it.
 */
#include <string.h>

#include "agent/storage/storage_int.h"
#include "base/log.h"

#define RECOVER_MS (10 * 60 * 1000)
#define GONE_MS    (30 * 1000)

void stask_free(void *p)
{
	struct stask *t = p;

	client_free(t->worker);
	json_decref(t->args);
	g_free(t->verb);
	g_free(t->op);
	g_free(t->message);
	g_free(t->lock_sd);
	g_free(t->lock_img);
	g_free(t);
}

bool stask_is_finished(const struct stask *t) { return strcmp(t->state, "finished") == 0; }

/* Finished tasks that nobody cleared make room, those in memory only; persisted ones are the Manager's. */
static int make_room(struct storage *s, struct err *e)
{
	GHashTableIter it;
	gpointer value;

	if (g_hash_table_size(s->tasks) < STORAGE_MAX_TASKS)
		return 0;
	g_hash_table_iter_init(&it, s->tasks);
	while (g_hash_table_iter_next(&it, NULL, &value)) {
		struct stask *t = value;

		if (stask_is_finished(t) && !t->is_persisted && !t->is_fiber_running)
			g_hash_table_iter_remove(&it);
	}
	if (g_hash_table_size(s->tasks) >= STORAGE_MAX_TASKS)
		return err_agent(e, SC_TASK_ADD, "Cannot add a task: there are %d", STORAGE_MAX_TASKS);
	return 0;
}

static struct stask *task_new(struct storage *s, struct spool *p, const char *id, const char *verb, const char *op)
{
	struct stask *t = g_new0(struct stask, 1);

	t->storage = s;
	t->pool = p;
	if (id)
		g_strlcpy(t->id, id, sizeof(t->id));
	else
		uuid_make(s->agent->chance, t->id);
	t->verb = g_strdup(verb);
	t->op = g_strdup(op);
	t->state = "init";
	t->outcome = "";
	t->message = g_strdup("");
	g_hash_table_insert(s->tasks, t->id, t);
	return t;
}

static void task_finish(struct stask *t, const char *outcome, int code, const char *message)
{
	char number[16];

	t->state = "finished";
	t->outcome = outcome;
	t->code = code;
	g_free(t->message);
	t->message = g_strdup(message);
	g_snprintf(number, sizeof(number), "%d", code);
	log_write(code ? LOG_LEVEL_WARN : LOG_LEVEL_INFO, "storage task ended", "TASK", t->id, "VERB", t->verb, "CODE",
	          number, "RESULT", code ? message : NULL, (char *)0);
}

/* What the worker says about a task: {state, code, message}. */
static void take_end(struct stask *t, const json_t *told)
{
	const char *state = json_string_value(json_object_get(told, "state"));
	const char *message = json_string_value(json_object_get(told, "message"));
	int code = (int)json_integer_value(json_object_get(told, "code"));

	task_finish(t,
	            g_strcmp0(state, "finished") == 0    ? "success"
	            : g_strcmp0(state, "recovered") == 0 ? "cleanSuccess"
	                                                 : "cleanFailure",
	            code, message ? message : "");
}

static json_t *master_args(const struct spool *p)
{
	return json_pack("{s:o}", "master", sdomain_args(sdomain_get(p->storage, p->master)));
}

json_t *stask_args(const struct stask *t)
{
	json_t *args = master_args(t->pool);

	json_object_set_new(args, "id", json_string(t->id));
	json_object_set_new(args, "verb", json_string(t->verb));
	json_object_set_new(args, "op", json_string(t->op));
	json_object_set(args, "args", t->args);
	return args;
}

/* The worker went in the middle of it. */
static void task_recover(struct stask *t)
{
	struct client *w;
	struct err e = ERR_INIT;
	json_t *told;

	t->state = "aborting";
	if (t->worker && !client_wait_gone(t->worker, GONE_MS)) {
		task_finish(t, "cleanFailure", SC_ACCESS_TIMEOUT,
		            "Access to storage timed out: the worker cannot be ended");
		return;
	}
	w = client_new(t->storage->workers, t->pool->lease_fd);
	told = client_call(w, "task.recover", stask_args(t), RECOVER_MS, NULL, &e);
	client_free(w);
	if (told)
		take_end(t, told);
	else
		task_finish(t, "cleanFailure", verb_error_code(&e), e.detail);
	json_decref(told);
}

static void run_unwritten(struct stask *t)
{
	struct err e = ERR_INIT;
	json_t *done = client_call(t->worker, t->op, json_incref(t->args), -1, NULL, &e);

	if (done)
		task_finish(t, "success", 0, "1 jobs completed successfully");
	else
		task_finish(t, "cleanFailure", verb_error_code(&e), e.detail);
	json_decref(done);
}

static void run_in_worker(struct stask *t)
{
	struct err e = ERR_INIT;
	json_t *told;

	if (t->is_stop_asked && t->is_persisted) {
		task_recover(t);
		return;
	}
	t->state = "running";
	if (!t->is_persisted) {
		run_unwritten(t);
		return;
	}
	told = client_call(t->worker, "task.run", stask_args(t), -1, NULL, &e);
	if (told)
		take_end(t, told);
	else if (e.code != ERR_AGENT && !t->storage->is_stopping)
		task_recover(t);
	else
		task_finish(t, "cleanFailure", verb_error_code(&e), e.detail);
	json_decref(told);
}

static int take_locks(struct stask *t, struct err *e)
{
	if (slock_take(t->storage, t->lock_sd, false, e) < 0)
		return -1;
	if (t->lock_img && slock_take(t->storage, t->lock_img, true, e) < 0) {
		slock_release(t->storage, t->lock_sd, false);
		return -1;
	}
	return 0;
}

/* Without its locks a task has not begun: recovery writes down that nothing was done. */
static void run_locked(struct stask *t)
{
	struct err e = ERR_INIT;

	if (take_locks(t, &e) < 0) {
		if (!t->storage->is_stopping && t->is_persisted)
			task_recover(t);
		task_finish(t, "cleanSuccess", e.agent_code, e.detail);
		return;
	}
	run_in_worker(t);
	if (t->lock_img)
		slock_release(t->storage, t->lock_img, true);
	slock_release(t->storage, t->lock_sd, false);
}

static void task_fiber(void *arg)
{
	struct stask *t = arg;
	struct storage *s = t->storage;
	struct err e = ERR_INIT;

	if (!t->fn) {
		run_locked(t);
	} else {
		t->state = "running";
		if (t->fn(t, &e) == 0)
			task_finish(t, "success", 0, "1 jobs completed successfully");
		else
			task_finish(t, "cleanSuccess", verb_error_code(&e), e.detail);
	}
	client_free(t->worker);
	t->worker = NULL;
	t->is_fiber_running = false;
	storage_fiber_end(s);
}

static void launch(struct stask *t)
{
	t->is_fiber_running = true;
	storage_fiber_begin(t->storage);
	fiber_start(t->storage->loop, "storage-task", task_fiber, t);
}

int stask_start_fn(struct storage *s, struct verb_call *c, struct spool *p, int (*fn)(struct stask *, struct err *),
                   struct err *e)
{
	struct stask *t;

	if (make_room(s, e) < 0)
		return -1;
	t = task_new(s, p, NULL, c->method, "");
	t->fn = fn;
	c->result = json_string(t->id);
	launch(t);
	return 0;
}

/* Nobody knows how far writing it down came, and nobody was told its id. */
static void forget_unprepared(struct stask *t)
{
	struct client *w;
	struct err e = ERR_INIT;

	if (t->storage->is_stopping || !client_wait_gone(t->worker, GONE_MS))
		return;
	w = client_new(t->storage->workers, t->pool->lease_fd);
	json_decref(client_call(w, "task.clear", stask_args(t), STORAGE_CALL_MS, NULL, &e));
	client_free(w);
}

int stask_start(struct verb_call *c, struct spool *p, struct sdomain *d, const char *op, json_t *args,
                const char *lock_img, struct err *e)
{
	struct storage *s = p->storage;
	json_t *where = sdomain_args(d), *told;
	struct stask *t;

	json_object_update(args, where);
	json_decref(where);
	if (make_room(s, e) < 0) {
		json_decref(args);
		return -1;
	}
	t = task_new(s, p, NULL, c->method, op);
	t->args = args;
	t->is_persisted = true;
	t->lock_sd = g_strdup(d->id);
	t->lock_img = lock_img ? g_strdup_printf("%s/%s", d->id, lock_img) : NULL;
	t->worker = client_new(s->workers, p->lease_fd);
	t->is_fiber_running = true; /* so that nobody clears it while we wait */
	storage_fiber_begin(s);
	told = client_call(t->worker, "task.prepare", stask_args(t), STORAGE_CALL_MS, NULL, e);
	/* On a full disk nothing can be written down, and yet it must be possible to make room: removing an
	 * image is safe to be cut short as it is. */
	if (!told && e->agent_code == SC_SD_NO_SPACE && strcmp(op, "image.delete") == 0)
		t->is_persisted = false;
	if (told || !t->is_persisted) {
		json_decref(told);
		c->result = json_string(t->id);
		launch(t);
		storage_fiber_end(s);
		return 0;
	}
	if (e->code != ERR_AGENT)
		forget_unprepared(t);
	storage_fiber_end(s);
	t->is_fiber_running = false;
	g_hash_table_remove(s->tasks, t->id);
	return storage_settle_error(e);
}

/* --- after a restart --- */

static struct stask *task_from_storage(struct spool *p, const json_t *told)
{
	const char *id = json_string_value(json_object_get(told, "id"));
	const char *verb = json_string_value(json_object_get(told, "verb"));
	const char *op = json_string_value(json_object_get(told, "op"));
	struct stask *t;

	if (!id || !uuid_is_valid(id) || g_hash_table_contains(p->storage->tasks, id))
		return NULL;
	t = task_new(p->storage, p, id, verb ? verb : "", op ? op : "");
	t->is_persisted = true;
	t->args = json_incref(json_object_get(told, "args"));
	return t;
}

int stasks_load(struct spool *p, struct err *e)
{
	struct client *w = client_new(p->storage->workers, p->lease_fd);
	json_t *list = client_call(w, "task.list", master_args(p), RECOVER_MS, NULL, e), *told;
	size_t i;

	client_free(w);
	if (!list)
		return storage_settle_error(e);
	json_array_foreach (json_object_get(list, "tasks"), i, told) {
		const char *state = json_string_value(json_object_get(told, "state"));
		struct stask *t = task_from_storage(p, told);

		if (!t)
			continue;
		t->is_fiber_running = true;
		if (g_strcmp0(state, "finished") == 0 || g_strcmp0(state, "recovered") == 0 ||
		    g_strcmp0(state, "failed") == 0)
			take_end(t, told);
		else
			task_recover(t);
		t->is_fiber_running = false;
	}
	json_decref(list);
	return 0;
}

bool stasks_are_running(const struct spool *p)
{
	GHashTableIter it;
	gpointer value;

	g_hash_table_iter_init(&it, p->storage->tasks);
	while (g_hash_table_iter_next(&it, NULL, &value)) {
		const struct stask *t = value;

		if (t->pool == p && t->is_fiber_running && !t->fn)
			return true;
	}
	return false;
}

void stasks_forget(struct spool *p)
{
	GHashTableIter it;
	gpointer value;

	g_hash_table_iter_init(&it, p->storage->tasks);
	while (g_hash_table_iter_next(&it, NULL, &value)) {
		struct stask *t = value;

		if (t->pool == p && t->is_persisted && !t->is_fiber_running)
			g_hash_table_iter_remove(&it);
	}
}
