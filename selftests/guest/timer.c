// SPDX-License-Identifier: GPL-2.0-only
/*
 * Timer and event abuse: deadlines at every edge of 64 bits, storms of deadlines that are
 * over, with events on and off; ports that are closed while they fire; all bits of the
 * event page set; waiting that ends at once, for ever. Each event comes, none comes twice
 * for one deadline, and the host's time goes to others in between.
 */
#include "hostile.h"

FRAGMENT(user_spin, "1: jmp 1b\n");
FRAGMENT(user_storm, "mov %rdi, %rbx\n 1: mov $9, %eax\n syscall\n dec %rbx\n jnz 1b\n" USER_EXIT);

static long port;

static u64 now(void)
{
	return hc1(DOMUS_HC_GET_TIME, DOMUS_TIME_MONOTONIC);
}

static void open_port(void)
{
	port = hc2(DOMUS_HC_EVENT_BIND, DOMUS_PORT_TIMER, 0);
	hc1(DOMUS_HC_EVENT_UNMASK, port);
}

/* A spin in user mode that an event ends. */
static bool comes(void)
{
	return ATTEMPT_USER(user_spin, 0) == EVENT;
}

static unsigned int edges(void)
{
	const u64 past[] = { 0, 1, now() - 1, now(), now() + 1000 };
	const u64 never[] = {
		~0ULL - 1, ~0ULL >> 1, (~0ULL >> 1) - 1, 1ULL << 63, (1ULL << 63) + 1, 1ULL << 62,
		~0ULL - now(), (~0ULL >> 1) - now(),
	};
	unsigned int i, bad = 0;

	for (i = 0; i < sizeof(past) / sizeof(*past); i++) {
		bad += hc1(DOMUS_HC_SET_TIMER, past[i]) != 0;
		bad += !comes();
	}
	for (i = 0; i < sizeof(never) / sizeof(*never); i++) {
		unsigned int before = traps_seen(EVENT);

		bad += hc1(DOMUS_HC_SET_TIMER, never[i]) != 0;
		bad += attempt_user(user_storm, user_storm_end, 100) != NO_TRAP;
		bad += traps_seen(EVENT) != before;
	}
	timer_off();
	return bad;
}

/* Deadlines that are over, one behind the other: as many events at most. */
static unsigned int storm(unsigned int n)
{
	unsigned int before = traps_seen(EVENT), i, seen;

	for (i = 0; i < n; i++)
		hc1(DOMUS_HC_SET_TIMER, i & 1 ? 0 : now());
	/* events off: they are one by now */
	timer_off();
	seen = traps_seen(EVENT) - before;
	if (seen)
		return 1;
	for (i = 0; i < n; i++) {
		vp()->vif = 1;
		hc1(DOMUS_HC_SET_TIMER, 0);
		hc0(DOMUS_HC_DELIVER);
		vp()->vif = 0;
	}
	timer_off();
	seen = traps_seen(EVENT) - before;
	print("# %u events for %u deadlines\n", seen, n);
	return !seen || seen > n;
}

static long arm(u64 nr, u64 arg)
{
	if (nr == 9)
		hc1(DOMUS_HC_SET_TIMER, 0);
	return 0;
}

/* Each system call of the user's sets one that is over when it returns. */
static unsigned int user_storms(void)
{
	unsigned int i, events = 0, bad = 0;

	for (i = 0; i < 500; i++) {
		int vector = ATTEMPT_USER(user_storm, 50);

		events += vector == EVENT;
		bad += vector != EVENT && vector != NO_TRAP;
	}
	timer_off();
	return bad + !events;
}

static unsigned int closed_ports(void)
{
	unsigned int i, before, bad = 0;

	for (i = 0; i < 300; i++) {
		hc1(DOMUS_HC_SET_TIMER, now() + random_below(20000));
		bad += hc1(DOMUS_HC_EVENT_CLOSE, port) != 0;
		if (i & 1)
			hc2(DOMUS_HC_EVENT_BIND, DOMUS_PORT_IPI, 0);
		open_port();
		bad += port <= 0;
	}
	timer_off();
	hc1(DOMUS_HC_EVENT_CLOSE, port);
	before = traps_seen(EVENT);
	hc1(DOMUS_HC_SET_TIMER, 0);
	bad += ATTEMPT_USER(user_storm, 100) != NO_TRAP || traps_seen(EVENT) != before;
	open_port();
	hc1(DOMUS_HC_SET_TIMER, 0);
	return bad + !comes();
}

/* The event page is the guest's to write: all pending, all unmasked, and back. */
static unsigned int forged_page(void)
{
	u64 *page = va(guest_info->event_page_gpa);
	unsigned int i, bad = 0;

	for (i = 0; i < 512; i++)
		page[i] = ~0ULL;
	for (i = 0; i < DOMUS_MAX_PORTS + 1; i++)
		bad += hc1(DOMUS_HC_EVENT_UNMASK, i) == 0 && !i;
	for (i = 0; i < 512; i++)
		page[i] = 0;
	vp()->pending = 1;
	vp()->port_select = ~0ULL;
	bad += !comes();
	bad += hc1(DOMUS_HC_EVENT_SEND, port) >= 0;	/* a timer's is not the guest's to send */
	hc1(DOMUS_HC_SET_TIMER, 0);
	return bad + !comes();
}

/* BLOCK with something pending is no wait; YIELD and DELIVER come back. */
static unsigned int no_waits(unsigned int n)
{
	unsigned int i, before = traps_seen(EVENT);

	for (i = 0; i < n; i++) {
		vp()->pending = 1;
		hc0(DOMUS_HC_BLOCK);
		vp()->vif = 0;
		hc0(DOMUS_HC_YIELD);
		vp()->pending = 1;
		hc0(DOMUS_HC_DELIVER);
		vp()->pending = 0;
	}
	return traps_seen(EVENT) - before != n;
}

void test(void)
{
	unsigned int n = arg_number("n", 5000);

	plan(6);
	hostile_init();
	open_port();
	ok(!edges(), "deadlines at the edges of time");
	on_syscall(arm);
	ok(!storm(n), "%u deadlines that are over, events off and on", n);
	ok(!user_storms(), "the same by user mode's system calls");
	ok(!closed_ports(), "ports closed under a running timer");
	ok(!forged_page(), "an event page of ones, and of zeros");
	ok(!no_waits(n), "%u waits that are none", n);
}
