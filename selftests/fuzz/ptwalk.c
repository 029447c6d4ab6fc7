// SPDX-License-Identifier: GPL-2.0-only
/*
 * The walk of a guest's page tables: the input is a small memory, a root, and accesses, with
 * what another vCPU writes between the walk's look at an entry and its change.
 *
 * Whatever is in the tables, the walk ends, reads no more than four entries an attempt, writes
 * nothing but A and D, and only by compare-exchange; without others' writes what it says is
 * what a slow reading of the manual says.
 */
#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "ptwalk.h"

#define CHECK(x) do { if (!(x)) abort(); } while (0)

#define PAGES	8
#define WORDS	(PAGES * 512)

struct input {
	const uint8_t *at;
	size_t left;
};

static uint8_t byte(struct input *in)
{
	if (!in->left)
		return 0;
	in->left--;
	return *in->at++;
}

static uint64_t number(struct input *in, unsigned int bytes)
{
	uint64_t value = 0;

	while (bytes--)
		value = value << 8 | byte(in);
	return value;
}

/* struct memory - @races: how many more of the walk's changes come too late */
struct memory {
	uint64_t words[WORDS];
	unsigned int reads, writes, races;
	uint64_t flips;
};

static int read_entry(void *ctx, __u64 gpa, __u64 *entry)
{
	struct memory *m = ctx;

	CHECK(!(gpa & 7) && gpa >> 52 == 0);
	m->reads++;
	if (gpa / 8 >= WORDS)
		return -ENXIO;
	*entry = m->words[gpa / 8];
	return 0;
}

static int change_entry(void *ctx, __u64 gpa, __u64 old, __u64 val)
{
	struct memory *m = ctx;

	CHECK(gpa / 8 < WORDS && !((old ^ val) & ~(GPTE_A | GPTE_D)) && (val & old) == old);
	m->writes++;
	if (m->races) {
		m->races--;
		m->words[gpa / 8] ^= m->flips;
	}
	if (m->words[gpa / 8] != old)
		return 1;
	m->words[gpa / 8] = val;
	return 0;
}

/* Mostly entries that lead somewhere. */
static uint64_t make_entry(struct input *in)
{
	uint8_t what = byte(in);
	uint64_t e = (uint64_t)(byte(in) % (PAGES + 1)) << 12;

	if (what & 0x80)
		e |= number(in, 8) & 0x7ffffffffffff000;
	e |= what & 1 ? 0 : GPTE_P;
	e |= what & 2 ? 0 : GPTE_RW;
	e |= what & 4 ? 0 : GPTE_US;
	e |= what & 8 ? GPTE_A | GPTE_D : 0;
	e |= (what & 0x30) == 0x30 ? GPTE_PS : 0;
	e |= (what & 0x50) == 0x50 ? GPTE_NX : 0;
	return e;
}

/* The manual's way. Return: as ptwalk(), without PTWALK_RETRY. */
static enum ptwalk_status slowly(const struct memory *m, uint64_t root, uint64_t va,
				 uint32_t access, uint64_t rsvd, uint64_t *gfn, uint32_t *error)
{
	bool writable = true, user = true, run = true, any = access & PTWALK_ANY;
	uint64_t table = root & GPTE_ADDR, e;
	int level;

	*error = access & (PTWALK_WRITE | PTWALK_USER | PTWALK_FETCH);
	for (level = 4;; level--) {
		uint64_t at = table / 8 + (va >> (3 + 9 * level) & 511);
		bool large;

		if (at >= WORDS)
			return PTWALK_MEM;
		e = m->words[at];
		if (!(e & GPTE_P))
			return PTWALK_FAULT;
		large = level == 1 || (level < 4 && e & GPTE_PS);
		if (e & rsvd || (level == 4 && e & GPTE_PS) ||
		    (level > 1 && large && e & ((1UL << (3 + 9 * level)) - 0x2000))) {
			*error |= PTWALK_ERR_P | PTWALK_ERR_RSVD;
			return PTWALK_FAULT;
		}
		writable &= !!(e & GPTE_RW);
		user &= !!(e & GPTE_US);
		run &= !(e & GPTE_NX);
		if (large)
			break;
		table = e & GPTE_ADDR;
	}
	if (!any && ((access & PTWALK_WRITE && !writable) || (access & PTWALK_USER && !user) ||
		     (access & PTWALK_FETCH && (!run || (!(access & PTWALK_USER) && user))))) {
		*error |= PTWALK_ERR_P;
		return PTWALK_FAULT;
	}
	*gfn = ((e & GPTE_ADDR) & ~((1UL << (3 + 9 * level)) - 1)) >> 12;
	*gfn += (va & ((1UL << (3 + 9 * level)) - 1)) >> 12;
	return PTWALK_OK;
}

static void one_access(struct memory *m, uint64_t root, struct input *in)
{
	static const uint64_t widths[] = { 0, 0x000fc00000000000, 0x000ffffffff00000 };
	uint8_t what = byte(in);
	uint64_t rsvd = widths[what % 3];
	uint32_t access = (what & 4 ? PTWALK_WRITE : 0) | (what & 8 ? PTWALK_USER : 0) |
			  (what & 16 ? PTWALK_FETCH : 0) | (what & 32 ? PTWALK_SET_AD : 0) |
			  (what & 64 ? PTWALK_ANY : 0);
	const struct ptwalk_mem ops = {
		.read = read_entry, .cmpxchg = change_entry, .rsvd = rsvd,
	};
	uint64_t va = number(in, 6), gfn = 0;
	enum ptwalk_status status, meant;
	struct ptwalk_result r;
	bool alone = !(what & 128);
	uint32_t error = 0;

	m->reads = 0;
	m->writes = 0;
	m->races = alone ? 0 : byte(in);
	m->flips = alone ? 0 : number(in, 8);
	meant = slowly(m, root, va, access, rsvd, &gfn, &error);
	status = ptwalk(&ops, m, root, va, access, &r);
	/* as many attempts as there are for one who loses all the time, and no more */
	CHECK(m->reads <= 4 * 64 && m->writes <= 4 * 64);
	CHECK(access & PTWALK_SET_AD || !m->writes);
	if (status == PTWALK_OK)
		CHECK(r.level >= 1 && r.level <= 3 && r.gfn >> 40 == 0);
	if (!alone)
		return;
	CHECK(status == meant);
	if (status == PTWALK_OK)
		CHECK(r.gfn == gfn);
	if (status == PTWALK_FAULT)
		CHECK(r.error == error && !m->writes);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct memory m;
	struct input in = { data, size };
	uint64_t root = number(&in, 2);
	unsigned int entries = byte(&in);

	memset(&m, 0, sizeof(m));
	root = root & 0x8000 ? root << 33 : root % (PAGES << 12);
	while (entries-- && in.left) {
		uint64_t e, at = number(&in, 2) % WORDS;
		unsigned int n = byte(&in);

		/* few addresses lead to a certain entry: some are everywhere in their table */
		e = make_entry(&in);
		for (n = n & 0x80 ? 512 : 1; n--; at++)
			m.words[at % WORDS] = e;
	}
	while (in.left)
		one_access(&m, root, &in);
	return 0;
}
