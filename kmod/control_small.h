/* SPDX-License-Identifier: GPL-2.0-only */
/* Control of devices that are neither disk nor network interface, for control_dev.c. */
#ifndef DOMUS_CONTROL_SMALL_H
#define DOMUS_CONTROL_SMALL_H

#include <linux/types.h>
#include <net/netlink.h>

#include <uapi/linux/domus.h>

struct bus_device;
struct domus_domain;
struct netlink_ext_ack;
struct nlattr;
struct sk_buff;

/* Attributes of DEV_PORT in DEV_NEW, which control_dev.c's policy names. */
extern const struct nla_policy control_port_policy[DOMUS_A_PORT_MAX + 1];

/* The number of its kind, enum domus_dev_kind, by its type of VIRTIO. */
u32 control_small_kind(const struct bus_device *dev);

/**
 * control_small_new() - DEV_NEW
 * @d: named
 * @dev_attr: DEV; @tb: what it says, with a DEV_KIND
 *
 * Context: the asker's. Return: a device with one reference, or ERR_PTR; -EOPNOTSUPP:
 * no such kind.
 */
struct bus_device *control_small_new(const struct domus_domain *d,
				     const struct nlattr *dev_attr, struct nlattr **tb,
				     struct netlink_ext_ack *extack);

/*
 * DEV_SET, but for rates, which are refused here where nothing would obey them. Context:
 * process. Return: 0, or < 0 with a text.
 */
int control_small_set(struct bus_device *dev, struct nlattr **tb,
		      struct netlink_ext_ack *extack);

/* DEV_GET: what only such a device has. Return: 0, -EMSGSIZE. */
int control_small_put(struct sk_buff *msg, struct bus_device *dev);

#endif /* DOMUS_CONTROL_SMALL_H */
