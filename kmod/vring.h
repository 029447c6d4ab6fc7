/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The host's end of a virtqueue, split (VIRTIO 1.2, 2.7) and packed (2.8).
 *
 * Plain logic over three areas that the guest shares and may change at any time:
 * each descriptor, index and length is read once into memory of the host and
 * checked there. Guest buffers are never touched, only named. Whatever breaks the
 * layout breaks the ring, once and for all until it is set up again, and
 * vring_host.broken says why. Also built in user space for unit tests and fuzzing.
 *
 * Two sides, each by one caller at a time (the backend's locks see to that), that
 * may run in parallel: the available side (vring_pop(), vring_kicks_*()) and the
 * used side (vring_push(), vring_wants_signal()).
 */
#ifndef DOMUS_VRING_H
#define DOMUS_VRING_H

#include <linux/types.h>

#ifndef __KERNEL__
#include <stdbool.h>
#include <stddef.h>
#endif

#define VRING_SIZE_MAX	1024	/* descriptors in a ring */

/**
 * struct vring_seg - a piece of a guest's buffer
 * @gpa: guest physical start, any value: gpa + len does not wrap, no more is known
 * @len: bytes, not 0
 */
struct vring_seg {
	__u64 gpa;
	__u32 len;
};

/**
 * struct vring_chain - one buffer that the guest made available
 * @segs: the caller's array: @out segments to read, then @in segments to write
 * @max: how many @segs has room for: a longer buffer breaks the ring
 * @id: names the buffer in vring_push()
 * @out, @in: segments of each kind
 * @out_len, @in_len: their bytes, at most 2^32 - 1 together
 */
struct vring_chain {
	struct vring_seg *segs;
	unsigned int max;
	__u16 id;
	unsigned int out, in;
	__u32 out_len, in_len;
};

/**
 * struct vring_config - what a guest says of a queue, and the device of itself
 * @desc, @driver, @device: host addresses of the areas, of the sizes and
 *	alignments that vring_areas() says
 * @size: descriptors, accepted by vring_areas()
 * @packed, @indirect, @event_idx: features negotiated
 */
struct vring_config {
	void *desc, *driver, *device;
	unsigned int size;
	bool packed, indirect, event_idx;
};

/**
 * struct vring_host - a ring
 * @broken: why no more buffers are taken, or NULL; constant text
 * @next_avail, @avail_wrap: available side: the next buffer's place
 * @next_used, @used_wrap: used side
 * @signalled, @signalled_valid: used side: @next_used at the last signal
 * @busy: by buffer id: in the device's hands. The available side sets, the used
 *	side clears
 * @count: packed ring: descriptors of each buffer in the device's hands
 */
struct vring_host {
	struct vring_config c;
	const char *broken;
	__u16 next_avail;
	bool avail_wrap;
	__u16 next_used;
	bool used_wrap;
	__u16 signalled;
	bool signalled_valid;
	__u32 pushed;	/* packed: descriptors since then, perhaps more than a lap */
	__u8 busy[VRING_SIZE_MAX];
	__u16 count[VRING_SIZE_MAX];
};

/**
 * vring_read_fn() - copy from guest memory, for indirect tables
 *
 * Context: that of vring_pop(). Return: 0, or < 0 where the range is not memory.
 */
typedef int (*vring_read_fn)(void *ctx, __u64 gpa, void *to, size_t len);

/**
 * struct vring_area - an area of a ring
 * @bytes: its length; @align: of its guest physical address, a power of two
 */
struct vring_area {
	__u32 bytes;
	__u32 align;
};

/**
 * vring_areas() - what the areas of a ring of @size must be (2.7, 2.8.10)
 * @size: any value of a guest
 * @packed: the layout
 * @areas: descriptor, driver (available) and device (used) area
 *
 * Context: any. Return: 0, -EINVAL: a size of 0, too large, or, split, no power of two.
 */
int vring_areas(__u64 size, bool packed, struct vring_area areas[3]);

/* A ring of no buffers so far. Context: any, both sides stopped. */
void vring_setup(struct vring_host *r, const struct vring_config *c);

/**
 * vring_pop() - take the next available buffer
 * @r: the ring
 * @chain: @segs and @max set; the rest is filled
 * @read, @ctx: called with the address of an indirect table's descriptors
 *
 * Context: available side; sleeps if @read does.
 * Return: 1 with a buffer, 0 without, -EBADMSG: the ring is broken.
 */
int vring_pop(struct vring_host *r, struct vring_chain *chain, vring_read_fn read, void *ctx);

/*
 * Put back the buffer that vring_pop() gave last, before the next one is taken: it is as if
 * it had not been. Available side; @id: of the chain.
 */
void vring_unpop(struct vring_host *r, __u16 id);

/**
 * vring_push() - give a buffer back
 * @id: of a chain popped and not yet given back
 * @written: bytes written to its @in segments, from their start
 *
 * Context: used side, any but NMI.
 */
void vring_push(struct vring_host *r, __u16 id, __u32 written);

/* One of several buffers that are given back together: arguments of vring_push(). */
struct vring_done {
	__u16 id;
	__u32 written;
};

/*
 * vring_push() for each, seen by the guest all at once: a frame over several buffers is not
 * to be seen in part (VIRTIO 1.2, 5.1.6.4.1). @nr: at least one.
 */
void vring_push_many(struct vring_host *r, const struct vring_done *done, unsigned int nr);

/* Does the guest want to hear of what was pushed since the last yes? Used side. */
bool vring_wants_signal(struct vring_host *r);

/* Ask the guest for no kicks; it may send some all the same. Available side. */
void vring_kicks_off(struct vring_host *r);

/*
 * Ask for kicks. Available side. Return: true if a buffer is there already, for
 * which no kick may come.
 */
bool vring_kicks_on(struct vring_host *r);

/*
 * Ask for a kick only when @ahead more buffers than now are available: fewer of them,
 * if nothing waits for the buffers. Without event indices it is vring_kicks_on().
 * Available side; @ahead less than the ring's size. Return: as vring_kicks_on().
 */
bool vring_kicks_on_after(struct vring_host *r, __u16 ahead);

/* Is a buffer available? Available side. */
bool vring_has_work(const struct vring_host *r);

#endif /* DOMUS_VRING_H */
