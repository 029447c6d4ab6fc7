// SPDX-License-Identifier: GPL-2.0-only
/* links: userspace/domctl/extack.c */
/* libs: $(pkg-config --cflags --libs libnl-3.0) */
/*
 * What is read out of extended acknowledgments: made here byte by byte, whole, cut off
 * and damaged.
 */
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "extack.h"
#include "report.h"

/* ---- 1. Messages ---------------------------------------------------------- */

static struct {
	struct nlmsghdr nh;
	char rest[512];
} message;

static void add(const void *data, size_t size)
{
	memcpy((char *)&message + message.nh.nlmsg_len, data, size);
	message.nh.nlmsg_len += (uint32_t)NLMSG_ALIGN(size);
}

static void add_attr(uint16_t type, const void *data, size_t size)
{
	const struct nlattr head = { .nla_type = type, .nla_len = (uint16_t)(NLA_HDRLEN + size) };

	add(&head, sizeof(head));
	if (size)
		add(data, size);
}

/* An error whose request had @payload bytes, which come with it unless it is capped. */
static void begin_error(uint16_t flags, size_t payload)
{
	const struct nlmsgerr nlerr = {
		.error = -EINVAL,
		.msg = { .nlmsg_len = (uint32_t)(NLMSG_HDRLEN + payload) },
	};
	static const char request[64];

	memset(&message, 0, sizeof(message));
	message.nh = (struct nlmsghdr) {
		.nlmsg_len = NLMSG_HDRLEN, .nlmsg_type = NLMSG_ERROR, .nlmsg_flags = flags,
	};
	add(&nlerr, sizeof(nlerr));
	if (!(flags & NLM_F_CAPPED))
		add(request, payload);
}

static struct extack read_error(void)
{
	/* of its own size, so that reading behind its end is seen */
	struct nlmsghdr *copy = malloc(message.nh.nlmsg_len);
	static char kept[sizeof(message)];
	struct extack e;

	memcpy(copy, &message, message.nh.nlmsg_len);
	extack_of_error(copy, &e);
	if (e.text) {
		snprintf(kept, sizeof(kept), "%s", e.text);
		e.text = kept;
	}
	free(copy);
	return e;
}

static bool says(const char *text)
{
	const char *said = read_error().text;

	return text ? said && !strcmp(said, text) : !said;
}

/* ---- 2. Texts --------------------------------------------------------------- */

static void test_texts(void)
{
	const uint16_t capped = NLM_F_ACK_TLVS | NLM_F_CAPPED;
	const uint32_t offset = 20;

	begin_error(capped, 40);
	add_attr(NLMSGERR_ATTR_OFFS, &offset, 4);
	add_attr(NLMSGERR_ATTR_MSG, "no", 3);
	ok(says("no") && read_error().offset == 20, "a text and an offset");
	begin_error(NLM_F_ACK_TLVS, 40);
	add_attr(NLMSGERR_ATTR_MSG, "no", 3);
	ok(says("no") && read_error().offset == -1, "behind the request");
	begin_error(capped, 0);
	ok(says(NULL) && read_error().offset == -1, "no attributes");
	begin_error(NLM_F_CAPPED, 0);
	add_attr(NLMSGERR_ATTR_MSG, "no", 3);
	ok(says(NULL), "attributes, and a header that has none");
	begin_error(capped, 0);
	add_attr(NLMSGERR_ATTR_MSG, "no", 2);
	ok(says(NULL), "a text without an end");
	begin_error(capped, 0);
	add_attr(NLMSGERR_ATTR_MSG, "", 0);
	ok(says(NULL), "a text of no bytes");
	begin_error(capped, 0);
	add_attr(NLMSGERR_ATTR_OFFS, &offset, 2);
	ok(read_error().offset == -1, "half an offset");
	begin_error(capped, 0);
	add_attr(NLMSGERR_ATTR_MSG, "no", 3);
	message.nh.nlmsg_len -= 4;
	ok(says(NULL), "an attribute that is cut off");
	begin_error(NLM_F_ACK_TLVS, 40);
	message.nh.nlmsg_len -= 40;
	ok(says(NULL), "a request that is cut off");
}

/* ---- 3. Numbers ------------------------------------------------------------- */

static bool details(const struct extack *e, const char *expected)
{
	char text[64];

	extack_details(e, text, sizeof(text));
	return !strcmp(text, expected);
}

static bool cookie(const void *data, size_t size, const char *expected)
{
	struct extack e = { .offset = -1 };

	begin_error(NLM_F_CAPPED, 0);
	e.cookie = (const void *)((char *)&message + message.nh.nlmsg_len);
	add_attr(NLMSGERR_ATTR_COOKIE, data, size);
	return details(&e, expected);
}

static void test_numbers(void)
{
	const uint64_t numbers[] = { 1000, 4096, 1 }, most[] = { UINT64_MAX, UINT64_MAX };
	const struct extack none = { .offset = -1 };

	ok(details(&none, ""), "no numbers");
	ok(cookie(numbers, 16, " (1000 and 4096 bytes)"), "two");
	ok(cookie(most, 16, " (18446744073709551615 and 18446744073709551615 bytes)"), "large ones");
	ok(cookie(numbers, 8, "") && cookie(numbers, 0, "") && cookie(numbers, 20, ""),
	   "cookies of other sizes are not ours");
}

int main(void)
{
	puts("KTAP version 1");
	test_texts();
	test_numbers();
	printf("1..%d\n", results);
	return failures != 0;
}
