// SPDX-License-Identifier: GPL-2.0-only
/* limit.c: reading and writing weights, caps, limits of memory; see limit.h. */
#include <linux/domus.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "limit.h"
#include "size.h"

int limits_parse_weight(struct limits *limits, const char *text, struct error *error)
{
	uint64_t weight = 0;

	if (number_parse(text, "weight", 1, LIMITS_WEIGHT_MAX, &weight, error))
		return -1;
	limits->weight = (uint32_t)weight;
	return 0;
}

int limits_parse_cap(struct limits *limits, const char *text, struct error *error)
{
	size_t length = strlen(text);
	uint64_t cap = 0;
	char digits[32];

	if (!strcmp(text, "none")) {
		limits->cap = LIMITS_NO_CAP;
		return 0;
	}
	if (length && text[length - 1] == '%')
		length--;
	if (length >= sizeof(digits))
		length = 0;
	snprintf(digits, sizeof(digits), "%.*s", (int)length, text);
	if (!length)
		return error_set(error, EXIT_USAGE, "cap",
				 "'%.40s' is no percentage of a CPU (as 30%%), nor none", text);
	if (number_parse(digits, "cap", 1, LIMITS_CAP_MAX, &cap, error))
		return -1;
	limits->cap = (uint32_t)cap;
	return 0;
}

int limits_parse_memory(struct limits *limits, const char *text, struct error *error)
{
	uint64_t size = 0;

	if (!strcmp(text, "none")) {
		limits->memory = LIMITS_NO_MEMORY;
		return 0;
	}
	if (memory_parse(text, "memory-limit", &size, error))
		return -1;
	limits->memory = size;
	return 0;
}

const char *limits_said(const struct limits *limits)
{
	if (limits->weight)
		return "weight";
	if (limits->cap)
		return "cap";
	return limits->memory ? "memory-limit" : NULL;
}

static void print_cap(struct print *p, const struct limits *limits)
{
	char text[16];

	if (!limits->cap || (p->json && limits->cap == LIMITS_NO_CAP))
		return;
	snprintf(text, sizeof(text), "%u%%", limits->cap);
	if (p->json)
		print_number(p, "cap", NULL, limits->cap);
	else
		print_string(p, "cap", "Cap", limits->cap == LIMITS_NO_CAP ? "none" : text);
}

void limits_print(struct print *p, const struct limits *limits)
{
	if (limits->weight)
		print_number(p, "weight", "Weight", limits->weight);
	print_cap(p, limits);
	if (limits->memory && limits->memory != LIMITS_NO_MEMORY)
		print_size(p, "memory_limit", "Memory limit", limits->memory);
	else if (limits->memory && !p->json)
		print_string(p, NULL, "Memory limit", "none");
}
