/* SPDX-License-Identifier: Apache-2.0 */
/* What portals and shells ask beside the API: which operations there are, and what may stand next in a search. */
#include <string.h>

#include "manager/api/page.h"
#include "manager/api/route.h"
#include "manager/api/search.h"
#include "manager/system/pages.h"

/* Names of the operations that this Manager has, as a JSON array: "vm.start". */
static void operations(struct page_call *pc)
{
	struct identity who;
	struct err e = ERR_INIT;
	json_t *list;

	if (page_login(pc, &who, NULL, &e) < 0) {
		page_refuse(pc, &e);
		return;
	}
	list = json_array();
	for (int i = 0; M_OPS[i]; i++)
		if (api_find(M_OPS[i]))
			json_array_append_new(list, json_string(M_OPS[i]->name));
	page_reply_json(pc, 200, list);
}

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

/* text up to the cursor, and the collection it searches (none: the text begins with "Vms:" or the like). */
static void complete(struct page_call *pc)
{
	const char *text = page_param(pc, "text"), *collection = page_param(pc, "collection");
	int kind = kind_of(pc, collection);
	struct search_choices c;
	struct identity who;
	struct err e = ERR_INIT;
	json_t *list;

	if (page_login(pc, &who, NULL, &e) < 0) {
		page_refuse(pc, &e);
		return;
	}
	if (collection && *collection && kind < 0) {
		page_refuse_status(pc, 404, "There is no such collection.");
		return;
	}
	search_complete(pc->pool, kind, text ? text : "", &c);
	list = json_array();
	for (int i = 0; i < c.n; i++)
		json_array_append_new(list, json_pack("{s:s,s:s}", "text", c.list[i].text, "kind", c.list[i].kind));
	page_reply_json(pc, 200, json_pack("{s:I,s:o}", "from", (json_int_t)c.from, "choices", list));
}

const struct page PORTAL_PAGES[] = {
	{ "/ovirt-engine/hostler/operations", "GET", operations },
	{ "/ovirt-engine/hostler/search/complete", "GET", complete },
	{ "/ovirt-engine/hostler/jobs", "GET", jobs_page },
	{ .path = NULL },
};
