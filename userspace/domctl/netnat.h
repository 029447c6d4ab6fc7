/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * NAT for networks of --net host, through libnftables: a table of its own for each
 * interface, so that nobody shares anything. It is called after the device's number,
 * which the kernel does not give to another one soon.
 */
#ifndef DOMCTL_NETNAT_H
#define DOMCTL_NETNAT_H

#include <stdint.h>

#include "error.h"
#include "nic.h"

/**
 * netnat_add() - a table for an interface, and forwarding on the host
 * @ifindex, @ifname: of the host's end
 * @domain: its name, for the table's comment
 *
 * Return: 0, or -1 with the cause. The table goes when it does not work.
 */
int netnat_add(const struct nic *nic, uint32_t ifindex, uint32_t network, const char *domain,
	       struct error *error);

/* Remove the tables of interfaces that have gone. What cannot be removed stays. */
void netnat_sweep(void);

/*
 * Say so on stderr when the host has a chain whose policy is to drop what is forwarded. Its
 * rules may let our networks pass, which only their author can tell: it is no error.
 */
void netnat_warn(void);

#endif /* DOMCTL_NETNAT_H */
