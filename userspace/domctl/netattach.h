/* SPDX-License-Identifier: GPL-2.0-only */
/* A network interface, attached and wired, or not at all. */
#ifndef DOMCTL_NETATTACH_H
#define DOMCTL_NETATTACH_H

#include <stdint.h>

#include "nic.h"
#include "nl.h"

/**
 * net_attach() - make an interface, and connect the host's end
 * @ref: the domain, by name and id
 * @nic: with names and address; the MTU is filled
 * @network: of NIC_HOST, filled; else 0
 *
 * Return: 0, or -1 with the cause: all is as it was.
 */
int net_attach(struct control *c, const struct control_ref *ref, struct nic *nic,
	       uint32_t *network, struct error *error);

#endif /* DOMCTL_NETATTACH_H */
