// SPDX-License-Identifier: GPL-2.0-only
/*
 * cmd_vcpu.c: virtual CPUs of domains.
 *
 *   1. list
 *   2. pin
 */
#include <stdlib.h>
#include <string.h>

#include "cpus.h"
#include "dev_cmd.h"
#include "domctl.h"
#include "process.h"
#include "size.h"

/* ---- 1. list ---------------------------------------------------------------- */

static const struct print_column list_columns[] = {
	{ "VCPU", 4 }, { "STATE", 7 }, { "HOST CPU", 8 }, { "AFFINITY", 16 }, { "CPU TIME", 0 },
	{ NULL, 0 },
};

/* @thread: NULL, or zero: it has none. In the order of the columns. */
static void print_vcpu(struct print *p, const struct control_vcpu *v,
		       const struct process_vcpu *thread)
{
	bool there = thread && thread->tid;
	char text[CPUS_TEXT];

	print_object(p, NULL, NULL);
	print_number(p, "id", "", v->id);
	print_string(p, "state", "", v->state ? "online" : "offline");
	if (there) {
		print_number(p, "cpu", "", thread->cpu);
		print_string(p, "affinity", "", cpus_format(text, &thread->affinity));
		print_number(p, "thread", NULL, (uint64_t)thread->tid);
	} else if (!p->json) {
		print_string(p, NULL, "", "-");
		print_string(p, NULL, "", "-");
	}
	print_duration(p, "runtime_ns", "", v->runtime_ns);
	print_object_end(p);
}

/* @threads: of the holder, or NULL */
static int list(struct ctx *ctx, struct control *control, const struct control_ref *ref,
		const struct process_vcpu *threads)
{
	struct print *p = &ctx->print;
	struct control_vcpu *vcpus = NULL;
	size_t nr = 0;

	if (control_vcpu_list(control, ref, &vcpus, &nr, &ctx->error))
		return -1;
	print_table(p, list_columns);
	print_array(p, NULL, NULL);
	for (size_t i = 0; i < nr; i++)
		print_vcpu(p, &vcpus[i], threads && vcpus[i].id < DOMUS_MAX_VCPUS ?
			   &threads[vcpus[i].id] : NULL);
	print_array_end(p);
	print_done(p);
	free(vcpus);
	return EXIT_DONE;
}

static int run_list(struct ctx *ctx, const struct command *self, int argc, char **argv)
{
	struct dev_words w = { .names = { "NAME" }, .needed = 1 };
	struct process_vcpu *threads;
	struct error ignored = { 0 };
	struct control_domain domain;
	struct process process;
	struct control *control;
	struct control_ref ref;
	int result;

	if (dev_parse(ctx, self, argc, argv, &w, NULL, dev_no_option) ||
	    dev_open_domain(ctx, w.words[0], &control, &domain, &ref))
		return -1;
	/* A domain whose holder is not seen has vCPUs all the same. */
	threads = calloc(DOMUS_MAX_VCPUS, sizeof(*threads));
	if (threads && !process_open(&process, control, &ref, &domain, &ignored)) {
		process_vcpus(&process, threads);
		process_close(&process);
	}
	result = list(ctx, control, &ref, threads);
	free(threads);
	control_close(control);
	return result;
}

const struct command cmd_vcpu_list = {
	.object = "vcpu",
	.name = "list",
	.usage = "NAME",
	.help = "list the virtual CPUs of a domain\n"
		"\n"
		"With the host's CPU that each runs on, or ran on last, and those that it may\n"
		"run on.\n",
	.run = run_list,
};

/* ---- 2. pin ----------------------------------------------------------------- */

static int pin(struct control *control, const struct control_ref *ref,
	       struct control_domain *domain, uint32_t vcpu, const struct cpus *cpus, bool all,
	       struct error *error)
{
	struct process process;
	int result;

	if (vcpu >= domain->vcpus)
		return error_set(error, EXIT_NOT_FOUND, "vcpu", "%s has no vCPU %u: its last one is "
				 "%u", domain->name, vcpu, domain->vcpus - 1);
	if (domain->state == DOMUS_STATE_DEAD)
		return error_set(error, EXIT_REFUSED, ref->name,
				 "is dead: none of its vCPUs runs");
	if (process_open(&process, control, ref, domain, error))
		return -1;
	result = process_pin(&process, control, ref, vcpu, cpus, all, error);
	process_close(&process);
	return result;
}

static void report(struct print *p, const char *name, uint32_t vcpu, const struct cpus *cpus)
{
	char text[CPUS_TEXT];

	if (!p->json)
		return;
	print_object(p, NULL, NULL);
	print_string(p, "domain", NULL, name);
	print_number(p, "vcpu", NULL, vcpu);
	print_string(p, "affinity", NULL, cpus_format(text, cpus));
	print_object_end(p);
	print_done(p);
}

static int run_pin(struct ctx *ctx, const struct command *self, int argc, char **argv)
{
	struct dev_words w = { .names = { "NAME", "VCPU", "CPUS" }, .needed = 3 };
	struct control_domain domain;
	struct control *control;
	struct control_ref ref;
	struct cpus online;
	struct cpus cpus;
	uint64_t vcpu = 0;
	bool all;
	int result;

	if (dev_parse(ctx, self, argc, argv, &w, NULL, dev_no_option) ||
	    number_parse(w.words[1], "vcpu", 0, DOMUS_MAX_VCPUS - 1, &vcpu, &ctx->error) ||
	    cpus_online(&online, &ctx->error))
		return -1;
	all = !strcmp(w.words[2], "all");
	cpus = online;
	if ((!all && cpus_parse(w.words[2], &online, &cpus, &ctx->error)) ||
	    dev_open_domain(ctx, w.words[0], &control, &domain, &ref))
		return -1;
	result = pin(control, &ref, &domain, (uint32_t)vcpu, &cpus, all, &ctx->error);
	control_close(control);
	if (result)
		return -1;
	report(&ctx->print, w.words[0], (uint32_t)vcpu, &cpus);
	return EXIT_DONE;
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
