// SPDX-License-Identifier: GPL-2.0-only
/* links: userspace/domctl/image.c userspace/domctl/decompress.c userspace/domctl/build.c */
/* links: userspace/domctl/error.c userspace/domctl/size.c */
/* libs: -lelf -lz -llzma -llz4 -lzstd */
/*
 * domctl's image loader and builder.
 *
 *   1. reporting
 *   2. images made for the test, and what is done to them
 *   3. what must work
 *   4. what must be refused, each with its line
 *   5. damage at random
 *   6. sizes, numbers, names
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <elf.h>
#include <lz4.h>
#include <lzma.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include <zlib.h>
#include <zstd.h>

#include "build.h"
#include "image.h"
#include "size.h"
#include "report.h"

#define MIB (1024ULL * 1024)
#define PAGE 4096ULL

/* ---- 1. Reporting --------------------------------------------------------- */

/* One refusal: the whole line, and the status. */
static void refused(const struct error *error, int status, const char *line)
{
	char got[2048];

	snprintf(got, sizeof(got), "%s: %s", error->what, error->why);
	ok(error->status == status && !strcmp(got, line), "refused: %s", line);
	if (error->status != status || strcmp(got, line) != 0)
		printf("# got %d: %s\n", error->status, got);
}

/* ---- 2. Images ------------------------------------------------------------ */

#define MAP_BASE	0xffffffff80000000ULL
#define DIRECT_BASE	0xffff888000000000ULL
#define TEXT_PADDR	(1 * MIB)
#define TEXT_SIZE	(2 * PAGE)
#define BSS_SIZE	(3 * PAGE)
#define FILE_SIZE	(64 * 1024)

static const struct image_host host = {
	.abi = DOMUS_ABI_MAJOR << 16 | DOMUS_ABI_MINOR,
	.features = 0xff,
};

/* struct sample - an ELF file with a note and one segment, open to abuse */
struct sample {
	Elf64_Ehdr eh;
	Elf64_Phdr ph[3];	/* note, load, spare */
	Elf64_Nhdr nh;
	char name[8];
	struct domus_image_note note;
	uint8_t pad[PAGE - sizeof(Elf64_Ehdr) - 3 * sizeof(Elf64_Phdr) - sizeof(Elf64_Nhdr) - 8 -
		    sizeof(struct domus_image_note)];
	uint8_t text[TEXT_SIZE];
} __attribute__((packed));	/* notes are aligned to 4 bytes, not 8 */

static struct sample good(void)
{
	struct sample s = {
		.eh = {
			.e_ident = { 0x7f, 'E', 'L', 'F', ELFCLASS64, ELFDATA2LSB, EV_CURRENT },
			.e_type = ET_EXEC, .e_machine = EM_X86_64, .e_version = EV_CURRENT,
			.e_phoff = sizeof(Elf64_Ehdr), .e_ehsize = sizeof(Elf64_Ehdr),
			.e_phentsize = sizeof(Elf64_Phdr), .e_phnum = 2,
		},
		.ph[0] = {
			.p_type = PT_NOTE, .p_offset = offsetof(struct sample, nh),
			.p_filesz = sizeof(Elf64_Nhdr) + 8 + sizeof(struct domus_image_note),
			.p_align = 4,
		},
		.ph[1] = {
			.p_type = PT_LOAD, .p_offset = offsetof(struct sample, text),
			.p_vaddr = MAP_BASE + TEXT_PADDR, .p_paddr = TEXT_PADDR,
			.p_filesz = TEXT_SIZE, .p_memsz = TEXT_SIZE + BSS_SIZE, .p_align = PAGE,
		},
		.nh = {
			.n_namesz = sizeof(DOMUS_NOTE_NAME),
			.n_descsz = sizeof(struct domus_image_note), .n_type = DOMUS_NOTE_IMAGE,
		},
		.name = DOMUS_NOTE_NAME,
		.note = {
			.abi_major = DOMUS_ABI_MAJOR, .abi_minor = DOMUS_ABI_MINOR,
			.required = 1, .entry = MAP_BASE + TEXT_PADDR + 16,
			.hypercall_page = MAP_BASE + TEXT_PADDR + PAGE,
			.map_base = MAP_BASE, .map_size = 512 * MIB,
			.direct_base = DIRECT_BASE, .flags = DOMUS_IMAGE_MAP_DIRECT,
			.name = "test",
		},
	};

	for (size_t i = 0; i < sizeof(s.text); i++)
		s.text[i] = (uint8_t)(i * 7 + i / 256);
	return s;
}

/* Exactly as large as the file, so that ASan sees every byte beyond it. */
static uint8_t *exact(const void *data, size_t size)
{
	uint8_t *copy = malloc(size ? size : 1);

	memcpy(copy, data, size);
	return copy;
}

static uint32_t le32(const void *p)
{
	uint32_t v;

	memcpy(&v, p, 4);
	return v;
}

typedef size_t packer(const uint8_t *in, size_t size, uint8_t *out, size_t room);

static size_t pack_none(const uint8_t *in, size_t size, uint8_t *out, size_t room)
{
	(void)room;
	memcpy(out, in, size);
	return size;
}

static size_t pack_gzip(const uint8_t *in, size_t size, uint8_t *out, size_t room)
{
	z_stream z = { .next_in = (Bytef *)(uintptr_t)in, .avail_in = (uInt)size,
		       .next_out = out, .avail_out = (uInt)room };

	deflateInit2(&z, 9, Z_DEFLATED, 16 + MAX_WBITS, 9, Z_DEFAULT_STRATEGY);
	deflate(&z, Z_FINISH);
	deflateEnd(&z);
	return z.total_out - 4;	/* wrap() adds the size again: it is the same one */
}

/* As the kernel's scripts/xz_wrap.sh: BCJ for x86, CRC32. */
static size_t pack_xz(const uint8_t *in, size_t size, uint8_t *out, size_t room)
{
	lzma_options_lzma lzma;
	lzma_filter filters[] = {
		{ .id = LZMA_FILTER_X86 }, { .id = LZMA_FILTER_LZMA2, .options = &lzma },
		{ .id = LZMA_VLI_UNKNOWN },
	};
	size_t at = 0;

	lzma_lzma_preset(&lzma, 6);
	if (lzma_stream_buffer_encode(filters, LZMA_CHECK_CRC32, NULL, in, size, out, &at, room))
		abort();
	return at;
}

static size_t pack_lz4(const uint8_t *in, size_t size, uint8_t *out, size_t room)
{
	size_t at = 4;

	memcpy(out, "\002\041\114\030", 4);
	for (size_t done = 0; done < size;) {
		/* Two blocks and more, as the tool makes them of 8 MiB each. */
		size_t part = size - done < 5000 ? size - done : 5000;
		int n = LZ4_compress_default((const char *)in + done, (char *)out + at + 4,
					     (int)part, (int)(room - at - 4));

		memcpy(out + at, &n, 4);
		at += 4 + (size_t)n;
		done += part;
	}
	return at;
}

/* As the tool: with a checksum. */
static size_t pack_zstd(const uint8_t *in, size_t size, uint8_t *out, size_t room)
{
	ZSTD_CCtx *c = ZSTD_createCCtx();
	size_t n;

	ZSTD_CCtx_setParameter(c, ZSTD_c_checksumFlag, 1);
	n = ZSTD_compress2(c, out, room, in, size);
	ZSTD_freeCCtx(c);
	return n;
}

#define SECTORS 4
#define BODY ((SECTORS + 1) * 512)
#define PAYLOAD_OFFSET 100

/* A bzImage around @in. Return: its size. */
static size_t wrap(packer *pack, const void *in, size_t size, uint8_t *out)
{
	uint32_t original = (uint32_t)size;
	uint32_t offset = PAYLOAD_OFFSET;
	uint32_t length;

	memset(out, 0, FILE_SIZE);
	length = (uint32_t)pack(in, size, out + BODY + PAYLOAD_OFFSET,
				FILE_SIZE - BODY - PAYLOAD_OFFSET - 16) + 4;
	memcpy(out + BODY + PAYLOAD_OFFSET + length - 4, &original, 4);
	out[0x1f1] = SECTORS;
	out[0x1fe] = 0x55;
	out[0x1ff] = 0xaa;
	memcpy(out + 0x202, "HdrS\x0f\x02", 6);
	memcpy(out + 0x248, &offset, 4);
	memcpy(out + 0x24c, &length, 4);
	return BODY + PAYLOAD_OFFSET + length + 20;
}

/* ---- 3. What must work ---------------------------------------------------- */

struct built {
	uint8_t *memory;
	uint64_t size;
	struct build_start start;
	struct error error;
};

static struct built build_it(const struct sample *s, uint64_t size, const char *cmdline,
			     int initrd)
{
	struct built b = { .size = size };
	uint8_t *copy = exact(s, sizeof(*s));
	struct image image;

	b.memory = mmap(NULL, size, PROT_READ | PROT_WRITE,
			MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (!image_open_memory(&image, copy, sizeof(*s), &b.error)) {
		struct build in = {
			.memory = b.memory, .size = size, .image = &image, .host = host,
			.cmdline = cmdline, .initrd = initrd, .vcpus = 2,
		};

		if (!image_check(&image, &host, &b.error))
			build_domain(&in, &b.start, &b.error);
		image_close(&image);
	}
	free(copy);
	return b;
}

static void unbuild(struct built *b)
{
	munmap(b->memory, b->size);
}

/* What the built tables say about @va: gpa, or ~0; flags in *@flags. */
static uint64_t walk(const struct built *b, uint64_t va, uint64_t *flags)
{
	uint64_t table = b->start.root_gpa;

	for (int shift = 39;; shift -= 9) {
		uint64_t entry;

		memcpy(&entry, b->memory + table + (va >> shift) % 512 * 8, 8);
		if (!(entry & 1))
			return ~0ULL;
		*flags = entry & 0x8000000000000fffULL;
		table = entry & 0x000ffffffffff000ULL;
		if (shift == 12 || entry & 0x80)
			return table + (va & ((1ULL << shift) - 1));
	}
}

static bool memmap_is_sound(const struct built *b, const struct domus_start_info *info)
{
	uint64_t at = 0;

	for (uint32_t i = 0; i < info->memmap_count; i++) {
		if (info->memmap[i].start != at || !info->memmap[i].size ||
		    info->memmap[i].start % PAGE || info->memmap[i].size % PAGE)
			return false;
		at += info->memmap[i].size;
	}
	return at == b->size;
}

static uint32_t type_of(const struct domus_start_info *info, uint64_t gpa)
{
	for (uint32_t i = 0; i < info->memmap_count; i++)
		if (gpa - info->memmap[i].start < info->memmap[i].size)
			return info->memmap[i].type;
	return 0;
}

static void test_build(uint64_t size)
{
	static const char cmdline[] = "console=hvc0 quiet";
	struct sample s = good();
	int initrd = memfd_create("initrd", 0);
	struct domus_start_info info;
	uint64_t flags = 0;
	uint64_t last = size - PAGE;
	struct built b;

	if (write(initrd, "initrd!", 7) != 7)
		abort();
	b = build_it(&s, size, cmdline, initrd);
	ok(!b.error.status, "builds in %llu KiB", (unsigned long long)(size / 1024));
	if (b.error.status) {
		printf("# %s: %s\n", b.error.what, b.error.why);
		return;
	}
	memcpy(&info, b.memory + (b.start.rsi - MAP_BASE), sizeof(info));
	ok(info.magic == DOMUS_START_MAGIC && info.size == sizeof(info) && info.vcpus == 2 &&
	   info.memory == size && info.features == host.features && info.abi_major == 1,
	   "start info says what is");
	ok(memmap_is_sound(&b, &info), "memory map: sorted, without gaps, covers all");
	ok(type_of(&info, 0) == DOMUS_MEM_RAM && type_of(&info, TEXT_PADDR) == DOMUS_MEM_IMAGE &&
	   type_of(&info, TEXT_PADDR + TEXT_SIZE + BSS_SIZE - 1) == DOMUS_MEM_IMAGE &&
	   type_of(&info, info.root_gpa) == DOMUS_MEM_BOOT &&
	   type_of(&info, info.event_page_gpa) == DOMUS_MEM_BOOT &&
	   type_of(&info, info.vcpu_page_gpa) == DOMUS_MEM_BOOT &&
	   type_of(&info, info.cmdline_gpa) == DOMUS_MEM_BOOT &&
	   type_of(&info, info.initrd_gpa) == DOMUS_MEM_BOOT, "memory map: types");
	ok(!strcmp((char *)b.memory + info.cmdline_gpa, cmdline) &&
	   info.cmdline_len == strlen(cmdline), "command line");
	ok(info.initrd_size == 7 && !memcmp(b.memory + info.initrd_gpa, "initrd!", 7) &&
	   info.initrd_gpa % PAGE == 0, "initrd");
	ok(!memcmp(b.memory + TEXT_PADDR, s.text, TEXT_SIZE), "segment");
	ok(b.start.hypercall_gpa == TEXT_PADDR + PAGE && b.start.rip == s.note.entry,
	   "entry point and hypercall page");
	ok(walk(&b, MAP_BASE, &flags) == 0 && (flags & 0x7f) == 0x63 && !(flags >> 63) &&
	   walk(&b, b.start.rsi, &flags) == b.start.rsi - MAP_BASE,
	   "map_base: readable, writable, executable, accessed, dirty, not user");
	ok(walk(&b, DIRECT_BASE + last, &flags) == last && (flags & 0x7f) == 0x63 && flags >> 63,
	   "direct_base: the last page, not executable");
	ok(walk(&b, DIRECT_BASE + size, &flags) == ~0ULL, "direct_base: nothing beyond");
	ok(walk(&b, MAP_BASE + size, &flags) == ~0ULL, "map_base: nothing beyond");
	ok(walk(&b, 0xffff800000000000ULL, &flags) == ~0ULL && walk(&b, 0, &flags) == ~0ULL,
	   "nothing in the hypervisor's slot, nothing in the lower half");
	unbuild(&b);
	close(initrd);
}

static void test_formats(void)
{
	static const struct {
		const char *name;
		packer *pack;
	} formats[] = {
		{ "uncompressed", pack_none }, { "gzip", pack_gzip }, { "xz", pack_xz },
		{ "lz4", pack_lz4 }, { "zstd", pack_zstd },
	};
	const struct sample s = good();
	uint8_t *file = malloc(FILE_SIZE);

	for (size_t i = 0; i < sizeof(formats) / sizeof(*formats); i++) {
		size_t size = wrap(formats[i].pack, &s, sizeof(s), file);
		struct error error = { 0 };
		struct image image;
		uint8_t *copy;

		copy = exact(file, size);
		ok(!image_open_memory(&image, copy, size, &error) &&
		   image.size == sizeof(s) && !memcmp(image.data, &s, sizeof(s)),
		   "bzImage: %s", formats[i].name);
		if (error.status)
			printf("# %s: %s\n", error.what, error.why);
		else
			image_close(&image);
		free(copy);

		/* Cut in the middle of the payload, and before the header's end. */
		for (int cut = 0; cut < 2; cut++) {
			size_t part = cut ? 0x240 : BODY + PAYLOAD_OFFSET + 200;

			error = (struct error) { 0 };
			copy = exact(file, part);
			image_open_memory(&image, copy, part, &error);
			refused(&error, EXIT_REFUSED, cut ? "image: not an ELF or bzImage" :
							    "image: truncated");
			free(copy);
		}
		/* Whole, but with damage in the middle. */
		error = (struct error) { 0 };
		copy = exact(file, size);
		memset(copy + BODY + PAYLOAD_OFFSET + 60, 0xee, 40);
		ok(image_open_memory(&image, copy, size, &error) || formats[i].pack == pack_none,
		   "damaged %s payload is refused", formats[i].name);
		if (!error.status)
			image_close(&image);
		free(copy);
	}
	free(file);
}

static void test_file(void)
{
	const struct sample s = good();
	int fd = memfd_create("image", 0);
	struct error error = { 0 };
	struct image image;
	uint8_t *memory = calloc(1, 2 * MIB);

	if (write(fd, &s, sizeof(s)) != (ssize_t)sizeof(s))
		abort();
	ok(!image_open(&image, fd, &error) && !image_check(&image, &host, &error) &&
	   !image_load(&image, memory, 2 * MIB, &error) &&
	   !memcmp(memory + TEXT_PADDR, s.text, TEXT_SIZE), "from a file");
	/* What happens when make rebuilds it between two reboots. */
	if (ftruncate(fd, 100))
		abort();
	ok(image_load(&image, memory, 2 * MIB, &error) < 0, "a file that shrinks is noticed");
	refused(&error, EXIT_REFUSED, "image: truncated");
	image_close(&image);
	close(fd);
	free(memory);
}

/* ---- 4. What must be refused ---------------------------------------------- */

static void refuse_bytes(const void *data, size_t size, const char *line)
{
	struct error error = { 0 };
	uint8_t *copy = exact(data, size);
	struct image image;

	if (!image_open_memory(&image, copy, size, &error)) {
		image_check(&image, &host, &error);
		image_close(&image);
	}
	refused(&error, EXIT_REFUSED, line);
	free(copy);
}

#define REFUSE(change, line) do {				\
	struct sample s = good();				\
	change;							\
	refuse_bytes(&s, sizeof(s), line);			\
} while (0)

static void test_bad_files(void)
{
	struct sample s = good();
	uint8_t zeros[1024] = { 0 };

	refuse_bytes("", 0, "image: is empty");
	refuse_bytes("#!/bin/sh\nexit 0\n", 17, "image: not an ELF or bzImage");
	refuse_bytes(zeros, sizeof(zeros), "image: not an ELF or bzImage");
	refuse_bytes("\177ELF", 4, "image: truncated");
	refuse_bytes(&s, sizeof(s.eh), "image: truncated");
	refuse_bytes(&s, sizeof(s.eh) + 40, "image: truncated");
	refuse_bytes(&s, offsetof(struct sample, note), "image: truncated");
	refuse_bytes(&s, sizeof(s) - 1, "image: truncated");
	REFUSE(s.eh.e_ident[EI_CLASS] = ELFCLASS32, "image: an ELF, but not for x86-64");
	REFUSE(s.eh.e_machine = EM_AARCH64, "image: an ELF, but not for x86-64");
	REFUSE(s.eh.e_type = ET_REL, "image: an ELF, but not an executable");
	REFUSE(s.eh.e_phnum = 0, "image: no program headers");
	REFUSE(s.eh.e_phoff = ~0ULL, "image: truncated");
	REFUSE(s.eh.e_phnum = 60000, "image: truncated");
}

static void test_bad_segments(void)
{
	REFUSE(s.ph[1].p_type = PT_NULL, "image: no segment to load");
	REFUSE(s.ph[1].p_memsz = 0, "image: no segment to load");
	REFUSE(s.ph[1].p_filesz = ~0ULL, "image: segment at 0x100000 has an impossible size");
	REFUSE(s.ph[1].p_memsz = ~0ULL, "image: segment at 0x100000 has an impossible size");
	REFUSE(s.ph[1].p_paddr = ~0ULL - 5,
	       "image: segment at 0xfffffffffffffffa has an impossible size");
	REFUSE(s.ph[1].p_paddr = 1ULL << 50,
	       "image: segment at 0x4000000000000 has an impossible size");
	REFUSE(s.ph[1].p_offset = ~0ULL, "image: truncated");
	REFUSE(s.ph[1].p_offset = sizeof(s) - 10, "image: truncated");
	REFUSE((s.ph[2] = s.ph[1], s.ph[2].p_paddr += 64, s.eh.e_phnum = 3),
	       "image: segments overlap at 0x100040");
}

static void test_bad_notes(void)
{
	static const char none[] = "image: no domus note: not built for domus";
	static const char range[] = "image: note: map_base and map_size are no 2 MiB aligned "
				    "range of the upper half";

	REFUSE(s.name[0] = 'D', none);
	REFUSE(s.nh.n_type = 2, none);
	REFUSE(s.nh.n_namesz = 5, none);
	REFUSE(s.ph[0].p_type = PT_NULL, none);
	REFUSE(s.ph[0].p_filesz = 0, none);
	REFUSE(s.ph[0].p_filesz = 11, none);
	REFUSE(s.nh.n_descsz = 20, "image: domus note of 20 bytes, not 80");
	REFUSE(s.nh.n_descsz = ~0U, "image: a note that is longer than its segment");
	REFUSE(s.nh.n_namesz = ~0U, "image: a note that is longer than its segment");
	REFUSE(s.ph[0].p_filesz = 2 * MIB, "image: notes of more than 1 MiB");
	REFUSE(s.ph[0].p_offset = sizeof(s) - 4, "image: truncated");
	REFUSE(s.note.abi_major = 2, "image: needs ABI 2.x, host offers 1.0");
	REFUSE(s.note.abi_minor = 7, "image: needs ABI 1.7, host offers 1.0");
	REFUSE(s.note.required = 1ULL << DOMUS_F_DEVICES,
	       "image: needs feature devices which this host lacks");
	REFUSE(s.note.required = ~0ULL, "image: needs feature smp which this host lacks");
	REFUSE(s.note.required = 1ULL << 63, "image: needs feature bit 63 which this host lacks");
	REFUSE(s.note.map_base += PAGE, range);
	REFUSE(s.note.map_base = 0, range);
	REFUSE(s.note.map_base = 0x400000, range);
	REFUSE(s.note.map_size = 0, range);
	REFUSE(s.note.map_size = 1ULL << 40, range);
	REFUSE(s.note.flags = 0x80, "image: note: unknown flags 0x80");
	REFUSE(s.note.direct_base = 0x1000,
	       "image: note: direct_base is no 1 GiB aligned address of the upper half");
	REFUSE(s.note.entry = 0x1000, "image: note: the entry point lies outside of what is mapped");
	REFUSE(s.note.hypercall_page += 8, "image: note: the hypercall page is not aligned");
	REFUSE(s.note.hypercall_page = MAP_BASE,
	       "image: note: the hypercall page is no page of the image");
	REFUSE(s.note.hypercall_page += 16 * PAGE,
	       "image: note: the hypercall page is no page of the image");
	REFUSE((s.ph[1].p_memsz = TEXT_SIZE - 8, s.ph[1].p_filesz = TEXT_SIZE - 8),
	       "image: note: the hypercall page is no page of the image");
}

static void refuse_build(struct sample *s, uint64_t size, const char *cmdline, int initrd,
			 int status, const char *line)
{
	struct built b = build_it(s, size, cmdline, initrd);

	refused(&b.error, status, line);
	unbuild(&b);
}

static void test_bad_builds(void)
{
	int large = memfd_create("initrd", 0);
	int empty = memfd_create("empty", 0);
	char line[BUILD_CMDLINE_MAX + 2];
	struct sample s = good();

	memset(line, 'x', sizeof(line) - 1);
	line[sizeof(line) - 1] = '\0';
	refuse_build(&s, 2 * MIB, line, -1, EXIT_USAGE, "append: is longer than 4095 bytes");
	refuse_build(&s, 1 * MIB, "", -1, EXIT_REFUSED, "image: needs 2 MiB, domain has 1 MiB");
	refuse_build(&s, TEXT_PADDR + TEXT_SIZE + BSS_SIZE, "", -1, EXIT_REFUSED,
		     "image: needs 2 MiB, domain has 1 MiB");
	refuse_build(&s, 2 * MIB, "", empty, EXIT_REFUSED, "initrd: is empty");
	if (ftruncate(large, 20 * MIB))
		abort();
	refuse_build(&s, 16 * MIB, "", large, EXIT_REFUSED,
		     "initrd: needs 22 MiB with the image, domain has 16 MiB");
	s.note.flags = 0;
	s.note.map_size = 2 * MIB;
	refuse_build(&s, 64 * MIB, "", large, EXIT_REFUSED,
		     "initrd: of 20 MiB does not fit into what the image maps");
	s.note.entry = MAP_BASE + 2 * MIB - 8;
	s.note.map_size = 64 * MIB;
	refuse_build(&s, 2 * MIB - PAGE, "", -1, EXIT_REFUSED,
		     "image: needs 2 MiB, domain has 1 MiB");
	s = good();
	s.note.map_size = 2 * MIB;
	s.ph[1].p_memsz = 1 * MIB;
	refuse_build(&s, 64 * MIB, "", -1, EXIT_REFUSED,
		     "image: leaves no room behind itself in its own mapping");
	s = good();
	s.note.direct_base = MAP_BASE;
	refuse_build(&s, 16 * MIB, "", -1, EXIT_REFUSED,
		     "image: note: its two mappings overlap");
	s.note.direct_base = 0xffff800000000000ULL;
	refuse_build(&s, 16 * MIB, "", -1, EXIT_REFUSED,
		     "image: note: a mapping lies in the hypervisor's slot");
	s.note.direct_base = 0xffffffffc0000000ULL;
	refuse_build(&s, 4096 * MIB, "", -1, EXIT_REFUSED,
		     "image: note: no room for all memory at direct_base");
	close(large);
	close(empty);
}

static void test_bad_bzimages(void)
{
	const struct sample s = good();
	uint8_t *file = malloc(FILE_SIZE);
	size_t size = wrap(pack_gzip, &s, sizeof(s), file);
	uint8_t *payload = file + BODY + PAYLOAD_OFFSET;
	uint32_t length = le32(file + 0x24c);

	file[0x206] = 7;
	refuse_bytes(file, size, "image: bzImage of boot protocol 2.07: 2.08 is needed");
	file[0x206] = 15;
	memset(file + 0x24c, 0, 4);
	refuse_bytes(file, size, "image: bzImage is damaged: a payload of 0 bytes");
	memset(file + 0x24c, 0xff, 4);
	refuse_bytes(file, size, "image: bzImage is damaged: a payload of 4294967295 bytes");
	memcpy(file + 0x24c, &length, 4);
	memset(file + 0x248, 0xff, 4);
	refuse_bytes(file, size, "image: truncated");
	memset(file + 0x248, 0, 4);
	refuse_bytes(file, size, "image: bzImage with a payload of no known format");
	file[0x248] = PAYLOAD_OFFSET;
	memset(payload + length - 4, 0xff, 4);
	refuse_bytes(file, size, "image: bzImage is damaged: a payload of 4294967295 bytes");
	memset(payload + length - 4, 0, 4);
	refuse_bytes(file, size, "image: bzImage is damaged: a payload of 0 bytes");
	memcpy(payload, "BZh", 3);
	refuse_bytes(file, size, "image: bzImage with a payload in bzip2: domctl reads gzip, xz, "
		     "lz4, zstd and uncompressed ones");
	/* A wrong size in the trailer, of a format that does not hold it itself. */
	size = wrap(pack_zstd, &s, sizeof(s), file);
	length = le32(file + 0x24c);
	payload[length - 4] ^= 1;
	refuse_bytes(file, size,
		     "image: bzImage is damaged: its zstd payload does not decompress");
	size = wrap(pack_none, "\177ELF but no more than that", 26, file);
	refuse_bytes(file, size, "image: truncated");
	size = wrap(pack_gzip, "this is no kernel at all", 25, file);
	refuse_bytes(file, size, "image: not an ELF or bzImage");
	free(file);
}

/* ---- 5. Damage at random -------------------------------------------------- */

static uint64_t random_state = 88172645463325252ULL;

static uint64_t rnd(void)
{
	random_state ^= random_state << 13;
	random_state ^= random_state >> 7;
	random_state ^= random_state << 17;
	return random_state;
}

/* Opens, checks and builds; whatever comes, ASan and UBSan are the judges. */
static void survive(const uint8_t *data, size_t size, void *memory)
{
	struct build in = { .memory = memory, .size = 4 * MIB, .host = host, .cmdline = "",
			    .initrd = -1, .vcpus = 1 };
	struct error error = { 0 };
	struct build_start start;
	struct image image;

	if (image_open_memory(&image, data, size, &error))
		return;
	in.image = &image;
	if (!image_check(&image, &host, &error))
		build_domain(&in, &start, &error);
	image_close(&image);
}

static void test_damage(void)
{
	static packer *const packers[] = { NULL, pack_none, pack_gzip, pack_lz4, pack_zstd,
					   pack_xz };
	uint8_t *memory = mmap(NULL, 4 * MIB, PROT_READ | PROT_WRITE,
			       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	const struct sample s = good();
	uint8_t *file = malloc(FILE_SIZE);

	for (size_t i = 0; i < sizeof(packers) / sizeof(*packers); i++) {
		size_t size = sizeof(s);

		if (packers[i])
			size = wrap(packers[i], &s, sizeof(s), file);
		else
			memcpy(file, &s, sizeof(s));
		for (int round = 0; round < 4000; round++) {
			/* Headers are small: most of the damage shall be there. */
			size_t span = round % 2 && !packers[i] ? 400 : size;
			size_t end = round % 5 ? size : rnd() % size;
			uint8_t *copy = exact(file, size);
			uint8_t *cut;

			for (uint64_t n = rnd() % 4 + 1; n; n--)
				copy[rnd() % span] = rnd() % 3 ? (uint8_t)rnd() : 0xff;
			cut = exact(copy, end);
			survive(cut, end, memory);
			free(cut);
			free(copy);
		}
		ok(true, "4000 times damaged at random: survived");
	}
	munmap(memory, 4 * MIB);
	free(file);
}

/* ---- 6. Sizes, numbers, names --------------------------------------------- */

static void test_sizes(void)
{
	static const struct {
		const char *text;
		uint64_t size;
		const char *line;	/* of a refusal */
	} cases[] = {
		{ "512M", 512 * MIB, NULL }, { "2G", 2048 * MIB, NULL }, { "4k", 4096, NULL },
		{ "0", 0, NULL }, { "1T", MIB * MIB, NULL }, { "4096", 4096, NULL },
		{ "", 0, "memory: '' is not a size (as 512M or 2G)" },
		{ "M", 0, "memory: 'M' is not a size (as 512M or 2G)" },
		{ "-1M", 0, "memory: '-1M' is not a size (as 512M or 2G)" },
		{ "+1M", 0, "memory: '+1M' is not a size (as 512M or 2G)" },
		{ " 1M", 0, "memory: ' 1M' is not a size (as 512M or 2G)" },
		{ "1MB", 0, "memory: '1MB' is not a size (as 512M or 2G)" },
		{ "1.5G", 0, "memory: '1.5G' is not a size (as 512M or 2G)" },
		{ "0x10M", 0, "memory: '0x10M' is not a size (as 512M or 2G)" },
		{ "18446744073709551616", 0, "memory: 18446744073709551616 is too large" },
		{ "99999999T", 0, "memory: 99999999T is too large" },
	};
	char text[SIZE_TEXT];

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct error error = { 0 };
		uint64_t size = 1;
		int result = size_parse(cases[i].text, "memory", &size, &error);

		if (cases[i].line)
			refused(&error, EXIT_USAGE, cases[i].line);
		else
			ok(!result && size == cases[i].size, "size %s", cases[i].text);
	}
	ok(!strcmp(size_format(text, 512 * MIB), "512M") &&
	   !strcmp(size_format(text, 1536 * MIB), "1536M") &&
	   !strcmp(size_format(text, 0), "0B") && !strcmp(size_format(text, 1000), "1000B") &&
	   !strcmp(size_format(text, 4096 * MIB), "4G"), "sizes are printed");
}

static void test_names(void)
{
	static const struct {
		const char *name;
		const char *line;
	} cases[] = {
		{ "a", NULL }, { "web-1.example_2", NULL }, { "9", NULL },
		{ "", "name: is empty" },
		{ "-a", "name: '-a' must be letters, digits, '.', '_' and '-', "
			"a letter or digit first" },
		{ ".", "name: '.' must be letters, digits, '.', '_' and '-', "
		       "a letter or digit first" },
		{ "a/b", "name: 'a/b' must be letters, digits, '.', '_' and '-', "
			 "a letter or digit first" },
		{ "a b", "name: 'a b' must be letters, digits, '.', '_' and '-', "
			 "a letter or digit first" },
		{ "\303\244", "name: '\303\244' must be letters, digits, '.', '_' and '-', "
			      "a letter or digit first" },
		{ "0123456789012345678901234567890123456789012345678901234567890123",
		  "name: is longer than 63 bytes" },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct error error = { 0 };
		int result = name_check(cases[i].name, &error);

		if (cases[i].line)
			refused(&error, EXIT_USAGE, cases[i].line);
		else
			ok(!result, "name %s", cases[i].name);
	}
}

int main(void)
{
	setvbuf(stdout, NULL, _IOLBF, 0);
	puts("KTAP version 1");
	test_build(2 * MIB);
	test_build(3 * MIB + 5 * PAGE);
	test_build(300 * MIB);
	test_formats();
	test_file();
	test_bad_files();
	test_bad_segments();
	test_bad_notes();
	test_bad_builds();
	test_bad_bzimages();
	test_damage();
	test_sizes();
	test_names();
	printf("1..%d\n", results);
	return failures != 0;
}
