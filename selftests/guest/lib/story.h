/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * For guests that maltreat a device: stories, each of which does it in one way.
 *
 * A story gets its device up and idle. Then is looked whether the device knows that it is
 * broken, and the host why; whether what is beside it works on as if nothing had been;
 * and whether a reset makes the device what it was. A script on the host answers for it,
 * on the console: asked "why NAME" it gives the reason that domctl shows for that device,
 * or an empty line.
 */
#ifndef STORY_H
#define STORY_H

#include "dev.h"

/**
 * struct story
 * @name: what is done
 * @reason: why the device is broken then; NULL: it is not; MAYBE: either will do
 * @attack: does it; false: something came back that should not
 * @features: to be accepted, beside VERSION_1
 * @size: descriptors of the ring; 0: 16
 */
struct story {
	const char *name, *reason;
	bool (*attack)(void);
	u64 features;
	unsigned int size;
};

#define MAYBE		"?"
#define INDIRECT	(1UL << VIRTIO_RING_F_INDIRECT_DESC)
#define EVENT_IDX	(1UL << VIRTIO_RING_F_EVENT_IDX)
#define PACKED		(1UL << VIRTIO_F_RING_PACKED)

/**
 * struct stage - what stories are played on; each says what is wrong, if something is
 * @dev: the device under attack
 * @open: makes it ready
 * @beside: does what is beside it work?
 * @mended: reset as a driver does it, does it work?
 */
struct stage {
	struct device *dev;
	bool (*open)(const struct story *s);
	bool (*beside)(void);
	bool (*mended)(void);
};

/* All of them, as points of KTAP, and the plan. */
void tell_stories(const struct stage *stage, const struct story *stories, unsigned int n);

/* "WHAT ABOUT" on the console, and the line that comes back, good until the next call. */
const char *ask_host(const char *what, const char *about);

bool same(const char *a, const char *b);
u64 now(void);

#define PATIENCE	10000000000UL	/* ns that something may take */
#define COUNT(array)	(sizeof(array) / sizeof(*(array)))

#endif /* STORY_H */
