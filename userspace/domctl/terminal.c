// SPDX-License-Identifier: GPL-2.0-only
/* terminal.c: the second console; see terminal.h. */
#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/signalfd.h>
#include <termios.h>
#include <unistd.h>

#include "attach.h"
#include "nl_small.h"
#include "runtime.h"
#include "size.h"
#include "terminal.h"

#define CHUNK 4096

/**
 * struct session
 * @ref: the domain by its id
 * @socket, @signals: files
 * @in: STDIN_FILENO, or -1 at its end
 * @left: @left_size bytes that were typed and not sent yet
 */
struct session {
	struct control *control;
	struct control_ref ref;
	int socket;
	int signals;
	int in;
	int escape;
	int signal;
	char left[CHUNK];
	size_t left_size;
};

enum verdict { GO_ON, OVER, DETACHED, SIGNALLED, FAILED };

/* Best effort: a domain may end meanwhile. */
static void tell_size(struct session *s)
{
	struct error ignored = { 0 };
	struct winsize size;

	if (ioctl(STDIN_FILENO, TIOCGWINSZ, &size) || !size.ws_col || !size.ws_row)
		return;
	(void)control_terminal_size(s->control, &s->ref, SMALL_CONSOLE,
				    size.ws_col & INT16_MAX, size.ws_row & INT16_MAX, &ignored);
}

static enum verdict show(const struct session *s, struct error *error)
{
	char data[CHUNK];
	ssize_t n = read(s->socket, data, sizeof(data));

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return GO_ON;
	if (n <= 0)
		return OVER;
	for (ssize_t done = 0; done < n;) {
		ssize_t w = write(STDOUT_FILENO, data + done, (size_t)(n - done));

		if (w < 0 && errno == EAGAIN) {
			struct pollfd fd = { .fd = STDOUT_FILENO, .events = POLLOUT };

			(void)poll(&fd, 1, -1);
		} else if (w < 0 && errno != EINTR) {
			error_errno(error, "output", "", errno);
			return FAILED;
		}
		done += w > 0 ? w : 0;
	}
	return GO_ON;
}

static void send_left(struct session *s)
{
	ssize_t n = write(s->socket, s->left, s->left_size);

	if (n > 0) {
		s->left_size -= (size_t)n;
		memmove(s->left, s->left + n, s->left_size);
	}
}

static enum verdict type(struct session *s)
{
	char data[CHUNK];
	ssize_t n = read(s->in, data, sizeof(data) - s->left_size);
	const char *escape = NULL;

	if (n < 0 && (errno == EINTR || errno == EAGAIN))
		return GO_ON;
	if (n <= 0) {
		s->in = -1;
		return GO_ON;
	}
	if (s->escape != ATTACH_NO_ESCAPE)
		escape = memchr(data, s->escape, (size_t)n);
	if (escape)
		n = escape - data;
	memcpy(s->left + s->left_size, data, (size_t)n);
	s->left_size += (size_t)n;
	send_left(s);
	return escape ? DETACHED : GO_ON;
}

static enum verdict hear(struct session *s)
{
	struct signalfd_siginfo info;

	if (read(s->signals, &info, sizeof(info)) != (ssize_t)sizeof(info))
		return GO_ON;
	if (info.ssi_signo == SIGWINCH) {
		tell_size(s);
		return GO_ON;
	}
	s->signal = (int)info.ssi_signo;
	return SIGNALLED;
}

static enum verdict both_ways(struct session *s, struct error *error)
{
	enum verdict v = GO_ON;

	while (v == GO_ON) {
		struct pollfd fds[] = {
			{ .fd = s->socket, .events = (short)(POLLIN |
							     (s->left_size ? POLLOUT : 0)) },
			{ .fd = s->left_size < CHUNK ? s->in : -1, .events = POLLIN },
			{ .fd = s->signals, .events = POLLIN },
		};

		if (poll(fds, 3, -1) < 0)
			continue;
		if (fds[0].revents & POLLOUT)
			send_left(s);
		if (fds[0].revents & (POLLIN | POLLHUP | POLLERR))
			v = show(s, error);
		if (v == GO_ON && fds[1].revents)
			v = type(s);
		if (v == GO_ON && fds[2].revents)
			v = hear(s);
	}
	return v;
}

/* Raw while it lasts. */
static enum verdict attached(struct session *s, struct error *error)
{
	struct termios saved;
	struct termios raw;
	bool is_terminal = isatty(STDIN_FILENO) && !tcgetattr(STDIN_FILENO, &saved);
	enum verdict v;

	if (is_terminal) {
		raw = saved;
		cfmakeraw(&raw);
		(void)tcsetattr(STDIN_FILENO, TCSADRAIN, &raw);
	}
	tell_size(s);
	v = both_ways(s, error);
	if (is_terminal)
		(void)tcsetattr(STDIN_FILENO, TCSADRAIN, &saved);
	return v;
}

static int run(struct session *s, const char *name, struct error *error)
{
	sigset_t signals;
	sigset_t old;
	enum verdict v;

	sigemptyset(&signals);
	sigaddset(&signals, SIGINT);
	sigaddset(&signals, SIGTERM);
	sigaddset(&signals, SIGHUP);
	sigaddset(&signals, SIGWINCH);
	(void)sigprocmask(SIG_BLOCK, &signals, &old);
	s->signals = signalfd(-1, &signals, SFD_NONBLOCK | SFD_CLOEXEC);
	if (s->signals < 0)
		return error_errno(error, "console", "", errno);
	v = attached(s, error);
	close(s->signals);
	(void)sigprocmask(SIG_SETMASK, &old, NULL);
	if (v == FAILED)
		return -1;
	if (v == OVER)
		fprintf(stderr, "%s: the terminal was closed: the domain has ended, or somebody "
			"else is attached\n", name);
	return v == SIGNALLED ? EXIT_SIGNAL + s->signal : EXIT_DONE;
}

int terminal_run(struct ctx *ctx, const char *name, int escape)
{
	struct session s = { .ref.name = name, .in = STDIN_FILENO, .escape = escape };
	struct control_domain domain = { .id = 0 };
	char path[PORT_PATH_MAX + 1];
	int result = -1;

	if (control_open(&s.control, NULL, &ctx->error))
		return -1;
	if (!control_domain_get(s.control, &s.ref, &domain, &ctx->error) &&
	    !runtime_path(name, domain.uid, path, &ctx->error)) {
		s.ref.id = domain.id;
		s.socket = port_connect(path);
		if (s.socket < 0)
			error_set(&ctx->error, EXIT_REFUSED, name, errno == ENOENT ?
				  "the domain has no terminal (domctl create --terminal)" :
				  "nobody listens at its terminal");
		else
			result = run(&s, name, &ctx->error);
	}
	if (result >= 0)
		close(s.socket);
	control_close(s.control);
	return result;
}
