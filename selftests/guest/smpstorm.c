// SPDX-License-Identifier: GPL-2.0-only
/*
 * vCPUs that do to each other whatever there is, all at once: start and stop, interrupts,
 * flushes with any mask, kicks and yields, ports bound and closed under each other, roots
 * that all use, loaded and released, several calls in one. Nobody waits for anybody: who
 * sleeps is woken up by a timer, or by the end. With "forever=1" it does not end by
 * itself; with "reboot=1" it ends so, in the middle of it.
 */
#include "hostile.h"
#include "smp.h"

#define EVENT	32
#define WINDOW	0xffffffffc0200000UL
#define PAGES	32
#define ROOTS	4
#define CALLS	8	/* in one */

static u32 stop, storms;
static u32 nr_cpus;
static u64 roots[ROOTS];	/* of the same tables */
static struct domus_multicall calls[DOMUS_MAX_VCPUS][CALLS];

static u64 a_vcpu(u64 *seed)
{
	u64 z = random_of(seed);

	return z & 0xf00 ? (z >> 12) % nr_cpus : z;
}

static u64 a_port(u64 *seed)
{
	u64 z = random_of(seed);

	return z & 0xf00 ? 1 + (z >> 12) % 24 : z;
}

static void flush(u64 *seed)
{
	u64 z = random_of(seed), at = WINDOW + (z >> 8) % PAGES * 4096, mask = random_of(seed);

	if (z & 1)
		at = 0x700000 + (z >> 8) % PAGES * 4096;
	if ((z & 0x3e) == 0)
		hcall(DOMUS_HC_MMU_FLUSH, z >> 40 & 7, random_of(seed), random_of(seed),
		      random_of(seed), mask, NULL);
	else
		hcall(DOMUS_HC_MMU_FLUSH, z & 0x40 ? DOMUS_FLUSH_RANGE : DOMUS_FLUSH_WRPROTECT,
		      guest_info->root_gpa, at, at + (1 + (z >> 48) % 4) * 4096, mask, NULL);
}

static void touch(u64 *seed)
{
	u64 z = random_of(seed);
	u32 *at = (u32 *)((z & 1 ? WINDOW : 0x700000) + (z >> 8) % PAGES * 4096);

	if (z & 2)
		set(at, z);
	else
		get(at);
}

static u64 a_root(u64 *seed)
{
	u64 z = random_of(seed);

	return z & 0xf00 ? roots[(z >> 12) % ROOTS] : z;
}

/* Some with what they take, some with anything; some may not be in there. */
static void several(u64 *seed, u64 me)
{
	static const u8 which[] = {
		DOMUS_HC_VCPU_UP, DOMUS_HC_VCPU_DOWN, DOMUS_HC_VCPU_STATE, DOMUS_HC_VCPU_KICK,
		DOMUS_HC_VCPU_WAIT, DOMUS_HC_YIELD_TO, DOMUS_HC_EVENT_SEND,
		DOMUS_HC_EVENT_UNMASK, DOMUS_HC_EVENT_CLOSE, DOMUS_HC_LOAD_ROOT,
		DOMUS_HC_RELEASE_ROOT, DOMUS_HC_MMU_FLUSH, DOMUS_HC_BLOCK, DOMUS_HC_MULTICALL,
		DOMUS_HC_YIELD, DOMUS_HC_SET_TIMER,
	};
	u64 n = 1 + random_of(seed) % CALLS, i, j;

	for (i = 0; i < n; i++) {
		struct domus_multicall *c = &calls[me][i];

		c->call = which[random_of(seed) % sizeof(which)];
		for (j = 0; j < 6; j++)
			c->args[j] = random_of(seed);
		if (c->call == DOMUS_HC_LOAD_ROOT || c->call == DOMUS_HC_RELEASE_ROOT)
			c->args[0] = a_root(seed);
		else if (c->call < DOMUS_HC_SET_TIMER || c->call > DOMUS_HC_BLOCK)
			c->args[0] = a_vcpu(seed);
		if (c->call == DOMUS_HC_VCPU_UP)
			c->args[1] = pa(&cpus[c->args[0] % nr_cpus].init);
	}
	hc2(DOMUS_HC_MULTICALL, pa(calls[me]), n);
}

/* The first one, which ends the storm, does not: others may close the port. */
static void timed_sleep(u64 *seed, u64 me)
{
	long port = hc2(DOMUS_HC_EVENT_BIND, DOMUS_PORT_TIMER, me);

	if (port > 0)
		hc1(DOMUS_HC_EVENT_UNMASK, port);
	hc1(DOMUS_HC_SET_TIMER, hc1(DOMUS_HC_GET_TIME, DOMUS_TIME_MONOTONIC) +
				random_of(seed) % 200000);
	/* the event that is to end the storm may come before: events are off from here on */
	my_page()->vif = 0;
	if (me && !(random_of(seed) % 4) && !get(&stop))
		hc0(DOMUS_HC_BLOCK);
	my_page()->vif = 1;
}

static void storm(u64 me);

/* What a vCPU does to itself, and to what it shares. */
static void own(u64 *seed, u64 me)
{
	switch (random_of(seed) % 6) {
	case 0: case 1:
		hc1(DOMUS_HC_LOAD_ROOT, a_root(seed));
		break;
	case 2:
		hc1(DOMUS_HC_RELEASE_ROOT, a_root(seed));
		break;
	case 3:
		several(seed, me);
		break;
	case 4:
		timed_sleep(seed, me);
		break;
	case 5:
		/* to where it is, or to where there is nothing */
		hc1(DOMUS_HC_SET_VCPU_PAGE, random_of(seed) & 1 ? pa(my_page()) :
							  random_of(seed) | 1 << 30);
		break;
	}
}

static void one(u64 *seed, u64 me)
{
	u64 vcpu = a_vcpu(seed);

	switch (random_of(seed) % 20) {
	case 0: case 1:
		hc2(DOMUS_HC_VCPU_UP, vcpu, pa(&cpus[vcpu % nr_cpus].init));
		break;
	case 2:
		hc2(DOMUS_HC_VCPU_UP, vcpu, guest_info->memory - random_of(seed) % 64);
		break;
	case 3:
		hc1(DOMUS_HC_VCPU_STATE, vcpu);
		break;
	case 4: case 5: case 6:
		hc1(DOMUS_HC_EVENT_SEND, a_port(seed));
		break;
	case 7:
		hc2(DOMUS_HC_EVENT_BIND, random_of(seed) % 8, vcpu);
		break;
	case 8:
		hc1(DOMUS_HC_EVENT_CLOSE, a_port(seed));
		break;
	case 9:
		hc1(DOMUS_HC_EVENT_UNMASK, a_port(seed));
		break;
	case 10: case 11:
		flush(seed);
		break;
	case 12:
		hc1(DOMUS_HC_VCPU_KICK, vcpu);
		break;
	case 13:
		hc1(DOMUS_HC_VCPU_KICK, me);
		hc0(DOMUS_HC_VCPU_WAIT);
		break;
	case 14:
		hc1(DOMUS_HC_YIELD_TO, vcpu);
		break;
	case 15:
		touch(seed);
		if (me && !(random_of(seed) % 64) && hc0(DOMUS_HC_VCPU_DOWN) == 0)
			guest_stop(DOMUS_SHUTDOWN_CRASH, "down, and still here");
		break;
	default:
		own(seed, me);
	}
}

static void storm(u64 me)
{
	u64 seed = hc1(DOMUS_HC_GET_TIME, DOMUS_TIME_MONOTONIC) * 64 + me;

	__atomic_add_fetch(&storms, 1, __ATOMIC_SEQ_CST);
	my_page()->vif = 1;
	while (!get(&stop))
		one(&seed, me);
	my_page()->vif = 0;
}

/* The one that sleeps may have lost its timer's port. */
static void wake_up(unsigned int cpu)
{
	long port = hc2(DOMUS_HC_EVENT_BIND, DOMUS_PORT_IPI, cpu);

	if (port > 0) {
		hc1(DOMUS_HC_EVENT_UNMASK, port);
		hc1(DOMUS_HC_EVENT_SEND, port);
	}
	hc1(DOMUS_HC_VCPU_KICK, cpu);
}

static void make_roots(void)
{
	unsigned int i;
	void *root;

	roots[0] = guest_info->root_gpa;
	for (i = 1; i < ROOTS; i++) {
		root = page_alloc();
		copy_to(root, guest_root(), 4096);
		roots[i] = pa(root);
	}
}

static void start_all(void)
{
	unsigned int i;

	set(&stop, 0);
	for (i = 1; i < nr_cpus; i++)
		hc2(DOMUS_HC_VCPU_UP, i, pa(&cpus[i].init));
}

void test(void)
{
	u64 n = arg_number("n", 20000), seed = arg_number("seed", 1), i, bad = 0;
	void *page;

	nr_cpus = guest_info->vcpus;
	/* who reboots has no results: a plan would promise some, once for each life */
	if (!arg_number("reboot", 0))
		plan(3);
	on_trap(EVENT, port_event);
	smp_init(nr_cpus);
	for (i = 0; i < PAGES; i++) {
		page = page_alloc();
		map_page(guest_root(), WINDOW + i * 4096, pa(page), PTE_P | PTE_W | PTE_A | PTE_D);
		map_page(guest_root(), 0x700000 + i * 4096, pa(page),
			 PTE_P | PTE_W | PTE_U | PTE_A);
	}
	make_roots();
	/* before there is anybody who might start them */
	for (i = 0; i < nr_cpus; i++) {
		cpu_prepare(i, storm, i);
		cpus[i].init.root_gpa = roots[i % ROOTS];
	}
	start_all();
	print("# the storm begins\n");
	my_page()->vif = 1;
	for (i = 0; i < n || arg_number("forever", 0); i++)
		one(&seed, 0);
	if (arg_number("reboot", 0))
		guest_stop(DOMUS_SHUTDOWN_REBOOT, NULL);
	my_page()->vif = 0;
	set(&stop, 1);
	for (i = 1; i < DOMUS_MAX_PORTS; i++)
		hc1(DOMUS_HC_EVENT_CLOSE, i);
	for (i = 1; i < nr_cpus; i++) {
		wake_up(i);
		bad += !cpu_is_down(i);
	}
	print("# %u vCPUs started\n", get(&storms));
	ok(!bad, "%lu calls later all others go down", n);
	ok(hc0(DOMUS_HC_VCPU_DOWN) == -EBUSY, "and this one is the last");
	start_all();
	ok(within(hc1(DOMUS_HC_VCPU_STATE, 1) == DOMUS_VCPU_ONLINE),
	   "the domain ends while they run");
}
