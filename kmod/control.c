// SPDX-License-Identifier: GPL-2.0-only
/*
 * Control: the generic netlink family "domus".
 *
 *   1. policies: what each command accepts
 *   2. who may see a domain, and finding one
 *   3. filling messages
 *   4. commands: info, new, start, reset, del, get
 *   5. dumps
 *   6. the family; its events: control_event.c
 *
 * The attribute tree of each command is in uapi/linux/domus.h. Policies are per
 * command and strict, so that an attribute that a command does not know is
 * refused by the core, as is a value out of range, with the limits in the
 * extended acknowledgment. What is left is refused here with a text.
 *
 * Domains are objects of the host, so the family is shown in every network
 * namespace and looks at the asker's user alone. Events go to the first network
 * namespace only, but for LISTEN: whoever makes a user namespace has CAP_NET_ADMIN in a network
 * namespace of his own, which is no licence to see other people's domains.
 *
 * Requests run in parallel; the locks are those of domain.h. Generic netlink calls
 * from the sender's context, so that current is the asker; a dump goes on in the
 * context of whoever reads the socket.
 */
#include <linux/capability.h>
#include <linux/cred.h>
#include <linux/file.h>
#include <linux/module.h>
#include <linux/pid.h>
#include <linux/pid_namespace.h>
#include <linux/user_namespace.h>
#include <net/genetlink.h>
#include <net/sock.h>

#include "control.h"
#include "control_priv.h"
#include "domain.h"
#include "event.h"
#include "shadow.h"
#include "vcpu.h"

/* Before 6.1.68 binding to a group was restricted by the flag of commands. */
#ifndef GENL_MCAST_CAP_NET_ADMIN
#define GENL_MCAST_CAP_NET_ADMIN GENL_UNS_ADMIN_PERM
#endif

/* ---- 1. Policies ---------------------------------------------------------- */

struct netlink_range_validation control_fd_range = {
	.max = INT_MAX,
};

static struct netlink_range_validation slot_size_range = {
	.min = PAGE_SIZE,
	.max = DOMUS_MEMORY_MAX,
};

static struct netlink_range_validation slot_gpa_range = {
	.max = DOMUS_MEMORY_MAX,
};

static const struct nla_policy slot_policy[DOMUS_A_SLOT_MAX + 1] = {
	[DOMUS_A_SLOT_GPA]	= NLA_POLICY_FULL_RANGE(NLA_U64, &slot_gpa_range),
	[DOMUS_A_SLOT_SIZE]	= NLA_POLICY_FULL_RANGE(NLA_U64, &slot_size_range),
	[DOMUS_A_SLOT_HVA]	= POLICY_U64,
};

static const struct nla_policy new_policy[DOMUS_A_MAX + 1] = {
	[DOMUS_A_FD]		= NLA_POLICY_FULL_RANGE(NLA_U32, &control_fd_range),
	[DOMUS_A_NAME]		= POLICY_NAME,
	[DOMUS_A_VCPUS]		= NLA_POLICY_RANGE(NLA_U32, 1, DOMUS_MAX_VCPUS),
	[DOMUS_A_VCPUS_WANTED]	= NLA_POLICY_RANGE(NLA_U32, 1, DOMUS_MAX_VCPUS),
	[DOMUS_A_MEMORY]	= NLA_POLICY_NESTED(slot_policy),
};

static const struct nla_policy start_policy[DOMUS_A_MAX + 1] = {
	[DOMUS_A_ID]		= POLICY_U32,
	[DOMUS_A_NAME]		= POLICY_NAME,
	[DOMUS_A_ABI_GUEST]	= POLICY_U32,
	[DOMUS_A_FEATURES]	= POLICY_U64,
	[DOMUS_A_START_RIP]	= POLICY_U64,
	[DOMUS_A_START_RSI]	= POLICY_U64,
	[DOMUS_A_ROOT_GPA]	= POLICY_U64,
	[DOMUS_A_HYPERCALL_GPA]	= POLICY_U64,
	[DOMUS_A_VCPU_PAGE_GPA]	= POLICY_U64,
	[DOMUS_A_EVENT_PAGE_GPA] = POLICY_U64,
};

/* Commands that name a domain and say nothing else. */
static const struct nla_policy which_policy[DOMUS_A_MAX + 1] = {
	[DOMUS_A_ID]		= POLICY_U32,
	[DOMUS_A_NAME]		= POLICY_NAME,
};

static const struct nla_policy del_policy[DOMUS_A_MAX + 1] = {
	[DOMUS_A_ID]		= POLICY_U32,
	[DOMUS_A_NAME]		= POLICY_NAME,
	[DOMUS_A_REASON]	= { .type = NLA_NUL_STRING, .len = DOMUS_DEL_REASON_MAX },
};

/* ---- 2. Visibility -------------------------------------------------------- */

/*
 * Both who opened the socket and who uses it must be the owner: a privileged
 * program that can be made to write to a socket that it was handed must not
 * lend its identity.
 */
static bool asker_is_owner(struct sk_buff *skb, const struct domus_domain *d)
{
	const struct socket *sock = NETLINK_CB(skb).sk->sk_socket;

	return uid_eq(current_euid(), d->owner) && sock && sock->file &&
	       uid_eq(sock->file->f_cred->euid, d->owner);
}

static bool asker_may_see(struct sk_buff *skb, const struct domus_domain *d)
{
	return asker_is_owner(skb, d) ||
	       netlink_ns_capable(skb, d->user_ns, CAP_NET_ADMIN);
}

/* Exactly one of NAME and ID says which domain is meant. */
static bool one_name(struct nlattr **attrs)
{
	return !attrs[DOMUS_A_NAME] != !attrs[DOMUS_A_ID];
}

/* A reference to the domain that the attributes name, or NULL. */
static struct domus_domain *find_visible(struct sk_buff *skb, struct nlattr **attrs)
{
	const char *name = NULL;
	struct domus_domain *d;
	u32 id = 0;

	if (attrs[DOMUS_A_NAME])
		name = nla_data(attrs[DOMUS_A_NAME]);
	else
		id = nla_get_u32(attrs[DOMUS_A_ID]);
	d = domain_find(name, id);
	if (d && !asker_may_see(skb, d)) {
		domain_put(d);
		d = NULL;
	}
	return d;
}

struct domus_domain *control_find(struct sk_buff *skb, struct genl_info *info)
{
	struct domus_domain *d;

	if (!one_name(info->attrs)) {
		GENL_SET_ERR_MSG(info, "a domain is named by either NAME or ID");
		return ERR_PTR(-EINVAL);
	}
	d = find_visible(skb, info->attrs);
	if (!d) {
		NL_SET_ERR_MSG_ATTR(info->extack,
				    info->attrs[DOMUS_A_NAME] ?: info->attrs[DOMUS_A_ID],
				    "no such domain");
		return ERR_PTR(-ENOENT);
	}
	return d;
}

int control_refuse(struct netlink_ext_ack *extack, int err)
{
	if (!err || extack->_msg || extack->miss_type)
		return err;
	switch (err) {
	case -ENOMEM:
		NL_SET_ERR_MSG(extack, "the host has no memory for this");
		break;
	case -EEXIST:
		NL_SET_ERR_MSG(extack, "a domain of this name exists");
		break;
	case -EBUSY:
		NL_SET_ERR_MSG(extack, "the domain is in a state that does not allow this");
		break;
	case -EIO:
		NL_SET_ERR_MSG(extack, "only the process that made the domain may do this");
		break;
	case -ENOSPC:
		NL_SET_ERR_MSG(extack, "too many domains");
		break;
	case -ESHUTDOWN:
		NL_SET_ERR_MSG(extack, "the domain is dead");
		break;
	default:
		NL_SET_ERR_MSG(extack, "refused");
	}
	return err;
}

/* ---- 3. Filling messages -------------------------------------------------- */

#define REG(name, member) \
	{ DOMUS_A_REGS_##name, offsetof(struct domus_death, member) }

static const struct {
	u16 attr;
	u16 offset;
} death_regs[] = {
	REG(RIP, regs.ip), REG(RSP, regs.sp), REG(RFLAGS, regs.flags),
	REG(RAX, regs.ax), REG(RBX, regs.bx), REG(RCX, regs.cx), REG(RDX, regs.dx),
	REG(RSI, regs.si), REG(RDI, regs.di), REG(RBP, regs.bp), REG(R8, regs.r8),
	REG(R9, regs.r9), REG(R10, regs.r10), REG(R11, regs.r11), REG(R12, regs.r12),
	REG(R13, regs.r13), REG(R14, regs.r14), REG(R15, regs.r15),
	REG(FS_BASE, fs_base), REG(GS_BASE, gs_base),
};

static int put_regs(struct sk_buff *msg, const struct domus_death *death)
{
	struct nlattr *nest = nla_nest_start(msg, DOMUS_A_REGS);
	unsigned int i;

	if (!nest || nla_put_u32(msg, DOMUS_A_REGS_VCPU, death->vcpu) ||
	    (death->user && nla_put_flag(msg, DOMUS_A_REGS_USER)))
		return -EMSGSIZE;
	for (i = 0; i < ARRAY_SIZE(death_regs); i++) {
		const u64 *value = (const void *)death + death_regs[i].offset;

		if (nla_put_u64_64bit(msg, death_regs[i].attr, *value, DOMUS_A_REGS_PAD))
			return -EMSGSIZE;
	}
	nla_nest_end(msg, nest);
	return 0;
}

/* The reason is taken once: code, text and registers belong together. */
static int put_reason(struct sk_buff *msg, struct domus_domain *d, bool regs)
{
	struct domus_death *death;
	int err = 0;

	death = kmalloc(sizeof(*death), GFP_KERNEL);
	if (!death)
		return -ENOMEM;
	domain_reason(d, death);
	if (nla_put_u32(msg, DOMUS_A_REASON_CODE, death->code) ||
	    (death->code && nla_put_string(msg, DOMUS_A_REASON, death->text)))
		err = -EMSGSIZE;
	else if (regs && death->by_vcpu)
		err = put_regs(msg, death);
	kfree(death);
	return err;
}

/* What every message about a domain says. */
int control_put_identity(struct sk_buff *msg, struct domus_domain *d, bool regs,
			 struct user_namespace *names)
{
	if (nla_put_u32(msg, DOMUS_A_ID, d->id) ||
	    nla_put_string(msg, DOMUS_A_NAME, d->name) ||
	    nla_put_u32(msg, DOMUS_A_STATE, READ_ONCE(d->state)) ||
	    nla_put_u32(msg, DOMUS_A_UID,
			from_kuid_munged(names, d->owner)))
		return -EMSGSIZE;
	return put_reason(msg, d, regs);
}

static u64 domain_runtime(struct domus_domain *d)
{
	struct vcpu_stats stats;
	unsigned int i;
	u64 sum = 0;

	for (i = 0; i < d->nr_vcpus; i++) {
		vcpu_stats(d->vcpus[i], &stats);
		sum += stats.runtime_ns;
	}
	return sum;
}

/* 0: it is in a namespace that is not seen, or has ended: its number may be another's. */
static u32 holder_pid(const struct domus_domain *d)
{
	u32 pid = 0;

	rcu_read_lock();
	if (pid_task(d->holder, PIDTYPE_TGID))
		pid = pid_nr_ns(d->holder, task_active_pid_ns(current));
	rcu_read_unlock();
	return pid;
}

static int put_domain(struct sk_buff *msg, struct domus_domain *d,
		      u32 portid, u32 seq, int flags)
{
	u32 pid = holder_pid(d);
	void *hdr;
	int err;

	hdr = genlmsg_put(msg, portid, seq, &control_family, flags, DOMUS_CMD_DOMAIN_GET);
	if (!hdr)
		return -EMSGSIZE;
	err = control_put_identity(msg, d, true, current_user_ns());
	if (err)
		goto cancel;
	err = -EMSGSIZE;
	if (nla_put_u32(msg, DOMUS_A_PID, pid) ||
	    nla_put_u32(msg, DOMUS_A_VCPUS, d->nr_vcpus) ||
	    nla_put_u32(msg, DOMUS_A_VCPUS_WANTED, hweight64(READ_ONCE(d->wanted))) ||
	    (event_is_bound(d, DOMUS_PORT_VCPUS) && nla_put_flag(msg, DOMUS_A_VCPUS_HEARD)) ||
	    nla_put_u32(msg, DOMUS_A_REBOOTS, READ_ONCE(d->reboots)) ||
	    nla_put_u64_64bit(msg, DOMUS_A_MEMORY_SIZE, gmem_size(&d->gmem), DOMUS_A_PAD) ||
	    nla_put_u64_64bit(msg, DOMUS_A_SHADOW_PAGES, shadow_pages(&d->shadow),
			      DOMUS_A_PAD) ||
	    nla_put_u64_64bit(msg, DOMUS_A_RUNTIME_NS, domain_runtime(d), DOMUS_A_PAD) ||
	    (READ_ONCE(d->guest_started) && nla_put_flag(msg, DOMUS_A_GUEST_STARTED)) ||
	    (pause_asked(&d->pause) && nla_put_flag(msg, DOMUS_A_PAUSED)))
		goto cancel;
	genlmsg_end(msg, hdr);
	return 0;
cancel:
	genlmsg_cancel(msg, hdr);
	return err;
}

/* ---- 4. Commands ---------------------------------------------------------- */

static int control_info_get(struct sk_buff *skb, struct genl_info *info)
{
	const char *version = THIS_MODULE->version ?: "unknown";
	struct sk_buff *msg;
	void *hdr;

	msg = genlmsg_new(GENLMSG_DEFAULT_SIZE, GFP_KERNEL);
	if (!msg)
		return control_refuse(info->extack, -ENOMEM);
	hdr = genlmsg_put_reply(msg, info, &control_family, 0, DOMUS_CMD_INFO_GET);
	if (!hdr ||
	    nla_put_u32(msg, DOMUS_A_ABI_HOST, DOMUS_HOST_ABI) ||
	    nla_put_u32(msg, DOMUS_A_ABI_GUEST, DOMUS_ABI_MAJOR << 16 | DOMUS_ABI_MINOR) ||
	    nla_put_u64_64bit(msg, DOMUS_A_FEATURES, domain_features(), DOMUS_A_PAD) ||
	    nla_put_u32(msg, DOMUS_A_MAX_VCPUS, DOMUS_MAX_VCPUS) ||
	    nla_put_u32(msg, DOMUS_A_MAX_DOMAINS, DOMUS_DOMAINS_MAX) ||
	    nla_put_string(msg, DOMUS_A_VERSION, version)) {
		nlmsg_free(msg);
		return -EMSGSIZE;
	}
	genlmsg_end(msg, hdr);
	return genlmsg_reply(msg, info);
}

/* One MEMORY attribute. */
static int parse_slot(const struct nlattr *attr, struct domus_params *p, u64 *total,
		      struct netlink_ext_ack *extack)
{
	struct nlattr *tb[DOMUS_A_SLOT_MAX + 1];
	struct gmem_slot *slot;
	int err;

	if (p->nr_slots == ARRAY_SIZE(p->slots)) {
		NL_SET_ERR_MSG_ATTR(extack, attr, "memory: more than 8 slots");
		return -ENOSPC;
	}
	err = nla_parse_nested(tb, DOMUS_A_SLOT_MAX, attr, slot_policy, extack);
	if (err)
		return err;
	if (!tb[DOMUS_A_SLOT_GPA] || !tb[DOMUS_A_SLOT_SIZE] || !tb[DOMUS_A_SLOT_HVA]) {
		NL_SET_ERR_MSG_ATTR(extack, attr,
				    "memory: a slot needs SLOT_GPA, SLOT_SIZE and SLOT_HVA");
		return -EINVAL;
	}
	slot = &p->slots[p->nr_slots++];
	slot->gpa = nla_get_u64(tb[DOMUS_A_SLOT_GPA]);
	slot->size = nla_get_u64(tb[DOMUS_A_SLOT_SIZE]);
	slot->hva = nla_get_u64(tb[DOMUS_A_SLOT_HVA]);
	*total += slot->size;
	/* Sizes are bounded by the policy and so is their number: no overflow. */
	if (*total > DOMUS_MEMORY_MAX || slot->gpa + slot->size > DOMUS_MEMORY_MAX) {
		NL_SET_ERR_MSG_ATTR(extack, attr, "memory: more than 4 TiB");
		return -EINVAL;
	}
	return 0;
}

static int parse_vcpus(struct genl_info *info, struct domus_params *p)
{
	const struct nlattr *wanted = info->attrs[DOMUS_A_VCPUS_WANTED];

	p->vcpus = nla_get_u32(info->attrs[DOMUS_A_VCPUS]);
	p->vcpus_wanted = wanted ? nla_get_u32(wanted) : p->vcpus;
	if (p->vcpus_wanted <= p->vcpus)
		return 0;
	NL_SET_ERR_MSG_ATTR(info->extack, wanted, "vcpus-wanted: more than VCPUS");
	return -EINVAL;
}

static int parse_new(struct genl_info *info, struct domus_params *p)
{
	const struct nlattr *attr;
	u64 total = 0;
	int rem, err;

	if (GENL_REQ_ATTR_CHECK(info, DOMUS_A_FD) ||
	    GENL_REQ_ATTR_CHECK(info, DOMUS_A_NAME) ||
	    GENL_REQ_ATTR_CHECK(info, DOMUS_A_VCPUS) ||
	    GENL_REQ_ATTR_CHECK(info, DOMUS_A_MEMORY)) {
		GENL_SET_ERR_MSG(info, "DOMAIN_NEW needs FD, NAME, VCPUS and MEMORY");
		return -EINVAL;
	}
	p->name = nla_data(info->attrs[DOMUS_A_NAME]);
	err = parse_vcpus(info, p);
	if (err)
		return err;
	nlmsg_for_each_attr(attr, info->nlhdr, GENL_HDRLEN, rem) {
		if (nla_type(attr) != DOMUS_A_MEMORY)
			continue;
		err = parse_slot(attr, p, &total, info->extack);
		if (err)
			return err;
	}
	if (total < DOMUS_MEMORY_MIN) {
		NL_SET_ERR_MSG_ATTR(info->extack, info->attrs[DOMUS_A_MEMORY],
				    "memory: less than 1 MiB");
		return -EINVAL;
	}
	return 0;
}

static int control_domain_new(struct sk_buff *skb, struct genl_info *info)
{
	struct domus_params params = {};
	struct domus_domain *d;
	struct sk_buff *msg;
	struct file *file;
	void *hdr;
	int err;

	err = parse_new(info, &params);
	if (err)
		return err;
	file = fget(nla_get_u32(info->attrs[DOMUS_A_FD]));
	d = file ? domain_of_file(file) : NULL;
	if (!d) {
		NL_SET_ERR_MSG_ATTR(info->extack, info->attrs[DOMUS_A_FD],
				    "fd: not an open file of /dev/domus");
		err = file ? -EINVAL : -EBADF;
		goto put_file;
	}
	/* The answer is made first: nothing can fail once the domain is there. */
	err = -ENOMEM;
	msg = genlmsg_new(GENLMSG_DEFAULT_SIZE, GFP_KERNEL);
	if (!msg)
		goto put_file;
	err = domain_new(d, &params, info->extack);
	if (err)
		goto free_msg;
	hdr = genlmsg_put_reply(msg, info, &control_family, 0, DOMUS_CMD_DOMAIN_NEW);
	if (WARN_ON_ONCE(!hdr || nla_put_u32(msg, DOMUS_A_ID, d->id))) {
		err = -EMSGSIZE;
		goto free_msg;
	}
	genlmsg_end(msg, hdr);
	err = genlmsg_reply(msg, info);
	goto put_file;
free_msg:
	nlmsg_free(msg);
put_file:
	if (file)
		fput(file);
	return control_refuse(info->extack, err);
}

static int control_domain_start(struct sk_buff *skb, struct genl_info *info)
{
	struct nlattr **a = info->attrs;
	struct domus_start s;
	struct domus_domain *d;
	unsigned int i;
	int err;

	for (i = 0; i < ARRAY_SIZE(start_policy); i++) {
		if (!start_policy[i].type || i == DOMUS_A_ID || i == DOMUS_A_NAME)
			continue;
		if (GENL_REQ_ATTR_CHECK(info, i)) {
			GENL_SET_ERR_MSG(info, "DOMAIN_START lacks an attribute");
			return -EINVAL;
		}
	}
	s = (struct domus_start) {
		.abi		= nla_get_u32(a[DOMUS_A_ABI_GUEST]),
		.required	= nla_get_u64(a[DOMUS_A_FEATURES]),
		.rip		= nla_get_u64(a[DOMUS_A_START_RIP]),
		.rsi		= nla_get_u64(a[DOMUS_A_START_RSI]),
		.root_gpa	= nla_get_u64(a[DOMUS_A_ROOT_GPA]),
		.hypercall_gpa	= nla_get_u64(a[DOMUS_A_HYPERCALL_GPA]),
		.vcpu_page_gpa	= nla_get_u64(a[DOMUS_A_VCPU_PAGE_GPA]),
		.event_page_gpa	= nla_get_u64(a[DOMUS_A_EVENT_PAGE_GPA]),
	};
	d = control_find(skb, info);
	if (IS_ERR(d))
		return PTR_ERR(d);
	err = domain_start(d, &s, info->extack);
	domain_put(d);
	return control_refuse(info->extack, err);
}

static int control_domain_reset(struct sk_buff *skb, struct genl_info *info)
{
	struct domus_domain *d = control_find(skb, info);
	int err;

	if (IS_ERR(d))
		return PTR_ERR(d);
	err = domain_reset(d, info->extack);
	domain_put(d);
	return control_refuse(info->extack, err);
}

static int control_domain_del(struct sk_buff *skb, struct genl_info *info)
{
	const struct nlattr *reason = info->attrs[DOMUS_A_REASON];
	struct domus_domain *d = control_find(skb, info);
	int err;

	if (IS_ERR(d))
		return PTR_ERR(d);
	err = domain_kill(d, DOMUS_REASON_DESTROYED, "destroyed by user %u%s%s",
			  from_kuid_munged(d->user_ns, current_euid()),
			  reason ? ": " : "", reason ? (char *)nla_data(reason) : "");
	domain_put(d);
	/* The domain is dead now, by this or by an earlier reason. */
	return err == -ESHUTDOWN ? 0 : control_refuse(info->extack, err);
}

static int control_domain_pause(struct sk_buff *skb, struct genl_info *info)
{
	struct domus_domain *d = control_find(skb, info);
	int err;

	if (IS_ERR(d))
		return PTR_ERR(d);
	err = info->genlhdr->cmd == DOMUS_CMD_DOMAIN_PAUSE ? domain_pause(d, info->extack) :
							     domain_unpause(d, info->extack);
	domain_put(d);
	return control_refuse(info->extack, err);
}

static int control_domain_get(struct sk_buff *skb, struct genl_info *info)
{
	struct domus_domain *d = control_find(skb, info);
	struct sk_buff *msg;
	int err = -ENOMEM;

	if (IS_ERR(d))
		return PTR_ERR(d);
	msg = genlmsg_new(GENLMSG_DEFAULT_SIZE, GFP_KERNEL);
	if (msg)
		err = put_domain(msg, d, info->snd_portid, info->snd_seq, 0);
	domain_put(d);
	if (err) {
		nlmsg_free(msg);
		return control_refuse(info->extack, err);
	}
	return genlmsg_reply(msg, info);
}

/* ---- 5. Dumps ------------------------------------------------------------- */

/*
 * Which domains. Not in a .start of the commands: from there no extended
 * acknowledgment reaches the asker.
 */
static int dump_choose(struct netlink_callback *cb)
{
	struct nlattr **attrs = genl_dumpit_info(cb)->attrs;
	struct control_cursor *at = (void *)cb->ctx;
	struct domus_domain *d;

	BUILD_BUG_ON(sizeof(*at) > sizeof(cb->ctx));
	if (at->chosen)
		return 0;
	at->chosen = true;
	if (!attrs[DOMUS_A_NAME] && !attrs[DOMUS_A_ID])
		return 0;
	if (!one_name(attrs)) {
		NL_SET_ERR_MSG(cb->extack, "a domain is named by either NAME or ID");
		return -EINVAL;
	}
	d = find_visible(cb->skb, attrs);
	if (!d) {
		NL_SET_ERR_MSG(cb->extack, "no such domain");
		return -ENOENT;
	}
	at->only = d->id;
	domain_put(d);
	return 0;
}

int control_dump(struct sk_buff *msg, struct netlink_callback *cb,
		 int (*one)(struct sk_buff *msg, struct netlink_callback *cb,
			    struct domus_domain *d))
{
	struct control_cursor *at = (void *)cb->ctx;
	struct domus_domain *d;
	int err = dump_choose(cb);

	if (err)
		return err;
	mutex_lock(&domus_list_lock);
	list_for_each_entry(d, &domus_domains, link) {
		if (d->id < at->id || (d->id == at->id && !at->item))
			continue;
		if ((at->only && d->id != at->only) || !asker_may_see(cb->skb, d))
			continue;
		if (d->id != at->id)
			at->item = 0;	/* the one in the middle has gone */
		err = one(msg, cb, d);
		if (err)
			break;
		at->id = d->id;
		at->item = 0;
	}
	mutex_unlock(&domus_list_lock);
	/* A full message is sent, and the dump called again. */
	return err == -EMSGSIZE && msg->len ? msg->len : err ?: msg->len;
}

static int dump_domain(struct sk_buff *msg, struct netlink_callback *cb,
		       struct domus_domain *d)
{
	return put_domain(msg, d, NETLINK_CB(cb->skb).portid, cb->nlh->nlmsg_seq, NLM_F_MULTI);
}

static int control_domain_dump(struct sk_buff *msg, struct netlink_callback *cb)
{
	return control_dump(msg, cb, dump_domain);
}

/* ---- 6. The family -------------------------------------------------------- */

static const struct genl_multicast_group control_groups[] = {
	[CONTROL_GROUP_EVENTS] = {
		.name = DOMUS_GENL_MCGRP_EVENTS,
		.flags = GENL_MCAST_CAP_NET_ADMIN,
	},
};

static const struct genl_ops control_ops[] = {
	{
		.cmd		= DOMUS_CMD_INFO_GET,
		.doit		= control_info_get,
	}, {
		.cmd		= DOMUS_CMD_DOMAIN_NEW,
		.doit		= control_domain_new,
		.policy		= new_policy,
		.maxattr	= ARRAY_SIZE(new_policy) - 1,
	}, {
		.cmd		= DOMUS_CMD_DOMAIN_START,
		.doit		= control_domain_start,
		.policy		= start_policy,
		.maxattr	= ARRAY_SIZE(start_policy) - 1,
	}, {
		.cmd		= DOMUS_CMD_DOMAIN_RESET,
		.doit		= control_domain_reset,
		.policy		= which_policy,
		.maxattr	= ARRAY_SIZE(which_policy) - 1,
	}, {
		.cmd		= DOMUS_CMD_DOMAIN_DEL,
		.doit		= control_domain_del,
		.policy		= del_policy,
		.maxattr	= ARRAY_SIZE(del_policy) - 1,
	}, {
		.cmd		= DOMUS_CMD_DOMAIN_GET,
		.doit		= control_domain_get,
		.dumpit		= control_domain_dump,
		.policy		= which_policy,
		.maxattr	= ARRAY_SIZE(which_policy) - 1,
	}, {
		.cmd		= DOMUS_CMD_VCPU_GET,
		.dumpit		= control_vcpu_dump,
		.policy		= which_policy,
		.maxattr	= ARRAY_SIZE(which_policy) - 1,
	}, {
		.cmd		= DOMUS_CMD_DEV_NEW,
		.doit		= control_dev_new,
		.policy		= control_dev_new_policy,
		.maxattr	= ARRAY_SIZE(control_dev_new_policy) - 1,
	}, {
		.cmd		= DOMUS_CMD_DEV_DEL,
		.doit		= control_dev_del,
		.policy		= control_dev_del_policy,
		.maxattr	= ARRAY_SIZE(control_dev_del_policy) - 1,
	}, {
		.cmd		= DOMUS_CMD_DEV_SET,
		.doit		= control_dev_set,
		.policy		= control_dev_set_policy,
		.maxattr	= ARRAY_SIZE(control_dev_set_policy) - 1,
	}, {
		.cmd		= DOMUS_CMD_DEV_GET,
		.dumpit		= control_dev_dump,
		.policy		= which_policy,
		.maxattr	= ARRAY_SIZE(which_policy) - 1,
	}, {
		.cmd		= DOMUS_CMD_VCPU_SET,
		.doit		= control_vcpu_set,
		.policy		= control_vcpu_set_policy,
		.maxattr	= ARRAY_SIZE(control_vcpu_set_policy) - 1,
	}, {
		.cmd		= DOMUS_CMD_DOMAIN_PAUSE,
		.doit		= control_domain_pause,
		.policy		= which_policy,
		.maxattr	= ARRAY_SIZE(which_policy) - 1,
	}, {
		.cmd		= DOMUS_CMD_DOMAIN_UNPAUSE,
		.doit		= control_domain_pause,
		.policy		= which_policy,
		.maxattr	= ARRAY_SIZE(which_policy) - 1,
	}, {
		.cmd		= DOMUS_CMD_LISTEN,
		.doit		= control_listen,
	},
};

/*
 * Generic netlink keeps a lock of the whole host's over all messages of one send: what may
 * wait a second comes alone, not a thousand times. That is each that does something.
 */
static int control_alone(const struct genl_ops *ops, struct sk_buff *skb,
			 struct genl_info *info)
{
	if (ops->cmd == DOMUS_CMD_INFO_GET || ops->cmd == DOMUS_CMD_DOMAIN_GET ||
	    skb->len <= NLMSG_ALIGN(info->nlhdr->nlmsg_len))
		return 0;
	GENL_SET_ERR_MSG(info, "no other request may follow in the same send");
	return -EINVAL;
}

struct genl_family control_family __ro_after_init = {
	.name		= DOMUS_GENL_NAME,
	.version	= DOMUS_GENL_VERSION,
	.module		= THIS_MODULE,
	.netnsok	= true,
	.parallel_ops	= true,
	.pre_doit	= control_alone,
	.ops		= control_ops,
	.n_ops		= ARRAY_SIZE(control_ops),
	.mcgrps		= control_groups,
	.n_mcgrps	= ARRAY_SIZE(control_groups),
};

int __init control_init(void)
{
	int err = control_events_init();

	if (err)
		return err;
	err = genl_register_family(&control_family);
	if (err) {
		control_events_exit();
		return err;
	}
	domain_set_notify(control_event);
	return 0;
}

void control_exit(void)
{
	domain_set_notify(NULL);
	genl_unregister_family(&control_family);
	control_events_exit();
}
