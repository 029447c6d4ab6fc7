// SPDX-License-Identifier: GPL-2.0-only
/*
 * netif.c: network devices of the host; see netif.h.
 *
 *   1. rtnetlink
 *   2. bridges
 *   3. networks of --net host
 *   4. wiring
 *   5. state
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/if_bridge.h>
#include <linux/rtnetlink.h>
#include <netlink/errno.h>
#include <netlink/netlink.h>
#include <netlink/route/addr.h>
#include <netlink/route/link.h>
#include <netlink/route/link/inet6.h>
#include <netlink/route/route.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "extack.h"
#include "netif.h"

/*
 * @err: errno of the last refusal, and what the kernel said of it: its own, or ""
 */
struct netif {
	struct nl_sock *sock;
	int err;
	char said[128];
};

/* The "what" of an error about an interface. */
struct label {
	char text[DOMUS_DEV_NAME_MAX + 16];
};

static struct label label_of(const char *name)
{
	struct label label;

	snprintf(label.text, sizeof(label.text), "net %.*s", DOMUS_DEV_NAME_MAX, name);
	return label;
}

/* ---- 1. rtnetlink ---------------------------------------------------------- */

/* libnl makes a number of its own of it: what it was is kept here. */
static int on_error(struct sockaddr_nl *from, struct nlmsgerr *nlerr, void *arg)
{
	const struct nlmsghdr *nlh = (const void *)((const char *)nlerr - NLMSG_HDRLEN);
	struct netif *n = arg;
	struct extack said;

	(void)from;
	extack_of_error(nlh, &said);
	n->err = -nlerr->error;
	snprintf(n->said, sizeof(n->said), "%s", said.text ? said.text : "");
	return NL_STOP;
}

int netif_open(struct netif **n, struct error *error)
{
	int result;

	*n = calloc(1, sizeof(**n));
	if (*n)
		(*n)->sock = nl_socket_alloc();
	if (!*n || !(*n)->sock) {
		free(*n);
		return error_set(error, EXIT_REFUSED, "net", "no memory");
	}
	result = nl_connect((*n)->sock, NETLINK_ROUTE);
	if (!result)
		result = nl_socket_modify_err_cb((*n)->sock, NL_CB_CUSTOM, on_error, *n);
	if (!result) {
		extack_enable((*n)->sock);
		return 0;
	}
	netif_close(*n);
	return error_set(error, EXIT_REFUSED, "rtnetlink", "%s", nl_geterror(result));
}

void netif_close(struct netif *n)
{
	nl_socket_free(n->sock);
	free(n);
}

/* @result: of libnl; what the kernel said counts, unless it was not the kernel. */
static int refused(const struct netif *n, const char *name, const char *what, int result,
		   struct error *error)
{
	const char *why = nl_geterror(result);

	if (result == -NLE_PERM)
		return error_set(error, EXIT_REFUSED, label_of(name).text,
				 "%s needs CAP_NET_ADMIN", what);
	if (n->err && result == -nl_syserr2nlerr(n->err))
		why = *n->said ? n->said : strerror(n->err);
	return error_set(error, EXIT_REFUSED, label_of(name).text, "%s: %s", what, why);
}

/* The device of that number, or else of that name. Return: for rtnl_link_put(), or NULL. */
static struct rtnl_link *get_link(struct netif *n, uint32_t ifindex, const char *name)
{
	struct rtnl_link *link = NULL;

	return rtnl_link_get_kernel(n->sock, (int)ifindex, name, &link) ? NULL : link;
}

/* What @change has, of the device. Return: 0, or a negative error of libnl. */
static int change_link(struct netif *n, uint32_t ifindex, struct rtnl_link *change)
{
	struct rtnl_link *link = rtnl_link_alloc();
	int result;

	if (!link || !change) {
		rtnl_link_put(link);
		return -NLE_NOMEM;
	}
	rtnl_link_set_ifindex(link, (int)ifindex);
	result = rtnl_link_change(n->sock, link, change, 0);
	rtnl_link_put(link);
	return result;
}

int netif_set_up(struct netif *n, const char *name, uint32_t ifindex, bool up,
		 struct error *error)
{
	struct rtnl_link *change = rtnl_link_alloc();
	int result;

	if (change && up)
		rtnl_link_set_flags(change, IFF_UP);
	else if (change)
		rtnl_link_unset_flags(change, IFF_UP);
	result = change_link(n, ifindex, change);
	rtnl_link_put(change);
	return result ? refused(n, name, up ? "link up" : "link down", result, error) : 0;
}

int netif_set_mtu(struct netif *n, const char *name, uint32_t ifindex, uint32_t mtu,
		  struct error *error)
{
	struct rtnl_link *change = rtnl_link_alloc();
	int result;

	if (change)
		rtnl_link_set_mtu(change, mtu);
	result = change_link(n, ifindex, change);
	rtnl_link_put(change);
	if (result == -NLE_BUSY)
		return error_set(error, EXIT_REFUSED, label_of(name).text,
				 "mtu: more than the guest's driver has been told");
	return result ? refused(n, name, "mtu", result, error) : 0;
}

/* ---- 2. Bridges ------------------------------------------------------------ */

static bool filters(const char *bridge)
{
	char path[64 + IFNAMSIZ];
	int on = '0';
	FILE *file;

	snprintf(path, sizeof(path), "/sys/class/net/%s/bridge/vlan_filtering", bridge);
	file = fopen(path, "re");
	if (file) {
		on = getc(file);
		fclose(file);
	}
	return on == '1';
}

/* What a port is in that comes into the bridge, 0: nothing. */
static uint32_t default_vlan(const char *bridge)
{
	char path[64 + IFNAMSIZ];
	unsigned int vlan = 0;
	FILE *file;

	snprintf(path, sizeof(path), "/sys/class/net/%s/bridge/default_pvid", bridge);
	file = fopen(path, "re");
	if (file) {
		if (fscanf(file, "%4u", &vlan) != 1)
			vlan = 0;
		fclose(file);
	}
	return vlan;
}

static int check_bridge(struct netif *n, const struct nic *nic, uint32_t *ifindex,
			uint32_t *mtu, struct error *error)
{
	struct rtnl_link *link = get_link(n, 0, nic->bridge);
	const char *type = link ? rtnl_link_get_type(link) : NULL;
	bool is_bridge = type && !strcmp(type, "bridge");

	if (link) {
		*ifindex = (uint32_t)rtnl_link_get_ifindex(link);
		*mtu = rtnl_link_get_mtu(link);
		rtnl_link_put(link);
	}
	if (!link)
		return error_set(error, EXIT_NOT_FOUND, "bridge", "there is no %s (ip link add %s "
				 "type bridge)", nic->bridge, nic->bridge);
	if (!is_bridge)
		return error_set(error, EXIT_REFUSED, "bridge", "%s is no bridge", nic->bridge);
	if (nic->vlan && !filters(nic->bridge))
		return error_set(error, EXIT_REFUSED, "vlan", "%s does not filter VLANs (ip link "
				 "set %s type bridge vlan_filtering 1)", nic->bridge, nic->bridge);
	return 0;
}

/* libnl 3.7 reads VLANs of a bridge's port, and has no words to change them. */
static int change_vlan(struct netif *n, uint32_t ifindex, int command, uint32_t vlan,
		       uint16_t flags)
{
	const struct ifinfomsg head = { .ifi_family = AF_BRIDGE, .ifi_index = (int)ifindex };
	const struct bridge_vlan_info info = { .flags = flags, .vid = (uint16_t)vlan };
	struct nl_msg *msg = nlmsg_alloc_simple(command, NLM_F_REQUEST);
	struct nlattr *spec;
	int result = -NLE_NOMEM;

	if (!msg)
		return result;
	if (!nlmsg_append(msg, (void *)(uintptr_t)&head, sizeof(head), NLMSG_ALIGNTO)) {
		spec = nla_nest_start(msg, IFLA_AF_SPEC);
		if (spec && !nla_put(msg, IFLA_BRIDGE_VLAN_INFO, sizeof(info), &info)) {
			nla_nest_end(msg, spec);
			return nl_send_sync(n->sock, msg);
		}
	}
	nlmsg_free(msg);
	return result;
}

/* One device of the bridges' dump: its VLAN without a tag. */
struct port {
	int ifindex;
	uint32_t pvid;
};

static void read_vlan(struct nl_msg *msg, struct port *port)
{
	struct nlattr *attr = nlmsg_find_attr(nlmsg_hdr(msg), sizeof(struct ifinfomsg),
					      IFLA_AF_SPEC);
	const struct ifinfomsg *head = nlmsg_data(nlmsg_hdr(msg));
	struct nlattr *inner;
	int rem = 0;

	if (!attr || head->ifi_index != port->ifindex)
		return;
	nla_for_each_nested(inner, attr, rem) {
		const struct bridge_vlan_info *info = nla_data(inner);

		if (nla_type(inner) == IFLA_BRIDGE_VLAN_INFO &&
		    nla_len(inner) >= (int)sizeof(*info) && info->flags & BRIDGE_VLAN_INFO_PVID)
			port->pvid = info->vid;
	}
}

static int on_port(struct nl_msg *msg, void *arg)
{
	read_vlan(msg, arg);
	return NL_OK;
}

/* 0: none, or not known. */
static uint32_t vlan_of(struct netif *n, uint32_t ifindex)
{
	const struct ifinfomsg head = { .ifi_family = AF_BRIDGE };
	struct nl_msg *msg = nlmsg_alloc_simple(RTM_GETLINK, NLM_F_DUMP);
	struct port port = { .ifindex = (int)ifindex };
	struct nl_cb *cb = nl_cb_alloc(NL_CB_DEFAULT);

	if (msg && cb &&
	    !nlmsg_append(msg, (void *)(uintptr_t)&head, sizeof(head), NLMSG_ALIGNTO) &&
	    !nla_put_u32(msg, IFLA_EXT_MASK, RTEXT_FILTER_BRVLAN)) {
		nl_cb_set(cb, NL_CB_VALID, NL_CB_CUSTOM, on_port, &port);
		if (nl_send_auto(n->sock, msg) >= 0)
			(void)nl_recvmsgs(n->sock, cb);
	}
	nl_cb_put(cb);
	nlmsg_free(msg);
	return port.pvid;
}

/* Alone in VLAN @vlan, 0: in none: without what the bridge gave to it when it came in. */
static int move_vlan(struct netif *n, const char *name, uint32_t ifindex, uint32_t vlan,
		     struct error *error)
{
	const uint16_t flags = BRIDGE_VLAN_INFO_PVID | BRIDGE_VLAN_INFO_UNTAGGED;
	uint32_t before = vlan_of(n, ifindex);
	int result = 0;

	if (before == vlan)
		return 0;
	if (vlan)
		result = change_vlan(n, ifindex, RTM_SETLINK, vlan, flags);
	if (!result && before)
		result = change_vlan(n, ifindex, RTM_DELLINK, before, 0);
	return result ? refused(n, name, "vlan", result, error) : 0;
}

static int join(struct netif *n, const struct nic *nic, uint32_t ifindex, uint32_t bridge,
		struct error *error)
{
	int result = rtnl_link_enslave_ifindex(n->sock, (int)bridge, (int)ifindex);

	if (result)
		return refused(n, nic->name, "to put it in the bridge", result, error);
	return nic->vlan ? move_vlan(n, nic->name, ifindex, nic->vlan, error) : 0;
}

/* ---- 3. Networks of --net host --------------------------------------------- */

struct used {
	struct net_prefix *prefixes;
	size_t nr;
	size_t room;
};

static void add_used(struct nl_object *object, void *arg)
{
	struct nl_addr *dst = rtnl_route_get_dst((struct rtnl_route *)(void *)object);
	struct used *used = arg;

	if (!dst || used->nr == used->room || nl_addr_get_len(dst) != 4)
		return;
	used->prefixes[used->nr].length = nl_addr_get_prefixlen(dst);
	memcpy(&used->prefixes[used->nr].address, nl_addr_get_binary_addr(dst), 4);
	used->prefixes[used->nr].address = ntohl(used->prefixes[used->nr].address);
	used->nr++;
}

/* All that the host has routes to, its own addresses with them. */
static int read_used(struct netif *n, const struct nic *nic, struct used *used,
		     struct error *error)
{
	struct nl_cache *cache = NULL;
	int result = rtnl_route_alloc_cache(n->sock, AF_INET, 0, &cache);

	if (result)
		return refused(n, nic->name, "routes", result, error);
	used->room = (size_t)nl_cache_nitems(cache);
	used->prefixes = calloc(used->room + 1, sizeof(*used->prefixes));
	if (used->prefixes)
		nl_cache_foreach(cache, add_used, used);
	nl_cache_free(cache);
	return used->prefixes ? 0 : error_set(error, EXIT_REFUSED, label_of(nic->name).text,
					      "no memory");
}

static struct nl_addr *ip_addr(uint32_t address, unsigned int length)
{
	const uint32_t bytes = htonl(address);
	struct nl_addr *addr = nl_addr_build(AF_INET, &bytes, sizeof(bytes));

	if (addr)
		nl_addr_set_prefixlen(addr, (int)length);
	return addr;
}

/*
 * The kernel takes an address that another device has, but not a route that is there:
 * it is by a route of ours that one of several who look for a network at a time gets
 * it, until the address' own is there.
 */
static struct rtnl_route *make_claim(uint32_t network, uint32_t ifindex)
{
	struct nl_addr *dst = ip_addr(network, NET_HOST_BITS);
	struct rtnl_route *route = rtnl_route_alloc();
	struct rtnl_nexthop *hop = rtnl_route_nh_alloc();

	if (!dst || !route || !hop) {
		nl_addr_put(dst);
		rtnl_route_put(route);
		if (hop)
			rtnl_route_nh_free(hop);
		return NULL;
	}
	rtnl_route_set_family(route, AF_INET);
	rtnl_route_set_scope(route, RT_SCOPE_LINK);
	rtnl_route_set_table(route, RT_TABLE_MAIN);
	rtnl_route_set_protocol(route, RTPROT_STATIC);
	rtnl_route_set_dst(route, dst);
	rtnl_route_nh_set_ifindex(hop, (int)ifindex);
	rtnl_route_add_nexthop(route, hop);
	nl_addr_put(dst);
	return route;
}

static int add_address(struct netif *n, uint32_t network, uint32_t ifindex)
{
	struct nl_addr *local = ip_addr(net_host_address(network), NET_HOST_BITS);
	struct rtnl_addr *addr = rtnl_addr_alloc();
	int result = -NLE_NOMEM;

	if (local && addr) {
		rtnl_addr_set_ifindex(addr, (int)ifindex);
		rtnl_addr_set_local(addr, local);
		result = rtnl_addr_add(n->sock, addr, NLM_F_EXCL);
	}
	rtnl_addr_put(addr);
	nl_addr_put(local);
	return result;
}

/* Return: 0, -NLE_EXIST: somebody else was faster, or another error. */
static int take_network(struct netif *n, uint32_t network, uint32_t ifindex)
{
	struct rtnl_route *claim = make_claim(network, ifindex);
	int result;

	if (!claim)
		return -NLE_NOMEM;
	result = rtnl_route_add(n->sock, claim, NLM_F_EXCL);
	if (!result) {
		result = add_address(n, network, ifindex);
		(void)rtnl_route_delete(n->sock, claim, 0);
	}
	rtnl_route_put(claim);
	return result;
}

/* The device is up, or it could have no route. */
static int address(struct netif *n, const struct nic *nic, uint32_t ifindex, uint32_t *network,
		   struct error *error)
{
	struct used used = { .nr = 0 };
	int result = -NLE_EXIST;

	if (read_used(n, nic, &used, error))
		return -1;
	for (*network = net_pick(used.prefixes, used.nr, 0); *network && result == -NLE_EXIST;) {
		result = take_network(n, *network, ifindex);
		if (result == -NLE_EXIST)
			*network = net_pick(used.prefixes, used.nr,
					    *network + (1U << (32 - NET_HOST_BITS)));
	}
	free(used.prefixes);
	if (!*network)
		return error_set(error, EXIT_REFUSED, label_of(nic->name).text, "no network is "
				 "free in 10.213.0.0/16, 172.29.0.0/16 and 192.168.213.0/24");
	return result ? refused(n, nic->name, "its address", result, error) : 0;
}

/* ---- 4. Wiring ------------------------------------------------------------- */

int netif_check(struct netif *n, struct nic *nic, struct error *error)
{
	struct rtnl_link *link;
	uint32_t ifindex;
	uint32_t mtu = 0;

	if (nic->mode == NIC_BRIDGE && check_bridge(n, nic, &ifindex, &mtu, error))
		return -1;
	if (!nic->mtu && mtu >= NIC_MTU_MIN && mtu <= NIC_MTU_MAX)
		nic->mtu = mtu;
	link = get_link(n, 0, nic->ifname);
	if (!link)
		return 0;
	rtnl_link_put(link);
	return error_set(error, EXIT_REFUSED, label_of(nic->name).text, "the host has a network "
			 "device %s (ifname= gives it another name)", nic->ifname);
}

/* The host's end needs no address of its own to carry frames of others. */
static int no_inet6(struct netif *n, uint32_t ifindex)
{
	struct rtnl_link *change = rtnl_link_alloc();
	int result = change ? rtnl_link_inet6_set_addr_gen_mode(change, IN6_ADDR_GEN_MODE_NONE) :
		     -NLE_NOMEM;

	if (!result)
		result = change_link(n, ifindex, change);
	rtnl_link_put(change);
	return result;
}

/*
 * A routed guest is reached by IPv4 alone. That the host drops the rest is netnat_add()'s;
 * this is before that, while the device comes up, and says it where people look.
 */
static int disable_inet6(const struct nic *nic, struct error *error)
{
	char path[64 + IFNAMSIZ];
	int failed = 0;
	int fd;

	snprintf(path, sizeof(path), "/proc/sys/net/ipv6/conf/%s/disable_ipv6", nic->ifname);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0 && errno == ENOENT)
		return 0;	/* the host has none, or not with so small an MTU */
	if (fd < 0 || write(fd, "1", 1) != 1)
		failed = errno;
	if (fd >= 0)
		close(fd);
	return failed ? error_set(error, EXIT_REFUSED, label_of(nic->name).text, "cannot switch "
				  "off IPv6 on %s, which --net host needs: %s", nic->ifname,
				  strerror(failed)) : 0;
}

int netif_wire(struct netif *n, const struct nic *nic, uint32_t ifindex, uint32_t *network,
	       struct error *error)
{
	uint32_t bridge = 0;
	uint32_t mtu = 0;

	*network = 0;
	if (nic->mode == NIC_MANUAL)
		return 0;
	if (nic->mode == NIC_HOST)
		return disable_inet6(nic, error) ||
		       netif_set_up(n, nic->name, ifindex, true, error) ? -1 :
		       address(n, nic, ifindex, network, error);
	/* A host without IPv6 needs none of this. */
	(void)no_inet6(n, ifindex);
	if (check_bridge(n, nic, &bridge, &mtu, error) || join(n, nic, ifindex, bridge, error))
		return -1;
	return netif_set_up(n, nic->name, ifindex, true, error);
}

int netif_read(struct netif *n, const char *name, const char *ifname, uint32_t ifindex,
	       struct netif_wiring *now, struct error *error)
{
	struct rtnl_link *link = get_link(n, ifindex, NULL);
	const char *own = link ? rtnl_link_get_name(link) : NULL;
	bool here = own && !strcmp(own, ifname);

	if (here) {
		now->bridge = (uint32_t)rtnl_link_get_master(link);
		now->vlan = now->bridge ? vlan_of(n, ifindex) : 0;
		now->mtu = rtnl_link_get_mtu(link);
		now->up = rtnl_link_get_flags(link) & IFF_UP;
	}
	rtnl_link_put(link);
	return here ? 0 : error_set(error, EXIT_REFUSED, label_of(name).text, "its end on the "
				    "host, %s, is in another network namespace", ifname);
}

int netif_check_bridge(struct netif *n, const struct nic *nic, struct error *error)
{
	uint32_t ifindex;
	uint32_t mtu;

	return check_bridge(n, nic, &ifindex, &mtu, error);
}

int netif_rewire(struct netif *n, const struct nic *nic, uint32_t ifindex,
		 const struct netif_wiring *before, bool no_vlan, struct error *error)
{
	uint32_t bridge = 0;
	uint32_t mtu = 0;

	if (check_bridge(n, nic, &bridge, &mtu, error))
		return -1;
	/* One that comes in anew is in no VLAN of its own. */
	if (bridge != before->bridge)
		return join(n, nic, ifindex, bridge, error);
	if (no_vlan)
		return move_vlan(n, nic->name, ifindex, default_vlan(nic->bridge), error);
	return nic->vlan ? move_vlan(n, nic->name, ifindex, nic->vlan, error) : 0;
}

int netif_unwire(struct netif *n, const char *name, uint32_t ifindex, struct error *error)
{
	int result = rtnl_link_release_ifindex(n->sock, (int)ifindex);

	return result ? refused(n, name, "to take it out of the bridge", result, error) : 0;
}

void netif_wire_back(struct netif *n, const char *name, uint32_t ifindex,
		     const struct netif_wiring *before)
{
	struct rtnl_link *link = get_link(n, ifindex, NULL);
	uint32_t bridge = link ? (uint32_t)rtnl_link_get_master(link) : 0;
	struct error ignored = { 0 };

	rtnl_link_put(link);
	if (bridge && !before->bridge)
		(void)netif_unwire(n, name, ifindex, &ignored);
	if (!before->bridge)
		return;
	if (bridge != before->bridge)
		(void)rtnl_link_enslave_ifindex(n->sock, (int)before->bridge, (int)ifindex);
	(void)move_vlan(n, name, ifindex, before->vlan, &ignored);
}

/* ---- 5. State -------------------------------------------------------------- */

struct find {
	int ifindex;
	uint32_t network;
};

/* Is it an address as we give them? */
static void look_at_address(struct nl_object *object, void *arg)
{
	struct rtnl_addr *addr = (struct rtnl_addr *)(void *)object;
	struct nl_addr *local = rtnl_addr_get_local(addr);
	struct find *find = arg;
	uint32_t bytes;

	if (rtnl_addr_get_ifindex(addr) != find->ifindex || !local ||
	    nl_addr_get_len(local) != sizeof(bytes) ||
	    rtnl_addr_get_prefixlen(addr) != NET_HOST_BITS)
		return;
	memcpy(&bytes, nl_addr_get_binary_addr(local), sizeof(bytes));
	bytes = ntohl(bytes) & ~3U;
	for (const struct net_prefix *range = net_ranges; range->length; range++)
		if (!((bytes ^ range->address) >> (32 - range->length)))
			find->network = bytes;
}

void netif_state(struct netif *n, uint32_t ifindex, struct netif_state *state)
{
	struct rtnl_link *link = get_link(n, ifindex, NULL);
	struct find find = { .ifindex = (int)ifindex };
	struct nl_cache *addresses = NULL;
	char name[IFNAMSIZ] = "";
	int master;

	*state = (struct netif_state) { .up = false };
	if (!link)
		return;
	state->up = rtnl_link_get_flags(link) & IFF_UP;
	state->carrier = rtnl_link_get_carrier(link);
	master = rtnl_link_get_master(link);
	rtnl_link_put(link);
	if (master > 0 && if_indextoname((unsigned int)master, name)) {
		snprintf(state->bridge, sizeof(state->bridge), "%s", name);
		if (filters(name))
			state->vlan = vlan_of(n, ifindex);
		return;
	}
	if (rtnl_addr_alloc_cache(n->sock, &addresses))
		return;
	nl_cache_foreach(addresses, look_at_address, &find);
	nl_cache_free(addresses);
	state->network = find.network;
}
