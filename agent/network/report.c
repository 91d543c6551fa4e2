/* SPDX-License-Identifier: Apache-2.0 */
/* What capabilities and statistics say about networks. */
#include <glib.h>
#include <string.h>

#include "agent/agent.h"
#include "agent/host/system.h"
#include "agent/network/network.h"
#include "agent/network/setup.h"

#define NET "/sys/class/net"

static void add_mtu(json_t *j, struct pool *p, const char *name)
{
	json_object_set_new(j, "mtu",
	                    json_sprintf("%lld", (long long)system_read_int(p, 1500, NET "/%s/mtu", name)));
}

static const char *text_or(const char *s, const char *fallback)
{
	return s && g_utf8_validate(s, -1, NULL) ? s : fallback;
}

static int64_t speed_of(struct pool *p, const char *name, int64_t fallback)
{
	const int64_t speed = system_read_int(p, fallback, NET "/%s/speed", name);

	return speed > 0 && speed < 0x7fffffff ? speed : fallback;
}

static json_t *nic_json(struct pool *p, const char *name)
{
	json_t *j = json_object();

	link_add_addresses(j, name);
	add_mtu(j, p, name);
	json_object_set_new(j, "hwaddr", json_string(text_or(system_readf(p, NET "/%s/address", name), "")));
	json_object_set_new(j, "speed", json_integer(speed_of(p, name, 0)));
	return j;
}

static json_t *bridge_json(struct pool *p, const char *name)
{
	json_t *j = json_object();

	link_add_addresses(j, name);
	add_mtu(j, p, name);
	json_object_set_new(j, "ports", link_bridge_port_list(name));
	json_object_set_new(
	    j, "stp", json_string(system_read_int(p, 0, NET "/%s/bridge/stp_state", name) ? "on" : "off"));
	json_object_set_new(j, "opts", json_object());
	return j;
}

static json_t *vlan_json(struct pool *p, const char *name)
{
	const char *text = system_readf(p, "/proc/net/vlan/%s", name);
	const char *id = text ? strstr(text, "VID: ") : NULL, *base = text ? strstr(text, "Device: ") : NULL;
	json_t *j = json_object();

	link_add_addresses(j, name);
	json_object_set_new(j, "mtu", json_integer(system_read_int(p, 1500, NET "/%s/mtu", name)));
	json_object_set_new(j, "vlanid", json_integer(id ? atoi(id + 5) : 0));
	json_object_set_new(j, "iface",
	                    json_stringn(base ? base + 8 : "", base ? strcspn(base + 8, " \n") : 0));
	return j;
}

static json_t *bond_json(struct pool *p, const char *name)
{
	const char *slaves = system_readf(p, NET "/%s/bonding/slaves", name);
	const char *active = system_readf(p, NET "/%s/bonding/active_slave", name);
	const char *mode = system_readf(p, NET "/%s/bonding/mode", name);
	g_auto(GStrv) each = g_strsplit(slaves ? slaves : "", " ", 100);
	json_t *j = nic_json(p, name), *list = json_array();

	for (char **s = each; *s; s++)
		if (**s)
			json_array_append_new(list, json_string(*s));
	json_object_set_new(j, "slaves", list);
	json_object_set_new(j, "active_slave", json_string(active ? active : ""));
	json_object_set_new(j, "opts",
	                    json_pack("{s:s%}", "mode", mode ? mode : "", strcspn(mode ? mode : "", " ")));
	json_object_set_new(j, "switch", json_string("legacy"));
	return j;
}

/* A network of ours as it is in the kernel; NULL when its device is gone. */
static json_t *network_json(struct pool *p, const char *name, const json_t *conf)
{
	const bool is_bridged = json_is_true(json_object_get(conf, "bridged"));
	const char *nic = json_string_value(json_object_get(conf, "nic"));
	const char *device = is_bridged ? name : nic;
	json_t *j;

	if (!device || !link_exists(device))
		return NULL;
	j = is_bridged ? bridge_json(p, name) : nic_json(p, nic);
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
	g_auto(GStrv) names = link_names();
	json_t *nics = json_object(), *bridges = json_object(), *bonds = json_object(),
	       *vlans = json_object();
	json_t *networks = json_object(), *conf;
	const char *name;

	for (char **n = names; *n; n++) {
		const char *uevent = system_readf(p, NET "/%s/uevent", *n);

		if (link_is_bridge(*n))
			json_object_set_new(bridges, *n, bridge_json(p, *n));
		else if (uevent && strstr(uevent, "DEVTYPE=vlan"))
			json_object_set_new(vlans, *n, vlan_json(p, *n));
		else if (uevent && strstr(uevent, "DEVTYPE=bond"))
			json_object_set_new(bonds, *n, bond_json(p, *n));
		else if (link_is_nic(*n))
			json_object_set_new(nics, *n, nic_json(p, *n));
	}
	json_object_del(bridges, DUMMY_BRIDGE);
	json_object_foreach((json_t *)network_running(a), name, conf)
	{
		json_t *j = network_json(p, name, conf);

		if (j)
			json_object_set_new(networks, name, j);
	}
	json_object_set_new(caps, "networks", networks);
	json_object_set_new(caps, "nics", nics);
	json_object_set_new(caps, "bridges", bridges);
	json_object_set_new(caps, "bondings", bonds);
	json_object_set_new(caps, "vlans", vlans);
	json_object_set_new(caps, "nameservers", nameservers(p));
	json_object_set_new(caps, "supportsIPv6",
	                    json_boolean(g_file_test("/proc/net/if_inet6", G_FILE_TEST_EXISTS)));
	json_object_set_new(caps, "netConfigDirty", json_string(network_is_dirty(a) ? "True" : "False"));
}

static void add_counter(json_t *j, struct pool *p, const char *name, const char *key, const char *file,
                        int64_t *sum)
{
	const int64_t v = system_read_int(p, 0, NET "/%s/statistics/%s", name, file);

	json_object_set_new(j, key, json_sprintf("%lld", (long long)v));
	if (sum)
		*sum += v;
}

void network_add_statistics(struct agent *a, json_t *stats)
{
	auto_pool p = pool_new();
	g_auto(GStrv) names = link_names();
	json_t *all = json_object();
	int64_t rx_dropped = 0, tx_dropped = 0;

	for (char **n = names; *n; n++) {
		const char *state;
		json_t *j;

		if (!link_is_nic(*n) && !link_is_bridge(*n) && strcmp(*n, "lo") != 0)
			continue;
		state = system_readf(p, NET "/%s/operstate", *n);
		j = json_object();
		json_object_set_new(j, "name", json_string(*n));
		json_object_set_new(j, "speed", json_sprintf("%lld", (long long)speed_of(p, *n, 1000)));
		json_object_set_new(j, "state",
		                    json_string(state && strcmp(state, "down") == 0 ? "down" : "up"));
		json_object_set_new(j, "sampleTime", json_real((double)loop_wall_ms(a->loop) / 1000));
		add_counter(j, p, *n, "rx", "rx_bytes", NULL);
		add_counter(j, p, *n, "tx", "tx_bytes", NULL);
		add_counter(j, p, *n, "rxErrors", "rx_errors", NULL);
		add_counter(j, p, *n, "txErrors", "tx_errors", NULL);
		add_counter(j, p, *n, "rxDropped", "rx_dropped", &rx_dropped);
		add_counter(j, p, *n, "txDropped", "tx_dropped", &tx_dropped);
		json_object_set_new(all, *n, j);
	}
	json_object_set_new(stats, "network", all);
	json_object_set_new(stats, "rxDropped", json_sprintf("%lld", (long long)rx_dropped));
	json_object_set_new(stats, "txDropped", json_sprintf("%lld", (long long)tx_dropped));
}
