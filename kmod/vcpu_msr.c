// SPDX-License-Identifier: GPL-2.0-only
/*
 * MSRs that stay the guest's for as long as a vCPU thread is scheduled in:
 * LSTAR, SYSENTER_CS, TSC_AUX, and DEBUGCTL without branch tracing.
 *
 * On a cloud machine each access is an exit to the hypervisor below, so they
 * are not switched at every full exit. They are restored when the thread is
 * scheduled out, leaves RUN, or is about to serve a cross-CPU call.
 */
#include <linux/lockdep.h>
#include <asm/cpufeature.h>
#include <asm/msr.h>
#include <asm/processor-flags.h>
#include <asm/segment.h>

#include "domain.h"
#include "vcpu.h"

static bool has_tsc_aux(void)
{
	return boot_cpu_has(X86_FEATURE_RDTSCP) || boot_cpu_has(X86_FEATURE_RDPID);
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
	rdmsrl(MSR_LSTAR, v->host_lstar);
	rdmsrl(MSR_IA32_SYSENTER_CS, v->host_sysenter_cs);
	wrmsrl(MSR_LSTAR, v->cell_va + (domus_text_syscall - domus_text_start));
	/* SYSENTER must fault in ring 3: it would enter the host's code */
	wrmsrl(MSR_IA32_SYSENTER_CS, 0);
	if (has_tsc_aux()) {
		rdmsrl(MSR_TSC_AUX, v->host_tsc_aux);
		wrmsrl(MSR_TSC_AUX, v->id);
	}
	/* BTS and branch trace would write through the guest's tables */
	v->host_debugctl = get_debugctlmsr();
	if (v->host_debugctl & (DEBUGCTLMSR_BTS | DEBUGCTLMSR_TR))
		update_debugctlmsr(v->host_debugctl & ~(DEBUGCTLMSR_BTS | DEBUGCTLMSR_TR));
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
	if (v->host_debugctl & (DEBUGCTLMSR_BTS | DEBUGCTLMSR_TR))
		update_debugctlmsr(v->host_debugctl);
	v->msrs_loaded = false;
}
