// SPDX-License-Identifier: GPL-2.0-only
/*
 * More roots than the host wants to keep: it forgets some, and the guest goes on.
 */
#include "guest.h"

#define ROOTS	10000ULL
#define FIRST	(64ULL << 20)	/* where nothing is */
#define BATCH	32

/* Loads some, and as the last our own, which is the only one that is worth anything. */
static bool load(struct domus_multicall *calls, u64 from)
{
	unsigned int i;

	for (i = 0; i <= BATCH; i++) {
		calls[i].call = DOMUS_HC_LOAD_ROOT;
		calls[i].args[0] = i < BATCH ? FIRST + (from + i) * 4096 : pa(guest_root());
		calls[i].result = -1;
	}
	if (hc2(DOMUS_HC_MULTICALL, pa(calls), BATCH + 1) != BATCH + 1)
		return false;
	for (i = 0; i <= BATCH; i++)
		if (calls[i].result)
			return false;
	return true;
}

void test(void)
{
	struct domus_multicall *calls = page_alloc();
	u64 i, done = 0;

	plan(3);
	if (guest_info->memory < FIRST + (ROOTS + BATCH) * 4096)
		guest_stop(DOMUS_SHUTDOWN_CRASH, "give me more memory");
	for (i = 0; i < ROOTS; i += BATCH)
		done += load(calls, i);
	ok(done == (ROOTS + BATCH - 1) / BATCH, "%lu roots are loaded", (u64)ROOTS);
	ok(hc1(DOMUS_HC_MMU_FLUSH, DOMUS_FLUSH_ALL) == 0, "FLUSH_ALL");
	ok(load(calls, 0), "the first ones are loaded again");
}
