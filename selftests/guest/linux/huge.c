// SPDX-License-Identifier: GPL-2.0-only
/*
 * huge.c [ROUNDS]: pages that change their size or their owner under what they hold.
 * For a domain: it sets the kernel's knobs.
 *
 *   1. what a program sees and what the kernel sees
 *   2. transparent huge pages: splits
 *   3. transparent huge pages: collapses
 *   4. hugetlb: copies on write, shared mappings
 *   5. KSM: merges and partings
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "kselftest.h"
#include "common.h"

#define PAGE		4096UL
#define HUGE		(512 * PAGE)
#define THP_KNOB	"/sys/kernel/mm/transparent_hugepage/enabled"
#define KSM		"/sys/kernel/mm/ksm/"

#ifndef MADV_COLLAPSE
#define MADV_COLLAPSE	25
#endif

/* 1. Views */

static int self_mem = -1;

/* The page through the kernel's eyes, which look at page tables and not at a TLB. */
static bool kernel_sees(const char *at, uint64_t seed)
{
	static char copy[PAGE];

	return pread(self_mem, copy, PAGE, (off_t)at) == PAGE && filled(copy, PAGE, seed);
}

static bool both_see(const char *at, uint64_t seed)
{
	return filled(at, PAGE, seed) && kernel_sees(at, seed);
}

static void fill_pages(char *at, int n, uint64_t seed)
{
	int i;

	for (i = 0; i < n; i++)
		fill(at + i * PAGE, PAGE, seed + i);
}

static bool pages_hold(const char *at, int n, uint64_t seed)
{
	int i;

	for (i = 0; i < n; i++)
		if (!both_see(at + i * PAGE, seed + i))
			return false;
	return true;
}

/* In kB, of all mappings of this process. */
static long smaps(const char *key)
{
	FILE *file = fopen("/proc/self/smaps_rollup", "r");
	char line[256];
	long value = 0;

	while (file && fgets(line, sizeof(line), file))
		if (!strncmp(line, key, strlen(key)))
			value = atol(line + strlen(key) + 1);
	if (file)
		fclose(file);
	return value;
}

/* Room for @n huge pages, aligned, in a mapping that is left to the process. */
static char *aligned(int n)
{
	char *p = map_pages((n + 1) * 512);

	return (char *)(((unsigned long)p + HUGE - 1) & ~(HUGE - 1));
}

/* 2. Splits: each is done to a huge page that holds something. */

static bool split_by_protect(char *p, uint64_t seed)
{
	char *kept = p + 100 * PAGE;

	mprotect(kept, PAGE, PROT_READ);
	fill_pages(p, 100, seed + 1000);
	fill_pages(kept + PAGE, 411, seed + 2000);
	return pages_hold(p, 100, seed + 1000) && both_see(kept, seed + 100) &&
	       pages_hold(kept + PAGE, 411, seed + 2000) &&
	       !mprotect(kept, PAGE, PROT_READ | PROT_WRITE) && both_see(kept, seed + 100);
}

static bool split_by_hole(char *p, uint64_t seed)
{
	munmap(p + 256 * PAGE, PAGE);
	if (!pages_hold(p, 256, seed) || !pages_hold(p + 257 * PAGE, 255, seed + 257))
		return false;
	/* what comes in its place is new */
	return mmap(p + 256 * PAGE, PAGE, PROT_READ | PROT_WRITE,
		    MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) != MAP_FAILED &&
	       !p[256 * PAGE] && !p[257 * PAGE - 1];
}

static bool split_by_drop(char *p, uint64_t seed)
{
	int i;

	for (i = 0; i < 512; i += 64)
		madvise(p + i * PAGE, PAGE, MADV_DONTNEED);
	for (i = 0; i < 512; i++)
		if (i % 64 ? !both_see(p + i * PAGE, seed + i) : p[i * PAGE])
			return false;
	return true;
}

static bool split_by_fork(char *p, uint64_t seed)
{
	pid_t pid = fork();
	int status;

	if (!pid) {
		close(self_mem);
		self_mem = open("/proc/self/mem", O_RDONLY);
		fill_pages(p + 64 * PAGE, 64, seed + 5000);
		_exit(!(pages_hold(p, 64, seed) && pages_hold(p + 64 * PAGE, 64, seed + 5000) &&
			pages_hold(p + 128 * PAGE, 384, seed + 128)));
	}
	fill_pages(p, 32, seed + 9000);
	if (!pages_hold(p, 32, seed + 9000) || !pages_hold(p + 32 * PAGE, 480, seed + 32)) {
		waitpid(pid, &status, 0);
		return false;
	}
	fill_pages(p, 32, seed);
	return waitpid(pid, &status, 0) == pid && !status && pages_hold(p, 512, seed);
}

static bool split_by_move(char *p, uint64_t seed)
{
	char *to = map_pages(200);

	if (mremap(p + 100 * PAGE, 200 * PAGE, 200 * PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, to) != to)
		return false;
	if (!pages_hold(p, 100, seed) || !pages_hold(to, 200, seed + 100) ||
	    !pages_hold(p + 300 * PAGE, 212, seed + 300))
		return false;
	return mremap(to, 200 * PAGE, 200 * PAGE, MREMAP_MAYMOVE | MREMAP_FIXED,
		      p + 100 * PAGE) != MAP_FAILED && pages_hold(p, 512, seed);
}

static bool test_split(bool (*split)(char *p, uint64_t seed), int rounds)
{
	char *p = aligned(1);
	long before;
	int i;

	for (i = 0; i < rounds; i++) {
		madvise(p, HUGE, MADV_DONTNEED);
		mmap(p, HUGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED,
		     -1, 0);
		madvise(p, HUGE, MADV_HUGEPAGE);
		before = smaps("AnonHugePages:");
		fill_pages(p, 512, i * 512 + 1);
		if (smaps("AnonHugePages:") < before + 2048) {
			ksft_print_msg("no huge page\n");
			return false;
		}
		if (!split(p, i * 512 + 1))
			return false;
	}
	munmap(p, HUGE);
	return true;
}

/* 3. Collapses */

static bool collapse(char *p, int rounds, uint64_t seed)
{
	int i;

	for (i = 0; i < rounds; i++, seed += 512) {
		/* small ones first; a stray write falls on what is no longer theirs */
		madvise(p, HUGE, MADV_NOHUGEPAGE);
		madvise(p, HUGE, MADV_DONTNEED);
		fill_pages(p, 512, seed);
		madvise(p, HUGE, MADV_HUGEPAGE);
		if (madvise(p, HUGE, MADV_COLLAPSE)) {
			ksft_print_msg("collapse: %s\n", strerror(errno));
			return false;
		}
		if (!pages_hold(p, 512, seed))
			return false;
		fill_pages(p, 512, seed + 100);
		if (!pages_hold(p, 512, seed + 100))
			return false;
	}
	return true;
}

static bool test_collapse(int rounds)
{
	char *p = aligned(1);
	bool good;

	good = collapse(p, 3 * rounds, 1) && smaps("AnonHugePages:") >= 2048;
	munmap(p, HUGE);
	return good;
}

/* Of a file that two processes map. */
static bool test_collapse_shared(int rounds)
{
	char *room = aligned(1), *p;
	int fd = memfd_create("huge", 0), status;
	bool good;
	pid_t pid;

	if (ftruncate(fd, HUGE))
		return false;
	p = mmap(room, HUGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, fd, 0);
	fill_pages(p, 512, 7);
	pid = fork();
	if (!pid) {
		close(self_mem);
		self_mem = open("/proc/self/mem", O_RDONLY);
		good = pages_hold(p, 512, 7);
		raise(SIGSTOP);
		_exit(!(good && pages_hold(p, 256, 7) && pages_hold(p + HUGE / 2, 256, 3000)));
	}
	waitpid(pid, &status, WUNTRACED);
	good = !madvise(p, HUGE, MADV_COLLAPSE) && smaps("ShmemPmdMapped:") == 2048 &&
	       pages_hold(p, 512, 7);
	fill_pages(p + HUGE / 2, 256, 3000);
	kill(pid, SIGCONT);
	good = waitpid(pid, &status, 0) == pid && !status && good;
	munmap(p, HUGE);
	close(fd);
	return good;
}

/* 4. Hugetlb */

static bool hugetlb_fork(char *p, bool shared, uint64_t seed)
{
	uint64_t theirs = shared ? seed + 2000 : seed;
	pid_t pid;
	int status;

	fill_pages(p, 1024, seed);
	pid = fork();
	if (!pid) {
		close(self_mem);
		self_mem = open("/proc/self/mem", O_RDONLY);
		fill_pages(p + HUGE / 2, 512, seed + 2000);
		_exit(!(pages_hold(p, 256, seed) && pages_hold(p + HUGE / 2, 512, seed + 2000) &&
			pages_hold(p + HUGE * 3 / 2, 256, seed + 768)));
	}
	if (!shared)	/* both write the page, each its own copy */
		fill_pages(p + HUGE * 3 / 2, 256, seed + 768);
	return waitpid(pid, &status, 0) == pid && !status && pages_hold(p, 256, seed) &&
	       pages_hold(p + HUGE / 2, 512, shared ? theirs : seed + 256) &&
	       pages_hold(p + HUGE * 3 / 2, 256, seed + 768);
}

static bool test_hugetlb(bool shared, int rounds)
{
	char *p = mmap(NULL, 2 * HUGE, PROT_READ | PROT_WRITE,
		       (shared ? MAP_SHARED : MAP_PRIVATE) | MAP_ANONYMOUS | MAP_HUGETLB, -1, 0);
	bool good = true;
	int i;

	if (p == MAP_FAILED) {
		ksft_print_msg("no huge pages: %s\n", strerror(errno));
		return false;
	}
	for (i = 0; i < rounds && good; i++)
		good = hugetlb_fork(p, shared, i * 4096 + 1);
	/* the rights of a huge page change at once */
	good = good && !mprotect(p, HUGE, PROT_READ) &&
	       pages_hold(p, 256, (rounds - 1) * 4096 + 1);
	good = good && !mprotect(p, HUGE, PROT_READ | PROT_WRITE);
	fill_pages(p, 1024, 77);
	good = good && pages_hold(p, 1024, 77);
	munmap(p, 2 * HUGE);
	return good;
}

/* 5. KSM */

/* Two full scans from now, as the first may have begun before what it should see. */
static bool scanned(void)
{
	long now = atol(read_knob(KSM "full_scans") ?: "0");
	int i;

	for (i = 0; i < 20000; i++) {
		if (atol(read_knob(KSM "full_scans") ?: "0") >= now + 3)
			return true;
		usleep(2000);	/* the scanner is a thread; it announces nothing */
	}
	return false;
}

static bool test_ksm(int round)
{
	enum { PAGES = 128, KINDS = 4 };
	char *p = map_pages(PAGES);
	bool good = true;
	int i;

	madvise(p, PAGES * PAGE, MADV_NOHUGEPAGE);
	for (i = 0; i < PAGES; i++)
		fill(p + i * PAGE, PAGE, round * 10 + i % KINDS);
	if (madvise(p, PAGES * PAGE, MADV_MERGEABLE) || !scanned())
		return false;
	if (atol(read_knob(KSM "pages_sharing") ?: "0") < PAGES - KINDS - 16) {
		ksft_print_msg("pages_sharing is %s\n", read_knob(KSM "pages_sharing"));
		good = false;
	}
	for (i = 0; i < PAGES && good; i++)
		good = both_see(p + i * PAGE, round * 10 + i % KINDS);
	/* each third one gets something else, which is nobody else's */
	for (i = 0; i < PAGES; i += 3)
		fill(p + i * PAGE, PAGE, 1000 + i);
	for (i = 0; i < PAGES && good; i++)
		good = both_see(p + i * PAGE, i % 3 ? round * 10 + i % KINDS : 1000 + i);
	/* and they part by order */
	if (round & 1)
		good = good && write_knob(KSM "run", "2") && write_knob(KSM "run", "1");
	else
		good = good && !madvise(p, PAGES * PAGE, MADV_UNMERGEABLE);
	for (i = 0; i < PAGES; i++)
		if (i % 3)
			fill(p + i * PAGE, PAGE, 5000 + i);
	for (i = 0; i < PAGES && good; i++)
		good = both_see(p + i * PAGE, (i % 3 ? 5000 : 1000) + i);
	munmap(p, PAGES * PAGE);
	return good;
}

static bool test_ksm_rounds(int rounds)
{
	int i;

	for (i = 1; i <= 2 * rounds; i++)
		if (!test_ksm(i))
			return false;
	return true;
}

int main(int argc, char **argv)
{
	int rounds = argc > 1 ? atoi(argv[1]) : 1;

	setvbuf(stdout, NULL, _IOLBF, BUFSIZ);
	ksft_print_header();
	if (!write_knob("/proc/sys/vm/nr_hugepages", "6") || !write_knob(THP_KNOB, "madvise") ||
	    !write_knob(KSM "sleep_millisecs", "0") || !write_knob(KSM "pages_to_scan", "1000") ||
	    !write_knob(KSM "run", "1"))
		ksft_exit_skip("not root, or not all is built in\n");
	self_mem = open("/proc/self/mem", O_RDONLY);
	ksft_set_plan(10);
	ksft_test_result(test_split(split_by_protect, rounds), "split by mprotect\n");
	ksft_test_result(test_split(split_by_hole, rounds), "split by munmap\n");
	ksft_test_result(test_split(split_by_drop, rounds), "split by MADV_DONTNEED\n");
	ksft_test_result(test_split(split_by_fork, rounds), "split by fork and write\n");
	ksft_test_result(test_split(split_by_move, rounds), "split by mremap\n");
	ksft_test_result(test_collapse(rounds), "collapse\n");
	ksft_test_result(test_collapse_shared(rounds), "collapse of a shared file\n");
	ksft_test_result(test_hugetlb(false, 2 * rounds), "hugetlb, private\n");
	ksft_test_result(test_hugetlb(true, 2 * rounds), "hugetlb, shared\n");
	ksft_test_result(test_ksm_rounds(rounds), "ksm\n");
	write_knob(KSM "run", "2");
	write_knob("/proc/sys/vm/nr_hugepages", "0");
	ksft_finished();
}
