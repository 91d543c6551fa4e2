/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What somebody may see of a kind, as a set: from what he, his groups and everybody have been given. Made once and kept; when a permission or
 * an object changes, perm_can_see() decides on that row again; when what many inherit from changes, the set is made anew. A test compares
 * it with perm_can_see().
 */
#include <string.h>

#include "manager/api/search_bits.h"
#include "manager/core/perm.h"
#include "manager/core/perm_index.h"
#include "model/types.h"

/* Kinds that inherit from a cluster and its data center, and from nothing else. */
static size_t cluster_offset(enum kind k)
{
	switch (k) {
	case KIND_VM: return offsetof(struct m_vm, cluster);
	case KIND_HOST: return offsetof(struct m_host, cluster);
	case KIND_TEMPLATE: return offsetof(struct m_template, cluster);
	default: return 0;
	}
}

struct visible {
	struct sbits_eval *ev;
	enum kind kind;
	uint64_t *rows, *clusters;
	bool is_all;
};

static void add_row(struct visible *v, uint64_t *bits, enum kind k, const char *id)
{
	const struct entity *e = inv_find(v->ev->c->inv, k, id);

	if (e && e->pub)
		sbit_set(bits, e->row);
}

static void add_data_center(struct visible *v, const char *id)
{
	INV_EACH_BY (e, v->ev->c->inv, KIND_CLUSTER, IDX_CLUSTER_data_center, id)
		sbit_set(v->clusters, e->row);
}

static void add_grants(struct visible *v, const struct perm_grant *g)
{
	for (; g; g = g->next)
		if (g->kind == v->kind)
			add_row(v, v->rows, v->kind, g->object_id);
		else if (g->kind == KIND_CLUSTER && g->shows_children)
			add_row(v, v->clusters, KIND_CLUSTER, g->object_id);
		else if (g->kind == KIND_DATA_CENTER && g->shows_children)
			add_data_center(v, g->object_id);
}

static void add_holder(struct visible *v, const struct perm_holder *h)
{
	GHashTableIter it;
	gpointer grant;

	if (!h)
		return;
	for (const struct perm_grant *g = h->on_system; g; g = g->next)
		v->is_all = v->is_all || g->shows_children;
	g_hash_table_iter_init(&it, h->by_object);
	while (!v->is_all && g_hash_table_iter_next(&it, NULL, &grant))
		add_grants(v, grant);
}

/* False: not ready. */
static bool find_visible(struct visible *v, const struct identity *who)
{
	struct sbits_eval *ev = v->ev;
	struct sstep to_cluster = { S_HOP, .offset = (uint32_t)cluster_offset(v->kind), .kind = KIND_CLUSTER };
	const struct m_user *u = INV_GET(ev->c->inv, USER, user, who->user_id);
	const struct scol *col = sindex_refs(&ev->work, v->kind, &to_cluster, 1);

	if (!col)
		return false;
	v->rows = POOL_ARRAY(ev->p, uint64_t, sbits_words(ev, v->kind));
	v->clusters = POOL_ARRAY(ev->p, uint64_t, sbits_words(ev, KIND_CLUSTER));
	add_holder(v, perm_holder(ev->c, who->user_id, false));
	for (uint32_t i = 0; u && i < u->groups.n; i++)
		if (u->groups.v[i].id)
			add_holder(v, perm_holder(ev->c, u->groups.v[i].id, true));
	add_holder(v, perm_holder(ev->c, PERM_EVERYONE, true));
	for (uint32_t i = 0, n = inv_rows(ev->c->inv, v->kind)->n; !v->is_all && i < n; i++)
		if (col->words[i] < SREF_LIST && sbit(v->clusters, col->words[i]))
			sbit_set(v->rows, i);
	return true;
}

/* ---- kept sets ---- */

enum { MAX_SETS = 64 };

struct svisible {
	char user_id[UUID_LEN + 1];
	enum kind kind;
	uint64_t *rows; /* NULL: all */
	uint32_t words;
	GArray *stale; /* rows to be decided again */
};

static void set_free(void *arg)
{
	struct svisible *set = arg;

	g_free(set->rows);
	g_array_free(set->stale, TRUE);
	g_free(set);
}

void svisible_drop(struct sindex *x)
{
	if (x->visible)
		g_ptr_array_free(x->visible, TRUE);
	x->visible = NULL;
}

static void make_stale(struct sindex *x, enum kind k, const char *id)
{
	const struct entity *e = inv_find(x->inv, k, id);

	for (guint i = 0; e && e->pub && i < x->visible->len; i++) {
		struct svisible *set = x->visible->pdata[i];
		if (set->kind == k && set->rows)
			g_array_append_val(set->stale, e->row);
	}
}

/* False: more than one object is concerned. */
static bool permission_changed(struct sindex *x, const struct m_permission *p)
{
	const struct perm_target *on;
	const char *id;

	if (!p)
		return true;
	on = perm_target_of(p, &id);
	if (!on || on->kind == KIND_CLUSTER || on->kind == KIND_DATA_CENTER)
		return false;
	make_stale(x, on->kind, id);
	return true;
}

static const char *cluster_of(enum kind k, const void *obj)
{
	return obj ? ((const struct m_ref *)((const char *)obj + cluster_offset(k)))->id : NULL;
}

void svisible_published(struct sindex *x, const struct entity *e, const void *old, const void *version)
{
	bool is_fine = true;

	if (!x->visible)
		return;
	switch (e->kind) {
	case KIND_PERMISSION: is_fine = permission_changed(x, old) && permission_changed(x, version); break;
	case KIND_USER: is_fine = !old || (version && perm_same_groups(old, version)); break;
	case KIND_CLUSTER:
		is_fine = old && version &&
		          g_strcmp0(((const struct m_cluster *)old)->data_center.id,
		                    ((const struct m_cluster *)version)->data_center.id) == 0;
		break;
	case KIND_ROLE:
	case KIND_GROUP: is_fine = !old; break;
	default:
		if (cluster_offset(e->kind) && version &&
		    (!old || g_strcmp0(cluster_of(e->kind, old), cluster_of(e->kind, version)) != 0))
			make_stale(x, e->kind, e->id);
	}
	if (!is_fine)
		svisible_drop(x);
}

static struct svisible *find_set(struct sindex *x, const char *user_id, enum kind k)
{
	for (guint i = 0; x->visible && i < x->visible->len; i++) {
		struct svisible *set = x->visible->pdata[i];
		if (set->kind == k && strcmp(set->user_id, user_id) == 0)
			return set;
	}
	return NULL;
}

static struct svisible *make_set(struct sbits_eval *ev, const struct identity *who, enum kind k)
{
	struct sindex *x = ev->work.x;
	struct visible v = { .ev = ev, .kind = k };
	struct svisible *set;

	if (!find_visible(&v, who))
		return NULL;
	if (!x->visible)
		x->visible = g_ptr_array_new_with_free_func(set_free);
	if (x->visible->len == MAX_SETS)
		g_ptr_array_remove_index(x->visible, 0);
	set = g_new0(struct svisible, 1);
	g_strlcpy(set->user_id, who->user_id, sizeof(set->user_id));
	set->kind = k;
	set->words = (uint32_t)sbits_words(ev, k);
	set->rows = v.is_all ? NULL : g_memdup2(v.rows, set->words * sizeof(uint64_t));
	set->stale = g_array_new(FALSE, FALSE, sizeof(uint32_t));
	g_ptr_array_add(x->visible, set);
	return set;
}

static void decide_again(struct sbits_eval *ev, const struct identity *who, struct svisible *set)
{
	const struct inv_rows *rows = inv_rows(ev->c->inv, set->kind);
	uint32_t words = (uint32_t)sbits_words(ev, set->kind);

	if (words > set->words) {
		set->rows = g_renew(uint64_t, set->rows, words);
		memset(set->rows + set->words, 0, (words - set->words) * sizeof(uint64_t));
		set->words = words;
	}
	for (guint i = 0; i < set->stale->len; i++) {
		uint32_t row = g_array_index(set->stale, uint32_t, i);
		const struct entity *e = rows->at[row];

		set->rows[row / 64] &= ~(UINT64_C(1) << (row % 64));
		if (e && perm_can_see(ev->c, who, set->kind, e->id))
			sbit_set(set->rows, row);
	}
	g_array_set_size(set->stale, 0);
}

const uint64_t *sbits_visible(struct sbits_eval *ev, const struct identity *who, enum kind k)
{
	struct svisible *set;

	if (!cluster_offset(k))
		return NULL;
	set = find_set(ev->work.x, who->user_id, k);
	if (set && set->rows && set->stale->len > sbits_words(ev, k)) { /* much has changed */
		g_ptr_array_remove(ev->work.x->visible, set);
		set = NULL;
	}
	if (!set)
		set = make_set(ev, who, k);
	if (!set)
		return NULL;
	if (!set->rows)
		return ev->work.x->tables[k].live;
	decide_again(ev, who, set);
	return set->rows;
}
