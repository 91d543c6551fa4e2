/* SPDX-License-Identifier: Apache-2.0 */
/* Disks into and out of running VMs. */
#include <string.h>

#include "base/auto.h"
#include "manager/api/search.h"
#include "manager/vms/vm_int.h"

enum { PLUG_MS = 90 * 1000, STATS_MS = 20 * 1000 };

static const struct m_disk_attachment *attachment_of(struct core *c, struct pool *p, const char *vm_id,
                                                     const char *disk_id)
{
	unsigned n;
	const struct m_disk_attachment **list = vm_attachments(c, p, vm_id, &n);

	for (unsigned i = 0; i < n; i++)
		if (g_strcmp0(list[i]->disk.id, disk_id) == 0)
			return list[i];
	return NULL;
}

/* What the host says of the VM now, as its last statistics. May wait. */
static int ask_stats(struct call *c, const char *vm_id, const char *host, struct err *e)
{
	auto_json *answer = NULL;
	struct vm_rt *rt;

	if (agent_call(c->core, host, "VM.getStats", json_pack("{s:s}", "vmID", vm_id), STATS_MS, c->correlation_id,
	               &answer, e) < 0)
		return -1;
	rt = vm_rt(c->core, vm_id);
	json_decref(rt->stats);
	rt->stats = json_incref(json_is_array(answer) ? json_array_get(answer, 0) : answer);
	search_touch(c->core, KIND_VM, vm_id);
	return 0;
}

/* Names in use are those that the host reports; without a report it is asked. */
static int know_names(struct call *c, const char *vm_id, const char *host, struct err *e)
{
	return json_is_object(json_object_get(vm_stats(c->core, vm_id), "disks")) ? 0 : ask_stats(c, vm_id, host, e);
}

static bool is_name_taken(void *arg, const char *name) { return json_object_get(arg, name); }

static const char *name_of_image(json_t *disks, const char *image)
{
	const char *name;
	json_t *d;

	json_object_foreach (disks, name, d)
		if (strcmp(rep_text(d, "imageID"), image) == 0)
			return name;
	return NULL;
}

static int choose_name(struct call *c, const char *vm_id, struct domain_disk_spec *spec, bool is_in, struct err *e)
{
	json_t *disks = json_object_get(vm_stats(c->core, vm_id), "disks");
	const char *name = name_of_image(disks, spec->ids.image);

	if (!is_in) {
		spec->target = pool_strdup(c->pool, name);
		return 0;
	}
	spec->target =
	    name ? pool_strdup(c->pool, name)
	         : domain_free_target(c->pool, domain_target_prefix(spec->attachment->interface), is_name_taken, disks);
	return spec->target ? 0 : err_set(e, ERR_CONFLICT, "There is no room for another disk of this kind.");
}

/* Does the host say that the VM does not have the disk? */
static bool is_absent(struct call *c, const char *vm_id, const char *host, const char *image)
{
	auto_json *answer = NULL;
	struct err e;
	json_t *disks;

	if (agent_call(c->core, host, "VM.getStats", json_pack("{s:s}", "vmID", vm_id), STATS_MS, c->correlation_id,
	               &answer, &e) < 0)
		return false;
	disks = json_object_get(json_is_array(answer) ? json_array_get(answer, 0) : answer, "disks");
	return json_is_object(disks) && !name_of_image(disks, image);
}

static void note(struct call *c, const char *vm_id, const struct domain_disk_spec *spec, bool is_in)
{
	json_t *disks = json_object_get(vm_stats(c->core, vm_id), "disks");

	if (!disks || !spec->target)
		return;
	if (is_in)
		json_object_set_new(disks, spec->target, json_pack("{s:s}", "imageID", spec->ids.image));
	else
		json_object_del(disks, spec->target);
}

int vm_hotplug_disk(struct call *c, const char *vm_id, const char *disk_id, bool is_in, struct err *e)
{
	const struct m_vm *vm = INV_LATEST(c->core->inv, VM, vm, vm_id);
	const struct m_disk_attachment *a = attachment_of(c->core, c->pool, vm_id, disk_id);
	struct domain_disk_spec spec;
	const char *host;
	char *xml;

	if (!vm || (vm_is_down(vm) && vm->status != M_VM_STATUS_SUSPENDED))
		return 0;
	if (!vm_is_live(vm)) /* it may have the disk: nothing may be concluded */
		return err_set(e, ERR_CONFLICT,
		               "Disks cannot be plugged or unplugged while VM %s is %s. Please try again later.",
		               vm->name, m_enum_name(&M_ENUM_vm_status, vm->status));
	if (!a)
		return err_set(e, ERR_CONFLICT, "Disk %s is not attached to VM %s.", disk_id, vm->name);
	if (a->interface == M_DISK_INTERFACE_IDE || a->interface == M_DISK_INTERFACE_SATA)
		return err_set(e, ERR_CONFLICT,
		               "Disks with an IDE or SATA interface cannot be plugged or unplugged while the VM runs.");
	a = m_copy(c->pool, &M_TYPE_disk_attachment, a);
	host = vm_host(c->core, c->pool, vm, e);
	if (!host || know_names(c, vm_id, host, e) < 0 || vm_disk_spec(c->core, c->pool, a, &spec, e) < 0 ||
	    choose_name(c, vm_id, &spec, is_in, e) < 0)
		return -1;
	xml = domain_disk_plug_xml(c->pool, &spec);
	if (agent_call(c->core, host, is_in ? "VM.hotplugDisk" : "VM.hotunplugDisk",
	               json_pack("{s:s,s:{s:s,s:s}}", "vmID", vm_id, "params", "vmId", vm_id, "xml", xml), PLUG_MS,
	               c->correlation_id, NULL, e) < 0 &&
	    (is_in || e->code != ERR_AGENT || !is_absent(c, vm_id, host, spec.ids.image)))
		return err_wrap(e, is_in ? "Failed to hot-plug disk" : "Failed to hot-unplug disk");
	note(c, vm_id, &spec, is_in);
	return 0;
}

/* An active disk that the VM does not have by its last statistics; NULL: none. */
static const struct m_disk *active_without_report(struct call *c, const char *vm_id)
{
	json_t *disks = json_object_get(vm_stats(c->core, vm_id), "disks");
	unsigned n;
	const struct m_disk_attachment **list = vm_attachments(c->core, c->pool, vm_id, &n);

	for (unsigned i = 0; i < n; i++) {
		const struct m_disk *d = INV_LATEST(c->core->inv, DISK, disk, list[i]->disk.id);

		if (d && d->volume_id && M_GET(list[i], active, true) && !name_of_image(disks, d->id))
			return d;
	}
	return NULL;
}

int vm_check_plugged(struct call *c, const char *vm_id, const char *what, struct err *e)
{
	const struct m_vm *vm = INV_LATEST(c->core->inv, VM, vm, vm_id);
	const struct m_disk *d;
	const char *host;

	if (!vm || !vm_is_live(vm) || !active_without_report(c, vm_id))
		return 0;
	host = vm_host(c->core, c->pool, vm, e);
	if (!host || ask_stats(c, vm_id, host, e) < 0)
		return -1;
	d = active_without_report(c, vm_id);
	return d ? err_set(e, ERR_CONFLICT, "%s. The host has not confirmed yet that disk %s is plugged into the VM.",
	                   what, STR_OR(d->name, d->id))
	         : 0;
}
