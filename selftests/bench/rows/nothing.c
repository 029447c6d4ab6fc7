// SPDX-License-Identifier: GPL-2.0-only
/* nothing.c: the program that fork_exec_wait starts. */
int main(void)
{
	return 0;
}
