/* SPDX-License-Identifier: Apache-2.0 */
/* What capabilities and statistics say about networks. */
#include <glib.h>
#include <string.h>

#include "agent/agent.h"
#include "agent/host/system.h"
#include "agent/network/netlink.h"
#include "agent/network/network.h"
#include "agent/network/setup.h"

/* All devices, read once for a report. */
struct view {
	struct pool *pool;
	const struct link *links;
	int n;
};

static json_t *mtu_of(const struct link *l) { return json_sprintf("%u", l->mtu); }

static json_t *nic_json(const struct link *l)
{
	json_t *j = json_object();

	link_add_addresses(j, l->name);
	json_object_set_new(j, "mtu", mtu_of(l));
	json_object_set_new(j, "hwaddr", json_string(l->mac));
	if (l->master && l->permanent_mac[0])
		json_object_set_new(j, "permhwaddr", json_string(l->permanent_mac));
	json_object_set_new(j, "speed", json_integer(netlink_speed(l->name, 0)));
	return j;
}

static json_t *ports_of(const struct view *v, const struct link *master)
{
	json_t *list = json_array();

	for (int i = 0; i < v->n; i++)
		if (v->links[i].master == master->index)
			json_array_append_new(list, json_string(v->links[i].name));
	return list;
}

static json_t *bridge_json(const struct view *v, const struct link *l)
{
	json_t *j = json_object();

	link_add_addresses(j, l->name);
	json_object_set_new(j, "mtu", mtu_of(l));
	json_object_set_new(j, "ports", ports_of(v, l));
	json_object_set_new(j, "stp", json_string(l->has_stp ? "on" : "off"));
	json_object_set_new(j, "opts", json_object());
	return j;
}

static json_t *vlan_json(const struct view *v, const struct link *l)
{
	const struct link *base = netlink_by_index(v->links, v->n, l->lower);
	json_t *j = json_object();

	link_add_addresses(j, l->name);
	json_object_set_new(j, "mtu", json_integer(l->mtu));
	json_object_set_new(j, "vlanid", json_integer(l->vlan_id));
	json_object_set_new(j, "iface", json_string(base ? base->name : ""));
	return j;
}

static json_t *bond_json(const struct view *v, const struct link *l)
{
	json_t *j = nic_json(l);

	json_object_set_new(j, "slaves", ports_of(v, l));
	json_object_set_new(j, "active_slave", json_string(l->active_port));
	json_object_set_new(j, "opts", json_pack("{s:o}", "mode", json_sprintf("%d", l->bond_mode)));
	json_object_set_new(j, "switch", json_string("legacy"));
	return j;
}

/* A network of ours as it is in the kernel; NULL when its device is gone. */
static json_t *network_json(const struct view *v, const char *name, const json_t *conf)
{
	const bool is_bridged = json_is_true(json_object_get(conf, "bridged"));
	const char *nic = json_string_value(json_object_get(conf, "nic"));
	const char *device = is_bridged ? name : nic;
	const struct link *l = device ? netlink_find(v->links, v->n, device) : NULL;
	json_t *j;

	if (!l)
		return NULL;
	j = is_bridged ? bridge_json(v, l) : nic_json(l);
	json_object_set_new(j, "bridged", json_boolean(is_bridged));
	json_object_set_new(j, "iface", json_string(device));
	if (!is_bridged)
		json_object_set_new(j, "interface", json_string(device));
	json_object_set_new(j, "southbound", json_string(nic ? nic : ""));
	json_object_set_new(j, "switch", json_string("legacy"));
	return j;
}

static json_t *nameservers(struct pool *p)
{
	g_auto(GStrv) lines = g_strsplit(system_read(p, "/etc/resolv.conf") ?: "", "\n", 100);
	json_t *list = json_array();

	for (char **l = lines; *l; l++)
		if (g_str_has_prefix(*l, "nameserver ") && g_utf8_validate(*l, -1, NULL))
			json_array_append_new(list, json_string(g_strstrip(*l + strlen("nameserver "))));
	return list;
}

void network_add_capabilities(struct agent *a, json_t *caps)
{
	auto_pool p = pool_new();
	struct view v = { .pool = p };
	json_t *nics = json_object(), *bridges = json_object(), *bonds = json_object(), *vlans = json_object();
	json_t *networks = json_object(), *conf;
	const char *name;

	v.links = netlink_links(p, &v.n);
	for (int i = 0; i < v.n; i++) {
		const struct link *l = &v.links[i];

		if (strcmp(l->kind, "bridge") == 0)
			json_object_set_new(bridges, l->name, bridge_json(&v, l));
		else if (strcmp(l->kind, "vlan") == 0)
			json_object_set_new(vlans, l->name, vlan_json(&v, l));
		else if (strcmp(l->kind, "bond") == 0)
			json_object_set_new(bonds, l->name, bond_json(&v, l));
		else if (link_is_nic_of(l))
			json_object_set_new(nics, l->name, nic_json(l));
	}
	json_object_del(bridges, DUMMY_BRIDGE);
	json_object_foreach ((json_t *)network_running(a), name, conf) {
		json_t *j = network_json(&v, name, conf);

		if (j)
			json_object_set_new(networks, name, j);
	}
	json_object_set_new(caps, "networks", networks);
	json_object_set_new(caps, "nics", nics);
	json_object_set_new(caps, "bridges", bridges);
	json_object_set_new(caps, "bondings", bonds);
	json_object_set_new(caps, "vlans", vlans);
	json_object_set_new(caps, "nameservers", nameservers(p));
	json_object_set_new(caps, "supportsIPv6", json_boolean(g_file_test("/proc/net/if_inet6", G_FILE_TEST_EXISTS)));
	json_object_set_new(caps, "netConfigDirty", json_string(network_is_dirty(a) ? "True" : "False"));
}

static json_t *link_statistics(const struct link *l, double now_s)
{
	const struct {
		const char *key;
		uint64_t value;
	} counters[] = {
		{ "rx", l->rx_bytes },        { "tx", l->tx_bytes },          { "rxErrors", l->rx_errors },
		{ "txErrors", l->tx_errors }, { "rxDropped", l->rx_dropped }, { "txDropped", l->tx_dropped },
	};
	json_t *j = json_object();

	json_object_set_new(j, "name", json_string(l->name));
	json_object_set_new(j, "speed", json_sprintf("%lld", (long long)netlink_speed(l->name, 1000)));
	json_object_set_new(j, "state", json_string(l->is_down || !(l->flags & IFF_UP) ? "down" : "up"));
	json_object_set_new(j, "sampleTime", json_real(now_s));
	for (size_t i = 0; i < G_N_ELEMENTS(counters); i++)
		json_object_set_new(j, counters[i].key, json_sprintf("%llu", (unsigned long long)counters[i].value));
	return j;
}

void network_add_statistics(struct agent *a, json_t *stats)
{
	auto_pool p = pool_new();
	int n;
	const struct link *links = netlink_links(p, &n);
	json_t *all = json_object();
	uint64_t rx_dropped = 0, tx_dropped = 0;

	for (int i = 0; i < n; i++) {
		const struct link *l = &links[i];

		if (!link_is_nic_of(l) && strcmp(l->kind, "bridge") != 0 && strcmp(l->kind, "bond") != 0 &&
		    strcmp(l->kind, "vlan") != 0 && strcmp(l->name, "lo") != 0)
			continue;
		json_object_set_new(all, l->name, link_statistics(l, (double)loop_wall_ms(a->loop) / 1000));
		rx_dropped += l->rx_dropped;
		tx_dropped += l->tx_dropped;
	}
	json_object_set_new(stats, "network", all);
	json_object_set_new(stats, "rxDropped", json_sprintf("%llu", (unsigned long long)rx_dropped));
	json_object_set_new(stats, "txDropped", json_sprintf("%llu", (unsigned long long)tx_dropped));
}
