// SPDX-License-Identifier: GPL-2.0-only
/* extack.c: extended acknowledgments; see extack.h. */
#include <inttypes.h>
#include <netlink/msg.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "extack.h"

void extack_enable(struct nl_sock *sock)
{
	int fd = nl_socket_get_fd(sock);
	int on = 1;

	(void)setsockopt(fd, SOL_NETLINK, NETLINK_EXT_ACK, &on, sizeof(on));
	(void)setsockopt(fd, SOL_NETLINK, NETLINK_CAP_ACK, &on, sizeof(on));
}

/* The attributes are @skip bytes into the payload. */
static void parse(const struct nlmsghdr *nlh, size_t skip, struct extack *e)
{
	struct nlattr *tb[NLMSGERR_ATTR_MAX + 1] = { NULL };
	const char *data = nlmsg_data(nlh);
	const struct nlattr *text;

	*e = (struct extack) { .offset = -1 };
	if (!(nlh->nlmsg_flags & NLM_F_ACK_TLVS) || skip > (size_t)nlmsg_datalen(nlh) ||
	    nla_parse(tb, NLMSGERR_ATTR_MAX, (struct nlattr *)(uintptr_t)(data + skip),
		      nlmsg_datalen(nlh) - (int)skip, NULL))
		return;
	text = tb[NLMSGERR_ATTR_MSG];
	if (text && memchr(nla_data(text), '\0', (size_t)nla_len(text)))
		e->text = nla_data(text);
	if (tb[NLMSGERR_ATTR_OFFS] && nla_len(tb[NLMSGERR_ATTR_OFFS]) >= 4)
		e->offset = nla_get_u32(tb[NLMSGERR_ATTR_OFFS]);
	e->policy = tb[NLMSGERR_ATTR_POLICY];
	e->cookie = tb[NLMSGERR_ATTR_COOKIE];
}

void extack_of_error(const struct nlmsghdr *nlh, struct extack *e)
{
	const struct nlmsgerr *nlerr = nlmsg_data(nlh);
	size_t skip = sizeof(*nlerr);

	/* Uncapped, the request itself comes before the attributes. */
	if (!(nlh->nlmsg_flags & NLM_F_CAPPED))
		skip += (size_t)nlmsg_datalen(&nlerr->msg);
	parse(nlh, skip, e);
}

void extack_of_done(const struct nlmsghdr *nlh, struct extack *e)
{
	parse(nlh, sizeof(int), e);
}

static void policy_range(const struct nlattr *policy, char *text, size_t size)
{
	struct nlattr *tb[NL_POLICY_TYPE_ATTR_MAX + 1];
	const struct nlattr *min;
	const struct nlattr *max;

	if (nla_parse_nested(tb, NL_POLICY_TYPE_ATTR_MAX, (struct nlattr *)(uintptr_t)policy,
			     NULL))
		return;
	min = tb[NL_POLICY_TYPE_ATTR_MIN_VALUE_U];
	max = tb[NL_POLICY_TYPE_ATTR_MAX_VALUE_U];
	if (min && max && nla_len(min) == 8 && nla_len(max) == 8)
		snprintf(text, size, " (%" PRIu64 " to %" PRIu64 ")", nla_get_u64(min),
			 nla_get_u64(max));
}

void extack_details(const struct extack *e, char *text, size_t size)
{
	uint64_t bytes[2];

	*text = '\0';
	if (e->policy)
		policy_range(e->policy, text, size);
	if (!e->cookie || nla_len(e->cookie) != (int)sizeof(bytes))
		return;
	memcpy(bytes, nla_data(e->cookie), sizeof(bytes));
	snprintf(text, size, " (%" PRIu64 " and %" PRIu64 " bytes)", bytes[0], bytes[1]);
}
