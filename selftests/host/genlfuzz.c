// SPDX-License-Identifier: GPL-2.0-only
/*
 * The module's control from below, fuzzed by its structure: random requests of all commands,
 * with the attributes that these have, of the right kind and size mostly, nested where they
 * are to be, on a domain with devices; some with one thing wrong. As KTAP.
 *
 *	genlfuzz [N [SEED]]
 *
 * Each request is answered, and a refusal has a text; the domain is there as long as its file
 * is, and nothing of its is left then.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <errno.h>
#include <fcntl.h>
#include <linux/domus.h>
#include <net/if.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "messages.h"

#define MIB	(1UL << 20)
#define BATCH	500		/* requests to one domain */

static uint64_t state;

static uint64_t rnd(void)
{
	uint64_t z = state += 0x9e3779b97f4a7c15;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
	z = (z ^ z >> 27) * 0x94d049bb133111eb;
	return z ^ z >> 31;
}

static uint64_t below(uint64_t n) { return rnd() % n; }

/* ---- 1. Attributes ---------------------------------------------------------------- */

enum kind { END, U8, U32, U64, FLAG, NAME, TEXT, FD, MAC, IFNAME, FDS, SLOT, DEV, PORT, VCPU };

/* struct attr - @most: of a number, what is mostly not exceeded */
struct attr {
	uint16_t type;
	uint8_t kind;
	uint64_t most;
};

static const struct attr slot_attrs[] = {
	{ DOMUS_A_SLOT_GPA, U64, 0 }, { DOMUS_A_SLOT_SIZE, U64, 0 },
	{ DOMUS_A_SLOT_HVA, U64, 0 }, { },
};

static const struct attr port_attrs[] = {
	{ DOMUS_A_PORT_NAME, NAME, 0 }, { DOMUS_A_PORT_FD, FD, 0 },
	{ DOMUS_A_PORT_TERMINAL, FLAG, 0 }, { },
};

static const struct attr vcpu_attrs[] = {
	{ DOMUS_A_VCPU_ID, U32, 5 }, { DOMUS_A_VCPU_WANTED, U8, 2 }, { },
};

static const struct attr dev_attrs[] = {
	{ DOMUS_A_DEV_NAME, NAME, 0 }, { DOMUS_A_DEV_KIND, U32, DOMUS_DEV_KIND_MAX + 1 },
	{ DOMUS_A_DEV_FD, FD, 0 }, { DOMUS_A_DEV_FLAGS, U32, 64 }, { DOMUS_A_DEV_SERIAL, TEXT, 0 },
	{ DOMUS_A_DEV_QUEUES, U32, 20 }, { DOMUS_A_DEV_QUEUE_SIZE, U32, 2048 },
	{ DOMUS_A_DEV_SIZE, U64, 4 * MIB }, { DOMUS_A_DEV_RATE_BYTES, U64, 1UL << 40 },
	{ DOMUS_A_DEV_RATE_OPS, U64, 1UL << 40 }, { DOMUS_A_DEV_RATE_BURST_MS, U32, 65000 },
	{ DOMUS_A_DEV_TIMEOUT_MS, U32, 3 }, { DOMUS_A_DEV_FORCE, FLAG, 0 },
	{ DOMUS_A_DEV_RESIZE, FLAG, 0 }, { DOMUS_A_DEV_AGAIN, FLAG, 0 },
	{ DOMUS_A_DEV_MAC, MAC, 0 }, { DOMUS_A_DEV_IFNAME, IFNAME, 0 },
	{ DOMUS_A_DEV_MTU, U32, 70000 }, { DOMUS_A_DEV_REPORTING, FLAG, 0 },
	{ DOMUS_A_DEV_TARGET, U64, 5 * MIB }, { DOMUS_A_DEV_STATS, FLAG, 0 },
	{ DOMUS_A_DEV_PORT, PORT, 0 }, { DOMUS_A_DEV_COLS, U32, 300 },
	{ DOMUS_A_DEV_ROWS, U32, 300 }, { DOMUS_A_DEV_CID, U64, 100 },
	{ DOMUS_A_DEV_EVENTFDS, FDS, 0 }, { DOMUS_A_DEV_FEATURES, U64, 0 }, { },
};

static const struct attr attrs[] = {
	{ DOMUS_A_NAME, NAME, 0 }, { DOMUS_A_ID, U32, 4 }, { DOMUS_A_FD, FD, 0 },
	{ DOMUS_A_VCPUS, U32, 66 }, { DOMUS_A_VCPUS_WANTED, U32, 66 },
	{ DOMUS_A_MEMORY, SLOT, 0 }, { DOMUS_A_ABI_GUEST, U32, 0 }, { DOMUS_A_FEATURES, U64, 0 },
	{ DOMUS_A_START_RIP, U64, 0 }, { DOMUS_A_START_RSI, U64, 0 }, { DOMUS_A_ROOT_GPA, U64, 0 },
	{ DOMUS_A_HYPERCALL_GPA, U64, 0 }, { DOMUS_A_VCPU_PAGE_GPA, U64, 0 },
	{ DOMUS_A_EVENT_PAGE_GPA, U64, 0 }, { DOMUS_A_REASON, TEXT, 0 },
	{ DOMUS_A_VCPU, VCPU, 0 }, { DOMUS_A_DEV, DEV, 0 }, { },
};

#define BIT_OF(type)	(1ULL << (type))
#define WHICH		BIT_OF(DOMUS_A_NAME)

/* What a command has, mostly; of DEV, too. */
static const struct command {
	uint8_t number;
	uint64_t has;
	uint64_t dev;
} commands[] = {
	{ DOMUS_CMD_INFO_GET, 0, 0 },
	{ DOMUS_CMD_DOMAIN_NEW, WHICH | BIT_OF(DOMUS_A_FD) | BIT_OF(DOMUS_A_VCPUS) |
	  BIT_OF(DOMUS_A_MEMORY), 0 },
	{ DOMUS_CMD_DOMAIN_START, WHICH | BIT_OF(DOMUS_A_ABI_GUEST) | BIT_OF(DOMUS_A_FEATURES) |
	  BIT_OF(DOMUS_A_START_RIP) | BIT_OF(DOMUS_A_START_RSI) | BIT_OF(DOMUS_A_ROOT_GPA) |
	  BIT_OF(DOMUS_A_HYPERCALL_GPA) | BIT_OF(DOMUS_A_VCPU_PAGE_GPA) |
	  BIT_OF(DOMUS_A_EVENT_PAGE_GPA), 0 },
	{ DOMUS_CMD_DOMAIN_RESET, WHICH, 0 },
	{ DOMUS_CMD_DOMAIN_GET, WHICH, 0 },
	{ DOMUS_CMD_VCPU_GET, WHICH, 0 },
	{ DOMUS_CMD_DEV_GET, WHICH, 0 },
	{ DOMUS_CMD_VCPU_SET, WHICH | BIT_OF(DOMUS_A_VCPU), 0 },
	{ DOMUS_CMD_DEV_NEW, WHICH | BIT_OF(DOMUS_A_DEV), BIT_OF(DOMUS_A_DEV_NAME) |
	  BIT_OF(DOMUS_A_DEV_KIND) },
	{ DOMUS_CMD_DEV_NEW, WHICH | BIT_OF(DOMUS_A_DEV), BIT_OF(DOMUS_A_DEV_NAME) |
	  BIT_OF(DOMUS_A_DEV_KIND) | BIT_OF(DOMUS_A_DEV_FD) },
	{ DOMUS_CMD_DEV_NEW, WHICH | BIT_OF(DOMUS_A_DEV), BIT_OF(DOMUS_A_DEV_NAME) |
	  BIT_OF(DOMUS_A_DEV_KIND) | BIT_OF(DOMUS_A_DEV_MAC) | BIT_OF(DOMUS_A_DEV_IFNAME) },
	{ DOMUS_CMD_DEV_NEW, WHICH | BIT_OF(DOMUS_A_DEV), BIT_OF(DOMUS_A_DEV_NAME) |
	  BIT_OF(DOMUS_A_DEV_KIND) | BIT_OF(DOMUS_A_DEV_PORT) },
	{ DOMUS_CMD_DEV_NEW, WHICH | BIT_OF(DOMUS_A_DEV), BIT_OF(DOMUS_A_DEV_NAME) |
	  BIT_OF(DOMUS_A_DEV_KIND) | BIT_OF(DOMUS_A_DEV_CID) | BIT_OF(DOMUS_A_DEV_EVENTFDS) },
	{ DOMUS_CMD_DEV_DEL, WHICH | BIT_OF(DOMUS_A_DEV), BIT_OF(DOMUS_A_DEV_NAME) |
	  BIT_OF(DOMUS_A_DEV_FORCE) },
	{ DOMUS_CMD_DEV_SET, WHICH | BIT_OF(DOMUS_A_DEV), BIT_OF(DOMUS_A_DEV_NAME) |
	  BIT_OF(DOMUS_A_DEV_RATE_BYTES) },
	{ DOMUS_CMD_DEV_SET, WHICH | BIT_OF(DOMUS_A_DEV), BIT_OF(DOMUS_A_DEV_NAME) |
	  BIT_OF(DOMUS_A_DEV_TARGET) },
	{ DOMUS_CMD_DOMAIN_DEL, WHICH | BIT_OF(DOMUS_A_REASON), 0 },
};

#define COMMANDS (sizeof(commands) / sizeof(*commands))

/* ---- 2. Values ----------------------------------------------------------------------- */

static int files[8];		/* of all kinds; the first one is the domain's */
static char *memory;

static uint64_t number(uint64_t most)
{
	static const uint64_t edges[] = {
		0, 1, 2, 3, 4095, 4096, MIB, 2 * MIB, 4 * MIB, INT32_MAX, UINT32_MAX,
		1UL << 52, INT64_MAX, UINT64_MAX, UINT64_MAX - 4095, 1UL << 47,
	};

	if (most && below(8))
		return below(most);
	switch (below(4)) {
	case 0:
		return (uintptr_t)memory + (below(4) << 12);
	case 1:
		return below(1024) << 12;
	default:
		return edges[below(sizeof(edges) / sizeof(*edges))];
	}
}

static const char *name_of(const char *const *names, size_t n)
{
	static char text[300];

	if (below(16))
		return names[below(n)];
	memset(text, 0, sizeof(text));
	memset(text, below(2) ? 'a' : (int)below(256), below(sizeof(text) - 1));
	return text;
}

static void add(struct message *m, const struct attr *a, uint64_t dev);

/* One of a table: those of @has, others now and then. */
static void add_all(struct message *m, const struct attr *table, uint64_t has, uint64_t dev)
{
	for (; table->type; table++) {
		bool there = has & BIT_OF(table->type) ? below(32) : !below(24);

		while (there && m->nh.nlmsg_len < 2000) {
			add(m, table, dev);
			there = !below(24);
		}
	}
}

static void add_nest(struct message *m, const struct attr *a, const struct attr *table,
		     uint64_t has)
{
	struct message inner = begin(0, 0, 0);

	add_all(&inner, table, has, 0);
	put(m, a->type | (below(32) ? NLA_F_NESTED : 0), inner.data,
	    inner.nh.nlmsg_len - NLMSG_HDRLEN - GENL_HDRLEN);
}

static void add(struct message *m, const struct attr *a, uint64_t dev)
{
	static const char *const names[] = { "fuzz", "a", "b", "c", "d", "none" };
	static const char *const ifnames[] = { "fuzz0", "fuzz%d", "lo", "fuzz1" };
	static const uint8_t sizes[] = {
		[U8] = 1, [U32] = 4, [FD] = 4, [U64] = 8, [FLAG] = 0, [MAC] = 6,
	};
	uint64_t value = number(a->most);
	uint32_t fds[DOMUS_DEV_EVENTFDS];
	size_t size;

	if (a->kind == FD)
		value = below(16) ? (uint64_t)files[below(8)] : number(0);
	switch (a->kind) {
	case NAME:
		put_text(m, a->type, a->type == DOMUS_A_NAME && m->nh.nlmsg_type && below(16) ?
			 "fuzz" : name_of(names, 6));
		break;
	case TEXT:
		put_text(m, a->type, name_of(names, 6));
		break;
	case IFNAME:
		put_text(m, a->type, name_of(ifnames, 4));
		break;
	case FDS:
		for (size_t i = 0; i < DOMUS_DEV_EVENTFDS; i++)
			fds[i] = (uint32_t)files[below(4) ? 7 : below(8)];
		put(m, a->type, fds, sizeof(fds));
		break;
	case SLOT:
		add_nest(m, a, slot_attrs, ~0ULL);
		break;
	case PORT:
		add_nest(m, a, port_attrs, BIT_OF(DOMUS_A_PORT_NAME) | BIT_OF(DOMUS_A_PORT_FD));
		break;
	case VCPU:
		add_nest(m, a, vcpu_attrs, ~0ULL);
		break;
	case DEV:
		add_nest(m, a, dev_attrs, dev);
		break;
	default:
		/* of another size, now and then */
		size = below(64) ? sizes[a->kind] : below(8);
		if (a->kind == MAC)
			value = below(8) ? 2 | value << 8 : value;
		put(m, a->type, &value, size);
	}
}

/* ---- 3. Requests ------------------------------------------------------------------------- */

static struct message request(void)
{
	/* the last one is the end of the domain, and what comes behind it finds it dead */
	const struct command *c = &commands[below(1024) ? below(COMMANDS - 1) : COMMANDS - 1];
	struct message m = begin(family, c->number, 0);
	bool gets = c->number == DOMUS_CMD_DOMAIN_GET || c->number == DOMUS_CMD_VCPU_GET ||
		    c->number == DOMUS_CMD_DEV_GET;
	size_t bytes;

	if (gets && below(4) == 0)
		m.nh.nlmsg_flags |= NLM_F_DUMP;
	add_all(&m, attrs, c->has, c->dev);
	if (!below(64))
		m.gh.cmd = (uint8_t)below(DOMUS_CMD_MAX + 3);
	if (!below(64))
		m.gh.version = (uint8_t)below(256);
	bytes = m.nh.nlmsg_len - NLMSG_HDRLEN - GENL_HDRLEN;
	if (bytes && !below(32))
		m.data[below(bytes)] ^= (char)(1 << below(8));
	if (bytes && !below(64))
		m.nh.nlmsg_len -= (uint32_t)below(bytes);
	return m;
}

static int listener(void)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	return bind(fd, (struct sockaddr *)&address, sizeof(address.sun_family)) ||
	       listen(fd, 1) ? -1 : fd;
}

static bool open_files(void)
{
	files[0] = open("/dev/domus", O_RDWR | O_NONBLOCK | O_CLOEXEC);
	files[1] = memfd_create("image", MFD_CLOEXEC);
	files[2] = listener();
	files[3] = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	files[4] = open("/dev/null", O_RDWR | O_CLOEXEC);
	files[5] = open("/dev/domus", O_RDWR | O_NONBLOCK | O_CLOEXEC);
	files[6] = sock;
	files[7] = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	for (int i = 0; i < 8; i++)
		if (files[i] < 0)
			return false;
	return !ftruncate(files[1], (off_t)MIB);
}

static int make_domain(void)
{
	struct message m = begin(family, DOMUS_CMD_DOMAIN_NEW, 0), slot = begin(0, 0, 0);
	static struct answer answer;

	put64(&slot, DOMUS_A_SLOT_GPA, 0);
	put64(&slot, DOMUS_A_SLOT_SIZE, 4 * MIB);
	put64(&slot, DOMUS_A_SLOT_HVA, (uintptr_t)memory);
	put32(&m, DOMUS_A_FD, (uint32_t)files[0]);
	put_text(&m, DOMUS_A_NAME, "fuzz");
	put32(&m, DOMUS_A_VCPUS, 4);
	put(&m, DOMUS_A_MEMORY | NLA_F_NESTED, slot.data,
	    slot.nh.nlmsg_len - NLMSG_HDRLEN - GENL_HDRLEN);
	return talk(&m, &answer);
}

static unsigned int done, refusals, silent, mute;

static void one_request(unsigned int n)
{
	struct message m = request();
	static struct answer answer;
	int err = talk(&m, &answer);

	if (err == -EPIPE) {
		silent++;
		printf("# request %u, command %u: no answer\n", n, m.gh.cmd);
	} else if (err && !*answer.text && m.gh.cmd && m.gh.cmd <= DOMUS_CMD_MAX) {
		/* the kernel's own have none for a command that there is not */
		mute += err != -EOPNOTSUPP;
		if (err != -EOPNOTSUPP)
			printf("# request %u, command %u: %s\n", n, m.gh.cmd, strerror(-err));
	}
	done += !err;
	refusals += !!err;
}

static bool gone(void)
{
	struct message all = begin(family, DOMUS_CMD_DOMAIN_GET, NLM_F_DUMP);
	static struct answer answer;

	return !talk(&all, &answer) && !answer.messages && !if_nametoindex("fuzz0") &&
	       !if_nametoindex("fuzz1");
}

int main(int argc, char **argv)
{
	unsigned int n = argc > 1 ? (unsigned int)atoi(argv[1]) : 5000, left = 0, i;
	unsigned int seed = argc > 2 ? (unsigned int)atoi(argv[2]) : 1;

	puts("KTAP version 1");
	printf("# seed %u\n", seed);
	state = seed;
	sock = open_socket();
	memory = mmap(NULL, 4 * MIB, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (memory == MAP_FAILED || !resolve()) {
		puts("Bail out! no module, or no root");
		return 1;
	}
	for (i = 0; i < n; i++) {
		if (i % BATCH == 0 && (!open_files() || make_domain())) {
			puts("Bail out! no domain");
			return 1;
		}
		one_request(i);
		if (i % BATCH != BATCH - 1 && i != n - 1)
			continue;
		for (int f = 0; f < 8; f++)
			if (files[f] != sock)
				close(files[f]);
		left += !gone();
	}
	ok(!silent, "%u requests: %u done, %u refused, all were answered", n, done, refusals);
	ok(!mute, "refusals have a text: %u have none", mute);
	ok(done > n / 50 && refusals > n / 50, "some are done, some are refused");
	ok(!left, "nothing is left of a domain, %u times something was", left);
	printf("1..%d\n", results);
	return failures != 0;
}
