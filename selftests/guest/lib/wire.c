// SPDX-License-Identifier: GPL-2.0-only
/* Stories of a maltreated network interface: 1. rings, 2. frames, 3. counters, 4. the stage. */
#include "wire.h"

#define RING_ROOM	256
#define OWN_IP		0x0a090002	/* the third byte is the network's: 8 and 7 */
#define HOST_IP		0x0a090001

struct nic target, bystander;
struct wire_queue rxq, txq, ctlq;
struct virtio_net_hdr_v1 *hdr;
u8 *frame, *in, *table;
u64 gpa_end;

/* ---- 1. Rings ------------------------------------------------------------------------ */

long wire_enable(struct wire_queue *q, u64 nr, u64 size)
{
	static struct domus_dev_queue queue;

	if (!q->desc) {
		q->desc = dev_memory(RING_ROOM * sizeof(*q->desc));
		q->avail = dev_memory(4096);
		q->used = dev_memory(4096);
	}
	memset(q->desc, 0, RING_ROOM * sizeof(*q->desc));
	memset(q->avail, 0, 4096);
	memset(q->used, 0, 4096);
	q->nr = nr;
	q->size = size;
	queue = (struct domus_dev_queue){ .size = size, .desc = pa(q->desc),
					  .driver = pa(q->avail), .device = pa(q->used) };
	return hcall(DOMUS_HC_DEV_QUEUE, DOMUS_QUEUE_ENABLE, target.dev.info.handle, nr,
		     pa(&queue), 0, NULL);
}

void wire_put(struct wire_queue *q, unsigned int i, u64 addr, u32 len, u16 flags, u16 next)
{
	q->desc[i] = (struct vring_desc){ addr, len, flags, next };
}

void wire_offer(struct wire_queue *q, u16 head)
{
	u16 index = q->avail->idx;

	q->avail->ring[index & (q->size - 1)] = head;
	__atomic_store_n(&q->avail->idx, index + 1, __ATOMIC_RELEASE);
}

long wire_kick(const struct wire_queue *q)
{
	return hc2(DOMUS_HC_DEV_NOTIFY, target.dev.info.handle, q->nr);
}

bool wire_used(const struct wire_queue *q, u16 n)
{
	u64 end = now() + PATIENCE;

	while (__atomic_load_n(&q->used->idx, __ATOMIC_ACQUIRE) != n) {
		if (now() > end || dev_broken(&target.dev))
			return false;
		hc0(DOMUS_HC_YIELD);
	}
	return true;
}

int control(const void *message, u32 bytes)
{
	u16 n = ctlq.used->idx + 1;

	copy_to(table, message, bytes);
	table[100] = 0xff;
	wire_put(&ctlq, 0, pa(table), bytes, NEXT, 1);
	wire_put(&ctlq, 1, pa(table) + 100, 1, WRITE, 0);
	wire_offer(&ctlq, 0);
	wire_kick(&ctlq);
	return wire_used(&ctlq, n) ? table[100] : -1;
}

int set_pairs(u16 pairs)
{
	const u8 message[] = { VIRTIO_NET_CTRL_MQ, VIRTIO_NET_CTRL_MQ_VQ_PAIRS_SET, (u8)pairs,
			       (u8)(pairs >> 8) };

	return control(message, sizeof(message));
}

/* ---- 2. Frames ------------------------------------------------------------------------ */

static u8 host_mac[2][6];
static u16 ping_id;

void give(unsigned int n, u32 bytes)
{
	unsigned int i;

	for (i = 0; i < n; i++) {
		wire_put(&rxq, i, pa(in) + i % IN_PAGES * 4096UL, bytes, WRITE, 0);
		wire_offer(&rxq, i);
	}
	wire_kick(&rxq);
}

/* To the host's end of the victim, or of the other one. Return: bytes of the frame. */
static u32 make_ping(u8 *to, const struct nic *n, u32 bytes)
{
	u32 net = n == &target ? 8 : 7, i;
	struct ip *p = (struct ip *)to;
	u8 *data = to + offsetof(struct ip, data);

	copy_to(p->eth.to, host_mac[n != &target], 6);
	copy_to(p->eth.from, n->config.mac, 6);
	put_be(p->eth.type, 2, ETH_IP);
	memset(&p->version, 0, 20);
	p->version = 0x45;
	p->ttl = 64;
	p->protocol = ICMP;
	put_be(p->bytes, 2, 20 + 8 + bytes);
	put_be(p->from, 4, OWN_IP | net << 8);
	put_be(p->to, 4, HOST_IP | net << 8);
	put_be(p->sum, 2, ip_checksum(&p->version, 20));
	for (i = 8; i < 8 + bytes; i++)
		data[i] = i;
	memset(data, 0, 8);
	data[0] = ECHO_REQUEST;
	put_be(data + 4, 2, ++ping_id);
	put_be(data + 2, 2, ip_checksum(data, 8 + bytes));
	return sizeof(struct ether) + 20 + 8 + bytes;
}

bool is_pong(const u8 *from)
{
	const struct ip *p = (const void *)from;

	return get_be(p->eth.type, 2) == ETH_IP && p->protocol == ICMP &&
	       p->data[0] == ECHO_REPLY && get_be(p->data + 4, 2) == ping_id;
}

u32 put_ping(u32 bytes)
{
	*hdr = (struct virtio_net_hdr_v1){};
	return make_ping(frame, &target, bytes);
}

bool send(u32 bytes)
{
	u16 n = txq.used->idx + 1;

	wire_put(&txq, 0, pa(hdr), HDR + bytes, 0, 0);
	wire_offer(&txq, 0);
	wire_kick(&txq);
	return wire_used(&txq, n);
}

bool pinged(u32 bytes)
{
	u16 seen = rxq.used->idx;
	u64 end = now() + PATIENCE;

	if (!send(put_ping(bytes)))
		return false;
	while (now() < end) {
		const struct vring_used_elem *e = &rxq.used->ring[seen & (rxq.size - 1)];

		if (__atomic_load_n(&rxq.used->idx, __ATOMIC_ACQUIRE) == seen) {
			hc0(DOMUS_HC_YIELD);
			continue;
		}
		if (is_pong(in + e->id % IN_PAGES * 4096UL + HDR))
			return true;
		seen++;
	}
	return false;
}

/* ---- 3. Counters ----------------------------------------------------------------------- */

static struct stats from_guest, to_guest;

static const char *number(const char *text, u32 *value)
{
	for (*value = 0; *text >= '0' && *text <= '9'; text++)
		*value = *value * 10 + *text - '0';
	return *text ? text + 1 : text;
}

struct stats look(const char *name)
{
	const char *text = ask_host("stats", name);
	struct stats s;

	text = number(text, &s.packets);
	text = number(text, &s.errors);
	text = number(text, &s.dropped);
	text = number(text, &s.to);
	text = number(text, &s.lost);
	number(text, &s.carrier);
	return s;
}

bool counted(u32 packets, u32 errors, u32 dropped)
{
	struct stats s = look(target.dev.info.name), was = from_guest;

	from_guest = s;
	if (s.packets - was.packets == packets && s.errors - was.errors == errors &&
	    (dropped == ANY || s.dropped - was.dropped == dropped))
		return true;
	print("# %u frames, %u errors, %u dropped\n", s.packets - was.packets,
	      s.errors - was.errors, s.dropped - was.dropped);
	return false;
}

bool received(u32 packets, u32 lost)
{
	struct stats s = look(target.dev.info.name), was = to_guest;

	to_guest = s;
	if (s.to - was.to == packets && s.lost - was.lost == lost)
		return true;
	print("# %u frames to here, %u lost\n", s.to - was.to, s.lost - was.lost);
	return false;
}

/* ---- 4. The stage ------------------------------------------------------------------------- */

/* The host's end has heard that the driver is there. */
static bool ready(const char *name)
{
	u64 end = now() + PATIENCE;

	do {
		from_guest = look(name);
		to_guest = from_guest;
	} while (!from_guest.carrier && now() < end);
	return from_guest.carrier;
}

static bool open(const struct story *s)
{
	unsigned int size = s->size ? s->size : 16;
	bool third = s->features & 1UL << VIRTIO_NET_F_CTRL_VQ &&
		     !(s->features & 1UL << VIRTIO_NET_F_MQ);

	/* what the story before has asked for is not this one's */
	ask_host("flood", "0");
	return dev_open(&target.dev, s->features) && wire_enable(&rxq, RX, size) > 0 &&
	       wire_enable(&txq, TX, size) > 0 &&
	       wire_enable(&ctlq, third ? CONTROL_1 : CONTROL, size) > 0 &&
	       dev_go(&target.dev) && ready(target.dev.info.name);
}

/* The host answers. */
static bool works(struct nic *n, const char *what)
{
	static u8 ping[NIC_FRAME];
	u64 end = now() + PATIENCE, soon;
	u32 bytes = make_ping(ping, n, 500);
	const u8 *got;

	/* at first the host's end may not know of its carrier */
	while (now() < end && nic_send(n, ping, bytes)) {
		for (soon = now() + PATIENCE / 50; now() < soon;) {
			if (__atomic_load_n(&n->rx.used->idx, __ATOMIC_ACQUIRE) == n->rx.seen)
				hc0(DOMUS_HC_YIELD);
			else if (nic_receive(n, &got) && is_pong(got))
				return true;
		}
	}
	print("# %s\n", what);
	return false;
}

static bool beside(void)
{
	return works(&bystander, "the other interface does not work");
}

static bool mended(void)
{
	if (nic_open(&target))
		return works(&target, "it does not work after a reset");
	print("# a reset does not bring it back\n");
	return false;
}

static void take_mac(const struct nic *n)
{
	const char *text = ask_host("mac", n->dev.info.name);
	u8 *to = host_mac[n != &target];
	unsigned int i;

	for (i = 0; i < 12; i++, text += *text == ':') {
		u8 digit = *text <= '9' ? *text - '0' : *text - 'a' + 10;

		to[i / 2] = to[i / 2] << 4 | digit;
		text++;
	}
}

void tell_of_wire(const struct story *stories, unsigned int n)
{
	static const struct stage stage = { &target.dev, open, beside, mended };

	hostile_init();
	dev_init();
	gpa_end = guest_info->memory;
	random_seed(arg_number("seed", 1));
	hdr = dev_memory(20 * 4096);
	frame = (u8 *)hdr + HDR;
	in = dev_memory(IN_PAGES * 4096);
	table = dev_memory(2 * 4096);
	if (!dev_find(&target.dev, VIRTIO_ID_NET, 0) ||
	    !dev_find(&bystander.dev, VIRTIO_ID_NET, target.dev.slot + 1) ||
	    !nic_open(&bystander) || !nic_open(&target))
		guest_stop(DOMUS_SHUTDOWN_CRASH, "two network interfaces are needed");
	ask_host("link", "up");
	take_mac(&target);
	take_mac(&bystander);
	tell_stories(&stage, stories, n);
	dev_reset(&target.dev);
	dev_reset(&bystander.dev);
}
