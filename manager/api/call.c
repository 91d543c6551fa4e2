/* SPDX-License-Identifier: Apache-2.0 */
#include "manager/api/call.h"

#include <assert.h>
#include <string.h>

#include "base/log.h"
#include "manager/api/etag.h"
#include "manager/api/follow.h"
#include "manager/api/route.h"
#include "manager/core/locks.h"
#include "manager/core/sessions.h"

/* ---- the operations that exist ---- */

static const struct api_op *impls[N_M_OPS];
static int n_impls;

void api_register(const struct api_op *table)
{
	for (; table->name; table++) {
		const struct m_op *op = m_op_find(table->name);
		if (!op) {
			log_error("operation is not in the schema", "OPERATION", table->name);
			assert(op);
		}
		assert(!impls[op->index] || impls[op->index] == table);
		n_impls += impls[op->index] ? 0 : 1;
		impls[op->index] = table;
	}
}

const struct api_op *api_find(const struct m_op *op) { return impls[op->index]; }

int api_count(void) { return n_impls; }

/* ---- dispatch ---- */

static int log_in(struct call *c, struct err *e)
{
	if (c->is_trusted || (c->impl && (c->impl->flags & OP_NO_LOGIN)))
		return 0;
	if (c->token)
		return session_by_token(c->core, c->token, &c->who, e);
	if (c->basic_user)
		return session_basic_from(c->core, c->basic_user, c->basic_password, c->address, &c->who, e);
	return err_set(e, ERR_AUTH, "Log in first: with a token or with user and password.");
}

int call_may(struct call *c, struct err *e)
{
	const struct api_op *impl = c->impl;
	const char *id;

	if (c->query.filter == 0 && !c->is_trusted && !c->who.is_admin)
		return err_set(e, ERR_DENIED, "Only administrators may ask for unfiltered results.");
	if (c->is_trusted)
		return 0;
	if (impl->may)
		return impl->may(c, e);
	if (!impl->permit)
		return 0;
	if (impl->is_on_system)
		return perm_check(c->core, &c->who, impl->permit, KIND_VM, NULL, e);
	id = c->n_ids ? c->ids[impl->is_on_last ? c->n_ids - 1 : 0] : NULL;
	if (id && !inv_find(c->core->inv, impl->on, id))
		return err_set(e, ERR_NO_ENTITY, "There is no %s %s.", M_KINDS[impl->on].type->name, id);
	return perm_check(c->core, &c->who, impl->permit, impl->on, id, e);
}

int call_asked(struct call *c, const char *id, struct err *e)
{
	return call_permit(c, c->impl->asks, c->impl->asks_on, id, e);
}

/* The object of the row's asks_on that the path leads through: itself, or what its first object lies in. */
static const char *asked_object(const struct call *c)
{
	for (int k = 0; c->n_ids && k < N_KINDS; k++)
		if (inv_find(c->core->inv, k, c->ids[0]))
			return perm_ancestor(c->core, k, c->ids[0], c->impl->asks_on);
	return NULL;
}

bool call_might(struct call *c)
{
	const char *id;
	struct err e = ERR_INIT;

	if (call_may(c, &e) < 0)
		return false;
	if (!c->impl->asks || c->is_trusted)
		return true;
	id = asked_object(c);
	return id ? call_asked(c, id, &e) == 0 : perm_anywhere(c->core, &c->who, c->impl->asks, c->impl->asks_on);
}

struct call *call_read(struct core *core, struct pool *pool, GPtrArray *retained, const struct identity *who,
                       const char *base, const char *path)
{
	struct call *c;
	struct route r;

	if (!route_find(pool, path, &r) || r.action)
		return NULL;
	c = POOL_NEW(pool, struct call);
	c->op = route_op(&r, "GET");
	c->impl = c->op ? api_find(c->op) : NULL;
	if (!c->impl)
		return NULL;
	c->core = core;
	c->pool = pool;
	c->base = base;
	c->path = r.path;
	memcpy(c->ids, r.ids, sizeof(r.ids));
	c->n_ids = r.n_ids;
	c->who = *who;
	c->query = (struct call_query){ .max = -1, .from = -1, .filter = -1 };
	c->retained = retained;
	return c;
}

static int handle(struct call *c, struct err *e)
{
	if (log_in(c, e) < 0)
		return -1;
	if (!c->impl)
		return err_set(e, ERR_NOT_IMPLEMENTED, "The operation %s is not implemented in this version.",
		               c->op->name);
	if (call_may(c, e) < 0)
		return -1;
	if (c->input_error.code != ERR_NONE) {
		*e = c->input_error;
		return -1;
	}
	if (c->query.is_dry_run && c->op->kind != M_OP_GET && c->op->kind != M_OP_LIST &&
	    !(c->impl->flags & OP_DRY_RUN))
		return err_set(e, ERR_UNSUPPORTED,
		               "The operation %s cannot be tried with dry_run; nothing was changed.", c->op->name);
	if (etag_run(c, e) < 0)
		return -1;
	return c->query.follow && c->result != RESULT_NONE ? follow_apply(c, e) : 0;
}

static void run(void *arg)
{
	struct call *c = arg;
	struct err e = ERR_INIT;

	if (handle(c, &e) < 0)
		c->error = e;
	c->finish(c);
}

static bool may_wait(const struct call *c)
{
	if (c->basic_user && !c->token)
		return true;
	if (!c->impl)
		return false;
	if ((c->impl->flags & OP_WAITS) || (c->query.follow && *c->query.follow))
		return true;
	return c->op->kind == M_OP_LIST && (int)c->impl->kind >= 0 && c->impl->kind < N_KINDS &&
	       inv_count(c->core->inv, c->impl->kind) > 500;
}

void call_dispatch(struct call *c)
{
	c->impl = api_find(c->op);
	if (!c->retained)
		c->retained = g_ptr_array_new();
	if (may_wait(c))
		fiber_start(c->core->loop, c->op->name, run, c);
	else
		run(c);
}

void call_release(struct call *c)
{
	if (!c->retained)
		return;
	for (guint i = 0; i < c->retained->len; i++)
		m_frozen_release(g_ptr_array_index(c->retained, i));
	g_ptr_array_free(c->retained, TRUE);
	c->retained = NULL;
}

/* ---- for handlers ---- */

const void *call_entity(struct call *c, int i, enum kind k, struct err *e)
{
	const void *obj = i < c->n_ids ? inv_get(c->core->inv, k, c->ids[i]) : NULL;
	bool is_read = c->op->kind == M_OP_LIST || c->op->kind == M_OP_GET;

	if (obj && is_read && call_is_filtered(c) && !perm_can_see(c->core, &c->who, k, c->ids[i]))
		obj = NULL;
	if (!obj)
		err_set(e, ERR_NO_ENTITY, "There is no %s %s.", M_KINDS[k].type->name, i < c->n_ids ? c->ids[i] : "");
	return obj;
}

bool call_is_filtered(const struct call *c)
{
	if (c->is_trusted)
		return false;
	return c->query.filter == 1 || (c->query.filter == -1 && !c->who.is_admin);
}

const void *call_visible(struct call *c, int i, enum kind k, struct err *e)
{
	const void *obj = call_entity(c, i, k, e);

	if (!obj || !call_is_filtered(c) || perm_can_see(c->core, &c->who, k, c->ids[i]))
		return obj;
	err_set(e, ERR_NO_ENTITY, "There is no %s %s.", M_KINDS[k].type->name, c->ids[i]);
	return NULL;
}

/* "StorageDomain" of storage_domain: how the known faults spell it. */
static void camel(const char *name, char *out, size_t size)
{
	size_t n = 0;
	bool up = true;

	for (; *name && n + 1 < size; name++) {
		if (*name == '_') {
			up = true;
			continue;
		}
		out[n++] = up ? g_ascii_toupper(*name) : *name;
		up = false;
	}
	out[n] = 0;
}

static struct entity *by_name_any_scope(struct core *core, enum kind k, const char *name)
{
	INV_EACH (en, core->inv, k)
		if (en->latest && g_strcmp0(m_entity(M_KINDS[k].type, en->pub)->name, name) == 0)
			return en;
	return NULL;
}

int call_resolve(struct call *c, struct m_ref *ref, enum kind k, const char *scope, bool is_required, const char *field,
                 struct err *e)
{
	const struct m_type *t = M_KINDS[k].type;
	char type_name[64];
	struct entity *en;
	const char *name;

	camel(t->name, type_name, sizeof(type_name));
	if (ref->id) {
		if (!uuid_is_valid(ref->id))
			return err_field(e, ERR_INVALID, field, "'%.80s' is no valid id.", ref->id);
		ref->id = g_ascii_strdown(pool_strdup(c->pool, ref->id), -1);
		pool_on_free(c->pool, g_free, ref->id);
		if (!inv_latest(c->core->inv, k, ref->id))
			return err_field(e, ERR_NOT_FOUND, field, "Entity not found: %s: id=%s", type_name, ref->id);
		return 0;
	}
	name = ref->obj ? m_entity(t, ref->obj)->name : NULL;
	if (!name) {
		if (is_required || ref->obj)
			return err_field(e, ERR_MISSING, field, "%s [id|name] required for %s", field, c->op->method);
		return 0;
	}
	en = M_KINDS[k].unique_name && (scope || !M_KINDS[k].unique_within) ? inv_by_name(c->core->inv, k, scope, name)
	                                                                    : by_name_any_scope(c->core, k, name);
	if (!en || !en->latest) /* it is being removed */
		return err_field(e, ERR_NOT_FOUND, field, "Entity not found: %s: name=%.200s", type_name, name);
	ref->id = pool_strdup(c->pool, en->id);
	return 0;
}

int call_permit(struct call *c, const char *permit, enum kind k, const char *id, struct err *e)
{
	return c->is_trusted ? 0 : perm_check(c->core, &c->who, permit, k, id, e);
}

void call_retain(struct call *c, const void *frozen) { g_ptr_array_add(c->retained, m_frozen_retain(frozen)); }

static const char *member_id(const struct m_type *t, const void *obj, const char *name, size_t len)
{
	char member[64];
	const struct m_field *f;

	if (len == 2 && memcmp(name, "id", 2) == 0)
		return m_entity(t, obj)->id;
	if (len >= sizeof(member))
		return NULL;
	memcpy(member, name, len);
	member[len] = 0;
	f = m_field_find(t, member);
	return f && f->kind == M_REF && !(f->flags & M_F_LIST)
	           ? ((const struct m_ref *)((const char *)obj + f->offset))->id
	           : NULL;
}

char *call_path_of(struct pool *p, const struct m_type *t, const void *obj)
{
	char buf[512];
	size_t n = 0;

	for (const char *s = t->path; s && *s;) {
		const char *id, *end;
		size_t len;

		if (*s != '{') {
			if (n + 1 >= sizeof(buf))
				return NULL;
			buf[n++] = *s++;
			continue;
		}
		end = strchr(s, '}');
		id = member_id(t, obj, s + 1, (size_t)(end - s - 1));
		if (!id || n + (len = strlen(id)) + 1 >= sizeof(buf))
			return NULL;
		memcpy(buf + n, id, len);
		n += len;
		s = end + 1;
	}
	return n ? pool_strndup(p, buf, n) : NULL;
}

void call_set_href(struct call *c, const struct m_type *t, void *obj, const char *path, const struct m_service *s)
{
	struct m_entity *en = m_entity(t, obj);
	size_t base = strlen(c->base), len = strlen(path);
	char *href = pool_alloc(c->pool, base + len + 2);

	memcpy(href, c->base, base);
	href[base] = '/';
	memcpy(href + base + 1, path, len);
	en->href = href;
	en->service = s;
}

static const struct m_service *item_service(const struct m_service *collection)
{
	for (int i = 0; i < collection->n_locators; i++)
		if (collection->locators[i].param)
			return collection->locators[i].service;
	return NULL;
}

static void set_own_href(struct call *c, const struct m_type *t, void *obj)
{
	struct m_entity *en = m_entity(t, obj);
	char *path;

	if (!en || en->href)
		return;
	if (c->impl && (c->impl->flags & OP_HREF_HERE)) {
		bool is_item = c->op->kind == M_OP_GET || c->op->kind == M_OP_UPDATE;
		path = is_item ? (char *)c->path : pool_printf(c->pool, "%s/%s", c->path, en->id);
		call_set_href(c, t, obj, path, is_item ? c->op->service : item_service(c->op->service));
		return;
	}
	path = call_path_of(c->pool, t, obj);
	if (path)
		call_set_href(c, t, obj, path, t->path_service);
}

void *call_view(struct call *c, enum kind k, const void *published)
{
	const struct m_type *t = M_KINDS[k].type;
	const struct kind_ops *ops = c->core->kind_ops[k];
	void *copy = pool_alloc(c->pool, t->size);

	call_retain(c, published);
	memcpy(copy, published, t->size);
	if (ops && ops->view)
		ops->view(c->core, c->pool, published, copy);
	set_own_href(c, t, copy);
	return copy;
}

int call_reply_entity(struct call *c, const struct m_type *t, void *obj)
{
	c->result = RESULT_ENTITY;
	c->type = t;
	c->object = obj;
	set_own_href(c, t, obj);
	if (c->op->kind == M_OP_ADD && m_entity(t, obj))
		c->location = m_entity(t, obj)->href;
	return 0;
}

int call_reply_kind(struct call *c, enum kind k, const char *id)
{
	const void *pub = inv_get(c->core->inv, k, id);

	if (!pub) {
		err_set(&c->error, ERR_NO_ENTITY, "The %s %s was removed meanwhile.", M_KINDS[k].type->name, id);
		return 0;
	}
	return call_reply_entity(c, M_KINDS[k].type, call_view(c, k, pub));
}

int call_reply_list(struct call *c, const struct m_type *t, void **objs, size_t n)
{
	c->result = RESULT_LIST;
	c->type = t;
	c->list = objs;
	c->n_list = n;
	for (size_t i = 0; i < n; i++)
		set_own_href(c, t, objs[i]);
	return 0;
}

int call_reply_action(struct call *c, const char *job_id)
{
	struct m_action *a = c->action;

	if (!a)
		a = m_new(c->pool, &M_TYPE_action);
	if (job_id && *job_id) {
		a->job = m_new(c->pool, &M_TYPE_job);
		a->job->id = pool_strdup(c->pool, job_id);
		call_set_href(c, &M_TYPE_job, a->job, pool_printf(c->pool, "jobs/%s", job_id), NULL);
	}
	a->status = pool_strdup(c->pool, "complete");
	c->result = RESULT_ACTION;
	c->type = &M_TYPE_action;
	c->object = a;
	return 0;
}

struct event_refs call_refs(const struct call *c)
{
	return (struct event_refs){ .user = c->who.user_id[0] ? c->who.user_id : NULL,
		                    .correlation_id = c->correlation_id };
}
