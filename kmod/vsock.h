/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Sockets between guest and host: the virtio socket device (VIRTIO 1.2, 5.10) in front of
 * the host's own vhost-vsock. The holder drives that one, see DOMUS_IOC_VHOST; packets
 * move between its worker and the guest's rings without us.
 */
#ifndef DOMUS_VSOCK_H
#define DOMUS_VSOCK_H

#include <linux/types.h>

#include <uapi/linux/domus.h>

struct bus_device;
struct domus_domain;
struct netlink_ext_ack;

/**
 * struct vsock_params
 * @cid: of the guest, as vhost-vsock has taken it
 * @features: what vhost-vsock offers
 * @fds: eventfds of the asker: two kicks, two calls (receive and transmit queue), errors
 */
struct vsock_params {
	u64 cid;
	u64 features;
	u32 fds[DOMUS_DEV_EVENTFDS];
};

/**
 * vsock_new() - make a socket device, for bus_add()
 *
 * Takes references of its own. Context: the asker's. Return: a device with one reference,
 * or ERR_PTR: -EBADF, -EINVAL (no eventfd), -ENOMEM.
 */
struct bus_device *vsock_new(const struct vsock_params *p, struct netlink_ext_ack *extack);

/* Is it a socket device? Its CID. */
bool vsock_is(const struct bus_device *dev);
u64 vsock_cid(const struct bus_device *dev);

/*
 * DOMUS_IOC_VHOST: @v: in: what the holder has done, out: what it is to do; waits until
 * there is something. Context: process of the holder, interruptible.
 * Return: 0, -ENODEV (no such device, or not any more), -ESHUTDOWN (dead), -ERESTARTSYS.
 */
int vsock_wait(struct domus_domain *d, struct domus_vhost *v);

#endif /* DOMUS_VSOCK_H */
