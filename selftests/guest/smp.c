// SPDX-License-Identifier: GPL-2.0-only
/*
 * vCPUs that come and go, and what they do to each other. To be run with four.
 *
 *   1. up and down; what is refused
 *   2. interrupts to each other, timers
 *   3. flushes
 *   4. waits and kicks, steal time
 *   5. topology
 */
#include "smp.h"

#define BEYOND	(1ULL << 40)	/* no domain of this test has memory there */
#define EVENT	32

static u32 step, stop;

static bool refused(long result, long error)
{
	return result == -error;
}

/* ---- 1. Up and down -------------------------------------------------------------------- */

static struct {
	u64 arg, gs, flags, xmm;
	u32 id, vif;
} seen;

static void look_around(u64 arg)
{
	seen.arg = arg;
	seen.gs = (u64)my_page();
	seen.id = my_page()->id;
	seen.vif = my_page()->vif;
	asm volatile("pushf\n pop %0" : "=r"(seen.flags));
	asm volatile("movq %%xmm7, %0" : "=r"(seen.xmm));
	asm volatile("movq %0, %%xmm7" : : "r"(~0UL));
	set(&step, 1);
	while (!get(&stop))
		hc0(DOMUS_HC_YIELD);
}

static void up_and_down(void)
{
	unsigned int i, bad = 0;

	for (i = 0; i < guest_info->vcpus; i++)
		bad += hc1(DOMUS_HC_VCPU_STATE, i) != (i ? DOMUS_VCPU_OFFLINE : DOMUS_VCPU_ONLINE);
	ok(!bad && guest_info->vcpus == 4, "one vCPU of four is online");
	ok(refused(hc0(DOMUS_HC_VCPU_DOWN), EBUSY), "the last one cannot go down");

	for (i = 0; i < 3; i++) {
		u64 arg = 0x1234567890abcdefUL + i;

		set(&step, 0);
		set(&stop, 0);
		ok(cpu_up(1, look_around, arg) == 0 && within(get(&step) == 1) &&
		   hc1(DOMUS_HC_VCPU_STATE, 1) == DOMUS_VCPU_ONLINE,
		   "vCPU 1 is up, time %u", i + 1);
		ok(seen.arg == arg && seen.id == 1 && seen.gs == (u64)cpus[1].page &&
		   !seen.vif && (seen.flags & 0x202) == 0x202 && !seen.xmm,
		   "where it was told to be, events off, FPU as new");
		ok(refused(cpu_up(1, look_around, 0), EBUSY), "it cannot be started again");
		set(&stop, 1);
		ok(cpu_is_down(1), "it goes down");
	}
	ok(refused(hc0(DOMUS_HC_VCPU_DOWN), EBUSY), "and again the last one cannot");
}

static void never(u64 arg)
{
	guest_stop(DOMUS_SHUTDOWN_CRASH, "a vCPU runs that was refused");
}

/* VCPU_UP of vCPU 1 with one field of the structure changed. */
static bool up_with(__u64 *field, u64 value, long error)
{
	u64 was;

	cpu_prepare(1, never, 0);
	was = *field;
	*field = value;
	if (!refused(hc2(DOMUS_HC_VCPU_UP, 1, pa(&cpus[1].init)), error))
		return false;
	*field = was;
	return hc1(DOMUS_HC_VCPU_STATE, 1) == DOMUS_VCPU_OFFLINE;
}

static void refusals(void)
{
	struct domus_vcpu_init *init = &cpus[1].init;
	static const u64 none[] = { 4, 63, 64, 1 << 16, 1UL << 32, 1UL << 63, ~0UL };
	unsigned int i, bad = 0;

	cpu_prepare(1, never, 0);
	for (i = 0; i < sizeof(none) / sizeof(*none); i++) {
		bad += !refused(hc2(DOMUS_HC_VCPU_UP, none[i], pa(init)), EINVAL);
		bad += !refused(hc1(DOMUS_HC_VCPU_STATE, none[i]), EINVAL);
		bad += !refused(hc1(DOMUS_HC_VCPU_KICK, none[i]), EINVAL);
		bad += !refused(hc1(DOMUS_HC_YIELD_TO, none[i]), EINVAL);
		bad += !refused(hc2(DOMUS_HC_EVENT_BIND, DOMUS_PORT_IPI, none[i]), EINVAL);
		bad += !refused(hc2(DOMUS_HC_EVENT_BIND, DOMUS_PORT_TIMER, none[i]), EINVAL);
	}
	ok(!bad, "vCPUs that there are not");
	ok(refused(hc2(DOMUS_HC_VCPU_UP, 0, pa(init)), EBUSY), "the caller itself");
	ok(refused(hc2(DOMUS_HC_VCPU_UP, 1, BEYOND), EFAULT) &&
	   refused(hc2(DOMUS_HC_VCPU_UP, 1, ~0UL), EFAULT) &&
	   refused(hc2(DOMUS_HC_VCPU_UP, 1, guest_info->memory - 8), EFAULT),
	   "a structure outside of memory, or that ends there");
	ok(up_with(&init->rip, 0x0000800000000000UL, EINVAL) &&
	   up_with(&init->rip, 0x7fffffff00000000UL, EINVAL), "no canonical rip");
	ok(up_with(&init->vcpu_page_gpa, pa(cpus[1].page) + 8, EINVAL) &&
	   up_with(&init->vcpu_page_gpa, BEYOND, EFAULT) &&
	   up_with(&init->vcpu_page_gpa, ~0UL << 12, EFAULT),
	   "a page that is not aligned, or no memory");
	ok(up_with(&init->root_gpa, guest_info->root_gpa + 8, EINVAL) &&
	   up_with(&init->root_gpa, BEYOND, EINVAL) && up_with(&init->root_gpa, ~0UL << 12, EINVAL),
	   "a root that is not aligned, or no memory");
	set(&step, 0);
	set(&stop, 1);
	ok(cpu_up(1, look_around, 7) == 0 && within(get(&step) == 1) && seen.arg == 7 &&
	   cpu_is_down(1), "after all that it can be started");
}

/* ---- 2. Interrupts ----------------------------------------------------------------------- */

static u32 ipi[4], timer[4];

static void echo(u64 rounds)
{
	while (get(&port_count[ipi[1]]) < rounds) {
		u32 before = get(&step);

		/* the handler counts; each one is answered */
		sleep_until(get(&port_count[ipi[1]]) != before);
		set(&step, before + 1);
		hc1(DOMUS_HC_EVENT_SEND, ipi[0]);
	}
}

static void spin(u64 arg)
{
	my_page()->vif = 1;
	set(&step, 1);
	while (!get(&stop))
		;
	my_page()->vif = 0;
}

static void deaf(u64 arg)
{
	set(&step, 1);
	while (!get(&stop))
		;
	my_page()->vif = 1;
	if (my_page()->pending)
		hc0(DOMUS_HC_DELIVER);
	my_page()->vif = 0;
	set(&step, 2);
}

static void own_timer(u64 arg)
{
	hc1(DOMUS_HC_SET_TIMER, hc1(DOMUS_HC_GET_TIME, DOMUS_TIME_MONOTONIC) + 1000000);
	sleep_until(get(&port_count[timer[2]]));
	set(&step, 1);
}

static void enable(u64 arg)
{
	my_page()->vif = 1;
	if (my_page()->pending)
		hc0(DOMUS_HC_DELIVER);
	my_page()->vif = 0;
}

/* vCPU 1 does it until it is told to stop; what then is, is the caller's to say. */
static bool begin(void (*fn)(u64 arg))
{
	set(&step, 0);
	set(&stop, 0);
	return cpu_up(1, fn, 0) == 0 && within(get(&step) == 1);
}

static bool end(void)
{
	set(&stop, 1);
	return cpu_is_down(1);
}

static void interrupts(void)
{
	const u32 rounds = 300;
	unsigned int i;
	u32 before;

	for (i = 0; i < 4; i++) {
		ipi[i] = port_open(DOMUS_PORT_IPI, i);
		timer[i] = port_open(DOMUS_PORT_TIMER, i);
	}
	set(&step, 0);
	ok(cpu_up(1, echo, rounds) == 0, "vCPU 1 answers interrupts");
	for (i = 1; i <= rounds; i++) {
		hc1(DOMUS_HC_EVENT_SEND, ipi[1]);
		sleep_until(get(&port_count[ipi[0]]) == i);
	}
	ok(get(&port_count[ipi[0]]) == rounds && get(&port_count[ipi[1]]) == rounds &&
	   cpu_is_down(1), "%u there and back, both sleep in between", rounds);

	before = get(&port_count[ipi[1]]);
	ok(begin(spin), "vCPU 1 computes");
	for (i = 1; i <= 50; i++) {
		hc1(DOMUS_HC_EVENT_SEND, ipi[1]);
		if (!within(get(&port_count[ipi[1]]) == before + i))
			break;
	}
	ok(end() && get(&port_count[ipi[1]]) == before + 50, "50 interrupts come at once");

	before = get(&port_count[ipi[1]]);
	ok(begin(deaf), "vCPU 1 has events off");
	for (i = 0; i < 50; i++)
		hc1(DOMUS_HC_EVENT_SEND, ipi[1]);
	ok(get(&port_count[ipi[1]]) == before, "nothing comes");
	ok(end() && get(&port_count[ipi[1]]) == before + 1, "one when it turns them on");

	hc1(DOMUS_HC_EVENT_SEND, ipi[1]);
	hc1(DOMUS_HC_EVENT_SEND, ipi[3]);
	ok(get(&port_count[ipi[1]]) == before + 1, "vCPU 1 is down");
	ok(cpu_up(1, enable, 0) == 0 && cpu_is_down(1) &&
	   get(&port_count[ipi[1]]) == before + 2 && !get(&port_count[ipi[3]]),
	   "up again it finds what was sent, and not another's");

	set(&step, 0);
	ok(cpu_up(2, own_timer, 0) == 0 && within(get(&step) == 1) && cpu_is_down(2) &&
	   get(&port_count[timer[2]]) == 1 && !get(&port_count[timer[1]]), "a timer of its own");
	ok(refused(hc1(DOMUS_HC_EVENT_SEND, timer[1]), EINVAL), "which is not to be sent");
}

/* ---- 3. Flushes ------------------------------------------------------------------------------ */

#define WINDOW 0xffffffffc0200000UL	/* in the upper half, not mapped by anything */
#define LOWER  0x700000UL

static u32 round_nr;
static u32 stale;

/* Reads all the time: what it reads is not older than what was there before it looked. */
static void reader(u64 at)
{
	set(&step, 1);
	while (!get(&stop)) {
		u32 least = get(&round_nr);

		if (*(volatile u32 *)at < least)
			__atomic_add_fetch(&stale, 1, __ATOMIC_SEQ_CST);
	}
}

static bool remap(u64 at, unsigned int rounds, u64 op, u64 mask)
{
	u32 *page[2] = { page_alloc(), page_alloc() };
	u64 *root = guest_root(), *pte;
	unsigned int i, readers = 0;
	bool good = true;

	map_page(root, at, pa(page[0]), PTE_P | PTE_W | PTE_A | PTE_D);
	pte = find_pte(root, at);
	set(&round_nr, 0);
	set(&stale, 0);
	set(&stop, 0);
	for (i = 1; i < 4; i++) {
		set(&step, 0);
		readers += cpu_up(i, reader, at) == 0 && within(get(&step) == 1);
	}
	for (i = 1; i <= rounds && good; i++) {
		*page[i & 1] = i;
		__atomic_store_n(pte, pa(page[i & 1]) | PTE_P | PTE_W | PTE_A | PTE_D,
				 __ATOMIC_SEQ_CST);
		good = hcall(DOMUS_HC_MMU_FLUSH, op, guest_info->root_gpa, at, at + 4096, mask,
			     NULL) == 0;
		set(&round_nr, i);
		if (!(i % 16))
			hc0(DOMUS_HC_YIELD);
	}
	set(&stop, 1);
	for (i = 1; i < 4; i++)
		good &= cpu_is_down(i);
	__atomic_store_n(pte, 0, __ATOMIC_SEQ_CST);
	hcall(DOMUS_HC_MMU_FLUSH, DOMUS_FLUSH_RANGE, guest_info->root_gpa, at, at + 4096, ~0UL,
	      NULL);
	if (get(&stale))
		print("# %u stale reads\n", get(&stale));
	return good && readers == 3 && !get(&stale);
}

extern const u8 write_here[], write_behind[];
static u32 refused_writes;

/* Writes all the time, where it may. */
static void writer(u64 at)
{
	u32 n = 0;

	set(&step, 1);
	while (!get(&stop))
		asm volatile("write_here: movl %0, 8(%1)\nwrite_behind:" : : "r"(++n), "r"(at) :
			     "memory");
}

static bool is_refused(struct guest_regs *regs)
{
	if (regs->rip != (u64)write_here)
		return false;
	regs->rip = (u64)write_behind;
	__atomic_add_fetch(&refused_writes, 1, __ATOMIC_SEQ_CST);
	return true;
}

/*
 * A page that becomes read-only and executable, and is executed before it is flushed: when that
 * is done nobody writes there, though the vCPU that asks has the new entry already.
 */
static bool protect(u64 at, unsigned int rounds)
{
	u8 *page = page_alloc();
	u32 *word = (u32 *)(page + 8), last;
	unsigned int i, j, bad = 0;
	u64 *pte;
	bool good;

	page[0] = 0xc3;		/* ret */
	map_page(guest_root(), at, pa(page), PTE_P | PTE_W | PTE_NX | PTE_A | PTE_D);
	pte = find_pte(guest_root(), at);
	on_trap(14, is_refused);
	set(&step, 0);
	set(&stop, 0);
	good = cpu_up(1, writer, at) == 0 && within(get(&step) == 1);
	for (i = 0; good && i < rounds; i++) {
		last = get(word);
		*pte = pa(page) | PTE_P | PTE_W | PTE_NX | PTE_A | PTE_D;
		hcall(DOMUS_HC_MMU_FLUSH, DOMUS_FLUSH_RANGE, guest_info->root_gpa, at, at + 4096,
		      ~0UL, NULL);
		good = within(get(word) != last);
		*pte = pa(page) | PTE_P | PTE_A | PTE_D;
		((void (*)(void))at)();
		hcall(DOMUS_HC_MMU_FLUSH, DOMUS_FLUSH_WRPROTECT, guest_info->root_gpa, at,
		      at + 4096, ~0UL, NULL);
		last = get(word);
		for (j = 0; j < 10000; j++)
			bad += get(word) != last;
	}
	set(&stop, 1);
	good &= cpu_is_down(1) && get(&refused_writes);
	on_trap(14, NULL);
	if (bad)
		print("# %u writes behind it\n", bad);
	return good && !bad;
}

static void flushes(void)
{
	ok(protect(LOWER + 0x10000, 50), "no write behind a write protection");
	ok(remap(LOWER, 400, DOMUS_FLUSH_RANGE, ~0UL), "no stale read: a range");
	ok(remap(LOWER, 400, DOMUS_FLUSH_LEAVES, ~0UL), "leaves of a range");
	ok(remap(LOWER, 400, DOMUS_FLUSH_RANGE, 0xe), "a mask of those who look");
	ok(remap(LOWER, 100, DOMUS_FLUSH_ROOT, ~0UL), "a root");
	ok(remap(LOWER, 30, DOMUS_FLUSH_ALL, ~0UL), "all");
	ok(remap(WINDOW, 400, DOMUS_FLUSH_RANGE, ~0UL), "a range of the upper half");
	ok(remap(WINDOW, 400, DOMUS_FLUSH_LEAVES, ~0UL), "leaves of it");
	ok(hcall(DOMUS_HC_MMU_FLUSH, DOMUS_FLUSH_RANGE, guest_info->root_gpa, LOWER, LOWER + 4096,
		 ~0UL << 4, NULL) == 0, "a mask of vCPUs that there are not");
}

/* ---- 4. Waits ---------------------------------------------------------------------------------- */

static void waiter(u64 rounds)
{
	u32 i;

	for (i = 1; i <= rounds; i++) {
		while (get(&round_nr) < i)
			hc0(DOMUS_HC_VCPU_WAIT);
		set(&step, i);
		hc1(DOMUS_HC_VCPU_KICK, 0);
	}
}

static void pause_ms(u64 ms)
{
	u64 end = hc1(DOMUS_HC_GET_TIME, DOMUS_TIME_MONOTONIC) + ms * 1000000;

	while ((u64)hc1(DOMUS_HC_GET_TIME, DOMUS_TIME_MONOTONIC) < end)
		hc0(DOMUS_HC_YIELD);
}

/* Where it is asleep since long it shows all the time what it showed as it fell asleep. */
static bool sleeps_unpreempted(void)
{
	unsigned int i;

	pause_ms(20);
	for (i = 0; i < 10 && !cpus[1].page->preempted; i++)
		pause_ms(1);
	return i == 10;
}

static u32 saw[2];	/* vCPU 1 shown as not preempted, as preempted */

static void spin_and_look(u64 arg)
{
	while (!get(&stop))
		set(&saw[!!__atomic_load_n(&cpus[1].page->preempted, __ATOMIC_SEQ_CST)], 1);
}

/*
 * More that compute than the host has CPUs: each has to go now and then. Who shares a CPU
 * with vCPU 1 sees it out only, so the others look as well.
 */
static bool preempted(void)
{
	bool good;

	set(&saw[0], 0);
	set(&saw[1], 0);
	good = begin(spin) && cpu_up(2, spin_and_look, 0) == 0 &&
	       cpu_up(3, spin_and_look, 0) == 0 && within(get(&saw[0]) && get(&saw[1]));
	return end() & cpu_is_down(2) & cpu_is_down(3) & good;
}

static void waits(void)
{
	const u32 rounds = 500;
	u64 steal;
	u32 i;

	set(&round_nr, 0);
	set(&step, 0);
	ok(cpu_up(1, waiter, rounds) == 0, "vCPU 1 waits");
	for (i = 1; i <= rounds; i++) {
		set(&round_nr, i);
		hc1(DOMUS_HC_VCPU_KICK, 1);
		while (get(&step) < i)
			hc0(DOMUS_HC_VCPU_WAIT);
	}
	ok(cpu_is_down(1) && !my_page()->vif, "%u kicks there and back, events off", rounds);
	ok(hc1(DOMUS_HC_VCPU_KICK, 0) == 0 && hc0(DOMUS_HC_VCPU_WAIT) == 0, "a kick before a wait");
	hc1(DOMUS_HC_EVENT_SEND, ipi[0]);
	i = get(&port_count[ipi[0]]);
	my_page()->vif = 1;
	hc0(DOMUS_HC_VCPU_WAIT);
	my_page()->vif = 0;
	ok(get(&port_count[ipi[0]]) == i + 1, "with events on one ends the wait");
	ok(hc1(DOMUS_HC_VCPU_KICK, 3) == 0 && hc1(DOMUS_HC_YIELD_TO, 3) == 0 &&
	   hc1(DOMUS_HC_YIELD_TO, 0) == 0, "nothing comes of it where nobody runs");

	ok(preempted(), "vCPU 1 beside others is preempted, and not, and shows it");
	ok(begin(spin) && within(!cpus[1].page->preempted), "vCPU 1 computes, and shows it");
	steal = cpus[1].page->steal_ns;
	for (i = 0; i < 200; i++)
		hc1(DOMUS_HC_YIELD_TO, 1);
	ok(cpus[1].page->steal_ns >= steal && end(), "stolen time does not go back");
	set(&step, 0);
	set(&round_nr, 0);
	ok(cpu_up(1, waiter, 1) == 0 && sleeps_unpreempted(), "it sleeps, which is no preemption");
	set(&round_nr, 1);
	ok(hc1(DOMUS_HC_VCPU_KICK, 1) == 0 && cpu_is_down(1), "and wakes up");
}

/* ---- 5. Topology --------------------------------------------------------------------------------- */

static struct { u32 apic, count, smt, cores, x2apic; } topology[4];

static void ask(u64 me)
{
	u64 low, high = 0;

	low = hcall(DOMUS_HC_CPUID, 1, 0, 0, 0, 0, &high);
	topology[me].apic = low >> 56;
	topology[me].count = low >> 48 & 0xff;
	low = hcall(DOMUS_HC_CPUID, 0xb, 0, 0, 0, 0, &high);
	topology[me].smt = (low & 0x1f) << 16 | (low >> 32 & 0xffff);
	topology[me].x2apic = high >> 32;
	low = hcall(DOMUS_HC_CPUID, 0xb, 1, 0, 0, 0, &high);
	topology[me].cores = (low & 0x1f) << 16 | (low >> 32 & 0xffff);
}

static void topologies(void)
{
	unsigned int i, bad = 0;

	ask(0);
	for (i = 1; i < 4; i++)
		bad += cpu_up(i, ask, i) != 0 || !cpu_is_down(i);
	for (i = 0; i < 4; i++)
		bad += topology[i].apic != i || topology[i].x2apic != i || topology[i].count != 4 ||
		       topology[i].smt != 1 || topology[i].cores != (2 << 16 | 4);
	ok(!bad, "four cores of one thread, numbered");
}

void test(void)
{
	plan(2 + 3 * 4 + 1 + 9 + 11 + 7 + 10 + 1);
	on_trap(EVENT, port_event);
	smp_init(4);
	up_and_down();
	refusals();
	interrupts();
	flushes();
	waits();
	topologies();
}
