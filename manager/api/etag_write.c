/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "manager/api/etag.h"
#include "manager/http/http.h"

/* Is the tag, in its quotes, one of the header's? */
static bool is_known(const char *header, const char *tag)
{
	size_t n = strlen(tag);

	for (const char *s = header; s && *s;) {
		s += strspn(s, " \t,");
		if (strncmp(s, "W/", 2) == 0)
			s += 2;
		if (*s == '*' || strncmp(s, tag, n) == 0)
			return true;
		if (*s != '"')
			return false;
		s += 1 + strcspn(s + 1, "\"");
		s += *s == '"';
	}
	return false;
}

bool etag_write(struct http_exchange *x, const struct call *c, int status, const GString *document)
{
	char tag[48];

	if (!c || c->result != RESULT_ENTITY || c->error.code != ERR_NONE || !c->tagged.n)
		return false;
	g_snprintf(tag, sizeof(tag), "\"%016" G_GINT64_MODIFIER "x-%016" G_GINT64_MODIFIER "x\"", etag_of(&c->tagged),
	           etag_hash(0, document->str, document->len));
	http_set_header(x, "ETag", tag);
	return c->op->kind == M_OP_GET && status == 200 && is_known(c->query.if_none_match, tag);
}
