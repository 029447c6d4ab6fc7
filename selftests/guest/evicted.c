// SPDX-License-Identifier: GPL-2.0-only
/*
 * More roots than the host keeps, of which each vCPU has some at hand. To be run with four
 * vCPUs and 64 MiB. One loads ROOTS roots, one behind the other, so that the host forgets
 * others all the time; the rest load OWN of their own in turns, without the host, which takes
 * those that it passes away from them meanwhile. What is loaded is what was asked for. For
 * ms=N; evicted.sh makes the host trace, and not trace, what the guest does.
 */
#include "hostile.h"
#include "smp.h"

#define CPUS	4
#define ROOTS	3000
#define OWN	6			/* all are at hand */
#define AT	0x300000000000UL	/* a top-level entry that tells them apart */
#define KINDS	8
#define BITS	(PTE_P | PTE_W | PTE_A | PTE_D)

static u64 first;			/* of the roots: each is a page */
static u64 entries[KINDS];		/* at AT: the same tables for many roots */
static u64 loads, wrong, refused;

/* Those of vCPU @me begin at OWN * @me. */
static long load(u64 nr)
{
	return hc1(DOMUS_HC_LOAD_ROOT, first + 4096 * nr);
}

static bool is(u64 nr)
{
	u64 found = *(volatile u64 *)AT;

	return found == nr % KINDS;
}

static void make_roots(void)
{
	u64 *scratch = page_alloc(), *root, i;

	for (i = 0; i < KINDS; i++) {
		u64 *page = page_alloc();

		page[0] = i;
		scratch[(AT >> 39) & 511] = 0;
		map_page(scratch, AT, pa(page), BITS);
		entries[i] = scratch[(AT >> 39) & 511];
	}
	for (i = 0; i < ROOTS; i++) {
		root = page_alloc();
		if (!i)
			first = pa(root);
		copy_to(root, guest_root(), 4096);
		root[(AT >> 39) & 511] = entries[i % KINDS];
	}
}

static void in_turns(u64 me)
{
	u64 n, nr, seed = me, bad = 0, failed = 0;

	for (n = 0; others_go_on(); n++) {
		nr = OWN * me + random_of(&seed) % OWN;
		failed += !!load(nr);
		bad += !is(nr);
	}
	load(OWN * me);
	hc1(DOMUS_HC_LOAD_ROOT, pa(guest_root()));
	__atomic_add_fetch(&loads, n, __ATOMIC_SEQ_CST);
	__atomic_add_fetch(&wrong, bad, __ATOMIC_SEQ_CST);
	__atomic_add_fetch(&refused, failed, __ATOMIC_SEQ_CST);
}

void test(void)
{
	u64 end, n, nr, bad = 0, failed = 0;
	bool ended;

	plan(3);
	if (others_all() != CPUS)
		guest_stop(DOMUS_SHUTDOWN_CRASH, "four vCPUs are needed");
	smp_init(CPUS);
	make_roots();
	others_start(in_turns);
	end = hc1(DOMUS_HC_GET_TIME, DOMUS_TIME_MONOTONIC) + arg_number("ms", 4000) * 1000000;
	for (n = 0; n < ROOTS || (u64)hc1(DOMUS_HC_GET_TIME, DOMUS_TIME_MONOTONIC) < end; n++) {
		nr = OWN * CPUS + n % (ROOTS - OWN * CPUS);
		failed += !!load(nr);
		bad += !is(nr);
	}
	hc1(DOMUS_HC_LOAD_ROOT, pa(guest_root()));
	ended = others_stop();
	ok(ended && loads > 1000, "%lu loads of many roots, %lu of few", n, loads);
	ok(!bad && !wrong, "%lu and %lu were of another one", bad, wrong);
	ok(!failed && !refused, "%lu and %lu were refused", failed, refused);
}
