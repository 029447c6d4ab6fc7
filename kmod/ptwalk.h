/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef DOMUS_PTWALK_H
#define DOMUS_PTWALK_H

#include <linux/types.h>
#ifndef __KERNEL__
#include <stdbool.h>
#endif

/* Bits of a guest page table entry that the walk honours. */
#define GPTE_P			0x001ULL
#define GPTE_RW			0x002ULL
#define GPTE_US			0x004ULL
#define GPTE_A			0x020ULL
#define GPTE_D			0x040ULL
#define GPTE_PS			0x080ULL
#define GPTE_NX			0x8000000000000000ULL
#define GPTE_ADDR		0x000ffffffffff000ULL

/* Bits of a page fault's error code. */
#define PTWALK_ERR_P		0x01U
#define PTWALK_ERR_W		0x02U
#define PTWALK_ERR_U		0x04U
#define PTWALK_ERR_RSVD		0x08U
#define PTWALK_ERR_I		0x10U

/*
 * Accesses. WRITE, USER and FETCH have the values of the error code's bits, so
 * that a fault's code is the access with P and RSVD added.
 */
#define PTWALK_WRITE		PTWALK_ERR_W
#define PTWALK_USER		PTWALK_ERR_U
#define PTWALK_FETCH		PTWALK_ERR_I
#define PTWALK_SET_AD		0x100U	/* set A, and D of the leaf for a write */
#define PTWALK_ANY		0x200U	/* no access: translate only */

/**
 * struct ptwalk_mem - how the walk gets at table memory
 * @read: fetch the 8-byte entry at @gpa (8 aligned, any value below 2^52) once
 * @cmpxchg: replace @old by @val there; 0 done, 1 the entry is not @old any more
 * @rsvd: address bits above the guest's physical width, reserved in every entry
 *
 * Callbacks return a negative value to end the walk with PTWALK_MEM.
 */
struct ptwalk_mem {
	int (*read)(void *ctx, __u64 gpa, __u64 *entry);
	int (*cmpxchg)(void *ctx, __u64 gpa, __u64 old, __u64 val);
	__u64 rsvd;
};

enum ptwalk_status {
	PTWALK_OK,	/* the access is allowed; all fields of the result count */
	PTWALK_FAULT,	/* the guest's fault: error counts */
	PTWALK_MEM,	/* a callback failed: mem_error and level count */
	PTWALK_RETRY,	/* entries kept changing under the A/D update: try later */
};

/**
 * struct ptwalk_result
 * @gfn: 4 KiB frame that the address lies in (inside a large leaf, too)
 * @table_gpa: address of the table that holds the leaf
 * @error: page fault error code in the guest's terms
 * @mem_error: what the callback returned
 * @level: of the leaf: 1 4 KiB, 2 2 MiB, 3 1 GiB
 * @writable: RW at every level
 * @user: US at every level
 * @noexec: NX at any level
 * @dirty: D of the leaf, after the update
 * @path_writable, @path_user, @path_noexec: the same without the leaf, for neighbours
 */
struct ptwalk_result {
	__u64 gfn;
	__u64 table_gpa;
	__u32 error;
	int mem_error;
	__u8 level;
	bool writable;
	bool user;
	bool noexec;
	bool dirty;
	bool path_writable;
	bool path_user;
	bool path_noexec;
};

/**
 * ptwalk() - walk a guest's 4-level tables for one access
 * @mem: access to table memory
 * @ctx: handed to the callbacks
 * @root: guest physical address of the top-level table; low 12 bits ignored
 * @va: address, bits 0..47 are used; the caller has dealt with non-canonical ones
 * @access: PTWALK_*
 * @out: result
 *
 * Rules: CR0.WP, EFER.NXE and SMEP as if set, SMAP and CR4.PKE as if clear. An
 * entry is fetched once per walk; A and D are set by compare-exchange on what
 * was fetched, only when the access is allowed; otherwise tables are not
 * written. Reads at most 4 entries per attempt, for a bounded number of attempts,
 * whatever the tables say.
 *
 * Pure: no state but the arguments'. Context: that of the callbacks.
 */
enum ptwalk_status ptwalk(const struct ptwalk_mem *mem, void *ctx, __u64 root,
			  __u64 va, __u32 access, struct ptwalk_result *out);

/**
 * ptwalk_entry_rsvd() - has a present entry reserved bits set?
 * @entry: the entry, present
 * @level: 1..4, of the table that it is in
 * @rsvd: as in struct ptwalk_mem
 */
bool ptwalk_entry_rsvd(__u64 entry, int level, __u64 rsvd);

#endif /* DOMUS_PTWALK_H */
