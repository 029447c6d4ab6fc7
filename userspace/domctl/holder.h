/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The holder: the process that owns a domain, its memory and its vCPU threads.
 *
 * It lives as long as the domain, and on after the domain's death so that reason
 * and console can be asked for, until somebody destroys it; but not longer than
 * a creator that waits for the end. kill -9 of it ends the domain.
 */
#ifndef DOMCTL_HOLDER_H
#define DOMCTL_HOLDER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "backing.h"
#include "error.h"
#include "limit.h"
#include "small.h"

struct disk;
struct nic;

/**
 * struct holder_config - the domain to be
 * @kernel: open file
 * @initrd: open file, or -1
 * @memory: what the guest is to go on with: the rest is asked back by the balloon
 * @max_memory: what the guest sees at its start
 * @backing: what its memory is made of
 * @vcpus: those of @max_vcpus that the guest is to have at first
 * @log: path, or NULL
 * @max_reboots: one more is a reboot loop and ends the domain
 * @disks, @nics: attached before the start; each has its name
 * @small: other devices, settled by small_check()
 * @limits: kept by a cgroup of the domain's own, if some are said
 * @paused: it is made so, before its first instruction
 * @tied: the domain ends when its creator goes away without LEAVE
 */
struct holder_config {
	const char *name;
	int kernel;
	int initrd;
	const char *cmdline;
	uint64_t memory;
	uint64_t max_memory;
	struct backing backing;
	uint32_t vcpus;
	uint32_t max_vcpus;
	const char *log;
	uint32_t max_reboots;
	const struct disk *disks;
	size_t nr_disks;
	const struct nic *nics;
	size_t nr_nics;
	struct small small;
	struct limits limits;
	bool paused;
	bool tied;
};

/* Process and socket of a holder that holder_fork() started; see wire.h. */
struct holder {
	pid_t pid;
	int socket;
};

/* Return: 0, or -1 when it could not even be forked. Its own failures come as FAILED. */
int holder_fork(const struct holder_config *config, struct holder *holder,
		struct error *error);

#endif /* DOMCTL_HOLDER_H */
