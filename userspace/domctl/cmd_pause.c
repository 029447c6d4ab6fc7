// SPDX-License-Identifier: GPL-2.0-only
/* cmd_pause.c: the guest stands still for a while, and goes on. */
#include "domctl.h"
#include "nl.h"
#include "size.h"

static int run(struct ctx *ctx, const struct command *self, int argc, char **argv)
{
	const struct control_ref ref = {
		.name = command_word(ctx, self, argc, argv, "NAME"),
	};
	struct control *control;
	int result;

	if (!ref.name || ctx->error.status || ctx->help || name_check(ref.name, &ctx->error) ||
	    control_open(&control, NULL, &ctx->error))
		return -1;
	result = control_domain_pause(control, &ref, self == &cmd_pause, &ctx->error);
	control_close(control);
	if (!result && ctx->print.json) {
		print_object(&ctx->print, NULL, NULL);
		print_string(&ctx->print, "name", NULL, ref.name);
		print_bool(&ctx->print, "paused", NULL, self == &cmd_pause);
		print_object_end(&ctx->print);
		print_done(&ctx->print);
	}
	return result;
}

const struct command cmd_pause = {
	.name = "pause",
	.usage = "NAME",
	.help = "stop the guest where it is\n"
		"\n"
		"Returns when none of its vCPUs runs. Its clock goes on; so do its devices with\n"
		"what they have been given. domctl unpause lets it go on.\n",
	.run = run,
};

const struct command cmd_unpause = {
	.name = "unpause",
	.usage = "NAME",
	.help = "let a paused guest go on\n",
	.run = run,
};
