// SPDX-License-Identifier: GPL-2.0-only
/* Stories of a maltreated device: 1. the host's answers, 2. what came of it. */
#include <linux/virtio_ring.h>

#include "line.h"
#include "story.h"

/* ---- 1. The host ------------------------------------------------------------------- */

u64 now(void)
{
	return hc1(DOMUS_HC_GET_TIME, DOMUS_TIME_MONOTONIC);
}

bool same(const char *a, const char *b)
{
	for (; *a && *a == *b; a++, b++)
		;
	return *a == *b;
}

const char *ask_host(const char *what, const char *about)
{
	static char text[128];

	print("%s %s\n", what, about);
	read_line(text, sizeof(text), yield);
	return text;
}

/* ---- 2. What came of it -------------------------------------------------------------- */

static bool is_broken(const struct device *dev)
{
	u64 end = now() + PATIENCE;

	while (!dev_broken(dev)) {
		if (now() > end)
			return false;
		hc0(DOMUS_HC_YIELD);
	}
	return true;
}

static bool broken_as(const struct device *dev, const char *reason)
{
	const char *why;

	if (!is_broken(dev)) {
		print("# it is not broken: status %u\n", (u32)dev_status(dev));
		return false;
	}
	why = ask_host("why", dev->info.name);
	if (same(why, reason))
		return true;
	print("# the host says '%s', not '%s'\n", why, reason);
	return false;
}

static bool tell(const struct stage *stage, const struct story *s)
{
	bool good;

	if (!stage->open(s)) {
		print("# the victim cannot be set up\n");
		return false;
	}
	good = s->attack();
	if (!good)
		print("# not what was to come\n");
	if (!s->reason && dev_broken(stage->dev)) {
		print("# it is broken: %s\n", ask_host("why", stage->dev->info.name));
		good = false;
	}
	if (s->reason && !same(s->reason, MAYBE))
		good &= broken_as(stage->dev, s->reason);
	good &= stage->beside();
	return good & stage->mended();
}

void tell_stories(const struct stage *stage, const struct story *stories, unsigned int n)
{
	unsigned int i;

	plan(n);
	for (i = 0; i < n; i++)
		ok(tell(stage, &stories[i]), "%s", stories[i].name);
}
