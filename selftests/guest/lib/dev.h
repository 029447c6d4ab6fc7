/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Devices: the transport of uapi/PARA-API.md, section 8, as a driver of VIRTIO sees it.
 * With ring.h it is all that a port needs below its drivers (devices.c has two).
 */
#ifndef DEV_H
#define DEV_H

#include <linux/virtio_config.h>
#include <linux/virtio_ids.h>

#include "guest.h"

#define ENODEV		19
#define DRIVER_KNOWN	(VIRTIO_CONFIG_S_ACKNOWLEDGE | VIRTIO_CONFIG_S_DRIVER)

/**
 * struct device
 * @info: what the hypervisor says of it
 * @slot: that it was found in
 * @features: accepted
 * @port: of config changes, 0 without
 */
struct device {
	struct domus_dev_info info;
	unsigned int slot;
	u64 features;
	u32 port;
};

/* Take events, for whoever waits for them. To be called once, before the rest. */
void dev_init(void);

/*
 * Wait for an event; at once if one came since the last call. Who waits for something
 * looks for it before each call.
 */
void dev_wait(void);

/* The first device of a type (VIRTIO_ID_x) whose slot is @slot or above, or false. */
bool dev_find(struct device *dev, u32 type, unsigned int slot);

/*
 * Bring it up to FEATURES_OK (VIRTIO 3.1.1): VERSION_1 and those of @features that it
 * offers are accepted. Queues are next, then dev_go(). False: it does not want to.
 */
bool dev_open(struct device *dev, u64 features);
bool dev_go(struct device *dev);
static inline bool dev_has(const struct device *dev, unsigned int bit)
{
	return dev->features >> bit & 1;
}

/* Back to the state in which nobody knows it; waits for what is under way. 0, or < 0. */
long dev_reset(struct device *dev);

/* The status byte, or < 0: -ENODEV when it is gone. */
long dev_status(const struct device *dev);
bool dev_broken(const struct device *dev);

/* Copy from its config space. Return: false: there is less of it. */
bool dev_config(const struct device *dev, u32 offset, void *to, u32 bytes);

/* The calls themselves: the result of DEV_CONFIG, with what follows op and handle. */
long dev_call(const struct device *dev, u64 op, u64 a, u64 b, u64 c);

/* Memory for a driver: zeroed pages that lie one behind the other. */
void *dev_memory(u64 bytes);

#endif /* DEV_H */
