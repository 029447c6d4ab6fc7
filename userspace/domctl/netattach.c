// SPDX-License-Identifier: GPL-2.0-only
/* netattach.c: attaching and wiring network interfaces; see netattach.h. */
#include "netattach.h"
#include "netif.h"
#include "netnat.h"
#include "nl_dev.h"

static int wire(struct netif *n, const struct control_ref *ref, const struct nic *nic,
		uint32_t *network, struct error *error)
{
	/* Nobody else can have given this name to another device but by renaming both. */
	uint32_t ifindex = if_nametoindex(nic->ifname);

	if (!ifindex)
		return error_set(error, EXIT_REFUSED, "net", "the host's end, %s, has gone",
				 nic->ifname);
	if (netif_wire(n, nic, ifindex, network, error))
		return -1;
	return *network ? netnat_add(nic, ifindex, *network, ref->name, error) : 0;
}

int net_attach(struct control *c, const struct control_ref *ref, struct nic *nic,
	       uint32_t *network, struct error *error)
{
	struct netif *n;
	int result = -1;

	if (netif_open(&n, error))
		return -1;
	if (nic->mode == NIC_HOST)
		netnat_sweep();
	if (!netif_check(n, nic, error) && !control_nic_new(c, ref, nic, error)) {
		result = wire(n, ref, nic, network, error);
		if (result) {
			struct error ignored = { 0 };

			(void)control_dev_del(c, ref, "net", nic->name, 0, true, &ignored);
			if (nic->mode == NIC_HOST)
				netnat_sweep();
		}
	}
	netif_close(n);
	return result;
}
