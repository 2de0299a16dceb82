// SPDX-License-Identifier: GPL-2.0-or-later
//
// Coverage of a guest's kernel, for `pcclab fuzz`: a plugin for QEMU's TCG.
//
//   -plugin coverage.so,map=FILE
//
// FILE was made by the host, which says in it which guest addresses are
// watched, and reads in it what ran. Little endian:
//
//   0     u32 magic, u32 version
//   8     u32 generation: the host adds 1 when it has changed the ranges
//   12    u32 taken: the generation that the plugin works with
//   16    u32 count of ranges, u32 0
//   24    count times u64 start, u64 end (exclusive)
//   8192  65536 bytes: how often each edge was taken, modulo 256
//
// An edge is a pair of blocks of the guest's code that one processor ran one
// after the other, blocks outside of all ranges left out. A block outside
// costs nothing: it gets no callback when it is translated.

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <qemu-plugin.h>

QEMU_PLUGIN_EXPORT int qemu_plugin_version = QEMU_PLUGIN_VERSION;

#define MAGIC		0x564f4350 // "PCOV"
#define VERSION		1
#define MOST		500 // ranges
#define EDGES		65536
#define PROCESSORS	512 // QEMU's "virt" has no more

struct range {
	uint64_t start;
	uint64_t end;
};

struct map {
	uint32_t magic;
	uint32_t version;
	uint32_t generation;
	uint32_t taken;
	uint32_t count;
	uint32_t zero;
	struct range ranges[MOST];
	uint8_t unused[8192 - 24 - MOST * sizeof(struct range)];
	uint8_t hits[EDGES];
};

_Static_assert(offsetof(struct map, ranges) == 24, "as above");
_Static_assert(offsetof(struct map, hits) == 8192, "as above");

static struct map *map;

// What blocks are held against while they are translated. Changes only while
// no processor runs.
static struct range ranges[MOST];
static uint32_t count;
static uint32_t current;

// The block that a processor came from; each on a cache line of its own.
static struct {
	uint32_t block;
	uint32_t pad[15];
} previous[PROCESSORS];

// The host may write at any time: each value is read once.
static uint32_t load(const uint32_t *word)
{
	return __atomic_load_n(word, __ATOMIC_ACQUIRE);
}

static void take_ranges(void)
{
	current = load(&map->generation);
	count = load(&map->count);
	if (count > MOST)
		count = MOST;
	memcpy(ranges, map->ranges, sizeof(ranges[0]) * count);
	memset(previous, 0, sizeof(previous));
	__atomic_store_n(&map->taken, current, __ATOMIC_RELEASE);
}

// A block's number is made of its place in its range: the same wherever the
// kernel has put a module.
static uint32_t number(uint32_t range, uint64_t offset)
{
	uint64_t mix = ((uint64_t)range << 40) ^ offset;

	mix *= 0x9e3779b97f4a7c15;
	mix ^= mix >> 32;
	mix *= 0xd6e8feb86659fd93;
	return mix >> 48;
}

static void ran(unsigned int processor, void *block)
{
	uint32_t to = (uintptr_t)block;
	uint32_t *from = &previous[processor % PROCESSORS].block;

	__atomic_fetch_add(&map->hits[(*from >> 1) ^ to], 1, __ATOMIC_RELAXED);
	*from = to;
}

static void translated(qemu_plugin_id_t id, struct qemu_plugin_tb *tb)
{
	uint64_t at = qemu_plugin_tb_vaddr(tb);

	for (uint32_t i = 0; i < count; i++) {
		if (at < ranges[i].start || at >= ranges[i].end)
			continue;
		uintptr_t block = number(i, at - ranges[i].start);

		qemu_plugin_register_vcpu_tb_exec_cb(tb, ran, QEMU_PLUGIN_CB_NO_REGS,
						     (void *)block);
		return;
	}
}

static void begin(qemu_plugin_id_t id);

// Every processor stands still, and what it had translated is gone.
static void again(qemu_plugin_id_t id)
{
	take_ranges();
	begin(id);
}

static void look(qemu_plugin_id_t id, unsigned int processor)
{
	if (load(&map->generation) != __atomic_load_n(&current, __ATOMIC_RELAXED))
		qemu_plugin_reset(id, again);
}

// A wait parts what came before it from what comes after: how long a
// processor had nothing to do is no edge.
static void idle(qemu_plugin_id_t id, unsigned int processor)
{
	previous[processor % PROCESSORS].block = 0;
	look(id, processor);
}

static void begin(qemu_plugin_id_t id)
{
	qemu_plugin_register_vcpu_tb_trans_cb(id, translated);
	qemu_plugin_register_vcpu_init_cb(id, look);
	qemu_plugin_register_vcpu_idle_cb(id, idle);
	qemu_plugin_register_vcpu_resume_cb(id, look);
}

static int refuse(const char *path, const char *why)
{
	fprintf(stderr, "coverage.so: %s: %s\n", path, why);
	return -1;
}

QEMU_PLUGIN_EXPORT int qemu_plugin_install(qemu_plugin_id_t id, const qemu_info_t *info, int argc,
					   char **argv)
{
	const char *path = NULL;
	struct stat is;
	int fd;

	for (int i = 0; i < argc; i++) {
		if (strncmp(argv[i], "map=", 4) || path)
			return refuse(argv[i], "expected map=FILE, once");
		path = argv[i] + 4;
	}
	if (!path)
		return refuse("map=FILE", "is missing: the file that the host reads");

	fd = open(path, O_RDWR | O_CLOEXEC);
	if (fd < 0)
		return refuse(path, strerror(errno));
	if (fstat(fd, &is) || is.st_size < (off_t)sizeof(*map)) {
		close(fd);
		return refuse(path, "is shorter than 73728 bytes, so it is no map");
	}
	map = mmap(NULL, sizeof(*map), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	close(fd);
	if (map == MAP_FAILED)
		return refuse(path, strerror(errno));
	if (map->magic != MAGIC || map->version != VERSION)
		return refuse(path, "does not begin as a map of version 1 does");

	take_ranges();
	begin(id);
	return 0;
}
