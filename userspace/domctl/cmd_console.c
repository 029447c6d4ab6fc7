// SPDX-License-Identifier: GPL-2.0-only
/* cmd_console.c: domctl console. */
#include <stdio.h>
#include <unistd.h>

#include "attach.h"
#include "connect.h"
#include "domctl.h"
#include "end.h"
#include "size.h"
#include "terminal.h"

enum { OPT_ESCAPE = OPT_OWN, OPT_FORCE, OPT_TERMINAL };

static const struct opt opts[] = {
	{ "escape", 0, "CHAR", OPT_ESCAPE },
	{ "force", 0, NULL, OPT_FORCE },
	{ "terminal", 0, NULL, OPT_TERMINAL },
	{ NULL, 0, NULL, 0 },
};

static const char *parse(struct ctx *ctx, const struct command *self, int argc, char **argv,
			 struct attach *a, bool *terminal)
{
	struct opts o = { .argc = argc, .argv = argv, .table = self->opts };
	const char *value = NULL;
	const char *name = NULL;
	int id;

	while ((id = command_opts(ctx, &o, &value)) != OPTS_END && id != OPTS_ERROR) {
		if (id == OPT_FORCE) {
			a->force = true;
		} else if (id == OPT_TERMINAL) {
			*terminal = true;
		} else if (id == OPT_ESCAPE) {
			if (attach_parse_escape(value, &a->escape, &ctx->error))
				return NULL;
		} else if (!name) {
			name = value;
		} else {
			error_set(&ctx->error, EXIT_USAGE, value,
				  "unexpected word (see domctl console help)");
			return NULL;
		}
	}
	if (!name && !ctx->help && id == OPTS_END)
		error_set(&ctx->error, EXIT_USAGE, "NAME",
			  "is missing (see domctl console help)");
	return name;
}

static int run(struct ctx *ctx, const struct command *self, int argc, char **argv)
{
	struct attach a = {
		.in = STDIN_FILENO,
		.out = STDOUT_FILENO,
		.escape = ATTACH_ESCAPE,
		.deadline = -1,
	};
	bool terminal = false;
	const char *name = parse(ctx, self, argc, argv, &a, &terminal);
	enum attach_result result;
	struct wire last;

	if (!name || ctx->error.status || ctx->help || name_check(name, &ctx->error))
		return -1;
	if (terminal && a.force)
		return error_set(&ctx->error, EXIT_USAGE, "console",
				 "--force and --terminal exclude each other");
	if (terminal)
		return terminal_run(ctx, name, a.escape);
	a.socket = holder_connect(name, &ctx->error);
	if (a.socket < 0 || attach_begin(&a, name, &ctx->error))
		return -1;
	end_greet(&a, name);
	result = attach_run(&a, &last, &ctx->error);
	close(a.socket);
	return end_console(ctx, name, result, &last, &a);
}

const struct command cmd_console = {
	.name = "console",
	.usage = "NAME [--escape CHAR] [--force|--terminal]",
	.help = "attach this terminal to a domain's console\n"
		"\n"
		"What the domain has written so far is shown first, also of a dead domain.\n"
		"  --escape CHAR  detach with CHAR (as ^A, or none) instead of ^]\n"
		"  --force        take the console over from who is attached\n"
		"  --terminal     the second console of a domain made with --terminal, which is\n"
		"                 told the size of this one\n",
	.opts = opts,
	.run = run,
};
