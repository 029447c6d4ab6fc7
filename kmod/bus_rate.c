// SPDX-License-Identifier: GPL-2.0-only
/*
 * Token buckets, kept as the time at which what was spent is paid off: no tokens are
 * added by a tick, and none are lost to rounding.
 */
#include <linux/ktime.h>
#include <linux/math64.h>

#include "bus_rate.h"

static enum hrtimer_restart rate_timer(struct hrtimer *timer)
{
	struct bus_rate *rate = container_of(timer, struct bus_rate, timer);

	rate->again(rate);
	return HRTIMER_NORESTART;
}

void bus_rate_init(struct bus_rate *rate, void (*again)(struct bus_rate *rate))
{
	spin_lock_init(&rate->lock);
	hrtimer_init(&rate->timer, CLOCK_MONOTONIC, HRTIMER_MODE_ABS);
	rate->timer.function = rate_timer;
	rate->again = again;
	rate->burst_ns = BUS_RATE_BURST_MS * NSEC_PER_MSEC;
}

void bus_rate_set(struct bus_rate *rate, u64 bytes, u64 ops, u32 burst_ms)
{
	unsigned long flags;

	spin_lock_irqsave(&rate->lock, flags);
	rate->bytes.per_second = bytes;
	rate->bytes.debt = 0;
	rate->ops.per_second = ops;
	rate->ops.debt = 0;
	rate->burst_ns = burst_ms * (u64)NSEC_PER_MSEC;
	WRITE_ONCE(rate->limited, bytes || ops);
	spin_unlock_irqrestore(&rate->lock, flags);
	/* who waits by the old limits looks again */
	rate->again(rate);
}

void bus_rate_cancel(struct bus_rate *rate)
{
	hrtimer_cancel(&rate->timer);
}

/* When the bucket has tokens, 0: it has. */
static u64 bucket_wait(const struct bus_bucket *b, u64 now)
{
	return b->per_second && b->debt > now ? b->debt : 0;
}

bool bus_rate_over(struct bus_rate *rate)
{
	unsigned long flags;
	u64 now, until;

	if (!READ_ONCE(rate->limited))
		return false;
	now = ktime_get_ns();
	spin_lock_irqsave(&rate->lock, flags);
	until = max(bucket_wait(&rate->bytes, now), bucket_wait(&rate->ops, now));
	if (until)
		hrtimer_start(&rate->timer, ns_to_ktime(until), HRTIMER_MODE_ABS);
	spin_unlock_irqrestore(&rate->lock, flags);
	return until;
}

static void bucket_charge(struct bus_bucket *b, u64 amount, u64 earliest, u64 latest)
{
	u64 debt;

	if (!b->per_second)
		return;
	debt = max(b->debt, earliest) + mul_u64_u64_div_u64(amount, NSEC_PER_SEC, b->per_second);
	b->debt = min(debt, latest);
}

void bus_rate_charge(struct bus_rate *rate, u32 bytes)
{
	unsigned long flags;
	u64 now, earliest, latest;

	if (!READ_ONCE(rate->limited))
		return;
	now = ktime_get_ns();
	spin_lock_irqsave(&rate->lock, flags);
	earliest = now > rate->burst_ns ? now - rate->burst_ns : 0;
	latest = now + BUS_RATE_DEBT_MAX;
	bucket_charge(&rate->bytes, bytes, earliest, latest);
	bucket_charge(&rate->ops, 1, earliest, latest);
	spin_unlock_irqrestore(&rate->lock, flags);
}
