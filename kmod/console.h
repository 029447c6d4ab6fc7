/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef DOMUS_CONSOLE_H
#define DOMUS_CONSOLE_H

#include <linux/spinlock.h>
#include <linux/types.h>
#include <linux/wait.h>

struct domus_domain;

#define CONSOLE_OUT_SIZE	65536	/* history: the newest bytes are kept */
#define CONSOLE_IN_SIZE		4096

/**
 * struct domus_console - byte rings between guest and the holder's file
 * Indices run freely; size is a power of two. @lock: leaf, irq-safe.
 */
struct domus_console {
	spinlock_t lock;
	char *out, *in;
	u32 out_head, out_tail, in_head, in_tail;
	u64 dropped;
	wait_queue_head_t wait;	/* readers of output and writers of input */
};

int console_init(struct domus_console *c);	/* -ENOMEM */
void console_destroy(struct domus_console *c);
/* DOMUS_HC_CONSOLE_WRITE and _READ: gpa and bytes unchecked; holder's process context. */
s64 console_guest_write(struct domus_domain *d, u64 gpa, u64 len);
s64 console_guest_read(struct domus_domain *d, u64 gpa, u64 len);

/* The holder's ends. Any context but NMI. Return: bytes moved. */
size_t console_take_output(struct domus_console *c, char *to, size_t len);
size_t console_give_input(struct domus_console *c, const char *from, size_t len);
bool console_has_output(const struct domus_console *c);
bool console_has_room(const struct domus_console *c);

#endif /* DOMUS_CONSOLE_H */
