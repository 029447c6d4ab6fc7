/* SPDX-License-Identifier: GPL-2.0-only */
/* What kmod/ uses of the kernel's compiler.h, for user space. */
#ifndef UNIT_LINUX_COMPILER_H
#define UNIT_LINUX_COMPILER_H

#ifndef __force
#define __force
#endif
#define READ_ONCE(x)		__atomic_load_n(&(x), __ATOMIC_RELAXED)
#define WRITE_ONCE(x, v)	__atomic_store_n(&(x), v, __ATOMIC_RELAXED)

#endif
