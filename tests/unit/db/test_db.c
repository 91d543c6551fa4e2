/* SPDX-License-Identifier: Apache-2.0 */
/* lib/db: the same promises on SQLite and PostgreSQL. */
#include "place.h"

#include <glib.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define TABLE "CREATE TABLE t (id INTEGER PRIMARY KEY, a TEXT, b BIGINT)"

static const char INSERT[] = "INSERT INTO t (id, a, b) VALUES ($1, $2, $3)";
static const char SELECT[] = "SELECT a, b FROM t WHERE id >= $1 ORDER BY id";
static const char COUNT[] = "SELECT count(*) FROM t";

static struct db *open_db(void)
{
	struct err e = ERR_INIT;
	struct db *db = db_open(place_url(), &e);

	if (!db)
		fail_msg("%s", e.detail);
	return db;
}

static struct db *open_with_table(void)
{
	struct db *db = open_db();
	struct err e = ERR_INIT;

	if (db_exec(db, TABLE, &e) < 0)
		fail_msg("%s", e.detail);
	return db;
}

static void ok(int rc, const struct err *e)
{
	if (rc < 0)
		fail_msg("%s", e->detail);
}

static int insert(struct db *db, int64_t id, const char *a, int64_t b, struct err *e)
{
	struct db_stmt *s = db_stmt(db, INSERT, e);

	if (!s)
		return -1;
	db_bind_int(s, 1, id);
	db_bind_text(s, 2, a, a ? strlen(a) : 0);
	db_bind_int(s, 3, b);
	return db_run(s, e);
}

static int64_t count(struct db *db)
{
	struct err e = ERR_INIT;
	struct db_stmt *s = db_stmt(db, COUNT, &e);
	int64_t n;

	assert_non_null(s);
	assert_int_equal(db_step(s, &e), 1);
	n = db_int(s, 0);
	db_stmt_reset(s);
	return n;
}

static void test_binding(void **state)
{
	static const struct {
		const char *a;
		int64_t b;
	} ROWS[] = {
		{ "plain", 1 },
		{ "", -1 },
		{ NULL, 0 },
		{ "it's \"quoted\"; DROP TABLE t; -- $1 ?", INT64_MAX },
		{ "\xc3\xa4\xf0\x9f\x92\xbe\n\t\\", INT64_MIN },
	};
	struct db *db = open_with_table();
	struct err e = ERR_INIT;
	struct db_stmt *s;
	size_t len;

	for (int i = 0; i < (int)G_N_ELEMENTS(ROWS); i++)
		ok(insert(db, i, ROWS[i].a, ROWS[i].b, &e), &e);
	s = db_stmt(db, SELECT, &e);
	assert_ptr_equal(s, db_stmt(db, SELECT, &e));
	db_bind_int(s, 1, 0);
	for (int i = 0; i < (int)G_N_ELEMENTS(ROWS); i++) {
		assert_int_equal(db_step(s, &e), 1);
		if (ROWS[i].a) {
			assert_string_equal(db_text(s, 0, &len), ROWS[i].a);
			assert_int_equal(len, strlen(ROWS[i].a));
		} else {
			assert_null(db_text(s, 0, &len));
		}
		assert_true(db_int(s, 1) == ROWS[i].b);
	}
	assert_int_equal(db_step(s, &e), 0);
	db_close(db);
}

/* Parameters in any order, one used twice, ten and more; text that is not NUL-terminated. */
static void test_binding_by_number(void **state)
{
	static const char SQL[] = "SELECT $2 || $1 || $2 || $11";
	static const char SQL_PG[] = "SELECT $2::text || $1 || $2 || $11 || coalesce($3 || $4 || $5 || $6 || $7 ||"
	                             " $8 || $9 || $10, '')";
	struct db *db = open_db();
	struct err e = ERR_INIT;
	struct db_stmt *s = db_stmt(db, db_kind(db) == DB_SQLITE ? SQL : SQL_PG, &e);

	if (!s)
		fail_msg("%s", e.detail);
	db_bind_text(s, 1, "one!", 3);
	db_bind_text(s, 2, "two!", 3);
	db_bind_text(s, 11, "eleven!", 6);
	assert_int_equal(db_step(s, &e), 1);
	assert_string_equal(db_text(s, 0, NULL), "twoonetwoeleven");
	assert_int_equal(db_step(s, &e), 0);
	db_close(db);
}

static void test_params_are_forgotten(void **state)
{
	struct db *db = open_with_table();
	struct err e = ERR_INIT;
	struct db_stmt *s;

	ok(insert(db, 1, "x", 5, &e), &e);
	s = db_stmt(db, INSERT, &e);
	db_bind_int(s, 1, 2);
	ok(db_run(s, &e), &e);
	s = db_stmt(db, SELECT, &e);
	db_bind_int(s, 1, 2);
	assert_int_equal(db_step(s, &e), 1);
	assert_null(db_text(s, 0, NULL));
	assert_null(db_text(s, 1, NULL));
	assert_true(db_int(s, 1) == 0);
	db_stmt_reset(s);
	db_close(db);
}

static void test_bad_params(void **state)
{
	struct db *db = open_with_table();
	struct err e = ERR_INIT;
	struct db_stmt *s = db_stmt(db, INSERT, &e);

	db_bind_int(s, 1, 1);
	db_bind_text(s, 2, "a\0b", 3);
	assert_int_equal(db_run(s, &e), -1);
	assert_int_equal(e.code, ERR_INVALID);
	db_bind_int(s, 17, 1);
	assert_int_equal(db_run(s, &e), -1);
	db_bind_int(s, 0, 1);
	assert_int_equal(db_step(s, &e), -1);
	ok(insert(db, 1, "fine again", 1, &e), &e);
	db_close(db);
}

static void test_bad_sql(void **state)
{
	struct db *db = open_with_table();
	struct err e = ERR_INIT;

	assert_null(db_stmt(db, "SELEC 1", &e));
	assert_int_equal(e.code, ERR_BACKEND);
	assert_int_equal(db_exec(db, "CREATE TABLE t (id INTEGER)", &e), -1);
	ok(insert(db, 1, "x", 1, &e), &e);
	assert_int_equal(insert(db, 1, "x", 1, &e), -1);
	assert_int_equal(e.code, ERR_BACKEND);
	assert_int_equal(count(db), 1);
	db_close(db);
}

static void test_streaming(void **state)
{
	enum { N = 20000 };
	struct db *db = open_with_table();
	struct err e = ERR_INIT;
	struct db_stmt *s;
	g_autofree char *big = g_strnfill(200, 'x');
	int n = 0, rc;

	ok(db_begin(db, &e), &e);
	for (int i = 0; i < N; i++)
		ok(insert(db, i, big, i, &e), &e);
	ok(db_commit(db, &e), &e);
	s = db_stmt(db, SELECT, &e);
	db_bind_int(s, 1, 0);
	for (; (rc = db_step(s, &e)) > 0; n++) {
		assert_int_equal(db_int(s, 1), n);
		if (n == 10) { /* one at a time */
			assert_int_equal(insert(db, N, big, 0, &e), -1);
			assert_int_equal(e.code, ERR_INTERNAL);
		}
	}
	assert_int_equal(rc, 0);
	assert_int_equal(n, N);

	db_bind_int(s, 1, N - 1); /* again, with another parameter, and left early */
	assert_int_equal(db_step(s, &e), 1);
	assert_int_equal(db_int(s, 1), N - 1);
	db_bind_int(s, 1, 0);
	db_stmt_reset(s);
	db_bind_int(s, 1, 5);
	assert_int_equal(db_step(s, &e), 1);
	assert_int_equal(db_int(s, 1), 5);
	db_stmt_reset(s);
	assert_int_equal(count(db), N);
	db_close(db);
}

static void test_rollback(void **state)
{
	struct db *db = open_with_table();
	struct err e = ERR_INIT;

	ok(insert(db, 1, "kept", 1, &e), &e);
	ok(db_begin(db, &e), &e);
	assert_int_equal(db_begin(db, &e), -1);
	ok(insert(db, 2, "lost", 1, &e), &e);
	assert_int_equal(count(db), 2); /* a transaction sees its own rows */
	ok(insert(db, 3, "lost", 1, &e), &e);
	db_rollback(db);
	db_rollback(db);
	assert_int_equal(db_commit(db, &e), -1);
	assert_int_equal(count(db), 1);
	db_close(db);
	db = open_db();
	assert_int_equal(count(db), 1);
	db_close(db);
}

/* The error of a statement in a transaction comes at db_run or at db_commit, and nothing of it stays. */
static void test_failing_transaction(void **state)
{
	struct db *db = open_with_table();

	for (int i = 0; i < 3; i++) {
		struct err e = ERR_INIT;
		int rc;

		ok(db_begin(db, &e), &e);
		rc = insert(db, 1, "a", 1, &e);
		if (rc == 0)
			rc = insert(db, 1, "the same key", 1, &e);
		if (rc == 0)
			rc = insert(db, 2, "b", 1, &e);
		if (rc == 0)
			rc = db_commit(db, &e);
		else
			db_rollback(db);
		assert_int_equal(rc, -1);
		assert_int_equal(e.code, ERR_BACKEND);
		assert_int_equal(count(db), 0);
	}
	db_close(db);
}

/* A transaction whose failure was ignored cannot be committed. */
static void test_commit_after_failure(void **state)
{
	struct db *db = open_with_table();
	struct err e = ERR_INIT;

	if (db_kind(db) == DB_SQLITE) { /* only the statement fails there */
		db_close(db);
		skip();
	}
	ok(db_begin(db, &e), &e);
	ok(insert(db, 1, "a", 1, &e), &e);
	assert_int_equal(db_exec(db, "nonsense", &e), -1);
	assert_int_equal(db_commit(db, &e), -1);
	assert_int_equal(count(db), 0);
	db_close(db);
}

static void test_second_opener(void **state)
{
	struct db *db = open_with_table();
	struct err e = ERR_INIT;
	int status;
	pid_t pid = fork();

	if (pid == 0) {
		struct db *other = db_open(place_url(), &e);

		_exit(other ? 1 : e.code == ERR_CONFLICT && strstr(e.detail, "used by another process") ? 0 : 2);
	}
	assert_null(db_open(place_url(), &e));
	assert_int_equal(e.code, ERR_CONFLICT);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	ok(insert(db, 1, "still ours", 1, &e), &e);
	db_close(db);
	db = open_db();
	assert_int_equal(count(db), 1);
	db_close(db);
}

static const struct db_migration STEPS[] = {
	{ .version = 1, .sql = "CREATE TABLE m (v INTEGER); INSERT INTO m VALUES (1)" },
	{ .version = 2, .sql = "ALTER TABLE m ADD COLUMN w INTEGER; INSERT INTO m VALUES (2, 2)" },
	{ .version = 3, .sql = "INSERT INTO m VALUES (3, 3)", .sql_postgresql = "INSERT INTO m VALUES (30, 3)" },
};

static int64_t sum(struct db *db)
{
	static const char SQL[] = "SELECT sum(v) FROM m";
	struct err e = ERR_INIT;
	struct db_stmt *s = db_stmt(db, SQL, &e);
	int64_t n;

	assert_non_null(s);
	assert_int_equal(db_step(s, &e), 1);
	n = db_int(s, 0);
	db_stmt_reset(s);
	return n;
}

static void test_migrations(void **state)
{
	for (size_t from = 0; from <= 3; from++) {
		struct err e = ERR_INIT;
		struct db *db;

		place_empty(NULL);
		db = open_db();
		ok(db_migrate(db, STEPS, from, &e), &e);
		db_close(db);
		db = open_db();
		for (int twice = 0; twice < 2; twice++) {
			ok(db_migrate(db, STEPS, 3, &e), &e);
			assert_int_equal(sum(db), place_is_sqlite() ? 6 : 33);
		}
		assert_int_equal(db_migrate(db, STEPS, 2, &e), -1);
		assert_int_equal(e.code, ERR_UNSUPPORTED);
		db_close(db);
	}
}

static void test_failing_migration(void **state)
{
	static const struct db_migration BROKEN[] = {
		{ .version = 1, .sql = "CREATE TABLE m (v INTEGER); INSERT INTO m VALUES (1)" },
		{ .version = 2, .sql = "INSERT INTO m VALUES (2); INSERT INTO nowhere VALUES (1)" },
	};
	struct db *db = open_db();
	struct err e = ERR_INIT;

	for (int i = 0; i < 2; i++) {
		assert_int_equal(db_migrate(db, BROKEN, 2, &e), -1);
		assert_int_equal(sum(db), 1);
	}
	db_close(db);
}

static void test_urls(void **state)
{
	static const struct {
		const char *url;
		enum err_code code;
	} BAD[] = {
		{ "mysql://root:secret@host/db", ERR_INVALID },
		{ "", ERR_INVALID },
		{ "sqlite:", ERR_INVALID },
		{ "sqlite:/nowhere/at/all.db", ERR_BACKEND },
		{ "sqlite:/etc/passwd/x", ERR_BACKEND },
		{ "postgresql:///x?host=/nowhere", ERR_NETWORK },
		{ "postgresql:///x?nonsense=1", ERR_NETWORK },
	};

	for (size_t i = 0; i < G_N_ELEMENTS(BAD); i++) {
		struct err e = ERR_INIT;

		assert_null(db_open(BAD[i].url, &e));
		if (e.code != BAD[i].code)
			fail_msg("%s: %s: %s", BAD[i].url, err_code_name(e.code), e.detail);
		assert_null(strstr(e.detail, "secret"));
	}
	db_close(NULL);
}

static void test_file_is_private(void **state)
{
	const char *path = place_url() + strlen("sqlite:");
	struct err e = ERR_INIT;
	struct db *db;
	struct stat st;
	mode_t before = umask(0);
	g_autofree char *wal = g_strconcat(path, "-wal", NULL);

	db = open_with_table();
	umask(before);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	assert_int_equal(stat(wal, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	db_close(db);

	assert_true(g_file_set_contents(path,
	                                "this is not a database, but long enough to look at......................."
	                                "..............................................................",
	                                -1, NULL));
	assert_null(db_open(place_url(), &e));
	assert_int_equal(e.code, ERR_BACKEND);
}

static void test_memory(void **state)
{
	struct err e = ERR_INIT;
	struct db *a = db_open("sqlite::memory:", &e), *b = db_open("sqlite::memory:", &e);

	assert_non_null(a);
	assert_non_null(b);
	ok(db_exec(a, TABLE, &e), &e);
	ok(db_exec(b, TABLE, &e), &e);
	ok(insert(a, 1, "x", 1, &e), &e);
	assert_int_equal(count(a), 1);
	assert_int_equal(count(b), 0);
	db_close(a);
	db_close(b);
}

static int fill(struct db *db, int64_t *id, struct err *e)
{
	g_autofree char *big = g_strnfill(8000, 'x');

	if (db_begin(db, e) < 0)
		return -1;
	for (int i = 0; i < 10; i++)
		if (insert(db, *id + i, big, 0, e) < 0) {
			db_rollback(db);
			return -1;
		}
	if (db_commit(db, e) < 0)
		return -1;
	*id += 10;
	return 0;
}

/* A full file system refuses, says why, loses nothing, and works again when there is space. */
static void test_disk_full(void **state)
{
	g_autofree char *dir = g_build_filename(place_folder(), "small", NULL);
	g_autofree char *url = g_strdup_printf("sqlite:%s/test.db", dir);
	g_autofree char *ballast = g_build_filename(dir, "ballast", NULL);
	g_autofree char *data = g_strnfill(600 * 1024, 'b');
	struct err e = ERR_INIT;
	struct db *db;
	int64_t id = 0;

	mkdir(dir, 0700);
	if (mount("none", dir, "tmpfs", 0, "size=2m") < 0) {
		print_message("no mounts here: the test of a full disk is left out\n");
		rmdir(dir);
		skip();
	}
	assert_true(g_file_set_contents(ballast, data, 600 * 1024, NULL));
	db = db_open(url, &e);
	assert_non_null(db);
	ok(db_exec(db, TABLE, &e), &e);
	while (fill(db, &id, &e) == 0)
		assert_true(id < 10000);
	assert_int_equal(e.code, ERR_NO_SPACE);
	assert_int_equal(fill(db, &id, &e), -1);
	assert_int_equal(e.code, ERR_NO_SPACE);
	assert_int_equal(count(db), id);

	assert_int_equal(unlink(ballast), 0);
	ok(fill(db, &id, &e), &e);
	assert_int_equal(count(db), id);
	while (fill(db, &id, &e) == 0)
		assert_true(id < 10000);
	assert_int_equal(e.code, ERR_NO_SPACE);
	db_close(db);
	db = db_open(url, &e);
	if (!db)
		fail_msg("%s", e.detail);
	assert_int_equal(count(db), id);
	db_close(db);
	assert_int_equal(umount(dir), 0);
	rmdir(dir);
}

/* The server ends the session, at each moment of a transaction; the next one works. */
static void test_lost_session(void **state)
{
	for (int when = 0; when < 4; when++) {
		struct err e = ERR_INIT;
		struct db *db;
		unsigned session;
		int rc;

		place_empty(NULL);
		db = open_with_table();
		ok(insert(db, 1, "before", 1, &e), &e);
		session = db_session(db);
		if (when == 0)
			place_end_sessions();
		rc = db_begin(db, &e);
		if (when == 1)
			place_end_sessions();
		if (rc == 0)
			rc = insert(db, 2, "in it", 1, &e);
		if (rc == 0 && when == 2)
			assert_int_equal(count(db), 2); /* so the server has it */
		if (when >= 2)
			place_end_sessions();
		if (rc == 0 && when == 3)
			rc = insert(db, 3, "in it", 1, &e);
		rc = rc == 0 ? db_commit(db, &e) : rc;
		assert_int_equal(rc, when == 0 ? 0 : -1);
		if (rc < 0) {
			assert_int_equal(e.code, ERR_NETWORK);
			db_rollback(db);
		}
		ok(db_begin(db, &e), &e);
		ok(insert(db, 10, "after", 1, &e), &e);
		ok(db_commit(db, &e), &e);
		assert_int_not_equal(db_session(db), session);
		assert_int_equal(count(db), when == 0 ? 3 : 2);
		place_end_sessions();
		ok(insert(db, 11, "without a transaction", 1, &e), &e);
		assert_null(db_open(place_url(), &e)); /* the lock is ours again */
		assert_int_equal(e.code, ERR_CONFLICT);
		db_close(db);
	}
}

static void test_lost_while_reading(void **state)
{
	struct db *db = open_with_table();
	struct err e = ERR_INIT;
	g_autofree char *big = g_strnfill(1000, 'x');
	struct db_stmt *s;
	int rc;

	ok(db_begin(db, &e), &e);
	for (int i = 0; i < 20000; i++)
		ok(insert(db, i, big, i, &e), &e);
	ok(db_commit(db, &e), &e);
	s = db_stmt(db, SELECT, &e);
	db_bind_int(s, 1, 0);
	assert_int_equal(db_step(s, &e), 1);
	place_end_sessions();
	while ((rc = db_step(s, &e)) > 0)
		;
	assert_int_equal(rc, -1);
	assert_int_equal(e.code, ERR_NETWORK);
	assert_int_equal(count(db), 20000);
	db_close(db);
}

/* The server's own full disk, also when it is met in the middle of a pipeline. */
static void test_server_disk_full(void **state)
{
	struct db *db = open_with_table();
	struct err e = ERR_INIT;

	ok(db_exec(db,
	           "CREATE FUNCTION full_disk() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN"
	           " IF NEW.id > 1 THEN RAISE EXCEPTION 'no room' USING ERRCODE = '53100'; END IF;"
	           " RETURN NEW; END$$;"
	           "CREATE TRIGGER full_disk BEFORE INSERT ON t FOR EACH ROW EXECUTE FUNCTION full_disk()",
	           &e),
	   &e);
	ok(db_begin(db, &e), &e);
	for (int i = 0; i < 5; i++)
		ok(insert(db, i, "x", 1, &e), &e);
	assert_int_equal(db_commit(db, &e), -1);
	assert_int_equal(e.code, ERR_NO_SPACE);
	assert_int_equal(count(db), 0);
	ok(insert(db, 1, "x", 1, &e), &e);
	db_close(db);
}

#define T(f) cmocka_unit_test_setup(f, place_empty)
#define COMMON                                                                                                         \
	T(test_binding), T(test_binding_by_number), T(test_params_are_forgotten), T(test_bad_params), T(test_bad_sql), \
	    T(test_streaming), T(test_rollback), T(test_failing_transaction), T(test_commit_after_failure),            \
	    T(test_second_opener), T(test_migrations), T(test_failing_migration)

int main(void)
{
	static const struct CMUnitTest SQLITE[] = {
		COMMON, T(test_urls), T(test_file_is_private), T(test_memory), T(test_disk_full),
	};
	static const struct CMUnitTest POSTGRESQL[] = {
		COMMON,
		T(test_lost_session),
		T(test_lost_while_reading),
		T(test_server_disk_full),
	};
	int rc = cmocka_run_group_tests_name("db on SQLite", SQLITE, place_sqlite, place_remove);

	if (place_has_postgresql())
		rc += cmocka_run_group_tests_name("db on PostgreSQL", POSTGRESQL, place_postgresql, place_remove);
	return rc;
}
