// SPDX-License-Identifier: GPL-2.0-only
/*
 * nl_dev.c: devices, through libnl; see nl_dev.h.
 *
 *   1. messages
 *   2. new, del, set
 *   3. list
 */
#include <errno.h>
#include <netlink/genl/genl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "attach.h"
#include "nl_dev.h"
#include "nl_priv.h"

/* ---- 1. Messages ----------------------------------------------------------- */

/* The "what" of an error about a device. */
struct label {
	char text[DOMUS_DEV_NAME_MAX + 16];
};

static struct label label_of(const char *kind, const char *name)
{
	struct label label;

	snprintf(label.text, sizeof(label.text), "%.8s %.*s", kind, DOMUS_DEV_NAME_MAX, name);
	return label;
}

/* A message with an open DEV that has a name. */
static struct nl_msg *begin(struct control *c, uint8_t command, const struct control_ref *ref,
			    const char *name, struct nlattr **dev)
{
	struct nl_msg *msg = control_message(c, command, NLM_F_ACK, ref);

	*dev = msg ? nla_nest_start(msg, DOMUS_A_DEV | NLA_F_NESTED) : NULL;
	return control_checked(msg, !*dev || nla_put_string(msg, DOMUS_A_DEV_NAME, name));
}

static int finish(struct control *c, struct nl_msg *msg, struct nlattr *dev, bool failed,
		  const char *kind, const char *name, struct error *error)
{
	msg = control_checked(msg, !msg || failed || nla_nest_end(msg, dev) < 0);
	return control_request(c, msg, label_of(kind, name).text, NULL, NULL, error);
}

bool control_put_rates(struct nl_msg *msg, const struct disk_rates *r)
{
	return (r->has_bytes && nla_put_u64(msg, DOMUS_A_DEV_RATE_BYTES, r->bytes)) ||
	       (r->has_ops && nla_put_u64(msg, DOMUS_A_DEV_RATE_OPS, r->ops)) ||
	       (r->has_burst && nla_put_u32(msg, DOMUS_A_DEV_RATE_BURST_MS, r->burst_ms));
}

/* ---- 2. New, del, set ------------------------------------------------------ */

int control_disk_new(struct control *c, const struct control_ref *ref, const struct disk *disk,
		     int fd, struct error *error)
{
	struct nlattr *dev;
	struct nl_msg *msg = begin(c, DOMUS_CMD_DEV_NEW, ref, disk->name, &dev);
	bool failed = !msg || nla_put_u32(msg, DOMUS_A_DEV_KIND, DOMUS_DEV_KIND_BLK) ||
		      nla_put_u32(msg, DOMUS_A_DEV_FD, (uint32_t)fd) ||
		      nla_put_u32(msg, DOMUS_A_DEV_FLAGS, disk->flags) ||
		      (*disk->serial &&
		       nla_put_string(msg, DOMUS_A_DEV_SERIAL, disk->serial)) ||
		      (disk->queues && nla_put_u32(msg, DOMUS_A_DEV_QUEUES, disk->queues)) ||
		      (disk->queue_size &&
		       nla_put_u32(msg, DOMUS_A_DEV_QUEUE_SIZE, disk->queue_size)) ||
		      control_put_rates(msg, &disk->rates);

	return finish(c, msg, dev, failed, "disk", disk->name, error);
}

int control_nic_new(struct control *c, const struct control_ref *ref, const struct nic *nic,
		    struct error *error)
{
	struct nlattr *dev;
	struct nl_msg *msg = begin(c, DOMUS_CMD_DEV_NEW, ref, nic->name, &dev);
	bool failed = !msg || nla_put_u32(msg, DOMUS_A_DEV_KIND, DOMUS_DEV_KIND_NET) ||
		      nla_put(msg, DOMUS_A_DEV_MAC, sizeof(nic->mac), nic->mac) ||
		      nla_put_string(msg, DOMUS_A_DEV_IFNAME, nic->ifname) ||
		      (nic->flags && nla_put_u32(msg, DOMUS_A_DEV_FLAGS, nic->flags)) ||
		      (nic->mtu && nla_put_u32(msg, DOMUS_A_DEV_MTU, nic->mtu)) ||
		      (nic->queues && nla_put_u32(msg, DOMUS_A_DEV_QUEUES, nic->queues)) ||
		      (nic->queue_size &&
		       nla_put_u32(msg, DOMUS_A_DEV_QUEUE_SIZE, nic->queue_size)) ||
		      control_put_rates(msg, &nic->rates);

	return finish(c, msg, dev, failed, "net", nic->name, error);
}

static int del(struct control *c, const struct control_ref *ref, const char *kind,
	       const char *name, uint32_t timeout_ms, bool force, bool again,
	       struct error *error)
{
	struct nlattr *dev;
	struct nl_msg *msg = begin(c, DOMUS_CMD_DEV_DEL, ref, name, &dev);
	bool failed = !msg || nla_put_u32(msg, DOMUS_A_DEV_TIMEOUT_MS, timeout_ms) ||
		      (force && nla_put_flag(msg, DOMUS_A_DEV_FORCE)) ||
		      (again && nla_put_flag(msg, DOMUS_A_DEV_AGAIN));

	return finish(c, msg, dev, failed, kind, name, error);
}

int control_dev_del(struct control *c, const struct control_ref *ref, const char *kind,
		    const char *name, uint64_t timeout_ms, bool force, struct error *error)
{
	const int64_t deadline = attach_now() + (int64_t)timeout_ms;

	for (;;) {
		int64_t left = deadline - attach_now();
		struct error refusal = { 0 };
		uint32_t now = left <= 0 ? 0 :
			       left < DOMUS_DEV_TIMEOUT_MS_MAX ? (uint32_t)left :
								 DOMUS_DEV_TIMEOUT_MS_MAX;

		if (!del(c, ref, kind, name, now, force, left > now, &refusal))
			return 0;
		if (refusal.err != ETIMEDOUT || left <= now) {
			*error = refusal;
			return -1;
		}
	}
}

int control_dev_set_rates(struct control *c, const struct control_ref *ref, const char *kind,
			  const char *name, const struct disk_rates *rates,
			  struct error *error)
{
	struct nlattr *dev;
	struct nl_msg *msg = begin(c, DOMUS_CMD_DEV_SET, ref, name, &dev);

	return finish(c, msg, dev, !msg || control_put_rates(msg, rates), kind, name, error);
}

int control_dev_resize(struct control *c, const struct control_ref *ref, const char *name,
		       uint64_t size, struct error *error)
{
	struct nlattr *dev;
	struct nl_msg *msg = begin(c, DOMUS_CMD_DEV_SET, ref, name, &dev);
	bool failed = !msg || nla_put_flag(msg, DOMUS_A_DEV_RESIZE) ||
		      (size && nla_put_u64(msg, DOMUS_A_DEV_SIZE, size));

	return finish(c, msg, dev, failed, "disk", name, error);
}

/* ---- 3. List --------------------------------------------------------------- */

static void fill_queue(struct nlattr *nest, struct control_dev *d)
{
	struct nlattr *tb[DOMUS_A_QUEUE_MAX + 1];

	if (d->nr_queues == CONTROL_QUEUES_MAX ||
	    nla_parse_nested(tb, DOMUS_A_QUEUE_MAX, nest, NULL))
		return;
	d->queues[d->nr_queues++] = (struct control_queue) {
		.id = get_u32(tb[DOMUS_A_QUEUE_ID]),
		.size = get_u32(tb[DOMUS_A_QUEUE_SIZE]),
		.kicks = get_u64(tb[DOMUS_A_QUEUE_KICKS]),
		.buffers = get_u64(tb[DOMUS_A_QUEUE_BUFFERS]),
		.signals = get_u64(tb[DOMUS_A_QUEUE_SIGNALS]),
		.requests = get_u32(tb[DOMUS_A_QUEUE_REQUESTS]),
	};
}

static void fill_counter(struct nlattr *nest, struct control_dev *d)
{
	struct nlattr *tb[DOMUS_A_COUNTER_MAX + 1];

	if (d->nr_counters == CONTROL_COUNTERS_MAX ||
	    nla_parse_nested(tb, DOMUS_A_COUNTER_MAX, nest, NULL))
		return;
	get_text(d->counters[d->nr_counters].name, sizeof(d->counters->name),
		 tb[DOMUS_A_COUNTER_NAME]);
	d->counters[d->nr_counters++].value = get_u64(tb[DOMUS_A_COUNTER_VALUE]);
}

static void fill_port(struct nlattr *nest, struct control_dev *d)
{
	struct nlattr *tb[DOMUS_A_PORT_MAX + 1];

	if (d->nr_ports == DOMUS_DEV_PORTS_MAX ||
	    nla_parse_nested(tb, DOMUS_A_PORT_MAX, nest, NULL))
		return;
	get_text(d->ports[d->nr_ports].name, sizeof(d->ports->name), tb[DOMUS_A_PORT_NAME]);
	get_text(d->ports[d->nr_ports].path, sizeof(d->ports->path), tb[DOMUS_A_PORT_PATH]);
	d->ports[d->nr_ports].terminal = tb[DOMUS_A_PORT_TERMINAL];
	d->ports[d->nr_ports].guest = tb[DOMUS_A_PORT_GUEST];
	d->ports[d->nr_ports++].host = tb[DOMUS_A_PORT_HOST];
}

static void fill_dev(struct nlattr **tb, struct control_dev *d)
{
	get_text(d->name, sizeof(d->name), tb[DOMUS_A_DEV_NAME]);
	d->kind = get_u32(tb[DOMUS_A_DEV_KIND]);
	d->slot = get_u32(tb[DOMUS_A_DEV_SLOT]);
	d->flags = get_u32(tb[DOMUS_A_DEV_FLAGS]);
	d->status = get_u32(tb[DOMUS_A_DEV_STATUS]);
	d->features = get_u64(tb[DOMUS_A_DEV_FEATURES]);
	d->size = get_u64(tb[DOMUS_A_DEV_SIZE]);
	get_text(d->serial, sizeof(d->serial), tb[DOMUS_A_DEV_SERIAL]);
	get_text(d->file, sizeof(d->file), tb[DOMUS_A_DEV_FILE]);
	get_text(d->broken, sizeof(d->broken), tb[DOMUS_A_DEV_BROKEN]);
	d->leaving = tb[DOMUS_A_DEV_LEAVING];
	if (tb[DOMUS_A_DEV_MAC] && nla_len(tb[DOMUS_A_DEV_MAC]) == sizeof(d->mac))
		memcpy(d->mac, nla_data(tb[DOMUS_A_DEV_MAC]), sizeof(d->mac));
	get_text(d->ifname, sizeof(d->ifname), tb[DOMUS_A_DEV_IFNAME]);
	d->ifindex = get_u32(tb[DOMUS_A_DEV_IFINDEX]);
	d->mtu = get_u32(tb[DOMUS_A_DEV_MTU]);
	d->rate_bytes = get_u64(tb[DOMUS_A_DEV_RATE_BYTES]);
	d->rate_ops = get_u64(tb[DOMUS_A_DEV_RATE_OPS]);
	d->rate_burst_ms = get_u32(tb[DOMUS_A_DEV_RATE_BURST_MS]);
	d->reporting = tb[DOMUS_A_DEV_REPORTING];
	d->target = get_u64(tb[DOMUS_A_DEV_TARGET]);
	d->actual = get_u64(tb[DOMUS_A_DEV_ACTUAL]);
	d->cid = get_u64(tb[DOMUS_A_DEV_CID]);
}

static int answer_dev(struct nlattr **a, void *arg)
{
	struct nlattr *tb[DOMUS_A_DEV_MAX + 1];
	struct control_dev *d = control_add(arg);
	struct nlattr *attr;
	int rem = 0;

	if (!d)
		return -1;
	if (!a[DOMUS_A_DEV] || nla_parse_nested(tb, DOMUS_A_DEV_MAX, a[DOMUS_A_DEV], NULL))
		return 0;
	d->domain = get_u32(a[DOMUS_A_ID]);
	get_text(d->domain_name, sizeof(d->domain_name), a[DOMUS_A_NAME]);
	fill_dev(tb, d);
	nla_for_each_nested(attr, a[DOMUS_A_DEV], rem) {
		if (nla_type(attr) == DOMUS_A_DEV_QUEUE)
			fill_queue(attr, d);
		if (nla_type(attr) == DOMUS_A_DEV_COUNTER)
			fill_counter(attr, d);
		if (nla_type(attr) == DOMUS_A_DEV_PORT)
			fill_port(attr, d);
	}
	return 0;
}

const struct control_dev *control_dev_find(const struct control_dev *devs, size_t nr,
					   const char *name)
{
	for (size_t i = 0; i < nr; i++)
		if (!strcmp(devs[i].name, name))
			return &devs[i];
	return NULL;
}

int control_dev_list(struct control *c, const struct control_ref *ref,
		     struct control_dev **devs, size_t *nr, struct error *error)
{
	struct control_items list = { .size = sizeof(**devs) };
	char what[DOMUS_NAME_MAX + 16] = "devices";

	if (ref)
		snprintf(what, sizeof(what), "domain %s", ref->name);
	if (control_request(c, control_message(c, DOMUS_CMD_DEV_GET, NLM_F_DUMP, ref), what,
			    answer_dev, &list, error)) {
		free(list.items);
		return -1;
	}
	*devs = (struct control_dev *)(void *)list.items;
	*nr = list.nr;
	return 0;
}
