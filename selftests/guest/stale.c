// SPDX-License-Identifier: GPL-2.0-only
/*
 * Stale fills: this guest changes page table entries, flushes them by every kind of
 * flush, and touches the address at once, in both modes, for ms=N; it must always find
 * the page that the entry names now, with what was last written to it. Meanwhile the
 * host takes pages away below it (stale.sh): a fill that was looked up before, and
 * installed behind a flush or an invalidation, shows as another page's content, or as a
 * write that is lost.
 */
#include "hostile.h"

#define PAGES	512
#define PLACE	(4ULL << 20)	/* guest physical: one large page of the host's, if it likes */
#define AREA	0x1000000000ULL	/* where they are mapped, in any order */
#define PWU	(PTE_P | PTE_W | PTE_U)

static u64 written[PAGES];	/* what each page holds in its second word */
static u64 maps[PAGES];		/* which page each place of the area has */

/* Adds one to the second word, gives back the sum of both. */
FRAGMENT(user_touch,
	 "incq 8(%rdi)\n mov (%rdi), %rax\n shl $32, %rax\n or 8(%rdi), %rax\n mov %rax, %rdi\n"
	 " xor %eax, %eax\n syscall\n");

static u64 *pte(u64 place)
{
	return find_pte(guest_root(), AREA + place * 4096);
}

static void flush(u64 place)
{
	u64 at = AREA + place * 4096, root = guest_info->root_gpa;

	switch (random_below(16)) {
	case 0:
		hcall(DOMUS_HC_MMU_FLUSH, DOMUS_FLUSH_ROOT, root, 0, 0, ~0ULL, NULL);
		break;
	case 1:
		hc1(DOMUS_HC_LOAD_ROOT, root);
		break;
	case 2:
		hcall(DOMUS_HC_MMU_FLUSH, DOMUS_FLUSH_ALL, 0, 0, 0, 1, NULL);
		break;
	default:
		hcall(DOMUS_HC_MMU_FLUSH, DOMUS_FLUSH_RANGE, root, at, at + 4096, ~0ULL, NULL);
	}
}

static u64 kernel_touch(u64 at)
{
	u64 *page = (u64 *)at, sum;

	__atomic_fetch_add(&page[1], 1, __ATOMIC_SEQ_CST);
	sum = __atomic_load_n(&page[0], __ATOMIC_SEQ_CST) << 32;
	return sum | __atomic_load_n(&page[1], __ATOMIC_SEQ_CST);
}

/* Touch one place, by either mode, and by the kernel's own mapping. Return: 1 if bad. */
static unsigned int touch(u64 place)
{
	u64 at = AREA + place * 4096, page = maps[place], got, *alias = va(PLACE + page * 4096);

	if (random_below(3)) {
		got = kernel_touch(at);
	} else if (ATTEMPT_USER(user_touch, at) == NO_TRAP) {
		got = outcome.value;
	} else {
		print("# user mode: exception %d at %lx\n", outcome.vector, outcome.cr2);
		return 1;
	}
	written[page]++;
	if (got == (page << 32 | written[page]) && alias[0] == page && alias[1] == written[page])
		return 0;
	print("# place %lu should be page %lu with %lu: %lx %lx %lx\n", place, page,
	      written[page], got, alias[0], alias[1]);
	written[page] = alias[1];
	return 1;
}

static unsigned int one(void)
{
	u64 place = random_below(PAGES), page = random_below(PAGES);

	switch (random_below(4)) {
	case 0:		/* not present to present: no flush is needed */
		*pte(place) = 0;
		flush(place);
		*pte(place) = (PLACE + page * 4096) | PWU;
		break;
	case 1:		/* less rights, and back */
		page = maps[place];
		*pte(place) &= ~PTE_W;
		flush(place);
		if (attempt_user(user_touch, user_touch_end, AREA + place * 4096) != 14)
			return 1;
		*pte(place) |= PTE_W;
		break;
	case 2:		/* accessed and dirty cleared */
		page = maps[place];
		*pte(place) &= ~(PTE_A | PTE_D);
		flush(place);
		break;
	default:
		*pte(place) = (PLACE + page * 4096) | PWU;
		flush(place);
	}
	maps[place] = page;
	return touch(place) + touch(random_below(PAGES));
}

void test(void)
{
	u64 seed = arg_number("seed", 1), end, i, rounds = 0;
	unsigned int bad = 0;

	plan(2);
	hostile_init();
	random_seed(seed);
	for (i = 0; i < PAGES; i++) {
		u64 *page = va(PLACE + i * 4096);

		page[0] = i;
		page[1] = 0;
		maps[i] = i;
		map_page(guest_root(), AREA + i * 4096, PLACE + i * 4096, PWU);
	}
	end = hc1(DOMUS_HC_GET_TIME, DOMUS_TIME_MONOTONIC) + arg_number("ms", 5000) * 1000000;
	while ((u64)hc1(DOMUS_HC_GET_TIME, DOMUS_TIME_MONOTONIC) < end && bad < 10) {
		bad += one();
		rounds++;
	}
	ok(!bad, "%lu changes were seen at once; seed %lu", rounds, seed);
	for (i = bad = 0; i < PAGES; i++)
		bad += ((u64 *)va(PLACE + i * 4096))[1] != written[i];
	ok(!bad, "no write was lost");
}
