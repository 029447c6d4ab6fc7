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
#include "size.h"

/* ---- 1. Words --------------------------------------------------------------- */

static const char *kind_name(const struct control_dev *d)
{
	return d->kind == DOMUS_DEV_KIND_BLK ? "disk" : "unknown";
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

static void json_dev(struct print *p, const struct control_dev *d)
{
	char features[32];

	print_object(p, NULL, NULL);
	print_number(p, "domain_id", NULL, d->domain);
	print_string(p, "domain", NULL, d->domain_name);
	print_string(p, "name", NULL, d->name);
	print_string(p, "kind", NULL, kind_name(d));
	print_number(p, "slot", NULL, d->slot);
	print_string(p, "file", NULL, d->file);
	print_number(p, "size", NULL, d->size);
	print_string(p, "serial", NULL, d->serial);
	print_bool(p, "readonly", NULL, d->flags & DOMUS_DEV_FLAG_READONLY);
	print_bool(p, "shared", NULL, d->flags & DOMUS_DEV_FLAG_SHARED);
	print_bool(p, "writethrough", NULL, d->flags & DOMUS_DEV_FLAG_WRITETHROUGH);
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

static void text_dev(struct print *p, const struct control_dev *d)
{
	char mode[64];

	print_string(p, NULL, d->kind == DOMUS_DEV_KIND_BLK ? "Disk" : "Device", d->name);
	print_string(p, NULL, "  State", state_of(d));
	if (*d->broken)
		print_string(p, NULL, "  Because", d->broken);
	print_string(p, NULL, "  File", d->file);
	print_size(p, NULL, "  Size", d->size);
	snprintf(mode, sizeof(mode), "%s%s%s",
		 d->flags & DOMUS_DEV_FLAG_READONLY ? "read-only" : "read-write",
		 d->flags & DOMUS_DEV_FLAG_SHARED ? ", shared" : "",
		 d->flags & DOMUS_DEV_FLAG_WRITETHROUGH ? ", writethrough" : "");
	print_string(p, NULL, "  Mode", mode);
	if (*d->serial)
		print_string(p, NULL, "  Serial", d->serial);
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
