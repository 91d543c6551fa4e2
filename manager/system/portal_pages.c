/* SPDX-License-Identifier: Apache-2.0 */
/* What portals and shells ask beside the API: which operations there are. */
#include <string.h>

#include "manager/api/page.h"
#include "manager/api/route.h"
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

const struct page PORTAL_PAGES[] = {
	{ "/ovirt-engine/hostler/operations", "GET", operations },
	{ "/ovirt-engine/hostler/jobs", "GET", jobs_page },
	{ .path = NULL },
};
