/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What domctl and a holder say to each other: a head, then data, as one message of
 * a SOCK_SEQPACKET socket. Both come from one build and one user; a holder that
 * outlives an upgrade of domctl is told by WIRE_VERSION.
 *
 *   over NAME.sock in the runtime directory:
 *     ATTACH (code: WIRE_VERSION, flags: WIRE_*) -> ATTACHED, or BUSY, or OTHER
 *     INPUT data                                    to the guest's console
 *     <- OUTPUT data                                history first,
 *     <- REPLAYED                                   then this, then what is new
 *     <- TAKEN                                      somebody else came with --force
 *     <- ENDED (code, reboots) text                 the domain is dead; all is said
 *   the same, from one that does not ATTACH and is then let go:
 *     AFFINITY (code: WIRE_VERSION, flags: WIRE_*, id: the domain's) wire_affinity
 *       -> AFFINITY wire_affinity, or FAILED
 *   over the socket pair of create and the holder that it forked:
 *     <- STARTED (id)                               the guest made its first call
 *     <- FAILED (code: exit status) what NUL why    it never will
 *     <- ENDED                                      as above, before the first call
 *     LEAVE                                         live on without the creator
 *     END text                                      destroy the domain, for this reason
 */
#ifndef DOMCTL_WIRE_H
#define DOMCTL_WIRE_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "cpus.h"
#include "error.h"

#define WIRE_VERSION	1
#define WIRE_DATA_MAX	4096

/* Flags of ATTACH */
#define WIRE_FORCE	(1 << 0)	/* take the console from who has it */
#define WIRE_WATCH	(1 << 1)	/* output only: takes it from nobody */

/* Flags of AFFINITY; without HARD and SOFT it only asks */
#define WIRE_HARD	(1 << 0)	/* @hard shall be so */
#define WIRE_SOFT	(1 << 1)	/* @soft shall be so */
#define WIRE_ALL	(1 << 2)	/* of @hard: as many of them as there are */

enum wire_type {
	WIRE_ATTACH = 1,
	WIRE_ATTACHED,
	WIRE_BUSY,
	WIRE_OTHER,
	WIRE_INPUT,
	WIRE_OUTPUT,
	WIRE_REPLAYED,
	WIRE_TAKEN,
	WIRE_ENDED,
	WIRE_STARTED,
	WIRE_FAILED,
	WIRE_LEAVE,
	WIRE_END,
	WIRE_AFFINITY,
};

struct wire_head {
	uint32_t type;
	uint32_t code;		/* of ENDED: enum domus_reason; REBOOT is a reboot loop */
	uint32_t flags;
	uint32_t id;
	uint32_t reboots;
};

struct wire {
	struct wire_head head;
	char data[WIRE_DATA_MAX + 1];	/* NUL terminated by wire_receive() */
	size_t size;			/* of data */
};

/**
 * struct wire_affinity - data of AFFINITY
 * @vcpu: whose
 * @softs: in an answer: the vCPUs that have a soft set, bit by bit
 * @hard: the CPUs that it may run on; in an answer those of them that are online
 * @soft: those that it prefers; empty: none
 */
struct wire_affinity {
	uint32_t vcpu;
	uint64_t softs;
	struct cpus hard;
	struct cpus soft;
};

/* Sends one message without waiting. Return: 0, or -1 with errno (EAGAIN: full). */
int wire_send(int fd, const struct wire_head *head, const void *data, size_t size);

/* Sends FAILED, if that can be. */
void wire_fail(int fd, const struct error *error);

/* What a FAILED says, from our own holder. */
void wire_failure(const struct wire *wire, struct error *error);

/* Receives one. Return: 1; 0: the other side is gone; -1: nothing there (EAGAIN). */
int wire_receive(int fd, struct wire *wire);

#endif /* DOMCTL_WIRE_H */
