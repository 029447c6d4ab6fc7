// SPDX-License-Identifier: GPL-2.0-only
/*
 * Kernel images from anybody: ELF files and bzImages with what they carry, packed or not. The
 * first byte says how much of one the fuzzer need not find out itself: an ELF header and a
 * note that are right, a bzImage around the rest.
 *
 * Whatever it is, it is refused in one line that has a cause, or what is loaded lies in
 * memory, where the image says.
 */
#include <elf.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "decompress.h"
#include "image.h"

#define CHECK(x) do { if (!(x)) abort(); } while (0)

#define MEMORY	(256UL << 10)
#define SETUP	1024		/* of a bzImage: one sector of setup */
#define MOST	8192

static void check_error(const struct error *error)
{
	CHECK(error->status && *error->what && *error->why);
	CHECK(!strchr(error->what, '\n') && !strchr(error->why, '\n'));
}

static void check_image(const struct image *image)
{
	uint64_t end = 0;

	CHECK(image->nr >= 1 && image->nr <= IMAGE_SEGMENTS_MAX);
	CHECK(image->start == image->segments[0].paddr);
	for (unsigned int i = 0; i < image->nr; i++) {
		const struct image_segment *s = &image->segments[i];

		CHECK(s->paddr >= end && s->memsz >= s->filesz);
		CHECK(s->offset + s->filesz <= image->size && s->paddr + s->memsz >= s->paddr);
		end = s->paddr + s->memsz;
	}
	CHECK(image->end == end);
}

static void fuzz_image(const uint8_t *data, size_t size)
{
	static const struct image_host host = {
		.abi = DOMUS_ABI_MAJOR << 16 | DOMUS_ABI_MINOR, .features = 0xfff,
	};
	static uint8_t memory[MEMORY];
	struct error error = { 0 };
	struct image image;

	if (image_open_memory(&image, data, size, &error)) {
		check_error(&error);
		return;
	}
	check_image(&image);
	if (image_check(&image, &host, &error)) {
		check_error(&error);
	} else {
		CHECK(!(image.hypercall_gpa & 4095));
		CHECK(image.hypercall_gpa >= image.start && image.hypercall_gpa < image.end);
		if (image_load(&image, memory, MEMORY, &error))
			check_error(&error);
		else
			memset(memory, 0, MEMORY);
	}
	image_close(&image);
}

static void fuzz_packed(const uint8_t *data, size_t size)
{
	struct error error = { 0 };
	uint8_t *out = NULL;
	size_t out_size = 0;

	if (decompress(data, size, &out, &out_size, &error)) {
		check_error(&error);
		return;
	}
	CHECK(out && out_size <= DECOMPRESS_MAX);
	free(out);
}

/* A header, one note, and segments from the input; the rest is the file's. */
static size_t make_elf(uint8_t *to, const uint8_t *data, size_t size)
{
	static const struct domus_image_note good = {
		.abi_major = DOMUS_ABI_MAJOR, .abi_minor = DOMUS_ABI_MINOR,
		.entry = 0xffffffff80200000, .hypercall_page = 0xffffffff80200000,
		.map_base = 0xffffffff80000000, .map_size = 0x40000000, .name = "fuzz",
	};
	static const Elf64_Nhdr head = { 6, sizeof(good), DOMUS_NOTE_IMAGE };
	Elf64_Ehdr e = {
		.e_ident = ELFMAG, .e_type = ET_EXEC, .e_machine = EM_X86_64, .e_version = 1,
		.e_phoff = sizeof(e), .e_ehsize = sizeof(e), .e_phentsize = sizeof(Elf64_Phdr),
		.e_entry = good.entry,
	};
	size_t at = sizeof(e) + 4 * sizeof(Elf64_Phdr), n = size / sizeof(Elf64_Phdr);
	Elf64_Phdr note = {
		.p_type = PT_NOTE, .p_offset = at, .p_filesz = 20 + sizeof(good),
		.p_memsz = 20 + sizeof(good), .p_align = 4,
	};

	e.e_ident[EI_CLASS] = ELFCLASS64;
	e.e_ident[EI_DATA] = ELFDATA2LSB;
	e.e_ident[EI_VERSION] = EV_CURRENT;
	n = n > 3 ? 3 : n;
	e.e_phnum = (uint16_t)(n + 1);
	memset(to, 0, MOST);
	memcpy(to, &e, sizeof(e));
	memcpy(to + sizeof(e), &note, sizeof(note));
	memcpy(to + sizeof(e) + sizeof(note), data, n * sizeof(Elf64_Phdr));
	memcpy(to + at, &head, sizeof(head));
	memcpy(to + at + sizeof(head), "domus", 6);
	memcpy(to + at + 20, &good, sizeof(good));
	at += 20 + sizeof(good);
	data += n * sizeof(Elf64_Phdr);
	size -= n * sizeof(Elf64_Phdr);
	/* and the note is the input's, as far as that says something else */
	for (size_t i = 0; i < size && i < sizeof(good); i++)
		to[at - sizeof(good) + i] ^= data[i];
	return at + size < MOST ? at + size : MOST;
}

/* Behind what is packed: how much comes out. As much as there may be takes its time. */
static const uint8_t *with_size(const uint8_t *data, size_t size)
{
	static uint8_t copy[MOST];

	memcpy(copy, data, size);
	if (size >= 4)
		memset(copy + size - 2, 0, 2);
	return copy;
}

/* Boot sector and setup header; the payload is the input, or an ELF file made from it. */
static size_t make_bzimage(uint8_t *to, const uint8_t *data, size_t size)
{
	uint32_t offset = 0, length = (uint32_t)size;

	memset(to, 0, SETUP);
	to[0x1f1] = 1;
	to[0x1fe] = 0x55;
	to[0x1ff] = 0xaa;
	memcpy(to + 0x202, "HdrS", 4);
	to[0x206] = 0x0c;
	to[0x207] = 0x02;
	to[0x211] = 1;
	memcpy(to + 0x248, &offset, 4);
	memcpy(to + 0x24c, &length, 4);
	memcpy(to + SETUP, data, size);
	return SETUP + size;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static uint8_t elf[MOST + 4], file[SETUP + MOST + 4];
	uint8_t how;

	if (size < 1 || size > MOST)
		return 0;
	how = *data++;
	size--;
	if (how < 0xf0 && (how % 5 == 1 || how % 5 == 3))
		data = with_size(data, size);
	switch (how % 5) {
	case 0:
		fuzz_image(data, size);
		break;
	case 1:
		fuzz_packed(data, size);
		break;
	case 2:
		fuzz_image(elf, make_elf(elf, data, size));
		break;
	case 3:
		fuzz_image(file, make_bzimage(file, data, size));
		break;
	case 4:
		size = make_elf(elf, data, size);
		/* not packed: behind it, how large it is */
		memcpy(elf + size, &(uint32_t){ (uint32_t)size }, 4);
		fuzz_image(file, make_bzimage(file, elf, size + 4));
		break;
	}
	return 0;
}
