/* SPDX-License-Identifier: GPL-2.0-only */
/* What kmod/ uses of the kernel's barriers, for user space. */
#ifndef UNIT_ASM_BARRIER_H
#define UNIT_ASM_BARRIER_H

/* a definition, not a use */
#define smp_mb()		__atomic_thread_fence(__ATOMIC_SEQ_CST)
/* likewise */
#define smp_load_acquire(p)	__atomic_load_n(p, __ATOMIC_ACQUIRE)
/* For a test that looks, as another CPU, at what is there before each release. */
struct barrier_watch {
	void (*before_release)(void);
};

/* one for each program */
struct barrier_watch barrier_watch __attribute__((weak));

/* likewise */
#define smp_store_release(p, v)						\
do {									\
	if (barrier_watch.before_release)				\
		barrier_watch.before_release();				\
	__atomic_store_n(p, v, __ATOMIC_RELEASE);			\
} while (0)

#endif
