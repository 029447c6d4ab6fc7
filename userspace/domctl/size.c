// SPDX-License-Identifier: GPL-2.0-only
/* size.c: reading and writing sizes, numbers and names; see size.h. */
#include <ctype.h>
#include <inttypes.h>
#include <linux/domus.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "size.h"

/* Digits only: no sign, no blank, no base. Return: what follows, or NULL. */
static const char *digits(const char *text, uint64_t *value, bool *overflow)
{
	if (!isdigit((unsigned char)*text))
		return NULL;
	*value = 0;
	*overflow = false;
	for (; isdigit((unsigned char)*text); text++) {
		uint64_t digit = (uint64_t)(*text - '0');

		if (__builtin_mul_overflow(*value, 10, value) ||
		    __builtin_add_overflow(*value, digit, value))
			*overflow = true;
	}
	return text;
}

int size_parse(const char *text, const char *what, uint64_t *size, struct error *error)
{
	static const char units[] = "KMGT";
	const char *unit = NULL;
	uint64_t value = 0;
	bool overflow = false;
	const char *end = digits(text, &value, &overflow);

	if (end && *end) {
		unit = strchr(units, toupper((unsigned char)*end));
		if (!unit || end[1])
			end = NULL;
	}
	if (!end)
		return error_set(error, EXIT_USAGE, what,
				 "'%.40s' is not a size (as 512M or 2G)", text);
	if (unit && __builtin_mul_overflow(value, 1ULL << (10 * (unit - units + 1)), &value))
		overflow = true;
	if (overflow)
		return error_set(error, EXIT_USAGE, what, "%.40s is too large", text);
	*size = value;
	return 0;
}

int memory_parse(const char *text, const char *what, uint64_t *size, struct error *error)
{
	if (size_parse(text, what, size, error))
		return -1;
	if (*size < DOMUS_MEMORY_MIN || *size > DOMUS_MEMORY_MAX)
		return error_set(error, EXIT_USAGE, what, "%s is not in 1M to 4T", text);
	if (*size % 4096)
		return error_set(error, EXIT_USAGE, what, "%s is no multiple of 4K", text);
	return 0;
}

int number_parse(const char *text, const char *what, uint64_t min, uint64_t max,
		 uint64_t *number, struct error *error)
{
	bool overflow = false;
	const char *end = digits(text, number, &overflow);

	if (!end || *end)
		return error_set(error, EXIT_USAGE, what, "'%.40s' is not a number", text);
	if (overflow || *number < min || *number > max)
		return error_set(error, EXIT_USAGE, what,
				 "%.40s is not in %" PRIu64 " to %" PRIu64, text, min, max);
	return 0;
}

const char *size_format(char text[SIZE_TEXT], uint64_t size)
{
	static const char units[] = "BKMGT";
	unsigned int unit = 0;
	uint64_t whole = size;
	uint64_t rest = 0;

	while (whole >= 1024 && unit < 4) {
		rest = whole % 1024;
		whole /= 1024;
		unit++;
	}
	/* 1536M is better than 1.5G when nothing is lost. */
	if (rest && unit > 1 && size % (1ULL << (10 * (unit - 1))) == 0 && whole < 10) {
		whole = size >> (10 * (unit - 1));
		rest = 0;
		unit--;
	}
	if (rest)
		snprintf(text, SIZE_TEXT, "%" PRIu64 ".%" PRIu64 "%c", whole, rest * 10 / 1024,
			 units[unit]);
	else
		snprintf(text, SIZE_TEXT, "%" PRIu64 "%c", whole, units[unit]);
	return text;
}

int name_check(const char *name, struct error *error)
{
	size_t length = strlen(name);

	if (!length)
		return error_set(error, EXIT_USAGE, "name", "is empty");
	if (length > DOMUS_NAME_MAX)
		return error_set(error, EXIT_USAGE, "name", "is longer than %d bytes",
				 DOMUS_NAME_MAX);
	for (size_t i = 0; i < length; i++) {
		unsigned char c = (unsigned char)name[i];
		bool alnum = (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') ||
			     (c >= 'a' && c <= 'z');

		if (!alnum && (!i || !strchr("._-", c)))
			return error_set(error, EXIT_USAGE, "name",
					 "'%.63s' must be letters, digits, '.', '_' and '-', "
					 "a letter or digit first", name);
	}
	return 0;
}
