// SPDX-License-Identifier: GPL-2.0-only
/*
 * cmd_vcpu.c: virtual CPUs of domains.
 *
 *   1. list
 *   2. pin, set
 *   3. up, down
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "affinity.h"
#include "cpus.h"
#include "dev_cmd.h"
#include "domctl.h"
#include "process.h"
#include "size.h"
#include "vcpus.h"

/* ---- 1. list ---------------------------------------------------------------- */

static const struct print_column list_columns[] = {
	{ "VCPU", 4 }, { "STATE", 7 }, { "WANTED", 6 }, { "HOST CPU", 8 },
	{ "AFFINITY", 12 }, { "SOFT", 8 }, { "NOW", 8 }, { "CPU TIME", 0 }, { NULL, 0 },
};

/**
 * struct view - of a domain's vCPUs as threads of the host
 * @threads: of its holder; NULL: not seen
 * @asked: the holder has said which of them have a soft set, @softs
 */
struct view {
	const struct control_domain *domain;
	struct process_vcpu *threads;
	bool asked;
	uint64_t softs;
};

/* NULL, or "-" where nothing is known. */
static void print_cpus(struct print *p, const char *key, const char *text)
{
	if (text)
		print_string(p, key, "", text);
	else if (!p->json)
		print_string(p, NULL, "", "-");
}

/* Hard, soft, now. @thread: NULL: it has none */
static void print_places(struct print *p, const struct view *view, uint32_t vcpu,
			 const struct process_vcpu *thread)
{
	struct wire_affinity affinity = { .vcpu = vcpu };
	char hard[CPUS_TEXT], soft[CPUS_TEXT], now[CPUS_TEXT];
	bool known = thread && view->asked;
	struct error ignored = { 0 };

	if (thread)
		affinity.hard = thread->affinity;
	/* Without a soft set the thread's own is the hard one. */
	if (known && view->softs >> vcpu & 1)
		known = !affinity_ask(view->domain, 0, &affinity, &ignored);
	print_cpus(p, "affinity", known ? cpus_format(hard, &affinity.hard) : NULL);
	print_cpus(p, "soft_affinity", known ? affinity_format_soft(soft, &affinity.soft) : NULL);
	print_cpus(p, "allowed", thread ? cpus_format(now, &thread->affinity) : NULL);
}

/* In the order of the columns. */
static void print_vcpu(struct print *p, const struct control_vcpu *v, const struct view *view)
{
	const struct process_vcpu *thread = NULL;

	if (view->threads && v->id < DOMUS_MAX_VCPUS && view->threads[v->id].tid)
		thread = &view->threads[v->id];
	print_object(p, NULL, NULL);
	print_number(p, "id", "", v->id);
	print_string(p, "state", "", v->state ? "online" : "offline");
	print_bool(p, "wanted", "", v->wanted);
	if (thread)
		print_number(p, "cpu", "", thread->cpu);
	else if (!p->json)
		print_string(p, NULL, "", "-");
	print_places(p, view, v->id, thread);
	if (thread)
		print_number(p, "thread", NULL, (uint64_t)thread->tid);
	print_duration(p, "runtime_ns", "", v->runtime_ns);
	print_object_end(p);
}

static int list(struct ctx *ctx, struct control *control, const struct control_ref *ref,
		const struct view *view)
{
	struct print *p = &ctx->print;
	struct control_vcpu *vcpus = NULL;
	size_t nr = 0;

	if (control_vcpu_list(control, ref, &vcpus, &nr, &ctx->error))
		return -1;
	print_table(p, list_columns);
	print_array(p, NULL, NULL);
	for (size_t i = 0; i < nr; i++)
		print_vcpu(p, &vcpus[i], view);
	print_array_end(p);
	print_done(p);
	free(vcpus);
	return EXIT_DONE;
}

/* A domain whose holder is not seen, or does not answer, has vCPUs all the same. */
static void look(struct view *view, struct control *control, const struct control_ref *ref,
		 struct control_domain *domain)
{
	struct wire_affinity affinity = { 0 };
	struct error ignored = { 0 };
	struct process process;

	*view = (struct view) { .domain = domain };
	if (domain->state == DOMUS_STATE_DEAD ||
	    process_open(&process, control, ref, domain, &ignored))
		return;
	/* Asked first: it heeds what others have said of the threads. */
	view->asked = !affinity_ask(domain, 0, &affinity, &ignored);
	view->softs = affinity.softs;
	view->threads = calloc(DOMUS_MAX_VCPUS, sizeof(*view->threads));
	if (view->threads)
		process_vcpus(&process, view->threads);
	process_close(&process);
}

static int run_list(struct ctx *ctx, const struct command *self, int argc, char **argv)
{
	struct dev_words w = { .names = { "NAME" }, .needed = 1 };
	struct control_domain domain;
	struct control *control;
	struct control_ref ref;
	struct view view;
	int result;

	if (dev_parse(ctx, self, argc, argv, &w, NULL, dev_no_option) ||
	    dev_open_domain(ctx, w.words[0], &control, &domain, &ref))
		return -1;
	look(&view, control, &ref, &domain);
	result = list(ctx, control, &ref, &view);
	free(view.threads);
	control_close(control);
	return result;
}

const struct command cmd_vcpu_list = {
	.object = "vcpu",
	.name = "list",
	.usage = "NAME",
	.help = "list the virtual CPUs of a domain\n"
		"\n"
		"With whether the host wants it online, the host's CPU that each runs on, or ran\n"
		"on last, those that it may run on, those that it prefers, and where it may run\n"
		"now.\n",
	.run = run_list,
};

/* ---- 2. pin, set ------------------------------------------------------------ */

/**
 * struct wish - where a vCPU is to run
 * @hard, @soft: as on the command line; NULL: as before
 * @all: @hard is all
 * @affinity: what they say; @vcpu: its number
 */
struct wish {
	const char *hard;
	const char *soft;
	bool all;
	struct wire_affinity affinity;
};

static int parse_wish(struct wish *wish, const char *number, struct error *error)
{
	struct cpus online;
	uint64_t vcpu = 0;

	if (number_parse(number, "vcpu", 0, DOMUS_MAX_VCPUS - 1, &vcpu, error) ||
	    cpus_online(&online, error))
		return -1;
	wish->affinity.vcpu = (uint32_t)vcpu;
	wish->all = wish->hard && !strcmp(wish->hard, "all");
	wish->affinity.hard = online;
	if (wish->hard && !wish->all &&
	    cpus_parse(wish->hard, &online, &wish->affinity.hard, error))
		return -1;
	return wish->soft ?
	       affinity_parse_soft(wish->soft, &online, &wish->affinity.soft, error) : 0;
}

/* The hard set alone: whoever may have threads of others run elsewhere may do this. */
static int pin(const struct wish *wish, struct control *control, const struct control_ref *ref,
	       struct control_domain *domain, struct error *error)
{
	struct wire_affinity affinity = wish->affinity;
	struct error ignored = { 0 };
	struct process process;
	int result;

	if (process_open(&process, control, ref, domain, error))
		return -1;
	result = process_pin(&process, control, ref, affinity.vcpu, &affinity.hard, wish->all,
			     error);
	process_close(&process);
	/* A holder that is not told sees it by itself, unless it had said the very same. */
	if (!result)
		(void)affinity_ask(domain, WIRE_HARD | (wish->all ? WIRE_ALL : 0U), &affinity,
				   &ignored);
	return result;
}

static int prefer(const struct wish *wish, const struct control_domain *domain,
		  struct error *error)
{
	uint32_t flags = WIRE_SOFT | (wish->hard ? WIRE_HARD : 0U) | (wish->all ? WIRE_ALL : 0U);
	struct wire_affinity now = wish->affinity;
	char hard[CPUS_TEXT];
	struct cpus both;

	if (affinity_ask(domain, flags, &now, error))
		return -1;
	cpus_and(&both, &now.hard, &now.soft);
	if (!cpus_empty(&now.soft) && cpus_empty(&both))
		print_warning("soft-affinity", "does not count: vCPU %" PRIu32 " may run on none "
			      "of these (affinity %s)", now.vcpu, cpus_format(hard, &now.hard));
	return 0;
}

static void report(struct print *p, const char *name, const struct wish *wish)
{
	char text[CPUS_TEXT];

	if (!p->json)
		return;
	print_object(p, NULL, NULL);
	print_string(p, "domain", NULL, name);
	print_number(p, "vcpu", NULL, wish->affinity.vcpu);
	if (wish->hard)
		print_string(p, "affinity", NULL, cpus_format(text, &wish->affinity.hard));
	if (wish->soft)
		print_string(p, "soft_affinity", NULL,
			     affinity_format_soft(text, &wish->affinity.soft));
	print_object_end(p);
	print_done(p);
}

static int place(struct ctx *ctx, const char *name, const char *number, struct wish *wish)
{
	struct control_domain domain;
	struct control *control;
	struct control_ref ref;
	int result;

	if (parse_wish(wish, number, &ctx->error) ||
	    dev_open_domain(ctx, name, &control, &domain, &ref))
		return -1;
	result = vcpus_check(&domain, 1ULL << wish->affinity.vcpu, &ctx->error);
	if (!result && wish->soft)
		result = prefer(wish, &domain, &ctx->error);
	else if (!result)
		result = pin(wish, control, &ref, &domain, &ctx->error);
	control_close(control);
	if (result)
		return -1;
	report(&ctx->print, name, wish);
	return EXIT_DONE;
}

static int run_pin(struct ctx *ctx, const struct command *self, int argc, char **argv)
{
	struct dev_words w = { .names = { "NAME", "VCPU", "CPUS" }, .needed = 3 };
	struct wish wish = { 0 };

	if (dev_parse(ctx, self, argc, argv, &w, NULL, dev_no_option))
		return -1;
	wish.hard = w.words[2];
	return place(ctx, w.words[0], w.words[1], &wish);
}

const struct command cmd_vcpu_pin = {
	.object = "vcpu",
	.name = "pin",
	.usage = "NAME VCPU CPUS",
	.help = "have a virtual CPU run on some of the host's CPUs only\n"
		"\n"
		"CPUS are numbers and ranges: 0-1,3; or all. It holds until the domain ends,\n"
		"over reboots, too.\n",
	.run = run_pin,
};

enum { OPT_AFFINITY = OPT_OWN, OPT_SOFT };

static const struct opt set_opts[] = {
	{ "affinity", 0, "CPUS", OPT_AFFINITY },
	{ "soft-affinity", 0, "CPUS", OPT_SOFT },
	{ NULL, 0, NULL, 0 },
};

static int set_option(void *arg, int id, const char *value, struct error *error)
{
	struct wish *wish = arg;

	(void)error;
	if (id == OPT_SOFT)
		wish->soft = value;
	else
		wish->hard = value;
	return 0;
}

static int run_set(struct ctx *ctx, const struct command *self, int argc, char **argv)
{
	struct dev_words w = { .names = { "NAME", "VCPU" }, .needed = 2 };
	struct wish wish = { 0 };

	if (dev_parse(ctx, self, argc, argv, &w, &wish, set_option))
		return -1;
	if (!wish.hard && !wish.soft)
		return error_set(&ctx->error, EXIT_USAGE, "set",
				 "nothing to change (see domctl vcpu set help)");
	return place(ctx, w.words[0], w.words[1], &wish);
}

const struct command cmd_vcpu_set = {
	.object = "vcpu",
	.name = "set",
	.usage = "NAME VCPU [--affinity CPUS|all] [--soft-affinity CPUS|all|none]",
	.help = "change where a virtual CPU runs\n"
		"\n"
		"      --affinity CPUS|all\n"
		"                        on these of the host's CPUs only, as domctl vcpu pin\n"
		"      --soft-affinity CPUS|all|none\n"
		"                        rather on these, unless it would have to wait for them\n",
	.opts = set_opts,
	.run = run_set,
};

/* ---- 3. up, down ------------------------------------------------------------ */

enum { OPT_TIMEOUT = OPT_OWN };

static const struct opt want_opts[] = {
	{ "timeout", 0, "SECONDS", OPT_TIMEOUT },
	{ NULL, 0, NULL, 0 },
};

static int want_option(void *arg, int id, const char *value, struct error *error)
{
	(void)id;
	return vcpus_parse_timeout(value, arg, error);
}

static void report_wish(struct print *p, const char *name, uint64_t vcpus, bool wanted,
			bool followed)
{
	char text[CPUS_TEXT];

	if (!p->json)
		return;
	print_object(p, NULL, NULL);
	print_string(p, "domain", NULL, name);
	print_string(p, "vcpus", NULL, vcpus_format(text, vcpus));
	print_bool(p, "wanted", NULL, wanted);
	print_bool(p, "followed", NULL, followed);
	print_object_end(p);
	print_done(p);
}

static int want(struct ctx *ctx, const struct command *self, int argc, char **argv, bool wanted)
{
	struct dev_words w = { .names = { "NAME", "VCPU" }, .needed = 2 };
	uint64_t seconds = VCPUS_WAIT_S;
	struct control_domain domain;
	struct control *control;
	struct control_ref ref;
	bool followed = false;
	uint64_t vcpus = 0;
	int result;

	if (dev_parse(ctx, self, argc, argv, &w, &seconds, want_option) ||
	    vcpus_parse(w.words[1], &vcpus, &ctx->error) ||
	    dev_open_domain(ctx, w.words[0], &control, &domain, &ref))
		return -1;
	result = vcpus_check(&domain, vcpus, &ctx->error);
	if (!result)
		result = vcpus_want(control, &ref, vcpus, wanted ? vcpus : 0, seconds, &followed,
				    &ctx->error);
	control_close(control);
	if (result)
		return -1;
	report_wish(&ctx->print, w.words[0], vcpus, wanted, followed);
	return EXIT_DONE;
}

static int run_up(struct ctx *ctx, const struct command *self, int argc, char **argv)
{
	return want(ctx, self, argc, argv, true);
}

static int run_down(struct ctx *ctx, const struct command *self, int argc, char **argv)
{
	return want(ctx, self, argc, argv, false);
}

const struct command cmd_vcpu_up = {
	.object = "vcpu",
	.name = "up",
	.usage = "NAME VCPU[,VCPU-VCPU]... [--timeout SECONDS]",
	.help = "have the guest bring virtual CPUs up\n"
		"\n"
		"      --timeout SECONDS how long it may take (10)\n",
	.opts = want_opts,
	.run = run_up,
};

const struct command cmd_vcpu_down = {
	.object = "vcpu",
	.name = "down",
	.usage = "NAME VCPU[,VCPU-VCPU]... [--timeout SECONDS]",
	.help = "have the guest take virtual CPUs down\n"
		"\n"
		"The first one, 0, stays.\n"
		"\n"
		"      --timeout SECONDS how long it may take (10)\n",
	.opts = want_opts,
	.run = run_down,
};
