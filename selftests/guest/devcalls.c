// SPDX-License-Identifier: GPL-2.0-only
/*
 * Calls of PARA-API.md, section 8, with what they are not to be given: status bits,
 * features, queues, config space and doorbells out of order and out of range. Each call
 * says so by its result; the device is none the worse for it (victim.h).
 */
#include "victim.h"

#define EINVAL	22
#define EFAULT	14
#define EBUSY	16

#define ACK	VIRTIO_CONFIG_S_ACKNOWLEDGE
#define DRIVER	VIRTIO_CONFIG_S_DRIVER
#define GO	VIRTIO_CONFIG_S_DRIVER_OK
#define AGREED	VIRTIO_CONFIG_S_FEATURES_OK
#define FAILED	VIRTIO_CONFIG_S_FAILED
#define VERSION	(1UL << VIRTIO_F_VERSION_1)

static bool is(const char *what, long result, long expected)
{
	if (result != expected)
		print("# %s: %d, not %d\n", what, (int)result, (int)expected);
	return result == expected;
}

#define IS(call, expected) is(#call, call, expected)

static long status(u64 bits)
{
	return dev_call(&victim.dev, DOMUS_DEV_SET_STATUS, bits, 0, 0);
}

static long features(u64 bits)
{
	return dev_call(&victim.dev, DOMUS_DEV_SET_FEATURES, bits, 0, 0);
}

static long queue_call(u64 op, u64 queue, u64 arg)
{
	return hcall(DOMUS_HC_DEV_QUEUE, op, victim.dev.info.handle, queue, arg, 0, NULL);
}

static long notify(u64 handle, u64 queue)
{
	return hc2(DOMUS_HC_DEV_NOTIFY, handle, queue);
}

static bool good_io(void)
{
	put_request(0);
	return IS(answer_to(0), VIRTIO_BLK_S_OK);
}

/* ---- 1. Status and features --------------------------------------------------------- */

static bool bits_taken_away(void)
{
	const u8 all = ACK | DRIVER | AGREED | GO;
	bool good = true;
	unsigned int bit;

	for (bit = 0; bit < 4; bit++)
		good &= IS(status(all & ~(1 << bit)), -EINVAL);
	return good & IS(dev_status(&victim.dev), all) & good_io();
}

static bool bits_that_are_none(void)
{
	const u8 all = ACK | DRIVER | AGREED | GO;

	return IS(status(all | 16), -EINVAL) & IS(status(all | 32), -EINVAL) &
	       IS(status(all | 256), -EINVAL) & IS(status(1UL << 32), -EINVAL) &
	       IS(status(1UL << 63), -EINVAL) & IS(status(~0UL), -EINVAL) &
	       /* what the device says of itself is no matter of the driver's */
	       IS(status(all | VIRTIO_CONFIG_S_NEEDS_RESET), all) &
	       IS(dev_status(&victim.dev), all) & good_io();
}

static bool failed(void)
{
	return IS(status(ACK | DRIVER | AGREED | GO | FAILED), ACK | DRIVER | AGREED | GO | FAILED);
}

static bool go_first(void)
{
	dev_reset(&victim.dev);
	return IS(status(GO), -EINVAL) & IS(status(ACK | DRIVER | GO), -EINVAL) &
	       IS(dev_status(&victim.dev), 0);
}

static bool without_version(void)
{
	dev_reset(&victim.dev);
	return IS(status(ACK | DRIVER), ACK | DRIVER) & IS(features(INDIRECT), 0) &
	       IS(status(ACK | DRIVER | AGREED), ACK | DRIVER) &
	       IS(raw_enable(0, 16, pa(raw.desc), pa(raw.avail), pa(raw.used)), -EINVAL) &
	       IS(status(ACK | DRIVER | AGREED | GO), -EINVAL);
}

static bool not_offered(void)
{
	u64 offered = victim.dev.info.features;
	unsigned int bit;
	bool good = true;

	dev_reset(&victim.dev);
	status(ACK | DRIVER);
	for (bit = 0; bit < 64; bit++)
		if (!(offered >> bit & 1))
			good &= features(VERSION | 1UL << bit) == -EINVAL;
	return good & IS(features(~0UL), -EINVAL) & IS(features(offered), 0);
}

static bool flipped_late(void)
{
	return IS(features(VERSION | INDIRECT), -EBUSY) & IS(features(0), -EBUSY) &
	       IS(features(~0UL), -EBUSY) & good_io();
}

static bool go_twice(void)
{
	const u8 all = ACK | DRIVER | AGREED | GO;

	return IS(status(all), all) & IS(status(all), all) & good_io();
}

/* ---- 2. Queues -------------------------------------------------------------------------- */

static long ring_of(u64 size)
{
	return raw_enable(0, size, pa(raw.desc), pa(raw.avail), pa(raw.used));
}

static bool close_queue(void)
{
	return IS(queue_call(DOMUS_QUEUE_DISABLE, 0, 0), 0);
}

static bool sizes(void)
{
	const u32 max = victim.dev.info.queue_max;

	return close_queue() & IS(ring_of(0), -EINVAL) & IS(ring_of(3), -EINVAL) &
	       IS(ring_of(max + 1), -EINVAL) & IS(ring_of(max * 2), -EINVAL) &
	       IS(ring_of(1024 * 2), -EINVAL) & IS(ring_of(65536), -EINVAL) &
	       IS(ring_of(~0U), -EINVAL) & (ring_of(16) > 0);
}

static bool packed_sizes(void)
{
	bool good = close_queue() & IS(ring_of(0), -EINVAL) &
		    IS(ring_of(victim.dev.info.queue_max + 1), -EINVAL) & (ring_of(3) > 0);

	return good & close_queue() & (ring_of(1) > 0);
}

static bool alignment(void)
{
	const u64 d = pa(raw.desc), a = pa(raw.avail), u = pa(raw.used);

	return close_queue() & IS(raw_enable(0, 16, d + 8, a, u), -EINVAL) &
	       IS(raw_enable(0, 16, d + 1, a, u), -EINVAL) &
	       IS(raw_enable(0, 16, d, a + 1, u), -EINVAL) &
	       IS(raw_enable(0, 16, d, a, u + 2), -EINVAL) &
	       IS(raw_enable(0, 16, d, a, u + 1), -EINVAL) &
	       (raw_enable(0, 16, d + 16, a + 2, u + 4) > 0);
}

static bool not_memory(void)
{
	const u64 none[] = { memory, memory + 4096, memory - 64, 1UL << 40, 1UL << 47, 1UL << 63,
			     ~0UL - 4095, ~15UL, 0xffffffff80000000, 0xffff888000000000 };
	const u64 d = pa(raw.desc), a = pa(raw.avail), u = pa(raw.used);
	bool good = close_queue();
	unsigned int i;

	for (i = 0; i < COUNT(none); i++)
		good &= IS(raw_enable(0, 16, none[i], a, u), -EFAULT) &
			IS(raw_enable(0, 64, d, none[i], u), -EFAULT) &
			IS(raw_enable(0, 16, d, a, none[i]), -EFAULT);
	return good & IS(queue_call(DOMUS_QUEUE_ENABLE, 0, memory), -EFAULT) &
	       IS(queue_call(DOMUS_QUEUE_ENABLE, 0, ~0UL), -EFAULT) &
	       IS(queue_call(DOMUS_QUEUE_ENABLE, 0, memory - 8), -EFAULT) & (ring_of(16) > 0);
}

static bool no_such_queue(void)
{
	const u64 none[] = {
		victim.dev.info.queues, 32, 33, 255, 65536, 1UL << 32, 1UL << 63, ~0UL
	};
	bool good = true;
	unsigned int i;

	for (i = 0; i < COUNT(none); i++)
		good &= IS(queue_call(DOMUS_QUEUE_ENABLE, none[i], pa(raw.data)), -EINVAL) &
			IS(queue_call(DOMUS_QUEUE_DISABLE, none[i], 0), -EINVAL) &
			IS(queue_call(DOMUS_QUEUE_SET_VCPU, none[i], 0), -EINVAL) &
			IS(notify(victim.dev.info.handle, none[i]), -EINVAL);
	return good & IS(queue_call(3, 0, 0), -EINVAL) & IS(queue_call(~0UL, 0, 0), -EINVAL) &
	       good_io();
}

static bool enabled_twice(void)
{
	return IS(ring_of(16), -EINVAL) & IS(ring_of(8), -EINVAL) & good_io();
}

static bool closed_and_opened(void)
{
	bool good = good_io() & close_queue() & close_queue();

	put_request(0);
	offer(0);
	doorbell();
	good &= *raw.status == 0xff;
	memset(raw.avail, 0, 64);
	memset(raw.used, 0, 64);
	return good & (ring_of(32) > 0) & good_io();
}

static bool no_vcpu(void)
{
	static struct domus_dev_queue q;
	bool good = close_queue();
	unsigned int i;

	for (i = 1; i < 40; i++) {
		q = (struct domus_dev_queue){ 16, i < 32 ? 1U << i : ~0U, pa(raw.desc),
					      pa(raw.avail), pa(raw.used) };
		good &= IS(queue_call(DOMUS_QUEUE_ENABLE, 0, pa(&q)), -EINVAL);
	}
	return good & (ring_of(16) > 0) & IS(queue_call(DOMUS_QUEUE_SET_VCPU, 0, 1), -EINVAL) &
	       IS(queue_call(DOMUS_QUEUE_SET_VCPU, 0, ~0UL), -EINVAL) &
	       IS(queue_call(DOMUS_QUEUE_SET_VCPU, 0, 0), 0) &
	       IS(dev_call(&victim.dev, DOMUS_DEV_PORT, ~0UL, 0, 0), victim.dev.port);
}

/* All three areas on top of each other: what it makes of that is its own. */
static bool areas_overlap(void)
{
	unsigned int i;

	close_queue();
	if (raw_enable(0, 16, pa(raw.desc), pa(raw.desc), pa(raw.desc)) <= 0)
		return false;
	for (i = 0; i < 50; i++) {
		put_request(0);
		raw.desc[0].addr += (u64)i << 16;
		doorbell();
	}
	return true;
}

static bool ring_on_shared_pages(void)
{
	close_queue();
	/* the used ring, from the end of what has a meaning there */
	if (raw_enable(0, 16, pa(raw.desc), pa(raw.avail), guest_info->vcpu_page_gpa + 2048) <= 0)
		return false;
	memset(raw.avail, 0, 64);
	put_request(0);
	offer(0);
	doorbell();
	close_queue();
	if (raw_enable(0, 16, pa(raw.desc), pa(raw.avail), guest_info->event_page_gpa + 2048) <= 0)
		return false;
	doorbell();
	return close_queue();
}

#define PLACE	0x7e0000000000UL

static void read_place(u64 at)
{
	*(volatile u64 *)at;
}

/* What the device writes into it is what a guest might have written. */
static bool ring_on_page_table(void)
{
	u64 *mine = page_alloc(), *table;
	unsigned int i;

	map_page(guest_root(), PLACE, pa(mine), PTE_P | PTE_W | PTE_NX);
	if (attempt(read_place, PLACE) != NO_TRAP)
		return false;
	table = (u64 *)((u64)find_pte(guest_root(), PLACE) & ~0xfffUL);
	close_queue();
	memset(raw.avail, 0, 64);
	if (raw_enable(0, 16, pa(raw.desc), pa(raw.avail), pa(table)) <= 0)
		return false;
	for (i = 0; i < 40; i++) {
		put_request(0);
		offer(0);
		doorbell();
		hcall(DOMUS_HC_MMU_FLUSH, DOMUS_FLUSH_ALL, 0, 0, 0, ~0UL, NULL);
		attempt(read_place, PLACE);
		attempt(read_place, PLACE + 4096);
	}
	close_queue();
	memset(table, 0, 4096);
	hcall(DOMUS_HC_MMU_FLUSH, DOMUS_FLUSH_ALL, 0, 0, 0, ~0UL, NULL);
	return attempt(read_place, PLACE) == 14;
}

static void run(u64 code)
{
	((void (*)(void))code)();
}

static bool ring_on_code(void)
{
	u8 *code = page_alloc();

	memset(code, 0xc3, 4096);	/* ret */
	run((u64)code);
	close_queue();
	memset(raw.avail, 0, 64);
	if (raw_enable(0, 16, pa(raw.desc), pa(raw.avail), pa(code)) <= 0)
		return false;
	put_request(0);
	offer(0);
	doorbell();
	attempt(run, (u64)code);
	attempt(run, (u64)code + 2);
	return close_queue();
}

/* ---- 3. Config space ------------------------------------------------------------------------ */

static long config(u64 op, u64 offset, u64 gpa, u64 bytes)
{
	return dev_call(&victim.dev, op, offset, gpa, bytes);
}

static bool config_out_of_range(u64 op)
{
	const u64 end = victim.dev.info.config_size, to = pa(raw.data);
	bool good = true;

	memset(raw.data, 0x5a, 8192);
	good &= IS(config(op, end, to, 1), -EINVAL) & IS(config(op, end - 1, to, 2), -EINVAL) &
		IS(config(op, 0, to, end + 1), -EINVAL) & IS(config(op, ~0UL, to, 1), -EINVAL) &
		IS(config(op, ~0UL, to, 2), -EINVAL) & IS(config(op, 1, to, ~0UL), -EINVAL) &
		IS(config(op, 0, to, ~0UL), -EINVAL) & IS(config(op, 0, to, 1UL << 32), -EINVAL) &
		IS(config(op, 1UL << 63, to, 1UL << 63), -EINVAL) &
		IS(config(op, end + 1, to, 0), -EINVAL) &
		(config(op, end, to, 0) >= 0) & (config(op, end, ~0UL, 0) >= 0);
	good &= IS(config(op, 0, memory, 1), -EFAULT) & IS(config(op, 0, memory - 4, 8), -EFAULT) &
		IS(config(op, 0, ~0UL, 2), -EFAULT) & IS(config(op, 0, 1UL << 63, 8), -EFAULT);
	return good & IS(raw.data[0], 0x5a) & IS(raw.data[4096], 0x5a);
}

static bool reads_out_of_range(void)
{
	return config_out_of_range(DOMUS_DEV_READ) &
	       (config(DOMUS_DEV_READ, 0, memory - 8, 8) >= 0) & good_io();
}

static bool writes_out_of_range(void)
{
	return config_out_of_range(DOMUS_DEV_WRITE) & good_io();
}

/* The capacity is not the driver's, and wce is 0 or 1. */
static bool writes(void)
{
	static u64 before, after;
	unsigned int i;

	config(DOMUS_DEV_READ, 0, pa(&before), 8);
	for (i = 0; i < victim.dev.info.config_size; i++) {
		raw.data[0] = 0xee;
		config(DOMUS_DEV_WRITE, i, pa(raw.data), 1);
	}
	memset(raw.data, 0xee, 256);
	config(DOMUS_DEV_WRITE, 0, pa(raw.data), victim.dev.info.config_size);
	config(DOMUS_DEV_READ, 0, pa(&after), 8);
	return IS(after, before) & good_io();
}

static bool no_such_op(void)
{
	return IS(dev_call(&victim.dev, 8, 0, 0, 0), -EINVAL) &
	       IS(dev_call(&victim.dev, ~0UL, 0, 0, 0), -EINVAL) &
	       IS(dev_call(&victim.dev, 1UL << 32, 0, 0, 0), -EINVAL) & good_io();
}

/* ---- 4. Handles and doorbells --------------------------------------------------------------- */

static bool no_such_device(void)
{
	const u64 handle = victim.dev.info.handle;
	const u64 none[] = { 0, handle + (1UL << 32), handle - (1UL << 32), handle ^ 1UL << 63,
			     handle + 40, handle | 64, 63, 64, ~0UL, (u32)handle };
	bool good = true;
	unsigned int i;

	for (i = 0; i < COUNT(none); i++)
		good &= IS(notify(none[i], 0), -ENODEV) &
			IS(hcall(DOMUS_HC_DEV_CONFIG, DOMUS_DEV_GET_STATUS, none[i], 0, 0, 0, NULL),
			   -ENODEV) &
			IS(hcall(DOMUS_HC_DEV_QUEUE, DOMUS_QUEUE_DISABLE, none[i], 0, 0, 0, NULL),
			   -ENODEV);
	for (i = 2; i < DOMUS_MAX_DEVICES; i++)
		good &= IS(hcall(DOMUS_HC_DEV_CONFIG, DOMUS_DEV_INFO, i, pa(raw.data), 0, 0, NULL),
			   -ENODEV);
	return good & IS(hcall(DOMUS_HC_DEV_CONFIG, DOMUS_DEV_INFO, 64, pa(raw.data), 0, 0, NULL),
			 -EINVAL) &
	       IS(hcall(DOMUS_HC_DEV_CONFIG, DOMUS_DEV_INFO, ~0UL, pa(raw.data), 0, 0, NULL),
		  -EINVAL) &
	       IS(hcall(DOMUS_HC_DEV_CONFIG, DOMUS_DEV_INFO, 0, memory - 8, 0, 0, NULL), -EFAULT) &
	       good_io();
}

static bool doorbell_storm(void)
{
	unsigned int i, bad = 0;

	for (i = 0; i < 100000; i++)
		bad += notify(victim.dev.info.handle, 0) != 0;
	return !bad && good_io();
}

static bool doorbell_of_nothing(void)
{
	bool good = close_queue();

	put_request(0);
	offer(0);
	good &= IS(notify(victim.dev.info.handle, 0), 0) & IS(*raw.status, 0xff);
	dev_reset(&victim.dev);
	good &= IS(notify(victim.dev.info.handle, 0), 0);
	return good & IS(*raw.status, 0xff);
}

static bool go_without_queues(void)
{
	bool good = dev_open(&victim.dev, 0) && dev_go(&victim.dev);

	return good & IS(notify(victim.dev.info.handle, 0), 0) &
	       (ring_of(16) > 0);	/* a queue may come late */
}

static bool before_go(void)
{
	if (!dev_open(&victim.dev, 0) || ring_of(16) <= 0)
		return false;
	memset(raw.avail, 0, 64);
	memset(raw.used, 0, 64);
	put_request(0);
	offer(0);
	doorbell();
	if (*raw.status != 0xff || raw.used->idx)
		return false;
	/* it counts from here on */
	dev_go(&victim.dev);
	doorbell();
	return used_up(1) && *raw.status == VIRTIO_BLK_S_OK;
}

/* A port of a device is not the guest's to close; it may do as it likes with the bits. */
static bool ports(void)
{
	struct domus_event_page *page = va(guest_info->event_page_gpa);
	bool good = IS(hc1(DOMUS_HC_EVENT_CLOSE, victim.dev.port), -EINVAL) &
		    IS(hc1(DOMUS_HC_EVENT_SEND, victim.dev.port), -EINVAL) &
		    IS(hc2(DOMUS_HC_EVENT_BIND, DOMUS_PORT_DEVICE, 0), -EINVAL);
	unsigned int i;

	for (i = 0; i < 64; i++) {
		page->pending[0] = random();
		page->mask[0] = random();
		good &= good_io();
	}
	page->pending[0] = 0;
	page->mask[0] = 0;
	return good;
}

static const struct story stories[] = {
	{ "status bits are taken away", NULL, bits_taken_away },
	{ "status bits that are none", NULL, bits_that_are_none },
	{ "the driver gives up", NULL, failed },
	{ "DRIVER_OK before all else", NULL, go_first },
	{ "no VERSION_1", NULL, without_version },
	{ "features that are not offered", NULL, not_offered },
	{ "features are flipped after FEATURES_OK", NULL, flipped_late },
	{ "DRIVER_OK twice", NULL, go_twice },
	{ "sizes of a ring that are none", NULL, sizes },
	{ "of a packed one", NULL, packed_sizes, PACKED },
	{ "areas that are not aligned", NULL, alignment },
	{ "areas that are not memory", NULL, not_memory },
	{ "queues that are none", NULL, no_such_queue },
	{ "a queue enabled twice", NULL, enabled_twice },
	{ "a queue closed and opened while the device works", NULL, closed_and_opened },
	{ "vCPUs that are none", NULL, no_vcpu },
	{ "areas on top of each other", MAYBE, areas_overlap },
	{ "a used ring in vCPU page and event page", MAYBE, ring_on_shared_pages },
	{ "a used ring on a page table", MAYBE, ring_on_page_table },
	{ "a used ring on code", MAYBE, ring_on_code },
	{ "config space is read where it is not", NULL, reads_out_of_range },
	{ "and written", NULL, writes_out_of_range },
	{ "config space is written where it is not the driver's", NULL, writes },
	{ "operations that are none", NULL, no_such_op },
	{ "devices that are none", NULL, no_such_device },
	{ "100000 doorbells", NULL, doorbell_storm },
	{ "a doorbell of a queue that is not open", NULL, doorbell_of_nothing },
	{ "a device without queues", NULL, go_without_queues },
	{ "a doorbell before DRIVER_OK", NULL, before_go },
	{ "ports closed, sent to, and their bits at random", NULL, ports },
};

void test(void)
{
	run_stories(stories, COUNT(stories));
}
