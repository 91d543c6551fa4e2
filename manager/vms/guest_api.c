/* SPDX-License-Identifier: Apache-2.0 */
/* What the guest agent reports: addresses, users, applications. And what a VM has none of. */
#include <string.h>

#include "manager/api/generic.h"
#include "manager/console/console.h"
#include "manager/vms/vm_int.h"

enum { MAX_ITEMS = 256 };

static json_t *guest_of(struct call *c, struct err *e)
{
	const struct m_vm *vm = CALL_ENTITY(c, 0, VM, vm, e);
	static json_t *nothing;

	if (!vm)
		return NULL;
	if (vm_is_live(vm) && vm_stats(c->core, vm->id))
		return vm_stats(c->core, vm->id);
	if (!nothing)
		nothing = json_object();
	return nothing;
}

/* ---- reported devices ---- */

static void add_ips(struct call *c, struct m_reported_device *d, json_t *list, enum m_ip_version v)
{
	json_t *addr;
	size_t i;

	json_array_foreach (list, i, addr) {
		struct m_ip *ip;

		if (!json_is_string(addr) || d->ips.n >= MAX_ITEMS)
			continue;
		ip = d->ips.v[d->ips.n++] = m_new(c->pool, &M_TYPE_ip);
		ip->address = pool_strdup(c->pool, json_string_value(addr));
		ip->version = v;
	}
}

static struct m_reported_device *make_device(struct call *c, json_t *iface)
{
	struct m_reported_device *d = m_new(c->pool, &M_TYPE_reported_device);
	json_t *v4 = json_object_get(iface, "inet"), *v6 = json_object_get(iface, "inet6");
	uuid_text id;

	uuid_derive(c->ids[0], pool_printf(c->pool, "%s %s", rep_text(iface, "name"), rep_text(iface, "hw")), id);
	d->id = pool_strdup(c->pool, id);
	d->name = pool_strdup(c->pool, rep_text(iface, "name"));
	d->description = (char *)"guest reported data";
	d->type = M_REPORTED_DEVICE_TYPE_NETWORK;
	d->mac = m_new(c->pool, &M_TYPE_mac);
	d->mac->address = pool_strdup(c->pool, rep_text(iface, "hw"));
	REF_SET(c->pool, d->vm, c->ids[0]);
	d->ips.v = POOL_ARRAY(c->pool, struct m_ip *, MIN(json_array_size(v4) + json_array_size(v6), MAX_ITEMS) + 1);
	add_ips(c, d, v4, M_IP_VERSION_V4);
	add_ips(c, d, v6, M_IP_VERSION_V6);
	return d;
}

/* Those of one network card when the path names one. */
static size_t devices_of(struct call *c, json_t *guest, const char *mac, void **list)
{
	json_t *ifaces = json_object_get(guest, "netIfaces"), *iface;
	size_t i, n = 0;

	json_array_foreach (ifaces, i, iface)
		if (n < MAX_ITEMS && (!mac || g_ascii_strcasecmp(mac, rep_text(iface, "hw")) == 0))
			list[n++] = make_device(c, iface);
	return n;
}

static const char *mac_of_path(struct call *c, int i, struct err *e)
{
	const struct m_nic *nic = i < c->n_ids ? INV_GET(c->core->inv, NIC, nic, c->ids[i]) : NULL;

	if (!nic || g_strcmp0(nic->vm.id, c->ids[0]) != 0) {
		err_set(e, ERR_NO_ENTITY, "The VM has no such network interface.");
		return NULL;
	}
	return nic->mac ? nic->mac->address : "";
}

static int device_list(struct call *c, struct err *e)
{
	json_t *guest = guest_of(c, e);
	void **list = POOL_ARRAY(c->pool, void *, MAX_ITEMS);
	const char *mac = NULL;

	if (!guest || (c->n_ids > 1 && !(mac = mac_of_path(c, 1, e))))
		return -1;
	return call_reply_list(c, &M_TYPE_reported_device, list, devices_of(c, guest, mac, list));
}

static int device_get(struct call *c, struct err *e)
{
	json_t *guest = guest_of(c, e);
	void **list = POOL_ARRAY(c->pool, void *, MAX_ITEMS);
	size_t n = guest ? devices_of(c, guest, NULL, list) : 0;

	for (size_t i = 0; i < n; i++)
		if (strcmp(((struct m_reported_device *)list[i])->id, c->ids[c->n_ids - 1]) == 0)
			return call_reply_entity(c, &M_TYPE_reported_device, list[i]);
	return guest ? err_set(e, ERR_NO_ENTITY, "The guest reports no such device.") : -1;
}

/* ---- sessions ---- */

static struct m_session *make_session(struct call *c, const char *user, const char *ip, bool is_console)
{
	const struct identity *who = is_console ? console_user(c->core, c->ids[0]) : NULL;
	struct m_session *s = m_new(c->pool, &M_TYPE_session);
	struct m_user *u = m_new(c->pool, &M_TYPE_user);
	uuid_text id;

	uuid_derive(c->ids[0], pool_printf(c->pool, "%s %s %d", user, ip, is_console), id);
	s->id = pool_strdup(c->pool, id);
	REF_SET(c->pool, s->vm, c->ids[0]);
	M_SET(s, console_user, is_console);
	if (is_console)
		s->protocol = (char *)"vnc";
	if (who) {
		REF_SET(c->pool, s->user, who->user_id);
		u->user_name = pool_strdup(c->pool, who->user_name);
		s->user.obj = u;
	} else if (*user) {
		u->user_name = pool_strdup(c->pool, user);
		s->user.obj = u;
	}
	if (*ip) {
		s->ip = m_new(c->pool, &M_TYPE_ip);
		s->ip->address = pool_strdup(c->pool, ip);
		s->ip->version = strchr(ip, ':') ? M_IP_VERSION_V6 : M_IP_VERSION_V4;
	}
	return s;
}

static size_t sessions_of(struct call *c, json_t *guest, void **list)
{
	g_auto(GStrv) names = g_strsplit(rep_text(guest, "username"), ",", MAX_ITEMS / 2);
	size_t n = 0;

	if (*rep_text(guest, "clientIp"))
		list[n++] = make_session(c, "", rep_text(guest, "clientIp"), true);
	for (char **s = names; *s; s++)
		if (*g_strstrip(*s) && strcmp(*s, "None") != 0)
			list[n++] = make_session(c, *s, "", false);
	return n;
}

static int session_list(struct call *c, struct err *e)
{
	json_t *guest = guest_of(c, e);
	void **list = POOL_ARRAY(c->pool, void *, MAX_ITEMS);

	return guest ? call_reply_list(c, &M_TYPE_session, list, sessions_of(c, guest, list)) : -1;
}

static int session_get(struct call *c, struct err *e)
{
	json_t *guest = guest_of(c, e);
	void **list = POOL_ARRAY(c->pool, void *, MAX_ITEMS);
	size_t n = guest ? sessions_of(c, guest, list) : 0;

	for (size_t i = 0; i < n; i++)
		if (strcmp(((struct m_session *)list[i])->id, c->ids[1]) == 0)
			return call_reply_entity(c, &M_TYPE_session, list[i]);
	return guest ? err_set(e, ERR_NO_ENTITY, "There is no such session.") : -1;
}

/* ---- applications ---- */

static size_t applications_of(struct call *c, json_t *guest, void **list)
{
	json_t *apps = json_object_get(guest, "appsList"), *app;
	size_t i, n = 0;

	json_array_foreach (apps, i, app) {
		struct m_application *a;
		uuid_text id;

		if (!json_is_string(app) || n >= MAX_ITEMS)
			continue;
		list[n++] = a = m_new(c->pool, &M_TYPE_application);
		uuid_derive(c->ids[0], json_string_value(app), id);
		a->id = pool_strdup(c->pool, id);
		a->name = pool_strdup(c->pool, json_string_value(app));
		REF_SET(c->pool, a->vm, c->ids[0]);
	}
	return n;
}

static int application_list(struct call *c, struct err *e)
{
	json_t *guest = guest_of(c, e);
	void **list = POOL_ARRAY(c->pool, void *, MAX_ITEMS);

	return guest ? call_reply_list(c, &M_TYPE_application, list, applications_of(c, guest, list)) : -1;
}

static int application_get(struct call *c, struct err *e)
{
	json_t *guest = guest_of(c, e);
	void **list = POOL_ARRAY(c->pool, void *, MAX_ITEMS);
	size_t n = guest ? applications_of(c, guest, list) : 0;

	for (size_t i = 0; i < n; i++)
		if (strcmp(((struct m_application *)list[i])->id, c->ids[1]) == 0)
			return call_reply_entity(c, &M_TYPE_application, list[i]);
	return guest ? err_set(e, ERR_NO_ENTITY, "The guest reports no such application.") : -1;
}

const struct api_op VM_GUEST_OPS[] = {
	ROW("vm_reported_devices.list", device_list, NO_KIND, .flags = OP_HREF_HERE),
	ROW("vm_reported_device.get", device_get, NO_KIND, .flags = OP_HREF_HERE),
	ROW("vm_sessions.list", session_list, NO_KIND, .flags = OP_HREF_HERE),
	ROW("vm_session.get", session_get, NO_KIND, .flags = OP_HREF_HERE),
	ROW("vm_applications.list", application_list, NO_KIND, .flags = OP_HREF_HERE),
	ROW("vm_application.get", application_get, NO_KIND, .flags = OP_HREF_HERE),
	{ .name = NULL },
};
