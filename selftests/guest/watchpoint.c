// SPDX-License-Identifier: GPL-2.0-only
/*
 * Debug exceptions where they hurt: a watchpoint hit by MOV SS is held back until
 * after the next instruction, and so fires in ring 0 when that is SYSCALL, INT3 or
 * any that faults (CVE-2018-8897). The switcher must absorb it. Single steps over
 * system calls and returns, breakpoints on the hypercall page and on the vCPU page
 * that the hypervisor writes. Breakpoints in its slot are refused.
 */
#include "hostile.h"

#define DR7_RW0		0x000f0003ULL	/* enabled, read and write, 4 bytes */
#define DR7_X0		0x00000003ULL	/* enabled, execute */
#define SS_PLACE	USER_DATA

#define AFTER_MOV_SS(name, insn) \
	FRAGMENT(name, "mov %rdi, %rbx\n mov $7, %eax\n mov (%rbx), %ss\n" insn USER_EXIT)
AFTER_MOV_SS(ss_syscall, "syscall\n");
AFTER_MOV_SS(ss_int3, "int3\n");
AFTER_MOV_SS(ss_icebp, ".byte 0xf1\n");
AFTER_MOV_SS(ss_ud2, "ud2\n");
AFTER_MOV_SS(ss_cli, "cli\n");
AFTER_MOV_SS(ss_int80, "int $0x80\n");
AFTER_MOV_SS(ss_touch, "mov 0, %eax\n");
FRAGMENT(step_syscall,
	 "mov $7, %eax\n pushf\n orq $0x100, (%rsp)\n popf\n syscall\n nop\n" USER_EXIT);
FRAGMENT(step_nop, "nop\n nop\n" USER_EXIT);

static unsigned int calls;

static long count(u64 nr, u64 arg)
{
	calls += nr == 7;
	return arg;
}

static void watch(u64 va, u64 dr7)
{
	hc2(DOMUS_HC_SET_DEBUGREG, 0, va);
	hc2(DOMUS_HC_SET_DEBUGREG, 6, 0);
	hc2(DOMUS_HC_SET_DEBUGREG, 7, dr7);
}

/* The trap itself, or the watchpoint where the CPU does not hold it back. */
static bool watched(const u8 *from, const u8 *to, int vector)
{
	int got;

	watch(SS_PLACE, DR7_RW0);
	got = attempt_user(from, to, SS_PLACE);
	watch(0, 0);
	if (got != vector && got != 1)
		print("# vector %d, error %lx\n", got, outcome.error);
	return got == vector || (got == 1 && (outcome.cr2 & 1));
}

#define WATCHED(name, vector) watched(name, name##_end, vector)

static void call_after_mov_ss(u64 place)
{
	long result;

	asm volatile("mov (%1), %%ss\n syscall"
		     : "=a"(result) : "r"(place), "a"(DOMUS_HC_VERSION)
		     : "rcx", "r11", "memory");
	ok(result == (DOMUS_ABI_MAJOR << 16 | DOMUS_ABI_MINOR), "a call after MOV SS is made");
}

static void make_call(u64 nr)
{
	hc0(nr);
}

static void step_call(u64 nr)
{
	asm volatile("pushf\n orq $0x100, (%%rsp)\n popf\n mov %0, %%rax\n syscall\n nop"
		     : : "r"(nr) : "rax", "rcx", "r11", "memory", "cc");
}

static void return_stepping(u64 target)
{
	struct domus_return *ret = &vp()->ret;

	ret->rip = target;
	ret->cs = DOMUS_KERNEL_CS;
	ret->rflags = 0x102;
	asm volatile("mov %%rsp, %0" : "=m"(ret->rsp));
	hc0(DOMUS_HC_RETURN);
}

static void nothing(void)
{
	asm volatile("nop; nop; nop");
}

static unsigned int refusals(void)
{
	static const u64 places[] = {
		0xffff800000000000, 0xffff800000000000 - 1, 0xffff807fffffffff,
		0xffff801234567890, 0xff00000000000000, 0xff7fffffffffffff,
		0x0000800000000000, 0xffff7ffffffffff8,
	};
	static const u64 sevens[] = {
		1 << 13 | 3, 0x00020001, 0x20000000 | 3, ~0ULL, 1ULL << 32 | 3, 1 << 14 | 1,
	};
	unsigned int i, taken = 0;

	/* with 5 levels the slot is elsewhere, and not an address of the guest's */
	for (i = 0; i < sizeof(places) / sizeof(*places); i++)
		if (hc2(DOMUS_HC_SET_DEBUGREG, i & 3, places[i]) != -22)
			taken |= 1 << i;
	for (i = 0; i < sizeof(sevens) / sizeof(*sevens); i++)
		if (hc2(DOMUS_HC_SET_DEBUGREG, 7, sevens[i]) != -22)
			taken |= 0x100 << i;
	for (i = 0; i < 4; i++)
		hc2(DOMUS_HC_SET_DEBUGREG, i, 0);
	hc2(DOMUS_HC_SET_DEBUGREG, 7, 0);
	return taken;
}

/* 5-level hosts may take places of the 4-level slot: it is not theirs. */
#define FIVE_LEVELS_TAKE 0x0d

void test(void)
{
	u8 *data;
	unsigned int taken;
	u64 five;

	plan(18);
	hostile_init();
	on_syscall(count);
	data = va(*find_pte(guest_root(), USER_DATA) & 0x000ffffffffff000ULL);
	*(u64 *)data = 0x2b;

	ok(WATCHED(ss_syscall, NO_TRAP), "MOV SS, SYSCALL under a watchpoint");
	ok(WATCHED(ss_int3, 3), "MOV SS, INT3");
	ok(WATCHED(ss_icebp, 1), "MOV SS, ICEBP");
	ok(WATCHED(ss_ud2, 6), "MOV SS, UD2");
	ok(WATCHED(ss_cli, 13), "MOV SS, CLI");
	ok(WATCHED(ss_int80, 13), "MOV SS, INT 0x80");
	ok(WATCHED(ss_touch, 14), "MOV SS, page fault");
	call_after_mov_ss((u64)data);
	watch((u64)data, DR7_RW0);
	attempt(call_after_mov_ss, (u64)data);
	watch(0, 0);
	ok(outcome.vector == NO_TRAP || outcome.vector == 1, "under a watchpoint: %d",
	   outcome.vector);
	ok(outcome.vector != 1 || (outcome.cr2 & 1), "DR6 names it: %lx", outcome.cr2);

	/* what the hypervisor reads and writes is no access of the guest's */
	watch((u64)&vp()->frame.rip, DR7_RW0);
	attempt(make_call, DOMUS_HC_VERSION);
	ok(outcome.vector == NO_TRAP, "a watchpoint on the vCPU page bears a call");
	watch(0, 0);

	watch(0xffffffff80000000, DR7_X0);
	five = hcall(DOMUS_HC_GET_DEBUGREG, 7, 0, 0, 0, 0, &five) ? 0 : five;
	ok(five == 0x403, "DR7 reads back: %lx", five);
	watch(0, 0);

	calls = 0;
	attempt_user(step_syscall, step_syscall_end, 0);
	ok(outcome.vector == 1 || (outcome.vector == NO_TRAP && calls), "stepping over SYSCALL: %d",
	   outcome.vector);
	attempt(step_call, DOMUS_HC_VERSION);
	ok(outcome.vector == 1, "stepping over a call: %d", outcome.vector);
	attempt(step_call, DOMUS_HC_PAGE_CALLS - 1);
	ok(outcome.vector == 1, "over a bad one, too: %d", outcome.vector);
	attempt(return_stepping, (u64)nothing);
	ok(outcome.vector == 1 && outcome.rip - (u64)nothing < 16 && (outcome.cr2 & 0x4000),
	   "RETURN with TF steps: %d at +%lx, DR6 %lx", outcome.vector,
	   outcome.rip - (u64)nothing, outcome.cr2);
	attempt_user(step_nop, step_nop_end, 0);
	ok(outcome.vector == NO_TRAP, "no step is left over: %d", outcome.vector);

	taken = refusals();
	ok(!(taken & ~FIVE_LEVELS_TAKE), "breakpoints in the hypervisor's slot are refused: %x",
	   taken);
}
