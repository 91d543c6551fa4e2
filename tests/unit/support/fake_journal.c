/* SPDX-License-Identifier: Apache-2.0 */
#include "fake_journal.h"

#include <glib.h>
#include <string.h>

#include "model/model.h"

struct row {
	enum kind kind;
	char *id, *text; /* text NULL: removed */
};
struct commit {
	struct fake_journal *fj;
	GPtrArray *rows;
	void (*done)(void *, const struct err *);
	void *arg;
	struct err error;
	unsigned life;
};

struct fake_journal {
	struct journal base;
	struct loop *loop;
	GPtrArray *rows;  /* durable, in order of creation */
	GPtrArray *queue; /* commits under way */
	unsigned life, commits;
	int n_failures;
	enum err_code failure;
};

static void row_free(void *p)
{
	struct row *r = p;

	g_free(r->id);
	g_free(r->text);
	g_free(r);
}

static void commit_free(void *p)
{
	struct commit *c = p;

	g_ptr_array_free(c->rows, TRUE);
	g_free(c);
}

static void apply_row(struct fake_journal *fj, const struct row *r)
{
	for (guint i = 0; i < fj->rows->len; i++) {
		struct row *have = g_ptr_array_index(fj->rows, i);
		if (have->kind != r->kind || strcmp(have->id, r->id) != 0)
			continue;
		if (!r->text) {
			g_ptr_array_remove_index(fj->rows, i);
			return;
		}
		g_free(have->text);
		have->text = g_strdup(r->text);
		return;
	}
	if (r->text) {
		struct row *n = g_new(struct row, 1);
		*n = (struct row){ r->kind, g_strdup(r->id), g_strdup(r->text) };
		g_ptr_array_add(fj->rows, n);
	}
}

static void deliver(void *arg)
{
	struct commit *c = arg;
	struct fake_journal *fj = c->fj;

	if (c->life == fj->life) {
		if (c->error.code == ERR_NONE) {
			for (guint i = 0; i < c->rows->len; i++)
				apply_row(fj, g_ptr_array_index(c->rows, i));
			fj->commits++;
		}
		c->done(c->arg, c->error.code == ERR_NONE ? NULL : &c->error);
	}
	g_ptr_array_remove(fj->queue, c);
}

static void commit(struct journal *j, const struct journal_row *rows, int n, void (*done)(void *, const struct err *),
                   void *arg)
{
	struct fake_journal *fj = (struct fake_journal *)j;
	struct commit *c = g_new0(struct commit, 1);

	c->fj = fj;
	c->rows = g_ptr_array_new_with_free_func(row_free);
	c->done = done;
	c->arg = arg;
	c->life = fj->life;
	for (int i = 0; i < n; i++) {
		struct row *r = g_new0(struct row, 1);
		r->kind = rows[i].kind;
		r->id = g_strdup(rows[i].id);
		if (rows[i].frozen) {
			GString *text = g_string_new(NULL);
			m_write_journal(text, M_KINDS[r->kind].type, rows[i].frozen);
			r->text = g_string_free(text, FALSE);
		}
		g_ptr_array_add(c->rows, r);
	}
	if (fj->n_failures > 0) {
		fj->n_failures--;
		err_set(&c->error, fj->failure, "The journal was told to fail.");
	}
	g_ptr_array_add(fj->queue, c);
	loop_post(fj->loop, deliver, c);
}

static int load(struct journal *j, int (*row)(void *, enum kind, const char *, const char *, size_t, struct err *),
                void *arg, struct err *e)
{
	struct fake_journal *fj = (struct fake_journal *)j;

	for (int k = 0; k < N_KINDS; k++)
		for (guint i = 0; i < fj->rows->len; i++) {
			const struct row *r = g_ptr_array_index(fj->rows, i);
			if ((int)r->kind == k && row(arg, r->kind, r->id, r->text, strlen(r->text), e) < 0)
				return -1;
		}
	return 0;
}

static void close_journal(struct journal *j) {}

struct fake_journal *fake_journal_new(void)
{
	static const struct journal_ops ops = { commit, load, close_journal };
	struct fake_journal *fj = g_new0(struct fake_journal, 1);

	fj->base.ops = &ops;
	fj->rows = g_ptr_array_new_with_free_func(row_free);
	fj->queue = g_ptr_array_new_with_free_func(commit_free);
	return fj;
}

void fake_journal_free(struct fake_journal *fj)
{
	if (!fj)
		return;
	g_ptr_array_free(fj->rows, TRUE);
	g_ptr_array_free(fj->queue, TRUE);
	g_free(fj);
}

struct journal *fake_journal_open(struct fake_journal *fj, struct loop *l)
{
	fj->loop = l;
	fj->life++;
	g_ptr_array_set_size(fj->queue, 0); /* the loop that would have delivered them is gone */
	return &fj->base;
}

void fake_journal_fail(struct fake_journal *fj, int n, enum err_code code)
{
	fj->n_failures = n;
	fj->failure = code;
}

unsigned fake_journal_commits(const struct fake_journal *fj) { return fj->commits; }
