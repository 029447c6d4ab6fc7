// SPDX-License-Identifier: GPL-2.0-only
/*
 * The console: two byte rings between the guest and the holder's file.
 *
 * Output never waits for the holder: the ring is the history, new bytes push out
 * the oldest. Input waits for room. Guest bytes go through a buffer on the stack,
 * since guest memory may fault and the rings' lock is a leaf.
 */
#include <linux/build_bug.h>
#include <linux/minmax.h>
#include <linux/mm.h>
#include <linux/slab.h>
#include <linux/string.h>

#include "console.h"
#include "domain.h"

#define CONSOLE_CHUNK	256

static_assert(!(CONSOLE_OUT_SIZE & (CONSOLE_OUT_SIZE - 1)));
static_assert(!(CONSOLE_IN_SIZE & (CONSOLE_IN_SIZE - 1)));
static_assert(CONSOLE_CHUNK <= CONSOLE_OUT_SIZE);

int console_init(struct domus_console *c)
{
	spin_lock_init(&c->lock);
	init_waitqueue_head(&c->wait);
	c->out = kvzalloc(CONSOLE_OUT_SIZE, GFP_KERNEL_ACCOUNT);
	c->in = kvzalloc(CONSOLE_IN_SIZE, GFP_KERNEL_ACCOUNT);
	if (c->out && c->in)
		return 0;
	console_destroy(c);
	return -ENOMEM;
}

void console_destroy(struct domus_console *c)
{
	kvfree(c->out);
	kvfree(c->in);
	c->out = NULL;
	c->in = NULL;
}

/* ---- Rings: under the lock, lengths checked by the caller ------------------------ */

static void ring_put(char *ring, u32 size, u32 *head, const char *from, u32 len)
{
	u32 at = *head & (size - 1);
	u32 first = min(len, size - at);

	memcpy(ring + at, from, first);
	memcpy(ring, from + first, len - first);
	WRITE_ONCE(*head, *head + len);
}

static void ring_get(const char *ring, u32 size, u32 *tail, char *to, u32 len)
{
	u32 at = *tail & (size - 1);
	u32 first = min(len, size - at);

	memcpy(to, ring + at, first);
	memcpy(to + first, ring, len - first);
	WRITE_ONCE(*tail, *tail + len);
}

/* ---- The holder's ends -------------------------------------------------------------- */

bool console_has_output(const struct domus_console *c)
{
	return READ_ONCE(c->out_head) != READ_ONCE(c->out_tail);
}

bool console_has_room(const struct domus_console *c)
{
	return READ_ONCE(c->in_head) - READ_ONCE(c->in_tail) != CONSOLE_IN_SIZE;
}

size_t console_take_output(struct domus_console *c, char *to, size_t len)
{
	unsigned long flags;

	spin_lock_irqsave(&c->lock, flags);
	len = min_t(size_t, len, c->out_head - c->out_tail);
	ring_get(c->out, CONSOLE_OUT_SIZE, &c->out_tail, to, len);
	spin_unlock_irqrestore(&c->lock, flags);
	return len;
}

size_t console_give_input(struct domus_console *c, const char *from, size_t len)
{
	unsigned long flags;

	spin_lock_irqsave(&c->lock, flags);
	len = min_t(size_t, len, CONSOLE_IN_SIZE - (c->in_head - c->in_tail));
	ring_put(c->in, CONSOLE_IN_SIZE, &c->in_head, from, len);
	spin_unlock_irqrestore(&c->lock, flags);
	return len;
}

/* ---- The guest's ends ---------------------------------------------------------------- */

static void push_output(struct domus_console *c, const char *from, u32 len)
{
	unsigned long flags;
	u32 room;

	spin_lock_irqsave(&c->lock, flags);
	room = CONSOLE_OUT_SIZE - (c->out_head - c->out_tail);
	if (len > room) {
		c->dropped += len - room;
		WRITE_ONCE(c->out_tail, c->out_tail + (len - room));
	}
	ring_put(c->out, CONSOLE_OUT_SIZE, &c->out_head, from, len);
	spin_unlock_irqrestore(&c->lock, flags);
}

static u32 pull_input(struct domus_console *c, char *to, u32 len)
{
	unsigned long flags;

	spin_lock_irqsave(&c->lock, flags);
	len = min(len, c->in_head - c->in_tail);
	ring_get(c->in, CONSOLE_IN_SIZE, &c->in_tail, to, len);
	spin_unlock_irqrestore(&c->lock, flags);
	return len;
}

s64 console_guest_write(struct domus_domain *d, u64 gpa, u64 len)
{
	struct domus_console *c = &d->console;
	char buf[CONSOLE_CHUNK];
	u64 done = 0;
	u32 n;
	int r = 0;

	/* the guest calls again for the rest: no call takes long */
	len = min_t(u64, len, CONSOLE_OUT_SIZE);
	while (done < len) {
		n = min_t(u64, len - done, sizeof(buf));
		r = gmem_read(&d->gmem, gpa + done, buf, n);
		if (r)
			break;
		push_output(c, buf, n);
		done += n;
	}
	if (!done)
		return r;
	wake_up_interruptible(&c->wait);
	return done;
}

s64 console_guest_read(struct domus_domain *d, u64 gpa, u64 len)
{
	struct domus_console *c = &d->console;
	char buf[CONSOLE_CHUNK];
	u64 done = 0;
	u32 n;
	int r = 0;

	len = min_t(u64, len, CONSOLE_IN_SIZE);
	/* what does not fit into guest memory must not be taken: look first */
	if (len && !gmem_hva(&d->gmem, gpa, len))
		return -EFAULT;
	while (done < len) {
		n = pull_input(c, buf, min_t(u64, len - done, sizeof(buf)));
		if (!n)
			break;
		r = gmem_write(&d->gmem, gpa + done, buf, n);
		if (r)
			break;
		done += n;
	}
	if (done || r)
		wake_up_interruptible(&c->wait);
	return done ?: r;
}
