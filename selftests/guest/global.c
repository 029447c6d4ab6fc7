// SPDX-License-Identifier: GPL-2.0-only
/*
 * Global TLB entries of the host in the guest's way. They outlive the CR3 load and are
 * supervisor entries, so that the guest takes faults on pages that its view allows. No
 * emulator keeps such entries: the module of the checking build makes the guest's own
 * ones look so on request (global.sh), as deep as one invlpg or a toggle of CR4.PGE go.
 * The guest keeps pages where the host has its own, touches them in both modes for ms=N,
 * and must never see a fault or a wrong content.
 */
#include "hostile.h"

static const u64 places[] = {
	0xffff888000000000, 0xffff888001000000, 0xfffffe0000001000, 0xffffea0000000000,
	0xffffc90000000000, 0xffffff0000000000, 0xffffffffff5fb000, 0x0000100000000000,
};

#define NR	(sizeof(places) / sizeof(*places))
#define LOWER	(NR - 1)		/* the one that the user may have, too */

FRAGMENT(user_touch, "incq (%rdi)\n mov (%rdi), %rdi\n xor %eax, %eax\n syscall\n");

static u64 counts[NR];

static void touch(u64 place)
{
	__atomic_fetch_add((u64 *)place, 1, __ATOMIC_SEQ_CST);
}

static unsigned int round_of_touches(void)
{
	unsigned int i, bad = 0;

	for (i = 0; i < NR; i++) {
		bad += attempt(touch, places[i]) != NO_TRAP;
		counts[i]++;
		bad += *(u64 *)places[i] != counts[i];
	}
	bad += ATTEMPT_USER(user_touch, places[LOWER]) != NO_TRAP;
	counts[LOWER]++;
	bad += (u64)outcome.value != counts[LOWER];
	return bad;
}

void test(void)
{
	u64 end = hc1(DOMUS_HC_GET_TIME, DOMUS_TIME_MONOTONIC) + arg_number("ms", 3000) * 1000000;
	unsigned int i, bad = 0, rounds = 0;

	plan(1);
	hostile_init();
	for (i = 0; i < NR; i++)
		map_page(guest_root(), places[i], pa(page_alloc()),
			 PTE_P | PTE_W | (i == LOWER ? PTE_U : 0));
	while ((u64)hc1(DOMUS_HC_GET_TIME, DOMUS_TIME_MONOTONIC) < end) {
		bad += round_of_touches();
		rounds++;
	}
	ok(!bad, "no fault was seen in %u rounds, no content was wrong", rounds);
}
