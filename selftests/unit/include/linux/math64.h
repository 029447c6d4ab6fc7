/* SPDX-License-Identifier: GPL-2.0-only */
/* What kmod/ uses of the kernel's math64.h, for user space. */
#ifndef UNIT_LINUX_MATH64_H
#define UNIT_LINUX_MATH64_H

#include <linux/hrtimer.h>

static inline u64 mul_u64_u64_div_u64(u64 a, u64 mul, u64 div)
{
	unsigned __int128 result = (unsigned __int128)a * mul / div;

	/* the processor's division would trap */
	if (result > UINT64_MAX)
		__builtin_trap();
	return (u64)result;
}

#endif
