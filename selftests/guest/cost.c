// SPDX-License-Identifier: GPL-2.0-only
/*
 * What an exit to the host and back costs, in ticks of the TSC, of which an emulator
 * that counts instructions (selftests/rig/vm --icount) makes one for each. The median,
 * as the host has interrupts of its own. "limit=N" on the command line bounds it.
 */
#include "hostile.h"
#include "ticks.h"

#define ROUNDS	301

static u64 cost_of_call(u64 nr)
{
	static u64 value[ROUNDS];
	unsigned int i;

	for (i = 0; i < ROUNDS; i++) {
		u64 from = ticks();

		hc0(nr);
		value[i] = ticks() - from;
	}
	return median(value, ROUNDS);
}

void test(void)
{
	u64 limit = arg_number("limit", ~0ULL);
	u64 cost;

	plan(1);
	cost = cost_of_call(DOMUS_HC_VERSION);
	ok(cost <= limit, "a call of the host: %lu ticks", cost);
}
