/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * One cause, one line: "Error: <what>: <why>", or the same as JSON.
 *
 * Whoever finds the cause writes it into a struct error and returns -1 (or NULL);
 * everybody above passes it up untouched; main() prints it once.
 */
#ifndef DOMCTL_ERROR_H
#define DOMCTL_ERROR_H

#include <linux/domus.h>

/* Exit statuses of domctl. From 10 on: how a domain ended, by create alone. */
enum exit_status {
	EXIT_DONE = 0,
	EXIT_USAGE = 1,		/* the command line is wrong */
	EXIT_REFUSED = 2,	/* by the kernel, or what was given cannot work */
	EXIT_NOT_FOUND = 3,	/* no such domain or file */
	EXIT_REBOOT_LOOP = 10,
	EXIT_CRASH = 11,	/* the guest said so: panic */
	EXIT_KILLED = 12,	/* by the hypervisor: double fault, broken call ... */
	EXIT_TIMEOUT = 13,
	EXIT_DESTROYED = 14,	/* by somebody's domctl destroy */
	EXIT_HOLDER_DIED = 15,	/* the holder was killed */
	EXIT_SUSPENDED = 16,
	EXIT_SIGNAL = 128,	/* + number: domctl create was interrupted */
};

/**
 * struct error - the one cause
 * @status: enum exit_status; 0 while nothing has failed
 * @err: positive errno of a refusal by the module, or 0
 * @what: what it is about: an option, a file, a domain
 * @why: the rest of the line
 */
struct error {
	int status;
	int err;
	char what[160];
	char why[DOMUS_REASON_MAX + 1];
};

/**
 * error_set() - note the cause; the first one is kept
 *
 * Return: -1, for the caller to return.
 */
int __attribute__((format(printf, 4, 5)))
error_set(struct error *error, int status, const char *what, const char *why, ...);

/* The same, with the text of @err (a positive errno) behind @why. Return: -1. */
int error_errno(struct error *error, const char *what, const char *why, int err);

#endif /* DOMCTL_ERROR_H */
