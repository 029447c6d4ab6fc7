// SPDX-License-Identifier: GPL-2.0-only
/* A driver for disks. */
#include "disk.h"

bool disk_open(struct disk *d, u64 features)
{
	u32 bytes = sizeof(d->config);

	/* of config space there may be less than we know, or more */
	if (bytes > d->dev.info.config_size)
		bytes = d->dev.info.config_size;
	if (!dev_open(&d->dev, features) || !ring_open(&d->ring, &d->dev, 0, DISK_DEPTH) ||
	    !dev_config(&d->dev, 0, &d->config, bytes))
		return false;
	if (!d->requests)
		d->requests = dev_memory(DISK_DEPTH * sizeof(*d->requests));
	return dev_go(&d->dev);
}

static bool device_writes(u32 type)
{
	return type == VIRTIO_BLK_T_IN || type == VIRTIO_BLK_T_GET_ID;
}

int disk_start(struct disk *d, u32 type, u64 sector, void *data, u32 bytes)
{
	struct disk_request *rq = &d->requests[d->ring.free];
	struct piece pieces[3] = {
		{ &rq->hdr, sizeof(rq->hdr), false },
		{ data, bytes, device_writes(type) },
		{ &rq->status, 1, true },
	};

	if (!d->ring.nr_free)
		return -1;
	rq->hdr = (struct virtio_blk_outhdr){ .type = type, .sector = sector };
	rq->status = 0xff;
	if (bytes)
		return ring_add(&d->ring, pieces, 3);
	pieces[1] = pieces[2];
	return ring_add(&d->ring, pieces, 2);
}

int disk_end(struct disk *d, u8 *status)
{
	int nr = ring_wait(&d->ring, NULL);

	if (nr >= 0)
		*status = __atomic_load_n(&d->requests[nr].status, __ATOMIC_RELAXED);
	return nr;
}

int disk_do(struct disk *d, u32 type, u64 sector, void *data, u32 bytes)
{
	int nr = disk_start(d, type, sector, data, bytes);
	u8 status;

	if (nr < 0)
		return -1;
	disk_kick(d);
	return disk_end(d, &status) == nr ? status : -1;
}
