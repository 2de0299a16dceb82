// SPDX-License-Identifier: GPL-2.0
/*
 * mctp - links, addresses, routes and messages of AF_MCTP, for test scripts.
 *
 * What was sent and received goes to standard output, one message a line, in
 * the form of KTAP diagnostics; so do errors, to standard error. Exit status: 0
 * done and as expected, 1 another answer than expected or none, 2 trouble of
 * our own.
 */

#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <net/if.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "mctp.h"

static const char usage_text[] =
	"usage: mctp link wait [IFACE] [--timeout-ms N]\n"
	"       mctp link IFACE up|down|mtu N\n"
	"       mctp address add EID dev IFACE\n"
	"       mctp route add EID dev IFACE [mtu N]\n"
	"       mctp request --eid E --type T [--iface IFACE] [--timeout-ms N]\n"
	"                    [--expect HEX] [--title TEXT] [HEX...]\n"
	"       mctp echo --eid E --type T [--timeout-ms N] [--count N] [HEX...]\n"
	"       mctp listen --type T [--timeout-ms N] [--count N] [--ready FILE]\n"
	"                   [--expect HEX] [--title TEXT]\n"
	"\n"
	"link wait   waits for an MCTP interface and prints its name\n"
	"request     sends a request and prints the answer; EID 0 is whoever is at\n"
	"            the other end of IFACE\n"
	"echo        sends it so many times, each with a number behind it, one after\n"
	"            the other; each must come back as it was\n"
	"listen      prints messages of a type that nobody here asked for; FILE is\n"
	"            made when the socket is bound\n"
	"HEX         the body, without the type byte: 80 02, or 8002\n"
	"--expect    the body that must come; ? stands for any digit\n"
	"\n"
	"example: mctp request --eid 9 --type 0 80 02     (Get Endpoint ID)\n";

void die(const char *fmt, ...)
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

int iface_index(const char *name)
{
	unsigned int index = if_nametoindex(name);

	if (!index)
		die("there is no interface %s: is the driver loaded? dmesg says why not; \"mctp link wait\" prints the name",
		    name);
	return index;
}

uint64_t now_us(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000 + ts.tv_nsec / 1000;
}

char kernel_says[128];

/* What to do about an error, if there is something to say */
const char *hint(int err)
{
	if (*kernel_says)
		return kernel_says;
	switch (err) {
	case EOPNOTSUPP:
	case EAFNOSUPPORT:
		return ". The kernel needs CONFIG_MCTP=y";
	case EPERM:
	case EACCES:
		return ". Run it as root";
	case EINVAL:
		return ". Is this an MCTP interface, with an EID from 8 to 254?";
	case ENODEV:
		return ". Not an interface that MCTP knows";
	case ENOENT:
	case EBUSY:
		return ". Has another driver, or nobody, the PCC channel? See dmesg";
	default:
		return "";
	}
}

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
				number(argv[3], 1, 65536, "mtu"));
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
					 number(argv[7], 68, 65536, "mtu"));
		usage();
	}

	if (!strcmp(cmd, "request") || !strcmp(cmd, "listen") ||
	    !strcmp(cmd, "echo")) {
		opt = parse(argc - 1, argv + 1);
		if (opt.type < 0)
			usage();
		if (!strcmp(cmd, "listen"))
			return cmd_listen(&opt);
		if (opt.eid < 0)
			usage();
		if (opt.eid == 0 && !opt.iface)
			die("EID 0 is whoever is at the other end of a link: say which, --iface IFACE");
		if (!strcmp(cmd, "echo"))
			return cmd_echo(&opt, argv + 1 + optind);
		return cmd_request(&opt, argv + 1 + optind);
	}

	if (!strcmp(cmd, "--help") || !strcmp(cmd, "help")) {
		fputs(usage_text, stdout);
		return OK;
	}
	usage();
}
