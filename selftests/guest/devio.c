// SPDX-License-Identifier: GPL-2.0-only
/*
 * A guest that does with its disk what it is told on its console, a line each:
 *
 *   open	takes the disk that is there: "open: 1", or 0; plain: without any feature
 *   read, write	one request of a sector: "read: STATUS"; -1: broken or gone
 *   start	starts 16 of a page each, every other one a write: "start: 16"
 *   end	waits for them: "end: OK FAILED"
 *   put A	writes 16 pages with a pattern at area A, 0 to 9, all at once: "put A: OK FAILED"
 *   check A	reads them: "check A: GOOD FAILED"; those that are neither have something else
 *   zero A	zeroes them in one request, discard A discards them: "zero A: STATUS"
 *   flush	"flush: STATUS"
 *   reset	"reset: RESULT"
 *   look	"look: " and gone, leaving, ending or there
 *   reboot, quit	reboots, powers off
 */
#include "disk.h"
#include "hostile.h"
#include "line.h"
#include "story.h"

#define MANY		16
#define PAGE_SECTORS	8
/* Word @i of an area: no two are alike. */
#define WORD(area, i)	(((area) * MANY * 512UL + (i) + 1) * 0x9e3779b97f4a7c15UL)

static struct disk disk;
static u8 *data;
static unsigned int started;

static bool open(u64 features)
{
	started = 0;
	return dev_find(&disk.dev, VIRTIO_ID_BLOCK, 0) && disk_open(&disk, features);
}

static void start(void)
{
	unsigned int i;

	for (i = 0; i < MANY; i++)
		disk_start(&disk, i & 1 ? VIRTIO_BLK_T_OUT : VIRTIO_BLK_T_IN, i * 8,
			   data + i * 4096, 4096);
	disk_kick(&disk);
	started = MANY;
	print("start: %u\n", started);
}

/* Return: how many of those that were started went well; @bad: and how many did not. */
static unsigned int answers(unsigned int *bad)
{
	unsigned int good = 0;
	u8 status;

	for (*bad = 0; started; started--) {
		if (disk_end(&disk, &status) < 0)
			break;
		if (status == VIRTIO_BLK_S_OK)
			good++;
		else
			++*bad;
	}
	return good;
}

static void end(void)
{
	unsigned int bad, good = answers(&bad);

	print("end: %u %u\n", good, bad);
}

static void start_area(u32 type, unsigned int area)
{
	unsigned int i;

	for (i = 0; i < MANY; i++)
		disk_start(&disk, type, (area * MANY + i) * PAGE_SECTORS, data + i * 4096, 4096);
	disk_kick(&disk);
	started = MANY;
}

static void put(unsigned int area)
{
	unsigned int i, bad, good;

	for (i = 0; i < MANY * 512; i++)
		((u64 *)data)[i] = WORD(area, i);
	start_area(VIRTIO_BLK_T_OUT, area);
	good = answers(&bad);
	print("put %u: %u %u\n", area, good, bad);
}

static bool page_good(const u64 *page, unsigned int area, unsigned int nr)
{
	unsigned int i;

	for (i = 0; i < 512; i++)
		if (page[i] != WORD(area, nr * 512 + i))
			return false;
	return true;
}

static void check(unsigned int area)
{
	unsigned int i, bad, good = 0;

	memset(data, 0, MANY * 4096);
	start_area(VIRTIO_BLK_T_IN, area);
	answers(&bad);
	for (i = 0; i < MANY; i++)
		good += page_good((u64 *)(data + i * 4096), area, i);
	print("check %u: %u %u\n", area, good, bad);
}

static void change(const char *what, u32 type, unsigned int area)
{
	static struct virtio_blk_discard_write_zeroes range;

	range.sector = area * MANY * PAGE_SECTORS;
	range.num_sectors = MANY * PAGE_SECTORS;
	print("%s %u: %d\n", what, area, disk_do(&disk, type, 0, &range, sizeof(range)));
}

/* Commands with an area behind them. Return: false: it is none. */
static bool of_area(char *line)
{
	unsigned int n, area;

	for (n = 0; line[n] && line[n] != ' '; n++)
		;
	if (!line[n])
		return false;
	line[n] = '\0';
	area = line[n + 1] - '0';
	if (same(line, "put"))
		put(area);
	else if (same(line, "check"))
		check(area);
	else if (same(line, "zero"))
		change(line, VIRTIO_BLK_T_WRITE_ZEROES, area);
	else if (same(line, "discard"))
		change(line, VIRTIO_BLK_T_DISCARD, area);
	return true;
}

static void look(void)
{
	static struct domus_dev_info info;
	const char *what = "there";

	if (hcall(DOMUS_HC_DEV_CONFIG, DOMUS_DEV_INFO, disk.dev.slot, pa(&info), 0, 0,
		  NULL) || info.handle != disk.dev.info.handle)
		what = "gone";
	else if (info.flags & DOMUS_DEV_ENDING)
		what = "ending";
	else if (info.flags & DOMUS_DEV_LEAVING)
		what = "leaving";
	print("look: %s\n", what);
}

void test(void)
{
	char line[32];

	hostile_init();
	dev_init();
	data = dev_memory(MANY * 4096);
	print("devio\n");
	for (;;) {
		read_line(line, sizeof(line), yield);
		if (of_area(line))
			continue;
		if (same(line, "open"))
			print("open: %u\n", open(DISK_FEATURES));
		else if (same(line, "plain"))
			print("plain: %u\n", open(0));
		else if (same(line, "read"))
			print("read: %d\n", disk_do(&disk, VIRTIO_BLK_T_IN, 0, data, SECTOR));
		else if (same(line, "write"))
			print("write: %d\n", disk_do(&disk, VIRTIO_BLK_T_OUT, 0, data, SECTOR));
		else if (same(line, "flush"))
			print("flush: %d\n", disk_do(&disk, VIRTIO_BLK_T_FLUSH, 0, NULL, 0));
		else if (same(line, "start"))
			start();
		else if (same(line, "end"))
			end();
		else if (same(line, "look"))
			look();
		else if (same(line, "reset"))
			print("reset: %d\n", (int)dev_reset(&disk.dev));
		else if (same(line, "reboot"))
			guest_stop(DOMUS_SHUTDOWN_REBOOT, NULL);
		else if (same(line, "quit"))
			break;
	}
}
