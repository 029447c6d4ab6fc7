/* SPDX-License-Identifier: GPL-2.0-only */
/* Sockets of ports: made, and removed. */
#ifndef DOMCTL_PORT_H
#define DOMCTL_PORT_H

#include "error.h"

/* Of a socket's path; more do not fit in its address. */
#define PORT_PATH_MAX 107

/*
 * "NAME=PATH" in two. @name: DOMUS_DEV_NAME_MAX + 1 bytes. Return: the path, or NULL with
 * EXIT_USAGE.
 */
const char *port_parse(const char *text, char *name, struct error *error);

/* Is it a name of a port, a path of a socket? Return: 0, or -1 with EXIT_USAGE. */
int port_name_check(const char *name, struct error *error);
int port_path_check(const char *path, struct error *error);

/**
 * port_listen() - make a listening stream socket for the clients of a port
 * @path: may be there already if it is a socket that nobody listens at
 *
 * Return: it, or -1: EXIT_REFUSED.
 */
int port_listen(const char *path, struct error *error);

/* Removes the file, if it is a socket of ours. */
void port_remove(const char *path);

/* A connection to the socket. Return: it, or -1 with errno. */
int port_connect(const char *path);

#endif /* DOMCTL_PORT_H */
