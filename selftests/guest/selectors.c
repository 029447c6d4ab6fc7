// SPDX-License-Identifier: GPL-2.0-only
/*
 * Selectors: the guest loads every one of them into every segment register. Those
 * with the LDT bit must fault, though the host's process may have an LDT (a load from
 * it would read host memory with supervisor rights); only data segments of ring 3 in
 * the GDT may load. What was loaded is then taken away (SET_TLS 0), and the next
 * entry must load null or our own selector instead of faulting in ring 0. Far
 * transfers must reach nothing but ring 3's own code segment.
 */
#include "hostile.h"

#define TLS0		0x63		/* GDT entry 12 */
#define TLS_DESC	0x00cff2000000ffffULL	/* flat data, DPL 3 */

static void load_ds(u64 sel) { asm volatile("mov %0, %%ds" : : "r"((u32)sel)); }
static void load_es(u64 sel) { asm volatile("mov %0, %%es" : : "r"((u32)sel)); }
static void load_fs(u64 sel) { asm volatile("mov %0, %%fs" : : "r"((u32)sel)); }
static void load_ss(u64 sel) { asm volatile("mov %0, %%ss" : : "r"((u32)sel)); }

/* GS leads the entry stubs: its base is put right before anything can trap. */
static void load_gs(u64 sel)
{
	asm volatile("mov %0, %%gs" : : "r"((u32)sel));
	hc2(DOMUS_HC_SET_SEGMENT, DOMUS_SEG_KERNEL_GS_BASE, (u64)vp());
}

static void (*const loaders[])(u64 sel) = { load_ds, load_es, load_fs, load_gs, load_ss };

/* What the hypervisor promises: null, user data, TLS that is set, the CPU number. */
static bool may_load(u64 sel, bool ss, bool tls)
{
	if (sel < 4)
		return !ss;
	if (sel & 4)
		return false;
	switch (sel >> 3) {
	case 5:
		return !ss || (sel & 3) == 3;
	case 6:
		return !ss;	/* code, readable */
	case 12:
		return tls && (!ss || (sel & 3) == 3);
	case 15:
		return !ss;
	}
	return false;
}

static unsigned int try_all(bool tls, unsigned int *ldt_loads)
{
	unsigned int bad = 0, i;
	u64 sel;

	for (i = 0; i < 5; i++) {
		for (sel = 0; sel < 0x120; sel++) {
			int vector = attempt(loaders[i], sel);
			bool loaded = vector == NO_TRAP;

			if (loaded && (sel & 4))
				++*ldt_loads;
			if (loaded == may_load(sel, i == 4, tls) &&
			    (loaded || ((vector == 13 || vector == 11) &&
					outcome.error == (sel & 0xfffc))))
				continue;
			if (!bad++)
				print("# register %u selector %lx vector %d error %lx\n", i, sel,
				      vector, outcome.error);
		}
		for (sel = 0x120; sel < 0x10000; sel += 0x1f1)
			bad += attempt(loaders[i], sel) != 13;
	}
	return bad;
}

static void far_jump(u64 target)
{
	struct { u64 rip; unsigned short sel; } __attribute__((packed)) to = { 0, target };

	asm volatile("lea 1f(%%rip), %%rax\n mov %%rax, %0\n rex64 ljmp *%0\n 1:"
		     : "+m"(to) : : "rax", "memory");
}

static void far_return(u64 target)
{
	asm volatile("push %0\n lea 1f(%%rip), %%rax\n push %%rax\n lretq\n 1:"
		     : : "r"(target) : "rax", "memory");
}

static void far_iret(u64 target)
{
	asm volatile("mov %%rsp, %%rdx\n push $0x2b\n push %%rdx\n pushf\n push %0\n"
		     " lea 1f(%%rip), %%rax\n push %%rax\n iretq\n 1:"
		     : : "r"(target) : "rax", "rdx", "memory");
}

/*
 * Return: transfers that did something else than fault; *@good is what our own came to,
 * which may be exception 13, too: QEMU reads the stack of lret and iret as supervisor.
 */
static unsigned int far_transfers(void (*how)(u64 target), int *good)
{
	unsigned int bad = 0;
	u64 sel;

	for (sel = 0; sel < 0x100; sel++) {
		int vector = attempt(how, sel);

		if (sel == 0x33)
			*good = vector;
		else if ((sel >> 2) != 0x33 >> 2)
			bad += vector != 13 && vector != 11;
	}
	return bad;
}

/* DS to GS and SS hold a TLS selector when its descriptor goes away. */
static void take_away(u64 unused)
{
	u32 left;

	hc2(DOMUS_HC_SET_TLS, 0, TLS_DESC);
	load_ds(TLS0);
	load_es(TLS0);
	load_fs(TLS0);
	asm volatile("mov %0, %%gs\n mov %0, %%ss" : : "r"(TLS0));
	hc2(DOMUS_HC_SET_SEGMENT, DOMUS_SEG_KERNEL_GS_BASE, (u64)vp());
	/* again: a system call has put SS right; the page fault below must not bring it */
	asm volatile("mov %0, %%ss" : : "r"(TLS0));
	peek((u64)page_alloc());
	hc2(DOMUS_HC_SET_TLS, 0, 0);
	asm volatile("mov %%ds, %0" : "=r"(left));
	ok(left == 0, "DS is null when its descriptor has gone: %x", left);
}

/* An exit other than a call saves SS, the descriptor goes while it is saved. */
static bool drop_tls(struct guest_regs *regs)
{
	hc2(DOMUS_HC_SET_TLS, 0, 0);
	regs->rip += 2;	/* ud2 */
	return true;
}

static void ss_at_exit(u64 unused)
{
	hc2(DOMUS_HC_SET_TLS, 0, TLS_DESC);
	asm volatile("mov %0, %%ss\n ud2" : : "r"(TLS0) : "memory");
}

FRAGMENT(user_loads,
	 "mov %rdi, %rbx\n 1: mov %ebx, %ds\n mov %ebx, %es\n mov %ebx, %fs\n mov %ebx, %gs\n"
	 " mov $7, %eax\n syscall\n" USER_EXIT);

void test(void)
{
	unsigned int ldt = 0, bad = 0;
	int good = NO_TRAP;
	u64 sel;

	plan(9);
	hostile_init();
	bad = try_all(false, &ldt);
	hc2(DOMUS_HC_SET_TLS, 0, TLS_DESC);
	bad += try_all(true, &ldt);
	ok(!bad, "selectors load or fault as they should (%u do not)", bad);
	ok(!ldt, "no selector of the LDT loads (%u do)", ldt);
	bad = far_transfers(far_jump, &good);
	ok(!bad && good == NO_TRAP, "far jumps reach our own segment only: %u %d", bad, good);
	bad = far_transfers(far_return, &good);
	ok(!bad && (good == NO_TRAP || good == 13), "far returns, too: %u %d", bad, good);
	bad = far_transfers(far_iret, &good);
	ok(!bad && (good == NO_TRAP || good == 13), "iretq of ring 3, too: %u %d", bad, good);
	ok(attempt(take_away, 0) == NO_TRAP, "descriptors may go while loaded");
	on_trap(6, drop_tls);
	ss_at_exit(0);
	ok(true, "SS may be gone while an exit has saved it");
	bad = 0;
	for (sel = 4; sel < 0x80; sel++) {
		int vector = ATTEMPT_USER(user_loads, sel);

		bad += (vector == NO_TRAP) != may_load(sel, false, false);
	}
	ok(!bad, "user mode loads the same (%u differ)", bad);
}
