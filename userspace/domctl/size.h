/* SPDX-License-Identifier: GPL-2.0-only */
/* Sizes (512M), whole numbers and names of the command line. Pure. */
#ifndef DOMCTL_SIZE_H
#define DOMCTL_SIZE_H

#include <stdint.h>

#include "error.h"

#define SIZE_TEXT 32

/**
 * size_parse() - read a size: digits and one of K, M, G, T (binary), or nothing
 * @what: the option, for the error
 *
 * Return: 0, or -1 with EXIT_USAGE.
 */
int size_parse(const char *text, const char *what, uint64_t *size, struct error *error);

/* A domain's memory: whole pages, DOMUS_MEMORY_MIN to DOMUS_MEMORY_MAX. Return: as size_parse(). */
int memory_parse(const char *text, const char *what, uint64_t *size, struct error *error);

/* A whole number in [@min, @max]. Return: as size_parse(). */
int number_parse(const char *text, const char *what, uint64_t min, uint64_t max,
		 uint64_t *number, struct error *error);

/* @text in the largest unit that divides @size, or with one digit behind it. */
const char *size_format(char text[SIZE_TEXT], uint64_t size);

/* A domain's name as the module takes it. Return: 0, or -1 with EXIT_USAGE. */
int name_check(const char *name, struct error *error);

#endif /* DOMCTL_SIZE_H */
