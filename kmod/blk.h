/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Disks: the virtio block device (VIRTIO 1.2, 5.2) on a file or block device.
 */
#ifndef DOMUS_BLK_H
#define DOMUS_BLK_H

#include <linux/types.h>

#include <uapi/linux/domus.h>

struct bus_device;
struct file;
struct netlink_ext_ack;

#define BLK_QUEUES_MAX		DOMUS_DEV_QUEUES_MAX
#define BLK_QUEUE_SIZE		256	/* unless asked for */
#define BLK_QUEUE_SIZE_MIN	2

/**
 * struct blk_params - what a disk is made of
 * @file: an open block device or regular file; readable, and writable unless @readonly
 * @readonly: the guest cannot write
 * @shared: although another domain has the image, shared as well
 * @forced: although another domain has the image, shared or not
 * @writethrough: no write is done before it is on stable storage
 * @serial: at most DOMUS_DEV_SERIAL_MAX bytes, or NULL
 * @queues: 1 to BLK_QUEUES_MAX
 * @queue_size: a power of two, BLK_QUEUE_SIZE_MIN to VRING_SIZE_MAX
 */
struct blk_params {
	struct file *file;
	bool readonly, shared, forced, writethrough;
	const char *serial;
	unsigned int queues, queue_size;
};

/**
 * blk_new() - make a disk, for bus_add()
 * @p: range checked
 * @extack: the text of a refusal
 *
 * Takes its own reference on the file. Context: process.
 * Return: a device with one reference, or ERR_PTR: -EBUSY (in use: another domain,
 * mounted), -EINVAL (neither file nor block device, size no multiple of 512 bytes or
 * 0), -EBADF (not open for what is wanted), -EROFS, -ENOMEM.
 */
struct bus_device *blk_new(const struct blk_params *p, struct netlink_ext_ack *extack);

/* Is it a disk? */
bool blk_is(const struct bus_device *dev);

/*
 * Take the size that the backing has now, and tell the guest. Context: process.
 * Return: 0, -EINVAL (no multiple of 512 bytes, or 0: nothing changed).
 */
int blk_resize(struct bus_device *dev, struct netlink_ext_ack *extack);

/**
 * blk_set_size() - give the file behind a disk another size, by the asker's rights
 * @size: bytes, any value
 *
 * Context: process; waits a second at most. Return: 0; -EINVAL (no file, no multiple of
 * 512 bytes, nothing that the file system can do), -EROFS, -EBUSY (one is under way),
 * -ENOMEM, what the file system says; -EINPROGRESS: it changes later, or not.
 */
int blk_set_size(struct bus_device *dev, u64 size, struct netlink_ext_ack *extack);

/* One change of the size at a time. Return: false: another is under way. Any context. */
bool blk_resize_begin(const struct bus_device *dev);
void blk_resize_end(const struct bus_device *dev);

/* Of a disk: bytes; bytes of a block; serial number, not NULL; DOMUS_DEV_FLAG_*. Any context. */
u64 blk_size(const struct bus_device *dev);
u32 blk_block(const struct bus_device *dev);
const char *blk_serial(const struct bus_device *dev);
u32 blk_flags(const struct bus_device *dev);

/* Of a disk: its image, for as long as the caller has the device. Any context. */
struct file *blk_file(const struct bus_device *dev);

#endif /* DOMUS_BLK_H */
