/* SPDX-License-Identifier: Apache-2.0 */
/* GET hostler/dashboard, GET hostler/history?path=vms/ID: docs/dashboard.md. */
#include "manager/api/page.h"
#include "manager/system/dashboard.h"
#include "manager/system/pages.h"

static void get_dashboard(struct page_call *pc)
{
	struct err e = ERR_INIT;
	struct identity who;
	char *text;

	if (page_login(pc, &who, NULL, &e) < 0) {
		page_refuse(pc, &e);
		return;
	}
	text = dashboard_text(pc->core, &who);
	pc->status = 200;
	pc->content_type = "application/json";
	pc->body = g_string_new(text);
	g_free(text);
}

static void get_history(struct page_call *pc)
{
	const char *path = page_param(pc, "path");
	struct err e = ERR_INIT;
	struct identity who;
	json_t *lines;

	if (page_login(pc, &who, NULL, &e) < 0) {
		page_refuse(pc, &e);
		return;
	}
	lines = path ? dashboard_history(pc->core, &who, path) : NULL;
	if (lines)
		page_reply_json(pc, 200, lines);
	else
		page_refuse_status(pc, 404, "There is no such object.");
}

const struct page DASHBOARD_PAGES[] = {
	{ "/ovirt-engine/hostler/dashboard", "GET", get_dashboard },
	{ "/ovirt-engine/hostler/history", "GET", get_history },
	{ .path = NULL },
};
