/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * vCPUs other than the first: each has a page, a stack, and does what it is told. They
 * share everything else: console, trap handlers and user mode are the first one's.
 */
#ifndef SMP_H
#define SMP_H

#include "guest.h"

#define EBUSY	16
#define EFAULT	14
#define EINVAL	22

/**
 * struct cpu
 * @page: its vCPU page
 * @init: what VCPU_UP is given
 * @fn, @arg: what it is to do; then it goes down
 */
struct cpu {
	struct domus_vcpu_page *page;
	u8 *stack_top;
	struct domus_vcpu_init init;
	void (*fn)(u64 arg);
	u64 arg;
};

extern struct cpu cpus[DOMUS_MAX_VCPUS];

/* Give vCPUs 1 to @nr - 1 pages and stacks. */
void smp_init(unsigned int nr);

/* Start it with what cpu_prepare() put into cpus[nr].init. Return: of VCPU_UP. */
void cpu_prepare(unsigned int nr, void (*fn)(u64 arg), u64 arg);
long cpu_up(unsigned int nr, void (*fn)(u64 arg), u64 arg);
/* Wait until it has gone down. False: it has not after a minute. */
bool cpu_is_down(unsigned int nr);

/*
 * All others do @fn, each with its number, for as long as others_go_on(): until
 * others_stop(), which is false when one does not go down. After smp_init(others_all()).
 */
static inline unsigned int others_all(void) { return guest_info->vcpus; }
void others_start(void (*fn)(u64 me));
bool others_go_on(void);
bool others_stop(void);

/* The calling vCPU's. */
static inline struct domus_vcpu_page *my_page(void)
{
	u64 page;

	asm volatile("movq %%gs:%c1, %0" : "=r"(page) : "i"(DOMUS_VP_KERNEL_GS));
	return (struct domus_vcpu_page *)page;
}

/* Bind and unmask a port. */
u32 port_open(u64 kind, u64 vcpu);
/* The usual event handler: counts in port_count[] what comes to the calling vCPU's ports. */
bool port_event(struct guest_regs *regs);
extern u32 port_count[DOMUS_MAX_PORTS];
extern u8 port_vcpu[DOMUS_MAX_PORTS];	/* + 1; 0: nobody's */

/* Sleep until it is true, which an event makes it. Events are off then. */
#define sleep_until(condition)						\
({									\
	while (my_page()->vif = 0, !(condition))			\
		hc0(DOMUS_HC_BLOCK);					\
})

/* Let others run until it is true, or for a minute; the last value. */
#define within(condition)						\
({									\
	u64 __end = hc1(DOMUS_HC_GET_TIME, DOMUS_TIME_MONOTONIC) + 60000000000UL;	\
	bool __is;							\
	while (!(__is = (condition)) &&					\
	       (u64)hc1(DOMUS_HC_GET_TIME, DOMUS_TIME_MONOTONIC) < __end)	\
		hc0(DOMUS_HC_YIELD);					\
	__is;								\
})

static inline u32 get(const u32 *from) { return __atomic_load_n(from, __ATOMIC_SEQ_CST); }
static inline void set(u32 *to, u32 value) { __atomic_store_n(to, value, __ATOMIC_SEQ_CST); }

#endif /* SMP_H */
