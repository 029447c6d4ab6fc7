// SPDX-License-Identifier: GPL-2.0-only
/*
 * Memory that goes bad under a guest: it says where PAGES pages of its are, reads them for
 * ever in kernel mode, and checks that each holds what it put there. poison.sh takes one
 * away from below, or lets the machine report it broken at the moment of an access. A
 * page is its content or is gone, and then the domain is.
 */
#include "hostile.h"

#define PAGES	64
#define PLACE	(8ULL << 20)	/* far from pages that the host has pinned */

void test(void)
{
	u64 *pages[PAGES];
	unsigned int i, j;

	hostile_init();
	for (i = 0; i < PAGES; i++) {
		pages[i] = va(PLACE + 4096 * i);
		for (j = 0; j < 512; j++)
			pages[i][j] = i * 512 + j;
	}
	print("pages at %lu\n", pa(pages[0]));
	for (;;)
		for (i = 0; i < PAGES; i++)
			for (j = 0; j < 512; j += 8)
				if (*(u64 *)((u64)pages[i] + 8 * j) != i * 512 + j)
					guest_stop(DOMUS_SHUTDOWN_CRASH, "a page has changed");
}
