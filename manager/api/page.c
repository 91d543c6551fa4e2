/* SPDX-License-Identifier: Apache-2.0 */
#include "manager/api/page.h"

#include <string.h>
#include <strings.h>

static int login_basic(struct page_call *pc, const char *encoded, struct identity *who, struct err *e)
{
	gsize len = 0;
	g_autofree guchar *both = strlen(encoded) < 4096 ? g_base64_decode(encoded, &len) : NULL;
	char *text = pool_strndup(pc->pool, both ? (char *)both : "", len), *colon = strchr(text, ':');

	if (!colon)
		return err_set(e, ERR_AUTH, "Log in first: with a token or with user and password.");
	*colon = '\0';
	return session_basic_from(pc->core, text, colon + 1, http_peer(pc->x), who, e);
}

int page_login(struct page_call *pc, struct identity *who, char *token, struct err *e)
{
	const char *h = http_header(pc->x, "Authorization");

	if (token)
		*token = '\0';
	if (h && strncasecmp(h, "Bearer ", 7) == 0) {
		h += 7 + strspn(h + 7, " ");
		if (token)
			g_strlcpy(token, h, PAGE_TOKEN_MAX);
		return session_by_token(pc->core, h, who, e);
	}
	if (h && strncasecmp(h, "Basic ", 6) == 0)
		return login_basic(pc, h + 6 + strspn(h + 6, " "), who, e);
	return err_set(e, ERR_AUTH, "Log in first: with a token or with user and password.");
}

void page_reply_json(struct page_call *pc, int status, json_t *body)
{
	char *text = json_dumps(body, JSON_COMPACT);

	pc->status = status;
	pc->content_type = "application/json";
	pc->body = g_string_new(text);
	free(text);
	json_decref(body);
}

static const char *reason_of(int status)
{
	switch (status) {
	case 400: return "Bad Request";
	case 401: return "Not authenticated";
	case 403: return "Forbidden";
	case 404: return "Not Found";
	case 405: return "Method not allowed";
	case 409: return "Conflict";
	case 426: return "Upgrade Required";
	default: return "Operation Failed";
	}
}

void page_refuse_status(struct page_call *pc, int status, const char *detail)
{
	g_autofree char *valid =
	    g_utf8_make_valid(detail, -1); /* a quoted name may be cut in the middle of a character */

	page_reply_json(pc, status, json_pack("{s:s,s:s}", "reason", reason_of(status), "detail", valid));
}

void page_refuse(struct page_call *pc, const struct err *e)
{
	page_refuse_status(pc, front_status(e->code), e->detail);
}
