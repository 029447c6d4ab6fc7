/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef DOMUS_PGE_H
#define DOMUS_PGE_H

/**
 * pge_init() - what the module's parameter no_global asks for: can it be?
 *
 * Module init, process context. Return: 0; else the reason is logged: -EOPNOTSUPP the host's
 * kernel relies on global entries; -errno of CPU hotplug.
 */
int pge_init(void);
void pge_exit(void);	/* no domain exists */

/*
 * A domain has cells, or has none any more: with no_global, CR4.PGE is off on every CPU
 * from the first pge_get() to the last pge_put(). Process context, may sleep. No lock that
 * a callback of CPU hotplug takes may be held.
 */
void pge_get(void);
void pge_put(void);

#endif /* DOMUS_PGE_H */
