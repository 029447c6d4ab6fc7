// SPDX-License-Identifier: GPL-2.0-only
/*
 * A guest that lies to its small devices: entropy, balloon (reporting), ports (the first
 * one a terminal, and another). What breaks a device is mended by a reset; what the host
 * takes back is this guest's alone.
 *
 *   1. what the parts share
 *   2. entropy
 *   3. inflate
 *   4. reporting
 *   5. messages about ports
 *   6. ports
 */
#include <linux/virtio_balloon.h>
#include <linux/virtio_console.h>

#include "hostile.h"
#include "ring.h"

#define PAGE		4096
#define BEYOND		(1ULL << 40)	/* no domain of this test has memory there */
#define QUEUES		6

static struct device dev;
static struct ring rings[QUEUES];

/* ---- 1. Shared ----------------------------------------------------------------------- */

/* A device as new, with its first @queues queues. */
static bool bring(u32 type, u64 features, unsigned int queues)
{
	unsigned int i;

	if (!dev_find(&dev, type, 0) || dev_reset(&dev) || !dev_open(&dev, features))
		return false;
	for (i = 0; i < queues; i++)
		if (!ring_open(&rings[i], &dev, i, 16))
			return false;
	return dev_go(&dev);
}

/* One buffer of one piece, and the doorbell. */
static void offer(unsigned int queue, u64 gpa, u32 bytes, bool write)
{
	const struct piece piece = { va(gpa), bytes, write };

	ring_add(&rings[queue], &piece, 1);
	ring_kick(&rings[queue]);
}

/* The same; waits for it. Return: bytes written, or -1: broken. */
static long give(unsigned int queue, u64 gpa, u32 bytes, bool write)
{
	u32 written = 0;

	offer(queue, gpa, bytes, write);
	if (ring_wait(&rings[queue], &written) < 0)
		return -1;
	return written;
}

/* The status says so when the device's worker has seen it: the buffer may come before. */
static bool is_broken(void)
{
	while (!dev_broken(&dev))
		dev_wait();
	return true;
}

static bool breaks(unsigned int queue, u64 gpa, u32 bytes, bool write)
{
	offer(queue, gpa, bytes, write);
	return is_broken();
}

static void fill(u8 *page, u8 value)
{
	unsigned int i;

	for (i = 0; i < PAGE; i++)
		page[i] = value;
}

static bool is_all(const volatile u8 *page, u8 value)
{
	unsigned int i;

	for (i = 0; i < PAGE; i++)
		if (page[i] != value)
			return false;
	return true;
}

/* ---- 2. Entropy ---------------------------------------------------------------------- */

static void entropy(void)
{
	u8 *page = page_alloc();
	struct piece two[2] = { { page, 64, false }, { page, 64, true } };

	ok(bring(VIRTIO_ID_RNG, 0, 1), "entropy");
	ok(give(0, pa(page), 64, true) == 64 && !is_all(page, 0), "some bytes");
	ok(give(0, pa(page), 1 << 20, true) == 4096, "a MiB: no more than 4 KiB at once");
	ok(give(0, BEYOND, 64, true) == 0, "nothing where there is no memory");
	ok(give(0, 0xffffffffffff0000ULL, 64, true) == 0, "nor at the end of all addresses");
	ok(breaks(0, pa(page), 64, false), "a request to read breaks it");
	ok(bring(VIRTIO_ID_RNG, 0, 1) && give(0, pa(page), 8, true) == 8, "a reset mends it");
	ring_add(&rings[0], two, 2);
	ring_kick(&rings[0]);
	ok(is_broken(), "so does one of both kinds");
}

/* ---- 3. Inflate ------------------------------------------------------------------------ */

#define BALLOON (1ULL << VIRTIO_BALLOON_F_STATS_VQ | 1ULL << VIRTIO_BALLOON_F_REPORTING | \
		 1ULL << VIRTIO_BALLOON_F_PAGE_POISON)

static u32 *frames;

static bool fresh_balloon(void)
{
	return bring(VIRTIO_ID_BALLOON, BALLOON, 4);
}

/* @frames[0] and more is a list that must break the device; a page in it stays. */
static void lies(u32 bytes, u8 *page, const char *what)
{
	fill(page, 0x5a);
	ok(fresh_balloon() && breaks(0, pa(frames), bytes, false) && is_all(page, 0x5a), "%s",
	   what);
}

static void inflate(void)
{
	u8 *a = dev_memory(2 * PAGE), *b = a + PAGE;
	unsigned int i;

	frames = dev_memory(8 * PAGE);
	ok(fresh_balloon(), "balloon");
	fill(a, 1);
	fill(b, 2);
	frames[0] = pa(a) / PAGE;
	ok(give(0, pa(frames), 4, false) == 0 && is_all(a, 0) && is_all(b, 2),
	   "a page is given back, the next one is not");
	fill(a, 3);
	ok(is_all(a, 3), "and can be used again");
	frames[0] = pa(b) / PAGE;
	frames[1] = pa(a) / PAGE;
	frames[2] = pa(b) / PAGE;
	ok(give(0, pa(frames), 12, false) == 0 && is_all(a, 0) && is_all(b, 0),
	   "in any order, and twice");
	ok(give(1, pa(frames), 12, false) == 0, "deflate");
	frames[0] = 0xffffffff;
	ok(give(1, pa(frames), 4, false) == 0, "deflate of what there is not");

	frames[0] = pa(a) / PAGE;
	frames[1] = 0xffffffff;
	lies(8, a, "a frame beyond all memory");
	frames[1] = BEYOND / PAGE;
	lies(8, a, "a frame beyond the domain's");
	lies(6, a, "a list that ends in the middle of a frame");
	for (i = 0; i < 1025; i++)
		frames[i] = pa(a) / PAGE;
	lies(4 * 1025, a, "a list too long");
	ok(fresh_balloon() && breaks(0, BEYOND, 4, false), "a list that is not memory");
	ok(fresh_balloon() && breaks(0, pa(frames), 4, true), "a list to write to");

	/* What the device reads and writes is another page from here on. */
	ok(fresh_balloon(), "a reset mends it");
	frames[0] = pa(rings[0].used) / PAGE;
	frames[1] = pa(rings[0].avail) / PAGE;
	ring_add(&rings[0], &(const struct piece){ frames, 8, false }, 1);
	ring_kick(&rings[0]);
	ok(dev_reset(&dev) == 0 && fresh_balloon(), "its own ring: a reset ends all the same");
	frames[0] = pa(a) / PAGE;
	ok(give(0, pa(frames), 4, false) == 0, "and all is well");
}

/* ---- 4. Reporting ------------------------------------------------------------------------ */

static void report(void)
{
	static u32 poison[1] = { 0xaaaaaaaa };
	u8 *page = dev_memory(2 * PAGE);

	ok(fresh_balloon(), "reporting");
	fill(page, 4);
	ok(give(3, pa(page), PAGE, true) == 0 && is_all(page, 0), "a page is given back");
	fill(page, 5);
	ok(give(3, pa(page) + 8, PAGE, true) == 0 && is_all(page, 5), "but not a part of one");
	ok(dev_call(&dev, DOMUS_DEV_WRITE,
		    offsetof(struct virtio_balloon_config, poison_val), pa(poison), 4) >= 0 &&
	   give(3, pa(page), PAGE, true) == 0 && is_all(page, 5),
	   "nor one that zeros would be a surprise in");
	ok(breaks(3, BEYOND, PAGE, true), "what is not memory breaks it");
	ok(fresh_balloon() && breaks(3, 0xfffffffffffff000ULL, PAGE - 1, true),
	   "at the end of all addresses, too");
}

/* ---- 5. Messages -------------------------------------------------------------------------- */

static bool fresh_ports(void)
{
	return bring(VIRTIO_ID_CONSOLE, 1ULL << VIRTIO_CONSOLE_F_MULTIPORT, 6);
}

static struct virtio_console_control *message;

static long say(u32 id, u16 event, u16 value)
{
	*message = (struct virtio_console_control){ id, event, value };
	return give(3, pa(message), sizeof(*message), false);
}

static bool say_wrong(u32 id, u16 event, u16 value)
{
	*message = (struct virtio_console_control){ id, event, value };
	return breaks(3, pa(message), sizeof(*message), false);
}

static void messages(void)
{
	struct virtio_console_control *heard = page_alloc();
	u32 ports;

	message = page_alloc();
	ok(fresh_ports(), "ports");
	ok(dev_config(&dev, offsetof(struct virtio_console_config, max_nr_ports), &ports, 4) &&
	   ports == 2, "there are two");
	ok(say(0, VIRTIO_CONSOLE_DEVICE_READY, 1) == 0 &&
	   give(2, pa(heard), PAGE, true) == sizeof(*heard) &&
	   heard->event == VIRTIO_CONSOLE_PORT_ADD, "the guest is told of one");
	ok(say(0xffffffff, VIRTIO_CONSOLE_DEVICE_READY, 1) == 0, "ready: of no port");
	ok(say_wrong(2, VIRTIO_CONSOLE_PORT_READY, 1), "a port that there is not");
	ok(fresh_ports() && say_wrong(0x80000000, VIRTIO_CONSOLE_PORT_OPEN, 1), "nor this one");
	ok(fresh_ports() && say_wrong(0, 77, 1), "a message that there is not");
	ok(fresh_ports() && breaks(3, pa(message), 7, false), "a message too short");
	ok(fresh_ports() && breaks(3, pa(message), PAGE, false), "one too long");
	ok(fresh_ports() && breaks(3, BEYOND, 8, false), "one that is not memory");
	ok(fresh_ports() && say(0, VIRTIO_CONSOLE_DEVICE_READY, 1) == 0 &&
	   breaks(2, pa(heard), 4, true), "no room for an answer");
	ok(fresh_ports() && say(0, VIRTIO_CONSOLE_DEVICE_READY, 1) == 0 &&
	   breaks(2, BEYOND, PAGE, true), "an answer to where there is no memory");
}

/* ---- 6. Ports ------------------------------------------------------------------------------ */

static void ports(void)
{
	static const struct piece text = { "text", 4, false };
	u8 *page = page_alloc();

	ok(fresh_ports() && give(1, pa(page), 100, false) == 0, "the terminal takes what it gets");
	ok(breaks(1, 0, 300 * 1024, false), "but not 300 KiB at once");
	ok(fresh_ports() && breaks(1, BEYOND, 8, false), "nor what is not memory");
	ok(fresh_ports() && breaks(1, pa(page), 8, true), "nor what is to be written");
	ok(fresh_ports(), "a reset mends it");
	ring_add(&rings[5], &text, 1);
	ring_kick(&rings[5]);
	hc0(DOMUS_HC_YIELD);
	ok(ring_take(&rings[5], NULL) < 0, "a port without a client takes nothing");
	ok(dev_reset(&dev) == 0, "a reset does not wait for one");
	ok(bring(VIRTIO_ID_CONSOLE, 0, 2) && give(1, pa(page), 100, false) == 0,
	   "a driver that knows of one port only");
}

void test(void)
{
	dev_init();
	plan(8 + 15 + 6 + 12 + 8);
	entropy();
	inflate();
	report();
	messages();
	ports();
}
