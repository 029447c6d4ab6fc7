// SPDX-License-Identifier: GPL-2.0-only
/*
 * reach.c: what root may ask for and a domain does not have.  It is refused, or is
 * the process's own fault, and the domain goes on.
 *
 *   1. hardware watchpoints where an entry into the kernel writes
 *   2. physical memory beyond the domain's RAM
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/hw_breakpoint.h>
#include <linux/perf_event.h>
#include <setjmp.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "common.h"
#include "kselftest.h"

/* 1. Watchpoints */

static volatile uint64_t watched;

static int watch(uint64_t address)
{
	struct perf_event_attr attr = {
		.type = PERF_TYPE_BREAKPOINT,
		.size = sizeof(attr),
		.bp_type = HW_BREAKPOINT_RW,
		.bp_addr = address,
		.bp_len = HW_BREAKPOINT_LEN_8,
	};

	return syscall(SYS_perf_event_open, &attr, 0, -1, -1, 0);
}

static uint64_t symbol(const char *wanted)
{
	FILE *file = fopen("/proc/kallsyms", "r");
	char line[256], name[128];
	uint64_t address;

	while (file && fgets(line, sizeof(line), file))
		if (sscanf(line, "%lx %*c %127s", &address, name) == 2 && !strcmp(name, wanted)) {
			fclose(file);
			return address;
		}
	ksft_exit_fail_msg("no symbol %s\n", wanted);
	return 0;
}

static bool refused(uint64_t address)
{
	int fd = watch(address);

	if (fd < 0)
		return errno == EINVAL;
	/* the entries that this is about: a domain without the check ends here */
	getppid();
	close(fd);
	return false;
}

static void test_allowed(void)
{
	int fd = watch((uint64_t)&watched), kernel = watch(symbol("loops_per_jiffy"));
	uint64_t count = 0;

	watched = 1;
	ksft_test_result(fd >= 0 && read(fd, &count, sizeof(count)) == sizeof(count) && count == 1,
			 "a watchpoint on one's own memory counts\n");
	ksft_test_result(kernel >= 0, "the kernel's data can be watched\n");
	close(fd);
	close(kernel);
}

/* Each area of the size of a task's stack (16 KiB and the guard page), at its top. */
static void test_stacks(void)
{
	unsigned int areas = 0, allowed = 0;
	uint64_t from, to, size;
	char line[512];
	FILE *file;

	/* 1: root may see the addresses, without it they are hashed */
	write_knob("/proc/sys/kernel/kptr_restrict", "1");
	file = fopen("/proc/vmallocinfo", "r");
	while (file && fgets(line, sizeof(line), file)) {
		/* modules are listed, too, in their own area */
		if (sscanf(line, "0x%lx-0x%lx %lu", &from, &to, &size) != 3 ||
		    size != 5 * 4096 || from >= 0xffffffff80000000)
			continue;
		areas++;
		if (!refused(to - 4096 - 40)) {
			ksft_print_msg("allowed: %s", line);
			allowed++;
		}
	}
	ksft_print_msg("%u areas like stacks, %u could be watched\n", areas, allowed);
	ksft_test_result(areas && !allowed, "no task's stack can be watched\n");
	ksft_test_result(refused(symbol("init_stack") + 16384 - 64), "nor the first one\n");
}

/* 2. Memory */

static sigjmp_buf back;
static volatile int got, got_code;

static void caught(int signo, siginfo_t *info, void *context)
{
	got = signo;
	got_code = info->si_code;
	siglongjmp(back, 1);
}

static void test_beyond(void)
{
	struct sigaction action = { .sa_sigaction = caught, .sa_flags = SA_SIGINFO };
	int fd = open("/dev/mem", O_RDWR), pipes[2];
	volatile char *p;

	p = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0x800000000);
	if (fd < 0 || p == MAP_FAILED || pipe(pipes))
		ksft_exit_fail_msg("/dev/mem: %s\n", strerror(errno));
	sigaction(SIGBUS, &action, NULL);
	if (!sigsetjmp(back, 1))
		(void)*p;
	ksft_test_result(got == SIGBUS && got_code == BUS_ADRERR, "a read beyond RAM: SIGBUS\n");
	got = 0;
	if (!sigsetjmp(back, 1))
		*p = 1;
	ksft_test_result(got == SIGBUS && got_code == BUS_ADRERR, "a write beyond RAM: SIGBUS\n");
	ksft_test_result(write(pipes[1], (const void *)p, 1) < 0 && errno == EFAULT,
			 "the kernel reads it for the process: EFAULT\n");
	munmap((void *)p, 4096);
	close(fd);
}

int main(void)
{
	ksft_print_header();
	ksft_set_plan(7);
	test_allowed();
	test_stacks();
	test_beyond();
	ksft_finished();
}
