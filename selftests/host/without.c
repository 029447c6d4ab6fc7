// SPDX-License-Identifier: GPL-2.0-only
/* without CAP COMMAND...: as root, but without the capability of this number. */
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	/* What is not in the bounding set root does not get by an exec. */
	if (argc < 3 || prctl(PR_CAPBSET_DROP, strtoul(argv[1], NULL, 10), 0, 0, 0)) {
		perror("without");
		return 125;
	}
	execvp(argv[2], argv + 2);
	perror(argv[2]);
	return 125;
}
