/* SPDX-License-Identifier: Apache-2.0 */
#include "manager/api/search_bits.h"

#include <math.h>
#include <string.h>

#include "manager/api/search_get.h"
#include "model/types.h"

enum { MAX_CONJUNCTIONS = 64 };

uint32_t sbits_tiny = 1024;

/* Rows where a value satisfies the term, and rows that have a value at all (NULL: nobody asks). */
struct found {
	uint64_t *hit, *seen;
};

/* ---- sets ---- */

size_t sbits_words(const struct sbits_eval *ev, enum kind k) { return inv_rows(ev->c->inv, k)->n / 64 + 1; }

static uint64_t *none_of(struct sbits_eval *ev, enum kind k) { return POOL_ARRAY(ev->p, uint64_t, sbits_words(ev, k)); }

static uint64_t *all_of(struct sbits_eval *ev, enum kind k)
{
	const struct stable *t = sindex_table(&ev->work, k);
	uint64_t *out = none_of(ev, k);

	if (t)
		memcpy(out, t->live, sbits_words(ev, k) * sizeof(*out));
	return out;
}

static void and_with(struct sbits_eval *ev, enum kind k, uint64_t *a, const uint64_t *b)
{
	for (size_t i = 0, n = sbits_words(ev, k); i < n; i++)
		a[i] &= b[i];
}

static void or_with(struct sbits_eval *ev, enum kind k, uint64_t *a, const uint64_t *b)
{
	for (size_t i = 0, n = sbits_words(ev, k); i < n; i++)
		a[i] |= b[i];
}

/* Live rows that are not in it. */
static uint64_t *without(struct sbits_eval *ev, enum kind k, const uint64_t *b)
{
	uint64_t *out = all_of(ev, k);

	for (size_t i = 0, n = sbits_words(ev, k); i < n; i++)
		out[i] &= ~b[i];
	return out;
}

static struct found nothing(struct sbits_eval *ev, enum kind k, bool with_seen)
{
	return (struct found){ none_of(ev, k), with_seen ? none_of(ev, k) : NULL };
}

static bool is_none(const uint64_t *bits, size_t n_words)
{
	for (size_t i = 0; i < n_words; i++)
		if (bits[i])
			return false;
	return true;
}

/* ---- values ---- */

/* bits[row] = expr of the row, 64 at a time. */
#define EACH_ROW(bits, n, expr)                                                                                        \
	for (uint32_t base = 0; base < (n); base += 64) {                                                              \
		uint64_t word = 0;                                                                                     \
		for (uint32_t j = 0, end = MIN(64, (n)-base); j < end; j++) {                                          \
			uint32_t row = base + j;                                                                       \
			word |= (uint64_t)(expr) << j;                                                                 \
		}                                                                                                      \
		(bits)[base / 64] = word;                                                                              \
	}

static void small_values(const struct scol *col, const struct sterm *t, uint32_t n, struct found *out)
{
	bool hits[256] = { false };

	for (int i = 1; i < 256 && !t->is_empty; i++) {
		struct sval v;
		v.text = NULL;
		v.num = i - 1;
		hits[i] = sterm_hit(t, col->f, &v);
	}
	if (out->seen)
		EACH_ROW(out->seen, n, col->small[row] != 0);
	if (!t->is_empty)
		EACH_ROW(out->hit, n, hits[col->small[row]]);
}

/* Numbers, and dates from lo to before hi. NAN compares as false. */
static void compare_numbers(const double *v, enum sop op, double lo, double hi, uint32_t n, uint64_t *out)
{
	switch (op) {
	case OP_LT: EACH_ROW(out, n, v[row] < lo); break;
	case OP_GT: EACH_ROW(out, n, v[row] > lo); break;
	case OP_LE: EACH_ROW(out, n, v[row] <= lo); break;
	case OP_GE: EACH_ROW(out, n, v[row] >= lo); break;
	default:
		if (hi > lo) {
			EACH_ROW(out, n, v[row] >= lo && v[row] < hi);
		} else {
			EACH_ROW(out, n, v[row] == lo);
		}
	}
}

static void number_values(struct sbits_eval *ev, const struct scol *col, const struct sterm *t, uint32_t n,
                          struct found *out)
{
	static const enum sop turned[] = { OP_EQ, OP_NE, OP_GT, OP_LT, OP_GE, OP_LE };
	double now = (double)loop_wall_ms(ev->c->loop) / 1000;

	if (out->seen)
		EACH_ROW(out->seen, n, col->num[row] == col->num[row]);
	if (t->is_empty)
		return;
	if (col->is_age) /* longer means earlier */
		compare_numbers(col->num, turned[t->op], now - t->num, 0, n, out->hit);
	else if (t->type == ST_DATE)
		compare_numbers(col->num, t->op, t->lo, t->hi, n, out->hit);
	else
		compare_numbers(col->num, t->op, t->num, -INFINITY, n, out->hit);
}

static void text_values(struct sbits_eval *ev, const struct scol *col, const struct sterm *t, uint32_t n,
                        struct found *out)
{
	uint64_t *hits;

	if (out->seen)
		EACH_ROW(out->seen, n, col->words[row] != 0);
	if (t->is_empty)
		return;
	hits = POOL_ARRAY(ev->p, uint64_t, col->texts.n / 64 + 1);
	stexts_match(&col->texts, &t->pat, hits);
	if (!is_none(hits, col->texts.n / 64 + 1))
		EACH_ROW(out->hit, n, sbit(hits, col->words[row]));
}

/* False: not ready, or the column is none for this. */
static bool value_column(struct sbits_eval *ev, const struct scol *col, const struct sterm *t, bool with_seen,
                         struct found *out)
{
	const struct stable *table = col ? &ev->work.x->tables[col->kind] : NULL;
	uint32_t n;

	if (!col || t->profile.text)
		return false;
	n = inv_rows(ev->c->inv, col->kind)->n;
	*out = nothing(ev, col->kind, with_seen);
	if (col->type == SC_SMALL)
		small_values(col, t, n, out);
	else if (col->type == SC_NUM)
		number_values(ev, col, t, n, out);
	else
		text_values(ev, col, t, n, out);
	and_with(ev, col->kind, out->hit, table->live);
	if (with_seen)
		and_with(ev, col->kind, out->seen, table->live);
	return true;
}

/* ---- references ---- */

static bool any_of_list(const struct scol *col, uint32_t word, const uint64_t *bits)
{
	const uint32_t *list = &g_array_index(col->lists, uint32_t, word & ~SREF_LIST);

	for (uint32_t i = 1; i <= list[0]; i++)
		if (sbit(bits, list[i]))
			return true;
	return false;
}

/* Rows whose reference leads into the set; n_there: rows on the other side, which the set has a clear bit behind. */
static void gather(const struct scol *col, const uint64_t *there, uint32_t n_there, uint32_t n, uint64_t *here)
{
	if (!col->lists->len) {
		EACH_ROW(here, n, sbit(there, MIN(col->words[row], n_there)));
		return;
	}
	EACH_ROW(here, n,
	         col->words[row] < SREF_LIST    ? sbit(there, col->words[row])
	         : col->words[row] == SREF_NONE ? false
	                                        : any_of_list(col, col->words[row], there));
}

/* What rows of the set refer to. */
static void scatter(const struct scol *col, const uint64_t *there, size_t n_words, uint64_t *here)
{
	for (size_t i = 0; i < n_words; i++)
		for (uint64_t w = there[i]; w; w &= w - 1) {
			uint32_t word = col->words[i * 64 + (size_t)__builtin_ctzll(w)];

			if (word < SREF_LIST)
				sbit_set(here, word);
		}
}

int sbits_structs(const struct sstep *s)
{
	int n = 0;

	while (s[n].op == S_STRUCT)
		n++;
	return n;
}

/* The column of the member by which others refer to us. */
static const struct scol *reverse_column(struct sbits_eval *ev, const struct sstep *s, enum kind to)
{
	struct sstep hop = { S_HOP, .offset = s->field->offset, .kind = (int)to };

	return sindex_refs(&ev->work, (enum kind)s->kind, &hop, 1);
}

/* Is what lies behind one step of a reference in the set? s: up to and with that step. False: not ready. */
static bool step_back(struct sbits_eval *ev, enum kind k, const struct sstep *s, int n_structs, const uint64_t *there,
                      uint64_t *here)
{
	const struct sstep *hop = &s[n_structs];
	enum kind far = (enum kind)hop->kind;
	bool is_reverse = hop->op == S_REVERSE;
	const struct scol *col = is_reverse ? reverse_column(ev, hop, k) : sindex_refs(&ev->work, k, s, n_structs + 1);

	if (!col || is_none(there, sbits_words(ev, far)))
		return col != NULL;
	if (is_reverse)
		scatter(col, there, sbits_words(ev, far), here);
	else
		gather(col, there, inv_rows(ev->c->inv, far)->n, inv_rows(ev->c->inv, k)->n, here);
	and_with(ev, k, here, ev->work.x->tables[k].live);
	return true;
}

/* ---- terms ---- */

/* Few rows: one by one. */
static bool probe_rows(struct sbits_eval *ev, enum kind k, const struct sterm *t, const struct sread *r,
                       struct found *out)
{
	const struct inv_rows *rows = inv_rows(ev->c->inv, k);

	*out = nothing(ev, k, true);
	for (uint32_t i = 0; i < rows->n; i++) {
		bool seen = false;

		if (!rows->at[i])
			continue;
		if (sterm_reads(ev->c, t, r, rows->at[i]->pub, &seen))
			sbit_set(out->hit, i);
		if (seen)
			sbit_set(out->seen, i);
	}
	return true;
}

static bool is_own_id(const struct sstep *s)
{
	return s->op == S_LEAF && s->field->kind == M_STRING && strcmp(s->field->name, "id") == 0;
}

static bool id_rows(struct sbits_eval *ev, enum kind k, const struct sterm *t, struct found *out)
{
	g_autofree char *low = g_ascii_strdown(t->pat.text, -1);
	const struct entity *e = inv_find(ev->c->inv, k, low);

	*out = (struct found){ none_of(ev, k), all_of(ev, k) };
	if (e && e->pub)
		sbit_set(out->hit, e->row);
	return true;
}

static bool steps_rows(struct sbits_eval *ev, enum kind k, const struct sstep *s, const struct sterm *t,
                       const struct sfield *f, bool with_seen, struct found *out)
{
	int n = sbits_structs(s);
	const struct sstep *last = &s[n];
	struct sread r = { .f = f, .type = M_KINDS[k].type, .alt = { s }, .n_alt = 1 };
	struct found there;

	if (inv_rows(ev->c->inv, k)->n <= sbits_tiny)
		return probe_rows(ev, k, t, &r, out);
	if (n == 0 && t->type == ST_UUID && !t->is_empty && is_own_id(s) && !strchr(t->pat.text, '*'))
		return id_rows(ev, k, t, out);
	if (last->op == S_LEAF || last->op == S_LEAF_ID || last->op == S_LEAF_ID_LIST)
		return !(f->flags & SF_TAG) &&
		       value_column(ev, sindex_values(&ev->work, k, s, n + 1, &r), t, with_seen, out);
	if (!steps_rows(ev, (enum kind)last->kind, last + 1, t, f, with_seen, &there))
		return false;
	*out = nothing(ev, k, with_seen);
	return step_back(ev, k, s, n, there.hit, out->hit) &&
	       (!with_seen || step_back(ev, k, s, n, there.seen, out->seen));
}

bool sbits_is_whole(const struct sread *r)
{
	if (r->f->get && !sget_is_pure(r->f->get) && r->f->get != sget_vm_uptime)
		return false;
	for (int i = 0; i < r->n_alt; i++) {
		const struct sstep *s = r->alt[i];

		s += sbits_structs(s);
		if (s->op != S_LEAF && s->op != S_LEAF_ID && s->op != S_LEAF_ID_LIST)
			return false;
	}
	return true;
}

bool sbits_is_touched(enum kind k) { return k == KIND_VM; }

/* Does what the row refers to still exist? */
static bool leads_somewhere(const struct sbits_eval *ev, const struct scol *col, uint32_t row)
{
	return col->words[row] < SREF_LIST && sbit(ev->work.x->tables[col->target].live, col->words[row]);
}

double *sbits_counts(struct sbits_eval *ev, enum kind k, const struct sget_count *count)
{
	const struct m_type *type = M_KINDS[count->kind].type;
	struct sstep hop = { S_HOP, .offset = m_field_find(type, count->member)->offset, .kind = (int)k };
	const struct scol *col = sindex_refs(&ev->work, count->kind, &hop, 1), *other = col;
	const struct stable *t = &ev->work.x->tables[count->kind];
	double *out;

	if (count->other) {
		const struct m_field *f = m_field_find(type, count->other);
		struct sstep to = { S_HOP, .offset = f->offset };

		for (int i = 0; i < N_KINDS; i++)
			if (M_KINDS[i].type == f->type)
				to.kind = i;
		other = sindex_refs(&ev->work, count->kind, &to, 1);
	}
	if (!col || !other)
		return NULL;
	out = POOL_ARRAY(ev->p, double, inv_rows(ev->c->inv, k)->n + 1);
	for (uint32_t i = 0, n = inv_rows(ev->c->inv, count->kind)->n; i < n; i++)
		if (sbit(t->live, i) && col->words[i] < SREF_LIST && leads_somewhere(ev, other, i))
			out[col->words[i]]++;
	return out;
}

static bool counted_rows(struct sbits_eval *ev, enum kind k, const struct sterm *t, const struct sget_count *count,
                         struct found *out)
{
	double *numbers = sbits_counts(ev, k, count);

	*out = (struct found){ none_of(ev, k), all_of(ev, k) };
	if (numbers && !t->is_empty)
		compare_numbers(numbers, t->op, t->num, -INFINITY, inv_rows(ev->c->inv, k)->n, out->hit);
	and_with(ev, k, out->hit, out->seen);
	return numbers != NULL;
}

static bool read_rows(struct sbits_eval *ev, enum kind k, const struct sterm *t, const struct sread *r,
                      struct found *out)
{
	bool with_seen = t->is_empty || r->n_alt > 1;
	struct found one;

	*out = nothing(ev, k, true);
	if (!r->type)
		return true;
	if (inv_rows(ev->c->inv, k)->n <= sbits_tiny)
		return probe_rows(ev, k, t, r, out);
	if (!r->stat && !r->text && r->f->get && sget_count_of(r->f->get))
		return counted_rows(ev, k, t, sget_count_of(r->f->get), out);
	if (r->stat || r->text || r->f->get) {
		if ((r->stat || r->text) && !sbits_is_touched(k))
			return false;
		return sbits_is_whole(r) &&
		       value_column(ev, sindex_values(&ev->work, k, NULL, 0, r), t, with_seen, out);
	}
	if (!with_seen)
		return r->n_alt == 0 || steps_rows(ev, k, r->alt[0], t, r->f, false, out);
	for (int i = 0; i < r->n_alt; i++) {
		if (!steps_rows(ev, k, r->alt[i], t, r->f, true, &one))
			return false;
		for (size_t w = 0, n = sbits_words(ev, k); w < n; w++) {
			out->hit[w] |= one.hit[w] & ~out->seen[w];
			out->seen[w] |= one.seen[w];
		}
	}
	return true;
}

static uint64_t *read_term(struct sbits_eval *ev, enum kind k, const struct sterm *t)
{
	struct found all = nothing(ev, k, true), one;

	for (int i = 0; i < t->n_reads; i++) {
		if (!read_rows(ev, k, t, &t->reads[i], &one)) {
			ev->is_exact = false;
			return all_of(ev, k);
		}
		or_with(ev, k, all.hit, one.hit);
		if (t->is_empty)
			or_with(ev, k, all.seen, one.seen);
	}
	if (t->is_empty)
		return t->op == OP_EQ ? without(ev, k, all.seen) : all.seen;
	return t->op == OP_NE ? without(ev, k, all.hit) : all.hit;
}

/* Not to be changed by the caller. */
static const uint64_t *term_rows(struct sbits_eval *ev, enum kind k, const struct sterm *t)
{
	uint64_t **known = &ev->terms[t - ev->s->terms];

	if (!*known)
		*known = read_term(ev, k, t);
	return *known;
}

/* ---- related entities ---- */

/* Rows of kind k that are related to one of the set. */
static uint64_t *related_rows(struct sbits_eval *ev, enum kind k, const struct sstep *s, uint64_t *set)
{
	int n = sbits_structs(s);
	uint64_t *there, *here;

	if (s->op == S_END)
		return set;
	there = related_rows(ev, (enum kind)s[n].kind, &s[n] + 1, set);
	here = none_of(ev, k);
	if (!there || !step_back(ev, k, s, n, there, here)) {
		ev->is_exact = false;
		return NULL;
	}
	return here;
}

/* Rows with one related entity for which all these terms hold; where nothing is related, if they hold for nothing. */
static uint64_t *cross_rows(struct sbits_eval *ev, const struct scross *x, uint64_t terms)
{
	enum kind k = (enum kind)ev->s->kind, far = (enum kind)x->ent->kind;
	bool holds_for_none = (terms & x->none) == terms;
	uint64_t *set, *rows, *any;

	if (!x->rel)
		return holds_for_none ? all_of(ev, k) : none_of(ev, k);
	set = all_of(ev, far);
	for (int i = 0; i < ev->s->n_terms; i++)
		if (terms >> i & 1)
			and_with(ev, far, set, term_rows(ev, far, &ev->s->terms[i]));
	rows = related_rows(ev, k, x->rel, set);
	if (rows && holds_for_none) {
		any = related_rows(ev, k, x->rel, all_of(ev, far));
		if (any)
			or_with(ev, k, rows, without(ev, k, any));
	}
	return rows ? rows : all_of(ev, k);
}

/* ---- the expression ---- */

/* Rows where all these terms are true together. */
static uint64_t *run_rows(struct sbits_eval *ev, uint64_t terms)
{
	const struct search *s = ev->s;
	enum kind k = (enum kind)s->kind;
	uint64_t *out = all_of(ev, k);

	for (int i = 0; i < s->n_terms; i++)
		if ((terms & s->own_terms) >> i & 1)
			and_with(ev, k, out, term_rows(ev, k, &s->terms[i]));
	for (int i = 0; i < s->n_cross; i++)
		if (terms & s->cross[i].terms)
			and_with(ev, k, out, cross_rows(ev, &s->cross[i], terms & s->cross[i].terms));
	return out;
}

/* Runs of AND, as sets of terms, in groups joined by OR. */
struct groups {
	uint64_t run[SEARCH_MAX_TERMS];
	int group[SEARCH_MAX_TERMS]; /* of each run */
	int n_runs, n_groups;
};

static void read_groups(const struct search *s, struct groups *g)
{
	*g = (struct groups){ 0 };
	for (int i = 0; i < s->n_terms; i++) {
		if (i && s->join[i] == SJ_AND) {
			g->run[g->n_runs - 1] |= UINT64_C(1) << i;
			continue;
		}
		if (i == 0 || s->join[i] == SJ_IMPLIED)
			g->n_groups++;
		g->run[g->n_runs] = UINT64_C(1) << i;
		g->group[g->n_runs++] = g->n_groups - 1;
	}
}

/* Do all conditions on each related entity stand in one group? Then groups can be evaluated one by one. */
static bool groups_are_apart(const struct search *s, const struct groups *g)
{
	for (int x = 0; x < s->n_cross; x++) {
		int seen = -1;

		for (int i = 0; i < g->n_runs; i++) {
			if (!(g->run[i] & s->cross[x].terms))
				continue;
			if (seen >= 0 && g->group[i] != seen)
				return false;
			seen = g->group[i];
		}
	}
	return true;
}

static uint64_t *by_groups(struct sbits_eval *ev, const struct groups *g)
{
	enum kind k = (enum kind)ev->s->kind;
	uint64_t *out = all_of(ev, k);

	for (int group = 0; group < g->n_groups; group++) {
		uint64_t *any = none_of(ev, k);

		for (int i = 0; i < g->n_runs; i++)
			if (g->group[i] == group)
				or_with(ev, k, any, run_rows(ev, g->run[i]));
		and_with(ev, k, out, any);
	}
	return out;
}

/* One related entity for conditions in several groups: every choice of one run from each group by itself. */
static void by_choices(struct sbits_eval *ev, const struct groups *g, int group, uint64_t terms, int *left,
                       uint64_t *out)
{
	if (group == g->n_groups) {
		if ((*left)-- > 0)
			or_with(ev, (enum kind)ev->s->kind, out, run_rows(ev, terms));
		return;
	}
	for (int i = 0; i<g->n_runs && * left> 0; i++)
		if (g->group[i] == group)
			by_choices(ev, g, group + 1, terms | g->run[i], left, out);
}

static size_t n_choices(const struct groups *g)
{
	size_t n = 1;

	for (int group = 0; group < g->n_groups && n <= MAX_CONJUNCTIONS; group++) {
		size_t in_group = 0;
		for (int i = 0; i < g->n_runs; i++)
			in_group += g->group[i] == group;
		n *= in_group;
	}
	return n;
}

uint64_t *sbits_query(struct sbits_eval *ev)
{
	int left = MAX_CONJUNCTIONS;
	struct groups g;
	uint64_t *out;

	search_prepare(ev->c, ev->s);
	read_groups(ev->s, &g);
	if (groups_are_apart(ev->s, &g))
		return by_groups(ev, &g);
	if (n_choices(&g) <= MAX_CONJUNCTIONS) {
		out = none_of(ev, (enum kind)ev->s->kind);
		by_choices(ev, &g, 0, 0, &left, out);
		return out;
	}
	ev->is_exact = false;
	return by_groups(ev, &g);
}
