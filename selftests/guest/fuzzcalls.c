// SPDX-License-Identifier: GPL-2.0-only
/*
 * The para-API, fuzzed by its structure: each step is a call as the table of PARA-API.md has
 * it, with arguments of the right kind, mostly, and values from the edges; or some of them in
 * a MULTICALL; or something written into what is shared with the hypervisor: the vCPU page,
 * the event page, page tables that are loaded and walked, rings of a device, structures that
 * calls take; or a return from any frame.
 *
 *	mode=calls|pages|tables|devices|all   seed=N   n=N
 *
 * Most steps are undone, so that a guest lives for many of them. One that has ended it is the
 * one behind the last "at"; random.sh makes another.
 */
#include "disk.h"
#include "hostile.h"

#define TIME	3000000UL	/* ns that a step may take */
#define SCRATCH	64		/* pages that anything may be written to */
#define LOW	0x40000000UL	/* mapped by tables that anything may be written to */

static u8 *scratch;
static u64 *spoilt[4];		/* roots with such tables */
static u64 *tables[4];		/* of them: of the last two levels */
static u64 made, refused;

static u64 any(void)
{
	static const u64 edges[] = {
		0, 1, 2, 7, 8, 63, 64, 65, 0xfff, 0x1000, 0x1001, 4095, 4096, 0x7fffffff,
		0x80000000, 0xffffffff, 0x100000000, 1UL << 47, (1UL << 47) - 1, 1UL << 52,
		1UL << 63, ~0UL, ~0UL - 4095, 0x800000000000, 0xffff800000000000,
		0xffff888000000000, 0xff00000000000000, 0xffffffff81000000, GUEST_MAP_BASE,
	};

	if (random_below(4))
		return edges[random_below(sizeof(edges) / sizeof(*edges))];
	return random() >> random_below(64);
}

static u64 page(void)
{
	return pa(scratch) + 4096 * random_below(SCRATCH);
}

/* ---- 1. Calls --------------------------------------------------------------------------- */

/* Kinds of arguments. */
enum { NIL, GPA, INSIDE, BYTES, VA, SMALL, WIDE, ROOT, VCPU, PORT, HANDLE, SLOT, MASK, NS };

struct shape {
	u8 call;
	u8 args[5];
};

static const struct shape shapes[] = {
	{ DOMUS_HC_VERSION }, { DOMUS_HC_FEATURES },
	{ DOMUS_HC_CONSOLE_READ, { INSIDE, BYTES } },
	{ DOMUS_HC_SET_CLOCK_PAGE, { GPA } },
	{ DOMUS_HC_SET_ENTRY, { SMALL, VA } },
	{ DOMUS_HC_SET_VCPU_PAGE, { WIDE } },
	{ DOMUS_HC_LOAD_ROOT, { ROOT } },
	{ DOMUS_HC_MMU_FLUSH, { SMALL, ROOT, VA, VA, MASK } },
	{ DOMUS_HC_RELEASE_ROOT, { ROOT } },
	{ DOMUS_HC_SET_SEGMENT, { SMALL, VA } },
	{ DOMUS_HC_SET_TLS, { SMALL, WIDE } },
	{ DOMUS_HC_SET_DEBUGREG, { SMALL, VA } },
	{ DOMUS_HC_GET_DEBUGREG, { SMALL } },
	{ DOMUS_HC_CPUID, { WIDE, SMALL } },
	{ DOMUS_HC_RDMSR, { WIDE } },
	{ DOMUS_HC_WRMSR, { WIDE, WIDE } },
	{ DOMUS_HC_SET_TIMER, { NS } },
	{ DOMUS_HC_GET_TIME, { SMALL } },
	{ DOMUS_HC_YIELD }, { DOMUS_HC_IBPB }, { DOMUS_HC_DELIVER },
	{ DOMUS_HC_VCPU_UP, { VCPU, INSIDE } },
	{ DOMUS_HC_VCPU_STATE, { VCPU } },
	{ DOMUS_HC_EVENT_BIND, { SMALL, VCPU } },
	{ DOMUS_HC_EVENT_CLOSE, { PORT } },
	{ DOMUS_HC_EVENT_UNMASK, { PORT } },
	{ DOMUS_HC_EVENT_SEND, { PORT } },
	{ DOMUS_HC_DEV_CONFIG, { SMALL, HANDLE, SMALL, INSIDE, BYTES } },
	{ DOMUS_HC_DEV_CONFIG, { NIL, SLOT, INSIDE } },
	{ DOMUS_HC_DEV_QUEUE, { SMALL, HANDLE, SMALL, INSIDE } },
	{ DOMUS_HC_DEV_NOTIFY, { HANDLE, SMALL } },
	{ DOMUS_HC_SHUTDOWN, { BYTES, INSIDE, BYTES } },
	{ DOMUS_HC_VCPU_KICK, { VCPU } },
	{ DOMUS_HC_YIELD_TO, { VCPU } },
};

extern const u8 guest_entries[], guest_syscall_entry[];
static struct device disk_dev;

static u64 argument(u8 kind)
{
	if (!random_below(8))
		return any();
	switch (kind) {
	case NIL:
		return 0;
	case GPA:
		return page();
	case INSIDE:
		return page() + (random_below(2) ? 0 : random_below(4096));
	case BYTES:
		return 4 + random_below(random_below(2) ? 64 : 9000);
	case VA:
		return random_below(2) ? LOW + 4096 * random_below(1024) : any();
	case SMALL:
		return random_below(random_below(2) ? 8 : 48);
	case ROOT:
		return pa(random_below(3) ? spoilt[random_below(4)] : guest_root());
	case VCPU:
		return random_below(3);
	case PORT:
		return random_below(random_below(2) ? 16 : DOMUS_MAX_PORTS);
	case HANDLE:
		return disk_dev.info.handle;
	case SLOT:
		return random_below(4);
	case MASK:
		return random_below(4);
	case NS:
		return hc1(DOMUS_HC_GET_TIME, DOMUS_TIME_MONOTONIC) + random_below(1000000);
	default:
		return any();
	}
}

/* What would be the end at once is not asked for. */
static void make_call(struct domus_multicall *c)
{
	const struct shape *s = &shapes[random_below(sizeof(shapes) / sizeof(*shapes))];
	unsigned int i;

	c->call = s->call;
	for (i = 0; i < 5; i++)
		c->args[i] = argument(s->args[i]);
	if (c->call == DOMUS_HC_SHUTDOWN && c->args[0] <= DOMUS_SHUTDOWN_SUSPEND)
		c->call = DOMUS_HC_PAGE_CALLS - 1;
	/* our own root is in use for as long as we are */
	if (c->call == DOMUS_HC_RELEASE_ROOT && c->args[0] == pa(guest_root()))
		c->args[0] = 0;
	/* the library finds the page where it was */
	if (c->call == DOMUS_HC_SET_VCPU_PAGE && !(c->args[0] & 4095) &&
	    c->args[0] < guest_info->memory)
		c->args[0] = guest_info->vcpu_page_gpa;
}

static void one_call(u64 unused)
{
	struct domus_multicall c;

	make_call(&c);
	refused += hcall(c.call, c.args[0], c.args[1], c.args[2], c.args[3], c.args[4], NULL) < 0;
	made++;
}

static void many_calls(u64 unused)
{
	struct domus_multicall *list = (void *)scratch;
	u64 i, n = random_below(40);

	for (i = 0; i < n; i++)
		make_call(&list[i]);
	if (!random_below(16))
		list[random_below(40)].call = any();
	made += n;
	refused += hc2(DOMUS_HC_MULTICALL, pa(list), random_below(16) ? n : any()) != (long)n;
}

/* ---- 2. Pages that are shared ------------------------------------------------------------- */

static void write_vcpu_page(u64 unused)
{
	u64 *words = (u64 *)vp();
	unsigned int n = 1 + random_below(4);

	while (n--) {
		unsigned int word = random_below(random_below(4) ? 48 : 512);

		if (word != offsetof(struct domus_vcpu_page, kernel_sp) / 8 &&
		    word != offsetof(struct domus_vcpu_page, kernel_gs) / 8)
			words[word] = any();
	}
	/* busy, and the next exception is the end */
	if (random_below(1024))
		vp()->busy = 0;
	one_call(0);
}

static void write_event_page(u64 unused)
{
	u64 *words = va(guest_info->event_page_gpa);
	unsigned int n = 1 + random_below(16);

	while (n--)
		words[random_below(512)] = random_below(2) ? ~0UL : any();
	one_call(0);
}

/* To user mode, by the library, which knows its way back; what it does not set is anything. */
static void any_user(u64 unused)
{
	struct domus_return *ret = &vp()->ret;

	ret->fill = random_below(2) ? LOW : any();
	ret->rax = any();
	guest_user(random_below(2) ? USER_CODE + random_below(64) : any(),
		   random_below(2) ? USER_STACK_TOP - 64 : any(), any());
}

/* To kernel mode: to a function that comes back, or nowhere. The stack is good, mostly. */
static void landed(void)
{
	asm volatile("ud2");
}

static void any_return(u64 unused)
{
	struct domus_return *ret = &vp()->ret;
	u64 sp;

	asm volatile("mov %%rsp, %0" : "=r"(sp));
	ret->rip = random_below(2) ? (u64)landed : any();
	ret->cs = random_below(2048) ? DOMUS_KERNEL_CS : any();
	ret->rflags = any();
	ret->rsp = random_below(1024) ? sp - 1024 : any();
	ret->rax = any();
	ret->fill = random_below(2) ? 0 : any();
	hc0(DOMUS_HC_RETURN);
}

/* ---- 3. Page tables --------------------------------------------------------------------------- */

static u64 any_entry(void)
{
	u64 e = page() | PTE_P | PTE_W | PTE_U;

	if (!random_below(4))
		e ^= 1UL << random_below(13);
	if (!random_below(16))
		e ^= 1UL << random_below(64);
	return random_below(16) ? e : any();
}

static void write_tables(u64 unused)
{
	u64 which = random_below(4), n = 1 + random_below(32), at = LOW + 4096 * random_below(1024);

	while (n--)
		tables[which][random_below(1024)] = any_entry();
	if (random_below(2))
		hcall(DOMUS_HC_MMU_FLUSH, random_below(5), pa(spoilt[which]), LOW,
		      LOW + (random_below(4) << 21), ~0UL, NULL);
	hc1(DOMUS_HC_LOAD_ROOT, pa(spoilt[which]));
	made += 2;
	if (random_below(2))
		peek(at);
	else
		poke(at, random());
}

static void make_tables(void)
{
	unsigned int i, j;

	for (i = 0; i < 4; i++) {
		u64 *upper = page_alloc(), *middle = page_alloc();

		spoilt[i] = page_alloc();
		tables[i] = page_alloc();
		page_alloc();			/* the second half of it */
		copy_to(spoilt[i], guest_root(), 4096);
		/* user code is below, in the same top-level entry: the rest of it stays */
		copy_to(upper, va(guest_root()[0] & 0x000ffffffffff000UL), 4096);
		spoilt[i][0] = pa(upper) | PTE_P | PTE_W | PTE_U | PTE_A;
		upper[1] = pa(middle) | PTE_P | PTE_W | PTE_U | PTE_A;
		for (j = 0; j < 2; j++)
			middle[j] = pa(tables[i] + 512 * j) | PTE_P | PTE_W | PTE_U | PTE_A;
	}
}

/* ---- 4. Devices ----------------------------------------------------------------------------------- */

/* A queue somewhere in the scratch pages, and anything in it. */
static void any_queue(u64 unused)
{
	struct domus_dev_queue *q = (void *)scratch;
	struct vring_desc *desc = (void *)(scratch + 4096);
	unsigned int i;

	*q = (struct domus_dev_queue){
		.size = random_below(4) ? 16 : any(), .desc = pa(scratch) + 4096,
		.driver = pa(scratch) + 8192, .device = pa(scratch) + 12288,
	};
	if (!random_below(8))
		((u64 *)q)[random_below(4)] = any();
	for (i = 0; i < 16; i++)
		desc[i] = (struct vring_desc){
			.addr = random_below(4) ? page() : any(),
			.len = random_below(4) ? 16UL << random_below(9) : any(),
			.flags = random_below(8), .next = random_below(18),
		};
	for (i = 0; i < 20; i++)
		((u16 *)(scratch + 8192))[i] = random_below(18);
	hcall(DOMUS_HC_DEV_QUEUE, DOMUS_QUEUE_ENABLE, disk_dev.info.handle, random_below(2),
	      pa(q), 0, NULL);
	dev_call(&disk_dev, DOMUS_DEV_SET_STATUS, random_below(4) ? 15 : any(), 0, 0);
	for (i = 0; i < 4; i++) {
		((u16 *)(scratch + 8192))[1] = random_below(20);
		hc2(DOMUS_HC_DEV_NOTIFY, disk_dev.info.handle, random_below(2));
	}
	made += 6;
}

static void reset_disk(u64 unused)
{
	dev_call(&disk_dev, DOMUS_DEV_SET_STATUS, 0, 0, 0);
	dev_open(&disk_dev, random_below(2) ? 0 : any());
	made += 8;
}

/* ---- 5. Steps ---------------------------------------------------------------------------------------- */

static const struct {
	const char *mode;
	void (*fn)(u64 unused);
	unsigned int times;
} steps[] = {
	{ "calls", one_call, 8 },
	{ "calls", many_calls, 1 },
	{ "pages", write_vcpu_page, 2 },
	{ "pages", write_event_page, 1 },
	{ "pages", any_user, 1 },
	{ "pages", any_return, 1 },
	{ "tables", write_tables, 4 },
	{ "devices", any_queue, 2 },
	{ "devices", reset_disk, 1 },
};

/* What the library, and the next step, count on. */
static void repair(void)
{
	unsigned int i;

	vp()->vif = 0;
	vp()->busy = 0;
	hc2(DOMUS_HC_SET_SEGMENT, DOMUS_SEG_KERNEL_GS_BASE, (u64)vp());
	hc2(DOMUS_HC_SET_DEBUGREG, 7, 0);
	hc1(DOMUS_HC_LOAD_ROOT, pa(guest_root()));
	hc1(DOMUS_HC_EVENT_UNMASK, hc2(DOMUS_HC_EVENT_BIND, DOMUS_PORT_TIMER, 0));
	for (i = 0; i < 33; i++)
		hc2(DOMUS_HC_SET_ENTRY, i, (u64)guest_entries + 16 * i);
	hc2(DOMUS_HC_SET_ENTRY, DOMUS_ENTRY_SYSCALL, (u64)guest_syscall_entry);
}

static void step(void)
{
	unsigned int i, sum = 0, pick;

	for (i = 0; i < sizeof(steps) / sizeof(*steps); i++)
		if (arg_is("mode", "all") || arg_is("mode", steps[i].mode))
			sum += steps[i].times;
	pick = random_below(sum);
	for (i = 0;; i++) {
		if (!arg_is("mode", "all") && !arg_is("mode", steps[i].mode))
			continue;
		if (pick < steps[i].times)
			break;
		pick -= steps[i].times;
	}
	timer_arm(TIME);
	vp()->vif = random_below(2);
	attempt(steps[i].fn, 0);
	repair();
}

void test(void)
{
	u64 seed = arg_number("seed", 1), n = arg_number("n", 1000), i;

	hostile_init();
	scratch = page_alloc();
	for (i = 1; i < SCRATCH; i++)
		page_alloc();
	make_tables();
	print("seed %lu\n", seed);
	random_seed(seed);
	if (dev_find(&disk_dev, VIRTIO_ID_BLOCK, 0))
		reset_disk(0);
	for (i = 0; i < n; i++) {
		if (i % 32 == 0)
			print("at %lu\n", i);
		step();
	}
	print("at %lu\n", n);
	print("# %lu calls, %lu of them refused\n", made, refused);
	guest_stop(DOMUS_SHUTDOWN_POWEROFF, "all is done");
}
