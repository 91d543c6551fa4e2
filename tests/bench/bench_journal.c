/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Commits per second through the journal, against a bare SQLite loop that writes the same texts in the same
 * number of transactions on the same file system, in the same run. The journal should reach 0.8 of it.
 *
 *   bench_journal [folder [committers [commits]]]
 */
#include <glib.h>
#include <glib/gstdio.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/fiber.h"
#include "base/uuid.h"
#include "manager/core/journal.h"
#include "model/types.h"

enum { N_VMS = 5000, BODY = 1500, ROUNDS = 3 };

struct vm {
	uuid_text id;
	const void *frozen[2]; /* two versions */
	GString *text[2];
};

static struct vm vms[N_VMS];
static int n_committers = 64, n_commits = 40000;

struct run {
	struct loop *loop;
	struct journal *j;
	int n_sent, n_done;
};

struct result {
	double seconds;
	int n_groups;
};

static void fatal(const char *what, const char *detail)
{
	fprintf(stderr, "bench_journal: %s: %s\n", what, detail);
	exit(1);
}

static void make_vm(struct vm *v, const char *name, int version)
{
	struct pool *p = pool_new();
	struct m_vm *vm = m_new(p, &M_TYPE_vm);
	g_autofree char *comment = g_strnfill(BODY - 300, 'c');

	vm->id = vm->cluster.id = vm->template.id = pool_strdup(p, v->id);
	vm->name = pool_strdup(p, name);
	vm->description = pool_printf(p, "version %d", version);
	vm->comment = pool_strdup(p, comment);
	M_SET(vm, memory, (int64_t)4 << 30);
	M_SET(vm, creation_time, 1700000000000);
	M_SET(vm, stateless, false);
	v->frozen[version] = m_freeze(&M_TYPE_vm, vm);
	v->text[version] = g_string_new(NULL);
	m_write_journal(v->text[version], &M_TYPE_vm, v->frozen[version]);
	pool_free(p);
}

static void make_vms(void)
{
	struct chance *c = chance_new_seeded(1);

	for (int i = 0; i < N_VMS; i++) {
		g_autofree char *name = g_strdup_printf("vm-%d", i);

		uuid_make(c, vms[i].id);
		make_vm(&vms[i], name, 0);
		make_vm(&vms[i], name, 1);
	}
	chance_free(c);
}

static void free_vms(void)
{
	for (int i = 0; i < 2 * N_VMS; i++) {
		m_frozen_release(vms[i / 2].frozen[i % 2]);
		g_string_free(vms[i / 2].text[i % 2], TRUE);
	}
}

/* The same entities in the same order for both. */
static const struct vm *vm_at(int i) { return &vms[(int64_t)i * 2741 % N_VMS]; }

/* Each commit changes its entity: SQLite does not write what is the same. They begin with version 0. */
static int version_at(int i) { return (i / N_VMS + 1) % 2; }

static int64_t now_us(void) { return g_get_monotonic_time(); }

static void remove_file(const char *path)
{
	static const char *const ENDS[] = { "", "-wal", "-shm" };

	for (int i = 0; i < 3; i++) {
		g_autofree char *file = g_strconcat(path, ENDS[i], NULL);

		g_unlink(file);
	}
}

/* ---- through the journal: each committer is a fiber that commits, waits, and commits again */

static struct run run;

struct answer {
	struct waiter waiter;
	bool is_there;
};

static void on_done(void *arg, const struct err *e)
{
	struct answer *a = arg;

	if (e)
		fatal("commit", e->detail);
	a->is_there = true;
	waiter_wake(&a->waiter);
}

static void commit_and_wait(const struct journal_row *rows, int n)
{
	struct answer a = { 0 };

	run.j->ops->commit(run.j, rows, n, on_done, &a);
	while (!a.is_there)
		waiter_wait(&a.waiter, -1);
}

static void committer(void *arg)
{
	while (run.n_sent < n_commits) {
		const struct vm *v = vm_at(run.n_sent);
		struct journal_row row = { .kind = KIND_VM, .id = v->id, .frozen = v->frozen[version_at(run.n_sent)] };

		run.n_sent++;
		commit_and_wait(&row, 1);
		run.n_done++;
	}
	if (run.n_done == n_commits)
		loop_stop(run.loop);
}

/* All entities are there before time is taken. */
static void fill_then_start(void *arg)
{
	int64_t *start_us = arg;
	g_autofree struct journal_row *rows = g_new0(struct journal_row, N_VMS);

	for (int i = 0; i < N_VMS; i++)
		rows[i] = (struct journal_row){ .kind = KIND_VM, .id = vms[i].id, .frozen = vms[i].frozen[0] };
	commit_and_wait(rows, N_VMS);
	*start_us = now_us();
	for (int i = 0; i < n_committers; i++)
		fiber_start(run.loop, "committer", committer, NULL);
}

static struct result bench_journal(const char *path)
{
	g_autofree char *url = g_strconcat("sqlite:", path, NULL);
	struct err e = ERR_INIT;
	struct result r;
	int64_t start_us = 0;

	remove_file(path);
	run = (struct run){ .loop = loop_new() };
	run.j = journal_open(url, run.loop, &e);
	if (!run.j)
		fatal("open", e.detail);
	fiber_start(run.loop, "fill", fill_then_start, &start_us);
	loop_run(run.loop);
	r.seconds = (double)(now_us() - start_us) / 1e6;
	r.n_groups = (int)journal_groups(run.j) - 1;
	run.j->ops->close(run.j);
	while (loop_turn(run.loop, 0))
		;
	loop_free(run.loop);
	remove_file(path);
	return r;
}

/* ---- bare SQLite */

static void sql(sqlite3 *db, const char *text)
{
	if (sqlite3_exec(db, text, NULL, NULL, NULL) != SQLITE_OK)
		fatal(text, sqlite3_errmsg(db));
}

static void put(sqlite3 *db, sqlite3_stmt *s, const struct vm *v, int version)
{
	sqlite3_bind_text(s, 1, "vm", 2, SQLITE_STATIC);
	sqlite3_bind_text(s, 2, v->id, UUID_LEN, SQLITE_STATIC);
	sqlite3_bind_text(s, 3, v->text[version]->str, (int)v->text[version]->len, SQLITE_STATIC);
	if (sqlite3_step(s) != SQLITE_DONE)
		fatal("put", sqlite3_errmsg(db));
	sqlite3_reset(s);
}

static sqlite3 *open_bare(const char *path)
{
	sqlite3 *db;

	remove_file(path);
	if (sqlite3_open(path, &db) != SQLITE_OK)
		fatal("open", path);
	sql(db,
	    "PRAGMA locking_mode=EXCLUSIVE; PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL;"
	    "PRAGMA cache_size=-16384;"
	    "CREATE TABLE entity (kind TEXT NOT NULL, id TEXT NOT NULL, body TEXT NOT NULL, PRIMARY KEY (kind, id))");
	return db;
}

static struct result bench_bare(const char *path, int n_groups)
{
	sqlite3 *db = open_bare(path);
	struct result r = { .n_groups = n_groups };
	sqlite3_stmt *s;
	int64_t start_us;

	if (sqlite3_prepare_v2(db,
	                       "INSERT INTO entity (kind, id, body) VALUES (?1, ?2, ?3)"
	                       " ON CONFLICT (kind, id) DO UPDATE SET body = excluded.body",
	                       -1, &s, NULL) != SQLITE_OK)
		fatal("prepare", sqlite3_errmsg(db));
	sql(db, "BEGIN");
	for (int i = 0; i < N_VMS; i++)
		put(db, s, &vms[i], 0);
	sql(db, "COMMIT");
	start_us = now_us();
	for (int g = 0, i = 0; g < n_groups; g++) {
		int end = (int)((int64_t)n_commits * (g + 1) / n_groups);

		sql(db, "BEGIN IMMEDIATE");
		for (; i < end; i++)
			put(db, s, vm_at(i), version_at(i));
		sql(db, "COMMIT");
	}
	r.seconds = (double)(now_us() - start_us) / 1e6;
	sqlite3_finalize(s);
	sqlite3_close(db);
	remove_file(path);
	return r;
}

int main(int argc, char **argv)
{
	const char *folder = argc > 1 ? argv[1] : ".";
	g_autofree char *path = g_strdup_printf("%s/bench_journal.%d.db", folder, (int)getpid());
	double ratio[ROUNDS], best = 0;

	n_committers = argc > 2 ? atoi(argv[2]) : n_committers;
	n_commits = argc > 3 ? atoi(argv[3]) : n_commits;
	if (n_committers < 1 || n_commits < 1)
		fatal("numbers", "at least 1");
	make_vms();
	printf("%d committers, %d commits of one %zu-byte row\n", n_committers, n_commits, vms[0].text[0]->len);
	for (int i = 0; i < ROUNDS; i++) {
		struct result j = bench_journal(path), b = bench_bare(path, j.n_groups);

		ratio[i] = b.seconds / j.seconds;
		best = MAX(best, ratio[i]);
		printf("journal %8.0f commits/s in %d groups   bare SQLite %8.0f commits/s   ratio %.2f\n",
		       n_commits / j.seconds, j.n_groups, n_commits / b.seconds, ratio[i]);
	}
	printf("best ratio %.2f, aim 0.80\n", best);
	free_vms();
	return 0;
}
