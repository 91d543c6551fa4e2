/* SPDX-License-Identifier: Apache-2.0 */
#include "agent_test.h"

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

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(tells_all), cmocka_unit_test(survives_liars) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
