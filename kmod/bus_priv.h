/* SPDX-License-Identifier: GPL-2.0-only */
/* What bus.c, bus_queue.c and bus_call.c share. */
#ifndef DOMUS_BUS_PRIV_H
#define DOMUS_BUS_PRIV_H

#include "bus.h"

/* bus.c */

/*
 * A device that is overdue has no more requests, or no more driver: take it away, after a
 * moment for the guest to see the answers, or @now. Context: any but NMI.
 */
void bus_end(struct bus_device *dev, bool now);
/* bus_queue.c */

/* No buffer is taken or given back from here on, but for one that is being taken. */
void bus_queue_disable(struct bus_queue *q);

/*
 * Of a disabled queue: wait until no request uses the guest's memory, @left jiffies, of
 * which those waited for are taken; MAX_SCHEDULE_TIMEOUT has no end. Device's lock held.
 * Return: 0, -EINTR: killed, -EAGAIN: none is left, -ENODEV: unplugged, or the domain is
 * dead.
 */
int bus_queue_drain(struct bus_queue *q, long *left);

/*
 * DOMUS_QUEUE_ENABLE: @config unchecked. Device's lock not held: the ring is mapped without
 * it. Context: process, current->mm is the holder's. Return: its port, or < 0.
 */
s64 bus_queue_enable(struct bus_queue *q, const struct domus_dev_queue *config);

/* Requests that were taken and not given back: none? Context: any but NMI. */
bool bus_idle(struct bus_device *dev);

/* Is it plugged? What is not must not get queues or ports again. */
bool bus_plugged(const struct bus_device *dev);

/* Have the backend look at the queue. Pop lock not held; current->mm is the holder's. */
void bus_kick(struct bus_queue *q);

/* The same, as the worker does it. */
void bus_worker_kick(struct kthread_work *work);

/* bus_call.c */

/*
 * Back to the state of a device that no driver knows, but for requests under way.
 * Device's lock held.
 */
void bus_quiesce(struct bus_device *dev);

/*
 * And wait for those, as bus_queue_drain(). Device's lock held. Return: 0, or as that: it
 * is as it was, but quiet.
 */
int bus_reset_device(struct bus_device *dev, long *left);

/* bus_user.c */

/**
 * bus_user_charge() - count threads of a device against who has the domain
 * @owner: whose domain it is
 * @nr: threads that are about to be made
 *
 * Always allowed to an asker who may have more processes than RLIMIT_NPROC. Context: process of
 * the asker. Return: 0, -EAGAIN (the limit), -ENOMEM.
 */
int bus_user_charge(kuid_t owner, unsigned int nr);
/* They have ended, or were never made. Context: process. */
void bus_user_uncharge(kuid_t owner, unsigned int nr);

#endif /* DOMUS_BUS_PRIV_H */
