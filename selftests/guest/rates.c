// SPDX-License-Identifier: GPL-2.0-only
/*
 * Limits of a disk and of a network interface: what a rate allows takes as long as it says,
 * at least. That it takes no longer can be said with "exact=yes" alone, on a machine whose
 * clock counts instructions: others may be slow.
 *
 * Who has tokens may take one request, whatever it costs, and pays for it before the next:
 * so N requests take what N - 1 of them cost, less the burst. rates.sh answers: asked
 * "limit KIND NAME OPTIONS" it sets them, "up" turns the host's end of the interface on,
 * "flood N BYTES" sends N pings of so many bytes.
 */
#include "disk.h"
#include "frame.h"
#include "hostile.h"
#include "story.h"

#define MS		1000000UL
#define KIB		1024U
#define OPS		100U		/* in a second */
#define MANY		41U		/* operations: 400 ms */
#define RATE		(1024 * KIB)	/* bytes in a second */
#define LARGE		(32 * KIB)
#define LARGE_ONES	17U		/* 500 ms */
#define EXTRA		(10 * MS)	/* for what is done beside, in exact time */

static struct disk disk;
static struct nic nic;
static u8 *data;
static bool exact;

/* ---- 1. Limits ------------------------------------------------------------------------ */

static bool limit(const char *what)
{
	if (same(ask_host("limit", what), "0"))
		return true;
	print("# limit %s: refused\n", what);
	return false;
}

/* Since @begun @ns have gone by, at least; in exact time no more than a twentieth above it. */
static bool lasted(u64 begun, u64 ns)
{
	u64 took = now() - begun;

	print("# %lu ms, %lu at least\n", took / MS, ns / MS);
	return took >= ns && (!exact || took <= ns + ns / 20 + EXTRA);
}

static void idle(u64 ns)
{
	u64 at, end = now() + ns;

	for (at = now(); at < end; at = now()) {
		timer_arm(end - at);
		dev_wait();
	}
}

/* ---- 2. The disk ------------------------------------------------------------------------- */

/* One request; of DISCARD and WRITE_ZEROES @bytes are those of the disk. */
static bool start(struct disk *d, u32 type, u32 bytes)
{
	static struct virtio_blk_discard_write_zeroes range;

	if (type != VIRTIO_BLK_T_DISCARD && type != VIRTIO_BLK_T_WRITE_ZEROES)
		return disk_start(d, type, 0, data, bytes) >= 0;
	range.num_sectors = bytes / SECTOR;
	return disk_start(d, type, 0, &range, sizeof(range)) >= 0;
}

/* @n of them, @depth at a time. */
static bool requests(u32 type, u32 bytes, unsigned int n, unsigned int depth, u8 expected)
{
	unsigned int begun = 0, ended;
	u8 status;

	for (ended = 0; ended < n; ended++) {
		for (; begun < n && begun - ended < depth; begun++)
			if (!start(&disk, type, bytes))
				return false;
		disk_kick(&disk);
		if (disk_end(&disk, &status) < 0 || status != expected) {
			print("# request %u: status %u\n", ended, status);
			return false;
		}
	}
	return true;
}

static void operations(const char *name, u32 type, u32 bytes, unsigned int depth, u8 expected)
{
	bool good = limit("disk d --rate 0 --ops 100 --burst 0");
	u64 begun = now();

	good &= requests(type, bytes, MANY, depth, expected);
	ok(good & lasted(begun, (MANY - 1) * 1000 * MS / OPS), "operations: %s", name);
}

static void bytes(const char *name, u32 type, unsigned int depth)
{
	bool good = limit("disk d --rate 1M --ops 0 --burst 0");
	u64 begun = now();

	good &= requests(type, LARGE, LARGE_ONES, depth, VIRTIO_BLK_S_OK);
	ok(good & lasted(begun, (LARGE_ONES - 1) * 1000UL * LARGE / RATE * MS), "bytes: %s", name);
}

static void both(void)
{
	bool good = limit("disk d --rate 1M --ops 10 --burst 0");
	u64 begun = now();

	good &= requests(VIRTIO_BLK_T_IN, SECTOR, 6, 6, VIRTIO_BLK_S_OK);
	good &= lasted(begun, 500 * MS) & limit("disk d --rate 64K --ops 1000 --burst 0");
	begun = now();
	good &= requests(VIRTIO_BLK_T_IN, LARGE, 2, 2, VIRTIO_BLK_S_OK);
	ok(good & lasted(begun, 500 * MS), "both limits: the slower one counts");
}

/* What was not used for 600 ms is not kept, but for 200 ms of it. */
static void burst(void)
{
	bool good = limit("disk d --rate 0 --ops 100 --burst 200");
	u64 begun;

	good &= requests(VIRTIO_BLK_T_IN, SECTOR, 1, 1, VIRTIO_BLK_S_OK);
	idle(600 * MS);
	begun = now();
	good &= requests(VIRTIO_BLK_T_IN, SECTOR, 61, 16, VIRTIO_BLK_S_OK);
	ok(good & lasted(begun, 400 * MS), "a pause makes up for a burst, and no more");
}

/* As many as come back are asked anew. Return: how many came back. */
static unsigned int again(struct disk *d, u32 type)
{
	unsigned int n = 0;

	while (ring_take(&d->ring, NULL) >= 0 && start(d, type, SECTOR))
		n++;
	if (n)
		disk_kick(d);
	return n;
}

/* Two queues that always ask for more have a half each, whichever comes first. */
static void halves(struct disk *first, struct disk *second)
{
	bool good = limit("disk d --rate 0 --ops 100 --burst 0");
	unsigned int i, one = 0, two = 0;
	u64 end = now() + 10000 * MS;

	for (i = 0; good && i < 8; i++)
		good = start(first, VIRTIO_BLK_T_IN, SECTOR) &&
		       start(second, VIRTIO_BLK_T_IN, SECTOR);
	disk_kick(first);
	disk_kick(second);
	while (good && one + two < 60 && now() < end) {
		one += again(first, VIRTIO_BLK_T_IN);
		two += again(second, VIRTIO_BLK_T_IN);
		idle(MS);
	}
	ok(good && one >= 24 && two >= 24, "two greedy queues: %u and %u of 60", one, two);
	/* as nobody waits for what is left */
	ok(!dev_reset(&disk.dev) && limit("disk d --rate 0 --ops 0") &&
	   disk_open(&disk, DISK_FEATURES), "opened anew");
}

/* The limit is the device's, not a queue's. */
static void two_queues(void)
{
	bool good = limit("disk d --rate 0 --ops 100 --burst 0");
	static struct disk half;
	unsigned int i;
	u64 begun;
	u8 status;

	half = disk;
	half.ring = (struct ring){};
	half.requests = dev_memory(DISK_DEPTH * sizeof(*half.requests));
	good &= ring_open(&half.ring, &half.dev, 1, DISK_DEPTH);
	begun = now();
	for (i = 0; good && i < 20; i++)
		good = start(&disk, VIRTIO_BLK_T_IN, SECTOR) &&
		       start(&half, VIRTIO_BLK_T_OUT, SECTOR);
	disk_kick(&disk);
	disk_kick(&half);
	for (i = 0; good && i < 20; i++)
		good = disk_end(&disk, &status) >= 0 && disk_end(&half, &status) >= 0;
	/* each may take one more than there are tokens for */
	ok(good & lasted(begun, (2 * 20 - 2) * 1000 * MS / OPS), "two queues share the limit");
	halves(&disk, &half);
}

/* A byte in a second: what comes behind the first request waits for minutes. */
static bool stuck(void)
{
	bool good = limit("disk d --rate 1 --ops 0 --burst 0") &&
		    requests(VIRTIO_BLK_T_IN, SECTOR, 1, 1, VIRTIO_BLK_S_OK) &&
		    start(&disk, VIRTIO_BLK_T_IN, SECTOR);

	disk_kick(&disk);
	idle(50 * MS);
	return good && ring_take(&disk.ring, NULL) < 0;
}

static void lifted(void)
{
	u8 status;

	ok(stuck() && limit("disk d --rate 0 --ops 0") && disk_end(&disk, &status) >= 0 &&
	   status == VIRTIO_BLK_S_OK, "what waits goes on when the limit is lifted");
	ok(stuck() && !dev_reset(&disk.dev) && limit("disk d --rate 0 --ops 0") &&
	   disk_open(&disk, DISK_FEATURES) &&
	   requests(VIRTIO_BLK_T_IN, SECTOR, 16, 16, VIRTIO_BLK_S_OK),
	   "a reset does not wait for tokens");
}

static void test_disk(void)
{
	u64 end = disk.config.capacity;

	operations("reads", VIRTIO_BLK_T_IN, SECTOR, 1, VIRTIO_BLK_S_OK);
	operations("writes, many at a time", VIRTIO_BLK_T_OUT, SECTOR, 16, VIRTIO_BLK_S_OK);
	operations("flushes", VIRTIO_BLK_T_FLUSH, 0, 4, VIRTIO_BLK_S_OK);
	operations("zeroes", VIRTIO_BLK_T_WRITE_ZEROES, SECTOR, 4, VIRTIO_BLK_S_OK);
	operations("discards", VIRTIO_BLK_T_DISCARD, 4096, 4, VIRTIO_BLK_S_OK);
	operations("serial numbers", VIRTIO_BLK_T_GET_ID, 20, 1, VIRTIO_BLK_S_OK);
	operations("requests that are refused", 77, SECTOR, 16, VIRTIO_BLK_S_UNSUPP);
	operations("zeroes beyond the disk", VIRTIO_BLK_T_WRITE_ZEROES, (end + 1) * SECTOR, 16,
		   VIRTIO_BLK_S_IOERR);
	bytes("reads", VIRTIO_BLK_T_IN, 1);
	bytes("writes, many at a time", VIRTIO_BLK_T_OUT, 16);
	bytes("zeroes", VIRTIO_BLK_T_WRITE_ZEROES, 4);
	both();
	burst();
	two_queues();
	lifted();
}

/* ---- 3. The network interface ---------------------------------------------------------------- */

#define PING(bytes)	(sizeof(struct ether) + 20 + 8 + (bytes))

static void sends(const char *name, const char *what, unsigned int n, u64 ns)
{
	static u8 frame[NIC_FRAME] = { 2, 0, 0, 0, 0, 0xee, 2, 0, 0, 0, 0, 0x0a, 8, 0 };
	bool good = limit(what);
	u64 begun = now();
	unsigned int i;

	for (i = 0; i < n; i++)
		good &= nic_send(&nic, frame, 1000);
	ok(good & lasted(begun, ns), "from the guest: %s", name);
}

/*
 * The bytes of the next frame. The host drops frames that it had to keep for long: when none
 * comes, more are asked for.
 */
static u32 receive(const char *flood)
{
	u64 end = now() + PATIENCE / 2;
	const u8 *frame;

	while (__atomic_load_n(&nic.rx.used->idx, __ATOMIC_ACQUIRE) == nic.rx.seen) {
		if (now() > end) {
			print("# no frame in 5 seconds: more of them\n");
			ask_host("flood", flood);
			end = now() + PATIENCE / 2;
		}
		idle(MS);
	}
	return nic_receive(&nic, &frame);
}

/*
 * @n pings of @bytes. What else comes costs, too, and so takes longer; but what the test
 * before has left on its way may have come before this limit, and is of another size.
 */
static void receives(const char *name, const char *what, const char *flood, u32 bytes,
		     unsigned int n, u64 ns)
{
	bool good = limit(what);
	unsigned int pings = 0;
	u64 begun = now();
	u32 size;

	ask_host("flood", flood);
	while (pings < n) {
		size = receive(flood);
		if (!size)
			break;
		pings += size == PING(bytes);
	}
	good &= pings == n && lasted(begun, ns);
	ask_host("flood", "0 0");
	/* what is still on its way goes to nobody */
	ok(good && !dev_reset(&nic.dev) && limit("net n --rate 0 --ops 0") && nic_open(&nic),
	   "to the guest: %s", name);
}

/*
 * Linux spins with interrupts off until a command is answered: that does not wait until
 * frames have their tokens, which at a byte in a second takes minutes.
 */
static void command(void)
{
	static const u8 promiscuous[] = { VIRTIO_NET_CTRL_RX, VIRTIO_NET_CTRL_RX_PROMISC, 1 };
	static u8 ack = VIRTIO_NET_ERR;
	static struct ring control;
	struct piece pieces[] = { { promiscuous, sizeof(promiscuous), false }, { &ack, 1, true } };
	struct piece frame = { nic.tx_buffer, sizeof(nic.tx_buffer->hdr) + 1000, false };
	bool good = !dev_reset(&nic.dev) && limit("net n --rate 1 --ops 0 --burst 0") &&
		    dev_open(&nic.dev, 1UL << VIRTIO_NET_F_CTRL_VQ | 1UL << VIRTIO_NET_F_CTRL_RX) &&
		    ring_open(&nic.rx, &nic.dev, 0, NIC_DEPTH) &&
		    ring_open(&nic.tx, &nic.dev, 1, NIC_DEPTH) &&
		    ring_open(&control, &nic.dev, 2, NIC_DEPTH) && dev_go(&nic.dev);
	u64 end = now() + PATIENCE / 2;

	good = good && ring_add(&nic.tx, &frame, 1) >= 0 && ring_add(&nic.tx, &frame, 1) >= 0;
	ring_kick(&nic.tx);
	good = good && ring_wait(&nic.tx, NULL) >= 0 && ring_add(&control, pieces, 2) >= 0;
	ring_kick(&control);
	while (good && ring_take(&control, NULL) < 0 && now() < end)
		idle(MS);
	ok(good && ack == VIRTIO_NET_OK && ring_take(&nic.tx, NULL) < 0,
	   "a command is answered while frames wait");
	ok(!dev_reset(&nic.dev) && limit("net n --rate 0 --ops 0") && nic_open(&nic),
	   "opened anew");
}

static void test_nic(void)
{
	command();
	sends("operations", "net n --rate 0 --ops 100 --burst 0", MANY,
	      (MANY - 1) * 1000 * MS / OPS);
	sends("bytes", "net n --rate 20K --ops 0 --burst 0", 9,
	      8 * 1000UL * 1000 / (20 * KIB) * MS);
	receives("operations", "net n --rate 0 --ops 20 --burst 0", "40 900", 900, 16,
		 15 * 1000 * MS / 20);
	receives("bytes", "net n --rate 20K --ops 0 --burst 0", "40 1000", 1000, 16,
		 15 * PING(1000) * 1000 / (20 * KIB) * MS);
}

void test(void)
{
	hostile_init();
	dev_init();
	exact = arg_is("exact", "yes");
	data = dev_memory(LARGE);
	plan(24);
	if (!dev_find(&disk.dev, VIRTIO_ID_BLOCK, 0) || !disk_open(&disk, DISK_FEATURES) ||
	    !dev_find(&nic.dev, VIRTIO_ID_NET, 0) || !nic_open(&nic))
		guest_stop(DOMUS_SHUTDOWN_CRASH, "a disk and a network interface are needed");
	ask_host("up", "n");
	while (!nic_link(&nic))
		dev_wait();
	test_disk();
	test_nic();
	/* the end does not wait for tokens, either */
	stuck();
}
