// SPDX-License-Identifier: GPL-2.0-only
/*
 * Control of the small devices: what DEV_NEW, DEV_SET and DEV_GET say of them.
 *
 *   1. kinds
 *   2. new
 *   3. set
 *   4. dump
 */
#include <linux/err.h>
#include <linux/file.h>
#include <linux/mutex.h>
#include <uapi/linux/virtio_ids.h>

#include "balloon.h"
#include "bus.h"
#include "control_priv.h"
#include "control_small.h"
#include "domain.h"
#include "rng.h"
#include "vcon.h"
#include "vsock.h"

/* ---- 1. Kinds ------------------------------------------------------------- */

u32 control_small_kind(const struct bus_device *dev)
{
	switch (dev->ops->type) {
	case VIRTIO_ID_BLOCK:
		return DOMUS_DEV_KIND_BLK;
	case VIRTIO_ID_NET:
		return DOMUS_DEV_KIND_NET;
	case VIRTIO_ID_RNG:
		return DOMUS_DEV_KIND_RNG;
	case VIRTIO_ID_BALLOON:
		return DOMUS_DEV_KIND_BALLOON;
	case VIRTIO_ID_CONSOLE:
		return DOMUS_DEV_KIND_CONSOLE;
	case VIRTIO_ID_VSOCK:
		return DOMUS_DEV_KIND_VSOCK;
	default:
		return DOMUS_DEV_KIND_UNSPEC;
	}
}

/* ---- 2. New --------------------------------------------------------------- */

/*
 * Its packets are vhost's, and nobody here counts them: a limit that nothing obeys is not
 * taken. Return: 0, or < 0 with a text.
 */
static int refuse_rates(struct nlattr **tb, struct netlink_ext_ack *extack)
{
	if (tb[DOMUS_A_DEV_RATE_BYTES])
		NL_SET_ERR_MSG_ATTR(extack, tb[DOMUS_A_DEV_RATE_BYTES],
				    "rate: a socket device has no limits");
	else if (tb[DOMUS_A_DEV_RATE_OPS])
		NL_SET_ERR_MSG_ATTR(extack, tb[DOMUS_A_DEV_RATE_OPS],
				    "ops: a socket device has no limits");
	else if (tb[DOMUS_A_DEV_RATE_BURST_MS])
		NL_SET_ERR_MSG_ATTR(extack, tb[DOMUS_A_DEV_RATE_BURST_MS],
				    "burst: a socket device has no limits");
	else
		return 0;
	return -EOPNOTSUPP;
}

static struct bus_device *new_vsock(const struct domus_domain *d, struct nlattr **tb,
				    struct netlink_ext_ack *extack)
{
	struct vsock_params p = {};
	int err;

	if (current->mm != d->mm) {
		NL_SET_ERR_MSG(extack, "only the holder can make a socket device");
		return ERR_PTR(-EIO);
	}
	if (!tb[DOMUS_A_DEV_CID] || !tb[DOMUS_A_DEV_EVENTFDS]) {
		NL_SET_ERR_MSG_ATTR(extack, tb[DOMUS_A_DEV_KIND],
				    "VSOCK needs DEV_CID and DEV_EVENTFDS");
		return ERR_PTR(-EINVAL);
	}
	err = refuse_rates(tb, extack);
	if (err)
		return ERR_PTR(err);
	p.cid = nla_get_u64(tb[DOMUS_A_DEV_CID]);
	if (tb[DOMUS_A_DEV_FEATURES])
		p.features = nla_get_u64(tb[DOMUS_A_DEV_FEATURES]);
	nla_memcpy(p.fds, tb[DOMUS_A_DEV_EVENTFDS], sizeof(p.fds));
	return vsock_new(&p, extack);
}

const struct nla_policy control_port_policy[DOMUS_A_PORT_MAX + 1] = {
	[DOMUS_A_PORT_NAME]	= { .type = NLA_NUL_STRING, .len = DOMUS_DEV_NAME_MAX },
	[DOMUS_A_PORT_FD]	= NLA_POLICY_FULL_RANGE(NLA_U32, &control_fd_range),
	[DOMUS_A_PORT_TERMINAL]	= { .type = NLA_FLAG },
};

/* One DEV_PORT. @p gets a file of its own. Return: 0, or < 0 with a text. */
static int parse_port(const struct nlattr *nest, struct vcon_param *p,
		      struct netlink_ext_ack *extack)
{
	struct nlattr *tb[DOMUS_A_PORT_MAX + 1];
	int err;

	err = nla_parse_nested(tb, DOMUS_A_PORT_MAX, nest, control_port_policy, extack);
	if (err)
		return err;
	if (!tb[DOMUS_A_PORT_NAME] || !tb[DOMUS_A_PORT_FD]) {
		NL_SET_ERR_MSG_ATTR(extack, nest, "a port needs PORT_NAME and PORT_FD");
		return -EINVAL;
	}
	p->name = nla_data(tb[DOMUS_A_PORT_NAME]);
	p->terminal = tb[DOMUS_A_PORT_TERMINAL];
	p->file = fget(nla_get_u32(tb[DOMUS_A_PORT_FD]));
	if (p->file)
		return 0;
	NL_SET_ERR_MSG_ATTR(extack, tb[DOMUS_A_PORT_FD], "fd: no open file of the asker");
	return -EBADF;
}

/* @dev_attr: DEV itself, as its ports are repeated. */
static struct bus_device *new_console(const struct nlattr *dev_attr,
				      struct netlink_ext_ack *extack)
{
	struct vcon_param params[DOMUS_DEV_PORTS_MAX];
	struct bus_device *dev = NULL;
	const struct nlattr *attr;
	unsigned int nr = 0;
	int rem, err = 0;

	nla_for_each_nested(attr, dev_attr, rem) {
		if (nla_type(attr) != DOMUS_A_DEV_PORT)
			continue;
		err = -E2BIG;
		if (nr == DOMUS_DEV_PORTS_MAX)
			NL_SET_ERR_MSG_ATTR(extack, attr, "a device has at most 15 ports");
		else
			err = parse_port(attr, &params[nr], extack);
		if (err)
			goto out;
		nr++;
	}
	err = -EINVAL;
	if (nr)
		dev = vcon_new(params, nr, extack);
	else
		NL_SET_ERR_MSG_ATTR(extack, dev_attr, "CONSOLE needs a DEV_PORT");
out:
	while (nr--)
		fput(params[nr].file);
	return dev ?: ERR_PTR(err);
}

struct bus_device *control_small_new(const struct domus_domain *d,
				     const struct nlattr *dev_attr, struct nlattr **tb,
				     struct netlink_ext_ack *extack)
{
	switch (nla_get_u32(tb[DOMUS_A_DEV_KIND])) {
	case DOMUS_DEV_KIND_RNG:
		return rng_new();
	case DOMUS_DEV_KIND_BALLOON:
		return balloon_new(d, tb[DOMUS_A_DEV_REPORTING]);
	case DOMUS_DEV_KIND_CONSOLE:
		return new_console(dev_attr, extack);
	case DOMUS_DEV_KIND_VSOCK:
		return new_vsock(d, tb, extack);
	default:
		return ERR_PTR(-EOPNOTSUPP);	/* not by the policy */
	}
}

/* ---- 3. Set --------------------------------------------------------------- */

static int refresh(struct bus_device *dev, struct netlink_ext_ack *extack)
{
	int err = balloon_refresh(dev);

	if (err == -EOPNOTSUPP)
		NL_SET_ERR_MSG(extack, "no driver of the guest has statistics");
	else if (err == -ETIMEDOUT)
		NL_SET_ERR_MSG(extack, "the guest does not answer");
	return err;
}

static int set_balloon(struct bus_device *dev, struct nlattr **tb, struct netlink_ext_ack *extack)
{
	int err = 0;

	if (!balloon_is(dev)) {
		NL_SET_ERR_MSG(extack, "the device is no balloon");
		return -EOPNOTSUPP;
	}
	if (tb[DOMUS_A_DEV_TARGET])
		err = balloon_set(dev, nla_get_u64(tb[DOMUS_A_DEV_TARGET]), extack);
	if (!err && tb[DOMUS_A_DEV_STATS])
		err = refresh(dev, extack);
	return err;
}

static int set_size(struct bus_device *dev, struct nlattr **tb, struct netlink_ext_ack *extack)
{
	int err = -EOPNOTSUPP;

	if (!tb[DOMUS_A_DEV_COLS] || !tb[DOMUS_A_DEV_ROWS]) {
		NL_SET_ERR_MSG(extack, "a terminal has both DEV_COLS and DEV_ROWS");
		return -EINVAL;
	}
	if (vcon_is(dev))
		err = vcon_resize(dev, nla_get_u32(tb[DOMUS_A_DEV_COLS]),
				  nla_get_u32(tb[DOMUS_A_DEV_ROWS]));
	if (err)
		NL_SET_ERR_MSG(extack, "the device has no terminal");
	return err;
}

int control_small_set(struct bus_device *dev, struct nlattr **tb,
		      struct netlink_ext_ack *extack)
{
	if (tb[DOMUS_A_DEV_TARGET] || tb[DOMUS_A_DEV_STATS])
		return set_balloon(dev, tb, extack);
	if (tb[DOMUS_A_DEV_COLS] || tb[DOMUS_A_DEV_ROWS])
		return set_size(dev, tb, extack);
	return vsock_is(dev) ? refuse_rates(tb, extack) : 0;
}

/* ---- 4. Dump -------------------------------------------------------------- */

static int put_balloon(struct sk_buff *msg, const struct bus_device *dev)
{
	if ((balloon_reporting(dev) && nla_put_flag(msg, DOMUS_A_DEV_REPORTING)) ||
	    nla_put_u64_64bit(msg, DOMUS_A_DEV_TARGET, balloon_target(dev), DOMUS_A_DEV_PAD) ||
	    nla_put_u64_64bit(msg, DOMUS_A_DEV_ACTUAL, balloon_actual(dev), DOMUS_A_DEV_PAD))
		return -EMSGSIZE;
	return 0;
}

static int put_port(struct sk_buff *msg, const struct bus_device *dev, unsigned int nr)
{
	struct nlattr *nest = nla_nest_start(msg, DOMUS_A_DEV_PORT);
	struct vcon_port_state s;

	vcon_port(dev, nr, &s);
	if (!nest || nla_put_u32(msg, DOMUS_A_PORT_ID, nr) ||
	    nla_put_string(msg, DOMUS_A_PORT_NAME, s.name) ||
	    (*s.path && nla_put_string(msg, DOMUS_A_PORT_PATH, s.path)) ||
	    (s.terminal && nla_put_flag(msg, DOMUS_A_PORT_TERMINAL)) ||
	    (s.guest && nla_put_flag(msg, DOMUS_A_PORT_GUEST)) ||
	    (s.host && nla_put_flag(msg, DOMUS_A_PORT_HOST)))
		return -EMSGSIZE;
	nla_nest_end(msg, nest);
	return 0;
}

int control_small_put(struct sk_buff *msg, struct bus_device *dev)
{
	unsigned int i;
	int err = 0;

	if (balloon_is(dev))
		return put_balloon(msg, dev);
	if (vsock_is(dev))
		return nla_put_u64_64bit(msg, DOMUS_A_DEV_CID, vsock_cid(dev), DOMUS_A_DEV_PAD);
	for (i = 0; vcon_is(dev) && i < vcon_nr(dev) && !err; i++)
		err = put_port(msg, dev, i);
	return err;
}
