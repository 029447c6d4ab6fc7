// SPDX-License-Identifier: GPL-2.0-only
/*
 * dev_print.c: devices, printed; see dev_print.h.
 *
 *   1. words, and what the host knows
 *   2. JSON
 *   3. tables
 *   4. text
 */
#include <inttypes.h>
#include <linux/virtio_config.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dev_cmd.h"
#include "dev_print.h"
#include "dev_print_small.h"
#include "netif.h"
#include "nl_small.h"
#include "size.h"

/* ---- 1. Words --------------------------------------------------------------- */

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

/*
 * Of an interface: the host's end, which is in a namespace that may not be ours, and
 * then another device, or none, has its number.
 */
static void host_end(struct netif *n, const struct control_dev *d, struct netif_state *state)
{
	char name[IFNAMSIZ];

	*state = (struct netif_state) { .up = false };
	if (n && if_indextoname(d->ifindex, name) && !strcmp(name, d->ifname))
		netif_state(n, d->ifindex, state);
}

/* NULL: then less is known. */
static struct netif *open_netif(void)
{
	struct error ignored = { 0 };
	struct netif *n;

	return netif_open(&n, &ignored) ? NULL : n;
}

static void close_netif(struct netif *n)
{
	if (n)
		netif_close(n);
}

static const char *link_of(const struct netif_state *state)
{
	if (!state->up)
		return "down";
	return state->carrier ? "up" : "waiting";
}

#define NETWORK_TEXT 64

/* What the host's end is connected to. */
static const char *network_of(const struct netif_state *state, char text[NETWORK_TEXT])
{
	char address[NET_ADDRESS_TEXT];

	if (*state->bridge && state->vlan)
		snprintf(text, NETWORK_TEXT, "%s, VLAN %" PRIu32, state->bridge, state->vlan);
	else if (*state->bridge)
		snprintf(text, NETWORK_TEXT, "%s", state->bridge);
	else if (state->network)
		snprintf(text, NETWORK_TEXT, "host %s/%d",
			 net_address_text(address, state->network), NET_HOST_BITS);
	else
		snprintf(text, NETWORK_TEXT, "-");
	return text;
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
	print_bool(p, "forced", NULL, d->flags & DOMUS_DEV_FLAG_FORCE);
	print_bool(p, "writethrough", NULL, d->flags & DOMUS_DEV_FLAG_WRITETHROUGH);
	print_bool(p, "direct", NULL, d->flags & DOMUS_DEV_FLAG_DIRECT);
	print_bool(p, "split", NULL, d->flags & DOMUS_DEV_FLAG_SPLIT);
}

static void json_nic(struct print *p, const struct control_dev *d, struct netif *n)
{
	char guest[NET_ADDRESS_TEXT] = "";
	char host[NET_ADDRESS_TEXT] = "";
	char mac[NIC_MAC_TEXT];
	struct netif_state state;

	host_end(n, d, &state);
	if (state.network) {
		net_address_text(host, net_host_address(state.network));
		net_address_text(guest, net_guest_address(state.network));
	}
	print_bool(p, "split", NULL, d->flags & DOMUS_DEV_FLAG_SPLIT);
	print_string(p, "mac", NULL, net_mac_text(mac, d->mac));
	print_string(p, "ifname", NULL, d->ifname);
	print_number(p, "ifindex", NULL, d->ifindex);
	print_number(p, "mtu", NULL, d->mtu);
	print_string(p, "link", NULL, link_of(&state));
	print_string(p, "bridge", NULL, state.bridge);
	print_number(p, "vlan", NULL, state.vlan);
	print_string(p, "address", NULL, host);
	print_string(p, "guest_address", NULL, guest);
}

static void json_dev(struct print *p, const struct control_dev *d, struct netif *n)
{
	char features[32];

	print_object(p, NULL, NULL);
	print_number(p, "domain_id", NULL, d->domain);
	print_string(p, "domain", NULL, d->domain_name);
	print_string(p, "name", NULL, d->name);
	print_string(p, "kind", NULL, dev_kind_name(d->kind));
	print_number(p, "slot", NULL, d->slot);
	if (d->kind == DOMUS_DEV_KIND_BLK)
		json_disk(p, d);
	else if (d->kind == DOMUS_DEV_KIND_NET)
		json_nic(p, d, n);
	else
		dev_json_small(p, d);
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

/* ---- 3. Tables -------------------------------------------------------------- */

static const struct print_column disk_columns[] = {
	{ "DOMAIN", 16 }, { "NAME", 16 }, { "SIZE", 7 }, { "MODE", 4 }, { "STATE", 8 },
	{ "FILE", 0 }, { NULL, 0 },
};

static const struct print_column nic_columns[] = {
	{ "DOMAIN", 16 }, { "NAME", 8 }, { "MAC", 17 }, { "HOST", 15 }, { "LINK", 7 },
	{ "STATE", 8 }, { "NETWORK", 0 }, { NULL, 0 },
};

static void disk_line(struct print *p, const struct control_dev *d)
{
	print_object(p, NULL, NULL);
	print_string(p, NULL, "Domain", d->domain_name);
	print_string(p, NULL, "Name", d->name);
	print_size(p, NULL, "Size", d->size);
	print_string(p, NULL, "Mode", mode_of(d));
	print_string(p, NULL, "State", state_of(d));
	print_string(p, NULL, "File", d->file);
	print_object_end(p);
}

static void nic_line(struct print *p, const struct control_dev *d, struct netif *n)
{
	struct netif_state state;
	char network[NETWORK_TEXT];
	char mac[NIC_MAC_TEXT];

	host_end(n, d, &state);
	print_object(p, NULL, NULL);
	print_string(p, NULL, "Domain", d->domain_name);
	print_string(p, NULL, "Name", d->name);
	print_string(p, NULL, "MAC", net_mac_text(mac, d->mac));
	print_string(p, NULL, "Host", d->ifname);
	print_string(p, NULL, "Link", link_of(&state));
	print_string(p, NULL, "State", state_of(d));
	print_string(p, NULL, "Network", network_of(&state, network));
	print_object_end(p);
}

static void print_devs(struct print *p, const struct control_dev *devs, size_t nr,
		       uint32_t kind, struct netif *n)
{
	print_table(p, kind == DOMUS_DEV_KIND_BLK ? disk_columns : nic_columns);
	print_array(p, NULL, NULL);
	for (size_t i = 0; i < nr; i++) {
		if (devs[i].kind != kind)
			continue;
		if (p->json)
			json_dev(p, &devs[i], n);
		else if (kind == DOMUS_DEV_KIND_BLK)
			disk_line(p, &devs[i]);
		else
			nic_line(p, &devs[i], n);
	}
	print_array_end(p);
	print_done(p);
}

void dev_print_disks(struct print *p, const struct control_dev *devs, size_t nr)
{
	print_devs(p, devs, nr, DOMUS_DEV_KIND_BLK, NULL);
}

void dev_print_nics(struct print *p, const struct control_dev *devs, size_t nr)
{
	struct netif *n = open_netif();

	print_devs(p, devs, nr, DOMUS_DEV_KIND_NET, n);
	close_netif(n);
}

/* ---- 4. Text ----------------------------------------------------------------- */

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

/* Unless it is as always. */
static void text_rings(struct print *p, const struct control_dev *d)
{
	if (d->flags & DOMUS_DEV_FLAG_SPLIT)
		print_string(p, NULL, "  Rings", "split");
}

static void text_disk(struct print *p, const struct control_dev *d)
{
	char mode[64];

	print_string(p, NULL, "  File", d->file);
	print_size(p, NULL, "  Size", d->size);
	snprintf(mode, sizeof(mode), "%s%s%s%s%s",
		 d->flags & DOMUS_DEV_FLAG_READONLY ? "read-only" : "read-write",
		 d->flags & DOMUS_DEV_FLAG_SHARED ? ", shared" : "",
		 d->flags & DOMUS_DEV_FLAG_FORCE ? ", forced" : "",
		 d->flags & DOMUS_DEV_FLAG_WRITETHROUGH ? ", writethrough" : "",
		 d->flags & DOMUS_DEV_FLAG_DIRECT ? "" : ", buffered");
	print_string(p, NULL, "  Mode", mode);
	text_rings(p, d);
	if (*d->serial)
		print_string(p, NULL, "  Serial", d->serial);
}

static void text_nic(struct print *p, const struct control_dev *d, struct netif *n)
{
	struct netif_state state;
	char network[NETWORK_TEXT];
	char mac[NIC_MAC_TEXT];

	host_end(n, d, &state);
	print_string(p, NULL, "  MAC", net_mac_text(mac, d->mac));
	print_string(p, NULL, "  On the host", d->ifname);
	print_string(p, NULL, "  Network", network_of(&state, network));
	print_string(p, NULL, "  Link", link_of(&state));
	print_number(p, NULL, "  MTU", d->mtu);
	text_rings(p, d);
}

static const char *title_of(const struct control_dev *d)
{
	static const char *const titles[] = {
		[DOMUS_DEV_KIND_UNSPEC] = "Device",
		[DOMUS_DEV_KIND_BLK] = "Disk",
		[DOMUS_DEV_KIND_NET] = "Net",
		[DOMUS_DEV_KIND_RNG] = "Entropy",
		[DOMUS_DEV_KIND_BALLOON] = "Balloon",
		[DOMUS_DEV_KIND_CONSOLE] = "Ports",
		[DOMUS_DEV_KIND_VSOCK] = "Sockets",
	};

	return titles[d->kind < sizeof(titles) / sizeof(*titles) ? d->kind : 0];
}

static void text_dev(struct print *p, const struct control_dev *d, struct netif *n)
{
	print_string(p, NULL, title_of(d), d->name);
	print_string(p, NULL, "  State", state_of(d));
	if (*d->broken)
		print_string(p, NULL, "  Because", d->broken);
	if (d->kind == DOMUS_DEV_KIND_BLK)
		text_disk(p, d);
	else if (d->kind == DOMUS_DEV_KIND_NET)
		text_nic(p, d, n);
	else
		dev_text_small(p, d);
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
	struct netif *n;
	size_t nr = 0;

	control_balloon_refresh(control, &ref);
	if (control_dev_list(control, &ref, &devs, &nr, &error) &&
	    error.status != EXIT_NOT_FOUND) {
		ctx->error = error;
		return -1;
	}
	n = nr ? open_netif() : NULL;
	print_array(p, "devices", NULL);
	for (size_t i = 0; i < nr; i++) {
		if (p->json)
			json_dev(p, &devs[i], n);
		else
			text_dev(p, &devs[i], n);
	}
	print_array_end(p);
	close_netif(n);
	free(devs);
	return 0;
}
