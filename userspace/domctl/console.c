// SPDX-License-Identifier: GPL-2.0-only
/*
 * console.c: the holder's end of a console.
 *
 *   1. from the guest: history and log
 *   2. to the guest
 *   3. clients: coming, going, output, input
 *   4. polling
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "console.h"

/* Bytes that one call moves at most, so that nobody else waits for long. */
#define BURST (64 * 1024)

int console_init(struct console *c, int device, int listen, int log, struct error *error)
{
	*c = (struct console) { .device = device, .listen = listen, .log = log };
	for (int i = 0; i < CONSOLE_CLIENTS; i++)
		c->clients[i].fd = -1;
	c->history = malloc(CONSOLE_HISTORY);
	if (!c->history)
		return error_set(error, EXIT_REFUSED, "console", "no memory");
	return 0;
}

void console_free(struct console *c)
{
	for (int i = 0; i < CONSOLE_CLIENTS; i++)
		if (c->clients[i].fd >= 0)
			close(c->clients[i].fd);
	free(c->history);
	c->history = NULL;
}

/* ---- 1. From the guest ---------------------------------------------------- */

static void remember(struct console *c, const char *data, size_t size)
{
	while (size) {
		size_t offset = c->written % CONSOLE_HISTORY;
		size_t n = CONSOLE_HISTORY - offset;

		if (n > size)
			n = size;
		memcpy(c->history + offset, data, n);
		c->written += n;
		data += n;
		size -= n;
	}
}

static void write_log(struct console *c, const char *data, size_t size)
{
	while (size && c->log >= 0) {
		ssize_t n = write(c->log, data, size);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0) {
			/* The domain goes on; create tells of it when it ends. */
			c->log_error = errno;
			close(c->log);
			c->log = -1;
			return;
		}
		data += n;
		size -= (size_t)n;
	}
}

/* Return: whether there may be more. */
static bool read_guest(struct console *c)
{
	char data[WIRE_DATA_MAX];

	for (size_t total = 0; total < BURST;) {
		ssize_t n = read(c->device, data, sizeof(data));

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EAGAIN)
			return false;
		if (n <= 0) {
			/* Dead and all read. The file stays open: it is the domain. */
			c->device = -1;
			return false;
		}
		remember(c, data, (size_t)n);
		write_log(c, data, (size_t)n);
		total += (size_t)n;
	}
	return true;
}

/* ---- 2. To the guest ------------------------------------------------------ */

static void write_guest(struct console *c)
{
	ssize_t n;

	if (!c->input_size || c->device < 0)
		return;
	n = write(c->device, c->input, c->input_size);
	if (n < 0 && errno != EAGAIN && errno != EINTR)
		n = (ssize_t)c->input_size;	/* nobody is there to take it */
	if (n > 0) {
		c->input_size -= (size_t)n;
		memmove(c->input, c->input + n, c->input_size);
	}
}

/* ---- 3. Clients ----------------------------------------------------------- */

static void drop(struct console_client *client)
{
	close(client->fd);
	*client = (struct console_client) { .fd = -1 };
}

static void answer(struct console_client *client, uint32_t type)
{
	const struct wire_head head = { .type = type };

	(void)wire_send(client->fd, &head, NULL, 0);
}

static bool has_gone(const struct console_client *client)
{
	struct pollfd fd = { .fd = client->fd };

	return client->deaf || (poll(&fd, 1, 0) == 1 && fd.revents & POLLHUP);
}

/* The place of the first one who has gone, whose words the guest does not take; or NULL. */
static struct console_client *take_place(struct console *c)
{
	struct console_client *oldest = NULL;

	for (int i = 0; i < CONSOLE_CLIENTS; i++) {
		struct console_client *at = &c->clients[i];

		if (at->types && (!oldest || at->turn < oldest->turn) && has_gone(at))
			oldest = at;
	}
	if (oldest)
		drop(oldest);
	return oldest;
}

static void accept_client(struct console *c)
{
	struct console_client *place = NULL;
	int fd = accept4(c->listen, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

	if (fd < 0)
		return;
	for (int i = 0; i < CONSOLE_CLIENTS && !place; i++)
		if (c->clients[i].fd < 0)
			place = &c->clients[i];
	if (!place)
		place = take_place(c);
	if (!place) {
		const struct wire_head head = { .type = WIRE_BUSY };

		(void)wire_send(fd, &head, NULL, 0);
		close(fd);
		return;
	}
	*place = (struct console_client) { .fd = fd };
}

static void attach(struct console *c, struct console_client *client, const struct wire *wire)
{
	struct console_client *other = NULL;

	if (wire->head.code != WIRE_VERSION) {
		answer(client, WIRE_OTHER);
		drop(client);
		return;
	}
	for (int i = 0; i < CONSOLE_CLIENTS; i++) {
		struct console_client *at = &c->clients[i];

		if (at->fd < 0 || !at->types)
			continue;
		/* who has gone has the console no more, though not all was read of him */
		at->deaf = has_gone(at);
		if (!at->deaf)
			other = at;
	}
	if (!(wire->head.flags & WIRE_WATCH)) {
		if (other && !(wire->head.flags & WIRE_FORCE)) {
			answer(client, WIRE_BUSY);
			drop(client);
			return;
		}
		if (other) {
			answer(other, WIRE_TAKEN);
			drop(other);
		}
		client->types = true;
		client->turn = c->turns++;
	}
	client->greeted = true;
	client->at = c->written > CONSOLE_HISTORY ? c->written - CONSOLE_HISTORY : 0;
	answer(client, WIRE_ATTACHED);
}

static void read_client(struct console *c, struct console_client *client)
{
	struct wire wire;
	int result = wire_receive(client->fd, &wire);

	if (result < 0)
		return;
	if (!result) {
		drop(client);
		return;
	}
	if (!client->greeted && wire.head.type == WIRE_ATTACH) {
		attach(c, client, &wire);
	} else if (!client->greeted && c->asked) {
		c->asked(c->asked_arg, client->fd, &wire);
		drop(client);
	} else if (client->types && wire.head.type == WIRE_INPUT &&
		   wire.size <= sizeof(c->input) - c->input_size) {
		memcpy(c->input + c->input_size, wire.data, wire.size);
		c->input_size += wire.size;
		write_guest(c);
	}
}

/* What was overwritten before the client had it is named, not skipped in silence. */
static int tell_loss(struct console *c, struct console_client *client)
{
	const struct wire_head head = { .type = WIRE_OUTPUT };
	uint64_t oldest = c->written > CONSOLE_HISTORY ? c->written - CONSOLE_HISTORY : 0;
	char text[80];
	int n;

	if (client->at >= oldest)
		return 0;
	n = snprintf(text, sizeof(text), "\r\n[domctl: %" PRIu64 " bytes lost]\r\n",
		     oldest - client->at);
	if (wire_send(client->fd, &head, text, (size_t)n))
		return -1;
	client->at = oldest;
	return 0;
}

/* Sends what is there until the socket is full. */
static void write_client(struct console *c, struct console_client *client)
{
	const struct wire_head head = { .type = WIRE_OUTPUT };

	if (tell_loss(c, client))
		goto failed;
	while (client->at < c->written) {
		size_t offset = client->at % CONSOLE_HISTORY;
		size_t n = CONSOLE_HISTORY - offset;

		if (n > c->written - client->at)
			n = c->written - client->at;
		if (n > WIRE_DATA_MAX)
			n = WIRE_DATA_MAX;
		if (wire_send(client->fd, &head, c->history + offset, n))
			goto failed;
		client->at += n;
	}
	if (!client->replayed) {
		const struct wire_head replayed = { .type = WIRE_REPLAYED };

		if (wire_send(client->fd, &replayed, NULL, 0))
			goto failed;
		client->replayed = true;
	}
	if (c->ended && !client->told) {
		if (wire_send(client->fd, &c->end, c->end_text, strlen(c->end_text)))
			goto failed;
		client->told = true;
	}
	return;
failed:
	if (errno == EAGAIN || errno == ENOBUFS)
		return;
	/* who has typed and gone: the end of that is seen by who reads it */
	if (client->types)
		client->deaf = true;
	else
		drop(client);
}

/* ---- 4. Polling ----------------------------------------------------------- */

static bool has_news(const struct console *c, const struct console_client *client)
{
	return client->greeted && !client->deaf &&
	       (!client->replayed || client->at < c->written || (c->ended && !client->told));
}

/*
 * Room for a whole message of who types: what was received must not be dropped. Those who
 * have gone are heard to their end, in turn, before who has the console now.
 */
static bool may_read(const struct console *c, const struct console_client *client)
{
	if (!client->types)
		return true;
	for (int i = 0; i < CONSOLE_CLIENTS; i++)
		if (c->clients[i].types && c->clients[i].turn < client->turn)
			return false;
	return sizeof(c->input) - c->input_size >= WIRE_DATA_MAX;
}

void console_poll(const struct console *c, struct pollfd *fds)
{
	fds[0] = (struct pollfd) {
		.fd = c->device,
		.events = (short)(POLLIN | (c->input_size ? POLLOUT : 0)),
	};
	fds[1] = (struct pollfd) { .fd = c->listen, .events = POLLIN };
	for (int i = 0; i < CONSOLE_CLIENTS; i++) {
		const struct console_client *client = &c->clients[i];
		int events = (may_read(c, client) ? POLLIN : 0) |
			     (has_news(c, client) ? POLLOUT : 0);

		/* nothing is wanted of it: poll() would still tell, each time, that it has gone */
		fds[2 + i] = (struct pollfd) {
			.fd = events ? client->fd : -1,
			.events = (short)events,
		};
	}
}

void console_serve(struct console *c, const struct pollfd *fds)
{
	if (c->device >= 0 && fds[0].revents & POLLOUT)
		write_guest(c);
	if (c->device >= 0 && fds[0].revents & (POLLIN | POLLHUP | POLLERR))
		(void)read_guest(c);
	for (int i = 0; i < CONSOLE_CLIENTS; i++) {
		struct console_client *client = &c->clients[i];

		/* The place may have been freed, and not taken again, by another's ATTACH. */
		if (client->fd >= 0 && client->fd == fds[2 + i].fd &&
		    fds[2 + i].revents & (POLLIN | POLLHUP | POLLERR) && may_read(c, client))
			read_client(c, client);
		if (client->fd >= 0 && has_news(c, client))
			write_client(c, client);
	}
	/* Last: a new client must not be met with an old one's events. */
	if (fds[1].revents & POLLIN)
		accept_client(c);
}

void console_end(struct console *c, const struct wire_head *end, const char *text)
{
	while (c->device >= 0 && read_guest(c))
		;
	c->device = -1;
	c->input_size = 0;
	if (c->log >= 0)
		close(c->log);
	c->log = -1;
	c->end = *end;
	snprintf(c->end_text, sizeof(c->end_text), "%s", text);
	c->ended = true;
}

bool console_all_told(const struct console *c)
{
	for (int i = 0; i < CONSOLE_CLIENTS; i++)
		if (c->clients[i].fd >= 0 && c->clients[i].greeted && !c->clients[i].deaf &&
		    !c->clients[i].told)
			return false;
	return true;
}
