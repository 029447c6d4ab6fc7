/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * How much a device may do: a token bucket for bytes and one for operations.
 *
 * Whoever has tokens may take a whole buffer, whatever it costs, and pays it off
 * before the next: so no buffer is larger than a bucket.
 */
#ifndef DOMUS_BUS_RATE_H
#define DOMUS_BUS_RATE_H

#include <linux/hrtimer.h>
#include <linux/spinlock.h>
#include <linux/types.h>

#define BUS_RATE_BURST_MS	100	/* unless asked for */
#define BUS_RATE_BURST_MS_MAX	60000
#define BUS_RATE_MAX		1000000000000ULL	/* per second */

/*
 * What a bucket may owe, in ns: what a buffer of 4 GiB costs at a byte per second, 136 years.
 * So each buffer is paid in full, and small limits have their average; what several vCPUs
 * take at a time beyond that is let off. So far ahead is a time that ktime has, and with
 * another buffer it still is one of u64.
 */
#define BUS_RATE_DEBT_MAX	(U32_MAX * (u64)NSEC_PER_SEC)

/**
 * struct bus_bucket - one kind of token
 * @per_second: how many come, 0: no limit
 * @debt: when the tokens spent are paid off, ns of ktime; BUS_RATE_DEBT_MAX ahead at most
 */
struct bus_bucket {
	u64 per_second;
	u64 debt;
};

/**
 * struct bus_rate
 * @lock: leaf, irq-safe
 * @limited: either bucket has a limit
 * @burst_ns: a pause of so long may be made up for
 * @again: called when there are tokens after bus_rate_over() said no; timer's context
 */
struct bus_rate {
	spinlock_t lock;
	bool limited;
	struct bus_bucket bytes, ops;
	u64 burst_ns;
	struct hrtimer timer;
	void (*again)(struct bus_rate *rate);
};

void bus_rate_init(struct bus_rate *rate, void (*again)(struct bus_rate *rate));

/* Set limits: at most BUS_RATE_MAX; @burst_ms at most BUS_RATE_BURST_MS_MAX. Any context. */
void bus_rate_set(struct bus_rate *rate, u64 bytes, u64 ops, u32 burst_ms);

/* No call of again() comes after it, nor is one running. Context: process. */
void bus_rate_cancel(struct bus_rate *rate);

/* Must the device wait? Then again() comes. Context: any but NMI. */
bool bus_rate_over(struct bus_rate *rate);

/* A buffer of @bytes was taken. Context: any but NMI. */
void bus_rate_charge(struct bus_rate *rate, u32 bytes);

#endif /* DOMUS_BUS_RATE_H */
