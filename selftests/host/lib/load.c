// SPDX-License-Identifier: GPL-2.0-only
/*
 * load.c: segments, note, tables, start info: no more than selftests/guest needs.
 */
#include <elf.h>
#include <fcntl.h>
#include <linux/domus.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <asm/domus_guest.h>

#include "load.h"

#define LARGE		(2UL << 20)
#define TABLE_BITS	0x23UL		/* present, writable, accessed */
#define LEAF_BITS	0xe3UL		/* dirty, large, too */

/* struct loader - @end: what is taken of @memory, of which all behind is free */
struct loader {
	char *memory;
	size_t size, end;
	struct domus_image_note note;
	bool noted;
};

static bool load_segment(struct loader *l, const char *file, size_t bytes, const Elf64_Phdr *p)
{
	if (p->p_offset > bytes || p->p_filesz > bytes - p->p_offset)
		return false;
	if (p->p_type == PT_LOAD) {
		if (p->p_paddr > l->size || p->p_memsz > l->size - p->p_paddr ||
		    p->p_filesz > p->p_memsz)
			return false;
		memcpy(l->memory + p->p_paddr, file + p->p_offset, p->p_filesz);
		if (p->p_paddr + p->p_memsz > l->end)
			l->end = (p->p_paddr + p->p_memsz + 4095) & ~4095UL;
	}
	/* header, "domus" and its padding, descriptor */
	if (p->p_type == PT_NOTE && p->p_filesz >= 20 + sizeof(l->note)) {
		memcpy(&l->note, file + p->p_offset + 20, sizeof(l->note));
		l->noted = true;
	}
	return true;
}

static bool load_file(struct loader *l, const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	bool good = false;
	struct stat st;
	char *file;

	if (fd < 0 || fstat(fd, &st))
		return false;
	file = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
	close(fd);
	if (file != MAP_FAILED && (size_t)st.st_size >= sizeof(Elf64_Ehdr)) {
		const Elf64_Ehdr *e = (const void *)file;
		const Elf64_Phdr *p = (const void *)(file + e->e_phoff);

		good = !memcmp(file, ELFMAG, SELFMAG) &&
		       e->e_phoff + e->e_phnum * sizeof(*p) <= (size_t)st.st_size;
		for (int i = 0; good && i < e->e_phnum; i++)
			good = load_segment(l, file, (size_t)st.st_size, &p[i]);
	}
	if (file != MAP_FAILED)
		munmap(file, (size_t)st.st_size);
	return good && l->noted;
}

static uint64_t take(struct loader *l)
{
	l->end += 4096;
	return l->end - 4096;
}

static uint64_t *entry(const struct loader *l, uint64_t table, uint64_t va, int shift)
{
	return (uint64_t *)(l->memory + table) + (va >> shift) % 512;
}

/* All of it, at the address that the note says. */
static uint64_t make_tables(struct loader *l)
{
	uint64_t root = take(l), upper = take(l), lower = take(l);

	*entry(l, root, l->note.map_base, 39) = upper | TABLE_BITS;
	*entry(l, upper, l->note.map_base, 30) = lower | TABLE_BITS;
	for (uint64_t gpa = 0; gpa < l->size; gpa += LARGE)
		*entry(l, lower, l->note.map_base + gpa, 21) = gpa | LEAF_BITS;
	return root;
}

bool load_guest(const char *path, void *memory, size_t size, unsigned int vcpus,
		const char *cmdline, struct load_start *start)
{
	struct loader l = { .memory = memory, .size = size };
	struct domus_start_info *info;
	uint64_t info_gpa, boot;

	if (!load_file(&l, path) || l.end + 8 * 4096 > size || strlen(cmdline) >= 4096)
		return false;
	boot = l.end;
	info_gpa = take(&l);
	info = (void *)(l.memory + info_gpa);
	*info = (struct domus_start_info) {
		.magic = DOMUS_START_MAGIC,
		.size = sizeof(*info),
		.abi_major = DOMUS_ABI_MAJOR,
		.memory = size,
		.cmdline_gpa = take(&l),
		.cmdline_len = (uint32_t)strlen(cmdline),
		.vcpus = vcpus,
		.vcpu_page_gpa = take(&l),
		.event_page_gpa = take(&l),
		.root_gpa = make_tables(&l),
	};
	memcpy(l.memory + info->cmdline_gpa, cmdline, strlen(cmdline) + 1);
	info->memmap[0] = (struct domus_memmap) { 0, LARGE, DOMUS_MEM_RAM, 0 };
	info->memmap[1] = (struct domus_memmap) { LARGE, boot - LARGE, DOMUS_MEM_IMAGE, 0 };
	info->memmap[2] = (struct domus_memmap) { boot, l.end - boot, DOMUS_MEM_BOOT, 0 };
	info->memmap[3] = (struct domus_memmap) { l.end, size - l.end, DOMUS_MEM_RAM, 0 };
	info->memmap_count = 4;
	*start = (struct load_start) {
		.rip = l.note.entry,
		.rsi = l.note.map_base + info_gpa,
		.root = info->root_gpa,
		.hypercall = l.note.hypercall_page - l.note.map_base,
		.vcpu_page = info->vcpu_page_gpa,
		.event_page = info->event_page_gpa,
	};
	return true;
}

struct message load_message(const char *domain, const struct load_start *start)
{
	struct message m = begin(family, DOMUS_CMD_DOMAIN_START, 0);

	put_text(&m, DOMUS_A_NAME, domain);
	put32(&m, DOMUS_A_ABI_GUEST, DOMUS_ABI_MAJOR << 16 | DOMUS_ABI_MINOR);
	put64(&m, DOMUS_A_FEATURES, 0);
	put64(&m, DOMUS_A_START_RIP, start->rip);
	put64(&m, DOMUS_A_START_RSI, start->rsi);
	put64(&m, DOMUS_A_ROOT_GPA, start->root);
	put64(&m, DOMUS_A_HYPERCALL_GPA, start->hypercall);
	put64(&m, DOMUS_A_VCPU_PAGE_GPA, start->vcpu_page);
	put64(&m, DOMUS_A_EVENT_PAGE_GPA, start->event_page);
	return m;
}
