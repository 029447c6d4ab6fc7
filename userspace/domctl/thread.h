/* SPDX-License-Identifier: GPL-2.0-only */
/* Threads of a holder. */
#ifndef DOMCTL_THREAD_H
#define DOMCTL_THREAD_H

#include <pthread.h>

/**
 * thread_start() - pthread_create() with a small stack
 * @thread: is set
 * @main, @arg: what it does; little, in 256 KiB of stack
 *
 * The usual 8 MiB are room for a huge page of the host, which the first touch of a stack
 * would take: 2 MiB for each vCPU. Return: 0 or errno.
 */
int thread_start(pthread_t *thread, void *(*main)(void *), void *arg);

#endif /* DOMCTL_THREAD_H */
