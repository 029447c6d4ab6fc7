// SPDX-License-Identifier: GPL-2.0-only
/*
 * Calls about the vCPU's own registers: 1. entries, 2. segments, 3. debug
 * registers, 4. CPUID.
 */
#include <linux/bits.h>
#include <linux/errno.h>
#include <linux/nospec.h>
#include <linux/percpu.h>
#include <asm/cpufeature.h>
#include <asm/processor.h>
#include <asm/debugreg.h>
#include <asm/segment.h>

#include "cpuid.h"
#include "domain.h"
#include "hypercall_cpu.h"
#include "vcpu.h"

static bool is_canonical(u64 va)
{
	return (u64)((s64)(va << 16) >> 16) == va;
}

/* ---- 1. Entries --------------------------------------------------------------------- */

s64 hc_set_entry(struct domus_vcpu *v, u64 index, u64 va)
{
	if (index >= DOMUS_NR_ENTRIES || !is_canonical(va))
		return -EINVAL;
	index = array_index_nospec(index, DOMUS_NR_ENTRIES);
	v->entries[index] = va;
	if (index == DOMUS_ENTRY_SYSCALL)
		v->data->syscall_entry = va;
	return 0;
}

/* ---- 2. Segments ----------------------------------------------------------------------- */

#define DESC_P		BIT_ULL(47)
#define DESC_DPL3	(3ULL << 45)
#define DESC_S		BIT_ULL(44)	/* not a system segment */
#define DESC_CODE	BIT_ULL(43)
#define DESC_L		BIT_ULL(53)

static u64 desc_base(u64 desc)
{
	return (desc >> 16 & 0xffffff) | (desc >> 56 & 0xff) << 24;
}

static s64 load_user_gs(struct domus_vcpu *v, u64 selector)
{
	unsigned int tls = (selector >> 3) - GDT_ENTRY_TLS_MIN;
	u64 base = 0;

	if (selector > 3 && selector != __USER_DS) {
		if (selector > 0xffff || (selector & 7) != 3 || tls >= 3)
			return -EINVAL;
		tls = array_index_nospec(tls, 3);
		if (!v->tls[tls])
			return -EINVAL;
		base = desc_base(v->tls[tls]);
	}
	v->data->gs = selector;
	WRITE_ONCE(v->page->user_gs, base);
	return 0;
}

s64 hc_set_segment(struct domus_vcpu *v, u64 which, u64 value)
{
	if (which != DOMUS_SEG_USER_GS_SEL && !is_canonical(value))
		return -EINVAL;
	switch (which) {
	case DOMUS_SEG_FS_BASE:
		v->data->fs_base = value;
		return 0;
	case DOMUS_SEG_KERNEL_GS_BASE:
		v->data->gs_base = value;
		WRITE_ONCE(v->page->kernel_gs, value);
		return 0;
	case DOMUS_SEG_USER_GS_BASE:
		WRITE_ONCE(v->page->user_gs, value);
		return 0;
	case DOMUS_SEG_USER_GS_SEL:
		return load_user_gs(v, value);
	}
	return -EINVAL;
}

s64 hc_set_tls(struct domus_vcpu *v, u64 index, u64 desc)
{
	u64 want = DESC_P | DESC_S | DESC_DPL3;

	if (index >= 3)
		return -EINVAL;
	if (desc && ((desc & (want | DESC_CODE | DESC_L)) != want))
		return -EINVAL;
	vcpu_set_tls(v, array_index_nospec(index, 3), desc);
	return 0;
}

/* ---- 3. Debug registers ------------------------------------------------------------------ */

#define DR7_ENABLES	0xffULL
#define DR7_GUEST	(0xffff0000ULL | DR7_ENABLES)
#define DR7_GD		BIT_ULL(13)

static bool breakpoint_ok(u64 va)
{
	/* an 8-byte watchpoint may not reach into the switcher either */
	return is_canonical(va) && !cell_covers(va) && !cell_covers(va + 7);
}

static s64 set_dr7(struct domus_vcpu *v, u64 value)
{
	unsigned int i;

	if (value & ~(DR7_GUEST | 0x700) || value & DR7_GD)
		return -EINVAL;
	for (i = 0; i < 4; i++)
		if ((value >> (16 + 4 * i) & 3) == 2)	/* I/O */
			return -EINVAL;
	value &= DR7_GUEST;
	v->data->dr7 = value & DR7_ENABLES ? value | 0x400 : 0;
	return 0;
}

s64 hc_set_debugreg(struct domus_vcpu *v, u64 nr, u64 value)
{
	if (nr < 4) {
		if (value && !breakpoint_ok(value))
			return -EINVAL;
		v->dr[array_index_nospec(nr, 4)] = value;
		return 0;
	}
	if (nr == 6) {
		v->data->dr6 = (value & 0xe00f) | DR6_RESERVED;
		return 0;
	}
	return nr == 7 ? set_dr7(v, value) : -EINVAL;
}

s64 hc_get_debugreg(struct domus_vcpu *v, u64 nr, u64 *second)
{
	if (nr < 4)
		*second = v->dr[array_index_nospec(nr, 4)];
	else if (nr == 6)
		*second = v->data->dr6;
	else if (nr == 7)
		*second = v->data->dr7 | 0x400;
	else
		return -EINVAL;
	return 0;
}

/* ---- 4. CPUID ------------------------------------------------------------------------------ */

s64 hc_cpuid(struct domus_vcpu *v, u64 leaf, u64 subleaf, u64 *second)
{
	u32 out[4];

	cpuid_guest(leaf, subleaf, v->id, v->d->nr_vcpus, out);
	*second = (u64)out[3] << 32 | out[2];
	return (s64)((u64)out[1] << 32 | out[0]);
}
