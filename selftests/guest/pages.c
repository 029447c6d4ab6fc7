// SPDX-License-Identifier: GPL-2.0-only
/*
 * Memory for the host to swap, merge, move and count: mib=N of it, each page of another
 * content, which is the same in every domain of this kind, until one writes.
 *
 * A line of the console is a command and a word that its answer begins with:
 *
 *   check WORD    WORD: N pages are not what they were
 *   write WORD    every fourth page gets a content that depends on seed=N, too
 *   grow WORD     as many pages again, up to the end of memory
 *   end WORD      powers off
 */
#include "hostile.h"
#include "line.h"

#define FIRST	(8ULL << 20)	/* guest physical; the guest itself is below */
#define MAX	(256ULL << 8)	/* pages */

static u8 writes[MAX];		/* how often each was written, so as to know what it is */
static u64 pages, seed;
static char line[64];

/* What a page holds in its word @at. */
static u64 content(u64 page, u64 at)
{
	u64 own = writes[page] ? seed << 32 | writes[page] : 0;

	return (page + 1) * 0x9e3779b97f4a7c15 ^ at << 48 ^ own << 8;
}

static void fill(u64 page)
{
	u64 *to = va(FIRST + page * 4096), i;

	for (i = 0; i < 512; i++)
		to[i] = content(page, i);
}

static u64 check(void)
{
	u64 page, i, bad = 0;

	for (page = 0; page < pages; page++) {
		const u64 *from = va(FIRST + page * 4096);

		for (i = 0; i < 512 && from[i] == content(page, i); i++)
			;
		bad += i != 512;
	}
	return bad;
}

static void write(void)
{
	u64 page;

	for (page = 0; page < pages; page += 4) {
		writes[page]++;
		fill(page);
	}
}

static void grow(u64 to)
{
	for (; pages < to && pages < MAX; pages++)
		fill(pages);
}

/* Nothing for a while: the host's own work shall not wait for us. */
static void rest(void)
{
	unsigned int seen = traps_seen(EVENT);

	timer_arm(20000000);
	for (vp()->vif = 0; traps_seen(EVENT) == seen; vp()->vif = 0)
		hc0(DOMUS_HC_BLOCK);
}

void test(void)
{
	const char *word;

	hostile_init();
	seed = arg_number("seed", 1);
	grow(arg_number("mib", 16) << 8);
	print("pages: %lu\n", pages);
	for (;;) {
		read_line(line, sizeof(line), rest);
		for (word = line; *word && *word != ' '; word++)
			;
		if (line[0] == 'w')
			write();
		if (line[0] == 'g')
			grow(pages * 2);
		print("%s: %lu of %lu are not what they were\n", word + (*word == ' '), check(),
		      pages);
		if (line[0] == 'e')
			break;
	}
}
