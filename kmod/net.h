/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Network interfaces: the virtio network device (VIRTIO 1.2, 5.1), whose other end is
 * a network device of the host.
 */
#ifndef DOMUS_NET_H
#define DOMUS_NET_H

#include <linux/if_ether.h>
#include <linux/types.h>

struct bus_device;
struct net;
struct netlink_ext_ack;

#define NET_PAIRS_MAX		8
#define NET_QUEUE_SIZE		256	/* unless asked for */
#define NET_QUEUE_SIZE_MIN	16
#define NET_MTU_MIN		68
#define NET_MTU_MAX		65535
#define NET_MTU			1500	/* unless asked for */

/**
 * struct net_params
 * @net: where the host's end is made
 * @ifname: its name; may have one "%d", for which the first free number is put
 * @mac: of the guest's end
 * @pairs: of queues, 1 to NET_PAIRS_MAX
 * @queue_size: a power of two, NET_QUEUE_SIZE_MIN to VRING_SIZE_MAX
 * @mtu: NET_MTU_MIN to NET_MTU_MAX
 */
struct net_params {
	struct net *net;
	const char *ifname;
	u8 mac[ETH_ALEN];
	unsigned int pairs, queue_size, mtu;
};

/**
 * net_new() - make an interface, for bus_add()
 * @p: range checked
 *
 * The host's end is there when it returns, down and without carrier. The caller has
 * CAP_NET_ADMIN in @net's user namespace. Context: process, takes the rtnl lock.
 * Return: a device with one reference, or ERR_PTR: -EEXIST (name), -EINVAL (name, or
 * no address of a station), -ENOMEM. Given back by net_discard() if it is never added.
 */
struct bus_device *net_new(const struct net_params *p, struct netlink_ext_ack *extack);

/* Give back what was never added. Context: process, takes the rtnl lock. */
void net_discard(struct bus_device *dev);

/* Is it a network interface? */
bool net_is(const struct bus_device *dev);

/* Of one: the host's end; the guest's address. Context: process. */
int net_ifindex(const struct bus_device *dev);
const u8 *net_mac(const struct bus_device *dev);

/* The name that the host's end has now, IFNAMSIZ bytes, and its MTU. Context: process. */
void net_host_name(const struct bus_device *dev, char *name, unsigned int *mtu);

#endif /* DOMUS_NET_H */
