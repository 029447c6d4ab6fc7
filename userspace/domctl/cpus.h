/* SPDX-License-Identifier: GPL-2.0-only */
/* Sets of the host's CPUs, and lists of them as people write them: 0-1,3. */
#ifndef DOMCTL_CPUS_H
#define DOMCTL_CPUS_H

#include <stdbool.h>
#include <stddef.h>

#include "error.h"

#define CPUS_MAX 8192	/* more than any kernel of x86-64 has room for */
#define CPUS_TEXT 256	/* bytes of a list; a longer one ends in "..." */

/* struct cpus - a set; @bits as sched_setaffinity() takes them */
struct cpus {
	unsigned long bits[CPUS_MAX / (8 * sizeof(long))];
};

bool cpus_has(const struct cpus *cpus, size_t cpu);
bool cpus_equal(const struct cpus *a, const struct cpus *b);
bool cpus_empty(const struct cpus *cpus);

/* What @a and @b have in common; @to may be one of them. */
void cpus_and(struct cpus *to, const struct cpus *a, const struct cpus *b);

/**
 * struct cpus_words - what errors call the members of a set
 * @what: the option
 * @one, @several: of them
 * @lacks: why one may not be there, and what a list of those calls that are: "it is offline
 *	(online"
 */
struct cpus_words {
	const char *what;
	const char *one;
	const char *several;
	const char *lacks;
};

/* As cpus_parse(), of a set of something else. Pure. */
int cpus_parse_as(const struct cpus_words *words, const char *text, const struct cpus *there,
		  struct cpus *cpus, struct error *error);

/**
 * cpus_parse() - read a list: numbers and ranges, with commas between them
 * @there: CPUs that there are
 *
 * Return: 0, or -1 with EXIT_USAGE (it is no list), or EXIT_REFUSED: one that is not
 * @there. Pure.
 */
int cpus_parse(const char *text, const struct cpus *there, struct cpus *cpus,
	       struct error *error);

/* The list of a set, in ascending order. Return: @text. Pure. */
const char *cpus_format(char text[CPUS_TEXT], const struct cpus *cpus);

/* The CPUs of this host that are online. Return: 0, or -1. */
int cpus_online(struct cpus *cpus, struct error *error);

#endif /* DOMCTL_CPUS_H */
