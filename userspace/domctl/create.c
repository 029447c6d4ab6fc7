// SPDX-License-Identifier: GPL-2.0-only
/*
 * create.c: what domctl create was asked for; see create.h.
 *
 *   1. options
 *   2. disks, network interfaces
 *   3. the configuration file
 *   4. the command line
 *
 * Keys of the file are the options' names, and go the same way. The command line is
 * read twice: for the file's name, and over what the file has said.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "attach.h"
#include "build.h"
#include "create.h"
#include "size.h"
#include "vsock.h"

#define DEFAULT_MEMORY		(256ULL * 1024 * 1024)
#define DEFAULT_MAX_REBOOTS	3	/* with --wait */
#define SUFFIX			".conf"

/* ---- 1. Options ---------------------------------------------------------------- */

const struct opt create_opts[] = {
	{ "file", 'f', "FILE", OPT_FILE },
	{ "kernel", 'k', "FILE", OPT_KERNEL },
	{ "initrd", 'i', "FILE", OPT_INITRD },
	{ "append", 'a', "STR", OPT_APPEND },
	{ "memory", 'm', "SIZE", OPT_MEMORY },
	{ "max-memory", 0, "SIZE", OPT_MAX_MEMORY },
	{ "memory-limit", 0, "SIZE", OPT_MEMORY_LIMIT },
	{ "hugetlb", 0, "SIZE", OPT_HUGETLB },
	{ "thp", 0, "WHEN", OPT_THP },
	{ "ksm", 0, NULL, OPT_KSM },
	{ "numa-node", 0, "LIST", OPT_NUMA_NODE },
	{ "vcpus", 'c', "N", OPT_VCPUS },
	{ "max-vcpus", 0, "N", OPT_MAX_VCPUS },
	{ "disk", 0, "FILE[,OPTION]...", OPT_DISK },
	{ "net", 0, "OPTION[,OPTION]...", OPT_NET },
	{ "rng", 0, "LIMITS", OPT_RNG },
	{ "balloon", 0, "KIND", OPT_BALLOON },
	{ "port", 0, "NAME=PATH[,...]", OPT_PORT },
	{ "terminal", 0, NULL, OPT_TERMINAL },
	{ "paused", 0, NULL, OPT_PAUSED },
	{ "vsock", 0, "CID", OPT_VSOCK },
	{ "weight", 0, "W", OPT_WEIGHT },
	{ "cap", 0, "PERCENT", OPT_CAP },
	{ "console", 0, NULL, OPT_CONSOLE },
	{ "detach", 0, NULL, OPT_DETACH },
	{ "wait", 0, NULL, OPT_WAIT },
	{ "timeout", 0, "SECONDS", OPT_TIMEOUT },
	{ "log", 0, "FILE", OPT_LOG },
	{ "max-reboots", 0, "N", OPT_MAX_REBOOTS },
	{ "escape", 0, "CHAR", OPT_ESCAPE },
	{ NULL, 0, NULL, 0 },
};

static int set_mode(struct create *c, int mode, struct error *error)
{
	if (c->mode && c->mode != mode)
		return error_set(error, EXIT_USAGE, "create",
				 "--console, --detach and --wait exclude each other");
	c->mode = mode;
	return 0;
}

/* How much memory, and of what. */
static int set_memory(struct create *c, int id, const char *value, struct error *error)
{
	struct holder_config *config = &c->config;

	switch (id) {
	case OPT_MEMORY:
		return memory_parse(value, "memory", &config->memory, error);
	case OPT_MAX_MEMORY:
		return memory_parse(value, "max-memory", &config->max_memory, error);
	case OPT_MEMORY_LIMIT:
		return limits_parse_memory(&config->limits, value, error);
	case OPT_HUGETLB:
		return backing_parse_hugetlb(&config->backing, value, error);
	case OPT_THP:
		return backing_parse_thp(&config->backing, value, error);
	case OPT_NUMA_NODE:
		return backing_parse_nodes(&config->backing, value, error);
	default:
		config->backing.ksm = true;
		return 0;
	}
}

static int set_append(struct create *c, const char *value, struct error *error)
{
	if (strlen(value) > BUILD_CMDLINE_MAX)
		return error_set(error, EXIT_USAGE, "append", "is longer than %d bytes",
				 BUILD_CMDLINE_MAX);
	c->config.cmdline = value;
	return 0;
}

/* Numbers. */
static int set_number(struct create *c, int id, const char *value, struct error *error)
{
	uint64_t number = 0;
	int result;

	switch (id) {
	case OPT_VCPUS:
		result = number_parse(value, "vcpus", 1, DOMUS_MAX_VCPUS, &number, error);
		c->config.vcpus = (uint32_t)number;
		return result;
	case OPT_MAX_VCPUS:
		result = number_parse(value, "max-vcpus", 1, DOMUS_MAX_VCPUS, &number, error);
		c->config.max_vcpus = (uint32_t)number;
		return result;
	case OPT_TIMEOUT:
		c->limited = true;
		return number_parse(value, "timeout", 1, 31536000, &c->timeout, error);
	default:
		result = number_parse(value, "max-reboots", 0, UINT32_MAX, &number, error);
		c->config.max_reboots = (uint32_t)number;
		c->counted = true;
		return result;
	}
}

/* All but disks, interfaces and the file. */
static int set_option(struct create *c, int id, const char *value, struct error *error)
{
	switch (id) {
	case OPT_KERNEL:
		c->kernel = value;
		return 0;
	case OPT_INITRD:
		c->initrd = value;
		return 0;
	case OPT_APPEND:
		return set_append(c, value, error);
	case OPT_LOG:
		c->config.log = value;
		return 0;
	case OPT_MEMORY:
	case OPT_MAX_MEMORY:
	case OPT_MEMORY_LIMIT:
	case OPT_HUGETLB:
	case OPT_THP:
	case OPT_KSM:
	case OPT_NUMA_NODE:
		return set_memory(c, id, value, error);
	case OPT_ESCAPE:
		return attach_parse_escape(value, &c->escape, error);
	case OPT_PORT:
		return small_parse_ports(&c->config.small, value, NULL, error);
	case OPT_TERMINAL:
		c->config.small.terminal = true;
		return 0;
	case OPT_PAUSED:
		c->config.paused = true;
		return 0;
	case OPT_VSOCK:
		c->config.small.vsock = true;
		return vsock_parse(&c->config.small.cid, value, error);
	case OPT_RNG:
		return small_parse_rng(&c->config.small, value, error);
	case OPT_BALLOON:
		return small_parse_balloon(&c->config.small, value, error);
	case OPT_WEIGHT:
		return limits_parse_weight(&c->config.limits, value, error);
	case OPT_CAP:
		return limits_parse_cap(&c->config.limits, value, error);
	case OPT_CONSOLE:
	case OPT_DETACH:
	case OPT_WAIT:
		return set_mode(c, id, error);
	default:
		return set_number(c, id, value, error);
	}
}

/* ---- 2. Disks, interfaces ------------------------------------------------------------------- */

static int check_room(const struct create *c, const char *what, struct error *error)
{
	if (c->config.nr_disks + c->config.nr_nics < DOMUS_MAX_DEVICES)
		return 0;
	return error_set(error, EXIT_USAGE, what, "a domain has at most %d devices",
			 DOMUS_MAX_DEVICES);
}

/* A new one, zero, or NULL: there are too many. */
static struct disk *add_disk(struct create *c, struct error *error)
{
	return check_room(c, "disk", error) ? NULL : &c->disks[c->config.nr_disks++];
}

static struct nic *add_nic(struct create *c, struct error *error)
{
	return check_room(c, "net", error) ? NULL : &c->nics[c->config.nr_nics++];
}

/* --disk: another one, or instead of the file's of the same name. */
static int set_disk(struct create *c, const char *value, struct error *error)
{
	struct disk disk = { .file = NULL };
	struct disk *to = NULL;

	if (!disk_parse(&disk, value, error)) {
		for (size_t i = 0; i < c->from_file && *disk.name; i++)
			if (!strcmp(c->disks[i].name, disk.name))
				to = &c->disks[i];
		if (to)
			disk_free(to);
		else
			to = add_disk(c, error);
	}
	if (!to) {
		disk_free(&disk);
		return -1;
	}
	*to = disk;
	return 0;
}

/* --net: likewise; or none at all. */
static int set_net(struct create *c, const char *value, struct error *error)
{
	struct nic nic = { .mode = NIC_UNSAID };
	struct nic *to = NULL;

	if (!strcmp(value, "none")) {
		c->no_net = true;
		return 0;
	}
	if (net_parse(&nic, value, error))
		return -1;
	for (size_t i = 0; i < c->nics_from_file && *nic.name; i++)
		if (!strcmp(c->nics[i].name, nic.name))
			to = &c->nics[i];
	if (!to)
		to = add_nic(c, error);
	if (!to)
		return -1;
	*to = nic;
	return 0;
}

static bool is_taken(void *arg, const char *name)
{
	const struct create *c = arg;

	for (size_t i = 0; i < c->config.nr_disks; i++)
		if (!strcmp(c->disks[i].name, name))
			return true;
	for (size_t i = 0; i < c->config.nr_nics; i++)
		if (!strcmp(c->nics[i].name, name))
			return true;
	return false;
}

/* Names and addresses for all, when the disks have theirs. */
static int finish_nics(struct create *c, struct error *error)
{
	if (c->no_net && c->config.nr_nics > c->nics_from_file)
		return error_set(error, EXIT_USAGE, "--net", "none excludes others");
	if (c->no_net)
		c->config.nr_nics = 0;
	for (size_t i = 0; i < c->config.nr_nics; i++) {
		char name[sizeof(c->nics[i].name)];
		bool twice;

		/* Is it another one's, too? */
		memcpy(name, c->nics[i].name, sizeof(name));
		*c->nics[i].name = '\0';
		twice = *name && is_taken(c, name);
		memcpy(c->nics[i].name, name, sizeof(name));
		if (twice)
			return error_set(error, EXIT_USAGE, "net name", "'%s' is given twice",
					 name);
	}
	for (size_t i = 0; i < c->config.nr_nics; i++) {
		if (!*c->nics[i].name) {
			struct nic named = c->nics[i];

			net_name(&named, is_taken, c);
			c->nics[i] = named;
		}
		net_derive(&c->nics[i], c->config.name, net_seed());
	}
	return 0;
}

/* ---- 3. The configuration file --------------------------------------------------- */

static const struct opt *find(const struct opt *table, const char *name)
{
	for (; table->name; table++)
		if (!strcmp(table->name, name))
			return table;
	return NULL;
}

/* A path in the file is relative to it. Return: the entry's value, or NULL: no memory. */
static char *path_in(const struct create *c, struct config_entry *e)
{
	const char *slash = strrchr(c->file.path, '/');
	char *path;

	if (*e->value == '/' || !slash)
		return e->value;
	if (asprintf(&path, "%.*s/%s", (int)(slash - c->file.path), c->file.path, e->value) < 0)
		return NULL;
	free(e->value);
	e->value = path;
	return path;
}

/* "yes" or "no". Return: 1, 0, or -1. */
static int yes_or_no(const struct config_entry *e, struct error *error)
{
	if (!strcmp(e->value, "yes"))
		return 1;
	if (!strcmp(e->value, "no"))
		return 0;
	return error_set(error, EXIT_USAGE, e->key, "'%.40s' is neither yes nor no", e->value);
}

/* Sockets are beside the file, too. */
static int port_key(struct create *c, const struct config_entry *e, struct error *error)
{
	const char *slash = strrchr(c->file.path, '/');
	char *directory = slash ? strndup(c->file.path, (size_t)(slash - c->file.path)) : NULL;
	int result;

	if (slash && !directory)
		return error_set(error, EXIT_REFUSED, e->key, "no memory");
	result = small_parse_ports(&c->config.small, e->value, directory, error);
	free(directory);
	return result;
}

static int domain_key(struct create *c, struct config_entry *e, struct error *error)
{
	const struct opt *opt = find(create_opts, e->key);
	int yes = 1;

	if (!strcmp(e->key, "name")) {
		if (name_check(e->value, error))
			return -1;
		c->config.name = e->value;
		return 0;
	}
	if (!opt || opt->id == OPT_FILE || opt->id == OPT_DISK || opt->id == OPT_NET)
		return error_set(error, EXIT_USAGE, e->key, "no such key in [domain]");
	if (!opt->metavar)
		yes = yes_or_no(e, error);
	else if (!strcmp(opt->metavar, "FILE") && !path_in(c, e))
		return error_set(error, EXIT_REFUSED, e->key, "no memory");
	if (opt->id == OPT_PORT)
		return port_key(c, e, error);
	return yes > 0 ? set_option(c, opt->id, e->value, error) : yes;
}

static int disk_key(struct create *c, struct disk *disk, struct config_entry *e,
		    struct error *error)
{
	const struct opt *opt = find(disk_opts, e->key);
	int yes = 1;

	if (!strcmp(e->key, "file")) {
		if (path_in(c, e))
			disk->file = strdup(e->value);
		return disk->file ? 0 : error_set(error, EXIT_REFUSED, e->key, "no memory");
	}
	if (!opt || opt->id == DISK_NAME)
		return error_set(error, EXIT_USAGE, e->key, "no such key in [disk NAME]");
	if (!opt->metavar)
		yes = yes_or_no(e, error);
	return yes > 0 ? disk_option(disk, opt->id, e->value, error) : yes;
}

static int nic_key(struct nic *nic, struct config_entry *e, struct error *error)
{
	const struct opt *opt = find(net_opts, e->key);
	int yes = 1;

	if (!opt || opt->id == NIC_OPT_NAME)
		return error_set(error, EXIT_USAGE, e->key, "no such key in [net NAME]");
	if (!opt->metavar)
		yes = yes_or_no(e, error);
	return yes > 0 ? net_option(nic, opt->id, e->value, error) : yes;
}

/* struct section - of the file, while it is read: one of @disk and @nic, or [domain] */
struct section {
	struct disk *disk;
	struct nic *nic;
	unsigned int begun;
};

static int begin_section(struct create *c, struct section *s, const struct config_entry *e,
			 struct error *error)
{
	*s = (struct section) { .begun = e->line };
	if (!e->kind)
		return 0;
	if (!strcmp(e->kind, "disk")) {
		s->disk = add_disk(c, error);
		return s->disk ? disk_option(s->disk, DISK_NAME, e->name, error) : -1;
	}
	s->nic = add_nic(c, error);
	return s->nic ? net_option(s->nic, NIC_OPT_NAME, e->name, error) : -1;
}

static int end_section(const struct section *s, struct error *error)
{
	if (s->disk && !s->disk->file)
		return error_set(error, EXIT_USAGE, "file", "is missing in [disk %s]",
				 s->disk->name);
	return s->nic ? net_check(s->nic, error) : 0;
}

static int read_key(struct create *c, const struct section *s, struct config_entry *e,
		    struct error *error)
{
	if (s->disk)
		return disk_key(c, s->disk, e, error);
	return s->nic ? nic_key(s->nic, e, error) : domain_key(c, e, error);
}

/* The last line that said something is the one an error is about. */
static int read_entries(struct create *c, unsigned int *line, struct error *error)
{
	struct section s = { .begun = 0 };
	int result = 0;

	for (struct config_entry *e = c->file.entries; e && !result; e = e->next) {
		/* A section ends where the next one begins. */
		if (!e->key && end_section(&s, error)) {
			*line = s.begun;
			return -1;
		}
		*line = e->line;
		result = e->key ? read_key(c, &s, e, error) : begin_section(c, &s, e, error);
	}
	if (!result && end_section(&s, error)) {
		*line = s.begun;
		return -1;
	}
	return result;
}

/* A file without a name gives the domain its own. */
static void name_after(struct create *c)
{
	const char *slash = strrchr(c->file.path, '/');
	const char *base = slash ? slash + 1 : c->file.path;
	size_t length = strlen(base);

	if (c->config.name)
		return;
	if (length > strlen(SUFFIX) && !strcmp(base + length - strlen(SUFFIX), SUFFIX))
		length -= strlen(SUFFIX);
	if (length > DOMUS_NAME_MAX)
		return;
	snprintf(c->name, sizeof(c->name), "%.*s", (int)length, base);
	c->config.name = c->name;
}

static int read_file(struct create *c, const char *path, struct error *error)
{
	struct error cause = { 0 };
	unsigned int line = 0;

	if (config_read(&c->file, path, error))
		return -1;
	if (read_entries(c, &line, &cause))
		return config_error(&c->file, line, &cause, error);
	c->from_file = c->config.nr_disks;
	c->nics_from_file = c->config.nr_nics;
	name_after(c);
	return 0;
}

/* ---- 4. The command line ------------------------------------------------------------ */

/* Only to find the file, and whether help is wanted. */
static int find_file(struct ctx *ctx, const struct command *self, int argc, char **argv,
		     const char **path)
{
	struct opts o = { .argc = argc, .argv = argv, .table = self->opts };
	const char *value = NULL;
	int id;

	while ((id = command_opts(ctx, &o, &value)) != OPTS_END) {
		if (id == OPTS_ERROR)
			return -1;
		if (id == OPT_FILE && *path)
			return error_set(&ctx->error, EXIT_USAGE, "--file", "is given twice");
		if (id == OPT_FILE)
			*path = value;
	}
	return ctx->help ? -1 : 0;
}

static int read_line(struct ctx *ctx, const struct command *self, int argc, char **argv,
		     struct create *c)
{
	struct opts o = { .argc = argc, .argv = argv, .table = self->opts };
	struct error *error = &ctx->error;
	const char *name = NULL;
	const char *value = NULL;
	int result = 0;
	int id;

	while (!result && (id = command_opts(ctx, &o, &value)) != OPTS_END) {
		if (id == OPTS_WORD && name)
			return error_set(error, EXIT_USAGE, value,
					 "unexpected word (see domctl create help)");
		if (id == OPTS_WORD)
			name = value;
		else if (id == OPT_DISK)
			result = set_disk(c, value, error);
		else if (id == OPT_NET)
			result = set_net(c, value, error);
		else if (id != OPT_FILE)
			result = set_option(c, id, value, error);
	}
	if (name)
		c->config.name = name;
	return result;
}

/* What was not said of sizes, and whether they agree. */
static int settle_memory(struct holder_config *config, struct error *error)
{
	char memory[SIZE_TEXT];
	char max[SIZE_TEXT];

	if (!config->memory)
		config->memory = config->max_memory ? config->max_memory : DEFAULT_MEMORY;
	if (!config->max_memory)
		config->max_memory = config->memory;
	if (config->memory > config->max_memory)
		return error_set(error, EXIT_USAGE, "memory", "%s is more than --max-memory (%s)",
				 size_format(memory, config->memory),
				 size_format(max, config->max_memory));
	return backing_check(&config->backing, config->memory, config->max_memory, error);
}

/* Likewise. */
static int settle_vcpus(struct holder_config *config, struct error *error)
{
	if (!config->vcpus)
		config->vcpus = config->max_vcpus ? config->max_vcpus : 1;
	if (!config->max_vcpus)
		config->max_vcpus = config->vcpus;
	if (config->vcpus <= config->max_vcpus)
		return 0;
	return error_set(error, EXIT_USAGE, "vcpus", "%" PRIu32 " is more than --max-vcpus (%"
			 PRIu32 ")", config->vcpus, config->max_vcpus);
}

/* Huge pages stay with the domain, whatever a balloon says, and no memory.max counts them. */
static int settle_huge(struct holder_config *config, struct error *error)
{
	if (!config->backing.hugetlb)
		return 0;
	if (config->limits.memory)
		return error_set(error, EXIT_USAGE, "memory-limit",
				 "pages of --hugetlb are not counted");
	if (config->small.balloon == SMALL_YES)
		return error_set(error, EXIT_USAGE, "balloon",
				 "pages of --hugetlb are not given back");
	config->small.balloon = SMALL_NO;
	return 0;
}

static int check(struct create *c, struct error *error)
{
	if (!c->config.name)
		return error_set(error, EXIT_USAGE, "NAME", "is missing (see domctl create help)");
	if (name_check(c->config.name, error))
		return -1;
	if (!c->kernel)
		return error_set(error, EXIT_USAGE, "--kernel",
				 "is missing (see domctl create help)");
	if (disk_name_all(c->disks, c->config.nr_disks, error) || finish_nics(c, error) ||
	    settle_huge(&c->config, error) ||
	    small_check(&c->config.small, c->config.nr_disks + c->config.nr_nics, is_taken, c,
			error) || settle_memory(&c->config, error) ||
	    settle_vcpus(&c->config, error))
		return -1;
	if (c->config.memory < c->config.max_memory && c->config.small.balloon != SMALL_YES)
		return error_set(error, EXIT_USAGE, "max-memory",
				 "takes a balloon, which the domain has not");
	if (!c->mode)
		c->mode = OPT_DETACH;
	c->config.tied = c->mode == OPT_WAIT;
	if (!c->counted)
		c->config.max_reboots = c->mode == OPT_WAIT ? DEFAULT_MAX_REBOOTS : UINT32_MAX;
	return 0;
}

int create_parse(struct ctx *ctx, const struct command *self, int argc, char **argv,
		 struct create *c)
{
	const char *path = NULL;
	int mode;

	c->config = (struct holder_config) {
		.initrd = -1,
		.cmdline = "",
		.disks = c->disks,
		.nics = c->nics,
	};
	c->escape = ATTACH_ESCAPE;
	c->timeout = CREATE_START_S;
	if (find_file(ctx, self, argc, argv, &path) ||
	    (path && read_file(c, path, &ctx->error)))
		return -1;
	mode = c->mode;
	c->mode = 0;
	if (read_line(ctx, self, argc, argv, c))
		return -1;
	if (!c->mode)
		c->mode = mode;
	return check(c, &ctx->error);
}

void create_free(struct create *c)
{
	for (size_t i = 0; i < c->config.nr_disks; i++)
		disk_free(&c->disks[i]);
	config_free(&c->file);
}
