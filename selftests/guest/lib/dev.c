// SPDX-License-Identifier: GPL-2.0-only
/* The transport: 1. events, 2. discovery, 3. a device's life, 4. memory. */
#include "dev.h"

/* ---- 1. Events --------------------------------------------------------------- */

static unsigned int events;

/* Section 6. Whose port it was does not matter here: who waits looks at his ring. */
static bool take_events(struct guest_regs *regs)
{
	struct domus_event_page *page = va(guest_info->event_page_gpa);
	u64 words;
	unsigned int w;

	vp()->pending = 0;
	words = __atomic_exchange_n(&vp()->port_select, 0, __ATOMIC_SEQ_CST);
	for (w = 0; w < DOMUS_MAX_PORTS / 64; w++)
		if (words >> w & 1)
			__atomic_and_fetch(&page->pending[w], page->mask[w], __ATOMIC_SEQ_CST);
	events++;
	return true;
}

void dev_init(void)
{
	on_trap(DOMUS_ENTRY_EVENT, take_events);
}

void dev_wait(void)
{
	static unsigned int seen;

	/* Events are off but for this call, which turns them on: none may come before it. */
	for (vp()->vif = 0; events == seen; vp()->vif = 0)
		hc0(DOMUS_HC_BLOCK);
	seen = events;
}

/* ---- 2. Discovery --------------------------------------------------------------- */

bool dev_find(struct device *dev, u32 type, unsigned int slot)
{
	static struct domus_dev_info info;

	for (; slot < DOMUS_MAX_DEVICES; slot++) {
		if (hcall(DOMUS_HC_DEV_CONFIG, DOMUS_DEV_INFO, slot, pa(&info), 0, 0, NULL) ||
		    info.type != type)
			continue;
		dev->info = info;
		dev->slot = slot;
		dev->features = 0;
		dev->port = 0;
		return true;
	}
	return false;
}

/* ---- 3. Life --------------------------------------------------------------------- */

long dev_call(const struct device *dev, u64 op, u64 a, u64 b, u64 c)
{
	return hcall(DOMUS_HC_DEV_CONFIG, op, dev->info.handle, a, b, c, NULL);
}

long dev_status(const struct device *dev)
{
	return dev_call(dev, DOMUS_DEV_GET_STATUS, 0, 0, 0);
}

bool dev_broken(const struct device *dev)
{
	long status = dev_status(dev);

	return status > 0 && status & VIRTIO_CONFIG_S_NEEDS_RESET;
}

static long add_status(const struct device *dev, u8 bits)
{
	return dev_call(dev, DOMUS_DEV_SET_STATUS, (u64)dev_status(dev) | bits, 0, 0);
}

long dev_reset(struct device *dev)
{
	dev->port = 0;		/* closed with the device's queues */
	return dev_call(dev, DOMUS_DEV_SET_STATUS, 0, 0, 0);
}

bool dev_open(struct device *dev, u64 features)
{
	long port, status;

	if (dev_reset(dev))
		return false;
	add_status(dev, VIRTIO_CONFIG_S_ACKNOWLEDGE);
	add_status(dev, VIRTIO_CONFIG_S_DRIVER);
	dev->features = dev->info.features & (features | 1UL << VIRTIO_F_VERSION_1);
	if (dev_call(dev, DOMUS_DEV_SET_FEATURES, dev->features, 0, 0))
		return false;
	status = add_status(dev, VIRTIO_CONFIG_S_FEATURES_OK);
	if (status < 0 || !(status & VIRTIO_CONFIG_S_FEATURES_OK))
		return false;
	port = dev_call(dev, DOMUS_DEV_PORT, 0, 0, 0);
	if (port <= 0)
		return false;
	dev->port = port;
	hc1(DOMUS_HC_EVENT_UNMASK, port);
	return true;
}

bool dev_go(struct device *dev)
{
	return add_status(dev, VIRTIO_CONFIG_S_DRIVER_OK) > 0;
}

bool dev_config(const struct device *dev, u32 offset, void *to, u32 bytes)
{
	long before, after;

	/* what the host changes meanwhile is read anew */
	do {
		before = dev_call(dev, DOMUS_DEV_READ, 0, 0, 0);
		after = dev_call(dev, DOMUS_DEV_READ, offset, pa(to), bytes);
	} while (after >= 0 && before != after);
	return after >= 0;
}

/* ---- 4. Memory ----------------------------------------------------------------------- */

void *dev_memory(u64 bytes)
{
	u8 *first = page_alloc();

	/* pages come in order */
	for (; bytes > 4096; bytes -= 4096)
		page_alloc();
	return first;
}
