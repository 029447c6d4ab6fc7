/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * For guests that misbehave: run something, say what it came to, go on.
 *
 *   1. attempts in kernel mode: a function that may trap
 *   2. attempts in user mode: a fragment of machine code that may trap
 *   3. the timer, which ends what does not end by itself
 *   4. random numbers with a seed; words of the command line
 */
#ifndef HOSTILE_H
#define HOSTILE_H

#include "guest.h"

#define USER_CODE	0x400000ULL	/* 4 pages, read and execute */
#define USER_CODE_SIZE	0x4000ULL
#define USER_STACK	0x500000ULL	/* 4 pages; RSP starts at the end */
#define USER_STACK_TOP	0x504000ULL
#define USER_DATA	0x600000ULL	/* 4 pages, read and write */
#define USER_DATA_SIZE	0x4000ULL

#define NO_TRAP		(-1)
#define EVENT		32

/**
 * struct outcome - what an attempt came to
 * @vector: of the trap that ended it, EVENT for the timer, or NO_TRAP
 * @error, @cr2, @rip, @rsp, @cs, @rflags, @rax: of the trap
 * @value: what user code gave to its exit call
 */
struct outcome {
	int vector;
	u64 error, cr2, rip, rsp, cs, rflags, rax;
	long value;
};

extern struct outcome outcome;	/* of the last attempt */

/* Take over all traps; map the user pages. To be called first. */
void hostile_init(void);

/*
 * Call fn(arg) in kernel mode. A trap ends it, with RFLAGS as at an entry. Return:
 * outcome.vector. The stack must be good when the trap comes.
 */
int attempt(void (*fn)(u64 arg), u64 arg);

/* Run a fragment in user mode with RDI = arg until it traps or makes call 0. */
int attempt_user(const u8 *from, const u8 *to, u64 arg);

/* A fragment: position independent code in .rodata, NAME to NAME_end. */
#define FRAGMENT(name, ...)						\
	asm(".pushsection .rodata\n" #name ":\n" __VA_ARGS__ "\n" #name "_end:\n"	\
	    ".popsection\n");						\
	extern const u8 name[], name##_end[]
#define USER_EXIT "\n xor %edi, %edi\n xor %eax, %eax\n syscall\n"
#define ATTEMPT_USER(name, arg) attempt_user(name, name##_end, arg)

/* The timer ends an attempt as EVENT. In kernel mode only where vif is 1. */
void timer_arm(u64 ns);
void timer_off(void);

u64 random(void);			/* never the same twice for one seed */
void random_seed(u64 seed);
u64 random_of(u64 *seed);		/* of a vCPU's own */
static inline u64 random_below(u64 n) { return random() % n; }

/* The text behind "key=" of the command line, up to its end; or NULL. */
const char *arg_text(const char *key);
u64 arg_number(const char *key, u64 otherwise);
bool arg_is(const char *key, const char *word);

/* One byte, read and written by one instruction that may trap. */
static inline u8 peek(u64 at)
{
	u8 value;

	asm volatile("movb (%1), %0" : "=q"(value) : "r"(at) : "memory");
	return value;
}

static inline void poke(u64 at, u8 value)
{
	asm volatile("movb %0, (%1)" : : "q"(value), "r"(at) : "memory");
}

/* Memory: all that page_alloc() hands out is below, the rest of memory is free. */
void copy_to(void *to, const void *from, u64 bytes);
void *memset(void *to, int c, u64 bytes);

#endif /* HOSTILE_H */
