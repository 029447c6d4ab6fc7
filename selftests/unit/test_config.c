// SPDX-License-Identifier: GPL-2.0-only
/* links: userspace/domctl/config.c userspace/domctl/disk.c userspace/domctl/size.c */
/* links: userspace/domctl/opts.c */
/* links: userspace/domctl/error.c */
/* libs: -linih */
/*
 * domctl's configuration files, as far as they are no domain's: lines, sections, keys.
 * What the keys mean is tested with the whole program (domctl.sh).
 *
 *   1. reporting
 *   2. what must be read
 *   3. what must be refused, each with its line
 *   4. random files
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config.h"
#include "report.h"

/* ---- 1. Reporting --------------------------------------------------------- */

static int parse(struct config *config, const void *text, size_t size, struct error *error)
{
	/* An empty memory file cannot be opened: a line feed is as empty. */
	FILE *file = fmemopen((void *)(unsigned long)(size ? text : "\n"), size ? size : 1, "r");
	int result;

	if (!file)
		exit(1);
	result = config_parse(config, "f", file, error);
	fclose(file);
	return result;
}

/* All entries as "LINE:DISK/KEY=VALUE " */
static void reads(const char *text, const char *expected)
{
	struct error error = { 0 };
	struct config config;
	char got[2048] = "";
	size_t n = 0;

	if (parse(&config, text, strlen(text), &error))
		snprintf(got, sizeof(got), "%s: %s", error.what, error.why);
	for (struct config_entry *e = config.entries; e && n < sizeof(got) - 200; e = e->next)
		n += (size_t)snprintf(got + n, sizeof(got) - n, "%s%u:%s%s%s%s%s", n ? " " : "",
				      e->line, e->name ? e->name : "", e->key ? "/" : "",
				      e->key ? e->key : "", e->value ? "=" : "",
				      e->value ? e->value : "");
	ok(!error.status && !strcmp(got, expected), "reads %s", expected);
	if (strcmp(got, expected) != 0)
		printf("# %s\n", got);
	config_free(&config);
}

static void refused(const char *text, size_t size, int status, const char *line)
{
	struct error error = { 0 };
	struct config config;
	char got[2048];

	parse(&config, text, size, &error);
	snprintf(got, sizeof(got), "%s: %s", error.what, error.why);
	ok(error.status == status && !strcmp(got, line), "refused: %s", line);
	if (strcmp(got, line) != 0)
		printf("# status %d: %s\n", error.status, got);
	config_free(&config);
}

/* ---- 2. What is read ------------------------------------------------------ */

static void test_reads(void)
{
	reads("", "");
	reads("\n\n# x = y\n; [z]\n  # w\n", "");
	reads("[domain]", "1:");
	reads("[domain]\nkernel = /a b\n", "1: 2:/kernel=/a b");
	reads("[domain]\r\nkernel = a\r\n", "1: 2:/kernel=a");
	reads("  [domain]\t\n\tkernel\t=\ta\t\n", "1: 2:/kernel=a");
	reads("\xef\xbb\xbf[domain]\nx=y", "1: 2:/x=y");
	reads("[domain]\nappend = a=b ; c # d\n", "1: 2:/append=a=b ; c # d");
	reads("[domain]\nx: y\n", "1: 2:/x=y");
	reads("[domain]\nappend =\n", "1: 2:/append=");
	reads("[domain]\nappend = \t\r\nx=y", "1: 2:/append= 3:/x=y");
	reads("[domain]\na=1\n[disk r]\n\na=2\n[disk s]\na=3",
	      "1: 2:/a=1 3:r 5:r/a=2 6:s 7:s/a=3");
	reads("[disk a]\n[disk b]\n[domain]", "1:a 2:b 3:");
	reads("[disk \t a]\nx=\303\244", "1:a 2:a/x=\303\244");
}

/* ---- 3. What is refused --------------------------------------------------- */

static const struct {
	const char *text;
	const char *line;
} wrong[] = {
	{ "a=b", "f:1: a: stands before the first section" },
	{ "\n\n a = b\n[domain]", "f:3: a: stands before the first section" },
	{ "[domain]\na", "f:2: line: is neither [SECTION] nor KEY = VALUE" },
	{ "x\n[domain]\na=b", "f:1: line: is neither [SECTION] nor KEY = VALUE" },
	{ "[domain\na=b", "f:1: line: is neither [SECTION] nor KEY = VALUE" },
	{ "[domain]\n=b", "f:2: line: has no key before the '='" },
	{ "[domain]\na=", "f:2: a: has no value" },
	{ "[domain]\na= \t", "f:2: a: has no value" },
	{ "[domain]\nkernel=\n", "f:2: kernel: has no value" },
	{ "[disk a]\nappend=\n", "f:2: append: has no value" },
	{ "[domain]\nappend=\nappend=\n", "f:3: append: is there already, in line 2" },
	{ "[domain]\na=b\n\na=c", "f:4: a: is there already, in line 2" },
	{ "[domain]\na=b\n[domain]", "f:3: [domain]: is there already, in line 1" },
	{ "[disk a]\n[disk b]\n[disk a]\n", "f:3: [disk a]: is there already, in line 1" },
	{ "[disk a]\nx=1\nx=1\n", "f:3: x: is there already, in line 2" },
	{ "[disk]\n", "f:1: [disk]: needs a name: [disk NAME]" },
	{ "[disk ]\n", "f:1: disk name: is empty" },
	{ "[disk a b]\n", "f:1: disk name: 'a b' must be letters, digits, '.', '_' and '-', a "
			  "letter or digit first" },
	{ "[disk 12345678901234567890123456789012]\n",
	  "f:1: disk name: is longer than 31 bytes" },
	{ "[disk a                                                                     b]\n",
	  "f:1: disk name: is longer than 31 bytes" },
	{ "[Domain]\n",
	  "f:1: [Domain]: no such section: there are [domain], [disk NAME] and [net NAME]" },
	{ "[]\n",
	  "f:1: []: no such section: there are [domain], [disk NAME] and [net NAME]" },
	{ "[domain ]\n",
	  "f:1: [domain ]: no such section: there are [domain], [disk NAME] and [net NAME]" },
	{ "[diska]\n",
	  "f:1: [diska]: no such section: there are [domain], [disk NAME] and [net NAME]" },
	{ "[domain]\na=b\n[x]\n=\n",
	  "f:3: [x]: no such section: there are [domain], [disk NAME] and [net NAME]" },
	{ "[domain]\na=\001b\n", "f:2: line: has a control character (0x01)" },
	{ "[domain]\n\001=1\n", "f:2: line: has a control character (0x01)" },
	{ "[domain]\n# \033[31m\n", "f:2: line: has a control character (0x1b)" },
	{ "[domain]\na=b\177", "f:2: line: has a control character (0x7f)" },
};

static void test_wrong(void)
{
	static const char nul[] = "[domain]\na=b\0c\n";
	char *text = malloc(20000);
	struct error error = { 0 };
	struct config config;
	size_t n;

	for (size_t i = 0; i < sizeof(wrong) / sizeof(*wrong); i++)
		refused(wrong[i].text, strlen(wrong[i].text), EXIT_USAGE, wrong[i].line);
	refused(nul, sizeof(nul) - 1, EXIT_USAGE, "f:2: line: has a control character (0x00)");

	n = (size_t)sprintf(text, "[domain]\na=%0*d\nb=c\n", CONFIG_LINE_MAX - 2, 0);
	ok(!parse(&config, text, n, &error) && strlen(config.entries->next->value) ==
	   CONFIG_LINE_MAX - 2 && config.entries->next->next->line == 3, "the longest line");
	config_free(&config);
	n = (size_t)sprintf(text, "[domain]\na=%0*d\nb=c\n", CONFIG_LINE_MAX - 1, 0);
	refused(text, n, EXIT_USAGE, "f:2: line: is longer than 8190 bytes");
	n = (size_t)sprintf(text, "[domain]\n#%0*d", 2 * CONFIG_LINE_MAX, 0);
	refused(text, n, EXIT_USAGE, "f:2: line: is longer than 8190 bytes");
	free(text);

	ok(config_read(&config, "/none/none", &error) && error.status == EXIT_NOT_FOUND &&
	   !strcmp(error.what, "/none/none"), "refused: a file that is not there");
	config_free(&config);
	error = (struct error) { 0 };
	ok(config_read(&config, "/", &error) && !strcmp(error.why, "is a directory"),
	   "refused: a directory");
	config_free(&config);
}

/* ---- 4. Random files ------------------------------------------------------ */

static void test_random(void)
{
	static const char *const words[] = {
		"[domain]\n", "[disk a]\n", "[disk b]", "[", "]", "\n", "\n", "\n", "=", "a=b\n",
		"kernel", " ", "\t", "#", ";", ":", "x = y\n", "\r", "\001", "disk ", "\303",
	};
	bool good = true;

	srandom(2);
	for (int i = 0; i < 20000; i++) {
		struct error error = { 0 };
		struct config config;
		char text[512] = "";
		unsigned int line = 0;

		for (int n = (int)(random() % 20); n >= 0; n--)
			strcat(text, words[(size_t)random() % (sizeof(words) / sizeof(*words))]);
		if (parse(&config, text, strlen(text), &error) &&
		    (error.status != EXIT_USAGE || strncmp(error.what, "f:", 2) != 0))
			good = false;
		for (struct config_entry *e = config.entries; e; e = e->next) {
			if (e->line <= line || (e->key && !*e->value))
				good = false;
			line = e->line;
		}
		config_free(&config);
	}
	ok(good, "20000 random files");
}

int main(void)
{
	puts("KTAP version 1");
	test_reads();
	test_wrong();
	test_random();
	printf("1..%d\n", results);
	return failures != 0;
}
