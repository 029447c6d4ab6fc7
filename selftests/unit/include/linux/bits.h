/* SPDX-License-Identifier: GPL-2.0-only */
/* What kmod/ uses of the kernel's bits.h, for user space. */
#ifndef UNIT_LINUX_BITS_H
#define UNIT_LINUX_BITS_H

#define BIT(n)	(1UL << (n))

#endif
