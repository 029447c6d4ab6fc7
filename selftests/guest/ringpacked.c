// SPDX-License-Identifier: GPL-2.0-only
/*
 * Packed rings (VIRTIO 1.2, 2.8) that lie: flags, wrap counters, ids and lengths, one
 * lie to a story (victim.h).
 */
#include "victim.h"

#define AVAIL	(1 << VRING_PACKED_DESC_F_AVAIL)
#define USED	(1 << VRING_PACKED_DESC_F_USED)
#define LAP_1	AVAIL		/* available in the first, third ... lap */
#define LAP_2	USED		/* in the second, fourth ... */

static void pack(unsigned int i, u64 addr, u32 len, u16 id, u16 flags)
{
	struct vring_packed_desc *d = &raw.packed[i];

	d->addr = addr;
	d->len = len;
	d->id = id;
	__atomic_store_n(&d->flags, flags, __ATOMIC_RELEASE);
}

/* A request that reads a sector; its first descriptor comes last. */
static void pack_request(unsigned int at, u16 id, u16 lap)
{
	unsigned int second = (at + 1) % raw.size, third = (at + 2) % raw.size;

	*raw.header = (struct virtio_blk_outhdr){ .type = VIRTIO_BLK_T_IN };
	*raw.status = 0xff;
	pack(third, pa((void *)raw.status), 1, id,
	     (third < at ? LAP_1 ^ LAP_2 ^ lap : lap) | WRITE);
	pack(second, pa(raw.data), SECTOR, id,
	     (second < at ? LAP_1 ^ LAP_2 ^ lap : lap) | WRITE | NEXT);
	pack(at, pa(raw.header), 16, id, lap | NEXT);
}

/* The used descriptor at @at in the first or second lap. */
static bool used_at(unsigned int at, u16 lap)
{
	u64 end = now() + 10000000000UL;
	u16 both = lap == LAP_1 ? AVAIL | USED : 0;
	u16 *flags = &raw.packed[at].flags;

	doorbell();
	while ((__atomic_load_n(flags, __ATOMIC_ACQUIRE) & (AVAIL | USED)) != both) {
		if (now() > end || dev_broken(&victim.dev))
			return false;
		hc0(DOMUS_HC_YIELD);
	}
	return true;
}

/* ---- Stories ------------------------------------------------------------------------ */

/* Three laps, over the end each time: 3 descriptors in a ring of 16. */
static bool laps(void)
{
	unsigned int i, at = 0;
	u16 lap = LAP_1;

	for (i = 0; i < 16; i++) {
		u16 id = i % raw.size;

		pack_request(at, id, lap);
		if (!used_at(at, lap) || *raw.status != VIRTIO_BLK_S_OK ||
		    raw.packed[at].id != id || raw.packed[at].len != SECTOR + 1)
			return false;
		at += 3;
		if (at >= raw.size) {
			at -= raw.size;
			lap ^= LAP_1 ^ LAP_2;
		}
	}
	return true;
}

/* Available for the other lap: there is nothing. */
static bool other_lap(void)
{
	pack_request(0, 0, LAP_2);
	doorbell();
	doorbell();
	return *raw.status == 0xff;
}

static bool lap_that_is_none(void)
{
	pack_request(0, 0, AVAIL | USED);
	doorbell();
	pack_request(0, 0, 0);
	doorbell();
	return *raw.status == 0xff;
}

/* In the middle of a chain the counter is not the device's matter: what links, counts. */
static bool lap_lies_inside(void)
{
	pack_request(0, 0, LAP_1);
	raw.packed[1].flags = LAP_2 | WRITE | NEXT;
	return used_at(0, LAP_1) && *raw.status == VIRTIO_BLK_S_OK;
}

static bool id_beyond(void)
{
	pack_request(0, raw.size, LAP_1);
	doorbell();
	return true;
}

static bool id_far_beyond(void)
{
	pack_request(0, 0xffff, LAP_1);
	doorbell();
	return true;
}

static bool endless(void)
{
	unsigned int i;

	for (i = raw.size; i-- > 0;)
		pack(i, pa(raw.header), 16, 0, LAP_1 | NEXT);
	doorbell();
	return true;
}

static bool empty(void)
{
	pack_request(0, 0, LAP_1);
	raw.packed[1].len = 0;
	doorbell();
	return true;
}

static bool wraps(void)
{
	pack_request(0, 0, LAP_1);
	raw.packed[1].addr = ~0UL;
	doorbell();
	return true;
}

static bool four_gigabytes(void)
{
	pack_request(0, 0, LAP_1);
	raw.packed[1].len = ~0U;
	doorbell();
	return true;
}

static bool reversed(void)
{
	pack_request(0, 0, LAP_1);
	raw.packed[2].flags &= ~WRITE;
	doorbell();
	return true;
}

static bool too_many(void)
{
	unsigned int i;

	*raw.header = (struct virtio_blk_outhdr){ .type = VIRTIO_BLK_T_IN };
	for (i = 200; i-- > 0;)
		pack(i, pa(raw.data), SECTOR, 0, LAP_1 | (i < 199 ? NEXT : 0) | WRITE);
	pack(0, pa(raw.header), 16, 0, LAP_1 | NEXT);
	doorbell();
	return true;
}

/* Many buffers with one id, at once. */
static bool same_id(void)
{
	unsigned int i, round;

	for (round = 0; round < 1000 && !dev_broken(&victim.dev); round++) {
		for (i = 15; i >= 3; i -= 3)
			pack_request(i - 3, 5, round & 1 ? LAP_2 : LAP_1);
		pack(15, 0, 0, 0, 0);
		doorbell();
		raw_open(PACKED, 16);
	}
	return true;
}

/* The whole ring, twice as fast as it is used: ids that are new, descriptors that are not. */
static bool laps_itself(void)
{
	unsigned int round, i;
	u16 id = 0;

	for (round = 0; round < 8; round++) {
		for (i = raw.size; i-- > 0;)
			pack(i, pa(raw.header), 16, id++ % raw.size,
			     (round & 1 ? LAP_2 : LAP_1) | NEXT);
		for (i = 0; i + 2 < raw.size; i += 3)
			pack_request(i, id++ % raw.size, round & 1 ? LAP_2 : LAP_1);
		doorbell();
	}
	return true;
}

static void put_packed_table(u32 bytes)
{
	struct vring_packed_desc *t = (void *)raw.table;

	pack_request(0, 0, LAP_1);
	copy_to(t, raw.packed, 48);
	memset(raw.packed, 0, 48);
	pack(0, pa(t), bytes, 0, LAP_1 | TABLE);
}

static bool table_works(void)
{
	put_packed_table(48);
	return used_at(0, LAP_1) && *raw.status == VIRTIO_BLK_S_OK;
}

static bool table_not_agreed(void)
{
	put_packed_table(48);
	doorbell();
	return true;
}

static bool table_short(void)
{
	put_packed_table(40);
	doorbell();
	return true;
}

static bool table_empty(void)
{
	put_packed_table(0);
	doorbell();
	return true;
}

static bool table_in_table(void)
{
	put_packed_table(48);
	((struct vring_packed_desc *)raw.table)[1].flags |= TABLE;
	doorbell();
	return true;
}

static bool table_and_next(void)
{
	put_packed_table(48);
	raw.packed[0].flags |= NEXT;
	doorbell();
	return true;
}

static bool table_nowhere(void)
{
	put_packed_table(48);
	copy_to(va(memory - 32), raw.table, 32);
	raw.packed[0].addr = memory - 32;
	doorbell();
	return true;
}

/* Wishes for signals that are none: no answer is lost. */
static bool event_lies(void)
{
	struct vring_packed_desc_event *driver = (void *)raw.avail, *device = (void *)raw.used;
	unsigned int i, at = 0;
	u16 lap = LAP_1;

	for (i = 0; i < 64; i++) {
		driver->flags = random();
		driver->off_wrap = random();
		device->flags = random();
		device->off_wrap = random();
		pack_request(at, i % 16, lap);
		if (!used_at(at, lap))
			return false;
		at += 3;
		if (at >= raw.size) {
			at -= raw.size;
			lap ^= LAP_1 ^ LAP_2;
		}
	}
	return true;
}

static bool random_descriptors(void)
{
	unsigned int round, i;

	for (round = 0; round < 300; round++) {
		for (i = 0; i < raw.size; i++) {
			const u64 places[] = { pa(raw.data), pa(raw.header), pa(raw.table), memory,
					       pa(raw.packed), random() };

			pack(i, places[random_below(COUNT(places))], random_below(2000),
			     random_below(raw.size + 1), random() & ~0x78);
		}
		doorbell();
		if (dev_broken(&victim.dev) && !raw_open(PACKED | INDIRECT | EVENT_IDX, raw.size))
			return false;
	}
	return true;
}

static const struct story stories[] = {
	{ "three laps of good requests", NULL, laps, PACKED },
	{ "laps in a ring of 7", NULL, laps, PACKED, 7 },
	{ "available for the other lap", NULL, other_lap, PACKED },
	{ "flags of no lap", NULL, lap_that_is_none, PACKED },
	{ "another lap inside of a chain", NULL, lap_lies_inside, PACKED },
	{ "an id one behind the ring", "a buffer id is beyond the ring", id_beyond, PACKED },
	{ "an id far behind the ring", "a buffer id is beyond the ring", id_far_beyond, PACKED },
	{ "a chain without end", "descriptors loop", endless, PACKED },
	{ "a piece of 0 bytes", "a segment is empty", empty, PACKED },
	{ "a piece that wraps around", "a segment wraps around", wraps, PACKED },
	{ "a piece of 4 GiB", "a buffer has 4 GiB or more", four_gigabytes, PACKED },
	{ "to be read behind to be written", "a segment to read comes after one to write", reversed,
	  PACKED },
	{ "200 pieces", "a buffer has too many segments", too_many, PACKED, 250 },
	{ "many buffers of one id", MAYBE, same_id, PACKED },
	{ "a ring that laps itself", MAYBE, laps_itself, PACKED },
	{ "an indirect table is taken", NULL, table_works, PACKED | INDIRECT },
	{ "one not agreed upon", "an indirect table, though not negotiated", table_not_agreed,
	  PACKED },
	{ "one of 40 bytes", "an indirect table of a bad length", table_short, PACKED | INDIRECT },
	{ "one of 0 bytes", "an indirect table of a bad length", table_empty, PACKED | INDIRECT },
	{ "one in another", "an indirect table in an indirect table", table_in_table,
	  PACKED | INDIRECT },
	{ "one and a next one", "a descriptor is indirect and has a next one", table_and_next,
	  PACKED | INDIRECT },
	{ "one across the end of memory", "an indirect table outside of memory", table_nowhere,
	  PACKED | INDIRECT },
	{ "events asked for at random", NULL, event_lies, PACKED | EVENT_IDX },
	{ "descriptors at random", MAYBE, random_descriptors, PACKED | INDIRECT | EVENT_IDX },
};

void test(void)
{
	run_stories(stories, COUNT(stories));
}
