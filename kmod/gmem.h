/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef DOMUS_GMEM_H
#define DOMUS_GMEM_H

#include <linux/mm_types.h>
#include <linux/nospec.h>
#include <linux/types.h>

#include <uapi/linux/domus.h>

struct bio_vec;
struct netlink_ext_ack;

/**
 * struct gmem_slot - a range of guest physical memory backed by the holder
 * @gpa: guest physical start, bytes
 * @size: bytes
 * @hva: holder address that backs @gpa
 */
struct gmem_slot {
	u64 gpa;
	u64 size;
	unsigned long hva;
};

/**
 * struct gmem - all memory of one domain; the only door to it
 * @mm: the holder's address space (not owned here: the domain holds mm_count)
 * @nr: slots in use
 * @slots: sorted by gpa, disjoint, fixed once the domain is made
 */
struct gmem {
	struct mm_struct *mm;
	unsigned int nr;
	struct gmem_slot slots[DOMUS_SLOTS_MAX];
};

void gmem_init(struct gmem *g, struct mm_struct *mm);

/**
 * gmem_add_slot() - add a range of memory, in ascending order of gpa
 * @g: the memory, of a domain that no vCPU runs yet
 * @slot: range to add: gpa 2 MiB aligned, size and hva 4 KiB aligned
 * @extack: gets the text of a refusal
 *
 * Context: process, domain lock held.
 * Return: 0, -EINVAL (misaligned, overlapping, wrapping, not user memory), -ENOSPC.
 */
int gmem_add_slot(struct gmem *g, const struct gmem_slot *slot,
		  struct netlink_ext_ack *extack);

/* Total size in bytes. Any context. */
u64 gmem_size(const struct gmem *g);

/**
 * gmem_hva() - translate a guest physical range
 * @g: the memory
 * @gpa: start, any value
 * @len: bytes, 1 or more, any value: a range across slots or past the end is refused
 *
 * Context: any. Return: the holder address, or 0 when the range is not memory.
 */
unsigned long gmem_hva(const struct gmem *g, u64 gpa, u64 len);

/* The slot that contains @gpa, or NULL. Any context. */
const struct gmem_slot *gmem_slot_of(const struct gmem *g, u64 gpa);

/* The same two for the fault path. */
static __always_inline const struct gmem_slot *
gmem_slot_inline(const struct gmem *g, u64 gpa)
{
	const struct gmem_slot *s = g->slots;
	const struct gmem_slot *end = s + g->nr;

	/* gpa - start wraps to a huge value below the slot: one compare does both */
	for (; s < end; s++)
		if (gpa - s->gpa < s->size)
			return s;
	return NULL;
}

static __always_inline unsigned long gmem_hva_inline(const struct gmem *g, u64 gpa, u64 len)
{
	const struct gmem_slot *s = gmem_slot_inline(g, gpa);
	u64 off;

	if (!s)
		return 0;
	off = gpa - s->gpa;
	if (len > s->size - off)
		return 0;
	/* a mispredicted check must not form an address outside the slot */
	return s->hva + array_index_nospec(off, s->size);
}

/**
 * gmem_read(), gmem_write() - copy from and to guest memory
 *
 * Context: process, may sleep, current->mm is the holder's.
 * Return: 0, -EFAULT when the range is not memory or the host could not provide it.
 */
int __must_check gmem_read(const struct gmem *g, u64 gpa, void *to, size_t len);
int __must_check gmem_write(const struct gmem *g, u64 gpa, const void *from, size_t len);

/**
 * gmem_pin() - pin one page of guest memory for long
 * @g: the memory
 * @gpa: 4 KiB aligned
 *
 * Context: process, may sleep, current->mm is the holder's.
 * Return: the page (give back with gmem_unpin()), or ERR_PTR(-EFAULT, -ENOMEM, -EINVAL).
 */
struct page *gmem_pin(const struct gmem *g, u64 gpa);

/*
 * As gmem_pin(), for who must not wait for memory, which may never come (userfaultfd, FUSE).
 * Return: also ERR_PTR(-EAGAIN): not there, or not writable yet. The holder may touch it.
 */
struct page *gmem_pin_present(const struct gmem *g, u64 gpa);
void gmem_unpin(struct page *page);

/**
 * gmem_pin_bvecs() - pin a range for the time of an I/O, or for long
 * @gpa, @len: any value, @len not 0
 * @flags: FOLL_WRITE: it will be written to; FOLL_LONGTERM: nobody knows until when, so
 *	that pages are first moved out of where the host wants none that stay
 * @bvecs: filled, one for each page
 * @max: how many there are
 *
 * Context: process, may sleep, current->mm is the holder's.
 * Return: how many were filled: give each bv_page back by unpin_user_page(), set
 * dirty if it was written; -EFAULT (not memory), -EFBIG (more pages than @max), -ENOMEM (the
 * host cannot now).
 */
int gmem_pin_bvecs(const struct gmem *g, u64 gpa, u32 len, unsigned int flags,
		   struct bio_vec *bvecs, unsigned int max);

/**
 * gmem_discard() - give pages back to the host; what is read there next is zero
 * @gpa, @len: any value, 4 KiB aligned, @len not 0
 *
 * Only where the memory is the holder's own: not what is a file's, locked or of a pool of
 * huge pages. Context: process, may sleep, current->mm is the holder's.
 * Return: 0, -EINVAL (not aligned), -EFAULT (not memory), -EOPNOTSUPP (some of it stays).
 */
int gmem_discard(const struct gmem *g, u64 gpa, u64 len);

/**
 * struct gmem_area - a range of guest memory, pinned and mapped for the host
 * @at: its first byte, or NULL: nothing
 * @pages, @nr: what it lies in
 * @map: where @pages are mapped, if there are several
 */
struct gmem_area {
	void *at;
	struct page **pages;
	unsigned int nr;
	void *map;
};

#define GMEM_AREA_MAX	(64 * 1024)	/* bytes */

/**
 * gmem_map() - pin a range for long and map it
 * @gpa: any value; @len: 1 to GMEM_AREA_MAX bytes
 * @area: filled; give back with gmem_unmap()
 *
 * Context: process, may sleep, current->mm is the holder's.
 * Return: 0, -EFAULT (not memory), -EINVAL (length), -ENOMEM; on error @area is nothing.
 */
int gmem_map(const struct gmem *g, u64 gpa, u64 len, struct gmem_area *area);

/* Context: process, may sleep; of any process. An area of nothing is well. */
void gmem_unmap(struct gmem_area *area);

#endif /* DOMUS_GMEM_H */
