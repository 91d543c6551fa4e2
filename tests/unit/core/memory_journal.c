/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/core/memory_journal.h"

#include <string.h>

struct change {
	enum kind kind;
	char *id, *text; /* text NULL: removed */
};

struct queued {
	GArray *changes;
	void (*done)(void *arg, const struct err *e);
	void *arg;
};

static struct memory_journal *self(struct journal *j) { return (struct memory_journal *)j; }

static char *row_key(enum kind k, const char *id) { return g_strdup_printf("%05d %s", (int)k, id); }

static void change_clear(void *p)
{
	struct change *c = p;

	g_free(c->id);
	g_free(c->text);
}

static void queued_free(void *p)
{
	struct queued *q = p;

	g_array_free(q->changes, TRUE);
	g_free(q);
}

static void apply(struct memory_journal *j, const struct queued *q)
{
	for (guint i = 0; i < q->changes->len; i++) {
		struct change *c = &g_array_index(q->changes, struct change, i);
		char *key = row_key(c->kind, c->id);

		j->n_rows++;
		if (c->text) {
			g_hash_table_replace(j->rows, key, g_strdup(c->text));
		} else {
			g_hash_table_remove(j->rows, key);
			g_free(key);
		}
	}
	j->n_commits++;
}

static enum err_code failure_of(struct memory_journal *j)
{
	if (j->fails_with != ERR_NONE)
		return j->fails_with;
	return j->fails_in > 0 && --j->fails_in == 0 ? ERR_BACKEND : ERR_NONE;
}

/* A group is what has gathered by now. */
static void answer(void *arg)
{
	struct memory_journal *j = arg;
	GQueue group = j->queue;
	struct err e = { .detail = "the test wants it so" };
	struct queued *q;

	j->is_posted = false;
	if (j->is_held)
		return;
	g_queue_init(&j->queue);
	for (GList *l = group.head; l && e.code == ERR_NONE; l = l->next)
		e.code = failure_of(j);
	for (GList *l = group.head; l && e.code == ERR_NONE; l = l->next)
		apply(j, l->data);
	while ((q = g_queue_pop_head(&group))) {
		j->n_failed += e.code != ERR_NONE;
		q->done(q->arg, e.code != ERR_NONE ? &e : NULL);
		queued_free(q);
	}
}

static void answer_soon(struct memory_journal *j)
{
	if (j->is_posted || j->is_held)
		return;
	j->is_posted = true;
	if (j->delay_ms > 0)
		timer_start(j->loop, &j->timer, j->delay_ms, answer, j);
	else
		loop_post(j->loop, answer, j);
}

static void on_commit(struct journal *base, const struct journal_row *rows, int n,
                      void (*done)(void *arg, const struct err *e), void *arg)
{
	struct memory_journal *j = self(base);
	struct queued *q = g_new0(struct queued, 1);

	q->done = done;
	q->arg = arg;
	q->changes = g_array_new(FALSE, FALSE, sizeof(struct change));
	g_array_set_clear_func(q->changes, change_clear);
	for (int i = 0; i < n; i++) {
		struct change c = { rows[i].kind, g_strdup(rows[i].id), NULL };

		if (rows[i].frozen) {
			GString *text = g_string_new(NULL);
			m_write_journal(text, M_KINDS[c.kind].type, rows[i].frozen);
			c.text = g_string_free(text, FALSE);
		}
		g_array_append_val(q->changes, c);
	}
	g_queue_push_tail(&j->queue, q);
	answer_soon(j);
}

static int on_load(struct journal *base,
                   int (*row)(void *arg, enum kind kind, const char *id, const char *text, size_t len, struct err *e),
                   void *arg, struct err *e)
{
	struct memory_journal *j = self(base);
	g_autoptr(GList) keys = g_list_sort(g_hash_table_get_keys(j->rows), (GCompareFunc)strcmp);

	for (GList *l = keys; l; l = l->next) {
		const char *key = l->data, *text = g_hash_table_lookup(j->rows, key);
		if (row(arg, (enum kind)g_ascii_strtoll(key, NULL, 10), key + 6, text, strlen(text), e) < 0)
			return -1;
	}
	return 0;
}

static void on_close(struct journal *base) {}

static const struct journal_ops OPS = { .commit = on_commit, .load = on_load, .close = on_close };

struct memory_journal *memory_journal_new(struct loop *l)
{
	struct memory_journal *j = g_new0(struct memory_journal, 1);

	j->base.ops = &OPS;
	j->loop = l;
	j->rows = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
	g_queue_init(&j->queue);
	return j;
}

static void forget_queue(struct memory_journal *j)
{
	g_queue_clear_full(&j->queue, queued_free);
	j->is_posted = false;
}

void memory_journal_free(struct memory_journal *j)
{
	forget_queue(j);
	g_hash_table_destroy(j->rows);
	g_free(j);
}

void memory_journal_attach(struct memory_journal *j, struct loop *l)
{
	forget_queue(j);
	j->timer = (struct loop_timer){ 0 };
	j->loop = l;
	j->is_held = false;
}

void memory_journal_release(struct memory_journal *j)
{
	j->is_held = false;
	if (j->queue.length)
		answer_soon(j);
}

const char *memory_journal_row(struct memory_journal *j, enum kind k, const char *id)
{
	g_autofree char *key = row_key(k, id);
	return g_hash_table_lookup(j->rows, key);
}
