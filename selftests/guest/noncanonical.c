// SPDX-License-Identifier: GPL-2.0-only
/*
 * Addresses that are none. A RIP that is not canonical makes sysretq and iretq fault
 * in ring 0, on a stack that the guest chose: the hypervisor must see it coming by
 * every path, and the guest gets exception 13. RSP and segment bases likewise.
 */
#include "hostile.h"

static const u64 values[] = {
	0x0000800000000000, 0xffff7fffffffffff, 0x1234567812345678, 0x7fffffffffffffff,
	0x8000000000000000, 0x00ff000000000000, 0xff00000000000000, 0x0100000000000000,
	0xfeffffffffffffff, 0x8000000000000001,
};

#define NR (sizeof(values) / sizeof(*values))

static u64 flags, fill;

static void set_ret(u64 rip, u64 cs)
{
	struct domus_return *ret = &vp()->ret;

	ret->rip = rip;
	ret->cs = cs;
	ret->rflags = flags;
	ret->fill = fill;
	asm volatile("mov %%rsp, %0" : "=m"(ret->rsp));
}

static void return_kernel(u64 rip)
{
	set_ret(rip, DOMUS_KERNEL_CS);
	hc0(DOMUS_HC_RETURN);
}

extern u64 guest_user_sp;
long user_by(u64 call);	/* as guest_user(), ret being set */
asm("user_by:\n push %rbx\n push %rbp\n push %r12\n push %r13\n push %r14\n push %r15\n"
    " mov %rsp, %gs:0x140\n mov %rsp, guest_user_sp(%rip)\n"
    " mov %rdi, %rax\n syscall\n ud2\n");

static bool all_user(u64 call)
{
	unsigned int i, bad = 0;

	for (i = 0; i < NR; i++) {
		set_ret(values[i], DOMUS_USER_CS);
		outcome = (struct outcome){ .vector = NO_TRAP };
		user_by(call);
		if (outcome.vector == 13 && outcome.rip == values[i] &&
		    outcome.cs == DOMUS_USER_CS)
			continue;
		bad++;
		print("# rip %lx: vector %d rip %lx\n", values[i], outcome.vector, outcome.rip);
	}
	return !bad;
}

static bool all_kernel(void (*how)(u64 rip))
{
	unsigned int i, bad = 0;

	for (i = 0; i < NR; i++)
		bad += attempt(how, values[i]) != 13 || outcome.rip != values[i] ||
		       outcome.cs != DOMUS_KERNEL_CS;
	return !bad;
}

static void jump(u64 to)
{
	asm volatile("jmp *%0" : : "r"(to));
}

static void load(u64 at)
{
	peek(at);
}

static void set_fs(u64 base)
{
	asm volatile("wrfsbase %0" : : "r"(base));
}

FRAGMENT(user_jump, "jmp *%rdi\n");
FRAGMENT(user_stack, "mov %rdi, %rsp\n mov $7, %eax\n syscall\n push %rax\n" USER_EXIT);
FRAGMENT(user_load, "mov (%rdi), %rax\n" USER_EXIT);

/* Only the hypervisor's: what the CPU itself says differs (11..14). */
static bool is_fault(int vector)
{
	return vector >= 12 && vector <= 14;
}

static unsigned int calls_seen;

static long count(u64 nr, u64 arg)
{
	calls_seen += nr == 7;
	return 0;
}

#define LAST_PAGE 0x7ffffffff000ULL

/* SYSCALL in the last bytes of the lower half: the address behind it is none. */
static void syscall_at_the_edge(bool user)
{
	u8 *page = page_alloc();

	page[0xffe] = 0x0f;
	page[0xfff] = 0x05;
	map_page(guest_root(), LAST_PAGE, pa(page), PTE_P | (user ? PTE_U : 0));
}

static void call_at_the_edge(u64 at)
{
	asm volatile("jmp *%0" : : "r"(at), "a"(DOMUS_HC_VERSION));
}

static u64 *second;

/* Of a root at hand: no exit to the host is needed for that. */
static void load_at_the_edge(u64 at)
{
	asm volatile("jmp *%0" : : "r"(at), "a"(DOMUS_HC_LOAD_ROOT), "D"(pa(second)));
}

static bool load_second(void)
{
	second = page_alloc();
	copy_to(second, guest_root(), 4096);
	return !hc1(DOMUS_HC_LOAD_ROOT, pa(second)) &&
	       !hc1(DOMUS_HC_LOAD_ROOT, pa(guest_root()));
}

FRAGMENT(edge, "mov $7, %eax\n jmp *%rdi\n");

void test(void)
{
	bool fsgsbase = hc0(DOMUS_HC_FEATURES) & (1 << DOMUS_F_FSGSBASE);
	unsigned int i, bad;

	plan(16);
	hostile_init();
	on_syscall(count);
	flags = 0x202;
	ok(all_user(DOMUS_HC_SYSRET), "SYSRET to user mode");
	ok(all_user(DOMUS_HC_RETURN), "RETURN to user mode");
	ok(all_kernel(return_kernel), "RETURN to kernel mode");
	flags = 2;
	ok(all_kernel(return_kernel), "the same with events off");
	flags = 0x202;
	fill = 0;
	for (i = bad = 0; i < 3; i++) {
		static const u64 fills[] = { USER_DATA, 0x0000800000000000, ~0ULL };

		fill = fills[i];
		bad += !all_user(DOMUS_HC_SYSRET) + !all_user(DOMUS_HC_RETURN) +
		       !all_kernel(return_kernel);
	}
	fill = 0;
	vp()->ret.fill = 0;
	ok(!bad, "the same with a fill hint");
	for (i = bad = 0; i < NR; i++)
		bad += hc2(DOMUS_HC_SET_ENTRY, 6, values[i]) != -22;
	ok(!bad, "SET_ENTRY refuses them");
	for (i = bad = 0; i < NR; i++)
		bad += !is_fault(ATTEMPT_USER(user_jump, values[i])) +
		       !is_fault(attempt(jump, values[i]));
	ok(!bad, "jumps to them fault: %u", bad);
	for (i = bad = 0; i < NR; i++)
		bad += !is_fault(ATTEMPT_USER(user_load, values[i])) +
		       !is_fault(attempt(load, values[i]));
	ok(!bad, "loads fault: %u", bad);
	for (i = bad = 0; i < NR; i++)
		bad += !is_fault(ATTEMPT_USER(user_stack, values[i]));
	ok(!bad && calls_seen == NR, "a user's RSP is not touched by its system calls: %u %u", bad,
	   calls_seen);
	for (i = bad = 0; i < NR && fsgsbase; i++) {
		/* a CPU with 5 levels takes more */
		attempt(set_fs, values[i]);
		hc2(DOMUS_HC_SET_SEGMENT, DOMUS_SEG_USER_GS_BASE, values[i]);
		vp()->user_gs = values[i];
		bad += ATTEMPT_USER(user_jump, USER_STACK) != 14;
		vp()->kernel_gs = (u64)vp();
	}
	ok(!bad, "bases in the vCPU page that are none do no harm: %u", bad);
	for (i = bad = 0; i < NR; i++)
		bad += hc2(DOMUS_HC_SET_SEGMENT, i % 3, values[i]) != -22;
	ok(!bad, "SET_SEGMENT refuses them");

	syscall_at_the_edge(true);
	calls_seen = 0;
	ATTEMPT_USER(edge, LAST_PAGE + 0xffe);	/* runs and comes back */
	ok(calls_seen == 1 && outcome.vector == 13 && outcome.rip == 0x0000800000000000,
	   "SYSCALL at the end of the lower half comes back as exception 13: %u %d %lx", calls_seen,
	   outcome.vector, outcome.rip);
	syscall_at_the_edge(false);
	hcall(DOMUS_HC_MMU_FLUSH, DOMUS_FLUSH_ALL, 0, 0, 0, ~0ULL, NULL);
	attempt(call_at_the_edge, LAST_PAGE + 0xffe);
	ok(outcome.vector == 13 && outcome.rip == 0x0000800000000000 &&
	   outcome.rax == (DOMUS_ABI_MAJOR << 16 | DOMUS_ABI_MINOR),
	   "and so does a call there: %d %lx", outcome.vector, outcome.rip);
	ok(load_second(), "a second root is at hand");
	attempt(load_at_the_edge, LAST_PAGE + 0xffe);
	ok(outcome.vector == 13 && outcome.rip == 0x0000800000000000 && !outcome.rax,
	   "and so does a load of it there: %d %lx", outcome.vector, outcome.rip);
	hc1(DOMUS_HC_LOAD_ROOT, pa(guest_root()));
	ok(ATTEMPT_USER(edge, LAST_PAGE + 0xffe) == 14 && (outcome.error & 5) == 5,
	   "which user mode cannot execute");
}
