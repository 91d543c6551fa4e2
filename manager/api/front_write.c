/* SPDX-License-Identifier: Apache-2.0 */
#include "manager/api/front_write.h"

#include <string.h>

#include "manager/api/etag.h"
#include "manager/api/front.h"
#include "manager/api/root_links.h"

#define XML_TYPE  "application/xml;charset=UTF-8"
#define JSON_TYPE "application/json"

enum { STREAM_FROM = 100, STREAM_CHUNK = 128 * 1024 };

static const struct {
	int status;
	const char *reason;
} FAULTS[N_ERR_CODE] = {
	[ERR_NONE] = { 500, "Operation Failed" },
	[ERR_SYNTAX] = { 400, "Request syntactically incorrect." },
	[ERR_INVALID] = { 400, "Invalid value" },
	[ERR_RANGE] = { 400, "Value out of range" },
	[ERR_MISSING] = { 400, "Incomplete parameters" },
	[ERR_UNSUPPORTED] = { 400, "Operation Failed" },
	[ERR_AUTH] = { 401, "Not authenticated" },
	[ERR_DENIED] = { 403, "Operation Failed" },
	[ERR_NO_ENTITY] = { 404, "Operation Failed" },
	[ERR_NOT_FOUND] = { 404, "Operation Failed" },
	[ERR_METHOD] = { 405, "Method not allowed" },
	[ERR_NOT_ACCEPTABLE] = { 406, "Not acceptable" },
	[ERR_MEDIA_TYPE] = { 415, "Unsupported media type" },
	[ERR_TOO_LARGE] = { 413, "Request too large" },
	[ERR_CONFLICT] = { 409, "Operation Failed" },
	[ERR_PRECONDITION] = { 412, "Precondition failed" },
	[ERR_IMMUTABLE] = { 409, "Broken immutability constraint" },
	[ERR_BUSY] = { 503, "Service busy" },
	[ERR_NOT_IMPLEMENTED] = { 501, "Not implemented" },
	[ERR_NO_SPACE] = { 507, "Operation Failed" },
	[ERR_BACKEND] = { 500, "Operation Failed" },
	[ERR_NETWORK] = { 409, "Operation Failed" },
	[ERR_TIMEOUT] = { 409, "Operation Failed" },
	[ERR_AGENT] = { 409, "Operation Failed" },
	[ERR_CANCELLED] = { 409, "Operation Failed" },
	[ERR_INTERNAL] = { 500, "Operation Failed" },
};

int front_status(enum err_code code) { return FAULTS[code < N_ERR_CODE ? code : ERR_INTERNAL].status; }

const char *front_reason(enum err_code code) { return FAULTS[code < N_ERR_CODE ? code : ERR_INTERNAL].reason; }

static struct m_fault *make_fault(struct http_exchange *x, const struct err *e)
{
	struct m_fault *f = m_new(http_pool(x), &M_TYPE_fault);
	bool is_list = strcmp(front_reason(e->code), "Operation Failed") == 0;
	g_autofree char *text = NULL;
	const char *sep = e->field[0] && !strstr(e->detail, e->field) ? ": " : "";

	f->reason = (char *)front_reason(e->code);
	text =
	    g_utf8_make_valid(e->detail, -1); /* it may quote what was sent, and be cut in the middle of a character */
	f->detail = pool_printf(http_pool(x), is_list ? "[%s%s%s]" : "%s%s%s", *sep ? e->field : "", sep, text);
	return f;
}

static void write_root_links(struct http_exchange *x, GString *out, const char *base, bool is_json)
{
	const char *host = http_header(x, "Host");
	g_autofree char *origin = g_strconcat(http_is_tls(x) ? "https://" : "http://", host ? host : "localhost", NULL);
	g_autofree char *header = NULL;

	root_links_insert(out, 0, base, is_json);
	if (strcmp(http_method(x), "HEAD") == 0 && strlen(origin) < 300) {
		header = root_links_header(origin, base);
		http_set_header(x, "Link", header);
	}
}

/* The call, if there is one, is let go before the answer: behind it the exchange and its pool may be gone. */
static void reply_object(struct http_exchange *x, struct call *c, int status, const struct m_type *t, const void *obj,
                         bool is_json, const struct m_write *w)
{
	GString *out = g_string_sized_new(4096);

	if (is_json) {
		m_write_json(out, t, obj, w);
	} else {
		m_write_xml_head(out);
		m_write_xml(out, t, obj, NULL, w);
	}
	if (t == &M_TYPE_api)
		write_root_links(x, out, w->base, is_json);
	if (etag_write(x, c, status, out)) {
		call_release(c);
		g_string_free(out, TRUE);
		http_reply(x, 304, NULL, NULL);
		return;
	}
	if (c)
		call_release(c);
	http_reply(x, status, is_json ? JSON_TYPE : XML_TYPE, out);
}

static void write_fault(struct http_exchange *x, struct call *c, const struct err *e, bool is_json)
{
	if (e->code == ERR_NO_ENTITY) { /* clients rely on the empty body of a missing entity */
		if (c)
			call_release(c);
		http_reply(x, 404, NULL, NULL);
		return;
	}
	if (e->code == ERR_AUTH)
		http_set_header(x, "WWW-Authenticate", "Basic realm=\"RESTAPI\"");
	if (e->code == ERR_BUSY || e->code == ERR_NO_SPACE)
		http_set_header(x, "Retry-After", "5");
	reply_object(x, c, front_status(e->code), &M_TYPE_fault, make_fault(x, e), is_json, &(struct m_write){ "", 0 });
}

void front_write_fault(struct http_exchange *x, const struct err *e, bool is_json) { write_fault(x, NULL, e, is_json); }

/* A failed action carries its fault inside. */
static void write_failed_action(struct http_exchange *x, struct call *c, bool is_json, const struct m_write *w)
{
	struct m_action *a = c->action ? c->action : m_new(c->pool, &M_TYPE_action);

	a->fault = make_fault(x, &c->error);
	a->status = pool_strdup(c->pool, "failed");
	reply_object(x, c, front_status(c->error.code), &M_TYPE_action, a, is_json, w);
}

/* ---- long lists ---- */

struct list_stream {
	struct call *c;
	struct m_write w;
	size_t next;
	bool is_json;
};

static bool produce(void *arg, GString *out)
{
	struct list_stream *s = arg;
	size_t from = out->len;

	if (s->next == 0)
		m_write_list_begin(out, s->c->type, s->is_json);
	while (s->next < s->c->n_list && out->len - from < STREAM_CHUNK) {
		m_write_list_item(out, s->c->type, s->c->list[s->next], s->next, s->is_json, &s->w);
		s->next++;
	}
	if (s->next < s->c->n_list)
		return true;
	m_write_list_end(out, s->c->type, s->c->n_list, s->is_json);
	return false;
}

static void stream_done(void *arg) { call_release(((struct list_stream *)arg)->c); }

static void write_list(struct http_exchange *x, struct call *c, bool is_json, const struct m_write *w)
{
	struct list_stream *s = POOL_NEW(c->pool, struct list_stream);
	GString *out;

	*s = (struct list_stream){ c, *w, 0, is_json };
	if (c->n_list >= STREAM_FROM) {
		http_reply_stream(x, 200, is_json ? JSON_TYPE : XML_TYPE, produce, stream_done, s);
		return;
	}
	out = g_string_sized_new(1024 + 4096 * c->n_list);
	while (produce(s, out))
		;
	call_release(c);
	http_reply(x, 200, is_json ? JSON_TYPE : XML_TYPE, out);
}

/* Who begins a stream there misses nothing that is not in this answer. */
static void write_place(struct http_exchange *x, const struct call *c)
{
	char number[24];

	if ((c->op->kind != M_OP_GET && c->op->kind != M_OP_LIST) || c->place < 0)
		return;
	g_snprintf(number, sizeof(number), "%" G_GINT64_FORMAT, c->place);
	http_set_header(x, "Hostler-Event", number);
}

void front_write_call(struct http_exchange *x, struct call *c, bool is_json)
{
	struct m_write w = { c->base, c->query.all_content ? M_W_ALL_CONTENT : 0 };
	GString *text;

	if (c->error.code != ERR_NONE) {
		if (c->op->kind == M_OP_ACTION && c->error.code != ERR_NO_ENTITY && c->error.code != ERR_AUTH)
			write_failed_action(x, c, is_json, &w);
		else
			write_fault(x, c, &c->error, is_json);
		return;
	}
	if (c->location)
		http_set_header(x, "Location", c->location);
	write_place(x, c);
	switch (c->result) {
	case RESULT_LIST: write_list(x, c, is_json, &w); break;
	case RESULT_ENTITY:
	case RESULT_ACTION:
		reply_object(x, c,
		             c->status                 ? c->status
		             : c->op->kind == M_OP_ADD ? 201
		                                       : 200,
		             c->type, c->object, is_json, &w);
		break;
	case RESULT_TEXT:
		text = g_string_new(c->text);
		call_release(c);
		http_reply(x, 200, c->text_type, text);
		break;
	case RESULT_STREAM: /* not written here */
	case RESULT_NONE:
		call_release(c);
		http_reply(x, 500, NULL, NULL);
		break;
	}
}
