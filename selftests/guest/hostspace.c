// SPDX-License-Identifier: GPL-2.0-only
/*
 * The host's address space: no address but the guest's own maps anything, in either
 * mode, for reading, writing or fetching; the hypervisor's slot faults even where the
 * guest maps it; and where the host has its direct map, its text or its entry area,
 * the guest may have pages of its own, which are really its own.
 */
#include "hostile.h"

static void load(u64 at) { peek(at); }
static void store(u64 at) { poke(at, 1); }
static void locked(u64 at) { __atomic_fetch_add((u8 *)at, 0, __ATOMIC_SEQ_CST); }
static void fetch(u64 at) { asm volatile("call *%0" : : "r"(at) : "memory"); }
static void prefetch(u64 at) { asm volatile("prefetcht0 (%0)\n clflush (%0)" : : "r"(at)); }

FRAGMENT(user_load, "mov (%rdi), %al\n" USER_EXIT);
FRAGMENT(user_store, "mov %al, (%rdi)\n" USER_EXIT);
FRAGMENT(user_fetch, "jmp *%rdi\n");
FRAGMENT(user_syscall_there, "mov %rdi, %rsp\n mov $7, %eax\n syscall\n call 1f\n 1:" USER_EXIT);

/* Where the host keeps things, with 4 levels and with 5. */
static const u64 places[] = {
	0xffff800000000000, 0xffff800000001000, 0xffff807fffffffff, 0xffff804000000000,
	0xffff888000000000, 0xffff888000100000, 0xffff888001000000, 0xffff88807fffe000,
	0xffffc90000000000, 0xffffea0000000000, 0xfffffe0000000000, 0xfffffe0000001000,
	0xfffffe0000002000, 0xfffffe0000003000, 0xffffff0000000000, 0xffffffef00000000,
	0xffffffffc0000000, 0xffffffffff57a000, 0xffffffffff600000, 0xfffffffffffff000,
	0xff00000000000000, 0xff11000000000000, 0xffa0000000000000, 0xffd4000000000000,
	0x0000000000000000, 0x00007fffffffe000, 0x0000100000000000, 0x00000000fee00000,
};

#define NR (sizeof(places) / sizeof(*places))

static bool absent(u64 at, int vector, u64 error)
{
	/* a place that is none for 48 bits of address is exception 13 */
	if ((u64)((long)(at << 16) >> 16) != at)
		return vector >= 12 && vector <= 14;
	return vector == 14 && outcome.cr2 == at && outcome.error == error;
}

static unsigned int try(u64 at)
{
	unsigned int bad = 0;

	bad += !absent(at, attempt(load, at), 0);
	bad += !absent(at, attempt(store, at), 2);
	attempt(locked, at);	/* a load first, to a QEMU with one CPU */
	bad += !absent(at, outcome.vector, outcome.error & 2);
	bad += !absent(at, attempt(fetch, at), 16);
	bad += !absent(at, ATTEMPT_USER(user_load, at), 4);
	bad += !absent(at, ATTEMPT_USER(user_store, at), 6);
	bad += !absent(at, ATTEMPT_USER(user_fetch, at), 20);
	attempt(prefetch, at);
	if (bad)
		print("# %lx: %u of 7 are wrong, last %d error %lx cr2 %lx\n", at, bad,
		      outcome.vector, outcome.error, outcome.cr2);
	return bad;
}

static unsigned int random_places(unsigned int n)
{
	unsigned int bad = 0;

	while (n--) {
		/* top slots 257..510: the guest has its own in 511 alone */
		u64 slot = 257 + random_below(254);
		u64 at = ~0ULL << 48 | slot << 39 | (random() & 0x7ffffff000);

		bad += try(at);
	}
	return bad;
}

/* Where the cell is: known to a guest whose CPU lets ring 3 execute SIDT. */
static u64 idt_base;

static void read_idtr(u64 unused)
{
	struct { unsigned short limit; u64 base; } __attribute__((packed)) idtr;

	asm volatile("sidt %0" : "=m"(idtr));
	idt_base = idtr.base;
}

static unsigned int slot_itself(void)
{
	u64 *root = guest_root();
	unsigned int bad = 0, i;
	u64 kept = root[256];

	attempt(read_idtr, 0);
	if (outcome.vector == NO_TRAP)
		for (i = 0; i < 16; i++)
			bad += try(idt_base + 0x1000 * (long)(i - 8));

	/* an entry there is ignored: nothing of it shows, nothing of the cell changes */
	root[256] = root[511];
	hcall(DOMUS_HC_MMU_FLUSH, DOMUS_FLUSH_ALL, 0, 0, 0, ~0ULL, NULL);
	for (i = 0; i < 64; i++)
		bad += try(0xffff800000000000 + (random() & 0x7fffffffff));
	root[256] = kept;
	hcall(DOMUS_HC_MMU_FLUSH, DOMUS_FLUSH_ALL, 0, 0, 0, ~0ULL, NULL);
	return bad;
}

/* Pages of the guest's where the host has its own. */
static unsigned int own_pages(void)
{
	static const u64 at[] = {
		0xffff888000000000, 0xffff888001000000, 0xfffffe0000000000, 0xfffffe0000001000,
		0xffffea0000000000, 0xffffc90000000000, 0xffffff0000000000, 0xffffffffff5fb000,
	};
	unsigned int i, bad = 0, n = sizeof(at) / sizeof(*at);

	for (i = 0; i < n; i++) {
		u64 *page = page_alloc();

		page[7] = 0x1000 + i;
		map_page(guest_root(), at[i], pa(page), PTE_P | PTE_W);
	}
	for (i = 0; i < n; i++) {
		u64 *mine = (u64 *)at[i];

		bad += attempt(load, at[i]) != NO_TRAP || mine[7] != 0x1000 + i;
		mine[7] += 0x1000;
		bad += *(u64 *)(va(*find_pte(guest_root(), at[i]) & 0xffffffffff000) + 56) !=
		       0x2000 + i;
		/* though U is missing everywhere below: the upper half is not the user's */
		*find_pte(guest_root(), at[i]) |= PTE_U;
		bad += ATTEMPT_USER(user_load, at[i]) != 14 || (outcome.error & 5) != 5;
		bad += ATTEMPT_USER(user_store, at[i]) != 14;
	}
	return bad;
}

static long nothing(u64 nr, u64 arg)
{
	return 0;
}

void test(void)
{
	unsigned int bad = 0, i;

	random_seed(arg_number("seed", 1));
	plan(6);
	hostile_init();
	on_syscall(nothing);
	for (i = 0; i < NR; i++)
		bad += try(places[i]);
	ok(!bad, "%u places of the host are absent", (u32)NR);
	ok(!random_places(100), "and 100 random ones in its half");
	ok(!slot_itself(), "the hypervisor's slot is not the guest's");
	ok(!own_pages(), "pages of the guest's own may be where the host has its own");
	for (i = bad = 0; i < NR; i++) {
		ATTEMPT_USER(user_syscall_there, places[i]);
		bad += outcome.vector < 12 || outcome.vector > 14;
	}
	ok(!bad, "a user's stack there is its own trouble: %u", bad);
	ok(hc0(DOMUS_HC_VERSION) > 0, "the hypervisor is well");
}
