/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Small devices as they are asked for, by options of domctl create: entropy, balloon,
 * ports. Pure.
 */
#ifndef DOMCTL_SMALL_H
#define DOMCTL_SMALL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "disk.h"
#include "error.h"
#include "port.h"

/* Names of the devices that every domain has, unless it is said otherwise */
#define SMALL_RNG	"rng0"
#define SMALL_BALLOON	"balloon0"

#define SMALL_CONSOLE	"console0"
/* Its first port, which is a console of the guest */
#define SMALL_TERMINAL	"terminal"

/* Whether a domain has a device */
enum small_have {
	SMALL_DEFAULT,		/* yes, if there is room */
	SMALL_NO,
	SMALL_YES,
};

/* A port between the guest and a socket. @path: absolute, or of the working directory */
struct small_port {
	char name[DOMUS_DEV_NAME_MAX + 1];
	char path[PORT_PATH_MAX + 1];
};

/**
 * struct small
 * @vsock: sockets of AF_VSOCK, by @cid, or 0: any
 * @terminal: a second console, with a size
 * @ports: @nr_ports of them
 * @rng_rates: of the entropy device
 * @reporting: the guest may report free pages
 */
struct small {
	bool vsock;
	uint64_t cid;
	bool terminal;
	size_t nr_ports;
	struct small_port ports[DOMUS_DEV_PORTS_MAX];
	enum small_have rng;
	struct disk_rates rng_rates;
	enum small_have balloon;
	bool reporting;
};

/* "none", or "[rate=BYTES][,burst=MS]". Return: 0, or -1 with EXIT_USAGE. */
int small_parse_rng(struct small *small, const char *text, struct error *error);

/* "none", "plain" or "reporting". Return: 0, or -1 with EXIT_USAGE. */
int small_parse_balloon(struct small *small, const char *text, struct error *error);

/*
 * "NAME=PATH[,NAME=PATH]...", more ports. @directory: of relative paths, or NULL: the
 * working one. Return: 0, or -1 with EXIT_USAGE.
 */
int small_parse_ports(struct small *small, const char *text, const char *directory,
		      struct error *error);

/**
 * small_check() - settle what is left to default
 * @nr: other devices of the domain
 * @taken: is it a name of one of them?
 *
 * Return: 0, or -1 with EXIT_USAGE: more devices than there can be, a name that is taken.
 */
int small_check(struct small *small, size_t nr, bool (*taken)(void *arg, const char *name),
		void *arg, struct error *error);

#endif /* DOMCTL_SMALL_H */
