/* SPDX-License-Identifier: Apache-2.0 */
/* Limits of a machine in its metadata. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "agent/vms/tune_policy.h"
#include "agent/vms/xml.h"
#include "base/auto.h"

static const char DOMAIN[] =
    "<domain><metadata><ovirt-tune:qos xmlns:ovirt-tune='http://ovirt.org/vm/tune/1.0'>"
    "<ovirt-tune:vcpuLimit>40</ovirt-tune:vcpuLimit><ovirt-tune:ioTune><ovirt-tune:device name='vda' path='/x'>"
    "<ovirt-tune:maximum><ovirt-tune:total_iops_sec>500</ovirt-tune:total_iops_sec>"
    "<ovirt-tune:read_bytes_sec>-3</ovirt-tune:read_bytes_sec></ovirt-tune:maximum>"
    "</ovirt-tune:device></ovirt-tune:ioTune></ovirt-tune:qos></metadata></domain>";

static json_int_t at(json_t *policy, const char *kind, const char *name)
{
	json_t *device = json_array_get(json_object_get(policy, "ioTune"), 0);

	return json_integer_value(json_object_get(json_object_get(device, kind), name));
}

static void check(json_t *policy)
{
	assert_int_equal(json_integer_value(json_object_get(policy, "vcpuLimit")), 40);
	assert_int_equal(json_array_size(json_object_get(policy, "ioTune")), 1);
	assert_int_equal(at(policy, "maximum", "total_iops_sec"), 500);
	assert_int_equal(at(policy, "maximum", "read_bytes_sec"), 0);
	assert_int_equal(at(policy, "guaranteed", "total_iops_sec"), 0);
}

static void test_there_and_back(void **state)
{
	auto_pool p = pool_new();
	auto_json *policy = tune_policy_of_domain(DOMAIN), *again = NULL;
	struct err e = ERR_INIT;
	auto_xml doc = NULL;

	check(policy);
	doc = xml_parse(tune_policy_write(p, policy), &e);
	assert_non_null(doc);
	again = tune_policy_read(xmlDocGetRootElement(doc));
	check(again);
	assert_true(json_equal(policy, again));
}

static void test_nonsense(void **state)
{
	static const char *const DOMAINS[] = {
		NULL,
		"",
		"<domain/>",
		"<domain><metadata><qos><vcpuLimit>40</vcpuLimit></qos></metadata></domain>",
		"<domain><metadata><q:qos "
		"xmlns:q='http://ovirt.org/vm/tune/1.0'><q:vcpuLimit>no</q:vcpuLimit></q:qos></metadata></domain>",
		"<domain><metadata><q:qos "
		"xmlns:q='http://ovirt.org/vm/tune/1.0'><q:vcpuLimit>101</q:vcpuLimit></q:qos></metadata></domain>",
		"<domain><metadata><q:qos "
		"xmlns:q='http://ovirt.org/vm/tune/1.0'><q:vcpuLimit>0</q:vcpuLimit></q:qos></metadata></domain>",
	};

	for (size_t i = 0; i < sizeof(DOMAINS) / sizeof(DOMAINS[0]); i++) {
		auto_json *policy = tune_policy_of_domain(DOMAINS[i]);

		assert_null(json_object_get(policy, "vcpuLimit"));
		assert_int_equal(json_array_size(json_object_get(policy, "ioTune")), 0);
	}
}

static void test_numbers_from_outside(void **state)
{
	static const struct {
		const char *json;
		bool is_ok;
	} CASES[] = {
		{ "{}", true },
		{ "{\"total_bytes_sec\": 5}", true },
		{ "{\"total_bytes_sec\": \"5\"}", true },
		{ "{\"total_bytes_sec\": null}", true },
		{ "{\"unknown\": []}", true },
		{ "{\"total_bytes_sec\": -1}", false },
		{ "{\"total_bytes_sec\": 1.5}", false },
		{ "{\"total_bytes_sec\": \"x\"}", false },
		{ "{\"total_bytes_sec\": {}}", false },
		{ "{\"write_iops_sec\": 9223372036854775807}", false },
		{ "{\"write_iops_sec\": \"99999999999999999999\"}", false },
	};

	for (size_t i = 0; i < sizeof(CASES) / sizeof(CASES[0]); i++) {
		auto_json *in = json_loads(CASES[i].json, 0, NULL), *out = NULL;
		struct err e = ERR_INIT;

		out = tune_numbers_check(in, "tunables", &e);
		if ((out != NULL) != CASES[i].is_ok)
			fail_msg("%s: %s", CASES[i].json, e.detail);
	}
	struct err e = ERR_INIT;
	auto_json *none = tune_numbers_check(NULL, "tunables", &e);

	assert_non_null(none);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_there_and_back),
		cmocka_unit_test(test_nonsense),
		cmocka_unit_test(test_numbers_from_outside),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
