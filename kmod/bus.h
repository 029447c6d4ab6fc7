/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Devices of a domain: slots, config space, status, queues. Backends (blk.c ...)
 * register nothing: control makes a device with a backend's operations.
 *
 * Locks, outermost first, inside of domain.lock and vcpu.run_lock:
 *   bus.lock (mutex)         the slots; who is named how
 *   bus_device.lock (mutex)  status, features, config space, set-up of queues
 *   bus_queue.pop (mutex)    available side of a ring; submission of requests
 *   mmap_lock of the holder
 *   bus_queue.push (spinlock, irqs off)  used side; completions
 *   event lock
 *
 * Submission may wait for the host's disks without bound, so that nobody who has to
 * end waits for a pop lock: to disable a queue takes its push lock alone, and what
 * it used is unmapped by whoever gets the pop lock later.
 *
 * A device lives by references: of its slot, of each request that is under way and
 * of whoever looked it up. It keeps the domain's memory, and the module. Out of its
 * slot it is gone: nothing reaches the guest any more, whatever a request does later.
 */
#ifndef DOMUS_BUS_H
#define DOMUS_BUS_H

#include <linux/kref.h>
#include <linux/kthread.h>
#include <linux/mutex.h>
#include <linux/spinlock.h>
#include <linux/types.h>
#include <linux/wait.h>
#include <linux/workqueue.h>

#include <uapi/asm/domus_guest.h>

#include "bus_rate.h"
#include "gmem.h"
#include "vring.h"

#define BUS_IO_WORKERS	4

struct bus_device;
struct bus_queue;
struct domus_domain;
struct netlink_ext_ack;

/**
 * struct bus_ops - a backend
 * @type: device ID of VIRTIO
 * @kind: its name, for people
 * @single: why a domain can have no second one, for people; NULL: it can
 * @config: called with the device's lock held; @offset and @len lie within
 *	config_size; write may be NULL: config space is read-only
 * @plug: it is in its slot; bus.lock held. May be NULL
 * @start: the driver is ready (DRIVER_OK). Return: 0, or < 0: it is not to be
 * @stop: it is not any more; may be called without @start. No queue is popped
 *	from here on, requests under way may go on. Device's lock held
 * @disabled: a queue was, by the guest: give back what would stay with the device. May
 *	be NULL. Device's lock held; the pop lock not, so that a kick may be under way
 * @drained: a disabled queue has no request under way any more. May be NULL. Queue's pop lock
 *	held
 * @kick: take what the guest made available. Process context, current->mm is the
 *	holder's, queue's pop lock held
 * @answers: requests under way are the host's to answer, however long that takes: a
 *	device that is taken away by force stays until it has
 * @unplug: it is out of its slot, stopped; no locks held, may wait. May be NULL
 * @io_workers: that what may wait for the host is given to, 0 to BUS_IO_WORKERS
 * @counters: names of @nr_counters counters, @count fills them
 * @free: the last reference is gone: free what contains the device. Process context
 */
struct bus_ops {
	u32 type;
	const char *kind;
	const char *single;
	void (*config_read)(struct bus_device *dev, u32 offset, void *to, u32 len);
	void (*config_write)(struct bus_device *dev, u32 offset, const void *from, u32 len);
	void (*plug)(struct bus_device *dev);
	int (*start)(struct bus_device *dev);
	void (*stop)(struct bus_device *dev);
	void (*disabled)(struct bus_queue *q);
	void (*drained)(struct bus_queue *q);
	void (*kick)(struct bus_queue *q);
	bool answers;
	unsigned int io_workers;
	void (*unplug)(struct bus_device *dev);
	const char *const *counters;
	unsigned int nr_counters;
	void (*count)(struct bus_device *dev, u64 *values);
	void (*free)(struct bus_device *dev);
};

/**
 * struct bus_queue
 * @pop: see above; @push likewise
 * @prompt: not held back by the device's rates: drivers wait for its answers with interrupts
 *	off. By the backend, before the driver is ready
 * @enabled: @ring is set up and used; set under both, cleared under @push
 * @requests: popped and not yet pushed; under @push
 * @areas: of @ring; @config: as the guest described it, under the device's lock
 * @work: a kick by the device's worker
 * @kicks, @buffers, @signals: counters, under @pop, @push, @push
 */
struct bus_queue {
	struct bus_device *dev;
	unsigned int nr;
	struct mutex pop;
	spinlock_t push;
	bool prompt;
	bool enabled;
	unsigned int requests;
	u32 port;
	struct vring_host ring;
	struct gmem_area areas[3];
	struct domus_dev_queue config;
	struct kthread_work work;
	u64 kicks, buffers, signals;
};

/**
 * struct bus_device - embedded by a backend's own structure
 * @set: of two who change different limits at a time none undoes the other's; outermost
 * @d: the domain, referenced since bus_add()
 * @offered: feature bits; @features: accepted by the driver
 * @status: as the driver set it; bus_status() is what it sees
 * @config_generation: counts changes of config space by the host
 * @broken: why the driver must reset it (DEVICE_NEEDS_RESET), or NULL
 * @leaving: the host asked the guest to let go of it
 * @let_go: the guest did
 * @ending: it is taken away by force: the backend fails what is still asked
 * @overdue: that was to be done by now, but for requests that the host has not answered
 * @end_work: takes it away when they are
 * @served: the queue that was last given what there is too little of, by who gives it
 * @worker: kicks queues; @io_workers: bus_io_worker()'s, of which @io_next is next
 */
struct bus_device {
	struct kref ref;
	struct domus_domain *d;
	const struct bus_ops *ops;
	struct mutex lock, set;
	char name[DOMUS_DEV_NAME_MAX + 1];
	u32 slot;
	u32 instance;
	u64 offered, features;
	unsigned int served;
	u32 config_size;
	atomic_t config_generation;
	u32 config_port;
	u8 status;
	bool leaving, let_go, ending, overdue;
	const char *broken;
	unsigned int nr_queues;
	unsigned int queue_max;
	struct bus_queue *queues;
	struct kthread_worker *worker;
	struct kthread_worker *io_workers[BUS_IO_WORKERS];
	atomic_t io_next;
	struct bus_rate rate;
	struct delayed_work end_work;
	struct delayed_work free_work;
};

/**
 * struct bus - devices of a domain
 * @slots: under @lock; read under RCU
 * @changed: woken when a device has gone or was let go, a queue has no more
 *	requests, the domain has died
 */
struct bus {
	struct mutex lock;
	u32 last_instance;
	struct bus_device __rcu *slots[DOMUS_MAX_DEVICES];
	atomic_t alive;		/* devices that were added and are not freed yet */
	atomic_t freeing;	/* those of them that nobody refers to any more */
	wait_queue_head_t changed;
};

int __init bus_init(void);	/* module init: -ENOMEM */
void bus_exit(void);		/* module exit: all devices are freed when it returns */

/* Wait until devices whose last reference has gone are freed, a second at most; killable. */
void bus_flush(void);

void bus_setup(struct bus *b);

/**
 * bus_device_init() - the common part of a new device
 * @dev: zeroed memory of the backend
 * @ops, @features, @config_size, @queues, @queue_max: what it is
 *
 * Context: process. Return: 0, -ENOMEM. On success bus_add() or bus_put() is next,
 * on error the memory is the caller's again.
 */
int bus_device_init(struct bus_device *dev, const struct bus_ops *ops, u64 features,
		    u32 config_size, unsigned int queues, unsigned int queue_max);

/**
 * bus_add() - plug a device
 * @d: the domain, named and not dead; @name: checked here, unique in the domain
 *
 * Takes over the caller's reference on success. Context: process.
 * Return: 0, -EEXIST (name, or bus_ops.single), -EINVAL (name), -ENOSPC (no slot), -ESHUTDOWN.
 */
int bus_add(struct domus_domain *d, struct bus_device *dev, const char *name,
	    struct netlink_ext_ack *extack);

/**
 * bus_remove() - unplug a device
 * @name: of the device
 * @force: whether the guest wants or not, which is given a moment to see its requests
 *	fail; else the guest is asked, and given @timeout jiffies. Requests that the host
 *	does not answer (bus_ops.answers) keep the device: it goes when they are answered
 * @again: the caller will ask again when the time is over: the guest goes on being asked
 *
 * When it has gone it is waited for until it is freed, a second at most: what it held, as
 * a disk's file, is let go of.
 * Context: process, may sleep; killable.
 * Return: 0, -ENOENT, -ETIMEDOUT (the guest holds on: still plugged), -EINTR,
 * -EINPROGRESS (by force: it goes once the host has answered).
 */
int bus_remove(struct domus_domain *d, const char *name, bool force, unsigned long timeout,
	       bool again, struct netlink_ext_ack *extack);

/*
 * The domain reboots: every device is reset. No vCPU runs. @timeout: jiffies, for requests
 * under way. Return: 0, -EINTR when killed meanwhile, -EAGAIN: not all are done, and it is
 * to be called again.
 */
int bus_reset(struct domus_domain *d, unsigned long timeout);

/*
 * The domain ends: all devices go, requests under way on their own. Returns when the
 * devices are freed and what they had of the host is free for others, or after some
 * seconds in which the host did not answer. Context: process, no locks.
 */
void bus_destroy(struct domus_domain *d);

/* The device in a slot, any value, with a reference, or NULL. Context: any but NMI. */
struct bus_device *bus_get_slot(struct bus *b, u64 slot);
void bus_put(struct bus_device *dev);	/* any context but NMI */

/*
 * Config space changed: tell the guest. Any context but NMI: what changes by itself needs
 * no lock, if a reader sees it whole.
 */
void bus_config_changed(struct bus_device *dev);

/* The status that the driver sees. Any context. */
u8 bus_status(const struct bus_device *dev);

/**
 * bus_break() - the guest broke the rules of the device: it must reset it
 * @why: constant text; the first is kept
 *
 * Context: bus_ops.kick.
 */
void bus_break(struct bus_device *dev, const char *why);

/**
 * bus_pop() - take a buffer of a queue: vring_pop() with indirect tables by gmem
 *
 * Context: bus_ops.kick. Return: 1 with a buffer that must be given to bus_push()
 * (a request, which also holds the device); 0 without, or over the device's rate
 * (then the worker kicks again in time); < 0: broken.
 */
int bus_pop(struct bus_queue *q, struct vring_chain *chain);

/*
 * Copy from the segments to read of @chain, from @offset on.
 * Context: bus_ops.kick. Return: 0, -EFAULT (too short, or no memory).
 */
int bus_read_chain(struct bus_queue *q, const struct vring_chain *chain, u32 offset, void *to,
		   u32 len);

/*
 * Copy to the segments to write of @chain, from @offset on.
 * Context: bus_ops.kick. Return: 0, -EFAULT (too short, or no memory).
 */
int bus_write_chain(struct bus_queue *q, const struct vring_chain *chain, u32 offset,
		    const void *from, u32 len);

/*
 * Put the buffer back that bus_pop() gave last: it will be given once more.
 * Context: bus_ops.kick.
 */
void bus_unpop(struct bus_queue *q, const struct vring_chain *chain);

/**
 * bus_push() - give a buffer of bus_pop() back, signal, and drop the request
 * @written: bytes
 *
 * Nothing is written where the queue is no longer enabled. Context: any but NMI.
 */
void bus_push(struct bus_queue *q, u16 id, u32 written);

/*
 * With @fn called under the push lock if the queue is still enabled, for what the
 * backend has to write to guest memory first. Else as bus_push().
 */
void bus_push_with(struct bus_queue *q, u16 id, u32 written, void (*fn)(void *arg), void *arg);

/* As bus_push() for each, seen by the guest all at once, with one signal. */
void bus_push_many(struct bus_queue *q, const struct vring_done *used, unsigned int nr);

/*
 * Something else than a buffer of bus_pop() uses the queue's memory, until bus_release():
 * a reset waits for it. The queue is enabled, device's lock held. Any context for the other.
 */
void bus_hold(struct bus_queue *q);
void bus_release(struct bus_queue *q);

/* Signal the guest, if the queue is enabled, for who pushes without us. Any context but NMI. */
void bus_signal(struct bus_queue *q);

/* Have the worker kick the queue, if it is enabled. Context: any but NMI. */
void bus_queue_work(struct bus_queue *q);

/*
 * Of a device that has too little for all its queues: all are kicked, that one first which is
 * behind bus_device.served. Any context but NMI.
 */
void bus_work_all(struct bus_device *dev);

/*
 * Of a device with bus_ops.io_workers: who does next what may wait for the host without
 * bound, in the holder's cgroups. Context: any, with the device plugged or a request.
 */
struct kthread_worker *bus_io_worker(struct bus_device *dev);

/*
 * Is the queue's next buffer to wait, for the device's rate or for ever? Then there
 * is no use in looking at it now. Context: bus_ops.kick.
 */
bool bus_stalled(struct bus_queue *q);

/*
 * Work of the module's own, which ends before the module does. Any context but NMI.
 * Return: false: it was queued already.
 */
bool bus_queue_system_work(struct work_struct *work);

/* DOMUS_HC_DEV_*: unchecked guest values; context of hypercall(). */
s64 bus_call_config(struct domus_domain *d, const u64 args[6]);
s64 bus_call_queue(struct domus_domain *d, const u64 args[6]);
s64 bus_call_notify(struct domus_domain *d, u64 handle, u64 queue);

#endif /* DOMUS_BUS_H */
