// SPDX-License-Identifier: GPL-2.0-only
/*
 * The world switch under NMIs and machine checks: this guest does nothing but enter and
 * leave it, in all ways, for ms=N. RDX, and every other register that can, holds 1 all
 * the time: where the host's NMI entry finds a 1 in the word below its own frame, it
 * takes it for its "NMI executing" mark. Selectors and breakpoints are loaded, so that
 * the switch has all its steps. Nothing may be lost of the guest's registers. nmi.sh
 * does the rest.
 */
#include "hostile.h"

#define ONES	"mov $1, %ebx\n mov $1, %ecx\n mov $1, %edx\n mov $1, %esi\n mov $1, %edi\n" \
		"mov $1, %ebp\n mov $1, %r8d\n mov $1, %r9d\n mov $1, %r10d\n mov $1, %r11d\n" \
		"mov $1, %r12d\n mov $1, %r13d\n mov $1, %r14d\n mov $1, %r15d\n"
#define SUM	"add %rdx, %rbx\n add %rsi, %rbx\n add %rdi, %rbx\n add %rbp, %rbx\n" \
		"add %r8, %rbx\n add %r9, %rbx\n add %r10, %rbx\n add %r12, %rbx\n" \
		"add %r13, %rbx\n add %r14, %rbx\n add %r15, %rbx\n"

u64 ones_call(u64 nr), ones_spin(u64 unused), ones_ud2(u64 unused);

#define FUNCTION(name, body)							\
	asm(#name ":\n push %rbx\n push %rbp\n push %r12\n push %r13\n push %r14\n push %r15\n" \
	    body "mov %rbx, %rax\n"						\
	    "pop %r15\n pop %r14\n pop %r13\n pop %r12\n pop %rbp\n pop %rbx\n ret\n")

FUNCTION(ones_call, "mov %rdi, %rax\n" ONES "syscall\n" SUM);
FUNCTION(ones_spin, ONES "mov $20000, %eax\n 1: dec %eax\n jnz 1b\n" SUM);
FUNCTION(ones_ud2, ONES "ud2\n" SUM);

FRAGMENT(user_ones,
	 "mov $200, %eax\n 1: push %rax\n" ONES "mov $7, %eax\n syscall\n" SUM
	 "pop %rax\n cmp $12, %rbx\n jne 2f\n dec %eax\n jnz 1b\n"
	 "2: mov %rbx, %rdi\n xor %eax, %eax\n syscall\n");
FRAGMENT(user_spin,
	 ONES "mov $20000, %eax\n 1: dec %eax\n jnz 1b\n" SUM
	 "mov %rbx, %rdi\n xor %eax, %eax\n syscall\n");

static bool skip_ud2(struct guest_regs *regs)
{
	regs->rip += 2;
	return true;
}

static long keep(u64 nr, u64 arg)
{
	return 0;
}

static unsigned int one_round(void)
{
	unsigned int i, bad = 0;

	for (i = 0; i < 50; i++) {
		bad += ones_call(DOMUS_HC_PAGE_CALLS - 1) != 12;
		bad += ones_ud2(0) != 12;
	}
	bad += ones_spin(0) != 12;
	bad += ATTEMPT_USER(user_ones, 0) != NO_TRAP || outcome.value != 12;
	bad += ATTEMPT_USER(user_spin, 0) != NO_TRAP || outcome.value != 12;
	return bad;
}

void test(void)
{
	u64 end = hc1(DOMUS_HC_GET_TIME, DOMUS_TIME_MONOTONIC) + arg_number("ms", 5000) * 1000000;
	unsigned int bad = 0, rounds = 0;

	plan(1);
	hostile_init();
	on_trap(6, skip_ud2);
	on_syscall(keep);
	asm volatile("mov %0, %%ds\n mov %0, %%es\n mov %0, %%fs" : : "r"(0x2b));
	hc2(DOMUS_HC_SET_DEBUGREG, 0, USER_DATA + 64);
	hc2(DOMUS_HC_SET_DEBUGREG, 7, 0xf0003);
	while ((u64)hc1(DOMUS_HC_GET_TIME, DOMUS_TIME_MONOTONIC) < end) {
		bad += one_round();
		rounds++;
	}
	ok(!bad && rounds, "registers are kept: %u of %u rounds are not good", bad, rounds);
}
