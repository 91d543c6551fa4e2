/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Does a version match? Terms are joined by AND before OR before mere neighbourhood, and none of these negates; so what
 * matters is the set of terms that are true together. The version's own terms give one set. An entity that is related in
 * some way gives one set for each of its rows, as an outer join would: conditions on "storage." speak of one storage domain
 * at a time. It matches if some choice of one row per related entity does.
 */
#include <string.h>

#include "manager/api/search_internal.h"
#include "model/types.h"

enum { MAX_TAG_DEPTH = 64, MAX_CHOICES = 4096, SCAN_CHUNK = 1024 };

static const int64_t DAY_MS = INT64_C(86400000);

/* ---- terms ---- */

struct probe {
	struct core *c;
	const struct sterm *t;
	const struct sfield *f;
	bool seen;
};

/* The tag's own name was v; its ancestors' are next. */
static bool ancestor_hit(const struct probe *p, const struct m_tag *tag)
{
	for (int depth = 0; tag && depth < MAX_TAG_DEPTH; depth++) {
		struct sval v;

		tag = INV_GET(p->c->inv, TAG, tag, tag->parent.id);
		if (!tag || !tag->name)
			continue;
		v.text = tag->name;
		v.len = strlen(tag->name);
		if (sterm_hit(p->t, p->f, &v))
			return true;
	}
	return false;
}

static bool probe_value(void *arg, const void *obj, const struct sval *v)
{
	struct probe *p = arg;

	p->seen = true;
	if (p->t->is_empty || sterm_hit(p->t, p->f, v))
		return true;
	return p->f->flags & SF_TAG && ancestor_hit(p, obj);
}

bool sterm_reads(struct core *c, const struct sterm *t, const struct sread *r, const void *obj, bool *seen)
{
	struct probe p = { c, t, r->f, false };
	bool hit = sread_each(r, c, obj, probe_value, &p);

	*seen = *seen || p.seen;
	return hit;
}

bool sterm_matches(struct core *c, const struct sterm *t, const void *obj)
{
	bool any = false, seen = false;

	for (int i = 0; i < t->n_reads && !any; i++)
		any = sterm_reads(c, t, &t->reads[i], obj, &seen);
	if (t->is_empty)
		return (t->op == OP_EQ) != seen;
	return t->op == OP_NE ? !any : any;
}

static uint64_t terms_matching(struct core *c, const struct search *s, uint64_t terms, const void *obj)
{
	uint64_t out = 0;

	for (int i = 0; i < s->n_terms; i++)
		if (terms >> i & 1 && sterm_matches(c, &s->terms[i], obj))
			out |= UINT64_C(1) << i;
	return out;
}

/* ---- the expression ---- */

typedef bool (*bit_fn)(void *arg, int i);

/* Runs of AND, joined by OR, joined by neighbourhood. Asks no more than it must. */
static bool expression(const struct search *s, bit_fn bit, void *arg)
{
	for (int i = 0; i < s->n_terms;) {
		bool group = false;

		do {
			bool run = !group;
			do {
				run = run && bit(arg, i);
				i++;
			} while (i < s->n_terms && s->join[i] == SJ_AND);
			group = group || run;
		} while (i < s->n_terms && s->join[i] == SJ_OR);
		if (!group)
			return false;
	}
	return true;
}

static bool bit_of_set(void *arg, int i) { return *(const uint64_t *)arg >> i & 1; }

static bool set_matches(const struct search *s, uint64_t set) { return expression(s, bit_of_set, &set); }

struct own {
	struct core *c;
	const struct search *s;
	const void *version;
};

static bool bit_of_own(void *arg, int i)
{
	const struct own *o = arg;
	return sterm_matches(o->c, &o->s->terms[i], o->version);
}

/* ---- related entities ---- */

static void svecs_add(struct svecs *vs, uint64_t set)
{
	int kept = 0;

	for (int i = 0; i < vs->n; i++)
		if ((vs->v[i] | set) == vs->v[i])
			return;
	for (int i = 0; i < vs->n; i++)
		if ((vs->v[i] | set) != set)
			vs->v[kept++] = vs->v[i];
	vs->n = kept;
	if (vs->n < SVECS_MAX)
		vs->v[vs->n++] = set;
	else /* never seen but with queries made for it: take a bit too much rather than too long */
		vs->v[0] |= set;
}

struct gather {
	struct core *c;
	const struct search *s;
	uint64_t terms;
	struct svecs *vs;
};

static bool gather_row(void *arg, const void *version)
{
	struct gather *g = arg;
	uint64_t set = terms_matching(g->c, g->s, g->terms, version);

	svecs_add(g->vs, set);
	return set == g->terms;
}

static void scan_one(struct core *c, const struct search *s, struct scross *x, const void *version)
{
	const char *id = ((const struct m_ref *)((const char *)version + x->rel->field->offset))->id;
	struct svecs *vs;

	if (!id)
		return;
	vs = g_hash_table_lookup(x->scanned, id);
	if (!vs)
		g_hash_table_insert(x->scanned, g_strdup(id), vs = g_new0(struct svecs, 1));
	svecs_add(vs, terms_matching(c, s, x->terms, version));
}

static void release_version(void *version) { m_frozen_release(version); }

/* Go through all entities of a kind once, and note for each that they refer to what its rows make true. Others get their
 * turn in between: there may be many. */
static void scan_relation(struct core *c, const struct search *s, struct scross *x)
{
	g_autoptr(GPtrArray) rows = g_ptr_array_new_with_free_func(release_version);

	x->scanned = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
	INV_EACH (e, c->inv, (enum kind)x->rel->kind)
		g_ptr_array_add(rows, m_frozen_retain(e->pub));
	for (guint i = 0; i < rows->len; i++) {
		if (i % SCAN_CHUNK == SCAN_CHUNK - 1 && fiber_self())
			fiber_yield();
		scan_one(c, s, x, rows->pdata[i]);
	}
}

static void drop_scanned(void *arg) { g_hash_table_destroy(arg); }

static bool is_scanned(const struct scross *x) { return x->rel && x->rel->op == S_REVERSE && x->rel->idx < 0; }

static void gather_sets(struct core *c, const struct search *s, const struct scross *x, const void *version,
                        struct svecs *vs)
{
	struct gather g = { c, s, x->terms, vs };

	vs->n = 0;
	if (x->scanned) {
		const struct svecs *known = g_hash_table_lookup(x->scanned, sid(M_KINDS[s->kind].type, version));
		if (known)
			*vs = *known;
	} else {
		srel_each(x->rel, c, version, gather_row, &g);
	}
	if (vs->n == 0)
		svecs_add(vs, x->none);
}

struct choice {
	const struct search *s;
	const struct svecs *sets;
	int n_left;
};

static bool choose(struct choice *ch, int i, uint64_t set)
{
	if (i == ch->s->n_cross)
		return ch->n_left-- > 0 && set_matches(ch->s, set);
	for (int k = 0; k < ch->sets[i].n && ch->n_left > 0; k++)
		if (choose(ch, i + 1, set | ch->sets[i].v[k]))
			return true;
	return false;
}

static bool related_matches(struct core *c, const struct search *s, const void *version)
{
	uint64_t own = terms_matching(c, s, s->own_terms, version), all = s->own_terms;
	struct svecs sets[SCROSS_MAX];
	struct choice ch = { s, sets, MAX_CHOICES };

	for (int i = 0; i < s->n_cross; i++)
		all |= s->cross[i].terms;
	if (!set_matches(s, own | (all & ~s->own_terms)))
		return false;
	for (int i = 0; i < s->n_cross; i++)
		gather_sets(c, s, &s->cross[i], version, &sets[i]);
	return choose(&ch, 0, own);
}

/* ---- */

/* What day it is, and what is true of nothing. */
void search_prepare(struct core *c, struct search *s)
{
	int64_t now = loop_wall_ms(c->loop);

	if (s->is_prepared)
		return;
	s->is_prepared = true;
	for (int i = 0; i < s->n_terms; i++)
		if (s->terms[i].type == ST_DATE && !s->terms[i].is_empty) {
			s->terms[i].lo = (double)sdate_ms(&s->terms[i].date, now);
			s->terms[i].hi = s->terms[i].lo + (double)DAY_MS;
		}
	for (int i = 0; i < s->n_cross; i++)
		s->cross[i].none = terms_matching(c, s, s->cross[i].terms, NULL);
}

void search_scan(struct core *c, struct search *s)
{
	search_prepare(c, s);
	for (int i = 0; i < s->n_cross; i++)
		if (is_scanned(&s->cross[i]) && !s->cross[i].scanned) {
			scan_relation(c, s, &s->cross[i]);
			pool_on_free(s->pool, drop_scanned, s->cross[i].scanned);
		}
	s->is_scanned = true;
}

static void remember_key(struct core *c, struct search *s, const void *version)
{
	struct skey *key;

	if (!s->keys) {
		s->keys = g_hash_table_new(NULL, NULL);
		pool_on_free(s->pool, drop_scanned, s->keys);
	}
	key = POOL_NEW(s->pool, struct skey);
	*key = skey_read(s->sort, c, version, s->pool);
	g_hash_table_insert(s->keys, (void *)version, key);
}

bool search_matches(struct core *c, const struct search *query, const void *version)
{
	struct search *s = (struct search *)query; /* its notes change, what it asks for does not */
	struct own own = { c, s, version };

	if (!s->is_scanned)
		search_scan(c, s);
	if (s->n_cross ? !related_matches(c, s, version) : !expression(s, bit_of_own, &own))
		return false;
	if (s->sort && !s->sort->is_own)
		remember_key(c, s, version);
	return true;
}

int64_t search_page(const struct search *s) { return s->page; }
