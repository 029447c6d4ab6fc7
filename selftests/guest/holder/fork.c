// SPDX-License-Identifier: GPL-2.0-only
/*
 * fork.so, to be preloaded into domctl: the holder of a domain forks again and again.
 * Each fork makes all of the guest's memory read-only, page by page, while the guest
 * faults on it. The child looks twice at what it has got: if that changes, the guest
 * wrote through an entry that was filled before and installed behind the invalidation.
 * Then there is a file /tmp/fork.torn. /tmp/fork.count has a byte for each fork.
 */
#include <dlfcn.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define MEMORY	(16UL << 20)	/* of the guest; nothing else is as large */
#define PLACE	(4UL << 20)	/* stale.c's pages */
#define BYTES	(2UL << 20)

static void nap(long ns)
{
	const struct timespec pause = { .tv_nsec = ns };

	nanosleep(&pause, NULL);
}

static const uint64_t *guest_pages(void)
{
	unsigned long start, end, found = 0;
	FILE *maps = fopen("/proc/self/maps", "re");

	while (maps && fscanf(maps, "%lx-%lx%*[^\n]", &start, &end) == 2)
		if (end - start == MEMORY)
			found = start;
	if (maps)
		fclose(maps);
	return found ? (const uint64_t *)(found + PLACE) : NULL;
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

static void *forks(void *unused)
{
	const uint64_t *pages = NULL;
	pid_t child;

	for (;;) {
		nap(1000000);
		if (!pages)
			pages = guest_pages();
		if (!pages)
			continue;
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

/*
 * domctl's own threads are those of vCPUs. With the first of them all files are open that
 * it will have: before, its "close all others" and our fclose() would hit each other's.
 */
int pthread_create(pthread_t *thread, const pthread_attr_t *attr, void *(*start)(void *),
		   void *arg)
{
	static int (*create)(pthread_t *thread, const pthread_attr_t *attr,
			     void *(*start)(void *), void *arg);
	static bool forking;
	pthread_t forker;

	if (!create)
		create = dlsym(RTLD_NEXT, "pthread_create");
	if (!forking && create(&forker, NULL, forks, NULL))
		abort();
	forking = true;
	return create(thread, attr, start, arg);
}
