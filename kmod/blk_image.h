/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What is behind a disk: a regular file or a block device; and one request to it.
 */
#ifndef DOMUS_BLK_IMAGE_H
#define DOMUS_BLK_IMAGE_H

#include <linux/bvec.h>
#include <linux/fs.h>
#include <linux/kthread.h>
#include <linux/list.h>
#include <linux/types.h>

struct blk_params;
struct block_device;
struct netlink_ext_ack;

#define BLK_SECTOR	512U

/**
 * struct blk_image
 * @link: in the list of images in use
 * @file: referenced
 * @bdev: of a block device, which @file has open; else NULL
 * @writable, @shared, @forced: as it is claimed; a forced one is shared
 * @block: smallest unit of I/O, bytes; @physical: one that costs no rewriting; @offset:
 *	where the first one of those begins, bytes
 * @align: mask of memory addresses and lengths that I/O needs
 * @nowait: what would wait can say so instead
 * @io_min, @io_opt: hints, bytes, 0: none
 * @discard, @zero: largest one, bytes, 0: cannot
 * @discard_granularity: bytes
 */
struct blk_image {
	struct list_head link;
	struct file *file;
	struct block_device *bdev;
	bool writable, shared, forced, nowait;
	u32 block, physical, offset, align;
	u32 io_min, io_opt;
	u64 discard, zero;
	u32 discard_granularity;
};

enum blk_op {
	BLK_OP_READ,
	BLK_OP_WRITE,
	BLK_OP_FLUSH,
	BLK_OP_DISCARD,
	BLK_OP_ZERO,
	BLK_OP_ZERO_UNMAP,	/* the space may be given back */
};

/**
 * struct blk_io - one operation on an image
 * @pos, @len: bytes; within the image; len of READ and WRITE is that of @bvecs
 * @durable: of a WRITE, ZERO and DISCARD: on stable storage when done
 * @bvecs, @nr: pinned pages, owned by the caller until @done
 * @worker: for what cannot be done without waiting; @mm: whose memory it takes then
 * @unwanted: nobody waits for it any more: the worker need not begin with it
 * @done: called once, with 0 or a negative errno; any context but NMI
 */
struct blk_io {
	struct blk_image *image;
	enum blk_op op;
	bool durable;
	u64 pos;
	u64 len;
	struct bio_vec *bvecs;
	unsigned int nr;
	struct kthread_worker *worker;
	struct mm_struct *mm;
	bool (*unwanted)(const struct blk_io *io);
	void (*done)(struct blk_io *io, int err);
	/* private: */
	u64 moved;		/* of it in a file, bytes */
	struct kthread_work work;
	struct kiocb iocb;
	long done_early;	/* of @iocb, bytes or errno */
	atomic_t left;		/* bios; of @iocb: its completion and its start */
	int err;
	bool nowait;
};

/**
 * blk_image_open() - claim what is behind a disk
 *
 * Context: process. Return: 0, or as blk_new(); nothing is kept on error.
 */
int blk_image_open(struct blk_image *image, const struct blk_params *p,
		   struct netlink_ext_ack *extack);
void blk_image_close(struct blk_image *image);	/* process */

/* Bytes that it has now. Any context. */
u64 blk_image_size(const struct blk_image *image);

/* The numbers that a refusal is about, for who shows its text. Any context. */
void blk_image_say_sizes(u64 size, u32 block, struct netlink_ext_ack *extack);

/* Can a disk of such blocks be that large? Any context. Return: 0, -EINVAL with the text. */
int blk_image_check_size(u64 size, u32 block, struct netlink_ext_ack *extack);

/**
 * blk_io_start() - do it
 * @io: all public fields set
 *
 * Context: process; waits for memory, but neither for the operation nor for a place in
 * the host's queues.
 * @done may be called before it returns.
 */
void blk_io_start(struct blk_io *io);

#endif /* DOMUS_BLK_IMAGE_H */
