/* SPDX-License-Identifier: GPL-2.0-only */
/* /dev/domus */
#ifndef DOMCTL_DEVICE_H
#define DOMCTL_DEVICE_H

#include "error.h"

#define DEVICE_PATH "/dev/domus"

/* Opens it, not blocking, and checks its ABI. Return: the file, or -1. */
int device_open(struct error *error);

#endif /* DOMCTL_DEVICE_H */
