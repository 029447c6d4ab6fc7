// SPDX-License-Identifier: GPL-2.0-only
/* links: kmod/bus_rate.c */
/*
 * Limits of devices, by a clock that goes as far as somebody waits.
 *
 *   1. clock and timer
 *   2. averages
 *   3. bursts, other limits
 *   4. more debt than time
 */
#include <inttypes.h>
#include <stdbool.h>
#include <stdint.h>

#include "bus_rate.h"
#include "report.h"

#define START	(1000 * (u64)NSEC_PER_SEC)	/* the host has been up for a while */
#define BURST	(BUS_RATE_BURST_MS * (u64)NSEC_PER_MSEC)

/* ---- 1. Clock and timer ---------------------------------------------------- */

static u64 now;
static ktime_t expires;	/* 0: not started */
static unsigned int agains;

u64 ktime_get_ns(void)
{
	return now;
}

void hrtimer_init(struct hrtimer *timer, clockid_t clock, enum hrtimer_mode mode)
{
	expires = 0;
}

void hrtimer_start(struct hrtimer *timer, ktime_t at, enum hrtimer_mode mode)
{
	expires = at;
}

int hrtimer_cancel(struct hrtimer *timer)
{
	expires = 0;
	return 0;
}

static void again(struct bus_rate *rate)
{
	agains++;
}

static void begin(struct bus_rate *rate, u64 bytes, u64 ops, u32 burst_ms)
{
	now = START;
	agains = 0;
	bus_rate_init(rate, again);
	bus_rate_set(rate, bytes, ops, burst_ms);
}

/* Waits if it must. Return: the timer comes, and the device need not wait then. */
static bool wait_for(struct bus_rate *rate)
{
	expires = 0;
	if (!bus_rate_over(rate))
		return !expires;
	if (expires <= 0 || (u64)expires <= now)
		return false;
	now = (u64)expires;
	rate->timer.function(&rate->timer);
	return !bus_rate_over(rate);
}

/* ---- 2. Averages ------------------------------------------------------------- */

/* Buffers of @size: they take what they cost, within @slack ns. */
static void average(u64 bytes, u64 ops, u32 size, unsigned int buffers, u64 slack)
{
	struct bus_rate rate;
	u64 costs = 0, took;
	bool good = true;

	begin(&rate, bytes, ops, 0);
	for (unsigned int i = 0; i < buffers && good; i++) {
		bus_rate_charge(&rate, size);
		good = wait_for(&rate);
	}
	if (bytes)
		costs = (u64)((__uint128_t)size * buffers * NSEC_PER_SEC / bytes);
	if (ops)
		costs = max(costs, buffers * (u64)NSEC_PER_SEC / ops);
	took = now - START;
	good = good && took <= costs && costs - took <= slack;
	ok(good, "%" PRIu64 " bytes and %" PRIu64 " buffers a second, %u of %u", bytes, ops,
	   buffers, size);
	if (!good)
		printf("# %" PRIu64 " ns, expected %" PRIu64 "\n", took, costs);
}

static void test_averages(void)
{
	struct bus_rate rate;

	begin(&rate, 0, 0, 0);
	for (int i = 0; i < 1000; i++)
		bus_rate_charge(&rate, UINT32_MAX);
	ok(!bus_rate_over(&rate) && !expires, "no limit");
	average(1 << 20, 0, 4096, 100000, 100000);
	average(0, 7, 512, 100000, 100000);
	average(1 << 20, 100, 1500, 10000, 10000);
	average(BUS_RATE_MAX, BUS_RATE_MAX, 1 << 20, 10000, 10000);
	/* an hour and more each */
	average(1, 0, 4096, 1000, 0);
	average(1, 0, 1 << 20, 1000, 0);
	average(3, 0, UINT32_MAX, 3, 3);
	average(1, 0, UINT32_MAX, 1, 0);
}

/* ---- 3. Bursts, other limits --------------------------------------------------- */

static void test_burst(void)
{
	struct bus_rate rate;
	unsigned int n = 0;

	begin(&rate, 0, 1000, BUS_RATE_BURST_MS);
	while (n < 1000 && !bus_rate_over(&rate)) {
		bus_rate_charge(&rate, 1);
		n++;
	}
	ok(n == BUS_RATE_BURST_MS + 1, "a pause is made up for as far as said");
	ok(wait_for(&rate) && agains == 2, "who waited is told");
	bus_rate_charge(&rate, 1);
	now += 3600 * (u64)NSEC_PER_SEC;
	for (n = 0; n < 1000 && !bus_rate_over(&rate); n++)
		bus_rate_charge(&rate, 1);
	ok(n == BUS_RATE_BURST_MS + 1, "of a longer one not more");
	bus_rate_charge(&rate, 1);
	bus_rate_set(&rate, 0, 1000, 0);
	ok(!bus_rate_over(&rate), "with a new limit nothing is owed");
}

/* ---- 4. More debt than time ------------------------------------------------------ */

/* Of as many vCPUs as have looked before one was charged. */
static void at_once(unsigned int vcpus, u64 bytes)
{
	struct bus_rate rate;
	bool good = true;
	unsigned int i;

	begin(&rate, bytes, 0, BUS_RATE_BURST_MS);
	for (i = 0; i < vcpus && good; i++) {
		bus_rate_charge(&rate, UINT32_MAX);
		expires = 0;
		good = bus_rate_over(&rate) && expires > (ktime_t)now &&
		       (u64)expires - now <= BUS_RATE_DEBT_MAX;
	}
	ok(good, "%u buffers of 4 GiB at once, %" PRIu64 " bytes a second", vcpus, bytes);
	if (!good)
		printf("# after %u of them the timer is at %" PRId64 "\n", i, expires);
	ok(wait_for(&rate), "and it has an end");
}

static void test_much(void)
{
	struct bus_rate rate;
	bool good = true;

	at_once(1, 1);
	at_once(2, 1);
	at_once(3, 1);
	at_once(64, 1);
	at_once(1000, 7);
	begin(&rate, 1, 1, 0);
	for (int i = 0; i < 100; i++) {
		bus_rate_charge(&rate, UINT32_MAX);
		now += NSEC_PER_SEC;
		expires = 0;
		good = good && bus_rate_over(&rate) && expires > (ktime_t)now;
	}
	ok(good, "one each second, for which nobody waits");
	bus_rate_set(&rate, 1 << 20, 0, 0);
	ok(!bus_rate_over(&rate), "another limit is one at once");
}

int main(void)
{
	puts("KTAP version 1");
	test_averages();
	test_burst();
	test_much();
	printf("1..%d\n", results);
	return failures != 0;
}
