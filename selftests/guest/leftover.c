// SPDX-License-Identifier: GPL-2.0-only
/*
 * A reboot leaves nothing of the guest before it, in registers either. Memory is new,
 * so nothing can count: every life is the same, looks for what the last one may have
 * left, leaves something, and reboots, until the holder has had enough.
 */
#include "guest.h"

#define MARK	0x6c6566746f766572ULL

static bool fpu_is_fresh(void)
{
	u64 xmm[2], xmm15[2];
	u32 mxcsr;
	unsigned short control;

	asm volatile("movups %%xmm0, %0\n movups %%xmm15, %1\n stmxcsr %2\n fnstcw %3"
		     : "=m"(xmm), "=m"(xmm15), "=m"(mxcsr), "=m"(control));
	print("# xmm0 %lx xmm15 %lx mxcsr %x control %x\n", xmm[0], xmm15[0], mxcsr, control);
	return !xmm[0] && !xmm[1] && !xmm15[0] && !xmm15[1] && mxcsr == 0x1f80 &&
	       control == 0x37f;
}

static void leave_something(void)
{
	u64 xmm[2] = { MARK, MARK };
	u32 mxcsr = 0x1f80 | 0x6000;
	unsigned short control = 0x27f;

	asm volatile("movups %0, %%xmm0\n movups %0, %%xmm15\n ldmxcsr %1\n fldcw %2"
		     : : "m"(xmm), "m"(mxcsr), "m"(control));
	hc2(DOMUS_HC_SET_DEBUGREG, 0, pa(xmm));
	hc2(DOMUS_HC_SET_DEBUGREG, 6, 1);
	asm volatile("mov %0, %%fs" : : "r"(DOMUS_USER_SS));
}

static bool debug_is_fresh(void)
{
	u64 dr0, dr6, dr7;

	hcall(DOMUS_HC_GET_DEBUGREG, 0, 0, 0, 0, 0, &dr0);
	hcall(DOMUS_HC_GET_DEBUGREG, 6, 0, 0, 0, 0, &dr6);
	hcall(DOMUS_HC_GET_DEBUGREG, 7, 0, 0, 0, 0, &dr7);
	print("# dr0 %lx dr6 %lx dr7 %lx\n", dr0, dr6, dr7);
	return !dr0 && !(dr6 & 0xf) && dr7 == 0x400;
}

static bool segments_are_fresh(void)
{
	u32 fs;

	asm volatile("mov %%fs, %0" : "=r"(fs));
	return !fs;
}

void test(void)
{
	plan(4);
	if (!ok(fpu_is_fresh(), "FPU is as after a reset") ||
	    !ok(debug_is_fresh(), "debug registers are") ||
	    !ok(segments_are_fresh(), "segments are"))
		guest_stop(DOMUS_SHUTDOWN_CRASH, "something is left over");
	leave_something();
	ok(!fpu_is_fresh(), "now they are not");
	guest_stop(DOMUS_SHUTDOWN_REBOOT, "once more");
}
