// SPDX-License-Identifier: GPL-2.0-only
/* connect.c: the way from a domain's name to its holder. */
#include "connect.h"
#include "nl.h"
#include "runtime.h"

int holder_connect(const char *name, struct error *error)
{
	const struct control_ref ref = { .name = name };
	struct control_domain domain = { 0 };
	struct control *control;
	int result;

	if (control_open(&control, NULL, error))
		return -1;
	result = control_domain_get(control, &ref, &domain, error);
	control_close(control);
	return result ? -1 : runtime_connect(name, domain.uid, error);
}
