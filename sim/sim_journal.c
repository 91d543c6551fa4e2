/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The journal in memory. Transactions become durable in groups, some time after they were given. A failure is known here
 * before the Manager is told; whatever was given by then fails with it, as the contract says (manager/core/journal.h).
 */
#include <string.h>

#include "sim/sim.h"

struct row {
	enum kind kind;
	char *id, *text; /* text NULL: removed */
};

struct group_txn {
	GArray *rows;
	void (*done)(void *arg, const struct err *e);
	void *arg;
};

struct sim_journal {
	struct journal base;
	struct sim *sim;
	GHashTable *rows[N_KINDS]; /* id -> text: what is durable */
	GQueue waiting, writing;   /* of group_txn */
	unsigned life;             /* changes when what is under way is lost */
	int64_t full_until_ms;
};

static void row_clear(void *p)
{
	struct row *r = p;

	g_free(r->id);
	g_free(r->text);
}

static void txn_free(void *p)
{
	struct group_txn *t = p;

	g_array_free(t->rows, TRUE);
	g_free(t);
}

static void apply(struct sim_journal *j, struct group_txn *t)
{
	for (guint i = 0; i < t->rows->len; i++) {
		struct row *r = &g_array_index(t->rows, struct row, i);

		if (r->text)
			g_hash_table_replace(j->rows[r->kind], g_strdup(r->id), g_strdup(r->text));
		else
			g_hash_table_remove(j->rows[r->kind], r->id);
	}
}

static void begin_group(struct sim_journal *j);

static void tell(struct sim_journal *j, GQueue *txns, const struct err *e)
{
	struct group_txn *t;

	while ((t = g_queue_pop_head(txns))) {
		t->done(t->arg, e);
		txn_free(t);
	}
}

static void group_failed(struct sim *s, void *arg)
{
	struct sim_journal *j = arg;
	struct err e = { .code = ERR_NO_SPACE, .detail = "the disk under the journal is full" };
	GQueue all = j->writing;
	struct group_txn *t;

	g_queue_init(&j->writing);
	while ((t = g_queue_pop_head(&j->waiting)))
		g_queue_push_tail(&all, t);
	sim_tell(s, "journal: disk full, %u transactions fail", all.length);
	tell(j, &all, &e);
	begin_group(j);
}

static void group_written(struct sim *s, void *arg)
{
	struct sim_journal *j = arg;
	GQueue done = j->writing;

	if (sim_now(s) < j->full_until_ms) { /* it was, some time ago, and now the Manager hears of it */
		sim_after(s, sim_between(s, 0, 5), group_failed, j, NULL, &j->life);
		return;
	}
	g_queue_init(&j->writing);
	for (GList *l = done.head; l; l = l->next)
		apply(j, l->data);
	tell(j, &done, NULL);
	begin_group(j);
}

static void begin_group(struct sim_journal *j)
{
	struct group_txn *t;

	if (j->writing.length || !j->waiting.length)
		return;
	while ((t = g_queue_pop_head(&j->waiting)))
		g_queue_push_tail(&j->writing, t);
	sim_after(j->sim, sim_between(j->sim, 1, 12), group_written, j, NULL, &j->life);
}

static void on_commit(struct journal *base, const struct journal_row *rows, int n,
                      void (*done)(void *arg, const struct err *e), void *arg)
{
	struct sim_journal *j = (struct sim_journal *)base;
	struct group_txn *t;

	if (j->sim->is_doomed)
		return;
	t = g_new0(struct group_txn, 1);
	t->done = done;
	t->arg = arg;
	t->rows = g_array_new(FALSE, FALSE, sizeof(struct row));
	g_array_set_clear_func(t->rows, row_clear);
	for (int i = 0; i < n; i++) {
		struct row r = { rows[i].kind, g_strdup(rows[i].id), NULL };

		if (rows[i].frozen) {
			GString *text = g_string_new(NULL);
			m_write_journal(text, M_KINDS[r.kind].type, rows[i].frozen);
			r.text = g_string_free(text, FALSE);
		}
		g_array_append_val(t->rows, r);
	}
	g_queue_push_tail(&j->waiting, t);
	begin_group(j);
	sim_reach(j->sim, POINT_COMMIT, NULL, M_KINDS[rows[0].kind].name);
}

static int on_load(struct journal *base,
                   int (*row)(void *arg, enum kind kind, const char *id, const char *text, size_t len, struct err *e),
                   void *arg, struct err *e)
{
	struct sim_journal *j = (struct sim_journal *)base;
	int rc = 0;

	for (int k = 0; k < N_KINDS && rc == 0; k++) {
		g_autoptr(GList) ids = g_list_sort(g_hash_table_get_keys(j->rows[k]), (GCompareFunc)strcmp);

		for (GList *l = ids; l && rc == 0; l = l->next) {
			const char *text = g_hash_table_lookup(j->rows[k], l->data);
			rc = row(arg, (enum kind)k, l->data, text, strlen(text), e);
		}
	}
	return rc;
}

static void on_close(struct journal *base) {}

static const struct journal_ops OPS = { on_commit, on_load, on_close };

struct sim_journal *sim_journal_new(struct sim *s)
{
	struct sim_journal *j = g_new0(struct sim_journal, 1);

	j->base.ops = &OPS;
	j->sim = s;
	for (int k = 0; k < N_KINDS; k++)
		j->rows[k] = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
	return j;
}

void sim_journal_free(struct sim_journal *j)
{
	for (int k = 0; k < N_KINDS; k++)
		g_hash_table_destroy(j->rows[k]);
	g_queue_clear_full(&j->waiting, txn_free);
	g_queue_clear_full(&j->writing, txn_free);
	g_free(j);
}

struct journal *sim_journal_open(struct sim_journal *j) { return &j->base; }

void sim_journal_crash(struct sim_journal *j)
{
	guint n = j->writing.length + j->waiting.length;
	guint kept = (guint)sim_between(j->sim, 0, n), i = 0;
	bool is_full = sim_now(j->sim) < j->full_until_ms;
	struct group_txn *t;

	while ((t = g_queue_pop_head(&j->writing)) || (t = g_queue_pop_head(&j->waiting))) {
		if (i++ < kept && !is_full)
			apply(j, t);
		txn_free(t);
	}
	if (n > 0)
		sim_tell(j->sim, "journal: %u of %u transactions on their way survive", is_full ? 0 : kept, n);
	j->life++;
}

void sim_journal_fill(struct sim_journal *j, int64_t ms) { j->full_until_ms = sim_now(j->sim) + ms; }

bool sim_journal_is_idle(const struct sim_journal *j) { return !j->waiting.length && !j->writing.length; }
