/* SPDX-License-Identifier: Apache-2.0 */
/* The files of a config drive, or of a NoCloud medium, as cloud-init reads them. */
#include <string.h>

#include "manager/vms/init_int.h"

bool init_is_dhcp(enum m_boot_protocol p)
{
	return p == M_BOOT_PROTOCOL_DHCP || p == M_BOOT_PROTOCOL_POLY_DHCP_AUTOCONF;
}

const char *init_host_name(const struct m_vm *vm, const struct m_initialization *init)
{
	if (init && init->host_name && *init->host_name)
		return init->host_name;
	return vm->name ? vm->name : "";
}

/* ---- network as OpenStack's metadata ---- */

static json_t *default_route(const char *gateway, bool is_v6)
{
	const char *zero = is_v6 ? "::" : "0.0.0.0";
	json_t *routes = json_array();

	if (gateway && *gateway)
		json_array_append_new(
		    routes, json_pack("{s:s, s:s, s:s}", "network", zero, "netmask", zero, "gateway", gateway));
	return routes;
}

static void put_network(struct pool *p, json_t *list, const struct m_nic_configuration *n, bool is_v6)
{
	const enum m_boot_protocol how = is_v6 ? n->ipv6_boot_protocol : n->boot_protocol;
	const struct m_ip *ip = is_v6 ? n->ipv6 : n->ip;
	json_t *net;

	if (how == M_BOOT_PROTOCOL_ABSENT || how == M_BOOT_PROTOCOL_NONE)
		return;
	net = json_pack("{s:s, s:s}", "id", pool_printf(p, "%s-%s", n->name, is_v6 ? "v6" : "v4"), "link", n->name);
	if (how == M_BOOT_PROTOCOL_AUTOCONF) {
		json_object_set_new(net, "type", json_string("ipv6_slaac"));
	} else if (how != M_BOOT_PROTOCOL_STATIC || !ip || !ip->address) {
		json_object_set_new(net, "type", json_string(is_v6 ? "ipv6_dhcp" : "ipv4_dhcp"));
	} else {
		const int prefix = init_prefix(ip->netmask, is_v6);

		json_object_set_new(net, "type", json_string(is_v6 ? "ipv6" : "ipv4"));
		json_object_set_new(net, "ip_address",
		                    json_string(is_v6 ? pool_printf(p, "%s/%d", ip->address, prefix) : ip->address));
		if (!is_v6)
			json_object_set_new(net, "netmask", json_string(init_netmask(p, prefix)));
		json_object_set_new(net, "routes", default_route(ip->gateway, is_v6));
	}
	json_array_append_new(list, net);
}

static json_t *openstack_network(struct pool *p, const struct m_initialization *init)
{
	json_t *links = json_array(), *networks = json_array(), *services = json_array();
	g_autoptr(GPtrArray) servers = init_words(init->dns_servers);

	for (uint32_t i = 0; i < init->nic_configurations.n; i++) {
		const struct m_nic_configuration *n = init->nic_configurations.v[i];

		json_array_append_new(links,
		                      json_pack("{s:s, s:s, s:s}", "id", n->name, "name", n->name, "type", "vif"));
		put_network(p, networks, n, false);
		put_network(p, networks, n, true);
	}
	for (guint i = 0; i < servers->len; i++)
		json_array_append_new(services, json_pack("{s:s, s:s}", "type", "dns", "address", servers->pdata[i]));
	return json_pack("{s:o, s:o, s:o}", "links", links, "networks", networks, "services", services);
}

/* ---- network as Debian's interfaces file ---- */

static void eni_part(struct pool *p, GString *out, const struct m_initialization *init,
                     const struct m_nic_configuration *n, bool is_v6)
{
	const enum m_boot_protocol how = is_v6 ? n->ipv6_boot_protocol : n->boot_protocol;
	const struct m_ip *ip = is_v6 ? n->ipv6 : n->ip;
	const char *family = is_v6 ? "inet6" : "inet";
	g_autoptr(GPtrArray) servers = init_words(init->dns_servers), search = init_words(init->dns_search);

	if (how == M_BOOT_PROTOCOL_ABSENT || how == M_BOOT_PROTOCOL_NONE)
		return;
	if (how != M_BOOT_PROTOCOL_STATIC || !ip || !ip->address) {
		g_string_append_printf(out, "iface %s %s %s\n", n->name, family, init_is_dhcp(how) ? "dhcp" : "auto");
		return;
	}
	g_string_append_printf(out, "iface %s %s static\n  address %s\n", n->name, family, ip->address);
	if (is_v6)
		g_string_append_printf(out, "  netmask %d\n", init_prefix(ip->netmask, true));
	else
		g_string_append_printf(out, "  netmask %s\n", init_netmask(p, init_prefix(ip->netmask, false)));
	if (ip->gateway && *ip->gateway)
		g_string_append_printf(out, "  gateway %s\n", ip->gateway);
	for (guint i = 0; i < servers->len; i++)
		g_string_append_printf(out, "%s %s%s", i ? "" : "  dns-nameservers", (char *)servers->pdata[i],
		                       i + 1 == servers->len ? "\n" : "");
	for (guint i = 0; i < search->len; i++)
		g_string_append_printf(out, "%s %s%s", i ? "" : "  dns-search", (char *)search->pdata[i],
		                       i + 1 == search->len ? "\n" : "");
}

char *init_eni(struct pool *p, const struct m_initialization *init)
{
	g_autoptr(GString) out = g_string_new(NULL);

	for (uint32_t i = 0; i < init->nic_configurations.n; i++) {
		const struct m_nic_configuration *n = init->nic_configurations.v[i];

		if (M_GET(n, on_boot, true))
			g_string_append_printf(out, "auto %s\n", n->name);
		eni_part(p, out, init, n, false);
		eni_part(p, out, init, n, true);
		g_string_append_c(out, '\n');
	}
	return pool_strdup(p, out->str);
}

/* ---- user data ---- */

GPtrArray *init_keys(const char *text)
{
	GPtrArray *keys = g_ptr_array_new_with_free_func(g_free);
	g_auto(GStrv) lines = g_strsplit_set(text ? text : "", "\r\n", -1);

	for (char **l = lines; *l; l++)
		if (*g_strstrip(*l))
			g_ptr_array_add(keys, g_strdup(*l));
	return keys;
}

static void put_resolver(GString *out, const struct m_initialization *init)
{
	g_autoptr(GPtrArray) servers = init_words(init->dns_servers), search = init_words(init->dns_search);

	if (servers->len + search->len == 0)
		return;
	g_string_append(out, "manage_resolv_conf: true\nresolv_conf:\n");
	if (servers->len)
		g_string_append(out, "  nameservers:\n");
	for (guint i = 0; i < servers->len; i++)
		init_yaml_put(out, "    -", servers->pdata[i]);
	if (search->len)
		g_string_append(out, "  searchdomains:\n");
	for (guint i = 0; i < search->len; i++)
		init_yaml_put(out, "    -", search->pdata[i]);
}

static int put_password(struct pool *p, GString *out, const char *vm_id, const char *password, struct err *e)
{
	const char *hash;

	if (!password || !*password)
		return 0;
	hash = init_hash(p, vm_id, password);
	if (!hash)
		return err_set(e, ERR_INTERNAL, "The password cannot be hashed.");
	init_yaml_put(out, "password:", hash);
	g_string_append(out, "chpasswd:\n  expire: false\nssh_pwauth: true\n");
	return 0;
}

char *init_user_data(struct pool *p, const struct m_vm *vm, const struct m_initialization *init, struct err *e)
{
	g_autoptr(GString) out = g_string_new("#cloud-config\n");
	g_autoptr(GPtrArray) keys = init_keys(init ? init->authorized_ssh_keys : NULL);
	const char *user = init && init->user_name && *init->user_name ? init->user_name : "root";

	g_string_append(out, "disable_root: 0\noutput:\n  all: '>> /var/log/cloud-init-output.log'\n");
	init_yaml_put(out, "hostname:", init_host_name(vm, init));
	if (!init)
		return pool_strdup(p, out->str);
	init_yaml_put(out, "user:", user);
	if (put_password(p, out, vm->id, init->root_password, e) < 0)
		return NULL;
	if (keys->len)
		g_string_append(out, "ssh_authorized_keys:\n");
	for (guint i = 0; i < keys->len; i++)
		init_yaml_put(out, "  -", keys->pdata[i]);
	if (init->has.regenerate_ssh_keys)
		g_string_append_printf(out, "ssh_deletekeys: %s\n", init->regenerate_ssh_keys ? "true" : "false");
	init_yaml_put(out, "timezone:", init->timezone);
	put_resolver(out, init);
	if (init->custom_script && *init->custom_script)
		g_string_append_printf(out, "%s%s", init->custom_script,
		                       g_str_has_suffix(init->custom_script, "\n") ? "" : "\n");
	return pool_strdup(p, out->str);
}

json_t *init_meta_data(const struct m_vm *vm, const struct m_initialization *init)
{
	g_autoptr(GPtrArray) keys = init_keys(init ? init->authorized_ssh_keys : NULL);
	json_t *j =
	    json_pack("{s:s, s:s, s:s, s:s, s:s, s:{s:s, s:s, s:s}}", "uuid", vm->id ? vm->id : "", "name",
	              vm->name ? vm->name : "", "hostname", init_host_name(vm, init), "availability_zone", "nova",
	              "launch_index", "0", "meta", "essential", "false", "role", "server", "dsmode", "local");
	json_t *public_keys = json_object();

	for (guint i = 0; i < keys->len; i++) {
		g_autofree char *name = g_strdup_printf(i ? "mykey%u" : "mykey", i);

		json_object_set_new(public_keys, name, json_string(keys->pdata[i]));
	}
	if (keys->len)
		json_object_set(j, "public_keys", public_keys);
	json_decref(public_keys);
	return j;
}

int init_cloud(struct pool *p, const struct m_vm *vm, const struct m_initialization *init, GArray *files, struct err *e)
{
	const bool has_network = init && init->nic_configurations.n;
	const bool is_eni = has_network && init->cloud_init_network_protocol == M_CLOUD_INIT_NETWORK_PROTOCOL_ENI;
	json_t *meta = init_meta_data(vm, init);
	struct domain_payload_file f;
	const char *user;

	if (is_eni)
		json_object_set_new(
		    meta, "network_config",
		    json_pack("{s:s, s:s}", "content_path", "/content/0000", "path", "/etc/network/interfaces"));
	f = init_file(p, "openstack/latest/meta_data.json", init_json_text(p, meta));
	g_array_append_val(files, f);
	user = init_user_data(p, vm, init, e);
	if (!user)
		return -1;
	f = init_file(p, "openstack/latest/user_data", user);
	g_array_append_val(files, f);
	if (is_eni)
		f = init_file(p, "openstack/content/0000", init_eni(p, init));
	else if (has_network)
		f = init_file(p, "openstack/latest/network_data.json", init_json_text(p, openstack_network(p, init)));
	if (has_network)
		g_array_append_val(files, f);
	return 0;
}
