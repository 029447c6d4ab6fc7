/* SPDX-License-Identifier: GPL-2.0-only */
/* Words for the numbers of the module: states, reasons, events. */
#ifndef DOMCTL_NAMES_H
#define DOMCTL_NAMES_H

#include <stdint.h>

const char *state_name(uint32_t state);
const char *event_name(uint32_t event);
const char *reason_name(uint32_t reason);	/* "" for none */

/* The status of create --wait for a domain that ended so. */
int reason_status(uint32_t reason);

#endif /* DOMCTL_NAMES_H */
