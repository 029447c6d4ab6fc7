// SPDX-License-Identifier: GPL-2.0-only
/*
 * The neighbour of hostile guests: takes a timer event every 20 ms and looks after
 * its memory. It answers each line on its console with "well LINE", after three more
 * ticks and if all its memory is what it put there.
 */
#include "hostile.h"
#include "line.h"

#define PAGES	256
#define PERIOD	20000000	/* ns */
#define TICKS	3		/* between a question and its answer */

static u64 *pages[PAGES];
static unsigned int ticks;

static u64 sum(void)
{
	u64 total = 0;
	unsigned int i, j;

	for (i = 0; i < PAGES; i++)
		for (j = 0; j < 512; j += 37)
			total += pages[i][j];
	return total;
}

static void tick(void)
{
	unsigned int seen = traps_seen(EVENT);

	timer_arm(PERIOD);
	/* BLOCK leaves vif at 1: an event between the look and it would not end the wait */
	for (vp()->vif = 0; traps_seen(EVENT) == seen; vp()->vif = 0)
		hc0(DOMUS_HC_BLOCK);
	ticks++;
}

void test(void)
{
	unsigned int i, j;
	char question[64];
	u64 expected;

	hostile_init();
	for (i = 0; i < PAGES; i++) {
		pages[i] = page_alloc();
		for (j = 0; j < 512; j++)
			pages[i][j] = random();
	}
	expected = sum();
	for (;;) {
		read_line(question, sizeof(question), tick);
		for (i = 0; i < TICKS; i++)
			tick();
		if (sum() != expected)
			guest_stop(DOMUS_SHUTDOWN_CRASH, "the neighbour's memory has changed");
		print("well %s, %u ticks\n", question, ticks);
	}
}
