/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The journal on a database: one row per entity, `body` being its journal form. Rows are whole states,
 * so writing a group twice is harmless, and that is how an unknown outcome is settled: when the
 * connection breaks during COMMIT, the same group is written again until an answer comes.
 *
 * A failure is known here before the loop knows it, and what the loop commits in between may build on
 * what failed. So nothing is written from a failure on until the loop has been told; whatever has been
 * queued by then fails with it (n_failing).
 */
#include "manager/core/journal.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <string.h>
#include <time.h>

#include "base/log.h"
#include "base/uuid.h"
#include "db/db.h"
#include "manager/core/journal_sql.h"

enum {
	MAX_GROUP_ROWS = 2000,
	OUTAGE_GRACE_MS = 10000, /* how long a database may be away before commits fail */
	OUTAGE_RETRY_MS = 250,
};

struct txn {
	struct txn *next;
	void (*done)(void *arg, const struct err *e);
	void *arg;
	int n;
	struct journal_row rows[]; /* their ids follow in the same block */
};

struct txn_list {
	struct txn *first, **end;
};

struct sql_journal {
	struct journal base;
	struct db *db; /* of the loop's thread until the first commit, then of the journal's */
	struct loop *loop;
	pthread_t thread;
	atomic_int refs; /* the owner's, and one per message on its way to the loop */
	atomic_uint_fast64_t n_groups;
	bool has_commits; /* loop's thread */

	/* the journal's thread */
	uuid_text token;
	unsigned session;
	GString *body;
	GHashTable *seen; /* rows of the group that are written, by kind and id */

	pthread_mutex_t lock; /* guards what follows */
	pthread_cond_t wake;
	struct txn_list queue;
	int n_failing; /* failures on their way to the loop */
	bool is_closing;
};

static struct sql_journal *self_of(struct journal *j) { return (struct sql_journal *)j; }

static void list_init(struct txn_list *l)
{
	l->first = NULL;
	l->end = &l->first;
}

static void list_append(struct txn_list *l, struct txn *t)
{
	t->next = NULL;
	*l->end = t;
	l->end = &t->next;
}

/* Append all of other, which is empty afterwards. */
static void list_take(struct txn_list *l, struct txn_list *other)
{
	if (other->first) {
		*l->end = other->first;
		l->end = other->end;
	}
	list_init(other);
}

static void journal_unref(struct sql_journal *j)
{
	if (atomic_fetch_sub(&j->refs, 1) > 1)
		return;
	pthread_mutex_destroy(&j->lock);
	pthread_cond_destroy(&j->wake);
	g_string_free(j->body, TRUE);
	g_hash_table_destroy(j->seen);
	g_free(j);
}

/* ---- transactions */

static struct txn *txn_new(const struct journal_row *rows, int n)
{
	size_t size = sizeof(struct txn) + sizeof(*rows) * (size_t)n, ids = 0;
	struct txn *t;
	char *id;

	for (int i = 0; i < n; i++)
		ids += strlen(rows[i].id) + 1;
	t = g_malloc(size + ids);
	t->n = n;
	id = (char *)t + size;
	for (int i = 0; i < n; i++) {
		size_t len = strlen(rows[i].id) + 1;

		t->rows[i] = rows[i];
		t->rows[i].id = memcpy(id, rows[i].id, len);
		if (rows[i].frozen)
			m_frozen_retain(rows[i].frozen);
		id += len;
	}
	return t;
}

static void txn_free(struct txn *t)
{
	for (int i = 0; i < t->n; i++)
		m_frozen_release(t->rows[i].frozen);
	g_free(t);
}

/* ---- answers */

struct answer {
	struct sql_journal *j;
	struct txn_list txns;
	bool is_failure;
	struct err e;
};

/* On the loop. */
static void deliver(void *arg)
{
	struct answer *a = arg;
	struct sql_journal *j = a->j;

	if (a->is_failure) {
		pthread_mutex_lock(&j->lock);
		list_take(&a->txns, &j->queue);
		j->n_failing--;
		pthread_cond_signal(&j->wake);
		pthread_mutex_unlock(&j->lock);
	}
	for (struct txn *t = a->txns.first, *next; t; t = next) {
		next = t->next;
		t->done(t->arg, a->is_failure ? &a->e : NULL);
		txn_free(t);
	}
	g_free(a);
	journal_unref(j);
}

/* e NULL: durable. Takes the transactions. */
static void answer(struct sql_journal *j, struct txn_list *txns, const struct err *e)
{
	struct answer *a = g_new0(struct answer, 1);

	a->j = j;
	atomic_fetch_add(&j->refs, 1);
	list_init(&a->txns);
	list_take(&a->txns, txns);
	if (e) {
		a->is_failure = true;
		a->e = *e;
		if (a->e.code != ERR_NO_SPACE)
			a->e.code = ERR_BACKEND;
		pthread_mutex_lock(&j->lock);
		list_take(&a->txns, &j->queue);
		j->n_failing++;
		pthread_mutex_unlock(&j->lock);
	}
	loop_post(j->loop, deliver, a);
}

/* ---- writing */

static guint row_hash(gconstpointer p)
{
	const struct journal_row *r = p;

	return g_str_hash(r->id) * 31 + r->kind;
}

static gboolean row_equal(gconstpointer pa, gconstpointer pb)
{
	const struct journal_row *a = pa, *b = pb;

	return a->kind == b->kind && strcmp(a->id, b->id) == 0;
}

static int write_row(struct sql_journal *j, const struct journal_row *r, struct err *e)
{
	const struct m_kind_info *info = &M_KINDS[r->kind];
	struct db_stmt *s = db_stmt(j->db, r->frozen ? SQL_PUT : SQL_REMOVE, e);

	if (!s)
		return -1;
	db_bind_text(s, 1, info->name, strlen(info->name));
	db_bind_text(s, 2, r->id, strlen(r->id));
	if (r->frozen) {
		g_string_truncate(j->body, 0);
		m_write_journal(j->body, info->type, r->frozen);
		db_bind_text(s, 3, j->body->str, j->body->len);
	}
	return db_run(s, e);
}

/* The rows from last to first: the first that is seen of an entity is its latest state, and all that is written. */
static int write_rows(struct sql_journal *j, GPtrArray *group, struct err *e)
{
	int rc = 0;

	for (guint i = group->len; i > 0 && rc == 0; i--) {
		struct journal_row *r = g_ptr_array_index(group, i - 1);

		if (g_hash_table_add(j->seen, r))
			rc = write_row(j, r, e);
	}
	g_hash_table_remove_all(j->seen);
	return rc;
}

/* After a reconnection: has another Manager used the database meanwhile? Then nothing of ours is true any more. */
static int check_owner(struct sql_journal *j, struct err *e)
{
	struct db_stmt *s;
	const char *token;
	bool is_ours;

	if (j->session == db_session(j->db))
		return 0;
	s = db_stmt(j->db, SQL_OWNER, e);
	if (!s || db_step(s, e) < 0)
		return -1;
	token = db_text(s, 0, NULL);
	is_ours = token && strcmp(token, j->token) == 0;
	db_stmt_reset(s);
	if (!is_ours)
		return err_set(e, ERR_CONFLICT, "another Manager has taken over the database; restart this one");
	j->session = db_session(j->db);
	return 0;
}

/* *may_be_done: COMMIT was sent, and the connection broke before the answer. */
static int try_group(struct sql_journal *j, GPtrArray *group, bool *may_be_done, struct err *e)
{
	if (db_begin(j->db, e) < 0)
		return -1;
	if (check_owner(j, e) < 0 || write_rows(j, group, e) < 0) {
		db_rollback(j->db);
		return -1;
	}
	if (db_commit(j->db, e) == 0)
		return 0;
	if (e->code == ERR_NETWORK)
		*may_be_done = true;
	return -1;
}

static int64_t now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

/* Everything behind a group that waits for the database; it was never sent. */
static void fail_queued(struct sql_journal *j, const struct err *e)
{
	struct txn_list none;
	bool is_empty;

	pthread_mutex_lock(&j->lock);
	is_empty = !j->queue.first;
	pthread_mutex_unlock(&j->lock);
	list_init(&none);
	if (!is_empty)
		answer(j, &none, e);
}

static bool is_closing(struct sql_journal *j)
{
	bool value;

	pthread_mutex_lock(&j->lock);
	value = j->is_closing;
	pthread_mutex_unlock(&j->lock);
	return value;
}

/*
 * Write the group, and sit out an outage of the database: for a while when nothing of the group can have
 * been committed, else until it is known, for a transaction that was reported as failed must not be there
 * after a restart. Closing ends that, too: the next start reads what is true.
 */
static int write_group(struct sql_journal *j, GPtrArray *group, struct err *e)
{
	bool may_be_done = false, is_told = false;
	int64_t began = now_ms();

	while (try_group(j, group, &may_be_done, e) < 0) {
		bool is_long = now_ms() - began >= OUTAGE_GRACE_MS;

		if (e->code == ERR_CONFLICT || (e->code != ERR_NETWORK && !may_be_done))
			return -1;
		if (is_long && (!may_be_done || is_closing(j)))
			return -1;
		if (!is_told)
			log_warn("database is away, trying again", "ERROR", e->detail);
		is_told = true;
		if (is_long)
			fail_queued(j, e);
		g_usleep(OUTAGE_RETRY_MS * 1000);
	}
	if (is_told)
		log_info("database is back");
	return 0;
}

/* ---- the thread */

/* Move transactions to group, as many as fit; at least one. Locked. */
static void take_group(struct sql_journal *j, struct txn_list *txns, GPtrArray *rows)
{
	struct txn *t;

	while ((t = j->queue.first) && (rows->len == 0 || rows->len + (guint)t->n <= MAX_GROUP_ROWS)) {
		j->queue.first = t->next;
		if (!j->queue.first)
			j->queue.end = &j->queue.first;
		list_append(txns, t);
		for (int i = 0; i < t->n; i++)
			g_ptr_array_add(rows, &t->rows[i]);
	}
}

static void run_group(struct sql_journal *j, struct txn_list *txns, GPtrArray *rows)
{
	struct err e = ERR_INIT;

	if (rows->len > 0 && write_group(j, rows, &e) < 0) {
		log_error("commit failed", "ERROR", e.detail);
		answer(j, txns, &e);
		return;
	}
	atomic_fetch_add_explicit(&j->n_groups, 1, memory_order_relaxed);
	answer(j, txns, NULL);
}

static void *thread_main(void *arg)
{
	struct sql_journal *j = arg;
	g_autoptr(GPtrArray) rows = g_ptr_array_new();
	const struct err closed = { .code = ERR_BACKEND, .detail = "the journal was closed after a failure" };
	struct txn_list txns;

	pthread_setname_np(pthread_self(), "journal");
	list_init(&txns);
	pthread_mutex_lock(&j->lock);
	for (;;) {
		bool is_failing;

		while (!j->is_closing && (!j->queue.first || j->n_failing > 0))
			pthread_cond_wait(&j->wake, &j->lock);
		if (!j->queue.first)
			break;
		is_failing = j->n_failing > 0; /* and closing: the loop will not be told in time */
		if (!is_failing)
			take_group(j, &txns, rows);
		pthread_mutex_unlock(&j->lock);
		if (is_failing)
			answer(j, &txns, &closed);
		else
			run_group(j, &txns, rows);
		g_ptr_array_set_size(rows, 0);
		pthread_mutex_lock(&j->lock);
	}
	pthread_mutex_unlock(&j->lock);
	return NULL;
}

/* ---- operations */

static void sql_commit(struct journal *base, const struct journal_row *rows, int n,
                       void (*done)(void *arg, const struct err *e), void *arg)
{
	struct sql_journal *j = self_of(base);
	struct txn *t = txn_new(rows, n);

	t->done = done;
	t->arg = arg;
	j->has_commits = true;
	pthread_mutex_lock(&j->lock);
	list_append(&j->queue, t);
	pthread_cond_signal(&j->wake);
	pthread_mutex_unlock(&j->lock);
}

static int find_kind(const char *name)
{
	for (int k = 0; k < N_KINDS; k++)
		if (strcmp(M_KINDS[k].name, name) == 0)
			return k;
	return -1;
}

/* Which kinds are there? Those of a newer version are left alone. */
static int find_kinds(struct sql_journal *j, bool is_there[], struct err *e)
{
	struct db_stmt *s = db_stmt(j->db, SQL_COUNT, e);
	int rc;

	if (!s)
		return -1;
	while ((rc = db_step(s, e)) > 0) {
		const char *name = db_text(s, 0, NULL);
		int k = find_kind(name);

		if (k >= 0)
			is_there[k] = true;
		else
			log_warn("unknown kind of entity in the database, skipped", "KIND", name, "COUNT",
			         db_text(s, 1, NULL));
	}
	return rc;
}

typedef int (*row_fn)(void *arg, enum kind kind, const char *id, const char *text, size_t len, struct err *e);

static int load_kind(struct sql_journal *j, enum kind k, row_fn row, void *arg, struct err *e)
{
	struct db_stmt *s = db_stmt(j->db, SQL_LOAD, e);
	int rc;

	if (!s)
		return -1;
	db_bind_text(s, 1, M_KINDS[k].name, strlen(M_KINDS[k].name));
	while ((rc = db_step(s, e)) > 0) {
		size_t len;
		const char *id = db_text(s, 0, NULL), *text = db_text(s, 1, &len);

		if (row(arg, k, id, text, len, e) < 0) {
			db_stmt_reset(s);
			return -1;
		}
	}
	return rc;
}

static int sql_load(struct journal *base, row_fn row, void *arg, struct err *e)
{
	struct sql_journal *j = self_of(base);
	bool is_there[N_KINDS + 1] = { false };

	if (j->has_commits)
		return err_set(e, ERR_INTERNAL, "the journal is read before the first commit only");
	if (find_kinds(j, is_there, e) < 0)
		return err_wrap(e, "load the inventory");
	for (int k = 0; k < N_KINDS; k++)
		if (is_there[k] && load_kind(j, (enum kind)k, row, arg, e) < 0)
			return err_wrap(e, "load the inventory (%s)", M_KINDS[k].name);
	return 0;
}

static void sql_close(struct journal *base)
{
	struct sql_journal *j = self_of(base);

	pthread_mutex_lock(&j->lock);
	j->is_closing = true;
	pthread_cond_signal(&j->wake);
	pthread_mutex_unlock(&j->lock);
	pthread_join(j->thread, NULL);
	db_close(j->db);
	journal_unref(j);
}

static const struct journal_ops OPS = { .commit = sql_commit, .load = sql_load, .close = sql_close };

uint64_t journal_groups(const struct journal *base)
{
	const struct sql_journal *j = (const struct sql_journal *)base;

	return atomic_load_explicit(&j->n_groups, memory_order_relaxed);
}

/* ---- opening */

static int write_owner(struct sql_journal *j, struct err *e)
{
	struct chance *c = chance_new_real();
	struct db_stmt *s;

	uuid_make(c, j->token);
	chance_free(c);
	if (db_begin(j->db, e) < 0)
		return -1;
	s = db_stmt(j->db, SQL_SET_OWNER, e);
	if (s)
		db_bind_text(s, 1, j->token, UUID_LEN);
	if (!s || db_run(s, e) < 0) {
		db_rollback(j->db);
		return -1;
	}
	if (db_commit(j->db, e) < 0)
		return -1;
	j->session = db_session(j->db);
	return 0;
}

static int prepare(struct sql_journal *j, struct err *e)
{
	if (db_migrate(j->db, JOURNAL_MIGRATIONS, N_JOURNAL_MIGRATIONS, e) < 0)
		return err_wrap(e, "prepare the inventory's database");
	if (db_kind(j->db) == DB_SQLITE) {
		/* the lock on the file is never lost; and nothing needs to be written to start on a full disk */
		j->session = db_session(j->db);
		return 0;
	}
	return write_owner(j, e);
}

/* Signals are for the main thread. */
static int start_thread(struct sql_journal *j, struct err *e)
{
	sigset_t all, before;
	int rc;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	rc = pthread_create(&j->thread, NULL, thread_main, j);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return rc == 0 ? 0 : err_errno(e, rc, "start the journal's thread");
}

struct journal *journal_open(const char *url, struct loop *l, struct err *e)
{
	struct db *db = db_open(url, e);
	struct sql_journal *j;

	if (!db)
		return NULL;
	j = g_new0(struct sql_journal, 1);
	j->base.ops = &OPS;
	j->db = db;
	j->loop = l;
	atomic_init(&j->refs, 1);
	j->body = g_string_new(NULL);
	j->seen = g_hash_table_new(row_hash, row_equal);
	list_init(&j->queue);
	pthread_mutex_init(&j->lock, NULL);
	pthread_cond_init(&j->wake, NULL);
	if (prepare(j, e) == 0 && start_thread(j, e) == 0)
		return &j->base;
	db_close(j->db);
	journal_unref(j);
	return NULL;
}
