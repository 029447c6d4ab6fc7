// SPDX-License-Identifier: GPL-2.0-only
/* balloon.c: how much memory a domain goes on with; see balloon.h. */
#include <linux/virtio_config.h>
#include <stdlib.h>
#include <string.h>

#include "balloon.h"
#include "nl_small.h"
#include "size.h"

const struct control_dev *balloon_in(const struct control_dev *devs, size_t nr, uint32_t id)
{
	for (size_t i = 0; i < nr; i++)
		if (devs[i].kind == DOMUS_DEV_KIND_BALLOON && devs[i].domain == id)
			return &devs[i];
	return NULL;
}

struct control_dev *balloon_get(struct control *control, const struct control_ref *ref,
				struct error *error)
{
	const struct control_dev *dev;
	struct control_dev *devs = NULL;
	struct control_dev *found = NULL;
	size_t nr = 0;

	if (control_dev_list(control, ref, &devs, &nr, error))
		return NULL;
	dev = balloon_in(devs, nr, ref->id);
	if (!dev)
		error_set(error, EXIT_REFUSED, ref->name, "the domain has no balloon");
	else
		found = malloc(sizeof(*found));
	if (found)
		*found = *dev;
	else if (dev)
		error_set(error, EXIT_REFUSED, "balloon", "no memory");
	free(devs);
	return found;
}

bool balloon_is_driven(const struct control_dev *dev)
{
	return dev->status & VIRTIO_CONFIG_S_DRIVER_OK;
}

static uint64_t counter(const struct control_dev *dev, const char *name)
{
	for (unsigned int i = 0; i < dev->nr_counters; i++)
		if (!strcmp(dev->counters[i].name, name))
			return dev->counters[i].value;
	return 0;
}

uint64_t balloon_needs(const struct control_dev *dev)
{
	uint64_t spare = counter(dev, "available-memory");

	/* A guest may say anything. */
	return counter(dev, "total-memory") && spare < dev->actual ? dev->actual - spare : 0;
}

struct control_dev *balloon_check(struct control *control, const struct control_ref *ref,
				  const struct control_domain *domain, const char *what,
				  uint64_t size, struct error *error)
{
	char asked[SIZE_TEXT], limit[SIZE_TEXT], has[SIZE_TEXT];
	struct control_dev *dev;

	size_format(asked, size);
	if (size > domain->memory) {
		error_set(error, EXIT_REFUSED, what, "%s is more than the domain may have (%s)",
			  asked, size_format(limit, domain->memory));
		return NULL;
	}
	control_balloon_refresh(control, ref);
	dev = balloon_get(control, ref, error);
	if (!dev || size >= balloon_needs(dev))
		return dev;
	error_set(error, EXIT_REFUSED, what, "%s is less than the guest needs (%s of the %s that "
		  "it has)", asked, size_format(limit, balloon_needs(dev)),
		  size_format(has, dev->actual));
	free(dev);
	return NULL;
}
