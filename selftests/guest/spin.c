// SPDX-License-Identifier: GPL-2.0-only
/*
 * A guest that never gives the CPU back by itself: how=WORD says how. It says "spinning"
 * on its console and goes on for ever; the host (spin.sh) must be able to stop it, kill
 * its holder, and do its own work meanwhile.
 *
 *   kernel    an empty loop with events off     user      the same in user mode
 *   calls     hypercalls                        flushes   flushes of everything
 *   faults    a page fault that is not mended   steps     single steps
 *   events    a timer that is always over       block     waits that are over at once
 *   forever   waits for what will not come      syscalls  system calls and returns
 *   strings   one instruction of 2^63 bytes     multi     multicalls of 128 flushes
 *
 * With all the vCPUs that there are:
 *
 *   shootdowns  each flushes a page of all      kicks     each kicks the next, and yields to it
 *   sends       each sends events to the next   updown    the first starts, the others go down
 */
#include "hostile.h"
#include "smp.h"

FRAGMENT(user_spin, "1: jmp 1b\n");
FRAGMENT(user_syscalls, "1: mov $7, %eax\n syscall\n jmp 1b\n");
FRAGMENT(user_string, "mov $0x600000, %edi\n mov $0x600000, %esi\n 1: mov $1, %ecx\n shl $63, %rcx\n"
	 " repe scasb\n jmp 1b\n");

static bool again(struct guest_regs *regs)
{
	return true;
}

static bool step(struct guest_regs *regs)
{
	regs->rflags |= 0x100;
	return true;
}

static void run_user(const u8 *from, const u8 *to)
{
	for (;;)
		attempt_user(from, to, 0);
}

static void call_for_ever(u64 nr, u64 a, u64 b)
{
	for (;;)
		hc2(nr, a, b);
}

static struct domus_multicall list[128] __attribute__((aligned(4096)));

static void multi(void)
{
	unsigned int i;

	for (i = 0; i < 128; i++)
		list[i].call = DOMUS_HC_MMU_FLUSH;
	call_for_ever(DOMUS_HC_MULTICALL, pa(list), 128);
}

static void events(void)
{
	on_trap(EVENT, again);
	timer_arm(0);
	for (;;) {
		vp()->vif = 1;
		vp()->pending = 1;
		hc1(DOMUS_HC_SET_TIMER, 0);
	}
}

static u32 ipis[DOMUS_MAX_VCPUS];

static u64 the_next(u64 me)
{
	return (me + 1) % guest_info->vcpus;
}

static void shootdowns(u64 me)
{
	for (;;)
		hcall(DOMUS_HC_MMU_FLUSH, DOMUS_FLUSH_RANGE, guest_info->root_gpa, 0x700000,
		      0x701000, ~0UL, NULL);
}

static void kicks(u64 me)
{
	for (;;) {
		hc1(DOMUS_HC_VCPU_KICK, the_next(me));
		hc1(DOMUS_HC_YIELD_TO, the_next(me));
	}
}

static void sends(u64 me)
{
	my_page()->vif = 1;
	for (;;)
		hc1(DOMUS_HC_EVENT_SEND, ipis[the_next(me)]);
}

static void nothing(u64 me)
{
}

static void everybody(void (*fn)(u64 me))
{
	unsigned int i;

	smp_init(guest_info->vcpus);
	on_trap(EVENT, port_event);
	for (i = 0; i < guest_info->vcpus; i++)
		ipis[i] = port_open(DOMUS_PORT_IPI, i);
	for (i = 1; i < guest_info->vcpus; i++)
		if (cpu_up(i, fn, i))
			guest_stop(DOMUS_SHUTDOWN_CRASH, "a vCPU does not start");
	if (fn != nothing)
		fn(0);
	for (i = 1; ; i = i + 1 < guest_info->vcpus ? i + 1 : 1)
		hc2(DOMUS_HC_VCPU_UP, i, pa(&cpus[i].init));
}

static void try_smp(void)
{
	if (arg_is("how", "shootdowns"))
		everybody(shootdowns);
	if (arg_is("how", "kicks"))
		everybody(kicks);
	if (arg_is("how", "sends"))
		everybody(sends);
	if (arg_is("how", "updown"))
		everybody(nothing);
}

void test(void)
{
	hostile_init();
	print("spinning\n");
	try_smp();
	if (arg_is("how", "kernel"))
		asm volatile("1: jmp 1b");
	if (arg_is("how", "user"))
		run_user(user_spin, user_spin_end);
	if (arg_is("how", "syscalls"))
		run_user(user_syscalls, user_syscalls_end);
	if (arg_is("how", "strings"))
		run_user(user_string, user_string_end);
	if (arg_is("how", "calls"))
		call_for_ever(DOMUS_HC_VERSION, 0, 0);
	if (arg_is("how", "flushes"))
		call_for_ever(DOMUS_HC_MMU_FLUSH, DOMUS_FLUSH_ALL, 0);
	if (arg_is("how", "multi"))
		multi();
	if (arg_is("how", "faults")) {
		on_trap(14, again);
		poke(0x1000, 0);
	}
	if (arg_is("how", "steps")) {
		on_trap(1, step);
		asm volatile("pushf\n orl $0x100, (%rsp)\n popf\n 1: jmp 1b");
	}
	if (arg_is("how", "events"))
		events();
	if (arg_is("how", "block"))
		for (;;) {
			vp()->pending = 1;
			hc0(DOMUS_HC_BLOCK);
		}
	if (arg_is("how", "forever"))
		call_for_ever(DOMUS_HC_BLOCK, 0, 0);
	guest_stop(DOMUS_SHUTDOWN_CRASH, "how?");
}
