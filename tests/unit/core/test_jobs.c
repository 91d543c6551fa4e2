/* SPDX-License-Identifier: Apache-2.0 */
/* Jobs: forward, undo, pivot, locks, waiting; killed and resumed at every step and every commit; cleaning. */
#include "tests/unit/core/rig.h"

#include <string.h>

#include "manager/core/jobs.h"
#include "manager/core/locks.h"
#include "model/types.h"

#define VM1 "00000000-0000-0000-0000-0000000000a1"
#define VM2 "00000000-0000-0000-0000-0000000000a2"

enum { STEPS = 4, FOREVER = 1000000 };

/* What the steps are told to do, and what they tell. Outlives the Manager. */
struct script {
	GString *told;
	int fails[STEPS], undo_fails[STEPS]; /* so many times */
	enum err_code code;
	int sleep_ms;
	int ended_ok, ended_bad;
	bool was_resumed;
};

static struct script script;

/* A power failure is part of the tests: what fibers owned is lost. */
const char *__asan_default_options(void);
const char *__asan_default_options(void) { return "detect_leaks=0"; }

static int index_of(struct job *j, const char *key) { return (int)job_int(j, key); }

static void tag_of(struct job *j, int i, char id[UUID_LEN + 1])
{
	char name[8];

	g_snprintf(name, sizeof(name), "%d", i);
	uuid_derive(job_id(j), name, id);
}

/* "Make it so": an entity of its own, made in the transaction of the step's end. */
static int do_run(struct job *j, int i, struct err *e)
{
	uuid_text id;
	struct m_tag *tag;

	g_string_append_printf(script.told, "%d ", i);
	script.was_resumed |= job_is_resumed(j);
	if (script.sleep_ms)
		fiber_sleep(script.sleep_ms);
	if (script.fails[i] > 0) {
		script.fails[i]--;
		return err_set(e, script.code, "Step %d fails.", i);
	}
	tag_of(j, i, id);
	if (!inv_latest(job_core(j)->inv, KIND_TAG, id)) {
		tag = txn_new(job_txn(j), KIND_TAG, id);
		tag->name = pool_printf(txn_pool(job_txn(j)), "%s %d", job_id(j), i);
	}
	job_set_text(j, "last", "x");
	return 0;
}

static int do_undo(struct job *j, int i, struct err *e)
{
	uuid_text id;

	g_string_append_printf(script.told, "~%d ", i);
	if (script.sleep_ms)
		fiber_sleep(script.sleep_ms);
	if (script.undo_fails[i] > 0) {
		script.undo_fails[i]--;
		return err_set(e, script.code, "The undo of step %d fails.", i);
	}
	tag_of(j, i, id);
	txn_remove(job_txn(j), KIND_TAG, id);
	return 0;
}

#define STEP(i)                                                                                                        \
	static int run##i(struct job *j, struct err *e) { return do_run(j, i, e); }                                    \
	static int undo##i(struct job *j, struct err *e) { return do_undo(j, i, e); }
STEP(0)
STEP(1)
STEP(2)
STEP(3)

static void ended(struct job *j, struct txn *t, bool ok, const struct err *e)
{
	assert_true(index_of(j, "number") == 7);
	assert_true(ok == !e);
	*(ok ? &script.ended_ok : &script.ended_bad) += 1;
}

static const struct job_step PLAIN_STEPS[] = {
	{ "zero", "Step zero", run0, undo0, false },
	{ "one", "Step one", run1, undo1, false },
	{ "two", "Step two", run2, undo2, false },
	{ "three", "Step three", run3, undo3, false },
};
static const struct job_step PIVOT_STEPS[] = {
	{ "zero", "Step zero", run0, undo0, false },
	{ "one", "Step one", run1, undo1, true },
	{ "two", "Step two", run2, undo2, false },
	{ "three", "Step three", run3, NULL, false },
};
static const struct command PLAIN = { "Plain", PLAIN_STEPS, STEPS, ended };
static const struct command PIVOT = { "Pivot", PIVOT_STEPS, STEPS, ended };
static const struct command *chosen = &PLAIN;

static void made(struct rig *r)
{
	jobs_register(r->core, &PLAIN);
	jobs_register(r->core, &PIVOT);
}

static int setup(void **state)
{
	struct rig *r = g_new0(struct rig, 1);

	rig_open(r, made);
	script = (struct script){ .told = g_string_new(NULL), .code = ERR_AGENT };
	chosen = &PLAIN;
	*state = r;
	return 0;
}

static int teardown(void **state)
{
	g_string_free(script.told, TRUE);
	return rig_teardown(state);
}

/* ---- pieces of stories ---- */

static char job[UUID_LEN + 1];

static int begin_with(struct rig *r, const char *name, const char *const *locks, struct err *e)
{
	struct job_spec spec = { .command = chosen,
		                 .correlation_id = "corr",
		                 .data = json_pack("{s:i,s:s}", "number", 7, "name", name),
		                 .locks = locks,
		                 .objects = locks };

	return job_start(txn_begin(r->core), &spec, job, e, "Doing %s", name);
}

static void begin(struct rig *r)
{
	static const char *const locks[] = { VM1, NULL };
	struct err e = ERR_INIT;

	if (begin_with(r, "it", locks, &e) < 0)
		fail_msg("%s", e.detail);
}

static const struct m_job *record(struct rig *r) { return INV_GET(r->core->inv, JOB, job, job); }

static unsigned tags(struct rig *r) { return inv_count(r->core->inv, KIND_TAG); }

static void check_end(struct rig *r, bool ok)
{
	const struct m_job *m = record(r);

	assert_int_equal(jobs_running(r->core), 0);
	assert_int_equal(lock_count(r->core), 0);
	assert_non_null(m);
	assert_int_equal(m->status, ok ? M_JOB_STATUS_FINISHED : M_JOB_STATUS_FAILED);
	assert_true(m->has.end_time);
	assert_int_equal(tags(r), ok ? STEPS : 0);
	INV_EACH_BY (s, r->core->inv, KIND_STEP, IDX_STEP_job, job)
		assert_int_not_equal(ENTITY_OBJ(s, step)->status, M_STEP_STATUS_STARTED);
}

/* ---- without accidents ---- */

static void test_forward(void **state)
{
	struct rig *r = *state;

	rig_run(r, begin);
	assert_int_equal(jobs_running(r->core), 1);
	assert_int_equal(lock_count(r->core), 1);
	rig_pass(r, 100);
	assert_string_equal(script.told->str, "0 1 2 3 ");
	check_end(r, true);
	assert_string_equal(record(r)->description, "Doing it");
	assert_string_equal(record(r)->correlation_id, "corr");
	assert_non_null(strstr(record(r)->params, "\"last\":\"x\""));
	assert_int_equal(inv_count_by(r->core->inv, KIND_STEP, IDX_STEP_job, job), STEPS);
	assert_int_equal(script.ended_ok, 1);
	assert_false(script.was_resumed);
}

static void test_undo(void **state)
{
	struct rig *r = *state;

	script.fails[2] = FOREVER;
	script.undo_fails[1] = 3;
	rig_run(r, begin);
	rig_pass(r, 60 * 1000);
	assert_string_equal(script.told->str, "0 1 2 ~2 ~1 ~1 ~1 ~1 ~0 ");
	check_end(r, false);
	assert_string_equal(record(r)->error, "Step 2 fails.");
	assert_int_equal(script.ended_bad, 1);
}

/* What cannot be undone is left after a while; the rest is undone all the same. */
static void test_undo_gives_up(void **state)
{
	struct rig *r = *state;

	script.fails[1] = script.undo_fails[1] = FOREVER;
	rig_run(r, begin);
	rig_pass(r, 5 * 60 * 1000);
	assert_string_equal(script.told->str, "0 1 ~1 ~1 ~1 ~1 ~1 ~1 ~1 ~1 ~0 ");
	check_end(r, false);
}

/* A full disk is waited for, also when it fills up at the last of the tries. */
static void test_undo_and_full_disk(void **state)
{
	struct rig *r = *state;

	script.fails[1] = FOREVER;
	script.undo_fails[1] = 9;
	rig_run(r, begin);
	rig_pass(r, 20 * 1000);
	script.code = ERR_NO_SPACE;
	rig_pass(r, 60 * 60 * 1000);
	check_end(r, false);
	assert_null(strstr(script.told->str, "2"));
}

static void test_pivot(void **state)
{
	struct rig *r = *state;

	chosen = &PIVOT;
	script.fails[2] = 5;
	rig_run(r, begin);
	rig_pass(r, 5 * 60 * 1000);
	assert_string_equal(script.told->str, "0 1 2 2 2 2 2 2 3 ");
	check_end(r, true);
}

/* The pivot itself may fail, and then it was not taken. */
static void test_pivot_fails(void **state)
{
	struct rig *r = *state;

	chosen = &PIVOT;
	script.fails[1] = 1;
	rig_run(r, begin);
	rig_pass(r, 5 * 60 * 1000);
	assert_string_equal(script.told->str, "0 1 ~1 ~0 ");
	check_end(r, false);
}

/* It was taken, and then the journal failed: there is no way back all the same. */
static void test_pivot_and_journal(void **state)
{
	struct rig *r = *state;

	chosen = &PIVOT;
	script.sleep_ms = 1000;
	rig_run(r, begin);
	rig_pass(r, 1500); /* in step 1 */
	r->journal->fails_with = ERR_BACKEND;
	rig_pass(r, 5000);
	r->journal->fails_with = ERR_NONE;
	rig_pass(r, 60 * 1000);
	assert_null(strchr(script.told->str, '~'));
	check_end(r, true);
}

static void test_full_disk(void **state)
{
	struct rig *r = *state;

	script.sleep_ms = 1000;
	rig_run(r, begin);
	rig_pass(r, 1500);
	r->journal->fails_with = ERR_NO_SPACE;
	rig_pass(r, 10 * 60 * 1000);
	assert_int_equal(jobs_running(r->core), 1);
	assert_int_equal(lock_count(r->core), 1);
	r->journal->fails_with = ERR_NONE;
	rig_pass(r, 5 * 60 * 1000);
	assert_null(strchr(script.told->str, '~'));
	check_end(r, true);
}

/* The record of a failure waits as well. */
static void test_full_disk_at_the_end(void **state)
{
	struct rig *r = *state;

	script.sleep_ms = 1000;
	script.fails[1] = FOREVER;
	rig_run(r, begin);
	rig_pass(r, 1500);
	r->journal->fails_with = ERR_NO_SPACE;
	rig_pass(r, 10 * 60 * 1000);
	assert_int_equal(jobs_running(r->core), 1);
	r->journal->fails_with = ERR_NONE;
	rig_pass(r, 5 * 60 * 1000);
	check_end(r, false);
}

static GString *seen;

static void on_probe(void *arg, const char *command, const char *step, bool is_undo, bool is_done)
{
	g_string_append_printf(seen, "%s%s%s ", is_undo ? "~" : "", step, is_done ? "." : "");
}

static void test_probe_sees(void **state)
{
	struct rig *r = *state;

	seen = g_string_new(NULL);
	jobs_set_probe(r->core, on_probe, NULL);
	script.fails[1] = 1;
	rig_run(r, begin);
	rig_pass(r, 1000);
	assert_string_equal(seen->str, "zero zero. one ~one ~one. ~zero ~zero. ");
	g_string_free(seen, TRUE);
}

/* ---- locks ---- */

static void run_locks(struct rig *r)
{
	static const char *const both[] = { VM2, VM1, NULL }, *const second[] = { VM2, NULL };
	struct err e = ERR_INIT;

	begin(r);
	assert_int_equal(begin_with(r, "other", both, &e), -1);
	assert_int_equal(e.code, ERR_CONFLICT);
	assert_non_null(strstr(e.detail, "Related operation is currently in progress."));
	assert_non_null(strstr(e.detail, "Doing it"));
	assert_int_equal(lock_count(r->core), 1); /* VM2 was given back */
	assert_int_equal(inv_count(r->core->inv, KIND_JOB), 1);
	assert_int_equal(lock_check(r->core, VM1, NULL, &e), -1);
	assert_int_equal(lock_check(r->core, VM1, job, &e), 0);
	assert_int_equal(lock_check(r->core, VM2, NULL, &e), 0);
	assert_int_equal(lock_take(r->core, VM1, job, "again", &e), 0);
	lock_drop(r->core, VM1, "somebody else");
	assert_int_equal(lock_check(r->core, VM1, NULL, &e), -1);
	/* a journal that refuses leaves nothing behind */
	r->journal->fails_with = ERR_NO_SPACE;
	assert_int_equal(begin_with(r, "third", second, &e), -1);
	assert_int_equal(e.code, ERR_NO_SPACE);
	r->journal->fails_with = ERR_NONE;
	assert_int_equal(lock_check(r->core, VM2, NULL, &e), 0);
	assert_int_equal(jobs_running(r->core), 1);
}

static void test_locks(void **state)
{
	script.sleep_ms = 1000;
	rig_run(*state, run_locks);
}

/* ---- waiting ---- */

static void run_waiting(struct rig *r)
{
	struct err e = ERR_INIT;

	begin(r);
	assert_int_equal(job_wait(r->core, job, 1500, &e), -1);
	assert_int_equal(e.code, ERR_TIMEOUT);
	assert_int_equal(job_wait(r->core, job, 60 * 1000, &e), 0);
	assert_int_equal(job_wait(r->core, job, 0, &e), 0); /* it has ended */
	script.fails[1] = FOREVER;
	begin(r);
	assert_int_equal(job_wait(r->core, job, 60 * 1000, &e), -1);
	assert_int_equal(e.code, ERR_CONFLICT);
	assert_string_equal(e.detail, "Step 1 fails.");
}

static void test_waiting(void **state)
{
	script.sleep_ms = 1000;
	rig_run(*state, run_waiting);
}

/* ---- killed and resumed ---- */

static void finish_story(struct rig *r, bool ok)
{
	rig_pass(r, 10 * 60 * 1000 - 1000);
	check_end(r, ok);
}

static void check_lock_is_held(struct rig *r)
{
	struct err e;

	assert_int_equal(lock_count(r->core), 1);
	assert_int_equal(lock_check(r->core, VM1, NULL, &e), -1);
	assert_non_null(strstr(e.detail, "Doing it"));
	assert_int_equal(lock_check(r->core, VM1, job, &e), 0);
}

/* In every step, forward and back. */
static void test_killed_in_steps(void **state)
{
	static const char *const forward[] = { "0 0 1 2 3 ", "0 1 1 2 3 ", "0 1 2 2 3 ", "0 1 2 3 3 " };
	static const char *const back[] = { "0 1 2 ~2 ~2 ~1 ~0 ", "0 1 2 ~2 ~1 ~1 ~0 ", "0 1 2 ~2 ~1 ~0 ~0 " };

	for (int k = 0; k < 7; k++) {
		struct rig *r;

		if (k > 0)
			setup(state);
		r = *state;
		script.sleep_ms = 1000;
		script.fails[2] = k < 4 ? 0 : 1;
		rig_run(r, begin);
		rig_pass(r, k < 4 ? 1000 * k + 500 : 3500 + 1000 * (k - 4));
		rig_restart(r);
		assert_int_equal(lock_count(r->core), 0);
		jobs_resume(r->core);
		check_lock_is_held(r);
		finish_story(r, k < 4);
		assert_string_equal(script.told->str, k < 4 ? forward[k] : back[k - 4]);
		assert_int_equal(script.ended_ok + script.ended_bad, 1);
		assert_true(script.was_resumed == (k < 4));
		if (k < 6)
			teardown(state);
	}
}

/* At every commit, again and again: the journal takes so many more and then the power fails. */
static void test_killed_at_commits(void **state)
{
	teardown(state);
	for (int variant = 0; variant < 4; variant++) {
		for (unsigned k = 1; k < 12; k++) {
			struct rig *r;

			setup(state);
			r = *state;
			r->journal->delay_ms = 10;
			chosen = variant & 1 ? &PIVOT : &PLAIN;
			script.fails[variant & 1 ? 1 : 3] = variant & 2 ? 1 : 0;
			rig_run(r, begin);
			for (int life = 0; life < 30 && jobs_running(r->core) > 0; life++) {
				unsigned until = r->journal->n_commits + k;
				for (int i = 0; i < 200 && r->journal->n_commits < until; i++)
					loop_turn(r->loop, 10);
				rig_restart(r);
				jobs_resume(r->core);
			}
			finish_story(r, !(variant & 2) || tags(r) == STEPS);
			assert_true(record(r)->status == M_JOB_STATUS_FINISHED || variant & 2);
			teardown(state);
		}
	}
	setup(state);
}

/* The journal of another version: what nobody knows is left alone, what is out of range is brought back. */
static void test_strange_records(void **state)
{
	struct rig *r = *state;
	const char *rows[] = {
		("{\"status\":\"started\",\"command\":\"Unknown\",\"params\":\"{}\",\"locks\":[\"" VM2 "\"]}"),
		"{\"status\":\"started\",\"command\":\"Plain\"}",
		"{\"status\":\"started\",\"external\":true}",
		("{\"status\":\"started\",\"command\":\"Plain\",\"params\":\"{\\\"number\\\":7}\",\"step_index\":99,"
		 "\"locks\":[\"" VM1 "\",\"" VM1 "\"]}"),
		("{\"status\":\"started\",\"command\":\"Plain\",\"params\":\"[]\",\"step_index\":-5,"
		 "\"is_undoing\":true}"),
	};

	for (size_t i = 0; i < G_N_ELEMENTS(rows); i++)
		g_hash_table_insert(r->journal->rows,
		                    g_strdup_printf("%05d 00000000-0000-0000-0000-00000000000%zu", KIND_JOB, i + 1),
		                    g_strdup(rows[i]));
	rig_restart(r);
	jobs_resume(r->core);
	assert_int_equal(jobs_running(r->core), 2);
	assert_int_equal(lock_count(r->core), 1);
}

/* ---- cleaning ---- */

static void run_old(struct rig *r)
{
	struct err e;

	jobs_resume(r->core);
	begin(r);
	job_wait(r->core, job, 10000, &e);
	script.fails[0] = 1;
	begin(r);
	job_wait(r->core, job, 10000, &e);
}

static void test_cleaning(void **state)
{
	struct rig *r = *state;

	rig_run(r, run_old);
	rig_pass(r, 9 * 60 * 1000);
	assert_int_equal(inv_count(r->core->inv, KIND_JOB), 2);
	rig_pass(r, 3 * 60 * 1000);
	assert_int_equal(inv_count(r->core->inv, KIND_JOB), 1);
	assert_int_equal(inv_count(r->core->inv, KIND_STEP), 1);
	assert_int_equal(record(r)->status, M_JOB_STATUS_FAILED);
	rig_pass(r, 47 * 60 * 1000);
	assert_int_equal(inv_count(r->core->inv, KIND_JOB), 1);
	rig_pass(r, 3 * 60 * 1000);
	assert_int_equal(inv_count(r->core->inv, KIND_JOB), 0);
	assert_int_equal(inv_count(r->core->inv, KIND_STEP), 0);
}

static void run_many(struct rig *r)
{
	struct txn *t = txn_begin(r->core);
	char id[UUID_LEN + 1];
	struct err e;

	jobs_resume(r->core);
	for (int i = 0; i < 1300; i++)
		job_record(t, "c", NULL, id, "Number %d", i);
	assert_int_equal(txn_commit(t, &e), 0);
}

static void test_cleaning_many(void **state)
{
	struct rig *r = *state;

	rig_run(r, run_many);
	rig_pass(r, 12 * 60 * 1000);
	assert_int_equal(inv_count(r->core->inv, KIND_JOB), 0);
}

/* ---- agents that do not answer ---- */

static int calls;

static void silent_call(void *arg, const char *host_id, const char *method, json_t *params, int timeout_ms,
                        const char *correlation_id, void (*done)(void *, json_t *, const struct err *), void *done_arg)
{
	const struct err away = { .code = ERR_NETWORK, .detail = "away" };
	json_t *result = json_true();

	assert_string_equal(correlation_id, "corr");
	assert_true(json_is_object(params) && json_object_get(params, "a"));
	json_decref(params);
	calls++;
	done(done_arg, calls < 4 ? NULL : result, calls < 4 ? &away : NULL);
}

static int call_step(struct job *j, struct err *e)
{
	json_t *result = NULL;
	int rc = job_agent_call(j, "h", "Verb.do", json_pack("{s:i}", "a", 1), 1000, job_int(j, "number") * 1000,
	                        &result, e);

	if (rc == 0)
		assert_true(json_is_true(result));
	json_decref(result);
	return rc;
}

static void test_patience(void **state)
{
	static const struct job_step steps[] = { { "call", "Calling", call_step, NULL, false } };
	static const struct command cmd = { "Call", steps, 1, NULL };
	struct rig *r = *state;

	r->core->agents.call = silent_call;
	jobs_register(r->core, &cmd);
	chosen = &cmd;
	calls = 0;
	rig_run(r, begin); /* 1 + 2 + 4 s are just what it is patient for */
	rig_pass(r, 60 * 1000);
	assert_int_equal(calls, 4);
	assert_int_equal(record(r)->status, M_JOB_STATUS_FINISHED);
}

#define T(name) cmocka_unit_test_setup_teardown(test_##name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(forward),
		T(undo),
		T(undo_gives_up),
		T(undo_and_full_disk),
		T(pivot),
		T(pivot_fails),
		T(pivot_and_journal),
		T(full_disk),
		T(full_disk_at_the_end),
		T(probe_sees),
		T(locks),
		T(waiting),
		T(killed_in_steps),
		T(killed_at_commits),
		T(strange_records),
		T(cleaning),
		T(cleaning_many),
		T(patience),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
