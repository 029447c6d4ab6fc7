/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * load.h: a freestanding guest (selftests/guest) put into memory, for tests that are
 * their domain's holder themselves.
 */
#ifndef DOMUS_TEST_LOAD_H
#define DOMUS_TEST_LOAD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "messages.h"

/* What DOMAIN_START is told. */
struct load_start {
	uint64_t rip, rsi, root, hypercall, vcpu_page, event_page;
};

/*
 * Load the guest in file @path into @memory, which is all of the domain's, @size bytes of
 * zeros, with page tables and start info. The size is a multiple of 2 MiB.
 * Return: it is a guest, and fits
 */
bool load_guest(const char *path, void *memory, size_t size, unsigned int vcpus,
		const char *cmdline, struct load_start *start);

/* DOMAIN_START of the domain of this name. */
struct message load_message(const char *domain, const struct load_start *start);

#endif /* DOMUS_TEST_LOAD_H */
