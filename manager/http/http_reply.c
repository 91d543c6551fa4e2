/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Answers. Whole bodies are given to the library as they are, or compressed if they are short enough to do so at once;
 * streams, and long bodies that are to be compressed, are produced piece by piece as the client takes them, so that
 * no answer holds its thread. Whatever is answered to an exchange that lost its connection is dropped.
 */
#include "manager/http/http_internal.h"

#include <string.h>
#include <strings.h>

#include "base/log.h"

#define GZIP_AT_ONCE (256 * 1024) /* takes about 2 ms */
#define PACKED_MAX   ((size_t)64 << 20)

/* ---- faults ---- */

struct edge_fault {
	int status;
	const char *body;
};

#define FAULT(name, status, reason, detail)                                                                            \
	static const struct edge_fault name##_OF = {                                                                   \
		status, "<?xml version=\"1.0\" encoding=\"UTF-8\" standalone=\"yes\"?>\n<fault><detail>" detail        \
		        "</detail><reason>" reason "</reason></fault>\n"                                               \
	};                                                                                                             \
	const struct edge_fault *const name = &name##_OF

FAULT(FAULT_BAD_REQUEST, 400, "Bad Request", "The request is not well-formed HTTP.");
FAULT(FAULT_PATH, 400, "Bad Request",
      "The path or query of the request holds characters or escapes that are not allowed.");
FAULT(FAULT_HOST, 400, "Bad Request", "The request needs one Host header.");
FAULT(FAULT_HEADERS, 431, "Request Header Fields Too Large", "The headers of the request are too many or too large.");
FAULT(FAULT_URI, 414, "URI Too Long", "The path and query of the request are longer than 8192 bytes.");
FAULT(FAULT_BODY, 413, "Content Too Large", "The body of the request is larger than the server accepts.");
FAULT(FAULT_CODING, 501, "Not Implemented", "The transfer coding of the request is not known.");
FAULT(FAULT_BUSY, 503, "Service Unavailable", "Too many requests are waiting for an answer. Try again later.");
FAULT(FAULT_STOPPING, 503, "Service Unavailable", "The server is shutting down. Try again later.");

/* ---- the common way out ---- */

void edge_reply_done(struct http_exchange *x)
{
	struct http_server *s = x->server;
	bool was_out = x->is_out, is_lost = !x->conn;

	x->is_replied = true;
	x->is_out = false;
	edge_exchange_stop_waiting(x);
	if (is_lost)
		edge_exchange_unref(x);
	if (was_out)
		edge_server_unref(s);
}

/*
 * Whether there is somebody to answer. If not, the exchange is gone after this, and the caller frees what it was to
 * send.
 */
bool edge_reply_begin(struct http_exchange *x)
{
	if (x->conn && !x->is_replied)
		return true;
	if (x->is_replied)
		log_error("a request was answered twice", "PATH", x->path);
	else
		edge_reply_done(x);
	return false;
}

static void add(struct MHD_Response *r, const char *name, const char *value)
{
	if (MHD_add_response_header(r, name, value) != MHD_YES && *value)
		log_warn("answer header left out", "NAME", name);
}

static bool has_reply_header(const struct http_exchange *x, const char *name)
{
	for (const struct edge_pair *p = x->reply_headers; p; p = p->next)
		if (strcasecmp(p->name, name) == 0)
			return true;
	return false;
}

/* Queue r on the connection and give it to the library to go on. Takes the reference. */
static void queue(struct edge_conn *c, int status, struct MHD_Response *r, bool has_body)
{
	if (MHD_queue_response(c->mc, status, r) != MHD_YES) {
		log_warn("answer could not be queued", "PEER", c->peer);
		edge_conn_shutdown(c);
	} else {
		edge_conn_enter(c, PHASE_REPLY);
	}
	MHD_destroy_response(r);
	c->hold_next = has_body && c->kind == EDGE_TLS;
	if (c->is_suspended) {
		c->skip_read = c->kind == EDGE_TLS && c->in_len == 0;
		edge_conn_resume(c);
	}
}

static void add_common(struct http_exchange *x, struct MHD_Response *r, const char *content_type)
{
	if (content_type)
		add(r, "Content-Type", content_type);
	for (const struct edge_pair *p = x->reply_headers; p; p = p->next)
		add(r, p->name, p->value);
	add(r, "X-Content-Type-Options", "nosniff");
	if (x->is_tls)
		add(r, "Strict-Transport-Security", "max-age=31536000");
	if (x->must_close || x->thread->is_stopping)
		add(r, "Connection", "close");
}

void edge_reply_with(struct http_exchange *x, int status, const char *content_type, struct MHD_Response *r,
                     enum edge_coding coding, bool has_body)
{
	if (status < 200 || status > 599) {
		log_error("answer with an impossible status", "PATH", x->path);
		status = 500;
	}
	add_common(x, r, content_type);
	if (coding != CODING_NEVER)
		add(r, "Vary", "Accept-Encoding");
	if (coding == CODING_GZIP)
		add(r, "Content-Encoding", "gzip");
	has_body = has_body && status != 204 && status != 304 && strcmp(x->method, "HEAD") != 0;
	queue(x->conn, status, r, has_body);
	edge_reply_done(x);
}

void edge_reply_fault(struct http_exchange *x, const struct edge_fault *f)
{
	if (f->status == 503)
		http_set_header(x, "Retry-After", f == FAULT_BUSY ? "1" : "10");
	http_reply_static(x, f->status, "application/xml", f->body, strlen(f->body));
}

void edge_exchange_abandon(struct http_exchange *x, const struct edge_fault *f)
{
	struct edge_conn *c = x->conn;
	struct MHD_Response *r =
	    MHD_create_response_from_buffer(strlen(f->body), (void *)f->body, MHD_RESPMEM_PERSISTENT);

	/* The owner may be using the exchange right now: none of it is touched but our own part. */
	edge_exchange_stop_waiting(x);
	c->exchange = NULL;
	x->conn = NULL;
	add(r, "Content-Type", "application/xml");
	add(r, "Retry-After", "10");
	add(r, "Connection", "close");
	queue(c, f->status, r, false);
}

/* ---- what handlers call ---- */

void http_set_header(struct http_exchange *x, const char *name, const char *value)
{
	struct edge_pair *p;

	if (!name || !value)
		return;
	p = POOL_NEW(x->pool, struct edge_pair);
	p->name = pool_strdup(x->pool, name);
	p->value = pool_strdup(x->pool, value);
	*x->reply_tail = p;
	x->reply_tail = &p->next;
}

static void string_free(void *p) { g_string_free(p, TRUE); }

enum edge_coding edge_reply_coding(const struct http_exchange *x, const char *content_type, size_t len)
{
	if (len <= EDGE_GZIP_MIN || !edge_is_compressible(content_type) || has_reply_header(x, "Content-Encoding"))
		return CODING_NEVER;
	return edge_accepts_gzip(x) ? CODING_GZIP : CODING_NONE;
}

void http_reply(struct http_exchange *x, int status, const char *content_type, GString *body)
{
	enum edge_coding coding = CODING_NEVER;
	struct MHD_Response *r;

	if (!edge_reply_begin(x)) {
		if (body)
			g_string_free(body, TRUE);
		return;
	}
	if (!body) {
		r = MHD_create_response_from_buffer(0, NULL, MHD_RESPMEM_PERSISTENT);
		edge_reply_with(x, status, NULL, r, coding, false);
		return;
	}
	coding = edge_reply_coding(x, content_type, body->len);
	if (coding == CODING_GZIP && body->len > GZIP_AT_ONCE && strcmp(x->method, "HEAD") == 0)
		coding = CODING_NONE;
	if (coding == CODING_GZIP && body->len > GZIP_AT_ONCE) {
		edge_stream_string(x, status, content_type, body);
		return;
	}
	if (coding == CODING_GZIP) {
		GString *packed = edge_gzip(x->thread->deflate, body->str, body->len);

		if (packed) {
			g_string_free(body, TRUE);
			body = packed;
		} else {
			coding = CODING_NONE;
		}
	}
	r = MHD_create_response_from_buffer_with_free_callback_cls(body->len, body->str, string_free, body);
	edge_reply_with(x, status, content_type, r, coding, body->len > 0);
}

/* The compressed form of static data, made once; empty if it does not pay. It stays as long as the server. */
static const GString *packed_form(struct edge_thread *t, const void *data, size_t len)
{
	static const GString none = { 0 };
	struct http_server *s = t->server;
	struct edge_deflate *best;
	GString *packed, *old;

	pthread_mutex_lock(&s->lock);
	packed = g_hash_table_lookup(s->packed, data);
	if (!packed && s->packed_size > PACKED_MAX)
		packed = (GString *)&none;
	pthread_mutex_unlock(&s->lock);
	if (packed)
		return packed;
	best = edge_deflate_new(9); /* once: a fifth less than what is made for each answer */
	packed = edge_gzip(best, data, len);
	edge_deflate_free(best);
	if (!packed)
		packed = g_string_new(NULL);
	pthread_mutex_lock(&s->lock);
	old = g_hash_table_lookup(s->packed, data);
	if (old) { /* another thread was faster */
		g_string_free(packed, TRUE);
		packed = old;
	} else {
		g_hash_table_insert(s->packed, (void *)data, packed);
		s->packed_size += packed->len;
	}
	pthread_mutex_unlock(&s->lock);
	return packed;
}

void http_reply_static(struct http_exchange *x, int status, const char *content_type, const void *data, size_t len)
{
	enum edge_coding coding;

	if (!edge_reply_begin(x))
		return;
	coding = edge_reply_coding(x, content_type, len);
	if (coding == CODING_GZIP) {
		const GString *packed = packed_form(x->thread, data, len);

		if (packed->len) {
			data = packed->str;
			len = packed->len;
		} else {
			coding = CODING_NONE;
		}
	}
	edge_reply_with(x, status, content_type,
	                MHD_create_response_from_buffer(len, (void *)data, MHD_RESPMEM_PERSISTENT), coding, len > 0);
}
