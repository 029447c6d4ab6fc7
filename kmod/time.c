// SPDX-License-Identifier: GPL-2.0-only
/*
 * Time: 1. the host's clocksource, 2. the domain's clock and its page. Timers are in timer.c.
 *
 * Domain time is the host's CLOCK_BOOTTIME from the start on: it goes on while
 * the host is suspended. The page lets the guest compute it from the TSC, at the
 * rate that the host's own clock has now. It is written anew when that is steered
 * or set, and every minute, and never so that the guest's clock would step back.
 */
#include <linux/hrtimer.h>
#include <linux/irq_work.h>
#include <linux/math64.h>
#include <linux/mm.h>
#include <linux/notifier.h>
#include <linux/pvclock_gtod.h>
#include <linux/timekeeper_internal.h>
#include <linux/timekeeping.h>
#include <linux/workqueue.h>
#include <asm/pvclock.h>
#include <asm/tsc.h>

#include "domain.h"
#include "time.h"
#include "vcpu.h"

#define REFRESH	(60 * HZ)

/* ---- 1. The host's clocksource ---------------------------------------------------- */

static bool host_tsc;	/* the clocksource is tsc */
static u64 host_rate;	/* its mult, and shift << 32; 0 while it is not */

/* mult dithers by one from tick to tick; less than this is not worth a new page */
#define RATE_SLACK	8

void clock_say_stopped(struct domus_domain *d)
{
	struct domus_clock *c = &d->clock;
	unsigned long flags;

	spin_lock_irqsave(&c->lock, flags);
	if (c->page)
		WRITE_ONCE(c->page->flags, READ_ONCE(c->page->flags) | DOMUS_CLOCK_STOPPED);
	spin_unlock_irqrestore(&c->lock, flags);
}

static void refresh_all(struct work_struct *work);
static DECLARE_DELAYED_WORK(refresh_work, refresh_all);

static void queue_refresh(struct irq_work *work)
{
	mod_delayed_work(system_wq, &refresh_work, 0);
}

static DEFINE_IRQ_WORK(refresh_irq_work, queue_refresh);

/* Called with the timekeeper locked, at every tick: wake nobody from here. */
static int clock_changed(struct notifier_block *nb, unsigned long was_set, void *data)
{
	struct timekeeper *tk = data;
	bool tsc = tk->tkr_mono.clock->vdso_clock_mode == VDSO_CLOCKMODE_TSC;
	u64 rate = tsc ? tk->tkr_mono.mult | (u64)tk->tkr_mono.shift << 32 : 0;

	/* the later a steered mult gets here the wronger the page: not at every tick, though */
	if (!was_set && tsc == READ_ONCE(host_tsc) &&
	    rate - READ_ONCE(host_rate) + RATE_SLACK <= 2 * RATE_SLACK)
		return 0;
	WRITE_ONCE(host_rate, rate);
	WRITE_ONCE(host_tsc, tsc);
	irq_work_queue(&refresh_irq_work);
	return 0;
}

static struct notifier_block clock_notifier = { .notifier_call = clock_changed };

/*
 * Where the host reads its own clock off the TSC, in user space, on any CPU, and
 * at one rate, a guest may as well. On CPUs without an invariant TSC that is the
 * administrator's word (tsc=reliable) or the clocksource watchdog's.
 */
bool clock_tsc_exact(void)
{
	return READ_ONCE(host_tsc);
}

int time_init(void)
{
	int r = pvclock_gtod_register_notifier(&clock_notifier);

	if (!r)
		schedule_delayed_work(&refresh_work, REFRESH);
	return r;
}

void time_exit(void)
{
	pvclock_gtod_unregister_notifier(&clock_notifier);
	irq_work_sync(&refresh_irq_work);
	cancel_delayed_work_sync(&refresh_work);
}

/* ---- 2. The clock and its page ------------------------------------------------------ */

void clock_init(struct domus_clock *c)
{
	spin_lock_init(&c->lock);
}

/*
 * The host's ticks are at whole TICK_NSEC of its CLOCK_MONOTONIC: let them be so in the domain's
 * time, for guests that want theirs together with them.
 */
void clock_start(struct domus_domain *d)
{
	u64 now = ktime_get_ns();
	u32 since_tick;

	div_u64_rem(now, TICK_NSEC, &since_tick);
	d->clock.base_ns = ktime_mono_to_any(now - since_tick, TK_OFFS_BOOT);
	d->clock.ns = 0;
}

static u64 domain_ns(const struct domus_clock *c)
{
	return ktime_get_boottime_ns() - c->base_ns;
}

/* mul and shift so that ns = (ticks << shift) * mul >> 32, mul with its top bit set */
static void set_scale(struct domus_clock *c)
{
	u64 rate = READ_ONCE(host_rate), khz = tsc_khz ? tsc_khz : 1, mul;
	s8 shift = 0;

	/* the host's is ns = ticks * mult >> shift */
	if (rate)
		mul = (rate & U32_MAX) << (32 - min_t(u64, rate >> 32, 32));
	else
		mul = div64_u64((u64)NSEC_PER_MSEC << 32, khz);
	for (; mul > U32_MAX; mul >>= 1)
		shift++;
	for (; mul && !(mul & BIT_ULL(31)); mul <<= 1)
		shift--;
	c->mul = mul;
	c->shift = shift;
}

/*
 * What the page says and what the host's clock says differ by what the rate was
 * wrong since the last time. Ahead is caught up at once. Behind must not show as
 * a step: stay, and go slower for the next period.
 */
#define SLEW_MAX	NSEC_PER_MSEC

static void set_clock(struct domus_clock *c)
{
	u64 tsc = rdtsc_ordered(), now = domain_ns(c), shown;

	/* who shifts last has one more, of what is lost here */
	shown = c->ns + pvclock_scale_delta(tsc - c->tsc, c->mul, c->shift) + 1;
	set_scale(c);
	if (c->ns && shown > now && shown - now < SLEW_MAX) {
		c->mul -= mul_u64_u64_div_u64(c->mul, shown - now,
					      (u64)NSEC_PER_SEC * (REFRESH / HZ));
		now = shown;
	}
	c->tsc = tsc;
	c->ns = now;
}

static void write_page(struct domus_clock *c)
{
	struct domus_clock_page *page = c->page;
	u32 version;

	lockdep_assert_held(&c->lock);
	if (!page)
		return;
	set_clock(c);
	version = READ_ONCE(page->version) | 1;
	WRITE_ONCE(page->version, version);
	smp_wmb();	/* odd before the fields */
	page->tsc_timestamp = c->tsc;
	page->system_time = c->ns;
	page->tsc_to_system_mul = c->mul;
	page->tsc_shift = c->shift;
	page->tsc_khz = tsc_khz;
	/* the guest clears STOPPED */
	page->flags = (READ_ONCE(page->flags) & DOMUS_CLOCK_STOPPED) |
		      (clock_tsc_exact() ? DOMUS_CLOCK_STABLE : 0);
	page->wall_base_ns = ktime_get_real_ns() - c->ns;
	smp_wmb();	/* the fields before even */
	WRITE_ONCE(page->version, version + 1);
}

static void refresh_all(struct work_struct *work)
{
	struct domus_domain *d;
	unsigned long flags;

	mutex_lock(&domus_list_lock);
	list_for_each_entry(d, &domus_domains, link) {
		spin_lock_irqsave(&d->clock.lock, flags);
		write_page(&d->clock);
		spin_unlock_irqrestore(&d->clock.lock, flags);
	}
	mutex_unlock(&domus_list_lock);
	schedule_delayed_work(&refresh_work, REFRESH);
}

static void swap_clock_page(struct domus_clock *c, struct page *page)
{
	struct page *old;
	unsigned long flags;

	spin_lock_irqsave(&c->lock, flags);
	old = c->pin;
	c->pin = page;
	c->page = page ? page_address(page) : NULL;
	write_page(c);
	spin_unlock_irqrestore(&c->lock, flags);
	if (old)
		gmem_unpin(old);
}

int clock_set_page(struct domus_domain *d, u64 gpa)
{
	struct page *page = NULL;

	if (gpa) {
		page = gmem_pin(&d->gmem, gpa);
		if (IS_ERR(page))
			return PTR_ERR(page);
	}
	swap_clock_page(&d->clock, page);
	return 0;
}

void clock_stop(struct domus_domain *d)
{
	swap_clock_page(&d->clock, NULL);
}

s64 clock_get(struct domus_domain *d, u64 which)
{
	switch (which) {
	case DOMUS_TIME_MONOTONIC:
		return domain_ns(&d->clock);
	case DOMUS_TIME_WALL:
		return ktime_get_real_ns();
	}
	return -EINVAL;
}
