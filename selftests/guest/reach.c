// SPDX-License-Identifier: GPL-2.0-only
/*
 * Guest user reaches for the guest kernel: reads, writes and jumps to its text, its
 * stack, the hypercall page, the vCPU page; to user addresses that lack the user bit at
 * any level, before and after the kernel has used them itself; to pages that were the
 * user's until a flush of each kind. It makes hypercalls (which are system calls),
 * brings its own stack and bases along, and must change nothing that the kernel sees.
 */
#include "hostile.h"

#define PLACE	0x123456789000ULL	/* a slot of the lower half of its own */
#define PWU	(PTE_P | PTE_W | PTE_U)

FRAGMENT(user_load, "mov (%rdi), %al\n" USER_EXIT);
FRAGMENT(user_store, "movb $0xcc, (%rdi)\n" USER_EXIT);
FRAGMENT(user_fetch, "jmp *%rdi\n");
FRAGMENT(user_lock, "lock incb (%rdi)\n" USER_EXIT);
FRAGMENT(user_xsave, "xor %eax, %eax\n mov %eax, %edx\n fxsave (%rdi)\n" USER_EXIT);
FRAGMENT(user_push, "mov %rdi, %rsp\n push %rax\n" USER_EXIT);
FRAGMENT(user_string, "mov $0x600000, %esi\n mov $64, %ecx\n rep movsb\n" USER_EXIT);
FRAGMENT(user_calls,
	 "mov %rdi, %rbx\n xor %edi, %edi\n 1: mov %ebx, %eax\n mov %rsp, %rbp\n syscall\n"
	 " dec %ebx\n jnz 1b\n" USER_EXIT);
FRAGMENT(user_bases,
	 "wrgsbase %rdi\n wrfsbase %rdi\n mov $7, %eax\n syscall\n rdgsbase %rdi\n"
	 " xor %eax, %eax\n syscall\n");

struct way {
	const char *name;
	const u8 *from, *to;
	u64 error;
};

#define WAY(fragment, error) { #fragment, fragment, fragment##_end, error }
static const struct way ways[] = {
	WAY(user_load, 4), WAY(user_store, 6), WAY(user_fetch, 0x14), WAY(user_lock, 6),
	WAY(user_xsave, 6), WAY(user_push, 6), WAY(user_string, 6),
};

/* Return: how many ways do not end in a page fault of a user who may not. */
static unsigned int reach(u64 at)
{
	unsigned int i, bad = 0;

	for (i = 0; i < sizeof(ways) / sizeof(*ways); i++) {
		int vector = attempt_user(ways[i].from, ways[i].to, at);

		/* to a QEMU with one CPU, a locked instruction is a load first */
		if (ways[i].from == user_lock)
			outcome.error |= 2;
		if (vector == 14 && (outcome.error & ~1ULL) == ways[i].error &&
		    outcome.cs == DOMUS_USER_CS && (outcome.cr2 & ~0xfffULL) <= at &&
		    at - outcome.cr2 <= 8)
			continue;
		bad++;
		print("# %s at %lx: vector %d error %lx cr2 %lx\n", ways[i].name, at, vector,
		      outcome.error, outcome.cr2);
	}
	return bad;
}

static unsigned int reach_kernel(void)
{
	const void *places[] = {
		test, hc0, hcall, guest_info, vp(), (u8 *)vp() + 0xff8, &vp()->kernel_sp,
		va(guest_info->event_page_gpa), guest_root(), &outcome, ways,
		va(guest_info->cmdline_gpa), (u8 *)__builtin_frame_address(0),
		va(0), va(guest_info->memory - 64),
	};
	unsigned int i, bad = 0;

	for (i = 0; i < sizeof(places) / sizeof(*places); i++)
		bad += reach((u64)places[i] & ~0x3fULL);
	return bad;
}

static u64 *entry_at(unsigned int level)
{
	u64 *table = guest_root();
	unsigned int l;

	for (l = 4; l > level; l--)
		table = va(table[PLACE >> (12 + 9 * (l - 1)) & 511] & 0xffffffffff000);
	return &table[PLACE >> (12 + 9 * (level - 1)) & 511];
}

static void flush(u64 op)
{
	hcall(DOMUS_HC_MMU_FLUSH, op, guest_info->root_gpa, PLACE, PLACE + 4096, ~0ULL, NULL);
}

/* The user bit is missing at one level. */
static unsigned int levels(bool kernel_first)
{
	unsigned int level, bad = 0;

	poke(PLACE, 0);
	for (level = 4; level >= 1; level--) {
		*entry_at(level) &= ~PTE_U;
		flush(DOMUS_FLUSH_ALL);
		if (kernel_first) {
			poke(PLACE, 1);
			bad += peek(PLACE) != 1;
		}
		bad += reach(PLACE);
		if (!kernel_first)
			bad += peek(PLACE) != 0;
		*entry_at(level) |= PTE_U;
		flush(DOMUS_FLUSH_RANGE);
		bad += ATTEMPT_USER(user_store, PLACE) != NO_TRAP || peek(PLACE) != 0xcc;
		poke(PLACE, 0);
	}
	return bad;
}

/* The page was the user's; each kind of flush takes it away. */
static unsigned int taken_away(void)
{
	u64 *pte = entry_at(1), mine = *pte;
	unsigned int kind, bad = 0;

	for (kind = 0; kind < 5; kind++) {
		bad += ATTEMPT_USER(user_store, PLACE) != NO_TRAP;
		*pte = kind & 1 ? 0 : mine & ~PTE_U;
		switch (kind) {
		case 3:
			hc1(DOMUS_HC_LOAD_ROOT, guest_info->root_gpa);
			break;
		case 4:
			flush(DOMUS_FLUSH_ALL);
			break;
		default:
			flush(kind ? DOMUS_FLUSH_ROOT : DOMUS_FLUSH_RANGE);
		}
		bad += reach(PLACE);
		*pte = mine;
		flush(DOMUS_FLUSH_RANGE);
	}
	/* write access alone, without and with a change of the entry */
	bad += ATTEMPT_USER(user_store, PLACE) != NO_TRAP;
	*pte = mine & ~PTE_W;
	flush(DOMUS_FLUSH_WRPROTECT);
	bad += ATTEMPT_USER(user_store, PLACE) != 14 || outcome.error != 7;
	bad += ATTEMPT_USER(user_load, PLACE) != NO_TRAP;
	*pte = mine;
	bad += ATTEMPT_USER(user_store, PLACE) != NO_TRAP;
	/* no-execute */
	*pte = mine | PTE_NX;
	flush(DOMUS_FLUSH_RANGE);
	bad += ATTEMPT_USER(user_fetch, PLACE) != 14 || outcome.error != 0x15;
	*pte = mine;
	flush(DOMUS_FLUSH_RANGE);
	return bad;
}

static u64 seen[128], wrong_stack;

static long note(u64 nr, u64 arg)
{
	if (nr < 128)
		seen[nr]++;
	/* the frame has the user's stack pointer, we run on our own */
	wrong_stack += vp()->frame.rsp != USER_STACK_TOP - 64 ||
		       (u64)__builtin_frame_address(0) < USER_STACK_TOP;
	return 0;
}

static unsigned int calls_are_system_calls(void)
{
	unsigned int i, bad = 0;

	bad += ATTEMPT_USER(user_calls, 127) != NO_TRAP;
	for (i = 1; i < 128; i++)
		bad += seen[i] != 1;
	return bad + wrong_stack;
}

static unsigned int bases(void)
{
	const u64 values[] = { 0, (u64)vp(), USER_DATA, 0xffff888000000000, 0x7ffffffff000 };
	unsigned int i, bad = 0;

	if (!(hc0(DOMUS_HC_FEATURES) & (1 << DOMUS_F_FSGSBASE)))
		return 0;
	for (i = 0; i < sizeof(values) / sizeof(*values); i++) {
		bad += ATTEMPT_USER(user_bases, values[i]) != NO_TRAP;
		bad += (u64)outcome.value != values[i];
		bad += hc0(DOMUS_HC_VERSION) < 0;
	}
	return bad;
}

void test(void)
{
	plan(7);
	hostile_init();
	on_syscall(note);
	ok(!reach_kernel(), "kernel text, stack, tables, vCPU page: nothing is the user's");
	map_page(guest_root(), PLACE, pa(page_alloc()), PWU);
	ok(ATTEMPT_USER(user_store, PLACE) == NO_TRAP && peek(PLACE) == 0xcc, "a user page is");
	ok(!levels(false), "without the user bit at any level it is not");
	ok(!levels(true), "neither when the kernel has used it first");
	ok(!taken_away(), "what was the user's is not after any kind of flush");
	ok(!calls_are_system_calls(), "its hypercalls are system calls, on the kernel's stack");
	ok(!bases(), "its bases stay its own");
}
