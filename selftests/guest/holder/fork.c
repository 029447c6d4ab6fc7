// SPDX-License-Identifier: GPL-2.0-only
/*
 * fork.so, to be preloaded into domctl: the holder of a domain forks again and again.
 * Each fork makes all of the guest's memory read-only, page by page, while the guest
 * faults on it. The child looks twice at what it has got: if that changes, the guest
 * wrote through an entry that was filled before and installed behind the invalidation.
 * Then there is a file /tmp/fork.torn. /tmp/fork.count has a byte for each fork.
 */
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "beside.h"

#define PLACE	(4UL << 20)	/* stale.c's pages */
#define BYTES	(2UL << 20)

static void nap(long ns)
{
	const struct timespec pause = { .tv_nsec = ns };

	nanosleep(&pause, NULL);
}

static uint64_t sum(const uint64_t *from)
{
	uint64_t s = 0;
	size_t i;

	for (i = 0; i < BYTES / sizeof(*from); i += 512)
		s = (s ^ __atomic_load_n(&from[i + 1], __ATOMIC_RELAXED)) * 0x9e3779b97f4a7c15;
	return s;
}

static void mark(const char *path)
{
	int fd;

	fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);

	if (fd < 0 || write(fd, ".", 1) != 1)
		abort();
	close(fd);
}

static void *beside(void *unused)
{
	const uint64_t *pages;
	char *memory = NULL;
	pid_t child;

	for (;;) {
		nap(1000000);
		if (!memory)
			memory = guest_memory();
		if (!memory)
			continue;
		pages = (const uint64_t *)(memory + PLACE);
		/* domctl means to keep it from children; in the end it is gone */
		if (madvise((void *)pages, BYTES, MADV_DOFORK))
			return NULL;
		child = fork();
		if (!child) {
			uint64_t first = sum(pages);

			nap(5000000);
			if (sum(pages) != first)
				mark("/tmp/fork.torn");
			mark("/tmp/fork.count");
			_exit(0);
		}
		if (child > 0)
			waitpid(child, NULL, 0);
	}
	return NULL;
}
