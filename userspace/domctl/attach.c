// SPDX-License-Identifier: GPL-2.0-only
/*
 * attach.c: this terminal on a domain's console.
 *
 *   1. the terminal
 *   2. asking the holder
 *   3. both directions
 */
#include <ctype.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/signalfd.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

#include "attach.h"

/* How long a holder may take to answer ATTACH. */
#define ANSWER_MS 5000

int64_t attach_now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000LL + ts.tv_nsec / 1000000;
}

int attach_parse_escape(const char *text, int *escape, struct error *error)
{
	if (!strcmp(text, "none")) {
		*escape = ATTACH_NO_ESCAPE;
		return 0;
	}
	if (text[0] == '^' && text[1] && !text[2]) {
		int c = toupper((unsigned char)text[1]);

		if (c >= '@' && c <= '_') {
			*escape = c - '@';
			return 0;
		}
	} else if (text[0] && !text[1]) {
		*escape = (unsigned char)text[0];
		return 0;
	}
	return error_set(error, EXIT_USAGE, "escape",
			 "'%.40s' is neither ^X, a character, nor none", text);
}

/* ---- 1. The terminal ------------------------------------------------------ */

struct terminal {
	struct termios saved;
	bool raw;
};

static void terminal_raw(struct terminal *t, const struct attach *a)
{
	struct termios raw;

	if (a->in < 0 || !isatty(a->in) || tcgetattr(a->in, &t->saved))
		return;
	raw = t->saved;
	cfmakeraw(&raw);
	t->raw = !tcsetattr(a->in, TCSADRAIN, &raw);
}

static void terminal_restore(const struct terminal *t, const struct attach *a)
{
	if (t->raw)
		(void)tcsetattr(a->in, TCSADRAIN, &t->saved);
}

/* ---- 2. Asking ------------------------------------------------------------ */

int attach_begin(const struct attach *a, const char *name, struct error *error)
{
	const struct wire_head head = {
		.type = WIRE_ATTACH,
		.code = WIRE_VERSION,
		.flags = (a->force ? WIRE_FORCE : 0U) | (a->in < 0 ? WIRE_WATCH : 0U),
	};
	struct pollfd fd = { .fd = a->socket, .events = POLLIN };
	char what[DOMUS_NAME_MAX + 16];
	struct wire wire;

	snprintf(what, sizeof(what), "console %s", name);
	if (wire_send(a->socket, &head, NULL, 0) || poll(&fd, 1, ANSWER_MS) <= 0 ||
	    wire_receive(a->socket, &wire) <= 0)
		return error_set(error, EXIT_REFUSED, what, "the holder does not answer");
	if (wire.head.type == WIRE_BUSY)
		return error_set(error, EXIT_REFUSED, what,
				 "somebody is attached (--force takes it over)");
	if (wire.head.type != WIRE_ATTACHED)
		return error_set(error, EXIT_REFUSED, what,
				 "the holder is of another version of domctl");
	return 0;
}

/* ---- 3. Both directions --------------------------------------------------- */

enum { FD_SOCKET, FD_IN, FD_SIGNALS, FD_NR };

static int show(int out, const char *data, size_t size)
{
	while (size) {
		ssize_t n = write(out, data, size);

		if (n < 0 && errno == EAGAIN) {
			/* Standard output may be shared with one who made it so. */
			struct pollfd fd = { .fd = out, .events = POLLOUT };

			(void)poll(&fd, 1, -1);
			continue;
		}
		if (n < 0 && errno != EINTR)
			return -1;
		if (n > 0) {
			data += n;
			size -= (size_t)n;
		}
	}
	return 0;
}

/* Sends what was typed, waiting while the guest takes none. Return: 0 or -1. */
static int type(const struct attach *a, const char *data, size_t size)
{
	const struct wire_head head = { .type = WIRE_INPUT };

	while (size && wire_send(a->socket, &head, data, size)) {
		struct pollfd fd = { .fd = a->socket, .events = POLLOUT };

		if (errno != EAGAIN)
			return -1;
		/* A guest that reads nothing must not keep ^] from working. */
		if (poll(&fd, 1, 1000) <= 0)
			return 0;
	}
	return 0;
}

/* Return: whether the escape character was typed. @in is given up at its end. */
static bool serve_input(const struct attach *a, int *in)
{
	char data[WIRE_DATA_MAX];
	ssize_t n = read(*in, data, sizeof(data));
	const char *escape = NULL;

	if (n < 0 && (errno == EINTR || errno == EAGAIN))
		return false;
	if (n <= 0) {
		*in = -1;
		return false;
	}
	if (a->escape != ATTACH_NO_ESCAPE)
		escape = memchr(data, a->escape, (size_t)n);
	(void)type(a, data, escape ? (size_t)(escape - data) : (size_t)n);
	return escape;
}

/* Return: whether it goes on; else *@result. */
static bool serve_socket(struct attach *a, struct wire *wire, enum attach_result *result,
			 struct error *error)
{
	int got = wire_receive(a->socket, wire);

	if (got < 0)
		return true;
	*result = ATTACH_LOST;
	if (!got)
		return false;
	switch (wire->head.type) {
	case WIRE_OUTPUT:
		if (a->out < 0 || !show(a->out, wire->data, wire->size))
			return true;
		error_errno(error, "output", "", errno);
		*result = ATTACH_FAILED;
		return false;
	case WIRE_REPLAYED:
		a->replayed = true;
		*result = ATTACH_DETACHED;
		return !a->history;
	case WIRE_ENDED:
		*result = ATTACH_ENDED;
		return false;
	case WIRE_TAKEN:
		*result = ATTACH_TAKEN;
		return false;
	default:
		return true;
	}
}

static int until(const struct attach *a)
{
	int64_t left;

	if (a->deadline < 0)
		return -1;
	left = a->deadline - attach_now();
	if (left <= 0)
		return 0;
	return left > 1000000 ? 1000000 : (int)left;
}

static enum attach_result both_ways(struct attach *a, int signals, struct wire *wire,
				    struct error *error)
{
	enum attach_result result = ATTACH_LOST;
	struct signalfd_siginfo info;
	int in = a->in;

	for (;;) {
		struct pollfd fds[FD_NR] = {
			[FD_SOCKET] = { .fd = a->socket, .events = POLLIN },
			/* ^] in a pipe shall not come before what is to be seen. */
			[FD_IN] = { .fd = a->replayed ? in : -1, .events = POLLIN },
			[FD_SIGNALS] = { .fd = signals, .events = POLLIN },
		};
		int n = poll(fds, FD_NR, until(a));

		if (n < 0 && errno != EINTR) {
			error_errno(error, "console", "", errno);
			return ATTACH_FAILED;
		}
		if (n <= 0) {
			if (a->deadline >= 0 && attach_now() >= a->deadline)
				return ATTACH_TIMED_OUT;
			continue;
		}
		if (fds[FD_SOCKET].revents && !serve_socket(a, wire, &result, error))
			return result;
		if (fds[FD_IN].revents && serve_input(a, &in))
			return ATTACH_DETACHED;
		if (fds[FD_SIGNALS].revents & POLLIN &&
		    read(signals, &info, sizeof(info)) == (ssize_t)sizeof(info)) {
			a->signal = (int)info.ssi_signo;
			return ATTACH_SIGNALLED;
		}
		/* A guest that never stops writing is timed out, too. */
		if (a->deadline >= 0 && attach_now() >= a->deadline)
			return ATTACH_TIMED_OUT;
	}
}

enum attach_result attach_run(struct attach *a, struct wire *last, struct error *error)
{
	struct terminal terminal = { .raw = false };
	enum attach_result result;
	sigset_t signals;
	sigset_t old;
	int fd;

	sigemptyset(&signals);
	sigaddset(&signals, SIGINT);
	sigaddset(&signals, SIGTERM);
	sigaddset(&signals, SIGHUP);
	(void)sigprocmask(SIG_BLOCK, &signals, &old);
	fd = signalfd(-1, &signals, SFD_NONBLOCK | SFD_CLOEXEC);
	if (fd < 0) {
		error_errno(error, "console", "", errno);
		return ATTACH_FAILED;
	}
	terminal_raw(&terminal, a);
	result = both_ways(a, fd, last, error);
	terminal_restore(&terminal, a);
	close(fd);
	(void)sigprocmask(SIG_SETMASK, &old, NULL);
	return result;
}
