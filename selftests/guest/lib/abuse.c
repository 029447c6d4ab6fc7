// SPDX-License-Identifier: GPL-2.0-only
/* Calls of a device at random (abuse.h). */
#include "abuse.h"
#include "hostile.h"

#define UNTOUCHED	0xa5a5a5a5a5a5a5a5UL

static const struct abused *abused;
static struct domus_dev_queue queues[DOMUS_MAX_VCPUS];	/* each vCPU's, for the call */

static void a_queue(u64 *seed, u64 me, u64 nr)
{
	u64 z = random_of(seed), handle = abused->dev->info.handle;

	if (z & 1) {
		hcall(DOMUS_HC_DEV_QUEUE, DOMUS_QUEUE_DISABLE, handle, nr, 0, 0, NULL);
		return;
	}
	queues[me] = (struct domus_dev_queue){ .size = z & 0x70 ? 256 : z >> 32 };
	abused->queue(&queues[me], nr, z);
	hcall(DOMUS_HC_DEV_QUEUE, DOMUS_QUEUE_ENABLE, handle, nr, pa(&queues[me]), 0, NULL);
}

void abuse(u64 *seed, u64 me)
{
	u64 z = random_of(seed), handle = abused->dev->info.handle;
	u64 nr = (z >> 32) % (abused->queues + 1), vcpu = (z >> 40) % (others_all() + 1);

	switch (z % 16) {
	default:
		hc2(DOMUS_HC_DEV_NOTIFY, handle, nr);
		break;
	case 0: case 1:
		dev_call(abused->dev, DOMUS_DEV_SET_STATUS, z & 0x300 ? z >> 16 & 15 : 0, 0, 0);
		break;
	case 2:
		dev_call(abused->dev, DOMUS_DEV_SET_FEATURES, abused->dev->info.features, 0, 0);
		break;
	case 3: case 4: case 5: case 6:
		a_queue(seed, me, nr);
		break;
	case 7:
		dev_call(abused->dev, DOMUS_DEV_PORT, vcpu, 0, 0);
		break;
	case 8:
		hcall(DOMUS_HC_DEV_QUEUE, DOMUS_QUEUE_SET_VCPU, handle, nr, vcpu, 0, NULL);
		break;
	case 9:
		hc1(DOMUS_HC_EVENT_CLOSE, (z >> 40) % 32);
		break;
	case 10:
		dev_call(abused->dev, DOMUS_DEV_READ, 0, pa(&queues[me]), 8);
		break;
	case 11: case 12:
		abused->ring(z);
		break;
	}
}

static void storm(u64 me)
{
	u64 seed = arg_number("seed", 1) * DOMUS_MAX_VCPUS + me;

	while (others_go_on())
		abuse(&seed, me);
}

void abuse_by_others(const struct abused *what)
{
	abused = what;
	others_start(storm);
}

bool untouched(const void *from, u64 bytes)
{
	const u64 *at = from, *end = at + bytes / 8;

	while (at < end && *at == UNTOUCHED)
		at++;
	return at == end;
}
