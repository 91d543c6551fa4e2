/* SPDX-License-Identifier: Apache-2.0 */
/* The verbs about virtual machines, and those that list them. */
#include <libvirt/libvirt.h>
#include <string.h>

#include "agent/agent.h"
#include "agent/hooks/hooks.h"
#include "agent/vms/freeze.h"
#include "agent/vms/life.h"
#include "agent/vms/sample.h"
#include "agent/vms/save.h"
#include "agent/vms/tune.h"
#include "agent/vms/virt.h"
#include "base/auto.h"

enum { SCREENSHOT_MAX = 16 << 20 };

/* The machines that the list parameter names; all when it is absent or empty. Unknown ids are left out. */
static int listed(struct agent *a, struct verb_call *c, GPtrArray *out, struct err *e)
{
	json_t *ids, *id;
	size_t i;
	GHashTableIter it;
	gpointer vm;

	if (verb_array_or(c, "vmList", &ids, e) < 0)
		return -1;
	if (!ids || json_array_size(ids) == 0) {
		g_hash_table_iter_init(&it, a->vms->by_id);
		while (g_hash_table_iter_next(&it, NULL, &vm))
			g_ptr_array_add(out, vm);
		return 0;
	}
	json_array_foreach (ids, i, id) {
		if (!json_is_string(id) || !uuid_is_valid(json_string_value(id)))
			return err_field(e, ERR_INVALID, "vmList", "parameter vmList must be a list of UUIDs");
		vm = vms_find(a, json_string_value(id));
		if (vm)
			g_ptr_array_add(out, vm);
	}
	return 0;
}

static int host_get_all_vm_stats(struct agent *a, struct verb_call *c, struct err *e)
{
	g_autoptr(GPtrArray) vms = g_ptr_array_new();
	auto_json *nothing = json_object();

	if (hooks_json(a, HOOK_BEFORE_GET_ALL_VM_STATS, NULL, NULL, &nothing, e) < 0 || listed(a, c, vms, e) < 0)
		return -1;
	c->result = json_array();
	for (guint i = 0; i < vms->len; i++)
		json_array_append_new(c->result, vm_stats_json(vms->pdata[i]));
	return hooks_json(a, HOOK_AFTER_GET_ALL_VM_STATS, NULL, NULL, &c->result, e);
}

static int host_get_vm_list(struct agent *a, struct verb_call *c, struct err *e)
{
	g_autoptr(GPtrArray) vms = g_ptr_array_new();
	bool is_full, is_only_id;

	if (listed(a, c, vms, e) < 0 || verb_bool_or(c, "fullStatus", false, &is_full, e) < 0 ||
	    verb_bool_or(c, "onlyUUID", true, &is_only_id, e) < 0)
		return -1;
	c->result = json_array();
	for (guint i = 0; i < vms->len; i++) {
		const struct vm *vm = vms->pdata[i];

		if (is_full)
			json_array_append_new(c->result, vm_definition(vm));
		else if (is_only_id)
			json_array_append_new(c->result, json_string(vm->id));
		else
			json_array_append_new(
			    c->result, json_pack("{s:s, s:s}", "vmId", vm->id, "status", vm_status_name(vm->status)));
	}
	return 0;
}

static int host_get_vm_full_list(struct agent *a, struct verb_call *c, struct err *e)
{
	g_autoptr(GPtrArray) vms = g_ptr_array_new();

	if (listed(a, c, vms, e) < 0)
		return -1;
	c->result = json_array();
	for (guint i = 0; i < vms->len; i++) {
		json_t *j = vm_definition(vms->pdata[i]), *stats = vm_stats_json(vms->pdata[i]);

		json_object_update_missing(j, stats);
		json_decref(stats);
		json_array_append_new(c->result, j);
	}
	return 0;
}

static int host_dumpxmls(struct agent *a, struct verb_call *c, struct err *e)
{
	g_autoptr(GPtrArray) vms = g_ptr_array_new();

	if (listed(a, c, vms, e) < 0)
		return -1;
	c->result = json_object();
	for (guint i = 0; i < vms->len; i++) {
		const struct vm *vm = vms->pdata[i];

		if (vm->xml)
			json_object_set_new(c->result, vm->id, json_string(vm->xml));
	}
	return 0;
}

static int vm_get_stats(struct agent *a, struct verb_call *c, struct err *e)
{
	auto_json *nothing = json_object();
	struct vm *vm;

	if (vms_of_call(a, c, &vm, e) < 0 || hooks_json(a, HOOK_BEFORE_GET_VM_STATS, vm->id, NULL, &nothing, e) < 0 ||
	    vms_of_call(a, c, &vm, e) < 0) /* again: the machine may have gone meanwhile */
		return -1;
	c->result = json_array();
	json_array_append_new(c->result, vm_stats_json(vm));
	return hooks_json(a, HOOK_AFTER_GET_VM_STATS, vm->id, NULL, &c->result, e);
}

static int vm_get_info(struct agent *a, struct verb_call *c, struct err *e)
{
	struct vm *vm;

	if (vms_of_call(a, c, &vm, e) < 0)
		return -1;
	c->result = vm_definition(vm);
	return 0;
}

/* --- screenshot ---------------------------------------------------------------- */

struct shot {
	GByteArray *data;
	char *mime;
};

static int shot_read(virStreamPtr st, struct shot *s, struct err *e)
{
	char buf[16384];
	int n;

	while ((n = virStreamRecv(st, buf, sizeof(buf))) > 0) {
		if (s->data->len + (guint)n > SCREENSHOT_MAX)
			return err_set(e, ERR_TOO_LARGE, "the screenshot is larger than 16 MiB");
		g_byte_array_append(s->data, (const guint8 *)buf, (guint)n);
	}
	return n < 0 ? virt_err(e, "read the screenshot") : 0;
}

static int shot_work(virDomainPtr dom, void *arg, struct err *e)
{
	struct shot *s = arg;
	virStreamPtr st = virStreamNew(virDomainGetConnect(dom), 0);
	int r;

	if (!st)
		return virt_err(e, "open a stream");
	s->mime = virDomainScreenshot(dom, st, 0, 0);
	r = s->mime ? shot_read(st, s, e) : virt_err(e, "take a screenshot");
	if (r == 0)
		virStreamFinish(st);
	else
		virStreamAbort(st);
	virStreamFree(st);
	return r;
}

int vm_screenshot(struct agent *a, struct verb_call *c, struct err *e)
{
	g_autoptr(GByteArray) data = g_byte_array_new();
	g_autofree char *text = NULL;
	struct shot s = { .data = data };
	struct vm *vm;
	int r;

	if (vms_running(a, c, &vm, e) < 0)
		return -1;
	r = virt_run_domain(a, VIRT_OPS, vm->id, shot_work, &s, e);
	text = g_base64_encode(data->data ? data->data : (const guchar *)"", data->len);
	if (r == 0)
		c->result = json_pack("{s:s, s:s, s:s}", "data", text, "encoding", "base64", "mime_type", s.mime);
	free(s.mime);
	return r;
}

const struct verb VM_VERBS[] = {
	{ "Host.getAllVmStats", host_get_all_vm_stats, VERB_QUIET },
	{ "Host.getVMList", host_get_vm_list, VERB_QUIET },
	{ "Host.getVMFullList", host_get_vm_full_list, VERB_QUIET },
	{ "Host.dumpxmls", host_dumpxmls, VERB_QUIET },
	{ "VM.getStats", vm_get_stats, VERB_QUIET },
	{ "VM.getInfo", vm_get_info, VERB_QUIET },
	{ "VM.create", vm_create, 0 },
	{ "VM.destroy", vm_destroy, 0 },
	{ "VM.shutdown", vm_shutdown, 0 },
	{ "VM.reset", vm_reset, 0 },
	{ "VM.pause", vm_pause, 0 },
	{ "VM.cont", vm_cont, 0 },
	{ "VM.hibernate", vm_hibernate, 0 },
	{ "VM.setDestroyOnReboot", vm_set_destroy_on_reboot, 0 },
	{ "VM.updateDevice", vm_update_device, 0 },
	{ "VM.changeCD", vm_change_cd, 0 },
	{ "VM.hotplugNic", vm_hotplug_nic, 0 },
	{ "VM.hotunplugNic", vm_hotunplug_nic, 0 },
	{ "VM.hotplugDisk", vm_hotplug_disk, 0 },
	{ "VM.hotunplugDisk", vm_hotunplug_disk, 0 },
	{ "VM.hotplugMemory", vm_hotplug_memory, 0 },
	{ "VM.hotunplugMemory", vm_hotunplug_memory, 0 },
	{ "VM.snapshot", vm_snapshot, 0 },
	{ "VM.freeze", vm_freeze, 0 },
	{ "VM.thaw", vm_thaw, 0 },
	{ "VM.diskSizeExtend", vm_disk_size_extend, 0 },
	{ "VM.changeFloppy", vm_change_floppy, 0 },
	{ "VM.setTicket", vm_set_ticket, 0 },
	{ "VM.desktopLogin", vm_desktop, 0 },
	{ "VM.desktopLogoff", vm_desktop, 0 },
	{ "VM.desktopLock", vm_desktop, 0 },
	{ "VM.desktopSendHcCommand", vm_desktop, 0 },
	{ "VM.setNumberOfCpus", vm_set_number_of_cpus, 0 },
	{ "VM.screenshot", vm_screenshot, 0 },
	{ "VM.setBalloonTarget", vm_set_balloon_target, 0 },
	{ "VM.setCpuTuneQuota", vm_set_cpu_tune_quota, 0 },
	{ "VM.setCpuTunePeriod", vm_set_cpu_tune_period, 0 },
	{ "VM.updateVmPolicy", vm_update_policy, 0 },
	{ "VM.getIoTune", vm_get_io_tune, VERB_QUIET },
	{ "VM.setIoTune", vm_set_io_tune, 0 },
	{ "VM.getIoTunePolicy", vm_get_io_tune_policy, VERB_QUIET },
	{ "Host.getAllVmIoTunePolicies", host_get_all_io_tune_policies, VERB_QUIET },
	{ NULL, NULL, 0 },
};
