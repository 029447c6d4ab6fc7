// SPDX-License-Identifier: GPL-2.0-only
/*
 * PCIDs of views: a load of CR3 keeps what the TLB has of them.
 *
 *   1. who has which
 *   2. which loads need no flush
 *
 * A vCPU has two PCIDs for each place in its list of roots at hand, kernel view and user
 * view: 16 in a row, the same on every CPU. CELL_NOFLUSH in cell_data.roots[] says that
 * the next load of the view need not flush: that is all that is remembered of TLBs, and
 * the switcher only loads what is there. It is set at an entry alone (pcid_enter()), for
 * the loaded root, on the CPU that the guest runs on next, whose entries of these PCIDs
 * are all of that vCPU and of that place's root. It is struck out
 *
 *	when a place gets another root			show_root()
 *	when the vCPU's thread is on another CPU,
 *	or another vCPU had the PCIDs there since	pcid_enter()
 *	when something was taken away from that root	pcid_strike(), remotely
 *	when something was taken away from any root	at the next entry, by pcid_stale
 *	in the guest, when it is interrupted for that	.Lflush in switch.S, or the above
 *
 * Who takes something away strikes out, and behind a full barrier looks who is in the guest;
 * who enters says so, and behind a full barrier looks what was struck out. A vCPU in the
 * guest that has the root loaded, or is about to, is interrupted (vcpu_flush_remote());
 * another finds no CELL_NOFLUSH when it loads it.
 *
 * The vCPU's number behind the PCIDs is never used again, so nothing of a vCPU that is gone
 * can be taken for another one's; pcid_owner[] of a module that is loaded again names nobody.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/atomic.h>
#include <linux/bitops.h>
#include <linux/lockdep.h>
#include <linux/module.h>
#include <linux/percpu.h>
#include <linux/smp.h>
#include <asm/cpufeature.h>
#include <asm/invpcid.h>
#include <asm/processor-flags.h>
#include <asm/special_insns.h>
#include <asm/tlbflush.h>

#include "domain.h"
#include "pcid.h"
#include "vcpu.h"

/* Linux has 1 to 6, and with page-table isolation the same with bit 11. */
#define PCID_FIRST	0x100
#define PCID_GROUP	(2 * CELL_ROOTS)
#define PCID_GROUPS	64

static_assert(PCID_FIRST + PCID_GROUPS * PCID_GROUP <= 0x800);

DEFINE_STATIC_KEY_FALSE(pcid_key);

static bool pcid = true;
module_param(pcid, bool, 0444);
MODULE_PARM_DESC(pcid, "give views PCIDs where the host uses them and has INVPCID (Y)");

/* ---- 1. Who has which ------------------------------------------------- */

static atomic64_t last_serial = ATOMIC64_INIT(0);

/* By group: the vCPU (its serial number) that had it last on this CPU. */
static DEFINE_PER_CPU(u64 [PCID_GROUPS], pcid_owner);

static void flush_all(void *unused)
{
	__flush_tlb_all();
}

void pcid_init(void)
{
	if (pcid && boot_cpu_has(X86_FEATURE_PCID) && boot_cpu_has(X86_FEATURE_INVPCID) &&
	    (__read_cr4() & X86_CR4_PCIDE))
		static_branch_enable(&pcid_key);
}

void pcid_exit(void)
{
	/* nobody will load them, but who comes after us need not rely on it */
	if (pcid_used())
		on_each_cpu(flush_all, NULL, 1);
}

void pcid_init_vcpu(struct domus_vcpu *v)
{
	if (!pcid_used())
		return;
	v->pcid_serial = atomic64_inc_return(&last_serial);
	v->pcid = PCID_FIRST + v->pcid_serial % PCID_GROUPS * PCID_GROUP;
	v->pcid_cpu = -1;
}

u64 pcid_of(const struct domus_vcpu *v, unsigned int i, bool user)
{
	return v->pcid ? v->pcid + 2 * i + user : 0;
}

/* ---- 2. Which loads need no flush ------------------------------------- */

static void strike(struct cell_root *r)
{
	/* atomic, as others do so, too */
	clear_bit(CELL_NOFLUSH_BIT, (unsigned long *)&r->cr3_kernel);
	clear_bit(CELL_NOFLUSH_BIT, (unsigned long *)&r->cr3_user);
}

static void strike_all(struct domus_vcpu *v)
{
	unsigned int i;

	for (i = 0; i < CELL_ROOTS; i++)
		strike(&v->data->roots[i]);
}

/* The thread is on a CPU where it, or these PCIDs, were not when it was last in the guest. */
static noinline void take_over(struct domus_vcpu *v, u64 *owner)
{
	*owner = v->pcid_serial;
	v->pcid_cpu = smp_processor_id();
	strike_all(v);
}

/* By INVPCID, as the view that is not loaded now may be loaded without C. */
static noinline void flush_views(struct domus_vcpu *v, struct cell_root *r, unsigned int i)
{
	invpcid_flush_single_context(pcid_of(v, i, false));
	invpcid_flush_single_context(pcid_of(v, i, true));
	/*
	 * Who struck them out meanwhile finds the root loaded, and this vCPU in the guest:
	 * what is set here is struck out again by the interrupt, or by pcid_stale.
	 */
	WRITE_ONCE(r->cr3_kernel, r->cr3_kernel | CELL_NOFLUSH);
	WRITE_ONCE(r->cr3_user, r->cr3_user | CELL_NOFLUSH);
	v->pcid_flushes++;
}

void pcid_enter(struct domus_vcpu *v)
{
	u64 *owner = this_cpu_ptr(&pcid_owner[v->pcid_serial % PCID_GROUPS]);
	struct cell_data *data = v->data;
	unsigned int i = data->root_index;
	struct cell_root *r = &data->roots[i];

	lockdep_assert_irqs_disabled();
	if (unlikely(v->pcid_cpu != smp_processor_id() || *owner != v->pcid_serial))
		take_over(v, owner);
	/* what was taken away before it was set is gone for the flushes below */
	if (READ_ONCE(v->pcid_stale) && xchg(&v->pcid_stale, false))
		strike_all(v);
	if (!(READ_ONCE(r->cr3_kernel) & READ_ONCE(r->cr3_user) & CELL_NOFLUSH))
		flush_views(v, r, i);
	data->cr3_kernel = r->cr3_kernel;
	data->cr3_user = r->cr3_user;
	data->cr3 = vcpu_user_mode(v) ? data->cr3_user : data->cr3_kernel;
}

void pcid_strike(struct domus_domain *d, u64 mask, const struct shadow_root *root)
{
	unsigned int i;

	for (; mask; mask &= mask - 1) {
		struct domus_vcpu *v = d->vcpus[__ffs64(mask)];

		if (!v)
			continue;
		if (!root) {
			WRITE_ONCE(v->pcid_stale, true);
			continue;
		}
		/* a place that gets the root by now begins with a flush */
		for (i = 0; i < CELL_ROOTS; i++)
			if (READ_ONCE(v->roots[i]) == root)
				strike(&v->data->roots[i]);
	}
}
