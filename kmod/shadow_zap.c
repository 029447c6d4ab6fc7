// SPDX-License-Identifier: GPL-2.0-only
/*
 * Taking things away from shadow tables.
 *
 *   1. TLB flushes: who is behind
 *   2. the bracket of every removal, and the removal of one leaf
 *   3. detaching trees and emptying them in batches
 *   4. ranges of a view
 *   5. shadow_flush(), what the guest asks for
 *   6. entries that fault, planted for tests
 *
 * A removal has three steps: zap under the lock; flush TLBs; and only then free
 * tables, or return to who relies on it. Between the first two others may run:
 * zap_seq (bumped by the first) and flushed[] (written by the second) let everyone
 * see what is pending. The guest's mask of vCPUs says when the *guest* is content;
 * the host's notifiers flush whoever is behind, so a wrong mask hurts only the guest.
 */
#include <linux/sched.h>

#include "shadow_priv.h"
#include "vcpu.h"

/* ---- 1. TLB flushes --------------------------------------------------- */

/* Of @vcpus, those that may use what was taken away before the call. */
static u64 tlb_behind(struct shadow *sh, u64 vcpus, u64 seq)
{
	unsigned int nr = min_t(unsigned int, READ_ONCE(sh->d->nr_vcpus), DOMUS_MAX_VCPUS);
	u64 behind = 0;
	unsigned int v;

	for (v = 0; v < nr; v++)
		if ((vcpus & BIT_ULL(v)) && READ_ONCE(sh->flushed[v]) < seq)
			behind |= BIT_ULL(v);
	return behind;
}

/*
 * With @root what was taken away was below that root alone: whoever has another one loaded
 * has loaded it since, and its TLB is clean of this one; but not of all.
 */
static void tlb_flush(struct shadow *sh, u64 vcpus, const struct shadow_root *root)
{
	/* pairs with zap_end(): who sees the count sees the entries gone, too */
	u64 seq = smp_load_acquire(&sh->zap_seq);
	u64 behind = tlb_behind(sh, vcpus, seq);

	if (!behind)
		return;
	behind = vcpu_flush_remote(sh->d, behind, root);
	atomic64_inc(&sh->stats.remote_flushes);
	for (; behind; behind &= behind - 1) {
		unsigned int v = __ffs64(behind);

		if (READ_ONCE(sh->flushed[v]) < seq)
			WRITE_ONCE(sh->flushed[v], seq);
	}
}

void shadow_tlb_flush(struct shadow *sh, u64 vcpus)
{
	tlb_flush(sh, vcpus, NULL);
}

/* ---- 2. The bracket, and one leaf ------------------------------------- */

void zap_begin(struct shadow_zap *z)
	__acquires(&z->sh->lock)
{
	z->zaps = 0;
	z->work = 0;
	z->flush_locked = false;
	shadow_write_lock(z->sh);
}

void zap_end(struct shadow_zap *z)
	__releases(&z->sh->lock)
{
	struct shadow *sh = z->sh;

	lockdep_assert_held_write(&sh->lock);
	if (z->zaps)
		/* pairs with shadow_tlb_flush(): entries go before the count says so */
		smp_store_release(&sh->zap_seq, sh->zap_seq + 1);
	if (z->flush_locked)
		shadow_tlb_flush(sh, ~0ULL);
	shadow_write_unlock(sh);
}

/* Tell the host's memory management what hardware noted in a leaf. */
static void leaf_report(u64 spte, int level)
{
	struct page *page = pfn_to_page(spte_addr(spte) >> PAGE_SHIFT);

	/* the page is still the host's mapping: its notifier waits for our lock */
	if (PageReserved(page))
		return;
	if ((spte & SPTE_D) && !PageDirty(page))
		SetPageDirty(page);
	if ((spte & SPTE_A) && !PageReferenced(page))
		SetPageReferenced(page);
}

void zap_entry(struct shadow_zap *z, u64 *sptep)
{
	struct shadow_table *t = spte_owner(sptep);
	u64 old;

	lockdep_assert_held_write(&z->sh->lock);
	old = xchg(sptep, 0);	/* hardware may set A and D until here */
	if (!old)
		return;
	atomic_dec(&t->used);
	leaf_report(old, t->level);
	if (t->level > 1 && !(old & SPTE_NX))
		z->flush_locked = true;
	z->zaps++;
	z->work++;
	atomic64_inc(z->count);
}

void zap_leaf(struct shadow_zap *z, u64 *sptep)
{
	struct shadow_table *t = spte_owner(sptep);

	z->work += rmap_remove(z->sh, t->gfns[sptep - t->hw], t->level, sptep);
	zap_entry(z, sptep);
}

static void leaf_wrprotect(struct shadow_zap *z, u64 *sptep)
{
	if (!(READ_ONCE(*sptep) & SPTE_RW))
		return;
	clear_bit(1, (unsigned long *)sptep);	/* SPTE_RW; D stays for the zap to report */
	z->zaps++;
	z->work++;
	atomic64_inc(z->count);
}

/* ---- 3. Detached trees ------------------------------------------------ */

void table_detach(struct shadow_zap *z, struct shadow_table *t, unsigned int idx,
		  struct list_head *list)
{
	struct shadow_table *child = spte_table(t->hw[idx]);

	lockdep_assert_held_write(&z->sh->lock);
	WRITE_ONCE(t->hw[idx], 0);
	atomic_dec(&t->used);
	list_add(&child->link, list);
	z->sh->gone_seq++;
	z->zaps++;
	z->work++;
}

void root_detach(struct shadow_zap *z, struct shadow_root *root, struct list_head *list)
{
	struct shadow_table *user = root->low[VIEW_USER];
	struct shadow_table *kernel = root->low[VIEW_KERNEL];
	unsigned int s;

	for_each_set_bit(s, root->present, LOWER_SLOTS) {
		if (user->hw[s])
			table_detach(z, user, s, list);
		if (test_bit(s, root->split))
			table_detach(z, kernel, s, list);
		else
			WRITE_ONCE(kernel->hw[s], 0);
	}
	bitmap_zero(root->present, LOWER_SLOTS);
	bitmap_zero(root->split, LOWER_SLOTS);
}

/*
 * The first line of @t at that of entry @i or behind it that has entries. Return: its
 * first entry, or @i if that is in it; TABLE_ENTRIES: there is none.
 */
static unsigned int used_line(struct shadow_zap *z, struct shadow_table *t, unsigned int i)
{
	unsigned int line, j;

	lockdep_assert_held_write(&z->sh->lock);
	for (line = i / LINE; ; line++) {
		line = find_next_bit(&t->lines, 64, line);
		if (line >= 64)
			return TABLE_ENTRIES;
		z->work++;
		for (j = 0; j < LINE; j++)
			if (t->hw[line * LINE + j])
				return max(i, line * LINE);
		__clear_bit(line, &t->lines);
	}
}

/* Marks were lost, which is a bug: make them anew. Return: there is something. */
static noinline bool mark_what_is_there(struct shadow_table *t)
{
	bool any = false;
	unsigned int i;

	for (i = 0; i < TABLE_ENTRIES; i++) {
		if (!t->hw[i])
			continue;
		table_mark(t, i);
		any = true;
	}
	return any;
}

/* Return: true: the table is empty; false: it is time for others. */
static bool zap_one_table(struct shadow_zap *z, struct shadow_table *t,
			  struct list_head *list)
{
	unsigned int i;

	for (i = 0; i < TABLE_ENTRIES && atomic_read(&t->used); i++) {
		u64 e;

		if (i % LINE == 0)
			i = used_line(z, t, i);
		if (i == TABLE_ENTRIES)
			break;
		e = t->hw[i];
		if (!e)
			continue;
		if (z->work >= ZAP_BATCH)
			return false;
		if (spte_is_leaf(e, t->level))
			zap_leaf(z, &t->hw[i]);
		else
			table_detach(z, t, i, list);
	}
	/* else the reverse map would lead into a table that is freed */
	return !WARN_ON_ONCE(atomic_read(&t->used)) || !mark_what_is_there(t);
}

void zap_tables(struct shadow_zap *z, struct list_head *list)
{
	while (!list_empty(list)) {
		zap_begin(z);
		while (!list_empty(list) && z->work < ZAP_BATCH) {
			struct shadow_table *t;

			/* children go in front: the list stays as short as the tree is deep */
			t = list_first_entry(list, struct shadow_table, link);
			list_del_init(&t->link);
			if (zap_one_table(z, t, list))
				table_bury(z, t);
			else
				list_add(&t->link, list);
		}
		/* nothing reaches these leaves: no reason to flush in a hurry */
		z->flush_locked = false;
		zap_end(z);
		cond_resched();
	}
}

/*
 * Take the whole upper half away. With 4 levels each root's kernel view has entries of
 * its own for it: @slots says which of them root_drop() is to clear.
 */
static void upper_detach(struct shadow_zap *z, unsigned long *slots, struct list_head *list)
{
	struct shadow *sh = z->sh;
	unsigned int s;

	for (s = CELL_TOP_SLOT + 1; s < TABLE_ENTRIES; s++) {
		if (!sh->upper->hw[s])
			continue;
		table_detach(z, sh->upper, s, list);
		if (sh->l5)
			continue;
		__set_bit(s, slots);
		WRITE_ONCE(sh->dropping, true);
	}
}

static void root_drop(struct shadow_zap *z, struct shadow_root *root,
		      const unsigned long *slots, struct list_head *list)
{
	unsigned int s, cleared = 0;

	root_detach(z, root, list);
	for_each_set_bit(s, slots, TABLE_ENTRIES) {
		cleared++;
		if (!root->top[VIEW_KERNEL]->hw[s])
			continue;
		WRITE_ONCE(root->top[VIEW_KERNEL]->hw[s], 0);
		z->zaps++;
	}
	z->work += 2 + cleared / 8;	/* what an empty root costs, and these */
}

/*
 * In batches. A guest may have thousands of roots: each is marked with the flush that it
 * has seen and goes to the end, where new ones come; nobody else moves any, by the mutex.
 * What a vCPU fills meanwhile it has read after the flush began, and until its root's turn
 * it may use what was there before; flush_upper() waits for that.
 */
void shadow_drop_all_locked(struct shadow *sh)
{
	struct shadow_zap z = { .sh = sh, .count = &sh->stats.flush_zaps };
	DECLARE_BITMAP(slots, TABLE_ENTRIES) = {};
	struct shadow_root *root;
	unsigned long seq = 0;
	bool done = false;
	LIST_HEAD(list);

	lockdep_assert_held(&sh->room);
	do {
		zap_begin(&z);
		if (!seq) {
			seq = ++sh->flush_seq;
			sh->tables_seq++;
			upper_detach(&z, slots, &list);
		}
		while (z.work < ZAP_BATCH) {
			root = list_first_entry_or_null(&sh->roots, struct shadow_root, link);
			done = !root || root->dropped >= seq;
			if (done)
				break;
			root_drop(&z, root, slots, &list);
			root->dropped = seq;
			list_move_tail(&root->link, &sh->roots);
		}
		/* tables come back at other sizes at once: see flush_locked */
		z.flush_locked = z.zaps;
		zap_end(&z);
		cond_resched();
	} while (!done);
	zap_tables(&z, &list);
	shadow_reap(sh, true);
	/* what others have zapped is gone too, though this found nothing of it */
	shadow_tlb_flush(sh, ~0ULL);
	WRITE_ONCE(sh->dropping, false);
}

void shadow_drop_all(struct shadow *sh)
{
	if (!sh->upper)
		return;
	mutex_lock(&sh->room);
	shadow_drop_all_locked(sh);
	mutex_unlock(&sh->room);
}

/* ---- 4. Ranges -------------------------------------------------------- */

/*
 * Zap or write-protect [start, last] below @t, which maps all of it. Guest leaves
 * that the range touches go as a whole: an L1 table that stems from one is done
 * completely, an L2 table that does is detached. Absent entries cost a few
 * instructions, absent tables nothing.
 *
 * Return: true when done; false when it is time for others: *@next is where to go on.
 */
static bool zap_level(struct shadow_zap *z, struct shadow_table *t, u64 start, u64 last,
		      u64 *next, struct list_head *list)
{
	u64 span = 1ULL << table_shift(t->level);
	u64 base = start & ~(span * TABLE_ENTRIES - 1);
	int left = atomic_read(&t->used);
	unsigned int i, end;

	if (t->whole) {
		start = base;
		last = base + span * TABLE_ENTRIES - 1;
	}
	i = table_index(start, t->level);
	end = table_index(last, t->level);
	for (; left > 0 && i <= end; i++) {
		struct shadow_table *child;
		u64 va, e;

		if (i % LINE == 0)
			i = used_line(z, t, i);
		if (i > end)
			break;
		va = base + i * span;
		e = t->hw[i];
		if (!e)
			continue;
		left--;
		if (spte_is_leaf(e, t->level)) {
			if (z->work >= ZAP_BATCH) {
				*next = max(start, va);
				return false;
			}
			if (z->wrprotect)
				leaf_wrprotect(z, &t->hw[i]);
			else
				zap_leaf(z, &t->hw[i]);
			continue;
		}
		child = spte_table(e);
		z->work++;
		if (child->level == 2 && child->whole) {
			table_detach(z, t, i, list);
			z->flush_locked = true;
			continue;
		}
		if (!atomic_read(&child->used))
			continue;
		if (z->work >= ZAP_BATCH) {
			*next = max(start, va);
			return false;
		}
		if (!zap_level(z, child, max(start, va), min(last, va + span - 1), next, list))
			return false;
	}
	if (!z->wrprotect)
		t->whole = false;
	return true;
}

/*
 * zap_level() for one page, as most flushes are. Return: false: where a guest leaf covers
 * a whole table that one has to do it, and nothing was done.
 */
static bool zap_page(struct shadow_zap *z, struct shadow_table *t, u64 va)
{
	u64 *sptep;

	for (;; t = spte_table(*sptep)) {
		if (t->whole)
			return false;
		sptep = &t->hw[table_index(va, t->level)];
		if (!*sptep)
			return true;
		if (spte_is_leaf(*sptep, t->level))
			break;
	}
	if (z->wrprotect)
		leaf_wrprotect(z, sptep);
	else
		zap_leaf(z, sptep);
	return true;
}

struct flush {
	u64 root_gpa;
	u64 start;
	u64 last;
	bool leaves;
};

/* Fills under way are void; what is known above leaves is not, if the guest says so. */
static void count_flush(struct shadow *sh, const struct flush *f)
{
	lockdep_assert_held_write(&sh->lock);
	sh->flush_seq++;
	if (!f->leaves)
		sh->tables_seq++;
}

/* Lower half, one view: the user's tables are the kernel's too, but for split slots. */
static bool zap_view(struct shadow_zap *z, struct shadow_root *root, int view,
		     const struct flush *f, u64 *next, struct list_head *list)
{
	const unsigned long *slots = view == VIEW_USER ? root->present : root->split;
	unsigned int shift = table_shift(4);
	unsigned int s = *next >> shift;
	unsigned int end = f->last >> shift;
	u64 one = root->low[view]->hw[s];

	if (f->last - f->start < PAGE_SIZE &&
	    (!test_bit(s, slots) || !one || zap_page(z, spte_table(one), f->start)))
		return true;
	for_each_set_bit_from(s, slots, LOWER_SLOTS) {
		u64 va = (u64)s << shift;
		u64 e = root->low[view]->hw[s];

		if (s > end)
			break;
		if (!e)
			continue;
		if (!zap_level(z, spte_table(e), max(*next, va),
			       min(f->last, va + (1ULL << shift) - 1), next, list))
			return false;
	}
	return true;
}

static bool any_split(const struct shadow_root *root, const struct flush *f)
{
	unsigned int first = table_index(f->start, 4), last = table_index(f->last, 4);

	return first == last ? test_bit(first, root->split) :
	       !bitmap_empty(root->split, LOWER_SLOTS);
}

/* Return: the root, for comparison only; NULL: there is none, or it is not the same any more */
static const struct shadow_root *flush_lower(struct shadow_zap *z, const struct flush *f,
					     struct list_head *list)
{
	struct shadow *sh = z->sh;
	struct shadow_root *root;
	bool first = true;
	u64 id = 0, next;
	int view;

	for (view = VIEW_USER; view >= VIEW_KERNEL; view--) {
		for (next = f->start; ; ) {
			bool done;

			zap_begin(z);
			root = root_find(sh, f->root_gpa);
			/* a new root of that address was made after the first step */
			if (!root || (!first && root->id != id)) {
				zap_end(z);
				return NULL;
			}
			if (first)
				count_flush(sh, f);
			first = false;
			id = root->id;
			done = zap_view(z, root, view, f, &next, list);
			/* in most there is no split slot: one lock for both views */
			if (done && view == VIEW_USER && !any_split(root, f))
				view = VIEW_KERNEL;
			zap_end(z);
			if (done)
				break;
			cond_resched();
		}
	}
	return root;
}

/*
 * With 4 levels roots have entries of their own for the upper half. Those that a
 * shadow_drop_all() has not come to lead to tables that sh->upper has not any more, out of
 * reach from here: it is to end first.
 */
static void flush_upper(struct shadow_zap *z, const struct flush *f, struct list_head *list)
{
	struct shadow *sh = z->sh;
	bool first = true, waited = false, done = false;
	u64 next = f->start;

	do {
		zap_begin(z);
		if (READ_ONCE(sh->dropping)) {
			zap_end(z);
			/* held to the end, as the next one may begin at once */
			mutex_lock(&sh->room);
			waited = true;
			continue;
		}
		if (first)
			count_flush(sh, f);
		first = false;
		done = (f->last - f->start < PAGE_SIZE && zap_page(z, sh->upper, f->start)) ||
		       zap_level(z, sh->upper, next, f->last, &next, list);
		zap_end(z);
		if (!done)
			cond_resched();
	} while (!done);
	if (waited)
		mutex_unlock(&sh->room);
}

/* ---- 5. What the guest asks for --------------------------------------- */

static int flush_range(struct flush *f, u64 start, u64 end)
{
	const u64 upper = ~0ULL << 47;

	if (!PAGE_ALIGNED(start) || !PAGE_ALIGNED(end))
		return -EINVAL;
	f->start = start;
	f->last = end - 1;
	if (start == end)
		return 0;
	if (f->last < start)
		return -EINVAL;
	if (f->last < 1ULL << 47 || start >= upper)
		return 1;
	return -EINVAL;
}

int shadow_flush(struct shadow *sh, u64 op, u64 root_gpa, u64 start, u64 end, u64 vcpus)
{
	struct shadow_zap z = { .sh = sh, .count = &sh->stats.flush_zaps };
	struct flush f = { .root_gpa = root_gpa, .last = (1ULL << 47) - 1 };
	const struct shadow_root *root = NULL;
	LIST_HEAD(list);
	int ret;

	switch (op) {
	case DOMUS_FLUSH_ALL:
		shadow_drop_all(sh);
		return 0;
	case DOMUS_FLUSH_ROOT:
		break;
	case DOMUS_FLUSH_WRPROTECT:
	case DOMUS_FLUSH_RANGE:
	case DOMUS_FLUSH_LEAVES:
		z.wrprotect = op == DOMUS_FLUSH_WRPROTECT;
		f.leaves = op == DOMUS_FLUSH_LEAVES;
		ret = flush_range(&f, start, end);
		if (ret <= 0)
			return ret;
		break;
	default:
		return -EINVAL;
	}
	if (va_is_upper(f.start))
		flush_upper(&z, &f, &list);
	else
		root = flush_lower(&z, &f, &list);
	z.wrprotect = false;
	zap_tables(&z, &list);
	tlb_flush(sh, vcpus, root);
	shadow_reap(sh, false);
	return 0;
}

/* ---- 6. Planted, for tests ---------------------------------------------- */

#ifdef DOMUS_DEBUG
static int plant_below(struct shadow_zap *z, struct shadow_table *t, u64 va, bool deep)
{
	u64 *sptep, e;

	for (;;) {
		sptep = &t->hw[table_index(va, t->level)];
		e = *sptep;
		if (!e)
			return -ENOENT;
		if (spte_is_leaf(e, t->level))
			break;
		t = spte_table(e);
	}
	if (deep)
		set_bit(ilog2(SPTE_PLANTED_DEEP), (unsigned long *)sptep);
	set_bit(ilog2(SPTE_PLANTED), (unsigned long *)sptep);
	clear_bit(ilog2(SPTE_US), (unsigned long *)sptep);
	z->zaps++;
	return 0;
}

int shadow_plant(struct shadow *sh, u64 va, bool deep)
{
	struct shadow_zap z = { .sh = sh, .count = &sh->stats.flush_zaps };
	struct shadow_root *root;
	int ret = -ENOENT;

	if (va_is_hole(va))
		return -EINVAL;
	zap_begin(&z);
	if (va_is_upper(va)) {
		ret = plant_below(&z, sh->upper, va, deep);
	} else {
		list_for_each_entry(root, &sh->roots, link)
			if (!plant_below(&z, root->low[VIEW_KERNEL], va, deep))
				ret = 0;
	}
	zap_end(&z);
	shadow_tlb_flush(sh, ~0ULL);
	return ret;
}
#endif
