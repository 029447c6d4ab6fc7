// SPDX-License-Identifier: GPL-2.0-only
/*
 * Hardware tables: where they come from and where they go.
 *
 *   1. allocation, charged to the holder
 *   2. the cache of one fault: tables are allocated before the lock is taken
 *   3. the grave: tables out of use wait there for the flush after which no CPU
 *      walks them (S12); the flush is shared by many
 */
#include <linux/sched.h>
#include <linux/slab.h>

#include "shadow_priv.h"

/* ---- 1. Allocation ---------------------------------------------------- */

struct shadow_table *table_alloc(struct shadow *sh, int level)
{
	struct shadow_table *t;

	t = kzalloc(sizeof(*t), GFP_KERNEL_ACCOUNT);
	if (!t)
		return NULL;
	INIT_LIST_HEAD(&t->link);
	t->level = level;
	if (level <= 2) {
		t->gfns = kmalloc_array(TABLE_ENTRIES, sizeof(*t->gfns),
					GFP_KERNEL_ACCOUNT);
		if (!t->gfns)
			goto fail;
	}
	t->hw = (u64 *)__get_free_page(GFP_KERNEL_ACCOUNT | __GFP_ZERO);
	if (!t->hw)
		goto fail;
	set_page_private(virt_to_page(t->hw), (unsigned long)t);
	atomic_long_inc(&sh->pages);
	return t;
fail:
	kfree(t->gfns);
	kfree(t);
	return NULL;
}

void table_free(struct shadow *sh, struct shadow_table *t)
{
	set_page_private(virt_to_page(t->hw), 0);
	free_page((unsigned long)t->hw);
	kfree(t->gfns);
	kfree(t);
	atomic_long_dec(&sh->pages);
}

void table_free_list(struct shadow *sh, struct list_head *list)
{
	struct shadow_table *t, *n;

	list_for_each_entry_safe(t, n, list, link) {
		table_free(sh, t);
		/* all of a large domain's may be in there */
		cond_resched();
	}
	INIT_LIST_HEAD(list);
}

/* ---- 2. The cache of one fault ---------------------------------------- */

int cache_fill(struct shadow *sh, struct shadow_cache *c, unsigned int levels, bool chunk)
{
	int level;

	c->used = true;
	if (levels && atomic_long_read(&sh->pages) >= sh->max_pages)
		shadow_make_room(sh);
	for (level = 1; level < ARRAY_SIZE(c->table); level++) {
		if (!(levels & BIT(level)) || c->table[level])
			continue;
		c->table[level] = table_alloc(sh, level);
		if (!c->table[level])
			return -ENOMEM;
	}
	if (chunk && !c->chunk) {
		c->chunk = rmap_chunk_alloc(sh, GFP_KERNEL_ACCOUNT);
		if (!c->chunk)
			return -ENOMEM;
	}
	if (chunk && !c->heads) {
		c->heads = (unsigned long *)get_zeroed_page(GFP_KERNEL_ACCOUNT);
		if (!c->heads)
			return -ENOMEM;
	}
	return 0;
}

void cache_free(struct shadow *sh, struct shadow_cache *c)
{
	int level;

	for (level = 1; level < ARRAY_SIZE(c->table); level++)
		if (c->table[level])
			table_free(sh, c->table[level]);
	if (c->chunk)
		rmap_chunk_free(sh, c->chunk);
	free_page((unsigned long)c->heads);
}

/* ---- 3. The grave ----------------------------------------------------- */

void table_bury(struct shadow_zap *z, struct shadow_table *t)
{
	lockdep_assert_held_write(&z->sh->lock);
	list_move_tail(&t->link, &z->sh->grave);
	z->sh->nr_grave++;
	z->sh->gone_seq++;
	/* CPUs cache table addresses, also of empty tables: that is to be flushed */
	z->zaps++;
}

void shadow_reap_all(struct shadow *sh)
{
	LIST_HEAD(dead);

	shadow_write_lock(sh);
	list_splice_init(&sh->grave, &dead);
	sh->nr_grave = 0;
	shadow_write_unlock(sh);
	shadow_tlb_flush(sh, ~0ULL);
	table_free_list(sh, &dead);
}
