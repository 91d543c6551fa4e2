/* SPDX-License-Identifier: Apache-2.0 */
/* What handlers may ask of a request, and the way of an answer back to the edge. */
#include "manager/http/http_internal.h"

#include <string.h>
#include <strings.h>

const char *http_method(const struct http_exchange *x) { return x->method; }

const char *http_path(const struct http_exchange *x) { return x->path; }

const char *http_header(const struct http_exchange *x, const char *name)
{
	for (int i = 0; i < x->n_headers; i++)
		if (strcasecmp(x->headers[i].name, name) == 0)
			return x->headers[i].value;
	return NULL;
}

const char *http_body(const struct http_exchange *x, size_t *len)
{
	*len = x->body_len;
	return x->body ? x->body : "";
}

const char *http_peer(const struct http_exchange *x) { return x->peer; }

bool http_is_tls(const struct http_exchange *x) { return x->is_tls; }

struct pool *http_pool(struct http_exchange *x) { return x->pool; }

struct edge_thread *http_thread(const struct http_exchange *x) { return x->thread; }

/* The first cookie of that name in any Cookie header; quotes around the value are not part of it. */
const char *http_cookie(const struct http_exchange *x, const char *name)
{
	size_t n = strlen(name);

	for (int i = 0; i < x->n_headers; i++) {
		const char *s = x->headers[i].value;

		if (strcasecmp(x->headers[i].name, "Cookie") != 0)
			continue;
		while (*s) {
			size_t len;

			s += strspn(s, "; \t");
			len = strcspn(s, ";");
			if (len > n && strncmp(s, name, n) == 0 && s[n] == '=') {
				const char *value = s + n + 1, *end = s + len;

				while (end > value && (end[-1] == ' ' || end[-1] == '\t'))
					end--;
				if (end - value >= 2 && *value == '"' && end[-1] == '"')
					value++, end--;
				return pool_strndup(x->pool, value, end - value);
			}
			s += len;
		}
	}
	return NULL;
}

/* ---- query ---- */

static int hex(char c) { return g_ascii_xdigit_value(c); }

/* In place; the escapes were checked before. */
static void decode(char *s)
{
	char *to = s;

	for (; *s; s++) {
		if (*s == '%') {
			*to++ = (char)(hex(s[1]) << 4 | hex(s[2]));
			s += 2;
		} else {
			*to++ = *s == '+' ? ' ' : *s;
		}
	}
	*to = 0;
}

bool edge_query_parse(struct http_exchange *x, char *query)
{
	int n = 1;

	for (const char *s = query; *s; s++)
		n += *s == '&';
	x->params = POOL_ARRAY(x->pool, struct edge_pair, n);
	for (char *next; query; query = next) {
		struct edge_pair *p = &x->params[x->n_params];
		char *value;

		next = strchr(query, '&');
		if (next)
			*next++ = 0;
		if (!*query)
			continue;
		value = strchr(query, '=');
		if (value)
			*value++ = 0;
		else
			value = query + strlen(query);
		decode(query);
		decode(value);
		if (!g_utf8_validate(query, -1, NULL) || !g_utf8_validate(value, -1, NULL))
			return false;
		p->name = query;
		p->value = value;
		x->n_params++;
	}
	return true;
}

const char *http_query(const struct http_exchange *x, const char *name)
{
	for (int i = 0; i < x->n_params; i++)
		if (strcmp(x->params[i].name, name) == 0)
			return x->params[i].value;
	return NULL;
}

void http_query_each(const struct http_exchange *x, void (*fn)(void *arg, const char *name, const char *value),
                     void *arg)
{
	for (int i = 0; i < x->n_params; i++)
		fn(arg, x->params[i].name, x->params[i].value);
}

/* ---- the way back ---- */

void edge_exchange_stop_waiting(struct http_exchange *x)
{
	if (!x->is_waiting)
		return;
	x->is_waiting = false;
	if (x->prev)
		x->prev->next = x->next;
	else
		x->thread->waiting = x->next;
	if (x->next)
		x->next->prev = x->prev;
	x->prev = x->next = NULL;
}

/* On the edge's thread; or, when that has ended, on the caller's. The exchange's reference may be the last. */
static void carry_out(struct edge_thread *t, struct edge_msg *m)
{
	struct http_exchange *x = (struct http_exchange *)m;

	x->answer(x, x->answer_arg);
}

void http_answer(struct http_exchange *x, void (*fn)(struct http_exchange *x, void *arg), void *arg)
{
	struct http_server *s = x->server;

	x->msg.fn = carry_out;
	x->answer = fn;
	x->answer_arg = arg;
	/* Once posted, the answer may be given and the server gone, while its thread is still being woken here. */
	atomic_fetch_add(&s->refs, 1);
	if (!edge_post(x->thread, &x->msg))
		carry_out(x->thread, &x->msg);
	edge_server_unref(s);
}
