/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Extended acknowledgments: what the kernel says of a refusal besides its errno. libnl
 * 3.7 knows nothing of them: they are switched on and read here.
 */
#ifndef DOMCTL_EXTACK_H
#define DOMCTL_EXTACK_H

#include <linux/netlink.h>
#include <netlink/attr.h>
#include <netlink/netlink.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/**
 * struct extack - what one refusal says; pointers into its message
 * @text: or NULL
 * @offset: into the request, of the attribute that it is about; -1: not said
 * @policy: that was broken, or NULL
 * @cookie: numbers that the text is about, or NULL
 */
struct extack {
	const char *text;
	int64_t offset;
	const struct nlattr *policy;
	const struct nlattr *cookie;
};

/* Ask for them. A refusal without has fewer words, so whether it works does not matter. */
void extack_enable(struct nl_sock *sock);

/* Of an error message, NLMSG_ERROR. */
void extack_of_error(const struct nlmsghdr *nlh, struct extack *e);

/* Of the end of a dump, NLMSG_DONE, which has its result in front. */
void extack_of_done(const struct nlmsghdr *nlh, struct extack *e);

/**
 * extack_details() - the numbers of a refusal, to put behind its text
 * @text: " (1 to 64)" of a policy, " (1000 and 512 bytes)" of a cookie, or ""
 */
void extack_details(const struct extack *e, char *text, size_t size);

#endif /* DOMCTL_EXTACK_H */
