// SPDX-License-Identifier: GPL-2.0-only
/*
 * Rings that change while the device reads them, resets at any time, storms: what it
 * makes of that is open, one way or the other, but neither the host nor another disk nor
 * memory that is the guest's again may have part in it (victim.h).
 *
 * The device works on two CPUs: on the vCPU's at the doorbell, and by a worker on
 * another one where there are more than 64 buffers. That is who the guest races with.
 */
#include "victim.h"

#define MANY	(1UL << VIRTIO_BLK_F_FLUSH | INDIRECT)
#define ROUNDS	arg_number("rounds", 20)

/* Many requests of one page each, of which each has descriptors of its own. */
static void put_many(unsigned int n)
{
	unsigned int i;

	for (i = 0; i < n; i++) {
		put_request(3 * i);
		raw.desc[3 * i + 1].addr = pa(raw.data) + (i & 15) * 4096;
		raw.desc[3 * i + 1].len = 4096;
	}
}

static void offer_many(unsigned int n)
{
	u16 index = raw.avail->idx;
	unsigned int i;

	for (i = 0; i < n; i++)
		raw.avail->ring[(u16)(index + i) & (raw.size - 1)] = 3 * i;
	__atomic_store_n(&raw.avail->idx, index + n, __ATOMIC_RELEASE);
}

static bool again(void)
{
	return !dev_broken(&victim.dev) || raw_open(MANY, raw.size);
}

/* ---- 1. Changes behind the doorbell ----------------------------------------------------- */

static bool change(void (*how)(unsigned int i))
{
	unsigned int round, i;

	for (round = 0; round < ROUNDS; round++) {
		put_many(80);
		offer_many(80);
		doorbell();
		for (i = 0; i < 2000; i++)
			how(i);
		if (!raw_open(MANY, raw.size))
			return false;
	}
	return true;
}

static void lengths(unsigned int i)
{
	raw.desc[random_below(240)].len = i & 1 ? 0xffffffff : random_below(8192);
}

static void addresses(unsigned int i)
{
	raw.desc[random_below(240)].addr = i & 1 ? random() : random_below(memory);
}

static void links(unsigned int i)
{
	raw.desc[random_below(240)].next = random_below(300);
	raw.desc[random_below(240)].flags = random() & 7;
}

static void types(unsigned int i)
{
	raw.header->type = i & 1 ? VIRTIO_BLK_T_OUT : random_below(16);
	raw.header->sector = i & 2 ? random() : 0;
}

static void heads(unsigned int i)
{
	raw.avail->ring[random_below(raw.size)] = random_below(300);
	if (!(i % 100))
		raw.avail->idx += random_below(8);
}

static void tables(unsigned int i)
{
	raw.desc[3 * random_below(80)] = (struct vring_desc){ pa(raw.table), 48, TABLE, 0 };
	raw.table[random_below(3)] = raw.desc[random_below(240)];
}

static bool lengths_change(void) { return change(lengths); }
static bool addresses_change(void) { return change(addresses); }
static bool links_change(void) { return change(links); }
static bool types_change(void) { return change(types); }
static bool heads_change(void) { return change(heads); }
static bool tables_change(void) { return change(tables); }

/* ---- 2. Resets with requests under way --------------------------------------------------- */

/* What was to be read into is the guest's again, and stays what it makes of it. */
static bool reset_under_way(void)
{
	unsigned int round, i;

	for (round = 0; round < ROUNDS; round++) {
		put_many(80);
		offer_many(80);
		doorbell();
		if (dev_reset(&victim.dev))
			return false;
		memset(raw.data, 0xa5, 16 * 4096);
		memset(raw.used, 0xa5, 4096);
		for (i = 0; i < 50; i++)
			hc0(DOMUS_HC_YIELD);
		for (i = 0; i < 16 * 4096 && raw.data[i] == 0xa5; i++)
			;
		if (i < 16 * 4096 || *(u64 *)raw.used != 0xa5a5a5a5a5a5a5a5 ||
		    !raw_open(MANY, raw.size))
			return false;
	}
	return true;
}

static bool reset_storm(void)
{
	unsigned int round;

	for (round = 0; round < ROUNDS * 10; round++) {
		put_many(80);
		offer_many(1 + random_below(80));
		doorbell();
		if (!raw_open(MANY, raw.size))
			return false;
	}
	return true;
}

static bool close_under_way(void)
{
	unsigned int round;

	for (round = 0; round < ROUNDS; round++) {
		put_many(80);
		offer_many(80);
		doorbell();
		if (hcall(DOMUS_HC_DEV_QUEUE, DOMUS_QUEUE_DISABLE, victim.dev.info.handle, 0, 0, 0,
			  NULL))
			return false;
		memset(raw.avail, 0, 4096);
		memset(raw.used, 0, 3 * 4096);
		if (raw_enable(0, raw.size, pa(raw.desc), pa(raw.avail), pa(raw.used)) <= 0)
			return false;
	}
	put_many(16);
	offer_many(16);
	doorbell();
	return used_up(16);
}

/* ---- 3. Storms ------------------------------------------------------------------------------ */

/* Nobody looks at what is used, and the same is offered again as soon as it may be. */
static bool flood(void)
{
	unsigned int round;

	put_many(80);
	for (round = 0; round < ROUNDS * 10; round++) {
		offer_many(80);
		doorbell();
		if (!again())
			return false;
	}
	return true;
}

/* Each asks for as much as can be at odd addresses: the host copies, but not without end. */
static bool bounced(void)
{
	unsigned int i, n = 32;

	put_many(n);
	for (i = 0; i < 100; i++)
		raw.table[i + 1] = (struct vring_desc){
			pa(raw.data) + 1, 15 * 4096, NEXT | WRITE, i + 2
		};
	raw.table[0] = (struct vring_desc){ pa(raw.header), 16, NEXT, 1 };
	raw.table[101] = (struct vring_desc){ pa((void *)raw.status), 1, WRITE, 0 };
	for (i = 0; i < n; i++)
		put(3 * i, pa(raw.table), 102 * 16, TABLE, 0);
	offer_many(n);
	doorbell();
	return used_up(n) && *raw.status == VIRTIO_BLK_S_OK;
}

static bool events_lie(void)
{
	u16 *avail_event = (void *)&raw.used->ring[raw.size];
	unsigned int i, n = 0;

	for (i = 0; i < ROUNDS * 5; i++) {
		put_many(8);
		offer_many(8);
		n += 8;
		raw.avail->ring[raw.size] = random();		/* used_event */
		raw.avail->flags = random();
		*avail_event = random();	/* this and the flags are not ours */
		raw.used->flags = random();
		doorbell();
		if (!used_up(n))
			return false;
	}
	return true;
}

/* Anything anywhere in the three areas and in a table, and a doorbell now and then. */
static bool anything(void)
{
	unsigned int i;

	for (i = 0; i < ROUNDS * 1000; i++) {
		u8 *area[] = { (u8 *)raw.desc, (u8 *)raw.avail, (u8 *)raw.used, (u8 *)raw.table };

		area[random_below(4)][random_below(512)] = random();
		if (i % 16)
			continue;
		if (i % 64 == 0) {
			put_request(0);
			offer(0);
		}
		doorbell();
		if (!again())
			return false;
	}
	return true;
}

static const struct story stories[] = {
	{ "lengths change behind the doorbell", MAYBE, lengths_change, MANY, 256 },
	{ "addresses do", MAYBE, addresses_change, MANY, 256 },
	{ "links and flags do", MAYBE, links_change, MANY, 256 },
	{ "types and sectors do", MAYBE, types_change, MANY, 256 },
	{ "the available ring does", MAYBE, heads_change, MANY, 256 },
	{ "indirect tables do", MAYBE, tables_change, MANY, 256 },
	{ "a reset with requests under way: memory is the guest's", NULL, reset_under_way, MANY,
	  256 },
	{ "a storm of resets", NULL, reset_storm, MANY, 256 },
	{ "a queue closed with requests under way", NULL, close_under_way, MANY, 256 },
	{ "a flood whose used ring nobody reads", MAYBE, flood, MANY, 256 },
	{ "190 MiB at odd addresses, at once", NULL, bounced, MANY, 256 },
	{ "event indices and flags at random", NULL, events_lie, MANY | EVENT_IDX, 256 },
	{ "anything anywhere", MAYBE, anything, MANY | EVENT_IDX, 256 },
};

void test(void)
{
	run_stories(stories, COUNT(stories));
}
