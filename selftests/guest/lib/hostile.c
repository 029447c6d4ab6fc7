// SPDX-License-Identifier: GPL-2.0-only
/* What guests that misbehave have in common; the sections are those of hostile.h. */
#include "hostile.h"

struct outcome outcome;

/* ---- 1. Kernel mode -------------------------------------------------------- */

extern u64 attempt_sp;
extern const u8 attempt_resume[];
void attempt_call(void (*fn)(u64 arg), u64 arg);

asm("attempt_call:\n"
    " push %rbx\n push %rbp\n push %r12\n push %r13\n push %r14\n push %r15\n"
    " mov %rsp, attempt_sp(%rip)\n"
    " mov %rdi, %rax\n mov %rsi, %rdi\n call *%rax\n"
    " movq $0, attempt_sp(%rip)\n"
    "attempt_resume:\n"
    " pop %r15\n pop %r14\n pop %r13\n pop %r12\n pop %rbp\n pop %rbx\n ret\n");
u64 attempt_sp;

static void take_events(void)
{
	struct domus_event_page *page = va(guest_info->event_page_gpa);
	u64 words;
	unsigned int i;

	vp()->pending = 0;
	words = __atomic_exchange_n(&vp()->port_select, 0, __ATOMIC_SEQ_CST);
	for (i = 0; i < 64; i++)
		if (words & (1ULL << i))
			__atomic_and_fetch(&page->pending[i], page->mask[i], __ATOMIC_SEQ_CST);
}

static bool catch(struct guest_regs *regs)
{
	outcome.vector = regs->vector;
	outcome.error = regs->error;
	outcome.cr2 = regs->cr2;
	outcome.rip = regs->rip;
	outcome.rsp = regs->rsp;
	outcome.cs = regs->cs;
	outcome.rflags = regs->rflags;
	outcome.rax = regs->rax;
	if (regs->vector == EVENT)
		take_events();
	if (regs->cs == DOMUS_USER_CS)
		guest_user_exit(0);
	if (!attempt_sp)
		return regs->vector == EVENT;
	regs->rip = (u64)attempt_resume;
	regs->rsp = attempt_sp;
	regs->rflags = 2;
	attempt_sp = 0;
	return true;
}

int attempt(void (*fn)(u64 arg), u64 arg)
{
	outcome = (struct outcome){ .vector = NO_TRAP };
	attempt_call(fn, arg);
	return outcome.vector;
}

/* ---- 2. User mode ------------------------------------------------------------ */

static u8 *user_code[USER_CODE_SIZE / 4096];

void copy_to(void *to, const void *from, u64 bytes)
{
	asm volatile("rep movsb" : "+D"(to), "+S"(from), "+c"(bytes) : : "memory");
}

/* Used by the compiler, too. */
void *memcpy(void *to, const void *from, u64 bytes);
void *memcpy(void *to, const void *from, u64 bytes)
{
	copy_to(to, from, bytes);
	return to;
}

void *memset(void *to, int c, u64 bytes)
{
	void *at = to;

	asm volatile("rep stosb" : "+D"(at), "+c"(bytes) : "a"(c) : "memory");
	return to;
}

int attempt_user(const u8 *from, const u8 *to, u64 arg)
{
	u64 size = to - from, at;

	for (at = 0; at < size && at < USER_CODE_SIZE; at += 4096)
		copy_to(user_code[at / 4096], from + at, size - at < 4096 ? size - at : 4096);
	outcome = (struct outcome){ .vector = NO_TRAP };
	outcome.value = guest_user(USER_CODE, USER_STACK_TOP - 64, arg);
	return outcome.vector;
}

static void map_user(u64 addr, u64 size, u64 bits, u8 **pages)
{
	u64 at;

	for (at = 0; at < size; at += 4096) {
		u8 *page = page_alloc();

		map_page(guest_root(), addr + at, pa(page), bits | PTE_P | PTE_U);
		if (pages)
			pages[at / 4096] = page;
	}
}

void hostile_init(void)
{
	unsigned int i;

	for (i = 0; i <= 32; i++)
		on_trap(i, catch);
	map_user(USER_CODE, USER_CODE_SIZE, 0, user_code);
	map_user(USER_STACK, USER_STACK_TOP - USER_STACK, PTE_W | PTE_NX, NULL);
	map_user(USER_DATA, USER_DATA_SIZE, PTE_W | PTE_NX, NULL);
}

/* ---- 3. The timer ------------------------------------------------------------- */

void timer_arm(u64 ns)
{
	static long port;

	if (!port) {
		port = hc2(DOMUS_HC_EVENT_BIND, DOMUS_PORT_TIMER, 0);
		hc1(DOMUS_HC_EVENT_UNMASK, port);
	}
	hc1(DOMUS_HC_SET_TIMER, hc1(DOMUS_HC_GET_TIME, DOMUS_TIME_MONOTONIC) + ns);
}

void timer_off(void)
{
	hc1(DOMUS_HC_SET_TIMER, DOMUS_TIMER_OFF);
	take_events();
}

/* ---- 4. Random numbers, arguments ------------------------------------------------ */

static u64 random_state = 0x9e3779b97f4a7c15;

u64 random_of(u64 *seed)
{
	u64 z = *seed += 0x9e3779b97f4a7c15;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
	z = (z ^ z >> 27) * 0x94d049bb133111eb;
	return z ^ z >> 31;
}

u64 random(void)
{
	return random_of(&random_state);
}

void random_seed(u64 seed)
{
	random_state = seed * 0xd1342543de82ef95 + 1;
}

const char *arg_text(const char *key)
{
	const char *line = va(guest_info->cmdline_gpa);
	unsigned int i;

	while (*line) {
		for (i = 0; key[i] && line[i] == key[i]; i++)
			;
		if (!key[i] && line[i] == '=')
			return line + i + 1;
		while (*line && *line != ' ')
			line++;
		while (*line == ' ')
			line++;
	}
	return NULL;
}

u64 arg_number(const char *key, u64 otherwise)
{
	const char *text = arg_text(key);
	u64 n = 0;

	if (!text)
		return otherwise;
	for (; *text >= '0' && *text <= '9'; text++)
		n = n * 10 + *text - '0';
	return n;
}

bool arg_is(const char *key, const char *word)
{
	const char *text = arg_text(key);
	unsigned int i;

	if (!text)
		return false;
	for (i = 0; word[i] && text[i] == word[i]; i++)
		;
	return !word[i] && (!text[i] || text[i] == ' ');
}
