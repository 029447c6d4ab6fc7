// SPDX-License-Identifier: GPL-2.0-only
/*
 * The reference for ports: a disk and a network interface, driven from PARA-API.md,
 * section 8, and VIRTIO 1.2 alone. lib/dev.c is the transport, lib/ring.c a virtqueue,
 * lib/disk.c and lib/nic.c are drivers; here they are used, and what they do compared.
 *
 *   disk=NAME	a disk that may be written
 *   nic=NAME	a network interface: the host has 10.9.8.1 on the other end, and we
 *		10.9.8.2. The host is asked for its address, pinged, and answered
 *		until it pings with 1000 bytes, which is the last one
 */
#include <linux/if_arp.h>

#include "disk.h"
#include "frame.h"
#include "hostile.h"
#include "nic.h"

#define MANY	16	/* requests at a time */
#define BYTES	8192	/* of each */
#define AREA	128	/* sectors between them */

static bool find(struct device *dev, u32 type, const char *key)
{
	unsigned int slot;

	for (slot = 0; dev_find(dev, type, slot); slot = dev->slot + 1)
		if (arg_is(key, dev->info.name))
			return true;
	return false;
}

/* ---- 1. The disk ------------------------------------------------------------------- */

static struct disk disk;
static u8 *data[MANY];

/* A pattern that says which sector, and which time. */
static void fill(u8 *to, u64 seed)
{
	u64 *word = (u64 *)to;
	unsigned int i;

	random_seed(seed);
	for (i = 0; i < BYTES / sizeof(*word); i++)
		word[i] = random();
}

static bool is_filled(const u8 *from, u64 seed)
{
	const u64 *word = (const u64 *)from;
	unsigned int i, bad = 0;

	random_seed(seed);
	for (i = 0; i < BYTES / sizeof(*word); i++)
		bad += word[i] != random();
	return !bad;
}

static bool is_zero(const u8 *from)
{
	unsigned int i, bad = 0;

	for (i = 0; i < BYTES; i++)
		bad += from[i] != 0;
	return !bad;
}

/* All at once, each with an answer of its own. */
static bool move(u32 type)
{
	unsigned int i;
	u8 status;

	for (i = 0; i < MANY; i++)
		if (disk_start(&disk, type, i * AREA, data[i], BYTES) < 0)
			return false;
	disk_kick(&disk);
	for (i = 0; i < MANY; i++)
		if (disk_end(&disk, &status) < 0 || status != VIRTIO_BLK_S_OK)
			return false;
	return true;
}

static bool write_and_verify(u64 seed)
{
	unsigned int i, bad = 0;

	for (i = 0; i < MANY; i++)
		fill(data[i], seed + i);
	if (!move(VIRTIO_BLK_T_OUT) || disk_do(&disk, VIRTIO_BLK_T_FLUSH, 0, NULL, 0))
		return false;
	for (i = 0; i < MANY; i++)
		fill(data[i], ~0UL);
	if (!move(VIRTIO_BLK_T_IN))
		return false;
	for (i = 0; i < MANY; i++)
		bad += !is_filled(data[i], seed + i);
	return !bad;
}

static bool change(u32 type, u64 sector)
{
	static struct virtio_blk_discard_write_zeroes range;

	range.sector = sector;
	range.num_sectors = BYTES / SECTOR;
	return disk_do(&disk, type, 0, &range, sizeof(range)) == VIRTIO_BLK_S_OK;
}

static void test_disk(void)
{
	static char serial[VIRTIO_BLK_ID_BYTES];
	unsigned int i;
	u64 end;

	ok(find(&disk.dev, VIRTIO_ID_BLOCK, "disk"), "a disk is found by its name");
	ok(disk_open(&disk, DISK_FEATURES), "it is set up");
	end = disk.config.capacity;
	ok(end >= MANY * AREA, "it has %lu sectors", end);
	for (i = 0; i < MANY; i++)
		data[i] = dev_memory(BYTES);
	ok(disk_do(&disk, VIRTIO_BLK_T_GET_ID, 0, serial, sizeof(serial)) == VIRTIO_BLK_S_OK &&
	   arg_is("serial", serial), "its serial number");
	ok(write_and_verify(1), "%u requests at a time: written, flushed, read back", MANY);
	for (i = 2; i < 50 && write_and_verify(i * 1000); i++)
		;
	ok(i == 50, "the same many times");
	ok(change(VIRTIO_BLK_T_WRITE_ZEROES, AREA) && move(VIRTIO_BLK_T_IN) && is_zero(data[1]) &&
	   is_filled(data[0], 49000) && is_filled(data[2], 49002), "zeroed, and nothing else is");
	ok(!dev_has(&disk.dev, VIRTIO_BLK_F_DISCARD) || change(VIRTIO_BLK_T_DISCARD, AREA),
	   "discarded, where it offers that");
	ok(disk_do(&disk, VIRTIO_BLK_T_IN, end - 1, data[0], SECTOR) == VIRTIO_BLK_S_OK &&
	   disk_do(&disk, VIRTIO_BLK_T_IN, end - 1, data[0], 2 * SECTOR) == VIRTIO_BLK_S_IOERR &&
	   disk_do(&disk, VIRTIO_BLK_T_IN, end, data[0], SECTOR) == VIRTIO_BLK_S_IOERR,
	   "the last sector is the last");
	ok(disk_do(&disk, 77, 0, data[0], SECTOR) == VIRTIO_BLK_S_UNSUPP, "no such request");
	ok(disk_open(&disk, 0) && write_and_verify(5), "after a reset, without event indices");
	ok(!dev_reset(&disk.dev) && dev_status(&disk.dev) == 0, "given back");
}

/* ---- 2. The network interface --------------------------------------------------------- */

#define OWN_IP		0x0a090802
#define HOST_IP		0x0a090801
#define LAST_PING	1008	/* bytes, with its header */

static struct nic nic;
static u8 host_mac[6];

static bool send_arp(unsigned int op, const u8 *to)
{
	static const u8 fixed[6] = { 0, ARPHRD_ETHER, 8, 0, 6, 4 };
	struct arp a = {};

	copy_to(a.eth.to, to, 6);
	copy_to(a.eth.from, nic.config.mac, 6);
	put_be(a.eth.type, 2, ETH_ARP);
	copy_to(a.fixed, fixed, 6);
	put_be(a.op, 2, op);
	copy_to(a.from_mac, nic.config.mac, 6);
	put_be(a.from_ip, 4, OWN_IP);
	copy_to(a.to_mac, to, 6);
	put_be(a.to_ip, 4, HOST_IP);
	return nic_send(&nic, &a, sizeof(a));
}

/* ICMP echo; @data of the request, or a pattern. */
static bool send_echo(u8 type, const u8 *echo, u32 bytes)
{
	static struct ip p;
	u32 i;

	copy_to(p.eth.to, host_mac, 6);
	copy_to(p.eth.from, nic.config.mac, 6);
	put_be(p.eth.type, 2, ETH_IP);
	p.version = 0x45;
	p.ttl = 64;
	p.protocol = ICMP;
	put_be(p.bytes, 2, 20 + bytes);
	put_be(p.from, 4, OWN_IP);
	put_be(p.to, 4, HOST_IP);
	put_be(p.sum, 2, 0);
	put_be(p.sum, 2, ip_checksum(&p.version, 20));
	for (i = 0; i < bytes; i++)
		p.data[i] = echo ? echo[i] : (u8)i;
	p.data[0] = type;
	put_be(p.data + 2, 2, 0);
	put_be(p.data + 2, 2, ip_checksum(p.data, bytes));
	return nic_send(&nic, &p, sizeof(p.eth) + 20 + bytes);
}

/* The next frame that is for us; who asks for our address meanwhile gets it. */
static const struct ip *receive(u16 type)
{
	const u8 *frame;

	for (;;) {
		const struct arp *a;
		const struct ip *p;
		u32 bytes = nic_receive(&nic, &frame);

		if (!bytes)
			return NULL;
		a = (const void *)frame;
		p = (const void *)frame;
		if (bytes >= sizeof(*a) && get_be(a->eth.type, 2) == ETH_ARP &&
		    get_be(a->to_ip, 4) == OWN_IP) {
			if (type == ETH_ARP && get_be(a->op, 2) == ARPOP_REPLY)
				return p;
			if (get_be(a->op, 2) == ARPOP_REQUEST)
				send_arp(ARPOP_REPLY, a->from_mac);
		} else if (bytes >= sizeof(p->eth) + 28 && get_be(p->eth.type, 2) == ETH_IP &&
			   type == ETH_IP && get_be(p->to, 4) == OWN_IP) {
			return p;
		}
	}
}

static bool ping(u32 bytes)
{
	const struct ip *p;
	u32 i;

	if (!send_echo(ECHO_REQUEST, NULL, bytes))
		return false;
	do {
		p = receive(ETH_IP);
		if (!p)
			return false;
	} while (p->protocol != ICMP || p->data[0] != ECHO_REPLY);
	for (i = 4; i < bytes && p->data[i] == (u8)i; i++)
		;
	return i == bytes && get_be(p->bytes, 2) == 20 + bytes && !ip_checksum(p->data, bytes);
}

static unsigned int answer(void)
{
	unsigned int answered = 0;
	const struct ip *p;

	while ((p = receive(ETH_IP)) != NULL) {
		u32 bytes = get_be(p->bytes, 2) - 20;

		if (p->protocol != ICMP || p->data[0] != ECHO_REQUEST)
			continue;
		answered += send_echo(ECHO_REPLY, p->data, bytes);
		if (bytes == LAST_PING)
			return answered;
	}
	return 0;
}

static void test_nic(void)
{
	static const u8 all[6] = { 0xff, 0xff, 0xff, 0xff, 0xff, 0xff };
	const struct arp *a;
	u32 bytes;

	ok(find(&nic.dev, VIRTIO_ID_NET, "nic"), "a network interface is found by its name");
	ok(nic_open(&nic), "it is set up");
	print("nic ready\n");
	while (!nic_link(&nic))
		dev_wait();
	ok(send_arp(ARPOP_REQUEST, all), "a frame is sent");
	a = (const void *)receive(ETH_ARP);
	ok(a && get_be(a->from_ip, 4) == HOST_IP, "and one comes back: the host's address");
	if (a)
		copy_to(host_mac, a->from_mac, 6);
	for (bytes = 8; bytes <= 1480 && ping(bytes); bytes += 32)
		;
	ok(bytes > 1480, "the host answers pings of all sizes");
	print("nic answers\n");
	bytes = answer();
	ok(bytes >= 5, "and its own are answered: %u", bytes);
	ok(!dev_reset(&nic.dev) && dev_status(&nic.dev) == 0, "given back");
}

void test(void)
{
	bool with_disk = arg_text("disk"), with_nic = arg_text("nic");

	dev_init();
	plan((with_disk ? 12 : 0) + (with_nic ? 7 : 0));
	if (with_disk)
		test_disk();
	if (with_nic)
		test_nic();
}
