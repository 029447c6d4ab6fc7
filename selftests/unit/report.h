/* SPDX-License-Identifier: GPL-2.0-only */
/* report.h: results of a unit test in C, one program each, as KTAP. */
#ifndef UNIT_REPORT_H
#define UNIT_REPORT_H

#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>

static int results, failures;

static void __attribute__((format(printf, 2, 3))) ok(bool good, const char *name, ...)
{
	va_list args;

	failures += !good;
	printf("%sok %d - ", good ? "" : "not ", ++results);
	va_start(args, name);
	vprintf(name, args);
	va_end(args);
	putchar('\n');
}

#endif /* UNIT_REPORT_H */
