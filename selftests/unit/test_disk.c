// SPDX-License-Identifier: GPL-2.0-only
/* links: userspace/domctl/disk.c userspace/domctl/size.c userspace/domctl/error.c */
/* links: userspace/domctl/opts.c */
/*
 * Disks as domctl is asked for them.
 *
 *   1. reporting
 *   2. --disk FILE,OPTION=VALUE,... that must work
 *   3. what must be refused, each with its line
 *   4. names made of files' names
 *   5. opening images
 *   6. random text
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "disk.h"
#include "report.h"

/* ---- 1. Reporting --------------------------------------------------------- */

static void refused(const struct error *error, int status, const char *line)
{
	char got[2048];

	snprintf(got, sizeof(got), "%s: %s", error->what, error->why);
	ok(error->status == status && !strcmp(got, line), "refused: %s", line);
	if (strcmp(got, line) != 0)
		printf("# status %d: %s\n", error->status, got);
}

/* ---- 2. What works -------------------------------------------------------- */

static void test_parse(void)
{
	struct error error = { 0 };
	struct disk d = { .file = NULL };

	ok(!disk_parse(&d, "/a/b.img", &error) && !strcmp(d.file, "/a/b.img") && !*d.name &&
	   !d.flags && !d.queues && !d.rates.has_bytes && d.io == DISK_IO_AUTO, "a file");
	disk_free(&d);
	d = (struct disk) { .file = NULL };
	ok(!disk_parse(&d, "x,name=root,readonly,shared,force,writethrough,direct,serial=a=b,,c,queues=16,"
		       "queue-size=1024,ring=split,rate=1M,ops=7,burst=60000", &error) &&
	   !strcmp(d.file, "x") && !strcmp(d.name, "root") && d.flags == DOMUS_DEV_FLAGS &&
	   d.io == DISK_IO_DIRECT && !strcmp(d.serial, "a=b,c") && d.queues == 16 &&
	   d.queue_size == 1024 && d.rates.bytes == 1 << 20 && d.rates.ops == 7 &&
	   d.rates.burst_ms == 60000 && d.rates.has_burst, "all options");
	disk_free(&d);
	d = (struct disk) { .file = NULL };
	ok(!disk_parse(&d, "a,,b,,,,c,buffered,buffered", &error) && !strcmp(d.file, "a,b,,c") &&
	   d.io == DISK_IO_BUFFERED, "commas in a file's name are written twice");
	disk_free(&d);
	d = (struct disk) { .file = NULL };
	ok(!disk_parse(&d, "a,rate=0,name=a,name=b", &error) && d.rates.has_bytes &&
	   !d.rates.bytes && !strcmp(d.name, "b"), "no limit; the last of two counts");
	disk_free(&d);
	d = (struct disk) { .file = NULL };
	ok(!disk_parse(&d, "a,force", &error) && d.flags == DOMUS_DEV_FLAG_FORCE,
	   "force alone");
	disk_free(&d);
}

/* ---- 3. What is refused --------------------------------------------------- */

static const struct {
	const char *text;
	const char *line;
} wrong[] = {
	{ "", "--disk: the file's name is empty" },
	{ ",readonly", "--disk: the file's name is empty" },
	{ "a,", "--disk: unknown option '' behind the file" },
	{ "a,,,", "--disk: unknown option '' behind the file" },
	{ "a,x", "--disk: unknown option 'x' behind the file" },
	{ "a,read", "--disk: unknown option 'read' behind the file" },
	{ "a,READONLY", "--disk: unknown option 'READONLY' behind the file" },
	{ "a, readonly", "--disk: unknown option ' readonly' behind the file" },
	{ "a,=1", "--disk: unknown option '' behind the file" },
	{ "a,readonly=1", "readonly: takes no value" },
	{ "a,shared=", "shared: takes no value" },
	{ "a,force=1", "force: takes no value" },
	{ "a,forced", "--disk: unknown option 'forced' behind the file" },
	{ "a,name", "name: needs a value: name=NAME" },
	{ "a,name=", "disk name: is empty" },
	{ "a,name=-a", "disk name: '-a' must be letters, digits, '.', '_' and '-', a letter or "
		       "digit first" },
	{ "a,name=a/b", "disk name: 'a/b' must be letters, digits, '.', '_' and '-', a letter or "
			"digit first" },
	{ "a,name=\303\244", "disk name: '\303\244' must be letters, digits, '.', '_' and '-', a "
			     "letter or digit first" },
	{ "a,name=12345678901234567890123456789012", "disk name: is longer than 31 bytes" },
	{ "a,serial", "serial: needs a value: serial=S" },
	{ "a,serial=", "serial: is empty" },
	{ "a,serial=123456789012345678901", "serial: is longer than 20 bytes" },
	{ "a,serial=a\tb", "serial: must be printable ASCII" },
	{ "a,serial=\377", "serial: must be printable ASCII" },
	{ "a,queues=0", "queues: 0 is not in 1 to 16" },
	{ "a,queues=17", "queues: 17 is not in 1 to 16" },
	{ "a,queues=-1", "queues: '-1' is not a number" },
	{ "a,queues=4294967297", "queues: 4294967297 is not in 1 to 16" },
	{ "a,queue-size=1", "queue-size: 1 is not in 2 to 1024" },
	{ "a,queue-size=2048", "queue-size: 2048 is not in 2 to 1024" },
	{ "a,queue-size=3", "queue-size: 3 is no power of two" },
	{ "a,ring", "ring: needs a value: ring=KIND" },
	{ "a,ring=", "ring: '' is neither split nor packed" },
	{ "a,ring=Split", "ring: 'Split' is neither split nor packed" },
	{ "a,rate=1T", "rate: 1T is more than 931.3G a second" },
	{ "a,rate=-1", "rate: '-1' is not a size (as 512M or 2G)" },
	{ "a,rate=18446744073709551616", "rate: 18446744073709551616 is too large" },
	{ "a,ops=1000000000001", "ops: 1000000000001 is not in 0 to 1000000000000" },
	{ "a,ops=1K", "ops: '1K' is not a number" },
	{ "a,burst=60001", "burst: 60001 is not in 0 to 60000" },
	{ "a,burst=4294967296", "burst: 4294967296 is not in 0 to 60000" },
	{ "a,direct,buffered", "disk: direct and buffered exclude each other" },
	{ "a,buffered,direct", "disk: direct and buffered exclude each other" },
};

static void test_wrong(void)
{
	for (size_t i = 0; i < sizeof(wrong) / sizeof(*wrong); i++) {
		struct error error = { 0 };
		struct disk d = { .file = NULL };

		disk_parse(&d, wrong[i].text, &error);
		refused(&error, EXIT_USAGE, wrong[i].line);
		disk_free(&d);
	}
}

/* ---- 4. Names ------------------------------------------------------------- */

static const char *const *used;

static bool is_used(void *arg, const char *name)
{
	(void)arg;
	for (const char *const *u = used; *u; u++)
		if (!strcmp(*u, name))
			return true;
	return false;
}

static void named(const char *file, const char *expected)
{
	struct disk d = { .file = (char *)(unsigned long)file };

	disk_name(&d, is_used, NULL);
	ok(!strcmp(d.name, expected), "%s is called %s", file, expected);
	if (strcmp(d.name, expected) != 0)
		printf("# %s\n", d.name);
}

static void test_names(void)
{
	static const char *const none[] = { NULL };
	static const char *const some[] = { "a", "a-2", "disk", NULL };
	static const char *const long_one[] = { "1234567890123456789012345678901", NULL };
	struct disk all[3] = { { .file = (char *)"x/a" }, { .file = (char *)"a" },
			       { .file = (char *)"b", .name = "a" } };
	struct error error = { 0 };

	used = none;
	named("a", "a");
	named("/var/lib/a.img", "a.img");
	named("./..a", "a");
	named("a b,c", "a-b-c");
	named("\303\244\303\266", "disk");
	named("a\303\244", "a--");
	named("dir/", "disk");
	named("/", "disk");
	named("", "disk");
	named("123456789012345678901234567890123", "1234567890123456789012345678901");
	used = some;
	named("a", "a-3");
	named("///", "disk-2");
	used = long_one;
	named("1234567890123456789012345678901xyz", "12345678901234567890123456789-2");

	ok(!disk_name_all(all, 3, &error) && !strcmp(all[0].name, "a-2") &&
	   !strcmp(all[1].name, "a-3") && !strcmp(all[2].name, "a"),
	   "a name that was given goes before one that is made");
	snprintf(all[0].name, sizeof(all[0].name), "b");
	snprintf(all[2].name, sizeof(all[2].name), "b");
	disk_name_all(all, 3, &error);
	refused(&error, EXIT_USAGE, "disk name: 'b' is given twice");
}

/* ---- 5. Opening ----------------------------------------------------------- */

static void open_wrong(struct disk d, int status, const char *line)
{
	struct error error = { 0 };
	int fd = disk_open(&d, &error);

	refused(&error, status, line);
	if (fd >= 0)
		close(fd);
}

static void make(const char *file, off_t size)
{
	int fd = open(file, O_CREAT | O_RDWR | O_CLOEXEC, 0600);

	if (fd < 0 || ftruncate(fd, size))
		exit(1);
	close(fd);
}

static bool opens(struct disk d, int flags)
{
	struct error error = { 0 };
	int fd = disk_open(&d, &error);
	int got = fd < 0 ? -1 : fcntl(fd, F_GETFL) & O_ACCMODE;

	if (fd >= 0)
		close(fd);
	return got == flags && !error.status;
}

#define IMAGE(name) { .file = (char *)(name) }

static void test_open(void)
{
	char dir[] = "/tmp/domus-disk-XXXXXX";

	if (!mkdtemp(dir) || chdir(dir))
		exit(1);
	make("image", 1024);
	make("empty", 0);
	make("small", 511);
	make("odd", 513);
	if (mkfifo("pipe", 0600) || symlink("nowhere", "link"))
		exit(1);
	ok(opens((struct disk)IMAGE("image"), O_RDWR), "an image is opened for writing");
	ok(opens((struct disk) { .file = (char *)"image", .io = DISK_IO_BUFFERED }, O_RDWR),
	   "buffered");
	ok(opens((struct disk) { .file = (char *)"image", .flags = DOMUS_DEV_FLAG_READONLY },
		 O_RDONLY), "read-only is opened for reading");
	open_wrong((struct disk)IMAGE("none"), EXIT_NOT_FOUND,
		   "disk none: No such file or directory");
	open_wrong((struct disk)IMAGE("link"), EXIT_NOT_FOUND,
		   "disk link: No such file or directory");
	open_wrong((struct disk)IMAGE("image/x"), EXIT_REFUSED, "disk image/x: Not a directory");
	open_wrong((struct disk)IMAGE("empty"), EXIT_REFUSED, "disk empty: is empty");
	open_wrong((struct disk)IMAGE("small"), EXIT_REFUSED,
		   "disk small: has 511 bytes: too small, a sector has 512");
	open_wrong((struct disk)IMAGE("odd"), EXIT_REFUSED,
		   "disk odd: has 513 bytes: no multiple of 512");
	open_wrong((struct disk)IMAGE("."), EXIT_REFUSED,
		   "disk .: neither a file nor a block device");
	open_wrong((struct disk)IMAGE("pipe"), EXIT_REFUSED,
		   "disk pipe: neither a file nor a block device");
	open_wrong((struct disk)IMAGE("/dev/null"), EXIT_REFUSED,
		   "disk /dev/null: neither a file nor a block device");
	if (geteuid()) {
		chmod("image", 0400);
		open_wrong((struct disk)IMAGE("image"), EXIT_REFUSED, "disk image: Permission denied "
			   "(to write to it; with readonly it can be attached)");
		chmod("image", 0);
		open_wrong((struct disk)IMAGE("image"), EXIT_REFUSED,
			   "disk image: Permission denied");
	}
	unlink("image");
	unlink("empty");
	unlink("small");
	unlink("odd");
	unlink("pipe");
	unlink("link");
	if (chdir("/") || rmdir(dir))
		exit(1);
}

/* ---- 6. Random text ------------------------------------------------------- */

static void test_random(void)
{
	static const char *const words[] = {
		",", ",,", "=", "name", "readonly", "serial=", "queues=", "1", "0", "rate", "M",
		"a", "/", "-", "\377", "burst", "99999999999999999999", "queue-size=4", "direct",
	};
	bool good = true;

	srandom(1);
	for (int i = 0; i < 20000; i++) {
		struct error error = { 0 };
		struct disk d = { .file = NULL };
		char text[512] = "";

		for (int n = (int)(random() % 12); n >= 0; n--)
			strcat(text, words[(size_t)random() % (sizeof(words) / sizeof(*words))]);
		if (disk_parse(&d, text, &error) ? error.status != EXIT_USAGE || !*error.why :
		    !d.file || !*d.file || d.queues > 16)
			good = false;
		disk_free(&d);
	}
	ok(good, "20000 random texts");
}

int main(void)
{
	puts("KTAP version 1");
	test_parse();
	test_wrong();
	test_names();
	test_open();
	test_random();
	printf("1..%d\n", results);
	return failures != 0;
}
