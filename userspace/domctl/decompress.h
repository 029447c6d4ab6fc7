/* SPDX-License-Identifier: GPL-2.0-only */
/* Payloads of a bzImage. Pure: memory in, memory out. */
#ifndef DOMCTL_DECOMPRESS_H
#define DOMCTL_DECOMPRESS_H

#include <stddef.h>
#include <stdint.h>

#include "error.h"

/* No kernel is that large; a trailer that says so is damaged. */
#define DECOMPRESS_MAX (1024UL * 1024 * 1024)

/**
 * decompress() - undo what the kernel's build did to vmlinux
 * @in: payload of a bzImage: compressed data (or a bare ELF), then the 32-bit
 *	size of what comes out
 * @size: bytes of it
 * @out: what comes out, for the caller to free()
 * @out_size: bytes of it
 *
 * Return: 0, or -1 with @error ("image: ...").
 */
int decompress(const uint8_t *in, size_t size, uint8_t **out, size_t *out_size,
	       struct error *error);

#endif /* DOMCTL_DECOMPRESS_H */
