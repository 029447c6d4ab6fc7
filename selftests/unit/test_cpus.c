// SPDX-License-Identifier: GPL-2.0-only
/* links: userspace/domctl/cpus.c userspace/domctl/size.c userspace/domctl/error.c */
/*
 * Lists of CPUs:
 *
 *   1. what must be read, and written again
 *   2. what must be refused
 *   3. random sets, written and read
 */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cpus.h"
#include "report.h"

static struct cpus there;	/* 0-7, 64-127, 8191 */

static void add(struct cpus *cpus, size_t cpu)
{
	cpus->bits[cpu / (8 * sizeof(long))] |= 1UL << (cpu % (8 * sizeof(long)));
}

/* ---- 1. Read -------------------------------------------------------------- */

static void reads(const char *text, const char *expected)
{
	struct error error = { 0 };
	char got[CPUS_TEXT];
	struct cpus cpus;

	if (cpus_parse(text, &there, &cpus, &error))
		snprintf(got, sizeof(got), "%.100s", error.why);
	else
		cpus_format(got, &cpus);
	ok(!error.status && !strcmp(got, expected), "reads '%s' as %s", text, expected);
	if (strcmp(got, expected) != 0)
		printf("# %s\n", got);
}

static void test_reads(void)
{
	char text[CPUS_TEXT];
	struct cpus none = { .bits = { 0 } };

	reads("0", "0");
	reads("7", "7");
	reads("8191", "8191");
	reads("0-7", "0-7");
	reads("1,0", "0-1");
	reads("3,3,3-3", "3");
	reads("0-1,3", "0-1,3");
	reads("5-6,0-2,1-3", "0-3,5-6");
	reads("64-127", "64-127");
	reads("000,0007", "0,7");
	ok(!strcmp(cpus_format(text, &none), ""), "an empty set is an empty list");
	ok(!cpus_has(&there, CPUS_MAX) && !cpus_has(&there, (size_t)-1) && cpus_has(&there, 8191),
	   "no CPU behind the last one");
}

/* ---- 2. Refused ----------------------------------------------------------- */

static const struct {
	const char *text;
	int status;
	const char *why;
} wrong[] = {
	{ "", EXIT_USAGE, "is empty" },
	{ ",", EXIT_USAGE, "'' is not a number" },
	{ "0,", EXIT_USAGE, "'' is not a number" },
	{ ",0", EXIT_USAGE, "'' is not a number" },
	{ "0,,1", EXIT_USAGE, "'' is not a number" },
	{ "-", EXIT_USAGE, "'' is not a number" },
	{ "-1", EXIT_USAGE, "'' is not a number" },
	{ "1-", EXIT_USAGE, "'' is not a number" },
	{ "0-1-2", EXIT_USAGE, "'1-2' is not a number" },
	{ "0--1", EXIT_USAGE, "'-1' is not a number" },
	{ "2-1", EXIT_USAGE, "2-1 ends before it begins" },
	{ "all", EXIT_USAGE, "'all' is not a number" },
	{ "0x1", EXIT_USAGE, "'0x1' is not a number" },
	{ "+1", EXIT_USAGE, "'+1' is not a number" },
	{ " 1", EXIT_USAGE, "' 1' is not a number" },
	{ "1 ", EXIT_USAGE, "'1 ' is not a number" },
	{ "0 1", EXIT_USAGE, "'0 1' is not a number" },
	{ "0;1", EXIT_USAGE, "'0;1' is not a number" },
	{ "0\n", EXIT_USAGE, "'0\n' is not a number" },
	{ "8192", EXIT_USAGE, "8192 is not in 0 to 8191" },
	{ "0-8192", EXIT_USAGE, "8192 is not in 0 to 8191" },
	{ "18446744073709551616", EXIT_USAGE, "18446744073709551616 is not in 0 to 8191" },
	{ "0-18446744073709551615", EXIT_USAGE, "18446744073709551615 is not in 0 to 8191" },
	{ "0000000000000000000000000000000000000000000000000000000000000000", EXIT_USAGE,
	  "'0000000000000000000000000000000000000000' is no list of CPUs (as 0-1,3)" },
	{ "8", EXIT_REFUSED, "this host has no CPU 8, or it is offline (online: 0-7,64-127,8191)" },
	{ "0-8", EXIT_REFUSED,
	  "this host has no CPU 8, or it is offline (online: 0-7,64-127,8191)" },
	{ "0,63", EXIT_REFUSED,
	  "this host has no CPU 63, or it is offline (online: 0-7,64-127,8191)" },
	{ "64-8191", EXIT_REFUSED,
	  "this host has no CPU 128, or it is offline (online: 0-7,64-127,8191)" },
};

static void test_wrong(void)
{
	for (size_t i = 0; i < sizeof(wrong) / sizeof(*wrong); i++) {
		struct error error = { 0 };
		struct cpus cpus;
		int result = cpus_parse(wrong[i].text, &there, &cpus, &error);

		ok(result == -1 && error.status == wrong[i].status &&
		   !strcmp(error.what, "cpus") && !strcmp(error.why, wrong[i].why),
		   "refused, %zu: %.40s", i, strpbrk(wrong[i].text, "\n") ? "" : wrong[i].text);
		if (strcmp(error.why, wrong[i].why) != 0)
			printf("# %s\n", error.why);
	}
}

/* ---- 3. Random ------------------------------------------------------------ */

static void test_random(void)
{
	struct cpus all;
	bool good = true;

	memset(&all, 0xff, sizeof(all));
	srandom(3);
	for (int i = 0; i < 5000; i++) {
		struct cpus cpus = { .bits = { 0 } };
		struct error error = { 0 };
		char text[CPUS_TEXT];
		struct cpus again;

		for (int n = (int)(random() % 200); n >= 0; n--)
			add(&cpus, (size_t)random() % (i % 2 ? 64 : CPUS_MAX));
		cpus_format(text, &cpus);
		/* One that is too long says so, and cannot be taken for another. */
		if (strstr(text, "..."))
			good &= strlen(text) < CPUS_TEXT && cpus_parse(text, &all, &again, &error);
		else
			good &= !cpus_parse(text, &all, &again, &error) &&
				cpus_equal(&cpus, &again);
	}
	ok(good, "5000 random sets");
}

int main(void)
{
	struct error error = { 0 };
	struct cpus online;

	puts("KTAP version 1");
	for (size_t cpu = 0; cpu < 128; cpu++)
		if (cpu < 8 || cpu >= 64)
			add(&there, cpu);
	add(&there, 8191);
	test_reads();
	test_wrong();
	test_random();
	ok(!cpus_online(&online, &error) &&
	   !cpus_equal(&online, &(struct cpus) { .bits = { 0 } }), "this host has CPUs");
	printf("1..%d\n", results);
	return failures != 0;
}
