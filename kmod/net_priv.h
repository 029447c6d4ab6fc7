/* SPDX-License-Identifier: GPL-2.0-only */
/* What net.c, net_rx.c, net_tx.c and net_host.c share. */
#ifndef DOMUS_NET_PRIV_H
#define DOMUS_NET_PRIV_H

#include <linux/bvec.h>
#include <linux/completion.h>
#include <linux/netdevice.h>
#include <linux/spinlock.h>
#include <linux/u64_stats_sync.h>

#include "bus.h"
#include "net.h"

#define NET_VECS_MAX	20	/* pages of a guest's buffer */
#define NET_FRAME_MAX	(ETH_HLEN + 4 + 65535U)

/* A guest's buffer that frames are copied to, pinned. */
struct net_buf {
	u16 id;
	u16 nr;
	u32 len;
	struct bio_vec vecs[NET_VECS_MAX];
};

struct net_nic;

/*
 * The way from the host to the guest.
 * @lock: of what follows; taken with bottom halves off
 * @closed: no buffer is taken
 * @starved: a frame waits; @seen: @tail as it was then
 * @lean: one waited, and there were not many buffers since; @stalled: all the time of
 *	@stall: frames that find none are dropped
 * @bufs: a ring of @size, by free-running indices: from @used to @head a frame is
 *	in, they are to be unpinned; from @head to @tail they wait for one
 * @pinned: pages of them, of @charged to the holder; @tight: there can be no more now. By who
 *	holds the queue's pop lock, or the closer
 */
struct net_rx {
	struct net_nic *nic;
	spinlock_t lock;
	bool closed, starved, lean, stalled;
	struct timer_list stall;
	unsigned int size;
	unsigned int used, head, tail, seen;
	unsigned int pinned, charged;
	bool tight;
	struct net_buf *bufs;
};

/*
 * The way from the guest to the host.
 * @q: its queue
 * @frames: that NAPI is to take
 * @full: these were too many; when NAPI has taken enough the queue is kicked
 */
struct net_tx {
	struct napi_struct napi;
	struct bus_queue *q;
	struct sk_buff_head frames;
	bool full;
};

/* Of one direction of one pair; @syncp as of the kernel's. */
struct net_counters {
	u64_stats_t packets, bytes, dropped, errors;
	struct u64_stats_sync syncp;
};

/*
 * An interface. Pair i has queue 2 * i to the guest (rx) and 2 * i + 1 from it (tx); the
 * control queue is the last.
 * @link: all that have a host's end
 * @netdev: the host's end, whose private area points back
 * @active: pairs that the driver uses
 * @running: DRIVER_OK and not stopped; changed under the device's lock
 * @up: the host's end is up, as told in config space; changed by @link_work
 * @mergeable, @header: a frame may take several buffers; bytes before a frame
 * @link_work: brings features, carrier and config space in line with the two
 * @allowed: features of the host's end that the driver accepts; under rtnl; @takes: the
 *	same, from its first frame on
 * @told_mtu: as config space had it last; while @running it stays, and the host's end has
 *	no larger one; under the device's lock, read anywhere
 * @memlock: pages of the holder's that all who pin may pin, as it was when the driver came
 * @unregistered: the host's end is gone, with its namespace perhaps before the interface
 */
struct net_nic {
	struct bus_device dev;
	struct list_head link;
	struct net_device *netdev;
	u8 mac[ETH_ALEN];
	unsigned int pairs;
	unsigned int active;
	bool running, up;
	bool mergeable;
	struct work_struct link_work;
	netdev_features_t allowed, takes;
	unsigned int told_mtu;
	s64 memlock;
	struct completion unregistered;
	struct net_rx rx[NET_PAIRS_MAX];
	struct net_tx tx[NET_PAIRS_MAX];
	struct net_counters to_guest[NET_PAIRS_MAX], from_guest[NET_PAIRS_MAX];
	struct vring_seg *segs;
};

#define NET_SEGS_MAX	64	/* of a chain: as many as known drivers send */
#define NET_BUFS_MAX	64	/* that a frame may take */

static inline struct net_nic *nic_of(const struct bus_device *dev)
{
	return container_of(dev, struct net_nic, dev);
}

static inline struct net_nic *nic_of_netdev(struct net_device *netdev)
{
	return *(struct net_nic **)netdev_priv(netdev);
}

static inline void net_count(struct net_counters *c, u64_stats_t *what, u64 n, u64 bytes)
{
	u64_stats_update_begin(&c->syncp);
	u64_stats_add(what, n);
	u64_stats_add(&c->bytes, bytes);
	u64_stats_update_end(&c->syncp);
}

/* net.c */

/* The host's end went up or down, or the driver came. Any context. */
void net_link_changed(struct net_nic *n);

/* net_rx.c: to the guest */

/* Return: 0, -ENOMEM: net_rx_free() is next. */
int net_rx_init(struct net_nic *n, unsigned int pair, unsigned int size);
void net_rx_end(struct net_rx *rx);	/* the host's end is gone; process context */
void net_rx_free(struct net_rx *rx);	/* closed; process context */

/* Take what the guest posted. Queue's pop lock held, holder's process context. */
void net_rx_kick(struct net_nic *n, unsigned int pair);
/* Give all buffers back unused, take no more until the next kick or net_rx_open(). */
void net_rx_close(struct net_nic *n, unsigned int pair);	/* process context */
/* Unpin them. The queue is disabled, and its pop lock held. */
void net_rx_drained(struct net_nic *n, unsigned int pair);
void net_rx_open(struct net_nic *n, unsigned int pair);
/* ndo_start_xmit of the host's end */
netdev_tx_t net_rx_xmit(struct sk_buff *skb, struct net_device *netdev);

/* net_tx.c: from the guest */

void net_tx_init(struct net_nic *n, unsigned int pair);	/* before all others; any context */
void net_tx_purge(struct net_tx *tx);	/* nobody polls; process context */

/* Of the host's end that is to be registered; taken from it when it is freed. */
void net_tx_add_napi(struct net_nic *n);
/* The host's end goes up, down: frames are taken. Process context, rtnl held. */
void net_tx_open(struct net_nic *n);
void net_tx_close(struct net_nic *n);

/* Send what the guest wants sent. Queue's pop lock held, holder's process context. */
void net_tx_kick(struct net_nic *n, unsigned int pair);

/* net_host.c: the host's end */

/* Register a network device. Takes the rtnl lock. Return: 0, -EEXIST, -EINVAL, -ENOMEM. */
int net_host_add(struct net_nic *n, const struct net_params *p, struct netlink_ext_ack *extack);
/* Unregister it; n->netdev is freed with the interface. Takes the rtnl lock. */
void net_host_remove(struct net_nic *n);

/* What the host's stack may leave to a driver that accepts the @features. */
netdev_features_t net_host_takes(u64 features);

/* Offer the host's stack what the guest's driver accepts, and carrier. Takes the rtnl lock. */
void net_host_ready(struct net_nic *n, u64 features);

#endif /* DOMUS_NET_PRIV_H */
