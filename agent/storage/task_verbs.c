/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "agent/storage/storage_int.h"

static int find_task(struct agent *a, struct verb_call *c, struct stask **t, struct err *e)
{
	const char *id;

	if (verb_uuid(c, "taskID", &id, e) < 0)
		return -1;
	*t = g_hash_table_lookup(storage_of(a)->tasks, id);
	if (!*t)
		return err_agent(e, SC_TASK_UNKNOWN, "Task id unknown: %s", id);
	return 0;
}

static json_t *status_json(const struct stask *t)
{
	return json_pack("{s:s,s:s,s:s,s:i,s:s}", "taskID", t->id, "taskState", t->state, "taskResult", t->outcome,
	                 "code", t->code, "message", t->message);
}

static json_t *info_json(const struct stask *t) { return json_pack("{s:s,s:s}", "id", t->id, "verb", t->verb); }

static json_t *details_json(const struct stask *t)
{
	return json_pack("{s:s,s:s,s:s,s:s,s:i,s:s,s:s}", "id", t->id, "verb", t->verb, "state", t->state, "taskResult",
	                 t->outcome, "code", t->code, "message", t->message, "tag", "spm");
}

int sverb_task_status(struct agent *a, struct verb_call *c, struct err *e)
{
	struct stask *t;

	if (find_task(a, c, &t, e) < 0)
		return -1;
	c->result = status_json(t);
	return 0;
}

int sverb_task_info(struct agent *a, struct verb_call *c, struct err *e)
{
	struct stask *t;

	if (find_task(a, c, &t, e) < 0)
		return -1;
	c->result = info_json(t);
	return 0;
}

int sverb_task_stop(struct agent *a, struct verb_call *c, struct err *e)
{
	struct stask *t;

	if (find_task(a, c, &t, e) < 0)
		return -1;
	if (stask_is_finished(t) || t->is_stop_asked)
		return 0;
	if (!t->worker)
		return err_agent(e, SC_TASK_STATE, "Task %s cannot be stopped", t->id);
	t->is_stop_asked = true;
	client_kill(t->worker);
	return 0;
}

int sverb_task_revert(struct agent *a, struct verb_call *c, struct err *e)
{
	struct stask *t;

	if (find_task(a, c, &t, e) < 0)
		return -1;
	if (stask_is_finished(t) && strcmp(t->outcome, "success") == 0)
		return err_agent(e, SC_TASK_STATE, "Task %s has succeeded and cannot be reverted", t->id);
	return sverb_task_stop(a, c, e);
}

/* Nobody will ask again, so that a passing failure is tried once more; what is left then goes when the
 * next SPM starts. */
static bool clear_on_storage(struct spool *p, json_t *args, struct err *e)
{
	json_t *ok = NULL;

	for (int i = 0; i < 2 && !ok; i++) {
		struct client *w = client_new(p->storage->workers, p->lease_fd);

		ok = client_call(w, "task.clear", json_incref(args), STORAGE_CALL_MS, NULL, e);
		client_free(w);
	}
	json_decref(ok);
	return ok;
}

int sverb_task_clear(struct agent *a, struct verb_call *c, struct err *e)
{
	struct storage *s = storage_of(a);
	struct stask *t;
	struct spool *p;
	json_t *args;
	bool ok;

	if (find_task(a, c, &t, e) < 0)
		return -1;
	if (!stask_is_finished(t) || t->is_fiber_running)
		return err_agent(e, 403, "Task %s is not finished", t->id);
	if (!t->is_persisted) {
		g_hash_table_remove(s->tasks, t->id);
		return 0;
	}
	if (spool_check_spm(t->pool, e) < 0)
		return -1;
	args = stask_args(t);
	p = t->pool;
	/* Gone from the table first: the wait may be long, and a second clear must not find it. */
	g_hash_table_remove(s->tasks, t->id);
	storage_fiber_begin(s);
	ok = clear_on_storage(p, args, e);
	storage_fiber_end(s);
	json_decref(args);
	return ok ? 0 : storage_settle_error(e);
}

static int all_tasks(struct agent *a, struct verb_call *c, json_t *(*describe)(const struct stask *))
{
	GHashTableIter it;
	gpointer value;

	c->result = json_object();
	g_hash_table_iter_init(&it, storage_of(a)->tasks);
	while (g_hash_table_iter_next(&it, NULL, &value))
		json_object_set_new(c->result, ((struct stask *)value)->id, describe(value));
	return 0;
}

int sverb_all_statuses(struct agent *a, struct verb_call *c, struct err *e) { return all_tasks(a, c, status_json); }
int sverb_all_infos(struct agent *a, struct verb_call *c, struct err *e) { return all_tasks(a, c, info_json); }
int sverb_all_details(struct agent *a, struct verb_call *c, struct err *e) { return all_tasks(a, c, details_json); }
