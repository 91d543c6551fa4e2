/* SPDX-License-Identifier: Apache-2.0 */
/*
 * manager/core/journal.c on both databases. The linker puts the __wrap functions between the journal and
 * lib/db, so that a commit can be held, made to fail, or lose its answer, and time can be let jump.
 */
#include "place.h"

#include <glib.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/uuid.h"
#include "manager/core/journal.h"
#include "model/types.h"

/* ---- between journal and database */

static struct {
	pthread_mutex_t lock;
	pthread_cond_t wake;
	bool is_held; /* commits wait */
	int n_waiting;
	enum err_code fail; /* of the next commit */
	enum err_code lose; /* the next commit takes place, and is answered with this */
	int n_away;         /* so many times begin says that the server is away */
	int64_t jump_ms;    /* of the clock, for each wait */
	int64_t clock_offset_ms;
} hook = { .lock = PTHREAD_MUTEX_INITIALIZER, .wake = PTHREAD_COND_INITIALIZER };

int __real_db_commit(struct db *db, struct err *e);
int __wrap_db_commit(struct db *db, struct err *e);
int __real_db_begin(struct db *db, struct err *e);
int __wrap_db_begin(struct db *db, struct err *e);
void __real_g_usleep(gulong us);
void __wrap_g_usleep(gulong us);
int __real_clock_gettime(clockid_t id, struct timespec *ts);
int __wrap_clock_gettime(clockid_t id, struct timespec *ts);

int __wrap_db_commit(struct db *db, struct err *e)
{
	enum err_code fail, lose;
	int rc;

	pthread_mutex_lock(&hook.lock);
	hook.n_waiting++;
	pthread_cond_broadcast(&hook.wake);
	while (hook.is_held)
		pthread_cond_wait(&hook.wake, &hook.lock);
	hook.n_waiting--;
	fail = hook.fail;
	lose = hook.lose;
	hook.fail = hook.lose = ERR_NONE;
	pthread_mutex_unlock(&hook.lock);

	if (fail) {
		db_rollback(db);
		return err_set(e, fail, "made to fail");
	}
	rc = __real_db_commit(db, e);
	return rc == 0 && lose ? err_set(e, lose, "answer lost") : rc;
}

int __wrap_db_begin(struct db *db, struct err *e)
{
	bool is_away;

	pthread_mutex_lock(&hook.lock);
	is_away = hook.n_away > 0;
	if (is_away)
		hook.n_away--;
	pthread_mutex_unlock(&hook.lock);
	return is_away ? err_set(e, ERR_NETWORK, "away") : __real_db_begin(db, e);
}

void __wrap_g_usleep(gulong us)
{
	int64_t jump;

	pthread_mutex_lock(&hook.lock);
	jump = hook.jump_ms;
	hook.clock_offset_ms += jump;
	pthread_mutex_unlock(&hook.lock);
	__real_g_usleep(jump ? 1000 : us);
}

int __wrap_clock_gettime(clockid_t id, struct timespec *ts)
{
	int rc = __real_clock_gettime(id, ts);

	pthread_mutex_lock(&hook.lock);
	ts->tv_sec += hook.clock_offset_ms / 1000;
	pthread_mutex_unlock(&hook.lock);
	return rc;
}

static void hold(bool yes)
{
	pthread_mutex_lock(&hook.lock);
	hook.is_held = yes;
	pthread_cond_broadcast(&hook.wake);
	pthread_mutex_unlock(&hook.lock);
}

static void wait_held(void)
{
	pthread_mutex_lock(&hook.lock);
	while (hook.n_waiting == 0)
		pthread_cond_wait(&hook.wake, &hook.lock);
	pthread_mutex_unlock(&hook.lock);
}

/* ---- what the tests speak of */

struct fixture {
	struct loop *loop;
	struct journal *j;
	GString *log; /* of answers: "name" or "name:error code" */
	int n_answers;
};

static struct fixture fx;

static struct journal *open_journal(void)
{
	struct err e = ERR_INIT;
	struct journal *j = journal_open(place_url(), fx.loop, &e);

	if (!j)
		fail_msg("%s", e.detail);
	return j;
}

static int set_up(void **state)
{
	place_empty(NULL);
	fx = (struct fixture){ .loop = loop_new(), .log = g_string_new(NULL) };
	fx.j = open_journal();
	return 0;
}

static void reopen(void)
{
	fx.j->ops->close(fx.j);
	fx.j = open_journal();
}

static int tear_down(void **state)
{
	hold(false);
	if (fx.j)
		fx.j->ops->close(fx.j);
	while (loop_turn(fx.loop, 0))
		;
	loop_free(fx.loop);
	g_string_free(fx.log, TRUE);
	hook.clock_offset_ms = hook.jump_ms = 0;
	hook.n_away = 0;
	return 0;
}

static void done(void *arg, const struct err *e)
{
	if (fx.log->len)
		g_string_append_c(fx.log, ' ');
	g_string_append(fx.log, arg);
	if (e)
		g_string_append_printf(fx.log, ":%s", err_code_name(e->code));
	fx.n_answers++;
}

static void wait_answers(int n)
{
	for (int i = 0; fx.n_answers < n && i < 3000; i++)
		loop_turn(fx.loop, 10);
	assert_int_equal(fx.n_answers, n);
	fx.n_answers = 0;
}

static void expect(const char *log)
{
	assert_string_equal(fx.log->str, log);
	g_string_truncate(fx.log, 0);
}

/* A row of the kind with the id and a name; name NULL removes. The caller releases row.frozen. */
static struct journal_row row(enum kind kind, const char *id, const char *name)
{
	struct journal_row r = { .kind = kind, .id = id };
	struct pool *p = pool_new();
	struct m_entity *ent;
	void *obj = m_new(p, M_KINDS[kind].type);

	ent = m_entity(M_KINDS[kind].type, obj);
	ent->id = pool_strdup(p, id);
	ent->name = pool_strdup(p, name);
	if (name)
		r.frozen = m_freeze(M_KINDS[kind].type, obj);
	pool_free(p);
	return r;
}

static void commit_rows(char *tag, struct journal_row *rows, int n)
{
	fx.j->ops->commit(fx.j, rows, n, done, tag);
	for (int i = 0; i < n; i++)
		m_frozen_release(rows[i].frozen);
}

static void put(char *tag, enum kind kind, const char *id, const char *name)
{
	struct journal_row r = row(kind, id, name);

	commit_rows(tag, &r, 1);
}

static int append_row(void *arg, enum kind kind, const char *id, const char *text, size_t len, struct err *e)
{
	GString *out = arg;
	struct pool *p = pool_new();
	void *obj;

	if (m_from_journal(p, M_KINDS[kind].type, text, len, &obj, e) < 0) {
		pool_free(p);
		return -1;
	}
	g_string_append_printf(out, "%s%s/%s=%s", out->len ? " " : "", M_KINDS[kind].name, id,
	                       m_entity(M_KINDS[kind].type, obj)->name);
	pool_free(p);
	return 0;
}

static void expect_stored(const char *rows)
{
	struct err e = ERR_INIT;
	g_autoptr(GString) out = g_string_new(NULL);

	reopen();
	if (fx.j->ops->load(fx.j, append_row, out, &e) < 0)
		fail_msg("%s", e.detail);
	assert_string_equal(out->str, rows);
}

/* ---- the tests */

static void test_store_and_load(void **state)
{
	struct journal_row two[2];

	expect_stored("");
	put("a", KIND_VM, "v2", "web");
	put("b", KIND_VM, "v1", "db \"1\" \xc3\xa4\n");
	two[0] = row(KIND_DATA_CENTER, "d1", "Default");
	two[1] = row(KIND_CLUSTER, "c1", "Default");
	commit_rows("c", two, 2);
	wait_answers(3);
	expect("a b c");
	expect_stored("data_center/d1=Default cluster/c1=Default vm/v1=db \"1\" \xc3\xa4\n vm/v2=web");
	put("d", KIND_VM, "v2", "web2");
	put("e", KIND_VM, "v1", NULL);
	put("f", KIND_VM, "never", NULL);
	wait_answers(3);
	expect_stored("data_center/d1=Default cluster/c1=Default vm/v2=web2");
}

static void test_load_is_first(void **state)
{
	struct err e = ERR_INIT;

	put("a", KIND_VM, "v1", "x");
	assert_int_equal(fx.j->ops->load(fx.j, append_row, fx.log, &e), -1);
	assert_int_equal(e.code, ERR_INTERNAL);
	wait_answers(1);
}

static int stop_at_once(void *arg, enum kind kind, const char *id, const char *text, size_t len, struct err *e)
{
	return err_set(e, ERR_RANGE, "enough");
}

static void test_load_stops(void **state)
{
	struct err e = ERR_INIT;

	put("a", KIND_VM, "v1", "x");
	put("b", KIND_VM, "v2", "x");
	wait_answers(2);
	reopen();
	assert_int_equal(fx.j->ops->load(fx.j, stop_at_once, NULL, &e), -1);
	assert_int_equal(e.code, ERR_RANGE);
	put("c", KIND_VM, "v2", "y");
	wait_answers(1);
	expect_stored("vm/v1=x vm/v2=y");
}

static void with_db(const char *sql)
{
	struct err e = ERR_INIT;
	struct db *db;

	fx.j->ops->close(fx.j);
	db = db_open(place_url(), &e);
	assert_non_null(db);
	assert_int_equal(db_exec(db, sql, &e), 0);
	db_close(db);
	fx.j = NULL;
}

static void test_newer_database(void **state)
{
	struct err e = ERR_INIT;

	put("a", KIND_VM, "v1", "x");
	wait_answers(1);
	with_db("INSERT INTO entity VALUES ('hologram', 'h1', '{}')");
	fx.j = open_journal();
	expect_stored("vm/v1=x");
	with_db("INSERT INTO schema_version VALUES (1000)");
	assert_null(journal_open(place_url(), fx.loop, &e));
	assert_int_equal(e.code, ERR_UNSUPPORTED);
}

/* While one group is written, all others gather; of each entity only the last state is written. */
static void test_groups(void **state)
{
	char tags[20][16], names[20][16];

	hold(true);
	put("first", KIND_VM, "v1", "0");
	wait_held();
	for (int i = 0; i < 20; i++) {
		snprintf(tags[i], sizeof(tags[i]), "%d", i);
		snprintf(names[i], sizeof(names[i]), "n%d", i);
		put(tags[i], i % 2 ? KIND_VM : KIND_DISK, "v1", names[i]);
	}
	put("gone", KIND_NIC, "n1", "x");
	put("gone", KIND_NIC, "n1", NULL);
	put("back", KIND_TAG, "t1", NULL);
	put("back", KIND_TAG, "t1", "y");
	hold(false);
	wait_answers(25);
	expect("first 0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 gone gone back back");
	assert_int_equal(journal_groups(fx.j), 2);
	expect_stored("vm/v1=n19 disk/v1=n18 tag/t1=y");
}

static void test_empty_transaction(void **state)
{
	fx.j->ops->commit(fx.j, NULL, 0, done, "none");
	put("a", KIND_VM, "v1", "x");
	fx.j->ops->commit(fx.j, NULL, 0, done, "none");
	wait_answers(3);
	expect("none a none");
}

static void test_large_transactions(void **state)
{
	enum { N = 3000 };
	g_autofree struct journal_row *rows = g_new0(struct journal_row, N);
	g_autofree uuid_text *ids = g_new0(uuid_text, N);

	hold(true);
	put("first", KIND_VM, "v1", "0");
	wait_held();
	for (int round = 0; round < 2; round++) {
		for (int i = 0; i < N; i++) {
			snprintf(ids[i], sizeof(ids[i]), "id%d-%d", round, i);
			rows[i] = row(KIND_EVENT, ids[i], "x");
		}
		commit_rows(round ? "second" : "big", rows, N);
	}
	hold(false);
	wait_answers(3);
	expect("first big second");
	assert_int_equal(journal_groups(fx.j), 3);
}

static void test_close_commits_what_is_queued(void **state)
{
	for (int i = 0; i < 100; i++)
		put("x", KIND_VM, "v1", i == 99 ? "last" : "x");
	fx.j->ops->close(fx.j);
	fx.j = NULL;
	wait_answers(100);
	fx.j = open_journal();
	expect_stored("vm/v1=last");
}

/* What was queued, and what comes before the loop knows, fails with the group; then all is well again. */
static void test_failure_fails_followers(void **state)
{
	put("before", KIND_VM, "v1", "kept");
	wait_answers(1);
	expect("before");
	hold(true);
	put("a", KIND_VM, "v1", "a");
	wait_held();
	put("b", KIND_VM, "v1", "b");
	put("c", KIND_VM, "v2", "c");
	hook.fail = ERR_NO_SPACE;
	hold(false);
	put("d", KIND_VM, "v3", "d");
	g_usleep(50 * 1000);
	put("e", KIND_VM, "v4", "e");
	wait_answers(5);
	expect("a:no_space b:no_space c:no_space d:no_space e:no_space");
	put("f", KIND_VM, "v5", "f");
	wait_answers(1);
	expect("f");
	expect_stored("vm/v1=kept vm/v5=f");
}

static void test_close_after_failure(void **state)
{
	hold(true);
	put("a", KIND_VM, "v1", "a");
	wait_held();
	hook.fail = ERR_INTERNAL;
	hold(false);
	g_usleep(20 * 1000);
	put("b", KIND_VM, "v1", "b");
	fx.j->ops->close(fx.j);
	fx.j = NULL;
	wait_answers(2);
	expect("a:backend b:backend");
	fx.j = open_journal();
	expect_stored("");
}

/* COMMIT took place, its answer was lost: it must not be reported as failed. */
static void test_lost_answer(void **state)
{
	hook.lose = ERR_NETWORK;
	put("a", KIND_VM, "v1", "a");
	wait_answers(1);
	put("b", KIND_VM, "v2", "b");
	wait_answers(1);
	expect("a b");
	expect_stored("vm/v1=a vm/v2=b");
}

static void test_short_outage(void **state)
{
	hook.n_away = 3;
	put("a", KIND_VM, "v1", "a");
	wait_answers(1);
	expect("a");
	expect_stored("vm/v1=a");
}

static void test_long_outage(void **state)
{
	hook.n_away = 12;
	hook.jump_ms = 1000;
	put("a", KIND_VM, "v1", "a");
	wait_answers(1);
	expect("a:backend");
	hook.n_away = 0;
	put("b", KIND_VM, "v2", "b");
	wait_answers(1);
	expect("b");
	expect_stored("vm/v2=b");
}

/* As long as nobody knows whether the first one is committed it is tried; those behind fail in time. */
static void test_long_outage_in_commit(void **state)
{
	hold(true);
	put("a", KIND_VM, "v1", "a");
	wait_held();
	put("b", KIND_VM, "v2", "b");
	hook.lose = ERR_NETWORK;
	hook.n_away = 100;
	hook.jump_ms = 1000;
	hold(false);
	wait_answers(2);
	expect("b:backend a");
	expect_stored("vm/v1=a");
}

/* ---- crashes */

static int ack_fd;

struct committer {
	int slot, version;
	char ids[2][16];
};

static void committer_next(struct committer *c);

static void acked(void *arg, const struct err *e)
{
	struct committer *c = arg;
	int32_t note[2] = { c->slot, c->version };

	if (e || write(ack_fd, note, sizeof(note)) != sizeof(note))
		_exit(1);
	committer_next(c);
}

/* One transaction: two entities with the same version. */
static void committer_next(struct committer *c)
{
	char name[16];
	struct journal_row rows[2];

	snprintf(name, sizeof(name), "%d", ++c->version);
	rows[0] = row(KIND_VM, c->ids[0], name);
	rows[1] = row(KIND_DISK, c->ids[1], name);
	fx.j->ops->commit(fx.j, rows, 2, acked, c);
	m_frozen_release(rows[0].frozen);
	m_frozen_release(rows[1].frozen);
}

enum { SLOTS = 8 };

static void write_until_killed(const int *versions)
{
	struct committer cs[SLOTS];

	fx.loop = loop_new();
	fx.j = open_journal();
	for (int i = 0; i < SLOTS; i++) {
		cs[i] = (struct committer){ .slot = i, .version = versions[i] };
		snprintf(cs[i].ids[0], sizeof(cs[i].ids[0]), "vm%d", i);
		snprintf(cs[i].ids[1], sizeof(cs[i].ids[1]), "disk%d", i);
		committer_next(&cs[i]);
	}
	loop_run(fx.loop);
	_exit(1);
}

struct found {
	int vm[SLOTS], disk[SLOTS];
};

static int note_row(void *arg, enum kind kind, const char *id, const char *text, size_t len, struct err *e)
{
	struct found *f = arg;
	struct pool *p = pool_new();
	void *obj;

	assert_int_equal(m_from_journal(p, M_KINDS[kind].type, text, len, &obj, e), 0);
	if (kind == KIND_VM)
		f->vm[atoi(id + 2)] = atoi(m_entity(M_KINDS[kind].type, obj)->name);
	else
		f->disk[atoi(id + 4)] = atoi(m_entity(M_KINDS[kind].type, obj)->name);
	pool_free(p);
	return 0;
}

static void check_survivors(const int *acks, int *versions)
{
	struct found f = { 0 };
	struct err e = ERR_INIT;

	fx.loop = loop_new();
	fx.j = open_journal();
	if (fx.j->ops->load(fx.j, note_row, &f, &e) < 0)
		fail_msg("%s", e.detail);
	fx.j->ops->close(fx.j);
	loop_free(fx.loop);
	for (int i = 0; i < SLOTS; i++) {
		assert_int_equal(f.vm[i], f.disk[i]);
		assert_in_range(f.vm[i], acks[i], acks[i] + 1); /* one was on its way */
		versions[i] = f.vm[i];
	}
}

static void read_acks(int fd, int wait_ms, int *acks, int *n)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };
	int32_t note[2];

	while (poll(&p, 1, wait_ms) > 0 && read(fd, note, sizeof(note)) == sizeof(note)) {
		acks[note[0]] = note[1];
		if (++*n % 64 == 0 && wait_ms >= 0)
			return;
	}
}

static void test_kill(void **state)
{
	int versions[SLOTS] = { 0 }, acks[SLOTS] = { 0 }, total = 0;
	g_autoptr(GRand) rand = g_rand_new_with_seed(7);

	place_empty(NULL);
	for (int round = 0; round < 25; round++) {
		int fds[2], n = 0, goal = g_rand_int_range(rand, 1, 300), status;
		pid_t pid;

		assert_int_equal(pipe(fds), 0);
		pid = fork();
		if (pid == 0) {
			close(fds[0]);
			ack_fd = fds[1];
			write_until_killed(versions);
		}
		close(fds[1]);
		while (n < goal)
			read_acks(fds[0], 5000, acks, &n);
		__real_g_usleep((gulong)g_rand_int_range(rand, 0, 3000));
		kill(pid, SIGKILL);
		waitpid(pid, &status, 0);
		assert_true(WIFSIGNALED(status));
		read_acks(fds[0], -1, acks, &n);
		close(fds[0]);
		check_survivors(acks, versions);
		memcpy(acks, versions, sizeof(acks));
		total += n;
	}
	print_message("25 kills, %d acknowledged transactions, all there\n", total);
}

/* ---- SQLite only */

static void test_disk_full(void **state)
{
	g_autofree char *dir = g_build_filename(place_folder(), "small", NULL);
	g_autofree char *url = g_strdup_printf("sqlite:%s/journal.db", dir);
	g_autofree char *ballast = g_build_filename(dir, "ballast", NULL);
	g_autofree char *big = g_strnfill(20000, 'x');
	struct err e = ERR_INIT;
	struct journal *before = fx.j;
	char id[16];
	int n = 0;

	mkdir(dir, 0700);
	if (mount("none", dir, "tmpfs", 0, "size=2m") < 0) {
		print_message("no mounts here: the test of a full disk is left out\n");
		rmdir(dir);
		skip();
	}
	assert_true(g_file_set_contents(ballast, big, 20000, NULL));
	assert_int_equal(truncate(ballast, 0), 0);
	fx.j = journal_open(url, fx.loop, &e);
	assert_non_null(fx.j);
	for (;; n++) {
		snprintf(id, sizeof(id), "v%d", n);
		put("x", KIND_VM, id, big);
		wait_answers(1);
		if (strcmp(fx.log->str, "x") != 0)
			break;
		g_string_truncate(fx.log, 0);
		assert_true(n < 1000);
		if (n == 10) /* now fill it up */
			g_file_set_contents(ballast, big, 20000, NULL);
	}
	expect("x:no_space");
	assert_int_equal(unlink(ballast), 0);
	put("small", KIND_DISK, "d", "x"); /* the log has room for a few pages again */
	wait_answers(1);
	expect("small");
	fx.j->ops->close(fx.j);
	fx.j = journal_open(url, fx.loop, &e);
	assert_non_null(fx.j);
	{
		g_autoptr(GString) out = g_string_new(NULL);
		int rows = 0;

		assert_int_equal(fx.j->ops->load(fx.j, append_row, out, &e), 0);
		for (const char *p = out->str; (p = strchr(p, '=')); p++)
			rows++;
		assert_int_equal(rows, n + 1);
	}
	fx.j->ops->close(fx.j);
	fx.j = before;
	assert_int_equal(umount(dir), 0);
	rmdir(dir);
}

/* ---- PostgreSQL only */

static void test_server_ends_sessions(void **state)
{
	char id[16];

	for (int i = 0; i < 300; i++) {
		snprintf(id, sizeof(id), "v%d", i % 10);
		put("x", KIND_VM, id, "x");
		if (i % 50 == 25)
			place_end_sessions();
		if (i % 7 == 0)
			loop_turn(fx.loop, 1);
	}
	wait_answers(300);
	assert_null(strchr(fx.log->str, ':'));
	expect_stored("vm/v0=x vm/v1=x vm/v2=x vm/v3=x vm/v4=x vm/v5=x vm/v6=x vm/v7=x vm/v8=x vm/v9=x");
}

/* The lock was lost, and another Manager was there: this one's memory is not true any more. */
static void test_taken_over(void **state)
{
	struct journal *first = fx.j;

	put("a", KIND_VM, "v1", "ours");
	wait_answers(1);
	place_end_sessions();
	fx.j = open_journal();
	put("b", KIND_VM, "v1", "theirs");
	wait_answers(1);
	fx.j->ops->close(fx.j);
	fx.j = first;
	put("c", KIND_VM, "v1", "ours again");
	wait_answers(1);
	put("d", KIND_VM, "v1", "ours again");
	wait_answers(1);
	expect("a b c:backend d:backend");
	expect_stored("vm/v1=theirs");
}

#define T(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
#define COMMON                                                                                                         \
	T(test_store_and_load), T(test_load_is_first), T(test_load_stops), T(test_newer_database), T(test_groups),     \
	    T(test_empty_transaction), T(test_large_transactions), T(test_close_commits_what_is_queued),               \
	    T(test_failure_fails_followers), T(test_close_after_failure), T(test_lost_answer), T(test_short_outage),   \
	    T(test_long_outage), T(test_long_outage_in_commit), cmocka_unit_test(test_kill)

int main(void)
{
	static const struct CMUnitTest SQLITE[] = { COMMON, T(test_disk_full) };
	static const struct CMUnitTest POSTGRESQL[] = { COMMON, T(test_server_ends_sessions), T(test_taken_over) };
	int rc = cmocka_run_group_tests_name("journal on SQLite", SQLITE, place_sqlite, place_remove);

	if (place_has_postgresql())
		rc += cmocka_run_group_tests_name("journal on PostgreSQL", POSTGRESQL, place_postgresql, place_remove);
	return rc;
}
