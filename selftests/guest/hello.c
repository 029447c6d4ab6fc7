// SPDX-License-Identifier: GPL-2.0-only
/*
 * The first story: a guest starts, finds out where it is, prints, powers off.
 */
#include "guest.h"

void test(void)
{
	u64 bits;

	plan(5);
	ok(guest_info->abi_major == DOMUS_ABI_MAJOR, "start info has our major");
	ok(hc0(DOMUS_HC_VERSION) == (DOMUS_ABI_MAJOR << 16 | DOMUS_ABI_MINOR),
	   "VERSION agrees");
	bits = hc0(DOMUS_HC_FEATURES);
	ok(bits & (1ULL << DOMUS_F_COMMON_UPPER), "features offered: %lx", bits);
	ok(hc0(DOMUS_HC_PAGE_CALLS - 1) == -38, "unknown call gives ENOSYS");
	ok(guest_info->memory >= 1 << 20, "memory: %lu bytes", (u64)guest_info->memory);
}
