/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * rows.h: what a row of the table is, and what rows share.
 */
#ifndef ROWS_H
#define ROWS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define BATCHES		9
#define PAGE		4096UL

/*
 * An operation that is measured. Only @run is timed; all of the others may be missing.
 * Those that can fail say why by fail().
 */
struct row {
	const char *name;
	unsigned int times;		/* in a batch */
	unsigned int batches;		/* BATCHES, if 0 */
	bool (*open)(void);		/* before the first batch */
	bool (*prepare)(void);		/* before each */
	bool (*run)(unsigned int times);
	void (*finish)(void);		/* behind each */
	void (*close)(void);		/* behind the last */
	/* How many there were in a batch that took so many ticks, if that is not @times. */
	double (*operations)(uint64_t ticks);
	/* What is no part of the operation, of the ticks of a batch. */
	uint64_t without;
};

/* What I/O goes to; what is missing is not measured. */
struct io {
	const char *disk;		/* of 4 MiB and more, which is written to */
	const char *interface, *local, *remote;	/* remote runs "rows serve" */
};

extern const struct row rows[], disk_rows[], net_rows[];	/* each ends with no name */
extern struct io io;

/* Says what failed, with errno. Return: false. */
bool fail(const char *what);

/* Gives back what comes, a byte for each MiB if that is what the client asks for. */
int serve(void);

/* Sets an interface up, with an address if there is one. */
bool interface_up(const char *name, const char *address);

static inline uint64_t ticks(void)
{
	uint32_t low, high;

	asm volatile("rdtsc" : "=a"(low), "=d"(high) : : "memory");
	return (uint64_t)high << 32 | low;
}

#endif /* ROWS_H */
