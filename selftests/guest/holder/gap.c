// SPDX-License-Identifier: GPL-2.0-only
/*
 * gap.so, to be preloaded into domctl: the holder takes memory away from its guest that
 * devices read and write. Lines of /tmp/gap.in say what, "WHAT OFFSET BYTES"; each is
 * answered by a line in /tmp/gap.out, 0 or an errno. What is held does not come back, as
 * a file's pages whose server is dead: who touches it waits until it is killed.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>
#include <dlfcn.h>

#define MEMORY	(16UL << 20)	/* of the guest; nothing else is as large */

static char *guest_memory(void)
{
	unsigned long start, end, found = 0;
	FILE *maps = fopen("/proc/self/maps", "re");

	/* taken away in pieces: then what it began with */
	while (maps && fscanf(maps, "%lx-%lx%*[^\n]", &start, &end) == 2)
		if (end - start == MEMORY)
			found = start;
	if (maps)
		fclose(maps);
	return (char *)found;
}

static int hold(char *at, size_t bytes)
{
	struct uffdio_api api = { .api = UFFD_API };
	struct uffdio_register range = {
		.range = { (unsigned long)at, bytes },
		.mode = UFFDIO_REGISTER_MODE_MISSING,
	};
	/* nobody reads what it says; it is closed with the holder */
	int fd = (int)syscall(SYS_userfaultfd, O_CLOEXEC);

	if (fd < 0 || ioctl(fd, UFFDIO_API, &api) || madvise(at, bytes, MADV_DONTNEED) ||
	    ioctl(fd, UFFDIO_REGISTER, &range))
		return -1;
	return 0;
}

static int take(const char *what, char *at, size_t bytes)
{
	if (!strcmp(what, "unmap"))
		return munmap(at, bytes);
	if (!strcmp(what, "discard"))
		return madvise(at, bytes, MADV_DONTNEED);
	if (!strcmp(what, "readonly"))
		return mprotect(at, bytes, PROT_READ);
	if (!strcmp(what, "none"))
		return mprotect(at, bytes, PROT_NONE);
	if (!strcmp(what, "writable"))
		return mprotect(at, bytes, PROT_READ | PROT_WRITE);
	if (!strcmp(what, "replace"))
		return mmap(at, bytes, PROT_READ | PROT_WRITE,
			    MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) == MAP_FAILED ? -1 : 0;
	if (!strcmp(what, "hold"))
		return hold(at, bytes);
	errno = EINVAL;
	return -1;
}

static void *serve(void *unused)
{
	FILE *in = fopen("/tmp/gap.in", "r+e"), *out = fopen("/tmp/gap.out", "r+e");
	unsigned long offset, bytes;
	static char *memory;
	char what[16];

	while (in && out && fscanf(in, "%15s %lu %lu", what, &offset, &bytes) == 3) {
		if (!memory)
			memory = guest_memory();
		errno = memory ? 0 : ENOENT;
		if (memory && !take(what, memory + offset, bytes))
			errno = 0;
		fprintf(out, "%d\n", errno);
		fflush(out);
	}
	return NULL;
}

/* With domctl's first thread, a vCPU's, all files are open that it will have. */
int pthread_create(pthread_t *thread, const pthread_attr_t *attr, void *(*start)(void *),
		   void *arg)
{
	static int (*create)(pthread_t *thread, const pthread_attr_t *attr,
			     void *(*start)(void *), void *arg);
	static bool serving;
	pthread_t server;

	if (!create)
		create = dlsym(RTLD_NEXT, "pthread_create");
	if (!serving && create(&server, NULL, serve, NULL))
		abort();
	serving = true;
	return create(thread, attr, start, arg);
}
