/* SPDX-License-Identifier: Apache-2.0 */
/* What portals ask about who sits in front of them: who that is, and what he may do at some place of the API. */
#include <string.h>

#include "manager/api/page.h"
#include "manager/api/route.h"
#include "manager/users/users.h"

static bool log_in(struct page_call *pc, struct identity *who, char *token)
{
	struct err e = ERR_INIT;

	if (page_login(pc, who, token, &e) == 0)
		return true;
	page_refuse(pc, &e);
	return false;
}

static void me(struct page_call *pc)
{
	char token[PAGE_TOKEN_MAX];
	const struct m_user *u;
	struct identity who;
	json_t *out;

	if (!log_in(pc, &who, token))
		return;
	u = INV_GET(pc->core->inv, USER, user, who.user_id);
	if (!u) {
		page_refuse_status(pc, 401, "The user was removed meanwhile.");
		return;
	}
	out = json_pack("{s:s,s:s,s:s*,s:s*,s:s,s:b,s:b}", "id", u->id, "user_name",
	                STR_OR(u->user_name, who.user_name), "name", u->name, "last_name", u->last_name, "domain",
	                INTERNAL_DOMAIN, "is_admin", who.is_admin, "can_change_password", u->password_hash != NULL);
	if (u->has.password_expires)
		json_object_set_new(out, "password_expires", json_integer(u->password_expires));
	if (*token)
		json_object_set_new(out, "session_expires", json_integer(session_expires(pc->core, token)));
	page_reply_json(pc, 200, out);
}

/* ---- allowed ---- */

struct asking {
	struct call call; /* op and path change from one question to the next */
	json_t *list;
};

static void ask(struct asking *a, const struct m_op *op)
{
	struct call *c = &a->call;

	c->op = op;
	c->impl = api_find(op);
	if (c->impl && call_might(c))
		json_array_append_new(a->list, json_string(op->name));
}

static void ask_all(struct asking *a, const struct m_service *s)
{
	for (int i = 0; i < s->n_ops; i++)
		ask(a, s->ops[i]);
}

/* Of a collection's items: what is decided by the object that the collection belongs to. */
static void ask_items(struct asking *a, const struct m_service *item)
{
	for (int i = 0; i < item->n_ops; i++) {
		const struct api_op *impl = api_find(item->ops[i]);

		if (impl && impl->permit && !impl->is_on_last && !impl->may)
			ask(a, item->ops[i]);
	}
}

static void ask_place(struct asking *a, const struct route *r)
{
	const struct m_service *s = r->service;
	char *path = (char *)r->path;

	a->call.path = path;
	ask_all(a, s);
	for (int i = 0; i < s->n_locators; i++) {
		const struct m_locator *l = &s->locators[i];

		if (l->param) {
			if (r->n_ids)
				ask_items(a, l->service);
			continue;
		}
		a->call.path = *path ? pool_printf(a->call.pool, "%s/%s", path, l->path) : l->path;
		ask_all(a, l->service);
	}
}

/* What must be visible for the question to have an answer: the object of the path, or the one that a collection belongs to. */
static bool is_visible(struct page_call *pc, const struct route *r, const struct identity *who)
{
	const char *path = r->path, *end;
	GPtrArray *retained;
	struct call *c;
	struct err e = ERR_INIT;
	bool ok;

	if (!r->n_ids)
		return true;
	if (!m_service_op(r->service, M_OP_GET, NULL)) {
		end = strrchr(path, '/');
		path = end ? pool_strndup(pc->pool, path, (size_t)(end - path)) : path;
	}
	retained = g_ptr_array_new();
	c = call_read(pc->core, pc->pool, retained, who, "/ovirt-engine/api", path);
	ok = c && call_may(c, &e) == 0 && c->impl->run(c, &e) == 0 && c->error.code == ERR_NONE;
	for (guint i = 0; i < retained->len; i++)
		m_frozen_release(g_ptr_array_index(retained, i));
	g_ptr_array_free(retained, TRUE);
	return ok;
}

static void allowed(struct page_call *pc)
{
	const char *path = page_param(pc, "path");
	struct asking a = { .list = NULL };
	struct identity who;
	struct route r;

	if (!log_in(pc, &who, NULL))
		return;
	if (!route_find(pc->pool, path ? path : "", &r) || r.action || !is_visible(pc, &r, &who)) {
		page_refuse_status(pc, 404, "There is nothing like that which you may see.");
		return;
	}
	a.list = json_array();
	a.call = (struct call){
		.core = pc->core, .pool = pc->pool, .base = "/ovirt-engine/api", .who = who, .n_ids = r.n_ids
	};
	a.call.query = (struct call_query){ .max = -1, .from = -1, .filter = -1 };
	memcpy(a.call.ids, r.ids, sizeof(r.ids));
	ask_place(&a, &r);
	page_reply_json(pc, 200, a.list);
}

/* ---- sessions ---- */

struct listing {
	const struct identity *who;
	const char *own; /* id of the session that asks */
	json_t *list;
};

/* Everybody sees his own. */
static void list_session(void *arg, const struct session_info *s)
{
	struct listing *l = arg;
	json_t *out;

	if (!l->who->is_admin && strcmp(s->who->user_id, l->who->user_id) != 0)
		return;
	out = json_pack("{s:s,s:s,s:s,s:s,s:b,s:I,s:I,s:I}", "id", s->id, "user_id", s->who->user_id, "user_name",
	                s->who->user_name, "address", s->address, "is_admin", s->who->is_admin, "started",
	                (json_int_t)s->started_ms, "last_used", (json_int_t)s->used_ms, "expires",
	                (json_int_t)s->expires_ms);
	json_object_set_new(out, "kind", json_string(s->is_basic ? "basic" : "token"));
	json_object_set_new(out, "is_own", json_boolean(l->own && strcmp(l->own, s->id) == 0));
	json_array_append_new(l->list, out);
}

static void sessions(struct page_call *pc)
{
	char token[PAGE_TOKEN_MAX];
	struct identity who;
	struct listing l = { .who = &who };

	if (!log_in(pc, &who, token))
		return;
	l.own = *token ? session_id_of(pc->core, token) : NULL;
	l.list = json_array();
	session_each(pc->core, list_session, &l);
	page_reply_json(pc, 200, l.list);
}

struct wanted {
	const char *id;
	char user_id[UUID_LEN + 1]; /* whose it is */
};

static void look_for(void *arg, const struct session_info *s)
{
	struct wanted *w = arg;

	if (strcmp(s->id, w->id) == 0)
		g_strlcpy(w->user_id, s->who->user_id, sizeof(w->user_id));
}

/* End one's own, or, with the right to manage users, anybody's. */
static void end_session(struct page_call *pc)
{
	struct wanted w = { .id = strrchr(http_path(pc->x), '/') + 1 };
	char token[PAGE_TOKEN_MAX];
	struct identity who;
	struct err e = ERR_INIT;
	bool is_own;

	if (!log_in(pc, &who, token))
		return;
	session_each(pc->core, look_for, &w);
	is_own = strcmp(w.user_id, who.user_id) == 0;
	if (!*w.user_id || (!is_own && !who.is_admin))
		page_refuse_status(pc, 404, "There is no such session.");
	else if (!is_own && perm_check(pc->core, &who, "manipulate_users", KIND_USER, NULL, &e) < 0)
		page_refuse(pc, &e);
	else if (session_terminate(pc->core, w.id, &who))
		page_reply_json(pc, 200, json_object());
}

const struct page USER_PAGES[] = {
	{ "/ovirt-engine/hostler/sessions", "GET", sessions },
	{ "/ovirt-engine/hostler/sessions/*", "DELETE", end_session },
	{ "/ovirt-engine/hostler/me", "GET", me },
	{ "/ovirt-engine/hostler/allowed", "GET", allowed },
	{ .path = NULL },
};
