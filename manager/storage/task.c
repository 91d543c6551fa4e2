/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Storage tasks: verbs of the SPM that answer with an id and go on. A task outlives the agent, so its id is what counts; but
 * between asking and hearing the id, or when the host goes away, nobody knows. Then the step that asked looks at the real
 * state; before that, storage_settle_host() waits until nothing runs that nobody waits for.
 */
#include <string.h>

#include "base/log.h"
#include "manager/storage/storage_int.h"

enum { POLL_MIN_MS = 100, POLL_MAX_MS = 2000, POLL_CALL_MS = 20 * 1000, STRAY_TICKS = 2 };

struct stray {
	int seen;
};

static char *task_key(const char *host_id, const char *task_id) { return g_strconcat(host_id, "/", task_id, NULL); }

static int poll(struct core *c, const char *host_id, const char *task_id, const char *correlation, json_t **out,
                struct err *e)
{
	return agent_call(c, host_id, "Task.getStatus", json_pack("{s:s}", "taskID", task_id), POLL_CALL_MS,
	                  correlation, out, e);
}

static void clear(struct core *c, const char *host_id, const char *task_id, const char *correlation)
{
	struct err e;

	if (agent_call(c, host_id, "Task.clear", json_pack("{s:s}", "taskID", task_id), STORAGE_CALL_MS, correlation,
	               NULL, &e) < 0)
		log_warn("storage task could not be cleared; tried again later", "HOST", host_id, "TASK", task_id,
		         "REASON", e.detail);
}

static int outcome(const json_t *status, struct err *e)
{
	int code = (int)storage_int(json_object_get(status, "code"));
	const char *result = json_string_value(json_object_get(status, "taskResult"));
	const char *message = json_string_value(json_object_get(status, "message"));

	if (code == 0 && g_strcmp0(result, "success") == 0)
		return 0;
	return err_agent(e, code ? code : 100, "%.500s", message && *message ? message : "the storage task failed");
}

/* The host went away, or its agent cannot tell just now: it is given time to come back with the task. */
static bool may_return(struct core *c, int64_t *lost_since)
{
	int64_t now = loop_now_ms(c->loop);

	if (*lost_since < 0)
		*lost_since = now;
	return now - *lost_since < STORAGE_PATIENCE_MS;
}

static int poll_to_end(struct core *c, const char *host_id, const char *task_id, const char *correlation, struct err *e)
{
	int64_t pause = POLL_MIN_MS, lost_since = -1;

	for (;;) {
		auto_json *status = NULL;
		const char *state;

		if (poll(c, host_id, task_id, correlation, &status, e) < 0) {
			if (e->code == ERR_AGENT && e->agent_code == AGENT_TASK_UNKNOWN)
				return err_set(e, ERR_NETWORK, "The host does not know storage task %s any more.",
				               task_id);
			if (!may_return(c, &lost_since)) /* whatever it was, nobody knows what became of the task */
				return storage_is_lost(e)
				           ? -1
				           : err_set(e, ERR_NETWORK, "The state of storage task %s is unknown.",
				                     task_id);
		} else {
			lost_since = -1;
			state = json_string_value(json_object_get(status, "taskState"));
			if (g_strcmp0(state, "finished") == 0)
				return outcome(status, e);
		}
		fiber_sleep(pause);
		pause = MIN(pause * 2, POLL_MAX_MS);
	}
}

int task_wait(struct core *c, const char *host_id, const char *task_id, const char *correlation, struct err *e)
{
	g_autofree char *key = task_key(host_id, task_id);
	int rc;

	g_hash_table_add(c->storage->tasks, g_strdup(key));
	rc = poll_to_end(c, host_id, task_id, correlation, e);
	if (rc == 0 || !storage_is_lost(e))
		clear(c, host_id, task_id, correlation);
	g_hash_table_remove(c->storage->tasks, key);
	return rc;
}

int storage_run_task(struct job *j, const char *host_id, const char *method, json_t *params, struct err *e)
{
	struct core *c = job_core(j);
	g_autofree char *host = g_strdup(host_id);
	auto_json *task = NULL;
	int rc;

	c->storage->n_starting++;
	rc = agent_call(c, host, method, params, STORAGE_CONNECT_MS, job_correlation(j), &task, e);
	c->storage->n_starting--;
	if (rc < 0)
		return -1;
	if (!json_is_string(task))
		return err_set(e, ERR_BACKEND, "%s: the agent did not answer with a task.", method);
	if (task_wait(c, host, json_string_value(task), job_correlation(j), e) < 0)
		return err_wrap(e, "%s", method);
	return 0;
}

/* ---- what nobody waits for ---- */

static bool is_ended(const json_t *status)
{
	return g_strcmp0(json_string_value(json_object_get(status, "taskState")), "finished") == 0;
}

static int all_tasks(struct core *c, const char *host_id, const char *correlation, json_t **out, struct err *e)
{
	return agent_call(c, host_id, "Host.getAllTasksStatuses", NULL, STORAGE_CALL_MS, correlation, out, e);
}

/* Some agents put the list one level down. */
static json_t *task_list(json_t *answer)
{
	json_t *inner = json_object_get(answer, "allTasksStatus");
	return inner ? inner : answer;
}

static bool runs_unknown(struct core *c, const char *host_id, json_t *answer)
{
	const char *id;
	json_t *one;

	json_object_foreach (task_list(answer), id, one) {
		g_autofree char *key = task_key(host_id, id);
		if (!is_ended(one) && !g_hash_table_contains(c->storage->tasks, key))
			return true;
	}
	return false;
}

int storage_settle_host(struct core *c, const char *host_id, const char *correlation, struct err *e)
{
	g_autofree char *host = g_strdup(host_id);
	int64_t until = loop_now_ms(c->loop) + STORAGE_PATIENCE_MS, pause = POLL_MIN_MS;

	for (;;) {
		auto_json *answer = NULL;

		if (all_tasks(c, host, correlation, &answer, e) < 0)
			return -1;
		if (!runs_unknown(c, host, answer))
			return 0;
		if (loop_now_ms(c->loop) >= until)
			return err_set(e, ERR_TIMEOUT, "The Host %s still works on an earlier storage task.",
			               storage_name(c, KIND_HOST, host));
		fiber_sleep(pause);
		pause = MIN(pause * 2, POLL_MAX_MS);
	}
}

int storage_check_spm(struct core *c, const char *host_id, const char *dc_id, const char *correlation, struct err *e)
{
	enum spm_answer s;

	if (pool_spm_status(c, host_id, dc_id, correlation, &s, e) == 0 && s == SPM_HERE)
		return 0;
	return err_set(e, ERR_NETWORK, "The Host %s does not manage the storage of the Data Center just now.",
	               storage_name(c, KIND_HOST, host_id));
}

/* Seen twice, ended, waited for by nobody: it goes. */
static bool is_stray(struct core *c, const char *key)
{
	struct stray *s;

	if (c->storage->n_starting || g_hash_table_contains(c->storage->tasks, key))
		return false;
	s = g_hash_table_lookup(c->storage->strays, key);
	if (!s) {
		s = g_new0(struct stray, 1);
		g_hash_table_insert(c->storage->strays, g_strdup(key), s);
	}
	return ++s->seen >= STRAY_TICKS;
}

void storage_clear_strays(struct core *c, const char *host_id)
{
	g_autofree char *host = g_strdup(host_id);
	auto_json *answer = NULL;
	struct err e;
	const char *id;
	json_t *one;

	if (all_tasks(c, host, NULL, &answer, &e) < 0)
		return;
	json_object_foreach (task_list(answer), id, one) {
		g_autofree char *key = task_key(host, id);
		if (!is_ended(one) || !is_stray(c, key))
			continue;
		g_hash_table_remove(c->storage->strays, key);
		clear(c, host, id, NULL);
	}
}

/* ---- patience ---- */

const char *storage_wait_spm(struct core *c, struct pool *p, const char *dc_id, int64_t patience_ms, struct err *e)
{
	int64_t until = loop_now_ms(c->loop) + patience_ms, pause = POLL_MIN_MS;

	for (;;) {
		const char *host = storage_spm(c, dc_id, e);
		if (host)
			return pool_strdup(p, host);
		if (loop_now_ms(c->loop) >= until)
			return NULL;
		fiber_sleep(pause);
		pause = MIN(pause * 2, POLL_MAX_MS);
	}
}

/* A host that restarted is not SPM for a while: as good as lost. */
static bool is_passing(const struct err *e)
{
	if (e->code != ERR_AGENT)
		return storage_is_lost(e);
	return e->agent_code == AGENT_NOT_SPM || e->agent_code == AGENT_POOL_UNKNOWN ||
	       e->agent_code == AGENT_TASK_ABORTED || e->agent_code == AGENT_RECOVERING;
}

int storage_patiently(struct job *j, int (*fn)(struct job *j, struct err *e), struct err *e)
{
	struct core *c = job_core(j);
	int64_t until = loop_now_ms(c->loop) + STORAGE_PATIENCE_MS, pause = 500;

	for (;;) {
		if (fn(j, e) == 0)
			return 0;
		if (!is_passing(e) || loop_now_ms(c->loop) + pause > until)
			return -1;
		log_info("a storage step waits for its host", "JOB", job_id(j), "REASON", e->detail);
		fiber_sleep(pause);
		pause = MIN(pause * 2, 5000);
	}
}
