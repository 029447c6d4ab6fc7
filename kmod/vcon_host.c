// SPDX-License-Identifier: GPL-2.0-only
/*
 * The host's end of ports: UNIX sockets.
 *
 *   1. wake-ups
 *   2. clients: coming and going
 *   3. bytes
 *   4. life
 *
 * A port listens; one client is connected at a time, others are hung up on. Nothing is
 * waited for: sockets say when they have bytes, or room, and the device's worker goes on
 * then. A client that is slow leaves the guest's buffers where they are, so that the
 * guest waits; but for a terminal's, as the guest may write to that with a lock held.
 *
 * A client that has hung up stays until the guest has read what it sent. What of the
 * guest's is on its way to it goes with it: the next one is not to begin in the middle of
 * something. File descriptors that clients pass are closed unseen.
 */
#include <linux/err.h>
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/mm.h>
#include <linux/net.h>
#include <linux/poll.h>
#include <linux/skbuff.h>
#include <linux/slab.h>
#include <linux/uio.h>
#include <linux/un.h>
#include <net/sock.h>

#include "vcon_priv.h"

#define ACCEPT_BUDGET	16

/* ---- 1. Wake-ups ---------------------------------------------------------------- */

void vcon_host_work(struct vcon_port *port)
{
	kthread_queue_work(vcon_dev(port)->worker, &port->host.work);
}

/* Any context: the wait queue's lock is held. */
static int listen_wake(wait_queue_entry_t *wait, unsigned int mode, int sync, void *key)
{
	vcon_host_work(container_of(wait, struct vcon_port, host.listen_wait));
	return 0;
}

static int client_wake(wait_queue_entry_t *wait, unsigned int mode, int sync, void *key)
{
	struct vcon_port *port = container_of(wait, struct vcon_port, host.client_wait);
	__poll_t what = key_to_poll(key);

	/* without a key: its state has changed */
	if (!what || what & (EPOLLHUP | EPOLLRDHUP | EPOLLERR))
		vcon_host_work(port);
	if (!what || what & EPOLLIN)
		bus_queue_work(vcon_rx_queue(port));
	if (!what || what & EPOLLOUT)
		bus_queue_work(vcon_tx_queue(port));
	return 0;
}

/* ---- 2. Clients ----------------------------------------------------------------- */

static void connect(struct vcon_port *port, struct socket *client)
{
	struct vcon_host *h = &port->host;

	h->client = client;
	h->nth++;
	h->sent = h->written - min_t(u64, h->written, VCON_HISTORY);
	init_waitqueue_func_entry(&h->client_wait, client_wake);
	add_wait_queue(sk_sleep(client->sk), &h->client_wait);
	vcon_connected(port, true);
	/* what has happened before somebody looked */
	bus_queue_work(vcon_rx_queue(port));
	bus_queue_work(vcon_tx_queue(port));
	vcon_host_work(port);
}

static void disconnect(struct vcon_port *port)
{
	struct vcon_host *h = &port->host;

	remove_wait_queue(sk_sleep(h->client->sk), &h->client_wait);
	sock_release(h->client);
	h->client = NULL;
	/* not of a terminal, whose history is for all */
	h->dropped += h->out_len;
	h->out_len = 0;
	kvfree(h->out);
	h->out = NULL;
	vcon_connected(port, false);
}

/* It closed its end; half of it does not count. */
static bool hung_up(const struct vcon_host *h)
{
	return READ_ONCE(h->client->sk->sk_shutdown) == SHUTDOWN_MASK;
}

static bool all_read(const struct vcon_host *h)
{
	return !h->in_len && skb_queue_empty_lockless(&h->client->sk->sk_receive_queue);
}

/* Lets one in, if there is none. Return: somebody may be waiting still. */
static bool accept_one(struct vcon_port *port)
{
	struct vcon_host *h = &port->host;
	struct socket *client;

	if (!h->listen)
		return false;
	/* each coming and going is told, so that the guest does not mix up two */
	if (h->client ? hung_up(h) : !vcon_told(port))
		return false;
	if (kernel_accept(sock_from_file(h->listen), &client, O_NONBLOCK))
		return false;
	if (h->client) {
		h->refused++;
		sock_release(client);
	} else {
		connect(port, client);
	}
	return true;
}

static void host_work(struct kthread_work *work)
{
	struct vcon_port *port = container_of(work, struct vcon_port, host.work);
	struct vcon_host *h = &port->host;
	unsigned int budget = ACCEPT_BUDGET;

	mutex_lock(&h->lock);
	if (h->client && hung_up(h) && all_read(h))
		disconnect(port);
	while (budget && accept_one(port))
		budget--;
	mutex_unlock(&h->lock);
	if (!budget)
		vcon_host_work(port);
}

/* ---- 3. Bytes ------------------------------------------------------------------- */

u32 vcon_host_input(struct vcon_port *port)
{
	struct vcon_host *h = &port->host;
	struct kvec vec = { .iov_base = h->in, .iov_len = VCON_PACKET };
	struct msghdr msg = {};
	int n;

	lockdep_assert_held(&h->lock);
	if (h->in_len || !h->client)
		return h->in_len;
	n = kernel_recvmsg(h->client, &msg, &vec, 1, VCON_PACKET, MSG_DONTWAIT);
	if (n > 0) {
		h->in_at = 0;
		h->in_len = n;
		return n;
	}
	if (n != -EAGAIN)
		vcon_host_work(port);	/* it may have gone */
	return 0;
}

/* Return: bytes, 0: none now. What a client does not mean to read is lost. */
static u32 send(struct vcon_host *h, char *from, u32 len)
{
	struct kvec vec = { .iov_base = from, .iov_len = len };
	struct msghdr msg = { .msg_flags = MSG_DONTWAIT | MSG_NOSIGNAL };
	int n = kernel_sendmsg(h->client, &msg, &vec, 1, len);

	/* said by its end, or by hanging up: that it is about to is not known here yet */
	if (n == -EPIPE && !hung_up(h) &&
	    READ_ONCE(h->client->sk->sk_shutdown) & SEND_SHUTDOWN) {
		h->dropped += len;
		return len;
	}
	return max(n, 0);
}

static bool flush_history(struct vcon_host *h)
{
	u32 at, n;

	while (h->client && h->sent < h->written) {
		at = h->sent % VCON_HISTORY;
		n = min_t(u64, h->written - h->sent, VCON_HISTORY - at);
		n = send(h, h->history + at, n);
		if (!n)
			return false;
		h->sent += n;
	}
	return true;
}

bool vcon_host_flush(struct vcon_port *port)
{
	struct vcon_host *h = &port->host;
	u32 n;

	lockdep_assert_held(&h->lock);
	if (port->terminal)
		return flush_history(h);
	while (h->client && h->out_len) {
		n = send(h, h->out + h->out_at, h->out_len);
		if (!n)
			return false;
		h->out_at += n;
		h->out_len -= n;
	}
	if (!h->out_len) {
		kvfree(h->out);
		h->out = NULL;
	}
	return !h->out_len;
}

bool vcon_host_room(struct vcon_port *port)
{
	struct vcon_host *h = &port->host;

	lockdep_assert_held(&h->lock);
	return port->terminal || (h->client && !hung_up(h) && !h->out_len);
}

/* What a terminal's client is too slow for is lost. */
static void remember(struct vcon_host *h, const char *from, u32 len)
{
	u32 at, n;
	u64 lost;

	for (; len; len -= n, from += n) {
		at = h->written % VCON_HISTORY;
		n = min(len, VCON_HISTORY - at);
		memcpy(h->history + at, from, n);
		h->written += n;
		if (h->written - h->sent > VCON_HISTORY) {
			lost = h->written - h->sent - VCON_HISTORY;
			h->sent += lost;
			h->dropped += h->client ? lost : 0;
		}
	}
}

int vcon_host_output(struct vcon_port *port, struct bus_queue *q,
		     const struct vring_chain *chain, u64 nth)
{
	struct vcon_host *h = &port->host;
	char *bytes;

	lockdep_assert_held(&q->pop);
	bytes = kvmalloc(chain->out_len, GFP_KERNEL_ACCOUNT);
	if (!bytes)
		return -ENOMEM;
	if (bus_read_chain(q, chain, 0, bytes, chain->out_len)) {
		kvfree(bytes);
		return -EFAULT;
	}
	mutex_lock(&h->lock);
	if (port->terminal) {
		remember(h, bytes, chain->out_len);
	} else if (!h->client || h->nth != nth) {
		/* he has gone meanwhile, and it is not for the next one */
		h->dropped += chain->out_len;
	} else {
		/* the last one is sent, and nobody else takes one */
		swap(h->out, bytes);
		h->out_at = 0;
		h->out_len = chain->out_len;
	}
	port->tx_bytes += chain->out_len;
	mutex_unlock(&h->lock);
	kvfree(bytes);
	return 0;
}

/* ---- 4. Life -------------------------------------------------------------------- */

static bool is_listening(struct file *file)
{
	struct socket *sock = sock_from_file(file);

	return sock && sock->sk->sk_family == AF_UNIX && sock->type == SOCK_STREAM &&
	       READ_ONCE(sock->sk->sk_state) == TCP_LISTEN;
}

int vcon_host_init(struct vcon_port *port, struct file *file)
{
	struct vcon_host *h = &port->host;
	struct sockaddr_un addr = {};
	int n;

	mutex_init(&h->lock);
	kthread_init_work(&h->work, host_work);
	if (!is_listening(file))
		return -ENOTSOCK;
	h->in = kmalloc(VCON_PACKET, GFP_KERNEL_ACCOUNT);
	if (!h->in)
		return -ENOMEM;
	if (port->terminal) {
		h->history = kvzalloc(VCON_HISTORY, GFP_KERNEL_ACCOUNT);
		if (!h->history)
			return -ENOMEM;
	}
	h->listen = get_file(file);
	/* one of the abstract namespace has no path: it begins with a 0 */
	n = kernel_getsockname(sock_from_file(file), (struct sockaddr *)&addr);
	if (n > (int)offsetof(struct sockaddr_un, sun_path))
		memcpy(h->path, addr.sun_path,
		       min_t(size_t, UNIX_PATH_MAX,
			     n - offsetof(struct sockaddr_un, sun_path)));
	return 0;
}

void vcon_host_free(struct vcon_port *port)
{
	struct vcon_host *h = &port->host;

	if (h->listen)
		fput(h->listen);
	kfree(h->in);
	kvfree(h->out);
	kvfree(h->history);
}

void vcon_host_watch(struct vcon_port *port)
{
	struct vcon_host *h = &port->host;

	init_waitqueue_func_entry(&h->listen_wait, listen_wake);
	add_wait_queue(sk_sleep(sock_from_file(h->listen)->sk), &h->listen_wait);
	/* who was there before */
	vcon_host_work(port);
}

void vcon_host_close(struct vcon_port *port)
{
	struct vcon_host *h = &port->host;
	struct file *listen;

	mutex_lock(&h->lock);
	listen = h->listen;
	h->listen = NULL;
	if (listen)
		remove_wait_queue(sk_sleep(sock_from_file(listen)->sk), &h->listen_wait);
	if (h->client)
		disconnect(port);
	mutex_unlock(&h->lock);
	if (listen)
		fput(listen);
}
