// SPDX-License-Identifier: GPL-2.0-only
/*
 * Control of vCPUs: DOMUS_CMD_VCPU_*.
 *
 *   1. policies
 *   2. set: which are wanted
 *   3. dump
 */
#include <linux/bits.h>
#include <linux/err.h>
#include <net/genetlink.h>

#include "control_priv.h"
#include "domain.h"
#include "vcpu.h"

/* ---- 1. Policies ---------------------------------------------------------- */

static const struct nla_policy set_policy[DOMUS_A_VCPU_MAX + 1] = {
	[DOMUS_A_VCPU_ID]	= NLA_POLICY_MAX(NLA_U32, DOMUS_MAX_VCPUS - 1),
	[DOMUS_A_VCPU_WANTED]	= NLA_POLICY_MAX(NLA_U8, 1),
};

const struct nla_policy control_vcpu_set_policy[DOMUS_A_MAX + 1] = {
	[DOMUS_A_ID]		= POLICY_U32,
	[DOMUS_A_NAME]		= POLICY_NAME,
	[DOMUS_A_VCPU]		= NLA_POLICY_NESTED(set_policy),
};

/* ---- 2. Set --------------------------------------------------------------- */

/* One VCPU attribute. @which, @wanted: as vcpu_want() takes them. */
static int parse_vcpu(const struct domus_domain *d, const struct nlattr *attr, u64 *which,
		      u64 *wanted, struct netlink_ext_ack *extack)
{
	struct nlattr *tb[DOMUS_A_VCPU_MAX + 1];
	u32 id;
	int err;

	err = nla_parse_nested(tb, DOMUS_A_VCPU_MAX, attr, set_policy, extack);
	if (err)
		return err;
	if (!tb[DOMUS_A_VCPU_ID] || !tb[DOMUS_A_VCPU_WANTED]) {
		NL_SET_ERR_MSG_ATTR(extack, attr, "vcpu: needs VCPU_ID and VCPU_WANTED");
		return -EINVAL;
	}
	id = nla_get_u32(tb[DOMUS_A_VCPU_ID]);
	if (id >= d->nr_vcpus) {
		NL_SET_ERR_MSG_ATTR(extack, tb[DOMUS_A_VCPU_ID],
				    "vcpu: the domain has none of this number");
		return -ENOENT;
	}
	if (*which & BIT_ULL(id)) {
		NL_SET_ERR_MSG_ATTR(extack, tb[DOMUS_A_VCPU_ID], "vcpu: is named twice");
		return -EINVAL;
	}
	if (!id && !nla_get_u8(tb[DOMUS_A_VCPU_WANTED])) {
		NL_SET_ERR_MSG_ATTR(extack, tb[DOMUS_A_VCPU_WANTED],
				    "vcpu: 0 boots the guest, and stays");
		return -EINVAL;
	}
	*which |= BIT_ULL(id);
	if (nla_get_u8(tb[DOMUS_A_VCPU_WANTED]))
		*wanted |= BIT_ULL(id);
	return 0;
}

int control_vcpu_set(struct sk_buff *skb, struct genl_info *info)
{
	u64 which = 0, wanted = 0;
	const struct nlattr *attr;
	struct domus_domain *d;
	int rem, err = 0;

	if (GENL_REQ_ATTR_CHECK(info, DOMUS_A_VCPU)) {
		GENL_SET_ERR_MSG(info, "VCPU is missing");
		return -EINVAL;
	}
	d = control_find(skb, info);
	if (IS_ERR(d))
		return PTR_ERR(d);
	nlmsg_for_each_attr(attr, info->nlhdr, GENL_HDRLEN, rem) {
		if (nla_type(attr) == DOMUS_A_VCPU)
			err = parse_vcpu(d, attr, &which, &wanted, info->extack);
		if (err)
			break;
	}
	if (!err)
		err = vcpu_want(d, which, wanted);
	domain_put(d);
	return control_refuse(info->extack, err);
}

/* ---- 3. Dump -------------------------------------------------------------- */

static int put_exits(struct sk_buff *msg, const struct vcpu_stats *stats)
{
	struct nlattr *nest;
	unsigned int i;

	for (i = 0; i < VCPU_NR_CAUSES; i++) {
		nest = nla_nest_start(msg, DOMUS_A_VCPU_EXIT);
		if (!nest)
			return -EMSGSIZE;
		if (nla_put_string(msg, DOMUS_A_EXIT_NAME, vcpu_cause_names[i]) ||
		    nla_put_u64_64bit(msg, DOMUS_A_EXIT_COUNT, stats->by_cause[i],
				      DOMUS_A_EXIT_PAD))
			return -EMSGSIZE;
		nla_nest_end(msg, nest);
	}
	return 0;
}

static int put_vcpu(struct sk_buff *msg, struct domus_domain *d, unsigned int nr,
		    u32 portid, u32 seq)
{
	struct vcpu_stats stats;
	struct nlattr *nest;
	void *hdr;

	hdr = genlmsg_put(msg, portid, seq, &control_family, NLM_F_MULTI, DOMUS_CMD_VCPU_GET);
	if (!hdr)
		return -EMSGSIZE;
	vcpu_stats(d->vcpus[nr], &stats);
	if (nla_put_u32(msg, DOMUS_A_ID, d->id))
		goto cancel;
	nest = nla_nest_start(msg, DOMUS_A_VCPU);
	if (!nest)
		goto cancel;
	if (nla_put_u32(msg, DOMUS_A_VCPU_ID, nr) ||
	    nla_put_u32(msg, DOMUS_A_VCPU_STATE, stats.state) ||
	    nla_put_u8(msg, DOMUS_A_VCPU_WANTED, !!(READ_ONCE(d->wanted) & BIT_ULL(nr))) ||
	    nla_put_u64_64bit(msg, DOMUS_A_VCPU_RUNTIME_NS, stats.runtime_ns,
			      DOMUS_A_VCPU_PAD) ||
	    nla_put_u64_64bit(msg, DOMUS_A_VCPU_PASSES, stats.passes, DOMUS_A_VCPU_PAD) ||
	    nla_put_u64_64bit(msg, DOMUS_A_VCPU_EXITS, stats.exits, DOMUS_A_VCPU_PAD) ||
	    put_exits(msg, &stats))
		goto cancel;
	nla_nest_end(msg, nest);
	genlmsg_end(msg, hdr);
	return 0;
cancel:
	genlmsg_cancel(msg, hdr);
	return -EMSGSIZE;
}

static int dump_vcpus(struct sk_buff *msg, struct netlink_callback *cb,
		      struct domus_domain *d)
{
	struct control_cursor *at = (void *)cb->ctx;
	int err;

	for (; at->item < d->nr_vcpus; at->item++) {
		err = put_vcpu(msg, d, at->item, NETLINK_CB(cb->skb).portid,
			       cb->nlh->nlmsg_seq);
		if (err)
			return err;
		at->id = d->id;
	}
	return 0;
}

int control_vcpu_dump(struct sk_buff *msg, struct netlink_callback *cb)
{
	return control_dump(msg, cb, dump_vcpus);
}
