// SPDX-License-Identifier: GPL-2.0-only
/*
 * What the host does to the holder's memory: unmap, migrate, write-protect, age.
 *
 *   1. from holder addresses to guest frames
 *   2. invalidations: zap at the start; fills of the range wait for the end
 *   3. ageing by the shadow's A bits
 *   4. the end of the address space
 *
 * Callbacks run in any task that works on the mm, with locks of the host held; they
 * may sleep unless the range says otherwise. The slots do not change while the
 * notifier is registered, so the start and the end of an invalidation always agree on
 * whether it concerns the domain at all.
 */
#include <linux/sched.h>

#include "shadow_priv.h"

#define SCAN_BATCH	65536	/* heads looked at under one hold of the lock */

/* ---- 1. Frames of a range of addresses -------------------------------- */

struct frames {
	struct shadow_rmap *rmap;
	u64 first;	/* index in the slot */
	u64 last;
};

static bool slot_frames(struct shadow *sh, unsigned int i, unsigned long start,
			unsigned long end, struct frames *f)
{
	const struct gmem_slot *s = &sh->gmem->slots[i];
	unsigned long lo = max(start, s->hva);
	unsigned long hi = min(end, s->hva + (unsigned long)s->size);

	if (lo >= hi)
		return false;
	f->rmap = &sh->rmap[i];
	f->first = (lo - s->hva) >> PAGE_SHIFT;
	f->last = (hi - 1 - s->hva) >> PAGE_SHIFT;
	return true;
}

static bool overlaps(struct shadow *sh, unsigned long start, unsigned long end)
{
	struct frames f;
	unsigned int i;

	for (i = 0; i < sh->gmem->nr; i++)
		if (slot_frames(sh, i, start, end, &f))
			return true;
	return false;
}

/* ---- 2. Invalidations ------------------------------------------------- */

/* Others get their turn, also where the caller (the OOM reaper) must not sleep. */
static void zap_pause(struct shadow_zap *z, bool may_sleep)
	__must_hold(&z->sh->lock)
{
	zap_end(z);
	if (may_sleep)
		cond_resched();
	zap_begin(z);
}

static void zap_frames(struct shadow_zap *z, const struct frames *f, bool may_sleep)
{
	struct shadow_rmap *r = f->rmap;
	unsigned long scanned = 0;
	u64 block, i, last;

	for (block = f->first / LARGE_FRAMES; block <= f->last / LARGE_FRAMES; block++) {
		unsigned long *heads = r->small[block];

		if (r->large[block])
			rmap_zap_head(z, &r->large[block]);
		scanned++;
		i = max(f->first, block * LARGE_FRAMES);
		last = min(f->last, block * LARGE_FRAMES + LARGE_FRAMES - 1);
		for (; heads && i <= last; i++, scanned++) {
			if (heads[i % LARGE_FRAMES])
				rmap_zap_head(z, &heads[i % LARGE_FRAMES]);
			if (z->work >= ZAP_BATCH)
				zap_pause(z, may_sleep);
		}
		if (z->work >= ZAP_BATCH || scanned >= SCAN_BATCH) {
			scanned = 0;
			zap_pause(z, may_sleep);
		}
	}
}

static int shadow_mn_start(struct mmu_notifier *mn, const struct mmu_notifier_range *range)
{
	struct shadow *sh = container_of(mn, struct shadow, mn);
	struct shadow_zap z = { .sh = sh, .count = &sh->stats.notifier_zaps };
	struct frames f;
	unsigned int i;

	if (!overlaps(sh, range->start, range->end))
		return 0;
	zap_begin(&z);
	if (!sh->inv_count++) {
		sh->inv_start = range->start;
		sh->inv_end = range->end;
	} else {
		sh->inv_start = min(sh->inv_start, range->start);
		sh->inv_end = max(sh->inv_end, range->end);
	}
	for (i = 0; i < sh->gmem->nr; i++)
		if (slot_frames(sh, i, range->start, range->end, &f))
			zap_frames(&z, &f, mmu_notifier_range_blockable(range));
	zap_end(&z);
	/*
	 * All that are behind, even if nothing was zapped here: a guest's flush may
	 * have taken a leaf of this range away and left other vCPUs' TLBs alone.
	 */
	shadow_tlb_flush(sh, ~0ULL);
	return 0;
}

static void shadow_mn_end(struct mmu_notifier *mn, const struct mmu_notifier_range *range)
{
	struct shadow *sh = container_of(mn, struct shadow, mn);

	if (!overlaps(sh, range->start, range->end))
		return;
	shadow_write_lock(sh);
	sh->inv_seq++;
	sh->inv_count--;
	shadow_write_unlock(sh);
}

/* ---- 3. Ageing -------------------------------------------------------- */

static bool range_young(struct shadow *sh, unsigned long start, unsigned long end, bool clear)
{
	unsigned long work = 0;
	struct frames f;
	bool young = false;
	unsigned int i;
	u64 n;

	shadow_write_lock(sh);	/* no vCPU's thread, perhaps */
	for (i = 0; i < sh->gmem->nr; i++) {
		if (!slot_frames(sh, i, start, end, &f))
			continue;
		for (n = f.first; n <= f.last; n++) {
			if (n == f.first || !(n % LARGE_FRAMES))
				work += rmap_age(sh, f.rmap->base + n - n % LARGE_FRAMES, 2,
						 clear, &young);
			work += rmap_age(sh, f.rmap->base + n, 1, clear, &young);
			if (work < ZAP_BATCH)
				continue;
			/* No two frames need one moment; the caller may not sleep. */
			shadow_write_unlock(sh);
			work = 0;
			shadow_write_lock(sh);
		}
	}
	shadow_write_unlock(sh);
	return young;
}

static int shadow_mn_clear_flush_young(struct mmu_notifier *mn, struct mm_struct *mm,
				       unsigned long start, unsigned long end)
{
	struct shadow *sh = container_of(mn, struct shadow, mn);

	if (!overlaps(sh, start, end) || !range_young(sh, start, end, true))
		return 0;
	/* so that the next use sets A again: TLBs are behind from here on */
	shadow_write_lock(sh);
	/* pairs with shadow_tlb_flush() */
	smp_store_release(&sh->zap_seq, sh->zap_seq + 1);
	shadow_write_unlock(sh);
	shadow_tlb_flush(sh, ~0ULL);
	return 1;
}

static int shadow_mn_clear_young(struct mmu_notifier *mn, struct mm_struct *mm,
				 unsigned long start, unsigned long end)
{
	struct shadow *sh = container_of(mn, struct shadow, mn);

	return overlaps(sh, start, end) && range_young(sh, start, end, true);
}

static int shadow_mn_test_young(struct mmu_notifier *mn, struct mm_struct *mm,
				unsigned long address)
{
	struct shadow *sh = container_of(mn, struct shadow, mn);
	unsigned long end = address + PAGE_SIZE;

	return overlaps(sh, address, end) && range_young(sh, address, end, false);
}

/* ---- 4. The end ------------------------------------------------------- */

static void shadow_mn_release(struct mmu_notifier *mn, struct mm_struct *mm)
{
	struct shadow *sh = container_of(mn, struct shadow, mn);

	/* the host frees the pages next and tells us no more */
	shadow_write_lock(sh);
	sh->dead = true;
	shadow_write_unlock(sh);
	shadow_drop_all(sh);
}

const struct mmu_notifier_ops shadow_mn_ops = {
	.release = shadow_mn_release,
	.clear_flush_young = shadow_mn_clear_flush_young,
	.clear_young = shadow_mn_clear_young,
	.test_young = shadow_mn_test_young,
	.invalidate_range_start = shadow_mn_start,
	.invalidate_range_end = shadow_mn_end,
};
