// SPDX-License-Identifier: GPL-2.0-only
/*
 * The shadow's lock: what is slow about it. shadow_priv.h has the rules, and the rest.
 *
 * A fill that comes while something is taken away steps back and queues up with those who
 * take away, so it comes in turn however many of them there are.
 */
#include <linux/lockdep.h>
#include <linux/processor.h>
#include <linux/spinlock.h>

#include "shadow_priv.h"

void shadow_lock_init(struct shadow_lock *l)
{
	static struct lock_class_key key;

	spin_lock_init(&l->writer);
	lockdep_init_map(&l->dep_map, "shadow.lock", &key, 0);
}

noinline void shadow_fill_wait(struct shadow *sh, struct shadow_reader *r)
{
	struct shadow_lock *l = &sh->lock;

	atomic64_inc(&sh->stats.fill_waits);
	/* with shadow_write_lock(), which may wait for this fill */
	smp_store_release(&r->busy, 0);
	/* whoever holds it is alone: the next one sees that this fill is there */
	spin_lock(&l->writer);
	WRITE_ONCE(r->busy, 1);
	spin_unlock(&l->writer);
}

void shadow_write_lock(struct shadow *sh)
	__acquires(&sh->lock)
{
	struct shadow_lock *l = &sh->lock;
	unsigned int i, nr;

	__acquire(&sh->lock);
	rwlock_acquire(&l->dep_map, 0, 0, _RET_IP_);
	spin_lock(&l->writer);
	__release(&l->writer);	/* for sparse: sh->lock is what is held */
	/* with shadow_fill_lock(): one of both sees the other */
	smp_store_mb(l->writing, true);
	nr = min_t(unsigned int, READ_ONCE(sh->d->nr_vcpus), DOMUS_MAX_VCPUS);
	for (i = 0; i < nr; i++)
		smp_cond_load_acquire(&l->reader[i].busy, !VAL);
}

void shadow_write_unlock(struct shadow *sh)
	__releases(&sh->lock)
{
	struct shadow_lock *l = &sh->lock;

	/* with shadow_fill_lock(): whatever was taken away is seen to be gone */
	smp_store_release(&l->writing, false);
	__acquire(&l->writer);
	spin_unlock(&l->writer);
	rwlock_release(&l->dep_map, _RET_IP_);
	__release(&sh->lock);
}
