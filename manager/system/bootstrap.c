/* SPDX-License-Identifier: Apache-2.0 */
#include "manager/system/bootstrap.h"

#include <string.h>

#include "manager/core/tables.h"
#include "manager/core/txn.h"

struct draw {
	struct core *core;
	GHashTable *drawn; /* "$dc" -> what was drawn for it */
};

static const char *drawn(struct draw *d, const char *key)
{
	char *v = g_hash_table_lookup(d->drawn, key);
	uuid_text u;

	if (v)
		return v;
	if (strncmp(key, "$mac", 4) == 0) {
		v = g_strdup_printf("%02x", (unsigned)chance_below(d->core->chance, 256));
	} else {
		uuid_make(d->core->chance, u);
		v = g_strdup(u);
	}
	g_hash_table_insert(d->drawn, g_strdup(key), v);
	return v;
}

/* Text with each "$word" in it replaced by what is drawn for it. */
static char *fill_in(struct draw *d, const char *text)
{
	GString *out = g_string_new(NULL);

	while (*text) {
		size_t n = strcspn(text, "$");
		g_string_append_len(out, text, (gssize)n);
		text += n;
		if (*text == '$') {
			g_autofree char *key = NULL;
			for (n = 1; g_ascii_isalnum(text[n]); n++)
				;
			key = g_strndup(text, n);
			g_string_append(out, drawn(d, key));
			text += n;
		}
	}
	return g_string_free(out, FALSE);
}

static int add_row(struct draw *d, struct txn *t, const struct initial_row *row, struct err *e)
{
	const struct m_type *type = M_KINDS[row->kind].type;
	g_autofree char *id = fill_in(d, row->id), *text = fill_in(d, row->object);
	void *obj, *draft;

	if (m_from_journal(txn_pool(t), type, text, strlen(text), &obj, e) < 0)
		return err_wrap(e, "initial %s %s", M_KINDS[row->kind].name, id);
	draft = txn_new(t, row->kind, id);
	return m_merge(txn_pool(t), type, draft, obj, 0, e);
}

static void add_roles(struct txn *t)
{
	for (const struct role_type *r = ROLES; r->id; r++) {
		struct m_role *role = txn_new(t, KIND_ROLE, r->id);
		role->name = pool_strdup(txn_pool(t), r->name);
		role->description = pool_strdup(txn_pool(t), r->name);
		M_SET(role, administrative, r->is_admin);
		M_SET(role, mutable, false);
	}
}

static struct m_user *find_admin(struct txn *t)
{
	INV_EACH (en, txn_core(t)->inv, KIND_USER)
		if (g_strcmp0(ENTITY_OBJ(en, user)->user_name, "admin@internal-authz") == 0)
			return txn_edit(t, KIND_USER, en->id);
	return NULL;
}

int bootstrap_set_password(struct core *c, const char *password_hash, struct err *e)
{
	struct txn *t = txn_begin(c);
	struct m_user *u = find_admin(t);

	if (!u || g_strcmp0(u->password_hash, password_hash) == 0) {
		txn_cancel(t);
		return 0;
	}
	u->password_hash = pool_strdup(txn_pool(t), password_hash);
	u->has.failed_logins = u->has.locked_until = 0;
	return txn_commit(t, e);
}

int bootstrap(struct core *c, const char *password_hash, struct err *e)
{
	struct draw d = { c, NULL };
	struct txn *t;
	int rc = 0;

	if (inv_count(c->inv, KIND_USER) > 0)
		return 0;
	t = txn_begin(c);
	d.drawn = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
	for (const struct initial_row *row = INITIAL_ROWS; rc == 0 && row->id; row++)
		rc = add_row(&d, t, row, e);
	g_hash_table_destroy(d.drawn);
	if (rc < 0) {
		txn_cancel(t);
		return -1;
	}
	add_roles(t);
	if (txn_commit(t, e) < 0)
		return -1;
	return bootstrap_set_password(c, password_hash, e);
}

void *initial_defaults(struct pool *p, enum kind k)
{
	const struct m_type *t = M_KINDS[k].type;
	const struct initial_row *row = INITIAL_ROWS;
	struct err e;
	void *obj;

	while (row->id && row->kind != k)
		row++;
	if (!row->id || m_from_journal(p, t, row->object, strlen(row->object), &obj, &e) < 0)
		return m_new(p, t);
	for (int i = 0; i < t->n_fields; i++)
		if (t->fields[i].kind == M_REF)
			m_clear(t, obj, &t->fields[i]);
	m_entity(t, obj)->name = m_entity(t, obj)->description = NULL;
	return obj;
}
