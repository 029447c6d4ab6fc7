// SPDX-License-Identifier: GPL-2.0-only
/* error.c: filling struct error; see error.h. */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "error.h"

int error_set(struct error *error, int status, const char *what, const char *why, ...)
{
	va_list args;

	if (error->status)
		return -1;
	error->status = status;
	snprintf(error->what, sizeof(error->what), "%s", what);
	va_start(args, why);
	vsnprintf(error->why, sizeof(error->why), why, args);
	va_end(args);
	return -1;
}

int error_errno(struct error *error, const char *what, const char *why, int err)
{
	int status = err == ENOENT ? EXIT_NOT_FOUND : EXIT_REFUSED;

	return error_set(error, status, what, "%s%s%s", why, *why ? ": " : "", strerror(err));
}
