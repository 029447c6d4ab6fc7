// SPDX-License-Identifier: GPL-2.0-only
/* opts.c: reading the command line; see opts.h. */
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "opts.h"

static const struct opt *find_in(const struct opt *table, const char *name, size_t length,
				 char letter)
{
	for (; table && table->name; table++) {
		if (letter ? table->letter == letter :
			     strlen(table->name) == length &&
			     !strncmp(table->name, name, length))
			return table;
	}
	return NULL;
}

static const struct opt *find(const struct opts *o, const char *name, size_t length, char letter)
{
	const struct opt *opt = find_in(o->table, name, length, letter);

	return opt ? opt : find_in(o->common, name, length, letter);
}

static int unknown(struct error *error, const char *text)
{
	error_set(error, EXIT_USAGE, text, "unknown option (see domctl help)");
	return OPTS_ERROR;
}

/* The value of an option that is not part of its own word. */
static int value_after(struct opts *o, const struct opt *opt, const char **value,
		       struct error *error)
{
	char what[64];

	if (o->at < o->argc) {
		*value = o->argv[o->at++];
		return opt->id;
	}
	snprintf(what, sizeof(what), "--%s", opt->name);
	error_set(error, EXIT_USAGE, what, "needs a value: %s", opt->metavar);
	return OPTS_ERROR;
}

static int long_option(struct opts *o, const char *word, const char **value,
		       struct error *error)
{
	const char *name = word + 2;
	const char *equals = strchr(name, '=');
	const struct opt *opt = find(o, name, equals ? (size_t)(equals - name) : strlen(name), 0);

	if (!opt)
		return unknown(error, word);
	if (!opt->metavar && equals) {
		error_set(error, EXIT_USAGE, word, "takes no value");
		return OPTS_ERROR;
	}
	if (opt->metavar && equals) {
		*value = equals + 1;
		return opt->id;
	}
	return opt->metavar ? value_after(o, opt, value, error) : opt->id;
}

static int short_option(struct opts *o, const char **value, struct error *error)
{
	char letter = *o->cluster++;
	const struct opt *opt = find(o, NULL, 0, letter);
	const char text[] = { '-', letter, '\0' };

	if (!opt)
		return unknown(error, text);
	if (!opt->metavar)
		return opt->id;
	if (*o->cluster) {
		*value = o->cluster;
		o->cluster = NULL;
		return opt->id;
	}
	return value_after(o, opt, value, error);
}

int opts_next(struct opts *o, const char **value, struct error *error)
{
	const char *word;

	if (o->cluster && *o->cluster)
		return short_option(o, value, error);
	o->cluster = NULL;
	if (o->at >= o->argc)
		return OPTS_END;
	word = o->argv[o->at++];
	if (!o->only_words && !strcmp(word, "--")) {
		o->only_words = true;
		return opts_next(o, value, error);
	}
	if (o->only_words || word[0] != '-' || !word[1]) {
		*value = word;
		return OPTS_WORD;
	}
	if (word[1] == '-')
		return long_option(o, word, value, error);
	o->cluster = word + 1;
	return short_option(o, value, error);
}

int opts_pair(const struct opt *table, char *text, const char **value, struct error *error)
{
	char *equals = strchr(text, '=');
	const struct opt *opt;

	if (equals)
		*equals++ = '\0';
	opt = find_in(table, text, strlen(text), 0);
	if (!opt)
		return OPTS_END;
	if (!opt->metavar != !equals) {
		if (equals)
			error_set(error, EXIT_USAGE, opt->name, "takes no value");
		else
			error_set(error, EXIT_USAGE, opt->name, "needs a value: %s=%s", opt->name,
				  opt->metavar);
		return OPTS_ERROR;
	}
	*value = equals ? equals : "";
	return opt->id;
}
