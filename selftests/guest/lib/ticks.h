/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Ticks of the TSC, of which an emulator that counts instructions (selftests/rig/vm
 * --icount) makes one for each, of any CPU.
 */
#ifndef TICKS_H
#define TICKS_H

typedef unsigned long u64;
typedef unsigned int u32;

static inline u64 ticks(void)
{
	u32 low, high;

	asm volatile("rdtsc" : "=a"(low), "=d"(high) : : "memory");
	return (u64)high << 32 | low;
}

/* As the host has interrupts of its own. Sorts them. */
static inline u64 median(u64 *value, unsigned int nr)
{
	unsigned int i, j;

	for (i = 1; i < nr; i++) {
		u64 v = value[i];

		for (j = i; j && value[j - 1] > v; j--)
			value[j] = value[j - 1];
		value[j] = v;
	}
	return value[nr / 2];
}

/* An emulator that runs one CPU at a time goes on with another one. */
static inline void pause(void)
{
	asm volatile("pause" : : : "memory");
}

#endif /* TICKS_H */
