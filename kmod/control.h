/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Control: the generic netlink family of uapi/linux/domus.h.
 *
 * Everything here ends in a call of domain.h; nothing but main.c includes this.
 */
#ifndef DOMUS_CONTROL_H
#define DOMUS_CONTROL_H

/**
 * control_init() - register the family and ask domain.c to be told of events
 *
 * Requests can arrive before this returns: everything they lead to is ready.
 *
 * Context: process, module init. Return: 0 or -errno; nothing is left behind on error.
 */
int control_init(void);

/**
 * control_exit() - the mirror of control_init()
 *
 * Waits for requests and dumps in progress. No event comes after it.
 *
 * Context: process, module exit.
 */
void control_exit(void);

#endif /* DOMUS_CONTROL_H */
