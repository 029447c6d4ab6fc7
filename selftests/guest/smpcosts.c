// SPDX-License-Identifier: GPL-2.0-only
/*
 * What five vCPUs cost that flush a page of each other's TLBs, and wake each other up
 * (lib/costs.h). "flush=N", "change=N" and "wake=N" on the command line bound it. It
 * begins when it is told a line.
 */
#include "costs.h"
#include "hostile.h"
#include "line.h"
#include "smp.h"

#define WINDOW	0x700000UL

static u32 port;
static u64 frame[2], *pte;

COSTS_ENTRY(wake_entry, "guest_entries + 16 * 32");

static void start(unsigned int nr, void (*fn)(u64 nr))
{
	if (!cpu_is_down(nr) || cpu_up(nr, fn, nr))
		guest_stop(DOMUS_SHUTDOWN_CRASH, "no vCPU");
}

static void flush(void)
{
	hcall(DOMUS_HC_MMU_FLUSH, DOMUS_FLUSH_RANGE, guest_info->root_gpa, WINDOW, WINDOW + 4096,
	      COSTS_MASK, NULL);
}

static void change(unsigned int to)
{
	__atomic_store_n(pte, frame[to], __ATOMIC_SEQ_CST);
	flush();
}

static void send(void)
{
	hc1(DOMUS_HC_EVENT_SEND, port);
}

static void halt(void)
{
	/* an event that is there already is taken in BLOCK, not before */
	u32 before = get(&port_count[port]);

	sleep_until(get(&port_count[port]) != before);
}

static void map_window(void)
{
	unsigned int i;

	for (i = 0; i < 2; i++) {
		u8 *page = page_alloc();

		*page = i + 1;
		frame[i] = pa(page) | PTE_P | PTE_W | PTE_U | PTE_A | PTE_D;
	}
	map_page(guest_root(), WINDOW, 0, 0);
	pte = find_pte(guest_root(), WINDOW);
	*pte = frame[0];
}

void test(void)
{
	const struct costs_ops ops = {
		.window = (volatile u8 *)WINDOW,
		.start = start, .flush = flush, .change = change, .send = send, .halt = halt,
	};
	struct costs costs;
	char go[8];

	plan(4);
	read_line(go, sizeof(go), yield);
	on_trap(DOMUS_ENTRY_EVENT, port_event);
	hc2(DOMUS_HC_SET_ENTRY, DOMUS_ENTRY_EVENT, (u64)wake_entry);
	smp_init(COSTS_TARGETS + 1);
	port = port_open(DOMUS_PORT_IPI, 1);
	map_window();
	costs_measure(&ops, &costs);
	print("# costs: wake %lu flush %lu change %lu\n", costs.wake, costs.flush, costs.change);
	ok(costs.wake <= arg_number("wake", ~0UL), "a halted vCPU wakes up: %lu ticks", costs.wake);
	ok(costs.flush <= arg_number("flush", ~0UL), "a page leaves the TLBs of %u vCPUs: %lu ticks",
	   COSTS_TARGETS, costs.flush);
	ok(costs.change <= arg_number("change", ~0UL), "an entry changes under %u vCPUs: %lu ticks",
	   COSTS_TARGETS, costs.change);
	ok(!costs.stale, "nobody saw what was gone: %u", costs.stale);
}
