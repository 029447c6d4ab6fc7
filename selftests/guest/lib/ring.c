// SPDX-License-Identifier: GPL-2.0-only
/* A split virtqueue, driver's end: 1. set-up, 2. to the device, 3. and back. */
#include "ring.h"

/* ---- 1. Set-up -------------------------------------------------------------------- */

/* Where the driver wants the next signal, and the device the next doorbell (2.7.7, 2.7.10). */
static u16 *used_event(struct ring *r)
{
	return &r->avail->ring[r->size];
}

static u16 *avail_event(struct ring *r)
{
	return (u16 *)&r->used->ring[r->size];
}

/* The areas, each on pages of its own. */
static void place(struct ring *r)
{
	u64 desc = r->size * sizeof(*r->desc), avail = 6 + r->size * sizeof(u16);
	u64 used = 6 + r->size * sizeof(struct vring_used_elem);

	r->desc = dev_memory(desc);
	r->avail = dev_memory(avail);
	r->used = dev_memory(used);
}

bool ring_open(struct ring *r, struct device *dev, unsigned int nr, unsigned int most)
{
	static struct domus_dev_queue queue;
	unsigned int i;
	long port;

	r->dev = dev;
	r->nr = nr;
	r->event_idx = dev_has(dev, VIRTIO_RING_F_EVENT_IDX);
	if (!r->desc) {
		r->size = most < dev->info.queue_max ? most : dev->info.queue_max;
		place(r);
	}
	for (i = 0; i < r->size; i++)
		r->desc[i].next = i + 1;
	r->avail->flags = 0;
	r->avail->idx = 0;
	r->used->flags = 0;
	r->used->idx = 0;
	*used_event(r) = 0;
	*avail_event(r) = 0;
	r->free = 0;
	r->nr_free = r->size;
	r->offered = 0;
	r->told = 0;
	r->seen = 0;
	queue = (struct domus_dev_queue){ .size = r->size, .desc = pa(r->desc),
					  .driver = pa(r->avail), .device = pa(r->used) };
	port = hcall(DOMUS_HC_DEV_QUEUE, DOMUS_QUEUE_ENABLE, dev->info.handle, nr, pa(&queue), 0,
		     NULL);
	if (port <= 0)
		return false;
	r->port = port;
	hc1(DOMUS_HC_EVENT_UNMASK, port);
	return true;
}

/* ---- 2. To the device ---------------------------------------------------------------- */

int ring_add(struct ring *r, const struct piece *pieces, unsigned int n)
{
	u16 head = r->free, at = head;
	struct vring_desc *d = NULL;
	unsigned int i;

	if (!n || r->nr_free < n)
		return -1;
	for (i = 0; i < n; i++, at = d->next) {
		d = &r->desc[at];
		d->addr = pa(pieces[i].at);
		d->len = pieces[i].bytes;
		d->flags = (pieces[i].write ? VRING_DESC_F_WRITE : 0) |
			   (i + 1 < n ? VRING_DESC_F_NEXT : 0);
	}
	r->free = d->next;
	r->nr_free -= n;
	r->avail->ring[r->offered++ & (r->size - 1)] = head;
	return head;
}

static u16 used_index(const struct ring *r)
{
	return __atomic_load_n(&r->used->idx, __ATOMIC_ACQUIRE);
}

void ring_kick(struct ring *r)
{
	bool wanted;

	__atomic_store_n(&r->avail->idx, r->offered, __ATOMIC_RELEASE);
	/* the index is seen before the device's wish is read */
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	if (r->event_idx)
		wanted = vring_need_event(__atomic_load_n(avail_event(r), __ATOMIC_RELAXED),
					  r->offered, r->told);
	else
		wanted = !(__atomic_load_n(&r->used->flags, __ATOMIC_RELAXED) &
			   VRING_USED_F_NO_NOTIFY);
	r->told = r->offered;
	if (wanted)
		hc2(DOMUS_HC_DEV_NOTIFY, r->dev->info.handle, r->nr);
}

/* ---- 3. And back --------------------------------------------------------------------- */

int ring_take(struct ring *r, u32 *written)
{
	const struct vring_used_elem *e = &r->used->ring[r->seen & (r->size - 1)];
	u16 head, last;
	u32 n = 1;

	if (used_index(r) == r->seen)
		return -1;
	head = e->id;
	if (written)
		*written = e->len;
	r->seen++;
	for (last = head; r->desc[last].flags & VRING_DESC_F_NEXT; last = r->desc[last].next)
		n++;
	r->desc[last].next = r->free;
	r->free = head;
	r->nr_free += n;
	return head;
}

int ring_wait(struct ring *r, u32 *written)
{
	long status;
	int head;

	for (;;) {
		/* where the next signal is wanted, before the look that may miss it */
		*used_event(r) = r->seen;
		__atomic_thread_fence(__ATOMIC_SEQ_CST);
		head = ring_take(r, written);
		if (head >= 0)
			return head;
		status = dev_status(r->dev);
		if (status < 0 || status & VIRTIO_CONFIG_S_NEEDS_RESET)
			return -1;
		dev_wait();
	}
}
