// SPDX-License-Identifier: GPL-2.0-only
/*
 * init.c: process 1 of the rig's virtual machine, linked statically.
 *
 * It runs one command and reports to selftests/rig/vm over the second serial
 * port (DESIGN 11), so that nothing the kernel prints can be mistaken for the
 * command's output, nor the other way round.
 *
 *   1. Frames: what travels on that port
 *   2. The machine: file systems, console, watchdogs
 *   3. Modules the rig was asked to load
 *   4. The command: output relayed until it ends, then its status
 *   5. Requests: "rig nmi" and friends ask for an injection on the third port
 *   6. The end: leaks, taint, power off
 *
 * All it is told comes in /rig/conf (KEY=VALUE lines) and /rig/argv (the
 * command's words, each ended by a NUL).
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

#define RESULT_PORT	"/dev/ttyS1"
#define REQUEST_PORT	"/dev/ttyS2"
#define MAX_WORDS	256

static int result_fd = -1;

/*
 * 1. Frames: type, 16-bit little-endian length, payload.  Types:
 *    'H' running (empty), 'O' stdout, 'E' stderr, 'F' the rig itself failed
 *    (text), 'X' the command ended: "STATUS TAINT LEAKS\n" in decimal.
 */
static void write_all(int fd, const void *buf, size_t len)
{
	const char *p = buf;

	while (len) {
		ssize_t n = write(fd, p, len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return;
		p += n;
		len -= n;
	}
}

static void send_frame(char type, const void *buf, size_t len)
{
	unsigned char head[3] = { type, len & 0xff, len >> 8 };

	write_all(result_fd, head, sizeof(head));
	write_all(result_fd, buf, len);
}

static void power_off(void)
{
	tcdrain(result_fd);
	sync();
	reboot(RB_POWER_OFF);
	_exit(1);
}

static void __attribute__((format(printf, 1, 2), noreturn))
fail(const char *fmt, ...)
{
	char text[512];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	if (result_fd >= 0)
		send_frame('F', text, strlen(text));
	dprintf(2, "rig: %s\n", text);
	power_off();
	for (;;)
		pause();
}

/* 2. The machine */

static const char *conf(const char *key, const char *otherwise)
{
	static char text[8192];
	size_t len = strlen(key);
	char *line;

	if (!text[0]) {
		int fd = open("/rig/conf", O_RDONLY | O_CLOEXEC);

		if (fd < 0 || read(fd, text, sizeof(text) - 1) <= 0)
			fail("/rig/conf: %s", strerror(errno));
		close(fd);
	}
	for (line = text; line && *line; line = strchr(line, '\n')) {
		line += *line == '\n';
		if (!strncmp(line, key, len) && line[len] == '=') {
			static char value[1024];
			size_t n = strcspn(line + len + 1, "\n");

			snprintf(value, sizeof(value), "%.*s", (int)n, line + len + 1);
			return value;
		}
	}
	return otherwise;
}

/* Best effort: which knobs exist depends on the kernel. */
static void put(const char *path, const char *value)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);

	if (fd < 0)
		return;
	write_all(fd, value, strlen(value));
	close(fd);
}

static void mount_all(void)
{
	static const struct { const char *type, *where, *data; } mounts[] = {
		{ "proc", "/proc", NULL },
		{ "sysfs", "/sys", NULL },
		{ "devtmpfs", "/dev", NULL },
		{ "devpts", "/dev/pts", "ptmxmode=0666" },
		{ "tmpfs", "/dev/shm", NULL },
		{ "tmpfs", "/run", NULL },
		{ "tmpfs", "/tmp", "mode=1777" },
		{ "debugfs", "/sys/kernel/debug", NULL },
		{ "tracefs", "/sys/kernel/tracing", NULL },
		{ "cgroup2", "/sys/fs/cgroup", NULL },
		{ "securityfs", "/sys/kernel/security", NULL },
	};
	size_t i;

	for (i = 0; i < sizeof(mounts) / sizeof(mounts[0]); i++) {
		mkdir(mounts[i].where, 0755);
		mount(mounts[i].type, mounts[i].where, mounts[i].type, 0, mounts[i].data);
	}
}

static int open_port(const char *path)
{
	struct termios t;
	int fd = open(path, O_RDWR | O_NOCTTY | O_CLOEXEC);

	if (fd < 0)
		return -1;
	if (tcgetattr(fd, &t)) {
		close(fd);
		return -1;
	}
	cfmakeraw(&t);
	cfsetspeed(&t, B115200);
	t.c_cflag |= CLOCAL;
	tcsetattr(fd, TCSANOW, &t);
	return fd;
}

static void set_up(void)
{
	int fd;

	mount_all();
	fd = open("/dev/console", O_RDWR);
	if (fd >= 0) {
		dup2(fd, 0);
		dup2(fd, 1);
		dup2(fd, 2);
		if (fd > 2)
			close(fd);
	}
	result_fd = open_port(RESULT_PORT);
	if (result_fd < 0)
		fail(RESULT_PORT ": %s", strerror(errno));

	/* From here on everything the kernel says goes to the console's log. */
	put("/proc/sys/kernel/printk", conf("printk", "7"));
	put("/proc/sys/kernel/soft_watchdog", "1");
	put("/proc/sys/kernel/hung_task_timeout_secs", conf("hung", "60"));
	put("/proc/sys/kernel/hung_task_warnings", "-1");
	put("/proc/sys/kernel/printk_ratelimit", "0");
	sethostname("rig", 3);
	setenv("PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin:/tests", 1);
	setenv("HOME", "/root", 1);
	setenv("TERM", conf("term", "dumb"), 1);
	unsetenv("BOOT_IMAGE");
}

/* 3. Modules: /rig/modules lists "FILE [PARAMETERS]", in the order needed. */

static void load_modules(void)
{
	char line[512];
	FILE *list = fopen("/rig/modules", "re");

	if (!list)
		return;
	while (fgets(line, sizeof(line), list)) {
		char *args;
		int fd;

		line[strcspn(line, "\n")] = 0;
		args = strchr(line, ' ');
		if (args)
			*args++ = 0;
		fd = open(line, O_RDONLY | O_CLOEXEC);
		if (fd < 0 || (syscall(SYS_finit_module, fd, args ? args : "", 0) &&
			       errno != EEXIST))
			fail("module %s: %s", line, strerror(errno));
		close(fd);
	}
	fclose(list);
}

/* The machine starts with one CPU: nothing is patched while others execute it. */
static void start_cpus(void)
{
	char path[64];
	int cpu;

	for (cpu = 1;; cpu++) {
		snprintf(path, sizeof(path), "/sys/devices/system/cpu/cpu%d/online", cpu);
		if (access(path, F_OK))
			return;
		put(path, "1");
	}
}

/* 4. The command */

static char **command_words(void)
{
	static char text[65536];
	static char *words[MAX_WORDS + 1];
	int fd = open("/rig/argv", O_RDONLY | O_CLOEXEC);
	ssize_t len = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);
	int n = 0;
	char *p;

	if (len <= 0)
		fail("/rig/argv: %s", strerror(errno));
	close(fd);
	for (p = text; p < text + len; p += strlen(p) + 1) {
		if (n == MAX_WORDS)
			fail("the command has more than %d words", MAX_WORDS);
		words[n++] = p;
	}
	return words;
}

/* The terminal is the console's: ttyS0, as /dev/console can control none. */
static void take_terminal(void)
{
	struct winsize ws = {
		.ws_row = atoi(conf("rows", "24")),
		.ws_col = atoi(conf("cols", "80")),
	};
	int fd;

	setsid();
	fd = open("/dev/ttyS0", O_RDWR);
	if (fd < 0)
		return;
	ioctl(fd, TIOCSCTTY, 1);
	ioctl(fd, TIOCSWINSZ, &ws);
	dup2(fd, 0);
	dup2(fd, 1);
	dup2(fd, 2);
	if (fd > 2)
		close(fd);
}

static pid_t start(char **words, int interactive, int out, int err)
{
	pid_t pid = fork();
	sigset_t none;
	int null;

	if (pid < 0)
		fail("fork: %s", strerror(errno));
	if (pid)
		return pid;
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	if (interactive) {
		take_terminal();
	} else {
		setsid();
		null = open("/dev/null", O_RDWR);
		dup2(null, 0);
		dup2(out, 1);
		dup2(err, 2);
	}
	if (chdir("/root"))
		_exit(126);
	execvp(words[0], words);
	dprintf(2, "rig: %s: %s\n", words[0], strerror(errno));
	_exit(errno == ENOENT ? 127 : 126);
}

/* Relays what is there; false at the end of the stream. */
static int relay(int fd, char type)
{
	char buf[4096];
	ssize_t n = read(fd, buf, sizeof(buf));

	if (n > 0)
		send_frame(type, buf, n);
	return n > 0 || (n < 0 && (errno == EAGAIN || errno == EINTR));
}

/*
 * Processes the command leaves behind may hold the pipes open for ever, so the
 * command's own end is what counts; what it wrote before is in the pipes by
 * then.
 */
static int run(char **words, int interactive)
{
	int out[2], err[2], status = 0, ended = 0;
	struct pollfd fds[3];
	sigset_t chld;
	pid_t pid, got;

	if (pipe2(out, O_CLOEXEC | O_NONBLOCK) || pipe2(err, O_CLOEXEC | O_NONBLOCK))
		fail("pipe: %s", strerror(errno));
	/* The command's ends must block as anyone's output does. */
	fcntl(out[1], F_SETFL, 0);
	fcntl(err[1], F_SETFL, 0);
	pid = start(words, interactive, out[1], err[1]);
	close(out[1]);
	close(err[1]);

	sigemptyset(&chld);
	sigaddset(&chld, SIGCHLD);
	fds[0] = (struct pollfd){ .fd = out[0], .events = POLLIN };
	fds[1] = (struct pollfd){ .fd = err[0], .events = POLLIN };
	fds[2] = (struct pollfd){ .fd = syscall(SYS_pidfd_open, pid, 0), .events = POLLIN };

	while (!ended) {
		if (poll(fds, 3, 1000) < 0 && errno != EINTR)
			fail("poll: %s", strerror(errno));
		if (fds[0].revents && !relay(fds[0].fd, 'O'))
			fds[0].fd = -1;
		if (fds[1].revents && !relay(fds[1].fd, 'E'))
			fds[1].fd = -1;
		if ((fds[0].revents | fds[1].revents) & POLLIN)
			continue;
		while ((got = waitpid(-1, &status, WNOHANG)) > 0) {
			if (got == pid) {
				ended = 1;
				break;
			}
		}
	}
	errno = 0;
	while (relay(out[0], 'O') && errno != EAGAIN)
		errno = 0;
	errno = 0;
	while (relay(err[0], 'E') && errno != EAGAIN)
		errno = 0;
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

/*
 * 5. Requests.  As "rig WORDS..." this program writes "@WORDS" to the third
 * serial port and waits for the rig's answer: "ok" or "error: why".  For an
 * NMI it then waits until a CPU has counted it (the boot CPU's: Linux has the
 * line unmasked nowhere else), for a machine check ("mce -b" tells all CPUs) until
 * each one has that it is for, so that a loop of these injects one at a time, each
 * seen before the next.
 */
static unsigned long long counted(const char *row)
{
	unsigned long long sum = 0;
	char *line = NULL, *p, *end;
	size_t size = 0;
	FILE *f = fopen("/proc/interrupts", "re");

	while (f && getline(&line, &size, f) > 0) {
		p = strstr(line, row);
		for (p = p ? p + 4 : NULL; p; p = end) {
			sum += strtoull(p, &end, 10);
			if (end == p)
				break;
		}
	}
	free(line);
	if (f)
		fclose(f);
	return sum;
}

/* What the words ask for: the row of /proc/interrupts that counts it, NULL: none does. */
static const char *awaited(int argc, char **argv, int *cpus)
{
	int i;

	*cpus = 1;
	if (argc > 1 && !strcmp(argv[argc - 1], "nmi"))
		return "NMI:";
	for (i = 1; i < argc; i++) {
		if (strcmp(argv[i], "mce"))
			continue;
		if (i + 1 < argc && !strcmp(argv[i + 1], "-b"))
			*cpus = sysconf(_SC_NPROCESSORS_ONLN);
		return "MCE:";
	}
	return NULL;
}

static int ask(int argc, char **argv)
{
	static char line[16384] = "@";	/* and the answer: registers of all CPUs */
	size_t n = 0;
	char c;
	int fd, i, cpus;
	const char *row = awaited(argc, argv, &cpus);
	unsigned long long before = row ? counted(row) : 0;

	if (argc < 2) {
		dprintf(2, "usage: rig nmi\n"
			   "       rig cut\n"
			   "       rig mce CPU BANK STATUS MCGSTATUS ADDR MISC\n"
			   "       rig at guest|cell[:FROM-TO] CPU nmi|mce...\n"
			   "       rig hmp WORDS...\n");
		return 1;
	}
	for (i = 1; i < argc; i++) {
		strncat(line, argv[i], sizeof(line) - strlen(line) - 2);
		strncat(line, i + 1 < argc ? " " : "\n", sizeof(line) - strlen(line) - 1);
	}
	fd = open_port(REQUEST_PORT);
	if (fd < 0) {
		dprintf(2, "Error: " REQUEST_PORT ": %s\n", strerror(errno));
		return 2;
	}
	if (flock(fd, LOCK_EX)) {
		dprintf(2, "Error: " REQUEST_PORT ": %s\n", strerror(errno));
		return 2;
	}
	write_all(fd, line, strlen(line));
	while (n < sizeof(line) - 1 && read(fd, &c, 1) == 1 && c != '\n')
		line[n++] = c;
	line[n] = 0;
	if (strncmp(line, "ok", 2)) {
		dprintf(2, "Error: %s: %s\n", argv[1], line);
		return 2;
	}
	if (n > 3)
		printf("%s\n", line + 3);
	for (i = 0; row && counted(row) < before + cpus; i++) {
		if (i == 10000) {
			dprintf(2, "Error: %s not all CPUs have seen it after 10 s\n", row);
			return 2;
		}
		usleep(1000);
	}
	return 0;
}

/* 6. The end */

/*
 * kmemleak takes an object for leaked when two scans have found no pointer to
 * it and it is older than 5 s, hence the wait.
 */
static int leaks(void)
{
	static const char path[] = "/sys/kernel/debug/kmemleak";
	char buf[4096];
	int fd, n = 0;
	ssize_t len;

	if (access(path, W_OK) || !atoi(conf("leakcheck", "1")))
		return 0;
	sleep(6);
	put(path, "scan");
	put(path, "scan");
	fd = open(path, O_RDONLY | O_CLOEXEC);
	while (fd >= 0 && (len = read(fd, buf, sizeof(buf) - 1)) > 0) {
		char *p = buf;

		buf[len] = 0;
		dprintf(2, "%s", buf);
		while ((p = strstr(p, "unreferenced object"))) {
			n++;
			p++;
		}
	}
	return n;
}

static unsigned long taint(void)
{
	char buf[32] = "";
	int fd = open("/proc/sys/kernel/tainted", O_RDONLY | O_CLOEXEC);

	if (fd < 0 || read(fd, buf, sizeof(buf) - 1) <= 0)
		return 0;
	close(fd);
	return strtoul(buf, NULL, 10);
}

int main(int argc, char **argv)
{
	char end[64];
	int status;

	if (getpid() != 1)
		return ask(argc, argv);
	set_up();
	load_modules();
	start_cpus();
	/*
	 * Its own scans, every ten minutes, take lists that change meanwhile for leaks, and
	 * minutes of a kernel with KASAN: we look once, when nothing changes any more.
	 */
	put("/sys/kernel/debug/kmemleak", "scan=off");
	put("/sys/kernel/debug/kmemleak", "clear");
	send_frame('H', "", 0);
	status = run(command_words(), atoi(conf("interactive", "0")));
	snprintf(end, sizeof(end), "%d %lu %d\n", status, taint(), leaks());
	send_frame('X', end, strlen(end));
	power_off();
	return 0;
}
