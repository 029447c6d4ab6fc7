// SPDX-License-Identifier: GPL-2.0-only
/*
 * Queues of devices.
 *
 *   1. set-up and taking down
 *   2. buffers: the backends' side
 *   3. kicks, and the worker
 */
#include <linux/err.h>
#include <linux/memcontrol.h>
#include <linux/mm.h>
#include <linux/sched/mm.h>
#include <uapi/linux/virtio_config.h>
#include <uapi/linux/virtio_ring.h>

#include "bus_priv.h"
#include "domain.h"
#include "event.h"

/* ---- 1. Queues ------------------------------------------------------------------ */

static void queue_unmap(struct bus_queue *q)
{
	unsigned int i;

	for (i = 0; i < 3; i++)
		gmem_unmap(&q->areas[i]);
}

/* No buffer is taken or given back from here on, but for one that is being taken. */
void bus_queue_disable(struct bus_queue *q)
{
	unsigned long flags;
	u32 port;

	spin_lock_irqsave(&q->push, flags);
	WRITE_ONCE(q->enabled, false);
	port = q->port;
	q->port = 0;
	spin_unlock_irqrestore(&q->push, flags);
	event_close_device(q->dev->d, port);
}

bool bus_idle(struct bus_device *dev)
{
	unsigned int i, requests = 0;
	unsigned long flags;

	for (i = 0; i < dev->nr_queues; i++) {
		spin_lock_irqsave(&dev->queues[i].push, flags);
		requests += dev->queues[i].requests;
		spin_unlock_irqrestore(&dev->queues[i].push, flags);
	}
	return !requests;
}

/* Is it plugged? What is not must not get queues or ports again. */
bool bus_plugged(const struct bus_device *dev)
{
	return rcu_access_pointer(dev->d->bus.slots[dev->slot]) == dev;
}

/* Disabled, nobody takes buffers and none is under way: then with the pop lock. */
static bool queue_idle_lock(struct bus_queue *q)
{
	unsigned long flags;
	bool idle;

	if (!mutex_trylock(&q->pop))
		return false;
	spin_lock_irqsave(&q->push, flags);
	idle = !q->requests;
	spin_unlock_irqrestore(&q->push, flags);
	if (!idle)
		mutex_unlock(&q->pop);
	return idle;
}

int bus_queue_drain(struct bus_queue *q, long *left)
{
	struct bus_device *dev = q->dev;
	bool locked = false;
	long r;

	r = wait_event_killable_timeout(dev->d->bus.changed, (locked = queue_idle_lock(q)) ||
					domain_dead(dev->d) || !bus_plugged(dev), *left);
	*left = max(r, 0L);
	if (!locked && r <= 0)
		return r ? -EINTR : -EAGAIN;
	if (!locked)
		return -ENODEV;
	queue_unmap(q);
	if (dev->ops->drained)
		dev->ops->drained(q);
	mutex_unlock(&q->pop);
	return 0;
}

/* A ring, with the queue's three areas in the kernel's memory. */
struct queue_ring {
	struct vring_config config;
	struct gmem_area areas[3];
};

static void ring_unmap(struct queue_ring *ring)
{
	unsigned int i;

	for (i = 0; i < 3; i++)
		gmem_unmap(&ring->areas[i]);
}

/* No lock held: the holder's memory may be what takes for ever to come. */
static int ring_map(const struct bus_queue *q, const struct domus_dev_queue *config,
		    u64 features, struct queue_ring *ring)
{
	const u64 at[3] = { config->desc, config->driver, config->device };
	struct vring_area areas[3];
	unsigned int i;
	int err;

	*ring = (struct queue_ring){ .config = {
		.size	   = config->size,
		.packed	   = features & BIT_ULL(VIRTIO_F_RING_PACKED),
		.indirect  = features & BIT_ULL(VIRTIO_RING_F_INDIRECT_DESC),
		.event_idx = features & BIT_ULL(VIRTIO_RING_F_EVENT_IDX),
	} };
	err = vring_areas(config->size, ring->config.packed, areas);
	if (err)
		return err;
	for (i = 0; i < 3; i++) {
		err = at[i] & (areas[i].align - 1) ? -EINVAL :
		      gmem_map(&q->dev->d->gmem, at[i], areas[i].bytes, &ring->areas[i]);
		if (err) {
			ring_unmap(ring);
			return err;
		}
	}
	ring->config.desc = ring->areas[0].at;
	ring->config.driver = ring->areas[1].at;
	ring->config.device = ring->areas[2].at;
	return 0;
}

/* Device's lock held. Return: 0, -ENODEV, -EINVAL. */
static int may_enable(const struct bus_queue *q, const struct domus_dev_queue *config)
{
	struct bus_device *dev = q->dev;

	lockdep_assert_held(&dev->lock);
	if (!bus_plugged(dev))
		return -ENODEV;
	if (!(dev->status & VIRTIO_CONFIG_S_FEATURES_OK) || q->enabled ||
	    config->size > dev->queue_max)
		return -EINVAL;
	return 0;
}

/* Device's lock held. Return: its port, with @ring in the queue, or < 0. */
static s64 enable(struct bus_queue *q, const struct domus_dev_queue *config,
		  const struct queue_ring *ring)
{
	struct bus_device *dev = q->dev;
	long left = MAX_SCHEDULE_TIMEOUT;
	unsigned long flags;
	int err, port;

	lockdep_assert_held(&dev->lock);
	err = bus_queue_drain(q, &left);	/* of the queue's life before */
	if (err)
		return err;
	port = event_bind_device(dev->d, config->vcpu);
	if (port < 0)
		return port;
	mutex_lock(&q->pop);
	spin_lock_irqsave(&q->push, flags);
	memcpy(q->areas, ring->areas, sizeof(q->areas));
	vring_setup(&q->ring, &ring->config);
	q->config = *config;
	q->port = port;
	WRITE_ONCE(q->enabled, true);
	spin_unlock_irqrestore(&q->push, flags);
	mutex_unlock(&q->pop);
	return port;
}

s64 bus_queue_enable(struct bus_queue *q, const struct domus_dev_queue *config)
{
	struct bus_device *dev = q->dev;
	struct queue_ring ring;
	u64 features;
	s64 r;

	if (mutex_lock_killable(&dev->lock))
		return -EINTR;
	features = dev->features;
	r = may_enable(q, config);
	mutex_unlock(&dev->lock);
	if (!r)
		r = ring_map(q, config, features, &ring);
	if (r)
		return r;
	if (mutex_lock_killable(&dev->lock)) {
		ring_unmap(&ring);
		return -EINTR;
	}
	r = may_enable(q, config);
	/* another vCPU may have reset it since */
	if (!r && dev->features != features)
		r = -EINVAL;
	if (!r)
		r = enable(q, config, &ring);
	mutex_unlock(&dev->lock);
	if (r < 0)
		ring_unmap(&ring);
	return r;
}

/* ---- 2. Buffers ----------------------------------------------------------------- */

static int read_table(void *ctx, __u64 gpa, void *to, size_t len)
{
	return gmem_read(ctx, gpa, to, len);
}

bool bus_stalled(struct bus_queue *q)
{
	/* of a dead domain: its vCPU may have waited for the host's disk, and is to end */
	return !READ_ONCE(q->enabled) || READ_ONCE(q->dev->broken) || domain_dead(q->dev->d) ||
	       (!READ_ONCE(q->dev->ending) && !q->prompt && bus_rate_over(&q->dev->rate));
}

/*
 * A look at the guest's memory may have taken for ever: a worker's kick has no reference,
 * so that the device may have lost its last one meanwhile. Not before the queue was
 * disabled, with the push lock: where it is enabled, there is one to add to.
 */
static bool hold_popped(struct bus_queue *q)
{
	unsigned long flags;
	bool enabled;

	spin_lock_irqsave(&q->push, flags);
	enabled = q->enabled;
	if (enabled) {
		q->requests++;
		kref_get(&q->dev->ref);
	}
	spin_unlock_irqrestore(&q->push, flags);
	return enabled;
}

int bus_pop(struct bus_queue *q, struct vring_chain *chain)
{
	struct bus_device *dev = q->dev;
	int r;

	lockdep_assert_held(&q->pop);
	if (bus_stalled(q))
		return 0;
	r = vring_pop(&q->ring, chain, read_table, &dev->d->gmem);
	if (r < 0) {
		bus_break(dev, q->ring.broken);
		return r;
	}
	if (r && READ_ONCE(dev->rate.limited) && !q->prompt)
		WRITE_ONCE(dev->served, q->nr);
	if (!r || hold_popped(q))
		return r;
	vring_unpop(&q->ring, chain->id);
	return 0;
}

void bus_unpop(struct bus_queue *q, const struct vring_chain *chain)
{
	struct bus_device *dev = q->dev;
	unsigned long flags;
	bool idle;

	lockdep_assert_held(&q->pop);
	vring_unpop(&q->ring, chain->id);
	spin_lock_irqsave(&q->push, flags);
	idle = !--q->requests;
	spin_unlock_irqrestore(&q->push, flags);
	if (idle)
		wake_up_all(&dev->d->bus.changed);
	bus_put(dev);
}

int bus_read_chain(struct bus_queue *q, const struct vring_chain *chain, u32 offset, void *to,
		   u32 len)
{
	unsigned int i;

	for (i = 0; i < chain->out && len; i++) {
		const struct vring_seg *seg = &chain->segs[i];
		u32 n;

		if (offset >= seg->len) {
			offset -= seg->len;
			continue;
		}
		n = min(len, seg->len - offset);
		if (gmem_read(&q->dev->d->gmem, seg->gpa + offset, to, n))
			return -EFAULT;
		to += n;
		len -= n;
		offset = 0;
	}
	return len ? -EFAULT : 0;
}

int bus_write_chain(struct bus_queue *q, const struct vring_chain *chain, u32 offset,
		    const void *from, u32 len)
{
	unsigned int i;

	for (i = 0; i < chain->in && len; i++) {
		const struct vring_seg *seg = &chain->segs[chain->out + i];
		u32 n;

		if (offset >= seg->len) {
			offset -= seg->len;
			continue;
		}
		n = min(len, seg->len - offset);
		if (gmem_write(&q->dev->d->gmem, seg->gpa + offset, from, n))
			return -EFAULT;
		from += n;
		len -= n;
		offset = 0;
	}
	return len ? -EFAULT : 0;
}

static void push(struct bus_queue *q, const struct vring_done *used, unsigned int nr,
		 void (*fn)(void *arg), void *arg)
{
	struct bus_device *dev = q->dev;
	unsigned long flags;
	bool idle, overdue;
	unsigned int i;

	spin_lock_irqsave(&q->push, flags);
	if (q->enabled) {
		if (fn)
			fn(arg);
		vring_push_many(&q->ring, used, nr);
		q->buffers += nr;
		if (vring_wants_signal(&q->ring)) {
			q->signals++;
			event_signal(dev->d, q->port);
		}
	}
	q->requests -= nr;
	idle = !q->requests;
	overdue = idle && READ_ONCE(dev->overdue);
	spin_unlock_irqrestore(&q->push, flags);
	if (idle)
		wake_up_all(&dev->d->bus.changed);
	if (overdue)
		bus_end(dev, false);
	for (i = 0; i < nr; i++)
		bus_put(dev);
}

void bus_push_many(struct bus_queue *q, const struct vring_done *used, unsigned int nr)
{
	push(q, used, nr, NULL, NULL);
}

void bus_push_with(struct bus_queue *q, u16 id, u32 written, void (*fn)(void *arg), void *arg)
{
	struct vring_done used = { id, written };

	push(q, &used, 1, fn, arg);
}

void bus_push(struct bus_queue *q, u16 id, u32 written)
{
	bus_push_with(q, id, written, NULL, NULL);
}

void bus_hold(struct bus_queue *q)
{
	unsigned long flags;

	kref_get(&q->dev->ref);
	spin_lock_irqsave(&q->push, flags);
	q->requests++;
	spin_unlock_irqrestore(&q->push, flags);
}

void bus_release(struct bus_queue *q)
{
	struct bus_device *dev = q->dev;
	unsigned long flags;

	spin_lock_irqsave(&q->push, flags);
	q->requests--;
	spin_unlock_irqrestore(&q->push, flags);
	wake_up_all(&dev->d->bus.changed);
	bus_put(dev);
}

void bus_signal(struct bus_queue *q)
{
	unsigned long flags;

	spin_lock_irqsave(&q->push, flags);
	if (q->enabled) {
		q->signals++;
		event_signal(q->dev->d, q->port);
	}
	spin_unlock_irqrestore(&q->push, flags);
}

/* ---- 3. The worker -------------------------------------------------------------- */

void bus_queue_work(struct bus_queue *q)
{
	unsigned long flags;

	spin_lock_irqsave(&q->push, flags);
	if (q->enabled)
		kthread_queue_work(q->dev->worker, &q->work);
	spin_unlock_irqrestore(&q->push, flags);
}

/*
 * Pop lock not held; current->mm is the holder's. Whoever has it may wait for the host's
 * disk: a vCPU that is to end does not wait with him.
 */
void bus_kick(struct bus_queue *q)
{
	if (mutex_lock_killable(&q->pop))
		return;
	if (READ_ONCE(q->enabled) && READ_ONCE(q->dev->status) & VIRTIO_CONFIG_S_DRIVER_OK) {
		q->kicks++;
		q->dev->ops->kick(q);
	}
	mutex_unlock(&q->pop);
	/* who drains the queue tried this lock */
	if (!READ_ONCE(q->enabled))
		wake_up_all(&q->dev->d->bus.changed);
}

void bus_worker_kick(struct kthread_work *work)
{
	struct bus_queue *q = container_of(work, struct bus_queue, work);
	struct mm_struct *mm = q->dev->d->mm;
	struct mem_cgroup *memcg, *before;

	if (!mmget_not_zero(mm))
		return;
	memcg = get_mem_cgroup_from_mm(mm);
	before = set_active_memcg(memcg);
	kthread_use_mm(mm);
	bus_kick(q);
	kthread_unuse_mm(mm);
	set_active_memcg(before);
	mem_cgroup_put(memcg);
	mmput(mm);
}
