/* SPDX-License-Identifier: Apache-2.0 */
#include "manager/api/front.h"

#include <ctype.h>
#include <string.h>

#include "base/log.h"
#include "manager/api/event_stream.h"
#include "manager/api/event_stream_http.h"
#include "manager/api/front_write.h"
#include "manager/api/route.h"
#include "manager/http/files.h"

#define ROOT "/ovirt-engine"
#define API  ROOT "/api"

struct front {
	struct core *core;
	const struct page *const *tables;
	const struct http_files *files; /* or NULL */
	int n_tables;
};

struct front *front_new(struct core *core, const struct page *const *page_tables, int n_tables)
{
	struct front *f = g_new0(struct front, 1);

	f->core = core;
	f->tables = page_tables;
	f->n_tables = n_tables;
	return f;
}

void front_free(struct front *f) { g_free(f); }

/* ---- parameters ---- */

/* From the query, else from the matrix parameters of the last segment, else (filter, All-Content) from a header. */
static const char *parameter(struct http_exchange *x, const struct route *r, const char *name, const char *header)
{
	const char *v = http_query(x, name);
	size_t n = strlen(name);

	if (v)
		return v;
	for (const char *m = r->matrix; m && *m; m += strcspn(m, ";"), m += *m == ';')
		if (strncmp(m, name, n) == 0 && (m[n] == '=' || m[n] == ';' || !m[n]))
			return pool_strndup(http_pool(x), m + n + (m[n] == '='), strcspn(m + n + (m[n] == '='), ";"));
	return header ? http_header(x, header) : NULL;
}

/* 1, 0, or dflt when absent or unreadable; no value means true. */
static int truth(const char *v, int dflt)
{
	static const char *const yes[] = { "", "true", "t", "yes", "y", "1" }, *const no[] = { "false", "f", "no", "n",
		                                                                               "0" };

	for (size_t i = 0; v && i < G_N_ELEMENTS(yes); i++)
		if (g_ascii_strcasecmp(v, yes[i]) == 0)
			return 1;
	for (size_t i = 0; v && i < G_N_ELEMENTS(no); i++)
		if (g_ascii_strcasecmp(v, no[i]) == 0)
			return 0;
	return dflt;
}

static int64_t number(const char *v, int64_t dflt)
{
	char *end;
	int64_t n;

	if (!v || !*v)
		return dflt;
	n = g_ascii_strtoll(v, &end, 10);
	return *end ? dflt : n;
}

static void read_parameters(struct http_exchange *x, const struct route *r, struct call *c)
{
	struct call_query *q = &c->query;

	q->search = parameter(x, r, "search", NULL);
	q->follow = c->op->kind == M_OP_GET || c->op->kind == M_OP_LIST ? parameter(x, r, "follow", NULL) : NULL;
	q->max = number(parameter(x, r, "max", NULL), -1);
	q->from = number(parameter(x, r, "from", NULL), -1);
	q->host = parameter(x, r, "host", NULL);
	q->case_sensitive = truth(parameter(x, r, "case_sensitive", NULL), 1);
	q->all_content = truth(parameter(x, r, "all_content", "All-Content"), 0);
	q->next_run = truth(parameter(x, r, "next_run", NULL), 0);
	q->include_active = truth(parameter(x, r, "include_active", NULL), 0);
	q->current = truth(parameter(x, r, "current", NULL), 0);
	q->force = truth(parameter(x, r, "force", NULL), 0);
	q->detach_only = truth(parameter(x, r, "detach_only", NULL), 0);
	q->destroy = truth(parameter(x, r, "destroy", NULL), 0);
	q->format = truth(parameter(x, r, "format", NULL), 0);
	q->clone = truth(parameter(x, r, "clone", NULL), 0);
	q->clone_permissions = truth(parameter(x, r, "clone_permissions", NULL), 0);
	q->seal = truth(parameter(x, r, "seal", NULL), 0);
	q->is_async = truth(parameter(x, r, "async", NULL), 0);
	q->is_dry_run = truth(parameter(x, r, "dry_run", NULL), 0);
	q->filter = truth(parameter(x, r, "filter", "Filter"), -1);
	q->if_match = http_header(x, "If-Match");
	q->if_none_match = http_header(x, "If-None-Match");
	if (strstr(r->path, "/graphicsconsoles")) { /* nobody else asks */
		const char *accept = http_header(x, "Accept");

		q->is_viewer_file = accept && strstr(accept, "application/x-virt-viewer");
		q->authority = http_header(x, "Host");
	}
}

static void read_correlation(struct core *core, struct http_exchange *x, char out[37])
{
	const char *v = http_header(x, "Correlation-Id");
	int n = 0;

	if (!v)
		v = http_query(x, "correlation_id");
	for (; v && *v && n < 36; v++)
		if (isalnum((unsigned char)*v) || *v == '_' || *v == '-')
			out[n++] = *v;
	out[n] = 0;
	if (n == 0) {
		static __thread struct chance *chance; /* one for each of the edge's threads */
		if (!chance)
			chance = chance_new_real();
		uuid_make(chance, out);
	}
}

/* ---- who asks ---- */

/* A browser says on whose behalf it asks; what a page of another site wants with our cookie is not for us to find out. */
static bool is_own_site(struct http_exchange *x)
{
	const char *origin = http_header(x, "Origin"), *site = http_header(x, "Sec-Fetch-Site"),
	           *host = http_header(x, "Host");
	g_autofree char *own = g_strconcat("https://", host ? host : "", NULL);

	if (origin && g_ascii_strcasecmp(origin, own) != 0)
		return false;
	return !site || strcmp(site, "same-origin") == 0 || strcmp(site, "none") == 0;
}

static void read_credentials(struct http_exchange *x, const char **token, const char **user, const char **password)
{
	const char *h = http_header(x, "Authorization");
	struct pool *p = http_pool(x);

	*token = *user = *password = NULL;
	if (h && g_ascii_strncasecmp(h, "Bearer ", 7) == 0) {
		*token = g_strchug(pool_strdup(p, h + 7));
	} else if (h && g_ascii_strncasecmp(h, "Basic ", 6) == 0 && strlen(h) < 4096) {
		gsize len;
		g_autofree guchar *both = g_base64_decode(h + 6, &len);
		char *text = pool_strndup(p, (char *)both, len), *colon = strchr(text, ':');

		if (colon && memchr(both, 0, len) == NULL) {
			*colon = 0;
			*user = text;
			*password = colon + 1;
		}
		memset(both, 0, len);
	} else if (!h && http_header(x, "Prefer") && strstr(http_header(x, "Prefer"), "persistent-auth") &&
	           is_own_site(x)) {
		*token =
		    http_cookie(x, "JSESSIONID"); /* not without the preference: no other site can send that along */
	}
}

/* ---- documents ---- */

static bool is_type(const char *content_type, const char *type)
{
	size_t n = strlen(type);
	return content_type && g_ascii_strncasecmp(content_type, type, n) == 0 &&
	       (!content_type[n] || strchr("; \t,", content_type[n]));
}

static void read_document(struct http_exchange *x, struct call *c)
{
	const char *content_type = http_header(x, "Content-Type");
	const struct m_type *t;
	size_t len;
	const char *text = http_body(x, &len);
	void *obj = NULL;
	int rc;

	if (c->op->kind == M_OP_ACTION)
		t = &M_TYPE_action;
	else if (c->op->body && c->op->body->type && (c->op->kind == M_OP_ADD || c->op->kind == M_OP_UPDATE))
		t = c->op->body->type;
	else
		return;
	if (!c->token && !c->basic_user)
		return; /* will be refused for that; nothing is read from strangers */
	if (len && is_type(content_type, "application/json"))
		rc = m_from_json(c->pool, t, text, len, &M_LIMITS_DEFAULT, &obj, &c->input_error);
	else if (!len || is_type(content_type, "application/xml") || is_type(content_type, "text/xml"))
		rc = m_from_xml(c->pool, t, text, len, &M_LIMITS_DEFAULT, &obj, &c->input_error);
	else
		rc = err_set(&c->input_error, ERR_MEDIA_TYPE, "The body must be application/xml or application/json.");
	if (rc < 0)
		return;
	if (t == &M_TYPE_action)
		c->action = obj;
	else
		c->body = obj;
	m_op_check_input(c->op, obj, &c->input_error);
}

/* XML unless JSON is asked for first. -1: neither is accepted. */
static int wants_json(struct http_exchange *x)
{
	const char *a = http_query(x, "accept");
	const char *json, *xml, *any;

	if (!a)
		a = http_header(x, "Accept");
	if (!a || !*a)
		return 0;
	json = strstr(a, "application/json");
	xml = strstr(a, "application/xml");
	any = strstr(a, "*/*");
	if (!xml)
		xml = strstr(a, "text/xml");
	if (!xml)
		xml = strstr(a, "application/*");
	if (!xml && strstr(a, "application/x-virt-viewer"))
		return 0;
	if (json && (!xml || json < xml) && (!any || json < any))
		return 1;
	return json || xml || any ? 0 : -1;
}

/* ---- API ---- */

struct api_exchange {
	struct call call;
	struct http_exchange *x;
	bool is_json;
};

static void api_write(struct http_exchange *x, void *arg)
{
	struct api_exchange *ax = arg;
	front_write_call(x, &ax->call, ax->is_json);
}

static void stream_write(struct http_exchange *x, void *arg)
{
	struct call *c = &((struct api_exchange *)arg)->call;

	call_release(c);
	event_stream_reply(x, c->stream);
}

static void stream_begin(void *arg)
{
	struct api_exchange *ax = arg;

	event_stream_begin(ax->call.stream, ax->x);
	http_answer(ax->x, stream_write, ax);
}

static void api_finish(struct call *c)
{
	struct api_exchange *ax = c->user;

	if (c->result == RESULT_STREAM && c->error.code == ERR_NONE)
		loop_post(c->core->loop, stream_begin, ax);
	else
		http_answer(ax->x, api_write, ax);
}

/* Events as a stream? Faults are JSON then. */
static bool read_stream(struct http_exchange *x, const struct route *r, struct call *c)
{
	const char *accept = http_query(x, "accept"), *last = http_header(x, "Last-Event-ID");

	if (!accept)
		accept = http_header(x, "Accept");
	if (!accept || !strstr(accept, "text/event-stream") || strcmp(c->op->name, "events.list") != 0)
		return false;
	c->query.is_stream = true;
	c->query.is_head = strcmp(http_method(x), "HEAD") == 0;
	c->query.topics = parameter(x, r, "topics", NULL);
	c->query.last_event_id = last ? last : parameter(x, r, "last_event_id", NULL);
	return true;
}

static void api_dispatch(void *arg)
{
	struct call *c = &((struct api_exchange *)arg)->call;

	c->place = event_stream_place(c->core);
	call_dispatch(c);
}

static void reply_options(struct http_exchange *x, const struct route *r)
{
	char *allow = route_allow(http_pool(x), r);

	http_set_header(x, "Allow", allow);
	http_reply(x, 200, "text/plain;charset=UTF-8", g_string_new(allow));
}

static void api_handle(struct front *f, struct http_exchange *x, const char *path)
{
	struct pool *p = http_pool(x);
	struct api_exchange *ax = POOL_NEW(p, struct api_exchange);
	struct call *c = &ax->call;
	const char *version = http_header(x, "Version");
	struct err e = ERR_INIT;
	struct route r;
	int json;

	c->base = API;
	if (strncmp(path, "/v", 2) == 0 && isdigit((unsigned char)path[2])) {
		version = pool_strndup(p, path + 2, strcspn(path + 2, "/"));
		path += 2 + strlen(version);
		c->base = API "/v4";
	}
	c->core = f->core;
	c->pool = p;
	read_correlation(f->core, x, c->correlation_id);
	http_set_header(x, "Correlation-Id", c->correlation_id);
	json = wants_json(x);
	ax->is_json = json == 1;
	if (version && strcmp(version, "4") != 0) {
		err_field(&e, ERR_INVALID, "Version", "Version %.20s of the API is not supported; 4 is.", version);
		front_write_fault(x, &e, ax->is_json);
		return;
	}
	if (!route_find(p, path, &r)) {
		http_reply(x, 404, NULL, NULL);
		return;
	}
	if (strcmp(http_method(x), "OPTIONS") == 0) {
		if (http_header(x, "Access-Control-Request-Method")) /* pages of other sites have no business here */
			http_reply(x, 403, NULL, NULL);
		else
			reply_options(x, &r);
		return;
	}
	c->op = route_op(&r, http_method(x));
	if (!c->op)
		err_set(&e, ERR_METHOD, "%s is not possible here. Possible: %s.", http_method(x), route_allow(p, &r));
	else if (!read_stream(x, &r, c) && json < 0)
		err_set(&e, ERR_NOT_ACCEPTABLE, "Answers are application/xml or application/json.");
	if (e.code != ERR_NONE) {
		http_set_header(x, "Allow", route_allow(p, &r));
		front_write_fault(x, &e, ax->is_json);
		return;
	}
	c->path = r.path;
	memcpy(c->ids, r.ids, sizeof(r.ids));
	c->n_ids = r.n_ids;
	read_parameters(x, &r, c);
	if (c->query.is_stream) {
		c->query.follow = NULL;
		ax->is_json = true;
	}
	read_credentials(x, &c->token, &c->basic_user, &c->basic_password);
	c->address = http_peer(x);
	read_document(x, c);
	c->finish = api_finish;
	c->user = ax;
	ax->x = x;
	loop_post(f->core->loop, api_dispatch, ax);
}

/* ---- pages ---- */

struct page_exchange {
	struct page_call pc;
	const struct page *page;
};

static void page_write(struct http_exchange *x, void *arg)
{
	struct page_call *pc = &((struct page_exchange *)arg)->pc;

	if (pc->location)
		http_set_header(x, "Location", pc->location);
	if (pc->set_cookie)
		http_set_header(x, "Set-Cookie", pc->set_cookie);
	http_set_header(x, "Correlation-Id", pc->correlation_id);
	http_reply(x, pc->status ? pc->status : 200, pc->body ? pc->content_type : NULL, pc->body);
}

static void page_fiber(void *arg)
{
	struct page_exchange *px = arg;

	px->page->run(&px->pc);
	if (px->pc.take_over)
		http_answer(px->pc.x, px->pc.take_over, px->pc.take_over_arg);
	else
		http_answer(px->pc.x, page_write, px);
}

static void page_dispatch(void *arg)
{
	struct page_exchange *px = arg;
	fiber_start(px->pc.core->loop, "page", page_fiber, px);
}

/* Is word one of "GET,POST"? */
static bool has_word(const char *list, const char *word)
{
	g_auto(GStrv) words = g_strsplit(list, ",", -1);
	return g_strv_contains((const char *const *)words, word);
}

static const struct page *find_page(const struct front *f, const char *path)
{
	for (int i = 0; i < f->n_tables; i++)
		for (const struct page *pg = f->tables[i]; pg->path; pg++) {
			size_t n = strlen(pg->path);
			if (pg->path[n - 1] == '*' ? strncmp(path, pg->path, n - 1) == 0 : strcmp(path, pg->path) == 0)
				return pg;
		}
	return NULL;
}

static void page_handle(struct front *f, struct http_exchange *x, const struct page *pg)
{
	struct page_exchange *px = POOL_NEW(http_pool(x), struct page_exchange);
	const char *method = http_method(x);

	if (strcmp(method, "HEAD") == 0)
		method = "GET";
	if (!has_word(pg->methods, method)) {
		http_set_header(x, "Allow", pg->methods);
		http_reply(x, 405, NULL, NULL);
		return;
	}
	px->pc.core = f->core;
	px->pc.x = x;
	px->pc.pool = http_pool(x);
	px->page = pg;
	read_correlation(f->core, x, px->pc.correlation_id);
	loop_post(f->core->loop, page_dispatch, px);
}

void front_set_files(struct front *f, const struct http_files *files) { f->files = files; }

/* The portals; a person who names just the Manager is sent there. */
static bool handle_files(struct front *f, struct http_exchange *x, const char *path)
{
	static const struct {
		const char *root, *index;
	} portals[] = { { "/ovirt-engine/webadmin", "index.html" }, { "/ovirt-engine/web-ui", "web-ui.html" } };

	if (!f->files)
		return false;
	if (strcmp(path, "/") == 0 || strcmp(path, "/ovirt-engine") == 0 || strcmp(path, "/ovirt-engine/") == 0) {
		http_set_header(x, "Location", "/ovirt-engine/webadmin/");
		http_reply(x, 302, NULL, NULL);
		return true;
	}
	for (size_t i = 0; i < G_N_ELEMENTS(portals); i++) {
		size_t n = strlen(portals[i].root);

		if (strncmp(path, portals[i].root, n) != 0 || (path[n] && path[n] != '/'))
			continue;
		if (path[n]) {
			http_files_reply(f->files, x, path[n + 1] ? path + n + 1 : portals[i].index);
		} else {
			g_autofree char *there = g_strconcat(portals[i].root, "/", NULL);
			http_set_header(x, "Location", there);
			http_reply(x, 302, NULL, NULL);
		}
		return true;
	}
	return false;
}

void front_handle(void *front, struct http_exchange *x)
{
	struct front *f = front;
	const char *path = http_path(x);
	size_t n = strlen(API);
	const struct page *pg = find_page(f, path);

	if (pg) {
		page_handle(f, x, pg);
	} else if (!http_is_tls(x)) {
		http_reply(x, 403, "text/plain", g_string_new("This is only there over HTTPS.\n"));
	} else if (handle_files(f, x, path)) {
		return;
	} else if (strncmp(path, API, n) == 0 && (path[n] == '/' || path[n] == ';' || !path[n])) {
		api_handle(f, x, path + n);
	} else {
		http_reply(x, 404, NULL, NULL);
	}
}

/* ---- forms ---- */

static char *form_decode(struct pool *p, const char *s, size_t n)
{
	char *out = pool_alloc(p, n + 1), *o = out;

	for (size_t i = 0; i < n; i++) {
		if (s[i] == '%' && i + 2 < n && g_ascii_isxdigit(s[i + 1]) && g_ascii_isxdigit(s[i + 2])) {
			*o++ = (char)(g_ascii_xdigit_value(s[i + 1]) * 16 + g_ascii_xdigit_value(s[i + 2]));
			i += 2;
		} else {
			*o++ = s[i] == '+' ? ' ' : s[i];
		}
	}
	return out;
}

/* What is no UTF-8 is no parameter: it could be neither kept nor given back. */
static const char *text_or_null(const char *s) { return s && g_utf8_validate(s, -1, NULL) ? s : NULL; }

const char *page_param(struct page_call *pc, const char *name)
{
	size_t len, n = strlen(name);
	const char *body = http_body(pc->x, &len);

	if (len && is_type(http_header(pc->x, "Content-Type"), "application/x-www-form-urlencoded"))
		for (const char *s = body, *end = body + len; s < end;) {
			const char *stop = memchr(s, '&', (size_t)(end - s));
			size_t part = (size_t)((stop ? stop : end) - s);

			if (part > n && strncmp(s, name, n) == 0 && s[n] == '=')
				return text_or_null(form_decode(pc->pool, s + n + 1, part - n - 1));
			s += part + 1;
		}
	return text_or_null(http_query(pc->x, name));
}
