// SPDX-License-Identifier: GPL-2.0-only
/*
 * Random programs: n=N of them from seed=N, each of random bytes and of mutated
 * instructions that matter to a hypervisor, with random registers, run in user mode or
 * (mode=kernel) as the guest's kernel. User programs must leave the kernel as it is. A
 * kernel program may end the domain: "at N" says how far it came, and random.sh goes on
 * with the next seed. A program that does not end is ended by the timer.
 */
#include "hostile.h"

#define TIME		500000		/* ns for one program */
#define MAX		192		/* bytes of one */
#define SCRATCH_PAGES	16

static u8 *scratch;
static u8 program[MAX + 64] __attribute__((aligned(4096)));
static unsigned int length;

/* ---- 1. The generator ------------------------------------------------------------- */

static void byte(u8 b)
{
	if (length < MAX)
		program[length++] = b;
}

static void number(u64 n, unsigned int bytes)
{
	for (; bytes; bytes--, n >>= 8)
		byte(n);
}

static u64 interesting(void)
{
	const u64 values[] = {
		0, 1, 2, 8, 0x7f, 0xff, 0xffff, ~0ULL, 1ULL << 31, 1ULL << 32, 1ULL << 47,
		(1ULL << 47) - 1, (1ULL << 47) - 4096, ~0ULL << 47, 1ULL << 63, ~(1ULL << 63),
		USER_CODE, USER_DATA, USER_DATA + 8, USER_STACK_TOP - 256, USER_DATA + 4094,
		(u64)vp(), (u64)program, (u64)scratch, (u64)scratch + 4096, pa(scratch),
		0xffff800000000000, 0xffff880000000000, 0xffff888000000000, 0xfffffe0000000000,
		0xffffffff81000000, 0xff00000000000000, 0x2b, 0x33, 0x10, 0x63, 0x7b, 0x4,
		guest_info->root_gpa, guest_info->memory, guest_info->memory - 4096,
	};
	u64 n = random_below(sizeof(values) / sizeof(*values) + 3);

	if (n < 3)
		return random() >> random_below(64);
	return values[n - 3];
}

/* What is worth to be mutated: length, then the bytes. */
static const u8 templates[][10] = {
	{ 2, 0x0f, 0x05 }, { 2, 0x0f, 0x34 }, { 2, 0x0f, 0x07 }, { 3, 0x48, 0x0f, 0x07 },
	{ 2, 0x0f, 0x35 }, { 2, 0xcd, 0x80 }, { 2, 0xcd, 0x02 }, { 2, 0xcd, 0x0e }, { 1, 0xcc },
	{ 1, 0xf1 }, { 1, 0xcb }, { 2, 0x48, 0xcb },
	{ 2, 0xff, 0x2f }, { 3, 0x48, 0xff, 0x2f }, { 2, 0xff, 0x1f }, { 2, 0x8e, 0xd8 },
	{ 2, 0x8e, 0xd0 }, { 2, 0x8e, 0xe8 }, { 2, 0x8e, 0xe0 }, { 2, 0x8e, 0x17 },
	{ 2, 0x0f, 0xa1 }, { 2, 0x0f, 0xa9 }, { 4, 0x48, 0x0f, 0xb2, 0x27 }, { 1, 0x9d },
	{ 1, 0x9c }, { 5, 0xf3, 0x48, 0x0f, 0xae, 0xd0 }, { 5, 0xf3, 0x48, 0x0f, 0xae, 0xd8 },
	{ 3, 0x0f, 0x01, 0xef }, { 3, 0x0f, 0x01, 0xee }, { 3, 0x0f, 0x01, 0xd0 },
	{ 3, 0x0f, 0x01, 0xd1 }, { 3, 0x0f, 0x01, 0xf9 }, { 2, 0x0f, 0x31 }, { 2, 0x0f, 0xa2 },
	{ 2, 0x0f, 0x33 }, { 2, 0x0f, 0x32 }, { 2, 0x0f, 0x30 }, { 3, 0x0f, 0x20, 0xd8 },
	{ 3, 0x0f, 0x22, 0xd8 }, { 3, 0x0f, 0x23, 0xf8 }, { 3, 0x0f, 0x01, 0xf8 },
	{ 3, 0x0f, 0x00, 0xd0 }, { 3, 0x0f, 0x00, 0xd8 }, { 3, 0x0f, 0x01, 0x17 },
	{ 3, 0x0f, 0x01, 0x1f }, { 3, 0x0f, 0x01, 0x3f }, { 3, 0x0f, 0x01, 0x07 },
	{ 1, 0xfa }, { 1, 0xfb }, { 1, 0xf4 }, { 1, 0xee }, { 1, 0xec }, { 2, 0xf3, 0x6e },
	{ 2, 0xf3, 0xa4 }, { 2, 0xf3, 0xab }, { 2, 0xf2, 0xae }, { 3, 0x0f, 0xae, 0x07 },
	{ 3, 0x0f, 0xae, 0x0f }, { 3, 0x0f, 0xae, 0x27 }, { 3, 0x0f, 0xae, 0x2f },
	{ 4, 0x48, 0x0f, 0xae, 0x2f }, { 3, 0x0f, 0xae, 0x3f }, { 3, 0x0f, 0xc7, 0x2f },
	{ 3, 0x0f, 0xc7, 0x1f }, { 4, 0xf0, 0x0f, 0xc7, 0x0f }, { 5, 0xf0, 0x48, 0x0f, 0xc7, 0x0f },
	{ 3, 0xf0, 0xff, 0x07 }, { 2, 0x0f, 0x0b }, { 1, 0xc9 }, { 2, 0x87, 0xe0 },
	{ 3, 0x48, 0x87, 0xe0 }, { 1, 0x5c }, { 1, 0xc3 }, { 2, 0xff, 0xe0 }, { 2, 0xff, 0xd0 },
	{ 4, 0xc8, 0xff, 0xff, 0x1f }, { 2, 0xf7, 0xf0 }, { 3, 0x48, 0xf7, 0xf8 },
	{ 2, 0xd9, 0x37 }, { 2, 0xdd, 0x27 }, { 2, 0x9b, 0x90 }, { 3, 0x0f, 0x18, 0x07 },
	{ 4, 0xf3, 0x0f, 0xae, 0xf0 }, { 4, 0x66, 0x0f, 0xae, 0xf0 }, { 4, 0xf2, 0x0f, 0xae, 0xf0 },
	{ 3, 0x0f, 0x01, 0xc8 }, { 3, 0x0f, 0x01, 0xc9 }, { 3, 0x0f, 0x01, 0xd5 },
	{ 3, 0xc6, 0xf8, 0x00 }, { 6, 0xc7, 0xf8, 0, 0, 0, 0 }, { 5, 0x48, 0x0f, 0x01, 0xc1 },
	{ 3, 0x0f, 0x02, 0xc0 }, { 3, 0x0f, 0x03, 0xc0 }, { 3, 0x0f, 0x00, 0xe0 },
	{ 3, 0x0f, 0x09, 0x90 }, { 2, 0x0f, 0x06 }, { 2, 0x0f, 0x08 }, { 2, 0xeb, 0xfe },
	{ 2, 0xe2, 0xfe }, { 5, 0xf3, 0x0f, 0xc7, 0xf8, 0x90 }, { 4, 0xf3, 0x0f, 0x01, 0x2f },
};

static void prefix(void)
{
	static const u8 prefixes[] = {
		0x66, 0x67, 0xf0, 0xf2, 0xf3, 0x2e, 0x36, 0x3e, 0x26, 0x64, 0x65, 0x40, 0x41, 0x44,
		0x48, 0x4c, 0x4f,
	};

	byte(prefixes[random_below(sizeof(prefixes))]);
}

static void mutated(void)
{
	const u8 *t = templates[random_below(sizeof(templates) / sizeof(*templates))];
	unsigned int i, flip = random_below(4) ? ~0u : (unsigned int)random_below(t[0]);

	if (!random_below(4))
		prefix();
	for (i = 0; i < t[0]; i++)
		byte(i == flip ? t[i + 1] ^ 1 << random_below(8) : t[i + 1]);
}

static void set_register(void)
{
	unsigned int reg = random_below(16);

	if (reg == 4 && random_below(16))	/* rsp: a kernel without a stack ends at once */
		reg = 0;
	byte(0x48 | reg >> 3);
	byte(0xb8 | (reg & 7));
	number(interesting(), 8);
}

/* mov $call, %eax; syscall */
static void call(void)
{
	byte(0xb8);
	number(random_below(20) ? random_below(DOMUS_NR_CALLS + 2) : random(), 4);
	byte(0x0f);
	byte(0x05);
}

/* Is one of the bytes that may be prefixes of the instruction at AT a LOCK? */
static bool locked(unsigned int at)
{
	unsigned int i;

	for (i = at; i && at - i < 14; i--)
		if (program[i - 1] == 0xf0)
			return true;
	return false;
}

/*
 * What QEMU 7.2 itself does not survive: PINSRx and PEXTRx with operands that do not
 * exist, and a locked BT, BTS, BTR or BTC of a register, on which its translator aborts;
 * IRET that is not IRETQ (its prefix may belong to what is before it), which takes the VM
 * flag from the stack of whoever asks for it: a CPU in virtual 8086 mode below long mode
 * is none that exists.
 */
static bool kills_qemu(void)
{
	unsigned int i;

	for (i = 0; i < length; i++) {
		const u8 *p = program + i;

		if (p[0] == 0xc4 || p[0] == 0xc5 || p[0] == 0xcf)
			return true;
		if (p[0] != 0x0f)
			continue;
		if (p[1] == 0xc4 || p[1] == 0xc5)
			return true;
		if (p[1] == 0x3a && (p[2] & 0xf0) < 0x30 && (p[2] & 0xf0))
			return true;
		if (((p[1] & 0xe7) == 0xa3 || p[1] == 0xba) && p[2] >= 0xc0 && locked(i))
			return true;
	}
	return false;
}

static void generate(void)
{
	unsigned int i, n = 1 + random_below(8);

	do {
		length = 0;
		for (i = random_below(6); i; i--)
			set_register();
		if (!random_below(4)) {		/* flags */
			byte(0x68);
			number(random() & ~(random_below(3) ? 0x100UL : 0UL), 4);
			byte(0x9d);
		}
		for (i = 0; i < n; i++) {
			switch (random_below(8)) {
			case 0:
			case 1:
			case 2:
				number(random(), 1 + random_below(8));
				break;
			case 3:
				call();
				break;
			case 4:
				set_register();
				break;
			default:
				mutated();
			}
		}
	} while (kills_qemu());
}

/* ---- 2. Running them ---------------------------------------------------------------- */

void *memset(void *to, int c, u64 bytes);

static u64 kernel_sum(void)
{
	const u64 *at = (const u64 *)((u64)test & ~0xfffULL);
	u64 sum = 0;
	unsigned int i;

	for (i = 0; i < 4096 / 8; i++)
		sum = (sum ^ at[i]) * 0x9e3779b97f4a7c15;
	for (at = (const u64 *)scratch, i = 0; i < SCRATCH_PAGES * 512; i += 61)
		sum = (sum ^ at[i]) * 0x9e3779b97f4a7c15;
	return sum;
}

static void run_kernel(u64 unused)
{
	vp()->vif = 1;
	asm volatile("call program" : : : "rax", "rcx", "rdx", "rsi", "rdi", "r8", "r9", "r10",
		     "r11", "memory", "cc");
}

static void finish(bool user)
{
	static const u8 user_exit[] = { 0x31, 0xff, 0x31, 0xc0, 0x0f, 0x05, 0xeb, 0xfe };

	if (user)
		copy_to(program + length, user_exit, sizeof(user_exit));
	else
		program[length] = 0xc3;
	length += sizeof(user_exit);
	memset(program + length, 0xcc, sizeof(program) - length);
}

/* Where the last ones ended: a program that wrecks the domain is the one after "at". */
static void run(bool user, u64 n)
{
	unsigned int ends[34] = { 0 }, i;
	u64 done, sum = kernel_sum();

	for (done = 0; done < n; done++) {
		int vector;

		if (done % (user ? 1000 : 8) == 0)
			print("at %lu\n", done);
		generate();
		finish(user);
		timer_arm(TIME);
		if (user)
			vector = attempt_user(program, program + length, 0);
		else
			vector = attempt(run_kernel, 0);
		vp()->vif = 0;
		ends[vector + 1]++;
		if (user && done % 100 == 0 && kernel_sum() != sum)
			guest_stop(DOMUS_SHUTDOWN_CRASH, "user mode has changed the kernel");
	}
	print("at %lu\n", done);
	for (i = 0; i < 34; i++)
		if (ends[i])
			print("# ended by %d: %u\n", (int)i - 1, ends[i]);
}

void test(void)
{
	bool user = !arg_is("mode", "kernel");
	u64 seed = arg_number("seed", 1);
	unsigned int i;

	hostile_init();
	scratch = page_alloc();
	for (i = 1; i < SCRATCH_PAGES; i++)
		page_alloc();
	print("seed %lu, %s mode\n", seed, user ? "user" : "kernel");
	random_seed(seed);
	run(user, arg_number("n", 1000));
	guest_stop(DOMUS_SHUTDOWN_POWEROFF, "all programs done");
}
