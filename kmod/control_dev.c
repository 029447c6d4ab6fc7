// SPDX-License-Identifier: GPL-2.0-only
/*
 * Control of devices: DOMUS_CMD_DEV_*.
 *
 *   1. policies
 *   2. a request: its domain, its device
 *   3. new
 *   4. del
 *   5. set: rates, size
 *   6. dump
 *
 * As in control.c: strict policies, refused with the limits by the core; the rest
 * is refused here, or below, with a text.
 */
#include <linux/blk_types.h>
#include <linux/ctype.h>
#include <linux/err.h>
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/if.h>
#include <linux/jiffies.h>
#include <linux/log2.h>
#include <linux/mutex.h>
#include <linux/nsproxy.h>
#include <linux/user_namespace.h>
#include <net/net_namespace.h>
#include <uapi/linux/virtio_config.h>

#include "blk.h"
#include "bus.h"
#include "control_priv.h"
#include "control_small.h"
#include "domain.h"
#include "net.h"

static_assert(DOMUS_DEV_RATE_MAX == BUS_RATE_MAX);
static_assert(DOMUS_DEV_RATE_BURST_MS_MAX == BUS_RATE_BURST_MS_MAX);

/* ---- 1. Policies ---------------------------------------------------------- */

static struct netlink_range_validation rate_range = {
	.max = DOMUS_DEV_RATE_MAX,
};

static struct netlink_range_validation burst_range = {
	.max = DOMUS_DEV_RATE_BURST_MS_MAX,
};

/* NLA_POLICY_RANGE() has no room for it. */
static struct netlink_range_validation mtu_range = {
	.min = NET_MTU_MIN,
	.max = NET_MTU_MAX,
};

static struct netlink_range_validation size_range = {
	.min = SECTOR_SIZE,
	.max = S64_MAX,
};

/* below are the host and what is nobody, above is anybody */
static struct netlink_range_validation cid_range = {
	.min = 3,
	.max = U32_MAX - 1ULL,
};

#define POLICY_DEV_NAME		{ .type = NLA_NUL_STRING, .len = DOMUS_DEV_NAME_MAX }
#define POLICY_RATES						\
	[DOMUS_A_DEV_RATE_BYTES] = NLA_POLICY_FULL_RANGE(NLA_U64, &rate_range),	\
	[DOMUS_A_DEV_RATE_OPS]	= NLA_POLICY_FULL_RANGE(NLA_U64, &rate_range),	\
	[DOMUS_A_DEV_RATE_BURST_MS] = NLA_POLICY_FULL_RANGE(NLA_U32, &burst_range)

static const struct nla_policy new_policy[DOMUS_A_DEV_MAX + 1] = {
	[DOMUS_A_DEV_NAME]	= POLICY_DEV_NAME,
	[DOMUS_A_DEV_KIND]	= NLA_POLICY_RANGE(NLA_U32, 1, DOMUS_DEV_KIND_MAX),
	[DOMUS_A_DEV_FD]	= NLA_POLICY_FULL_RANGE(NLA_U32, &control_fd_range),
	[DOMUS_A_DEV_FLAGS]	= NLA_POLICY_MASK(NLA_U32, DOMUS_DEV_FLAGS),
	[DOMUS_A_DEV_SERIAL]	= { .type = NLA_NUL_STRING, .len = DOMUS_DEV_SERIAL_MAX },
	[DOMUS_A_DEV_QUEUES]	= NLA_POLICY_RANGE(NLA_U32, 1, DOMUS_DEV_QUEUES_MAX),
	[DOMUS_A_DEV_QUEUE_SIZE] = NLA_POLICY_RANGE(NLA_U32, BLK_QUEUE_SIZE_MIN, VRING_SIZE_MAX),
	[DOMUS_A_DEV_MAC]	= NLA_POLICY_EXACT_LEN(ETH_ALEN),
	[DOMUS_A_DEV_IFNAME]	= { .type = NLA_NUL_STRING, .len = IFNAMSIZ - 1 },
	[DOMUS_A_DEV_MTU]	= NLA_POLICY_FULL_RANGE(NLA_U32, &mtu_range),
	[DOMUS_A_DEV_REPORTING]	= { .type = NLA_FLAG },
	[DOMUS_A_DEV_PORT]	= NLA_POLICY_NESTED(control_port_policy),
	[DOMUS_A_DEV_FEATURES]	= POLICY_U64,
	[DOMUS_A_DEV_CID]	= NLA_POLICY_FULL_RANGE(NLA_U64, &cid_range),
	[DOMUS_A_DEV_EVENTFDS]	= NLA_POLICY_EXACT_LEN(DOMUS_DEV_EVENTFDS * sizeof(u32)),
	POLICY_RATES,
};

static const struct nla_policy del_policy[DOMUS_A_DEV_MAX + 1] = {
	[DOMUS_A_DEV_NAME]	= POLICY_DEV_NAME,
	[DOMUS_A_DEV_TIMEOUT_MS] = NLA_POLICY_MAX(NLA_U32, DOMUS_DEV_TIMEOUT_MS_MAX),
	[DOMUS_A_DEV_FORCE]	= { .type = NLA_FLAG },
	[DOMUS_A_DEV_AGAIN]	= { .type = NLA_FLAG },
};

static const struct nla_policy set_policy[DOMUS_A_DEV_MAX + 1] = {
	[DOMUS_A_DEV_NAME]	= POLICY_DEV_NAME,
	[DOMUS_A_DEV_RESIZE]	= { .type = NLA_FLAG },
	[DOMUS_A_DEV_SIZE]	= NLA_POLICY_FULL_RANGE(NLA_U64, &size_range),
	[DOMUS_A_DEV_TARGET]	= POLICY_U64,
	[DOMUS_A_DEV_STATS]	= { .type = NLA_FLAG },
	[DOMUS_A_DEV_COLS]	= NLA_POLICY_MAX(NLA_U32, S16_MAX),
	[DOMUS_A_DEV_ROWS]	= NLA_POLICY_MAX(NLA_U32, S16_MAX),
	POLICY_RATES,
};

#define POLICY_REQUEST(dev_policy)				\
	[DOMUS_A_ID]		= POLICY_U32,			\
	[DOMUS_A_NAME]		= POLICY_NAME,			\
	[DOMUS_A_DEV]		= NLA_POLICY_NESTED(dev_policy)

const struct nla_policy control_dev_new_policy[DOMUS_A_MAX + 1] = {
	POLICY_REQUEST(new_policy),
};

const struct nla_policy control_dev_del_policy[DOMUS_A_MAX + 1] = {
	POLICY_REQUEST(del_policy),
};

const struct nla_policy control_dev_set_policy[DOMUS_A_MAX + 1] = {
	POLICY_REQUEST(set_policy),
};

/* ---- 2. A request --------------------------------------------------------- */

/* What DEV says, with a name. */
static int parse_dev(struct genl_info *info, const struct nla_policy *policy, struct nlattr **tb)
{
	int err;

	if (GENL_REQ_ATTR_CHECK(info, DOMUS_A_DEV)) {
		GENL_SET_ERR_MSG(info, "DEV is missing");
		return -EINVAL;
	}
	err = nla_parse_nested(tb, DOMUS_A_DEV_MAX, info->attrs[DOMUS_A_DEV], policy,
			       info->extack);
	if (!err && !tb[DOMUS_A_DEV_NAME]) {
		NL_SET_ERR_MSG_ATTR(info->extack, info->attrs[DOMUS_A_DEV],
				    "DEV_NAME is missing");
		err = -EINVAL;
	}
	return err;
}

/* The device of that name, with a reference, or ERR_PTR. A device keeps its name. */
static struct bus_device *find_device(struct domus_domain *d, const struct nlattr *name,
				      struct netlink_ext_ack *extack)
{
	struct bus_device *dev;
	unsigned int i;

	for (i = 0; i < DOMUS_MAX_DEVICES; i++) {
		dev = bus_get_slot(&d->bus, i);
		if (dev && !strcmp(dev->name, nla_data(name)))
			return dev;
		if (dev)
			bus_put(dev);
	}
	NL_SET_ERR_MSG_ATTR(extack, name, "the domain has no device of this name");
	return ERR_PTR(-ENOENT);
}

/* Limits of a device: per second, 0: none; @burst_ms: as of bus_rate_set(). */
struct rates {
	u64 bytes, ops;
	u32 burst_ms;
};

static struct rates get_rates(struct bus_device *dev)
{
	struct rates r;
	unsigned long flags;

	spin_lock_irqsave(&dev->rate.lock, flags);
	r.bytes = dev->rate.bytes.per_second;
	r.ops = dev->rate.ops.per_second;
	r.burst_ms = div_u64(dev->rate.burst_ns, NSEC_PER_MSEC);
	spin_unlock_irqrestore(&dev->rate.lock, flags);
	return r;
}

/* What is not said stays. Callers must not run side by side on a plugged device. */
static void set_rates(struct bus_device *dev, struct nlattr **tb)
{
	struct rates r = get_rates(dev);

	if (!tb[DOMUS_A_DEV_RATE_BYTES] && !tb[DOMUS_A_DEV_RATE_OPS] &&
	    !tb[DOMUS_A_DEV_RATE_BURST_MS])
		return;
	if (tb[DOMUS_A_DEV_RATE_BYTES])
		r.bytes = nla_get_u64(tb[DOMUS_A_DEV_RATE_BYTES]);
	if (tb[DOMUS_A_DEV_RATE_OPS])
		r.ops = nla_get_u64(tb[DOMUS_A_DEV_RATE_OPS]);
	if (tb[DOMUS_A_DEV_RATE_BURST_MS])
		r.burst_ms = nla_get_u32(tb[DOMUS_A_DEV_RATE_BURST_MS]);
	bus_rate_set(&dev->rate, r.bytes, r.ops, r.burst_ms);
}

/* ---- 3. New --------------------------------------------------------------- */

static u32 flags_of(struct nlattr **tb)
{
	return tb[DOMUS_A_DEV_FLAGS] ? nla_get_u32(tb[DOMUS_A_DEV_FLAGS]) : 0;
}

/* What is not said stays as it is. */
static int parse_queues(struct nlattr **tb, unsigned int least, unsigned int *queues,
			unsigned int *size, struct netlink_ext_ack *extack)
{
	if (tb[DOMUS_A_DEV_QUEUES])
		*queues = nla_get_u32(tb[DOMUS_A_DEV_QUEUES]);
	if (tb[DOMUS_A_DEV_QUEUE_SIZE])
		*size = nla_get_u32(tb[DOMUS_A_DEV_QUEUE_SIZE]);
	if (is_power_of_2(*size) && *size >= least)
		return 0;
	if (least == BLK_QUEUE_SIZE_MIN)
		NL_SET_ERR_MSG_ATTR(extack, tb[DOMUS_A_DEV_QUEUE_SIZE],
				    "queue-size: a power of two, 2 to 1024");
	else
		NL_SET_ERR_MSG_ATTR(extack, tb[DOMUS_A_DEV_QUEUE_SIZE],
				    "queue-size: a power of two, 16 to 1024");
	return -EINVAL;
}

static int parse_blk(const struct domus_domain *d, struct nlattr **tb, struct blk_params *p,
		     struct netlink_ext_ack *extack)
{
	u32 flags = flags_of(tb);
	const char *c;

	*p = (struct blk_params) {
		.readonly = flags & DOMUS_DEV_FLAG_READONLY,
		.shared = flags & DOMUS_DEV_FLAG_SHARED,
		.forced = flags & DOMUS_DEV_FLAG_FORCE,
		.writethrough = flags & DOMUS_DEV_FLAG_WRITETHROUGH,
		.queues = min(d->nr_vcpus, BLK_QUEUES_MAX + 0U),
		.queue_size = BLK_QUEUE_SIZE,
	};
	if (tb[DOMUS_A_DEV_SERIAL])
		p->serial = nla_data(tb[DOMUS_A_DEV_SERIAL]);
	for (c = p->serial; c && *c; c++) {
		if (!isascii(*c) || !isprint(*c)) {
			NL_SET_ERR_MSG_ATTR(extack, tb[DOMUS_A_DEV_SERIAL],
					    "serial: printable ASCII only");
			return -EINVAL;
		}
	}
	if (parse_queues(tb, BLK_QUEUE_SIZE_MIN, &p->queues, &p->queue_size, extack))
		return -EINVAL;
	if (!tb[DOMUS_A_DEV_FD]) {
		NL_SET_ERR_MSG_ATTR(extack, tb[DOMUS_A_DEV_KIND], "BLK needs DEV_FD");
		return -EINVAL;
	}
	return 0;
}

/* A reference for the caller, or ERR_PTR. */
static struct bus_device *new_blk(const struct domus_domain *d, struct nlattr **tb,
				  struct netlink_ext_ack *extack)
{
	struct bus_device *dev;
	struct blk_params p;
	int err;

	err = parse_blk(d, tb, &p, extack);
	if (err)
		return ERR_PTR(err);
	p.file = fget(nla_get_u32(tb[DOMUS_A_DEV_FD]));
	if (!p.file) {
		NL_SET_ERR_MSG_ATTR(extack, tb[DOMUS_A_DEV_FD],
				    "fd: no open file of the asker");
		return ERR_PTR(-EBADF);
	}
	dev = blk_new(&p, extack);
	if (dev == ERR_PTR(-EBUSY)) {
		/* by a disk that was taken away a moment ago? */
		bus_flush();
		extack->_msg = NULL;
		dev = blk_new(&p, extack);
	}
	fput(p.file);
	return dev;
}

/* The right is needed by who asks and, as in control.c, by who opened the socket. */
static int parse_net(struct sk_buff *skb, const struct domus_domain *d, struct nlattr **tb,
		     struct net_params *p, struct netlink_ext_ack *extack)
{
	*p = (struct net_params) {
		.net = current->nsproxy->net_ns,
		.pairs = min(d->nr_vcpus, NET_PAIRS_MAX + 0U),
		.queue_size = NET_QUEUE_SIZE,
		.mtu = NET_MTU,
	};
	if (!netlink_ns_capable(skb, p->net->user_ns, CAP_NET_ADMIN)) {
		NL_SET_ERR_MSG(extack, "a network interface of the host needs CAP_NET_ADMIN");
		return -EPERM;
	}
	if (!tb[DOMUS_A_DEV_MAC] || !tb[DOMUS_A_DEV_IFNAME]) {
		NL_SET_ERR_MSG_ATTR(extack, tb[DOMUS_A_DEV_KIND],
				    "NET needs DEV_MAC and DEV_IFNAME");
		return -EINVAL;
	}
	if (parse_queues(tb, NET_QUEUE_SIZE_MIN, &p->pairs, &p->queue_size, extack))
		return -EINVAL;
	if (p->pairs > NET_PAIRS_MAX) {
		NL_SET_ERR_MSG_ATTR(extack, tb[DOMUS_A_DEV_QUEUES],
				    "queues: a network interface has at most 8");
		return -EINVAL;
	}
	memcpy(p->mac, nla_data(tb[DOMUS_A_DEV_MAC]), ETH_ALEN);
	p->ifname = nla_data(tb[DOMUS_A_DEV_IFNAME]);
	if (tb[DOMUS_A_DEV_MTU])
		p->mtu = nla_get_u32(tb[DOMUS_A_DEV_MTU]);
	return 0;
}

static struct bus_device *new_net(struct sk_buff *skb, const struct domus_domain *d,
				  struct nlattr **tb, struct netlink_ext_ack *extack)
{
	struct net_params p;
	int err = parse_net(skb, d, tb, &p, extack);

	return err ? ERR_PTR(err) : net_new(&p, extack);
}

static struct bus_device *new_device(struct sk_buff *skb, const struct domus_domain *d,
				     const struct nlattr *dev_attr, struct nlattr **tb,
				     struct netlink_ext_ack *extack)
{
	switch (nla_get_u32(tb[DOMUS_A_DEV_KIND])) {
	case DOMUS_DEV_KIND_BLK:
		return new_blk(d, tb, extack);
	case DOMUS_DEV_KIND_NET:
		return new_net(skb, d, tb, extack);
	default:
		return control_small_new(d, dev_attr, tb, extack);
	}
}

/* What was never plugged. */
static void discard(struct bus_device *dev)
{
	if (net_is(dev))
		net_discard(dev);
	else
		bus_put(dev);
}

int control_dev_new(struct sk_buff *skb, struct genl_info *info)
{
	struct nlattr *tb[DOMUS_A_DEV_MAX + 1];
	struct bus_device *dev;
	struct domus_domain *d;
	int err;

	err = parse_dev(info, new_policy, tb);
	if (err)
		return err;
	if (!tb[DOMUS_A_DEV_KIND]) {
		NL_SET_ERR_MSG_ATTR(info->extack, info->attrs[DOMUS_A_DEV],
				    "DEV_KIND is missing");
		return -EINVAL;
	}
	d = control_find(skb, info);
	if (IS_ERR(d))
		return PTR_ERR(d);
	dev = new_device(skb, d, info->attrs[DOMUS_A_DEV], tb, info->extack);
	err = PTR_ERR_OR_ZERO(dev);
	if (!err) {
		set_rates(dev, tb);
		if (flags_of(tb) & DOMUS_DEV_FLAG_SPLIT)
			dev->offered &= ~BIT_ULL(VIRTIO_F_RING_PACKED);
		err = bus_add(d, dev, nla_data(tb[DOMUS_A_DEV_NAME]), info->extack);
		if (err)
			discard(dev);
	}
	domain_put(d);
	return control_refuse(info->extack, err);
}

/* ---- 4. Del --------------------------------------------------------------- */

/*
 * Generic netlink holds a lock of its own while a command runs, which nobody may
 * keep for long: hence the limit of the timeout. Who has more patience says so, and
 * asks again: meanwhile the guest does not see the request withdrawn.
 */
int control_dev_del(struct sk_buff *skb, struct genl_info *info)
{
	struct nlattr *tb[DOMUS_A_DEV_MAX + 1];
	struct domus_domain *d;
	u32 timeout = 0;
	int err;

	err = parse_dev(info, del_policy, tb);
	if (err)
		return err;
	d = control_find(skb, info);
	if (IS_ERR(d))
		return PTR_ERR(d);
	if (tb[DOMUS_A_DEV_TIMEOUT_MS])
		timeout = nla_get_u32(tb[DOMUS_A_DEV_TIMEOUT_MS]);
	err = bus_remove(d, nla_data(tb[DOMUS_A_DEV_NAME]), tb[DOMUS_A_DEV_FORCE],
			 msecs_to_jiffies(timeout), tb[DOMUS_A_DEV_AGAIN], info->extack);
	domain_put(d);
	return control_refuse(info->extack, err);
}

/* ---- 5. Set --------------------------------------------------------------- */

static int resize(struct bus_device *dev, const struct nlattr *size,
		  struct netlink_ext_ack *extack)
{
	if (!blk_is(dev)) {
		NL_SET_ERR_MSG(extack, "the device is no disk");
		return -EOPNOTSUPP;
	}
	return size ? blk_set_size(dev, nla_get_u64(size), extack) : blk_resize(dev, extack);
}

int control_dev_set(struct sk_buff *skb, struct genl_info *info)
{
	struct nlattr *tb[DOMUS_A_DEV_MAX + 1];
	struct bus_device *dev;
	struct domus_domain *d;
	int err;

	err = parse_dev(info, set_policy, tb);
	if (err)
		return err;
	d = control_find(skb, info);
	if (IS_ERR(d))
		return PTR_ERR(d);
	dev = find_device(d, tb[DOMUS_A_DEV_NAME], info->extack);
	domain_put(d);
	if (IS_ERR(dev))
		return PTR_ERR(dev);
	if (tb[DOMUS_A_DEV_RESIZE] || tb[DOMUS_A_DEV_SIZE])
		err = resize(dev, tb[DOMUS_A_DEV_SIZE], info->extack);
	if (!err)
		err = mutex_lock_killable(&dev->set);
	if (!err) {
		err = control_small_set(dev, tb, info->extack);
		if (!err)
			set_rates(dev, tb);
		mutex_unlock(&dev->set);
	}
	bus_put(dev);
	return control_refuse(info->extack, err);
}

/* ---- 6. Dump -------------------------------------------------------------- */

/*
 * Nothing here waits for a device's locks, which are kept as long as a guest's
 * requests take: what is read is what somebody saw a moment ago.
 */

/* A path longer than this is left out. */
#define PATH_SHOWN 512

/* Of any device: does it offer split rings only? */
static u32 ring_flag(const struct bus_device *dev)
{
	return dev->offered & BIT_ULL(VIRTIO_F_RING_PACKED) ? 0 : DOMUS_DEV_FLAG_SPLIT;
}

static int put_blk(struct sk_buff *msg, const struct bus_device *dev)
{
	char *buf, *path;
	int err = 0;

	if (nla_put_u32(msg, DOMUS_A_DEV_FLAGS, blk_flags(dev) | ring_flag(dev)) ||
	    nla_put_u64_64bit(msg, DOMUS_A_DEV_SIZE, blk_size(dev), DOMUS_A_DEV_PAD) ||
	    nla_put_string(msg, DOMUS_A_DEV_SERIAL, blk_serial(dev)))
		return -EMSGSIZE;
	buf = kmalloc(PATH_SHOWN, GFP_KERNEL);
	if (!buf)
		return -ENOMEM;
	path = file_path(blk_file(dev), buf, PATH_SHOWN);
	if (!IS_ERR(path))
		err = nla_put_string(msg, DOMUS_A_DEV_FILE, path);
	kfree(buf);
	return err;
}

static int put_nic(struct sk_buff *msg, const struct bus_device *dev)
{
	char name[IFNAMSIZ];
	unsigned int mtu;

	net_host_name(dev, name, &mtu);
	if (nla_put_u32(msg, DOMUS_A_DEV_FLAGS, ring_flag(dev)) ||
	    nla_put(msg, DOMUS_A_DEV_MAC, ETH_ALEN, net_mac(dev)) ||
	    nla_put_string(msg, DOMUS_A_DEV_IFNAME, name) ||
	    nla_put_u32(msg, DOMUS_A_DEV_IFINDEX, net_ifindex(dev)) ||
	    nla_put_u32(msg, DOMUS_A_DEV_MTU, mtu))
		return -EMSGSIZE;
	return 0;
}

static int put_queue(struct sk_buff *msg, const struct bus_queue *q)
{
	struct nlattr *nest = nla_nest_start(msg, DOMUS_A_DEV_QUEUE);
	u32 size = READ_ONCE(q->enabled) ? READ_ONCE(q->ring.c.size) : 0;

	if (!nest || nla_put_u32(msg, DOMUS_A_QUEUE_ID, q->nr) ||
	    nla_put_u32(msg, DOMUS_A_QUEUE_SIZE, size) ||
	    nla_put_u64_64bit(msg, DOMUS_A_QUEUE_KICKS, READ_ONCE(q->kicks),
			      DOMUS_A_QUEUE_PAD) ||
	    nla_put_u64_64bit(msg, DOMUS_A_QUEUE_BUFFERS, READ_ONCE(q->buffers),
			      DOMUS_A_QUEUE_PAD) ||
	    nla_put_u64_64bit(msg, DOMUS_A_QUEUE_SIGNALS, READ_ONCE(q->signals),
			      DOMUS_A_QUEUE_PAD) ||
	    nla_put_u32(msg, DOMUS_A_QUEUE_REQUESTS, READ_ONCE(q->requests)))
		return -EMSGSIZE;
	nla_nest_end(msg, nest);
	return 0;
}

static int put_counters(struct sk_buff *msg, struct bus_device *dev)
{
	const struct bus_ops *ops = dev->ops;
	struct nlattr *nest;
	unsigned int i;
	u64 *values;
	int err = 0;

	if (!ops->nr_counters)
		return 0;
	values = kcalloc(ops->nr_counters, sizeof(*values), GFP_KERNEL);
	if (!values)
		return -ENOMEM;
	ops->count(dev, values);
	for (i = 0; i < ops->nr_counters && !err; i++) {
		nest = nla_nest_start(msg, DOMUS_A_DEV_COUNTER);
		if (!nest || nla_put_string(msg, DOMUS_A_COUNTER_NAME, ops->counters[i]) ||
		    nla_put_u64_64bit(msg, DOMUS_A_COUNTER_VALUE, values[i],
				      DOMUS_A_COUNTER_PAD))
			err = -EMSGSIZE;
		else
			nla_nest_end(msg, nest);
	}
	kfree(values);
	return err;
}

static int put_state(struct sk_buff *msg, struct bus_device *dev)
{
	const char *broken = READ_ONCE(dev->broken);
	struct rates r = get_rates(dev);

	if (nla_put_string(msg, DOMUS_A_DEV_NAME, dev->name) ||
	    nla_put_u32(msg, DOMUS_A_DEV_KIND, control_small_kind(dev)) ||
	    nla_put_u32(msg, DOMUS_A_DEV_SLOT, dev->slot) ||
	    nla_put_u32(msg, DOMUS_A_DEV_STATUS, bus_status(dev)) ||
	    nla_put_u64_64bit(msg, DOMUS_A_DEV_FEATURES, READ_ONCE(dev->features),
			      DOMUS_A_DEV_PAD) ||
	    (broken && nla_put_string(msg, DOMUS_A_DEV_BROKEN, broken)) ||
	    (READ_ONCE(dev->leaving) && nla_put_flag(msg, DOMUS_A_DEV_LEAVING)) ||
	    nla_put_u64_64bit(msg, DOMUS_A_DEV_RATE_BYTES, r.bytes, DOMUS_A_DEV_PAD) ||
	    nla_put_u64_64bit(msg, DOMUS_A_DEV_RATE_OPS, r.ops, DOMUS_A_DEV_PAD) ||
	    nla_put_u32(msg, DOMUS_A_DEV_RATE_BURST_MS, r.burst_ms))
		return -EMSGSIZE;
	if (blk_is(dev))
		return put_blk(msg, dev);
	return net_is(dev) ? put_nic(msg, dev) : control_small_put(msg, dev);
}

static int put_dev(struct sk_buff *msg, struct netlink_callback *cb,
		   const struct domus_domain *d, struct bus_device *dev)
{
	struct nlattr *nest;
	unsigned int i;
	int err;
	void *hdr;

	hdr = genlmsg_put(msg, NETLINK_CB(cb->skb).portid, cb->nlh->nlmsg_seq, &control_family,
			  NLM_F_MULTI, DOMUS_CMD_DEV_GET);
	if (!hdr)
		return -EMSGSIZE;
	err = -EMSGSIZE;
	if (nla_put_u32(msg, DOMUS_A_ID, d->id) || nla_put_string(msg, DOMUS_A_NAME, d->name))
		goto cancel;
	nest = nla_nest_start(msg, DOMUS_A_DEV);
	if (!nest)
		goto cancel;
	err = put_state(msg, dev);
	for (i = 0; i < dev->nr_queues && !err; i++)
		err = put_queue(msg, &dev->queues[i]);
	if (!err)
		err = put_counters(msg, dev);
	if (err)
		goto cancel;
	nla_nest_end(msg, nest);
	genlmsg_end(msg, hdr);
	return 0;
cancel:
	genlmsg_cancel(msg, hdr);
	return err;
}

static int dump_devices(struct sk_buff *msg, struct netlink_callback *cb,
			struct domus_domain *d)
{
	struct control_cursor *at = (void *)cb->ctx;
	struct bus_device *dev;
	int err = 0;

	for (; at->item < DOMUS_MAX_DEVICES; at->item++) {
		dev = bus_get_slot(&d->bus, at->item);
		if (dev) {
			err = put_dev(msg, cb, d, dev);
			bus_put(dev);
		}
		if (err)
			return err;
		at->id = d->id;	/* of a slot that is empty, too: item counts from here */
	}
	return 0;
}

int control_dev_dump(struct sk_buff *msg, struct netlink_callback *cb)
{
	return control_dump(msg, cb, dump_devices);
}
