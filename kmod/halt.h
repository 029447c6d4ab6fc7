/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef DOMUS_HALT_H
#define DOMUS_HALT_H

#include <linux/types.h>

struct domus_vcpu;

/**
 * struct vcpu_halt - how a vCPU has waited, and what it learned of that
 * @window_ns: for how long it polls before it sleeps; see halt.c
 * @paid_ns: it may poll when its thread's runtime is above this
 * @attempted, @successful: polls, and those that saw what they waited for
 * @success_ns, @fail_ns: what they took, and the others
 * @spent: polls that there were not, as the vCPU had polled for as long as it may
 *
 * Written by the vCPU's thread alone.
 */
struct vcpu_halt {
	u32 window_ns;
	u64 paid_ns;
	u64 attempted, successful;
	u64 success_ns, fail_ns;
	u64 spent;
};

/**
 * halt_vcpu() - wait for what ends BLOCK or VCPU_WAIT
 * @v: own vCPU, online
 * @by_poke: VCPU_KICK of another vCPU ends it, too
 *
 * It ends with events on and one pending, with a kick of the hypervisor's, and with a signal.
 * Context: process, irqs on, sleeps. Return: 0, or -EINTR: leave RUN.
 */
int halt_vcpu(struct domus_vcpu *v, bool by_poke);

#endif /* DOMUS_HALT_H */
