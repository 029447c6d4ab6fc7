// SPDX-License-Identifier: GPL-2.0-only
/* links: userspace/domctl/backing.c userspace/domctl/cpus.c userspace/domctl/print.c */
/* links: userspace/domctl/size.c userspace/domctl/error.c */
/*
 * What a domain's memory is made of:
 *
 *   1. options that must be read, or refused
 *   2. options that agree, or do not
 *   3. memory as this host has it
 */
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

#include "backing.h"
#include "report.h"

#define MIB (1ULL << 20)

/* ---- 1. Options --------------------------------------------------------------- */

typedef int parser(struct backing *b, const char *text, struct error *error);

/* @why: NULL: it is taken */
static void parses(parser *parse, const char *text, const char *why)
{
	struct backing b = { .hugetlb = 0 };
	struct error error = { 0 };
	int result = parse(&b, text, &error);

	ok(why ? result && error.status == EXIT_USAGE && !strcmp(error.why, why) :
	   !result && !error.status, "'%s': %s", text, why ? why : "taken");
	if (error.status)
		printf("# %s: %s\n", error.what, error.why);
}

static void test_options(void)
{
	parses(backing_parse_hugetlb, "2M", NULL);
	parses(backing_parse_hugetlb, "1G", NULL);
	parses(backing_parse_hugetlb, "", "'' is neither 2M nor 1G");
	parses(backing_parse_hugetlb, "4K", "'4K' is neither 2M nor 1G");
	parses(backing_parse_hugetlb, "2m", "'2m' is neither 2M nor 1G");
	parses(backing_parse_hugetlb, "2M ", "'2M ' is neither 2M nor 1G");
	parses(backing_parse_thp, "always", NULL);
	parses(backing_parse_thp, "never", NULL);
	parses(backing_parse_thp, "", "'' is neither always nor never");
	parses(backing_parse_thp, "madvise", "'madvise' is neither always nor never");
	parses(backing_parse_nodes, "0", NULL);
	parses(backing_parse_nodes, "0-1,3", NULL);
	parses(backing_parse_nodes, "", "is empty");
	parses(backing_parse_nodes, "a", "'a' is not a number");
	parses(backing_parse_nodes, "-1", "'' is not a number");
	parses(backing_parse_nodes, "3-1", "3-1 ends before it begins");
	parses(backing_parse_nodes, "8192", "8192 is not in 0 to 8191");
	parses(backing_parse_nodes,
	       "0                                                               1",
	       "'0                                       ' is no list of nodes (as 0-1,3)");
}

/* ---- 2. Together -------------------------------------------------------------- */

static void agrees(struct backing b, uint64_t memory, uint64_t max, const char *what)
{
	struct error error = { 0 };
	int result = backing_check(&b, memory * MIB, max * MIB, &error);

	ok(what ? result && error.status == EXIT_USAGE && !strcmp(error.what, what) : !result,
	   "hugetlb %luM, thp %d, ksm %d, %luM of %luM: %s", (unsigned long)(b.hugetlb / MIB),
	   b.thp, b.ksm, (unsigned long)memory, (unsigned long)max, what ? what : "taken");
}

static void test_together(void)
{
	agrees((struct backing) { .hugetlb = 0 }, 1, 3, NULL);
	agrees((struct backing) { .thp = THP_NEVER, .ksm = true }, 1, 3, NULL);
	agrees((struct backing) { .hugetlb = 2 * MIB }, 4, 4, NULL);
	agrees((struct backing) { .hugetlb = 2 * MIB }, 3, 3, "memory");
	agrees((struct backing) { .hugetlb = 2 * MIB }, 4, 8, "max-memory");
	agrees((struct backing) { .hugetlb = 1024 * MIB }, 512, 512, "memory");
	agrees((struct backing) { .hugetlb = 1024 * MIB }, 2048, 2048, NULL);
	agrees((struct backing) { .hugetlb = 2 * MIB, .ksm = true }, 4, 4, "ksm");
	agrees((struct backing) { .hugetlb = 2 * MIB, .thp = THP_ALWAYS }, 4, 4, "thp");
	agrees((struct backing) { .hugetlb = 2 * MIB, .thp = THP_NEVER }, 4, 4, "thp");
}

/* ---- 3. Memory ---------------------------------------------------------------- */

static void test_memory(void)
{
	struct backing b = { .thp = THP_NEVER };
	struct error error = { 0 };
	char *memory = backing_map(&b, 3 * MIB, &error);
	bool good = memory && !((uintptr_t)memory % (2 * MIB)) && !memory[0] &&
		    !memory[3 * MIB - 1];

	ok(good, "3 MiB, zero, at a border of 2 MiB");
	if (memory) {
		memset(memory, 7, 3 * MIB);
		ok(!backing_clear(&b, memory, 3 * MIB, &error) && !memory[0] &&
		   !memory[3 * MIB - 1], "cleared");
		munmap(memory, 3 * MIB);
	}
	ok(!backing_map(&b, 1ULL << 60, &error) && error.status == EXIT_REFUSED &&
	   !strcmp(error.what, "memory"), "more than there is: %s", error.why);
	b = (struct backing) { .hugetlb = 0 };
	error = (struct error) { 0 };
	ok(!backing_parse_nodes(&b, "8191", &error) && !backing_map(&b, MIB, &error) &&
	   error.status == EXIT_REFUSED && !strcmp(error.what, "numa-node"), "a node that is not "
	   "there: %s", error.why);
}

int main(void)
{
	puts("KTAP version 1");
	test_options();
	test_together();
	test_memory();
	printf("1..%d\n", results);
	return failures != 0;
}
