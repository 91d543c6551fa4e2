/* SPDX-License-Identifier: Apache-2.0 */
/*
 * PostgreSQL. Within a transaction, statements without results are queued (pipeline mode) and answered
 * together, so that a group of many rows costs one round trip; what needs an answer at once ends the
 * pipeline first. The first error of a pipeline is the one that is reported.
 *
 * A lost connection is made anew when the next transaction, or statement outside of one, begins. The
 * server's advisory lock belongs to the session and is taken again then.
 */
#include <errno.h>
#include <libpq-fe.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "db/db_internal.h"

/* "hostler", as a number: the advisory lock of the one Manager that uses this database. */
#define LOCK_KEY "29395939243091314"

struct pg_db {
	struct db db;
	PGconn *conn; /* NULL: none */
	char *url;
	unsigned session;
	bool is_broken; /* connect again at the next occasion */
	bool in_pipeline;
};

struct pg_stmt {
	struct db_stmt s;
	char name[16];
	int n_params;         /* the highest $n */
	unsigned prepared_in; /* session */
	bool is_sent;         /* rows are being read */
	PGresult *row;
	GString *values; /* parameters as C strings, one after the other */
};

static struct pg_db *self_of(struct db *db) { return (struct pg_db *)db; }
static struct pg_stmt *stmt_of(struct db_stmt *s) { return (struct pg_stmt *)s; }

/* ---- errors */

/* The server says goodbye with an answer before the connection ends; a server that became read-only is left, too. */
static bool is_goodbye(const char *state)
{
	return g_str_has_prefix(state, "57P0") || g_str_has_prefix(state, "08") || strcmp(state, "25006") == 0;
}

static int fail(struct pg_db *d, const PGresult *r, struct err *e)
{
	const char *state = r ? PQresultErrorField(r, PG_DIAG_SQLSTATE) : NULL;
	const char *main_text = r ? PQresultErrorField(r, PG_DIAG_MESSAGE_PRIMARY) : NULL;
	g_autofree char *text = g_strchomp(g_strdup(main_text ? main_text : PQerrorMessage(d->conn)));
	enum err_code code = ERR_BACKEND;

	if (state && g_str_has_prefix(state, "53100"))
		code = ERR_NO_SPACE;
	else if (PQstatus(d->conn) != CONNECTION_OK || (state && is_goodbye(state)))
		code = ERR_NETWORK;
	if (code == ERR_NETWORK)
		d->is_broken = true;
	return err_set(e, code, "database: %s%s%s", *text ? text : "connection lost", state ? ", SQLSTATE " : "",
	               state ? state : "");
}

static bool is_good(const PGresult *r)
{
	ExecStatusType status = PQresultStatus(r);

	return status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK || status == PGRES_EMPTY_QUERY ||
	       status == PGRES_SINGLE_TUPLE;
}

/* Take r; 0 if it is a good one. */
static int check(struct pg_db *d, PGresult *r, struct err *e)
{
	int rc = is_good(r) ? 0 : fail(d, r, e);

	PQclear(r);
	return rc;
}

static void ignore_notice(void *arg, const PGresult *r) {}

/* ---- connecting */

static PGconn *dial(const char *url)
{
	/* What stands before dbname is a default, what stands behind it is fixed. */
	static const char *const KEYS[] = {
		"fallback_application_name",
		"connect_timeout",
		"keepalives_idle",
		"keepalives_interval",
		"keepalives_count",
		"tcp_user_timeout",
		"dbname",
		"client_encoding",
		NULL,
	};
	const char *values[] = { "hostler", "10", "20", "5", "3", "20000", url, "UTF8", NULL };

	return PQconnectdbParams(KEYS, values, 1);
}

/* 1: got it, 0: another session has it. */
static int take_lock(struct pg_db *d, struct err *e)
{
	PGresult *r = PQexec(d->conn, "SELECT pg_try_advisory_lock(" LOCK_KEY ")");
	int rc;

	if (PQresultStatus(r) != PGRES_TUPLES_OK) {
		rc = fail(d, r, e);
	} else {
		rc = strcmp(PQgetvalue(r, 0, 0), "t") == 0;
		if (!rc)
			err_set(e, ERR_CONFLICT, "database: it is used by another process");
	}
	PQclear(r);
	return rc;
}

/* An acknowledged commit must be a durable one. */
static const char SQL_SETUP[] =
    "SELECT set_config('synchronous_commit', 'on', false) WHERE current_setting('synchronous_commit') = 'off'";

static int set_up(struct pg_db *d, struct err *e)
{
	int locked;

	if (PQstatus(d->conn) != CONNECTION_OK)
		return fail(d, NULL, e);
	PQsetNoticeReceiver(d->conn, ignore_notice, NULL);
	if (PQserverVersion(d->conn) < 110000)
		return err_set(e, ERR_UNSUPPORTED, "database: PostgreSQL 11 or later is needed");
	for (int waited_ms = 0;; waited_ms += 50) {
		locked = take_lock(d, e);
		if (locked != 0 || waited_ms >= DB_LOCK_WAIT_MS)
			break;
		g_usleep(50 * 1000);
	}
	if (locked <= 0 || check(d, PQexec(d->conn, SQL_SETUP), e) < 0)
		return -1;
	/* Never blocked in sending while the server is blocked in answering: see wait_sent. */
	if (PQsetnonblocking(d->conn, 1) < 0)
		return fail(d, NULL, e);
	return 0;
}

static void hang_up(struct pg_db *d)
{
	PQfinish(d->conn);
	d->conn = NULL;
	d->in_pipeline = false;
}

static int connect_anew(struct pg_db *d, struct err *e)
{
	hang_up(d);
	d->conn = dial(d->url);
	if (!d->conn)
		return err_set(e, ERR_BACKEND, "out of memory");
	d->is_broken = false;
	d->session++;
	if (set_up(d, e) == 0)
		return 0;
	hang_up(d);
	d->is_broken = true;
	return -1;
}

/* Has the server ended the connection while nobody looked? A goodbye and the end may be two reads. */
static void look(struct pg_db *d)
{
	for (int i = 0; i < 2 && d->conn; i++) {
		struct pollfd p = { .fd = PQsocket(d->conn), .events = POLLIN };

		if (p.fd >= 0 && poll(&p, 1, 0) <= 0)
			return;
		if (p.fd < 0 || !PQconsumeInput(d->conn))
			d->is_broken = true;
	}
}

static int ensure_connected(struct pg_db *d, struct err *e)
{
	if (!d->is_broken)
		look(d);
	if (d->conn && !d->is_broken && PQstatus(d->conn) == CONNECTION_OK)
		return 0;
	if (connect_anew(d, e) == 0)
		return 0;
	if (e->code == ERR_CONFLICT) /* perhaps our own old session, which the server has not missed yet */
		e->code = ERR_NETWORK;
	return err_wrap(e, "connect again");
}

/* Outside of transactions the connection may be replaced; inside, a broken one is an error. */
static int ensure_usable(struct pg_db *d, struct err *e)
{
	if (!d->db.in_transaction)
		return ensure_connected(d, e);
	if (!d->conn || d->is_broken)
		return err_set(e, ERR_NETWORK, "database: connection lost");
	return 0;
}

/* ---- the pipeline */

static int wait_sent(struct pg_db *d)
{
	for (;;) {
		struct pollfd p = { .fd = PQsocket(d->conn), .events = POLLIN | POLLOUT };
		int left = PQflush(d->conn);

		if (left <= 0)
			return left;
		if (poll(&p, 1, -1) < 0 && errno != EINTR)
			return -1;
		if (p.revents & POLLIN && !PQconsumeInput(d->conn))
			return -1;
	}
}

/* Read all answers up to the sync; the first bad one goes to e. */
static int read_answers(struct pg_db *d, struct err *e)
{
	int rc = 0, n_null = 0;

	for (;;) {
		PGresult *r = PQgetResult(d->conn);
		ExecStatusType status = PQresultStatus(r);

		if (!r) { /* between two answers; twice in a row: nothing more will come */
			if (++n_null > 1)
				return rc < 0 ? rc : fail(d, NULL, e);
			continue;
		}
		n_null = 0;
		if (rc == 0 && status != PGRES_PIPELINE_SYNC && !is_good(r))
			rc = fail(d, r, e);
		PQclear(r);
		if (status == PGRES_PIPELINE_SYNC)
			return rc;
		if (PQstatus(d->conn) != CONNECTION_OK)
			return rc < 0 ? rc : fail(d, NULL, e);
	}
}

static int end_pipeline(struct pg_db *d, struct err *e)
{
	int rc;

	if (!d->in_pipeline)
		return 0;
	d->in_pipeline = false;
	if (!PQpipelineSync(d->conn) || wait_sent(d) < 0)
		return fail(d, NULL, e);
	rc = read_answers(d, e);
	if (!PQexitPipelineMode(d->conn)) {
		d->is_broken = true;
		if (rc == 0)
			rc = fail(d, NULL, e);
	}
	return rc;
}

static int start_pipeline(struct pg_db *d, struct err *e)
{
	if (d->in_pipeline)
		return 0;
	if (!PQenterPipelineMode(d->conn))
		return fail(d, NULL, e);
	d->in_pipeline = true;
	return 0;
}

/* ---- transactions */

static int pg_exec(struct db *db, const char *sql, struct err *e)
{
	struct pg_db *d = self_of(db);

	if (ensure_usable(d, e) < 0 || end_pipeline(d, e) < 0)
		return -1;
	return check(d, PQexec(d->conn, sql), e);
}

static int send_plain(struct pg_db *d, const char *sql, struct err *e)
{
	return PQsendQueryParams(d->conn, sql, 0, NULL, NULL, NULL, NULL, 0) ? 0 : fail(d, NULL, e);
}

static int pg_begin(struct db *db, struct err *e)
{
	struct pg_db *d = self_of(db);

	if (ensure_connected(d, e) < 0 || start_pipeline(d, e) < 0)
		return -1;
	return send_plain(d, "BEGIN", e);
}

/* COMMIT of a transaction that has failed before is answered with ROLLBACK, and is no error to the server. */
static int pg_commit(struct db *db, struct err *e)
{
	struct pg_db *d = self_of(db);
	PGresult *r;
	int rc;

	if (ensure_usable(d, e) < 0)
		return -1;
	if (d->in_pipeline)
		return send_plain(d, "COMMIT", e) < 0 ? -1 : end_pipeline(d, e);
	r = PQexec(d->conn, "COMMIT");
	rc = is_good(r) ? 0 : fail(d, r, e);
	if (rc == 0 && strcmp(PQcmdStatus(r), "COMMIT") != 0)
		rc = err_set(e, ERR_BACKEND, "database: the transaction had failed");
	PQclear(r);
	return rc;
}

static void pg_rollback(struct db *db)
{
	struct pg_db *d = self_of(db);
	struct err ignored = ERR_INIT;

	if (!d->conn || d->is_broken)
		return;
	end_pipeline(d, &ignored);
	if (!d->is_broken && PQtransactionStatus(d->conn) != PQTRANS_IDLE &&
	    check(d, PQexec(d->conn, "ROLLBACK"), &ignored) < 0)
		d->is_broken = true;
}

static unsigned pg_session(const struct db *db) { return ((const struct pg_db *)db)->session; }

static void pg_close(struct db *db)
{
	struct pg_db *d = self_of(db);

	hang_up(d);
	g_free(d->url);
	g_free(d);
}

/* ---- statements */

static int ensure_prepared(struct pg_stmt *s, struct err *e)
{
	struct pg_db *d = self_of(s->s.db);

	if (ensure_usable(d, e) < 0)
		return -1;
	if (s->prepared_in == d->session)
		return 0;
	if (end_pipeline(d, e) < 0 || check(d, PQprepare(d->conn, s->name, s->s.sql, 0, NULL), e) < 0)
		return -1;
	s->prepared_in = d->session;
	return 0;
}

static void pg_stmt_free(struct db_stmt *st)
{
	struct pg_stmt *s = stmt_of(st);

	g_string_free(s->values, TRUE);
	g_free(s);
}

/* The server wants exactly as many parameters as the statement has. */
static int count_params(const char *sql)
{
	int n = DB_MAX_PARAMS;
	char word[16];

	for (; n > 0; n--) {
		snprintf(word, sizeof(word), "$%d", n);
		if (strstr(sql, word))
			break;
	}
	return n;
}

static struct db_stmt *pg_stmt_new(struct db *db, const char *sql, struct err *e)
{
	struct pg_stmt *s = g_new0(struct pg_stmt, 1);

	s->s.db = db;
	s->s.sql = sql;
	s->values = g_string_new(NULL);
	s->n_params = count_params(sql);
	snprintf(s->name, sizeof(s->name), "s%u", g_hash_table_size(db->stmts) + 1);
	if (ensure_prepared(s, e) == 0)
		return &s->s;
	pg_stmt_free(&s->s);
	return NULL;
}

/* Send the prepared statement with its parameters. */
static int send_stmt(struct pg_stmt *s, struct err *e)
{
	struct pg_db *d = self_of(s->s.db);
	const char *values[DB_MAX_PARAMS] = { 0 };
	size_t at[DB_MAX_PARAMS];
	int n = s->n_params;

	g_string_truncate(s->values, 0);
	for (int i = 0; i < n; i++) {
		const struct db_param *p = &s->s.params[i + 1];

		at[i] = s->values->len;
		if (p->kind == DB_PARAM_TEXT)
			g_string_append_len(s->values, p->text, (gssize)p->len);
		else if (p->kind == DB_PARAM_INT)
			g_string_append_printf(s->values, "%lld", (long long)p->value);
		g_string_append_c(s->values, 0);
	}
	for (int i = 0; i < n; i++)
		values[i] = s->s.params[i + 1].kind == DB_PARAM_NULL ? NULL : s->values->str + at[i];
	if (PQsendQueryPrepared(d->conn, s->name, n, values, NULL, NULL, 0))
		return 0;
	return fail(d, NULL, e);
}

/* Read on to the end of the answer. */
static int drop_answer(struct pg_db *d, struct err *e)
{
	int rc = 0;
	PGresult *r;

	while ((r = PQgetResult(d->conn))) {
		if (rc == 0 && !is_good(r))
			rc = fail(d, r, e);
		PQclear(r);
		if (PQstatus(d->conn) != CONNECTION_OK)
			return rc < 0 ? rc : fail(d, NULL, e);
	}
	return rc;
}

static int pg_run(struct db_stmt *st, struct err *e)
{
	struct pg_stmt *s = stmt_of(st);
	struct pg_db *d = self_of(st->db);

	if (ensure_prepared(s, e) < 0)
		return -1;
	if (d->db.in_transaction)
		return start_pipeline(d, e) < 0 ? -1 : send_stmt(s, e);
	return send_stmt(s, e) < 0 ? -1 : drop_answer(d, e);
}

static int pg_step(struct db_stmt *st, struct err *e)
{
	struct pg_stmt *s = stmt_of(st);
	struct pg_db *d = self_of(st->db);

	if (!s->is_sent) {
		if (ensure_prepared(s, e) < 0 || end_pipeline(d, e) < 0 || send_stmt(s, e) < 0)
			return -1;
		s->is_sent = true;
		PQsetSingleRowMode(d->conn);
	}
	PQclear(s->row);
	s->row = PQgetResult(d->conn);
	if (!s->row)
		return fail(d, NULL, e);
	if (PQresultStatus(s->row) == PGRES_SINGLE_TUPLE)
		return 1;
	return is_good(s->row) ? 0 : fail(d, s->row, e);
}

static void pg_reset(struct db_stmt *st)
{
	struct pg_stmt *s = stmt_of(st);
	struct err ignored = ERR_INIT;

	PQclear(s->row);
	s->row = NULL;
	if (s->is_sent)
		drop_answer(self_of(st->db), &ignored);
	s->is_sent = false;
}

static const char *pg_text(struct db_stmt *st, int col, size_t *len)
{
	PGresult *r = stmt_of(st)->row;

	if (!r || col < 0 || col >= PQnfields(r) || PQgetisnull(r, 0, col))
		return NULL;
	*len = (size_t)PQgetlength(r, 0, col);
	return PQgetvalue(r, 0, col);
}

static int64_t pg_integer(struct db_stmt *st, int col)
{
	size_t len;
	const char *text = pg_text(st, col, &len);

	return text ? g_ascii_strtoll(text, NULL, 10) : 0;
}

static const struct db_ops OPS = {
	.kind = DB_POSTGRESQL,
	.exec = pg_exec,
	.begin = pg_begin,
	.commit = pg_commit,
	.rollback = pg_rollback,
	.session = pg_session,
	.close = pg_close,
	.stmt_new = pg_stmt_new,
	.stmt_free = pg_stmt_free,
	.run = pg_run,
	.step = pg_step,
	.text = pg_text,
	.integer = pg_integer,
	.reset = pg_reset,
};

struct db *db_postgresql_open(const char *url, struct err *e)
{
	struct pg_db *d = g_new0(struct pg_db, 1);

	d->db.ops = &OPS;
	d->url = g_strdup(url);
	if (connect_anew(d, e) == 0)
		return &d->db;
	pg_close(&d->db);
	return err_wrap(e, "open the database"), NULL;
}
