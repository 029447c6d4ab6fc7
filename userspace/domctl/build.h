/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The builder: puts an image and what it is started with into guest memory.
 *
 * uapi/PARA-API.md, section 2, is what it owes the guest. Pure: it writes into
 * memory that is handed in and reads files that are handed in.
 */
#ifndef DOMCTL_BUILD_H
#define DOMCTL_BUILD_H

#include "image.h"

/* The kernel's own limit is 2048; a page is what we set aside. */
#define BUILD_CMDLINE_MAX 4095

/**
 * struct build - what goes in
 * @memory: guest memory, zero, in our address space
 * @size: bytes of it, a multiple of 4 KiB
 * @least: what is loaded must fit into so much of it, as the guest has no more later
 * @image: opened and checked
 * @host: what the hypervisor offers
 * @cmdline: at most BUILD_CMDLINE_MAX bytes
 * @initrd: open file, or -1
 * @vcpus: that the guest may bring up
 */
struct build {
	void *memory;
	uint64_t size;
	uint64_t least;
	const struct image *image;
	struct image_host host;
	const char *cmdline;
	int initrd;
	uint32_t vcpus;
};

/* What DOMAIN_START is told. */
struct build_start {
	uint64_t rip;
	uint64_t rsi;
	uint64_t root_gpa;
	uint64_t hypercall_gpa;
	uint64_t vcpu_page_gpa;
	uint64_t event_page_gpa;
};

/* Return: 0 and @start, or -1 with @error; the memory's content is lost then. */
int build_domain(const struct build *build, struct build_start *start, struct error *error);

#endif /* DOMCTL_BUILD_H */
