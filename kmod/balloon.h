/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Memory that a guest gives back: the virtio memory balloon (VIRTIO 1.2, 5.5), with
 * free page reporting (5.5.6.7) and statistics (5.5.6.3).
 */
#ifndef DOMUS_BALLOON_H
#define DOMUS_BALLOON_H

#include <linux/types.h>

struct bus_device;
struct domus_domain;
struct netlink_ext_ack;

/* How long balloon_refresh() may wait for the guest, ms. */
#define BALLOON_REFRESH_MS	500

/**
 * balloon_new() - make a balloon, for bus_add()
 * @d: the domain that it will be plugged into, named: its memory is known
 * @reporting: the guest is offered to report free pages
 *
 * Context: process. Return: a device with one reference, or ERR_PTR(-ENOMEM).
 */
struct bus_device *balloon_new(const struct domus_domain *d, bool reporting);

/* Is it a balloon? */
bool balloon_is(const struct bus_device *dev);

/**
 * balloon_set() - say how much memory the guest is to go on with
 * @left: bytes, a multiple of 4 KiB
 *
 * The guest does what it can, in its time. Context: process.
 * Return: 0, -EINVAL (more than the domain has, or less than DOMUS_MEMORY_MIN).
 */
int balloon_set(struct bus_device *dev, u64 left, struct netlink_ext_ack *extack);

/*
 * Ask the guest for new statistics and wait for them, BALLOON_REFRESH_MS at most.
 * Context: process, killable. Return: 0, -EOPNOTSUPP (no driver, or it has none),
 * -ETIMEDOUT, -EINTR.
 */
int balloon_refresh(struct bus_device *dev);

/* Bytes: what the guest is to go on with, what it does, as it says. Any context. */
u64 balloon_target(const struct bus_device *dev);
u64 balloon_actual(const struct bus_device *dev);

/* Is reporting offered? */
bool balloon_reporting(const struct bus_device *dev);

#endif /* DOMUS_BALLOON_H */
