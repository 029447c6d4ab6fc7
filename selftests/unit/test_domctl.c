// SPDX-License-Identifier: GPL-2.0-only
/* Runs domctl.sh, which builds and tests the whole program, as one of the unit tests. */
#include <stdio.h>
#include <unistd.h>

int main(void)
{
	execl("./domctl.sh", "domctl.sh", (char *)NULL);
	perror("domctl.sh");
	return 1;
}
