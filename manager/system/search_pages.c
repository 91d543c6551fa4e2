/* SPDX-License-Identifier: Apache-2.0 */
/* Searches as they are typed: what may stand next, is it right so far, and how many there are. */
#include "manager/api/page.h"
#include "manager/api/route.h"
#include "manager/api/search.h"
#include "manager/system/pages.h"

/* Kind of the entities in a collection; -1: none that can be searched, which is fine when nothing is named. */
static int kind_of(struct page_call *pc, const char *collection)
{
	struct route r;
	const struct m_op *op;

	if (!collection || !*collection || !route_find(pc->pool, collection, &r))
		return -1;
	op = route_op(&r, "GET");
	for (int k = 0; op && op->kind == M_OP_LIST && k < N_KINDS; k++)
		if (M_KINDS[k].type == op->result->type)
			return k;
	return -1;
}

/* Who asks, and in which collection; false: refused. */
struct question {
	struct identity who;
	const char *text;
	int kind; /* -1: none is named, the text begins with "Vms:" or the like */
};

static bool read_question(struct page_call *pc, const char *name, struct question *q)
{
	const char *collection = page_param(pc, "collection"), *text = page_param(pc, name);
	struct err e = ERR_INIT;

	if (page_login(pc, &q->who, NULL, &e) < 0) {
		page_refuse(pc, &e);
		return false;
	}
	q->text = text ? text : "";
	q->kind = kind_of(pc, collection);
	if (collection && *collection && q->kind < 0) {
		page_refuse_status(pc, 404, "There is no such collection.");
		return false;
	}
	return true;
}

/* text up to the cursor. */
static void complete(struct page_call *pc)
{
	struct search_choices c;
	struct question q;
	json_t *list;

	if (!read_question(pc, "text", &q))
		return;
	search_complete(pc->pool, q.kind, q.text, &c);
	list = json_array();
	for (int i = 0; i < c.n; i++)
		json_array_append_new(list, json_pack("{s:s,s:s}", "text", c.list[i].text, "kind", c.list[i].kind));
	page_reply_json(pc, 200, json_pack("{s:I,s:o}", "from", (json_int_t)c.from, "choices", list));
}

static void check(struct page_call *pc)
{
	struct search_place place;
	struct question q;

	if (!read_question(pc, "search", &q))
		return;
	if (search_check(pc->pool, q.kind, q.text, &place)) {
		page_reply_json(pc, 200, json_pack("{s:b}", "ok", 1));
		return;
	}
	page_reply_json(
	    pc, 200,
	    json_pack("{s:b,s:i,s:i,s:s}", "ok", 0, "from", place.from, "to", place.to, "message", place.message));
}

/* As ?search= of the API has it. */
static bool is_case_sensitive(struct page_call *pc)
{
	const char *text = page_param(pc, "case_sensitive");

	return !text || g_ascii_strcasecmp(text, "false") != 0;
}

/* How many the asker's list with this search would show; with filter=true, as for somebody who is no administrator. */
static void count(struct page_call *pc)
{
	const char *filter = page_param(pc, "filter");
	struct err e = ERR_INIT;
	struct search_ask ask = { .wants_total = true };
	struct question q;
	enum kind k;

	if (!read_question(pc, "search", &q))
		return;
	k = (enum kind)q.kind;
	ask.search = q.kind < 0 ? search_parse_query(pc->pool, q.text, false, &k, &e)
	                        : search_parse(pc->pool, k, q.text, is_case_sensitive(pc), &e);
	ask.kind = k;
	if (!q.who.is_admin || (filter && g_ascii_strcasecmp(filter, "true") == 0))
		ask.viewer = &q.who;
	if (!ask.search || search_select(pc->core, &ask, &e) < 0)
		page_refuse(pc, &e);
	else
		page_reply_json(pc, 200, json_pack("{s:I}", "count", (json_int_t)ask.total));
	search_ask_clear(&ask);
}

const struct page SEARCH_PAGES[] = {
	{ "/ovirt-engine/hostler/search/complete", "GET", complete },
	{ "/ovirt-engine/hostler/search/check", "GET", check },
	{ "/ovirt-engine/hostler/search/count", "GET", count },
	{ .path = NULL },
};
