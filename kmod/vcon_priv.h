/* SPDX-License-Identifier: GPL-2.0-only */
/* What vcon.c, the guest's end of ports, and vcon_host.c, the host's, share. */
#ifndef DOMUS_VCON_PRIV_H
#define DOMUS_VCON_PRIV_H

#include <linux/mutex.h>
#include <linux/un.h>
#include <linux/wait.h>

#include "bus.h"
#include "vcon.h"

struct socket;
struct vcon_device;

#define VCON_PACKET	4096U		/* bytes that are moved at once */
#define VCON_BUFFER_MAX	(256 * 1024U)	/* bytes of one buffer of the guest */
#define VCON_HISTORY	(64 * 1024U)	/* of a terminal: the newest bytes are kept */

/*
 * The host's end of a port.
 *
 * @path: of the listening socket, or ""; constant
 * @lock: of all below; inside of pop locks, outside of vcon_device.ctl. Nothing is
 *	waited for with it
 * @listen: a file, or NULL: nobody can connect any more
 * @client: who is connected, or NULL
 * @listen_wait, @client_wait: in the wait queues of both
 * @work: somebody may want to come, or to go
 * @in, @in_at, @in_len: read from the client, for the guest; who holds the pop lock of the
 *	queue reads the bytes without @lock
 * @out, @out_at, @out_len: of the guest, for the client, with which it goes; a buffer of
 *	its own
 * @history: of a terminal, instead of @out: VCON_HISTORY bytes by their position
 * @written, @sent: positions: of the guest, of the client, at most VCON_HISTORY apart
 * @dropped: bytes that the client of a terminal was too slow for, that one does not mean
 *	to read, or that one has left behind
 * @refused: clients
 * @nth: counts those that were let in
 */
struct vcon_host {
	char path[UNIX_PATH_MAX + 1];
	struct mutex lock;
	struct file *listen;
	struct socket *client;
	wait_queue_entry_t listen_wait, client_wait;
	struct kthread_work work;
	char *in;
	u32 in_at, in_len;
	char *out;
	u32 out_at, out_len;
	char *history;
	u64 written, sent, dropped, refused;
	u64 nth;
};

/*
 * A port.
 *
 * @ready: the guest knows it; @open: somebody there has opened it; @connected: somebody
 *	here has; @pending: messages that it is to get, as bits. All under vcon_device.ctl
 * @rx_bytes, @tx_bytes: to the guest, from it; under the host's lock
 */
struct vcon_port {
	struct vcon_device *v;
	unsigned int nr;
	char name[DOMUS_DEV_NAME_MAX + 1];
	bool terminal, ready, open, connected;
	unsigned int pending;
	u64 rx_bytes, tx_bytes;
	struct vcon_host host;
};

/* vcon.c: its device, its queues. */
struct bus_device *vcon_dev(const struct vcon_port *port);
struct bus_queue *vcon_rx_queue(const struct vcon_port *port);
struct bus_queue *vcon_tx_queue(const struct vcon_port *port);

/* Somebody came, or went: tell the guest. Host's lock held. */
void vcon_connected(struct vcon_port *port, bool yes);

/* Does the guest know by now? Host's lock held. */
bool vcon_told(struct vcon_port *port);

/* vcon_host.c: memory of a new port. Return: 0; -ENOMEM, -ENOTSOCK: vcon_host_free(), too. */
int vcon_host_init(struct vcon_port *port, struct file *file);
void vcon_host_free(struct vcon_port *port);

/* The device is plugged: from here on clients are seen. */
void vcon_host_watch(struct vcon_port *port);

/* Nobody is connected, or can be, any more. Context: process. */
void vcon_host_close(struct vcon_port *port);

/* Have the worker look who is coming or going. Any context but NMI. */
void vcon_host_work(struct vcon_port *port);

/*
 * Bytes for the guest, VCON_PACKET at most. Host's lock held. Return: how many lie at
 * @in + @in_at; 0: none by now.
 */
u32 vcon_host_input(struct vcon_port *port);

/* Send what can be sent. Host's lock held. Return: nothing is left, or nobody is there. */
bool vcon_host_flush(struct vcon_port *port);

/*
 * Is a buffer of the guest to be taken? When the last one is with the client, and there is
 * one; of a terminal always. Host's lock held.
 */
bool vcon_host_room(struct vcon_port *port);

/*
 * Take a buffer: 1 to VCON_BUFFER_MAX bytes, vcon_host_room() said yes, of client @nth, with
 * whom it goes. Host's lock not held, as guest memory may never come; context of
 * bus_ops.kick. Return: 0, -EFAULT (no memory of the guest), -ENOMEM.
 */
int vcon_host_output(struct vcon_port *port, struct bus_queue *q,
		     const struct vring_chain *chain, u64 nth);

#endif /* DOMUS_VCON_PRIV_H */
