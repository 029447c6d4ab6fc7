// SPDX-License-Identifier: GPL-2.0-only
/* cpus.c: sets of CPUs and their lists; see cpus.h. */
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "cpus.h"
#include "size.h"

#define ONLINE "/sys/devices/system/cpu/online"
#define WORD (8 * sizeof(long))

bool cpus_has(const struct cpus *cpus, size_t cpu)
{
	return cpu < CPUS_MAX && cpus->bits[cpu / WORD] >> (cpu % WORD) & 1;
}

bool cpus_equal(const struct cpus *a, const struct cpus *b)
{
	return !memcmp(a, b, sizeof(*a));
}

bool cpus_empty(const struct cpus *cpus)
{
	for (size_t i = 0; i < CPUS_MAX / WORD; i++)
		if (cpus->bits[i])
			return false;
	return true;
}

void cpus_and(struct cpus *to, const struct cpus *a, const struct cpus *b)
{
	for (size_t i = 0; i < CPUS_MAX / WORD; i++)
		to->bits[i] = a->bits[i] & b->bits[i];
}

/* "3" or "3-5". Return: 0, or -1. */
static int parse_range(const struct cpus_words *words, char *text, uint64_t *first,
		       uint64_t *last, struct error *error)
{
	char *dash = strchr(text, '-');

	if (dash)
		*dash++ = '\0';
	if (number_parse(text, words->what, 0, CPUS_MAX - 1, first, error) ||
	    (dash && number_parse(dash, words->what, 0, CPUS_MAX - 1, last, error)))
		return -1;
	if (!dash)
		*last = *first;
	if (*last < *first)
		return error_set(error, EXIT_USAGE, words->what, "%s-%s ends before it begins",
				 text, dash);
	return 0;
}

static int add_range(const struct cpus_words *words, struct cpus *cpus,
		     const struct cpus *there, uint64_t first, uint64_t last,
		     struct error *error)
{
	char text[CPUS_TEXT];

	for (size_t cpu = first; cpu <= last; cpu++) {
		if (!cpus_has(there, cpu))
			return error_set(error, EXIT_REFUSED, words->what, "this host has no %s %zu, "
					 "or %s: %s)", words->one, cpu, words->lacks,
					 cpus_format(text, there));
		cpus->bits[cpu / WORD] |= 1UL << (cpu % WORD);
	}
	return 0;
}

int cpus_parse_as(const struct cpus_words *words, const char *text, const struct cpus *there,
		  struct cpus *cpus, struct error *error)
{
	*cpus = (struct cpus) { .bits = { 0 } };
	if (!*text)
		return error_set(error, EXIT_USAGE, words->what, "is empty");
	for (;;) {
		size_t length = strcspn(text, ",");
		uint64_t first = 0;
		uint64_t last = 0;
		char range[64];

		if (length >= sizeof(range))
			return error_set(error, EXIT_USAGE, words->what,
					 "'%.40s' is no list of %s (as 0-1,3)", text,
					 words->several);
		snprintf(range, sizeof(range), "%.*s", (int)length, text);
		if (parse_range(words, range, &first, &last, error) ||
		    add_range(words, cpus, there, first, last, error))
			return -1;
		if (!text[length])
			return 0;
		text += length + 1;
	}
}

int cpus_parse(const char *text, const struct cpus *there, struct cpus *cpus,
	       struct error *error)
{
	static const struct cpus_words words = {
		.what = "cpus",
		.one = "CPU",
		.several = "CPUs",
		.lacks = "it is offline (online",
	};

	return cpus_parse_as(&words, text, there, cpus, error);
}

const char *cpus_format(char text[CPUS_TEXT], const struct cpus *cpus)
{
	size_t n = 0;

	*text = '\0';
	for (size_t cpu = 0; cpu < CPUS_MAX; cpu++) {
		size_t last = cpu;

		if (!cpus_has(cpus, cpu))
			continue;
		while (cpus_has(cpus, last + 1))
			last++;
		if (n > CPUS_TEXT - 20) {
			snprintf(text + n, CPUS_TEXT - n, ",...");
			break;
		}
		n += (size_t)snprintf(text + n, CPUS_TEXT - n, last > cpu ? "%s%zu-%zu" : "%s%zu",
				      n ? "," : "", cpu, last);
		cpu = last;
	}
	return text;
}

int cpus_online(struct cpus *cpus, struct error *error)
{
	FILE *file = fopen(ONLINE, "re");
	char line[4096] = "";
	struct cpus all;

	if (!file)
		return error_errno(error, ONLINE, "", errno);
	if (!fgets(line, sizeof(line), file))
		*line = '\0';
	fclose(file);
	line[strcspn(line, "\n")] = '\0';
	memset(&all, 0xff, sizeof(all));
	return cpus_parse(line, &all, cpus, error);
}
