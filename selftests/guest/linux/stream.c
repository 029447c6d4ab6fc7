// SPDX-License-Identifier: GPL-2.0-only
/*
 * stream HOW ADDRESS [BYTES [SEED]]: one end of a stream of bytes, in a domain or on the
 * host; both ends know what must come.
 *
 *   send      writes BYTES
 *   receive   reads BYTES and compares
 *   slowly    the same, 1 KiB at a time with pauses
 *   answer    gives back what it reads, to the end
 *   echo      writes BYTES and compares the answers, both at a time
 *   deaf      writes BYTES, and says before that it reads nothing
 *   touch     connects, and goes
 *   refused   connects, and is hung up on at once
 *
 * ADDRESS: port:NAME (of virtio, in the guest), a path of a UNIX socket,
 * vsock:CID:PORT, or listen:PORT (vsock, one client).
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/vm_sockets.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "common.h"

#define CHUNK 32768
#define PATIENCE_MS 20000

static void die(const char *what)
{
	fprintf(stderr, "stream: %s: %s\n", what, strerror(errno));
	exit(1);
}

/* ---- 1. Addresses ------------------------------------------------------------ */

/* A port without a client is at its end already; nobody says when one comes. */
static int wait_client(int fd)
{
	const struct timespec pause = { .tv_nsec = 10000000 };
	struct pollfd p = { .fd = fd };

	while (fd >= 0 && poll(&p, 1, 0) >= 0 && p.revents & POLLHUP)
		nanosleep(&pause, NULL);
	return fd;
}

/* The guest's name of a port is in sysfs only, where no udev makes links. */
static int open_port(const char *name)
{
	DIR *dir = opendir("/sys/class/virtio-ports");
	struct dirent *e;

	while (dir && (e = readdir(dir))) {
		char path[512];
		const char *is;

		snprintf(path, sizeof(path), "/sys/class/virtio-ports/%s/name", e->d_name);
		is = e->d_name[0] == '.' ? NULL : read_knob(path);
		if (is && !strncmp(is, name, strlen(name)) &&
		    (is[strlen(name)] == '\n' || !is[strlen(name)])) {
			snprintf(path, sizeof(path), "/dev/%s", e->d_name);
			closedir(dir);
			return wait_client(open(path, O_RDWR));
		}
	}
	if (dir)
		closedir(dir);
	errno = ENOENT;
	return -1;
}

static int open_unix(const char *path)
{
	struct sockaddr_un sun = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	snprintf(sun.sun_path, sizeof(sun.sun_path), "%s", path);
	if (fd < 0 || connect(fd, (struct sockaddr *)&sun, sizeof(sun)))
		return -1;
	return fd;
}

static int open_vsock(const char *text)
{
	struct sockaddr_vm sa = { .svm_family = AF_VSOCK };
	int fd = socket(AF_VSOCK, SOCK_STREAM, 0);
	char *end;

	sa.svm_cid = strtoul(text, &end, 10);
	sa.svm_port = strtoul(end + 1, NULL, 10);
	if (fd < 0 || connect(fd, (struct sockaddr *)&sa, sizeof(sa)))
		return -1;
	return fd;
}

static int open_listen(const char *text)
{
	struct sockaddr_vm sa = {
		.svm_family = AF_VSOCK,
		.svm_cid = VMADDR_CID_ANY,
		.svm_port = strtoul(text, NULL, 10),
	};
	int fd = socket(AF_VSOCK, SOCK_STREAM, 0);

	if (fd < 0 || bind(fd, (struct sockaddr *)&sa, sizeof(sa)) || listen(fd, 1))
		return -1;
	printf("listening\n");
	fflush(stdout);
	return accept(fd, NULL, NULL);
}

static int open_address(const char *address)
{
	if (!strncmp(address, "port:", 5))
		return open_port(address + 5);
	if (!strncmp(address, "vsock:", 6))
		return open_vsock(address + 6);
	if (!strncmp(address, "listen:", 7))
		return open_listen(address + 7);
	return open_unix(address);
}

/* ---- 2. Bytes ---------------------------------------------------------------- */

/* What is at @at, a multiple of 8, in the stream of @seed. */
static void expected(char *to, size_t bytes, size_t at, uint64_t seed)
{
	uint64_t *word = (uint64_t *)to;

	for (size_t i = 0; i < (bytes + 7) / 8; i++)
		word[i] = (at / 8 + i + 1) * 0x9e3779b97f4a7c15ULL + seed;
}

static void check(const char *data, size_t bytes, size_t at, uint64_t seed)
{
	static char want[CHUNK + 16];
	size_t from = at & ~(size_t)7;

	expected(want, bytes + (at - from), from, seed);
	for (size_t i = 0; i < bytes; i++) {
		if (data[i] == want[at - from + i])
			continue;
		fprintf(stderr, "stream: byte %zu is wrong\n", at + i);
		exit(1);
	}
}

static size_t next_part(char *data, size_t done, size_t total, uint64_t seed)
{
	size_t part = total - done < CHUNK ? total - done : CHUNK;

	expected(data, part, done, seed);
	return part;
}

static void write_all(int fd, const char *data, size_t bytes)
{
	while (bytes) {
		ssize_t n = write(fd, data, bytes);

		if (n < 0)
			die("write");
		data += n;
		bytes -= (size_t)n;
	}
}

static void send_bytes(int fd, size_t total, uint64_t seed)
{
	static char data[CHUNK + 8];

	for (size_t done = 0; done < total;) {
		size_t part = next_part(data, done, total, seed);

		write_all(fd, data, part);
		done += part;
	}
}

static void receive(int fd, size_t total, uint64_t seed, bool slowly)
{
	const struct timespec pause = { .tv_nsec = 2000000 };
	static char data[CHUNK];

	for (size_t done = 0; done < total;) {
		size_t most = slowly ? 1024 : CHUNK;
		ssize_t n = read(fd, data, most < total - done ? most : total - done);

		if (n < 0)
			die("read");
		if (!n) {
			fprintf(stderr, "stream: ends after %zu bytes\n", done);
			exit(1);
		}
		check(data, (size_t)n, done, seed);
		done += (size_t)n;
		if (slowly)
			nanosleep(&pause, NULL);
	}
}

static void answer(int fd)
{
	static char data[CHUNK];
	ssize_t n;

	while ((n = read(fd, data, sizeof(data))) > 0)
		write_all(fd, data, (size_t)n);
	/* a port's other end has gone */
	if (n < 0 && errno != EPIPE && errno != ECONNRESET)
		die("read");
}

static void echo(int fd, size_t total, uint64_t seed)
{
	static char out[CHUNK + 8], in[CHUNK];
	size_t sent = 0, left = 0, got = 0;
	char *at = out;

	fcntl(fd, F_SETFL, O_NONBLOCK);
	while (got < total) {
		struct pollfd p = { .fd = fd, .events = POLLIN | (sent < total ? POLLOUT : 0) };
		ssize_t n;

		if (poll(&p, 1, PATIENCE_MS) <= 0) {
			fprintf(stderr, "stream: nothing comes: %zu of %zu bytes\n", got, total);
			exit(1);
		}
		if (!left && sent < total) {
			left = next_part(out, sent, total, seed);
			at = out;
		}
		if (p.revents & POLLOUT && left) {
			n = write(fd, at, left);
			if (n < 0 && errno != EAGAIN)
				die("write");
			if (n > 0) {
				at += n;
				left -= (size_t)n;
				sent += (size_t)n;
			}
		}
		n = read(fd, in, sizeof(in));
		if (n < 0 && errno != EAGAIN)
			die("read");
		if (!n) {
			fprintf(stderr, "stream: ends after %zu bytes\n", got);
			exit(1);
		}
		if (n > 0) {
			check(in, (size_t)n, got, seed);
			got += (size_t)n;
		}
	}
}

static void refused(int fd)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };
	char c;

	if (poll(&p, 1, PATIENCE_MS) != 1 || read(fd, &c, 1) > 0) {
		fprintf(stderr, "stream: not hung up on\n");
		exit(1);
	}
}

int main(int argc, char **argv)
{
	size_t bytes = argc > 3 ? strtoull(argv[3], NULL, 10) : 0;
	uint64_t seed = argc > 4 ? strtoull(argv[4], NULL, 10) : 1;
	int fd;

	if (argc < 3) {
		fprintf(stderr, "usage: stream HOW ADDRESS [BYTES [SEED]]\n");
		return 2;
	}
	fd = open_address(argv[2]);
	if (fd < 0)
		die(argv[2]);
	if (!strcmp(argv[1], "send"))
		send_bytes(fd, bytes, seed);
	else if (!strcmp(argv[1], "receive"))
		receive(fd, bytes, seed, false);
	else if (!strcmp(argv[1], "slowly"))
		receive(fd, bytes, seed, true);
	else if (!strcmp(argv[1], "answer"))
		answer(fd);
	else if (!strcmp(argv[1], "echo"))
		echo(fd, bytes, seed);
	else if (!strcmp(argv[1], "deaf") && !shutdown(fd, SHUT_RD))
		send_bytes(fd, bytes, seed);
	else if (!strcmp(argv[1], "touch"))
		close(fd);
	else if (!strcmp(argv[1], "refused"))
		refused(fd);
	else
		return 2;
	printf("stream %s: done\n", argv[1]);
	return 0;
}
