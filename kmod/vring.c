// SPDX-License-Identifier: GPL-2.0-only
/*
 * The host's end of a virtqueue.
 *
 *   1. areas and set-up
 *   2. a buffer's segments, checked
 *   3. split rings: available side
 *   4. packed rings: available side
 *   5. used side
 *   6. kicks
 *
 * The guest writes descriptors before it publishes them; the host publishes used
 * ones after all else. Beyond that no order is relied on: what a hostile guest
 * rewrites meanwhile only changes which buffer it described.
 */
#include <linux/bits.h>
#include <linux/compiler.h>
#include <linux/errno.h>
#include <linux/string.h>
#include <linux/virtio_ring.h>

#include <asm/barrier.h>

#include "vring.h"

/* x86 is little endian, as are virtqueues. */
#define READ16(p)	((__force __u16)READ_ONCE(*(p)))

#define PACKED_AVAIL	BIT(VRING_PACKED_DESC_F_AVAIL)
#define PACKED_USED	BIT(VRING_PACKED_DESC_F_USED)
#define PACKED_WRAP	BIT(VRING_PACKED_EVENT_F_WRAP_CTR)

/* One descriptor as it was read: @id is the split layout's next, too. */
struct desc {
	__u64 addr;
	__u32 len;
	__u16 id;
	__u16 flags;
};

/* ---- 1. Areas ------------------------------------------------------------ */

int vring_areas(__u64 size, bool packed, struct vring_area areas[3])
{
	if (!size || size > VRING_SIZE_MAX || (!packed && size & (size - 1)))
		return -EINVAL;
	areas[0] = (struct vring_area){ size * sizeof(struct vring_desc), 16 };
	if (packed) {
		areas[1] = (struct vring_area){ sizeof(struct vring_packed_desc_event), 4 };
		areas[2] = areas[1];
	} else {
		/* flags, index and the event index behind the ring */
		areas[1] = (struct vring_area){ 6 + size * sizeof(__u16), 2 };
		areas[2] = (struct vring_area){ 6 + size * sizeof(struct vring_used_elem), 4 };
	}
	return 0;
}

void vring_setup(struct vring_host *r, const struct vring_config *c)
{
	memset(r, 0, sizeof(*r));
	r->c = *c;
	r->avail_wrap = true;
	r->used_wrap = true;
}

/* ---- 2. Segments ----------------------------------------------------------- */

static int broken(struct vring_host *r, const char *why)
{
	if (!r->broken)
		WRITE_ONCE(r->broken, why);
	return -EBADMSG;
}

static int add_segment(struct vring_host *r, struct vring_chain *chain, const struct desc *d)
{
	struct vring_seg *seg;

	if (chain->out + chain->in >= chain->max)
		return broken(r, "a buffer has too many segments");
	if (!d->len)
		return broken(r, "a segment is empty");
	if (d->addr + d->len < d->addr)
		return broken(r, "a segment wraps around");
	if (d->len > ~0U - chain->out_len - chain->in_len)
		return broken(r, "a buffer has 4 GiB or more");
	seg = &chain->segs[chain->out + chain->in];
	seg->gpa = d->addr;
	seg->len = d->len;
	if (d->flags & VRING_DESC_F_WRITE) {
		chain->in++;
		chain->in_len += d->len;
		return 0;
	}
	if (chain->in)
		return broken(r, "a segment to read comes after one to write");
	chain->out++;
	chain->out_len += d->len;
	return 0;
}

static void read_split(const struct vring_desc *from, struct desc *d)
{
	d->addr = (__force __u64)READ_ONCE(from->addr);
	d->len = (__force __u32)READ_ONCE(from->len);
	d->flags = READ16(&from->flags);
	d->id = READ16(&from->next);
}

/*
 * A table of descriptors elsewhere in guest memory: linked in the split layout, in
 * order in the packed one. None of them may name another table.
 */
static int walk_table(struct vring_host *r, struct vring_chain *chain, const struct desc *table,
		      vring_read_fn read, void *ctx)
{
	unsigned int count = table->len / sizeof(struct vring_desc), i = 0, n;
	int err;

	if (!r->c.indirect)
		return broken(r, "an indirect table, though not negotiated");
	if (!count || table->len % sizeof(struct vring_desc) || count > VRING_SIZE_MAX)
		return broken(r, "an indirect table of a bad length");
	for (n = 0; n < count; n++) {
		union {
			struct vring_desc split;
			struct vring_packed_desc packed;
		} raw;
		struct desc d;

		if (table->addr + table->len < table->addr ||
		    read(ctx, table->addr + i * sizeof(raw), &raw, sizeof(raw)))
			return broken(r, "an indirect table outside of memory");
		if (r->c.packed) {
			d.addr = (__force __u64)raw.packed.addr;
			d.len = (__force __u32)raw.packed.len;
			d.flags = (__force __u16)raw.packed.flags;
		} else {
			read_split(&raw.split, &d);
		}
		if (d.flags & VRING_DESC_F_INDIRECT)
			return broken(r, "an indirect table in an indirect table");
		err = add_segment(r, chain, &d);
		if (err)
			return err;
		i = r->c.packed ? i + 1 : d.id;
		if (!r->c.packed && !(d.flags & VRING_DESC_F_NEXT))
			return 0;
		if (i >= count && n + 1 < count)
			return broken(r, "an indirect table links beyond its end");
	}
	return r->c.packed ? 0 : broken(r, "an indirect table loops");
}

static void start_chain(struct vring_chain *chain, __u16 id)
{
	chain->id = id;
	chain->out = 0;
	chain->in = 0;
	chain->out_len = 0;
	chain->in_len = 0;
}

/* ---- 3. Split rings ---------------------------------------------------------- */

static __u16 split_waiting(const struct vring_host *r)
{
	const struct vring_avail *avail = r->c.driver;

	/* the index, before what it announces */
	return (__force __u16)smp_load_acquire(&avail->idx) - r->next_avail;
}

static int walk_split(struct vring_host *r, struct vring_chain *chain, vring_read_fn read,
		      void *ctx)
{
	const struct vring_desc *descs = r->c.desc;
	unsigned int n, i = chain->id;
	struct desc d;
	int err;

	for (n = 0; n < r->c.size; n++) {
		read_split(&descs[i], &d);
		if (d.flags & VRING_DESC_F_INDIRECT) {
			if (d.flags & VRING_DESC_F_NEXT)
				return broken(r, "a descriptor is indirect and has a next one");
			return walk_table(r, chain, &d, read, ctx);
		}
		err = add_segment(r, chain, &d);
		if (err)
			return err;
		if (!(d.flags & VRING_DESC_F_NEXT))
			return 0;
		i = d.id;
		if (i >= r->c.size)
			return broken(r, "a descriptor links beyond the ring");
	}
	return broken(r, "descriptors loop");
}

static int pop_split(struct vring_host *r, struct vring_chain *chain, vring_read_fn read,
		     void *ctx)
{
	const struct vring_avail *avail = r->c.driver;
	__u16 waiting = split_waiting(r), head;
	int err;

	if (!waiting)
		return 0;
	if (waiting > r->c.size)
		return broken(r, "the available index jumps");
	head = READ16(&avail->ring[r->next_avail & (r->c.size - 1)]);
	if (head >= r->c.size)
		return broken(r, "an available descriptor is beyond the ring");
	if (READ_ONCE(r->busy[head]))
		return broken(r, "a buffer is made available twice");
	start_chain(chain, head);
	err = walk_split(r, chain, read, ctx);
	if (err)
		return err;
	WRITE_ONCE(r->busy[head], 1);
	r->next_avail++;
	return 1;
}

/* ---- 4. Packed rings ------------------------------------------------------------ */

static bool packed_is_available(const struct vring_host *r, __u16 flags)
{
	return !!(flags & PACKED_AVAIL) == r->avail_wrap &&
	       !!(flags & PACKED_USED) != r->avail_wrap;
}

static __u16 packed_flags(const struct vring_host *r)
{
	const struct vring_packed_desc *descs = r->c.desc;

	/* the flags, before what they announce */
	return (__force __u16)smp_load_acquire(&descs[r->next_avail].flags);
}

/* Return: how many descriptors of the ring the chain took, or -EBADMSG. */
static int walk_packed(struct vring_host *r, struct vring_chain *chain, __u16 flags,
		       vring_read_fn read, void *ctx)
{
	const struct vring_packed_desc *descs = r->c.desc;
	unsigned int n, i = r->next_avail;
	struct desc d;
	int err;

	for (n = 1; n <= r->c.size; n++) {
		d.addr = (__force __u64)READ_ONCE(descs[i].addr);
		d.len = (__force __u32)READ_ONCE(descs[i].len);
		d.id = READ16(&descs[i].id);
		/* the first one's were read before all else */
		d.flags = n == 1 ? flags : READ16(&descs[i].flags);
		if (d.flags & VRING_DESC_F_INDIRECT) {
			if (d.flags & VRING_DESC_F_NEXT)
				return broken(r, "a descriptor is indirect and has a next one");
			err = walk_table(r, chain, &d, read, ctx);
		} else {
			err = add_segment(r, chain, &d);
		}
		if (err)
			return err;
		if (!(d.flags & VRING_DESC_F_NEXT)) {
			/* the last one names the buffer (2.8.6) */
			chain->id = d.id;
			return n;
		}
		if (++i == r->c.size)
			i = 0;
	}
	return broken(r, "descriptors loop");
}

static int pop_packed(struct vring_host *r, struct vring_chain *chain, vring_read_fn read,
		      void *ctx)
{
	__u16 flags = packed_flags(r);
	int count;

	if (!packed_is_available(r, flags))
		return 0;
	start_chain(chain, 0);
	count = walk_packed(r, chain, flags, read, ctx);
	if (count < 0)
		return count;
	if (chain->id >= r->c.size)
		return broken(r, "a buffer id is beyond the ring");
	if (READ_ONCE(r->busy[chain->id]))
		return broken(r, "a buffer is made available twice");
	r->count[chain->id] = count;
	WRITE_ONCE(r->busy[chain->id], 1);
	r->next_avail += count;
	if (r->next_avail >= r->c.size) {
		r->next_avail -= r->c.size;
		r->avail_wrap = !r->avail_wrap;
	}
	return 1;
}

int vring_pop(struct vring_host *r, struct vring_chain *chain, vring_read_fn read, void *ctx)
{
	if (READ_ONCE(r->broken))
		return -EBADMSG;
	return r->c.packed ? pop_packed(r, chain, read, ctx) : pop_split(r, chain, read, ctx);
}

void vring_unpop(struct vring_host *r, __u16 id)
{
	__u16 count = r->c.packed ? r->count[id] : 1;

	if (r->c.packed && r->next_avail < count) {
		r->next_avail += r->c.size;
		r->avail_wrap = !r->avail_wrap;
	}
	r->next_avail -= count;
	WRITE_ONCE(r->busy[id], 0);
}

bool vring_has_work(const struct vring_host *r)
{
	if (READ_ONCE(r->broken))
		return false;
	return r->c.packed ? packed_is_available(r, packed_flags(r)) : split_waiting(r);
}

/* ---- 5. Used side ------------------------------------------------------------------ */

static void push_split(struct vring_host *r, const struct vring_done *done, unsigned int nr)
{
	struct vring_used *used = r->c.device;
	unsigned int i;

	for (i = 0; i < nr; i++) {
		vring_used_elem_t *e = &used->ring[r->next_used++ & (r->c.size - 1)];

		WRITE_ONCE(e->id, (__force __virtio32)(__u32)done[i].id);
		WRITE_ONCE(e->len, (__force __virtio32)done[i].written);
		WRITE_ONCE(r->busy[done[i].id], 0);
	}
	/* last: the guest may offer them again as soon as it sees the index */
	smp_store_release(&used->idx, (__force __virtio16)r->next_used);
}

/* All but the flags, by which the guest sees it. Return: these. */
static __u16 fill_packed(struct vring_host *r, struct vring_packed_desc *d, __u16 id,
			 __u32 written)
{
	__u16 flags = r->used_wrap ? PACKED_AVAIL | PACKED_USED : 0;

	if (written)
		flags |= VRING_DESC_F_WRITE;
	WRITE_ONCE(d->id, (__force __le16)id);
	WRITE_ONCE(d->len, (__force __le32)written);
	r->next_used += r->count[id];
	r->pushed += r->count[id];
	if (r->next_used >= r->c.size) {
		r->next_used -= r->c.size;
		r->used_wrap = !r->used_wrap;
	}
	WRITE_ONCE(r->busy[id], 0);
	return flags;
}

/* The guest looks at the first one first: its flags come last of all. */
static void push_packed(struct vring_host *r, const struct vring_done *done, unsigned int nr)
{
	struct vring_packed_desc *descs = r->c.desc, *first = descs + r->next_used, *d;
	__u16 flags, of_first = fill_packed(r, first, done->id, done->written);
	unsigned int i;

	for (i = 1; i < nr; i++) {
		d = descs + r->next_used;
		flags = fill_packed(r, d, done[i].id, done[i].written);
		/* behind what it says */
		smp_store_release(&d->flags, (__force __le16)flags);
	}
	/* behind all of the others */
	smp_store_release(&first->flags, (__force __le16)of_first);
}

void vring_push_many(struct vring_host *r, const struct vring_done *done, unsigned int nr)
{
	if (r->c.packed)
		push_packed(r, done, nr);
	else
		push_split(r, done, nr);
}

void vring_push(struct vring_host *r, __u16 id, __u32 written)
{
	const struct vring_done done = { id, written };

	vring_push_many(r, &done, 1);
}

static bool split_wants_signal(struct vring_host *r, __u16 old, bool valid)
{
	const struct vring_avail *avail = r->c.driver;

	if (!r->c.event_idx)
		return !(READ16(&avail->flags) & VRING_AVAIL_F_NO_INTERRUPT);
	return !valid || vring_need_event(READ16(&avail->ring[r->c.size]), r->next_used, old);
}

static bool packed_wants_signal(struct vring_host *r, __u16 old, bool valid)
{
	const struct vring_packed_desc_event *event = r->c.driver;
	__u16 flags = READ16(&event->flags);
	__u16 at, off;

	if (flags == VRING_PACKED_EVENT_FLAG_DISABLE)
		return false;
	if (flags != VRING_PACKED_EVENT_FLAG_DESC || !r->c.event_idx || !valid)
		return true;
	/* a whole lap: wherever it is, it was passed */
	if (r->pushed >= r->c.size)
		return true;
	at = READ16(&event->off_wrap);
	off = at & ~PACKED_WRAP;
	/* positions of another lap are one ring behind */
	if (!!(at & PACKED_WRAP) != r->used_wrap)
		off -= r->c.size;
	if (old > r->next_used)
		old -= r->c.size;
	return vring_need_event(off, r->next_used, old);
}

bool vring_wants_signal(struct vring_host *r)
{
	bool valid = r->signalled_valid, yes;
	__u16 old = r->signalled;

	/* what was pushed is seen before the guest's wish is read (2.7.7.2) */
	smp_mb();
	yes = r->c.packed ? packed_wants_signal(r, old, valid) :
			    split_wants_signal(r, old, valid);
	r->signalled = r->next_used;
	r->signalled_valid = true;
	r->pushed = 0;
	return yes;
}

/* ---- 6. Kicks ------------------------------------------------------------------------ */

void vring_kicks_off(struct vring_host *r)
{
	if (r->c.packed) {
		struct vring_packed_desc_event *event = r->c.device;

		WRITE_ONCE(event->flags, (__force __le16)VRING_PACKED_EVENT_FLAG_DISABLE);
	} else if (!r->c.event_idx) {
		struct vring_used *used = r->c.device;

		WRITE_ONCE(used->flags, (__force __virtio16)VRING_USED_F_NO_NOTIFY);
	}
	/* else: the index asked for lies behind, no kick comes */
}

bool vring_kicks_on_after(struct vring_host *r, __u16 ahead)
{
	struct vring_packed_desc_event *event = r->c.device;
	struct vring_used *used = r->c.device;
	__u16 flags = VRING_PACKED_EVENT_FLAG_ENABLE;
	__u16 at = r->next_avail + ahead;
	bool wrap = r->avail_wrap;

	if (r->c.packed) {
		if (at >= r->c.size) {
			at -= r->c.size;
			wrap = !wrap;
		}
		if (wrap)
			at |= PACKED_WRAP;
		if (r->c.event_idx)
			flags = VRING_PACKED_EVENT_FLAG_DESC;
		WRITE_ONCE(event->off_wrap, (__force __le16)at);
		/* where, before whether */
		smp_store_release(&event->flags, (__force __le16)flags);
	} else if (r->c.event_idx) {
		WRITE_ONCE(*(__virtio16 *)&used->ring[r->c.size], (__force __virtio16)at);
	} else {
		WRITE_ONCE(used->flags, 0);
	}
	/* the wish is seen before the ring is looked at (2.7.10.1) */
	smp_mb();
	return vring_has_work(r);
}

bool vring_kicks_on(struct vring_host *r)
{
	return vring_kicks_on_after(r, 0);
}
