/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef DOMUS_TIMER_H
#define DOMUS_TIMER_H

#include <linux/hrtimer.h>
#include <linux/types.h>

struct domus_vcpu;

/**
 * struct vcpu_timer - a vCPU's one-shot timer
 * @hrtimer: its expiry is that of page->timer_ns, or, with @looks, one at which it looks there
 * @port: that it signals; 0: none
 * @looks: @hrtimer is armed for the host's next tick, not for a deadline
 */
struct vcpu_timer {
	struct hrtimer hrtimer;
	u32 port;
	bool looks;
};

/**
 * timer_init_vcpu() - of a vCPU that is being made; nothing is armed
 * @v: the vCPU
 */
void timer_init_vcpu(struct domus_vcpu *v);

/**
 * timer_cancel_vcpu() - stop the timer; when it returns nothing of it runs
 * @v: the vCPU: it is not in RUN, or the caller's own
 *
 * Context: process, interrupts on; not with events.lock held.
 */
void timer_cancel_vcpu(struct domus_vcpu *v);

/**
 * timer_start_page() - what a page of a vCPU that comes online says of its timer
 * @v: the vCPU, with its page; its timer is off
 *
 * Context: process.
 */
void timer_start_page(struct domus_vcpu *v);

/**
 * timer_set() - DOMUS_HC_SET_TIMER
 * @v: the caller's own vCPU, online
 * @deadline_ns: in domain time, any value; one that is over fires at once; DOMUS_TIMER_OFF
 *
 * Context: process, interrupts on.
 */
void timer_set(struct domus_vcpu *v, u64 deadline_ns);

/**
 * timer_resume() - behind timer_cancel_vcpu(): go on by the page's deadline
 * @v: the caller's own vCPU, online
 *
 * Context: process, interrupts on.
 */
void timer_resume(struct domus_vcpu *v);

/**
 * timer_settle() - the vCPU goes to sleep: be woken for its deadline, and for nothing else
 * @v: the caller's own vCPU, online
 *
 * Context: process, interrupts on.
 */
void timer_settle(struct domus_vcpu *v);

#endif /* DOMUS_TIMER_H */
