/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The rules that hold for both databases: one statement is read at a time, values are checked when they
 * are bound, a transaction that failed is rolled back before its error is returned.
 */
#include "db/db.h"

#include <string.h>

#include "db/db_internal.h"

struct db *db_open(const char *url, struct err *e)
{
	struct db *db;

	if (g_str_has_prefix(url, "sqlite:"))
		db = db_sqlite_open(url + strlen("sqlite:"), e);
	else if (g_str_has_prefix(url, "postgresql:") || g_str_has_prefix(url, "postgres:"))
		db = db_postgresql_open(url, e);
	else /* not repeated here: it may hold a password */
		return err_set(e, ERR_INVALID, "a database is sqlite:/path or postgresql://..."), NULL;
	if (db)
		db->stmts = g_hash_table_new(g_direct_hash, g_direct_equal);
	return db;
}

void db_close(struct db *db)
{
	GHashTableIter it;
	gpointer s;

	if (!db)
		return;
	db_rollback(db);
	g_hash_table_iter_init(&it, db->stmts);
	while (g_hash_table_iter_next(&it, NULL, &s))
		db->ops->stmt_free(s);
	g_hash_table_destroy(db->stmts);
	db->ops->close(db);
}

enum db_kind db_kind(const struct db *db) { return db->ops->kind; }

unsigned db_session(const struct db *db) { return db->ops->session(db); }

/* Reading holds PostgreSQL's connection; the same rule for both keeps programs portable. */
static int check_idle(struct db *db, struct err *e)
{
	if (!db->reader)
		return 0;
	return err_set(e, ERR_INTERNAL, "database: another statement is being read: %.80s", db->reader->sql);
}

int db_exec(struct db *db, const char *sql, struct err *e)
{
	if (check_idle(db, e) < 0)
		return -1;
	return db->ops->exec(db, sql, e);
}

int db_begin(struct db *db, struct err *e)
{
	if (check_idle(db, e) < 0)
		return -1;
	if (db->in_transaction)
		return err_set(e, ERR_INTERNAL, "database: a transaction is open already");
	if (db->ops->begin(db, e) < 0)
		return -1;
	db->in_transaction = true;
	return 0;
}

int db_commit(struct db *db, struct err *e)
{
	if (check_idle(db, e) < 0)
		return -1;
	if (!db->in_transaction)
		return err_set(e, ERR_INTERNAL, "database: no transaction is open");
	if (db->ops->commit(db, e) < 0) {
		db_rollback(db);
		return -1;
	}
	db->in_transaction = false;
	return 0;
}

void db_rollback(struct db *db)
{
	if (db->reader)
		db_stmt_reset(db->reader);
	if (!db->in_transaction)
		return;
	db->ops->rollback(db);
	db->in_transaction = false;
}

struct db_stmt *db_stmt(struct db *db, const char *sql, struct err *e)
{
	struct db_stmt *s = g_hash_table_lookup(db->stmts, sql);

	if (s)
		return s;
	if (check_idle(db, e) < 0)
		return NULL;
	s = db->ops->stmt_new(db, sql, e);
	if (!s)
		return NULL;
	s->db = db;
	s->sql = sql;
	g_hash_table_insert(db->stmts, (gpointer)sql, s);
	return s;
}

static struct db_param *param(struct db_stmt *s, int n)
{
	if (n >= 1 && n <= DB_MAX_PARAMS)
		return &s->params[n];
	s->bad_param = "a parameter's number is out of range";
	return &s->params[0];
}

void db_bind_text(struct db_stmt *s, int n, const char *text, size_t len)
{
	if (!text) {
		db_bind_null(s, n);
		return;
	}
	/* PostgreSQL has no such text, so there is none in SQLite either. */
	if (memchr(text, 0, len))
		s->bad_param = "a text holds a NUL byte";
	*param(s, n) = (struct db_param){ .kind = DB_PARAM_TEXT, .text = text, .len = len };
}

void db_bind_int(struct db_stmt *s, int n, int64_t value)
{
	*param(s, n) = (struct db_param){ .kind = DB_PARAM_INT, .value = value };
}

void db_bind_null(struct db_stmt *s, int n) { *param(s, n) = (struct db_param){ .kind = DB_PARAM_NULL }; }

static void forget_params(struct db_stmt *s)
{
	memset(s->params, 0, sizeof(s->params));
	s->bad_param = NULL;
}

static int check_ready(struct db_stmt *s, struct err *e)
{
	if (check_idle(s->db, e) < 0)
		return -1;
	if (s->bad_param)
		return err_set(e, ERR_INVALID, "database: %s", s->bad_param);
	return 0;
}

int db_run(struct db_stmt *s, struct err *e)
{
	int rc = check_ready(s, e);

	if (rc == 0)
		rc = s->db->ops->run(s, e);
	if (s->db->reader != s)
		forget_params(s);
	return rc;
}

int db_step(struct db_stmt *s, struct err *e)
{
	int rc;

	if (!s->is_reading) {
		if (check_ready(s, e) < 0) {
			forget_params(s);
			return -1;
		}
		s->is_reading = true;
		s->db->reader = s;
	}
	rc = s->db->ops->step(s, e);
	if (rc <= 0)
		db_stmt_reset(s);
	return rc;
}

const char *db_text(struct db_stmt *s, int col, size_t *len)
{
	size_t n = 0;
	const char *text = s->is_reading ? s->db->ops->text(s, col, &n) : NULL;

	if (len)
		*len = n;
	return text;
}

int64_t db_int(struct db_stmt *s, int col) { return s->is_reading ? s->db->ops->integer(s, col) : 0; }

void db_stmt_reset(struct db_stmt *s)
{
	if (s->is_reading) {
		s->db->ops->reset(s);
		s->is_reading = false;
		s->db->reader = NULL;
	}
	forget_params(s);
}
