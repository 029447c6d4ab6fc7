// SPDX-License-Identifier: GPL-2.0-only
/*
 * The virtio network device (VIRTIO 1.2, 5.1).
 *
 *   1. the control queue
 *   2. config space, status, link
 *   3. making one
 *
 * The way to the guest is in net_rx.c, the way from it in net_tx.c, the host's end in
 * net_host.c.
 */
#include <linux/capability.h>
#include <linux/err.h>
#include <linux/etherdevice.h>
#include <linux/rtnetlink.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>
#include <linux/virtio_net.h>
#include <uapi/linux/virtio_ids.h>

#include "domain.h"
#include "net_priv.h"

#define BUDGET	128	/* commands of one kick */

/* ---- 1. Control ------------------------------------------------------------------------ */

static u8 control(struct net_nic *n, struct bus_queue *q, const struct vring_chain *chain)
{
	struct virtio_net_ctrl_hdr hdr;
	__virtio16 pairs;

	if (bus_read_chain(q, chain, 0, &hdr, sizeof(hdr)))
		return VIRTIO_NET_ERR;
	switch (hdr.class) {
	case VIRTIO_NET_CTRL_RX:
	case VIRTIO_NET_CTRL_MAC:
		/* every frame on this wire is for the guest: it filters */
		return VIRTIO_NET_OK;
	case VIRTIO_NET_CTRL_MQ:
		if (!(n->dev.features & BIT_ULL(VIRTIO_NET_F_MQ)) ||
		    hdr.cmd != VIRTIO_NET_CTRL_MQ_VQ_PAIRS_SET ||
		    bus_read_chain(q, chain, sizeof(hdr), &pairs, sizeof(pairs)) ||
		    (__force u16)pairs < 1 || (__force u16)pairs > n->pairs)
			return VIRTIO_NET_ERR;
		WRITE_ONCE(n->active, (__force u16)pairs);
		return VIRTIO_NET_OK;
	default:
		return VIRTIO_NET_ERR;
	}
}

static void net_control_kick(struct net_nic *n, struct bus_queue *q)
{
	struct vring_chain chain = { .segs = n->segs + q->nr * NET_SEGS_MAX,
				     .max = NET_SEGS_MAX };
	unsigned int budget = BUDGET;

	do {
		while (budget && bus_pop(q, &chain) > 0) {
			u8 ack = control(n, q, &chain);
			u32 written = 0;

			budget--;
			if (chain.in && !gmem_write(&n->dev.d->gmem, chain.segs[chain.out].gpa,
						    &ack, sizeof(ack)))
				written = sizeof(ack);
			bus_push(q, chain.id, written);
		}
		if (!budget) {
			bus_queue_work(q);
			break;
		}
	} while (vring_kicks_on(&q->ring) && !bus_stalled(q));
}

/* Behind those that the driver knows of (VIRTIO 1.2, 5.1.2). */
static unsigned int control_nr(const struct net_nic *n)
{
	return n->dev.features & BIT_ULL(VIRTIO_NET_F_MQ) ? 2 * n->pairs : 2;
}

static void net_kick(struct bus_queue *q)
{
	struct net_nic *n = nic_of(q->dev);

	if (q->nr == control_nr(n))
		net_control_kick(n, q);
	else if (q->nr > control_nr(n))
		return;
	else if (q->nr % 2)
		net_tx_kick(n, q->nr / 2);
	else
		net_rx_kick(n, q->nr / 2);
}

/* ---- 2. Config space, status, link ---------------------------------------------------------- */

static void net_config_read(struct bus_device *dev, u32 offset, void *to, u32 len)
{
	struct virtio_net_config config = {};
	struct net_nic *n = nic_of(dev);

	memcpy(config.mac, n->mac, ETH_ALEN);
	config.status = (__force __virtio16)(u16)(READ_ONCE(n->up) ? VIRTIO_NET_S_LINK_UP : 0);
	config.max_virtqueue_pairs = (__force __virtio16)(u16)n->pairs;
	if (!n->running)
		WRITE_ONCE(n->told_mtu, READ_ONCE(n->netdev->mtu));
	config.mtu = (__force __virtio16)(u16)n->told_mtu;
	memcpy(to, (u8 *)&config + offset, len);
}

/*
 * Without the device's lock, which a reset keeps for long: others' devices wait for this
 * workqueue. Each change of what is looked at here is followed by net_link_changed().
 */
static void link_work(struct work_struct *work)
{
	struct net_nic *n = container_of(work, struct net_nic, link_work);
	bool up = netif_running(n->netdev);

	if (READ_ONCE(n->running)) {
		net_host_ready(n, READ_ONCE(n->dev.features));
		/* pairs with net_stop(), of which one of us sees what the other did */
		smp_mb();
		if (!READ_ONCE(n->running))
			netif_carrier_off(n->netdev);
	}
	if (n->up != up) {
		WRITE_ONCE(n->up, up);
		bus_config_changed(&n->dev);
	}
	bus_put(&n->dev);
}

void net_link_changed(struct net_nic *n)
{
	kref_get(&n->dev.ref);
	if (!bus_queue_system_work(&n->link_work))
		bus_put(&n->dev);
}

/* In the vCPU's thread: the holder's limit, of which who may lock memory has none. */
static s64 memlock_pages(void)
{
	unsigned long limit = rlimit(RLIMIT_MEMLOCK);

	if (limit == RLIM_INFINITY || capable(CAP_IPC_LOCK))
		return S64_MAX;
	return limit >> PAGE_SHIFT;
}

static int net_start(struct bus_device *dev)
{
	struct net_nic *n = nic_of(dev);
	unsigned int i;

	n->mergeable = dev->features & BIT_ULL(VIRTIO_NET_F_MRG_RXBUF);
	n->takes = net_host_takes(dev->features);
	n->active = 1;
	WRITE_ONCE(n->memlock, memlock_pages());
	WRITE_ONCE(n->running, true);
	for (i = 0; i < dev->nr_queues; i++)
		dev->queues[i].prompt = i == control_nr(n);
	for (i = 0; i < n->pairs; i++)
		net_rx_open(n, i);
	net_link_changed(n);
	return 0;
}

static void net_drained(struct bus_queue *q)
{
	struct net_nic *n = nic_of(q->dev);

	if (q->nr % 2 == 0 && q->nr / 2 < n->pairs)
		net_rx_drained(n, q->nr / 2);
}

/* To the guest, buffers are kept until there is a frame: nobody else gives them back. */
static void net_disabled(struct bus_queue *q)
{
	struct net_nic *n = nic_of(q->dev);

	if (q->nr < control_nr(n) && q->nr % 2 == 0)
		net_rx_close(n, q->nr / 2);
}

static void net_stop(struct bus_device *dev)
{
	struct net_nic *n = nic_of(dev);
	unsigned int i;

	WRITE_ONCE(n->running, false);
	smp_mb();	/* pairs with link_work() */
	netif_carrier_off(n->netdev);
	for (i = 0; i < n->pairs; i++)
		net_rx_close(n, i);
}

/* Two of one address in a network would get each other's frames. */
static DEFINE_MUTEX(nics_lock);
static LIST_HEAD(nics);

static bool mac_taken(const struct net_params *p)
{
	const struct net_nic *n;

	lockdep_assert_held(&nics_lock);
	list_for_each_entry(n, &nics, link)
		if (ether_addr_equal(n->mac, p->mac) && net_eq(dev_net(n->netdev), p->net))
			return true;
	return false;
}

/* The host's end, with an address that nobody else has. */
static int add_host_end(struct net_nic *n, const struct net_params *p,
			struct netlink_ext_ack *extack)
{
	int err;

	mutex_lock(&nics_lock);
	if (mac_taken(p)) {
		NL_SET_ERR_MSG(extack, "MAC address: another interface of a domain has it");
		err = -EEXIST;
	} else {
		err = net_host_add(n, p, extack);
		if (!err)
			list_add(&n->link, &nics);
	}
	mutex_unlock(&nics_lock);
	return err;
}

static void remove_host_end(struct net_nic *n)
{
	mutex_lock(&nics_lock);
	list_del(&n->link);
	mutex_unlock(&nics_lock);
	net_host_remove(n);
}

static void net_unplug(struct bus_device *dev)
{
	remove_host_end(nic_of(dev));
}

static void net_free(struct bus_device *dev)
{
	struct net_nic *n = nic_of(dev);
	unsigned int i;

	if (n->netdev)
		free_netdev(n->netdev);
	for (i = 0; i < n->pairs; i++) {
		net_tx_purge(&n->tx[i]);
		net_rx_free(&n->rx[i]);
	}
	kvfree(n->segs);
	kvfree(n);
}

static const char *const counter_names[] = {
	"to-guest-packets", "to-guest-bytes", "to-guest-dropped",
	"from-guest-packets", "from-guest-bytes", "from-guest-dropped", "from-guest-errors",
};

static void net_count_all(struct bus_device *dev, u64 *values)
{
	struct net_nic *n = nic_of(dev);
	unsigned int i;

	memset(values, 0, sizeof(*values) * ARRAY_SIZE(counter_names));
	for (i = 0; i < n->pairs; i++) {
		values[0] += u64_stats_read(&n->to_guest[i].packets);
		values[1] += u64_stats_read(&n->to_guest[i].bytes);
		values[2] += u64_stats_read(&n->to_guest[i].dropped);
		values[3] += u64_stats_read(&n->from_guest[i].packets);
		values[4] += u64_stats_read(&n->from_guest[i].bytes);
		values[5] += u64_stats_read(&n->from_guest[i].dropped);
		values[6] += u64_stats_read(&n->from_guest[i].errors);
	}
}

static const struct bus_ops net_ops = {
	.type		= VIRTIO_ID_NET,
	.kind		= "net",
	.config_read	= net_config_read,
	.start		= net_start,
	.stop		= net_stop,
	.disabled	= net_disabled,
	.drained	= net_drained,
	.kick		= net_kick,
	.unplug		= net_unplug,
	.counters	= counter_names,
	.nr_counters	= ARRAY_SIZE(counter_names),
	.count		= net_count_all,
	.free		= net_free,
};

/* ---- 3. Making one --------------------------------------------------------------------- */

static const u64 net_features =
	BIT_ULL(VIRTIO_NET_F_CSUM) | BIT_ULL(VIRTIO_NET_F_GUEST_CSUM) |
	BIT_ULL(VIRTIO_NET_F_MTU) | BIT_ULL(VIRTIO_NET_F_MAC) |
	BIT_ULL(VIRTIO_NET_F_GUEST_TSO4) | BIT_ULL(VIRTIO_NET_F_GUEST_TSO6) |
	BIT_ULL(VIRTIO_NET_F_GUEST_ECN) | BIT_ULL(VIRTIO_NET_F_HOST_TSO4) |
	BIT_ULL(VIRTIO_NET_F_HOST_TSO6) | BIT_ULL(VIRTIO_NET_F_HOST_ECN) |
	BIT_ULL(VIRTIO_NET_F_MRG_RXBUF) | BIT_ULL(VIRTIO_NET_F_STATUS) |
	BIT_ULL(VIRTIO_NET_F_CTRL_VQ) | BIT_ULL(VIRTIO_NET_F_CTRL_RX);

struct bus_device *net_new(const struct net_params *p, struct netlink_ext_ack *extack)
{
	u64 features = net_features | (p->pairs > 1 ? BIT_ULL(VIRTIO_NET_F_MQ) : 0);
	struct net_nic *n;
	unsigned int i;
	int err;

	if (!is_valid_ether_addr(p->mac)) {
		NL_SET_ERR_MSG(extack, "MAC address: not that of one station");
		return ERR_PTR(-EINVAL);
	}
	n = kvzalloc(sizeof(*n), GFP_KERNEL_ACCOUNT);
	if (!n)
		return ERR_PTR(-ENOMEM);
	memcpy(n->mac, p->mac, ETH_ALEN);
	n->pairs = p->pairs;
	n->active = 1;
	n->told_mtu = p->mtu;
	INIT_WORK(&n->link_work, link_work);
	err = -ENOMEM;
	for (i = 0; i < n->pairs; i++) {
		u64_stats_init(&n->to_guest[i].syncp);
		u64_stats_init(&n->from_guest[i].syncp);
		net_tx_init(n, i);
		if (net_rx_init(n, i, p->queue_size))
			goto err_free;
	}
	n->segs = kvcalloc((2 * n->pairs + 1) * NET_SEGS_MAX, sizeof(*n->segs),
			   GFP_KERNEL_ACCOUNT);
	if (!n->segs)
		goto err_free;
	err = bus_device_init(&n->dev, &net_ops, features,
			      offsetofend(struct virtio_net_config, mtu), 2 * n->pairs + 1,
			      p->queue_size);
	if (err)
		goto err_free;
	/* last: whoever sees it may set it up at once */
	err = add_host_end(n, p, extack);
	if (err) {
		bus_put(&n->dev);
		return ERR_PTR(err);
	}
	return &n->dev;

err_free:
	for (i = 0; i < n->pairs; i++)
		net_rx_free(&n->rx[i]);
	kvfree(n->segs);
	kvfree(n);
	return ERR_PTR(err);
}

void net_discard(struct bus_device *dev)
{
	remove_host_end(nic_of(dev));
	bus_put(dev);
}

bool net_is(const struct bus_device *dev)
{
	return dev->ops == &net_ops;
}

int net_ifindex(const struct bus_device *dev)
{
	return nic_of(dev)->netdev->ifindex;
}

const u8 *net_mac(const struct bus_device *dev)
{
	return nic_of(dev)->mac;
}

void net_host_name(const struct bus_device *dev, char *name, unsigned int *mtu)
{
	struct net_device *netdev = nic_of(dev)->netdev;

	/* renamed under rtnl: what is torn is still a string */
	strscpy(name, netdev->name, IFNAMSIZ);
	*mtu = READ_ONCE(netdev->mtu);
}
