// SPDX-License-Identifier: GPL-2.0-only
/*
 * The virtio memory balloon (VIRTIO 1.2, 5.5).
 *
 *   1. page frames that the guest names
 *   2. inflate, deflate
 *   3. free page reporting
 *   4. statistics
 *   5. queues
 *   6. config space, status
 *   7. making and asking
 *
 * A page that is given back is taken out of the holder's memory at once, in the context
 * of the request: the guest's address stays valid, and a page of zeros comes when it is
 * touched again. So a guest that lies about what it has given back harms only itself,
 * deflating needs nothing of us, and a guest that uses a page without telling is well
 * (DEFLATE_ON_OOM needs no more than the bit).
 */
#include <linux/err.h>
#include <linux/jiffies.h>
#include <linux/mm.h>
#include <linux/netlink.h>
#include <linux/slab.h>
#include <linux/sort.h>
#include <uapi/linux/virtio_balloon.h>
#include <uapi/linux/virtio_ids.h>

#include "balloon.h"
#include "bus.h"
#include "domain.h"

#define QUEUE_SIZE	128U
#define QUEUES		4U
#define SEGS_MAX	64U
#define FRAMES_MAX	1024U		/* of one buffer */
#define STATS_MAX	32U		/* of one buffer */
#define BUDGET		16U		/* buffers of one kick */

#define CONFIG_SIZE	sizeof(struct virtio_balloon_config)

static_assert(VIRTIO_BALLOON_PFN_SHIFT == PAGE_SHIFT);

enum {
	INFLATED, DEFLATED, REPORTED, NOT_FREED, STATS,
	/* what the guest says, by tag: see stat_names */
	FIRST_STAT,
	NR_COUNTERS = FIRST_STAT + VIRTIO_BALLOON_S_NR
};

static const char *const counter_names[NR_COUNTERS] = {
	"inflated-bytes", "deflated-bytes", "reported-bytes", "kept-bytes", "statistics",
	[FIRST_STAT + VIRTIO_BALLOON_S_SWAP_IN] = "swap-in",
	[FIRST_STAT + VIRTIO_BALLOON_S_SWAP_OUT] = "swap-out",
	[FIRST_STAT + VIRTIO_BALLOON_S_MAJFLT] = "major-faults",
	[FIRST_STAT + VIRTIO_BALLOON_S_MINFLT] = "minor-faults",
	[FIRST_STAT + VIRTIO_BALLOON_S_MEMFREE] = "free-memory",
	[FIRST_STAT + VIRTIO_BALLOON_S_MEMTOT] = "total-memory",
	[FIRST_STAT + VIRTIO_BALLOON_S_AVAIL] = "available-memory",
	[FIRST_STAT + VIRTIO_BALLOON_S_CACHES] = "disk-caches",
	[FIRST_STAT + VIRTIO_BALLOON_S_HTLB_PGALLOC] = "hugetlb-allocations",
	[FIRST_STAT + VIRTIO_BALLOON_S_HTLB_PGFAIL] = "hugetlb-failures",
};

enum role { INFLATE, DEFLATE, STATISTICS, REPORTING, NO_ROLE };

/*
 * A balloon.
 *
 * @pages: of the domain's memory; constant
 * @num_pages: what the guest is to give back; read and written anywhere
 * @actual, @poison: what the guest wrote to config space; likewise
 * @roles: of the queues: they depend on the features. Under the device's lock, constant
 *	while there is a driver
 * @rounds: statistics buffers that are to come back until they are fresh
 * @refreshed: @rounds has become 0
 * @segs: SEGS_MAX of each queue, under its pop lock
 * @frames: of a buffer of each of the two, likewise: nothing that both would wait for may be
 *	kept while guest memory is touched, which may never come
 */
struct balloon_device {
	struct bus_device dev;
	u32 pages;
	u32 num_pages, actual, poison;
	enum role roles[QUEUES];
	atomic_t rounds;
	wait_queue_head_t refreshed;
	__le32 frames[2][FRAMES_MAX];
	struct vring_seg segs[QUEUES][SEGS_MAX];
	atomic64_t counters[NR_COUNTERS];
};

static struct balloon_device *balloon_of(const struct bus_device *dev)
{
	return container_of(dev, struct balloon_device, dev);
}

static void count(struct balloon_device *b, unsigned int counter, u64 n)
{
	atomic64_add(n, &b->counters[counter]);
}

/* ---- 1. Page frames ------------------------------------------------------------- */

static int compare_frames(const void *a, const void *b)
{
	u32 x = le32_to_cpu(*(const __le32 *)a), y = le32_to_cpu(*(const __le32 *)b);

	return x < y ? -1 : x > y;
}

/* Memory of the domain, perhaps of several slots. */
static void discard(struct balloon_device *b, u64 gpa, u64 len)
{
	struct gmem *g = &b->dev.d->gmem;

	while (len) {
		const struct gmem_slot *slot = gmem_slot_of(g, gpa);
		u64 n = min(len, slot->size - (gpa - slot->gpa));

		if (gmem_discard(g, gpa, n))
			count(b, NOT_FREED, n);
		gpa += n;
		len -= n;
	}
}

/*
 * Gives back what @frames names: runs of them at once, as each change of the holder's
 * memory has to be told to everybody who watches it. Return: 0, -EFAULT: not memory.
 */
static int discard_frames(struct balloon_device *b, __le32 *frames, unsigned int nr)
{
	unsigned int i, from;
	u64 first, end;

	sort(frames, nr, sizeof(*frames), compare_frames, NULL);
	for (i = 0; i < nr; i++)
		if (!gmem_hva(&b->dev.d->gmem, (u64)le32_to_cpu(frames[i]) << PAGE_SHIFT,
			      PAGE_SIZE))
			return -EFAULT;
	for (i = 0; i < nr;) {
		from = i++;
		/* a frame may be there twice */
		while (i < nr && le32_to_cpu(frames[i]) - le32_to_cpu(frames[i - 1]) <= 1)
			i++;
		first = le32_to_cpu(frames[from]);
		end = (u64)le32_to_cpu(frames[i - 1]) + 1;
		discard(b, first << PAGE_SHIFT, (end - first) << PAGE_SHIFT);
	}
	return 0;
}

/* ---- 2. Inflate, deflate -------------------------------------------------------- */

static void move_frames(struct bus_queue *q, const struct vring_chain *chain, bool inflate)
{
	struct balloon_device *b = balloon_of(q->dev);
	__le32 *frames = b->frames[inflate];
	unsigned int nr = chain->out_len / sizeof(*frames);
	const char *why = NULL;

	if (chain->in || chain->out_len % sizeof(*frames) || nr > FRAMES_MAX)
		why = "a list of page frames of a bad length";
	else if (bus_read_chain(q, chain, 0, frames, chain->out_len))
		why = "a list of page frames outside of memory";
	else if (inflate && discard_frames(b, frames, nr))
		why = "a page frame that is not memory";
	if (why)
		bus_break(q->dev, why);
	else
		count(b, inflate ? INFLATED : DEFLATED, (u64)nr << PAGE_SHIFT);
	bus_rate_charge(&q->dev->rate, why ? 0 : nr << PAGE_SHIFT);
	bus_push(q, chain->id, 0);
}

/* ---- 3. Reporting --------------------------------------------------------------- */

/* The segments are free pages themselves (5.5.6.7). */
static void report(struct bus_queue *q, const struct vring_chain *chain)
{
	struct balloon_device *b = balloon_of(q->dev);
	struct gmem *g = &q->dev->d->gmem;
	bool keep = READ_ONCE(b->poison);	/* zeros are not what the guest expects */
	unsigned int i;

	for (i = 0; i < chain->out + chain->in; i++) {
		const struct vring_seg *seg = &chain->segs[i];
		int err = -EFAULT;

		/* a domain's memory ends far below 2^63 */
		if (gmem_hva(g, seg->gpa, seg->len)) {
			u64 from = PAGE_ALIGN(seg->gpa);
			u64 to = PAGE_ALIGN_DOWN(seg->gpa + seg->len);

			err = 0;
			if (from < to && !keep)
				err = gmem_discard(g, from, to - from);
			if (err == -EOPNOTSUPP || keep)
				count(b, NOT_FREED, seg->len);
			else if (!err && from < to)
				count(b, REPORTED, to - from);
		}
		if (err == -EFAULT) {
			bus_break(q->dev, "a reported page is not memory");
			break;
		}
	}
	bus_rate_charge(&q->dev->rate, chain->in_len + chain->out_len);
	bus_push(q, chain->id, 0);
}

/* ---- 4. Statistics -------------------------------------------------------------- */

/* Unknown tags are of a newer guest. */
static const char *take_stats(struct bus_queue *q, const struct vring_chain *chain)
{
	struct balloon_device *b = balloon_of(q->dev);
	struct virtio_balloon_stat stats[STATS_MAX];
	unsigned int i, nr = chain->out_len / sizeof(*stats);
	u16 tag;

	if (chain->in || chain->out_len % sizeof(*stats) || nr > STATS_MAX)
		return "statistics of a bad length";
	if (bus_read_chain(q, chain, 0, stats, chain->out_len))
		return "statistics outside of memory";
	for (i = 0; i < nr; i++) {
		tag = (__force u16)stats[i].tag;
		if (tag < VIRTIO_BALLOON_S_NR)
			atomic64_set(&b->counters[FIRST_STAT + tag], (__force u64)stats[i].val);
	}
	count(b, STATS, 1);
	return NULL;
}

/*
 * The guest's buffer stays in the ring until somebody wants to know: it is filled when
 * it comes back from us, so that the first one is old and the second one is fresh.
 */
static void kick_stats(struct bus_queue *q, struct vring_chain *chain)
{
	struct balloon_device *b = balloon_of(q->dev);
	const char *why = NULL;

	do {
		while (atomic_read(&b->rounds) > 0 && bus_pop(q, chain) > 0) {
			if (atomic_dec_and_test(&b->rounds)) {
				why = take_stats(q, chain);
				if (why)
					bus_break(q->dev, why);
				wake_up_all(&b->refreshed);
			}
			bus_push(q, chain->id, 0);
		}
	} while (vring_kicks_on(&q->ring) && atomic_read(&b->rounds) > 0 && !bus_stalled(q));
}

/* ---- 5. Queues ------------------------------------------------------------------ */

static void serve(struct bus_queue *q, const struct vring_chain *chain, enum role role)
{
	if (READ_ONCE(q->dev->ending))
		bus_push(q, chain->id, 0);
	else if (role == REPORTING)
		report(q, chain);
	else
		move_frames(q, chain, role == INFLATE);
}

static void balloon_kick(struct bus_queue *q)
{
	struct balloon_device *b = balloon_of(q->dev);
	struct vring_chain chain = { .segs = b->segs[q->nr], .max = SEGS_MAX };
	enum role role = READ_ONCE(b->roles[q->nr]);
	unsigned int budget = BUDGET;

	if (role == STATISTICS) {
		kick_stats(q, &chain);
		return;
	}
	if (role == NO_ROLE)
		return;
	vring_kicks_off(&q->ring);
	do {
		while (budget && bus_pop(q, &chain) > 0) {
			budget--;
			serve(q, &chain, role);
		}
		if (!budget) {
			bus_queue_work(q);
			break;
		}
	} while (vring_kicks_on(&q->ring) && !bus_stalled(q));
}

/* ---- 6. Config space, status ---------------------------------------------------- */

static void balloon_config_read(struct bus_device *dev, u32 offset, void *to, u32 len)
{
	const struct balloon_device *b = balloon_of(dev);
	struct virtio_balloon_config c = {
		.num_pages = cpu_to_le32(READ_ONCE(b->num_pages)),
		.actual = cpu_to_le32(b->actual),
		.poison_val = cpu_to_le32(b->poison),
	};

	memcpy(to, (u8 *)&c + offset, len);
}

static void balloon_config_write(struct bus_device *dev, u32 offset, const void *from, u32 len)
{
	struct balloon_device *b = balloon_of(dev);
	__le32 value;

	if (len != sizeof(value))
		return;
	memcpy(&value, from, sizeof(value));
	if (offset == offsetof(struct virtio_balloon_config, actual))
		WRITE_ONCE(b->actual, le32_to_cpu(value));
	else if (offset == offsetof(struct virtio_balloon_config, poison_val) &&
		 dev->features & BIT_ULL(VIRTIO_BALLOON_F_PAGE_POISON))
		WRITE_ONCE(b->poison, le32_to_cpu(value));
}

static int balloon_start(struct bus_device *dev)
{
	struct balloon_device *b = balloon_of(dev);
	unsigned int next = 2;

	b->roles[0] = INFLATE;
	b->roles[1] = DEFLATE;
	if (dev->features & BIT_ULL(VIRTIO_BALLOON_F_STATS_VQ))
		b->roles[next++] = STATISTICS;
	if (dev->features & BIT_ULL(VIRTIO_BALLOON_F_REPORTING))
		b->roles[next++] = REPORTING;
	return 0;
}

static void balloon_stop(struct bus_device *dev)
{
	struct balloon_device *b = balloon_of(dev);
	unsigned int i;

	for (i = 0; i < QUEUES; i++)
		WRITE_ONCE(b->roles[i], NO_ROLE);
	WRITE_ONCE(b->actual, 0);
	WRITE_ONCE(b->poison, 0);
	for (i = FIRST_STAT; i < NR_COUNTERS; i++)
		atomic64_set(&b->counters[i], 0);
	atomic_set(&b->rounds, 0);
	wake_up_all(&b->refreshed);
}

static void balloon_count(struct bus_device *dev, u64 *values)
{
	unsigned int i;

	for (i = 0; i < NR_COUNTERS; i++)
		values[i] = atomic64_read(&balloon_of(dev)->counters[i]);
}

static void balloon_free(struct bus_device *dev)
{
	kvfree(balloon_of(dev));
}

static const struct bus_ops balloon_ops = {
	.type		= VIRTIO_ID_BALLOON,
	.kind		= "balloon",
	/* two would take the same pages from a guest that believes both */
	.single		= "the domain has a balloon",
	.config_read	= balloon_config_read,
	.config_write	= balloon_config_write,
	.start		= balloon_start,
	.stop		= balloon_stop,
	.kick		= balloon_kick,
	.counters	= counter_names,
	.nr_counters	= NR_COUNTERS,
	.count		= balloon_count,
	.free		= balloon_free,
};

/* ---- 7. Making and asking -------------------------------------------------------- */

struct bus_device *balloon_new(const struct domus_domain *d, bool reporting)
{
	struct balloon_device *b = kvzalloc(sizeof(*b), GFP_KERNEL_ACCOUNT);
	u64 features = BIT_ULL(VIRTIO_BALLOON_F_STATS_VQ) |
		       BIT_ULL(VIRTIO_BALLOON_F_DEFLATE_ON_OOM) |
		       BIT_ULL(VIRTIO_BALLOON_F_PAGE_POISON);
	unsigned int i;
	int err;

	if (!b)
		return ERR_PTR(-ENOMEM);
	if (reporting)
		features |= BIT_ULL(VIRTIO_BALLOON_F_REPORTING);
	/* a domain of more than 16 TiB does not exist */
	b->pages = gmem_size(&d->gmem) >> PAGE_SHIFT;
	for (i = 0; i < QUEUES; i++)
		b->roles[i] = NO_ROLE;
	init_waitqueue_head(&b->refreshed);
	err = bus_device_init(&b->dev, &balloon_ops, features, CONFIG_SIZE, QUEUES, QUEUE_SIZE);
	if (err) {
		kvfree(b);
		return ERR_PTR(err);
	}
	return &b->dev;
}

bool balloon_is(const struct bus_device *dev)
{
	return dev->ops == &balloon_ops;
}

int balloon_set(struct bus_device *dev, u64 left, struct netlink_ext_ack *extack)
{
	struct balloon_device *b = balloon_of(dev);

	if (left > (u64)b->pages << PAGE_SHIFT) {
		NL_SET_ERR_MSG(extack, "target: more than the domain's memory");
		return -EINVAL;
	}
	if (left < DOMUS_MEMORY_MIN || !PAGE_ALIGNED(left)) {
		NL_SET_ERR_MSG(extack, "target: less than 1 MiB, or no multiple of 4 KiB");
		return -EINVAL;
	}
	/* without the device's lock, which a reset keeps for long */
	WRITE_ONCE(b->num_pages, b->pages - (u32)(left >> PAGE_SHIFT));
	bus_config_changed(dev);
	return 0;
}

static struct bus_queue *stats_queue(struct balloon_device *b)
{
	unsigned int i;

	for (i = 0; i < QUEUES; i++)
		if (READ_ONCE(b->roles[i]) == STATISTICS)
			return &b->dev.queues[i];
	return NULL;
}

int balloon_refresh(struct bus_device *dev)
{
	struct balloon_device *b = balloon_of(dev);
	struct bus_queue *q = stats_queue(b);
	long left;

	if (!q)
		return -EOPNOTSUPP;
	atomic_set(&b->rounds, 2);
	bus_queue_work(q);
	left = wait_event_killable_timeout(b->refreshed, atomic_read(&b->rounds) <= 0 ||
					   domain_dead(dev->d),
					   msecs_to_jiffies(BALLOON_REFRESH_MS));
	return left > 0 ? 0 : left ? -EINTR : -ETIMEDOUT;
}

u64 balloon_target(const struct bus_device *dev)
{
	const struct balloon_device *b = balloon_of(dev);

	return (u64)(b->pages - READ_ONCE(b->num_pages)) << PAGE_SHIFT;
}

u64 balloon_actual(const struct bus_device *dev)
{
	const struct balloon_device *b = balloon_of(dev);
	u32 given = READ_ONCE(b->actual);

	/* the guest may say anything */
	return (u64)(b->pages - min(given, b->pages)) << PAGE_SHIFT;
}

bool balloon_reporting(const struct bus_device *dev)
{
	return dev->offered & BIT_ULL(VIRTIO_BALLOON_F_REPORTING);
}
