// SPDX-License-Identifier: GPL-2.0-only
/* affinity.c: where vCPUs may run, asked of the holder; see affinity.h. */
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "affinity.h"
#include "runtime.h"

#define ANSWER_MS 5000

static int no_answer(const struct control_domain *domain, const char *why, struct error *error)
{
	return error_set(error, EXIT_REFUSED, "holder", "of %s %s", domain->name, why);
}

static int ask(int fd, const struct control_domain *domain, uint32_t flags,
	       struct wire_affinity *affinity, struct error *error)
{
	const struct wire_head head = {
		.type = WIRE_AFFINITY,
		.code = WIRE_VERSION,
		.flags = flags,
		.id = domain->id,
	};
	struct pollfd in = { .fd = fd, .events = POLLIN };
	struct wire wire;
	int got;

	/* The end of what we say: a holder that knows no such question lets go of us. */
	if (wire_send(fd, &head, affinity, sizeof(*affinity)) || shutdown(fd, SHUT_WR) ||
	    poll(&in, 1, ANSWER_MS) <= 0)
		return no_answer(domain, "does not answer", error);
	got = wire_receive(fd, &wire);
	if (got > 0 && wire.head.type == WIRE_BUSY)
		return no_answer(domain, "has too many clients", error);
	if (got > 0 && wire.head.type == WIRE_FAILED) {
		wire_failure(&wire, error);
		return -1;
	}
	if (got <= 0 || wire.head.type != WIRE_AFFINITY || wire.size != sizeof(*affinity))
		return no_answer(domain, "has ended, or is of another version of domctl", error);
	memcpy(affinity, wire.data, sizeof(*affinity));
	return 0;
}

int affinity_ask(const struct control_domain *domain, uint32_t flags,
		 struct wire_affinity *affinity, struct error *error)
{
	int fd = runtime_connect(domain->name, domain->uid, error);
	int result;

	if (fd < 0)
		return -1;
	result = ask(fd, domain, flags, affinity, error);
	close(fd);
	return result;
}

int affinity_parse_soft(const char *text, const struct cpus *online, struct cpus *soft,
			struct error *error)
{
	static const struct cpus_words words = {
		.what = "soft-affinity",
		.one = "CPU",
		.several = "CPUs",
		.lacks = "it is offline (online",
	};

	*soft = (struct cpus) { .bits = { 0 } };
	if (!strcmp(text, "all") || !strcmp(text, "none"))
		return 0;
	return cpus_parse_as(&words, text, online, soft, error);
}

const char *affinity_format_soft(char text[CPUS_TEXT], const struct cpus *soft)
{
	if (!cpus_empty(soft))
		return cpus_format(text, soft);
	snprintf(text, CPUS_TEXT, "none");
	return text;
}
