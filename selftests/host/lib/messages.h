/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * messages.h: KTAP, and generic netlink without a library: what is sent is what the
 * test says, however wrong.
 */
#ifndef DOMUS_TEST_MESSAGES_H
#define DOMUS_TEST_MESSAGES_H

#include <linux/domus.h>
#include <linux/genetlink.h>
#include <linux/netlink.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* ---- Reporting ---- */

extern int results, failures;

/* One result. Return: @good */
bool __attribute__((format(printf, 2, 3))) ok(bool good, const char *name, ...);
/* What a child finds out: its exit status. */
bool child_says(bool (*fn)(void *arg), void *arg);

/* ---- Messages ---- */

struct message {
	struct nlmsghdr nh;
	struct genlmsghdr gh;
	char data[8192];
};

/* struct answer - of one request: attributes of the last message, and the verdict */
struct answer {
	int err;		/* negative errno */
	char text[512];		/* of a refusal */
	unsigned int messages;
	char data[65536];
	size_t size;		/* of the attributes in it */
};

extern int sock;		/* of this process */
extern uint16_t family;		/* domus, once resolve() was called */
extern uint32_t group;		/* its events */

/* A request that wants an acknowledgment, without attributes. */
struct message begin(uint16_t type, uint8_t command, uint16_t flags);
void put(struct message *m, uint16_t type, const void *data, size_t size);
void put32(struct message *m, uint16_t type, uint32_t value);
void put64(struct message *m, uint16_t type, uint64_t value);
void put_text(struct message *m, uint16_t type, const char *text);

/* The attribute of that type among @size bytes, or NULL. */
const struct nlattr *find(const char *data, size_t size, uint16_t type);
uint32_t get32(const struct answer *answer, uint16_t type);
const char *get_text(const struct answer *answer, uint16_t type);

int open_socket(void);
bool resolve(void);
/* Send one and read until the verdict. Return: 0 or the negative errno. */
int talk_on(int fd, struct message *m, struct answer *answer);
int talk(struct message *m, struct answer *answer);
/* @size: with what follows @m in one send; only the verdict on @m is read. */
int talk_sized(int fd, struct message *m, size_t size, struct answer *answer);
/*
 * The two halves of it. hear(): -EPIPE: no verdict came; -ENOBUFS may mean that the kernel
 * had no memory for one.
 */
int tell(int fd, struct message *m, size_t size);
int hear(int fd, struct answer *answer);
/* The request must fail so, and say why. */
void refused(struct message *m, int err, const char *name);

#endif /* DOMUS_TEST_MESSAGES_H */
