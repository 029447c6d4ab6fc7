// SPDX-License-Identifier: GPL-2.0-only
/*
 * domctl's parsers: the first byte says whether the rest is a configuration file, or
 * what stands behind --disk or --net.
 *
 * Whatever the text, it is read or refused in one line that has a cause; what is read
 * is in order, names its line, and is within the limits.
 */
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config.h"
#include "disk.h"
#include "nic.h"

#define CHECK(x) do { if (!(x)) abort(); } while (0)

static void check_error(const struct error *error, int status)
{
	CHECK(error->status == status && *error->what && *error->why);
}

static void check_disk(const struct disk *d)
{
	CHECK(d->queues <= DOMUS_DEV_QUEUES_MAX && d->queue_size <= 1024);
	CHECK(!(d->queue_size & (d->queue_size - 1)));
	CHECK(!(d->flags & ~DOMUS_DEV_FLAGS));
	CHECK(d->rates.bytes <= DOMUS_DEV_RATE_MAX && d->rates.ops <= DOMUS_DEV_RATE_MAX);
	CHECK(d->rates.burst_ms <= DOMUS_DEV_RATE_BURST_MS_MAX);
	CHECK(strlen(d->name) <= DOMUS_DEV_NAME_MAX && strlen(d->serial) <= DOMUS_DEV_SERIAL_MAX);
}

static bool never(void *arg, const char *name)
{
	return false;
}

static void fuzz_disk(const char *text)
{
	struct error error = { 0 };
	struct disk disk = { .file = NULL };

	if (disk_parse(&disk, text, &error)) {
		check_error(&error, EXIT_USAGE);
	} else {
		check_disk(&disk);
		disk_name(&disk, never, NULL);
		CHECK(!disk_name_check(disk.name, &error));
	}
	disk_free(&disk);
}

static void check_nic(const struct nic *n)
{
	static const uint8_t zero[NIC_MAC];

	CHECK(n->vlan <= NIC_VLAN_MAX && n->queues <= NIC_QUEUES_MAX && n->queue_size <= 1024);
	CHECK(!n->mtu || (n->mtu >= NIC_MTU_MIN && n->mtu <= NIC_MTU_MAX));
	CHECK(!n->has_mac || (!(n->mac[0] & 1) && memcmp(n->mac, zero, sizeof(zero))));
	CHECK(strlen(n->bridge) < IFNAMSIZ && strlen(n->ifname) < IFNAMSIZ);
	CHECK((n->mode == NIC_BRIDGE) == !!*n->bridge);
}

static void fuzz_net(const char *text)
{
	struct nic nic = { .mode = NIC_UNSAID };
	struct error error = { 0 };

	if (net_parse(&nic, text, &error)) {
		check_error(&error, EXIT_USAGE);
		return;
	}
	check_nic(&nic);
	if (!*nic.name)
		net_name(&nic, never, NULL);
	net_derive(&nic, "web", 1);
	CHECK(!net_name_check(nic.name, &error) && *nic.ifname);
	nic.has_mac = true;
	check_nic(&nic);
}

static bool set_disk(struct disk *disk, const struct config_entry *e)
{
	struct error wrong = { 0 };

	for (const struct opt *opt = disk_opts; opt->name; opt++) {
		if (!strcmp(opt->name, e->key) && disk_option(disk, opt->id, e->value, &wrong)) {
			check_error(&wrong, EXIT_USAGE);
			return false;
		}
	}
	return true;
}

static bool set_nic(struct nic *nic, const struct config_entry *e)
{
	struct error wrong = { 0 };

	for (const struct opt *opt = net_opts; opt->name; opt++) {
		if (!strcmp(opt->name, e->key) && net_option(nic, opt->id, e->value, &wrong)) {
			check_error(&wrong, EXIT_USAGE);
			return false;
		}
	}
	return true;
}

static void fuzz_config(char *text, size_t size)
{
	FILE *file = fmemopen(text, size, "r");
	struct nic nic = { .mode = NIC_UNSAID };
	struct disk disk = { .file = NULL };
	struct error error = { 0 };
	struct config config;
	unsigned int line = 0;
	bool good = true;

	CHECK(file);
	if (config_parse(&config, "f", file, &error)) {
		check_error(&error, EXIT_USAGE);
		CHECK(!strncmp(error.what, "f:", 2) && !strchr(error.why, '\n'));
	}
	fclose(file);
	for (struct config_entry *e = config.entries; e; e = e->next) {
		CHECK(e->line > line);
		line = e->line;
		CHECK(!e->key == !e->value);
		CHECK(!e->value || *e->value || (!e->kind && !strcmp(e->key, "append")));
		CHECK(!e->kind == !e->name);
		if (e->kind && !e->key) {
			disk = (struct disk) { .file = NULL };
			nic = (struct nic) { .mode = NIC_UNSAID };
		}
		if (e->kind && e->key)
			good &= !strcmp(e->kind, "disk") ? set_disk(&disk, e) : set_nic(&nic, e);
		/* of one that was refused nothing is used */
		if (good) {
			check_disk(&disk);
			check_nic(&nic);
		}
	}
	config_free(&config);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text;

	if (size < 2)
		return 0;
	text = malloc(size);
	CHECK(text);
	memcpy(text, data + 1, size - 1);
	text[size - 1] = '\0';
	if (data[0] & 1)
		data[0] & 2 ? fuzz_net(text) : fuzz_disk(text);
	else
		fuzz_config(text, size - 1);
	free(text);
	return 0;
}
