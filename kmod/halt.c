// SPDX-License-Identifier: GPL-2.0-only
/*
 * vCPUs that wait: 1. for how long to poll, 2. polling, 3. sleep.
 *
 * To sleep and be woken costs the host two passes of the scheduler and an interrupt to
 * another CPU, which may have to leave an idle state first. So a vCPU whose waits turn
 * out to be short looks out for the end of the next one for a while before it sleeps. It does
 * so on its own thread's account, and only while nobody else wants the CPU.
 */
#include <linux/ktime.h>
#include <linux/math64.h>
#include <linux/minmax.h>
#include <linux/moduleparam.h>
#include <linux/rcuwait.h>
#include <linux/sched.h>
#include <linux/sched/signal.h>
#include <linux/sched/stat.h>

#include <asm/msr.h>
#include <asm/tsc.h>

#include "halt.h"
#include "time.h"
#include "vcpu.h"

/* ---- 1. The window ----------------------------------------------------------------- */

#define WINDOW_FIRST	10000U		/* ns */
#define WINDOW_LIMIT	1000000U

/*
 * Of the order of what a sleep costs where idle CPUs are a hypervisor's to wake: who polls for
 * as long as that, in vain, wastes at most as much as he pays anyway.
 */
static unsigned int halt_poll_ns = 50000;

static int set_poll_ns(const char *text, const struct kernel_param *kp)
{
	return param_set_uint_minmax(text, kp, 0, WINDOW_LIMIT);
}

static const struct kernel_param_ops poll_ns_ops = {
	.set = set_poll_ns,
	.get = param_get_uint,
};

module_param_cb(halt_poll_ns, &poll_ns_ops, &halt_poll_ns, 0644);
MODULE_PARM_DESC(halt_poll_ns,
		 "most that a waiting vCPU polls before it sleeps, in ns: 0 (never) to 1000000 (50000)");

/**
 * struct wait - a wait, in ticks of the TSC where the host reads its clock off that, else in ns
 * @ticks: which of them
 * @begin: when it began
 * @limit: no window may be as long as that, and nothing is learnt from what took longer
 *
 * Most waits are longer: to see so is all that is done behind the sleep, where time counts.
 */
struct wait {
	bool ticks;
	u64 begin, limit;
};

static __always_inline u64 wait_now(const struct wait *w)
{
	return w->ticks ? rdtsc_ordered() : ktime_get_ns();
}

static void wait_begin(struct wait *w, u32 most)
{
	w->ticks = clock_tsc_exact();
	w->limit = w->ticks ? mul_u64_u64_div_u64(most, tsc_khz, NSEC_PER_MSEC) : most;
	w->begin = wait_now(w);
}

/* It is over. A longer window, up to @most, would have caught it: next time it does. */
static void wait_end(const struct wait *w, struct vcpu_halt *h, u32 most)
{
	u64 took = wait_now(w) - w->begin;

	if (took > w->limit) {
		h->window_ns = 0;
		return;
	}
	if (w->ticks)
		took = mul_u64_u64_div_u64(took, NSEC_PER_MSEC, tsc_khz);
	if (took > h->window_ns)
		h->window_ns = min(most, max(2 * h->window_ns, WINDOW_FIRST));
}

/* ---- 2. Polling ----------------------------------------------------------------------- */

/* Nothing that would run here if we slept, and no reason to leave RUN. */
static bool alone(void)
{
	return !need_resched() && !signal_pending(current) && single_task_running();
}

/*
 * A guest chooses how long it waits, so it could make each poll as long as they get, with
 * success or without. Whatever it does, half of its CPU time at most is polling: each ns of it
 * has to be paid by two of the thread's runtime, of which it is one itself. What was not
 * polled is not saved up for long: but for more than a tick, as runtime is counted by those.
 */
#define SAVED_NS	(10 * NSEC_PER_MSEC)

static bool may_poll(struct domus_vcpu *v)
{
	struct vcpu_halt *h = &v->halt;

	if (!h->window_ns || !alone())
		return false;
	vcpu_count_runtime(v);
	if (h->paid_ns <= v->runtime_ns)
		return true;
	h->spent++;
	return false;
}

static void pay(struct domus_vcpu *v, u64 ns)
{
	struct vcpu_halt *h = &v->halt;

	if (v->runtime_ns > SAVED_NS)
		h->paid_ns = max(h->paid_ns, v->runtime_ns - SAVED_NS);
	h->paid_ns += 2 * ns;
}

/*
 * Who ends a wait does that by a kick, after all else that he writes. To go on when only
 * the event can be seen would have us back in the guest in time for the kick to hit it there.
 */
static bool woken(const struct domus_vcpu *v, bool by_poke)
{
	return READ_ONCE(v->kick) || (by_poke && READ_ONCE(v->poked));
}

/* For the window's time, if that. */
static void poll_window(struct domus_vcpu *v, bool by_poke)
{
	struct vcpu_halt *h = &v->halt;
	u64 begin = ktime_get_ns();
	u64 ns = 0;
	bool done;

	h->attempted++;
	do {
		done = woken(v, by_poke);
		if (done || !alone())
			break;
		cpu_relax();
		ns = ktime_get_ns() - begin;
	} while (ns < h->window_ns);
	if (done) {
		h->successful++;
		h->success_ns += ns;
	} else {
		h->fail_ns += ns;
	}
	pay(v, ns);
}

/* ---- 3. Sleep ------------------------------------------------------------------------- */

static bool is_over(const struct domus_vcpu *v, bool by_poke)
{
	return woken(v, by_poke) ||
	       (READ_ONCE(v->page->vif) && READ_ONCE(v->page->pending));
}

int halt_vcpu(struct domus_vcpu *v, bool by_poke)
{
	u32 most = READ_ONCE(halt_poll_ns);
	struct wait w;
	bool poll;
	int r;

	/* a wait that is none says nothing of others */
	if (is_over(v, by_poke))
		return 0;
	v->halt.window_ns = min(v->halt.window_ns, most);
	poll = may_poll(v);
	wait_begin(&w, most);
	if (poll)
		poll_window(v, by_poke);
	timer_settle(v);
	/* a signal ends the wait: RUN comes back, sees nothing pending, guest blocks anew */
	r = rcuwait_wait_event(&v->wait, is_over(v, by_poke), TASK_INTERRUPTIBLE);
	wait_end(&w, &v->halt, most);
	return r ? -EINTR : 0;
}
