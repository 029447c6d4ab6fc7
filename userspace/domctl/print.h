/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Output: one call prints a member as text or as JSON, streamed.
 *
 * Text comes in two layouts: a table (a line for each object, a title line first)
 * and a list ("Title: value" lines). Only the JSON is a stable format. Whatever a
 * guest or another user may have written is printed without control characters.
 */
#ifndef DOMCTL_PRINT_H
#define DOMCTL_PRINT_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "error.h"

enum print_layout {
	PRINT_LIST,
	PRINT_TABLE,
};

#define PRINT_DEPTH_MAX 8

/**
 * struct print - where and how output goes
 * @file: stdout
 * @json: JSON instead of text
 * @pretty: JSON with line breaks
 *
 * The rest is print.c's.
 */
struct print {
	FILE *file;
	bool json;
	bool pretty;
	enum print_layout layout;
	unsigned int depth;
	bool comma[PRINT_DEPTH_MAX];
	unsigned int indent;
	const struct print_column *columns;
	unsigned int column;
};

/* A column of a table: the title, and the least width (0: the last one, as is). */
struct print_column {
	const char *title;
	int width;
};

/**
 * print_table() - from here on objects are lines of a table
 * @columns: ends with a NULL title; the title line is printed at once
 */
void print_table(struct print *p, const struct print_column *columns);

/* @key: member of the object around it, NULL in an array or on top. Text: an
 * object of a table is a line; a nested object or array indents a list.
 */
void print_object(struct print *p, const char *key, const char *title);
void print_object_end(struct print *p);
void print_array(struct print *p, const char *key, const char *title);
void print_array_end(struct print *p);

/* @title: of the line in a list; NULL: in JSON only. In a table every call with
 * a title is the next column.
 */
void print_string(struct print *p, const char *key, const char *title, const char *value);
void print_number(struct print *p, const char *key, const char *title, uint64_t value);
void print_bool(struct print *p, const char *key, const char *title, bool value);
/* Bytes; text in the largest binary unit that fits: 512M */
void print_size(struct print *p, const char *key, const char *title, uint64_t value);
/* Nanoseconds; text in seconds, minutes or hours */
void print_duration(struct print *p, const char *key, const char *title, uint64_t value);

/* The end of the output on top: a line feed after JSON. There may be another one. */
void print_done(struct print *p);

/* The error's line on stderr, or {"error":{...}} on stdout. */
void print_error(struct print *p, const struct error *error);

/* A line on stderr about what was done all the same, with JSON on stdout, too. */
void __attribute__((format(printf, 2, 3)))
print_warning(const char *what, const char *why, ...);

/* The error in an object that has more to say; JSON only. */
void print_error_member(struct print *p, const struct error *error);

/* Writes @text to @file with every control character replaced. */
void print_safe(FILE *file, const char *text);

#endif /* DOMCTL_PRINT_H */
