/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the parts of the mctp program share. Commands return an exit status.
 */

#ifndef MCTP_H
#define MCTP_H

#include <stdint.h>

/* Exit statuses: as expected; not so; trouble of our own */
enum { OK = 0, DIFFERS = 1, TROUBLE = 2 };

/* What the options of request and listen say */
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

/* The kernel's own words on the last error, in parentheses, or empty */
extern char kernel_says[128];

/* mctp.c */
__attribute__((noreturn, format(printf, 1, 2)))
void die(const char *fmt, ...);
const char *hint(int err);
int iface_index(const char *name);
uint64_t now_us(void);

/* link.c */
int link_wait(const char *iface, unsigned long timeout_ms);
int link_set(const char *iface, unsigned int flags, unsigned int mask,
	     uint32_t mtu);
int address_add(uint8_t eid, const char *iface);
int route_add(uint8_t eid, const char *iface, uint32_t mtu);

/* message.c */
int cmd_request(const struct options *opt, char **hex);
int cmd_echo(const struct options *opt, char **hex);
int cmd_listen(const struct options *opt);

#endif
