// SPDX-License-Identifier: GPL-2.0-only
/*
 * process.c [LENGTH]: processes, in a domain or anywhere.
 *
 *   1. fork and exec
 *   2. pipes
 *   3. signals
 *   4. threads
 *   5. ptrace: single steps, breakpoints, watchpoints
 *   6. seccomp, that is a program of the BPF JIT
 *
 * LENGTH multiplies the short form (1).  Whatever is handed on is checksummed.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "kselftest.h"
#include "common.h"

static int length = 1;

/* 1. Fork and exec */

/* What "process child SEED TEXT" answers with, as its exit status. */
static int child_answer(uint32_t seed, const char *text)
{
	return (seed * 31 + checksum(text, strlen(text))) & 0x7f;
}

static bool fork_exec(uint32_t seed)
{
	char number[16], text[64];
	int status;
	pid_t pid;

	snprintf(number, sizeof(number), "%u", seed);
	snprintf(text, sizeof(text), "%032x-%u", seed * 2654435761U, seed);
	pid = fork();
	if (!pid) {
		/* the page with the arguments is no longer the parent's */
		execl("/proc/self/exe", "process", "child", number, text, NULL);
		_exit(127);
	}
	memset(text + 40, 'x', 20);
	if (waitpid(pid, &status, 0) != pid || !WIFEXITED(status))
		return false;
	snprintf(text, sizeof(text), "%032x-%u", seed * 2654435761U, seed);
	return WEXITSTATUS(status) == child_answer(seed, text);
}

static bool test_fork_exec(void)
{
	int i;

	for (i = 0; i < 200 * length; i++)
		if (!fork_exec(i))
			return false;
	return true;
}

/* Parent and child write to what they share: each sees its own, and a file's pages both. */
static bool fork_copies(int generation)
{
	enum { PAGES = 32 };
	uint32_t *private = map_pages(PAGES), *shared, old[PAGES];
	bool good = true;
	int i, status;
	pid_t pid;

	shared = mmap(NULL, PAGES * 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS,
		      -1, 0);
	fill(private, PAGES * 4096, generation);
	for (i = 0; i < PAGES; i++)
		old[i] = private[i * 1024 + 7];
	pid = fork();
	if (!pid) {
		for (i = 0; i < PAGES; i += 2)
			fill(private + i * 1024, 4096, generation + 1);
		for (i = 1; i < PAGES; i += 2)
			good = good && private[i * 1024 + 7] == old[i];
		fill(shared, PAGES * 4096, generation + 2);
		_exit(good ? 0 : 1);
	}
	for (i = 1; i < PAGES; i += 2)
		private[i * 1024 + 7] ^= 1;
	waitpid(pid, &status, 0);
	for (i = 1; i < PAGES; i += 2)
		private[i * 1024 + 7] ^= 1;
	good = !status && filled(private, PAGES * 4096, generation) &&
	       filled(shared, PAGES * 4096, generation + 2);
	munmap(private, PAGES * 4096);
	munmap(shared, PAGES * 4096);
	return good;
}

static bool test_fork_copies(void)
{
	int i;

	for (i = 0; i < 50 * length; i++)
		if (!fork_copies(i))
			return false;
	return true;
}

/* 2. Pipes */

static void relay(int in, int out)
{
	char buf[3000];		/* neither a page nor a divisor of one */
	ssize_t n;

	while ((n = read(in, buf, sizeof(buf))) > 0)
		if (write(out, buf, n) != n)
			_exit(1);
	_exit(n ? 1 : 0);
}

/* @bytes through a chain of four processes. */
static bool test_pipes(void)
{
	size_t bytes = (256 << 10) * length, done = 0;
	uint32_t sum = 0, expected = 0;
	char buf[4096];
	int ends[2], last, i;
	bool good = true;
	ssize_t n;

	if (pipe(ends))
		return false;
	if (!fork()) {
		close(ends[0]);
		for (done = 0; done < bytes; done += sizeof(buf)) {
			fill(buf, sizeof(buf), done);
			if (write(ends[1], buf, sizeof(buf)) != sizeof(buf))
				_exit(1);
		}
		_exit(0);
	}
	close(ends[1]);
	last = ends[0];
	for (i = 0; i < 3; i++) {
		if (pipe(ends))
			return false;
		if (!fork()) {
			close(ends[0]);
			relay(last, ends[1]);
		}
		close(last);
		close(ends[1]);
		last = ends[0];
	}
	for (done = 0; (n = read(last, buf, sizeof(buf))) > 0; done += n)
		sum = checksum_more(sum, buf, n);
	close(last);
	for (i = 0; i < 4; i++) {
		int status;

		wait(&status);
		good = good && !status;
	}
	for (size_t at = 0; at < bytes; at += sizeof(buf)) {
		fill(buf, sizeof(buf), at);
		expected = checksum_more(expected, buf, sizeof(buf));
	}
	return good && done == bytes && sum == expected;
}

/* 3. Signals */

static sig_atomic_t count;
static int order[64];

/* How often handlers ran, which the compiler does not know of. */
static int seen_signals(void)
{
	return __atomic_load_n(&count, __ATOMIC_SEQ_CST);
}

static void on_count(int signo)
{
	__atomic_add_fetch(&count, 1, __ATOMIC_SEQ_CST);
}

static void on_queued(int signo, siginfo_t *info, void *context)
{
	order[count++ % 64] = info->si_value.sival_int;
}

/* Two processes that wake each other by signals. */
static bool test_ping_pong(void)
{
	int i, rounds = 300 * length, status, signo;
	sigset_t set, old;
	pid_t pid, parent = getpid();

	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	sigprocmask(SIG_BLOCK, &set, &old);
	pid = fork();
	if (!pid) {
		for (i = 0; i < rounds; i++) {
			sigwait(&set, &signo);
			kill(parent, SIGUSR1);
		}
		_exit(i & 0x7f);
	}
	for (i = 0; i < rounds; i++) {
		kill(pid, SIGUSR1);
		sigwait(&set, &signo);
	}
	waitpid(pid, &status, 0);
	sigprocmask(SIG_SETMASK, &old, NULL);
	return WEXITSTATUS(status) == (rounds & 0x7f);
}

static bool test_queued(void)
{
	struct sigaction action = { .sa_sigaction = on_queued, .sa_flags = SA_SIGINFO };
	union sigval value;
	sigset_t set, old;
	int i;

	sigaction(SIGRTMIN + 1, &action, NULL);
	sigemptyset(&set);
	sigaddset(&set, SIGRTMIN + 1);
	sigprocmask(SIG_BLOCK, &set, &old);
	count = 0;
	for (i = 0; i < 64; i++) {
		value.sival_int = i * 3;
		sigqueue(getpid(), SIGRTMIN + 1, value);
	}
	sigprocmask(SIG_SETMASK, &old, NULL);
	for (i = 0; i < 64; i++)
		if (order[i] != i * 3)
			return false;
	return seen_signals() == 64;
}

static char *guarded;

static void on_fault(int signo, siginfo_t *info, void *context)
{
	if (info->si_addr < (void *)guarded || info->si_addr >= (void *)(guarded + 64 * 4096))
		_exit(1);
	mprotect((void *)((unsigned long)info->si_addr & ~4095UL), 4096, PROT_READ | PROT_WRITE);
	count++;
}

/* A fault that its handler cures, for each of 64 pages. */
static bool test_cured_faults(void)
{
	struct sigaction action = { .sa_sigaction = on_fault, .sa_flags = SA_SIGINFO }, old;
	int i, round;

	sigaction(SIGSEGV, &action, &old);
	guarded = map_pages(64);
	count = 0;
	for (round = 0; round < 4 * length; round++) {
		mprotect(guarded, 64 * 4096, round & 1 ? PROT_READ : PROT_NONE);
		for (i = 0; i < 64; i++)
			((int *)guarded)[i * 1024 + round % 16] = i + round;
	}
	for (i = 0; i < 64; i++)
		if (((int *)guarded)[i * 1024 + (round - 1) % 16] != i + round - 1)
			return false;
	munmap(guarded, 64 * 4096);
	sigaction(SIGSEGV, &old, NULL);
	return seen_signals() == 64 * round;
}

/* An interval timer breaks into a read, with and without SA_RESTART. */
static bool test_interrupted_call(void)
{
	struct sigaction action = { .sa_handler = on_count };
	struct itimerval timer = { .it_value.tv_usec = 20000, .it_interval.tv_usec = 20000 };
	int ends[2];
	bool good;
	char c;

	if (pipe(ends))
		return false;
	count = 0;
	sigaction(SIGALRM, &action, NULL);
	setitimer(ITIMER_REAL, &timer, NULL);
	good = read(ends[0], &c, 1) == -1 && errno == EINTR && seen_signals();
	action.sa_flags = SA_RESTART;
	sigaction(SIGALRM, &action, NULL);
	count = 0;
	if (!fork()) {
		struct timespec ts = { .tv_nsec = 100000000 };

		nanosleep(&ts, NULL);
		_exit(write(ends[1], "x", 1) != 1);
	}
	good = good && read(ends[0], &c, 1) == 1 && c == 'x' && seen_signals() >= 2;
	memset(&timer, 0, sizeof(timer));
	setitimer(ITIMER_REAL, &timer, NULL);
	wait(NULL);
	close(ends[0]);
	close(ends[1]);
	return good;
}

/* 4. Threads */

#define THREADS 8

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_barrier_t barrier;
static long locked_sum, atomic_sum;
static __thread long own[64];

static void *thread(void *arg)
{
	long i, me = (long)arg, bad = 0, rounds = 2000 * length;

	for (i = 0; i < 64; i++)
		own[i] = me * 1000 + i;
	pthread_barrier_wait(&barrier);
	for (i = 0; i < rounds; i++) {
		__atomic_add_fetch(&atomic_sum, 1, __ATOMIC_RELAXED);
		if (i % 8 == 0) {
			pthread_mutex_lock(&mutex);
			locked_sum++;
			if (i % 64 == 0)
				sched_yield();
			pthread_mutex_unlock(&mutex);
		}
		bad += own[i % 64] != me * 1000 + i % 64;
	}
	return (void *)bad;
}

static bool test_threads(void)
{
	pthread_t threads[THREADS];
	bool good = true;
	void *bad;
	long i;

	pthread_barrier_init(&barrier, NULL, THREADS);
	for (i = 0; i < THREADS; i++)
		if (pthread_create(&threads[i], NULL, thread, (void *)i))
			return false;
	for (i = 0; i < THREADS; i++) {
		pthread_join(threads[i], &bad);
		good = good && !bad;
	}
	return good && atomic_sum == 2000L * length * THREADS &&
	       locked_sum == 250L * length * THREADS;
}

static void *nothing(void *arg)
{
	return arg;
}

static bool test_thread_births(void)
{
	pthread_t t;
	void *value;
	long i;

	for (i = 0; i < 200 * length; i++) {
		if (pthread_create(&t, NULL, nothing, (void *)i) || pthread_join(t, &value) ||
		    value != (void *)i)
			return false;
	}
	return true;
}

/* 5. Ptrace */

/* Known code: 3 + 4 * 10 instructions between the two marks. */
extern const char steps_begin[], steps_end[];
long steps(void);
asm(".pushsection .text\n"
    ".globl steps, steps_begin, steps_end\n"
    "steps:\n"
    "steps_begin:\n"
    "xor %eax, %eax\n"
    "mov $10, %ecx\n"
    "push %rbx\n"
    "1: lea 3(%rax), %rax\n"
    "mov %eax, %edx\n"
    "nop\n"
    "loop 1b\n"
    "steps_end:\n"
    "pop %rbx\n"
    "ret\n"
    ".popsection\n");

static long watched[4];

static pid_t traced(void)
{
	pid_t pid = fork();
	int status;

	if (!pid) {
		ptrace(PTRACE_TRACEME, 0, NULL, NULL);
		raise(SIGSTOP);
		if (steps() != 30)
			_exit(1);
		__atomic_store_n(&watched[1], 5, __ATOMIC_SEQ_CST);
		_exit(__atomic_load_n(&watched[1], __ATOMIC_SEQ_CST) == 5 ? 0 : 2);
	}
	waitpid(pid, &status, 0);
	return pid;
}

static uint64_t peek_rip(pid_t pid)
{
	return ptrace(PTRACE_PEEKUSER, pid, offsetof(struct user_regs_struct, rip), NULL);
}

static bool resume(pid_t pid, int request)
{
	int status;

	ptrace(request, pid, NULL, NULL);
	waitpid(pid, &status, 0);
	return WIFSTOPPED(status) && WSTOPSIG(status) == SIGTRAP;
}

static bool run_to(pid_t pid, const void *at)
{
	long word = ptrace(PTRACE_PEEKTEXT, pid, at, NULL);
	bool hit;

	ptrace(PTRACE_POKETEXT, pid, at, (word & ~0xffL) | 0xcc);
	hit = resume(pid, PTRACE_CONT) && peek_rip(pid) == (uint64_t)at + 1;
	ptrace(PTRACE_POKETEXT, pid, at, word);
	ptrace(PTRACE_POKEUSER, pid, offsetof(struct user_regs_struct, rip), at);
	return hit;
}

static bool ended_well(pid_t pid)
{
	int status;

	ptrace(PTRACE_CONT, pid, NULL, NULL);
	waitpid(pid, &status, 0);
	return WIFEXITED(status) && !WEXITSTATUS(status);
}

static bool test_single_step(void)
{
	int i, n;

	for (i = 0; i < 5 * length; i++) {
		pid_t pid = traced();

		if (!run_to(pid, steps_begin))
			return false;
		for (n = 0; peek_rip(pid) != (uint64_t)steps_end; n++)
			if (n > 100 || !resume(pid, PTRACE_SINGLESTEP))
				return false;
		if (n != 3 + 4 * 10 || !ended_well(pid))
			return false;
	}
	return true;
}

/* Steps over system calls, and into a signal handler's return. */
static bool test_step_calls(void)
{
	struct sigaction action = { .sa_handler = on_count };
	pid_t pid = fork();
	long n = 0;
	int status;

	if (!pid) {
		sigaction(SIGUSR2, &action, NULL);
		ptrace(PTRACE_TRACEME, 0, NULL, NULL);
		raise(SIGSTOP);
		if (syscall(SYS_getppid) != getppid())
			_exit(1);
		count = 0;
		kill(getpid(), SIGUSR2);
		_exit(seen_signals() == 1 ? 0 : 2);
	}
	waitpid(pid, &status, 0);
	for (n = 0; n < 20000; n++) {
		int signo = WSTOPSIG(status) == SIGUSR2 ? SIGUSR2 : 0;

		ptrace(PTRACE_SINGLESTEP, pid, NULL, signo);
		waitpid(pid, &status, 0);
		if (WIFEXITED(status))
			return !WEXITSTATUS(status) && n > 50;
	}
	return false;
}

static bool set_debugreg(pid_t pid, int nr, unsigned long value)
{
	return !ptrace(PTRACE_POKEUSER, pid, offsetof(struct user, u_debugreg[nr]), value);
}

/* A hardware watchpoint on 8 bytes written, and a breakpoint on an instruction. */
static bool test_watchpoint(void)
{
	pid_t pid = traced();
	unsigned long dr6;
	bool good;

	good = set_debugreg(pid, 0, (unsigned long)&watched[1]) &&
	       set_debugreg(pid, 1, (unsigned long)steps_end) &&
	       set_debugreg(pid, 7, 0x5 | 0xd << 16);	/* L0, L1; 0: write, 8 bytes; 1: run */
	good = good && resume(pid, PTRACE_CONT) && peek_rip(pid) == (uint64_t)steps_end;
	dr6 = ptrace(PTRACE_PEEKUSER, pid, offsetof(struct user, u_debugreg[6]), NULL);
	good = good && (dr6 & 0xf) == 2;
	set_debugreg(pid, 6, 0);
	good = good && resume(pid, PTRACE_CONT) &&
	       ptrace(PTRACE_PEEKDATA, pid, &watched[1], NULL) == 5;
	dr6 = ptrace(PTRACE_PEEKUSER, pid, offsetof(struct user, u_debugreg[6]), NULL);
	good = good && (dr6 & 0xf) == 1;
	return ended_well(pid) && good;
}

/* 6. Seccomp */

static bool test_seccomp(void)
{
	struct sock_filter filter[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_getppid, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | 77),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog program = { .len = ARRAY_SIZE(filter), .filter = filter };
	int status;
	pid_t pid = fork();

	if (!pid) {
		prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
		if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program))
			_exit(1);
		if (syscall(SYS_getppid) != -1 || errno != 77)
			_exit(2);
		_exit(syscall(SYS_getpid) == getpid() ? 0 : 3);
	}
	waitpid(pid, &status, 0);
	return !status;
}

static const struct {
	const char *name;
	bool (*fn)(void);
} tests[] = {
	{ "fork and exec", test_fork_exec },
	{ "fork copies what is written", test_fork_copies },
	{ "pipes", test_pipes },
	{ "signals between processes", test_ping_pong },
	{ "queued signals", test_queued },
	{ "faults cured by a handler", test_cured_faults },
	{ "interrupted calls", test_interrupted_call },
	{ "threads", test_threads },
	{ "births of threads", test_thread_births },
	{ "single steps", test_single_step },
	{ "single steps over calls and signals", test_step_calls },
	{ "watchpoint and breakpoint", test_watchpoint },
	{ "seccomp filter", test_seccomp },
};

int main(int argc, char **argv)
{
	int i;

	if (argc == 4 && !strcmp(argv[1], "child"))
		return child_answer(atoi(argv[2]), argv[3]);
	if (argc == 2)
		length = atoi(argv[1]);
	ksft_print_header();
	ksft_set_plan(ARRAY_SIZE(tests));
	for (i = 0; i < ARRAY_SIZE(tests); i++)
		ksft_test_result(tests[i].fn(), "%s\n", tests[i].name);
	ksft_finished();
}
