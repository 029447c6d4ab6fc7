// SPDX-License-Identifier: GPL-2.0-only
/*
 * clock.c [CLOCKSOURCE]: clocks of a domain; CLOCKSOURCE is what its host uses.
 *
 *   1. no system call to read a clock, where the host reads the TSC
 *   2. no step backwards, no sleep that is too short
 *   3. "clock answer" tells the time for each line it reads, each time on another CPU, and
 *      "clock ask TO FROM [SECONDS [COMMAND [WALL]]]" asks such a one over two pipes,
 *      for so many seconds, and compares: the time is the same, and its rate within
 *      50 ppm. COMMAND is run after the first question; WALL "stepped" if that sets the clock of
 *      the asker, which nobody tells to the other
 *
 * clock.sh has it all done.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/sysinfo.h>
#include <sys/time.h>
#include <sys/timerfd.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include <x86intrin.h>

#include "kselftest.h"
#include "common.h"

#define MS	1000000LL
#define SOURCE	"/sys/devices/system/clocksource/clocksource0/current_clocksource"

static int64_t nanoseconds(const struct timespec *ts)
{
	return ts->tv_sec * 1000000000LL + ts->tv_nsec;
}

static int64_t now(clockid_t clock)
{
	struct timespec ts;

	clock_gettime(clock, &ts);
	return nanoseconds(&ts);
}

static int64_t now_by_call(clockid_t clock)
{
	struct timespec ts;

	syscall(SYS_clock_gettime, clock, &ts);
	return nanoseconds(&ts);
}

/* 1. Without a call: one that is made fails. */

static bool forbid_calls(void)
{
	struct sock_filter filter[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_clock_gettime, 2, 0),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_gettimeofday, 1, 0),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | 77),
	};
	struct sock_fprog program = { .len = ARRAY_SIZE(filter), .filter = filter };

	return !prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) &&
	       !prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program);
}

static bool test_without_call(void)
{
	static const clockid_t clocks[] = { CLOCK_REALTIME, CLOCK_MONOTONIC, CLOCK_BOOTTIME };
	struct timespec ts;
	struct timeval tv;
	int i, status;
	pid_t pid = fork();

	if (!pid) {
		if (!forbid_calls() || syscall(SYS_clock_gettime, CLOCK_MONOTONIC, &ts) != -1)
			_exit(1);
		for (i = 0; i < ARRAY_SIZE(clocks); i++)
			if (clock_gettime(clocks[i], &ts))
				_exit(2);
		_exit(gettimeofday(&tv, NULL) ? 3 : 0);
	}
	return waitpid(pid, &status, 0) == pid && !status;
}

/* 2. Steps */

static bool test_steps(clockid_t clock)
{
	int64_t last = now(clock), next;
	int i;

	for (i = 0; i < 100000; i++) {
		next = i % 64 ? now(clock) : now_by_call(clock);
		if (next < last) {
			ksft_print_msg("%ld ns back at %ld\n", last - next, last);
			return false;
		}
		last = next;
	}
	return true;
}

/* Where there are several CPUs: to another one at each turn. */
static void move_on(int turn)
{
	int cpus = get_nprocs();
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(turn % cpus, &set);
	if (sched_setaffinity(0, sizeof(set), &set))
		_exit(1);
}

/* The clocks of several processes are one: each reading is after those it was told of. */
static bool test_steps_between(void)
{
	int to[2], from[2], i, status;
	int64_t last, answer;
	bool good = true;
	pid_t pid;

	if (pipe(to) || pipe(from))
		return false;
	pid = fork();
	if (!pid) {
		close(to[1]);
		for (i = 1; read(to[0], &last, sizeof(last)) == sizeof(last); i++) {
			move_on(i);
			answer = now(CLOCK_MONOTONIC);
			if (answer < last || write(from[1], &answer, sizeof(answer)) < 0)
				_exit(1);
		}
		_exit(0);
	}
	close(from[1]);
	for (i = 0; i < 300 && good; i++) {
		move_on(i);
		last = now(CLOCK_MONOTONIC);
		good = write(to[1], &last, sizeof(last)) > 0 &&
		       read(from[0], &answer, sizeof(answer)) > 0 &&
		       now(CLOCK_MONOTONIC) >= answer;
	}
	close(to[1]);
	return waitpid(pid, &status, 0) == pid && !status && good;
}

static bool test_sleeps(void)
{
	int i;

	for (i = 0; i < 20; i++) {
		int64_t before = now(CLOCK_MONOTONIC), ns = (i + 1) * 500000LL;
		struct timespec ts = { .tv_nsec = ns };

		nanosleep(&ts, NULL);
		if (now(CLOCK_MONOTONIC) - before < ns)
			return false;
	}
	return true;
}

/* As many expirations as time has passed, never more. */
static bool test_interval(void)
{
	struct itimerspec spec = {
		.it_value.tv_nsec = 3 * MS, .it_interval.tv_nsec = 3 * MS };
	int fd = timerfd_create(CLOCK_MONOTONIC, 0);
	int64_t before = now(CLOCK_MONOTONIC);
	uint64_t n, total = 0;
	bool good = true;

	timerfd_settime(fd, 0, &spec, NULL);
	while (good && total < 60) {
		good = read(fd, &n, sizeof(n)) == sizeof(n);
		total += n;
		good = good && now(CLOCK_MONOTONIC) - before >= (int64_t)total * 3 * MS;
	}
	close(fd);
	return good;
}

/* 3. Two machines */

/* Both read one TSC: what it was when their clocks said @real and @running. */
struct stamp {
	int64_t real, running, tsc;
};

static struct stamp read_stamp(clockid_t running)
{
	int64_t narrowest = INT64_MAX;
	struct stamp s = {};
	int i;

	/* whoever is interrupted in between is told apart by how long it took */
	for (i = 0; i < 32; i++) {
		int64_t before = (int64_t)__rdtsc(), ns = now(running);
		int64_t width = (int64_t)__rdtsc() - before;

		if (width < narrowest) {
			narrowest = width;
			s.running = ns;
			s.tsc = before + width / 2;
		}
	}
	s.real = now(CLOCK_REALTIME);
	return s;
}

static int answer(void)
{
	struct stamp s;
	char line[64];
	int turn = 0;

	setvbuf(stdout, NULL, _IOLBF, BUFSIZ);
	printf("answering\n");
	while (fgets(line, sizeof(line), stdin) && line[0] != 'q') {
		move_on(turn++);
		s = read_stamp(CLOCK_MONOTONIC);
		printf("T %ld %ld %ld\n", s.real, s.running, s.tsc);
	}
	return 0;
}

struct exchange {
	struct stamp before, after;	/* the asker's */
	struct stamp other;
	int64_t ahead;			/* how much the other's is, plus a constant, in ns */
};

/* A domain's clock goes on while its host is suspended, as CLOCK_BOOTTIME does. */
static bool ask(FILE *to, FILE *from, struct exchange *x)
{
	double ns_per_tick;
	char line[512];

	x->before = read_stamp(CLOCK_BOOTTIME);
	fputs("t\n", to);
	fflush(to);
	while (fgets(line, sizeof(line), from)) {
		if (sscanf(line, "T %ld %ld %ld", &x->other.real, &x->other.running,
			   &x->other.tsc) != 3)
			continue;
		x->after = read_stamp(CLOCK_BOOTTIME);
		ns_per_tick = (double)(x->after.running - x->before.running) /
			      (double)(x->after.tsc - x->before.tsc);
		x->ahead = x->other.running - x->before.running -
			   (int64_t)((double)(x->other.tsc - x->before.tsc) * ns_per_tick);
		return true;
	}
	ksft_print_msg("no answer\n");
	return false;
}

/* Whatever an exchange took, the answer was given between its ends. */
static bool is_between(const struct exchange *x)
{
	if (x->other.real >= x->before.real - 3 * MS && x->other.real <= x->after.real + 3 * MS)
		return true;
	ksft_print_msg("%ld is not between %ld and %ld\n", x->other.real, x->before.real,
		       x->after.real);
	return false;
}

#define EXCHANGES	40
#define PPM		50
#define INEXACT		30000	/* ns, of two stamps */

static bool compare(FILE *to, FILE *from, unsigned int seconds, const char *command, bool stepped)
{
	static struct exchange x[EXCHANGES];
	int64_t elapsed, drift, least = INT64_MAX, most = INT64_MIN;
	int i;

	for (i = 0; i < EXCHANGES; i++) {
		usleep(seconds * 1000000 / EXCHANGES);	/* for a rate, time has to pass */
		if (i == 1 && command && system(command)) {
			ksft_print_msg("%s: fails\n", command);
			return false;
		}
		if (!ask(to, from, &x[i]) ||
		    (!(stepped && i) && !is_between(&x[i])))
			return false;
		least = x[i].ahead < least ? x[i].ahead : least;
		most = x[i].ahead > most ? x[i].ahead : most;
	}
	elapsed = x[EXCHANGES - 1].after.running - x[0].before.running;
	drift = x[EXCHANGES - 1].ahead - x[0].ahead;
	ksft_print_msg("%ld us in %ld ms, or %.2f ppm; never more than %ld us apart\n",
		       drift / 1000, elapsed / MS, (double)drift * 1e6 / (double)elapsed,
		       (most - least) / 1000);
	return most - least <= elapsed / (1000000 / PPM) + INEXACT;
}

static void ask_other(const char *to_name, const char *from_name, unsigned int seconds,
		      const char *command, bool stepped)
{
	FILE *to = fopen(to_name, "w"), *from = fopen(from_name, "r");
	char line[512];
	bool good;

	ksft_print_header();
	ksft_set_plan(1);
	if (!to || !from)
		ksft_exit_fail_msg("no pipes\n");
	while (fgets(line, sizeof(line), from) && strncmp(line, "answering", 9))
		;
	good = compare(to, from, seconds, command, stepped);
	fputs("q\n", to);
	fflush(to);
	while (fgets(line, sizeof(line), from))
		;
	ksft_test_result(good, "the other clock is the same\n");
	ksft_finished();
}

int main(int argc, char **argv)
{
	const char *source = argc > 1 ? argv[1] : "tsc";

	if (argc == 2 && !strcmp(source, "answer"))
		return answer();
	if (argc >= 4 && !strcmp(source, "ask"))
		ask_other(argv[2], argv[3], argc > 4 ? (unsigned int)atoi(argv[4]) : 2,
			  argc > 5 ? argv[5] : NULL, argc > 6 && !strcmp(argv[6], "stepped"));
	ksft_print_header();
	ksft_set_plan(6);
	ksft_print_msg("clocksource %s, of the host %s\n", read_knob(SOURCE), source);
	if (strcmp(source, "tsc"))
		ksft_test_result_skip("a clock is read without a call\n");
	else
		ksft_test_result(test_without_call(), "a clock is read without a call\n");
	ksft_test_result(test_steps(CLOCK_MONOTONIC), "monotonic goes forward\n");
	ksft_test_result(test_steps(CLOCK_REALTIME), "real time goes forward\n");
	ksft_test_result(test_steps_between(), "it does between processes, from CPU to CPU\n");
	ksft_test_result(test_sleeps(), "sleeps are long enough\n");
	ksft_test_result(test_interval(), "an interval timer counts what has passed\n");
	ksft_finished();
}
