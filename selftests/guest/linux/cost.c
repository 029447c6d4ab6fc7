// SPDX-License-Identifier: GPL-2.0-only
/*
 * cost.c [NAME LIMIT]...: what system calls cost, in ticks of the TSC, of which
 * an emulator that counts instructions (selftests/rig/vm --icount) makes one for
 * each.  The median of some batches.  With NAME LIMIT: it may not be more.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "kselftest.h"

enum { BATCHES = 9, CALLS = 300 };

static uint64_t ticks(void)
{
	uint32_t low, high;

	asm volatile("rdtsc" : "=a"(low), "=d"(high) :: "memory");
	return (uint64_t)high << 32 | low;
}

static int zero_fd;

static void null_syscall(void)
{
	syscall(SYS_getppid);
}

static void read_zero(void)
{
	char c;

	if (read(zero_fd, &c, 1) != 1)
		exit(1);
}

static void clock_gettime_sys(void)
{
	struct timespec ts;

	syscall(SYS_clock_gettime, CLOCK_MONOTONIC, &ts);
}

static void clock_gettime_vdso(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
}

static void on_signal(int signo)
{
}

static void signal_round(void)
{
	kill(getpid(), SIGUSR1);
}

static const struct {
	const char *name;
	void (*fn)(void);
} rows[] = {
	{ "null_syscall", null_syscall },
	{ "read_zero_1b", read_zero },
	{ "clk_gettime_sys", clock_gettime_sys },
	{ "clk_gettime_vdso", clock_gettime_vdso },
	{ "sig_deliver", signal_round },
};

static int compare(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

static uint64_t measure(void (*fn)(void))
{
	uint64_t batch[BATCHES], start;
	int i, j;

	for (i = -1; i < BATCHES; i++) {
		start = ticks();
		for (j = 0; j < CALLS; j++)
			fn();
		if (i >= 0)	/* the first one warms up */
			batch[i] = (ticks() - start) / CALLS;
	}
	qsort(batch, BATCHES, sizeof(*batch), compare);
	return batch[BATCHES / 2];
}

static uint64_t limit_of(const char *name, int argc, char **argv)
{
	int i;

	for (i = 1; i + 1 < argc; i += 2)
		if (!strcmp(argv[i], name))
			return atol(argv[i + 1]);
	return UINT64_MAX;
}

int main(int argc, char **argv)
{
	int i;

	ksft_print_header();
	ksft_set_plan(ARRAY_SIZE(rows));
	zero_fd = open("/dev/zero", O_RDONLY);
	signal(SIGUSR1, on_signal);
	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		uint64_t cost = measure(rows[i].fn);

		ksft_test_result(cost <= limit_of(rows[i].name, argc, argv), "%s: %lu ticks\n",
				 rows[i].name, cost);
	}
	ksft_finished();
}
