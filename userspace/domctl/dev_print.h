/* SPDX-License-Identifier: GPL-2.0-only */
/* Devices, printed: by disk list and net list, and by show. */
#ifndef DOMCTL_DEV_PRINT_H
#define DOMCTL_DEV_PRINT_H

#include <stddef.h>

#include "domctl.h"
#include "nl_dev.h"

/* Those of a kind, as a table, or an array of everything. */
void dev_print_disks(struct print *p, const struct control_dev *devs, size_t nr);
void dev_print_nics(struct print *p, const struct control_dev *devs, size_t nr);

/* The devices of a domain, as member "devices" of what is printed. Return: 0 or -1. */
int dev_print_all(struct ctx *ctx, struct control *control, const struct control_domain *d);

#endif /* DOMCTL_DEV_PRINT_H */
