// SPDX-License-Identifier: GPL-2.0-only
/*
 * tagged.c: a TLB with PCIDs for Debian's Bochs, preloaded (LD_PRELOAD) by selftests/rig/bochs.
 *
 * Bochs knows CR4.PCIDE, bit 63 of CR3 and INVPCID, but its TLB has no tags: each load of
 * CR3 flushes it. So neither a stale entry nor the gain of keeping entries would ever show.
 * Here what the TLB has is put away by PCID when another one is loaded, and is back when
 * that one is loaded with bit 63; nothing else than what hardware promises takes it away:
 *
 *	MOV to CR3 without bit 63	of that PCID
 *	INVLPG				of the loaded PCID, an address (Bochs itself)
 *	INVPCID 0, 1, 2, 3		an address of a PCID, a PCID, all
 *	MOV to CR0 or CR4, and DR7	all (Bochs flushes all at the last, too)
 *
 * It also counts, and for a batch of selftests/bench/rows ("profile=") says so on stderr.
 *
 * The program exports its functions by name: a few are made to begin with a jump to here.
 * Their first bytes are compared with what is known (Debian 12's 2.7), and the layout of
 * the CPU is theirs; with another build nothing is done but an end with a message.
 *
 *   1. functions that are taken over  2. TLBs  3. what the emulator calls  4. the beginning
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <linux/types.h>

typedef __u64 u64;
typedef __u32 u32;
typedef __u16 u16;
typedef __u8 u8;
typedef __s32 s32;

/* Of BX_CPU_C */
#define CPU_REGS	0x58	/* by number, 8 bytes each */
#define CPU_CR3		0x2a8
#define CPU_CR4		0x2b0
#define CPU_DTLB	0x94a0
#define CPU_ITLB	0x1d4c0
#define DTLB_ENTRIES	2048
#define ITLB_ENTRIES	1024
#define ENTRIES		(DTLB_ENTRIES + ITLB_ENTRIES)

/* Of bxInstruction_c */
#define INSN_DST	0x24
#define INSN_SRC	0x25
#define INSN_SEG	0x28
#define INSN_BASE	0x29
#define INSN_INDEX	0x2a
#define INSN_SCALE	0x2b
#define INSN_DISP	0x34
#define NO_INDEX	4

#define CR4_PCIDE	(1u << 17)
#define NOFLUSH		(1ULL << 63)
#define NR_PCIDS	4096
#define MAX_CPUS	8
#define JUMP		14	/* bytes of a jump to anywhere */

/* Arguments of Bochs' own hooks for instrumentation */
#define WHAT_INVLPG	15
#define WHAT_SYSCALL	17

/* A batch of rows.c is between these system calls. */
#define BATCH_BEGINS	147
#define BATCH_ENDS	146

struct entry {
	u64 lpf;		/* all ones: nothing */
	u64 ppf;
	u64 host;
	u32 access;	/* bit 31: global */
	u32 pkey;
	u32 mask;
	u32 type;
};

_Static_assert(sizeof(struct entry) == 0x28, "layout of Bochs");

struct tlb {
	struct entry entry[ENTRIES];
	u8 large[2];
	bool valid;
};

struct counts {
	u64 flush, keep, invpcid, invlpg, all, walks;
};

struct cpu {
	u8 *bochs;
	bool busy;		/* in an instruction of which we know what it flushes */
	struct tlb *put_away[NR_PCIDS];
	struct counts now, then;
	unsigned int batches;
};

static struct cpu cpus[MAX_CPUS];

/* ---- 1. Functions that are taken over --------------------------------------------- */

struct function {
	const char *symbol;
	u8 begins[16];
	unsigned int length;	/* of whole instructions that a jump takes the place of */
	void *ours;
	void **theirs;		/* where the original goes on, or NULL: it does nothing */
};

static void fail(const char *what)
{
	fprintf(stderr, "tagged: Error: %s: not the Bochs that is known (Debian 12's 2.7)\n", what);
	_exit(1);
}

static void jump(u8 *at, const void *to)
{
	static const u8 jmp[6] = { 0xff, 0x25, 0, 0, 0, 0 };

	memcpy(at, jmp, sizeof(jmp));
	memcpy(at + sizeof(jmp), &to, sizeof(to));
}

static void take_over(const struct function *f, u8 **room)
{
	u8 *at = dlsym(RTLD_DEFAULT, f->symbol);
	unsigned long page;

	if (!at || memcmp(at, f->begins, f->length))
		fail(f->symbol);
	page = (unsigned long)at & ~4095UL;
	if (mprotect((void *)page, 8192, PROT_READ | PROT_WRITE | PROT_EXEC))
		fail("mprotect");
	if (f->theirs) {
		memcpy(*room, at, f->length);
		jump(*room + f->length, at + f->length);
		*f->theirs = *room;
		*room += 64;
	}
	jump(at, f->ours);
}

/* ---- 2. TLBs ---------------------------------------------------------------------- */

static struct cpu *cpu_of(u8 *bochs)
{
	unsigned int i;

	for (i = 0; i < MAX_CPUS; i++) {
		if (cpus[i].bochs == bochs)
			return &cpus[i];
		if (!cpus[i].bochs) {
			cpus[i].bochs = bochs;
			return &cpus[i];
		}
	}
	fail("more CPUs than 8");
	return NULL;
}

static u64 word(const u8 *base, unsigned int offset)
{
	u64 value;

	memcpy(&value, base + offset, sizeof(value));
	return value;
}

static bool has_pcids(const struct cpu *c)
{
	return word(c->bochs, CPU_CR4) & CR4_PCIDE;
}

static unsigned int pcid(const struct cpu *c)
{
	return word(c->bochs, CPU_CR3) & (NR_PCIDS - 1);
}

static struct entry *entries(struct cpu *c, unsigned int which)
{
	return (struct entry *)(c->bochs + (which ? CPU_ITLB : CPU_DTLB));
}

static u8 *large(struct cpu *c, unsigned int which)
{
	return (u8 *)(entries(c, which) + (which ? ITLB_ENTRIES : DTLB_ENTRIES));
}

static struct tlb *place(struct cpu *c, unsigned int which)
{
	if (!c->put_away[which])
		c->put_away[which] = calloc(1, sizeof(struct tlb));
	if (!c->put_away[which])
		fail("memory");
	return c->put_away[which];
}

static void put_away(struct cpu *c, struct tlb *t)
{
	memcpy(t->entry, entries(c, 0), DTLB_ENTRIES * sizeof(struct entry));
	memcpy(t->entry + DTLB_ENTRIES, entries(c, 1), ITLB_ENTRIES * sizeof(struct entry));
	t->large[0] = *large(c, 0);
	t->large[1] = *large(c, 1);
	t->valid = true;
}

/* What is in its place by now is global. @global: these, too */
static void bring_back(struct cpu *c, struct tlb *t, bool global)
{
	struct entry *e = entries(c, 0);

	for (unsigned int i = 0; i < ENTRIES; i++, e++) {
		if (i == DTLB_ENTRIES)
			e = entries(c, 1);
		if (~t->entry[i].lpf && !~e->lpf && (global || !(t->entry[i].access >> 31)))
			*e = t->entry[i];
	}
	*large(c, 0) |= t->large[0];
	*large(c, 1) |= t->large[1];
	t->valid = false;
}

static void forget(struct cpu *c, unsigned int which)
{
	if (c->put_away[which])
		c->put_away[which]->valid = false;
}

static void forget_all(struct cpu *c)
{
	for (unsigned int i = 0; i < NR_PCIDS; i++)
		forget(c, i);
}

static void forget_address(struct cpu *c, unsigned int which, u64 address)
{
	struct tlb *t = c->put_away[which];

	for (unsigned int i = 0; t && i < ENTRIES; i++)
		if (~t->entry[i].lpf && !((t->entry[i].lpf ^ address) & ~(u64)t->entry[i].mask))
			t->entry[i].lpf = ~0ULL;
}

/* ---- 3. What the emulator calls --------------------------------------------------- */

static void (*their_mov_cr3)(u8 *cpu, u8 *insn);
static void (*their_invpcid)(u8 *cpu, u8 *insn);
static void (*their_flush)(u8 *cpu);
static void (*their_flush_some)(u8 *cpu);
static u64 (*their_walk)(u8 *cpu, u64 address, u32 *mask, u32 *pkey,
			 unsigned int user, unsigned int rw);
static void (*read_16)(u8 *cpu, unsigned int seg, u64 address, u64 *value);

/* An instruction that faults does not come back: then it has flushed nothing. */
static void mov_cr3(u8 *bochs, u8 *insn)
{
	struct cpu *c = cpu_of(bochs);
	u64 value = word(bochs, CPU_REGS + 8 * insn[INSN_SRC]);
	bool keep = value & NOFLUSH;

	c->busy = false;
	if (!has_pcids(c)) {
		c->now.flush++;
		their_mov_cr3(bochs, insn);
		return;
	}
	put_away(c, place(c, pcid(c)));
	c->busy = true;
	their_mov_cr3(bochs, insn);
	c->busy = false;
	if (keep && place(c, pcid(c))->valid)
		bring_back(c, place(c, pcid(c)), false);
	forget(c, pcid(c));
	if (keep)
		c->now.keep++;
	else
		c->now.flush++;
}

static void invpcid(u8 *bochs, u8 *insn)
{
	static struct tlb all;
	struct cpu *c = cpu_of(bochs);
	u64 kind = word(bochs, CPU_REGS + 8 * insn[INSN_DST]);
	u64 at = word(bochs, CPU_REGS + 8 * insn[INSN_BASE]), what[2];
	s32 disp;

	c->busy = false;
	memcpy(&disp, insn + INSN_DISP, sizeof(disp));
	at += (int64_t)disp;
	if (insn[INSN_INDEX] != NO_INDEX)
		at += word(bochs, CPU_REGS + 8 * insn[INSN_INDEX]) << insn[INSN_SCALE];
	read_16(bochs, insn[INSN_SEG], at, what);
	put_away(c, &all);
	c->busy = true;
	their_invpcid(bochs, insn);
	c->busy = false;
	c->now.invpcid++;
	what[0] &= NR_PCIDS - 1;
	if (kind > 1) {
		forget_all(c);
	} else if (what[0] != pcid(c)) {
		bring_back(c, &all, true);
		if (kind)
			forget(c, what[0]);
		else
			forget_address(c, what[0], what[1]);
	}
}

static void flush(u8 *bochs)
{
	struct cpu *c = cpu_of(bochs);

	if (!c->busy) {
		c->now.all++;
		forget_all(c);
	}
	their_flush(bochs);
}

static void flush_some(u8 *bochs)
{
	struct cpu *c = cpu_of(bochs);

	if (!c->busy)
		forget_all(c);
	their_flush_some(bochs);
}

static u64 walk(u8 *bochs, u64 address, u32 *mask, u32 *pkey,
		unsigned int user, unsigned int rw)
{
	cpu_of(bochs)->now.walks++;
	return their_walk(bochs, address, mask, pkey, user, rw);
}

static u8 *by_number(unsigned int number)
{
	u8 ***array = dlsym(RTLD_DEFAULT, "bx_cpu_array");

	return (*array)[number];
}

static void tlb_control(unsigned int number, unsigned int what, u64 value)
{
	if (what == WHAT_INVLPG)
		cpu_of(by_number(number))->now.invlpg++;
}

static void say(struct cpu *c)
{
	const struct counts *a = &c->then, *b = &c->now;

	fprintf(stderr,
		"tagged: batch %u cr3_flush %llu cr3_keep %llu invpcid %llu invlpg %llu all %llu walks %llu\n",
		c->batches++, b->flush - a->flush, b->keep - a->keep, b->invpcid - a->invpcid,
		b->invlpg - a->invlpg, b->all - a->all, b->walks - a->walks);
}

static void far_branch(unsigned int number, unsigned int what, u16 cs, u64 ip)
{
	struct cpu *c;

	if (what != WHAT_SYSCALL || (cs & 3) != 3)
		return;
	c = cpu_of(by_number(number));
	if (word(c->bochs, CPU_REGS) == BATCH_BEGINS)
		c->then = c->now;
	else if (word(c->bochs, CPU_REGS) == BATCH_ENDS)
		say(c);
}

/* ---- 4. The beginning -------------------------------------------------------------- */

static const struct function functions[] = {
	{ "_ZN8BX_CPU_C9MOV_CR3RqEP15bxInstruction_c",
	  { 0x41, 0x54, 0x55, 0x48, 0x89, 0xf5, 0x53, 0x80, 0x7e, 0x24, 0x03, 0x48, 0x89, 0xfb },
	  14, mov_cr3, (void **)&their_mov_cr3 },
	{ "_ZN8BX_CPU_C7INVPCIDEP15bxInstruction_c",
	  { 0x41, 0x56, 0x41, 0x55, 0x41, 0x54, 0x55, 0x48, 0x89, 0xf5, 0x53, 0x48, 0x89, 0xfb },
	  14, invpcid, (void **)&their_invpcid },
	{ "_ZN8BX_CPU_C9TLB_flushEv",
	  { 0x48, 0x8d, 0x87, 0xa0, 0x94, 0, 0, 0x48, 0x8d, 0x97, 0xa0, 0xd4, 0x01, 0 },
	  14, flush, (void **)&their_flush },
	{ "_ZN8BX_CPU_C18TLB_flushNonGlobalEv",
	  { 0x48, 0x8d, 0x87, 0xa0, 0x94, 0, 0, 0x48, 0x8d, 0x97, 0xa0, 0xd4, 0x01, 0 },
	  14, flush_some, (void **)&their_flush_some },
	{ "_ZN8BX_CPU_C26translate_linear_long_modeEmRjS0_jj",
	  { 0x49, 0xba, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0, 0, 0x41, 0x57, 0x66, 0x0f, 0xef,
	    0xc0 },
	  16, walk, (void **)&their_walk },
	/* a return, and what fills the line */
	{ "_Z18bx_instr_tlb_cntrljjm", { 0xc3, 0x66, 0x66, 0x2e, 0x0f, 0x1f, 0x84, 0 },
	  8, tlb_control, NULL },
	{ "_Z19bx_instr_far_branchjjtmtm", { 0xc3, 0x66, 0x66, 0x2e, 0x0f, 0x1f, 0x84, 0 },
	  8, far_branch, NULL },
};

__attribute__((constructor)) static void begin(void)
{
	u8 *room;

	/* the shell that a wrapper script is has nothing of this */
	if (!dlsym(RTLD_DEFAULT, "bx_cpu_array"))
		return;
	room = mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS,
		    -1, 0);
	read_16 = dlsym(RTLD_DEFAULT, "_ZN8BX_CPU_C19read_linear_xmmwordEjmP12bx_xmm_reg_t");
	if (room == MAP_FAILED || !read_16)
		fail("memory");
	for (unsigned int i = 0; i < sizeof(functions) / sizeof(functions[0]); i++)
		take_over(&functions[i], &room);
}
