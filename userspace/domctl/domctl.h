/* SPDX-License-Identifier: GPL-2.0-only */
/* What main.c and the commands agree on. */
#ifndef DOMCTL_H
#define DOMCTL_H

#include <stdbool.h>

#include "error.h"
#include "opts.h"
#include "print.h"

/**
 * struct ctx - one invocation of domctl
 * @print: where output goes
 * @stats: -s
 * @debug: -d
 * @help: -h, or the word help: the command's help is wanted
 * @error: the cause, once something has failed
 */
struct ctx {
	struct print print;
	bool stats;
	bool debug;
	bool help;
	struct error error;
};

/**
 * struct command - one of an object's
 * @object: whose, if it has to be said: "disk"; NULL: the domain's
 * @usage: after "domctl NAME "
 * @help: what it does: the first line is its summary
 * @opts: its own options
 * @run: argc and argv are what follows the command's name.
 *	Return: exit status; -1 when @error says it.
 */
struct command {
	const char *object;
	const char *name;
	const char *usage;
	const char *help;
	const struct opt *opts;
	int (*run)(struct ctx *ctx, const struct command *self, int argc, char **argv);
};

/* Options of all commands; ids below OPT_OWN. */
#define OPT_OWN 100

/**
 * command_opts() - the next option or word of a command; common options are served
 *
 * Return: as opts_next(); OPTS_END also when help is wanted: look at ctx->help.
 */
int command_opts(struct ctx *ctx, struct opts *o, const char **value);

/*
 * The one word that a command takes: @what, in brackets if it need not be there. Return: it, or
 * NULL (error, help is wanted, or it is not there).
 */
const char *command_word(struct ctx *ctx, const struct command *self, int argc, char **argv,
			 const char *what);

/* Says what -d is for, on stderr. */
void __attribute__((format(printf, 2, 3)))
debug(const struct ctx *ctx, const char *format, ...);

/* "create", "disk attach": for errors that point to its help; valid until the next call. */
const char *command_title(const struct command *command);

extern const struct command cmd_create, cmd_list, cmd_show, cmd_console, cmd_dmesg, cmd_destroy,
			    cmd_pause, cmd_unpause, cmd_balloon, cmd_set, cmd_monitor, cmd_version;
extern const struct command cmd_disk_attach, cmd_disk_detach, cmd_disk_list,
			    cmd_disk_resize, cmd_disk_set;
extern const struct command cmd_port_attach, cmd_port_detach, cmd_port_list, cmd_port_set;
extern const struct command cmd_vcpu_list, cmd_vcpu_pin, cmd_vcpu_set, cmd_vcpu_up,
			    cmd_vcpu_down;
extern const struct command cmd_net_attach, cmd_net_detach, cmd_net_list, cmd_net_set;

#endif /* DOMCTL_H */
