// SPDX-License-Identifier: GPL-2.0-only
/*
 * The vCPU page, which the guest may write as it likes: every word of it holds every
 * kind of bad value while the guest makes calls, traps, goes to user mode, takes events
 * and moves the page. Returns are made from frames that are random but for the address.
 * The hypervisor takes each field for what it says there, once, and never for more than
 * the guest may have.
 */
#include "hostile.h"

#define WORDS		512
#define LOADABLE	0x254dd5UL	/* flags that a return may load */
#define TF		0x100UL

static const u64 values[] = {
	0, 1, ~0ULL, 0xff, 0xff00, 0x0000800000000000, 0xffff800000000000, 0xffff888000001000,
	0xff00000000000000, 0x1234567812345678, USER_DATA, USER_CODE, 0x23, 0x8000000080000000,
};

#define NR (sizeof(values) / sizeof(*values))

FRAGMENT(user_call, "mov $7, %eax\n syscall\n" USER_EXIT);
FRAGMENT(user_ud2, "ud2\n");
FRAGMENT(user_wait, "1: jmp 1b\n");

static unsigned int calls;

static long count(u64 nr, u64 arg)
{
	calls += nr == 7;
	return arg;
}

static void ud2(u64 unused)
{
	asm volatile("ud2");
}

static void enable_events(u64 unused)
{
	vp()->vif = 1;
	hc0(DOMUS_HC_DELIVER);
}

/* ---- Every word, every value ----------------------------------------------------- */

/* Without these the guest itself is lost, or waits for ever: it says so in doom.c. */
static bool is_vital(unsigned int word)
{
	return word == 0 || word == offsetof(struct domus_vcpu_page, kernel_sp) / 8 ||
	       word == offsetof(struct domus_vcpu_page, kernel_gs) / 8;
}

static unsigned int use(unsigned int way)
{
	switch (way % 5) {
	case 0:
		return hc0(DOMUS_HC_VERSION) != (DOMUS_ABI_MAJOR << 16 | DOMUS_ABI_MINOR);
	case 1:
		return attempt(ud2, 0) != 6 || outcome.cs != DOMUS_KERNEL_CS;
	case 2:
		return ATTEMPT_USER(user_ud2, 0) != 6 || outcome.rip != USER_CODE;
	case 3:
		calls = 0;
		return ATTEMPT_USER(user_call, 0) != NO_TRAP || calls != 1;
	default:
		return hc1(DOMUS_HC_SET_VCPU_PAGE, guest_info->vcpu_page_gpa) != 0;
	}
}

static unsigned int every_word(void)
{
	u64 *page = (u64 *)vp();
	unsigned int word, i, bad = 0;

	for (word = 0; word < WORDS; word++) {
		/* the unused end of the page is all the same */
		if (is_vital(word) || (word > 64 && word % 37))
			continue;
		for (i = 0; i < NR; i++) {
			unsigned int way;

			for (way = 0; way < 5; way++) {
				page[word] = values[i];
				if (use(way)) {
					bad++;
					print("# word %u value %lx way %u\n", word, values[i], way);
				}
			}
		}
		page[word] = 0;
	}
	return bad;
}

/* The first word: flags, the page's number. All bytes of each. */
static unsigned int flags(void)
{
	struct domus_vcpu_page *page = vp();
	unsigned int i, bad = 0;

	for (i = 0; i < 256; i++) {
		page->preempted = i;
		page->id = i << 24 | i;
		page->pending = i;
		bad += attempt(ud2, 0) != 6;
		/* what is not zero is set: events are taken, and come to nothing */
		page->pending = i;
		bad += attempt(enable_events, 0) != (i ? EVENT : NO_TRAP);
		page->vif = 0;
		page->pending = i;
		bad += ATTEMPT_USER(user_call, 0) != (i ? EVENT : NO_TRAP);
	}
	page->pending = 0;
	/* a spin with events pending that are none is ended by a true one */
	page->port_select = ~0ULL;
	timer_arm(2000000);
	bad += ATTEMPT_USER(user_wait, 0) != EVENT;
	timer_off();
	return bad;
}

/* ---- Random returns ------------------------------------------------------------------ */

u64 return_sp, return_rax, return_flags;
extern const u8 returned[];

/* Comes back with any stack and any flags. */
asm("random_return:\n push %rbx\n push %rbp\n push %r12\n push %r13\n push %r14\n push %r15\n"
    " mov %rsp, return_sp(%rip)\n mov %rdi, %rax\n syscall\n ud2\n"
    "returned: mov return_sp(%rip), %rsp\n mov %rax, return_rax(%rip)\n"
    " pushf\n popq return_flags(%rip)\n push $2\n popf\n"
    " pop %r15\n pop %r14\n pop %r13\n pop %r12\n pop %rbp\n pop %rbx\n ret\n");
void random_return(u64 call);

static void fill_ret(u64 cs)
{
	u64 *word = (u64 *)&vp()->ret;
	unsigned int i;

	for (i = 0; i < sizeof(struct domus_return) / 8; i++)
		word[i] = random_below(3) ? random() : values[random_below(NR)];
	vp()->ret.cs = cs;
	/* a step is a trap at once; the stack for it is as random */
	vp()->ret.rflags &= ~TF;
}

static unsigned int random_kernel_returns(unsigned int n)
{
	struct domus_return *ret = &vp()->ret;
	unsigned int bad = 0;

	while (n--) {
		u64 rax, rflags;

		fill_ret(DOMUS_KERNEL_CS);
		ret->rip = (u64)returned;
		rax = ret->rax;
		rflags = ret->rflags & ~0x200UL;
		ret->rflags = rflags;
		random_return(DOMUS_HC_RETURN);
		/* RF is gone after one instruction; IF and the fixed bit are set */
		bad += return_rax != rax ||
		       ((return_flags ^ rflags) & LOADABLE & ~0x10000UL) ||
		       (return_flags & ~LOADABLE & ~0x202UL) || vp()->vif;
	}
	return bad;
}

extern u64 guest_user_sp;
asm("random_user:\n push %rbx\n push %rbp\n push %r12\n push %r13\n push %r14\n push %r15\n"
    " mov %rsp, %gs:0x140\n mov %rsp, guest_user_sp(%rip)\n mov %rdi, %rax\n syscall\n ud2\n");
long random_user(u64 call);

static unsigned int random_user_returns(unsigned int n)
{
	static const u8 leave[] = { 0x48, 0x89, 0xc7, 0x31, 0xc0, 0x0f, 0x05 };	/* exit(rax) */
	unsigned int bad = 0;
	u64 rax;

	attempt_user(leave, leave + sizeof(leave), 0);
	for (; n; n--) {
		fill_ret(DOMUS_USER_CS);
		vp()->ret.rip = USER_CODE;
		vp()->user_gs = values[random_below(NR)];
		rax = vp()->ret.rax;
		bad += (u64)random_user(n & 1) != rax;
	}
	return bad;
}

void test(void)
{
	u64 seed = arg_number("seed", 1);
	unsigned int n = arg_number("n", 3000);

	random_seed(seed);
	plan(4);
	hostile_init();
	on_syscall(count);
	ok(!every_word(), "every word of the page, with every value, in every use");
	ok(!flags(), "flags, number, select word");
	ok(!random_kernel_returns(n), "%u random returns to kernel mode; seed %lu", n, seed);
	ok(!random_user_returns(n), "%u random returns to user mode", n);
}
