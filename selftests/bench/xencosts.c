// SPDX-License-Identifier: GPL-2.0-only
/*
 * smpcosts.c for Xen: a PV kernel that Xen starts as dom0 with five vCPUs, each on a CPU
 * of its own. It says what it has measured on the console and reboots.
 *
 *   1. the note, the first instruction, the entry of events
 *   2. calls, console
 *   3. vCPUs, events, the page in the window
 *   4. all of it
 */
#include <stddef.h>

#include "costs.h"
#include "xen.h"

#define NR_CPUS		(COSTS_TARGETS + 1)
#define P_RW		0x63UL		/* present, writable, accessed, dirty */
#define STACK		16384

/* ---- 1. Start -------------------------------------------------------------------------- */

#define NOTE(type, value)						\
	".long 4, 8, " #type "\n .asciz \"Xen\"\n .quad " value "\n"
#define NOTE_TEXT(type, text)						\
	".long 4, 8, " #type "\n .asciz \"Xen\"\n .ascii \"" text "\"\n"

asm(".pushsection .note.Xen, \"a\", @note\n .balign 4\n"
    NOTE(1, "xen_start")		/* entry */
    NOTE(2, "hypercall_page")
    NOTE(3, "0xffffffff80000000")	/* where physical address 0 is mapped */
    NOTE(4, "0")
    NOTE_TEXT(5, "xen-3.0\\0")
    NOTE_TEXT(6, "domus\\0\\0\\0")
    NOTE_TEXT(8, "generic\\0")
    ".popsection\n"

    ".pushsection .text.start, \"ax\"\n .globl xen_start\n"
    "xen_start:\n lea stack + 16384(%rip), %rsp\n xor %ebp, %ebp\n"
    "mov %rsi, %rdi\n call xen_main\n ud2\n"
    /* RDI: the CPU's number */
    ".globl xen_cpu\n xen_cpu:\n xor %ebp, %ebp\n call cpu_main\n ud2\n"
    ".popsection\n"

    ".pushsection .text.page, \"ax\"\n .balign 4096\n .globl hypercall_page\n"
    "hypercall_page:\n .zero 4096\n .popsection\n"

    /* On the stack: RCX, R11, RIP, CS, RFLAGS, RSP, SS. Xen has turned events off. */
    ".pushsection .text\n xen_event:\n"
    "push %rax\n push %rdx\n push %rsi\n push %rdi\n push %r8\n push %r9\n push %r10\n"
    "push %rbp\n mov %rsp, %rbp\n and $-16, %rsp\n call take_event\n mov %rbp, %rsp\n"
    "pop %rbp\n pop %r10\n pop %r9\n pop %r8\n pop %rdi\n pop %rsi\n pop %rdx\n pop %rax\n"
    "pop %rcx\n pop %r11\n"
    "movl $0xe033, 8(%rsp)\n movl $0, 12(%rsp)\n orb $3, 32(%rsp)\n iretq\n"
    ".popsection\n");

COSTS_ENTRY(wake_entry, "xen_event");

unsigned char stack[NR_CPUS][STACK] __attribute__((aligned(4096)));

/* ---- 2. Calls -------------------------------------------------------------------------- */

static long call(u64 nr, u64 a, u64 b, u64 c, u64 d)
{
	register u64 r10 asm("r10") = d;
	long result;

	asm volatile("call *%[stub]"
		     : "=a"(result), "+D"(a), "+S"(b), "+d"(c), "+r"(r10)
		     : [stub] "r"(hypercall_page + 32 * nr)
		     : "rcx", "r8", "r9", "r11", "memory");
	return result;
}

static void say(const char *text)
{
	u64 len = 0;

	while (text[len])
		len++;
	call(XEN_CONSOLE_IO, CONSOLEIO_WRITE, len, (u64)text, 0);
}

static void say_number(const char *what, u64 value)
{
	char digits[24], *at = digits + sizeof(digits);

	*--at = 0;
	do {
		*--at = '0' + value % 10;
		value /= 10;
	} while (value);
	say(what);
	say(at);
}

static void end(void)
{
	unsigned int reason = SHUTDOWN_REBOOT;

	for (;;)
		call(XEN_SCHED_OP, SCHEDOP_SHUTDOWN, (u64)&reason, 0, 0);
}

static void must(const char *what, long result)
{
	if (result >= 0)
		return;
	say(what);
	say_number(" failed: -", -result);
	say("\n");
	end();
}

/* ---- 3. vCPUs, events, the page ---------------------------------------------------------- */

static const struct xen_start_info *info;
static unsigned char shared_page[4096] __attribute__((aligned(4096)));
static unsigned char window_page[4096] __attribute__((aligned(4096)));
static unsigned char frames[2][4096] __attribute__((aligned(4096)));
static struct xen_vcpu_context context;
static unsigned int port;
static u32 taken;
static void (*todo[NR_CPUS])(u64 nr);	/* by vCPU */

static struct xen_shared_info *shared(void)
{
	return (struct xen_shared_info *)shared_page;
}

static u64 mfn_of(const void *at)
{
	return info->mfn_list[((u64)at - 0xffffffff80000000UL) >> 12];
}

void cpu_main(u64 nr)
{
	for (;;) {
		todo[nr](nr);
		todo[nr] = NULL;
		/* it goes on here when it is started again */
		call(XEN_VCPU_OP, VCPUOP_DOWN, nr, 0, 0);
	}
}

static void start_new(unsigned int nr)
{
	context.flags = VGCF_IN_KERNEL;
	context.regs = (struct xen_regs){
		.rip = (u64)xen_cpu, .rsp = (u64)stack[nr] + STACK, .rdi = nr,
		.cs = XEN_CS, .ss = XEN_SS, .rflags = 0x202,
	};
	context.kernel_ss = XEN_SS;
	context.kernel_sp = (u64)stack[nr] + STACK;
	context.cr[3] = mfn_of((void *)info->pt_base) << 12;
	context.event = (u64)wake_entry;
	context.failsafe = (u64)wake_entry;
	context.syscall = (u64)wake_entry;
	must("VCPUOP_initialise", call(XEN_VCPU_OP, VCPUOP_INITIALISE, nr, (u64)&context, 0));
}

static void start(unsigned int nr, void (*fn)(u64 nr))
{
	static unsigned char known[NR_CPUS];

	while (call(XEN_VCPU_OP, VCPUOP_IS_UP, nr, 0, 0) > 0)
		pause();
	todo[nr] = fn;
	if (!known[nr])
		start_new(nr);
	known[nr] = 1;
	must("VCPUOP_up", call(XEN_VCPU_OP, VCPUOP_UP, nr, 0, 0));
}

/* All that is sent here is one port, to one vCPU. */
void take_event(void)
{
	struct xen_vcpu_info *v = &shared()->vcpu[1];

	__atomic_store_n(&v->pending, 0, __ATOMIC_SEQ_CST);
	__atomic_exchange_n(&v->select, 0, __ATOMIC_SEQ_CST);
	__atomic_and_fetch(&shared()->pending[port / 64], ~(1UL << port % 64), __ATOMIC_SEQ_CST);
	__atomic_add_fetch(&taken, 1, __ATOMIC_SEQ_CST);
}

static void send(void)
{
	call(XEN_EVENT_CHANNEL_OP, EVTCHNOP_SEND, (u64)&port, 0, 0);
}

/* BLOCK turns events on, the entry off. */
static void halt(void)
{
	u32 before = __atomic_load_n(&taken, __ATOMIC_SEQ_CST);

	do {
		call(XEN_SCHED_OP, SCHEDOP_BLOCK, 0, 0, 0);
	} while (__atomic_load_n(&taken, __ATOMIC_SEQ_CST) == before);
	shared()->vcpu[1].masked = 1;
}

static void flush(void)
{
	static const u64 mask = COSTS_MASK;
	struct xen_mmuext op = { .cmd = MMUEXT_INVLPG_MULTI, .va = (u64)window_page,
				 .vcpumask = &mask };

	call(XEN_MMUEXT_OP, (u64)&op, 1, 0, DOMID_SELF);
}

static void change(unsigned int to)
{
	static const u64 mask = COSTS_MASK;

	call(XEN_UPDATE_VA_MAPPING, (u64)window_page, mfn_of(frames[to]) << 12 | P_RW,
	     (u64)&mask | UVMF_INVLPG, 0);
}

/* ---- 4. All of it -------------------------------------------------------------------------- */

void xen_main(const struct xen_start_info *start_info)
{
	const struct costs_ops ops = {
		.window = window_page,
		.start = start, .flush = flush, .change = change, .send = send, .halt = halt,
	};
	struct { unsigned int vcpu, port; } bind = { .vcpu = 1 };
	struct costs costs;

	info = start_info;
	must("map shared info", call(XEN_UPDATE_VA_MAPPING, (u64)shared_page,
				     info->shared_info | P_RW, UVMF_INVLPG, 0));
	must("set callbacks", call(XEN_SET_CALLBACKS, (u64)wake_entry, (u64)wake_entry,
				   (u64)wake_entry, 0));
	must("bind IPI", call(XEN_EVENT_CHANNEL_OP, EVTCHNOP_BIND_IPI, (u64)&bind, 0, 0));
	port = bind.port;
	frames[0][0] = 1;
	frames[1][0] = 2;
	must("map a page", call(XEN_UPDATE_VA_MAPPING, (u64)window_page,
				mfn_of(frames[0]) << 12 | P_RW, UVMF_INVLPG, 0));
	costs_measure(&ops, &costs);
	say_number("costs: wake ", costs.wake);
	say_number(" flush ", costs.flush);
	say_number(" change ", costs.change);
	say_number(" stale ", costs.stale);
	say("\n");
	end();
}
