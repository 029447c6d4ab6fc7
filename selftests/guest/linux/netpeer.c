// SPDX-License-Identifier: GPL-2.0-only
/*
 * netpeer.c: both ends of network tests; what comes is compared with what was sent.
 *
 *   netpeer serve PORT                       TCP and UDP, until it is killed: PORT gives back
 *                                            what comes, PORT + 1 takes a stream and tells its
 *                                            sum, PORT + 2 sends one, PORT + 3 takes one
 *                                            and answers each MiB
 *   netpeer service PORT                     the same in the background, once it listens
 *   netpeer sweep ADDRESS PORT tcp|udp|icmp FROM TO STEP
 *                                            sizes there and back; datagrams may be lost, some;
 *                                            pings need no server, whatever PORT
 *   netpeer send ADDRESS PORT BYTES [N]      a stream there, N at a time
 *   netpeer receive ADDRESS PORT BYTES [N]   from there
 *   netpeer rtt ADDRESS PORT N               round trips of one byte: their median, in ns
 *   netpeer bulk ADDRESS PORT N              MiB there: the median of what each takes, in ns
 *   netpeer flood ADDRESS PORT SECONDS SIZE  datagrams, as many as go
 *   netpeer channels INTERFACE N             use N pairs of queues
 *   netpeer offload INTERFACE on|off         checksums, segments, scatter-gather: to send
 *
 * 1. sockets  2. the server  3. sizes  4. streams  5. round trips, floods  6. ethtool
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <linux/ethtool.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <netinet/ip.h>
#include <netinet/ip_icmp.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#include "common.h"

#define SIZE_MAX_SENT	65536
#define PATIENCE	30	/* seconds, for what TCP must bring */
#define TRIES		10	/* for a datagram, of half a second each */

/* ---- 1. Sockets ------------------------------------------------------------- */

static void die(const char *what)
{
	printf("netpeer: %s: %s\n", what, strerror(errno));
	exit(1);
}

static struct sockaddr_in address_of(const char *host, int port)
{
	struct sockaddr_in sa = { .sin_family = AF_INET, .sin_port = htons((uint16_t)port) };

	if (!inet_aton(host, &sa.sin_addr))
		die(host);
	return sa;
}

static void set_patience(int fd, long ms)
{
	struct timeval tv = { .tv_sec = ms / 1000, .tv_usec = ms % 1000 * 1000 };

	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof(tv));
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &tv, sizeof(tv));
}

static int dial(const char *host, int port, int type, int protocol)
{
	struct sockaddr_in sa = address_of(host, port);
	int fd = socket(AF_INET, type, protocol);
	int one = 1;

	if (fd < 0)
		die("socket");
	set_patience(fd, PATIENCE * 1000L);
	if (type == SOCK_STREAM)
		setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	if (connect(fd, (struct sockaddr *)&sa, sizeof(sa)))
		die("connect");
	return fd;
}

static bool read_all(int fd, void *to, size_t len)
{
	for (size_t n = 0; n < len;) {
		ssize_t got = recv(fd, (char *)to + n, len - n, 0);

		if (got <= 0)
			return false;
		n += (size_t)got;
	}
	return true;
}

static bool write_all(int fd, const void *from, size_t len)
{
	for (size_t n = 0; n < len;) {
		ssize_t put = send(fd, (const char *)from + n, len - n, MSG_NOSIGNAL);

		if (put <= 0)
			return false;
		n += (size_t)put;
	}
	return true;
}

static double seconds(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

/* ---- 2. The server ------------------------------------------------------------ */

/* How a stream looks: pieces of this size, each filled by its number. */
#define PIECE (64 * 1024)

static void *echo_one(void *arg)
{
	int fd = (int)(intptr_t)arg;
	char buf[65536];
	ssize_t n;

	while ((n = recv(fd, buf, sizeof(buf), 0)) > 0)
		if (!write_all(fd, buf, (size_t)n))
			break;
	close(fd);
	return NULL;
}

static void *sink_one(void *arg)
{
	int fd = (int)(intptr_t)arg;
	char buf[PIECE];
	uint32_t sum = 0;
	uint64_t left;

	if (read_all(fd, &left, sizeof(left))) {
		while (left) {
			size_t want = left < sizeof(buf) ? left : sizeof(buf);

			if (!read_all(fd, buf, want))
				break;
			sum = checksum_more(sum, buf, want);
			left -= want;
		}
		if (!left)
			write_all(fd, &sum, sizeof(sum));
	}
	close(fd);
	return NULL;
}

static void *source_one(void *arg)
{
	int fd = (int)(intptr_t)arg;
	char buf[PIECE];
	uint64_t left;

	if (read_all(fd, &left, sizeof(left))) {
		for (uint64_t piece = 0; left; piece++) {
			size_t want = left < sizeof(buf) ? left : sizeof(buf);

			fill(buf, sizeof(buf), piece);
			if (!write_all(fd, buf, want))
				break;
			left -= want;
		}
	}
	close(fd);
	return NULL;
}

#define MIB (1024 * 1024)

static void *bulk_one(void *arg)
{
	int fd = (int)(intptr_t)arg;
	size_t total = 0;
	char buf[PIECE];
	ssize_t n;

	while ((n = recv(fd, buf, sizeof(buf), 0)) > 0) {
		for (total += (size_t)n; total >= MIB; total -= MIB)
			write_all(fd, buf, 1);
	}
	close(fd);
	return NULL;
}

static int listen_on(int port)
{
	struct sockaddr_in sa = { .sin_family = AF_INET, .sin_port = htons((uint16_t)port) };
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	int one = 1;

	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (fd < 0 || bind(fd, (struct sockaddr *)&sa, sizeof(sa)) || listen(fd, 16))
		die("listen");
	return fd;
}

static void *udp_echo(void *arg)
{
	static char buf[65536];
	int fd = (int)(intptr_t)arg;

	for (;;) {
		struct sockaddr_in from;
		socklen_t len = sizeof(from);
		ssize_t n = recvfrom(fd, buf, sizeof(buf), 0, (struct sockaddr *)&from, &len);

		if (n >= 0)
			(void)sendto(fd, buf, (size_t)n, 0, (struct sockaddr *)&from, len);
	}
	return NULL;
}

/* @service: the command returns as soon as it is served, by a process of its own. */
static void __attribute__((noreturn)) serve(int port, bool service)
{
	void *(*const serve_one[])(void *) = { echo_one, sink_one, source_one, bulk_one };
	struct sockaddr_in sa = { .sin_family = AF_INET, .sin_port = htons((uint16_t)port) };
	struct pollfd fds[4];
	int udp = socket(AF_INET, SOCK_DGRAM, 0);
	pthread_t thread;

	if (udp < 0 || bind(udp, (struct sockaddr *)&sa, sizeof(sa)))
		die("bind");
	for (int i = 0; i < 4; i++)
		fds[i] = (struct pollfd) { .fd = listen_on(port + i), .events = POLLIN };
	if (service && daemon(0, 0))
		die("daemon");
	if (pthread_create(&thread, NULL, udp_echo, (void *)(intptr_t)udp))
		die("thread");
	printf("netpeer serves\n");
	fflush(stdout);
	for (;;) {
		if (poll(fds, 4, -1) < 0)
			continue;
		for (int i = 0; i < 4; i++) {
			int one = 1, fd;

			if (!(fds[i].revents & POLLIN))
				continue;
			fd = accept(fds[i].fd, NULL, NULL);
			if (fd < 0)
				continue;
			setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
			if (pthread_create(&thread, NULL, serve_one[i], (void *)(intptr_t)fd))
				close(fd);
			else
				pthread_detach(thread);
		}
	}
}

/* ---- 3. Sizes ------------------------------------------------------------------- */

/* fill() wants multiples of 8. */
static size_t rounded(size_t size)
{
	return (size + 7) & ~(size_t)7;
}

static bool same(const char *buf, size_t size, uint64_t seed)
{
	static char expected[SIZE_MAX_SENT + 8];

	fill(expected, rounded(size), seed);
	return !memcmp(buf, expected, size);
}

/* One size there and back through @fd. @lost: how many datagrams did not come. */
static bool tcp_size(int fd, char *buf, size_t size, unsigned int *lost)
{
	fill(buf, rounded(size), size);
	(void)lost;
	if (!write_all(fd, buf, size))
		return false;
	memset(buf, 0, size);
	return read_all(fd, buf, size) && same(buf, size, size);
}

static bool udp_size(int fd, char *buf, size_t size, unsigned int *lost)
{
	for (unsigned int try = 0; try < TRIES; try++) {
		ssize_t n;

		fill(buf, rounded(size), size);
		if (send(fd, buf, size, 0) != (ssize_t)size)
			die("send");
		memset(buf, 0, size);
		/* An answer to an earlier try is of the same size and content. */
		do
			n = recv(fd, buf, SIZE_MAX_SENT, 0);
		while (n >= 0 && n != (ssize_t)size);
		if (n == (ssize_t)size)
			return same(buf, size, size);
		++*lost;
	}
	return false;
}

/* An echo request, and its answer as a raw socket gets it: with its IP header. */
struct ping {
	struct icmphdr head;
	char data[SIZE_MAX_SENT];
};

struct pong {
	struct iphdr ip;
	struct ping ping;
};

/* In the order of bytes that they have; a sum of larger words is as good. */
static uint16_t internet_checksum(const void *data, size_t len)
{
	const char *at = data;
	uint32_t word = 0;
	uint64_t sum = 0;

	for (; len >= sizeof(word); len -= sizeof(word), at += sizeof(word)) {
		memcpy(&word, at, sizeof(word));
		sum += word;
	}
	word = 0;
	memcpy(&word, at, len);
	sum += word;
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)~sum;
}

/* Is it what @ping asked for?  Others have other numbers, earlier ones other sizes. */
static bool answers(const struct icmphdr *pong, const struct icmphdr *ping)
{
	return pong->type == ICMP_ECHOREPLY && pong->un.echo.id == ping->un.echo.id &&
	       pong->un.echo.sequence == ping->un.echo.sequence;
}

static bool icmp_size(int fd, char *buf, size_t size, unsigned int *lost)
{
	struct pong *pong = (struct pong *)buf;
	static struct ping ping;
	ssize_t all = (ssize_t)(sizeof(ping.head) + size);

	ping.head = (struct icmphdr) { .type = ICMP_ECHO };
	ping.head.un.echo.id = (uint16_t)getpid();
	ping.head.un.echo.sequence = (uint16_t)size;
	fill(ping.data, rounded(size), size);
	ping.head.checksum = internet_checksum(&ping, (size_t)all);
	for (unsigned int try = 0; try < TRIES; try++) {
		ssize_t n;

		if (send(fd, &ping, (size_t)all, 0) != all)
			die("send");
		memset(buf, 0, sizeof(*pong));
		do
			n = recv(fd, buf, sizeof(*pong), 0);
		while (n >= 0 && !answers(&pong->ping.head, &ping.head));
		if (n >= 0)
			return n == (ssize_t)sizeof(pong->ip) + all &&
			       !internet_checksum(&pong->ping, (size_t)all) &&
			       same(pong->ping.data, size, size);
		++*lost;
	}
	return false;
}

static const struct sweep {
	const char *name;
	int type, protocol;
	bool (*size)(int fd, char *buf, size_t size, unsigned int *lost);
} sweeps[] = {
	{ "tcp", SOCK_STREAM, 0, tcp_size },
	{ "udp", SOCK_DGRAM, 0, udp_size },
	{ "icmp", SOCK_RAW, IPPROTO_ICMP, icmp_size },
};

static int sweep(char **argv)
{
	size_t from = strtoul(argv[5], NULL, 0), to = strtoul(argv[6], NULL, 0);
	size_t step = strtoul(argv[7], NULL, 0);
	const struct sweep *s = sweeps;
	static char buf[sizeof(struct pong)];
	unsigned int lost = 0, sizes = 0;
	int fd;

	while (s < sweeps + sizeof(sweeps) / sizeof(*sweeps) && strcmp(s->name, argv[4]))
		s++;
	errno = EPROTONOSUPPORT;
	if (s == sweeps + sizeof(sweeps) / sizeof(*sweeps))
		die(argv[4]);
	fd = dial(argv[2], atoi(argv[3]), s->type, s->protocol);
	if (s->type != SOCK_STREAM)
		set_patience(fd, 500);
	for (size_t size = from; size <= to && size <= SIZE_MAX_SENT - 1; size += step, sizes++) {
		if (s->size(fd, buf, size, &lost))
			continue;
		printf("netpeer: %s, %zu bytes: did not come back as they were\n", s->name, size);
		return 1;
	}
	printf("netpeer: %s: %u sizes from %zu to %zu are well, %u datagrams lost\n", s->name,
	       sizes, from, to, lost);
	close(fd);
	return lost * 20 > sizes + 20;
}

/* ---- 4. Streams ------------------------------------------------------------------- */

struct stream {
	const char *host;
	int port;
	uint64_t bytes;
	bool good;
	pthread_t thread;
};

static void *send_stream(void *arg)
{
	struct stream *s = arg;
	int fd = dial(s->host, s->port + 1, SOCK_STREAM, 0);
	uint32_t sum = 0, told = 0;
	uint64_t left = s->bytes;
	char buf[PIECE];

	if (!write_all(fd, &left, sizeof(left)))
		return NULL;
	for (uint64_t piece = 0; left; piece++) {
		size_t size = left < sizeof(buf) ? left : sizeof(buf);

		fill(buf, sizeof(buf), piece);
		sum = checksum_more(sum, buf, size);
		if (!write_all(fd, buf, size))
			return NULL;
		left -= size;
	}
	s->good = read_all(fd, &told, sizeof(told)) && told == sum;
	close(fd);
	return NULL;
}

static void *receive_stream(void *arg)
{
	struct stream *s = arg;
	int fd = dial(s->host, s->port + 2, SOCK_STREAM, 0);
	uint64_t left = s->bytes;
	char buf[PIECE];

	if (!write_all(fd, &left, sizeof(left)))
		return NULL;
	for (uint64_t piece = 0; left; piece++) {
		size_t size = left < sizeof(buf) ? left : sizeof(buf);

		memset(buf, 0, sizeof(buf));
		if (!read_all(fd, buf, size) ||
		    (size == sizeof(buf) && !filled(buf, size, piece)) ||
		    (size < sizeof(buf) && !same(buf, size, piece)))
			return NULL;
		left -= size;
	}
	s->good = true;
	close(fd);
	return NULL;
}

static int streams(char **argv, int argc, void *(*fn)(void *arg))
{
	unsigned int nr = argc > 5 ? (unsigned int)atoi(argv[5]) : 1;
	struct stream all[32];
	double begun = seconds();

	if (nr > 32)
		nr = 32;
	for (unsigned int i = 0; i < nr; i++) {
		all[i] = (struct stream) { .host = argv[2], .port = atoi(argv[3]),
					   .bytes = strtoull(argv[4], NULL, 0) };
		if (pthread_create(&all[i].thread, NULL, fn, &all[i]))
			die("thread");
	}
	for (unsigned int i = 0; i < nr; i++) {
		pthread_join(all[i].thread, NULL);
		if (!all[i].good) {
			printf("netpeer: stream %u did not come as it was sent\n", i);
			return 1;
		}
	}
	printf("netpeer: %u streams of %s bytes are well, %.3f s\n", nr, argv[4],
	       seconds() - begun);
	return 0;
}

/* ---- 5. Round trips, floods ------------------------------------------------------- */

static int compare(const void *a, const void *b)
{
	const double *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

/* @pieces of @size there, one byte back, @nr times. */
static int timed(char **argv, int port, unsigned int pieces, size_t size)
{
	unsigned int nr = (unsigned int)atoi(argv[4]);
	int fd = dial(argv[2], port, SOCK_STREAM, 0);
	double *took = calloc(nr + 1, sizeof(*took));
	static char buf[PIECE];

	if (!took || !nr)
		die(argv[1]);
	memset(buf, 'x', sizeof(buf));
	for (unsigned int i = 0; i < nr; i++) {
		double begun = seconds();

		for (unsigned int piece = 0; piece < pieces; piece++)
			if (!write_all(fd, buf, size))
				die("send");
		if (!read_all(fd, buf, 1))
			die("answer");
		took[i] = seconds() - begun;
	}
	qsort(took, nr, sizeof(*took), compare);
	printf("netpeer: %s median %.0f ns, longest %.0f ns\n", argv[1], took[nr / 2] * 1e9,
	       took[nr - 1] * 1e9);
	free(took);
	return 0;
}

static int flood(char **argv)
{
	int fd = dial(argv[2], atoi(argv[3]), SOCK_DGRAM, 0);
	double end = seconds() + atof(argv[4]);
	size_t size = strtoul(argv[5], NULL, 0);
	static char buf[SIZE_MAX_SENT];
	unsigned long sent = 0;

	if (size > sizeof(buf))
		return 1;
	while (seconds() < end)
		for (unsigned int i = 0; i < 64; i++)
			sent += send(fd, buf, size, MSG_DONTWAIT) > 0;
	printf("netpeer: %lu datagrams sent\n", sent);
	return 0;
}

/* ---- 6. Ethtool ------------------------------------------------------------------- */

static bool ethtool(const char *interface, void *data)
{
	int fd = socket(AF_INET, SOCK_DGRAM, 0);
	struct ifreq ifr = { .ifr_data = data };
	bool good;

	snprintf(ifr.ifr_name, sizeof(ifr.ifr_name), "%s", interface);
	good = !ioctl(fd, SIOCETHTOOL, &ifr);
	close(fd);
	return good;
}

static int channels(char **argv)
{
	struct ethtool_channels c = { .cmd = ETHTOOL_GCHANNELS };

	if (!ethtool(argv[2], &c))
		die("channels");
	c.cmd = ETHTOOL_SCHANNELS;
	c.combined_count = (uint32_t)atoi(argv[3]);
	if (!ethtool(argv[2], &c))
		die("channels");
	printf("netpeer: %u of %u pairs\n", c.combined_count, c.max_combined);
	return 0;
}

static int offload(char **argv)
{
	static const uint32_t all[] = { ETHTOOL_STXCSUM, ETHTOOL_SSG, ETHTOOL_STSO, ETHTOOL_SGSO };
	bool on = !strcmp(argv[3], "on");

	for (size_t i = 0; i < sizeof(all) / sizeof(*all); i++) {
		/* what stands on others goes first */
		uint32_t cmd = all[on ? i : sizeof(all) / sizeof(*all) - 1 - i];
		struct ethtool_value value = { .cmd = cmd, .data = on };

		if (!ethtool(argv[2], &value))
			die("offload");
	}
	return 0;
}

int main(int argc, char **argv)
{
	const char *command = argc > 2 ? argv[1] : "";

	setvbuf(stdout, NULL, _IOLBF, 0);
	if (!strcmp(command, "serve") || !strcmp(command, "service"))
		serve(atoi(argv[2]), !strcmp(command, "service"));
	if (!strcmp(command, "sweep") && argc == 8)
		return sweep(argv);
	if (!strcmp(command, "send") && argc >= 5)
		return streams(argv, argc, send_stream);
	if (!strcmp(command, "receive") && argc >= 5)
		return streams(argv, argc, receive_stream);
	if (!strcmp(command, "rtt") && argc == 5)
		return timed(argv, atoi(argv[3]), 1, 1);
	if (!strcmp(command, "bulk") && argc == 5)
		return timed(argv, atoi(argv[3]) + 3, MIB / PIECE, PIECE);
	if (!strcmp(command, "flood") && argc == 6)
		return flood(argv);
	if (!strcmp(command, "channels") && argc == 4)
		return channels(argv);
	if (!strcmp(command, "offload") && argc == 4)
		return offload(argv);
	printf("netpeer: what is '%s'?\n", command);
	return 2;
}
