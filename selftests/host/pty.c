// SPDX-License-Identifier: GPL-2.0-only
/*
 * pty STEP... -- COMMAND [ARGUMENT]...: runs a command on a terminal of its own and
 * plays the person in front of it. Its exit status is the command's; 125 when a step
 * could not be done. What the command writes goes to standard output.
 *
 *   ?TEXT    wait until the command has written TEXT (behind what was waited for before)
 *   =TEXT    type TEXT; \n, \r, \\ and \ooo as in C
 *   raw, cooked   the terminal must be in that mode, soon
 *   size COLSxROWS   the window has another size
 *   hangup   the terminal goes away: the person has closed the window
 *   end      wait for the command's end
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

#define BROKEN 125
#define PATIENCE_MS 60000	/* times $SLOW */

static char seen[1 << 20];
static size_t size, passed;
static int master, slave, process;
static pid_t child;

static long long patience_ms(void)
{
	const char *slow = getenv("SLOW");

	return (slow && atoi(slow) > 1 ? atoi(slow) : 1) * (long long)PATIENCE_MS;
}

static long long now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000LL + ts.tv_nsec / 1000000;
}

/* Takes what there is within @ms, or sees the end. Return: whether it has ended. */
static bool listen_for(int ms)
{
	struct pollfd fds[2] = {
		{ .fd = master, .events = POLLIN },
		{ .fd = process, .events = POLLIN },
	};
	ssize_t n;

	if (poll(fds, 2, ms) <= 0)
		return false;
	if (fds[0].revents) {
		n = read(master, seen + size, sizeof(seen) - 1 - size);
		if (n > 0) {
			(void)!write(STDOUT_FILENO, seen + size, (size_t)n);
			size += (size_t)n;
			return false;
		}
	}
	return fds[1].revents;
}

static bool wait_text(const char *text)
{
	long long deadline = now_ms() + patience_ms();
	bool ended = false;
	char *found;

	for (;;) {
		found = memmem(seen + passed, size - passed, text, strlen(text));
		if (found) {
			passed = (size_t)(found - seen) + strlen(text);
			return true;
		}
		if (ended || now_ms() > deadline)
			return false;
		ended = listen_for(1000);
	}
}

static bool wait_mode(bool raw)
{
	long long deadline = now_ms() + patience_ms();
	struct termios t;

	do {
		if (tcgetattr(slave, &t))
			return false;
		if (raw == !(t.c_lflag & (ICANON | ECHO | ISIG)))
			return true;
		(void)listen_for(20);
	} while (now_ms() < deadline);
	return false;
}

static bool wait_end(void)
{
	long long deadline = now_ms() + patience_ms();

	while (now_ms() < deadline)
		if (listen_for(1000))
			return true;
	return false;
}

static bool type(const char *text)
{
	static char bytes[4096];
	size_t n = 0;

	for (; *text && n < sizeof(bytes); n++) {
		if (*text != '\\') {
			bytes[n] = *text++;
		} else if (text[1] >= '0' && text[1] <= '7') {
			char *end;
			char octal[4] = { 0 };

			strncpy(octal, text + 1, 3);
			bytes[n] = (char)strtol(octal, &end, 8);
			text += 1 + (end - octal);
		} else {
			bytes[n] = text[1] == 'n' ? '\n' : text[1] == 'r' ? '\r' : text[1];
			text += 2;
		}
	}
	return write(master, bytes, n) == (ssize_t)n;
}

static bool resize(const char *text)
{
	struct winsize window = { 0 };

	return sscanf(text, "size %hux%hu", &window.ws_col, &window.ws_row) == 2 &&
	       !ioctl(master, TIOCSWINSZ, &window);
}

static bool step(const char *text)
{
	switch (*text) {
	case '?':
		return wait_text(text + 1);
	case '=':
		return type(text + 1);
	case 'r':
		return wait_mode(true);
	case 'c':
		return wait_mode(false);
	case 's':
		return resize(text);
	case 'h':
		/* The last open files of the terminal but the command's own. */
		close(slave);
		close(master);
		master = -1;
		slave = -1;
		return true;
	case 'e':
		return wait_end();
	default:
		return false;
	}
}

static bool begin(char **command)
{
	struct winsize window = { .ws_row = 24, .ws_col = 80 };

	master = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
	if (master < 0 || grantpt(master) || unlockpt(master))
		return false;
	slave = open(ptsname(master), O_RDWR | O_NOCTTY | O_CLOEXEC);
	if (slave < 0 || ioctl(slave, TIOCSWINSZ, &window))
		return false;
	child = fork();
	if (!child) {
		setsid();
		ioctl(slave, TIOCSCTTY, 0);
		for (int fd = 0; fd < 3; fd++)
			dup2(slave, fd);
		execvp(command[0], command);
		_exit(127);
	}
	process = (int)syscall(SYS_pidfd_open, child, 0);
	return child > 0 && process >= 0;
}

int main(int argc, char **argv)
{
	int nr = 1;
	int status;

	while (nr < argc && strcmp(argv[nr], "--"))
		nr++;
	if (nr + 1 >= argc || !begin(argv + nr + 1)) {
		fprintf(stderr, "pty: no command, or no terminal\n");
		return BROKEN;
	}
	for (int i = 1; i < nr; i++) {
		if (!step(argv[i])) {
			printf("\npty: step %d failed: %s\n", i, argv[i]);
			kill(child, SIGKILL);
			return BROKEN;
		}
	}
	if (waitpid(child, &status, 0) != child)
		return BROKEN;
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}
