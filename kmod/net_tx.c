// SPDX-License-Identifier: GPL-2.0-only
/*
 * From the guest to the host's stack.
 *
 *   1. frames become socket buffers in the vCPU's own thread, whose time it is
 *   2. NAPI takes them from there, as it does from any NIC: with GRO, its budget, and in
 *      threads of its own where the host's administrator wants that
 *   3. the queue
 *
 * What NAPI has not taken yet is bounded: then frames stay with the guest.
 */
#include <linux/err.h>
#include <linux/etherdevice.h>
#include <linux/virtio_net.h>

#include "domain.h"
#include "net_priv.h"

#define BUDGET		128	/* frames of one kick */
#define LINEAR		256	/* bytes of a large frame that are not in pages */
#define SMALL		2048	/* bytes of a frame that has no pages */
#define WAITING_MAX	512	/* frames that NAPI has not taken yet */

/* ---- 1. Frames ---------------------------------------------------------------------- */

static struct sk_buff *new_skb(struct net_nic *n, u32 len)
{
	struct sk_buff *skb;
	int err;

	if (len <= SMALL) {
		skb = netdev_alloc_skb_ip_align(n->netdev, len);
		if (skb)
			skb_put(skb, len);
		return skb;
	}
	skb = alloc_skb_with_frags(NET_SKB_PAD + NET_IP_ALIGN + LINEAR, len - LINEAR,
				   PAGE_ALLOC_COSTLY_ORDER, &err, GFP_KERNEL_ACCOUNT);
	if (!skb)
		return NULL;
	skb_reserve(skb, NET_SKB_PAD + NET_IP_ALIGN);
	skb_put(skb, LINEAR);
	skb->data_len = len - LINEAR;
	skb->len += len - LINEAR;
	skb->dev = n->netdev;
	return skb;
}

static int fill_skb(struct bus_queue *q, const struct vring_chain *chain, struct sk_buff *skb)
{
	u32 offset = sizeof(struct virtio_net_hdr_mrg_rxbuf), left = skb->data_len, n;
	unsigned int i;

	if (bus_read_chain(q, chain, offset, skb->data, skb_headlen(skb)))
		return -EFAULT;
	offset += skb_headlen(skb);
	for (i = 0; left; i++) {
		skb_frag_t *frag = &skb_shinfo(skb)->frags[i];

		n = min_t(u32, left, skb_frag_size(frag));
		if (bus_read_chain(q, chain, offset, skb_frag_address(frag), n))
			return -EFAULT;
		skb_frag_size_set(frag, n);
		offset += n;
		left -= n;
	}
	return 0;
}

/*
 * Offloads only as agreed upon: of the others some would have the host make a great many
 * frames out of one (UFO, which is never offered).
 */
static bool offloads_agreed(const struct net_nic *n, const struct virtio_net_hdr *hdr)
{
	u64 needs = 0;

	if (hdr->flags & VIRTIO_NET_HDR_F_NEEDS_CSUM)
		needs |= BIT_ULL(VIRTIO_NET_F_CSUM);
	switch (hdr->gso_type & ~VIRTIO_NET_HDR_GSO_ECN) {
	case VIRTIO_NET_HDR_GSO_NONE:
		break;
	case VIRTIO_NET_HDR_GSO_TCPV4:
		needs |= BIT_ULL(VIRTIO_NET_F_HOST_TSO4);
		break;
	case VIRTIO_NET_HDR_GSO_TCPV6:
		needs |= BIT_ULL(VIRTIO_NET_F_HOST_TSO6);
		break;
	default:
		return false;
	}
	if (hdr->gso_type & VIRTIO_NET_HDR_GSO_ECN)
		needs |= BIT_ULL(VIRTIO_NET_F_HOST_ECN);
	return !(needs & ~n->dev.features);
}

/* Return: a frame for the host's stack, or ERR_PTR. */
static struct sk_buff *frame_from_chain(struct net_nic *n, struct bus_queue *q,
					const struct vring_chain *chain)
{
	struct virtio_net_hdr_mrg_rxbuf hdr;
	u32 len = chain->out_len - sizeof(hdr);
	struct sk_buff *skb;
	int err;

	if (chain->out_len < sizeof(hdr) + ETH_HLEN || len > NET_FRAME_MAX)
		return ERR_PTR(-EINVAL);
	if (bus_read_chain(q, chain, 0, &hdr, sizeof(hdr)))
		return ERR_PTR(-EFAULT);
	if (!offloads_agreed(n, &hdr.hdr))
		return ERR_PTR(-EINVAL);
	skb = new_skb(n, len);
	if (!skb)
		return ERR_PTR(-ENOMEM);
	err = fill_skb(q, chain, skb);
	if (!err)
		err = virtio_net_hdr_to_skb(skb, &hdr.hdr, true);
	if (err) {
		kfree_skb(skb);
		return ERR_PTR(err);
	}
	skb->protocol = eth_type_trans(skb, n->netdev);
	skb_reset_network_header(skb);
	skb_probe_transport_header(skb);
	skb_record_rx_queue(skb, (q->nr - 1) / 2);
	return skb;
}

/* Return: a frame, or NULL: it was counted as lost. */
static struct sk_buff *tx_one(struct net_nic *n, struct bus_queue *q,
			      const struct vring_chain *chain)
{
	struct net_counters *c = &n->from_guest[q->nr / 2];
	struct sk_buff *skb = ERR_PTR(-ENETDOWN);

	if (netif_running(n->netdev))
		skb = frame_from_chain(n, q, chain);
	bus_rate_charge(&n->dev.rate, chain->out_len);
	local_bh_disable();
	if (!IS_ERR(skb))
		net_count(c, &c->packets, 1, skb->len);
	else if (PTR_ERR(skb) == -ENOMEM || PTR_ERR(skb) == -ENETDOWN)
		net_count(c, &c->dropped, 1, 0);
	else
		net_count(c, &c->errors, 1, 0);
	local_bh_enable();
	return IS_ERR(skb) ? NULL : skb;
}

/* ---- 2. NAPI ---------------------------------------------------------------------------- */

static int poll(struct napi_struct *napi, int budget)
{
	struct net_tx *tx = container_of(napi, struct net_tx, napi);
	struct sk_buff *skb;
	int done = 0;

	while (done < budget) {
		skb = skb_dequeue(&tx->frames);
		if (!skb)
			break;
		napi_gro_receive(napi, skb);
		done++;
	}
	smp_mb();	/* too_many() sets it before it looks at the length again */
	if (READ_ONCE(tx->full) && skb_queue_len_lockless(&tx->frames) < WAITING_MAX / 2) {
		WRITE_ONCE(tx->full, false);
		bus_queue_work(tx->q);
	}
	/* what comes from here on schedules it again */
	if (done < budget)
		napi_complete_done(napi, done);
	return done;
}

void net_tx_init(struct net_nic *n, unsigned int pair)
{
	skb_queue_head_init(&n->tx[pair].frames);
}

void net_tx_purge(struct net_tx *tx)
{
	skb_queue_purge(&tx->frames);
}

void net_tx_add_napi(struct net_nic *n)
{
	unsigned int i;

	for (i = 0; i < n->pairs; i++) {
		n->tx[i].q = &n->dev.queues[2 * i + 1];
		netif_napi_add(n->netdev, &n->tx[i].napi, poll);
	}
}

void net_tx_open(struct net_nic *n)
{
	unsigned int i;

	for (i = 0; i < n->pairs; i++) {
		struct net_tx *tx = &n->tx[i];

		napi_enable(&tx->napi);
		/* kicks may have seen it up before, and filled it */
		WRITE_ONCE(tx->full, false);
		local_bh_disable();
		napi_schedule(&tx->napi);
		local_bh_enable();
		bus_queue_work(tx->q);
	}
}

void net_tx_close(struct net_nic *n)
{
	unsigned int i;

	for (i = 0; i < n->pairs; i++) {
		napi_disable(&n->tx[i].napi);
		net_tx_purge(&n->tx[i]);
		WRITE_ONCE(n->tx[i].full, false);
		bus_queue_work(n->tx[i].q);
	}
}

static void deliver(struct net_tx *tx, struct sk_buff_head *frames)
{
	if (skb_queue_empty(frames))
		return;
	local_bh_disable();
	spin_lock(&tx->frames.lock);
	skb_queue_splice_tail_init(frames, &tx->frames);
	spin_unlock(&tx->frames.lock);
	napi_schedule(&tx->napi);
	/* polled here and now, unless a thread does it */
	local_bh_enable();
}

/* ---- 3. The queue ------------------------------------------------------------------- */

/* Return: true: NAPI has the queue kicked when it has taken enough. */
static bool too_many(struct net_tx *tx)
{
	if (skb_queue_len_lockless(&tx->frames) < WAITING_MAX)
		return false;
	WRITE_ONCE(tx->full, true);
	smp_mb();	/* poll() has them the other way round */
	return skb_queue_len_lockless(&tx->frames) >= WAITING_MAX / 2;
}

void net_tx_kick(struct net_nic *n, unsigned int pair)
{
	struct net_tx *tx = &n->tx[pair];
	struct bus_queue *q = tx->q;
	struct vring_chain chain = { .segs = n->segs + q->nr * NET_SEGS_MAX,
				     .max = NET_SEGS_MAX };
	unsigned int budget = BUDGET, nr = 0;
	struct vring_done used[16];
	struct sk_buff_head frames;
	struct sk_buff *skb;

	__skb_queue_head_init(&frames);
	vring_kicks_off(&q->ring);
	do {
		if (too_many(tx))
			return;
		while (budget && bus_pop(q, &chain) > 0) {
			budget--;
			skb = tx_one(n, q, &chain);
			if (skb)
				__skb_queue_tail(&frames, skb);
			used[nr++] = (struct vring_done){ chain.id, 0 };
			if (nr == ARRAY_SIZE(used)) {
				bus_push_many(q, used, nr);
				nr = 0;
				deliver(tx, &frames);
			}
		}
		if (nr)
			bus_push_many(q, used, nr);
		nr = 0;
		deliver(tx, &frames);
		if (!budget) {
			bus_queue_work(q);
			break;
		}
	} while (vring_kicks_on(&q->ring) && !bus_stalled(q));
}
