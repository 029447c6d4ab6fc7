// SPDX-License-Identifier: GPL-2.0-only
/*
 *   1. MSRs that stay the guest's for as long as a vCPU thread is scheduled in:
 *      LSTAR, SYSENTER_CS, TSC_AUX
 *   2. those of the host's perf, which the text changes around the guest
 *
 * On a cloud machine each access is an exit to the hypervisor below, so they
 * are not switched at every full exit. They are restored when the thread is
 * scheduled out, leaves RUN, or is about to serve a cross-CPU call.
 */
#include <linux/lockdep.h>
#include <linux/perf_event.h>
#include <asm/cpufeature.h>
#include <asm/msr.h>
#include <asm/perf_event.h>
#include <asm/processor-flags.h>
#include <asm/segment.h>

#include "domain.h"
#include "vcpu.h"

/* ---- 1. From sched-in to sched-out ------------------------------------------------ */

static __always_inline bool has_tsc_aux(void)
{
	return static_cpu_has(X86_FEATURE_RDTSCP) || static_cpu_has(X86_FEATURE_RDPID);
}

/* What the switcher relies on and never writes; others (kvm) do. */
static void check_host_msrs(void)
{
#ifdef DOMUS_DEBUG
	u64 star, mask, efer;

	rdmsrl(MSR_STAR, star);
	rdmsrl(MSR_SYSCALL_MASK, mask);
	rdmsrl(MSR_EFER, efer);
	WARN_ON_ONCE(star >> 32 != ((u64)__USER32_CS << 16 | __KERNEL_CS));
	WARN_ON_ONCE((mask & (X86_EFLAGS_TF | X86_EFLAGS_IF | X86_EFLAGS_DF | X86_EFLAGS_NT)) !=
		     (X86_EFLAGS_TF | X86_EFLAGS_IF | X86_EFLAGS_DF | X86_EFLAGS_NT));
	WARN_ON_ONCE((efer & (EFER_SCE | EFER_LMA | EFER_NX)) !=
		     (EFER_SCE | EFER_LMA | EFER_NX));
#endif
}

void vcpu_msr_load(struct domus_vcpu *v)
{
	lockdep_assert_irqs_disabled();
	if (v->msrs_loaded)
		return;
	check_host_msrs();
	/* native: no Xen PV host is ours, and this is done at each wake-up */
	v->host_lstar = __rdmsr(MSR_LSTAR);
	v->host_sysenter_cs = __rdmsr(MSR_IA32_SYSENTER_CS);
	native_wrmsrl(MSR_LSTAR, v->syscall_va);
	/* SYSENTER must fault in ring 3: it would enter the host's code */
	native_wrmsrl(MSR_IA32_SYSENTER_CS, 0);
	if (has_tsc_aux()) {
		v->host_tsc_aux = __rdmsr(MSR_TSC_AUX);
		native_wrmsrl(MSR_TSC_AUX, v->id);
	}
	v->msrs_loaded = true;
}

void vcpu_msr_restore(struct domus_vcpu *v)
{
	lockdep_assert_irqs_disabled();
	if (!v->msrs_loaded)
		return;
	wrmsrl(MSR_LSTAR, v->host_lstar);
	wrmsrl(MSR_IA32_SYSENTER_CS, v->host_sysenter_cs);
	if (has_tsc_aux())
		wrmsrl(MSR_TSC_AUX, v->host_tsc_aux);
	v->msrs_loaded = false;
}

/* ---- 2. Around the guest ---------------------------------------------------------- */

static void switch_msr(struct cell_host *host, u32 msr, u64 keep, u64 set)
{
	if (WARN_ON_ONCE(host->nr_msrs >= CELL_MSRS))
		return;
	host->msrs[host->nr_msrs++] = (struct cell_msr){ .msr = msr, .keep = keep, .set = set };
}

/*
 * An NMI may come between here and the text, but it only ever turns events off: what
 * is off now stays off, and the text reads the values to go back to by itself.
 */
void vcpu_msr_sample(struct domus_vcpu *v)
{
	struct perf_guest_switch_msr *msrs;
	struct cell_host *host = v->host;
	bool events = false;
	int i;

	lockdep_assert_irqs_disabled();
	host->nr_msrs = 0;
	v->nr_perf = 0;
	msrs = perf_guest_get_msrs(&v->nr_perf, NULL);
	for (i = 0; msrs && i < v->nr_perf; i++) {
		if (msrs[i].host == msrs[i].guest || msrs[i].msr == MSR_IA32_PEBS_ENABLE)
			continue;
		switch_msr(host, msrs[i].msr, 0, msrs[i].guest);
		events = true;
	}
	/*
	 * Records are written through the guest's tables otherwise. perf lists it
	 * only for CPUs that do not see to it at a VM entry, which this is not.
	 */
	if (events && boot_cpu_has(X86_FEATURE_PEBS))
		switch_msr(host, MSR_IA32_PEBS_ENABLE, 0, 0);
	if (static_cpu_has(X86_FEATURE_BTS) &&
	    get_debugctlmsr() & (DEBUGCTLMSR_BTS | DEBUGCTLMSR_TR))
		switch_msr(host, MSR_IA32_DEBUGCTLMSR,
			   ~(u64)(DEBUGCTLMSR_BTS | DEBUGCTLMSR_TR), 0);
#ifdef DOMUS_DEBUG
	/* always one: that no guest sees, as nothing uses it with SYSENTER_CS = 0 */
	switch_msr(host, MSR_IA32_SYSENTER_EIP, 0, 0);
#endif
}

#ifdef DOMUS_DEBUG
void vcpu_msr_check(const struct domus_vcpu *v)
{
	const struct cell_msr *m = v->host->msrs;
	u64 now;

	while (m->msr != MSR_IA32_SYSENTER_EIP)
		m++;
	rdmsrl(MSR_IA32_SYSENTER_EIP, now);
	WARN_ON_ONCE(v->host->nr_msrs || v->host->msrs_done || !now || now != m->host);
}
#endif
