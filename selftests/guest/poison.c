// SPDX-License-Identifier: GPL-2.0-only
/*
 * Memory that goes bad under a guest: it says where PAGES pages of its are, reads them for
 * ever in kernel mode, and checks that each holds what it put there. poison.sh takes one
 * away from below, or lets the machine report it broken at the moment of an access. A
 * page is its content or is gone, and then the domain is.
 *
 * what=tables: the page is one of its page tables, which it changes and flushes for ever, so
 * that the host reads it. what=faults: user mode faults on what is not in that table, for
 * ever, so that the switcher reads it.
 */
#include "hostile.h"

#define PAGES	64
#define PLACE	(8ULL << 20)	/* far from pages that the host has pinned */
#define AREA	0x40000000UL	/* its table is the one that goes bad */

static u64 *pages[PAGES];

static void keep(bool good, const char *otherwise)
{
	if (!good)
		guest_stop(DOMUS_SHUTDOWN_CRASH, otherwise);
}

/* What the last level above its pages has for an address. */
static u64 *directory_entry(u64 addr)
{
	u64 *table = guest_root();

	table = va(table[(addr >> 39) & 511] & 0x000ffffffffff000UL);
	table = va(table[(addr >> 30) & 511] & 0x000ffffffffff000UL);
	return &table[(addr >> 21) & 511];
}

/* Each entry in turn is for a page, for another one, for none. */
static void change_tables(u64 *bad)
{
	u64 i, n, page, entry;

	for (n = 0;; n++)
		for (i = 0; i < PAGES; i++) {
			page = (i + n) % PAGES;
			entry = n % 3 == 2 ? 0 : pa(pages[page]) | PTE_P | PTE_W | PTE_U |
						 PTE_A | PTE_D;
			bad[i] = entry;
			hcall(DOMUS_HC_MMU_FLUSH, DOMUS_FLUSH_RANGE, pa(guest_root()),
			      AREA + 4096 * i, AREA + 4096 * (i + 1), ~0UL, NULL);
			if (entry)
				keep(*(volatile u64 *)(AREA + 4096 * i) == page * 512,
				     "a page has changed");
			keep(bad[i] == entry, "a table has changed");
		}
}

FRAGMENT(user_read, "1: testb $0, (%rdi)\n jmp 1b\n");

/* Always the same, and never there. */
static bool again(struct guest_regs *regs)
{
	keep(regs->cr2 == AREA && regs->error == 4, "a fault has changed");
	return true;
}

void test(void)
{
	unsigned int i, j;

	hostile_init();
	for (i = 0; i < PAGES; i++) {
		pages[i] = va(PLACE + 4096 * i);
		for (j = 0; j < 512; j++)
			pages[i][j] = i * 512 + j;
	}
	if (arg_text("what")) {
		u64 *bad = va(PLACE + 4096 * PAGES);

		/* a table in the place that is meant to go bad */
		map_page(guest_root(), AREA, 0, 0);
		*directory_entry(AREA) = pa(bad) | PTE_P | PTE_W | PTE_U | PTE_A;
		print("pages at %lu\n", pa(bad));
		if (arg_is("what", "tables"))
			change_tables(bad);
		on_trap(14, again);
		ATTEMPT_USER(user_read, AREA);
	}
	print("pages at %lu\n", pa(pages[0]));
	for (;;)
		for (i = 0; i < PAGES; i++)
			for (j = 0; j < 512; j += 8)
				keep(*(u64 *)((u64)pages[i] + 8 * j) == i * 512 + j,
				     "a page has changed");
}
