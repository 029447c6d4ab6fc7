/* SPDX-License-Identifier: GPL-2.0-only */
/* Lines that a guest is told on its console. */
#ifndef LINE_H
#define LINE_H

#include "guest.h"

/*
 * One line without its end (\n, or the \r of a terminal), cut off at @size - 1 bytes.
 * As long as there is none, @meanwhile() is called again and again; yield() will do.
 */
void read_line(char *to, unsigned int size, void (*meanwhile)(void));
void yield(void);

#endif
