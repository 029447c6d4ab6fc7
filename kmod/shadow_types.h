/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef DOMUS_SHADOW_TYPES_H
#define DOMUS_SHADOW_TYPES_H

#include <linux/atomic.h>
#include <linux/list.h>
#include <linux/mmu_notifier.h>
#include <linux/mutex.h>
#include <linux/spinlock.h>
#include <linux/types.h>

#include <uapi/asm/domus_guest.h>
#include <uapi/linux/domus.h>

#include "ptwalk.h"

struct domus_domain;
struct gmem;
struct shadow_table;

#define SHADOW_ROOT_BUCKETS	256
#define SHADOW_RMAP_LOCKS	64

/**
 * struct shadow_stats - counters, for reading without a lock
 * @large_fills: fills of 2 MiB; shadow_reader has all
 * @spurious: faults whose entry already allowed the access
 * @retries: attempts that lost a race with a flush or a notifier
 * @conflicts: fills that had to remove another entry or table first
 * @flush_zaps: leaves removed or write-protected for the guest
 * @notifier_zaps: leaves removed for the host
 * @rmap_overflows: frames whose whole chain was dropped because it was full
 * @evictions: cached roots dropped for room
 * @drops: times that every view was emptied for room
 * @remote_flushes: calls of vcpu_flush_remote()
 * @fill_waits: fills that had to wait for somebody who takes away
 * @rmap_waits: fills that had to wait for another one, of a frame with the same lock
 */
struct shadow_stats {
	atomic64_t large_fills;
	atomic64_t spurious;
	atomic64_t retries;
	atomic64_t conflicts;
	atomic64_t flush_zaps;
	atomic64_t notifier_zaps;
	atomic64_t rmap_overflows;
	atomic64_t evictions;
	atomic64_t drops;
	atomic64_t remote_flushes;
	atomic64_t fill_waits;
	atomic64_t rmap_waits;
};

/**
 * struct shadow_near - what the last fill of a vCPU found, for the next one nearby
 * @root: id of its root, 0: there was none
 * @block: its address, in units of PMD_SIZE
 * @tables_seq: of that time: what is above the leaf is as good as in an MMU's caches
 * @above: the walk, of which only what is above the leaf counts
 * @entries: of the table of its leaf, as the holder may read them
 * @gone_seq: of that time: while no table went, @table is where it was
 * @table: of its leaf, level 1
 * @inv_seq: of that time, when no invalidation was in progress
 * @host_block, @pfn, @write: a large page of the host: its address, in units of PMD_SIZE,
 *	and one, as the holder may use the first of them (0: none); its first frame; may it
 *	be written to
 */
struct shadow_near {
	u64 root;
	u64 block;
	unsigned long tables_seq;
	struct ptwalk_result above;
	const u64 __user *entries;
	unsigned long gone_seq;
	struct shadow_table *table;
	unsigned long inv_seq;
	unsigned long host_block;
	unsigned long pfn;
	bool write;
};

/**
 * struct shadow_reader - of one vCPU: only its own thread writes here
 * @busy: it is in a fill
 * @fills: leaves put in by faults, 4 KiB and 2 MiB
 * @prefills: neighbours put in beside a fill
 */
struct shadow_reader {
	u32 busy;
	u64 fills;
	u64 prefills;
	struct shadow_near near;
} ____cacheline_aligned_in_smp;

/**
 * struct shadow_lock - any number of fills, one for each vCPU, or one who takes away
 * @writer: held by who takes away
 * @writing: there is one; fills only read it
 * @dep_map: what lockdep sees of both sides
 * @reader: by vCPU
 */
struct shadow_lock {
	spinlock_t writer;
	bool writing;
#ifdef CONFIG_DEBUG_LOCK_ALLOC
	struct lockdep_map dep_map;
#endif
	struct shadow_reader reader[DOMUS_MAX_VCPUS];
};

/* Its own line: fills of neighbouring frames are not to share one. */
struct shadow_rmap_lock {
	spinlock_t lock;
} ____cacheline_aligned_in_smp;

/**
 * struct shadow_rmap - from guest frames of one slot to shadow leaves
 * @base: first frame
 * @nr: frames
 * @large: one word per 2 MiB block, of which the first begins at @base
 * @small: by 2 MiB block: one word per 4 KiB frame, from the first leaf of a frame of
 *	the block on; so a slot costs what is used of it
 */
struct shadow_rmap {
	u64 base;
	u64 nr;
	unsigned long *large;
	unsigned long **small;
};

/**
 * struct shadow - a domain's shadow page tables
 * @d, @gmem: whose
 * @mn: notifier on the holder's mm; @registered once it is on
 * @lock: held for fills, each of its vCPU, or to write by everything that takes an
 *	entry or a right away. Guards every hardware table of every view, and all below down
 *	to @inv_end
 * @dead: the mm is going: no fill any more
 * @l5: the hardware's tables have 5 levels
 * @dropping: somebody who has @room takes the upper half away from one root after the
 *	other; what some of them still use is not in @upper. Set under @lock, too
 * @upper: level-4 table that holds the upper half for all roots
 * @hash, @roots, @nr_roots: cached roots, by gpa and in the order of the clock
 * @hash_mul: odd, secret
 * @next_id: of the next root
 * @grave: tables that no view reaches any more, by link; to be freed after a
 *	flush of all vCPUs (S12)
 * @nr_grave: their number
 * @flush_seq: counts guest flushes; a fill that began before the last one is void
 * @tables_seq: counts those of them that may be about entries above leaves
 * @gone_seq: counts tables that a view does not reach any more, or not from its root
 * @inv_seq: counts finished invalidations of the host, as @flush_seq
 * @inv_count, @inv_start, @inv_end: invalidations in progress, and a range of
 *	holder addresses that covers them
 * @zap_seq: counts removals of leaves or rights
 * @flushed: by vCPU: zap_seq up to which its TLB is known to be clean; without a
 *	lock, a lost update only makes a flush more
 * @rmap: by slot
 * @rmap_lock: hashed by frame; guard chains against other readers of @lock
 * @max_chunks, @chunks: bound and number of chain chunks
 * @max_pages, @pages: bound and number of hardware tables, any state
 * @room: one makes room at a time, or empties all views: nobody else moves roots in @roots
 */
struct shadow {
	struct domus_domain *d;
	struct gmem *gmem;
	struct mmu_notifier mn;
	bool registered;
	struct shadow_lock lock ____cacheline_aligned_in_smp;
	bool dead;
	bool l5;
	bool dropping;
	unsigned int nr_roots;
	struct shadow_table *upper;
	unsigned long flush_seq;
	unsigned long tables_seq;
	unsigned long gone_seq;
	unsigned long inv_seq;
	unsigned long inv_count;
	unsigned long inv_start;
	unsigned long inv_end;
	u64 zap_seq;
	u64 hash_mul;
	u64 next_id;
	struct list_head grave;
	unsigned int nr_grave;
	struct list_head roots;
	struct hlist_head hash[SHADOW_ROOT_BUCKETS];
	u64 flushed[DOMUS_MAX_VCPUS];
	struct shadow_rmap rmap[DOMUS_SLOTS_MAX];
	struct shadow_rmap_lock rmap_lock[SHADOW_RMAP_LOCKS];	/* of chains, hashed by frame */
	long max_chunks;
	atomic_long_t chunks;
	long max_pages;
	atomic_long_t pages;
	struct mutex room;
	struct shadow_stats stats;
};

#endif /* DOMUS_SHADOW_TYPES_H */
