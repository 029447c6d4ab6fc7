/* SPDX-License-Identifier: GPL-2.0-only */
/* What is printed of devices that are neither disk nor network interface. */
#ifndef DOMCTL_DEV_PRINT_SMALL_H
#define DOMCTL_DEV_PRINT_SMALL_H

#include "nl_dev.h"
#include "print.h"

/* What only such a device has: members of its object; lines of show. */
void dev_json_small(struct print *p, const struct control_dev *d);
void dev_text_small(struct print *p, const struct control_dev *d);

/* The ports among the devices, as a table, or an array of everything. */
void dev_print_ports(struct print *p, const struct control_dev *devs, size_t nr);

#endif /* DOMCTL_DEV_PRINT_SMALL_H */
