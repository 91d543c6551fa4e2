/* SPDX-License-Identifier: Apache-2.0 */
#include "manager/api/generic.h"

#include <string.h>

#include "manager/api/search.h"
#include "manager/core/jobs.h"
#include "manager/core/locks.h"

enum { CHUNK = 256 };

/* ---- lists ---- */

static void breathe(size_t i)
{
	if (i % CHUNK == CHUNK - 1 && fiber_self())
		fiber_yield();
}

/* The page asked for. */
static void set_page(const struct call *c, struct search_ask *ask)
{
	size_t page = ask->search && search_page(ask->search) ? (size_t)search_page(ask->search) - 1 : 0;

	ask->max = c->query.max < 0 ? SIZE_MAX : (size_t)c->query.max;
	if (page == 0)
		return;
	ask->first =
	    ask->max == SIZE_MAX || (ask->max && page > SIZE_MAX / 2 / ask->max) ? SIZE_MAX / 2 : page * ask->max;
}

static int read_search(struct call *c, enum kind k, struct search **s, struct err *e)
{
	*s = NULL;
	if (!c->query.search || !*c->query.search)
		return 0;
	*s = search_parse(c->pool, k, c->query.search, c->query.case_sensitive, e);
	return *s ? 0 : -1;
}

/* among NULL: all of the kind. */
static int reply_found(struct call *c, enum kind k, GPtrArray *among, struct err *e)
{
	struct search_ask ask = { .kind = k, .among = among, .viewer = call_is_filtered(c) ? &c->who : NULL };
	void **views;
	int rc = -1;

	if (read_search(c, k, &ask.search, e) < 0)
		return -1;
	set_page(c, &ask);
	if (search_select(c->core, &ask, e) == 0) {
		views = POOL_ARRAY(c->pool, void *, ask.versions->len + 1);
		for (guint i = 0; i < ask.versions->len; i++) {
			breathe(i);
			views[i] = call_view(c, k, ask.versions->pdata[i]);
		}
		rc = call_reply_list(c, M_KINDS[k].type, views, ask.versions->len);
	}
	search_ask_clear(&ask);
	return rc;
}

int generic_reply_versions(struct call *c, enum kind k, GPtrArray *versions, struct err *e)
{
	return reply_found(c, k, versions, e);
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
	if (!op->has_parent)
		return reply_found(c, op->kind, NULL, e);
	versions = g_ptr_array_new();
	INV_EACH_BY (en, c->core->inv, op->kind, op->by, c->ids[c->n_ids - 1])
		g_ptr_array_add(versions, (void *)en->pub);
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

/* ---- what is told of it ---- */

/* Kinds whose changes nobody else tells of. */
static const struct told {
	enum kind kind;
	const char *noun, *add, *update, *remove;
	size_t ref; /* in struct event_refs; 0: events have no such reference */
} TOLD[] = {
	{ KIND_BOOKMARK, "Bookmark", "USER_ADD_BOOKMARK", "USER_UPDATE_BOOKMARK", "USER_REMOVE_BOOKMARK" },
	{ KIND_HOST, "Host", NULL, "USER_UPDATE_VDS", NULL, offsetof(struct event_refs, host) },
	{ KIND_CLUSTER, "Cluster", NULL, "USER_UPDATE_CLUSTER", NULL, offsetof(struct event_refs, cluster) },
	{ KIND_DATA_CENTER, "Data Center", NULL, "USER_UPDATE_STORAGE_POOL", NULL,
	  offsetof(struct event_refs, data_center) },
};

static void tell(struct call *c, struct txn *t, const char *id, const char *name, enum m_op_kind what)
{
	struct event_refs refs = call_refs(c);

	for (size_t i = 0; i < G_N_ELEMENTS(TOLD); i++) {
		const struct told *d = &TOLD[i];
		const char *event = what == M_OP_ADD ? d->add : what == M_OP_UPDATE ? d->update : d->remove;

		if (d->kind != c->impl->kind || !event)
			continue;
		if (d->ref)
			*(const char **)((char *)&refs + d->ref) = id;
		txn_event(t, event, &refs, "%s %s was %s.", d->noun, STR_OR(name, id),
		          what == M_OP_ADD      ? "added"
		          : what == M_OP_UPDATE ? "changed"
		                                : "removed");
	}
}

int generic_update(struct call *c, struct err *e)
{
	const void *target = generic_target(c, e);
	char job[UUID_LEN + 1];
	struct txn *t;
	void *draft;
	char *id;

	if (!target)
		return -1;
	id = pool_strdup(c->pool, c->ids[c->n_ids - 1]);
	t = txn_begin(c->core);
	draft = generic_merge(c, t, c->impl->kind, id, e);
	if (!draft) {
		txn_cancel(t);
		return -1;
	}
	tell(c, t, id, m_entity(M_KINDS[c->impl->kind].type, draft)->name, M_OP_UPDATE);
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
	tell(c, t, c->ids[c->n_ids - 1], m_entity(M_KINDS[c->impl->kind].type, target)->name, M_OP_REMOVE);
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
	tell(c, t, id, m_entity(type, draft)->name, M_OP_ADD);
	job_record(t, c->correlation_id, c->who.user_id, job, "Adding %s %s", type->name,
	           STR_OR(m_entity(type, draft)->name, id));
	if (txn_commit(t, e) < 0)
		return -1;
	return call_reply_kind(c, op->kind, id);
}
