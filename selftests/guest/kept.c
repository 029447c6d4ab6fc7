// SPDX-License-Identifier: GPL-2.0-only
/*
 * What a TLB keeps: translations that both modes, and other roots, have just used, which no
 * load of CR3 need have taken away. Behind each kind of flush both modes find what the tables
 * say now: of the loaded root, of one that is only at hand, of the upper half from another
 * root. A root that comes where another one was has nothing of that one's. Nor does anybody
 * use a vCPU page that was one.
 */
#include "hostile.h"

#define AT	0x310000000000UL	/* a top-level entry of its own, in each root */
#define UPPER	0xffffa80000000000UL
#define ROUNDS	50
#define ROOTS	20			/* more than are at hand */
#define BITS	(PTE_P | PTE_W | PTE_A | PTE_D)

FRAGMENT(user_read, "mov (%rdi), %rdi\n xor %eax, %eax\n syscall\n");

static u64 *roots[ROOTS];
static u64 *pages[ROOTS + 2];

static u64 *mine(void)
{
	return roots[0];
}

static long load(const u64 *root)
{
	return hc1(DOMUS_HC_LOAD_ROOT, pa(root));
}

/* What both modes find there; ~0: they differ, or one of them took a fault. */
static u64 both(u64 at, bool user_first)
{
	u64 user = 0, kernel = 0;
	unsigned int i;

	for (i = 0; i < 2; i++) {
		if (user_first == !i) {
			if (ATTEMPT_USER(user_read, at) != NO_TRAP)
				return ~0UL;
			user = outcome.value;
		} else {
			kernel = *(volatile u64 *)at;
		}
	}
	return user == kernel ? user : ~0UL;
}

enum kind { RANGE, ROOT, ALL, AGAIN, KINDS };

static const char *const names[KINDS] = { "a range", "a root", "all", "the loaded root again" };

static long flush(enum kind kind, const u64 *root)
{
	switch (kind) {
	case RANGE:
		return hcall(DOMUS_HC_MMU_FLUSH, DOMUS_FLUSH_RANGE, pa(root), AT, AT + 4096, ~0UL,
			     NULL);
	case ROOT:
		return hcall(DOMUS_HC_MMU_FLUSH, DOMUS_FLUSH_ROOT, pa(root), 0, 0, ~0UL, NULL);
	case ALL:
		return hcall(DOMUS_HC_MMU_FLUSH, DOMUS_FLUSH_ALL, 0, 0, 0, ~0UL, NULL);
	default:
		return load(root);
	}
}

static void loaded(enum kind kind)
{
	u64 *pte = find_pte(mine(), AT), i, bad = 0;

	load(mine());
	for (i = 0; i < ROUNDS; i++) {
		u64 *page = pages[i & 1];

		/* used by both, and by nothing else in between */
		both(AT, i & 2);
		both(AT, i & 4);
		*pte = pa(page) | BITS | PTE_U;
		bad += flush(kind, mine()) || both(AT, i & 8) != page[0];
	}
	*pte = pa(pages[0]) | BITS | PTE_U;
	flush(kind, mine());
	ok(!bad, "behind a flush of %s: %lu of %lu wrong", names[kind], bad, i);
}

static void at_hand(enum kind kind)
{
	u64 *pte = find_pte(roots[1], AT), i, bad = 0;

	for (i = 0; i < ROUNDS; i++) {
		u64 *page = pages[i & 1 ? 1 : ROOTS];

		load(roots[1]);
		both(AT, i & 2);
		load(mine());
		both(AT, i & 4);
		*pte = pa(page) | BITS | PTE_U;
		bad += flush(kind, roots[1]) || both(AT, i & 8) != pages[0][0];
		load(roots[1]);
		bad += both(AT, i & 8) != page[0];
	}
	load(mine());
	ok(!bad, "behind a flush of %s, not loaded: %lu of %lu wrong", names[kind], bad, i);
}

static void upper(void)
{
	u64 *pte = find_pte(mine(), UPPER), i, bad = 0;
	volatile u64 *at = (volatile u64 *)UPPER;

	for (i = 0; i < ROUNDS; i++) {
		u64 *page = pages[i & 1];

		load(roots[1]);
		peek(UPPER);
		load(mine());
		peek(UPPER);
		*pte = pa(page) | BITS;
		bad += !!hcall(DOMUS_HC_MMU_FLUSH, DOMUS_FLUSH_RANGE, pa(mine()), UPPER,
			       UPPER + 4096, ~0UL, NULL);
		bad += *at != page[0];
		load(roots[1]);
		bad += *at != page[0];
	}
	load(mine());
	ok(!bad, "behind a flush of the upper half: %lu of %lu wrong", bad, i);
}

static void in_turn(void)
{
	u64 i, n, bad = 0;

	for (n = 0; n < ROUNDS; n++) {
		for (i = 0; i < ROOTS; i++) {
			load(roots[i]);
			bad += both(AT, (i ^ n) & 1) != pages[i][0];
		}
	}
	load(mine());
	ok(!bad, "%u roots in turn, again and again: %lu wrong", ROOTS, bad);
}

/* In one page: whoever comes after a release is another one, and in any place. */
static void released(void)
{
	u64 *pte = find_pte(roots[1], AT), i, bad = 0;

	for (i = 0; i < ROUNDS; i++) {
		u64 *page = pages[i & 1 ? 1 : ROOTS];

		load(roots[1]);
		both(AT, i & 2);
		load(mine());
		bad += !!hc1(DOMUS_HC_RELEASE_ROOT, pa(roots[1]));
		*pte = pa(page) | BITS | PTE_U;
		load(roots[1]);
		bad += both(AT, i & 4) != page[0];
	}
	load(mine());
	ok(!bad, "released and made anew: %lu of %lu wrong", bad, i);
}

/* Whoever still knows the old one finds nothing there to go on with. */
static void moved(void)
{
	struct domus_start_info *info = (struct domus_start_info *)guest_info;
	struct domus_vcpu_page *places[2] = { vp(), page_alloc() };
	u64 i, bad = 0;

	for (i = 1; i <= ROUNDS; i++) {
		both(AT, i & 2);
		info->vcpu_page_gpa = pa(places[i & 1]);
		bad += !!hc1(DOMUS_HC_SET_VCPU_PAGE, info->vcpu_page_gpa);
		bad += !!hc2(DOMUS_HC_SET_SEGMENT, DOMUS_SEG_KERNEL_GS_BASE, (u64)vp());
		memset(places[~i & 1], 0x55, 4096);
		bad += both(AT, i & 4) != pages[0][0];
	}
	ok(!bad, "the vCPU page moved: %lu of %u wrong", bad, ROUNDS);
}

void test(void)
{
	unsigned int i;

	plan(KINDS + 3 + 4);
	hostile_init();
	map_page(guest_root(), UPPER, 0, BITS);
	for (i = 0; i < ROOTS + 2; i++) {
		pages[i] = page_alloc();
		pages[i][0] = 1000 + i;
	}
	for (i = 0; i < ROOTS; i++) {
		roots[i] = i ? page_alloc() : guest_root();
		if (i)
			copy_to(roots[i], guest_root(), 4096);
	}
	for (i = 0; i < ROOTS; i++)
		map_page(roots[i], AT, pa(pages[i]), BITS | PTE_U);
	for (i = 0; i < KINDS; i++)
		loaded(i);
	for (i = 0; i < AGAIN; i++)
		at_hand(i);
	upper();
	in_turn();
	released();
	moved();
}
