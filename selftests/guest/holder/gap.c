// SPDX-License-Identifier: GPL-2.0-only
/*
 * gap.so, to be preloaded into domctl: the holder takes memory away from its guest that
 * devices read and write. Lines of /tmp/gap.in say what, "WHAT OFFSET BYTES"; each is
 * answered by a line in /tmp/gap.out, 0 or an errno. What is held does not come back, as
 * a file's pages whose server is dead: who touches it waits until it is killed, or until
 * it is released: then a table of one descriptor is there.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <linux/virtio_ring.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "beside.h"

static int held = -1;	/* closed with the holder; nobody reads what it says */

static int hold(char *at, size_t bytes)
{
	struct uffdio_api api = { .api = UFFD_API };
	struct uffdio_register range = {
		.range = { (unsigned long)at, bytes },
		.mode = UFFDIO_REGISTER_MODE_MISSING,
	};

	held = (int)syscall(SYS_userfaultfd, O_CLOEXEC);
	if (held < 0 || ioctl(held, UFFDIO_API, &api) || madvise(at, bytes, MADV_DONTNEED) ||
	    ioctl(held, UFFDIO_REGISTER, &range))
		return -1;
	return 0;
}

/* The table is the first page; what it leads to is the guest's memory from address 0. */
static int release(char *at, size_t bytes)
{
	static const union {
		struct vring_desc desc;
		char page[4096];
	} table = { .desc = { .len = 4096, .flags = VRING_DESC_F_WRITE } };
	struct uffdio_range range = { (unsigned long)at, bytes };
	struct uffdio_copy copy = {
		.dst = (unsigned long)at, .src = (unsigned long)&table, .len = sizeof(table),
	};

	return ioctl(held, UFFDIO_COPY, &copy) || ioctl(held, UFFDIO_UNREGISTER, &range) ? -1 : 0;
}

static int take(const char *what, char *at, size_t bytes)
{
	if (!strcmp(what, "unmap"))
		return munmap(at, bytes);
	if (!strcmp(what, "discard"))
		return madvise(at, bytes, MADV_DONTNEED);
	if (!strcmp(what, "pageout"))
		return madvise(at, bytes, MADV_PAGEOUT);
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
	if (!strcmp(what, "release"))
		return release(at, bytes);
	errno = EINVAL;
	return -1;
}

static void *beside(void *unused)
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
