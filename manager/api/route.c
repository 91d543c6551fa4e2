/* SPDX-License-Identifier: Apache-2.0 */
#include "manager/api/route.h"

#include <string.h>

#include "base/log.h"

/* Percent escapes; control characters and bad escapes are refused. */
static char *decode(struct pool *p, const char *s, size_t n)
{
	char *out = pool_alloc(p, n + 1), *o = out;

	for (size_t i = 0; i < n; i++) {
		int ch = (unsigned char)s[i];
		if (ch == '%') {
			int hi = i + 2 < n ? g_ascii_xdigit_value(s[i + 1]) : -1;
			int lo = i + 2 < n ? g_ascii_xdigit_value(s[i + 2]) : -1;
			if (hi < 0 || lo < 0)
				return NULL;
			ch = hi * 16 + lo;
			i += 2;
		}
		if (ch < 0x20 || ch == 0x7f)
			return NULL;
		*o++ = (char)ch;
	}
	return out;
}

static const struct m_locator *find_literal(const struct m_service *s, const char *word)
{
	for (int i = 0; i < s->n_locators; i++)
		if (!s->locators[i].param && strcmp(s->locators[i].path, word) == 0)
			return &s->locators[i];
	return NULL;
}

static const struct m_locator *find_param(const struct m_service *s)
{
	for (int i = 0; i < s->n_locators; i++)
		if (s->locators[i].param)
			return &s->locators[i];
	return NULL;
}

static char *lower(char *s)
{
	for (char *c = s; *c; c++)
		*c = g_ascii_tolower(*c);
	return s;
}

static bool step(struct route *r, char *word, bool is_last)
{
	const struct m_locator *l = find_literal(r->service, word);

	if (l) {
		r->service = l->service;
		return true;
	}
	if (is_last && m_service_op(r->service, M_OP_ACTION, word)) {
		r->action = word;
		return true;
	}
	l = find_param(r->service);
	if (!l || r->n_ids == CALL_MAX_IDS)
		return false;
	r->ids[r->n_ids++] = uuid_is_valid(word) ? lower(word) : word;
	r->service = l->service;
	return true;
}

bool route_find(struct pool *p, const char *path, struct route *r)
{
	GString *clean = g_string_new(NULL);
	bool ok = true;

	*r = (struct route){ .service = M_ROOT_SERVICE };
	while (*path == '/')
		path++;
	if (*path == ';') { /* of the base itself */
		size_t n = strcspn(path, "/");
		r->matrix = decode(p, path + 1, n - 1);
		path += n + strspn(path + n, "/");
	}
	while (ok && *path) {
		size_t n = strcspn(path, "/"), word_len = strcspn(path, "/;");
		const char *next = path + n + strspn(path + n, "/");
		char *word = decode(p, path, word_len);

		if (word_len < n && !*next)
			r->matrix = decode(p, path + word_len + 1, n - word_len - 1);
		if (word_len == 0 && !*next && !r->action &&
		    find_param(r->service)) /* "vms/;max=20" of older portals */
			break;
		ok = word && *word && step(r, word, !*next);
		if (ok) {
			if (clean->len)
				g_string_append_c(clean, '/');
			g_string_append_len(clean, path, (gssize)word_len);
		}
		path = next;
	}
	r->path = pool_strdup(p, clean->str);
	g_string_free(clean, TRUE);
	return ok;
}

static const struct m_op *of_kind(const struct m_service *s, enum m_op_kind k) { return m_service_op(s, k, NULL); }

const struct m_op *route_op(const struct route *r, const char *method)
{
	const struct m_op *op = NULL;

	if (r->action)
		return strcmp(method, "POST") == 0 ? m_service_op(r->service, M_OP_ACTION, r->action) : NULL;
	if (strcmp(method, "GET") == 0 || strcmp(method, "HEAD") == 0) {
		op = of_kind(r->service, M_OP_LIST);
		return op ? op : of_kind(r->service, M_OP_GET);
	}
	if (strcmp(method, "POST") == 0)
		return of_kind(r->service, M_OP_ADD);
	if (strcmp(method, "PUT") == 0)
		return of_kind(r->service, M_OP_UPDATE);
	if (strcmp(method, "DELETE") == 0)
		return of_kind(r->service, M_OP_REMOVE);
	return NULL;
}

char *route_allow(struct pool *p, const struct route *r)
{
	static const char *const methods[] = { "GET", "HEAD", "POST", "PUT", "DELETE" };
	GString *s = g_string_new("OPTIONS");
	char *out;

	for (size_t i = 0; i < G_N_ELEMENTS(methods); i++)
		if (route_op(r, methods[i]))
			g_string_append_printf(s, ", %s", methods[i]);
	out = pool_strdup(p, s->str);
	g_string_free(s, TRUE);
	return out;
}
