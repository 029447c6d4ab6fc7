// SPDX-License-Identifier: GPL-2.0-only
/* cmd_balloon.c: domctl balloon: how much of its memory a guest goes on with. */
#include <stdio.h>
#include <stdlib.h>

#include "dev_cmd.h"
#include "domctl.h"
#include "nl_small.h"
#include "size.h"

static int parse_size(const char *text, uint64_t *size, struct error *error)
{
	char least[SIZE_TEXT];

	if (!text)
		return 0;
	if (size_parse(text, "size", size, error))
		return -1;
	if (*size < DOMUS_MEMORY_MIN)
		return error_set(error, EXIT_USAGE, "size", "%s is less than %s", text,
				 size_format(least, DOMUS_MEMORY_MIN));
	if (*size % 4096)
		return error_set(error, EXIT_USAGE, "size", "%s is no multiple of 4K", text);
	return 0;
}

static const struct control_dev *find(const struct control_dev *devs, size_t nr)
{
	for (size_t i = 0; i < nr; i++)
		if (devs[i].kind == DOMUS_DEV_KIND_BALLOON)
			return &devs[i];
	return NULL;
}

/* The domain's balloon, as it is now. Return: 0, or -1. */
static int look(struct control *control, const struct control_ref *ref, struct control_dev *found,
		struct error *error)
{
	const struct control_dev *dev;
	struct control_dev *devs = NULL;
	size_t nr = 0;
	int result = 0;

	if (control_dev_list(control, ref, &devs, &nr, error))
		return -1;
	dev = find(devs, nr);
	if (dev)
		*found = *dev;
	else
		result = error_set(error, EXIT_REFUSED, ref->name, "the domain has no balloon");
	free(devs);
	return result;
}

static int balloon(struct control *control, const struct control_ref *ref, uint64_t memory,
		   uint64_t size, struct control_dev *dev, struct error *error)
{
	char text[SIZE_TEXT];

	if (size > memory)
		return error_set(error, EXIT_REFUSED, "size", "is more than the domain has (%s)",
				 size_format(text, memory));
	if (look(control, ref, dev, error) ||
	    (size && control_balloon_set(control, ref, dev->name, size, error)))
		return -1;
	return size ? look(control, ref, dev, error) : 0;
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
	int result;

	if (dev_parse(ctx, self, argc, argv, &w, NULL, dev_no_option) ||
	    parse_size(w.words[1], &size, &ctx->error) ||
	    dev_open_domain(ctx, w.words[0], &control, &domain, &ref))
		return -1;
	dev = calloc(1, sizeof(*dev));
	if (!dev)
		result = error_set(&ctx->error, EXIT_REFUSED, "balloon", "no memory");
	else
		result = balloon(control, &ref, domain.memory, size, dev, &ctx->error);
	if (dev && !result)
		report(&ctx->print, w.words[0], dev);
	free(dev);
	control_close(control);
	return result;
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
