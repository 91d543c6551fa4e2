/* SPDX-License-Identifier: Apache-2.0 */
/* What the API has no words for: a host's logs, as text (docs/agent.md). */
#include "manager/hosts/host_pages.h"

#include <jansson.h>
#include <string.h>

#include "base/auto.h"
#include "manager/api/page.h"
#include "manager/core/perm.h"
#include "manager/hosts/host_int.h"

#define HOSTS_ROOT "/ovirt-engine/hostler/hosts/"

enum { LINES_DEFAULT = 200, LINES_MAX = 10000, CALL_MS = 30000, CURSOR_MAX = 300 };

/* ---- parameters ---- */

struct wish {
	const char *source, *after;
	int64_t lines, since;
};

static int read_number(const char *text, const char *name, int64_t min, int64_t max, int64_t *out, struct err *e)
{
	if (text && !g_ascii_string_to_signed(text, 10, min, max, out, NULL))
		return err_field(e, ERR_RANGE, name, "%s must be a number from %lld to %lld.", name, (long long)min,
		                 (long long)max);
	return 0;
}

/* Seconds, or a date. */
static int read_since(const char *text, int64_t *out, struct err *e)
{
	g_autoptr(GTimeZone) utc = g_time_zone_new_utc();
	g_autoptr(GDateTime) t = text ? g_date_time_new_from_iso8601(text, utc) : NULL;

	if (!t)
		return read_number(text, "since", 0, G_MAXINT32 * 4LL, out, e);
	*out = MAX(g_date_time_to_unix(t), 0);
	return 0;
}

static int read_wish(struct page_call *pc, struct wish *w, struct err *e)
{
	w->source = page_param(pc, "source");
	w->after = page_param(pc, "after");
	w->lines = LINES_DEFAULT;
	w->since = 0;
	if (!w->source || !*w->source)
		w->source = "agent";
	if (strcmp(w->source, "agent") != 0 && strcmp(w->source, "libvirt") != 0 && !g_str_has_prefix(w->source, "vm:"))
		return err_field(e, ERR_INVALID, "source", "source must be agent, libvirt or vm:NAME.");
	if (!g_utf8_validate(w->source, -1, NULL) || strlen(w->source) > CURSOR_MAX ||
	    (w->after && (strlen(w->after) > CURSOR_MAX || !g_utf8_validate(w->after, -1, NULL))))
		return err_field(e, ERR_INVALID, "after", "source and after must be short texts.");
	if (read_number(page_param(pc, "lines"), "lines", 1, LINES_MAX, &w->lines, e) < 0)
		return -1;
	return read_since(page_param(pc, "since"), &w->since, e);
}

/* ---- the answer ---- */

struct text_answer {
	GString *text;
	const char *cursor;
};

static void write_text(struct http_exchange *x, void *arg)
{
	struct text_answer *a = arg;

	http_set_header(x, "X-Hostler-Cursor", a->cursor);
	http_set_header(x, "Cache-Control", "no-store");
	http_reply(x, 200, "text/plain;charset=UTF-8", a->text);
}

static int ask_host(struct page_call *pc, const char *id, const struct wish *w, struct err *e)
{
	struct text_answer *a = POOL_NEW(pc->pool, struct text_answer);
	auto_json *answer = NULL;
	const char *text, *cursor;

	if (!host_is_connected(pc->core, id))
		return err_set(e, ERR_CONFLICT, "The host is not connected.");
	if (agent_call(pc->core, id, "Host.getLogs",
	               json_pack("{s:s,s:s,s:I,s:I}", "source", w->source, "after", w->after ? w->after : "", "lines",
	                         (json_int_t)w->lines, "since", (json_int_t)w->since),
	               CALL_MS, pc->correlation_id, &answer, e) < 0)
		return e->code == ERR_AGENT ? err_set(e, ERR_NOT_FOUND, "%s", pool_strdup(pc->pool, e->detail)) : -1;
	text = json_string_value(json_object_get(answer, "text"));
	cursor = json_string_value(json_object_get(answer, "cursor"));
	if (!text || !cursor || strpbrk(cursor, "\r\n"))
		return err_set(e, ERR_BACKEND, "The host's agent answered nonsense.");
	a->text = g_string_new_len(text, (gssize)json_string_length(json_object_get(answer, "text")));
	a->cursor = pool_strdup(pc->pool, cursor);
	pc->take_over = write_text;
	pc->take_over_arg = a;
	return 0;
}

static int host_logs(struct page_call *pc, const char *id, struct err *e)
{
	struct identity who;
	struct wish w;

	if (page_login(pc, &who, NULL, e) < 0)
		return -1;
	if (!INV_GET(pc->core->inv, HOST, host, id))
		return err_set(e, ERR_NO_ENTITY, "There is no host %s.", id);
	if (perm_check(pc->core, &who, "edit_host_configuration", KIND_HOST, id, e) < 0 || read_wish(pc, &w, e) < 0)
		return -1;
	return ask_host(pc, id, &w, e);
}

static void of_host(struct page_call *pc)
{
	const char *path = http_path(pc->x) + strlen(HOSTS_ROOT), *slash = strchr(path, '/');
	char *id = pool_strndup(pc->pool, path, slash ? (size_t)(slash - path) : strlen(path));
	struct err e = ERR_INIT;
	int rc = -1;

	if (!http_is_tls(pc->x))
		err_set(&e, ERR_DENIED, "This is only there over HTTPS.");
	else if (slash && uuid_is_valid(id) && strcmp(slash, "/logs") == 0)
		rc = host_logs(pc, id, &e);
	else
		err_set(&e, ERR_NO_ENTITY, "There is no such resource.");
	if (rc < 0)
		page_refuse(pc, &e);
}

const struct page HOST_PAGES[] = {
	{ HOSTS_ROOT "*", "GET", of_host },
	{ .path = NULL },
};
