// SPDX-License-Identifier: GPL-2.0-only
/*
 * What a guest asks of its devices.
 *
 *   1. status (VIRTIO 1.2, 2.1), reset, features
 *   2. calls
 */
#include <linux/nospec.h>
#include <uapi/linux/virtio_config.h>

#include "bus_priv.h"
#include "domain.h"
#include "event.h"

#define STATUS_ALL (VIRTIO_CONFIG_S_ACKNOWLEDGE | VIRTIO_CONFIG_S_DRIVER |	\
		    VIRTIO_CONFIG_S_DRIVER_OK | VIRTIO_CONFIG_S_FEATURES_OK |	\
		    VIRTIO_CONFIG_S_FAILED)

/* ---- 1. Status ------------------------------------------------------------------ */

/* Back to the state of a device that no driver knows, but for requests under way. */
void bus_quiesce(struct bus_device *dev)
{
	unsigned int i;

	lockdep_assert_held(&dev->lock);
	for (i = 0; i < dev->nr_queues; i++)
		bus_queue_disable(&dev->queues[i]);
	dev->ops->stop(dev);
	event_close_device(dev->d, dev->config_port);
	WRITE_ONCE(dev->config_port, 0);
}

int bus_reset_device(struct bus_device *dev, long *left)
{
	unsigned int i;
	int err;

	bus_quiesce(dev);
	for (i = 0; i < dev->nr_queues; i++) {
		err = bus_queue_drain(&dev->queues[i], left);
		if (err)
			return err;
	}
	WRITE_ONCE(dev->status, 0);
	WRITE_ONCE(dev->features, 0);
	WRITE_ONCE(dev->broken, NULL);
	return 0;
}

static s64 set_features(struct bus_device *dev, u64 features)
{
	if (dev->status & VIRTIO_CONFIG_S_FEATURES_OK)
		return -EBUSY;
	if (features & ~dev->offered)
		return -EINVAL;
	WRITE_ONCE(dev->features, features);
	return 0;
}

static s64 set_status(struct bus_device *dev, u64 status)
{
	long left = MAX_SCHEDULE_TIMEOUT;
	u8 news;
	int err;

	if (!status)
		return bus_reset_device(dev, &left);
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
	return bus_status(dev);
}

u8 bus_status(const struct bus_device *dev)
{
	return READ_ONCE(dev->status) |
	       (READ_ONCE(dev->broken) ? VIRTIO_CONFIG_S_NEEDS_RESET : 0);
}

/* The port may be closed by now, and at worst another one of the guest's by its number. */
static void signal_config(struct bus_device *dev)
{
	u32 port = READ_ONCE(dev->config_port);

	if (port)
		event_signal(dev->d, port);
}

void bus_config_changed(struct bus_device *dev)
{
	/* what has changed is seen before the new generation is */
	smp_mb__before_atomic();
	atomic_inc(&dev->config_generation);
	signal_config(dev);
}

/*
 * Without the device's lock, which a reset keeps until all requests are answered, some
 * of them perhaps by the device's worker.
 */
void bus_break(struct bus_device *dev, const char *why)
{
	if (!cmpxchg(&dev->broken, NULL, why))
		signal_config(dev);
}

/* ---- 2. Calls ------------------------------------------------------------------- */

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

static s64 generation(const struct bus_device *dev)
{
	return atomic_read(&dev->config_generation) & S32_MAX;
}

/*
 * Guest memory is the holder's, and may be what takes for ever to come: it is never
 * touched with the device's lock. Return: the generation, which a reader compares.
 */
static s64 config_access(struct bus_device *dev, const u64 args[6])
{
	bool write = args[0] == DOMUS_DEV_WRITE;
	u64 offset = args[2], gpa = args[3], len = args[4];
	u8 buf[CONFIG_CHUNK];
	s64 r = -ENODEV;

	if (offset > dev->config_size || len > dev->config_size - offset ||
	    len > sizeof(buf) || (write && !dev->ops->config_write))
		return -EINVAL;
	if (write && len && gmem_read(&dev->d->gmem, gpa, buf, len))
		return -EFAULT;
	if (mutex_lock_killable(&dev->lock))
		return -EINTR;
	if (bus_plugged(dev)) {
		r = generation(dev);
		if (write && len)
			dev->ops->config_write(dev, offset, buf, len);
		else if (len)
			dev->ops->config_read(dev, offset, buf, len);
	}
	mutex_unlock(&dev->lock);
	if (r >= 0 && !write && len && gmem_write(&dev->d->gmem, gpa, buf, len))
		return -EFAULT;
	return r;
}

static s64 config_port(struct bus_device *dev, u64 vcpu)
{
	int port;

	if (dev->config_port)
		return dev->config_port;
	port = event_bind_device(dev->d, vcpu);
	if (port > 0)
		WRITE_ONCE(dev->config_port, port);
	return port;
}

/* Device's lock held. */
static s64 config_op(struct bus_device *dev, const u64 args[6])
{
	switch (args[0]) {
	case DOMUS_DEV_GET_STATUS:
		return bus_status(dev);
	case DOMUS_DEV_SET_STATUS:
		return set_status(dev, args[2]);
	case DOMUS_DEV_SET_FEATURES:
		return set_features(dev, args[2]);
	case DOMUS_DEV_PORT:
		return config_port(dev, args[2]);
	case DOMUS_DEV_LET_GO:
		WRITE_ONCE(dev->let_go, true);
		wake_up_all(&dev->d->bus.changed);
		bus_end(dev, true);
		return 0;
	default:
		return -EINVAL;
	}
}

/*
 * A vCPU that resets a device waits with the device's lock for what the host's disk does not
 * answer. Others wait for it so that they can be killed: the guest sees none of their -EINTR.
 */
s64 bus_call_config(struct domus_domain *d, const u64 args[6])
{
	struct bus_device *dev;
	s64 r = -ENODEV;

	if (args[0] == DOMUS_DEV_INFO)
		return call_info(d, args[1], args[2]);
	dev = get_handle(d, args[1]);
	if (!dev)
		return -ENODEV;
	if (args[0] == DOMUS_DEV_READ || args[0] == DOMUS_DEV_WRITE) {
		r = config_access(dev, args);
	} else if (mutex_lock_killable(&dev->lock)) {
		r = -EINTR;
	} else {
		if (bus_plugged(dev))
			r = config_op(dev, args);
		mutex_unlock(&dev->lock);
	}
	bus_put(dev);
	return r;
}

static s64 enable(struct bus_queue *q, u64 gpa)
{
	struct domus_dev_queue config;

	if (gmem_read(&q->dev->d->gmem, gpa, &config, sizeof(config)))
		return -EFAULT;
	return bus_queue_enable(q, &config);
}

static s64 disable(struct bus_queue *q)
{
	struct bus_device *dev = q->dev;
	long left = MAX_SCHEDULE_TIMEOUT;
	s64 r = -ENODEV;

	if (mutex_lock_killable(&dev->lock))
		return -EINTR;
	if (bus_plugged(dev)) {
		bus_queue_disable(q);
		if (dev->ops->disabled)
			dev->ops->disabled(q);
		r = bus_queue_drain(q, &left);
	}
	mutex_unlock(&dev->lock);
	return r;
}

/* Without the lock, which a reset may hold for long: guests ask this with events off. */
static s64 set_vcpu(struct bus_queue *q, u64 vcpu)
{
	return event_move_device(q->dev->d, READ_ONCE(q->port), vcpu);
}

static s64 queue_op(struct bus_queue *q, const u64 args[6])
{
	switch (args[0]) {
	case DOMUS_QUEUE_ENABLE:
		return enable(q, args[3]);
	case DOMUS_QUEUE_DISABLE:
		return disable(q);
	case DOMUS_QUEUE_SET_VCPU:
		return set_vcpu(q, args[3]);
	default:
		return -EINVAL;
	}
}

s64 bus_call_queue(struct domus_domain *d, const u64 args[6])
{
	struct bus_device *dev = get_handle(d, args[1]);
	s64 r = -EINVAL;

	if (!dev)
		return -ENODEV;
	if (args[2] < dev->nr_queues)
		r = queue_op(&dev->queues[array_index_nospec(args[2], dev->nr_queues)], args);
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
		bus_kick(&dev->queues[array_index_nospec(queue, dev->nr_queues)]);
		/* drivers may wait for an answer with interrupts off: tell them that none comes */
		r = bus_plugged(dev) ? 0 : -ENODEV;
	}
	bus_put(dev);
	return r;
}
