/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The world switch: layout of a cell and the way in and out of it.
 *
 * A cell is the few pages of one vCPU that are mapped supervisor-only both in
 * the holder's address space and in every view of the domain, at the same
 * address. Text reaches its data RIP-relative, so that one copy of the text
 * serves every cell.
 *
 * Every register and MSR that the switcher changes, and its owner while a vCPU
 * thread is in C (h: the host's value is live; g: the guest's is, kept by whom):
 *
 *   GPRs, RFLAGS, RIP     h  guest's in cell_data.regs
 *   CR2                   h  guest's in cell_data.cr2
 *   CR3                   h  read afresh at each entry into cell_data.host_cr3; TLB entries
 *                            of the guest's stay where PCIDs are used (pcid.c)
 *   CR4.PGE               h  toggled in place for a stubborn global TLB entry
 *   DR0-3, DR6, DR7       h  guest's in vcpu.dr[], loaded when guest DR7 is armed;
 *                            DR7 is 0 otherwise; hw_breakpoint_restore() after
 *   IDTR GDTR LDTR TR     h  saved in cell_host at each entry
 *   DS ES FS GS           h  saved in cell_host at each entry
 *   CS SS                 h  constants
 *   FS base, GS base      h  saved in cell_host at each entry (MSR or FSGSBASE)
 *   KERNEL_GS_BASE        h  never touched
 *   local APIC            h  EOI of a RESCHEDULE vector that is for the TLB alone
 *   LSTAR, SYSENTER_CS    g  from sched-in of a vCPU thread in RUN to its
 *                            sched-out, kept by vcpu_msr.c; the host's while a
 *                            CALL_FUNCTION vector is dispatched
 *   STAR SFMASK CSTAR EFER   never touched, the host's are right
 *   TSC_AUX               g  as LSTAR, where RDTSCP or RDPID exist
 *   PKRU                  h  0 at each entry; guest's is not kept
 *   x87/SSE/AVX, XFD      g  fpu_swap_kvm_fpstate() at the ends of RUN
 *   XCR0, XSS                never touched
 *   SPEC_CTRL, PRED_CMD   h  written on the way out as the host's own entry does
 *   DEBUGCTL              h  BTS and TR cleared around the guest if they were on
 *   PEBS_ENABLE           h  0 around the guest if the host's perf has PEBS events
 *   PERF_GLOBAL_CTRL etc. h  what perf_guest_get_msrs() asks for around the guest
 */
#ifndef DOMUS_SWITCH_H
#define DOMUS_SWITCH_H

/* Pages of a cell, in order. Text is first so that data is RIP-relative to it. */
#define CELL_PAGE_TEXT		0	/* read and execute */
#define CELL_TEXT_PAGES		3
#define CELL_PAGE_DATA		3	/* struct cell_data */
#define CELL_PAGE_HOST		4	/* struct cell_host: not in views */
#define CELL_PAGE_IDT		5	/* read only */
#define CELL_PAGE_DESC		6	/* struct cell_desc: GDT and TSS */
#define CELL_PAGE_STACKS	7	/* IST stacks */
#define CELL_PAGE_VCPU		8	/* the guest's vCPU page */
#define CELL_PAGES		9
#define CELL_STRIDE		0x10000	/* distance of two vCPUs' cells */

#define CELL_OFF(page)		((page) * 0x1000)

/* Selector of the cell's own TSS, behind the 16 entries copied from the host. */
#define CELL_TSS_INDEX		18
#define CELL_TSS_SEL		(CELL_TSS_INDEX * 8)
#define CELL_GDT_ENTRIES	20

/* regs.vector beyond the hardware's 0..255 */
#define CELL_VEC_CALL		0x100	/* SYSCALL from guest kernel, or from user without entry */
#define CELL_VEC_ABORT		0x101	/* entry given up for a latched NMI or #MC */

/* cell_data.mc_latched */
#define CELL_MC_HOST		1
#define CELL_MC_GUEST		2

/* cell_data.mode */
#define CELL_MODE_KERNEL	0
#define CELL_MODE_USER		1
#define CELL_MODE_USER_NOCALL	2	/* user mode, guest has set no syscall entry */

/* Roots that a vCPU has at hand, see shadow_loaded.c */
#define CELL_ROOTS		8
#define CELL_NO_ROOT		CELL_ROOTS	/* of root_index: none is loaded */

/* Of CR3 with PCIDs: what the TLB has of that one stays. See pcid.c for roots at hand. */
#define CELL_NOFLUSH_BIT	63
#define CELL_NOFLUSH		BIT_ULL(CELL_NOFLUSH_BIT)

/* cell_data.flush */
#define CELL_FLUSH_LOADED	1	/* no PCIDs: all is gone with the load of another CR3 */
#define CELL_FLUSH_VIEWS	2	/* strike out CELL_NOFLUSH, too */

/* Flags that a guest may load: CF PF AF ZF SF TF DF OF NT RF AC ID */
#define CELL_RFLAGS_MASK	0x254dd5
#define CELL_RFLAGS_SET		0x202	/* IF and the fixed bit */

/* IST numbers, equal to the host's so that its TSS is good for our IDT */
#define CELL_IST_DF		1
#define CELL_IST_NMI		2
#define CELL_IST_DB		3
#define CELL_IST_MC		4
#define CELL_IST_SIZE		0x400

#ifndef __ASSEMBLY__

#include <asm/desc_defs.h>
#include <linux/bits.h>
#include <linux/build_bug.h>
#include <linux/types.h>

/* General registers and the exit's frame, in the order that the text pushes. */
struct cell_regs {
	u64 r15, r14, r13, r12, bp, bx, r11, cx, ax;
	u64 di, si, dx, r10, r8, r9;	/* arguments of a hypercall, in order */
	u64 vector, error;
	u64 ip, cs, flags, sp, ss;
};

/*
 * A root at hand: by the guest's address, which is not aligned where there is none. With
 * PCIDs other CPUs strike out CELL_NOFLUSH.
 */
struct cell_root {
	u64 gpa;
	u64 cr3_kernel;
	u64 cr3_user;
};

/**
 * struct cell_data - seen by every view (supervisor): nothing of the host but CR3
 *
 * Written by C with interrupts off and the vCPU out of the guest; by the text
 * otherwise. But for @flush, see vcpu_flush_remote(), and @roots[], see
 * shadow_loaded.c and pcid.c.
 */
struct cell_data {
	u64 host_cr3;
	u64 noflush;		/* CELL_NOFLUSH where the host uses PCIDs */
	u64 cr3;		/* to load at entry; the loaded one after an exit */
	u64 cr3_kernel;
	u64 cr3_user;
	u64 syscall_entry;	/* canonical; 0: none */
	u64 fault_entry;	/* of #PF, canonical; 0: all faults are for C */
	u64 root_gpa;		/* of the guest's top-level table */
	u64 cr2;
	u64 dr6;
	u64 dr7;		/* 0: guest breakpoints are off */
	u64 fs_base;
	u64 gs_base;
	u64 invlpg;		/* with invalidate */
	u16 ds, es, fs, gs;
	u8  mode;
	u8  invalidate;		/* 1: invlpg @invlpg after CR3; 2: toggle CR4.PGE, too */
	u8  fsgsbase;
	u8  pku;
	u8  nmi_latched;	/* with mc_latched: one 16-bit word for the last check */
	u8  mc_latched;		/* CELL_MC_GUEST: by guest memory, read in the guest's place */
	u8  fatal;		/* fault in the switcher itself: fatal_* say which */
	u8  flush;		/* CELL_FLUSH_*, by who interrupts the guest for its TLB alone */
	struct desc_ptr gdtr;
	u16 verw;		/* a selector, where VERW is to clear CPU buffers, or 0 */
	u8  smap;		/* CR4.SMAP is on */
	u8  root_next;		/* of @roots: about to be loaded, or @root_index */
	u8  root_index;		/* of @roots: the loaded one */
	u8  traced;		/* C is to see all that the guest asks for */
	struct desc_ptr idtr;
	u8  pad2[6];
	u64 fatal_vector, fatal_error, fatal_ip, fatal_cr2;
	u64 scratch[3];
	u64 nmi_scratch[2];
	u64 mc_scratch[2];
	u64 passes;		/* entries to guest user or kernel without leaving */
	u64 flushes;		/* of the TLB, for another vCPU, without leaving */
	u64 faults;		/* of the guest's user mode, given to its kernel without leaving */
	u64 aborts;
	u64 nmi_ring0, nmi_ring3, mc_ring0, mc_ring3, db_absorbed, sel_fixups;
	struct cell_root roots[CELL_ROOTS];
	u64 room[8];		/* for a fault within a fault, behind what is pushed into regs */
	struct cell_regs regs __aligned(16);
};

/**
 * struct cell_msr - an MSR that the text changes while NMIs are latched
 * @msr: its number
 * @keep, @set: of the host's value, what stays; what is added
 * @host: the host's value, from one lidt to the other
 */
struct cell_msr {
	u64 msr;
	u64 keep, set;
	u64 host;
};

#define CELL_MSRS	16

/* Of the host: only the holder's PGD maps this page. */
struct cell_host {
	u64 ret_ip, ret_cs, ret_flags, ret_sp, ret_ss;	/* frame of the way back */
	u64 fs_base, gs_base;
	u16 ds, es, fs, gs;
	u16 ldt;
	u16 pad[3];
	struct desc_ptr gdtr;
	u8  pad1[6];
	struct desc_ptr idtr;
	u8  pad2[2];
	u16 msrs_done;		/* that have the guest's values now */
	u16 nr_msrs;
	u8  pad3[4];
	u64 eoi;		/* address of the local APIC's register; 0: it is an MSR */
	u64 work;		/* address of the flags of the thread in RUN */
	u64 kick;		/* address of vcpu.kick */
	u64 apf;		/* address of the flags of KVM's asynchronous faults, or 0 */
	u64 gmem_hva;		/* guest memory at 0, of the holder */
	u64 gmem_size;		/* of it, bytes; 0: ask C */
	u64 gpte_rsvd;		/* bits that a guest's entry must not have */
	u64 flush_seq;		/* address of the domain's counter of flushes */
	struct cell_msr msrs[CELL_MSRS];
};

struct cell_desc {
	u64 gdt[CELL_GDT_ENTRIES];
	u8  tss[104];
};

static_assert(sizeof(struct cell_data) <= 4096);
static_assert(sizeof(struct cell_host) <= 4096);
static_assert(sizeof(struct cell_regs) % 16 == 0);

/* The text, in .rodata; copied once by cell_text_init(). Offsets from its start count. */
extern const char domus_text_start[], domus_text_end[];
extern const char domus_text_enter[], domus_text_syscall[], domus_text_stubs[];
extern const char domus_text_nmi[], domus_text_mc[], domus_text_db[], domus_text_df[];

/**
 * domus_switch() - enter the guest and come back at the next exit
 * @enter: address of domus_text_enter in the vCPU's cell
 *
 * Context: interrupts off, no preemption, the holder's mm loaded, FPU and MSRs
 * of the guest loaded. Returns with interrupts off; what happened is in
 * cell_data. Speculation barriers of the host's own entry from user space are
 * done before the first return or indirect branch.
 */
void domus_switch(unsigned long enter);

/**
 * domus_call_gate() - call a handler of the host's IDT as an interrupt would
 * @handler: address from the gate
 *
 * Context: interrupts off; the frame pushed has them off, too.
 */
void domus_call_gate(unsigned long handler);

#endif /* __ASSEMBLY__ */
#endif /* DOMUS_SWITCH_H */
