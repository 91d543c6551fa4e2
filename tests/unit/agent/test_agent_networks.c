/* SPDX-License-Identifier: Apache-2.0 */
#include "agent_test.h"

#include "agent/network/setup.h"
#include "base/auto.h"

static const char *address(void *arg, const char *device)
{
	return strcmp(device, "eth0") == 0 || strcmp(device, "mgmt") == 0 ? "10.0.0.1" : NULL;
}

static const struct {
	const char *now, *wanted, *next; /* next NULL: refused */
	int code;
} CASES[] = {
	{ "{}", "{\"a\":{}}", "{\"a\":{\"bridged\":true,\"mtu\":1500,\"stp\":false}}", 0 },
	{ "{}",
	  "{\"a\":{\"nic\":\"eth1\",\"mtu\":\"9000\",\"STP\":\"yes\",\"bridged\":\"True\",\"bootproto\":\"none\","
	  "\"defaultRoute\":true}}",
	  "{\"a\":{\"bridged\":true,\"mtu\":9000,\"stp\":true,\"nic\":\"eth1\"}}", 0 },
	{ "{}", "{\"a\":{\"nic\":\"eth0\",\"bridged\":false,\"ipaddr\":\"10.0.0.1\",\"netmask\":\"255.0.0.0\"}}",
	  "{\"a\":{\"bridged\":false,\"mtu\":1500,\"stp\":false,\"nic\":\"eth0\"}}", 0 },
	{ "{\"mgmt\":{\"bridged\":true,\"mtu\":1500,\"stp\":false,\"adopted\":true}}",
	  "{\"mgmt\":{\"ipaddr\":\"10.0.0.1\"}}",
	  "{\"mgmt\":{\"bridged\":true,\"mtu\":1500,\"stp\":false,\"adopted\":true}}", 0 },
	{ "{\"a\":{\"bridged\":true,\"mtu\":1500,\"stp\":false}}", "{\"a\":{\"remove\":true}}", "{}", 0 },
	{ "{}", "{\"a\":{\"remove\":true}}", NULL, 27 },
	{ "{}", "{\"a\":{\"ipaddr\":\"10.0.0.2\"}}", NULL, 21 },
	{ "{}", "{\"a\":{\"bootproto\":\"dhcp\"}}", NULL, 21 },
	{ "{}", "{\"a\":{\"vlan\":5}}", NULL, 26 },
	{ "{}", "{\"a\":{\"bonding\":\"bond0\"}}", NULL, 21 },
	{ "{}", "{\"a\":{\"switch\":\"ovs\"}}", NULL, 21 },
	{ "{}", "{\"a\":{\"mtu\":5}}", NULL, 21 },
	{ "{}", "{\"a\":{\"mtu\":\"x\"}}", NULL, 21 },
	{ "{}", "{\"a\":{\"bridged\":false}}", NULL, 21 },
	{ "{}", "{\"a\":7}", NULL, 21 },
	{ "{}", "{\"a/../b\":{}}", NULL, 27 },
	{ "{}", "{\"sixteen-letters-\":{}}", NULL, 27 },
	{ "{}", "{\"a:b\":{}}", NULL, 27 },
	{ "{}", "{\"\":{}}", NULL, 27 },
};

static void merges(void **unused)
{
	for (size_t i = 0; i < sizeof(CASES) / sizeof(CASES[0]); i++) {
		auto_json *now = json_loads(CASES[i].now, 0, NULL);
		auto_json *wanted = json_loads(CASES[i].wanted, 0, NULL);
		auto_json *expected = CASES[i].next ? json_loads(CASES[i].next, 0, NULL) : NULL;
		struct err e = ERR_INIT;
		auto_json *next = setup_merge(now, wanted, address, NULL, &e);

		if (!next != !expected || (next && !json_equal(next, expected)) ||
		    (!next && e.agent_code != CASES[i].code))
			fail_msg("%s: %s", CASES[i].wanted, e.detail);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(merges) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
