// SPDX-License-Identifier: GPL-2.0-only
/* soft.c: the rule of soft affinity; see soft.h. */
#include "soft.h"

static bool widen(struct soft_rule *rule)
{
	rule->away = rule->away ? 2 * rule->away : SOFT_AWAY_MIN;
	if (rule->away > SOFT_AWAY_MAX)
		rule->away = SOFT_AWAY_MAX;
	rule->wide = true;
	rule->since = 0;
	return true;
}

bool soft_decide(struct soft_rule *rule, uint64_t period, uint64_t waited)
{
	if (!period)
		return false;
	rule->since += period;
	if (!rule->wide && waited > period / SOFT_SHARE)
		return widen(rule);
	if (rule->since < rule->away)
		return false;
	if (!rule->wide) {
		rule->away = 0;
		return false;
	}
	rule->wide = false;
	rule->since = 0;
	return true;
}

bool soft_counts(const struct cpus *hard, const struct cpus *soft, const struct cpus *online)
{
	struct cpus both;
	struct cpus all;

	cpus_and(&all, hard, online);
	cpus_and(&both, &all, soft);
	return !cpus_empty(&both) && !cpus_equal(&both, &all);
}

void soft_place(struct cpus *place, const struct cpus *hard, const struct cpus *soft,
		const struct cpus *online, bool wide)
{
	if (!wide && soft_counts(hard, soft, online))
		cpus_and(place, hard, soft);
	else
		*place = *hard;
}
