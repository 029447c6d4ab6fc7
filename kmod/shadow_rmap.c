// SPDX-License-Identifier: GPL-2.0-only
/*
 * The reverse map: from a guest frame to the shadow leaves that map it.
 *
 *   1. heads: one word per frame and level: 0, the only leaf, or (bit 0 set) a
 *      list of chunks. Those of 4 KiB frames come in pages, made when first needed
 *   2. chunks: only the first of a list is not full
 *   3. add, remove
 *   4. what is done to whole chains: zap, age
 *
 * Who holds the shadow's lock to write has all chains for himself; a fill
 * takes the spinlock that the frame hashes to. Chains are bounded: a guest
 * may map one frame as often as it likes; when a chain is full, the fill zaps all
 * of it and begins anew. The frames come from our own records, never from the
 * guest's tables at this point, and lie inside a slot.
 */
#include <linux/slab.h>

#include "shadow_priv.h"

#define CHUNK_LEAVES	6
#define CHAIN_CHUNKS	43	/* 258 leaves map a frame at most */

struct rmap_chunk {
	struct rmap_chunk *next;
	u32 nr;		/* leaves here, 1..CHUNK_LEAVES */
	u32 behind;	/* chunks after this one */
	u64 *leaf[CHUNK_LEAVES];
};

/* ---- 1. Heads --------------------------------------------------------- */

int rmap_init(struct shadow *sh)
{
	const struct gmem *g = sh->gmem;
	unsigned int i;

	for (i = 0; i < SHADOW_RMAP_LOCKS; i++)
		spin_lock_init(&sh->rmap_lock[i].lock);
	for (i = 0; i < g->nr; i++) {
		struct shadow_rmap *r = &sh->rmap[i];

		r->base = g->slots[i].gpa >> PAGE_SHIFT;
		r->nr = g->slots[i].size >> PAGE_SHIFT;
		r->large = kvcalloc(rmap_blocks(r), sizeof(*r->large), GFP_KERNEL_ACCOUNT);
		r->small = kvcalloc(rmap_blocks(r), sizeof(*r->small), GFP_KERNEL_ACCOUNT);
		if (!r->large || !r->small)
			return -ENOMEM;
	}
	return 0;
}

void rmap_exit(struct shadow *sh)
{
	unsigned int i;

	/* a lost one would be nobody's: kmemleak does not read the pages of heads */
	WARN_ON_ONCE(atomic_long_read(&sh->chunks));
	for (i = 0; i < ARRAY_SIZE(sh->rmap); i++) {
		struct shadow_rmap *r = &sh->rmap[i];
		u64 n;

		for (n = 0; r->small && n < rmap_blocks(r); n++)
			free_page((unsigned long)r->small[n]);
		kvfree(r->large);
		kvfree(r->small);
		memset(r, 0, sizeof(*r));
	}
}

static __always_inline struct shadow_rmap *rmap_of(struct shadow *sh, u64 gfn)
{
	struct shadow_rmap *r = sh->rmap;
	const struct shadow_rmap *end = r + ARRAY_SIZE(sh->rmap);

	for (; r < end; r++)
		if (gfn - r->base < r->nr)
			return r;
	return NULL;
}

/* NULL: no leaf maps the frame, or no slot has it. */
static __always_inline unsigned long *rmap_head(struct shadow *sh, u64 gfn, int level)
{
	struct shadow_rmap *r = rmap_of(sh, gfn);
	unsigned long *heads;
	u64 i;

	if (unlikely(!r))
		return NULL;
	i = gfn - r->base;
	if (level == 2)
		return &r->large[i / LARGE_FRAMES];
	heads = READ_ONCE(r->small[i / LARGE_FRAMES]);
	return likely(heads) ? &heads[i % LARGE_FRAMES] : NULL;
}

/* The heads of the frame's block. They stay, so who finds them needs no lock. */
static int block_make(struct shadow *sh, u64 gfn, struct shadow_cache *cache)
{
	struct shadow_rmap *r = rmap_of(sh, gfn);
	unsigned long *heads = NULL;

	if (!r)
		return -ENOSPC;
	if (cache)
		swap(heads, cache->heads);
	if (!heads)
		heads = (unsigned long *)get_zeroed_page(GFP_NOWAIT | __GFP_ACCOUNT | __GFP_NOWARN);
	if (!heads)
		return -ENOMEM;
	if (cmpxchg(&r->small[(gfn - r->base) / LARGE_FRAMES], NULL, heads))
		free_page((unsigned long)heads);
	return 0;
}

static spinlock_t *rmap_lock(struct shadow *sh, u64 gfn, int level)
{
	return &sh->rmap_lock[(level == 2 ? gfn >> 9 : gfn) % SHADOW_RMAP_LOCKS].lock;
}

/* By a fill. What is counted shows in debugfs whether fills disturb each other. */
static __always_inline void rmap_spin_lock(struct shadow *sh, spinlock_t *lock)
	__acquires(lock)
{
	if (likely(spin_trylock(lock)))
		return;
	atomic64_inc(&sh->stats.rmap_waits);
	spin_lock(lock);
}

/* ---- 2. Chunks -------------------------------------------------------- */

struct rmap_chunk *rmap_chunk_alloc(struct shadow *sh, gfp_t gfp)
{
	struct rmap_chunk *c = kmalloc(sizeof(*c), gfp);

	if (c)
		atomic_long_inc(&sh->chunks);
	return c;
}

void rmap_chunk_free(struct shadow *sh, struct rmap_chunk *c)
{
	kfree(c);
	atomic_long_dec(&sh->chunks);
}

static inline struct rmap_chunk *head_chunk(unsigned long head)
{
	return head & 1 ? (struct rmap_chunk *)(head & ~1UL) : NULL;
}

static struct rmap_chunk *chunk_get(struct shadow *sh, struct shadow_cache *cache)
{
	struct rmap_chunk *c = NULL;

	if (cache)
		swap(c, cache->chunk);
	if (c)
		return c;
	return rmap_chunk_alloc(sh, GFP_NOWAIT | __GFP_ACCOUNT | __GFP_NOWARN);
}

/* ---- 3. Add and remove ------------------------------------------------ */

/* Put a new chunk in front of what the head has. */
static int chain_extend(struct shadow *sh, unsigned long *head, u64 *sptep,
			struct shadow_cache *cache)
{
	struct rmap_chunk *old = head_chunk(*head);
	struct rmap_chunk *c;

	if (old && old->behind + 1 >= CHAIN_CHUNKS)
		return -ENOSPC;
	if (atomic_long_read(&sh->chunks) >= sh->max_chunks)
		return -ENOSPC;
	c = chunk_get(sh, cache);
	if (!c)
		return -ENOMEM;
	c->next = old;
	c->behind = old ? old->behind + 1 : 0;
	c->nr = 0;
	if (!old)
		c->leaf[c->nr++] = (u64 *)*head;
	c->leaf[c->nr++] = sptep;
	*head = (unsigned long)c | 1;
	return 0;
}

int rmap_add(struct shadow *sh, u64 gfn, int level, u64 *sptep, struct shadow_cache *cache)
{
	unsigned long *head = rmap_head(sh, gfn, level);
	spinlock_t *lock = rmap_lock(sh, gfn, level);
	struct rmap_chunk *c;
	int ret = 0;

	lockdep_assert_held_read(&sh->lock);
	if (unlikely(!head)) {
		ret = block_make(sh, gfn, cache);
		if (ret)
			return ret;
		head = rmap_head(sh, gfn, level);
	}
	rmap_spin_lock(sh, lock);
	c = head_chunk(*head);
	if (!*head)
		*head = (unsigned long)sptep;
	else if (c && c->nr < CHUNK_LEAVES)
		c->leaf[c->nr++] = sptep;
	else
		ret = chain_extend(sh, head, sptep, cache);
	spin_unlock(lock);
	return ret;
}

/* Drop the first chunk's last leaf, which is to take another's place. */
static void chain_pop(struct shadow *sh, unsigned long *head)
{
	struct rmap_chunk *c = head_chunk(*head);

	if (--c->nr)
		return;
	*head = c->next ? (unsigned long)c->next | 1 : 0;
	rmap_chunk_free(sh, c);
}

/* Return: chunks behind the first that it looked at. */
static unsigned long chain_remove(struct shadow *sh, unsigned long *head, u64 *sptep)
{
	struct rmap_chunk *first = head_chunk(*head);
	unsigned long steps = 0;
	struct rmap_chunk *c;
	unsigned int i;

	if (*head == (unsigned long)sptep) {
		*head = 0;
		return 0;
	}
	for (c = first; c; c = c->next, steps++) {
		for (i = c->nr; i-- > 0; ) {
			if (c->leaf[i] != sptep)
				continue;
			c->leaf[i] = first->leaf[first->nr - 1];
			chain_pop(sh, head);
			return steps;
		}
	}
	return steps;
}

void rmap_cancel(struct shadow *sh, u64 gfn, int level, u64 *sptep)
{
	unsigned long *head = rmap_head(sh, gfn, level);
	spinlock_t *lock = rmap_lock(sh, gfn, level);

	lockdep_assert_held_read(&sh->lock);
	if (!head)
		return;
	rmap_spin_lock(sh, lock);
	chain_remove(sh, head, sptep);
	spin_unlock(lock);
}

unsigned long rmap_remove(struct shadow *sh, u64 gfn, int level, u64 *sptep)
{
	unsigned long *head = rmap_head(sh, gfn, level);

	lockdep_assert_held_write(&sh->lock);
	return head ? chain_remove(sh, head, sptep) : 0;
}

/* ---- 4. Whole chains -------------------------------------------------- */

void rmap_zap_head(struct shadow_zap *z, unsigned long *head)
{
	u64 *sptep;

	lockdep_assert_held_write(&z->sh->lock);
	while (*head) {
		struct rmap_chunk *c = head_chunk(*head);

		if (c) {
			sptep = c->leaf[c->nr - 1];
			chain_pop(z->sh, head);
		} else {
			sptep = (u64 *)*head;
			*head = 0;
		}
		zap_entry(z, sptep);
	}
}

void rmap_zap(struct shadow_zap *z, u64 gfn, int level)
{
	unsigned long *head = rmap_head(z->sh, gfn, level);

	if (head)
		rmap_zap_head(z, head);
}

static bool leaf_young(u64 *sptep, bool clear)
{
	if (!(READ_ONCE(*sptep) & SPTE_A))
		return false;
	if (clear)
		clear_bit(5, (unsigned long *)sptep);	/* SPTE_A */
	return true;
}

unsigned long rmap_age(struct shadow *sh, u64 gfn, int level, bool clear, bool *young)
{
	unsigned long *head = rmap_head(sh, gfn, level);
	unsigned long steps = 1;
	struct rmap_chunk *c;
	unsigned int i;

	lockdep_assert_held_write(&sh->lock);
	if (!head || !*head)
		return steps;
	c = head_chunk(*head);
	if (!c)
		*young |= leaf_young((u64 *)*head, clear);
	for (; c; c = c->next) {
		for (i = 0; i < c->nr; i++)
			*young |= leaf_young(c->leaf[i], clear);
		steps += c->nr;
	}
	return steps;
}
