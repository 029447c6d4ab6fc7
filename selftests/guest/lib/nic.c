// SPDX-License-Identifier: GPL-2.0-only
/* A driver for network interfaces. */
#include "nic.h"

#define RX	0
#define TX	1
#define NONE	(-1)

/* Buffers and descriptors go together: the one of a descriptor is always the same. */
static void post(struct nic *n)
{
	struct piece piece = { n->rx_buffers[n->rx.free], sizeof(struct nic_buffer), true };

	ring_add(&n->rx, &piece, 1);
}

bool nic_open(struct nic *n)
{
	unsigned int i;

	if (!dev_open(&n->dev, 1UL << VIRTIO_NET_F_MAC | 1UL << VIRTIO_NET_F_STATUS |
			       1UL << VIRTIO_RING_F_EVENT_IDX) ||
	    !ring_open(&n->rx, &n->dev, RX, NIC_DEPTH) ||
	    !ring_open(&n->tx, &n->dev, TX, NIC_DEPTH))
		return false;
	if (!n->tx_buffer) {
		n->tx_buffer = page_alloc();
		for (i = 0; i < NIC_DEPTH; i++)
			n->rx_buffers[i] = page_alloc();
	}
	if (!dev_go(&n->dev))
		return false;
	for (i = 0; i < n->rx.size; i++)
		post(n);
	ring_kick(&n->rx);
	return nic_link(n) || dev_status(&n->dev) > 0;
}

bool nic_link(struct nic *n)
{
	u32 bytes = offsetof(struct virtio_net_config, max_virtqueue_pairs);

	return dev_config(&n->dev, 0, &n->config, bytes) &&
	       n->config.status & VIRTIO_NET_S_LINK_UP;
}

bool nic_send(struct nic *n, const void *frame, u32 bytes)
{
	struct piece piece = { n->tx_buffer, sizeof(n->tx_buffer->hdr) + bytes, false };
	const u8 *from = frame;
	u32 i;

	n->tx_buffer->hdr = (struct virtio_net_hdr_v1){ .gso_type = VIRTIO_NET_HDR_GSO_NONE };
	for (i = 0; i < bytes; i++)
		n->tx_buffer->frame[i] = from[i];
	if (ring_add(&n->tx, &piece, 1) < 0)
		return false;
	ring_kick(&n->tx);
	return ring_wait(&n->tx, NULL) >= 0;
}

u32 nic_receive(struct nic *n, const u8 **frame)
{
	u32 written;
	int nr;

	/* what the last call gave goes back */
	while (n->rx.nr_free)
		post(n);
	ring_kick(&n->rx);
	nr = ring_wait(&n->rx, &written);
	if (nr < 0 || written < sizeof(struct virtio_net_hdr_v1))
		return 0;
	*frame = n->rx_buffers[nr]->frame;
	return written - sizeof(struct virtio_net_hdr_v1);
}
