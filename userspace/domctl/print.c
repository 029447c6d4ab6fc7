// SPDX-License-Identifier: GPL-2.0-only
/*
 * print.c: text or JSON; see print.h.
 *
 *   1. JSON: commas, indentation, strings
 *   2. text: columns and "Title: value" lines
 *   3. members
 *   4. errors, warnings
 */
#include <inttypes.h>
#include <stdarg.h>
#include <string.h>

#include "print.h"
#include "size.h"

/* ---- 1. JSON -------------------------------------------------------------- */

static void json_break(struct print *p)
{
	if (!p->pretty)
		return;
	fputc('\n', p->file);
	for (unsigned int i = 0; i < p->depth; i++)
		fputs("    ", p->file);
}

static void json_string(FILE *file, const char *text)
{
	fputc('"', file);
	for (; *text; text++) {
		unsigned char c = (unsigned char)*text;

		if (c == '"' || c == '\\')
			fprintf(file, "\\%c", c);
		else if (c < 0x20 || c >= 0x7f)
			/* Bytes, not characters: what guests write may be no UTF-8. */
			fprintf(file, "\\u%04x", c);
		else
			fputc(c, file);
	}
	fputc('"', file);
}

/* What goes before a value: the comma, the line break, the key. */
static void json_key(struct print *p, const char *key)
{
	if (p->comma[p->depth])
		fputc(',', p->file);
	if (p->depth)
		json_break(p);
	p->comma[p->depth] = true;
	if (key) {
		json_string(p->file, key);
		fputs(p->pretty ? ": " : ":", p->file);
	}
}

static void json_open(struct print *p, const char *key, char bracket)
{
	json_key(p, key);
	fputc(bracket, p->file);
	if (p->depth < PRINT_DEPTH_MAX - 1)
		p->depth++;
	p->comma[p->depth] = false;
}

static void json_close(struct print *p, char bracket)
{
	bool empty = !p->comma[p->depth];

	if (p->depth)
		p->depth--;
	if (!empty)
		json_break(p);
	fputc(bracket, p->file);
}

/* ---- 2. Text -------------------------------------------------------------- */

void print_safe(FILE *file, const char *text)
{
	for (; *text; text++) {
		unsigned char c = (unsigned char)*text;

		fputc(c < 0x20 || c == 0x7f ? '?' : c, file);
	}
}

void print_table(struct print *p, const struct print_column *columns)
{
	if (p->json)
		return;
	p->layout = PRINT_TABLE;
	p->columns = columns;
	p->column = 0;
	for (; columns->title; columns++)
		fprintf(p->file, columns[1].title ? "%-*s  " : "%.*s\n",
			columns[1].title ? columns->width : 99, columns->title);
}

static void text_value(struct print *p, const char *title, const char *value)
{
	if (!title)
		return;
	if (p->layout == PRINT_LIST) {
		fprintf(p->file, "%*s%s: ", (int)p->indent * 2, "", title);
		print_safe(p->file, value);
		fputc('\n', p->file);
		return;
	}
	/* An empty last column must leave no blanks behind. */
	print_safe(p->file, value);
	if (p->columns[p->column + 1].title) {
		int pad = p->columns[p->column].width - (int)strlen(value);

		fprintf(p->file, "%*s", (pad > 0 ? pad : 0) + 2, "");
		p->column++;
	}
}

/* ---- 3. Members ----------------------------------------------------------- */

static void text_open(struct print *p, const char *title)
{
	if (p->layout == PRINT_TABLE || !title)
		return;
	fprintf(p->file, "%*s%s:\n", (int)p->indent * 2, "", title);
	p->indent++;
}

void print_object(struct print *p, const char *key, const char *title)
{
	if (p->json)
		json_open(p, key, '{');
	else
		text_open(p, title);
}

void print_object_end(struct print *p)
{
	if (p->json) {
		json_close(p, '}');
	} else if (p->layout == PRINT_TABLE) {
		fputc('\n', p->file);
		p->column = 0;
	} else if (p->indent) {
		p->indent--;
	}
}

void print_array(struct print *p, const char *key, const char *title)
{
	if (p->json)
		json_open(p, key, '[');
	else
		text_open(p, title);
}

void print_array_end(struct print *p)
{
	if (p->json)
		json_close(p, ']');
	else if (p->layout == PRINT_LIST && p->indent)
		p->indent--;
}

void print_string(struct print *p, const char *key, const char *title, const char *value)
{
	if (!p->json) {
		text_value(p, title, value);
		return;
	}
	json_key(p, key);
	json_string(p->file, value);
}

/* A number: JSON gets @value, text gets @text. */
static void number(struct print *p, const char *key, const char *title, uint64_t value,
		   const char *text)
{
	if (!p->json) {
		text_value(p, title, text);
		return;
	}
	json_key(p, key);
	fprintf(p->file, "%" PRIu64, value);
}

void print_number(struct print *p, const char *key, const char *title, uint64_t value)
{
	char text[24];

	snprintf(text, sizeof(text), "%" PRIu64, value);
	number(p, key, title, value, text);
}

void print_bool(struct print *p, const char *key, const char *title, bool value)
{
	if (!p->json) {
		text_value(p, title, value ? "yes" : "no");
		return;
	}
	json_key(p, key);
	fputs(value ? "true" : "false", p->file);
}

void print_size(struct print *p, const char *key, const char *title, uint64_t value)
{
	char text[SIZE_TEXT];

	number(p, key, title, value, size_format(text, value));
}

void print_duration(struct print *p, const char *key, const char *title, uint64_t value)
{
	uint64_t ms = value / 1000000;
	uint64_t s = ms / 1000;
	char text[64];

	if (s < 60)
		snprintf(text, sizeof(text), "%" PRIu64 ".%03" PRIu64 "s", s, ms % 1000);
	else if (s < 3600)
		snprintf(text, sizeof(text), "%" PRIu64 "m%02" PRIu64 "s", s / 60, s % 60);
	else
		snprintf(text, sizeof(text), "%" PRIu64 "h%02" PRIu64 "m", s / 3600,
			 s % 3600 / 60);
	number(p, key, title, value, text);
}

void print_done(struct print *p)
{
	if (p->json)
		fputc('\n', p->file);
	/* what comes now is a text of its own */
	p->comma[p->depth] = false;
}

/* ---- 4. Errors, warnings ------------------------------------------------------------ */

void print_error_member(struct print *p, const struct error *error)
{
	print_object(p, "error", NULL);
	print_string(p, "what", NULL, error->what);
	print_string(p, "why", NULL, error->why);
	print_number(p, "status", NULL, (uint64_t)error->status);
	print_object_end(p);
}

static void print_line(const char *kind, const char *what, const char *why)
{
	fprintf(stderr, "%s: ", kind);
	print_safe(stderr, what);
	fputs(": ", stderr);
	print_safe(stderr, why);
	fputc('\n', stderr);
}

void print_error(struct print *p, const struct error *error)
{
	if (p->json) {
		print_object(p, NULL, NULL);
		print_error_member(p, error);
		print_object_end(p);
		print_done(p);
		return;
	}
	print_line("Error", error->what, error->why);
}

void print_warning(const char *what, const char *why, ...)
{
	char text[512];
	va_list args;

	va_start(args, why);
	vsnprintf(text, sizeof(text), why, args);
	va_end(args);
	print_line("Warning", what, text);
}
