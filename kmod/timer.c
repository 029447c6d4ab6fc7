// SPDX-License-Identifier: GPL-2.0-only
/*
 * One-shot timers of vCPUs: 1. deadlines and looks, 2. expiry, 3. what others ask for.
 *
 * What a kernel does at each of its ticks is to set the deadline of the next. So that this
 * needs no call, the deadline is in the vCPU's page, and after each that is over the timer is
 * armed once more, for the host's next tick, when the CPU is interrupted anyway: to look
 * whether the guest has a deadline by then, or has a later one, for which it is armed then.
 * The page says from when on deadlines are seen that way; for one before that the guest calls.
 *
 * Guest and host order their accesses alike: write what the other one reads (the guest its
 * deadline, the host from when on it looks), full barrier, read what the other one has written.
 * One of them sees the other's.
 *
 * The page is the guest's to write. It is read once where something follows from it, and all
 * that a guest can have by it are the expiries that it could have by calls.
 */
#include <linux/hrtimer.h>
#include <linux/ktime.h>
#include <linux/math64.h>
#include <linux/smp.h>
#include <linux/timekeeping.h>

#include "domain.h"
#include "event.h"
#include "timer.h"
#include "vcpu.h"

/* ---- 1. Deadlines and looks ---------------------------------------------------------- */

/*
 * A look is due LOOK_LEAD before the tick, so that it has its turn in the tick's interrupt
 * whichever of them comes first there, and does not interrupt on its own before LOOK_SLACK
 * later. Less than either is lost in what an interrupt takes. What is over by then is signalled.
 * Deadlines from LOOK_WINDOW before the tick on are left to it.
 */
#define LOOK_LEAD	500		/* ns */
#define LOOK_SLACK	2000
#define LOOK_WINDOW	2000

/* The host's time of a deadline; far beyond any uptime is as good as the end of time. */
static ktime_t host_time(const struct domus_vcpu *v, u64 deadline_ns)
{
	u64 when = deadline_ns + v->d->clock.base_ns;

	if (when < deadline_ns || when > KTIME_MAX)
		return KTIME_MAX;
	return ns_to_ktime(when);
}

/*
 * The host's first tick after a look or a deadline at @ns, and after now. The coarse clock
 * is at most a tick late, if at all: then there is one look in vain.
 */
static u64 next_tick(const struct domus_vcpu *v, u64 ns)
{
	u64 now = ktime_to_ns(ktime_get_coarse_boottime()) - v->d->clock.base_ns;

	if ((s64)(now - ns) < LOOK_WINDOW)
		now = ns + LOOK_WINDOW;
	return (div_u64(now, TICK_NSEC) + 1) * TICK_NSEC;
}

/* Let the guest know, before anything is read of it again. */
static void show_from(struct domus_vcpu *v, u64 ns)
{
	WRITE_ONCE(v->page->timer_from_ns, ns);
	smp_mb();	/* pairs with the guest's between its deadline and this */
}

/* ---- 2. Expiry ------------------------------------------------------------------------- */

/* The deadline @ns is over: look again soon, where that costs no interrupt. */
static enum hrtimer_restart look_again(struct domus_vcpu *v, u64 ns)
{
	struct vcpu_timer *t = &v->timer;
	u64 tick;

	/* elsewhere by now: its next deadline brings the timer there */
	if (READ_ONCE(v->last_cpu) != raw_smp_processor_id()) {
		show_from(v, DOMUS_TIMER_OFF);
		return HRTIMER_NORESTART;
	}
	tick = next_tick(v, ns);
	WRITE_ONCE(t->looks, true);
	hrtimer_set_expires_range_ns(&t->hrtimer, host_time(v, tick - LOOK_LEAD), LOOK_SLACK);
	show_from(v, tick - LOOK_WINDOW);
	return HRTIMER_RESTART;
}

/* Nothing to signal at @ns, when it expired: there is a later deadline, or none. */
static enum hrtimer_restart wait_for(struct domus_vcpu *v, u64 deadline_ns)
{
	struct vcpu_timer *t = &v->timer;

	WRITE_ONCE(t->looks, false);
	show_from(v, deadline_ns);
	if (deadline_ns == DOMUS_TIMER_OFF)
		return HRTIMER_NORESTART;
	hrtimer_set_expires(&t->hrtimer, host_time(v, deadline_ns));
	return HRTIMER_RESTART;
}

/*
 * In hard interrupt context, on the CPU where it was armed. The page stays: it goes only when
 * the timer is off. A guest that runs elsewhere meanwhile may set another deadline between
 * what is read and what is written: once more, then. Who does so again gets an event early,
 * and calls for the next.
 */
static enum hrtimer_restart timer_fired(struct hrtimer *hrtimer)
{
	struct domus_vcpu *v = container_of(hrtimer, struct domus_vcpu, timer.hrtimer);
	u64 *deadline = &v->page->timer_ns;
	u64 ns = ktime_to_ns(hrtimer_get_softexpires(hrtimer)) - v->d->clock.base_ns;
	enum hrtimer_restart again;
	unsigned int i;
	u64 seen;

	for (i = 0; i < 2; i++) {
		seen = READ_ONCE(*deadline);
		if (seen <= ns) {
			again = look_again(v, ns);
			if (cmpxchg(deadline, seen, DOMUS_TIMER_OFF) == seen)
				goto signal;
		} else {
			again = wait_for(v, seen);
			if (READ_ONCE(*deadline) == seen)
				return again;
		}
	}
	again = wait_for(v, DOMUS_TIMER_OFF);
signal:
	event_signal(v->d, READ_ONCE(v->timer.port));
	return again;
}

/* ---- 3. What others ask for ------------------------------------------------------------ */

void timer_init_vcpu(struct domus_vcpu *v)
{
	hrtimer_init(&v->timer.hrtimer, CLOCK_BOOTTIME, HRTIMER_MODE_ABS);
	v->timer.hrtimer.function = timer_fired;
}

void timer_cancel_vcpu(struct domus_vcpu *v)
{
	hrtimer_cancel(&v->timer.hrtimer);
}

void timer_start_page(struct domus_vcpu *v)
{
	v->timer.looks = false;
	WRITE_ONCE(v->page->timer_ns, DOMUS_TIMER_OFF);
	WRITE_ONCE(v->page->timer_from_ns, DOMUS_TIMER_OFF);
}

/* The timer is off, so nobody but us arms it. */
static void arm(struct domus_vcpu *v, u64 deadline_ns)
{
	WRITE_ONCE(v->timer.looks, false);
	WRITE_ONCE(v->page->timer_from_ns, deadline_ns);
	if (deadline_ns != DOMUS_TIMER_OFF)
		hrtimer_start(&v->timer.hrtimer, host_time(v, deadline_ns), HRTIMER_MODE_ABS);
}

void timer_set(struct domus_vcpu *v, u64 deadline_ns)
{
	/* what it does where it is now must not mix with what we do */
	hrtimer_cancel(&v->timer.hrtimer);
	WRITE_ONCE(v->page->timer_ns, deadline_ns);
	arm(v, deadline_ns);
}

void timer_resume(struct domus_vcpu *v)
{
	arm(v, READ_ONCE(v->page->timer_ns));
}

void timer_settle(struct domus_vcpu *v)
{
	if (!READ_ONCE(v->timer.looks))
		return;
	hrtimer_cancel(&v->timer.hrtimer);
	timer_resume(v);
}
