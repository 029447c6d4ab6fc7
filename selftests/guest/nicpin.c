// SPDX-License-Identifier: GPL-2.0-only
/*
 * More pages to be received into than the holder may have pinned, which is 1 MiB here
 * (holder/poor.c): they are not, and each buffer gets its frame. Asked "pinned", the host says how
 * many pages are.
 */
#include "wire.h"

#define PAGES	20U	/* of a buffer, the most */
#define BUFFERS	256U
#define LIMIT	320U	/* pages, that are the two interfaces' in any case */

static u32 pinned_pages(void)
{
	const char *text = ask_host("pinned", "");
	u32 n = 0;

	for (; *text >= '0' && *text <= '9'; text++)
		n = n * 10 + *text - '0';
	return n;
}

/* All of the ring, 20 MiB. */
static void post_all(void)
{
	unsigned int i;

	for (i = 0; i < BUFFERS; i++) {
		wire_put(&rxq, i, pa(in) + i % IN_PAGES * 4096UL, PAGES * 4096, WRITE, 0);
		wire_offer(&rxq, i);
	}
	wire_kick(&rxq);
}

static bool more_than_may_be(void)
{
	u32 n;

	post_all();
	n = pinned_pages();
	print("# %u pages are pinned\n", n);
	return n >= PAGES && n <= LIMIT;
}

static bool all_are_used(void)
{
	unsigned int i;

	post_all();
	for (i = 0; i < BUFFERS; i++)
		if (!pinged(i))
			return false;
	return wire_used(&rxq, BUFFERS) && pinned_pages() <= LIMIT;
}

static bool come_back(void)
{
	post_all();
	return !dev_reset(&target.dev) && pinned_pages() <= LIMIT / 2;
}

static const struct story stories[] = {
	{ "more than may be pinned", NULL, more_than_may_be, 0, BUFFERS },
	{ "each of them gets its frame", NULL, all_are_used, 0, BUFFERS },
	{ "after a reset none is but the other one's", NULL, come_back, 0, BUFFERS },
};

void test(void)
{
	tell_of_wire(stories, COUNT(stories));
}
