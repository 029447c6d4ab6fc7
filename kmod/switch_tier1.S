/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The world switch, tier 1: what needs neither C nor the rest of the way out. A part of
 * switch.S, whose text it runs in: sections 5 and 6 there.
 */

/* ---- 5. SYSCALL: tier 1 -------------------------------------------------- */

/* user_gs = GS base; GS base = kernel_gs. Clobbers rcx; keeps rax, rdx. */
.macro GS_TO_KERNEL
	cmpb	$0, D(CD_fsgsbase)
	je	77f
	rdgsbase %rcx
	mov	%rcx, V(DOMUS_VP_USER_GS)
	mov	V(DOMUS_VP_KERNEL_GS), %rcx
	CANONICAL %rcx
	wrgsbase %rcx
	jmp	78f
77:	mov	%rax, D(CD_scratch)
	mov	%rdx, D(CD_scratch + 8)
	movl	$MSR_GS_BASE, %ecx
	rdmsr
	mov	%eax, V(DOMUS_VP_USER_GS)
	mov	%edx, V(DOMUS_VP_USER_GS + 4)
	mov	V(DOMUS_VP_KERNEL_GS), %rax
	CANONICAL %rax
	mov	%rax, %rdx
	shr	$32, %rdx
	wrmsr
	mov	D(CD_scratch), %rax
	mov	D(CD_scratch + 8), %rdx
78:
.endm

/* GS base = user_gs. Clobbers rax; keeps rcx, rdx. */
.macro GS_TO_USER
	mov	V(DOMUS_VP_USER_GS), %rax
	CANONICAL %rax
	cmpb	$0, D(CD_fsgsbase)
	je	77f
	wrgsbase %rax
	jmp	78f
77:	mov	%rcx, D(CD_scratch)
	mov	%rdx, D(CD_scratch + 8)
	mov	%rax, %rdx
	shr	$32, %rdx
	movl	$MSR_GS_BASE, %ecx
	wrmsr
	mov	D(CD_scratch), %rcx
	mov	D(CD_scratch + 8), %rdx
78:
.endm

SYM_INNER_LABEL(domus_text_syscall, SYM_L_GLOBAL)
	.byte	0xf3, 0x0f, 0x1e, 0xfa		/* endbr64 */
	cmpb	$CELL_MODE_USER, D(CD_mode)
	jb	.Lcall				/* guest kernel: a hypercall */
	ja	.Lcall_full			/* guest user, no entry set */
	/* Guest user to guest kernel. rcx = rip, r11 = rflags, rsp = the user's */
	mov	%rsp, V(DOMUS_VP_FRAME_RSP)
	mov	%rcx, V(DOMUS_VP_FRAME_RIP)
	mov	%r11, V(DOMUS_VP_FRAME_RFLAGS)
	GS_TO_KERNEL
	cmpb	$0, D(CD_pku)
	jne	.Lpkru
.Lpkru_done:
	movb	$0, V(DOMUS_VP_VIF)
	movb	$CELL_MODE_KERNEL, D(CD_mode)
	incq	D(CD_passes)
	mov	D(CD_cr3_kernel), %rcx
	mov	%rcx, %cr3
	mov	D(CD_syscall_entry), %rcx	/* checked canonical when set */
	mov	$CELL_RFLAGS_SET, %r11d
.Lsysk_check:
	cmpw	$0, D(CD_nmi_latched)
	jne	.Lsysk_abort
	mov	V(DOMUS_VP_KERNEL_SP), %rsp
	sysretq
.Lsysk_check_end:
.Lsysk_abort:
	lea	R(CR_SIZE), %rsp
	push	$__USER_DS
	push	V(DOMUS_VP_KERNEL_SP)
	jmp	.Lsys_abort

.Lpkru:				/* the kernel's pages are U pages: a user's PKRU must not bite */
	mov	%rax, D(CD_scratch)
	mov	%rdx, D(CD_scratch + 8)
	xor	%ecx, %ecx
	.byte	0x0f, 0x01, 0xee		/* rdpkru */
	test	%eax, %eax
	jz	1f
	xor	%eax, %eax
	xor	%edx, %edx
	.byte	0x0f, 0x01, 0xef		/* wrpkru */
1:	mov	D(CD_scratch), %rax
	mov	D(CD_scratch + 8), %rdx
	jmp	.Lpkru_done

.Lcall:
	cmp	$DOMUS_HC_SYSRET, %rax
	jb	.Lreturn
	je	.Lsysret
	cmp	$DOMUS_HC_LOAD_ROOT, %rax
	je	.Lroot
.Lcall_full:
	mov	%rsp, D(CD_scratch)
	lea	R(CR_SIZE), %rsp
	push	$__USER_DS
	push	D(CD_scratch)
	push	%r11
	push	$__USER_CS
	push	%rcx
	push	$0
	push	$CELL_VEC_CALL
	jmp	.Lsave_gprs

/*
 * SYSRET and RETURN. What the guest can change under us is read once. Whatever
 * is unusual - a bad address, a fill hint, a pending event - is left to C,
 * which starts from the frame again.
 */
.Lsysret:
	cmpq	$0, V(DOMUS_VP_RET_FILL)
	jne	.Lcall_full
	cmpq	$0, D(CD_syscall_entry)
	je	.Lcall_full
	mov	V(DOMUS_VP_RET_RIP), %rcx
	mov	%rcx, %r11
	CANONICAL %r11
	cmp	%rcx, %r11
	jne	.Lcall_full
	movb	$1, V(DOMUS_VP_VIF)
	cmpb	$0, V(DOMUS_VP_PENDING)
	jne	.Lcall_full
	mov	V(DOMUS_VP_RET_RFLAGS), %r11
	and	$CELL_RFLAGS_MASK, %r11d
	or	$CELL_RFLAGS_SET, %r11d
	GS_TO_USER
	mov	D(CD_cr3_user), %rax
	mov	%rax, %cr3
	movb	$CELL_MODE_USER, D(CD_mode)
	incq	D(CD_passes)
	mov	V(DOMUS_VP_RET_RAX), %rax
.Lsysu_check:
	cmpw	$0, D(CD_nmi_latched)
	jne	.Lsysu_abort
	mov	V(DOMUS_VP_RET_RSP), %rsp
	sysretq
.Lsysu_check_end:
.Lsysu_abort:
	lea	R(CR_SIZE), %rsp
	push	$__USER_DS
	push	V(DOMUS_VP_RET_RSP)
.Lsys_abort:
	incq	D(CD_aborts)
	push	%r11
	push	$__USER_CS
	push	%rcx
	push	$0
	push	$CELL_VEC_ABORT
	jmp	.Lsave_gprs

.Lreturn:
	cmpq	$0, V(DOMUS_VP_RET_FILL)
	jne	.Lcall_full
	mov	V(DOMUS_VP_RET_RIP), %rcx
	mov	%rcx, %r11
	CANONICAL %r11
	cmp	%rcx, %r11
	jne	.Lcall_full
	mov	V(DOMUS_VP_RET_CS), %r11
	cmp	$DOMUS_KERNEL_CS, %r11
	jne	.Lreturn_user
	mov	V(DOMUS_VP_RET_RFLAGS), %r11
	bt	$9, %r11
	setc	V(DOMUS_VP_VIF)
	jnc	.Lreturn_frame
	cmpb	$0, V(DOMUS_VP_PENDING)
	jne	.Lcall_full_clear
.Lreturn_frame:
	incq	D(CD_passes)
	mov	%rsp, D(CD_scratch)
	lea	R(CR_SIZE), %rsp
	push	$__USER_DS
	push	V(DOMUS_VP_RET_RSP)
	and	$CELL_RFLAGS_MASK, %r11d
	or	$CELL_RFLAGS_SET, %r11d
	push	%r11
	push	$__USER_CS
	push	%rcx
	mov	V(DOMUS_VP_RET_RCX), %rcx
	mov	V(DOMUS_VP_RET_R11), %r11
	mov	V(DOMUS_VP_RET_RAX), %rax
	jmp	.Liret_check
.Lcall_full_clear:		/* C must find the caller's state: events are off there */
	movb	$0, V(DOMUS_VP_VIF)
	jmp	.Lcall_full
.Lreturn_user:
	cmp	$DOMUS_USER_CS, %r11
	jne	.Lcall_full
	cmpq	$0, D(CD_syscall_entry)
	je	.Lcall_full
	movb	$1, V(DOMUS_VP_VIF)
	cmpb	$0, V(DOMUS_VP_PENDING)
	jne	.Lcall_full_clear
	GS_TO_USER
	mov	D(CD_cr3_user), %rax
	mov	%rax, %cr3
	movb	$CELL_MODE_USER, D(CD_mode)
	mov	V(DOMUS_VP_RET_RFLAGS), %r11
	jmp	.Lreturn_frame

/*
 * LOAD_ROOT of one that is at hand; shadow_loaded.c has the order of things. C flushes the
 * loaded one, refuses what is not aligned, and knows what to do about a bad return address.
 */
SYM_INNER_LABEL(domus_text_root, SYM_L_LOCAL)	/* these four: for tests that hit it there */
.Lroot:
	cmpb	$0, D(CD_traced)
	jne	.Lcall_full
	test	$0xfff, %edi
	jnz	.Lcall_full
	cmp	D(CD_root_gpa), %rdi
	je	.Lcall_full
	mov	%rcx, %rax
	CANONICAL %rax
	cmp	%rcx, %rax
	jne	.Lroot_full
	.if CELL_ROOTS != 8
	.error "roots at hand"
	.endif
	.irp	i, 0, 1, 2, 3, 4, 5, 6, 7
	cmp	D(CD_roots + \i * CT_SIZE + CT_gpa), %rdi
	je	.Lroot_\i
	.endr
.Lroot_full:
	mov	$DOMUS_HC_LOAD_ROOT, %eax
	jmp	.Lcall_full
	.irp	i, 0, 1, 2, 3, 4, 5, 6, 7
.Lroot_\i:
	mov	$\i, %eax
	xchg	%al, D(CD_root_next)		/* a full barrier */
	cmp	D(CD_roots + \i * CT_SIZE + CT_gpa), %rdi
	jne	.Lroot_full
	movb	$\i, D(CD_root_index)
	mov	D(CD_roots + \i * CT_SIZE + CT_cr3_user), %rax
	mov	%rax, D(CD_cr3_user)
	mov	D(CD_roots + \i * CT_SIZE + CT_cr3_kernel), %rax
	jmp	.Lroot_load
	.endr
.Lroot_load:
	mov	%rdi, D(CD_root_gpa)
	mov	%rax, D(CD_cr3_kernel)
	mov	%rax, %cr3
	incq	D(CD_passes)
	xor	%eax, %eax
.Lroot_check:
	cmpw	$0, D(CD_nmi_latched)
	jne	.Lroot_abort
	sysretq
.Lroot_check_end:
SYM_INNER_LABEL(domus_text_root_end, SYM_L_LOCAL)
.Lroot_abort:
	mov	%rsp, D(CD_scratch)
	lea	R(CR_SIZE), %rsp
	push	$__USER_DS
	push	D(CD_scratch)
	jmp	.Lsys_abort

/* ---- 6. #PF: tier 1 ------------------------------------------------------- */

/* After CR3 of the host: of user pages, which are the holder's. */
.macro USER_PAGES insn:req
	cmpb	$0, D(CD_smap)
	je	77f
	\insn
77:
.endm

/*
 * One level of the guest's tables. rax: the table's gpa, then the entry; rdx: the address
 * that faulted; r8: AND over the entries. Clobbers rcx. A mispredicted check reads at
 * gpa 0 (SDM 3A, 4.5.4 for the bits). Page sizes are left to C.
 */
.macro WALK shift:req leaf
	mov	%rdx, %rcx
	shr	$\shift, %rcx
	and	$511, %ecx
	lea	(%rax,%rcx,8), %rax
	cmp	%rsi, %rax
	sbb	%rcx, %rcx
	jz	.Lwalk_leave
	and	%rcx, %rax
	mov	(%rdi,%rax), %rax
	test	$1, %al
	jz	.Lwalk_absent
	test	%rax, H(CH_gpte_rsvd)
	jnz	.Lwalk_leave
	and	%rax, %r8
	.ifb \leaf
	test	%al, %al			/* PS */
	js	.Lwalk_leave
	and	%r9, %rax
	.endif
.endm

/*
 * A fault of user mode is the guest's own if its tables say so: they are read where the
 * holder has them, with its CR3, as C would, but without the rest of the way out. The
 * rest is C's: fills, whatever is unusual, guest memory that is not there just now.
 */
.Lfault:			/* vector, error, ip, cs, flags, sp, ss */
	cmpb	$CELL_MODE_USER, D(CD_mode)
	jne	.Lexit
	cmpq	$0, D(CD_fault_entry)
	je	.Lexit
	testb	$3, 24(%rsp)
	jz	.Lring0_fault
	testq	$~0x17, 8(%rsp)			/* present, write, user, fetch */
	jnz	.Lsave_gprs
	testb	$4, 8(%rsp)			/* a CPU's own access: C knows them */
	jz	.Lsave_gprs
	cmpq	$0, D(CD_dr7)			/* they are for the guest's addresses */
	jne	.Lsave_gprs
	cmpb	$0, V(DOMUS_VP_BUSY)
	jne	.Lsave_gprs
	push	%rax
	push	%rcx
	push	%rdx
	push	%rsi
	push	%rdi
	push	%r8
	push	%r9
	push	%r10
	mov	%cr2, %rdx
	mov	%cr3, %r10
	mov	D(CD_host_cr3), %rax
	mov	%rax, %cr3
	mov	%rdx, %rax
	shr	$47, %rax
	jnz	.Lwalk_leave			/* upper half, or KVM's token */
	mov	H(CH_apf), %rax
	test	%rax, %rax
	jz	1f
	cmpl	$0, (%rax)
	jne	.Lwalk_leave
1:	mov	H(CH_flush_seq), %rax
	mov	(%rax), %rax
	mov	%rax, D(CD_scratch)
	mov	H(CH_gmem_hva), %rdi
	mov	H(CH_gmem_size), %rsi
	mov	D(CD_root_gpa), %rax
	mov	$CELL_GPTE_ADDR, %r9
	mov	%r9, %r8			/* no bit of it below is asked for */
	or	$6, %r8
	USER_PAGES stac
SYM_INNER_LABEL(domus_text_walk, SYM_L_LOCAL)
.Lwalk:
	WALK	39
	WALK	30
	WALK	21
	WALK	12, leaf
.Lwalk_end:
SYM_INNER_LABEL(domus_text_walk_end, SYM_L_LOCAL)
	/* it is there: the guest's fault if it may not be written to, and a fill else */
	testb	$2, 64 + 8(%rsp)
	jz	.Lwalk_leave
	and	$6, %r8d
	cmp	$4, %r8d
	jne	.Lwalk_leave
	mov	64 + 8(%rsp), %eax
	or	$1, %eax
	jmp	.Lwalk_deliver
.Lwalk_absent:
	mov	64 + 8(%rsp), %eax
	and	$~1, %eax
.Lwalk_deliver:			/* rax: error, rdx: address */
	/* a table that was read may have been something else already, behind a flush */
	mov	H(CH_flush_seq), %rcx
	mov	(%rcx), %rcx
	cmp	%rcx, D(CD_scratch)
	jne	.Lwalk_leave
	USER_PAGES clac
	mov	D(CD_cr3_kernel), %rcx
	mov	%rcx, %cr3
	cmpw	$0, D(CD_verw)
	je	1f
	verw	D(CD_verw)
1:	mov	%rax, V(DOMUS_VP_FRAME_ERROR)
	mov	%rdx, V(DOMUS_VP_FRAME_CR2)
	movq	$14, V(DOMUS_VP_FRAME_VECTOR)
	movq	$DOMUS_USER_CS, V(DOMUS_VP_FRAME_CS)
	movq	$DOMUS_USER_SS, V(DOMUS_VP_FRAME_SS)
	mov	64 + 16(%rsp), %rax		/* ip */
	mov	%rax, V(DOMUS_VP_FRAME_RIP)
	mov	64 + 32(%rsp), %rax		/* flags */
	or	$0x200, %rax
	mov	%rax, V(DOMUS_VP_FRAME_RFLAGS)
	mov	64 + 40(%rsp), %rax		/* sp */
	mov	%rax, V(DOMUS_VP_FRAME_RSP)
	movb	$1, V(DOMUS_VP_BUSY)
	movb	$0, V(DOMUS_VP_VIF)
	GS_TO_KERNEL
	cmpb	$0, D(CD_pku)
	je	1f
	xor	%ecx, %ecx
	.byte	0x0f, 0x01, 0xee		/* rdpkru */
	test	%eax, %eax
	jz	1f
	xor	%eax, %eax
	xor	%edx, %edx
	.byte	0x0f, 0x01, 0xef		/* wrpkru */
1:	movb	$CELL_MODE_KERNEL, D(CD_mode)
	incq	D(CD_faults)
	mov	D(CD_fault_entry), %rax		/* checked canonical when set */
	mov	%rax, 64 + 16(%rsp)
	movq	$CELL_RFLAGS_SET, 64 + 32(%rsp)
	mov	V(DOMUS_VP_KERNEL_SP), %rax
	mov	%rax, 64 + 40(%rsp)
	movq	$__USER_DS, 64 + 48(%rsp)	/* the user's is no business of its kernel's */
	pop	%r10
	pop	%r9
	pop	%r8
	pop	%rdi
	pop	%rsi
	pop	%rdx
	pop	%rcx
	pop	%rax
	add	$16, %rsp			/* vector, error */
	jmp	.Liret_check

.Lwalk_fault:			/* the host has to bring a page of it first */
	mov	%rdx, %cr2
.Lwalk_leave:			/* the host's CR3 stays: nothing needs the guest's any more */
	USER_PAGES clac
	mov	%r10, D(CD_cr3)
	pop	%r10
	pop	%r9
	pop	%r8
	pop	%rdi
	pop	%rsi
	pop	%rdx
	pop	%rcx
	pop	%rax
	PUSH_GPRS
	jmp	.Lsaved
