/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The host's vhost-vsock, driven for a domain: sockets of AF_VSOCK between the guest and
 * programs of the host.
 */
#ifndef DOMCTL_VSOCK_H
#define DOMCTL_VSOCK_H

#include "nl.h"

#define VSOCK_NAME "vsock0"

/* A CID that --vsock takes; 0 stands for any that is free. */
#define VSOCK_CID_MIN 3
#define VSOCK_CID_MAX 4294967294U

/* "auto" or a number. Return: 0, or -1 with EXIT_USAGE. */
int vsock_parse(uint64_t *cid, const char *text, struct error *error);

/**
 * vsock_attach() - give the domain a socket device; by its holder
 * @device: file of /dev/domus
 * @memory, @size: of the domain, at guest physical 0
 * @cid: or 0: a free one
 *
 * A thread serves it from here on, to the domain's end. Return: 0, or -1.
 */
int vsock_attach(struct control *c, const struct control_ref *ref, int device, void *memory,
		 uint64_t size, uint64_t cid, struct error *error);

#endif /* DOMCTL_VSOCK_H */
