// SPDX-License-Identifier: GPL-2.0-only
/*
 * Waits of chosen lengths, for who looks at how they were waited (halt.sh). "how=" says which,
 * "n=" how many; afterwards the guest says "finished" and sleeps for ever.
 *
 *   long     each one is far too long to be polled for
 *   caught   each one is as long as a poll may be, nearly
 *   missed   each one ends a little after the poll that those before it allow
 *   ipi      vCPU 1 answers interrupts: what there and back costs, in ticks, without end
 */
#include "hostile.h"
#include "smp.h"

#define ROUNDS	301

static u32 timer, ipi[2];

static void wait_ns(u64 ns)
{
	u32 before = get(&port_count[timer]);

	hc1(DOMUS_HC_SET_TIMER, hc1(DOMUS_HC_GET_TIME, DOMUS_TIME_MONOTONIC) + ns);
	sleep_until(get(&port_count[timer]) != before);
}

static void waits(const u32 *ns, unsigned int count, u64 n)
{
	u64 i;

	for (i = 0; i < n; i++)
		wait_ns(ns[i % count]);
}

static u64 ticks(void)
{
	u32 low, high;

	asm volatile("rdtsc" : "=a"(low), "=d"(high) : : "memory");
	return (u64)high << 32 | low;
}

static void echo(u64 arg)
{
	u32 i;

	for (i = 0;; i++) {
		sleep_until(get(&port_count[ipi[1]]) != i);
		hc1(DOMUS_HC_EVENT_SEND, ipi[0]);
	}
}

static void there_and_back(void)
{
	static u64 took[ROUNDS];
	u32 i, j;

	for (i = 0; i < ROUNDS; i++) {
		u32 before = get(&port_count[ipi[0]]);
		u64 from = ticks();

		hc1(DOMUS_HC_EVENT_SEND, ipi[1]);
		sleep_until(get(&port_count[ipi[0]]) != before);
		from = ticks() - from;
		for (j = i; j && took[j - 1] > from; j--)
			took[j] = took[j - 1];
		took[j] = from;
	}
	print("there and back: %lu\n", took[ROUNDS / 2]);
}

static void interrupts(void)
{
	ipi[0] = port_open(DOMUS_PORT_IPI, 0);
	ipi[1] = port_open(DOMUS_PORT_IPI, 1);
	cpu_up(1, echo, 0);
	for (;;)
		there_and_back();
}

void test(void)
{
	static const u32 too_long[] = { 1000000 }, caught[] = { 45000 };
	static const u32 missed[] = { 15000, 25000, 45000, 60000 };
	u64 n = arg_number("n", 1000);

	on_trap(EVENT, port_event);
	smp_init(guest_info->vcpus);
	timer = port_open(DOMUS_PORT_TIMER, 0);
	if (arg_is("how", "long"))
		waits(too_long, 1, n);
	else if (arg_is("how", "caught"))
		waits(caught, 1, n);
	else if (arg_is("how", "missed"))
		waits(missed, 4, n);
	else if (arg_is("how", "ipi"))
		interrupts();
	print("finished\n");
	for (;;)
		sleep_until(false);
}
