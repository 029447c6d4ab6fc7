// SPDX-License-Identifier: GPL-2.0-only
/*
 * cmd_create.c: domctl create.
 *
 *   1. the command line
 *   2. the holder: its first word, its end
 *   3. after the start: leave, console, wait
 *
 * The holder does the work (holder.c). Here is who waits for it, keeps the time
 * and says in one line how it went.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "attach.h"
#include "build.h"
#include "domctl.h"
#include "end.h"
#include "holder.h"
#include "names.h"
#include "runtime.h"
#include "size.h"

#define DEFAULT_MEMORY		(256ULL * 1024 * 1024)
#define DEFAULT_START_S		60	/* for the first call of the guest */
#define DEFAULT_MAX_REBOOTS	3	/* with --wait */
#define HOLDER_END_MS		10000	/* for the holder to let go of everything */

/* ---- 1. The command line -------------------------------------------------- */

enum {
	OPT_KERNEL = OPT_OWN, OPT_INITRD, OPT_APPEND, OPT_MEMORY, OPT_VCPUS, OPT_CONSOLE,
	OPT_DETACH, OPT_WAIT, OPT_TIMEOUT, OPT_LOG, OPT_MAX_REBOOTS, OPT_ESCAPE,
};

static const struct opt opts[] = {
	{ "kernel", 'k', "FILE", OPT_KERNEL },
	{ "initrd", 'i', "FILE", OPT_INITRD },
	{ "append", 'a', "STR", OPT_APPEND },
	{ "memory", 'm', "SIZE", OPT_MEMORY },
	{ "vcpus", 'c', "N", OPT_VCPUS },
	{ "console", 0, NULL, OPT_CONSOLE },
	{ "detach", 0, NULL, OPT_DETACH },
	{ "wait", 0, NULL, OPT_WAIT },
	{ "timeout", 0, "SECONDS", OPT_TIMEOUT },
	{ "log", 0, "FILE", OPT_LOG },
	{ "max-reboots", 0, "N", OPT_MAX_REBOOTS },
	{ "escape", 0, "CHAR", OPT_ESCAPE },
	{ NULL, 0, NULL, 0 },
};

/**
 * struct create - what was asked
 * @mode: OPT_CONSOLE, OPT_DETACH or OPT_WAIT
 * @timeout: seconds; DEFAULT_START_S, of the start alone, unless it was given
 * @limited: it was given
 * @deadline: in attach_now(): when @timeout is over
 */
struct create {
	struct holder_config config;
	const char *kernel;
	const char *initrd;
	int mode;
	int escape;
	uint64_t timeout;
	bool limited;
	int64_t deadline;
};

static int set_mode(struct create *c, int mode, struct error *error)
{
	if (c->mode && c->mode != mode)
		return error_set(error, EXIT_USAGE, "create",
				 "--console, --detach and --wait exclude each other");
	c->mode = mode;
	return 0;
}

static int set_memory(struct create *c, const char *value, struct error *error)
{
	char text[SIZE_TEXT];

	if (size_parse(value, "memory", &c->config.memory, error))
		return -1;
	if (c->config.memory < DOMUS_MEMORY_MIN || c->config.memory > DOMUS_MEMORY_MAX)
		return error_set(error, EXIT_USAGE, "memory", "%s is not in 1M to 4T",
				 size_format(text, c->config.memory));
	if (c->config.memory % 4096)
		return error_set(error, EXIT_USAGE, "memory", "%s is no multiple of 4K", value);
	return 0;
}

static int set_option(struct create *c, int id, const char *value, struct error *error)
{
	uint64_t number = 0;
	int result = 0;

	switch (id) {
	case OPT_KERNEL:
		c->kernel = value;
		break;
	case OPT_INITRD:
		c->initrd = value;
		break;
	case OPT_APPEND:
		c->config.cmdline = value;
		break;
	case OPT_LOG:
		c->config.log = value;
		break;
	case OPT_MEMORY:
		return set_memory(c, value, error);
	case OPT_VCPUS:
		result = number_parse(value, "vcpus", 1, DOMUS_MAX_VCPUS, &number, error);
		c->config.vcpus = (uint32_t)number;
		break;
	case OPT_TIMEOUT:
		return number_parse(value, "timeout", 1, 31536000, &c->timeout, error);
	case OPT_MAX_REBOOTS:
		result = number_parse(value, "max-reboots", 0, UINT32_MAX, &number, error);
		c->config.max_reboots = (uint32_t)number;
		break;
	case OPT_ESCAPE:
		return attach_parse_escape(value, &c->escape, error);
	case OPT_CONSOLE:
	case OPT_DETACH:
	case OPT_WAIT:
		return set_mode(c, id, error);
	default:
		if (c->config.name)
			return error_set(error, EXIT_USAGE, value,
					 "unexpected word (see domctl create help)");
		c->config.name = value;
	}
	return result;
}

static int parse(struct ctx *ctx, const struct command *self, int argc, char **argv,
		 struct create *c)
{
	struct opts o = { .argc = argc, .argv = argv, .table = self->opts };
	struct error *error = &ctx->error;
	const char *value = NULL;
	bool reboots = false;
	int id;

	while ((id = command_opts(ctx, &o, &value)) != OPTS_END) {
		if (id == OPTS_ERROR || set_option(c, id, value, error))
			return -1;
		reboots |= id == OPT_MAX_REBOOTS;
		c->limited |= id == OPT_TIMEOUT;
	}
	if (ctx->help)
		return -1;
	if (!c->config.name)
		return error_set(error, EXIT_USAGE, "NAME", "is missing (see domctl create help)");
	if (name_check(c->config.name, error))
		return -1;
	if (!c->kernel)
		return error_set(error, EXIT_USAGE, "--kernel",
				 "is missing (see domctl create help)");
	if (strlen(c->config.cmdline) > BUILD_CMDLINE_MAX)
		return error_set(error, EXIT_USAGE, "append", "is longer than %d bytes",
				 BUILD_CMDLINE_MAX);
	if (!c->mode)
		c->mode = OPT_DETACH;
	c->config.tied = c->mode == OPT_WAIT;
	if (!reboots)
		c->config.max_reboots = c->mode == OPT_WAIT ? DEFAULT_MAX_REBOOTS : UINT32_MAX;
	return 0;
}

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
static int reap(const struct holder *holder)
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
	return status;
}

/* Tells the holder to destroy the domain, and sees to it that it is done. */
static void end_domain_now(const struct holder *holder, const char *reason)
{
	const struct wire_head head = { .type = WIRE_END };

	(void)wire_send(holder->socket, &head, reason, strlen(reason));
	(void)reap(holder);
}

/* The holder has gone without a word: it was killed. */
static int holder_died(const struct holder *holder, const char *when, struct error *error)
{
	int status = reap(holder);

	if (WIFSIGNALED(status))
		return error_set(error, EXIT_HOLDER_DIED, "holder", "was killed by signal %d (%s) "
				 "%s, and the domain with it", WTERMSIG(status),
				 strsignal(WTERMSIG(status)), when);
	return error_set(error, EXIT_HOLDER_DIED, "holder", "ended %s, and the domain with it",
			 when);
}

static int start_failed(const struct holder *holder, const struct wire *wire,
			struct error *error)
{
	const char *what = wire->data;
	size_t length = strnlen(what, wire->size);
	const char *why = length < wire->size ? what + length + 1 : "failed";

	(void)reap(holder);
	return error_set(error, (int)wire->head.code, what, "%s", why);
}

static int too_late(const struct create *c, const struct holder *holder, const char *what,
		    struct error *error)
{
	char reason[64];

	snprintf(reason, sizeof(reason), "timeout after %" PRIu64 " s", c->timeout);
	end_domain_now(holder, reason);
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
			return holder_died(holder, "before the guest's first call", &ctx->error);
		if (got < 0)
			continue;
		switch (wire.head.type) {
		case WIRE_STARTED:
			debug(ctx, "domain %u has made its first call", wire.head.id);
			return 0;
		case WIRE_FAILED:
			return start_failed(holder, &wire, &ctx->error);
		case WIRE_ENDED:
			end_domain_now(holder, "");
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
	struct print *p = &ctx->print;

	if (!p->json) {
		printf("%s: running (PID %d)\n", c->config.name, holder->pid);
		return EXIT_DONE;
	}
	print_object(p, NULL, NULL);
	print_string(p, "name", NULL, c->config.name);
	print_string(p, "state", NULL, "running");
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
		(void)reap(holder);
		return end_domain(ctx, name, last);
	case ATTACH_TIMED_OUT:
		return too_late(c, holder, "has not ended", &ctx->error);
	case ATTACH_LOST:
		return holder_died(holder, "while the guest ran", &ctx->error);
	case ATTACH_SIGNALLED:
	case ATTACH_FAILED:
		if (c->mode == OPT_WAIT) {
			snprintf(reason, sizeof(reason), "domctl create was interrupted");
			end_domain_now(holder, reason);
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
		end_domain_now(holder, "its creator could not attach");
		return -1;
	}
	end_greet(&a, c->config.name);
	result = attach_run(&a, &last, &ctx->error);
	close(a.socket);
	return attached_end(ctx, c, holder, result, &a, &last);
}

static int start(struct ctx *ctx, struct create *c)
{
	struct holder holder;
	int result;

	debug(ctx, "image %s, %" PRIu64 " bytes of memory, %u vCPUs", c->kernel,
	      c->config.memory, c->config.vcpus);
	runtime_sweep();
	if (holder_fork(&c->config, &holder, &ctx->error))
		return -1;
	c->deadline = attach_now() + (int64_t)c->timeout * 1000;
	result = wait_start(ctx, c, &holder);
	if (result || ctx->error.status)
		return result;
	if (c->mode != OPT_DETACH)
		return stay(ctx, c, &holder);
	leave(&holder);
	return report_running(ctx, c, &holder);
}

static int run(struct ctx *ctx, const struct command *self, int argc, char **argv)
{
	struct create c = {
		.config = {
			.initrd = -1,
			.cmdline = "",
			.memory = DEFAULT_MEMORY,
			.vcpus = 1,
		},
		.escape = ATTACH_ESCAPE,
		.timeout = DEFAULT_START_S,
	};

	if (parse(ctx, self, argc, argv, &c) || !c.kernel)
		return -1;
	c.config.kernel = open_file(c.kernel, "kernel", &ctx->error);
	if (c.config.kernel < 0)
		return -1;
	if (c.initrd) {
		c.config.initrd = open_file(c.initrd, "initrd", &ctx->error);
		if (c.config.initrd < 0)
			return -1;
	}
	return start(ctx, &c);
}

const struct command cmd_create = {
	.name = "create",
	.usage = "NAME --kernel FILE [OPTIONS]",
	.help = "make a domain and start a kernel in it\n"
		"\n"
		"  -k, --kernel FILE     vmlinux or bzImage, built for domus\n"
		"  -i, --initrd FILE     initial RAM disk\n"
		"  -a, --append STR      the kernel's command line\n"
		"  -m, --memory SIZE     guest memory (256M)\n"
		"  -c, --vcpus N         virtual CPUs (1)\n"
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
	.opts = opts,
	.run = run,
};
