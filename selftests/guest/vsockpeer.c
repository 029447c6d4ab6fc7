// SPDX-License-Identifier: GPL-2.0-only
/*
 * A guest that lies to the host's sockets (VIRTIO 1.2, 5.10): credits, addresses, kinds,
 * lengths and rings, one to a story (story.h). The host is CID 2, a program there answers
 * what it is sent at port 98; vsockrings.sh runs it.
 */
#include <linux/virtio_vsock.h>

#include "hostile.h"
#include "ring.h"
#include "story.h"

#define HOST	2
#define PORT	98
#define RX	0
#define TX	1
#define EVENTS	2
#define PAGE	4096U
#define DEPTH	16
#define CREDIT	65536

#define RINGS	"the host's vhost cannot use its rings"

static struct device dev;
static struct ring rx, tx, event;
static u8 *in, *out;
static struct virtio_vsock_hdr *packet;	/* at the beginning of @out */
static u64 cid;
static u32 port = 1000, sent, received;

/* ---- 1. Packets ---------------------------------------------------------------------- */

static bool open_rings(void)
{
	if (!dev_open(&dev, 0) || !ring_open(&rx, &dev, RX, DEPTH) ||
	    !ring_open(&tx, &dev, TX, DEPTH) || !ring_open(&event, &dev, EVENTS, DEPTH) ||
	    !dev_config(&dev, 0, &cid, sizeof(cid)))
		return false;
	sent = 0;
	received = 0;
	return dev_go(&dev);
}

/* Buffers and descriptors go together. */
static void post(void)
{
	while (rx.nr_free) {
		struct piece piece = { in + rx.free * PAGE, PAGE, true };

		ring_add(&rx, &piece, 1);
	}
	ring_kick(&rx);
}

static bool open(const struct story *s)
{
	if (!open_rings())
		return false;
	post();
	return true;
}

/* A packet from our port to the host's, to be changed before it is sent. */
static void make(u16 op, u32 bytes)
{
	*packet = (struct virtio_vsock_hdr){
		.src_cid = cid, .dst_cid = HOST, .src_port = port, .dst_port = PORT,
		.len = bytes, .type = VIRTIO_VSOCK_TYPE_STREAM, .op = op, .buf_alloc = CREDIT,
		.fwd_cnt = received,
	};
}

static bool give(u32 bytes, bool write)
{
	struct piece piece = { out, bytes, write };
	u64 end = now() + PATIENCE;

	if (ring_add(&tx, &piece, 1) < 0)
		return false;
	/* vhost asks for no doorbell while it looks, and may have stopped by now */
	__atomic_store_n(&tx.avail->idx, tx.offered, __ATOMIC_RELEASE);
	hc2(DOMUS_HC_DEV_NOTIFY, dev.info.handle, TX);
	while (ring_take(&tx, NULL) < 0) {
		if (now() > end || dev_broken(&dev))
			return false;
		hc0(DOMUS_HC_YIELD);
	}
	return true;
}

/* The packet, with as much behind it as it says. */
static bool send(void)
{
	return give(sizeof(*packet) + packet->len, false);
}

/* Wait so long for a packet to our port. Return: its op, or -1. */
static int hear(u64 ns)
{
	u64 end = now() + ns;

	while (now() < end) {
		int nr = ring_take(&rx, NULL);
		const struct virtio_vsock_hdr *h;
		int op = -1;

		if (nr < 0) {
			hc0(DOMUS_HC_YIELD);
			continue;
		}
		h = (void *)(in + nr * PAGE);
		if (h->dst_port == port && h->src_cid == HOST && h->dst_cid == cid) {
			op = h->op;
			if (op == VIRTIO_VSOCK_OP_RW)
				received += h->len;
		}
		post();
		if (op >= 0)
			return op;
	}
	return -1;
}

#define SOON	PATIENCE
#define NEVER	(PATIENCE / 50)		/* what is not to come is not waited for longer */

/* What comes next is that, but for credits. */
static bool hears(int op)
{
	int got;

	do
		got = hear(SOON);
	while (got == VIRTIO_VSOCK_OP_CREDIT_UPDATE || got == VIRTIO_VSOCK_OP_CREDIT_REQUEST);
	if (got != op)
		print("# op %d, not %d\n", got, op);
	return got == op;
}

static bool hears_nothing(void)
{
	int got = hear(NEVER);

	if (got >= 0)
		print("# op %d, not nothing\n", got);
	return got < 0;
}

/* A connection, on a port of its own. The program that listens takes one at a time. */
static bool connect(void)
{
	u64 end = now() + 2 * PATIENCE;

	while (now() < end) {
		port++;
		sent = 0;
		received = 0;
		make(VIRTIO_VSOCK_OP_REQUEST, 0);
		if (!send())
			return false;
		if (hear(SOON) == VIRTIO_VSOCK_OP_RESPONSE)
			return true;
	}
	print("# nobody answers\n");
	return false;
}

static bool write(u32 bytes)
{
	make(VIRTIO_VSOCK_OP_RW, bytes);
	sent += bytes;
	return send();
}

/* The other end gives back what it got. */
static bool echoed(u32 bytes)
{
	u64 end = now() + SOON;

	while (received < bytes && now() < end)
		hear(NEVER);
	if (received != bytes)
		print("# %u bytes came back of %u\n", received, bytes);
	return received == bytes;
}

static void hang_up(void)
{
	make(VIRTIO_VSOCK_OP_RST, 0);
	send();
}

static bool mended(void)
{
	bool good = open_rings();

	if (good) {
		post();
		good = connect() && write(1000) && echoed(1000);
		hang_up();
	}
	if (!good)
		print("# a reset does not bring it back\n");
	return good;
}

/* There is another guest, and it has a CID of its own. */
static bool beside(void)
{
	return same(ask_host("other", dev.info.name), "well");
}

/* ---- 2. Who and what ------------------------------------------------------------------- */

static bool sends(u16 op, bool reset)
{
	port++;
	make(op, 0);
	return send() && (reset ? hears(VIRTIO_VSOCK_OP_RST) : hears_nothing());
}

static bool ops_unknown(void)
{
	static const u16 ops[] = { 0, 8, 77, 0x7fff, 0xffff };
	bool good = true;
	unsigned int i;

	for (i = 0; i < COUNT(ops); i++)
		good &= sends(ops[i], true);
	return good;
}

/* Without a connection; nobody resets a reset. */
static bool out_of_order(void)
{
	return sends(VIRTIO_VSOCK_OP_RW, true) & sends(VIRTIO_VSOCK_OP_RESPONSE, true) &
	       sends(VIRTIO_VSOCK_OP_SHUTDOWN, true) &
	       sends(VIRTIO_VSOCK_OP_CREDIT_UPDATE, true) &
	       sends(VIRTIO_VSOCK_OP_CREDIT_REQUEST, true) & sends(VIRTIO_VSOCK_OP_RST, false);
}

static bool types_unknown(void)
{
	static const u16 types[] = { 0, 3, 77, 0xffff };
	bool good = true;
	unsigned int i;

	for (i = 0; i < COUNT(types); i++) {
		port++;
		make(VIRTIO_VSOCK_OP_REQUEST, 0);
		packet->type = types[i];
		good &= send() && hears(VIRTIO_VSOCK_OP_RST);
	}
	return good;
}

static bool forged(void)
{
	const u64 from[] = { 0, 1, HOST, cid + 1, cid | 1UL << 32, ~0UL };
	bool good = true;
	unsigned int i;

	for (i = 0; i < COUNT(from); i++) {
		port++;
		make(VIRTIO_VSOCK_OP_REQUEST, 0);
		packet->src_cid = from[i];
		good &= send() && hears_nothing();
	}
	return good;
}

static bool to_others(void)
{
	const u64 to[] = { 0, 1, cid, cid + 1, HOST | 1UL << 32, ~0UL };
	bool good = true;
	unsigned int i;

	for (i = 0; i < COUNT(to); i++) {
		port++;
		make(VIRTIO_VSOCK_OP_REQUEST, 0);
		packet->dst_cid = to[i];
		good &= send() && hears_nothing();
	}
	return good;
}

static bool no_listener(void)
{
	static const u32 ports[] = { 0, 1, 97, 99, 0x7fffffff, 0xfffffffe, 0xffffffff };
	bool good = true;
	unsigned int i;

	for (i = 0; i < COUNT(ports); i++) {
		port++;
		make(VIRTIO_VSOCK_OP_REQUEST, 0);
		packet->dst_port = ports[i];
		good &= send() && hears(VIRTIO_VSOCK_OP_RST);
	}
	return good;
}

/* ---- 3. Credits -------------------------------------------------------------------------- */

static bool absurd(u32 alloc, u32 forward)
{
	if (!connect())
		return false;
	make(VIRTIO_VSOCK_OP_CREDIT_UPDATE, 0);
	packet->buf_alloc = alloc;
	packet->fwd_cnt = forward;
	if (!send())
		return false;
	make(VIRTIO_VSOCK_OP_RW, 1000);
	packet->buf_alloc = alloc;
	packet->fwd_cnt = forward;
	return send();
}

static bool credit_without_end(void)
{
	bool good = absurd(0xffffffff, 0) && echoed(1000);

	hang_up();
	return good;
}

/* Read more than was ever sent. */
static bool read_ahead(void)
{
	bool good = absurd(CREDIT, 0x80000000) && absurd(CREDIT, 0xffffffff) &&
		    absurd(0, 1000000);

	hang_up();
	return good;
}

/* Nothing comes without credit, and all with it. */
static bool no_credit(void)
{
	bool good = absurd(0, 0);

	good = good && hear(NEVER) != VIRTIO_VSOCK_OP_RW && received == 0;
	make(VIRTIO_VSOCK_OP_CREDIT_UPDATE, 0);
	good = good && send() && echoed(1000);
	hang_up();
	return good;
}

/*
 * More than the host said it has room for, of which it drops what it has no room for, or
 * ends the connection. Its answers are taken: vhost takes no more while they pile up.
 */
static bool credit_overrun(void)
{
	unsigned int i;

	if (!connect())
		return false;
	for (i = 0; i < 300; i++) {
		make(VIRTIO_VSOCK_OP_RW, 16 * PAGE);
		packet->buf_alloc = 0;
		if (!send()) {
			print("# packet %u is not taken\n", i);
			return false;
		}
		while (ring_take(&rx, NULL) >= 0)
			post();
	}
	hang_up();
	return true;
}

/* ---- 4. Lengths, rings --------------------------------------------------------------------- */

static bool lengths(u32 says, u32 has)
{
	if (!connect())
		return false;
	make(VIRTIO_VSOCK_OP_RW, says);
	give(sizeof(*packet) + has, false);
	return true;
}

static bool longer_than_it_is(void) { return lengths(5000, 100); }
static bool larger_than_may_be(void) { return lengths(65537, 65537); }
static bool four_gigabytes(void) { return lengths(0xffffffff, 100); }

static bool half_a_header(void)
{
	make(VIRTIO_VSOCK_OP_REQUEST, 0);
	give(20, false);
	return true;
}

static bool to_be_written(void)
{
	make(VIRTIO_VSOCK_OP_REQUEST, 0);
	give(sizeof(*packet), true);
	return true;
}

static bool jump(void)
{
	tx.avail->idx += 1000;
	hc2(DOMUS_HC_DEV_NOTIFY, dev.info.handle, TX);
	return true;
}

static bool loops(void)
{
	tx.desc[0] = (struct vring_desc){ pa(out), 44, VRING_DESC_F_NEXT, 0 };
	tx.avail->idx++;
	hc2(DOMUS_HC_DEV_NOTIFY, dev.info.handle, TX);
	return true;
}

static bool nowhere(void)
{
	tx.desc[0] = (struct vring_desc){ guest_info->memory, 44, 0, 0 };
	tx.avail->idx++;
	hc2(DOMUS_HC_DEV_NOTIFY, dev.info.handle, TX);
	return true;
}

/* ---- 5. Many ----------------------------------------------------------------------------------- */

static bool many_requests(void)
{
	unsigned int i;

	for (i = 0; i < 1000; i++) {
		port++;
		make(VIRTIO_VSOCK_OP_REQUEST, 0);
		if (!send())
			return false;
		while (ring_take(&rx, NULL) >= 0)
			post();
	}
	return true;
}

static bool at_random(void)
{
	unsigned int i, k;

	if (!connect())
		return false;
	for (i = 0; i < 3000; i++) {
		make(random_below(9), random_below(200));
		for (k = random_below(3); k; k--)
			((u8 *)packet)[16 + random_below(sizeof(*packet) - 16)] = random();
		packet->len = random_below(200);
		if (!send())
			return false;
		while (ring_take(&rx, NULL) >= 0)
			post();
	}
	return true;
}

static bool storm(void)
{
	unsigned int i;

	for (i = 0; i < 20000; i++)
		hc2(DOMUS_HC_DEV_NOTIFY, dev.info.handle, i % 3);
	return connect() && write(100) && echoed(100);
}

static const struct story stories[] = {
	{ "operations that are none", NULL, ops_unknown },
	{ "operations without a connection", NULL, out_of_order },
	{ "kinds of sockets that are none", NULL, types_unknown },
	{ "from a CID of others", NULL, forged },
	{ "to a CID of others", NULL, to_others },
	{ "to ports at which nobody listens", NULL, no_listener },
	{ "credit without end", NULL, credit_without_end },
	{ "more read than was sent", NULL, read_ahead },
	{ "no credit, then some", NULL, no_credit },
	{ "more sent than there is credit for", NULL, credit_overrun },
	{ "a packet shorter than it says", RINGS, longer_than_it_is },
	{ "a packet longer than may be", RINGS, larger_than_may_be },
	{ "a packet of 4 GiB", RINGS, four_gigabytes },
	{ "half a header", RINGS, half_a_header },
	{ "a packet to be written", RINGS, to_be_written },
	{ "the available index jumps", RINGS, jump },
	{ "descriptors loop", RINGS, loops },
	{ "a packet outside of memory", RINGS, nowhere },
	{ "a thousand requests for connections", NULL, many_requests },
	{ "packets at random", NULL, at_random },
	{ "a storm of doorbells", NULL, storm },
};

void test(void)
{
	static const struct stage stage = { &dev, open, beside, mended };

	hostile_init();
	dev_init();
	random_seed(arg_number("seed", 1));
	in = dev_memory(DEPTH * PAGE);
	out = dev_memory(20 * PAGE);
	packet = (void *)out;
	if (!dev_find(&dev, VIRTIO_ID_VSOCK, 0))
		guest_stop(DOMUS_SHUTDOWN_CRASH, "a socket device is needed");
	tell_stories(&stage, stories, COUNT(stories));
	dev_reset(&dev);
}
