/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef DOMUS_SHADOW_H
#define DOMUS_SHADOW_H

#include <linux/mmu_notifier.h>
#include <linux/spinlock.h>
#include <linux/types.h>

#include "gmem.h"

struct domus_domain;
struct domus_vcpu;
struct shadow_root;

#define SHADOW_NO_VCPU	(~0U)

/* What a fault came to; see shadow_fault(). */
enum shadow_result {
	SHADOW_FILLED,		/* retry the instruction */
	SHADOW_SPURIOUS,	/* the view already allowed it: invalidate and retry */
	SHADOW_GUEST_FAULT,	/* the guest's own fault: *guest_error is its code */
	SHADOW_NO_MEMORY,	/* host out of memory or mapping gone: the domain must end */
	SHADOW_POISONED,	/* the host's memory there is broken: the domain must end */
	SHADOW_BAD_FRAME,	/* guest table or leaf names a frame outside memory */
	SHADOW_RETRY,		/* lost a race with a flush: retry the instruction */
};

/*
 * struct shadow is defined by shadow_types.h, for domain.h to embed; only
 * shadow*.c look inside.
 */
struct shadow;

/**
 * shadow_init() - prepare a domain's shadow memory, register the mmu notifier
 * @sh: zeroed, part of @d
 * @d: the domain; d->gmem has its slots, d->cells its view entry
 *
 * Context: process, current->mm is the holder's. Return: 0 or -errno.
 */
int shadow_init(struct shadow *sh, struct domus_domain *d);

/**
 * shadow_stop() - no vCPU runs or will run again: stop listening to the host
 *
 * To be called before vCPUs are freed: until then the host's changes of the holder's
 * memory come to vcpu_flush_remote(). Afterwards that is never called again, faults
 * come to SHADOW_NO_MEMORY, and roots may still be put. Safe to repeat, and on a zeroed
 * @sh. Context: process, may sleep.
 */
void shadow_stop(struct shadow *sh);

/**
 * shadow_destroy() - free everything; no vCPU runs or will run again
 *
 * Context: process, may sleep. Also after a failed or missing shadow_init(). All
 * roots have been put.
 */
void shadow_destroy(struct shadow *sh);

/* Drop all views and roots (reboot). No vCPU runs. Process context. */
void shadow_reset(struct shadow *sh);

/**
 * shadow_get_root() - find or make the two views of a guest root
 * @sh: the domain's shadow
 * @root_gpa: guest physical address of the top-level table, 4 KiB aligned
 * @vcpu: whose thread calls, or SHADOW_NO_VCPU
 *
 * Context: process, may sleep. The root stays until shadow_put_root().
 * Return: the root, ERR_PTR(-EINVAL) when not memory, ERR_PTR(-ENOMEM).
 */
struct shadow_root *shadow_get_root(struct shadow *sh, u64 root_gpa, unsigned int vcpu);
void shadow_put_root(struct shadow *sh, struct shadow_root *root);

/* A new vCPU has no roots. Nobody else sees it yet. */
void shadow_init_roots(struct domus_vcpu *v);

/**
 * shadow_first_root() - load a root into a vCPU that is offline and has none
 * @v: the vCPU
 * @root: of shadow_get_root(); the reference is the vCPU's from now on
 *
 * Context: process, by who starts it.
 */
void shadow_first_root(struct domus_vcpu *v, struct shadow_root *root);

/**
 * shadow_load_root() - DOMUS_HC_LOAD_ROOT; flushes it if it is loaded
 * @v: the vCPU, whose thread calls
 * @gpa: unchecked guest value
 *
 * The last CELL_ROOTS that were loaded stay at hand, for switch.S to load them, until they
 * are taken back. Context: process, may sleep. Return: 0, -EINVAL no memory of the domain,
 * or not aligned; -ENOMEM. On error the old one stays.
 */
int shadow_load_root(struct domus_vcpu *v, u64 gpa);

/* Put away all roots of a vCPU that goes offline. Process context, out of the guest. */
void shadow_unload_roots(struct domus_vcpu *v);

/* Bits that a guest's entry must not have. Any context. */
u64 shadow_gpte_rsvd(void);

/* Physical address (with the encryption mask) of a view's top table, for CR3. */
u64 shadow_root_cr3(const struct shadow_root *root, bool user);

/**
 * shadow_fault() - handle a page fault that the guest took in hardware
 * @sh: the domain's shadow
 * @root: root loaded when it happened, held by the caller
 * @vcpu: whose thread calls
 * @va: CR2, any value
 * @error: hardware error code, of which W, I and RSVD are read
 * @user: the guest was in user mode
 * @guest_error: out, for SHADOW_GUEST_FAULT: error code in the guest's terms
 *
 * Context: process (vCPU thread of the holder), irqs on, may sleep.
 */
enum shadow_result shadow_fault(struct shadow *sh, struct shadow_root *root,
				unsigned int vcpu, u64 va, u32 error, bool user,
				u32 *guest_error);

/**
 * shadow_translate() - guest virtual to guest physical, as the guest kernel sees it
 *
 * Reads the guest's tables, changes nothing. Context: as shadow_fault().
 * Return: 0 and *@gpa, or -EFAULT.
 */
int shadow_translate(struct shadow *sh, struct shadow_root *root, u64 va, u64 *gpa);

/**
 * shadow_flush() - DOMUS_HC_MMU_FLUSH
 * @sh: the domain's shadow
 * @op: DOMUS_FLUSH_*
 * @root_gpa, @start, @end: as in the call, unchecked guest values
 * @vcpus: mask of vCPUs whose hardware TLB must be flushed before return
 *
 * Context: process, may sleep. Return: 0, -EINVAL (op, alignment, range).
 */
int shadow_flush(struct shadow *sh, u64 op, u64 root_gpa, u64 start, u64 end,
		 u64 vcpus);

/**
 * shadow_release_root() - DOMUS_HC_RELEASE_ROOT
 *
 * Return: 0 (also when unknown), -EBUSY when a vCPU holds it, -EINVAL.
 */
int shadow_release_root(struct shadow *sh, u64 root_gpa);

/* Leaves put in by faults of all vCPUs, and beside these. Any context. */
u64 shadow_fills(const struct shadow *sh, u64 *prefills);

/* Shadow pages in use. Any context. */
u64 shadow_pages(const struct shadow *sh);

#ifdef DOMUS_DEBUG
/**
 * shadow_plant() - play a stale global entry of the host (DESIGN 2.10)
 * @va: address that is present in some root's kernel view
 * @deep: it survives the first invalidation
 *
 * Makes its leaf a supervisor entry in all roots, so that the next access faults; that
 * fault, or with @deep the second, puts it right, and each comes to SHADOW_SPURIOUS.
 * Context: process, may sleep.
 * Return: 0; -ENOENT nothing is there; -EINVAL no guest address.
 */
int shadow_plant(struct shadow *sh, u64 va, bool deep);
#endif

#endif /* DOMUS_SHADOW_H */
