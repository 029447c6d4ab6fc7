// SPDX-License-Identifier: GPL-2.0-only
/*
 * Devices of a domain.
 *
 *   1. life: references, slots, plugging and unplugging
 *   2. reboot and end of the domain
 *
 * Their queues are in bus_queue.c, what the guest asks of them in bus_call.c.
 */
#include <linux/cgroup.h>
#include <linux/ctype.h>
#include <linux/err.h>
#include <linux/module.h>
#include <linux/netlink.h>
#include <linux/nospec.h>
#include <linux/pid.h>
#include <linux/sched/task.h>
#include <linux/slab.h>
#include <uapi/linux/virtio_config.h>
#include <uapi/linux/virtio_ring.h>

#include "bus_priv.h"
#include "domain.h"
#include "event.h"

/* Bits of a queue's or device's features that are the ring's or the bus's. */
#define BUS_FEATURES (BIT_ULL(VIRTIO_F_VERSION_1) | BIT_ULL(VIRTIO_RING_F_INDIRECT_DESC) | \
		      BIT_ULL(VIRTIO_RING_F_EVENT_IDX) | BIT_ULL(VIRTIO_F_RING_PACKED))

static struct workqueue_struct *bus_workqueue;

/* ---- 1. Life -------------------------------------------------------------------- */

int __init bus_init(void)
{
	bus_workqueue = alloc_workqueue("domus", WQ_UNBOUND, 0);
	return bus_workqueue ? 0 : -ENOMEM;
}

void bus_exit(void)
{
	/*
	 * Waits for work that made the thread of a device, which may have let go of the module
	 * before the work's last line.
	 */
	destroy_workqueue(bus_workqueue);
}

bool bus_queue_system_work(struct work_struct *work)
{
	return queue_work(bus_workqueue, work);
}

/* Devices that nobody refers to any more, and that are not freed yet. */
static atomic_t freeing;
static DECLARE_WAIT_QUEUE_HEAD(freed);

void bus_flush(void)
{
	wait_event_killable_timeout(freed, !atomic_read(&freeing), HZ);
}

void bus_setup(struct bus *b)
{
	mutex_init(&b->lock);
	init_waitqueue_head(&b->changed);
}

static unsigned int nr_workers(const struct bus_device *dev)
{
	return 1 + dev->ops->io_workers;
}

static void destroy_workers(struct bus_device *dev)
{
	unsigned int i;

	for (i = dev->ops->io_workers; i--; )
		if (dev->io_workers[i])
			kthread_destroy_worker(dev->io_workers[i]);
	if (dev->worker)
		kthread_destroy_worker(dev->worker);
	dev->worker = NULL;
	memset(dev->io_workers, 0, sizeof(dev->io_workers));
}

/* Its last line is not the module's. */
static int device_free(void *arg)
{
	struct bus_device *dev = arg;
	struct bus_queue *queues = dev->queues;
	struct domus_domain *d = dev->d;
	unsigned int i, area, workers = nr_workers(dev);

	destroy_workers(dev);
	bus_rate_cancel(&dev->rate);	/* which they may have set */
	for (i = 0; i < dev->nr_queues; i++)
		for (area = 0; area < 3; area++)
			gmem_unmap(&queues[i].areas[area]);
	synchronize_rcu();	/* bus_get_slot() looks at the reference count */
	/* what was never plugged may be signalled until here, by files that it waits for */
	dev->ops->free(dev);
	kvfree(queues);
	if (atomic_dec_and_test(&freeing))
		wake_up_all(&freed);
	if (d) {
		bus_user_uncharge(d->owner, workers);
		atomic_dec(&d->bus.freeing);
		atomic_dec(&d->bus.alive);
		wake_up_all(&d->bus.changed);
		domain_put(d);
	}
	module_put_and_kthread_exit(0);
}

/*
 * A worker that waits for a page of the holder's memory, or for the host's disk, may do so
 * for ever, and who frees its device with it: each has a thread for that, and none waits
 * for another's.
 */
static void device_free_work(struct work_struct *work)
{
	struct bus_device *dev = container_of(to_delayed_work(work), struct bus_device, free_work);
	struct task_struct *thread = kthread_run(device_free, dev, "domus-free");

	/* no memory now: it is tried again */
	if (IS_ERR(thread))
		queue_delayed_work(bus_workqueue, &dev->free_work, HZ);
}

static void device_release(struct kref *ref)
{
	struct bus_device *dev = container_of(ref, struct bus_device, ref);

	atomic_inc(&freeing);
	if (dev->d)
		atomic_inc(&dev->d->bus.freeing);
	/* the last request may have ended in an interrupt */
	INIT_DELAYED_WORK(&dev->free_work, device_free_work);
	queue_delayed_work(bus_workqueue, &dev->free_work, 0);
}

void bus_put(struct bus_device *dev)
{
	kref_put(&dev->ref, device_release);
}

static void end_work(struct work_struct *work);

void bus_work_all(struct bus_device *dev)
{
	unsigned int served = READ_ONCE(dev->served), i;

	for (i = 1; i <= dev->nr_queues; i++)
		bus_queue_work(&dev->queues[(served + i) % dev->nr_queues]);
}

/* There are tokens again: perhaps for one request alone, and each queue has its turn. */
static void rate_over(struct bus_rate *rate)
{
	bus_work_all(container_of(rate, struct bus_device, rate));
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
	mutex_init(&dev->set);
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
		kthread_init_work(&q->work, bus_worker_kick);
	}
	INIT_DELAYED_WORK(&dev->end_work, end_work);
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

/* Return: 0, or < 0, with those that there are: destroy_workers() is next. */
static int make_workers(struct domus_domain *d, struct bus_device *dev, const char *name,
			struct netlink_ext_ack *extack)
{
	struct kthread_worker *w;
	unsigned int i;

	for (i = 0; i <= dev->ops->io_workers; i++) {
		w = make_worker(d, name);
		if (IS_ERR(w)) {
			NL_SET_ERR_MSG(extack, "no worker in the holder's cgroup");
			return PTR_ERR(w);
		}
		if (i)
			dev->io_workers[i - 1] = w;
		else
			dev->worker = w;
	}
	return 0;
}

struct kthread_worker *bus_io_worker(struct bus_device *dev)
{
	return dev->io_workers[(u32)atomic_inc_return(&dev->io_next) % dev->ops->io_workers];
}

static bool has_kind_locked(struct bus *b, const struct bus_ops *ops)
{
	const struct bus_device *dev;
	unsigned int i;

	for (i = 0; i < DOMUS_MAX_DEVICES; i++) {
		dev = slot_locked(b, i);
		if (dev && dev->ops == ops)
			return true;
	}
	return false;
}

/* Bus lock held. Return: a free slot, or < 0. */
static int free_slot(struct domus_domain *d, const struct bus_ops *ops, const char *name,
		     struct netlink_ext_ack *extack)
{
	struct bus *b = &d->bus;
	unsigned int slot;

	for (slot = 0; slot < DOMUS_MAX_DEVICES && slot_locked(b, slot); slot++)
		;
	if (domain_dead(d)) {
		NL_SET_ERR_MSG(extack, "the domain is dead");
		return -ESHUTDOWN;
	}
	if (ops->single && has_kind_locked(b, ops)) {
		extack->_msg = ops->single;
		return -EEXIST;
	}
	if (find_locked(b, name)) {
		NL_SET_ERR_MSG(extack, "the domain has a device of this name");
		return -EEXIST;
	}
	/* those that were taken away and hang have workers, too */
	if (atomic_read(&b->alive) >= 2 * DOMUS_MAX_DEVICES) {
		NL_SET_ERR_MSG(extack, "too many devices that were taken away have not ended");
		return -ENOSPC;
	}
	if (slot == DOMUS_MAX_DEVICES) {
		NL_SET_ERR_MSG(extack, "the domain has its " __stringify(DOMUS_MAX_DEVICES)
			       " devices, the most that it can have");
		return -ENOSPC;
	}
	return slot;
}

int bus_add(struct domus_domain *d, struct bus_device *dev, const char *name,
	    struct netlink_ext_ack *extack)
{
	struct bus *b = &d->bus;
	int slot;

	if (!name_valid(name)) {
		NL_SET_ERR_MSG(extack,
			       "device name: letters, digits and ._- only, a letter or digit first");
		return -EINVAL;
	}
	slot = bus_user_charge(d->owner, nr_workers(dev));
	if (slot == -EAGAIN)
		NL_SET_ERR_MSG(extack,
			       "RLIMIT_NPROC: the user's processes and the threads of devices are as many");
	if (slot)
		return slot;
	slot = make_workers(d, dev, name, extack);
	if (slot)
		goto err_workers;
	mutex_lock(&b->lock);
	slot = free_slot(d, dev->ops, name, extack);
	if (slot >= 0) {
		strscpy(dev->name, name, sizeof(dev->name));
		dev->d = domain_get(d);
		dev->slot = slot;
		dev->instance = ++b->last_instance;
		atomic_inc(&b->alive);
		rcu_assign_pointer(b->slots[slot], dev);
		if (dev->ops->plug)
			dev->ops->plug(dev);
	}
	mutex_unlock(&b->lock);
	if (slot < 0)
		goto err_workers;
	event_signal_kind(d, DOMUS_PORT_BUS);
	return 0;

err_workers:
	destroy_workers(dev);
	bus_user_uncharge(d->owner, nr_workers(dev));
	return slot;
}

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
	if (cancel_delayed_work(&dev->end_work))
		bus_put(dev);
	mutex_lock(&dev->lock);
	bus_quiesce(dev);
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

#define FREE_TIME	(5 * HZ)	/* what the host's disks have to let go of a domain */
#define END_TIME	(2 * HZ)	/* what a guest has to let go of what ends */

void bus_end(struct bus_device *dev, bool now)
{
	if (!READ_ONCE(dev->overdue))
		return;
	kref_get(&dev->ref);
	if (now ? mod_delayed_work(bus_workqueue, &dev->end_work, 0) :
		  !queue_delayed_work(bus_workqueue, &dev->end_work, END_TIME))
		bus_put(dev);
}

static void end_work(struct work_struct *work)
{
	struct bus_device *dev = container_of(to_delayed_work(work), struct bus_device, end_work);
	struct bus *b = &dev->d->bus;
	bool gone;

	mutex_lock(&b->lock);
	gone = slot_locked(b, dev->slot) == dev && (READ_ONCE(dev->let_go) || bus_idle(dev));
	if (gone)
		unplug(b, dev);
	mutex_unlock(&b->lock);
	if (gone) {
		unplugged(dev);
		event_signal_kind(dev->d, DOMUS_PORT_BUS);
	}
	bus_put(dev);
}

/*
 * What is taken away by force may go, but for requests that the host does not answer: the
 * guest's memory is theirs, so that it must not see them fail before they have. From here
 * on the last one to be answered takes the device away.
 */
static bool may_end(struct bus_device *dev)
{
	if (!dev->ops->answers)
		return true;
	/* before the look: push() looks at it under the locks that bus_idle() takes */
	WRITE_ONCE(dev->overdue, true);
	return bus_idle(dev);
}

int bus_remove(struct domus_domain *d, const char *name, bool force, unsigned long timeout,
	       bool again, struct netlink_ext_ack *extack)
{
	struct bus *b = &d->bus;
	struct bus_device *dev;
	bool gone = false, waits = false, asked;
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
		event_signal_kind(d, DOMUS_PORT_BUS);

	left = wait_event_killable_timeout(b->changed, READ_ONCE(dev->let_go) || domain_dead(d),
					   timeout);
	mutex_lock(&b->lock);
	if (slot_locked(b, dev->slot) != dev) {
		left = 1;	/* another request took it, or the end of the domain */
	} else if (left > 0 || READ_ONCE(dev->let_go) || (force && may_end(dev))) {
		unplug(b, dev);
		gone = true;
		left = 1;
	} else if (dev->ending) {
		waits = dev->overdue;
	} else if (left < 0 || !again) {
		WRITE_ONCE(dev->leaving, false);
	}
	mutex_unlock(&b->lock);
	if (gone)
		unplugged(dev);
	/* it has gone; or the guest may keep it, or take it again */
	if (left || !again)
		event_signal_kind(d, DOMUS_PORT_BUS);
	bus_put(dev);
	/* who took a disk away may unmount its file system next; other domains' may hang */
	if (gone)
		wait_event_killable_timeout(b->changed, !atomic_read(&b->freeing), HZ);
	if (left > 0)
		return 0;
	if (left < 0)
		return -EINTR;
	if (waits) {
		NL_SET_ERR_MSG(extack,
			       "the host has not answered its requests: it goes when they are");
		return -EINPROGRESS;
	}
	NL_SET_ERR_MSG(extack, "the guest still uses the device");
	return -ETIMEDOUT;
}

/* ---- 2. Reboot and end ---------------------------------------------------------- */

int bus_reset(struct domus_domain *d, unsigned long timeout)
{
	struct bus_device *dev;
	long left = timeout;
	unsigned int i;
	int err = 0;

	for (i = 0; i < DOMUS_MAX_DEVICES && !err; i++) {
		dev = bus_get_slot(&d->bus, i);
		if (!dev)
			continue;
		mutex_lock(&dev->lock);
		err = bus_reset_device(dev, &left);
		mutex_unlock(&dev->lock);
		/* taken away meanwhile: there is nothing to wait for */
		if (err == -ENODEV && !bus_plugged(dev) && !domain_dead(d))
			err = 0;
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
	/* Who destroys a domain wants its disks: unless the host does not answer for them. */
	wait_event_timeout(b->changed, !atomic_read(&b->alive), FREE_TIME);
}
