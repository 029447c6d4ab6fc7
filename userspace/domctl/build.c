// SPDX-License-Identifier: GPL-2.0-only
/*
 * build.c: the builder.
 *
 *   1. guest memory: the layout while it grows
 *   2. the initial page tables
 *   3. the initrd
 *   4. the start info
 *   5. all together
 *
 *   0 ........ image.start      free
 *   image.start .. image.end    the image
 *   boot_start .. boot_end      start info, command line, vCPU page, event page, tables
 *   boot_end .. initrd          free
 *   initrd .. its end           at the top of what the guest can reach, so that the
 *                               free memory below stays in one piece
 *
 * All but the initrd must lie in the map_base mapping: it is the only one that
 * every guest has.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "build.h"

#define PAGE		4096ULL
#define LARGE_PAGE	(2ULL * 1024 * 1024)

/* ---- 1. Layout ------------------------------------------------------------ */

/**
 * struct layout - the builder's state
 * @b: what was asked
 * @map_limit: end of the memory that is mapped at map_base
 * @boot_start, @boot_end: what was handed out so far
 * @initrd, @initrd_size: 0 without one
 * @root: guest physical address of the top-level table
 */
struct layout {
	const struct build *b;
	uint64_t map_limit;
	uint64_t boot_start;
	uint64_t boot_end;
	uint64_t initrd;
	uint64_t initrd_size;
	uint64_t root;
};

static uint64_t page_up(uint64_t value)
{
	return (value + PAGE - 1) & ~(PAGE - 1);
}

static uint64_t least(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

static void *at(const struct layout *l, uint64_t gpa)
{
	return (char *)l->b->memory + gpa;
}

static int no_room(const struct layout *l, uint64_t needed, struct error *error)
{
	return error_set(error, EXIT_REFUSED, "image", "needs %" PRIu64 " MiB, domain has %" PRIu64
			 " MiB", (needed + (1 << 20) - 1) >> 20, l->b->size >> 20);
}

/* The next page behind the image. Return: its address, or 0 with @error. */
static uint64_t take_page(struct layout *l, struct error *error)
{
	uint64_t limit = l->initrd ? least(l->map_limit, l->initrd) : l->map_limit;
	uint64_t gpa = l->boot_end;

	if (limit < PAGE || gpa > limit - PAGE) {
		/* Memory that does not help: the image fills what it lets us map. */
		if (l->b->size >= l->b->image->note.map_size &&
		    limit == l->b->image->note.map_size)
			error_set(error, EXIT_REFUSED, "image",
				  "leaves no room behind itself in its own mapping");
		else
			no_room(l, gpa + PAGE + l->initrd_size, error);
		return 0;
	}
	l->boot_end += PAGE;
	memset(at(l, gpa), 0, PAGE);
	return gpa;
}

/* ---- 2. Page tables ------------------------------------------------------- */

#define PTE_P		(1ULL << 0)
#define PTE_RW		(1ULL << 1)
#define PTE_A		(1ULL << 5)
#define PTE_D		(1ULL << 6)
#define PTE_PS		(1ULL << 7)
#define PTE_NX		(1ULL << 63)
#define PTE_ADDR	0x000ffffffffff000ULL
#define ENTRIES		512
#define HYPERVISOR_SLOT	256

/* The table that @table[index] points to, made if it is not there; 0: error. */
static uint64_t next_table(struct layout *l, uint64_t table, unsigned int index,
			   struct error *error)
{
	uint64_t *entry = (uint64_t *)at(l, table) + index;
	uint64_t gpa;

	if (*entry & PTE_PS) {
		error_set(error, EXIT_REFUSED, "image", "note: its two mappings overlap");
		return 0;
	}
	if (*entry)
		return *entry & PTE_ADDR;
	gpa = take_page(l, error);
	if (gpa)
		*entry = gpa | PTE_P | PTE_RW | PTE_A;
	return gpa;
}

/* One leaf: of a 2 MiB page where @flags has PTE_PS. */
static int map_page(struct layout *l, uint64_t va, uint64_t gpa, uint64_t flags,
		    struct error *error)
{
	unsigned int last = flags & PTE_PS ? 21 : 12;
	uint64_t table = l->root;
	uint64_t *entry;

	for (unsigned int shift = 39; shift > last; shift -= 9) {
		unsigned int index = (va >> shift) % ENTRIES;

		if (shift == 39 && index == HYPERVISOR_SLOT)
			return error_set(error, EXIT_REFUSED, "image",
					 "note: a mapping lies in the hypervisor's slot");
		table = next_table(l, table, index, error);
		if (!table)
			return -1;
	}
	entry = (uint64_t *)at(l, table) + (va >> last) % ENTRIES;
	if (*entry)
		return error_set(error, EXIT_REFUSED, "image", "note: its two mappings overlap");
	*entry = gpa | flags;
	return 0;
}

/* [0, @size) at @base, in 2 MiB pages but for the last piece. */
static int map_memory(struct layout *l, uint64_t base, uint64_t size, uint64_t nx,
		      struct error *error)
{
	const uint64_t flags = PTE_P | PTE_RW | PTE_A | PTE_D | nx;
	uint64_t gpa = 0;
	int result = 0;

	for (; !result && gpa + LARGE_PAGE <= size; gpa += LARGE_PAGE)
		result = map_page(l, base + gpa, gpa, flags | PTE_PS, error);
	for (; !result && gpa < size; gpa += PAGE)
		result = map_page(l, base + gpa, gpa, flags, error);
	return result;
}

static int build_tables(struct layout *l, struct error *error)
{
	const struct domus_image_note *note = &l->b->image->note;

	l->root = take_page(l, error);
	if (!l->root || map_memory(l, note->map_base, l->map_limit, 0, error))
		return -1;
	if (!(note->flags & DOMUS_IMAGE_MAP_DIRECT))
		return 0;
	if (note->direct_base + l->b->size - 1 < note->direct_base)
		return error_set(error, EXIT_REFUSED, "image",
				 "note: no room for all memory at direct_base");
	return map_memory(l, note->direct_base, l->b->size, PTE_NX, error);
}

/* ---- 3. The initrd -------------------------------------------------------- */

static int read_initrd(const struct layout *l, struct error *error)
{
	uint64_t done = 0;

	while (done < l->initrd_size) {
		ssize_t n = pread(l->b->initrd, (char *)at(l, l->initrd) + done,
				  l->initrd_size - done, (off_t)done);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return error_errno(error, "initrd", "cannot be read", errno);
		if (!n)
			return error_set(error, EXIT_REFUSED, "initrd", "truncated");
		done += (uint64_t)n;
	}
	return 0;
}

static int place_initrd(struct layout *l, struct error *error)
{
	bool direct = l->b->image->note.flags & DOMUS_IMAGE_MAP_DIRECT;
	uint64_t top = direct ? l->b->size : l->map_limit;
	uint64_t room = top > l->boot_start ? top - l->boot_start : 0;
	struct stat st;

	if (l->b->initrd < 0)
		return 0;
	if (fstat(l->b->initrd, &st))
		return error_errno(error, "initrd", "cannot be read", errno);
	if (!S_ISREG(st.st_mode))
		return error_set(error, EXIT_REFUSED, "initrd", "not a file");
	if (!st.st_size)
		return error_set(error, EXIT_REFUSED, "initrd", "is empty");
	l->initrd_size = (uint64_t)st.st_size;
	if (page_up(l->initrd_size) > room) {
		if (top < l->b->size)
			return error_set(error, EXIT_REFUSED, "initrd",
					 "of %" PRIu64 " MiB does not fit into what the image maps",
					 l->initrd_size >> 20);
		return error_set(error, EXIT_REFUSED, "initrd", "needs %" PRIu64
				 " MiB with the image, domain has %" PRIu64 " MiB",
				 (l->boot_start + page_up(l->initrd_size) + (1 << 20) - 1) >> 20,
				 l->b->size >> 20);
	}
	l->initrd = top - page_up(l->initrd_size);
	return read_initrd(l, error);
}

/* ---- 4. Start info -------------------------------------------------------- */

static void add_range(struct domus_start_info *info, uint64_t end, uint32_t type)
{
	struct domus_memmap *last = info->memmap_count ?
				    &info->memmap[info->memmap_count - 1] : NULL;
	uint64_t start = last ? last->start + last->size : 0;

	if (end > start)
		info->memmap[info->memmap_count++] = (struct domus_memmap) {
			.start = start, .size = end - start, .type = type,
		};
}

/* Ranges follow each other without a gap: see the picture on top. */
static void fill_memmap(const struct layout *l, struct domus_start_info *info)
{
	add_range(info, l->b->image->start & ~(PAGE - 1), DOMUS_MEM_RAM);
	add_range(info, l->boot_start, DOMUS_MEM_IMAGE);
	add_range(info, l->boot_end, DOMUS_MEM_BOOT);
	if (l->initrd) {
		add_range(info, l->initrd, DOMUS_MEM_RAM);
		add_range(info, l->initrd + page_up(l->initrd_size), DOMUS_MEM_BOOT);
	}
	add_range(info, l->b->size, DOMUS_MEM_RAM);
}

static void fill_info(const struct layout *l, struct domus_start_info *info,
		      const struct build_start *start, uint64_t cmdline)
{
	*info = (struct domus_start_info) {
		.magic = DOMUS_START_MAGIC,
		.size = sizeof(*info),
		.abi_major = (uint16_t)(l->b->host.abi >> 16),
		.abi_minor = (uint16_t)l->b->host.abi,
		.features = l->b->host.features,
		.memory = l->b->size,
		.cmdline_gpa = cmdline,
		.cmdline_len = (uint32_t)strlen(l->b->cmdline),
		.vcpus = l->b->vcpus,
		.initrd_gpa = l->initrd,
		.initrd_size = l->initrd_size,
		.root_gpa = start->root_gpa,
		.vcpu_page_gpa = start->vcpu_page_gpa,
		.event_page_gpa = start->event_page_gpa,
	};
	fill_memmap(l, info);
}

/* ---- 5. All together ------------------------------------------------------ */

int build_domain(const struct build *build, struct build_start *start, struct error *error)
{
	const struct image *image = build->image;
	struct layout l = {
		.b = build,
		.map_limit = least(build->size, image->note.map_size),
		.boot_start = page_up(image->end),
		.boot_end = page_up(image->end),
	};
	uint64_t info;
	uint64_t cmdline;

	if (strlen(build->cmdline) > BUILD_CMDLINE_MAX)
		return error_set(error, EXIT_USAGE, "append", "is longer than %d bytes",
				 BUILD_CMDLINE_MAX);
	if (image_load(image, build->memory, build->size, error) ||
	    place_initrd(&l, error))
		return -1;
	info = take_page(&l, error);
	cmdline = take_page(&l, error);
	start->vcpu_page_gpa = take_page(&l, error);
	start->event_page_gpa = take_page(&l, error);
	if (error->status || build_tables(&l, error))
		return -1;
	start->rip = image->note.entry;
	start->rsi = image->note.map_base + info;
	start->root_gpa = l.root;
	start->hypercall_gpa = image->hypercall_gpa;
	if (start->rip - image->note.map_base >= l.map_limit)
		return no_room(&l, start->rip - image->note.map_base + 1, error);
	if (build->least && build->least < l.boot_end + page_up(l.initrd_size))
		return error_set(error, EXIT_REFUSED, "memory", "%" PRIu64 " MiB is less than what is "
				 "loaded (%" PRIu64 " MiB)", build->least >> 20,
				 (l.boot_end + page_up(l.initrd_size) + (1 << 20) - 1) >> 20);
	/* A page is set aside for it, and memory beyond the NUL is zero. */
	memcpy(at(&l, cmdline), build->cmdline, strlen(build->cmdline));
	fill_info(&l, at(&l, info), start, cmdline);
	return 0;
}
