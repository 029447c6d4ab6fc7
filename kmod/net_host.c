// SPDX-License-Identifier: GPL-2.0-only
/*
 * The host's end of an interface: a network device like any other.
 *
 *   1. operations
 *   2. ethtool
 *   3. coming and going
 *
 * It is deleted with its domain or by detaching it, never by "ip link delete". When its
 * namespace ends it ends, too, and its interface has no link any more: it must not come
 * to the first one, where who made it might have no rights.
 */
#include <linux/etherdevice.h>
#include <linux/ethtool.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <net/rtnetlink.h>
#include <uapi/linux/virtio_net.h>

#include "domain.h"
#include "net_priv.h"

/* ---- 1. Operations --------------------------------------------------------------- */

static int host_open(struct net_device *netdev)
{
	net_tx_open(nic_of_netdev(netdev));
	netif_tx_start_all_queues(netdev);
	net_link_changed(nic_of_netdev(netdev));
	return 0;
}

static int host_stop(struct net_device *netdev)
{
	netif_tx_disable(netdev);
	net_tx_close(nic_of_netdev(netdev));
	net_link_changed(nic_of_netdev(netdev));
	return 0;
}

static u16 host_select_queue(struct net_device *netdev, struct sk_buff *skb,
			     struct net_device *sb_dev)
{
	unsigned int active = READ_ONCE(nic_of_netdev(netdev)->active);

	return active > 1 ? reciprocal_scale(skb_get_hash(skb), active) : 0;
}

struct net_values {
	u64 packets, bytes, dropped, errors;
};

static void read_counters(const struct net_counters *c, struct net_values *v)
{
	unsigned int start;

	do {
		start = u64_stats_fetch_begin(&c->syncp);
		v->packets = u64_stats_read(&c->packets);
		v->bytes = u64_stats_read(&c->bytes);
		v->dropped = u64_stats_read(&c->dropped);
		v->errors = u64_stats_read(&c->errors);
	} while (u64_stats_fetch_retry(&c->syncp, start));
}

/* As the host sees it: what it sends goes to the guest. */
static void host_stats(struct net_device *netdev, struct rtnl_link_stats64 *stats)
{
	struct net_nic *n = nic_of_netdev(netdev);
	struct net_values v;
	unsigned int i;

	for (i = 0; i < n->pairs; i++) {
		read_counters(&n->to_guest[i], &v);
		stats->tx_packets += v.packets;
		stats->tx_bytes += v.bytes;
		stats->tx_dropped += v.dropped;
		read_counters(&n->from_guest[i], &v);
		stats->rx_packets += v.packets;
		stats->rx_bytes += v.bytes;
		stats->rx_dropped += v.dropped;
		stats->rx_errors += v.errors;
	}
}

/* What a guest's driver may do without. GRO and GSO are the host's own, whatever that does. */
#define OF_DRIVER (NETIF_F_SG | NETIF_F_FRAGLIST | NETIF_F_HW_CSUM | NETIF_F_TSO | \
		   NETIF_F_TSO6 | NETIF_F_TSO_ECN)

/* No driver can be told of frames whose parts are all to have the same IP ID. */
static netdev_features_t host_fix_features(struct net_device *netdev, netdev_features_t features)
{
	return features & (nic_of_netdev(netdev)->allowed | ~(OF_DRIVER | NETIF_F_TSO_MANGLEID));
}

/*
 * A driver gets no larger frames than it was told of (VIRTIO 1.2, 5.1.4.2). One that is about
 * to be told may accept F_MTU or not; net_host_ready() looks again.
 */
static int host_change_mtu(struct net_device *netdev, int mtu)
{
	struct net_nic *n = nic_of_netdev(netdev);
	bool told = READ_ONCE(n->running) ?
		READ_ONCE(n->dev.features) & BIT_ULL(VIRTIO_NET_F_MTU) : bus_status(&n->dev) != 0;

	if (told && mtu > READ_ONCE(n->told_mtu))
		return -EBUSY;
	WRITE_ONCE(netdev->mtu, mtu);
	return 0;
}

static const struct net_device_ops host_ops = {
	.ndo_open		= host_open,
	.ndo_stop		= host_stop,
	.ndo_start_xmit		= net_rx_xmit,
	.ndo_select_queue	= host_select_queue,
	.ndo_get_stats64	= host_stats,
	.ndo_fix_features	= host_fix_features,
	.ndo_change_mtu		= host_change_mtu,
	.ndo_set_mac_address	= eth_mac_addr,
	.ndo_validate_addr	= eth_validate_addr,
};

/* ---- 2. Ethtool -------------------------------------------------------------------- */

static const char *const queue_stats[] = {
	"to_guest_packets", "to_guest_bytes", "to_guest_dropped", "from_guest_packets",
	"from_guest_bytes", "from_guest_dropped", "from_guest_errors", "rx_kicks", "tx_kicks",
	"rx_signals", "tx_signals",
};

#define NR_QUEUE_STATS	ARRAY_SIZE(queue_stats)

static void host_drvinfo(struct net_device *netdev, struct ethtool_drvinfo *info)
{
	struct net_nic *n = nic_of_netdev(netdev);

	strscpy(info->driver, KBUILD_MODNAME, sizeof(info->driver));
	strscpy(info->version, THIS_MODULE->version ?: "", sizeof(info->version));
	if (n->dev.d)
		snprintf(info->bus_info, sizeof(info->bus_info), "%s/%s", n->dev.d->name,
			 n->dev.name);
}

static int host_sset_count(struct net_device *netdev, int set)
{
	return set == ETH_SS_STATS ? NR_QUEUE_STATS * nic_of_netdev(netdev)->pairs : -EOPNOTSUPP;
}

static void host_strings(struct net_device *netdev, u32 set, u8 *data)
{
	struct net_nic *n = nic_of_netdev(netdev);
	unsigned int i, s;

	if (set != ETH_SS_STATS)
		return;
	for (i = 0; i < n->pairs; i++)
		for (s = 0; s < NR_QUEUE_STATS; s++)
			ethtool_sprintf(&data, "pair%u_%s", i, queue_stats[s]);
}

static void host_ethtool_stats(struct net_device *netdev, struct ethtool_stats *stats, u64 *data)
{
	struct net_nic *n = nic_of_netdev(netdev);
	struct net_values v;
	unsigned int i;

	for (i = 0; i < n->pairs; i++) {
		const struct bus_queue *rx = &n->dev.queues[2 * i], *tx = rx + 1;

		read_counters(&n->to_guest[i], &v);
		*data++ = v.packets;
		*data++ = v.bytes;
		*data++ = v.dropped;
		read_counters(&n->from_guest[i], &v);
		*data++ = v.packets;
		*data++ = v.bytes;
		*data++ = v.dropped;
		*data++ = v.errors;
		*data++ = READ_ONCE(rx->kicks);
		*data++ = READ_ONCE(tx->kicks);
		*data++ = READ_ONCE(rx->signals);
		*data++ = READ_ONCE(tx->signals);
	}
}

static void host_channels(struct net_device *netdev, struct ethtool_channels *channels)
{
	struct net_nic *n = nic_of_netdev(netdev);

	channels->max_combined = n->pairs;
	channels->combined_count = READ_ONCE(n->active);
}

static int host_link_settings(struct net_device *netdev, struct ethtool_link_ksettings *cmd)
{
	ethtool_link_ksettings_zero_link_mode(cmd, supported);
	ethtool_link_ksettings_zero_link_mode(cmd, advertising);
	cmd->base.speed = SPEED_10000;
	cmd->base.duplex = DUPLEX_FULL;
	cmd->base.port = PORT_OTHER;
	cmd->base.autoneg = AUTONEG_DISABLE;
	return 0;
}

static const struct ethtool_ops host_ethtool_ops = {
	.get_drvinfo		= host_drvinfo,
	.get_link		= ethtool_op_get_link,
	.get_sset_count		= host_sset_count,
	.get_strings		= host_strings,
	.get_ethtool_stats	= host_ethtool_stats,
	.get_channels		= host_channels,
	.get_link_ksettings	= host_link_settings,
	.get_ts_info		= ethtool_op_get_ts_info,
};

/* ---- 3. Coming and going --------------------------------------------------------------- */

/* Without "dellink"; what has no operations at all would outlive its namespace. */
static struct rtnl_link_ops host_link_ops = { .kind = KBUILD_MODNAME };

static void host_unregistered(struct net_device *netdev)
{
	complete_all(&nic_of_netdev(netdev)->unregistered);
}

int net_host_add(struct net_nic *n, const struct net_params *p, struct netlink_ext_ack *extack)
{
	struct net_device *netdev;
	u8 mac[ETH_ALEN];
	int err;

	netdev = alloc_netdev_mqs(sizeof(struct net_nic *), p->ifname,
				  strchr(p->ifname, '%') ? NET_NAME_ENUM : NET_NAME_USER,
				  ether_setup, p->pairs, p->pairs);
	if (!netdev)
		return -ENOMEM;
	*(struct net_nic **)netdev_priv(netdev) = n;
	dev_net_set(netdev, p->net);
	netdev->netdev_ops = &host_ops;
	netdev->ethtool_ops = &host_ethtool_ops;
	netdev->rtnl_link_ops = &host_link_ops;
	netdev->priv_destructor = host_unregistered;
	init_completion(&n->unregistered);
	netdev->mtu = p->mtu;
	netdev->min_mtu = NET_MTU_MIN;
	netdev->max_mtu = NET_MTU_MAX;
	netdev->hw_features = OF_DRIVER;
	netdev->features = netdev->hw_features;	/* wanted; without a driver none is there */
	netdev->vlan_features = netdev->hw_features;
	/* the highest address of all: a bridge does not take it for its own */
	memcpy(mac, p->mac, sizeof(mac));
	mac[0] = 0xfe;
	eth_hw_addr_set(netdev, mac);
	n->netdev = netdev;
	net_tx_add_napi(n);
	netif_carrier_off(netdev);
	err = register_netdev(netdev);
	if (!err)
		return 0;
	if (err == -EEXIST)
		NL_SET_ERR_MSG(extack, "a network device of this name exists");
	else if (err == -EINVAL)
		NL_SET_ERR_MSG(extack, "not a name for a network device");
	n->netdev = NULL;
	free_netdev(netdev);
	return err;
}

void net_host_remove(struct net_nic *n)
{
	unsigned int i;

	rtnl_lock();
	if (n->netdev->reg_state == NETREG_REGISTERED)
		unregister_netdevice(n->netdev);
	rtnl_unlock();
	wait_for_completion(&n->unregistered);
	for (i = 0; i < n->pairs; i++)
		net_rx_end(&n->rx[i]);
	/* to go down was a change of the link */
	if (cancel_work_sync(&n->link_work))
		bus_put(&n->dev);
}

netdev_features_t net_host_takes(u64 features)
{
	netdev_features_t allowed = NETIF_F_SG | NETIF_F_FRAGLIST;

	if (features & BIT_ULL(VIRTIO_NET_F_GUEST_CSUM))
		allowed |= NETIF_F_HW_CSUM;
	if (features & BIT_ULL(VIRTIO_NET_F_GUEST_TSO4))
		allowed |= NETIF_F_TSO;
	if (features & BIT_ULL(VIRTIO_NET_F_GUEST_TSO6))
		allowed |= NETIF_F_TSO6;
	if (features & BIT_ULL(VIRTIO_NET_F_GUEST_ECN))
		allowed |= NETIF_F_TSO_ECN;
	return allowed;
}

void net_host_ready(struct net_nic *n, u64 features)
{
	netdev_features_t allowed = net_host_takes(features);
	int told = READ_ONCE(n->told_mtu);

	rtnl_lock();
	if (n->netdev->reg_state == NETREG_REGISTERED) {
		n->allowed = allowed;
		if (features & BIT_ULL(VIRTIO_NET_F_MTU) && n->netdev->mtu > told)
			dev_set_mtu(n->netdev, told);
		netdev_update_features(n->netdev);
		netif_carrier_on(n->netdev);
		netif_tx_wake_all_queues(n->netdev);
	}
	rtnl_unlock();
}
