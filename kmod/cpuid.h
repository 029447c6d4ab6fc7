/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef DOMUS_CPUID_H
#define DOMUS_CPUID_H

#include <linux/types.h>

/*
 * What the guest may use (DOMUS_HC_CPUID), as vCPU @id of @nr sees it: out = eax, ebx, ecx,
 * edx. Any context.
 */
void cpuid_guest(u32 leaf, u32 subleaf, u32 id, u32 nr, u32 out[4]);
/* DOMUS_HC_RDMSR and _WRMSR: 0 or -EPERM. */
int msr_guest_read(u32 msr, u64 *value);
int msr_guest_write(u32 msr, u64 value);

#endif /* DOMUS_CPUID_H */
