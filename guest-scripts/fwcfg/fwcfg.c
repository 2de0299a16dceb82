// SPDX-License-Identifier: GPL-2.0
/*
 * fwcfg - writes a file of QEMU's fw_cfg to standard output. Given words, it
 * says them to file descriptor 3 first, and waits for a line on standard input:
 * the time, in seconds since 1970. The clock of a machine that was saved
 * meanwhile has stood still.
 *
 * Through /dev/mem, as not every kernel has a driver for it, and one that
 * looks at the list of files once would not see what another QEMU offers to
 * the same guest. The device is where QEMU's machine `virt` has it
 * (hw/arm/virt.c); its registers are in QEMU's docs/specs/fw_cfg.rst: data,
 * 8 bytes wide, and 8 bytes behind it the selector, 2 bytes, big-endian.
 */

#include <endian.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#define BASE 0x09020000
#define SELECTOR 8
#define FILE_DIR 0x19
/* More files than any QEMU has. */
#define MOST_FILES 1024

struct entry {
	uint32_t size;
	uint16_t selector;
	uint16_t reserved;
	char name[56];
};

static volatile uint8_t *device;

static void select_item(uint16_t big_endian)
{
	*(volatile uint16_t *)(device + SELECTOR) = big_endian;
}

/* In the widest steps, each of which QEMU has to emulate. */
static void read_item(void *buffer, size_t size)
{
	uint8_t *to = buffer;
	uint64_t word;

	for (; size >= sizeof(word); size -= sizeof(word), to += sizeof(word)) {
		word = *(volatile uint64_t *)device;
		memcpy(to, &word, sizeof(word));
	}
	while (size--)
		*to++ = *device;
}

static int put(const struct entry *file)
{
	static uint8_t buffer[1 << 16];
	size_t left = be32toh(file->size);

	select_item(file->selector);
	while (left) {
		size_t part = left < sizeof(buffer) ? left : sizeof(buffer);

		read_item(buffer, part);
		if (fwrite(buffer, 1, part, stdout) != part)
			break;
		left -= part;
	}
	if (left || fflush(stdout)) {
		perror("fwcfg: standard output");
		return 1;
	}
	return 0;
}

static void wait_for_time(const char *words)
{
	struct timespec now = { 0 };
	char line[32] = "";

	/* Whoever reads our output is to have been started, too. */
	usleep(50000);
	dprintf(3, "%s\n", words);
	if (read(STDIN_FILENO, line, sizeof(line) - 1) <= 0)
		return;
	now.tv_sec = strtoll(line, NULL, 10);
	if (!access("/dev/rtc0", F_OK))
		clock_settime(CLOCK_REALTIME, &now);
}

int main(int argc, char **argv)
{
	struct entry file;
	uint32_t count;
	void *mapped;
	int fd;

	if (argc != 2 && argc != 3) {
		fputs("usage: fwcfg NAME [WORDS]\n", stderr);
		return 2;
	}
	fd = open("/dev/mem", O_RDWR | O_SYNC);
	if (fd < 0) {
		perror("fwcfg: /dev/mem");
		return 1;
	}
	mapped = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, BASE);
	if (mapped == MAP_FAILED) {
		perror("fwcfg: mmap of /dev/mem");
		return 1;
	}
	device = mapped;
	if (argc == 3)
		wait_for_time(argv[2]);
	select_item(htobe16(FILE_DIR));
	read_item(&count, sizeof(count));
	count = be32toh(count);
	for (; count && count <= MOST_FILES; count--) {
		read_item(&file, sizeof(file));
		if (!strncmp(file.name, argv[1], sizeof(file.name)))
			return put(&file);
	}
	fprintf(stderr, "fwcfg: there is no file %s\n", argv[1]);
	return 1;
}
