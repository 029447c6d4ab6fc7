// SPDX-License-Identifier: GPL-2.0-only
/*
 * vCPUs that are made, start, stop, and what of them the guest changes as a whole.
 *
 *   1. made and freed
 *   2. page, TLS
 *   3. start
 *   4. stop
 *   5. which of them the host wants
 */
#include <linux/bits.h>
#include <linux/err.h>
#include <linux/mm.h>
#include <linux/slab.h>
#include <asm/cpufeature.h>
#include <asm/fpu/api.h>
#include <asm/fpu/xstate.h>
#include <asm/processor-flags.h>
#include <asm/segment.h>
#include <asm/special_insns.h>

#include "domain.h"
#include "pcid.h"
#include "shadow.h"
#include "vcpu.h"

/* ---- 1. Made and freed --------------------------------------------------------- */

/* As after a reset. What a process has to ask for (AMX) stays out of a guest's reach. */
static bool alloc_fpu(struct fpu_guest *fpu)
{
	if (!fpu_alloc_guest_fpstate(fpu))
		return false;
	if (cpu_feature_enabled(X86_FEATURE_XFD) && cpu_feature_enabled(X86_FEATURE_AMX_TILE))
		fpu_update_guest_xfd(fpu, XFEATURE_MASK_USER_DYNAMIC);
	return true;
}

struct domus_vcpu *vcpu_new(struct domus_domain *d, u32 id)
{
	struct domus_vcpu *v = kzalloc(sizeof(*v), GFP_KERNEL_ACCOUNT);
	int r = -ENOMEM;

	lockdep_assert_held(&d->lock);
	if (!v)
		return ERR_PTR(-ENOMEM);
	v->d = d;
	v->id = id;
	v->last_cpu = -1;
	mutex_init(&v->run_lock);
	rcuwait_init(&v->wait);
	if (!alloc_fpu(&v->fpu))
		goto err_free;
	r = cell_make(v);
	if (r)
		goto err_fpu;
	v->host->ret_cs = __KERNEL_CS;
	v->host->ret_ss = __KERNEL_DS;
	v->host->ret_flags = X86_EFLAGS_FIXED;
	v->data->fsgsbase = boot_cpu_has(X86_FEATURE_FSGSBASE);
	v->data->pku = cpu_feature_enabled(X86_FEATURE_OSPKE);
	v->data->smap = boot_cpu_has(X86_FEATURE_SMAP);
	v->host->gpte_rsvd = shadow_gpte_rsvd();
	v->host->flush_seq = (u64)&d->shadow.flush_seq;
	shadow_init_roots(v);
	/* for a guest as for user space and for a virtual machine's guest */
	if (boot_cpu_has(X86_FEATURE_CLEAR_CPU_BUF) || boot_cpu_has(X86_FEATURE_CLEAR_CPU_BUF_VM))
		v->data->verw = __KERNEL_DS;
	if (boot_cpu_has(X86_FEATURE_PCID) && (__read_cr4() & X86_CR4_PCIDE))
		v->data->noflush = CELL_NOFLUSH;
	pcid_init_vcpu(v);
	timer_init_vcpu(v);
	return v;

err_fpu:
	fpu_free_guest_fpstate(&v->fpu);
err_free:
	kfree(v);
	return ERR_PTR(r);
}

void vcpu_free(struct domus_vcpu *v)
{
	if (!v)
		return;
	mutex_lock(&v->run_lock);
	vcpu_reset(v);
	mutex_unlock(&v->run_lock);
	fpu_free_guest_fpstate(&v->fpu);
	kfree(v);
}

/* ---- 2. Page, TLS --------------------------------------------------------------- */

/* Make @page the vCPU page; events that are being signalled see one or the other. */
static void swap_page(struct domus_vcpu *v, struct page *page)
{
	struct page *old = v->page_pin;
	unsigned long flags;

	spin_lock_irqsave(&v->d->events.lock, flags);
	if (page && v->page)
		memcpy(page_address(page), v->page, PAGE_SIZE);
	v->page_pin = page;
	WRITE_ONCE(v->page, page ? page_address(page) : NULL);	/* see show_out() */
	spin_unlock_irqrestore(&v->d->events.lock, flags);
	cell_map_page(v, page);
	if (old)
		gmem_unpin(old);
}

static void use_page(struct domus_vcpu *v, struct page *page)
{
	swap_page(v, page);
	WRITE_ONCE(v->page->id, v->id);
}

int vcpu_set_page(struct domus_vcpu *v, u64 gpa)
{
	struct page *page = gmem_pin(&v->d->gmem, gpa);

	if (IS_ERR(page))
		return PTR_ERR(page);
	timer_cancel_vcpu(v);	/* which looks into the page */
	use_page(v, page);
	timer_resume(v);
	return 0;
}

void vcpu_set_tls(struct domus_vcpu *v, unsigned int i, u64 desc)
{
	v->tls[i] = desc;
	v->last_cpu = -1;	/* have the GDT made again */
}

/* ---- 3. Start ------------------------------------------------------------------- */

static void first_state(struct domus_vcpu *v, const struct domus_vcpu_init *init, u64 rsi)
{
	struct cell_data *data = v->data;

	memset(&data->regs, 0, sizeof(data->regs));
	data->regs.ip = init->rip;
	data->regs.sp = init->rsp;
	data->regs.di = init->rdi;
	data->regs.si = rsi;
	data->regs.cs = __USER_CS;
	data->regs.ss = __USER_DS;
	data->regs.flags = CELL_RFLAGS_SET;
	data->mode = CELL_MODE_KERNEL;
	data->fs_base = 0;
	data->gs_base = (u64)((s64)(init->kernel_gs << 16) >> 16);
	data->ds = 0;
	data->es = 0;
	data->fs = 0;
	data->gs = 0;
	data->dr7 = 0;
	data->dr6 = 0;
	data->invalidate = 0;
	v->spurious_va = 0;
	v->apf_flags = 0;
	WRITE_ONCE(v->poked, false);
	memset(v->dr, 0, sizeof(v->dr));
}

/* @events: look at all ports, some of which may have been signalled while it was offline */
static void first_page(struct domus_vcpu *v, struct page *page, u64 kernel_gs, bool events)
{
	use_page(v, page);
	WRITE_ONCE(v->page->vif, 0);
	WRITE_ONCE(v->page->busy, 0);
	WRITE_ONCE(v->page->kernel_gs, kernel_gs);
	WRITE_ONCE(v->page->steal_ns, v->steal_ns);
	timer_start_page(v);
	WRITE_ONCE(v->page->port_select, events ? ~0ULL : 0);
	WRITE_ONCE(v->page->pending, events);
}

int vcpu_start(struct domus_vcpu *v, const struct domus_vcpu_init *init, u64 rsi,
	       const struct domus_vcpu *by)
{
	struct domus_domain *d = v->d;
	struct shadow_root *root;
	struct page *page;
	int r = 0;

	if (READ_ONCE(v->online))
		return -EBUSY;
	if ((s64)(init->rip << 16) >> 16 != (s64)init->rip)
		return -EINVAL;
	/* all that can fail, or wait, comes before it is known who starts the vCPU */
	page = by ? gmem_pin(&d->gmem, init->vcpu_page_gpa) :
		    gmem_pin_present(&d->gmem, init->vcpu_page_gpa);
	if (IS_ERR(page))
		return PTR_ERR(page);
	root = shadow_get_root(&d->shadow, init->root_gpa, SHADOW_NO_VCPU);
	if (IS_ERR(root)) {
		gmem_unpin(page);
		return PTR_ERR(root);
	}
	mutex_lock(&d->online_lock);
	/* pairs with go_offline(): all else is the vCPU's as long as it is online */
	if (smp_load_acquire(&v->online))
		r = -EBUSY;
	else if (!(d->wanted & BIT_ULL(v->id)))
		r = -EPERM;
	if (r) {
		mutex_unlock(&d->online_lock);
		shadow_put_root(&d->shadow, root);
		gmem_unpin(page);
		return r;
	}
	first_state(v, init, rsi);
	shadow_first_root(v, root);
	if (by)
		memcpy(v->entries, by->entries, sizeof(v->entries));
	v->data->syscall_entry = v->entries[DOMUS_ENTRY_SYSCALL];
	first_page(v, page, init->kernel_gs, by);
	d->nr_online++;
	smp_store_release(&v->online, true);	/* pairs with run_loop() */
	mutex_unlock(&d->online_lock);
	rcuwait_wake_up(&v->wait);
	return 0;
}

/* ---- 4. Stop -------------------------------------------------------------------- */

int vcpu_down(struct domus_vcpu *v)
{
	struct domus_domain *d = v->d;
	int r = -EBUSY;

	mutex_lock(&d->online_lock);
	if (d->nr_online > 1) {
		d->nr_online--;
		v->stopping = true;
		r = 0;
	}
	mutex_unlock(&d->online_lock);
	return r;
}

/* As after FNINIT, and what XRSTOR takes for no state of all others. */
static void reset_fpu(struct domus_vcpu *v)
{
	static const struct {
		struct fxregs_state legacy;
		struct xstate_header header;
	} __aligned(64) fresh = {
		.legacy = { .cwd = 0x37f, .mxcsr = MXCSR_DEFAULT },
		.header = { .xfeatures = XFEATURE_MASK_FPSSE },
	};

	lockdep_assert_held(&v->run_lock);
	WARN_ON_ONCE(fpu_copy_uabi_to_guest_fpstate(&v->fpu, &fresh, XFEATURE_MASK_FPSSE,
						    NULL));
}

/* What a vCPU leaves behind that is offline. Its FPU is the caller's business. */
static void go_offline(struct domus_vcpu *v)
{
	lockdep_assert_held(&v->run_lock);
	timer_cancel_vcpu(v);
	shadow_unload_roots(v);
	swap_page(v, NULL);
	memset(v->entries, 0, sizeof(v->entries));
	memset(v->tls, 0, sizeof(v->tls));
	memset(v->dr, 0, sizeof(v->dr));
	v->data->syscall_entry = 0;
	v->last_cpu = -1;
	v->stopping = false;
	/* pairs with vcpu_start(): from here on all is whose starts it */
	smp_store_release(&v->online, false);
}

void vcpu_finish_down(struct domus_vcpu *v)
{
	fpu_swap_kvm_fpstate(&v->fpu, false);
	reset_fpu(v);
	fpu_swap_kvm_fpstate(&v->fpu, true);
	go_offline(v);
}

void vcpu_reset(struct domus_vcpu *v)
{
	reset_fpu(v);
	v->steal_ns = 0;
	go_offline(v);
}

/* ---- 5. Wanted ------------------------------------------------------------------ */

int vcpu_want(struct domus_domain *d, u64 which, u64 wanted)
{
	u64 differ, now;
	unsigned int i;

	if (WARN_ON_ONCE(which & ~wanted & BIT_ULL(0)))
		return -EINVAL;
	if (domain_dead(d))
		return -ESHUTDOWN;
	mutex_lock(&d->online_lock);
	now = (d->wanted & ~which) | (wanted & which);
	/* a new wish, though it is so: the guest may be about to do what was wanted before */
	differ = now ^ d->wanted;
	WRITE_ONCE(d->wanted, now);
	/* the same wish again: it may have taken one down by itself, or failed before */
	for (i = 0; i < d->nr_vcpus; i++)
		if (READ_ONCE(d->vcpus[i]->online) != !!(now & BIT_ULL(i)))
			differ |= BIT_ULL(i);
	mutex_unlock(&d->online_lock);
	if (differ & which)
		event_signal_kind(d, DOMUS_PORT_VCPUS);
	return 0;
}
