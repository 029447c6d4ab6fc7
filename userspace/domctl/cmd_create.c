// SPDX-License-Identifier: GPL-2.0-only
/*
 * cmd_create.c: domctl create.
 *
 *   1. files
 *   2. the holder: its first word, its end
 *   3. after the start: leave, console, wait
 *
 * create.c knows what was asked, the holder does the work (holder.c). Here is who waits for it, keeps the time
 * and says in one line how it went.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "attach.h"
#include "cgroup.h"
#include "create.h"
#include "domctl.h"
#include "end.h"
#include "holder.h"
#include "names.h"
#include "netnat.h"
#include "runtime.h"
#include "size.h"

#define HOLDER_END_MS 10000	/* for the holder to let go of everything */

/* ---- 1. Files -------------------------------------------------------------- */

static int open_file(const char *path, const char *what, struct error *error)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);

	if (fd < 0)
		error_set(error, errno == ENOENT ? EXIT_NOT_FOUND : EXIT_REFUSED, what,
			  "%.1000s: %s", path, strerror(errno));
	return fd;
}

/* ---- 2. The holder -------------------------------------------------------- */

/* Waits for its end, which is the end of all it had. Return: wait status. */
static int reap(const struct create *c, const struct holder *holder)
{
	int64_t deadline = attach_now() + HOLDER_END_MS;
	int status = 0;

	while (!waitpid(holder->pid, &status, WNOHANG)) {
		if (attach_now() > deadline) {
			(void)kill(holder->pid, SIGKILL);
			deadline = INT64_MAX;
		}
		(void)poll(NULL, 0, 5);
	}
	runtime_sweep();
	cgroup_sweep(c->config.name);
	return status;
}

/* Tells the holder to destroy the domain, and sees to it that it is done. */
static void end_domain_now(const struct create *c, const struct holder *holder,
			   const char *reason)
{
	const struct wire_head head = { .type = WIRE_END };

	(void)wire_send(holder->socket, &head, reason, strlen(reason));
	(void)reap(c, holder);
}

/* Did the OOM killer end it, in a cgroup of its own? Its parent's view, before reap(). */
static bool out_of_memory(const struct create *c, const struct holder *holder,
			  struct cgroup_memory *memory, struct limits *limits)
{
	struct cgroup cgroup;
	bool found = false;
	char path[32];
	int proc;

	snprintf(path, sizeof(path), "/proc/%d", holder->pid);
	proc = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (proc < 0)
		return false;
	if (!cgroup_find(proc, c->config.name, &cgroup)) {
		cgroup_memory(&cgroup, memory);
		cgroup_get(&cgroup, limits);
		found = memory->killed;
	}
	close(proc);
	return found;
}

/* The holder has gone without a word: it was killed. */
static int holder_died(const struct create *c, const struct holder *holder, const char *when,
		       struct error *error)
{
	struct cgroup_memory memory = { .killed = 0 };
	struct limits limits = { .memory = 0 };
	bool oom = out_of_memory(c, holder, &memory, &limits);
	int status = reap(c, holder);
	char limit[SIZE_TEXT];

	if (oom && memory.by_limit)
		return error_set(error, EXIT_HOLDER_DIED, "holder", "was killed %s, and the domain with "
				 "it: out of memory, by its limit of %s", when,
				 size_format(limit, limits.memory));
	if (oom)
		return error_set(error, EXIT_HOLDER_DIED, "holder", "was killed %s, and the domain with "
				 "it: the host was out of memory", when);
	if (WIFSIGNALED(status))
		return error_set(error, EXIT_HOLDER_DIED, "holder", "was killed by signal %d (%s) "
				 "%s, and the domain with it", WTERMSIG(status),
				 strsignal(WTERMSIG(status)), when);
	return error_set(error, EXIT_HOLDER_DIED, "holder", "ended %s, and the domain with it",
			 when);
}

static int start_failed(const struct create *c, const struct holder *holder,
			const struct wire *wire, struct error *error)
{
	(void)reap(c, holder);
	wire_failure(wire, error);
	return -1;
}

static int too_late(const struct create *c, const struct holder *holder, const char *what,
		    struct error *error)
{
	char reason[64];

	snprintf(reason, sizeof(reason), "timeout after %" PRIu64 " s", c->timeout);
	end_domain_now(c, holder, reason);
	return error_set(error, EXIT_TIMEOUT, c->config.name, "%s after %" PRIu64 " s: destroyed",
			 what, c->timeout);
}

/* Until the guest's first call. Return: 0, exit status of a domain that ended, -1. */
static int wait_start(struct ctx *ctx, const struct create *c, const struct holder *holder)
{
	for (;;) {
		int64_t left = c->deadline - attach_now();
		struct pollfd fd = { .fd = holder->socket, .events = POLLIN };
		struct wire wire;
		int got;

		if (left <= 0)
			return too_late(c, holder, "the guest has not made its first call",
					&ctx->error);
		if (poll(&fd, 1, left > 1000 ? 1000 : (int)left) <= 0)
			continue;
		got = wire_receive(holder->socket, &wire);
		if (!got)
			return holder_died(c, holder, "before the guest's first call", &ctx->error);
		if (got < 0)
			continue;
		switch (wire.head.type) {
		case WIRE_STARTED:
			debug(ctx, "domain %u has made its first call", wire.head.id);
			return 0;
		case WIRE_FAILED:
			return start_failed(c, holder, &wire, &ctx->error);
		case WIRE_ENDED:
			end_domain_now(c, holder, "");
			if (c->mode == OPT_WAIT)
				return end_domain(ctx, c->config.name, &wire);
			/* It was to run: whatever its reason, this is no success. */
			return error_set(&ctx->error, reason_status(wire.head.code) ?:
					 EXIT_KILLED, c->config.name,
					 "ended before its first call: %s", wire.data);
		default:
			break;
		}
	}
}

/* ---- 3. After the start --------------------------------------------------- */

static void leave(const struct holder *holder)
{
	const struct wire_head head = { .type = WIRE_LEAVE };

	(void)wire_send(holder->socket, &head, NULL, 0);
	close(holder->socket);
}

static int report_running(struct ctx *ctx, const struct create *c, const struct holder *holder)
{
	const char *what = c->config.paused ? "paused" : "running";
	struct print *p = &ctx->print;

	if (!p->json) {
		printf("%s: %s (PID %d)\n", c->config.name, what, holder->pid);
		return EXIT_DONE;
	}
	print_object(p, NULL, NULL);
	print_string(p, "name", NULL, c->config.name);
	print_string(p, "state", NULL, what);
	print_number(p, "pid", NULL, (uint64_t)holder->pid);
	print_object_end(p);
	print_done(p);
	return EXIT_DONE;
}

/* The end of --wait and --console while the holder was ours. */
static int attached_end(struct ctx *ctx, const struct create *c, const struct holder *holder,
			enum attach_result result, const struct attach *a, struct wire *last)
{
	const char *name = c->config.name;
	char reason[64];

	switch (result) {
	case ATTACH_ENDED:
		close(holder->socket);
		(void)reap(c, holder);
		return end_domain(ctx, name, last);
	case ATTACH_TIMED_OUT:
		return too_late(c, holder, "has not ended", &ctx->error);
	case ATTACH_LOST:
		return holder_died(c, holder, "while the guest ran", &ctx->error);
	case ATTACH_SIGNALLED:
	case ATTACH_FAILED:
		if (c->mode == OPT_WAIT) {
			snprintf(reason, sizeof(reason), "domctl create was interrupted");
			end_domain_now(c, holder, reason);
			return result == ATTACH_FAILED ? -1 :
			       error_set(&ctx->error, EXIT_SIGNAL + a->signal, name,
					 "interrupted: destroyed");
		}
		/* A terminal that goes away is no reason for a domain to end. */
		break;
	default:
		break;
	}
	leave(holder);
	return end_console(ctx, name, result, last, a);
}

static int stay(struct ctx *ctx, const struct create *c, const struct holder *holder)
{
	bool waits = c->mode == OPT_WAIT;
	struct attach a = {
		.in = waits ? -1 : STDIN_FILENO,
		/* JSON is alone on stdout, and who keeps a log needs no second copy. */
		.out = waits && (ctx->print.json || c->config.log) ? -1 : STDOUT_FILENO,
		.escape = c->escape,
		.deadline = waits && c->limited ? c->deadline : -1,
	};
	enum attach_result result;
	struct wire last = { .size = 0 };

	a.socket = runtime_connect(c->config.name, geteuid(), &ctx->error);
	if (a.socket < 0 || attach_begin(&a, c->config.name, &ctx->error)) {
		end_domain_now(c, holder, "its creator could not attach");
		return -1;
	}
	end_greet(&a, c->config.name);
	result = attach_run(&a, &last, &ctx->error);
	close(a.socket);
	return attached_end(ctx, c, holder, result, &a, &last);
}

static bool has_host_network(const struct create *c)
{
	for (size_t i = 0; i < c->config.nr_nics; i++)
		if (c->nics[i].mode == NIC_HOST)
			return true;
	return false;
}

static int start(struct ctx *ctx, struct create *c)
{
	struct holder holder;
	int result;

	debug(ctx, "image %s, %" PRIu64 " bytes of memory, %u vCPUs", c->kernel,
	      c->config.max_memory, c->config.max_vcpus);
	runtime_sweep();
	if (holder_fork(&c->config, &holder, &ctx->error))
		return -1;
	c->deadline = attach_now() + (int64_t)c->timeout * 1000;
	result = wait_start(ctx, c, &holder);
	if (result || ctx->error.status)
		return result;
	if (has_host_network(c))
		netnat_warn();
	backing_warn(&c->config.backing);
	if (c->mode != OPT_DETACH)
		return stay(ctx, c, &holder);
	leave(&holder);
	return report_running(ctx, c, &holder);
}

static int open_files(struct create *c, struct error *error)
{
	c->config.kernel = open_file(c->kernel, "kernel", error);
	if (c->config.kernel < 0)
		return -1;
	if (c->initrd) {
		c->config.initrd = open_file(c->initrd, "initrd", error);
		if (c->config.initrd < 0)
			return -1;
	}
	return 0;
}

static int run(struct ctx *ctx, const struct command *self, int argc, char **argv)
{
	struct create *c = calloc(1, sizeof(*c));
	int result = -1;

	if (!c)
		return error_set(&ctx->error, EXIT_REFUSED, "create", "no memory");
	if (!create_parse(ctx, self, argc, argv, c) && !open_files(c, &ctx->error))
		result = start(ctx, c);
	/* tables of interfaces that have gone, with a domain that did not stay */
	if (has_host_network(c))
		netnat_sweep();
	create_free(c);
	free(c);
	return result;
}

const struct command cmd_create = {
	.name = "create",
	.usage = "[NAME] --kernel FILE|--file FILE [OPTIONS]",
	.help = "make a domain and start a kernel in it\n"
		"\n"
		"  -f, --file FILE       configuration file: domctl-create(8) has its keys\n"
		"  -k, --kernel FILE     vmlinux or bzImage, built for domus\n"
		"  -i, --initrd FILE     initial RAM disk\n"
		"  -a, --append STR      the kernel's command line\n"
		"  -m, --memory SIZE     guest memory (256M)\n"
		"      --max-memory SIZE what domctl set --memory may make of it (the same)\n"
		"      --memory-limit SIZE|none\n"
		"                        the most that it takes of the host's memory\n"
		"      --hugetlb 2M|1G   of the host's reserved huge pages\n"
		"      --thp always|never\n"
		"                        of transparent huge pages, or not (always)\n"
		"      --ksm             the host may merge pages that are equal\n"
		"      --numa-node LIST  of these nodes only: 0-1,3\n"
		"  -c, --vcpus N         virtual CPUs (1)\n"
		"      --max-vcpus N     what domctl set --vcpus may make of it (the same)\n"
		"      --disk FILE[,name=N][,readonly][,...]\n"
		"                        a disk, as by domctl disk attach; repeatable\n"
		"      --net bridge=BRIDGE[,vlan=N][,mac=MAC][,...], --net host[,...]\n"
		"                        a network interface, as by domctl net attach; repeatable\n"
		"      --rng none|rate=BYTES[,burst=MS]\n"
		"                        no entropy device, or with another limit (1M a second)\n"
		"      --balloon none|plain|reporting\n"
		"                        no balloon (domctl balloon), or one by which the guest\n"
		"                        also reports its free pages to the host (plain)\n"
		"      --port NAME=PATH  a port of the guest, for clients of the UNIX socket PATH;\n"
		"                        repeatable\n"
		"      --terminal        a second console that knows the size of the terminal:\n"
		"                        domctl console --terminal\n"
		"      --vsock CID|auto  sockets of AF_VSOCK between the guest and the host\n"
		"      --weight W        its part of the CPU among others: 1 to 10000 (100)\n"
		"      --cap PERCENT     the most that it has, of one CPU: 30%, 200%, none\n"
		"      --paused          not to begin before domctl unpause\n"
		"      --detach          return when the guest has started (the default)\n"
		"      --console         attach this terminal; ^] detaches, the domain runs on\n"
		"      --wait            wait for the end; the exit status says what it was\n"
		"      --timeout SECONDS for the start (60); with --wait for everything (none)\n"
		"      --log FILE        where all console output goes, too\n"
		"      --max-reboots N   more are a reboot loop, and the end (--wait: 3)\n"
		"      --escape CHAR     detach with CHAR (as ^A, or none) instead of ^]\n"
		"\n"
		"Exit status with --wait: 0 poweroff, 10 reboot loop, 11 crash, 12 killed by the\n"
		"hypervisor, 13 timeout, 14 destroyed, 15 holder died, 16 suspended.\n",
	.opts = create_opts,
	.run = run,
};
