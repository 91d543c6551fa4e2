/* SPDX-License-Identifier: Apache-2.0 */
#include "manager/api/generic.h"

#include <string.h>

#include "manager/api/search.h"
#include "manager/core/jobs.h"
#include "manager/core/locks.h"

enum { CHUNK = 256 };

/* ---- lists ---- */

struct order {
	const struct search *search;
	enum kind kind;
	GPtrArray *versions;
};

static int compare(const void *a, const void *b, void *arg)
{
	const struct order *o = arg;
	return search_compare(o->search, o->kind, *(void *const *)a, *(void *const *)b);
}

static void sort_work(void *arg)
{
	struct order *o = arg;
	g_qsort_with_data(o->versions->pdata, (int)o->versions->len, sizeof(void *), compare, o);
}

/* Long lists are put in order on a worker: versions do not change, and the call holds on to them. */
static int sort_versions(struct call *c, struct order *o, struct err *e)
{
	if (o->versions->len > 1000 && c->core->tasks && fiber_self())
		return task_run(c->core->tasks, sort_work, o, e);
	sort_work(o);
	return 0;
}

static void breathe(size_t i)
{
	if (i % CHUNK == CHUNK - 1 && fiber_self())
		fiber_yield();
}

/* Keep those that the caller may see and that match; no more than limit are looked for. */
static void select_versions(struct call *c, enum kind k, const struct search *s, GPtrArray *versions, size_t limit)
{
	bool filtered = call_is_filtered(c);
	guint kept = 0;

	if (!s && !filtered)
		return;
	for (guint i = 0; i < versions->len && kept < limit; i++) {
		const void *v = versions->pdata[i];

		breathe(i);
		if (filtered && !perm_can_see(c->core, &c->who, k, m_entity(M_KINDS[k].type, v)->id))
			continue;
		if (s && !search_matches(c->core, s, v))
			continue;
		versions->pdata[kept++] = (void *)v;
	}
	g_ptr_array_set_size(versions, (int)kept);
}

/* The page asked for, of n results: from first up to before last. */
struct window {
	size_t first, last;
};

static struct window window_of(const struct call *c, const struct search *s, size_t n)
{
	size_t size, page = s && search_page(s) ? (size_t)search_page(s) - 1 : 0;
	struct window w = { 0, n };

	if (c->query.max < 0) {
		w.first = page > 0 ? n : 0;
		return w;
	}
	size = (size_t)c->query.max;
	w.first = size && page > n / size ? n : MIN(page * size, n);
	w.last = size > n - w.first ? n : w.first + size;
	return w;
}

static int reply_versions(struct call *c, enum kind k, GPtrArray *versions, struct search *s, bool in_order,
                          struct err *e)
{
	struct window w;
	void **views;

	for (guint i = 0; i < versions->len; i++)
		call_retain(c, versions->pdata[i]);
	select_versions(c, k, s, versions, in_order ? window_of(c, s, G_MAXUINT).last : G_MAXUINT);
	if (!in_order && sort_versions(c, &(struct order){ s, k, versions }, e) < 0)
		return -1;
	w = window_of(c, s, versions->len);
	views = POOL_ARRAY(c->pool, void *, w.last - w.first + 1);
	for (size_t i = w.first; i < w.last; i++) {
		breathe(i);
		views[i - w.first] = call_view(c, k, versions->pdata[i]);
	}
	return call_reply_list(c, M_KINDS[k].type, views, w.last - w.first);
}

static int read_search(struct call *c, enum kind k, struct search **s, struct err *e)
{
	*s = NULL;
	if (!c->query.search || !*c->query.search)
		return 0;
	*s = search_parse(c->pool, k, c->query.search, c->query.case_sensitive, e);
	return *s ? 0 : -1;
}

int generic_reply_versions(struct call *c, enum kind k, GPtrArray *versions, struct err *e)
{
	struct search *s;

	return read_search(c, k, &s, e) < 0 ? -1 : reply_versions(c, k, versions, s, false, e);
}

static int check_parent(struct call *c, int i, struct err *e)
{
	const struct api_op *op = c->impl;

	return op->has_parent && !call_visible(c, i, op->parent, e) ? -1 : 0;
}

int generic_list(struct call *c, struct err *e)
{
	const struct api_op *op = c->impl;
	GPtrArray *versions;
	int rc;

	if (check_parent(c, c->n_ids - 1, e) < 0)
		return -1;
	versions = g_ptr_array_new();
	if (op->has_parent) {
		INV_EACH_BY (en, c->core->inv, op->kind, op->by, c->ids[c->n_ids - 1])
			g_ptr_array_add(versions, (void *)en->pub);
	} else {
		INV_EACH (en, c->core->inv, op->kind)
			g_ptr_array_add(versions, (void *)en->pub);
	}
	rc = generic_reply_versions(c, op->kind, versions, e);
	g_ptr_array_free(versions, TRUE);
	return rc;
}

int generic_list_empty(struct call *c, struct err *e) { return call_reply_list(c, c->op->result->type, NULL, 0); }

/* ---- one ---- */

static const char *parent_of(const struct api_op *op, const void *obj)
{
	const struct m_field *f = M_KINDS[op->kind].index_fields[op->by];
	return ((const struct m_ref *)((const char *)obj + f->offset))->id;
}

const void *generic_target(struct call *c, struct err *e)
{
	const struct api_op *op = c->impl;
	const void *obj;

	if (check_parent(c, c->n_ids - 2, e) < 0)
		return NULL;
	obj = call_entity(c, c->n_ids - 1, op->kind, e);
	if (obj && op->has_parent && g_strcmp0(parent_of(op, obj), c->ids[c->n_ids - 2]) != 0) {
		err_set(e, ERR_NO_ENTITY, "It belongs to another parent.");
		return NULL;
	}
	return obj && call_visible(c, c->n_ids - 1, op->kind, e) ? obj : NULL;
}

int generic_get(struct call *c, struct err *e)
{
	const void *obj = generic_target(c, e);

	return obj ? call_reply_entity(c, M_KINDS[c->impl->kind].type, call_view(c, c->impl->kind, obj)) : -1;
}

void *generic_merge(struct call *c, struct txn *t, enum kind k, const char *id, struct err *e)
{
	const struct m_type *type = M_KINDS[k].type;
	const char *body_id = c->body ? m_entity(type, c->body)->id : NULL;
	void *draft;

	if (lock_check(c->core, id, NULL, e) < 0)
		return NULL;
	if (body_id && g_ascii_strcasecmp(body_id, id) != 0) {
		err_field(e, ERR_IMMUTABLE, "id", "Attempt to set immutable field: id");
		return NULL;
	}
	draft = txn_edit(t, k, id);
	if (!draft) {
		err_set(e, ERR_NO_ENTITY, "There is no %s %s.", type->name, id);
		return NULL;
	}
	if (c->body && m_merge(txn_pool(t), type, draft, c->body, M_MERGE_API, e) < 0)
		return NULL;
	return m_validate(type, draft, e) < 0 ? NULL : draft;
}

int generic_update(struct call *c, struct err *e)
{
	const void *target = generic_target(c, e);
	char job[UUID_LEN + 1];
	struct txn *t;
	char *id;

	if (!target)
		return -1;
	id = pool_strdup(c->pool, c->ids[c->n_ids - 1]);
	t = txn_begin(c->core);
	if (!generic_merge(c, t, c->impl->kind, id, e)) {
		txn_cancel(t);
		return -1;
	}
	job_record(t, c->correlation_id, c->who.user_id, job, "Updating %s %s", M_KINDS[c->impl->kind].type->name,
	           STR_OR(m_entity(M_KINDS[c->impl->kind].type, target)->name, id));
	if (txn_commit(t, e) < 0)
		return -1;
	return call_reply_kind(c, c->impl->kind, id);
}

int generic_remove(struct call *c, struct err *e)
{
	const void *target = generic_target(c, e);
	char job[UUID_LEN + 1];
	struct txn *t;

	if (!target || lock_check(c->core, c->ids[c->n_ids - 1], NULL, e) < 0)
		return -1;
	t = txn_begin(c->core);
	txn_remove(t, c->impl->kind, c->ids[c->n_ids - 1]);
	job_record(t, c->correlation_id, c->who.user_id, job, "Removing %s %s", M_KINDS[c->impl->kind].type->name,
	           STR_OR(m_entity(M_KINDS[c->impl->kind].type, target)->name, c->ids[c->n_ids - 1]));
	if (txn_commit(t, e) < 0)
		return -1;
	return call_reply_action(c, job);
}

void *generic_create(struct call *c, struct txn *t, enum kind k, bool take_id, struct err *e)
{
	const struct m_type *type = M_KINDS[k].type;
	const char *id = take_id && c->body ? m_entity(type, c->body)->id : NULL;
	void *draft;

	if (id) {
		if (!uuid_is_valid(id)) {
			err_field(e, ERR_INVALID, "id", "'%.80s' is no valid UUID.", id);
			return NULL;
		}
		id = pool_strdup(txn_pool(t), id);
		for (char *s = (char *)id; *s; s++)
			*s = g_ascii_tolower(*s);
		if (inv_find(c->core->inv, k, id)) {
			err_field(e, ERR_CONFLICT, "id", "The id %s is already in use.", id);
			return NULL;
		}
	}
	draft = txn_new(t, k, id);
	if (c->body) {
		/* everything that a client may say at creation; what only we may say stays absent */
		if (m_merge(txn_pool(t), type, draft, c->body, M_MERGE_API | M_MERGE_CREATE, e) < 0)
			return NULL;
	}
	return m_validate(type, draft, e) < 0 ? NULL : draft;
}

int generic_add(struct call *c, struct err *e)
{
	const struct api_op *op = c->impl;
	const struct m_type *type = M_KINDS[op->kind].type;
	char job[UUID_LEN + 1];
	struct txn *t;
	void *draft;
	char *id;

	if (check_parent(c, c->n_ids - 1, e) < 0)
		return -1;
	t = txn_begin(c->core);
	draft = generic_create(c, t, op->kind, false, e);
	if (!draft) {
		txn_cancel(t);
		return -1;
	}
	if (op->has_parent) {
		const struct m_field *f = M_KINDS[op->kind].index_fields[op->by];
		((struct m_ref *)((char *)draft + f->offset))->id = pool_strdup(txn_pool(t), c->ids[c->n_ids - 1]);
	}
	id = pool_strdup(c->pool, m_entity(type, draft)->id);
	job_record(t, c->correlation_id, c->who.user_id, job, "Adding %s %s", type->name,
	           STR_OR(m_entity(type, draft)->name, id));
	if (txn_commit(t, e) < 0)
		return -1;
	return call_reply_kind(c, op->kind, id);
}
