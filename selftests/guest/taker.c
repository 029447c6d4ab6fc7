// SPDX-License-Identifier: GPL-2.0-only
/*
 * A guest that takes every device it finds, without using it, for tests of the
 * host's side. It says what it sees, a line each: "taken NAME", "size NAME SECTORS"
 * (also when that changes), "asked NAME" (to let go), "gone NAME".
 *
 *   hold     never lets go of a device
 *   yield    lets go when it is asked to
 *   break    gives each a ring that jumps ("broken NAME" when it has seen that the
 *            device knows), and resets it when its size changes ("reset NAME")
 */
#include "guest.h"

#define STATUS_DRIVER		3	/* ACKNOWLEDGE | DRIVER */
#define STATUS_FEATURES_OK	8
#define STATUS_DRIVER_OK	4
#define STATUS_NEEDS_RESET	64
#define F_VERSION_1		(1UL << 32)
#define SLOTS			4

static struct {
	u64 handle;
	u64 sectors;
	bool asked;
	bool broken;
	char name[DOMUS_DEV_NAME_MAX + 1];
} slots[SLOTS];

static long config(u64 op, u64 a, u64 b, u64 c, u64 d)
{
	return hcall(DOMUS_HC_DEV_CONFIG, op, a, b, c, d, NULL);
}

static void take(unsigned int slot, const struct domus_dev_info *info)
{
	unsigned int i;

	config(DOMUS_DEV_SET_STATUS, info->handle, 0, 0, 0);
	config(DOMUS_DEV_SET_STATUS, info->handle, STATUS_DRIVER, 0, 0);
	config(DOMUS_DEV_SET_FEATURES, info->handle, F_VERSION_1, 0, 0);
	config(DOMUS_DEV_SET_STATUS, info->handle, STATUS_DRIVER | STATUS_FEATURES_OK, 0, 0);
	config(DOMUS_DEV_SET_STATUS, info->handle,
	       STATUS_DRIVER | STATUS_FEATURES_OK | STATUS_DRIVER_OK, 0, 0);
	for (i = 0; i < sizeof(slots[slot].name); i++)
		slots[slot].name[i] = info->name[i];
	slots[slot].handle = info->handle;
	slots[slot].sectors = 0;
	slots[slot].asked = false;
	slots[slot].broken = false;
	print("taken %s\n", slots[slot].name);
}

/* Split ring of 16: 1000 buffers are more than fit. */
static void break_ring(unsigned int slot)
{
	static struct domus_dev_queue queue;
	char *page = page_alloc();

	*(__u16 *)(page + 1024 + 2) = 1000;
	queue.desc = pa(page);
	queue.driver = pa(page + 1024);
	queue.device = pa(page + 2048);
	queue.size = 16;
	hcall(DOMUS_HC_DEV_QUEUE, DOMUS_QUEUE_ENABLE, slots[slot].handle, 0, pa(&queue), 0, NULL);
	hc2(DOMUS_HC_DEV_NOTIFY, slots[slot].handle, 0);
}

static void look_at_status(unsigned int slot)
{
	if (slots[slot].broken || !(config(DOMUS_DEV_GET_STATUS, slots[slot].handle, 0, 0, 0) &
				    STATUS_NEEDS_RESET))
		return;
	slots[slot].broken = true;
	print("broken %s\n", slots[slot].name);
}

/* The first field of a disk's config space. Return: it has changed. */
static bool look_at_size(unsigned int slot)
{
	static u64 sectors[1];

	if (config(DOMUS_DEV_READ, slots[slot].handle, 0, pa(sectors), sizeof(sectors)) < 0 ||
	    sectors[0] == slots[slot].sectors)
		return false;
	slots[slot].sectors = sectors[0];
	print("size %s %u\n", slots[slot].name, (u32)sectors[0]);
	return true;
}

static void look_at(unsigned int slot, char mode)
{
	static struct domus_dev_info info;
	bool yields = mode == 'y', changed;
	bool there = config(DOMUS_DEV_INFO, slot, pa(&info), 0, 0) == 0;

	if (slots[slot].handle && (!there || info.handle != slots[slot].handle)) {
		print("gone %s\n", slots[slot].name);
		slots[slot].handle = 0;
	}
	if (!there || (slots[slot].handle && slots[slot].asked && yields))
		return;
	if (!slots[slot].handle) {
		take(slot, &info);
		if (mode == 'b')
			break_ring(slot);
	}
	changed = look_at_size(slot);
	if (changed && slots[slot].broken) {
		print("reset %s\n", slots[slot].name);
		take(slot, &info);
	}
	if (mode == 'b')
		look_at_status(slot);
	if (info.flags & DOMUS_DEV_LEAVING && !slots[slot].asked) {
		slots[slot].asked = true;
		print("asked %s\n", slots[slot].name);
		if (yields) {
			config(DOMUS_DEV_SET_STATUS, info.handle, 0, 0, 0);
			config(DOMUS_DEV_LET_GO, info.handle, 0, 0, 0);
		}
	}
}

void test(void)
{
	const char *line = va(guest_info->cmdline_gpa);
	unsigned int slot;

	print("taker: %s\n", line);
	for (;;) {
		for (slot = 0; slot < SLOTS; slot++)
			look_at(slot, line[0]);
		hc0(DOMUS_HC_YIELD);
	}
}
