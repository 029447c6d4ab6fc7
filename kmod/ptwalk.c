// SPDX-License-Identifier: GPL-2.0-only
/*
 * The walk of a guest's page tables: the functions for who is not in a hurry. The
 * walk itself is in ptwalk_inline.h.
 */
#include "ptwalk_inline.h"

bool ptwalk_entry_rsvd(__u64 entry, int level, __u64 rsvd)
{
	return ptwalk_rsvd(entry, level, rsvd);
}

enum ptwalk_status ptwalk(const struct ptwalk_mem *mem, void *ctx, __u64 root,
			  __u64 va, __u32 access, struct ptwalk_result *out)
{
	return ptwalk_inline(mem->read, mem->cmpxchg, mem->rsvd, ctx, root, va, access, out);
}
