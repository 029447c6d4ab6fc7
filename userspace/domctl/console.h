/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The holder's end of a console: what the guest writes goes into a history, to the
 * log file and to whoever is attached; what the attached one types goes to the guest.
 *
 * One client may type; others may watch. Each reads from the history at its own
 * pace, so a slow one holds up neither the guest nor the log: it is told how
 * much it missed. Nothing here blocks.
 */
#ifndef DOMCTL_CONSOLE_H
#define DOMCTL_CONSOLE_H

#include <poll.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "error.h"
#include "wire.h"

#define CONSOLE_HISTORY	(256 * 1024)
#define CONSOLE_CLIENTS	8
#define CONSOLE_POLLFDS	(CONSOLE_CLIENTS + 2)

struct console_client {
	int fd;			/* -1: a free place */
	bool greeted;		/* ATTACH was answered */
	bool types;		/* has the console; others watch */
	bool replayed;		/* has had the history */
	bool told;		/* ENDED was sent */
	bool deaf;		/* has gone; what it typed before is still to be read */
	uint64_t turn;		/* of those who type: which of them came first */
	uint64_t at;		/* next byte of the history, counted from the start */
};

/**
 * struct console - one domain's
 * @device: file of /dev/domus; -1 when all was read
 * @listen: socket for clients
 * @log: file, or -1
 * @log_error: errno of the write that ended the log, or 0
 * @history: the last CONSOLE_HISTORY bytes
 * @written: bytes ever written by the guest
 * @input: what the guest has not taken yet
 * @ended: @end holds why the domain is dead
 * @asked: gets the first message of a client, with @asked_arg, if that is no ATTACH; the client
 *	is let go then
 */
struct console {
	int device;
	int listen;
	int log;
	int log_error;
	char *history;
	uint64_t written;
	char input[WIRE_DATA_MAX];
	size_t input_size;
	bool ended;
	struct wire_head end;
	char end_text[DOMUS_REASON_MAX + 1];
	struct console_client clients[CONSOLE_CLIENTS];
	uint64_t turns;
	void (*asked)(void *arg, int fd, const struct wire *wire);
	void *asked_arg;
};

/* Takes the files. Return: 0, or -1 without memory. */
int console_init(struct console *c, int device, int listen, int log, struct error *error);
void console_free(struct console *c);

/* What to poll for; always CONSOLE_POLLFDS entries. */
void console_poll(const struct console *c, struct pollfd *fds);

/* Does what can be done now. */
void console_serve(struct console *c, const struct pollfd *fds);

/* Reads what is left and tells the clients that, and why, the domain has ended. */
void console_end(struct console *c, const struct wire_head *end, const char *text);

/* Whether every client knows of the end. */
bool console_all_told(const struct console *c);

#endif /* DOMCTL_CONSOLE_H */
