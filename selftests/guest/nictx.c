// SPDX-License-Identifier: GPL-2.0-only
/*
 * Frames that a guest sends as it must not: headers that lie, lengths that are none,
 * buffers laid out in odd ways, one to a story (wire.h). The frame is dropped and
 * counted, or delivered; only what breaks the ring's rules breaks the device.
 */
#include "wire.h"

#define CSUM	(1UL << VIRTIO_NET_F_CSUM)
#define TSO	(CSUM | 1UL << VIRTIO_NET_F_HOST_TSO4)
#define NEEDS	VIRTIO_NET_HDR_F_NEEDS_CSUM
#define TCP4	VIRTIO_NET_HDR_GSO_TCPV4
#define ICMP_AT	34		/* in the frame: what the checksum begins at */
#define SEGMENTS_MAX 64		/* of a chain: uapi/PARA-API.md */
#define FRAME_MAX (14 + 4 + 65535)

/* ---- 1. Headers ----------------------------------------------------------------------- */

static bool goes(u32 bytes)
{
	return send(bytes) & counted(1, 0, 0);
}

static bool fails(u32 bytes)
{
	return send(bytes) & counted(0, 1, 0);
}

static void checksum(u16 start, u16 offset)
{
	hdr->flags = NEEDS;
	hdr->csum_start = start;
	hdr->csum_offset = offset;
}

static bool start_beyond(void)
{
	static const u16 starts[] = { 142, 143, 200, 1500, 0x7fff, 0xffff };
	u32 bytes = put_ping(100);
	bool good = true;
	unsigned int i;

	for (i = 0; i < COUNT(starts); i++) {
		checksum(starts[i], 2);
		good &= fails(bytes);
	}
	return good;
}

static bool offset_beyond(void)
{
	static const u16 offsets[] = { 107, 108, 1000, 0x7fff, 0xfffe, 0xffff };
	u32 bytes = put_ping(100);
	bool good = true;
	unsigned int i;

	for (i = 0; i < COUNT(offsets); i++) {
		checksum(ICMP_AT, offsets[i]);
		good &= fails(bytes);
	}
	checksum(ICMP_AT, 106);		/* the frame's last two bytes */
	return good & goes(bytes);
}

/* What to do with a sum at odd places is left to who needs it. */
static bool sum_anywhere(void)
{
	u32 bytes = put_ping(100), i;
	bool good = true;

	for (i = 0; i < 64; i++) {
		checksum(random_below(100), random_below(40));
		good &= send(bytes);
	}
	return good & counted(64, 0, 0);
}

static bool size_0(void)
{
	u32 bytes = put_ping(1000);
	bool good;

	hdr->gso_type = TCP4;
	good = fails(bytes);
	checksum(ICMP_AT, 16);
	return good & fails(bytes);
}

static bool types_unknown(void)
{
	u32 bytes = put_ping(1000);
	bool good = true;
	unsigned int type;

	for (type = 1; type < 256; type++) {
		if ((type & 0x7f) == TCP4)
			continue;
		hdr->gso_type = type;
		hdr->gso_size = 500;
		good &= send(bytes);
	}
	return good & counted(0, 253, 0);
}

static bool not_agreed(void)
{
	u32 bytes = put_ping(1000);
	bool good;

	hdr->gso_type = TCP4;
	hdr->gso_size = 500;
	good = fails(bytes);
	put_ping(1000);
	checksum(ICMP_AT, 2);
	return good & fails(bytes);
}

static bool ecn_not_agreed(void)
{
	u32 bytes = put_ping(1000);

	hdr->gso_type = TCP4 | VIRTIO_NET_HDR_GSO_ECN;
	hdr->gso_size = 500;
	return fails(bytes);
}

/* For ICMP the place of TCP's sum is another one. */
static bool tso_of_no_tcp(void)
{
	u32 bytes = put_ping(1000);

	hdr->gso_type = TCP4;
	hdr->gso_size = 500;
	checksum(ICMP_AT, 2);
	return fails(bytes);
}

static bool headers_beyond(void)
{
	u32 bytes = put_ping(100);
	bool good;

	hdr->hdr_len = 0xffff;
	good = goes(bytes);
	put_ping(100);
	hdr->gso_type = TCP4;
	hdr->gso_size = 50;
	hdr->hdr_len = 0xffff;
	checksum(130, 16);		/* TCP's header does not fit */
	return good & fails(bytes);
}

/* Flags and fields that are not the guest's to set. */
static bool fields_ignored(void)
{
	u32 bytes = put_ping(100);
	bool good;

	hdr->num_buffers = 0xffff;
	good = goes(bytes);
	hdr->flags = 0xf8 | VIRTIO_NET_HDR_F_DATA_VALID | VIRTIO_NET_HDR_F_RSC_INFO;
	hdr->csum_start = 0xffff;
	hdr->csum_offset = 0xffff;
	return good & goes(bytes);
}

/* That a sum is good is the host's to find out: it answers the second ping alone. */
static bool sum_not_vouched_for(void)
{
	struct ip *p = (struct ip *)frame;
	u32 bytes = put_ping(100);

	give(4, 4096);
	p->data[2] ^= 1;
	hdr->flags = VIRTIO_NET_HDR_F_DATA_VALID;
	return send(bytes) && pinged(100) && rxq.used->idx == 1;
}

/* 60 KiB in segments of one byte: not as many as the guest says. */
static bool tiny_segments(void)
{
	struct ip *p = (struct ip *)frame;
	u32 bytes = put_ping(60000);
	unsigned int size;
	bool good = true;

	p->protocol = 6;
	put_be(p->sum, 2, 0);
	put_be(p->sum, 2, ip_checksum(&p->version, 20));
	p->data[12] = 0x50;
	for (size = 1; size < 9; size++) {
		hdr->gso_type = TCP4;
		hdr->gso_size = size;
		checksum(ICMP_AT, 16);
		good &= send(bytes);
	}
	return good & counted(8, 0, 0);
}

/* ---- 2. Lengths ----------------------------------------------------------------------------- */

static bool too_short(void)
{
	bool good = true;
	u32 bytes;

	put_ping(100);
	for (bytes = 0; bytes < 14; bytes++)
		good &= send(bytes);
	return good & counted(0, 14, 0) & goes(14);
}

static bool half_a_header(void)
{
	bool good = true;
	u16 bytes;

	for (bytes = 1; bytes < HDR; bytes++) {
		wire_put(&txq, 0, pa(hdr), bytes, 0, 0);
		wire_offer(&txq, 0);
		wire_kick(&txq);
		good &= wire_used(&txq, bytes);
	}
	return good & counted(0, HDR - 1, 0);
}

static bool too_long(void)
{
	bool good = true;

	put_ping(60000);
	good &= goes(FRAME_MAX);
	good &= fails(FRAME_MAX + 1);
	wire_put(&txq, 0, 0, gpa_end, 0, 0);
	wire_offer(&txq, 0);
	wire_kick(&txq);
	good &= wire_used(&txq, 3);
	return good & counted(0, 1, 0);
}

/* Without bytes for what its type says, and the same a thousand times at random. */
static bool malformed(void)
{
	static const u16 types[] = { ETH_IP, ETH_ARP, 0x86dd, 0x8100, 0x88a8, 0x8847, 0x0000,
				     0x05ff, 0x8864, 0xffff };
	bool good = true;
	u32 bytes, i, k;

	put_ping(1000);
	for (i = 0; i < COUNT(types); i++) {
		put_be(frame + 12, 2, types[i]);
		for (bytes = 14; bytes < 24; bytes++)
			good &= send(bytes);
	}
	for (i = 0; i < 1000; i++) {
		bytes = put_ping(random_below(200));
		for (k = 0; k < 4; k++)
			frame[12 + random_below(bytes - 12)] = random();
		good &= send(bytes);
	}
	/* tags in tags */
	for (i = 12; i < 1000; i += 4)
		put_be(frame + i, 4, 0x81000001);
	good &= send(1000);
	/* the host's stack drops those that nobody is there for */
	return good & counted(10 * COUNT(types) + 1001, 0, ANY);
}

/* ---- 3. Layout --------------------------------------------------------------------------------- */

static void descriptors(u32 first, u32 rest, u32 bytes)
{
	u32 at = 0, n = first, i = 0;

	for (; at < HDR + bytes; at += n, n = rest, i++) {
		if (n > HDR + bytes - at)
			n = HDR + bytes - at;
		wire_put(&txq, i, pa(hdr) + at, n, at + n < HDR + bytes ? NEXT : 0, i + 1);
	}
	wire_offer(&txq, 0);
	wire_kick(&txq);
}

static bool odd_pieces(void)
{
	static const u8 first[] = { 1, 5, 11, 12, 13, 25, 26, 27 };
	bool good = true;
	unsigned int i;

	for (i = 0; i < COUNT(first); i++) {
		descriptors(first[i], 9, put_ping(100));
		good &= wire_used(&txq, i + 1);
	}
	return good & counted(COUNT(first), 0, 0);
}

static bool bytes_of_table(void)
{
	struct vring_desc *d = (void *)table;
	u32 bytes = put_ping(100), last = SEGMENTS_MAX - 1, i;

	/* headers in pieces of one byte, as many as may be, and the rest */
	for (i = 0; i < last; i++)
		d[i] = (struct vring_desc){ pa(hdr) + i, 1, NEXT, i + 1 };
	d[last] = (struct vring_desc){ pa(hdr) + last, HDR + bytes - last, 0, 0 };
	wire_put(&txq, 0, pa(table), SEGMENTS_MAX * 16, TABLE, 0);
	wire_offer(&txq, 0);
	wire_kick(&txq);
	return wire_used(&txq, 1) & counted(1, 0, 0);
}

static bool too_many_pieces(void)
{
	descriptors(1, 1, put_ping(SEGMENTS_MAX - HDR - 42 + 1));
	return true;
}

static bool to_be_written(void)
{
	bool good;

	wire_put(&txq, 0, pa(hdr), HDR + put_ping(100), WRITE, 0);
	wire_offer(&txq, 0);
	wire_kick(&txq);
	good = wire_used(&txq, 1) & counted(0, 1, 0);
	/* a good one, and room behind it */
	wire_put(&txq, 0, pa(hdr), HDR + put_ping(100), NEXT, 1);
	wire_put(&txq, 1, pa(in), 4096, WRITE, 0);
	wire_offer(&txq, 0);
	wire_kick(&txq);
	return good & wire_used(&txq, 2) & counted(1, 0, 0) & (txq.used->ring[1].len == 0);
}

static bool written_then_read(void)
{
	wire_put(&txq, 0, pa(in), 4096, WRITE | NEXT, 1);
	wire_put(&txq, 1, pa(hdr), HDR + put_ping(100), 0, 0);
	wire_offer(&txq, 0);
	wire_kick(&txq);
	return true;
}

static bool nowhere(void)
{
	const u64 none[] = { gpa_end, gpa_end - 100, 1UL << 32, 1UL << 46, 1UL << 47, 1UL << 63,
			     0xffff888000000000, 0xffffffff80000000, ~0xfffUL };
	bool good = true;
	unsigned int i;

	for (i = 0; i < COUNT(none); i++) {
		/* all of it, and the frame alone */
		wire_put(&txq, 0, none[i], HDR + 1000, 0, 0);
		wire_offer(&txq, 0);
		wire_kick(&txq);
		wire_put(&txq, 0, pa(hdr), HDR, NEXT, 1);
		wire_put(&txq, 1, none[i], 1000, 0, 0);
		wire_offer(&txq, 0);
		wire_kick(&txq);
		good &= wire_used(&txq, 2 * i + 2);
	}
	return good & counted(0, 2 * COUNT(none), 0);
}

/* The host's own pages, as far as the guest may read them. */
static bool shared_pages(void)
{
	wire_put(&txq, 0, guest_info->vcpu_page_gpa, 4096, 0, 0);
	wire_offer(&txq, 0);
	wire_put(&txq, 1, guest_info->event_page_gpa, 4096, 0, 0);
	wire_offer(&txq, 1);
	wire_put(&txq, 2, pa(txq.desc), 4096, 0, 0);
	wire_offer(&txq, 2);
	wire_kick(&txq);
	return wire_used(&txq, 3);
}

/* ---- 4. Rings, storms, times ---------------------------------------------------------------------- */

static bool jump(void)
{
	txq.avail->idx = txq.size + 1;
	wire_kick(&txq);
	return true;
}

static bool loop(void)
{
	wire_put(&txq, 0, pa(hdr), 100, NEXT, 1);
	wire_put(&txq, 1, pa(hdr), 100, NEXT, 0);
	wire_offer(&txq, 0);
	wire_kick(&txq);
	return true;
}

/* More than one kick takes, and nobody looks at what is used. */
static bool flood(void)
{
	u32 bytes = put_ping(100), i, n;

	for (n = 0; n < 20; n++) {
		for (i = 0; i < 256; i++) {
			wire_put(&txq, i, pa(hdr), HDR + bytes, 0, 0);
			wire_offer(&txq, i);
		}
		wire_kick(&txq);
		if (!wire_used(&txq, 256 * (n + 1)))
			return false;
	}
	return counted(20 * 256, 0, 0);
}

/* All of it changes while the worker, on another CPU, sends. */
static bool changes(void)
{
	u32 bytes, i, n;

	for (n = 0; n < 20; n++) {
		bytes = put_ping(1000);
		for (i = 0; i < 256; i++) {
			wire_put(&txq, i, pa(hdr), HDR + bytes, 0, 0);
			wire_offer(&txq, i);
		}
		wire_kick(&txq);
		for (i = 0; i < 3000; i++) {
			((u8 *)hdr)[random_below(64)] = random();
			txq.desc[128 + random_below(128)].len = random_below(70000);
			if (i & 1)
				txq.desc[128 + random_below(128)].addr = random_below(2 * gpa_end);
		}
		if (!wire_used(&txq, 256 * (n + 1)))
			return dev_broken(&target.dev);
	}
	return true;
}

static bool storm(void)
{
	unsigned int i;

	for (i = 0; i < 30000; i++)
		if (wire_kick(i & 1 ? &txq : &rxq))
			return false;
	return goes(put_ping(100));
}

static bool reset_under_way(void)
{
	u32 bytes, i, n;

	for (n = 0; n < 50; n++) {
		bytes = put_ping(1000);
		for (i = 0; i < 256; i++) {
			wire_put(&txq, i, pa(hdr), HDR + bytes, 0, 0);
			wire_offer(&txq, i);
		}
		wire_kick(&txq);
		if (dev_reset(&target.dev))
			return false;
		memset(txq.used, 0xa5, 4096);
		hc0(DOMUS_HC_YIELD);
		if (*(u64 *)txq.used != 0xa5a5a5a5a5a5a5a5 || !dev_open(&target.dev, 0) ||
		    wire_enable(&txq, TX, 256) <= 0 || !dev_go(&target.dev))
			return false;
	}
	return true;
}

/* The host's end is down: nobody wants frames, but they are used up. */
static bool link_down(void)
{
	u32 bytes, i;
	bool good;

	ask_host("link", "down");
	bytes = put_ping(100);
	for (i = 0; i < 256; i++) {
		wire_put(&txq, i, pa(hdr), HDR + bytes, 0, 0);
		wire_offer(&txq, i);
	}
	wire_kick(&txq);
	good = wire_used(&txq, 256) & counted(0, 0, 256);
	ask_host("link", "up");
	return good;
}

static const struct story stories[] = {
	{ "the checksum begins behind the frame", NULL, start_beyond, CSUM },
	{ "the checksum goes behind the frame", NULL, offset_beyond, CSUM },
	{ "the checksum is anywhere in the frame", NULL, sum_anywhere, CSUM },
	{ "segments of 0 bytes", NULL, size_0, TSO },
	{ "kinds of segments that are none", NULL, types_unknown, TSO },
	{ "segments and checksums that were not agreed upon", NULL, not_agreed },
	{ "ECN that was not agreed upon", NULL, ecn_not_agreed, TSO },
	{ "segments of TCP in a frame of ICMP", NULL, tso_of_no_tcp, TSO },
	{ "headers longer than the frame", NULL, headers_beyond, TSO },
	{ "fields and flags that are not the guest's", NULL, fields_ignored, CSUM },
	{ "a bad checksum that is said to be good", NULL, sum_not_vouched_for, CSUM },
	{ "segments of 1 byte and more", NULL, tiny_segments, TSO },
	{ "frames of 0 to 13 bytes", NULL, too_short },
	{ "less than a header", NULL, half_a_header },
	{ "frames of 64 KiB, one byte more, all of memory", NULL, too_long },
	{ "frames that are malformed", NULL, malformed },
	{ "the header in odd pieces", NULL, odd_pieces, .size = 64 },
	{ "the header in pieces of a byte, in a table", NULL, bytes_of_table, INDIRECT },
	{ "154 pieces", "a buffer has too many segments", too_many_pieces, .size = 256 },
	{ "frames to be written", NULL, to_be_written },
	{ "what is to be read lies behind what is to be written",
	  "a segment to read comes after one to write", written_then_read },
	{ "frames outside of memory", NULL, nowhere },
	{ "the host's pages, and the ring, as frames", NULL, shared_pages },
	{ "the available index jumps", "the available index jumps", jump },
	{ "descriptors link in a circle", "descriptors loop", loop },
	{ "a flood whose used ring nobody reads", NULL, flood, .size = 256 },
	{ "frames and descriptors change behind the doorbell", MAYBE, changes, TSO, 256 },
	{ "a storm of doorbells", NULL, storm },
	{ "resets with frames under way", NULL, reset_under_way, .size = 256 },
	{ "a full ring, and the link is down", NULL, link_down, .size = 256 },
};

void test(void)
{
	tell_of_wire(stories, COUNT(stories));
}
