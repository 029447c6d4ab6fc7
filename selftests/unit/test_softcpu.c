// SPDX-License-Identifier: GPL-2.0-only
/* links: userspace/domctl/softcpu.c userspace/domctl/soft.c userspace/domctl/process.c userspace/domctl/cpus.c userspace/domctl/wire.c userspace/domctl/size.c userspace/domctl/error.c */
/*
 * The holder's side of soft affinity, with a thread of this process as vCPU 1:
 *
 *   1. a holder, and who asks it
 *   2. what must be so
 *   3. what must be refused, with nothing changed
 *
 * Waiting for CPUs is for the host test: here no time goes by.
 */
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "process.h"
#include "report.h"
#include "softcpu.h"

#define DOMAIN	7
#define VCPU	1

/* ---- 1. A holder ------------------------------------------------------------ */

static struct softcpus soft;
static sem_t begun, over;
static char first[CPUS_TEXT], second[CPUS_TEXT], both[CPUS_TEXT];

/* Of process.c, which asks the module elsewhere. */
int control_domain_get(struct control *c, const struct control_ref *ref,
		       struct control_domain *domain, struct error *error)
{
	(void)c;
	(void)ref;
	(void)domain;
	return error_set(error, EXIT_REFUSED, "module", "is not here");
}

static void *vcpu(void *arg)
{
	(void)arg;
	soft.tids[VCPU] = gettid();
	(void)sem_post(&begun);
	while (sem_wait(&over))
		;
	return NULL;
}

static struct cpus list(const char *text)
{
	struct cpus cpus = { .bits = { 0 } };
	struct error error = { 0 };
	struct cpus all;

	memset(&all, 0xff, sizeof(all));
	if (*text && cpus_parse(text, &all, &cpus, &error))
		abort();
	return cpus;
}

/* Sends @head and @size bytes of @data; @gone: and goes. Return: 1 with an answer, else 0. */
static int talk(const struct wire_head *head, const void *data, size_t size, bool gone,
		struct wire *wire)
{
	struct wire request;
	int got = 0;
	int pair[2];

	if (socketpair(AF_UNIX, SOCK_SEQPACKET, 0, pair) || wire_send(pair[0], head, data, size) ||
	    wire_receive(pair[1], &request) != 1)
		abort();
	if (gone)
		close(pair[0]);
	softcpus_serve(&soft, pair[1], &request);
	close(pair[1]);
	if (!gone) {
		got = wire_receive(pair[0], wire);
		close(pair[0]);
	}
	return got;
}

/* The answer as "HARD SOFT NOW", or the error. */
static const char *ask(uint32_t flags, const char *hard, const char *prefers)
{
	static char text[3 * CPUS_TEXT + sizeof(struct error)];
	struct wire_affinity a = { .vcpu = VCPU, .hard = list(hard), .soft = list(prefers) };
	const struct wire_head head = {
		.type = WIRE_AFFINITY, .code = WIRE_VERSION, .flags = flags, .id = DOMAIN,
	};
	char h[CPUS_TEXT], s[CPUS_TEXT], n[CPUS_TEXT];
	struct cpus now = { .bits = { 0 } };
	struct error error = { 0 };
	struct wire wire;

	if (talk(&head, &a, sizeof(a), false, &wire) != 1)
		return "no answer";
	if (wire.head.type == WIRE_FAILED) {
		wire_failure(&wire, &error);
		snprintf(text, sizeof(text), "%s: %s", error.what, error.why);
		return text;
	}
	memcpy(&a, wire.data, sizeof(a));
	(void)sched_getaffinity(soft.tids[VCPU], sizeof(now), (cpu_set_t *)&now);
	snprintf(text, sizeof(text), "%s %s %s", cpus_format(h, &a.hard),
		 a.softs == 1ULL << VCPU ? cpus_format(s, &a.soft) : "none", cpus_format(n, &now));
	return text;
}

static void is(const char *got, const char *hard, const char *prefers, const char *now,
	       const char *name)
{
	char expected[3 * CPUS_TEXT];

	snprintf(expected, sizeof(expected), "%s %s %s", hard, prefers, now);
	ok(!strcmp(got, expected), "%s", name);
	if (strcmp(got, expected) != 0)
		printf("# %s, not %s\n", got, expected);
}

static void taskset(const char *text)
{
	struct cpus cpus = list(text);

	if (sched_setaffinity(soft.tids[VCPU], sizeof(cpus), (const cpu_set_t *)&cpus))
		abort();
}

/* ---- 2. What must be so ----------------------------------------------------- */

static void test_sets(void)
{
	is(ask(0, "", ""), both, "none", both, "asked: nothing changes");
	ok(soft.timer < 0, "without a soft set: no timer");
	is(ask(WIRE_SOFT, "", first), both, first, first, "a soft set");
	ok(soft.timer >= 0, "and a timer");
	is(ask(WIRE_SOFT, "", second), both, second, second, "another one");
	is(ask(WIRE_HARD, first, ""), first, second, first, "a hard one without it");
	is(ask(WIRE_HARD | WIRE_ALL, "0-8191", ""), both, second, second, "all");
	is(ask(WIRE_HARD | WIRE_SOFT, second, first), second, first, second, "both");
	is(ask(WIRE_SOFT, "", second), second, second, second, "the same");
	is(ask(WIRE_SOFT, "", ""), second, "none", second, "none: the hard one stays");
	ok(soft.timer < 0, "and no timer");
	is(ask(WIRE_HARD, both, ""), both, "none", both, "the hard one alone");
}

static void test_others(void)
{
	(void)ask(WIRE_SOFT, "", first);
	taskset(second);
	is(ask(0, "", ""), second, first, second, "what others say is the hard set");
	taskset(both);
	is(ask(0, "", ""), both, first, first, "also when it is wider");
	taskset(first);
	is(ask(0, "", ""), both, first, first, "what it has already is not seen");
	is(ask(WIRE_HARD, first, ""), first, first, first, "unless it is told");
	taskset(second);
	(void)poll(&(struct pollfd) { .fd = soft.timer, .events = POLLIN }, 1, -1);
	softcpus_tick(&soft);
	is(ask(0, "", ""), second, first, second, "the timer sees it, too");
	is(ask(WIRE_HARD | WIRE_SOFT, both, ""), both, "none", both, "all is as it was");
}

/* ---- 3. Refusals ------------------------------------------------------------ */

static void refused(uint32_t code, uint32_t id, uint32_t number, size_t size, const char *name)
{
	const struct wire_head head = {
		.type = WIRE_AFFINITY, .code = code, .flags = WIRE_SOFT, .id = id,
	};
	struct wire_affinity a = { .vcpu = number, .soft = list(second) };
	struct wire wire;

	ok(talk(&head, &a, size, false, &wire) == 1 && wire.head.type == WIRE_FAILED, "%s", name);
	is(ask(0, "", ""), both, first, first, "nothing has changed");
}

static void test_refusals(void)
{
	struct wire_affinity a = { .vcpu = VCPU, .soft = list(second) };
	const struct wire_head head = {
		.type = WIRE_AFFINITY, .code = WIRE_VERSION, .flags = WIRE_SOFT, .id = DOMAIN,
	};
	struct wire wire;

	ok(!strcmp(ask(WIRE_HARD | WIRE_SOFT, "", first),
		   "cpus: its holder's cgroup has none of these") && soft.timer < 0,
	   "no CPU at all: no soft set either");
	is(ask(0, "", ""), both, "none", both, "nothing has changed");
	(void)ask(WIRE_SOFT, "", first);
	ok(!strncmp(ask(WIRE_HARD | WIRE_SOFT, "0-8191", second), "cpus: of these", 14),
	   "CPUs that are not there");
	is(ask(0, "", ""), both, first, first, "nothing has changed");
	refused(WIRE_VERSION + 1, DOMAIN, VCPU, sizeof(a), "another version");
	refused(WIRE_VERSION, DOMAIN + 1, VCPU, sizeof(a), "another domain");
	refused(WIRE_VERSION, DOMAIN, VCPU + 1, sizeof(a), "a vCPU without a thread");
	refused(WIRE_VERSION, DOMAIN, DOMUS_MAX_VCPUS, sizeof(a), "a vCPU behind the last one");
	refused(WIRE_VERSION, DOMAIN, ~0U, sizeof(a), "a vCPU far behind it");
	refused(WIRE_VERSION, DOMAIN, VCPU, 0, "a request without data");
	refused(WIRE_VERSION, DOMAIN, VCPU, sizeof(a) - 1, "one that is short");
	(void)talk(&head, &a, sizeof(a), true, &wire);
	is(ask(0, "", ""), both, first, first, "one whose sender has gone does not count");
	softcpus_end(&soft);
	ok(soft.timer < 0 && talk(&head, &a, sizeof(a), false, &wire) == 1 &&
	   wire.head.type == WIRE_FAILED, "nor does any when the domain has ended");
}

int main(void)
{
	struct cpus cpus = { .bits = { 0 } };
	pthread_t thread;
	size_t nr[2];
	int found = 0;

	puts("KTAP version 1");
	(void)sched_getaffinity(0, sizeof(cpus), (cpu_set_t *)&cpus);
	for (size_t cpu = 0; cpu < CPUS_MAX && found < 2; cpu++)
		if (cpus_has(&cpus, cpu))
			nr[found++] = cpu;
	if (found < 2) {
		puts("1..0 # SKIP needs two CPUs");
		return 0;
	}
	snprintf(first, sizeof(first), "%zu", nr[0]);
	snprintf(second, sizeof(second), "%zu", nr[1]);
	cpus_format(both, &cpus);
	softcpus_init(&soft);
	soft.domain = DOMAIN;
	if (sem_init(&begun, 0, 0) || sem_init(&over, 0, 0) ||
	    pthread_create(&thread, NULL, vcpu, NULL))
		abort();
	while (sem_wait(&begun))
		;
	test_sets();
	test_others();
	test_refusals();
	(void)sem_post(&over);
	(void)pthread_join(thread, NULL);
	printf("1..%d\n", results);
	return failures ? 1 : 0;
}
