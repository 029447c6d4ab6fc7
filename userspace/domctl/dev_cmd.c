// SPDX-License-Identifier: GPL-2.0-only
/*
 * dev_cmd.c: what commands about devices share; see dev_cmd.h.
 *
 *   1. command lines, domains
 *   2. kinds
 *   3. detach
 *   4. list
 */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "dev_cmd.h"
#include "size.h"

/* ---- 1. Command lines ------------------------------------------------------- */

int dev_parse(struct ctx *ctx, const struct command *self, int argc, char **argv,
	      struct dev_words *w, void *arg,
	      int (*option)(void *arg, int id, const char *value, struct error *error))
{
	struct opts o = { .argc = argc, .argv = argv, .table = self->opts };
	const char *value = NULL;
	int id;

	while ((id = command_opts(ctx, &o, &value)) != OPTS_END) {
		if (id == OPTS_ERROR)
			return -1;
		if (id != OPTS_WORD) {
			if (option(arg, id, value, &ctx->error))
				return -1;
			continue;
		}
		if (w->nr == DEV_WORDS_MAX || !w->names[w->nr])
			return error_set(&ctx->error, EXIT_USAGE, value,
					 "unexpected word (see domctl %s help)",
					 command_title(self));
		w->words[w->nr++] = value;
	}
	if (ctx->help)
		return -1;
	if (w->nr < w->needed)
		return error_set(&ctx->error, EXIT_USAGE, w->names[w->nr],
				 "is missing (see domctl %s help)", command_title(self));
	return w->nr && name_check(w->words[0], &ctx->error) ? -1 : 0;
}

int dev_no_option(void *arg, int id, const char *value, struct error *error)
{
	(void)arg;
	(void)id;
	return error_set(error, EXIT_USAGE, value ? value : "", "unexpected option");
}

int dev_open_domain(struct ctx *ctx, const char *name, struct control **control,
		    struct control_domain *domain, struct control_ref *ref)
{
	const struct control_ref by_name = { .name = name };

	*domain = (struct control_domain) { .id = 0 };
	if (control_open(control, NULL, &ctx->error))
		return -1;
	if (control_domain_get(*control, &by_name, domain, &ctx->error)) {
		control_close(*control);
		return -1;
	}
	*ref = (struct control_ref) { .name = name, .id = domain->id };
	return 0;
}

int dev_names_get(struct control *control, const struct control_ref *ref,
		  struct dev_names *names, struct error *error)
{
	*names = (struct dev_names) { .nr = 0 };
	return control_dev_list(control, ref, &names->devs, &names->nr, error);
}

void dev_names_free(struct dev_names *names)
{
	free(names->devs);
}

bool dev_names_has(void *names, const char *name)
{
	const struct dev_names *all = names;

	return control_dev_find(all->devs, all->nr, name);
}

void dev_report(struct ctx *ctx, const char *domain, const char *name)
{
	struct print *p = &ctx->print;

	if (!p->json)
		return;
	print_object(p, NULL, NULL);
	print_string(p, "domain", NULL, domain);
	print_string(p, "name", NULL, name);
	print_object_end(p);
	print_done(p);
}

/* ---- 2. Kinds --------------------------------------------------------------- */

static const struct {
	const char *name;
	const char *article;
} kinds[] = {
	[DOMUS_DEV_KIND_BLK] = { "disk", "a disk" },
	[DOMUS_DEV_KIND_NET] = { "net", "a network interface" },
	[DOMUS_DEV_KIND_RNG] = { "rng", "an entropy device" },
	[DOMUS_DEV_KIND_BALLOON] = { "balloon", "a balloon" },
	[DOMUS_DEV_KIND_CONSOLE] = { "console", "a device of ports" },
	[DOMUS_DEV_KIND_VSOCK] = { "vsock", "a socket device" },
};

#define KINDS (sizeof(kinds) / sizeof(*kinds))

const char *dev_kind_name(uint32_t kind)
{
	return kind < KINDS && kinds[kind].name ? kinds[kind].name : "unknown";
}

int dev_name_check(const char *name, uint32_t kind, struct error *error)
{
	struct error cause = { 0 };
	char what[32];

	/* The rule is the same for all. */
	if (!disk_name_check(name, &cause))
		return 0;
	snprintf(what, sizeof(what), "%s name", dev_kind_name(kind));
	return error_set(error, cause.status, what, "%s", cause.why);
}

int dev_check_kind(struct control *control, const struct control_ref *ref, const char *name,
		   uint32_t kind, struct error *error)
{
	char what[DOMUS_DEV_NAME_MAX + 16];
	struct control_dev *devs = NULL;
	const struct control_dev *dev;
	size_t nr = 0;
	int result = 0;

	if (control_dev_list(control, ref, &devs, &nr, error))
		return -1;
	dev = control_dev_find(devs, nr, name);
	snprintf(what, sizeof(what), "%s %.*s", dev_kind_name(kind), DOMUS_DEV_NAME_MAX, name);
	if (dev && dev->kind != kind)
		result = error_set(error, EXIT_NOT_FOUND, what, "is %s", dev->kind < KINDS &&
				   kinds[dev->kind].article ? kinds[dev->kind].article :
							      "a device of another kind");
	free(devs);
	return result;
}

/* ---- 3. detach -------------------------------------------------------------- */

#define DETACH_S 10

enum { OPT_TIMEOUT = OPT_OWN, OPT_FORCE };

const struct opt dev_detach_opts[] = {
	{ "timeout", 0, "SECONDS", OPT_TIMEOUT },
	{ "force", 0, NULL, OPT_FORCE },
	{ NULL, 0, NULL, 0 },
};

struct detach {
	uint64_t seconds;
	bool force;
};

static int detach_option(void *arg, int id, const char *value, struct error *error)
{
	struct detach *d = arg;

	if (id == OPT_TIMEOUT)
		return number_parse(value, "timeout", 0, 86400, &d->seconds, error);
	d->force = true;
	return 0;
}

int dev_detach(struct ctx *ctx, const struct command *self, int argc, char **argv,
	       uint32_t kind)
{
	struct dev_words w = { .names = { "DOMAIN", "NAME" }, .needed = 2 };
	struct detach d = { .seconds = DETACH_S };
	struct control_domain domain;
	struct control *control;
	struct error error = { 0 };
	struct control_ref ref;
	int result;

	if (dev_parse(ctx, self, argc, argv, &w, &d, detach_option) ||
	    dev_name_check(w.words[1], kind, &ctx->error) ||
	    dev_open_domain(ctx, w.words[0], &control, &domain, &ref))
		return -1;
	result = dev_check_kind(control, &ref, w.words[1], kind, &error) ? -1 :
		 control_dev_del(control, &ref, dev_kind_name(kind), w.words[1],
				 d.seconds * 1000, d.force, &error);
	control_close(control);
	if (result && error.err == ETIMEDOUT)
		return error_set(&ctx->error, error.status, error.what,
				 "the guest still uses it after %" PRIu64 " s: stays attached "
				 "(--force takes it away)", d.seconds);
	ctx->error = error;
	if (result)
		return -1;
	dev_report(ctx, w.words[0], w.words[1]);
	return EXIT_DONE;
}

/* ---- 4. list ---------------------------------------------------------------- */

int dev_list(struct ctx *ctx, const struct command *self, int argc, char **argv,
	     void (*show)(struct print *p, const struct control_dev *devs, size_t nr))
{
	struct dev_words w = { .names = { "DOMAIN" } };
	struct control_dev *devs = NULL;
	struct control_domain domain;
	struct control *control;
	struct control_ref ref;
	size_t nr = 0;
	int result;

	if (dev_parse(ctx, self, argc, argv, &w, NULL, dev_no_option))
		return -1;
	if (w.nr ? dev_open_domain(ctx, w.words[0], &control, &domain, &ref) :
		   control_open(&control, NULL, &ctx->error))
		return -1;
	result = control_dev_list(control, w.nr ? &ref : NULL, &devs, &nr, &ctx->error);
	control_close(control);
	if (!result)
		show(&ctx->print, devs, nr);
	free(devs);
	return result;
}
