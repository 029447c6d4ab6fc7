/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef DOMUS_SHADOW_PRIV_H
#define DOMUS_SHADOW_PRIV_H

/*
 * Between shadow*.c only.
 *
 *   shadow.c         life of a domain's shadow, roots, room
 *   shadow_loaded.c  roots that vCPUs have at hand
 *   shadow_lock.c    the lock
 *   shadow_table.c   hardware table pages and where they are kept before and after use
 *   shadow_fill.c    faults
 *   shadow_near.c    the usual ones, in short
 *   shadow_zap.c     removal: guest flushes, whole trees, TLB flushes
 *   shadow_rmap.c    guest frame -> leaves
 *   shadow_notify.c  what the host does to the holder's memory
 *
 * The rules of the lock:
 *   fill   by the thread of a vCPU in RUN; may add: an entry of a table goes from zero to
 *          a value, or a leaf gains rights, by compare-exchange; hardware sets A and D at
 *          any time
 *   write  by anybody; may take away; whatever is taken away bumps zap_seq before unlock, and
 *          nobody relies on it before shadow_tlb_flush()
 * A table is freed only from the grave, after a flush of all vCPUs.
 */
#include <linux/bitmap.h>
#include <linux/mem_encrypt.h>
#include <linux/mm.h>
#include <linux/refcount.h>

#include "domain.h"
#include "shadow.h"

/* Hardware entries. G, PWT, PCD, PAT and protection keys are never set. */
#define SPTE_P			BIT_ULL(0)
#define SPTE_RW			BIT_ULL(1)
#define SPTE_US			BIT_ULL(2)
#define SPTE_A			BIT_ULL(5)
#define SPTE_D			BIT_ULL(6)
#define SPTE_PS			BIT_ULL(7)
#define SPTE_PLANTED		BIT_ULL(9)	/* see shadow_plant() */
#define SPTE_PLANTED_DEEP	BIT_ULL(10)	/* one more fault before that goes */
#define SPTE_NX			BIT_ULL(63)

#define TABLE_ENTRIES		512
#define LOWER_SLOTS		256		/* top-level slots of the lower half */
#define LARGE_FRAMES		512		/* 4 KiB frames in a 2 MiB leaf */

#define VIEW_KERNEL		0
#define VIEW_USER		1

#define LINE	(TABLE_ENTRIES / 64)

/**
 * struct shadow_table - a hardware page table and what hardware does not keep
 * @link: in a list of detached tables, or the grave
 * @hw: the page; its page_private() points back here
 * @gfns: first guest frame of each leaf (levels 1 and 2, else NULL); valid while
 *	the entry is a leaf and its filler has released the lock
 * @used: entries that are not zero; of tables of level 4 and 5: children owned
 * @lines: a bit for each LINE of entries of which one may not be zero: set by fills, reset
 *	by who finds none there
 * @level: 1..5; an entry of level n maps 4 KiB << 9 * (n - 1)
 * @whole: some leaf below stems from one guest leaf that covers all of this
 *	table: set by fills, reset by the zap of the whole table
 */
struct shadow_table {
	struct list_head link;
	u64 *hw;
	u32 *gfns;
	unsigned long lines;
	atomic_t used;
	u8 level;
	bool whole;
};

/* An entry of the table was made. */
static inline void table_mark(struct shadow_table *t, unsigned int idx)
{
	static_assert(BITS_PER_LONG == 64);
	/* most often it is known: no write to what others read */
	if (!test_bit(idx / LINE, &t->lines))
		set_bit(idx / LINE, &t->lines);
}

/**
 * struct shadow_root - the two views of a guest root
 * @hash, @link: in sh->hash and sh->roots while cached
 * @refs: one for being cached, one for each vCPU that has it at hand, and for who uses it
 * @at_hand: bit n: vCPU n has it at hand
 * @gpa: the guest's table
 * @id: tells it from an earlier root of the same gpa
 * @dropped: flush_seq when all of it was last taken away, or it was made
 * @gone: not cached any more; must not be filled
 * @recent: used since the clock's hand last passed
 * @top: by view: what CR3 points to
 * @low: by view: level-4 table of the lower half; is @top when that has level 4
 * @present: lower slots in use in either view
 * @split: lower slots whose tables are not shared: the kernel view has its own
 *
 * A lower slot that is not split has its tables owned by low[VIEW_USER]; the
 * kernel view's entry is a copy with NX.
 */
struct shadow_root {
	struct hlist_node hash;
	struct list_head link;
	refcount_t refs;
	unsigned long at_hand;
	u64 gpa;
	u64 id;
	unsigned long dropped;
	bool recent;
	bool gone;
	struct shadow_table *top[2];
	struct shadow_table *low[2];
	DECLARE_BITMAP(present, LOWER_SLOTS);
	DECLARE_BITMAP(split, LOWER_SLOTS);
};

struct rmap_chunk;

/**
 * struct shadow_cache - what a fill may need, allocated before the lock
 * @table: by level
 * @chunk: for a chain
 * @heads: a zeroed page, for chains
 * @used: something was put in; cache_free() is needed
 */
struct shadow_cache {
	struct shadow_table *table[4];
	struct rmap_chunk *chunk;
	unsigned long *heads;
	bool used;
};

/**
 * struct shadow_zap - a removal in progress
 * @sh: whose
 * @count: the counter that it adds to
 * @zaps: entries changed since the lock was taken
 * @work: steps since the lock was taken
 * @wrprotect: leaves lose only RW
 * @flush_locked: flush all TLBs before the lock is released: a mapping's size
 *	may change, and two sizes of one page in an instruction TLB are a
 *	machine check on some CPUs
 */
struct shadow_zap {
	struct shadow *sh;
	atomic64_t *count;
	unsigned long zaps;
	unsigned long work;
	bool wrprotect;
	bool flush_locked;
};

#define ZAP_BATCH	1024	/* steps under the lock before others get their turn */

static inline unsigned int table_shift(int level)
{
	return PAGE_SHIFT + 9 * (level - 1);
}

static inline unsigned int table_index(u64 va, int level)
{
	return va >> table_shift(level) & (TABLE_ENTRIES - 1);
}

static inline u64 spte_addr(u64 spte)
{
	return spte & PTE_PFN_MASK;	/* without the encryption bit */
}

static inline bool spte_is_leaf(u64 spte, int level)
{
	return level == 1 || (spte & SPTE_PS);
}

/* The table that an entry points to. The entry is present and no leaf. */
static inline struct shadow_table *spte_table(u64 spte)
{
	return (struct shadow_table *)page_private(pfn_to_page(spte_addr(spte) >> PAGE_SHIFT));
}

/* The table that a leaf entry is in. */
static inline struct shadow_table *spte_owner(u64 *sptep)
{
	return (struct shadow_table *)page_private(virt_to_page(sptep));
}

static inline u64 table_entry(const struct shadow_table *t)
{
	return __sme_pa(t->hw) | SPTE_P | SPTE_RW | SPTE_US | SPTE_A;
}

static inline bool va_is_upper(u64 va)
{
	return va >> 47;
}

/* Addresses that no guest table maps: not canonical with 48 bits, or the cells' slot. */
static inline bool va_is_hole(u64 va)
{
	return (u64)((s64)(va << 16) >> 16) != va ||
	       (va_is_upper(va) && table_index(va, 4) == CELL_TOP_SLOT);
}

/* ---- shadow_lock.c ---------------------------------------------------- */

void shadow_lock_init(struct shadow_lock *l);

/* Context: any that may spin, irqs on. */
void shadow_write_lock(struct shadow *sh) __acquires(&sh->lock);
void shadow_write_unlock(struct shadow *sh) __releases(&sh->lock);

/* shadow_fill_lock() where somebody takes away. */
void shadow_fill_wait(struct shadow *sh, struct shadow_reader *r);

/*
 * Fills of different vCPUs write to no common word, and do not wait for each other.
 * Context: process, the thread of @vcpu. Not to be nested.
 */
static __always_inline void shadow_fill_lock(struct shadow *sh, unsigned int vcpu)
	__acquires(&sh->lock)
{
	struct shadow_reader *r = &sh->lock.reader[vcpu];

	__acquire(&sh->lock);
	preempt_disable();
	rwlock_acquire_read(&sh->lock.dep_map, 0, 0, _RET_IP_);
	/* with shadow_write_lock(): one of both sees the other */
	smp_store_mb(r->busy, 1);
	if (unlikely(READ_ONCE(sh->lock.writing)))
		shadow_fill_wait(sh, r);
}

static __always_inline void shadow_fill_unlock(struct shadow *sh, unsigned int vcpu)
	__releases(&sh->lock)
{
	/* with shadow_write_lock(): what was added is seen by who takes away */
	smp_store_release(&sh->lock.reader[vcpu].busy, 0);
	rwlock_release(&sh->lock.dep_map, _RET_IP_);
	preempt_enable();
	__release(&sh->lock);
}

/* ---- shadow_near.c ---------------------------------------------------- */

/*
 * A fill beside the last one of the vCPU, as shadow_fault() does it, where that is all there
 * is to do. @access: PTWALK_*. Context: as shadow_fault(). Return: it is done.
 */
bool shadow_near_fill(struct shadow *sh, const struct shadow_root *root, unsigned int vcpu,
		      u64 va, u32 access);

/* ---- shadow_table.c --------------------------------------------------- */

/**
 * table_alloc() - a zeroed table, charged to the caller
 *
 * Context: process, may sleep; no lock of shadow held. Return: it or NULL.
 */
struct shadow_table *table_alloc(struct shadow *sh, int level);
void table_free(struct shadow *sh, struct shadow_table *t);	/* any context but NMI */
void table_free_list(struct shadow *sh, struct list_head *list);

/*
 * Make sure that tables of all levels in @levels (bit n: level n) are there, and with
 * @chunk what rmap_add() may need.
 */
int cache_fill(struct shadow *sh, struct shadow_cache *c, unsigned int levels, bool chunk);
void cache_free(struct shadow *sh, struct shadow_cache *c);

/* Put a table that is out of all views into the grave. Lock held to write. */
void table_bury(struct shadow_zap *z, struct shadow_table *t);

/* Flush and free the grave's tables. No lock held. */
void shadow_reap_all(struct shadow *sh);

#define GRAVE_MAX	64	/* tables that wait for a flush */

/* The same if there are many, or if there is one and @all. */
static inline void shadow_reap(struct shadow *sh, bool all)
{
	if (READ_ONCE(sh->nr_grave) >= (all ? 1 : GRAVE_MAX))
		shadow_reap_all(sh);
}

/* ---- shadow.c --------------------------------------------------------- */

/* Free tables until a fill may have some. Process context, no lock held. */
void shadow_make_room(struct shadow *sh);

/* Root by gpa, or NULL. Lock held. */
struct shadow_root *root_find(struct shadow *sh, u64 gpa);

/* ---- shadow_loaded.c -------------------------------------------------- */

/*
 * Take a root away from all vCPUs that only have it at hand. Lock held to write. Return:
 * nobody but the cache has it.
 */
bool root_take_back(struct shadow *sh, struct shadow_root *root);

/* Have the next load of it come to C, which marks it as used. Lock held to write. */
void root_ask(struct shadow *sh, struct shadow_root *root);

/* ---- shadow_zap.c ----------------------------------------------------- */

/* Take and release the lock to write, around removals. */
void zap_begin(struct shadow_zap *z) __acquires(&z->sh->lock);
void zap_end(struct shadow_zap *z) __releases(&z->sh->lock);

/*
 * Remove the leaf at @sptep; zap_leaf() its place in the reverse map, too. Lock
 * held to write.
 */
void zap_entry(struct shadow_zap *z, u64 *sptep);
void zap_leaf(struct shadow_zap *z, u64 *sptep);

/* Take a child table out of @t and put it in @list. Lock held to write. */
void table_detach(struct shadow_zap *z, struct shadow_table *t, unsigned int idx,
		  struct list_head *list);

/* Detach all of a root's lower half. Lock held to write. */
void root_detach(struct shadow_zap *z, struct shadow_root *root, struct list_head *list);

/* Zap and bury detached tables and all below them, in batches. No lock held. */
void zap_tables(struct shadow_zap *z, struct list_head *list);

/*
 * Empty every view. Process context or a notifier's, no lock held, may sleep; the second
 * with sh->room held.
 */
void shadow_drop_all(struct shadow *sh);
void shadow_drop_all_locked(struct shadow *sh);

/**
 * shadow_tlb_flush() - make removals effective on vCPUs
 * @vcpus: mask; bits of no vCPU are ignored
 *
 * When it returns, no vCPU of the mask uses what was taken away before the call,
 * by whomever. Context: process; lock held or not.
 */
void shadow_tlb_flush(struct shadow *sh, u64 vcpus);

/* ---- shadow_rmap.c ---------------------------------------------------- */

/* 2 MiB blocks of a slot, the last one perhaps a part. */
static inline u64 rmap_blocks(const struct shadow_rmap *r)
{
	return DIV_ROUND_UP(r->nr, LARGE_FRAMES);
}

int rmap_init(struct shadow *sh);
void rmap_exit(struct shadow *sh);

struct rmap_chunk *rmap_chunk_alloc(struct shadow *sh, gfp_t gfp);
void rmap_chunk_free(struct shadow *sh, struct rmap_chunk *c);

/**
 * rmap_add() - remember a leaf that is about to be installed
 * @gfn: first frame of the leaf, inside a slot; multiple of 512 for level 2
 * @level: 1 or 2
 * @sptep: the entry
 * @cache: has a chunk and heads perhaps, which are used before any are allocated; or NULL
 *
 * Context: lock held for a fill. Return: 0; -ENOSPC the chain is full: zap it;
 * -ENOMEM a chunk or heads are needed.
 */
int rmap_add(struct shadow *sh, u64 gfn, int level, u64 *sptep, struct shadow_cache *cache);

/* Forget it: by the filler who lost the race for the entry (lock held for a fill). */
void rmap_cancel(struct shadow *sh, u64 gfn, int level, u64 *sptep);

/* Forget it. Lock held to write. Return: steps that it took, beside the first. */
unsigned long rmap_remove(struct shadow *sh, u64 gfn, int level, u64 *sptep);

/* Zap every leaf of a chain. Lock held to write. */
void rmap_zap(struct shadow_zap *z, u64 gfn, int level);
void rmap_zap_head(struct shadow_zap *z, unsigned long *head);

/**
 * rmap_age() - has a leaf of the chain been used?
 * @clear: forget that
 * @young: set to true if so; else left as it is
 *
 * Context: lock held to write. Return: steps that it took, at least 1.
 */
unsigned long rmap_age(struct shadow *sh, u64 gfn, int level, bool clear, bool *young);

/* ---- shadow_notify.c -------------------------------------------------- */

extern const struct mmu_notifier_ops shadow_mn_ops;

#endif /* DOMUS_SHADOW_PRIV_H */
