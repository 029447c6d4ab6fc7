/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What CPUs of one guest do to each other, measured in ticks (ticks.h). Nothing here is
 * of one hypervisor: smpcosts.c brings along what is domus's, selftests/bench what is Xen's.
 */
#ifndef COSTS_H
#define COSTS_H

#include "ticks.h"

#ifndef COSTS_ROUNDS
#define COSTS_ROUNDS	101
#endif
#define COSTS_TARGETS	4	/* CPUs 1 to 4; 0 measures */
#define COSTS_MASK	(((1UL << COSTS_TARGETS) - 1) << 1 | 1)

/**
 * struct costs_ops - what a hypervisor's guest has to bring along
 * @window: where frame 0 is mapped
 * @start: CPU @nr calls fn(nr), which returns
 * @flush: take the window's page out of the TLBs of all CPUs
 * @change: map frame 0 or 1 at the window, for all CPUs
 * @send: interrupt CPU 1
 * @halt: of the calling CPU, until its handler has been called
 *
 * The first byte of a frame is its number plus 1.
 */
struct costs_ops {
	volatile unsigned char *window;
	void (*start)(unsigned int nr, void (*fn)(u64 nr));
	void (*flush)(void);
	void (*change)(unsigned int frame);
	void (*send)(void);
	void (*halt)(void);
};

/**
 * struct costs - medians
 * @wake: from send() to the handler's first instruction on a CPU that was halted
 * @flush: flush(), while all targets compute and have the page in their TLBs
 * @change: change(), likewise
 * @stale: reads of a page that was not there any more
 */
struct costs {
	u64 wake, flush, change;
	unsigned int stale;
};

void costs_measure(const struct costs_ops *ops, struct costs *out);

/*
 * The entry of CPU 1's interrupts, in assembly: its first act is to note the time, then
 * it goes on at @next with all registers as they were.
 */
#define COSTS_ENTRY(name, next)						\
	asm(".pushsection .text\n" #name ":\n"				\
	    "mov %rax, costs_saved(%rip)\n mov %rdx, costs_saved + 8(%rip)\n"	\
	    "rdtsc\n shl $32, %rdx\n or %rdx, %rax\n mov %rax, costs_woken(%rip)\n"	\
	    "mov costs_saved(%rip), %rax\n mov costs_saved + 8(%rip), %rdx\n"	\
	    "jmp " next "\n.popsection\n");				\
	extern const unsigned char name[]

extern volatile u64 costs_woken;
extern u64 costs_saved[2];

#endif /* COSTS_H */
