// SPDX-License-Identifier: GPL-2.0-only
/*
 * Buffers that a guest gives to be received into as it must not, a control queue that
 * lies, and what else may be done to an interface; one to a story (wire.h).
 */
#include "wire.h"

#define MERGE	(1UL << VIRTIO_NET_F_MRG_RXBUF)
#define CTRL	(1UL << VIRTIO_NET_F_CTRL_VQ | 1UL << VIRTIO_NET_F_CTRL_RX)
#define MQ	(CTRL | 1UL << VIRTIO_NET_F_MQ)
#define ANSWER	28U		/* bytes of a ping's answer behind its Ethernet header, at least */

#define EINVAL	22

#define USELESS	"a receive buffer that nothing fits into"
#define NOWHERE	"a receive buffer outside of memory, or of too many pages"

/* The host has our ping, and its answer finds no way to us. */
static bool lost(u32 bytes)
{
	return send(put_ping(bytes)) && received(0, 1);
}

/* One buffer, at any address. */
static bool buffer(u64 addr, u32 bytes, u16 flags)
{
	wire_put(&rxq, 0, addr, bytes, flags, 0);
	wire_offer(&rxq, 0);
	wire_kick(&rxq);
	return true;
}

/* ---- 1. Sizes ---------------------------------------------------------------------------- */

static bool to_be_read(void)
{
	return buffer(pa(in), 4096, 0);
}

static bool header_to_be_read(void)
{
	wire_put(&rxq, 0, pa(in), HDR, NEXT, 1);
	wire_put(&rxq, 1, pa(in) + 4096, 4000, WRITE, 0);
	wire_offer(&rxq, 0);
	wire_kick(&rxq);
	return true;
}

static bool header_only(void)
{
	return buffer(pa(in), HDR, WRITE);
}

static bool one_byte(void)
{
	return buffer(pa(in), 1, WRITE);
}

/* Those that do not take a frame whole lose it, and stay. */
static bool too_small(void)
{
	give(4, HDR + 13);
	return lost(100) && lost(0) && rxq.used->idx == 0;
}

static bool just_too_small(void)
{
	u32 bytes = HDR + 14 + ANSWER + 100;

	give(1, bytes - 1);
	if (!lost(100))
		return false;
	wire_put(&rxq, 1, pa(in) + 4096, bytes, WRITE, 0);
	wire_offer(&rxq, 1);
	wire_kick(&rxq);
	/* the small one is before it */
	return lost(100) && pinged(99);
}

/* A frame over many buffers, of which the first has not even its header whole. */
static bool merged(u32 bytes, u32 size, unsigned int expected)
{
	static u8 whole[64 * 1024];
	u32 at = 0, i, id, len;

	give(64, size);
	if (!send(put_ping(bytes)) || !wire_used(&rxq, expected))
		return false;
	for (i = 0; i < expected; i++, at += len) {
		id = rxq.used->ring[i].id;
		len = rxq.used->ring[i].len;
		if (id >= 64 || len > size)
			return false;
		copy_to(whole + at, in + id * 4096UL, len);
	}
	for (i = 8; i < 8 + bytes; i++)
		if (whole[HDR + 34 + i] != (u8)i)
			return false;
	return ((struct virtio_net_hdr_v1 *)whole)->num_buffers == expected &&
	       at == HDR + 14 + ANSWER + bytes && is_pong(whole + HDR);
}

static bool merged_small(void)
{
	/* 12 + 14 + 28 + 200 bytes */
	return merged(200, 13, 20);
}

static bool merged_pages(void)
{
	return merged(20000, 4096, 5);
}

/* More than 64, which is what a frame may take. */
static bool merged_too_many(void)
{
	give(128, 16);
	/* 12 + 14 + 28 + 100 bytes go into ten */
	return lost(1500) && rxq.used->idx == 0 && send(put_ping(100)) && wire_used(&rxq, 10);
}

static bool merged_one_missing(void)
{
	unsigned int i;

	give(4, 100);
	/* waits for more, and gets it */
	if (!send(put_ping(400)) || rxq.used->idx)
		return false;
	for (i = 4; i < 8; i++) {
		wire_put(&rxq, i, pa(in) + i * 4096UL, 100, WRITE, 0);
		wire_offer(&rxq, i);
	}
	wire_kick(&rxq);
	return wire_used(&rxq, 5);
}

static bool pages_21(void)
{
	return buffer(pa(in) + 1, 20 * 4096, WRITE);
}

static bool pages_20(void)
{
	give(1, 4096);
	wire_put(&rxq, 1, pa(in) + 4096, 20 * 4096, WRITE, 0);
	wire_offer(&rxq, 1);
	wire_kick(&rxq);
	return pinged(100) && pinged(20000);
}

/* ---- 2. Addresses --------------------------------------------------------------------------- */

static bool behind_memory(void)
{
	return buffer(gpa_end, 4096, WRITE);
}

static bool across_the_end(void)
{
	return buffer(gpa_end - 100, 4096, WRITE);
}

static bool far_away(void)
{
	return buffer(1UL << 63, 4096, WRITE);
}

static bool of_the_kernel(void)
{
	return buffer(0xffff888000000000, 4096, WRITE);
}

static bool half_of_it_nowhere(void)
{
	wire_put(&rxq, 0, pa(in), 2000, WRITE | NEXT, 1);
	wire_put(&rxq, 1, gpa_end, 2000, WRITE, 0);
	wire_offer(&rxq, 0);
	wire_kick(&rxq);
	return true;
}

/* All buffers are the same memory. */
static bool all_the_same(void)
{
	unsigned int i;

	for (i = 0; i < 16; i++) {
		wire_put(&rxq, i, pa(in), 4096, WRITE, 0);
		wire_offer(&rxq, i);
	}
	wire_kick(&rxq);
	for (i = 0; i < 16; i++)
		if (!send(put_ping(100)))
			return false;
	return wire_used(&rxq, 16) && is_pong(in + HDR);
}

static bool over_the_ring(void)
{
	buffer(pa(rxq.desc), 4096, WRITE);
	send(put_ping(1000));
	wire_used(&rxq, 1);
	wire_kick(&rxq);
	return true;
}

static bool over_the_indices(void)
{
	buffer(pa(rxq.avail), 4096, WRITE);
	send(put_ping(1000));
	wire_used(&rxq, 1);
	wire_kick(&rxq);
	return true;
}

/* What is reserved in the pages that the host has mapped, too. */
static bool over_shared_pages(void)
{
	wire_put(&rxq, 0, guest_info->vcpu_page_gpa + 2048, 512, WRITE, 0);
	wire_offer(&rxq, 0);
	wire_put(&rxq, 1, guest_info->event_page_gpa + 2048, 512, WRITE, 0);
	wire_offer(&rxq, 1);
	wire_kick(&rxq);
	return send(put_ping(300)) && send(put_ping(300)) && wire_used(&rxq, 2);
}

/* ---- 3. Rings -------------------------------------------------------------------------------- */

static bool twice(void)
{
	give(1, 4096);
	wire_offer(&rxq, 0);
	wire_kick(&rxq);
	return true;
}

static bool jump(void)
{
	rxq.avail->idx = 0x8000;
	wire_kick(&rxq);
	return true;
}

static bool head_beyond(void)
{
	wire_offer(&rxq, rxq.size);
	wire_kick(&rxq);
	return true;
}

static bool pieces(unsigned int nr)
{
	unsigned int i;

	for (i = 0; i < nr; i++)
		wire_put(&rxq, i, pa(in) + 100 * (i % 40), 100,
			 WRITE | (i < nr - 1 ? NEXT : 0), i + 1);
	wire_offer(&rxq, 0);
	wire_kick(&rxq);
	return true;
}

static bool too_many_pages(void)
{
	return pieces(21);
}

static bool too_many_pieces(void)
{
	return pieces(65);
}

/* Descriptors change while frames come into what they said before. */
static bool change(void)
{
	unsigned int i;

	give(256, 4096);
	ask_host("flood", "300");
	for (i = 0; i < 200000; i++) {
		rxq.desc[random_below(256)] = (struct vring_desc){
			random_below(2 * gpa_end), random_below(100000), WRITE, random_below(300)
		};
		if (i % 1000 == 0) {
			wire_offer(&rxq, random_below(256));
			wire_kick(&rxq);
		}
	}
	return true;
}

/* None for long, while the host sends; then as many as are wanted. */
static bool starved(void)
{
	ask_host("flood", "50");
	if (!send(put_ping(100)))
		return false;
	give(64, 4096);
	return wire_used(&rxq, 50 + 1) && received(50 + 1, 0);
}

/* A few, each so late that frames wait: these are lost some time, with a sender's patience. */
static bool one_by_one(void)
{
	u32 before = look(target.dev.info.name).lost;
	u64 end = now() + PATIENCE, next;
	u16 posted = 0;

	ask_host("flood", "1000");
	while (look(target.dev.info.name).lost == before) {
		give(1, 4096);
		if (now() > end || !wire_used(&rxq, ++posted))
			return false;
		for (next = now() + PATIENCE / 100; now() < next; )
			;
	}
	ask_host("flood", "0");
	give(64, 4096);
	return pinged(100);
}

static bool events_lie(void)
{
	u16 *avail_event = (void *)&rxq.used->ring[rxq.size];
	unsigned int i;

	give(128, 4096);
	for (i = 0; i < 100; i++) {
		rxq.avail->ring[rxq.size] = random();
		rxq.avail->flags = random();
		*avail_event = random();
		rxq.used->flags = random();
		if (!send(put_ping(100)))
			return false;
	}
	return wire_used(&rxq, 100);
}

static bool closed(void)
{
	bool good;

	give(16, 4096);
	good = !hcall(DOMUS_HC_DEV_QUEUE, DOMUS_QUEUE_DISABLE, target.dev.info.handle, RX, 0, 0,
		      NULL) && lost(100);
	if (wire_enable(&rxq, RX, 16) <= 0)
		return false;
	give(16, 4096);
	return good & pinged(100);
}

/* Memory is the guest's again, whatever the host sends. */
static bool reset_under_way(void)
{
	unsigned int i, n;

	for (n = 0; n < 20; n++) {
		give(64, 4096);
		ask_host("flood", "40");
		if (dev_reset(&target.dev))
			return false;
		memset(in, 0xa5, IN_PAGES * 4096);
		memset(rxq.used, 0xa5, 4096);
		for (i = 0; i < 200; i++)
			hc0(DOMUS_HC_YIELD);
		for (i = 0; i < IN_PAGES * 4096 && in[i] == 0xa5; i++)
			;
		if (i < IN_PAGES * 4096 || *(u64 *)rxq.used != 0xa5a5a5a5a5a5a5a5 ||
		    !dev_open(&target.dev, 0) || wire_enable(&rxq, RX, 256) <= 0 ||
		    !dev_go(&target.dev))
			return false;
	}
	return true;
}

static bool link_down(void)
{
	unsigned int i;

	give(16, 4096);
	for (i = 0; i < 5; i++) {
		ask_host("link", "down");
		ask_host("link", "up");
	}
	while (!look(target.dev.info.name).carrier)
		;
	return pinged(100);
}

/* ---- 4. Control and the rest ------------------------------------------------------------------ */

static bool pairs_that_are_none(void)
{
	return set_pairs(0) == VIRTIO_NET_ERR && set_pairs(3) == VIRTIO_NET_ERR &&
	       set_pairs(0x100) == VIRTIO_NET_ERR && set_pairs(0xffff) == VIRTIO_NET_ERR &&
	       set_pairs(1) == VIRTIO_NET_OK;
}

/* The host sends into queues that nobody has set up. */
static bool pairs_that_are_off(void)
{
	unsigned int i;

	give(16, 4096);
	if (set_pairs(2) != VIRTIO_NET_OK)
		return false;
	for (i = 0; i < 32; i++)
		if (!send(put_ping(i * 3)))
			return false;
	return set_pairs(1) == VIRTIO_NET_OK;
}

static bool commands_that_are_none(void)
{
	u8 message[8] = {};
	bool good = true;
	unsigned int i;

	for (i = 0; i < 256; i++) {
		message[0] = i;
		message[1] = 0xff;
		if (i != VIRTIO_NET_CTRL_RX && i != VIRTIO_NET_CTRL_MAC)
			good &= control(message, sizeof(message)) == VIRTIO_NET_ERR;
	}
	message[0] = VIRTIO_NET_CTRL_MQ;
	good &= control(message, 1) == VIRTIO_NET_ERR;
	message[1] = VIRTIO_NET_CTRL_MQ_VQ_PAIRS_SET;
	return good & (control(message, 3) == VIRTIO_NET_ERR);
}

/* An answer where there is no room, no memory. */
static bool nowhere_to_answer(void)
{
	const u64 at[] = { gpa_end, 1UL << 63, ~0xfffUL };
	unsigned int i;

	wire_put(&ctlq, 0, pa(table), 4, 0, 0);
	wire_offer(&ctlq, 0);
	wire_kick(&ctlq);
	for (i = 0; i < COUNT(at); i++) {
		wire_put(&ctlq, 2, pa(table), 4, NEXT, 3);
		wire_put(&ctlq, 3, at[i], 1, WRITE, 0);
		wire_offer(&ctlq, 2);
		wire_kick(&ctlq);
		wire_put(&ctlq, 4, at[i], 4, NEXT, 5);
		wire_put(&ctlq, 5, pa(table) + 100, 1, WRITE, 0);
		wire_offer(&ctlq, 4);
		wire_kick(&ctlq);
	}
	return wire_used(&ctlq, 1 + 2 * COUNT(at)) && table[100] == VIRTIO_NET_ERR &&
	       set_pairs(1) == VIRTIO_NET_OK;
}

/* A command in queue @nr, which is none for commands: is it left alone, and nobody hurt? */
static bool no_control(u64 nr)
{
	static struct wire_queue q;
	u64 end;

	if (wire_enable(&q, nr, 16) <= 0)
		return false;
	copy_to(table, "\4\0\1", 4);
	table[100] = 0xff;
	wire_put(&q, 0, pa(table), 4, NEXT, 1);
	wire_put(&q, 1, pa(table) + 100, 1, WRITE, 0);
	wire_offer(&q, 0);
	wire_kick(&q);
	/* one that is for commands has answered long ago, and the worker, too */
	for (end = now() + PATIENCE / 200; now() < end;)
		hc0(DOMUS_HC_YIELD);
	return !q.used->idx && table[100] == 0xff;
}

static int promiscuous(u8 on)
{
	const u8 message[] = { VIRTIO_NET_CTRL_RX, VIRTIO_NET_CTRL_RX_PROMISC, on };

	return control(message, sizeof(message));
}

/* Without MQ there is one pair, and control behind it; the rest is nobody's. */
static bool control_is_third(void)
{
	bool good = ctlq.nr == CONTROL_1 && promiscuous(1) == VIRTIO_NET_OK &&
		    set_pairs(1) == VIRTIO_NET_ERR && set_pairs(2) == VIRTIO_NET_ERR;

	good &= no_control(3) & no_control(CONTROL);
	give(16, 4096);
	return good && promiscuous(0) == VIRTIO_NET_OK && pinged(100);
}

/* With MQ it is the last, and the third one is a queue to receive into. */
static bool control_is_last(void)
{
	static struct wire_queue third;
	bool good = ctlq.nr == CONTROL && promiscuous(1) == VIRTIO_NET_OK &&
		    wire_enable(&third, CONTROL_1, 16) > 0 && set_pairs(2) == VIRTIO_NET_OK;

	wire_put(&third, 0, pa(in), 4096, WRITE, 0);
	wire_offer(&third, 0);
	wire_kick(&third);
	/* a frame of the host's may have come, but no answer to a command */
	good &= !third.used->idx || third.used->ring[0].len > HDR;
	give(16, 4096);
	return good && set_pairs(1) == VIRTIO_NET_OK && pinged(100);
}

/* What has no end within 64 bits is no buffer at all. */
static bool answer_that_wraps(void)
{
	wire_put(&ctlq, 0, pa(table), 4, NEXT, 1);
	wire_put(&ctlq, 1, ~0UL - 1, 4, WRITE, 0);
	wire_offer(&ctlq, 0);
	wire_kick(&ctlq);
	return true;
}

static bool queues_that_are_none(void)
{
	static const u64 none[] = { 5, 6, 255, 65535, 1UL << 31, 1UL << 32, ~0UL };
	static struct wire_queue q;
	bool good = true;
	unsigned int i;

	for (i = 0; i < COUNT(none); i++)
		good &= hc2(DOMUS_HC_DEV_NOTIFY, target.dev.info.handle, none[i]) == -EINVAL &&
			wire_enable(&q, none[i], 16) == -EINVAL;
	/* one that there is, but of nobody */
	return good & !hc2(DOMUS_HC_DEV_NOTIFY, target.dev.info.handle, 2) &
	       !hc2(DOMUS_HC_DEV_NOTIFY, target.dev.info.handle, 3);
}

/* Addresses and MTU are the host's to say. */
static bool config_lies(void)
{
	static struct virtio_net_config before, after;
	u32 size = target.dev.info.config_size, i;
	bool good = true;

	memset(table, 0xff, 64);
	good &= dev_config(&target.dev, 0, &before, size);
	for (i = 0; i < size; i++)
		good &= dev_call(&target.dev, DOMUS_DEV_WRITE, i, pa(table), 1) == -EINVAL;
	good &= dev_call(&target.dev, DOMUS_DEV_WRITE, 0, pa(table), 6) == -EINVAL;
	good &= dev_call(&target.dev, DOMUS_DEV_WRITE, 0, pa(table), size) == -EINVAL;
	good &= dev_call(&target.dev, DOMUS_DEV_READ, size, pa(table), 1) == -EINVAL;
	good &= dev_call(&target.dev, DOMUS_DEV_READ, ~0UL, pa(table), 2) == -EINVAL;
	good &= dev_config(&target.dev, 0, &after, size);
	for (i = 0; i < size; i++)
		good &= ((u8 *)&before)[i] == ((u8 *)&after)[i];
	return good;
}

/* Large frames without checksums, which VIRTIO 1.2 forbids: the host offers none. */
static bool odd_features(void)
{
	give(16, 4096);
	return pinged(100);
}

/* The driver is ready, but has no queue. */
static bool no_queues(void)
{
	unsigned int i;

	if (!dev_open(&target.dev, 0) || !dev_go(&target.dev))
		return false;
	ask_host("flood", "20");
	for (i = 0; i < 1000; i++)
		if (wire_kick(&rxq) || wire_kick(&txq) || wire_kick(&ctlq))
			return false;
	return true;
}

static const struct story stories[] = {
	{ "a buffer to be read", USELESS, to_be_read },
	{ "a buffer whose header is to be read", USELESS, header_to_be_read },
	{ "a buffer that takes a header only", USELESS, header_only },
	{ "a buffer of a byte, that may be merged", USELESS, one_byte, MERGE },
	{ "buffers too small for any frame", NULL, too_small },
	{ "a buffer a byte too small", NULL, just_too_small },
	{ "buffers of 13 bytes, merged", NULL, merged_small, MERGE, 64 },
	{ "buffers of a page, merged", NULL, merged_pages, MERGE, 64 },
	{ "more buffers than a frame may take", NULL, merged_too_many, MERGE, 256 },
	{ "a buffer too few: the frame waits", NULL, merged_one_missing, MERGE },
	{ "a buffer of 21 pages", NOWHERE, pages_21 },
	{ "one of 20 pages", NULL, pages_20 },
	{ "a buffer behind the end of memory", NOWHERE, behind_memory },
	{ "a buffer across the end of memory", NOWHERE, across_the_end },
	{ "a buffer at 1 << 63", NOWHERE, far_away },
	{ "a buffer at an address of the host's kernel", NOWHERE, of_the_kernel },
	{ "a buffer whose second half is not memory", NOWHERE, half_of_it_nowhere },
	{ "buffers that are all the same memory", NULL, all_the_same },
	{ "frames over descriptors", MAYBE, over_the_ring },
	{ "frames over indices", MAYBE, over_the_indices },
	{ "frames over vCPU page and event page", NULL, over_shared_pages },
	{ "a buffer is offered twice", "a buffer is made available twice", twice },
	{ "the available index jumps", "the available index jumps", jump },
	{ "a descriptor behind the ring", "an available descriptor is beyond the ring",
	  head_beyond },
	{ "65 pieces in a buffer", "a buffer has too many segments", too_many_pieces,
	  .size = 128 },
	{ "21 of as many pages", "a receive buffer outside of memory, or of too many pages",
	  too_many_pages, .size = 64 },
	{ "descriptors change while frames come", MAYBE, change, .size = 256 },
	{ "no buffers for long, then some", NULL, starved, .size = 64 },
	{ "one buffer at a time, each late", NULL, one_by_one, .size = 64 },
	{ "event indices and flags at random", NULL, events_lie, EVENT_IDX, 128 },
	{ "a queue closed with buffers in it, and opened", NULL, closed },
	{ "resets while frames come: memory is the guest's", NULL, reset_under_way, .size = 256 },
	{ "the link goes and comes with buffers in the ring", NULL, link_down },
	{ "numbers of pairs that are none", NULL, pairs_that_are_none, MQ },
	{ "pairs of queues that are not set up", NULL, pairs_that_are_off, MQ },
	{ "commands that are none, and too short", NULL, commands_that_are_none, MQ },
	{ "answers and commands outside of memory", NULL, nowhere_to_answer, MQ },
	{ "an answer where addresses wrap around", "a segment wraps around",
	  answer_that_wraps, MQ },
	{ "control is the third queue without MQ", NULL, control_is_third, CTRL },
	{ "and the last with it", NULL, control_is_last, MQ },
	{ "queues that are none", NULL, queues_that_are_none },
	{ "address and MTU written, and read beyond", NULL, config_lies },
	{ "large frames agreed upon without checksums", NULL, odd_features,
	  1UL << VIRTIO_NET_F_GUEST_TSO4 | 1UL << VIRTIO_NET_F_GUEST_ECN | MERGE },
	{ "a driver without queues", NULL, no_queues },
};

void test(void)
{
	tell_of_wire(stories, COUNT(stories));
}
