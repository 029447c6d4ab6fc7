// SPDX-License-Identifier: GPL-2.0-only
/*
 * Console flood: megabytes in calls of every size, single bytes, terminal escapes and
 * all other bytes there are, with reads of nothing in between; at last the reason of the
 * guest's end is 1024 bytes of the same. Nobody waits for it, and what tools print of it
 * is one line of harmless characters.
 */
#include "hostile.h"

void test(void)
{
	static u8 text[65536] __attribute__((aligned(4096)));
	u64 bytes = arg_number("bytes", 4 << 20), done = 0, i;
	u64 seed = arg_number("seed", 1);

	random_seed(seed);
	hostile_init();
	for (i = 0; i < sizeof(text); i++)
		text[i] = i % 7 ? (u8)random() : (u8)"\033[2J\007\n\r\0%s"[random_below(9)];
	while (done < bytes) {
		u64 size = random_below(3) ? random_below(sizeof(text)) : random_below(64);
		long taken = hc2(DOMUS_HC_CONSOLE_WRITE, pa(text), size);

		if (taken != (long)size)
			guest_stop(DOMUS_SHUTDOWN_CRASH, "not all was taken");
		done += size;
		if (hc2(DOMUS_HC_CONSOLE_READ, pa(text), random_below(sizeof(text))) < 0)
			guest_stop(DOMUS_SHUTDOWN_CRASH, "nothing is no error");
	}
	for (i = 0; i < 20000; i++)
		hc2(DOMUS_HC_CONSOLE_WRITE, pa(text) + i, 1);
	for (i = 0; i < 1024; i++)
		text[i] = i % 3 ? (u8)random() : (u8)"\033[31m\n\r"[random_below(7)];
	copy_to(text, "end ", 4);
	hcall(DOMUS_HC_SHUTDOWN, DOMUS_SHUTDOWN_CRASH, pa(text), 1 << 20, 0, 0, NULL);
}
