/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef DOMUS_VCPU_H
#define DOMUS_VCPU_H

#include <linux/mutex.h>
#include <linux/preempt.h>
#include <linux/rcuwait.h>
#include <linux/thread_info.h>
#include <linux/types.h>
#include <asm/fpu/api.h>
#include <asm/trapnr.h>

#include <uapi/asm/domus_guest.h>

#include "halt.h"
#include "switch.h"
#include "timer.h"

struct domus_domain;
struct domus_run;
struct shadow_root;

/* Of a thread's flags: host work for which a vCPU leaves the guest. */
#define VCPU_WORK_FLAGS	(_TIF_SIGPENDING | _TIF_NOTIFY_SIGNAL | _TIF_NEED_RESCHED | \
			 _TIF_NOTIFY_RESUME | _TIF_USER_RETURN_NOTIFY)

enum vcpu_cause {
	VCPU_CAUSE_IRQ, VCPU_CAUSE_NMI, VCPU_CAUSE_MC, VCPU_CAUSE_ABORT,
	VCPU_CAUSE_FILL, VCPU_CAUSE_SPURIOUS, VCPU_CAUSE_GUEST_PF,
	VCPU_CAUSE_EXCEPTION, VCPU_CAUSE_CALL, VCPU_CAUSE_BLOCK,
	VCPU_NR_CAUSES
};

extern const char *const vcpu_cause_names[VCPU_NR_CAUSES];

struct vcpu_stats {
	u64 passes, exits, runtime_ns;
	u32 state;		/* DOMUS_VCPU_* */
	u64 by_cause[VCPU_NR_CAUSES];
	struct vcpu_halt halt;
};

/**
 * struct domus_vcpu - one virtual CPU; made by domain_new(), freed with the domain
 * @run_lock: held by the thread in RUN; what is not marked otherwise is its
 * @online: started and not stopped: set by whoever starts it, under online_lock and last of
 *	all; from then on all is the vCPU's, who unsets it, last of all
 * @stopping: it is to go offline; own thread
 * @poked: VCPU_KICK came since VCPU_WAIT last returned
 * @task: of the thread in RUN, or NULL; may be read under RCU
 * @in_guest: CPU number + 1 while the guest's tables may be loaded there, else 0
 * @kick: leave the guest and look around (sticky until seen)
 * @wait: where BLOCK, VCPU_WAIT and RUN of an offline vCPU sleep: only the thread in RUN
 * @page: guest's vCPU page: pinned, and its address in the host
 * @data, @host, @desc: pages of the cell, by their host addresses
 * @cell_va: where the cell is, @enter_va, @syscall_va: in it what domus_switch() and LSTAR want
 * @nr_perf: MSRs that perf wants other values in, at this entry
 * @own_eoi: the cell may acknowledge an interrupt that is for its TLB alone
 * @roots, @root_hand: at hand, as in @data->roots, and which one goes next; see shadow_loaded.c
 * @pcid: the first of its views', 0: PCIDs are not used; see pcid.c
 * @pcid_serial: who it is among all vCPUs that there were
 * @pcid_flushes: of the loaded root's views, at an entry
 * @pcid_cpu: where it was last in the guest, or -1
 * @pcid_stale: no view is to be loaded without a flush; set by anybody
 * @dr: guest's DR0..3; DR6 and DR7 are in @data
 * @halt: how it waits, see halt.c
 * @apf_flags: of the last #PF, where the host is a KVM guest: 0 unless it was none
 * @timer: one-shot, see timer.c
 * @run_began: what the thread's runtime would have been when @runtime_ns was 0
 * @was_out: the thread was scheduled out since it last entered the guest
 * @run_delay: what the scheduler said at that time of how long it was made to wait
 * @steal_ns: how long it was so since the domain started
 * @exits: full ones; @turned_back: entries that were given up before the guest
 */
struct domus_vcpu {
	struct domus_domain *d;
	u32 id;
	bool online;
	bool stopping;
	bool poked;
	struct mutex run_lock;
	struct task_struct *task;
	int in_guest;
	bool kick;
	struct rcuwait wait;
	struct vcpu_halt halt;
	struct page *page_pin;
	struct domus_vcpu_page *page;
	struct cell_data *data;
	struct cell_host *host;
	struct cell_desc *desc;
	u64 cell_va, enter_va, syscall_va;
	int nr_perf;
	bool own_eoi;
	struct shadow_root *roots[CELL_ROOTS];
	unsigned int root_hand;
	u64 pcid;
	u64 pcid_serial;
	u64 pcid_flushes;
	int pcid_cpu;
	bool pcid_stale;
	u64 entries[DOMUS_NR_ENTRIES];
	u64 dr[4];
	u64 tls[3];
	int last_cpu;
	u64 spurious_va;
	u32 apf_flags;
	struct fpu_guest fpu;
	struct preempt_notifier notifier;
	bool msrs_loaded;
	u64 host_lstar, host_tsc_aux;
	u64 host_sysenter_cs;
	struct vcpu_timer timer;
	u64 runtime_ns;
	u64 run_began;
	bool was_out;
	u64 run_delay;
	u64 steal_ns;
	u64 exits;
	u64 turned_back;
	u64 by_cause[VCPU_NR_CAUSES];
};

/**
 * vcpu_new() - make a vCPU and its cell (domain lock held, process context)
 * Return: the vCPU, or ERR_PTR(-ENOMEM).
 */
struct domus_vcpu *vcpu_new(struct domus_domain *d, u32 id);
void vcpu_free(struct domus_vcpu *v);	/* not in RUN; may be NULL */

/**
 * vcpu_start() - give a vCPU its first state and let its RUN begin
 * @v: an offline vCPU
 * @init: rip, rsp, rdi, root, page, kernel_gs; checked here
 * @rsi: value of RSI
 * @by: the vCPU whose call it is, whose entries are copied; NULL: the domain starts, and
 *	nobody waits for memory
 *
 * Context: process, current->mm the holder's. Return: 0, -EBUSY online, -EINVAL, -ENOMEM,
 * -EFAULT, -EPERM the host wants it offline, -EAGAIN (without @by, see gmem_pin_present()).
 */
int vcpu_start(struct domus_vcpu *v, const struct domus_vcpu_init *init, u64 rsi,
	       const struct domus_vcpu *by);

/*
 * DOMUS_HC_VCPU_DOWN: from the end of the call on the vCPU does nothing more, and goes
 * offline. Own vCPU only. Return: 0, -EBUSY (the last one).
 */
int vcpu_down(struct domus_vcpu *v);
/* What is left to do of it: in RUN, where the guest's FPU state is the thread's. */
void vcpu_finish_down(struct domus_vcpu *v);

/**
 * vcpu_want() - say which vCPUs the guest is to have online, and tell it
 * @d: the domain
 * @which: bit n: vCPU n is meant; all are there
 * @wanted: bit n: it is to be online; of the others of @which: offline. vCPU 0 is not
 *	among those
 *
 * The guest is told where this is new, or it does not have them so. Context: process. Return: 0,
 * -ESHUTDOWN: the domain is dead.
 */
int vcpu_want(struct domus_domain *d, u64 which, u64 wanted);

/* As it was made: offline, nothing of the guest's left. Not in RUN, run_lock held. */
void vcpu_reset(struct domus_vcpu *v);

/* DOMUS_HC_VCPU_WAIT: own vCPU only. 0, or -EINTR: leave RUN. */
int vcpu_wait(struct domus_vcpu *v);
/* DOMUS_HC_VCPU_KICK, any vCPU. */
void vcpu_poke(struct domus_vcpu *v);
/* DOMUS_HC_YIELD_TO, another vCPU. Process context, may sleep. False: it cannot be. */
bool vcpu_yield_to(struct domus_vcpu *v);

/* DOMUS_IOC_RUN. Process context of the holder. Return: 0 or -errno, see uapi. */
int vcpu_run(struct domus_vcpu *v, struct domus_run *run);

/* Make the vCPU leave guest or sleep soon. Any context but NMI. */
void vcpu_kick(struct domus_vcpu *v);

/**
 * vcpu_flush_remote() - make sure that no CPU uses old shadow entries
 * @d: the domain
 * @mask: bit n: vCPU n
 * @root: only those that have it loaded, as the entries were its alone; NULL: all
 *
 * Interrupts every such vCPU that is in guest mode on another CPU and waits until it has
 * left, or has loaded CR3 without that; every entry to the guest reloads CR3 and so starts
 * with an empty TLB, or by what pcid_strike() left: who is not in guest mode needs nothing
 * else. Context: process or with spinlocks held, irqs on, no NMI.
 * Return: those of @mask that use no old entry of any root.
 */
u64 vcpu_flush_remote(struct domus_domain *d, u64 mask, const struct shadow_root *root);

/**
 * vcpu_inject() - make the vCPU continue at one of its entries (vcpu_entry.c)
 * @v: the vCPU, out of the guest, run by the caller
 * @entry: 0..31, DOMUS_ENTRY_EVENT, DOMUS_ENTRY_SYSCALL
 * @error: error code; @cr2: for 14 the address, for 1 DR6
 *
 * Return: 0, or the result of domain_kill() (double fault, no entry).
 */
int __must_check vcpu_inject(struct domus_vcpu *v, u32 entry, u64 error, u64 cr2);

/* If vif is 1 and an event is pending: enter DOMUS_ENTRY_EVENT. As vcpu_inject(). */
int __must_check vcpu_deliver(struct domus_vcpu *v);

/* Sign-extend bit 47. */
static inline u64 vcpu_canonical(u64 value)
{
	return (u64)((s64)(value << 16) >> 16);
}

/**
 * vcpu_check_rip() - make sure that the next entry's iretq cannot fault
 * @v: the vCPU, out of the guest, run by the caller
 *
 * RIP may be beyond the lower half after a RETURN, but also after an instruction at
 * its very end: SYSCALL there, or an interrupt before the next fetch. Then the guest
 * gets exception 13 (SDM vol. 2, IRET: #GP in the ring that executes it, which is 0).
 * Return: as vcpu_inject().
 */
static inline int __must_check vcpu_check_rip(struct domus_vcpu *v)
{
	/* a vCPU has 48 bits of address, whatever the host's CPU has */
	if (likely(vcpu_canonical(v->data->regs.ip) == v->data->regs.ip))
		return 0;
	return vcpu_inject(v, X86_TRAP_GP, 0, 0);
}

/* DOMUS_HC_RETURN and _SYSRET that tier 1 passed on. As vcpu_inject(). */
int __must_check vcpu_return(struct domus_vcpu *v, bool sysret);

/* DOMUS_HC_SET_VCPU_PAGE: -EINVAL, -ENOMEM, -EFAULT. Own vCPU only. */
int vcpu_set_page(struct domus_vcpu *v, u64 gpa);

/* Descriptor i (0..2) of the TLS entries, already checked. Own vCPU only. */
void vcpu_set_tls(struct domus_vcpu *v, unsigned int i, u64 desc);

/* @out->halt may be torn. */
void vcpu_stats(struct domus_vcpu *v, struct vcpu_stats *out);

/* Bring runtime_ns up to date, as exactly as the scheduler does. Own vCPU, preempted or not. */
void vcpu_count_runtime(struct domus_vcpu *v);

/* DOMUS_HC_IBPB and at a switch between domains. irqs any. */
void vcpu_ibpb(void);

static inline bool vcpu_user_mode(const struct domus_vcpu *v)
{
	return v->data->mode != CELL_MODE_KERNEL;
}

/* The loaded root. Own thread, out of the guest; the vCPU is online. */
static inline struct shadow_root *vcpu_root(const struct domus_vcpu *v)
{
	lockdep_assert_held(&v->run_lock);
	return v->roots[v->data->root_index];
}

/* vcpu_msr.c: MSRs that are the guest's while its thread runs. irqs off. */
void vcpu_msr_load(struct domus_vcpu *v);
void vcpu_msr_restore(struct domus_vcpu *v);
/* MSRs for the next entry's text to change around the guest. irqs off. */
void vcpu_msr_sample(struct domus_vcpu *v);
#ifdef DOMUS_DEBUG
void vcpu_msr_check(const struct domus_vcpu *v);	/* they are back */
#else
static inline void vcpu_msr_check(const struct domus_vcpu *v) { }
#endif

#endif /* DOMUS_VCPU_H */
