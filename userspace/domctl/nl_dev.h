/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Devices, seen through generic netlink: DOMUS_CMD_DEV_*. As nl.h.
 */
#ifndef DOMCTL_NL_DEV_H
#define DOMCTL_NL_DEV_H

#include <asm/domus_guest.h>

#include "disk.h"
#include "nic.h"
#include "nl.h"
#include "port.h"

struct nl_msg;

#define CONTROL_COUNTERS_MAX 32
#define CONTROL_QUEUES_MAX 32	/* of a device; DOMUS_DEV_QUEUES_MAX may be pairs */

struct control_queue {
	uint32_t id;
	uint32_t size;		/* 0: not enabled */
	uint64_t kicks;
	uint64_t buffers;
	uint64_t signals;
	uint32_t requests;
};

/* DEV_GET */
struct control_dev {
	uint32_t domain;
	char domain_name[DOMUS_NAME_MAX + 1];
	char name[DOMUS_DEV_NAME_MAX + 1];
	uint32_t kind;
	uint32_t slot;
	uint32_t flags;
	uint32_t status;
	uint64_t features;
	uint64_t size;
	char serial[DOMUS_DEV_SERIAL_MAX + 1];
	char file[512];
	char broken[128];
	bool leaving;
	uint8_t mac[NIC_MAC];
	char ifname[IFNAMSIZ];
	uint32_t ifindex;
	uint32_t mtu;
	uint64_t rate_bytes;
	uint64_t rate_ops;
	uint32_t rate_burst_ms;
	bool reporting;
	uint64_t target;
	uint64_t actual;
	uint64_t cid;
	unsigned int nr_ports;
	struct {
		char name[DOMUS_DEV_NAME_MAX + 1];
		char path[PORT_PATH_MAX + 2];
		bool terminal;
		bool guest;
		bool host;
	} ports[DOMUS_DEV_PORTS_MAX];
	unsigned int nr_queues;
	struct control_queue queues[CONTROL_QUEUES_MAX];
	unsigned int nr_counters;
	struct {
		char name[32];
		uint64_t value;
	} counters[CONTROL_COUNTERS_MAX];
};

/* DEV_NEW of a disk whose image is open as @fd. */
int control_disk_new(struct control *c, const struct control_ref *ref, const struct disk *disk,
		     int fd, struct error *error);

/* DEV_NEW of an interface that has its names and address. */
int control_nic_new(struct control *c, const struct control_ref *ref, const struct nic *nic,
		    struct error *error);

/**
 * control_dev_del() - DEV_DEL: ask the guest to let go, and unplug; or @force
 * @kind: what errors call it: "disk", "net"
 * @timeout_ms: of any length; asked again as often as it takes
 */
int control_dev_del(struct control *c, const struct control_ref *ref, const char *kind,
		    const char *name, uint64_t timeout_ms, bool force, struct error *error);

/* Add what @rates has to a DEV. Return: true: it does not fit. */
bool control_put_rates(struct nl_msg *msg, const struct disk_rates *rates);

/* DEV_SET: what @rates has. */
int control_dev_set_rates(struct control *c, const struct control_ref *ref, const char *kind,
			  const char *name, const struct disk_rates *rates,
			  struct error *error);

/* DEV_SET: @size: the file is made this size first, or 0: as it is now. */
int control_dev_resize(struct control *c, const struct control_ref *ref, const char *name,
		       uint64_t size, struct error *error);

/* One of a list, by its name, or NULL. */
const struct control_dev *control_dev_find(const struct control_dev *devs, size_t nr,
					   const char *name);

/* Of a domain, or with @ref NULL of all that we may see; for the caller to free(). */
int control_dev_list(struct control *c, const struct control_ref *ref,
		     struct control_dev **devs, size_t *nr, struct error *error);

#endif /* DOMCTL_NL_DEV_H */
