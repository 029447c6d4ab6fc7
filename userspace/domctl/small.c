// SPDX-License-Identifier: GPL-2.0-only
/* small.c: small devices as they are asked for; see small.h. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "size.h"
#include "small.h"
#include "vsock.h"

int small_parse_rng(struct small *small, const char *text, struct error *error)
{
	struct disk limits = { .file = NULL };
	char word[64];

	small->rng_rates = (struct disk_rates) { 0 };
	if (!strcmp(text, "none")) {
		small->rng = SMALL_NO;
		return 0;
	}
	small->rng = SMALL_YES;
	while (text) {
		const char *comma = strchr(text, ',');
		size_t length = comma ? (size_t)(comma - text) : strlen(text);
		int id;

		snprintf(word, sizeof(word), "%.*s", length < 60 ? (int)length : 60, text);
		id = !strncmp(word, "rate=", 5) ? DISK_RATE :
		     !strncmp(word, "burst=", 6) ? DISK_BURST : 0;
		if (!id)
			return error_set(error, EXIT_USAGE, "rng",
					 "'%s' is neither none, rate=BYTES nor burst=MS", word);
		if (disk_option(&limits, id, strchr(word, '=') + 1, error))
			return -1;
		text = comma ? comma + 1 : NULL;
	}
	small->rng_rates = limits.rates;
	return 0;
}

int small_parse_balloon(struct small *small, const char *text, struct error *error)
{
	small->reporting = !strcmp(text, "reporting");
	small->balloon = SMALL_YES;
	if (!strcmp(text, "none"))
		small->balloon = SMALL_NO;
	else if (!small->reporting && strcmp(text, "plain") != 0)
		return error_set(error, EXIT_USAGE, "balloon",
				 "'%.40s' is neither none, plain nor reporting", text);
	return 0;
}

static int add_port(struct small *small, const char *text, const char *directory,
		    struct error *error)
{
	struct small_port *p = &small->ports[small->nr_ports];
	char path[PORT_PATH_MAX + 2];
	const char *given;

	/* One is kept for the terminal. */
	if (small->nr_ports == DOMUS_DEV_PORTS_MAX - 1)
		return error_set(error, EXIT_USAGE, "port", "a domain is made with %d ports at most",
				 DOMUS_DEV_PORTS_MAX - 1);
	given = port_parse(text, p->name, error);
	if (!given)
		return -1;
	for (size_t i = 0; i < small->nr_ports; i++)
		if (!strcmp(small->ports[i].name, p->name))
			return error_set(error, EXIT_USAGE, "port", "'%s' is given twice", p->name);
	if (!strcmp(p->name, SMALL_TERMINAL))
		return error_set(error, EXIT_USAGE, "port", "'%s' is that of --terminal", p->name);
	snprintf(path, sizeof(path), "%s%s%s", directory && *given != '/' ? directory : "",
		 directory && *given != '/' ? "/" : "", given);
	if (port_path_check(path, error))
		return -1;
	memcpy(p->path, path, sizeof(p->path));
	small->nr_ports++;
	return 0;
}

int small_parse_ports(struct small *small, const char *text, const char *directory,
		      struct error *error)
{
	while (text) {
		const char *comma = strchr(text, ',');
		char *one = strndup(text, comma ? (size_t)(comma - text) : strlen(text));
		int result;

		if (!one)
			return error_set(error, EXIT_REFUSED, "port", "no memory");
		result = add_port(small, one, directory, error);
		free(one);
		if (result)
			return -1;
		text = comma ? comma + 1 : NULL;
	}
	return 0;
}

/* One device. Return: 0, or -1. */
static int settle(enum small_have *have, size_t *nr, bool taken, const char *name,
		  struct error *error)
{
	if (*have == SMALL_DEFAULT)
		*have = *nr < DOMUS_MAX_DEVICES && !taken ? SMALL_YES : SMALL_NO;
	if (*have == SMALL_NO)
		return 0;
	if (taken)
		return error_set(error, EXIT_USAGE, "name", "'%s' is that of another device", name);
	if (*nr >= DOMUS_MAX_DEVICES)
		return error_set(error, EXIT_USAGE, name, "a domain has at most %d devices",
				 DOMUS_MAX_DEVICES);
	++*nr;
	return 0;
}

int small_check(struct small *small, size_t nr, bool (*taken)(void *arg, const char *name),
		void *arg, struct error *error)
{
	enum small_have console = small->terminal || small->nr_ports ? SMALL_YES : SMALL_NO;
	enum small_have vsock = small->vsock ? SMALL_YES : SMALL_NO;

	/* What was asked for goes before what is there by default. */
	if (settle(&vsock, &nr, taken(arg, VSOCK_NAME), VSOCK_NAME, error) ||
	    settle(&console, &nr, taken(arg, SMALL_CONSOLE), SMALL_CONSOLE, error) ||
	    settle(&small->rng, &nr, taken(arg, SMALL_RNG), SMALL_RNG, error) ||
	    settle(&small->balloon, &nr, taken(arg, SMALL_BALLOON), SMALL_BALLOON, error))
		return -1;
	return 0;
}
