/* SPDX-License-Identifier: Apache-2.0 */
/* What a host reports of itself: NICs, statistics, network attachments. Nothing of it is in the journal. */
#include <stdlib.h>
#include <string.h>

#include "manager/api/generic.h"
#include "manager/api/statistics.h"
#include "manager/clusters/clusters.h"
#include "manager/hosts/host_history.h"
#include "manager/hosts/host_int.h"
#include "manager/networks/networks.h"

static const char *text(json_t *o, const char *key) { return json_string_value(json_object_get(o, key)); }

static double number(json_t *v)
{
	return json_is_string(v) ? g_ascii_strtod(json_string_value(v), NULL) : json_number_value(v);
}

/* ---- NICs ---- */

static bool has_port(json_t *network, const char *nic)
{
	json_t *ports = json_object_get(network, "ports");
	size_t i;
	json_t *v;

	json_array_foreach (ports, i, v)
		if (g_strcmp0(json_string_value(v), nic) == 0)
			return true;
	return g_strcmp0(text(network, "southbound"), nic) == 0 || g_strcmp0(text(network, "iface"), nic) == 0;
}

static const char *network_on(struct call *c, const char *host_id, const char *nic, bool *is_bridged)
{
	const struct m_host *h = INV_GET(c->core->inv, HOST, host, host_id);
	json_t *networks = json_object_get(host_caps(c->core, host_id), "networks"), *net;
	const char *dc = h ? cluster_data_center(c->core, h->cluster.id) : NULL, *name;

	json_object_foreach (networks, name, net)
		if (has_port(net, nic))
			INV_EACH_BY (e, c->core->inv, KIND_NETWORK, IDX_NETWORK_data_center, dc)
				if (g_strcmp0(ENTITY_OBJ(e, network)->vdsm_name, name) == 0) {
					*is_bridged = json_is_true(json_object_get(net, "bridged"));
					return e->id;
				}
	return NULL;
}

static void set_ip(struct call *c, struct m_host_nic *n, json_t *dev)
{
	const char *addr = text(dev, "addr");

	n->boot_protocol = json_is_true(json_object_get(dev, "dhcpv4")) ? M_BOOT_PROTOCOL_DHCP
	                   : addr && *addr                              ? M_BOOT_PROTOCOL_STATIC
	                                                                : M_BOOT_PROTOCOL_NONE;
	n->ip = m_new(c->pool, &M_TYPE_ip);
	n->ip->version = M_IP_VERSION_V4;
	if (addr && *addr) {
		n->ip->address = pool_strdup(c->pool, addr);
		n->ip->netmask = pool_strdup(c->pool, text(dev, "netmask"));
		n->ip->gateway = pool_strdup(c->pool, text(dev, "gateway"));
	}
	n->ipv6 = m_new(c->pool, &M_TYPE_ip);
	n->ipv6->version = M_IP_VERSION_V6;
	n->ipv6_boot_protocol = M_BOOT_PROTOCOL_NONE;
}

static struct m_host_nic *make_nic(struct call *c, const char *host_id, const char *name, json_t *dev)
{
	struct m_host_nic *n = m_new(c->pool, &M_TYPE_host_nic);
	json_t *stats = json_object_get(json_object_get(host_stats(c->core, host_id), "network"), name);
	bool bridged = false;
	const char *net = network_on(c, host_id, name, &bridged);
	uuid_text id;

	uuid_derive(host_id, name, id);
	n->id = pool_strdup(c->pool, id);
	n->name = pool_strdup(c->pool, name);
	REF_SET(c->pool, n->host, host_id);
	REF_SET(c->pool, n->network, net);
	M_SET(n, bridged, bridged);
	n->mac = m_new(c->pool, &M_TYPE_mac);
	n->mac->address = pool_strdup(c->pool, text(dev, "hwaddr") ? text(dev, "hwaddr") : "");
	M_SET(n, mtu, (int64_t)number(json_object_get(dev, "mtu")));
	if (number(json_object_get(dev, "speed")) > 0)
		M_SET(n, speed, (int64_t)number(json_object_get(dev, "speed")) * 1000000);
	n->status = g_strcmp0(text(stats, "state"), "up") == 0 || g_strcmp0(text(dev, "operstate"), "up") == 0
	                ? M_NIC_STATUS_UP
	                : M_NIC_STATUS_DOWN;
	set_ip(c, n, dev);
	return n;
}

static void **make_nics(struct call *c, const char *host_id, size_t *n)
{
	json_t *nics = json_object_get(host_caps(c->core, host_id), "nics"), *dev;
	void **list = POOL_ARRAY(c->pool, void *, json_object_size(nics) + 1);
	const char *name;

	*n = 0;
	json_object_foreach (nics, name, dev)
		list[(*n)++] = make_nic(c, host_id, name, dev);
	return list;
}

static int nic_list(struct call *c, struct err *e)
{
	size_t n;
	void **list;

	if (!call_entity(c, 0, KIND_HOST, e))
		return -1;
	list = make_nics(c, c->ids[0], &n);
	return call_reply_list(c, &M_TYPE_host_nic, list, n);
}

static struct m_host_nic *find_nic(struct call *c, struct err *e)
{
	size_t n;
	void **list;

	if (!call_entity(c, 0, KIND_HOST, e))
		return NULL;
	list = make_nics(c, c->ids[0], &n);
	for (size_t i = 0; i < n; i++)
		if (strcmp(((struct m_host_nic *)list[i])->id, c->ids[1]) == 0)
			return list[i];
	err_set(e, ERR_NO_ENTITY, "The host has no NIC %s.", c->ids[1]);
	return NULL;
}

static int nic_get(struct call *c, struct err *e)
{
	struct m_host_nic *n = find_nic(c, e);
	return n ? call_reply_entity(c, &M_TYPE_host_nic, n) : -1;
}

/* ---- network attachments: which networks are on which NICs ---- */

static int attachment_list(struct call *c, struct err *e)
{
	size_t n, count = 0;
	void **nics, **list;

	if (!call_entity(c, 0, KIND_HOST, e))
		return -1;
	nics = make_nics(c, c->ids[0], &n);
	list = POOL_ARRAY(c->pool, void *, n + 1);
	for (size_t i = 0; i < n; i++) {
		struct m_host_nic *nic = nics[i];
		struct m_network_attachment *a;
		uuid_text id;

		if (!nic->network.id)
			continue;
		a = m_new(c->pool, &M_TYPE_network_attachment);
		uuid_derive(nic->id, nic->network.id, id);
		a->id = pool_strdup(c->pool, id);
		a->host.id = nic->host.id;
		a->network.id = nic->network.id;
		a->host_nic.id = nic->id;
		list[count++] = a;
	}
	return call_reply_list(c, &M_TYPE_network_attachment, list, count);
}

/* ---- statistics (served for hosts by the common list of statistics) ---- */

size_t host_statistics(struct call *c, const char *host_id, void **list, size_t max)
{
	const struct m_host *h = INV_GET(c->core->inv, HOST, host, host_id);
	json_t *s = host_stats(c->core, host_id);
	double total = h ? (double)M_GET(h, memory, 0) : 0, used = total * number(json_object_get(s, "memUsed")) / 100;
	size_t n;
	const struct statistic rows[] = {
		{ "memory.total", "Total memory", M_STATISTIC_UNIT_BYTES, total },
		{ "memory.used", "Used memory", M_STATISTIC_UNIT_BYTES, used },
		{ "memory.free", "Free memory", M_STATISTIC_UNIT_BYTES,
		  number(json_object_get(s, "memFree")) * 1048576 },
		{ "memory.shared", "Shared memory", M_STATISTIC_UNIT_BYTES,
		  number(json_object_get(s, "memShared")) * 1048576 },
		{ "swap.total", "Total swap", M_STATISTIC_UNIT_BYTES,
		  number(json_object_get(s, "swapTotal")) * 1048576 },
		{ "memory.buffers", "IO buffers", M_STATISTIC_UNIT_BYTES,
		  number(json_object_get(s, "memBuffers")) * 1048576 },
		{ "memory.cached", "OS caches", M_STATISTIC_UNIT_BYTES,
		  number(json_object_get(s, "memCached")) * 1048576 },
		{ "swap.free", "Free swap", M_STATISTIC_UNIT_BYTES, number(json_object_get(s, "swapFree")) * 1048576 },
		{ "swap.used", "Used swap", M_STATISTIC_UNIT_BYTES,
		  (number(json_object_get(s, "swapTotal")) - number(json_object_get(s, "swapFree"))) * 1048576 },
		{ "swap.cached", "Swap also on memory", M_STATISTIC_UNIT_BYTES,
		  number(json_object_get(s, "swapCached")) * 1048576 },
		{ "ksm.cpu.current", "KSM CPU usage", M_STATISTIC_UNIT_PERCENT, number(json_object_get(s, "ksmCpu")) },
		{ "cpu.current.user", "User CPU usage", M_STATISTIC_UNIT_PERCENT,
		  number(json_object_get(s, "cpuUser")) },
		{ "cpu.current.system", "System CPU usage", M_STATISTIC_UNIT_PERCENT,
		  number(json_object_get(s, "cpuSys")) },
		{ "cpu.current.idle", "Idle CPU", M_STATISTIC_UNIT_PERCENT, number(json_object_get(s, "cpuIdle")) },
		{ "cpu.load.avg.5m", "CPU five minute load average", M_STATISTIC_UNIT_PERCENT,
		  number(json_object_get(s, "cpuLoad")) },
		{ "boot.time", "Boot time of the machine", M_STATISTIC_UNIT_NONE,
		  number(json_object_get(s, "bootTime")) },
	};

	n = statistics_make(c, host_id, rows, G_N_ELEMENTS(rows), list, max);
	return n + statistics_history(c, host_id, host_history(c->core, host_id), list + n, max - n);
}

/* Bytes a second between the last two reports. */
static double rate(json_t *now, json_t *before, const char *name)
{
	const double seconds =
	    number(json_object_get(now, "sampleTime")) - number(json_object_get(before, "sampleTime"));
	const double bytes = number(json_object_get(now, name)) - number(json_object_get(before, name));

	return before && seconds > 0 && bytes > 0 ? bytes / seconds : 0;
}

size_t host_nic_statistics(struct call *c, const char *nic_id, void **list, size_t max)
{
	json_t *all = json_object_get(host_stats(c->core, c->ids[0]), "network"), *now = NULL, *before, *dev;
	const char *name, *mine = NULL;
	struct err hidden = ERR_INIT;

	if (!call_visible(c, 0, KIND_HOST, &hidden))
		return 0;
	json_object_foreach (all, name, dev) {
		uuid_text id;

		uuid_derive(c->ids[0], name, id);
		if (strcmp(id, nic_id) == 0) {
			mine = name;
			now = dev;
		}
	}
	if (!mine)
		return 0;
	before = json_object_get(json_object_get(host_rt(c->core, c->ids[0])->stats_before, "network"), mine);
	const struct statistic rows[] = {
		{ "data.current.rx", "Receive data rate", M_STATISTIC_UNIT_BYTES_PER_SECOND, rate(now, before, "rx") },
		{ "data.current.tx", "Transmit data rate", M_STATISTIC_UNIT_BYTES_PER_SECOND, rate(now, before, "tx") },
		{ "data.current.rx.bps", "Receive data rate", M_STATISTIC_UNIT_BITS_PER_SECOND,
		  8 * rate(now, before, "rx") },
		{ "data.current.tx.bps", "Transmit data rate", M_STATISTIC_UNIT_BITS_PER_SECOND,
		  8 * rate(now, before, "tx") },
		{ "errors.total.rx", "Total Receive errors", M_STATISTIC_UNIT_NONE,
		  number(json_object_get(now, "rxErrors")) },
		{ "errors.total.tx", "Total transmit errors", M_STATISTIC_UNIT_NONE,
		  number(json_object_get(now, "txErrors")) },
		{ "data.total.rx", "Total received data", M_STATISTIC_UNIT_BYTES, number(json_object_get(now, "rx")) },
		{ "data.total.tx", "Total transmitted data", M_STATISTIC_UNIT_BYTES,
		  number(json_object_get(now, "tx")) },
	};

	return statistics_make(c, nic_id, rows, G_N_ELEMENTS(rows), list, max);
}

const struct api_op HOST_DEVICE_OPS[] = {
	ROW("host_nics.list", nic_list, NO_KIND),
	ROW("host_nic.get", nic_get, NO_KIND),
	ROW("network_attachments.list", attachment_list, NO_KIND),
	{ .name = NULL },
};
