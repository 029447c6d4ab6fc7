// SPDX-License-Identifier: GPL-2.0-only
/*
 * cmd_net.c: network interfaces of domains.
 *
 *   1. attach
 *   2. detach
 *   3. list
 *   4. set
 */
#include <stdlib.h>
#include <string.h>

#include "dev_cmd.h"
#include "dev_print.h"
#include "domctl.h"
#include "netattach.h"
#include "netif.h"
#include "netnat.h"
#include "nic.h"
#include "nl_dev.h"

/* ---- 1. attach -------------------------------------------------------------- */

static int attach_option(void *arg, int id, const char *value, struct error *error)
{
	return net_option(arg, id, value, error);
}

static int make_name(struct control *control, const struct control_ref *ref, struct nic *nic,
		     struct error *error)
{
	struct dev_names names;

	if (*nic->name)
		return 0;
	if (dev_names_get(control, ref, &names, error))
		return -1;
	net_name(nic, dev_names_has, &names);
	dev_names_free(&names);
	return 0;
}

/* What whoever sets the guest up has to know. */
static void report_attached(struct ctx *ctx, const char *domain, const struct nic *nic,
			    uint32_t network)
{
	char guest[NET_ADDRESS_TEXT] = "";
	char host[NET_ADDRESS_TEXT] = "";
	struct print *p = &ctx->print;
	char mac[NIC_MAC_TEXT];

	net_mac_text(mac, nic->mac);
	if (network) {
		net_address_text(guest, net_guest_address(network));
		net_address_text(host, net_host_address(network));
	}
	if (!p->json) {
		printf("%s: %s attached (%s, on the host %s)\n", domain, nic->name, mac,
		       nic->ifname);
		if (network)
			printf("%s: %s is %s/%d, gateway %s\n", domain, nic->name, guest,
			       NET_HOST_BITS, host);
		return;
	}
	print_object(p, NULL, NULL);
	print_string(p, "domain", NULL, domain);
	print_string(p, "name", NULL, nic->name);
	print_string(p, "mac", NULL, mac);
	print_string(p, "ifname", NULL, nic->ifname);
	print_string(p, "address", NULL, host);
	print_string(p, "guest_address", NULL, guest);
	print_object_end(p);
	print_done(p);
}

static int run_attach(struct ctx *ctx, const struct command *self, int argc, char **argv)
{
	struct dev_words w = { .names = { "DOMAIN" }, .needed = 1 };
	struct nic nic = { .mode = NIC_UNSAID };
	struct control_domain domain;
	struct control *control;
	struct control_ref ref;
	uint32_t network = 0;
	int result;

	if (dev_parse(ctx, self, argc, argv, &w, &nic, attach_option) ||
	    net_check(&nic, &ctx->error) ||
	    dev_open_domain(ctx, w.words[0], &control, &domain, &ref))
		return -1;
	result = make_name(control, &ref, &nic, &ctx->error);
	if (!result) {
		net_derive(&nic, w.words[0], net_seed());
		debug(ctx, "%s, on the host %s", nic.name, nic.ifname);
		result = net_attach(control, &ref, &nic, &network, &ctx->error);
	}
	control_close(control);
	if (result)
		return -1;
	report_attached(ctx, w.words[0], &nic, network);
	if (network)
		netnat_warn();
	return EXIT_DONE;
}

const struct command cmd_net_attach = {
	.object = "net",
	.name = "attach",
	.usage = "DOMAIN --bridge BRIDGE|--host|--manual [OPTIONS]",
	.help = "give a domain a network interface\n"
		"\n"
		"      --bridge BRIDGE   the host's end becomes a port of it\n"
		"      --vlan N          and is in this VLAN, without a tag: 1 to 4094\n"
		"      --host            a network of its own, routed, with NAT\n"
		"      --manual          the host's end is connected to nothing\n"
		"      --name NAME       of the interface (net0, net1 ...)\n"
		"      --mac MAC         address of the guest's end (made of the names)\n"
		"      --ifname NAME     of the host's end (DOMAIN-NAME)\n"
		"      --mtu N           68 to 65535 (that of the bridge, or 1500)\n"
		"      --queues N        1 to 8 pairs (one for each virtual CPU)\n"
		"      --queue-size N    frames in each, a power of two, 16 to 1024 (256)\n"
		"      --ring KIND       split, or packed as well, if the guest likes (packed)\n"
		"      --rate BYTES      at most so many a second: 100M (no limit)\n"
		"      --ops N           at most so many frames a second (no limit)\n"
		"      --burst MS        how much of a pause may be made up for (100)\n"
		"\n"
		"It needs CAP_NET_ADMIN.\n",
	.opts = net_opts,
	.run = run_attach,
};

/* ---- 2. detach -------------------------------------------------------------- */

static int run_detach(struct ctx *ctx, const struct command *self, int argc, char **argv)
{
	int result = dev_detach(ctx, self, argc, argv, DOMUS_DEV_KIND_NET);

	if (!result)
		netnat_sweep();
	return result;
}

const struct command cmd_net_detach = {
	.object = "net",
	.name = "detach",
	.usage = "DOMAIN NAME [--timeout SECONDS] [--force]",
	.help = "take a network interface away from a domain\n"
		"\n"
		"The guest is asked to let go of it.\n"
		"\n"
		"      --timeout SECONDS how long the guest may take (10)\n"
		"      --force           whatever the guest does\n",
	.opts = dev_detach_opts,
	.run = run_detach,
};

/* ---- 3. list ---------------------------------------------------------------- */

static int run_list(struct ctx *ctx, const struct command *self, int argc, char **argv)
{
	return dev_list(ctx, self, argc, argv, dev_print_nics);
}

const struct command cmd_net_list = {
	.object = "net",
	.name = "list",
	.usage = "[DOMAIN]",
	.help = "list the network interfaces of a domain, or of all that you may see",
	.run = run_list,
};

/* ---- 4. set ----------------------------------------------------------------- */

enum { OPT_LINK = OPT_OWN };

static const struct opt set_opts[] = {
	{ "link", 0, "up|down", OPT_LINK },
	{ "bridge", 0, "BRIDGE", NIC_OPT_BRIDGE },
	{ "vlan", 0, "N", NIC_OPT_VLAN },
	{ "mtu", 0, "N", NIC_OPT_MTU },
	DISK_RATE_OPTS,
	{ NULL, 0, NULL, 0 },
};

/* struct set - what is to change; @link: 1 up, -1 down; @no_bridge, @no_vlan: "none" */
struct set {
	struct nic nic;
	int link;
	bool no_bridge;
	bool no_vlan;
};

/* Is it about the host's end, not limits alone? */
static bool touches_host(const struct set *set)
{
	return set->link || set->nic.mode != NIC_UNSAID || set->nic.vlan || set->nic.mtu ||
	       set->no_bridge || set->no_vlan;
}

static int set_option(void *arg, int id, const char *value, struct error *error)
{
	bool none = !strcmp(value, "none");
	struct set *set = arg;

	/* The last of two counts. */
	if (id == NIC_OPT_BRIDGE) {
		set->nic.mode = NIC_UNSAID;
		set->no_bridge = none;
	} else if (id == NIC_OPT_VLAN) {
		set->nic.vlan = 0;
		set->no_vlan = none;
	}
	if (none && (id == NIC_OPT_BRIDGE || id == NIC_OPT_VLAN))
		return 0;
	if (id != OPT_LINK)
		return net_option(&set->nic, id, value, error);
	if (strcmp(value, "up") != 0 && strcmp(value, "down") != 0)
		return error_set(error, EXIT_USAGE, "link", "'%.40s' is neither up nor down",
				 value);
	set->link = !strcmp(value, "up") ? 1 : -1;
	return 0;
}

/* --vlan without --bridge is about the one that it is in. */
static int find_bridge(struct netif *n, struct set *set, uint32_t ifindex, struct error *error)
{
	struct nic *nic = &set->nic;
	struct netif_state state;

	if (nic->mode == NIC_BRIDGE || (!nic->vlan && !set->no_vlan))
		return 0;
	netif_state(n, ifindex, &state);
	if (!*state.bridge)
		return error_set(error, EXIT_REFUSED, "vlan", "%s is in no bridge", nic->name);
	nic->mode = NIC_BRIDGE;
	snprintf(nic->bridge, sizeof(nic->bridge), "%s", state.bridge);
	return 0;
}

static int wire(struct netif *n, const struct set *set, uint32_t ifindex,
		const struct netif_wiring *before, struct error *error)
{
	if (set->nic.mode == NIC_BRIDGE)
		return netif_rewire(n, &set->nic, ifindex, before, set->no_vlan, error);
	if (set->no_bridge && before->bridge)
		return netif_unwire(n, set->nic.name, ifindex, error);
	return 0;
}

/* What can be checked is, before anything is changed; the rest is undone. */
static int change(struct control *control, const struct control_ref *ref, struct netif *n,
		  const struct control_dev *dev, struct set *set, struct error *error)
{
	struct nic *nic = &set->nic;
	const struct disk_rates *rates = &nic->rates;
	struct error ignored = { 0 };
	struct netif_wiring before;

	snprintf(nic->name, sizeof(nic->name), "%s", dev->name);
	if (!touches_host(set))
		return control_dev_set_rates(control, ref, "net", nic->name, rates, error);
	if (netif_read(n, nic->name, dev->ifname, dev->ifindex, &before, error) ||
	    find_bridge(n, set, dev->ifindex, error) ||
	    (nic->mode == NIC_BRIDGE && netif_check_bridge(n, nic, error)))
		return -1;
	if (wire(n, set, dev->ifindex, &before, error))
		goto undo_wire;
	if (nic->mtu && netif_set_mtu(n, nic->name, dev->ifindex, nic->mtu, error))
		goto undo_wire;
	if (set->link && netif_set_up(n, nic->name, dev->ifindex, set->link > 0, error))
		goto undo_mtu;
	if (!disk_rates_said(rates) ||
	    !control_dev_set_rates(control, ref, "net", nic->name, rates, error))
		return 0;
	if (set->link)
		(void)netif_set_up(n, nic->name, dev->ifindex, before.up, &ignored);
undo_mtu:
	if (nic->mtu)
		(void)netif_set_mtu(n, nic->name, dev->ifindex, before.mtu, &ignored);
undo_wire:
	if (nic->mode == NIC_BRIDGE || set->no_bridge)
		netif_wire_back(n, nic->name, dev->ifindex, &before);
	return -1;
}

static int set(struct ctx *ctx, struct control *control, const struct control_ref *ref,
	       const char *name, struct set *set)
{
	struct control_dev *devs = NULL;
	const struct control_dev *dev;
	char what[DOMUS_DEV_NAME_MAX + 16];
	struct netif *n;
	size_t nr = 0;
	int result = -1;

	snprintf(what, sizeof(what), "net %.*s", DOMUS_DEV_NAME_MAX, name);
	if (dev_check_kind(control, ref, name, DOMUS_DEV_KIND_NET, &ctx->error) ||
	    control_dev_list(control, ref, &devs, &nr, &ctx->error))
		return -1;
	dev = control_dev_find(devs, nr, name);
	if (!dev) {
		error_set(&ctx->error, EXIT_NOT_FOUND, what,
			  "the domain has no device of this name");
	} else if (!netif_open(&n, &ctx->error)) {
		result = change(control, ref, n, dev, set, &ctx->error);
		netif_close(n);
	}
	free(devs);
	return result;
}

static int run_set(struct ctx *ctx, const struct command *self, int argc, char **argv)
{
	struct dev_words w = { .names = { "DOMAIN", "NAME" }, .needed = 2 };
	struct set what = { .link = 0 };
	struct control_domain domain;
	struct control *control;
	struct control_ref ref;
	int result;

	if (dev_parse(ctx, self, argc, argv, &w, &what, set_option) ||
	    dev_name_check(w.words[1], DOMUS_DEV_KIND_NET, &ctx->error))
		return -1;
	if (!touches_host(&what) && !disk_rates_said(&what.nic.rates))
		return error_set(&ctx->error, EXIT_USAGE, "set",
				 "nothing to change (see domctl net set help)");
	if (what.no_bridge && (what.nic.vlan || what.no_vlan))
		return error_set(&ctx->error, EXIT_USAGE, "vlan",
				 "is for interfaces in a bridge");
	if (dev_open_domain(ctx, w.words[0], &control, &domain, &ref))
		return -1;
	result = set(ctx, control, &ref, w.words[1], &what);
	control_close(control);
	if (result)
		return -1;
	dev_report(ctx, w.words[0], w.words[1]);
	return EXIT_DONE;
}

const struct command cmd_net_set = {
	.object = "net",
	.name = "set",
	.usage = "DOMAIN NAME [OPTIONS]",
	.help = "change a network interface\n"
		"\n"
		"      --link up|down    what the guest sees as its link\n"
		"      --bridge BRIDGE   another one; none: out of the one that it is in\n"
		"      --vlan N          another one: 1 to 4094; none: as without --vlan\n"
		"      --mtu N           of the host's end: 68 to 65535\n"
		"      --rate BYTES      at most so many a second: 100M; 0: no limit\n"
		"      --ops N           at most so many frames a second; 0: no limit\n"
		"      --burst MS        how much of a pause may be made up for, up to 60000\n"
		"\n"
		"What is not given stays.\n",
	.opts = set_opts,
	.run = run_set,
};
