// SPDX-License-Identifier: GPL-2.0
/*
 * Messages: sent, received, compared, printed.
 *
 * They are printed whole, type byte first. On the command line the type is an
 * option and the body follows: sockets of AF_MCTP do not carry the type in the
 * data (net/mctp/af_mctp.c; Documentation/networking/mctp.rst differs).
 */

#include <errno.h>
#include <fcntl.h>
#include <linux/mctp.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "mctp.h"

#define SOL_MCTP	285

/* The kernel reassembles up to 64 KiB, type byte included. */
#define MSG_MAX		65536

struct message {
	size_t len;
	uint8_t data[MSG_MAX];	/* type byte first */
};

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
	uint64_t now;
	ssize_t len;
	int ready;

	do {
		now = now_us();
		/* Round up: the last fraction of a millisecond is not for spinning. */
		ready = poll(&pfd, 1, end > now ? (end - now + 999) / 1000 : 0);
		if (ready == 0)
			return 0;
		/* Who is told that a message is there may still find none. */
		len = ready < 0 ? ready :
		      recvfrom(fd, msg->data + 1, sizeof(msg->data) - 1,
			       MSG_TRUNC | MSG_DONTWAIT,
			       (struct sockaddr *)from, &addrlen);
	} while (len < 0 && (errno == EINTR || errno == EAGAIN));
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

int cmd_request(const struct options *opt, char **hex)
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
	/* Before it is sent: a slow console is not the platform's delay. */
	print_message('>', opt->eid, &msg);
	putchar('\n');
	fflush(stdout);
	start = now_us();
	if (sendto(fd, msg.data + 1, msg.len - 1, 0, (struct sockaddr *)&addr,
		   addrlen) < 0)
		send_failed(opt);

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

int cmd_echo(const struct options *opt, char **hex)
{
	static struct message msg, got;
	struct sockaddr_mctp_ext addr = {
		.smctp_base.smctp_family = AF_MCTP,
		.smctp_base.smctp_network = MCTP_NET_ANY,
		.smctp_base.smctp_addr.s_addr = opt->eid,
		.smctp_base.smctp_type = opt->type,
		.smctp_base.smctp_tag = MCTP_TAG_OWNER,
	};
	struct sockaddr_mctp_ext from;
	uint64_t start, sent, worst = 0;
	unsigned long number;
	uint8_t *counter;
	int fd, byte;

	msg.data[0] = opt->type;
	msg.len = 1;
	for (; *hex; hex++)
		add_hex(&msg, NULL, *hex);
	if (msg.len + 4 > sizeof(msg.data))
		die("the message is too long");
	counter = msg.data + msg.len;
	msg.len += 4;

	fd = mctp_socket();
	start = now_us();
	for (number = 1; number <= opt->count; number++) {
		for (byte = 0; byte < 4; byte++)
			counter[byte] = number >> (24 - 8 * byte);
		sent = now_us();
		if (sendto(fd, msg.data + 1, msg.len - 1, 0,
			   (struct sockaddr *)&addr,
			   sizeof(addr.smctp_base)) < 0)
			send_failed(opt);
		if (!receive(fd, &got, &from, sent + opt->timeout_ms * 1000)) {
			printf("# mctp ! eid=%d timeout after %lu ms at message %lu\n",
			       opt->eid, opt->timeout_ms, number);
			return DIFFERS;
		}
		if (got.len != msg.len ||
		    memcmp(got.data, msg.data, msg.len)) {
			printf("# mctp # message %lu came back as ", number);
			print_hex(&got, NULL);
			putchar('\n');
			return DIFFERS;
		}
		if (now_us() - sent > worst)
			worst = now_us() - sent;
	}
	start = now_us() - start;
	printf("# mctp # %lu messages there and back in %llu ms, none lost; the slowest took %llu us\n",
	       opt->count, (unsigned long long)start / 1000,
	       (unsigned long long)worst);
	return OK;
}

int cmd_listen(const struct options *opt)
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
