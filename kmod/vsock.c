// SPDX-License-Identifier: GPL-2.0-only
/*
 * The virtio socket device (VIRTIO 1.2, 5.10) in front of the host's vhost-vsock.
 *
 *   1. eventfds
 *   2. what the holder is to do
 *   3. config space, status, doorbell
 *   4. making and asking
 *
 * vhost-vsock wants an owner whose memory the rings lie in, who tells it where they are.
 * That is the holder, which waits for our word (vsock_wait()) and says when it has done so.
 * While it may have told vhost of the rings each of them counts a request: a reset of the
 * device waits for the holder as it does for a disk.
 */
#include <linux/err.h>
#include <linux/eventfd.h>
#include <linux/file.h>
#include <linux/netlink.h>
#include <linux/poll.h>
#include <linux/slab.h>
#include <uapi/linux/virtio_ids.h>
#include <uapi/linux/virtio_ring.h>
#include <uapi/linux/virtio_vsock.h>

#include "bus.h"
#include "domain.h"
#include "vsock.h"

#define QUEUE_SIZE	256U
#define QUEUES		3U	/* the last one is of events, of which vhost has none */
#define VHOST_QUEUES	DOMUS_VHOST_QUEUES

/* What of vhost's features a guest may have. */
#define FEATURES	(BIT_ULL(VIRTIO_VSOCK_F_SEQPACKET) |		\
			 BIT_ULL(VIRTIO_RING_F_INDIRECT_DESC) |		\
			 BIT_ULL(VIRTIO_RING_F_EVENT_IDX) | BIT_ULL(VIRTIO_F_VERSION_1))

/*
 * An eventfd that vhost signals.
 *
 * @head: its wait queue, NULL: @wait is not in it
 */
struct link {
	struct vsock_device *v;
	unsigned int nr;
	struct eventfd_ctx *ctx;
	wait_queue_head_t *head;
	wait_queue_entry_t wait;
	poll_table table;
};

/*
 * A device.
 *
 * @kick: by queue
 * @links: of each queue, and of errors
 * @lock: of all below
 * @wait: the holder, for @generation to change, or the domain's death, of which
 *	@death_wait hears
 * @generation: counts changes of @running
 * @running: vhost is to have the rings; @held: it may have
 * @gone: unplugged
 */
struct vsock_device {
	struct bus_device dev;
	u64 cid;
	struct eventfd_ctx *kick[VHOST_QUEUES];
	struct link links[VHOST_QUEUES + 1];
	struct mutex lock;
	wait_queue_head_t wait;
	wait_queue_entry_t death_wait;
	u32 generation;
	bool running, held, gone;
	struct domus_vhost_queue queues[VHOST_QUEUES];
};

static struct vsock_device *vsock_of(const struct bus_device *dev)
{
	return container_of(dev, struct vsock_device, dev);
}

/* ---- 1. Eventfds ---------------------------------------------------------------- */

/* Any context: the wait queue's lock is held. */
static int link_wake(wait_queue_entry_t *wait, unsigned int mode, int sync, void *key)
{
	struct link *link = container_of(wait, struct link, wait);
	struct bus_device *dev = &link->v->dev;

	if (!(key_to_poll(key) & EPOLLIN))
		return 0;
	if (link->nr < VHOST_QUEUES)
		bus_signal(&dev->queues[link->nr]);
	else if (READ_ONCE(dev->queues[0].enabled))
		bus_break(dev, "the host's vhost cannot use its rings");
	return 0;
}

static void link_queue(struct file *file, wait_queue_head_t *head, poll_table *table)
{
	struct link *link = container_of(table, struct link, table);

	link->head = head;
	add_wait_queue(head, &link->wait);
}

static int link_up(struct vsock_device *v, unsigned int nr, u32 fd)
{
	struct link *link = &v->links[nr];
	struct file *file = eventfd_fget(fd);

	if (IS_ERR(file))
		return PTR_ERR(file);
	link->v = v;
	link->nr = nr;
	link->ctx = eventfd_ctx_fileget(file);
	init_waitqueue_func_entry(&link->wait, link_wake);
	init_poll_funcptr(&link->table, link_queue);
	vfs_poll(file, &link->table);
	fput(file);
	return 0;
}

/* All of them. May be called twice. */
static void links_down(struct vsock_device *v)
{
	unsigned int i;
	u64 count;

	for (i = 0; i < ARRAY_SIZE(v->links); i++) {
		struct link *link = &v->links[i];

		if (link->head)
			eventfd_ctx_remove_wait_queue(link->ctx, &link->wait, &count);
		link->head = NULL;
	}
}

/* ---- 2. What the holder is to do ------------------------------------------------- */

/* Under the lock. */
static void change(struct vsock_device *v, bool running)
{
	v->running = running;
	v->generation++;
	wake_up_all(&v->wait);
}

/* Under the lock: vhost does not have the rings any more. */
static void let_go(struct vsock_device *v)
{
	unsigned int i;

	if (!v->held)
		return;
	v->held = false;
	for (i = 0; i < VHOST_QUEUES; i++)
		bus_release(&v->dev.queues[i]);
}

static struct bus_device *find(struct domus_domain *d)
{
	struct bus_device *dev;
	unsigned int i;

	for (i = 0; i < DOMUS_MAX_DEVICES; i++) {
		dev = bus_get_slot(&d->bus, i);
		if (dev && vsock_is(dev))
			return dev;
		if (dev)
			bus_put(dev);
	}
	return NULL;
}

static void fill(struct vsock_device *v, struct domus_vhost *out)
{
	mutex_lock(&v->lock);
	out->generation = v->generation;
	out->running = v->running;
	out->features = READ_ONCE(v->dev.features);
	memcpy(out->queues, v->queues, sizeof(out->queues));
	mutex_unlock(&v->lock);
}

int vsock_wait(struct domus_domain *d, struct domus_vhost *out)
{
	struct bus_device *dev = find(d);
	u32 done = out->generation;
	struct vsock_device *v;
	int err;

	if (!dev)
		return -ENODEV;
	v = vsock_of(dev);
	mutex_lock(&v->lock);
	if (done == v->generation && !v->running)
		let_go(v);
	mutex_unlock(&v->lock);
	err = wait_event_interruptible(v->wait, READ_ONCE(v->generation) != done ||
				       READ_ONCE(v->gone) || domain_dead(d));
	if (!err && domain_dead(d))
		err = -ESHUTDOWN;
	else if (!err && READ_ONCE(v->gone))
		err = -ENODEV;
	if (!err)
		fill(v, out);
	bus_put(dev);
	return err;
}

/* ---- 3. Config space, status, doorbell ------------------------------------------- */

static void vsock_config_read(struct bus_device *dev, u32 offset, void *to, u32 len)
{
	struct virtio_vsock_config c = { .guest_cid = cpu_to_le64(vsock_of(dev)->cid) };

	memcpy(to, (u8 *)&c + offset, len);
}

/* Where the holder finds a ring. Return: 0, -EINVAL: it is not enabled. */
static int describe(struct bus_queue *q, struct domus_vhost_queue *to)
{
	const struct gmem *g = &q->dev->d->gmem;
	const struct domus_dev_queue *c = &q->config;
	struct vring_area areas[3];

	if (!q->enabled || vring_areas(c->size, false, areas))
		return -EINVAL;
	*to = (struct domus_vhost_queue) {
		.desc = gmem_hva(g, c->desc, areas[0].bytes),
		.avail = gmem_hva(g, c->driver, areas[1].bytes),
		.used = gmem_hva(g, c->device, areas[2].bytes),
		.size = c->size,
	};
	return 0;
}

/* Device's lock held. Without both queues nothing works, and vhost starts none of them. */
static int vsock_start(struct bus_device *dev)
{
	struct vsock_device *v = vsock_of(dev);
	unsigned int i;
	int err = 0;

	mutex_lock(&v->lock);
	if (v->held)
		err = -EBUSY;
	for (i = 0; i < VHOST_QUEUES && !err; i++)
		err = describe(&dev->queues[i], &v->queues[i]);
	for (i = 0; i < VHOST_QUEUES && !err; i++)
		bus_hold(&dev->queues[i]);
	if (!err) {
		v->held = true;
		change(v, true);
	}
	mutex_unlock(&v->lock);
	return err;
}

static void vsock_stop(struct bus_device *dev)
{
	struct vsock_device *v = vsock_of(dev);

	mutex_lock(&v->lock);
	if (v->running)
		change(v, false);
	mutex_unlock(&v->lock);
}

static void vsock_disabled(struct bus_queue *q)
{
	if (q->nr < VHOST_QUEUES)
		vsock_stop(q->dev);
}

static void vsock_kick(struct bus_queue *q)
{
	if (q->nr < VHOST_QUEUES)
		eventfd_signal(vsock_of(q->dev)->kick[q->nr], 1);
}

/* In the bus's wait queue, which hears of much else. */
static int death_wake(wait_queue_entry_t *wait, unsigned int mode, int sync, void *key)
{
	struct vsock_device *v = container_of(wait, struct vsock_device, death_wait);

	if (domain_dead(v->dev.d))
		wake_up_all(&v->wait);
	return 0;
}

static void vsock_plug(struct bus_device *dev)
{
	struct vsock_device *v = vsock_of(dev);

	init_waitqueue_func_entry(&v->death_wait, death_wake);
	add_wait_queue(&dev->d->bus.changed, &v->death_wait);
}

/* The holder may have died, and will not say that it has stopped. */
static void vsock_unplug(struct bus_device *dev)
{
	struct vsock_device *v = vsock_of(dev);

	remove_wait_queue(&dev->d->bus.changed, &v->death_wait);
	links_down(v);
	mutex_lock(&v->lock);
	let_go(v);
	WRITE_ONCE(v->gone, true);
	wake_up_all(&v->wait);
	mutex_unlock(&v->lock);
}

static void vsock_free(struct bus_device *dev)
{
	struct vsock_device *v = vsock_of(dev);
	unsigned int i;

	links_down(v);
	for (i = 0; i < ARRAY_SIZE(v->links); i++)
		if (v->links[i].ctx)
			eventfd_ctx_put(v->links[i].ctx);
	for (i = 0; i < VHOST_QUEUES; i++)
		if (v->kick[i])
			eventfd_ctx_put(v->kick[i]);
	kfree(v);
}

static const struct bus_ops vsock_ops = {
	.type		= VIRTIO_ID_VSOCK,
	.kind		= "vsock",
	.single		= "the domain has a socket device",
	.config_read	= vsock_config_read,
	.plug		= vsock_plug,
	.start		= vsock_start,
	.stop		= vsock_stop,
	.disabled	= vsock_disabled,
	.kick		= vsock_kick,
	.unplug		= vsock_unplug,
	.free		= vsock_free,
};

/* ---- 4. Making and asking -------------------------------------------------------- */

static int take_eventfds(struct vsock_device *v, const struct vsock_params *p,
			 struct netlink_ext_ack *extack)
{
	struct eventfd_ctx *ctx;
	unsigned int i;
	int err = 0;

	for (i = 0; i < VHOST_QUEUES && !err; i++) {
		ctx = eventfd_ctx_fdget(p->fds[i]);
		err = PTR_ERR_OR_ZERO(ctx);
		if (!err)
			v->kick[i] = ctx;
	}
	for (i = 0; i < ARRAY_SIZE(v->links) && !err; i++)
		err = link_up(v, i, p->fds[VHOST_QUEUES + i]);
	if (err)
		NL_SET_ERR_MSG(extack, "eventfds: five files of the asker that are ones");
	return err;
}

struct bus_device *vsock_new(const struct vsock_params *p, struct netlink_ext_ack *extack)
{
	struct vsock_device *v = kzalloc(sizeof(*v), GFP_KERNEL_ACCOUNT);
	int err;

	if (!v)
		return ERR_PTR(-ENOMEM);
	v->cid = p->cid;
	mutex_init(&v->lock);
	init_waitqueue_head(&v->wait);
	err = bus_device_init(&v->dev, &vsock_ops, 0, sizeof(struct virtio_vsock_config),
			      QUEUES, QUEUE_SIZE);
	if (err) {
		kfree(v);
		return ERR_PTR(err);
	}
	/* the rings are vhost's, which has no packed ones */
	v->dev.offered = (p->features & FEATURES) | BIT_ULL(VIRTIO_F_VERSION_1);
	err = take_eventfds(v, p, extack);
	if (!err)
		return &v->dev;
	bus_put(&v->dev);
	return ERR_PTR(err);
}

bool vsock_is(const struct bus_device *dev)
{
	return dev->ops == &vsock_ops;
}

u64 vsock_cid(const struct bus_device *dev)
{
	return vsock_of(dev)->cid;
}
