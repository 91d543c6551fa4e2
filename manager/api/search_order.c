/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Lists have an order, which is kept: sorted once, on a worker; what comes or is renamed later finds its place in it. A few hundred at a
 * time: others get their turn in between.
 */
#include <string.h>

#include "manager/api/search_index.h"
#include "model/types.h"

enum { SMALL = 2000, SLICE = 512, ANEW = 20000, CHUNK = 1024, MUCH_PART = 1000 };

struct item {
	const void *pub;
	uint32_t row;
};

struct sorting {
	enum kind kind;
	struct item *items;
	uint32_t n;
};

static int compare(const void *a, const void *b, void *arg)
{
	const struct sorting *s = arg;
	const struct item *x = a, *y = b;
	int rc = search_compare(NULL, s->kind, x->pub, y->pub);

	return rc ? rc : (x->row > y->row) - (x->row < y->row);
}

static void sort_work(void *arg)
{
	struct sorting *s = arg;

	g_qsort_with_data(s->items, (int)s->n, sizeof(*s->items), compare, s);
}

static void breathe(uint32_t i)
{
	if (i % CHUNK == CHUNK - 1 && fiber_self())
		fiber_yield();
}

/* Collect what is published; versions are held on to. */
static void collect(struct sindex *x, struct sorting *s)
{
	const struct inv_rows *rows = inv_rows(x->inv, s->kind);

	s->items = g_new(struct item, rows->n + 1);
	for (uint32_t i = 0; i < rows->n; i++)
		if (rows->at[i])
			s->items[s->n++] = (struct item){ rows->at[i]->pub, i };
	for (uint32_t i = 0; i < s->n; i++)
		m_frozen_retain(s->items[i].pub);
}

static void take_order(struct stable *t, const struct sorting *s)
{
	t->order = g_new(uint32_t, s->n + 1);
	t->n_order = s->n;
	for (uint32_t i = 0; i < s->n; i++)
		t->order[i] = s->items[i].row;
}

static void release_items(struct sorting *s)
{
	for (uint32_t i = 0; i < s->n; i++) {
		breathe(i);
		m_frozen_release(s->items[i].pub);
	}
	g_free(s->items);
}

/* Changes that come while it is sorted are noted as misplaced. */
static int sort_all(struct core *c, enum kind k, struct err *e)
{
	struct sindex *x = sindex_of(c);
	struct stable *t = &x->tables[k];
	struct sorting s = { .kind = k };
	uint32_t epoch = t->epoch;
	int rc = 0;

	t->is_ordering = true;
	collect(x, &s);
	if (s.n > SMALL && c->tasks && fiber_self())
		rc = task_run(c->tasks, sort_work, &s, e);
	else
		sort_work(&s);
	if (epoch == t->epoch) {
		t->is_ordering = false;
		if (rc == 0)
			take_order(t, &s);
	}
	release_items(&s);
	return rc;
}

static void forget_places(struct stable *t)
{
	g_free(t->order);
	t->order = NULL;
	for (guint i = 0; i < t->misplaced->len; i++) {
		uint32_t row = g_array_index(t->misplaced, uint32_t, i);
		t->is_misplaced[row / 64] &= ~(UINT64_C(1) << (row % 64));
	}
	g_array_set_size(t->misplaced, 0);
}

static void take_out_misplaced(struct stable *t)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < t->n_order; i++)
		if (!sbit(t->is_misplaced, t->order[i]))
			t->order[n++] = t->order[i];
	t->n_order = n;
}

/* First place in order, not before from, of what comes behind the item. */
static uint32_t place_of(const struct sindex *x, const struct sorting *s, const struct stable *t, uint32_t from,
                         const struct item *it)
{
	const struct inv_rows *rows = inv_rows(x->inv, s->kind);
	uint32_t lo = from, hi = t->n_order;

	while (lo < hi) {
		uint32_t mid = lo + (hi - lo) / 2;
		struct item other = { rows->at[t->order[mid]]->pub, t->order[mid] };

		if (compare(&other, it, (void *)s) < 0)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

static void insert_sorted(struct sindex *x, struct stable *t, const struct sorting *s)
{
	uint32_t *out = g_new(uint32_t, t->n_order + s->n + 1), n = 0, from = 0;

	for (uint32_t i = 0; i < s->n; i++) {
		uint32_t place = place_of(x, s, t, from, &s->items[i]);

		memcpy(out + n, t->order + from, (place - from) * sizeof(*out));
		n += place - from;
		out[n++] = s->items[i].row;
		from = place;
	}
	memcpy(out + n, t->order + from, (t->n_order - from) * sizeof(*out));
	g_free(t->order);
	t->order = out;
	t->n_order += s->n;
}

static void place_some(struct sindex *x, enum kind k)
{
	const struct inv_rows *rows = inv_rows(x->inv, k);
	struct stable *t = &x->tables[k];
	guint n = MIN(SLICE, t->misplaced->len), first = t->misplaced->len - n;
	g_autofree struct item *items = g_new(struct item, n + 1);
	struct sorting s = { k, items, 0 };

	take_out_misplaced(t);
	for (guint i = 0; i < n; i++) {
		uint32_t row = g_array_index(t->misplaced, uint32_t, first + i);

		t->is_misplaced[row / 64] &= ~(UINT64_C(1) << (row % 64));
		if (rows->at[row])
			items[s.n++] = (struct item){ rows->at[row]->pub, row };
	}
	g_array_set_size(t->misplaced, first);
	sort_work(&s);
	insert_sorted(x, t, &s);
}

/* To place costs as much as the order is long: so many wait for it that one of them costs little. */
void sindex_place(struct sindex *x, enum kind k)
{
	struct stable *t = &x->tables[k];

	if (t->order && t->misplaced->len > MAX(sindex_much, t->n_order / MUCH_PART))
		place_some(x, k);
}

int sindex_order(struct core *c, enum kind k, struct err *e)
{
	struct sindex *x = sindex_of(c);
	struct swork all = { x, -1, false };
	struct stable *t = sindex_table(&all, k);
	bool has_waited = false;

	for (; t->is_ordering; t = sindex_table(&all, k), has_waited = true) {
		if (!fiber_self()) /* somebody else sorts, and we cannot wait */
			return err_set(e, ERR_BUSY, "The list is being put in order; try again.");
		fiber_sleep(1);
	}
	if (t->order && t->misplaced->len > ANEW && t->misplaced->len > t->n_order / 4)
		forget_places(t);
	if (!t->order) {
		if (sort_all(c, k, e) < 0)
			return -1;
		return fiber_self() ? 1 : 0;
	}
	while (t->misplaced->len) {
		place_some(x, k);
		if (t->misplaced->len && fiber_self()) {
			fiber_yield();
			return 1;
		}
	}
	return has_waited ? 1 : 0;
}
