// SPDX-License-Identifier: GPL-2.0-only
/*
 * poor.so, to be preloaded into domctl: the holder may not lock memory as it likes, but 1 MiB
 * of it, though it is root's.
 */
#include <linux/capability.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#define LIMIT (1024 * 1024)

__attribute__((constructor)) static void be_poor(void)
{
	const struct rlimit limit = { LIMIT, LIMIT };
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3];

	if (setrlimit(RLIMIT_MEMLOCK, &limit) || syscall(SYS_capget, &header, data)) {
		perror("poor");
		abort();
	}
	data[CAP_TO_INDEX(CAP_IPC_LOCK)].effective &= ~CAP_TO_MASK(CAP_IPC_LOCK);
	data[CAP_TO_INDEX(CAP_IPC_LOCK)].permitted &= ~CAP_TO_MASK(CAP_IPC_LOCK);
	data[CAP_TO_INDEX(CAP_IPC_LOCK)].inheritable &= ~CAP_TO_MASK(CAP_IPC_LOCK);
	if (syscall(SYS_capset, &header, data)) {
		perror("capset");
		abort();
	}
}
