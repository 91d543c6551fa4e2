/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* All SQL of the journal. For journal.c and its tests. */
#include "db/db.h"

/*
 * Version 1: kinds by name, bodies as m_write_journal writes them. A table with rowids and SQLite's usual pages:
 * neither WITHOUT ROWID nor larger pages were seen to be faster with bodies of 1.5 KB (on a busy machine, so this is
 * worth a second look).
 */
static const struct db_migration JOURNAL_MIGRATIONS[] = {
	{
	    .version = 1,
	    .sql = "CREATE TABLE entity (kind TEXT NOT NULL, id TEXT NOT NULL, body TEXT NOT NULL,"
	           " PRIMARY KEY (kind, id));"
	           "CREATE TABLE owner (one INTEGER PRIMARY KEY, token TEXT NOT NULL)",
	    .sql_postgresql = "CREATE TABLE entity (kind TEXT COLLATE \"C\" NOT NULL,"
	                      " id TEXT COLLATE \"C\" NOT NULL, body TEXT NOT NULL,"
	                      " PRIMARY KEY (kind, id)) WITH (fillfactor = 80);"
	                      "CREATE TABLE owner (one INTEGER PRIMARY KEY, token TEXT NOT NULL)",
	},
};
enum { N_JOURNAL_MIGRATIONS = sizeof(JOURNAL_MIGRATIONS) / sizeof(JOURNAL_MIGRATIONS[0]) };

static const char SQL_PUT[] = "INSERT INTO entity (kind, id, body) VALUES ($1, $2, $3)"
                              " ON CONFLICT (kind, id) DO UPDATE SET body = excluded.body";
static const char SQL_REMOVE[] = "DELETE FROM entity WHERE kind = $1 AND id = $2";
static const char SQL_COUNT[] = "SELECT kind, count(*) FROM entity GROUP BY kind";
static const char SQL_LOAD[] = "SELECT id, body FROM entity WHERE kind = $1 ORDER BY id";

static const char SQL_SET_OWNER[] =
    "INSERT INTO owner (one, token) VALUES (1, $1) ON CONFLICT (one) DO UPDATE SET token = excluded.token";
static const char SQL_OWNER[] = "SELECT token FROM owner WHERE one = 1";
