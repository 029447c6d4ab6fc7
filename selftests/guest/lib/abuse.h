/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What vCPUs do to a device at random, for guests all of whose vCPUs do it, and how to see
 * that memory which is the guest's again is left alone.
 */
#ifndef ABUSE_H
#define ABUSE_H

#include "dev.h"
#include "smp.h"

/**
 * struct abused
 * @dev: the device
 * @queues: those that it has
 * @queue: says where queue @nr is to lie, of what @z chooses from
 * @ring: changes what a driver writes, as @z says
 */
struct abused {
	const struct device *dev;
	unsigned int queues;
	void (*queue)(struct domus_dev_queue *to, u64 nr, u64 z);
	void (*ring)(u64 z);
};

/* All others do what they like, until others_stop(). @what stays. */
void abuse_by_others(const struct abused *what);

/* One thing, by the calling vCPU @me, meanwhile. @seed is its own. */
void abuse(u64 *seed, u64 me);

/* Memory that nobody should write to: all of it 0xa5, as memset() left it. */
bool untouched(const void *from, u64 bytes);

#endif /* ABUSE_H */
