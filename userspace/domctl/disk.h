/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Disks as they are asked for: by options, by --disk FILE,..., by a section of a
 * configuration file. Pure but for disk_open().
 */
#ifndef DOMCTL_DISK_H
#define DOMCTL_DISK_H

#include <asm/domus_guest.h>
#include <linux/domus.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "error.h"
#include "opts.h"

/* How the image is opened */
enum disk_io {
	DISK_IO_AUTO,		/* direct where it can be */
	DISK_IO_DIRECT,		/* without the host's page cache */
	DISK_IO_BUFFERED,
};

/**
 * struct disk_rates - limits, and which of them were given
 * @bytes, @ops: per second, 0: none
 * @burst_ms: how much of a pause may be made up for
 */
struct disk_rates {
	bool has_bytes;
	bool has_ops;
	bool has_burst;
	uint64_t bytes;
	uint64_t ops;
	uint32_t burst_ms;
};

/**
 * struct disk
 * @file: path of the image; allocated
 * @name: "": made of the file's
 * @serial: "": none
 * @flags: DOMUS_DEV_FLAG_*
 * @queues, @queue_size: 0: as the module likes
 */
struct disk {
	char *file;
	char name[DOMUS_DEV_NAME_MAX + 1];
	char serial[DOMUS_DEV_SERIAL_MAX + 1];
	uint32_t flags;
	enum disk_io io;
	uint32_t queues;
	uint32_t queue_size;
	struct disk_rates rates;
};

/* Ids of disk_opts: out of the way of other tables. */
enum {
	DISK_NAME = 1000, DISK_READONLY, DISK_SHARED, DISK_WRITETHROUGH, DISK_DIRECT,
	DISK_BUFFERED, DISK_SERIAL, DISK_QUEUES, DISK_QUEUE_SIZE, DISK_RING, DISK_RATE,
	DISK_OPS, DISK_BURST, DISK_FORCE,
};

/* What can be said of a disk that is attached, by the same names everywhere. */
#define DISK_OPTS						\
	{ "name", 0, "NAME", DISK_NAME },			\
	{ "readonly", 0, NULL, DISK_READONLY },			\
	{ "shared", 0, NULL, DISK_SHARED },			\
	{ "force", 0, NULL, DISK_FORCE },			\
	{ "writethrough", 0, NULL, DISK_WRITETHROUGH },		\
	{ "direct", 0, NULL, DISK_DIRECT },			\
	{ "buffered", 0, NULL, DISK_BUFFERED },			\
	{ "serial", 0, "S", DISK_SERIAL },			\
	{ "queues", 0, "N", DISK_QUEUES },			\
	{ "queue-size", 0, "N", DISK_QUEUE_SIZE },		\
	{ "ring", 0, "KIND", DISK_RING },			\
	DISK_RATE_OPTS

/* What can be said of it later, too. */
#define DISK_RATE_OPTS						\
	{ "rate", 0, "BYTES", DISK_RATE },			\
	{ "ops", 0, "N", DISK_OPS },				\
	{ "burst", 0, "MS", DISK_BURST }

extern const struct opt disk_opts[];

/* One option by its id. Return: 0, or -1 with EXIT_USAGE. */
int disk_option(struct disk *disk, int id, const char *value, struct error *error);

/* Rings by their name, for any device: DOMUS_DEV_FLAG_SPLIT in @flags. Return: as above. */
int disk_ring_option(uint32_t *flags, const char *value, struct error *error);

/* The same for limits alone, which other devices have, too. */
bool disk_rates_said(const struct disk_rates *rates);	/* is any given? */
int disk_rate_option(struct disk_rates *rates, int id, const char *value, struct error *error);

/**
 * disk_parse() - read FILE[,OPTION[=VALUE]]...
 * @disk: zero; disk_free() it also after an error
 *
 * A comma in FILE or VALUE is written twice. Return: 0, or -1 with EXIT_USAGE.
 */
int disk_parse(struct disk *disk, const char *text, struct error *error);
void disk_free(struct disk *disk);

/* Is it a name of a device? Return: 0, or -1 with EXIT_USAGE. */
int disk_name_check(const char *name, struct error *error);

/**
 * disk_name() - give a disk without a name that of its file, made valid and unique
 * @taken: is a name in use?
 */
void disk_name(struct disk *disk, bool (*taken)(void *arg, const char *name), void *arg);

/* Names for all; two of one name are refused. Return: 0, or -1 with EXIT_USAGE. */
int disk_name_all(struct disk *disks, size_t nr, struct error *error);

/**
 * disk_open() - open the image for what is wanted of it
 *
 * Return: the file, or -1: EXIT_NOT_FOUND, EXIT_REFUSED (cannot be opened so,
 * neither file nor block device, of a size that no disk has).
 */
int disk_open(const struct disk *disk, struct error *error);

#endif /* DOMCTL_DISK_H */
