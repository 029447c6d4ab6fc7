// SPDX-License-Identifier: GPL-2.0-only
/*
 * A guest that does with its disk what it is told on its console, a line each:
 *
 *   open	takes the disk that is there: "open: 1", or 0
 *   read, write	one request of a sector: "read: STATUS"; -1: broken or gone
 *   start	starts 16 of a page each, every other one a write: "start: 16"
 *   end	waits for them: "end: OK FAILED"
 *   reset	"reset: RESULT"
 *   look	"look: " and gone, leaving, ending or there
 *   quit	powers off
 */
#include "disk.h"
#include "hostile.h"
#include "story.h"

#define MANY	16

static struct disk disk;
static u8 *data;
static unsigned int started;

static bool open(void)
{
	started = 0;
	return dev_find(&disk.dev, VIRTIO_ID_BLOCK, 0) && disk_open(&disk, DISK_FEATURES);
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

static void end(void)
{
	unsigned int good = 0, bad = 0;
	u8 status;

	for (; started; started--) {
		if (disk_end(&disk, &status) < 0)
			break;
		if (status == VIRTIO_BLK_S_OK)
			good++;
		else
			bad++;
	}
	print("end: %u %u\n", good, bad);
}

static void look(void)
{
	static struct domus_dev_info info;
	const char *what = "there";

	if (hcall(DOMUS_HC_DEV_CONFIG, DOMUS_DEV_INFO, (u32)disk.dev.info.handle, pa(&info), 0, 0,
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
		read_line(line, sizeof(line));
		if (same(line, "open"))
			print("open: %u\n", open());
		else if (same(line, "read"))
			print("read: %d\n", disk_do(&disk, VIRTIO_BLK_T_IN, 0, data, SECTOR));
		else if (same(line, "write"))
			print("write: %d\n", disk_do(&disk, VIRTIO_BLK_T_OUT, 0, data, SECTOR));
		else if (same(line, "start"))
			start();
		else if (same(line, "end"))
			end();
		else if (same(line, "look"))
			look();
		else if (same(line, "reset"))
			print("reset: %d\n", (int)dev_reset(&disk.dev));
		else if (same(line, "quit"))
			break;
	}
}
