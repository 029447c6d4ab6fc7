// SPDX-License-Identifier: GPL-2.0-only
/*
 * User mode: code on a user page makes system calls through tier 1, faults on
 * kernel addresses, and cannot execute privileged instructions. The kernel
 * cannot execute the user's page.
 */
#include "guest.h"

#define USER_CODE	0x400000ULL
#define USER_STACK	0x500000ULL

asm(".pushsection .rodata\n"
    "user_calls: mov %rdi, %rbx\n1: mov $7, %eax\n mov %ebx, %edi\n syscall\n"
    " cmp %ebx, %eax\n jne 2f\n dec %ebx\n jnz 1b\n xor %edi, %edi\n xor %eax, %eax\n syscall\n"
    "2: mov $1, %edi\n xor %eax, %eax\n syscall\n"
    "user_calls_end:\n"
    "user_touch: mov (%rdi), %rax\n xor %edi, %edi\n xor %eax, %eax\n syscall\n"
    "user_touch_end:\n"
    "user_cli: cli\n xor %edi, %edi\n xor %eax, %eax\n syscall\n"
    "user_cli_end:\n"
    ".popsection\n");
extern const u8 user_calls[], user_calls_end[], user_touch[], user_touch_end[],
	user_cli[], user_cli_end[];

static unsigned int calls;
static u64 fault_cr2, fault_error, fault_cs;

static long echo(u64 nr, u64 arg)
{
	calls += nr == 7;
	return arg;
}

static bool user_fault(struct guest_regs *regs)
{
	fault_cr2 = regs->cr2;
	fault_error = regs->error;
	fault_cs = regs->cs;
	vp()->vif = 0;
	guest_user_exit(100 + regs->vector);
}

static bool kernel_fetch(struct guest_regs *regs)
{
	fault_cr2 = regs->cr2;
	fault_error = regs->error;
	regs->rip = *(u64 *)regs->rsp;	/* as if the call had returned */
	regs->rsp += 8;
	return true;
}

static long run(u8 *page, const u8 *from, const u8 *to, u64 arg)
{
	unsigned int i;

	for (i = 0; from + i < to; i++)
		page[i] = from[i];
	return guest_user(USER_CODE, USER_STACK + 4096, arg);
}

void test(void)
{
	u64 *root = guest_root();
	u8 *code = page_alloc();

	plan(9);
	map_page(root, USER_CODE, pa(code), PTE_P | PTE_U);
	map_page(root, USER_STACK, pa(page_alloc()), PTE_P | PTE_U | PTE_W | PTE_NX);
	on_syscall(echo);
	ok(run(code, user_calls, user_calls_end, 1000) == 0, "user code ran");
	ok(calls == 1000, "1000 system calls came back with their argument");
	on_trap(14, user_fault);
	ok(run(code, user_touch, user_touch_end, (u64)code) == 114, "user cannot read the kernel");
	ok(fault_cr2 == (u64)code && fault_cs == DOMUS_USER_CS, "the fault names address and mode");
	ok(fault_error & 4, "error code says user: %lx", fault_error);
	ok(run(code, user_touch, user_touch_end, (u64)vp()) == 114, "nor the vCPU page");
	on_trap(13, user_fault);
	ok(run(code, user_cli, user_cli_end, 0) == 113, "cli in user mode is exception 13");
	on_trap(14, kernel_fetch);
	((void (*)(void))USER_CODE)();
	ok(fault_cr2 == USER_CODE && (fault_error & 16), "the kernel cannot execute a user page");
	ok(traps_seen(14) == 3, "no fault of a missing shadow was seen: %u", traps_seen(14));
}
