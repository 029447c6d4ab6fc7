// SPDX-License-Identifier: GPL-2.0-only
/*
 * badcs.c: code segments that user mode must not have, given to the kernel by the
 * two ways that take them: a signal frame and ptrace.
 *
 *   1. what a child saw, and the selectors
 *   2. by sigreturn
 *   3. by ptrace
 *
 * The return to user mode fails, and that is the process's fault: SIGSEGV, with the
 * frame that it asked for. As in traps.c, "# = " lines are compared with the host's.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <ucontext.h>
#include <unistd.h>

#include "kselftest.h"
#include "common.h"

/* 1. Children and selectors */

struct outcome {
	int signo, code;
	uint64_t ip, wanted_ip, trap, error;
	uint16_t cs;
	bool returned;
};

static struct outcome *seen;
static uint16_t selector;

/* Code of ring 0, data, none, an LDT's, a TSS, beyond the table; RPL of user mode. */
static const uint16_t bad[] = { 0x0003, 0x0007, 0x000b, 0x0013, 0x001b, 0x002b, 0x0043, 0xfffb };

#define COMPAT	0x23	/* 32-bit code: there on the host, not in a domain */

static void caught(int signo, siginfo_t *info, void *context)
{
	const greg_t *regs = ((ucontext_t *)context)->uc_mcontext.gregs;

	seen->signo = signo;
	seen->code = info->si_code;
	seen->ip = regs[REG_RIP];
	seen->trap = regs[REG_TRAPNO];
	seen->error = regs[REG_ERR];
	seen->cs = regs[REG_CSGSFS];
	_exit(0);
}

/* 2. By sigreturn */

/* An instruction that is a #GP in user mode, of 64 and of 32 bits. */
void halt(void);
asm(".pushsection .text\nhalt: hlt\n.popsection\n");

static void change_cs(int signo, siginfo_t *info, void *context)
{
	greg_t *regs = ((ucontext_t *)context)->uc_mcontext.gregs;

	regs[REG_CSGSFS] = (regs[REG_CSGSFS] & ~0xffffLL) | selector;
	regs[REG_RIP] = (greg_t)halt;
	seen->wanted_ip = regs[REG_RIP];
}

static bool sigreturn_with(uint16_t cs)
{
	struct sigaction action = { .sa_sigaction = change_cs, .sa_flags = SA_SIGINFO };
	int status;
	pid_t pid;

	memset(seen, 0, sizeof(*seen));
	selector = cs;
	pid = fork();
	if (!pid) {
		catch_signals(caught);
		alarm(20);
		sigaction(SIGUSR1, &action, NULL);
		raise(SIGUSR1);
		seen->returned = true;
		_exit(0);
	}
	return waitpid(pid, &status, 0) == pid && !status && !seen->returned;
}

static void test_sigreturn(uint16_t cs)
{
	bool good = sigreturn_with(cs);

	ksft_print_msg("= sigreturn %#x: signal %d code %d trap %lu error %#lx cs %#x ip %s\n", cs,
		       seen->signo, seen->code, seen->trap, seen->error, seen->cs,
		       seen->ip == seen->wanted_ip ? "kept" : "lost");
	ksft_test_result(good && seen->signo == SIGSEGV && seen->code == SI_KERNEL &&
			 seen->trap == 13 && seen->error == (cs & ~3) && seen->cs == cs &&
			 seen->ip == seen->wanted_ip, "sigreturn to cs %#x\n", cs);
}

/* The host runs the hlt in 32-bit mode, a domain refuses the return: both kill by the same. */
static void test_compat(void)
{
	bool good = sigreturn_with(COMPAT);

	ksft_print_msg("= sigreturn %#x: signal %d code %d trap %lu\n", COMPAT, seen->signo,
		       seen->code, seen->trap);
	ksft_test_result(good && seen->signo == SIGSEGV, "sigreturn to cs %#x\n", COMPAT);
}

/* 3. By ptrace */

static pid_t start_stopped(void)
{
	int status;
	pid_t pid = fork();

	if (!pid) {
		alarm(20);
		ptrace(PTRACE_TRACEME, 0, NULL, NULL);
		raise(SIGSTOP);
		_exit(0);
	}
	if (waitpid(pid, &status, 0) != pid || !WIFSTOPPED(status))
		ksft_exit_fail_msg("no stopped child: status %#x\n", status);
	return pid;
}

static int set_cs(pid_t pid, uint16_t cs, bool by_poke)
{
	struct user_regs_struct regs;

	if (by_poke)
		return ptrace(PTRACE_POKEUSER, pid, offsetof(struct user, regs.cs), (long)cs);
	ptrace(PTRACE_GETREGS, pid, NULL, &regs);
	regs.cs = cs;
	return ptrace(PTRACE_SETREGS, pid, NULL, &regs);
}

/* What comes of it, when the child goes on by @request. */
static void test_ptrace(uint16_t cs, bool by_poke, int request, const char *name)
{
	pid_t pid = start_stopped();
	struct user_regs_struct regs = {};
	siginfo_t info = {};
	int status;

	if (set_cs(pid, cs, by_poke))
		ksft_exit_fail_msg("%s %#x: %s\n", name, cs, strerror(errno));
	ptrace(request, pid, NULL, NULL);
	waitpid(pid, &status, 0);
	if (WIFSTOPPED(status)) {
		ptrace(PTRACE_GETSIGINFO, pid, NULL, &info);
		ptrace(PTRACE_GETREGS, pid, NULL, &regs);
		kill(pid, SIGKILL);
		waitpid(pid, NULL, 0);
	}
	ksft_print_msg("= %s %#x: status %#x code %d cs %#llx\n", name, cs, status, info.si_code,
		       regs.cs);
	ksft_test_result(WIFSTOPPED(status) && WSTOPSIG(status) == SIGSEGV &&
			 info.si_code == SI_KERNEL && regs.cs == cs, "%s of cs %#x\n", name, cs);
}

/* Of another ring: not taken at all. */
static void test_refused(uint16_t cs)
{
	pid_t pid = start_stopped();
	int result = set_cs(pid, cs, false), err = result ? errno : 0;

	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	ksft_print_msg("= ptrace %#x: error %d\n", cs, err);
	ksft_test_result(err == EIO, "ptrace refuses cs %#x\n", cs);
}

int main(void)
{
	int i;

	ksft_print_header();
	ksft_set_plan(3 * ARRAY_SIZE(bad) + 4);
	seen = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		test_sigreturn(bad[i]);
		test_ptrace(bad[i], false, PTRACE_CONT, "ptrace");
		test_ptrace(bad[i], true, PTRACE_CONT, "poke");
	}
	test_ptrace(0x2b, false, PTRACE_SINGLESTEP, "step");
	test_compat();
	test_refused(0x10);
	test_refused(0);
	ksft_finished();
}
