/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Soft affinity: the CPUs on which a vCPU would rather run, while it need not wait for them.
 *
 * The host's scheduler has nothing of the kind. What it has are the CPUs on which a thread may
 * run, so these are the preferred ones, and more for a while when it had to wait there. Here is
 * the rule; softcpu.h keeps to it. All of it is pure.
 */
#ifndef DOMCTL_SOFT_H
#define DOMCTL_SOFT_H

#include <stdbool.h>
#include <stdint.h>

#include "cpus.h"

#define SOFT_SECOND	1000000000ULL	/* nanoseconds */
#define SOFT_SHARE	10		/* a wait of more than this part of the time is too much */
#define SOFT_AWAY_MIN	(2 * SOFT_SECOND)
#define SOFT_AWAY_MAX	(32 * SOFT_SECOND)

/**
 * struct soft_rule - where a vCPU is; all zero at first
 * @wide: it may run wherever its hard affinity allows
 * @since: how long it has been so, in nanoseconds
 * @away: how long it is wide, or was the last time; 0: its preferred CPUs are not known as busy
 */
struct soft_rule {
	bool wide;
	uint64_t since;
	uint64_t away;
};

/**
 * soft_decide() - should its CPUs change?
 * @period: time since it was last asked, in nanoseconds
 * @waited: how much of it the vCPU has waited for a CPU; more, when that began before
 *
 * One that waited too long is let go for SOFT_AWAY_MIN, and for twice the time when it meets the
 * same on its return, up to SOFT_AWAY_MAX. It starts afresh when it has been back, without
 * waiting, for as long as it was away. Return: whether @rule->wide has changed.
 */
bool soft_decide(struct soft_rule *rule, uint64_t period, uint64_t waited);

/* Does a soft set count? That is: @soft, @hard and @online have some CPUs in common, not all of @hard. */
bool soft_counts(const struct cpus *hard, const struct cpus *soft, const struct cpus *online);

/* Where it may run now: those in common if they count and it is not @wide, else @hard. */
void soft_place(struct cpus *place, const struct cpus *hard, const struct cpus *soft,
		const struct cpus *online, bool wide);

#endif /* DOMCTL_SOFT_H */
