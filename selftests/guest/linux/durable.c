// SPDX-License-Identifier: GPL-2.0-only
/*
 * durable.c: what fsync() has promised is there after the host's power went.
 *
 *   durable write N DIR...   appends records 1 to N to DIR/log of each, with fsync(); says
 *                            "durable I" when record I of all of them is safe. Then, for
 *                            ever, writes to DIR/loose without fsync() and past the page
 *                            cache; says "loose I"
 *   durable check N DIR...   records 1 to N are there and whole
 *
 * A DIR may be a disk that writes through: records are written to it from its start on,
 * past the page cache, without fsync(); nothing of it is loose.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "kselftest.h"

#define WORDS	512
#define DIRS	8
#define LOOSE	16	/* records in DIR/loose */

/* Without the page cache, the alignment of the disk is asked for. */
static _Alignas(4096) uint64_t record[WORDS], expected[WORDS];

/* One record, no two of which are alike. */
static void fill(uint64_t *to, uint64_t number)
{
	unsigned int i;

	for (i = 0; i < WORDS; i++)
		to[i] = (number * WORDS + i) * 0x9e3779b97f4a7c15;
}

static bool is_disk(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 && S_ISBLK(st.st_mode);
}

static int open_file(const char *dir, const char *name, int flags)
{
	char path[256];
	int fd;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	fd = open(path, flags, 0600);
	if (fd < 0)
		ksft_exit_fail_msg("%s: cannot be opened\n", path);
	return fd;
}

static int open_log(const char *dir, int flags)
{
	int fd;

	if (!is_disk(dir))
		return open_file(dir, "log", flags);
	fd = open(dir, (flags & O_ACCMODE) | O_DIRECT);
	if (fd < 0)
		ksft_exit_fail_msg("%s: cannot be opened\n", dir);
	return fd;
}

/* All of it has a place on the disk, so that nothing has to be told of that later. */
static int open_loose(const char *dir)
{
	int fd = open_file(dir, "loose", O_CREAT | O_WRONLY | O_DIRECT), i;

	memset(record, 0, sizeof(record));
	for (i = 0; i < LOOSE; i++)
		if (write(fd, record, sizeof(record)) != sizeof(record))
			ksft_exit_fail_msg("%s: no place for loose records\n", dir);
	if (fsync(fd))
		ksft_exit_fail_msg("%s: loose records cannot be synced\n", dir);
	return fd;
}

/* fsync() and fdatasync() differ in what they flush: take turns. */
static int append(int fd, uint64_t number, bool sync)
{
	if (write(fd, record, sizeof(record)) != sizeof(record))
		return -1;
	if (!sync)
		return 0;
	return number & 1 ? fsync(fd) : fdatasync(fd);
}

static void write_loose(int count, const int *fds)
{
	uint64_t number;
	int i;

	for (number = 1;; number++) {
		fill(record, -number);
		for (i = 0; i < count; i++)
			if (pwrite(fds[i], record, sizeof(record),
				   number % LOOSE * sizeof(record)) != sizeof(record))
				ksft_exit_fail_msg("loose record %lu cannot be written\n", number);
		printf("loose %lu\n", number);
		fflush(stdout);
	}
}

static void write_records(uint64_t count, int dirs, char **dir)
{
	int fds[DIRS], loose[DIRS], loose_count = 0, i;
	uint64_t number;

	for (i = 0; i < dirs; i++) {
		fds[i] = open_log(dir[i], O_CREAT | O_TRUNC | O_WRONLY);
		if (!is_disk(dir[i]))
			loose[loose_count++] = open_loose(dir[i]);
	}
	for (number = 1; number <= count; number++) {
		fill(record, number);
		for (i = 0; i < dirs; i++)
			if (append(fds[i], number, !is_disk(dir[i])))
				ksft_exit_fail_msg("%s: record %lu cannot be written\n", dir[i],
						   number);
		printf("durable %lu\n", number);
		fflush(stdout);
	}
	write_loose(loose_count, loose);
}

static void check_records(uint64_t count, int dirs, char **dir)
{
	uint64_t number;
	int fd, i;

	ksft_print_header();
	ksft_set_plan(dirs);
	for (i = 0; i < dirs; i++) {
		fd = open_log(dir[i], O_RDONLY);
		for (number = 1; number <= count; number++) {
			fill(expected, number);
			if (read(fd, record, sizeof(record)) != sizeof(record) ||
			    memcmp(record, expected, sizeof(record)))
				break;
		}
		ksft_test_result(number > count, "%s: records 1 to %lu, up to %lu\n", dir[i], count,
				 number - 1);
		close(fd);
	}
	ksft_finished();
}

int main(int argc, char **argv)
{
	if (argc > 3 && argc <= 3 + DIRS && !strcmp(argv[1], "write"))
		write_records(strtoull(argv[2], NULL, 0), argc - 3, argv + 3);
	else if (argc > 3 && !strcmp(argv[1], "check"))
		check_records(strtoull(argv[2], NULL, 0), argc - 3, argv + 3);
	ksft_exit_fail_msg("usage: durable write N DIR... | check N DIR...\n");
}
