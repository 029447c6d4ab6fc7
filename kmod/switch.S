/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The world switch.
 *
 *   1. domus_switch, domus_call_gate: ordinary module text, called from C
 *   2. the way in: host to guest (domus_text_enter)
 *   3. exits: vector stubs, saving the guest
 *   4. the way out: guest to host
 *   5. SYSCALL: tier 1, user <-> kernel and roots at hand without the host's CR3
 *   6. #PF: tier 1, those of user mode that the guest's own tables mean
 *      (both are in switch_tier1.S)
 *   7. NMI, #MC, #DB, #DF and faults of the switcher itself
 *
 * Parts 2 to 7 are position independent, live in .rodata and run as a copy in
 * each cell, so objtool, retpolines and return thunks leave them alone: there
 * is no return and no indirect branch in them. The order of operations is that
 * of "Order in" and "Order out" in kmod/DESIGN.md; cell.h and switch.h say what
 * lives where.
 */
#include <linux/linkage.h>
#include <asm/alternative.h>
#include <asm/asm.h>
#include <asm/cpufeatures.h>
#include <asm/irq_vectors.h>
#include <asm/msr-index.h>
#include <asm/nospec-branch.h>
#include <asm/percpu.h>
#include <asm/segment.h>

#include <uapi/asm/domus_guest.h>

#include "asm-offsets.h"
#include "switch.h"

/* ---- 1. Module text ------------------------------------------------------ */

	.text

SYM_FUNC_START(domus_switch)
	push	%rbp
	mov	%rsp, %rbp
	push	%rbx
	push	%r12
	push	%r13
	push	%r14
	push	%r15
	CALL_NOSPEC rdi
	/*
	 * The cell comes back here by iretq with all registers zero. The guest
	 * ran at addresses of the host kernel: RSB and predictors are cleaned
	 * before the first return.
	 */
	ALTERNATIVE "jmp .Librs_done", "", X86_FEATURE_KERNEL_IBRS
	movl	$MSR_IA32_SPEC_CTRL, %ecx
	movq	PER_CPU_VAR(x86_spec_ctrl_current), %rdx
	movl	%edx, %eax
	shr	$32, %rdx
	wrmsr
.Librs_done:
	/*
	 * As after a VM exit, but with enhanced IBRS, too, which isolates no RSB:
	 * these entries name the host's own addresses, so that SMEP does not help.
	 * A loop of the calls would be more than twice as long.
	 */
	ALTERNATIVE_2 "jmp .Lrsb_done", "", X86_FEATURE_RSB_VMEXIT, "", X86_FEATURE_IBRS_ENHANCED
	.rept RSB_CLEAR_LOOPS
	__FILL_RETURN_SLOT
	.endr
	add	$(8 * RSB_CLEAR_LOOPS), %rsp
	lfence		/* a call has retired before the first return (PBRSB) */
.Lrsb_done:
	UNTRAIN_RET
	CLEAR_BRANCH_HISTORY
	pop	%r15
	pop	%r14
	pop	%r13
	pop	%r12
	pop	%rbx
	pop	%rbp
	RET
SYM_FUNC_END(domus_switch)

SYM_FUNC_START(domus_call_gate)
	push	%rbp
	mov	%rsp, %rbp
	and	$-16, %rsp
	push	$__KERNEL_DS
	push	%rbp
	pushf
	push	$__KERNEL_CS
	CALL_NOSPEC rdi
	mov	%rbp, %rsp
	pop	%rbp
	RET
SYM_FUNC_END(domus_call_gate)

/* ---- 2. The way in ------------------------------------------------------- */

	.section .rodata
	.balign	4096
SYM_DATA_START(domus_text_start)

#define D(off)	(domus_text_start + CELL_OFF(CELL_PAGE_DATA) + (off))(%rip)
#define H(off)	(domus_text_start + CELL_OFF(CELL_PAGE_HOST) + (off))(%rip)
#define G(sel)	(domus_text_start + CELL_OFF(CELL_PAGE_DESC) + CG_gdt + (sel))(%rip)
#define V(off)	(domus_text_start + CELL_OFF(CELL_PAGE_VCPU) + (off))(%rip)
#define R(off)	D(CD_regs + (off))

/*
 * Read the bases of FS and GS into two words, or load them from there; by the MSRs where
 * FSGSBASE is off. The host's are kept in its own page: a sibling may read the other one.
 * Clobber rax, rcx, rdx.
 */
#define GUEST_BASE(base, off)	D(CD_##base + (off))
#define HOST_BASE(base, off)	H(CH_##base + (off))

#define RDBASES(WHO)				\
	cmpb	$0, D(CD_fsgsbase);		\
	jne	77f;				\
	movl	$MSR_FS_BASE, %ecx;		\
	rdmsr;					\
	mov	%eax, WHO(fs_base, 0);		\
	mov	%edx, WHO(fs_base, 4);		\
	movl	$MSR_GS_BASE, %ecx;		\
	rdmsr;					\
	mov	%eax, WHO(gs_base, 0);		\
	mov	%edx, WHO(gs_base, 4);		\
	jmp	78f;				\
77:	rdfsbase %rax;				\
	rdgsbase %rdx;				\
	mov	%rax, WHO(fs_base, 0);		\
	mov	%rdx, WHO(gs_base, 0);		\
78:

#define WRBASES(WHO)				\
	cmpb	$0, D(CD_fsgsbase);		\
	jne	77f;				\
	movl	$MSR_FS_BASE, %ecx;		\
	mov	WHO(fs_base, 0), %eax;		\
	mov	WHO(fs_base, 4), %edx;		\
	wrmsr;					\
	movl	$MSR_GS_BASE, %ecx;		\
	mov	WHO(gs_base, 0), %eax;		\
	mov	WHO(gs_base, 4), %edx;		\
	wrmsr;					\
	jmp	78f;				\
77:	mov	WHO(fs_base, 0), %rax;		\
	mov	WHO(gs_base, 0), %rdx;		\
	wrfsbase %rax;				\
	wrgsbase %rdx;				\
78:

/* Sign-extend bit 47: makes any value loadable as a base on every host. */
.macro CANONICAL reg:req
	shl	$16, \reg
	sar	$16, \reg
.endm

SYM_INNER_LABEL(domus_text_enter, SYM_L_GLOBAL)
	.byte	0xf3, 0x0f, 0x1e, 0xfa		/* endbr64 */
	popq	H(CH_ret_ip)
	mov	%rsp, H(CH_ret_sp)
	mov	%cr3, %rax
	or	D(CD_noflush), %rax
	mov	%rax, D(CD_host_cr3)
	sgdt	H(CH_gdtr)
	sidt	H(CH_idtr)
	sldt	%eax
	mov	%ax, H(CH_ldt)
	mov	%ds, %r8d
	mov	%es, %r9d
	mov	%fs, %r10d
	mov	%gs, %r11d
	mov	%r8w, H(CH_ds)
	mov	%r9w, H(CH_es)
	mov	%r10w, H(CH_fs)
	mov	%r11w, H(CH_gs)
	RDBASES(HOST_BASE)
	/*
	 * From here to the last lidt NMI and #MC reach the cell. Until ltr they
	 * run on the host's IST stacks and must not push (section 7).
	 */
	lidt	D(CD_idtr)
	/*
	 * A host LDT would let a guest's selector load read host memory with
	 * supervisor rights: none may be loaded while the guest runs.
	 */
	cmpw	$0, H(CH_ldt)
	je	1f
	xor	%eax, %eax
	lldt	%ax
1:	lgdt	D(CD_gdtr)
	andb	$~2, G(CELL_TSS_SEL + 5)	/* ltr wants it not busy */
	mov	$CELL_TSS_SEL, %eax
	ltr	%ax
	/*
	 * Selectors: skipped while host's and guest's are null. A guest's that
	 * the GDT does not carry (any more) loads null, by .Lfix_*.
	 */
	or	D(CD_ds), %r8w
	jz	.Lafter_ds
.Lload_ds:
	mov	D(CD_ds), %ds
.Lafter_ds:
	or	D(CD_es), %r9w
	jz	.Lafter_es
.Lload_es:
	mov	D(CD_es), %es
.Lafter_es:
	or	D(CD_fs), %r10w
	jz	.Lafter_fs
.Lload_fs:
	mov	D(CD_fs), %fs
.Lafter_fs:
	or	D(CD_gs), %r11w
	jz	.Lafter_gs
.Lload_gs:
	mov	D(CD_gs), %gs
.Lafter_gs:
	WRBASES(GUEST_BASE)
	cmpw	$0, H(CH_nr_msrs)
	jne	.Lmsrs_in
.Lafter_msrs_in:
	mov	D(CD_dr7), %rax
	test	%rax, %rax
	jz	6f
	mov	%rax, %db7
	/* a fault from here on pushes to the cell, not to where the guest maps our stack */
6:	lea	R(0), %rsp
	mov	D(CD_cr3), %rax
	mov	%rax, %cr3
	/*
	 * Global TLB entries of the host outlive the load. Those in the way of
	 * the guest are dropped here, where no host access can bring them back.
	 */
	cmpb	$0, D(CD_invalidate)
	jne	.Linvalidate
.Lload_gprs:
	/*
	 * What exit to user space does on CPUs that leak buffers. Nothing of the
	 * host's is read or written from here on.
	 */
	cmpw	$0, D(CD_verw)
	je	1f
	verw	D(CD_verw)
1:	pop	%r15
	pop	%r14
	pop	%r13
	pop	%r12
	pop	%rbp
	pop	%rbx
	pop	%r11
	pop	%rcx
	pop	%rax
	pop	%rdi
	pop	%rsi
	pop	%rdx
	pop	%r10
	pop	%r8
	pop	%r9
	add	$16, %rsp			/* vector, error */
.Liret_check:			/* rsp: frame in regs; nothing else is live in ring 0 */
	cmpw	$0, D(CD_nmi_latched)
	jne	.Liret_abort
	iretq
.Liret_check_end:
.Liret_abort:
	incq	D(CD_aborts)
	push	$0
	push	$CELL_VEC_ABORT
	jmp	.Lsave_gprs

/*
 * What writes to the host's addresses by itself (PEBS, BTS) is off before the guest's
 * tables are loaded. No handler of the host, which might turn it on again, runs
 * between the two lidt. The host's value is read here, not in C, for the same reason.
 */
.Lmsrs_in:
	lea	H(CH_msrs), %rsi
1:	mov	CM_msr(%rsi), %ecx
	rdmsr
	mov	%eax, CM_host(%rsi)
	mov	%edx, CM_host + 4(%rsi)
	and	CM_keep(%rsi), %eax
	and	CM_keep + 4(%rsi), %edx
	or	CM_set(%rsi), %eax
	or	CM_set + 4(%rsi), %edx
	wrmsr
	add	$CM_SIZE, %rsi
	incw	H(CH_msrs_done)
	decw	H(CH_nr_msrs)
	jnz	1b
	jmp	.Lafter_msrs_in

.Linvalidate:
	mov	D(CD_invlpg), %rax
	invlpg	(%rax)
	cmpb	$2, D(CD_invalidate)
	movb	$0, D(CD_invalidate)
	jne	.Lload_gprs
	mov	%cr4, %rax			/* a change of PGE drops every entry */
	mov	%rax, %rdx
	xor	$(1 << 7), %rdx
	mov	%rdx, %cr4
	mov	%rax, %cr4
	jmp	.Lload_gprs

/* ---- 3. Exits ------------------------------------------------------------ */

/* Behind vector and error: struct cell_regs, from its end to its beginning. */
.macro PUSH_GPRS
	push	%r9
	push	%r8
	push	%r10
	push	%rdx
	push	%rsi
	push	%rdi
	push	%rax
	push	%rcx
	push	%r11
	push	%rbx
	push	%rbp
	push	%r12
	push	%r13
	push	%r14
	push	%r15
	cld
.endm

/*
 * Another vCPU waits for this one's TLB (vcpu_flush_remote()). The host's handler would
 * look for what is in @work, and no more. NMI and #MC are latched, as in all of ring 0.
 */
.Lflush:			/* vector, error, ip, cs, flags, sp, ss */
	cmpb	$CELL_FLUSH_LOADED, D(CD_flush)
	jne	.Lflush_views
.Lflush_loaded:
	cmpq	$0, D(CD_dr7)			/* they are for the guest's addresses */
	jne	.Lexit
	push	%rax
	push	%rcx
	push	%rdx
	mov	%cr3, %rax
	push	%rax
	mov	D(CD_host_cr3), %rax
	mov	%rax, %cr3
	movb	$0, D(CD_flush)
	incq	D(CD_flushes)			/* what the guest uses next it finds after this */
	mov	H(CH_eoi), %rcx
	test	%rcx, %rcx
	jz	1f
	movl	$0, (%rcx)
	jmp	2f
1:	movl	$EOI_MSR, %ecx
	xor	%eax, %eax
	xor	%edx, %edx
	wrmsr
	/* what came with the same interrupt is there now, what comes later has one of its own */
2:	mov	H(CH_work), %rcx
	testl	$VCPU_WORK, (%rcx)
	jnz	3f
	mov	H(CH_kick), %rcx
	cmpb	$0, (%rcx)
	jne	3f
	/* an interrupt comes before the fault of the fetch behind the last address (S4) */
	mov	48(%rsp), %rax			/* ip */
	mov	%rax, %rcx
	CANONICAL %rcx
	cmp	%rcx, %rax
	jne	3f
	movq	$0, 32(%rsp)			/* the vector: go on */
3:	pop	%rax
	mov	%rax, %cr3
	cmpw	$0, D(CD_verw)
	je	4f
	verw	D(CD_verw)
4:	pop	%rdx
	pop	%rcx
	pop	%rax
	cmpq	$0, (%rsp)
	movq	$CELL_VEC_ABORT, (%rsp)
	jne	.Lsave_gprs
	add	$16, %rsp
	jmp	.Liret_check

/* With PCIDs: before the count, as what the loaded view had goes with its load below. */
.Lflush_views:
	jb	.Lexit
	btrq	$CELL_NOFLUSH_BIT, D(CD_cr3_kernel)
	btrq	$CELL_NOFLUSH_BIT, D(CD_cr3_user)
	.irp	i, 0, 1, 2, 3, 4, 5, 6, 7
	btrq	$CELL_NOFLUSH_BIT, D(CD_roots + \i * CT_SIZE + CT_cr3_kernel)
	btrq	$CELL_NOFLUSH_BIT, D(CD_roots + \i * CT_SIZE + CT_cr3_user)
	.endr
	jmp	.Lflush_loaded

.Lexit:				/* vector, error, ip, cs, flags, sp, ss */
	testb	$3, 24(%rsp)
	jz	.Lring0_fault
.Lsave_gprs:
	PUSH_GPRS

/* ---- 4. The way out ------------------------------------------------------ */

	mov	%cr3, %rax
	mov	%rax, D(CD_cr3)
.Lsaved:
	mov	%cr2, %rax
	mov	%rax, D(CD_cr2)
	cmpq	$0, D(CD_dr7)
	je	1f
	mov	%db6, %rax
	mov	%rax, D(CD_dr6)
	xor	%eax, %eax
	mov	%rax, %db7
1:	mov	%ds, D(CD_ds)
	mov	%es, D(CD_es)
	mov	%fs, D(CD_fs)
	mov	%gs, D(CD_gs)
	RDBASES(GUEST_BASE)
.Lleave:
	mov	D(CD_host_cr3), %rax
	mov	%rax, %cr3
	/* TR by our copy of the host's descriptor: the host's GDT is never written */
	andb	$~2, G(GDT_ENTRY_TSS * 8 + 5)
	mov	$(GDT_ENTRY_TSS * 8), %eax
	ltr	%ax
	lgdt	H(CH_gdtr)
	movzwl	H(CH_ldt), %eax
	test	%eax, %eax
	jz	1f
	lldt	%ax
1:	mov	$__KERNEL_DS, %eax
	mov	%eax, %ss
	/* the guest's selectors must not stay, even where the host's are null */
	mov	D(CD_ds), %ax
	or	H(CH_ds), %ax
	jz	2f
	mov	H(CH_ds), %ds
2:	mov	D(CD_es), %ax
	or	H(CH_es), %ax
	jz	3f
	mov	H(CH_es), %es
3:	mov	D(CD_fs), %ax
	or	H(CH_fs), %ax
	jz	4f
	mov	H(CH_fs), %fs
4:	mov	D(CD_gs), %ax
	or	H(CH_gs), %ax
	jz	5f
	mov	H(CH_gs), %gs
5:	WRBASES(HOST_BASE)
	cmpw	$0, H(CH_msrs_done)
	jne	.Lmsrs_out
.Lafter_msrs_out:
	/* nothing of the guest reaches C in a register */
	xor	%eax, %eax
	xor	%ebx, %ebx
	xor	%ecx, %ecx
	xor	%edx, %edx
	xor	%esi, %esi
	xor	%edi, %edi
	xor	%ebp, %ebp
	xor	%r8d, %r8d
	xor	%r9d, %r9d
	xor	%r10d, %r10d
	xor	%r11d, %r11d
	xor	%r12d, %r12d
	xor	%r13d, %r13d
	xor	%r14d, %r14d
	xor	%r15d, %r15d
	lea	H(CH_ret_ip), %rsp
	lidt	H(CH_idtr)
	iretq

.Lmsrs_out:			/* last in, first out */
	movzwl	H(CH_msrs_done), %esi
	imul	$CM_SIZE, %esi, %esi
	lea	H(CH_msrs), %rdi
	add	%rdi, %rsi
1:	sub	$CM_SIZE, %rsi
	mov	CM_msr(%rsi), %ecx
	mov	CM_host(%rsi), %eax
	mov	CM_host + 4(%rsi), %edx
	wrmsr
	decw	H(CH_msrs_done)
	jnz	1b
	jmp	.Lafter_msrs_out

/* ---- 5. and 6. Tier 1 ---------------------------------------------------- */

#include "switch_tier1.S"

/* ---- 7. NMI, #MC, #DB, #DF, faults of the switcher ------------------------ */

/* From ring 3, on an IST stack of the cell: move the frame to regs, then exit. */
.macro IST_EXIT vector:req scratch:req
	mov	%rax, D(\scratch)
	mov	(%rsp), %rax
	mov	%rax, R(CR_ip)
	mov	8(%rsp), %rax
	mov	%rax, R(CR_cs)
	mov	16(%rsp), %rax
	mov	%rax, R(CR_flags)
	mov	24(%rsp), %rax
	mov	%rax, R(CR_sp)
	mov	32(%rsp), %rax
	mov	%rax, R(CR_ss)
	mov	D(\scratch), %rax
	lea	R(CR_ip), %rsp
	push	$0
	push	$\vector
	jmp	.Lsave_gprs
.endm

/* If the interrupted rip is in [from, to): continue at \abort instead. */
.macro ABORT_WINDOW from:req to:req abort:req
	lea	\from(%rip), %rdx
	cmp	%rdx, %rax
	jb	79f
	lea	\to(%rip), %rdx
	cmp	%rdx, %rax
	jae	79f
	lea	\abort(%rip), %rdx
	mov	%rdx, (%rsp)
79:
.endm

/*
 * From ring 0: latch, give up an entry that is past its last check, go back.
 * Nothing is pushed: the stack may be the host's IST stack (no TR switch yet),
 * where a pushed word could pass for the host's "NMI executing" mark.
 */
.macro IST_LATCH flag:req count:req scratch:req
	mov	%rax, D(\scratch)
	mov	%rdx, D(\scratch + 8)
	movb	$1, D(\flag)
	incq	D(\count)
	mov	(%rsp), %rax
	ABORT_WINDOW .Liret_check, .Liret_check_end, .Liret_abort
	ABORT_WINDOW .Lsysk_check, .Lsysk_check_end, .Lsysk_abort
	ABORT_WINDOW .Lsysu_check, .Lsysu_check_end, .Lsysu_abort
	ABORT_WINDOW .Lroot_check, .Lroot_check_end, .Lroot_abort
	.ifc \flag, CD_mc_latched
	/* what is read of the guest is broken: the guest's, as if it had read it itself */
	lea	.Lwalk(%rip), %rdx
	cmp	%rdx, %rax
	jb	78f
	lea	.Lwalk_end(%rip), %rdx
	cmp	%rdx, %rax
	jae	78f
	movb	$CELL_MC_GUEST, D(\flag)
	lea	.Lwalk_leave(%rip), %rdx
	mov	%rdx, (%rsp)
78:
	.endif
	mov	D(\scratch), %rax
	mov	D(\scratch + 8), %rdx
	iretq
.endm

SYM_INNER_LABEL(domus_text_nmi, SYM_L_GLOBAL)
	testb	$3, 8(%rsp)
	jz	1f
	incq	D(CD_nmi_ring3)
	IST_EXIT 2, CD_nmi_scratch
1:	IST_LATCH CD_nmi_latched, CD_nmi_ring0, CD_nmi_scratch

SYM_INNER_LABEL(domus_text_mc, SYM_L_GLOBAL)
	testb	$3, 8(%rsp)
	jz	1f
	incq	D(CD_mc_ring3)
	IST_EXIT 18, CD_mc_scratch
1:	IST_LATCH CD_mc_latched, CD_mc_ring0, CD_mc_scratch

/*
 * A #DB that SYSCALL carried into ring 0 (mov ss under a watchpoint, then
 * syscall) is absorbed: the next exit shows DR6.
 */
SYM_INNER_LABEL(domus_text_db, SYM_L_GLOBAL)
	testb	$3, 8(%rsp)
	jz	1f
	IST_EXIT 1, CD_scratch+16
1:	incq	D(CD_db_absorbed)
	iretq

SYM_INNER_LABEL(domus_text_df, SYM_L_GLOBAL)
	push	$8
	jmp	.Lring0_fatal

/* If the fault was at \at, load null instead and go on behind it. */
.macro SEL_FIXUP at:req fix:req
	lea	\at(%rip), %rdx
	cmp	%rdx, %rax
	lea	\fix(%rip), %rdx
	je	.Lring0_fixed
.endm

.Lring0_fault:			/* vector, error, ip, cs, flags, sp, ss */
	push	%rax
	push	%rdx
	mov	32(%rsp), %rax
	SEL_FIXUP .Lload_ds, .Lfix_ds
	SEL_FIXUP .Lload_es, .Lfix_es
	SEL_FIXUP .Lload_fs, .Lfix_fs
	SEL_FIXUP .Lload_gs, .Lfix_gs
	lea	.Lwalk(%rip), %rdx
	cmp	%rdx, %rax
	jb	1f
	lea	.Lwalk_end(%rip), %rdx
	cmp	%rdx, %rax
	lea	.Lwalk_fault(%rip), %rdx
	jb	.Lwalk_fixed
1:	pop	%rdx
	pop	%rax
.Lring0_fatal:			/* a bug of ours: record it and get the host back */
	pop	%rax
	mov	%rax, D(CD_fatal_vector)
	pop	%rax
	mov	%rax, D(CD_fatal_error)
	pop	%rax
	mov	%rax, D(CD_fatal_ip)
	mov	%cr2, %rax
	mov	%rax, D(CD_fatal_cr2)
	movb	$1, D(CD_fatal)
	xor	%eax, %eax
	mov	%rax, %db7
	/* .Lleave loads the host's where these are not null */
	mov	%ds, D(CD_ds)
	mov	%es, D(CD_es)
	mov	%fs, D(CD_fs)
	mov	%gs, D(CD_gs)
	lgdt	D(CD_gdtr)
	jmp	.Lleave
.Lring0_fixed:
	incq	D(CD_sel_fixups)
.Lwalk_fixed:
	mov	%rdx, 32(%rsp)
	pop	%rdx
	pop	%rax
	add	$16, %rsp
	iretq

.Lfix_ds:
	xor	%eax, %eax
	mov	%eax, %ds
	jmp	.Lafter_ds
.Lfix_es:
	xor	%eax, %eax
	mov	%eax, %es
	jmp	.Lafter_es
.Lfix_fs:
	xor	%eax, %eax
	mov	%eax, %fs
	jmp	.Lafter_fs
.Lfix_gs:
	xor	%eax, %eax
	mov	%eax, %gs
	jmp	.Lafter_gs

/* 256 stubs of 16 bytes; those without a hardware error code push 0 */
	.balign	16
SYM_INNER_LABEL(domus_text_stubs, SYM_L_GLOBAL)
	.set	n, 0
	.rept	256
	.balign	16
	.if !(n == 8 || (n >= 10 && n <= 14) || n == 17 || n == 21 || n == 29 || n == 30)
	push	$0
	.endif
	push	$n
	.if n == RESCHEDULE_VECTOR
	jmp	.Lflush
	.elseif n == 14
	jmp	.Lfault
	.else
	jmp	.Lexit
	.endif
	.set	n, n + 1
	.endr
	.byte	0xcc
SYM_DATA_END_LABEL(domus_text_start, SYM_L_GLOBAL, domus_text_end)

	.section .note.GNU-stack, "", @progbits
