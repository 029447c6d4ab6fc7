// SPDX-License-Identifier: GPL-2.0-only
/*
 * Requests to a disk (VIRTIO 1.2, 5.2.6) whose ring is good and whose content is not:
 * sectors, lengths, types and addresses that lie, one lie to a story (victim.h). The
 * request fails, the device does not; and nothing but the guest's own memory is written.
 */
#include "victim.h"

#define OK	VIRTIO_BLK_S_OK
#define IOERR	VIRTIO_BLK_S_IOERR
#define UNSUPP	VIRTIO_BLK_S_UNSUPP

#define WRITABLE (1UL << VIRTIO_BLK_F_FLUSH | 1UL << VIRTIO_BLK_F_DISCARD |	\
		  1UL << VIRTIO_BLK_F_WRITE_ZEROES | INDIRECT)

static bool gives(int expected)
{
	int status = answer_to(0);

	if (status == expected)
		return true;
	print("# status %d, not %d\n", status, expected);
	return false;
}

/* A request of that type and sector, with so many bytes of data. */
static bool request(u32 type, u64 sector, u32 bytes, int expected)
{
	put_request(0);
	raw.header->type = type;
	raw.header->sector = sector;
	raw.desc[1].len = bytes;
	if (type != VIRTIO_BLK_T_IN && type != VIRTIO_BLK_T_GET_ID)
		raw.desc[1].flags = NEXT;
	return gives(expected);
}

static u64 capacity(void)
{
	static u64 sectors;

	dev_config(&victim.dev, 0, &sectors, sizeof(sectors));
	return sectors;
}

/* ---- 1. Sectors ------------------------------------------------------------------------ */

static bool sectors_beyond(void)
{
	const u64 end = capacity();
	const u64 none[] = { end, end + 1, 1UL << 31, 1UL << 32, 1UL << 54, 1UL << 55,
			     (1UL << 55) + 1, 1UL << 63, ~0UL, ~0UL - 1, ~0UL / SECTOR + 1 };
	bool good = true;
	unsigned int i;

	for (i = 0; i < COUNT(none); i++) {
		good &= request(VIRTIO_BLK_T_IN, none[i], SECTOR, IOERR);
		good &= request(VIRTIO_BLK_T_OUT, none[i], SECTOR, IOERR);
	}
	good &= request(VIRTIO_BLK_T_IN, end - 1, 2 * SECTOR, IOERR);
	good &= request(VIRTIO_BLK_T_OUT, end - 1, 2 * SECTOR, IOERR);
	return good & request(VIRTIO_BLK_T_IN, end - 1, SECTOR, OK);
}

static bool odd_lengths(void)
{
	static const u32 odd[] = { 1, 511, 513, 1000, 4095 };
	bool good = true;
	unsigned int i;

	for (i = 0; i < COUNT(odd); i++) {
		good &= request(VIRTIO_BLK_T_IN, 0, odd[i], IOERR);
		good &= request(VIRTIO_BLK_T_OUT, 0, odd[i], IOERR);
	}
	return good;
}

static bool no_data(void)
{
	bool good;

	put_request(0);
	raw.desc[0].next = 2;
	good = gives(IOERR);
	raw.header->type = VIRTIO_BLK_T_OUT;
	return good & gives(IOERR);
}

/* At any address and split anywhere: the host's disk may be choosy, ours is not. */
static bool odd_addresses(void)
{
	u64 *word = (u64 *)(raw.data + 4096 * 3 + 1);
	unsigned int i;

	for (i = 0; i < 128; i++)
		word[i] = i * 0x123456789;
	put_request(0);
	raw.header->type = VIRTIO_BLK_T_OUT;
	put(1, pa(word), 1, NEXT, 3);
	put(3, pa(word) + 1, 511, NEXT, 4);
	put(4, pa(word) + 512, 500, NEXT, 5);
	put(5, pa(word) + 1012, 12, NEXT, 2);
	if (!gives(OK))
		return false;
	memset(word, 0, 1024);
	put_request(0);
	put(1, pa(word), 7, NEXT | WRITE, 3);
	put(3, pa(word) + 7, 1017, NEXT | WRITE, 2);
	if (!gives(OK))
		return false;
	for (i = 0; i < 128 && word[i] == i * 0x123456789; i++)
		;
	return i == 128;
}

/* The header may be split anywhere, too, and the status lie behind data. */
static bool odd_layout(void)
{
	put_request(0);
	put(0, pa(raw.header), 3, NEXT, 3);
	put(3, pa(raw.header) + 3, 13, NEXT, 4);
	put(4, pa(raw.data), SECTOR + 1, WRITE, 0);
	raw.data[SECTOR] = 0xff;
	offer(0);
	doorbell();
	return used_up(1) && raw.data[SECTOR] == OK;
}

/* ---- 2. Addresses ------------------------------------------------------------------------- */

static bool data_at(u64 addr, u32 bytes, int expected)
{
	bool good;

	put_request(0);
	raw.desc[1].addr = addr;
	raw.desc[1].len = bytes;
	good = gives(expected);
	raw.header->type = VIRTIO_BLK_T_OUT;
	raw.desc[1].flags = NEXT;
	return good & gives(expected);
}

static bool data_nowhere(void)
{
	const u64 none[] = { memory, memory + 4096, memory - 1, memory - 511, 1UL << 32,
			     1UL << 46, 1UL << 47, 0xffff888000000000, 0xffffffff80000000,
			     1UL << 63, ~0UL - 511 - 1, ~0xfffUL };
	bool good = true;
	unsigned int i;

	for (i = 0; i < COUNT(none); i++)
		good &= data_at(none[i], SECTOR, IOERR);
	return good;
}

static bool data_larger_than_memory(void)
{
	return data_at(0, memory + SECTOR, IOERR) & data_at(pa(raw.data), 0x7ffffe00, IOERR);
}

/* No byte of status, and no use of the request, but an answer. */
static bool status_nowhere(void)
{
	const u64 none[] = { memory, ~0UL - 1, 1UL << 63, 1UL << 46 };
	unsigned int i;

	for (i = 0; i < COUNT(none); i++) {
		put_request(0);
		raw.desc[2].addr = none[i];
		if (answer_to(0) != 0xff || raw.used->ring[i].len)
			return false;
	}
	put_request(0);
	return gives(OK);
}

/* Good pieces of the same memory, together more than a request may have. */
static bool too_long(void)
{
	unsigned int i;

	put_request(0);
	raw.table[0] = raw.desc[0];
	for (i = 1; i < 120; i++)
		raw.table[i] = (struct vring_desc){ 0, 1024 * 1024, NEXT | WRITE, i + 1 };
	raw.table[120] = raw.desc[2];
	put(0, pa(raw.table), 121 * 16, TABLE, 0);
	return gives(IOERR);
}

/* ---- 3. Types ----------------------------------------------------------------------------- */

static bool unknown_types(void)
{
	static const u32 types[] = { 2, 3, 5, 6, 7, 9, 10, 12, 14, 16, 255, 1U << 31, ~0U };
	bool good = true;
	unsigned int i;

	for (i = 0; i < COUNT(types); i++)
		good &= request(types[i], 0, SECTOR, UNSUPP);
	return good;
}

static bool flush_with_data(void)
{
	return request(VIRTIO_BLK_T_FLUSH, ~0UL, SECTOR, OK);
}

static bool short_id(void)
{
	bool good = request(VIRTIO_BLK_T_GET_ID, 0, 1, OK);

	good &= request(VIRTIO_BLK_T_GET_ID, 0, 4096, OK);
	put_request(0);
	raw.header->type = VIRTIO_BLK_T_GET_ID;
	put(1, memory - 20, 20, NEXT | WRITE, 2);
	return good & gives(OK);
}

static bool id_nowhere(void)
{
	put_request(0);
	raw.header->type = VIRTIO_BLK_T_GET_ID;
	raw.desc[1].addr = memory - 10;
	return gives(IOERR);
}

/* ---- 4. Ranges ------------------------------------------------------------------------------ */

static bool range(u32 type, u64 sector, u32 sectors, u32 flags, u32 bytes, int expected)
{
	*(struct virtio_blk_discard_write_zeroes *)raw.data =
		(struct virtio_blk_discard_write_zeroes){ sector, sectors, flags };
	return request(type, ~0UL, bytes, expected);
}

static bool bad_ranges(u32 type)
{
	const u64 end = capacity();

	return range(type, end, 1, 0, 16, IOERR) & range(type, end - 1, 2, 0, 16, IOERR) &
	       range(type, ~0UL, 1, 0, 16, IOERR) & range(type, 1UL << 55, 8, 0, 16, IOERR) &
	       range(type, 1, ~0U, 0, 16, IOERR) & range(type, 0, 0, 0, 16, IOERR) &
	       range(type, 0, 1U << 31, 0, 16, IOERR) & range(type, 0, 8, ~0U, 16, UNSUPP) &
	       range(type, 0, 8, 2, 16, UNSUPP) & range(type, 0, 8, 0, 15, UNSUPP) &
	       range(type, 0, 8, 0, 32, UNSUPP) & range(type, 0, 8, 0, 1, UNSUPP);
}

static bool bad_zeroes(void)
{
	return bad_ranges(VIRTIO_BLK_T_WRITE_ZEROES);
}

static bool bad_discards(void)
{
	if (dev_has(&victim.dev, VIRTIO_BLK_F_DISCARD))
		return bad_ranges(VIRTIO_BLK_T_DISCARD) &
		       range(VIRTIO_BLK_T_DISCARD, 0, 8, 1, 16, UNSUPP);
	return range(VIRTIO_BLK_T_DISCARD, 0, 8, 0, 16, UNSUPP);
}

static bool range_nowhere(void)
{
	put_request(0);
	raw.header->type = VIRTIO_BLK_T_WRITE_ZEROES;
	put(1, memory - 8, 16, NEXT, 2);
	return gives(IOERR);
}

/* ---- 5. Memory that is something else ------------------------------------------------------- */

/* What the disk has, or is to have, in its first sectors. */
static bool store(const void *from, u32 bytes)
{
	copy_to(raw.data, from, bytes);
	return request(VIRTIO_BLK_T_OUT, 0, bytes, OK);
}

static bool load(u64 to, u32 bytes)
{
	put_request(0);
	raw.desc[1].addr = to;
	raw.desc[1].len = bytes;
	return gives(OK);
}

/* Over the ring, while the request is in it. */
static bool over_the_ring(void)
{
	static u64 junk[512];
	unsigned int i;

	for (i = 0; i < COUNT(junk); i++)
		junk[i] = random();
	if (!store(junk, 4096))
		return false;
	put_request(0);
	raw.desc[1].addr = pa(raw.desc);
	raw.desc[1].len = 4096;
	offer(0);
	doorbell();
	used_up(2);
	/* and what became of it is offered */
	for (i = 0; i < 16; i++) {
		offer(i);
		doorbell();
	}
	return true;
}

static bool over_the_indices(void)
{
	static u64 junk[64];
	unsigned int i;

	for (i = 0; i < COUNT(junk); i++)
		junk[i] = random();
	if (!store(junk, 512))
		return false;
	put_request(0);
	raw.desc[1].addr = pa(raw.avail);
	offer(0);
	doorbell();
	doorbell();
	put_request(0);
	raw.desc[1].addr = pa(raw.used);
	offer(0);
	doorbell();
	doorbell();
	return true;
}

#define PLACE	0x7f0000000000UL	/* of user space; nothing else is there */

static u64 *entry_of(u64 at)
{
	return find_pte(guest_root(), at);
}

static void read_place(u64 at)
{
	*(volatile u64 *)at;
}

/*
 * A disk that writes page tables: entries come from it as they would from stores, and
 * what they say counts, if it is the guest's to say.
 */
static bool over_page_tables(void)
{
	u64 *mine = page_alloc();
	u64 entries[64] = {};
	u64 *table;

	mine[0] = 0x5555;
	map_page(guest_root(), PLACE, pa(mine), PTE_P | PTE_W | PTE_NX);
	table = (u64 *)((u64)entry_of(PLACE) & ~0xfffUL);
	if (attempt(read_place, PLACE) != NO_TRAP)
		return false;
	/* mine, beyond memory, reserved bits, none */
	entries[0] = pa(mine) | PTE_P | PTE_W | PTE_A | PTE_D;
	entries[1] = memory | PTE_P | PTE_W;
	entries[2] = 1UL << 50 | PTE_P | PTE_W;
	entries[3] = pa(mine);
	if (!store(entries, sizeof(entries)) || !load(pa(table), sizeof(entries)))
		return false;
	hcall(DOMUS_HC_MMU_FLUSH, DOMUS_FLUSH_ALL, 0, 0, 0, ~0UL, NULL);
	return attempt(read_place, PLACE) == NO_TRAP && *(u64 *)PLACE == 0x5555 &&
	       attempt(read_place, PLACE + 4096) == 14 && attempt(read_place, PLACE + 8192) == 14 &&
	       attempt(read_place, PLACE + 3 * 4096) == 14;
}

/* What is reserved in the pages that the host has mapped. */
static bool over_shared_pages(void)
{
	static u64 junk[64];
	unsigned int i;

	for (i = 0; i < COUNT(junk); i++)
		junk[i] = random();
	return store(junk, 512) && load(guest_info->vcpu_page_gpa + 2048, 512) &&
	       load(guest_info->vcpu_page_gpa + 3584, 512) &&
	       load(guest_info->event_page_gpa + 2048, 512);
}

static int five(void)
{
	return 5;
}

/* Code that has run already. */
static bool over_code(void)
{
	static const u8 first[] = { 0xb8, 5, 0, 0, 0, 0xc3 }, six[] = { 0xb8, 6, 0, 0, 0, 0xc3 };
	typeof(five) *code = page_alloc();
	u8 sector[SECTOR] = {};

	copy_to((void *)code, first, sizeof(first));
	if (code() != five())
		return false;
	copy_to(sector, six, sizeof(six));
	return store(sector, SECTOR) && load(pa((void *)code), SECTOR) && code() == 6;
}

static const struct story stories[] = {
	{ "sectors beyond the end, and such that their bytes wrap", NULL, sectors_beyond },
	{ "lengths that are no sectors", NULL, odd_lengths },
	{ "no data", NULL, no_data },
	{ "data at odd addresses, in odd pieces", NULL, odd_addresses },
	{ "the header in pieces, the status behind data", NULL, odd_layout },
	{ "data outside of memory", NULL, data_nowhere },
	{ "data larger than memory", NULL, data_larger_than_memory },
	{ "the status outside of memory", NULL, status_nowhere },
	{ "119 MiB of the same memory", NULL, too_long, WRITABLE },
	{ "types that are none", NULL, unknown_types },
	{ "a flush with sector and data", NULL, flush_with_data, WRITABLE },
	{ "the serial number to 1 byte, 4096 bytes, the end of memory", NULL, short_id },
	{ "the serial number across the end of memory", NULL, id_nowhere },
	{ "zeroes in ranges that are none", NULL, bad_zeroes, WRITABLE },
	{ "discards of ranges that are none", NULL, bad_discards, WRITABLE },
	{ "a range across the end of memory", NULL, range_nowhere, WRITABLE },
	{ "a disk that writes descriptors", MAYBE, over_the_ring },
	{ "a disk that writes indices", MAYBE, over_the_indices },
	{ "a disk that writes page tables", NULL, over_page_tables },
	{ "a disk that writes vCPU page and event page", NULL, over_shared_pages },
	{ "a disk that writes code", NULL, over_code },
};

void test(void)
{
	run_stories(stories, COUNT(stories));
}
