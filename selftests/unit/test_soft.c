// SPDX-License-Identifier: GPL-2.0-only
/* links: userspace/domctl/soft.c userspace/domctl/affinity.c userspace/domctl/cpus.c userspace/domctl/runtime.c userspace/domctl/port.c userspace/domctl/wire.c userspace/domctl/size.c userspace/domctl/error.c */
/*
 * Soft affinity, without a thread and without time:
 *
 *   1. when a vCPU is let go, and when it comes back
 *   2. where it may run then
 *   3. words of the command line
 */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "affinity.h"
#include "report.h"
#include "soft.h"

#define MS (SOFT_SECOND / 1000)

/* ---- 1. When ---------------------------------------------------------------- */

/* Seconds until it is @wide or not; @waited: of each, in ms. More than 100: never. */
static unsigned int until(struct soft_rule *rule, bool wide, uint64_t waited)
{
	for (unsigned int s = 1; s <= 100; s++)
		if (soft_decide(rule, SOFT_SECOND, waited * MS))
			return rule->wide == wide ? s : 1000;
	return 101;
}

static void test_limit(void)
{
	struct soft_rule rule = { 0 };

	ok(until(&rule, true, 0) == 101, "one that never waits stays");
	ok(until(&rule, true, 100) == 101, "so does one that waits for a tenth");
	ok(until(&rule, true, 101) == 1, "more is too much");
	rule = (struct soft_rule) { 0 };
	ok(until(&rule, true, 5000) == 1, "also a wait that began before");
	rule = (struct soft_rule) { 0 };
	ok(!soft_decide(&rule, 0, SOFT_SECOND) && !rule.wide, "no time, no change");
	ok(!soft_decide(&rule, 50 * MS, 5 * MS) && soft_decide(&rule, 50 * MS, 6 * MS),
	   "a tenth of a shorter time");
}

static void test_away(void)
{
	static const unsigned int away[] = { 2, 4, 8, 16, 32, 32, 32 };
	struct soft_rule rule = { 0 };
	bool good = true;

	for (size_t i = 0; i < sizeof(away) / sizeof(*away); i++) {
		good = good && until(&rule, true, 500) == 1;
		good = good && until(&rule, false, i % 2 ? 900 : 0) == away[i];
	}
	ok(good, "2, 4, 8, 16, 32, 32 s away, whatever it waits for there");
	for (int s = 0; s < 31; s++)
		good = good && !soft_decide(&rule, SOFT_SECOND, 0);
	ok(good && until(&rule, true, 500) == 1 && until(&rule, false, 0) == 32,
	   "back for less time than it was away: 32 s again");
	for (int s = 0; s < 32; s++)
		good = good && !soft_decide(&rule, SOFT_SECOND, 0);
	ok(good && until(&rule, true, 500) == 1 && until(&rule, false, 0) == 2,
	   "back for as long: it starts afresh");
	ok(until(&rule, true, 500) == 1 && soft_decide(&rule, 60 * SOFT_SECOND, 0) && !rule.wide,
	   "a look that comes late finds the time gone");
}

/* ---- 2. Where --------------------------------------------------------------- */

static struct cpus list(const char *text)
{
	struct error error = { 0 };
	struct cpus all;
	struct cpus cpus = { .bits = { 0 } };

	memset(&all, 0xff, sizeof(all));
	if (*text && cpus_parse(text, &all, &cpus, &error))
		abort();
	return cpus;
}

static void placed(const char *hard, const char *soft, const char *online, bool wide,
		   const char *expected)
{
	struct cpus h = list(hard), s = list(soft), o = list(online);
	char text[CPUS_TEXT];
	struct cpus place;

	soft_place(&place, &h, &s, &o, wide);
	ok(!strcmp(cpus_format(text, &place), expected), "hard %s, soft %s, online %s%s: %s",
	   hard, soft, online, wide ? ", wide" : "", expected);
	if (strcmp(text, expected) != 0)
		printf("# %s\n", text);
}

static void test_places(void)
{
	placed("0-3", "1", "0-3", false, "1");
	placed("0-3", "1", "0-3", true, "0-3");
	placed("0-3", "3-7", "0-7", false, "3");
	placed("0-3", "4-7", "0-7", false, "0-3");
	placed("0-3", "", "0-7", false, "0-3");
	placed("0-3", "0-7", "0-7", false, "0-3");
	placed("0-3", "1,2", "0,2-3", false, "1-2");
	placed("0-3", "1", "0,2-3", false, "0-3");
	placed("0-1", "0", "0", false, "0-1");
	placed("1", "0", "0-1", false, "1");
	placed("0,8191", "8191", "0-8191", false, "8191");
}

/* ---- 3. Words --------------------------------------------------------------- */

static void says(const char *text, const char *expected)
{
	struct cpus online = list("0-3");
	struct error error = { 0 };
	char got[sizeof(error.what) + sizeof(error.why) + 2];
	char line[CPUS_TEXT];
	struct cpus soft;

	if (affinity_parse_soft(text, &online, &soft, &error))
		snprintf(got, sizeof(got), "%s: %s", error.what, error.why);
	else
		snprintf(got, sizeof(got), "%s", affinity_format_soft(line, &soft));
	ok(!strcmp(got, expected), "--soft-affinity '%s': %s", text, expected);
	if (strcmp(got, expected) != 0)
		printf("# %s\n", got);
}

static void test_words(void)
{
	says("0", "0");
	says("3,0-1", "0-1,3");
	says("none", "none");
	says("all", "none");
	says("", "soft-affinity: is empty");
	says("0,", "soft-affinity: '' is not a number");
	says("any", "soft-affinity: 'any' is not a number");
	says("1-0", "soft-affinity: 1-0 ends before it begins");
	says("4", "soft-affinity: this host has no CPU 4, or it is offline (online: 0-3)");
	says("0-8192", "soft-affinity: 8192 is not in 0 to 8191");
}

int main(void)
{
	puts("KTAP version 1");
	test_limit();
	test_away();
	test_places();
	test_words();
	printf("1..%d\n", results);
	return failures ? 1 : 0;
}
