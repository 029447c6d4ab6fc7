/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What libraries preloaded into domctl share: a thread of their own beside those of vCPUs,
 * and where the guest's memory is. Each includes it once and gives beside().
 */
#ifndef HOLDER_BESIDE_H
#define HOLDER_BESIDE_H

#include <dlfcn.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

#define MEMORY	(16UL << 20)	/* of the guest; nothing else is as large */

/* The library's thread: begins with the holder's first vCPU. */
static void *beside(void *unused);

/*
 * Return: where the guest's memory is, or NULL: not there yet. To be asked for once: the
 * holder may have cut it in pieces later.
 */
static char *guest_memory(void)
{
	unsigned long start, end, found = 0;
	FILE *maps = fopen("/proc/self/maps", "re");

	while (maps && fscanf(maps, "%lx-%lx%*[^\n]", &start, &end) == 2)
		if (end - start == MEMORY)
			found = start;
	if (maps)
		fclose(maps);
	return (char *)found;
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
	static bool begun;
	pthread_t own;

	if (!create)
		create = dlsym(RTLD_NEXT, "pthread_create");
	if (!begun && create(&own, NULL, beside, NULL))
		abort();
	begun = true;
	return create(thread, attr, start, arg);
}

#endif /* HOLDER_BESIDE_H */
