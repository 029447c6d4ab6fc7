// SPDX-License-Identifier: GPL-2.0-only
/* nl_small.c: small devices, through libnl; see nl_small.h. */
#include <linux/virtio_config.h>
#include <netlink/genl/genl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "nl_priv.h"
#include "nl_small.h"
#include "runtime.h"

/* A message with an open DEV that has a name. */
static struct nl_msg *begin(struct control *c, uint8_t command, const struct control_ref *ref,
			    const char *name, struct nlattr **dev)
{
	struct nl_msg *msg = control_message(c, command, NLM_F_ACK, ref);

	*dev = msg ? nla_nest_start(msg, DOMUS_A_DEV | NLA_F_NESTED) : NULL;
	return control_checked(msg, !*dev || nla_put_string(msg, DOMUS_A_DEV_NAME, name));
}

static int finish(struct control *c, struct nl_msg *msg, struct nlattr *dev, bool failed,
		  const char *name, struct error *error)
{
	char what[DOMUS_DEV_NAME_MAX + 16];

	snprintf(what, sizeof(what), "device %.*s", DOMUS_DEV_NAME_MAX, name);
	msg = control_checked(msg, !msg || failed || nla_nest_end(msg, dev) < 0);
	return control_request(c, msg, what, NULL, NULL, error);
}

static int new_rng(struct control *c, const struct control_ref *ref, const struct small *small,
		   struct error *error)
{
	struct nlattr *dev;
	struct nl_msg *msg = begin(c, DOMUS_CMD_DEV_NEW, ref, SMALL_RNG, &dev);
	bool failed = !msg || nla_put_u32(msg, DOMUS_A_DEV_KIND, DOMUS_DEV_KIND_RNG) ||
		      control_put_rates(msg, &small->rng_rates);

	return finish(c, msg, dev, failed, SMALL_RNG, error);
}

static int new_balloon(struct control *c, const struct control_ref *ref,
		       const struct small *small, struct error *error)
{
	struct nlattr *dev;
	struct nl_msg *msg = begin(c, DOMUS_CMD_DEV_NEW, ref, SMALL_BALLOON, &dev);
	bool failed = !msg || nla_put_u32(msg, DOMUS_A_DEV_KIND, DOMUS_DEV_KIND_BALLOON) ||
		      (small->reporting && nla_put_flag(msg, DOMUS_A_DEV_REPORTING));

	return finish(c, msg, dev, failed, SMALL_BALLOON, error);
}

struct port_fd {
	const char *name;
	int fd;
	bool terminal;
};

static bool put_port(struct nl_msg *msg, const struct port_fd *p)
{
	struct nlattr *nest = nla_nest_start(msg, DOMUS_A_DEV_PORT | NLA_F_NESTED);

	return !nest || nla_put_string(msg, DOMUS_A_PORT_NAME, p->name) ||
	       nla_put_u32(msg, DOMUS_A_PORT_FD, (uint32_t)p->fd) ||
	       (p->terminal && nla_put_flag(msg, DOMUS_A_PORT_TERMINAL)) ||
	       nla_nest_end(msg, nest) < 0;
}

static int new_ports(struct control *c, const struct control_ref *ref, const char *device,
		     const struct port_fd *ports, size_t nr, const struct disk_rates *rates,
		     struct error *error)
{
	struct nlattr *dev;
	struct nl_msg *msg = begin(c, DOMUS_CMD_DEV_NEW, ref, device, &dev);
	bool failed = !msg || nla_put_u32(msg, DOMUS_A_DEV_KIND, DOMUS_DEV_KIND_CONSOLE) ||
		      control_put_rates(msg, rates);

	for (size_t i = 0; i < nr && !failed; i++)
		failed = put_port(msg, &ports[i]);
	return finish(c, msg, dev, failed, device, error);
}

int control_port_new(struct control *c, const struct control_ref *ref, const char *device,
		     const char *port, int fd, const struct disk_rates *rates,
		     struct error *error)
{
	const struct port_fd one = { .name = port, .fd = fd };

	return new_ports(c, ref, device, &one, 1, rates, error);
}

/* The files are the module's from here on; what is left of failure is the path. */
static int new_console(struct control *c, const struct control_ref *ref,
		       const struct small *small, struct error *error)
{
	const struct disk_rates unlimited = { .has_bytes = false };
	struct port_fd ports[DOMUS_DEV_PORTS_MAX];
	char path[PORT_PATH_MAX + 1];
	size_t nr = 0;
	int result = 0;

	if (small->terminal) {
		ports[nr] = (struct port_fd) {
			.name = SMALL_TERMINAL,
			.fd = runtime_terminal(ref->name, path, error),
			.terminal = true,
		};
		result = ports[nr++].fd < 0 ? -1 : 0;
	}
	for (size_t i = 0; i < small->nr_ports && !result; i++) {
		ports[nr] = (struct port_fd) {
			.name = small->ports[i].name,
			.fd = port_listen(small->ports[i].path, error),
		};
		result = ports[nr++].fd < 0 ? -1 : 0;
	}
	if (!result)
		result = new_ports(c, ref, SMALL_CONSOLE, ports, nr, &unlimited, error);
	for (size_t i = 0; i < nr; i++) {
		bool terminal = ports[i].terminal;

		if (result && ports[i].fd >= 0)
			port_remove(terminal ? path : small->ports[i - small->terminal].path);
		if (ports[i].fd >= 0)
			close(ports[i].fd);
	}
	return result;
}

void control_ports_remove(struct control *c, const struct control_ref *ref)
{
	struct control_dev *devs = NULL;
	struct error ignored = { 0 };
	size_t nr = 0;

	if (control_dev_list(c, ref, &devs, &nr, &ignored))
		return;
	for (size_t i = 0; i < nr; i++)
		for (unsigned int j = 0; j < devs[i].nr_ports; j++)
			port_remove(devs[i].ports[j].path);
	free(devs);
}

int control_vsock_new(struct control *c, const struct control_ref *ref, const char *name,
		      uint64_t cid, uint64_t features, const int *eventfds,
		      struct error *error)
{
	struct nlattr *dev;
	struct nl_msg *msg = begin(c, DOMUS_CMD_DEV_NEW, ref, name, &dev);
	bool failed = !msg || nla_put_u32(msg, DOMUS_A_DEV_KIND, DOMUS_DEV_KIND_VSOCK) ||
		      nla_put_u64(msg, DOMUS_A_DEV_CID, cid) ||
		      nla_put_u64(msg, DOMUS_A_DEV_FEATURES, features) ||
		      nla_put(msg, DOMUS_A_DEV_EVENTFDS,
			      DOMUS_DEV_EVENTFDS * (int)sizeof(*eventfds), eventfds);

	return finish(c, msg, dev, failed, name, error);
}

int control_terminal_size(struct control *c, const struct control_ref *ref, const char *device,
			  uint16_t cols, uint16_t rows, struct error *error)
{
	struct nlattr *dev;
	struct nl_msg *msg = begin(c, DOMUS_CMD_DEV_SET, ref, device, &dev);
	bool failed = !msg || nla_put_u32(msg, DOMUS_A_DEV_COLS, cols) ||
		      nla_put_u32(msg, DOMUS_A_DEV_ROWS, rows);

	return finish(c, msg, dev, failed, device, error);
}

int control_small_new(struct control *c, const struct control_ref *ref,
		      const struct small *small, struct error *error)
{
	if (small->rng == SMALL_YES && new_rng(c, ref, small, error))
		return -1;
	if (small->balloon == SMALL_YES && new_balloon(c, ref, small, error))
		return -1;
	if ((small->terminal || small->nr_ports) && new_console(c, ref, small, error))
		return -1;
	return 0;
}

int control_balloon_set(struct control *c, const struct control_ref *ref, const char *name,
			uint64_t left, struct error *error)
{
	struct nlattr *dev;
	struct nl_msg *msg = begin(c, DOMUS_CMD_DEV_SET, ref, name, &dev);

	return finish(c, msg, dev, !msg || nla_put_u64(msg, DOMUS_A_DEV_TARGET, left), name,
		      error);
}

static void refresh(struct control *c, const struct control_ref *ref, const char *name)
{
	struct error ignored = { 0 };
	struct nlattr *dev;
	struct nl_msg *msg = begin(c, DOMUS_CMD_DEV_SET, ref, name, &dev);

	(void)finish(c, msg, dev, !msg || nla_put_flag(msg, DOMUS_A_DEV_STATS), name, &ignored);
}

void control_balloon_refresh(struct control *c, const struct control_ref *ref)
{
	struct control_dev *devs = NULL;
	struct error ignored = { 0 };
	size_t nr = 0;

	if (control_dev_list(c, ref, &devs, &nr, &ignored))
		return;
	for (size_t i = 0; i < nr; i++)
		if (devs[i].kind == DOMUS_DEV_KIND_BALLOON &&
		    devs[i].status & VIRTIO_CONFIG_S_DRIVER_OK)
			refresh(c, ref, devs[i].name);
	free(devs);
}
