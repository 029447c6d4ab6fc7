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
	__set_bit(0, t->bound);
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
	memset(t->single, 0, sizeof(t->single));
	bitmap_zero(t->bound, DOMUS_MAX_PORTS);
	__set_bit(0, t->bound);
	spin_unlock_irqrestore(&t->lock, flags);
	for (i = 0; i < d->nr_vcpus; i++)
		if (d->vcpus[i])
			d->vcpus[i]->timer.port = 0;
	if (page)
		gmem_unpin(page);
}

/* ---- 2. Calls -------------------------------------------------------------------- */

/* Tell the port's vCPU. Return: the vCPU to kick, or NULL. */
static __always_inline struct domus_vcpu *raise_locked(struct domus_domain *d, unsigned int port)
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

static u32 *timer_port_of(struct domus_domain *d, u64 vcpu)
{
	return &d->vcpus[array_index_nospec(vcpu, d->nr_vcpus)]->timer.port;
}

/*
 * The port of a kind of which there is one, or one for each vCPU; 0: there is none, or it
 * is another kind. A guest may bind all ports, and ask for one of these as often as it
 * likes: nobody looks for it one by one under the lock.
 */
static unsigned int port_of(struct domus_domain *d, u64 kind, u64 vcpu)
{
	struct event_table *t = &d->events;

	lockdep_assert_held(&t->lock);
	if (kind == DOMUS_PORT_TIMER)
		return *timer_port_of(d, vcpu);
	return t->single[array_index_nospec(kind, ARRAY_SIZE(t->single))];
}

/* @port: 0: there is none any more. Of other kinds nothing is noted. */
static void note_port(struct domus_domain *d, u64 kind, u64 vcpu, unsigned int port)
{
	struct event_table *t = &d->events;

	lockdep_assert_held(&t->lock);
	if (kind == DOMUS_PORT_TIMER)
		WRITE_ONCE(*timer_port_of(d, vcpu), port);
	else if (kind != DOMUS_PORT_IPI && kind != DOMUS_PORT_DEVICE)
		t->single[array_index_nospec(kind, ARRAY_SIZE(t->single))] = port;
}

static void unbind(struct event_table *t, unsigned int port)
{
	lockdep_assert_held(&t->lock);
	t->ports[port].kind = 0;
	__clear_bit(port, t->bound);
}

static int bind(struct domus_domain *d, u64 kind, u64 vcpu)
{
	struct event_table *t = &d->events;
	unsigned long flags;
	unsigned int port;

	if (vcpu >= d->nr_vcpus)
		return -EINVAL;
	spin_lock_irqsave(&t->lock, flags);
	port = port_of(d, kind, vcpu);
	if (port)
		goto out;
	port = find_first_zero_bit(t->bound, DOMUS_MAX_PORTS);
	if (port >= DOMUS_MAX_PORTS)
		goto out;
	__set_bit(port, t->bound);
	t->ports[port].kind = kind;
	t->ports[port].vcpu = vcpu;
	if (t->page) {
		set_bit(port, (unsigned long *)t->page->mask);
		clear_bit(port, (unsigned long *)t->page->pending);
	}
	note_port(d, kind, vcpu, port);
out:
	spin_unlock_irqrestore(&t->lock, flags);
	return port < DOMUS_MAX_PORTS ? port : -ENOSPC;
}

int event_bind(struct domus_domain *d, u64 kind, u64 vcpu)
{
	if (kind < DOMUS_PORT_TIMER || kind > DOMUS_PORT_VCPUS || kind == DOMUS_PORT_DEVICE)
		return -EINVAL;
	return bind(d, kind, vcpu);
}

/* The port of a kind that there is once, or 0; it may be closed at any time. */
static unsigned int find_port(struct domus_domain *d, u8 kind)
{
	struct event_table *t = &d->events;
	unsigned long flags;
	unsigned int port;

	spin_lock_irqsave(&t->lock, flags);
	port = port_of(d, kind, 0);
	spin_unlock_irqrestore(&t->lock, flags);
	return port;
}

bool event_is_bound(struct domus_domain *d, u8 kind)
{
	return find_port(d, kind);
}

int event_bind_device(struct domus_domain *d, u64 vcpu)
{
	return bind(d, DOMUS_PORT_DEVICE, vcpu);
}

int event_move_device(struct domus_domain *d, u32 port, u64 vcpu)
{
	struct event_table *t = &d->events;
	struct domus_vcpu *kick = NULL;
	unsigned long flags;
	int r = -EINVAL;

	if (vcpu >= d->nr_vcpus || port >= DOMUS_MAX_PORTS)
		return -EINVAL;
	spin_lock_irqsave(&t->lock, flags);
	if (t->ports[port].kind == DOMUS_PORT_DEVICE) {
		t->ports[port].vcpu = vcpu;
		/* the old one, who has been told, may not care any more */
		if (t->page && test_bit(port, (unsigned long *)t->page->pending))
			kick = raise_locked(d, port);
		r = 0;
	}
	spin_unlock_irqrestore(&t->lock, flags);
	if (kick)
		vcpu_kick(kick);
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
		unbind(t, port);
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
		note_port(d, t->ports[port].kind, t->ports[port].vcpu, 0);
		unbind(t, port);
		r = 0;
	}
	spin_unlock_irqrestore(&t->lock, flags);
	return r;
}

/* ---- 3. Signalling ------------------------------------------------------------------ */

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

void event_signal_kind(struct domus_domain *d, u8 kind)
{
	event_signal(d, find_port(d, kind));
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
	struct event_table *t = &d->events;
	struct domus_vcpu *kick = NULL;
	int r = -EINVAL;

	if (port >= DOMUS_MAX_PORTS)
		return -EINVAL;
	port = array_index_nospec(port, DOMUS_MAX_PORTS);
	spin_lock_irq(&t->lock);
	if (t->page && t->ports[port].kind == DOMUS_PORT_IPI) {
		set_bit(port, (unsigned long *)t->page->pending);
		kick = raise_locked(d, port);
		r = 0;
	}
	spin_unlock_irq(&t->lock);
	if (kick)
		vcpu_kick(kick);
	return r;
}
