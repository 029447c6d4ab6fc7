/* SPDX-License-Identifier: GPL-2.0-only */
/* What a domain is to have of the host, as it is asked for; cgroup.h keeps it so. Pure. */
#ifndef DOMCTL_LIMIT_H
#define DOMCTL_LIMIT_H

#include <stdbool.h>
#include <stdint.h>

#include "error.h"
#include "print.h"

#define LIMITS_WEIGHT_MAX 10000
#define LIMITS_CAP_MAX 6400	/* percent of a CPU: as many as there can be vCPUs */
#define LIMITS_NO_CAP UINT32_MAX
#define LIMITS_NO_MEMORY UINT64_MAX

/**
 * struct limits - zero: nothing was said
 * @weight: its part of the CPU among others, 1 to LIMITS_WEIGHT_MAX; 100 is usual
 * @cap: most that it has, in percent of one CPU, or LIMITS_NO_CAP
 * @memory: most that it has of the host's memory, in bytes, or LIMITS_NO_MEMORY
 */
struct limits {
	uint32_t weight;
	uint32_t cap;
	uint64_t memory;
};

/* Return: 0, or -1 with EXIT_USAGE. A cap is "N", "N%" or "none", memory a size or "none". */
int limits_parse_weight(struct limits *limits, const char *text, struct error *error);
int limits_parse_cap(struct limits *limits, const char *text, struct error *error);
int limits_parse_memory(struct limits *limits, const char *text, struct error *error);

/* Members of an object; what has no limit is not in JSON. */
void limits_print(struct print *p, const struct limits *limits);

/* The first one that was said: "weight", "cap", "memory-limit"; NULL: none. */
const char *limits_said(const struct limits *limits);

#endif /* DOMCTL_LIMIT_H */
