// SPDX-License-Identifier: GPL-2.0-only
/*
 * softcpu.c: the holder keeps to soft affinities; see softcpu.h.
 *
 *   1. a thread, as the host has it
 *   2. a vCPU with a soft set
 *   3. all of them: the timer
 *   4. requests
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#include "process.h"
#include "soft.h"
#include "softcpu.h"

/* ---- 1. A thread ---------------------------------------------------------------- */

/**
 * struct sample - what is known of a thread
 * @cpus: where it may run, with those that are offline
 * @runs: it does, or waits for a CPU
 * @ran, @waited: so far, in nanoseconds; a wait counts when it is over
 * @turns: how often it got a CPU
 */
struct sample {
	struct cpus cpus;
	bool runs;
	uint64_t ran;
	uint64_t waited;
	uint64_t turns;
};

static bool read_task(pid_t tid, const char *name, char *text, size_t size)
{
	char path[64];
	ssize_t n = -1;
	int fd;

	snprintf(path, sizeof(path), "/proc/self/task/%d/%s", tid, name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd >= 0) {
		n = read(fd, text, size - 1);
		close(fd);
	}
	text[n > 0 ? n : 0] = '\0';
	return n > 0;
}

/* Return: 0, or -1: there is no such thread, or the host says less than it should. */
static int take_sample(pid_t tid, struct sample *sample)
{
	static const char state[] = "\nState:\t";
	static const char list[] = "\nCpus_allowed_list:\t";
	struct error ignored = { 0 };
	char text[16384];
	struct cpus all;
	char *at;

	*sample = (struct sample) { 0 };
	if (!read_task(tid, "status", text, sizeof(text)))
		return -1;
	at = strstr(text, state);
	sample->runs = at && at[sizeof(state) - 1] == 'R';
	at = strstr(text, list);
	if (!at)
		return -1;
	at += sizeof(list) - 1;
	at[strcspn(at, "\n")] = '\0';
	memset(&all, 0xff, sizeof(all));
	if (cpus_parse(at, &all, &sample->cpus, &ignored))
		return -1;
	if (!read_task(tid, "schedstat", text, sizeof(text)))
		return -1;
	sample->ran = strtoull(text, &at, 10);
	sample->waited = strtoull(at, &at, 10);
	sample->turns = strtoull(at, NULL, 10);
	return 0;
}

static int set_affinity(pid_t tid, const struct cpus *cpus)
{
	return sched_setaffinity(tid, sizeof(*cpus), (const cpu_set_t *)cpus);
}

/* Those of its CPUs that are online. */
static void get_affinity(pid_t tid, struct cpus *cpus)
{
	*cpus = (struct cpus) { .bits = { 0 } };
	(void)sched_getaffinity(tid, sizeof(*cpus), (cpu_set_t *)cpus);
}

/* ---- 2. A vCPU ------------------------------------------------------------------ */

/**
 * struct soft_vcpu - one with a soft set
 * @last: its thread when last looked at; @last.cpus since it was last placed
 * @looked: when that was, in nanoseconds
 * @misplaced: it may be elsewhere than it should
 */
struct soft_vcpu {
	pid_t tid;
	struct cpus hard;
	struct cpus soft;
	struct soft_rule rule;
	struct sample last;
	uint64_t looked;
	bool misplaced;
};

/*
 * The host gives a thread others, and all that it had, when the last of its CPUs goes, which
 * it does some time before it is said to be offline; sched_getaffinity() knows.
 */
static bool fell_back(const struct softcpus *s, const struct soft_vcpu *v,
		      const struct cpus *cpus)
{
	struct cpus left, kept, usable;

	cpus_and(&left, &v->last.cpus, &s->online);
	if (cpus_empty(&left))
		return true;
	cpus_and(&kept, &v->last.cpus, cpus);
	get_affinity(v->tid, &usable);
	cpus_and(&left, &v->last.cpus, &usable);
	return cpus_equal(&kept, &v->last.cpus) && cpus_empty(&left);
}

/* Somebody else may have set its CPUs: those are the hard ones then. */
static void heed(const struct softcpus *s, struct soft_vcpu *v, const struct cpus *cpus)
{
	if (cpus_equal(cpus, &v->last.cpus))
		return;
	if (!fell_back(s, v, cpus))
		v->hard = *cpus;
	v->last.cpus = *cpus;
	v->misplaced = true;
}

static void place(const struct softcpus *s, struct soft_vcpu *v)
{
	struct sample now;
	struct cpus cpus;

	v->misplaced = false;
	soft_place(&cpus, &v->hard, &v->soft, &s->online, v->rule.wide);
	if (cpus_equal(&cpus, &v->last.cpus))
		return;
	/* A cgroup may have taken all that are preferred. With none online it stays as it is. */
	if (set_affinity(v->tid, &cpus)) {
		cpus = v->hard;
		(void)set_affinity(v->tid, &cpus);
	}
	v->last.cpus = take_sample(v->tid, &now) ? cpus : now.cpus;
}

/* Time has gone by. */
static void watch(const struct softcpus *s, struct soft_vcpu *v, uint64_t time)
{
	uint64_t period = time - v->looked;
	struct sample now;
	uint64_t waited;

	if (take_sample(v->tid, &now))
		return;
	heed(s, v, &now.cpus);
	waited = now.waited - v->last.waited;
	/* One that has had no turn at all has waited all the time; it is counted by ticks. */
	if (now.runs && v->last.runs && now.turns == v->last.turns && now.ran == v->last.ran &&
	    period >= SOFT_SECOND / 2)
		waited = period;
	v->last = now;
	v->looked = time;
	if (!soft_counts(&v->hard, &v->soft, &s->online)) {
		v->misplaced |= v->rule.wide;
		v->rule = (struct soft_rule) { 0 };
	} else if (soft_decide(&v->rule, period, waited)) {
		v->misplaced = true;
	}
	if (v->misplaced || s->changed)
		place(s, v);
}

/* ---- 3. All --------------------------------------------------------------------- */

static uint64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * SOFT_SECOND + (uint64_t)ts.tv_nsec;
}

static void look_online(struct softcpus *s)
{
	struct error ignored = { 0 };
	struct cpus online;

	if (cpus_online(&online, &ignored) || cpus_equal(&online, &s->online))
		return;
	s->online = online;
	s->changed = true;
}

void softcpus_init(struct softcpus *s)
{
	*s = (struct softcpus) { .timer = -1 };
}

void softcpus_end(struct softcpus *s)
{
	for (size_t i = 0; i < DOMUS_MAX_VCPUS; i++)
		free(s->vcpus[i]);
	if (s->timer >= 0)
		close(s->timer);
	softcpus_init(s);
}

void softcpus_tick(struct softcpus *s)
{
	uint64_t now = now_ns();
	uint64_t times;

	if (read(s->timer, &times, sizeof(times)) < 0)
		return;
	look_online(s);
	for (size_t i = 0; i < DOMUS_MAX_VCPUS; i++)
		if (s->vcpus[i])
			watch(s, s->vcpus[i], now);
	s->changed = false;
}

static int start_timer(struct softcpus *s)
{
	const struct itimerspec second = {
		.it_value = { .tv_sec = 1 },
		.it_interval = { .tv_sec = 1 },
	};

	if (s->timer >= 0)
		return 0;
	s->timer = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
	return s->timer < 0 ? -1 : timerfd_settime(s->timer, 0, &second, NULL);
}

/* The vCPU has no soft set any more, or none after all. */
static void forget(struct softcpus *s, uint32_t vcpu)
{
	free(s->vcpus[vcpu]);
	s->vcpus[vcpu] = NULL;
	for (size_t i = 0; i < DOMUS_MAX_VCPUS; i++)
		if (s->vcpus[i])
			return;
	if (s->timer >= 0)
		close(s->timer);
	s->timer = -1;
}

/* ---- 4. Requests ---------------------------------------------------------------- */

/* Its hard set, or what it had before, as the thread has it then. */
static int set_hard(struct softcpus *s, uint32_t vcpu, const struct wire_affinity *wish,
		    bool all, struct error *error)
{
	struct process_vcpu thread = { .tid = s->tids[vcpu] };
	struct soft_vcpu *v = s->vcpus[vcpu];
	struct sample now;
	int result;

	get_affinity(thread.tid, &thread.affinity);
	result = process_set_whole(&thread, vcpu, &wish->hard, all, error);
	if (!v || take_sample(v->tid, &now))
		return result;
	if (!result)
		v->hard = now.cpus;
	v->last.cpus = now.cpus;
	v->misplaced = true;
	return result;
}

static int make(struct softcpus *s, uint32_t vcpu, struct error *error)
{
	struct soft_vcpu *v = calloc(1, sizeof(*v));

	s->vcpus[vcpu] = v;
	if (!v || start_timer(s) || take_sample(s->tids[vcpu], &v->last)) {
		forget(s, vcpu);
		return error_set(error, EXIT_REFUSED, "soft-affinity", "cannot be kept to: no memory, "
				 "no timer, or no /proc");
	}
	v->tid = s->tids[vcpu];
	v->hard = v->last.cpus;
	v->looked = now_ns();
	return 0;
}

/* @flags: WIRE_HARD and others. Return: 0, or -1 with nothing changed. */
static int set(struct softcpus *s, uint32_t vcpu, const struct wire_affinity *wish,
	       uint32_t flags, struct error *error)
{
	bool prefers = flags & WIRE_SOFT && !cpus_empty(&wish->soft);
	bool had = s->vcpus[vcpu];
	struct soft_vcpu *v;

	if (prefers && !had && make(s, vcpu, error))
		return -1;
	if (flags & WIRE_HARD && set_hard(s, vcpu, wish, flags & WIRE_ALL, error)) {
		if (!had && prefers)
			forget(s, vcpu);
		return -1;
	}
	v = s->vcpus[vcpu];
	if (!v)
		return 0;
	if (flags & WIRE_SOFT)
		v->soft = wish->soft;
	v->rule = (struct soft_rule) { 0 };
	v->misplaced = true;
	if (flags & WIRE_SOFT && !prefers) {
		place(s, v);
		forget(s, vcpu);
	}
	return 0;
}

/* What others have done, and we, is done with. */
static void settle(struct softcpus *s)
{
	look_online(s);
	for (size_t i = 0; i < DOMUS_MAX_VCPUS; i++) {
		struct soft_vcpu *v = s->vcpus[i];
		struct sample now;

		if (!v)
			continue;
		if (!take_sample(v->tid, &now))
			heed(s, v, &now.cpus);
		if (v->misplaced)
			place(s, v);
	}
}

static void describe(const struct softcpus *s, uint32_t vcpu, struct wire_affinity *now)
{
	const struct soft_vcpu *v = s->vcpus[vcpu];

	*now = (struct wire_affinity) { .vcpu = vcpu };
	for (size_t i = 0; i < DOMUS_MAX_VCPUS; i++)
		now->softs |= (uint64_t)!!s->vcpus[i] << i;
	if (!v) {
		get_affinity(s->tids[vcpu], &now->hard);
		return;
	}
	cpus_and(&now->hard, &v->hard, &s->online);
	now->soft = v->soft;
}

/* Return: 0, with @now, or -1. */
static int answer(struct softcpus *s, const struct wire *wire, struct wire_affinity *now,
		  struct error *error)
{
	const uint32_t changes = WIRE_HARD | WIRE_SOFT;
	struct wire_affinity wish;
	int result = 0;

	if (wire->head.code != WIRE_VERSION || wire->size != sizeof(wish))
		return error_set(error, EXIT_REFUSED, "holder", "is of another version of domctl");
	memcpy(&wish, wire->data, sizeof(wish));
	if (wire->head.id != s->domain || wish.vcpu >= DOMUS_MAX_VCPUS || !s->tids[wish.vcpu])
		return error_set(error, EXIT_REFUSED, "holder",
				 "has no such domain any more, or no thread for vCPU %" PRIu32,
				 wish.vcpu);
	settle(s);
	if (wire->head.flags & changes)
		result = set(s, wish.vcpu, &wish, wire->head.flags, error);
	settle(s);
	describe(s, wish.vcpu, now);
	return result;
}

void softcpus_serve(struct softcpus *s, int fd, const struct wire *wire)
{
	const struct wire_head head = { .type = WIRE_AFFINITY, .id = s->domain };
	struct pollfd gone = { .fd = fd };
	struct error error = { 0 };
	struct wire_affinity now;

	if (poll(&gone, 1, 0) > 0)
		return;
	if (answer(s, wire, &now, &error))
		wire_fail(fd, &error);
	else
		(void)wire_send(fd, &head, &now, sizeof(now));
}
