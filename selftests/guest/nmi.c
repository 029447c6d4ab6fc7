// SPDX-License-Identifier: GPL-2.0-only
/*
 * The world switch under NMIs and machine checks: this guest does nothing but enter and
 * leave it, in all ways, until the host wants its second vCPU online. Roots at
 * hand are loaded, and user mode faults on pages that are not there or may not be written
 * to, which the switcher delivers itself where no breakpoint is set. RDX, and every other
 * register that can, holds 1 all the time: where the host's NMI entry finds a 1 in the word
 * below its own frame, it takes it for its "NMI executing" mark. Selectors and, in one round
 * of two, breakpoints are loaded, so that the switch has all its steps. Nothing may be lost
 * of the guest's registers. nmi.sh does the rest.
 */
#include "hostile.h"

#define TEXT_OF(x)	#x
#define TEXT(x)		TEXT_OF(x)

#define AREA		0x700000	/* of pages that user mode finds missing */
#define AREA_END	0x710000
#define AREA_PAGES	16

#define ONES	"mov $1, %ebx\n mov $1, %ecx\n mov $1, %edx\n mov $1, %esi\n mov $1, %edi\n" \
		"mov $1, %ebp\n mov $1, %r8d\n mov $1, %r9d\n mov $1, %r10d\n mov $1, %r11d\n" \
		"mov $1, %r12d\n mov $1, %r13d\n mov $1, %r14d\n mov $1, %r15d\n"
#define SUM	"add %rdx, %rbx\n add %rsi, %rbx\n add %rdi, %rbx\n add %rbp, %rbx\n" \
		"add %r8, %rbx\n add %r9, %rbx\n add %r10, %rbx\n add %r12, %rbx\n" \
		"add %r13, %rbx\n add %r14, %rbx\n add %r15, %rbx\n"

u64 ones_call(u64 nr), ones_spin(u64 unused), ones_ud2(u64 unused), ones_root(u64 gpa);

#define FUNCTION(name, body)							\
	asm(#name ":\n push %rbx\n push %rbp\n push %r12\n push %r13\n push %r14\n push %r15\n" \
	    body "mov %rbx, %rax\n"						\
	    "pop %r15\n pop %r14\n pop %r13\n pop %r12\n pop %rbp\n pop %rbx\n ret\n")

FUNCTION(ones_call, "mov %rdi, %rax\n" ONES "syscall\n" SUM);
FUNCTION(ones_spin, ONES "mov $2000, %eax\n 1: dec %eax\n jnz 1b\n" SUM);
FUNCTION(ones_ud2, ONES "ud2\n" SUM);
FUNCTION(ones_root, "push %rdi\n" ONES "mov (%rsp), %rdi\n"
	 "mov $" TEXT(DOMUS_HC_LOAD_ROOT) ", %eax\n syscall\n" SUM "add $8, %rsp\n");

FRAGMENT(user_ones,
	 "mov $200, %eax\n 1: push %rax\n" ONES "mov $7, %eax\n syscall\n" SUM
	 "pop %rax\n cmp $12, %rbx\n jne 2f\n dec %eax\n jnz 1b\n"
	 "2: mov %rbx, %rdi\n xor %eax, %eax\n syscall\n");
FRAGMENT(user_spin,
	 ONES "mov $2000, %eax\n 1: dec %eax\n jnz 1b\n" SUM
	 "mov %rbx, %rdi\n xor %eax, %eax\n syscall\n");

/* Reads each page, then writes to each. */
FRAGMENT(user_touch,
	 ONES "mov $" TEXT(AREA) ", %eax\n 1: testb $0, (%rax)\n add $4096, %eax\n"
	 "cmp $" TEXT(AREA_END) ", %eax\n jne 1b\n"
	 "mov $" TEXT(AREA) ", %eax\n 2: movb $1, (%rax)\n add $4096, %eax\n"
	 "cmp $" TEXT(AREA_END) ", %eax\n jne 2b\n"
	 SUM "mov %rbx, %rdi\n xor %eax, %eax\n syscall\n");

static u64 *roots[2], *area[AREA_PAGES], area_page[AREA_PAGES];
static u64 faults, touches;

static bool skip_ud2(struct guest_regs *regs)
{
	regs->rip += 2;
	return true;
}

static long keep(u64 nr, u64 arg)
{
	return 0;
}

/* What user mode does not find it gets: to be read, or with the next fault to be written. */
static bool give_page(struct guest_regs *regs)
{
	u64 at = (regs->cr2 - AREA) / 4096;

	if (regs->cr2 < AREA || regs->cr2 >= AREA_END || regs->cs != DOMUS_USER_CS)
		return false;
	*area[at] = area_page[at] | PTE_P | PTE_U | PTE_A;
	if (regs->error & 2)
		*area[at] |= PTE_W | PTE_D;
	faults++;
	return true;
}

static bool touch(void)
{
	unsigned int i;
	bool good = ATTEMPT_USER(user_touch, 0) == NO_TRAP && outcome.value == 12;

	touches++;
	for (i = 0; i < AREA_PAGES; i++)
		*area[i] = 0;
	hcall(DOMUS_HC_MMU_FLUSH, DOMUS_FLUSH_RANGE, pa(guest_root()), AREA, AREA_END, ~0UL, NULL);
	return good;
}

static void set_up(void)
{
	unsigned int i;

	for (i = 0; i < AREA_PAGES; i++) {
		area_page[i] = pa(page_alloc());
		map_page(guest_root(), AREA + 4096 * i, 0, 0);
		area[i] = find_pte(guest_root(), AREA + 4096 * i);
	}
	for (i = 0; i < 2; i++) {
		roots[i] = page_alloc();
		copy_to(roots[i], guest_root(), 4096);
	}
	hostile_init();
	on_trap(6, skip_ud2);
	on_trap(14, give_page);
	on_syscall(keep);
	asm volatile("mov %0, %%ds\n mov %0, %%es\n mov %0, %%fs" : : "r"(0x2b));
	hc2(DOMUS_HC_SET_DEBUGREG, 0, USER_DATA + 64);
}

static unsigned int one_round(void)
{
	u64 gpa[2] = { pa(roots[0]), pa(roots[1]) };
	unsigned int i, bad = 0;

	for (i = 0; i < 500; i++)
		bad += ones_root(gpa[i & 1]) != gpa[i & 1] + 11;
	hc1(DOMUS_HC_LOAD_ROOT, pa(guest_root()));
	for (i = 0; i < 4; i++)
		bad += !touch();
	for (i = 0; i < 50; i++) {
		bad += ones_call(DOMUS_HC_PAGE_CALLS - 1) != 12;
		bad += ones_ud2(0) != 12;
	}
	bad += ones_spin(0) != 12;
	bad += ATTEMPT_USER(user_ones, 0) != NO_TRAP || outcome.value != 12;
	bad += ATTEMPT_USER(user_spin, 0) != NO_TRAP || outcome.value != 12;
	return bad;
}

static bool told_to_end(void)
{
	return hc1(DOMUS_HC_VCPU_STATE, 1) == DOMUS_VCPU_OFFLINE;
}

void test(void)
{
	unsigned int bad = 0, rounds = 0;

	plan(2);
	set_up();
	while (!told_to_end()) {
		hc2(DOMUS_HC_SET_DEBUGREG, 7, rounds & 1 ? 0xf0003 : 0);
		bad += one_round();
		rounds++;
	}
	ok(!bad && rounds, "registers are kept: %u of %u rounds are not good", bad, rounds);
	ok(faults == touches * AREA_PAGES * 2, "%lu faults of %lu pages", faults,
	   touches * AREA_PAGES * 2);
}
