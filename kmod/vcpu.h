/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef DOMUS_VCPU_H
#define DOMUS_VCPU_H

#include <linux/hrtimer.h>
#include <linux/mutex.h>
#include <linux/preempt.h>
#include <linux/types.h>
#include <linux/wait.h>
#include <asm/fpu/api.h>

#include <uapi/asm/domus_guest.h>

#include "switch.h"

struct domus_domain;
struct domus_run;
struct shadow_root;

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
};

/**
 * struct domus_vcpu - one virtual CPU; made by domain_new(), freed with the domain
 * @run_lock: held by the thread in RUN; what is not marked otherwise is its
 * @online: started and not stopped; written by the vCPU or before it starts
 * @in_guest: CPU number + 1 while the guest's tables may be loaded there, else 0
 * @kick: leave the guest and look around (sticky until seen)
 * @wait: where BLOCK and RUN of an offline vCPU sleep
 * @page: guest's vCPU page: pinned, and its address in the host
 * @data, @host, @desc: pages of the cell, by their host addresses
 * @dr: guest's DR0..3; DR6 and DR7 are in @data
 * @apf_flags: of the last #PF, where the host is a KVM guest: 0 unless it was none
 * @timer: one-shot, see time.c
 * @run_began: what the thread's runtime would have been when @runtime_ns was 0
 */
struct domus_vcpu {
	struct domus_domain *d;
	u32 id;
	bool online;
	struct mutex run_lock;
	int in_guest;
	bool kick;
	wait_queue_head_t wait;
	struct page *page_pin;
	struct domus_vcpu_page *page;
	struct cell_data *data;
	struct cell_host *host;
	struct cell_desc *desc;
	u64 cell_va;
	struct shadow_root *root;
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
	struct hrtimer timer;
	u32 timer_port;
	u64 runtime_ns;
	u64 run_began;
	u64 exits;
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
 * @entries: DOMUS_NR_ENTRIES addresses to copy, or NULL
 *
 * Context: process, current->mm the holder's; does not wait for memory. Return: 0, -EBUSY
 * online, -EINVAL, -ENOMEM, -EFAULT, -EAGAIN (see gmem_pin_present()).
 */
int vcpu_start(struct domus_vcpu *v, const struct domus_vcpu_init *init, u64 rsi,
	       const u64 *entries);

/* Forget what the guest left in its FPU. run_lock held, may sleep. 0 or -ENOMEM. */
int vcpu_reset_fpu(struct domus_vcpu *v);

/* Back to offline: drops root, page, timer, entries (reset). run_lock held. */
void vcpu_stop(struct domus_vcpu *v);

/* DOMUS_IOC_RUN. Process context of the holder. Return: 0 or -errno, see uapi. */
int vcpu_run(struct domus_vcpu *v, struct domus_run *run);

/* Make the vCPU leave guest or sleep soon. Any context but NMI. */
void vcpu_kick(struct domus_vcpu *v);

/**
 * vcpu_flush_remote() - make sure that no CPU uses old shadow entries
 * @d: the domain
 * @mask: bit n: vCPU n
 *
 * Kicks every vCPU of @mask that is in guest mode on another CPU out of it and
 * waits until it has left; every entry to the guest reloads CR3 and so starts
 * with an empty TLB. Context: process or with spinlocks held, irqs on, no NMI.
 */
void vcpu_flush_remote(struct domus_domain *d, u64 mask);

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

/**
 * vcpu_check_rip() - make sure that the next entry's iretq cannot fault
 * @v: the vCPU, out of the guest, run by the caller
 *
 * RIP may be beyond the lower half after a RETURN, but also after an instruction at
 * its very end: SYSCALL there, or an interrupt before the next fetch. Then the guest
 * gets exception 13 (SDM vol. 2, IRET: #GP in the ring that executes it, which is 0).
 * Return: as vcpu_inject().
 */
int __must_check vcpu_check_rip(struct domus_vcpu *v);

/* DOMUS_HC_RETURN and _SYSRET that tier 1 passed on. As vcpu_inject(). */
int __must_check vcpu_return(struct domus_vcpu *v, bool sysret);

/* DOMUS_HC_LOAD_ROOT, SET_VCPU_PAGE: -EINVAL, -ENOMEM, -EFAULT. Own vCPU only. */
int vcpu_load_root(struct domus_vcpu *v, u64 gpa);
int vcpu_set_page(struct domus_vcpu *v, u64 gpa);

/* Descriptor i (0..2) of the TLS entries, already checked. Own vCPU only. */
void vcpu_set_tls(struct domus_vcpu *v, unsigned int i, u64 desc);

void vcpu_stats(struct domus_vcpu *v, struct vcpu_stats *out);

/* DOMUS_HC_IBPB and at a switch between domains. irqs any. */
void vcpu_ibpb(void);

static inline bool vcpu_user_mode(const struct domus_vcpu *v)
{
	return v->data->mode != CELL_MODE_KERNEL;
}

/* vcpu_msr.c: MSRs that are the guest's while its thread runs. irqs off. */
void vcpu_msr_load(struct domus_vcpu *v);
void vcpu_msr_restore(struct domus_vcpu *v);
/* MSRs for the next entry's text to change around the guest. irqs off. */
void vcpu_msr_sample(struct domus_vcpu *v);
void vcpu_msr_check(const struct domus_vcpu *v);	/* debug builds: they are back */

#endif /* DOMUS_VCPU_H */
