/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * For guests that maltreat a disk: stories (story.h) of a disk with one queue, that they
 * may write into as they like, and of another disk beside it. rings.sh runs them.
 */
#ifndef VICTIM_H
#define VICTIM_H

#include "disk.h"
#include "hostile.h"
#include "story.h"

/*
 * The queue under attack. Of a packed ring @desc is @packed, @avail and @used are the
 * driver's and the device's event areas.
 */
struct raw {
	unsigned int size;
	union {
		struct vring_desc *desc;
		struct vring_packed_desc *packed;
	};
	struct vring_avail *avail;
	struct vring_used *used;
	struct vring_desc *table;	/* a page for indirect ones */
	struct virtio_blk_outhdr *header;
	u8 *data;			/* 16 pages */
	volatile u8 *status;
};

extern struct raw raw;
extern struct disk victim, other;
extern u64 memory;		/* bytes */

void run_stories(const struct story *stories, unsigned int n);

/* ---- for stories ---- */

/* The victim up once more, with an idle queue. False: it does not come. */
bool raw_open(u64 features, unsigned int size);
long raw_enable(unsigned int nr, u64 size, u64 desc, u64 driver, u64 device);

/* A descriptor. */
void put(unsigned int i, u64 addr, u32 len, u16 flags, u16 next);
/* Descriptors @head to @head + 2: a request that reads sector 0 into raw.data. */
void put_request(unsigned int head);
/* Make one available, and have the device look. */
void offer(u16 head);
void doorbell(void);
/* Wait until @n buffers were used since raw_open(). False: in 10 seconds they were not. */
bool used_up(u16 n);
/* A request of put_request() as changed since; its status, 0xff: none, -1: no answer. */
int answer_to(u16 head);

#define NEXT	VRING_DESC_F_NEXT
#define WRITE	VRING_DESC_F_WRITE
#define TABLE	VRING_DESC_F_INDIRECT

#endif /* VICTIM_H */
