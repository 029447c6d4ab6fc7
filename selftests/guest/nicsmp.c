// SPDX-License-Identifier: GPL-2.0-only
/*
 * One network interface, and all vCPUs at it: a pair of queues for each of two, doorbells of
 * all for one that sends and receives, and calls of all kinds under each other's hands.
 * Frames go as often as they were sent, after a reset memory is the guest's, and what is
 * left of a storm in which all is allowed is an interface that a reset mends (wire.h).
 */
#include "abuse.h"
#include "wire.h"

#define CPUS	4
#define MQ	(1UL << VIRTIO_NET_F_CTRL_VQ | 1UL << VIRTIO_NET_F_MQ)
#define TX_2	3
#define QUEUES	5
#define ROUNDS	arg_number("rounds", 20)

static void kick_both(u64 me)
{
	while (others_go_on())
		wire_kick(me & 1 ? &txq : &rxq);
}

/* ---- 1. What is asked for is done --------------------------------------------------------- */

static struct wire_queue second;
static u8 *seconds;		/* its frame, with the header */
static u32 bytes;		/* of it, and of the first one's */

static bool sends(struct wire_queue *q, const void *from)
{
	unsigned int i;

	for (i = 0; i < ROUNDS * 10; i++) {
		u16 n = q->used->idx + 1;

		wire_put(q, 0, pa(from), HDR + bytes, 0, 0);
		wire_offer(q, 0);
		wire_kick(q);
		if (!wire_used(q, n))
			return false;
	}
	return true;
}

static u32 sent;

static void by_second_pair(u64 me)
{
	if (me == 1)
		set(&sent, 1 + sends(&second, seconds));
}

static bool own_pairs(void)
{
	bool good;

	if (wire_enable(&second, TX_2, 16) <= 0 || set_pairs(2) != VIRTIO_NET_OK)
		return false;
	bytes = put_ping(100);
	if (!seconds)
		seconds = page_alloc();
	copy_to(seconds, hdr, HDR + bytes);
	set(&sent, 0);
	others_start(by_second_pair);
	good = sends(&txq, hdr);
	good &= within(get(&sent)) && get(&sent) == 2;
	return others_stop() & good & counted(2 * ROUNDS * 10, 0, 0);
}

static bool doorbells(void)
{
	unsigned int i;
	bool good = true;

	others_start(kick_both);
	for (i = 0; good && i < ROUNDS * 5; i++) {
		give(1, 4096);
		good = pinged(100 + i % 1000);
	}
	return others_stop() & good & counted(ROUNDS * 5, 0, 0);
}

/* ---- 2. Resets under others' hands ----------------------------------------------------------- */

static void send_many(void)
{
	unsigned int i;

	for (i = 0; i < 256; i++) {
		wire_put(&txq, i, pa(hdr), HDR + bytes, 0, 0);
		wire_offer(&txq, i);
	}
	wire_kick(&txq);
}

/* The memory of a device that is none, to which the host would send. */
static bool is_ours(void)
{
	unsigned int i;

	memset(in, 0xa5, IN_PAGES * 4096);
	memset(rxq.used, 0xa5, 4096);
	memset(txq.used, 0xa5, 4096);
	for (i = 0; i < 200; i++)
		hc0(DOMUS_HC_YIELD);
	return untouched(in, IN_PAGES * 4096) && untouched(rxq.used, 4096) &&
	       untouched(txq.used, 4096);
}

static bool reset_while_they_ring(void)
{
	unsigned int round;
	bool good = true;

	bytes = put_ping(1000);
	others_start(kick_both);
	for (round = 0; good && round < ROUNDS; round++) {
		ask_host("flood", "40");
		give(64, 4096);
		send_many();
		good = !dev_reset(&target.dev) && is_ours() && dev_open(&target.dev, 0) &&
		       wire_enable(&rxq, RX, 256) > 0 && wire_enable(&txq, TX, 256) > 0 &&
		       dev_go(&target.dev);
	}
	return others_stop() & good;
}

/* ---- 3. Storms -------------------------------------------------------------------------------- */

/* A ring of the first pair's, for any queue. */
static void a_queue(struct domus_dev_queue *to, u64 nr, u64 z)
{
	const struct wire_queue *q = nr & 1 ? &txq : &rxq;

	to->desc = pa(q->desc);
	to->driver = pa(q->avail);
	to->device = pa(q->used);
}

static void a_ring(u64 z)
{
	struct wire_queue *q = z & 1 << 20 ? &txq : &rxq;

	q->avail->ring[z >> 40 & 255] = z >> 32 & 63;
	q->avail->idx += z >> 56 & 15;
}

/* Now and then it is what it should be, with frames both ways: there is something to break. */
static bool anything(void)
{
	static const struct abused what = { &target.dev, QUEUES, a_queue, a_ring };
	u64 seed = arg_number("seed", 1) * 64, i;

	bytes = put_ping(100);
	abuse_by_others(&what);
	for (i = 0; i < ROUNDS * 500; i++) {
		if (i % 512 == 0 && dev_open(&target.dev, MQ) && wire_enable(&rxq, RX, 256) > 0 &&
		    wire_enable(&txq, TX, 256) > 0 && dev_go(&target.dev)) {
			ask_host("flood", "40");
			give(64, 4096);
			send_many();
		}
		abuse(&seed, 0);
	}
	return others_stop();
}

static const struct story stories[] = {
	{ "two vCPUs send, each by its own pair of queues", NULL, own_pairs, MQ },
	{ "all ring for one that sends and receives", NULL, doorbells, .size = 256 },
	{ "a reset while others ring and frames come: memory is the guest's", NULL,
	  reset_while_they_ring, .size = 256 },
	{ "all do anything", MAYBE, anything, MQ, 256 },
};

void test(void)
{
	if (others_all() != CPUS)
		guest_stop(DOMUS_SHUTDOWN_CRASH, "four vCPUs are needed");
	smp_init(CPUS);
	tell_of_wire(stories, COUNT(stories));
}
