// SPDX-License-Identifier: GPL-2.0-only
/*
 * Deadlines without calls: what stands in the vCPU page is seen when a deadline of before is
 * over, at the host's tick behind that, and when the vCPU sleeps. None is signalled early, none
 * that the page promises to see is lost, and what has been taken back does not come. Then
 * nonsense in both fields, a page that is moved under a deadline, and a vCPU that
 * writes into another one's page all the time: that one has itself to blame, and a deadline
 * that is called for is as good as ever.
 */
#include "hostile.h"
#include "smp.h"

#define MS	1000000UL

static u32 port;
static u64 calls;

static u64 now(void)
{
	return hc1(DOMUS_HC_GET_TIME, DOMUS_TIME_MONOTONIC);
}

/* As a port would. */
static void set_deadline(u64 ns)
{
	__atomic_exchange_n(&vp()->timer_ns, ns, __ATOMIC_SEQ_CST);
	if (ns >= __atomic_load_n(&vp()->timer_from_ns, __ATOMIC_SEQ_CST))
		return;
	calls++;
	hc1(DOMUS_HC_SET_TIMER, ns);
}

/* From when on it needs no call, or soon. */
static u64 no_call(u64 within_ns)
{
	u64 from = __atomic_load_n(&vp()->timer_from_ns, __ATOMIC_SEQ_CST), t = now();

	return (from == DOMUS_TIMER_OFF || from < t ? t : from) + random_below(within_ns);
}

/* The event of a deadline, awake or asleep. Return: how much is wrong. */
static unsigned int comes(u64 deadline, bool asleep)
{
	u32 before = port_count[port];
	u64 end = now() + 60000 * MS;

	set_deadline(deadline);
	if (asleep) {
		sleep_until(port_count[port] != before);
	} else {
		vp()->vif = 1;
		while (__atomic_load_n(&port_count[port], __ATOMIC_RELAXED) == before &&
		       now() < end)
			;
		vp()->vif = 0;
	}
	return (port_count[port] != before + 1) + (now() < deadline) +
	       (vp()->timer_ns != DOMUS_TIMER_OFF);
}

static void chain(unsigned int n, bool asleep)
{
	unsigned int i, bad = 0;

	calls = 0;
	for (i = 0; i < n; i++)
		bad += comes(no_call(i & 1 ? 6 * MS : 20000), asleep);
	ok(!bad && calls < n, "%u deadlines, %s, %lu by a call", n, asleep ? "asleep" : "awake",
	   calls);
	if (bad)
		print("# %u faults\n", bad);
}

/* Sleep until long after a deadline that was taken back in time. */
static unsigned int taken_back(unsigned int n)
{
	unsigned int i, bad = 0;

	for (i = 0; i < n; i++) {
		u64 deadline = now() + 8 * MS;
		u32 before;

		bad += comes(now() + 1000, false);
		before = port_count[port];
		set_deadline(deadline);
		set_deadline(DOMUS_TIMER_OFF);
		if (now() >= deadline)
			continue;
		vp()->vif = 1;
		while (now() < deadline + 9 * MS)
			;
		vp()->vif = 0;
		bad += port_count[port] != before;
	}
	return bad;
}

static u64 nonsense(u64 *seed)
{
	static const u64 edges[] = {
		0, 1, ~0UL, ~0UL - 1, ~0UL >> 1, 1UL << 63, (1UL << 63) + 1, 1UL << 62,
	};
	u64 z = random_of(seed);

	switch (z & 3) {
	case 0:
		return edges[(z >> 8) % (sizeof(edges) / sizeof(*edges))];
	case 1:
		return now() + (z >> 8) % (10 * MS);
	case 2:
		return now() - (z >> 8) % (10 * MS);
	}
	return z >> (z >> 8) % 64;
}

static void scribble(unsigned int n)
{
	u64 seed = random();
	unsigned int i;

	for (i = 0; i < n; i++) {
		if (i % 16 == 0)
			hc1(DOMUS_HC_SET_TIMER, now() + 1000);
		vp()->vif = 1;
		vp()->timer_ns = nonsense(&seed);
		vp()->timer_from_ns = nonsense(&seed);
		if (i % 8 == 0) {
			u64 until = now() + MS;

			while (now() < until)
				;
		}
		vp()->vif = 0;
	}
	hc1(DOMUS_HC_SET_TIMER, DOMUS_TIMER_OFF);
	vp()->vif = 1;
	hc0(DOMUS_HC_DELIVER);
	vp()->vif = 0;
}

static unsigned int moved(unsigned int n)
{
	struct domus_vcpu_page *other = page_alloc();
	unsigned int i, bad = 0;

	for (i = 0; i < n; i++) {
		u32 before = port_count[port];
		u64 deadline = now() + random_below(3 * MS);

		set_deadline(deadline);
		bad += hc1(DOMUS_HC_SET_VCPU_PAGE, pa(other)) != 0;
		bad += other->timer_ns != deadline && other->timer_ns != DOMUS_TIMER_OFF;
		bad += hc1(DOMUS_HC_SET_VCPU_PAGE, guest_info->vcpu_page_gpa) != 0;
		sleep_until(port_count[port] != before);
		bad += now() < deadline;
	}
	return bad;
}

static void write_into(u64 me)
{
	u64 seed = me;

	while (others_go_on()) {
		vp()->timer_ns = nonsense(&seed);
		if (random_of(&seed) & 1)
			vp()->timer_from_ns = nonsense(&seed);
	}
}

void test(void)
{
	unsigned int n = arg_number("n", 200), i, bad = 0;

	plan(7);
	hostile_init();
	smp_init(others_all());
	on_trap(EVENT, port_event);
	port = port_open(DOMUS_PORT_TIMER, 0);
	ok(vp()->timer_ns == DOMUS_TIMER_OFF && vp()->timer_from_ns == DOMUS_TIMER_OFF,
	   "none at first");
	chain(n, false);
	chain(n, true);
	ok(!taken_back(n / 20), "taken back in time");
	scribble(n * 20);
	ok(!comes(now() + MS, true), "one behind %u that are nonsense", n * 20);
	ok(!moved(n), "a page that is moved");
	others_start(write_into);
	for (i = 0; i < n; i++) {
		hc1(DOMUS_HC_SET_TIMER, now() + random_below(MS));
		hc0(DOMUS_HC_YIELD);
		vp()->vif = 1;
		hc0(DOMUS_HC_DELIVER);
		vp()->vif = 0;
	}
	bad += !others_stop();
	hc1(DOMUS_HC_SET_TIMER, DOMUS_TIMER_OFF);
	vp()->vif = 1;
	hc0(DOMUS_HC_DELIVER);
	vp()->vif = 0;
	ok(!(bad + comes(now() + MS, true)), "one behind another vCPU's");
}
