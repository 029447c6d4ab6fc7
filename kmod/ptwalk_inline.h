/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef DOMUS_PTWALK_INLINE_H
#define DOMUS_PTWALK_INLINE_H

/*
 * The walk of a guest's page tables, as the MMU does it.
 *
 *   1. what is reserved in an entry
 *   2. descent: fetch, check and accumulate permissions
 *   3. permission check at the leaf
 *   4. accessed and dirty bits
 *   5. the walk
 *   6. the walk beside an earlier one
 *
 * A header, so that the fault path gets it with the callbacks inlined; everybody else
 * calls ptwalk(). Also compiled in user space, by selftests/unit: plain types only.
 */
#include "ptwalk.h"

#define PTWALK_TOP	4
#define PTWALK_ATTEMPTS	8	/* walks, when A/D updates lose their race */

/* For what is too large to be zeroed for nothing by a hardened build. */
#define __uninit	__attribute__((__uninitialized__))

typedef int (*ptwalk_read_fn)(void *ctx, __u64 gpa, __u64 *entry);
typedef int (*ptwalk_cmpxchg_fn)(void *ctx, __u64 gpa, __u64 old, __u64 val);

/* Where the entries of one attempt were and what they held, by level. */
struct ptwalk_path {
	__u64 gpa[PTWALK_TOP + 1];
	__u64 entry[PTWALK_TOP + 1];
};

/* ---- 1. Reserved bits ---------------------------------------------------- */

static inline unsigned int ptwalk_shift(int level)
{
	return 12 + 9 * (level - 1);
}

static inline bool ptwalk_rsvd(__u64 entry, int level, __u64 rsvd)
{
	if (entry & rsvd)
		return true;
	if (level == 1 || !(entry & GPTE_PS))
		return false;
	if (level == PTWALK_TOP)
		return true;
	/* address bits below the leaf's size; bit 12 is PAT there */
	return entry & ((1ULL << ptwalk_shift(level)) - 1) & ~0x1fffULL;
}

/* ---- 2. Descent ---------------------------------------------------------- */

static inline enum ptwalk_status ptwalk_fault(__u32 access, struct ptwalk_result *out,
					      __u32 bits)
{
	out->error = bits | (access & (PTWALK_WRITE | PTWALK_USER | PTWALK_FETCH));
	return PTWALK_FAULT;
}

static inline void ptwalk_leaf(struct ptwalk_result *out, int level, __u64 va, __u64 entry,
			       __u64 all, __u64 any)
{
	__u64 inside = (1ULL << ptwalk_shift(level)) - 1;

	out->level = level;
	out->path_writable = all & GPTE_RW;
	out->path_user = all & GPTE_US;
	out->path_noexec = any & GPTE_NX;
	all &= entry;
	any |= entry;
	out->writable = all & GPTE_RW;
	out->user = all & GPTE_US;
	out->noexec = any & GPTE_NX;
	out->dirty = entry & GPTE_D;
	out->gfn = ((entry & GPTE_ADDR & ~inside) | (va & inside)) >> 12;
}

static __always_inline enum ptwalk_status
ptwalk_descend(ptwalk_read_fn read, void *ctx, __u64 rsvd, __u64 root, __u64 va, __u32 access,
	       struct ptwalk_path *path, struct ptwalk_result *out)
{
	__u64 table = root & GPTE_ADDR;
	__u64 all = GPTE_RW | GPTE_US;	/* AND over the levels above */
	__u64 any = 0;			/* OR over the levels above */
	int level;

	/* unrolled, shifts and masks are constants and the path lives in registers */
#pragma GCC unroll 4
	for (level = PTWALK_TOP; level; level--) {
		__u64 gpa = table | ((va >> ptwalk_shift(level) & 511) << 3);
		__u64 e = 0;
		int ret = read(ctx, gpa, &e);

		if (ret < 0) {
			out->level = level;
			out->mem_error = ret;
			return PTWALK_MEM;
		}
		if (!(e & GPTE_P))
			return ptwalk_fault(access, out, 0);
		if (ptwalk_rsvd(e, level, rsvd))
			return ptwalk_fault(access, out, PTWALK_ERR_P | PTWALK_ERR_RSVD);
		path->gpa[level] = gpa;
		path->entry[level] = e;
		if (level == 1 || (e & GPTE_PS)) {
			out->table_gpa = table;
			ptwalk_leaf(out, level, va, e, all, any);
			return PTWALK_OK;
		}
		all &= e;
		any |= e;
		table = e & GPTE_ADDR;
	}
	return PTWALK_RETRY;	/* not reached: level 1 is a leaf */
}

/* ---- 3. Permissions ------------------------------------------------------ */

static inline bool ptwalk_allowed(__u32 access, const struct ptwalk_result *r)
{
	if (access & PTWALK_ANY)
		return true;
	if ((access & PTWALK_USER) && !r->user)
		return false;
	if ((access & PTWALK_WRITE) && !r->writable)
		return false;
	if (!(access & PTWALK_FETCH))
		return true;
	/* the kernel's own mode must not execute a user's page */
	return !r->noexec && ((access & PTWALK_USER) || !r->user);
}

/* ---- 4. Accessed and dirty ----------------------------------------------- */

/* Return: 0 done, 1 lost a race (walk again), negative: the callback failed. */
static __always_inline int
ptwalk_update_ad(ptwalk_cmpxchg_fn update, void *ctx, __u32 access,
		 struct ptwalk_path *path, struct ptwalk_result *out)
{
	int level, ret;

#pragma GCC unroll 4
	for (level = PTWALK_TOP; level >= 1; level--) {
		__u64 want = path->entry[level] | GPTE_A;

		if (level < out->level)
			break;
		if (level == out->level && (access & PTWALK_WRITE))
			want |= GPTE_D;
		if (want == path->entry[level])
			continue;
		/*
		 * A table that contains itself has one entry at two levels: the second
		 * exchange loses against the first, and the next walk finds A set.
		 */
		ret = update(ctx, path->gpa[level], path->entry[level], want);
		if (ret)
			return ret;
		path->entry[level] = want;
	}
	out->dirty = path->entry[out->level] & GPTE_D;
	return 0;
}

/* ---- 5. The walk --------------------------------------------------------- */

/* As ptwalk(), with the fields of struct ptwalk_mem as arguments. */
static __always_inline enum ptwalk_status
ptwalk_inline(ptwalk_read_fn read, ptwalk_cmpxchg_fn update, __u64 rsvd, void *ctx,
	      __u64 root, __u64 va, __u32 access, struct ptwalk_result *out)
{
	struct ptwalk_path path __uninit;	/* read where the descent came to alone */
	enum ptwalk_status status;
	int attempt, ret;

	for (attempt = 0; attempt < PTWALK_ATTEMPTS; attempt++) {
		status = ptwalk_descend(read, ctx, rsvd, root, va, access, &path, out);
		if (status != PTWALK_OK)
			return status;
		if (!ptwalk_allowed(access, out))
			return ptwalk_fault(access, out, PTWALK_ERR_P);
		if (!(access & PTWALK_SET_AD))
			return PTWALK_OK;
		ret = ptwalk_update_ad(update, ctx, access, &path, out);
		if (!ret)
			return PTWALK_OK;
		if (ret < 0) {
			out->mem_error = ret;
			return PTWALK_MEM;
		}
	}
	return PTWALK_RETRY;
}

/* ---- 6. Beside an earlier walk -------------------------------------------- */

/*
 * As ptwalk_inline(), of an address in the same 2 MiB as that of an earlier walk, which
 * found @above, with a leaf of level 1. Entries above that table are not looked at again, as an MMU
 * caches them (SDM 3A, 4.10.3): that nothing was flushed meanwhile is the caller's word.
 */
static __always_inline enum ptwalk_status
ptwalk_near(ptwalk_read_fn read, ptwalk_cmpxchg_fn update, __u64 rsvd, void *ctx,
	    const struct ptwalk_result *above, __u64 va, __u32 access,
	    struct ptwalk_result *out)
{
	__u64 gpa = above->table_gpa | ((va >> ptwalk_shift(1) & 511) << 3);
	__u64 all = (above->path_writable ? GPTE_RW : 0) | (above->path_user ? GPTE_US : 0);
	__u64 any = above->path_noexec ? GPTE_NX : 0;
	int attempt, ret;
	__u64 e, want;

	for (attempt = 0; attempt < PTWALK_ATTEMPTS; attempt++) {
		e = 0;
		ret = read(ctx, gpa, &e);
		if (ret < 0) {
			out->level = 1;
			goto memory;
		}
		if (!(e & GPTE_P))
			return ptwalk_fault(access, out, 0);
		if (ptwalk_rsvd(e, 1, rsvd))
			return ptwalk_fault(access, out, PTWALK_ERR_P | PTWALK_ERR_RSVD);
		out->table_gpa = above->table_gpa;
		ptwalk_leaf(out, 1, va, e, all, any);
		if (!ptwalk_allowed(access, out))
			return ptwalk_fault(access, out, PTWALK_ERR_P);
		want = e | GPTE_A | (access & PTWALK_WRITE ? GPTE_D : 0);
		if (!(access & PTWALK_SET_AD) || want == e)
			return PTWALK_OK;
		ret = update(ctx, gpa, e, want);
		if (ret < 0)
			goto memory;
		if (!ret) {
			out->dirty = want & GPTE_D;
			return PTWALK_OK;
		}
	}
	return PTWALK_RETRY;
memory:
	out->mem_error = ret;
	return PTWALK_MEM;
}

#endif /* DOMUS_PTWALK_INLINE_H */
