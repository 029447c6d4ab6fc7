/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef DOMUS_CELL_H
#define DOMUS_CELL_H

#include <linux/list.h>
#include <linux/types.h>

struct domus_domain;
struct domus_vcpu;
struct page;

/*
 * The cell space of a domain: the supervisor-only tables under top-level slot
 * 256 that hold every vCPU's cell. There are two: one for the holder's PGD, one
 * for the domain's views, which lacks the pages that only the host may read.
 */
#define CELL_TOP_SLOT	256

struct cell_space {
	u64 base;		/* virtual address of vCPU 0's cell */
	u64 *host_top;		/* table that the holder's slot 256 points to */
	u64 *view_top;		/* table that every view's slot 256 points to */
	struct list_head pages;	/* table and cell pages, by lru */
	bool installed;		/* host_top is in the holder's PGD */
};

/* Top-level entry for slot 256 of every view (both views of every root). */
u64 cell_view_entry(const struct cell_space *cs);

/* Does a virtual address lie in the hypervisor's slot on this host? */
bool cell_covers(u64 va);

/* Copy of the switcher's text that all cells share. Module init and exit. */
int cell_text_init(void);
void cell_text_exit(void);

/**
 * cell_space_init() - make the cell space and hang it into the holder's PGD
 * @d: the domain; current->mm is the holder's and equals d->mm
 *
 * Context: process. Return: 0; -EBUSY slot 256 is in use (a second domain of
 * one process); -ENOMEM. Nothing is left behind on error.
 */
int cell_space_init(struct domus_domain *d);

/**
 * cell_space_destroy() - take it out, flush every CPU, free all pages of cells
 *
 * Context: process, may sleep. No vCPU runs or will. Also after a failed init.
 */
void cell_space_destroy(struct domus_domain *d);

/* Make the pages of vCPU v->id, set v->data, host, desc, *_va. -ENOMEM. */
int cell_make(struct domus_vcpu *v);

/* Map (or with NULL unmap) the vCPU page in the cell. v is out of the guest. */
void cell_map_page(struct domus_vcpu *v, struct page *page);

/* Take over this CPU's GDT. irqs off. */
void cell_load_gdt(struct domus_vcpu *v);

#endif /* DOMUS_CELL_H */
