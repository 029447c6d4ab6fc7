/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef DOMUS_PCID_H
#define DOMUS_PCID_H

#include <linux/jump_label.h>
#include <linux/types.h>

struct domus_domain;
struct domus_vcpu;
struct shadow_root;

DECLARE_STATIC_KEY_FALSE(pcid_key);

/* Do views have PCIDs of their own? It does not change while the module is loaded. */
static __always_inline bool pcid_used(void)
{
	return static_branch_unlikely(&pcid_key);
}

/* Module init and exit. No domain exists. Process context. */
void pcid_init(void);
void pcid_exit(void);

/* A new vCPU's. Nobody else sees it yet. */
void pcid_init_vcpu(struct domus_vcpu *v);

/**
 * pcid_of() - bits for CR3 of a view that a vCPU has at hand
 * @v: the vCPU
 * @i: its place in @v->roots
 * @user: the user view's
 *
 * Any context. Return: 0 where PCIDs are not used.
 */
u64 pcid_of(const struct domus_vcpu *v, unsigned int i, bool user);

/**
 * pcid_enter() - say which views' loads need no flush, and what is loaded at this entry
 * @v: the vCPU, about to enter the guest
 *
 * The loaded root's views need none afterwards. Where PCIDs are used, and by then only.
 * Context: irqs off, behind the barrier that follows in_guest; the vCPU's thread.
 */
void pcid_enter(struct domus_vcpu *v);

/**
 * pcid_strike() - the next loads of a root's views on some vCPUs are to flush
 * @d: the domain
 * @mask: bit n: vCPU n
 * @root: for comparison only; NULL: of all roots, at the vCPU's next entry
 *
 * Who is in the guest with the root loaded is to be interrupted besides; that is the
 * caller's to find out, behind a full barrier. Where PCIDs are used. Context: any but NMI.
 */
void pcid_strike(struct domus_domain *d, u64 mask, const struct shadow_root *root);

#endif /* DOMUS_PCID_H */
