/* SPDX-License-Identifier: GPL-2.0-only */
/* Which virtual CPUs a domain is to have: sets of them, and the wish for one. */
#ifndef DOMCTL_VCPUS_H
#define DOMCTL_VCPUS_H

#include <stdbool.h>
#include <stdint.h>

#include "cpus.h"
#include "error.h"
#include "nl.h"

#define VCPUS_WAIT_S 10		/* how long a guest may take, unless it is said */

/* Numbers and ranges: bit n of @vcpus is n. Return: 0, or -1 with EXIT_USAGE. Pure. */
int vcpus_parse(const char *text, uint64_t *vcpus, struct error *error);

/* The list of a set, in ascending order. Return: @text. Pure. */
const char *vcpus_format(char text[CPUS_TEXT], uint64_t vcpus);

/* --timeout. Return: 0, or -1 with EXIT_USAGE. */
int vcpus_parse_timeout(const char *text, uint64_t *seconds, struct error *error);

/* Has it all of these, and is it alive? Return: 0, or -1. Pure. */
int vcpus_check(const struct control_domain *domain, uint64_t vcpus, struct error *error);

/**
 * vcpus_want() - say which are wanted, and wait for the guest
 * @which: those that are meant, of those that there are
 * @wanted: of these: they are to be online, the others offline
 * @seconds: how long the guest may take
 * @followed: it has them so; unset: it does not listen, of which stderr was told
 *
 * Return: 0, or -1: refused, with nothing changed; or the guest has not followed, has ended, or
 * somebody else has said something else. What is wanted stays so then.
 */
int vcpus_want(struct control *control, const struct control_ref *ref, uint64_t which,
	       uint64_t wanted, uint64_t seconds, bool *followed, struct error *error);

#endif /* DOMCTL_VCPUS_H */
