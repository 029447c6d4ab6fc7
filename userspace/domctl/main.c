// SPDX-License-Identifier: GPL-2.0-only
/*
 * main.c: the command line.
 *
 *   1. tables: objects and their commands
 *   2. help
 *   3. options that all commands share
 *   4. finding and running the command
 *
 *   domctl [OPTIONS] [OBJECT] COMMAND [OPTIONS] ...
 *
 * The domain is the implied object. No command is list. Words are never completed:
 * a script that works today works when there are more commands.
 */
#include <ctype.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "domctl.h"

/* ---- 1. Tables ------------------------------------------------------------ */

static const struct command *const domain_commands[] = {
	&cmd_create, &cmd_list, &cmd_show, &cmd_console, &cmd_dmesg, &cmd_destroy, &cmd_pause,
	&cmd_unpause, &cmd_balloon, &cmd_set, &cmd_monitor, &cmd_version, NULL,
};

static const struct command *const disk_commands[] = {
	&cmd_disk_attach, &cmd_disk_detach, &cmd_disk_list, &cmd_disk_resize, &cmd_disk_set,
	NULL,
};

static const struct command *const net_commands[] = {
	&cmd_net_attach, &cmd_net_detach, &cmd_net_list, &cmd_net_set, NULL,
};

static const struct command *const port_commands[] = {
	&cmd_port_attach, &cmd_port_detach, &cmd_port_list, &cmd_port_set, NULL,
};

static const struct command *const vcpu_commands[] = {
	&cmd_vcpu_list, &cmd_vcpu_pin, &cmd_vcpu_set, &cmd_vcpu_up, &cmd_vcpu_down, NULL,
};

/* The first one is implied. */
static const struct object {
	const char *name;
	const char *help;
	const struct command *const *commands;
} objects[] = {
	{ "domain", NULL, domain_commands },
	{ "disk", "disks of domains", disk_commands },
	{ "port", "ports of domains", port_commands },
	{ "net", "network interfaces of domains", net_commands },
	{ "vcpu", "virtual CPUs of domains", vcpu_commands },
};

#define OBJECTS (sizeof(objects) / sizeof(*objects))

enum { OPT_JSON = 1, OPT_PRETTY, OPT_STATS, OPT_DEBUG, OPT_VERSION, OPT_HELP };

static const struct opt common[] = {
	{ "json", 'j', NULL, OPT_JSON },
	{ "pretty", 'p', NULL, OPT_PRETTY },
	{ "statistics", 's', NULL, OPT_STATS },
	{ "debug", 'd', NULL, OPT_DEBUG },
	{ "version", 'V', NULL, OPT_VERSION },
	{ "help", 'h', NULL, OPT_HELP },
	{ NULL, 0, NULL, 0 },
};

const char *command_title(const struct command *command)
{
	static char title[32];

	snprintf(title, sizeof(title), "%s%s%s", command->object ? command->object : "",
		 command->object ? " " : "", command->name);
	return title;
}

/* ---- 2. Help -------------------------------------------------------------- */

static void help_commands(const struct object *object)
{
	for (const struct command *const *c = object->commands; *c; c++)
		printf("  %-9s %.*s\n", (*c)->name, (int)strcspn((*c)->help, "\n"), (*c)->help);
}

static void help_object(const struct object *object)
{
	printf("Usage: domctl [OPTIONS] %s COMMAND [ARGUMENTS]\n"
	       "\n"
	       "Commands (list is the default):\n", object->name);
	help_commands(object);
}

static void help(void)
{
	puts("Usage: domctl [OPTIONS] [OBJECT] COMMAND [ARGUMENTS]\n"
	     "\n"
	     "Commands (list is the default):");
	help_commands(&objects[0]);
	puts("  help      show this, or with a COMMAND or OBJECT what that does\n"
	     "\n"
	     "Objects (domain is the default):");
	for (size_t i = 1; i < OBJECTS; i++)
		printf("  %-9s %s: domctl %s help\n", objects[i].name, objects[i].help,
		       objects[i].name);
	puts("\n"
	     "Options:\n"
	     "  -j, --json        print JSON, also of errors; the only stable format\n"
	     "  -p, --pretty      the same, for people\n"
	     "  -s, --statistics  print counters, too\n"
	     "  -d, --debug       say on stderr what is done\n"
	     "  -V, --version     print the version of domctl\n"
	     "  -h, --help        show this\n"
	     "\n"
	     "Exit status: 0 done, 1 usage, 2 refused, 3 not found;\n"
	     "create has more: see domctl-create(8).");
}

static void help_command(const struct command *c)
{
	const char *rest = strchr(c->help, '\n');

	printf("Usage: domctl [OPTIONS] %s%s%s\n\n%c%.*s.%s%s", command_title(c),
	       *c->usage ? " " : "", c->usage, toupper(c->help[0]),
	       (int)strcspn(c->help, "\n") - 1, c->help + 1, rest ? "" : "\n",
	       rest ? rest : "\n");
}

/* ---- 3. Common options ---------------------------------------------------- */

void debug(const struct ctx *ctx, const char *format, ...)
{
	va_list args;

	if (!ctx->debug)
		return;
	fputs("domctl: ", stderr);
	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fputc('\n', stderr);
}

/* Return: whether it was one of them. */
static bool common_option(struct ctx *ctx, int id)
{
	switch (id) {
	case OPT_PRETTY:
		ctx->print.pretty = true;
		ctx->print.json = true;
		return true;
	case OPT_JSON:
		ctx->print.json = true;
		return true;
	case OPT_STATS:
		ctx->stats = true;
		return true;
	case OPT_DEBUG:
		ctx->debug = true;
		return true;
	default:
		return false;
	}
}

/* Errors are JSON wherever -j stands, even behind what is wrong. */
static void look_for_json(struct ctx *ctx, int argc, char **argv)
{
	for (int i = 1; i < argc && strcmp(argv[i], "--") != 0; i++) {
		if (!strcmp(argv[i], "-j") || !strcmp(argv[i], "--json"))
			common_option(ctx, OPT_JSON);
		else if (!strcmp(argv[i], "-p") || !strcmp(argv[i], "--pretty"))
			common_option(ctx, OPT_PRETTY);
	}
}

int command_opts(struct ctx *ctx, struct opts *o, const char **value)
{
	o->common = common;
	for (;;) {
		int id = opts_next(o, value, &ctx->error);

		if (id == OPT_HELP || (id == OPTS_WORD && o->at == 1 && !o->only_words &&
				       !strcmp(*value, "help"))) {
			ctx->help = true;
			return OPTS_END;
		}
		if (id == OPT_VERSION) {
			error_set(&ctx->error, EXIT_USAGE, "-V", "stands before the command");
			return OPTS_ERROR;
		}
		if (!common_option(ctx, id))
			return id;
	}
}

const char *command_word(struct ctx *ctx, const struct command *self, int argc, char **argv,
			 const char *what)
{
	struct opts o = { .argc = argc, .argv = argv, .table = self->opts };
	const char *word = NULL;
	const char *value = NULL;
	int id;

	while ((id = command_opts(ctx, &o, &value)) == OPTS_WORD) {
		if (!what || word) {
			error_set(&ctx->error, EXIT_USAGE, value, "unexpected word (see domctl %s "
				  "help)", command_title(self));
			return NULL;
		}
		word = value;
	}
	if (id == OPTS_END && what && *what != '[' && !word && !ctx->help)
		error_set(&ctx->error, EXIT_USAGE, what, "is missing (see domctl %s help)",
			  command_title(self));
	return word;
}

/* ---- 4. Running ----------------------------------------------------------- */

static const struct object *find_object(const char *word)
{
	for (size_t i = 0; i < OBJECTS; i++)
		if (!strcmp(objects[i].name, word))
			return &objects[i];
	return NULL;
}

static const struct command *find_command(const struct object *object, const char *word)
{
	for (const struct command *const *c = object->commands; *c; c++)
		if (!strcmp((*c)->name, word))
			return *c;
	return NULL;
}

/* "domctl help", "domctl help create", "domctl help disk attach" */
static int run_help(struct ctx *ctx, const struct object *object, int argc, char **argv)
{
	const struct command *command;
	const char *word = argc ? argv[0] : NULL;

	if (word && object == &objects[0] && find_object(word)) {
		object = find_object(word);
		word = argc > 1 ? argv[1] : NULL;
	}
	if (!word) {
		if (object == &objects[0])
			help();
		else
			help_object(object);
		return EXIT_DONE;
	}
	command = find_command(object, word);
	if (!command)
		return error_set(&ctx->error, EXIT_USAGE, word, "no such command (see domctl help)");
	help_command(command);
	return EXIT_DONE;
}

static int run_command(struct ctx *ctx, const struct command *command, int argc, char **argv)
{
	int status = command->run(ctx, command, argc, argv);

	if (ctx->help && !ctx->error.status) {
		help_command(command);
		return EXIT_DONE;
	}
	return status;
}

/*
 * Options before the next word. Return: 1: *@word is it; 0: there is none;
 * -1: @ctx has the error; -2: what was asked for is done.
 */
static int next_word(struct ctx *ctx, struct opts *o, const struct object *object,
		     const char **word)
{
	int id;

	while ((id = opts_next(o, word, &ctx->error)) != OPTS_WORD) {
		if (id == OPTS_ERROR)
			return -1;
		if (id == OPTS_END)
			return 0;
		if (id == OPT_HELP) {
			(void)run_help(ctx, object, 0, NULL);
			return -2;
		}
		if (id == OPT_VERSION) {
			puts("domctl " DOMCTL_VERSION);
			return -2;
		}
		common_option(ctx, id);
	}
	return 1;
}

static int run(struct ctx *ctx, int argc, char **argv)
{
	struct opts o = { .argc = argc, .argv = argv, .at = 1, .common = common };
	const struct object *object = &objects[0];
	const char *word = NULL;
	int got = next_word(ctx, &o, object, &word);

	if (got > 0 && find_object(word)) {
		object = find_object(word);
		got = next_word(ctx, &o, object, &word);
	}
	if (got < 0)
		return got == -1 ? -1 : EXIT_DONE;
	if (!got)
		word = "list";
	argc -= o.at;
	argv += o.at;
	if (!strcmp(word, "help"))
		return run_help(ctx, object, argc, argv);
	if (!find_command(object, word))
		return error_set(&ctx->error, EXIT_USAGE, word,
				 "no such command (see domctl help)");
	return run_command(ctx, find_command(object, word), argc, argv);
}

int main(int argc, char **argv)
{
	struct ctx ctx = { .print.file = stdout };
	int status;

	/* A reader that has seen enough is no failure worth a signal's status. */
	(void)signal(SIGPIPE, SIG_IGN);
	look_for_json(&ctx, argc, argv);
	status = run(&ctx, argc, argv);
	if (status < 0) {
		print_error(&ctx.print, &ctx.error);
		status = ctx.error.status;
	}
	if (fflush(stdout) && !status)
		status = EXIT_REFUSED;
	return status;
}
