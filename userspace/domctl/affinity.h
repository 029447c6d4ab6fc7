/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Where vCPUs may run and where they would rather, asked of the holder, which keeps to it
 * (softcpu.h).
 */
#ifndef DOMCTL_AFFINITY_H
#define DOMCTL_AFFINITY_H

#include <stdbool.h>
#include <stdint.h>

#include "error.h"
#include "nl.h"
#include "wire.h"

/**
 * affinity_ask() - ask the holder, or tell it
 * @flags: WIRE_HARD, WIRE_SOFT: what of @affinity shall be so; WIRE_ALL; 0: nothing
 * @affinity: its @vcpu is one of the domain's; becomes what is so now
 *
 * Return: 0, or -1 with nothing changed: the holder does not answer (within 5 seconds), not us,
 * or refuses.
 */
int affinity_ask(const struct control_domain *domain, uint32_t flags,
		 struct wire_affinity *affinity, struct error *error);

/* As --soft-affinity takes it: CPUs of @online; all, none: an empty set. Return: 0, or -1. Pure. */
int affinity_parse_soft(const char *text, const struct cpus *online, struct cpus *soft,
			struct error *error);

/* The list of a soft set, or "none". Return: @text. Pure. */
const char *affinity_format_soft(char text[CPUS_TEXT], const struct cpus *soft);

#endif /* DOMCTL_AFFINITY_H */
