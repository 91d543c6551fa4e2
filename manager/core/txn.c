/* SPDX-License-Identifier: Apache-2.0 */
#include "manager/core/txn.h"

#include <string.h>

#include "base/log.h"
#include "manager/core/perm.h"
#include "manager/core/perm_index.h"

struct item {
	enum kind kind;
	const char *id;
	struct entity *entity;
	const void *base;   /* what the draft was made from; NULL: new */
	void *draft;        /* NULL: removed */
	const void *frozen; /* after commit */
};

struct txn {
	struct core *core;
	struct pool *pool;
	GArray *items;
	/* while the journal has it */
	struct waiter *waiter;
	struct err *error;
	bool failed;
};

struct txn *txn_begin(struct core *c)
{
	struct pool *p = pool_new();
	struct txn *t = POOL_NEW(p, struct txn);

	t->core = c;
	t->pool = p;
	t->items = g_array_new(FALSE, TRUE, sizeof(struct item));
	return t;
}

struct pool *txn_pool(struct txn *t) { return t->pool; }

struct core *txn_core(struct txn *t) { return t->core; }

bool txn_is_empty(const struct txn *t) { return t->items->len == 0; }

void txn_cancel(struct txn *t)
{
	if (!t)
		return;
	g_array_free(t->items, TRUE);
	pool_free(t->pool);
}

static struct item *find_item(struct txn *t, enum kind k, const char *id)
{
	for (guint i = 0; i < t->items->len; i++) {
		struct item *it = &g_array_index(t->items, struct item, i);
		if (it->kind == k && strcmp(it->id, id) == 0)
			return it;
	}
	return NULL;
}

static struct item *add_item(struct txn *t, enum kind k, const char *id, const void *base, void *draft)
{
	struct item it = { .kind = k, .id = pool_strdup(t->pool, id), .base = base, .draft = draft };

	g_array_append_val(t->items, it);
	return &g_array_index(t->items, struct item, t->items->len - 1);
}

const void *txn_get(struct txn *t, enum kind k, const char *id)
{
	struct item *it = id ? find_item(t, k, id) : NULL;
	return it ? it->draft : inv_latest(t->core->inv, k, id);
}

void *txn_edit(struct txn *t, enum kind k, const char *id)
{
	struct item *it = id ? find_item(t, k, id) : NULL;
	const void *base;

	if (it)
		return it->draft;
	base = inv_latest(t->core->inv, k, id);
	if (!base)
		return NULL;
	return add_item(t, k, id, base, m_copy(t->pool, M_KINDS[k].type, base))->draft;
}

void *txn_new(struct txn *t, enum kind k, const char *id)
{
	const struct m_type *type = M_KINDS[k].type;
	void *draft = m_new(t->pool, type);

	struct item *it = id ? find_item(t, k, id) : NULL;

	if (!id)
		id = core_uuid(t->core, t->pool);
	m_entity(type, draft)->id = pool_strdup(t->pool, id);
	if (it && !it->draft)
		it->draft =
		    draft; /* removed before in this transaction: one new version takes the place of the old one */
	else
		add_item(t, k, id, NULL, draft);
	return draft;
}

static void remove_item(struct txn *t, enum kind k, const char *id)
{
	struct item *it = find_item(t, k, id);
	const void *base = inv_latest(t->core->inv, k, id);

	if (it)
		it->draft = NULL;
	else if (base)
		add_item(t, k, id, base, NULL);
}

/* Permissions on what is removed, and its tags, are nothing without it. */
static void remove_attached(struct txn *t, enum kind k, const char *id)
{
	static const struct {
		enum kind kind;
		int idx;
	} TAGS[] = { { KIND_VM, IDX_TAG_ASSIGNMENT_vm },
		     { KIND_HOST, IDX_TAG_ASSIGNMENT_host },
		     { KIND_TEMPLATE, IDX_TAG_ASSIGNMENT_template },
		     { KIND_USER, IDX_TAG_ASSIGNMENT_user },
		     { KIND_GROUP, IDX_TAG_ASSIGNMENT_group } };

	for (const struct perm_target *pt = PERM_TARGETS; pt->collection; pt++)
		if (pt->kind == k)
			INV_EACH_BY (e, t->core->inv, KIND_PERMISSION, pt->idx, id)
				remove_item(t, KIND_PERMISSION, e->id);
	for (size_t i = 0; i < G_N_ELEMENTS(TAGS); i++)
		if (TAGS[i].kind == k)
			INV_EACH_BY (e, t->core->inv, KIND_TAG_ASSIGNMENT, TAGS[i].idx, id)
				remove_item(t, KIND_TAG_ASSIGNMENT, e->id);
}

void txn_remove(struct txn *t, enum kind k, const char *id)
{
	remove_attached(t, k, id);
	remove_item(t, k, id);
}

/* ---- commit ---- */

static const char *scope_of(enum kind k, const void *obj)
{
	const char *member = M_KINDS[k].unique_within;
	const struct m_field *f = member ? m_field_find(M_KINDS[k].type, member) : NULL;

	return f ? ((const struct m_ref *)((const char *)obj + f->offset))->id : NULL;
}

/* Does another draft of the same transaction bear the name? */
static bool is_twice(struct txn *t, const struct item *it, const char *scope, const char *name)
{
	for (guint i = 0; i < t->items->len; i++) {
		const struct item *o = &g_array_index(t->items, struct item, i);

		if (o != it && o->kind == it->kind && o->draft && strcmp(o->id, it->id) != 0 &&
		    g_strcmp0(m_entity(M_KINDS[o->kind].type, o->draft)->name, name) == 0 &&
		    g_strcmp0(scope_of(o->kind, o->draft), scope) == 0)
			return true;
	}
	return false;
}

static int check_name(struct txn *t, const struct item *it, struct err *e)
{
	const struct m_kind_info *ki = &M_KINDS[it->kind];
	const char *name, *scope;

	if (!ki->unique_name || !it->draft)
		return 0;
	name = m_entity(ki->type, it->draft)->name;
	scope = scope_of(it->kind, it->draft);
	if (!name || (ki->unique_within && !scope))
		return 0;
	if (it->base && g_strcmp0(m_entity(ki->type, it->base)->name, name) == 0 &&
	    g_strcmp0(scope_of(it->kind, it->base), scope) == 0)
		return 0;
	if (inv_name_taken(t->core->inv, it->kind, scope, name, it->id) || is_twice(t, it, scope, name)) {
		g_autofree char *field = g_strconcat(ki->type->name, ".name", NULL);
		return err_field(e, ERR_CONFLICT, field, "The %s name '%s' is already in use.", ki->type->name, name);
	}
	return 0;
}

static int check_item(struct txn *t, const struct item *it, struct err *e)
{
	const void *now = inv_latest(t->core->inv, it->kind, it->id);

	if (now != it->base) {
		if (!it->base)
			return err_field(e, ERR_CONFLICT, "id", "The id %s is already in use.", it->id);
		return err_set(e, ERR_CONFLICT, "The %s %s was changed by somebody else meanwhile. Please try again.",
		               M_KINDS[it->kind].type->name, it->id);
	}
	return check_name(t, it, e);
}

static void publish_all(struct txn *t)
{
	struct core *c = t->core;

	for (guint i = 0; i < t->items->len; i++) {
		struct item *it = &g_array_index(t->items, struct item, i);
		const struct kind_ops *ops = c->kind_ops[it->kind];
		const void *old = it->entity->pub ? m_frozen_retain(it->entity->pub) : NULL;
		const void *frozen = it->frozen ? m_frozen_retain(it->frozen) : NULL;

		inv_publish(c->inv, it->entity, it->frozen);
		it->entity = NULL;
		perm_index_forget(c, it->kind, old, frozen);
		if (ops && ops->published && (old || frozen))
			ops->published(c, it->id, old, frozen);
		m_frozen_release(old);
		m_frozen_release(frozen);
	}
	waitq_wake_all(&c->changed);
}

static void unstage_all(struct txn *t)
{
	for (guint i = 0; i < t->items->len; i++) {
		struct item *it = &g_array_index(t->items, struct item, i);
		inv_unstage(t->core->inv, it->entity, it->frozen);
		m_frozen_release(it->frozen);
	}
}

static void committed(void *arg, const struct err *e)
{
	struct txn *t = arg;

	core_journal_answered(t->core, e);
	if (e) {
		t->failed = true;
		unstage_all(t);
	} else {
		publish_all(t);
	}
	if (t->waiter) {
		if (e)
			*t->error = *e;
		waiter_wake(t->waiter);
		return;
	}
	if (e)
		log_error("reported state could not be written to the journal", "REASON", e->detail);
	txn_cancel(t);
}

/* ---- guards ---- */

void txn_guard_begin(struct core *c, struct txn_guard *g)
{
	g->fiber = fiber_self();
	g->next = c->guards;
	c->guards = g;
}

void txn_guard_end(struct core *c, struct txn_guard *g)
{
	struct txn_guard **at = &c->guards;

	while (*at && *at != g)
		at = &(*at)->next;
	if (*at)
		*at = g->next;
}

static int check_guards(struct txn *t, struct err *e)
{
	for (struct txn_guard *g = fiber_self() ? t->core->guards : NULL, *next; g; g = next) {
		next = g->next;
		if (g->fiber != fiber_self())
			continue;
		if (g->check(t->core, g->arg, e) < 0)
			return -1;
		for (guint i = 0; i < t->items->len; i++) {
			const struct item *it = &g_array_index(t->items, struct item, i);

			if (g->covers(g->arg, it->kind, it->id)) { /* from now on it is his own change */
				txn_guard_end(t->core, g);
				break;
			}
		}
	}
	return 0;
}

static int stage_all(struct txn *t, struct err *e)
{
	struct core *c = t->core;
	guint n = t->items->len;
	struct journal_row *rows = POOL_ARRAY(t->pool, struct journal_row, n);

	for (guint i = 0; i < n; i++)
		if (check_item(t, &g_array_index(t->items, struct item, i), e) < 0)
			return -1;
	if (check_guards(t, e) < 0)
		return -1;
	for (guint i = 0; c->removing && i < n; i++) {
		const struct item *it = &g_array_index(t->items, struct item, i);

		if (!it->draft)
			c->removing(c, it->kind, it->id);
	}
	for (guint i = 0; i < n; i++) {
		struct item *it = &g_array_index(t->items, struct item, i);

		it->entity = inv_make(c->inv, it->kind, it->id);
		it->frozen = it->draft ? m_freeze(M_KINDS[it->kind].type, it->draft) : NULL;
		inv_stage(c->inv, it->entity, it->frozen);
		rows[i] = (struct journal_row){ it->kind, it->id, it->frozen };
	}
	c->journal->ops->commit(c->journal, rows, (int)n, committed, t);
	return 0;
}

int txn_commit(struct txn *t, struct err *e)
{
	struct waiter w = { 0 };
	bool failed;

	if (txn_is_empty(t)) {
		txn_cancel(t);
		return 0;
	}
	t->waiter = &w;
	t->error = e;
	if (stage_all(t, e) < 0) {
		txn_cancel(t);
		return -1;
	}
	waiter_wait(&w, -1);
	failed = t->failed;
	txn_cancel(t);
	return failed ? -1 : 0;
}

void txn_commit_async(struct txn *t)
{
	struct err e = ERR_INIT;

	if (txn_is_empty(t)) {
		txn_cancel(t);
	} else if (stage_all(t, &e) < 0) {
		log_error("reported state could not be recorded", "REASON", e.detail);
		txn_cancel(t);
	}
}
