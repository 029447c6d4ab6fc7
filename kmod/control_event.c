// SPDX-License-Identifier: GPL-2.0-only
/*
 * Control: events of domains, for who may see them.
 *
 *   1. listeners
 *   2. LISTEN
 *   3. an event
 *
 * Two ways: the group "events", for administrators in the first network namespace, and
 * LISTEN, by which anybody's socket is sent the events of those domains that its user may see.
 * A group cannot tell its members apart, so these are sent one by one. A socket listens until it
 * is closed; what it has no room for is lost, and it is told so (ENOBUFS).
 */
#include <linux/cred.h>
#include <linux/netlink.h>
#include <linux/notifier.h>
#include <linux/slab.h>
#include <linux/user_namespace.h>
#include <net/genetlink.h>
#include <net/net_namespace.h>
#include <net/sock.h>

#include "control_priv.h"
#include "domain.h"

#define LISTENERS_MAX	256	/* sockets */
#define LISTENERS_USER	16	/* of one user */

/* ---- 1. Listeners ---------------------------------------------------------- */

/**
 * struct listener - a socket, while it is open
 * @link: in listeners
 * @net: where it is; the socket keeps the namespace
 * @portid: its number there
 * @uid: its user
 * @owns: who opened the socket was the same one: it is told of domains of its own
 * @below: it may see the domains of this user namespace and of those below; referenced, or NULL
 * @names: the user namespace in which it is told of users; referenced
 */
struct listener {
	struct list_head link;
	struct net *net;
	u32 portid;
	kuid_t uid;
	bool owns;
	struct user_namespace *below;
	struct user_namespace *names;
};

static DEFINE_MUTEX(listeners_lock);	/* innermost but for the socket's own locks */
static LIST_HEAD(listeners);
static unsigned int nr_listeners;

static struct listener *find_listener(const struct net *net, u32 portid)
{
	struct listener *l;

	lockdep_assert_held(&listeners_lock);
	list_for_each_entry(l, &listeners, link)
		if (l->portid == portid && net_eq(l->net, net))
			return l;
	return NULL;
}

static unsigned int listeners_of(kuid_t uid)
{
	struct listener *l;
	unsigned int n = 0;

	lockdep_assert_held(&listeners_lock);
	list_for_each_entry(l, &listeners, link)
		n += uid_eq(l->uid, uid);
	return n;
}

static void free_listener(struct listener *l)
{
	if (l->below)
		put_user_ns(l->below);
	put_user_ns(l->names);
	kfree(l);
}

static void forget(struct listener *l)
{
	lockdep_assert_held(&listeners_lock);
	list_del(&l->link);
	nr_listeners--;
	free_listener(l);
}

/* Its number may be another socket's as soon as we return. */
static int socket_closed(struct notifier_block *nb, unsigned long action, void *data)
{
	const struct netlink_notify *closed = data;
	struct listener *l;

	if (action != NETLINK_URELEASE || closed->protocol != NETLINK_GENERIC)
		return NOTIFY_DONE;
	mutex_lock(&listeners_lock);
	l = find_listener(closed->net, closed->portid);
	if (l)
		forget(l);
	mutex_unlock(&listeners_lock);
	return NOTIFY_DONE;
}

static struct notifier_block closed_nb = { .notifier_call = socket_closed };

/* ---- 2. LISTEN ------------------------------------------------------------- */

static struct listener *new_listener(struct sk_buff *skb, struct genl_info *info)
{
	const struct socket *sock = NETLINK_CB(skb).sk->sk_socket;
	struct user_namespace *ns = current_user_ns();
	struct listener *l;

	l = kzalloc(sizeof(*l), GFP_KERNEL_ACCOUNT);
	if (!l)
		return NULL;
	l->net = genl_info_net(info);
	l->portid = info->snd_portid;
	l->uid = current_euid();
	/* as asker_is_owner() */
	l->owns = sock && sock->file && uid_eq(sock->file->f_cred->euid, l->uid);
	if (netlink_ns_capable(skb, ns, CAP_NET_ADMIN))
		l->below = get_user_ns(ns);
	l->names = get_user_ns(ns);
	return l;
}

int control_listen(struct sk_buff *skb, struct genl_info *info)
{
	struct listener *l = new_listener(skb, info), *old;
	int err = 0;

	if (!l)
		return control_refuse(info->extack, -ENOMEM);
	mutex_lock(&listeners_lock);
	old = find_listener(l->net, l->portid);
	if (old) {
		forget(old);
	} else if (listeners_of(l->uid) >= LISTENERS_USER || nr_listeners >= LISTENERS_MAX) {
		GENL_SET_ERR_MSG(info, "too many sockets listen (16 of a user, 256 in all)");
		err = -ENOSPC;
	}
	if (!err) {
		list_add_tail(&l->link, &listeners);
		nr_listeners++;
	}
	mutex_unlock(&listeners_lock);
	if (err)
		free_listener(l);
	return err;
}

/* ---- 3. An event ----------------------------------------------------------- */

static bool may_see(const struct listener *l, const struct domus_domain *d)
{
	const struct user_namespace *ns;

	if (l->owns && uid_eq(l->uid, d->owner))
		return true;
	for (ns = l->below ? d->user_ns : NULL; ns; ns = ns->parent)
		if (ns == l->below)
			return true;
	return false;
}

static struct sk_buff *message(struct domus_domain *d, enum domus_event event, u32 portid,
			       struct user_namespace *names)
{
	struct sk_buff *msg = genlmsg_new(GENLMSG_DEFAULT_SIZE, GFP_KERNEL);
	void *hdr;

	if (!msg)
		return NULL;
	hdr = genlmsg_put(msg, portid, 0, &control_family, 0, DOMUS_CMD_DOMAIN_NTF);
	if (!hdr || nla_put_u32(msg, DOMUS_A_EVENT, event) ||
	    control_put_identity(msg, d, false, names)) {
		nlmsg_free(msg);
		return NULL;
	}
	genlmsg_end(msg, hdr);
	return msg;
}

void control_event(struct domus_domain *d, enum domus_event event)
{
	struct listener *l;
	struct sk_buff *msg;

	if (genl_has_listeners(&control_family, &init_net, CONTROL_GROUP_EVENTS)) {
		msg = message(d, event, 0, &init_user_ns);
		if (msg)
			genlmsg_multicast(&control_family, msg, 0, CONTROL_GROUP_EVENTS,
					  GFP_KERNEL);
	}
	mutex_lock(&listeners_lock);
	list_for_each_entry(l, &listeners, link) {
		if (!may_see(l, d))
			continue;
		msg = message(d, event, l->portid, l->names);
		if (msg)
			genlmsg_unicast(l->net, msg, l->portid);
	}
	mutex_unlock(&listeners_lock);
}

int control_events_init(void)
{
	return netlink_register_notifier(&closed_nb);
}

void control_events_exit(void)
{
	struct listener *l, *next;

	netlink_unregister_notifier(&closed_nb);
	mutex_lock(&listeners_lock);
	list_for_each_entry_safe(l, next, &listeners, link)
		forget(l);
	mutex_unlock(&listeners_lock);
}
