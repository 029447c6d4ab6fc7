/* SPDX-License-Identifier: GPL-2.0-only */
/* What the programs of this directory share: contents that can be checked. */
#ifndef COMMON_H
#define COMMON_H

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* FNV-1a of @len bytes; checksum_more() goes on from an earlier value, 0 at first. */
uint32_t checksum_more(uint32_t sum, const void *data, size_t len);
uint32_t checksum(const void *data, size_t len);

/* Fill @len bytes (a multiple of 8) with what @seed and the offset say, or compare. */
void fill(void *data, size_t len, uint64_t seed);
bool filled(const void *data, size_t len, uint64_t seed);

/* Private anonymous memory of @n pages; ends the program when there is none. */
void *map_pages(size_t n);

/* A small generator, the same everywhere. */
uint32_t next_random(uint64_t *state);

/* The first line of a file of /proc or /sys, or NULL; and writing there. */
const char *read_knob(const char *path);
bool write_knob(const char *path, const char *value);

/*
 * Have @handler called for what a bad instruction may bring, on a stack of its own: the
 * code may have no use of the one that it was on.
 */
void catch_signals(void (*handler)(int signo, siginfo_t *info, void *context));

#endif /* COMMON_H */
