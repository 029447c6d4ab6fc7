// SPDX-License-Identifier: GPL-2.0-only
/*
 * config.c: reading configuration files; see config.h.
 *
 *   1. errors
 *   2. lines, for libinih
 *   3. sections and keys, from it
 *   4. a file
 *
 * libinih calls nobody for a section without keys and knows no line numbers (it is
 * built so in Debian). So lines are read and counted here, and behind each line that
 * begins a section comes one that no file can have: a key that says so.
 */
#include <errno.h>
#include <ini.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "config.h"
#include "disk.h"

#define SECTION_KEY "\001"

/**
 * struct reader - a file while it is read
 * @tail: where the next entry goes
 * @kind, @name: of the section that we are in, as in its entries
 * @inside: a section has begun
 * @announce: the next line is ours
 */
struct reader {
	struct config *config;
	FILE *file;
	struct error *error;
	struct config_entry **tail;
	const char *kind;
	char *name;
	unsigned int line;
	bool inside;
	bool announce;
};

/* ---- 1. Errors --------------------------------------------------------------- */

int config_error(const struct config *config, unsigned int line, const struct error *cause,
		 struct error *error)
{
	size_t length = strlen(config->path);
	char what[160];

	/* Of a long path the end says more. */
	snprintf(what, sizeof(what), "%s%s:%u", length > 130 ? "..." : "",
		 length > 130 ? config->path + length - 130 : config->path, line);
	return error_set(error, cause->status, what, "%s: %s", cause->what, cause->why);
}

static int __attribute__((format(printf, 3, 4)))
wrong(struct reader *r, const char *what, const char *why, ...)
{
	struct error cause = { .status = EXIT_USAGE };
	va_list args;

	snprintf(cause.what, sizeof(cause.what), "%s", what);
	va_start(args, why);
	vsnprintf(cause.why, sizeof(cause.why), why, args);
	va_end(args);
	return config_error(r->config, r->line, &cause, r->error);
}

/* ---- 2. Lines ---------------------------------------------------------------- */

/* The next line, without its end. Return: its length, -1: the end, or an error. */
static int read_line(struct reader *r, char *to, int room)
{
	int n = 0;
	int c = getc(r->file);

	if (c == EOF)
		return -1;
	r->line++;
	for (; c != EOF && c != '\n'; c = getc(r->file)) {
		if (n == room)
			return wrong(r, "line", "is longer than %d bytes", CONFIG_LINE_MAX);
		/* A carriage return is part of a line's end, and blank elsewhere. */
		if ((c < 0x20 && c != '\t' && c != '\r') || c == 0x7f)
			return wrong(r, "line", "has a control character (0x%02x)",
				     (unsigned int)c);
		to[n++] = (char)c;
	}
	to[n] = '\0';
	/* What some editors put before UTF-8 */
	if (r->line == 1 && !strncmp(to, "\xef\xbb\xbf", 3)) {
		n -= 3;
		memmove(to, to + 3, (size_t)n + 1);
	}
	return n;
}

/* ini_reader */
static char *next_line(char *to, int size, void *arg)
{
	struct reader *r = arg;
	int n;

	if (r->error->status)
		return NULL;
	if (r->announce) {
		r->announce = false;
		snprintf(to, (size_t)size, SECTION_KEY "=1\n");
		return to;
	}
	n = read_line(r, to, size - 2 < CONFIG_LINE_MAX ? size - 2 : CONFIG_LINE_MAX);
	if (n < 0)
		return NULL;
	r->announce = to[strspn(to, " \t\r")] == '[';
	to[n] = '\n';
	to[n + 1] = '\0';
	return to;
}

/* ---- 3. Sections and keys ---------------------------------------------------- */

static bool same(const char *a, const char *b)
{
	return a && b ? !strcmp(a, b) : a == b;
}

/* The entry of this section's @key (NULL: of its beginning), if there is one. */
static const struct config_entry *find(const struct reader *r, const char *key)
{
	for (const struct config_entry *e = r->config->entries; e; e = e->next)
		if (e->kind == r->kind && same(e->name, r->name) && same(e->key, key))
			return e;
	return NULL;
}

static int add(struct reader *r, const char *key, const char *value)
{
	struct config_entry *e = calloc(1, sizeof(*e));

	if (!e)
		return error_set(r->error, EXIT_REFUSED, "configuration", "no memory");
	*r->tail = e;
	r->tail = &e->next;
	e->line = r->line;
	e->kind = r->kind;
	e->name = r->name ? strdup(r->name) : NULL;
	e->key = key ? strdup(key) : NULL;
	e->value = value ? strdup(value) : NULL;
	if ((r->name && !e->name) || (key && !e->key) || (value && !e->value))
		return error_set(r->error, EXIT_REFUSED, "configuration", "no memory");
	return 0;
}

/* Kinds of sections that have a name. */
static const char *const kinds[] = { "disk", "net" };

/* Is it "KIND" or "KIND NAME"? Return: the kind, with what stands behind it, or NULL. */
static const char *kind_of(const char *section, const char **name)
{
	for (size_t i = 0; i < sizeof(kinds) / sizeof(*kinds); i++) {
		size_t length = strlen(kinds[i]);

		if (strncmp(section, kinds[i], length) != 0 ||
		    (section[length] && section[length] != ' '))
			continue;
		*name = section + length + strspn(section + length, " \t");
		return kinds[i];
	}
	return NULL;
}

static int begin_section(struct reader *r, const char *section)
{
	const struct config_entry *before;
	struct error cause = { 0 };
	const char *name = NULL;
	char what[80];

	snprintf(what, sizeof(what), "[%s]", section);
	free(r->name);
	r->name = NULL;
	r->kind = kind_of(section, &name);
	if (r->kind && !section[strlen(r->kind)])
		return wrong(r, what, "needs a name: [%s NAME]", r->kind);
	if (r->kind) {
		if (disk_name_check(name, &cause)) {
			snprintf(cause.what, sizeof(cause.what), "%s name", r->kind);
			return config_error(r->config, r->line, &cause, r->error);
		}
		r->name = strdup(name);
		if (!r->name)
			return error_set(r->error, EXIT_REFUSED, "configuration", "no memory");
	} else if (strcmp(section, "domain") != 0) {
		return wrong(r, what, "no such section: there are [domain], [disk NAME] and "
			     "[net NAME]");
	}
	r->inside = true;
	before = find(r, NULL);
	if (before)
		return wrong(r, what, "is there already, in line %u", before->line);
	return add(r, NULL, NULL);
}

/* A kernel's command line is one without a word, too; all else that is empty is a slip. */
static bool may_be_empty(const struct reader *r, const char *key)
{
	return !r->kind && !strcmp(key, "append");
}

/* ini_handler. Return: 1, or 0: stop. */
static int on_key(void *arg, const char *section, const char *key, const char *value)
{
	struct reader *r = arg;
	const struct config_entry *before;

	if (r->error->status)
		return 0;
	if (!strcmp(key, SECTION_KEY))
		return !begin_section(r, section);
	if (!*key)
		return !wrong(r, "line", "has no key before the '='");
	if (!r->inside)
		return !wrong(r, key, "stands before the first section");
	if (!*value && !may_be_empty(r, key))
		return !wrong(r, key, "has no value");
	before = find(r, key);
	if (before)
		return !wrong(r, key, "is there already, in line %u", before->line);
	return !add(r, key, value);
}

/* ---- 4. A file --------------------------------------------------------------- */

int config_parse(struct config *config, const char *path, FILE *file, struct error *error)
{
	struct reader r = {
		.config = config,
		.file = file,
		.error = error,
		.tail = &config->entries,
	};
	int result;

	*config = (struct config) { .path = path };
	/* Settings of the library, the same for each use. */
	ini_use_stack = false;
	ini_max_line = CONFIG_LINE_MAX + 2;
	ini_initial_alloc = CONFIG_LINE_MAX + 2;
	ini_allow_multiline = false;
	ini_allow_inline_comments = false;
	ini_stop_on_first_error = true;
	result = ini_parse_stream(next_line, &r, on_key, &r);
	free(r.name);
	if (!error->status && ferror(file))
		error_set(error, EXIT_REFUSED, path, "cannot be read");
	if (!error->status && result < 0)
		error_set(error, EXIT_REFUSED, path, "no memory");
	if (!error->status && result)
		wrong(&r, "line", "is neither [SECTION] nor KEY = VALUE");
	return error->status ? -1 : 0;
}

int config_read(struct config *config, const char *path, struct error *error)
{
	struct stat st;
	FILE *file;
	int result;

	*config = (struct config) { .path = path };
	file = fopen(path, "re");
	if (!file)
		return error_errno(error, path, "", errno);
	if (fstat(fileno(file), &st) || S_ISDIR(st.st_mode))
		result = error_set(error, EXIT_REFUSED, path, "is a directory");
	else
		result = config_parse(config, path, file, error);
	fclose(file);
	return result;
}

void config_free(struct config *config)
{
	struct config_entry *next;

	for (struct config_entry *e = config->entries; e; e = next) {
		next = e->next;
		free(e->name);
		free(e->key);
		free(e->value);
		free(e);
	}
	config->entries = NULL;
}
