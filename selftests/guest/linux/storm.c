// SPDX-License-Identifier: GPL-2.0-only
/*
 * storm.c [ROUNDS]: random mmap, munmap, mprotect, mremap, madvise and fork, with
 * a model of what every page must hold and allow.
 *
 *   1. the model
 *   2. looking at a page: content and rights, both what a load and a store get and
 *      what the kernel sees behind the page tables (/proc/self/mem)
 *   3. operations
 *   4. storms: alone, with forks, in threads
 *   5. rights of pages that threads share, which come and go
 *
 * A flush that somebody forgot shows as a right that a page no longer has, or as
 * the content of a page that is no longer there.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdatomic.h>
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

enum { PAGE = 4096, PAGES = 192, FILE_PAGES = 64, FILE_SEED = 1000000 };

/* 1. The model */

struct page {
	bool mapped;
	int prot;
	int file;		/* page of the file that is mapped privately, or -1 */
	uint64_t seed;		/* of what was written; 0: still what file or zeroes give */
};

struct storm {
	char *base;
	struct page pages[PAGES];
	uint64_t random, writes;
	int self_mem;
	bool failed;
};

static int file_fd;
static __thread sigjmp_buf *trying;

static char *address(const struct storm *storm, int i)
{
	return storm->base + (size_t)i * PAGE;
}

static bool complain(struct storm *storm, int i, const char *what)
{
	if (!storm->failed)
		ksft_print_msg("page %d (mapped %d, prot %d, file %d, seed %lu): %s\n", i,
			       storm->pages[i].mapped, storm->pages[i].prot,
			       storm->pages[i].file, storm->pages[i].seed, what);
	storm->failed = true;
	return false;
}

/* 2. Looking */

static void on_fault(int signo)
{
	if (!trying)
		_exit(99);
	siglongjmp(*trying, 1);
}

static bool can_read(const char *p)
{
	sigjmp_buf here;

	if (sigsetjmp(here, 1)) {
		trying = NULL;
		return false;
	}
	trying = &here;
	asm volatile("movb (%0), %%al" :: "r"(p) : "rax", "memory");
	trying = NULL;
	return true;
}

/* Writes what is there, so that nothing but the right to do so shows. */
static bool can_write(char *p)
{
	sigjmp_buf here;

	if (sigsetjmp(here, 1)) {
		trying = NULL;
		return false;
	}
	trying = &here;
	asm volatile("lock; orb $0, (%0)" :: "r"(p) : "memory");
	trying = NULL;
	return true;
}

static bool is_zero(const char *data)
{
	return !data[0] && !memcmp(data, data + 1, PAGE - 1);
}

static bool content_ok(const struct page *page, const void *data)
{
	if (page->seed)
		return filled(data, PAGE, page->seed);
	if (page->file >= 0)
		return filled(data, PAGE, FILE_SEED + page->file);
	return is_zero(data);
}

static bool look(struct storm *storm, int i)
{
	const struct page *page = &storm->pages[i];
	char *p = address(storm, i), copy[PAGE];

	if (can_write(p + 8) != (page->mapped && (page->prot & PROT_WRITE)))
		return complain(storm, i, "the right to write is wrong");
	if (can_read(p) != (page->mapped && (page->prot & PROT_READ)))
		return complain(storm, i, "the right to read is wrong");
	if (!page->mapped)
		return true;
	if ((page->prot & PROT_READ) && !content_ok(page, p))
		return complain(storm, i, "the content is wrong");
	if (pread(storm->self_mem, copy, PAGE, (off_t)p) != PAGE)
		return complain(storm, i, "the kernel cannot read it");
	if (!content_ok(page, copy))
		return complain(storm, i, "the kernel sees another content");
	return true;
}

static void look_at_all(struct storm *storm)
{
	int i;

	for (i = 0; i < PAGES && !storm->failed; i++)
		look(storm, i);
}

/* 3. Operations */

static int random_below(struct storm *storm, int n)
{
	return next_random(&storm->random) % n;
}

static int random_prot(struct storm *storm)
{
	static const int prots[] = {
		PROT_READ | PROT_WRITE, PROT_READ | PROT_WRITE, PROT_READ, PROT_NONE,
	};

	return prots[random_below(storm, ARRAY_SIZE(prots))];
}

static void map(struct storm *storm, int at, int n)
{
	int i, prot = random_prot(storm), file = -1;
	bool good;

	if (n <= FILE_PAGES && random_below(storm, 2))
		file = random_below(storm, FILE_PAGES - n + 1);
	good = mmap(address(storm, at), (size_t)n * PAGE, prot,
		    MAP_PRIVATE | MAP_FIXED | (file < 0 ? MAP_ANONYMOUS : 0),
		    file < 0 ? -1 : file_fd, file < 0 ? 0 : (off_t)file * PAGE) != MAP_FAILED;
	for (i = 0; i < n; i++)
		storm->pages[at + i] = (struct page) {
			.mapped = true, .prot = prot, .file = file < 0 ? -1 : file + i };
	if (!good)
		complain(storm, at, "mmap");
}

static void unmap(struct storm *storm, int at, int n)
{
	int i;

	munmap(address(storm, at), (size_t)n * PAGE);
	for (i = 0; i < n; i++)
		storm->pages[at + i] = (struct page) { .file = -1 };
}

static bool all_mapped(const struct storm *storm, int at, int n)
{
	int i;

	for (i = 0; i < n; i++)
		if (!storm->pages[at + i].mapped)
			return false;
	return true;
}

static void protect(struct storm *storm, int at, int n)
{
	int i, prot = random_prot(storm);

	if (!all_mapped(storm, at, n))
		return;
	if (mprotect(address(storm, at), (size_t)n * PAGE, prot))
		complain(storm, at, "mprotect");
	for (i = 0; i < n; i++)
		storm->pages[at + i].prot = prot;
}

/* Moves pages of one mapping: mremap takes no others, so one that it refuses is none. */
static void move(struct storm *storm, int at, int n)
{
	int i, to = random_below(storm, PAGES - n + 1);

	if ((to < at + n && at < to + n) || !all_mapped(storm, at, n))
		return;
	if (mremap(address(storm, at), (size_t)n * PAGE, (size_t)n * PAGE,
		   MREMAP_MAYMOVE | MREMAP_FIXED, address(storm, to)) == MAP_FAILED) {
		/* it may have removed the target by then */
		unmap(storm, to, n);
		return;
	}
	for (i = 0; i < n; i++) {
		storm->pages[to + i] = storm->pages[at + i];
		storm->pages[at + i] = (struct page) { .file = -1 };
	}
}

static void drop(struct storm *storm, int at, int n)
{
	int i;

	if (!all_mapped(storm, at, n))
		return;
	if (madvise(address(storm, at), (size_t)n * PAGE, MADV_DONTNEED))
		complain(storm, at, "madvise");
	for (i = 0; i < n; i++)
		storm->pages[at + i].seed = 0;
}

static void rewrite(struct storm *storm, int at, int n)
{
	int i;

	for (i = at; i < at + n; i++) {
		if (!storm->pages[i].mapped || !(storm->pages[i].prot & PROT_WRITE))
			continue;
		storm->pages[i].seed = ++storm->writes;
		fill(address(storm, i), PAGE, storm->pages[i].seed);
	}
}

static void operate(struct storm *storm)
{
	int n = 1 + random_below(storm, random_below(storm, 4) ? 8 : 48);
	int at = random_below(storm, PAGES - n + 1), i;

	switch (random_below(storm, 9)) {
	case 0:
	case 1:
		map(storm, at, n);
		break;
	case 2:
		unmap(storm, at, n);
		break;
	case 3:
	case 4:
		protect(storm, at, n);
		break;
	case 5:
		move(storm, at, n);
		break;
	case 6:
		drop(storm, at, n);
		break;
	default:
		rewrite(storm, at, n);
	}
	for (i = 0; i < 4 && !storm->failed; i++)
		look(storm, random_below(storm, PAGES));
	if (!storm->failed)
		look(storm, at);
}

/* 4. Storms */

static void begin(struct storm *storm, uint64_t seed)
{
	int i;

	memset(storm, 0, sizeof(*storm));
	storm->random = seed;
	storm->base = map_pages(PAGES);
	for (i = 0; i < PAGES; i++)
		storm->pages[i] = (struct page) {
			.mapped = true, .prot = PROT_READ | PROT_WRITE, .file = -1 };
	storm->self_mem = open("/proc/self/mem", O_RDONLY);
}

static bool end(struct storm *storm)
{
	look_at_all(storm);
	munmap(storm->base, (size_t)PAGES * PAGE);
	close(storm->self_mem);
	return !storm->failed;
}

static bool storm_alone(int rounds)
{
	struct storm storm;
	int i;

	begin(&storm, 1);
	for (i = 0; i < 400 * rounds && !storm.failed; i++)
		operate(&storm);
	return end(&storm);
}

/* A child looks at all that was its parent's, goes on by itself, and so does the parent. */
static pid_t fork_off(struct storm *storm)
{
	pid_t pid = fork();
	int i;

	if (pid)
		return pid;
	storm->self_mem = open("/proc/self/mem", O_RDONLY);
	storm->random += getpid();
	look_at_all(storm);
	for (i = 0; i < 16 && !storm->failed; i++)
		operate(storm);
	look_at_all(storm);
	fflush(stdout);
	_exit(storm->failed);
}

static bool storm_with_forks(int rounds)
{
	struct storm storm;
	int i, j, status;

	begin(&storm, 2);
	for (i = 0; i < 6 * rounds && !storm.failed; i++) {
		pid_t one = fork_off(&storm), other;

		for (j = 0; j < 16 && !storm.failed; j++)
			operate(&storm);
		other = fork_off(&storm);
		for (j = 0; j < 16 && !storm.failed; j++)
			operate(&storm);
		if (waitpid(one, &status, 0) != one || status)
			storm.failed = true;
		if (waitpid(other, &status, 0) != other || status)
			storm.failed = true;
	}
	return end(&storm);
}

static int thread_rounds;

static void *storm_thread(void *arg)
{
	struct storm *storm = arg;
	int i;

	for (i = 0; i < 100 * thread_rounds && !storm->failed; i++)
		operate(storm);
	return NULL;
}

static bool storm_in_threads(int rounds)
{
	enum { THREADS = 3 };
	static struct storm storms[THREADS];
	pthread_t threads[THREADS];
	bool good = true;
	int i;

	thread_rounds = rounds;
	for (i = 0; i < THREADS; i++)
		begin(&storms[i], 3 + i);
	for (i = 0; i < THREADS; i++)
		if (pthread_create(&threads[i], NULL, storm_thread, &storms[i]))
			return false;
	for (i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	for (i = 0; i < THREADS; i++)
		good = end(&storms[i]) && good;
	return good;
}

/* 5. Rights that come and go */

enum { SHARERS = 4, SHARED = 16 };

static char *shared, *code;
static pthread_barrier_t changed, seen;
static atomic_int wrong;

/* The page of @code has a return in its first byte. */
static bool can_run(char *p)
{
	sigjmp_buf here;

	if (sigsetjmp(here, 1)) {
		trying = NULL;
		return false;
	}
	trying = &here;
	((void (*)(void))p)();
	trying = NULL;
	return true;
}

/* What each thread's CPU has of the pages is from before the rights changed. */
static void *share(void *arg)
{
	int i, round, bad = 0;

	for (round = 0; round < 100 * thread_rounds; round++) {
		bool more = round & 1;

		pthread_barrier_wait(&changed);
		for (i = 0; i < SHARED; i++) {
			char *p = shared + (size_t)i * PAGE;

			bad += !can_read(p) + (can_write(p) != more);
			if (more)
				__atomic_add_fetch((int *)p + 1, 1, __ATOMIC_RELAXED);
		}
		bad += !can_read(code) + (can_run(code) != more);
		pthread_barrier_wait(&seen);
	}
	atomic_fetch_add(&wrong, bad);
	return arg;
}

static bool rights_of_all(int rounds)
{
	pthread_t threads[SHARERS];
	int i, round, done = 0;

	thread_rounds = rounds;
	shared = map_pages(SHARED);
	memset(shared, 0, (size_t)SHARED * PAGE);
	code = map_pages(1);
	*code = (char)0xc3;
	pthread_barrier_init(&changed, NULL, SHARERS + 1);
	pthread_barrier_init(&seen, NULL, SHARERS + 1);
	for (i = 0; i < SHARERS; i++)
		if (pthread_create(&threads[i], NULL, share, NULL))
			return false;
	for (round = 0; round < 100 * rounds; round++) {
		bool more = round & 1;

		if (mprotect(shared, (size_t)SHARED * PAGE, PROT_READ | (more ? PROT_WRITE : 0)) ||
		    mprotect(code, PAGE, PROT_READ | (more ? PROT_EXEC : 0)))
			wrong = 1;
		done += more;
		pthread_barrier_wait(&changed);
		pthread_barrier_wait(&seen);
	}
	for (i = 0; i < SHARERS; i++)
		pthread_join(threads[i], NULL);
	for (i = 0; i < SHARED; i++)
		if (((int *)(shared + (size_t)i * PAGE))[1] != done * SHARERS)
			wrong = 1;
	munmap(shared, (size_t)SHARED * PAGE);
	munmap(code, PAGE);
	return !wrong;
}

int main(int argc, char **argv)
{
	struct sigaction action = { .sa_handler = on_fault, .sa_flags = SA_NODEFER };
	int rounds = argc > 1 ? atoi(argv[1]) : 1, i;
	char data[PAGE];

	setvbuf(stdout, NULL, _IOLBF, BUFSIZ);
	ksft_print_header();
	ksft_set_plan(4);
	sigaction(SIGSEGV, &action, NULL);
	sigaction(SIGBUS, &action, NULL);
	file_fd = memfd_create("storm", 0);
	for (i = 0; i < FILE_PAGES; i++) {
		fill(data, PAGE, FILE_SEED + i);
		if (pwrite(file_fd, data, PAGE, (off_t)i * PAGE) != PAGE)
			ksft_exit_fail_msg("no file\n");
	}
	ksft_test_result(storm_alone(rounds), "one process\n");
	ksft_test_result(storm_with_forks(rounds), "with forks\n");
	ksft_test_result(storm_in_threads(rounds), "threads\n");
	ksft_test_result(rights_of_all(rounds), "rights, in all threads\n");
	ksft_finished();
}
