// SPDX-License-Identifier: GPL-2.0-only
/*
 * cmd_set.c: domctl set: what a domain has of the host, changed while it runs.
 *
 *   1. options
 *   2. limits, kept by its cgroup
 *   3. memory, by its balloon
 *   4. virtual CPUs
 *   5. the command
 */
#include <inttypes.h>
#include <stdlib.h>
#include <sys/sysinfo.h>

#include "balloon.h"
#include "cgroup.h"
#include "dev_cmd.h"
#include "domctl.h"
#include "nl_small.h"
#include "process.h"
#include "size.h"
#include "vcpus.h"

/* ---- 1. Options ------------------------------------------------------------------ */

enum { OPT_WEIGHT = OPT_OWN, OPT_CAP, OPT_MEMORY, OPT_MEMORY_LIMIT, OPT_VCPUS, OPT_TIMEOUT };

static const struct opt opts[] = {
	{ "weight", 0, "W", OPT_WEIGHT },
	{ "cap", 0, "PERCENT", OPT_CAP },
	{ "memory", 'm', "SIZE", OPT_MEMORY },
	{ "memory-limit", 0, "SIZE", OPT_MEMORY_LIMIT },
	{ "vcpus", 'c', "N", OPT_VCPUS },
	{ "timeout", 0, "SECONDS", OPT_TIMEOUT },
	{ NULL, 0, NULL, 0 },
};

/**
 * struct wish - what shall be changed
 * @limits: those that are said
 * @memory, @vcpus: unless it is 0
 * @timed, @seconds: how long the guest may take for @vcpus, and whether that is said
 */
struct wish {
	struct limits limits;
	uint64_t memory;
	uint64_t vcpus;
	bool timed;
	uint64_t seconds;
};

static int option(void *arg, int id, const char *value, struct error *error)
{
	struct wish *wish = arg;

	switch (id) {
	case OPT_WEIGHT:
		return limits_parse_weight(&wish->limits, value, error);
	case OPT_CAP:
		return limits_parse_cap(&wish->limits, value, error);
	case OPT_MEMORY_LIMIT:
		return limits_parse_memory(&wish->limits, value, error);
	case OPT_VCPUS:
		return number_parse(value, "vcpus", 1, DOMUS_MAX_VCPUS, &wish->vcpus, error);
	case OPT_TIMEOUT:
		wish->timed = true;
		return vcpus_parse_timeout(value, &wish->seconds, error);
	default:
		return memory_parse(value, "memory", &wish->memory, error);
	}
}

/* ---- 2. Limits ------------------------------------------------------------------- */

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

/* Pages stay with the cgroup in which they were first touched. Return: -1. */
static int not_counted(struct error *error)
{
	return error_set(error, EXIT_REFUSED, "memory-limit", "what the domain has is not counted as "
			 "its own: it takes one that was made with --memory-limit (or none)");
}

/*
 * A limit below what the domain has, and the host cannot put elsewhere, would end it at
 * once. @has: that it has a cgroup. Return: 0, or -1.
 */
static int check_limit(const struct process *process, const struct limits *limits, bool has,
		       const struct cgroup *cgroup, struct error *error)
{
	char asked[SIZE_TEXT], now[SIZE_TEXT], swap[SIZE_TEXT];
	struct cgroup_memory memory;
	uint64_t room = 0;
	struct sysinfo si;

	if (!limits->memory)
		return 0;
	if (!has)
		return not_counted(error);
	cgroup_memory(cgroup, &memory);
	if (!memory.counted || process_memory(process) / 2 > memory.now + memory.swapped)
		return not_counted(error);
	if (!sysinfo(&si))
		room = (uint64_t)si.freeswap * si.mem_unit;
	if (memory.swap_max < memory.swapped + room)
		room = memory.swap_max > memory.swapped ? memory.swap_max - memory.swapped : 0;
	if (limits->memory >= memory.now ||
	    memory.now - limits->memory <= room + memory.files)
		return 0;
	return error_set(error, EXIT_REFUSED, "memory-limit", "%s is less than the domain has (%s), "
			 "and the host has no swap for the rest (%s)",
			 size_format(asked, limits->memory), size_format(now, memory.now),
			 size_format(swap, room));
}

/* In the cgroup that it has, or in one that it gets. Return: 0, or -1. */
static int set_limits(struct control *control, const struct control_ref *ref,
		      struct control_domain *domain, const struct limits *limits,
		      struct cgroup *cgroup, struct error *error)
{
	struct process process;
	int result = -1;
	bool has;

	if (process_open(&process, control, ref, domain, error))
		return -1;
	has = !cgroup_find(process.proc, domain->name, cgroup);
	if (domain->state == DOMUS_STATE_DEAD)
		error_set(error, EXIT_REFUSED, ref->name, "is dead");
	else if (!check_limit(&process, limits, has, cgroup, error))
		result = has ? cgroup_set(cgroup, limits, error) :
			 give_cgroup(&process, domain, limits, cgroup, error);
	process_close(&process);
	return result;
}

/* ---- 3. Memory ------------------------------------------------------------------- */

/* Before anything is changed. Return: the balloon, or NULL. */
static struct control_dev *check_memory(struct control *control, const struct control_ref *ref,
					const struct control_domain *domain, uint64_t memory,
					struct error *error)
{
	if (domain->state != DOMUS_STATE_DEAD)
		return balloon_check(control, ref, domain, "memory", memory, error);
	error_set(error, EXIT_REFUSED, ref->name, "is dead");
	return NULL;
}

/* Return: 0, with the balloon as it is then, or -1. */
static int set_memory(struct control *control, const struct control_ref *ref,
		      struct control_dev **balloon, uint64_t memory, struct error *error)
{
	struct control_dev *now;

	if (control_balloon_set(control, ref, (*balloon)->name, memory, error))
		return -1;
	now = balloon_get(control, ref, error);
	if (!now)
		return -1;
	free(*balloon);
	*balloon = now;
	if (!balloon_is_driven(now))
		print_warning("memory", "the guest does not listen to its balloon yet, and keeps what "
			      "it has");
	return 0;
}

/* ---- 4. Virtual CPUs ------------------------------------------------------------- */

/* The first @nr of the domain's. */
static uint64_t first(uint64_t nr)
{
	return nr < 64 ? (1ULL << nr) - 1 : ~0ULL;
}

/* Before anything is changed. Return: 0, or -1. */
static int check_vcpus(const struct control_domain *domain, uint64_t nr, struct error *error)
{
	if (nr > domain->vcpus)
		return error_set(error, EXIT_REFUSED, "vcpus", "%" PRIu64 " are more than the domain "
				 "may have (%" PRIu32 ")", nr, domain->vcpus);
	return vcpus_check(domain, first(nr), error);
}

/* ---- 5. The command -------------------------------------------------------------- */

static void report(struct print *p, const char *name, const struct cgroup *cgroup,
		   const struct control_dev *balloon, const struct wish *wish, bool followed)
{
	struct limits limits;

	if (!p->json)
		return;
	print_object(p, NULL, NULL);
	print_string(p, "domain", NULL, name);
	if (balloon) {
		print_number(p, "memory_target", NULL, balloon->target);
		print_number(p, "memory_actual", NULL, balloon->actual);
	}
	if (wish->vcpus) {
		print_number(p, "vcpus_wanted", NULL, wish->vcpus);
		print_bool(p, "followed", NULL, followed);
	}
	if (*cgroup->path) {
		cgroup_get(cgroup, &limits);
		limits_print(p, &limits);
		print_string(p, "cgroup", NULL, cgroup->path + cgroup->name);
	}
	print_object_end(p);
	print_done(p);
}

/* What can be refused is asked first. Return: 0, or -1. */
static int set(struct ctx *ctx, struct control *control, const struct control_ref *ref,
	       struct control_domain *domain, const struct wish *wish)
{
	struct cgroup cgroup = { .name = 0 };
	struct control_dev *balloon = NULL;
	bool followed = false;
	int result = 0;

	if (wish->vcpus)
		result = check_vcpus(domain, wish->vcpus, &ctx->error);
	if (!result && wish->memory) {
		balloon = check_memory(control, ref, domain, wish->memory, &ctx->error);
		result = balloon ? 0 : -1;
	}
	if (!result && limits_said(&wish->limits))
		result = set_limits(control, ref, domain, &wish->limits, &cgroup, &ctx->error);
	if (!result && balloon)
		result = set_memory(control, ref, &balloon, wish->memory, &ctx->error);
	/* last, as it may take time */
	if (!result && wish->vcpus)
		result = vcpus_want(control, ref, first(domain->vcpus), first(wish->vcpus),
				    wish->seconds, &followed, &ctx->error);
	if (!result)
		report(&ctx->print, ref->name, &cgroup, balloon, wish, followed);
	free(balloon);
	return result;
}

static int run(struct ctx *ctx, const struct command *self, int argc, char **argv)
{
	struct dev_words w = { .names = { "NAME" }, .needed = 1 };
	struct wish wish = { .seconds = VCPUS_WAIT_S };
	struct control_domain domain;
	struct control *control;
	struct control_ref ref;
	int result;

	if (dev_parse(ctx, self, argc, argv, &w, &wish, option))
		return -1;
	if (!limits_said(&wish.limits) && !wish.memory && !wish.vcpus)
		return error_set(&ctx->error, EXIT_USAGE, "set",
				 "nothing to change (see domctl set help)");
	if (wish.timed && !wish.vcpus)
		return error_set(&ctx->error, EXIT_USAGE, "timeout",
				 "only vCPUs are waited for (--vcpus)");
	if (dev_open_domain(ctx, w.words[0], &control, &domain, &ref))
		return -1;
	result = set(ctx, control, &ref, &domain, &wish);
	control_close(control);
	return result ? -1 : EXIT_DONE;
}

const struct command cmd_set = {
	.name = "set",
	.usage = "NAME [--memory SIZE] [--vcpus N] [--memory-limit SIZE] [--weight W] "
		 "[--cap PERCENT]",
	.help = "change what a domain has of the host, while it runs\n"
		"\n"
		"  -m, --memory SIZE     what its guest goes on with, up to --max-memory of create\n"
		"  -c, --vcpus N         virtual CPUs that it has online, up to --max-vcpus of create\n"
		"      --timeout SECONDS how long its guest may take for these (10)\n"
		"      --memory-limit SIZE|none\n"
		"                        the most that it takes of the host's memory\n"
		"      --weight W        its part of the CPU among others: 1 to 10000 (100)\n"
		"      --cap PERCENT     the most that it has, of one CPU: 30%, 200%, none\n",
	.opts = opts,
	.run = run,
};
