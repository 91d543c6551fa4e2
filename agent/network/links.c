/* SPDX-License-Identifier: Apache-2.0 */
/* Devices, addresses and bridges of the kernel. */
#include <arpa/inet.h>
#include <glib.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <string.h>
#include <sys/socket.h>

#include "agent/helper/helper.h"
#include "agent/host/system.h"
#include "agent/network/netlink.h"
#include "agent/network/network.h"
#include "base/auto.h"

bool link_exists(const char *name) { return if_nametoindex(name) != 0; }

bool link_is_nic_of(const struct link *l)
{
	static const char *const HIDDEN[] = { "lo",      "vnet*",    "tap*", "ifb*", "virbr*",
		                              "docker*", "macvtap*", "w*",   "usb*" };
	static const char *const KINDS[] = { "", "veth", "dummy", NULL };

	for (size_t i = 0; i < G_N_ELEMENTS(HIDDEN); i++)
		if (g_pattern_match_simple(HIDDEN[i], l->name))
			return false;
	return l->type == 1 && g_strv_contains(KINDS, l->kind); /* Ethernet */
}

static bool is_kind(const char *name, bool (*test)(const struct link *))
{
	auto_pool p = pool_new();
	int n;
	const struct link *links = netlink_links(p, &n), *l = netlink_find(links, n, name);

	return l && test(l);
}

static bool is_bridge(const struct link *l) { return strcmp(l->kind, "bridge") == 0; }

bool link_is_bridge(const char *name) { return is_kind(name, is_bridge); }

bool link_is_nic(const char *name) { return is_kind(name, link_is_nic_of); }

/* --- addresses ---------------------------------------------------------------------- */

static int prefix_of(const struct sockaddr *mask)
{
	const bool is_v4 = mask && mask->sa_family == AF_INET;
	const unsigned char *b;
	int n = 0;

	if (!mask)
		return 0;
	b = is_v4 ? (const unsigned char *)&((const struct sockaddr_in *)mask)->sin_addr
	          : (const unsigned char *)&((const struct sockaddr_in6 *)mask)->sin6_addr;
	for (int i = 0; i < (is_v4 ? 4 : 16); i++)
		n += __builtin_popcount(b[i]);
	return n;
}

static bool text_of(const struct sockaddr *sa, char out[INET6_ADDRSTRLEN])
{
	if (sa && sa->sa_family == AF_INET)
		return inet_ntop(AF_INET, &((const struct sockaddr_in *)sa)->sin_addr, out, INET6_ADDRSTRLEN);
	if (sa && sa->sa_family == AF_INET6)
		return inet_ntop(AF_INET6, &((const struct sockaddr_in6 *)sa)->sin6_addr, out, INET6_ADDRSTRLEN);
	return false;
}

static bool is_link_local(const struct sockaddr *sa)
{
	return sa->sa_family == AF_INET6 && IN6_IS_ADDR_LINKLOCAL(&((const struct sockaddr_in6 *)sa)->sin6_addr);
}

/* Call fn for each address of the device (NULL: of all) until it returns true. */
typedef bool (*address_fn)(const struct ifaddrs *i, const char *text, void *arg);
static void each_address(const char *name, address_fn fn, void *arg)
{
	struct ifaddrs *all = NULL;
	char text[INET6_ADDRSTRLEN];

	if (getifaddrs(&all) < 0)
		return;
	for (const struct ifaddrs *i = all; i; i = i->ifa_next)
		if ((!name || strcmp(i->ifa_name, name) == 0) && text_of(i->ifa_addr, text) && fn(i, text, arg))
			break;
	freeifaddrs(all);
}

struct finding {
	struct pool *pool;
	const char *wanted, *found;
};

static bool take_device(const struct ifaddrs *i, const char *text, void *arg)
{
	struct finding *f = arg;

	if (strcmp(text, f->wanted) == 0)
		f->found = pool_strdup(f->pool, i->ifa_name);
	return f->found;
}

const char *network_device_of(struct pool *p, const char *address)
{
	struct finding f = { .pool = p, .wanted = address };

	if (g_str_has_prefix(address, "::ffff:"))
		f.wanted += strlen("::ffff:");
	each_address(NULL, take_device, &f);
	return f.found ? f.found : "";
}

static bool take_ipv4(const struct ifaddrs *i, const char *text, void *arg)
{
	struct finding *f = arg;

	if (i->ifa_addr->sa_family == AF_INET)
		f->found = pool_strdup(f->pool, text);
	return f->found;
}

const char *link_ipv4(struct pool *p, const char *name)
{
	struct finding f = { .pool = p };

	each_address(name, take_ipv4, &f);
	return f.found;
}

static bool take_any(const struct ifaddrs *i, const char *text, void *arg)
{
	if (!is_link_local(i->ifa_addr))
		*(bool *)arg = true;
	return *(bool *)arg;
}

bool link_has_address(const char *name)
{
	bool has = false;

	each_address(name, take_any, &has);
	return has;
}

static bool add_address(const struct ifaddrs *i, const char *text, void *arg)
{
	const bool is_v4 = i->ifa_addr->sa_family == AF_INET;
	json_t *j = arg;
	char mask[INET6_ADDRSTRLEN];

	if (is_link_local(i->ifa_addr))
		return false;
	json_array_append_new(json_object_get(j, is_v4 ? "ipv4addrs" : "ipv6addrs"),
	                      json_sprintf("%s/%d", text, prefix_of(i->ifa_netmask)));
	if (is_v4 && !*json_string_value(json_object_get(j, "addr")) && text_of(i->ifa_netmask, mask)) {
		json_object_set_new(j, "addr", json_string(text));
		json_object_set_new(j, "netmask", json_string(mask));
	}
	return false;
}

/* The default route over this device, "" if there is none. */
static char *gateway_of(struct pool *p, const char *name)
{
	g_auto(GStrv) lines = g_strsplit(system_read(p, "/proc/net/route") ?: "", "\n", 10000);

	for (char **l = lines; *l; l++) {
		char device[64], text[INET_ADDRSTRLEN];
		unsigned dest, gateway;

		if (sscanf(*l, "%63s %x %x", device, &dest, &gateway) != 3 || dest != 0 || gateway == 0 ||
		    strcmp(device, name) != 0)
			continue;
		return pool_strdup(p, inet_ntop(AF_INET, &(struct in_addr){ gateway }, text, sizeof(text)));
	}
	return pool_strdup(p, "");
}

void link_add_addresses(json_t *j, const char *name)
{
	auto_pool p = pool_new();
	const char *gateway = gateway_of(p, name);

	json_object_set_new(j, "addr", json_string(""));
	json_object_set_new(j, "netmask", json_string(""));
	json_object_set_new(j, "ipv4addrs", json_array());
	json_object_set_new(j, "ipv6addrs", json_array());
	each_address(name, add_address, j);
	json_object_set_new(j, "gateway", json_string(gateway));
	json_object_set_new(j, "ipv4defaultroute", json_boolean(*gateway));
	json_object_set_new(j, "ipv6gateway", json_string("::"));
	json_object_set_new(j, "dhcpv4", json_false());
	json_object_set_new(j, "dhcpv6", json_false());
	json_object_set_new(j, "ipv6autoconf",
	                    json_boolean(system_read_int(p, 0, "/proc/sys/net/ipv6/conf/%s/autoconf", name) == 1));
}

/* --- bridges: what changes the kernel is the root helper's --------------------------- */

int link_bridge_add(const char *name, bool has_stp, int mtu, struct err *e)
{
	return helper_bridge_add(name, has_stp, mtu, e);
}

int link_bridge_del(const char *name, struct err *e) { return link_exists(name) ? helper_bridge_del(name, e) : 0; }

int link_bridge_join(const char *bridge, const char *port, struct err *e)
{
	auto_json *ports = link_bridge_port_list(bridge);
	json_t *p;
	size_t i;

	json_array_foreach (ports, i, p)
		if (strcmp(json_string_value(p), port) == 0)
			return 0;
	return helper_bridge_join(bridge, port, e);
}

json_t *link_bridge_port_list(const char *bridge)
{
	auto_pool p = pool_new();
	int n;
	const struct link *links = netlink_links(p, &n), *b = netlink_find(links, n, bridge);
	json_t *list = json_array();

	for (int i = 0; b && i < n; i++)
		if (links[i].master == b->index)
			json_array_append_new(list, json_string(links[i].name));
	return list;
}

int link_bridge_ports(const char *bridge, const char *except)
{
	auto_json *list = link_bridge_port_list(bridge);
	json_t *port;
	size_t i;
	int n = 0;

	json_array_foreach (list, i, port)
		n += !except || strcmp(json_string_value(port), except) != 0;
	return n;
}
