// SPDX-License-Identifier: GPL-2.0-only
/*
 * Devices of a domain.
 *
 *   1. life: references, slots, plugging and unplugging
 *   2. queues: set-up and taking down
 *   3. status (VIRTIO 1.2, 2.1), reset, features
 *   4. buffers: the backends' side
 *   5. the worker
 *   6. reboot and end of the domain
 *   7. calls of the guest
 */
#include <linux/cgroup.h>
#include <linux/ctype.h>
#include <linux/err.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/netlink.h>
#include <linux/nospec.h>
#include <linux/pid.h>
#include <linux/sched/mm.h>
#include <linux/sched/task.h>
#include <linux/slab.h>
#include <uapi/linux/virtio_config.h>
#include <uapi/linux/virtio_ring.h>

#include "bus.h"
#include "domain.h"
#include "event.h"

/* Bits of a queue's or device's features that are the ring's or the bus's. */
#define BUS_FEATURES (BIT_ULL(VIRTIO_F_VERSION_1) | BIT_ULL(VIRTIO_RING_F_INDIRECT_DESC) | \
		      BIT_ULL(VIRTIO_RING_F_EVENT_IDX) | BIT_ULL(VIRTIO_F_RING_PACKED))

#define STATUS_ALL (VIRTIO_CONFIG_S_ACKNOWLEDGE | VIRTIO_CONFIG_S_DRIVER |	\
		    VIRTIO_CONFIG_S_DRIVER_OK | VIRTIO_CONFIG_S_FEATURES_OK |	\
		    VIRTIO_CONFIG_S_FAILED)

static struct workqueue_struct *bus_workqueue;

/* ---- 1. Life -------------------------------------------------------------------- */

int __init bus_init(void)
{
	bus_workqueue = alloc_workqueue("domus", WQ_UNBOUND, 0);
	return bus_workqueue ? 0 : -ENOMEM;
}

void bus_exit(void)
{
	/* the last device's work holds the module until its last line */
	destroy_workqueue(bus_workqueue);
}

bool bus_queue_system_work(struct work_struct *work)
{
	return queue_work(bus_workqueue, work);
}

void bus_flush(void)
{
	flush_workqueue(bus_workqueue);
}

void bus_setup(struct bus *b)
{
	mutex_init(&b->lock);
	init_waitqueue_head(&b->changed);
}

static void device_free_work(struct work_struct *work)
{
	struct bus_device *dev = container_of(work, struct bus_device, free_work);
	unsigned int i, area;

	bus_rate_cancel(&dev->rate);
	if (dev->worker)
		kthread_destroy_worker(dev->worker);
	for (i = 0; i < dev->nr_queues; i++)
		for (area = 0; area < 3; area++)
			gmem_unmap(&dev->queues[i].areas[area]);
	kvfree(dev->queues);
	if (dev->d)
		domain_put(dev->d);
	synchronize_rcu();	/* bus_get_slot() looks at the reference count */
	dev->ops->free(dev);
	module_put(THIS_MODULE);
}

static void device_release(struct kref *ref)
{
	struct bus_device *dev = container_of(ref, struct bus_device, ref);

	/* the last request may have ended in an interrupt */
	INIT_WORK(&dev->free_work, device_free_work);
	bus_queue_system_work(&dev->free_work);
}

void bus_put(struct bus_device *dev)
{
	kref_put(&dev->ref, device_release);
}

static void worker_kick(struct kthread_work *work);

/* There are tokens again. */
static void rate_over(struct bus_rate *rate)
{
	struct bus_device *dev = container_of(rate, struct bus_device, rate);
	unsigned int i;

	for (i = 0; i < dev->nr_queues; i++)
		bus_queue_work(&dev->queues[i]);
}

int bus_device_init(struct bus_device *dev, const struct bus_ops *ops, u64 features,
		    u32 config_size, unsigned int queues, unsigned int queue_max)
{
	unsigned int i;

	dev->queues = kvcalloc(queues, sizeof(*dev->queues), GFP_KERNEL_ACCOUNT);
	if (!dev->queues)
		return -ENOMEM;
	kref_init(&dev->ref);
	mutex_init(&dev->lock);
	dev->ops = ops;
	dev->offered = features | BUS_FEATURES;
	dev->config_size = config_size;
	dev->nr_queues = queues;
	dev->queue_max = queue_max;
	for (i = 0; i < queues; i++) {
		struct bus_queue *q = &dev->queues[i];

		q->dev = dev;
		q->nr = i;
		mutex_init(&q->pop);
		spin_lock_init(&q->push);
		kthread_init_work(&q->work, worker_kick);
	}
	bus_rate_init(&dev->rate, rate_over);
	/* a device whose requests outlive its domain keeps the module */
	__module_get(THIS_MODULE);
	return 0;
}

static bool name_valid(const char *name)
{
	if (!isalnum(*name) || strlen(name) > DOMUS_DEV_NAME_MAX)
		return false;
	for (; *name; name++)
		if (!isascii(*name) || !(isalnum(*name) || strchr("._-", *name)))
			return false;
	return true;
}

static struct bus_device *slot_locked(struct bus *b, unsigned int slot)
{
	return rcu_dereference_protected(b->slots[slot], lockdep_is_held(&b->lock));
}

static struct bus_device *find_locked(struct bus *b, const char *name)
{
	struct bus_device *dev;
	unsigned int i;

	for (i = 0; i < DOMUS_MAX_DEVICES; i++) {
		dev = slot_locked(b, i);
		if (dev && !strcmp(dev->name, name))
			return dev;
	}
	return NULL;
}

struct bus_device *bus_get_slot(struct bus *b, u64 slot)
{
	struct bus_device *dev;

	if (slot >= DOMUS_MAX_DEVICES)
		return NULL;
	slot = array_index_nospec(slot, DOMUS_MAX_DEVICES);
	rcu_read_lock();
	dev = rcu_dereference(b->slots[slot]);
	if (dev && !kref_get_unless_zero(&dev->ref))
		dev = NULL;
	rcu_read_unlock();
	return dev;
}

/* A worker in the holder's cgroups, of which its time is taken. */
static struct kthread_worker *make_worker(struct domus_domain *d, const char *name)
{
	struct kthread_worker *w = kthread_create_worker(0, "domus-%u-%s", d->id, name);
	struct task_struct *holder;
	int err;

	if (IS_ERR(w))
		return w;
	holder = get_pid_task(d->holder, PIDTYPE_TGID);
	err = holder ? cgroup_attach_task_all(holder, w->task) : -ESRCH;
	if (holder)
		put_task_struct(holder);
	if (!err)
		return w;
	kthread_destroy_worker(w);
	return ERR_PTR(err);
}

int bus_add(struct domus_domain *d, struct bus_device *dev, const char *name,
	    struct netlink_ext_ack *extack)
{
	struct bus *b = &d->bus;
	struct kthread_worker *worker;
	unsigned int slot;
	int err = 0;

	if (!name_valid(name)) {
		NL_SET_ERR_MSG(extack,
			       "device name: letters, digits and ._- only, a letter or digit first");
		return -EINVAL;
	}
	worker = make_worker(d, name);
	if (IS_ERR(worker)) {
		NL_SET_ERR_MSG(extack, "no worker in the holder's cgroup");
		return PTR_ERR(worker);
	}
	mutex_lock(&b->lock);
	for (slot = 0; slot < DOMUS_MAX_DEVICES && slot_locked(b, slot); slot++)
		;
	if (find_locked(b, name)) {
		NL_SET_ERR_MSG(extack, "the domain has a device of this name");
		err = -EEXIST;
	} else if (slot == DOMUS_MAX_DEVICES) {
		NL_SET_ERR_MSG(extack, "the domain has its " __stringify(DOMUS_MAX_DEVICES)
			       " devices, the most that it can have");
		err = -ENOSPC;
	} else if (domain_dead(d)) {
		NL_SET_ERR_MSG(extack, "the domain is dead");
		err = -ESHUTDOWN;
	} else {
		strscpy(dev->name, name, sizeof(dev->name));
		dev->d = domain_get(d);
		dev->slot = slot;
		dev->instance = ++b->last_instance;
		dev->worker = worker;
		rcu_assign_pointer(b->slots[slot], dev);
	}
	mutex_unlock(&b->lock);
	if (err)
		kthread_destroy_worker(worker);
	else
		event_signal_kind(d, DOMUS_PORT_BUS, 0);
	return err;
}

static void device_quiesce(struct bus_device *dev);

/* Take the device out of its slot; unplugged() is next, without the lock. */
static void unplug(struct bus *b, struct bus_device *dev)
{
	lockdep_assert_held(&b->lock);
	RCU_INIT_POINTER(b->slots[dev->slot], NULL);
	/* who drains a queue, with the device's lock; who waits for the slot */
	wake_up_all(&b->changed);
}

/* It is out: make it quiet, and drop the slot's reference. */
static void unplugged(struct bus_device *dev)
{
	mutex_lock(&dev->lock);
	device_quiesce(dev);
	mutex_unlock(&dev->lock);
	if (dev->ops->unplug)
		dev->ops->unplug(dev);
	bus_put(dev);
}

/*
 * Taken away by force: all that the guest asks fails from here on, so that its driver,
 * told by the flag, ends without a request of which nobody knows any more.
 */
static void device_end(struct bus_device *dev)
{
	unsigned int i;

	WRITE_ONCE(dev->ending, true);
	for (i = 0; i < dev->nr_queues; i++)
		bus_queue_work(&dev->queues[i]);
}

#define END_TIME	(2 * HZ)	/* what a guest has to let go of what ends */

int bus_remove(struct domus_domain *d, const char *name, bool force, unsigned long timeout,
	       bool again, struct netlink_ext_ack *extack)
{
	struct bus *b = &d->bus;
	struct bus_device *dev;
	bool gone = false, asked;
	long left;

	mutex_lock(&b->lock);
	dev = find_locked(b, name);
	if (!dev) {
		mutex_unlock(&b->lock);
		NL_SET_ERR_MSG(extack, "the domain has no device of this name");
		return -ENOENT;
	}
	kref_get(&dev->ref);
	/* one that no driver has taken is free to go */
	if (!READ_ONCE(dev->status))
		WRITE_ONCE(dev->let_go, true);
	asked = dev->leaving;
	WRITE_ONCE(dev->leaving, true);
	mutex_unlock(&b->lock);
	if (force) {
		device_end(dev);
		timeout = END_TIME;
	}
	if (force || !asked)
		event_signal_kind(d, DOMUS_PORT_BUS, 0);

	left = wait_event_killable_timeout(b->changed, READ_ONCE(dev->let_go) || domain_dead(d),
					   timeout);
	mutex_lock(&b->lock);
	if (slot_locked(b, dev->slot) != dev) {
		left = 1;	/* another request took it, or the end of the domain */
	} else if (force || left > 0 || READ_ONCE(dev->let_go)) {
		unplug(b, dev);
		gone = true;
		left = 1;
	} else if (left < 0 || !again) {
		WRITE_ONCE(dev->leaving, false);
	}
	mutex_unlock(&b->lock);
	if (gone)
		unplugged(dev);
	/* it has gone; or the guest may keep it, or take it again */
	if (left || !again)
		event_signal_kind(d, DOMUS_PORT_BUS, 0);
	bus_put(dev);
	if (left > 0)
		return 0;
	if (left < 0)
		return -EINTR;
	NL_SET_ERR_MSG(extack, "the guest still uses the device");
	return -ETIMEDOUT;
}

/* ---- 2. Queues ------------------------------------------------------------------ */

static void queue_unmap(struct bus_queue *q)
{
	unsigned int i;

	for (i = 0; i < 3; i++)
		gmem_unmap(&q->areas[i]);
}

/* No buffer is taken or given back from here on, but for one that is being taken. */
static void queue_disable(struct bus_queue *q)
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

/* Is it plugged? What is not must not get queues or ports again. */
static bool plugged(const struct bus_device *dev)
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

/*
 * Of a disabled queue: wait until no request uses the guest's memory.
 * Return: 0, -EINTR: killed, -ENODEV: unplugged, or the domain is dead.
 */
static int queue_drain(struct bus_queue *q)
{
	struct bus_device *dev = q->dev;
	bool locked = false;
	int err;

	err = wait_event_killable(dev->d->bus.changed, (locked = queue_idle_lock(q)) ||
				  domain_dead(dev->d) || !plugged(dev));
	if (!locked)
		return err ? -EINTR : -ENODEV;
	queue_unmap(q);
	mutex_unlock(&q->pop);
	return 0;
}

static int queue_map(struct bus_queue *q, const struct domus_dev_queue *config,
		     struct vring_config *ring)
{
	const u64 at[3] = { config->desc, config->driver, config->device };
	struct vring_area areas[3];
	unsigned int i;
	int err;

	err = vring_areas(config->size, ring->packed, areas);
	if (err)
		return err;
	for (i = 0; i < 3; i++) {
		err = at[i] & (areas[i].align - 1) ? -EINVAL :
		      gmem_map(&q->dev->d->gmem, at[i], areas[i].bytes, &q->areas[i]);
		if (err) {
			queue_unmap(q);
			return err;
		}
	}
	ring->size = config->size;
	ring->desc = q->areas[0].at;
	ring->driver = q->areas[1].at;
	ring->device = q->areas[2].at;
	return 0;
}

/* DOMUS_QUEUE_ENABLE. Device's lock held. Return: its port, or < 0. */
static s64 queue_enable(struct bus_queue *q, const struct domus_dev_queue *config)
{
	struct bus_device *dev = q->dev;
	struct vring_config ring = {
		.packed	   = dev->features & BIT_ULL(VIRTIO_F_RING_PACKED),
		.indirect  = dev->features & BIT_ULL(VIRTIO_RING_F_INDIRECT_DESC),
		.event_idx = dev->features & BIT_ULL(VIRTIO_RING_F_EVENT_IDX),
	};
	unsigned long flags;
	int err, port;

	if (!(dev->status & VIRTIO_CONFIG_S_FEATURES_OK) || q->enabled ||
	    config->size > dev->queue_max)
		return -EINVAL;
	err = queue_drain(q);	/* of the queue's life before */
	if (err)
		return err;
	err = queue_map(q, config, &ring);
	if (err)
		return err;
	port = event_bind_device(dev->d, config->vcpu);
	if (port < 0) {
		queue_unmap(q);
		return port;
	}
	mutex_lock(&q->pop);
	spin_lock_irqsave(&q->push, flags);
	vring_setup(&q->ring, &ring);
	q->port = port;
	WRITE_ONCE(q->enabled, true);
	spin_unlock_irqrestore(&q->push, flags);
	mutex_unlock(&q->pop);
	return port;
}

/* ---- 3. Status ------------------------------------------------------------------ */

/* Back to the state of a device that no driver knows, but for requests under way. */
static void device_quiesce(struct bus_device *dev)
{
	unsigned int i;

	lockdep_assert_held(&dev->lock);
	for (i = 0; i < dev->nr_queues; i++)
		queue_disable(&dev->queues[i]);
	dev->ops->stop(dev);
	event_close_device(dev->d, dev->config_port);
	dev->config_port = 0;
}

/* Return: 0, -EINTR, -ENODEV: it is as it was, but quiet. */
static int device_reset(struct bus_device *dev)
{
	unsigned int i;
	int err;

	device_quiesce(dev);
	for (i = 0; i < dev->nr_queues; i++) {
		err = queue_drain(&dev->queues[i]);
		if (err)
			return err;
	}
	dev->status = 0;
	dev->features = 0;
	WRITE_ONCE(dev->broken, NULL);
	return 0;
}

static s64 set_features(struct bus_device *dev, u64 features)
{
	if (dev->status & VIRTIO_CONFIG_S_FEATURES_OK)
		return -EBUSY;
	if (features & ~dev->offered)
		return -EINVAL;
	dev->features = features;
	return 0;
}

static s64 set_status(struct bus_device *dev, u64 status)
{
	u8 news;
	int err;

	if (!status)
		return device_reset(dev);
	/* bits are only ever added (2.1.1) */
	if (status & ~(u64)(STATUS_ALL | VIRTIO_CONFIG_S_NEEDS_RESET) ||
	    (dev->status & STATUS_ALL) & ~status)
		return -EINVAL;
	news = status & ~dev->status & STATUS_ALL;
	if (news & VIRTIO_CONFIG_S_FEATURES_OK &&
	    !(dev->features & BIT_ULL(VIRTIO_F_VERSION_1)))
		news &= ~VIRTIO_CONFIG_S_FEATURES_OK;
	if (news & VIRTIO_CONFIG_S_DRIVER_OK) {
		if (!((dev->status | news) & VIRTIO_CONFIG_S_FEATURES_OK))
			return -EINVAL;
		err = dev->ops->start(dev);
		if (err)
			return err;
	}
	/* who takes it has not let go of it */
	WRITE_ONCE(dev->let_go, false);
	WRITE_ONCE(dev->status, dev->status | news);
	return dev->status;
}

void bus_config_changed(struct bus_device *dev)
{
	lockdep_assert_held(&dev->lock);
	dev->config_generation++;
	if (dev->config_port)
		event_signal(dev->d, dev->config_port);
}

void bus_break(struct bus_device *dev, const char *why)
{
	if (!READ_ONCE(dev->broken))
		WRITE_ONCE(dev->broken, why);
	/* DEVICE_NEEDS_RESET; told by the queue's worker, which may take locks */
	kthread_queue_work(dev->worker, &dev->queues[0].work);
}

/* ---- 4. Buffers ----------------------------------------------------------------- */

static int read_table(void *ctx, __u64 gpa, void *to, size_t len)
{
	return gmem_read(ctx, gpa, to, len);
}

bool bus_stalled(struct bus_queue *q)
{
	return !READ_ONCE(q->enabled) || READ_ONCE(q->dev->broken) ||
	       (!READ_ONCE(q->dev->ending) && bus_rate_over(&q->dev->rate));
}

int bus_pop(struct bus_queue *q, struct vring_chain *chain)
{
	struct bus_device *dev = q->dev;
	unsigned long flags;
	int r;

	lockdep_assert_held(&q->pop);
	if (bus_stalled(q))
		return 0;
	r = vring_pop(&q->ring, chain, read_table, &dev->d->gmem);
	if (r < 0) {
		bus_break(dev, q->ring.broken);
		return r;
	}
	if (!r)
		return 0;
	kref_get(&dev->ref);
	spin_lock_irqsave(&q->push, flags);
	q->requests++;
	spin_unlock_irqrestore(&q->push, flags);
	return 1;
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

static void push(struct bus_queue *q, const struct bus_used *used, unsigned int nr,
		 void (*fn)(void *arg), void *arg)
{
	struct bus_device *dev = q->dev;
	unsigned long flags;
	unsigned int i;
	bool idle;

	spin_lock_irqsave(&q->push, flags);
	if (q->enabled) {
		if (fn)
			fn(arg);
		for (i = 0; i < nr; i++)
			vring_push(&q->ring, used[i].id, used[i].written);
		q->buffers += nr;
		if (vring_wants_signal(&q->ring)) {
			q->signals++;
			event_signal(dev->d, q->port);
		}
	}
	q->requests -= nr;
	idle = !q->requests;
	spin_unlock_irqrestore(&q->push, flags);
	if (idle)
		wake_up_all(&dev->d->bus.changed);
	for (i = 0; i < nr; i++)
		bus_put(dev);
}

void bus_push_many(struct bus_queue *q, const struct bus_used *used, unsigned int nr)
{
	push(q, used, nr, NULL, NULL);
}

void bus_push_with(struct bus_queue *q, u16 id, u32 written, void (*fn)(void *arg), void *arg)
{
	struct bus_used used = { id, written };

	push(q, &used, 1, fn, arg);
}

void bus_push(struct bus_queue *q, u16 id, u32 written)
{
	bus_push_with(q, id, written, NULL, NULL);
}

/* ---- 5. The worker -------------------------------------------------------------- */

void bus_queue_work(struct bus_queue *q)
{
	unsigned long flags;

	spin_lock_irqsave(&q->push, flags);
	if (q->enabled)
		kthread_queue_work(q->dev->worker, &q->work);
	spin_unlock_irqrestore(&q->push, flags);
}

/* Pop lock not held; current->mm is the holder's. */
static void kick(struct bus_queue *q)
{
	mutex_lock(&q->pop);
	if (READ_ONCE(q->enabled) && READ_ONCE(q->dev->status) & VIRTIO_CONFIG_S_DRIVER_OK) {
		q->kicks++;
		q->dev->ops->kick(q);
	}
	mutex_unlock(&q->pop);
	/* who drains the queue tried this lock */
	if (!READ_ONCE(q->enabled))
		wake_up_all(&q->dev->d->bus.changed);
}

static void tell_broken(struct bus_device *dev)
{
	mutex_lock(&dev->lock);
	if (dev->broken && dev->status && !(dev->status & VIRTIO_CONFIG_S_NEEDS_RESET)) {
		dev->status |= VIRTIO_CONFIG_S_NEEDS_RESET;
		bus_config_changed(dev);
	}
	mutex_unlock(&dev->lock);
}

static void worker_kick(struct kthread_work *work)
{
	struct bus_queue *q = container_of(work, struct bus_queue, work);
	struct mm_struct *mm = q->dev->d->mm;

	if (READ_ONCE(q->dev->broken))
		tell_broken(q->dev);
	if (!mmget_not_zero(mm))
		return;
	kthread_use_mm(mm);
	kick(q);
	kthread_unuse_mm(mm);
	mmput(mm);
}

/* ---- 6. Reboot and end ---------------------------------------------------------- */

int bus_reset(struct domus_domain *d)
{
	struct bus_device *dev;
	unsigned int i;
	int err = 0;

	for (i = 0; i < DOMUS_MAX_DEVICES && !err; i++) {
		dev = bus_get_slot(&d->bus, i);
		if (!dev)
			continue;
		mutex_lock(&dev->lock);
		err = device_reset(dev);
		mutex_unlock(&dev->lock);
		bus_put(dev);
	}
	return err;
}

void bus_destroy(struct domus_domain *d)
{
	struct bus *b = &d->bus;
	struct bus_device *dev;
	unsigned int i;

	for (i = 0; i < DOMUS_MAX_DEVICES; i++) {
		mutex_lock(&b->lock);
		dev = slot_locked(b, i);
		if (dev)
			unplug(b, dev);
		mutex_unlock(&b->lock);
		if (dev)
			unplugged(dev);
	}
}

/* ---- 7. Calls ------------------------------------------------------------------- */

static struct bus_device *get_handle(struct domus_domain *d, u64 handle)
{
	struct bus_device *dev = bus_get_slot(&d->bus, (u32)handle);

	if (dev && dev->instance != handle >> 32) {
		bus_put(dev);
		dev = NULL;
	}
	return dev;
}

static s64 call_info(struct domus_domain *d, u64 slot, u64 gpa)
{
	struct bus_device *dev = bus_get_slot(&d->bus, slot);
	struct domus_dev_info info = {};

	if (slot >= DOMUS_MAX_DEVICES)
		return -EINVAL;
	if (!dev)
		return -ENODEV;
	info.handle = dev->slot | (u64)dev->instance << 32;
	info.features = dev->offered;
	info.type = dev->ops->type;
	info.vendor = DOMUS_DEV_VENDOR;
	info.queues = dev->nr_queues;
	info.queue_max = dev->queue_max;
	info.config_size = dev->config_size;
	info.flags = READ_ONCE(dev->leaving) ? DOMUS_DEV_LEAVING : 0;
	if (READ_ONCE(dev->ending))
		info.flags |= DOMUS_DEV_ENDING;
	strscpy(info.name, dev->name, sizeof(info.name));
	bus_put(dev);
	return gmem_write(&d->gmem, gpa, &info, sizeof(info));
}

#define CONFIG_CHUNK 256

/* Device's lock held. Return: the generation, which a reader compares. */
static s64 config_access(struct bus_device *dev, bool write, u64 offset, u64 gpa, u64 len)
{
	struct gmem *g = &dev->d->gmem;
	u8 buf[CONFIG_CHUNK];

	if (offset > dev->config_size || len > dev->config_size - offset ||
	    len > sizeof(buf) || (write && !dev->ops->config_write))
		return -EINVAL;
	if (!len)
		return dev->config_generation & S32_MAX;
	if (write) {
		if (gmem_read(g, gpa, buf, len))
			return -EFAULT;
		dev->ops->config_write(dev, offset, buf, len);
	} else {
		dev->ops->config_read(dev, offset, buf, len);
		if (gmem_write(g, gpa, buf, len))
			return -EFAULT;
	}
	return dev->config_generation & S32_MAX;
}

static s64 config_port(struct bus_device *dev, u64 vcpu)
{
	int port;

	if (dev->config_port)
		return dev->config_port;
	port = event_bind_device(dev->d, vcpu);
	if (port > 0)
		dev->config_port = port;
	return port;
}

/* Device's lock held. */
static s64 config_op(struct bus_device *dev, const u64 args[6])
{
	switch (args[0]) {
	case DOMUS_DEV_READ:
	case DOMUS_DEV_WRITE:
		return config_access(dev, args[0] == DOMUS_DEV_WRITE, args[2], args[3],
				     args[4]);
	case DOMUS_DEV_GET_STATUS:
		return dev->status;
	case DOMUS_DEV_SET_STATUS:
		return set_status(dev, args[2]);
	case DOMUS_DEV_SET_FEATURES:
		return set_features(dev, args[2]);
	case DOMUS_DEV_PORT:
		return config_port(dev, args[2]);
	case DOMUS_DEV_LET_GO:
		WRITE_ONCE(dev->let_go, true);
		wake_up_all(&dev->d->bus.changed);
		return 0;
	default:
		return -EINVAL;
	}
}

s64 bus_call_config(struct domus_domain *d, const u64 args[6])
{
	struct bus_device *dev;
	s64 r = -ENODEV;

	if (args[0] == DOMUS_DEV_INFO)
		return call_info(d, args[1], args[2]);
	dev = get_handle(d, args[1]);
	if (!dev)
		return -ENODEV;
	mutex_lock(&dev->lock);
	if (plugged(dev))
		r = config_op(dev, args);
	mutex_unlock(&dev->lock);
	bus_put(dev);
	return r;
}

/* Device's lock held. */
static s64 queue_op(struct bus_device *dev, const u64 args[6])
{
	struct domus_dev_queue config;
	struct bus_queue *q;

	if (args[2] >= dev->nr_queues)
		return -EINVAL;
	q = &dev->queues[array_index_nospec(args[2], dev->nr_queues)];
	switch (args[0]) {
	case DOMUS_QUEUE_ENABLE:
		if (gmem_read(&dev->d->gmem, args[3], &config, sizeof(config)))
			return -EFAULT;
		return queue_enable(q, &config);
	case DOMUS_QUEUE_DISABLE:
		queue_disable(q);
		return queue_drain(q);
	case DOMUS_QUEUE_SET_VCPU:
		return event_move_device(dev->d, q->port, args[3]);
	default:
		return -EINVAL;
	}
}

s64 bus_call_queue(struct domus_domain *d, const u64 args[6])
{
	struct bus_device *dev = get_handle(d, args[1]);
	s64 r = -ENODEV;

	if (!dev)
		return -ENODEV;
	mutex_lock(&dev->lock);
	if (plugged(dev))
		r = queue_op(dev, args);
	mutex_unlock(&dev->lock);
	bus_put(dev);
	return r;
}

s64 bus_call_notify(struct domus_domain *d, u64 handle, u64 queue)
{
	struct bus_device *dev = get_handle(d, handle);
	s64 r = -EINVAL;

	if (!dev)
		return -ENODEV;
	if (queue < dev->nr_queues) {
		kick(&dev->queues[array_index_nospec(queue, dev->nr_queues)]);
		r = 0;
	}
	bus_put(dev);
	return r;
}
