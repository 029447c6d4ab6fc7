// SPDX-License-Identifier: GPL-2.0-only
/*
 * fails.so, to be preloaded into domctl: of its process, or of the holder that it makes, one
 * thread has its Nth allocation or copy fail, on a kernel that does so on demand.
 *
 *	FAIL_WHO	0: domctl itself; 1: the holder's first thread; 2, 3...: others of the
 *			holder, in their order
 *	FAIL_NTH	N
 *	FAIL_SAID	a file, to which is added at the thread's end: how many more it would
 *			have taken; 0: it has failed
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <dlfcn.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

static int who = -1, said = -1;
static const char *nth = "";
static int current;		/* of whom is the next one; changes before threads are made */
static int fail_nth = -1;	/* of the one whose turn it is */
static pthread_t whose;

static void set_nth(const char *value)
{
	/* a copy as well, of which one may fail */
	for (int i = 0; i < 2; i++)
		if (pwrite(fail_nth, value, strlen(value), 0) == (ssize_t)strlen(value))
			return;
}

static void begin(int me)
{
	if (me != who)
		return;
	fail_nth = open("/proc/thread-self/fail-nth", O_RDWR | O_CLOEXEC);
	if (fail_nth < 0) {
		perror("fail-nth");
		abort();
	}
	/* the holder lets go of all low files */
	fail_nth = fcntl(fail_nth, F_DUPFD_CLOEXEC, 0);
	whose = pthread_self();
	set_nth(nth);
}

static void end(void)
{
	char left[16] = "";
	ssize_t n;

	if (fail_nth < 0 || !pthread_equal(whose, pthread_self()))
		return;
	n = pread(fail_nth, left, sizeof(left) - 1, 0);
	set_nth("0");
	/* the reading itself was the one */
	if (n <= 0)
		n = snprintf(left, sizeof(left), "1\n");
	if (write(said, left, (size_t)n) != n)
		perror("FAIL_SAID");
	fail_nth = -1;
}

static void in_child(void)
{
	current = 1;
	fail_nth = -1;
	begin(1);
}

__attribute__((constructor)) static void at_start(void)
{
	const char *text = getenv("FAIL_WHO"), *path = getenv("FAIL_SAID");

	nth = getenv("FAIL_NTH");
	if (!text || !path || !nth)
		return;
	who = atoi(text);
	said = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
	pthread_atfork(NULL, NULL, in_child);
	begin(0);
}

__attribute__((destructor)) static void at_end(void)
{
	end();
}

/* The holder ends by this. */
void _exit(int status)
{
	end();
	syscall(SYS_exit_group, status);
	__builtin_unreachable();
}

struct call {
	void *(*fn)(void *arg);
	void *arg;
	int me;
};

static void *called(void *data)
{
	struct call call = *(struct call *)data;
	void *result;

	free(data);
	begin(call.me);
	result = call.fn(call.arg);
	end();
	return result;
}

int pthread_create(pthread_t *thread, const pthread_attr_t *attr, void *(*fn)(void *arg),
		   void *arg)
{
	int (*real)(pthread_t *thread, const pthread_attr_t *attr, void *(*fn)(void *arg),
		    void *arg) = dlsym(RTLD_NEXT, "pthread_create");
	struct call *call = malloc(sizeof(*call));

	if (!call)
		abort();
	*call = (struct call){ fn, arg, current ? ++current : -1 };
	return real(thread, attr, called, call);
}
