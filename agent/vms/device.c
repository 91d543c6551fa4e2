/* SPDX-License-Identifier: Apache-2.0 */
/* Changes of devices that a machine has: console tickets, links of network cards, the disc in the drive. */
#include <libvirt/libvirt.h>
#include <string.h>
#include <time.h>

#include "agent/agent.h"
#include "agent/hooks/hooks.h"
#include "agent/network/network.h"
#include "agent/storage/storage.h"
#include "agent/vms/life.h"
#include "agent/vms/virt.h"
#include "agent/vms/xml.h"
#include "base/log.h"

enum { VNC_PASSWORD_MAX = 8, TICKET_REFUSED = 18 };

/* An edit of one element of the live domain, made and applied on a worker. */
struct edit {
	xmlNodePtr (*change)(struct edit *ed, xmlNodePtr devices, struct pool *p, struct err *e);
	const void *arg;
	unsigned flags;
	bool is_secret;
	bool is_hooked; /* hooks see the element before it is applied, and may change it */
	char *made;     /* with hooks: the changed element */
};

struct raw_change {
	const char *xml;
};

static int raw_work(virDomainPtr dom, void *arg, struct err *e)
{
	const struct raw_change *r = arg;

	return virDomainUpdateDeviceFlags(dom, r->xml, VIR_DOMAIN_AFFECT_LIVE) < 0 ? virt_err(e, "change the device")
	                                                                           : 0;
}

static int edit_work(virDomainPtr dom, void *arg, struct err *e)
{
	struct edit *ed = arg;
	char *text = virDomainGetXMLDesc(dom, ed->is_secret ? VIR_DOMAIN_XML_SECURE : 0);
	auto_xml doc = NULL;
	auto_pool p = pool_new();
	xmlNodePtr node;

	if (!text)
		return virt_err(e, "read the domain");
	doc = xml_parse(text, e);
	free(text);
	if (!doc)
		return -1;
	node = ed->change(ed, xml_child(xmlDocGetRootElement(doc), "devices"), p, e);
	if (!node)
		return -1;
	if (ed->is_hooked) {
		ed->made = g_strdup(xml_text_of(p, doc, node));
		return 0;
	}
	if (virDomainUpdateDeviceFlags(dom, xml_text_of(p, doc, node), ed->flags) < 0)
		return virt_err(e, "change the device");
	return 0;
}

/* Apply an element between the hooks of updateDevice. */
static int apply(struct agent *a, struct vm *vm, xmlDocPtr doc, xmlNodePtr node, struct err *e)
{
	auto_pool p = pool_new();
	struct raw_change r;
	struct err ignored = ERR_INIT;
	int rc;

	if (hooks_device(vm, HOOK_BEFORE_UPDATE_DEVICE, &node, NULL, true, e) < 0)
		return -1;
	r.xml = xml_text_of(p, doc, node);
	rc = virt_run_domain(a, VIRT_OPS, vm->id, raw_work, &r, e);
	hooks_device(vm, rc == 0 ? HOOK_AFTER_UPDATE_DEVICE : HOOK_AFTER_UPDATE_DEVICE_FAIL, &node, NULL, false,
	             &ignored);
	if (rc == 0)
		vm_sync_soon(vm);
	return rc;
}

static int edit_hooked(struct agent *a, struct vm *vm, struct edit *ed, struct err *e)
{
	auto_xml doc = NULL;

	if (virt_run_domain(a, VIRT_OPS, vm->id, edit_work, ed, e) == 0)
		doc = xml_parse(ed->made, e);
	g_free(ed->made);
	return doc ? apply(a, vm, doc, xmlDocGetRootElement(doc), e) : -1;
}

static int edit(struct agent *a, struct vm *vm, struct edit *ed, struct err *e)
{
	if (ed->is_hooked && (hooks_has(a, HOOK_BEFORE_UPDATE_DEVICE) || hooks_has(a, HOOK_AFTER_UPDATE_DEVICE) ||
	                      hooks_has(a, HOOK_AFTER_UPDATE_DEVICE_FAIL)))
		return edit_hooked(a, vm, ed, e);
	ed->is_hooked = false;
	ed->flags |= VIR_DOMAIN_AFFECT_LIVE;
	if (virt_run_domain(a, VIRT_OPS, vm->id, edit_work, ed, e) < 0)
		return -1;
	vm_sync_soon(vm);
	return 0;
}

/* --- tickets ------------------------------------------------------------------- */

struct ticket {
	const char *type, *password, *action;
	char valid_to[32];
};

static xmlNodePtr set_ticket(struct edit *ed, xmlNodePtr devices, struct pool *p, struct err *e)
{
	const struct ticket *t = ed->arg;

	for (xmlNodePtr g = xml_child(devices, "graphics"); g; g = xml_next(g)) {
		if (!xml_attr_is(g, "type", t->type))
			continue;
		xml_set(g, "passwd", t->password);
		if (t->valid_to[0])
			xml_set(g, "passwdValidTo", t->valid_to);
		else
			xml_unset(g, "passwdValidTo");
		if (t->action && strcmp(t->type, "spice") == 0)
			xml_set(g, "connected", t->action);
		return g;
	}
	err_agent(e, 91, "The virtual machine has no %s console", t->type);
	return NULL;
}

/* The rules of a ticket are the same for both verbs that give one. */
static int give_ticket(struct agent *a, struct verb_call *c, struct vm *vm, struct ticket *t, int64_t ttl,
                       json_t *about, struct err *e)
{
	struct edit ed = { .change = set_ticket, .arg = t, .is_secret = true };
	const bool is_vnc = strcmp(t->type, "vnc") == 0;
	time_t until;
	struct tm tm;

	if (t->action && strcmp(t->action, "keep") != 0 && strcmp(t->action, "disconnect") != 0 &&
	    strcmp(t->action, "fail") != 0)
		return err_field(e, ERR_INVALID, "existingConnAction",
		                 "parameter existingConnAction must be keep, disconnect or fail");
	if (is_vnc && t->action && strcmp(t->action, "fail") == 0 && vm->client_ip[0])
		return err_agent(e, TICKET_REFUSED, "Somebody is connected to the console");
	if (is_vnc) /* the protocol uses no more, clients cut it likewise */
		t->password = pool_strndup(c->pool, t->password, MIN(strlen(t->password), VNC_PASSWORD_MAX));
	if (ttl > 0) {
		until = (time_t)(loop_wall_ms(a->loop) / 1000 + ttl);
		strftime(t->valid_to, sizeof(t->valid_to), "%Y-%m-%dT%H:%M:%S", gmtime_r(&until, &tm));
	}
	hooks_vm(vm, HOOK_BEFORE_VM_SET_TICKET, about, e);
	if (edit(a, vm, &ed, e) < 0)
		return -1;
	hooks_vm(vm, HOOK_AFTER_VM_SET_TICKET, about, e);
	return 0;
}

static int update_graphics(struct agent *a, struct verb_call *c, struct vm *vm, struct err *e)
{
	struct ticket t = { .type = NULL };
	json_t *about = NULL; /* who the ticket is for */
	int64_t ttl;

	if (verb_string(c, "params.graphicsType", &t.type, e) < 0 ||
	    verb_string(c, "params.password", &t.password, e) < 0 ||
	    verb_int(c, "params.ttl", 0, 365 * 86400, &ttl, e) < 0 ||
	    verb_string_or(c, "params.existingConnAction", NULL, &t.action, e) < 0)
		return -1;
	if (strcmp(t.type, "vnc") != 0 && strcmp(t.type, "spice") != 0)
		return err_field(e, ERR_INVALID, "params.graphicsType",
		                 "parameter params.graphicsType must be vnc or spice");
	json_unpack(c->params, "{s:{s:o}}", "params", "params", &about);
	return give_ticket(a, c, vm, &t, ttl, about, e);
}

/* The older form: of the first SPICE console, else of VNC. */
int vm_set_ticket(struct agent *a, struct verb_call *c, struct err *e)
{
	struct ticket t = { .type = NULL };
	auto_vm_lock held = NULL;
	struct vm *vm;
	int64_t ttl;

	if (vms_running(a, c, &vm, e) < 0 || verb_string(c, "password", &t.password, e) < 0 ||
	    verb_int(c, "ttl", 0, 365 * 86400, &ttl, e) < 0 ||
	    verb_string_or(c, "existingConnAction", NULL, &t.action, e) < 0 || vm_hold(vm, &held, e) < 0)
		return -1;
	for (int i = 0; i < vm->domain->n_graphics; i++)
		if (!t.type || strcmp(vm->domain->graphics[i].type, "spice") == 0)
			t.type = pool_strdup(c->pool, vm->domain->graphics[i].type);
	if (!t.type)
		return err_agent(e, TICKET_REFUSED, "The virtual machine has no console");
	return give_ticket(a, c, vm, &t, ttl, json_object_get(c->params, "params"), e);
}

/* --- network cards --------------------------------------------------------------- */

struct nic_change {
	const char *alias, *network, *filter;
	json_t *spec; /* inbound, outbound: average, peak, burst; NULL: as they are */
	int64_t mtu;  /* 0: as it is */
	bool is_link_given, is_link_up;
};

/* Limits of one direction; an empty object takes them away. */
static void change_bandwidth(xmlNodePtr nic, const struct nic_change *n)
{
	static const char *const WAYS[] = { "inbound", "outbound" }, *const RATES[] = { "average", "peak", "burst" };
	xmlNodePtr bandwidth = xml_child(nic, "bandwidth"), way;

	for (size_t i = 0; i < G_N_ELEMENTS(WAYS); i++) {
		json_t *limits = json_object_get(n->spec, WAYS[i]);

		if (!json_is_object(limits))
			continue;
		if (!bandwidth)
			bandwidth = xml_add(nic, "bandwidth", NULL);
		xml_remove(xml_child(bandwidth, WAYS[i]));
		if (!json_object_get(limits, "average"))
			continue;
		way = xml_add(bandwidth, WAYS[i], NULL);
		for (size_t k = 0; k < G_N_ELEMENTS(RATES); k++) {
			json_t *v = json_object_get(limits, RATES[k]);
			const int64_t kib =
			    json_is_string(v) ? g_ascii_strtoll(json_string_value(v), NULL, 10) : json_integer_value(v);
			char text[24];

			g_snprintf(text, sizeof(text), "%" G_GINT64_FORMAT, kib);
			if (kib > 0)
				xml_set(way, RATES[k], text);
		}
	}
}

static void change_filter(xmlNodePtr nic, const char *filter)
{
	xmlNodePtr ref = xml_child(nic, "filterref");

	if (!*filter) {
		xml_remove(ref);
		return;
	}
	if (!ref)
		ref = xml_add(nic, "filterref", NULL);
	xml_set(ref, "filter", filter);
}

static void change_mtu(xmlNodePtr nic, int64_t mtu)
{
	xmlNodePtr n = xml_child(nic, "mtu");
	char text[24];

	g_snprintf(text, sizeof(text), "%" G_GINT64_FORMAT, mtu);
	xml_set(n ? n : xml_add(nic, "mtu", NULL), "size", text);
}

static xmlNodePtr change_nic(struct edit *ed, xmlNodePtr devices, struct pool *p, struct err *e)
{
	const struct nic_change *n = ed->arg;
	xmlNodePtr link, source;

	for (xmlNodePtr nic = xml_child(devices, "interface"); nic; nic = xml_next(nic)) {
		if (!xml_attr_is(xml_child(nic, "alias"), "name", n->alias))
			continue;
		link = xml_child(nic, "link");
		if (n->is_link_given) {
			if (!link)
				link = xml_add(nic, "link", NULL);
			xml_set(link, "state", n->is_link_up ? "up" : "down");
		}
		source = xml_child(nic, "source");
		if (n->network && source)
			xml_set(source, "bridge", n->network);
		change_bandwidth(nic, n);
		if (n->filter)
			change_filter(nic, n->filter);
		if (n->mtu)
			change_mtu(nic, n->mtu);
		return nic;
	}
	err_agent(e, 91, "The virtual machine has no network card with the alias %s", n->alias);
	return NULL;
}

static int update_interface(struct agent *a, struct verb_call *c, struct vm *vm, struct err *e)
{
	struct nic_change n = { .alias = NULL };
	struct edit ed = { .change = change_nic, .arg = &n, .is_hooked = true };
	json_t *params;

	if (verb_object(c, "params", &params, e) < 0 || verb_string(c, "params.alias", &n.alias, e) < 0 ||
	    verb_string_or(c, "params.network", NULL, &n.network, e) < 0 ||
	    verb_string_or(c, "params.filter", NULL, &n.filter, e) < 0 ||
	    verb_object_or(c, "params.specParams", &n.spec, e) < 0 ||
	    verb_int_or(c, "params.mtu", 68, 65520, 0, &n.mtu, e) < 0 ||
	    verb_bool_or(c, "params.linkActive", true, &n.is_link_up, e) < 0)
		return -1;
	n.is_link_given = json_object_get(params, "linkActive");
	if (json_object_get(params, "network") && (!n.network || !*n.network))
		n.network = DUMMY_BRIDGE;
	if (n.network && strcmp(n.network, DUMMY_BRIDGE) == 0 && network_make_dummy(a, e) < 0)
		return -1;
	return edit(a, vm, &ed, e);
}

/* --- a device as XML ----------------------------------------------------------------- */

static int update_xml(struct agent *a, struct verb_call *c, struct vm *vm, const char *xml, struct err *e)
{
	auto_xml doc = xml_parse(xml, e);
	xmlNodePtr node;

	if (!doc)
		return err_wrap(e, "parameter params.xml");
	node = xmlDocGetRootElement(doc);
	if (xml_is(node, "hotplug"))
		node = xml_first(xml_child(node, "devices"));
	if (!node)
		return err_field(e, ERR_INVALID, "params.xml", "parameter params.xml has no device");
	return apply(a, vm, doc, node, e);
}

int vm_update_device(struct agent *a, struct verb_call *c, struct err *e)
{
	auto_vm_lock held = NULL;
	struct vm *vm;
	const char *type, *xml;
	int r;

	if (vms_running(a, c, &vm, e) < 0 || verb_string_or(c, "params.deviceType", "", &type, e) < 0 ||
	    verb_string_or(c, "params.xml", NULL, &xml, e) < 0 || vm_hold(vm, &held, e) < 0)
		return -1;
	if (xml)
		r = update_xml(a, c, vm, xml, e);
	else if (strcmp(type, "graphics") == 0)
		r = update_graphics(a, c, vm, e);
	else if (strcmp(type, "interface") == 0)
		r = update_interface(a, c, vm, e);
	else
		r = err_field(e, ERR_INVALID, "params.deviceType",
		              "parameter params.deviceType must be interface or graphics");
	if (r == 0)
		c->result = vm_definition(vm);
	return r;
}

/* --- discs ------------------------------------------------------------------------------ */

struct disc {
	const char *device; /* "cdrom", "floppy" */
	const char *target; /* or NULL: the first drive */
	const char *path;   /* or NULL: eject */
};

static xmlNodePtr change_disc(struct edit *ed, xmlNodePtr devices, struct pool *p, struct err *e)
{
	const struct disc *d = ed->arg;

	for (xmlNodePtr n = xml_child(devices, "disk"); n; n = xml_next(n)) {
		if (!xml_attr_is(n, "device", d->device))
			continue;
		if (d->target && !xml_attr_is(xml_child(n, "target"), "dev", d->target))
			continue;
		domain_disk_set_source(n, d->path, false);
		return n;
	}
	err_agent(e, 91, "The virtual machine has no such drive");
	return NULL;
}

/* driveSpec is a path; or the ids of a volume; or {iface, index, path} or with ids inside. */
static int read_disc(struct agent *a, struct verb_call *c, struct disc *d, struct err *e)
{
	json_t *spec = json_object_get(c->params, "driveSpec");
	const char *sd, *img, *vol, *iface;
	int64_t index;
	char *path = NULL;

	if (!json_is_object(spec)) {
		if (verb_string_or(c, "driveSpec", "", &d->path, e) < 0)
			return -1;
	} else {
		const char *base = json_is_object(json_object_get(spec, "path")) ? "driveSpec.path" : "driveSpec";
		char name[64];

#define FIELD(f) (g_snprintf(name, sizeof(name), "%s.%s", base, f), name)
		if (verb_string_or(c, "driveSpec.iface", NULL, &iface, e) < 0 ||
		    verb_int_or(c, "driveSpec.index", 0, 25, 0, &index, e) < 0 ||
		    verb_uuid_or(c, FIELD("domainID"), NULL, &sd, e) < 0 ||
		    verb_uuid_or(c, FIELD("imageID"), NULL, &img, e) < 0 ||
		    verb_uuid_or(c, FIELD("volumeID"), NULL, &vol, e) < 0)
			return -1;
		if (iface)
			d->target = pool_printf(c->pool, "%s%c",
			                        strcmp(iface, "ide") == 0   ? "hd"
			                        : strcmp(iface, "fdc") == 0 ? "fd"
			                                                    : "sd",
			                        (char)('a' + index));
		if (sd && img && vol) {
			if (storage_prepare_volume(a, c->pool, sd, img, vol, &path, e) < 0)
				return -1;
			d->path = path;
		} else if (verb_string_or(c, "driveSpec.path", "", &d->path, e) < 0) {
			return -1;
		}
#undef FIELD
	}
	if (d->path && !*d->path)
		d->path = NULL;
	if (d->path && !g_path_is_absolute(d->path))
		return err_field(e, ERR_INVALID, "driveSpec", "parameter driveSpec must be an absolute path");
	return 0;
}

static int change(struct agent *a, struct verb_call *c, const char *device, struct err *e)
{
	auto_vm_lock held = NULL;
	struct disc d = { .device = device };
	struct edit ed = { .change = change_disc, .arg = &d, .flags = VIR_DOMAIN_DEVICE_MODIFY_FORCE };
	struct vm *vm;

	if (vms_running(a, c, &vm, e) < 0 || vm_hold(vm, &held, e) < 0 || read_disc(a, c, &d, e) < 0)
		return -1;
	if (edit(a, vm, &ed, e) < 0)
		return -1;
	c->result = vm_definition(vm);
	return 0;
}

int vm_change_cd(struct agent *a, struct verb_call *c, struct err *e) { return change(a, c, "cdrom", e); }

int vm_change_floppy(struct agent *a, struct verb_call *c, struct err *e) { return change(a, c, "floppy", e); }
