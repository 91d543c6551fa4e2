/* SPDX-License-Identifier: Apache-2.0 */
#include "place.h"

#include <glib.h>
#include <glib/gstdio.h>
#include <libpq-fe.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static char *url, *folder, *name;

static void admin(const char *fmt, ...)
{
	PGconn *c = PQconnectdb(getenv("HOSTLER_TEST_PG"));
	va_list ap;
	va_start(ap, fmt);
	g_autofree char *sql = g_strdup_vprintf(fmt, ap);
	PGresult *r = PQexec(c, sql);

	va_end(ap);
	if (PQresultStatus(r) != PGRES_COMMAND_OK && PQresultStatus(r) != PGRES_TUPLES_OK)
		fail_msg("%s: %s", sql, PQerrorMessage(c));
	PQclear(r);
	PQfinish(c);
}

bool place_has_postgresql(void)
{
	const char *u = getenv("HOSTLER_TEST_PG");

	if (u && *u)
		return true;
	print_message("HOSTLER_TEST_PG is not set: the tests on PostgreSQL are left out\n");
	return false;
}

int place_sqlite(void **state)
{
	folder = g_dir_make_tmp("hostler-db-XXXXXX", NULL);
	url = g_strdup_printf("sqlite:%s/test.db", folder);
	return folder ? 0 : -1;
}

int place_postgresql(void **state)
{
	const char *base = getenv("HOSTLER_TEST_PG");

	folder = g_dir_make_tmp("hostler-db-XXXXXX", NULL);
	name = g_strdup_printf("hostler_test_%d", (int)getpid());
	url = g_strdup_printf("%s%cdbname=%s", base, strchr(base, '?') ? '&' : '?', name);
	admin("CREATE DATABASE %s", name);
	return 0;
}

static void empty_folder(void)
{
	GDir *dir = g_dir_open(folder, 0, NULL);
	const char *file;

	while (dir && (file = g_dir_read_name(dir))) {
		g_autofree char *path = g_build_filename(folder, file, NULL);

		g_unlink(path);
	}
	if (dir)
		g_dir_close(dir);
}

int place_remove(void **state)
{
	if (name)
		admin("DROP DATABASE %s WITH (FORCE)", name);
	empty_folder();
	g_rmdir(folder);
	g_clear_pointer(&url, g_free);
	g_clear_pointer(&folder, g_free);
	g_clear_pointer(&name, g_free);
	return 0;
}

int place_empty(void **state)
{
	empty_folder();
	if (name) {
		admin("DROP DATABASE IF EXISTS %s WITH (FORCE)", name);
		admin("CREATE DATABASE %s", name);
	}
	return 0;
}

const char *place_url(void) { return url; }

bool place_is_sqlite(void) { return !name; }

const char *place_folder(void) { return folder; }

void place_end_sessions(void)
{
	admin("SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE datname = '%s'", name);
}
