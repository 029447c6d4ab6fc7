/* SPDX-License-Identifier: GPL-2.0-only */
/* What of the host a domain's memory is made of: kinds of pages, nodes, KSM. */
#ifndef DOMCTL_BACKING_H
#define DOMCTL_BACKING_H

#include <stdbool.h>
#include <stdint.h>

#include "cpus.h"
#include "error.h"

enum backing_thp {
	THP_UNSAID,	/* as THP_ALWAYS, where the host has them */
	THP_ALWAYS,
	THP_NEVER,
};

/**
 * struct backing - zero: what a process of the host has, with transparent huge pages
 * @hugetlb: size of reserved huge pages, or 0: none of these
 * @thp: transparent huge pages
 * @ksm: the host may merge equal pages
 * @on_nodes: on @nodes only, by their numbers
 */
struct backing {
	uint64_t hugetlb;
	enum backing_thp thp;
	bool ksm;
	bool on_nodes;
	struct cpus nodes;
};

/* "2M" or "1G"; "always" or "never"; "0-1,3". Return: 0, or -1 with EXIT_USAGE. Pure. */
int backing_parse_hugetlb(struct backing *b, const char *text, struct error *error);
int backing_parse_thp(struct backing *b, const char *text, struct error *error);
int backing_parse_nodes(struct backing *b, const char *text, struct error *error);

/**
 * backing_check() - do the options agree with each other?
 * @memory: what the guest begins with
 * @max: what it may have
 *
 * Return: 0, or -1 with EXIT_USAGE. Pure.
 */
int backing_check(const struct backing *b, uint64_t memory, uint64_t max, struct error *error);

/**
 * backing_map() - memory for a domain, zero, at a border of 2 MiB
 *
 * Huge pages of --hugetlb are taken now, as a guest that does not get one later dies; others
 * come when they are touched. Return: the memory, or NULL with nothing changed: the host
 * has no such pages, or not so many, nodes, or kernel.
 */
void *backing_map(const struct backing *b, uint64_t size, struct error *error);

/* Says on stderr what the host does not do now, though it was asked for. */
void backing_warn(const struct backing *b);

/* Makes it zero again. Return: 0, or -1. */
int backing_clear(const struct backing *b, void *memory, uint64_t size, struct error *error);

#endif /* DOMCTL_BACKING_H */
