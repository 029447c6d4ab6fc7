/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Options, read by table. Unlike getopt_long() it takes no abbreviation, and the
 * options that all commands share may stand anywhere.
 */
#ifndef DOMCTL_OPTS_H
#define DOMCTL_OPTS_H

#include <stdbool.h>

#include "error.h"

/**
 * struct opt - one option; a table of them ends with a NULL name
 * @name: without the dashes
 * @letter: of the short form, or 0
 * @metavar: what its value is called; NULL when it has none
 * @id: for the caller, above 0
 */
struct opt {
	const char *name;
	char letter;
	const char *metavar;
	int id;
};

/* struct opts - a command line while it is read; zero but for these */
struct opts {
	int argc;
	char **argv;
	const struct opt *table;	/* of the command, or NULL */
	const struct opt *common;
	/* private: */
	int at;
	const char *cluster;	/* rest of "-jp" */
	bool only_words;	/* after "--" */
};

enum {
	OPTS_END = 0,
	OPTS_WORD = -1,		/* no option: *@value is the word */
	OPTS_ERROR = -2,
};

/* Return: id of the next option, its value in *@value; or one of the above. */
int opts_next(struct opts *o, const char **value, struct error *error);

/*
 * "NAME" or "NAME=VALUE" out of a list in one word; @text is changed. Return: its id in
 * @table, its value or "" in *@value; OPTS_END: no such name, which is left in @text;
 * OPTS_ERROR: a value too many or too few.
 */
int opts_pair(const struct opt *table, char *text, const char **value, struct error *error);

#endif /* DOMCTL_OPTS_H */
