/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Entropy: the virtio entropy device (VIRTIO 1.2, 5.4) out of the host's generator.
 */
#ifndef DOMUS_RNG_H
#define DOMUS_RNG_H

#include <linux/types.h>

struct bus_device;

/* What a guest gets for one request, and per second unless another rate is asked for. */
#define RNG_REQUEST_MAX		4096U
#define RNG_RATE		(1024 * 1024ULL)

/**
 * rng_new() - make an entropy device, for bus_add()
 *
 * It has a limit of RNG_RATE bytes per second, which bus_rate_set() may change.
 * Context: process. Return: a device with one reference, or ERR_PTR(-ENOMEM).
 */
struct bus_device *rng_new(void);

#endif /* DOMUS_RNG_H */
