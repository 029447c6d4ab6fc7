/* SPDX-License-Identifier: GPL-2.0-only */
/* The host's page behind an address of the holder, for the fault path. */
#ifndef DOMUS_SHADOW_HOST_INLINE_H
#define DOMUS_SHADOW_HOST_INLINE_H

#include <linux/irqflags.h>
#include <linux/mm.h>
#include <linux/pgtable.h>

#include "shadow_priv.h"

/**
 * struct host_map - what is there
 * @pfn: the frame of the 4 KiB page
 * @write: it may be written to
 * @large: it is part of 2 MiB or more, all of which may be used
 */
struct host_map {
	unsigned long pfn;
	bool write;
	bool large;
};

#define HOST_NEED	(_PAGE_PRESENT | _PAGE_USER)
#define HOST_NOT	(_PAGE_SPECIAL | _PAGE_DEVMAP)	/* no page of ordinary memory */

/*
 * What the host's tables map at @hva. As KVM's host_pfn_mapping_level(): interrupts
 * off keep the tables from being freed, each entry is read once. No reference is
 * taken: the answer counts only if no invalidation came between the sample of inv_seq
 * before and the install; every host change of a present entry is one. By hand, as
 * the accessors of a kernel that can be a Xen guest cost more than the walk.
 * Return: false when nothing is there that we may use as it is.
 */
static __always_inline bool host_lookup(const struct shadow *sh, unsigned long hva,
					struct host_map *h)
{
	const u64 *table = (const u64 *)sh->gmem->mm->pgd;
	const u64 pfn_mask = PTE_PFN_MASK;
	u64 e, inside = PAGE_SIZE - 1;
	int level;

	h->large = false;
	local_irq_disable();
	e = _PAGE_PRESENT;
	if (sh->l5) {
		e = READ_ONCE(table[table_index(hva, 5)]);
		table = __va(e & pfn_mask);
	}
#pragma GCC unroll 4
	for (level = 4; level; level--) {
		if (!(e & _PAGE_PRESENT))
			break;
		e = READ_ONCE(table[table_index(hva, level)]);
		if (level > 1 && level < 4 && unlikely(e & _PAGE_PSE)) {
			inside = (1ULL << table_shift(level)) - 1;
			h->large = true;
			break;
		}
		table = __va(e & pfn_mask);
	}
	local_irq_enable();
	h->pfn = ((e & pfn_mask & ~inside) | (hva & inside)) >> PAGE_SHIFT;
	h->write = e & _PAGE_RW;
	if (likely((e & (HOST_NEED | HOST_NOT)) == HOST_NEED))
		return true;
	/* the zero page is special, but ours to read */
	h->write = false;
	return (e & (HOST_NEED | HOST_NOT)) == (HOST_NEED | _PAGE_SPECIAL) &&
	       !h->large && is_zero_pfn(h->pfn);
}

#endif /* DOMUS_SHADOW_HOST_INLINE_H */
