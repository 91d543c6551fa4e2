/* SPDX-License-Identifier: Apache-2.0 */
#include "manager/system/system.h"

#include <string.h>

#include "manager/api/generic.h"
#include "manager/core/tables.h"
#include "manager/system/options.h"

/* Version of the API that clients may rely on; the program's own version is in full_version. */
enum { API_MAJOR = 4, API_MINOR = 5, API_BUILD = 6 };

/* ---- root ---- */

static struct m_api_summary_item *summary(struct call *c, unsigned total, unsigned active)
{
	struct m_api_summary_item *s = m_new(c->pool, &M_TYPE_api_summary_item);

	M_SET(s, total, total);
	M_SET(s, active, active);
	return s;
}

static struct m_api_summary *make_summary(struct call *c)
{
	struct inventory *inv = c->core->inv;
	struct m_api_summary *s = m_new(c->pool, &M_TYPE_api_summary);
	unsigned hosts = 0, domains = 0, vms = 0;

	INV_EACH (e, inv, KIND_HOST)
		hosts += ENTITY_OBJ(e, host)->status == M_HOST_STATUS_UP;
	INV_EACH (e, inv, KIND_STORAGE_DOMAIN)
		domains += ENTITY_OBJ(e, storage_domain)->status == M_STORAGE_DOMAIN_STATUS_ACTIVE;
	INV_EACH (e, inv, KIND_VM) {
		enum m_vm_status st = ENTITY_OBJ(e, vm)->status;
		vms += st != M_VM_STATUS_DOWN && st != M_VM_STATUS_SUSPENDED && st != M_VM_STATUS_IMAGE_LOCKED;
	}
	s->hosts = summary(c, inv_count(inv, KIND_HOST), hosts);
	s->storage_domains = summary(c, inv_count(inv, KIND_STORAGE_DOMAIN), domains);
	s->users = summary(c, inv_count(inv, KIND_USER), session_count(c->core));
	s->vms = summary(c, inv_count(inv, KIND_VM), vms);
	return s;
}

static struct m_product_info *make_product_info(struct call *c)
{
	struct m_product_info *p = m_new(c->pool, &M_TYPE_product_info);
	struct m_version *v = m_new(c->pool, &M_TYPE_version);
	struct entity *first = inv_first(c->core->inv, KIND_USER);
	uuid_text id = UUID_NIL;

	if (first)
		uuid_derive("instance", first->id, id);
	p->instance_id = pool_strdup(c->pool, id);
	p->name = "oVirt Engine"; /* clients look for the name of what they know */
	p->vendor = "ovirt.org";
	M_SET(v, major, API_MAJOR);
	M_SET(v, minor, API_MINOR);
	M_SET(v, build, API_BUILD);
	M_SET(v, revision, 0);
	v->full_version = "4.5.6-hostler-" HOSTLER_VERSION;
	p->version = v;
	return p;
}

static int root_get(struct call *c, struct err *e)
{
	struct m_api *api = m_new(c->pool, &M_TYPE_api);

	api->product_info = make_product_info(c);
	api->special_objects = m_new(c->pool, &M_TYPE_special_objects);
	api->special_objects->blank_template.id = UUID_NIL;
	api->special_objects->root_tag.id = UUID_NIL;
	M_SET(api, time, loop_wall_ms(c->core->loop));
	if (c->who.is_admin) {
		api->summary = make_summary(c);
		api->engine_backup = m_new(c->pool, &M_TYPE_engine_backup_info);
	}
	api->authenticated_user.id = c->who.user_id;
	api->effective_user.id = c->who.user_id;
	return call_reply_entity(c, &M_TYPE_api, api);
}

/* ---- tables that are data, not entities ---- */

static void *named(struct call *c, const struct m_type *t, const char *id, const char *name)
{
	void *obj = m_new(c->pool, t);

	m_entity(t, obj)->id = (char *)id;
	m_entity(t, obj)->name = (char *)name;
	return obj;
}

static void *make_os(struct call *c, const struct os_type *o)
{
	char *id = pool_printf(c->pool, "%d", o->id);
	struct m_operating_system_info *os = named(c, &M_TYPE_operating_system_info, id, o->key);
	int arch = m_enum_value(&M_ENUM_architecture, o->arch);
	uuid_text icon;

	os->description = (char *)o->name;
	os->architecture = arch;
	os->tpm_support = (enum m_tpm_support)m_enum_value(&M_ENUM_tpm_support, o->tpm);
	uuid_derive("icon", "large", icon);
	os->large_icon = named(c, &M_TYPE_icon, pool_strdup(c->pool, icon), NULL);
	uuid_derive("icon", "small", icon);
	os->small_icon = named(c, &M_TYPE_icon, pool_strdup(c->pool, icon), NULL);
	return os;
}

static int os_list(struct call *c, struct err *e)
{
	size_t n = 0;
	void **list;

	while (OS_TYPES[n].key)
		n++;
	list = POOL_ARRAY(c->pool, void *, n);
	for (size_t i = 0; i < n; i++)
		list[i] = make_os(c, &OS_TYPES[i]);
	return call_reply_list(c, &M_TYPE_operating_system_info, list, n);
}

static int os_get(struct call *c, struct err *e)
{
	for (const struct os_type *o = OS_TYPES; o->key; o++)
		if (g_ascii_strtoll(c->ids[0], NULL, 10) == o->id && g_ascii_isdigit(*c->ids[0]))
			return call_reply_entity(c, &M_TYPE_operating_system_info, make_os(c, o));
	return err_set(e, ERR_NO_ENTITY, "There is no operating system %s.", c->ids[0]);
}

static const char *const FILTERS[] = { "vdsm-no-mac-spoofing",
	                               "allow-arp",
	                               "allow-dhcp",
	                               "allow-incoming-ipv4",
	                               "allow-ipv4",
	                               "clean-traffic",
	                               "no-arp-ip-spoofing",
	                               "no-arp-mac-spoofing",
	                               "no-arp-spoofing",
	                               "no-ip-multicast",
	                               "no-ip-spoofing",
	                               "no-mac-broadcast",
	                               "no-mac-spoofing",
	                               "no-other-l2-traffic",
	                               "no-other-rarp-traffic",
	                               "qemu-announce-self",
	                               "qemu-announce-self-rarp",
	                               "clean-traffic-gateway" };

static void filter_id(size_t i, uuid_text id)
{
	if (i == 0)
		g_strlcpy(id, "d2370ab4-fee3-11e9-a310-8c1645ce738e", sizeof(uuid_text)); /* well known */
	else
		uuid_derive("network-filter", FILTERS[i], id);
}

const char *network_filter_name(const char *id)
{
	for (size_t i = 0; id && i < G_N_ELEMENTS(FILTERS); i++) {
		uuid_text own;

		filter_id(i, own);
		if (strcmp(own, id) == 0)
			return FILTERS[i];
	}
	return NULL;
}

static void *make_filter(struct call *c, size_t i)
{
	uuid_text id;

	filter_id(i, id);
	return named(c, &M_TYPE_network_filter, pool_strdup(c->pool, id), FILTERS[i]);
}

static int filter_list(struct call *c, struct err *e)
{
	void **list = POOL_ARRAY(c->pool, void *, G_N_ELEMENTS(FILTERS));

	if (c->n_ids > 0 && !call_visible(c, c->n_ids - 1, KIND_CLUSTER, e))
		return -1;
	for (size_t i = 0; i < G_N_ELEMENTS(FILTERS); i++)
		list[i] = make_filter(c, i);
	return call_reply_list(c, &M_TYPE_network_filter, list, G_N_ELEMENTS(FILTERS));
}

static int filter_get(struct call *c, struct err *e)
{
	for (size_t i = 0; i < G_N_ELEMENTS(FILTERS); i++) {
		struct m_network_filter *f = make_filter(c, i);
		if (strcmp(f->id, c->ids[0]) == 0)
			return call_reply_entity(c, &M_TYPE_network_filter, f);
	}
	return err_set(e, ERR_NO_ENTITY, "There is no network filter %s.", c->ids[0]);
}

/* One pixel of grey: pictures of guest systems belong to the portal. */
#define ICON_PNG "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAAAAAA6fptVAAAACklEQVR4nGNoAAAAggCBd81ytgAAAABJRU5ErkJggg=="

static struct m_icon *make_icon(struct call *c, const char *which)
{
	uuid_text id;
	struct m_icon *icon;

	uuid_derive("icon", which, id);
	icon = named(c, &M_TYPE_icon, pool_strdup(c->pool, id), NULL);
	icon->media_type = "image/png";
	icon->data = ICON_PNG;
	return icon;
}

static int icon_list(struct call *c, struct err *e)
{
	void **list = POOL_ARRAY(c->pool, void *, 2);

	list[0] = make_icon(c, "large");
	list[1] = make_icon(c, "small");
	return call_reply_list(c, &M_TYPE_icon, list, 2);
}

static int icon_get(struct call *c, struct err *e)
{
	static const char *const which[] = { "large", "small" };

	for (int i = 0; i < 2; i++) {
		struct m_icon *icon = make_icon(c, which[i]);
		if (strcmp(icon->id, c->ids[0]) == 0)
			return call_reply_entity(c, &M_TYPE_icon, icon);
	}
	return err_set(e, ERR_NO_ENTITY, "There is no icon %s.", c->ids[0]);
}

/* ---- options: what clients ask for ---- */

static int option_get(struct call *c, struct err *e)
{
	char *value = option_text(c->core, c->pool, c->ids[0]);
	struct m_system_option *o;
	struct m_system_option_value *v;

	if (!value)
		return err_set(e, ERR_NO_ENTITY, "There is no option %s.", c->ids[0]);
	o = named(c, &M_TYPE_system_option, c->ids[0], c->ids[0]);
	v = m_new(c->pool, &M_TYPE_system_option_value);
	v->value = value;
	v->version = "general";
	o->values.n = 1;
	o->values.v = POOL_ARRAY(c->pool, struct m_system_option_value *, 1);
	o->values.v[0] = v;
	return call_reply_entity(c, &M_TYPE_system_option, o);
}

/* ---- cluster levels ---- */

/* Processor types that clusters of a level may have, each with its rank. at: position of the level in tables. */
static void add_cpu_types(struct call *c, struct m_cluster_level *l, int at)
{
	size_t n = 0;

	while (CPU_TYPES[n].name)
		n++;
	l->cpu_types.v = POOL_ARRAY(c->pool, struct m_cpu_type *, n + 1);
	for (size_t i = 0; i < n; i++) {
		struct m_cpu_type *t;

		if (!CPU_TYPES[i].rank[at])
			continue;
		t = m_new(c->pool, &M_TYPE_cpu_type);
		t->name = (char *)CPU_TYPES[i].name;
		t->architecture = (enum m_architecture)m_enum_value(&M_ENUM_architecture, CPU_TYPES[i].arch);
		M_SET(t, level, CPU_TYPES[i].rank[at]);
		l->cpu_types.v[l->cpu_types.n++] = t;
	}
}

static struct m_cluster_level *make_level(struct call *c, const char *name)
{
	struct m_cluster_level *l = named(c, &M_TYPE_cluster_level, name, name);
	int n = 0;

	while (PERMITS[n].name)
		n++;
	l->permits.v = POOL_ARRAY(c->pool, struct m_permit *, n);
	l->permits.n = (uint32_t)n;
	for (int i = 0; i < n; i++) {
		l->permits.v[i] = named(c, &M_TYPE_permit, pool_printf(c->pool, "%d", PERMITS[i].id), PERMITS[i].name);
		M_SET(l->permits.v[i], administrative, PERMITS[i].is_admin);
	}
	add_cpu_types(c, l, name[2] - '2');
	return l;
}

static const char *const LEVELS[] = { "4.2", "4.3", "4.4", "4.5", "4.6", "4.7", "4.8" };

static int level_list(struct call *c, struct err *e)
{
	void **list = POOL_ARRAY(c->pool, void *, G_N_ELEMENTS(LEVELS));

	for (size_t i = 0; i < G_N_ELEMENTS(LEVELS); i++)
		list[i] = make_level(c, LEVELS[i]);
	return call_reply_list(c, &M_TYPE_cluster_level, list, G_N_ELEMENTS(LEVELS));
}

static int level_get(struct call *c, struct err *e)
{
	for (size_t i = 0; i < G_N_ELEMENTS(LEVELS); i++)
		if (strcmp(LEVELS[i], c->ids[0]) == 0)
			return call_reply_entity(c, &M_TYPE_cluster_level, make_level(c, LEVELS[i]));
	return err_set(e, ERR_NO_ENTITY, "There is no cluster level %s.", c->ids[0]);
}

/* ---- domains: where users come from ---- */

const struct api_op SYSTEM_OPS[] = {
	{ .name = "system.get", .run = root_get },
	{ .name = "operating_systems.list", .run = os_list, .kind = NO_KIND },
	{ .name = "operating_system.get", .run = os_get, .kind = NO_KIND },
	{ .name = "network_filters.list", .run = filter_list, .kind = NO_KIND },
	{ .name = "network_filter.get", .run = filter_get, .kind = NO_KIND },
	{ .name = "icons.list", .run = icon_list, .kind = NO_KIND },
	{ .name = "icon.get", .run = icon_get, .kind = NO_KIND },
	{ .name = "system_option.get", .run = option_get, .kind = NO_KIND },
	{ .name = "cluster_levels.list", .run = level_list, .kind = NO_KIND },
	{ .name = "cluster_level.get", .run = level_get, .kind = NO_KIND },
	/* providers of products that are gone: there are none, and none can be added */
	{ .name = "openstack_image_providers.list", .run = generic_list_empty, .kind = NO_KIND },
	{ .name = "openstack_network_providers.list", .run = generic_list_empty, .kind = NO_KIND },
	{ .name = "openstack_volume_providers.list", .run = generic_list_empty, .kind = NO_KIND },
	{ .name = "external_host_providers.list", .run = generic_list_empty, .kind = NO_KIND },
	{ .name = NULL },
};
