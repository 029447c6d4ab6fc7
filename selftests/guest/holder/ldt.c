// SPDX-License-Identifier: GPL-2.0-only
/*
 * ldt.so, to be preloaded into domctl: gives the holder of a domain an LDT full of flat
 * data segments, which a guest must not be able to load from, and a thread that loads
 * from it all the time: if the world switch forgets to put it back, that thread, and the
 * holder with it, dies of SIGSEGV.
 */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define ENTRIES 64

static void *use(void *unused)
{
	const struct timespec pause = { .tv_nsec = 100000 };
	unsigned int selector = 7;

	for (;;) {
		__asm__ volatile("mov %0, %%es" : : "r"(selector));
		selector = (selector + 8) % (ENTRIES * 8);
		if (selector == 7)
			nanosleep(&pause, NULL);
	}
	return NULL;
}

static void in_child(void)
{
	pthread_t thread;

	if (pthread_create(&thread, NULL, use, NULL))
		abort();
}

__attribute__((constructor)) static void make_ldt(void)
{
	/* struct user_desc: entry, base, limit; 32 bits, writable, in pages, available */
	unsigned int desc[4] = { 0, 0, 0xfffff, 0x51 };

	for (; desc[0] < ENTRIES; desc[0]++)
		if (syscall(SYS_modify_ldt, 1, desc, sizeof(desc))) {
			perror("modify_ldt");
			abort();
		}
	pthread_atfork(NULL, NULL, in_child);
}
