// SPDX-License-Identifier: GPL-2.0-only
/*
 * What of the host's CPU a guest kernel may use, and the few MSRs it may ask
 * for. The host's CPUID less what needs ring 0, what the hypervisor does not
 * virtualise, and what only has a meaning on bare metal.
 */
#include <linux/align.h>
#include <linux/bits.h>
#include <linux/log2.h>
#include <linux/minmax.h>
#include <linux/string.h>
#include <asm/cpufeature.h>
#include <asm/msr.h>
#include <asm/processor.h>
#include <asm/special_insns.h>

#include <uapi/asm/domus_guest.h>

#include "cpuid.h"

/* leaf 1 */
#define L1C_CLEAR (BIT(2) | BIT(3) | BIT(4) | BIT(5) | BIT(6) | BIT(7) | BIT(8) | \
		   BIT(10) | BIT(14) | BIT(15) | BIT(17) | BIT(18) | BIT(21) | BIT(24))
#define L1C_HYPERVISOR	BIT(31)
#define L1C_OSXSAVE	BIT(27)
/* FMA, XSAVE, AVX, F16C: need a host that has XSAVE on */
#define L1C_XSAVE (BIT(12) | BIT(26) | BIT(28) | BIT(29))
#define L1D_CLEAR (BIT(1) | BIT(7) | BIT(9) | BIT(12) | BIT(13) | BIT(14) | BIT(18) | \
		   BIT(21) | BIT(22) | BIT(28) | BIT(29) | BIT(31))
/* leaf 7: SMEP, INVPCID, PQM, MPX, PQE, SMAP, PT */
#define L7B_CLEAR (BIT(7) | BIT(10) | BIT(12) | BIT(14) | BIT(15) | BIT(20) | BIT(25))
/* UMIP is decided apart; PKU, OSPKE, WAITPKG, SHSTK, LA57, RDPID kept, PKS, SGX_LC, BUSLOCK */
#define L7C_UMIP	BIT(2)
#define L7C_CLEAR (BIT(3) | BIT(4) | BIT(5) | BIT(7) | BIT(16) | BIT(24) | BIT(30) | BIT(31))
/* UINTR, ARCH_LBR, IBT, AMX, SPEC_CTRL, STIBP, L1D_FLUSH, ARCH_CAP, CORE_CAP, SSBD */
#define L7D_CLEAR (BIT(5) | BIT(18) | BIT(19) | BIT(20) | BIT(22) | BIT(24) | BIT(25) | \
		   BIT(26) | BIT(27) | BIT(28) | BIT(29) | BIT(30) | BIT(31))
/* 0x80000001 ecx: SVM, EXTAPIC, IBS, SKINIT, WDT, NODEID_MSR, TOPOEXT, PERFCTR*, MWAITX */
#define X1C_CLEAR (BIT(2) | BIT(3) | BIT(10) | BIT(12) | BIT(13) | BIT(15) | BIT(19) | \
		   BIT(22) | BIT(23) | BIT(24) | BIT(26) | BIT(28) | BIT(29))
#define X1D_CLEAR (BIT(1) | BIT(7) | BIT(9) | BIT(12) | BIT(13) | BIT(14) | BIT(18) | \
		   BIT(21) | BIT(22) | BIT(28) | BIT(29) | BIT(31))

static void zero(u32 out[4])
{
	memset(out, 0, 4 * sizeof(*out));
}

static void leaf_7(u32 subleaf, u32 out[4])
{
	if (subleaf == 0) {
		out[1] &= ~L7B_CLEAR;
		if (!boot_cpu_has(X86_FEATURE_FSGSBASE))
			out[1] &= ~BIT(0);
		out[2] &= ~L7C_CLEAR;
		/* in force for user mode whether the guest likes it or not */
		if (!(__read_cr4() & X86_CR4_UMIP))
			out[2] &= ~L7C_UMIP;
		out[3] &= ~L7D_CLEAR;
	} else if (subleaf == 1) {
		/* FRED, LKGS, WRMSRNS, LAM, AMX */
		out[0] &= ~(BIT(17) | BIT(18) | BIT(19) | BIT(21) | BIT(26));
	}
}

/*
 * XSAVE: user components less PKRU and AMX. The sizes are those of what is left,
 * since a guest checks them against its own sum.
 */
#define XCOMP_HIDDEN	(BIT(9) | BIT(17) | BIT(18))

static void leaf_d(u32 subleaf, u32 out[4])
{
	u32 a, b, c, d, left, flat = 576, packed = 576;
	unsigned int i;

	if (subleaf >= 2) {
		if (subleaf >= 32 || (BIT(subleaf) & XCOMP_HIDDEN) || (out[2] & BIT(0)))
			zero(out);
		return;
	}
	cpuid_count(0xd, 0, &left, &b, &c, &d);
	left &= ~XCOMP_HIDDEN;
	for (i = 2; i < 32; i++) {
		if (!(left & BIT(i)))
			continue;
		cpuid_count(0xd, i, &a, &b, &c, &d);
		if (c & BIT(1))
			packed = ALIGN(packed, 64);
		packed += a;
		flat = max(flat, a + b);
	}
	if (subleaf == 0) {
		out[0] = left;
		out[1] = flat;
		out[2] = flat;
		out[3] = 0;
	} else {
		out[0] &= BIT(0) | BIT(1) | BIT(2);	/* no XSAVES, no XFD */
		out[1] = packed;
		out[2] = 0;
		out[3] = 0;
	}
}

/*
 * Topology: one package of @nr cores, of one thread each; APIC ids are vCPU numbers. The
 * host's caches, where the innermost two are a core's and the next one is of all.
 */
#define L1D_HTT		BIT(28)
#define X1C_CMP_LEGACY	BIT(1)
#define LEVEL_SMT	1
#define LEVEL_CORE	2

static bool host_is_amd(void)
{
	return boot_cpu_data.x86_vendor == X86_VENDOR_AMD ||
	       boot_cpu_data.x86_vendor == X86_VENDOR_HYGON;
}

static void leaf_topology(u32 subleaf, u32 id, u32 nr, u32 out[4])
{
	zero(out);
	out[2] = subleaf & 0xff;
	out[3] = id;
	if (subleaf == 0) {
		out[1] = 1;
		out[2] |= LEVEL_SMT << 8;
	} else if (subleaf == 1) {
		out[0] = order_base_2(nr);
		out[1] = nr;
		out[2] |= LEVEL_CORE << 8;
	}
}

/* Leaf 4, and AMD's 0x8000001d, which has no number of cores. */
static void leaf_cache(u32 leaf, u32 nr, u32 out[4])
{
	u32 ids = (1U << order_base_2(nr)) - 1;

	if (!(out[0] & 0x1f))
		return;
	out[0] &= 0x3fff;
	if ((out[0] >> 5 & 7) > 2)
		out[0] |= ids << 14;
	if (leaf == 4)
		out[0] |= ids << 26;
}

static void leaf_1(u32 id, u32 nr, u32 out[4])
{
	out[1] &= 0x0000ffff;
	out[1] |= 1U << order_base_2(nr) << 16 | id << 24;
	out[2] &= ~L1C_CLEAR;
	if (!(out[2] & L1C_OSXSAVE))
		out[2] &= ~L1C_XSAVE;
	out[2] |= L1C_HYPERVISOR;
	out[3] &= ~L1D_CLEAR;
	if (nr > 1)
		out[3] |= L1D_HTT;
}

static void hypervisor_leaf(u32 leaf, u32 out[4])
{
	zero(out);
	if (leaf == 0x40000000) {
		out[0] = 0x40000001;
		memcpy(&out[1], "domusdomus\0\0", 12);
	} else if (leaf == 0x40000001) {
		out[0] = DOMUS_ABI_MAJOR << 16 | DOMUS_ABI_MINOR;
	}
}

void cpuid_guest(u32 leaf, u32 subleaf, u32 id, u32 nr, u32 out[4])
{
	if (leaf >= 0x40000000 && leaf < 0x50000000) {
		hypervisor_leaf(leaf, out);
		return;
	}
	cpuid_count(leaf, subleaf, &out[0], &out[1], &out[2], &out[3]);
	switch (leaf) {
	case 0x1:
		leaf_1(id, nr, out);
		break;
	case 0x4: case 0x8000001d:
		leaf_cache(leaf, nr, out);
		break;
	case 0x5: case 0x6: case 0xa: case 0xf: case 0x10: case 0x12: case 0x14:
	case 0x1c: case 0x1d: case 0x1e: case 0x23:
		zero(out);
		break;
	case 0x7:
		leaf_7(subleaf, out);
		break;
	case 0xb: case 0x1f:
		leaf_topology(subleaf, id, nr, out);
		break;
	case 0xd:
		leaf_d(subleaf, out);
		break;
	case 0x80000001:
		out[2] &= ~(X1C_CLEAR | X1C_CMP_LEGACY);
		/* here HTT means cores, not threads */
		if (nr > 1 && host_is_amd())
			out[2] |= X1C_CMP_LEGACY;
		out[3] &= ~X1D_CLEAR;
		break;
	case 0x80000007:
		out[0] = 0;
		out[1] = 0;
		out[2] = 0;
		out[3] &= BIT(8);	/* invariant TSC */
		break;
	case 0x80000008:
		out[1] &= BIT(0) | BIT(2);	/* CLZERO, XSAVEERPTR */
		out[2] = host_is_amd() ? order_base_2(nr) << 12 | (nr - 1) : 0;
		break;
	case 0x8000000a: case 0x8000001b: case 0x8000001e: case 0x8000001f:
	case 0x80000020: case 0x80000022:
		zero(out);
		break;
	}
}

/* MSRs whose reading does no harm: what they say is the same on every CPU. */
int msr_guest_read(u32 msr, u64 *value)
{
	switch (msr) {
	case MSR_EFER:
		*value = EFER_SCE | EFER_LME | EFER_LMA | EFER_NX;
		return 0;
	case MSR_IA32_MISC_ENABLE:
		*value = MSR_IA32_MISC_ENABLE_FAST_STRING;
		return 0;
	case MSR_PLATFORM_INFO:
	case MSR_IA32_UCODE_REV:
	case MSR_IA32_APERF:
	case MSR_IA32_MPERF:
		*value = 0;
		return 0;
	case MSR_IA32_TSC:
		*value = rdtsc();
		return 0;
	}
	return -EPERM;
}

int msr_guest_write(u32 msr, u64 value)
{
	switch (msr) {
	case MSR_EFER:		/* NX and SCE are on and stay on */
	case MSR_IA32_UCODE_REV:
		return 0;
	}
	return -EPERM;
}
