/* SPDX-License-Identifier: Apache-2.0 */
/* VMs: what may be said of them, how they are started, and what becomes of hosts' reports. */
#include "tests/unit/vms/vms_rig.h"

#include <string.h>

#include "manager/hosts/host_int.h"

#define BLANK "\"cluster\":{\"name\":\"Default\"},\"template\":{\"name\":\"Blank\"}"
#define GIB   "1073741824"

static enum m_vm_status status(const char *id) { return rig_get(id)->status; }

/* Start it, and have the first host say that it runs. */
static const char *running(const char *name)
{
	const char *id = rig_vm(name);
	g_autofree char *list = g_strdup_printf("%s=Up", id);

	rig_ok("vm.start", id, NULL);
	assert_int_equal(status(id), M_VM_STATUS_WAIT_FOR_LAUNCH);
	rig_pass(100);
	rig_report(rig_get(id)->host.id, list);
	assert_int_equal(status(id), M_VM_STATUS_UP);
	rig_pass(5000);
	assert_int_equal(jobs_running(rig->core), 0);
	return id;
}

/* ---- configuration ---- */

static void test_defaults_of_a_new_vm(void **state)
{
	const struct m_vm *vm = rig_ok("vms.add", "", "{\"name\":\"a\"," BLANK ",\"memory\":536870912}")->object;

	assert_int_equal(vm->memory, 536870912);
	assert_int_equal(vm->memory_policy->guaranteed, 536870912);
	assert_int_equal(vm->memory_policy->max, 4LL * 536870912);
	assert_int_equal(vm->status, M_VM_STATUS_DOWN);
	assert_non_null(vm->sso);
	assert_true(vm->has.next_run_configuration_exists && !vm->next_run_configuration_exists);
	assert_true(vm->has.creation_time && vm->has.stop_time && vm->cpu_profile.id && vm->quota.id &&
	            vm->large_icon->id);
	assert_string_equal(vm->original_template.id, UUID_NIL);
	assert_int_equal(inv_count_by(rig->core->inv, KIND_SNAPSHOT, IDX_SNAPSHOT_vm, vm->id), 1);
}

static void test_rules(void **state)
{
	rig_vm("a");
	rig_fails("vms.add", "", "{\"name\":\"a\"," BLANK "}", "The VM name is already in use");
	rig_fails("vms.add", "", "{\"name\":\"b c\"," BLANK "}", "letters");
	rig_fails("vms.add", "", "{\"name\":\"b\",\"cluster\":{\"name\":\"x\"},\"template\":{\"name\":\"Blank\"}}",
	          "Entity not found: Cluster");
	rig_fails("vms.add", "",
	          "{\"name\":\"b\"," BLANK ",\"memory\":536870912,\"memory_policy\":{\"guaranteed\":" GIB "}}",
	          "Physical Memory Guaranteed cannot exceed Memory Size");
	rig_fails("vms.add", "", "{\"name\":\"b\"," BLANK ",\"memory\":" GIB ",\"memory_policy\":{\"max\":536870912}}",
	          "Maximum memory");
	rig_fails("vms.add", "", "{\"name\":\"b\"," BLANK ",\"os\":{\"type\":\"cpm\"}}", "no known operating system");
	rig_fails("vms.add", "", "{\"name\":\"b\"," BLANK ",\"os\":{\"kernel\":\"k\"}}", "absolute paths");
	rig_fails("vms.add", "", "{\"name\":\"b\"," BLANK ",\"os\":{\"kernel\":\"/k\",\"cmdline\":\"a\\u0001\"}}",
	          "Control characters");
	rig_fails("vms.add", "", "{\"name\":\"b\"," BLANK ",\"cpu\":{\"topology\":{\"sockets\":300,\"cores\":8}}}",
	          "virtual CPUs at most");
	rig_fails("vms.add", "", "{\"name\":\"b\"," BLANK ",\"display\":{\"type\":\"vnc\",\"monitors\":2}}", "SPICE");
	rig_fails("vms.add", "", "{\"name\":\"b\"," BLANK ",\"nics\":{\"nic\":[{\"name\":\"n\"},{\"name\":\"n\"}]}}",
	          "already in use");
	assert_int_equal(inv_count(rig->core->inv, KIND_VM), 1);
	assert_int_equal(inv_count(rig->core->inv, KIND_NIC), 0);
}

/* What is read can be written back, also the answer's own additions. */
static void test_writing_back_what_was_read(void **state)
{
	const struct m_write w = { .base = "/ovirt-engine/api" };
	g_autoptr(GString) before = g_string_new(NULL), after = g_string_new(NULL);
	const char *id = rig_vm("a");

	m_write_json(before, &M_TYPE_vm, rig_ok("vm.get", id, NULL)->object, &w);
	m_write_json(after, &M_TYPE_vm, rig_ok("vm.update", id, before->str)->object, &w);
	assert_string_equal(before->str, after->str);
}

static void test_update_while_running(void **state)
{
	const char *id = running("a");

	rig_ok("vm.update", id, "{\"description\":\"x\",\"high_availability\":{\"enabled\":true}}");
	assert_false(M_GET(rig_get(id), next_run_configuration_exists, false));
	rig_ok("vm.update", id, "{\"memory\":536870912}");
	assert_true(rig_get(id)->next_run_configuration_exists);
	rig_event(HOST1, id, "{\"status\":\"Down\",\"exitCode\":0,\"exitReason\":7,\"exitMessage\":\"bye\"}");
	rig_event(HOST2, id, "{\"status\":\"Down\",\"exitCode\":0,\"exitReason\":7,\"exitMessage\":\"bye\"}");
	assert_int_equal(status(id), M_VM_STATUS_DOWN);
	assert_false(rig_get(id)->next_run_configuration_exists);
}

/* What waits comes into force at the end; before, it is seen with next_run alone. */
static void test_next_run(void **state)
{
	const char *id = running("a");
	struct call *c;

	rig_ok("vm.update", id, "{\"memory\":536870912,\"comment\":\"now\"}");
	assert_int_equal(rig_get(id)->memory, 256 << 20);
	assert_string_equal(rig_get(id)->comment, "now");
	rig_ok("vm.update", id, "{\"os\":{\"cmdline\":\"quiet\"}}");
	c = rig_ok("vm.get", id, NULL);
	assert_int_equal(((struct m_vm *)c->object)->memory, 256 << 20);
	rig_event(rig_get(id)->host.id, id,
	          "{\"status\":\"Down\",\"exitCode\":0,\"exitReason\":7,\"exitMessage\":\"bye\"}");
	assert_int_equal(rig_get(id)->memory, 536870912);
	assert_string_equal(rig_get(id)->os->cmdline, "quiet");
	assert_null(rig_get(id)->next_run);
}

/* Saying what it is already takes back what waited. */
static void test_next_run_is_taken_back(void **state)
{
	const char *id = running("a");

	rig_ok("vm.update", id, "{\"memory\":536870912}");
	assert_true(rig_get(id)->next_run_configuration_exists);
	rig_ok("vm.update", id, "{\"memory\":268435456}");
	assert_false(rig_get(id)->next_run_configuration_exists);
}

/* What was kept for later goes on waiting when something else is changed; said again it is there at once. */
static void test_next_run_goes_on_waiting(void **state)
{
	const char *id = running("a");
	g_autofree char *later = g_strconcat(id, "?next_run", NULL);

	rig_ok("vm.update", later, "{\"description\":\"later\"}");
	assert_null(rig_get(id)->description);
	rig_ok("vm.update", id, "{\"comment\":\"now\"}");
	assert_null(rig_get(id)->description);
	assert_string_equal(rig_get(id)->comment, "now");
	assert_true(rig_get(id)->next_run_configuration_exists);
	rig_ok("vm.update", id, "{\"description\":\"later\"}");
	assert_string_equal(rig_get(id)->description, "later");
	assert_false(rig_get(id)->next_run_configuration_exists);
}

static void test_run_once(void **state)
{
	const char *id = rig_vm("a");

	rig_fails("vm.start", id, "{\"vm\":{\"os\":{\"kernel\":\"relative\"}}}", "absolute paths");
	rig_fails("vm.start", id, "{\"use_cloud_init\":true,\"use_sysprep\":true}", "Only one of");
	rig_ok("vm.start", id, "{\"vm\":{\"memory\":134217728,\"os\":{\"cmdline\":\"single\"}}}");
	assert_true(rig_get(id)->run_once);
	assert_int_equal(rig_get(id)->memory, 256 << 20);
	rig_pass(100);
	assert_int_equal(rig_count(NULL, "VM.create"), 1);
	for (guint i = 0; i < rig->verbs->len; i++) {
		const struct rig_verb *v = &g_array_index(rig->verbs, struct rig_verb, i);
		const char *xml = json_string_value(json_object_get(json_object_get(v->params, "vmParams"), "xml"));
		assert_true(!xml || (strstr(xml, ">131072<") && strstr(xml, "single")));
	}
}

/* Started again once its host said that it ended, and never because a host is silent. */
static void test_available_vm_comes_back(void **state)
{
	const char *id = running("a");
	g_autofree char *list = g_strdup_printf("%s=Up", id);

	rig_ok("vm.update", id, "{\"high_availability\":{\"enabled\":true,\"priority\":5}}");
	vms_host_lost(rig->core, rig_get(id)->host.id);
	rig_pass(60000);
	assert_int_equal(status(id), M_VM_STATUS_UNKNOWN);
	assert_int_equal(rig_count(NULL, "VM.create"), 1);
	rig_report(rig_get(id)->host.id, list);
	assert_int_equal(status(id), M_VM_STATUS_UP);
	rig_event(rig_get(id)->host.id, id,
	          "{\"status\":\"Down\",\"exitCode\":1,\"exitReason\":2,\"exitMessage\":\"qemu died\"}");
	assert_true(rig_get(id)->has.restart_wanted);
}

static void test_removal(void **state)
{
	const char *id = running("a");

	rig_fails("vm.remove", id, NULL, "Cannot remove VM. VM is running.");
	rig_ok("vm.stop", id, NULL);
	rig_pass(1000);
	rig_ok("vm.update", id, "{\"delete_protected\":true}");
	rig_fails("vm.remove", id, NULL, "Delete protection");
	rig_ok("vm.update", id, "{\"delete_protected\":false}");
	rig_ok("vm.remove", id, NULL);
	assert_null(rig_get(id));
	assert_int_equal(inv_count(rig->core->inv, KIND_SNAPSHOT), 0);
}

/* ---- starting ---- */

static void test_nothing_to_boot_from(void **state)
{
	const struct m_vm *vm = rig_ok("vms.add", "", "{\"name\":\"a\"," BLANK "}")->object;
	const char *id = g_intern_string(vm->id);

	rig_fails("vm.start", id, NULL, "Cannot run VM without at least one bootable disk.");
	rig_fails("vm.start", id, "{\"vm\":{\"os\":{\"boot\":{\"devices\":{\"device\":[\"network\"]}}}}}",
	          "without at least one bootable disk.");
	rig_ok("vm_nics.add", id, "{\"name\":\"nic1\"}");
	rig_ok("vm.start", id, "{\"vm\":{\"os\":{\"boot\":{\"devices\":{\"device\":[\"network\"]}}}}}");
}

static void test_no_host_fits(void **state)
{
	const char *id = rig_vm("a");

	rig_ok("vm.update", id, "{\"memory\":17179869184,\"memory_policy\":{\"max\":17179869184}}");
	rig_fails("vm.start", id, NULL, "There is no host that satisfies");
	rig_ok("vm.update", id, "{\"memory\":268435456,\"memory_policy\":{\"guaranteed\":268435456}}");
	rig_ok("vm.start", id, NULL);
}

/* Start more machines of 1 GiB, until so many run on both hosts together; the next one finds no place. */
static void fill_hosts(int *n, int64_t percent, int want)
{
	g_autofree char *cluster = g_strdup(inv_by_name(rig->core->inv, KIND_CLUSTER, NULL, "Default")->id);
	g_autofree char *rule = g_strdup_printf("{\"memory_policy\":{\"over_commit\":{\"percent\":%d}}}", (int)percent);

	rig_ok("cluster.update", cluster, rule);
	for (bool is_full = false; !is_full; ++*n) {
		g_autofree char *name = g_strdup_printf("m%d", *n);
		const char *id = rig_vm(name);

		rig_ok("vm.update", id, "{\"memory\":" GIB ",\"memory_policy\":{\"guaranteed\":268435456}}");
		is_full = rig_count(NULL, "VM.create") == want;
		if (is_full)
			rig_fails("vm.start", id, NULL, "has not enough free memory");
		else
			rig_ok("vm.start", id, NULL);
		rig_pass(200);
	}
}

/*
 * T762: what is promised to the VMs of a host stays within its memory times the cluster's rule. Each host has 8 GiB, keeps 321 MiB
 * for itself, and a VM of 1 GiB needs 66 MiB besides when it is placed: 7, 11 and 15 of them on each of the two.
 */
static void test_memory_is_overcommitted_as_the_cluster_says(void **state)
{
	int n = 0;

	fill_hosts(&n, 100, 14);
	fill_hosts(&n, 150, 22);
	fill_hosts(&n, 200, 30);
	fill_hosts(&n, 100, 30); /* nobody is driven out */
}

/* T762: promises are one thing; what is guaranteed must be there, in memory or swap. */
static void test_guaranteed_memory_must_be_there(void **state)
{
	const char *const HOSTS[] = { HOST1, HOST2 };
	const char *id = rig_vm("a");

	for (size_t i = 0; i < G_N_ELEMENTS(HOSTS); i++)
		host_rt(rig->core, HOSTS[i])->stats = json_pack("{s:i,s:i}", "memFree", 300, "swapFree", 100);
	rig_ok("vm.update", id, "{\"memory\":" GIB ",\"memory_policy\":{\"guaranteed\":536870912}}");
	rig_fails("vm.start", id, NULL, "has not enough physical memory left");
	rig_ok("vm.update", id, "{\"memory_policy\":{\"guaranteed\":268435456}}");
	rig_ok("vm.start", id, NULL);
}

static void test_refused_by_one_host(void **state)
{
	const char *id = rig_vm("a");

	rig_answer(HOST1, "VM.create", 9);
	rig_answer(HOST2, "VM.create", 9);
	rig_ok("vm.start", id, NULL);
	rig_pass(60000);
	assert_int_equal(rig_count(HOST1, "VM.create"), 1);
	assert_int_equal(rig_count(HOST2, "VM.create"), 1);
	assert_int_equal(status(id), M_VM_STATUS_DOWN);
	assert_true(rig_told("USER_FAILED_RUN_VM"));
	assert_int_equal(jobs_running(rig->core), 0);
	rig_answer(HOST2, "VM.create", 0);
	rig_ok("vm.start", id, NULL);
	rig_pass(200);
	assert_string_equal(rig_get(id)->host.id, HOST2);
}

static void test_start_fails_on_the_host(void **state)
{
	const char *id = rig_vm("a"), *first;

	rig_ok("vm.start", id, NULL);
	rig_pass(100);
	first = g_intern_string(rig_get(id)->host.id);
	rig_event(first, id,
	          "{\"status\":\"Down\",\"exitCode\":1,\"exitReason\":3,\"exitMessage\":\"no such machine\"}");
	assert_string_not_equal(rig_get(id)->host.id, first);
	assert_int_equal(rig_count(first, "VM.destroy"), 1);
	rig_event(rig_get(id)->host.id, id,
	          "{\"status\":\"Down\",\"exitCode\":1,\"exitReason\":3,\"exitMessage\":\"no such machine\"}");
	assert_int_equal(status(id), M_VM_STATUS_DOWN);
	assert_string_equal(rig_get(id)->exit_message, "no such machine");
}

static void test_outcome_is_not_known(void **state)
{
	const char *id = rig_vm("a"), *host;
	g_autofree char *list = g_strdup_printf("%s=Up", id);

	rig_answer(HOST1, "VM.create", -1);
	rig_answer(HOST2, "VM.create", -1);
	rig_ok("vm.start", id, NULL);
	rig_pass(200000);
	assert_int_equal(rig_count(NULL, "VM.create"), 1); /* nobody else may run it */
	assert_int_equal(status(id), M_VM_STATUS_UNKNOWN);
	assert_int_equal(jobs_running(rig->core), 0);
	rig_fails("vm.start", id, NULL, "not known");
	host = rig_get(id)->host.id;
	assert_non_null(host);
	rig_report(host, list);
	assert_int_equal(status(id), M_VM_STATUS_UP);
}

static void test_outcome_is_not_known_and_it_is_not_there(void **state)
{
	const char *id = rig_vm("a"), *host;

	rig_answer(HOST1, "VM.create", -1);
	rig_answer(HOST2, "VM.create", -1);
	rig_ok("vm.start", id, NULL);
	rig_pass(200000);
	host = g_intern_string(rig_get(id)->host.id);
	rig_report(host, "");
	assert_int_equal(status(id), M_VM_STATUS_UNKNOWN);
	rig_report(host, "");
	assert_int_equal(status(id), M_VM_STATUS_DOWN);
}

static void test_a_machine_that_exists_already(void **state)
{
	const char *id = rig_vm("a");

	rig_answer(HOST1, "VM.create", 4);
	rig_answer(HOST2, "VM.create", 4);
	rig->vm_stats = json_pack("[{s:s}]", "status", "Up"); /* ours: it is waited for */
	rig_ok("vm.start", id, NULL);
	rig_pass(1000);
	assert_int_equal(rig_count(NULL, "VM.create"), 1);
	assert_int_equal(rig_count(NULL, "VM.destroy"), 0);
	assert_int_equal(jobs_running(rig->core), 1);
}

static void test_stop_while_starting(void **state)
{
	const char *id = rig_vm("a");

	rig_ok("vm.start", id, NULL);
	rig_ok("vm.stop", id, NULL);
	rig_pass(500);
	rig_event(rig_get(id)->host.id ? rig_get(id)->host.id : HOST1, id,
	          "{\"status\":\"Down\",\"exitCode\":0,\"exitReason\":10,\"exitMessage\":\"destroyed\"}");
	rig_pass(10000);
	assert_int_equal(status(id), M_VM_STATUS_DOWN);
	assert_int_equal(jobs_running(rig->core), 0);
}

/* ---- reports ---- */

static void test_a_quiet_report_commits_nothing(void **state)
{
	const char *id = running("a");
	g_autofree char *list = g_strdup_printf("%s=Up", id);
	unsigned n = rig_commits();

	for (int i = 0; i < 20; i++)
		rig_report(rig_get(id)->host.id, list);
	assert_int_equal(rig_commits(), n);
}

static void test_words(void **state)
{
	static const struct {
		const char *word;
		enum m_vm_status status;
		const char *event;
	} WORDS[] = {
		{ "Paused", M_VM_STATUS_PAUSED, "VM_PAUSED" },
		{ "Up", M_VM_STATUS_UP, "USER_RUN_VM" },
		{ "Powering down", M_VM_STATUS_POWERING_DOWN, NULL },
		{ "Up", M_VM_STATUS_UP, "VM_POWER_DOWN_FAILED" },
		{ "RebootInProgress", M_VM_STATUS_REBOOT_IN_PROGRESS, NULL },
		{ "Powering up", M_VM_STATUS_POWERING_UP, NULL },
		{ "Nonsense", M_VM_STATUS_POWERING_UP, NULL },
		{ "Saving State", M_VM_STATUS_SAVING_STATE, NULL },
		{ "Up", M_VM_STATUS_UP, NULL },
	};
	const char *id = running("a");

	for (size_t i = 0; i < G_N_ELEMENTS(WORDS); i++) {
		g_autofree char *list = g_strdup_printf("%s=%s", id, WORDS[i].word);
		rig_report(rig_get(id)->host.id, list);
		assert_int_equal(status(id), WORDS[i].status);
		if (WORDS[i].event)
			assert_true(rig_told(WORDS[i].event));
	}
}

static void test_reasons_of_a_pause(void **state)
{
	const char *id = running("a");

	rig_event(rig_get(id)->host.id, id, "{\"status\":\"Paused\",\"pauseCode\":\"ENOSPC\"}");
	assert_string_equal(rig_get(id)->status_detail, "enospc");
	assert_true(rig_told("VM_PAUSED_ENOSPC"));
	rig_event(rig_get(id)->host.id, id, "{\"status\":\"Up\",\"pauseCode\":\"NOERR\"}");
	assert_null(rig_get(id)->status_detail);
	assert_true(rig_told("VM_RECOVERED_FROM_PAUSE_ERROR"));
	rig_event(rig_get(id)->host.id, id, "{\"status\":\"Up\",\"monitorResponse\":\"-1\"}");
	assert_int_equal(status(id), M_VM_STATUS_NOT_RESPONDING);
}

static void test_end_is_recorded_then_acknowledged(void **state)
{
	const char *id = running("a");
	g_autofree char *down =
	    g_strdup("{\"status\":\"Down\",\"exitCode\":1,\"exitReason\":2,\"exitMessage\":\"qemu died\"}");
	const char *host = g_intern_string(rig_get(id)->host.id);

	rig_event(host, id, down);
	rig_event(host, id, down);
	assert_int_equal(status(id), M_VM_STATUS_DOWN);
	assert_null(rig_get(id)->host.id);
	assert_int_equal(rig_get(id)->exit_reason, 2);
	assert_true(rig_told("VM_DOWN_ERROR"));
	assert_true(rig_count(host, "VM.destroy") >= 1);
}

static void test_missing_vm(void **state)
{
	const char *id = running("a");
	const char *host = g_intern_string(rig_get(id)->host.id);

	rig_report(host, "");
	assert_int_equal(status(id), M_VM_STATUS_UP);
	rig_report(host, "");
	assert_int_equal(status(id), M_VM_STATUS_DOWN);
	assert_true(rig_told("VM_DOWN_ERROR"));
}

static void test_lost_host_and_its_return(void **state)
{
	const char *id = running("a");
	const char *host = g_intern_string(rig_get(id)->host.id);
	g_autofree char *list = g_strdup_printf("%s=Up", id);

	vms_host_lost(rig->core, host);
	rig_pass(100);
	assert_int_equal(status(id), M_VM_STATUS_UNKNOWN);
	assert_int_equal(vms_on_host(rig->core, host), 1);
	rig_report(host, list);
	assert_int_equal(status(id), M_VM_STATUS_UP);
}

static void test_strays(void **state)
{
	const char *id = running("a"), *down = rig_vm("b");
	const char *host = g_intern_string(rig_get(id)->host.id), *other = strcmp(host, HOST1) == 0 ? HOST2 : HOST1;
	g_autofree char *both = g_strdup_printf("%s=Up,%s=Up,99999999-0000-4000-8000-000000000009=Up", id, down);
	g_autofree char *left = g_strdup_printf("%s=Down", down);

	rig_report(other, both);
	assert_int_equal(status(down), M_VM_STATUS_DOWN); /* once may be an old report */
	rig_report(other, both);
	assert_int_equal(status(down), M_VM_STATUS_UP);
	assert_string_equal(rig_get(down)->host.id, other);
	assert_string_equal(rig_get(id)->host.id, host); /* two copies: nothing is decided */
	rig_ok("vm.stop", down, NULL);
	rig_pass(1000);
	rig_report(other, left);
	assert_int_equal(status(down), M_VM_STATUS_DOWN);
}

static void test_hostile_reports(void **state)
{
	static const char *const REPORTS[] = {
		"[]", "{}", "[1,null,[],{}]", "[{\"vmId\":7}]", "[{\"vmId\":\"x\",\"status\":\"Up\"}]", "null"
	};
	const char *id = running("a");

	for (size_t i = 0; i < G_N_ELEMENTS(REPORTS); i++) {
		json_t *j = json_loads(REPORTS[i], JSON_DECODE_ANY, NULL);
		vms_host_report(rig->core, "11111111-0000-4000-8000-00000000000f", j);
		json_decref(j);
	}
	rig_event(rig_get(id)->host.id, id, "[]");
	rig_event(rig_get(id)->host.id, id, "{\"status\":[],\"displayInfo\":{\"a\":1},\"pauseCode\":4}");
	rig_event(rig_get(id)->host.id, id, "{\"status\":\"Up\",\"displayInfo\":[1,{\"port\":{}}],\"elapsedTime\":[]}");
	rig_ok("vm.get", id, NULL);
	rig_ok("vm_graphics_consoles.list", id, NULL);
	rig_ok("vm_reported_devices.list", id, NULL);
	rig_ok("vm_sessions.list", id, NULL);
	assert_int_equal(status(id), M_VM_STATUS_UP);
}

/* ---- devices ---- */

static void test_network_cards(void **state)
{
	const char *id = rig_vm("a"), *nic;
	g_autofree char *path = NULL;
	const struct m_nic *n;

	n = rig_ok("vm_nics.add", id,
	           "{\"vnic_profile\":{\"name\":\"ovirtmgmt\"},\"mac\":{\"address\":\"56:6F:00:00:00:AA\"}}")
	        ->object;
	assert_string_equal(n->name, "nic1");
	assert_string_equal(n->mac->address, "56:6f:00:00:00:aa");
	assert_true(n->plugged && n->linked && n->interface == M_NIC_INTERFACE_VIRTIO);
	nic = g_intern_string(n->id);
	path = g_strdup_printf("%s/%s", id, nic);
	rig_fails("vm_nics.add", id, "{\"name\":\"x\",\"mac\":{\"address\":\"56:6f:00:00:00:aa\"}}", "in use already");
	rig_fails("vm_nics.add", id, "{\"name\":\"x\",\"mac\":{\"address\":\"57:6f:00:00:00:aa\"}}", "multicast");
	rig_fails("vm_nics.add", id, "{\"name\":\"nic1\"}", "already in use");
	rig_fails("vm_nics.add", id, "{\"name\":\"x\",\"vnic_profile\":{\"id\":\"" UUID_NIL "\"}}", "Entity not found");
	rig_ok("vm_nic.update", path, "{\"vnic_profile\":{\"id\":\"\"},\"name\":\"eth0\",\"linked\":false}");
	n = INV_GET(rig->core->inv, NIC, nic, nic);
	assert_null(n->vnic_profile.id);
	assert_string_equal(n->name, "eth0");
	rig_ok("vm_nic.deactivate", path, NULL);
	assert_int_equal(rig_count(NULL, "VM.hotunplugNic"), 0);
	rig_ok("vm_nic.remove", path, NULL);
	assert_int_equal(inv_count(rig->core->inv, KIND_NIC), 0);
}

static void test_hot_plug_of_network_cards(void **state)
{
	const char *id = running("a"), *host = g_intern_string(rig_get(id)->host.id);
	g_autofree char *path = NULL;

	rig_answer(host, "VM.hotplugNic", 49);
	rig_fails("vm_nics.add", id, "{\"name\":\"n\"}", "Failed to hot-plug network interface");
	assert_int_equal(inv_count(rig->core->inv, KIND_NIC), 0);
	rig_answer(host, "VM.hotplugNic", 0);
	path =
	    g_strdup_printf("%s/%s", id, ((struct m_nic *)rig_ok("vm_nics.add", id, "{\"name\":\"n\"}")->object)->id);
	assert_int_equal(rig_count(host, "VM.hotplugNic"), 2);
	rig_fails("vm_nic.update", path, "{\"interface\":\"e1000\"}", "unplug it first");
	rig_answer(host, "VM.updateDevice", 91);
	rig_fails("vm_nic.update", path, "{\"linked\":false}", "Failed to change network interface");
	assert_true(ENTITY_OBJ(inv_first(rig->core->inv, KIND_NIC), nic)->linked);
	rig_answer(host, "VM.updateDevice", 0);
	rig_ok("vm_nic.update", path, "{\"linked\":false}");
	rig_answer(host, "VM.hotunplugNic", 50);
	rig_fails("vm_nic.remove", path, NULL, "Failed to hot-unplug");
	assert_true(ENTITY_OBJ(inv_first(rig->core->inv, KIND_NIC), nic)->plugged);
	rig_answer(host, "VM.hotunplugNic", 0);
	rig_ok("vm_nic.remove", path, NULL);
}

static void test_tickets(void **state)
{
	const char *id = rig_vm("a");
	g_autofree char *path = NULL;
	struct call *c;

	rig_fails("vm.ticket", id, NULL, "VM is not running");
	id = running("b");
	rig_event(rig_get(id)->host.id, id,
	          "{\"status\":\"Up\",\"displayInfo\":[{\"type\":\"vnc\",\"port\":\"5900\",\"tlsPort\":\"-1\","
	          "\"ipAddress\":\"x\"}]}");
	c = rig_ok("vm.ticket", id, NULL);
	assert_int_equal(strlen(c->action->ticket->value), 8);
	assert_int_equal(c->action->ticket->expiry, 120);
	c = rig_ok("vm.ticket", id, "{\"ticket\":{\"value\":\"secret\",\"expiry\":10}}");
	assert_string_equal(c->action->ticket->value, "secret");
	rig_fails("vm.ticket", id, "{\"ticket\":{\"value\":\"much too long\"}}", "ticket.value");
	path = g_strdup_printf("%s/766e63", id);
	rig_fails("vm_graphics_console.remove", path, NULL, "VM is running");
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, rig_open, rig_close)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_defaults_of_a_new_vm),
		TEST(test_rules),
		TEST(test_writing_back_what_was_read),
		TEST(test_update_while_running),
		TEST(test_next_run),
		TEST(test_next_run_is_taken_back),
		TEST(test_next_run_goes_on_waiting),
		TEST(test_run_once),
		TEST(test_available_vm_comes_back),
		TEST(test_removal),
		TEST(test_nothing_to_boot_from),
		TEST(test_no_host_fits),
		TEST(test_memory_is_overcommitted_as_the_cluster_says),
		TEST(test_guaranteed_memory_must_be_there),
		TEST(test_refused_by_one_host),
		TEST(test_start_fails_on_the_host),
		TEST(test_outcome_is_not_known),
		TEST(test_outcome_is_not_known_and_it_is_not_there),
		TEST(test_a_machine_that_exists_already),
		TEST(test_stop_while_starting),
		TEST(test_a_quiet_report_commits_nothing),
		TEST(test_words),
		TEST(test_reasons_of_a_pause),
		TEST(test_end_is_recorded_then_acknowledged),
		TEST(test_missing_vm),
		TEST(test_lost_host_and_its_return),
		TEST(test_strays),
		TEST(test_hostile_reports),
		TEST(test_network_cards),
		TEST(test_hot_plug_of_network_cards),
		TEST(test_tickets),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
