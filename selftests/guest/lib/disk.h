/* SPDX-License-Identifier: GPL-2.0-only */
/* A driver for disks (VIRTIO 1.2, 5.2), over one queue. */
#ifndef DISK_H
#define DISK_H

#include <linux/virtio_blk.h>

#include "ring.h"

#define SECTOR		512U
#define DISK_DEPTH	64	/* descriptors */

/* The parts of a request that are not data; one for each descriptor. */
struct disk_request {
	struct virtio_blk_outhdr hdr;
	u8 status;
	u8 pad[15];
};

struct disk {
	struct device dev;
	struct ring ring;
	struct disk_request *requests;
	struct virtio_blk_config config;
};

#define DISK_FEATURES	(1UL << VIRTIO_BLK_F_FLUSH | 1UL << VIRTIO_BLK_F_DISCARD |	\
			 1UL << VIRTIO_BLK_F_WRITE_ZEROES | 1UL << VIRTIO_RING_F_EVENT_IDX)

/* From d->dev, as dev_find() left it, or after whatever broke it. False: it cannot be. */
bool disk_open(struct disk *d, u64 features);

/*
 * Start a request of type VIRTIO_BLK_T_x: @data is read (OUT, DISCARD ...) or written.
 * disk_kick() is next. Return: its number, or -1: no room.
 */
int disk_start(struct disk *d, u32 type, u64 sector, void *data, u32 bytes);
static inline void disk_kick(struct disk *d) { ring_kick(&d->ring); }

/* Wait for an answer. Return: the request's number, or -1: broken or gone. */
int disk_end(struct disk *d, u8 *status);

/* All of it. Return: VIRTIO_BLK_S_x, or -1. */
int disk_do(struct disk *d, u32 type, u64 sector, void *data, u32 bytes);

#endif /* DISK_H */
