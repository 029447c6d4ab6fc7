// SPDX-License-Identifier: GPL-2.0-only
/*
 * reclaim.c [ROUNDS]: memory that goes away and comes back, every page of known
 * content.  For a domain: it fills the machine's memory and swaps to zram.
 *
 *   1. two zram devices: swap, and one whose page cache is mapped
 *   2. what is mapped, and how it is checked
 *   3. pages sent out one by one (MADV_PAGEOUT)
 *   4. pressure: more than there is memory, some of it mapped from the device
 *   5. the same under the multi-generational LRU, which ages by walking page tables
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/swap.h>
#include <sys/syscall.h>
#include <sys/sysinfo.h>
#include <sys/wait.h>
#include <unistd.h>

#include "kselftest.h"
#include "common.h"

enum { PAGE = 4096, UNIQUE = 512, FILE_PAGES = 6144 };

/* 1. Devices */

static bool load_zram(void)
{
	int fd = open("/lib/modules/zram.ko", O_RDONLY | O_CLOEXEC);
	bool good;

	if (fd < 0)
		return false;
	good = !syscall(SYS_finit_module, fd, "num_devices=2", 0) || errno == EEXIST;
	close(fd);
	return good;
}

static bool make_swap(const char *device, size_t pages)
{
	uint32_t header[PAGE / 4] = { [256] = 1, [257] = pages - 1 };
	int fd = open(device, O_RDWR | O_CLOEXEC);
	bool good;

	memcpy((char *)header + PAGE - 10, "SWAPSPACE2", 10);
	good = fd >= 0 && write(fd, header, PAGE) == PAGE && !fsync(fd);
	close(fd);
	return good && !swapon(device, 0);
}

static long counter(const char *name)
{
	FILE *file = fopen("/proc/vmstat", "r");
	char key[64];
	long value, found = 0;

	while (file && fscanf(file, "%63s %ld", key, &value) == 2)
		if (!strcmp(key, name))
			found = value;
	if (file)
		fclose(file);
	return found;
}

/* 2. Pages: of each the first part is its own and the rest repeats it, so that it packs. */

static void put(char *page, uint64_t seed)
{
	int i;

	fill(page, UNIQUE, seed);
	for (i = UNIQUE; i < PAGE; i += UNIQUE)
		memcpy(page + i, page, UNIQUE);
}

static bool holds(const char *page, uint64_t seed)
{
	return filled(page, UNIQUE, seed) && !memcmp(page, page + UNIQUE, PAGE - UNIQUE);
}

struct area {
	const char *name;
	char *base;
	size_t pages;
	uint32_t *seeds;
	uint64_t random;
};

static struct area make_area(const char *name, char *base, size_t pages)
{
	struct area area = { .name = name, .base = base, .pages = pages, .random = pages };
	size_t i;

	area.seeds = calloc(pages, sizeof(*area.seeds));
	for (i = 0; i < pages; i++) {
		area.seeds[i] = i + 1;
		put(base + i * PAGE, i + 1);
	}
	return area;
}

static bool check(const struct area *area, size_t i)
{
	if (holds(area->base + i * PAGE, area->seeds[i]))
		return true;
	ksft_print_msg("%s: page %zu of %zu\n", area->name, i, area->pages);
	return false;
}

static bool check_all(const struct area *area)
{
	size_t i;

	for (i = 0; i < area->pages; i++)
		if (!check(area, i))
			return false;
	return true;
}

/* Touches @n pages in no order: half are only looked at, half get new content. */
static bool stir(struct area *area, size_t n)
{
	while (n--) {
		uint32_t random = next_random(&area->random);
		size_t i = random % area->pages;

		if (!check(area, i))
			return false;
		if (random & 0x40000000)
			put(area->base + i * PAGE, area->seeds[i] += area->pages);
	}
	return true;
}

static void free_area(struct area *area)
{
	munmap(area->base, area->pages * PAGE);
	free(area->seeds);
}

/* 3. One by one */

static bool page_out(int rounds)
{
	struct area area = make_area("paged out", map_pages(512), 512);
	long before = counter("pswpout");
	bool good = true;
	int i, status;
	pid_t pid;

	for (i = 0; i < 4 * rounds && good; i++) {
		madvise(area.base, area.pages * PAGE, MADV_PAGEOUT);
		good = stir(&area, 300);
		madvise(area.base, area.pages * PAGE, MADV_PAGEOUT);
		/* swap entries are shared and copied like pages */
		pid = fork();
		if (!pid)
			_exit(!(stir(&area, 200) && check_all(&area)));
		good = good && stir(&area, 200);
		good = waitpid(pid, &status, 0) == pid && !status && good;
	}
	good = good && check_all(&area);
	free_area(&area);
	ksft_print_msg("%ld pages written to swap\n", counter("pswpout") - before);
	return good && counter("pswpout") > before;
}

/* 4. Pressure */

static bool pressure(int rounds)
{
	struct sysinfo info;
	struct area memory, file, copy;
	long out = counter("pswpout"), in = counter("pswpin");
	int fd = open("/dev/zram1", O_RDWR | O_CLOEXEC), i;
	bool good = true;
	size_t pages;
	void *shared, *private;

	sysinfo(&info);
	/* with the file's pages and the private ones it is more than there is */
	pages = info.totalram * info.mem_unit / PAGE * 3 / 4;
	shared = mmap(NULL, FILE_PAGES * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (fd < 0 || shared == MAP_FAILED)
		return false;
	file = make_area("of the device", shared, FILE_PAGES);
	msync(shared, FILE_PAGES * PAGE, MS_SYNC);
	private = mmap(NULL, FILE_PAGES / 4 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);
	copy = make_area("private copy", private, FILE_PAGES / 4);
	memory = make_area("anonymous", map_pages(pages), pages);
	for (i = 0; i < 2 * rounds && good; i++)
		good = stir(&memory, 2000) && stir(&file, 1000) && stir(&copy, 500);
	good = good && check_all(&memory) && check_all(&file) && check_all(&copy);
	out = counter("pswpout") - out;
	in = counter("pswpin") - in;
	ksft_print_msg("%zu pages, %ld written to swap, %ld read\n", pages, out, in);
	free_area(&memory);
	free_area(&copy);
	munmap(shared, FILE_PAGES * PAGE);
	/* and what the device holds is what was written last */
	for (i = 0; i < FILE_PAGES && good; i++) {
		char page[PAGE];

		good = pread(fd, page, PAGE, (off_t)i * PAGE) == PAGE && holds(page, file.seeds[i]);
	}
	free(file.seeds);
	close(fd);
	return good && out > 0 && in > 0;
}

/* 5. Generations */

static const char *const generations = "/sys/kernel/mm/lru_gen/enabled";

static void test_generations(int rounds)
{
	if (!write_knob(generations, "7")) {
		ksft_test_result_skip("pressure under generations\n");
		return;
	}
	ksft_test_result(pressure(rounds), "pressure under generations\n");
	write_knob(generations, "0");
}

int main(int argc, char **argv)
{
	int rounds = argc > 1 ? atoi(argv[1]) : 1;

	setvbuf(stdout, NULL, _IOLBF, BUFSIZ);
	ksft_print_header();
	if (!load_zram())
		ksft_exit_skip("no zram module\n");
	ksft_set_plan(4);
	ksft_test_result(write_knob("/sys/block/zram0/disksize", "128M") &&
			 write_knob("/sys/block/zram1/disksize", "24M") &&
			 make_swap("/dev/zram0", 32768), "zram\n");
	ksft_test_result(page_out(rounds), "pages sent out\n");
	ksft_test_result(pressure(rounds), "pressure\n");
	test_generations(rounds);
	ksft_finished();
}
