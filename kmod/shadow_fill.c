// SPDX-License-Identifier: GPL-2.0-only
/*
 * Faults: from the guest's tables to a shadow leaf.
 *
 *   1. guest table memory, for the walk
 *   2. the host page behind a frame, and the size it is mapped with (shadow_host_inline.h)
 *   3. install: its parts
 *   4. neighbours
 *   5. install: under the lock, if nothing was flushed since the fault was looked at
 *   6. what install could not do beside others
 *   7. shadow_fault(), shadow_translate()
 *
 * Order is everything here: sample flush_seq and inv_seq; walk; get the page; take
 * the lock; compare. A guest flush or a host invalidation that finished in between
 * makes the attempt void; one that comes later waits for the lock and finds the leaf.
 *
 * Which tables: upper half: sh->upper (kernel view only). Lower half: those of the
 * user view, which the kernel view borrows with NX; they hold only leaves that have
 * U at every level. The first other leaf in a top-level slot splits it: the kernel
 * view gets tables of its own there. Tables that only the kernel view has are called
 * private; user pages get NX in them.
 */
#include <linux/kernel.h>
#include <linux/mm.h>
#include <linux/pagemap.h>
#include <linux/pgtable.h>
#include <linux/sched/signal.h>
#include <linux/uaccess.h>

#include "ptwalk_inline.h"
#include "shadow_host_inline.h"
#include "shadow_leaf_inline.h"
#include "shadow_priv.h"

#define TRIES		4	/* looks at the guest's tables before the guest itself retries */
#define INSTALLS	4	/* attempts per look: each brings what was missing */

enum install {
	INST_FILLED,
	INST_SPURIOUS,
	INST_STALE,	/* something was flushed: look again */
	INST_NEED,	/* f->need and f->need_chunk say what to allocate */
	INST_CONFLICT,	/* another leaf or table is in the way */
	INST_SPLIT,	/* the kernel view needs its own tables in this slot */
	INST_CHAIN,	/* the frame's chain is full */
	INST_DEAD,
};

/* One fault. */
struct fill {
	struct shadow *sh;
	struct shadow_root *root;
	struct shadow_near *near;	/* the vCPU's */
	unsigned int vcpu;
	u64 va;
	u32 access;		/* PTWALK_* */
	bool upper;
	bool host_write;	/* the host lets us write */
	bool linked;		/* install put something in above the leaf */
	bool private;		/* the leaf's table is in the kernel view only */
	bool need_chunk;
	bool fresh;		/* install put a leaf where nothing was */
	u8 level;		/* of the shadow leaf */
	unsigned int need;	/* table levels to allocate */
	unsigned long flush_seq;
	unsigned long tables_seq;
	unsigned long inv_seq;
	unsigned long hva;
	u64 gfn;		/* first frame of the shadow leaf */
	unsigned long pfn;	/* first host frame of it */
	struct page *page;
	struct ptwalk_result w;
	struct shadow_cache cache;
};

/* ---- 1. Guest table memory -------------------------------------------- */

/*
 * Slots are multiples of pages in user memory, entries are aligned: one compare with
 * the slot's size is the whole check. The first slot is nearly always the one.
 */
static __always_inline u64 __user *table_ptr(const struct gmem *g, u64 gpa)
{
	const struct gmem_slot *s = g->slots;
	u64 off = gpa - s->gpa;

	if (unlikely(off >= s->size)) {
		s = gmem_slot_of(g, gpa);
		if (!s)
			return NULL;
		off = gpa - s->gpa;
	}
	return (u64 __user *)(s->hva + array_index_nospec(off, s->size));
}

static __always_inline int table_read(void *ctx, u64 gpa, u64 *entry)
{
	const struct fill *f = ctx;
	u64 __user *p = table_ptr(f->sh->gmem, gpa);

	if (unlikely(!p))
		return -ENXIO;
	__uaccess_begin_nospec();
	unsafe_get_user(*entry, p, fault);
	__uaccess_end();
	return 0;
fault:
	__uaccess_end();
	return -EFAULT;
}

/*
 * Under the lock, if nothing was flushed since the walk began: the table may be something
 * else after that. Return: 0; 1: the entry is another; -EAGAIN: walk again; or -errno.
 */
static int table_cmpxchg(void *ctx, u64 gpa, u64 old, u64 val)
{
	const struct fill *f = ctx;
	u64 __user *p = table_ptr(f->sh->gmem, gpa);
	int ret = -EAGAIN;

	if (unlikely(!p))
		return -ENXIO;
	shadow_fill_lock(f->sh, f->vcpu);
	if (likely(f->sh->flush_seq == f->flush_seq)) {
		pagefault_disable();
		ret = __try_cmpxchg_user(p, &old, val, fault);
		pagefault_enable();
	}
	shadow_fill_unlock(f->sh, f->vcpu);
	if (unlikely(ret == -EFAULT) && !fault_in_safe_writeable((char __user *)p, sizeof(*p)))
		return -EAGAIN;
	return ret;
}

u64 shadow_gpte_rsvd(void)
{
	return gpte_rsvd();
}

/* Behind the samples of flush_seq and tables_seq. */
static __always_inline enum ptwalk_status walk(struct fill *f)
{
	struct shadow_near *near = f->near;
	u64 block = f->va >> PMD_SHIFT;
	enum ptwalk_status status;

	if (near->root == f->root->id && near->block == block &&
	    near->tables_seq == f->tables_seq) {
		status = ptwalk_near(table_read, table_cmpxchg, gpte_rsvd(), f, &near->above,
				     f->va, f->access, &f->w);
		/*
		 * What an MMU has cached of the tables above is forgotten by a fault (SDM 3A,
		 * 4.10.4.1), so that a right which was given there needs no flush.
		 */
		if (likely(status != PTWALK_FAULT))
			return status;
	}
	near->root = 0;
	status = ptwalk_inline(table_read, table_cmpxchg, gpte_rsvd(), f, f->root->gpa,
			       f->va, f->access, &f->w);
	if (status == PTWALK_OK && f->w.level == 1 && !f->upper) {
		near->root = f->root->id;
		near->block = block;
		near->tables_seq = f->tables_seq;
		near->above = f->w;
		near->entries = table_ptr(f->sh->gmem, f->w.table_gpa);
		near->table = NULL;
	}
	return status;
}

/* ---- 2. The host page ------------------------------------------------- */

/* The large leaf around the page, if guest and host have one and the slot allows. */
static void use_large(struct fill *f, const struct gmem_slot *slot)
{
	u64 off = (f->gfn << PAGE_SHIFT) - slot->gpa;	/* slot->gpa is aligned */

	if ((slot->hva & ~PMD_MASK) || slot->size - (off & PMD_MASK) < PMD_SIZE)
		return;
	f->level = 2;
	f->gfn &= ~(u64)(LARGE_FRAMES - 1);
	f->pfn &= ~(unsigned long)(LARGE_FRAMES - 1);
}

/* Let the host provide the page: it may sleep, swap, copy. */
static noinline enum shadow_result fetch_page(struct fill *f, struct host_map *h, bool write)
{
	struct shadow *sh = f->sh;
	unsigned long seq;
	int n;

	n = get_user_pages_fast(f->hva, 1, write ? FOLL_WRITE : 0, &f->page);
	/* only the slow way tells which of two reasons it is */
	if (n == -EFAULT)
		n = get_user_pages_unlocked(f->hva, 1, &f->page,
					    FOLL_HWPOISON | (write ? FOLL_WRITE : 0));
	if (n == -EHWPOISON)
		return SHADOW_POISONED;
	if (n != 1)
		return fatal_signal_pending(current) || !n || n == -EINTR || n == -EAGAIN ?
		       SHADOW_RETRY : SHADOW_NO_MEMORY;
	/* the copy of a page is an invalidation: begin anew from here */
	seq = READ_ONCE(sh->inv_seq);
	smp_rmb();	/* before the look at the host's tables */
	if (likely(host_lookup(sh, f->hva, h) && (h->write || !write))) {
		f->inv_seq = seq;
		put_page(f->page);
		f->page = NULL;
		return SHADOW_FILLED;
	}
	/* memory that host_lookup() does not like, by the first sample and a reference */
	h->pfn = page_to_pfn(f->page);
	h->write = write;
	h->large = false;
	return SHADOW_FILLED;
}

/*
 * host_lookup(), which is not asked twice about one of the host's large pages. Behind the
 * sample of inv_seq: what is kept is of a time without any invalidation, and there was none
 * since; one that begins now makes the attempt void, as if it had been asked.
 */
static __always_inline bool near_lookup(struct fill *f, unsigned long hva, struct host_map *h)
{
	struct shadow_near *near = f->near;
	unsigned long block = (hva >> PMD_SHIFT) + 1;

	if (near->host_block == block && near->inv_seq == f->inv_seq &&
	    !READ_ONCE(f->sh->inv_count)) {
		h->pfn = near->pfn + table_index(hva, 1);
		h->write = near->write;
		h->large = true;
		return true;
	}
	if (!host_lookup(f->sh, hva, h))
		return false;
	if (h->large && !READ_ONCE(f->sh->inv_count)) {
		near->host_block = block;
		near->inv_seq = f->inv_seq;
		near->pfn = h->pfn - table_index(hva, 1);
		near->write = h->write;
	}
	return true;
}

static __always_inline enum shadow_result find_page(struct fill *f)
{
	u64 gpa = f->w.gfn << PAGE_SHIFT;
	const struct gmem_slot *slot = gmem_slot_inline(f->sh->gmem, gpa);
	bool write = f->access & PTWALK_WRITE;
	enum shadow_result ret;
	struct host_map h;

	if (unlikely(!slot))
		return SHADOW_BAD_FRAME;
	f->hva = slot->hva + (gpa - slot->gpa);
	f->inv_seq = READ_ONCE(f->sh->inv_seq);
	smp_rmb();	/* before the look at the host's tables */
	if (unlikely(!near_lookup(f, f->hva, &h) || (write && !h.write))) {
		ret = fetch_page(f, &h, write);
		if (ret != SHADOW_FILLED)
			return ret;
	}
	f->host_write = h.write;
	f->gfn = f->w.gfn;
	f->pfn = h.pfn;
	f->level = 1;
	if (unlikely(f->w.level >= 2 && h.large))
		use_large(f, slot);
	return SHADOW_FILLED;
}

/* ---- 3. Install: its parts -------------------------------------------- */

static bool is_stale(const struct fill *f)
{
	const struct shadow *sh = f->sh;
	unsigned long start, size;

	lockdep_assert_held_read(&sh->lock);
	if (sh->flush_seq != f->flush_seq || sh->inv_seq != f->inv_seq)
		return true;
	if (likely(!sh->inv_count))
		return false;
	size = f->level == 2 ? PMD_SIZE : PAGE_SIZE;
	start = f->hva & ~(size - 1);
	return start < sh->inv_end && sh->inv_start < start + size;
}

/* child_table() where there is none yet, or a large leaf. */
static noinline struct shadow_table *child_make(struct fill *f, struct shadow_table *t,
						unsigned int idx)
{
	unsigned int level = t->level - 1;
	struct shadow_table *child = f->cache.table[level];
	u64 e = READ_ONCE(t->hw[idx]);

	if (e)
		goto there;
	if (!child) {
		/* all levels from here down to the leaf's table */
		f->need = GENMASK(level, f->level);
		return NULL;
	}
	e = cmpxchg64(&t->hw[idx], 0, table_entry(child));
	if (!e) {
		atomic_inc(&t->used);
		table_mark(t, idx);
		f->cache.table[level] = NULL;
		f->linked = true;
		return child;
	}
there:
	return spte_is_leaf(e, t->level) ? NULL : spte_table(e);
}

/*
 * The child table at @t[@idx], made if need be. Return: it, or NULL: f->need says
 * what is missing, or is 0 if a large leaf is there.
 */
static __always_inline struct shadow_table *child_table(struct fill *f,
							struct shadow_table *t,
							unsigned int idx)
{
	u64 e = READ_ONCE(t->hw[idx]);

	/* of the levels above 1 only, where PS tells a leaf */
	if (likely((e & (SPTE_P | SPTE_PS)) == SPTE_P))
		return spte_table(e);
	return child_make(f, t, idx);
}

/* The level-3 table for the address, linked in the view that faulted. */
static __always_inline struct shadow_table *top_child(struct fill *f)
{
	struct shadow_root *root = f->root;
	unsigned int s = table_index(f->va, 4);
	struct shadow_table *kernel = root->low[VIEW_KERNEL];
	struct shadow_table *t;

	if (f->upper) {
		u64 *hw = &root->top[VIEW_KERNEL]->hw[s];

		t = child_table(f, f->sh->upper, s);
		if (t && !f->sh->l5 && unlikely(!READ_ONCE(*hw))) {
			WRITE_ONCE(*hw, table_entry(t));
			f->linked = true;
		}
		return t;
	}
	if (f->private)
		return child_table(f, kernel, s);
	t = child_table(f, root->low[VIEW_USER], s);
	if (!t)
		return NULL;
	if (unlikely(!test_bit(s, root->present)))
		set_bit(s, root->present);
	/* the split bit changes under the lock held to write only */
	if (unlikely(!READ_ONCE(kernel->hw[s])) && !test_bit(s, root->split)) {
		WRITE_ONCE(kernel->hw[s], table_entry(t) | SPTE_NX);
		f->linked = true;
	}
	return t;
}

static __always_inline u64 leaf_value(const struct fill *f)
{
	u64 e = leaf_bits(f->pfn, f->host_write && f->w.writable && f->w.dirty,
			  f->access & PTWALK_WRITE,
			  f->w.noexec || (f->private && f->w.user));

	return f->level == 2 ? e | SPTE_PS : e;
}

/* leaf_add(), in the words of an install. */
static __always_inline enum install leaf_first(struct fill *f, struct shadow_table *t,
					       unsigned int idx, u64 val, u64 *old)
{
	int ret = leaf_add(f->sh, &f->cache, t, idx, f->gfn, val, old);

	if (likely(!ret))
		return INST_FILLED;
	if (ret == -EEXIST)
		return INST_STALE;
	f->need_chunk = ret == -ENOMEM;
	return f->need_chunk ? INST_NEED : INST_CHAIN;
}

static bool leaf_allows(u64 spte, u32 access)
{
	if ((access & PTWALK_WRITE) && !(spte & SPTE_RW))
		return false;
	if ((access & PTWALK_FETCH) && (spte & SPTE_NX))
		return false;
	return spte & SPTE_US;
}

static enum install leaf_set(struct fill *f, struct shadow_table *t, unsigned int idx)
{
	u64 *sptep = &t->hw[idx];
	u64 old = READ_ONCE(*sptep);
	u64 val = leaf_value(f);
	enum install ret;
	int i;

	if (!old) {
		ret = leaf_first(f, t, idx, val, &old);
		f->fresh = ret == INST_FILLED;
		if (ret != INST_STALE)
			return ret;
	}
	/*
	 * gfns[] of a leaf that another vCPU is just adding may be old: then this is
	 * taken for a conflict, which costs time only.
	 */
	if (!spte_is_leaf(old, t->level) || spte_addr(old) != spte_addr(val) ||
	    READ_ONCE(t->gfns[idx]) != (u32)f->gfn)
		return INST_CONFLICT;
	if (leaf_allows(old, f->access))
		return f->linked ? INST_FILLED : INST_SPURIOUS;
	if (old & SPTE_PLANTED_DEEP) {
		clear_bit(ilog2(SPTE_PLANTED_DEEP), (unsigned long *)sptep);
		return INST_SPURIOUS;
	}
	if (old & SPTE_PLANTED) {
		clear_bit(ilog2(SPTE_PLANTED), (unsigned long *)sptep);
		set_bit(ilog2(SPTE_US), (unsigned long *)sptep);
		return INST_SPURIOUS;
	}
	for (i = 0; i < INSTALLS; i++) {
		u64 was;

		/* a fill may not take a right away, which nobody would be flushed for */
		if (old & ~val & SPTE_RW)
			return INST_CONFLICT;
		was = cmpxchg64(sptep, old, val | (old & (SPTE_A | SPTE_D)));

		if (was == old)
			return INST_FILLED;
		old = was;	/* hardware set A or D, or another fill was here */
	}
	return INST_STALE;
}

/* ---- 4. Neighbours ---------------------------------------------------- */

/*
 * What neighbours have in common.
 *
 * @fill: of the one that is being mapped: what does not change is set once
 * @entries: the guest's, by place in the group
 */
struct group {
	struct fill fill;
	u64 entries[GROUP];
};

/* Of a large leaf of the guest's all are there: what its entries would be. */
static noinline unsigned int group_made_up(struct group *g, const struct fill *f,
					   const u64 *hw, unsigned int first)
{
	u64 gfn = (f->gfn & ~(u64)(TABLE_ENTRIES - 1)) + first;
	unsigned int i, mask = 0;

	for (i = 0; i < GROUP; i++) {
		if (READ_ONCE(hw[i]))
			continue;
		g->entries[i] = (gfn + i) << PAGE_SHIFT | GPTE_P | GPTE_A |
				(f->w.dirty ? GPTE_D : 0) | (f->w.writable ? GPTE_RW : 0) |
				(f->w.user ? GPTE_US : 0) | (f->w.noexec ? GPTE_NX : 0);
		mask |= BIT(i);
	}
	return mask;
}

/*
 * Which entries of the group that begins at @first does the guest use (P and A set), and
 * not the shadow, whose are @hw, around the one at @place? Return: a bit for each, which
 * is in @g now.
 */
static __always_inline unsigned int group_used(struct group *g, const struct fill *f,
					       const u64 *hw, unsigned int first,
					       unsigned int place)
{
	const u64 used = GPTE_P | GPTE_A, rsvd = gpte_rsvd(), want = used | rsvd;
	unsigned int i, mask = 0;
	u64 __user *p;
	u64 e;

	if (unlikely(f->w.level > 1))
		return group_made_up(g, f, hw, first);
	p = table_ptr(f->sh->gmem, f->w.table_gpa + first * sizeof(u64));
	if (!p)
		return 0;
	pagefault_disable();
	__uaccess_begin_nospec();
	if (!group_dense(hw, p, place, rsvd))
		goto fault;
#pragma GCC unroll 16
	for (i = 0; i < GROUP; i++) {
		if (READ_ONCE(hw[i]))
			continue;
		unsafe_get_user(e, &p[i], fault);
		if ((e & want) != used)
			continue;
		g->entries[i] = e;
		mask |= BIT(i);
	}
fault:
	__uaccess_end();
	pagefault_enable();
	return mask;
}

/* Map one, that the guest has used. Return: false when there is no point in more. */
static bool prefill_one(struct group *g, const struct fill *f, struct shadow_table *t,
			unsigned int idx, u64 e)
{
	struct fill *n = &g->fill;
	const struct gmem_slot *slot;
	u64 gpa = e & GPTE_ADDR, old;
	struct host_map h;

	n->w.user = f->w.path_user && (e & GPTE_US);
	n->w.writable = f->w.path_writable && (e & GPTE_RW);
	n->w.noexec = f->w.path_noexec || (e & GPTE_NX);
	n->w.dirty = e & GPTE_D;
	if (!n->private && !n->w.user)
		return true;
	slot = gmem_slot_inline(n->sh->gmem, gpa);
	if (!slot || !near_lookup(n, slot->hva + (gpa - slot->gpa), &h))
		return true;
	n->pfn = h.pfn;
	n->host_write = h.write;
	n->gfn = gpa >> PAGE_SHIFT;
	if (leaf_add(n->sh, &n->cache, t, idx, n->gfn, leaf_value(n), &old))
		return false;
	n->sh->lock.reader[n->vcpu].prefills++;
	return true;
}

/*
 * Map what the guest already uses beside a page just mapped. Under the lock, with no
 * invalidation in progress: a flush or an invalidation from now on waits for us, so what
 * is read here of the guest's and the host's tables is as good as what the fault
 * found. Never sleeps, never sets A or D.
 */
static __always_inline void prefill(struct fill *f, struct shadow_table *t, unsigned int idx)
{
	unsigned int first = idx & ~(GROUP - 1);
	struct group g __uninit;
	unsigned int i, mask;

	if (unlikely(f->sh->inv_count))
		return;
	mask = group_used(&g, f, &t->hw[first], first, idx - first);
	if (!mask)
		return;
	/* that, and what prefill_one() sets, is all that leaf_add() and leaf_value() look at */
	g.fill.sh = f->sh;
	g.fill.near = f->near;
	g.fill.inv_seq = f->inv_seq;
	g.fill.vcpu = f->vcpu;
	g.fill.private = f->private;
	g.fill.level = 1;
	g.fill.access = 0;
	g.fill.cache.chunk = NULL;
	g.fill.cache.heads = NULL;
	for (; mask; mask &= mask - 1) {
		i = __ffs(mask);
		if (!prefill_one(&g, f, t, first + i, g.entries[i]))
			break;
	}
}

/* ---- 5. Install: all of it -------------------------------------------- */

/* The table for the leaf, made if need be. Return: as child_table(). */
static __always_inline struct shadow_table *leaf_table(struct fill *f)
{
	struct shadow_near *near = f->near;
	struct shadow_table *t;
	bool keep = near->root && !f->private && f->level == 1 && f->w.level == 1;

	if (keep && near->table && near->gone_seq == f->sh->gone_seq)
		return near->table;
	t = top_child(f);
	while (t && t->level > f->level) {
		/* one guest leaf covers this whole table: flushes must know */
		if (unlikely(f->w.level > t->level) && !READ_ONCE(t->whole))
			WRITE_ONCE(t->whole, true);
		t = child_table(f, t, table_index(f->va, t->level));
	}
	if (keep) {
		near->table = t;
		near->gone_seq = f->sh->gone_seq;
	}
	return t;
}

static enum install install_locked(struct fill *f)
{
	struct shadow *sh = f->sh;
	unsigned int slot = table_index(f->va, 4);
	struct shadow_table *t;
	enum install ret;
	unsigned int idx;

	if (unlikely(sh->dead || f->root->gone))
		return INST_DEAD;
	if (unlikely(is_stale(f)))
		return INST_STALE;
	f->need = 0;
	f->need_chunk = false;
	f->fresh = false;
	f->private = f->upper || (!(f->access & PTWALK_USER) &&
				  test_bit(slot, f->root->split));
	if (!f->private && !f->w.user)
		return INST_SPLIT;
	t = leaf_table(f);
	if (!t)
		return f->need ? INST_NEED : INST_CONFLICT;
	if (unlikely(f->w.level > t->level) && !READ_ONCE(t->whole))
		WRITE_ONCE(t->whole, true);
	idx = table_index(f->va, t->level);
	ret = leaf_set(f, t, idx);
	if (f->fresh && t->level == 1)
		prefill(f, t, idx);
	return ret;
}

/* ---- 6. What install could not do ------------------------------------- */

/* Take away what is at the leaf's place: a leaf of another frame or size, or a table. */
static void clear_conflict(struct fill *f)
{
	struct shadow_zap z = { .sh = f->sh, .count = &f->sh->stats.flush_zaps };
	struct shadow_table *t;
	LIST_HEAD(list);
	u64 e = 0;

	atomic64_inc(&f->sh->stats.conflicts);
	zap_begin(&z);
	if (f->root->gone)
		goto out;
	if (f->upper)
		t = f->sh->upper;
	else
		t = f->root->low[f->private ? VIEW_KERNEL : VIEW_USER];
	for (;;) {
		unsigned int idx = table_index(f->va, t->level);

		e = t->hw[idx];
		if (!e)
			break;
		if (spte_is_leaf(e, t->level)) {
			zap_leaf(&z, &t->hw[idx]);
			break;
		}
		if (t->level == f->level) {
			table_detach(&z, t, idx, &list);
			break;
		}
		t = spte_table(e);
	}
	/* the page's size may be another after this */
	z.flush_locked = z.zaps;
out:
	zap_end(&z);
	zap_tables(&z, &list);
	shadow_reap(f->sh, false);
}

/* Give the kernel view its own tables in a slot. Return: 0, -ENOMEM. */
static int split_slot(struct fill *f)
{
	unsigned int s = table_index(f->va, 4);
	struct shadow_table *kernel = f->root->low[VIEW_KERNEL];
	struct shadow_zap z = { .sh = f->sh, .count = &f->sh->stats.flush_zaps };

	if (cache_fill(f->sh, &f->cache, BIT(3), false))
		return -ENOMEM;
	zap_begin(&z);
	if (!f->root->gone && !test_bit(s, f->root->split)) {
		/* what was there is owned by the user view and stays */
		WRITE_ONCE(kernel->hw[s], table_entry(f->cache.table[3]));
		f->cache.table[3] = NULL;
		atomic_inc(&kernel->used);
		__set_bit(s, f->root->split);
		__set_bit(s, f->root->present);
		z.zaps++;
	}
	zap_end(&z);
	return 0;
}

/* The frame is mapped too often: begin anew. */
static void clear_chain(struct fill *f)
{
	struct shadow_zap z = { .sh = f->sh, .count = &f->sh->stats.flush_zaps };

	atomic64_inc(&f->sh->stats.rmap_overflows);
	zap_begin(&z);
	rmap_zap(&z, f->gfn, f->level);
	zap_end(&z);
}

/* Install with what it needs. INST_NEED and the like do not get out. */
static enum install install(struct fill *f)
{
	struct shadow *sh = f->sh;
	enum install ret;
	int i;

	for (i = 0; i < INSTALLS; i++) {
		shadow_fill_lock(sh, f->vcpu);
		ret = install_locked(f);
		shadow_fill_unlock(sh, f->vcpu);
		switch (ret) {
		case INST_NEED:
			if (cache_fill(sh, &f->cache, f->need, f->need_chunk))
				return INST_DEAD;
			break;
		case INST_SPLIT:
			if (split_slot(f))
				return INST_DEAD;
			break;
		case INST_CONFLICT:
			clear_conflict(f);
			break;
		case INST_CHAIN:
			clear_chain(f);
			break;
		default:
			return ret;
		}
	}
	return INST_STALE;
}

/* ---- 7. Entry points -------------------------------------------------- */

static enum shadow_result walk_error(struct fill *f, enum ptwalk_status status)
{
	if (status == PTWALK_RETRY || f->w.mem_error == -EAGAIN)
		return SHADOW_RETRY;
	if (f->w.mem_error == -ENXIO)
		return SHADOW_BAD_FRAME;
	return fatal_signal_pending(current) ? SHADOW_RETRY : SHADOW_NO_MEMORY;
}

/* One look at the guest's tables. SHADOW_RETRY: look again. */
static __always_inline enum shadow_result fill_once(struct fill *f, u32 *guest_error)
{
	struct shadow_stats *stats = &f->sh->stats;
	enum shadow_result result;
	enum ptwalk_status status;

	f->flush_seq = READ_ONCE(f->sh->flush_seq);
	f->tables_seq = READ_ONCE(f->sh->tables_seq);
	smp_rmb();	/* before the walk */
	status = walk(f);
	if (status == PTWALK_FAULT) {
		*guest_error = f->w.error;
		return SHADOW_GUEST_FAULT;
	}
	if (unlikely(status != PTWALK_OK))
		return walk_error(f, status);
	if (unlikely(f->upper && (f->access & PTWALK_USER))) {
		/* user mode has no upper half, whatever the tables say */
		*guest_error = PTWALK_ERR_P |
			       (f->access & (PTWALK_WRITE | PTWALK_USER | PTWALK_FETCH));
		return SHADOW_GUEST_FAULT;
	}
	result = find_page(f);
	if (unlikely(result != SHADOW_FILLED))
		return result;
	switch (install(f)) {
	case INST_FILLED:
		f->sh->lock.reader[f->vcpu].fills++;
		if (f->level == 2)
			atomic64_inc(&stats->large_fills);
		result = SHADOW_FILLED;
		break;
	case INST_SPURIOUS:
		atomic64_inc(&stats->spurious);
		result = SHADOW_SPURIOUS;
		break;
	case INST_DEAD:
		result = SHADOW_NO_MEMORY;
		break;
	default:
		atomic64_inc(&stats->retries);
		result = SHADOW_RETRY;
	}
	if (unlikely(f->page)) {
		put_page(f->page);
		f->page = NULL;
	}
	return result;
}

enum shadow_result shadow_fault(struct shadow *sh, struct shadow_root *root,
				unsigned int vcpu, u64 va, u32 error, bool user,
				u32 *guest_error)
{
	enum shadow_result result;
	struct fill f __uninit;
	int i;

	f.access = (error & (PTWALK_WRITE | PTWALK_FETCH)) | (user ? PTWALK_USER : 0);
	if (likely(shadow_near_fill(sh, root, vcpu, va, f.access)))
		return SHADOW_FILLED;
	f.access |= PTWALK_SET_AD;
	/* what is not set here is set before it is read */
	f.sh = sh;
	f.root = root;
	f.near = &sh->lock.reader[vcpu].near;
	f.vcpu = vcpu;
	f.va = va;
	f.upper = va_is_upper(va);
	f.linked = false;
	f.page = NULL;
	f.cache = (struct shadow_cache){ };
	if (unlikely(va_is_hole(va))) {
		*guest_error = f.access & ~PTWALK_SET_AD;
		return SHADOW_GUEST_FAULT;
	}
	if (unlikely(error & PTWALK_ERR_RSVD)) {
		/* our own tables never have reserved bits: memory is corrupt */
		pr_err_ratelimited("domus: reserved bits in a shadow table at %llx\n", va);
		return SHADOW_NO_MEMORY;
	}
	for (i = 0; i < TRIES; i++) {
		result = fill_once(&f, guest_error);
		if (likely(result == SHADOW_FILLED))
			break;
		smp_rmb();	/* the walk before this look */
		/* a refusal may be that of a table which is something else after a flush */
		if (unlikely(READ_ONCE(sh->flush_seq) != f.flush_seq))
			result = SHADOW_RETRY;
		if (result != SHADOW_RETRY)
			break;
		cond_resched();
	}
	if (unlikely(f.cache.used))
		cache_free(sh, &f.cache);
	return result;
}

int shadow_translate(struct shadow *sh, struct shadow_root *root, u64 va, u64 *gpa)
{
	const struct ptwalk_mem mem = { .read = table_read, .rsvd = gpte_rsvd() };
	struct fill f __uninit;
	struct ptwalk_result w;

	/* all that table_read() looks at */
	f.sh = sh;
	if (va_is_hole(va))
		return -EFAULT;
	if (ptwalk(&mem, &f, root->gpa, va, PTWALK_ANY, &w) != PTWALK_OK)
		return -EFAULT;
	*gpa = w.gfn << PAGE_SHIFT | (va & ~PAGE_MASK);
	return 0;
}
