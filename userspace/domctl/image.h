/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Kernel images: ELF64 executables and the bzImages that carry one.
 *
 * Nothing in an image is believed before it is checked. Errors read
 * "image: <what is wrong with it>". Knows files and memory, no domain.
 */
#ifndef DOMCTL_IMAGE_H
#define DOMCTL_IMAGE_H

#include <asm/domus_guest.h>
#include <stddef.h>
#include <stdint.h>

#include "error.h"

#define IMAGE_SEGMENTS_MAX 32

/**
 * struct image_host - what the hypervisor offers
 * @abi: major << 16 | minor
 * @features: bits
 */
struct image_host {
	uint32_t abi;
	uint64_t features;
};

/* A PT_LOAD segment; @offset is into the ELF file. */
struct image_segment {
	uint64_t vaddr;
	uint64_t paddr;
	uint64_t offset;
	uint64_t filesz;
	uint64_t memsz;
};

/**
 * struct image - an image that has been looked at
 * @fd: the ELF file, or -1 with @data
 * @data: the ELF file in memory
 * @owned: @data is freed by image_close()
 * @size: bytes of the ELF file
 * @note: what the image says of itself
 * @segments: in ascending order of paddr, disjoint
 * @nr: their number
 * @start: lowest paddr
 * @end: end of the highest segment
 * @hypercall_gpa: where note.hypercall_page lies
 */
struct image {
	int fd;
	uint8_t *data;
	int owned;
	uint64_t size;
	struct domus_image_note note;
	struct image_segment segments[IMAGE_SEGMENTS_MAX];
	unsigned int nr;
	uint64_t start;
	uint64_t end;
	uint64_t hypercall_gpa;
};

/**
 * image_open() - read headers and the note, decompress if need be
 * @fd: stays the caller's, and open until image_close()
 *
 * Return: 0, or -1 with @error and nothing to close.
 */
int image_open(struct image *image, int fd, struct error *error);

/* The same for a file in memory, which stays the caller's. */
int image_open_memory(struct image *image, const void *data, size_t size,
		      struct error *error);

/**
 * image_check() - is the image of our ABI, are its features offered, is its note sane?
 *
 * Finds @hypercall_gpa. Return: 0 or -1.
 */
int image_check(struct image *image, const struct image_host *host,
		struct error *error);

/**
 * image_load() - copy the segments
 * @memory: guest memory from 0 on, which is zero (bss is not cleared)
 * @size: bytes of it
 *
 * Return: 0, or -1 (does not fit, file shrank).
 */
int image_load(const struct image *image, void *memory, uint64_t size,
	       struct error *error);

void image_close(struct image *image);

/* Name of a feature bit, or NULL. */
const char *image_feature(unsigned int bit);

#endif /* DOMCTL_IMAGE_H */
