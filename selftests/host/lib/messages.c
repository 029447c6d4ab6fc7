// SPDX-License-Identifier: GPL-2.0-only
/* messages.c: 1. reporting, 2. raw generic netlink. */
#include <errno.h>
#include <linux/genetlink.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "messages.h"

/* ---- 1. Reporting --------------------------------------------------------- */

int results, failures;

bool ok(bool good, const char *name, ...)
{
	va_list args;

	failures += !good;
	printf("%sok %d - ", good ? "" : "not ", ++results);
	va_start(args, name);
	vprintf(name, args);
	va_end(args);
	putchar('\n');
	fflush(stdout);
	return good;
}

/* What a child finds out: its exit status. */
bool child_says(bool (*fn)(void *arg), void *arg)
{
	int status;
	pid_t pid;

	fflush(stdout);
	pid = fork();
	if (!pid)
		_exit(fn(arg) ? 0 : 1);
	return waitpid(pid, &status, 0) == pid && WIFEXITED(status) && !WEXITSTATUS(status);
}

/* ---- 2. Messages ---------------------------------------------------------- */

int sock = -1;
uint16_t family;
uint32_t group;

struct message begin(uint16_t type, uint8_t command, uint16_t flags)
{
	return (struct message) {
		.nh = {
			.nlmsg_len = NLMSG_HDRLEN + GENL_HDRLEN, .nlmsg_type = type,
			.nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK | flags,
		},
		.gh = { .cmd = command, .version = 1 },
	};
}

void put(struct message *m, uint16_t type, const void *data, size_t size)
{
	const struct nlattr a = { .nla_type = type, .nla_len = NLA_HDRLEN + size };
	char *at = m->data + (m->nh.nlmsg_len - NLMSG_HDRLEN - GENL_HDRLEN);

	memcpy(at, &a, sizeof(a));
	memcpy(at + NLA_HDRLEN, data, size);
	m->nh.nlmsg_len += NLA_ALIGN(a.nla_len);
}

void put32(struct message *m, uint16_t type, uint32_t value)
{
	put(m, type, &value, sizeof(value));
}

void put64(struct message *m, uint16_t type, uint64_t value)
{
	put(m, type, &value, sizeof(value));
}

void put_text(struct message *m, uint16_t type, const char *text)
{
	put(m, type, text, strlen(text) + 1);
}

/* The attribute of that type among @size bytes, or NULL. */
const struct nlattr *find(const char *data, size_t size, uint16_t type)
{
	for (size_t at = 0; at + NLA_HDRLEN <= size;) {
		const struct nlattr *a = (const void *)(data + at);

		if (a->nla_len < NLA_HDRLEN || a->nla_len > size - at)
			return NULL;
		if ((a->nla_type & NLA_TYPE_MASK) == type)
			return a;
		at += NLA_ALIGN(a->nla_len);
	}
	return NULL;
}

uint32_t get32(const struct answer *answer, uint16_t type)
{
	const struct nlattr *a = find(answer->data, answer->size, type);
	uint32_t value = ~0U;

	if (a)
		memcpy(&value, a + 1, sizeof(value));
	return value;
}

const char *get_text(const struct answer *answer, uint16_t type)
{
	const struct nlattr *a = find(answer->data, answer->size, type);

	return a ? (const char *)(a + 1) : "";
}

/* Of an acknowledgment, or of the end of a dump: both begin with the number. */
static void read_verdict(const struct nlmsghdr *nh, struct answer *answer)
{
	size_t skip = NLMSG_HDRLEN + (nh->nlmsg_type == NLMSG_DONE ? sizeof(int) :
				      sizeof(struct nlmsgerr));
	const struct nlattr *text;

	answer->err = *(int *)NLMSG_DATA(nh);
	if (!(nh->nlmsg_flags & NLM_F_ACK_TLVS) || skip > nh->nlmsg_len)
		return;
	text = find((const char *)nh + skip, nh->nlmsg_len - skip, NLMSGERR_ATTR_MSG);
	if (text)
		snprintf(answer->text, sizeof(answer->text), "%s", (const char *)(text + 1));
}

/* Sends one and reads until the verdict. */
int talk_on(int fd, struct message *m, struct answer *answer)
{
	return talk_sized(fd, m, m->nh.nlmsg_len, answer);
}

int talk_sized(int fd, struct message *m, size_t size, struct answer *answer)
{
	int err = tell(fd, m, size);

	if (err) {
		memset(answer, 0, sizeof(*answer));
		return answer->err = err;
	}
	return hear(fd, answer);
}

static uint32_t seq;

int tell(int fd, struct message *m, size_t size)
{
	m->nh.nlmsg_seq = ++seq;
	return send(fd, m, size, 0) < 0 ? -errno : 0;
}

int hear(int fd, struct answer *answer)
{
	static char buffer[65536];

	memset(answer, 0, sizeof(*answer));
	for (;;) {
		ssize_t n = recv(fd, buffer, sizeof(buffer), 0);
		int left = (int)n;

		if (n <= 0)
			return answer->err = n && errno == ENOBUFS ? -ENOBUFS : -EPIPE;
		for (struct nlmsghdr *nh = (void *)buffer; NLMSG_OK(nh, (unsigned int)left);
		     nh = NLMSG_NEXT(nh, left)) {
			if (nh->nlmsg_seq != seq)
				continue;
			if (nh->nlmsg_type == NLMSG_ERROR || nh->nlmsg_type == NLMSG_DONE) {
				read_verdict(nh, answer);
				return answer->err;
			}
			answer->messages++;
			answer->size = nh->nlmsg_len - NLMSG_HDRLEN - GENL_HDRLEN;
			memcpy(answer->data, (char *)NLMSG_DATA(nh) + GENL_HDRLEN, answer->size);
		}
	}
}

int talk(struct message *m, struct answer *answer)
{
	return talk_on(sock, m, answer);
}

int open_socket(void)
{
	/* Bound, as multicast passes by those who have no port yet. */
	struct sockaddr_nl any = { .nl_family = AF_NETLINK };
	struct timeval patience = { .tv_sec = 10 };
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_GENERIC);
	int on = 1;

	setsockopt(fd, SOL_NETLINK, NETLINK_EXT_ACK, &on, sizeof(on));
	setsockopt(fd, SOL_NETLINK, NETLINK_CAP_ACK, &on, sizeof(on));
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	bind(fd, (struct sockaddr *)&any, sizeof(any));
	return fd;
}

bool resolve(void)
{
	struct message m = begin(GENL_ID_CTRL, CTRL_CMD_GETFAMILY, 0);
	static struct answer answer;
	const struct nlattr *a;

	put_text(&m, CTRL_ATTR_FAMILY_NAME, DOMUS_GENL_NAME);
	if (talk(&m, &answer))
		return false;
	a = find(answer.data, answer.size, CTRL_ATTR_FAMILY_ID);
	memcpy(&family, a + 1, sizeof(family));
	a = find(answer.data, answer.size, CTRL_ATTR_MCAST_GROUPS);
	a = find((const char *)(a + 1), a->nla_len - NLA_HDRLEN, 1);
	a = find((const char *)(a + 1), a->nla_len - NLA_HDRLEN, CTRL_ATTR_MCAST_GRP_ID);
	memcpy(&group, a + 1, sizeof(group));
	return true;
}

/* The request must fail so, and say why. */
void refused(struct message *m, int err, const char *name)
{
	static struct answer answer;

	talk(m, &answer);
	/* An address outside of memory may be called invalid, too. */
	if (err == EFAULT && answer.err == -EINVAL)
		err = EINVAL;
	if (!ok(answer.err == -err && *answer.text, "refused: %s", name))
		printf("# got %d (%s), expected %d; text: %s\n", answer.err,
		       strerror(-answer.err), -err, answer.text);
}
