// SPDX-License-Identifier: GPL-2.0-only
/*
 * Faults of vCPUs at once, each on pages of its own.
 *
 *  - by itself: what a fill costs all CPUs together, in ticks (lib/ticks.h)
 *  - with "rounds=N": so many times, for whoever looks at locks; vCPU 0 only prepares, or
 *    with "flush=1" takes away all the time what the others fill. Without an end
 *
 * Pages are touched by pause: where CPUs take turns, another one's fill comes next.
 */
#include "hostile.h"
#include "smp.h"
#include "ticks.h"

#define WINDOW		0x10000000UL
#define MOST		5		/* vCPUs */
#define PAGES		1024		/* of each vCPU */
#define SPAN		(PAGES * 4096UL)
#define BITS		(PTE_P | PTE_W | PTE_U | PTE_D)
#define MEASURED	9		/* rounds */
#define LEAST		300		/* ticks: less would be no fill */

static u32 go, done, stop;
static u64 *entry[MOST][PAGES];

/* ---- What all vCPUs do ------------------------------------------------------------------- */

static void touch(u64 me)
{
	volatile u8 *at = (volatile u8 *)(WINDOW + me * SPAN);
	unsigned int i;

	for (i = 0; i < PAGES; i++) {
		at[i * 4096UL] = 1;
		pause();
	}
}

static void worker(u64 me)
{
	u32 round = 0;

	for (;;) {
		while (get(&go) == round && !get(&stop))
			hc0(DOMUS_HC_VCPU_WAIT);
		if (get(&stop))
			return;
		round++;
		touch(me);
		__atomic_add_fetch(&done, 1, __ATOMIC_SEQ_CST);
		hc1(DOMUS_HC_VCPU_KICK, 0);
	}
}

/* ---- What vCPU 0 does besides ------------------------------------------------------------ */

/* Without A nothing is mapped beside a page that was touched. */
static void map_all(unsigned int vcpus)
{
	unsigned int i, j;

	for (i = 0; i < vcpus; i++) {
		for (j = 0; j < PAGES; j++) {
			u64 at = WINDOW + i * SPAN + j * 4096UL;

			map_page(guest_root(), at, pa(page_alloc()), BITS);
			entry[i][j] = find_pte(guest_root(), at);
		}
	}
}

static void forget(unsigned int vcpus)
{
	unsigned int i, j;

	for (i = 0; i < vcpus; i++)
		for (j = 0; j < PAGES; j++)
			__atomic_and_fetch(entry[i][j], ~PTE_A, __ATOMIC_SEQ_CST);
	hcall(DOMUS_HC_MMU_FLUSH, DOMUS_FLUSH_RANGE, guest_info->root_gpa, WINDOW,
	      WINDOW + vcpus * SPAN, ~0UL, NULL);
}

/* All others at once, and vCPU 0 if it is to take part. Return: ticks. */
static u64 round_of(unsigned int others, bool me)
{
	u64 from = ticks();
	unsigned int i;

	set(&done, 0);
	__atomic_add_fetch(&go, 1, __ATOMIC_SEQ_CST);
	for (i = 1; i <= others; i++)
		hc1(DOMUS_HC_VCPU_KICK, i);
	if (me)
		touch(0);
	while (get(&done) < others)
		hc0(DOMUS_HC_VCPU_WAIT);
	return ticks() - from;
}

/* Fills less what the same takes where there is nothing to fill. */
static void measure(unsigned int vcpus)
{
	static u64 value[MEASURED];
	unsigned int i;
	u64 cost;

	/* the first one makes tables, and brings the host's pages */
	round_of(vcpus - 1, true);
	for (i = 0; i < MEASURED; i++) {
		forget(vcpus);
		value[i] = round_of(vcpus - 1, true);
		value[i] -= round_of(vcpus - 1, true);
	}
	cost = median(value, MEASURED) / (vcpus * PAGES);
	print("# fills: %u vCPUs, %lu ticks\n", vcpus, cost);
	ok(cost >= LEAST, "a fill of %u vCPUs at once: %lu ticks", vcpus, cost);
}

static void go_on(unsigned int vcpus, u64 rounds, bool flushes)
{
	u64 i;

	for (i = 0; i < rounds; i++) {
		forget(vcpus);
		if (!flushes) {
			round_of(vcpus - 1, false);
			continue;
		}
		set(&done, 0);
		__atomic_add_fetch(&go, 1, __ATOMIC_SEQ_CST);
		while (get(&done) < vcpus - 1) {
			unsigned int v;

			for (v = 1; v < vcpus; v++)
				hc1(DOMUS_HC_VCPU_KICK, v);
			hcall(DOMUS_HC_MMU_FLUSH, DOMUS_FLUSH_RANGE, guest_info->root_gpa, WINDOW,
			      WINDOW + vcpus * SPAN, ~0UL, NULL);
		}
	}
	/* whoever has read the counters ends it */
	print("# done\n");
	for (;;)
		hc0(DOMUS_HC_BLOCK);
}

void test(void)
{
	unsigned int vcpus = guest_info->vcpus, i, bad = 0;
	u64 rounds = arg_number("rounds", 0);

	plan(2);
	if (vcpus > MOST)
		guest_stop(DOMUS_SHUTDOWN_CRASH, "too many vCPUs");
	smp_init(vcpus);
	map_all(vcpus);
	for (i = 1; i < vcpus; i++)
		bad += cpu_up(i, worker, i) != 0;
	if (rounds)
		go_on(vcpus, rounds, arg_number("flush", 0));
	else
		measure(vcpus);
	set(&stop, 1);
	for (i = 1; i < vcpus; i++) {
		hc1(DOMUS_HC_VCPU_KICK, i);
		bad += !cpu_is_down(i);
	}
	ok(!bad, "all vCPUs came and went");
}
