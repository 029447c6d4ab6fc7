// SPDX-License-Identifier: GPL-2.0-only
/*
 * spare SECONDS: what is left of the CPU that this runs on, as the number of rounds that a
 * loop makes there when nobody else wants it.
 *
 * What domains cost is spread over holders, threads of the kernel, interrupts, and time that
 * is too short for the host's accounts: all of it is missing here. Meant for a machine with
 * one CPU, in an emulator that counts instructions.
 */
#define _GNU_SOURCE
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define ROUND	2000

static int64_t now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000000000LL + ts.tv_nsec;
}

int main(int argc, char **argv)
{
	const struct sched_param param = {};
	int64_t end;
	long rounds = 0;

	if (argc != 2 || sched_setscheduler(0, SCHED_IDLE, &param)) {
		fprintf(stderr, "usage: spare SECONDS\n");
		return 1;
	}
	for (end = now() + atol(argv[1]) * 1000000000LL; now() < end; rounds++)
		for (int i = 0; i < ROUND; i++)
			__asm__ volatile("");
	printf("%ld\n", rounds);
	return 0;
}
