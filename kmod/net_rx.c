// SPDX-License-Identifier: GPL-2.0-only
/*
 * From the host's stack to the guest.
 *
 *   1. buffers: taken and pinned when the guest posts them, since frames come in a
 *      context that cannot fault guest memory in
 *   2. frames: copied into them
 *
 * A pinned page is unpinned by the next kick, where it may be marked dirty. Kicks are
 * asked for when a quarter of the ring is new, so that a guest that refills one by one
 * does not call each time.
 *
 * A frame that finds no buffer waits in the host's queue, where it counts against the
 * socket that sent it. That may be one of the host for all guests (ICMP's, a name server's),
 * which a guest must not fill for good: it is lean from then on, until a quarter of its ring
 * has buffers again. After STALL of that, what finds none is dropped.
 *
 * What is pinned for so long counts against the holder's RLIMIT_MEMLOCK, with what others pin
 * of its memory. Where that is used up, buffers stay in the guest's ring until frames are
 * in others.
 */
#include <linux/mm.h>
#include <linux/virtio_net.h>

#include "domain.h"
#include "net_priv.h"

#define BUDGET	256	/* buffers of one kick */
#define STALL	(2 * HZ)	/* lean for so long, and frames are dropped */
#define STEP	160U		/* pages to be pinned are charged by so many */

/* a frame over as many buffers as it may take, each across two pages, must fit into one */
static_assert(STEP >= 2 * NET_BUFS_MAX + NET_VECS_MAX);

/* ---- 1. Buffers ----------------------------------------------------------------- */

static struct net_buf *buf_at(struct net_rx *rx, unsigned int i)
{
	return &rx->bufs[i & (rx->size - 1)];
}

/*
 * Are there pages left for a buffer, however large? By who holds the pop lock. The first STEP
 * is each queue's, whatever the limit is: with less, some frames would never come.
 */
static bool may_pin(const struct net_nic *n, struct net_rx *rx)
{
	atomic64_t *pinned = &n->dev.d->mm->pinned_vm;

	if (rx->pinned + NET_VECS_MAX <= rx->charged)
		return true;
	if (atomic64_add_return(STEP, pinned) > READ_ONCE(n->memlock) && rx->charged) {
		atomic64_sub(STEP, pinned);
		rx->tight = true;
		return false;
	}
	rx->charged += STEP;
	return true;
}

static void uncharge(struct net_rx *rx)
{
	/* before it is plugged it has no domain */
	if (rx->charged)
		atomic64_sub(rx->charged, &rx->nic->dev.d->mm->pinned_vm);
	rx->charged = 0;
}

static void unpin(struct net_buf *buf)
{
	unsigned int i;

	for (i = 0; i < buf->nr; i++) {
		set_page_dirty_lock(buf->vecs[i].bv_page);
		unpin_user_page(buf->vecs[i].bv_page);
	}
	buf->nr = 0;
}

/* What has a frame in it. Only who holds the pop lock, or the closer, moves @used. */
static void unpin_used(struct net_rx *rx)
{
	/* the frames are in before the index says so */
	unsigned int head = smp_load_acquire(&rx->head);

	while (rx->used != head) {
		rx->pinned -= buf_at(rx, rx->used)->nr;
		unpin(buf_at(rx, rx->used++));
	}
	if (!rx->pinned)
		uncharge(rx);
}

static int pin(struct net_nic *n, struct net_buf *buf, const struct vring_chain *chain)
{
	unsigned int i;
	int nr;

	buf->id = chain->id;
	buf->len = chain->in_len;
	buf->nr = 0;
	for (i = 0; i < chain->in; i++) {
		const struct vring_seg *seg = &chain->segs[chain->out + i];

		/* a frame may never come */
		nr = gmem_pin_bvecs(&n->dev.d->gmem, seg->gpa, seg->len,
				    FOLL_WRITE | FOLL_LONGTERM, buf->vecs + buf->nr,
				    NET_VECS_MAX - buf->nr);
		if (nr < 0)
			goto undo;
		buf->nr += nr;
	}
	return 0;
undo:
	unpin(buf);
	return nr;
}

/* Return: false: give it back. */
static bool publish(struct net_rx *rx, struct net_buf *buf)
{
	bool open;

	spin_lock_bh(&rx->lock);
	open = !rx->closed;
	if (open)
		WRITE_ONCE(rx->tail, rx->tail + 1);
	spin_unlock_bh(&rx->lock);
	return open;
}

static bool take_one(struct net_nic *n, struct bus_queue *q, struct net_rx *rx)
{
	struct vring_chain chain = { .segs = n->segs + q->nr * NET_SEGS_MAX,
				     .max = NET_SEGS_MAX };
	struct net_buf *buf = buf_at(rx, rx->tail);
	int err;

	if (rx->tail - rx->used == rx->size || !may_pin(n, rx) || bus_pop(q, &chain) <= 0)
		return false;
	if (chain.out || chain.in_len <= sizeof(struct virtio_net_hdr_mrg_rxbuf)) {
		bus_break(q->dev, "a receive buffer that nothing fits into");
		bus_push(q, chain.id, 0);
		return false;
	}
	err = pin(n, buf, &chain);
	if (err == -ENOMEM) {
		/* the host's fault: too short for a frame, which drivers count, and go on */
		bus_push(q, chain.id, 0);
		return true;
	}
	if (err) {
		bus_break(q->dev, "a receive buffer outside of memory, or of too many pages");
		bus_push(q, chain.id, 0);
		return false;
	}
	rx->pinned += buf->nr;
	if (publish(rx, buf))
		return true;
	rx->pinned -= buf->nr;
	unpin(buf);
	bus_push(q, chain.id, 0);
	return false;
}

/*
 * A frame that found no buffers waits until there are others than it saw; one that
 * came too early for the rate until that has changed.
 */
static void wake(struct net_nic *n, struct net_rx *rx, unsigned int pair)
{
	const struct bus_queue *q = &n->dev.queues[2 * pair];
	bool go;

	spin_lock_bh(&rx->lock);
	go = !rx->starved || rx->tail != rx->seen;
	if (go)
		WRITE_ONCE(rx->starved, false);
	if (rx->tight || rx->tail - rx->head >= q->ring.c.size / 4) {
		rx->lean = false;
		rx->stalled = false;
	}
	spin_unlock_bh(&rx->lock);
	if (go)
		netif_wake_subqueue(n->netdev, pair);
}

void net_rx_kick(struct net_nic *n, unsigned int pair)
{
	struct bus_queue *q = &n->dev.queues[2 * pair];
	struct net_rx *rx = &n->rx[pair];
	unsigned int budget = BUDGET;
	bool starved;

	/* closed when the guest took the queue down: it is up again */
	if (READ_ONCE(rx->closed))
		net_rx_open(n, pair);
	unpin_used(rx);
	rx->tight = false;
	do {
		while (budget && take_one(n, q, rx))
			budget--;
		if (!budget) {
			bus_queue_work(q);
			break;
		}
		starved = READ_ONCE(rx->starved);
	} while (rx->tail - rx->used != rx->size && !rx->tight && !bus_stalled(q) &&
		 vring_kicks_on_after(&q->ring, starved ? 0 : q->ring.c.size / 4));
	wake(n, rx, pair);
}

/* Softirq. */
static void stall(struct timer_list *timer)
{
	struct net_rx *rx = from_timer(rx, timer, stall);
	bool stalled;

	spin_lock(&rx->lock);
	stalled = rx->lean;
	rx->stalled = stalled;
	spin_unlock(&rx->lock);
	if (stalled)
		netif_wake_subqueue(rx->nic->netdev, rx - rx->nic->rx);
}

/* rx->lock held. Return: 0: the frame is to wait, < 0: it has waited enough. */
static int starve(struct net_rx *rx)
{
	lockdep_assert_held(&rx->lock);
	if (rx->stalled)
		return -ENOBUFS;
	WRITE_ONCE(rx->starved, true);
	rx->seen = rx->tail;
	if (!rx->lean)
		mod_timer(&rx->stall, jiffies + STALL);
	rx->lean = true;
	return 0;
}

int net_rx_init(struct net_nic *n, unsigned int pair, unsigned int size)
{
	struct net_rx *rx = &n->rx[pair];

	spin_lock_init(&rx->lock);
	timer_setup(&rx->stall, stall, 0);
	rx->nic = n;
	rx->closed = true;
	rx->size = size;
	rx->bufs = kvcalloc(size, sizeof(*rx->bufs), GFP_KERNEL_ACCOUNT);
	return rx->bufs ? 0 : -ENOMEM;
}

void net_rx_end(struct net_rx *rx)
{
	del_timer_sync(&rx->stall);
}

void net_rx_free(struct net_rx *rx)
{
	if (rx->bufs)
		unpin_used(rx);
	kvfree(rx->bufs);
}

void net_rx_open(struct net_nic *n, unsigned int pair)
{
	spin_lock_bh(&n->rx[pair].lock);
	WRITE_ONCE(n->rx[pair].closed, false);
	WRITE_ONCE(n->rx[pair].starved, false);
	n->rx[pair].lean = false;
	n->rx[pair].stalled = false;
	spin_unlock_bh(&n->rx[pair].lock);
}

void net_rx_close(struct net_nic *n, unsigned int pair)
{
	struct bus_queue *q = &n->dev.queues[2 * pair];
	struct net_rx *rx = &n->rx[pair];
	unsigned int head, tail;

	spin_lock_bh(&rx->lock);
	WRITE_ONCE(rx->closed, true);
	head = rx->head;
	tail = rx->tail;
	WRITE_ONCE(rx->head, tail);
	spin_unlock_bh(&rx->lock);
	/* unpinned when the queue is drained */
	for (; head != tail; head++)
		bus_push(q, buf_at(rx, head)->id, 0);
}

void net_rx_drained(struct net_nic *n, unsigned int pair)
{
	lockdep_assert_held(&n->dev.queues[2 * pair].pop);
	unpin_used(&n->rx[pair]);
}

/* ---- 2. Frames -------------------------------------------------------------------- */

/* A place in a row of buffers. */
struct cursor {
	struct net_rx *rx;
	unsigned int buf, vec, offset;
};

static void *cursor_at(struct cursor *c, u32 *room)
{
	struct net_buf *buf = buf_at(c->rx, c->buf);
	struct bio_vec *v;

	if (c->vec == buf->nr) {
		c->vec = 0;
		buf = buf_at(c->rx, ++c->buf);
	}
	v = &buf->vecs[c->vec];
	*room = v->bv_len - c->offset;
	return page_address(v->bv_page) + v->bv_offset + c->offset;
}

static void cursor_skip(struct cursor *c, u32 len, u32 room)
{
	c->offset += len;
	if (len == room) {
		c->offset = 0;
		c->vec++;
	}
}

static int put_frame(struct cursor *c, const void *hdr, const struct sk_buff *skb)
{
	u32 left = sizeof(struct virtio_net_hdr_mrg_rxbuf), done = 0, n, room;
	void *to;

	for (; left; left -= n, hdr += n) {
		to = cursor_at(c, &room);
		n = min(left, room);
		memcpy(to, hdr, n);
		cursor_skip(c, n, room);
	}
	for (left = skb->len; left; left -= n, done += n) {
		to = cursor_at(c, &room);
		n = min(left, room);
		if (skb_copy_bits(skb, done, to, n))
			return -EFAULT;
		cursor_skip(c, n, room);
	}
	return 0;
}

/*
 * How many buffers does the frame need, of @max that there can be? rx->lock held.
 * Return: 0: so many are not there, < 0: it will never fit.
 */
static int count_bufs(struct net_rx *rx, u32 len, struct vring_done *used, unsigned int max)
{
	unsigned int i;

	for (i = 0; i < max && rx->head + i != rx->tail; i++) {
		struct net_buf *buf = buf_at(rx, rx->head + i);

		used[i].id = buf->id;
		used[i].written = min(len, buf->len);
		len -= used[i].written;
		if (!len)
			return i + 1;
	}
	return i == max ? -EMSGSIZE : 0;
}

/*
 * Does the driver take such a frame? The driver before it may have, by which the host's
 * end still goes. That a frame is of another guest (SKB_GSO_DODGY) is for the host's stack,
 * which has looked at it.
 */
static bool is_taken(const struct net_nic *n, const struct sk_buff *skb)
{
	if (skb_is_gso(skb) &&
	    !net_gso_ok(n->takes, skb_shinfo(skb)->gso_type & ~SKB_GSO_DODGY))
		return false;
	return skb->ip_summed != CHECKSUM_PARTIAL || n->takes & NETIF_F_HW_CSUM;
}

/* rx->lock held. Return: buffers used, 0: none are there, < 0: drop it. */
static int frame_to_bufs(struct net_nic *n, struct net_rx *rx, const struct vring_host *ring,
			 const struct sk_buff *skb, struct vring_done *used)
{
	struct virtio_net_hdr_mrg_rxbuf hdr;
	struct cursor at = { .rx = rx, .buf = rx->head };
	unsigned int max = 1;
	int nr, err;

	if (rx->closed)
		return -ENETDOWN;
	if (!is_taken(n, skb))
		return -EPROTO;
	if (n->mergeable)
		max = min(NET_BUFS_MAX + 0U, READ_ONCE(ring->c.size));
	nr = count_bufs(rx, skb->len + sizeof(hdr), used, max);
	if (!nr)
		nr = starve(rx);
	if (nr <= 0)
		return nr;
	/* without GUEST_CSUM no flag is known to the driver (5.1.6.4.1) */
	err = virtio_net_hdr_from_skb(skb, &hdr.hdr, true, n->takes & NETIF_F_HW_CSUM, 0);
	if (err)
		return err;
	hdr.num_buffers = (__force __virtio16)(u16)nr;
	err = put_frame(&at, &hdr, skb);
	if (err)
		return err;
	/* the frame, before the index */
	smp_store_release(&rx->head, rx->head + nr);
	return nr;
}

netdev_tx_t net_rx_xmit(struct sk_buff *skb, struct net_device *netdev)
{
	struct net_nic *n = nic_of_netdev(netdev);
	unsigned int pair = skb_get_queue_mapping(skb);
	struct bus_queue *q = &n->dev.queues[2 * pair];
	struct vring_done used[NET_BUFS_MAX];
	struct net_rx *rx = &n->rx[pair];
	int nr;

	/* stopped before: when there are tokens again the worker wakes it */
	netif_stop_subqueue(netdev, pair);
	if (bus_rate_over(&n->dev.rate))
		return NETDEV_TX_BUSY;
	spin_lock(&rx->lock);
	nr = frame_to_bufs(n, rx, &q->ring, skb, used);
	spin_unlock(&rx->lock);
	if (!nr) {
		/* the worker looks whether there are buffers by now, and wakes it */
		bus_queue_work(q);
		return NETDEV_TX_BUSY;
	}
	netif_start_subqueue(netdev, pair);
	if (nr < 0) {
		net_count(&n->to_guest[pair], &n->to_guest[pair].dropped, 1, 0);
		dev_kfree_skb_any(skb);
		return NETDEV_TX_OK;
	}
	skb_tx_timestamp(skb);
	bus_push_many(q, used, nr);
	bus_rate_charge(&n->dev.rate, skb->len);
	net_count(&n->to_guest[pair], &n->to_guest[pair].packets, 1, skb->len);
	/* before none are left: the guest was asked to kick late */
	if (READ_ONCE(rx->tail) - READ_ONCE(rx->head) < rx->size / 4 && !netdev_xmit_more())
		bus_queue_work(q);
	dev_consume_skb_any(skb);
	return NETDEV_TX_OK;
}
