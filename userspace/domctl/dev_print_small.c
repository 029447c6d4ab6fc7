// SPDX-License-Identifier: GPL-2.0-only
/*
 * dev_print_small.c: see dev_print_small.h.
 *
 *   1. ports
 *   2. balloon
 *   3. all of them
 */
#include <stdio.h>

#include "dev_print_small.h"
#include "size.h"

/* ---- 1. Ports --------------------------------------------------------------- */

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
		snprintf(text, sizeof(text), "%s, %s",
			 users_of(d->ports[i].guest, d->ports[i].host), d->ports[i].path);
		print_string(p, NULL, title, text);
	}
}

static const struct print_column port_columns[] = {
	{ "DOMAIN", 16 }, { "NAME", 24 }, { "DEVICE", 16 }, { "STATE", 12 }, { "PATH", 0 },
	{ NULL, 0 },
};

void dev_print_ports(struct print *p, const struct control_dev *devs, size_t nr)
{
	print_table(p, port_columns);
	print_array(p, NULL, NULL);
	for (size_t i = 0; i < nr; i++) {
		for (unsigned int j = 0; j < devs[i].nr_ports; j++) {
			bool guest = devs[i].ports[j].guest;
			bool host = devs[i].ports[j].host;

			print_object(p, NULL, NULL);
			print_string(p, "domain", "Domain", devs[i].domain_name);
			print_string(p, "name", "Name", devs[i].ports[j].name);
			print_string(p, "device", "Device", devs[i].name);
			if (p->json) {
				print_bool(p, "terminal", NULL, devs[i].ports[j].terminal);
				print_bool(p, "guest", NULL, guest);
				print_bool(p, "host", NULL, host);
			} else {
				print_string(p, NULL, "State", users_of(guest, host));
			}
			print_string(p, "path", "Path", devs[i].ports[j].path);
			print_object_end(p);
		}
	}
	print_array_end(p);
	print_done(p);
}

/* ---- 2. Balloon ------------------------------------------------------------- */

static void json_balloon(struct print *p, const struct control_dev *d)
{
	print_number(p, "target", NULL, d->target);
	print_number(p, "actual", NULL, d->actual);
	print_bool(p, "reporting", NULL, d->reporting);
}

static void text_balloon(struct print *p, const struct control_dev *d)
{
	print_size(p, NULL, "  Target", d->target);
	print_size(p, NULL, "  Has", d->actual);
	if (d->reporting)
		print_string(p, NULL, "  Free pages", "reported");
}

/* ---- 3. All of them ---------------------------------------------------------- */

void dev_json_small(struct print *p, const struct control_dev *d)
{
	if (d->kind == DOMUS_DEV_KIND_BALLOON)
		json_balloon(p, d);
	if (d->kind == DOMUS_DEV_KIND_CONSOLE)
		json_ports(p, d);
	if (d->kind == DOMUS_DEV_KIND_VSOCK)
		print_number(p, "cid", NULL, d->cid);
}

void dev_text_small(struct print *p, const struct control_dev *d)
{
	if (d->kind == DOMUS_DEV_KIND_BALLOON)
		text_balloon(p, d);
	if (d->kind == DOMUS_DEV_KIND_CONSOLE)
		text_ports(p, d);
	if (d->kind == DOMUS_DEV_KIND_VSOCK)
		print_number(p, NULL, "  CID", d->cid);
}
