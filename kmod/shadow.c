// SPDX-License-Identifier: GPL-2.0-only
/*
 * Shadow page tables of a domain: a software TLB of the guest's tables.
 *
 *   1. life: init, destroy, reset
 *   2. roots: cached by gpa, each with a kernel and a user view
 *   3. room: what goes when there are too many tables
 *
 * Each view of a root is a hardware page table. Its slot 256 leads to the cells.
 * The lower half belongs to the root; both views share the tables below the guest's
 * top-level entry as long as only user pages are there (shadow_fill.c). The upper
 * half is the domain's, in the kernel views alone: with 4 levels the top tables have
 * copies of sh->upper's entries, with 5 levels they point to sh->upper.
 */
#include <linux/err.h>
#include <linux/log2.h>
#include <linux/random.h>
#include <linux/sched.h>
#include <linux/slab.h>

#include "shadow_priv.h"

#define TABLES_MIN	1024	/* of a domain at least: roots of 64 vCPUs and much more */
#define TABLES_EXTRA	4096
#define EVICT_BATCH	16	/* roots dropped in one hold of the lock */
/* A guest names as many as it likes; some work under the lock is for each one cached. */
#define ROOTS_MAX	4096

/* ---- 1. Life ---------------------------------------------------------- */

int shadow_init(struct shadow *sh, struct domus_domain *d)
{
	u64 pages = gmem_size(&d->gmem) >> PAGE_SHIFT;
	int ret;

	sh->d = d;
	sh->gmem = &d->gmem;
	shadow_lock_init(&sh->lock);
	mutex_init(&sh->room);
	sh->hash_mul = get_random_u64() | 1;
	INIT_LIST_HEAD(&sh->roots);
	INIT_LIST_HEAD(&sh->grave);
	sh->l5 = pgtable_l5_enabled();
	/* a table for every 64 frames, though 8 would do for one mapping of each frame */
	sh->max_pages = max_t(u64, TABLES_MIN, pages / 64 + TABLES_EXTRA);
	sh->max_chunks = pages + TABLES_EXTRA;
	ret = rmap_init(sh);
	if (ret)
		goto fail;
	sh->upper = table_alloc(sh, 4);
	if (!sh->upper) {
		ret = -ENOMEM;
		goto fail;
	}
	sh->mn.ops = &shadow_mn_ops;
	ret = mmu_notifier_register(&sh->mn, current->mm);
	if (ret)
		goto fail;
	sh->registered = true;
	return 0;
fail:
	shadow_destroy(sh);
	return ret;
}

static void root_free(struct shadow *sh, struct shadow_root *root)
{
	int view;

	for (view = VIEW_KERNEL; view <= VIEW_USER; view++) {
		if (root->top[view])
			table_free(sh, root->top[view]);
		if (sh->l5 && root->low[view])
			table_free(sh, root->low[view]);
	}
	kfree(root);
}

/*
 * Take a root out of the cache; its tables below the top go to @list. The caller
 * drops the cache's reference afterwards. Lock held to write.
 */
static void root_unlink(struct shadow_zap *z, struct shadow_root *root,
			struct list_head *list)
{
	hlist_del_init(&root->hash);
	list_del_init(&root->link);
	z->sh->nr_roots--;
	root->gone = true;
	root_detach(z, root, list);
}

/* The last reference is gone: no vCPU has it loaded, nobody finds it. */
static void root_put(struct shadow *sh, struct shadow_root *root)
{
	struct shadow_zap z = { .sh = sh, .count = &sh->stats.flush_zaps };
	int view;

	if (!refcount_dec_and_test(&root->refs))
		return;
	zap_begin(&z);
	for (view = VIEW_KERNEL; view <= VIEW_USER; view++) {
		if (sh->l5)
			table_bury(&z, root->low[view]);
		table_bury(&z, root->top[view]);
	}
	zap_end(&z);
	kfree(root);
	shadow_reap(sh, false);
}

void shadow_reset(struct shadow *sh)
{
	struct shadow_zap z = { .sh = sh, .count = &sh->stats.flush_zaps };
	struct shadow_root *root;
	LIST_HEAD(list);

	if (!sh->upper)
		return;
	for (;;) {
		zap_begin(&z);
		root = list_first_entry_or_null(&sh->roots, struct shadow_root, link);
		if (root)
			root_unlink(&z, root, &list);
		zap_end(&z);
		if (!root)
			break;
		zap_tables(&z, &list);
		root_put(sh, root);
		cond_resched();
	}
	shadow_drop_all(sh);
}

void shadow_stop(struct shadow *sh)
{
	if (!sh->d)
		return;
	/* no TLB matters any more, and vCPUs will soon be gone: nobody is ever behind */
	memset(sh->flushed, 0xff, sizeof(sh->flushed));
	/* calls our release, unless the exiting mm has; waits for callbacks in progress */
	if (sh->registered)
		mmu_notifier_unregister(&sh->mn, sh->gmem->mm);
	sh->registered = false;
}

void shadow_destroy(struct shadow *sh)
{
	if (!sh->d)
		return;
	shadow_stop(sh);
	shadow_reset(sh);
	if (sh->upper)
		table_free(sh, sh->upper);
	sh->upper = NULL;
	WARN_ON_ONCE(atomic_long_read(&sh->pages));
	rmap_exit(sh);
	sh->d = NULL;
}

u64 shadow_fills(const struct shadow *sh, u64 *prefills)
{
	u64 fills = 0;
	unsigned int i;

	*prefills = 0;
	for (i = 0; i < DOMUS_MAX_VCPUS; i++) {
		fills += READ_ONCE(sh->lock.reader[i].fills);
		*prefills += READ_ONCE(sh->lock.reader[i].prefills);
	}
	return fills;
}

u64 shadow_pages(const struct shadow *sh)
{
	long n = atomic_long_read(&sh->pages);

	return n > 0 ? n : 0;
}

/* ---- 2. Roots --------------------------------------------------------- */

static struct hlist_head *root_bucket(struct shadow *sh, u64 gpa)
{
	/* universal, as a guest that knew the buckets could fill one */
	return &sh->hash[(gpa >> PAGE_SHIFT) * sh->hash_mul >>
			 (64 - ilog2(SHADOW_ROOT_BUCKETS))];
}

struct shadow_root *root_find(struct shadow *sh, u64 gpa)
{
	struct shadow_root *root;

	lockdep_assert_held(&sh->lock);
	hlist_for_each_entry(root, root_bucket(sh, gpa), hash)
		if (root->gpa == gpa)
			return root;
	return NULL;
}

/* Entries that every view has from the start: the cells, and with 5 levels the halves. */
static void root_link_tops(struct shadow *sh, struct shadow_root *root)
{
	int view;

	for (view = VIEW_KERNEL; view <= VIEW_USER; view++) {
		u64 *hw = root->top[view]->hw;

		hw[CELL_TOP_SLOT] = cell_view_entry(&sh->d->cells);
		if (!sh->l5)
			continue;
		hw[0] = table_entry(root->low[view]);
		if (view == VIEW_KERNEL)
			hw[TABLE_ENTRIES - 1] = table_entry(sh->upper);
	}
}

static unsigned int evict_some(struct shadow *sh);

/* Each new root makes room for more than one: the bound holds with 64 vCPUs, nearly. */
static void trim_roots(struct shadow *sh)
{
	if (READ_ONCE(sh->nr_roots) < ROOTS_MAX)
		return;
	mutex_lock(&sh->room);
	if (READ_ONCE(sh->nr_roots) >= ROOTS_MAX)
		evict_some(sh);
	mutex_unlock(&sh->room);
}

static struct shadow_root *root_alloc(struct shadow *sh, u64 gpa)
{
	struct shadow_root *root;
	int view;

	trim_roots(sh);
	if (atomic_long_read(&sh->pages) >= sh->max_pages)
		shadow_make_room(sh);
	root = kzalloc(sizeof(*root), GFP_KERNEL_ACCOUNT);
	if (!root)
		return NULL;
	root->gpa = gpa;
	refcount_set(&root->refs, 1);
	for (view = VIEW_KERNEL; view <= VIEW_USER; view++) {
		root->top[view] = table_alloc(sh, sh->l5 ? 5 : 4);
		root->low[view] = sh->l5 ? table_alloc(sh, 4) : root->top[view];
		if (!root->top[view] || !root->low[view]) {
			root_free(sh, root);
			return NULL;
		}
	}
	root_link_tops(sh, root);
	return root;
}

static struct shadow_root *root_lookup(struct shadow *sh, u64 gpa)
{
	struct shadow_root *root;

	root = root_find(sh, gpa);
	if (root) {
		refcount_inc(&root->refs);
		if (!READ_ONCE(root->recent))
			WRITE_ONCE(root->recent, true);
	}
	return root;
}

static void root_insert(struct shadow *sh, struct shadow_root *root)
{
	lockdep_assert_held_write(&sh->lock);
	root->id = ++sh->next_id;
	root->dropped = sh->flush_seq;
	refcount_inc(&root->refs);
	root->recent = true;
	hlist_add_head(&root->hash, root_bucket(sh, root->gpa));
	list_add_tail(&root->link, &sh->roots);
	sh->nr_roots++;
	/* what the upper half has now costs no fault later */
	if (!sh->l5)
		memcpy(&root->top[VIEW_KERNEL]->hw[CELL_TOP_SLOT + 1],
		       &sh->upper->hw[CELL_TOP_SLOT + 1],
		       (TABLE_ENTRIES - CELL_TOP_SLOT - 1) * sizeof(u64));
}

struct shadow_root *shadow_get_root(struct shadow *sh, u64 root_gpa, unsigned int vcpu)
{
	struct shadow_root *root, *mine;

	if (!PAGE_ALIGNED(root_gpa) || !gmem_hva(sh->gmem, root_gpa, PAGE_SIZE))
		return ERR_PTR(-EINVAL);
	if (vcpu < DOMUS_MAX_VCPUS) {
		shadow_fill_lock(sh, vcpu);
		root = root_lookup(sh, root_gpa);
		shadow_fill_unlock(sh, vcpu);
		if (root)
			return root;
	}
	mine = root_alloc(sh, root_gpa);
	if (!mine)
		return ERR_PTR(-ENOMEM);
	shadow_write_lock(sh);
	root = root_lookup(sh, root_gpa);
	if (!root)
		root_insert(sh, mine);
	shadow_write_unlock(sh);
	if (!root)
		return mine;
	root_free(sh, mine);
	return root;
}

void shadow_put_root(struct shadow *sh, struct shadow_root *root)
{
	root_put(sh, root);
}

u64 shadow_root_cr3(const struct shadow_root *root, bool user)
{
	return __sme_pa(root->top[user ? VIEW_USER : VIEW_KERNEL]->hw);
}

int shadow_release_root(struct shadow *sh, u64 root_gpa)
{
	struct shadow_zap z = { .sh = sh, .count = &sh->stats.flush_zaps };
	struct shadow_root *root;
	LIST_HEAD(list);
	int ret = 0;

	if (!PAGE_ALIGNED(root_gpa))
		return -EINVAL;
	zap_begin(&z);
	root = root_find(sh, root_gpa);
	if (root && !root_take_back(sh, root)) {
		root = NULL;
		ret = -EBUSY;
	}
	if (root)
		root_unlink(&z, root, &list);
	zap_end(&z);
	if (root) {
		zap_tables(&z, &list);
		root_put(sh, root);
	}
	return ret;
}

/* ---- 3. Room ---------------------------------------------------------- */

/*
 * Drop up to EVICT_BATCH roots that no vCPU has loaded, by a clock: a root used since
 * the hand last passed goes to the end once. Return: roots dropped.
 */
static unsigned int evict_some(struct shadow *sh)
{
	struct shadow_zap z = { .sh = sh, .count = &sh->stats.flush_zaps };
	struct shadow_root *root, *victim[EVICT_BATCH];
	unsigned int n = 0, turns;
	LIST_HEAD(list);

	zap_begin(&z);
	for (turns = 2 * sh->nr_roots; turns && n < EVICT_BATCH; turns--) {
		if (list_empty(&sh->roots))
			break;
		root = list_first_entry(&sh->roots, struct shadow_root, link);
		if (root->recent || !root_take_back(sh, root)) {
			/* who loads it by then says so */
			if (root->recent)
				root_ask(sh, root);
			root->recent = false;
			list_move_tail(&root->link, &sh->roots);
			continue;
		}
		root_unlink(&z, root, &list);
		victim[n++] = root;
	}
	zap_end(&z);
	zap_tables(&z, &list);
	for (turns = 0; turns < n; turns++)
		root_put(sh, victim[turns]);
	atomic64_add(n, &sh->stats.evictions);
	return n;
}

void shadow_make_room(struct shadow *sh)
{
	long goal = sh->max_pages - sh->max_pages / 8;

	mutex_lock(&sh->room);
	/* whoever had the mutex may have made enough */
	while (atomic_long_read(&sh->pages) > goal) {
		unsigned int n = evict_some(sh);

		shadow_reap(sh, true);
		if (!n)
			break;
		cond_resched();
	}
	if (atomic_long_read(&sh->pages) > goal) {
		shadow_drop_all_locked(sh);
		atomic64_inc(&sh->stats.drops);
	}
	mutex_unlock(&sh->room);
}
