/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef DOMUS_EVENT_H
#define DOMUS_EVENT_H

#include <linux/bitmap.h>
#include <linux/spinlock.h>
#include <linux/types.h>

#include <uapi/asm/domus_guest.h>

struct domus_domain;
struct domus_vcpu;

/* One bound port: kind 0 is free. */
struct event_port {
	u8 kind;	/* DOMUS_PORT_* */
	u8 vcpu;
};

/**
 * struct event_table - ports of a domain
 * @lock: leaf, irq-safe; guards all of it
 * @page: the guest's event page by its host address, NULL before start
 * @bound: ports that are not free; 0 is none
 * @single: by kind, of those that a domain has one port of: it, or 0
 */
struct event_table {
	spinlock_t lock;
	struct page *pin;
	struct domus_event_page *page;
	struct event_port ports[DOMUS_MAX_PORTS];
	DECLARE_BITMAP(bound, DOMUS_MAX_PORTS);
	u16 single[DOMUS_PORT_VCPUS + 1];
};

void event_init(struct event_table *t);
/*
 * Pin the event page and mask all ports. Process context of the holder. 0, -EINVAL, -ENOMEM,
 * -EFAULT, -EAGAIN (see gmem_pin_present()).
 */
int event_start(struct domus_domain *d, u64 gpa);
/* Unbind all, unpin. No vCPU runs. */
void event_stop(struct domus_domain *d);

/* DOMUS_HC_EVENT_*: unchecked guest values. Return: port or 0, -EINVAL, -ENOSPC. */
int event_bind(struct domus_domain *d, u64 kind, u64 vcpu);
/* Has the guest a port of this kind? Not of TIMER. Any context but NMI. */
bool event_is_bound(struct domus_domain *d, u8 kind);
/*
 * A port of kind DEVICE, for backends. @vcpu unchecked. Context: process.
 * Return: the port, -EINVAL, -ENOSPC.
 */
int event_bind_device(struct domus_domain *d, u64 vcpu);
/* Move it to another vCPU, unchecked. Return: 0, -EINVAL. */
int event_move_device(struct domus_domain *d, u32 port, u64 vcpu);
/* Give it back; 0 is none. Any context but NMI. */
void event_close_device(struct domus_domain *d, u32 port);
int event_close(struct domus_domain *d, u64 port);
int event_unmask(struct domus_domain *d, u64 port);
/* Process context, irqs on. */
int event_send(struct domus_domain *d, u64 port);

/**
 * event_signal() - make a port pending and tell its vCPU
 * Context: any but NMI. A port that is not bound is ignored.
 */
void event_signal(struct domus_domain *d, u32 port);
/* The same for the port of a kind of which there is one: CONSOLE, BUS, VCPUS. */
void event_signal_kind(struct domus_domain *d, u8 kind);

#endif /* DOMUS_EVENT_H */
