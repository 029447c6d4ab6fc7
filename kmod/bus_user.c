// SPDX-License-Identifier: GPL-2.0-only
/*
 * Users and the threads of their devices: what RLIMIT_NPROC says of the latter.
 *
 * Threads of the kernel's are in nobody's limits, so each user's own are made to count them
 * when a device is made. They are counted until they have ended, which those that wait
 * for a host's file or device may do long after their domain has gone.
 */
#include <linux/capability.h>
#include <linux/cred.h>
#include <linux/list.h>
#include <linux/mutex.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>
#include <linux/user_namespace.h>

#include "bus_priv.h"

struct bus_user {
	struct list_head link;
	kuid_t uid;
	unsigned int workers;
};

static DEFINE_MUTEX(users_lock);
static LIST_HEAD(users);

static struct bus_user *find_locked(kuid_t uid)
{
	struct bus_user *user;

	lockdep_assert_held(&users_lock);
	list_for_each_entry(user, &users, link)
		if (uid_eq(user->uid, uid))
			return user;
	return NULL;
}

/* As fork() would have it, if those threads were the user's processes. */
static bool fits(const struct bus_user *user, unsigned int nr)
{
	u64 processes = get_rlimit_value(current_ucounts(), UCOUNT_RLIMIT_NPROC);

	return capable(CAP_SYS_RESOURCE) || capable(CAP_SYS_ADMIN) ||
	       processes + user->workers + nr <= rlimit(RLIMIT_NPROC);
}

int bus_user_charge(kuid_t owner, unsigned int nr)
{
	struct bus_user *fresh = kzalloc(sizeof(*fresh), GFP_KERNEL_ACCOUNT);
	struct bus_user *user;
	int r = 0;

	mutex_lock(&users_lock);
	user = find_locked(owner);
	if (!user && fresh) {
		user = fresh;
		user->uid = owner;
		list_add(&user->link, &users);
		fresh = NULL;
	}
	if (!user)
		r = -ENOMEM;
	else if (fits(user, nr))
		user->workers += nr;
	else
		r = -EAGAIN;
	if (user && !user->workers) {
		list_del(&user->link);
		kfree(user);
	}
	mutex_unlock(&users_lock);
	kfree(fresh);
	return r;
}

void bus_user_uncharge(kuid_t owner, unsigned int nr)
{
	struct bus_user *user;

	mutex_lock(&users_lock);
	user = find_locked(owner);
	if (!WARN_ON_ONCE(!user || user->workers < nr)) {
		user->workers -= nr;
		if (!user->workers) {
			list_del(&user->link);
			kfree(user);
		}
	}
	mutex_unlock(&users_lock);
}
