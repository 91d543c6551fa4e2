/* SPDX-License-Identifier: Apache-2.0 */
/* What is offered while a query is typed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "manager/api/search.h"

struct row {
	int kind;
	const char *text;
	size_t from;
	const char *has;   /* offered, separated by blanks */
	const char *lacks; /* not offered */
};

static const struct row ROWS[] = {
	{ -1, "", 0, "vms hosts datacenter: ", "name status" },
	{ -1, "v", 0, "vms", "hosts volumes" },
	{ -1, "Vms", 0, "vms", "hosts" },
	{ -1, "Vms ", 4, ":", "name" },
	{ -1, "Vms:", 4, "name status sortby page host.", "and or" },
	{ -1, "Nothing:", 0, "", "name" },
	{ -1, "Vms: st", 5, "status", "name" },
	{ KIND_VM, "", 0, "name status sortby page host.", "and or" },
	{ KIND_VM, "status", 0, "status", "=" },
	{ KIND_VM, "status ", 7, "= !=", "< up" },
	{ KIND_VM, "memory ", 7, "= != < > <= >=", "" },
	{ KIND_VM, "memory <", 7, "< <=", "= >" },
	{ KIND_VM, "status =", 7, "=", "up" },
	{ KIND_VM, "status = ", 9, "up down paused", "and" },
	{ KIND_VM, "status = p", 9, "paused poweringup poweringdown", "up down" },
	{ KIND_VM, "status = up ", 12, "and or name sortby page", "up" },
	{ KIND_VM, "status = up and ", 16, "name host.", "and or sortby page" },
	{ KIND_VM, "status=up", 7, "up", "down" },
	{ KIND_VM, "host.", 5, "name status", "host. and" },
	{ KIND_VM, "host.sta", 5, "status", "name" },
	{ KIND_VM, "host.status = ", 14, "up maintenance", "paused" },
	{ KIND_VM, "os = rhel_9", 5, "rhel_9x64", "windows_10" },
	{ KIND_VM, "name = \"a b", 0, "", "and name" },
	{ KIND_VM, "name = \"a b\" o", 13, "or os on_host", "and" },
	{ KIND_VM, "sortby ", 7, "name status", "asc" },
	{ KIND_VM, "sortby name ", 12, "asc desc page", "name" },
	{ KIND_VM, "page ", 0, "", "name asc" },
	{ KIND_VM, "web na", 4, "name", "status" },
	{ KIND_EVENT, "time > ", 7, "today yesterday", "up" },
};

static bool offers(const struct search_choices *c, const char *word)
{
	for (int i = 0; i < c->n; i++)
		if (strcmp(c->list[i].text, word) == 0)
			return true;
	return false;
}

static void test_rows(void **state)
{
	int wrong = 0;

	for (size_t i = 0; i < G_N_ELEMENTS(ROWS); i++) {
		const struct row *r = &ROWS[i];
		g_auto(GStrv) has = g_strsplit_set(r->has, " ", -1), lacks = g_strsplit(r->lacks, " ", -1);
		struct pool *p = pool_new();
		struct search_choices c;

		search_complete(p, r->kind, r->text, &c);
		if (c.n && c.from != r->from && ++wrong)
			print_message("'%s': from %zu, not %zu\n", r->text, c.from, r->from);
		for (int k = 0; has[k]; k++)
			if (*has[k] && !g_str_has_suffix(has[k], ":") && !offers(&c, has[k]) && ++wrong)
				print_message("'%s': %s is not offered\n", r->text, has[k]);
		if (strcmp(r->has, ":") == 0)
			assert_true(offers(&c, ":"));
		for (int k = 0; lacks[k]; k++)
			if (*lacks[k] && offers(&c, lacks[k]) && ++wrong)
				print_message("'%s': %s is offered\n", r->text, lacks[k]);
		pool_free(p);
	}
	assert_int_equal(wrong, 0);
}

/* Whatever is chosen, the query can still become right: the parser does not complain about what is there already. */
static void test_garbage(void **state)
{
	static const char *const texts[] = { "====",       "\"",           ".",        "host..",        "a.b.c = ",
		                             ": : :",      "name <= = >",  "\xff\xfe", "sortby sortby", "page page",
		                             "and and or", "host.name.x ", NULL };

	for (int i = 0; texts[i]; i++)
		for (int k = -1; k <= (int)KIND_EVENT; k += 1 + KIND_EVENT) {
			struct pool *p = pool_new();
			struct search_choices c;

			search_complete(p, k, texts[i], &c);
			assert_in_range(c.n, 0, SEARCH_MAX_CHOICES);
			assert_in_range(c.from, 0, strlen(texts[i]));
			pool_free(p);
		}
}

int main(void)
{
	static const struct CMUnitTest tests[] = { cmocka_unit_test(test_rows), cmocka_unit_test(test_garbage) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
