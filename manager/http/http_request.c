/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A request comes in: the library calls us with its first line, with its headers, with each part of its body, and when
 * it is complete. What we keep is copied into the exchange, so that its owner may read it whatever becomes of the
 * connection. What is wrong or too large is answered here. A client that is in the middle of sending a body rarely
 * reads an answer, and loses it when we close; so its body is read over first, up to a limit.
 */
#include "manager/http/http_internal.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/log.h"

#define FIRST_BODY   (64 * 1024)
#define DRAIN_FACTOR 4 /* bodies up to so many times max_body are read over before they are refused */

static bool is_token(const char *s)
{
	if (!*s)
		return false;
	for (; *s; s++)
		if (!g_ascii_isalnum(*s) && !strchr("!#$%&'*+-.^_`|~", *s))
			return false;
	return true;
}

/* Header values: visible, blanks, tabs, and bytes above ASCII. */
static bool is_clean_value(const char *s)
{
	for (; *s; s++)
		if (((unsigned char)*s < 0x20 && *s != '\t') || *s == 0x7f)
			return false;
	return true;
}

/* The request's target: no blanks, no control characters; as escapes these are allowed in queries, but for NUL. */
static bool is_clean_target(const char *s)
{
	bool in_query = false;

	for (; *s; s++) {
		int code;

		if ((unsigned char)*s <= 0x20 || *s == 0x7f)
			return false;
		in_query = in_query || *s == '?';
		if (*s != '%')
			continue;
		if (!g_ascii_isxdigit(s[1]) || !g_ascii_isxdigit(s[2]))
			return false;
		code = g_ascii_xdigit_value(s[1]) << 4 | g_ascii_xdigit_value(s[2]);
		if (code == 0 || (!in_query && (code < 0x20 || code == 0x7f)))
			return false;
	}
	return true;
}

/* ---- the first line ---- */

void *edge_request_begin(void *cls, const char *uri, struct MHD_Connection *mc)
{
	struct edge_thread *t = cls;
	struct edge_conn *c = MHD_get_connection_info(mc, MHD_CONNECTION_INFO_SOCKET_CONTEXT)->socket_context;
	struct http_exchange *x = g_new0(struct http_exchange, 1);

	c->is_established = true;
	if (c->phase == PHASE_IDLE)
		edge_conn_enter(c, PHASE_HEADER);
	x->refs = 1;
	x->server = t->server;
	x->thread = t;
	x->conn = c;
	x->is_tls = c->kind == EDGE_TLS;
	x->pool = pool_new();
	x->reply_tail = &x->reply_headers;
	x->target_len = uri ? strlen(uri) : 0;
	if (x->target_len <= EDGE_MAX_TARGET)
		x->target = pool_strndup(x->pool, uri ? uri : "", x->target_len);
	c->exchange = x;
	return x;
}

/* ---- headers ---- */

struct header_walk {
	struct http_exchange *x;
	int n_length, n_coding, n_host;
	bool is_bad, is_chunked;
	const char *length;
};

static enum MHD_Result take_header(void *cls, enum MHD_ValueKind kind, const char *name, const char *value)
{
	struct header_walk *w = cls;
	struct http_exchange *x = w->x;
	struct edge_pair *p = &x->headers[x->n_headers++];

	if (!value)
		value = "";
	p->name = pool_strdup(x->pool, name);
	p->value = pool_strdup(x->pool, value);
	if (!is_token(name) || !is_clean_value(value))
		w->is_bad = true;
	if (strcasecmp(name, "Content-Length") == 0) {
		w->n_length++;
		w->length = p->value;
	} else if (strcasecmp(name, "Transfer-Encoding") == 0) {
		w->n_coding++;
		w->is_chunked = strcasecmp(value, "chunked") == 0;
	} else if (strcasecmp(name, "Host") == 0) {
		w->n_host++;
	}
	return MHD_YES;
}

/* "http://host/path" is allowed, too; everything that follows looks at the path alone. */
static char *skip_authority(char *target)
{
	char *rest;

	if (target[0] == '/')
		return target;
	if (strncasecmp(target, "http://", 7) != 0 && strncasecmp(target, "https://", 8) != 0)
		return NULL;
	rest = strchr(strchr(target, '/') + 2, '/');
	return rest;
}

static const struct edge_fault *take_target(struct http_exchange *x, const char *url, const char *version)
{
	char *path, *query;

	if (!x->target)
		return FAULT_URI;
	/* In the library's buffer the version follows the target; when it does not, there was a NUL in between. */
	if (*version && version != url + x->target_len + 1)
		return FAULT_PATH;
	if (!is_clean_target(x->target))
		return FAULT_PATH;
	if (strcmp(x->target, "*") == 0 && strcmp(x->method, "OPTIONS") == 0) {
		x->path = x->target;
		return NULL;
	}
	path = skip_authority(x->target);
	if (!path)
		return FAULT_PATH;
	query = strchr(path, '?');
	if (query)
		*query++ = 0;
	x->path = path;
	return query && !edge_query_parse(x, query) ? FAULT_PATH : NULL;
}

static const struct edge_fault *take_headers(struct http_exchange *x, struct header_walk *w, struct MHD_Connection *mc,
                                             const char *version)
{
	size_t size = MHD_get_connection_info(mc, MHD_CONNECTION_INFO_REQUEST_HEADER_SIZE)->header_size;
	int n = MHD_get_connection_values(mc, MHD_HEADER_KIND, NULL, NULL);

	if (n > EDGE_MAX_HEADERS || size > x->server->cfg.max_header)
		return FAULT_HEADERS;
	w->x = x;
	x->headers = POOL_ARRAY(x->pool, struct edge_pair, n);
	MHD_get_connection_values(mc, MHD_HEADER_KIND, take_header, w);
	if (w->is_bad || w->n_length > 1 || w->n_coding > 1 || (w->n_length && w->n_coding))
		return FAULT_BAD_REQUEST;
	if (w->n_host > 1 || (w->n_host == 0 && strcmp(version, "HTTP/1.1") == 0))
		return FAULT_HOST;
	if (w->n_coding && !w->is_chunked)
		return FAULT_CODING;
	return NULL;
}

/* All headers are there: take them, and see whether the rest is welcome. */
static void begin_body(struct http_exchange *x, struct MHD_Connection *mc, const char *url, const char *method,
                       const char *version)
{
	struct header_walk w = { 0 };
	const struct edge_fault *f;
	const char *expect;
	uint64_t length = 0;

	x->has_headers = true;
	x->method = pool_strndup(x->pool, method, EDGE_MAX_METHOD);
	x->peer = pool_strdup(x->pool, x->conn->peer);
	edge_conn_enter(x->conn, PHASE_BODY);
	f = is_token(method) && strlen(method) <= EDGE_MAX_METHOD ? NULL : FAULT_BAD_REQUEST;
	if (!f)
		f = take_target(x, url, version);
	if (!f)
		f = take_headers(x, &w, mc, version);
	if (!f && w.length) {
		length = g_ascii_strtoull(w.length, NULL, 10);
		if (length > x->server->cfg.max_body)
			f = FAULT_BODY;
	}
	if (!f)
		return;
	x->must_close = true;
	expect = http_header(x, "Expect");
	if ((w.n_coding || length) && f != FAULT_CODING && !(expect && strcasecmp(expect, "100-continue") == 0) &&
	    length <= DRAIN_FACTOR * (uint64_t)x->server->cfg.max_body)
		x->fault = f; /* later */
	else
		edge_reply_fault(x, f);
}

/* ---- body ---- */

static bool body_reserve(struct http_exchange *x, size_t need)
{
	struct http_server *s = x->server;
	size_t cap = MAX(x->body_cap * 2, need + 1);

	if (need < x->body_cap)
		return true;
	if (!x->body_cap && cap < FIRST_BODY) {
		const char *length = http_header(x, "Content-Length");

		cap = length ? CLAMP(g_ascii_strtoull(length, NULL, 10) + 1, cap, FIRST_BODY) : MAX(cap, 4096);
	}
	cap = MIN(cap, s->cfg.max_body + 1);
	if (atomic_fetch_add(&s->body_size, cap - x->body_cap) + cap - x->body_cap > s->max_body_total) {
		atomic_fetch_sub(&s->body_size, cap - x->body_cap);
		return false;
	}
	x->body = g_realloc(x->body, cap);
	x->body_cap = cap;
	return true;
}

static void body_drop(struct http_exchange *x)
{
	atomic_fetch_sub(&x->server->body_size, x->body_cap);
	g_free(x->body);
	x->body = NULL;
	x->body_cap = x->body_len = 0;
}

static enum MHD_Result take_body(struct http_exchange *x, const char *data, size_t size)
{
	size_t max = x->server->cfg.max_body;

	x->conn->since_ms = x->thread->now_ms;
	x->body_seen += size;
	if (x->fault)
		return x->body_seen > DRAIN_FACTOR * max ? MHD_NO : MHD_YES;
	if (x->body_len + size > max)
		x->fault = FAULT_BODY;
	else if (!body_reserve(x, x->body_len + size))
		x->fault = FAULT_BUSY;
	if (x->fault) {
		x->must_close = true;
		body_drop(x);
		return MHD_YES;
	}
	memcpy(x->body + x->body_len, data, size);
	x->body_len += size;
	x->body[x->body_len] = 0;
	return MHD_YES;
}

/* ---- the whole ---- */

static void hand_over(struct http_exchange *x)
{
	struct http_server *s = x->server;
	struct edge_thread *t = x->thread;

	edge_conn_enter(x->conn, PHASE_WAITING);
	if (!x->fault && t->is_stopping)
		x->fault = FAULT_STOPPING;
	else if (!x->fault && atomic_load_explicit(&s->refs, memory_order_relaxed) > s->cfg.max_waiting)
		x->fault = FAULT_BUSY;
	if (x->fault) {
		edge_reply_fault(x, x->fault);
		return;
	}
	s->cfg.handler(s->cfg.arg, x);
	if (x->is_replied)
		return;
	/* From here on it is out; on this thread, so http_answer() has not been carried out yet. */
	atomic_fetch_add(&s->refs, 1);
	x->is_out = x->is_waiting = true;
	x->next = t->waiting;
	if (x->next)
		x->next->prev = x;
	t->waiting = x;
	edge_conn_suspend(x->conn);
}

enum MHD_Result edge_request_more(void *cls, struct MHD_Connection *mc, const char *url, const char *method,
                                  const char *version, const char *data, size_t *size, void **req_cls)
{
	struct http_exchange *x = *req_cls;
	size_t n = *size;

	if (!x || x->is_upgraded) /* the latter: it has ended, and was given back */
		return MHD_NO;
	if (!x->has_headers) {
		begin_body(x, mc, url, method, version);
		return MHD_YES;
	}
	if (n) {
		*size = 0;
		return take_body(x, data, n);
	}
	hand_over(x);
	return MHD_YES;
}

void edge_request_end(void *cls, struct MHD_Connection *mc, void **req_cls, enum MHD_RequestTerminationCode why)
{
	struct edge_conn *c = MHD_get_connection_info(mc, MHD_CONNECTION_INFO_SOCKET_CONTEXT)->socket_context;
	struct http_exchange *x = c->exchange;

	*req_cls = NULL;
	c->exchange = NULL;
	if (c->phase != PHASE_CLOSING)
		edge_conn_enter(c, PHASE_IDLE);
	if (!x)
		return; /* abandoned */
	x->conn = NULL;
	edge_exchange_unref(x);
}

void edge_exchange_unref(struct http_exchange *x)
{
	if (--x->refs > 0)
		return;
	body_drop(x);
	pool_free(x->pool);
	g_free(x);
}
