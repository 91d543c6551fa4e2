/* SPDX-License-Identifier: Apache-2.0 */
/* Migrations: numbered steps, each in a transaction of its own together with its entry in schema_version. */
#include "db/db.h"

static const char SQL_TABLE[] = "CREATE TABLE IF NOT EXISTS schema_version (version INTEGER PRIMARY KEY)";
static const char SQL_LAST[] = "SELECT max(version) FROM schema_version";
static const char SQL_ADD[] = "INSERT INTO schema_version (version) VALUES ($1)";

static int read_version(struct db *db, int64_t *version, struct err *e)
{
	struct db_stmt *s = db_stmt(db, SQL_LAST, e);

	if (!s || db_step(s, e) < 0)
		return -1;
	*version = db_int(s, 0); /* NULL, for an empty table, is 0 */
	db_stmt_reset(s);
	return 0;
}

static int apply(struct db *db, const struct db_migration *m, struct err *e)
{
	bool is_other = db_kind(db) == DB_POSTGRESQL && m->sql_postgresql;
	struct db_stmt *s;

	if (db_exec(db, is_other ? m->sql_postgresql : m->sql, e) < 0)
		return -1;
	s = db_stmt(db, SQL_ADD, e);
	if (!s)
		return -1;
	db_bind_int(s, 1, m->version);
	return db_run(s, e);
}

static int apply_in_transaction(struct db *db, const struct db_migration *m, struct err *e)
{
	if (db_begin(db, e) < 0)
		return -1;
	if (apply(db, m, e) < 0) {
		db_rollback(db);
		return -1;
	}
	return db_commit(db, e);
}

int db_migrate(struct db *db, const struct db_migration *m, size_t n, struct err *e)
{
	int64_t have = 0, last = n ? m[n - 1].version : 0;

	if (db_exec(db, SQL_TABLE, e) < 0 || read_version(db, &have, e) < 0)
		return err_wrap(e, "read the schema's version");
	if (have > last)
		return err_set(e, ERR_UNSUPPORTED,
		               "the database has schema version %lld, this program knows versions up to %lld",
		               (long long)have, (long long)last);
	for (size_t i = 0; i < n; i++)
		if (m[i].version > have && apply_in_transaction(db, &m[i], e) < 0)
			return err_wrap(e, "bring the schema to version %d", m[i].version);
	return 0;
}
