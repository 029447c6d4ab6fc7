// SPDX-License-Identifier: GPL-2.0-only
/*
 * Ends: kind=WORD says how this guest breaks the para-API for good. The host must
 * end the domain, name the reason, and go on; tests.cfg knows the reason.
 */
#include "hostile.h"

static u64 *garbage_root(bool random_bits)
{
	u64 *root = page_alloc();
	unsigned int i;

	for (i = 0; random_bits && i < 512; i++)
		root[i] = random();
	return root;
}

/* vCPU page says that an entry is in progress: the next exception is one too many. */
static void busy(void)
{
	vp()->busy = 1;
	asm volatile("ud2");
}

static void no_entry(void)
{
	hc2(DOMUS_HC_SET_ENTRY, 6, 0);
	asm volatile("ud2");
}

/* The stub runs in the hypervisor's slot, where nothing of the guest's is. */
static void entry_in_slot(void)
{
	hc2(DOMUS_HC_SET_ENTRY, 6, 0xffff800000000000 + (random() & 0x7fffff0000));
	hc2(DOMUS_HC_SET_ENTRY, 14, 0xffff800000000000 + (random() & 0x7fffff0000));
	asm volatile("ud2");
}

static void entry_in_user(void)
{
	hc2(DOMUS_HC_SET_ENTRY, 6, USER_CODE);
	asm volatile("ud2");
}

/* The stub's own push faults. */
static void stack(u64 at)
{
	asm volatile("mov %0, %%rsp\n ud2" : : "r"(at));
}

/* The same at an event, and from user mode. */
static void kernel_stack(u64 at)
{
	static const u8 code[] = { 0x0f, 0x0b };
	u8 *page = va(*find_pte(guest_root(), USER_CODE) & 0xffffffffff000);
	struct domus_return *ret = &vp()->ret;

	copy_to(page, code, sizeof(code));
	vp()->kernel_sp = at;
	ret->rip = USER_CODE;
	ret->rsp = 0;
	ret->rflags = 0x202;
	hc0(DOMUS_HC_SYSRET);
}

static void bad_gs(void)
{
	hc2(DOMUS_HC_SET_SEGMENT, DOMUS_SEG_KERNEL_GS_BASE, 0xffff888000000000);
	asm volatile("ud2");
}

static void root(const u64 *table)
{
	hc1(DOMUS_HC_LOAD_ROOT, pa(table));
	/* what was cached of the upper half, which roots have in common, goes */
	hcall(DOMUS_HC_MMU_FLUSH, DOMUS_FLUSH_ALL, 0, 0, 0, ~0ULL, NULL);
}

/* The root that is loaded loses all it had, and the flush says so. */
static void root_erased(void)
{
	u64 *top = guest_root();
	unsigned int i;

	for (i = 0; i < 512; i++)
		top[i] = 0;
	hcall(DOMUS_HC_MMU_FLUSH, DOMUS_FLUSH_ALL, 0, 0, 0, ~0ULL, NULL);
}

/* Everything that shares the vCPU page's place with something else. */
static void page_is(u64 gpa)
{
	hc1(DOMUS_HC_SET_VCPU_PAGE, gpa);
	asm volatile("ud2");
}

/* Where the entries are, wherever they would have been linked: they are gone with it. */
extern const u8 code_page[];
asm(".pushsection .text\n .balign 4096\ncode_page: .fill 4096, 1, 0xcc\n .popsection\n");

static void page_is_code(void)
{
	hc2(DOMUS_HC_SET_ENTRY, 6, (u64)code_page + 2048);
	hc2(DOMUS_HC_SET_ENTRY, 14, (u64)code_page + 2048);
	page_is(pa(code_page));
}

static void return_cs(u64 cs)
{
	vp()->ret.cs = cs;
	hc0(DOMUS_HC_RETURN);
}

static bool loop_fault(struct guest_regs *regs)
{
	vp()->busy = 1;
	poke(0x1000, 0);
	return true;
}

void test(void)
{
	random_seed(arg_number("seed", 1));
	hostile_init();
	print("kind=%s\n", arg_text("kind") ? arg_text("kind") : "?");
	if (arg_is("kind", "busy"))
		busy();
	if (arg_is("kind", "no-entry"))
		no_entry();
	if (arg_is("kind", "entry-slot"))
		entry_in_slot();
	if (arg_is("kind", "entry-user"))
		entry_in_user();
	if (arg_is("kind", "stack-0"))
		stack(0);
	if (arg_is("kind", "stack-slot"))
		stack(0xffff800000002000);
	if (arg_is("kind", "stack-none"))
		stack(0x0000900000000000);
	if (arg_is("kind", "stack-host"))
		stack(0xffff888000100000);
	if (arg_is("kind", "user-stack-0"))
		kernel_stack(0);
	if (arg_is("kind", "user-stack-none"))
		kernel_stack(0x1234567812345678);
	if (arg_is("kind", "gs"))
		bad_gs();
	if (arg_is("kind", "root-empty"))
		root(garbage_root(false));
	if (arg_is("kind", "root-random"))
		root(garbage_root(true));
	if (arg_is("kind", "root-erased"))
		root_erased();
	if (arg_is("kind", "page-root"))
		page_is(guest_info->root_gpa);
	if (arg_is("kind", "page-code"))
		page_is_code();
	if (arg_is("kind", "return-cs"))
		return_cs(7);
	if (arg_is("kind", "return-cs-kernel"))
		return_cs(0x10 | 1ULL << 32);
	if (arg_is("kind", "nested")) {
		on_trap(14, loop_fault);
		poke(0x1000, 0);
	}
	guest_stop(DOMUS_SHUTDOWN_CRASH, "still alive");
}
