/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What every guest starts with and cannot write in C.
 *
 *   1. the note and the hypercall page
 *   2. the first instruction
 *   3. entry stubs: copy the frame to the stack, call C, go back by RETURN
 *   4. user mode: go there, and the system call entry
 */
#include <asm/domus_guest.h>

	.section .note.domus, "a"
	.balign	4
	.long	6, 2f - 1f, DOMUS_NOTE_IMAGE
	.asciz	"domus"
	.balign	4
1:	.short	DOMUS_ABI_MAJOR, DOMUS_ABI_MINOR
	.long	0
	.quad	(1 << DOMUS_F_COMMON_UPPER) | (1 << DOMUS_F_CONSOLE)
	.quad	0
	.quad	guest_start
	.quad	hypercall_page
	.quad	0xffffffff80000000
	.quad	0x40000000
	.quad	0
	.asciz	"selftest"
	.zero	7
2:	.balign	4

	.section .text.hypercall, "ax"
	.balign	4096
	.globl	hypercall_page
hypercall_page:
	.zero	4096

/* ---- 2 ---- */
	.section .text.start, "ax"
	.globl	guest_start
guest_start:
	lea	guest_stack_top(%rip), %rsp
	xor	%ebp, %ebp
	mov	%rsi, %rdi
	call	guest_main
	ud2

/* ---- 3 ---- */
	.text
/* The guest has no other use for GS: its base is the vCPU page. */
	.balign	16
	.globl	guest_entries
guest_entries:
	.set	n, 0
	.rept	33
	.balign	16
	push	$n
	jmp	entry_common
	.set	n, n + 1
	.endr

entry_common:			/* struct guest_regs, lowest address last */
	push	%gs:DOMUS_VP_FRAME_SS
	push	%gs:DOMUS_VP_FRAME_RSP
	push	%gs:DOMUS_VP_FRAME_RFLAGS
	push	%gs:DOMUS_VP_FRAME_CS
	push	%gs:DOMUS_VP_FRAME_RIP
	push	%gs:DOMUS_VP_FRAME_CR2
	push	%gs:DOMUS_VP_FRAME_ERROR
	movb	$0, %gs:DOMUS_VP_BUSY
	push	%rax
	push	%rcx
	push	%rdx
	push	%rbx
	push	%rbp
	push	%rsi
	push	%rdi
	push	%r8
	push	%r9
	push	%r10
	push	%r11
	push	%r12
	push	%r13
	push	%r14
	push	%r15
	mov	%rsp, %rdi
	mov	%rsp, %rbp
	and	$-16, %rsp
	cld
	call	guest_trap
	mov	%rbp, %rsp
	pop	%r15
	pop	%r14
	pop	%r13
	pop	%r12
	pop	%r11
	pop	%r10
	pop	%r9
	pop	%r8
	pop	%rdi
	pop	%rsi
	pop	%rbp
	pop	%rbx
	pop	%rdx
	pop	%gs:DOMUS_VP_RET_RCX
	pop	%gs:DOMUS_VP_RET_RAX
	mov	%r11, %gs:DOMUS_VP_RET_R11
	add	$16, %rsp
	pop	%gs:DOMUS_VP_RET_RIP
	pop	%gs:DOMUS_VP_RET_CS
	pop	%gs:DOMUS_VP_RET_RFLAGS
	pop	%gs:DOMUS_VP_RET_RSP
	jmp	hypercall_page + 32 * DOMUS_HC_RETURN

/* ---- 4 ---- */
/* long guest_user(rip, rsp, arg): runs user code until guest_user_exit(value) */
	.globl	guest_user
guest_user:
	push	%rbx
	push	%rbp
	push	%r12
	push	%r13
	push	%r14
	push	%r15
	mov	%rsp, %gs:DOMUS_VP_KERNEL_SP
	mov	%rsp, guest_user_sp(%rip)
	mov	%rdi, %gs:DOMUS_VP_RET_RIP
	movq	$0x202, %gs:DOMUS_VP_RET_RFLAGS
	mov	%rsi, %gs:DOMUS_VP_RET_RSP
	mov	%rdx, %rdi
	movq	$DOMUS_USER_CS, %gs:DOMUS_VP_RET_CS
	jmp	hypercall_page + 32 * DOMUS_HC_SYSRET

	.globl	guest_user_exit
guest_user_exit:
	mov	guest_user_sp(%rip), %rsp
	mov	%rdi, %rax
	pop	%r15
	pop	%r14
	pop	%r13
	pop	%r12
	pop	%rbp
	pop	%rbx
	ret

/* A system call: rax = number; answers through C, goes back by SYSRET. */
	.globl	guest_syscall_entry
guest_syscall_entry:
	push	%gs:DOMUS_VP_FRAME_RSP
	push	%gs:DOMUS_VP_FRAME_RFLAGS
	push	%gs:DOMUS_VP_FRAME_RIP
	push	%rdi
	push	%rsi
	push	%rdx
	push	%r8
	push	%r9
	push	%r10
	mov	%rdi, %rsi
	mov	%rax, %rdi
	call	guest_syscall
	mov	%rax, %gs:DOMUS_VP_RET_RAX
	pop	%r10
	pop	%r9
	pop	%r8
	pop	%rdx
	pop	%rsi
	pop	%rdi
	pop	%gs:DOMUS_VP_RET_RIP
	pop	%gs:DOMUS_VP_RET_RFLAGS
	pop	%gs:DOMUS_VP_RET_RSP
	jmp	hypercall_page + 32 * DOMUS_HC_SYSRET

	.bss
	.balign	4096
guest_stack:
	.zero	32768
guest_stack_top:
	.globl	guest_user_sp
guest_user_sp:
	.quad	0
	.section .note.GNU-stack, "", @progbits
