/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The cgroup of a domain: version 2, with its holder and the host's workers for its devices
 * in it, made when a limit is asked for.
 *
 * It is domus.slice/NAME below the topmost cgroup that the caller may write to and is in:
 * the root for root, else what is delegated to a user, such as his service manager's.
 */
#ifndef DOMCTL_CGROUP_H
#define DOMCTL_CGROUP_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "error.h"
#include "limit.h"

/**
 * struct cgroup
 * @path: its directory, absolute
 * @name: where in @path its own name begins, as the kernel calls it: "/domus.slice/web"
 */
struct cgroup {
	char path[PATH_MAX];
	size_t name;
};

/**
 * cgroup_make() - make the cgroup of domain @name, with limits, and move its holder there
 * @pid: the holder, 0: the caller
 * @limits: at least one is said
 *
 * One that a killed holder has left is used again. Return: 0, or -1 with nothing left, and
 * the reason why there can be none.
 */
int cgroup_make(const char *name, pid_t pid, const struct limits *limits, struct cgroup *cgroup,
		struct error *error);

/**
 * cgroup_find() - the cgroup that domain @name has
 * @proc: directory of its holder in /proc
 *
 * Return: 0, or -1: it has none of its own.
 */
int cgroup_find(int proc, const char *name, struct cgroup *cgroup);

/* Changes what @limits says. Return: 0, or -1 with nothing changed. */
int cgroup_set(const struct cgroup *cgroup, const struct limits *limits, struct error *error);

/* The limits as they are; what cannot be read is not said. */
void cgroup_get(const struct cgroup *cgroup, struct limits *limits);

/**
 * struct cgroup_memory - what a cgroup has of the host's memory, in bytes
 * @counted: the others are known
 * @now: in memory, @files of it for pages of files, which the host can do without
 * @swapped: in swap, of @swap_max at most
 * @killed: how many of its processes the OOM killer has ended
 * @by_limit: how often its limit was the cause that one had to be
 */
struct cgroup_memory {
	bool counted;
	uint64_t now;
	uint64_t files;
	uint64_t swapped;
	uint64_t swap_max;
	uint64_t killed;
	uint64_t by_limit;
};

void cgroup_memory(const struct cgroup *cgroup, struct cgroup_memory *memory);

/*
 * Moves the host's workers for domain @id's devices from @from, where its holder was. Those
 * that cannot be moved stay.
 */
void cgroup_move_workers(uint32_t id, const struct cgroup *from, const struct cgroup *to);

/* Where the process of this directory in /proc is. Return: 0, or -1: it is not seen. */
int cgroup_of(int proc, struct cgroup *cgroup);

/* Where the caller is; cgroup_leave() goes back there. An empty path: nobody knows. */
void cgroup_here(struct cgroup *cgroup);

/**
 * cgroup_leave() - the holder of domain @name goes back to where it was
 * @id: the domain's, whose workers of the host go along: they stay while the file is open
 * @left: the domain's cgroup, to be removed when all have left it
 *
 * Return: a file that has POLLPRI whenever cgroup_remove() may do it, or -1: it is gone, or
 * there was none.
 */
int cgroup_leave(const char *name, uint32_t id, const struct cgroup *before,
		 struct cgroup *left);

/* Return: whether it is gone; then @events is closed. */
bool cgroup_remove(const struct cgroup *left, int events);

/* Waits for that. */
void cgroup_wait(const struct cgroup *left, int events, int ms);

/*
 * Removes those that killed holders have left, where the caller makes his. @name: that of a
 * domain whose holder has just ended: waits a moment for the host's workers in it.
 */
void cgroup_sweep(const char *name);

#endif /* DOMCTL_CGROUP_H */
