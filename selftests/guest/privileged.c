// SPDX-License-Identifier: GPL-2.0-only
/*
 * Every privileged or sensitive instruction, run by the guest kernel and by its user.
 * Each must come back as the exception of ring 3, and nothing of the host may change.
 */
#include "hostile.h"

#define GP	(1 << 13)
#define UD	(1 << 6)
#define NONE	(1u << 31)

/* One instruction; RDI points to a page of zeros, the other registers hold 0. */
struct insn {
	const char *name;
	u8 len;
	u8 bytes[8];
	u32 allowed;
};

#define I(name, allowed, ...) \
	{ name, sizeof((u8[]){ __VA_ARGS__ }), { __VA_ARGS__ }, allowed }

static const struct insn insns[] = {
	I("cli", GP, 0xfa), I("sti", GP, 0xfb), I("hlt", GP, 0xf4),
	I("in dx", GP, 0xec), I("out dx", GP, 0xee), I("in imm", GP, 0xe4, 0x60),
	I("out imm", GP, 0xe6, 0x80), I("inl", GP, 0xed), I("outl", GP, 0xef),
	I("insb", GP, 0x6c), I("insl", GP, 0x6d), I("outsb", GP, 0x6e),
	I("rep outsl", GP | NONE, 0xf3, 0x6f),
	I("invd", GP, 0x0f, 0x08), I("wbinvd", GP, 0x0f, 0x09), I("wbnoinvd", GP, 0xf3, 0x0f, 0x09),
	I("clts", GP, 0x0f, 0x06), I("lmsw", GP, 0x0f, 0x01, 0xf0),
	I("from cr0", GP, 0x0f, 0x20, 0xc0), I("to cr0", GP, 0x0f, 0x22, 0xc0),
	I("from cr2", GP, 0x0f, 0x20, 0xd0), I("to cr2", GP, 0x0f, 0x22, 0xd0),
	I("from cr3", GP, 0x0f, 0x20, 0xd8), I("to cr3", GP, 0x0f, 0x22, 0xd8),
	I("from cr4", GP, 0x0f, 0x20, 0xe0), I("to cr4", GP, 0x0f, 0x22, 0xe0),
	I("from cr8", GP, 0x44, 0x0f, 0x20, 0xc0), I("to cr8", GP, 0x44, 0x0f, 0x22, 0xc0),
	I("from cr1", GP | UD, 0x0f, 0x20, 0xc8), I("to cr5", GP | UD, 0x0f, 0x22, 0xe8),
	I("from dr0", GP, 0x0f, 0x21, 0xc0), I("to dr0", GP, 0x0f, 0x23, 0xc0),
	I("from dr7", GP, 0x0f, 0x21, 0xf8), I("to dr7", GP, 0x0f, 0x23, 0xf8),
	I("lgdt", GP, 0x0f, 0x01, 0x17), I("lidt", GP, 0x0f, 0x01, 0x1f),
	I("lldt", GP, 0x0f, 0x00, 0xd0), I("ltr", GP, 0x0f, 0x00, 0xd8),
	I("sgdt", GP | NONE, 0x0f, 0x01, 0x07), I("sidt", GP | NONE, 0x0f, 0x01, 0x0f),
	I("sldt", GP | NONE, 0x0f, 0x00, 0xc0), I("str", GP | NONE, 0x0f, 0x00, 0xc8),
	I("smsw", GP | NONE, 0x0f, 0x01, 0xe0),
	I("invlpg", GP, 0x0f, 0x01, 0x3f), I("invpcid", GP | UD, 0x66, 0x0f, 0x38, 0x82, 0x07),
	I("swapgs", GP, 0x0f, 0x01, 0xf8), I("rdmsr", GP, 0x0f, 0x32), I("wrmsr", GP, 0x0f, 0x30),
	I("rdpmc", GP | NONE, 0x0f, 0x33), I("xsetbv", GP | UD, 0x0f, 0x01, 0xd1),
	I("xsaves", GP | UD, 0x0f, 0xc7, 0x2f), I("xrstors", GP | UD, 0x0f, 0xc7, 0x1f),
	I("sysenter", GP | UD, 0x0f, 0x34), I("sysexit", GP | UD, 0x0f, 0x35),
	I("sysexitq", GP | UD, 0x48, 0x0f, 0x35),
	I("sysretl", GP, 0x0f, 0x07), I("sysretq", GP, 0x48, 0x0f, 0x07),
	I("rsm", UD, 0x0f, 0xaa), I("getsec", UD | GP, 0x0f, 0x37),
	I("vmcall", UD | GP, 0x0f, 0x01, 0xc1), I("vmlaunch", UD, 0x0f, 0x01, 0xc2),
	I("vmresume", UD, 0x0f, 0x01, 0xc3), I("vmxoff", UD, 0x0f, 0x01, 0xc4),
	I("vmxon", UD | GP, 0xf3, 0x0f, 0xc7, 0x37), I("vmfunc", UD, 0x0f, 0x01, 0xd4),
	I("vmrun", UD | GP, 0x0f, 0x01, 0xd8), I("vmmcall", UD | GP, 0x0f, 0x01, 0xd9),
	I("vmload", UD | GP, 0x0f, 0x01, 0xda), I("vmsave", UD | GP, 0x0f, 0x01, 0xdb),
	I("stgi", UD | GP, 0x0f, 0x01, 0xdc), I("clgi", UD | GP, 0x0f, 0x01, 0xdd),
	I("skinit", UD | GP, 0x0f, 0x01, 0xde), I("invlpga", UD | GP, 0x0f, 0x01, 0xdf),
	I("monitor", UD | GP, 0x0f, 0x01, 0xc8), I("mwait", UD | GP, 0x0f, 0x01, 0xc9),
	I("clac", UD, 0x0f, 0x01, 0xca), I("stac", UD, 0x0f, 0x01, 0xcb),
	I("encls", UD | GP, 0x0f, 0x01, 0xcf), I("pconfig", UD | GP, 0x0f, 0x01, 0xc5),
	I("ud0", UD, 0x0f, 0xff, 0xc0), I("ud1", UD, 0x0f, 0xb9, 0xc0), I("ud2", UD, 0x0f, 0x0b),
	I("icebp", 1 << 1 | UD, 0xf1), I("int3", 1 << 3, 0xcc), I("into", UD, 0xce),
	I("int 3", 1 << 3, 0xcd, 3), I("int 4", 1 << 4, 0xcd, 4), I("push es", UD, 0x06),
	I("divide", 1 << 0, 0xf7, 0xf0), I("lock nop", UD, 0xf0, 0x90),
	I("cpuid", NONE, 0x0f, 0xa2), I("rdtsc", NONE, 0x0f, 0x31), I("nop", NONE, 0x90),
};

#define NR (sizeof(insns) / sizeof(*insns))

static u8 code[64], zeros[4096] __attribute__((aligned(4096)));

static void run_code(u64 data)
{
	asm volatile("push %%rbp\n call *%[code]\n pop %%rbp"
		     : "+D"(data)
		     : [code] "r"((u64)code), "a"(0ULL), "c"(0ULL), "d"(0ULL), "S"(0ULL)
		     : "rbx", "r8", "r9", "r10", "r11", "memory");
}

static int run_insn(const u8 *bytes, unsigned int len, bool user)
{
	static const u8 clear[] = { 0x31, 0xc0, 0x31, 0xc9, 0x31, 0xd2, 0x31, 0xf6 };
	static const u8 leave[] = { 0x31, 0xff, 0x31, 0xc0, 0x0f, 0x05 };
	u8 text[64];

	if (!user) {
		copy_to(code, bytes, len);
		code[len] = 0xc3;
		return attempt(run_code, (u64)zeros);
	}
	copy_to(text, clear, sizeof(clear));
	copy_to(text + sizeof(clear), bytes, len);
	copy_to(text + sizeof(clear) + len, leave, sizeof(leave));
	return attempt_user(text, text + sizeof(text), USER_DATA);
}

static unsigned int all(bool user)
{
	unsigned int i, bad = 0;

	for (i = 0; i < NR; i++) {
		int got = run_insn(insns[i].bytes, insns[i].len, user);
		u32 bit = got == NO_TRAP ? NONE : 1u << got;

		if (bit & insns[i].allowed)
			continue;
		bad++;
		print("# %s: exception %d error %lx rip +%lx\n", insns[i].name, got, outcome.error,
		      outcome.rip - (user ? (u64)USER_CODE + 8 : (u64)code));
	}
	return bad;
}

/* QEMU's error code has 16 bytes for a gate where the manuals have 8. */
static unsigned int all_ints(bool user)
{
	unsigned int n, bad = 0;

	for (n = 0; n < 256; n++) {
		u8 bytes[2] = { 0xcd, n };
		int got = run_insn(bytes, 2, user);

		if (n == 3 || n == 4 ? got == (int)n :
		    got == 13 && (outcome.error == n * 8 + 2 || outcome.error == n * 16 + 2))
			continue;
		bad++;
		print("# int %u: exception %d error %lx\n", n, got, outcome.error);
	}
	return bad;
}

/* VERR, VERW, LAR and LSL tell nothing of what is not the guest's. */
static unsigned int visible(void)
{
	unsigned int sel, n = 0;

	for (sel = 4; sel < 0x100; sel++) {
		u8 zf;

		asm volatile("lar %1, %%eax\n setz %0" : "=q"(zf) : "r"(sel) : "eax", "cc");
		if (zf && (sel & 4))
			n++;
	}
	return n;
}

static unsigned int msrs(void)
{
	static const u32 list[] = {
		0x10, 0x1b, 0x3a, 0x48, 0x49, 0x174, 0x175, 0x176, 0x179, 0x17a, 0x1d9, 0x277,
		0x38f, 0x600, 0x6e0, 0x830, 0xda0, 0xc0000080, 0xc0000081, 0xc0000082, 0xc0000083,
		0xc0000084, 0xc0000100, 0xc0000101, 0xc0000102, 0xc0000103, 0xc0010015, 0xc0010117,
		0x40000000, 0x4b564d00, 0xffffffff,
	};
	unsigned int i, bad = 0;

	for (i = 0; i < sizeof(list) / sizeof(*list); i++) {
		u64 before = 0, after = 0;
		long r;

		hcall(DOMUS_HC_RDMSR, list[i], 0, 0, 0, 0, &before);
		r = hc2(DOMUS_HC_WRMSR, list[i], 0xdeadbeefcafe);
		hcall(DOMUS_HC_RDMSR, list[i], 0, 0, 0, 0, &after);
		/* a write to EFER is taken and comes to nothing; the TSC goes on */
		if (r == -1 || (!r && before == after))
			continue;
		bad++;
		print("# MSR %x: %ld\n", list[i], r);
	}
	return bad;
}

void test(void)
{
	u64 before = 0, after = 0;

	plan(7);
	hostile_init();
	hcall(DOMUS_HC_CPUID, 1, 0, 0, 0, 0, &before);
	ok(!all(false), "kernel mode: %u instructions give the exception of ring 3", (u32)NR);
	ok(!all(true), "user mode: the same");
	ok(!all_ints(false), "kernel mode: INT n is exception 13 but for 3 and 4");
	ok(!all_ints(true), "user mode: the same");
	ok(!visible(), "no descriptor of an LDT is visible");
	ok(!msrs(), "no MSR of the host can be written");
	hcall(DOMUS_HC_CPUID, 1, 0, 0, 0, 0, &after);
	ok(before == after, "CPUID is what it was");
}
