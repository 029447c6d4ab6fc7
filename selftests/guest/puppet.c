// SPDX-License-Identifier: GPL-2.0-only
/*
 * A guest that does what its command line says, for tests of the host's side:
 *
 *   poweroff, reboot, crash, suspend    at once
 *   idle     blocks for ever
 *   spin     loops for ever
 *   echo     says "ready", gives every line back, ends at the line "quit"
 *   flood    writes 1 MiB of numbered lines, then powers off
 *   argue    makes a call that breaks the para-API
 */
#include "line.h"

static char command[32];
static char input[256];

static bool is(const char *word)
{
	unsigned int i;

	for (i = 0; word[i] && command[i] == word[i]; i++)
		;
	return word[i] == command[i];
}

static void echo(void)
{
	print("ready\n");
	do {
		read_line(input, sizeof(input), yield);
		print("<%s>\n", input);
	} while (input[0] != 'q');
}

static void flood(void)
{
	unsigned int i;

	for (i = 0; i < 16384; i++)
		print("line %u ........................................................\n",
		      100000 + i);
}

void test(void)
{
	const char *line = va(guest_info->cmdline_gpa);
	unsigned int i;

	for (i = 0; i < sizeof(command) - 1 && line[i] && line[i] != ' '; i++)
		command[i] = line[i];
	print("puppet: %s\n", command);
	if (is("crash"))
		guest_stop(DOMUS_SHUTDOWN_CRASH, "Kernel panic - not syncing: told to");
	if (is("reboot"))
		guest_stop(DOMUS_SHUTDOWN_REBOOT, NULL);
	if (is("suspend"))
		guest_stop(DOMUS_SHUTDOWN_SUSPEND, NULL);
	while (is("idle"))
		hc0(DOMUS_HC_BLOCK);
	while (is("spin"))
		;
	if (is("echo"))
		echo();
	if (is("flood"))
		flood();
	if (is("argue")) {
		vp()->ret.cs = 7;
		hc0(DOMUS_HC_RETURN);
	}
}
