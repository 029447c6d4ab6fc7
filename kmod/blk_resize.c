// SPDX-License-Identifier: GPL-2.0-only
/*
 * A disk that is a file gets another size.
 *
 * Its file system may take as long as it likes, for ever if a process serves it, and who
 * asks holds a lock of all of generic netlink meanwhile. So a thread does it, by the
 * asker's rights, and he waits for a moment; what comes later is told to the guest all
 * the same. One at a time for each disk, so that the threads are bounded.
 */
#include <linux/blk_types.h>
#include <linux/completion.h>
#include <linux/cred.h>
#include <linux/err.h>
#include <linux/fs.h>
#include <linux/jiffies.h>
#include <linux/kthread.h>
#include <linux/module.h>
#include <linux/netlink.h>
#include <linux/refcount.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>

#include "blk.h"
#include "blk_image.h"
#include "bus.h"

#define PATIENCE	HZ

/*
 * @users: the asker and the thread
 * @size: bytes
 * @extack: what the thread has to say, for the asker, who may be gone
 */
struct resize {
	refcount_t users;
	struct completion done;
	struct bus_device *dev;
	const struct cred *cred;
	u64 size;
	struct netlink_ext_ack extack;
	int err;
};

static void resize_put(struct resize *r)
{
	if (!refcount_dec_and_test(&r->users))
		return;
	put_cred(r->cred);
	bus_put(r->dev);
	kfree(r);
}

static void resize_file(struct resize *r)
{
	r->err = vfs_truncate(&blk_file(r->dev)->f_path, r->size);
	if (r->err == -EFBIG || r->err == -EINVAL)
		NL_SET_ERR_MSG(&r->extack, "size: more than the file system can do");
	else if (r->err)
		NL_SET_ERR_MSG(&r->extack, "size: the file cannot be given another one");
	if (r->err)
		return;
	r->err = blk_resize(r->dev, &r->extack);
}

static int resize_thread(void *arg)
{
	struct resize *r = arg;
	const struct cred *own = override_creds(r->cred);

	resize_file(r);
	revert_creds(own);
	blk_resize_end(r->dev);
	complete(&r->done);
	resize_put(r);
	module_put_and_kthread_exit(0);
}

static const char *refusal(const struct bus_device *dev, u64 size, int *err,
			   struct netlink_ext_ack *extack)
{
	*err = -EINVAL;
	if (!S_ISREG(file_inode(blk_file(dev))->i_mode))
		return "size: only that of a file can be set";
	if (size & (SECTOR_SIZE - 1))
		return "size: no multiple of 512 bytes";
	if (!size || size % blk_block(dev)) {
		blk_image_say_sizes(size, blk_block(dev), extack);
		return "size: 0, or no multiple of the disk's block size";
	}
	/* who wants the disk smaller knows what it has; what the host has added he may not */
	if (size >= blk_size(dev) && size < i_size_read(file_inode(blk_file(dev))))
		return "size: the file has more by now: resize without a size takes it";
	*err = -EFBIG;
	if (size > rlimit(RLIMIT_FSIZE))	/* the thread has none */
		return "size: more than the asker's limit for files (RLIMIT_FSIZE)";
	*err = -EROFS;
	if (blk_flags(dev) & DOMUS_DEV_FLAG_READONLY)
		return "size: the disk is read-only";
	*err = -EBUSY;
	if (!blk_resize_begin(dev))
		return "size: the file system has not answered the last one yet";
	return NULL;
}

static struct resize *resize_new(struct bus_device *dev, u64 size)
{
	struct resize *r = kzalloc(sizeof(*r), GFP_KERNEL_ACCOUNT);

	if (!r)
		return NULL;
	refcount_set(&r->users, 2);
	init_completion(&r->done);
	kref_get(&dev->ref);
	r->dev = dev;
	r->cred = get_current_cred();
	r->size = size;
	return r;
}

/* The thread's own reference on the module ends with its last instruction. */
static int resize_start(struct resize *r)
{
	struct task_struct *thread;

	__module_get(THIS_MODULE);
	thread = kthread_run(resize_thread, r, "domus-resize");
	if (!IS_ERR(thread))
		return 0;
	module_put(THIS_MODULE);
	return PTR_ERR(thread);
}

int blk_set_size(struct bus_device *dev, u64 size, struct netlink_ext_ack *extack)
{
	struct resize *r;
	const char *why;
	int err;

	why = refusal(dev, size, &err, extack);
	if (why) {
		extack->_msg = why;
		return err;
	}
	err = -ENOMEM;
	r = resize_new(dev, size);
	if (r)
		err = resize_start(r);
	if (err) {
		blk_resize_end(dev);
		if (r) {
			resize_put(r);	/* the thread's */
			resize_put(r);
		}
		return err;
	}
	if (wait_for_completion_killable_timeout(&r->done, PATIENCE) > 0) {
		err = r->err;
		*extack = r->extack;
	} else {
		err = -EINPROGRESS;
		NL_SET_ERR_MSG(extack,
			       "size: the file system has not answered: it changes when it does");
	}
	resize_put(r);
	return err;
}
