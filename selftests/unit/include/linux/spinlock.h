/* SPDX-License-Identifier: GPL-2.0-only */
/* What kmod/ uses of the kernel's spinlock.h, for user space: tests have one thread. */
#ifndef UNIT_LINUX_SPINLOCK_H
#define UNIT_LINUX_SPINLOCK_H

#include <assert.h>
#include <stdbool.h>

#include <linux/compiler.h>

struct unit_spinlock {
	bool held;
};

#define spinlock_t	struct unit_spinlock

static inline void spin_lock_init(spinlock_t *lock)
{
	lock->held = false;
}

/* What is taken twice, or given back by who has it not, is a mistake. */
static inline bool unit_spin(spinlock_t *lock, bool hold)
{
	assert(lock->held != hold);
	return lock->held = hold;
}

#define spin_lock_irqsave(lock, flags)		((flags) = unit_spin(lock, true))
#define spin_unlock_irqrestore(lock, flags)	(assert(flags), unit_spin(lock, false))

#endif
