// SPDX-License-Identifier: GPL-2.0-only
/*
 * cmd_domain.c: looking at domains, and destroying them.
 *
 *   1. list
 *   2. show
 *   3. destroy
 */
#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "balloon.h"
#include "cgroup.h"
#include "dev_print.h"
#include "domctl.h"
#include "names.h"
#include "netnat.h"
#include "nl.h"
#include "process.h"
#include "runtime.h"
#include "size.h"

/* ---- 1. list -------------------------------------------------------------- */

static const struct print_column list_columns[] = {
	{ "NAME", 16 }, { "STATE", 8 }, { "VCPUS", 5 }, { "MEMORY", 7 }, { "MAX", 7 },
	{ "CPU", 9 }, { "REASON", 0 }, { NULL, 0 },
};

/* What the guest has now, what it is to go on with, and the most that it may have. */
static void print_memory(struct print *p, const struct control_domain *d,
			 const struct control_dev *balloon)
{
	uint64_t target = balloon ? balloon->target : d->memory;
	uint64_t actual = balloon ? balloon->actual : d->memory;

	if (p->json) {
		print_number(p, "memory", NULL, d->memory);
		print_number(p, "memory_target", NULL, target);
		print_number(p, "memory_actual", NULL, actual);
		return;
	}
	print_size(p, NULL, "Memory", actual);
	if (p->layout == PRINT_LIST && target != actual)
		print_size(p, NULL, "Asked for", target);
	print_size(p, NULL, "Max memory", d->memory);
}

/* Those that the guest is to have, and the most that there may be. */
static void print_vcpus_wanted(struct print *p, const struct control_domain *d)
{
	if (p->json) {
		print_number(p, "vcpus", NULL, d->vcpus);
		print_number(p, "vcpus_wanted", NULL, d->vcpus_wanted);
		return;
	}
	print_number(p, NULL, "vCPUs", d->vcpus_wanted);
	if (p->layout == PRINT_LIST && d->vcpus_wanted != d->vcpus)
		print_number(p, NULL, "Max vCPUs", d->vcpus);
}

/* The members that list and show have in common; in the order of the columns. */
static void print_domain(struct print *p, const struct control_domain *d,
			 const struct control_dev *balloon)
{
	print_number(p, "id", NULL, d->id);
	print_string(p, "name", "Name", d->name);
	print_string(p, "state", "State", d->paused && d->state <= DOMUS_STATE_RUNNING ?
		     "paused" : state_name(d->state));
	print_vcpus_wanted(p, d);
	print_memory(p, d, balloon);
	print_duration(p, "runtime_ns", "CPU time", d->runtime_ns);
	print_string(p, "reason", "Reason", reason_name(d->reason_code));
}

/* What is wide or rare: list has it in JSON only. */
static void print_rest(struct print *p, const struct control_domain *d, bool text)
{
	if (d->reason_code)
		print_string(p, "reason_text", text ? "Because" : NULL, d->reason);
	print_bool(p, "guest_started", text ? "Guest has called" : NULL, d->guest_started);
	print_number(p, "reboots", text ? "Reboots" : NULL, d->reboots);
	print_number(p, "uid", text ? "Owner" : NULL, d->uid);
	print_number(p, "pid", text ? "Holder" : NULL, d->pid);
	print_number(p, "shadow_pages", text ? "Shadow pages" : NULL, d->shadow_pages);
}

static const char *const reg_names[DOMUS_A_REGS_MAX + 1] = {
	[DOMUS_A_REGS_RIP] = "rip", [DOMUS_A_REGS_RSP] = "rsp", [DOMUS_A_REGS_RFLAGS] = "rflags",
	[DOMUS_A_REGS_RAX] = "rax", [DOMUS_A_REGS_RBX] = "rbx", [DOMUS_A_REGS_RCX] = "rcx",
	[DOMUS_A_REGS_RDX] = "rdx", [DOMUS_A_REGS_RSI] = "rsi", [DOMUS_A_REGS_RDI] = "rdi",
	[DOMUS_A_REGS_RBP] = "rbp", [DOMUS_A_REGS_R8] = "r8", [DOMUS_A_REGS_R9] = "r9",
	[DOMUS_A_REGS_R10] = "r10", [DOMUS_A_REGS_R11] = "r11", [DOMUS_A_REGS_R12] = "r12",
	[DOMUS_A_REGS_R13] = "r13", [DOMUS_A_REGS_R14] = "r14", [DOMUS_A_REGS_R15] = "r15",
	[DOMUS_A_REGS_FS_BASE] = "fs_base", [DOMUS_A_REGS_GS_BASE] = "gs_base",
};

/* Strings, as no number of JSON need hold 64 bits. */
static void print_regs(struct print *p, const struct control_regs *regs)
{
	char value[32];

	if (!regs->there)
		return;
	print_object(p, "registers", "Registers");
	print_number(p, "vcpu", "Of vCPU", regs->vcpu);
	print_string(p, "mode", "Mode", regs->user ? "user" : "kernel");
	for (int i = DOMUS_A_REGS_RIP; i <= DOMUS_A_REGS_MAX; i++) {
		snprintf(value, sizeof(value), "0x%016" PRIx64, regs->values[i]);
		print_string(p, reg_names[i], reg_names[i], value);
	}
	print_object_end(p);
}

static void print_vcpu(struct print *p, const struct control_vcpu *v, bool stats)
{
	print_object(p, NULL, NULL);
	print_number(p, "id", "vCPU", v->id);
	print_string(p, "state", "  State", v->state ? "online" : "offline");
	print_bool(p, "wanted", "  Wanted", v->wanted);
	print_duration(p, "runtime_ns", "  CPU time", v->runtime_ns);
	print_number(p, "passes", "  Switcher passes", v->passes);
	print_number(p, "exits", "  Full exits", v->exits);
	if (stats) {
		print_object(p, "exits_by_cause", "  By cause");
		for (unsigned int i = 0; i < v->nr_causes; i++) {
			char title[40] = "  ";

			strncat(title, v->causes[i].name, sizeof(title) - 3);
			/* People want to see what happened, programs everything. */
			if (v->causes[i].count || p->json)
				print_number(p, v->causes[i].name, title, v->causes[i].count);
		}
		print_object_end(p);
	}
	print_object_end(p);
}

/* Return: 0; also when the domain has gone meanwhile. */
static int print_vcpus(struct ctx *ctx, struct control *control, const struct control_domain *d)
{
	const struct control_ref ref = { .name = d->name, .id = d->id };
	struct control_vcpu *vcpus = NULL;
	struct error error = { 0 };
	size_t nr = 0;

	if (control_vcpu_list(control, &ref, &vcpus, &nr, &error) &&
	    error.status != EXIT_NOT_FOUND) {
		ctx->error = error;
		return -1;
	}
	print_array(&ctx->print, "vcpu", NULL);
	for (size_t i = 0; i < nr; i++)
		print_vcpu(&ctx->print, &vcpus[i], ctx->stats);
	print_array_end(&ctx->print);
	free(vcpus);
	return 0;
}

static int run_list(struct ctx *ctx, const struct command *self, int argc, char **argv)
{
	struct control_domain *domains = NULL;
	struct control_dev *devs = NULL;
	struct control *control;
	size_t nr = 0, nr_devs = 0;
	int result;

	(void)command_word(ctx, self, argc, argv, NULL);
	if (ctx->error.status || ctx->help)
		return -1;
	if (control_open(&control, NULL, &ctx->error))
		return -1;
	/* All before the first byte: an error must not come in the middle of JSON. */
	result = control_domain_list(control, &domains, &nr, &ctx->error);
	if (!result && nr)
		result = control_dev_list(control, NULL, &devs, &nr_devs, &ctx->error);
	if (!result) {
		print_table(&ctx->print, list_columns);
		print_array(&ctx->print, NULL, NULL);
		for (size_t i = 0; i < nr; i++) {
			print_object(&ctx->print, NULL, NULL);
			print_domain(&ctx->print, &domains[i],
				     balloon_in(devs, nr_devs, domains[i].id));
			print_rest(&ctx->print, &domains[i], false);
			print_object_end(&ctx->print);
		}
		print_array_end(&ctx->print);
		print_done(&ctx->print);
	}
	free(devs);
	free(domains);
	control_close(control);
	return result;
}

const struct command cmd_list = {
	.name = "list",
	.usage = "",
	.help = "list the domains that you may see",
	.run = run_list,
};

/* ---- 2. show -------------------------------------------------------------- */

/* What its cgroup keeps it to, if it has one. */
static void print_limits(struct print *p, struct control *control,
			 const struct control_domain *d)
{
	const struct control_ref ref = { .name = d->name, .id = d->id };
	struct control_domain now = *d;
	struct error ignored = { 0 };
	struct process process;
	struct cgroup cgroup;
	struct limits limits;

	if (process_open(&process, control, &ref, &now, &ignored))
		return;
	if (!cgroup_find(process.proc, d->name, &cgroup)) {
		cgroup_get(&cgroup, &limits);
		limits_print(p, &limits);
		print_string(p, "cgroup", "Cgroup", cgroup.path + cgroup.name);
	}
	process_close(&process);
}

/* As of now, for the caller to free(); NULL: the domain has none, or has gone. */
static struct control_dev *find_balloon(struct control *control, const struct control_domain *d)
{
	const struct control_ref ref = { .name = d->name, .id = d->id };
	struct error ignored = { 0 };

	return balloon_get(control, &ref, &ignored);
}

static int run_show(struct ctx *ctx, const struct command *self, int argc, char **argv)
{
	const struct control_ref ref = {
		.name = command_word(ctx, self, argc, argv, "NAME"),
	};
	struct control_domain domain = { 0 };
	struct control_dev *balloon;
	struct control *control;
	int result;

	if (!ref.name || ctx->error.status || ctx->help || name_check(ref.name, &ctx->error) ||
	    control_open(&control, NULL, &ctx->error))
		return -1;
	result = control_domain_get(control, &ref, &domain, &ctx->error);
	if (!result) {
		print_object(&ctx->print, NULL, NULL);
		balloon = find_balloon(control, &domain);
		print_domain(&ctx->print, &domain, balloon);
		free(balloon);
		print_rest(&ctx->print, &domain, true);
		print_limits(&ctx->print, control, &domain);
		print_regs(&ctx->print, &domain.regs);
		result = print_vcpus(ctx, control, &domain);
		if (!result)
			result = dev_print_all(ctx, control, &domain);
		print_object_end(&ctx->print);
		print_done(&ctx->print);
	}
	control_close(control);
	return result;
}

const struct command cmd_show = {
	.name = "show",
	.usage = "NAME",
	.help = "show everything about a domain\n"
		"\n"
		"With -s also how often it left the guest, for each cause.\n",
	.run = run_show,
};

/* ---- 3. destroy ----------------------------------------------------------- */

/* How long a holder may take to let go, and when it is killed. */
#define GONE_MS 12000
#define KILL_MS 8000
#define LOOK_MS 10

static bool is_gone(struct control *control, const struct control_ref *ref)
{
	struct error error = { 0 };
	struct control_domain domain;

	return control_domain_get(control, ref, &domain, &error) &&
	       error.status == EXIT_NOT_FOUND;
}

/*
 * The holder of a domain that is dead already waits for somebody who wants to know
 * why. The process is pinned before we make sure that it still is the holder.
 */
static int end_holder(struct control *control, const struct control_ref *ref,
		      const struct control_domain *d, int holder, struct error *error)
{
	if (!is_gone(control, ref) &&
	    (holder < 0 || syscall(SYS_pidfd_send_signal, holder, SIGTERM, NULL, 0)) &&
	    errno != ESRCH)
		return error_set(error, EXIT_REFUSED, "holder", "of %s (PID %" PRIu32 "): %s",
				 d->name, d->pid, strerror(errno));
	return 0;
}

/*
 * The domain's name is free, and then the holder has ended, too: only then are disks and
 * whatever else it had open free for others. A holder whose memory does not come (a file's
 * whose server is dead) has a vCPU thread that waits for it until it is killed.
 */
static int wait_gone(struct control *control, const struct control_ref *ref,
		     const struct control_domain *d, int holder, struct error *error)
{
	const struct timespec nap = { .tv_nsec = LOOK_MS * 1000000L };
	struct pollfd end = { .fd = holder, .events = POLLIN };

	for (int waited = 0; waited < GONE_MS; waited += LOOK_MS) {
		if (is_gone(control, ref) && (holder < 0 || poll(&end, 1, 0) > 0))
			return 0;
		if (waited == KILL_MS && holder >= 0)
			(void)syscall(SYS_pidfd_send_signal, holder, SIGKILL, NULL, 0);
		(void)nanosleep(&nap, NULL);
	}
	return error_set(error, EXIT_REFUSED, "holder", "of %s (PID %" PRIu32 ") does not end: the "
			 "domain is dead, but its name stays taken", d->name, d->pid);
}

/* Has it a network interface, of which the host may have more than the device? */
static bool has_net(struct control *control, const struct control_ref *ref)
{
	struct control_dev *devs = NULL;
	struct error ignored = { 0 };
	bool found = false;
	size_t nr = 0;

	if (control_dev_list(control, ref, &devs, &nr, &ignored))
		return false;
	for (size_t i = 0; i < nr; i++)
		found |= devs[i].kind == DOMUS_DEV_KIND_NET;
	free(devs);
	return found;
}

static int destroy(struct control *control, const char *name, bool *net, struct error *error)
{
	struct control_ref ref = { .name = name };
	struct control_domain domain = { 0 };
	int holder, result = 0;

	if (control_domain_get(control, &ref, &domain, error))
		return -1;
	/* From here on by id: the name may be another's as soon as it is free. */
	ref.id = domain.id;
	holder = process_hold(control, &ref, &domain);
	if (!domain.pid && domain.state == DOMUS_STATE_DEAD)
		return error_set(error, EXIT_REFUSED, "holder",
				 "of %s has gone and left it to others, or is in a PID namespace "
				 "that we do not see", domain.name);
	*net = has_net(control, &ref);
	/* What is here to be ended is so by the process that has been pinned. */
	if (!control_domain_del(control, &ref, NULL, error)) {
		if (domain.state == DOMUS_STATE_DEAD)
			result = end_holder(control, &ref, &domain, holder, error);
		if (!result)
			result = wait_gone(control, &ref, &domain, holder, error);
	} else if (error->status == EXIT_NOT_FOUND) {
		*error = (struct error) { 0 };
	} else {
		result = -1;
	}
	if (holder >= 0)
		close(holder);
	return result;
}

static int run_destroy(struct ctx *ctx, const struct command *self, int argc, char **argv)
{
	const char *name = command_word(ctx, self, argc, argv, "NAME");
	struct control *control;
	bool net = false;
	int result;

	if (!name || ctx->error.status || ctx->help || name_check(name, &ctx->error) ||
	    control_open(&control, NULL, &ctx->error))
		return -1;
	result = destroy(control, name, &net, &ctx->error);
	control_close(control);
	runtime_sweep();
	cgroup_sweep(name);
	if (net)
		netnat_sweep();
	if (!result && ctx->print.json) {
		print_object(&ctx->print, NULL, NULL);
		print_string(&ctx->print, "name", NULL, name);
		print_object_end(&ctx->print);
		print_done(&ctx->print);
	}
	return result;
}

const struct command cmd_destroy = {
	.name = "destroy",
	.usage = "NAME",
	.help = "end a domain at once, or forget a dead one\n"
		"\n"
		"Returns when it is gone and its name is free.\n",
	.run = run_destroy,
};
