/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef DOMCTL_CONNECT_H
#define DOMCTL_CONNECT_H

#include "error.h"

/**
 * holder_connect() - to the holder of a domain
 * @name: checked
 *
 * Return: its socket (wire.h), for the caller to close; or -1 with @error: no domain that we may
 * see, or its holder does not listen.
 */
int holder_connect(const char *name, struct error *error);

#endif /* DOMCTL_CONNECT_H */
