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
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

static int who = -1;
static const char *nth = "", *said;
static int current;		/* of whom is the next one; changes before threads are made */
static bool armed;
static pthread_t whose;

/* No file stays open: the holder closes those that it does not know. */
static int open_nth(void)
{
	return open("/proc/thread-self/fail-nth", O_RDWR | O_CLOEXEC);
}

static void begin(int me)
{
	int fd;

	if (me != who)
		return;
	fd = open_nth();
	if (fd < 0) {
		perror("fail-nth");
		abort();
	}
	armed = true;
	whose = pthread_self();
	if (write(fd, nth, strlen(nth)) != (ssize_t)strlen(nth))
		abort();
	close(fd);
}

/*
 * To look is to allocate and to copy as well: where that is what fails, it was not reached
 * before.
 */
static void end(void)
{
	char left[16] = "";
	ssize_t n = -1;
	int fd;

	if (!armed || !pthread_equal(whose, pthread_self()))
		return;
	armed = false;
	fd = open_nth();
	if (fd >= 0)
		n = pread(fd, left, sizeof(left) - 1, 0);
	if (n <= 0)
		n = snprintf(left, sizeof(left), "1\n");
	if (fd < 0)
		fd = open_nth();
	/* again, if this is the one */
	if (pwrite(fd, "0", 1, 0) != 1)
		(void)!pwrite(fd, "0", 1, 0);
	close(fd);
	fd = open(said, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
	if (write(fd, left, (size_t)n) != n)
		perror(said);
	close(fd);
}

static void in_child(void)
{
	current = 1;
	armed = false;
	begin(1);
}

__attribute__((constructor)) static void at_start(void)
{
	const char *text = getenv("FAIL_WHO");

	said = getenv("FAIL_SAID");
	nth = getenv("FAIL_NTH");
	if (!text || !said || !nth)
		return;
	who = atoi(text);
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
