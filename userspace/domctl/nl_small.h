/* SPDX-License-Identifier: GPL-2.0-only */
/* Small devices, seen through generic netlink: DOMUS_CMD_DEV_*. As nl_dev.h. */
#ifndef DOMCTL_NL_SMALL_H
#define DOMCTL_NL_SMALL_H

#include "nl_dev.h"
#include "small.h"

/*
 * DEV_NEW of each device that @small has. Sockets of ports are made here. Return: 0, or -1:
 * the domain is to go, and control_ports_remove() before it.
 */
int control_small_new(struct control *c, const struct control_ref *ref,
		      const struct small *small, struct error *error);

/* Removes the sockets of all ports of the domain. */
void control_ports_remove(struct control *c, const struct control_ref *ref);

/* DEV_NEW of a device @device with one port, whose clients connect to @fd. */
int control_port_new(struct control *c, const struct control_ref *ref, const char *device,
		     const char *port, int fd, const struct disk_rates *rates,
		     struct error *error);

/* DEV_NEW of a socket device; @eventfds: DOMUS_DEV_EVENTFDS files. */
int control_vsock_new(struct control *c, const struct control_ref *ref, const char *name,
		      uint64_t cid, uint64_t features, const int *eventfds,
		      struct error *error);

/* DEV_SET: the size of a terminal. */
int control_terminal_size(struct control *c, const struct control_ref *ref, const char *device,
			  uint16_t cols, uint16_t rows, struct error *error);

/* DEV_SET of a balloon: @left bytes for the guest to go on with. */
int control_balloon_set(struct control *c, const struct control_ref *ref, const char *name,
			uint64_t left, struct error *error);

/* DEV_SET: new counters of the domain's balloon, if it has some; waits a moment for them. */
void control_balloon_refresh(struct control *c, const struct control_ref *ref);

#endif /* DOMCTL_NL_SMALL_H */
