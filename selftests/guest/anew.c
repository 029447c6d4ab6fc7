// SPDX-License-Identifier: GPL-2.0-only
/*
 * Tables that become something else: a page is mapped by two tables in turns. When one is out
 * of use and everybody has been told so by a flush, it is filled with what no table has. The
 * other vCPUs read the page all the time, for ms=N: nobody takes a fault, which only that
 * table could have meant, and nothing is written to it.
 */
#include "hostile.h"
#include "smp.h"

#define CPUS	4
#define AT	0x320000000000UL
#define BITS	(PTE_P | PTE_W | PTE_A | PTE_D)
#define MARK	0x5ca1ab1eUL

static u64 looks, wrong;

static void look(u64 me)
{
	u64 n, bad = 0;

	for (n = 0; others_go_on(); n++)
		bad += __atomic_load_n((u64 *)AT, __ATOMIC_SEQ_CST) != MARK;
	__atomic_add_fetch(&looks, n, __ATOMIC_SEQ_CST);
	__atomic_add_fetch(&wrong, bad, __ATOMIC_SEQ_CST);
}

/* What is in a table that is none: names beyond memory, entries of no use, none at all. */
static u64 garbage(u64 n)
{
	const u64 kinds[] = {
		1UL << 45 | BITS | PTE_U, 0, PTE_P, 1UL << 50 | PTE_P, ~0UL & ~(PTE_A | PTE_D),
	};

	return kinds[n % (sizeof(kinds) / sizeof(*kinds))];
}

void test(void)
{
	u64 *tables[2] = { page_alloc(), page_alloc() }, *page = page_alloc(), *entry;
	u64 n, end, i, refused = 0, written = 0, bits;

	plan(3);
	if (others_all() != CPUS)
		guest_stop(DOMUS_SHUTDOWN_CRASH, "four vCPUs are needed");
	smp_init(CPUS);
	*page = MARK;
	map_page(guest_root(), AT, pa(page), BITS);
	entry = va(guest_root()[AT >> 39 & 511] & 0xffffffffff000);
	entry = va(entry[AT >> 30 & 511] & 0xffffffffff000);
	entry = &entry[AT >> 21 & 511];
	bits = *entry & 0xfff;
	tables[0][AT >> 12 & 511] = pa(page) | BITS;
	tables[1][AT >> 12 & 511] = pa(page) | BITS;
	others_start(look);
	end = hc1(DOMUS_HC_GET_TIME, DOMUS_TIME_MONOTONIC) + arg_number("ms", 4000) * 1000000;
	for (n = 0; (u64)hc1(DOMUS_HC_GET_TIME, DOMUS_TIME_MONOTONIC) < end; n++) {
		u64 *out = tables[~n & 1];

		__atomic_store_n(entry, pa(tables[n & 1]) | bits, __ATOMIC_SEQ_CST);
		refused += !!hcall(DOMUS_HC_MMU_FLUSH, DOMUS_FLUSH_RANGE, guest_info->root_gpa, AT,
				   AT + 4096, ~0UL, NULL);
		for (i = 0; i < 512; i++)
			__atomic_store_n(&out[i], garbage(n), __ATOMIC_SEQ_CST);
		/* the other vCPUs have the time to find it */
		for (i = 0; i < n % 16 * 100; i++)
			asm volatile("pause");
		for (i = 0; i < 512; i++)
			written += __atomic_load_n(&out[i], __ATOMIC_SEQ_CST) != garbage(n);
		out[AT >> 12 & 511] = pa(page) | BITS;
	}
	ok(others_stop() && !refused, "%lu changes", n);
	ok(looks > 1000 && n > 20 && !wrong, "%lu looks, %lu found something else", looks, wrong);
	ok(!written, "%lu entries were written to", written);
}
