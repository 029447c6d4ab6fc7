// SPDX-License-Identifier: GPL-2.0-only
/*
 * cmd_port.c: ports of domains.
 *
 *   1. what the commands share
 *   2. attach
 *   3. detach
 *   4. list
 *   5. set
 *
 * A port that is attached is a device of its own, called after it; those that the domain was
 * made with share one.
 */
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "dev_cmd.h"
#include "dev_print_small.h"
#include "domctl.h"
#include "nl_small.h"
#include "size.h"

/* ---- 1. What they share ----------------------------------------------------- */

#define DETACH_MS 10000

enum { OPT_FORCE = OPT_OWN };

static int force_option(void *arg, int id, const char *value, struct error *error)
{
	(void)id;
	(void)value;
	(void)error;
	*(bool *)arg = true;
	return 0;
}

/* ---- 2. attach -------------------------------------------------------------- */

/* As others will look for it, from any directory. Return: 0, or -1. */
static int make_absolute(const char *path, char *absolute, size_t size, struct error *error)
{
	char here[PATH_MAX];

	if (port_path_check(path, error))
		return -1;
	if (*path != '/' && getcwd(here, sizeof(here)))
		snprintf(absolute, size, "%s/%s", here, path);
	else
		snprintf(absolute, size, "%s", path);
	return port_path_check(absolute, error);
}

static const struct opt rate_opts[] = {
	DISK_RATE_OPTS,
	{ NULL, 0, NULL, 0 },
};

static int rate_option(void *arg, int id, const char *value, struct error *error)
{
	return disk_rate_option(arg, id, value, error);
}

static int run_attach(struct ctx *ctx, const struct command *self, int argc, char **argv)
{
	struct dev_words w = { .names = { "DOMAIN", "NAME", "PATH" }, .needed = 3 };
	char path[PATH_MAX + PORT_PATH_MAX + 2];
	struct disk_rates rates = { 0 };
	struct control_domain domain;
	struct control *control;
	struct control_ref ref;
	int result = -1;
	int fd;

	if (dev_parse(ctx, self, argc, argv, &w, &rates, rate_option) ||
	    port_name_check(w.words[1], &ctx->error) ||
	    make_absolute(w.words[2], path, sizeof(path), &ctx->error) ||
	    dev_open_domain(ctx, w.words[0], &control, &domain, &ref))
		return -1;
	fd = port_listen(path, &ctx->error);
	if (fd >= 0) {
		result = control_port_new(control, &ref, w.words[1], w.words[1], fd, &rates,
					  &ctx->error);
		if (result)
			port_remove(path);
		close(fd);
	}
	control_close(control);
	if (result)
		return -1;
	dev_report(ctx, w.words[0], w.words[1]);
	return EXIT_DONE;
}

const struct command cmd_port_attach = {
	.object = "port",
	.name = "attach",
	.usage = "DOMAIN NAME PATH [OPTIONS]",
	.help = "give a domain a port\n"
		"\n"
		"NAME is what the guest calls it (/dev/virtio-ports/NAME in Linux), PATH a UNIX\n"
		"stream socket that is made, for one client at a time.\n"
		"\n"
		"      --rate BYTES      at most so many a second: 100M (no limit)\n"
		"      --ops N           at most so many buffers a second (no limit)\n"
		"      --burst MS        how much of a pause may be made up for, up to 60000\n",
	.opts = rate_opts,
	.run = run_attach,
};

/* ---- 3. detach -------------------------------------------------------------- */

static const struct opt detach_opts[] = {
	{ "force", 0, NULL, OPT_FORCE },
	{ NULL, 0, NULL, 0 },
};

/* Device @name must have been made by attach. @path: of its socket. Return: 0, or -1. */
static int find_path(struct control *control, const struct control_ref *ref, const char *name,
		     char *path, size_t size, struct error *error)
{
	struct control_dev *devs = NULL;
	bool found = false;
	size_t nr = 0;

	if (control_dev_list(control, ref, &devs, &nr, error))
		return -1;
	for (size_t i = 0; i < nr; i++) {
		if (devs[i].kind != DOMUS_DEV_KIND_CONSOLE || devs[i].nr_ports != 1 ||
		    strcmp(devs[i].name, name) != 0)
			continue;
		snprintf(path, size, "%s", devs[i].ports[0].path);
		found = true;
	}
	free(devs);
	return found ? 0 : error_set(error, EXIT_NOT_FOUND, name,
				     "no such port, or one that the domain was made with");
}

static int run_detach(struct ctx *ctx, const struct command *self, int argc, char **argv)
{
	struct dev_words w = { .names = { "DOMAIN", "NAME" }, .needed = 2 };
	char path[PORT_PATH_MAX + 2];
	struct control_domain domain;
	struct control *control;
	struct control_ref ref;
	bool force = false;
	int result;

	if (dev_parse(ctx, self, argc, argv, &w, &force, force_option) ||
	    port_name_check(w.words[1], &ctx->error) ||
	    dev_open_domain(ctx, w.words[0], &control, &domain, &ref))
		return -1;
	result = find_path(control, &ref, w.words[1], path, sizeof(path), &ctx->error);
	if (!result)
		result = control_dev_del(control, &ref, "port", w.words[1], DETACH_MS, force,
					 &ctx->error);
	if (!result)
		port_remove(path);
	control_close(control);
	if (result)
		return -1;
	dev_report(ctx, w.words[0], w.words[1]);
	return EXIT_DONE;
}

const struct command cmd_port_detach = {
	.object = "port",
	.name = "detach",
	.usage = "DOMAIN NAME [--force]",
	.help = "take a port away that was attached\n"
		"\n"
		"The guest is asked to let go of it.\n"
		"\n"
		"      --force           although it does not\n",
	.opts = detach_opts,
	.run = run_detach,
};

/* ---- 4. list ---------------------------------------------------------------- */

static int run_list(struct ctx *ctx, const struct command *self, int argc, char **argv)
{
	return dev_list(ctx, self, argc, argv, dev_print_ports);
}

const struct command cmd_port_list = {
	.object = "port",
	.name = "list",
	.usage = "[DOMAIN]",
	.help = "list the ports of a domain, or of all that you may see",
	.run = run_list,
};

/* ---- 5. set ----------------------------------------------------------------- */

/* @device: DOMUS_DEV_NAME_MAX + 1 bytes, of that port. Return: 0, or -1. */
static int find_device(struct control *control, const struct control_ref *ref, const char *port,
		       char *device, struct error *error)
{
	struct control_dev *devs = NULL;
	bool found = false;
	size_t nr = 0;

	if (control_dev_list(control, ref, &devs, &nr, error))
		return -1;
	for (size_t i = 0; i < nr; i++)
		for (unsigned int j = 0; j < devs[i].nr_ports; j++) {
			if (devs[i].ports[j].terminal || strcmp(devs[i].ports[j].name, port) != 0)
				continue;
			snprintf(device, DOMUS_DEV_NAME_MAX + 1, "%s", devs[i].name);
			found = true;
		}
	free(devs);
	return found ? 0 : error_set(error, EXIT_NOT_FOUND, port, "no such port");
}

static int run_set(struct ctx *ctx, const struct command *self, int argc, char **argv)
{
	struct dev_words w = { .names = { "DOMAIN", "NAME" }, .needed = 2 };
	char device[DOMUS_DEV_NAME_MAX + 1];
	struct disk_rates rates = { 0 };
	struct control_domain domain;
	struct control *control;
	struct control_ref ref;
	int result;

	if (dev_parse(ctx, self, argc, argv, &w, &rates, rate_option) ||
	    port_name_check(w.words[1], &ctx->error))
		return -1;
	if (!disk_rates_said(&rates))
		return error_set(&ctx->error, EXIT_USAGE, "set",
				 "nothing to change (see domctl port set help)");
	if (dev_open_domain(ctx, w.words[0], &control, &domain, &ref))
		return -1;
	result = find_device(control, &ref, w.words[1], device, &ctx->error) ||
		 control_dev_set_rates(control, &ref, "port", device, &rates, &ctx->error);
	control_close(control);
	if (result)
		return -1;
	dev_report(ctx, w.words[0], w.words[1]);
	return EXIT_DONE;
}

const struct command cmd_port_set = {
	.object = "port",
	.name = "set",
	.usage = "DOMAIN NAME [OPTIONS]",
	.help = "change limits of a port\n"
		"\n"
		"      --rate BYTES      at most so many a second: 100M; 0: no limit\n"
		"      --ops N           at most so many buffers a second; 0: no limit\n"
		"      --burst MS        how much of a pause may be made up for, up to 60000\n"
		"\n"
		"What is not given stays. Ports that the domain was made with, and its terminal,\n"
		"share theirs.\n",
	.opts = rate_opts,
	.run = run_set,
};
