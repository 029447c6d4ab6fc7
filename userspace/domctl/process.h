/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A domain's holder as a process of the host, seen from outside: its vCPU threads and
 * where they may run.
 *
 * Numbers of processes and threads may be another's a moment later: what is looked at is
 * held first, and asked after what was done whether it still is the one.
 */
#ifndef DOMCTL_PROCESS_H
#define DOMCTL_PROCESS_H

#include <asm/domus_guest.h>
#include <sys/types.h>

#include "cpus.h"
#include "nl.h"

/**
 * process_hold() - pin the process that holds a domain
 * @domain: as the module had it, and has it when the process has been pinned
 *
 * If it holds it still then, its number was no other's. Return: a file descriptor of the
 * process, or -1.
 */
int process_hold(struct control *control, const struct control_ref *ref,
		 struct control_domain *domain);

/**
 * struct process - a holder; process_close() it
 * @fd: of the process, readable when it has ended
 * @proc: its directory in /proc, which never becomes another's
 */
struct process {
	int fd;
	int proc;
};

/* As process_hold(). Return: 0, or -1: it has no holder that we see. */
int process_open(struct process *process, struct control *control,
		 const struct control_ref *ref, struct control_domain *domain,
		 struct error *error);
void process_close(struct process *process);

/* Anonymous memory that it has, also in swap, but for what it shares by KSM: in bytes. */
uint64_t process_memory(const struct process *process);

/**
 * struct process_vcpu - a vCPU as a thread of the host
 * @tid: 0: there is no such thread now, as in a dead domain
 * @cpu: the host's that it runs on, or ran on last
 * @affinity: those that it may run on
 */
struct process_vcpu {
	pid_t tid;
	unsigned int cpu;
	struct cpus affinity;
};

/* @vcpus: room for DOMUS_MAX_VCPUS. What cannot be found is not there. */
void process_vcpus(const struct process *process, struct process_vcpu *vcpus);

/**
 * process_set_whole() - have a thread run on some CPUs only, on all of these
 * @thread: one of our own, or another's; of it @tid and @affinity
 * @vcpu: its number, for the error
 * @cpus, @all: as process_pin() takes them
 *
 * The kernel takes the part that the cgroup has: a part is not what was wanted. Return: 0, also
 * when the thread has gone, or -1 with its affinity as it was.
 */
int process_set_whole(const struct process_vcpu *thread, uint32_t vcpu, const struct cpus *cpus,
		      bool all, struct error *error);

/**
 * process_pin() - have a vCPU run on some CPUs only
 * @vcpu: a number of one of the domain's
 * @cpus: not empty; CPUs that the host has
 * @all: no limit; @cpus are those that are online
 *
 * It holds until the domain ends, also over reboots. Return: 0, or -1 with nothing changed:
 * no permission, CPUs that the holder's cgroup has not, a domain that is dead.
 */
int process_pin(const struct process *process, struct control *control,
		const struct control_ref *ref, uint32_t vcpu, const struct cpus *cpus, bool all,
		struct error *error);

#endif /* DOMCTL_PROCESS_H */
