// SPDX-License-Identifier: GPL-2.0-only
/*
 * vCPUs: threads of the holder inside ioctl(RUN).
 *
 *   1. what the scheduler does to a vCPU; counters
 *   2. kicks, waits and remote flushes
 *   3. one entry to the guest: everything with interrupts off
 *   4. exits: interrupts off, then on
 *   5. the run loop
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/context_tracking.h>
#include <linux/delay.h>
#include <linux/hw_breakpoint.h>
#include <linux/kvm_para.h>
#include <linux/ratelimit.h>
#include <linux/sched/signal.h>
#include <linux/sched/task.h>
#include <linux/smp.h>
#include <linux/vtime.h>
#include <asm/cpu.h>
#include <asm/debugreg.h>
#include <asm/desc.h>
#include <asm/fpu/api.h>
#include <asm/hypervisor.h>
#include <asm/irq_vectors.h>
#include <asm/mce.h>
#include <asm/nospec-branch.h>
#include <asm/special_insns.h>
#include <asm/tlbflush.h>
#include <asm/trap_pf.h>
#include <asm/trapnr.h>

#include "domain.h"
#include "hypercall.h"
#include "pcid.h"
#include "shadow.h"
#include "trace.h"
#include "vcpu.h"

const char *const vcpu_cause_names[VCPU_NR_CAUSES] = {
	[VCPU_CAUSE_IRQ]	= "irq",
	[VCPU_CAUSE_NMI]	= "nmi",
	[VCPU_CAUSE_MC]		= "machine_check",
	[VCPU_CAUSE_ABORT]	= "abort",
	[VCPU_CAUSE_FILL]	= "fill",
	[VCPU_CAUSE_SPURIOUS]	= "spurious",
	[VCPU_CAUSE_GUEST_PF]	= "guest_page_fault",
	[VCPU_CAUSE_EXCEPTION]	= "exception",
	[VCPU_CAUSE_CALL]	= "call",
	[VCPU_CAUSE_BLOCK]	= "block",
};

/* ---- 1. The scheduler -------------------------------------------------------- */

/* As the scheduler counts it: exact while it waits, else as of the last tick. */
void vcpu_count_runtime(struct domus_vcpu *v)
{
	WRITE_ONCE(v->runtime_ns, current->se.sum_exec_runtime - v->run_began);
}

/*
 * Tell siblings. Who starts this vCPU may give it a page at this moment: either it is not
 * seen yet or it stays, and what is written is true. One that waits is not @preempted: it is
 * idle, and a good place for work.
 */
static void show_out(struct domus_vcpu *v, bool preempted)
{
	struct domus_vcpu_page *page = READ_ONCE(v->page);

	v->was_out = true;
	if (page)
		WRITE_ONCE(page->preempted, preempted);
}

static u64 run_delay(void)
{
#ifdef CONFIG_SCHED_INFO
	return READ_ONCE(current->sched_info.run_delay);
#else
	return 0;
#endif
}

/* Before the guest runs on: what it missed. */
static void show_in(struct domus_vcpu *v)
{
	u64 delay = run_delay();

	v->was_out = false;
	v->steal_ns += delay - v->run_delay;
	v->run_delay = delay;
	WRITE_ONCE(v->page->steal_ns, v->steal_ns);
	WRITE_ONCE(v->page->preempted, 0);
}

static void sched_in(struct preempt_notifier *n, int cpu)
{
	/* MSRs are loaded at the next entry */
}

static void sched_out(struct preempt_notifier *n, struct task_struct *next)
{
	struct domus_vcpu *v = container_of(n, struct domus_vcpu, notifier);

	vcpu_msr_restore(v);
	vcpu_count_runtime(v);
	show_out(v, task_is_running(current));
}

static struct preempt_ops vcpu_preempt_ops = {
	.sched_in  = sched_in,
	.sched_out = sched_out,
};

void vcpu_stats(struct domus_vcpu *v, struct vcpu_stats *out)
{
	unsigned int i;

	out->passes = READ_ONCE(v->data->passes);
	out->exits = READ_ONCE(v->exits);
	out->runtime_ns = READ_ONCE(v->runtime_ns);
	out->state = READ_ONCE(v->online) ? DOMUS_VCPU_ONLINE : DOMUS_VCPU_OFFLINE;
	for (i = 0; i < VCPU_NR_CAUSES; i++)
		out->by_cause[i] = READ_ONCE(v->by_cause[i]);
	out->halt = v->halt;
}

/* ---- 2. Kicks ------------------------------------------------------------------ */

/*
 * rcuwait_wake_up() behind the caller's barrier, without its RCU section: no preemption is
 * one as well.
 */
static void wake_up_waiter(struct domus_vcpu *v)
{
	struct task_struct *task = rcu_dereference_sched(v->wait.task);

	if (task)
		wake_up_process(task);
}

void vcpu_kick(struct domus_vcpu *v)
{
	int cpu;

	WRITE_ONCE(v->kick, true);
	smp_mb();	/* with the one in enter(): it sees kick or we see in_guest, or who waits */
	preempt_disable();
	wake_up_waiter(v);
	cpu = READ_ONCE(v->in_guest);
	/* on this CPU the interrupt that we are in has ended guest mode already */
	if (cpu && cpu - 1 != smp_processor_id())
		smp_send_reschedule(cpu - 1);
	preempt_enable();
}

int vcpu_wait(struct domus_vcpu *v)
{
	int r = halt_vcpu(v, true);

	/* before the guest looks at what it waits for; an end for nothing is allowed */
	smp_store_mb(v->poked, false);
	return r;
}

void vcpu_poke(struct domus_vcpu *v)
{
	WRITE_ONCE(v->poked, true);
	rcuwait_wake_up(&v->wait);	/* has a barrier before the look for who waits */
}

bool vcpu_yield_to(struct domus_vcpu *v)
{
	struct task_struct *task;
	bool done;

	rcu_read_lock();
	task = READ_ONCE(v->task);
	if (task)
		get_task_struct(task);
	rcu_read_unlock();
	if (!task)
		return false;
	/* who runs, or sleeps, needs none of it: another CPU's queue is locked for that */
	if (!READ_ONCE(v->was_out) || !task_is_running(task)) {
		put_task_struct(task);
		return false;
	}
	/* a wish only: whom it is to follow on another CPU is not pushed aside */
	done = yield_to(task, false) > 0;
	put_task_struct(task);
	return done;
}

/*
 * A vCPU's own TLB: an interrupt of a vector that the host's handler does next to nothing
 * for, so that switch.S need not call it if @flush says that it is ours and nothing else is
 * to be done. Where it leaves the guest, or has left it before, that does as well, and the
 * flag may stay. All are asked before the first one is waited for. Interrupts are on in
 * the guest, and nobody waits for anything between in_guest and the guest.
 */
static u64 tlb_flushes(const struct domus_vcpu *v)
{
	/* acquire, with switch_world() and enter(): the CR3 of the host was loaded before */
	u64 before = smp_load_acquire(&v->exits) + smp_load_acquire(&v->turned_back);

	/* likewise, with switch.S: that of the guest was loaded anew */
	return before + smp_load_acquire(&v->data->flushes);
}

static bool is_at(const struct domus_vcpu *v, unsigned int i, const struct shadow_root *root)
{
	return i < CELL_ROOTS && READ_ONCE(v->roots[i]) == root;
}

/* Is the root loaded, or about to be? In that order, see shadow_loaded.c. */
static bool has_root(const struct domus_vcpu *v, const struct shadow_root *root)
{
	unsigned int next = READ_ONCE(v->data->root_next);

	smp_rmb();	/* root_next before root_index */
	return is_at(v, next, root) || is_at(v, READ_ONCE(v->data->root_index), root);
}

/* Is any of them in the guest, on another CPU than @me? */
static bool any_elsewhere(const struct domus_domain *d, u64 mask, int me)
{
	for (; mask; mask &= mask - 1) {
		const struct domus_vcpu *v = d->vcpus[__ffs64(mask)];
		int cpu = v ? READ_ONCE(v->in_guest) : 0;

		if (cpu && cpu - 1 != me)
			return true;
	}
	return false;
}

/* Ask those that are there, and wait for them. */
static noinline u64 flush_others(struct domus_domain *d, u64 mask, const struct shadow_root *root,
				 int me)
{
	u64 flushes[DOMUS_MAX_VCPUS], asked = 0, left;

	for (left = mask; left; left &= left - 1) {
		unsigned int i = __ffs64(left);
		struct domus_vcpu *v = d->vcpus[i];
		int cpu;

		if (!v)
			continue;
		/* what is not counted here comes behind the zaps, an entry after it, too */
		flushes[i] = tlb_flushes(v);
		cpu = READ_ONCE(v->in_guest);
		if (!cpu || cpu - 1 == me) {
			/* of other roots its PCIDs may have old entries */
			if (root && pcid_used())
				mask &= ~BIT_ULL(i);
			continue;
		}
		/*
		 * It had the root at an entry before the zaps, or it sees them: whoever
		 * has loaded another one since has loaded CR3.
		 */
		smp_rmb();	/* in_guest before root */
		if (root && !has_root(v, root)) {
			mask &= ~BIT_ULL(i);
			continue;
		}
		/* wherever the interrupt finds it, no view is loaded afterwards without a flush */
		if (pcid_used())
			pcid_strike(d, BIT_ULL(i), NULL);
		if (v->own_eoi)
			WRITE_ONCE(v->data->flush,
				   pcid_used() ? CELL_FLUSH_VIEWS : CELL_FLUSH_LOADED);
		smp_send_reschedule(cpu - 1);
		asked |= BIT_ULL(i);
	}
	for (left = asked; left; left &= left - 1) {
		unsigned int i = __ffs64(left);
		struct domus_vcpu *v = d->vcpus[i];

		while (tlb_flushes(v) == flushes[i] && READ_ONCE(v->in_guest))
			cpu_relax();
	}
	return mask;
}

u64 vcpu_flush_remote(struct domus_domain *d, u64 mask, const struct shadow_root *root)
{
	int me;

	if (pcid_used())
		pcid_strike(d, mask, root);
	smp_mb();	/* zaps and strikes before in_guest; with the one in enter() */
	me = get_cpu();
	/* most have none: the host's kernel clears arrays on the stack that nobody needs then */
	if (any_elsewhere(d, mask, me))
		mask = flush_others(d, mask, root, me);
	else if (root && pcid_used())
		mask = 0;	/* as there: of other roots PCIDs may have old entries */
	put_cpu();
	return mask;
}

/* ---- 3. One entry ------------------------------------------------------------------ */

static DEFINE_PER_CPU(u32, last_domain);

void vcpu_ibpb(void)
{
	indirect_branch_prediction_barrier();
}

/*
 * Where a KVM below us says that a #PF of ring 3 is none: switch.S looks there, as we do by
 * kvm_read_and_reset_apf_flags(), which hides where that is.
 */
static u64 apf_flags(void)
{
	u64 msr;

	if (!hypervisor_is_type(X86_HYPER_KVM) ||
	    rdmsrl_safe(MSR_KVM_ASYNC_PF_EN, &msr) || !(msr & KVM_ASYNC_PF_ENABLED))
		return 0;
	return (u64)__va(msr & ~63ULL);
}

static void load_cpu(struct domus_vcpu *v)
{
	int cpu = smp_processor_id();

	if (v->last_cpu != cpu) {
		cell_load_gdt(v);
		v->host->apf = apf_flags();
		v->last_cpu = cpu;
	}
	vcpu_msr_load(v);
	/* predictions of another domain must not steer this one */
	if (__this_cpu_read(last_domain) != v->d->id) {
		vcpu_ibpb();
		__this_cpu_write(last_domain, v->d->id);
	}
	if (test_thread_flag(TIF_NEED_FPU_LOAD))
		switch_fpu_return();
}

static bool load_debug(struct domus_vcpu *v)
{
	bool host = hw_breakpoint_active();

	if (host)
		set_debugreg(0, 7);
	if (v->data->dr7) {
		set_debugreg(v->dr[0], 0);
		set_debugreg(v->dr[1], 1);
		set_debugreg(v->dr[2], 2);
		set_debugreg(v->dr[3], 3);
		set_debugreg(v->data->dr6 | DR6_RESERVED, 6);
	}
	return host;
}

static void restore_debug(struct domus_vcpu *v, bool host, u64 absorbed)
{
	struct cell_data *data = v->data;
	unsigned long dr6;

	if (data->regs.vector == X86_TRAP_DB && !data->dr7) {
		/* no guest breakpoint: a single step, which only the CPU recorded */
		get_debugreg(dr6, 6);
		data->dr6 = dr6;
		set_debugreg(DR6_RESERVED, 6);
	} else if (data->dr7 || data->db_absorbed != absorbed) {
		/* an absorbed #DB left its bits too, though the guest armed nothing */
		set_debugreg(DR6_RESERVED, 6);
	}
	if (host)
		hw_breakpoint_restore();
}

/* Interrupts off. Enter the guest and come back. */
static void switch_world(struct domus_vcpu *v)
{
	struct cell_data *data = v->data;
	bool breakpoints = load_debug(v);
	u64 absorbed = v->data->db_absorbed;
	u32 pkru = 0;

	if (data->pku) {
		pkru = rdpkru();
		if (pkru)
			wrpkru(0);
	}
	vcpu_msr_sample(v);
	data->regs.vector = CELL_VEC_ABORT;
	data->regs.cs = __USER_CS;
	data->regs.ss = __USER_DS;	/* the guest's may have become unusable */
	vtime_account_guest_enter();
	context_tracking_guest_enter();
	domus_switch(v->enter_va);
	context_tracking_guest_exit();
	vtime_account_guest_exit();
	vcpu_msr_check(v);
	if (data->pku && rdpkru() != pkru)
		wrpkru(pkru);
	restore_debug(v, breakpoints, absorbed);
	/* pairs with tlb_flushes() */
	smp_store_release(&v->exits, v->exits + 1);
}

/* ---- 4. Exits ------------------------------------------------------------------------ */

static void host_interrupt(struct domus_vcpu *v, unsigned int vector)
{
	struct desc_ptr idt;
	gate_desc *gates;

	/* others sample MSRs of this CPU by cross calls: they must see the host's */
	if (vector == CALL_FUNCTION_VECTOR || vector == CALL_FUNCTION_SINGLE_VECTOR ||
	    vector == REBOOT_VECTOR)
		vcpu_msr_restore(v);
	store_idt(&idt);
	gates = (gate_desc *)idt.address;
	domus_call_gate(gate_offset(&gates[vector]));
}

/* A #MC that hit the guest: as from user space, or the host would panic for it. */
static bool host_machine_check(struct domus_vcpu *v)
{
	struct pt_regs regs = { .cs = __USER_CS, .flags = X86_EFLAGS_IF };
	u64 status;

	/* such a host has CR4.MCE off: the CPU is reset before it comes here */
	if (!IS_ENABLED(CONFIG_X86_MCE))
		return false;
	rdmsrl(MSR_IA32_MCG_STATUS, status);
	do_machine_check(&regs);
	return status & MCG_STATUS_RIPV;
}

/*
 * With interrupts still off: hand to the host what was the host's.
 * Return: false when the cell may not go on (#MC without a valid RIP).
 */
static bool exit_irqs_off(struct domus_vcpu *v)
{
	struct cell_data *data = v->data;
	u64 vector = data->regs.vector;
	bool go_on = true;

	if (data->mc_latched == CELL_MC_GUEST) {
		/* instead of the fault, which comes again after what the host does about it */
		(void)kvm_read_and_reset_apf_flags();
		vector = X86_TRAP_MC;
		data->regs.vector = vector;
	} else if (data->mc_latched) {
		asm volatile("int $18" ::: "memory");
	}
	data->mc_latched = 0;
	if (data->nmi_latched || vector == X86_TRAP_NMI) {
		data->nmi_latched = 0;
		asm volatile("int $2" ::: "memory");
	}
	if (vector == CELL_VEC_CALL)
		return true;
	/* the next fault of the host would take what is left there for its own */
	if (vector == X86_TRAP_PF)
		v->apf_flags = kvm_read_and_reset_apf_flags();
	else if (vector == X86_TRAP_NM && cpu_feature_enabled(X86_FEATURE_XFD))
		wrmsrl(MSR_IA32_XFD_ERR, 0);
	else if (vector == X86_TRAP_MC)
		go_on = host_machine_check(v);
	else if (vector >= FIRST_EXTERNAL_VECTOR && vector < NR_VECTORS)
		host_interrupt(v, vector);
	return go_on;
}

/*
 * Not a fault: the hypervisor below us fetches a page of ours and wants another task
 * to run meanwhile. It says so in ring 3 only, with a token in CR2.
 */
static int exit_async_fault(struct domus_vcpu *v)
{
	u32 flags = v->apf_flags;

	v->apf_flags = 0;
	if (WARN_ONCE(!(flags & KVM_PV_REASON_PAGE_NOT_PRESENT),
		      "unexpected async PF flags: %x\n", flags))
		return 0;
	local_irq_disable();
	kvm_async_pf_task_wait_schedule((u32)v->data->cr2);
	local_irq_enable();
	return 0;
}

static int exit_page_fault(struct domus_vcpu *v)
{
	struct cell_data *data = v->data;
	u64 cr2 = data->cr2, error = data->regs.error;
	bool user = vcpu_user_mode(v);
	enum shadow_result result;
	u32 guest_error = 0;

	if (unlikely(v->apf_flags))
		return exit_async_fault(v);
	/* a 4-level machine has no such addresses */
	if ((s64)(cr2 << 16) >> 16 != (s64)cr2)
		return vcpu_inject(v, X86_TRAP_GP, 0, 0);
	if (cell_covers(cr2))
		return vcpu_inject(v, X86_TRAP_PF,
				   (error & (X86_PF_WRITE | X86_PF_INSTR)) |
				   (user ? X86_PF_USER : 0), cr2);
	/*
	 * A supervisor access made from ring 3 to a page that is there: only
	 * an instruction that the emulator below us gets wrong (QEMU reads the
	 * stack of a ring-3 iretq so, which SMAP then forbids for ever).
	 */
	if (!(error & X86_PF_USER) && (error & X86_PF_PROT))
		return vcpu_inject(v, X86_TRAP_GP, 0, 0);
	result = shadow_fault(&v->d->shadow, vcpu_root(v), v->id, cr2, error, user, &guest_error);
	trace_domus_fault(v->d->id, v->id, cr2, error, result);
	switch (result) {
	case SHADOW_FILLED:
	case SHADOW_RETRY:
		v->by_cause[VCPU_CAUSE_FILL]++;
		return 0;
	case SHADOW_SPURIOUS:
		v->by_cause[VCPU_CAUSE_SPURIOUS]++;
		data->invlpg = cr2;
		data->invalidate = v->spurious_va == cr2 ? 2 : 1;
		v->spurious_va = cr2;
		return 0;
	case SHADOW_GUEST_FAULT:
		v->by_cause[VCPU_CAUSE_GUEST_PF]++;
		return vcpu_inject(v, X86_TRAP_PF, guest_error, cr2);
	case SHADOW_BAD_FRAME:
		v->by_cause[VCPU_CAUSE_GUEST_PF]++;
		return vcpu_inject(v, X86_TRAP_PF,
				   (error & (X86_PF_WRITE | X86_PF_INSTR)) | X86_PF_PROT |
				   X86_PF_RSVD | (user ? X86_PF_USER : 0), cr2);
	case SHADOW_POISONED:
		return domain_kill_by(v, DOMUS_REASON_MACHINE_CHECK,
				      "vCPU %u: the host's memory behind address %#llx is broken",
				      v->id, cr2);
	case SHADOW_NO_MEMORY:
		break;
	}
	if (fatal_signal_pending(current))
		return -EINTR;
	return domain_kill_by(v, DOMUS_REASON_MEMORY,
			      "vCPU %u: the host has no memory for address %#llx", v->id, cr2);
}

/*
 * Bus locks are the host's business: the guest must not see that they are counted, and
 * must not hold up others. Which policy the host has we cannot see: this is a mild one.
 */
static void exit_bus_lock(struct domus_vcpu *v)
{
	v->data->dr6 |= DR_BUS_LOCK;	/* active low */
	while (!__ratelimit(&v->d->bus_locks) && !signal_pending(current) && !domain_dead(v->d))
		msleep_interruptible(20);
	pr_warn_ratelimited("domain %u vCPU %u took a bus lock at %#llx\n", v->d->id, v->id,
			    v->data->regs.ip);
}

static int exit_exception(struct domus_vcpu *v, u64 vector)
{
	struct cell_data *data = v->data;
	u64 dr6 = 0;

	v->by_cause[VCPU_CAUSE_EXCEPTION]++;
	switch (vector) {
	case X86_TRAP_DB:
		if (boot_cpu_has(X86_FEATURE_BUS_LOCK_DETECT) && !(data->dr6 & DR_BUS_LOCK)) {
			exit_bus_lock(v);
			if (!(data->dr6 & (DR_TRAP_BITS | DR_STEP)))
				return 0;
		}
		dr6 = data->dr6;
		break;
	case X86_TRAP_NM:
		/* only XFD: a component that the guest was not given */
		return vcpu_inject(v, X86_TRAP_UD, 0, 0);
	case X86_TRAP_AC:
		if (!(data->regs.flags & X86_EFLAGS_AC) &&
		    boot_cpu_has(X86_FEATURE_SPLIT_LOCK_DETECT) &&
		    handle_guest_split_lock(data->regs.ip))
			return 0;
		break;
	}
	return vcpu_inject(v, vector, data->regs.error, dr6);
}

static int exit_fatal(struct domus_vcpu *v)
{
	struct cell_data *data = v->data;
	u64 ip = data->fatal_ip - v->cell_va;

	data->fatal = 0;
	pr_err("domain %u vCPU %u: fault %llu in the switcher, error %#llx, at +%#llx, cr2 %#llx\n",
	       v->d->id, v->id, data->fatal_vector, data->fatal_error, ip, data->fatal_cr2);
	return domain_kill(v->d, DOMUS_REASON_SWITCHER,
			   "vCPU %u: fault %llu in the switcher at +%#llx, error %#llx, cr2 %#llx",
			   v->id, data->fatal_vector, ip, data->fatal_error, data->fatal_cr2);
}

/* With interrupts on: what the guest did. Return: 0, or < 0 to leave RUN. */
static int exit_irqs_on(struct domus_vcpu *v, bool go_on)
{
	struct cell_data *data = v->data;
	u64 vector = data->regs.vector;

	if (trace_domus_exit_enabled())
		trace_domus_exit(v->d->id, v->id, vector, data->regs.ip, data->regs.error,
				 vcpu_user_mode(v));
	if (data->fatal)
		return exit_fatal(v);
	/*
	 * A #MC in the first instructions of the NMI handler lets another NMI in, which
	 * overwrites the frame of the first: where the guest was is lost.
	 */
	if (unlikely((data->regs.cs & 3) != 3))
		return domain_kill_by(v, DOMUS_REASON_MACHINE_CHECK,
				      "vCPU %u: machine check in an NMI, rip lost", v->id);
	if (!go_on)
		return domain_kill_by(v, DOMUS_REASON_MACHINE_CHECK,
				      "vCPU %u: machine check, rip %#llx lost", v->id,
				      data->regs.ip);
	if (vector == X86_TRAP_PF)
		return exit_page_fault(v);
	if (vector == CELL_VEC_CALL) {
		v->by_cause[VCPU_CAUSE_CALL]++;
		if (!vcpu_user_mode(v))
			return hypercall(v);
		data->regs.ip -= 2;	/* as if SYSCALL were undefined */
		return vcpu_inject(v, X86_TRAP_UD, 0, 0);
	}
	if (vector == CELL_VEC_ABORT) {
		v->by_cause[VCPU_CAUSE_ABORT]++;
		return 0;
	}
	if (vector == X86_TRAP_NMI) {
		v->by_cause[VCPU_CAUSE_NMI]++;
		return 0;
	}
	if (vector == X86_TRAP_MC) {
		v->by_cause[VCPU_CAUSE_MC]++;
		return 0;
	}
	if (vector >= FIRST_EXTERNAL_VECTOR) {
		v->by_cause[VCPU_CAUSE_IRQ]++;
		vcpu_count_runtime(v);
		return 0;
	}
	return exit_exception(v, vector);
}

/* ---- 5. The run loop -------------------------------------------------------------------- */

/* Who looks at faults and calls is to see all of them. */
static bool traced(void)
{
	return trace_domus_exit_enabled() || trace_domus_fault_enabled() ||
	       trace_domus_inject_enabled() || trace_domus_hypercall_enabled();
}

/* One entry and exit. Return: 0, or < 0 to leave RUN. */
static int enter(struct domus_vcpu *v)
{
	bool go_on;

	preempt_disable();
	local_irq_disable();
	WRITE_ONCE(v->in_guest, smp_processor_id() + 1);
	smp_mb();	/* in_guest before kick, work and the CR3 load */
	if (READ_ONCE(v->kick) || (read_thread_flags() & VCPU_WORK_FLAGS)) {
		/* or who waits for a flush may see the next entry only */
		smp_store_release(&v->turned_back, v->turned_back + 1);
		WRITE_ONCE(v->in_guest, 0);
		local_irq_enable();
		preempt_enable();
		return 0;
	}
	if (unlikely(v->was_out))
		show_in(v);
	v->data->traced = traced();
	v->data->fault_entry = v->data->traced ? 0 : v->entries[X86_TRAP_PF];
	load_cpu(v);
	if (pcid_used())
		pcid_enter(v);
	switch_world(v);
	WRITE_ONCE(v->in_guest, 0);
	go_on = exit_irqs_off(v);
	local_irq_enable();
	preempt_enable();
	return exit_irqs_on(v, go_on);
}

/* Host work that must be done before the guest goes on. 0, or -EINTR. */
static int host_work(void)
{
	unsigned long work = read_thread_flags() & VCPU_WORK_FLAGS;

	/*
	 * Task work and user-return notifiers run on the way to the holder:
	 * kvm's keeps its guest's MSRs loaded until then.
	 */
	if (work & (_TIF_SIGPENDING | _TIF_NOTIFY_SIGNAL | _TIF_NOTIFY_RESUME |
		    _TIF_USER_RETURN_NOTIFY))
		return -EINTR;
	if (work & _TIF_NEED_RESCHED)
		schedule();
	return 0;
}

static int run_loop(struct domus_vcpu *v, struct domus_run *run)
{
	struct domus_domain *d = v->d;
	u32 state;
	int r;

	for (;;) {
		WRITE_ONCE(v->kick, false);
		smp_mb();	/* kick before what it announced */
		state = READ_ONCE(d->state);
		/* REBOOT and DEAD, in the order of the ABI */
		if (unlikely(state > DOMUS_STATE_RUNNING)) {
			run->exit = state == DOMUS_STATE_DEAD ? DOMUS_EXIT_DEAD : DOMUS_EXIT_REBOOT;
			return 0;
		}
		r = host_work();
		if (r)
			return r;
		if (unlikely(pause_asked(&d->pause))) {
			r = pause_vcpu(v);
			if (r)
				return r;
			continue;
		}
		if (unlikely(v->stopping))
			vcpu_finish_down(v);
		/* pairs with vcpu_start() */
		if (unlikely(!smp_load_acquire(&v->online))) {
			r = rcuwait_wait_event(&v->wait,
					       READ_ONCE(v->online) || READ_ONCE(v->kick),
					       TASK_INTERRUPTIBLE);
			if (r)
				return -EINTR;
			continue;
		}
		r = vcpu_check_rip(v);
		if (!r)
			r = vcpu_deliver(v);
		if (!r)
			r = enter(v);
		if (r && r != -ESHUTDOWN)
			return r;
	}
}

int vcpu_run(struct domus_vcpu *v, struct domus_run *run)
{
	const struct gmem_slot *first = v->d->gmem.slots;
	unsigned long flags;
	u64 exits;
	int r;

	if (!mutex_trylock(&v->run_lock))
		return -EBUSY;
	if (READ_ONCE(v->d->resetting)) {
		mutex_unlock(&v->run_lock);
		return -EBUSY;
	}
	v->run_began = current->se.sum_exec_runtime - v->runtime_ns;
	v->run_delay = run_delay();
	v->was_out = true;
	WRITE_ONCE(v->task, current);
	v->host->work = (u64)&current_thread_info()->flags;
	v->host->gmem_hva = first->hva;
	v->host->gmem_size = first->gpa ? 0 : first->size;
	exits = v->exits;
	fpu_swap_kvm_fpstate(&v->fpu, true);
	preempt_notifier_init(&v->notifier, &vcpu_preempt_ops);
	preempt_disable();
	preempt_notifier_register(&v->notifier);
	preempt_enable();
	pause_enter(&v->d->pause);
	r = run_loop(v, run);
	pause_leave(&v->d->pause);
	preempt_disable();
	preempt_notifier_unregister(&v->notifier);
	local_irq_save(flags);
	vcpu_msr_restore(v);
	local_irq_restore(flags);
	/* nor may the guest's predictions steer the holder, which runs in ring 3, too */
	if (v->exits != exits)
		vcpu_ibpb();
	show_out(v, true);
	preempt_enable();
	fpu_swap_kvm_fpstate(&v->fpu, false);
	vcpu_count_runtime(v);
	WRITE_ONCE(v->task, NULL);
	mutex_unlock(&v->run_lock);
	return r;
}
