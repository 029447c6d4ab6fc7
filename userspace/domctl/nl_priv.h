/* SPDX-License-Identifier: GPL-2.0-only */
/* What nl.c and nl_dev.c, the users of libnl, share. */
#ifndef DOMCTL_NL_PRIV_H
#define DOMCTL_NL_PRIV_H

#include <netlink/attr.h>
#include <netlink/msg.h>
#include <netlink/netlink.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "nl.h"

/* An answer's attributes. Return: 0, or -1 to stop reading: no memory. */
typedef int answer_fn(struct nlattr **attrs, void *arg);

/* A message that names a domain (@ref: or none), or NULL: no memory. */
struct nl_msg *control_message(struct control *c, uint8_t command, int flags,
			       const struct control_ref *ref);

/* Gives up a message that could not be filled; control_request() reports it. */
struct nl_msg *control_checked(struct nl_msg *msg, bool failed);

/**
 * control_request() - send, and read answers to the end
 * @msg: consumed; NULL (no memory) is taken, too
 * @what: an error is about
 * @answer: called for each answer with @arg, or NULL
 *
 * Return: 0, or -1 with @error.
 */
int control_request(struct control *c, struct nl_msg *msg, const char *what,
		    answer_fn *answer, void *arg, struct error *error);

/* struct control_items - answers of a dump as they come in; @size: of one */
struct control_items {
	char *items;
	size_t nr;
	size_t room;
	size_t size;
};

/* One more, zeroed, or NULL: no memory. */
void *control_add(struct control_items *list);

static inline uint32_t get_u32(struct nlattr *attr)
{
	return attr && nla_len(attr) >= 4 ? nla_get_u32(attr) : 0;
}

static inline uint64_t get_u64(struct nlattr *attr)
{
	return attr && nla_len(attr) >= 8 ? nla_get_u64(attr) : 0;
}

static inline void get_text(char *to, size_t size, const struct nlattr *attr)
{
	if (attr)
		nla_strlcpy(to, attr, size);
	else
		*to = '\0';
}

#endif /* DOMCTL_NL_PRIV_H */
