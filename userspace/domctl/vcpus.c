// SPDX-License-Identifier: GPL-2.0-only
/*
 * vcpus.c: which virtual CPUs a domain is to have; see vcpus.h.
 *
 *   1. sets
 *   2. the wish, and waiting for the guest
 */
#include <asm/domus_guest.h>
#include <inttypes.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>

#include "attach.h"
#include "print.h"
#include "size.h"
#include "vcpus.h"

/* ---- 1. Sets ---------------------------------------------------------------- */

#define WORD (8 * sizeof(long))

int vcpus_parse(const char *text, uint64_t *vcpus, struct error *error)
{
	static const struct cpus_words words = {
		.what = "vcpu",
		.one = "vCPU",
		.several = "vCPUs",
	};
	struct cpus cpus;
	struct cpus all;

	memset(&all, 0xff, sizeof(all));
	if (cpus_parse_as(&words, text, &all, &cpus, error))
		return -1;
	*vcpus = 0;
	for (size_t i = 0; i < CPUS_MAX; i++) {
		if (!cpus_has(&cpus, i))
			continue;
		if (i >= DOMUS_MAX_VCPUS)
			return error_set(error, EXIT_USAGE, "vcpu", "%zu is not in 0 to %d", i,
					 DOMUS_MAX_VCPUS - 1);
		*vcpus |= 1ULL << i;
	}
	return 0;
}

const char *vcpus_format(char text[CPUS_TEXT], uint64_t vcpus)
{
	struct cpus cpus = { .bits = { 0 } };

	for (size_t i = 0; i < DOMUS_MAX_VCPUS; i++)
		if (vcpus >> i & 1)
			cpus.bits[i / WORD] |= 1UL << (i % WORD);
	return cpus_format(text, &cpus);
}

int vcpus_parse_timeout(const char *text, uint64_t *seconds, struct error *error)
{
	return number_parse(text, "timeout", 0, 86400, seconds, error);
}

int vcpus_check(const struct control_domain *domain, uint64_t vcpus, struct error *error)
{
	for (uint32_t i = domain->vcpus; i < DOMUS_MAX_VCPUS; i++)
		if (vcpus >> i & 1)
			return error_set(error, EXIT_NOT_FOUND, "vcpu", "%s has no vCPU %" PRIu32
					 ": its last one is %" PRIu32, domain->name, i,
					 domain->vcpus - 1);
	if (domain->state == DOMUS_STATE_DEAD)
		return error_set(error, EXIT_REFUSED, domain->name,
				 "is dead: none of its vCPUs runs");
	return 0;
}

/* ---- 2. The wish ------------------------------------------------------------ */

#define LOOK_MS 50	/* the module sends no word of vCPUs that come and go */

/* struct view - of all vCPUs: what is, and what is wanted */
struct view {
	uint64_t online;
	uint64_t wanted;
};

static int look(struct control *control, const struct control_ref *ref, struct view *view,
		struct error *error)
{
	struct control_vcpu *vcpus = NULL;
	size_t nr = 0;

	*view = (struct view) { 0 };
	if (control_vcpu_list(control, ref, &vcpus, &nr, error))
		return -1;
	for (size_t i = 0; i < nr; i++) {
		if (vcpus[i].id >= DOMUS_MAX_VCPUS)
			continue;
		view->online |= (uint64_t)(vcpus[i].state == DOMUS_VCPU_ONLINE) << vcpus[i].id;
		view->wanted |= (uint64_t)vcpus[i].wanted << vcpus[i].id;
	}
	free(vcpus);
	return 0;
}

/* @up, @down: those that did not come up, or go down. Return: -1. */
static int too_late(uint64_t up, uint64_t down, uint64_t seconds, struct error *error)
{
	char ups[CPUS_TEXT], downs[CPUS_TEXT];

	vcpus_format(ups, up);
	vcpus_format(downs, down);
	if (!up)
		return error_set(error, EXIT_REFUSED, "vcpu", "the guest has not taken %s down "
				 "within %" PRIu64 " s: still unwanted", downs, seconds);
	if (!down)
		return error_set(error, EXIT_REFUSED, "vcpu", "the guest has not brought %s up "
				 "within %" PRIu64 " s: still wanted", ups, seconds);
	return error_set(error, EXIT_REFUSED, "vcpu", "the guest has neither brought %s up nor "
			 "taken %s down within %" PRIu64 " s: what is wanted stays so", ups, downs,
			 seconds);
}

/* Until the guest has followed. As vcpus_want(). */
static int wait_for(struct control *control, const struct control_ref *ref, uint64_t which,
		    uint64_t wanted, uint64_t seconds, bool *followed, struct error *error)
{
	int64_t end = attach_now() + (int64_t)seconds * 1000;
	struct control_domain domain = { 0 };
	bool heard = false;
	struct view view;

	for (;;) {
		uint64_t left;

		if (look(control, ref, &view, error) ||
		    control_domain_get(control, ref, &domain, error))
			return -1;
		left = (view.online ^ wanted) & which;
		*followed = !left;
		if (*followed)
			return 0;
		if ((view.wanted ^ wanted) & which)
			return error_set(error, EXIT_REFUSED, "vcpu", "somebody else wants something "
					 "else by now");
		if (domain.state == DOMUS_STATE_DEAD)
			return error_set(error, EXIT_REFUSED, ref->name,
					 "has ended before it followed");
		heard |= domain.vcpus_heard;
		if (!heard) {
			print_warning("vcpu", "the guest does not listen to which are wanted (yet), and "
				      "keeps those that it has");
			return 0;
		}
		if (attach_now() >= end)
			return too_late(left & wanted, left & ~wanted, seconds, error);
		(void)poll(NULL, 0, LOOK_MS);
	}
}

int vcpus_want(struct control *control, const struct control_ref *ref, uint64_t which,
	       uint64_t wanted, uint64_t seconds, bool *followed, struct error *error)
{
	if (control_vcpu_set(control, ref, which, wanted, error))
		return -1;
	return wait_for(control, ref, which, wanted & which, seconds, followed, error);
}
