// SPDX-License-Identifier: GPL-2.0-only
/*
 * cmd_disk.c: disks of domains.
 *
 *   1. attach
 *   2. detach
 *   3. list
 *   4. resize
 *   5. set
 */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "dev_cmd.h"
#include "dev_print.h"
#include "disk.h"
#include "domctl.h"
#include "nl_dev.h"
#include "size.h"

/* ---- 1. attach -------------------------------------------------------------- */

static int attach_option(void *arg, int id, const char *value, struct error *error)
{
	return disk_option(arg, id, value, error);
}

static int make_name(struct control *control, const struct control_ref *ref, struct disk *disk,
		     struct error *error)
{
	struct dev_names names;

	if (*disk->name)
		return 0;
	if (dev_names_get(control, ref, &names, error))
		return -1;
	disk_name(disk, dev_names_has, &names);
	dev_names_free(&names);
	return 0;
}

static int attach(struct ctx *ctx, const char *name, struct disk *disk)
{
	struct control_domain domain;
	struct control *control;
	struct control_ref ref;
	int result = -1;
	int fd;

	if (dev_open_domain(ctx, name, &control, &domain, &ref))
		return -1;
	fd = disk_open(disk, &ctx->error);
	if (fd >= 0 && !make_name(control, &ref, disk, &ctx->error)) {
		debug(ctx, "%s as %s", disk->file, disk->name);
		result = control_disk_new(control, &ref, disk, fd, &ctx->error);
	}
	if (fd >= 0)
		close(fd);
	control_close(control);
	if (result)
		return -1;
	dev_report(ctx, name, disk->name);
	if (!ctx->print.json)
		printf("%s: %s attached\n", name, disk->name);
	return EXIT_DONE;
}

static int run_attach(struct ctx *ctx, const struct command *self, int argc, char **argv)
{
	struct dev_words w = { .names = { "DOMAIN", "FILE" }, .needed = 2 };
	struct disk disk = { .file = NULL };
	int result;

	if (dev_parse(ctx, self, argc, argv, &w, &disk, attach_option))
		return -1;
	disk.file = strdup(w.words[1]);
	if (!disk.file)
		return error_set(&ctx->error, EXIT_REFUSED, "disk", "no memory");
	result = attach(ctx, w.words[0], &disk);
	disk_free(&disk);
	return result;
}

const struct command cmd_disk_attach = {
	.object = "disk",
	.name = "attach",
	.usage = "DOMAIN FILE [OPTIONS]",
	.help = "give a domain a disk\n"
		"\n"
		"FILE is a raw image or a block device.\n"
		"\n"
		"      --name NAME       of the disk (that of the file, made unique)\n"
		"      --readonly        the guest cannot write to it\n"
		"      --shared          beside other disks with the same image, if all are shared\n"
		"      --force           beside other disks with the same image, shared or not\n"
		"      --writethrough    each write is on the disk when it is done\n"
		"      --direct          without the host's page cache (where it can be)\n"
		"      --buffered        with it\n"
		"      --serial S        serial number that the guest sees\n"
		"      --queues N        1 to 16 (one for each virtual CPU)\n"
		"      --queue-size N    requests in each, a power of two up to 1024 (256)\n"
		"      --ring KIND       split, or packed as well, if the guest likes (packed)\n"
		"      --rate BYTES      at most so many a second: 100M (no limit)\n"
		"      --ops N           at most so many operations a second (no limit)\n"
		"      --burst MS        how much of a pause may be made up for (100)\n",
	.opts = disk_opts,
	.run = run_attach,
};

/* ---- 2. detach -------------------------------------------------------------- */

static int run_detach(struct ctx *ctx, const struct command *self, int argc, char **argv)
{
	return dev_detach(ctx, self, argc, argv, DOMUS_DEV_KIND_BLK);
}

const struct command cmd_disk_detach = {
	.object = "disk",
	.name = "detach",
	.usage = "DOMAIN NAME [--timeout SECONDS] [--force]",
	.help = "take a disk away from a domain\n"
		"\n"
		"The guest is asked to let go of it: what it has mounted stays attached.\n"
		"\n"
		"      --timeout SECONDS how long the guest may take (10)\n"
		"      --force           at once: the guest loses what it has not written\n",
	.opts = dev_detach_opts,
	.run = run_detach,
};

/* ---- 3. list ---------------------------------------------------------------- */

static int run_list(struct ctx *ctx, const struct command *self, int argc, char **argv)
{
	return dev_list(ctx, self, argc, argv, dev_print_disks);
}

const struct command cmd_disk_list = {
	.object = "disk",
	.name = "list",
	.usage = "[DOMAIN]",
	.help = "list the disks of a domain, or of all that you may see",
	.run = run_list,
};

/* ---- 4. resize -------------------------------------------------------------- */

enum { OPT_SHRINK = OPT_OWN };

static const struct opt resize_opts[] = {
	{ "shrink", 0, NULL, OPT_SHRINK },
	{ NULL, 0, NULL, 0 },
};

static int resize_option(void *arg, int id, const char *value, struct error *error)
{
	(void)id;
	(void)value;
	(void)error;
	*(bool *)arg = true;
	return 0;
}

/* What is cut off is lost, so that it must be asked for. */
static int check_shrink(struct control *control, const struct control_ref *ref,
			const char *name, uint64_t size, struct error *error)
{
	char now[SIZE_TEXT];
	char then[SIZE_TEXT];
	struct control_dev *devs = NULL;
	const struct control_dev *dev;
	size_t nr = 0;
	int result = 0;

	if (control_dev_list(control, ref, &devs, &nr, error))
		return -1;
	dev = control_dev_find(devs, nr, name);
	if (dev && size < dev->size)
		result = error_set(error, EXIT_REFUSED, "size",
				   "%s is less than the disk has (%s): --shrink cuts it off",
				   size_format(then, size), size_format(now, dev->size));
	free(devs);
	return result;
}

static int parse_size(const char *text, uint64_t *size, struct error *error)
{
	if (!text)
		return 0;
	if (size_parse(text, "size", size, error))
		return -1;
	if (!*size || *size > INT64_MAX)
		return error_set(error, EXIT_USAGE, "size", "%s is no size of a disk", text);
	if (*size % 512)
		return error_set(error, EXIT_USAGE, "size", "%s is no multiple of 512", text);
	return 0;
}

static int run_resize(struct ctx *ctx, const struct command *self, int argc, char **argv)
{
	struct dev_words w = { .names = { "DOMAIN", "NAME", "SIZE" }, .needed = 2 };
	struct control_domain domain;
	struct control *control;
	struct control_ref ref;
	bool shrink = false;
	uint64_t size = 0;
	int result;

	if (dev_parse(ctx, self, argc, argv, &w, &shrink, resize_option) ||
	    disk_name_check(w.words[1], &ctx->error) ||
	    parse_size(w.words[2], &size, &ctx->error) ||
	    dev_open_domain(ctx, w.words[0], &control, &domain, &ref))
		return -1;
	result = dev_check_kind(control, &ref, w.words[1], DOMUS_DEV_KIND_BLK, &ctx->error);
	if (!result && size && !shrink)
		result = check_shrink(control, &ref, w.words[1], size, &ctx->error);
	if (!result)
		result = control_dev_resize(control, &ref, w.words[1], size, &ctx->error);
	control_close(control);
	if (result)
		return -1;
	dev_report(ctx, w.words[0], w.words[1]);
	return EXIT_DONE;
}

const struct command cmd_disk_resize = {
	.object = "disk",
	.name = "resize",
	.usage = "DOMAIN NAME [SIZE] [--shrink]",
	.help = "tell the guest of a disk's new size\n"
		"\n"
		"An image that is a file is made SIZE first. Without SIZE the guest is told\n"
		"what the file or block device has by now.\n"
		"\n"
		"      --shrink          SIZE may be less: what is behind it is lost\n",
	.opts = resize_opts,
	.run = run_resize,
};

/* ---- 5. set ----------------------------------------------------------------- */

static const struct opt set_opts[] = {
	DISK_RATE_OPTS,
	{ NULL, 0, NULL, 0 },
};

static int run_set(struct ctx *ctx, const struct command *self, int argc, char **argv)
{
	struct dev_words w = { .names = { "DOMAIN", "NAME" }, .needed = 2 };
	struct disk disk = { .file = NULL };
	struct control_domain domain;
	struct control *control;
	struct control_ref ref;
	int result;

	if (dev_parse(ctx, self, argc, argv, &w, &disk, attach_option) ||
	    disk_name_check(w.words[1], &ctx->error))
		return -1;
	if (!disk_rates_said(&disk.rates))
		return error_set(&ctx->error, EXIT_USAGE, "set",
				 "nothing to change (see domctl disk set help)");
	if (dev_open_domain(ctx, w.words[0], &control, &domain, &ref))
		return -1;
	result = dev_check_kind(control, &ref, w.words[1], DOMUS_DEV_KIND_BLK, &ctx->error) ||
		 control_dev_set_rates(control, &ref, "disk", w.words[1], &disk.rates,
				       &ctx->error);
	control_close(control);
	if (result)
		return -1;
	dev_report(ctx, w.words[0], w.words[1]);
	return EXIT_DONE;
}

const struct command cmd_disk_set = {
	.object = "disk",
	.name = "set",
	.usage = "DOMAIN NAME [OPTIONS]",
	.help = "change limits of a disk\n"
		"\n"
		"      --rate BYTES      at most so many a second: 100M; 0: no limit\n"
		"      --ops N           at most so many operations a second; 0: no limit\n"
		"      --burst MS        how much of a pause may be made up for, up to 60000\n"
		"\n"
		"What is not given stays.\n",
	.opts = set_opts,
	.run = run_set,
};
