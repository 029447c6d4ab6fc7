/* SPDX-License-Identifier: GPL-2.0-only */
/* What control*.c, the parts of the family, share. */
#ifndef DOMUS_CONTROL_PRIV_H
#define DOMUS_CONTROL_PRIV_H

#include <linux/types.h>
#include <net/genetlink.h>

#include <uapi/linux/domus.h>

struct domus_domain;
struct user_namespace;

extern struct genl_family control_family;

/* Netlink policies of attributes that several commands take. */
#define POLICY_NAME	{ .type = NLA_NUL_STRING, .len = DOMUS_NAME_MAX }
#define POLICY_U32	{ .type = NLA_U32 }
#define POLICY_U64	{ .type = NLA_U64 }

/* NLA_POLICY_MAX() holds 16 bits only. */
extern struct netlink_range_validation control_fd_range;

/**
 * control_find() - the domain that a request names
 *
 * What the asker may not see does not exist. Context: the asker's.
 * Return: the domain, referenced, or ERR_PTR, with the text: -EINVAL, -ENOENT.
 */
struct domus_domain *control_find(struct sk_buff *skb, struct genl_info *info);

/*
 * What every message about a domain says. @regs: those of its end, too; @names: the user namespace
 * of who is told. Context: process. Return: 0, -EMSGSIZE, -ENOMEM.
 */
int control_put_identity(struct sk_buff *msg, struct domus_domain *d, bool regs,
			 struct user_namespace *names);

/* No refusal without words, whatever the layer below left out. Return: @err. */
int control_refuse(struct netlink_ext_ack *extack, int err);

/**
 * struct control_cursor - where a dump goes on; lives in netlink_callback.ctx
 * @chosen: the request was looked at, @only is set
 * @only: the one domain that is asked for, or 0: all
 * @id: domains up to this one are done, but for @id itself when @item is not 0
 * @item: the next vCPU or slot of domain @id
 */
struct control_cursor {
	bool chosen;
	u32 only;
	u32 id;
	u32 item;
};

/**
 * control_dump() - one message of a dump: calls @one for what the asker may see
 * @one: puts what is to be said of a domain, from control_cursor.item on; sets
 *	control_cursor.id when it has put something. Return: 0, -EMSGSIZE: full
 *
 * Context: process; takes domus_list_lock around @one. Return: as netlink_dump_start()
 * wants it of a dump.
 */
int control_dump(struct sk_buff *msg, struct netlink_callback *cb,
		 int (*one)(struct sk_buff *msg, struct netlink_callback *cb,
			    struct domus_domain *d));

/* DOMUS_CMD_DEV_*; which attributes they take */
extern const struct nla_policy control_dev_new_policy[DOMUS_A_MAX + 1];
extern const struct nla_policy control_dev_del_policy[DOMUS_A_MAX + 1];
extern const struct nla_policy control_dev_set_policy[DOMUS_A_MAX + 1];
int control_dev_new(struct sk_buff *skb, struct genl_info *info);
int control_dev_del(struct sk_buff *skb, struct genl_info *info);
int control_dev_set(struct sk_buff *skb, struct genl_info *info);
int control_dev_dump(struct sk_buff *msg, struct netlink_callback *cb);

/* DOMUS_CMD_VCPU_*; which attributes SET takes */
extern const struct nla_policy control_vcpu_set_policy[DOMUS_A_MAX + 1];
int control_vcpu_set(struct sk_buff *skb, struct genl_info *info);
int control_vcpu_dump(struct sk_buff *msg, struct netlink_callback *cb);

enum control_group {
	CONTROL_GROUP_EVENTS,
};

/* DOMUS_CMD_LISTEN */
int control_listen(struct sk_buff *skb, struct genl_info *info);

/**
 * control_event() - tell of an event, for domain_set_notify()
 *
 * An event that cannot be sent is lost: listeners see the overrun, or ask. Context: process,
 * without locks of domus.
 */
void control_event(struct domus_domain *d, enum domus_event event);

/* Module init and exit; before and behind the family. Return: 0 or -errno. */
int control_events_init(void);
void control_events_exit(void);

#endif /* DOMUS_CONTROL_PRIV_H */
