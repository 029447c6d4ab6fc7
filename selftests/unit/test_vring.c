// SPDX-License-Identifier: GPL-2.0-only
/* links: kmod/vring.c */
/*
 * Virtqueues, host's end, against a driver's end that is written here from the
 * VIRTIO specification.
 *
 *   1. a guest: rings and buffers in a small memory
 *   2. its driver: add, take, ask for signals, as split and as packed ring
 *   3. traffic at random, with everything compared
 *   4. signals and kicks
 *   5. what breaks a ring
 */
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <asm/barrier.h>
#include <linux/errno.h>
#include <linux/virtio_ring.h>

#include "kselftest_harness.h"

#include "vring.h"

/* ---- 1. The guest --------------------------------------------------------- */

#define MEMORY		(1 << 20)
#define TABLES		0x80000		/* an indirect table for each descriptor */
#define TABLE_BYTES	0x200
#define MAX		24		/* segments in a buffer */

struct guest {
	uint8_t *mem;
	struct vring_config c;
	struct vring_host host;
	/* the driver's own state */
	uint16_t free[VRING_SIZE_MAX], nr_free;
	uint16_t chain[VRING_SIZE_MAX];	/* descriptors that a buffer took, by id */
	uint16_t avail, used;
	bool avail_wrap, used_wrap;
};

static int guest_read(void *ctx, __u64 gpa, void *to, size_t len)
{
	struct guest *g = ctx;

	if (gpa > MEMORY || len > MEMORY - gpa)
		return -EFAULT;
	memcpy(to, g->mem + gpa, len);
	return 0;
}

static void guest_init(struct guest *g, unsigned int size, bool packed, bool indirect,
		       bool event_idx)
{
	struct vring_area areas[3];
	uint8_t *at;
	int i;

	memset(g, 0, sizeof(*g));
	g->mem = aligned_alloc(4096, MEMORY);
	memset(g->mem, 0, MEMORY);
	if (vring_areas(size, packed, areas))
		abort();
	/* each area on a page of its own size from malloc: ASan sees what lies beyond */
	for (i = 0; i < 3; i++) {
		at = aligned_alloc(16, (areas[i].bytes + 15) & ~15);
		memset(at, 0, areas[i].bytes);
		*(i == 0 ? &g->c.desc : i == 1 ? &g->c.driver : &g->c.device) = at;
	}
	g->c.size = size;
	g->c.packed = packed;
	g->c.indirect = indirect;
	g->c.event_idx = event_idx;
	vring_setup(&g->host, &g->c);
	g->avail_wrap = true;
	g->used_wrap = true;
	for (i = 0; i < size; i++)
		g->free[g->nr_free++] = size - 1 - i;
}

static void guest_free(struct guest *g)
{
	free(g->c.desc);
	free(g->c.driver);
	free(g->c.device);
	free(g->mem);
}

/* ---- 2. The driver ---------------------------------------------------------- */

struct seg {
	uint64_t gpa;
	uint32_t len;
	bool write;
};

static void put_table(struct guest *g, uint64_t at, const struct seg *segs, int n)
{
	int i;

	for (i = 0; i < n; i++) {
		if (g->c.packed) {
			struct vring_packed_desc d = { segs[i].gpa, segs[i].len, 0,
				segs[i].write ? VRING_DESC_F_WRITE : 0 };

			memcpy(g->mem + at + i * sizeof(d), &d, sizeof(d));
		} else {
			struct vring_desc d = { segs[i].gpa, segs[i].len,
				(segs[i].write ? VRING_DESC_F_WRITE : 0) |
				(i + 1 < n ? VRING_DESC_F_NEXT : 0), i + 1 };

			memcpy(g->mem + at + i * sizeof(d), &d, sizeof(d));
		}
	}
}

/* Make one buffer available. Return: its id, or -1: no room. */
static int add_split(struct guest *g, const struct seg *segs, int n, bool indirect)
{
	struct vring_desc *descs = g->c.desc;
	struct vring_avail *avail = g->c.driver;
	int head, i, need = indirect ? 1 : n;

	if (g->nr_free < need)
		return -1;
	head = g->free[g->nr_free - 1];
	if (indirect) {
		put_table(g, TABLES + head * TABLE_BYTES, segs, n);
		descs[head] = (struct vring_desc){ TABLES + head * TABLE_BYTES, n * 16,
						   VRING_DESC_F_INDIRECT, 0 };
		g->nr_free--;
	} else {
		for (i = 0; i < n; i++) {
			int at = g->free[--g->nr_free];

			descs[at] = (struct vring_desc){ segs[i].gpa, segs[i].len,
				(segs[i].write ? VRING_DESC_F_WRITE : 0) |
				(i + 1 < n ? VRING_DESC_F_NEXT : 0),
				i + 1 < n ? g->free[g->nr_free - 1] : 0 };
		}
	}
	avail->ring[g->avail++ & (g->c.size - 1)] = head;
	__atomic_store_n(&avail->idx, g->avail, __ATOMIC_RELEASE);
	return head;
}

static int add_packed(struct guest *g, const struct seg *segs, int n, bool indirect)
{
	struct vring_packed_desc *descs = g->c.desc;
	uint16_t first = 0, first_at = g->avail;
	int id, i, need = indirect ? 1 : n, room = g->c.size;

	for (i = 0; i < g->c.size; i++)
		room -= g->chain[i];
	if (room < need || !g->nr_free)
		return -1;
	id = g->free[--g->nr_free];
	g->chain[id] = need;
	if (indirect)
		put_table(g, TABLES + id * TABLE_BYTES, segs, n);
	for (i = 0; i < need; i++) {
		uint16_t flags = g->avail_wrap ? 1 << VRING_PACKED_DESC_F_AVAIL :
						 1 << VRING_PACKED_DESC_F_USED;
		struct vring_packed_desc *d = &descs[g->avail];

		if (indirect) {
			d->addr = TABLES + id * TABLE_BYTES;
			d->len = n * 16;
			flags |= VRING_DESC_F_INDIRECT;
		} else {
			d->addr = segs[i].gpa;
			d->len = segs[i].len;
			flags |= (segs[i].write ? VRING_DESC_F_WRITE : 0) |
				 (i + 1 < n ? VRING_DESC_F_NEXT : 0);
		}
		d->id = id;
		if (i)
			d->flags = flags;
		else
			first = flags;
		if (++g->avail == g->c.size) {
			g->avail = 0;
			g->avail_wrap = !g->avail_wrap;
		}
	}
	__atomic_store_n(&descs[first_at].flags, first, __ATOMIC_RELEASE);
	return id;
}

static int add(struct guest *g, const struct seg *segs, int n, bool indirect)
{
	return g->c.packed ? add_packed(g, segs, n, indirect) : add_split(g, segs, n, indirect);
}

/* Take one used buffer. Return: its id, or -1. */
static int take_split(struct guest *g, uint32_t *len)
{
	struct vring_desc *descs = g->c.desc;
	struct vring_used *used = g->c.device;
	int id, at;

	if (used->idx == g->used)
		return -1;
	id = used->ring[g->used & (g->c.size - 1)].id;
	*len = used->ring[g->used & (g->c.size - 1)].len;
	g->used++;
	for (at = id;; at = descs[at].next) {
		g->free[g->nr_free++] = at;
		if (!(descs[at].flags & VRING_DESC_F_NEXT))
			break;
	}
	return id;
}

static int take_packed(struct guest *g, uint32_t *len)
{
	struct vring_packed_desc *d = (struct vring_packed_desc *)g->c.desc + g->used;
	bool avail = d->flags & 1 << VRING_PACKED_DESC_F_AVAIL;
	bool used = d->flags & 1 << VRING_PACKED_DESC_F_USED;
	int id;

	if (avail != used || used != g->used_wrap)
		return -1;
	id = d->id;
	*len = d->len;
	g->used += g->chain[id];
	if (g->used >= g->c.size) {
		g->used -= g->c.size;
		g->used_wrap = !g->used_wrap;
	}
	g->chain[id] = 0;
	g->free[g->nr_free++] = id;
	return id;
}

static int take(struct guest *g, uint32_t *len)
{
	return g->c.packed ? take_packed(g, len) : take_split(g, len);
}

/* ---- 3. Traffic ---------------------------------------------------------------- */

FIXTURE(traffic)
{
	struct guest g;
};

FIXTURE_VARIANT(traffic)
{
	unsigned int size;
	bool packed, indirect, event_idx;
};

#define VARIANT(name, ...) FIXTURE_VARIANT_ADD(traffic, name) { __VA_ARGS__ }
VARIANT(split_1, 1, false, true, false);
VARIANT(split_2, 2, false, false, false);
VARIANT(split_16, 16, false, true, true);
VARIANT(split_256, 256, false, true, true);
VARIANT(split_1024, 1024, false, false, true);
VARIANT(packed_1, 1, true, true, false);
VARIANT(packed_3, 3, true, true, true);
VARIANT(packed_16, 16, true, false, true);
VARIANT(packed_255, 255, true, true, true);
VARIANT(packed_1024, 1024, true, true, false);

FIXTURE_SETUP(traffic)
{
	guest_init(&self->g, variant->size, variant->packed, variant->indirect,
		   variant->event_idx);
}

FIXTURE_TEARDOWN(traffic)
{
	guest_free(&self->g);
}

struct buffer {
	struct seg segs[MAX];
	int n;
	bool offered, popped;
	uint32_t written;
};

static int make_buffer(struct buffer *b, unsigned int size, bool indirect)
{
	int limit = !indirect && size < MAX ? size : MAX;
	int i, out;

	b->n = 1 + rand() % limit;
	out = rand() % (b->n + 1);
	for (i = 0; i < b->n; i++) {
		b->segs[i].gpa = (uint64_t)rand() << 20 | rand();
		b->segs[i].len = 1 + rand() % 100000;
		b->segs[i].write = i >= out;
	}
	return b->n;
}

static bool same_buffer(const struct buffer *b, const struct vring_chain *chain)
{
	uint64_t out_len = 0, in_len = 0;
	int i, out = 0;

	if (b->n != chain->out + chain->in)
		return false;
	for (i = 0; i < b->n; i++) {
		if (b->segs[i].gpa != chain->segs[i].gpa || b->segs[i].len != chain->segs[i].len)
			return false;
		*(b->segs[i].write ? &in_len : &out_len) += b->segs[i].len;
		out += !b->segs[i].write;
	}
	return out == chain->out && out_len == chain->out_len && in_len == chain->in_len;
}

TEST_F(traffic, at_random)
{
	static struct buffer buffers[VRING_SIZE_MAX];
	static uint16_t popped[VRING_SIZE_MAX];
	struct vring_seg segs[MAX];
	struct vring_chain chain = { .segs = segs, .max = MAX };
	struct guest *g = &self->g;
	int nr_popped = 0, waiting = 0, used = 0, id, round, err, at;
	struct buffer fresh = {};
	uint32_t len;

	srand(variant->size);
	memset(buffers, 0, sizeof(buffers));
	for (round = 0; round < 40000; round++) {
		switch (rand() % 4) {
		case 0:
		case 1: {
			bool indirect = variant->indirect && rand() % 2;

			make_buffer(&fresh, variant->size, indirect);
			id = add(g, fresh.segs, fresh.n, indirect);
			if (id < 0)
				break;
			ASSERT_FALSE(buffers[id].offered);
			buffers[id] = fresh;
			buffers[id].offered = true;
			waiting++;
			break;
		}
		case 2:
			ASSERT_EQ(waiting > 0, vring_has_work(&g->host));
			err = vring_pop(&g->host, &chain, guest_read, g);
			ASSERT_EQ(waiting > 0, err) TH_LOG("%s", g->host.broken ?: "");
			if (!err)
				break;
			ASSERT_TRUE(buffers[chain.id].offered);
			ASSERT_FALSE(buffers[chain.id].popped);
			ASSERT_TRUE(same_buffer(&buffers[chain.id], &chain));
			if (rand() % 4 == 0) {
				vring_unpop(&g->host, chain.id);
				break;
			}
			buffers[chain.id].popped = true;
			popped[nr_popped++] = chain.id;
			waiting--;
			break;
		case 3:
			if (nr_popped) {
				/* in any order */
				at = rand() % nr_popped;
				id = popped[at];
				popped[at] = popped[--nr_popped];
				buffers[id].written = rand() % 2 ? rand() : 0;
				vring_push(&g->host, id, buffers[id].written);
				used++;
			}
			if (rand() % 2)
				break;
			while ((id = take(g, &len)) >= 0) {
				ASSERT_TRUE(buffers[id].popped);
				ASSERT_EQ(buffers[id].written, len);
				buffers[id].offered = false;
				buffers[id].popped = false;
				used--;
			}
			ASSERT_EQ(0, used);
		}
	}
	ASSERT_EQ(NULL, g->host.broken);
}

static const struct seg one = { 0x1000, 512, true };
static struct guest *looking;
static unsigned int seen_early;

static void look(void)
{
	uint32_t len;

	seen_early += take(looking, &len) >= 0;
}

/* Given back together they are seen together: the driver looks before each release. */
TEST_F(traffic, many_at_once)
{
	unsigned int n = variant->size < 3 ? variant->size : 3, i, round;
	struct vring_seg segs[MAX];
	struct vring_chain chain = { .segs = segs, .max = MAX };
	struct guest *g = &self->g;
	struct vring_done done[3];
	uint32_t len;

	looking = g;
	seen_early = 0;
	/* each place of the ring is the first once, and the last */
	for (round = 0; round < 2 * variant->size; round++) {
		for (i = 0; i < n; i++) {
			ASSERT_LE(0, add(g, &one, 1, false));
			ASSERT_EQ(1, vring_pop(&g->host, &chain, guest_read, g));
			done[i] = (struct vring_done) { chain.id, 100 * i };
		}
		barrier_watch.before_release = look;
		vring_push_many(&g->host, done, n);
		barrier_watch.before_release = NULL;
		ASSERT_EQ(0, seen_early) TH_LOG("in round %u", round);
		for (i = 0; i < n; i++) {
			ASSERT_EQ(done[i].id, take(g, &len));
			ASSERT_EQ(100 * i, len);
		}
		ASSERT_GT(0, take(g, &len));
	}
}

/* ---- 4. Signals and kicks ---------------------------------------------------------- */

static void round_trip(struct guest *g, struct __test_metadata *_metadata)
{
	struct vring_seg segs[MAX];
	struct vring_chain chain = { .segs = segs, .max = MAX };

	ASSERT_LE(0, add(g, &one, 1, false));
	ASSERT_EQ(1, vring_pop(&g->host, &chain, guest_read, g));
	vring_push(&g->host, chain.id, 512);
}

/* The driver asks for a signal at the used buffer @ahead of its own position. */
static void want_signal_at(struct guest *g, int ahead)
{
	if (g->c.packed) {
		struct vring_packed_desc_event *event = g->c.driver;
		int at = g->used + ahead, wrap = g->used_wrap;

		if (at >= g->c.size) {
			at -= g->c.size;
			wrap = !wrap;
		}
		event->off_wrap = at | wrap << VRING_PACKED_EVENT_F_WRAP_CTR;
		event->flags = VRING_PACKED_EVENT_FLAG_DESC;
	} else {
		((struct vring_avail *)g->c.driver)->ring[g->c.size] = g->used + ahead;
	}
}

TEST_F(traffic, signals_by_index)
{
	struct guest *g = &self->g;
	int ahead, i, round;
	uint32_t len;

	if (!variant->event_idx || variant->size < 3)
		SKIP(return, "no event index");
	/* across several laps, of the 16 bit index of small split rings too */
	for (round = 0; round < 70000 / variant->size + 10; round++) {
		ahead = round % (variant->size - 1);
		vring_wants_signal(&g->host);
		want_signal_at(g, ahead);
		for (i = 0; i <= ahead; i++) {
			round_trip(g, _metadata);
			ASSERT_EQ(i == ahead, vring_wants_signal(&g->host))
				TH_LOG("round %d, %d of %d", round, i, ahead);
		}
		while (take(g, &len) >= 0)
			;
	}
}

/* All buffers of the ring at once, as a device that answers many: each index is passed. */
TEST_F(traffic, signals_of_a_whole_lap)
{
	struct vring_seg segs[MAX];
	struct vring_chain chain = { .segs = segs, .max = MAX };
	struct guest *g = &self->g;
	uint32_t len;
	int i, ahead;

	if (!variant->event_idx)
		SKIP(return, "no event index");
	for (ahead = 0; ahead < variant->size; ahead++) {
		round_trip(g, _metadata);
		vring_wants_signal(&g->host);
		ASSERT_LE(0, take(g, &len));
		want_signal_at(g, ahead);
		for (i = 0; i < variant->size; i++)
			ASSERT_LE(0, add(g, &one, 1, false));
		for (i = 0; i < variant->size; i++) {
			ASSERT_EQ(1, vring_pop(&g->host, &chain, guest_read, g));
			vring_push(&g->host, chain.id, 512);
		}
		ASSERT_TRUE(vring_wants_signal(&g->host)) TH_LOG("at %d", ahead);
		/* once */
		ASSERT_FALSE(vring_wants_signal(&g->host));
		while (take(g, &len) >= 0)
			;
	}
}

TEST_F(traffic, signals_by_flag)
{
	struct guest *g = &self->g;
	uint32_t len;

	if (variant->event_idx)
		SKIP(return, "event index");
	round_trip(g, _metadata);
	EXPECT_TRUE(vring_wants_signal(&g->host));
	take(g, &len);
	if (variant->packed)
		((struct vring_packed_desc_event *)g->c.driver)->flags =
			VRING_PACKED_EVENT_FLAG_DISABLE;
	else
		((struct vring_avail *)g->c.driver)->flags = VRING_AVAIL_F_NO_INTERRUPT;
	round_trip(g, _metadata);
	EXPECT_FALSE(vring_wants_signal(&g->host));
}

/* Would the driver kick after @g->avail moved on from @old? */
static bool driver_kicks(struct guest *g, uint16_t old, bool old_wrap)
{
	if (g->c.packed) {
		struct vring_packed_desc_event *event = g->c.device;
		uint16_t off = event->off_wrap & ~(1 << VRING_PACKED_EVENT_F_WRAP_CTR);

		if (event->flags != VRING_PACKED_EVENT_FLAG_DESC)
			return event->flags == VRING_PACKED_EVENT_FLAG_ENABLE;
		if (event->off_wrap >> VRING_PACKED_EVENT_F_WRAP_CTR != g->avail_wrap)
			off -= g->c.size;
		if (old_wrap != g->avail_wrap)
			old -= g->c.size;
		return vring_need_event(off, g->avail, old);
	}
	if (g->c.event_idx) {
		struct vring_used *used = g->c.device;

		return vring_need_event(*(uint16_t *)&used->ring[g->c.size], g->avail, old);
	}
	return !(((struct vring_used *)g->c.device)->flags & VRING_USED_F_NO_NOTIFY);
}

TEST_F(traffic, kicks)
{
	struct vring_seg segs[MAX];
	struct vring_chain chain = { .segs = segs, .max = MAX };
	struct guest *g = &self->g;
	uint32_t len;
	int round;

	if (variant->size < 3)
		SKIP(return, "too small");
	for (round = 0; round < 70000 / variant->size + 10; round++) {
		uint16_t old = g->avail;
		bool wrap = g->avail_wrap;

		ASSERT_FALSE(vring_kicks_on(&g->host));
		ASSERT_LE(0, add(g, &one, 1, false));
		ASSERT_TRUE(driver_kicks(g, old, wrap));
		vring_kicks_off(&g->host);
		old = g->avail;
		wrap = g->avail_wrap;
		ASSERT_LE(0, add(g, &one, 1, false));
		ASSERT_FALSE(driver_kicks(g, old, wrap));
		/* what came meanwhile is seen when kicks are wanted again */
		ASSERT_TRUE(vring_kicks_on(&g->host));
		while (vring_pop(&g->host, &chain, guest_read, g) == 1)
			vring_push(&g->host, chain.id, 0);
		while (take(g, &len) >= 0)
			;
	}
}

TEST_F(traffic, kicks_after)
{
	struct vring_seg segs[MAX];
	struct vring_chain chain = { .segs = segs, .max = MAX };
	struct guest *g = &self->g;
	uint32_t len;
	int round, i;

	if (variant->size < 3 || !variant->event_idx)
		SKIP(return, "no event index");
	for (round = 0; round < 70000 / variant->size + 10; round++) {
		int ahead = round % (variant->size - 1);

		ASSERT_FALSE(vring_kicks_on_after(&g->host, ahead));
		for (i = 0; i <= ahead; i++) {
			uint16_t old = g->avail;
			bool wrap = g->avail_wrap;

			ASSERT_LE(0, add(g, &one, 1, false));
			ASSERT_EQ(i == ahead, driver_kicks(g, old, wrap));
		}
		while (vring_pop(&g->host, &chain, guest_read, g) == 1)
			vring_push(&g->host, chain.id, 0);
		while (take(g, &len) >= 0)
			;
	}
}

/* ---- 5. What breaks a ring ------------------------------------------------------------ */

FIXTURE(hostile)
{
	struct guest g;
	struct vring_seg segs[MAX];
	struct vring_chain chain;
};

FIXTURE_VARIANT(hostile)
{
	bool packed;
};

FIXTURE_VARIANT_ADD(hostile, split) { false };
FIXTURE_VARIANT_ADD(hostile, packed) { true };

FIXTURE_SETUP(hostile)
{
	guest_init(&self->g, 8, variant->packed, true, true);
	self->chain.segs = self->segs;
	self->chain.max = MAX;
}

FIXTURE_TEARDOWN(hostile)
{
	guest_free(&self->g);
}

/* The next buffer breaks the ring with this text, and it stays so. */
static void expect_broken(struct __test_metadata *_metadata, struct _test_data_hostile *self,
			  const char *text)
{
	struct vring_host *r = &self->g.host;

	EXPECT_EQ(-EBADMSG, vring_pop(r, &self->chain, guest_read, &self->g));
	ASSERT_NE(NULL, r->broken);
	EXPECT_STREQ(text, r->broken);
	EXPECT_EQ(-EBADMSG, vring_pop(r, &self->chain, guest_read, &self->g));
	EXPECT_FALSE(vring_has_work(r));
}

/* In the ring and in a table. */
#define BREAKS(name, text, ...)							\
TEST_F(hostile, name)								\
{										\
	const struct seg segs[] = { __VA_ARGS__ };				\
	const char *why = text;							\
	int i;									\
										\
	for (i = 0; i < 2; i++) {						\
		vring_setup(&self->g.host, &self->g.c);				\
		self->g.host.next_avail = self->g.avail;			\
		ASSERT_LE(0, add(&self->g, segs, sizeof(segs) / sizeof(segs[0]), i)); \
		expect_broken(_metadata, self, why);				\
	}									\
}

BREAKS(empty, "a segment is empty", { 0x1000, 0, false })
BREAKS(empty_later, "a segment is empty", { 0x1000, 1, false }, { 0x1000, 0, true })
BREAKS(wraps, "a segment wraps around", { ~0ULL - 10, 12, false })
BREAKS(order, "a segment to read comes after one to write",
       { 0x1000, 1, true }, { 0x1000, 1, false })
BREAKS(huge, "a buffer has 4 GiB or more", { 0, 0xffffffff, false }, { 0, 1, false })
BREAKS(huge_both, "a buffer has 4 GiB or more", { 0, 0x80000000, false }, { 0, 0x80000000, true })

TEST_F(hostile, largest_is_taken)
{
	const struct seg segs[] = { { 0, 0xfffffffe, false }, { ~0ULL - 1, 1, true } };

	ASSERT_LE(0, add(&self->g, segs, 2, true));
	ASSERT_EQ(1, vring_pop(&self->g.host, &self->chain, guest_read, &self->g));
	EXPECT_EQ(0xfffffffe, self->chain.out_len);
	EXPECT_EQ(1, self->chain.in_len);
}

TEST_F(hostile, too_many_segments)
{
	struct seg segs[9];
	int i;

	for (i = 0; i < 9; i++)
		segs[i] = one;
	self->chain.max = 8;
	ASSERT_LE(0, add(&self->g, segs, 9, true));
	expect_broken(_metadata, self, "a buffer has too many segments");
}

/* Changes the only descriptor of the ring after it was added. */
#define ALTERED(name, text, split_line, packed_line)				\
TEST_F(hostile, name)								\
{										\
	struct vring_desc *s = self->g.c.desc;					\
	struct vring_packed_desc *p = self->g.c.desc;				\
										\
	(void)p;								\
	ASSERT_LE(0, add(&self->g, &one, 1, true));				\
	s += ((struct vring_avail *)self->g.c.driver)->ring[0];			\
	if (variant->packed) {							\
		packed_line;							\
	} else {								\
		split_line;							\
	}									\
	expect_broken(_metadata, self, text);							\
}

ALTERED(table_length_0, "an indirect table of a bad length", s->len = 0, p->len = 0)
ALTERED(table_length_odd, "an indirect table of a bad length", s->len = 17, p->len = 17)
ALTERED(table_length_huge, "an indirect table of a bad length",
	s->len = 16 * 1025, p->len = 16 * 1025)
ALTERED(table_outside, "an indirect table outside of memory",
	s->addr = MEMORY, p->addr = MEMORY)
ALTERED(table_half_outside, "an indirect table outside of memory",
	s->addr = MEMORY - 8, p->addr = MEMORY - 8)
ALTERED(table_wraps, "an indirect table outside of memory",
	s->addr = ~0ULL - 7, p->addr = ~0ULL - 7)
ALTERED(indirect_and_next, "a descriptor is indirect and has a next one",
	s->flags |= VRING_DESC_F_NEXT, p->flags |= VRING_DESC_F_NEXT)
ALTERED(id_beyond, "a buffer id is beyond the ring",
	SKIP(return, "packed only"), p->id = 8)
ALTERED(head_beyond, "an available descriptor is beyond the ring",
	((struct vring_avail *)self->g.c.driver)->ring[0] = 8, SKIP(return, "split only"))
ALTERED(index_jumps, "the available index jumps",
	((struct vring_avail *)self->g.c.driver)->idx = 9, SKIP(return, "split only"))
ALTERED(index_back, "the available index jumps",
	((struct vring_avail *)self->g.c.driver)->idx = 0xffff, SKIP(return, "split only"))
ALTERED(next_beyond, "a descriptor links beyond the ring",
	(s->flags = VRING_DESC_F_NEXT, s->next = 8), SKIP(return, "split only"))
ALTERED(loop_of_one, "descriptors loop",
	(s->flags = VRING_DESC_F_NEXT, s->next = s - (struct vring_desc *)self->g.c.desc),
	SKIP(return, "split only"))

TEST_F(hostile, all_link_on)
{
	struct vring_packed_desc *p = self->g.c.desc;
	int i;

	if (!variant->packed)
		SKIP(return, "packed only");
	ASSERT_LE(0, add(&self->g, &one, 1, false));
	for (i = 0; i < 8; i++) {
		p[i].len = 1;
		p[i].flags |= VRING_DESC_F_NEXT | VRING_DESC_F_WRITE;
	}
	expect_broken(_metadata, self, "descriptors loop");
}

TEST_F(hostile, table_not_negotiated)
{
	self->g.c.indirect = false;
	vring_setup(&self->g.host, &self->g.c);
	ASSERT_LE(0, add(&self->g, &one, 1, true));
	expect_broken(_metadata, self, "an indirect table, though not negotiated");
}

TEST_F(hostile, table_in_table)
{
	int id = add(&self->g, &one, 1, true);

	ASSERT_LE(0, id);
	if (variant->packed)
		((struct vring_packed_desc *)(self->g.mem + TABLES + id * TABLE_BYTES))->flags |=
			VRING_DESC_F_INDIRECT;
	else
		((struct vring_desc *)(self->g.mem + TABLES + id * TABLE_BYTES))->flags |=
			VRING_DESC_F_INDIRECT;
	expect_broken(_metadata, self, "an indirect table in an indirect table");
}

TEST_F(hostile, table_links)
{
	const struct seg segs[] = { one, one, one };
	struct vring_desc *d;
	int id = add(&self->g, segs, 3, true);

	if (variant->packed)
		SKIP(return, "split only");
	d = (struct vring_desc *)(self->g.mem + TABLES + id * TABLE_BYTES);
	d[1].next = 3;
	expect_broken(_metadata, self, "an indirect table links beyond its end");
}

TEST_F(hostile, table_loops)
{
	const struct seg segs[] = { one, one, one };
	struct vring_desc *d;
	int id = add(&self->g, segs, 3, true);

	if (variant->packed)
		SKIP(return, "split only");
	d = (struct vring_desc *)(self->g.mem + TABLES + id * TABLE_BYTES);
	d[2].flags |= VRING_DESC_F_NEXT;
	d[2].next = 0;
	expect_broken(_metadata, self, "an indirect table loops");
}

TEST_F(hostile, twice)
{
	struct guest *g = &self->g;
	int id = add(g, &one, 1, false);

	ASSERT_LE(0, id);
	ASSERT_EQ(1, vring_pop(&g->host, &self->chain, guest_read, g));
	if (variant->packed)
		g->chain[id] = 0;
	g->free[g->nr_free++] = id;
	ASSERT_EQ(id, add(g, &one, 1, false));
	expect_broken(_metadata, self, "a buffer is made available twice");
}

TEST(areas)
{
	struct vring_area areas[3];

	EXPECT_EQ(-EINVAL, vring_areas(0, false, areas));
	EXPECT_EQ(-EINVAL, vring_areas(0, true, areas));
	EXPECT_EQ(-EINVAL, vring_areas(3, false, areas));
	EXPECT_EQ(-EINVAL, vring_areas(2048, false, areas));
	EXPECT_EQ(-EINVAL, vring_areas(1025, true, areas));
	EXPECT_EQ(-EINVAL, vring_areas(1ULL << 32, true, areas));
	EXPECT_EQ(0, vring_areas(3, true, areas));
	EXPECT_EQ(48, areas[0].bytes);
	EXPECT_EQ(4, areas[1].bytes);
	ASSERT_EQ(0, vring_areas(256, false, areas));
	EXPECT_EQ(4096, areas[0].bytes);
	EXPECT_EQ(518, areas[1].bytes);
	EXPECT_EQ(2054, areas[2].bytes);
}

TEST_HARNESS_MAIN
