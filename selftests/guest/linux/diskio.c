// SPDX-License-Identifier: GPL-2.0-only
/*
 * diskio.c: what one access of a disk takes, past the page cache, one after the other.
 *
 *   diskio read|write FILE BYTES N    the median of N, in ns, at places here and there
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "common.h"

#define ALIGN 4096

static uint64_t now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000 + (uint64_t)ts.tv_nsec;
}

static int compare(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return (x > y) - (x < y);
}

/* Return: ns, 0: it failed. */
static uint64_t access_once(int fd, bool writes, void *buf, size_t bytes, off_t at)
{
	uint64_t begun = now();
	ssize_t done = writes ? pwrite(fd, buf, bytes, at) : pread(fd, buf, bytes, at);

	return done == (ssize_t)bytes ? now() - begun : 0;
}

int main(int argc, char **argv)
{
	bool writes = argc == 5 && !strcmp(argv[1], "write");
	uint64_t state = 1, *took;
	size_t bytes, nr;
	off_t size;
	void *buf;
	int fd;

	if (argc != 5 || (!writes && strcmp(argv[1], "read"))) {
		fprintf(stderr, "usage: diskio read|write FILE BYTES N\n");
		return 2;
	}
	fd = open(argv[2], (writes ? O_RDWR : O_RDONLY) | O_DIRECT);
	bytes = strtoul(argv[3], NULL, 0);
	nr = strtoul(argv[4], NULL, 0);
	size = fd < 0 ? -1 : lseek(fd, 0, SEEK_END);
	took = calloc(nr, sizeof(*took));
	if (!bytes || !nr || size < (off_t)bytes || !took || posix_memalign(&buf, ALIGN, bytes)) {
		fprintf(stderr, "diskio: cannot\n");
		return 1;
	}
	memset(buf, 0x5a, bytes);
	for (size_t i = 0; i < nr; i++) {
		off_t at = next_random(&state) % ((size - (off_t)bytes) / ALIGN + 1) * ALIGN;

		took[i] = access_once(fd, writes, buf, bytes, at);
		if (!took[i]) {
			perror("diskio");
			return 1;
		}
	}
	qsort(took, nr, sizeof(*took), compare);
	printf("diskio: %s %zu median %llu ns\n", argv[1], bytes,
	       (unsigned long long)took[nr / 2]);
	free(buf);
	free(took);
	return 0;
}
