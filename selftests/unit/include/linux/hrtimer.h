/* SPDX-License-Identifier: GPL-2.0-only */
/* What kmod/ uses of the kernel's hrtimer.h and ktime.h, for user space: the test has the clock. */
#ifndef UNIT_LINUX_HRTIMER_H
#define UNIT_LINUX_HRTIMER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

typedef uint32_t u32;
typedef uint64_t u64;
typedef int64_t ktime_t;

#define U32_MAX		UINT32_MAX
#define NSEC_PER_MSEC	1000000L
#define NSEC_PER_SEC	1000000000L

#define min(a, b)						\
	({							\
		__auto_type one = (a);				\
		__auto_type other = (b);			\
								\
		one < other ? one : other;			\
	})
#define max(a, b)						\
	({							\
		__auto_type this = (a);				\
		__auto_type that = (b);				\
								\
		this > that ? this : that;			\
	})
#define container_of(ptr, type, member) ((type *)((char *)(ptr) - offsetof(type, member)))

enum hrtimer_restart { HRTIMER_NORESTART };
enum hrtimer_mode { HRTIMER_MODE_ABS };

struct hrtimer {
	enum hrtimer_restart (*function)(struct hrtimer *timer);
};

void hrtimer_init(struct hrtimer *timer, clockid_t clock, enum hrtimer_mode mode);
void hrtimer_start(struct hrtimer *timer, ktime_t at, enum hrtimer_mode mode);
int hrtimer_cancel(struct hrtimer *timer);

u64 ktime_get_ns(void);

static inline ktime_t ns_to_ktime(u64 ns)
{
	return (ktime_t)ns;
}

#endif
