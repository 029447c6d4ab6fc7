// SPDX-License-Identifier: GPL-2.0-only
/*
 * The host fills in a page beside the last one by a way of its own, if nothing was flushed
 * since. Whatever a program does to pages of one block, and whatever is in its tables, must
 * come to the same by that way and by the long one: each access's trap, with its error; what
 * is read; what is in memory, and in the tables, in the end. So this runs the same random
 * accesses twice, on the same random tables; before each access of the second time another
 * page is flushed. n=N programs, seed=N; near.sh looks which way the host went.
 */
#include "hostile.h"

#define BLOCK	0x40000000UL
#define PAGES	512
#define FRAMES	16
#define STEPS	200
#define OTHER	0x50000000UL	/* what is flushed */

/* struct step - @page, @kind: an access; @entry: or what the table is to have there first */
struct step {
	u16 page;
	u8 kind;
	bool change;
	u64 entry;
};

enum { READ, WRITE, USER_READ, USER_WRITE, USER_RUN, KINDS };

/* struct seen - of an access */
struct seen {
	int vector;
	u64 error, cr2, value;
};

static struct step steps[STEPS];
static u64 tables[PAGES];
static struct seen seen[2][STEPS];
static u64 left[2][PAGES], contents[2][FRAMES];
static u64 *pte, *frames[FRAMES];

FRAGMENT(user_read, "movq 8(%rdi), %rdi\n xor %eax, %eax\n syscall\n");
FRAGMENT(user_write, "movq %rdi, 8(%rdi)\n mov $1, %edi\n xor %eax, %eax\n syscall\n");
FRAGMENT(user_run, "call *%rdi\n mov $2, %edi\n xor %eax, %eax\n syscall\n");

static u64 value;

static void kernel_read(u64 at)
{
	value = *(volatile u64 *)(at + 8);
}

static void kernel_write(u64 at)
{
	*(volatile u64 *)(at + 8) = at;
	value = 3;
}

/* Mostly what a process has; some of it wrong. */
static u64 random_entry(void)
{
	u64 e = pa(frames[random_below(FRAMES)]) | PTE_P | PTE_W | PTE_U | PTE_A | PTE_D;

	switch (random_below(16)) {
	case 0:
		return 0;
	case 1:
		return e & ~PTE_P;
	case 2:
		return e & ~PTE_U;
	case 3:
		return e & ~PTE_A;
	case 4:
		return e & ~(PTE_A | PTE_D);
	case 5:
		return e & ~PTE_D;
	case 6:
	case 7:
		return e & ~(PTE_W | PTE_D);
	case 8:
		return e | PTE_NX;
	case 9:
		return e | 1UL << 51;
	case 10:
		return (e & 0xfff) | guest_info->memory;
	default:
		return e;
	}
}

/* On one of a kind most pages are there from the start, on the other they come one by one. */
static void make_program(void)
{
	bool sparse = random_below(2);
	u64 near = 0, i;

	for (i = 0; i < PAGES; i++)
		tables[i] = sparse ? 0 : random_entry();
	for (i = 0; i < STEPS; i++) {
		/* as a program does: on from the last one, or somewhere else */
		near = random_below(4) ? (near + 1) % PAGES : random_below(PAGES);
		steps[i] = (struct step){ .page = near, .kind = random_below(KINDS) };
		if (!random_below(8) != sparse) {
			steps[i].change = true;
			steps[i].entry = random_entry();
		}
	}
}

static void flush(u64 at)
{
	hcall(DOMUS_HC_MMU_FLUSH, DOMUS_FLUSH_RANGE, pa(guest_root()), at, at + 4096, ~0UL, NULL);
}

static void access(const struct step *s, struct seen *what)
{
	u64 at = BLOCK + 4096UL * s->page;

	value = 0;
	switch (s->kind) {
	case READ:
		attempt(kernel_read, at);
		break;
	case WRITE:
		attempt(kernel_write, at);
		break;
	case USER_READ:
		ATTEMPT_USER(user_read, at);
		value = outcome.value;
		break;
	case USER_WRITE:
		ATTEMPT_USER(user_write, at);
		value = outcome.value;
		break;
	case USER_RUN:
		ATTEMPT_USER(user_run, at);
		value = outcome.value;
		break;
	}
	*what = (struct seen){ .vector = outcome.vector };
	if (outcome.vector == NO_TRAP) {
		what->value = value;
	} else {
		what->error = outcome.error;
		what->cr2 = outcome.vector == 14 ? outcome.cr2 : 0;
	}
}

static void run(unsigned int way)
{
	unsigned int i;

	for (i = 0; i < FRAMES; i++) {
		frames[i][0] = 0xc3;		/* what is run: a return */
		frames[i][1] = i;		/* what is read and written */
	}
	copy_to(pte, tables, sizeof(tables));
	hcall(DOMUS_HC_MMU_FLUSH, DOMUS_FLUSH_ROOT, pa(guest_root()), 0, 0, ~0UL, NULL);
	for (i = 0; i < STEPS; i++) {
		if (steps[i].change) {
			bool was = pte[steps[i].page] & PTE_P;

			pte[steps[i].page] = steps[i].entry;
			if (was)
				flush(BLOCK + 4096UL * steps[i].page);
		}
		if (way)
			flush(OTHER);
		access(&steps[i], &seen[way][i]);
	}
	copy_to(left[way], pte, sizeof(left[way]));
	for (i = 0; i < FRAMES; i++)
		contents[way][i] = frames[i][1];
}

static unsigned int compare(u64 program)
{
	unsigned int i, bad = 0;

	for (i = 0; i < STEPS; i++) {
		const struct seen *a = &seen[0][i], *b = &seen[1][i];

		if (a->vector == b->vector && a->error == b->error && a->cr2 == b->cr2 &&
		    a->value == b->value)
			continue;
		if (!bad++)
			print("# program %lu, step %u (kind %u, page %u): trap %d %lx %lx, value %lx; "
			      "the long way: %d %lx %lx, %lx\n", program, i, steps[i].kind,
			      steps[i].page, a->vector, a->error, a->cr2, a->value, b->vector,
			      b->error, b->cr2, b->value);
	}
	for (i = 0; i < PAGES; i++) {
		if (left[0][i] == left[1][i])
			continue;
		if (!bad++)
			print("# program %lu: entry %u is %lx, the long way: %lx\n", program, i,
			      left[0][i], left[1][i]);
	}
	for (i = 0; i < FRAMES; i++)
		bad += contents[0][i] != contents[1][i];
	return bad;
}

void test(void)
{
	u64 n, i, programs = arg_number("n", 50), seed = arg_number("seed", 1), bad = 0, traps = 0;

	plan(2);
	hostile_init();
	random_seed(seed);
	map_page(guest_root(), BLOCK, 0, 0);
	map_page(guest_root(), OTHER, 0, 0);
	pte = find_pte(guest_root(), BLOCK);
	for (i = 0; i < FRAMES; i++)
		frames[i] = page_alloc();
	for (n = 0; n < programs; n++) {
		make_program();
		run(0);
		run(1);
		bad += !!compare(n);
		for (i = 0; i < STEPS; i++)
			traps += seen[0][i].vector != NO_TRAP;
	}
	ok(!bad, "%lu programs (seed %lu): %lu came to something else", n, seed, bad);
	ok(traps > n && traps < n * STEPS, "%lu of %lu accesses trapped", traps, n * STEPS);
}
