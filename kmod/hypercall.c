// SPDX-License-Identifier: GPL-2.0-only
/*
 * Calls of the guest kernel.
 *
 *   1. handlers: unchecked arguments in, RAX out
 *   2. the table
 *   3. dispatch, MULTICALL
 *   4. the hypercall page
 */
#include <linux/bits.h>
#include <linux/ctype.h>
#include <linux/mm.h>
#include <linux/nospec.h>
#include <linux/sched.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>

#include "bus.h"
#include "cpuid.h"
#include "domain.h"
#include "gmem.h"
#include "hypercall.h"
#include "hypercall_cpu.h"
#include "shadow.h"
#include "trace.h"
#include "vcpu.h"

/**
 * struct call - one call in progress
 * @args: RDI, RSI, RDX, R10, R8, R9: six, that nothing changes while the call is done
 * @second: what goes to RDX
 * @leave: < 0: leave RUN with this, the domain is dead or a signal waits
 */
struct call {
	const u64 *args;
	u64 second;
	int leave;
};

/* ---- 1. Handlers -------------------------------------------------------------------- */

#define CALL(name) static s64 call_##name(struct domus_vcpu *v, struct call *c)

CALL(version)
{
	return DOMUS_ABI_MAJOR << 16 | DOMUS_ABI_MINOR;
}

CALL(features)
{
	return domain_features();
}

CALL(console_write)
{
	return console_guest_write(v->d, c->args[0], c->args[1]);
}

CALL(console_read)
{
	return console_guest_read(v->d, c->args[0], c->args[1]);
}

CALL(set_entry)
{
	return hc_set_entry(v, c->args[0], c->args[1]);
}

CALL(set_vcpu_page)
{
	return vcpu_set_page(v, c->args[0]);
}

CALL(set_clock_page)
{
	return clock_set_page(v->d, c->args[0]);
}

/* Without it the guest would go on with another process's page tables. */
CALL(load_root)
{
	int r = shadow_load_root(v, c->args[0]);

	if (r == -ENOMEM)
		c->leave = domain_kill_by(v, DOMUS_REASON_MEMORY,
					  "vCPU %u: the host has no memory for root %#llx",
					  v->id, c->args[0]);
	return r;
}

CALL(mmu_flush)
{
	return shadow_flush(&v->d->shadow, c->args[0], c->args[1], c->args[2], c->args[3],
			    c->args[4]);
}

CALL(release_root)
{
	return shadow_release_root(&v->d->shadow, c->args[0]);
}

CALL(set_segment)
{
	return hc_set_segment(v, c->args[0], c->args[1]);
}

CALL(set_tls)
{
	return hc_set_tls(v, c->args[0], c->args[1]);
}

CALL(set_debugreg)
{
	return hc_set_debugreg(v, c->args[0], c->args[1]);
}

CALL(get_debugreg)
{
	return hc_get_debugreg(v, c->args[0], &c->second);
}

CALL(cpuid)
{
	return hc_cpuid(v, c->args[0], c->args[1], &c->second);
}

CALL(rdmsr)
{
	return c->args[0] > U32_MAX ? -EPERM : msr_guest_read(c->args[0], &c->second);
}

CALL(wrmsr)
{
	return c->args[0] > U32_MAX ? -EPERM : msr_guest_write(c->args[0], c->args[1]);
}

CALL(set_timer)
{
	timer_set(v, c->args[0]);
	return 0;
}

CALL(get_time)
{
	return clock_get(v->d, c->args[0]);
}

CALL(block)
{
	WRITE_ONCE(v->page->vif, 1);
	v->by_cause[VCPU_CAUSE_BLOCK]++;
	c->leave = halt_vcpu(v, false);
	return 0;
}

CALL(yield)
{
	/* the scheduler decides: a guest must not be able to do more than ask */
	set_tsk_need_resched(current);
	set_preempt_need_resched();
	return 0;
}

CALL(ibpb)
{
	vcpu_ibpb();
	return 0;
}

/* The run loop delivers before each entry. */
CALL(deliver)
{
	return 0;
}

/* The vCPU that the guest means, or NULL. */
static struct domus_vcpu *vcpu_of(const struct domus_vcpu *v, u64 nr)
{
	u64 max = v->d->nr_vcpus;

	return nr < max ? v->d->vcpus[array_index_nospec(nr, max)] : NULL;
}

CALL(vcpu_up)
{
	struct domus_vcpu *other = vcpu_of(v, c->args[0]);
	struct domus_vcpu_init init;

	if (!other)
		return -EINVAL;
	if (gmem_read(&v->d->gmem, c->args[1], &init, sizeof(init)))
		return -EFAULT;
	return vcpu_start(other, &init, 0, v);
}

CALL(vcpu_state)
{
	struct domus_vcpu *other = vcpu_of(v, c->args[0]);
	s64 state;

	if (!other)
		return -EINVAL;
	state = READ_ONCE(other->online) ? DOMUS_VCPU_ONLINE : DOMUS_VCPU_OFFLINE;
	if (!(READ_ONCE(v->d->wanted) & BIT_ULL(other->id)))
		state |= DOMUS_VCPU_UNWANTED;
	return state;
}

CALL(vcpu_down)
{
	return vcpu_down(v);
}

CALL(vcpu_wait)
{
	v->by_cause[VCPU_CAUSE_BLOCK]++;
	c->leave = vcpu_wait(v);
	return 0;
}

CALL(vcpu_kick)
{
	struct domus_vcpu *other = vcpu_of(v, c->args[0]);

	if (!other)
		return -EINVAL;
	vcpu_poke(other);
	return 0;
}

CALL(yield_to)
{
	struct domus_vcpu *other = vcpu_of(v, c->args[0]);

	if (!other)
		return -EINVAL;
	/* to whomever, then */
	if (other == v || !vcpu_yield_to(other))
		return call_yield(v, c);
	return 0;
}

CALL(event_bind)
{
	return event_bind(v->d, c->args[0], c->args[1]);
}

CALL(event_close)
{
	return event_close(v->d, c->args[0]);
}

CALL(event_unmask)
{
	return event_unmask(v->d, c->args[0]);
}

CALL(event_send)
{
	return event_send(v->d, c->args[0]);
}

CALL(dev_config)
{
	return bus_call_config(v->d, c->args);
}

CALL(dev_queue)
{
	return bus_call_queue(v->d, c->args);
}

CALL(dev_notify)
{
	return bus_call_notify(v->d, c->args[0], c->args[1]);
}

#define TEXT_MAX 1024

CALL(shutdown)
{
	u64 len = min_t(u64, c->args[2], TEXT_MAX);
	char *text = NULL;
	u64 i;

	if (c->args[0] > DOMUS_SHUTDOWN_SUSPEND)
		return -EINVAL;
	if (len) {
		text = kzalloc(TEXT_MAX + 1, GFP_KERNEL_ACCOUNT);
		if (text && gmem_read(&v->d->gmem, c->args[1], text, len))
			text[0] = 0;
		for (i = 0; text && i < len; i++)
			if (!isascii(text[i]) || (!isprint(text[i]) && text[i]))
				text[i] = ' ';
	}
	c->leave = domain_shutdown(v, c->args[0], text);
	kfree(text);
	return 0;
}

/* ---- 2. The table --------------------------------------------------------------------- */

struct entry {
	s64 (*fn)(struct domus_vcpu *v, struct call *c);
	bool multi;	/* may be part of a MULTICALL */
	bool second;	/* sets RDX */
};

static const struct entry table[DOMUS_NR_CALLS] = {
	[DOMUS_HC_VERSION]	  = { call_version, true },
	[DOMUS_HC_FEATURES]	  = { call_features, true },
	[DOMUS_HC_CONSOLE_WRITE]  = { call_console_write, true },
	[DOMUS_HC_CONSOLE_READ]	  = { call_console_read, true },
	[DOMUS_HC_SET_ENTRY]	  = { call_set_entry, true },
	[DOMUS_HC_SET_VCPU_PAGE]  = { call_set_vcpu_page, true },
	[DOMUS_HC_SET_CLOCK_PAGE] = { call_set_clock_page, true },
	[DOMUS_HC_LOAD_ROOT]	  = { call_load_root, true },
	[DOMUS_HC_MMU_FLUSH]	  = { call_mmu_flush, true },
	[DOMUS_HC_RELEASE_ROOT]	  = { call_release_root, true },
	[DOMUS_HC_SET_SEGMENT]	  = { call_set_segment, true },
	[DOMUS_HC_SET_TLS]	  = { call_set_tls, true },
	[DOMUS_HC_SET_DEBUGREG]	  = { call_set_debugreg, true },
	[DOMUS_HC_GET_DEBUGREG]	  = { call_get_debugreg, false, true },
	[DOMUS_HC_CPUID]	  = { call_cpuid, false, true },
	[DOMUS_HC_RDMSR]	  = { call_rdmsr, false, true },
	[DOMUS_HC_WRMSR]	  = { call_wrmsr, true },
	[DOMUS_HC_SET_TIMER]	  = { call_set_timer, true },
	[DOMUS_HC_GET_TIME]	  = { call_get_time, true },
	[DOMUS_HC_BLOCK]	  = { call_block },
	[DOMUS_HC_YIELD]	  = { call_yield, true },
	[DOMUS_HC_IBPB]		  = { call_ibpb, true },
	[DOMUS_HC_DELIVER]	  = { call_deliver, true },
	[DOMUS_HC_VCPU_UP]	  = { call_vcpu_up, true },
	[DOMUS_HC_VCPU_DOWN]	  = { call_vcpu_down },
	[DOMUS_HC_VCPU_STATE]	  = { call_vcpu_state, true },
	[DOMUS_HC_EVENT_BIND]	  = { call_event_bind, true },
	[DOMUS_HC_EVENT_CLOSE]	  = { call_event_close, true },
	[DOMUS_HC_EVENT_UNMASK]	  = { call_event_unmask, true },
	[DOMUS_HC_EVENT_SEND]	  = { call_event_send, true },
	[DOMUS_HC_DEV_CONFIG]	  = { call_dev_config, true },
	[DOMUS_HC_DEV_QUEUE]	  = { call_dev_queue, true },
	[DOMUS_HC_DEV_NOTIFY]	  = { call_dev_notify, true },
	[DOMUS_HC_SHUTDOWN]	  = { call_shutdown },
	[DOMUS_HC_VCPU_WAIT]	  = { call_vcpu_wait },
	[DOMUS_HC_VCPU_KICK]	  = { call_vcpu_kick, true },
	[DOMUS_HC_YIELD_TO]	  = { call_yield_to, true },
};

/* ---- 3. Dispatch ------------------------------------------------------------------------ */

static s64 multicall(struct domus_vcpu *v, u64 gpa, u64 count)
{
	u64 i;

	if (count > DOMUS_MULTICALL_MAX || gpa % sizeof(u64))
		return -EINVAL;
	for (i = 0; i < count; i++) {
		u64 at = gpa + i * sizeof(struct domus_multicall);
		struct domus_multicall m;
		struct call c = { .args = m.args };
		u64 nr;

		/* fetched once: what is checked is what is used */
		if (gmem_read(&v->d->gmem, at, &m, sizeof(m)))
			return i ? (s64)i : -EFAULT;
		nr = array_index_nospec(m.call, DOMUS_NR_CALLS);
		if (m.call >= DOMUS_NR_CALLS)
			m.result = -ENOSYS;
		else if (!table[nr].fn || !table[nr].multi)
			m.result = -EINVAL;
		else
			m.result = table[nr].fn(v, &c);
		if (gmem_write(&v->d->gmem, at + offsetof(struct domus_multicall, result),
			       &m.result, sizeof(m.result)))
			return -EFAULT;
		/* the guest sees how far it came; each call may be a lot of work */
		if (signal_pending(current) || domain_dead(v->d))
			return i + 1;
		cond_resched();
	}
	return count;
}

static void first_call(struct domus_vcpu *v)
{
	WRITE_ONCE(v->d->guest_started, true);
	domain_notify(v->d, DOMUS_EVENT_STARTED);
}

static_assert(offsetof(struct cell_regs, r9) ==
	      offsetof(struct cell_regs, di) + 5 * sizeof(u64));

static noinline int call_other(struct domus_vcpu *v, u64 nr)
{
	struct cell_regs *regs = &v->data->regs;
	struct call c = { .args = &regs->di };
	const struct entry *e;

	if (nr == DOMUS_HC_MULTICALL) {
		regs->ax = multicall(v, c.args[0], c.args[1]);
		return 0;
	}
	e = &table[array_index_nospec(nr, DOMUS_NR_CALLS)];
	if (nr >= DOMUS_NR_CALLS || !e->fn) {
		regs->ax = -ENOSYS;
		return 0;
	}
	regs->ax = e->fn(v, &c);
	if (trace_domus_hypercall_enabled())
		trace_domus_hypercall(v->d->id, v->id, nr, c.args[0], c.args[1], regs->ax);
	if (e->second)
		regs->dx = c.second;
	return c.leave;
}

int hypercall(struct domus_vcpu *v)
{
	u64 nr = v->data->regs.ax;

	if (unlikely(!v->d->guest_started))
		first_call(v);
	/* most of all, and with the least to do */
	if (nr <= DOMUS_HC_SYSRET)
		return vcpu_return(v, nr == DOMUS_HC_SYSRET);
	return call_other(v, nr);
}

/* ---- 4. The hypercall page ---------------------------------------------------------------- */

int hypercall_fill_page(const struct gmem *g, u64 gpa)
{
	/* mov $N, %eax; syscall; ret; and int3 to the end */
	u8 stub[DOMUS_HC_STUB_SIZE] = { 0xb8, 0, 0, 0, 0, 0x0f, 0x05, 0xc3 };
	struct page *page = gmem_pin_present(g, gpa);
	unsigned int i;

	if (IS_ERR(page))
		return PTR_ERR(page);
	memset(stub + 8, 0xcc, sizeof(stub) - 8);
	for (i = 0; i < DOMUS_HC_PAGE_CALLS; i++) {
		stub[1] = i;
		memcpy(page_address(page) + i * sizeof(stub), stub, sizeof(stub));
	}
	gmem_unpin(page);
	return 0;
}
