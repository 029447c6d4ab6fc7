// SPDX-License-Identifier: GPL-2.0-only
/*
 * The mini-library: 1. calls and console, 2. KTAP, 3. memory, 4. traps,
 * 5. system calls, 6. start.
 */
#include "guest.h"

const struct domus_start_info *guest_info;
extern u8 hypercall_page[], guest_entries[], guest_syscall_entry[], guest_image_end[];
void guest_main(const struct domus_start_info *info);
void guest_trap(struct guest_regs *regs);
long guest_syscall(u64 nr, u64 arg);

/* ---- 1. Calls and console ---- */

long hcall(u64 nr, u64 a, u64 b, u64 c, u64 d, u64 e, u64 *out)
{
	register u64 r10 asm("r10") = d;
	register u64 r8 asm("r8") = e;
	long result;

	asm volatile("call *%[stub]"
		     : "=a"(result), "+d"(c), "+r"(r10), "+r"(r8)
		     : [stub] "r"(hypercall_page + 32 * nr), "D"(a), "S"(b)
		     : "rcx", "r11", "memory");
	if (out)
		*out = c;
	return result;
}

static char line[512];

static unsigned int put_number(char *to, u64 value, unsigned int base, bool negative)
{
	char digits[20];
	unsigned int n = 0, len = 0;

	do {
		digits[n++] = "0123456789abcdef"[value % base];
		value /= base;
	} while (value);
	if (negative)
		to[len++] = '-';
	while (n)
		to[len++] = digits[--n];
	return len;
}

/* %s %d %u %x, with l or ll; enough for tests */
static unsigned int format(char *to, const char *fmt, va_list ap)
{
	unsigned int len = 0;

	for (; *fmt && len < sizeof(line) - 32; fmt++) {
		bool wide = false;

		if (*fmt != '%') {
			to[len++] = *fmt;
			continue;
		}
		while (*++fmt == 'l')
			wide = true;
		if (*fmt == 's') {
			const char *s = va_arg(ap, const char *);

			while (*s && len < sizeof(line) - 32)
				to[len++] = *s++;
		} else if (*fmt == 'd') {
			long v = wide ? va_arg(ap, long) : va_arg(ap, int);

			len += put_number(to + len, v < 0 ? -(u64)v : (u64)v, 10, v < 0);
		} else {
			u64 v = wide ? va_arg(ap, u64) : va_arg(ap, u32);

			len += put_number(to + len, v, *fmt == 'x' ? 16 : 10, false);
		}
	}
	return len;
}

void print(const char *fmt, ...)
{
	va_list ap;
	unsigned int len;

	va_start(ap, fmt);
	len = format(line, fmt, ap);
	va_end(ap);
	hc2(DOMUS_HC_CONSOLE_WRITE, pa(line), len);
}

void guest_stop(u64 how, const char *why)
{
	unsigned int len = 0;

	while (why && why[len] && len < sizeof(line)) {
		line[len] = why[len];
		len++;
	}
	hcall(DOMUS_HC_SHUTDOWN, how, pa(line), len, 0, 0, NULL);
	for (;;)
		;
}

/* ---- 2. KTAP ---- */

static unsigned int planned, done, failed;

void plan(unsigned int points)
{
	planned = points;
	print("KTAP version 1\n1..%u\n", points);
}

bool ok(bool good, const char *fmt, ...)
{
	va_list ap;
	unsigned int len;

	print("%s %u - ", good ? "ok" : "not ok", ++done);
	va_start(ap, fmt);
	len = format(line, fmt, ap);
	va_end(ap);
	line[len++] = '\n';
	hc2(DOMUS_HC_CONSOLE_WRITE, pa(line), len);
	failed += !good;
	return good;
}

/* ---- 3. Memory ---- */

static u64 next_free;

void *page_alloc(void)
{
	const struct domus_memmap *m = guest_info->memmap;
	unsigned int i;
	u64 *page, j;

	if (!next_free) {
		u64 best = 0;

		for (i = 0; i < guest_info->memmap_count; i++)
			if (m[i].type == DOMUS_MEM_RAM && m[i].size > best) {
				best = m[i].size;
				next_free = m[i].start ? m[i].start : 4096;
			}
	}
	page = va(next_free);
	next_free += 4096;
	for (j = 0; j < 512; j++)
		page[j] = 0;
	return page;
}

u64 *guest_root(void)
{
	return va(guest_info->root_gpa);
}

static u64 *walk(u64 *top, u64 addr, bool make)
{
	u64 *table = top;
	int shift;

	for (shift = 39; shift > 12; shift -= 9) {
		u64 *entry = &table[(addr >> shift) & 511];

		if (!(*entry & PTE_P)) {
			if (!make)
				return NULL;
			*entry = pa(page_alloc()) | PTE_P | PTE_W | PTE_U | PTE_A;
		}
		if (*entry & PTE_PS)
			return NULL;
		table = va(*entry & 0x000ffffffffff000ULL);
	}
	return &table[(addr >> 12) & 511];
}

void map_page(u64 *top, u64 addr, u64 gpa, u64 bits)
{
	u64 *pte = walk(top, addr, true);

	if (!pte)
		guest_stop(DOMUS_SHUTDOWN_CRASH, "map_page: large page in the way");
	*pte = gpa | bits;
}

u64 *find_pte(u64 *top, u64 addr)
{
	return walk(top, addr, false);
}

/* ---- 4. Traps ---- */

static trap_handler handlers[33];
static unsigned int seen[33];

void on_trap(unsigned int vector, trap_handler handler)
{
	handlers[vector] = handler;
}

unsigned int traps_seen(unsigned int vector)
{
	return seen[vector];
}

void guest_trap(struct guest_regs *regs)
{
	unsigned int vector = regs->vector;

	seen[vector]++;
	if (handlers[vector] && handlers[vector](regs))
		return;
	print("# trap %u error %lx cr2 %lx rip %lx cs %lx rsp %lx\n", vector, regs->error,
	      regs->cr2, regs->rip, regs->cs, regs->rsp);
	guest_stop(DOMUS_SHUTDOWN_CRASH, "unexpected trap");
}

/* ---- 5. System calls ---- */

static syscall_handler syscalls;

void on_syscall(syscall_handler handler)
{
	syscalls = handler;
}

long guest_syscall(u64 nr, u64 arg)
{
	if (!nr)
		guest_user_exit(arg);
	return syscalls ? syscalls(nr, arg) : -38;
}

/* ---- 6. Start ---- */

void guest_main(const struct domus_start_info *info)
{
	unsigned int i;

	guest_info = info;
	if (info->magic != DOMUS_START_MAGIC)
		guest_stop(DOMUS_SHUTDOWN_CRASH, "no start info");
	hc2(DOMUS_HC_SET_SEGMENT, DOMUS_SEG_KERNEL_GS_BASE, (u64)vp());
	for (i = 0; i < 33; i++)
		hc2(DOMUS_HC_SET_ENTRY, i, (u64)guest_entries + 16 * i);
	hc2(DOMUS_HC_SET_ENTRY, DOMUS_ENTRY_SYSCALL, (u64)guest_syscall_entry);
	test();
	if (done != planned)
		guest_stop(DOMUS_SHUTDOWN_CRASH, "points missing");
	if (failed)
		guest_stop(DOMUS_SHUTDOWN_CRASH, "points failed");
	guest_stop(DOMUS_SHUTDOWN_POWEROFF, NULL);
}
