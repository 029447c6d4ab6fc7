// SPDX-License-Identifier: GPL-2.0-only
/* cmd_balloon.c: domctl balloon: how much of its memory a guest goes on with. */
#include <stdio.h>
#include <stdlib.h>

#include "balloon.h"
#include "dev_cmd.h"
#include "domctl.h"
#include "nl_small.h"
#include "size.h"

/* The balloon as it is then, or NULL. */
static struct control_dev *balloon(struct control *control, const struct control_ref *ref,
				   const struct control_domain *domain, uint64_t size,
				   struct error *error)
{
	struct control_dev *dev;
	int result;

	if (!size)
		return balloon_get(control, ref, error);
	dev = balloon_check(control, ref, domain, "size", size, error);
	if (!dev)
		return NULL;
	result = control_balloon_set(control, ref, dev->name, size, error);
	free(dev);
	return result ? NULL : balloon_get(control, ref, error);
}

static void report(struct print *p, const char *name, const struct control_dev *dev)
{
	char target[SIZE_TEXT];
	char actual[SIZE_TEXT];

	if (!p->json) {
		printf("%s: target %s, has %s\n", name, size_format(target, dev->target),
		       size_format(actual, dev->actual));
		return;
	}
	print_object(p, NULL, NULL);
	print_string(p, "domain", NULL, name);
	print_string(p, "name", NULL, dev->name);
	print_number(p, "target", NULL, dev->target);
	print_number(p, "actual", NULL, dev->actual);
	print_object_end(p);
	print_done(p);
}

static int run(struct ctx *ctx, const struct command *self, int argc, char **argv)
{
	struct dev_words w = { .names = { "NAME", "SIZE" }, .needed = 1 };
	struct control_domain domain;
	struct control_dev *dev;
	struct control *control;
	struct control_ref ref;
	uint64_t size = 0;

	if (dev_parse(ctx, self, argc, argv, &w, NULL, dev_no_option) ||
	    (w.words[1] && memory_parse(w.words[1], "size", &size, &ctx->error)) ||
	    dev_open_domain(ctx, w.words[0], &control, &domain, &ref))
		return -1;
	dev = balloon(control, &ref, &domain, size, &ctx->error);
	control_close(control);
	if (!dev)
		return -1;
	report(&ctx->print, w.words[0], dev);
	free(dev);
	return EXIT_DONE;
}

const struct command cmd_balloon = {
	.name = "balloon",
	.usage = "NAME [SIZE]",
	.help = "have a guest go on with less of its memory, or with all of it\n"
		"\n"
		"SIZE is what is left to it: 512M. The host has the rest back as soon as the\n"
		"guest has let go of it. Without SIZE: what was asked for, and how far it is.\n",
	.run = run,
};
