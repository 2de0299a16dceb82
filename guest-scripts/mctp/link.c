// SPDX-License-Identifier: GPL-2.0
/*
 * Links, addresses and routes: rtnetlink (include/uapi/linux/rtnetlink.h), and
 * what sysfs says of interfaces.
 */

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <linux/rtnetlink.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "mctp.h"

#define SOL_NETLINK	270
#define ARPHRD_MCTP	290

struct request {
	struct nlmsghdr nlh;
	union {
		struct ifinfomsg link;
		struct ifaddrmsg addr;
		struct rtmsg route;
		char space[256];
	} u;
};

static struct rtattr *add_attr(struct request *req, int type, const void *data,
			       size_t len)
{
	struct rtattr *rta;

	rta = (void *)((char *)req + NLMSG_ALIGN(req->nlh.nlmsg_len));
	rta->rta_type = type;
	rta->rta_len = RTA_LENGTH(len);
	if (len)
		memcpy(RTA_DATA(rta), data, len);
	req->nlh.nlmsg_len = NLMSG_ALIGN(req->nlh.nlmsg_len) +
			     RTA_ALIGN(rta->rta_len);
	return rta;
}

/* Sends the request; returns 0 or the kernel's errno. */
static int netlink(struct request *req)
{
	struct {
		struct nlmsghdr nlh;
		struct nlmsgerr err;
		char space[512];
	} answer;
	const size_t head = NLMSG_LENGTH(sizeof(answer.err));
	struct rtattr *rta = (void *)((char *)&answer + head);
	int fd, one = 1;
	ssize_t len;

	req->nlh.nlmsg_flags |= NLM_F_REQUEST | NLM_F_ACK;
	req->nlh.nlmsg_seq = 1;
	fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
	if (fd < 0)
		die("no netlink socket: %m. The kernel needs CONFIG_NET");
	/* Old kernels do not have these: then the number must do. */
	setsockopt(fd, SOL_NETLINK, NETLINK_CAP_ACK, &one, sizeof(one));
	setsockopt(fd, SOL_NETLINK, NETLINK_EXT_ACK, &one, sizeof(one));
	if (send(fd, req, req->nlh.nlmsg_len, 0) < 0)
		die("cannot send to netlink: %m");
	len = recv(fd, &answer, sizeof(answer), 0);
	if (len < (ssize_t)head || answer.nlh.nlmsg_type != NLMSG_ERROR)
		die("netlink answers something else than an acknowledgement");
	close(fd);
	if (answer.nlh.nlmsg_flags & NLM_F_ACK_TLVS)
		for (len -= head; RTA_OK(rta, len); rta = RTA_NEXT(rta, len))
			if (rta->rta_type == NLMSGERR_ATTR_MSG)
				snprintf(kernel_says, sizeof(kernel_says),
					 " (%.*s)", (int)RTA_PAYLOAD(rta),
					 (char *)RTA_DATA(rta));
	return -answer.err.error;
}

int link_set(const char *iface, unsigned int flags, unsigned int mask,
		    uint32_t mtu)
{
	struct request req = {
		.nlh.nlmsg_len = NLMSG_LENGTH(sizeof(req.u.link)),
		.nlh.nlmsg_type = RTM_NEWLINK,
		.u.link.ifi_index = iface_index(iface),
		.u.link.ifi_flags = flags,
		.u.link.ifi_change = mask,
	};
	int err;

	if (mtu)
		add_attr(&req, IFLA_MTU, &mtu, sizeof(mtu));
	err = netlink(&req);
	if (err)
		die("cannot change %s: %s%s", iface, strerror(err), hint(err));
	return OK;
}

/* What is there already is no error: scripts may run twice. */
int address_add(uint8_t eid, const char *iface)
{
	struct request req = {
		.nlh.nlmsg_len = NLMSG_LENGTH(sizeof(req.u.addr)),
		.nlh.nlmsg_type = RTM_NEWADDR,
		.nlh.nlmsg_flags = NLM_F_CREATE | NLM_F_EXCL,
		.u.addr.ifa_family = AF_MCTP,
		.u.addr.ifa_index = iface_index(iface),
	};
	int err;

	add_attr(&req, IFA_LOCAL, &eid, sizeof(eid));
	err = netlink(&req);
	if (err && err != EEXIST)
		die("cannot give %s the EID %u: %s%s", iface, eid,
		    strerror(err), hint(err));
	return OK;
}

int route_add(uint8_t eid, const char *iface, uint32_t mtu)
{
	struct request req = {
		.nlh.nlmsg_len = NLMSG_LENGTH(sizeof(req.u.route)),
		.nlh.nlmsg_type = RTM_NEWROUTE,
		.nlh.nlmsg_flags = NLM_F_CREATE | NLM_F_EXCL,
		.u.route.rtm_family = AF_MCTP,
		.u.route.rtm_type = RTN_UNICAST,
		.u.route.rtm_dst_len = 0,	/* no further EIDs */
	};
	uint32_t index = iface_index(iface);
	struct rtattr *metrics;
	int err;

	add_attr(&req, RTA_DST, &eid, sizeof(eid));
	add_attr(&req, RTA_OIF, &index, sizeof(index));
	if (mtu) {
		metrics = add_attr(&req, RTA_METRICS | NLA_F_NESTED, NULL, 0);
		add_attr(&req, RTAX_MTU, &mtu, sizeof(mtu));
		metrics->rta_len = (char *)&req + req.nlh.nlmsg_len -
				   (char *)metrics;
	}
	err = netlink(&req);
	if (err && err != EEXIST)
		die("cannot route EID %u to %s: %s%s", eid, iface,
		    strerror(err), hint(err));
	return OK;
}

static int is_mctp(const char *name)
{
	char path[NAME_MAX + 32];
	int type = 0;
	FILE *f;

	snprintf(path, sizeof(path), "/sys/class/net/%s/type", name);
	f = fopen(path, "r");
	if (!f)
		return 0;
	if (fscanf(f, "%d", &type) != 1)
		type = 0;
	fclose(f);
	return type == ARPHRD_MCTP;
}

int link_wait(const char *iface, unsigned long timeout_ms)
{
	const struct timespec pause = { .tv_nsec = 10 * 1000 * 1000 };
	uint64_t end = now_us() + timeout_ms * 1000;
	struct dirent *entry;
	DIR *dir;

	for (;;) {
		dir = opendir("/sys/class/net");
		if (!dir)
			die("cannot list /sys/class/net: %m. Mount sysfs; the kernel needs CONFIG_NET and CONFIG_SYSFS");
		while ((entry = readdir(dir))) {
			if (iface ? strcmp(entry->d_name, iface) :
				    !is_mctp(entry->d_name))
				continue;
			puts(entry->d_name);
			closedir(dir);
			return OK;
		}
		closedir(dir);
		if (now_us() >= end)
			break;
		nanosleep(&pause, NULL);
	}
	fprintf(stderr, "# mctp: no interface %s after %lu ms: is the driver loaded, and the device in the ACPI tables? See dmesg\n",
		iface ? iface : "for MCTP", timeout_ms);
	return DIFFERS;
}
