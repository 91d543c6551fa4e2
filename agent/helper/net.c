/* SPDX-License-Identifier: Apache-2.0 */
/* Bridges: the changes that the agent makes to the kernel's network. */
#include <errno.h>
#include <linux/ethtool.h>
#include <linux/if_bridge.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "agent/helper/ops.h"
#include "base/auto.h"

enum { ANSWER_S = 5 };

struct request {
	struct nlmsghdr head;
	struct ifinfomsg info;
	char attributes[512];
};

/* --- the route socket --- */

static struct rtattr *put(struct request *r, unsigned short type, const void *data, size_t n)
{
	struct rtattr *a = (struct rtattr *)((char *)r + NLMSG_ALIGN(r->head.nlmsg_len));

	a->rta_type = type;
	a->rta_len = (unsigned short)RTA_LENGTH(n);
	if (n)
		memcpy(RTA_DATA(a), data, n);
	r->head.nlmsg_len = (uint32_t)(NLMSG_ALIGN(r->head.nlmsg_len) + RTA_ALIGN(a->rta_len));
	return a;
}

static void put_end(struct request *r, struct rtattr *nest)
{
	nest->rta_len = (unsigned short)((char *)r + r->head.nlmsg_len - (char *)nest);
}

static int exchange(struct request *r)
{
	auto_close int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
	const struct timeval limit = { .tv_sec = ANSWER_S };
	struct {
		struct nlmsghdr head;
		struct nlmsgerr error;
		char rest[1024];
	} answer;
	ssize_t n;

	if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit)) < 0 ||
	    send(fd, r, r->head.nlmsg_len, 0) < 0)
		return errno;
	n = recv(fd, &answer, sizeof(answer), 0);
	if (n < (ssize_t)(sizeof(answer.head) + sizeof(answer.error.error)) || answer.head.nlmsg_type != NLMSG_ERROR)
		return EIO;
	return -answer.error.error;
}

int net_bridge_add(const char *name, bool has_stp, int mtu)
{
	const uint32_t no_delay = 0, stp = has_stp, bytes = (uint32_t)mtu;
	struct request r = { .head = { .nlmsg_len = NLMSG_LENGTH(sizeof(struct ifinfomsg)),
		                       .nlmsg_type = RTM_NEWLINK,
		                       .nlmsg_flags = NLM_F_REQUEST | NLM_F_CREATE | NLM_F_ACK },
		             .info = { .ifi_flags = IFF_UP, .ifi_change = IFF_UP } };
	struct rtattr *info, *data;

	put(&r, IFLA_IFNAME, name, strlen(name) + 1);
	if (mtu > 0)
		put(&r, IFLA_MTU, &bytes, sizeof(bytes));
	info = put(&r, IFLA_LINKINFO, NULL, 0);
	put(&r, IFLA_INFO_KIND, "bridge", strlen("bridge"));
	data = put(&r, IFLA_INFO_DATA, NULL, 0);
	put(&r, IFLA_BR_FORWARD_DELAY, &no_delay, sizeof(no_delay));
	put(&r, IFLA_BR_STP_STATE, &stp, sizeof(stp));
	put_end(&r, data);
	put_end(&r, info);
	return exchange(&r);
}

/* --- controls --- */

static int control(unsigned long request, void *arg)
{
	auto_close int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	return fd < 0 || ioctl(fd, request, arg) < 0 ? errno : 0;
}

static struct ifreq named(const char *name)
{
	struct ifreq r = { 0 };

	memcpy(r.ifr_name, name, strnlen(name, IFNAMSIZ - 1));
	return r;
}

/* Only bridges are taken down or apart, whatever the agent asks for. */
static int need_bridge(const char *name)
{
	struct ethtool_drvinfo driver = { .cmd = ETHTOOL_GDRVINFO };
	struct ifreq r = named(name);
	int rc;

	r.ifr_data = (void *)&driver;
	rc = control(SIOCETHTOOL, &r);
	if (rc)
		return rc;
	return strncmp(driver.driver, "bridge", sizeof(driver.driver)) == 0 ? 0 : EPERM;
}

static int set_up(const char *name, bool is_up)
{
	struct ifreq r = named(name);
	int rc = control(SIOCGIFFLAGS, &r);

	if (rc)
		return rc;
	r.ifr_flags = (short)(is_up ? r.ifr_flags | IFF_UP : r.ifr_flags & ~IFF_UP);
	return control(SIOCSIFFLAGS, &r);
}

int net_bridge_del(const char *name)
{
	struct ifreq r = named(name); /* the kernel reads all of a name's 16 bytes */
	int rc;

	if (if_nametoindex(name) == 0)
		return 0;
	rc = need_bridge(name);
	if (rc == 0)
		rc = set_up(name, false);
	return rc ? rc : control(SIOCBRDELBR, r.ifr_name);
}

int net_bridge_join(const char *bridge, const char *port)
{
	struct ifreq r = named(bridge);
	int rc = need_bridge(bridge);

	if (rc)
		return rc;
	r.ifr_ifindex = (int)if_nametoindex(port);
	if (r.ifr_ifindex == 0)
		return ENODEV;
	rc = control(SIOCBRADDIF, &r);
	return rc ? rc : set_up(port, true);
}
