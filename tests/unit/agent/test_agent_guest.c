/* SPDX-License-Identifier: Apache-2.0 */
#include "agent_test.h"

#include <glib.h>

#include "agent/vms/guest.h"
#include "base/auto.h"

static virTypedParameter uint_param(const char *name, unsigned v)
{
	virTypedParameter p = { .type = VIR_TYPED_PARAM_UINT, .value.ui = v };

	strncpy(p.field, name, sizeof(p.field) - 1);
	return p;
}

static virTypedParameter text_param(const char *name, const char *v)
{
	virTypedParameter p = { .type = VIR_TYPED_PARAM_STRING, .value.s = (char *)v };

	strncpy(p.field, name, sizeof(p.field) - 1);
	return p;
}

static void tells_all(void **unused)
{
	const virTypedParameter params[] = {
		uint_param("user.count", 2),
		text_param("user.0.name", "ann"),
		text_param("user.1.name", "bob"),
		uint_param("if.count", 2),
		text_param("if.0.name", "lo"),
		uint_param("if.0.addr.count", 1),
		text_param("if.0.addr.0.addr", "127.0.0.1"),
		text_param("if.1.name", "eth0"),
		text_param("if.1.hwaddr", "52:54"),
		uint_param("if.1.addr.count", 2),
		text_param("if.1.addr.0.type", "ipv4"),
		text_param("if.1.addr.0.addr", "10.0.0.9"),
		text_param("if.1.addr.1.type", "ipv6"),
		text_param("if.1.addr.1.addr", "fe80::1"),
		text_param("hostname", "bad \xff utf-8"),
		text_param("os.id", "debian"),
		text_param("os.kernel-release", "6.1"),
		text_param("os.version-id", "12"),
		uint_param("fs.count", 1),
		text_param("fs.0.mountpoint", "/"),
		uint_param("fs.0.disk.count", 1),
		text_param("fs.0.disk.0.serial", "abc"),
		text_param("fs.0.disk.0.device", "/dev/vda"),
	};
	auto_json *j = guest_json(params, sizeof(params) / sizeof(params[0]));

	assert_string_equal(json_string_value(json_object_get(j, "username")), "ann, bob");
	assert_string_equal(json_string_value(json_object_get(j, "guestIPs")), "10.0.0.9 fe80::1");
	assert_int_equal(json_array_size(json_object_get(j, "netIfaces")), 2);
	assert_string_equal(json_string_value(json_object_get(j, "guestName")), "bad \xef\xbf\xbd utf-8");
	assert_string_equal(json_string_value(json_object_get(json_object_get(j, "guestOsInfo"), "version")), "12");
	assert_string_equal(
	    json_string_value(json_object_get(json_object_get(json_object_get(j, "guestDiskMapping"), "abc"), "name")),
	    "/dev/vda");
}

static void survives_liars(void **unused)
{
	const virTypedParameter params[] = { uint_param("if.count", 4000000000u),
		                             uint_param("if.0.addr.count", 4000000000u),
		                             text_param("user.count", "many"), text_param("os.id", "") };
	auto_json *j = guest_json(params, 4);
	auto_json *empty = guest_json(NULL, 0);

	assert_true(json_array_size(json_object_get(j, "netIfaces")) <= 256);
	assert_int_equal(json_object_size(empty), 0);
}

/* A guest that lies: nothing of it is larger, or other, than we keep. */
static void lies_are_bounded(void **unused)
{
	enum { N = 2048 };
	g_autofree virTypedParameter *params = g_new0(virTypedParameter, N);
	g_autofree char *huge = g_strnfill(100000, 'x');
	auto_json *j = NULL;
	char *dump;
	int n = 0;

	params[n++] = uint_param("if.count", 100000);
	params[n++] = uint_param("user.count", 4000000000u);
	params[n++] = text_param("hostname", "a\033[31mb\xe2\x80\xae\nc\x7f");
	while (n + 6 < N) {
		char name[64];

		g_snprintf(name, sizeof(name), "if.%d.name", n / 6);
		params[n++] = text_param(name, huge);
		g_snprintf(name, sizeof(name), "if.%d.addr.count", n / 6);
		params[n++] = uint_param(name, 99999);
		g_snprintf(name, sizeof(name), "if.%d.addr.0.addr", n / 6);
		params[n++] = text_param(name, "<script>");
		g_snprintf(name, sizeof(name), "user.%d.name", n / 6);
		params[n++] = text_param(name, huge);
	}
	j = guest_json(params, n);
	dump = json_dumps(j, JSON_COMPACT);
	assert_true(strlen(dump) < 400000);
	free(dump);
	assert_non_null(json_object_get(j, GUEST_IS_CUT));
	assert_string_equal(json_string_value(json_object_get(j, "guestName")), "a [31mb  c ");
	assert_string_equal(json_string_value(json_object_get(j, "guestIPs")), "");
}

static void random_parameters_do_no_harm(void **unused)
{
	static const char *const NAMES[] = { "user.count",      "user.0.name",     "if.count",
		                             "if.0.name",       "if.0.addr.count", "if.0.addr.0.addr",
		                             "hostname",        "timezone.name",   "timezone.offset",
		                             "os.id",           "os.machine",      "fs.count",
		                             "fs.0.mountpoint", "fs.0.disk.count", "fs.0.disk.0.serial",
		                             "fs.0.total-bytes" };
	static const char *const TEXTS[] = { "", "x", "\xff\xfe", "10.0.0.1", "::1", "mswindows", NULL };
	guint32 seed = 1;

	for (int round = 0; round < 20000; round++) {
		virTypedParameter params[16] = { 0 };
		const int n = (int)(seed % 16);

		for (int i = 0; i < n; i++) {
			seed = seed * 1664525u + 1013904223u;
			params[i] = text_param(NAMES[seed >> 8 & 15], TEXTS[(seed >> 12) % 7]);
			params[i].type = (int)(seed >> 16 & 7);
			if (params[i].type != VIR_TYPED_PARAM_STRING)
				params[i].value.ul = seed;
		}
		seed = seed * 1664525u + 1013904223u;
		json_decref(guest_json(params, n));
	}
}

static void versions_are_read(void **unused)
{
	g_autofree char *good = guest_agent_version("{\"return\":{\"version\":\"7.2.0\",\"supported_commands\":[]}}");
	g_autofree char *huge = g_strnfill(100000, ' ');

	assert_string_equal(good, "7.2.0");
	assert_null(guest_agent_version(NULL));
	assert_null(guest_agent_version("nonsense"));
	assert_null(guest_agent_version("{\"return\":[1]}"));
	assert_null(guest_agent_version(huge));
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(tells_all), cmocka_unit_test(lies_are_bounded),
		                            cmocka_unit_test(random_parameters_do_no_harm),
		                            cmocka_unit_test(versions_are_read), cmocka_unit_test(survives_liars) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
