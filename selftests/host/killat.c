// SPDX-License-Identifier: GPL-2.0-only
/*
 * killat WHO N COMMAND...: kill -9 of one of the processes that a command makes, at its Nth
 * system call. WHO is its number in their order: 0 is the command itself. System calls of all
 * of its threads count.
 *
 * It is said whom, and where. The exit status is 0, or 9 when there were not so many.
 * Whoever is left of the command's processes goes on by itself.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/types.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

#define TASKS		1024
#define NOT_SO_MANY	9

/* struct task - a thread that is traced; @process: its process's number, -1: it has gone */
static struct task {
	pid_t tid, tgid;
	int process;
	bool inside;		/* a system call: the next stop is its end */
} tasks[TASKS];

static int nr_tasks, nr_processes;

static pid_t group_of(pid_t tid)
{
	char path[64], line[128];
	int tgid = tid;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/status", tid);
	f = fopen(path, "re");
	while (f && fgets(line, sizeof(line), f))
		if (sscanf(line, "Tgid: %d", &tgid) == 1)
			break;
	if (f)
		fclose(f);
	return tgid;
}

/* The task of this number, which may be a new one. */
static struct task *task_of(pid_t tid)
{
	struct task *t;

	for (int i = 0; i < nr_tasks; i++)
		if (tasks[i].tid == tid && tasks[i].process >= 0)
			return &tasks[i];
	if (nr_tasks == TASKS) {
		fputs("Error: too many tasks\n", stderr);
		exit(1);
	}
	t = &tasks[nr_tasks];
	*t = (struct task) { .tid = tid, .tgid = group_of(tid), .process = -1 };
	for (int i = 0; i < nr_tasks && t->process < 0; i++)
		if (tasks[i].tgid == t->tgid && tasks[i].process >= 0)
			t->process = tasks[i].process;
	if (t->process < 0)
		t->process = nr_processes++;
	nr_tasks++;
	return t;
}

static void name_of(pid_t pid, char *name, size_t size)
{
	char path[64];
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/comm", pid);
	f = fopen(path, "re");
	if (!f || !fgets(name, (int)size, f))
		snprintf(name, size, "?");
	name[strcspn(name, "\n")] = 0;
	if (f)
		fclose(f);
}

/* It is at the beginning of a system call. */
static void kill_it(const struct task *t, long n)
{
	struct user_regs_struct regs = { 0 };
	char name[32];

	name_of(t->tgid, name, sizeof(name));
	(void)ptrace(PTRACE_GETREGS, t->tid, NULL, &regs);
	printf("%s at %ld: system call %llu\n", name, n, (unsigned long long)regs.orig_rax);
	fflush(stdout);
	kill(t->tgid, SIGKILL);
}

static pid_t start(char **command)
{
	pid_t pid = fork();
	int status;

	if (!pid) {
		ptrace(PTRACE_TRACEME, 0, NULL, NULL);
		raise(SIGSTOP);
		execvp(command[0], command);
		perror(command[0]);
		_exit(127);
	}
	if (pid < 0 || waitpid(pid, &status, 0) != pid || !WIFSTOPPED(status) ||
	    ptrace(PTRACE_SETOPTIONS, pid, NULL, PTRACE_O_TRACESYSGOOD | PTRACE_O_TRACEFORK |
		   PTRACE_O_TRACEVFORK | PTRACE_O_TRACECLONE | PTRACE_O_TRACEEXEC)) {
		perror("ptrace");
		exit(1);
	}
	task_of(pid);
	ptrace(PTRACE_SYSCALL, pid, NULL, NULL);
	return pid;
}

int main(int argc, char **argv)
{
	int who = argc > 3 ? atoi(argv[1]) : -1, status, signal;
	long n = argc > 3 ? atol(argv[2]) : 0, seen = 0;
	pid_t first, pid;

	if (who < 0 || n < 1) {
		fputs("usage: killat WHO N COMMAND...\n", stderr);
		return 1;
	}
	first = start(argv + 3);
	while ((pid = waitpid(-1, &status, __WALL)) > 0 || errno == EINTR) {
		struct task *t;
		bool known = false;

		if (pid <= 0)
			continue;
		if (WIFEXITED(status) || WIFSIGNALED(status)) {
			task_of(pid)->process = -1;
			if (pid == first)
				break;
			continue;
		}
		for (int i = 0; i < nr_tasks; i++)
			known |= tasks[i].tid == pid && tasks[i].process >= 0;
		t = task_of(pid);
		signal = WSTOPSIG(status);
		if (signal == (SIGTRAP | 0x80)) {
			t->inside = !t->inside;
			signal = 0;
			if (t->inside && t->process == who && ++seen == n)
				kill_it(t, n);
		} else if (signal == SIGTRAP || (signal == SIGSTOP && !known)) {
			/* of ours: an event, or a new one's beginning */
			signal = 0;
		}
		ptrace(PTRACE_SYSCALL, pid, NULL, (void *)(intptr_t)signal);
	}
	return seen >= n ? 0 : NOT_SO_MANY;
}
