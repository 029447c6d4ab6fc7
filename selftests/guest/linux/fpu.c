// SPDX-License-Identifier: GPL-2.0-only
/*
 * fpu.c [ROUNDS]: x87, SSE and AVX registers are a process's own.
 *
 *   1. all registers at once: loaded, kept for a while, stored
 *   2. processes that compete, with and without system calls and faults between
 *   3. signals, fork and a debugger see and change them as they should
 *
 * Run in two domains and on the host at once by fpu.sh.
 */
#define _GNU_SOURCE
#include <cpuid.h>
#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

#include "kselftest.h"
#include "common.h"

/* 1. Registers */

struct state {
	uint64_t ymm[16][4];
	uint64_t x87[8][2];	/* 80 bits used */
	uint32_t mxcsr;
	uint16_t control, status;
} __attribute__((aligned(32)));

static bool have_avx;

static void look_for_avx(void)
{
	unsigned int eax, ebx, ecx, edx;

	if (!__get_cpuid(1, &eax, &ebx, &ecx, &edx) || !(ecx & bit_OSXSAVE) || !(ecx & bit_AVX))
		return;
	asm volatile("xgetbv" : "=a"(eax), "=d"(edx) : "c"(0));
	have_avx = (eax & 6) == 6;
}

/* A state that no other seed gives; roundings and precisions differ, too. */
static void make_state(struct state *state, uint64_t seed)
{
	int i;

	memset(state, 0, sizeof(*state));
	fill(state->ymm, sizeof(state->ymm), seed);
	for (i = 0; i < 8; i++) {
		state->x87[i][0] = 1ULL << 63 | seed << 8 | i;	/* normal numbers: kept as they are */
		state->x87[i][1] = 0x3fff + (seed + i) % 100;
	}
	if (!have_avx)
		for (i = 0; i < 16; i++)
			memset(&state->ymm[i][2], 0, 16);
	state->mxcsr = 0x1f80 | (seed & 3) << 13;
	state->control = 0x37f & ~(seed % 3 == 1 ? 0x300 : 0) & ~(seed % 3 == 2 ? 0x100 : 0);
	state->control |= (seed & 3) << 10;
}

/* One instruction for each of the 16 vector registers, or the 8 of the x87 stack. */
#define EACH16(op)	".irp n, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15\n" op "\n.endr\n"
#define PUSH8		".irp n, 7, 6, 5, 4, 3, 2, 1, 0\nfldt 512+16*\\n(%[s])\n.endr\n"
#define POP8		".irp n, 0, 1, 2, 3, 4, 5, 6, 7\nfstpt 512+16*\\n(%[t])\n.endr\n"
#define LOAD16		EACH16("movups \\n*32(%[s]), %%xmm\\n")
#define STORE16		EACH16("movups %%xmm\\n, \\n*32(%[t])")
#define LOAD32		EACH16("vmovups \\n*32(%[s]), %%ymm\\n")
#define STORE32		EACH16("vmovups %%ymm\\n, \\n*32(%[t])")
#define LOAD_REST	"fninit\nfldcw 644(%[s])\nldmxcsr 640(%[s])\n" PUSH8
#define STORE_REST	"fnstcw 644(%[t])\nstmxcsr 640(%[t])\n" POP8 \
			"fnstsw 646(%[t])\nfninit\nldmxcsr %[mxcsr]\n"

/*
 * What is done in between: @spin rounds of a loop, each with a write to a page,
 * and system call @nr with @arg, @arg2 in the middle unless it is negative.
 */
#define MEANWHILE	"1: mov %[spin], %%rcx\n" \
			"2: incq (%[page])\nloop 2b\n" \
			"mov %[nr], %%rax\ntest %%rax, %%rax\njs 3f\n" \
			"mov %[arg], %%rdi\nmov %[arg2], %%rsi\nxor %%edx, %%edx\nsyscall\n" \
			"3: mov %[spin], %%rcx\n4: incq (%[page])\nloop 4b\n"
#define OPERANDS	: : [s] "r"(from), [t] "r"(to), [spin] "r"(spin), [page] "r"(page), \
			  [nr] "r"(nr), [arg] "r"(arg), [arg2] "r"(arg2), \
			  [mxcsr] "m"(usual) \
			: "rax", "rcx", "rdx", "rsi", "rdi", "r11", "memory", "cc", \
			  "xmm0", "xmm1", "xmm2", "xmm3", "xmm4", "xmm5", "xmm6", "xmm7", \
			  "xmm8", "xmm9", "xmm10", "xmm11", "xmm12", "xmm13", "xmm14", "xmm15"

static void __attribute__((noinline))
carry(const struct state *from, struct state *to, long spin, void *page, long nr, long arg,
      long arg2)
{
	static const uint32_t usual = 0x1f80;

	if (have_avx)
		asm volatile(LOAD32 LOAD_REST MEANWHILE STORE32 STORE_REST OPERANDS);
	else
		asm volatile(LOAD16 LOAD_REST MEANWHILE STORE16 STORE_REST OPERANDS);
}

static bool same(const struct state *from, struct state *to)
{
	const uint64_t *a = (const void *)from, *b = (const void *)to;
	int i;

	to->status = 0;
	for (i = 0; i < sizeof(*from) / 8; i++) {
		if (a[i] == b[i])
			continue;
		printf("# at byte %d: %#lx, not %#lx\n", i * 8, b[i], a[i]);
		return false;
	}
	return true;
}

static bool carried(uint64_t seed, long spin, void *page, long nr, long arg, long arg2)
{
	struct state from, to;

	make_state(&from, seed);
	memset(&to, 0, sizeof(to));
	carry(&from, &to, spin, page, nr, arg, arg2);
	return same(&from, &to);
}

/* 2. Competitors */

static bool compete(int me, int rounds)
{
	static const long calls[] = { -1, SYS_sched_yield, SYS_getppid, -1 };
	uint64_t random = getpid() * 77;
	char *page = map_pages(1);
	int i;

	for (i = 0; i < rounds; i++) {
		uint32_t r = next_random(&random);

		if (i % 16 == 0)	/* a fault in the midst of it */
			madvise(page, 4096, MADV_DONTNEED);
		if (!carried((uint64_t)me << 32 | i, 100 + r % 20000, page,
			     calls[r >> 20 & 3], 0, 0))
			return false;
	}
	munmap(page, 4096);
	return true;
}

static bool test_compete(int rounds)
{
	enum { CHILDREN = 4 };
	bool good = true;
	int i, status;

	for (i = 0; i < CHILDREN; i++)
		if (!fork())
			_exit(!compete(getpid() * 8 + i, 60 * rounds));
	for (i = 0; i < CHILDREN; i++)
		good = wait(&status) > 0 && !status && good;
	return good;
}

/* 3. Signals, fork, debuggers */

static int handled;
static bool handler_good;

static void on_signal(int signo)
{
	static uint64_t page;

	__atomic_add_fetch(&handled, 1, __ATOMIC_SEQ_CST);
	handler_good = handler_good && carried(4711 + handled, 100, &page, SYS_getppid, 0, 0);
}

/* A handler uses what the interrupted code keeps. */
static bool test_signal(int rounds)
{
	struct sigaction action = { .sa_handler = on_signal };
	uint64_t page;
	int i;

	sigaction(SIGUSR1, &action, NULL);
	handler_good = true;
	handled = 0;
	for (i = 0; i < 20 * rounds; i++)
		if (!carried(i + 1, 10, &page, SYS_kill, getpid(), SIGUSR1))
			return false;
	return handler_good && __atomic_load_n(&handled, __ATOMIC_SEQ_CST) == i;
}

/* Registers are inherited.  The child is made inside of carry(), by the bare call. */
static bool test_fork(int rounds)
{
	bool good = true;
	pid_t me = getpid();
	uint64_t page;
	int i, status;

	for (i = 0; i < 10 * rounds; i++) {
		bool here = carried(i + 900, 10, &page, SYS_fork, 0, 0);

		if (getpid() != me)
			_exit(!here);
		good = wait(&status) > 0 && !status && here && good;
	}
	return good;
}

/* A debugger reads XMM registers of a stopped process and writes others. */
static bool test_debugger(void)
{
	struct state from, other, to;
	struct user_fpregs_struct regs;
	uint64_t page;
	int status, i;
	bool good;
	pid_t pid;

	make_state(&from, 31);
	make_state(&other, 32);
	memset(&to, 0, sizeof(to));
	pid = fork();
	if (!pid) {
		ptrace(PTRACE_TRACEME, 0, NULL, NULL);
		carry(&from, &to, 10, &page, SYS_kill, getpid(), SIGSTOP);
		for (i = 0; i < 16; i++)
			if (memcmp(to.ymm[i], i & 1 ? other.ymm[i] : from.ymm[i], 16) ||
			    memcmp(&to.ymm[i][2], &from.ymm[i][2], 16))
				_exit(1);
		_exit(0);
	}
	waitpid(pid, &status, 0);
	good = WIFSTOPPED(status) && !ptrace(PTRACE_GETFPREGS, pid, NULL, &regs) &&
	       regs.mxcsr == from.mxcsr && regs.cwd == from.control;
	for (i = 0; i < 16; i++)
		good = good && !memcmp((char *)regs.xmm_space + 16 * i, from.ymm[i], 16);
	for (i = 0; i < 8; i++)
		good = good && !memcmp((char *)regs.st_space + 16 * i, from.x87[i], 10);
	for (i = 1; i < 16; i += 2)
		memcpy((char *)regs.xmm_space + 16 * i, other.ymm[i], 16);
	good = good && !ptrace(PTRACE_SETFPREGS, pid, NULL, &regs);
	ptrace(PTRACE_CONT, pid, NULL, NULL);
	return waitpid(pid, &status, 0) == pid && !status && good;
}

int main(int argc, char **argv)
{
	int rounds = argc > 1 ? atoi(argv[1]) : 1;

	look_for_avx();
	setvbuf(stdout, NULL, _IOLBF, BUFSIZ);
	ksft_print_header();
	ksft_set_plan(4);
	ksft_print_msg("AVX %s\n", have_avx ? "too" : "is not there");
	ksft_test_result(test_compete(rounds), "four processes\n");
	ksft_test_result(test_signal(rounds), "signals\n");
	ksft_test_result(test_fork(rounds), "fork\n");
	ksft_test_result(test_debugger(), "debugger\n");
	ksft_finished();
}
