// SPDX-License-Identifier: GPL-2.0-only
/* links: kmod/ptwalk.c */
/*
 * The guest page table walk, over a small fake memory.
 *
 *   1. the fake: 16 pages from guest address 0, calls recorded
 *   2. what is allowed
 *   3. what is refused, with the exact error code
 *   4. reserved bits
 *   5. tables outside memory, loops, racing writers
 *   6. beside an earlier walk
 *   7. a slow second opinion over random tables
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "kselftest_harness.h"

#include "ptwalk_inline.h"

/* ---- 1. The fake -------------------------------------------------------- */

#define PAGES		16
#define VA		0x00007f1234567abcULL	/* any lower address */
#define KVA		0xffff888012345678ULL	/* any upper address */
#define ROOT		0x1000ULL
#define L3		0x2000ULL
#define L2		0x3000ULL
#define L1		0x4000ULL
#define DATA		0x9000ULL

#define P		GPTE_P
#define RW		GPTE_RW
#define US		GPTE_US
#define A		GPTE_A
#define D		GPTE_D
#define PS		GPTE_PS
#define NX		GPTE_NX
#define TABLE		(P | RW | US)
#define WRITE		PTWALK_WRITE
#define USER		PTWALK_USER
#define FETCH		PTWALK_FETCH
#define SET_AD		PTWALK_SET_AD

struct fake {
	__u64 mem[PAGES * 512];
	int reads;
	int writes;
	int lose;		/* cmpxchg calls that lose, from now on */
	__u64 lose_or;	/* what the racing writer sets then */
	__u64 lose_and;	/* and keeps */
	int fail_write;		/* what cmpxchg returns, if negative */
};

static int fake_read(void *ctx, __u64 gpa, __u64 *entry)
{
	struct fake *f = ctx;

	f->reads++;
	if (gpa & 7)
		abort();
	if (gpa / 8 >= PAGES * 512)
		return -ENXIO;
	*entry = f->mem[gpa / 8];
	return 0;
}

static int fake_cmpxchg(void *ctx, __u64 gpa, __u64 old, __u64 val)
{
	struct fake *f = ctx;
	__u64 *e = &f->mem[gpa / 8];

	f->writes++;
	if (gpa / 8 >= PAGES * 512)
		abort();	/* nothing may be written that was not read */
	/* nothing but A and D may change */
	if ((old ^ val) & ~(A | D))
		abort();
	if (f->fail_write < 0)
		return f->fail_write;
	if (f->lose) {
		f->lose--;
		*e = (*e & f->lose_and) | f->lose_or;
	}
	if (*e != old)
		return 1;
	*e = val;
	return 0;
}

#define RSVD	0x000fc00000000000ULL	/* 46 bits of physical address */

static const struct ptwalk_mem fake_ops = {
	.read = fake_read, .cmpxchg = fake_cmpxchg, .rsvd = RSVD,
};

static __u64 *slot(struct fake *f, __u64 table, __u64 va, int level)
{
	return &f->mem[table / 8 + (va >> (12 + 9 * (level - 1)) & 511)];
}

FIXTURE(walk)
{
	struct fake *f;
	struct ptwalk_result r;
	__u64 *e4, *e3, *e2, *e1;
};

/* A complete path to DATA with all rights, no A or D anywhere. */
FIXTURE_SETUP(walk)
{
	struct fake *f = calloc(1, sizeof(*f));

	ASSERT_NE(NULL, f);
	self->f = f;
	self->e4 = slot(f, ROOT, VA, 4);
	self->e3 = slot(f, L3, VA, 3);
	self->e2 = slot(f, L2, VA, 2);
	self->e1 = slot(f, L1, VA, 1);
	*self->e4 = L3 | TABLE;
	*self->e3 = L2 | TABLE;
	*self->e2 = L1 | TABLE;
	*self->e1 = DATA | TABLE;
	/* results start as garbage: what counts must be written */
	memset(&self->r, 0xff, sizeof(self->r));
}

FIXTURE_TEARDOWN(walk)
{
	free(self->f);
}

#define WALK(access) ((int)ptwalk(&fake_ops, self->f, ROOT, VA, (access), &self->r))

/* A refusal leaves the tables alone. */
#define REFUSED(access, code) do {					\
	EXPECT_EQ(PTWALK_FAULT, WALK((access) | SET_AD));		\
	EXPECT_EQ((__u32)(code), self->r.error);			\
	EXPECT_EQ(0, self->f->writes);					\
} while (0)

#define ALLOWED(access) EXPECT_EQ(PTWALK_OK, WALK((access) | SET_AD))

/* ---- 2. What is allowed --------------------------------------------------- */

TEST_F(walk, leaf_4k)
{
	ALLOWED(USER);
	EXPECT_EQ(DATA >> 12, self->r.gfn);
	EXPECT_EQ(1, self->r.level);
	EXPECT_EQ(L1, self->r.table_gpa);
	EXPECT_TRUE(self->r.writable);
	EXPECT_TRUE(self->r.user);
	EXPECT_FALSE(self->r.noexec);
	EXPECT_FALSE(self->r.dirty);
	EXPECT_EQ(4, self->f->reads);
}

TEST_F(walk, leaf_2m)
{
	*self->e2 = 0x40000000ULL | TABLE | PS;
	ALLOWED(0);
	EXPECT_EQ(2, self->r.level);
	EXPECT_EQ(0x40000ULL + (VA >> 12 & 511), self->r.gfn);
	EXPECT_EQ(L2, self->r.table_gpa);
}

TEST_F(walk, leaf_1g)
{
	*self->e3 = 0x80000000ULL | TABLE | PS;
	ALLOWED(0);
	EXPECT_EQ(3, self->r.level);
	EXPECT_EQ(0x80000ULL + (VA >> 12 & 0x3ffff), self->r.gfn);
}

TEST_F(walk, pat_bit_of_large_leaves_is_not_address)
{
	*self->e2 = 0x40000000ULL | TABLE | PS | 1 << 12;
	ALLOWED(0);
	EXPECT_EQ(0x40000ULL + (VA >> 12 & 511), self->r.gfn);
}

TEST_F(walk, pat_bit_of_small_leaf_is_not_size)
{
	*self->e1 |= PS;
	ALLOWED(0);
	EXPECT_EQ(1, self->r.level);
}

TEST_F(walk, ignored_bits)
{
	/* PWT, PCD, G, software and protection key bits */
	__u64 bits = 0x18 | 0xf00 | 0x7ff0000000000000ULL;

	*self->e4 |= bits;
	*self->e3 |= bits;
	*self->e2 |= bits;
	*self->e1 |= bits;
	ALLOWED(USER | WRITE);
	EXPECT_EQ(DATA >> 12, self->r.gfn);
}

TEST_F(walk, root_low_bits_ignored)
{
	EXPECT_EQ(PTWALK_OK, ptwalk(&fake_ops, self->f, ROOT | 0xfff, VA, 0, &self->r));
}

TEST_F(walk, upper_half)
{
	*slot(self->f, ROOT, KVA, 4) = L3 | TABLE;
	*slot(self->f, L3, KVA, 3) = L2 | TABLE;
	*slot(self->f, L2, KVA, 2) = L1 | TABLE;
	*slot(self->f, L1, KVA, 1) = DATA | P;
	EXPECT_EQ(PTWALK_OK, ptwalk(&fake_ops, self->f, ROOT, KVA, 0, &self->r));
	EXPECT_EQ(DATA >> 12, self->r.gfn);
}

TEST_F(walk, read_sets_accessed_everywhere)
{
	ALLOWED(0);
	EXPECT_EQ(L3 | TABLE | A, *self->e4);
	EXPECT_EQ(L2 | TABLE | A, *self->e3);
	EXPECT_EQ(L1 | TABLE | A, *self->e2);
	EXPECT_EQ(DATA | TABLE | A, *self->e1);
	EXPECT_EQ(4, self->f->writes);
	ALLOWED(0);
	EXPECT_EQ(4, self->f->writes);
}

TEST_F(walk, write_sets_dirty_at_the_leaf_alone)
{
	ALLOWED(WRITE);
	EXPECT_EQ(L1 | TABLE | A, *self->e2);
	EXPECT_EQ(DATA | TABLE | A | D, *self->e1);
	EXPECT_TRUE(self->r.dirty);
}

TEST_F(walk, dirty_of_a_large_leaf)
{
	*self->e2 = 0x40000000ULL | TABLE | PS;
	ALLOWED(WRITE);
	EXPECT_EQ(0x40000000ULL | TABLE | PS | A | D, *self->e2);
}

TEST_F(walk, translate_takes_any_page_and_writes_nothing)
{
	*self->e1 = DATA | P | NX;
	EXPECT_EQ(PTWALK_OK, WALK(PTWALK_ANY | WRITE | USER | FETCH));
	EXPECT_EQ(DATA >> 12, self->r.gfn);
	EXPECT_EQ(0, self->f->writes);
}

TEST_F(walk, path_rights_leave_the_leaf_out)
{
	*self->e1 = DATA | P | NX;
	ALLOWED(0);
	EXPECT_TRUE(self->r.path_writable);
	EXPECT_TRUE(self->r.path_user);
	EXPECT_FALSE(self->r.path_noexec);
	EXPECT_FALSE(self->r.writable);
	EXPECT_FALSE(self->r.user);
	EXPECT_TRUE(self->r.noexec);
	*self->e1 = DATA | TABLE;
	*self->e3 = L2 | P | NX;
	ALLOWED(0);
	EXPECT_FALSE(self->r.path_writable);
	EXPECT_FALSE(self->r.path_user);
	EXPECT_TRUE(self->r.path_noexec);
}

TEST_F(walk, kernel_reads_and_writes_user_pages)
{
	ALLOWED(0);
	ALLOWED(WRITE);
}

TEST_F(walk, kernel_executes_its_own)
{
	*self->e2 &= ~US;
	ALLOWED(FETCH);
}

TEST_F(walk, user_executes_its_own)
{
	ALLOWED(FETCH | USER);
}

/* ---- 3. What is refused ------------------------------------------------------ */

TEST_F(walk, absent_at_each_level)
{
	__u64 *e[] = { self->e4, self->e3, self->e2, self->e1 };
	__u64 keep;
	int i;

	for (i = 0; i < 4; i++) {
		keep = *e[i];
		*e[i] = 0;
		REFUSED(0, 0);
		REFUSED(WRITE, PTWALK_ERR_W);
		REFUSED(USER, PTWALK_ERR_U);
		REFUSED(FETCH | USER, PTWALK_ERR_U | PTWALK_ERR_I);
		*e[i] = keep;
	}
}

TEST_F(walk, absent_entry_may_hold_anything)
{
	*self->e1 = ~P;
	REFUSED(0, 0);
	*self->e4 = ~P;
	REFUSED(USER | WRITE, PTWALK_ERR_U | PTWALK_ERR_W);
}

TEST_F(walk, absent_ends_the_walk)
{
	*self->e4 = 0;
	REFUSED(0, 0);
	EXPECT_EQ(1, self->f->reads);
}

TEST_F(walk, not_writable_at_each_level)
{
	__u64 *e[] = { self->e4, self->e3, self->e2, self->e1 };
	int i;

	for (i = 0; i < 4; i++) {
		*e[i] &= ~RW;
		REFUSED(WRITE, PTWALK_ERR_P | PTWALK_ERR_W);
		REFUSED(WRITE | USER, PTWALK_ERR_P | PTWALK_ERR_W | PTWALK_ERR_U);
		*e[i] |= RW;
	}
}

TEST_F(walk, not_user_at_each_level)
{
	__u64 *e[] = { self->e4, self->e3, self->e2, self->e1 };
	int i;

	for (i = 0; i < 4; i++) {
		*e[i] &= ~US;
		REFUSED(USER, PTWALK_ERR_P | PTWALK_ERR_U);
		REFUSED(USER | FETCH, PTWALK_ERR_P | PTWALK_ERR_U | PTWALK_ERR_I);
		*e[i] |= US;
	}
}

TEST_F(walk, noexec_at_each_level)
{
	__u64 *e[] = { self->e4, self->e3, self->e2, self->e1 };
	int i;

	for (i = 0; i < 4; i++) {
		*e[i] |= NX;
		REFUSED(USER | FETCH, PTWALK_ERR_P | PTWALK_ERR_U | PTWALK_ERR_I);
		*e[i] &= ~NX;
	}
}

TEST_F(walk, kernel_must_not_execute_user_pages)
{
	REFUSED(FETCH, PTWALK_ERR_P | PTWALK_ERR_I);
	*self->e2 = 0x40000000ULL | TABLE | PS;
	REFUSED(FETCH, PTWALK_ERR_P | PTWALK_ERR_I);
}

TEST_F(walk, kernel_noexec)
{
	*self->e1 = DATA | P | NX;
	REFUSED(FETCH, PTWALK_ERR_P | PTWALK_ERR_I);
}

TEST_F(walk, kernel_respects_read_only)
{
	*self->e1 = DATA | P;
	REFUSED(WRITE, PTWALK_ERR_P | PTWALK_ERR_W);
}

TEST_F(walk, large_leaves_have_rights_too)
{
	*self->e2 = 0x40000000ULL | P | PS;
	REFUSED(WRITE, PTWALK_ERR_P | PTWALK_ERR_W);
	REFUSED(USER, PTWALK_ERR_P | PTWALK_ERR_U);
	*self->e3 = 0x40000000ULL | P | PS | NX;
	REFUSED(FETCH, PTWALK_ERR_P | PTWALK_ERR_I);
}

TEST_F(walk, set_ad_is_not_in_the_error_code)
{
	*self->e1 = 0;
	REFUSED(WRITE | FETCH | USER, PTWALK_ERR_W | PTWALK_ERR_I | PTWALK_ERR_U);
}

TEST_F(walk, without_set_ad_nothing_is_written)
{
	EXPECT_EQ(PTWALK_OK, WALK(WRITE));
	EXPECT_EQ(0, self->f->writes);
	EXPECT_FALSE(self->r.dirty);
}

/* ---- 4. Reserved bits ------------------------------------------------------------ */

TEST_F(walk, physical_width_at_each_level)
{
	__u64 *e[] = { self->e4, self->e3, self->e2, self->e1 };
	int i, bit;

	for (i = 0; i < 4; i++) {
		for (bit = 46; bit < 52; bit++) {
			*e[i] |= 1ULL << bit;
			REFUSED(WRITE, PTWALK_ERR_P | PTWALK_ERR_RSVD | PTWALK_ERR_W);
			REFUSED(USER, PTWALK_ERR_P | PTWALK_ERR_RSVD | PTWALK_ERR_U);
			EXPECT_EQ(PTWALK_FAULT, WALK(PTWALK_ANY));
			*e[i] &= ~(1ULL << bit);
		}
	}
}

TEST_F(walk, widest_address_is_not_reserved)
{
	*self->e1 = 0x00003ffffffff000ULL | TABLE;
	ALLOWED(0);
	EXPECT_EQ(0x3ffffffffULL, self->r.gfn);
}

TEST_F(walk, ps_at_the_top_level)
{
	*self->e4 |= PS;
	REFUSED(0, PTWALK_ERR_P | PTWALK_ERR_RSVD);
	EXPECT_EQ(PTWALK_FAULT, WALK(PTWALK_ANY));
}

TEST_F(walk, misaligned_2m)
{
	int bit;

	for (bit = 13; bit < 21; bit++) {
		*self->e2 = 0x40000000ULL | TABLE | PS | 1ULL << bit;
		REFUSED(USER, PTWALK_ERR_P | PTWALK_ERR_RSVD | PTWALK_ERR_U);
	}
}

TEST_F(walk, misaligned_1g)
{
	int bit;

	for (bit = 13; bit < 30; bit++) {
		*self->e3 = 0x40000000ULL | TABLE | PS | 1ULL << bit;
		REFUSED(0, PTWALK_ERR_P | PTWALK_ERR_RSVD);
	}
}

TEST_F(walk, reserved_before_rights)
{
	*self->e1 = DATA | P | 1ULL << 50;
	REFUSED(WRITE | USER, PTWALK_ERR_P | PTWALK_ERR_RSVD | PTWALK_ERR_W | PTWALK_ERR_U);
}

TEST_F(walk, entry_rsvd)
{
	EXPECT_FALSE(ptwalk_entry_rsvd(DATA | P, 1, RSVD));
	EXPECT_FALSE(ptwalk_entry_rsvd(DATA | P | PS, 1, RSVD));
	EXPECT_FALSE(ptwalk_entry_rsvd(0x3000 | P, 2, RSVD));
	EXPECT_TRUE(ptwalk_entry_rsvd(0x3000 | P | PS, 2, RSVD));
	EXPECT_TRUE(ptwalk_entry_rsvd(0x200000 | P | PS, 3, RSVD));
	EXPECT_TRUE(ptwalk_entry_rsvd(P | PS, 4, RSVD));
	EXPECT_TRUE(ptwalk_entry_rsvd(RSVD | P, 1, RSVD));
	EXPECT_FALSE(ptwalk_entry_rsvd(RSVD | P, 1, 0));
}

/* ---- 5. Outside, loops, races ------------------------------------------------------- */

TEST_F(walk, table_outside_memory)
{
	__u64 *e[] = { self->e4, self->e3, self->e2 };
	__u64 keep;
	int i;

	for (i = 0; i < 3; i++) {
		keep = *e[i];
		*e[i] = 0x3ffffffff000ULL | TABLE;
		EXPECT_EQ(PTWALK_MEM, WALK(SET_AD));
		EXPECT_EQ(-ENXIO, self->r.mem_error);
		EXPECT_EQ(0, self->f->writes);
		*e[i] = keep;
	}
}

TEST_F(walk, root_outside_memory)
{
	EXPECT_EQ(PTWALK_MEM, ptwalk(&fake_ops, self->f, ~0ULL, VA, 0, &self->r));
	EXPECT_EQ(-ENXIO, self->r.mem_error);
	EXPECT_EQ(1, self->f->reads);
}

TEST_F(walk, leaf_outside_memory_is_the_callers)
{
	*self->e1 = 0x3ffffffff000ULL | TABLE;
	ALLOWED(0);
	EXPECT_EQ(0x3ffffffffULL, self->r.gfn);
}

TEST_F(walk, table_that_contains_itself)
{
	/* every level through one entry: the walk ends after four */
	__u64 va = 0;
	__u64 *e = slot(self->f, ROOT, va, 4);

	*e = ROOT | TABLE;
	EXPECT_EQ(PTWALK_OK, ptwalk(&fake_ops, self->f, ROOT, va, WRITE | SET_AD, &self->r));
	EXPECT_EQ(ROOT >> 12, self->r.gfn);
	EXPECT_EQ(ROOT | TABLE | A | D, *e);
	EXPECT_GE(4 * 8, self->f->reads);
}

TEST_F(walk, write_fails)
{
	self->f->fail_write = -EFAULT;
	EXPECT_EQ(PTWALK_MEM, WALK(SET_AD));
	EXPECT_EQ(-EFAULT, self->r.mem_error);
}

TEST_F(walk, lost_race_walks_again)
{
	self->f->lose = 1;
	self->f->lose_or = 1 << 9;
	self->f->lose_and = ~0ULL;
	ALLOWED(WRITE);
	EXPECT_EQ(8, self->f->reads);
	EXPECT_EQ(DATA | TABLE | A | D, *self->e1);
}

TEST_F(walk, lost_race_against_unmap)
{
	self->f->lose = 1;
	EXPECT_EQ(PTWALK_FAULT, WALK(WRITE | SET_AD));
	EXPECT_EQ(PTWALK_ERR_W, self->r.error);
	EXPECT_EQ(0, *self->e4);
}

TEST_F(walk, lost_race_against_write_protect)
{
	*self->e4 |= A;
	*self->e3 |= A;
	*self->e2 |= A;
	self->f->lose = 1;
	self->f->lose_and = ~RW;
	EXPECT_EQ(PTWALK_FAULT, WALK(WRITE | SET_AD));
	EXPECT_EQ(PTWALK_ERR_P | PTWALK_ERR_W, self->r.error);
	EXPECT_EQ(0, *self->e1 & D);
}

/* A writer that always wins must not hold the walk for ever. */
static int always_lose(void *ctx, __u64 gpa, __u64 old, __u64 val)
{
	struct fake *f = ctx;

	(void)gpa;
	(void)old;
	(void)val;
	f->writes++;
	return 1;
}

TEST_F(walk, endless_race_is_bounded)
{
	const struct ptwalk_mem ops = { .read = fake_read, .cmpxchg = always_lose };

	EXPECT_EQ(PTWALK_RETRY, ptwalk(&ops, self->f, ROOT, VA, SET_AD, &self->r));
	EXPECT_GE(64, self->f->reads);
}

/* ---- 6. Beside an earlier walk ---------------------------------------------------------- */

#define BESIDE	(VA ^ 0x3000)	/* another page of the same 2 MiB */

static enum ptwalk_status near(struct fake *f, const struct ptwalk_result *above, __u64 va,
			       __u32 access, struct ptwalk_result *out)
{
	f->reads = 0;
	f->writes = 0;
	return ptwalk_near(fake_read, fake_cmpxchg, RSVD, f, above, va, access, out);
}

/* What the walk of VA found is good for BESIDE, whose entry is @e. */
#define NEAR(access, e) ({						\
	ASSERT_EQ(PTWALK_OK, WALK(SET_AD));				\
	above = self->r;						\
	self->f->mem[(L1 / 8) + (BESIDE >> 12) % 512] = (e);		\
	near(self->f, &above, BESIDE, (access), &self->r);		\
})

TEST_F(walk, near_reads_one_entry)
{
	struct ptwalk_result above;

	EXPECT_EQ(PTWALK_OK, NEAR(USER | WRITE | SET_AD, 0x7000 | TABLE));
	EXPECT_EQ(1, self->f->reads);
	EXPECT_EQ(1, self->f->writes);
	EXPECT_EQ(7, self->r.gfn);
	EXPECT_EQ(L1, self->r.table_gpa);
	EXPECT_TRUE(self->r.dirty);
	EXPECT_EQ(0x7000 | TABLE | A | D, self->f->mem[(L1 / 8) + (BESIDE >> 12) % 512]);
}

TEST_F(walk, near_writes_no_more_than_asked_for)
{
	struct ptwalk_result above;

	EXPECT_EQ(PTWALK_OK, NEAR(USER | WRITE, 0x7000 | TABLE));
	EXPECT_EQ(0, self->f->writes);
	EXPECT_FALSE(self->r.dirty);
	EXPECT_EQ(PTWALK_OK, NEAR(USER | WRITE | SET_AD, 0x7000 | TABLE | A | D));
	EXPECT_EQ(0, self->f->writes);
	EXPECT_TRUE(self->r.dirty);
}

TEST_F(walk, near_refuses_what_the_entry_refuses)
{
	struct ptwalk_result above;

	EXPECT_EQ(PTWALK_FAULT, NEAR(USER | SET_AD, 0));
	EXPECT_EQ(PTWALK_ERR_U, self->r.error);
	EXPECT_EQ(PTWALK_FAULT, NEAR(USER | WRITE | SET_AD, 0x7000 | P | US));
	EXPECT_EQ(PTWALK_ERR_P | PTWALK_ERR_W | PTWALK_ERR_U, self->r.error);
	EXPECT_EQ(PTWALK_FAULT, NEAR(USER | SET_AD, 0x7000 | P | RW));
	EXPECT_EQ(PTWALK_ERR_P | PTWALK_ERR_U, self->r.error);
	EXPECT_EQ(PTWALK_FAULT, NEAR(USER | FETCH | SET_AD, 0x7000 | TABLE | NX));
	EXPECT_EQ(PTWALK_ERR_P | PTWALK_ERR_U | PTWALK_ERR_I, self->r.error);
	EXPECT_EQ(PTWALK_FAULT, NEAR(SET_AD, 0x7000 | TABLE | RSVD));
	EXPECT_EQ(PTWALK_ERR_P | PTWALK_ERR_RSVD, self->r.error);
	EXPECT_EQ(0, self->f->writes);
}

/* Rights are those of all levels, also of those that are not read again. */
TEST_F(walk, near_keeps_what_is_above)
{
	struct ptwalk_result above;

	*self->e2 &= ~RW;
	EXPECT_EQ(PTWALK_FAULT, NEAR(USER | WRITE | SET_AD, 0x7000 | TABLE));
	*self->e2 |= RW;
	*self->e3 &= ~US;
	EXPECT_EQ(PTWALK_FAULT, NEAR(USER | SET_AD, 0x7000 | TABLE));
	*self->e3 |= US;
	*self->e4 |= NX;
	EXPECT_EQ(PTWALK_FAULT, NEAR(USER | FETCH | SET_AD, 0x7000 | TABLE));
}

TEST_F(walk, near_loses_races)
{
	struct ptwalk_result above;

	ASSERT_EQ(PTWALK_OK, WALK(SET_AD));
	self->f->lose = 1;
	self->f->lose_and = ~RW;
	EXPECT_EQ(PTWALK_FAULT, NEAR(USER | WRITE | SET_AD, 0x7000 | TABLE));
	EXPECT_EQ(PTWALK_RETRY, ptwalk_near(fake_read, always_lose, RSVD, self->f, &above, VA,
					    WRITE | SET_AD, &self->r));
	self->f->fail_write = -EFAULT;
	EXPECT_EQ(PTWALK_MEM, NEAR(USER | WRITE | SET_AD, 0x7000 | TABLE));
	EXPECT_EQ(-EFAULT, self->r.mem_error);
}

TEST_F(walk, near_table_outside_memory)
{
	struct ptwalk_result above;

	ASSERT_EQ(PTWALK_OK, WALK(SET_AD));
	above = self->r;
	above.table_gpa = PAGES * 4096;
	memset(&self->r, 0xff, sizeof(self->r));
	EXPECT_EQ(PTWALK_MEM, near(self->f, &above, BESIDE, 0, &self->r));
	EXPECT_EQ(-ENXIO, self->r.mem_error);
	EXPECT_EQ(1, self->r.level);
}

/* ---- 7. A second opinion --------------------------------------------------------------- */

/* The same question, asked the slow way. Return: error code, or -1 for allowed. */
static int slow_walk(struct fake *f, __u64 va, __u32 access, __u64 *gfn)
{
	__u32 acc = access & (WRITE | USER | FETCH);
	bool w = true, u = true, x = true;
	__u64 table = ROOT, e = 0;
	int level;

	for (level = 4; level; level--) {
		__u64 mask = (1ULL << (12 + 9 * (level - 1))) - 1;

		if (table >= PAGES * 4096)
			return -2;
		e = f->mem[table / 8 + (va >> (12 + 9 * (level - 1))) % 512];
		if (!(e & P))
			return acc;
		if (e & RSVD)
			return acc | 9;
		if (level == 4 && (e & PS))
			return acc | 9;
		w &= !!(e & RW);
		u &= !!(e & US);
		x &= !(e & NX);
		if (level == 1 || (e & PS)) {
			if (level > 1 && (e & GPTE_ADDR & mask & ~0x1000ULL))
				return acc | 9;
			*gfn = ((e & GPTE_ADDR & ~mask) + (va & mask)) >> 12;
			break;
		}
		table = e & GPTE_ADDR;
	}
	if ((acc & USER) && !u)
		return acc | 1;
	if ((acc & WRITE) && !w)
		return acc | 1;
	if ((acc & FETCH) && (!x || (!(acc & USER) && u)))
		return acc | 1;
	return -1;
}

static __u64 rnd(void)
{
	return (__u64)random() << 42 ^ (__u64)random() << 21 ^ random();
}

/* Mostly present, mostly pointing to memory; now and then anything. */
static __u64 random_entry(void)
{
	__u64 e = (rnd() % PAGES) << 12 | (rnd() & 0x6e) | TABLE;

	if (rnd() % 4 == 0)
		e &= ~(1ULL << rnd() % 3);
	if (rnd() % 4)
		e &= ~PS;
	else
		e &= ~0x1fe000ULL;
	if (rnd() % 8 == 0)
		e |= NX;
	if (rnd() % 32 == 0)
		e ^= 1ULL << rnd() % 64;
	return rnd() % 64 ? e : rnd();
}

/* After a walk that found @above: as another one, of an address beside it. */
static bool same_beside(struct fake *f, const struct ptwalk_result *above, __u64 va,
			__u32 access)
{
	struct ptwalk_result one = { 0 }, two = { 0 };
	enum ptwalk_status st, want;
	static struct fake other;

	other = *f;
	want = ptwalk(&fake_ops, f, ROOT, va, access, &one);
	st = near(&other, above, va, access, &two);
	if (st != want || other.reads > 1 || memcmp(other.mem, f->mem, sizeof(f->mem)))
		return false;
	if (st == PTWALK_FAULT)
		return one.error == two.error;
	return st != PTWALK_OK || (one.gfn == two.gfn && one.level == two.level &&
				   one.table_gpa == two.table_gpa && one.user == two.user &&
				   one.writable == two.writable && one.noexec == two.noexec &&
				   one.dirty == two.dirty && one.path_user == two.path_user &&
				   one.path_writable == two.path_writable &&
				   one.path_noexec == two.path_noexec);
}

TEST_F(walk, random_tables)
{
	int round, i, n, verdicts[2] = { 0, 0 }, beside = 0;

	srandom(20260101);
	for (round = 0; round < 200; round++) {
		for (i = 0; i < PAGES * 512; i++)
			self->f->mem[i] = random_entry();
		for (n = 0; n < 500; n++) {
			static const __u32 kinds[] = { 0, WRITE, FETCH, USER, USER | WRITE,
							  USER | FETCH };
			__u32 access = kinds[rnd() % 6];
			__u64 va = rnd() & 0xffffffffffffULL, gfn = 0;
			enum ptwalk_status st;
			int want;

			want = slow_walk(self->f, va, access, &gfn);
			st = ptwalk(&fake_ops, self->f, ROOT, va, access | SET_AD, &self->r);
			verdicts[want == -1]++;
			if (want == -1) {
				ASSERT_EQ(PTWALK_OK, st);
				ASSERT_EQ(gfn, self->r.gfn);
				if (self->r.level > 1)
					continue;
				va ^= (rnd() % 512) << 12;
				access = kinds[rnd() % 6] | SET_AD;
				ASSERT_TRUE(same_beside(self->f, &self->r, va, access));
				beside++;
			} else if (want == -2) {
				ASSERT_EQ(PTWALK_MEM, st);
			} else {
				ASSERT_EQ(PTWALK_FAULT, st);
				ASSERT_EQ((__u32)want, self->r.error);
			}
		}
	}
	/* the tables are such that both happen often */
	EXPECT_LT(5000, verdicts[0]);
	EXPECT_LT(5000, verdicts[1]);
	EXPECT_LT(1000, beside);
}

TEST_HARNESS_MAIN
