/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * SQLite and PostgreSQL behind one header: statements, rows, transactions, migrations. Knows rows, not
 * business. A struct db is one connection and belongs to one thread at a time; all calls block.
 *
 * Statements are constants of the program with parameters $1, $2, ... (a name to SQLite, a position to
 * PostgreSQL; both are bound by number here) and the SQL both understand. Values are always bound.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

struct db;
struct db_stmt;

enum db_kind { DB_SQLITE, DB_POSTGRESQL };

/* "sqlite:/path/file.db", "sqlite::memory:" or "postgresql://user@host/db?..." (any libpq URL).
 * SQLite: WAL, synchronous=FULL, an exclusive lock on the file so that one Manager uses it. PostgreSQL: an
 * advisory lock for the same end; ERR_CONFLICT when another process holds it. */
struct db *db_open(const char *url, struct err *e);
void db_close(struct db *db);
enum db_kind db_kind(const struct db *db);
/* Changes each time a lost connection was made anew: others may have used the database in between. */
unsigned db_session(const struct db *db);

/* One or more statements without parameters or results. */
int db_exec(struct db *db, const char *sql, struct err *e);

int db_begin(struct db *db, struct err *e);
int db_commit(struct db *db, struct err *e);
/* A failed db_commit has rolled back already. ERR_NETWORK from it: the connection broke, it may have taken place.
 * db_rollback never fails from the caller's view; a broken connection is reopened by the next db_begin. */
void db_rollback(struct db *db);

/* Prepared once and cached by the address of the constant sql; owned by db. */
struct db_stmt *db_stmt(struct db *db, const char *sql, struct err *e);
/* Parameters count from 1, at most 16; text is used until the next db_stmt_reset, db_run or end of db_step, which
 * set all parameters back to NULL. A NUL byte in a text is ERR_INVALID at db_run or db_step. */
void db_bind_text(struct db_stmt *s, int n, const char *text, size_t len);
void db_bind_int(struct db_stmt *s, int n, int64_t value);
void db_bind_null(struct db_stmt *s, int n);
/* Run a statement without result rows and reset it. Within a transaction PostgreSQL may queue it (pipeline): an error
 * then comes at db_commit at the latest. */
int db_run(struct db_stmt *s, struct err *e);
/* Next row: 1 row, 0 end (statement is reset), -1 error (reset too). Rows are streamed; until the end or db_stmt_reset
 * no other statement of the connection may be used (ERR_INTERNAL). */
int db_step(struct db_stmt *s, struct err *e);
/* Columns count from 0, valid until the next db_step. NULL text for SQL NULL. */
const char *db_text(struct db_stmt *s, int col, size_t *len);
int64_t db_int(struct db_stmt *s, int col);
void db_stmt_reset(struct db_stmt *s);

struct db_migration {
	int version;     /* 1, 2, 3, ... */
	const char *sql; /* for both kinds unless sql_postgresql is given */
	const char *sql_postgresql;
};
/* Bring the schema to the last version, each step in one transaction, recorded in table schema_version. A schema newer than
 * the program is ERR_UNSUPPORTED. */
int db_migrate(struct db *db, const struct db_migration *m, size_t n, struct err *e);
