// SPDX-License-Identifier: GPL-2.0-only
/* vCPUs other than the first: 1. start and end, 2. all of them, 3. ports of several vCPUs. */
#include "smp.h"

struct cpu cpus[DOMUS_MAX_VCPUS];

/* ---- 1. Start and end ---------------------------------------------------------------- */

#define STACK_PAGES 2

extern const u8 cpu_entry[];
void cpu_main(struct cpu *cpu);

/* RDI: its struct cpu; RSP: the top of its stack */
asm("cpu_entry:\n xor %ebp, %ebp\n call cpu_main\n ud2\n");

void cpu_main(struct cpu *cpu)
{
	cpu->fn(cpu->arg);
	hc0(DOMUS_HC_VCPU_DOWN);
	guest_stop(DOMUS_SHUTDOWN_CRASH, "a vCPU that cannot go down");
}

void smp_init(unsigned int nr)
{
	unsigned int i, j;

	for (i = 1; i < nr; i++) {
		cpus[i].page = page_alloc();
		for (j = 0; j < STACK_PAGES; j++)
			cpus[i].stack_top = (u8 *)page_alloc() + 4096;
	}
}

void cpu_prepare(unsigned int nr, void (*fn)(u64 arg), u64 arg)
{
	struct cpu *cpu = &cpus[nr];

	cpu->fn = fn;
	cpu->arg = arg;
	cpu->init = (struct domus_vcpu_init){
		.rip = (u64)cpu_entry,
		.rsp = (u64)cpu->stack_top,
		.rdi = (u64)cpu,
		.root_gpa = guest_info->root_gpa,
		.vcpu_page_gpa = pa(cpu->page),
		.kernel_gs = (u64)cpu->page,
	};
}

long cpu_up(unsigned int nr, void (*fn)(u64 arg), u64 arg)
{
	cpu_prepare(nr, fn, arg);
	return hc2(DOMUS_HC_VCPU_UP, nr, pa(&cpus[nr].init));
}

bool cpu_is_down(unsigned int nr)
{
	return within(hc1(DOMUS_HC_VCPU_STATE, nr) == DOMUS_VCPU_OFFLINE);
}

/* ---- 2. All of them ------------------------------------------------------------------ */

static u32 go_on;

void others_start(void (*fn)(u64 me))
{
	unsigned int i;

	set(&go_on, 1);
	for (i = 1; i < others_all(); i++)
		if (cpu_up(i, fn, i))
			guest_stop(DOMUS_SHUTDOWN_CRASH, "a vCPU does not start");
}

bool others_go_on(void)
{
	return get(&go_on);
}

bool others_stop(void)
{
	bool good = true;
	unsigned int i;

	set(&go_on, 0);
	for (i = 1; i < others_all(); i++)
		good &= cpu_is_down(i);
	return good;
}

/* ---- 3. Ports ------------------------------------------------------------------------ */

u32 port_count[DOMUS_MAX_PORTS];
u8 port_vcpu[DOMUS_MAX_PORTS];

u32 port_open(u64 kind, u64 vcpu)
{
	long port = hc2(DOMUS_HC_EVENT_BIND, kind, vcpu);

	if (port <= 0)
		guest_stop(DOMUS_SHUTDOWN_CRASH, "no port");
	port_vcpu[port] = vcpu + 1;
	hc1(DOMUS_HC_EVENT_UNMASK, port);
	return port;
}

static void take_word(struct domus_event_page *page, unsigned int w, u32 me)
{
	u64 bits = __atomic_load_n(&page->pending[w], __ATOMIC_SEQ_CST) & ~page->mask[w];

	for (; bits; bits &= bits - 1) {
		unsigned int bit = __builtin_ctzl(bits), port = w * 64 + bit;

		/* the word is shared with other vCPUs */
		if (port_vcpu[port] != me + 1)
			continue;
		__atomic_and_fetch(&page->pending[w], ~(1UL << bit), __ATOMIC_SEQ_CST);
		__atomic_add_fetch(&port_count[port], 1, __ATOMIC_SEQ_CST);
	}
}

bool port_event(struct guest_regs *regs)
{
	struct domus_vcpu_page *vp = my_page();
	u64 words;

	__atomic_store_n(&vp->pending, 0, __ATOMIC_SEQ_CST);
	words = __atomic_exchange_n(&vp->port_select, 0, __ATOMIC_SEQ_CST);
	for (; words; words &= words - 1)
		take_word(va(guest_info->event_page_gpa), __builtin_ctzl(words), vp->id);
	return true;
}
