/* SPDX-License-Identifier: GPL-2.0-only */
/* This terminal, connected to a domain's second console: the port "terminal". */
#ifndef DOMCTL_TERMINAL_H
#define DOMCTL_TERMINAL_H

#include "domctl.h"

/*
 * Until the escape character (ATTACH_NO_ESCAPE: none), a signal, or the domain's end. The
 * guest is told the size of the terminal, each time that it changes.
 * Return: exit status, or -1 with the error.
 */
int terminal_run(struct ctx *ctx, const char *name, int escape);

#endif /* DOMCTL_TERMINAL_H */
