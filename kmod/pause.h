/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef DOMUS_PAUSE_H
#define DOMUS_PAUSE_H

#include <linux/atomic.h>
#include <linux/types.h>
#include <linux/wait.h>

struct domus_domain;
struct domus_vcpu;
struct netlink_ext_ack;

/**
 * struct domus_pause - vCPUs that are kept out of the guest
 * @asked: by the host; written with xchg(), read anywhere with READ_ONCE
 * @told: PAUSED was, for this time; written with xchg()
 * @running: threads in RUN that are not kept: these may be in the guest, or do what it asked
 * @stopped: told when @running comes to 0, when @asked is taken back, and at the end
 */
struct domus_pause {
	bool asked;
	bool told;
	atomic_t running;
	wait_queue_head_t stopped;
};

void pause_init(struct domus_pause *p);

/* A thread begins RUN, and ends it. Process context. */
void pause_enter(struct domus_pause *p);
void pause_leave(struct domus_pause *p);

/* In RUN, where v->kick has been cleared with a barrier behind it. */
static inline bool pause_asked(const struct domus_pause *p)
{
	return READ_ONCE(p->asked);
}

/**
 * pause_vcpu() - keep a vCPU out of the guest
 * @v: of the caller, between pause_enter() and pause_leave()
 *
 * Until nobody wants that any more, it is kicked, or a signal comes: it looks again. Context:
 * the vCPU's thread, sleeps. Return: 0, or -EINTR.
 */
int pause_vcpu(struct domus_vcpu *v);

/* Nothing runs in the guest, or for it but its devices, until domain_unpause(). Any context. */
bool domain_paused(const struct domus_domain *d);

/**
 * domain_pause() - keep all vCPUs out of the guest, also those of later
 * @d: not dead; started or not
 * @extack: text of a refusal
 *
 * Devices go on with what they have been given. Context: process; sleeps for a second at
 * most: generic netlink has a lock that others wait for. Return: 0, when it is so;
 * -EAGAIN: asked for, to be repeated: a thread waits for the host (memory, a file); -EALREADY;
 * -ESHUTDOWN: dead; -ECANCELED: somebody else took it back; -EINTR.
 */
int domain_pause(struct domus_domain *d, struct netlink_ext_ack *extack);

/* The other way. Context: process. Return: 0, -EALREADY, -ESHUTDOWN. */
int domain_unpause(struct domus_domain *d, struct netlink_ext_ack *extack);

#endif /* DOMUS_PAUSE_H */
