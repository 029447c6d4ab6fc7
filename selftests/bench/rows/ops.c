// SPDX-License-Identifier: GPL-2.0-only
/*
 * ops.c: the operations of the table that need nothing but a CPU, memory and a kernel.
 *
 *   1. calls
 *   2. other processes: a pipe, loopback, fork
 *   3. memory
 *   4. signals
 *   5. what no kernel has a part in, but by its interrupts
 *   6. the rows
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include "rows.h"

/* ---- 1. Calls ------------------------------------------------------------------------ */

static int zero_fd = -1;

static bool null_syscall(unsigned int times)
{
	while (times--)
		syscall(SYS_getppid);
	return true;
}

static bool open_zero(void)
{
	zero_fd = open("/dev/zero", O_RDONLY);
	return zero_fd >= 0;
}

static bool read_zero(unsigned int times)
{
	char c;

	while (times--)
		if (read(zero_fd, &c, 1) != 1)
			return false;
	return true;
}

static void close_zero(void)
{
	close(zero_fd);
}

/* User-mode Linux copies a path with all that is behind it on its page. */
static char path_page[PAGE] __attribute__((aligned(4096)));

static bool open_stat(void)
{
	strcpy(path_page + PAGE - 64, "/");
	return true;
}

static bool stat_root(unsigned int times)
{
	struct stat st;

	while (times--)
		if (stat(path_page + PAGE - 64, &st))
			return false;
	return true;
}

static bool time_of_day(unsigned int times)
{
	struct timeval tv;

	while (times--)
		gettimeofday(&tv, NULL);
	return true;
}

/* ---- 2. Other processes ---------------------------------------------------------------- */

static int to_peer = -1, from_peer = -1;
static pid_t peer;

/* Gives back each byte, until there are no more. */
static void __attribute__((noreturn)) be_peer(int from, int to)
{
	char c;

	while (read(from, &c, 1) == 1 && write(to, &c, 1) == 1)
		;
	_exit(0);
}

static bool round_trip(unsigned int times)
{
	char c = 0;

	while (times--)
		if (write(to_peer, &c, 1) != 1 || read(from_peer, &c, 1) != 1)
			return false;
	return true;
}

/*
 * A new peer for each batch: Linux prefers the older of two processes until both have run as
 * long, which takes three or four ticks of its clock, and then changes from one to the other
 * in another way, which costs a tenth or a fifth more.
 */
#define WARM		32	/* and its first bytes cost more */

static bool open_pipe(void)
{
	int there[2], back[2];

	if (pipe(there) || pipe(back))
		return false;
	peer = fork();
	if (!peer) {
		close(there[1]);
		close(back[0]);
		be_peer(there[0], back[1]);
	}
	close(there[0]);
	close(back[1]);
	to_peer = there[1];
	from_peer = back[0];
	return peer > 0 && round_trip(WARM);
}

static bool open_loopback(void)
{
	struct sockaddr_in sa = { .sin_family = AF_INET,
				  .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof(sa);
	int fd = socket(AF_INET, SOCK_STREAM, 0), one = 1;

	if (!interface_up("lo", NULL) || fd < 0 || bind(fd, (struct sockaddr *)&sa, len) ||
	    listen(fd, 1) || getsockname(fd, (struct sockaddr *)&sa, &len))
		return false;
	peer = fork();
	if (!peer) {
		int got = accept(fd, NULL, NULL);

		setsockopt(got, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
		be_peer(got, got);
	}
	to_peer = socket(AF_INET, SOCK_STREAM, 0);
	from_peer = to_peer;
	setsockopt(to_peer, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	if (connect(to_peer, (struct sockaddr *)&sa, sizeof(sa)))
		return false;
	close(fd);
	return round_trip(WARM);
}

static void close_peer(void)
{
	close(to_peer);
	if (from_peer != to_peer)
		close(from_peer);
	waitpid(peer, NULL, 0);
}

static bool fork_exit_wait(unsigned int times)
{
	while (times--) {
		pid_t pid = fork();

		if (!pid)
			_exit(0);
		if (waitpid(pid, NULL, 0) != pid)
			return false;
	}
	return true;
}

/* Beside this program. */
static char nothing_path[256];

static bool open_exec(void)
{
	ssize_t n = readlink("/proc/self/exe", nothing_path, sizeof(nothing_path) - 16);
	char *slash;

	if (n <= 0)
		return false;
	nothing_path[n] = 0;
	slash = strrchr(nothing_path, '/');
	strcpy(slash + 1, "nothing");
	return !access(nothing_path, X_OK);
}

static bool fork_exec_wait(unsigned int times)
{
	static char *args[2], *none[1];
	int status;

	while (times--) {
		pid_t pid = fork();

		if (!pid) {
			/* as a shell does, it writes before it becomes another */
			args[0] = nothing_path;
			execve(nothing_path, args, none);
			_exit(99);
		}
		if (waitpid(pid, &status, 0) != pid || status)
			return false;
	}
	return true;
}

/* ---- 3. Memory ------------------------------------------------------------------------- */

#define ANON_PAGES	512
#define FILE_PAGES	128
/* In a GiB of address space that nothing else is in. */
#define LONELY		((char *)0x2000000000UL)

static void write_to(char *at)
{
	asm volatile("movb $1, %0" : "=m"(*at));
}

static void read_from(const char *at)
{
	asm volatile("testb $1, %0" : : "m"(*at) : "cc");
}

static char *mapped, *library;
static int pages_fd = -1;

static bool map(size_t size, int prot, int flags, int fd)
{
	mapped = mmap(NULL, size, prot, MAP_PRIVATE | flags, fd, 0);
	return mapped != MAP_FAILED;
}

static bool map_anon(void)
{
	if (!map(ANON_PAGES * PAGE, PROT_READ | PROT_WRITE, MAP_ANONYMOUS, -1))
		return false;
	madvise(mapped, ANON_PAGES * PAGE, MADV_NOHUGEPAGE);
	return true;
}

static bool touch_anon(unsigned int times)
{
	for (unsigned int i = 0; i < times; i++)
		write_to(mapped + i * PAGE);
	return true;
}

static void unmap_anon(void)
{
	munmap(mapped, ANON_PAGES * PAGE);
}

/* Pages that others have mapped, too, as are those of a library. */
static bool open_file(void)
{
	static const char page[PAGE];

	pages_fd = open("pages", O_RDWR | O_CREAT | O_TRUNC, 0600);
	if (pages_fd < 0)
		return false;
	unlink("pages");
	for (int i = 0; i < FILE_PAGES; i++)
		if (write(pages_fd, page, PAGE) != (ssize_t)PAGE)
			return false;
	if (!map(FILE_PAGES * PAGE, PROT_READ, MAP_POPULATE, pages_fd))
		return false;
	library = mapped;
	return true;
}

static bool map_file(void)
{
	return map(FILE_PAGES * PAGE, PROT_READ, 0, pages_fd);
}

static bool touch_file(unsigned int times)
{
	for (unsigned int i = 0; i < times; i++)
		read_from(mapped + i * PAGE);
	return true;
}

static void unmap_file(void)
{
	munmap(mapped, FILE_PAGES * PAGE);
}

static void close_file(void)
{
	munmap(library, FILE_PAGES * PAGE);
	close(pages_fd);
}

static char *map_lonely(char *at)
{
	return mmap(at, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED,
		    -1, 0);
}

/* A page that stays keeps its page tables. */
static bool open_tables(void)
{
	if (map_lonely(LONELY) != LONELY)
		return false;
	write_to(LONELY);
	return true;
}

static void close_tables(void)
{
	munmap(LONELY, PAGE);
}

static bool map_touch_unmap(unsigned int times)
{
	char *at = LONELY + 2 * PAGE;

	while (times--) {
		if (map_lonely(at) != at)
			return false;
		write_to(at);
		munmap(at, PAGE);
	}
	return true;
}

static bool open_protect(void)
{
	if (!map(PAGE, PROT_READ | PROT_WRITE, MAP_ANONYMOUS, -1))
		return false;
	write_to(mapped);
	return true;
}

static bool protect(unsigned int times)
{
	while (times--) {
		mprotect(mapped, PAGE, PROT_READ);
		mprotect(mapped, PAGE, PROT_READ | PROT_WRITE);
		write_to(mapped);
	}
	return true;
}

static void close_protect(void)
{
	munmap(mapped, PAGE);
}

/* ---- 4. Signals -------------------------------------------------------------------------- */

static unsigned int signals;

static void on_signal(int signo)
{
	__atomic_add_fetch(&signals, 1, __ATOMIC_RELAXED);
}

static bool install(unsigned int times)
{
	struct sigaction sa = { .sa_handler = on_signal };

	while (times--)
		sigaction(SIGUSR1, &sa, NULL);
	return true;
}

static bool open_deliver(void)
{
	return install(1);
}

static bool deliver(unsigned int times)
{
	unsigned int before = __atomic_load_n(&signals, __ATOMIC_RELAXED), all = times;
	pid_t me = getpid();

	while (times--)
		kill(me, SIGUSR1);
	return __atomic_load_n(&signals, __ATOMIC_RELAXED) - before == all;
}

/* ---- 5. No kernel's part ------------------------------------------------------------------ */

#define MIB		(1UL << 20)
#define SLOT		4000000UL	/* ticks from one tick of a clock of 250 Hz to the next */
#define SLOTS		50

static char *copy_from, *copy_to;

static bool open_copy(void)
{
	copy_from = malloc(MIB);
	copy_to = malloc(MIB);
	if (!copy_from || !copy_to)
		return false;
	memset(copy_from, 1, MIB);
	memset(copy_to, 2, MIB);
	return true;
}

/* The library's memcpy() is another one on each model of CPU. 12 instructions for 64 bytes. */
static bool copy(unsigned int times)
{
	while (times--) {
		const char *from = copy_from;
		char *to = copy_to;
		unsigned long left = MIB;

		asm volatile("0:\n\t"
			     "movups (%[from]), %%xmm0\n\t"
			     "movups 16(%[from]), %%xmm1\n\t"
			     "movups 32(%[from]), %%xmm2\n\t"
			     "movups 48(%[from]), %%xmm3\n\t"
			     "add $64, %[from]\n\t"
			     "movups %%xmm0, (%[to])\n\t"
			     "movups %%xmm1, 16(%[to])\n\t"
			     "movups %%xmm2, 32(%[to])\n\t"
			     "movups %%xmm3, 48(%[to])\n\t"
			     "add $64, %[to]\n\t"
			     "sub $64, %[left]\n\t"
			     "jnz 0b\n\t"
			     : [from] "+r"(from), [to] "+r"(to), [left] "+r"(left)
			     : : "memory", "cc", "xmm0", "xmm1", "xmm2", "xmm3");
	}
	return true;
}

static void close_copy(void)
{
	free(copy_from);
	free(copy_to);
}

/* What is not the loop's is the clock's interrupt, of which there is one in each slot. */
static bool loop(unsigned int times)
{
	unsigned long left = times * SLOT / 2;	/* of 2 instructions */

	asm volatile("0: dec %[left]\n\tjnz 0b" : [left] "+r"(left) : : "cc");
	return true;
}

static double slots(uint64_t took)
{
	return (double)took / SLOT;
}

/* ---- 6. The rows --------------------------------------------------------------------------- */

const struct row rows[] = {
	{ .name = "null_syscall", .times = 1000, .run = null_syscall },
	{ .name = "read_zero_1b", .times = 1000, .open = open_zero, .run = read_zero,
	  .close = close_zero },
	{ .name = "stat", .times = 300, .open = open_stat, .run = stat_root },
	{ .name = "gettimeofday", .times = 1000, .run = time_of_day },
	{ .name = "pipe_rtt", .times = 200, .prepare = open_pipe, .run = round_trip,
	  .finish = close_peer },
	{ .name = "anon_fault", .times = ANON_PAGES, .prepare = map_anon, .run = touch_anon,
	  .finish = unmap_anon },
	{ .name = "file_fault", .times = FILE_PAGES, .open = open_file, .prepare = map_file,
	  .run = touch_file, .finish = unmap_file, .close = close_file },
	{ .name = "mmap_touch_unmap", .times = 200, .open = open_tables, .run = map_touch_unmap,
	  .close = close_tables },
	{ .name = "mmap_t_u_newpt", .times = 100, .run = map_touch_unmap },
	{ .name = "mprotect_rorw", .times = 200, .open = open_protect, .run = protect,
	  .close = close_protect },
	{ .name = "fork_exit_wait", .times = 20, .run = fork_exit_wait },
	{ .name = "fork_exec_wait", .times = 10, .open = open_exec, .run = fork_exec_wait },
	{ .name = "sig_install", .times = 300, .run = install },
	{ .name = "sig_deliver", .times = 200, .open = open_deliver, .run = deliver },
	{ .name = "tcp_rtt", .times = 100, .prepare = open_loopback, .run = round_trip,
	  .finish = close_peer },
	{ .name = "copyloop_1MiB", .times = 4, .open = open_copy, .run = copy,
	  .close = close_copy },
	{ .name = "per_4ms_slot", .times = SLOTS, .batches = 5, .run = loop,
	  .operations = slots, .without = SLOTS * SLOT },
	{ }
};
