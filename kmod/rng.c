// SPDX-License-Identifier: GPL-2.0-only
/*
 * The virtio entropy device (VIRTIO 1.2, 5.4).
 *
 * A request is answered at its doorbell: the host's generator never waits once it is
 * seeded, which it is before anybody can load modules. A buffer that is larger than
 * RNG_REQUEST_MAX is filled in part, as 5.4.6.2 allows.
 */
#include <linux/err.h>
#include <linux/random.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <uapi/linux/virtio_ids.h>

#include "bus.h"
#include "domain.h"
#include "rng.h"

#define QUEUE_SIZE	16U
#define SEGS_MAX	16U
#define BUDGET		16U		/* requests of one kick */
#define CHUNK		256U

enum { REQUESTS, BYTES, NR_COUNTERS };

static const char *const counter_names[NR_COUNTERS] = { "requests", "bytes" };

/* @segs, @counters: under the queue's pop lock */
struct rng_device {
	struct bus_device dev;
	struct vring_seg segs[SEGS_MAX];
	u64 counters[NR_COUNTERS];
};

static struct rng_device *rng_of(const struct bus_device *dev)
{
	return container_of(dev, struct rng_device, dev);
}

/* Return: bytes written, fewer where the guest's memory ends. */
static u32 fill(struct bus_queue *q, const struct vring_chain *chain)
{
	u32 left = min(chain->in_len, RNG_REQUEST_MAX), done = 0, n;
	u8 buf[CHUNK];

	while (left) {
		n = min(left, CHUNK);
		get_random_bytes(buf, n);
		if (bus_write_chain(q, chain, done, buf, n))
			break;
		done += n;
		left -= n;
	}
	memzero_explicit(buf, sizeof(buf));
	return done;
}

static void serve(struct bus_queue *q, const struct vring_chain *chain)
{
	struct rng_device *r = rng_of(q->dev);
	u32 done = 0;

	if (chain->out)
		bus_break(q->dev, "a request for entropy has a segment to read");
	else if (!READ_ONCE(q->dev->ending))
		done = fill(q, chain);
	WRITE_ONCE(r->counters[REQUESTS], r->counters[REQUESTS] + 1);
	WRITE_ONCE(r->counters[BYTES], r->counters[BYTES] + done);
	bus_rate_charge(&q->dev->rate, done);
	bus_push(q, chain->id, done);
}

static void rng_kick(struct bus_queue *q)
{
	struct vring_chain chain = { .segs = rng_of(q->dev)->segs, .max = SEGS_MAX };
	unsigned int budget = BUDGET;

	vring_kicks_off(&q->ring);
	do {
		while (budget && bus_pop(q, &chain) > 0) {
			budget--;
			serve(q, &chain);
		}
		if (!budget) {
			bus_queue_work(q);
			break;
		}
	} while (vring_kicks_on(&q->ring) && !bus_stalled(q));
}

/* Config space has no bytes: nothing asks for one. */
static void rng_config_read(struct bus_device *dev, u32 offset, void *to, u32 len)
{
	memset(to, 0, len);
}

static int rng_start(struct bus_device *dev)
{
	return 0;
}

static void rng_stop(struct bus_device *dev)
{
}

static void rng_count(struct bus_device *dev, u64 *values)
{
	unsigned int i;

	for (i = 0; i < NR_COUNTERS; i++)
		values[i] = READ_ONCE(rng_of(dev)->counters[i]);
}

static void rng_free(struct bus_device *dev)
{
	kfree(rng_of(dev));
}

static const struct bus_ops rng_ops = {
	.type		= VIRTIO_ID_RNG,
	.kind		= "rng",
	.config_read	= rng_config_read,
	.start		= rng_start,
	.stop		= rng_stop,
	.kick		= rng_kick,
	.counters	= counter_names,
	.nr_counters	= NR_COUNTERS,
	.count		= rng_count,
	.free		= rng_free,
};

struct bus_device *rng_new(void)
{
	struct rng_device *r = kzalloc(sizeof(*r), GFP_KERNEL_ACCOUNT);
	int err;

	if (!r)
		return ERR_PTR(-ENOMEM);
	err = bus_device_init(&r->dev, &rng_ops, 0, 0, 1, QUEUE_SIZE);
	if (err) {
		kfree(r);
		return ERR_PTR(err);
	}
	bus_rate_set(&r->dev.rate, RNG_RATE, 0, BUS_RATE_BURST_MS);
	return &r->dev;
}
