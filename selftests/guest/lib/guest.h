/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The mini-library of the reference guests: enough of a kernel to test the
 * para-API from, small enough to read before porting one. A guest is one .c
 * file with a `test()`; the library boots it, gives it traps, user mode and
 * KTAP, and powers the domain off.
 */
#ifndef GUEST_H
#define GUEST_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <asm/domus_guest.h>

typedef unsigned long u64;
typedef __u32 u32;
typedef __u16 u16;
typedef __u8 u8;

#define GUEST_MAP_BASE		0xffffffff80000000ULL
#define PTE_P			0x001ULL
#define PTE_W			0x002ULL
#define PTE_U			0x004ULL
#define PTE_A			0x020ULL
#define PTE_D			0x040ULL
#define PTE_PS			0x080ULL
#define PTE_NX			(1ULL << 63)

/* As start.S pushes it. */
struct guest_regs {
	u64 r15, r14, r13, r12, r11, r10, r9, r8, rdi, rsi, rbp, rbx, rdx, rcx, rax;
	u64 error, cr2, rip, cs, rflags, rsp, ss_pad, vector;
};

extern const struct domus_start_info *guest_info;

/* The test itself: calls ok() for each point; the library does the rest. */
void test(void);
void plan(unsigned int points);
bool ok(bool good, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void print(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
void __attribute__((noreturn)) guest_stop(u64 how, const char *why);

/* Calls. hcall() takes up to five arguments; @out gets RDX when not NULL. */
long hcall(u64 nr, u64 a, u64 b, u64 c, u64 d, u64 e, u64 *out);
static inline long hc0(u64 nr) { return hcall(nr, 0, 0, 0, 0, 0, NULL); }
static inline long hc1(u64 nr, u64 a) { return hcall(nr, a, 0, 0, 0, 0, NULL); }
static inline long hc2(u64 nr, u64 a, u64 b) { return hcall(nr, a, b, 0, 0, 0, NULL); }

static inline u64 pa(const void *p) { return (u64)p - GUEST_MAP_BASE; }
static inline void *va(u64 gpa) { return (void *)(gpa + GUEST_MAP_BASE); }
static inline struct domus_vcpu_page *vp(void) { return va(guest_info->vcpu_page_gpa); }

/* A zeroed page that nothing else uses. */
void *page_alloc(void);

/* Map @gpa at @va (4 KiB) in the root @top with PTE bits; no flush. */
void map_page(u64 *top, u64 va, u64 gpa, u64 bits);
/* The level-1 entry of @va, or NULL. */
u64 *find_pte(u64 *top, u64 va);
u64 *guest_root(void);

/*
 * Traps: a handler returns true when it has dealt with the trap (and changed
 * regs so that the guest goes on); otherwise the guest crashes with the story.
 */
typedef bool (*trap_handler)(struct guest_regs *regs);
void on_trap(unsigned int vector, trap_handler handler);
unsigned int traps_seen(unsigned int vector);

/* User mode: guest_user() runs code until it makes system call 0 (exit). */
long guest_user(u64 rip, u64 rsp, u64 arg);
void __attribute__((noreturn)) guest_user_exit(long value);
typedef long (*syscall_handler)(u64 nr, u64 arg);
void on_syscall(syscall_handler handler);

#endif /* GUEST_H */
