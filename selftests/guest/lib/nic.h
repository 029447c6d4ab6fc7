/* SPDX-License-Identifier: GPL-2.0-only */
/* A driver for network interfaces (VIRTIO 1.2, 5.1): one pair of queues, no offloads. */
#ifndef NIC_H
#define NIC_H

#include <linux/virtio_net.h>

#include "ring.h"

#define NIC_DEPTH	16
#define NIC_FRAME	1514U

/* With VERSION_1 a frame always has this header. */
struct nic_buffer {
	struct virtio_net_hdr_v1 hdr;
	u8 frame[NIC_FRAME];
};

struct nic {
	struct device dev;
	struct ring rx, tx;
	struct virtio_net_config config;
	struct nic_buffer *rx_buffers[NIC_DEPTH], *tx_buffer;
};

/* From n->dev, as dev_find() left it. False: it cannot be. */
bool nic_open(struct nic *n);

/* Is the host's end up? */
bool nic_link(struct nic *n);

/* Send a frame of at most NIC_FRAME bytes, and wait until it has gone. */
bool nic_send(struct nic *n, const void *frame, u32 bytes);

/* Wait for a frame; its bytes, with *@frame good until the next call. 0: broken or gone. */
u32 nic_receive(struct nic *n, const u8 **frame);

#endif /* NIC_H */
