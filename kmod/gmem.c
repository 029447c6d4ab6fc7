// SPDX-License-Identifier: GPL-2.0-only
/*
 * Guest memory: the only door to it.
 *
 *   1. slots: a sorted, disjoint list of [gpa, gpa + size) -> holder address,
 *      checked once when they are added, so that later look-ups need only
 *      compare and subtract
 *   2. translation: gmem_slot_of(), gmem_hva()
 *   3. copies in the holder's context
 *   4. long-term pins (vCPU pages), and mappings of ranges (rings)
 *   5. giving memory back
 *
 * Every gpa and length may come from a guest: comparisons are written so that
 * no sum of two such values is ever formed.
 */
#include <linux/align.h>
#include <linux/bvec.h>
#include <linux/err.h>
#include <linux/mm.h>
#include <linux/netlink.h>
#include <linux/sched.h>
#include <linux/sizes.h>
#include <linux/slab.h>
#include <linux/uaccess.h>
#include <linux/vmalloc.h>

#include "gmem.h"

/* ---- 1. Slots --------------------------------------------------------- */

void gmem_init(struct gmem *g, struct mm_struct *mm)
{
	g->mm = mm;
	g->nr = 0;
}

static const char *slot_refusal(const struct gmem *g, const struct gmem_slot *s)
{
	const struct gmem_slot *last = g->nr ? &g->slots[g->nr - 1] : NULL;

	if (!IS_ALIGNED(s->gpa, SZ_2M))
		return "slot address is not 2 MiB aligned";
	if (!s->size || !PAGE_ALIGNED(s->size) || !PAGE_ALIGNED(s->hva))
		return "slot size or holder address is not a multiple of 4 KiB";
	if (s->size > DOMUS_MEMORY_MAX || s->gpa > DOMUS_MEMORY_MAX - s->size)
		return "slot ends beyond the largest guest address";
	if (!s->hva || s->hva >= TASK_SIZE_MAX || s->size > TASK_SIZE_MAX - s->hva)
		return "slot is not in user memory";
	/* sizes and addresses are below 2^43 from here on: sums cannot wrap */
	if (last && s->gpa < last->gpa + last->size)
		return "slots overlap or are not in ascending order";
	return NULL;
}

int gmem_add_slot(struct gmem *g, const struct gmem_slot *slot,
		  struct netlink_ext_ack *extack)
{
	const char *why;

	if (g->nr >= DOMUS_SLOTS_MAX) {
		NL_SET_ERR_MSG(extack, "too many memory slots");
		return -ENOSPC;
	}
	why = slot_refusal(g, slot);
	if (why) {
		if (extack)
			extack->_msg = why;
		return -EINVAL;
	}
	g->slots[g->nr++] = *slot;
	return 0;
}

u64 gmem_size(const struct gmem *g)
{
	unsigned int i;
	u64 sum = 0;

	for (i = 0; i < g->nr; i++)
		sum += g->slots[i].size;
	return sum;
}

/* ---- 2. Translation --------------------------------------------------- */

const struct gmem_slot *gmem_slot_of(const struct gmem *g, u64 gpa)
{
	return gmem_slot_inline(g, gpa);
}

unsigned long gmem_hva(const struct gmem *g, u64 gpa, u64 len)
{
	return gmem_hva_inline(g, gpa, len);
}

/* ---- 3. Copies -------------------------------------------------------- */

static unsigned long copy_hva(const struct gmem *g, u64 gpa, size_t len)
{
	if (unlikely(current->mm != g->mm))
		return 0;
	return gmem_hva(g, gpa, len);
}

int gmem_read(const struct gmem *g, u64 gpa, void *to, size_t len)
{
	unsigned long hva = copy_hva(g, gpa, len);

	if (!hva || copy_from_user(to, (void __user *)hva, len))
		return -EFAULT;
	return 0;
}

int gmem_write(const struct gmem *g, u64 gpa, const void *from, size_t len)
{
	unsigned long hva = copy_hva(g, gpa, len);

	if (!hva || copy_to_user((void __user *)hva, from, len))
		return -EFAULT;
	return 0;
}

/* ---- 4. Pins ---------------------------------------------------------- */

/*
 * Is it memory, not a file's? To mark a file's page dirty waits for its file system, and
 * long pins of one are not kept apart from writing it back.
 */
static bool is_memory(struct page *page)
{
	return PageSwapBacked(compound_head(page)) || PageHuge(page);
}

/* @absent: the error of what is not there and may not be waited for */
static struct page *pin_page(const struct gmem *g, u64 gpa, unsigned int flags, int absent)
{
	struct page *page;
	unsigned long hva;
	int n;

	if (!PAGE_ALIGNED(gpa))
		return ERR_PTR(-EINVAL);
	hva = copy_hva(g, gpa, PAGE_SIZE);
	if (!hva)
		return ERR_PTR(-EFAULT);
	n = pin_user_pages_fast(hva, 1, FOLL_WRITE | FOLL_LONGTERM | flags, &page);
	if (n == 1 && is_memory(page))
		return page;
	if (n == 1) {
		unpin_user_page(page);
		return ERR_PTR(-EFAULT);
	}
	return ERR_PTR(n == -ENOMEM ? -ENOMEM : absent);
}

struct page *gmem_pin(const struct gmem *g, u64 gpa)
{
	return pin_page(g, gpa, 0, -EFAULT);
}

struct page *gmem_pin_present(const struct gmem *g, u64 gpa)
{
	return pin_page(g, gpa, FOLL_NOFAULT, -EAGAIN);
}

void gmem_unpin(struct page *page)
{
	unpin_user_pages_dirty_lock(&page, 1, true);
}

#define PIN_BATCH 16

int gmem_pin_bvecs(const struct gmem *g, u64 gpa, u32 len, unsigned int flags,
		   struct bio_vec *bvecs, unsigned int max)
{
	unsigned long hva = copy_hva(g, gpa, len);
	unsigned int offset = offset_in_page(hva), done = 0, want;
	struct page *pages[PIN_BATCH];
	int i, n, err = -EFAULT;

	if (!hva)
		return -EFAULT;
	want = PFN_UP((u64)offset + len);
	if (want > max)
		return -EFBIG;
	hva -= offset;
	while (done < want) {
		n = min_t(unsigned int, want - done, PIN_BATCH);
		n = pin_user_pages_fast(hva + done * PAGE_SIZE, n, flags, pages);
		if (n <= 0) {
			/* no room, or one that may not stay where it is and is in use */
			if (n && n != -EFAULT)
				err = -ENOMEM;
			goto undo;
		}
		for (i = 0; i < n; i++, done++) {
			u32 take = min_t(u32, len, PAGE_SIZE - offset);

			if (flags & FOLL_WRITE && !is_memory(pages[i]))
				goto undo_batch;
			bvecs[done].bv_page = pages[i];
			bvecs[done].bv_offset = offset;
			bvecs[done].bv_len = take;
			len -= take;
			offset = 0;
		}
	}
	return done;
undo_batch:
	for (; i < n; i++)
		unpin_user_page(pages[i]);
undo:
	while (done--)
		unpin_user_page(bvecs[done].bv_page);
	return err;
}

int gmem_map(const struct gmem *g, u64 gpa, u64 len, struct gmem_area *area)
{
	unsigned long hva, offset;
	int n, want, err;

	memset(area, 0, sizeof(*area));
	if (!len || len > GMEM_AREA_MAX)
		return -EINVAL;
	hva = copy_hva(g, gpa, len);
	if (!hva)
		return -EFAULT;
	offset = offset_in_page(hva);
	want = PFN_UP(offset + len);
	area->pages = kcalloc(want, sizeof(*area->pages), GFP_KERNEL_ACCOUNT);
	if (!area->pages)
		return -ENOMEM;
	n = pin_user_pages_fast(hva - offset, want, FOLL_WRITE | FOLL_LONGTERM, area->pages);
	area->nr = max(n, 0);
	err = n == -ENOMEM ? -ENOMEM : -EFAULT;
	if (n != want)
		goto undo;
	for (n = 0; n < want; n++)
		if (!is_memory(area->pages[n]))
			goto undo;
	if (want > 1) {
		err = -ENOMEM;
		area->map = vmap(area->pages, want, VM_MAP, PAGE_KERNEL);
		if (!area->map)
			goto undo;
	}
	area->at = (area->map ?: page_address(area->pages[0])) + offset;
	return 0;
undo:
	gmem_unmap(area);
	return err;
}

void gmem_unmap(struct gmem_area *area)
{
	vunmap(area->map);
	if (area->nr)
		unpin_user_pages_dirty_lock(area->pages, area->nr, true);
	kfree(area->pages);
	memset(area, 0, sizeof(*area));
}

/* ---- 5. Giving memory back ------------------------------------------- */

/* As MADV_DONTNEED, but for a file's pages: those are not freed by it. */
static bool can_discard(struct vm_area_struct *vma)
{
	return vma_is_anonymous(vma) &&
	       !(vma->vm_flags & (VM_LOCKED | VM_HUGETLB | VM_PFNMAP | VM_MIXEDMAP));
}

int gmem_discard(const struct gmem *g, u64 gpa, u64 len)
{
	unsigned long at, end, next;
	struct vm_area_struct *vma;
	int err = 0;

	if (!len || !PAGE_ALIGNED(gpa) || !PAGE_ALIGNED(len))
		return -EINVAL;
	at = copy_hva(g, gpa, len);
	if (!at)
		return -EFAULT;
	end = at + len;
	mmap_read_lock(g->mm);
	for (; at < end; at = next) {
		vma = find_vma(g->mm, at);
		if (!vma || vma->vm_start >= end) {
			err = -EOPNOTSUPP;
			break;
		}
		at = max(at, vma->vm_start);
		next = min(end, vma->vm_end);
		if (can_discard(vma))
			zap_page_range(vma, at, next - at);
		else
			err = -EOPNOTSUPP;
	}
	mmap_read_unlock(g->mm);
	return err;
}
