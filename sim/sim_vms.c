/* SPDX-License-Identifier: Apache-2.0 */
/* Virtual machines of a simulated host: verbs, guests with a will of their own, and the truth about who runs where. */
#include <libxml/parser.h>
#include <string.h>

#include "sim/sim_host.h"

enum {
	EXIT_ERROR = 1,
	EXIT_LOST_QEMU = 2,
	EXIT_START_FAILED = 3,
	EXIT_BY_ADMIN = 6,
	EXIT_BY_GUEST = 7,
	EXIT_ON_REBOOT = 13
};

const char *sim_vm_status_name(enum sim_vm_status st)
{
	static const char *const NAMES[] = { "WaitForLaunch", "Powering up",     "Up",
		                             "Paused",        "Powering down",   "RebootInProgress",
		                             "Saving State",  "Restoring state", "Down" };
	return NAMES[st];
}

void sim_vm_free(void *p)
{
	struct sim_vm *vm = p;

	sim_volumes_close(vm, 0);
	g_free(vm->name);
	g_free(vm->xml);
	g_free(vm->disks);
	g_free(vm);
}

struct sim_host *sim_vm_where(struct sim *s, const char *id)
{
	for (int i = 0; i < s->n_hosts; i++) {
		struct sim_vm *vm = g_hash_table_lookup(s->hosts[i]->vms, id);
		if (vm && vm->is_running)
			return s->hosts[i];
	}
	return NULL;
}

/* ---- what is planned for a VM ---- */

struct plan {
	struct sim_host *host;
	char id[UUID_LEN + 1];
	unsigned life;
	void (*fn)(struct sim_vm *vm);
};

static void plan_due(struct sim *s, void *arg)
{
	g_autofree struct plan *p = arg;
	struct sim_vm *vm = g_hash_table_lookup(p->host->vms, p->id);

	if (vm && vm->life == p->life)
		p->fn(vm);
}

static void vm_plan(struct sim_vm *vm, int64_t ms, void (*fn)(struct sim_vm *vm))
{
	struct plan *p = g_new0(struct plan, 1);

	*p = (struct plan){ .host = vm->host, .life = vm->life, .fn = fn };
	memcpy(p->id, vm->id, sizeof(p->id));
	sim_after(vm->host->sim, ms, plan_due, p, g_free, NULL);
}

/* Forget what was planned. Numbers are never used twice, so that a VM that is made again does not inherit a plan. */
static void vm_new_life(struct sim_vm *vm)
{
	static unsigned serial;
	vm->life = ++serial;
}

void sim_vm_plan(struct sim_vm *vm, int64_t ms, void (*fn)(struct sim_vm *vm), bool is_instead)
{
	if (is_instead)
		vm_new_life(vm);
	vm_plan(vm, ms, fn);
}

/* ---- status ---- */

static json_t *status_json(const struct sim_vm *vm)
{
	json_t *j = json_pack("{s:s,s:s}", "status", sim_vm_status_name(vm->status), "timeOffset", "0");

	if (vm->status == SIM_VM_DOWN) {
		json_object_set_new(j, "exitCode", json_integer(vm->exit_code));
		json_object_set_new(j, "exitReason", json_integer(vm->exit_reason));
		json_object_set_new(j, "exitMessage", json_string(vm->exit_message));
		return j;
	}
	json_object_set_new(j, "hash", json_string("1"));
	json_object_set_new(
	    j, "displayInfo",
	    json_pack("[{s:s,s:s,s:s,s:s}]", "type", "vnc", "port", "5900", "tlsPort", "-1", "ipAddress", "192.0.2.1"));
	json_object_set_new(j, "pauseCode", json_string(vm->status == SIM_VM_PAUSED ? "NOERR" : ""));
	json_object_set_new(j, "monitorResponse", json_string("0"));
	json_object_set_new(j, "clientIp", json_string(""));
	return j;
}

static json_t *stats_json(const struct sim_vm *vm)
{
	json_t *j = status_json(vm);

	json_object_set_new(j, "vmId", json_string(vm->id));
	if (vm->status == SIM_VM_DOWN)
		return j;
	json_object_set_new(j, "vmName", json_string(vm->name));
	json_object_set_new(j, "elapsedTime",
	                    json_sprintf("%lld", (long long)(sim_now(vm->host->sim) - vm->started_ms) / 1000));
	json_object_set_new(j, "cpuUser", json_string("1.00"));
	json_object_set_new(j, "cpuSys", json_string("1.00"));
	json_object_set_new(j, "memUsage", json_string("10"));
	json_object_set_new(j, "kvmEnable", json_string("true"));
	json_object_set_new(j, "disks", json_object());
	for (int i = 0; i < vm->n_disks; i++)
		json_object_set_new(json_object_get(j, "disks"), vm->disks[i].name,
		                    json_pack("{s:s}", "imageID", vm->disks[i].img));
	return j;
}

void sim_vm_move(struct sim_vm *vm, enum sim_vm_status next)
{
	struct sim_host *h = vm->host;
	char method[80];

	if (vm->status == next)
		return;
	sim_tell(h->sim, "%s: vm %s: %s -> %s", h->address, vm->name, sim_vm_status_name(vm->status),
	         sim_vm_status_name(next));
	vm->status = next;
	if (!sim_host_answers(h) || h->finds_vms_at_ms > sim_now(h->sim))
		return;
	g_snprintf(method, sizeof(method), "|virt|VM_status|%s", vm->id);
	sim_net_event(h->sim->net, h, method, json_pack("{s:o}", vm->id, status_json(vm)));
}

void sim_vm_end(struct sim_vm *vm, int code, int reason, const char *message)
{
	vm_new_life(vm);
	vm->is_running = vm->is_admin_shutdown = false;
	sim_volumes_close(vm, 0);
	vm->exit_code = code;
	vm->exit_reason = reason;
	vm->exit_message = message;
	sim_vm_move(vm, SIM_VM_DOWN);
}

/* ---- starting ---- */

static void booted(struct sim_vm *vm) { sim_vm_move(vm, SIM_VM_UP); }

/* A process is there from now on. 0 or -1. */
static int vm_launch(struct sim_vm *vm, struct err *e)
{
	struct sim_host *elsewhere = sim_vm_where(vm->host->sim, vm->id);

	if (elsewhere && elsewhere != vm->host)
		sim_fail(vm->host->sim, "VM %s is started on %s while it runs on %s", vm->name, vm->host->address,
		         elsewhere->address);
	if (sim_volumes_open(vm, 0, e) < 0)
		return -1;
	if (sim_memory_use(vm, e) < 0) {
		sim_volumes_close(vm, 0);
		return -1;
	}
	vm->is_running = true;
	vm->started_ms = sim_now(vm->host->sim);
	return 0;
}

static void start_due(struct sim_vm *vm)
{
	struct sim *s = vm->host->sim;
	struct err e = ERR_INIT;

	if (sim_happens(s, s->faults.fail_start)) {
		sim_vm_end(vm, 1, EXIT_START_FAILED, "internal error: process exited while connecting to monitor");
		return;
	}
	if (vm_launch(vm, &e) < 0) {
		sim_vm_end(vm, 1, EXIT_ERROR, "Bad volume specification");
		return;
	}
	if (vm->is_start_paused) {
		sim_vm_move(vm, SIM_VM_PAUSED);
		return;
	}
	sim_vm_move(vm, vm->is_restoring ? SIM_VM_RESTORING : SIM_VM_POWERING_UP);
	vm_plan(vm, sim_between(s, 0, 8 * SIM_SECOND), booted);
}

/* ---- reading the definition ---- */

static xmlNodePtr child(xmlNodePtr n, const char *name)
{
	for (n = n ? n->children : NULL; n; n = n->next)
		if (n->type == XML_ELEMENT_NODE && strcmp((const char *)n->name, name) == 0)
			return n;
	return NULL;
}

static xmlNodePtr next(xmlNodePtr n, const char *name)
{
	for (n = n->next; n; n = n->next)
		if (n->type == XML_ELEMENT_NODE && strcmp((const char *)n->name, name) == 0)
			return n;
	return NULL;
}

static char *content(xmlNodePtr n)
{
	xmlChar *x = n ? xmlNodeGetContent(n) : NULL;
	char *copy = g_strdup(x ? g_strstrip((char *)x) : "");

	xmlFree(x);
	return copy;
}

static char *attribute(xmlNodePtr n, const char *name)
{
	xmlChar *x = n ? xmlGetProp(n, (const xmlChar *)name) : NULL;
	char *copy = g_strdup((char *)x);

	xmlFree(x);
	return copy;
}

/* ".../SD/images/IMG/VOL" */
static bool read_path(const char *path, struct sim_vm_disk *d)
{
	g_auto(GStrv) parts = g_strsplit(path, "/", -1);
	guint n = g_strv_length(parts);

	if (n < 5 || strcmp(parts[n - 3], "images") != 0 || !uuid_is_valid(parts[n - 4]) ||
	    !uuid_is_valid(parts[n - 2]) || !uuid_is_valid(parts[n - 1]))
		return false;
	memcpy(d->sd, parts[n - 4], UUID_LEN);
	memcpy(d->img, parts[n - 2], UUID_LEN);
	memcpy(d->vol, parts[n - 1], UUID_LEN);
	return true;
}

/* The disks below <devices>, added to those that there are. */
static int read_disks(struct sim_vm *vm, xmlNodePtr devices, struct err *e)
{
	g_autoptr(GArray) disks = g_array_new(FALSE, TRUE, sizeof(struct sim_vm_disk));

	g_array_append_vals(disks, vm->disks, (guint)vm->n_disks);

	for (xmlNodePtr n = child(devices, "disk"); n; n = next(n, "disk")) {
		g_autofree char *kind = attribute(n, "device"), *path = attribute(child(n, "source"), "file");
		g_autofree char *name = attribute(child(n, "target"), "dev");
		struct sim_vm_disk d = { .is_readonly = child(n, "readonly") != NULL };

		if (g_strcmp0(kind, "disk") != 0)
			continue;
		if (!path || !read_path(path, &d)) {
			sim_fail(vm->host->sim, "VM.create has a disk without a volume's path: %s",
			         path ? path : "none");
			sim_refuse(e, 100, "disk without a volume");
			return -1;
		}
		g_strlcpy(d.name, name ? name : "", sizeof(d.name));
		g_array_append_val(disks, d);
	}
	g_free(vm->disks);
	vm->n_disks = (int)disks->len;
	vm->disks = g_memdup2(disks->data, disks->len * sizeof(struct sim_vm_disk));
	return 0;
}

static int read_definition(struct sim_vm *vm, xmlDocPtr doc, struct err *e)
{
	xmlNodePtr root = doc ? xmlDocGetRootElement(doc) : NULL;
	g_autofree char *uuid = content(child(root, "uuid")), *mem = content(child(root, "memory"));
	g_autofree char *vcpus = content(child(root, "vcpu"));

	vm->name = content(child(root, "name"));
	vm->mem_kib = g_ascii_strtoll(mem, NULL, 10);
	vm->vcpus = (int)g_ascii_strtoll(vcpus, NULL, 10);
	if (!root || strcmp((const char *)root->name, "domain") != 0 || g_ascii_strcasecmp(uuid, vm->id) != 0 ||
	    !*vm->name || vm->mem_kib <= 0 || vm->vcpus <= 0) {
		sim_fail(vm->host->sim, "VM.create has a domain that libvirt would not take");
		sim_refuse(e, 100, "bad domain");
		return -1;
	}
	return read_disks(vm, child(root, "devices"), e);
}

/* ---- verbs ---- */

struct sim_vm *sim_vm_of(struct sim_host *h, json_t *params, struct err *e)
{
	struct sim_vm *vm = g_hash_table_lookup(h->vms, sim_text(params, "vmID"));

	if (!vm)
		sim_refuse(e, 1, "Virtual machine does not exist: %s", sim_text(params, "vmID"));
	return vm;
}

struct sim_vm *sim_vm_running(struct sim_host *h, json_t *params, struct err *e)
{
	struct sim_vm *vm = sim_vm_of(h, params, e);

	if (vm && !vm->is_running) {
		sim_refuse(e, 6, "Virtual machine is not running: %s", sim_vm_status_name(vm->status));
		return NULL;
	}
	return vm;
}

json_t *sim_vm_definition(const struct sim_vm *vm)
{
	return json_pack("{s:s,s:s,s:s,s:s,s:I,s:i,s:s}", "vmId", vm->id, "vmName", vm->name, "status",
	                 sim_vm_status_name(vm->status), "vmType", "kvm", "memSize", (json_int_t)(vm->mem_kib / 1024),
	                 "smp", vm->vcpus, "xml", vm->xml);
}

static json_t *create(struct sim_host *h, json_t *params, struct err *e)
{
	const char *id = sim_text(params, "vmID");
	const char *xml = json_string_value(json_object_get(json_object_get(params, "vmParams"), "xml"));
	struct sim_vm *vm;
	xmlDocPtr doc;
	int rc;

	if (g_hash_table_contains(h->vms, id))
		return sim_refuse(e, 4, "Virtual machine already exists: %s", id);
	if (!xml) {
		sim_fail(h->sim, "VM.create without vmParams.xml");
		return sim_refuse(e, -32602, "no xml");
	}
	vm = g_new0(struct sim_vm, 1);
	vm->host = h;
	vm->xml = g_strdup(xml);
	g_strlcpy(vm->id, id, sizeof(vm->id));
	doc = xmlReadMemory(xml, (int)strlen(xml), NULL, NULL, XML_PARSE_NONET | XML_PARSE_NOERROR);
	rc = read_definition(vm, doc, e);
	if (rc == 0)
		rc = sim_memory_read(vm, json_object_get(params, "vmParams"), e);
	xmlFreeDoc(doc);
	if (rc < 0) {
		sim_vm_free(vm);
		return NULL;
	}
	vm->is_start_paused = strstr(xml, "launchPaused type=\"bool\">true") != NULL;
	vm_new_life(vm);
	g_hash_table_insert(h->vms, vm->id, vm);
	vm_plan(vm, sim_between(h->sim, 50, 4 * SIM_SECOND), start_due);
	return sim_vm_definition(vm);
}

static json_t *destroy(struct sim_host *h, json_t *params, struct err *e)
{
	struct sim_vm *vm = sim_vm_of(h, params, e);

	if (!vm)
		return NULL;
	sim_vm_end(vm, 0, EXIT_BY_ADMIN, "Admin shut down from the engine");
	g_hash_table_remove(h->vms, vm->id);
	return json_true();
}

static void powered_off(struct sim_vm *vm)
{
	sim_vm_end(vm, 0, vm->is_admin_shutdown ? EXIT_BY_ADMIN : EXIT_BY_GUEST,
	           vm->is_admin_shutdown ? "Admin shut down from the engine" : "User shut down from within the guest");
}

static void not_listening(struct sim_vm *vm)
{
	vm->is_admin_shutdown = false;
	sim_vm_move(vm, SIM_VM_UP);
}

static void rebooted(struct sim_vm *vm)
{
	if (vm->is_reboot_destroy)
		sim_vm_end(vm, 0, EXIT_ON_REBOOT, "Destroyed on reboot, to start with its new configuration");
	else
		sim_vm_move(vm, SIM_VM_UP);
}

static json_t *shutdown(struct sim_host *h, json_t *params, struct err *e)
{
	struct sim_vm *vm = sim_vm_running(h, params, e);
	bool is_deaf = sim_happens(h->sim, h->sim->faults.deaf_guest);

	if (!vm)
		return NULL;
	if (vm->status == SIM_VM_PAUSED && !sim_bool(params, "force"))
		return sim_refuse(e, 100, "A paused virtual machine cannot shut down; resume it first");
	vm_new_life(vm);
	if (sim_bool(params, "reboot")) {
		sim_vm_move(vm, SIM_VM_REBOOTING);
		vm_plan(vm, sim_between(h->sim, SIM_SECOND, 20 * SIM_SECOND), is_deaf ? not_listening : rebooted);
		return json_true();
	}
	vm->is_admin_shutdown = true;
	sim_vm_move(vm, SIM_VM_POWERING_DOWN);
	vm_plan(vm, sim_between(h->sim, SIM_SECOND, 40 * SIM_SECOND), is_deaf ? not_listening : powered_off);
	return json_true();
}

static json_t *reset(struct sim_host *h, json_t *params, struct err *e)
{
	return sim_vm_running(h, params, e) ? json_true() : NULL;
}

static json_t *destroy_on_reboot(struct sim_host *h, json_t *params, struct err *e)
{
	struct sim_vm *vm = sim_vm_running(h, params, e);

	if (vm)
		vm->is_reboot_destroy = true;
	return vm ? json_true() : NULL;
}

static json_t *pause_vm(struct sim_host *h, json_t *params, struct err *e)
{
	struct sim_vm *vm = sim_vm_running(h, params, e);

	if (!vm)
		return NULL;
	vm_new_life(vm);
	sim_vm_move(vm, SIM_VM_PAUSED);
	return json_pack("{s:{}}", "vmList");
}

static json_t *cont(struct sim_host *h, json_t *params, struct err *e)
{
	struct sim_vm *vm = sim_vm_running(h, params, e);

	if (!vm)
		return NULL;
	vm_new_life(vm);
	sim_vm_move(vm, SIM_VM_UP);
	return json_pack("{s:{}}", "vmList");
}

/* ---- plugging ---- */

/* False: it is not there. */
static bool drop_disk(struct sim_vm *vm, const char *img)
{
	int last = vm->n_disks - 1;

	for (int i = 0; i <= last; i++)
		if (strcmp(vm->disks[i].img, img) == 0) {
			struct sim_vm_disk d = vm->disks[i];

			vm->disks[i] = vm->disks[last];
			vm->disks[last] = d;
			sim_volumes_close(vm, last);
			vm->n_disks--;
			return true;
		}
	return false;
}

static int plug(struct sim_vm *vm, xmlNodePtr devices, struct err *e)
{
	int before = vm->n_disks;

	if (read_disks(vm, devices, e) < 0)
		return -1;
	for (int i = 0; i < before; i++)
		for (int k = before; k < vm->n_disks; k++)
			if (strcmp(vm->disks[i].img, vm->disks[k].img) == 0 ||
			    strcmp(vm->disks[i].name, vm->disks[k].name) == 0) {
				vm->n_disks = before;
				sim_refuse(e, 45, "Failed to hotplug disk: it, or its name, is there already");
				return -1;
			}
	if (sim_volumes_open(vm, before, e) == 0)
		return 0;
	vm->n_disks = before;
	return -1;
}

static int unplug(struct sim_vm *vm, xmlNodePtr devices, struct err *e)
{
	int before = vm->n_disks, rc = read_disks(vm, devices, e);
	struct sim_vm_disk d = rc == 0 && vm->n_disks > before ? vm->disks[before] : (struct sim_vm_disk){ .img = "" };

	vm->n_disks = before;
	if (rc < 0 || drop_disk(vm, d.img))
		return rc;
	sim_refuse(e, 46, "Failed to unplug disk: it is not there");
	return -1;
}

static json_t *change_disks(struct sim_host *h, json_t *params, int (*fn)(struct sim_vm *, xmlNodePtr, struct err *),
                            struct err *e)
{
	const char *xml = json_string_value(json_object_get(json_object_get(params, "params"), "xml"));
	struct sim_vm *vm = sim_vm_running(h, params, e);
	xmlDocPtr doc =
	    xml ? xmlReadMemory(xml, (int)strlen(xml), NULL, NULL, XML_PARSE_NONET | XML_PARSE_NOERROR) : NULL;
	xmlNodePtr devices = doc ? child(xmlDocGetRootElement(doc), "devices") : NULL;
	int rc = -1;

	if (vm && !child(devices, "disk")) {
		sim_fail(h->sim, "a disk is to be plugged, or pulled, and is not named");
		sim_refuse(e, -32602, "no disk");
	} else if (vm) {
		rc = fn(vm, devices, e);
	}
	xmlFreeDoc(doc);
	return rc < 0 ? NULL : sim_vm_definition(vm);
}

static json_t *hotplug_disk(struct sim_host *h, json_t *params, struct err *e)
{
	return change_disks(h, params, plug, e);
}
static json_t *hotunplug_disk(struct sim_host *h, json_t *params, struct err *e)
{
	return change_disks(h, params, unplug, e);
}

static json_t *change_nic(struct sim_host *h, json_t *params, struct err *e)
{
	struct sim_vm *vm = sim_vm_running(h, params, e);
	return vm ? sim_vm_definition(vm) : NULL;
}

static json_t *get_stats(struct sim_host *h, json_t *params, struct err *e)
{
	struct sim_vm *vm = sim_vm_of(h, params, e);
	return vm ? json_pack("[o]", stats_json(vm)) : NULL;
}

static json_t *get_info(struct sim_host *h, json_t *params, struct err *e)
{
	struct sim_vm *vm = sim_vm_of(h, params, e);
	return vm ? sim_vm_definition(vm) : NULL;
}

static GList *sorted_vms(struct sim_host *h)
{
	return g_list_sort(g_hash_table_get_values(h->vms), (GCompareFunc)strcmp); /* the id comes first */
}

static json_t *all_stats(struct sim_host *h, json_t *params, struct err *e)
{
	g_autoptr(GList) all = sorted_vms(h);
	json_t *out = json_array();

	for (GList *l = all; l; l = l->next)
		json_array_append_new(out, stats_json(l->data));
	return out;
}

static json_t *list(struct sim_host *h, json_t *params, struct err *e)
{
	g_autoptr(GList) all = sorted_vms(h);
	json_t *out = json_array();

	for (GList *l = all; l; l = l->next) {
		const struct sim_vm *vm = l->data;
		json_array_append_new(
		    out, sim_bool(params, "fullStatus")
		             ? sim_vm_definition(vm)
		             : json_pack("{s:s,s:s}", "vmId", vm->id, "status", sim_vm_status_name(vm->status)));
	}
	return out;
}

const struct sim_verb SIM_VM_VERBS[] = {
	{ "Host.getAllVmStats", "", all_stats, false },
	{ "Host.getVMList", "fullStatus=b? vmList=a? onlyUUID=b?", list, false },
	{ "VM.create", "vmID=u vmParams=o", create, false },
	{ "VM.destroy", "vmID=u gracefulAttempts=i?", destroy, false },
	{ "VM.shutdown", "vmID=u delay=i? message=s? reboot=b? timeout=i? force=b?", shutdown, false },
	{ "VM.reset", "vmID=u", reset, false },
	{ "VM.pause", "vmID=u", pause_vm, false },
	{ "VM.cont", "vmID=u", cont, false },
	{ "VM.setDestroyOnReboot", "vmID=u", destroy_on_reboot, false },
	{ "VM.hotplugDisk", "vmID=u params=o", hotplug_disk, false },
	{ "VM.hotunplugDisk", "vmID=u params=o", hotunplug_disk, false },
	{ "VM.hotplugNic", "vmID=u params=o", change_nic, false },
	{ "VM.hotunplugNic", "vmID=u params=o", change_nic, false },
	{ "VM.updateDevice", "vmID=u params=o", change_nic, false },
	{ "VM.updateVmPolicy", "vmID=u params=o", change_nic, false },
	{ "VM.changeCD", "vmID=u driveSpec=x", change_nic, false },
	{ "VM.getStats", "vmID=u", get_stats, false },
	{ "VM.getInfo", "vmID=u", get_info, false },
	{ NULL, NULL, NULL, false },
};

/* ---- what happens to them ---- */

void sim_vms_agent_died(struct sim_host *h)
{
	g_autoptr(GList) all = sorted_vms(h);

	for (GList *l = all; l; l = l->next) {
		struct sim_vm *vm = l->data;
		struct err e = ERR_INIT;

		if (vm->status != SIM_VM_WAIT)
			continue;
		/* It had come as far as libvirt, or nobody ever heard of it. */
		vm_new_life(vm);
		if (sim_happens(h->sim, 500000) && vm_launch(vm, &e) == 0)
			vm->status = SIM_VM_UP;
		else
			g_hash_table_remove(h->vms, vm->id);
	}
}

void sim_vms_power_lost(struct sim_host *h)
{
	g_autoptr(GList) all = sorted_vms(h);
	bool is_remembered = sim_happens(h->sim, 500000); /* definitions may stay behind */

	for (GList *l = all; l; l = l->next) {
		struct sim_vm *vm = l->data;

		if (vm->is_running)
			sim_vm_end(vm, 1, EXIT_LOST_QEMU, "The virtual machine ended while nobody looked");
		if (!is_remembered)
			g_hash_table_remove(h->vms, vm->id);
	}
}

void sim_vms_whim(struct sim_host *h)
{
	g_autoptr(GList) all = sorted_vms(h);
	struct sim_vm *vm = all ? g_list_nth_data(all, (guint)sim_between(h->sim, 0, g_list_length(all) - 1)) : NULL;

	if (!vm || !vm->is_running)
		return;
	if (sim_happens(h->sim, 700000))
		powered_off(vm);
	else
		sim_vm_end(vm, 1, EXIT_LOST_QEMU, "Lost connection with qemu process");
}

void sim_vm_crash(struct sim *s, const char *vm_id)
{
	struct sim_host *h = sim_vm_where(s, vm_id);

	if (h)
		sim_vm_end(g_hash_table_lookup(h->vms, vm_id), 1, EXIT_LOST_QEMU, "Lost connection with qemu process");
}
