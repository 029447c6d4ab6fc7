/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The driver's end of a split virtqueue (VIRTIO 1.2, 2.7), of a device of dev.h.
 */
#ifndef RING_H
#define RING_H

#include <linux/virtio_ring.h>

#include "dev.h"

#define RING_MAX	1024

/* A piece of a buffer; all that the device reads comes before what it writes. */
struct piece {
	const void *at;
	u32 bytes;
	bool write;	/* by the device */
};

/**
 * struct ring
 * @port: signalled when the device has used buffers
 * @size: descriptors, a power of two
 * @event_idx: negotiated
 * @free, @nr_free: descriptors that no buffer has, linked by their next
 * @offered: the available index, perhaps not yet published; @seen: of the used index
 * @told: @offered at the last doorbell
 */
struct ring {
	struct device *dev;
	unsigned int nr, size;
	u32 port;
	bool event_idx;
	struct vring_desc *desc;
	struct vring_avail *avail;
	struct vring_used *used;
	u16 free, nr_free;
	u16 offered, told, seen;
};

/*
 * Set up queue @nr with at most @most descriptors; the device is at FEATURES_OK. May be
 * called again after a reset: the memory stays. False: the hypervisor says no.
 */
bool ring_open(struct ring *r, struct device *dev, unsigned int nr, unsigned int most);

/* Make a buffer available. Return: the number that ring_take() will give, -1: no room. */
int ring_add(struct ring *r, const struct piece *pieces, unsigned int n);

/* Publish what was added, and ring the doorbell if the device wants that. */
void ring_kick(struct ring *r);

/* Take a used buffer. Return: its number, -1: there is none. @written may be NULL. */
int ring_take(struct ring *r, u32 *written);

/* The same, waiting for one; -1: the device is broken or gone. */
int ring_wait(struct ring *r, u32 *written);

#endif /* RING_H */
