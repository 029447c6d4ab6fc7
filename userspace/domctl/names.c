// SPDX-License-Identifier: GPL-2.0-only
/* names.c: words for the numbers of the module. They are part of the JSON format. */
#include <linux/domus.h>
#include <stddef.h>

#include "error.h"
#include "names.h"

static const char *const states[] = {
	[DOMUS_STATE_NEW]	= "new",
	[DOMUS_STATE_RUNNING]	= "running",
	[DOMUS_STATE_REBOOT]	= "reboot",
	[DOMUS_STATE_DEAD]	= "dead",
};

static const char *const events[] = {
	[DOMUS_EVENT_CREATED]	= "created",
	[DOMUS_EVENT_STARTED]	= "started",
	[DOMUS_EVENT_REBOOT]	= "reboot",
	[DOMUS_EVENT_DIED]	= "died",
	[DOMUS_EVENT_GONE]	= "gone",
	[DOMUS_EVENT_PAUSED]	= "paused",
	[DOMUS_EVENT_UNPAUSED]	= "unpaused",
};

static const struct {
	const char *name;
	int status;
} reasons[__DOMUS_REASON_MAX] = {
	[DOMUS_REASON_NONE]		= { "", EXIT_KILLED },
	[DOMUS_REASON_POWEROFF]		= { "poweroff", EXIT_DONE },
	[DOMUS_REASON_REBOOT]		= { "reboot", EXIT_REBOOT_LOOP },
	[DOMUS_REASON_CRASH]		= { "crash", EXIT_CRASH },
	[DOMUS_REASON_SUSPEND]		= { "suspend", EXIT_SUSPENDED },
	[DOMUS_REASON_DESTROYED]	= { "destroyed", EXIT_DESTROYED },
	[DOMUS_REASON_DOUBLE_FAULT]	= { "double-fault", EXIT_KILLED },
	[DOMUS_REASON_BAD_CALL]		= { "bad-call", EXIT_KILLED },
	[DOMUS_REASON_BAD_ENTRY]	= { "bad-entry", EXIT_KILLED },
	[DOMUS_REASON_MEMORY]		= { "memory", EXIT_KILLED },
	[DOMUS_REASON_MACHINE_CHECK]	= { "machine-check", EXIT_KILLED },
	[DOMUS_REASON_SWITCHER]		= { "switcher", EXIT_KILLED },
	[DOMUS_REASON_HOLDER]		= { "holder", EXIT_HOLDER_DIED },
};

const char *state_name(uint32_t state)
{
	return state < sizeof(states) / sizeof(*states) ? states[state] : "unknown";
}

const char *event_name(uint32_t event)
{
	return event < sizeof(events) / sizeof(*events) ? events[event] : "unknown";
}

const char *reason_name(uint32_t reason)
{
	return reason < __DOMUS_REASON_MAX && reasons[reason].name ? reasons[reason].name :
								    "unknown";
}

int reason_status(uint32_t reason)
{
	return reason < __DOMUS_REASON_MAX && reasons[reason].name ? reasons[reason].status :
								    EXIT_KILLED;
}
