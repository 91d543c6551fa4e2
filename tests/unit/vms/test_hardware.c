/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Rules of hardware: what a VM may have, with the limit in the fault; which processor a host has; sets of CPUs.
 * T744, T745, T757, T758 (processors of hosts and clusters), T781, T783-T785, T787, T815 (limits of VMs).
 */
#include "tests/unit/vms/vms_rig.h"

#include <string.h>

#include "manager/hosts/host_int.h"
#include "manager/vms/vm_hardware.h"

static char *ids(const char *id, const char *second) { return g_strdup_printf("%s/%s", id, second); }

static void test_limits_by_level(void **state)
{
	const char *id = rig_vm("a");

	rig_fails("vm.update", id, "{\"cpu\":{\"topology\":{\"sockets\":90,\"cores\":8,\"threads\":1}}}",
	          "4.8 has 710 virtual CPUs");
	rig_fails("vm.update", id,
	          "{\"custom_compatibility_version\":{\"major\":4,\"minor\":4},\"cpu\":{\"topology\":{\"sockets\":16,"
	          "\"cores\":25,\"threads\":1}}}",
	          "4.4 has 384 virtual CPUs");
	rig_fails("vm.update", id,
	          "{\"custom_compatibility_version\":{\"major\":4,\"minor\":4},\"cpu\":{\"topology\":{\"sockets\":17,"
	          "\"cores\":1,\"threads\":1}}}",
	          "16 sockets");
	rig_ok("vm.update", id, "{\"cpu\":{\"topology\":{\"sockets\":64,\"cores\":1,\"threads\":1}}}");
	rig_ok("vm.update", id, "{\"memory\":274877906944}");                           /* 256 GB */
	rig_fails("vm.update", id, "{\"os\":{\"type\":\"windows_2008\"}}", "20480 MB"); /* 32 bits */
}

static void test_what_does_not_go_together(void **state)
{
	const char *id = rig_vm("a");

	rig_fails("vm.update", id, "{\"tpm_enabled\":true}", "does not support a TPM");
	rig_fails("vm.update", id,
	          "{\"tpm_enabled\":true,\"bios\":{\"type\":\"i440fx_sea_bios\"},\"os\":{\"type\":\"rhel_9x64\"}}",
	          "Q35");
	rig_fails("vm.update", id, "{\"custom_emulated_machine\":\"pc-i440fx-7.2\"}", "Q35");
	rig_fails("vm.update", id, "{\"bios\":{\"type\":\"q35_secure_boot\"},\"os\":{\"type\":\"windows_xp\"}}",
	          "UEFI");
	rig_fails("vm.update", id, "{\"display\":{\"type\":\"vnc\",\"monitors\":3}}", "1, 2 or 4");
	rig_fails("vm.update", id, "{\"display\":{\"type\":\"vnc\",\"video_type\":\"bochs\"}}", "UEFI");
	rig_fails("vm.update", id, "{\"display\":{\"type\":\"vnc\",\"smartcard_enabled\":true}}", "SPICE");
	rig_fails("vm.update", id, "{\"cpu_pinning_policy\":\"dedicated\"}", "not supported");
	rig_fails("vm.update", id, "{\"custom_cpu_model\":\"a b\"}", "CPU model");
	rig_fails("vm.update", id, "{\"usb\":{\"enabled\":true,\"type\":\"legacy\"}}", "legacy");
	rig_ok(
	    "vm.update", id,
	    "{\"display\":{\"type\":\"spice\",\"monitors\":4,\"smartcard_enabled\":true},\"usb\":{\"enabled\":true}}");
}

static void test_custom_properties(void **state)
{
	const char *id = rig_vm("a");

	rig_fails("vm.update", id, "{\"custom_properties\":{\"custom_property\":[{\"name\":\"x\",\"value\":\"1\"}]}}",
	          "Known are: sap_agent");
	rig_fails("vm.update", id,
	          "{\"custom_properties\":{\"custom_property\":[{\"name\":\"sap_agent\",\"value\":\"yes\"}]}}",
	          "must match");
	rig_fails("vm.update", id,
	          "{\"custom_properties\":{\"custom_property\":[{\"name\":\"cloud_init_source\",\"value\":\"ec2\"}]}}",
	          "config-drive|nocloud");
	rig_fails("vm.update", id,
	          "{\"custom_properties\":{\"custom_property\":[{\"name\":\"sndbuf\",\"value\":\"1\"},"
	          "{\"name\":\"sndbuf\",\"value\":\"2\"}]}}",
	          "twice");
	rig_ok("vm.update", id,
	       "{\"custom_properties\":{\"custom_property\":[{\"name\":\"hugepages\",\"value\":\"2048\"}]}}");
	rig_fails("vm.update", id,
	          "{\"custom_properties\":{\"custom_property\":[{\"name\":\"hugepages\",\"value\":\"1048576\"}]}}",
	          "multiple");
}

static void test_numa_nodes(void **state)
{
	const char *id = rig_vm("a");
	g_autofree char *first = NULL;

	rig_ok("vm.update", id, "{\"cpu\":{\"topology\":{\"sockets\":2,\"cores\":1,\"threads\":1}}}");
	first = ids(id, ((struct m_virtual_numa_node *)rig_ok("vm_numa_nodes.add", id,
	                                                      "{\"index\":0,\"memory\":128,\"cpu\":{\"cores\":{"
	                                                      "\"core\":[{\"index\":0}]}}}")
	                     ->object)
	                    ->id);
	rig_fails("vm_numa_nodes.add", id,
	          "{\"index\":1,\"memory\":129,\"cpu\":{\"cores\":{\"core\":[{\"index\":1}]}}}",
	          "257 MB together, the VM has 256 MB");
	rig_fails("vm_numa_nodes.add", id, "{\"index\":1,\"memory\":1,\"cpu\":{\"cores\":{\"core\":[{\"index\":2}]}}}",
	          "the VM has 2");
	rig_fails("vm_numa_nodes.add", id, "{\"index\":1,\"memory\":1,\"cpu\":{\"cores\":{\"core\":[{\"index\":0}]}}}",
	          "two NUMA nodes");
	rig_fails("vm.start", id, NULL, "128 MB together");
	rig_fails("vm.update", id, "{\"memory\":67108864,\"memory_policy\":{\"guaranteed\":67108864}}", "together");
	rig_ok("vm_numa_node.remove", first, NULL);
	assert_int_equal(rig_ok("vm_numa_nodes.list", id, NULL)->n_list, 0);
}

/* Cards of a VM: so many, the one called front of this sort, each with an address. */
static void assert_cards(const char *vm_id, unsigned n, enum m_nic_interface front)
{
	unsigned found = 0;

	INV_EACH_BY (e, rig->core->inv, KIND_NIC, IDX_NIC_vm, vm_id) {
		const struct m_nic *nic = e->latest;

		found++;
		assert_non_null(nic->mac->address);
		assert_null(nic->instance_type.id);
		if (strcmp(nic->name, "front") == 0)
			assert_int_equal(nic->interface, front);
	}
	assert_int_equal(found, n);
}

static void test_watchdog_and_instance_type(void **state)
{
	const char *id = rig_vm("a");
	g_autofree char *type = NULL, *body = NULL, *one = ids(id, "00000000-0000-0000-0000-000000000001");
	const struct m_vm *vm;

	rig_fails("vm_watchdogs.add", id, "{\"model\":\"diag288\",\"action\":\"reset\"}", "S390");
	rig_ok("vm_watchdogs.add", id, "{\"model\":\"i6300esb\",\"action\":\"reset\"}");
	rig_fails("vm_watchdogs.add", id, "{\"model\":\"i6300esb\",\"action\":\"reset\"}", "already");
	rig_ok("vm_watchdog.update", one, "{\"action\":\"dump\"}");
	assert_int_equal(rig_get(id)->watchdog_action, M_WATCHDOG_ACTION_DUMP);
	rig_ok("vm_watchdog.remove", one, NULL);
	rig_fails("vm_watchdog.get", one, NULL, "no such watchdog");
	type =
	    g_strdup(((struct m_instance_type *)rig_ok("instance_types.add", "",
	                                               "{\"name\":\"own\",\"memory\":134217728,\"cpu\":{\"topology\":{"
	                                               "\"sockets\":1,\"cores\":2,\"threads\":1}}}")
	                  ->object)
	                 ->id);
	body = g_strdup_printf("{\"name\":\"b\",\"cluster\":{\"name\":\"Default\"},\"template\":{\"name\":\"Blank\"},"
	                       "\"instance_type\":{\"id\":\"%s\"}}",
	                       type);
	rig_ok("instance_type_nics.add", type, "{\"name\":\"front\",\"interface\":\"e1000\"}");
	rig_ok("instance_type_nics.add", type, "{\"name\":\"back\"}");
	vm = rig_ok("vms.add", "", body)->object;
	assert_int_equal(vm->memory, 134217728);
	assert_int_equal(vm->cpu->topology->cores, 2);
	assert_cards(vm->id, 2, M_NIC_INTERFACE_E1000);
	vm = rig_ok("vms.add", "",
	            "{\"name\":\"c\",\"cluster\":{\"name\":\"Default\"},\"template\":{\"name\":\"Blank\"},"
	            "\"instance_type\":{\"name\":\"own\"},\"nics\":{\"nic\":[{\"name\":\"front\",\"interface\":"
	            "\"virtio\"}]}}")
	         ->object;
	assert_cards(vm->id, 2, M_NIC_INTERFACE_VIRTIO);
	rig_fails("instance_type.remove", type, NULL, "VM b has it");
}

static void test_slots(void **state)
{
	const char *id = rig_vm("a");
	struct err e = ERR_INIT;

	for (int i = 0; i < 22; i++) {
		g_autofree char *body = g_strdup_printf("{\"name\":\"n%d\"}", i);
		rig_ok("vm_nics.add", id, body);
	}
	assert_int_equal(vm_check_slots(rig->core, rig_get(id), M_DISK_INTERFACE_NONE, 10, "add", &e), -1);
	assert_non_null(strstr(e.detail, "26 PCI devices at most"));
	assert_int_equal(vm_check_slots(rig->core, rig_get(id), M_DISK_INTERFACE_IDE, 0, "add", &e), -1);
	assert_non_null(strstr(e.detail, "no IDE"));
	assert_int_equal(vm_check_slots(rig->core, rig_get(id), M_DISK_INTERFACE_SATA, 0, "add", &e), 0);
}

static void test_devices_of_a_host(void **state)
{
	json_t *listed =
	    json_pack("{s:{s:{s:s,s:s}}, s:{s:{s:s,s:s,s:{s:s,s:s,s:s,s:s}}}}", "computer", "params", "capability",
	              "system", "is_assignable", "false", "pci_0000_03_00_1", "params", "capability", "pci",
	              "is_assignable", "true", "address", "domain", "0", "bus", "3", "slot", "0", "function", "1");
	struct domain_hostdev_spec spec;
	struct err e = ERR_INIT;

	assert_int_equal(vm_hostdev_spec(listed, "pci_0000_03_00_1", &spec, &e), 0);
	assert_int_equal(spec.kind, HOSTDEV_PCI);
	assert_int_equal(spec.address[1], 3);
	assert_int_equal(spec.address[3], 1);
	assert_int_equal(vm_hostdev_spec(listed, "computer", &spec, &e), -1);
	assert_int_equal(vm_hostdev_spec(listed, "nothing", &spec, &e), -1);
	assert_int_equal(vm_hostdev_spec(NULL, "nothing", &spec, &e), -1);
	json_decref(listed);
}

static void test_types_of_processors(void **state)
{
	struct m_cluster cl = { 0 };
	json_t *intel = json_pack("{s:s}", "cpuFlags", "vmx,nx,sse2,model_Nehalem,model_Westmere,model_Conroe");
	json_t *amd = json_pack("{s:s}", "cpuFlags", "svm,nx,model_EPYC"), *none = json_pack("{s:i}", "cpuFlags", 3);

	assert_string_equal(host_cpu_type(&cl, intel), "Intel Nehalem Family");
	assert_string_equal(host_cpu_type(&cl, amd), "AMD EPYC");
	assert_null(host_cpu_type(&cl, none));
	assert_null(host_cpu_type(&cl, NULL));
	assert_true(cpu_type_is_known("AMD Opteron G1"));
	assert_true(cpu_type_is_known("Intel Xeon Core i7"));
	assert_false(cpu_type_is_known("Zilog Z80"));
	json_decref(intel);
	json_decref(amd);
	json_decref(none);
}

static void test_sets_of_cpus(void **state)
{
	static const struct {
		const char *text;
		unsigned n;
	} GOOD[] = { { "0", 1 }, { "0-3", 4 }, { "0-3,^2", 3 }, { "7,1,1", 2 }, { "0-7,^1-6", 2 } };
	static const char *const BAD[] = { "",   "a",  "1-", "-1",  "3-1", "8",  "0-99999999999999999999",
		                           "^0", "0,", ",0", "1;2", "0 1", "^^1" };
	struct err e = ERR_INIT;

	for (size_t i = 0; i < G_N_ELEMENTS(GOOD); i++) {
		g_autoptr(GArray) set = g_array_new(FALSE, FALSE, sizeof(int64_t));

		assert_int_equal(vm_parse_cpu_set(GOOD[i].text, set, 8, &e), 0);
		assert_int_equal(set->len, GOOD[i].n);
	}
	for (size_t i = 0; i < G_N_ELEMENTS(BAD); i++) {
		g_autoptr(GArray) set = g_array_new(FALSE, FALSE, sizeof(int64_t));

		assert_int_equal(vm_parse_cpu_set(BAD[i], set, 8, &e), -1);
	}
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, rig_open, rig_close)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_limits_by_level),
		TEST(test_what_does_not_go_together),
		TEST(test_custom_properties),
		TEST(test_numa_nodes),
		TEST(test_slots),
		TEST(test_watchdog_and_instance_type),
		TEST(test_devices_of_a_host),
		cmocka_unit_test(test_types_of_processors),
		cmocka_unit_test(test_sets_of_cpus),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
