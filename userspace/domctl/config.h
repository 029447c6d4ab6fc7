/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Configuration files: what they say, line by line; nothing of what it means.
 *
 *   [domain]            once at most
 *   key = value         no key twice in a section
 *   [disk NAME]         any number, each NAME once
 *   [net NAME]          likewise
 *   # or ;              a comment, at the beginning of a line only
 *
 * Errors read "FILE:LINE: what: why".
 */
#ifndef DOMCTL_CONFIG_H
#define DOMCTL_CONFIG_H

#include <stdio.h>

#include "error.h"

#define CONFIG_LINE_MAX 8190	/* bytes */

/**
 * struct config_entry - a key, or the beginning of a section
 * @line: its number
 * @kind: "disk" or "net" in a section [KIND NAME]; NULL: the section is [domain]
 * @name: of it
 * @key: NULL: the section begins here
 * @value: not empty, but that of "append" in [domain]
 */
struct config_entry {
	struct config_entry *next;
	unsigned int line;
	const char *kind;
	char *name;
	char *key;
	char *value;
};

struct config {
	const char *path;
	struct config_entry *entries;
};

/**
 * config_read() - read a file
 * @path: kept; "-" is no special name
 *
 * Return: 0, or -1 with EXIT_USAGE (what it says), EXIT_NOT_FOUND or EXIT_REFUSED (it
 * cannot be read). config_free() in any case.
 */
int config_read(struct config *config, const char *path, struct error *error);

/* The same of an open file. */
int config_parse(struct config *config, const char *path, FILE *file, struct error *error);
void config_free(struct config *config);

/* "FILE:LINE: " before a cause. Return: -1. */
int config_error(const struct config *config, unsigned int line, const struct error *cause,
		 struct error *error);

#endif /* DOMCTL_CONFIG_H */
