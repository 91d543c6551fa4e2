/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * What the two databases have in common, for the files of this folder only. db.c keeps the rules (order
 * of calls, parameters, cache of statements); a backend embeds struct db and struct db_stmt and talks
 * to its library.
 */
#include <glib.h>

#include "db/db.h"

/* A process that has just died may hold its lock a moment longer. */
#define DB_LOCK_WAIT_MS 2000

enum { DB_MAX_PARAMS = 16 };

enum db_param_kind { DB_PARAM_NULL, DB_PARAM_TEXT, DB_PARAM_INT };

struct db_param {
	enum db_param_kind kind;
	const char *text; /* the caller's */
	size_t len;
	int64_t value;
};

struct db_stmt {
	struct db *db;
	const char *sql;
	struct db_param params[DB_MAX_PARAMS + 1]; /* [n] is $n; [0] takes what is out of range */
	const char *bad_param;                     /* what is wrong with the parameters, found while binding */
	bool is_reading;                           /* between the first row and the end */
};

struct db_ops {
	enum db_kind kind;
	int (*exec)(struct db *db, const char *sql, struct err *e);
	int (*begin)(struct db *db, struct err *e);
	int (*commit)(struct db *db, struct err *e); /* a failed one leaves the rest to rollback */
	void (*rollback)(struct db *db);
	unsigned (*session)(const struct db *db);
	void (*close)(struct db *db);

	struct db_stmt *(*stmt_new)(struct db *db, const char *sql, struct err *e);
	void (*stmt_free)(struct db_stmt *s);
	int (*run)(struct db_stmt *s, struct err *e);
	int (*step)(struct db_stmt *s, struct err *e);
	const char *(*text)(struct db_stmt *s, int col, size_t *len);
	int64_t (*integer)(struct db_stmt *s, int col);
	void (*reset)(struct db_stmt *s); /* end reading, if it was */
};

struct db {
	const struct db_ops *ops;
	GHashTable *stmts;      /* address of sql -> struct db_stmt */
	struct db_stmt *reader; /* the one that is_reading */
	bool in_transaction;
};

/* path is what follows "sqlite:". */
struct db *db_sqlite_open(const char *path, struct err *e);
struct db *db_postgresql_open(const char *url, struct err *e);
