// SPDX-License-Identifier: GPL-2.0-only
/*
 * Split rings that break the rules of VIRTIO 1.2, 2.7: indices, descriptors, links and
 * indirect tables that lie, one lie to a story (victim.h). Each breaks its device.
 */
#include "victim.h"

/* ---- 1. The available ring ----------------------------------------------------------- */

static bool jump(void)
{
	raw.avail->idx = raw.size + 1;
	doorbell();
	return true;
}

static bool jump_far(void)
{
	raw.avail->idx = 0x8000;
	doorbell();
	return true;
}

static bool backwards(void)
{
	put_request(0);
	if (answer_to(0) != VIRTIO_BLK_S_OK)
		return false;
	raw.avail->idx = 0;
	doorbell();
	return true;
}

static bool head_beyond(void)
{
	put_request(0);
	offer(raw.size);
	doorbell();
	return true;
}

static bool head_far_beyond(void)
{
	offer(0xffff);
	doorbell();
	return true;
}

/* In one doorbell, so that the host is busy with the first when it sees the second. */
static bool twice(void)
{
	unsigned int i, round;

	put_request(0);
	put(1, pa(raw.data), 16 * 4096, NEXT | WRITE, 2);
	for (round = 0; round < 1000 && !dev_broken(&victim.dev); round++) {
		for (i = 0; i < 16; i++)
			offer(0);
		doorbell();
		while (!used_up(raw.avail->idx) && !dev_broken(&victim.dev))
			;
	}
	/* what is done before the doorbell returns is never in the host's hands twice */
	return dev_broken(&victim.dev) || arg_is("disk", "ram0");
}

/* ---- 2. Descriptors --------------------------------------------------------------------- */

static bool loop_of_one(void)
{
	put(0, pa(raw.header), 16, NEXT, 0);
	offer(0);
	doorbell();
	return true;
}

static bool loop_of_two(void)
{
	put_request(0);
	put(2, pa((void *)raw.status), 1, WRITE | NEXT, 1);
	offer(0);
	doorbell();
	return true;
}

static bool next_beyond(void)
{
	put_request(0);
	raw.desc[1].next = raw.size;
	offer(0);
	doorbell();
	return true;
}

static bool next_far_beyond(void)
{
	put_request(0);
	raw.desc[0].next = 0xffff;
	offer(0);
	doorbell();
	return true;
}

/* Good links all of them, but a disk takes 126 pieces of data. */
static bool too_many(void)
{
	unsigned int i;

	put_request(0);
	for (i = 1; i < 200; i++)
		put(i, pa(raw.data), SECTOR, NEXT | WRITE, i + 1);
	put(200, pa((void *)raw.status), 1, WRITE, 0);
	offer(0);
	doorbell();
	return true;
}

static bool empty(void)
{
	put_request(0);
	raw.desc[1].len = 0;
	offer(0);
	doorbell();
	return true;
}

static bool empty_status(void)
{
	put_request(0);
	raw.desc[2].len = 0;
	offer(0);
	doorbell();
	return true;
}

static bool four_gigabytes(void)
{
	put_request(0);
	raw.desc[1].len = 0xffffffff;
	offer(0);
	doorbell();
	return true;
}

/* 16 pieces of 256 MiB - 1: each is well, their sum is not. */
static bool sum_wraps(void)
{
	unsigned int i;

	put_request(0);
	for (i = 1; i < 19; i++)
		put(i, pa(raw.data), 0x0fffffff, NEXT | WRITE, i + 1);
	put(19, pa((void *)raw.status), 1, WRITE, 0);
	offer(0);
	doorbell();
	return true;
}

static bool address_wraps(void)
{
	put_request(0);
	raw.desc[1].addr = ~0UL - 100;
	offer(0);
	doorbell();
	return true;
}

static bool reversed(void)
{
	put_request(0);
	put(0, pa((void *)raw.status), 1, WRITE | NEXT, 1);
	put(1, pa(raw.data), SECTOR, NEXT, 2);
	put(2, pa(raw.header), 16, 0, 0);
	offer(0);
	doorbell();
	return true;
}

static bool no_status(void)
{
	put_request(0);
	raw.desc[0].flags = 0;
	offer(0);
	doorbell();
	return true;
}

static bool no_header(void)
{
	put_request(0);
	offer(1);
	doorbell();
	return true;
}

static bool short_header(void)
{
	put_request(0);
	raw.desc[0].len = 15;
	offer(0);
	doorbell();
	return true;
}

static bool header_nowhere(void)
{
	put_request(0);
	raw.desc[0].addr = memory - 8;
	offer(0);
	doorbell();
	return true;
}

/* ---- 3. Indirect tables -------------------------------------------------------------------- */

/* A table of a good request, in raw.table; descriptor 0 names it. */
static void put_table(void)
{
	unsigned int i;

	put_request(0);
	for (i = 0; i < 3; i++)
		raw.table[i] = raw.desc[i];
	put(0, pa(raw.table), 3 * 16, TABLE, 0);
}

static bool table(void)
{
	put_table();
	offer(0);
	doorbell();
	return true;
}

static bool table_works(void)
{
	put_table();
	return answer_to(0) == VIRTIO_BLK_S_OK;
}

static bool table_odd(void)
{
	put_table();
	copy_to((u8 *)raw.table + 1000 + 1, raw.table, 48);
	raw.desc[0].addr += 1001;
	return answer_to(0) == VIRTIO_BLK_S_OK;
}

static bool table_across_pages(void)
{
	put_table();
	copy_to((u8 *)raw.table + 4096 - 20, raw.table, 48);
	raw.desc[0].addr += 4096 - 20;
	return answer_to(0) == VIRTIO_BLK_S_OK;
}

static bool table_behind(void)
{
	put_request(0);
	put_table();
	put(3, pa(raw.header), 16, NEXT, 0);
	raw.table[0] = raw.table[1];
	raw.table[0].next = 1;
	raw.table[1] = raw.table[2];
	raw.desc[0].len = 2 * 16;
	return answer_to(3) == VIRTIO_BLK_S_OK;
}

static bool table_and_next(void)
{
	put_table();
	raw.desc[0].flags |= NEXT;
	raw.desc[0].next = 1;
	offer(0);
	doorbell();
	return true;
}

static bool table_in_table(void)
{
	put_table();
	raw.table[1] = (struct vring_desc){ pa(raw.table), 48, TABLE, 0 };
	offer(0);
	doorbell();
	return true;
}

/* The ring as its own table. */
static bool table_is_ring(void)
{
	put_table();
	put(0, pa(raw.desc), raw.size * 16, TABLE, 0);
	offer(0);
	doorbell();
	return true;
}

static bool table_of(u64 addr, u32 len)
{
	put_table();
	raw.desc[0].addr = addr;
	raw.desc[0].len = len;
	offer(0);
	doorbell();
	return true;
}

static bool table_empty(void) { return table_of(pa(raw.table), 0); }
static bool table_of_47(void) { return table_of(pa(raw.table), 47); }
static bool table_huge(void) { return table_of(pa(raw.table), 1025 * 16); }
static bool table_4g(void) { return table_of(pa(raw.table), 0xfffffff0); }
static bool table_nowhere(void) { return table_of(memory, 48); }
static bool table_wraps(void) { return table_of(~0UL - 15, 48); }
static bool table_noncanonical(void) { return table_of(1UL << 63, 48); }

static bool table_ends_memory(void)
{
	struct vring_desc *last = va(memory - 16);

	put_table();
	*last = raw.table[0];
	put(0, memory - 16, 48, TABLE, 0);
	offer(0);
	doorbell();
	return true;
}

static bool table_loops(void)
{
	put_table();
	raw.table[1].next = 1;
	offer(0);
	doorbell();
	return true;
}

static bool table_links_out(void)
{
	put_table();
	raw.table[0].next = 3;
	offer(0);
	doorbell();
	return true;
}

/* 1024 entries, all of them good, in one request. */
static bool table_too_many(void)
{
	unsigned int i;

	put_table();
	for (i = 1; i < 1024; i++)
		raw.table[i] = (struct vring_desc){ pa(raw.data), SECTOR, NEXT | WRITE, i + 1 };
	raw.table[1023].flags = WRITE;
	raw.desc[0].len = 1024 * 16;
	offer(0);
	doorbell();
	return true;
}

static const struct story stories[] = {
	{ "the available index jumps by more than the ring has", "the available index jumps",
	  jump },
	{ "the available index jumps far", "the available index jumps", jump_far },
	{ "the available index goes back", "the available index jumps", backwards },
	{ "an available descriptor is one behind the ring",
	  "an available descriptor is beyond the ring", head_beyond },
	{ "an available descriptor is far behind the ring",
	  "an available descriptor is beyond the ring", head_far_beyond },
	{ "a buffer is offered again while the device has it",
	  MAYBE, twice },
	{ "a descriptor is its own next one", "descriptors loop", loop_of_one },
	{ "descriptors link in a circle", "descriptors loop", loop_of_two },
	{ "a next descriptor is one behind the ring", "a descriptor links beyond the ring",
	  next_beyond },
	{ "a next descriptor is far behind the ring", "a descriptor links beyond the ring",
	  next_far_beyond },
	{ "200 pieces in a request", "a buffer has too many segments", too_many, .size = 256 },
	{ "a piece of 0 bytes", "a segment is empty", empty },
	{ "a status of 0 bytes", "a segment is empty", empty_status },
	{ "a piece of 4 GiB", "a buffer has 4 GiB or more", four_gigabytes },
	{ "pieces that are 4 GiB in sum", "a buffer has 4 GiB or more", sum_wraps, .size = 32 },
	{ "a piece that wraps around", "a segment wraps around", address_wraps },
	{ "what is to be read lies behind what is to be written",
	  "a segment to read comes after one to write", reversed },
	{ "no room for the status", "a request without room for its status", no_status },
	{ "no header", "a request without a header", no_header },
	{ "half a header", "a request without a header", short_header },
	{ "half of the header outside of memory", "a request without a header", header_nowhere },
	{ "an indirect table that was not agreed upon",
	  "an indirect table, though not negotiated", table },
	{ "an indirect table is taken", NULL, table_works, INDIRECT },
	{ "one at an odd address", NULL, table_odd, INDIRECT },
	{ "one with an entry across two pages", NULL, table_across_pages, INDIRECT },
	{ "one behind a descriptor", NULL, table_behind, INDIRECT },
	{ "a table and a next descriptor", "a descriptor is indirect and has a next one",
	  table_and_next, INDIRECT },
	{ "a table in a table", "an indirect table in an indirect table", table_in_table,
	  INDIRECT },
	{ "the ring as its own table", "an indirect table in an indirect table", table_is_ring,
	  INDIRECT },
	{ "a table of 0 bytes", "an indirect table of a bad length", table_empty, INDIRECT },
	{ "a table of 47 bytes", "an indirect table of a bad length", table_of_47, INDIRECT },
	{ "a table of 1025 entries", "an indirect table of a bad length", table_huge, INDIRECT },
	{ "a table of 4 GiB", "an indirect table of a bad length", table_4g, INDIRECT },
	{ "a table behind the end of memory", "an indirect table outside of memory", table_nowhere,
	  INDIRECT },
	{ "a table that wraps around", "an indirect table outside of memory", table_wraps,
	  INDIRECT },
	{ "a table at 1 << 63", "an indirect table outside of memory", table_noncanonical,
	  INDIRECT },
	{ "a table across the end of memory", "an indirect table outside of memory",
	  table_ends_memory, INDIRECT },
	{ "a table that loops", "an indirect table loops", table_loops, INDIRECT },
	{ "a table that links beyond its end", "an indirect table links beyond its end",
	  table_links_out, INDIRECT },
	{ "1024 pieces in a table", "a buffer has too many segments", table_too_many, INDIRECT },
};

void test(void)
{
	run_stories(stories, COUNT(stories));
}
