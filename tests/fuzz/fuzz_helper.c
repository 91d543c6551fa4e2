/* SPDX-License-Identifier: Apache-2.0 */
/* Requests to the root helper: whatever passes its checks names nothing outside of what the list allows. */
#include <glib.h>
#include <stdint.h>
#include <string.h>

#include "agent/helper/check.h"
#include "agent/helper/ops.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void judge(const struct helper_request *r)
{
	for (int i = 0; i < HELPER_TEXTS; i++)
		if (!memchr(r->text[i], '\0', HELPER_TEXT))
			g_error("text %d has no end", i);
	if (r->op <= HELPER_BRIDGE_JOIN && (strchr(r->text[0], '/') || strlen(r->text[0]) > 15 || !r->text[0][0]))
		g_error("device \"%s\"", r->text[0]);
	if (r->op >= HELPER_OPEN_LOG && (strchr(r->text[0], '/') || r->text[0][0] == '.'))
		g_error("name \"%s\"", r->text[0]);
	if (strstr(r->text[1], "/../") || strchr(r->text[1], ',') || strchr(r->text[2], ','))
		g_error("source \"%s\" at \"%s\"", r->text[1], r->text[2]);
	if (strstr(r->text[3], "suid") || strstr(r->text[3], "dev") || strstr(r->text[3], "addr"))
		g_error("options \"%s\"", r->text[3]);
}

/* The first byte is the operation, then come the numbers and the texts, each ended by a line feed. */
static void fill(struct helper_request *r, const uint8_t *data, size_t size)
{
	g_autofree char *all = g_strndup((const char *)data, size);
	g_auto(GStrv) lines = g_strsplit(all, "\n", HELPER_TEXTS + 1);

	r->magic = HELPER_MAGIC;
	r->op = size ? data[0] % (HELPER_N_OPS + 1) : 0;
	for (int i = 0; i < HELPER_TEXTS && lines[i]; i++)
		g_strlcpy(r->text[i], i == 0 && *lines[0] ? lines[0] + 1 : lines[i], HELPER_TEXT);
	r->number[0] = size > 1 ? data[1] % 3 : 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct helper_request r = { 0 };

	if (helper_check(data, size) == 0)
		judge((const struct helper_request *)data);
	fill(&r, data, size);
	if (helper_check(&r, sizeof(r)) == 0)
		judge(&r);
	return 0;
}
