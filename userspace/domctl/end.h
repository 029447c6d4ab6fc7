/* SPDX-License-Identifier: GPL-2.0-only */
/* The last line: how a domain, or a stay on its console, has ended. */
#ifndef DOMCTL_END_H
#define DOMCTL_END_H

#include "attach.h"
#include "domctl.h"

/* On a terminal: how to leave. */
void end_greet(const struct attach *a, const char *name);

/* "NAME: powered off" on stderr, or the domain's end as JSON. Return: its status. */
int end_domain(struct ctx *ctx, const char *name, const struct wire *last);

/* After attach_run() of domctl console. Return: exit status, or -1 with the error. */
int end_console(struct ctx *ctx, const char *name, enum attach_result result,
		const struct wire *last, const struct attach *a);

#endif /* DOMCTL_END_H */
