// SPDX-License-Identifier: GPL-2.0-only
/*
 * Protection keys: guest user writes ~0 to PKRU, which forbids every access to user
 * pages, and all pages of the guest kernel are user pages to the CPU. Then it enters
 * the kernel by every door. The kernel must find PKRU = 0 behind each.
 */
#include "hostile.h"

#define WRPKRU "xor %ecx, %ecx\n xor %edx, %edx\n mov $-1, %eax\n .byte 0x0f, 0x01, 0xef\n"

FRAGMENT(by_syscall, WRPKRU "mov $7, %eax\n syscall\n" USER_EXIT);
FRAGMENT(by_ud2, WRPKRU "ud2\n");
FRAGMENT(by_int3, WRPKRU "int3\n");
FRAGMENT(by_cli, WRPKRU "cli\n");
FRAGMENT(by_fault, WRPKRU "mov 0x1000, %eax\n");
FRAGMENT(by_event, WRPKRU "1: jmp 1b\n");
FRAGMENT(by_load, "mov $0x600000, %ebx\n" WRPKRU "mov (%rbx), %rdi\n xor %eax, %eax\n syscall\n");
FRAGMENT(by_stack, WRPKRU "push %rax\n pop %rdi\n xor %eax, %eax\n syscall\n");
FRAGMENT(by_storm, "mov $2000, %ebx\n 1:" WRPKRU "mov $7, %eax\n syscall\n dec %ebx\n jnz 1b\n"
	 USER_EXIT);

static unsigned int calls, not_zero;

static u32 rdpkru(void)
{
	u32 eax, edx;

	asm volatile(".byte 0x0f, 0x01, 0xee" : "=a"(eax), "=d"(edx) : "c"(0));
	return eax;
}

static long count(u64 nr, u64 arg)
{
	calls++;
	not_zero += rdpkru() != 0;
	return 0;
}

static bool enters(const u8 *from, const u8 *to, int vector)
{
	int got = attempt_user(from, to, 0);

	not_zero += rdpkru() != 0;
	return got == vector;
}

#define ENTERS(name, vector) enters(name, name##_end, vector)

static void wrpkru_kernel(u64 nr)
{
	asm volatile(".byte 0x0f, 0x01, 0xef\n mov %0, %%rax\n syscall"
		     : : "r"(nr), "a"(-1), "c"(0), "d"(0) : "r11", "memory");
}

static void wrpkru_stack(u64 nr)
{
	asm volatile(".byte 0x0f, 0x01, 0xef" : : "a"(-1), "c"(0), "d"(0) : "memory");
	hc0(nr);
}

static void wrpkru_trap(u64 unused)
{
	asm volatile(".byte 0x0f, 0x01, 0xef\n ud2" : : "a"(-1), "c"(0), "d"(0) : "memory");
}

static bool has_ospke(void)
{
	u32 a = 7, b, c = 0, d;

	asm volatile("cpuid" : "+a"(a), "=b"(b), "+c"(c), "=d"(d));
	return c & 1 << 4;
}

void test(void)
{
	if (!has_ospke()) {
		print("KTAP version 1\n1..0 # SKIP the CPU has no protection keys\n");
		return;
	}
	plan(13);
	hostile_init();
	on_syscall(count);
	ok(rdpkru() == 0, "PKRU is 0 at the start");
	ok(ENTERS(by_syscall, NO_TRAP) && calls == 1, "by a system call");
	ok(ENTERS(by_ud2, 6), "by an exception");
	ok(ENTERS(by_int3, 3), "by a software interrupt");
	ok(ENTERS(by_cli, 13), "by a general protection fault");
	ok(ENTERS(by_fault, 14) && outcome.cr2 == 0x1000 && outcome.error == 4,
	   "by a page fault");
	timer_arm(20000000);
	ok(ENTERS(by_event, EVENT), "by an event");
	timer_off();
	ok(ENTERS(by_load, NO_TRAP) && ENTERS(by_stack, NO_TRAP),
	   "a key fault is not the guest's: keys are not offered");
	calls = 0;
	ok(ENTERS(by_storm, NO_TRAP) && calls == 2000, "2000 times");
	ok(attempt(wrpkru_kernel, DOMUS_HC_VERSION) == NO_TRAP && !rdpkru(), "by a call");
	ok(attempt(wrpkru_stack, DOMUS_HC_VERSION) == NO_TRAP && !rdpkru(), "with the stack shut");
	ok(attempt(wrpkru_trap, 0) == 6 && !rdpkru(), "kernel mode by an exception");
	ok(!not_zero, "PKRU was 0 in the kernel each time");
}
