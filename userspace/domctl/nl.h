/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The module, seen through generic netlink: one function for each command of
 * uapi/linux/domus.h. nl.c is the only user of libnl.
 *
 * Every function returns 0, or -1 with the cause in @error: EXIT_NOT_FOUND when
 * there is no such domain (or the asker may not see it), else EXIT_REFUSED.
 */
#ifndef DOMCTL_NL_H
#define DOMCTL_NL_H

#include <linux/domus.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "error.h"

struct control;
struct build_start;

/* INFO_GET */
struct control_info {
	uint32_t abi_host;
	uint32_t abi_guest;
	uint64_t features;
	uint32_t max_vcpus;
	uint32_t max_domains;
	char version[64];
};

/**
 * struct control_regs - of the vCPU that ended its domain
 * @there: it was a vCPU that did, and these are its
 * @values: at DOMUS_A_REGS_RIP and behind
 */
struct control_regs {
	bool there;
	bool user;
	uint32_t vcpu;
	uint64_t values[DOMUS_A_REGS_MAX + 1];
};

/* DOMAIN_GET */
struct control_domain {
	uint32_t id;
	char name[DOMUS_NAME_MAX + 1];
	uint32_t state;
	uint32_t reason_code;
	char reason[DOMUS_REASON_MAX + 1];
	uint32_t uid;
	uint32_t pid;
	uint32_t vcpus;
	uint32_t vcpus_wanted;
	bool vcpus_heard;
	uint32_t reboots;
	uint64_t memory;
	uint64_t shadow_pages;
	uint64_t runtime_ns;
	bool guest_started;
	bool paused;
	struct control_regs regs;
};

#define CONTROL_CAUSES_MAX 64

/* VCPU_GET */
struct control_vcpu {
	uint32_t domain;
	uint32_t id;
	uint32_t state;
	bool wanted;
	uint64_t runtime_ns;
	uint64_t passes;
	uint64_t exits;
	unsigned int nr_causes;
	struct {
		char name[32];
		uint64_t count;
	} causes[CONTROL_CAUSES_MAX];
};

/**
 * control_open() - connect to the module and ask for its versions
 * @c: for control_close()
 * @info: what it said, or NULL
 *
 * Fails when the module is not loaded, or speaks another ABI than we do.
 */
int control_open(struct control **c, struct control_info *info, struct error *error);

/* As control_open(), but another ABI is no failure: for the version command. */
int control_open_any(struct control **c, struct control_info *info, struct error *error);
void control_close(struct control *c);

/* A domain: found by @id, or by @name where @id is 0. Errors tell the name. */
struct control_ref {
	const char *name;
	uint32_t id;
};

/* DOMAIN_NEW: one slot of @memory bytes at guest physical 0. @wanted: of the @vcpus, at first */
int control_domain_new(struct control *c, int fd, const char *name, uint32_t vcpus,
		       uint32_t wanted, const void *address, uint64_t memory, uint32_t *id,
		       struct error *error);
int control_domain_start(struct control *c, const struct control_ref *ref, uint32_t abi,
			 uint64_t required, const struct build_start *start,
			 struct error *error);
/* Waits until the host has answered the devices' requests, or the domain has ended. */
int control_domain_reset(struct control *c, const struct control_ref *ref,
			 struct error *error);

/* DOMAIN_DEL; @reason: more words for the reason, or NULL. */
int control_domain_del(struct control *c, const struct control_ref *ref, const char *reason,
		       struct error *error);

/*
 * DOMAIN_PAUSE, and with @pause false DOMAIN_UNPAUSE. Waits until no vCPU is in the guest, or the
 * domain has ended.
 */
int control_domain_pause(struct control *c, const struct control_ref *ref, bool pause,
			 struct error *error);
int control_domain_get(struct control *c, const struct control_ref *ref,
		       struct control_domain *domain, struct error *error);

/* All that we may see, in the order of their ids; for the caller to free(). */
int control_domain_list(struct control *c, struct control_domain **domains, size_t *nr,
			struct error *error);

/* Of one domain; for the caller to free(). */
int control_vcpu_list(struct control *c, const struct control_ref *ref,
		      struct control_vcpu **vcpus, size_t *nr, struct error *error);

/* VCPU_SET: those of @which that are in @wanted are to be online, the others offline. */
int control_vcpu_set(struct control *c, const struct control_ref *ref, uint64_t which,
		     uint64_t wanted, struct error *error);

/**
 * struct control_event - what a listener is told
 * @kind: from now on nothing is missed; something was lost (there was no room); an event
 * @number: enum domus_event
 * @domain: of it id, name, state, reason_code, reason and uid are filled
 */
struct control_event {
	enum { CONTROL_LISTENS, CONTROL_LOST, CONTROL_EVENT } kind;
	uint32_t number;
	struct control_domain domain;
};

/**
 * control_listen() - LISTEN, and calls @fn for all that comes
 * @fn: Return: true: enough. It may not use @c.
 *
 * No other function may be called for @c afterwards. Return: 0 when @fn had enough, -1 with @error.
 */
int control_listen(struct control *c, bool (*fn)(const struct control_event *event, void *arg),
		   void *arg, struct error *error);

#endif /* DOMCTL_NL_H */
