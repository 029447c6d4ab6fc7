// SPDX-License-Identifier: GPL-2.0-only
/*
 * The virtio block device (VIRTIO 1.2, 5.2).
 *
 *   1. a request's data: guest pages pinned, or bounced where they are not aligned
 *   2. completion
 *   3. requests, by type
 *   4. the queue
 *   5. config space, status
 *   6. making and changing a disk
 *
 * Requests are started by the vCPU's own thread, at its doorbell, so that the host's
 * block layer accounts and throttles them as the holder's. What would wait there is
 * given to the device's workers.
 */
#include <linux/atomic.h>
#include <linux/bvec.h>
#include <linux/blkdev.h>
#include <linux/err.h>
#include <linux/mm.h>
#include <linux/netlink.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>
#include <uapi/linux/virtio_blk.h>
#include <uapi/linux/virtio_ids.h>

#include "blk.h"
#include "blk_image.h"
#include "bus.h"
#include "domain.h"

#define SEG_BYTES_MAX	(64 * 1024U)
#define DATA_SEGS_MAX	126U
#define SEGS_MAX	(DATA_SEGS_MAX + 2)	/* header and status */
#define BYTES_MAX	(SEG_BYTES_MAX * DATA_SEGS_MAX)
#define BUDGET		64			/* requests of one kick */

/*
 * What the requests of one disk may take of the host's memory at a time: each page of the
 * guest's a few dozen bytes, though it be the same in all of them, each bounced one a page.
 */
#define PAGES_MAX	(64 * 1024 * 1024 / PAGE_SIZE)
#define BOUNCED_PAGES	8	/* of the guest's are as much as a bounced one */

enum {
	READS, WRITES, FLUSHES, DISCARDS, READ_BYTES, WRITTEN_BYTES, ERRORS, NO_SPACE,
	BOUNCED,
	NR_COUNTERS
};

static const char *const counter_names[NR_COUNTERS] = {
	"reads", "writes", "flushes", "discards", "read-bytes", "written-bytes", "errors",
	"no-space", "bounced",
};

/*
 * A disk.
 *
 * @sectors: of 512 bytes; read anywhere
 * @wce: writes may be done before they are on stable storage; under the device's lock,
 *	read anywhere
 * @segs: SEGS_MAX of each queue, under its pop lock
 * @room: guards @pages, the pages of requests that are under way, and @starved: some
 *	queue waits for them to become fewer
 * @resizing: bit 0: somebody changes the size of the file
 */
struct blk_device {
	struct bus_device dev;
	struct blk_image image;
	u64 sectors;
	bool wce, writethrough;
	char serial[DOMUS_DEV_SERIAL_MAX + 1];
	struct vring_seg *segs;
	spinlock_t room;
	unsigned int pages;
	bool starved;
	unsigned long resizing;
	atomic64_t counters[NR_COUNTERS];
};

/*
 * A request that is under way.
 *
 * @id: of the buffer in @q
 * @len: bytes of data
 * @status_page: pinned; @status_at: the byte in it that says how it went
 * @user, @nr_user: guest's pages, pinned
 * @bounce, @nr_bounce: own pages that the I/O is done with instead, or NULL
 * @pages: what it has taken of the disk's PAGES_MAX
 */
struct blk_request {
	struct blk_io io;
	struct bus_queue *q;
	u16 id;
	u8 status;
	u32 len;
	struct page *status_page;
	u8 *status_at;
	struct kthread_work work;
	struct bio_vec *bounce;
	unsigned int nr_bounce;
	unsigned int pages;
	unsigned int nr_user;
	struct bio_vec user[];
};

static struct blk_device *blk_of(const struct bus_device *dev)
{
	return container_of(dev, struct blk_device, dev);
}

static void count(struct blk_device *b, unsigned int counter, u64 n)
{
	atomic64_add(n, &b->counters[counter]);
}

/* ---- 1. Data -------------------------------------------------------------------- */

/* Is the memory written by the operation? */
static bool fills_memory(const struct blk_request *rq)
{
	return rq->io.op == BLK_OP_READ;
}

/*
 * Pages of @len bytes from @skip of @segs on, 0: a piece is larger than @largest.
 * @misaligned: bits that are set in the address or length of some piece
 */
static unsigned int count_pages(const struct vring_seg *segs, unsigned int nr, u32 skip, u32 len,
				u32 largest, u32 *misaligned)
{
	unsigned int i, pages = 0;

	for (i = 0; i < nr && len; i++) {
		u32 take;

		if (skip >= segs[i].len) {
			skip -= segs[i].len;
			continue;
		}
		take = min(len, segs[i].len - skip);
		if (take > largest)
			return 0;
		*misaligned |= ((u32)segs[i].gpa + skip) | take;
		pages += PFN_UP((u64)offset_in_page(segs[i].gpa + skip) + take);
		len -= take;
		skip = 0;
	}
	return pages;
}

/* Return: false: too much is under way; when it has become less, the queues are looked at. */
static bool take_room(struct blk_device *b, unsigned int pages)
{
	unsigned long flags;
	bool room;

	spin_lock_irqsave(&b->room, flags);
	/* the largest one has room alone */
	room = !b->pages || b->pages + pages <= PAGES_MAX;
	if (room)
		b->pages += pages;
	else
		b->starved = true;
	spin_unlock_irqrestore(&b->room, flags);
	return room;
}

static void give_room(struct blk_device *b, unsigned int pages)
{
	unsigned long flags;
	bool starved;

	spin_lock_irqsave(&b->room, flags);
	b->pages -= pages;
	starved = b->starved;
	b->starved = false;
	spin_unlock_irqrestore(&b->room, flags);
	if (starved)
		bus_work_all(&b->dev);
}

/* Pins @rq->len bytes from @skip of @segs on. Return: 0, < 0: release_data() all the same. */
static int pin_data(struct blk_request *rq, const struct vring_seg *segs, unsigned int nr,
		    u32 skip, unsigned int max)
{
	const struct gmem *g = &rq->q->dev->d->gmem;
	u32 left = rq->len;
	unsigned int i;
	int n;

	for (i = 0; i < nr && left; i++) {
		u32 take;

		if (skip >= segs[i].len) {
			skip -= segs[i].len;
			continue;
		}
		take = min(left, segs[i].len - skip);
		n = gmem_pin_bvecs(g, segs[i].gpa + skip, take,
				   fills_memory(rq) ? FOLL_WRITE : 0, rq->user + rq->nr_user,
				   max - rq->nr_user);
		if (n < 0)
			return n;
		rq->nr_user += n;
		left -= take;
		skip = 0;
	}
	return left ? -EFAULT : 0;
}

static void copy_bounce(struct blk_request *rq, bool to_user)
{
	unsigned int i, page = 0, at = 0;

	for (i = 0; i < rq->nr_user; i++) {
		void *user = page_address(rq->user[i].bv_page) + rq->user[i].bv_offset;
		u32 left = rq->user[i].bv_len;

		while (left) {
			u32 n = min_t(u32, left, PAGE_SIZE - at);
			void *own = page_address(rq->bounce[page].bv_page) + at;

			memcpy(to_user ? user : own, to_user ? own : user, n);
			user += n;
			left -= n;
			at += n;
			if (at == PAGE_SIZE) {
				at = 0;
				page++;
			}
		}
	}
}

static void free_bounce(struct blk_request *rq)
{
	while (rq->nr_bounce)
		__free_page(rq->bounce[--rq->nr_bounce].bv_page);
	kvfree(rq->bounce);
	rq->bounce = NULL;
}

/* The host's driver cannot use the guest's pages as they lie. */
static int make_bounce(struct blk_request *rq)
{
	unsigned int i, nr = PFN_UP(rq->len);

	rq->bounce = kvcalloc(nr, sizeof(*rq->bounce), GFP_KERNEL_ACCOUNT);
	if (!rq->bounce)
		return -ENOMEM;
	for (i = 0; i < nr; i++) {
		struct page *page = alloc_page(GFP_KERNEL_ACCOUNT);

		if (!page) {
			free_bounce(rq);
			return -ENOMEM;
		}
		rq->bounce[i].bv_page = page;
		rq->bounce[i].bv_len = min_t(u32, PAGE_SIZE, rq->len - i * PAGE_SIZE);
		rq->nr_bounce++;
	}
	if (!fills_memory(rq))
		copy_bounce(rq, false);
	count(blk_of(rq->q->dev), BOUNCED, 1);
	return 0;
}

/* Any context. @dirty: what was written is marked so; then process context. */
static void release_data(struct blk_request *rq, bool dirty)
{
	unsigned int i;

	for (i = 0; i < rq->nr_user; i++) {
		/* what was only read may be a file's, and not writable for us */
		if (dirty && fills_memory(rq))
			set_page_dirty_lock(rq->user[i].bv_page);
		unpin_user_page(rq->user[i].bv_page);
	}
	if (rq->status_page) {
		if (dirty)
			set_page_dirty_lock(rq->status_page);
		unpin_user_page(rq->status_page);
	}
	free_bounce(rq);
	give_room(blk_of(rq->q->dev), rq->pages);
}

/* ---- 2. Completion -------------------------------------------------------------- */

static void write_status(void *arg)
{
	struct blk_request *rq = arg;

	WRITE_ONCE(*rq->status_at, rq->status);
}

static void request_end(struct blk_request *rq, bool dirty)
{
	struct bus_queue *q = rq->q;
	u32 written = 1 + (fills_memory(rq) ? rq->len : 0);

	/* the page stays ours until the byte is written */
	bus_push_with(q, rq->id, written, write_status, rq);
	release_data(rq, dirty);
	kvfree(rq);
	bus_put(q->dev);
}

static void request_end_work(struct kthread_work *work)
{
	struct blk_request *rq = container_of(work, struct blk_request, work);

	if (rq->bounce && fills_memory(rq) && rq->status == VIRTIO_BLK_S_OK)
		copy_bounce(rq, true);
	request_end(rq, true);
}

/*
 * Pages that the host has cleaned meanwhile must be marked dirty again, or what was
 * read is lost when they are reclaimed; to mark them may sleep.
 */
static bool all_dirty(const struct blk_request *rq)
{
	unsigned int i;

	if (!PageDirty(rq->status_page))
		return false;
	for (i = 0; fills_memory(rq) && i < rq->nr_user; i++)
		if (!PageDirty(compound_head(rq->user[i].bv_page)))
			return false;
	return true;
}

static bool request_unwanted(const struct blk_io *io)
{
	return domain_dead(container_of(io, struct blk_request, io)->q->dev->d);
}

static void request_done(struct blk_io *io, int err)
{
	struct blk_request *rq = container_of(io, struct blk_request, io);

	if (err)
		count(blk_of(rq->q->dev), ERRORS, 1);
	/* the guest has no word for it, but the host's user has */
	if (err == -ENOSPC || err == -EDQUOT)
		count(blk_of(rq->q->dev), NO_SPACE, 1);
	rq->status = !err ? VIRTIO_BLK_S_OK :
		     err == -EOPNOTSUPP ? VIRTIO_BLK_S_UNSUPP : VIRTIO_BLK_S_IOERR;
	/* in an interrupt there is no time to copy much, either */
	if (!rq->bounce && all_dirty(rq)) {
		request_end(rq, false);
	} else {
		kthread_init_work(&rq->work, request_end_work);
		kthread_queue_work(rq->q->dev->worker, &rq->work);
	}
}

/* ---- 3. Requests ---------------------------------------------------------------- */

/* Where the byte lies that says how the request went: the last one (5.2.6). */
static u64 status_gpa(const struct vring_chain *chain)
{
	const struct vring_seg *last = &chain->segs[chain->out + chain->in - 1];

	return last->gpa + last->len - 1;
}

/* Of a request for which nothing was started. */
static void answer(struct bus_queue *q, const struct vring_chain *chain, u8 status, u32 data)
{
	u32 written = data + 1;

	if (status != VIRTIO_BLK_S_OK)
		count(blk_of(q->dev), ERRORS, 1);
	if (gmem_write(&q->dev->d->gmem, status_gpa(chain), &status, 1))
		written = 0;
	bus_push(q, chain->id, written);
}

static int pin_status(struct blk_request *rq, const struct vring_chain *chain)
{
	struct bio_vec v;
	int n = gmem_pin_bvecs(&rq->q->dev->d->gmem, status_gpa(chain), 1, FOLL_WRITE,
			       &v, 1);

	if (n < 0)
		return n;
	rq->status_page = v.bv_page;
	rq->status_at = page_address(v.bv_page) + v.bv_offset;
	return 0;
}

/* Return: 0: started, what follows is request_done()'s; < 0: nothing was, -EBUSY: not yet. */
static int start(struct bus_queue *q, const struct vring_chain *chain, enum blk_op op, u64 pos,
		 u64 len)
{
	struct blk_device *b = blk_of(q->dev);
	const struct vring_seg *segs = chain->segs;
	unsigned int nr = chain->out, pages = 0;
	u32 skip = sizeof(struct virtio_blk_outhdr), misaligned = 0;
	bool data = op == BLK_OP_READ || op == BLK_OP_WRITE, bounce;
	unsigned int room = 1;
	struct blk_request *rq;
	int err;

	if (op == BLK_OP_READ) {
		segs += chain->out;
		nr = chain->in;
		skip = 0;
	}
	if (data) {
		/* what was agreed upon (5.2.6.1) */
		u32 largest = q->dev->features & BIT_ULL(VIRTIO_BLK_F_SIZE_MAX) ?
			      SEG_BYTES_MAX : U32_MAX;

		pages = count_pages(segs, nr, skip, len, largest, &misaligned);
		if (!pages)
			return -EIO;
	}
	bounce = b->image.align && misaligned & (b->image.align | (b->image.block - 1));
	room += pages + (bounce ? PFN_UP(len) * BOUNCED_PAGES : 0);
	if (!take_room(b, room))
		return -EBUSY;
	rq = kvzalloc(struct_size(rq, user, pages), GFP_KERNEL_ACCOUNT);
	if (!rq) {
		give_room(b, room);
		return -ENOMEM;
	}
	rq->pages = room;
	rq->q = q;
	rq->id = chain->id;
	rq->io.image = &b->image;
	rq->io.op = op;
	rq->io.pos = pos;
	rq->io.len = len;
	rq->io.durable = !READ_ONCE(b->wce) && op != BLK_OP_READ && op != BLK_OP_FLUSH;
	rq->io.worker = bus_io_worker(q->dev);
	rq->io.mm = q->dev->d->mm;
	rq->io.unwanted = request_unwanted;
	rq->io.done = request_done;
	err = pin_status(rq, chain);
	if (!err && data) {
		rq->len = len;
		err = pin_data(rq, segs, nr, skip, pages);
	}
	if (!err && bounce)
		err = make_bounce(rq);
	if (err) {
		release_data(rq, true);
		kvfree(rq);
		return err;
	}
	rq->io.bvecs = rq->bounce ?: rq->user;
	rq->io.nr = rq->bounce ? rq->nr_bounce : rq->nr_user;
	kref_get(&q->dev->ref);	/* beyond the push */
	blk_io_start(&rq->io);
	return 0;
}

/* Does the disk have these bytes, in whole blocks? */
static bool in_disk(const struct blk_device *b, u64 sector, u64 len)
{
	u64 sectors = READ_ONCE(b->sectors);

	return !(len % b->image.block) && !(sector % (b->image.block / BLK_SECTOR)) &&
	       sector <= sectors && len / BLK_SECTOR <= sectors - sector;
}

/* @bytes: for the disk's rate, when it was done */
static int do_move(struct bus_queue *q, const struct vring_chain *chain, u64 sector, bool write,
		   u32 *bytes)
{
	struct blk_device *b = blk_of(q->dev);
	u64 len = write ? chain->out_len - sizeof(struct virtio_blk_outhdr) : chain->in_len - 1;
	int err;

	if (!len || len > BYTES_MAX || !in_disk(b, sector, len) ||
	    (write && !b->image.writable))
		return -EIO;
	err = start(q, chain, write ? BLK_OP_WRITE : BLK_OP_READ, sector * BLK_SECTOR, len);
	if (err == -EBUSY)
		return err;
	count(b, write ? WRITES : READS, 1);
	count(b, write ? WRITTEN_BYTES : READ_BYTES, len);
	*bytes = len;
	return err;
}

static int do_flush(struct bus_queue *q, const struct vring_chain *chain)
{
	int err = start(q, chain, BLK_OP_FLUSH, 0, 0);

	if (err != -EBUSY)
		count(blk_of(q->dev), FLUSHES, 1);
	return err;
}

/* DISCARD, WRITE_ZEROES: one range (5.2.6). Zeroes may have to be written: @bytes as above */
static int do_change(struct bus_queue *q, const struct vring_chain *chain, bool zero, u32 *bytes)
{
	struct blk_device *b = blk_of(q->dev);
	struct virtio_blk_discard_write_zeroes range;
	u64 max = zero ? b->image.zero : b->image.discard;
	enum blk_op op = zero ? BLK_OP_ZERO : BLK_OP_DISCARD;
	u32 flags;
	u64 len;
	int err;

	if (!max || chain->out_len != sizeof(struct virtio_blk_outhdr) + sizeof(range))
		return -EOPNOTSUPP;
	if (bus_read_chain(q, chain, sizeof(struct virtio_blk_outhdr), &range, sizeof(range)))
		return -EIO;
	flags = le32_to_cpu(range.flags);
	if (flags & ~(zero ? VIRTIO_BLK_WRITE_ZEROES_FLAG_UNMAP : 0))
		return -EOPNOTSUPP;
	if (flags)
		op = BLK_OP_ZERO_UNMAP;
	len = (u64)le32_to_cpu(range.num_sectors) * BLK_SECTOR;
	if (!len || len > max || !in_disk(b, le64_to_cpu(range.sector), len))
		return -EIO;
	err = start(q, chain, op, le64_to_cpu(range.sector) * BLK_SECTOR, len);
	if (err == -EBUSY)
		return err;
	count(b, DISCARDS, 1);
	if (zero)
		*bytes = len;
	return err;
}

/* The serial number, NUL padded. Return: bytes, or < 0. */
static int write_id(struct bus_queue *q, const struct vring_chain *chain)
{
	char id[VIRTIO_BLK_ID_BYTES] = {};
	struct blk_device *b = blk_of(q->dev);
	u32 done = 0, left = min_t(u32, sizeof(id), chain->in_len - 1);
	unsigned int i;

	memcpy(id, b->serial, min(strlen(b->serial), sizeof(id)));
	for (i = 0; i < chain->in && done < left; i++) {
		const struct vring_seg *seg = &chain->segs[chain->out + i];
		u32 n = min(seg->len, left - done);

		if (gmem_write(&q->dev->d->gmem, seg->gpa, id + done, n))
			return -EIO;
		done += n;
	}
	return done;
}

/* Return: false: not yet, and the buffer was put back. */
static bool handle(struct bus_queue *q, const struct vring_chain *chain)
{
	struct virtio_blk_outhdr hdr;
	u8 status = VIRTIO_BLK_S_IOERR;
	u32 bytes = 0;
	int err;

	if (!chain->in || bus_read_chain(q, chain, 0, &hdr, sizeof(hdr))) {
		bus_break(q->dev, chain->in ? "a request without a header" :
					      "a request without room for its status");
		bus_push(q, chain->id, 0);
		return true;
	}
	if (READ_ONCE(q->dev->ending)) {
		answer(q, chain, status, 0);
		return true;
	}
	switch ((__force u32)hdr.type) {
	case VIRTIO_BLK_T_IN:
	case VIRTIO_BLK_T_OUT:
		err = do_move(q, chain, (__force u64)hdr.sector,
			      (__force u32)hdr.type == VIRTIO_BLK_T_OUT, &bytes);
		break;
	case VIRTIO_BLK_T_FLUSH:
		err = do_flush(q, chain);
		break;
	case VIRTIO_BLK_T_DISCARD:
	case VIRTIO_BLK_T_WRITE_ZEROES:
		err = do_change(q, chain, (__force u32)hdr.type == VIRTIO_BLK_T_WRITE_ZEROES,
				&bytes);
		break;
	case VIRTIO_BLK_T_GET_ID:
		err = write_id(q, chain);
		if (err >= 0) {
			bus_rate_charge(&q->dev->rate, err);
			answer(q, chain, VIRTIO_BLK_S_OK, err);
			return true;
		}
		break;
	default:
		err = -EOPNOTSUPP;
	}
	if (err == -EBUSY) {
		bus_unpop(q, chain);
		return false;
	}
	/* each is an operation, also one that is refused */
	bus_rate_charge(&q->dev->rate, bytes);
	if (err == -EOPNOTSUPP)
		status = VIRTIO_BLK_S_UNSUPP;
	if (err)
		answer(q, chain, status, 0);
	return true;
}

/* ---- 4. The queue --------------------------------------------------------------- */

static void blk_kick(struct bus_queue *q)
{
	struct blk_device *b = blk_of(q->dev);
	struct vring_chain chain = { .segs = b->segs + q->nr * SEGS_MAX, .max = SEGS_MAX };
	unsigned int budget = BUDGET;
	struct blk_plug plug;

	blk_start_plug(&plug);
	vring_kicks_off(&q->ring);
	do {
		while (budget && bus_pop(q, &chain) > 0) {
			if (!handle(q, &chain))
				goto out;	/* who is done with a request has us called */
			budget--;
		}
		if (!budget) {
			/* others may want the vCPU's thread */
			bus_queue_work(q);
			break;
		}
	} while (vring_kicks_on(&q->ring) && !bus_stalled(q));
out:
	blk_finish_plug(&plug);
}

/* ---- 5. Config space ------------------------------------------------------------ */

static u8 log2_ratio(u32 larger, u32 smaller)
{
	return ilog2(max(larger / smaller, 1U));
}

static void fill_config(const struct blk_device *b, struct virtio_blk_config *c)
{
	const struct blk_image *image = &b->image;

	memset(c, 0, sizeof(*c));
	c->capacity = (__force __virtio64)READ_ONCE(b->sectors);
	c->size_max = (__force __virtio32)SEG_BYTES_MAX;
	c->seg_max = (__force __virtio32)DATA_SEGS_MAX;
	c->blk_size = (__force __virtio32)image->block;
	c->physical_block_exp = log2_ratio(image->physical, image->block);
	c->alignment_offset = image->offset / image->block;
	c->min_io_size = (__force __virtio16)(u16)min_t(u32, image->io_min / image->block,
							U16_MAX);
	c->opt_io_size = (__force __virtio32)(image->io_opt / image->block);
	c->wce = b->wce;
	c->num_queues = (__force __virtio16)(u16)b->dev.nr_queues;
	c->max_discard_sectors = (__force __virtio32)(u32)(min_t(u64, image->discard, S32_MAX) /
							   BLK_SECTOR);
	c->max_discard_seg = (__force __virtio32)1U;
	c->discard_sector_alignment = (__force __virtio32)
		(max(image->discard_granularity, image->block) / BLK_SECTOR);
	c->max_write_zeroes_sectors = (__force __virtio32)(u32)(min_t(u64, image->zero, S32_MAX) /
								BLK_SECTOR);
	c->max_write_zeroes_seg = (__force __virtio32)1U;
	c->write_zeroes_may_unmap = 1;
}

static void blk_config_read(struct bus_device *dev, u32 offset, void *to, u32 len)
{
	struct virtio_blk_config config;

	fill_config(blk_of(dev), &config);
	memcpy(to, (u8 *)&config + offset, len);
}

/* The one field to write is wce (5.2.5). */
static void blk_config_write(struct bus_device *dev, u32 offset, const void *from, u32 len)
{
	struct blk_device *b = blk_of(dev);
	const u8 *value = from;

	if (offset == offsetof(struct virtio_blk_config, wce) && len == 1 && *value <= 1 &&
	    dev->features & BIT_ULL(VIRTIO_BLK_F_CONFIG_WCE))
		WRITE_ONCE(b->wce, *value);
}

static int blk_start(struct bus_device *dev)
{
	struct blk_device *b = blk_of(dev);

	/* a driver that cannot flush must not need to (5.2.6.2) */
	if (!(dev->features & BIT_ULL(VIRTIO_BLK_F_FLUSH)))
		WRITE_ONCE(b->wce, false);
	return 0;
}

static void blk_stop(struct bus_device *dev)
{
	struct blk_device *b = blk_of(dev);

	WRITE_ONCE(b->wce, !b->writethrough);
}

static void blk_count(struct bus_device *dev, u64 *values)
{
	unsigned int i;

	for (i = 0; i < NR_COUNTERS; i++)
		values[i] = atomic64_read(&blk_of(dev)->counters[i]);
}

static void blk_free(struct bus_device *dev)
{
	struct blk_device *b = blk_of(dev);

	blk_image_close(&b->image);
	kvfree(b->segs);
	kfree(b);
}

static const struct bus_ops blk_ops = {
	.type		= VIRTIO_ID_BLOCK,
	.kind		= "blk",
	.config_read	= blk_config_read,
	.config_write	= blk_config_write,
	.start		= blk_start,
	.stop		= blk_stop,
	.kick		= blk_kick,
	.answers	= true,
	.io_workers	= BUS_IO_WORKERS,
	.counters	= counter_names,
	.nr_counters	= NR_COUNTERS,
	.count		= blk_count,
	.free		= blk_free,
};

/* ---- 6. Making and changing ----------------------------------------------------- */

static u64 blk_features(const struct blk_device *b)
{
	u64 features = BIT_ULL(VIRTIO_BLK_F_SIZE_MAX) | BIT_ULL(VIRTIO_BLK_F_SEG_MAX) |
		       BIT_ULL(VIRTIO_BLK_F_BLK_SIZE) | BIT_ULL(VIRTIO_BLK_F_TOPOLOGY) |
		       BIT_ULL(VIRTIO_BLK_F_MQ);

	/* who can flush, but not set the cache, takes it for one that holds writes back */
	if (!b->writethrough)
		features |= BIT_ULL(VIRTIO_BLK_F_FLUSH);
	if (!b->image.writable)
		return features | BIT_ULL(VIRTIO_BLK_F_RO);
	if (!b->writethrough)
		features |= BIT_ULL(VIRTIO_BLK_F_CONFIG_WCE);
	if (b->image.discard)
		features |= BIT_ULL(VIRTIO_BLK_F_DISCARD);
	if (b->image.zero)
		features |= BIT_ULL(VIRTIO_BLK_F_WRITE_ZEROES);
	return features;
}

struct bus_device *blk_new(const struct blk_params *p, struct netlink_ext_ack *extack)
{
	struct blk_device *b = kzalloc(sizeof(*b), GFP_KERNEL_ACCOUNT);
	int err;

	if (!b)
		return ERR_PTR(-ENOMEM);
	err = blk_image_open(&b->image, p, extack);
	if (err)
		goto err_free;
	b->sectors = blk_image_size(&b->image) / BLK_SECTOR;
	b->writethrough = p->writethrough;
	b->wce = !p->writethrough;
	spin_lock_init(&b->room);
	strscpy(b->serial, p->serial ?: "", sizeof(b->serial));
	err = -ENOMEM;
	b->segs = kvcalloc(p->queues * SEGS_MAX, sizeof(*b->segs), GFP_KERNEL_ACCOUNT);
	if (!b->segs)
		goto err_image;
	err = bus_device_init(&b->dev, &blk_ops, blk_features(b),
			      offsetof(struct virtio_blk_config, max_secure_erase_sectors),
			      p->queues, p->queue_size);
	if (err)
		goto err_segs;
	return &b->dev;

err_segs:
	kvfree(b->segs);
err_image:
	blk_image_close(&b->image);
err_free:
	kfree(b);
	return ERR_PTR(err);
}

bool blk_is(const struct bus_device *dev)
{
	return dev->ops == &blk_ops;
}

int blk_resize(struct bus_device *dev, struct netlink_ext_ack *extack)
{
	struct blk_device *b = blk_of(dev);
	u64 size;
	int err;

	/*
	 * Without the device's lock, which a reset keeps while the host's disk answers: of
	 * two at a time none leaves what was true before the other.
	 */
	do {
		size = blk_image_size(&b->image);
		err = blk_image_check_size(size, b->image.block, extack);
		if (err)
			return err;
		WRITE_ONCE(b->sectors, size / BLK_SECTOR);
		smp_mb();	/* said before it is looked at again */
	} while (size != blk_image_size(&b->image));
	bus_config_changed(dev);
	return 0;
}

bool blk_resize_begin(const struct bus_device *dev)
{
	return !test_and_set_bit(0, &blk_of(dev)->resizing);
}

void blk_resize_end(const struct bus_device *dev)
{
	clear_bit_unlock(0, &blk_of(dev)->resizing);
}

u64 blk_size(const struct bus_device *dev)
{
	return READ_ONCE(blk_of(dev)->sectors) * BLK_SECTOR;
}

u32 blk_block(const struct bus_device *dev)
{
	return blk_of(dev)->image.block;
}

const char *blk_serial(const struct bus_device *dev)
{
	return blk_of(dev)->serial;
}

u32 blk_flags(const struct bus_device *dev)
{
	const struct blk_device *b = blk_of(dev);

	return (b->image.writable ? 0 : DOMUS_DEV_FLAG_READONLY) |
	       (b->image.shared ? DOMUS_DEV_FLAG_SHARED : 0) |
	       (b->image.forced ? DOMUS_DEV_FLAG_FORCE : 0) |
	       (b->image.bdev || b->image.file->f_flags & O_DIRECT ? DOMUS_DEV_FLAG_DIRECT : 0) |
	       (b->writethrough ? DOMUS_DEV_FLAG_WRITETHROUGH : 0);
}

struct file *blk_file(const struct bus_device *dev)
{
	return blk_of(dev)->image.file;
}
