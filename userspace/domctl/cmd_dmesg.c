// SPDX-License-Identifier: GPL-2.0-only
/* cmd_dmesg.c: what a domain has written, also of one that is dead or has a terminal attached. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "attach.h"
#include "connect.h"
#include "console.h"
#include "domctl.h"
#include "size.h"

/* A holder sends what it has at once. */
#define HISTORY_MS 10000

/* All of it into @file. Return: 0 or -1. */
static int fetch(const char *name, int file, struct error *error)
{
	struct attach a = {
		.in = -1,
		.out = file,
		.escape = ATTACH_NO_ESCAPE,
		.history = true,
		.deadline = attach_now() + HISTORY_MS,
	};
	enum attach_result result = ATTACH_FAILED;
	struct wire last;

	a.socket = holder_connect(name, error);
	if (a.socket < 0)
		return -1;
	if (!attach_begin(&a, name, error))
		result = attach_run(&a, &last, error);
	close(a.socket);
	if (error->status || result == ATTACH_DETACHED || result == ATTACH_ENDED)
		return error->status ? -1 : 0;
	return error_set(error, EXIT_REFUSED, name, result == ATTACH_SIGNALLED ? "interrupted" :
			 "the holder does not say all");
}

/* As text, a terminal is to be left as it is by whatever the guest wrote. */
static void print_lines(FILE *file, const char *text, size_t size)
{
	size_t i;

	for (i = 0; i < size; i++) {
		unsigned char c = (unsigned char)text[i];

		/* of a line's end, or of what overwrites it: a console's business */
		if (c == '\r')
			continue;
		fputc((c < 0x20 && c != '\n' && c != '\t') || c == 0x7f ? '?' : c, file);
	}
	if (size && text[size - 1] != '\n')
		fputc('\n', file);
}

static int print_all(struct ctx *ctx, const char *name, int file)
{
	struct print *p = &ctx->print;
	char *text = malloc(CONSOLE_HISTORY + 1);
	ssize_t size;

	if (!text)
		return error_set(&ctx->error, EXIT_REFUSED, name, "no memory");
	size = pread(file, text, CONSOLE_HISTORY, 0);
	if (size < 0)
		size = 0;
	text[size] = '\0';
	if (p->json) {
		print_object(p, NULL, NULL);
		print_string(p, "name", NULL, name);
		print_string(p, "output", NULL, text);
		print_object_end(p);
		print_done(p);
	} else {
		print_lines(p->file, text, (size_t)size);
	}
	free(text);
	return 0;
}

static int run(struct ctx *ctx, const struct command *self, int argc, char **argv)
{
	const char *name = command_word(ctx, self, argc, argv, "NAME");
	int file, result;

	if (!name || ctx->error.status || ctx->help || name_check(name, &ctx->error))
		return -1;
	file = memfd_create("dmesg", MFD_CLOEXEC);
	if (file < 0)
		return error_errno(&ctx->error, name, "", errno);
	result = fetch(name, file, &ctx->error);
	if (!result)
		result = print_all(ctx, name, file);
	close(file);
	return result;
}

const struct command cmd_dmesg = {
	.name = "dmesg",
	.usage = "NAME",
	.help = "print what a domain has written on its console\n"
		"\n"
		"The last 256 KiB, also of a dead domain, whoever is attached.\n",
	.run = run,
};
