/* SPDX-License-Identifier: Apache-2.0 */
#include "manager/core/perm_index.h"

#include <string.h>

#include "manager/core/perm.h"
#include "manager/core/tables.h"

enum { MAX_GRANTS = 1000000 }; /* then all is forgotten, and made again for those who ask */

struct perm_index {
	GHashTable *holders; /* "u<id>" or "g<id>" -> struct perm_holder */
	unsigned n_grants;
};

static void grant_free(void *p)
{
	for (struct perm_grant *g = p, *next; g; g = next) {
		next = (struct perm_grant *)g->next;
		m_frozen_release(g->permission);
		g_free(g);
	}
}

static void holder_free(void *p)
{
	struct perm_holder *h = p;

	g_hash_table_destroy(h->by_object);
	grant_free((void *)h->on_system);
	g_free(h);
}

static struct perm_index *index_of(struct core *c)
{
	if (!c->perm_index) {
		c->perm_index = g_new0(struct perm_index, 1);
		c->perm_index->holders = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, holder_free);
	}
	return c->perm_index;
}

void perm_index_free(struct perm_index *x)
{
	if (!x)
		return;
	g_hash_table_destroy(x->holders);
	g_free(x);
}

static void role_facts(struct core *c, const char *role_id, bool *shows_children, bool *is_admin)
{
	const struct role_type *pre = role_id ? perm_role_type(role_id) : NULL;
	const struct m_role *role = INV_GET(c->inv, ROLE, role, role_id);

	*is_admin = pre ? pre->is_admin : role && M_GET(role, administrative, false);
	*shows_children = role_id && (!pre || pre->view_children || pre->is_admin);
}

static void grant_add(struct core *c, struct perm_holder *h, const struct m_permission *p)
{
	struct perm_grant *g = g_new0(struct perm_grant, 1), *first;
	const struct perm_target *t = perm_target_of(p, &g->object_id);
	bool is_admin;

	g->permission = m_frozen_retain(p);
	role_facts(c, p->role.id, &g->shows_children, &is_admin);
	h->is_admin |= is_admin;
	if (M_GET(p, is_system, false)) {
		g->next = h->on_system;
		h->on_system = g;
	} else if (t) {
		g->kind = t->kind;
		first = g_hash_table_lookup(h->by_object, g->object_id);
		if (first) {
			g->next = first->next;
			first->next = g;
		} else {
			g_hash_table_insert(h->by_object, (char *)g->object_id, g);
		}
	} else {
		grant_free(g);
	}
}

const struct perm_holder *perm_holder(struct core *c, const char *principal_id, bool is_group)
{
	struct perm_index *x = index_of(c);
	int idx = is_group ? IDX_PERMISSION_group : IDX_PERMISSION_user;
	struct perm_holder *h;
	char key[1 + UUID_LEN + 1];

	key[0] = is_group ? 'g' : 'u';
	g_strlcpy(key + 1, principal_id, sizeof(key) - 1);
	h = g_hash_table_lookup(x->holders, key);
	if (h)
		return h;
	if (x->n_grants > MAX_GRANTS) { /* nobody holds on to one while he asks for another */
		g_hash_table_remove_all(x->holders);
		x->n_grants = 0;
	}
	h = g_new0(struct perm_holder, 1);
	h->by_object = g_hash_table_new_full(g_str_hash, g_str_equal, NULL, grant_free);
	INV_EACH_BY (e, c->inv, KIND_PERMISSION, idx, principal_id) {
		grant_add(c, h, e->pub);
		x->n_grants++;
	}
	g_hash_table_insert(x->holders, g_strdup(key), h);
	return h;
}

static void forget(struct perm_index *x, char letter, const char *id)
{
	char key[1 + UUID_LEN + 1];

	if (!id)
		return;
	key[0] = letter;
	g_strlcpy(key + 1, id, sizeof(key) - 1);
	g_hash_table_remove(x->holders, key);
}

void perm_index_forget(struct core *c, enum kind k, const void *old, const void *new)
{
	const void *const versions[] = { old, new };
	struct perm_index *x = c->perm_index;

	if (!x)
		return;
	if (k == KIND_ROLE)
		g_hash_table_remove_all(x->holders);
	for (int i = 0; k == KIND_PERMISSION && i < 2; i++) {
		const struct m_permission *p = versions[i];

		if (p) {
			forget(x, 'u', p->user.id);
			forget(x, 'g', p->group.id);
		}
	}
}
