/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef DOMUS_HYPERCALL_H
#define DOMUS_HYPERCALL_H

#include <linux/types.h>

struct domus_vcpu;
struct gmem;

/**
 * hypercall() - a call of the guest kernel: registers in v->data->regs
 *
 * Sets RAX (and RDX) or, for RETURN and BLOCK, the state to continue with.
 * Context: process, holder's mm, irqs on. Return: 0, or < 0 to leave RUN
 * (-EINTR, result of domain_kill()).
 */
int hypercall(struct domus_vcpu *v);

/*
 * Fill a page with call stubs. Holder's process context. -EINVAL, -ENOMEM, -EFAULT, -EAGAIN
 * (see gmem_pin_present()).
 */
int hypercall_fill_page(const struct gmem *g, u64 gpa);

#endif /* DOMUS_HYPERCALL_H */
