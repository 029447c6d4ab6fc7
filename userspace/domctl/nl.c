// SPDX-License-Identifier: GPL-2.0-only
/*
 * nl.c: the module, through libnl.
 *
 *   1. what a refusal says: extended acknowledgments
 *   2. a request and its answers
 *   3. connecting
 *   4. domains
 *   5. vCPUs
 *   6. events
 *
 * Extended acknowledgments are read by extack.c.
 */
#include <errno.h>
#include <linux/netlink.h>
#include <netlink/errno.h>
#include <netlink/genl/ctrl.h>
#include <netlink/genl/genl.h>
#include <netlink/netlink.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "build.h"
#include "extack.h"
#include "nl_priv.h"

struct control {
	struct nl_sock *sock;
	int family;
};

/* struct request - one in progress: where the answers go, and what went wrong */
struct request {
	answer_fn *answer;
	void *arg;
	const char *what;
	struct nlmsghdr *sent;
	struct error *error;
	bool done;
};

/* ---- 1. Refusals ---------------------------------------------------------- */

static const char *const attr_names[DOMUS_A_MAX + 1] = {
	[DOMUS_A_ID]		= "id",
	[DOMUS_A_NAME]		= "name",
	[DOMUS_A_FD]		= "fd",
	[DOMUS_A_VCPUS]		= "vcpus",
	[DOMUS_A_VCPUS_WANTED]	= "vcpus-wanted",
	[DOMUS_A_MEMORY]	= "memory",
	[DOMUS_A_REASON]	= "reason",
};

static const char *const dev_attr_names[DOMUS_A_DEV_MAX + 1] = {
	[DOMUS_A_DEV_NAME]	= "name",
	[DOMUS_A_DEV_KIND]	= "kind",
	[DOMUS_A_DEV_FD]	= "fd",
	[DOMUS_A_DEV_FLAGS]	= "flags",
	[DOMUS_A_DEV_SERIAL]	= "serial",
	[DOMUS_A_DEV_QUEUES]	= "queues",
	[DOMUS_A_DEV_QUEUE_SIZE] = "queue-size",
	[DOMUS_A_DEV_SIZE]	= "size",
	[DOMUS_A_DEV_RATE_BYTES] = "rate",
	[DOMUS_A_DEV_RATE_OPS]	= "ops",
	[DOMUS_A_DEV_RATE_BURST_MS] = "burst",
	[DOMUS_A_DEV_TIMEOUT_MS] = "timeout",
	[DOMUS_A_DEV_MAC]	= "mac",
	[DOMUS_A_DEV_IFNAME]	= "ifname",
	[DOMUS_A_DEV_MTU]	= "mtu",
};

static bool covers(struct nlmsghdr *sent, struct nlattr *attr, uint32_t offset)
{
	uint32_t start = (uint32_t)((char *)attr - (char *)sent);

	return offset >= start && offset < start + (uint32_t)nla_len(attr) + NLA_HDRLEN;
}

/* Name of the attribute that begins @offset bytes into what we sent, or NULL. */
static const char *attr_at(struct nlmsghdr *sent, uint32_t offset)
{
	struct nlattr *inner;
	struct nlattr *attr;
	int rem = 0;

	nlmsg_for_each_attr(attr, sent, GENL_HDRLEN, rem) {
		if (!covers(sent, attr, offset) || nla_type(attr) > DOMUS_A_MAX)
			continue;
		/* One inside of another nested one goes by the name of the outer one. */
		if (nla_type(attr) != DOMUS_A_DEV)
			return attr_names[nla_type(attr)];
		nla_for_each_nested(inner, attr, rem)
			if (covers(sent, inner, offset) && nla_type(inner) <= DOMUS_A_DEV_MAX)
				return dev_attr_names[nla_type(inner)];
		return NULL;
	}
	return NULL;
}

/* Fills the error from @err, a negative errno, and what was said of it. */
static void refused(struct request *r, int err, const struct extack *said)
{
	int status = err == -ENOENT ? EXIT_NOT_FOUND : EXIT_REFUSED;
	const char *why = strerror(-err);
	const char *attr = NULL;
	char details[64];

	if (!r->error->status)
		r->error->err = -err;
	/* The module's word for what it has none for: the errno says more. */
	if (said->text && *said->text && strcmp(said->text, "refused") != 0)
		why = said->text;
	if (said->offset >= 0 && r->sent)
		attr = attr_at(r->sent, (uint32_t)said->offset);
	extack_details(said, details, sizeof(details));
	/* "domain a: name: ..." would say it twice. */
	if (!strncmp(why, "name: ", 6) && why[6])
		why += 6;
	/* The kernel's own texts name no attribute; ours do. */
	if (attr && strcmp(attr, "name") != 0 && status != EXIT_NOT_FOUND &&
	    strncmp(why, attr, strlen(attr)) != 0)
		error_set(r->error, status, r->what, "%s: %s%s", attr, why, details);
	else
		error_set(r->error, status, r->what, "%s%s", why, details);
}

/* ---- 2. Requests ---------------------------------------------------------- */

static int on_error(struct sockaddr_nl *from, struct nlmsgerr *nlerr, void *arg)
{
	const struct nlmsghdr *nlh = (const void *)((const char *)nlerr - NLMSG_HDRLEN);
	struct request *r = arg;
	struct extack said;

	(void)from;
	r->done = true;
	extack_of_error(nlh, &said);
	refused(r, nlerr->error, &said);
	return NL_STOP;
}

static int on_done(struct nl_msg *msg, void *arg)
{
	struct request *r = arg;
	const struct nlmsghdr *nlh = nlmsg_hdr(msg);

	/* The end of a dump carries its result. */
	if (nlh->nlmsg_type == NLMSG_DONE && nlmsg_datalen(nlh) >= (int)sizeof(int)) {
		struct extack said;
		int result;

		memcpy(&result, nlmsg_data(nlh), sizeof(result));
		extack_of_done(nlh, &said);
		if (result < 0)
			refused(r, result, &said);
	}
	r->done = true;
	return NL_STOP;
}

static int on_answer(struct nl_msg *msg, void *arg)
{
	struct nlattr *attrs[DOMUS_A_MAX + 1];
	struct request *r = arg;

	if (genlmsg_parse(nlmsg_hdr(msg), 0, attrs, DOMUS_A_MAX, NULL)) {
		error_set(r->error, EXIT_REFUSED, r->what, "the module's answer is damaged");
		return NL_SKIP;
	}
	if (r->answer && r->answer(attrs, r->arg))
		error_set(r->error, EXIT_REFUSED, r->what, "no memory for the answer");
	return NL_OK;
}

static struct nl_msg *message(struct control *c, uint8_t command, int flags)
{
	struct nl_msg *msg = nlmsg_alloc();

	if (msg && !genlmsg_put(msg, NL_AUTO_PORT, NL_AUTO_SEQ, c->family, 0, flags, command,
				DOMUS_GENL_VERSION)) {
		nlmsg_free(msg);
		msg = NULL;
	}
	return msg;
}

struct nl_msg *control_checked(struct nl_msg *msg, bool failed)
{
	if (!failed)
		return msg;
	if (msg)
		nlmsg_free(msg);
	return NULL;
}

struct nl_msg *control_message(struct control *c, uint8_t command, int flags,
			       const struct control_ref *ref)
{
	struct nl_msg *msg = message(c, command, flags);

	if (!ref)
		return msg;
	return control_checked(msg, !msg || (ref->id ?
					     nla_put_u32(msg, DOMUS_A_ID, ref->id) :
					     nla_put_string(msg, DOMUS_A_NAME, ref->name)));
}

int control_request(struct control *c, struct nl_msg *msg, const char *what,
		    answer_fn *answer, void *arg, struct error *error)
{
	struct request r = { .answer = answer, .arg = arg, .what = what, .error = error };
	struct nl_cb *cb = nl_cb_alloc(NL_CB_DEFAULT);
	int result;

	if (!msg || !cb) {
		error_set(error, EXIT_REFUSED, what, "no memory");
		goto out;
	}
	nl_cb_err(cb, NL_CB_CUSTOM, on_error, &r);
	nl_cb_set(cb, NL_CB_FINISH, NL_CB_CUSTOM, on_done, &r);
	nl_cb_set(cb, NL_CB_ACK, NL_CB_CUSTOM, on_done, &r);
	nl_cb_set(cb, NL_CB_VALID, NL_CB_CUSTOM, on_answer, &r);
	result = nl_send_auto(c->sock, msg);
	r.sent = nlmsg_hdr(msg);
	while (result >= 0 && !r.done) {
		result = nl_recvmsgs(c->sock, cb);
		if (result == -NLE_INTR)
			result = 0;
	}
	if (result < 0 && !r.done)
		error_set(error, EXIT_REFUSED, what, "netlink: %s", nl_geterror(result));
out:
	nl_cb_put(cb);
	if (msg)
		nlmsg_free(msg);
	return error->status ? -1 : 0;
}

/* ---- 3. Connecting -------------------------------------------------------- */

static int answer_info(struct nlattr **a, void *arg)
{
	struct control_info *info = arg;

	info->abi_host = get_u32(a[DOMUS_A_ABI_HOST]);
	info->abi_guest = get_u32(a[DOMUS_A_ABI_GUEST]);
	info->features = get_u64(a[DOMUS_A_FEATURES]);
	info->max_vcpus = get_u32(a[DOMUS_A_MAX_VCPUS]);
	info->max_domains = get_u32(a[DOMUS_A_MAX_DOMAINS]);
	get_text(info->version, sizeof(info->version), a[DOMUS_A_VERSION]);
	return 0;
}

static int connect_family(struct control *c, struct error *error)
{
	int result;

	c->sock = nl_socket_alloc();
	if (!c->sock)
		return error_set(error, EXIT_REFUSED, "netlink", "no memory");
	result = genl_connect(c->sock);
	if (result < 0)
		return error_set(error, EXIT_REFUSED, "netlink", "%s", nl_geterror(result));
	extack_enable(c->sock);
	c->family = genl_ctrl_resolve(c->sock, DOMUS_GENL_NAME);
	if (c->family == -NLE_OBJ_NOTFOUND)
		return error_set(error, EXIT_REFUSED, "module",
				 "domus is not loaded (modprobe domus)");
	if (c->family < 0)
		return error_set(error, EXIT_REFUSED, "netlink", "%s", nl_geterror(c->family));
	return 0;
}

int control_open_any(struct control **c, struct control_info *info, struct error *error)
{
	*c = calloc(1, sizeof(**c));
	if (!*c)
		return error_set(error, EXIT_REFUSED, "netlink", "no memory");
	if (!connect_family(*c, error) &&
	    !control_request(*c, message(*c, DOMUS_CMD_INFO_GET, NLM_F_ACK), "module",
			     answer_info, info, error))
		return 0;
	control_close(*c);
	*c = NULL;
	return -1;
}

int control_open(struct control **c, struct control_info *info, struct error *error)
{
	struct control_info own = { 0 };

	if (!info)
		info = &own;
	memset(info, 0, sizeof(*info));
	if (control_open_any(c, info, error))
		return -1;
	if (info->abi_host == DOMUS_HOST_ABI)
		return 0;
	error_set(error, EXIT_REFUSED, "module", "is of host ABI %u, domctl of %u: update the "
		  "older one", info->abi_host, DOMUS_HOST_ABI);
	control_close(*c);
	*c = NULL;
	return -1;
}

void control_close(struct control *c)
{
	if (!c)
		return;
	nl_socket_free(c->sock);
	free(c);
}

/* ---- 4. Domains ----------------------------------------------------------- */

static int answer_id(struct nlattr **a, void *arg)
{
	*(uint32_t *)arg = get_u32(a[DOMUS_A_ID]);
	return 0;
}

/* The "what" of an error about a domain. */
struct label {
	char text[DOMUS_NAME_MAX + 16];
};

static struct label label_of(const struct control_ref *ref)
{
	struct label label;

	if (ref->name)
		snprintf(label.text, sizeof(label.text), "domain %s", ref->name);
	else
		snprintf(label.text, sizeof(label.text), "domain %u", ref->id);
	return label;
}

/* Puts and counts failures: a message holds a page, so none is expected. */
static int put_slot(struct nl_msg *msg, const void *address, uint64_t memory)
{
	struct nlattr *slot = nla_nest_start(msg, DOMUS_A_MEMORY | NLA_F_NESTED);

	if (!slot || nla_put_u64(msg, DOMUS_A_SLOT_GPA, 0) ||
	    nla_put_u64(msg, DOMUS_A_SLOT_SIZE, memory) ||
	    nla_put_u64(msg, DOMUS_A_SLOT_HVA, (uintptr_t)address))
		return -1;
	return nla_nest_end(msg, slot) < 0 ? -1 : 0;
}

int control_domain_new(struct control *c, int fd, const char *name, uint32_t vcpus,
		       uint32_t wanted, const void *address, uint64_t memory, uint32_t *id,
		       struct error *error)
{
	const struct control_ref ref = { .name = name };
	struct nl_msg *msg = message(c, DOMUS_CMD_DOMAIN_NEW, NLM_F_ACK);

	msg = control_checked(msg, !msg || nla_put_u32(msg, DOMUS_A_FD, (uint32_t)fd) ||
			      nla_put_string(msg, DOMUS_A_NAME, name) ||
			      nla_put_u32(msg, DOMUS_A_VCPUS, vcpus) ||
			      nla_put_u32(msg, DOMUS_A_VCPUS_WANTED, wanted) ||
			      put_slot(msg, address, memory));
	return control_request(c, msg, label_of(&ref).text, answer_id, id, error);
}

int control_domain_start(struct control *c, const struct control_ref *ref, uint32_t abi,
			 uint64_t required, const struct build_start *start,
			 struct error *error)
{
	struct nl_msg *msg = control_message(c, DOMUS_CMD_DOMAIN_START, NLM_F_ACK, ref);

	msg = control_checked(msg, !msg || nla_put_u32(msg, DOMUS_A_ABI_GUEST, abi) ||
			      nla_put_u64(msg, DOMUS_A_FEATURES, required) ||
			      nla_put_u64(msg, DOMUS_A_START_RIP, start->rip) ||
			      nla_put_u64(msg, DOMUS_A_START_RSI, start->rsi) ||
			      nla_put_u64(msg, DOMUS_A_ROOT_GPA, start->root_gpa) ||
			      nla_put_u64(msg, DOMUS_A_HYPERCALL_GPA, start->hypercall_gpa) ||
			      nla_put_u64(msg, DOMUS_A_VCPU_PAGE_GPA, start->vcpu_page_gpa) ||
			      nla_put_u64(msg, DOMUS_A_EVENT_PAGE_GPA, start->event_page_gpa));
	return control_request(c, msg, label_of(ref).text, NULL, NULL, error);
}

/* @cmd, which waits a second each time for what the host has to do first. */
static int patiently(struct control *c, uint8_t cmd, const struct control_ref *ref,
		     struct error *error)
{
	struct error refusal;

	do {
		refusal = (struct error) { 0 };
		if (!control_request(c, control_message(c, cmd, NLM_F_ACK, ref),
				     label_of(ref).text, NULL, NULL, &refusal))
			return 0;
	} while (refusal.err == EAGAIN);
	*error = refusal;
	return -1;
}

int control_domain_reset(struct control *c, const struct control_ref *ref,
			 struct error *error)
{
	return patiently(c, DOMUS_CMD_DOMAIN_RESET, ref, error);
}

int control_domain_pause(struct control *c, const struct control_ref *ref, bool pause,
			 struct error *error)
{
	return patiently(c, pause ? DOMUS_CMD_DOMAIN_PAUSE : DOMUS_CMD_DOMAIN_UNPAUSE, ref,
			 error);
}

int control_domain_del(struct control *c, const struct control_ref *ref, const char *reason,
		       struct error *error)
{
	struct nl_msg *msg = control_message(c, DOMUS_CMD_DOMAIN_DEL, NLM_F_ACK, ref);
	char text[DOMUS_DEL_REASON_MAX + 1];

	if (reason) {
		snprintf(text, sizeof(text), "%s", reason);
		msg = control_checked(msg, !msg || nla_put_string(msg, DOMUS_A_REASON, text));
	}
	return control_request(c, msg, label_of(ref).text, NULL, NULL, error);
}

static void fill_regs(struct nlattr *nest, struct control_regs *regs)
{
	struct nlattr *tb[DOMUS_A_REGS_MAX + 1];

	*regs = (struct control_regs) { .there = false };
	if (!nest || nla_parse_nested(tb, DOMUS_A_REGS_MAX, nest, NULL))
		return;
	regs->there = true;
	regs->user = tb[DOMUS_A_REGS_USER];
	regs->vcpu = get_u32(tb[DOMUS_A_REGS_VCPU]);
	for (int i = DOMUS_A_REGS_RIP; i <= DOMUS_A_REGS_MAX; i++)
		regs->values[i] = get_u64(tb[i]);
}

static void fill_domain(struct nlattr **a, struct control_domain *d)
{
	d->id = get_u32(a[DOMUS_A_ID]);
	get_text(d->name, sizeof(d->name), a[DOMUS_A_NAME]);
	d->state = get_u32(a[DOMUS_A_STATE]);
	d->reason_code = get_u32(a[DOMUS_A_REASON_CODE]);
	get_text(d->reason, sizeof(d->reason), a[DOMUS_A_REASON]);
	d->uid = get_u32(a[DOMUS_A_UID]);
	d->pid = get_u32(a[DOMUS_A_PID]);
	d->vcpus = get_u32(a[DOMUS_A_VCPUS]);
	d->vcpus_wanted = get_u32(a[DOMUS_A_VCPUS_WANTED]);
	d->vcpus_heard = a[DOMUS_A_VCPUS_HEARD];
	d->reboots = get_u32(a[DOMUS_A_REBOOTS]);
	d->memory = get_u64(a[DOMUS_A_MEMORY_SIZE]);
	d->shadow_pages = get_u64(a[DOMUS_A_SHADOW_PAGES]);
	d->runtime_ns = get_u64(a[DOMUS_A_RUNTIME_NS]);
	d->guest_started = a[DOMUS_A_GUEST_STARTED];
	d->paused = a[DOMUS_A_PAUSED];
	fill_regs(a[DOMUS_A_REGS], &d->regs);
}

static int answer_domain(struct nlattr **a, void *arg)
{
	fill_domain(a, arg);
	return 0;
}

int control_domain_get(struct control *c, const struct control_ref *ref,
		       struct control_domain *domain, struct error *error)
{
	return control_request(c, control_message(c, DOMUS_CMD_DOMAIN_GET, NLM_F_ACK, ref),
			       label_of(ref).text, answer_domain, domain, error);
}

void *control_add(struct control_items *list)
{
	if (list->nr == list->room) {
		size_t room = list->room ? 2 * list->room : 8;
		char *items = reallocarray(list->items, room, list->size);

		if (!items)
			return NULL;
		list->items = items;
		list->room = room;
	}
	return memset(list->items + list->nr++ * list->size, 0, list->size);
}

static int answer_list(struct nlattr **a, void *arg)
{
	struct control_domain *d = control_add(arg);

	if (!d)
		return -1;
	fill_domain(a, d);
	return 0;
}

int control_domain_list(struct control *c, struct control_domain **domains, size_t *nr,
			struct error *error)
{
	struct control_items list = { .size = sizeof(**domains) };

	if (control_request(c, message(c, DOMUS_CMD_DOMAIN_GET, NLM_F_DUMP), "domains",
			    answer_list, &list, error)) {
		free(list.items);
		return -1;
	}
	*domains = (struct control_domain *)(void *)list.items;
	*nr = list.nr;
	return 0;
}

/* ---- 5. vCPUs ------------------------------------------------------------- */

static void fill_cause(struct nlattr *nest, struct control_vcpu *v)
{
	struct nlattr *tb[DOMUS_A_EXIT_MAX + 1];

	if (v->nr_causes == CONTROL_CAUSES_MAX ||
	    nla_parse_nested(tb, DOMUS_A_EXIT_MAX, nest, NULL))
		return;
	get_text(v->causes[v->nr_causes].name, sizeof(v->causes->name), tb[DOMUS_A_EXIT_NAME]);
	v->causes[v->nr_causes++].count = get_u64(tb[DOMUS_A_EXIT_COUNT]);
}

static int answer_vcpu(struct nlattr **a, void *arg)
{
	struct nlattr *tb[DOMUS_A_VCPU_MAX + 1];
	struct control_vcpu *v = control_add(arg);
	struct nlattr *attr;
	int rem = 0;

	if (!v)
		return -1;
	if (!a[DOMUS_A_VCPU] || nla_parse_nested(tb, DOMUS_A_VCPU_MAX, a[DOMUS_A_VCPU], NULL))
		return 0;
	v->domain = get_u32(a[DOMUS_A_ID]);
	v->id = get_u32(tb[DOMUS_A_VCPU_ID]);
	v->state = get_u32(tb[DOMUS_A_VCPU_STATE]);
	v->wanted = tb[DOMUS_A_VCPU_WANTED] && nla_get_u8(tb[DOMUS_A_VCPU_WANTED]);
	v->runtime_ns = get_u64(tb[DOMUS_A_VCPU_RUNTIME_NS]);
	v->passes = get_u64(tb[DOMUS_A_VCPU_PASSES]);
	v->exits = get_u64(tb[DOMUS_A_VCPU_EXITS]);
	nla_for_each_nested(attr, a[DOMUS_A_VCPU], rem)
		if (nla_type(attr) == DOMUS_A_VCPU_EXIT)
			fill_cause(attr, v);
	return 0;
}

int control_vcpu_list(struct control *c, const struct control_ref *ref,
		      struct control_vcpu **vcpus, size_t *nr, struct error *error)
{
	struct control_items list = { .size = sizeof(**vcpus) };

	if (control_request(c, control_message(c, DOMUS_CMD_VCPU_GET, NLM_F_DUMP, ref),
			    label_of(ref).text, answer_vcpu, &list, error)) {
		free(list.items);
		return -1;
	}
	*vcpus = (struct control_vcpu *)(void *)list.items;
	*nr = list.nr;
	return 0;
}

static int put_wish(struct nl_msg *msg, uint32_t vcpu, bool wanted)
{
	struct nlattr *nest = nla_nest_start(msg, DOMUS_A_VCPU | NLA_F_NESTED);

	if (!nest || nla_put_u32(msg, DOMUS_A_VCPU_ID, vcpu) ||
	    nla_put_u8(msg, DOMUS_A_VCPU_WANTED, wanted))
		return -1;
	return nla_nest_end(msg, nest) < 0 ? -1 : 0;
}

int control_vcpu_set(struct control *c, const struct control_ref *ref, uint64_t which,
		     uint64_t wanted, struct error *error)
{
	struct nl_msg *msg = control_message(c, DOMUS_CMD_VCPU_SET, NLM_F_ACK, ref);
	bool failed = !msg;

	for (uint32_t i = 0; i < 64 && !failed; i++)
		if (which >> i & 1)
			failed = put_wish(msg, i, wanted >> i & 1);
	return control_request(c, control_checked(msg, failed), label_of(ref).text, NULL, NULL,
			       error);
}

/* ---- 6. Events ------------------------------------------------------------ */

/* struct listening - @request: what was asked; @enough: said by @fn */
struct listening {
	struct request request;
	bool (*fn)(const struct control_event *event, void *arg);
	void *arg;
	bool enough;
};

static int any_seq(struct nl_msg *msg, void *arg)
{
	(void)msg;
	(void)arg;
	return NL_OK;
}

static int on_listening(struct nl_msg *msg, void *arg)
{
	const struct control_event event = { .kind = CONTROL_LISTENS };
	struct listening *l = arg;

	(void)msg;
	l->enough = l->fn(&event, l->arg);
	return NL_STOP;
}

static int on_refusal(struct sockaddr_nl *from, struct nlmsgerr *nlerr, void *arg)
{
	struct listening *l = arg;

	return on_error(from, nlerr, &l->request);
}

static int on_event(struct nl_msg *msg, void *arg)
{
	struct control_event event = { .kind = CONTROL_EVENT };
	struct nlattr *attrs[DOMUS_A_MAX + 1];
	struct listening *l = arg;

	if (genlmsg_hdr(nlmsg_hdr(msg))->cmd != DOMUS_CMD_DOMAIN_NTF ||
	    genlmsg_parse(nlmsg_hdr(msg), 0, attrs, DOMUS_A_MAX, NULL))
		return NL_SKIP;
	event.number = get_u32(attrs[DOMUS_A_EVENT]);
	fill_domain(attrs, &event.domain);
	l->enough = l->fn(&event, l->arg);
	return NL_OK;
}

int control_listen(struct control *c, bool (*fn)(const struct control_event *event, void *arg),
		   void *arg, struct error *error)
{
	const struct control_event lost = { .kind = CONTROL_LOST };
	struct listening l = {
		.request = { .what = "events", .error = error }, .fn = fn, .arg = arg,
	};
	struct nl_msg *msg = message(c, DOMUS_CMD_LISTEN, NLM_F_ACK);
	struct nl_cb *cb = nl_cb_alloc(NL_CB_DEFAULT);
	int result = -NLE_NOMEM;

	if (msg && cb) {
		nl_cb_err(cb, NL_CB_CUSTOM, on_refusal, &l);
		nl_cb_set(cb, NL_CB_SEQ_CHECK, NL_CB_CUSTOM, any_seq, NULL);
		nl_cb_set(cb, NL_CB_ACK, NL_CB_CUSTOM, on_listening, &l);
		nl_cb_set(cb, NL_CB_VALID, NL_CB_CUSTOM, on_event, &l);
		result = nl_send_auto(c->sock, msg);
	}
	while (result >= 0 && !l.enough && !l.request.done) {
		result = nl_recvmsgs(c->sock, cb);
		/* ENOBUFS: there was no room in the socket */
		if (result == -NLE_NOMEM && !l.request.done) {
			l.enough = fn(&lost, arg);
			result = 0;
		}
	}
	if (result < 0 && !l.request.done)
		error_set(error, EXIT_REFUSED, "events", "netlink: %s", nl_geterror(result));
	if (cb)
		nl_cb_put(cb);
	if (msg)
		nlmsg_free(msg);
	return error->status ? -1 : 0;
}
