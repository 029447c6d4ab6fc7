// SPDX-License-Identifier: GPL-2.0-only
#include "line.h"

void yield(void)
{
	hc0(DOMUS_HC_YIELD);
}

void read_line(char *to, unsigned int size, void (*meanwhile)(void))
{
	static char c[8];
	unsigned int n = 0;

	for (;;) {
		if (hc2(DOMUS_HC_CONSOLE_READ, pa(c), 1) <= 0) {
			meanwhile();
			continue;
		}
		if (c[0] == '\n' || c[0] == '\r')
			break;
		if (n < size - 1)
			to[n++] = c[0];
	}
	to[n] = '\0';
}
