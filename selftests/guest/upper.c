// SPDX-License-Identifier: GPL-2.0-only
/*
 * The upper half, which all roots share: one vCPU has everything flushed, again and again,
 * with so many roots that this takes a while; one changes an entry of the upper half and
 * flushes that alone; and the others, each with a root of its own that comes last, must find
 * what the entry says from there on, for ms=N. Then the same for large pages of the guest
 * that the host maps by small ones: a flush that ends in one reaches all of it.
 */
#include "hostile.h"
#include "smp.h"

#define CPUS	4
#define ROOTS		3900UL
#define FIRST	(32UL << 20)		/* empty roots: memory that nobody uses */
#define PLACE	(16UL << 20)		/* what the entries name */
#define PAGES	64
#define AT	0xffffa00000000000UL
#define LARGE	0xffffb00000000000UL
#define BLOCK	(2UL << 20)
#define BLOCKS	2
#define SMALL	256			/* pages before LARGE */
#define BITS	(PTE_P | PTE_W | PTE_A | PTE_D)
#define BATCH	32

static u64 published;		/* what is found at AT is not older */
static u64 looks, stale, flushes;
static u32 ready;

/* ---- 1. Beside a flush of everything ----------------------------------------------------- */

static u64 *root_of_my_own(void)
{
	u64 *root = page_alloc();

	copy_to(root, guest_root(), 4096);
	return root;
}

static void look(u64 root)
{
	u64 least, found, n = 0, bad = 0;

	if (hc1(DOMUS_HC_LOAD_ROOT, root))
		bad = 1;
	__atomic_add_fetch(&ready, 1, __ATOMIC_SEQ_CST);
	while (others_go_on()) {
		least = __atomic_load_n(&published, __ATOMIC_SEQ_CST);
		found = __atomic_load_n((u64 *)AT, __ATOMIC_SEQ_CST);
		bad += found < least;
		n++;
	}
	__atomic_add_fetch(&looks, n, __ATOMIC_SEQ_CST);
	__atomic_add_fetch(&stale, bad, __ATOMIC_SEQ_CST);
}

/* The others' roots are to be there before: a new one comes behind all that have been emptied. */
static void flush_all(void)
{
	within(get(&ready) == CPUS - 2);
	__atomic_add_fetch(&ready, 1, __ATOMIC_SEQ_CST);
	while (others_go_on())
		flushes += !hcall(DOMUS_HC_MMU_FLUSH, DOMUS_FLUSH_ALL, 0, 0, 0, ~0UL, NULL);
}

static u64 *roots[CPUS];

static void other(u64 me)
{
	if (me == 1)
		flush_all();
	else
		look(pa(roots[me]));
}

/* Return: changes; 0: one was refused. */
static u64 change(u64 ms)
{
	u64 *entry = find_pte(guest_root(), AT), *page, n = 0, end;

	end = hc1(DOMUS_HC_GET_TIME, DOMUS_TIME_MONOTONIC) + ms * 1000000;
	while ((u64)hc1(DOMUS_HC_GET_TIME, DOMUS_TIME_MONOTONIC) < end) {
		n++;
		page = va(PLACE + n % PAGES * 4096);
		__atomic_store_n(page, n, __ATOMIC_SEQ_CST);
		__atomic_store_n(entry, pa(page) | BITS, __ATOMIC_SEQ_CST);
		if (hcall(DOMUS_HC_MMU_FLUSH, DOMUS_FLUSH_RANGE, guest_info->root_gpa, AT,
			  AT + 4096, ~0UL, NULL))
			return 0;
		__atomic_store_n(&published, n, __ATOMIC_SEQ_CST);
	}
	return n;
}

/* Roots that make a flush of everything long; those of the others come behind them. */
static bool load_many(void)
{
	struct domus_multicall *calls = page_alloc();
	u64 i, j;

	for (i = 0; i < ROOTS; i += BATCH) {
		for (j = 0; j <= BATCH; j++)
			calls[j] = (struct domus_multicall){
				.call = DOMUS_HC_LOAD_ROOT,
				.args[0] = j < BATCH ? FIRST + (i + j) * 4096 : pa(guest_root()),
				.result = -1,
			};
		if (hc2(DOMUS_HC_MULTICALL, pa(calls), BATCH + 1) != BATCH + 1)
			return false;
		for (j = 0; j <= BATCH; j++)
			if (calls[j].result)
				return false;
	}
	return true;
}

static void beside_flushes(void)
{
	unsigned int i;
	u64 changes;

	map_page(guest_root(), AT, PLACE, BITS);
	for (i = 2; i < CPUS; i++)
		roots[i] = root_of_my_own();
	ok(load_many(), "%lu roots are loaded", ROOTS);
	others_start(other);
	ok(within(get(&ready) == CPUS - 1), "all others are at work");
	changes = change(arg_number("ms", 8000));
	i = others_stop();
	ok(i && changes && looks > 1000 && flushes > 10,
	   "%lu changes, %lu looks, %lu flushes of all", changes, looks, flushes);
	ok(!stale, "%lu of them found what was there before", stale);
}

/* ---- 2. Large pages ------------------------------------------------------------------------ */

static u64 *block_entry(u64 at)
{
	u64 *table = guest_root();
	unsigned int shift;

	for (shift = 39; shift > 21; shift -= 9)
		table = va(table[at >> shift & 511] & 0xffffffffff000);
	return &table[at >> 21 & 511];
}

/* How many pages of those at LARGE do not begin with @mark. */
static unsigned int others_than(u64 mark)
{
	unsigned int i, bad = 0;

	for (i = 0; i < BLOCKS * 512; i++)
		bad += *(volatile u64 *)(LARGE + i * 4096UL) != mark + i;
	return bad;
}

static void name_blocks(u64 gpa)
{
	unsigned int i;

	for (i = 0; i < BLOCKS; i++)
		*block_entry(LARGE + i * BLOCK) = (gpa + i * BLOCK) | BITS | PTE_PS;
}

static void large_pages(void)
{
	u64 one = 64UL << 20, two = 80UL << 20;
	unsigned int i;

	for (i = 0; i < BLOCKS * 512; i++) {
		*(u64 *)va(one + i * 4096UL) = 1000000 + i;
		*(u64 *)va(two + i * 4096UL) = 2000000 + i;
	}
	for (i = 0; i < BLOCKS; i++)
		map_page(guest_root(), LARGE + i * BLOCK, one, BITS);
	for (i = 1; i <= SMALL; i++)
		map_page(guest_root(), LARGE - i * 4096UL, one, BITS);
	name_blocks(one);
	hcall(DOMUS_HC_MMU_FLUSH, DOMUS_FLUSH_ALL, 0, 0, 0, ~0UL, NULL);
	i = others_than(1000000);
	ok(!i, "large pages: %u pages are not what they should be", i);
	for (i = 1; i <= SMALL; i++)
		peek(LARGE - i * 4096UL);
	name_blocks(two);
	/*
	 * More than the host does in one go (1024 of its entries): it stops in the midst of the
	 * last large page, of which the guest has named the first 4 KiB only.
	 */
	hcall(DOMUS_HC_MMU_FLUSH, DOMUS_FLUSH_RANGE, guest_info->root_gpa, LARGE - SMALL * 4096UL,
	      LARGE + (BLOCKS - 1) * BLOCK + 4096, ~0UL, NULL);
	i = others_than(2000000);
	ok(!i, "flushed up to a page of the last one: %u are what they were", i);
}

void test(void)
{
	plan(6);
	if (others_all() != CPUS || guest_info->memory < 1200UL << 20)
		guest_stop(DOMUS_SHUTDOWN_CRASH, "four vCPUs and 1200 MiB are needed");
	hostile_init();
	smp_init(CPUS);
	beside_flushes();
	large_pages();
}
