// SPDX-License-Identifier: GPL-2.0
/*
 * mctp - links, addresses, routes and messages of AF_MCTP, for test scripts.
 *
 * What was sent and received goes to standard output, one message a line, in
 * the form of KTAP diagnostics; so do errors, to standard error. Exit status: 0
 * done and as expected, 1 another answer than expected or none, 2 trouble of
 * our own.
 *
 * Messages are printed whole, type byte first. On the command line the type is
 * an option and the body follows: sockets of AF_MCTP do not carry the type in
 * the data (net/mctp/af_mctp.c; Documentation/networking/mctp.rst differs).
 */

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <limits.h>
#include <linux/mctp.h>
#include <linux/rtnetlink.h>
#include <poll.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

/* <net/if.h> and <linux/mctp.h> both define struct ifmap; this is all we need */
unsigned int if_nametoindex(const char *name);

#define SOL_MCTP	285
#define ARPHRD_MCTP	290

/* The kernel reassembles up to 64 KiB, type byte included. */
#define MSG_MAX		65536

enum { OK = 0, DIFFERS = 1, TROUBLE = 2 };

struct message {
	size_t len;
	uint8_t data[MSG_MAX];	/* type byte first */
};

static const char usage_text[] =
	"usage: mctp link wait [IFACE] [--timeout-ms N]\n"
	"       mctp link IFACE up|down|mtu N\n"
	"       mctp address add EID dev IFACE\n"
	"       mctp route add EID dev IFACE [mtu N]\n"
	"       mctp request --eid E --type T [--iface IFACE] [--timeout-ms N]\n"
	"                    [--expect HEX] [--title TEXT] [HEX...]\n"
	"       mctp listen --type T [--timeout-ms N] [--count N] [--ready FILE]\n"
	"                   [--expect HEX] [--title TEXT]\n"
	"\n"
	"link wait   waits for an MCTP interface and prints its name\n"
	"request     sends a request and prints the answer; EID 0 is whoever is at\n"
	"            the other end of IFACE\n"
	"listen      prints messages of a type that nobody here asked for; FILE is\n"
	"            made when the socket is bound\n"
	"HEX         the body, without the type byte: 80 02, or 8002\n"
	"--expect    the body that must come; ? stands for any digit\n"
	"\n"
	"example: mctp request --eid 9 --type 0 80 02     (Get Endpoint ID)\n";

__attribute__((noreturn, format(printf, 1, 2)))
static void die(const char *fmt, ...)
{
	va_list ap;

	fflush(stdout);
	fputs("# mctp: ", stderr);
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fputc('\n', stderr);
	exit(TROUBLE);
}

__attribute__((noreturn))
static void usage(void)
{
	fputs(usage_text, stderr);
	exit(TROUBLE);
}

static unsigned long number(const char *text, unsigned long min,
			    unsigned long max, const char *what)
{
	unsigned long n;
	char *end;

	errno = 0;
	n = strtoul(text, &end, 0);
	if (!*text || *text == '-' || *end || errno || n < min || n > max)
		die("%s: \"%s\" is not a number from %lu to %lu", what, text,
		    min, max);
	return n;
}

static int iface_index(const char *name)
{
	unsigned int index = if_nametoindex(name);

	if (!index)
		die("there is no interface %s: is the driver loaded? dmesg says why not; \"mctp link wait\" prints the name",
		    name);
	return index;
}

static uint64_t now_us(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000 + ts.tv_nsec / 1000;
}

/* ---- hexadecimal ------------------------------------------------------ */

static int digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if ((c | 0x20) >= 'a' && (c | 0x20) <= 'f')
		return (c | 0x20) - 'a' + 10;
	return -1;
}

/* Appends the bytes of text; with a mask, '?' is any digit. */
static void add_hex(struct message *msg, struct message *mask, const char *text)
{
	unsigned int digits = 0;
	const char *p;

	for (p = text; *p; p++) {
		int d = digit(*p), any = mask && *p == '?';

		if (*p == ' ')
			continue;
		if (d < 0 && !any)
			die("\"%s\": '%c' is not a hexadecimal digit", text, *p);
		if (!(digits++ & 1)) {
			if (msg->len == MSG_MAX)
				die("a message has at most %d bytes", MSG_MAX);
			msg->data[msg->len] = any ? 0 : d << 4;
			if (mask)
				mask->data[msg->len] = any ? 0 : 0xf0;
		} else {
			msg->data[msg->len] |= any ? 0 : d;
			if (mask)
				mask->data[msg->len] |= any ? 0 : 0x0f;
			msg->len++;
		}
	}
	if (digits & 1)
		die("\"%s\" has half a byte: write two digits a byte", text);
}

static void print_hex(const struct message *msg, const struct message *mask)
{
	size_t i;

	for (i = 0; i < msg->len; i++) {
		uint8_t b = msg->data[i], m = mask ? mask->data[i] : 0xff;

		putchar(m & 0xf0 ? "0123456789abcdef"[b >> 4] : '?');
		putchar(m & 0x0f ? "0123456789abcdef"[b & 15] : '?');
	}
}

/* Says where the two part, for someone who has to find out why. */
static int compare(const struct message *want, const struct message *mask,
		   const struct message *got)
{
	size_t i;

	for (i = 0; i < want->len && i < got->len; i++)
		if ((got->data[i] & mask->data[i]) != want->data[i])
			break;
	if (i == want->len && i == got->len)
		return OK;

	printf("# mctp # expected ");
	print_hex(want, mask);
	printf("\n# mctp # got ");
	print_hex(got, NULL);
	if (i < want->len && i < got->len)
		printf("\n# mctp # first difference at byte %zu\n", i);
	else
		printf("\n# mctp # %zu bytes, not %zu\n", got->len, want->len);
	return DIFFERS;
}

/* ---- netlink ---------------------------------------------------------- */

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
	ssize_t len;
	int fd;

	req->nlh.nlmsg_flags |= NLM_F_REQUEST | NLM_F_ACK;
	req->nlh.nlmsg_seq = 1;
	fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
	if (fd < 0)
		die("no netlink socket: %m. The kernel needs CONFIG_NET");
	if (send(fd, req, req->nlh.nlmsg_len, 0) < 0)
		die("cannot send to netlink: %m");
	len = recv(fd, &answer, sizeof(answer), 0);
	if (len < (ssize_t)NLMSG_LENGTH(sizeof(answer.err)) ||
	    answer.nlh.nlmsg_type != NLMSG_ERROR)
		die("netlink answers something else than an acknowledgement");
	close(fd);
	return -answer.err.error;
}

static const char *hint(int err)
{
	switch (err) {
	case EOPNOTSUPP:
	case EAFNOSUPPORT:
		return ". The kernel needs CONFIG_MCTP=y";
	case EPERM:
	case EACCES:
		return ". Run it as root";
	case EINVAL:
		return ". EIDs are 8 to 254; an MTU counts the 4-byte header and is between the interface's limits";
	case ENODEV:
		return ". Not an interface that MCTP knows";
	case ENOENT:
	case EBUSY:
		return ". Has another driver, or nobody, the PCC channel? See dmesg";
	default:
		return "";
	}
}

static int link_set(const char *iface, unsigned int flags, unsigned int mask,
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
static int address_add(uint8_t eid, const char *iface)
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

static int route_add(uint8_t eid, const char *iface, uint32_t mtu)
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

/* ---- waiting for an interface ----------------------------------------- */

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

static int link_wait(const char *iface, unsigned long timeout_ms)
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

/* ---- messages --------------------------------------------------------- */

struct options {
	int eid;
	int type;
	const char *iface;
	unsigned long timeout_ms;
	unsigned long count;
	const char *expect;
	const char *title;
	const char *ready;
};

static int mctp_socket(void)
{
	int fd = socket(AF_MCTP, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	if (fd < 0)
		die("no MCTP socket: %m%s", hint(errno));
	return fd;
}

/* Waits for a message until end; 0 when none came. */
static int receive(int fd, struct message *msg, struct sockaddr_mctp_ext *from,
		   uint64_t end)
{
	struct pollfd pfd = { .fd = fd, .events = POLLIN };
	socklen_t addrlen = sizeof(*from);
	uint64_t now = now_us();
	ssize_t len;

	/* Round up: the last fraction of a millisecond is not for spinning. */
	if (poll(&pfd, 1, end > now ? (end - now + 999) / 1000 : 0) == 0)
		return 0;
	len = recvfrom(fd, msg->data + 1, sizeof(msg->data) - 1, MSG_TRUNC,
		       (struct sockaddr *)from, &addrlen);
	if (len < 0)
		die("cannot receive: %m");
	if ((size_t)len > sizeof(msg->data) - 1)
		die("a message of %zd bytes does not fit", len);
	msg->data[0] = from->smctp_base.smctp_type;
	msg->len = len + 1;
	return 1;
}

static void print_message(char sign, int eid, const struct message *msg)
{
	printf("# mctp %c eid=%d msg=", sign, eid);
	print_hex(msg, NULL);
}

static void send_failed(const struct options *opt)
{
	switch (errno) {
	case EHOSTUNREACH:
	case ENETUNREACH:
		die("cannot send to EID %d: %m. Add a route: mctp route add %d dev IFACE",
		    opt->eid, opt->eid);
	case EBUSY:
		die("cannot send to EID %d: %m. All eight tags wait for answers; they are free again after 6 s",
		    opt->eid);
	case EMSGSIZE:
		die("cannot send to EID %d: %m. Is the route's MTU larger than the interface's?",
		    opt->eid);
	case ENETDOWN:
	case ENOBUFS:
		die("cannot send to EID %d: %m. Is the link up, and has it a carrier? mctp link IFACE up",
		    opt->eid);
	default:
		die("cannot send to EID %d: %m%s", opt->eid, hint(errno));
	}
}

static void expectation(const struct options *opt, struct message *want,
			struct message *mask)
{
	want->data[0] = opt->type;
	mask->data[0] = 0xff;
	want->len = 1;
	if (opt->expect)
		add_hex(want, mask, opt->expect);
}

static int cmd_request(const struct options *opt, char **hex)
{
	static struct message msg, want, mask;
	struct sockaddr_mctp_ext addr = {
		.smctp_base.smctp_family = AF_MCTP,
		.smctp_base.smctp_network = MCTP_NET_ANY,
		.smctp_base.smctp_addr.s_addr = opt->eid,
		.smctp_base.smctp_type = opt->type,
		.smctp_base.smctp_tag = MCTP_TAG_OWNER,
	};
	socklen_t addrlen = sizeof(addr.smctp_base);
	uint64_t start;
	int fd, one = 1;

	msg.data[0] = opt->type;
	msg.len = 1;
	for (; *hex; hex++)
		add_hex(&msg, NULL, *hex);
	expectation(opt, &want, &mask);

	fd = mctp_socket();
	if (opt->iface) {
		/* The link itself is the address: no route can cover EID 0. */
		addr.smctp_ifindex = iface_index(opt->iface);
		addrlen = sizeof(addr);
		if (setsockopt(fd, SOL_MCTP, MCTP_OPT_ADDR_EXT, &one,
			       sizeof(one)))
			die("cannot address an interface: %m");
	}

	if (opt->title)
		printf("# step %s\n", opt->title);
	start = now_us();
	if (sendto(fd, msg.data + 1, msg.len - 1, 0, (struct sockaddr *)&addr,
		   addrlen) < 0)
		send_failed(opt);
	print_message('>', opt->eid, &msg);
	putchar('\n');
	fflush(stdout);

	if (!receive(fd, &msg, &addr, start + opt->timeout_ms * 1000)) {
		printf("# mctp ! eid=%d timeout after %lu ms\n", opt->eid,
		       opt->timeout_ms);
		return DIFFERS;
	}
	start = now_us() - start;
	print_message('<', addr.smctp_base.smctp_addr.s_addr, &msg);
	printf(" us=%llu\n", (unsigned long long)start);
	return opt->expect ? compare(&want, &mask, &msg) : OK;
}

static int cmd_listen(const struct options *opt)
{
	static struct message msg, want, mask;
	struct sockaddr_mctp_ext addr = {
		.smctp_base.smctp_family = AF_MCTP,
		.smctp_base.smctp_network = MCTP_NET_ANY,
		.smctp_base.smctp_addr.s_addr = MCTP_ADDR_ANY,
		.smctp_base.smctp_type = opt->type,
	};
	unsigned long left = opt->count;
	int fd, ready, status = OK;
	uint64_t end;

	expectation(opt, &want, &mask);
	fd = mctp_socket();
	if (bind(fd, (struct sockaddr *)&addr, sizeof(addr.smctp_base)))
		die("cannot listen for type 0x%02x: %m%s", opt->type,
		    errno == EADDRINUSE ? ". Another program listens for it" :
		    hint(errno));

	if (opt->title)
		printf("# step %s\n", opt->title);
	fflush(stdout);
	if (opt->ready) {
		ready = open(opt->ready, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
		if (ready < 0)
			die("cannot make %s: %m", opt->ready);
		close(ready);
	}

	end = now_us() + opt->timeout_ms * 1000;
	while (left--) {
		if (!receive(fd, &msg, &addr, end)) {
			printf("# mctp ! eid=any timeout after %lu ms\n",
			       opt->timeout_ms);
			return DIFFERS;
		}
		print_message('*', addr.smctp_base.smctp_addr.s_addr, &msg);
		putchar('\n');
		if (opt->expect && compare(&want, &mask, &msg))
			status = DIFFERS;
		fflush(stdout);
	}
	return status;
}

/* ---- command line ----------------------------------------------------- */

static struct options parse(int argc, char **argv)
{
	static const struct option longs[] = {
		{ "eid", required_argument, NULL, 'e' },
		{ "type", required_argument, NULL, 't' },
		{ "iface", required_argument, NULL, 'i' },
		{ "timeout-ms", required_argument, NULL, 'w' },
		{ "count", required_argument, NULL, 'c' },
		{ "expect", required_argument, NULL, 'x' },
		{ "title", required_argument, NULL, 'T' },
		{ "ready", required_argument, NULL, 'r' },
		{ }
	};
	struct options opt = {
		.eid = -1, .type = -1, .timeout_ms = 5000, .count = 1,
	};
	int c;

	while ((c = getopt_long(argc, argv, "", longs, NULL)) != -1) {
		switch (c) {
		case 'e':
			opt.eid = number(optarg, 0, 255, "--eid");
			break;
		case 't':
			opt.type = number(optarg, 0, 255, "--type");
			break;
		case 'i':
			opt.iface = optarg;
			break;
		case 'w':
			opt.timeout_ms = number(optarg, 0, INT_MAX,
						"--timeout-ms");
			break;
		case 'c':
			opt.count = number(optarg, 1, INT_MAX, "--count");
			break;
		case 'x':
			opt.expect = optarg;
			break;
		case 'T':
			opt.title = optarg;
			break;
		case 'r':
			opt.ready = optarg;
			break;
		default:
			usage();
		}
	}
	return opt;
}

static int cmd_link(int argc, char **argv)
{
	struct options opt;

	if (argc >= 2 && !strcmp(argv[1], "wait")) {
		opt = parse(argc - 1, argv + 1);
		return link_wait(argv[1 + optind], opt.timeout_ms);
	}
	if (argc == 3 && !strcmp(argv[2], "up"))
		return link_set(argv[1], IFF_UP, IFF_UP, 0);
	if (argc == 3 && !strcmp(argv[2], "down"))
		return link_set(argv[1], 0, IFF_UP, 0);
	if (argc == 4 && !strcmp(argv[2], "mtu"))
		return link_set(argv[1], 0, 0,
				number(argv[3], 1, MSG_MAX, "mtu"));
	usage();
}

int main(int argc, char **argv)
{
	const char *cmd = argc > 1 ? argv[1] : "";
	struct options opt;
	uint8_t eid;

	if (!strcmp(cmd, "link"))
		return cmd_link(argc - 1, argv + 1);

	if (!strcmp(cmd, "address") || !strcmp(cmd, "route")) {
		if (argc < 6 || strcmp(argv[2], "add") || strcmp(argv[4], "dev"))
			usage();
		eid = number(argv[3], 8, 254, "EID");
		if (!strcmp(cmd, "address") && argc == 6)
			return address_add(eid, argv[5]);
		if (!strcmp(cmd, "route") && argc == 6)
			return route_add(eid, argv[5], 0);
		if (!strcmp(cmd, "route") && argc == 8 &&
		    !strcmp(argv[6], "mtu"))
			return route_add(eid, argv[5],
					 number(argv[7], 68, MSG_MAX, "mtu"));
		usage();
	}

	if (!strcmp(cmd, "request") || !strcmp(cmd, "listen")) {
		opt = parse(argc - 1, argv + 1);
		if (opt.type < 0)
			usage();
		if (!strcmp(cmd, "listen"))
			return cmd_listen(&opt);
		if (opt.eid < 0)
			usage();
		if (opt.eid == 0 && !opt.iface)
			die("EID 0 is whoever is at the other end of a link: say which, --iface IFACE");
		return cmd_request(&opt, argv + 1 + optind);
	}

	if (!strcmp(cmd, "--help") || !strcmp(cmd, "help")) {
		fputs(usage_text, stdout);
		return OK;
	}
	usage();
}
