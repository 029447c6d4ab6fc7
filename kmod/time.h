/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef DOMUS_TIME_H
#define DOMUS_TIME_H

#include <linux/spinlock.h>
#include <linux/types.h>

struct domus_domain;
struct domus_clock_page;

/**
 * struct domus_clock - a domain's clock: host's CLOCK_BOOTTIME minus @base_ns
 * @tsc, @ns, @mul, @shift: what the page says: @ns at @tsc, and the rate since; @ns 0: nothing
 * @page: the guest's clock page or NULL; it and what it says written under @lock
 */
struct domus_clock {
	spinlock_t lock;
	u64 base_ns;
	u64 tsc;
	u64 ns;
	u32 mul;
	s8 shift;
	struct page *pin;
	struct domus_clock_page *page;
};

int time_init(void);	/* module: learns of clocksource changes */
void time_exit(void);

void clock_init(struct domus_clock *c);
void clock_start(struct domus_domain *d);	/* domain time 0 is the host's last tick */
void clock_stop(struct domus_domain *d);	/* unpins the page; no vCPU runs */
/* DOMUS_HC_SET_CLOCK_PAGE: 0 removes. Holder's process context. 0, -EINVAL, -EFAULT. */
int clock_set_page(struct domus_domain *d, u64 gpa);
/* Its page says that the guest was stopped. Any context. */
void clock_say_stopped(struct domus_domain *d);
/* DOMUS_HC_GET_TIME: ns, or -EINVAL. */
s64 clock_get(struct domus_domain *d, u64 which);
/* Is DOMUS_F_TSC_CLOCK true on this host now: its clocksource is tsc? */
bool clock_tsc_exact(void);

#endif /* DOMUS_TIME_H */
