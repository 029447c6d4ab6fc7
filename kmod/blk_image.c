// SPDX-License-Identifier: GPL-2.0-only
/*
 * Images of disks.
 *
 *   1. claims: who writes has the image for itself
 *   2. opening: limits of a block device, of a file
 *   3. block devices: bios, which wait for the host's queue in the worker only
 *   4. files: asynchronous where they can, else by the worker
 *   5. starting an operation
 *
 * Guest pages are handed to the host's block layer as they are. What is not aligned
 * as the host's driver needs it was refused before (see blk.c).
 */
#include <linux/bio.h>
#include <linux/blkdev.h>
#include <linux/cred.h>
#include <linux/err.h>
#include <linux/falloc.h>
#include <linux/file.h>
#include <linux/magic.h>
#include <linux/memcontrol.h>
#include <linux/mount.h>
#include <linux/mutex.h>
#include <linux/netlink.h>
#include <linux/sched/mm.h>
#include <linux/uio.h>

#include "blk.h"
#include "blk_image.h"

#define ZERO_MAX	(4U << 20)	/* bytes written as zeroes for one request */

/* ---- 1. Claims ------------------------------------------------------------------ */

static DEFINE_MUTEX(images_lock);
static LIST_HEAD(images);

/* The inode of the data: of a block device it is the same by every name. */
static struct inode *image_inode(const struct blk_image *image)
{
	return image->file->f_mapping->host;
}

static int claim(struct blk_image *image, struct netlink_ext_ack *extack)
{
	struct blk_image *other;
	int err = 0;

	mutex_lock(&images_lock);
	list_for_each_entry(other, &images, link) {
		if (image->forced || image_inode(other) != image_inode(image) ||
		    (!other->writable && !image->writable) ||
		    (other->shared && image->shared))
			continue;
		if (image->shared)
			NL_SET_ERR_MSG(extack, "another disk has this image, and is not shared");
		else if (other->writable)
			NL_SET_ERR_MSG(extack, "another disk writes to this image");
		else
			NL_SET_ERR_MSG(extack, "another disk reads this image");
		err = -EBUSY;
		break;
	}
	if (!err)
		list_add(&image->link, &images);
	mutex_unlock(&images_lock);
	return err;
}

static void unclaim(struct blk_image *image)
{
	mutex_lock(&images_lock);
	list_del(&image->link);
	mutex_unlock(&images_lock);
}

/* ---- 2. Opening ----------------------------------------------------------------- */

u64 blk_image_size(const struct blk_image *image)
{
	return i_size_read(image_inode(image));
}

void blk_image_say_sizes(u64 size, u32 block, struct netlink_ext_ack *extack)
{
	const u64 bytes[] = { size, block };

	BUILD_BUG_ON(sizeof(bytes) > sizeof(extack->cookie));
	memcpy(extack->cookie, bytes, sizeof(bytes));
	extack->cookie_len = sizeof(bytes);
}

int blk_image_check_size(u64 size, u32 block, struct netlink_ext_ack *extack)
{
	if (size && !(size % block))
		return 0;
	NL_SET_ERR_MSG(extack, "the image's size is 0 or no multiple of its block size");
	blk_image_say_sizes(size, block, extack);
	return -EINVAL;
}

/*
 * The asker has opened the device, exclusively if he is to write: to open it here could wait
 * for it, with a lock of generic netlink's, and so could writing back what is in the host's
 * cache, which would overwrite the guest's later, or be missed by it.
 */
static const char *bdev_refusal(const struct blk_image *image, struct block_device *bdev,
				int *err)
{
	struct address_space *cache = image->file->f_mapping;
	bool exclusive = image->file->f_mode & FMODE_EXCL;

	*err = -EROFS;
	if (image->writable && bdev_read_only(bdev))
		return "the block device is read-only";
	*err = -EBUSY;
	if (image->writable && !image->shared && !exclusive)
		return READ_ONCE(bdev->bd_holder) ?
			"the block device is in use, perhaps mounted" :
			"a block device that is written to must be open exclusively (O_EXCL)";
	/* those who share it know what they do */
	if (exclusive && (mapping_tagged(cache, PAGECACHE_TAG_DIRTY) ||
			  mapping_tagged(cache, PAGECACHE_TAG_WRITEBACK)))
		return "the block device's cache is not written back yet (fsync)";
	return NULL;
}

static int open_bdev(struct blk_image *image, struct netlink_ext_ack *extack)
{
	struct block_device *bdev = I_BDEV(image_inode(image));
	const char *why;
	int err;

	why = bdev_refusal(image, bdev, &err);
	if (why) {
		extack->_msg = why;
		return err;
	}
	image->bdev = bdev;
	/* what others wrote through the host's cache is to be seen */
	invalidate_bdev(bdev);
	image->block = bdev_logical_block_size(bdev);
	image->physical = bdev_physical_block_size(bdev);
	/* of one that is misaligned in itself (< 0) nothing helps */
	image->offset = max(bdev_alignment_offset(bdev), 0);
	image->align = bdev_dma_alignment(bdev);
	image->io_min = bdev_io_min(bdev);
	image->io_opt = bdev_io_opt(bdev);
	image->nowait = bdev_nowait(bdev);
	if (image->writable) {
		image->discard = (u64)bdev_max_discard_sectors(bdev) << SECTOR_SHIFT;
		image->discard_granularity = bdev_discard_granularity(bdev);
		/* written, where it must be: not for long, as other requests wait for a worker */
		image->zero = bdev_write_zeroes_sectors(bdev) ? S32_MAX & PAGE_MASK : ZERO_MAX;
	}
	return 0;
}

static void set_file_limits(struct blk_image *image)
{
	struct block_device *below = image_inode(image)->i_sb->s_bdev;
	bool direct = image->file->f_flags & O_DIRECT;

	image->block = direct && below ? bdev_logical_block_size(below) : BLK_SECTOR;
	image->physical = max_t(u32, image->block, i_blocksize(image_inode(image)));
	/* others look for blocks under locks, from the device, whatever they are told */
	image->nowait = direct && image_inode(image)->i_sb->s_magic == XFS_SUPER_MAGIC &&
			image->file->f_mode & FMODE_NOWAIT && below && bdev_nowait(below);
	image->align = direct ? (below ? bdev_dma_alignment(below) : BLK_SECTOR - 1) : 0;
	if (image->writable && image->file->f_op->fallocate) {
		image->discard = S32_MAX & PAGE_MASK;
		image->discard_granularity = i_blocksize(image_inode(image));
		image->zero = S32_MAX & PAGE_MASK;
	}
}

static const char *file_refusal(const struct file *file, bool writable)
{
	if (!S_ISREG(file_inode(file)->i_mode) && !S_ISBLK(file_inode(file)->i_mode))
		return "neither a file nor a block device";
	if (!(file->f_mode & FMODE_READ) || !(file->f_mode & FMODE_CAN_READ))
		return "the image is not open for reading";
	if (writable && !(file->f_mode & FMODE_WRITE && file->f_mode & FMODE_CAN_WRITE))
		return "the image is not open for writing";
	if (writable && file->f_flags & O_APPEND)
		return "the image is open for appending only";
	return NULL;
}

int blk_image_open(struct blk_image *image, const struct blk_params *p,
		   struct netlink_ext_ack *extack)
{
	const char *why = file_refusal(p->file, !p->readonly);
	int err;

	if (why) {
		extack->_msg = why;
		return -EBADF;
	}
	memset(image, 0, sizeof(*image));
	image->file = get_file(p->file);
	image->writable = !p->readonly;
	image->shared = p->shared || p->forced;
	image->forced = p->forced;
	err = claim(image, extack);
	if (err)
		goto err_file;
	if (S_ISBLK(file_inode(p->file)->i_mode))
		err = open_bdev(image, extack);
	else
		set_file_limits(image);
	if (err)
		goto err_claim;
	err = blk_image_check_size(blk_image_size(image), image->block, extack);
	if (err)
		goto err_claim;
	return 0;

err_claim:
	unclaim(image);
err_file:
	fput(image->file);
	return err;
}

void blk_image_close(struct blk_image *image)
{
	/* others may have read meanwhile, and will find what the guest wrote */
	if (image->bdev && image->writable)
		invalidate_bdev(image->bdev);
	unclaim(image);
	/* now: a worker's fput() is late, and who waits for the device wants the file */
	if (current->flags & PF_KTHREAD)
		__fput_sync(image->file);
	else
		fput(image->file);
}

/* ---- 3. Block devices ----------------------------------------------------------- */

static void worker_io(struct kthread_work *work);

/* Where it may wait. */
static void give_to_worker(struct blk_io *io)
{
	io->nowait = false;
	io->err = 0;
	kthread_init_work(&io->work, worker_io);
	kthread_queue_work(io->worker, &io->work);
}

static void io_put(struct blk_io *io, int err)
{
	if (err)
		cmpxchg(&io->err, 0, err);
	if (!atomic_dec_and_test(&io->left))
		return;
	/* the queue is full, or would have had to split it: again, all of it */
	if (io->nowait && (io->err == -EAGAIN || io->err == -EOPNOTSUPP))
		give_to_worker(io);
	else
		io->done(io, io->err);
}

static void bio_done(struct bio *bio)
{
	struct blk_io *io = bio->bi_private;
	int err = blk_status_to_errno(bio->bi_status);

	bio_put(bio);
	io_put(io, err);
}

static struct bio *new_bio(struct blk_io *io, unsigned int vecs, blk_opf_t op, u64 pos)
{
	struct bio *bio;

	/*
	 * A queue has room again when its device answers, which may be never: a vCPU that
	 * is to end cannot wait for that.
	 */
	if (io->nowait)
		op |= REQ_NOWAIT;
	bio = bio_alloc(io->image->bdev, bio_max_segs(vecs), op, GFP_KERNEL);
	bio->bi_iter.bi_sector = pos >> SECTOR_SHIFT;
	bio->bi_private = io;
	bio->bi_end_io = bio_done;
	bio->bi_ioprio = get_current_ioprio();
	bio_associate_blkg(bio);
	atomic_inc(&io->left);
	return bio;
}

static void rw_bdev(struct blk_io *io)
{
	blk_opf_t op = io->op == BLK_OP_READ ? REQ_OP_READ : REQ_OP_WRITE | REQ_SYNC | REQ_IDLE;
	u32 max = queue_max_bytes(bdev_get_queue(io->image->bdev));
	struct bio *bio = NULL;
	u64 pos = io->pos;
	unsigned int i;

	if (io->durable)
		op |= REQ_FUA;
	atomic_set(&io->left, 1);
	for (i = 0; i < io->nr; i++) {
		const struct bio_vec *v = &io->bvecs[i];

		if (!bio || bio->bi_iter.bi_size + v->bv_len > max ||
		    bio_add_page(bio, v->bv_page, v->bv_len, v->bv_offset) != v->bv_len) {
			if (bio)
				submit_bio(bio);
			bio = new_bio(io, io->nr - i, op, pos);
			/* an empty one takes a page */
			__bio_add_page(bio, v->bv_page, v->bv_len, v->bv_offset);
		}
		pos += v->bv_len;
	}
	if (bio)
		submit_bio(bio);
	io_put(io, 0);
}

static void flush_bdev(struct blk_io *io)
{
	atomic_set(&io->left, 0);
	/* somebody waits for it: it is not held back with what is only written back (wbt) */
	submit_bio(new_bio(io, 0, REQ_OP_WRITE | REQ_PREFLUSH | REQ_SYNC | REQ_IDLE, 0));
}

/* What is done by bios. Return: false: it is not. */
static bool start_bdev(struct blk_io *io)
{
	if (!io->image->bdev)
		return false;
	if (io->op == BLK_OP_FLUSH)
		flush_bdev(io);
	else if (io->op == BLK_OP_READ || io->op == BLK_OP_WRITE)
		rw_bdev(io);
	else
		return false;
	return true;
}

/* ---- 4. Files ------------------------------------------------------------------- */

/*
 * A file system that does a part says so, and only when it is asked for the rest, why.
 * Return: true: it is to be asked; else *@err is what came of all of it.
 */
static bool has_rest(struct blk_io *io, long done, int *err)
{
	*err = 0;
	if (done > 0)
		io->moved += done;
	else
		*err = done ?: -EIO;	/* the file has become shorter */
	return !*err && io->moved < io->len;
}

static void end_file_write(struct blk_io *io)
{
	struct inode *inode = file_inode(io->image->file);

	if (io->op != BLK_OP_WRITE || !S_ISREG(inode->i_mode))
		return;
	__sb_writers_acquired(inode->i_sb, SB_FREEZE_WRITE);
	sb_end_write(inode->i_sb);
}

/*
 * Does the worker, who may wait, have the last word? Whatever did not work may have been
 * a part that would have waited, under a name that its file system gave it.
 */
static bool wants_worker(const struct blk_io *io, long done)
{
	return io->nowait && done != io->len;
}

/*
 * A file system looks at the iocb after it has queued it, too (at whose file's time of
 * access is set): what is complete before it has returned is rw_file()'s to go on with.
 */
static void iocb_done(struct kiocb *iocb, long done)
{
	struct blk_io *io = container_of(iocb, struct blk_io, iocb);
	int err;

	io->done_early = done;
	if (!atomic_dec_and_test(&io->left))
		return;
	end_file_write(io);
	/* a part of it was started, and the rest would have had to wait */
	if (wants_worker(io, done) || has_rest(io, done, &err))
		give_to_worker(io);
	else
		io->done(io, err);
}

/*
 * What is left of it. Freeze protection taken, and dropped when it is done, perhaps elsewhere.
 * Return: as read_iter(), -EIOCBQUEUED: iocb_done() comes.
 */
static ssize_t rw_file(struct blk_io *io, int flags)
{
	struct file *file = io->image->file;
	struct iov_iter iter;
	ssize_t r;

	init_sync_kiocb(&io->iocb, file);
	io->iocb.ki_pos = io->pos + io->moved;
	io->iocb.ki_flags |= flags | (io->durable ? IOCB_DSYNC : 0);
	io->iocb.ki_complete = iocb_done;
	/* one is iocb_done()'s */
	atomic_set(&io->left, 2);
	iov_iter_bvec(&iter, io->op == BLK_OP_READ ? READ : WRITE, io->bvecs, io->nr, io->len);
	iov_iter_advance(&iter, io->moved);
	if (io->op == BLK_OP_READ) {
		r = vfs_iocb_iter_read(file, &io->iocb, &iter);
	} else {
		/* whoever completes it may be another task: lockdep is told so */
		__sb_writers_release(file_inode(file)->i_sb, SB_FREEZE_WRITE);
		io->iocb.ki_flags |= IOCB_WRITE;
		r = vfs_iocb_iter_write(file, &io->iocb, &iter);
	}
	if (r == -EIOCBQUEUED && atomic_dec_and_test(&io->left))
		r = io->done_early;
	if (r != -EIOCBQUEUED)
		end_file_write(io);
	return r;
}

/*
 * To read changes nothing of the file: no journal, for which a reader may have to wait.
 * Who has the file, too, may change that at any time.
 */
static bool keeps_atime(const struct file *file)
{
	return file->f_flags & O_NOATIME || IS_NOATIME(file_inode(file)) ||
	       file->f_path.mnt->mnt_flags & (MNT_NOATIME | MNT_READONLY);
}

/*
 * Without waiting; what the file system starts for us is told not to wait, either. That
 * must be nobody else's: no swapping, which the allocations might bring about, and no
 * writing, for which a journal would do a part of its own work here, and fail.
 * Return: false: by the worker.
 */
static bool try_file(struct blk_io *io)
{
	struct blk_plug *plug = current->plug;
	unsigned int flags;
	ssize_t r;

	if (!io->image->nowait || io->op != BLK_OP_READ || !plug ||
	    !keeps_atime(io->image->file))
		return false;
	io->nowait = true;
	flags = memalloc_noio_save();
	plug->nowait = true;
	r = rw_file(io, IOCB_NOWAIT);
	plug->nowait = false;
	memalloc_noio_restore(flags);
	/* from here on it may be iocb_done()'s */
	if (r == -EIOCBQUEUED)
		return true;
	if (wants_worker(io, r))
		return false;
	io->done(io, 0);
	return true;
}

static int change_file(struct blk_io *io)
{
	struct file *file = io->image->file;
	int mode = FALLOC_FL_KEEP_SIZE, err;

	if (io->op == BLK_OP_ZERO)
		mode |= FALLOC_FL_ZERO_RANGE;
	else
		mode |= FALLOC_FL_PUNCH_HOLE;
	err = vfs_fallocate(file, mode, io->pos, io->len);
	/* a hole reads as zeroes, too */
	if (err == -EOPNOTSUPP && io->op == BLK_OP_ZERO) {
		io->op = BLK_OP_ZERO_UNMAP;
		return change_file(io);
	}
	if (!err && io->durable)
		err = vfs_fsync_range(file, io->pos, io->pos + io->len - 1, 1);
	return err;
}

static int change_bdev(struct blk_io *io)
{
	struct block_device *bdev = io->image->bdev;
	sector_t sector = io->pos >> SECTOR_SHIFT, count = io->len >> SECTOR_SHIFT;
	int err;

	if (io->op == BLK_OP_DISCARD)
		err = blkdev_issue_discard(bdev, sector, count, GFP_KERNEL);
	else
		err = blkdev_issue_zeroout(bdev, sector, count, GFP_KERNEL,
					   io->op == BLK_OP_ZERO ? BLKDEV_ZERO_NOUNMAP : 0);
	if (!err && io->durable)
		err = blkdev_issue_flush(bdev);
	return err;
}

static void wait_for_file(struct blk_io *io)
{
	ssize_t r;
	int err;

	do {
		if (io->op == BLK_OP_WRITE)
			file_start_write(io->image->file);
		r = rw_file(io, 0);
		if (r == -EIOCBQUEUED)
			return;
	} while (has_rest(io, r, &err));
	io->done(io, err);
}

static void wait_for_io(struct blk_io *io)
{
	if (io->unwanted(io)) {
		io->done(io, -EIO);
		return;
	}
	if (start_bdev(io))
		return;
	switch (io->op) {
	case BLK_OP_FLUSH:
		io->done(io, vfs_fsync(io->image->file, 1));
		return;
	case BLK_OP_READ:
	case BLK_OP_WRITE:
		wait_for_file(io);
		return;
	default:
		io->done(io, io->image->bdev ? change_bdev(io) : change_file(io));
	}
}

/* By the rights of who opened the image, and of the holder's memory. */
static void worker_io(struct kthread_work *work)
{
	struct blk_io *io = container_of(work, struct blk_io, work);
	const struct cred *cred = get_cred(io->image->file->f_cred), *own;
	struct mem_cgroup *memcg = get_mem_cgroup_from_mm(io->mm), *before;

	own = override_creds(cred);
	before = set_active_memcg(memcg);
	wait_for_io(io);	/* and @io is gone */
	set_active_memcg(before);
	revert_creds(own);
	mem_cgroup_put(memcg);
	put_cred(cred);
}

/* ---- 5. Starting ---------------------------------------------------------------- */

void blk_io_start(struct blk_io *io)
{
	struct block_device *bdev = io->image->bdev;
	bool moves = io->op == BLK_OP_READ || io->op == BLK_OP_WRITE;

	io->err = 0;
	io->moved = 0;
	io->nowait = bdev && io->image->nowait;
	if (io->nowait && start_bdev(io))
		return;
	if (bdev || !moves || !try_file(io))
		give_to_worker(io);
}
