// SPDX-License-Identifier: GPL-2.0-only
/* Threads of a holder. */
#include "thread.h"

#define STACK (256 << 10)

int thread_start(pthread_t *thread, void *(*main)(void *), void *arg)
{
	pthread_attr_t attr;
	int err = pthread_attr_init(&attr);

	if (err)
		return err;
	err = pthread_attr_setstacksize(&attr, STACK);
	if (!err)
		err = pthread_create(thread, &attr, main, arg);
	(void)pthread_attr_destroy(&attr);
	return err;
}
