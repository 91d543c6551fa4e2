/* SPDX-License-Identifier: Apache-2.0 */
/* From paths to services. */
#include "tests/unit/core/rig.h"

#include <string.h>

#include "manager/api/route.h"
#include "model/types.h"

#define ID1 "00000000-0000-0000-0000-00000000000a"
#define ID2 "00000000-0000-0000-0000-00000000000b"

static void test_found(void **state)
{
	static const struct {
		const char *path, *service, *clean, *ids, *action, *matrix;
	} cases[] = {
		{ "", "system", "", "", NULL, NULL },
		{ "/", "system", "", "", NULL, NULL },
		{ "///", "system", "", "", NULL, NULL },
		{ "/;max=1", "system", "", "", NULL, "max=1" },
		{ ";max=1/vms", "vms", "vms", "", NULL, "max=1" },
		{ "/vms", "vms", "vms", "", NULL, NULL },
		{ "//vms//", "vms", "vms", "", NULL, NULL },
		{ "/vms;max=20;current", "vms", "vms", "", NULL, "max=20;current" },
		{ "/vms;max=20/", "vms", "vms", "", NULL, "max=20" },
		{ "/vms/;max=20", "vms", "vms", "", NULL, "max=20" }, /* as older portals write it */
		{ "/vms/" ID1 "/nics/;x", "vm_nics", "vms/" ID1 "/nics", ID1, NULL, "x" },
		{ "/vms;max=20/" ID1, "vm", "vms/" ID1, ID1, NULL, NULL }, /* those of the last segment count */
		{ "/vms/" ID1 ";x=%20y", "vm", "vms/" ID1, ID1, NULL, "x= y" },
		{ "/vms/" ID1 "/nics/" ID2, "vm_nic", "vms/" ID1 "/nics/" ID2, ID1 " " ID2, NULL, NULL },
		{ "/vms/00000000-0000-0000-0000-00000000000A", "vm", "vms/00000000-0000-0000-0000-00000000000A", ID1,
		  NULL, NULL },
		{ "/%76ms/%61%2Fb", "vm", "%76ms/%61%2Fb", "a/b", NULL, NULL },
		{ "/vms/Not-A-UUID", "vm", "vms/Not-A-UUID", "Not-A-UUID", NULL, NULL },
		{ "/vms/" ID1 "/start", "vm", "vms/" ID1 "/start", ID1, "start", NULL },
		{ "/vms/" ID1 "/previewsnapshot;async", "vm", "vms/" ID1 "/previewsnapshot", ID1, "previewsnapshot",
		  "async" },
		{ "/options/ApplicationMode", "system_option", "options/ApplicationMode", "ApplicationMode", NULL,
		  NULL },
		{ "/datacenters/" ID1 "/clusters/" ID2 "/networks/x", "cluster_network", NULL, ID1 " " ID2 " x", NULL,
		  NULL },
	};

	for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
		auto_pool p = pool_new();
		g_autoptr(GString) ids = g_string_new(NULL);
		struct route r;

		if (!route_find(p, cases[i].path, &r))
			fail_msg("not found: %s", cases[i].path);
		for (int k = 0; k < r.n_ids; k++)
			g_string_append_printf(ids, "%s%s", k ? " " : "", r.ids[k]);
		assert_string_equal(r.service->name, cases[i].service);
		assert_string_equal(ids->str, cases[i].ids);
		if (cases[i].clean)
			assert_string_equal(r.path, cases[i].clean);
		assert_int_equal(g_strcmp0(r.action, cases[i].action), 0);
		if (g_strcmp0(r.matrix, cases[i].matrix) != 0)
			fail_msg("%s: matrix parameters %s", cases[i].path, r.matrix);
	}
}

static void test_not_found(void **state)
{
	static const char *const paths[] = {
		"/nothing",
		"/vms/" ID1 "/nothing",
		"/vms/" ID1 "/start/x",
		"/%zz",
		"/vms/%4",
		"/vms/%",
		"/vms/%00",
		"/vms/a%0ab",
		"/vms/\x7f",
		"/vms/\x01",
		"/vms/;max=1/" ID1,
		"/vms/;max=1/;max=2",
		"/vms/" ID1 "/;x=1",
		"/vms/" ID1 "/start/;async",
		"/vms/" ID1 "/nics/" ID2 "/a/b/c/d/e/f/g/h",
		"/operatingsystems/1/2",
	};
	GString *deep = g_string_new("/datacenters/" ID1);
	struct route r;

	for (size_t i = 0; i < G_N_ELEMENTS(paths); i++) {
		auto_pool p = pool_new();
		if (route_find(p, paths[i], &r))
			fail_msg("found: %s", paths[i]);
	}
	for (int i = 0; i < 20000; i++)
		g_string_append(deep, "/clusters/" ID2);
	auto_pool p = pool_new();
	assert_false(route_find(p, deep->str, &r));
	g_string_free(deep, TRUE);
}

static const char *op_name(const char *path, const char *method)
{
	auto_pool p = pool_new();
	const struct m_op *op;
	struct route r;

	assert_true(route_find(p, path, &r));
	op = route_op(&r, method);
	return op ? op->name : "-";
}

static void test_methods(void **state)
{
	auto_pool p = pool_new();
	struct route r;

	assert_string_equal(op_name("/vms", "GET"), "vms.list");
	assert_string_equal(op_name("/vms", "HEAD"), "vms.list");
	assert_string_equal(op_name("/vms", "POST"), "vms.add");
	assert_string_equal(op_name("/vms", "PUT"), "-");
	assert_string_equal(op_name("/vms", "get"), "-");
	assert_string_equal(op_name("/vms", ""), "-");
	assert_string_equal(op_name("/vms/x", "GET"), "vm.get");
	assert_string_equal(op_name("/vms/x", "PUT"), "vm.update");
	assert_string_equal(op_name("/vms/x", "DELETE"), "vm.remove");
	assert_string_equal(op_name("/vms/x/start", "POST"), "vm.start");
	assert_string_equal(op_name("/vms/x/start", "GET"), "-");
	assert_true(route_find(p, "/vms/x/start", &r));
	assert_string_equal(route_allow(p, &r), "OPTIONS, POST");
	assert_true(route_find(p, "/vms/x", &r));
	assert_string_equal(route_allow(p, &r), "OPTIONS, GET, HEAD, PUT, DELETE");
}

/* Every service of the model can be reached by some path, and no path is longer than there are places for ids. */
static void visit(const struct m_service *s, GHashTable *seen, int n_ids, int depth)
{
	if (n_ids > CALL_MAX_IDS || depth > 12 || !g_hash_table_add(seen, (void *)s))
		return;
	for (int i = 0; i < s->n_locators; i++)
		visit(s->locators[i].service, seen, n_ids + !!s->locators[i].param, depth + 1);
}

static void test_all_services(void **state)
{
	g_autoptr(GHashTable) seen = g_hash_table_new(NULL, NULL);
	unsigned with_ops = 0, reached = 0;

	visit(M_ROOT_SERVICE, seen, 0, 0);
	for (int i = 0; M_OPS[i]; i++) {
		with_ops++;
		reached += g_hash_table_contains(seen, M_OPS[i]->service);
	}
	assert_true(reached > with_ops * 9 / 10);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_found),
		cmocka_unit_test(test_not_found),
		cmocka_unit_test(test_methods),
		cmocka_unit_test(test_all_services),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
