/* SPDX-License-Identifier: GPL-2.0-only */
/* What domctl create was asked for, by its command line and a configuration file. */
#ifndef DOMCTL_CREATE_H
#define DOMCTL_CREATE_H

#include <stdbool.h>
#include <stdint.h>

#include "config.h"
#include "disk.h"
#include "domctl.h"
#include "holder.h"
#include "nic.h"

enum {
	OPT_KERNEL = OPT_OWN, OPT_INITRD, OPT_APPEND, OPT_MEMORY, OPT_VCPUS, OPT_CONSOLE,
	OPT_DETACH, OPT_WAIT, OPT_TIMEOUT, OPT_LOG, OPT_MAX_REBOOTS, OPT_ESCAPE, OPT_DISK,
	OPT_FILE, OPT_NET, OPT_RNG, OPT_BALLOON, OPT_PORT, OPT_TERMINAL, OPT_PAUSED,
	OPT_VSOCK, OPT_WEIGHT, OPT_CAP, OPT_MAX_MEMORY, OPT_MEMORY_LIMIT, OPT_HUGETLB,
	OPT_THP, OPT_KSM, OPT_NUMA_NODE, OPT_MAX_VCPUS,
};

extern const struct opt create_opts[];

/**
 * struct create - what was asked
 * @config: @config.kernel and @config.initrd are not open yet
 * @mode: OPT_CONSOLE, OPT_DETACH or OPT_WAIT
 * @timeout: seconds; CREATE_START_S, of the start alone, unless it was given
 * @limited: it was given
 * @counted: max_reboots was given
 * @deadline: for cmd_create.c
 * @disks, @nics: of @config
 * @from_file, @nics_from_file: as many of them are from the configuration file
 * @no_net: --net none
 * @file: that file; what it says is pointed to
 * @name: what the domain is called after the file
 */
struct create {
	struct holder_config config;
	const char *kernel;
	const char *initrd;
	int mode;
	int escape;
	uint64_t timeout;
	bool limited;
	bool counted;
	int64_t deadline;
	struct disk disks[DOMUS_MAX_DEVICES];
	struct nic nics[DOMUS_MAX_DEVICES];
	size_t from_file;
	size_t nics_from_file;
	bool no_net;
	struct config file;
	char name[DOMUS_NAME_MAX + 1];
};

#define CREATE_START_S 60	/* for the first call of the guest */

/**
 * create_parse() - read the command line, and the file that it names
 * @c: zero; create_free() it in any case
 *
 * Return: 0, or -1 (an error, or help is wanted).
 */
int create_parse(struct ctx *ctx, const struct command *self, int argc, char **argv,
		 struct create *c);
void create_free(struct create *c);

#endif /* DOMCTL_CREATE_H */
