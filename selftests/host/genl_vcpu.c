// SPDX-License-Identifier: GPL-2.0-only
/*
 * Which vCPUs are wanted, from below: raw generic netlink, as KTAP.
 *
 *   1. messages
 *   2. DOMAIN_NEW with VCPUS_WANTED
 *   3. VCPU_SET: what must be refused, with nothing changed
 *   4. what must work
 *   5. random messages
 *   6. a storm
 *
 * Every refusal must come with a text. Needs root and the module.
 *
 * genl_vcpu DOMAIN N: instead, changes what is wanted of the first four of it N times, as
 * fast as it can; 0 also when the domain ends meanwhile.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <errno.h>
#include <fcntl.h>
#include <linux/domus.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <asm/domus_guest.h>

#include "messages.h"

#define MIB (1024UL * 1024)
#define NOBODY 65534
#define VCPUS 5

/* ---- 1. Messages ------------------------------------------------------------ */

static void put_nest(struct message *m, uint16_t type, const struct message *inner)
{
	put(m, type, inner->data, inner->nh.nlmsg_len - NLMSG_HDRLEN - GENL_HDRLEN);
}

static void put8(struct message *m, uint16_t type, uint8_t value)
{
	put(m, type, &value, 1);
}

static struct message new_message(const char *name, int device)
{
	struct message m = begin(family, DOMUS_CMD_DOMAIN_NEW, 0);
	struct message slot = begin(0, 0, 0);
	static char *memory;

	if (!memory)
		memory = mmap(NULL, MIB, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1,
			      0);
	put64(&slot, DOMUS_A_SLOT_GPA, 0);
	put64(&slot, DOMUS_A_SLOT_SIZE, MIB);
	put64(&slot, DOMUS_A_SLOT_HVA, (uintptr_t)memory);
	put32(&m, DOMUS_A_FD, (uint32_t)device);
	put_text(&m, DOMUS_A_NAME, name);
	put32(&m, DOMUS_A_VCPUS, VCPUS);
	put_nest(&m, DOMUS_A_MEMORY | NLA_F_NESTED, &slot);
	return m;
}

static struct message set_message(const char *domain)
{
	struct message m = begin(family, DOMUS_CMD_VCPU_SET, 0);

	put_text(&m, DOMUS_A_NAME, domain);
	return m;
}

static void put_wish(struct message *m, uint32_t vcpu, uint8_t wanted)
{
	struct message inner = begin(0, 0, 0);

	put32(&inner, DOMUS_A_VCPU_ID, vcpu);
	put8(&inner, DOMUS_A_VCPU_WANTED, wanted);
	put_nest(m, DOMUS_A_VCPU | NLA_F_NESTED, &inner);
}

static int set(uint32_t vcpu, uint8_t wanted)
{
	struct message m = set_message("vcpu");
	static struct answer answer;

	put_wish(&m, vcpu, wanted);
	return talk(&m, &answer);
}

/* How many are wanted of a domain, or -1. */
static int wanted(const char *domain)
{
	struct message m = begin(family, DOMUS_CMD_DOMAIN_GET, 0);
	static struct answer answer;

	put_text(&m, DOMUS_A_NAME, domain);
	return talk(&m, &answer) ? -1 : (int)get32(&answer, DOMUS_A_VCPUS_WANTED);
}

/* Of the last vCPU that a dump tells of; -1: it does not say. */
static int last_is_wanted(void)
{
	struct message m = begin(family, DOMUS_CMD_VCPU_GET, NLM_F_DUMP);
	const struct nlattr *a;
	static struct answer answer;

	if (talk(&m, &answer) || answer.messages != VCPUS)
		return -1;
	a = find(answer.data, answer.size, DOMUS_A_VCPU);
	if (a)
		a = find((const char *)(a + 1), a->nla_len - NLA_HDRLEN, DOMUS_A_VCPU_WANTED);
	return a && a->nla_len == NLA_HDRLEN + 1 ? *(const uint8_t *)(a + 1) : -1;
}

/* ---- 2. DOMAIN_NEW ------------------------------------------------------------ */

static void test_new(int device)
{
	static const uint32_t wrong[] = { 0, 65, 1U << 31, ~0U };
	static struct answer answer;
	struct message m;

	for (size_t i = 0; i < sizeof(wrong) / sizeof(*wrong); i++) {
		m = new_message("vcpu", device);
		put32(&m, DOMUS_A_VCPUS_WANTED, wrong[i]);
		refused(&m, ERANGE, "NEW with VCPUS_WANTED out of range");
	}
	m = new_message("vcpu", device);
	put32(&m, DOMUS_A_VCPUS_WANTED, VCPUS + 1);
	refused(&m, EINVAL, "NEW with more wanted than there are");
	m = new_message("vcpu", device);
	put64(&m, DOMUS_A_VCPUS_WANTED, 1);
	refused(&m, EINVAL, "NEW with VCPUS_WANTED of another size");
	m = new_message("vcpu", device);
	put32(&m, DOMUS_A_VCPUS_HEARD, 1);
	refused(&m, EINVAL, "NEW with what GET alone says");
	m = new_message("vcpu", device);
	put32(&m, DOMUS_A_VCPUS_WANTED, 2);
	ok(!talk(&m, &answer) && wanted("vcpu") == 2 && last_is_wanted() == 0,
	   "NEW with two wanted of five");
}

static bool all_wanted(void *arg)
{
	int device = open("/dev/domus", O_RDWR | O_NONBLOCK);
	static struct answer answer;
	struct message m;

	(void)arg;
	sock = open_socket();
	m = new_message("all", device);
	return !talk(&m, &answer) && wanted("all") == VCPUS;
}

/* ---- 3. VCPU_SET: refusals ------------------------------------------------------ */

static void test_which(void)
{
	struct message m = begin(family, DOMUS_CMD_VCPU_SET, 0);

	put_wish(&m, 1, 0);
	refused(&m, EINVAL, "neither NAME nor ID");
	m = set_message("vcpu");
	put32(&m, DOMUS_A_ID, 1);
	put_wish(&m, 1, 0);
	refused(&m, EINVAL, "NAME and ID");
	m = set_message("nobody");
	put_wish(&m, 1, 0);
	refused(&m, ENOENT, "an unknown NAME");
	m = set_message("vcpu");
	refused(&m, EINVAL, "no VCPU");
	put_wish(&m, 1, 0);
	put32(&m, DOMUS_A_VCPUS_WANTED, 2);
	refused(&m, EINVAL, "an attribute of DOMAIN_NEW");
}

static void refuse_nest(const struct message *inner, uint16_t flag, int err, const char *name)
{
	struct message m = set_message("vcpu");

	/* the first one is right: nothing of it is done */
	put_wish(&m, 4, 1);
	put_nest(&m, DOMUS_A_VCPU | flag, inner);
	refused(&m, err, name);
}

static void test_nests(void)
{
	static const uint32_t numbers[] = { 64, 65, 1U << 31, ~0U };
	struct message inner = begin(0, 0, 0);
	struct message m;

	refuse_nest(&inner, NLA_F_NESTED, EINVAL, "an empty VCPU");
	put32(&inner, DOMUS_A_VCPU_ID, 1);
	refuse_nest(&inner, NLA_F_NESTED, EINVAL, "without VCPU_WANTED");
	put8(&inner, DOMUS_A_VCPU_WANTED, 2);
	refuse_nest(&inner, NLA_F_NESTED, ERANGE, "VCPU_WANTED that is neither 0 nor 1");
	inner = begin(0, 0, 0);
	put8(&inner, DOMUS_A_VCPU_WANTED, 1);
	refuse_nest(&inner, NLA_F_NESTED, EINVAL, "without VCPU_ID");
	put32(&inner, DOMUS_A_VCPU_ID, 1);
	refuse_nest(&inner, 0, EINVAL, "VCPU that is not marked as nested");
	put32(&inner, DOMUS_A_VCPU_STATE, 1);
	refuse_nest(&inner, NLA_F_NESTED, EINVAL, "an attribute of VCPU_GET");
	inner = begin(0, 0, 0);
	put32(&inner, DOMUS_A_VCPU_ID, 1);
	put32(&inner, DOMUS_A_VCPU_WANTED, 1);
	refuse_nest(&inner, NLA_F_NESTED, EINVAL, "VCPU_WANTED of another size");
	for (size_t i = 0; i < sizeof(numbers) / sizeof(*numbers); i++) {
		m = set_message("vcpu");
		put_wish(&m, 4, 1);
		put_wish(&m, numbers[i], 0);
		refused(&m, ERANGE, "VCPU_ID that no domain has");
	}
	m = set_message("vcpu");
	put_wish(&m, 4, 1);
	put_wish(&m, VCPUS, 0);
	refused(&m, ENOENT, "VCPU_ID that this domain has not");
	m = set_message("vcpu");
	put_wish(&m, 4, 1);
	put_wish(&m, 0, 0);
	refused(&m, EINVAL, "the first vCPU");
	m = set_message("vcpu");
	for (uint32_t i = VCPUS; i; i--)
		put_wish(&m, i - 1, 0);
	refused(&m, EINVAL, "none at all");
	m = set_message("vcpu");
	put_wish(&m, 4, 1);
	put_wish(&m, 3, 0);
	put_wish(&m, 4, 0);
	refused(&m, EINVAL, "one that is named twice");
	ok(wanted("vcpu") == 2 && last_is_wanted() == 0, "after all that nothing has changed");
}

static bool as_nobody(void *arg)
{
	(void)arg;
	if (setresuid(NOBODY, NOBODY, NOBODY))
		return false;
	sock = open_socket();
	return set(4, 1) == -ENOENT;
}

/* ---- 4. What works -------------------------------------------------------------- */

static void test_set(void)
{
	struct message m = set_message("vcpu");
	static struct answer answer;

	ok(!set(4, 1) && wanted("vcpu") == 3 && last_is_wanted() == 1, "one more");
	ok(!set(4, 1) && wanted("vcpu") == 3, "the same again");
	ok(!set(0, 1) && wanted("vcpu") == 3, "the first one is wanted already");
	for (uint32_t i = 0; i < VCPUS; i++)
		put_wish(&m, i, i % 2 == 0);
	ok(!talk(&m, &answer) && wanted("vcpu") == 3, "all of them, some and some not");
	ok(!set(4, 0) && !set(2, 0) && wanted("vcpu") == 1 && last_is_wanted() == 0,
	   "the first one alone");
}

static void test_dead(int device)
{
	struct message m = begin(family, DOMUS_CMD_DOMAIN_DEL, 0);
	static struct answer answer;

	put_text(&m, DOMUS_A_NAME, "vcpu");
	ok(!talk(&m, &answer), "the domain is killed");
	m = set_message("vcpu");
	put_wish(&m, 1, 1);
	refused(&m, ESHUTDOWN, "a dead domain");
	ok(wanted("vcpu") == 1, "which keeps what it had");
	close(device);
	refused(&m, ENOENT, "and that has gone");
}

/* ---- 5. Random messages --------------------------------------------------------- */

/* Whatever comes: an answer, and the first one stays wanted. */
static void test_random(void)
{
	static struct answer answer;
	uint64_t state = 88172645463325252ULL;
	unsigned int bad = 0;

	for (int i = 0; i < 2000; i++) {
		struct message m = set_message("vcpu");

		for (uint32_t n = 0; n < 1 + i % 3U; n++)
			put_wish(&m, (i + n) % (VCPUS + 1), i & 1);
		for (int n = i % 4; n; n--) {
			state ^= state << 13;
			state ^= state >> 7;
			state ^= state << 17;
			m.data[state % (m.nh.nlmsg_len - NLMSG_HDRLEN - GENL_HDRLEN)] ^=
				(char)(1 << (state >> 32) % 8);
		}
		bad += talk(&m, &answer) == -EPIPE;
	}
	ok(!bad && wanted("vcpu") >= 1, "2000 random messages: all were answered");
}

/* ---- 6. A storm ----------------------------------------------------------------- */

static int storm(const char *domain, int count)
{
	static struct answer answer;
	int err = 0;

	for (int i = 0; i < count && !err; i++) {
		struct message m = set_message(domain);

		for (uint32_t vcpu = 1; vcpu < 4; vcpu++)
			put_wish(&m, vcpu, (unsigned int)(i + getpid()) >> (vcpu - 1) & 1);
		err = talk(&m, &answer);
	}
	if (!err || err == -ENOENT || err == -ESHUTDOWN)
		return 0;
	fprintf(stderr, "%d: %s\n", err, answer.text);
	return 1;
}

int main(int argc, char **argv)
{
	int device;

	sock = open_socket();
	if (argc == 3 && resolve())
		return storm(argv[1], atoi(argv[2]));
	puts("KTAP version 1");
	device = open("/dev/domus", O_RDWR | O_NONBLOCK);
	if (device < 0 || !resolve()) {
		puts("Bail out! no module, or no root");
		return 1;
	}
	test_new(device);
	ok(child_says(all_wanted, NULL), "all are wanted unless it is said");
	test_which();
	test_nests();
	ok(child_says(as_nobody, NULL), "another user's domain is not there");
	test_set();
	test_random();
	for (uint32_t i = 1; i < VCPUS; i++)
		set(i, 0);
	test_dead(device);
	printf("1..%d\n", results);
	return failures != 0;
}
