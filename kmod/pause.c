// SPDX-License-Identifier: GPL-2.0-only
/*
 * Pauses: the host keeps the vCPUs of a domain out of the guest for a while.
 *
 *   1. threads of vCPUs
 *   2. who asks
 *
 * A thread counts itself in (running), then looks whether a pause is asked for; who asks for
 * one says so, then kicks all vCPUs, then looks at the count: one of the two sees the other.
 * Whoever is kept sleeps in RUN, so that the holder has nothing to do with it.
 *
 * The domain's clock goes on. Timers that end meanwhile are delivered afterwards, and
 * the guest is told by its clock page that it was stopped: its watchdogs are not to complain.
 */
#include <linux/netlink.h>
#include <linux/rcuwait.h>
#include <linux/sched/signal.h>

#include "domain.h"
#include "pause.h"
#include "vcpu.h"

/* ---- 1. Threads of vCPUs ------------------------------------------------- */

void pause_init(struct domus_pause *p)
{
	init_waitqueue_head(&p->stopped);
}

void pause_enter(struct domus_pause *p)
{
	atomic_inc(&p->running);
	smp_mb__after_atomic();		/* running before the look at asked */
}

void pause_leave(struct domus_pause *p)
{
	if (atomic_dec_and_test(&p->running) && wq_has_sleeper(&p->stopped))
		wake_up_all(&p->stopped);
}

int pause_vcpu(struct domus_vcpu *v)
{
	struct domus_pause *p = &v->d->pause;
	int r;

	pause_leave(p);
	r = rcuwait_wait_event(&v->wait, !pause_asked(p) || READ_ONCE(v->kick),
			       TASK_INTERRUPTIBLE);
	pause_enter(p);
	return r ? -EINTR : 0;
}

/* ---- 2. Who asks ---------------------------------------------------------- */

bool domain_paused(const struct domus_domain *d)
{
	return pause_asked(&d->pause) && !atomic_read(&d->pause.running);
}

int domain_pause(struct domus_domain *d, struct netlink_ext_ack *extack)
{
	struct domus_pause *p = &d->pause;
	long left;

	if (domain_dead(d))
		return -ESHUTDOWN;
	if (xchg(&p->asked, true) && domain_paused(d)) {
		NL_SET_ERR_MSG(extack, "the domain is paused already");
		return -EALREADY;
	}
	domain_kick(d);		/* asked before the kicks: xchg() is a barrier */
	left = wait_event_interruptible_timeout(p->stopped, domain_dead(d) || !pause_asked(p) ||
						!atomic_read(&p->running), HZ);
	if (left < 0)
		return -EINTR;
	if (domain_dead(d))
		return -ESHUTDOWN;
	if (!pause_asked(p)) {
		NL_SET_ERR_MSG(extack, "the domain was unpaused meanwhile");
		return -ECANCELED;
	}
	if (!left) {
		NL_SET_ERR_MSG(extack, "a vCPU waits for the host's memory or files: ask again");
		return -EAGAIN;
	}
	if (!xchg(&p->told, true))
		domain_notify(d, DOMUS_EVENT_PAUSED);
	return 0;
}

int domain_unpause(struct domus_domain *d, struct netlink_ext_ack *extack)
{
	struct domus_pause *p = &d->pause;

	if (domain_dead(d))
		return -ESHUTDOWN;
	if (pause_asked(p))
		clock_say_stopped(d);	/* before the guest runs and looks */
	if (!xchg(&p->asked, false)) {
		NL_SET_ERR_MSG(extack, "the domain is not paused");
		return -EALREADY;
	}
	domain_kick(d);
	wake_up_all(&p->stopped);
	if (xchg(&p->told, false))
		domain_notify(d, DOMUS_EVENT_UNPAUSED);
	return 0;
}
