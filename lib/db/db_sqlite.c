/* SPDX-License-Identifier: Apache-2.0 */
/*
 * SQLite: one file, one process. The write-ahead log is synced at each commit, so that an acknowledged
 * transaction survives a power failure; in exclusive mode its index lives in memory, and the lock on the
 * file is held until the connection closes.
 */
#include <errno.h>
#include <fcntl.h>
#include <sqlite3.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/auto.h"
#include "db/db_internal.h"

struct sqlite_db {
	struct db db;
	sqlite3 *handle;
};

struct sqlite_stmt {
	struct db_stmt s;
	sqlite3_stmt *handle;
	int index[DB_MAX_PARAMS + 1]; /* [n] is SQLite's number of $n, 0: not used */
};

static struct sqlite_db *self_of(struct db *db) { return (struct sqlite_db *)db; }
static struct sqlite_stmt *stmt_of(struct db_stmt *s) { return (struct sqlite_stmt *)s; }

static bool is_full(struct sqlite_db *d, int rc)
{
	int errnum = sqlite3_system_errno(d->handle);

	if (rc == SQLITE_FULL)
		return true;
	return (rc == SQLITE_IOERR || rc == SQLITE_CANTOPEN) && (errnum == ENOSPC || errnum == EDQUOT);
}

static int fail(struct sqlite_db *d, struct err *e)
{
	int rc = sqlite3_errcode(d->handle);
	const char *text = sqlite3_errmsg(d->handle);

	if (is_full(d, rc))
		return err_set(e, ERR_NO_SPACE, "database: no space left for the file");
	if (rc == SQLITE_BUSY || rc == SQLITE_LOCKED)
		return err_set(e, ERR_CONFLICT, "database: the file is used by another process");
	return err_set(e, ERR_BACKEND, "database: %s (%d)", text, sqlite3_extended_errcode(d->handle));
}

static int sqlite_exec(struct db *db, const char *sql, struct err *e)
{
	struct sqlite_db *d = self_of(db);

	return sqlite3_exec(d->handle, sql, NULL, NULL, NULL) == SQLITE_OK ? 0 : fail(d, e);
}

static int sqlite_begin(struct db *db, struct err *e) { return sqlite_exec(db, "BEGIN IMMEDIATE", e); }

static int sqlite_commit(struct db *db, struct err *e) { return sqlite_exec(db, "COMMIT", e); }

/* Some failures (a full disk among them) have rolled back already. */
static void sqlite_rollback(struct db *db)
{
	struct sqlite_db *d = self_of(db);

	if (!sqlite3_get_autocommit(d->handle))
		sqlite3_exec(d->handle, "ROLLBACK", NULL, NULL, NULL);
}

static unsigned sqlite_session(const struct db *db) { return 1; }

static void sqlite_close(struct db *db)
{
	sqlite3_close(self_of(db)->handle);
	g_free(db);
}

/* ---- statements */

static struct db_stmt *sqlite_stmt_new(struct db *db, const char *sql, struct err *e)
{
	struct sqlite_db *d = self_of(db);
	struct sqlite_stmt *s = g_new0(struct sqlite_stmt, 1);
	char name[16];

	if (sqlite3_prepare_v3(d->handle, sql, -1, SQLITE_PREPARE_PERSISTENT, &s->handle, NULL) != SQLITE_OK) {
		fail(d, e);
		g_free(s);
		return NULL;
	}
	for (int n = 1; n <= DB_MAX_PARAMS; n++) {
		snprintf(name, sizeof(name), "$%d", n);
		s->index[n] = sqlite3_bind_parameter_index(s->handle, name);
	}
	return &s->s;
}

static void sqlite_stmt_free(struct db_stmt *st)
{
	sqlite3_finalize(stmt_of(st)->handle);
	g_free(st);
}

static int bind_one(struct sqlite_stmt *s, int index, const struct db_param *p)
{
	if (p->kind == DB_PARAM_INT)
		return sqlite3_bind_int64(s->handle, index, p->value);
	if (p->kind == DB_PARAM_TEXT)
		return sqlite3_bind_text64(s->handle, index, p->text, p->len, SQLITE_STATIC, SQLITE_UTF8);
	return sqlite3_bind_null(s->handle, index);
}

static int bind_all(struct sqlite_stmt *s, struct err *e)
{
	for (int n = 1; n <= DB_MAX_PARAMS; n++)
		if (s->index[n] && bind_one(s, s->index[n], &s->s.params[n]) != SQLITE_OK)
			return fail(self_of(s->s.db), e);
	return 0;
}

static void sqlite_reset(struct db_stmt *st) { sqlite3_reset(stmt_of(st)->handle); }

static int sqlite_run(struct db_stmt *st, struct err *e)
{
	struct sqlite_stmt *s = stmt_of(st);
	int rc;

	if (bind_all(s, e) < 0)
		return -1;
	do
		rc = sqlite3_step(s->handle);
	while (rc == SQLITE_ROW);
	if (rc != SQLITE_DONE)
		fail(self_of(st->db), e);
	sqlite3_reset(s->handle);
	return rc == SQLITE_DONE ? 0 : -1;
}

static int sqlite_step(struct db_stmt *st, struct err *e)
{
	struct sqlite_stmt *s = stmt_of(st);
	int rc;

	if (!sqlite3_stmt_busy(s->handle) && bind_all(s, e) < 0)
		return -1;
	rc = sqlite3_step(s->handle);
	if (rc == SQLITE_ROW)
		return 1;
	return rc == SQLITE_DONE ? 0 : fail(self_of(st->db), e);
}

static const char *sqlite_text(struct db_stmt *st, int col, size_t *len)
{
	sqlite3_stmt *h = stmt_of(st)->handle;
	const char *text = (const char *)sqlite3_column_text(h, col);

	*len = text ? (size_t)sqlite3_column_bytes(h, col) : 0;
	return text;
}

static int64_t sqlite_integer(struct db_stmt *st, int col) { return sqlite3_column_int64(stmt_of(st)->handle, col); }

static const struct db_ops OPS = {
	.kind = DB_SQLITE,
	.exec = sqlite_exec,
	.begin = sqlite_begin,
	.commit = sqlite_commit,
	.rollback = sqlite_rollback,
	.session = sqlite_session,
	.close = sqlite_close,
	.stmt_new = sqlite_stmt_new,
	.stmt_free = sqlite_stmt_free,
	.run = sqlite_run,
	.step = sqlite_step,
	.text = sqlite_text,
	.integer = sqlite_integer,
	.reset = sqlite_reset,
};

/* ---- opening */

/*
 * The file holds secrets, so it is made for its owner alone; the log takes over its mode. A file that exists is
 * not opened here: closing it again would drop the locks that this process may have on it.
 */
static int make_private(const char *path, struct err *e)
{
	auto_close int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);

	if (fd < 0 && errno != EEXIST)
		return err_errno(e, errno, "create database %s", path);
	return 0;
}

/* The mode must be set before the first access: then the log never needs shared memory. */
static const char SETUP[] = "PRAGMA locking_mode=EXCLUSIVE;"
                            "PRAGMA journal_mode=WAL;"
                            "PRAGMA synchronous=FULL;"
                            "PRAGMA temp_store=MEMORY;"
                            "PRAGMA cache_size=-16384;"
                            "PRAGMA journal_size_limit=67108864;"
                            "BEGIN IMMEDIATE; COMMIT";

static int set_up(struct sqlite_db *d, const char *path, struct err *e)
{
	if (sqlite3_open_v2(path, &d->handle, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX, NULL) !=
	    SQLITE_OK) {
		if (d->handle)
			return fail(d, e);
		return err_set(e, ERR_BACKEND, "out of memory");
	}
	sqlite3_extended_result_codes(d->handle, 0);
	sqlite3_busy_timeout(d->handle, DB_LOCK_WAIT_MS);
	return sqlite_exec(&d->db, SETUP, e);
}

struct db *db_sqlite_open(const char *path, struct err *e)
{
	bool is_memory = strcmp(path, ":memory:") == 0;
	struct sqlite_db *d;

	if (!*path)
		return err_set(e, ERR_INVALID, "the database's path is missing after sqlite:"), NULL;
	if (!is_memory && make_private(path, e) < 0)
		return NULL;
	d = g_new0(struct sqlite_db, 1);
	d->db.ops = &OPS;
	if (set_up(d, path, e) < 0) {
		sqlite_close(&d->db);
		return err_wrap(e, "open %s", path), NULL;
	}
	return &d->db;
}
