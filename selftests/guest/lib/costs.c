// SPDX-License-Identifier: GPL-2.0-only
/*
 * Who waits does so by pause(), so that where CPUs take turns each one's turn is a few
 * instructions: what is counted is work, on whichever CPU.
 */
#include "costs.h"

#define SETTLE	100000	/* ticks in which a CPU that wants to sleep is asleep */

volatile u64 costs_woken;
u64 costs_saved[2];

static const struct costs_ops *ops;
static u32 stop, asleep, nr_round, seen, stale, down;

static u32 get(const u32 *from) { return __atomic_load_n(from, __ATOMIC_SEQ_CST); }
static void add(u32 *to) { __atomic_add_fetch(to, 1, __ATOMIC_SEQ_CST); }

static void until(const u32 *is, u32 value)
{
	while (get(is) != value)
		pause();
}

/* ---- A CPU that is halted ------------------------------------------------------------ */

static void sleeper(u64 nr)
{
	do {
		add(&asleep);
		ops->halt();
	} while (!get(&stop));
	add(&down);
}

static u64 wake(void)
{
	static u64 value[COSTS_ROUNDS];
	unsigned int i;

	ops->start(1, sleeper);
	for (i = 0; i < COSTS_ROUNDS; i++) {
		u64 from;

		until(&asleep, i + 1);
		for (from = ticks(); ticks() - from < SETTLE; )
			pause();
		costs_woken = 0;
		/* the last time it does not halt any more */
		stop = i == COSTS_ROUNDS - 1;
		from = ticks();
		ops->send();
		while (!costs_woken)
			pause();
		value[i] = costs_woken - from;
	}
	until(&down, 1);
	stop = 0;
	return median(value, COSTS_ROUNDS);
}

/* ---- CPUs that compute --------------------------------------------------------------- */

static void look(u32 round)
{
	/* change() maps frame 1 in odd rounds, flush() leaves frame 0 */
	if (*ops->window != (round & 1) + 1)
		add(&stale);
}

static void spinner(u64 nr)
{
	u32 last = ~0U;

	while (!get(&stop)) {
		u32 now = get(&nr_round);

		if (now != last) {
			look(now);
			last = now;
			add(&seen);
		}
		pause();
	}
	add(&down);
}

/* All have the page in their TLBs when this returns. */
static void all_look(void)
{
	look(nr_round);
	until(&seen, COSTS_TARGETS);
	seen = 0;
}

static u64 flush(void)
{
	static u64 value[COSTS_ROUNDS];
	unsigned int i;

	for (i = 0; i < COSTS_ROUNDS; i++) {
		u64 from;

		all_look();
		from = ticks();
		ops->flush();
		value[i] = ticks() - from;
		/* the same frame */
		__atomic_add_fetch(&nr_round, 2, __ATOMIC_SEQ_CST);
	}
	return median(value, COSTS_ROUNDS);
}

static u64 change(void)
{
	static u64 value[COSTS_ROUNDS];
	unsigned int i;

	for (i = 0; i < COSTS_ROUNDS; i++) {
		u64 from;

		all_look();
		from = ticks();
		ops->change((nr_round + 1) & 1);
		value[i] = ticks() - from;
		add(&nr_round);
	}
	return median(value, COSTS_ROUNDS);
}

void costs_measure(const struct costs_ops *with, struct costs *out)
{
	unsigned int i;

	ops = with;
	out->wake = wake();
	for (i = 1; i <= COSTS_TARGETS; i++)
		ops->start(i, spinner);
	out->flush = flush();
	out->change = change();
	all_look();
	stop = 1;
	until(&down, 1 + COSTS_TARGETS);
	out->stale = stale;
}
