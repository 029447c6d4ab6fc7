// SPDX-License-Identifier: GPL-2.0-only
/* cmd_set.c: domctl set: limits of a domain, while it runs. */
#include "cgroup.h"
#include "dev_cmd.h"
#include "domctl.h"
#include "process.h"

enum { OPT_WEIGHT = OPT_OWN, OPT_CAP };

static const struct opt opts[] = {
	{ "weight", 0, "W", OPT_WEIGHT },
	{ "cap", 0, "PERCENT", OPT_CAP },
	{ NULL, 0, NULL, 0 },
};

static int option(void *arg, int id, const char *value, struct error *error)
{
	return id == OPT_WEIGHT ? limits_parse_weight(arg, value, error) :
				  limits_parse_cap(arg, value, error);
}

/* A cgroup for a domain that runs without one. Return: 0, or -1. */
static int give_cgroup(const struct process *process, const struct control_domain *domain,
		       const struct limits *limits, struct cgroup *cgroup, struct error *error)
{
	struct cgroup before;
	bool seen = !cgroup_of(process->proc, &before);

	if (cgroup_make(domain->name, (pid_t)domain->pid, limits, cgroup, error))
		return -1;
	if (seen)
		cgroup_move_workers(domain->id, &before, cgroup);
	return 0;
}

/* In the cgroup that it has, or in one that it gets. Return: 0, or -1. */
static int set(struct control *control, const struct control_ref *ref,
	       struct control_domain *domain, const struct limits *limits, struct cgroup *cgroup,
	       struct error *error)
{
	struct process process;
	int result;

	if (process_open(&process, control, ref, domain, error))
		return -1;
	if (domain->state == DOMUS_STATE_DEAD)
		result = error_set(error, EXIT_REFUSED, ref->name, "is dead");
	else if (!cgroup_find(process.proc, domain->name, cgroup))
		result = cgroup_set(cgroup, limits, error);
	else
		result = give_cgroup(&process, domain, limits, cgroup, error);
	process_close(&process);
	return result;
}

static void report(struct print *p, const char *name, const struct cgroup *cgroup)
{
	struct limits limits;

	if (!p->json)
		return;
	cgroup_get(cgroup, &limits);
	print_object(p, NULL, NULL);
	print_string(p, "domain", NULL, name);
	limits_print(p, &limits);
	print_string(p, "cgroup", NULL, cgroup->path + cgroup->name);
	print_object_end(p);
	print_done(p);
}

static int run(struct ctx *ctx, const struct command *self, int argc, char **argv)
{
	struct dev_words w = { .names = { "NAME" }, .needed = 1 };
	struct limits limits = { .weight = 0 };
	struct control_domain domain;
	struct control *control;
	struct control_ref ref;
	struct cgroup cgroup = { .name = 0 };
	int result;

	if (dev_parse(ctx, self, argc, argv, &w, &limits, option))
		return -1;
	if (!limits_said(&limits))
		return error_set(&ctx->error, EXIT_USAGE, "set",
				 "nothing to change (see domctl set help)");
	if (dev_open_domain(ctx, w.words[0], &control, &domain, &ref))
		return -1;
	result = set(control, &ref, &domain, &limits, &cgroup, &ctx->error);
	control_close(control);
	if (result)
		return -1;
	report(&ctx->print, w.words[0], &cgroup);
	return EXIT_DONE;
}

const struct command cmd_set = {
	.name = "set",
	.usage = "NAME [--weight W] [--cap PERCENT]",
	.help = "change what a domain has of the host, while it runs\n"
		"\n"
		"      --weight W        its part of the CPU among others: 1 to 10000 (100)\n"
		"      --cap PERCENT     the most that it has, of one CPU: 30%, 200%, none\n",
	.opts = opts,
	.run = run,
};
