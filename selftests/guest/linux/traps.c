// SPDX-License-Identifier: GPL-2.0-only
/*
 * traps.c: what a user program gets for instructions that are not for it.
 *
 *   1. how one case runs: in a child, with all signals caught and written down
 *   2. the cases, most of them in assembly (traps_cases.h)
 *   3. the table, with what Linux is known to answer
 *   4. a value check: what must work and must say the truth
 *
 * Each case prints a line "# = NAME: ..." with the signal, si_code, si_addr,
 * vector and error code.  The same program on the host is the oracle: the rig
 * compares these lines (selftests/rig/inside/linux --same).  Where what is right
 * is known besides, it is in the table and is checked everywhere.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <ucontext.h>
#include <unistd.h>

#include "kselftest.h"
#include "common.h"

/* 1. One case */

struct outcome {
	int signo, code;
	uint64_t addr, ip, trap, error, cr2;
	bool returned;
};

static struct outcome *seen;
static char *scratch;		/* 2 pages, read and write, then a hole */
static char *readonly, *beyond;	/* a page; a page of a file behind its end */

static void caught(int signo, siginfo_t *info, void *context)
{
	const greg_t *regs = ((ucontext_t *)context)->uc_mcontext.gregs;

	seen->signo = signo;
	seen->code = info->si_code;
	seen->addr = (uint64_t)info->si_addr;
	seen->ip = regs[REG_RIP];
	seen->trap = regs[REG_TRAPNO];
	seen->error = regs[REG_ERR];
	seen->cr2 = regs[REG_CR2];
	_exit(0);
}

/* Returns false when the case neither returned nor got a signal that it can catch. */
static bool run(void (*fn)(void))
{
	int status;
	pid_t pid;

	memset(seen, 0, sizeof(*seen));
	pid = fork();
	if (!pid) {
		catch_signals(caught);
		alarm(20);
		fn();
		seen->returned = true;
		_exit(0);
	}
	waitpid(pid, &status, 0);
	if (!status)
		return true;
	ksft_print_msg("child status %#x\n", status);
	return false;
}

/* 2. Cases.  Each is a function that begins with the instruction. */

#define CASE(name, expected, text)	".balign 16\ncase_" #name ":\n" text "\nret\n"
asm(".pushsection .text\n"
#include "traps_cases.h"
    ".popsection\n");
#undef CASE

#define CASE(name, expected, text)	".quad case_" #name "\n"
asm(".pushsection .data.rel.ro, \"aw\"\n"
    ".globl assembly_cases\n"
    "assembly_cases:\n"
#include "traps_cases.h"
    ".popsection\n");
#undef CASE

/* In the order of the table, whose first entries they are. */
extern void (*const assembly_cases[])(void);

static void peek(const void *at)
{
	asm volatile("movb (%0), %%al" :: "r"(at) : "rax", "memory");
}

static void poke(void *at)
{
	asm volatile("movb $1, (%0)" :: "r"(at) : "memory");
}

static void case_write_readonly(void)
{
	poke(readonly);
}

static void case_read_hole(void)
{
	peek(scratch + 8192);
}

static void case_write_hole(void)
{
	poke(scratch + 8192);
}

static void case_run_data(void)
{
	((void (*)(void))scratch)();
}

static void case_beyond_file(void)
{
	peek(beyond);
}

static void case_align_check(void)
{
	asm volatile("pushf; orl $0x40000, (%%rsp); popf; movl 1(%0), %%eax"
		     :: "r"(scratch) : "eax", "memory");
}

static void case_x87_divide(void)
{
	unsigned short cw = 0x37b;	/* division by zero unmasked */

	asm volatile("fldcw %0; fld1; fldz; fdivrp; fwait" :: "m"(cw));
}

static void case_sse_divide(void)
{
	unsigned int mxcsr = 0x1d80;	/* division by zero unmasked */
	float zero = 0, one = 1;

	asm volatile("ldmxcsr %0; divss %1, %2" :: "m"(mxcsr), "x"(zero), "x"(one));
}

/* 3. The table */

#define ANY	-1
#define IP	1	/* si_addr is the instruction's */
#define NIL	0

static const struct {
	const char *name;
	void (*fn)(void);
	int signo, code, addr;	/* ANY: only compared with the host's */
} cases[] = {
#define GP	SIGSEGV, SI_KERNEL, NIL
#define UD	SIGILL, ILL_ILLOPN, IP
#define DE	SIGFPE, FPE_INTDIV, ANY
#define HOLE	SIGSEGV, SEGV_MAPERR, ANY
#define AS_HOST	ANY, ANY, ANY
#define CASE(name, expected, text) { #name, NULL, expected },
#include "traps_cases.h"
#undef CASE
	{ "write_readonly", case_write_readonly, SIGSEGV, SEGV_ACCERR, ANY },
	{ "read_hole", case_read_hole, SIGSEGV, SEGV_MAPERR, ANY },
	{ "write_hole", case_write_hole, SIGSEGV, SEGV_MAPERR, ANY },
	{ "run_data", case_run_data, SIGSEGV, SEGV_ACCERR, ANY },
	{ "beyond_file", case_beyond_file, SIGBUS, BUS_ADRERR, ANY },
	{ "x87_divide", case_x87_divide, SIGFPE, FPE_FLTDIV, ANY },
	{ "align_check", case_align_check, AS_HOST },
	{ "sse_divide", case_sse_divide, AS_HOST },
};

/*
 * QEMU's TCG reads the stack of a far return as supervisor, which makes it a
 * kernel fault where SMAP is on, native Linux included.
 */
static bool emulator_breaks(const char *name)
{
	unsigned int eax, ebx, ecx, edx;

	if (strncmp(name, "iretq", 5) && strncmp(name, "lretq", 5))
		return false;
	__cpuid_count(7, 0, eax, ebx, ecx, edx);
	if (!(ebx & 1 << 20))
		return false;
	__cpuid_count(0x40000000, 0, eax, ebx, ecx, edx);
	return ebx == 0x54474354;	/* "TCGTCGTCGTCG" */
}

static void test_case(int i)
{
	void (*fn)(void) = cases[i].fn ?: assembly_cases[i];
	uint64_t start = (uint64_t)fn;
	char where[32];
	bool good;

	if (emulator_breaks(cases[i].name)) {
		ksft_test_result_skip("%s: not in this emulator\n", cases[i].name);
		return;
	}
	good = run(fn);
	if (seen->returned) {
		ksft_print_msg("= %s: returns\n", cases[i].name);
		good = good && cases[i].signo <= 0;
	} else {
		/* what moves with the program's addresses is shown relative to them */
		if (seen->addr && seen->addr - start < 128)
			snprintf(where, sizeof(where), "start+%lu", seen->addr - start);
		else if (seen->addr - (uint64_t)scratch < 16384)
			snprintf(where, sizeof(where), "scratch+%lu",
				 seen->addr - (uint64_t)scratch);
		else if (seen->addr == (uint64_t)readonly || seen->addr == (uint64_t)beyond)
			snprintf(where, sizeof(where), "mapping");
		else
			snprintf(where, sizeof(where), "%#lx", seen->addr);
		ksft_print_msg("= %s: signal %d code %d addr %s trap %lu error %#lx\n",
			       cases[i].name, seen->signo, seen->code, where, seen->trap,
			       seen->error);
		if (cases[i].signo != ANY)
			good = good && seen->signo == cases[i].signo &&
			       seen->code == cases[i].code;
		if (cases[i].addr == IP)
			good = good && seen->addr == seen->ip;
		else if (cases[i].addr == NIL)
			good = good && !seen->addr;
	}
	ksft_test_result(good, "%s\n", cases[i].name);
}

/* 4. Values */

/* popf cannot turn interrupts off or the I/O level up, nor does pushf show that it did. */
static bool flags_ok(void)
{
	unsigned long flags;

	asm volatile("pushf; pop %0; andq $~0x200, %0; orq $0x3000, %0;"
		     "push %0; popf; pushf; pop %0"
		     : "=&r"(flags) :: "memory", "cc");
	return (flags & 0x3200) == 0x200;
}

static bool cpu_number_ok(void)
{
	unsigned int lsl, vdso, syscall_says, node;
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(sched_getcpu(), &set);
	sched_setaffinity(0, sizeof(set), &set);
	asm volatile("lsl %1, %0" : "=r"(lsl) : "r"(0x7b) : "cc");
	vdso = sched_getcpu();
	syscall(SYS_getcpu, &syscall_says, &node, NULL);
	return vdso == syscall_says && (lsl & 0xfff) == syscall_says;
}

/* Bits that survive a round trip through a system call. */
static bool flags_kept(void)
{
	unsigned long before = 0x40cd7, after;	/* AC, DF clear below, OF SF ZF AF PF CF */

	before &= ~0x400UL;
	asm volatile("push %2; popf; syscall; pushf; pop %0"
		     : "=&r"(after), "=a"((int){0}) : "r"(before), "a"(SYS_getppid)
		     : "rcx", "r11", "memory", "cc");
	asm volatile("pushf; andl $~0x40000, (%%rsp); popf" ::: "memory", "cc");
	return (after & 0x40cd5) == (before & 0x40cd5);
}

static void make_mappings(void)
{
	FILE *file = tmpfile();

	seen = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	scratch = mmap(NULL, 3 * 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	memset(scratch, 0xc3, 8192);
	readonly = mmap(NULL, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (!file)
		ksft_exit_fail_msg("no temporary file: %s\n", strerror(errno));
	beyond = mmap(NULL, 4096, PROT_READ, MAP_SHARED, fileno(file), 0);
	munmap(scratch + 8192, 4096);	/* the last: nothing may move in */
}

static void write_57_bits(void)
{
	asm volatile("movabs $0x0001200000000000, %%rax\n movb %%al, (%%rax)" : : : "rax", "memory");
}

/*
 * An address of 57 bits is none where page tables have 4 levels, and they always have in
 * a domain: the host's may have 5, so this is not compared with it.
 */
static bool wide_address_ok(void)
{
	void *wide = mmap((void *)(1UL << 50), 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	bool five = (uint64_t)wide >> 47 && wide != MAP_FAILED;

	return run(write_57_bits) && !seen->returned && seen->signo == SIGSEGV &&
	       seen->code == (five ? SEGV_MAPERR : SI_KERNEL);
}

int main(void)
{
	int i;

	ksft_print_header();
	ksft_set_plan(ARRAY_SIZE(cases) + 4);
	make_mappings();
	for (i = 0; i < ARRAY_SIZE(cases); i++)
		test_case(i);
	ksft_test_result(wide_address_ok(), "an address of 57 bits\n");
	ksft_test_result(flags_ok(), "interrupt flag and I/O level stay\n");
	ksft_test_result(flags_kept(), "a system call keeps the flags\n");
	ksft_test_result(cpu_number_ok(), "all ways to ask for the CPU's number agree\n");
	ksft_finished();
}
