// SPDX-License-Identifier: GPL-2.0-only
/*
 * One disk, and all vCPUs at it: a queue for each, one queue for all, doorbells of all for
 * one that works, and calls of all kinds under each other's hands. What is asked for is
 * done, once, whoever asks; after a reset memory is the guest's; and what is left of a
 * storm in which all is allowed is a disk that a reset mends (victim.h).
 */
#include "abuse.h"
#include "victim.h"

#define MANY	(1UL << VIRTIO_BLK_F_FLUSH | 1UL << VIRTIO_BLK_F_MQ | INDIRECT)
#define CPUS	4
#define ROUNDS	arg_number("rounds", 20)

static u32 wrong;	/* what others found */

static void ring_doorbells(u64 me)
{
	while (others_go_on())
		doorbell();
}

/* ---- 1. A queue for each ------------------------------------------------------------------- */

/* What a vCPU has of its own. */
static struct own {
	struct ring ring;
	struct disk_request *request;
	u64 *data;
	u32 done;
} owns[CPUS];

/* One sector, by the vCPU's own queue, whose ports nobody waits for. */
static bool move(struct own *own, u32 type, u64 sector)
{
	struct piece pieces[3] = {
		{ &own->request->hdr, sizeof(own->request->hdr), false },
		{ own->data, SECTOR, type == VIRTIO_BLK_T_IN },
		{ &own->request->status, 1, true },
	};

	own->request->hdr = (struct virtio_blk_outhdr){ .type = type, .sector = sector };
	own->request->status = 0xff;
	if (ring_add(&own->ring, pieces, 3) < 0)
		return false;
	ring_kick(&own->ring);
	return within(ring_take(&own->ring, NULL) >= 0) && !own->request->status;
}

static void by_own_queue(u64 me)
{
	struct own *own = &owns[me];
	u64 i, sector;

	while (others_go_on() && own->done < ROUNDS * 10) {
		sector = me * 64 + own->done % 64;
		own->data[0] = me << 32 | own->done;
		own->data[63] = ~own->data[0];
		if (!move(own, VIRTIO_BLK_T_OUT, sector))
			break;
		own->data[0] = 0;
		own->data[63] = 0;
		if (!move(own, VIRTIO_BLK_T_IN, sector))
			break;
		i = me << 32 | own->done;
		if (own->data[0] != i || own->data[63] != ~i)
			break;
		__atomic_add_fetch(&own->done, 1, __ATOMIC_SEQ_CST);
	}
}

static bool own_queues(void)
{
	bool good = true;
	unsigned int i;

	if (!dev_open(&victim.dev, MANY) || !dev_has(&victim.dev, VIRTIO_BLK_F_MQ))
		return false;
	for (i = 0; i < CPUS; i++) {
		if (!owns[i].data) {
			owns[i].data = page_alloc();
			owns[i].request = page_alloc();
		}
		owns[i].done = 0;
		good &= ring_open(&owns[i].ring, &victim.dev, i, 16);
	}
	if (!good || !dev_go(&victim.dev))
		return false;
	others_start(by_own_queue);
	by_own_queue(0);
	for (i = 0; i < CPUS; i++)
		good &= within(get(&owns[i].done) == ROUNDS * 10 || dev_broken(&victim.dev));
	return others_stop() & good && !dev_broken(&victim.dev);
}

/* ---- 2. One queue for all ------------------------------------------------------------------ */

/* What is the driver's, under a lock of the guest's. */
static struct {
	u32 lock;
	u16 seen;		/* of the used ring */
	u32 back[CPUS];		/* how often each one's buffer was in there */
} driver;

static void driver_lock(void)
{
	while (__atomic_exchange_n(&driver.lock, 1, __ATOMIC_ACQUIRE))
		hc0(DOMUS_HC_YIELD);
}

static void driver_unlock(void)
{
	__atomic_store_n(&driver.lock, 0, __ATOMIC_RELEASE);
}

/*
 * How often the buffer of @me came back. It is the device's until the used ring says so,
 * even when its status is there already.
 */
static u32 came_back(u64 me)
{
	u32 head, n;

	driver_lock();
	while (driver.seen != __atomic_load_n(&raw.used->idx, __ATOMIC_ACQUIRE)) {
		head = raw.used->ring[driver.seen++ & (raw.size - 1)].id;
		if (head % 3 || head / 3 >= CPUS)
			set(&wrong, 1 + CPUS);
		else
			driver.back[head / 3]++;
	}
	n = driver.back[me];
	driver_unlock();
	return n;
}

/* Reads of one sector, each with a status of its own. */
static void by_one_queue(u64 me)
{
	volatile u8 *status = raw.status + 1 + me;
	unsigned int i;

	put(3 * me, pa(raw.header), sizeof(*raw.header), NEXT, 3 * me + 1);
	put(3 * me + 1, pa(raw.data) + me * 4096, SECTOR, NEXT | WRITE, 3 * me + 2);
	put(3 * me + 2, pa((void *)status), 1, WRITE, 0);
	for (i = 0; i < ROUNDS * 20; i++) {
		*status = 0xff;
		driver_lock();
		offer(3 * me);
		driver_unlock();
		doorbell();
		if (!within(came_back(me) != i) || came_back(me) != i + 1 || *status) {
			set(&wrong, 1 + me);
			return;
		}
	}
}

static bool one_queue(void)
{
	bool good;

	memset(&driver, 0, sizeof(driver));
	set(&wrong, 0);
	others_start(by_one_queue);
	by_one_queue(0);
	good = others_stop() && !get(&wrong);
	/* each was used once: no more, no fewer */
	return good && used_up(CPUS * ROUNDS * 20) && came_back(0) == ROUNDS * 20;
}

static bool doorbells(void)
{
	unsigned int i;
	bool good = true;

	others_start(ring_doorbells);
	put_request(0);
	for (i = 0; good && i < ROUNDS * 20; i++)
		good = !answer_to(0);
	return others_stop() & good;
}

/* ---- 3. Resets under others' hands ----------------------------------------------------------- */

static void put_many(unsigned int n)
{
	unsigned int i;

	for (i = 0; i < n; i++) {
		put_request(3 * i);
		raw.desc[3 * i + 1].addr = pa(raw.data) + (i & 15) * 4096;
		raw.desc[3 * i + 1].len = 4096;
	}
	for (i = 0; i < n; i++)
		offer(3 * i);
}

/* The memory of a device that is none: nothing of it changes while others ring. */
static bool is_ours(void)
{
	unsigned int i;

	memset(raw.data, 0xa5, 16 * 4096);
	memset(raw.used, 0xa5, 4096);
	for (i = 0; i < 50; i++)
		hc0(DOMUS_HC_YIELD);
	return untouched(raw.data, 16 * 4096) && untouched(raw.used, 4096);
}

static bool in_rounds(bool (*how)(void))
{
	unsigned int round;
	bool good = true;

	others_start(ring_doorbells);
	for (round = 0; good && round < ROUNDS; round++) {
		put_many(64);
		doorbell();
		good = how();
	}
	good = good && !dev_broken(&victim.dev);
	return others_stop() & good;
}

static bool reset_and_open(void)
{
	return !dev_reset(&victim.dev) && is_ours() && raw_open(MANY, 256);
}

static bool reset_while_they_ring(void)
{
	return in_rounds(reset_and_open);
}

static bool close_and_open(void)
{
	if (hcall(DOMUS_HC_DEV_QUEUE, DOMUS_QUEUE_DISABLE, victim.dev.info.handle, 0, 0, 0,
		  NULL) || !is_ours())
		return false;
	memset(raw.avail, 0, 4096);
	memset(raw.used, 0, 3 * 4096);
	return raw_enable(0, 256, pa(raw.desc), pa(raw.avail), pa(raw.used)) > 0;
}

static bool close_while_they_ring(void)
{
	return in_rounds(close_and_open);
}

/* Whoever resets last has reset it. */
static void resets(u64 me)
{
	while (others_go_on())
		if (dev_call(&victim.dev, DOMUS_DEV_SET_STATUS, 0, 0, 0))
			set(&wrong, 1 + me);
}

static bool all_reset(void)
{
	unsigned int round;
	bool good = true;

	set(&wrong, 0);
	others_start(resets);
	for (round = 0; good && round < ROUNDS * 20; round++)
		good = !dev_reset(&victim.dev);
	good &= others_stop() && !get(&wrong) && !dev_status(&victim.dev);
	return good && raw_open(MANY, 256);
}

/* ---- 4. Storms -------------------------------------------------------------------------------- */

/* The one ring that there is, for any queue; of some the used part lies elsewhere. */
static void a_queue(struct domus_dev_queue *to, u64 nr, u64 z)
{
	to->desc = pa(raw.desc);
	to->driver = pa(raw.avail);
	to->device = pa(raw.used) + (z >> 8 & 1) * 4096;
}

static void a_ring(u64 z)
{
	raw.desc[(z >> 40) % 192].len = z >> 48;
	raw.avail->idx += z >> 56 & 7;
}

/* With a device that goes through its life properly now and then: there is something to break. */
static bool anything(void)
{
	static const struct abused what = { &victim.dev, CPUS, a_queue, a_ring };
	u64 seed = arg_number("seed", 1) * 64, i;

	abuse_by_others(&what);
	for (i = 0; i < ROUNDS * 500; i++) {
		if (i % 256 == 0) {
			raw_open(MANY, 256);
			put_many(64);
			doorbell();
		}
		abuse(&seed, 0);
	}
	return others_stop();
}

static const struct story stories[] = {
	{ "each vCPU has its own queue: what it writes it reads", NULL, own_queues, MANY, 256 },
	{ "all have one queue: each request is answered once", NULL, one_queue, MANY, 256 },
	{ "all ring for one that asks", NULL, doorbells, MANY, 256 },
	{ "a reset while others ring: memory is the guest's", NULL, reset_while_they_ring, MANY,
	  256 },
	{ "a queue closed while others ring: memory is the guest's", NULL, close_while_they_ring,
	  MANY, 256 },
	{ "all reset it at once", NULL, all_reset, MANY, 256 },
	{ "all do anything", MAYBE, anything, MANY, 256 },
};

void test(void)
{
	if (others_all() != CPUS)
		guest_stop(DOMUS_SHUTDOWN_CRASH, "four vCPUs are needed");
	smp_init(CPUS);
	run_stories(stories, COUNT(stories));
}
