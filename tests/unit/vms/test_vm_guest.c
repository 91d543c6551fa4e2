/* SPDX-License-Identifier: Apache-2.0 */
/* What guests tell and are asked for: graphs, statistics, freezing. */
#include "tests/unit/vms/vms_rig.h"

#include <string.h>

#include "manager/vms/vm_history.h"

static const char *running(const char *name)
{
	const char *id = rig_vm(name);
	g_autofree char *list = g_strdup_printf("%s=Up", id);

	rig_ok("vm.start", id, NULL);
	rig_pass(100);
	rig_report(rig_get(id)->host.id, list);
	rig_pass(5000);
	return id;
}

/* A report with numbers; the network card has taken bytes since the one before. */
static void report(const char *id, double cpu, const char *memory, double at, double rx)
{
	g_autofree char *bytes = g_strdup_printf("%.0f", rx);
	json_t *list =
	    json_pack("[{s:s, s:s, s:f, s:f, s:i, s:s, s:{s:{s:s, s:s, s:f, s:s, s:s}}}]", "vmId", id, "status", "Up",
	              "cpuUser", cpu, "cpuSys", 0.0, "vcpuCount", 2, "memUsage", memory, "network", "vnet0", "macAddr",
	              "x", "speed", "1000", "sampleTime", at, "rx", bytes, "tx", "0");

	vms_host_report(rig->core, rig_get(id)->host.id, list);
	json_decref(list);
}

static void test_last_hour(void **state)
{
	const char *id = running("a");
	double values[HISTORY_MAX_SAMPLES];
	double now;

	for (int i = 0; i < HISTORY_HOUR_SAMPLES + 10; i++) {
		rig_pass(HISTORY_HOUR_MS);
		report(id, i, "37", 100 + 30.0 * i, i == HISTORY_HOUR_SAMPLES + 9 ? 1875e6 : 0); /* half of 1 Gb/s */
		report(id, 199, "99", 101 + 30.0 * i, 0); /* too soon to be kept */
	}
	assert_int_equal(history_get(vm_history(rig->core, id), HISTORY_HOUR, VM_SERIES_CPU, values),
	                 HISTORY_HOUR_SAMPLES);
	assert_int_equal((int)values[0], (HISTORY_HOUR_SAMPLES + 9) / 2 + 1); /* rounded, for two processors */
	assert_int_equal((int)values[HISTORY_HOUR_SAMPLES - 1], 5);
	assert_int_equal(history_get(vm_history(rig->core, id), HISTORY_HOUR, VM_SERIES_MEMORY, values),
	                 HISTORY_HOUR_SAMPLES);
	assert_int_equal((int)values[0], 37);
	assert_true(vm_percent(rig->core, id, VM_SERIES_CPU, &now));
	assert_int_equal((int)now, 99);
	assert_false(vm_percent(rig->core, "nobody", VM_SERIES_CPU, &now));
}

static void test_network_is_a_share_of_the_card(void **state)
{
	const char *id = running("a");
	double now;

	report(id, 0, "0", 100, 0);
	report(id, 0, "0", 130, 1875e6);
	assert_true(vm_percent(rig->core, id, VM_SERIES_NETWORK, &now));
	assert_true(now > 49.9 && now < 50.1);
	report(id, 0, "nan", 130, 1e300); /* nonsense does no harm */
	assert_true(vm_percent(rig->core, id, VM_SERIES_NETWORK, &now) && now >= 0 && now <= 100);
	assert_true(vm_percent(rig->core, id, VM_SERIES_MEMORY, &now) && now >= 0 && now <= 100);
}

static void test_freeze_and_thaw(void **state)
{
	const char *down = rig_vm("b");

	rig_fails("vm.freeze_filesystems", down, "{}", "not up");
	const char *id = running("a");
	rig_ok("vm.freeze_filesystems", id, "{}");
	rig_ok("vm.thaw_filesystems", id, "{}");
	assert_int_equal(rig_count(NULL, "VM.freeze"), 1);
	assert_int_equal(rig_count(NULL, "VM.thaw"), 1);
	assert_true(rig_told("FREEZE_VM_SUCCESS") && rig_told("THAW_VM_SUCCESS"));
	rig_answer(rig_get(id)->host.id, "VM.freeze", 19);
	rig_fails("vm.freeze_filesystems", id, "{}", "guest agent does not answer");
	assert_true(rig_told("FAILED_TO_FREEZE_VM"));
	rig_fails("vm.freeze_filesystems", "00000000-0000-0000-0000-00000000dead", "{}", "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_last_hour, rig_open, rig_close),
		cmocka_unit_test_setup_teardown(test_network_is_a_share_of_the_card, rig_open, rig_close),
		cmocka_unit_test_setup_teardown(test_freeze_and_thaw, rig_open, rig_close),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
