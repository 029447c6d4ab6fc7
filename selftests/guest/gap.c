// SPDX-License-Identifier: GPL-2.0-only
/*
 * A guest whose holder takes memory away while a disk and a network interface use it. It
 * says when, on its console: "gap WHAT OFFSET BYTES", which gap.sh has the holder do
 * (holder/gap.c). The CPU does not touch that memory: requests fail, or are done.
 */
#include "disk.h"
#include "wire.h"

#define PLACE	(8UL << 20)	/* the memory that comes and goes */
#define BYTES	(1UL << 20)
#define MANY	16

static struct disk disk;

/* ---- 1. The holder, the disk -------------------------------------------------------- */

static bool gap(const char *what)
{
	static char text[32];
	char *at = text;

	while (*what)
		*at++ = *what++;
	copy_to(at, " 8388608 1048576", 17);
	return same(ask_host("gap", text), "0");
}

static bool reads(u64 at, u32 bytes, int expected)
{
	int status = disk_do(&disk, VIRTIO_BLK_T_IN, 0, va(at), bytes);

	if (status != expected)
		print("# a read: %d, not %d\n", status, expected);
	return status == expected;
}

static bool writes(u64 at, u32 bytes, int expected)
{
	int status = disk_do(&disk, VIRTIO_BLK_T_OUT, 0, va(at), bytes);

	if (status != expected)
		print("# a write: %d, not %d\n", status, expected);
	return status == expected;
}

static bool both(int expected)
{
	return reads(PLACE, 65536, expected) & writes(PLACE, 65536, expected) &
	       reads(PLACE + 4096 + 512, 512, expected) & writes(PLACE + 512, 512, expected);
}

static void test_disk(void)
{
	const int good = VIRTIO_BLK_S_OK, bad = VIRTIO_BLK_S_IOERR;

	ok(both(good), "a disk reads and writes memory");
	ok(gap("discard") && both(good), "thrown away: as new");
	ok(gap("readonly") && writes(PLACE, 65536, good) && reads(PLACE, 65536, bad),
	   "read-only: reads of the disk fail");
	ok(gap("none") && both(bad), "without rights: all fails");
	ok(gap("writable") && both(good), "with all rights again");
	ok(gap("unmap") && both(bad), "unmapped: all fails");
	ok(reads(PLACE - 4096, 8192, bad) && writes(PLACE + BYTES - 4096, 8192, bad) &&
	   reads(PLACE - 4096, 4096, good) && writes(PLACE + BYTES, 4096, good),
	   "also at its ends, and what is beside it does not");
	ok(gap("replace") && both(good), "mapped anew: as new");
}

/* Each is answered, one way or the other. */
static bool all_answered(void)
{
	u8 status;
	unsigned int i;

	for (i = 0; i < MANY; i++)
		if (disk_end(&disk, &status) < 0 ||
		    (status != VIRTIO_BLK_S_OK && status != VIRTIO_BLK_S_IOERR))
			return false;
	return true;
}

static void test_disk_under_way(void)
{
	static const char *const how[] = { "unmap", "discard", "none", "readonly" };
	unsigned int round, i;
	bool good = true;

	for (round = 0; round < 20 && good; round++) {
		for (i = 0; i < MANY; i++)
			disk_start(&disk, i & 1 ? VIRTIO_BLK_T_OUT : VIRTIO_BLK_T_IN, i * 128,
				   va(PLACE + i * 65536), 65536);
		disk_kick(&disk);
		good = gap(how[round % COUNT(how)]) && all_answered() && gap("replace");
	}
	ok(good && both(VIRTIO_BLK_S_OK), "with requests under way: each is answered");
}

/* ---- 2. The interface ------------------------------------------------------------------ */

static bool nic_new(u64 size)
{
	return dev_open(&target.dev, 0) && wire_enable(&rxq, RX, size) > 0 &&
	       wire_enable(&txq, TX, size) > 0 && dev_go(&target.dev);
}

static bool sends(u64 at, unsigned int n)
{
	u16 used = txq.used->idx + n;
	unsigned int i;

	for (i = 0; i < n; i++) {
		wire_put(&txq, i, at + i * 4096, 1000, 0, 0);
		wire_offer(&txq, i);
	}
	wire_kick(&txq);
	return wire_used(&txq, used);
}

static bool breaks(void)
{
	wire_put(&rxq, 0, PLACE, 4096, WRITE, 0);
	wire_offer(&rxq, 0);
	wire_kick(&rxq);
	return dev_broken(&target.dev);
}

static void test_nic(void)
{
	static const char *const how[] = { "unmap", "discard", "none", "readonly" };
	unsigned int i, k;
	bool good = true;

	counted(ANY, 0, ANY);
	ok(nic_new(128) && gap("unmap") && sends(PLACE, 16) && !dev_broken(&target.dev),
	   "frames from unmapped memory: used up");
	ok(breaks(), "a buffer in unmapped memory breaks the interface");
	ok(gap("replace") && gap("readonly") && nic_new(128) && breaks(),
	   "so does one in read-only memory");
	ok(gap("none") && nic_new(128) && breaks(), "and one without rights");
	gap("writable");
	for (i = 0; i < 20 && good; i++) {
		good = nic_new(128);
		for (k = 0; k < 128; k++) {
			wire_put(&rxq, k, PLACE + k * 4096, 4096, WRITE, 0);
			wire_offer(&rxq, k);
		}
		wire_kick(&rxq);
		ask_host("flood", "30");
		good &= gap(how[i % COUNT(how)]);
		sends(PLACE, 128);
		good &= gap("replace") & !dev_broken(&target.dev);
	}
	ok(good, "taken away with buffers in the ring and frames coming");
	ok(nic_new(128) && gap("writable") && sends(PLACE, 16), "after a reset all is as before");
}

/* ---- 3. Rings ------------------------------------------------------------------------------ */

/* The device has the pages that it began with, the guest others: until it begins anew. */
static void test_rings(void)
{
	unsigned int i;

	ok(nic_new(128), "an interface");
	rxq.desc = va(PLACE);
	rxq.avail = va(PLACE + 4096);
	rxq.used = va(PLACE + 8192);
	txq.desc = va(PLACE + 12288);
	txq.avail = va(PLACE + 16384);
	txq.used = va(PLACE + 20480);
	ok(nic_new(128) && sends(0, 16), "with its rings where memory comes and goes");
	ok(gap("discard"), "which is thrown away");
	for (i = 0; i < 16; i++) {
		wire_put(&txq, i, 0, 1000, 0, 0);
		wire_offer(&txq, i);
	}
	wire_kick(&txq);
	ok(dev_status(&target.dev) > 0 && nic_new(128) && sends(0, 16), "a reset, and all is well");
	ok(gap("unmap") && !hc2(DOMUS_HC_DEV_NOTIFY, target.dev.info.handle, TX) &&
	   !dev_reset(&target.dev), "unmapped: doorbell and reset");
	ok(dev_open(&target.dev, 0), "and the device is there");
}

/* ---- 4. Swapped out -------------------------------------------------------------------------- */

#define WORDS	(65536 / sizeof(u64))

/* Out of memory again, it goes to the disk, and to memory again. */
static bool there_and_back(u64 *words)
{
	unsigned int i;
	u64 sum = 0;

	for (i = 0; i < WORDS; i++)
		sum += words[i] = random();
	if (!gap("pageout") || !writes(PLACE, 65536, VIRTIO_BLK_S_OK))
		return false;
	for (i = 0; i < WORDS; i++)
		words[i] = 0;
	if (!gap("pageout") || !reads(PLACE, 65536, VIRTIO_BLK_S_OK) || !gap("pageout"))
		return false;
	for (i = 0; i < WORDS; i++)
		sum -= words[i];
	return !sum;
}

/* Whatever the disk can do without waiting: its memory cannot be had without. */
static void test_swapped(void)
{
	unsigned int i;

	for (i = 0; i < 8 && there_and_back(va(PLACE)); i++)
		;
	ok(i == 8, "a disk writes and reads what is swapped out");
	ok(nic_new(128) && gap("pageout") && sends(PLACE, 16) && !dev_broken(&target.dev),
	   "an interface sends it");
}

/* ---- 5. For ever --------------------------------------------------------------------------- */

/* A frame of memory that does not come: we wait in our doorbell. */
static void frame_for_ever(void)
{
	if (!nic_new(128) || !gap("hold"))
		guest_stop(DOMUS_SHUTDOWN_CRASH, "nothing is held");
	ask_host("held", "frame");
	sends(PLACE, 1);
}

/*
 * A buffer of such for a port, or its table: the device's worker waits when there are bytes
 * for it, with the buffer taken, or before it is.
 */
static void port_for_ever(const char *what)
{
	bool table = same(what, "table");

	ask_host("port", "attach");
	if (!dev_find(&target.dev, VIRTIO_ID_CONSOLE, 0) ||
	    !dev_open(&target.dev, INDIRECT) ||
	    wire_enable(&rxq, 0, 16) <= 0 || !dev_go(&target.dev) || !gap("hold"))
		guest_stop(DOMUS_SHUTDOWN_CRASH, "nothing is held");
	wire_put(&rxq, 0, PLACE, table ? 16 : 4096, table ? TABLE : WRITE, 0);
	wire_offer(&rxq, 0);
	if (!table)
		wire_kick(&rxq);
	ask_host("held", what);
	wire_used(&rxq, 1);
}

void test(void)
{
	hostile_init();
	dev_init();
	if (!dev_find(&disk.dev, VIRTIO_ID_BLOCK, 0) || !disk_open(&disk, DISK_FEATURES) ||
	    !dev_find(&target.dev, VIRTIO_ID_NET, 0))
		guest_stop(DOMUS_SHUTDOWN_CRASH, "a disk and a network interface are needed");
	ask_host("link", "up");
	if (arg_is("held", "frame"))
		return frame_for_ever();
	if (arg_is("held", "port"))
		return port_for_ever("port");
	if (arg_is("held", "table"))
		return port_for_ever("table");
	if (arg_is("swapped", "1")) {
		plan(2);
		return test_swapped();
	}
	plan(8 + 1 + 6 + 6);
	test_disk();
	test_disk_under_way();
	test_nic();
	test_rings();
	/* all of it, while both are busy: that is the end */
	print("the rest\n");
	sends(0, 16);
	ask_host("gap", "unmap 0 16777216");
}
