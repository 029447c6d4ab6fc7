/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef DOMUS_HYPERCALL_CPU_H
#define DOMUS_HYPERCALL_CPU_H

#include <linux/types.h>

struct domus_vcpu;

/*
 * Calls about the calling vCPU's own state. Arguments are the guest's,
 * unchecked. Context: process, the vCPU's thread, irqs on. Return: what goes to
 * RAX. hc_get_debugreg(), hc_cpuid() and hc_rdmsr() set *@second, for RDX.
 */
s64 hc_set_entry(struct domus_vcpu *v, u64 index, u64 va);
s64 hc_set_segment(struct domus_vcpu *v, u64 which, u64 value);
s64 hc_set_tls(struct domus_vcpu *v, u64 index, u64 desc);
s64 hc_set_debugreg(struct domus_vcpu *v, u64 nr, u64 value);
s64 hc_get_debugreg(struct domus_vcpu *v, u64 nr, u64 *second);
s64 hc_cpuid(struct domus_vcpu *v, u64 leaf, u64 subleaf, u64 *second);

#endif /* DOMUS_HYPERCALL_CPU_H */
