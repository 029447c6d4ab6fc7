// SPDX-License-Identifier: GPL-2.0-only
/*
 * Domains: their life from the open file to the last reference.
 *
 *   1. the list, events
 *   2. references, opening and freeing
 *   3. DOMAIN_NEW
 *   4. DOMAIN_START, DOMAIN_RESET
 *   5. the end: kill, shutdown, release
 *
 * The state changes under death_lock, because a kill can come from an interrupt:
 * whoever wants another state says from which one, and finds out if it is dead.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/bits.h>
#include <linux/capability.h>
#include <linux/container_of.h>
#include <linux/cred.h>
#include <linux/ctype.h>
#include <linux/mm.h>
#include <linux/netlink.h>
#include <linux/pid.h>
#include <linux/printk.h>
#include <linux/ratelimit.h>
#include <linux/rwsem.h>
#include <linux/sched.h>
#include <linux/sched/mm.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/stringify.h>
#include <linux/user_namespace.h>
#include <linux/workqueue.h>
#include <asm/cpufeature.h>

#include "domain.h"
#include "hypercall.h"
#include "shadow.h"
#include "trace.h"
#include "vcpu.h"

#define BUS_LOCKS_PER_S	100

/**
 * struct domain_box - a domain and what only this file knows of it
 * @d: what everybody knows
 * @opener: thread group that opened the file, referenced
 * @made: DOMAIN_NEW is done or in progress; under @d.lock
 * @died: tells control of the end; queued once, under @d.death_lock, with a reference
 */
struct domain_box {
	struct domus_domain d;
	struct pid *opener;
	bool made;
	struct work_struct died;
};

static inline struct domain_box *box_of(struct domus_domain *d)
{
	return container_of(d, struct domain_box, d);
}

/* ---- 1. The list, events ---------------------------------------------------- */

/* Guards domus_domains, nr_domains and last_id. */
DEFINE_MUTEX(domus_list_lock);
LIST_HEAD(domus_domains);

static unsigned int nr_domains;
static u32 last_id;

static DECLARE_RWSEM(notify_lock);
static void (*notify_fn)(struct domus_domain *d, enum domus_event ev);

void domain_set_notify(void (*fn)(struct domus_domain *d, enum domus_event ev))
{
	down_write(&notify_lock);
	notify_fn = fn;
	up_write(&notify_lock);
}

void domain_notify(struct domus_domain *d, enum domus_event ev)
{
	down_read(&notify_lock);
	if (notify_fn)
		notify_fn(d, ev);
	up_read(&notify_lock);
}

/* domus_list_lock held. */
static struct domus_domain *list_find(const char *name, u32 id)
{
	struct domus_domain *d;

	lockdep_assert_held(&domus_list_lock);
	list_for_each_entry(d, &domus_domains, link) {
		if (name ? !strcmp(d->name, name) : d->id == id)
			return d;
	}
	return NULL;
}

struct domus_domain *domain_find(const char *name, u32 id)
{
	struct domus_domain *d;

	mutex_lock(&domus_list_lock);
	d = list_find(name, id);
	if (d)
		domain_get(d);	/* what is on the list has its file's reference */
	mutex_unlock(&domus_list_lock);
	return d;
}

/* ---- 2. References ----------------------------------------------------------- */

static void free_vcpus(struct domus_domain *d, unsigned int nr)
{
	unsigned int i;

	/* a timer's event may be bound to any vCPU */
	for (i = 0; i < nr; i++)
		timer_cancel_vcpu(d->vcpus[i]);
	while (nr--) {
		vcpu_free(d->vcpus[nr]);
		d->vcpus[nr] = NULL;
	}
}

static void put_holder(struct domus_domain *d)
{
	put_pid(d->holder);
	d->holder = NULL;
	if (d->mm)
		mmdrop(d->mm);
	d->mm = NULL;
}

static void domain_free(struct kref *ref)
{
	struct domus_domain *d = container_of(ref, struct domus_domain, ref);
	struct domain_box *box = box_of(d);

	/* no notifier and no event may reach vCPUs that are gone */
	shadow_stop(&d->shadow);
	clock_stop(d);
	event_stop(d);
	free_vcpus(d, d->nr_vcpus);
	shadow_destroy(&d->shadow);
	cell_space_destroy(d);
	console_destroy(&d->console);
	put_holder(d);
	put_pid(box->opener);
	put_user_ns(d->user_ns);
	mutex_destroy(&d->online_lock);
	mutex_destroy(&d->lock);
	kvfree(box);
}

struct domus_domain *domain_get(struct domus_domain *d)
{
	kref_get(&d->ref);
	return d;
}

void domain_put(struct domus_domain *d)
{
	kref_put(&d->ref, domain_free);
}

static void died_work(struct work_struct *work)
{
	struct domain_box *box = container_of(work, struct domain_box, died);

	domain_notify(&box->d, DOMUS_EVENT_DIED);
	domain_put(&box->d);
}

struct domus_domain *domain_open(void)
{
	struct domain_box *box = kvzalloc(sizeof(*box), GFP_KERNEL_ACCOUNT);
	struct domus_domain *d;
	int r;

	if (!box)
		return ERR_PTR(-ENOMEM);
	d = &box->d;
	kref_init(&d->ref);
	INIT_LIST_HEAD(&d->link);
	mutex_init(&d->lock);
	mutex_init(&d->online_lock);
	spin_lock_init(&d->death_lock);
	INIT_WORK(&box->died, died_work);
	ratelimit_state_init(&d->bus_locks, HZ, BUS_LOCKS_PER_S);
	ratelimit_set_flags(&d->bus_locks, RATELIMIT_MSG_ON_RELEASE);
	event_init(&d->events);
	bus_setup(&d->bus);
	clock_init(&d->clock);
	pause_init(&d->pause);
	r = console_init(&d->console);
	if (r) {
		kvfree(box);
		return ERR_PTR(r);
	}
	d->state = DOMUS_STATE_NEW;
	d->owner = current_euid();
	d->user_ns = get_user_ns(current_user_ns());
	box->opener = get_pid(task_tgid(current));
	return d;
}

/* ---- 3. DOMAIN_NEW ------------------------------------------------------------ */

u64 domain_features(void)
{
	u64 features = BIT_ULL(DOMUS_F_COMMON_UPPER) | BIT_ULL(DOMUS_F_FLUSH_VCPU_MASK) |
		       BIT_ULL(DOMUS_F_MULTICALL) | BIT_ULL(DOMUS_F_FILL_HINT) |
		       BIT_ULL(DOMUS_F_CONSOLE) | BIT_ULL(DOMUS_F_EVENTS) |
		       BIT_ULL(DOMUS_F_DEVICES) | BIT_ULL(DOMUS_F_SMP) |
		       BIT_ULL(DOMUS_F_VCPU_WAIT) | BIT_ULL(DOMUS_F_TIMER_PAGE) |
		       BIT_ULL(DOMUS_F_FLUSH_LEAVES);

	/* what the scheduler counts */
	if (IS_ENABLED(CONFIG_SCHED_INFO))
		features |= BIT_ULL(DOMUS_F_STEAL);
	if (boot_cpu_has(X86_FEATURE_FSGSBASE))
		features |= BIT_ULL(DOMUS_F_FSGSBASE);
	if (clock_tsc_exact())
		features |= BIT_ULL(DOMUS_F_TSC_CLOCK);
	return features;
}

/* [A-Za-z0-9][A-Za-z0-9._-]*; isalnum() knows Latin-1 letters, too. */
static bool name_valid(const char *name)
{
	size_t i, len = strnlen(name, DOMUS_NAME_MAX + 1);

	if (!len || len > DOMUS_NAME_MAX)
		return false;
	for (i = 0; i < len; i++) {
		if (isascii(name[i]) && isalnum(name[i]))
			continue;
		if (!i || !strchr("._-", name[i]))
			return false;
	}
	return true;
}

static int make_vcpus(struct domus_domain *d, unsigned int nr)
{
	struct domus_vcpu *v;
	unsigned int i;

	for (i = 0; i < nr; i++) {
		v = vcpu_new(d, i);
		if (IS_ERR(v)) {
			free_vcpus(d, i);
			return PTR_ERR(v);
		}
		d->vcpus[i] = v;
	}
	return 0;
}

static int add_slots(struct domus_domain *d, const struct domus_params *p,
		     struct netlink_ext_ack *extack)
{
	unsigned int i;
	int r;

	gmem_init(&d->gmem, d->mm);
	for (i = 0; i < p->nr_slots; i++) {
		r = gmem_add_slot(&d->gmem, &p->slots[i], extack);
		if (r)
			return r;
	}
	return 0;
}

/* A later DOMAIN_NEW on the file finds these as at first. */
static void drop_shadow(struct domus_domain *d)
{
	shadow_destroy(&d->shadow);
	memset(&d->shadow, 0, sizeof(d->shadow));
}

static void drop_cells(struct domus_domain *d)
{
	cell_space_destroy(d);
	memset(&d->cells, 0, sizeof(d->cells));
}

/* All that the domain consists of; nobody can see it yet. */
static int domain_build(struct domus_domain *d, const struct domus_params *p,
			struct netlink_ext_ack *extack)
{
	int r;

	lockdep_assert_held(&d->lock);
	mmgrab(current->mm);
	d->mm = current->mm;
	d->holder = get_pid(task_tgid(current));
	r = add_slots(d, p, extack);
	if (r)
		goto err_holder;
	r = cell_space_init(d);
	if (r) {
		if (r == -EBUSY)
			NL_SET_ERR_MSG(extack, "this process has another domain");
		goto err_cells;
	}
	r = shadow_init(&d->shadow, d);
	if (r)
		goto err_shadow;
	r = make_vcpus(d, p->vcpus);
	if (r)
		goto err_shadow;
	d->wanted = GENMASK_ULL(p->vcpus_wanted - 1, 0);
	return 0;

err_shadow:
	drop_shadow(d);
err_cells:
	drop_cells(d);
err_holder:
	put_holder(d);
	return r;
}

static void domain_unbuild(struct domus_domain *d, unsigned int nr_vcpus)
{
	lockdep_assert_held(&d->lock);
	free_vcpus(d, nr_vcpus);
	drop_shadow(d);
	drop_cells(d);
	put_holder(d);
}

#define DOMAINS_PER_USER	64

/* domus_list_lock held. Root is not bound: its are the domains of all. */
static bool too_many_of(kuid_t owner)
{
	struct domus_domain *d;
	unsigned int n = 0;

	lockdep_assert_held(&domus_list_lock);
	list_for_each_entry(d, &domus_domains, link)
		n += uid_eq(d->owner, owner);
	return n >= DOMAINS_PER_USER && !capable(CAP_SYS_RESOURCE);
}

/* Give the domain its name and show it. */
static int domain_publish(struct domus_domain *d, const struct domus_params *p,
			  struct netlink_ext_ack *extack)
{
	int r = 0;

	mutex_lock(&domus_list_lock);
	if (list_find(p->name, 0)) {
		NL_SET_ERR_MSG(extack, "a domain of this name exists");
		r = -EEXIST;
	} else if (nr_domains >= DOMUS_DOMAINS_MAX) {
		NL_SET_ERR_MSG(extack, "this host has its " __stringify(DOMUS_DOMAINS_MAX)
			       " domains, the most that it can have");
		r = -ENOSPC;
	} else if (too_many_of(d->owner)) {
		NL_SET_ERR_MSG(extack, "this user has " __stringify(DOMAINS_PER_USER)
			       " domains, the most that one can have");
		r = -ENOSPC;
	} else if (last_id == U32_MAX) {
		NL_SET_ERR_MSG(extack, "no domain id is left: reload the module");
		r = -ENOSPC;
	}
	if (r)
		goto unlock;
	strscpy(d->name, p->name, sizeof(d->name));
	d->id = ++last_id;
	/* RUN looks at the number first, and then at all above */
	smp_store_release(&d->nr_vcpus, p->vcpus);
	list_add_tail(&d->link, &domus_domains);
	nr_domains++;
unlock:
	mutex_unlock(&domus_list_lock);
	return r;
}

int domain_new(struct domus_domain *d, const struct domus_params *p,
	       struct netlink_ext_ack *extack)
{
	struct domain_box *box = box_of(d);
	int r;

	if (!name_valid(p->name)) {
		NL_SET_ERR_MSG(extack,
			       "name: letters, digits and ._- only, a letter or digit first");
		return -EINVAL;
	}
	if (!current->mm || task_tgid(current) != box->opener) {
		NL_SET_ERR_MSG(extack, "the file was opened by another process");
		return -EIO;
	}
	mutex_lock(&d->lock);
	if (box->made) {
		mutex_unlock(&d->lock);
		NL_SET_ERR_MSG(extack, "the file has a domain already");
		return -EBUSY;
	}
	r = domain_build(d, p, extack);
	box->made = !r;
	mutex_unlock(&d->lock);
	if (r)
		return r;
	/* the list's lock is outside of the domain's */
	r = domain_publish(d, p, extack);
	if (r) {
		mutex_lock(&d->lock);
		domain_unbuild(d, p->vcpus);
		box->made = false;
		mutex_unlock(&d->lock);
		return r;
	}
	domain_notify(d, DOMUS_EVENT_CREATED);
	return 0;
}

/* ---- 4. DOMAIN_START, DOMAIN_RESET ---------------------------------------------- */

static bool change_state(struct domus_domain *d, u32 from, u32 to)
{
	unsigned long flags;
	bool is;

	spin_lock_irqsave(&d->death_lock, flags);
	is = d->state == from;
	if (is)
		WRITE_ONCE(d->state, to);
	spin_unlock_irqrestore(&d->death_lock, flags);
	return is;
}

static int refuse_state(struct domus_domain *d, struct netlink_ext_ack *extack)
{
	switch (READ_ONCE(d->state)) {
	case DOMUS_STATE_NEW:
		NL_SET_ERR_MSG(extack, "the domain is not started");
		break;
	case DOMUS_STATE_DEAD:
		NL_SET_ERR_MSG(extack, "the domain is dead");
		break;
	default:
		NL_SET_ERR_MSG(extack, "the domain is started already");
	}
	return -EBUSY;
}

#define MISSING(feature) \
	[DOMUS_F_##feature] = "the image requires feature " #feature ", which this host lacks"

static const char *const missing_feature[] = {
	MISSING(COMMON_UPPER),
	MISSING(FLUSH_VCPU_MASK),
	MISSING(MULTICALL),
	MISSING(FILL_HINT),
	MISSING(FSGSBASE),
	MISSING(TSC_CLOCK),
	MISSING(CONSOLE),
	MISSING(EVENTS),
	MISSING(SMP),
	MISSING(DEVICES),
	MISSING(STEAL),
	MISSING(VCPU_WAIT),
	MISSING(TIMER_PAGE),
};

static int check_image(const struct domus_start *s, struct netlink_ext_ack *extack)
{
	u64 missing = s->required & ~domain_features();
	unsigned int first;

	if (s->abi >> 16 != DOMUS_ABI_MAJOR) {
		NL_SET_ERR_MSG(extack, "the image needs another ABI than major version "
			       __stringify(DOMUS_ABI_MAJOR) " of this host");
		return -EPROTO;
	}
	if ((s->abi & 0xffff) > DOMUS_ABI_MINOR) {
		NL_SET_ERR_MSG(extack, "the image needs a newer ABI than "
			       __stringify(DOMUS_ABI_MAJOR) "." __stringify(DOMUS_ABI_MINOR)
			       " of this host");
		return -EPROTO;
	}
	if (!missing)
		return 0;
	first = __ffs64(missing);
	if (first >= ARRAY_SIZE(missing_feature))
		NL_SET_ERR_MSG(extack, "the image requires a feature that this host does not know");
	else if (extack)
		extack->_msg = missing_feature[first];
	return -EOPNOTSUPP;
}

static int start_first_vcpu(struct domus_domain *d, const struct domus_start *s,
			    struct netlink_ext_ack *extack)
{
	struct domus_vcpu_init init = {
		.rip		= s->rip,
		.root_gpa	= s->root_gpa,
		.vcpu_page_gpa	= s->vcpu_page_gpa,
	};
	int r;

	/* before the vCPU, which may run and ask for a reboot at once */
	if (!change_state(d, DOMUS_STATE_NEW, DOMUS_STATE_RUNNING))
		return refuse_state(d, extack);
	r = vcpu_start(d->vcpus[0], &init, s->rsi, NULL);
	if (r) {
		NL_SET_ERR_MSG(extack, "the first vCPU's rip, root or page is not usable");
		change_state(d, DOMUS_STATE_RUNNING, DOMUS_STATE_NEW);
	}
	return r;
}

/* d->lock held. */
static int start_locked(struct domus_domain *d, const struct domus_start *s,
			struct netlink_ext_ack *extack)
{
	int r;

	if (READ_ONCE(d->state) != DOMUS_STATE_NEW)
		return refuse_state(d, extack);
	r = check_image(s, extack);
	if (r)
		return r;
	r = event_start(d, s->event_page_gpa);
	if (r) {
		NL_SET_ERR_MSG(extack, "the event page is not usable");
		return r;
	}
	r = hypercall_fill_page(&d->gmem, s->hypercall_gpa);
	if (r) {
		NL_SET_ERR_MSG(extack, "the hypercall page is not usable");
		goto err_event;
	}
	clock_start(d);
	r = start_first_vcpu(d, s, extack);
	if (r)
		goto err_clock;
	return 0;

err_clock:
	clock_stop(d);
err_event:
	event_stop(d);
	return r;
}

int domain_start(struct domus_domain *d, const struct domus_start *s,
		 struct netlink_ext_ack *extack)
{
	int r;

	if (current->mm != d->mm) {
		NL_SET_ERR_MSG(extack, "only the process that made the domain may start it");
		return -EIO;
	}
	mutex_lock(&d->lock);
	r = start_locked(d, s, extack);
	mutex_unlock(&d->lock);
	if (r == -EAGAIN)
		NL_SET_ERR_MSG(extack, "a page of the start is not in memory, or not writable yet");
	return r;
}

/*
 * Is any vCPU in RUN? With d->resetting set, one that is not stays out: RUN looks
 * at it with the run_lock held. Not all locks at once: lockdep tracks 48 at most.
 */
static bool any_vcpu_runs(struct domus_domain *d)
{
	unsigned int i;

	for (i = 0; i < d->nr_vcpus; i++) {
		if (!mutex_trylock(&d->vcpus[i]->run_lock))
			return true;
		mutex_unlock(&d->vcpus[i]->run_lock);
	}
	return false;
}

static void reset_vcpus(struct domus_domain *d)
{
	unsigned int i;

	for (i = 0; i < d->nr_vcpus; i++) {
		struct domus_vcpu *v = d->vcpus[i];

		mutex_lock(&v->run_lock);
		vcpu_reset(v);
		mutex_unlock(&v->run_lock);
	}
	mutex_lock(&d->online_lock);
	d->nr_online = 0;
	mutex_unlock(&d->online_lock);
}

/* What the asker's netlink socket, and all of the host's, may wait for devices: jiffies. */
#define RESET_TIME HZ

/* d->lock held, no vCPU in RUN: no state but DEAD comes by itself. */
static int reset_locked(struct domus_domain *d, struct netlink_ext_ack *extack)
{
	u32 state = READ_ONCE(d->state);
	int r;

	if (state != DOMUS_STATE_REBOOT && state != DOMUS_STATE_RUNNING)
		return refuse_state(d, extack);
	reset_vcpus(d);
	r = bus_reset(d, RESET_TIME);
	if (r) {
		NL_SET_ERR_MSG(extack, "a device still works for the guest");
		return r;
	}
	event_stop(d);
	clock_stop(d);
	shadow_reset(&d->shadow);
	WRITE_ONCE(d->guest_started, false);
	if (!change_state(d, state, DOMUS_STATE_NEW))
		return refuse_state(d, extack);
	WRITE_ONCE(d->reboots, d->reboots + 1);
	return 0;
}

int domain_reset(struct domus_domain *d, struct netlink_ext_ack *extack)
{
	int r;

	if (current->mm != d->mm) {
		NL_SET_ERR_MSG(extack, "only the process that made the domain may reset it");
		return -EIO;
	}
	mutex_lock(&d->lock);
	WRITE_ONCE(d->resetting, true);
	if (any_vcpu_runs(d)) {
		NL_SET_ERR_MSG(extack, "a vCPU is running");
		r = -EBUSY;
	} else {
		r = reset_locked(d, extack);
	}
	WRITE_ONCE(d->resetting, false);
	mutex_unlock(&d->lock);
	return r;
}

/* ---- 5. The end ------------------------------------------------------------------ */

void domain_kick(struct domus_domain *d)
{
	unsigned int i, nr;

	/* pairs with domain_publish() */
	nr = smp_load_acquire(&d->nr_vcpus);
	for (i = 0; i < nr; i++)
		vcpu_kick(d->vcpus[i]);
}

/* The reason is one line, whatever the guest put into it. */
static void make_printable(char *text)
{
	for (; *text; text++) {
		if (iscntrl(*text))
			*text = ' ';
	}
}

static void keep_regs(struct domus_death *death, const struct domus_vcpu *v)
{
	death->by_vcpu = true;
	death->vcpu = v->id;
	death->user = vcpu_user_mode(v);
	death->regs = v->data->regs;
	death->fs_base = v->data->fs_base;
	death->gs_base = v->data->gs_base;
}

/* @v: whose doing it was, or NULL */
static int __printf(4, 0) kill(struct domus_domain *d, const struct domus_vcpu *v,
			       enum domus_reason code, const char *fmt, va_list args)
{
	struct domain_box *box = box_of(d);
	unsigned long flags;

	spin_lock_irqsave(&d->death_lock, flags);
	if (d->state != DOMUS_STATE_DEAD) {
		d->death.code = code;
		vscnprintf(d->death.text, sizeof(d->death.text), fmt, args);
		make_printable(d->death.text);
		if (v)
			keep_regs(&d->death, v);
		trace_domus_death(d->id, code, d->death.text);
		WRITE_ONCE(d->state, DOMUS_STATE_DEAD);
		/* under the lock: who finds it dead can wait for the work */
		domain_get(d);
		queue_work(system_wq, &box->died);
	}
	spin_unlock_irqrestore(&d->death_lock, flags);
	domain_kick(d);
	wake_up_all(&d->console.wait);
	wake_up_all(&d->bus.changed);
	wake_up_all(&d->pause.stopped);
	return -ESHUTDOWN;
}

int domain_kill(struct domus_domain *d, enum domus_reason code, const char *fmt, ...)
{
	va_list args;
	int r;

	va_start(args, fmt);
	r = kill(d, NULL, code, fmt, args);
	va_end(args);
	return r;
}

int domain_kill_by(struct domus_vcpu *v, enum domus_reason code, const char *fmt, ...)
{
	va_list args;
	int r;

	va_start(args, fmt);
	r = kill(v->d, v, code, fmt, args);
	va_end(args);
	return r;
}

void domain_reason(struct domus_domain *d, struct domus_death *out)
{
	unsigned long flags;

	spin_lock_irqsave(&d->death_lock, flags);
	*out = d->death;
	spin_unlock_irqrestore(&d->death_lock, flags);
}

int domain_shutdown(struct domus_vcpu *v, u32 how, const char *text)
{
	struct domus_domain *d = v->d;
	const char *colon;

	text = text ?: "";
	colon = *text ? ": " : "";
	switch (how) {
	case DOMUS_SHUTDOWN_POWEROFF:
		return domain_kill(d, DOMUS_REASON_POWEROFF, "guest powered off%s%s",
				   colon, text);
	case DOMUS_SHUTDOWN_CRASH:
		return domain_kill_by(v, DOMUS_REASON_CRASH, "guest crashed%s%s", colon, text);
	case DOMUS_SHUTDOWN_SUSPEND:
		return domain_kill(d, DOMUS_REASON_SUSPEND, "guest suspended%s%s", colon, text);
	case DOMUS_SHUTDOWN_REBOOT:
		if (change_state(d, DOMUS_STATE_RUNNING, DOMUS_STATE_REBOOT)) {
			domain_kick(d);
			domain_notify(d, DOMUS_EVENT_REBOOT);
		}
		return -ESHUTDOWN;
	default:
		return domain_kill_by(v, DOMUS_REASON_BAD_CALL,
				      "guest asked for shutdown of unknown kind %u", how);
	}
}

/*
 * Whose file it was, in the end, and why it goes: an OOM kill is by the host's or by a
 * cgroup's limit, and nobody else can say so of a holder that had no time to.
 */
static const char *holder_end(const struct domus_domain *d)
{
	if (!d->mm || READ_ONCE(current->signal->oom_mm) != d->mm)
		return "the holder has gone";
	pr_notice_ratelimited("domain %u: its holder was killed: out of memory\n", d->id);
	return "the holder was killed: out of memory";
}

void domain_release(struct domus_domain *d)
{
	struct domain_box *box = box_of(d);
	int r;

	if (d->id) {
		r = domain_kill(d, DOMUS_REASON_HOLDER, "%s", holder_end(d));
		(void)r;	/* dead now, by this or by an earlier reason */
		/* before the name is free: what it had on the host goes by that, too */
		bus_destroy(d);
		mutex_lock(&domus_list_lock);
		list_del_init(&d->link);
		nr_domains--;
		mutex_unlock(&domus_list_lock);
		/* DIED comes before GONE; and no work outlives the file, thus the module */
		flush_work(&box->died);
		domain_notify(d, DOMUS_EVENT_GONE);
	}
	domain_put(d);
}
