// SPDX-License-Identifier: GPL-2.0-only
/*
 * Ports: 1. the event page, 2. calls, 3. signalling.
 *
 * The guest reads and writes the page at will; what the host believes is in
 * event_table.ports alone.
 */
#include <linux/bitops.h>
#include <linux/err.h>
#include <linux/mm.h>
#include <linux/nospec.h>

#include "domain.h"
#include "event.h"
#include "vcpu.h"

/* ---- 1. The page --------------------------------------------------------------- */

void event_init(struct event_table *t)
{
	spin_lock_init(&t->lock);
}

int event_start(struct domus_domain *d, u64 gpa)
{
	struct event_table *t = &d->events;
	struct page *page = gmem_pin_present(&d->gmem, gpa);
	unsigned long flags;

	lockdep_assert_held(&d->lock);
	if (IS_ERR(page))
		return PTR_ERR(page);
	spin_lock_irqsave(&t->lock, flags);
	t->pin = page;
	t->page = page_address(page);
	memset(t->page->pending, 0, sizeof(t->page->pending));
	memset(t->page->mask, 0xff, sizeof(t->page->mask));
	spin_unlock_irqrestore(&t->lock, flags);
	return 0;
}

void event_stop(struct domus_domain *d)
{
	struct event_table *t = &d->events;
	struct page *page;
	unsigned long flags;
	unsigned int i;

	spin_lock_irqsave(&t->lock, flags);
	page = t->pin;
	t->pin = NULL;
	t->page = NULL;
	memset(t->ports, 0, sizeof(t->ports));
	spin_unlock_irqrestore(&t->lock, flags);
	for (i = 0; i < d->nr_vcpus; i++)
		if (d->vcpus[i])
			d->vcpus[i]->timer_port = 0;
	if (page)
		gmem_unpin(page);
}

/* ---- 2. Calls -------------------------------------------------------------------- */

static bool kind_is_single(u64 kind)
{
	return kind == DOMUS_PORT_TIMER || kind == DOMUS_PORT_CONSOLE ||
	       kind == DOMUS_PORT_BUS;
}

static int find_locked(struct event_table *t, u64 kind, u64 vcpu)
{
	unsigned int i;

	lockdep_assert_held(&t->lock);
	for (i = 1; i < DOMUS_MAX_PORTS; i++)
		if (t->ports[i].kind == kind &&
		    (kind != DOMUS_PORT_TIMER || t->ports[i].vcpu == vcpu))
			return i;
	return -ENOENT;
}

static int bind(struct domus_domain *d, u64 kind, u64 vcpu)
{
	struct event_table *t = &d->events;
	unsigned long flags;
	unsigned int i;
	int port = -ENOSPC;

	if (vcpu >= d->nr_vcpus)
		return -EINVAL;
	spin_lock_irqsave(&t->lock, flags);
	if (kind_is_single(kind)) {
		port = find_locked(t, kind, vcpu);
		if (port > 0)
			goto out;
		port = -ENOSPC;
	}
	for (i = 1; i < DOMUS_MAX_PORTS; i++) {
		if (t->ports[i].kind)
			continue;
		t->ports[i].kind = kind;
		t->ports[i].vcpu = vcpu;
		if (t->page) {
			set_bit(i, (unsigned long *)t->page->mask);
			clear_bit(i, (unsigned long *)t->page->pending);
		}
		if (kind == DOMUS_PORT_TIMER)
			d->vcpus[array_index_nospec(vcpu, d->nr_vcpus)]->timer_port = i;
		port = i;
		break;
	}
out:
	spin_unlock_irqrestore(&t->lock, flags);
	return port;
}

int event_bind(struct domus_domain *d, u64 kind, u64 vcpu)
{
	if (kind < DOMUS_PORT_TIMER || kind > DOMUS_PORT_BUS)
		return -EINVAL;
	return bind(d, kind, vcpu);
}

int event_bind_device(struct domus_domain *d, u64 vcpu)
{
	return bind(d, DOMUS_PORT_DEVICE, vcpu);
}

int event_move_device(struct domus_domain *d, u32 port, u64 vcpu)
{
	struct event_table *t = &d->events;
	unsigned long flags;
	int r = -EINVAL;

	if (vcpu >= d->nr_vcpus || port >= DOMUS_MAX_PORTS)
		return -EINVAL;
	spin_lock_irqsave(&t->lock, flags);
	if (t->ports[port].kind == DOMUS_PORT_DEVICE) {
		t->ports[port].vcpu = vcpu;
		r = 0;
	}
	spin_unlock_irqrestore(&t->lock, flags);
	return r;
}

void event_close_device(struct domus_domain *d, u32 port)
{
	struct event_table *t = &d->events;
	unsigned long flags;

	if (!port || port >= DOMUS_MAX_PORTS)
		return;
	spin_lock_irqsave(&t->lock, flags);
	if (t->ports[port].kind == DOMUS_PORT_DEVICE)
		t->ports[port].kind = 0;
	spin_unlock_irqrestore(&t->lock, flags);
}

int event_close(struct domus_domain *d, u64 port)
{
	struct event_table *t = &d->events;
	unsigned long flags;
	int r = -EINVAL;

	if (!port || port >= DOMUS_MAX_PORTS)
		return -EINVAL;
	port = array_index_nospec(port, DOMUS_MAX_PORTS);
	spin_lock_irqsave(&t->lock, flags);
	/* a device's port is closed with its queue */
	if (t->ports[port].kind && t->ports[port].kind != DOMUS_PORT_DEVICE) {
		if (t->ports[port].kind == DOMUS_PORT_TIMER)
			d->vcpus[t->ports[port].vcpu]->timer_port = 0;
		t->ports[port].kind = 0;
		r = 0;
	}
	spin_unlock_irqrestore(&t->lock, flags);
	return r;
}

/* ---- 3. Signalling ------------------------------------------------------------------ */

/* Tell the port's vCPU. Return: the vCPU to kick, or NULL. */
static struct domus_vcpu *raise_locked(struct domus_domain *d, unsigned int port)
{
	struct event_table *t = &d->events;
	struct domus_vcpu *v = d->vcpus[t->ports[port].vcpu];

	lockdep_assert_held(&t->lock);
	if (!v->page || test_bit(port, (unsigned long *)t->page->mask))
		return NULL;
	set_bit(port / 64, (unsigned long *)&v->page->port_select);
	smp_mb__after_atomic();	/* select before pending: the guest clears in that order */
	WRITE_ONCE(v->page->pending, 1);
	return v;
}

void event_signal(struct domus_domain *d, u32 port)
{
	struct event_table *t = &d->events;
	struct domus_vcpu *kick = NULL;
	unsigned long flags;

	if (!port || port >= DOMUS_MAX_PORTS)
		return;
	spin_lock_irqsave(&t->lock, flags);
	if (t->page && t->ports[port].kind) {
		set_bit(port, (unsigned long *)t->page->pending);
		kick = raise_locked(d, port);
	}
	spin_unlock_irqrestore(&t->lock, flags);
	if (kick)
		vcpu_kick(kick);
}

void event_signal_kind(struct domus_domain *d, u8 kind, u32 vcpu)
{
	struct event_table *t = &d->events;
	unsigned long flags;
	int port;

	if (kind == DOMUS_PORT_TIMER && vcpu < d->nr_vcpus) {
		event_signal(d, READ_ONCE(d->vcpus[vcpu]->timer_port));
		return;
	}
	spin_lock_irqsave(&t->lock, flags);
	port = find_locked(t, kind, vcpu);
	spin_unlock_irqrestore(&t->lock, flags);
	if (port > 0)
		event_signal(d, port);
}

int event_unmask(struct domus_domain *d, u64 port)
{
	struct event_table *t = &d->events;
	struct domus_vcpu *kick = NULL;
	unsigned long flags;
	int r = -EINVAL;

	if (!port || port >= DOMUS_MAX_PORTS)
		return -EINVAL;
	port = array_index_nospec(port, DOMUS_MAX_PORTS);
	spin_lock_irqsave(&t->lock, flags);
	if (t->page && t->ports[port].kind) {
		clear_bit(port, (unsigned long *)t->page->mask);
		smp_mb__after_atomic();	/* unmasked before a look at pending */
		if (test_bit(port, (unsigned long *)t->page->pending))
			kick = raise_locked(d, port);
		r = 0;
	}
	spin_unlock_irqrestore(&t->lock, flags);
	if (kick)
		vcpu_kick(kick);
	return r;
}

int event_send(struct domus_domain *d, u64 port)
{
	if (port >= DOMUS_MAX_PORTS ||
	    READ_ONCE(d->events.ports[array_index_nospec(port, DOMUS_MAX_PORTS)].kind) !=
	    DOMUS_PORT_IPI)
		return -EINVAL;
	event_signal(d, port);
	return 0;
}
