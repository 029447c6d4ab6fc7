// SPDX-License-Identifier: GPL-2.0-only
/*
 * The host fills in a page beside the last one by a way of its own, if nothing was flushed
 * since but leaves (FLUSH_LEAVES). Whatever a program does to pages of one block, and whatever
 * is in its tables, must come to the same by that way and by the long one: each access's trap,
 * with its error; what is read; what is in memory, and in the tables, in the end. So this runs
 * the same random accesses twice, on the same random tables: the first time it says which
 * flushes are of leaves alone; the second time none is, and before each access another page is
 * flushed. Now and then the block gets its other table. In the end a guest lies: what it called
 * a leaf's change was a table's; until it flushes that, it may get the one or the other, and
 * nothing else. n=N programs, seed=N; near.sh looks which way the host went.
 */
#include "hostile.h"
#include "smp.h"

#define BLOCK	0x40000000UL
#define PAGES	512
#define FRAMES	16
#define TABLES	2
#define STEPS	200
#define OTHER	0x50000000UL	/* what is flushed */

/*
 * struct step - @page, @kind: an access; @entry: or what the table is to have there first;
 * @table: of the block, meanwhile
 */
struct step {
	u16 page;
	u8 kind;
	u8 table;
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
static u64 tables[TABLES][PAGES];
static struct seen seen[2][STEPS];
static u64 left[2][TABLES][PAGES], contents[2][FRAMES];
static u64 *pde, *ptes[TABLES], *frames[FRAMES];
static u64 failed;			/* flushes */

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
	u64 near = 0, i, table = 0;

	for (i = 0; i < TABLES * PAGES; i++)
		tables[i / PAGES][i % PAGES] = sparse ? 0 : random_entry();
	for (i = 0; i < STEPS; i++) {
		/* as a program does: on from the last one, or somewhere else */
		near = random_below(4) ? (near + 1) % PAGES : random_below(PAGES);
		if (!random_below(32))
			table = (table + 1) % TABLES;
		steps[i] = (struct step){
			.page = near, .kind = random_below(KINDS), .table = table
		};
		if (!random_below(8) != sparse) {
			steps[i].change = true;
			steps[i].entry = random_entry();
		}
	}
}

static void flush(u64 op, u64 at, u64 pages)
{
	if (hcall(DOMUS_HC_MMU_FLUSH, op, pa(guest_root()), at, at + 4096 * pages, ~0UL, NULL))
		failed++;
}

/* The entry that names the block's table. */
static u64 *find_pde(void)
{
	u64 *table = guest_root();
	unsigned int shift;

	for (shift = 39; shift > 21; shift -= 9)
		table = va(table[(BLOCK >> shift) & 511] & 0xffffffffff000);
	return &table[(BLOCK >> shift) & 511];
}

static void use_table(u64 nr)
{
	*pde = pa(ptes[nr]) | (*pde & 0xfff);
	flush(DOMUS_FLUSH_RANGE, BLOCK, PAGES);
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

/* By the second way nothing is known of what is above a leaf at any access. */
static void run(unsigned int way)
{
	u64 op = way ? DOMUS_FLUSH_RANGE : DOMUS_FLUSH_LEAVES;
	unsigned int i, table = 0;

	for (i = 0; i < FRAMES; i++) {
		frames[i][0] = 0xc3;		/* what is run: a return */
		frames[i][1] = i;		/* what is read and written */
	}
	for (i = 0; i < TABLES; i++)
		copy_to(ptes[i], tables[i], sizeof(tables[i]));
	use_table(0);
	hcall(DOMUS_HC_MMU_FLUSH, DOMUS_FLUSH_ROOT, pa(guest_root()), 0, 0, ~0UL, NULL);
	for (i = 0; i < STEPS; i++) {
		if (steps[i].table != table) {
			table = steps[i].table;
			use_table(table);
		}
		if (steps[i].change) {
			u64 *pte = ptes[table] + steps[i].page, was = *pte;

			*pte = steps[i].entry;
			if (was & PTE_P)
				flush(op, BLOCK + 4096UL * steps[i].page, 1);
		}
		if (way || i % 16 == 0)
			flush(op, OTHER, 1);
		access(&steps[i], &seen[way][i]);
	}
	for (i = 0; i < TABLES; i++)
		copy_to(left[way][i], ptes[i], sizeof(left[way][i]));
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
	for (i = 0; i < TABLES * PAGES; i++) {
		u64 a = left[0][i / PAGES][i % PAGES], b = left[1][i / PAGES][i % PAGES];

		if (a != b && !bad++)
			print("# program %lu: entry %u of table %u is %lx, the long way: %lx\n",
			      program, i % PAGES, i / PAGES, a, b);
	}
	for (i = 0; i < FRAMES; i++)
		bad += contents[0][i] != contents[1][i];
	return bad;
}

/* The block's table goes behind a flush of leaves. */
static void lie(void)
{
	volatile u64 *page = (u64 *)BLOCK;
	u64 i, n, other = 0, after = 0;

	for (n = 0; n < TABLES; n++) {
		frames[n][1] = n;
		for (i = 0; i < PAGES; i++)
			ptes[n][i] = pa(frames[n]) | PTE_P | PTE_W | PTE_U | PTE_A | PTE_D;
	}
	for (n = 0; n < 50; n++) {
		u64 was = n % TABLES, is = !was;

		use_table(was);
		for (i = 0; i < PAGES / 2; i++)
			other += page[512 * i + 1] != was;
		*pde = pa(ptes[is]) | (*pde & 0xfff);
		flush(DOMUS_FLUSH_LEAVES, BLOCK, PAGES);
		for (i = 0; i < PAGES; i++)
			other += page[512 * i + 1] >= TABLES;
		flush(DOMUS_FLUSH_RANGE, BLOCK, PAGES);
		for (i = 0; i < PAGES; i++)
			after += page[512 * i + 1] != is;
	}
	ok(!other, "a table that went as a leaf: the old one or the new one (%lu others)", other);
	ok(!after, "behind a flush of it: the new one (%lu others)", after);
}

/* Ranges of the new flush are looked at as those of others. */
static void refused(void)
{
	u64 root = pa(guest_root()), bad = 0;

	bad += hcall(DOMUS_HC_MMU_FLUSH, DOMUS_FLUSH_LEAVES, root, BLOCK + 1, BLOCK + 4096, ~0UL,
		     NULL) != -EINVAL;
	bad += hcall(DOMUS_HC_MMU_FLUSH, DOMUS_FLUSH_LEAVES, root, BLOCK, 1UL << 63, ~0UL,
		     NULL) != -EINVAL;
	bad += hcall(DOMUS_HC_MMU_FLUSH, DOMUS_FLUSH_LEAVES + 1, root, BLOCK, BLOCK + 4096, ~0UL,
		     NULL) != -EINVAL;
	ok(!bad, "crooked ranges and the next op are refused (%lu of 3 were not)", bad);
}

void test(void)
{
	u64 n, i, programs = arg_number("n", 50), seed = arg_number("seed", 1), bad = 0, traps = 0;

	plan(6);
	hostile_init();
	random_seed(seed);
	map_page(guest_root(), BLOCK, 0, 0);
	map_page(guest_root(), OTHER, 0, 0);
	for (i = 0; i < TABLES; i++)
		ptes[i] = page_alloc();
	pde = find_pde();
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
	ok(!failed, "no flush was refused (%lu were)", failed);
	ok(!bad, "%lu programs (seed %lu): %lu came to something else", n, seed, bad);
	lie();
	refused();
	ok(traps > n && traps < n * STEPS, "%lu of %lu accesses trapped", traps, n * STEPS);
}
