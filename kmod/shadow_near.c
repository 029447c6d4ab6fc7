// SPDX-License-Identifier: GPL-2.0-only
/*
 * The most frequent fill of all: a page beside the last one, which the guest has just
 * mapped, is used for the first time. All above its leaf is known (struct shadow_near):
 * one entry of the guest's is to be read, and one of ours to be written.
 *
 * All of it is done under the lock, held for a fill: no flush and no invalidation begins
 * or ends meanwhile, so what is kept is right if its three counters are those of now, and
 * what is read is as good as after them. Anything else is shadow_fault()'s: then nothing has
 * been done.
 */
#include <linux/mm.h>
#include <linux/uaccess.h>

#include "shadow_leaf_inline.h"
#include "shadow_priv.h"

/*
 * What is kept is of this block: is it of now, too? A table is kept of user pages alone, so
 * user mode may use what is above it.
 */
static __always_inline bool is_now(const struct shadow *sh, const struct shadow_root *root,
				   const struct shadow_near *near, u64 va, u32 access)
{
	if (!near->table || near->tables_seq != sh->tables_seq ||
	    near->gone_seq != sh->gone_seq || near->inv_seq != sh->inv_seq || sh->inv_count)
		return false;
	/* the kernel has tables of its own there: user pages are other ones in these */
	return (access & PTWALK_USER) || !test_bit(table_index(va, 4), root->split);
}

/*
 * The guest's entry, if it has all of @need; else 0, and where one beside it is to be mapped,
 * too, as prefill() does.
 */
static __always_inline u64 guest_entry(const struct shadow_near *near, const u64 *hw,
				       unsigned int idx, u64 need)
{
	const unsigned int first = idx & ~(GROUP - 1);
	const u64 rsvd = gpte_rsvd();
	u64 e = 0, found;

	pagefault_disable();
	__uaccess_begin_nospec();
	unsafe_get_user(found, &near->entries[idx], fault);
	if ((found & (need | rsvd)) == need &&
	    !group_dense(&hw[first], &near->entries[first], idx - first, rsvd))
		e = found;
fault:
	__uaccess_end();
	pagefault_enable();
	return e;
}

static bool fill_locked(struct shadow *sh, const struct shadow_root *root,
			struct shadow_near *near, u64 va, u32 access)
{
	u64 need = GPTE_P | GPTE_A | GPTE_US | (access & PTWALK_WRITE ? GPTE_RW | GPTE_D : 0);
	struct shadow_table *t = near->table;
	unsigned int idx = table_index(va, 1);
	const struct gmem_slot *slot;
	u64 e, gpa, old;
	unsigned long hva;
	bool write;

	if (sh->dead || root->gone || !is_now(sh, root, near, va, access) ||
	    READ_ONCE(t->hw[idx]))
		return false;
	/* no A or D to be set, and no fault */
	e = guest_entry(near, t->hw, idx, need);
	if (!e)
		return false;
	gpa = e & GPTE_ADDR;
	slot = gmem_slot_inline(sh->gmem, gpa);
	if (!slot)
		return false;
	hva = slot->hva + (gpa - slot->gpa);
	if (near->host_block != (hva >> PMD_SHIFT) + 1)
		return false;
	write = near->above.path_writable && (e & GPTE_RW);
	if ((access & PTWALK_WRITE) && !(write && near->write))
		return false;
	e = leaf_bits(near->pfn + table_index(hva, 1), near->write && write && (e & GPTE_D),
		      access & PTWALK_WRITE, near->above.path_noexec || (e & GPTE_NX));
	return !leaf_add(sh, NULL, t, idx, gpa >> PAGE_SHIFT, e, &old);
}

bool shadow_near_fill(struct shadow *sh, const struct shadow_root *root, unsigned int vcpu,
		      u64 va, u32 access)
{
	struct shadow_reader *r = &sh->lock.reader[vcpu];
	bool done;

	/* it is more often told by this than by what needs the lock */
	if ((access & PTWALK_FETCH) || r->near.root != root->id ||
	    r->near.block != va >> PMD_SHIFT ||
	    r->near.tables_seq != READ_ONCE(sh->tables_seq))
		return false;
	shadow_fill_lock(sh, vcpu);
	done = fill_locked(sh, root, &r->near, va, access);
	r->fills += done;
	shadow_fill_unlock(sh, vcpu);
	return done;
}
