// SPDX-License-Identifier: GPL-2.0-only
/* wire.c: sending and receiving messages; see wire.h. */
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include "wire.h"

int wire_send(int fd, const struct wire_head *head, const void *data, size_t size)
{
	struct iovec iov[] = {
		{ .iov_base = (void *)(uintptr_t)head, .iov_len = sizeof(*head) },
		{ .iov_base = (void *)(uintptr_t)data, .iov_len = size },
	};
	struct msghdr msg = { .msg_iov = iov, .msg_iovlen = size ? 2 : 1 };
	ssize_t n;

	do
		n = sendmsg(fd, &msg, MSG_NOSIGNAL | MSG_DONTWAIT);
	while (n < 0 && errno == EINTR);
	return n < 0 ? -1 : 0;
}

void wire_fail(int fd, const struct error *error)
{
	const struct wire_head head = {
		.type = WIRE_FAILED,
		.code = (uint32_t)error->status,
	};
	char data[sizeof(error->what) + sizeof(error->why)];
	size_t what = strlen(error->what) + 1;
	size_t why = strlen(error->why);

	memcpy(data, error->what, what);
	memcpy(data + what, error->why, why);
	(void)wire_send(fd, &head, data, what + why);
}

void wire_failure(const struct wire *wire, struct error *error)
{
	const char *what = wire->data;
	size_t length = strnlen(what, wire->size);
	const char *why = length < wire->size ? what + length + 1 : "failed";

	(void)error_set(error, (int)wire->head.code, what, "%s", why);
}

int wire_receive(int fd, struct wire *wire)
{
	struct iovec iov[] = {
		{ .iov_base = &wire->head, .iov_len = sizeof(wire->head) },
		{ .iov_base = wire->data, .iov_len = WIRE_DATA_MAX },
	};
	struct msghdr msg = { .msg_iov = iov, .msg_iovlen = 2 };
	ssize_t n;

	/*
	 * A reset tells that the other side left without reading all that we said;
	 * what it said itself before is still to come.
	 */
	do
		n = recvmsg(fd, &msg, MSG_DONTWAIT);
	while (n < 0 && (errno == EINTR || errno == ECONNRESET));
	if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
		return -1;
	/* No end of ours sends less than a head: treat it as one that is gone. */
	if (n < (ssize_t)sizeof(wire->head))
		return 0;
	wire->size = (size_t)n - sizeof(wire->head);
	wire->data[wire->size] = '\0';
	return 1;
}
