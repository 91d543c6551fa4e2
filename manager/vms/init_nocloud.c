/* SPDX-License-Identifier: Apache-2.0 */
/* The files of a NoCloud medium. All are YAML to cloud-init; what is made of data is JSON, which is YAML, too. */
#include <string.h>

#include "manager/vms/init_int.h"

bool init_is_nocloud(const struct m_vm *vm)
{
	return g_strcmp0(domain_property(vm, "cloud_init_source"), "nocloud") == 0;
}

/* ---- network, version 1 of cloud-init's format ---- */

static void put_subnet(struct pool *p, json_t *list, const struct m_nic_configuration *n, bool is_v6)
{
	const enum m_boot_protocol how = is_v6 ? n->ipv6_boot_protocol : n->boot_protocol;
	const struct m_ip *ip = is_v6 ? n->ipv6 : n->ip;
	json_t *net;

	if (how == M_BOOT_PROTOCOL_ABSENT || how == M_BOOT_PROTOCOL_NONE)
		return;
	net = json_object();
	if (how == M_BOOT_PROTOCOL_AUTOCONF) {
		json_object_set_new(net, "type", json_string("ipv6_slaac"));
	} else if (how != M_BOOT_PROTOCOL_STATIC || !ip || !ip->address) {
		json_object_set_new(net, "type", json_string(is_v6 ? "dhcp6" : "dhcp"));
	} else {
		json_object_set_new(net, "type", json_string(is_v6 ? "static6" : "static"));
		json_object_set_new(net, "address",
		                    json_string(pool_printf(p, "%s/%d", ip->address, init_prefix(ip->netmask, is_v6))));
		if (ip->gateway && *ip->gateway)
			json_object_set_new(net, "gateway", json_string(ip->gateway));
	}
	if (!M_GET(n, on_boot, true))
		json_object_set_new(net, "control", json_string("manual"));
	json_array_append_new(list, net);
}

static json_t *words(const char *text)
{
	g_autoptr(GPtrArray) list = init_words(text);
	json_t *out = json_array();

	for (guint i = 0; i < list->len; i++)
		json_array_append_new(out, json_string(list->pdata[i]));
	return out;
}

static json_t *network(struct pool *p, const struct m_initialization *init)
{
	json_t *config = json_array(), *servers = words(init->dns_servers), *search = words(init->dns_search);

	for (uint32_t i = 0; i < init->nic_configurations.n; i++) {
		const struct m_nic_configuration *n = init->nic_configurations.v[i];
		json_t *subnets = json_array();

		put_subnet(p, subnets, n, false);
		put_subnet(p, subnets, n, true);
		json_array_append_new(
		    config, json_pack("{s:s, s:s, s:o}", "type", "physical", "name", n->name, "subnets", subnets));
	}
	if (json_array_size(servers) + json_array_size(search))
		json_array_append_new(
		    config, json_pack("{s:s, s:O, s:O}", "type", "nameserver", "address", servers, "search", search));
	json_decref(servers);
	json_decref(search);
	return json_pack("{s:i, s:o}", "version", 1, "config", config);
}

/* ---- the medium ---- */

static json_t *meta_data(struct pool *p, const struct m_vm *vm, const struct m_initialization *init, bool is_eni)
{
	g_autoptr(GPtrArray) keys = init_keys(init ? init->authorized_ssh_keys : NULL);
	json_t *list = json_array(), *meta = json_pack("{s:s, s:s, s:s}", "instance-id", vm->id ? vm->id : "",
	                                               "local-hostname", init_host_name(vm, init), "dsmode", "local");

	for (guint i = 0; i < keys->len; i++)
		json_array_append_new(list, json_string(keys->pdata[i]));
	if (keys->len)
		json_object_set(meta, "public-keys", list);
	json_decref(list);
	if (is_eni)
		json_object_set_new(meta, "network-interfaces", json_string(init_eni(p, init)));
	return meta;
}

int init_nocloud(struct pool *p, const struct m_vm *vm, const struct m_initialization *init, GArray *files,
                 struct err *e)
{
	const bool has_network = init && init->nic_configurations.n;
	const bool is_eni = has_network && init->cloud_init_network_protocol == M_CLOUD_INIT_NETWORK_PROTOCOL_ENI;
	const char *user = init_user_data(p, vm, init, e);
	struct domain_payload_file f;

	if (!user)
		return -1;
	f = init_file(p, "meta-data", init_json_text(p, meta_data(p, vm, init, is_eni)));
	g_array_append_val(files, f);
	f = init_file(p, "user-data", user);
	g_array_append_val(files, f);
	if (has_network && !is_eni) {
		f = init_file(p, "network-config", init_json_text(p, network(p, init)));
		g_array_append_val(files, f);
	}
	return 0;
}
