/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/fuzz/fake_exchange.h"

#include <stdlib.h>
#include <string.h>

struct http_exchange *fake_exchange_new(void)
{
	struct http_exchange *x = g_new0(struct http_exchange, 1);

	x->pool = pool_new();
	x->method = "GET";
	x->path = "/";
	return x;
}

void fake_exchange_free(struct http_exchange *x)
{
	pool_free(x->pool);
	g_free(x->content_type);
	g_free(x->location);
	if (x->reply)
		g_string_free(x->reply, TRUE);
	g_free(x);
}

const char *http_method(const struct http_exchange *x) { return x->method; }
const char *http_path(const struct http_exchange *x) { return x->path; }
const char *http_peer(const struct http_exchange *x) { return "192.0.2.7"; }
bool http_is_tls(const struct http_exchange *x) { return true; }
struct pool *http_pool(struct http_exchange *x) { return x->pool; }

const char *http_header(const struct http_exchange *x, const char *name)
{
	for (int i = 0; i < x->n_headers; i++)
		if (g_ascii_strcasecmp(x->header_names[i], name) == 0)
			return x->header_values[i];
	return NULL;
}

static char *decode(struct pool *p, const char *s, size_t n)
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

void http_query_each(const struct http_exchange *x, void (*fn)(void *arg, const char *name, const char *value),
                     void *arg)
{
	for (const char *s = x->query; s && *s;) {
		size_t n = strcspn(s, "&"), name = strcspn(s, "&=");
		fn(arg, decode(x->pool, s, name), name < n ? decode(x->pool, s + name + 1, n - name - 1) : "");
		s += n + (s[n] == '&');
	}
}

struct wanted {
	const char *name, *value;
};

static void take(void *arg, const char *name, const char *value)
{
	struct wanted *w = arg;
	if (!w->value && strcmp(name, w->name) == 0)
		w->value = value;
}

const char *http_query(const struct http_exchange *x, const char *name)
{
	struct wanted w = { name, NULL };

	http_query_each(x, take, &w);
	return w.value;
}

const char *http_body(const struct http_exchange *x, size_t *len)
{
	*len = x->body_len;
	return x->body ? x->body : "";
}

const char *http_cookie(const struct http_exchange *x, const char *name) { return http_header(x, "Cookie"); }

void http_answer(struct http_exchange *x, void (*fn)(struct http_exchange *x, void *arg), void *arg) { fn(x, arg); }

void http_set_header(struct http_exchange *x, const char *name, const char *value)
{
	if (strpbrk(value, "\r\n"))
		abort();
	if (strcmp(name, "Location") == 0) {
		g_free(x->location);
		x->location = g_strdup(value);
	}
}

void http_reply(struct http_exchange *x, int status, const char *content_type, GString *body)
{
	if (x->n_answers++ > 0)
		abort();
	x->status = status;
	x->content_type = g_strdup(content_type);
	x->reply = body ? body : g_string_new(NULL);
}

void http_reply_static(struct http_exchange *x, int status, const char *content_type, const void *data, size_t len)
{
	http_reply(x, status, content_type, g_string_new_len(data, (gssize)len));
}

void http_reply_stream(struct http_exchange *x, int status, const char *content_type,
                       bool (*produce)(void *arg, GString *out), void (*done)(void *arg), void *arg)
{
	GString *out = g_string_new(NULL);

	while (produce(arg, out))
		;
	done(arg);
	http_reply(x, status, content_type, out);
}

/* ---- streams: only their first texts come, then they end ---- */

struct http_feed {
	struct http_feed_config cfg;
	int refs;
};

struct http_push {
	struct http_feed *feed;
	void *arg;
	int refs;
};

struct http_feed *http_feed_new(const struct http_feed_config *cfg)
{
	struct http_feed *f = g_new0(struct http_feed, 1);

	f->cfg = *cfg;
	f->refs = 1;
	return f;
}

void http_feed_unref(struct http_feed *f)
{
	if (--f->refs == 0)
		g_free(f);
}

void http_feed_send(struct http_feed *f, GBytes *text) { g_bytes_unref(text); }

struct http_push *http_feed_invite(struct http_feed *f, struct http_exchange *x, void *arg)
{
	struct http_push *p = g_new0(struct http_push, 1);

	p->feed = f;
	p->arg = arg;
	p->refs = 2;
	f->refs++;
	return p;
}

void http_push_unref(struct http_push *p)
{
	if (--p->refs > 0)
		return;
	http_feed_unref(p->feed);
	g_free(p);
}

static void add_text(GString *out, GBytes *text)
{
	size_t n;
	const char *data = text ? g_bytes_get_data(text, &n) : NULL;

	if (data)
		g_string_append_len(out, data, (gssize)n);
	if (text)
		g_bytes_unref(text);
}

void http_push_accept(struct http_push *p, struct http_exchange *x, GBytes *first, GBytes *more)
{
	GString *out = g_string_new(NULL);
	void (*closed)(void *arg) = p->feed->cfg.closed;
	void *arg = p->arg;

	add_text(out, first);
	add_text(out, more);
	http_reply(x, 200, p->feed->cfg.content_type, out);
	http_push_unref(p);
	closed(arg);
}

void http_push_end(struct http_push *p) {}
