// SPDX-License-Identifier: GPL-2.0-only
/*
 * Virtqueues from a hostile guest: the input is the ring's layout, then a script of
 * what the host does and what the guest writes into the ring between.
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

static uint8_t memory[MEMORY];

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

/* The guest writes somewhere into an area, or into the memory of indirect tables. */
static void scribble(struct input *in, void *area[4], const uint32_t bytes[4])
{
	unsigned int which = byte(in) % 4, at = word(in) % bytes[which], n = byte(in) % 32;

	while (n-- && at < bytes[which])
		((uint8_t *)area[which])[at++] = byte(in);
}

static void play(struct vring_host *r, struct input *in, void *area[4], const uint32_t bytes[4])
{
	bool busy[VRING_SIZE_MAX] = { false };
	uint16_t taken[VRING_SIZE_MAX];
	struct vring_seg segs[MAX];
	struct vring_chain chain = { .segs = segs, .max = MAX };
	unsigned int nr = 0, i;

	while (in->left) {
		switch (byte(in) % 8) {
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
			vring_push(r, taken[i], word(in));
			taken[i] = taken[--nr];
			break;
		case 4:
			vring_wants_signal(r);
			break;
		case 5:
			vring_kicks_on_after(r, byte(in) % r->c.size);
			break;
		case 6:
			vring_kicks_off(r);
			break;
		case 7:
			scribble(in, area, bytes);
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
	struct vring_area areas[3];
	uint32_t bytes[4];
	void *area[4];
	int i;

	if (vring_areas(c.size, c.packed, areas))
		return 0;
	for (i = 0; i < 3; i++) {
		bytes[i] = areas[i].bytes;
		area[i] = aligned_alloc(16, (bytes[i] + 15) & ~15U);
		memset(area[i], 0, bytes[i]);
	}
	area[3] = memory;
	bytes[3] = MEMORY;
	c.desc = area[0];
	c.driver = area[1];
	c.device = area[2];
	vring_setup(&r, &c);
	play(&r, &in, area, bytes);
	for (i = 0; i < 3; i++)
		free(area[i]);
	return 0;
}
