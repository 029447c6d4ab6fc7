// SPDX-License-Identifier: GPL-2.0-only
/*
 * Roots at hand: the last ones that a vCPU loaded it loads again without the host. To be
 * run with four vCPUs. What is loaded is what was asked for, and nothing else is; a root
 * that was flushed, released, or made anew in the same page meanwhile is what it is now, on
 * each vCPU; and while some load two roots in turns, for ms=N, and another changes and
 * flushes these, nobody finds what was there before. A root that nobody has loaded can always
 * be released.
 */
#include "hostile.h"
#include "smp.h"

#define CPUS	4
#define ROOTS	12			/* more than are at hand */
#define AT	0x300000000000UL	/* a top-level entry of its own */
#define PAGES	32
#define BITS	(PTE_P | PTE_W | PTE_A | PTE_D)

static u64 *roots[ROOTS];
static u64 *pages[PAGES];

static volatile u64 *at = (volatile u64 *)AT;

static long load(const u64 *root)
{
	return hc1(DOMUS_HC_LOAD_ROOT, pa(root));
}

static long flush(const u64 *root)
{
	return hcall(DOMUS_HC_MMU_FLUSH, DOMUS_FLUSH_RANGE, pa(root), AT, AT + 4096, ~0UL, NULL);
}

static void make_roots(void)
{
	unsigned int i;

	for (i = 0; i < PAGES; i++)
		pages[i] = page_alloc();
	for (i = 0; i < ROOTS; i++) {
		roots[i] = page_alloc();
		copy_to(roots[i], guest_root(), 4096);
		map_page(roots[i], AT, pa(pages[i]), BITS);
		pages[i][0] = i + 1;
	}
}

/* ---- 1. One vCPU --------------------------------------------------------------------- */

static void in_turns(unsigned int nr)
{
	u64 n, r, seed = 1, bad = 0;

	for (n = 0; n < 20000; n++) {
		seed = seed * 6364136223846793005UL + 1442695040888963407UL;
		r = (seed >> 33) % nr;
		bad += load(roots[r]) || *at != r + 1;
	}
	ok(!bad, "%lu loads of %u roots: %lu are not what they should be", n, nr, bad);
}

/* What is no root; @mine is loaded. Return: how many were not refused. */
static unsigned int odd_ones(u64 mine)
{
	const u64 odd[] = {
		1, 8, 0xfff, mine + 1, mine + 8, mine + 0xfff, pa(roots[1]) + 1,
		pa(roots[1]) | 1UL << 63, guest_info->memory, guest_info->memory + 1, 1UL << 52,
		~0UL, ~0xfffUL,
	};
	unsigned int i, bad = 0;

	for (i = 0; i < sizeof(odd) / sizeof(*odd); i++)
		bad += hc1(DOMUS_HC_LOAD_ROOT, odd[i]) != -EINVAL;
	return bad;
}

static void changed(void)
{
	u64 *pte = find_pte(roots[0], AT);
	bool good;

	load(roots[0]);
	load(roots[1]);
	*pte = pa(pages[ROOTS]) | BITS;
	pages[ROOTS][0] = 1000;
	good = !flush(roots[0]) && !load(roots[0]) && *at == 1000;
	*pte = pa(pages[0]) | BITS;
	good &= *at == 1000 || *at == 1;
	good &= !load(roots[0]) && *at == 1;
	ok(good, "flushed meanwhile it is what it is now; loaded once more it is flushed: %lu",
	   *at);
}

/* ---- 2. Others that have it at hand ----------------------------------------------------- */

static u32 step, refused;
static u64 found[4];

static void turn(u32 nr)
{
	set(&step, nr);
	within(get(&step) == nr + 1);
}

static void wait_turn(u32 nr)
{
	within(get(&step) == nr);
}

static void helper(u64 arg)
{
	set(&refused, odd_ones(pa(guest_root())));
	load(roots[0]);
	found[0] = *at;
	load(roots[1]);
	set(&step, 1);
	wait_turn(2);
	load(roots[0]);			/* which was released, and made anew */
	found[1] = *at;
	set(&step, 3);
	wait_turn(4);
	load(roots[1]);
	found[2] = *at;
	set(&step, 5);
}

static void released(void)
{
	long one, other, loaded;
	bool up;

	load(guest_root());
	up = !cpu_up(1, helper, 0) && within(get(&step) == 1);
	ok(up && !get(&refused), "a new vCPU has none at hand: %u were taken", get(&refused));
	one = hc1(DOMUS_HC_RELEASE_ROOT, pa(roots[0]));
	other = hc1(DOMUS_HC_RELEASE_ROOT, pa(roots[1]));
	*find_pte(roots[0], AT) = pa(pages[ROOTS + 1]) | BITS;
	pages[ROOTS + 1][0] = 2000;
	turn(2);
	loaded = hc1(DOMUS_HC_RELEASE_ROOT, pa(roots[0]));
	turn(4);
	ok(one == 0 && other == -EBUSY && loaded == -EBUSY,
	   "a root at hand is released, a loaded one is not: %ld %ld %ld", one, other, loaded);
	ok(found[0] == 1 && found[1] == 2000 && found[2] == 2,
	   "made anew in the same page it is another one: %lu %lu %lu", found[0], found[1],
	   found[2]);
	ok(cpu_is_down(1) && !hc1(DOMUS_HC_RELEASE_ROOT, pa(roots[1])),
	   "a vCPU that is down has none");
	*find_pte(roots[0], AT) = pa(pages[0]) | BITS;
	flush(roots[0]);
}

/* ---- 3. Storm ---------------------------------------------------------------------------- */

static u64 published[2];	/* what is found at AT in each is not older */
static u64 looks, stale;

static void look(u64 me)
{
	u64 r, least, n, bad = 0;

	for (n = 0; others_go_on(); n++) {
		r = (n + me) & 1;
		least = __atomic_load_n(&published[r], __ATOMIC_SEQ_CST);
		if (load(roots[r]))
			bad++;
		bad += __atomic_load_n((u64 *)AT, __ATOMIC_SEQ_CST) < least;
		/* stay, so that a flush comes while it is loaded, too */
		if (n % 16 < me) {
			least = __atomic_load_n(&published[r], __ATOMIC_SEQ_CST);
			bad += __atomic_load_n((u64 *)AT, __ATOMIC_SEQ_CST) < least;
		}
	}
	load(guest_root());
	__atomic_add_fetch(&looks, n, __ATOMIC_SEQ_CST);
	__atomic_add_fetch(&stale, bad, __ATOMIC_SEQ_CST);
}

static void storm(void)
{
	u64 *pte[2] = { find_pte(roots[0], AT), find_pte(roots[1], AT) };
	u64 n, end, r, taken = 0, busy = 0, failed = 0, *page;

	others_start(look);
	end = hc1(DOMUS_HC_GET_TIME, DOMUS_TIME_MONOTONIC) + arg_number("ms", 4000) * 1000000;
	for (n = 1; (u64)hc1(DOMUS_HC_GET_TIME, DOMUS_TIME_MONOTONIC) < end; n++) {
		r = n / 3 & 1;
		page = pages[2 + n % (PAGES - 2)];
		__atomic_store_n(page, n, __ATOMIC_SEQ_CST);
		__atomic_store_n(pte[r], pa(page) | BITS, __ATOMIC_SEQ_CST);
		failed += !!flush(roots[r]);
		__atomic_store_n(&published[r], n, __ATOMIC_SEQ_CST);
		if (n % 4)
			continue;
		switch (hc1(DOMUS_HC_RELEASE_ROOT, pa(roots[r ^ 1]))) {
		case 0:
			taken++;
			break;
		case -EBUSY:
			busy++;
			break;
		default:
			failed++;
		}
	}
	failed += !others_stop();
	ok(!failed && looks > 1000 && n > 100 && taken && busy,
	   "%lu loads, %lu changes; %lu releases, %lu refused", looks, n, taken, busy);
	ok(!stale, "%lu found what was there before", stale);
}

/* ---- 4. Released behind its use ----------------------------------------------------------- */

#define BEHIND	5		/* of ROOTS: long before it comes again, and at hand */

static u64 turns;		/* roots that vCPU 1 has loaded */

static void walk(u64 me)
{
	u64 n;

	for (n = 0; others_go_on(); n++) {
		if (me != 1)
			continue;
		if (load(roots[n % ROOTS]))
			refused++;
		__atomic_store_n(&turns, n + 1, __ATOMIC_SEQ_CST);
	}
	load(guest_root());
}

static void behind(void)
{
	u64 end, n, released = 0, busy = 0;
	long r;

	set(&refused, 0);
	others_start(walk);
	end = hc1(DOMUS_HC_GET_TIME, DOMUS_TIME_MONOTONIC) + arg_number("ms", 4000) * 500000;
	while ((u64)hc1(DOMUS_HC_GET_TIME, DOMUS_TIME_MONOTONIC) < end) {
		n = __atomic_load_n(&turns, __ATOMIC_SEQ_CST);
		if (n <= BEHIND)
			continue;
		r = hc1(DOMUS_HC_RELEASE_ROOT, pa(roots[(n - 1 - BEHIND) % ROOTS]));
		/* its next turn is too far away, and has not come meanwhile */
		if (__atomic_load_n(&turns, __ATOMIC_SEQ_CST) < n + ROOTS - BEHIND - 2) {
			released += !r;
			busy += !!r;
		}
	}
	ok(others_stop() && released && !get(&refused), "%lu roots were released behind their use",
	   released);
	ok(!busy, "%lu were refused", busy);
}

void test(void)
{
	unsigned int odd;

	plan(12);
	if (others_all() != CPUS)
		guest_stop(DOMUS_SHUTDOWN_CRASH, "four vCPUs are needed");
	smp_init(CPUS);
	make_roots();
	in_turns(2);
	in_turns(ROOTS);
	load(roots[0]);
	odd = odd_ones(pa(roots[0]));
	ok(!odd && *at == 1, "what is no root is refused: %u were taken", odd);
	changed();
	released();
	storm();
	behind();
}
