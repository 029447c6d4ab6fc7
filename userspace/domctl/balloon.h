/* SPDX-License-Identifier: GPL-2.0-only */
/* How much of its memory a domain goes on with, by its balloon. */
#ifndef DOMCTL_BALLOON_H
#define DOMCTL_BALLOON_H

#include "nl_dev.h"

/* The balloon of domain @id in a list of devices, or NULL: it has none. */
const struct control_dev *balloon_in(const struct control_dev *devs, size_t nr, uint32_t id);

/* The domain's balloon as it is now, for the caller to free(); NULL: see @error. */
struct control_dev *balloon_get(struct control *control, const struct control_ref *ref,
				struct error *error);

/* Does the guest listen to it? */
bool balloon_is_driven(const struct control_dev *dev);

/*
 * What the guest cannot do without, in bytes, by its own statistics; 0: it has said
 * nothing. Pure.
 */
uint64_t balloon_needs(const struct control_dev *dev);

/**
 * balloon_check() - may the domain be told to go on with @size?
 * @domain: its memory is the most that it may have
 * @what: what the user calls the size, for @error
 *
 * Asks the guest for fresh statistics. Return: the balloon, for the caller to free(), or
 * NULL: no, and @error has the limit. Nothing was changed.
 */
struct control_dev *balloon_check(struct control *control, const struct control_ref *ref,
				  const struct control_domain *domain, const char *what,
				  uint64_t size, struct error *error);

#endif /* DOMCTL_BALLOON_H */
