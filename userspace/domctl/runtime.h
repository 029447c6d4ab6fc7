/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The runtime directory: one socket, NAME.sock, for each domain with a holder.
 *
 * /run/domus for root, else $XDG_RUNTIME_DIR/domus, /run/user/UID/domus or
 * /tmp/domus-UID, the first whose parent is there. Mode 0700, owned by the user.
 */
#ifndef DOMCTL_RUNTIME_H
#define DOMCTL_RUNTIME_H

#include <sys/types.h>

#include "error.h"

/* Makes the directory. Return: 0 or -1. */
int runtime_prepare(struct error *error);

/* A listening socket for a domain of ours, in place at once. Return: it, or -1. */
int runtime_listen(const char *name, struct error *error);

/* A connection to the holder of user @uid's domain. Return: it, or -1. */
int runtime_connect(const char *name, uid_t uid, struct error *error);

/* The path of a domain's terminal: PORT_PATH_MAX + 1 bytes. Return: 0, or -1. */
int runtime_path(const char *name, uid_t uid, char *path, struct error *error);

/* The same of one of ours, and a listening socket there. Return: it, or -1. */
int runtime_terminal(const char *name, char *path, struct error *error);

/* Removes our domain's socket. */
void runtime_remove(const char *name);

/* Removes the sockets whose holders were killed before they could. */
void runtime_sweep(void);

#endif /* DOMCTL_RUNTIME_H */
