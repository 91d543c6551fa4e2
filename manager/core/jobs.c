/* SPDX-License-Identifier: Apache-2.0 */
#include "manager/core/jobs.h"

#include <string.h>

#include "base/log.h"
#include "manager/core/locks.h"

enum {
	KEEP_DONE_MS = 10 * 60 * 1000, /* behaviour of the existing managers: done 10 min, failed 60 min */
	KEEP_FAILED_MS = 60 * 60 * 1000,
	CLEAN_PERIOD_MS = 60 * 1000,
	UNDO_TRIES = 8,
	RETRY_MS = 1000,
	RETRY_MAX_MS = 30 * 1000,
};

#define LEFT_BEHIND "left_behind" /* in a job's data: steps that could not be undone */

struct jobs {
	struct core *core;
	GPtrArray *commands;
	GHashTable *running; /* id -> struct job */
	struct loop_timer clean;
	void (*probe)(void *, const char *, const char *, bool, bool);
	void *probe_arg;
};

struct job {
	struct core *core;
	const struct command *cmd;
	char id[UUID_LEN + 1];
	char correlation[64];
	json_t *data;
	GPtrArray *locks;
	int step;
	bool is_undoing, is_resumed;
	struct err error;
	/* of the step that runs */
	bool is_taken; /* it did its work, and only its end is not recorded yet */
	struct pool *pool;
	struct txn *txn;
};

struct jobs *jobs_new(struct core *c)
{
	struct jobs *js = g_new0(struct jobs, 1);

	js->core = c;
	js->commands = g_ptr_array_new();
	js->running = g_hash_table_new(g_str_hash, g_str_equal);
	return js;
}

static void job_free(struct job *j)
{
	json_decref(j->data);
	g_ptr_array_free(j->locks, TRUE);
	if (j->txn)
		txn_cancel(j->txn);
	pool_free(j->pool);
	g_free(j);
}

void jobs_free(struct jobs *js)
{
	GHashTableIter it;
	struct job *j;

	if (!js)
		return;
	timer_stop(js->core->loop, &js->clean);
	g_hash_table_iter_init(&it, js->running);
	while (g_hash_table_iter_next(&it, NULL, (void **)&j))
		job_free(j);
	g_hash_table_destroy(js->running);
	g_ptr_array_free(js->commands, TRUE);
	g_free(js);
}

void jobs_register(struct core *c, const struct command *cmd) { g_ptr_array_add(c->jobs->commands, (void *)cmd); }

const struct command *jobs_command(struct core *c, unsigned i)
{
	return i < c->jobs->commands->len ? g_ptr_array_index(c->jobs->commands, i) : NULL;
}

static const struct command *find_command(struct core *c, const char *name)
{
	for (guint i = 0; i < c->jobs->commands->len; i++) {
		const struct command *cmd = g_ptr_array_index(c->jobs->commands, i);
		if (strcmp(cmd->name, name) == 0)
			return cmd;
	}
	return NULL;
}

unsigned jobs_running(struct core *c) { return g_hash_table_size(c->jobs->running); }

void jobs_set_probe(struct core *c, void (*probe)(void *, const char *, const char *, bool, bool), void *arg)
{
	c->jobs->probe = probe;
	c->jobs->probe_arg = arg;
}

static void probe(struct job *j, bool is_done)
{
	struct jobs *js = j->core->jobs;

	if (js->probe)
		js->probe(js->probe_arg, j->cmd->name, j->cmd->steps[j->step].name, j->is_undoing, is_done);
}

/* ---- what steps use ---- */

struct core *job_core(struct job *j) { return j->core; }
const char *job_id(const struct job *j) { return j->id; }
const char *job_correlation(const struct job *j) { return j->correlation; }
struct pool *job_pool(struct job *j) { return j->pool; }
json_t *job_data(struct job *j) { return j->data; }
bool job_is_resumed(const struct job *j) { return j->is_resumed; }
bool job_has_left(const struct job *j, const char *step)
{
	return json_object_get(json_object_get(j->data, LEFT_BEHIND), step) != NULL;
}

const char *job_text(struct job *j, const char *key)
{
	const char *s = json_string_value(json_object_get(j->data, key));
	return s ? s : "";
}

int64_t job_int(struct job *j, const char *key) { return json_integer_value(json_object_get(j->data, key)); }

void job_set_text(struct job *j, const char *key, const char *value)
{
	json_object_set_new(j->data, key, json_string(value));
}

struct txn *job_txn(struct job *j)
{
	if (!j->txn)
		j->txn = txn_begin(j->core);
	return j->txn;
}

int job_agent_call(struct job *j, const char *host_id, const char *method, json_t *params, int timeout_ms,
                   int64_t patience_ms, json_t **result, struct err *e)
{
	int64_t until = loop_now_ms(j->core->loop) + patience_ms;
	int64_t pause = RETRY_MS;
	int rc;

	for (;;) {
		rc = agent_call(j->core, host_id, method, json_incref(params), timeout_ms, j->correlation, result, e);
		if (rc == 0 || (e->code != ERR_NETWORK && e->code != ERR_TIMEOUT) ||
		    loop_now_ms(j->core->loop) + pause > until)
			break;
		fiber_sleep(pause);
		pause = MIN(pause * 2, RETRY_MAX_MS);
	}
	json_decref(params);
	return rc;
}

/* ---- records ---- */

static char *step_entity_id(struct job *j, struct pool *p, int step)
{
	uuid_text u;

	uuid_derive(j->id, j->cmd->steps[step].name, u);
	return pool_strdup(p, u);
}

static void record_step(struct job *j, struct txn *t, int step, enum m_step_status status)
{
	char *id = step_entity_id(j, txn_pool(t), step);
	struct m_step *s = txn_edit(t, KIND_STEP, id);
	int64_t now = loop_wall_ms(j->core->loop);

	if (!s) {
		s = txn_new(t, KIND_STEP, id);
		s->description = pool_strdup(txn_pool(t), j->cmd->steps[step].title);
		s->job.id = pool_strdup(txn_pool(t), j->id);
		s->type = M_STEP_ENUM_EXECUTING;
		M_SET(s, number, step);
		M_SET(s, external, false);
		M_SET(s, start_time, now);
	}
	s->status = status;
	if (status != M_STEP_STATUS_STARTED)
		M_SET(s, end_time, now);
}

static void record_job(struct job *j, struct txn *t, enum m_job_status status)
{
	struct m_job *m = txn_edit(t, KIND_JOB, j->id);
	g_autofree char *params = json_dumps(j->data, JSON_COMPACT);

	if (!m)
		return;
	m->params = pool_strdup(txn_pool(t), params);
	m->status = status;
	M_SET(m, step_index, j->step);
	M_SET(m, is_undoing, j->is_undoing);
	M_SET(m, last_updated, loop_wall_ms(j->core->loop));
	if (j->is_undoing)
		m->error = pool_strdup(txn_pool(t), j->error.detail);
	if (status != M_JOB_STATUS_STARTED)
		M_SET(m, end_time, m->last_updated);
}

void job_progress(struct job *j, int percent)
{
	struct txn *t = txn_begin(j->core);
	auto_pool p = pool_new();
	struct m_step *s = txn_edit(t, KIND_STEP, step_entity_id(j, p, j->step));

	if (s)
		M_SET(s, progress, CLAMP(percent, 0, 100));
	txn_commit_async(t);
}

/* ---- the runner ---- */

/* Commit what there is to say; the disk may be full for a while, and then the job waits. */
static void insist(struct job *j, void (*fill)(struct job *j, struct txn *t))
{
	int64_t pause = RETRY_MS;
	struct err e;

	for (;;) {
		struct txn *t = txn_begin(j->core);
		fill(j, t);
		if (txn_commit(t, &e) == 0)
			return;
		log_warn("a job waits for the journal", "JOB", j->id, "REASON", e.detail);
		fiber_sleep(pause);
		pause = MIN(pause * 2, RETRY_MAX_MS);
	}
}

static void step_begin(struct job *j)
{
	j->pool = pool_new();
	j->txn = NULL;
}

static void step_drop(struct job *j)
{
	if (j->txn)
		txn_cancel(j->txn);
	j->txn = NULL;
	pool_free(j->pool);
	j->pool = NULL;
}

static bool is_past_pivot(const struct job *j)
{
	for (int i = 0; i < j->step; i++)
		if (j->cmd->steps[i].is_pivot)
			return true;
	return false;
}

/* Run the present step and commit its end. 0: the next one is recorded. */
static int run_step(struct job *j, struct err *e)
{
	const struct job_step *s = &j->cmd->steps[j->step];
	struct txn *t;

	step_begin(j);
	j->is_taken = false;
	if (s->run(j, e) < 0) {
		step_drop(j);
		return -1;
	}
	j->is_taken = true;
	probe(j, true);
	if (j->step + 1 == j->cmd->n_steps) { /* the end commits it, with the job's own end */
		return 0;
	}
	t = job_txn(j);
	record_step(j, t, j->step, M_STEP_STATUS_FINISHED);
	j->step++;
	record_step(j, t, j->step, M_STEP_STATUS_STARTED);
	record_job(j, t, M_JOB_STATUS_STARTED);
	j->txn = NULL;
	if (txn_commit(t, e) < 0) {
		j->step--;
		step_drop(j);
		return -1;
	}
	step_drop(j);
	return 0;
}

static void drop_locks(struct job *j)
{
	for (guint i = 0; i < j->locks->len; i++)
		lock_drop(j->core, g_ptr_array_index(j->locks, i), j->id);
}

static void fill_end(struct job *j, struct txn *t, bool ok)
{
	record_step(j, t, j->step, ok ? M_STEP_STATUS_FINISHED : M_STEP_STATUS_FAILED);
	record_job(j, t, ok ? M_JOB_STATUS_FINISHED : M_JOB_STATUS_FAILED);
	if (j->cmd->ended)
		j->cmd->ended(j, t, ok, ok ? NULL : &j->error);
}

static void fill_failed(struct job *j, struct txn *t) { fill_end(j, t, false); }

/* The last step's changes and the job's end, in one transaction. */
static int finish(struct job *j, struct err *e)
{
	struct txn *t = job_txn(j);

	fill_end(j, t, true);
	j->txn = NULL;
	if (txn_commit(t, e) < 0) {
		step_drop(j);
		return -1;
	}
	step_drop(j);
	return 0;
}

static void fill_undoing(struct job *j, struct txn *t)
{
	record_step(j, t, j->step, M_STEP_STATUS_FAILED);
	record_job(j, t, M_JOB_STATUS_STARTED);
}

static void undo_step(struct job *j)
{
	const struct job_step *s = &j->cmd->steps[j->step];
	int64_t pause = RETRY_MS;
	struct err e;

	for (int try = 1; s->undo; try++) {
		struct txn *t;

		step_begin(j);
		if (s->undo(j, &e) == 0) {
			t = j->txn;
			j->txn = NULL;
			if (!t || txn_commit(t, &e) == 0) {
				step_drop(j);
				return;
			}
		}
		step_drop(j);
		if (try >= UNDO_TRIES && e.code != ERR_NO_SPACE) {
			log_error("a step could not be undone; what it left stays", "JOB", j->id, "STEP", s->name,
			          "REASON", e.detail);
			if (!json_object_get(j->data, LEFT_BEHIND))
				json_object_set_new(j->data, LEFT_BEHIND, json_object());
			json_object_set_new(json_object_get(j->data, LEFT_BEHIND), s->name, json_true());
			return;
		}
		fiber_sleep(pause);
		pause = MIN(pause * 2, RETRY_MAX_MS);
	}
}

static void undo_all(struct job *j)
{
	for (;;) {
		probe(j, false);
		undo_step(j);
		probe(j, true);
		j->is_resumed = false;
		if (j->step == 0)
			break;
		j->step--;
		insist(j, fill_undoing);
	}
	insist(j, fill_failed);
}

/* No way back, or no reason to go there: what fails is the journal, which an undo would need as well. */
static bool is_tried_again(const struct job *j, const struct err *e)
{
	return is_past_pivot(j) || (j->is_taken && (j->cmd->steps[j->step].is_pivot || e->code == ERR_BACKEND)) ||
	       e->code == ERR_NO_SPACE || e->code == ERR_CANCELLED;
}

static bool go_forward(struct job *j)
{
	int64_t pause = RETRY_MS;

	while (!j->is_undoing) {
		struct err e = ERR_INIT;
		bool is_last = j->step + 1 == j->cmd->n_steps;
		int rc;

		probe(j, false);
		rc = run_step(j, &e);
		if (rc == 0 && is_last)
			rc = finish(j, &e);
		if (rc == 0) {
			if (is_last)
				return true;
			pause = RETRY_MS;
			j->is_resumed = false;
			continue;
		}
		if (is_tried_again(j, &e)) {
			log_warn("a step is tried again", "JOB", j->id, "STEP", j->cmd->steps[j->step].name, "REASON",
			         e.detail);
			fiber_sleep(pause);
			pause = MIN(pause * 2, RETRY_MAX_MS);
			continue;
		}
		j->error = e;
		j->is_undoing = true;
		insist(j, fill_undoing);
	}
	return false;
}

static void job_main(void *arg)
{
	struct job *j = arg;
	struct core *c = j->core;
	bool ok = go_forward(j);

	if (!ok)
		undo_all(j);
	drop_locks(j);
	g_hash_table_remove(c->jobs->running, j->id);
	if (ok)
		log_info("job finished", "COMMAND", j->cmd->name, "JOB", j->id, "CORRELATION", j->correlation);
	else
		log_warn("job failed", "COMMAND", j->cmd->name, "JOB", j->id, "CORRELATION", j->correlation, "REASON",
		         j->error.detail);
	job_free(j);
	waitq_wake_all(&c->changed);
}

static void job_launch(struct job *j)
{
	g_hash_table_insert(j->core->jobs->running, j->id, j);
	fiber_start(j->core->loop, "job", job_main, j);
}

/* ---- start ---- */

static int take_locks(struct job *j, const char *const *ids, const char *title, struct err *e)
{
	for (; ids && *ids; ids++) {
		if (lock_take(j->core, *ids, j->id, title, e) < 0) {
			drop_locks(j);
			return -1;
		}
		g_ptr_array_add(j->locks, g_strdup(*ids));
	}
	return 0;
}

static void set_strings(struct pool *p, char ***v, uint32_t *n, const char *const *from)
{
	uint32_t count = 0;

	while (from && from[count])
		count++;
	*v = POOL_ARRAY(p, char *, count + 1);
	*n = count;
	for (uint32_t i = 0; i < count; i++)
		(*v)[i] = pool_strdup(p, from[i]);
}

static struct m_job *new_record(struct txn *t, const char *id, const char *correlation_id, const char *owner_id,
                                const char *title)
{
	struct m_job *m = txn_new(t, KIND_JOB, id);
	struct pool *p = txn_pool(t);
	int64_t now = loop_wall_ms(txn_core(t)->loop);

	m->description = pool_strdup(p, title);
	m->correlation_id = pool_strdup(p, correlation_id);
	m->owner.id = pool_strdup(p, owner_id);
	M_SET(m, external, false);
	M_SET(m, auto_cleared, true);
	M_SET(m, start_time, now);
	M_SET(m, last_updated, now);
	return m;
}

static struct job *job_alloc(struct core *c, const struct command *cmd, const char *id, json_t *data,
                             const char *correlation_id)
{
	struct job *j = g_new0(struct job, 1);

	j->core = c;
	j->cmd = cmd;
	j->data = data ? data : json_object();
	j->locks = g_ptr_array_new_with_free_func(g_free);
	g_strlcpy(j->id, id, sizeof(j->id));
	g_strlcpy(j->correlation, correlation_id ? correlation_id : "", sizeof(j->correlation));
	return j;
}

int job_start(struct txn *t, const struct job_spec *spec, char *id_out, struct err *e, const char *title, ...)
{
	struct core *c = txn_core(t);
	g_autofree char *text = NULL;
	struct m_job *m;
	struct job *j;
	va_list ap;

	va_start(ap, title);
	text = g_strdup_vprintf(title, ap);
	va_end(ap);
	j = job_alloc(c, spec->command, core_uuid(c, txn_pool(t)), spec->data, spec->correlation_id);
	if (take_locks(j, spec->locks, text, e) < 0) {
		txn_cancel(t);
		job_free(j);
		return -1;
	}
	m = new_record(t, j->id, spec->correlation_id, spec->owner_id, text);
	m->command = pool_strdup(txn_pool(t), spec->command->name);
	set_strings(txn_pool(t), &m->locks.v, &m->locks.n, spec->locks);
	set_strings(txn_pool(t), &m->objects.v, &m->objects.n, spec->objects);
	record_job(j, t, M_JOB_STATUS_STARTED);
	record_step(j, t, 0, M_STEP_STATUS_STARTED);
	if (txn_commit(t, e) < 0) {
		drop_locks(j);
		job_free(j);
		return -1;
	}
	memcpy(id_out, j->id, sizeof(j->id));
	job_launch(j);
	return 0;
}

void job_record(struct txn *t, const char *correlation_id, const char *owner_id, char *id_out, const char *title, ...)
{
	g_autofree char *text = NULL;
	uuid_text id;
	struct m_job *m;
	va_list ap;

	va_start(ap, title);
	text = g_strdup_vprintf(title, ap);
	va_end(ap);
	uuid_make(txn_core(t)->chance, id);
	m = new_record(t, id, correlation_id, owner_id, text);
	m->status = M_JOB_STATUS_FINISHED;
	M_SET(m, end_time, m->start_time);
	memcpy(id_out, id, sizeof(id));
}

int job_wait(struct core *c, const char *id, int64_t timeout_ms, struct err *e)
{
	int64_t until = loop_now_ms(c->loop) + timeout_ms;

	while (g_hash_table_contains(c->jobs->running, id)) {
		int64_t left = until - loop_now_ms(c->loop);
		if (left <= 0 || !waitq_wait(&c->changed, left))
			return err_set(e, ERR_TIMEOUT, "The job %s goes on.", id);
	}
	const struct m_job *m = INV_GET(c->inv, JOB, job, id);
	if (m && m->status == M_JOB_STATUS_FAILED)
		return err_set(e, ERR_CONFLICT, "%s", m->error ? m->error : "The job failed.");
	return 0;
}

/* ---- restart ---- */

#ifdef HOSTLER_PLANTED_BUG /* for the test that the simulator finds such a thing: what was begun counts as done */
static int step_to_resume(const struct command *cmd, const struct m_job *m)
{
	return (int)CLAMP(M_GET(m, step_index, 0) + !M_GET(m, is_undoing, false), 0, cmd->n_steps - 1);
}
#else
static int step_to_resume(const struct command *cmd, const struct m_job *m)
{
	return (int)CLAMP(M_GET(m, step_index, 0), 0, cmd->n_steps - 1);
}
#endif

static void resume_one(struct core *c, const struct m_job *m)
{
	const struct command *cmd = find_command(c, m->command ? m->command : "");
	struct err e;
	struct job *j;

	if (!cmd || !m->params) {
		log_error("a job of the journal is unknown to this version; left alone", "JOB", m->id, "COMMAND",
		          m->command);
		return;
	}
	j = job_alloc(c, cmd, m->id, json_loads(m->params, 0, NULL), m->correlation_id);
	j->step = step_to_resume(cmd, m);
	j->is_undoing = M_GET(m, is_undoing, false);
	j->is_resumed = true;
	if (j->is_undoing)
		err_set(&j->error, ERR_INTERNAL, "%s", m->error ? m->error : "");
	for (uint32_t i = 0; i < m->locks.n; i++) {
		g_ptr_array_add(j->locks, g_strdup(m->locks.v[i]));
		if (lock_take(c, m->locks.v[i], j->id, m->description ? m->description : cmd->name, &e) < 0)
			log_error("two jobs of the journal hold one lock", "JOB", j->id, "REASON", e.detail);
	}
	log_info("job resumed", "COMMAND", cmd->name, "JOB", j->id, "STEP", cmd->steps[j->step].name);
	job_launch(j);
}

static void clean(void *arg)
{
	struct jobs *js = arg;
	struct core *c = js->core;
	int64_t now = loop_wall_ms(c->loop);
	struct txn *t = txn_begin(c);
	int n = 0;

	INV_EACH (e, c->inv, KIND_JOB) {
		const struct m_job *m = e->pub;
		int64_t keep = m->status == M_JOB_STATUS_FINISHED ? KEEP_DONE_MS : KEEP_FAILED_MS;

		if (m->status == M_JOB_STATUS_STARTED || !m->has.end_time || now - m->end_time < keep ||
		    !M_GET(m, auto_cleared, true))
			continue;
		if (++n > 500)
			break;
		INV_EACH_BY (s, c->inv, KIND_STEP, IDX_STEP_job, e->id)
			txn_remove(t, KIND_STEP, s->id);
		txn_remove(t, KIND_JOB, e->id);
	}
	txn_commit_async(t);
	timer_start(c->loop, &js->clean, n > 500 ? 100 : CLEAN_PERIOD_MS, clean, js);
}

void jobs_resume(struct core *c)
{
	INV_EACH (e, c->inv, KIND_JOB) {
		const struct m_job *m = e->pub;
		if (m->status == M_JOB_STATUS_STARTED && !M_GET(m, external, false))
			resume_one(c, m);
	}
	timer_start(c->loop, &c->jobs->clean, CLEAN_PERIOD_MS, clean, c->jobs);
}
