// SPDX-License-Identifier: GPL-2.0-only
/*
 * Hypercalls with arguments that are none: every call number there is and is not, with
 * addresses at, across and beyond the end of memory, lengths that wrap, multicalls in
 * multicalls, and thousands of calls with random choices of all these. Each comes back
 * with a result of its own, and the memory behind a refused one is as it was.
 */
#include "hostile.h"

#define EINVAL	22
#define EFAULT	14
#define ENOSYS	38

static u64 memory, own_page;
static u8 *buffer;

/* ---- What is at the edge ---------------------------------------------------------- */

static u64 edge(unsigned int i)
{
	const u64 values[] = {
		0, 1, 2, 3, 7, 8, 32, 33, 34, 63, 64, 128, 255, 1024, 4095, 4096, 0x10000,
		memory - 4096, memory - 64, memory - 8, memory - 1, memory, memory + 1,
		memory + 4096, 1ULL << 31, 1ULL << 32, (1ULL << 32) - 1, 1ULL << 43,
		1ULL << 47, (1ULL << 47) - 4096, ~0ULL << 47, 1ULL << 52, 1ULL << 63, ~0ULL,
		~0ULL - 7, ~0xfffULL, 0xffff800000000000, 0xffff888000000000, own_page,
		own_page + 8, pa(buffer), pa(buffer) + 4095, guest_info->root_gpa,
		guest_info->event_page_gpa, 0x00cff2000000ffff, 0xc0000080,
	};

	return values[i % (sizeof(values) / sizeof(*values))];
}

/* Not what ends, waits or goes elsewhere; nor what the test itself stands on. */
static bool harmless(u64 nr, const u64 *args)
{
	switch (nr) {
	case DOMUS_HC_RETURN:
	case DOMUS_HC_SYSRET:
	case DOMUS_HC_SHUTDOWN:
	case DOMUS_HC_BLOCK:
	case DOMUS_HC_VCPU_WAIT:
	case DOMUS_HC_MULTICALL:
		return false;
	case DOMUS_HC_CONSOLE_WRITE:
		return args[1] < 16;	/* somebody has to read it */
	case DOMUS_HC_SET_CLOCK_PAGE:
	case DOMUS_HC_SET_VCPU_PAGE:	/* writes to it, tables and code would not survive */
		return args[0] % 4096 || args[0] >= memory - 4096 || args[0] == pa(buffer);
	case DOMUS_HC_LOAD_ROOT:	/* other pages are roots for tables.c */
		return args[0] % 4096 || args[0] >= memory || args[0] == guest_info->root_gpa;
	case DOMUS_HC_SET_ENTRY:
		return args[0] != DOMUS_ENTRY_EVENT;
	}
	return true;
}

/* What a call that was taken may have changed under us. */
static void put_right(u64 nr)
{
	if (nr == DOMUS_HC_SET_VCPU_PAGE)
		hc1(DOMUS_HC_SET_VCPU_PAGE, own_page);
	if (nr == DOMUS_HC_LOAD_ROOT)
		hc1(DOMUS_HC_LOAD_ROOT, guest_info->root_gpa);
	hc2(DOMUS_HC_SET_SEGMENT, DOMUS_SEG_KERNEL_GS_BASE, (u64)vp());
	hc1(DOMUS_HC_SET_CLOCK_PAGE, 0);
}

static long raw(u64 nr, const u64 *a)
{
	register u64 r10 asm("r10") = a[3];
	register u64 r8 asm("r8") = a[4];
	register u64 r9 asm("r9") = a[5];
	u64 rdx = a[2];
	long result;

	asm volatile("syscall"
		     : "=a"(result), "+d"(rdx), "+r"(r10), "+r"(r8), "+r"(r9)
		     : "a"(nr), "D"(a[0]), "S"(a[1]) : "rcx", "r11", "memory");
	return result;
}

/* ---- Numbers ----------------------------------------------------------------------- */

static unsigned int unknown_numbers(void)
{
	const u64 none[6] = { 0 };
	unsigned int bad = 0;
	u64 nr;

	for (nr = DOMUS_NR_CALLS; nr < 2000; nr++)
		bad += raw(nr, none) != -ENOSYS;
	for (nr = 12; nr < 64; nr++) {
		bad += raw(1ULL << nr, none) != -ENOSYS;
		bad += raw(1ULL << nr | DOMUS_HC_VERSION, none) != -ENOSYS;
		bad += raw(~(1ULL << nr), none) != -ENOSYS;
	}
	return bad;
}

/* ---- Copies ------------------------------------------------------------------------ */

static unsigned int copies(u64 call, bool writes)
{
	const struct { u64 gpa, len; long result; } cases[] = {
		{ memory, 1, -EFAULT }, { memory - 1, 2, -EFAULT }, { memory + 1, ~0ULL, -EFAULT },
		{ ~0ULL, 1, -EFAULT }, { ~0ULL, 2, -EFAULT }, { ~0ULL - 15, 32, -EFAULT },
		{ 1ULL << 63, 16, -EFAULT }, { 0, 0, 0 }, { ~0ULL, 0, 0 }, { memory, 0, 0 },
		{ 1ULL << 52, 1, -EFAULT }, { memory - 100, ~0ULL - 50, -EFAULT },
	};
	unsigned int i, bad = 0;

	for (i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		long r = hc2(call, cases[i].gpa, cases[i].len);

		/* what of it is memory may be done, in pieces */
		if (r == cases[i].result || (cases[i].gpa < memory && r > 0 &&
					     (u64)r <= memory - cases[i].gpa))
			continue;
		print("# call %lx: %lx bytes at %lx: %ld\n", call, cases[i].len, cases[i].gpa, r);
		bad++;
	}
	if (writes)
		bad += hc2(call, memory - 1, 1) != 1;
	return bad;
}

/* ---- Multicalls -------------------------------------------------------------------- */

static struct domus_multicall *list;

static void fill_list(u64 call, unsigned int n)
{
	unsigned int i;

	for (i = 0; i < n; i++)
		list[i] = (struct domus_multicall){ .call = call, .result = 0x5555 };
}

static unsigned int multicalls(void)
{
	static const u64 never[] = {
		DOMUS_HC_RETURN, DOMUS_HC_SYSRET, DOMUS_HC_BLOCK, DOMUS_HC_VCPU_DOWN,
		DOMUS_HC_SHUTDOWN, DOMUS_HC_MULTICALL, DOMUS_HC_VCPU_WAIT,
	};
	const u64 places[] = {
		memory, memory - 8, memory - 63, ~0ULL, ~7ULL, 1ULL << 63, pa(list) + 1,
		pa(list) + 4,
	};
	unsigned int i, bad = 0;

	for (i = 0; i < sizeof(never) / sizeof(*never); i++) {
		fill_list(DOMUS_HC_VERSION, 3);
		list[1].call = never[i];
		list[1].args[0] = pa(list);
		list[1].args[1] = 128;
		bad += hc2(DOMUS_HC_MULTICALL, pa(list), 3) != 3 || list[1].result != -EINVAL ||
		       list[2].result <= 0;
	}
	for (i = 0; i < sizeof(places) / sizeof(*places); i++)
		bad += hc2(DOMUS_HC_MULTICALL, places[i], 1) >= 0;
	bad += hc2(DOMUS_HC_MULTICALL, pa(list), 0) != 0;
	bad += hc2(DOMUS_HC_MULTICALL, pa(list), 129) != -EINVAL;
	bad += hc2(DOMUS_HC_MULTICALL, pa(list), ~0ULL) != -EINVAL;
	bad += hc2(DOMUS_HC_MULTICALL, ~0ULL - 63, 2) >= 0;

	/* the last call is the last that memory has */
	copy_to(va(memory - 128), list, 128);
	bad += hc2(DOMUS_HC_MULTICALL, memory - 128, 128) != 2;

	/* numbers that are none, and 128 flushes of everything */
	fill_list(1ULL << 32 | DOMUS_HC_VERSION, 128);
	bad += hc2(DOMUS_HC_MULTICALL, pa(list), 128) != 128 || list[127].result != -ENOSYS;
	fill_list(DOMUS_HC_MMU_FLUSH, 128);
	bad += hc2(DOMUS_HC_MULTICALL, pa(list), 128) != 128 || list[127].result != 0;

	/* a list that makes itself: the console's input and moved vCPU pages over it */
	fill_list(DOMUS_HC_SET_VCPU_PAGE, 128);
	for (i = 0; i < 128; i++)
		list[i].args[0] = i & 1 ? own_page : pa(list) & ~0xfffULL;
	hc2(DOMUS_HC_MULTICALL, pa(list), 128);
	put_right(DOMUS_HC_SET_VCPU_PAGE);
	return bad;
}

/* ---- All of it ---------------------------------------------------------------------- */

static void one(u64 nr, const u64 *args)
{
	if (!harmless(nr, args))
		return;
	raw(nr, args);
	put_right(nr);
}

/* Every @step-th pair of edges, for the first two arguments; the others follow. */
static void all_edges(unsigned int step)
{
	unsigned int i, j;
	u64 nr;

	for (nr = 0; nr < DOMUS_NR_CALLS; nr++) {
		for (i = 0; i < 46; i++)
			for (j = 0; j < 46; j++) {
				u64 args[6] = { edge(i), edge(j), edge(i + 1), edge(j + 1),
						edge(i + j), ~0ULL };

				if ((i * 46 + j) % step == 0)
					one(nr, args);
			}
	}
}

static void random_calls(u64 n)
{
	unsigned int i;

	while (n--) {
		u64 nr = random_below(DOMUS_NR_CALLS), args[6];

		for (i = 0; i < 6; i++) {
			args[i] = random_below(8) ? edge(random()) : random();
			if (!random_below(6))
				args[i] += random_below(5) - 2;
		}
		one(nr, args);
	}
}

/* Of a kind of which there is one, whoever asks again has the same. */
static unsigned int single(u64 kind)
{
	long port = hc2(DOMUS_HC_EVENT_BIND, kind, 0);
	unsigned int bad = port <= 0;

	bad += hc2(DOMUS_HC_EVENT_BIND, kind, 0) != port;
	bad += hc1(DOMUS_HC_EVENT_CLOSE, port) != 0;
	bad += hc1(DOMUS_HC_EVENT_CLOSE, port) != -EINVAL;
	bad += hc2(DOMUS_HC_EVENT_BIND, kind, 0) != port;
	return bad + (hc1(DOMUS_HC_EVENT_CLOSE, port) != 0);
}

static unsigned int ports(void)
{
	static const u64 kinds[] = {
		DOMUS_PORT_TIMER, DOMUS_PORT_CONSOLE, DOMUS_PORT_BUS, DOMUS_PORT_VCPUS,
	};
	unsigned int bad = 0, n = 0;
	long port;

	while ((port = hc2(DOMUS_HC_EVENT_BIND, DOMUS_PORT_IPI, 0)) > 0)
		n++;
	bad += port != -28 || n > DOMUS_MAX_PORTS;
	bad += hc2(DOMUS_HC_EVENT_BIND, DOMUS_PORT_VCPUS, 0) != -28;
	for (port = 0; port < DOMUS_MAX_PORTS + 64; port++) {
		hc1(DOMUS_HC_EVENT_UNMASK, port);
		hc1(DOMUS_HC_EVENT_SEND, port);
	}
	for (port = 1; port < DOMUS_MAX_PORTS; port++)
		bad += hc1(DOMUS_HC_EVENT_CLOSE, port) != 0;
	bad += hc1(DOMUS_HC_EVENT_CLOSE, 1) != -EINVAL;
	for (n = 0; n < sizeof(kinds) / sizeof(*kinds); n++)
		bad += single(kinds[n]);
	bad += hc2(DOMUS_HC_EVENT_BIND, DOMUS_PORT_IPI, 0) <= 0;
	return bad;
}

static unsigned int reads(void)
{
	unsigned int bad = 0;
	u64 nr, second;

	for (nr = 0; nr < 0x400; nr++) {
		hcall(DOMUS_HC_CPUID, nr, nr, 0, 0, 0, &second);
		hcall(DOMUS_HC_CPUID, 0x80000000 + nr, nr, 0, 0, 0, &second);
		hcall(DOMUS_HC_CPUID, 13, nr, 0, 0, 0, &second);
		hcall(DOMUS_HC_CPUID, 0x40000000 + nr, 1ULL << 32, 0, 0, 0, &second);
	}
	for (nr = 0; nr < 0x2000; nr++) {
		long low = hc1(DOMUS_HC_RDMSR, nr), high = hc1(DOMUS_HC_RDMSR, 0xc0000000 + nr);

		bad += (low && low != -1) + (high && high != -1);
		bad += hc1(DOMUS_HC_RDMSR, 1ULL << 32 | nr) != -1;
	}
	return bad;
}

void test(void)
{
	u64 seed = arg_number("seed", 1), guard = 0x1122334455667788;

	plan(9);
	hostile_init();
	memory = guest_info->memory;
	own_page = guest_info->vcpu_page_gpa;
	buffer = page_alloc();
	list = page_alloc();
	page_alloc();
	random_seed(seed);
	ok(!unknown_numbers(), "unknown numbers give ENOSYS");
	ok(!copies(DOMUS_HC_CONSOLE_WRITE, true), "console output from the end of memory");
	*(u64 *)va(memory - 8) = guard;
	ok(!copies(DOMUS_HC_CONSOLE_READ, false), "console input to the end of memory");
	ok(*(u64 *)va(memory - 8) == guard, "nothing was written there");
	ok(!multicalls(), "multicalls nest no deeper, and end with the memory");
	ok(!ports(), "ports are used up and given back");
	ok(!reads(), "CPUID and MSRs of every number");
	all_edges(arg_number("step", 5));
	ok(hc0(DOMUS_HC_VERSION) > 0, "all calls with all edges");
	random_calls(arg_number("n", 10000));
	ok(hc0(DOMUS_HC_VERSION) > 0, "random calls; seed %lu", seed);
}
