/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A domain: what a file of /dev/domus owns.
 *
 * Lock order, outermost first:
 *   genl_lock (taken by generic netlink)
 *   domus_list_lock (mutex)      the list of domains
 *   domain.lock (mutex)          state machine, creation, reset, ports table
 *   vcpu.run_lock (mutex)        one thread in RUN per vCPU
 *   domain.online_lock (mutex)   vCPUs that come and go
 *   locks of bus.h               devices
 *   mmap_lock of the holder      taken by gmem and by GUP
 *   mmu notifier callbacks       come with mmap_lock and i_mmap locks of the host held
 *   shadow.room (mutex)          one drops roots for room, or what all of them have
 *   shadow.lock                  fills by vCPU, or one who zaps (spins): shadow_priv.h
 *   shadow table/rmap hash locks (spinlock)
 *   event lock, console lock, death_lock (spinlocks, leaf; irqs off where noted)
 */
#ifndef DOMUS_DOMAIN_H
#define DOMUS_DOMAIN_H

#include <linux/atomic.h>
#include <linux/kref.h>
#include <linux/list.h>
#include <linux/mutex.h>
#include <linux/ratelimit_types.h>
#include <linux/spinlock.h>
#include <linux/types.h>
#include <linux/uidgid.h>

#include <uapi/asm/domus_guest.h>
#include <uapi/linux/domus.h>

#include "bus.h"
#include "cell.h"
#include "console.h"
#include "event.h"
#include "gmem.h"
#include "pause.h"
#include "shadow_types.h"
#include "switch.h"
#include "time.h"

struct netlink_ext_ack;
struct domus_vcpu;
struct file;

/**
 * struct domus_death - why a domain ended; the first reason is kept
 * @code: enum domus_reason; DOMUS_REASON_NONE while alive
 * @text: NUL terminated
 * @by_vcpu: it was something that vCPU @vcpu did, in user mode or not, with @regs;
 *	no CR2, which may be the host's
 */
struct domus_death {
	u32 code;
	char text[DOMUS_REASON_MAX + 1];
	bool by_vcpu;
	bool user;
	u32 vcpu;
	struct cell_regs regs;
	u64 fs_base, gs_base;
};

/**
 * struct domus_domain
 * @ref: held by the open file, by netlink requests in progress and by vCPU threads in RUN
 * @link: in domus_domains, under domus_list_lock, once it has a name
 * @id: never reused while the module is loaded; 0 before DOMAIN_NEW
 * @owner: uid that opened the file
 * @user_ns: of the opener, for CAP_NET_ADMIN over it
 * @mm: the holder's, by mm_count
 * @holder: thread group of the holder, referenced
 * @state: enum domus_state; written under @death_lock, read anywhere with READ_ONCE
 * @death: under @death_lock
 * @resetting: no vCPU may enter RUN; written under @lock
 * @vcpus: 0..@nr_vcpus-1 are made by DOMAIN_NEW and live until the end
 * @pause: who keeps them out of the guest
 * @bus_locks: how many of them the domain may take in a second
 * @online_lock: who starts or stops a vCPU, or says that it shall be so
 * @nr_online: vCPUs that are online and do not stop; under @online_lock
 * @wanted: bit n: the host wants vCPU n online; written under @online_lock, read anywhere
 *	with READ_ONCE. Bit 0 is always set: that one boots the guest
 */
struct domus_domain {
	struct kref ref;
	struct list_head link;
	struct mutex lock;
	u32 id;
	char name[DOMUS_NAME_MAX + 1];
	kuid_t owner;
	struct user_namespace *user_ns;
	struct mm_struct *mm;
	struct pid *holder;
	u32 state;
	u32 reboots;
	bool guest_started;
	bool resetting;
	spinlock_t death_lock;
	struct domus_death death;
	unsigned int nr_vcpus;
	struct domus_vcpu *vcpus[DOMUS_MAX_VCPUS];
	struct domus_pause pause;
	struct mutex online_lock;
	unsigned int nr_online;
	u64 wanted;
	struct gmem gmem;
	struct shadow shadow;
	struct cell_space cells;
	struct event_table events;
	struct domus_clock clock;
	struct ratelimit_state bus_locks;
	struct domus_console console;
	struct bus bus;
};

/**
 * struct domus_params - what DOMAIN_NEW asks for, already range checked
 */
struct domus_params {
	const char *name;
	u32 vcpus;
	u32 vcpus_wanted;	/* 1 to @vcpus */
	unsigned int nr_slots;
	struct gmem_slot slots[DOMUS_SLOTS_MAX];
};

/**
 * struct domus_start - what DOMAIN_START says
 */
struct domus_start {
	u32 abi;
	u64 required;
	u64 rip;
	u64 rsi;
	u64 root_gpa;
	u64 hypercall_gpa;
	u64 vcpu_page_gpa;
	u64 event_page_gpa;
};

extern struct mutex domus_list_lock;
extern struct list_head domus_domains;	/* sorted by id; under domus_list_lock */

/* Feature bits offered to guests on this host. Process context. */
u64 domain_features(void);

/**
 * domain_open() - make a nameless domain for a file of /dev/domus
 *
 * Context: process. Return: the domain with one reference, or ERR_PTR.
 */
struct domus_domain *domain_open(void);

/**
 * domain_release() - the file is closed: kill, unlink, drop the file's reference
 *
 * Context: process, may sleep; no RUN is in progress on the file.
 */
void domain_release(struct domus_domain *d);

/**
 * domain_new() - DOMAIN_NEW: give a nameless domain its name, memory and vCPUs
 * @d: of a file that the caller has open
 * @p: parameters; name is checked here
 * @extack: text of a refusal
 *
 * Context: process; current->mm becomes the holder's; nothing is left behind on error.
 * Return: 0; -EEXIST name in use; -EBUSY d has a name already, or the process
 * has another domain; -EIO other process; -EINVAL; -ENOMEM; -ENOSPC too many domains.
 */
int domain_new(struct domus_domain *d, const struct domus_params *p,
	       struct netlink_ext_ack *extack);

/*
 * DOMAIN_START. Process context of the holder. Return: 0, -EBUSY (state), -EIO (not the
 * holder), -EINVAL, -EPROTO (ABI), -EOPNOTSUPP (feature), -EAGAIN (see gmem_pin_present():
 * netlink, which all of the host share, does not wait for memory).
 */
int domain_start(struct domus_domain *d, const struct domus_start *s,
		 struct netlink_ext_ack *extack);

/*
 * DOMAIN_RESET. Return: 0, -EBUSY (a vCPU runs, or state), -EIO, -ENOMEM, -EAGAIN (to be
 * repeated: the host has not answered all requests of the devices within a second).
 */
int domain_reset(struct domus_domain *d, struct netlink_ext_ack *extack);

/**
 * domain_find() - look a domain up and take a reference
 * @name: or NULL, then @id counts
 *
 * Context: process; takes domus_list_lock. Return: the domain or NULL.
 */
struct domus_domain *domain_find(const char *name, u32 id);
struct domus_domain *domain_get(struct domus_domain *d);
void domain_put(struct domus_domain *d);	/* may sleep at the last one */

/* The domain behind a file of /dev/domus (no reference taken), or NULL. */
struct domus_domain *domain_of_file(struct file *file);

/**
 * domain_kill() - end a domain, keeping the first reason
 * @d: the domain
 * @code: enum domus_reason
 * @fmt: reason for the user, one line
 *
 * Marks the domain dead, kicks every vCPU out of the guest and wakes those that
 * block. Context: any but NMI; takes death_lock irq-safe.
 * Return: -ESHUTDOWN always, for the caller to pass up.
 */
int __must_check __printf(3, 4)
domain_kill(struct domus_domain *d, enum domus_reason code, const char *fmt, ...);

/* For what a vCPU did: its registers are kept, too. Context: its thread, out of the guest. */
int __must_check __printf(3, 4)
domain_kill_by(struct domus_vcpu *v, enum domus_reason code, const char *fmt, ...);

/* All vCPUs look at what there is for them, and leave the guest for that. Any context but NMI. */
void domain_kick(struct domus_domain *d);

/* The guest asked for a shutdown. Context: process (vCPU thread). */
int __must_check domain_shutdown(struct domus_vcpu *v, u32 how, const char *text);

static inline bool domain_dead(const struct domus_domain *d)
{
	return READ_ONCE(d->state) == DOMUS_STATE_DEAD;
}

/* Copy the reason. Any context but NMI. */
void domain_reason(struct domus_domain *d, struct domus_death *out);

/**
 * domain_set_notify() - who is told of events (control), or NULL
 *
 * @fn runs in process context without locks of domus held. Called at module init/exit only.
 */
void domain_set_notify(void (*fn)(struct domus_domain *d, enum domus_event ev));

/* Tell of an event. Process context. */
void domain_notify(struct domus_domain *d, enum domus_event ev);

#endif /* DOMUS_DOMAIN_H */
