// SPDX-License-Identifier: GPL-2.0-only
/*
 * image.c: kernel images.
 *
 *   1. reading pieces of the file
 *   2. bzImage: the boot header and the payload
 *   3. ELF: segments
 *   4. the domus note
 *   5. opening, checking, loading
 *
 * The file may be a vmlinux of a gigabyte, most of it debugging information: so
 * pieces are read as they are needed, and only what a bzImage decompresses to is
 * held in memory.
 */
#include <errno.h>
#include <gelf.h>
#include <inttypes.h>
#include <libelf.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "decompress.h"
#include "image.h"

#define PAGE 4096ULL
#define LARGE_PAGE (2ULL * 1024 * 1024)

/* More than any note section that a kernel has ever had. */
#define NOTES_MAX (1024 * 1024)
/* More than any compressed kernel. */
#define BZIMAGE_MAX (512ULL * 1024 * 1024)

static int bad(struct error *error, const char *why)
{
	return error_set(error, EXIT_REFUSED, "image", "%s", why);
}

/* ---- 1. Reading ----------------------------------------------------------- */

/* Exactly @size bytes at @offset of the ELF file. */
static int image_read(const struct image *image, uint64_t offset, void *to, uint64_t size,
		      struct error *error)
{
	uint64_t end;

	if (__builtin_add_overflow(offset, size, &end) || end > image->size)
		return bad(error, "truncated");
	if (image->fd < 0) {
		memcpy(to, image->data + offset, size);
		return 0;
	}
	while (size) {
		ssize_t n = pread(image->fd, to, size, (off_t)offset);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return error_errno(error, "image", "cannot be read", errno);
		if (!n)
			return bad(error, "truncated");
		to = (char *)to + n;
		offset += (uint64_t)n;
		size -= (uint64_t)n;
	}
	return 0;
}

/* ---- 2. bzImage ----------------------------------------------------------- */

/* Offsets of the boot header, from Documentation/x86/boot.rst */
#define BZ_SETUP_SECTS		0x1f1
#define BZ_BOOT_FLAG		0x1fe
#define BZ_MAGIC		0x202
#define BZ_VERSION		0x206
#define BZ_PAYLOAD_OFFSET	0x248
#define BZ_PAYLOAD_LENGTH	0x24c
#define BZ_HEADER_SIZE		0x250
#define BZ_SECTOR		512
#define BZ_VERSION_PAYLOAD	0x208	/* the first that says where the payload is */

static uint32_t le32_at(const uint8_t *p)
{
	return p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

static bool is_bzimage(const uint8_t *head, uint64_t size)
{
	return size >= BZ_HEADER_SIZE && head[BZ_BOOT_FLAG] == 0x55 &&
	       head[BZ_BOOT_FLAG + 1] == 0xaa && !memcmp(head + BZ_MAGIC, "HdrS", 4);
}

/* Puts the ELF file that a bzImage carries in its place. */
static int unpack_bzimage(struct image *image, const uint8_t *head, struct error *error)
{
	unsigned int version = head[BZ_VERSION] | (unsigned int)head[BZ_VERSION + 1] << 8;
	uint64_t sectors = head[BZ_SETUP_SECTS] ? head[BZ_SETUP_SECTS] : 4;
	uint64_t length = le32_at(head + BZ_PAYLOAD_LENGTH);
	uint64_t start = (sectors + 1) * BZ_SECTOR + le32_at(head + BZ_PAYLOAD_OFFSET);
	uint8_t *payload;
	uint8_t *elf;
	size_t elf_size;
	int result;

	if (version < BZ_VERSION_PAYLOAD)
		return error_set(error, EXIT_REFUSED, "image",
				 "bzImage of boot protocol %u.%02u: 2.08 is needed", version >> 8,
				 version & 0xff);
	if (!length || length > BZIMAGE_MAX)
		return error_set(error, EXIT_REFUSED, "image",
				 "bzImage is damaged: a payload of %" PRIu64 " bytes", length);
	/* Before the allocation: a header alone must not make us take the memory. */
	if (start + length > image->size)
		return bad(error, "truncated");
	payload = malloc(length);
	if (!payload)
		return bad(error, "no memory to read it");
	result = image_read(image, start, payload, length, error);
	if (!result)
		result = decompress(payload, length, &elf, &elf_size, error);
	free(payload);
	if (result)
		return -1;
	image->fd = -1;
	image->data = elf;
	image->owned = 1;
	image->size = elf_size;
	return 0;
}

/* ---- 3. ELF --------------------------------------------------------------- */

static int by_paddr(const void *a, const void *b)
{
	const struct image_segment *x = a;
	const struct image_segment *y = b;

	return (x->paddr > y->paddr) - (x->paddr < y->paddr);
}

static int add_segment(struct image *image, const GElf_Phdr *ph, struct error *error)
{
	uint64_t end;

	if (!ph->p_memsz)
		return 0;
	if (image->nr == IMAGE_SEGMENTS_MAX)
		return error_set(error, EXIT_REFUSED, "image", "more than %d segments",
				 IMAGE_SEGMENTS_MAX);
	if (ph->p_filesz > ph->p_memsz ||
	    __builtin_add_overflow(ph->p_paddr, ph->p_memsz, &end) ||
	    end > DOMUS_MEMORY_MAX)
		return error_set(error, EXIT_REFUSED, "image",
				 "segment at %#" PRIx64 " has an impossible size",
				 (uint64_t)ph->p_paddr);
	if (__builtin_add_overflow(ph->p_offset, ph->p_filesz, &end) || end > image->size)
		return bad(error, "truncated");
	image->segments[image->nr++] = (struct image_segment) {
		.vaddr = ph->p_vaddr,
		.paddr = ph->p_paddr,
		.offset = ph->p_offset,
		.filesz = ph->p_filesz,
		.memsz = ph->p_memsz,
	};
	return 0;
}

static int sort_segments(struct image *image, struct error *error)
{
	struct image_segment *s = image->segments;

	if (!image->nr)
		return bad(error, "no segment to load");
	qsort(s, image->nr, sizeof(*s), by_paddr);
	for (unsigned int i = 1; i < image->nr; i++)
		if (s[i].paddr < s[i - 1].paddr + s[i - 1].memsz)
			return error_set(error, EXIT_REFUSED, "image",
					 "segments overlap at %#" PRIx64, s[i].paddr);
	image->start = s[0].paddr;
	image->end = s[image->nr - 1].paddr + s[image->nr - 1].memsz;
	return 0;
}

/* ---- 4. The note ---------------------------------------------------------- */

static uint64_t align_up(uint64_t value, uint64_t align)
{
	return (value + align - 1) & ~(align - 1);
}

/*
 * Looks for our note in one PT_NOTE segment.
 * Return: 1 found, 0 not there, -1 error.
 */
static int scan_notes(struct image *image, const uint8_t *notes, uint64_t size, uint64_t align,
		      struct error *error)
{
	uint64_t at = 0;

	while (size - at >= sizeof(Elf64_Nhdr)) {
		Elf64_Nhdr nh;
		uint64_t name = at + sizeof(nh);
		uint64_t desc;

		memcpy(&nh, notes + at, sizeof(nh));
		/* Sizes have 32 bits, offsets 64: sums cannot overflow. */
		desc = align_up(name + nh.n_namesz, align);
		if (desc + nh.n_descsz > size)
			return bad(error, "a note that is longer than its segment");
		if (nh.n_type == DOMUS_NOTE_IMAGE && nh.n_namesz == sizeof(DOMUS_NOTE_NAME) &&
		    !memcmp(notes + name, DOMUS_NOTE_NAME, sizeof(DOMUS_NOTE_NAME))) {
			if (nh.n_descsz < sizeof(image->note))
				return error_set(error, EXIT_REFUSED, "image",
						 "domus note of %u bytes, not %zu", nh.n_descsz,
						 sizeof(image->note));
			memcpy(&image->note, notes + desc, sizeof(image->note));
			image->note.name[sizeof(image->note.name) - 1] = '\0';
			return 1;
		}
		at = align_up(desc + nh.n_descsz, align);
		if (at > size)
			break;
	}
	return 0;
}

static int find_note(struct image *image, const GElf_Phdr *ph, struct error *error)
{
	uint8_t *notes;
	int result;

	if (ph->p_filesz > NOTES_MAX)
		return bad(error, "notes of more than 1 MiB");
	notes = malloc(ph->p_filesz + 1);
	if (!notes)
		return bad(error, "no memory to read it");
	result = image_read(image, ph->p_offset, notes, ph->p_filesz, error);
	if (!result)
		result = scan_notes(image, notes, ph->p_filesz, ph->p_align == 8 ? 8 : 4, error);
	free(notes);
	return result;
}

static uint64_t map_end(const struct domus_image_note *note)
{
	return note->map_base + note->map_size;	/* 0 is the end of the address space */
}

/* The note's own words, before anything is compared with a host or a memory. */
static int check_note(struct image *image, struct error *error)
{
	const struct domus_image_note *note = &image->note;
	const uint64_t upper = 0xffff800000000000ULL;

	if (note->map_base % LARGE_PAGE || note->map_size % LARGE_PAGE || !note->map_size ||
	    note->map_base < upper || map_end(note) - 1 < note->map_base)
		return bad(error, "note: map_base and map_size are no 2 MiB aligned range of the "
			   "upper half");
	if (note->flags & ~(uint32_t)DOMUS_IMAGE_MAP_DIRECT)
		return error_set(error, EXIT_REFUSED, "image", "note: unknown flags %#x",
				 note->flags);
	if ((note->flags & DOMUS_IMAGE_MAP_DIRECT) &&
	    (note->direct_base % (1ULL << 30) || note->direct_base < upper))
		return bad(error, "note: direct_base is no 1 GiB aligned address of the upper half");
	if (note->entry < note->map_base || note->entry - note->map_base >= note->map_size)
		return bad(error, "note: the entry point lies outside of what is mapped");
	if (note->hypercall_page % PAGE)
		return bad(error, "note: the hypercall page is not aligned");
	for (unsigned int i = 0; i < image->nr; i++) {
		const struct image_segment *s = &image->segments[i];
		uint64_t offset = note->hypercall_page - s->vaddr;

		if (note->hypercall_page < s->vaddr || offset >= s->memsz)
			continue;
		image->hypercall_gpa = s->paddr + offset;
		if (image->hypercall_gpa % PAGE)
			break;
		/* The page belongs to the hypervisor: it must not run into what follows. */
		if (s->memsz - offset < PAGE)
			break;
		return 0;
	}
	return bad(error, "note: the hypercall page is no page of the image");
}

static const char *const features[] = {
	[DOMUS_F_COMMON_UPPER]		= "common-upper",
	[DOMUS_F_FLUSH_VCPU_MASK]	= "flush-vcpu-mask",
	[DOMUS_F_MULTICALL]		= "multicall",
	[DOMUS_F_FILL_HINT]		= "fill-hint",
	[DOMUS_F_FSGSBASE]		= "fsgsbase",
	[DOMUS_F_TSC_CLOCK]		= "tsc-clock",
	[DOMUS_F_CONSOLE]		= "console",
	[DOMUS_F_EVENTS]		= "events",
	[DOMUS_F_SMP]			= "smp",
	[DOMUS_F_DEVICES]		= "devices",
	[DOMUS_F_STEAL]			= "steal",
	[DOMUS_F_VCPU_WAIT]		= "vcpu-wait",
	[DOMUS_F_TIMER_PAGE]		= "timer-page",
	[DOMUS_F_FLUSH_LEAVES]		= "flush-leaves",
};

const char *image_feature(unsigned int bit)
{
	return bit < sizeof(features) / sizeof(*features) ? features[bit] : NULL;
}

/* ---- 5. Opening, checking, loading ---------------------------------------- */

static int check_header(const GElf_Ehdr *eh, struct error *error)
{
	if (eh->e_ident[EI_CLASS] != ELFCLASS64 || eh->e_ident[EI_DATA] != ELFDATA2LSB ||
	    eh->e_machine != EM_X86_64)
		return bad(error, "an ELF, but not for x86-64");
	if (eh->e_type != ET_EXEC && eh->e_type != ET_DYN)
		return bad(error, "an ELF, but not an executable");
	return 0;
}

static int parse_headers(struct image *image, Elf *elf, struct error *error)
{
	GElf_Ehdr eh;
	GElf_Phdr ph;
	size_t count;
	int found = 0;

	if (elf_kind(elf) != ELF_K_ELF || !gelf_getehdr(elf, &eh))
		return bad(error, "truncated");
	if (check_header(&eh, error))
		return -1;
	if (eh.e_phoff > image->size ||
	    (uint64_t)eh.e_phnum * eh.e_phentsize > image->size - eh.e_phoff)
		return bad(error, "truncated");
	if (elf_getphdrnum(elf, &count) || !count || count > UINT16_MAX)
		return bad(error, "no program headers");
	for (size_t i = 0; i < count; i++) {
		if (!gelf_getphdr(elf, (int)i, &ph))
			return bad(error, "truncated");
		/* The note comes first: a wrong kernel shall be told as that. */
		if (ph.p_type == PT_NOTE && !found)
			found = find_note(image, &ph, error);
		if (found < 0)
			return -1;
	}
	if (!found)
		return bad(error, "no domus note: not built for domus");
	for (size_t i = 0; i < count; i++) {
		if (!gelf_getphdr(elf, (int)i, &ph))
			return bad(error, "truncated");
		if (ph.p_type == PT_LOAD && add_segment(image, &ph, error))
			return -1;
	}
	return sort_segments(image, error);
}

static int parse_elf(struct image *image, struct error *error)
{
	Elf *elf;
	int result;

	if (elf_version(EV_CURRENT) == EV_NONE)
		return bad(error, "libelf is of another version");
	if (image->fd >= 0)
		elf = elf_begin(image->fd, ELF_C_READ, NULL);
	else
		elf = elf_memory((char *)image->data, image->size);
	if (!elf)
		return error_set(error, EXIT_REFUSED, "image", "cannot be read: %s",
				 elf_errmsg(-1));
	result = parse_headers(image, elf, error);
	elf_end(elf);
	return result;
}

static int open_any(struct image *image, struct error *error)
{
	uint8_t head[BZ_HEADER_SIZE] = { 0 };
	uint64_t length = image->size < sizeof(head) ? image->size : sizeof(head);

	if (!image->size)
		return bad(error, "is empty");
	if (image_read(image, 0, head, length, error))
		return -1;
	if (is_bzimage(head, length)) {
		if (unpack_bzimage(image, head, error) ||
		    image_read(image, 0, head, image->size < 4 ? image->size : 4, error))
			return -1;
	}
	if (memcmp(head, ELFMAG, SELFMAG) != 0)
		return bad(error, "not an ELF or bzImage");
	return parse_elf(image, error);
}

int image_open(struct image *image, int fd, struct error *error)
{
	struct stat st;

	*image = (struct image) { .fd = fd };
	if (fstat(fd, &st))
		return error_errno(error, "image", "cannot be read", errno);
	if (!S_ISREG(st.st_mode))
		return bad(error, "not a file");
	image->size = (uint64_t)st.st_size;
	if (!open_any(image, error))
		return 0;
	image_close(image);
	return -1;
}

int image_open_memory(struct image *image, const void *data, size_t size, struct error *error)
{
	/* Never written to: libelf's interface has no const. */
	*image = (struct image) {
		.fd = -1,
		.data = (uint8_t *)(uintptr_t)data,
		.size = size,
	};
	if (!open_any(image, error))
		return 0;
	image_close(image);
	return -1;
}

int image_check(struct image *image, const struct image_host *host, struct error *error)
{
	const struct domus_image_note *note = &image->note;
	unsigned int major = host->abi >> 16;
	unsigned int minor = host->abi & 0xffff;
	uint64_t lacking = note->required & ~host->features;

	if (note->abi_major != major)
		return error_set(error, EXIT_REFUSED, "image", "needs ABI %u.x, host offers %u.%u",
				 note->abi_major, major, minor);
	if (note->abi_minor > minor)
		return error_set(error, EXIT_REFUSED, "image", "needs ABI %u.%u, host offers %u.%u",
				 note->abi_major, note->abi_minor, major, minor);
	if (lacking) {
		unsigned int bit = (unsigned int)__builtin_ctzll(lacking);
		char unknown[24];

		snprintf(unknown, sizeof(unknown), "bit %u", bit);
		return error_set(error, EXIT_REFUSED, "image",
				 "needs feature %s which this host lacks",
				 image_feature(bit) ? image_feature(bit) : unknown);
	}
	/* The rest of the note has a meaning only under an ABI that we know. */
	return check_note(image, error);
}

int image_load(const struct image *image, void *memory, uint64_t size, struct error *error)
{
	for (unsigned int i = 0; i < image->nr; i++) {
		const struct image_segment *s = &image->segments[i];

		if (s->paddr > size || s->memsz > size - s->paddr)
			return error_set(error, EXIT_REFUSED, "image",
					 "needs %" PRIu64 " MiB, domain has %" PRIu64 " MiB",
					 align_up(image->end, 1 << 20) >> 20, size >> 20);
		if (image_read(image, s->offset, (char *)memory + s->paddr, s->filesz, error))
			return -1;
	}
	return 0;
}

void image_close(struct image *image)
{
	if (image->owned)
		free(image->data);
	image->data = NULL;
	image->owned = 0;
}
