/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The holder keeps to soft affinities: it moves the vCPU threads that have one, by the rule of
 * soft.h, and answers who asks where they may run.
 *
 * Once a second, and only while some vCPU has a soft set, it looks at how long these have waited
 * for a CPU. A thread's own set is where it may run now, so the hard one is kept here. A set that
 * was not made here (taskset) is taken for a new hard one, unless it is the very same one; one that
 * comes in the moment between looking and moving is lost, which for domctl's own cannot be: it
 * tells us. With no CPU of a set online the host lets a thread go anywhere: that is nobody's word.
 *
 * All of it is for the holder's main thread.
 */
#ifndef DOMCTL_SOFTCPU_H
#define DOMCTL_SOFTCPU_H

#include <asm/domus_guest.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "cpus.h"
#include "wire.h"

struct soft_vcpu;

/**
 * struct softcpus - of one domain
 * @domain: its id
 * @tids: of its vCPU threads; 0: there is none
 * @timer: readable when it is time for softcpus_tick(); -1: no vCPU has a soft set
 * @online: CPUs, as they were when last looked at
 * @changed: others are, and not all vCPUs have been placed since
 * @vcpus: those with a soft set
 */
struct softcpus {
	uint32_t domain;
	pid_t tids[DOMUS_MAX_VCPUS];
	int timer;
	struct cpus online;
	bool changed;
	struct soft_vcpu *vcpus[DOMUS_MAX_VCPUS];
};

/* No thread, no soft set. */
void softcpus_init(struct softcpus *s);

/* The same again, of a domain whose threads have ended. */
void softcpus_end(struct softcpus *s);

/* @s->timer is readable. */
void softcpus_tick(struct softcpus *s);

/*
 * Answers an AFFINITY: another, or FAILED with nothing changed. One whose sender has gone
 * meanwhile does not count.
 */
void softcpus_serve(struct softcpus *s, int fd, const struct wire *wire);

#endif /* DOMCTL_SOFTCPU_H */
