/* SPDX-License-Identifier: GPL-2.0-only */
/* This terminal, attached to a domain's console through its holder. */
#ifndef DOMCTL_ATTACH_H
#define DOMCTL_ATTACH_H

#include <stdbool.h>
#include <stdint.h>

#include "error.h"
#include "wire.h"

#define ATTACH_NO_ESCAPE (-1)
#define ATTACH_ESCAPE ('\035')	/* ^] */

/* Why it is over */
enum attach_result {
	ATTACH_ENDED,		/* the domain is dead: see the wire */
	ATTACH_DETACHED,	/* the escape character was typed */
	ATTACH_TAKEN,		/* somebody else took the console */
	ATTACH_LOST,		/* the holder is gone without a word */
	ATTACH_TIMED_OUT,
	ATTACH_SIGNALLED,	/* SIGINT, SIGTERM or SIGHUP */
	ATTACH_FAILED,		/* see the error */
};

/**
 * struct attach - how to attach
 * @socket: connection to the holder, or -1 after it was refused
 * @in: file to type from, or -1: only watch
 * @out: file to show on, or -1: only wait
 * @escape: character that detaches, or ATTACH_NO_ESCAPE
 * @force: take the console from who has it
 * @history: detach when all of it was shown
 * @deadline: of attach_now(), or -1
 * @replayed: out: the history was shown
 * @signal: out: the number with ATTACH_SIGNALLED
 */
struct attach {
	int socket;
	int in;
	int out;
	int escape;
	bool force;
	bool history;
	int64_t deadline;
	bool replayed;
	int signal;
};

/* Milliseconds of the monotonic clock. */
int64_t attach_now(void);

/* "^]", one character, or "none". Return: 0, or -1 with EXIT_USAGE. */
int attach_parse_escape(const char *text, int *escape, struct error *error);

/* Asks the holder. Return: 0, or -1: busy, gone, of another version. */
int attach_begin(const struct attach *a, const char *name, struct error *error);

/* Runs until it is over. @last: the holder's ENDED. */
enum attach_result attach_run(struct attach *a, struct wire *last, struct error *error);

#endif /* DOMCTL_ATTACH_H */
