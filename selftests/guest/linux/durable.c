// SPDX-License-Identifier: GPL-2.0-only
/*
 * durable.c: what fsync() has promised is there after the host's power went.
 *
 *   durable write DIR...     appends records to DIR/log of each, for ever; says
 *                            "durable N" when record N of all of them is safe
 *   durable check N DIR...   records 1 to N are there and whole
 */
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "kselftest.h"

#define WORDS	512

/* One record, no two of which are alike. */
static void fill(uint64_t *record, uint64_t number)
{
	unsigned int i;

	for (i = 0; i < WORDS; i++)
		record[i] = (number * WORDS + i) * 0x9e3779b97f4a7c15;
}

static int open_log(const char *dir, int flags)
{
	char path[256];
	int fd;

	snprintf(path, sizeof(path), "%s/log", dir);
	fd = open(path, flags, 0600);
	if (fd < 0)
		ksft_exit_fail_msg("%s: cannot be opened\n", path);
	return fd;
}

static void write_records(int dirs, char **dir)
{
	uint64_t record[WORDS], number;
	int fds[8], i;

	for (i = 0; i < dirs; i++)
		fds[i] = open_log(dir[i], O_CREAT | O_TRUNC | O_WRONLY);
	for (number = 1;; number++) {
		fill(record, number);
		for (i = 0; i < dirs; i++)
			/* fsync() and fdatasync() differ in what they flush: take turns */
			if (write(fds[i], record, sizeof(record)) != sizeof(record) ||
			    (number & 1 ? fsync(fds[i]) : fdatasync(fds[i])))
				ksft_exit_fail_msg("%s: record %lu cannot be written\n", dir[i],
						   number);
		printf("durable %lu\n", number);
		fflush(stdout);
	}
}

static void check_records(uint64_t count, int dirs, char **dir)
{
	uint64_t record[WORDS], expected[WORDS], number;
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
	if (argc > 2 && argc < 11 && !strcmp(argv[1], "write"))
		write_records(argc - 2, argv + 2);
	else if (argc > 3 && !strcmp(argv[1], "check"))
		check_records(strtoull(argv[2], NULL, 0), argc - 3, argv + 3);
	ksft_exit_fail_msg("usage: durable write DIR... | check N DIR...\n");
}
