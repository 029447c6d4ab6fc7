// SPDX-License-Identifier: GPL-2.0-only
/*
 * A guest that the host says of which vCPUs it is to have, for selftests/host/vcpuset.sh. What
 * it does is the first word of its command line:
 *
 *   obey     has those that are wanted
 *   reboot   the same, but reboots instead of taking one down
 *   storm    the same, while its vCPUs flush, and go down whenever they like
 *   ignore   listens, and keeps those that it has
 *   deaf     does not even listen
 *
 * It says "ready" when it has those that were wanted at its start.
 */
#include "smp.h"

#define EPERM	1
#define ENOMEM	12
#define EVENT	32

static const char *mode;
static u32 quit[DOMUS_MAX_VCPUS];
static u32 wake[DOMUS_MAX_VCPUS];
static u32 refusals;

static bool is(const char *word)
{
	unsigned int i;

	for (i = 0; word[i] && mode[i] == word[i]; i++)
		;
	return !word[i] && (!mode[i] || mode[i] == ' ');
}

static void stay(u64 me)
{
	sleep_until(get(&quit[me]));
}

static void roam(u64 me)
{
	u64 n = 50 + hc1(DOMUS_HC_GET_TIME, DOMUS_TIME_MONOTONIC) / 1024 % 400;

	for (; n && !get(&quit[me]); n--) {
		hc0(DOMUS_HC_YIELD);
		if (!(n % 16))
			hcall(DOMUS_HC_MMU_FLUSH, DOMUS_FLUSH_ROOT, guest_info->root_gpa, 0, 0,
			      ~0UL, NULL);
	}
}

static bool up(u32 nr, bool wanted)
{
	long r;

	set(&quit[nr], 0);
	r = cpu_up(nr, is("storm") ? roam : stay, nr);
	/* in a storm the host may lack memory for a moment, or want something else by now */
	if (r && r != -EPERM && r != -ENOMEM)
		guest_stop(DOMUS_SHUTDOWN_CRASH, "VCPU_UP");
	if (r == -EPERM && !wanted && !refusals++)
		print("vCPU %u is refused\n", nr);
	return !r == wanted;
}

static bool down(u32 nr)
{
	if (is("reboot"))
		guest_stop(DOMUS_SHUTDOWN_REBOOT, NULL);
	set(&quit[nr], 1);
	hc1(DOMUS_HC_EVENT_SEND, wake[nr]);
	return false;
}

/* False: something is under way, or has changed. */
static bool look(void)
{
	bool settled = true;
	u32 i;

	for (i = 1; i < guest_info->vcpus; i++) {
		long state = hc1(DOMUS_HC_VCPU_STATE, i);

		switch (state) {
		case DOMUS_VCPU_ONLINE:
			/* told to go a moment ago? */
			settled &= !get(&quit[i]);
			break;
		case DOMUS_VCPU_OFFLINE:
			settled &= up(i, true);
			break;
		case DOMUS_VCPU_ONLINE | DOMUS_VCPU_UNWANTED:
			settled &= down(i);
			break;
		case DOMUS_VCPU_OFFLINE | DOMUS_VCPU_UNWANTED:
			settled &= up(i, false);
			break;
		default:
			guest_stop(DOMUS_SHUTDOWN_CRASH, "VCPU_STATE");
		}
	}
	if (hc1(DOMUS_HC_VCPU_STATE, 0) != DOMUS_VCPU_ONLINE)
		guest_stop(DOMUS_SHUTDOWN_CRASH, "vCPU 0 is not wanted");
	return settled;
}

static u32 listen(void)
{
	u32 port = port_open(DOMUS_PORT_VCPUS, 0);

	if (hc2(DOMUS_HC_EVENT_BIND, DOMUS_PORT_VCPUS, 0) != port)
		guest_stop(DOMUS_SHUTDOWN_CRASH, "a second port of kind VCPUS");
	if (hc2(DOMUS_HC_EVENT_BIND, DOMUS_PORT_DEVICE, 0) != -EINVAL ||
	    hc2(DOMUS_HC_EVENT_BIND, DOMUS_PORT_VCPUS + 1, 0) != -EINVAL ||
	    hc1(DOMUS_HC_EVENT_SEND, port) != -EINVAL)
		guest_stop(DOMUS_SHUTDOWN_CRASH, "a port that should be refused");
	return port;
}

void test(void)
{
	u32 i, seen, port = 0;

	mode = va(guest_info->cmdline_gpa);
	on_trap(EVENT, port_event);
	smp_init(guest_info->vcpus);
	for (i = 1; i < guest_info->vcpus; i++)
		wake[i] = port_open(DOMUS_PORT_IPI, i);
	if (!is("deaf"))
		port = listen();
	while (!look())
		hc0(DOMUS_HC_YIELD);
	print("ready\n");
	while (is("ignore") || is("deaf"))
		hc0(DOMUS_HC_BLOCK);
	for (;;) {
		seen = get(&port_count[port]);
		while (!look() || is("storm"))
			hc0(DOMUS_HC_YIELD);
		sleep_until(get(&port_count[port]) != seen);
	}
}
