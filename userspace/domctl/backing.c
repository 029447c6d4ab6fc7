// SPDX-License-Identifier: GPL-2.0-only
/*
 * backing.c: what a domain's memory is made of; see backing.h.
 *
 *   1. reading options
 *   2. what the host has
 *   3. mapping
 *   4. clearing
 */
#include <errno.h>
#include <inttypes.h>
#include <linux/mempolicy.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/sysinfo.h>
#include <unistd.h>

#include "backing.h"
#include "print.h"
#include "size.h"

#define LARGE_PAGE (2UL * 1024 * 1024)
#define GIANT_PAGE (1024 * LARGE_PAGE / 2)

#define THP	"/sys/kernel/mm/transparent_hugepage/enabled"
#define KSM	"/sys/kernel/mm/ksm/run"
#define NODES	"/sys/devices/system/node/has_memory"

#define NODES_MAX 1024	/* of any kernel of x86-64 */

static const struct cpus_words node_words = {
	.what = "numa-node",
	.one = "node",
	.several = "nodes",
	.lacks = "no kernel has so many (possible",
};

/* ---- 1. Options ------------------------------------------------------------------ */

int backing_parse_hugetlb(struct backing *b, const char *text, struct error *error)
{
	b->hugetlb = !strcmp(text, "2M") ? LARGE_PAGE : !strcmp(text, "1G") ? GIANT_PAGE : 0;
	return b->hugetlb ? 0 : error_set(error, EXIT_USAGE, "hugetlb", "'%.40s' is neither 2M "
					  "nor 1G", text);
}

int backing_parse_thp(struct backing *b, const char *text, struct error *error)
{
	b->thp = !strcmp(text, "always") ? THP_ALWAYS : !strcmp(text, "never") ? THP_NEVER :
		 THP_UNSAID;
	return b->thp ? 0 : error_set(error, EXIT_USAGE, "thp", "'%.40s' is neither always nor "
				      "never", text);
}

int backing_parse_nodes(struct backing *b, const char *text, struct error *error)
{
	struct cpus any;

	/* Which of them there are is seen when the memory is mapped. */
	memset(&any, 0xff, sizeof(any));
	b->on_nodes = true;
	return cpus_parse_as(&node_words, text, &any, &b->nodes, error);
}

int backing_check(const struct backing *b, uint64_t memory, uint64_t max, struct error *error)
{
	char page[SIZE_TEXT];
	char size[SIZE_TEXT];

	if (!b->hugetlb)
		return 0;
	size_format(page, b->hugetlb);
	if (b->thp)
		return error_set(error, EXIT_USAGE, "thp", "--hugetlb has pages of its own");
	if (b->ksm)
		return error_set(error, EXIT_USAGE, "ksm", "pages of --hugetlb are never merged");
	if (memory < max)
		return error_set(error, EXIT_USAGE, "max-memory", "pages of --hugetlb are not given "
				 "back, so that memory cannot be less");
	if (max % b->hugetlb)
		return error_set(error, EXIT_USAGE, "memory", "%s is no multiple of %s (--hugetlb)",
				 size_format(size, max), page);
	return 0;
}

/* ---- 2. The host ----------------------------------------------------------------- */

/* A line of a file of the host's. Return: false: there is none. */
static bool read_line(const char *path, char *line, size_t size)
{
	FILE *file = fopen(path, "re");
	bool good = file && fgets(line, (int)size, file);

	if (file)
		fclose(file);
	if (!good)
		*line = '\0';
	line[strcspn(line, "\n")] = '\0';
	return good;
}

/* More than there can ever be is told now, not by the OOM killer. */
static int check_size(uint64_t size, struct error *error)
{
	char asked[SIZE_TEXT];
	char there[SIZE_TEXT];
	struct sysinfo si;
	uint64_t total;

	if (sysinfo(&si))
		return 0;
	total = ((uint64_t)si.totalram + si.totalswap) * si.mem_unit;
	if (size <= total)
		return 0;
	return error_set(error, EXIT_REFUSED, "memory", "%s is more than this host has (%s with "
			 "swap)", size_format(asked, size), size_format(there, total));
}

/* One of the numbers that the host keeps about huge pages of a size. */
static bool huge_number(uint64_t page, const char *name, uint64_t *number)
{
	char path[128];
	char line[32];

	snprintf(path, sizeof(path), "/sys/kernel/mm/hugepages/hugepages-%" PRIu64 "kB/%s",
		 page / 1024, name);
	*number = 0;
	if (!read_line(path, line, sizeof(line)))
		return false;
	*number = strtoull(line, NULL, 10);
	return true;
}

/* Why there are no pages for so much memory. Return: -1. */
static int no_huge_pages(const struct backing *b, uint64_t size, struct error *error)
{
	uint64_t spare, reserved, more, surplus;
	char asked[SIZE_TEXT];
	char page[SIZE_TEXT];

	size_format(page, b->hugetlb);
	if (!huge_number(b->hugetlb, "free_hugepages", &spare))
		return error_set(error, EXIT_REFUSED, "hugetlb", "this host has no pages of %s",
				 page);
	(void)huge_number(b->hugetlb, "resv_hugepages", &reserved);
	(void)huge_number(b->hugetlb, "nr_overcommit_hugepages", &more);
	(void)huge_number(b->hugetlb, "surplus_hugepages", &surplus);
	spare += (more > surplus ? more - surplus : 0) - reserved;
	return error_set(error, EXIT_REFUSED, "hugetlb", "%s takes %" PRIu64 " of the host's pages "
			 "of %s, of which %" PRIu64 " are to spare (vm.nr_hugepages)",
			 size_format(asked, size), size / b->hugetlb, page, spare);
}

static int check_nodes(const struct backing *b, struct error *error)
{
	struct cpus any, there;
	char list[CPUS_TEXT];
	char line[4096];

	if (!b->on_nodes)
		return 0;
	memset(&any, 0xff, sizeof(any));
	if (!read_line(NODES, line, sizeof(line)) ||
	    cpus_parse_as(&node_words, line, &any, &there, error))
		return error_set(error, EXIT_REFUSED, "numa-node", "this host's kernel has no nodes");
	for (size_t node = 0; node < CPUS_MAX; node++)
		if (cpus_has(&b->nodes, node) && !cpus_has(&there, node))
			return error_set(error, EXIT_REFUSED, "numa-node", "this host has no node "
					 "%zu, or it has no memory (with memory: %s)", node,
					 cpus_format(list, &there));
	return 0;
}

static int check_thp(const struct backing *b, struct error *error)
{
	char line[64];

	if (b->thp != THP_ALWAYS)
		return 0;
	if (!read_line(THP, line, sizeof(line)))
		return error_set(error, EXIT_REFUSED, "thp", "this host's kernel has no transparent "
				 "huge pages");
	return strstr(line, "[never]") ? error_set(error, EXIT_REFUSED, "thp", "the host has them "
						   "off (" THP ")") : 0;
}

void backing_warn(const struct backing *b)
{
	char line[16];

	if (b->ksm && read_line(KSM, line, sizeof(line)) && strcmp(line, "1") != 0)
		print_warning("ksm", "the host merges nothing now (" KSM " is %s)", line);
}

/* ---- 3. Mapping ------------------------------------------------------------------- */

static void *map_huge(const struct backing *b, uint64_t size, struct error *error)
{
	int order = b->hugetlb == LARGE_PAGE ? 21 : 30;
	void *area = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS |
			  MAP_HUGETLB | order << MAP_HUGE_SHIFT, -1, 0);

	if (area != MAP_FAILED)
		return area;
	no_huge_pages(b, size, error);
	return NULL;
}

static void *map_small(uint64_t size, struct error *error)
{
	/* One large page more, to begin at the border of one. */
	char *area = mmap(NULL, size + LARGE_PAGE, PROT_READ | PROT_WRITE,
			  MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	char *start;

	if (area == MAP_FAILED) {
		error_errno(error, "memory", "cannot be reserved", errno);
		return NULL;
	}
	start = (char *)(((uintptr_t)area + LARGE_PAGE - 1) & ~(LARGE_PAGE - 1));
	if (start > area)
		munmap(area, (size_t)(start - area));
	munmap(start + size, (size_t)(area + LARGE_PAGE - start));
	return start;
}

/* Before the first page is there. Return: 0, or -1. */
static int prepare(const struct backing *b, void *memory, uint64_t size, struct error *error)
{
	char list[CPUS_TEXT];

	/* Advice: a kernel built without one of them runs domains as well. */
	(void)madvise(memory, size, MADV_DONTFORK);
	(void)madvise(memory, size, MADV_DONTDUMP);
	if (!b->hugetlb)
		(void)madvise(memory, size, b->thp == THP_NEVER ? MADV_NOHUGEPAGE :
							      MADV_HUGEPAGE);
	if (b->ksm && madvise(memory, size, MADV_MERGEABLE))
		return error_set(error, EXIT_REFUSED, "ksm", "this host's kernel has no KSM");
	if (b->on_nodes && syscall(SYS_mbind, memory, size, MPOL_BIND, b->nodes.bits,
				   NODES_MAX + 1, 0))
		return error_set(error, EXIT_REFUSED, "numa-node", "%s: %s",
				 cpus_format(list, &b->nodes), errno == EINVAL ?
				 "its cgroup has none of these" : strerror(errno));
	if (b->hugetlb && madvise(memory, size, MADV_POPULATE_WRITE))
		return error_set(error, EXIT_REFUSED, "hugetlb", "the nodes or the cgroup that it "
				 "is to be on have not enough pages of %s",
				 size_format(list, b->hugetlb));
	return 0;
}

void *backing_map(const struct backing *b, uint64_t size, struct error *error)
{
	void *memory;

	if (check_size(size, error) || check_nodes(b, error) || check_thp(b, error))
		return NULL;
	memory = b->hugetlb ? map_huge(b, size, error) : map_small(size, error);
	if (memory && prepare(b, memory, size, error)) {
		munmap(memory, size);
		memory = NULL;
	}
	return memory;
}

/* ---- 4. Clearing ------------------------------------------------------------------ */

int backing_clear(const struct backing *b, void *memory, uint64_t size, struct error *error)
{
	/* Given back, a page of --hugetlb may be another's next. */
	if (b->hugetlb)
		memset(memory, 0, size);
	else if (madvise(memory, size, MADV_DONTNEED))
		return error_errno(error, "memory", "cannot be cleared", errno);
	return 0;
}
