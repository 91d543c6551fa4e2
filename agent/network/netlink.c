/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/network/netlink.h"

#include <errno.h>
#include <glib.h>
#include <linux/ethtool.h>
#include <linux/if_bridge.h>
#include <linux/if_link.h>
#include <linux/sockios.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/auto.h"

enum { MOST_LINKS = 20000, BUFFER = 64 * 1024, ANSWER_S = 5 };

struct request {
	struct nlmsghdr head;
	struct ifinfomsg info;
	char attributes[512];
};

static int open_socket(void)
{
	const struct timeval limit = { .tv_sec = ANSWER_S };
	const int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);

	if (fd >= 0)
		setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
	return fd;
}

/* --- reading ------------------------------------------------------------------ */

static void copy_text(char *to, size_t size, const struct rtattr *a)
{
	const size_t n = MIN(RTA_PAYLOAD(a), size - 1);

	memcpy(to, RTA_DATA(a), n);
	to[n] = '\0';
}

static uint32_t number(const struct rtattr *a)
{
	uint32_t v = 0;

	memcpy(&v, RTA_DATA(a), MIN(RTA_PAYLOAD(a), sizeof(v)));
	return v;
}

static void copy_mac(char *to, size_t size, const struct rtattr *a)
{
	const unsigned char *b = RTA_DATA(a);

	if (RTA_PAYLOAD(a) == 6)
		g_snprintf(to, size, "%02x:%02x:%02x:%02x:%02x:%02x", b[0], b[1], b[2], b[3], b[4], b[5]);
}

static void take_stats(struct link *l, const struct rtattr *a)
{
	struct rtnl_link_stats64 s = { 0 };

	memcpy(&s, RTA_DATA(a), MIN(RTA_PAYLOAD(a), sizeof(s)));
	l->rx_bytes = s.rx_bytes;
	l->tx_bytes = s.tx_bytes;
	l->rx_errors = s.rx_errors;
	l->tx_errors = s.tx_errors;
	l->rx_dropped = s.rx_dropped;
	l->tx_dropped = s.tx_dropped;
}

/* What is particular to a kind. The kind comes before its data. */
static void take_data(struct link *l, struct rtattr *data)
{
	int left = (int)RTA_PAYLOAD(data);

	for (struct rtattr *a = RTA_DATA(data); RTA_OK(a, left); a = RTA_NEXT(a, left)) {
		const int type = a->rta_type & NLA_TYPE_MASK;

		if (strcmp(l->kind, "bridge") == 0 && type == IFLA_BR_STP_STATE)
			l->has_stp = number(a) != 0;
		else if (strcmp(l->kind, "vlan") == 0 && type == IFLA_VLAN_ID)
			l->vlan_id = number(a) & 0xffff;
		else if (strcmp(l->kind, "bond") == 0 && type == IFLA_BOND_MODE)
			l->bond_mode = (int)(number(a) & 0xff);
		else if (strcmp(l->kind, "bond") == 0 && type == IFLA_BOND_ACTIVE_SLAVE)
			if_indextoname(number(a), l->active_port);
	}
}

static void take_info(struct link *l, struct rtattr *info)
{
	int left = (int)RTA_PAYLOAD(info);

	for (struct rtattr *a = RTA_DATA(info); RTA_OK(a, left); a = RTA_NEXT(a, left)) {
		if ((a->rta_type & NLA_TYPE_MASK) == IFLA_INFO_KIND)
			copy_text(l->kind, sizeof(l->kind), a);
		else if ((a->rta_type & NLA_TYPE_MASK) == IFLA_INFO_DATA)
			take_data(l, a);
	}
}

static void take_attribute(struct link *l, struct rtattr *a)
{
	switch (a->rta_type & NLA_TYPE_MASK) {
	case IFLA_IFNAME: copy_text(l->name, sizeof(l->name), a); break;
	case IFLA_MTU: l->mtu = number(a); break;
	case IFLA_MASTER: l->master = (int)number(a); break;
	case IFLA_LINK: l->lower = (int)number(a); break;
	case IFLA_ADDRESS: copy_mac(l->mac, sizeof(l->mac), a); break;
	case IFLA_PERM_ADDRESS: copy_mac(l->permanent_mac, sizeof(l->permanent_mac), a); break;
	case IFLA_OPERSTATE:
		l->is_down = (number(a) & 0xff) == 2; /* IF_OPER_DOWN */
		break;
	case IFLA_STATS64: take_stats(l, a); break;
	case IFLA_LINKINFO: take_info(l, a); break;
	default: break;
	}
}

static void take_link(GArray *links, struct nlmsghdr *h)
{
	const struct ifinfomsg *info = NLMSG_DATA(h);
	int left = (int)IFLA_PAYLOAD(h);
	struct link l = { .index = info->ifi_index, .type = info->ifi_type, .flags = info->ifi_flags };

	for (struct rtattr *a = IFLA_RTA(info); RTA_OK(a, left); a = RTA_NEXT(a, left))
		take_attribute(&l, a);
	if (l.name[0] && links->len < MOST_LINKS)
		g_array_append_val(links, l);
}

/* True when there is more to come. */
static bool take_messages(GArray *links, void *buffer, ssize_t n)
{
	int left = (int)n;

	for (struct nlmsghdr *h = buffer; NLMSG_OK(h, left); h = NLMSG_NEXT(h, left)) {
		if (h->nlmsg_type == NLMSG_DONE || h->nlmsg_type == NLMSG_ERROR)
			return false;
		if (h->nlmsg_type == RTM_NEWLINK && h->nlmsg_len >= NLMSG_LENGTH(sizeof(struct ifinfomsg)))
			take_link(links, h);
	}
	return true;
}

struct link *netlink_links(struct pool *p, int *n)
{
	auto_close int fd = open_socket();
	g_autoptr(GArray) links = g_array_new(FALSE, FALSE, sizeof(struct link));
	g_autofree char *buffer = g_malloc(BUFFER);
	struct request r = { .head = { .nlmsg_len = NLMSG_LENGTH(sizeof(struct ifinfomsg)),
		                       .nlmsg_type = RTM_GETLINK,
		                       .nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP } };
	struct link *copy;

	*n = 0;
	if (fd < 0 || send(fd, &r, r.head.nlmsg_len, 0) < 0)
		return NULL;
	for (;;) {
		const ssize_t got = recv(fd, buffer, BUFFER, 0);

		if (got <= 0 || !take_messages(links, buffer, got))
			break;
	}
	copy = POOL_ARRAY(p, struct link, links->len + 1);
	if (links->len)
		memcpy(copy, links->data, links->len * sizeof(*copy));
	*n = (int)links->len;
	return copy;
}

const struct link *netlink_find(const struct link *links, int n, const char *name)
{
	for (int i = 0; i < n; i++)
		if (strcmp(links[i].name, name) == 0)
			return &links[i];
	return NULL;
}

const struct link *netlink_by_index(const struct link *links, int n, int index)
{
	for (int i = 0; i < n; i++)
		if (links[i].index == index)
			return &links[i];
	return NULL;
}

int64_t netlink_speed(const char *name, int64_t fallback)
{
	auto_close int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	struct ethtool_cmd cmd = { .cmd = ETHTOOL_GSET };
	struct ifreq r = { .ifr_data = (void *)&cmd };
	uint32_t speed;

	g_strlcpy(r.ifr_name, name, sizeof(r.ifr_name));
	if (fd < 0 || ioctl(fd, SIOCETHTOOL, &r) < 0)
		return fallback;
	speed = (uint32_t)cmd.speed_hi << 16 | cmd.speed;
	return speed > 0 && speed < 0x7fffffff ? (int64_t)speed : fallback;
}
