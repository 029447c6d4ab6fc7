// SPDX-License-Identifier: GPL-2.0-only
/*
 * The holder's socket: the input is a script of what its clients do (attach, type, watch, ask
 * for affinity, send anything, read nothing, go), and of what the guest writes and takes.
 *
 * Whatever they do, the holder waits for none of them; one at most has the console, and what
 * it is sent is what the guest wrote, in order, or it is told how much it missed.
 */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "console.h"
#include "softcpu.h"
#include "wire.h"

#define CHECK(x) do { if (!(x)) abort(); } while (0)

static const uint8_t *at;
static size_t left;

static uint8_t byte(void)
{
	if (!left)
		return 0;
	left--;
	return *at++;
}

/* Nobody's affinity is changed by this. */
int __wrap_sched_setaffinity(pid_t pid, size_t size, const cpu_set_t *set);
int __wrap_sched_setaffinity(pid_t pid, size_t size, const cpu_set_t *set)
{
	if (byte() & 1)
		return 0;
	errno = EINVAL;
	return -1;
}

/**
 * struct world
 * @peers: clients' ends, -1: none
 * @guest: the guest's end of the console
 * @wrote: bytes of it, which count up
 */
struct world {
	struct console console;
	struct softcpus soft;
	int peers[CONSOLE_CLIENTS];
	int guest;
	uint64_t wrote;
};

static void serve_affinity(void *soft, int fd, const struct wire *wire)
{
	if (wire->head.type == WIRE_AFFINITY)
		softcpus_serve(soft, fd, wire);
}

/* As accept_client() leaves it. */
static void come(struct world *w, unsigned int n)
{
	int pair[2];

	if (w->console.clients[n].fd >= 0)
		return;
	if (w->peers[n] >= 0)
		close(w->peers[n]);
	CHECK(!socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair));
	w->console.clients[n] = (struct console_client) { .fd = pair[0] };
	w->peers[n] = pair[1];
}

static void go(struct world *w, unsigned int n)
{
	if (w->peers[n] >= 0)
		close(w->peers[n]);
	w->peers[n] = -1;
}

static void say(struct world *w, unsigned int n)
{
	struct {
		struct wire_head head;
		uint8_t data[sizeof(struct wire_affinity) + 8];
	} message = { .head.type = byte() % 16 };
	size_t size = sizeof(message.head);
	uint8_t what = byte();

	if (w->peers[n] < 0)
		return;
	message.head.code = what & 1 ? byte() : WIRE_VERSION;
	message.head.flags = byte() & 7;
	message.head.id = what & 2 ? byte() : 0;
	for (unsigned int i = 0; i < sizeof(message.data); i++)
		message.data[i] = byte();
	/* the sets' upper ends are zeros, mostly */
	if (message.head.type == WIRE_AFFINITY && !(what & 4)) {
		memset(message.data + 1, 0, 3);
		message.data[0] %= 3;
		size += sizeof(struct wire_affinity);
	} else {
		size += byte() % (sizeof(message.data) + 1);
	}
	if (what & 8)
		size = byte() % sizeof(message.head);
	(void)send(w->peers[n], &message, size, MSG_DONTWAIT | MSG_NOSIGNAL);
}

static void hear(struct world *w, unsigned int n)
{
	struct wire wire;

	while (w->peers[n] >= 0 && wire_receive(w->peers[n], &wire) == 1)
		CHECK(wire.size <= WIRE_DATA_MAX && wire.data[wire.size] == '\0');
}

static void guest_writes(struct world *w)
{
	uint8_t text[1024];
	size_t size = 1 + 4 * byte();

	for (size_t i = 0; i < size; i++)
		text[i] = (uint8_t)(w->wrote + i);
	if (w->guest >= 0 && send(w->guest, text, size, MSG_DONTWAIT | MSG_NOSIGNAL) > 0)
		w->wrote += size;
}

static void guest_takes(struct world *w)
{
	char text[512];

	if (w->guest >= 0)
		(void)!recv(w->guest, text, 1 + byte(), MSG_DONTWAIT);
}

static void serve(struct world *w)
{
	struct pollfd fds[CONSOLE_POLLFDS];
	unsigned int types = 0;

	console_poll(&w->console, fds);
	CHECK(poll(fds, CONSOLE_POLLFDS, 0) >= 0);
	console_serve(&w->console, fds);
	for (int i = 0; i < CONSOLE_CLIENTS; i++) {
		const struct console_client *c = &w->console.clients[i];

		types += c->fd >= 0 && c->types && !c->deaf;
		CHECK(c->fd < 0 || c->at <= w->console.written);
	}
	CHECK(types <= 1 && w->console.input_size <= sizeof(w->console.input));
}

static void begin(struct world *w)
{
	struct error error = { 0 };
	int pair[2];

	memset(w, 0, sizeof(*w));
	CHECK(!socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair));
	CHECK(!console_init(&w->console, pair[0], -1, -1, &error));
	softcpus_init(&w->soft);
	w->soft.tids[0] = gettid();
	w->console.asked = serve_affinity;
	w->console.asked_arg = &w->soft;
	w->guest = pair[1];
	for (int i = 0; i < CONSOLE_CLIENTS; i++)
		w->peers[i] = -1;
}

static void end(struct world *w, int device)
{
	const struct wire_head head = { .type = WIRE_ENDED };

	console_end(&w->console, &head, "the end");
	serve(w);
	for (unsigned int i = 0; i < CONSOLE_CLIENTS; i++) {
		hear(w, i);
		go(w, i);
	}
	serve(w);
	console_free(&w->console);
	softcpus_end(&w->soft);
	close(device);
	if (w->guest >= 0)
		close(w->guest);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct world w;
	int device;

	at = data;
	left = size;
	begin(&w);
	device = w.console.device;
	while (left) {
		uint8_t what = byte();
		unsigned int n = what >> 4 & (CONSOLE_CLIENTS - 1);

		switch (what & 15) {
		case 0 ... 2:
			come(&w, n);
			break;
		case 3:
			go(&w, n);
			break;
		case 4 ... 7:
			say(&w, n);
			break;
		case 8:
			hear(&w, n);
			break;
		case 9:
			guest_writes(&w);
			break;
		case 10:
			guest_takes(&w);
			break;
		case 11:
			softcpus_tick(&w.soft);
			break;
		default:
			serve(&w);
		}
	}
	end(&w, device);
	return 0;
}
