// SPDX-License-Identifier: GPL-2.0-only
/*
 * dev_print.c: devices, printed; see dev_print.h.
 *
 *   1. words
 *   2. JSON
 *   3. text
 */
#include <inttypes.h>
#include <linux/virtio_config.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dev_print.h"
#include "nl_small.h"
#include "size.h"

/* ---- 1. Words --------------------------------------------------------------- */

static const struct {
	const char *name, *title;
} kinds[] = {
	[DOMUS_DEV_KIND_UNSPEC] = { "unknown", "Device" },
	[DOMUS_DEV_KIND_BLK] = { "disk", "Disk" },
	[DOMUS_DEV_KIND_NET] = { "net", "Network interface" },
	[DOMUS_DEV_KIND_RNG] = { "rng", "Entropy" },
	[DOMUS_DEV_KIND_BALLOON] = { "balloon", "Balloon" },
	[DOMUS_DEV_KIND_CONSOLE] = { "console", "Ports" },
};

/* Its place in the table. */
static uint32_t kind_of(const struct control_dev *d)
{
	return d->kind <= DOMUS_DEV_KIND_MAX ? d->kind : DOMUS_DEV_KIND_UNSPEC;
}

/* What the guest does with it. */
static const char *state_of(const struct control_dev *d)
{
	if (*d->broken)
		return "broken";
	if (d->leaving)
		return "leaving";
	if (d->status & VIRTIO_CONFIG_S_FAILED)
		return "failed";
	if (d->status & VIRTIO_CONFIG_S_DRIVER_OK)
		return "ready";
	return d->status ? "starting" : "unused";
}

static const char *mode_of(const struct control_dev *d)
{
	return d->flags & DOMUS_DEV_FLAG_READONLY ? "ro" : "rw";
}

/* ---- 2. JSON ---------------------------------------------------------------- */

static void json_queues(struct print *p, const struct control_dev *d)
{
	print_array(p, "queues", NULL);
	for (unsigned int i = 0; i < d->nr_queues; i++) {
		const struct control_queue *q = &d->queues[i];

		print_object(p, NULL, NULL);
		print_number(p, "id", NULL, q->id);
		print_number(p, "size", NULL, q->size);
		print_number(p, "requests", NULL, q->requests);
		print_number(p, "kicks", NULL, q->kicks);
		print_number(p, "buffers", NULL, q->buffers);
		print_number(p, "signals", NULL, q->signals);
		print_object_end(p);
	}
	print_array_end(p);
}

static void json_disk(struct print *p, const struct control_dev *d)
{
	print_string(p, "file", NULL, d->file);
	print_number(p, "size", NULL, d->size);
	print_string(p, "serial", NULL, d->serial);
	print_bool(p, "readonly", NULL, d->flags & DOMUS_DEV_FLAG_READONLY);
	print_bool(p, "shared", NULL, d->flags & DOMUS_DEV_FLAG_SHARED);
	print_bool(p, "writethrough", NULL, d->flags & DOMUS_DEV_FLAG_WRITETHROUGH);
}

static void json_balloon(struct print *p, const struct control_dev *d)
{
	print_number(p, "target", NULL, d->target);
	print_number(p, "actual", NULL, d->actual);
	print_bool(p, "reporting", NULL, d->reporting);
}

static void json_ports(struct print *p, const struct control_dev *d)
{
	print_array(p, "ports", NULL);
	for (unsigned int i = 0; i < d->nr_ports; i++) {
		print_object(p, NULL, NULL);
		print_string(p, "name", NULL, d->ports[i].name);
		print_string(p, "path", NULL, d->ports[i].path);
		print_bool(p, "terminal", NULL, d->ports[i].terminal);
		print_bool(p, "guest", NULL, d->ports[i].guest);
		print_bool(p, "host", NULL, d->ports[i].host);
		print_object_end(p);
	}
	print_array_end(p);
}

static void json_dev(struct print *p, const struct control_dev *d)
{
	char features[32];

	print_object(p, NULL, NULL);
	print_number(p, "domain_id", NULL, d->domain);
	print_string(p, "domain", NULL, d->domain_name);
	print_string(p, "name", NULL, d->name);
	print_string(p, "kind", NULL, kinds[kind_of(d)].name);
	print_number(p, "slot", NULL, d->slot);
	if (d->kind == DOMUS_DEV_KIND_BLK)
		json_disk(p, d);
	if (d->kind == DOMUS_DEV_KIND_BALLOON)
		json_balloon(p, d);
	if (d->kind == DOMUS_DEV_KIND_CONSOLE)
		json_ports(p, d);
	print_string(p, "state", NULL, state_of(d));
	print_string(p, "broken", NULL, d->broken);
	print_bool(p, "leaving", NULL, d->leaving);
	print_number(p, "status", NULL, d->status);
	/* A string, as no number of JSON need hold 64 bits. */
	snprintf(features, sizeof(features), "0x%" PRIx64, d->features);
	print_string(p, "features", NULL, features);
	print_number(p, "rate_bytes", NULL, d->rate_bytes);
	print_number(p, "rate_ops", NULL, d->rate_ops);
	print_number(p, "rate_burst_ms", NULL, d->rate_burst_ms);
	json_queues(p, d);
	print_object(p, "counters", NULL);
	for (unsigned int i = 0; i < d->nr_counters; i++)
		print_number(p, d->counters[i].name, NULL, d->counters[i].value);
	print_object_end(p);
	print_object_end(p);
}

/* ---- 3. Text ---------------------------------------------------------------- */

static const struct print_column columns[] = {
	{ "DOMAIN", 16 }, { "NAME", 16 }, { "SIZE", 7 }, { "MODE", 4 }, { "STATE", 8 },
	{ "FILE", 0 }, { NULL, 0 },
};

void dev_print_table(struct print *p, const struct control_dev *devs, size_t nr)
{
	print_table(p, columns);
	print_array(p, NULL, NULL);
	for (size_t i = 0; i < nr; i++) {
		if (p->json) {
			json_dev(p, &devs[i]);
			continue;
		}
		print_object(p, NULL, NULL);
		print_string(p, NULL, "Domain", devs[i].domain_name);
		print_string(p, NULL, "Name", devs[i].name);
		print_size(p, NULL, "Size", devs[i].size);
		print_string(p, NULL, "Mode", mode_of(&devs[i]));
		print_string(p, NULL, "State", state_of(&devs[i]));
		print_string(p, NULL, "File", devs[i].file);
		print_object_end(p);
	}
	print_array_end(p);
	print_done(p);
}

static void text_limits(struct print *p, const struct control_dev *d)
{
	char bytes[SIZE_TEXT + 8] = "";
	char ops[48] = "";
	char size[SIZE_TEXT];
	char text[160];

	if (!d->rate_bytes && !d->rate_ops)
		return;
	if (d->rate_bytes)
		snprintf(bytes, sizeof(bytes), "%s/s, ", size_format(size, d->rate_bytes));
	if (d->rate_ops)
		snprintf(ops, sizeof(ops), "%" PRIu64 " operations/s, ", d->rate_ops);
	snprintf(text, sizeof(text), "%s%sbursts of %" PRIu32 " ms", bytes, ops,
		 d->rate_burst_ms);
	print_string(p, NULL, "  Limits", text);
}

static void text_queue(struct print *p, const struct control_queue *q)
{
	char title[24];
	char text[160];

	snprintf(title, sizeof(title), "  Ring %" PRIu32, q->id);
	if (q->size)
		snprintf(text, sizeof(text), "%" PRIu32 " entries, %" PRIu32 " under way, %" PRIu64
			 " kicks, %" PRIu64 " buffers, %" PRIu64 " signals", q->size, q->requests,
			 q->kicks, q->buffers, q->signals);
	else
		snprintf(text, sizeof(text), "not enabled");
	print_string(p, NULL, title, text);
}

static void text_disk(struct print *p, const struct control_dev *d)
{
	char mode[64];

	print_string(p, NULL, "  File", d->file);
	print_size(p, NULL, "  Size", d->size);
	snprintf(mode, sizeof(mode), "%s%s%s",
		 d->flags & DOMUS_DEV_FLAG_READONLY ? "read-only" : "read-write",
		 d->flags & DOMUS_DEV_FLAG_SHARED ? ", shared" : "",
		 d->flags & DOMUS_DEV_FLAG_WRITETHROUGH ? ", writethrough" : "");
	print_string(p, NULL, "  Mode", mode);
	if (*d->serial)
		print_string(p, NULL, "  Serial", d->serial);
}

static void text_balloon(struct print *p, const struct control_dev *d)
{
	print_size(p, NULL, "  Target", d->target);
	print_size(p, NULL, "  Has", d->actual);
	if (d->reporting)
		print_string(p, NULL, "  Free pages", "reported");
}

/* Who has opened a port. */
static const char *users_of(bool guest, bool host)
{
	if (guest)
		return host ? "connected" : "guest waits";
	return host ? "client waits" : "closed";
}

static void text_ports(struct print *p, const struct control_dev *d)
{
	for (unsigned int i = 0; i < d->nr_ports; i++) {
		char title[DOMUS_DEV_NAME_MAX + 16];
		char text[256];

		snprintf(title, sizeof(title), "  Port %s", d->ports[i].name);
		snprintf(text, sizeof(text), "%s, %s", users_of(d->ports[i].guest, d->ports[i].host),
			 d->ports[i].path);
		print_string(p, NULL, title, text);
	}
}

static void text_dev(struct print *p, const struct control_dev *d)
{
	print_string(p, NULL, kinds[kind_of(d)].title, d->name);
	print_string(p, NULL, "  State", state_of(d));
	if (*d->broken)
		print_string(p, NULL, "  Because", d->broken);
	if (d->kind == DOMUS_DEV_KIND_BLK)
		text_disk(p, d);
	if (d->kind == DOMUS_DEV_KIND_BALLOON)
		text_balloon(p, d);
	if (d->kind == DOMUS_DEV_KIND_CONSOLE)
		text_ports(p, d);
	text_limits(p, d);
	for (unsigned int i = 0; i < d->nr_queues; i++)
		text_queue(p, &d->queues[i]);
	for (unsigned int i = 0; i < d->nr_counters; i++) {
		char title[40];

		/* People want to see what happened, programs everything. */
		if (!d->counters[i].value)
			continue;
		snprintf(title, sizeof(title), "  %s", d->counters[i].name);
		print_number(p, NULL, title, d->counters[i].value);
	}
}

int dev_print_all(struct ctx *ctx, struct control *control, const struct control_domain *d)
{
	const struct control_ref ref = { .name = d->name, .id = d->id };
	struct print *p = &ctx->print;
	struct control_dev *devs = NULL;
	struct error error = { 0 };
	size_t nr = 0;

	if (control_dev_list(control, &ref, &devs, &nr, &error) &&
	    error.status != EXIT_NOT_FOUND) {
		ctx->error = error;
		return -1;
	}
	for (size_t i = 0; i < nr; i++) {
		/* What the guest says of its memory is as old as the last question. */
		if (devs[i].kind != DOMUS_DEV_KIND_BALLOON ||
		    !(devs[i].status & VIRTIO_CONFIG_S_DRIVER_OK))
			continue;
		control_balloon_refresh(control, &ref, devs[i].name);
		free(devs);
		devs = NULL;
		nr = 0;
		(void)control_dev_list(control, &ref, &devs, &nr, &error);
		break;
	}
	print_array(p, "devices", NULL);
	for (size_t i = 0; i < nr; i++) {
		if (p->json)
			json_dev(p, &devs[i]);
		else
			text_dev(p, &devs[i]);
	}
	print_array_end(p);
	free(devs);
	return 0;
}
