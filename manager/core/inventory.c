/* SPDX-License-Identifier: Apache-2.0 */
#include "manager/core/inventory.h"

#include <assert.h>
#include <string.h>

struct inventory {
	GHashTable *by_id[N_KINDS];   /* id -> entity */
	GHashTable *by_name[N_KINDS]; /* "scope\nname" -> entity; only kinds with unique names */
	GHashTable **by[N_KINDS];     /* per index: id of the reference -> bucket */
	struct inv_bucket all[N_KINDS];
	struct inv_rows rows[N_KINDS];
	struct inv_watcher *watchers;
	GHashTable *staged; /* entities with transactions in flight */
};

static void bucket_append(struct inv_bucket *b, struct entity *e, struct inv_link *l, size_t link_offset)
{
	l->bucket = b;
	l->prev = b->last;
	l->next = NULL;
	if (b->last)
		((struct inv_link *)((char *)b->last + link_offset))->next = e;
	else
		b->first = e;
	b->last = e;
	b->n++;
}

static void bucket_remove(struct inv_link *l, size_t link_offset)
{
	struct inv_bucket *b = l->bucket;

	if (!b)
		return;
	if (l->prev)
		((struct inv_link *)((char *)l->prev + link_offset))->next = l->next;
	else
		b->first = l->next;
	if (l->next)
		((struct inv_link *)((char *)l->next + link_offset))->prev = l->prev;
	else
		b->last = l->prev;
	b->n--;
	*l = (struct inv_link){ 0 };
}

static size_t by_offset(int idx) { return offsetof(struct entity, by) + sizeof(struct inv_link) * (size_t)idx; }

/* Id in an indexed reference; of a list of references, the first. */
static const char *index_value(const struct m_field *f, const void *obj)
{
	const void *at = (const char *)obj + f->offset;

	if (f->flags & M_F_LIST) {
		const struct {
			struct m_ref *v;
			uint32_t n;
		} *list = at;
		return list->n ? list->v[0].id : NULL;
	}
	return ((const struct m_ref *)at)->id;
}

static const char *name_scope(enum kind k, const void *obj)
{
	const char *member = M_KINDS[k].unique_within;
	return member ? index_value(m_field_find(M_KINDS[k].type, member), obj) : NULL;
}

/* Names are unique within a scope; what is in none (a NIC of a template) may be called anything. */
static bool has_unique_name(enum kind k, const void *obj)
{
	return M_KINDS[k].unique_name && m_entity(M_KINDS[k].type, obj)->name &&
	       (!M_KINDS[k].unique_within || name_scope(k, obj));
}

static char *name_key(const char *scope, const char *name) { return g_strconcat(scope ? scope : "", "\n", name, NULL); }

struct inventory *inv_new(void)
{
	struct inventory *inv = g_new0(struct inventory, 1);

	for (int k = 0; k < N_KINDS; k++) {
		inv->by_id[k] = g_hash_table_new(g_str_hash, g_str_equal);
		inv->by_name[k] = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
		inv->by[k] = g_new0(GHashTable *, M_KINDS[k].n_index + 1);
		for (int i = 0; i < M_KINDS[k].n_index; i++)
			inv->by[k][i] = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
	}
	inv->staged = g_hash_table_new(NULL, NULL);
	return inv;
}

static void entity_free(struct entity *e)
{
	g_free((char *)e->id);
	g_free(e);
}

void inv_free(struct inventory *inv)
{
	GHashTableIter it;
	struct entity *e;

	if (!inv)
		return;
	for (struct inv_watcher *w = inv->watchers, *next; w; w = next) {
		next = w->next;
		w->free(w);
	}
	for (int k = 0; k < N_KINDS; k++) {
		g_hash_table_iter_init(&it, inv->by_id[k]);
		while (g_hash_table_iter_next(&it, NULL, (void **)&e)) {
			m_frozen_release(e->pub);
			entity_free(e);
		}
		g_hash_table_destroy(inv->by_id[k]);
		g_hash_table_destroy(inv->by_name[k]);
		for (int i = 0; i < M_KINDS[k].n_index; i++)
			g_hash_table_destroy(inv->by[k][i]);
		g_free(inv->by[k]);
		g_free(inv->rows[k].at);
	}
	g_hash_table_destroy(inv->staged);
	g_free(inv);
}

struct entity *inv_find(const struct inventory *inv, enum kind k, const char *id)
{
	return id ? g_hash_table_lookup(inv->by_id[k], id) : NULL;
}

const void *inv_get(const struct inventory *inv, enum kind k, const char *id)
{
	struct entity *e = inv_find(inv, k, id);
	return e ? e->pub : NULL;
}

const void *inv_latest(const struct inventory *inv, enum kind k, const char *id)
{
	struct entity *e = inv_find(inv, k, id);
	return e ? e->latest : NULL;
}

struct entity *inv_by_name(const struct inventory *inv, enum kind k, const char *scope, const char *name)
{
	g_autofree char *key = name_key(scope, name);
	return g_hash_table_lookup(inv->by_name[k], key);
}

static const char *obj_name(enum kind k, const void *obj) { return m_entity(M_KINDS[k].type, obj)->name; }

bool inv_name_taken(const struct inventory *inv, enum kind k, const char *scope, const char *name,
                    const char *except_id)
{
	struct entity *e = inv_by_name(inv, k, scope, name);
	GHashTableIter it;

	if (e && e->latest && g_strcmp0(e->id, except_id) != 0 && g_strcmp0(obj_name(k, e->latest), name) == 0 &&
	    g_strcmp0(name_scope(k, e->latest), scope) == 0)
		return true;
	g_hash_table_iter_init(&it, inv->staged);
	while (g_hash_table_iter_next(&it, (void **)&e, NULL))
		if (e->kind == k && e->latest && g_strcmp0(e->id, except_id) != 0 &&
		    g_strcmp0(obj_name(k, e->latest), name) == 0 && g_strcmp0(name_scope(k, e->latest), scope) == 0)
			return true;
	return false;
}

unsigned inv_count(const struct inventory *inv, enum kind k) { return inv->all[k].n; }

struct entity *inv_first(const struct inventory *inv, enum kind k) { return inv->all[k].first; }

static struct inv_bucket *find_bucket(const struct inventory *inv, enum kind k, int idx, const char *ref_id)
{
	return ref_id ? g_hash_table_lookup(inv->by[k][idx], ref_id) : NULL;
}

struct entity *inv_first_by(const struct inventory *inv, enum kind k, int idx, const char *ref_id)
{
	struct inv_bucket *b = find_bucket(inv, k, idx, ref_id);
	return b ? b->first : NULL;
}

unsigned inv_count_by(const struct inventory *inv, enum kind k, int idx, const char *ref_id)
{
	struct inv_bucket *b = find_bucket(inv, k, idx, ref_id);
	return b ? b->n : 0;
}

const void **inv_latest_by(const struct inventory *inv, struct pool *p, enum kind k, int idx, const char *ref_id,
                           unsigned *n)
{
	const struct m_field *f = M_KINDS[k].index_fields[idx];
	unsigned max = inv_count_by(inv, k, idx, ref_id) + g_hash_table_size(inv->staged);
	const void **out = POOL_ARRAY(p, const void *, max + 1);
	GHashTableIter it;
	struct entity *e;

	*n = 0;
	INV_EACH_BY (x, inv, k, idx, ref_id)
		if (x->n_staged == 0)
			out[(*n)++] = x->pub;
	g_hash_table_iter_init(&it, inv->staged);
	while (g_hash_table_iter_next(&it, (void **)&e, NULL))
		if (e->kind == k && e->latest && g_strcmp0(index_value(f, e->latest), ref_id) == 0)
			out[(*n)++] = e->latest;
	return out;
}

bool inv_is_used(const struct inventory *inv, enum kind k, int idx, const char *ref_id)
{
	const struct m_field *f = M_KINDS[k].index_fields[idx];
	GHashTableIter it;
	struct entity *e;

	INV_EACH_BY (x, inv, k, idx, ref_id)
		if (x->latest && g_strcmp0(index_value(f, x->latest), ref_id) == 0)
			return true;
	g_hash_table_iter_init(&it, inv->staged);
	while (ref_id && g_hash_table_iter_next(&it, (void **)&e, NULL))
		if (e->kind == k && e->latest && g_strcmp0(index_value(f, e->latest), ref_id) == 0)
			return true;
	return false;
}

void inv_sort(struct inventory *inv, enum kind k, int (*compare)(const void *a, const void *b))
{
	struct inv_bucket *b = &inv->all[k];
	g_autoptr(GPtrArray) list = g_ptr_array_sized_new(b->n);

	INV_EACH (e, inv, k)
		g_ptr_array_add(list, e);
	g_ptr_array_sort(list, compare);
	*b = (struct inv_bucket){ 0 };
	for (guint i = 0; i < list->len; i++) {
		struct entity *e = g_ptr_array_index(list, i);
		bucket_append(b, e, &e->all, offsetof(struct entity, all));
	}
}

void inv_each_staged(const struct inventory *inv, enum kind k, void (*fn)(void *arg, const void *version), void *arg)
{
	GHashTableIter it;
	struct entity *e;

	g_hash_table_iter_init(&it, inv->staged);
	while (g_hash_table_iter_next(&it, (void **)&e, NULL))
		if (e->kind == k && e->latest)
			fn(arg, e->latest);
}

/* ---- rows ---- */

enum { MIN_ROWS = 64, MIN_REMOVED = 1024 };

const struct inv_rows *inv_rows(const struct inventory *inv, enum kind k) { return &inv->rows[k]; }

static void add_row(struct inventory *inv, struct entity *e)
{
	struct inv_rows *r = &inv->rows[e->kind];

	if (r->n == r->cap) {
		r->cap = MAX(MIN_ROWS, r->cap + r->cap / 2);
		r->at = g_renew(struct entity *, r->at, r->cap);
	}
	e->row = r->n;
	r->at[r->n++] = e;
}

static void renumber(struct inventory *inv, enum kind k)
{
	struct inv_rows *r = &inv->rows[k];
	uint32_t n = 0;

	for (uint32_t i = 0; i < r->n; i++)
		if (r->at[i]) {
			r->at[i]->row = n;
			r->at[n++] = r->at[i];
		}
	r->n = n;
	r->n_removed = 0;
	for (struct inv_watcher *w = inv->watchers; w; w = w->next)
		w->renumbered(w, k);
}

static void remove_row(struct inventory *inv, struct entity *e)
{
	struct inv_rows *r = &inv->rows[e->kind];

	r->at[e->row] = NULL;
	r->n_removed++;
}

void inv_watch(struct inventory *inv, struct inv_watcher *w)
{
	w->next = inv->watchers;
	inv->watchers = w;
}

struct inv_watcher *inv_find_watcher(const struct inventory *inv,
                                     void (*published)(struct inv_watcher *w, struct entity *e, const void *old,
                                                       const void *version))
{
	struct inv_watcher *w = inv->watchers;

	while (w && w->published != published)
		w = w->next;
	return w;
}

static void tell(struct inventory *inv, struct entity *e, const void *old)
{
	const struct inv_rows *r = &inv->rows[e->kind];

	for (struct inv_watcher *w = inv->watchers; w; w = w->next)
		w->published(w, e, old, e->pub);
	if (r->n_removed > MIN_REMOVED && r->n_removed > r->n / 2)
		renumber(inv, e->kind);
}

/* ---- versions ---- */

struct entity *inv_make(struct inventory *inv, enum kind k, const char *id)
{
	struct entity *e = inv_find(inv, k, id);

	if (e)
		return e;
	e = g_malloc0(sizeof(*e) + sizeof(struct inv_link) * (size_t)M_KINDS[k].n_index);
	e->kind = k;
	e->id = g_strdup(id);
	g_hash_table_insert(inv->by_id[k], (char *)e->id, e);
	return e;
}

static void link_version(struct inventory *inv, struct entity *e)
{
	enum kind k = e->kind;

	if (has_unique_name(k, e->pub))
		g_hash_table_insert(inv->by_name[k], name_key(name_scope(k, e->pub), obj_name(k, e->pub)), e);
	for (int i = 0; i < M_KINDS[k].n_index; i++) {
		const char *ref = index_value(M_KINDS[k].index_fields[i], e->pub);
		struct inv_bucket *b;

		if (!ref)
			continue;
		b = g_hash_table_lookup(inv->by[k][i], ref);
		if (!b) {
			b = g_new0(struct inv_bucket, 1);
			g_hash_table_insert(inv->by[k][i], g_strdup(ref), b);
		}
		bucket_append(b, e, &e->by[i], by_offset(i));
	}
}

/* An empty bucket stays while its referent lives; it goes with the referent's last user here. */
static void unlink_index(struct inventory *inv, struct entity *e, int i, const char *ref)
{
	struct inv_bucket *b = e->by[i].bucket;

	bucket_remove(&e->by[i], by_offset(i));
	if (b && b->n == 0)
		g_hash_table_remove(inv->by[e->kind][i], ref);
}

static void unlink_version(struct inventory *inv, struct entity *e)
{
	enum kind k = e->kind;

	if (has_unique_name(k, e->pub)) {
		g_autofree char *key = name_key(name_scope(k, e->pub), obj_name(k, e->pub));
		if (g_hash_table_lookup(inv->by_name[k], key) == e)
			g_hash_table_remove(inv->by_name[k], key);
	}
	for (int i = 0; i < M_KINDS[k].n_index; i++)
		if (e->by[i].bucket)
			unlink_index(inv, e, i, index_value(M_KINDS[k].index_fields[i], e->pub));
}

static bool same_links(enum kind k, const void *a, const void *b)
{
	if (g_strcmp0(obj_name(k, a), obj_name(k, b)) != 0 || g_strcmp0(name_scope(k, a), name_scope(k, b)) != 0)
		return false;
	for (int i = 0; i < M_KINDS[k].n_index; i++)
		if (g_strcmp0(index_value(M_KINDS[k].index_fields[i], a), index_value(M_KINDS[k].index_fields[i], b)) !=
		    0)
			return false;
	return true;
}

void inv_stage(struct inventory *inv, struct entity *e, const void *version)
{
	e->latest = version;
	if (e->n_staged++ == 0)
		g_hash_table_add(inv->staged, e);
}

static void end_staging(struct inventory *inv, struct entity *e)
{
	if (e->n_staged == 0)
		return; /* loading */
	if (--e->n_staged == 0)
		g_hash_table_remove(inv->staged, e);
}

static void forget_if_gone(struct inventory *inv, struct entity *e)
{
	if (e->pub || e->n_staged > 0)
		return;
	g_hash_table_remove(inv->by_id[e->kind], e->id);
	entity_free(e);
}

void inv_publish(struct inventory *inv, struct entity *e, const void *version)
{
	const void *old = e->pub;
	bool relink = !(old && version && same_links(e->kind, old, version));

	end_staging(inv, e);
	if (old && relink)
		unlink_version(inv, e);
	e->pub = version;
	if (e->n_staged == 0)
		e->latest = version;
	if (version && relink)
		link_version(inv, e);
	if (version && !old) {
		bucket_append(&inv->all[e->kind], e, &e->all, offsetof(struct entity, all));
		add_row(inv, e);
	}
	if (old && !version) {
		bucket_remove(&e->all, offsetof(struct entity, all));
		remove_row(inv, e);
	}
	if (old || version)
		tell(inv, e, old);
	m_frozen_release(old);
	forget_if_gone(inv, e);
}

void inv_unstage(struct inventory *inv, struct entity *e, const void *version)
{
	end_staging(inv, e);
	if (e->n_staged == 0)
		e->latest = e->pub;
	forget_if_gone(inv, e);
}
