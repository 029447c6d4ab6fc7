// SPDX-License-Identifier: GPL-2.0-only
/*
 * What the module answers, as domctl reads it: netlink messages, their attributes nested in
 * each other as they should be, or not, or of a wrong size; refusals with what may come along.
 * The input is a script of them. Nothing is sent.
 *
 * Whatever comes, domctl has an answer whose texts end and whose lists are within their limits,
 * or an error that has a cause.
 */
#include <netlink/genl/ctrl.h>
#include <netlink/genl/genl.h>
#include <netlink/handlers.h>
#include <netlink/netlink.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "answers.h"
#include "nl.h"
#include "nl_dev.h"

#define CHECK(x) do { if (!(x)) abort(); } while (0)

#define MOST	32768

static const uint8_t *at;
static size_t left;

static uint8_t byte(void)
{
	if (!left)
		return 0;
	left--;
	return *at++;
}

/* struct buffer - one datagram: messages */
struct buffer {
	uint8_t bytes[MOST];
	size_t size;
};

static void add(struct buffer *b, const void *data, size_t size)
{
	if (size > MOST - b->size)
		size = MOST - b->size;
	memcpy(b->bytes + b->size, data, size);
	b->size += size;
}

static void align(struct buffer *b)
{
	static const uint8_t zeros[4];

	add(b, zeros, -b->size & 3);
}

/* Attributes, until the script says that it is enough; inside of others, too. */
static void add_attrs(struct buffer *b, unsigned int depth)
{
	static const uint8_t sizes[] = { 4, 8, 0, 1, 6, 16, 3, 32 };
	uint8_t what, payload[256];

	while (left && (what = byte()) != 0xff && b->size < MOST - 512) {
		struct nlattr a = { .nla_type = what & 0x3f };
		size_t start = b->size, size = sizes[byte() & 7];

		add(b, &a, sizeof(a));
		if (what & 0x80 && depth) {
			add_attrs(b, depth - 1);
		} else {
			if (what & 0x40)
				size = byte();
			for (size_t i = 0; i < size; i++)
				payload[i] = byte();
			add(b, payload, size);
		}
		a.nla_len = (uint16_t)(b->size - start);
		/* a lie, now and then */
		if (what == 0x3f)
			a.nla_len = byte();
		if (start + sizeof(a) <= MOST)
			memcpy(b->bytes + start, &a, sizeof(a));
		align(b);
	}
}

static void add_message(struct buffer *b)
{
	uint8_t what = byte();
	uint16_t flags = (uint16_t)(byte() << 8);
	struct nlmsghdr nh = { .nlmsg_flags = flags | (what & 4 ? NLM_F_MULTI : 0) };
	struct nlmsgerr e = { .error = -(int)byte() };
	struct genlmsghdr gh = { .cmd = byte(), .version = 1 };
	size_t start = b->size;

	add(b, &nh, sizeof(nh));
	switch (what & 3) {
	case 0:
		nh.nlmsg_type = NLMSG_ERROR;
		if (what & 8)
			e.error = 0;
		e.msg.nlmsg_len = what & 16 ? (uint32_t)byte() << (what >> 5) : sizeof(e.msg);
		add(b, &e, sizeof(e));
		break;
	case 1:
		nh.nlmsg_type = NLMSG_DONE;
		add(b, &e.error, sizeof(e.error));
		break;
	default:
		nh.nlmsg_type = 0x20;
		add(b, &gh, sizeof(gh));
	}
	add_attrs(b, 3);
	nh.nlmsg_len = (uint32_t)(b->size - start);
	if (what == 0xfe)
		nh.nlmsg_len = byte();
	if (start + sizeof(nh) <= MOST)
		memcpy(b->bytes + start, &nh, sizeof(nh));
}

/* ---- libnl's ends ---------------------------------------------------------------- */

static int receive(struct nl_sock *sock, struct sockaddr_nl *from, unsigned char **buf,
		   struct ucred **creds)
{
	static struct buffer b;

	if (!left)
		return -NLE_NOMEM;
	b.size = 0;
	do
		add_message(&b);
	while (left && byte() & 1);
	*buf = malloc(b.size);
	CHECK(*buf);
	memcpy(*buf, b.bytes, b.size);
	*from = (struct sockaddr_nl) { .nl_family = AF_NETLINK };
	return (int)b.size;
}

static int any_number(struct nl_msg *msg, void *arg)
{
	return NL_OK;
}

int __wrap_nl_recvmsgs(struct nl_sock *sock, struct nl_cb *cb)
{
	nl_cb_overwrite_recv(cb, receive);
	nl_cb_set(cb, NL_CB_SEQ_CHECK, NL_CB_CUSTOM, any_number, NULL);
	return __real_nl_recvmsgs(sock, cb);
}

int __wrap_nl_send_auto(struct nl_sock *sock, struct nl_msg *msg)
{
	nl_complete_msg(sock, msg);
	return 1;
}

int __wrap_genl_connect(struct nl_sock *sock)
{
	return 0;
}

int __wrap_genl_ctrl_resolve(struct nl_sock *sock, const char *name)
{
	return 0x20;
}

/* ---- What is asked ----------------------------------------------------------------- */

#define ENDS(text) CHECK(memchr(text, '\0', sizeof(text)))

static void check_domain(const struct control_domain *d)
{
	ENDS(d->name);
	ENDS(d->reason);
}

static void check_vcpu(const struct control_vcpu *v)
{
	CHECK(v->nr_causes <= CONTROL_CAUSES_MAX);
	for (unsigned int i = 0; i < v->nr_causes; i++)
		ENDS(v->causes[i].name);
}

static void check_dev(const struct control_dev *d)
{
	ENDS(d->name);
	ENDS(d->serial);
	ENDS(d->file);
	ENDS(d->broken);
	ENDS(d->ifname);
	CHECK(d->nr_queues <= CONTROL_QUEUES_MAX && d->nr_counters <= CONTROL_COUNTERS_MAX &&
	      d->nr_ports <= DOMUS_DEV_PORTS_MAX);
	for (unsigned int i = 0; i < d->nr_counters; i++)
		ENDS(d->counters[i].name);
	for (unsigned int i = 0; i < d->nr_ports; i++) {
		ENDS(d->ports[i].name);
		ENDS(d->ports[i].path);
	}
}

static void ask(struct control *c, uint8_t what, struct error *error)
{
	static const struct control_ref ref = { .name = "fuzz" };
	struct control_domain *domains, domain = { 0 };
	struct control_vcpu *vcpus;
	struct control_dev *devs;
	uint32_t id = 0;
	size_t nr;

	switch (what % 6) {
	case 0:
		if (!control_domain_get(c, &ref, &domain, error))
			check_domain(&domain);
		break;
	case 1:
		if (control_domain_list(c, &domains, &nr, error))
			break;
		for (size_t i = 0; i < nr; i++)
			check_domain(&domains[i]);
		free(domains);
		break;
	case 2:
		if (control_vcpu_list(c, &ref, &vcpus, &nr, error))
			break;
		for (size_t i = 0; i < nr; i++)
			check_vcpu(&vcpus[i]);
		free(vcpus);
		break;
	case 3:
		if (control_dev_list(c, &ref, &devs, &nr, error))
			break;
		for (size_t i = 0; i < nr; i++)
			check_dev(&devs[i]);
		free(devs);
		break;
	case 4:
		(void)control_domain_new(c, 3, "fuzz", 2, 1, NULL, 1 << 20, &id, error);
		break;
	case 5:
		(void)control_domain_del(c, &ref, "for no reason", error);
		break;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	/* what control_open() comes to: INFO_GET, and an ABI that is ours */
	static const uint8_t info[] = {
		2, 0, 0, 0, 2, 0, 1, 0, 0, 0, 0xff, 1,
		0, 8, 0, 0, 0xff, 0,
	};
	struct error error = { 0 };
	struct control *c = NULL;
	struct control_info said;

	if (size < 2)
		return 0;
	at = info;
	left = sizeof(info);
	CHECK(!control_open(&c, &said, &error) && !error.status);
	at = data + 1;
	left = size - 1;
	ask(c, data[0], &error);
	if (error.status)
		CHECK(*error.what && *error.why);
	control_close(c);
	return 0;
}
