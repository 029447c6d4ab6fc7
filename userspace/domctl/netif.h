/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Network devices of the host, through libnl-route: what the host's end of an
 * interface is connected to. In the network namespace of the caller.
 *
 * Functions that can fail return 0, or -1 with the cause in @error.
 */
#ifndef DOMCTL_NETIF_H
#define DOMCTL_NETIF_H

#include <net/if.h>
#include <stdbool.h>
#include <stdint.h>

#include "error.h"
#include "nic.h"

struct netif;

/**
 * struct netif_state - of a host's end
 * @bridge: that it is in, or ""
 * @vlan: that it is in there, if the bridge filters; else 0
 * @up: by its owner; @carrier: the guest's driver is there, too
 * @network: of NIC_HOST, or 0
 */
struct netif_state {
	char bridge[IFNAMSIZ];
	uint32_t vlan;
	bool up;
	bool carrier;
	uint32_t network;
};

int netif_open(struct netif **n, struct error *error);
void netif_close(struct netif *n);

/* Before the device is made: can it be wired as asked, and what is its MTU if none is said? */
int netif_check(struct netif *n, struct nic *nic, struct error *error);

/**
 * netif_wire() - connect the host's end, and set it up
 * @network: of NIC_HOST, filled; else 0
 *
 * After an error the device is to be removed, and what was done with it goes with it.
 */
int netif_wire(struct netif *n, const struct nic *nic, uint32_t ifindex, uint32_t *network,
	       struct error *error);

/**
 * struct netif_wiring - what of a host's end can be changed, to put it back
 * @bridge: number of the bridge that it is in, or 0
 * @vlan: that its frames without a tag are in there, or 0
 */
struct netif_wiring {
	uint32_t bridge;
	uint32_t vlan;
	uint32_t mtu;
	bool up;
};

/* How it is: EXIT_REFUSED when @ifindex is not @ifname here, but in another namespace. */
int netif_read(struct netif *n, const char *name, const char *ifname, uint32_t ifindex,
	       struct netif_wiring *now, struct error *error);

/* Could an interface be in the bridge, and VLAN, of @nic? Nothing is changed. */
int netif_check_bridge(struct netif *n, const struct nic *nic, struct error *error);

/**
 * netif_rewire() - other wiring of a device that is there
 * @nic: has mode NIC_BRIDGE
 * @before: of netif_read()
 * @no_vlan: as the bridge has it who comes in
 *
 * After an error a part of it may be done: netif_wire_back().
 */
int netif_rewire(struct netif *n, const struct nic *nic, uint32_t ifindex,
		 const struct netif_wiring *before, bool no_vlan, struct error *error);

/* Out of its bridge, which it must be in. */
int netif_unwire(struct netif *n, const char *name, uint32_t ifindex, struct error *error);

/* Bridge and VLAN as they were, as far as that works. */
void netif_wire_back(struct netif *n, const char *name, uint32_t ifindex,
		     const struct netif_wiring *before);

/* Up or down, which the guest sees as its link. */
int netif_set_up(struct netif *n, const char *name, uint32_t ifindex, bool up,
		 struct error *error);
int netif_set_mtu(struct netif *n, const char *name, uint32_t ifindex, uint32_t mtu,
		  struct error *error);

/* What is not known is left 0. */
void netif_state(struct netif *n, uint32_t ifindex, struct netif_state *state);

#endif /* DOMCTL_NETIF_H */
