/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Requests through the front to a whole Manager under a virtual clock. An input is a story of a few requests:
 *
 *	POST /ovirt-engine/api/tags
 *	Content-Type: application/xml
 *
 *	<tag><name>a</name></tag>
 *	%%%
 *	DELETE /ovirt-engine/api/tags/@1
 *
 * "@1" is the id that the first answer holds. Whatever is asked: it is answered once, with a sensible status and a document
 * that can be read; references lead somewhere; jobs end and let go of their locks; the journal holds what is published.
 */
#include <libxml/parser.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "manager/api/front.h"
#include "manager/core/jobs.h"
#include "manager/core/locks.h"
#include "manager/core/sessions.h"
#include "manager/hosts/register_pages.h"
#include "manager/system/pages.h"
#include "manager/users/users.h"
#include "tests/fuzz/fake_exchange.h"
#include "tests/unit/core/world.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerInitialize(int *argc, char ***argv);

enum { MAX_REQUESTS = 8, MAX_TURNS = 200000, SETTLE_TURNS = 2000, ANSWER_WITHIN_MS = 30 * 60 * 1000 };

/* Each world ends with a power failure: what its fibers owned is lost. */
const char *__asan_default_options(void);
const char *__asan_default_options(void) { return "detect_leaks=0"; }

static bool is_verbose; /* FUZZ_VERBOSE is set: show what is answered */

/* ---- the world ---- */

static struct front *front;
static struct login logged_in;
static char ids[MAX_REQUESTS][UUID_LEN + 1]; /* of the answers so far */

static void started(struct world *w)
{
	struct err e;

	if (session_login(w->core, "admin@internal", "secret", &logged_in, &e) < 0)
		abort();
}

static void begin(struct world *w)
{
	static const struct page *const tables[] = { SSO_PAGES, SERVICE_PAGES, REGISTER_PAGES };

	memset(ids, 0, sizeof(ids));
	world_open(w, started);
	front = front_new(w->core, tables, G_N_ELEMENTS(tables));
}

static void end(struct world *w)
{
	front_free(front);
	world_close(w);
}

/* ---- requests ---- */

/* Text with "@n" replaced by the id of answer n. */
static char *fill_in(struct world *w, struct pool *p, const char *s, size_t n, size_t *len)
{
	GString *out = g_string_new(NULL);
	char *copy;

	for (size_t i = 0; i < n; i++) {
		int k = s[i] == '@' && i + 1 < n ? s[i + 1] - '1' : -1;
		if (k >= 0 && k < MAX_REQUESTS && ids[k][0]) {
			g_string_append(out, ids[k]);
			i++;
		} else {
			g_string_append_c(out, s[i]);
		}
	}
	*len = out->len;
	copy = pool_alloc(p, out->len + 1);
	memcpy(copy, out->str, out->len);
	g_string_free(out, TRUE);
	return copy;
}

static void add_header(struct http_exchange *x, const char *name, const char *value)
{
	if (x->n_headers == G_N_ELEMENTS(x->header_names) || http_header(x, name))
		return;
	x->header_names[x->n_headers] = name;
	x->header_values[x->n_headers++] = value;
}

static bool read_headers(struct world *w, struct http_exchange *x, char **rest)
{
	for (char *line = *rest, *next; line; line = next) {
		char *colon;

		next = strchr(line, '\n');
		if (next)
			*next++ = 0;
		if (!*line) {
			*rest = next;
			break;
		}
		colon = strchr(line, ':');
		if (!colon)
			return false;
		*colon = 0;
		add_header(x, line, g_strchug(colon + 1));
		*rest = next;
	}
	add_header(x, "Authorization", pool_printf(x->pool, "Bearer %s", logged_in.token));
	add_header(x, "Correlation-Id", "fuzz");
	return true;
}

/* What the edge would not let through is not asked. */
static bool read_request(struct world *w, struct http_exchange *x, const char *text, size_t size)
{
	size_t len, head_len;
	char *all = fill_in(w, x->pool, text, size, &len), *rest, *space;
	const char *end = memmem(all, len, "\n\n", 2);

	head_len = end ? (size_t)(end - all) : len;
	if (memchr(all, 0, head_len))
		return false;
	if (end) {
		x->body = end + 2;
		x->body_len = len - head_len - 2;
		all[head_len + 1] = 0;
	}
	rest = strchr(all, '\n');
	if (rest)
		*rest++ = 0;
	space = strchr(all, ' ');
	if (!space || space[1] != '/')
		return false;
	*space = 0;
	x->method = all;
	x->path = space + 1;
	space = strchr(x->path, '?');
	if (space) {
		*space = 0;
		x->query = space + 1;
	}
	return read_headers(w, x, &rest);
}

/* ---- what must hold ---- */

static void check_document(const struct http_exchange *x)
{
	const char *type = x->content_type ? x->content_type : "";

	if (x->reply->len && !*type)
		abort();
	if (!g_utf8_validate(x->reply->str, (gssize)x->reply->len, NULL))
		abort();
	if (g_str_has_prefix(type, "application/json")) {
		json_t *doc = json_loadb(x->reply->str, x->reply->len, 0, NULL);
		if (!doc)
			abort();
		json_decref(doc);
	} else if (g_str_has_prefix(type, "application/xml")) {
		xmlDoc *doc = xmlReadMemory(x->reply->str, (int)x->reply->len, NULL, NULL,
		                            XML_PARSE_NOERROR | XML_PARSE_NOWARNING | XML_PARSE_HUGE | XML_PARSE_NONET);
		if (!doc)
			abort();
		xmlFreeDoc(doc);
	}
}

static void check_answer(const struct http_exchange *x)
{
	static const int fine[] = { 200, 201, 202, 400, 401, 403, 404, 405, 406, 409, 413, 415, 501, 503 };
	bool is_fine = false;

	for (size_t i = 0; i < G_N_ELEMENTS(fine); i++)
		is_fine |= x->status == fine[i];
	if (x->n_answers != 1 || !is_fine) {
		log_error("answer", "METHOD", x->method, "PATH", x->path, "BODY", x->reply ? x->reply->str : "-");
		abort();
	}
	check_document(x);
}

static bool refers_to_something(struct inventory *inv, const struct m_type *t, const char *id)
{
	bool has_kind = false;

	for (int k = 0; k < N_KINDS; k++) {
		if (M_KINDS[k].type != t)
			continue;
		has_kind = true;
		if (inv_get(inv, (enum kind)k, id))
			return true;
	}
	return !has_kind;
}

static void check_references(struct world *w, enum kind k, const struct entity *e)
{
	for (int i = 0; i < M_KINDS[k].n_index; i++) {
		const struct m_field *f = M_KINDS[k].index_fields[i];
		const char *at = (const char *)e->pub + f->offset, *id;

		if (f->flags & M_F_LIST)
			continue;
		id = ((const struct m_ref *)at)->id;
		if (id && !refers_to_something(w->core->inv, f->type, id) &&
		    !(k == KIND_TAG && strcmp(id, UUID_NIL) == 0)) {
			log_error("dangling", "KIND", M_KINDS[k].name, "ID", e->id, "FIELD", f->name, "REF", id);
			abort();
		}
	}
}

/* Published versions refer to what is there, and are what a restart would find. */
static void check_inventory(struct world *w)
{
	for (int k = 0; k < N_KINDS; k++)
		INV_EACH (e, w->core->inv, (enum kind)k) {
			const char *row = memory_journal_row(w->journal, (enum kind)k, e->id);
			auto_pool p = pool_new();
			struct err err;
			void *again;

			if (!row || m_from_journal(p, M_KINDS[k].type, row, strlen(row), &again, &err) < 0)
				abort();
			m_entity(M_KINDS[k].type, again)->id = (char *)e->id;
			if (e->n_staged == 0 && !m_equal(M_KINDS[k].type, e->pub, again))
				abort();
			check_references(w, (enum kind)k, e);
		}
}

/* ---- one input ---- */

/* What was made, or the first thing in the answer. */
static void note_id(struct world *w, int i, const struct http_exchange *x)
{
	const char *mark = x->content_type && strstr(x->content_type, "json") ? "\"id\":\"" : " id=\"";
	const char *slash = x->location ? strrchr(x->location, '/') : NULL;

	if (slash)
		g_strlcpy(ids[i], slash + 1, UUID_LEN + 1);
	for (const char *s = x->reply->str; !uuid_is_valid(ids[i]) && (s = strstr(s, mark)); s++)
		g_strlcpy(ids[i], s + strlen(mark), UUID_LEN + 1);
	if (!uuid_is_valid(ids[i]))
		ids[i][0] = 0;
}

static void run_request(struct world *w, int i, const char *text, size_t size)
{
	struct http_exchange *x = fake_exchange_new();
	int64_t until = loop_now_ms(w->loop) + ANSWER_WITHIN_MS;
	int turns = 0;

	if (read_request(w, x, text, size)) {
		front_handle(front, x);
		while (!x->n_answers && turns++ < MAX_TURNS && loop_now_ms(w->loop) < until)
			loop_turn(w->loop, 1000);
		if (is_verbose)
			printf("%s %s -> %d %s\n%s\n", x->method, x->path, x->status,
			       x->content_type ? x->content_type : "-", x->reply ? x->reply->str : "not answered");
		check_answer(x);
		note_id(w, i, x);
	}
	fake_exchange_free(x);
}

static void settle(struct world *w)
{
	int64_t until = loop_now_ms(w->loop) + ANSWER_WITHIN_MS;

	for (int i = 0; i < SETTLE_TURNS && loop_now_ms(w->loop) < until && (i < 20 || jobs_running(w->core) > 0); i++)
		loop_turn(w->loop, 1000);
	if (jobs_running(w->core) == 0 && lock_count(w->core) != 0)
		abort();
	check_inventory(w);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *text = (const char *)data, *stop_at = text + size;
	struct world w;

	begin(&w);
	for (int i = 0; i < MAX_REQUESTS && text < stop_at; i++) {
		const char *stop = memmem(text, (size_t)(stop_at - text), "\n%%%\n", 5);
		run_request(&w, i, text, (size_t)((stop ? stop : stop_at) - text));
		text = stop ? stop + 5 : stop_at;
	}
	settle(&w);
	end(&w);
	return 0;
}

static void ignore_xml_error(void *arg, const char *fmt, ...) {}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	xmlSetGenericErrorFunc(NULL, ignore_xml_error);
	is_verbose = getenv("FUZZ_VERBOSE");
	if (!is_verbose)
		log_set_level(-1);
	return 0;
}
