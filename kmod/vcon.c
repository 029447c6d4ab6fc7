// SPDX-License-Identifier: GPL-2.0-only
/*
 * The virtio console device (VIRTIO 1.2, 5.3): the guest's end of ports.
 *
 *   1. queues and ports
 *   2. to the guest
 *   3. from the guest
 *   4. messages to the guest
 *   5. messages from the guest
 *   6. config space, status
 *   7. making and asking
 *
 * What a port is to be told is a set of bits, not a list of messages: each says what
 * is so when it is sent, and a guest that does not listen costs nothing.
 */
#include <linux/bits.h>
#include <linux/ctype.h>
#include <linux/err.h>
#include <linux/mm.h>
#include <linux/netlink.h>
#include <linux/nospec.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <uapi/linux/virtio_console.h>
#include <uapi/linux/virtio_ids.h>

#include "domain.h"
#include "vcon_priv.h"

#define QUEUE_SIZE	64U
#define SEGS_MAX	(QUEUE_SIZE + 2)
#define BUDGET		32U		/* buffers of one kick */
#define CTL_RX		2U
#define CTL_TX		3U

/* Messages, in the order in which they are sent. */
#define SAY_ADD		BIT(0)
#define SAY_TERMINAL	BIT(1)
#define SAY_NAME	BIT(2)
#define SAY_SIZE	BIT(3)
#define SAY_OPEN	BIT(4)

enum { TO_GUEST, FROM_GUEST, DROPPED, REFUSED, MESSAGES, NR_COUNTERS };

static const char *const counter_names[NR_COUNTERS] = {
	"to-guest-bytes", "from-guest-bytes", "dropped-bytes", "refused-clients", "messages",
};

/*
 * A device.
 *
 * @ctl: of what ports say and are told, and of @multiport, @cols, @rows, @messages
 * @multiport: the guest listens to messages
 * @death, @death_wait: the domain is dead, by its bus's wait queue
 * @segs: SEGS_MAX of each queue, under its pop lock
 */
struct vcon_device {
	struct bus_device dev;
	struct mutex ctl;
	bool multiport;
	u16 cols, rows;
	u64 messages;
	struct kthread_work death;
	wait_queue_entry_t death_wait;
	struct vring_seg *segs;
	unsigned int nr_ports;
	struct vcon_port ports[];
};

static struct vcon_device *vcon_of(const struct bus_device *dev)
{
	return container_of(dev, struct vcon_device, dev);
}

/* ---- 1. Queues and ports -------------------------------------------------------- */

struct bus_device *vcon_dev(const struct vcon_port *port)
{
	return &port->v->dev;
}

/* Control queues lie behind those of the first port (5.3.2). */
static unsigned int rx_number(const struct vcon_port *port)
{
	return port->nr ? 2 * port->nr + 2 : 0;
}

struct bus_queue *vcon_rx_queue(const struct vcon_port *port)
{
	return &port->v->dev.queues[rx_number(port)];
}

struct bus_queue *vcon_tx_queue(const struct vcon_port *port)
{
	return &port->v->dev.queues[rx_number(port) + 1];
}

static struct vcon_port *port_of(const struct bus_queue *q)
{
	struct vcon_device *v = vcon_of(q->dev);

	return &v->ports[q->nr < 2 ? 0 : q->nr / 2 - 1];
}

/* Moves buffers by @move, give() or take(), until it cannot or the budget is used up. */
static void move_all(struct bus_queue *q, struct vring_chain *chain,
		     int (*move)(struct vcon_port *port, struct bus_queue *q,
				 struct vring_chain *chain))
{
	struct vcon_port *port = port_of(q);
	unsigned int budget = BUDGET;
	int r;

	vring_kicks_off(&q->ring);
	for (;;) {
		r = move(port, q, chain);
		/* bytes and room come with a kick of ours, buffers with one of the guest's */
		if (!r || (r < 0 && (!vring_kicks_on(&q->ring) || bus_stalled(q))))
			return;
		if (!--budget) {
			bus_queue_work(q);
			return;
		}
	}
}

/* ---- 2. To the guest ------------------------------------------------------------ */

/*
 * One buffer, if there are bytes for it. The bytes are ours until we say that they have
 * gone: the pop lock is held. Return: 1, 0: no bytes, -EAGAIN: no buffer.
 */
static int give(struct vcon_port *port, struct bus_queue *q, struct vring_chain *chain)
{
	struct vcon_host *h = &port->host;
	const char *bytes;
	u32 n = 0;

	mutex_lock(&h->lock);
	if (READ_ONCE(port->open))
		n = vcon_host_input(port);
	bytes = h->in + h->in_at;
	mutex_unlock(&h->lock);
	if (!n)
		return 0;
	if (bus_pop(q, chain) <= 0)
		return -EAGAIN;
	n = min(n, chain->in_len);
	if (chain->out || bus_write_chain(q, chain, 0, bytes, n)) {
		bus_break(q->dev, chain->out ? "a buffer for input has a segment to read" :
					       "a buffer for input is not memory");
		n = 0;
	}
	mutex_lock(&h->lock);
	h->in_at += n;
	h->in_len -= n;
	port->rx_bytes += n;
	mutex_unlock(&h->lock);
	bus_rate_charge(&q->dev->rate, n);
	bus_push(q, chain->id, n);
	return 1;
}

static void kick_rx(struct bus_queue *q, struct vring_chain *chain)
{
	move_all(q, chain, give);
}

/* ---- 3. From the guest ---------------------------------------------------------- */

/* One buffer, if the client can have it. Return: as give(); 0: no room. */
static int take(struct vcon_port *port, struct bus_queue *q, struct vring_chain *chain)
{
	const char *why = NULL;
	bool room;
	u64 nth;
	int err;

	mutex_lock(&port->host.lock);
	vcon_host_flush(port);
	room = vcon_host_room(port);
	nth = port->host.nth;
	mutex_unlock(&port->host.lock);
	if (!room)
		return 0;
	if (bus_pop(q, chain) <= 0)
		return -EAGAIN;
	if (chain->in) {
		why = "a buffer of output has a segment to write";
	} else if (chain->out_len > VCON_BUFFER_MAX) {
		why = "a buffer of output has more than 256 KiB";
	} else {
		err = vcon_host_output(port, q, chain, nth);
		if (err)
			why = err == -ENOMEM ? "the host has no memory for a buffer of output" :
					       "a buffer of output is not memory";
	}
	if (why)
		bus_break(q->dev, why);
	bus_rate_charge(&q->dev->rate, why ? 0 : chain->out_len);
	bus_push(q, chain->id, 0);
	return 1;
}

static void kick_tx(struct bus_queue *q, struct vring_chain *chain)
{
	move_all(q, chain, take);
}

/* ---- 4. Messages to the guest --------------------------------------------------- */

struct message {
	struct virtio_console_control head;
	union {
		char name[DOMUS_DEV_NAME_MAX + 1];
		/* as VIRTIO says; Linux before 2025 takes them the other way */
		struct {
			__le16 cols, rows;
		} size;
	};
};

/* Makes the first one that is pending, which there is. Return: its length. */
static u32 make_message(const struct vcon_port *port, unsigned int what, struct message *m)
{
	const struct vcon_device *v = port->v;
	u32 more = 0;
	u16 event, value = 1;

	memset(m, 0, sizeof(*m));
	switch (what) {
	case SAY_ADD:
		event = VIRTIO_CONSOLE_PORT_ADD;
		break;
	case SAY_TERMINAL:
		event = VIRTIO_CONSOLE_CONSOLE_PORT;
		break;
	case SAY_NAME:
		event = VIRTIO_CONSOLE_PORT_NAME;
		more = strlen(port->name);
		memcpy(m->name, port->name, more);
		break;
	case SAY_SIZE:
		event = VIRTIO_CONSOLE_RESIZE;
		more = sizeof(m->size);
		m->size.rows = cpu_to_le16(v->rows);
		m->size.cols = cpu_to_le16(v->cols);
		break;
	default:
		event = VIRTIO_CONSOLE_PORT_OPEN;
		value = port->connected;
		break;
	}
	m->head.id = (__force __virtio32)port->nr;
	m->head.event = (__force __virtio16)event;
	m->head.value = (__force __virtio16)value;
	return sizeof(m->head) + more;
}

/* Return: as give(). */
static int tell(struct vcon_port *port, struct bus_queue *q, struct vring_chain *chain)
{
	struct vcon_device *v = port->v;
	unsigned int what;
	struct message m;
	u32 len;

	if (!READ_ONCE(port->pending))
		return 0;
	if (bus_pop(q, chain) <= 0)
		return -EAGAIN;
	mutex_lock(&v->ctl);
	what = port->pending & -port->pending;
	len = make_message(port, what, &m);
	WRITE_ONCE(port->pending, port->pending & ~what);
	mutex_unlock(&v->ctl);
	if (!what) {
		bus_unpop(q, chain);
		return 0;
	}
	if (chain->out || bus_write_chain(q, chain, 0, &m, len)) {
		bus_break(q->dev, "a buffer for messages is too small, or not memory");
		len = 0;
	} else {
		v->messages++;
	}
	bus_push(q, chain->id, len);
	/* the next client was waiting for it */
	if (what == SAY_OPEN)
		vcon_host_work(port);
	return 1;
}

static void kick_messages(struct bus_queue *q, struct vring_chain *chain)
{
	struct vcon_device *v = vcon_of(q->dev);
	unsigned int i = 0, budget = BUDGET;
	int r;

	vring_kicks_off(&q->ring);
	while (i < v->nr_ports) {
		r = tell(&v->ports[i], q, chain);
		if (!r) {
			i++;
		} else if (r < 0) {
			if (!vring_kicks_on(&q->ring) || bus_stalled(q))
				return;
		} else if (!--budget) {
			/* another vCPU of the guest may ask for more all the time */
			bus_queue_work(q);
			return;
		}
	}
}

/* Under the lock. */
static void say(struct vcon_port *port, unsigned int what)
{
	lockdep_assert_held(&port->v->ctl);
	WRITE_ONCE(port->pending, port->pending | what);
	bus_queue_work(&port->v->dev.queues[CTL_RX]);
}

void vcon_connected(struct vcon_port *port, bool yes)
{
	struct vcon_device *v = port->v;

	mutex_lock(&v->ctl);
	/* the guest's writes to a terminal are taken in any case */
	if (!port->terminal)
		port->connected = yes;
	if (!port->terminal && port->ready && v->multiport)
		say(port, SAY_OPEN);
	mutex_unlock(&v->ctl);
}

bool vcon_told(struct vcon_port *port)
{
	bool told;

	mutex_lock(&port->v->ctl);
	told = !(port->pending & SAY_OPEN);
	mutex_unlock(&port->v->ctl);
	return told;
}

/* ---- 5. Messages from the guest ------------------------------------------------- */

static void device_ready(struct vcon_device *v)
{
	unsigned int i;

	for (i = 0; i < v->nr_ports; i++) {
		v->ports[i].ready = false;
		v->ports[i].open = false;
		WRITE_ONCE(v->ports[i].pending, 0);
		say(&v->ports[i], SAY_ADD);
	}
}

static void port_ready(struct vcon_port *port, bool yes)
{
	port->ready = yes;
	WRITE_ONCE(port->pending, 0);
	if (!yes)
		port->open = false;
	else
		say(port, SAY_NAME | (port->terminal ? SAY_TERMINAL | SAY_SIZE : 0) |
		    (port->connected ? SAY_OPEN : 0));
}

/* Under the lock. Return: why it is wrong, or NULL. */
static const char *hear(struct vcon_device *v, const struct virtio_console_control *m)
{
	u32 id = (__force u32)m->id;
	u16 event = (__force u16)m->event;
	bool yes = m->value;

	if (event == VIRTIO_CONSOLE_DEVICE_READY) {
		if (yes)
			device_ready(v);
		return NULL;
	}
	if (id >= v->nr_ports)
		return "a message about a port that there is not";
	id = array_index_nospec(id, v->nr_ports);
	switch (event) {
	case VIRTIO_CONSOLE_PORT_READY:
		port_ready(&v->ports[id], yes);
		return NULL;
	case VIRTIO_CONSOLE_PORT_OPEN:
		WRITE_ONCE(v->ports[id].open, yes);
		if (yes)
			bus_queue_work(vcon_rx_queue(&v->ports[id]));
		return NULL;
	default:
		return "a message that a guest does not send";
	}
}

static void listen_to(struct bus_queue *q, const struct vring_chain *chain)
{
	struct vcon_device *v = vcon_of(q->dev);
	struct virtio_console_control m;
	const char *why = "a message of a bad length, or not in memory";

	if (!chain->in && chain->out_len == sizeof(m) &&
	    !bus_read_chain(q, chain, 0, &m, sizeof(m))) {
		mutex_lock(&v->ctl);
		why = hear(v, &m);
		mutex_unlock(&v->ctl);
	}
	if (why)
		bus_break(q->dev, why);
	bus_push(q, chain->id, 0);
}

static void kick_listen(struct bus_queue *q, struct vring_chain *chain)
{
	unsigned int budget = BUDGET;

	vring_kicks_off(&q->ring);
	do {
		while (budget && bus_pop(q, chain) > 0) {
			budget--;
			listen_to(q, chain);
		}
		if (!budget) {
			bus_queue_work(q);
			break;
		}
	} while (vring_kicks_on(&q->ring) && !bus_stalled(q));
}

static void vcon_kick(struct bus_queue *q)
{
	struct vring_chain chain = {
		.segs = vcon_of(q->dev)->segs + q->nr * SEGS_MAX,
		.max = SEGS_MAX,
	};

	if (q->nr == CTL_RX)
		kick_messages(q, &chain);
	else if (q->nr == CTL_TX)
		kick_listen(q, &chain);
	else if (q->nr & 1)
		kick_tx(q, &chain);
	else
		kick_rx(q, &chain);
}

/* ---- 6. Config space, status ---------------------------------------------------- */

static void vcon_config_read(struct bus_device *dev, u32 offset, void *to, u32 len)
{
	const struct vcon_device *v = vcon_of(dev);
	struct virtio_console_config c = {
		.cols = (__force __virtio16)READ_ONCE(v->cols),
		.rows = (__force __virtio16)READ_ONCE(v->rows),
		.max_nr_ports = (__force __virtio32)v->nr_ports,
	};

	memcpy(to, (u8 *)&c + offset, len);
}

/* @alone: of a guest that knows of one port, which is open for it, and of no messages. */
static void forget(struct vcon_device *v, bool multiport, bool alone)
{
	unsigned int i;

	mutex_lock(&v->ctl);
	v->multiport = multiport;
	for (i = 0; i < v->nr_ports; i++) {
		v->ports[i].ready = alone && !i;
		WRITE_ONCE(v->ports[i].open, alone && !i);
		WRITE_ONCE(v->ports[i].pending, 0);
	}
	mutex_unlock(&v->ctl);
}

static int vcon_start(struct bus_device *dev)
{
	bool multiport = dev->features & BIT_ULL(VIRTIO_CONSOLE_F_MULTIPORT);

	forget(vcon_of(dev), multiport, !multiport);
	return 0;
}

static void vcon_stop(struct bus_device *dev)
{
	struct vcon_device *v = vcon_of(dev);
	unsigned int i;

	forget(v, false, false);
	/* clients who wait until the guest was told of others need not any more */
	for (i = 0; i < v->nr_ports && dev->worker; i++)
		vcon_host_work(&v->ports[i]);
}

static void close_all(struct vcon_device *v)
{
	unsigned int i;

	for (i = 0; i < v->nr_ports; i++)
		vcon_host_close(&v->ports[i]);
}

/*
 * Of a dead domain clients are sent home at once, not when its holder goes: they could
 * have passed the holder's own file to us, and then it never would.
 */
static void death_work(struct kthread_work *work)
{
	close_all(container_of(work, struct vcon_device, death));
}

static int death_wake(wait_queue_entry_t *wait, unsigned int mode, int sync, void *key)
{
	struct vcon_device *v = container_of(wait, struct vcon_device, death_wait);

	if (domain_dead(v->dev.d))
		kthread_queue_work(v->dev.worker, &v->death);
	return 0;
}

static void vcon_plug(struct bus_device *dev)
{
	struct vcon_device *v = vcon_of(dev);
	unsigned int i;

	for (i = 0; i < v->nr_ports; i++)
		vcon_host_watch(&v->ports[i]);
	init_waitqueue_func_entry(&v->death_wait, death_wake);
	add_wait_queue(&dev->d->bus.changed, &v->death_wait);
	death_wake(&v->death_wait, 0, 0, NULL);
}

static void vcon_unplug(struct bus_device *dev)
{
	struct vcon_device *v = vcon_of(dev);

	remove_wait_queue(&dev->d->bus.changed, &v->death_wait);
	close_all(v);
}

static void vcon_count(struct bus_device *dev, u64 *values)
{
	const struct vcon_device *v = vcon_of(dev);
	unsigned int i;

	for (i = 0; i < v->nr_ports; i++) {
		values[TO_GUEST] += READ_ONCE(v->ports[i].rx_bytes);
		values[FROM_GUEST] += READ_ONCE(v->ports[i].tx_bytes);
		values[DROPPED] += READ_ONCE(v->ports[i].host.dropped);
		values[REFUSED] += READ_ONCE(v->ports[i].host.refused);
	}
	values[MESSAGES] = READ_ONCE(v->messages);
}

static void vcon_free(struct bus_device *dev)
{
	struct vcon_device *v = vcon_of(dev);
	unsigned int i;

	for (i = 0; i < v->nr_ports; i++)
		vcon_host_free(&v->ports[i]);
	kvfree(v->segs);
	kvfree(v);
}

static const struct bus_ops vcon_ops = {
	.type		= VIRTIO_ID_CONSOLE,
	.kind		= "console",
	.config_read	= vcon_config_read,
	.plug		= vcon_plug,
	.start		= vcon_start,
	.stop		= vcon_stop,
	.kick		= vcon_kick,
	.unplug		= vcon_unplug,
	.counters	= counter_names,
	.nr_counters	= NR_COUNTERS,
	.count		= vcon_count,
	.free		= vcon_free,
};

/* ---- 7. Making and asking -------------------------------------------------------- */

static bool name_valid(const char *name)
{
	if (!isalnum(*name) || strlen(name) > DOMUS_DEV_NAME_MAX)
		return false;
	for (; *name; name++)
		if (!isascii(*name) || !(isalnum(*name) || strchr("._-", *name)))
			return false;
	return true;
}

static int init_port(struct vcon_device *v, const struct vcon_param *p,
		     struct netlink_ext_ack *extack)
{
	struct vcon_port *port = &v->ports[v->nr_ports];
	unsigned int i;
	int err;

	if (!name_valid(p->name)) {
		NL_SET_ERR_MSG(extack,
			       "port name: letters, digits and ._- only, a letter or digit first");
		return -EINVAL;
	}
	if (p->terminal && v->nr_ports) {
		NL_SET_ERR_MSG(extack, "only the first port of a device can be a terminal");
		return -EINVAL;
	}
	for (i = 0; i < v->nr_ports; i++) {
		if (!strcmp(v->ports[i].name, p->name)) {
			NL_SET_ERR_MSG(extack, "two ports have the same name");
			return -EEXIST;
		}
	}
	port->v = v;
	port->nr = v->nr_ports++;
	port->terminal = p->terminal;
	port->connected = p->terminal;
	strscpy(port->name, p->name, sizeof(port->name));
	err = vcon_host_init(port, p->file);
	if (err == -ENOTSOCK)
		NL_SET_ERR_MSG(extack, "a port needs a UNIX stream socket that listens");
	return err;
}

struct bus_device *vcon_new(const struct vcon_param *params, unsigned int nr,
			    struct netlink_ext_ack *extack)
{
	unsigned int queues = 2 * (nr + 1), i;
	u64 features = BIT_ULL(VIRTIO_CONSOLE_F_MULTIPORT);
	struct vcon_device *v;
	int err = -ENOMEM;

	v = kvzalloc(struct_size(v, ports, nr), GFP_KERNEL_ACCOUNT);
	if (!v)
		return ERR_PTR(-ENOMEM);
	mutex_init(&v->ctl);
	kthread_init_work(&v->death, death_work);
	v->segs = kvcalloc(queues * SEGS_MAX, sizeof(*v->segs), GFP_KERNEL_ACCOUNT);
	if (!v->segs)
		goto err_free;
	for (i = 0; i < nr; i++) {
		err = init_port(v, &params[i], extack);
		if (err)
			goto err_free;
	}
	if (params[0].terminal) {
		v->cols = 80;
		v->rows = 24;
		features |= BIT_ULL(VIRTIO_CONSOLE_F_SIZE);
	}
	err = bus_device_init(&v->dev, &vcon_ops, features, sizeof(struct virtio_console_config),
			      queues, QUEUE_SIZE);
	if (err)
		goto err_free;
	/* Linux waits for these with locks held, or interrupts off */
	v->dev.queues[CTL_RX].prompt = true;
	v->dev.queues[CTL_TX].prompt = true;
	vcon_tx_queue(&v->ports[0])->prompt = params[0].terminal;
	return &v->dev;

err_free:
	vcon_free(&v->dev);
	return ERR_PTR(err);
}

bool vcon_is(const struct bus_device *dev)
{
	return dev->ops == &vcon_ops;
}

unsigned int vcon_nr(const struct bus_device *dev)
{
	return vcon_of(dev)->nr_ports;
}

void vcon_port(const struct bus_device *dev, unsigned int nr, struct vcon_port_state *state)
{
	const struct vcon_port *port = &vcon_of(dev)->ports[nr];

	*state = (struct vcon_port_state) {
		.name = port->name,
		.path = port->host.path,
		.terminal = port->terminal,
		.guest = READ_ONCE(port->open),
		.host = READ_ONCE(port->host.client),
	};
}

int vcon_resize(struct bus_device *dev, u16 cols, u16 rows)
{
	struct vcon_device *v = vcon_of(dev);

	if (!v->ports[0].terminal)
		return -EOPNOTSUPP;
	/* without the device's lock, which a reset keeps for long */
	mutex_lock(&v->ctl);
	WRITE_ONCE(v->cols, cols);
	WRITE_ONCE(v->rows, rows);
	if (v->ports[0].ready && v->multiport)
		say(&v->ports[0], SAY_SIZE);
	mutex_unlock(&v->ctl);
	if (!(READ_ONCE(dev->features) & BIT_ULL(VIRTIO_CONSOLE_F_MULTIPORT)))
		bus_config_changed(dev);
	return 0;
}
