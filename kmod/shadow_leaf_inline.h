/* SPDX-License-Identifier: GPL-2.0-only */
/* What all kinds of fills do: the guest's entries, and a leaf of ours. */
#ifndef DOMUS_SHADOW_LEAF_INLINE_H
#define DOMUS_SHADOW_LEAF_INLINE_H

#include <linux/mm.h>
#include <linux/uaccess.h>

#include "ptwalk.h"
#include "shadow_priv.h"

#define GROUP		16	/* neighbours: entries of one aligned group */

/* Bits that a guest's entry must not have. */
static inline u64 gpte_rsvd(void)
{
	return GPTE_ADDR & ~(BIT_ULL(boot_cpu_data.x86_phys_bits) - 1);
}

/*
 * Does the guest use an entry, and the shadow has none? @rsvd: gpte_rsvd(). Inside
 * user_access_begin(), no page faults; what is not there to be read is not used.
 */
static __always_inline bool entry_used(const u64 *hw, const u64 __user *p, u64 rsvd)
{
	const u64 used = GPTE_P | GPTE_A;
	u64 e;

	if (READ_ONCE(*hw))
		return false;
	unsafe_get_user(e, p, fault);
	return (e & (used | rsvd)) == used;
fault:
	return false;
}

/*
 * Is one right beside the entry at @place of a group so? Where nothing is, memory is used
 * for the first time, page by page. Context: as entry_used().
 */
static __always_inline bool group_dense(const u64 *hw, const u64 __user *p, unsigned int place,
					u64 rsvd)
{
	return (place > 0 && entry_used(&hw[place - 1], &p[place - 1], rsvd)) ||
	       (place < GROUP - 1 && entry_used(&hw[place + 1], &p[place + 1], rsvd));
}

/* A leaf for a page of user mode; @write: it may be written to, @dirty: and will be now. */
static __always_inline u64 leaf_bits(unsigned long pfn, bool write, bool dirty, bool noexec)
{
	u64 e = (u64)pfn << PAGE_SHIFT | sme_me_mask | SPTE_P | SPTE_US | SPTE_A;

	if (write) {
		e |= SPTE_RW;
		if (dirty)
			e |= SPTE_D;
	}
	if (noexec)
		e |= SPTE_NX;
	return e;
}

/**
 * leaf_add() - put a leaf where nothing is
 * @t, @idx: where
 * @gfn: first frame of the leaf
 * @val: the leaf
 * @cache: as for rmap_add()
 * @old: set to what is there, when another one was sooner
 *
 * Context: lock held for a fill. Return: 0, -EEXIST, or as rmap_add().
 */
static __always_inline int leaf_add(struct shadow *sh, struct shadow_cache *cache,
				    struct shadow_table *t, unsigned int idx, u64 gfn, u64 val,
				    u64 *old)
{
	u64 *sptep = &t->hw[idx];
	int ret;

	/* first the reverse map: what hardware can use must be found by zaps */
	ret = rmap_add(sh, gfn, t->level, sptep, cache);
	if (unlikely(ret))
		return ret;
	atomic_inc(&t->used);
	*old = cmpxchg64(sptep, 0, val);
	if (likely(!*old)) {
		WRITE_ONCE(t->gfns[idx], gfn);
		table_mark(t, idx);
		return 0;
	}
	atomic_dec(&t->used);
	rmap_cancel(sh, gfn, t->level, sptep);
	return -EEXIST;
}

#endif /* DOMUS_SHADOW_LEAF_INLINE_H */
