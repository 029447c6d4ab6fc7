/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * For guests that maltreat a network interface: stories (story.h) of one with two pairs
 * of queues, whose rings they may write into as they like, and of another one beside it.
 *
 * nicrings.sh answers for the host, at whose ends are 10.9.8.1 and 10.9.7.1: asked
 * "stats NAME" it gives the counters of struct stats, "mac NAME" the address of its end;
 * "link up" and "link down" turn the victim's end, "flood N" pings it N times without
 * waiting for an answer, and ends those before.
 */
#ifndef WIRE_H
#define WIRE_H

#include "frame.h"
#include "hostile.h"
#include "story.h"

/* A ring of 256 at most, with no bookkeeping. */
struct wire_queue {
	u64 nr;
	unsigned int size;
	struct vring_desc *desc;
	struct vring_avail *avail;
	struct vring_used *used;
};

/*
 * Queues that are enabled at the beginning of a story: the first pair and control, which
 * is the third one for a driver that takes CTRL_VQ and not MQ (VIRTIO 1.2, 5.1.2).
 */
#define RX		0
#define TX		1
#define CONTROL_1	2
#define CONTROL		4

/* As the host's end counts them: from the guest, to it. */
struct stats {
	u32 packets, errors, dropped, to, lost, carrier;
};

extern struct nic target, bystander;
extern struct wire_queue rxq, txq, ctlq;
extern struct virtio_net_hdr_v1 *hdr;	/* in front of @frame */
extern u8 *frame;			/* 19 pages, less the header */
extern u8 *in;				/* 64 pages: that of descriptor i of give() is the ith */
extern u8 *table;			/* 2 pages for indirect ones */
extern u64 gpa_end;			/* bytes */

void tell_of_wire(const struct story *stories, unsigned int n);

/* ---- for stories ---- */

long wire_enable(struct wire_queue *q, u64 nr, u64 size);
void wire_put(struct wire_queue *q, unsigned int i, u64 addr, u32 len, u16 flags, u16 next);
void wire_offer(struct wire_queue *q, u16 head);
long wire_kick(const struct wire_queue *q);
/* Wait until @n buffers were used since the beginning. False: in 10 seconds they were not. */
bool wire_used(const struct wire_queue *q, u16 n);

/* A command on the control queue. Return: what the device says, -1: nothing in time. */
int control(const void *message, u32 bytes);
int set_pairs(u16 pairs);

/* Descriptors 0 to @n - 1 of a page each, to be received into, @bytes of it. */
void give(unsigned int n, u32 bytes);
/* A ping of so many bytes behind the header; a header without offloads. Its length. */
u32 put_ping(u32 bytes);
/* Descriptor 0 of so many bytes with a header in front of them; waits until it is used. */
bool send(u32 bytes);
/* Is there an answer to put_ping() in @from? */
bool is_pong(const u8 *from);
/* A ping, and its answer in a buffer of give(). */
bool pinged(u32 bytes);

/* What the host has counted since the last call: so many frames of each kind, or ANY. */
bool counted(u32 packets, u32 errors, u32 dropped);
/* The same, to here. */
bool received(u32 packets, u32 lost);
struct stats look(const char *name);

#define ANY	(~0U)
#define NEXT	VRING_DESC_F_NEXT
#define WRITE	VRING_DESC_F_WRITE
#define TABLE	VRING_DESC_F_INDIRECT
#define HDR	12U
#define IN_PAGES 64

#endif /* WIRE_H */
