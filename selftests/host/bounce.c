// SPDX-License-Identifier: GPL-2.0-only
/*
 * bounce PID...: every millisecond each thread of these processes is put on another of the
 * host's CPUs than before, until SIGTERM; then "N moves" is printed.
 *
 * A CPU that is just not there is left out: EINVAL is no failure.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

/* Return: whether it was moved. */
static int move(pid_t tid, int cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	return !sched_setaffinity(tid, sizeof(set), &set);
}

/* All threads, each on another CPU than its neighbour. Return: how many were moved. */
static unsigned long move_all(const char *pid, int turn, int cpus)
{
	unsigned long moves = 0;
	struct dirent *entry;
	char path[64];
	DIR *dir;

	snprintf(path, sizeof(path), "/proc/%s/task", pid);
	dir = opendir(path);
	if (!dir)
		return 0;
	while ((entry = readdir(dir))) {
		int tid = atoi(entry->d_name);

		if (tid)
			moves += move(tid, (turn + tid) % cpus);
	}
	closedir(dir);
	return moves;
}

int main(int argc, char **argv)
{
	const struct timespec pause = { .tv_nsec = 1000000 };
	int cpus = (int)sysconf(_SC_NPROCESSORS_CONF);
	unsigned long moves = 0;
	sigset_t term;
	int turn = 0;

	sigemptyset(&term);
	sigaddset(&term, SIGTERM);
	sigprocmask(SIG_BLOCK, &term, NULL);
	do {
		for (int i = 1; i < argc; i++)
			moves += move_all(argv[i], turn, cpus);
		turn++;
	} while (sigtimedwait(&term, NULL, &pause) != SIGTERM);
	printf("%lu moves\n", moves);
	return !moves;
}
