// SPDX-License-Identifier: GPL-2.0-only
/* Stories of a maltreated disk: 1. the queue under attack, 2. what came of it. */
#include "victim.h"

#define DATA_BYTES	(16 * 4096)

struct raw raw;
struct disk victim, other;
u64 memory;

/* ---- 1. The queue ------------------------------------------------------------------ */

long raw_enable(unsigned int nr, u64 size, u64 desc, u64 driver, u64 device)
{
	static struct domus_dev_queue queue;

	queue = (struct domus_dev_queue){ .size = size, .desc = desc, .driver = driver,
					  .device = device };
	return hcall(DOMUS_HC_DEV_QUEUE, DOMUS_QUEUE_ENABLE, victim.dev.info.handle, nr,
		     pa(&queue), 0, NULL);
}

static void lay_out(void)
{
	if (raw.desc)
		return;
	raw.desc = dev_memory(RING_MAX * sizeof(*raw.desc));
	raw.avail = dev_memory(4096);
	raw.used = dev_memory(3 * 4096);
	raw.table = dev_memory(5 * 4096);
	raw.header = page_alloc();
	raw.status = page_alloc();
	raw.data = dev_memory(DATA_BYTES);
}

bool raw_open(u64 features, unsigned int size)
{
	lay_out();
	memset(raw.desc, 0, RING_MAX * sizeof(*raw.desc));
	memset(raw.avail, 0, 4096);
	memset(raw.used, 0, 3 * 4096);
	raw.size = size;
	return dev_open(&victim.dev, features) &&
	       raw_enable(0, size, pa(raw.desc), pa(raw.avail), pa(raw.used)) > 0 &&
	       dev_go(&victim.dev);
}

void put(unsigned int i, u64 addr, u32 len, u16 flags, u16 next)
{
	raw.desc[i] = (struct vring_desc){ addr, len, flags, next };
}

void put_request(unsigned int head)
{
	*raw.header = (struct virtio_blk_outhdr){ .type = VIRTIO_BLK_T_IN };
	*raw.status = 0xff;
	put(head, pa(raw.header), sizeof(*raw.header), NEXT, head + 1);
	put(head + 1, pa(raw.data), SECTOR, NEXT | WRITE, head + 2);
	put(head + 2, pa((void *)raw.status), 1, WRITE, 0);
}

void offer(u16 head)
{
	u16 index = raw.avail->idx;

	raw.avail->ring[index & (raw.size - 1)] = head;
	__atomic_store_n(&raw.avail->idx, index + 1, __ATOMIC_RELEASE);
}

void doorbell(void)
{
	hc2(DOMUS_HC_DEV_NOTIFY, victim.dev.info.handle, 0);
}

bool used_up(u16 n)
{
	u64 end = now() + PATIENCE;

	while (__atomic_load_n(&raw.used->idx, __ATOMIC_ACQUIRE) != n) {
		if (now() > end || dev_broken(&victim.dev))
			return false;
		hc0(DOMUS_HC_YIELD);
	}
	return true;
}

int answer_to(u16 head)
{
	u16 n = raw.used->idx + 1;

	*raw.status = 0xff;
	offer(head);
	doorbell();
	return used_up(n) ? *raw.status : -1;
}

/* ---- 2. What came of it -------------------------------------------------------------- */

/* A sector is written, and comes back. */
static bool works(struct disk *d, const char *what)
{
	static u64 n, *data;
	u64 value = ++n * 0x9e3779b97f4a7c15;

	if (!data)
		data = page_alloc();
	data[0] = value;
	data[63] = ~value;
	if (disk_do(d, VIRTIO_BLK_T_OUT, n % 64, data, SECTOR) == VIRTIO_BLK_S_OK) {
		data[0] = 0;
		data[63] = 0;
		if (disk_do(d, VIRTIO_BLK_T_IN, n % 64, data, SECTOR) == VIRTIO_BLK_S_OK &&
		    data[0] == value && data[63] == ~value)
			return true;
	}
	print("# %s\n", what);
	return false;
}

static bool open(const struct story *s)
{
	return raw_open(s->features, s->size ? s->size : 16);
}

static bool beside(void)
{
	return works(&other, "the other disk does not work");
}

static bool mended(void)
{
	if (disk_open(&victim, DISK_FEATURES))
		return works(&victim, "it does not work after a reset");
	print("# a reset does not bring it back\n");
	return false;
}

void run_stories(const struct story *stories, unsigned int n)
{
	static const struct stage stage = { &victim.dev, open, beside, mended };

	hostile_init();
	dev_init();
	memory = guest_info->memory;
	random_seed(arg_number("seed", 1));
	if (!dev_find(&victim.dev, VIRTIO_ID_BLOCK, 0) ||
	    !dev_find(&other.dev, VIRTIO_ID_BLOCK, victim.dev.slot + 1) ||
	    !disk_open(&other, DISK_FEATURES))
		guest_stop(DOMUS_SHUTDOWN_CRASH, "two disks are needed");
	tell_stories(&stage, stories, n);
	dev_reset(&victim.dev);
	dev_reset(&other.dev);
}
