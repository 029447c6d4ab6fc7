/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Ports: the virtio console device (VIRTIO 1.2, 5.3). A port is a stream of bytes
 * between the guest and whoever connects to a UNIX socket of the host's; the first one
 * may be a terminal.
 */
#ifndef DOMUS_VCON_H
#define DOMUS_VCON_H

#include <linux/types.h>

#include <uapi/linux/domus.h>

struct bus_device;
struct file;
struct netlink_ext_ack;

/**
 * struct vcon_param - a port to be
 * @name: not NULL, what the guest calls it; of the characters of a device's name
 * @file: a listening UNIX stream socket
 * @terminal: a console of the guest, with a size; the first port only
 */
struct vcon_param {
	const char *name;
	struct file *file;
	bool terminal;
};

/**
 * struct vcon_port_state - what DEV_GET says of a port
 * @path: of its socket, or ""
 * @guest, @host: somebody has opened it
 */
struct vcon_port_state {
	const char *name, *path;
	bool terminal, guest, host;
};

/**
 * vcon_new() - make a device of ports, for bus_add()
 * @params, @nr: 1 to DOMUS_DEV_PORTS_MAX
 * @extack: the text of a refusal
 *
 * Takes references of its own on the files, and lets go of them when the device is
 * unplugged or the domain dies. Context: process. Return: a device with one reference, or
 * ERR_PTR: -EINVAL (name, terminal), -ENOTSOCK (no listening UNIX stream socket),
 * -EEXIST (two of a name), -ENOMEM.
 */
struct bus_device *vcon_new(const struct vcon_param *params, unsigned int nr,
			    struct netlink_ext_ack *extack);

/* Is it a device of ports? */
bool vcon_is(const struct bus_device *dev);

/* Of a device of ports. Any context; valid as long as the device. */
unsigned int vcon_nr(const struct bus_device *dev);
void vcon_port(const struct bus_device *dev, unsigned int nr, struct vcon_port_state *state);

/* The terminal has another size. Context: process. Return: 0, -EOPNOTSUPP: there is none. */
int vcon_resize(struct bus_device *dev, u16 cols, u16 rows);

#endif /* DOMUS_VCON_H */
