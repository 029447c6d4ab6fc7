// SPDX-License-Identifier: GPL-2.0-only
/*
 * Virtqueues from a hostile guest: the input is the ring's layout, then a script of
 * what the host does and what the guest writes into the ring between: buffers as they
 * should be, such with one thing wrong, and anything anywhere.
 *
 * Whatever is in the ring, a buffer that is taken has at most the segments asked for,
 * none empty or wrapping, lengths that add up, and an id that no other buffer has;
 * and neither side touches a byte beyond the areas (ASan sees to that).
 */
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <linux/errno.h>
#include <linux/virtio_ring.h>

#include "vring.h"

#define MEMORY	4096
#define MAX	16

struct input {
	const uint8_t *at;
	size_t left;
};

static uint8_t byte(struct input *in)
{
	if (!in->left)
		return 0;
	in->left--;
	return *in->at++;
}

static uint16_t word(struct input *in)
{
	uint16_t low = byte(in);

	return low | byte(in) << 8;
}

#define CHECK(x) do { if (!(x)) abort(); } while (0)

static uint8_t memory[MEMORY] __attribute__((aligned(16)));

static int read_memory(void *ctx, __u64 gpa, void *to, size_t len)
{
	if (gpa > MEMORY || len > MEMORY - gpa)
		return -EFAULT;
	memcpy(to, memory + gpa, len);
	return 0;
}

static void check_chain(const struct vring_chain *chain, unsigned int size)
{
	uint64_t out = 0, in = 0;
	unsigned int i;

	CHECK(chain->id < size);
	CHECK(chain->out + chain->in <= MAX);
	for (i = 0; i < chain->out + chain->in; i++) {
		CHECK(chain->segs[i].len);
		CHECK(chain->segs[i].gpa + chain->segs[i].len >= chain->segs[i].gpa);
		if (i < chain->out)
			out += chain->segs[i].len;
		else
			in += chain->segs[i].len;
	}
	CHECK(out == chain->out_len && in == chain->in_len && out + in <= UINT32_MAX);
}

/*
 * The guest's end.
 *
 * @area: descriptors, driver's and device's area, memory of indirect tables
 * @at, @wrap: where its next buffer goes; of a split ring @at runs freely
 * @next: the next free descriptor of a split ring, in a circle
 */
struct guest {
	const struct vring_config *c;
	void *area[4];
	uint32_t bytes[4];
	uint16_t at, next;
	bool wrap;
};

/* The guest writes somewhere into an area, or into the memory of indirect tables. */
static void scribble(struct guest *g, struct input *in)
{
	unsigned int which = byte(in) % 4, at = word(in) % g->bytes[which], n = byte(in) % 32;

	while (n-- && at < g->bytes[which])
		((uint8_t *)g->area[which])[at++] = byte(in);
}

struct piece {
	uint64_t addr;
	uint32_t len;
	uint16_t flags;
};

/* Mostly good ones. @left: pieces that follow in the buffer. */
static struct piece make_piece(struct input *in, bool write, unsigned int left)
{
	static const uint32_t lengths[] = { 1, 16, 512, 4096, 65536, 0, 0x7fffffff, UINT32_MAX };
	static const uint64_t places[] = { 0, 1UL << 40, UINT64_MAX - 4095, UINT64_MAX };
	uint8_t what = byte(in);
	struct piece p = {
		.addr = places[what >> 6] + (what & 0x38),
		.len = lengths[what & 7],
		.flags = (write ? VRING_DESC_F_WRITE : 0) | (left ? VRING_DESC_F_NEXT : 0),
	};

	return p;
}

/* A table of @n pieces, @write of them to be written, as it should be but for its length. */
static struct piece make_table(struct guest *g, struct input *in, unsigned int n,
			       unsigned int write)
{
	unsigned int at = byte(in), i;

	for (i = 0; i < n; i++) {
		struct piece p = make_piece(in, i >= n - write, n - 1 - i);
		struct vring_packed_desc packed = { p.addr, p.len, 0,
						    p.flags & VRING_DESC_F_WRITE };
		struct vring_desc split = { p.addr, p.len, p.flags, i + 1 };

		memcpy(memory + at + i * 16, g->c->packed ? (void *)&packed : &split, 16);
	}
	return (struct piece) { at, n * 16 + !(byte(in) % 16), VRING_DESC_F_INDIRECT };
}

static void put_split(struct guest *g, const struct piece *pieces, unsigned int n)
{
	struct vring_avail *avail = g->area[1];
	struct vring_desc *desc = g->area[0];
	unsigned int size = g->c->size, i;

	avail->ring[g->at & (size - 1)] = g->next;
	for (i = 0; i < n; i++) {
		struct vring_desc *d = &desc[g->next];

		g->next = (g->next + 1) % size;
		*d = (struct vring_desc) { pieces[i].addr, pieces[i].len, pieces[i].flags,
					   g->next };
	}
	avail->idx = ++g->at;
}

static void put_packed(struct guest *g, const struct piece *pieces, unsigned int n, uint8_t id)
{
	struct vring_packed_desc *desc = g->area[0];
	unsigned int i;

	for (i = 0; i < n; i++) {
		uint16_t flags = pieces[i].flags;

		flags |= g->wrap ? 1 << VRING_PACKED_DESC_F_AVAIL : 1 << VRING_PACKED_DESC_F_USED;
		desc[g->at] = (struct vring_packed_desc) { pieces[i].addr, pieces[i].len, id,
							   flags };
		if (++g->at == g->c->size) {
			g->at = 0;
			g->wrap = !g->wrap;
		}
	}
}

/* The guest makes a buffer available. */
static void offer(struct guest *g, struct input *in)
{
	uint8_t how = byte(in);
	unsigned int n = 1 + how % 8, write = (how >> 3) % (n + 1), i;
	struct piece pieces[9];

	for (i = 0; i < n; i++)
		pieces[i] = make_piece(in, i >= n - write, n - 1 - i);
	if (how & 0x40) {
		/* the last one, or all of it, from a table */
		i = how & 0x80 ? n - 1 : 0;
		pieces[i] = make_table(g, in, 1 + byte(in) % 20, write);
		n = i + 1;
	}
	if (g->c->packed)
		put_packed(g, pieces, n, byte(in));
	else
		put_split(g, pieces, n);
}

/* Where the guest wants to be told next, near to where it would be told. */
static void want(const struct vring_host *r, struct guest *g, struct input *in)
{
	uint16_t near = r->next_used + byte(in) % 4 - 1;

	if (g->c->packed) {
		struct vring_packed_desc_event *event = g->area[1];

		event->off_wrap = near | (byte(in) & 1) << VRING_PACKED_EVENT_F_WRAP_CTR;
		event->flags = byte(in) % 4;
	} else {
		struct vring_avail *avail = g->area[1];

		avail->ring[g->c->size] = near;
		avail->flags = byte(in) & 1;
	}
}

/* A buffer goes back, and is there for the guest to find. */
static void push(struct vring_host *r, struct guest *g, uint16_t id, uint32_t written)
{
	uint16_t at = r->next_used;
	bool wrap = r->used_wrap;

	vring_push(r, id, written);
	if (g->c->packed) {
		const struct vring_packed_desc *d = (struct vring_packed_desc *)g->area[0] + at;

		CHECK(d->id == id && d->len == written);
		CHECK(!!(d->flags & 1 << VRING_PACKED_DESC_F_AVAIL) == wrap);
		CHECK(!!(d->flags & 1 << VRING_PACKED_DESC_F_USED) == wrap);
		CHECK(!!(d->flags & VRING_DESC_F_WRITE) == !!written);
		CHECK(r->next_used < g->c->size);
	} else {
		const struct vring_used *used = g->area[2];
		const vring_used_elem_t *e = &used->ring[at & (g->c->size - 1)];

		CHECK(e->id == id && e->len == written && used->idx == (uint16_t)(at + 1));
	}
}

static void play(struct vring_host *r, struct input *in, struct guest *g)
{
	bool busy[VRING_SIZE_MAX] = { false };
	uint16_t taken[VRING_SIZE_MAX];
	struct vring_seg segs[MAX];
	struct vring_chain chain = { .segs = segs, .max = MAX };
	unsigned int nr = 0, i;

	while (in->left) {
		switch (byte(in) % 12) {
		case 0:
		case 1:
		case 2:
			if (vring_pop(r, &chain, read_memory, NULL) != 1)
				break;
			check_chain(&chain, r->c.size);
			CHECK(!busy[chain.id] && nr < r->c.size);
			if (byte(in) % 8 == 0) {
				vring_unpop(r, chain.id);
				break;
			}
			busy[chain.id] = true;
			taken[nr++] = chain.id;
			break;
		case 3:
			if (!nr)
				break;
			i = byte(in) % nr;
			busy[taken[i]] = false;
			push(r, g, taken[i], word(in));
			taken[i] = taken[--nr];
			break;
		case 4:
			vring_wants_signal(r);
			break;
		case 5:
			i = byte(in) % r->c.size;
			i ? vring_kicks_on_after(r, i) : vring_kicks_on(r);
			break;
		case 6:
			vring_kicks_off(r);
			break;
		case 7:
			scribble(g, in);
			break;
		case 8:
			want(r, g, in);
			break;
		default:
			offer(g, in);
		}
	}
	CHECK(!r->broken || vring_pop(r, &chain, read_memory, NULL) == -EBADMSG);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input in = { data, size };
	uint8_t flags = byte(&in);
	struct vring_config c = { .packed = flags & 1, .indirect = flags & 2,
				  .event_idx = flags & 4, .size = byte(&in) + 1 };
	static struct vring_host r;
	struct guest g = { .c = &c, .wrap = true };
	struct vring_area areas[3];
	int i;

	if (vring_areas(c.size, c.packed, areas))
		return 0;
	for (i = 0; i < 3; i++) {
		g.bytes[i] = areas[i].bytes;
		g.area[i] = aligned_alloc(16, (g.bytes[i] + 15) & ~15U);
		memset(g.area[i], 0, g.bytes[i]);
	}
	g.area[3] = memory;
	g.bytes[3] = MEMORY;
	memset(memory, 0, MEMORY);
	c.desc = g.area[0];
	c.driver = g.area[1];
	c.device = g.area[2];
	vring_setup(&r, &c);
	play(&r, &in, &g);
	for (i = 0; i < 3; i++)
		free(g.area[i]);
	return 0;
}
