/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Pages of results. Among many entities a query becomes a set of rows, read off columns (search_bits.c), and the page is taken along the
 * order that is kept (search_order.c). What columns cannot tell is looked at one by one, and no further than the page reaches. Among few all
 * are gone through.
 */
#include <string.h>

#include "manager/api/search_bits.h"
#include "manager/core/perm.h"
#include "model/types.h"

enum { CHUNK = 256, WORK = 8192, SORT_APART = 1000, FEW = 1000 };

static uint32_t index_from = 512, few = FEW; /* few: are not worth counting before they are sorted */

void search_index_from(uint32_t n)
{
	index_from = n;
	sbits_tiny = n * 2;
	sindex_much = MIN(n, SINDEX_MUCH);
	few = MIN(n, FEW);
}

static void breathe(size_t i)
{
	if (i % CHUNK == CHUNK - 1 && fiber_self())
		fiber_yield();
}

static void release_version(void *version) { m_frozen_release(version); }

void search_ask_clear(struct search_ask *ask)
{
	if (ask->versions)
		g_ptr_array_free(ask->versions, TRUE);
	ask->versions = NULL;
}

static void take(struct search_ask *ask, const void *version)
{
	g_ptr_array_add(ask->versions, m_frozen_retain(version));
}

/* ---- one by one ---- */

static bool may_see(struct core *c, const struct search_ask *ask, const void *version)
{
	return !ask->viewer || perm_can_see(c, ask->viewer, ask->kind, m_entity(M_KINDS[ask->kind].type, version)->id);
}

struct sorting {
	const struct search *search;
	enum kind kind;
	GPtrArray *versions;
};

static int compare(const void *a, const void *b, void *arg)
{
	const struct sorting *s = arg;
	return search_compare(s->search, s->kind, *(void *const *)a, *(void *const *)b);
}

static void sort_work(void *arg)
{
	struct sorting *s = arg;
	g_qsort_with_data(s->versions->pdata, (int)s->versions->len, sizeof(void *), compare, s);
}

/* Long lists are put in order on a worker: versions do not change, and are held on to. */
static int sort_versions(struct core *c, struct search_ask *ask, struct err *e)
{
	struct sorting s = { ask->search, ask->kind, ask->versions };

	if (ask->versions->len > SORT_APART && c->tasks && fiber_self())
		return task_run(c->tasks, sort_work, &s, e);
	sort_work(&s);
	return 0;
}

/* All that is found is there, in order: what is outside of the page goes. */
static void cut_page(struct search_ask *ask)
{
	guint n = ask->versions->len, first = (guint)MIN(ask->first, n);

	ask->total = n;
	if (ask->max < n - first)
		g_ptr_array_remove_range(ask->versions, first + (guint)ask->max, n - first - (guint)ask->max);
	if (first)
		g_ptr_array_remove_range(ask->versions, 0, first);
}

static int select_by_one(struct core *c, struct search_ask *ask, struct err *e)
{
	g_autoptr(GPtrArray) all = g_ptr_array_new_with_free_func(release_version);

	if (!ask->among)
		INV_EACH (en, c->inv, ask->kind)
			g_ptr_array_add(all, m_frozen_retain(en->pub));
	for (guint i = 0; ask->among && i < ask->among->len; i++)
		g_ptr_array_add(all, m_frozen_retain(ask->among->pdata[i]));
	for (guint i = 0; i < all->len; i++) {
		breathe(i);
		if (may_see(c, ask, all->pdata[i]) && (!ask->search || search_matches(c, ask->search, all->pdata[i])))
			take(ask, all->pdata[i]);
	}
	if (sort_versions(c, ask, e) < 0)
		return -1;
	cut_page(ask);
	return 0;
}

/* ---- by columns ---- */

struct rows {
	uint32_t *row;
	size_t n;
};

/* Rows of the set in the order of lists, no more than limit. */
static struct rows in_order(struct sbits_eval *ev, const struct stable *t, const uint64_t *set, size_t limit)
{
	struct rows out = { POOL_ARRAY(ev->p, uint32_t, t->n_order + 1), 0 };

	for (uint32_t i = 0; i < t->n_order && out.n < limit; i++)
		if (sbit(set, t->order[i]))
			out.row[out.n++] = t->order[i];
	return out;
}

/* Where pages end; SIZE_MAX: nowhere. */
static size_t end_of(const struct search_ask *ask)
{
	return ask->max > SIZE_MAX - ask->first ? SIZE_MAX : ask->first + ask->max;
}

struct keyed {
	uint64_t key;
	uint32_t row, place; /* in the order of lists: no two are the same */
};

static bool is_before(const struct keyed *a, const struct keyed *b)
{
	return a->key != b->key ? a->key < b->key : a->place < b->place;
}

static int compare_keyed(const void *a, const void *b) { return is_before(a, b) ? -1 : 1; }

static void swap_keyed(struct keyed *a, struct keyed *b)
{
	struct keyed t = *a;

	*a = *b;
	*b = t;
}

/* Any one goes to the front; not one of fixed places, for which there are lists that take forever. */
static void choose_pivot(struct keyed *a, size_t n, uint64_t *seed)
{
	*seed = *seed * 6364136223846793005u + 1442695040888963407u;
	swap_keyed(a, a + (*seed >> 33) % n);
}

/* Have the first k of n in front, in whatever order. */
static void split_at(struct keyed *a, size_t n, size_t k)
{
	uint64_t seed = n;

	while (n > 1 && k > 0 && k < n) {
		size_t i = 0, j = n;
		struct keyed pivot;

		choose_pivot(a, n, &seed);
		pivot = a[0];
		for (;;) {
			do
				i++;
			while (i < n && is_before(&a[i], &pivot));
			do
				j--;
			while (is_before(&pivot, &a[j]));
			if (i >= j)
				break;
			swap_keyed(&a[i], &a[j]);
		}
		swap_keyed(&a[0], &a[j]); /* the pivot is in its place */
		if (j == k || j + 1 == k)
			return;
		if (j > k) {
			n = j;
		} else {
			a += j + 1;
			n -= j + 1;
			k -= j + 1;
		}
	}
}

enum { BUCKET_BITS = 11, BUCKETS = 1 << BUCKET_BITS };

/* Part of a list: in the order of lists, and what [first, last) of it would be in order of their keys. */
struct part {
	struct keyed *a;
	size_t n, first, last;
};

static void key_range(const struct part *p, uint64_t *low, uint64_t *high)
{
	*low = UINT64_MAX;
	*high = 0;
	for (size_t i = 0; i < p->n; i++) {
		*low = MIN(*low, p->a[i].key);
		*high = MAX(*high, p->a[i].key);
	}
}

/* Bucket that the place is in; *before: how many are in those before it. */
static unsigned bucket_of(const uint32_t *count, size_t place, size_t *before)
{
	unsigned b = 0;

	for (*before = 0; b < BUCKETS - 1 && *before + count[b] <= place; b++)
		*before += count[b];
	return b;
}

/* Keep what the part's places may be among, by counting keys in buckets. False: there was nothing to leave out. */
static bool narrow(struct part *p)
{
	uint32_t count[BUCKETS] = { 0 };
	uint64_t low, high;
	unsigned from, to;
	size_t before, ignored, n = 0;
	int shift;

	key_range(p, &low, &high);
	if (low == high)
		return false;
	shift = MAX(0, 64 - __builtin_clzll(high - low) - BUCKET_BITS);
	for (size_t i = 0; i < p->n; i++)
		count[(p->a[i].key - low) >> shift]++;
	from = bucket_of(count, p->first, &before);
	to = bucket_of(count, p->last - 1, &ignored);
	for (size_t i = 0; i < p->n; i++) {
		uint64_t b = (p->a[i].key - low) >> shift;

		p->a[n] = p->a[i];
		n += b >= from && b <= to;
	}
	p->first -= before;
	p->last -= before;
	if (n == p->n)
		return false;
	p->n = n;
	return true;
}

static void sort_part(struct part *p)
{
	uint64_t low, high;

	while (p->n > few && narrow(p))
		;
	key_range(p, &low, &high);
	if (low == high) /* in order as they are */
		return;
	split_at(p->a, p->n, p->last);
	split_at(p->a, p->last, p->first);
	qsort(p->a + p->first, p->last - p->first, sizeof(*p->a), compare_keyed);
}

/* Only the page is put in order; what is outside of it is nobody's afterwards. */
static void sort_rows(struct sbits_eval *ev, const struct search_ask *ask, struct rows *rows, const uint64_t *keys)
{
	size_t first = MIN(ask->first, rows->n), last = MIN(end_of(ask), rows->n);
	struct part p = { POOL_ARRAY(ev->p, struct keyed, rows->n + 1), rows->n, first, last };

	if (first == last)
		return;
	for (size_t i = 0; i < rows->n; i++) {
		uint64_t key = keys[rows->row[i]];
		p.a[i] = (struct keyed){ ask->search->is_desc ? ~key : key, rows->row[i], (uint32_t)i };
	}
	sort_part(&p);
	for (size_t i = first; i < last; i++)
		rows->row[i] = p.a[p.first + i - first].row;
}

static size_t count_bits(const uint64_t *bits, size_t n_words)
{
	size_t n = 0;

	for (size_t i = 0; i < n_words; i++)
		n += (size_t)__builtin_popcountll(bits[i]);
	return n;
}

static void take_rows(struct core *c, struct search_ask *ask, const struct rows *rows)
{
	const struct inv_rows *at = inv_rows(c->inv, ask->kind);

	for (size_t i = ask->first; i < rows->n && i < end_of(ask); i++)
		take(ask, at->at[rows->row[i]]->pub);
}

/* Those rows that match and may be seen. 1: rows were numbered anew meanwhile. */
static int sift(struct core *c, struct search_ask *ask, const struct stable *t, const struct rows *rows, bool is_exact,
                bool is_sorted, struct err *e)
{
	size_t enough = is_sorted && !ask->wants_total ? end_of(ask) : SIZE_MAX;
	const struct inv_rows *at = inv_rows(c->inv, ask->kind);
	uint32_t epoch = t->epoch;

	if (!is_exact)
		search_scan(c, ask->search);
	for (size_t i = 0; i < rows->n && ask->versions->len < enough; i++) {
		const struct entity *en;

		breathe(i);
		if (t->epoch != epoch)
			return 1;
		en = at->at[rows->row[i]];
		if (!en || !may_see(c, ask, en->pub))
			continue;
		if ((is_exact && is_sorted) || !ask->search || search_matches(c, ask->search, en->pub))
			take(ask, en->pub);
	}
	if (!is_sorted && sort_versions(c, ask, e) < 0)
		return -1;
	cut_page(ask);
	return 0;
}

static uint64_t *all_rows(struct sbits_eval *ev, const struct stable *t, enum kind k)
{
	size_t n = sbits_words(ev, k);
	uint64_t *out = POOL_ARRAY(ev->p, uint64_t, n);

	memcpy(out, t->live, n * sizeof(*out));
	return out;
}

/* 1: once more. */
static int select_rows(struct core *c, struct search_ask *ask, struct sbits_eval *ev, struct err *e)
{
	struct stable *t = sindex_table(&ev->work, ask->kind);
	bool has_sort = ask->search && ask->search->sort;
	const uint64_t *visible = NULL;
	uint64_t *set = NULL, *keys = NULL;
	struct rows rows;

	if (t)
		set = ask->search ? sbits_query(ev) : all_rows(ev, t, ask->kind);
	if (t && ask->viewer)
		visible = sbits_visible(ev, ask->viewer, ask->kind);
	if (t && has_sort)
		keys = sbits_keys(ev);
	if (ev->work.is_waiting)
		return 1;
	for (size_t i = 0; visible && i < sbits_words(ev, ask->kind); i++)
		set[i] &= visible[i];
	if (ev->is_exact && (!ask->viewer || visible) && (keys || !has_sort)) {
		ask->total = count_bits(set, inv_rows(c->inv, ask->kind)->n / 64 + 1);
		if (ask->max == 0)
			return 0;
		rows = in_order(ev, t, set, has_sort ? SIZE_MAX : end_of(ask));
		if (keys)
			sort_rows(ev, ask, &rows, keys);
		take_rows(c, ask, &rows);
		return 0;
	}
	rows = in_order(ev, t, set, SIZE_MAX);
	if (keys)
		sort_rows(ev, &(struct search_ask){ .search = ask->search, .max = SIZE_MAX }, &rows, keys);
	return sift(c, ask, t, &rows, ev->is_exact, keys || !has_sort, e);
}

static int select_by_columns(struct core *c, struct search_ask *ask, struct err *e)
{
	struct sindex *x = sindex_of(c);
	int rc;

	do {
		auto_pool p = pool_new();
		struct sbits_eval ev = { { x, fiber_self() ? WORK : -1, false }, c, ask->search, p, { NULL }, true };

		g_ptr_array_set_size(ask->versions, 0);
		x->pass++;
		rc = sindex_order(c, ask->kind, e);
		if (rc == 0)
			rc = select_rows(c, ask, &ev, e);
		if (rc > 0 && fiber_self())
			fiber_yield();
	} while (rc > 0);
	return rc;
}

/* Entities of all kinds that conditions lead to. */
static unsigned involved(struct core *c, const struct search_ask *ask)
{
	unsigned n = inv_count(c->inv, ask->kind);

	for (int i = 0; ask->search && i < ask->search->n_cross; i++) {
		const struct scross *x = &ask->search->cross[i];

		if (x->ent->kind >= 0)
			n += inv_count(c->inv, (enum kind)x->ent->kind);
		for (const struct sstep *s = x->rel; s && s->op != S_END; s++)
			if (s->op == S_REVERSE)
				n += inv_count(c->inv, (enum kind)s->kind);
	}
	return n;
}

int search_select(struct core *c, struct search_ask *ask, struct err *e)
{
	ask->versions = g_ptr_array_new_with_free_func(release_version);
	return !ask->among && involved(c, ask) >= index_from ? select_by_columns(c, ask, e) : select_by_one(c, ask, e);
}

void search_touch(struct core *c, enum kind k, const char *id) { sindex_touch(sindex_of(c), k, id); }

/* ---- at start ---- */

/* Free text asks for most of what is asked for later. */
static void warm(void *arg)
{
	static const enum kind KINDS[] = { KIND_VM, KIND_DISK, KIND_TEMPLATE, KIND_HOST, KIND_EVENT };
	struct core *c = arg;

	for (size_t i = 0; i < G_N_ELEMENTS(KINDS) && !loop_is_stopping(c->loop); i++) {
		auto_pool p = pool_new();
		struct err e = ERR_INIT;
		struct search_ask ask = { .kind = KINDS[i], .max = 1 };

		if (inv_count(c->inv, KINDS[i]) < index_from)
			continue;
		ask.search = KINDS[i] == KIND_EVENT ? NULL : search_parse(p, KINDS[i], "nothing", false, &e);
		search_select(c, &ask, &e);
		search_ask_clear(&ask);
	}
}

void search_warm(struct core *c) { fiber_start(c->loop, "search warm", warm, c); }
