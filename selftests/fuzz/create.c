// SPDX-License-Identifier: GPL-2.0-only
/*
 * The whole command line of domctl create, with the configuration file that it names:
 * the input is words, one a line, and after an empty line the file.
 *
 * Whatever they are, they are refused with a cause, or make a domain whose every number,
 * name and list is within its limits. The file is never one of the file system.
 */
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "build.h"
#include "config.h"
#include "create.h"
#include "size.h"
#include "vsock.h"

#define CHECK(x) do { if (!(x)) abort(); } while (0)
#define WORDS	64

static const char *file_text;

/* Instead of the one that opens a path. */
int __wrap_config_read(struct config *config, const char *path, struct error *error)
{
	size_t size = strlen(file_text);
	FILE *file = fmemopen((void *)(uintptr_t)(size ? file_text : "\n"), size ? size : 1, "r");
	int result;

	CHECK(file);
	result = config_parse(config, path, file, error);
	fclose(file);
	return result;
}

static void check_rates(const struct disk_rates *r)
{
	CHECK(r->bytes <= DOMUS_DEV_RATE_MAX && r->ops <= DOMUS_DEV_RATE_MAX);
	CHECK(r->burst_ms <= DOMUS_DEV_RATE_BURST_MS_MAX);
}

static void check_disk(const struct disk *d)
{
	struct error error = { 0 };

	CHECK(d->file && *d->file && !disk_name_check(d->name, &error));
	CHECK(d->queues <= DOMUS_DEV_QUEUES_MAX && d->queue_size <= 1024);
	CHECK(!(d->queue_size & (d->queue_size - 1)) && !(d->flags & ~DOMUS_DEV_FLAGS));
	CHECK(strlen(d->serial) <= DOMUS_DEV_SERIAL_MAX);
	check_rates(&d->rates);
}

static void check_nic(const struct nic *n)
{
	struct error error = { 0 };

	CHECK(!net_name_check(n->name, &error) && *n->ifname && strlen(n->ifname) < IFNAMSIZ);
	CHECK(n->vlan <= NIC_VLAN_MAX && n->queues <= NIC_QUEUES_MAX && n->queue_size <= 1024);
	CHECK(!n->mtu || (n->mtu >= NIC_MTU_MIN && n->mtu <= NIC_MTU_MAX));
	CHECK(!(n->mac[0] & 1) && (n->mode == NIC_BRIDGE) == !!*n->bridge);
}

static void check_small(const struct small *s)
{
	struct error error = { 0 };

	CHECK(s->rng != SMALL_DEFAULT && s->balloon != SMALL_DEFAULT);
	CHECK(!s->vsock || !s->cid || (s->cid >= VSOCK_CID_MIN && s->cid <= VSOCK_CID_MAX));
	CHECK(s->nr_ports < DOMUS_DEV_PORTS_MAX);
	check_rates(&s->rng_rates);
	for (size_t i = 0; i < s->nr_ports; i++) {
		CHECK(!port_name_check(s->ports[i].name, &error));
		CHECK(!port_path_check(s->ports[i].path, &error));
		for (size_t j = 0; j < i; j++)
			CHECK(strcmp(s->ports[i].name, s->ports[j].name) != 0);
	}
}

/* No two devices of one name. */
static void check_names(const struct create *c)
{
	const char *names[DOMUS_MAX_DEVICES + 4];
	size_t nr = 0;

	for (size_t i = 0; i < c->config.nr_disks; i++)
		names[nr++] = c->disks[i].name;
	for (size_t i = 0; i < c->config.nr_nics; i++)
		names[nr++] = c->nics[i].name;
	if (c->config.small.rng == SMALL_YES)
		names[nr++] = SMALL_RNG;
	if (c->config.small.balloon == SMALL_YES)
		names[nr++] = SMALL_BALLOON;
	if (c->config.small.nr_ports || c->config.small.terminal)
		names[nr++] = SMALL_CONSOLE;
	if (c->config.small.vsock)
		names[nr++] = VSOCK_NAME;
	CHECK(nr <= DOMUS_MAX_DEVICES);
	for (size_t i = 0; i < nr; i++)
		for (size_t j = 0; j < i; j++)
			CHECK(strcmp(names[i], names[j]) != 0);
}

static void check_create(const struct create *c)
{
	struct error error = { 0 };

	CHECK(c->kernel && !name_check(c->config.name, &error));
	CHECK(c->config.memory >= DOMUS_MEMORY_MIN && c->config.memory <= DOMUS_MEMORY_MAX);
	CHECK(c->config.max_memory >= c->config.memory &&
	      c->config.max_memory <= DOMUS_MEMORY_MAX && !(c->config.max_memory % 4096));
	CHECK(c->config.memory == c->config.max_memory || c->config.small.balloon == SMALL_YES);
	CHECK(!(c->config.memory % 4096) && strlen(c->config.cmdline) <= BUILD_CMDLINE_MAX);
	CHECK(c->config.vcpus >= 1 && c->config.vcpus <= c->config.max_vcpus &&
	      c->config.max_vcpus <= DOMUS_MAX_VCPUS);
	CHECK(c->mode == OPT_CONSOLE || c->mode == OPT_DETACH || c->mode == OPT_WAIT);
	CHECK(c->timeout >= 1 && c->config.nr_disks + c->config.nr_nics <= DOMUS_MAX_DEVICES);
	for (size_t i = 0; i < c->config.nr_disks; i++)
		check_disk(&c->disks[i]);
	for (size_t i = 0; i < c->config.nr_nics; i++)
		check_nic(&c->nics[i]);
	check_small(&c->config.small);
	check_names(c);
}

/* Lines of @text as words, up to an empty one. Return: what is behind it. */
static char *split(char *text, char **words, int *nr)
{
	while (*text && *text != '\n' && *nr < WORDS) {
		size_t length = strcspn(text, "\n");

		words[(*nr)++] = text;
		text += length;
		if (*text)
			*text++ = '\0';
	}
	return *text == '\n' ? text + 1 : text;
}

static void fuzz(char *text)
{
	struct ctx ctx = { .print.file = stdout };
	struct create *c = calloc(1, sizeof(*c));
	char *words[WORDS + 1] = { NULL };
	int nr = 0;

	CHECK(c);
	file_text = split(text, words, &nr);
	if (!create_parse(&ctx, &cmd_create, nr, words, c)) {
		CHECK(!ctx.error.status && !ctx.help);
		check_create(c);
	} else if (ctx.error.status) {
		CHECK(ctx.error.status == EXIT_USAGE && *ctx.error.what && *ctx.error.why);
	} else {
		CHECK(ctx.help);
	}
	create_free(c);
	free(c);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = malloc(size + 1);

	CHECK(text);
	memcpy(text, data, size);
	text[size] = '\0';
	fuzz(text);
	free(text);
	return 0;
}
