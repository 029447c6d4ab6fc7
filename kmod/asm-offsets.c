// SPDX-License-Identifier: GPL-2.0-only
/*
 * Offsets into the cell's structures for switch.S. Never linked: Kbuild turns
 * the assembly of this file into asm-offsets.h.
 */
#include <linux/kbuild.h>
#include <linux/stddef.h>
#include <asm/apicdef.h>

#include "ptwalk.h"
#include "switch.h"
#include "vcpu.h"

#define D(field) OFFSET(CD_##field, cell_data, field)
#define H(field) OFFSET(CH_##field, cell_host, field)

static void __used common(void)
{
	D(host_cr3); D(noflush); D(cr3); D(cr3_kernel); D(cr3_user);
	D(syscall_entry); D(fault_entry); D(root_gpa); D(cr2); D(dr6); D(dr7);
	D(fs_base); D(gs_base);
	D(invlpg); D(ds); D(es); D(fs); D(gs); D(mode); D(invalidate);
	D(fsgsbase); D(pku); D(verw); D(nmi_latched); D(mc_latched); D(fatal);
	D(flush); D(flushes); D(faults); D(smap); D(gdtr); D(idtr);
	D(fatal_vector); D(fatal_error); D(fatal_ip); D(fatal_cr2);
	D(scratch); D(nmi_scratch); D(mc_scratch); D(passes);
	D(aborts); D(nmi_ring0); D(nmi_ring3); D(mc_ring0); D(mc_ring3);
	D(db_absorbed); D(sel_fixups); D(regs); D(roots); D(root_next); D(root_index); D(traced);
	BLANK();
	H(ret_ip); H(ret_sp); H(fs_base); H(gs_base); H(ds); H(es); H(fs);
	H(gs); H(ldt); H(gdtr); H(idtr); H(msrs_done); H(nr_msrs); H(msrs);
	H(eoi); H(work); H(kick); H(apf); H(gmem_hva); H(gmem_size); H(gpte_rsvd);
	H(flush_seq);
	DEFINE(VCPU_WORK, VCPU_WORK_FLAGS);
	DEFINE(CELL_GPTE_ADDR, GPTE_ADDR);
	DEFINE(EOI_MSR, APIC_BASE_MSR + (APIC_EOI >> 4));
	BLANK();
	OFFSET(CT_gpa, cell_root, gpa);
	OFFSET(CT_cr3_kernel, cell_root, cr3_kernel);
	OFFSET(CT_cr3_user, cell_root, cr3_user);
	DEFINE(CT_SIZE, sizeof(struct cell_root));
	BLANK();
	OFFSET(CM_msr, cell_msr, msr);
	OFFSET(CM_keep, cell_msr, keep);
	OFFSET(CM_set, cell_msr, set);
	OFFSET(CM_host, cell_msr, host);
	DEFINE(CM_SIZE, sizeof(struct cell_msr));
	BLANK();
	OFFSET(CR_ip, cell_regs, ip);
	OFFSET(CR_cs, cell_regs, cs);
	OFFSET(CR_flags, cell_regs, flags);
	OFFSET(CR_sp, cell_regs, sp);
	OFFSET(CR_ss, cell_regs, ss);
	DEFINE(CR_SIZE, sizeof(struct cell_regs));
	OFFSET(CG_gdt, cell_desc, gdt);
}
