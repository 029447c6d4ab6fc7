// SPDX-License-Identifier: GPL-2.0-only
/*
 * ops_io.c: the operations of the table that need a disk, or another machine.
 *
 *   1. a disk
 *   2. interfaces
 *   3. the other end
 *   4. the network
 *   5. the rows
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <fcntl.h>
#include <net/if.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "rows.h"

#define MIB		(1UL << 20)

/* ---- 1. A disk --------------------------------------------------------------------------- */

#define DISK_SIZE	(4 * MIB)
#define SMALL		4096UL
#define LARGE		(128 * 1024UL)
#define TRIES		200
#define PAUSE		50000	/* microseconds: nothing tells of a device that comes */

static int disk_fd = -1;
static char *buffer;
static off_t place;

/* Written first, as what never was written may be read without a disk. */
static bool open_disk(void)
{
	for (int i = 0; i < TRIES && disk_fd < 0; i++) {
		disk_fd = open(io.disk, O_RDWR | O_DIRECT);
		if (disk_fd < 0)
			usleep(PAUSE);
	}
	if (disk_fd < 0 || (!buffer && posix_memalign((void **)&buffer, PAGE, MIB)))
		return false;
	memset(buffer, 1, MIB);
	for (place = 0; place < (off_t)DISK_SIZE; place += MIB)
		if (pwrite(disk_fd, buffer, MIB, place) != (ssize_t)MIB)
			return false;
	place = 0;
	return true;
}

static void close_disk(void)
{
	close(disk_fd);
	disk_fd = -1;
}

static bool read_disk(unsigned int times, size_t size)
{
	while (times--) {
		if (pread(disk_fd, buffer, size, place) != (ssize_t)size)
			return false;
		place = (place + size) % DISK_SIZE;
	}
	return true;
}

static bool read_small(unsigned int times)
{
	return read_disk(times, SMALL);
}

static bool read_large(unsigned int times)
{
	return read_disk(times, LARGE);
}

/* ---- 2. Interfaces ------------------------------------------------------------------------ */

static bool set_address(int fd, const char *name, unsigned long what, const char *address)
{
	struct ifreq ifr = { };
	struct sockaddr_in *sa = (struct sockaddr_in *)&ifr.ifr_addr;

	strncpy(ifr.ifr_name, name, IFNAMSIZ - 1);
	sa->sin_family = AF_INET;
	return inet_aton(address, &sa->sin_addr) && !ioctl(fd, what, &ifr);
}

bool interface_up(const char *name, const char *address)
{
	struct ifreq ifr = { .ifr_flags = IFF_UP | IFF_RUNNING };
	int fd = socket(AF_INET, SOCK_DGRAM, 0);
	bool good = fd >= 0;

	strncpy(ifr.ifr_name, name, IFNAMSIZ - 1);
	if (good && address) {
		good = false;
		for (int i = 0; i < TRIES && !good; i++) {
			good = set_address(fd, name, SIOCSIFADDR, address);
			if (!good)
				usleep(PAUSE);
		}
		good = good && set_address(fd, name, SIOCSIFNETMASK, "255.255.255.0");
	}
	good = good && !ioctl(fd, SIOCSIFFLAGS, &ifr);
	if (fd >= 0)
		close(fd);
	return good;
}

/* ---- 3. The other end ---------------------------------------------------------------------- */

#define PORT		5001
#define PIECE		(64 * 1024)
#define ECHO		'e'	/* the first byte of a client: each is given back */
#define SINK		's'	/* one is for each MiB */

static void set_nodelay(int fd)
{
	int one = 1;

	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
}

static void serve_one(int fd)
{
	static char piece[PIECE];
	size_t all = 0;
	ssize_t n;
	char kind;

	if (read(fd, &kind, 1) != 1)
		return;
	while ((n = read(fd, piece, kind == ECHO ? 1 : sizeof(piece))) > 0) {
		if (kind == ECHO && write(fd, piece, 1) != 1)
			return;
		for (all += (size_t)n; kind == SINK && all >= MIB; all -= MIB)
			if (write(fd, piece, 1) != 1)
				return;
	}
}

/* One client after the other. */
int serve(void)
{
	struct sockaddr_in sa = { .sin_family = AF_INET, .sin_port = htons(PORT) };
	int fd = socket(AF_INET, SOCK_STREAM, 0), one = 1;

	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (fd < 0 || bind(fd, (struct sockaddr *)&sa, sizeof(sa)) || listen(fd, 4))
		return 1;
	/* whoever started it may go on */
	if (daemon(0, 0))
		return 1;
	for (;;) {
		int client = accept(fd, NULL, NULL);

		if (client < 0)
			continue;
		set_nodelay(client);
		serve_one(client);
		close(client);
	}
}

/* ---- 4. The network ------------------------------------------------------------------------ */

static int net_fd = -1;

static bool dial(char kind)
{
	struct sockaddr_in sa = { .sin_family = AF_INET, .sin_port = htons(PORT) };
	bool good = false;

	if (!interface_up(io.interface, io.local) || !io.remote ||
	    !inet_aton(io.remote, &sa.sin_addr))
		return false;
	for (int i = 0; i < TRIES && !good; i++) {
		net_fd = socket(AF_INET, SOCK_STREAM, 0);
		good = !connect(net_fd, (struct sockaddr *)&sa, sizeof(sa));
		if (!good) {
			close(net_fd);
			usleep(PAUSE);
		}
	}
	set_nodelay(net_fd);
	return good && write(net_fd, &kind, 1) == 1;
}

static bool dial_echo(void)
{
	return dial(ECHO);
}

static bool dial_sink(void)
{
	return dial(SINK);
}

static void hang_up(void)
{
	close(net_fd);
}

static bool net_round_trip(unsigned int times)
{
	char c = 0;

	while (times--)
		if (write(net_fd, &c, 1) != 1 || read(net_fd, &c, 1) != 1)
			return false;
	return true;
}

static bool transmit(unsigned int times)
{
	static char piece[PIECE];

	memset(piece, 7, sizeof(piece));
	while (times--) {
		for (size_t left = MIB; left;) {
			size_t most = left < PIECE ? left : PIECE;
			ssize_t n = write(net_fd, piece, most);

			if (n <= 0)
				return false;
			left -= (size_t)n;
		}
		if (read(net_fd, piece, 1) != 1)
			return false;
	}
	return true;
}

/* ---- 5. The rows --------------------------------------------------------------------------- */

const struct row disk_rows[] = {
	{ .name = "blk_read_4k", .times = 200, .open = open_disk, .run = read_small,
	  .close = close_disk },
	{ .name = "blk_read_128k", .times = 32, .open = open_disk, .run = read_large,
	  .close = close_disk },
	{ }
};

const struct row net_rows[] = {
	{ .name = "net_tcp_rtt", .times = 100, .open = dial_echo, .run = net_round_trip,
	  .close = hang_up },
	{ .name = "net_tx_1MiB", .times = 4, .open = dial_sink, .run = transmit,
	  .close = hang_up },
	{ }
};
