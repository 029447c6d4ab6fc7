// SPDX-License-Identifier: GPL-2.0-only
/*
 * Forged page tables: entries that point to their own table, in circles, beyond the
 * memory, with reserved bits; large leaves that reach beyond the end; tables in pages
 * that are something else as well; tables of random bits; roots that are none, and more
 * roots than anyone needs. What an entry says counts where it can, all else is a page
 * fault of the guest's, and the shadow stays within its bounds.
 */
#include "hostile.h"

#define SLOT(n)		((u64)(n) << 39)
#define PWU		(PTE_P | PTE_W | PTE_U)
#define ERR_P		1
#define ERR_RSVD	8
#define SANDBOX		64		/* pages that random entries may point to */

static u64 *root;			/* ours to forge: the guest itself is in slots 0 and 511 */
static u64 *sandbox[SANDBOX];

static void load(u64 at) { peek(at); }
static void store(u64 at) { poke(at, 0xa5); }

FRAGMENT(user_load, "mov (%rdi), %al\n" USER_EXIT);
FRAGMENT(user_jump, "jmp *%rdi\n");
FRAGMENT(user_store, "movb $0xa5, (%rdi)\n" USER_EXIT);

static void flush(void)
{
	hcall(DOMUS_HC_MMU_FLUSH, DOMUS_FLUSH_ROOT, pa(root), 0, 0, ~0ULL, NULL);
}

/* A table whose entries from @first on are @entry. */
static u64 *table_of(u64 entry, unsigned int first)
{
	u64 *table = page_alloc();
	unsigned int i;

	for (i = first; i < 512; i++)
		table[i] = entry;
	return table;
}

static u64 address(unsigned int l4, unsigned int l3, unsigned int l2, unsigned int l1)
{
	return (u64)l4 << 39 | (u64)l3 << 30 | (u64)l2 << 21 | (u64)l1 << 12;
}

/* ---- Tables that contain themselves ------------------------------------------- */

static unsigned int self_map(void)
{
	unsigned int bad = 0, i = 17;
	u64 at = address(i, i, i, i);

	root[i] = pa(root) | PWU;
	/* all four levels are the root, and so is the page */
	bad += attempt(load, at) != NO_TRAP;
	bad += (*(u64 *)(at + 8 * i) & ~0xfffULL) != pa(root);
	bad += ATTEMPT_USER(user_load, at) != NO_TRAP;
	/* writing through it is writing the root: slot 18 */
	*(u64 *)(at + 8 * 18) = pa(table_of(0, 0)) | PWU;
	bad += root[18] == 0 || attempt(load, SLOT(18)) != 14;
	root[i] = 0;
	root[18] = 0;
	flush();
	bad += attempt(load, at) != 14;
	return bad;
}

static unsigned int circles(void)
{
	u64 *a = page_alloc(), *b = page_alloc();
	unsigned int bad = 0, n;

	for (n = 0; n < 512; n++) {
		a[n] = pa(b) | PWU;
		b[n] = pa(a) | PWU;
	}
	root[19] = pa(a) | PWU;
	for (n = 0; n < 100; n++) {
		u64 at = SLOT(19) | (random() & 0x7ffffff000);

		/* root, a, b, a: the page is b */
		bad += attempt(load, at) != NO_TRAP || (*(u64 *)at & ~0xfffULL) != pa(a);
		bad += ATTEMPT_USER(user_load, at) != NO_TRAP;
	}
	/* and written through, while it is walked */
	for (n = 0; n < 100; n++) {
		u64 at = SLOT(19) | (random() & 0x7ffffff000) | 0x7f8;

		attempt(store, at);
		b[255] = pa(a) | PWU;
		flush();
	}
	root[19] = 0;
	flush();
	return bad;
}

/* Two pages are tables for 512 GiB: each address needs host tables of its own. */
static unsigned int sprawl(unsigned int n)
{
	u64 *a = page_alloc(), *b = page_alloc();
	unsigned int bad = 0, i;

	for (i = 0; i < 512; i++) {
		a[i] = pa(b) | PWU;
		b[i] = pa(a) | PWU;
	}
	root[19] = pa(a) | PWU;
	for (i = 0; i < n; i++) {
		u64 at = SLOT(19) | (random() & 0x7ffffff000);

		bad += attempt(load, at) != NO_TRAP;
		if (i % 2)
			bad += ATTEMPT_USER(user_load, at) != NO_TRAP;
		if (i % 1000 == 999)
			hcall(DOMUS_HC_MMU_FLUSH, DOMUS_FLUSH_RANGE, pa(root), SLOT(19),
			      SLOT(20), ~0ULL, NULL);
	}
	root[19] = 0;
	flush();
	return bad;
}

/* ---- Entries that say too much -------------------------------------------------- */

static bool faults(u64 at, u64 error)
{
	bool good = attempt(load, at) == 14 && outcome.cr2 == at && outcome.error == error;

	good &= attempt(store, at) == 14 && outcome.error == (error | 2);
	good &= ATTEMPT_USER(user_load, at) == 14 && outcome.error == (error | 4);
	if (!good)
		print("# %lx: vector %d error %lx\n", at, outcome.vector, outcome.error);
	return good;
}

static unsigned int beyond(void)
{
	u64 memory = guest_info->memory, high;
	unsigned int bad = 0, level;
	const u64 frames[] = {
		memory, memory + 4096, memory * 2, 1ULL << 32, 1ULL << 39, 0xfee00000,
		0x000ffffffffff000, 0x0008000000000000,
	};
	unsigned int i;

	for (i = 0; i < sizeof(frames) / sizeof(*frames); i++) {
		u64 *l1 = table_of(frames[i] | PWU, 0);
		u64 *l2 = table_of(pa(l1) | PWU, 0);
		u64 *l3 = table_of(pa(l2) | PWU, 0);

		root[20] = pa(l3) | PWU;
		bad += !faults(address(20, 1, 2, 3), ERR_P | ERR_RSVD);
		/* the same as a table of each level: there is none, or bits are reserved */
		for (level = 1; level <= 3; level++) {
			u64 *t = level == 1 ? l2 : (level == 2 ? l3 : root);

			t[level == 3 ? 20 : 7] = frames[i] | PWU;
			bad += attempt(load, address(20, 7, 7, 3)) != 14 ||
			       !(outcome.error & ERR_RSVD);
			bad += ATTEMPT_USER(user_store, address(20, 7, 7, 3)) != 14;
			if (level < 3)
				t[7] = level == 1 ? pa(l1) | PWU : pa(l2) | PWU;
			flush();
		}
	}
	/* 1 GiB from 0: what is memory is mapped, the rest faults */
	root[20] = pa(table_of(PWU | PTE_PS, 0)) | PWU;
	flush();
	high = address(20, 0, 0, 0) + memory;
	bad += attempt(load, address(20, 0, 0, 0) + memory - 1) != NO_TRAP;
	bad += !faults(high, ERR_P | ERR_RSVD);
	bad += ATTEMPT_USER(user_load, high - 1) != NO_TRAP;
	root[20] = 0;
	flush();
	return bad;
}

static unsigned int reserved(void)
{
	u64 *l3 = page_alloc(), *l2 = page_alloc();
	unsigned int bad = 0, bit;

	root[21] = pa(l3) | PWU;
	l3[0] = pa(l2) | PWU;
	for (bit = 13; bit < 21; bit++) {
		l2[0] = 1ULL << bit | PWU | PTE_PS;
		bad += !faults(SLOT(21), ERR_P | ERR_RSVD);
	}
	for (bit = 13; bit < 30; bit++) {
		l3[1] = 1ULL << bit | PWU | PTE_PS;
		bad += !faults(SLOT(21) + (1ULL << 30), ERR_P | ERR_RSVD);
	}
	root[22] = pa(l3) | PWU | PTE_PS;
	bad += !faults(SLOT(22), ERR_P | ERR_RSVD);
	root[21] = 0;
	root[22] = 0;
	flush();
	return bad;
}

/* ---- Tables that are something else, too ------------------------------------------ */

static void map_table(const void *page)
{
	u64 *l3 = page_alloc(), *l2 = page_alloc();

	l3[0] = pa(l2) | PWU;
	l2[0] = pa(page) | PWU;
	root[23] = pa(l3) | PWU;
	flush();
}

/* Loads only: what is read may be entries that point anywhere. */
static void odd_tables(void)
{
	const void *pages[] = {
		vp(), va(guest_info->event_page_gpa), (void *)((u64)test & ~0xfffULL),
		guest_info, va(guest_info->root_gpa),
		va(guest_info->memory - 4096),
	};
	unsigned int i, n;

	for (i = 0; i < sizeof(pages) / sizeof(*pages); i++) {
		map_table(pages[i]);
		for (n = 0; n < 512; n++) {
			/* accessed bits must not be set in what we need as it is */
			u64 e = ((u64 *)pages[i])[n];

			if (pages[i] != vp() && (e & PTE_P) && !(e & PTE_A))
				continue;
			attempt(load, SLOT(23) + n * 4096);
			ATTEMPT_USER(user_load, SLOT(23) + n * 4096);
		}
	}
	root[23] = 0;
	flush();
}

static u64 random_entry(void)
{
	u64 kind = random_below(16), bits = random() & ~0x000fffffffffffffULL;

	bits |= random() & 0xfff & ~PTE_PS;
	if (kind == 0)
		return random();
	if (kind == 1)
		return bits | (guest_info->memory + random_below(1 << 20) * 4096);
	if (kind == 2)
		bits |= PTE_PS;
	return bits | (random_below(8) ? PTE_P : 0) | pa(sandbox[random_below(SANDBOX)]);
}

static unsigned int random_tables(unsigned int rounds)
{
	unsigned int bad = 0, i, n;

	for (; rounds; rounds--) {
		for (i = 0; i < SANDBOX; i++)
			for (n = 0; n < 512; n++)
				sandbox[i][n] = random_entry() & ~0x7fULL << 52;
		for (i = 24; i < 32; i++)
			root[i] = pa(sandbox[i]) | PWU;
		for (i = 0; i < 300; i++) {
			u64 at = SLOT(24 + random_below(8)) | (random() & 0x7fffffffff);
			int vector;

			if (i % 64 == 0)
				flush();
			switch (random_below(4)) {
			case 0:
				vector = attempt(load, at);
				break;
			case 1:
				vector = ATTEMPT_USER(user_load, at);
				break;
			case 2:
				vector = ATTEMPT_USER(user_store, at);
				break;
			default:
				vector = attempt(store, at);
			}
			bad += vector != 14 && vector != NO_TRAP;
		}
	}
	for (i = 24; i < 32; i++)
		root[i] = 0;
	flush();
	return bad;
}

/* ---- Rights given above a leaf ------------------------------------------------- */

/*
 * One page is used by the rights that the tables above it give; then they give more, for which
 * hardware needs no flush (SDM 3A, 4.10.4.3). The page beside it may be used by those.
 */
static unsigned int gained(void)
{
	u64 at = address(40, 3, 5, 7), *table = root, *entry, full;
	unsigned int bad = 0, shift;

	map_page(root, at, pa(page_alloc()), PWU);
	map_page(root, at + 4096, pa(page_alloc()), PWU);
	map_page(root, at + 8192, pa(page_alloc()), PWU);
	for (shift = 39; shift > 12; shift -= 9, table = va(full & 0xffffffffff000)) {
		entry = &table[at >> shift & 511];
		full = *entry;
		*entry = full & ~PTE_W;
		flush();
		bad += ATTEMPT_USER(user_load, at) != NO_TRAP;
		bad += ATTEMPT_USER(user_store, at + 4096) != 14;
		*entry = full;
		bad += ATTEMPT_USER(user_store, at + 4096) != NO_TRAP;
		*entry = full & ~PTE_U;
		flush();
		bad += ATTEMPT_USER(user_load, at + 8192) != 14;
		*entry = full;
		bad += ATTEMPT_USER(user_load, at + 8192) != NO_TRAP;
		*entry = full | PTE_NX;
		flush();
		bad += ATTEMPT_USER(user_load, at) != NO_TRAP;
		bad += ATTEMPT_USER(user_jump, at + 8192) != 14 || !(outcome.error & 0x10);
		*entry = full;
		/* zeroes: "add %al, (%rax)", which is allowed to be fetched */
		bad += ATTEMPT_USER(user_jump, at + 8192) == 14 && (outcome.error & 0x10);
	}
	root[40] = 0;
	flush();
	return bad;
}

/* ---- Roots -------------------------------------------------------------------------- */

static unsigned int bad_roots(void)
{
	u64 memory = guest_info->memory;
	const u64 roots[] = {
		1, 8, 0xfff, pa(root) + 1, pa(root) | 0xff8, memory, memory + 4096, memory - 1,
		~0ULL, ~0xfffULL, 1ULL << 63, 1ULL << 52, 0x000ffffffffff000,
	};
	unsigned int i, bad = 0;

	for (i = 0; i < sizeof(roots) / sizeof(*roots); i++) {
		bad += hc1(DOMUS_HC_LOAD_ROOT, roots[i]) >= 0;
		bad += hc1(DOMUS_HC_RELEASE_ROOT, roots[i]) > 0;
	}
	bad += hc1(DOMUS_HC_RELEASE_ROOT, pa(root)) != -16;
	return bad;
}

/* Every free page is a root; the host may refuse at some point, and forget none. */
static unsigned int many_roots(void)
{
	u64 first = pa(page_alloc()), gpa, old = pa(root);
	unsigned int bad = 0, refused = 0, n = 0;

	for (gpa = first; gpa < guest_info->memory; gpa += 4096) {
		u64 *top = va(gpa);

		copy_to(top, root, 4096);
		if (hc1(DOMUS_HC_LOAD_ROOT, gpa)) {
			refused++;
			continue;
		}
		n++;
		bad += peek(USER_DATA) != 0;
	}
	print("# %u roots, %u refused\n", n, refused);
	bad += hc1(DOMUS_HC_LOAD_ROOT, old) != 0;
	for (gpa = first; gpa < guest_info->memory; gpa += 4096)
		bad += hc1(DOMUS_HC_RELEASE_ROOT, gpa) != 0;
	return bad + !n;
}

void test(void)
{
	unsigned int i;
	u64 seed = arg_number("seed", 1);

	plan(11);
	hostile_init();
	random_seed(seed);
	root = page_alloc();
	copy_to(root, guest_root(), 4096);
	for (i = 0; i < SANDBOX; i++)
		sandbox[i] = page_alloc();
	ok(hc1(DOMUS_HC_LOAD_ROOT, pa(root)) == 0, "a root of our own is loaded");
	ok(!self_map(), "a root may be its own table and page");
	ok(!circles(), "tables in a circle end at the fourth level");
	ok(!sprawl(arg_number("sprawl", 4000)), "so they do for thousands of addresses");
	ok(!beyond(), "what lies beyond the memory faults, at every level");
	ok(!reserved(), "so do reserved bits");
	ok(!gained(), "rights that are given above a leaf need no flush");
	odd_tables();
	ok(hc0(DOMUS_HC_VERSION) > 0, "vCPU page, event page and code may be tables");
	ok(!random_tables(arg_number("rounds", 20)), "random tables map or fault; seed %lu", seed);
	ok(!bad_roots(), "no root is loaded that is none");
	ok(!many_roots(), "as many roots as there is memory for");
}
