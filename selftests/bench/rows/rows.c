// SPDX-License-Identifier: GPL-2.0-only
/*
 * rows.c: what operations cost, in ticks of the TSC, of which an emulator that counts
 * instructions makes one for each. Runs as process 1 of every machine that is compared, or
 * as a program.
 *
 *   rows [count] [memory] [profile=OPERATIONS,BATCHES] [serve]
 *        [module=FILE[,PARAMETER]...]... [disk=FILE] [net=INTERFACE,LOCAL,REMOTE] [row=NAME]...
 *	measures those rows, or all, or all of disk and net if there are some; serve: it is the
 *	other end, too; other words are the kernel's, which it gives to process 1
 *   rows serve
 *	the other end of net=
 *   rows clock
 *	says how many ticks there were
 *
 * It says lines that begin with "bench: ":
 *
 *   start TICKS		when main() was reached, for the first time
 *   fact NAME TEXT		of the kernel
 *   row NAME MEDIAN MIN MAX	ticks of an operation
 *   batch OPERATIONS TICKS	with profile
 *   error TEXT
 *   done
 *
 * With count each row is run once more when all have been measured, for a host that has
 * counters of its own, which gets a line before, "ask NAME", and one behind it, "told NAME
 * OPERATIONS", and answers each by one. The row "empty" does nothing, so what the asking
 * itself counts is known. With memory it asks "ask memory" when all is done.
 *
 * With profile rows are not measured: it asks "ask NAME", then runs that many batches of that
 * many operations (0, or more than the row has: as many as that), each between two system
 * calls that nothing else makes, mark(), and tells. A batch of the row "empty" is the first.
 *
 * 1. saying, asking  2. measuring  3. process 1
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/personality.h>
#include <sys/reboot.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#include "rows.h"

#define MAX_ROWS 64

struct io io;

/* ---- 1. Saying, asking ----------------------------------------------------------- */

bool fail(const char *what)
{
	printf("bench: error %s: %s\n", what, strerror(errno));
	fflush(stdout);
	return false;
}

/* Waits for an answer, of which nothing but its end matters. */
static void hear(void)
{
	char c;

	fflush(stdout);
	while (read(0, &c, 1) == 1 && c != '\n')
		;
}

/* ---- 2. Measuring ------------------------------------------------------------------ */

/* Of batches that are profiled; none if it is 0. */
static unsigned int profiled, operations_max;
static bool marks;

/* Whoever sees all instructions of the machine finds those of a batch by these. */
static void mark(bool begins)
{
	if (!marks)
		return;
	if (begins)
		sched_get_priority_min(SCHED_OTHER);
	else
		sched_get_priority_max(SCHED_OTHER);
}

static int compare(const void *a, const void *b)
{
	const double *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

static bool batch_of(const struct row *row, unsigned int times, uint64_t *took, double *operations)
{
	uint64_t begun;
	bool good;

	if (row->prepare && !row->prepare())
		return false;
	mark(true);
	begun = ticks();
	good = row->run(times);
	*took = ticks() - begun;
	mark(false);
	if (row->finish)
		row->finish();
	*operations = row->operations ? row->operations(*took) : times;
	return good;
}

static bool batch(const struct row *row, uint64_t *took, double *operations)
{
	return batch_of(row, row->times, took, operations);
}

static bool measure(const struct row *row)
{
	unsigned int nr = row->batches ? row->batches : BATCHES;
	double each[BATCHES], operations;
	uint64_t took;

	/* the first one warms up */
	if (!batch(row, &took, &operations))
		return false;
	for (unsigned int i = 0; i < nr; i++) {
		if (!batch(row, &took, &operations))
			return false;
		each[i] = (double)(took - row->without) / operations;
	}
	qsort(each, nr, sizeof(*each), compare);
	printf("bench: row %s %.1f %.1f %.1f\n", row->name, each[nr / 2], each[0], each[nr - 1]);
	fflush(stdout);
	return true;
}

/* Only the batch itself is between the question and what is told. */
static bool count(const struct row *row)
{
	double operations;
	uint64_t begun;
	bool good;

	if (!batch(row, &begun, &operations) || (row->prepare && !row->prepare()))
		return false;
	printf("ask %s\n", row->name);
	hear();
	begun = ticks();
	good = row->run(row->times);
	operations = row->operations ? row->operations(ticks() - begun) : row->times;
	printf("told %s %.1f\n", row->name, operations);
	hear();
	if (row->finish)
		row->finish();
	return good;
}

static bool nothing(unsigned int times)
{
	return true;
}

static const struct row empty = { .name = "empty", .run = nothing };

/* What was counted is said when nobody looks any more. */
static bool profile(const struct row *row)
{
	bool fewer = operations_max && operations_max < row->times;
	unsigned int times = fewer ? operations_max : row->times;
	double operations[BATCHES + 1];
	uint64_t took[BATCHES + 1];
	bool good;

	if (!batch_of(row, times, took, operations))
		return false;
	printf("ask %s\n", row->name);
	hear();
	/* what the host has to do for the answer, and frees behind it, it does now */
	usleep(200000);
	marks = true;
	good = batch(&empty, took, operations);
	for (unsigned int i = 1; good && i <= profiled; i++)
		good = batch_of(row, times, &took[i], &operations[i]);
	marks = false;
	printf("told %s %.1f\n", row->name, operations[1]);
	hear();
	for (unsigned int i = 0; good && i <= profiled; i++)
		printf("bench: batch %.3f %llu\n", operations[i], (unsigned long long)took[i]);
	return good;
}

static bool around(const struct row *row, bool (*fn)(const struct row *row))
{
	bool good = !row->open || row->open();

	if (good)
		good = fn(row);
	if (row->close)
		row->close();
	return good ? good : fail(row->name);
}

/* @names: those that are wanted, all if there are none. */
static void each_of(const struct row *table, char **names, bool (*fn)(const struct row *row))
{
	for (const struct row *row = table; row->name; row++) {
		bool wanted = !*names;

		for (char **name = names; *name; name++)
			wanted |= !strcmp(*name, row->name);
		if (wanted)
			around(row, fn);
	}
}

static void all(char **names, bool (*fn)(const struct row *row))
{
	if (!io.disk && !io.interface)
		each_of(rows, names, fn);
	if (io.disk)
		each_of(disk_rows, names, fn);
	if (io.interface)
		each_of(net_rows, names, fn);
}

/* ---- 3. Process 1 -------------------------------------------------------------------- */

static void set_up(void)
{
	struct termios t;
	int fd;

	mkdir("/dev", 0755);
	mkdir("/proc", 0755);
	mkdir("/sys", 0755);
	mount("dev", "/dev", "devtmpfs", 0, NULL);
	mount("proc", "/proc", "proc", 0, NULL);
	mount("sys", "/sys", "sysfs", 0, NULL);
	if (access("/dev/zero", R_OK))
		mknod("/dev/zero", S_IFCHR | 0666, makedev(1, 5));
	fd = open("/dev/console", O_RDWR);
	if (fd < 0)
		return;
	for (int to = 0; to < 3; to++)
		dup2(fd, to);
	/* lines are neither echoed nor changed */
	if (!tcgetattr(0, &t)) {
		cfmakeraw(&t);
		tcsetattr(0, TCSANOW, &t);
	}
}

static void fact_of(const char *name, const char *path)
{
	char text[256];
	int fd = open(path, O_RDONLY);
	ssize_t n = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);

	if (fd >= 0)
		close(fd);
	if (n <= 0)
		return;
	text[n] = 0;
	text[strcspn(text, "\n")] = 0;
	printf("bench: fact %s %s\n", name, text);
}

static void facts(void)
{
	struct utsname u;

	uname(&u);
	printf("bench: fact kernel %s %s\n", u.release, u.version);
	fact_of("clocksource", "/sys/devices/system/clocksource/clocksource0/current_clocksource");
	fact_of("meltdown", "/sys/devices/system/cpu/vulnerabilities/meltdown");
	fact_of("spectre_v2", "/sys/devices/system/cpu/vulnerabilities/spectre_v2");
	fflush(stdout);
}

/* FILE[,PARAMETER]... */
static void load(char *what)
{
	char *parameters = strchr(what, ',');
	int fd;

	if (parameters)
		*parameters++ = 0;
	for (char *at = parameters; at && (at = strchr(at, ','));)
		*at = ' ';
	fd = open(what, O_RDONLY);
	if (fd < 0 || (syscall(SYS_finit_module, fd, parameters ? parameters : "", 0) &&
		       errno != EEXIST))
		fail(what);
	if (fd >= 0)
		close(fd);
}

/* Addresses that differ from run to run would make page tables, and so counts, differ. */
static bool stays(void)
{
	return personality(~0U) & ADDR_NO_RANDOMIZE;
}

static void begin_anew(char **argv)
{
	personality(PER_LINUX | ADDR_NO_RANDOMIZE);
	execv("/proc/self/exe", argv);
	fail("exec");
}

/* INTERFACE,LOCAL,REMOTE */
static void set_net(char *text)
{
	io.interface = strsep(&text, ",");
	io.local = strsep(&text, ",");
	io.remote = strsep(&text, ",");
}

static void serve_beside(void)
{
	if (!fork())
		_exit(serve());
	/* it goes on without its parent when it listens */
	wait(NULL);
}

/* OPERATIONS,BATCHES */
static void set_profile(char *text)
{
	char *batches = text;

	operations_max = strtoul(strsep(&batches, ","), NULL, 10);
	profiled = batches ? strtoul(batches, NULL, 10) : 0;
	if (profiled > BATCHES)
		profiled = BATCHES;
}

static char *value_of(char *word, const char *key)
{
	size_t len = strlen(key);

	return strncmp(word, key, len) ? NULL : word + len;
}

/* Return: the name of a row that is wanted, if that is what it is. */
static char *option(char *word, bool *counts, bool *memory)
{
	char *module = value_of(word, "module="), *disk = value_of(word, "disk=");
	char *net = value_of(word, "net="), *batches = value_of(word, "profile=");

	if (!strcmp(word, "count"))
		*counts = true;
	else if (!strcmp(word, "memory"))
		*memory = true;
	else if (!strcmp(word, "serve"))
		serve_beside();
	else if (module)
		load(module);
	else if (disk)
		io.disk = disk;
	else if (net)
		set_net(net);
	else if (batches)
		set_profile(batches);
	return value_of(word, "row=");
}

int main(int argc, char **argv)
{
	bool init = getpid() == 1, counts = false, memory = false;
	char *names[MAX_ROWS] = { NULL };
	uint64_t begun = ticks();
	int nr = 0;

	if (argc == 2 && !strcmp(argv[1], "clock"))
		return printf("%llu\n", (unsigned long long)begun) < 0;
	if (argc == 2 && !strcmp(argv[1], "serve"))
		return serve();
	if (!stays()) {
		if (init)
			set_up();
		printf("\nbench: start %llu\n", (unsigned long long)begun);
		fflush(stdout);
		begin_anew(argv);
	}
	facts();
	for (int i = 1; i < argc && nr < MAX_ROWS - 1; i++) {
		names[nr] = option(argv[i], &counts, &memory);
		nr += !!names[nr];
	}
	all(names, profiled ? profile : measure);
	if (counts) {
		around(&empty, count);
		all(names, count);
	}
	if (memory) {
		printf("ask memory\n");
		hear();
	}
	printf("bench: done\n");
	fflush(stdout);
	if (init) {
		tcdrain(1);
		reboot(RB_POWER_OFF);
	}
	return 0;
}
