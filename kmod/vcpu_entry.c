// SPDX-License-Identifier: GPL-2.0-only
/*
 * Entries and returns: how a vCPU changes between what the guest was doing and
 * its entry points, when C does it (tier 1 is switch.S, section 5).
 *
 *   1. the vCPU page: fetch once
 *   2. entries
 *   3. returns
 */
#include <asm/processor-flags.h>
#include <asm/trap_pf.h>
#include <asm/trapnr.h>

#include "domain.h"
#include "shadow.h"
#include "trace.h"
#include "vcpu.h"

/* ---- 1. The vCPU page -------------------------------------------------------- */

static void to_kernel_mode(struct domus_vcpu *v)
{
	struct cell_data *data = v->data;

	WRITE_ONCE(v->page->user_gs, data->gs_base);
	data->gs_base = vcpu_canonical(READ_ONCE(v->page->kernel_gs));
	data->regs.sp = READ_ONCE(v->page->kernel_sp);
	data->cr3 = data->cr3_kernel;
	data->mode = CELL_MODE_KERNEL;
}

static void to_user_mode(struct domus_vcpu *v)
{
	struct cell_data *data = v->data;

	data->gs_base = vcpu_canonical(READ_ONCE(v->page->user_gs));
	data->cr3 = data->cr3_user;
	data->mode = data->syscall_entry ? CELL_MODE_USER : CELL_MODE_USER_NOCALL;
	WRITE_ONCE(v->page->vif, 1);
}

/* ---- 2. Entries --------------------------------------------------------------- */

/* What is left of a guest that has no entry for @entry, or is in one already. */
static noinline int cannot_enter(struct domus_vcpu *v, u32 entry, u64 error, u64 cr2)
{
	struct cell_regs *regs = &v->data->regs;
	struct domus_vcpu_page *page = v->page;

	if (!v->entries[entry])
		return domain_kill_by(v, DOMUS_REASON_BAD_ENTRY,
				      "vCPU %u: exception %u without an entry, error %#llx, cr2 %#llx, %s rip %#llx rsp %#llx",
				      v->id, entry, error, cr2,
				      vcpu_user_mode(v) ? "user" : "kernel", regs->ip, regs->sp);
	return domain_kill_by(v, DOMUS_REASON_DOUBLE_FAULT,
			      "vCPU %u: double fault: exception %u in the entry of %llu, error %#llx, cr2 %#llx, rip %#llx rsp %#llx",
			      v->id, entry, READ_ONCE(page->frame.vector), error, cr2,
			      regs->ip, regs->sp);
}

static __always_inline int inject(struct domus_vcpu *v, u32 entry, u64 error, u64 cr2)
{
	struct cell_regs *regs = &v->data->regs;
	struct domus_vcpu_page *page = v->page;
	bool user = vcpu_user_mode(v);
	u64 va = v->entries[entry];
	u64 vif;

	if (unlikely(!va || READ_ONCE(page->busy)))
		return cannot_enter(v, entry, error, cr2);
	vif = user || (READ_ONCE(page->vif) & 1) ? X86_EFLAGS_IF : 0;
	page->frame.rip = regs->ip;
	page->frame.cs = user ? DOMUS_USER_CS : DOMUS_KERNEL_CS;
	page->frame.rflags = (regs->flags & ~(u64)X86_EFLAGS_IF) | vif;
	page->frame.rsp = regs->sp;
	page->frame.ss = user ? DOMUS_USER_SS : DOMUS_KERNEL_SS;
	page->frame.error = error;
	page->frame.vector = entry;
	page->frame.cr2 = cr2;
	WRITE_ONCE(page->busy, 1);
	WRITE_ONCE(page->vif, 0);
	if (user)
		to_kernel_mode(v);
	regs->ip = va;
	regs->flags = CELL_RFLAGS_SET;
	return 0;
}

static noinline int inject_traced(struct domus_vcpu *v, u32 entry, u64 error, u64 cr2)
{
	trace_domus_inject(v->d->id, v->id, entry, error, cr2, v->data->regs.ip);
	return inject(v, entry, error, cr2);
}

int vcpu_inject(struct domus_vcpu *v, u32 entry, u64 error, u64 cr2)
{
	/* by a call, as inject() would keep all of it for behind the trace else */
	if (trace_domus_inject_enabled())
		return inject_traced(v, entry, error, cr2);
	return inject(v, entry, error, cr2);
}

int vcpu_deliver(struct domus_vcpu *v)
{
	struct domus_vcpu_page *page = v->page;

	if (!READ_ONCE(page->pending))
		return 0;
	if (!vcpu_user_mode(v) && !READ_ONCE(page->vif))
		return 0;
	/* a guest without a handler waits by BLOCK alone */
	if (!v->entries[DOMUS_ENTRY_EVENT])
		return 0;
	/* an entry whose stub has not run yet: the event waits for its vif = 1 */
	if (READ_ONCE(page->busy))
		return 0;
	return vcpu_inject(v, DOMUS_ENTRY_EVENT, 0, 0);
}

/* ---- 3. Returns ---------------------------------------------------------------- */

int vcpu_return(struct domus_vcpu *v, bool sysret)
{
	struct cell_regs *regs = &v->data->regs;
	struct domus_return *ret = &v->page->ret;
	u64 cs = sysret ? DOMUS_USER_CS : READ_ONCE(ret->cs);
	u64 flags = READ_ONCE(ret->rflags);
	u64 rip = READ_ONCE(ret->rip);
	u64 fill = READ_ONCE(ret->fill);
	u32 ignored;

	if (cs != DOMUS_USER_CS && cs != DOMUS_KERNEL_CS)
		return domain_kill_by(v, DOMUS_REASON_BAD_CALL,
				      "vCPU %u: RETURN with cs %#llx", v->id, cs);
	regs->ip = rip;
	regs->flags = (flags & CELL_RFLAGS_MASK) | CELL_RFLAGS_SET;
	regs->sp = READ_ONCE(ret->rsp);
	regs->ax = READ_ONCE(ret->rax);
	regs->cx = sysret ? rip : READ_ONCE(ret->rcx);
	regs->r11 = sysret ? regs->flags : READ_ONCE(ret->r11);
	if (cs == DOMUS_USER_CS)
		to_user_mode(v);
	else
		WRITE_ONCE(v->page->vif, !!(flags & X86_EFLAGS_IF));
	if (fill) {
		/* a hint: what comes of it shows when the address is touched */
		WRITE_ONCE(ret->fill, 0);
		shadow_fault(&v->d->shadow, vcpu_root(v), v->id, fill, X86_PF_USER,
			     vcpu_user_mode(v), &ignored);
	}
	return 0;
}
