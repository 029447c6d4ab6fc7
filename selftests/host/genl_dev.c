// SPDX-License-Identifier: GPL-2.0-only
/*
 * Control of devices from below: raw generic netlink, as KTAP.
 *
 *   1. a domain, an image, messages
 *   2. DEV_NEW: everything that must be refused
 *   3. DEV_DEL, DEV_SET, DEV_GET: what must be refused
 *   4. what must work
 *   5. who may see what
 *   6. random messages
 *
 * Every refusal must come with a text. Needs root and the module. An argument says
 * how many random messages.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <errno.h>
#include <fcntl.h>
#include <linux/domus.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <asm/domus_guest.h>

#include "messages.h"

#define MIB (1024UL * 1024)
#define NOBODY 65534

/* ---- 1. A domain, an image, messages ---------------------------------------- */

static int image;

static bool make_domain(void)
{
	struct message m = begin(family, DOMUS_CMD_DOMAIN_NEW, 0);
	struct message slot = begin(0, 0, 0);
	int device = open("/dev/domus", O_RDWR | O_NONBLOCK);
	static struct answer answer;
	char *memory = mmap(NULL, MIB, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	put64(&slot, DOMUS_A_SLOT_GPA, 0);
	put64(&slot, DOMUS_A_SLOT_SIZE, MIB);
	put64(&slot, DOMUS_A_SLOT_HVA, (uintptr_t)memory);
	put32(&m, DOMUS_A_FD, (uint32_t)device);
	put_text(&m, DOMUS_A_NAME, "dev");
	put32(&m, DOMUS_A_VCPUS, 1);
	put(&m, DOMUS_A_MEMORY | NLA_F_NESTED, slot.data,
	    slot.nh.nlmsg_len - NLMSG_HDRLEN - GENL_HDRLEN);
	return !talk(&m, &answer);
}

/* What goes into DEV. */
static struct message dev;

static void dev_named(const char *name)
{
	dev = begin(0, 0, 0);
	put_text(&dev, DOMUS_A_DEV_NAME, name);
}

/* A disk that is right. */
static void dev_disk(const char *name)
{
	dev_named(name);
	put32(&dev, DOMUS_A_DEV_KIND, DOMUS_DEV_KIND_BLK);
	put32(&dev, DOMUS_A_DEV_FD, (uint32_t)image);
}

static struct message wrap(uint8_t command, const char *domain, uint16_t flag)
{
	struct message m = begin(family, command, 0);

	put_text(&m, DOMUS_A_NAME, domain);
	put(&m, DOMUS_A_DEV | flag, dev.data, dev.nh.nlmsg_len - NLMSG_HDRLEN - GENL_HDRLEN);
	return m;
}

static int ask(uint8_t command)
{
	struct message m = wrap(command, "dev", NLA_F_NESTED);
	static struct answer answer;

	return talk(&m, &answer);
}

static void refuse(uint8_t command, int err, const char *name)
{
	struct message m = wrap(command, "dev", NLA_F_NESTED);

	refused(&m, err, name);
}

/* How many devices there are, as messages of a dump that are no more than one each. */
static unsigned int count(struct answer *answer)
{
	struct message m = begin(family, DOMUS_CMD_DEV_GET, NLM_F_DUMP);

	return talk(&m, answer) ? ~0U : answer->messages;
}

/* An attribute of the last device listed. */
static const struct nlattr *of_dev(const struct answer *answer, uint16_t type)
{
	const struct nlattr *a = find(answer->data, answer->size, DOMUS_A_DEV);

	return a ? find((const char *)(a + 1), a->nla_len - NLA_HDRLEN, type) : NULL;
}

static uint64_t number_of(const struct answer *answer, uint16_t type)
{
	const struct nlattr *a = of_dev(answer, type);
	uint64_t value = 0;

	if (!a)
		return ~0UL;
	memcpy(&value, a + 1, a->nla_len == NLA_HDRLEN + 4 ? 4 : 8);
	return value;
}

/* ---- 2. DEV_NEW ---------------------------------------------------------------- */

static void new_with32(uint16_t type, uint32_t value, int err, const char *name)
{
	dev_disk("d");
	put32(&dev, type, value);
	refuse(DOMUS_CMD_DEV_NEW, err, name);
}

static void new_with64(uint16_t type, uint64_t value, int err, const char *name)
{
	dev_disk("d");
	put64(&dev, type, value);
	refuse(DOMUS_CMD_DEV_NEW, err, name);
}

static void new_with_text(uint16_t type, const char *text, int err, const char *name)
{
	dev_disk("d");
	put_text(&dev, type, text);
	refuse(DOMUS_CMD_DEV_NEW, err, name);
}

static void test_missing(void)
{
	struct message m = begin(family, DOMUS_CMD_DEV_NEW, 0);

	put_text(&m, DOMUS_A_NAME, "dev");
	refused(&m, EINVAL, "without DEV");
	dev_disk("d");
	m = wrap(DOMUS_CMD_DEV_NEW, "dev", 0);
	refused(&m, EINVAL, "DEV without the flag that it is nested");
	m = wrap(DOMUS_CMD_DEV_NEW, "nobody", NLA_F_NESTED);
	refused(&m, ENOENT, "of no domain");
	m = wrap(DOMUS_CMD_DEV_NEW, "dev", NLA_F_NESTED);
	put32(&m, DOMUS_A_ID, 1);
	refused(&m, EINVAL, "NAME and ID");
	m = wrap(DOMUS_CMD_DEV_NEW, "dev", NLA_F_NESTED);
	put32(&m, DOMUS_A_VCPUS, 1);
	refused(&m, EINVAL, "an attribute of DOMAIN_NEW");
	dev = begin(0, 0, 0);
	refuse(DOMUS_CMD_DEV_NEW, EINVAL, "an empty DEV");
	put32(&dev, DOMUS_A_DEV_KIND, DOMUS_DEV_KIND_BLK);
	put32(&dev, DOMUS_A_DEV_FD, (uint32_t)image);
	refuse(DOMUS_CMD_DEV_NEW, EINVAL, "without DEV_NAME");
	dev_named("d");
	put32(&dev, DOMUS_A_DEV_FD, (uint32_t)image);
	refuse(DOMUS_CMD_DEV_NEW, EINVAL, "without DEV_KIND");
	dev_named("d");
	put32(&dev, DOMUS_A_DEV_KIND, DOMUS_DEV_KIND_BLK);
	refuse(DOMUS_CMD_DEV_NEW, EINVAL, "a disk without DEV_FD");
}

static void test_new_values(void)
{
	static const char *const names[] = {
		"", ".", "-a", "_a", "a/b", "a b", "a\nb", "\303\244", "a%s",
	};
	char long_name[DOMUS_DEV_NAME_MAX + 2] = "";
	char long_serial[DOMUS_DEV_SERIAL_MAX + 2] = "";

	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
		dev_disk(names[i]);
		refuse(DOMUS_CMD_DEV_NEW, EINVAL, "a name that is none");
	}
	memset(long_name, 'a', sizeof(long_name) - 1);
	dev_disk(long_name);
	refuse(DOMUS_CMD_DEV_NEW, EINVAL, "a name that is too long");
	new_with32(DOMUS_A_DEV_KIND, 0, ERANGE, "KIND 0");
	new_with32(DOMUS_A_DEV_KIND, DOMUS_DEV_KIND_MAX + 1, ERANGE, "KIND too large");
	new_with32(DOMUS_A_DEV_KIND, UINT32_MAX, ERANGE, "KIND -1");
	new_with32(DOMUS_A_DEV_FLAGS, DOMUS_DEV_FLAGS + 1, EINVAL, "unknown FLAGS");
	new_with32(DOMUS_A_DEV_QUEUES, 0, ERANGE, "QUEUES 0");
	new_with32(DOMUS_A_DEV_QUEUES, DOMUS_DEV_QUEUES_MAX + 1, ERANGE, "QUEUES 17");
	new_with32(DOMUS_A_DEV_QUEUE_SIZE, 1, ERANGE, "QUEUE_SIZE 1");
	new_with32(DOMUS_A_DEV_QUEUE_SIZE, 2048, ERANGE, "QUEUE_SIZE 2048");
	new_with32(DOMUS_A_DEV_QUEUE_SIZE, 100, EINVAL, "QUEUE_SIZE 100");
	new_with64(DOMUS_A_DEV_QUEUE_SIZE, 128, EINVAL, "QUEUE_SIZE of 8 bytes");
	new_with64(DOMUS_A_DEV_RATE_BYTES, DOMUS_DEV_RATE_MAX + 1, ERANGE, "RATE_BYTES");
	new_with64(DOMUS_A_DEV_RATE_BYTES, UINT64_MAX, ERANGE, "RATE_BYTES -1");
	new_with64(DOMUS_A_DEV_RATE_OPS, DOMUS_DEV_RATE_MAX + 1, ERANGE, "RATE_OPS");
	new_with32(DOMUS_A_DEV_RATE_OPS, 1, EINVAL, "RATE_OPS of 4 bytes");
	new_with32(DOMUS_A_DEV_RATE_BURST_MS, DOMUS_DEV_RATE_BURST_MS_MAX + 1, ERANGE,
		   "RATE_BURST_MS");
	memset(long_serial, '1', sizeof(long_serial) - 1);
	new_with_text(DOMUS_A_DEV_SERIAL, long_serial, EINVAL, "a serial that is too long");
	new_with_text(DOMUS_A_DEV_SERIAL, "a\033b", EINVAL, "a serial with an escape");
	new_with_text(DOMUS_A_DEV_SERIAL, "\303\244", EINVAL, "a serial that is no ASCII");
	new_with32(DOMUS_A_DEV_TIMEOUT_MS, 1, EINVAL, "an attribute of DEV_DEL");
	new_with32(DOMUS_A_DEV_SLOT, 1, EINVAL, "an attribute of answers");
	new_with64(DOMUS_A_DEV_SIZE, 4096, EINVAL, "an attribute of DEV_SET");
	new_with32(DOMUS_A_DEV_MAX + 1, 1, EINVAL, "an unknown attribute");
	new_with32(0, 1, EINVAL, "attribute 0");
}

static void new_of_file(int fd, int err, const char *name)
{
	dev_named("d");
	put32(&dev, DOMUS_A_DEV_KIND, DOMUS_DEV_KIND_BLK);
	put32(&dev, DOMUS_A_DEV_FD, (uint32_t)fd);
	refuse(DOMUS_CMD_DEV_NEW, err, name);
	if (fd >= 0)
		close(fd);
}

static int sized(off_t size)
{
	int fd = memfd_create("image", MFD_CLOEXEC);

	return ftruncate(fd, size) ? -1 : fd;
}

static int again(int flags)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/self/fd/%d", image);
	return open(path, flags | O_CLOEXEC);
}

static void test_files(void)
{
	new_of_file(-1, ERANGE, "FD -1");
	dev_named("d");
	put32(&dev, DOMUS_A_DEV_KIND, DOMUS_DEV_KIND_BLK);
	put32(&dev, DOMUS_A_DEV_FD, 1000);
	refuse(DOMUS_CMD_DEV_NEW, EBADF, "FD that is not open");
	new_of_file(open("/dev/null", O_RDWR), EBADF, "a character device");
	new_of_file(open("/dev/domus", O_RDWR), EBADF, "/dev/domus");
	new_of_file(open("/", O_RDONLY), EBADF, "a directory");
	new_of_file(open_socket(), EBADF, "a socket");
	new_of_file(again(O_PATH), EBADF, "open as a path only");
	new_of_file(again(O_WRONLY), EBADF, "not open for reading");
	new_of_file(again(O_RDONLY), EBADF, "not open for writing");
	new_of_file(again(O_RDWR | O_APPEND), EBADF, "open for appending");
	new_of_file(sized(0), EINVAL, "empty");
	new_of_file(sized(511), EINVAL, "less than a sector");
	new_of_file(sized(1000), EINVAL, "no multiple of a sector");
}

/* ---- 3. The others -------------------------------------------------------------- */

static void with32(uint8_t command, uint16_t type, uint32_t value, int err, const char *name)
{
	dev_named("d");
	put32(&dev, type, value);
	refuse(command, err, name);
}

static void with64(uint8_t command, uint16_t type, uint64_t value, int err, const char *name)
{
	dev_named("d");
	put64(&dev, type, value);
	refuse(command, err, name);
}

static void test_others(void)
{
	static const uint8_t commands[] = { DOMUS_CMD_DEV_DEL, DOMUS_CMD_DEV_SET };
	struct message m;

	for (size_t i = 0; i < sizeof(commands); i++) {
		m = begin(family, commands[i], 0);
		put_text(&m, DOMUS_A_NAME, "dev");
		refused(&m, EINVAL, "without DEV");
		dev = begin(0, 0, 0);
		refuse(commands[i], EINVAL, "without DEV_NAME");
		dev_named("none");
		refuse(commands[i], ENOENT, "no such device");
		dev_named("");
		refuse(commands[i], ENOENT, "no name at all");
		m = wrap(commands[i], "nobody", NLA_F_NESTED);
		refused(&m, ENOENT, "of no domain");
		with32(commands[i], DOMUS_A_DEV_FD, 1, EINVAL, "an attribute of DEV_NEW");
		with32(commands[i], DOMUS_A_DEV_MAX + 1, 1, EINVAL, "an unknown attribute");
	}
	with32(DOMUS_CMD_DEV_DEL, DOMUS_A_DEV_TIMEOUT_MS, DOMUS_DEV_TIMEOUT_MS_MAX + 1, ERANGE,
	       "a timeout that is too long");
	with32(DOMUS_CMD_DEV_DEL, DOMUS_A_DEV_FORCE, 1, ERANGE, "a flag with a value");
	with64(DOMUS_CMD_DEV_SET, DOMUS_A_DEV_RATE_BYTES, DOMUS_DEV_RATE_MAX + 1, ERANGE,
	       "a rate that is too high");
	with64(DOMUS_CMD_DEV_SET, DOMUS_A_DEV_SIZE, 0, ERANGE, "size 0");
	with64(DOMUS_CMD_DEV_SET, DOMUS_A_DEV_SIZE, 511, ERANGE, "size 511");
	with64(DOMUS_CMD_DEV_SET, DOMUS_A_DEV_SIZE, UINT64_MAX, ERANGE, "size -1");
	m = begin(family, DOMUS_CMD_DEV_GET, NLM_F_DUMP);
	put_text(&m, DOMUS_A_NAME, "nobody");
	refused(&m, ENOENT, "DEV_GET of no domain");
	dev_named("d");
	m = wrap(DOMUS_CMD_DEV_GET, "dev", NLA_F_NESTED);
	m.nh.nlmsg_flags |= NLM_F_DUMP;
	refused(&m, EINVAL, "DEV_GET with DEV");
	m = begin(family, DOMUS_CMD_DEV_GET, 0);
	put_text(&m, DOMUS_A_NAME, "dev");
	ok(talk(&m, &(struct answer) { 0 }) == -EOPNOTSUPP, "DEV_GET is a dump only");
}

/* ---- 4. What works ---------------------------------------------------------------- */

static void test_life(void)
{
	static struct answer answer;

	ok(count(&answer) == 0, "after all that there is no device");
	dev_disk("d");
	put32(&dev, DOMUS_A_DEV_QUEUES, DOMUS_DEV_QUEUES_MAX);
	put32(&dev, DOMUS_A_DEV_QUEUE_SIZE, 2);
	put64(&dev, DOMUS_A_DEV_RATE_BYTES, DOMUS_DEV_RATE_MAX);
	ok(!ask(DOMUS_CMD_DEV_NEW), "DEV_NEW");
	refuse(DOMUS_CMD_DEV_NEW, EBUSY, "the image is in use");
	ok(count(&answer) == 1 && number_of(&answer, DOMUS_A_DEV_SIZE) == MIB &&
	   number_of(&answer, DOMUS_A_DEV_KIND) == DOMUS_DEV_KIND_BLK &&
	   number_of(&answer, DOMUS_A_DEV_STATUS) == 0 &&
	   number_of(&answer, DOMUS_A_DEV_RATE_BYTES) == DOMUS_DEV_RATE_MAX &&
	   number_of(&answer, DOMUS_A_DEV_RATE_OPS) == 0 &&
	   !of_dev(&answer, DOMUS_A_DEV_BROKEN) && of_dev(&answer, DOMUS_A_DEV_COUNTER) &&
	   !strcmp(get_text(&answer, DOMUS_A_NAME), "dev"), "DEV_GET");
	dev_named("d");
	put64(&dev, DOMUS_A_DEV_RATE_OPS, 5);
	ok(!ask(DOMUS_CMD_DEV_SET) && count(&answer) == 1 &&
	   number_of(&answer, DOMUS_A_DEV_RATE_BYTES) == DOMUS_DEV_RATE_MAX &&
	   number_of(&answer, DOMUS_A_DEV_RATE_OPS) == 5, "DEV_SET changes what it says");
	dev_named("d");
	put64(&dev, DOMUS_A_DEV_SIZE, 1000);
	put64(&dev, DOMUS_A_DEV_RATE_OPS, 9);
	refuse(DOMUS_CMD_DEV_SET, EINVAL, "a size that is no multiple of a sector");
	ok(count(&answer) == 1 && number_of(&answer, DOMUS_A_DEV_SIZE) == MIB &&
	   number_of(&answer, DOMUS_A_DEV_RATE_OPS) == 5 && lseek(image, 0, SEEK_END) == MIB,
	   "and nothing of it is done");
	dev_named("d");
	put64(&dev, DOMUS_A_DEV_SIZE, 2 * MIB);
	ok(!ask(DOMUS_CMD_DEV_SET) && lseek(image, 0, SEEK_END) == 2 * MIB &&
	   count(&answer) == 1 && number_of(&answer, DOMUS_A_DEV_SIZE) == 2 * MIB,
	   "DEV_SIZE makes the file that size");
	dev_disk("e");
	put32(&dev, DOMUS_A_DEV_FLAGS, DOMUS_DEV_FLAG_SHARED);
	refuse(DOMUS_CMD_DEV_NEW, EBUSY, "the image is in use, and not shared");
	dev_disk("e");
	put32(&dev, DOMUS_A_DEV_FLAGS, DOMUS_DEV_FLAG_FORCE);
	ok(!ask(DOMUS_CMD_DEV_NEW) && count(&answer) == 2 &&
	   number_of(&answer, DOMUS_A_DEV_FLAGS) == (DOMUS_DEV_FLAG_SHARED | DOMUS_DEV_FLAG_FORCE),
	   "FLAG_FORCE: it is had, and shared");
	dev_disk("f");
	refuse(DOMUS_CMD_DEV_NEW, EBUSY, "the next one is not forced");
	dev_named("e");
	ok(!ask(DOMUS_CMD_DEV_DEL) && count(&answer) == 1, "DEV_DEL of the forced one");
	dev_named("d");
	ok(!ask(DOMUS_CMD_DEV_SET), "DEV_SET of nothing");
	ok(!ask(DOMUS_CMD_DEV_DEL) && count(&answer) == 0, "DEV_DEL");
	refuse(DOMUS_CMD_DEV_DEL, ENOENT, "twice");
	dev_disk("d");
	put32(&dev, DOMUS_A_DEV_FLAGS, DOMUS_DEV_FLAGS);
	ok(!ask(DOMUS_CMD_DEV_NEW) && count(&answer) == 1 &&
	   number_of(&answer, DOMUS_A_DEV_FLAGS) == DOMUS_DEV_FLAGS, "all flags");
	dev_named("d");
	put(&dev, DOMUS_A_DEV_FORCE, "", 0);
	ok(!ask(DOMUS_CMD_DEV_DEL) && count(&answer) == 0, "DEV_DEL, forced");
}

/* More than one message holds. */
static void test_many(void)
{
	static struct answer answer;
	bool good = true;
	char name[16];

	for (int i = 0; i < DOMUS_MAX_DEVICES; i++) {
		snprintf(name, sizeof(name), "d%d", i);
		dev_disk(name);
		put32(&dev, DOMUS_A_DEV_FLAGS, DOMUS_DEV_FLAG_READONLY);
		put32(&dev, DOMUS_A_DEV_QUEUES, DOMUS_DEV_QUEUES_MAX);
		good &= !ask(DOMUS_CMD_DEV_NEW);
	}
	ok(good && count(&answer) == DOMUS_MAX_DEVICES &&
	   number_of(&answer, DOMUS_A_DEV_SLOT) == DOMUS_MAX_DEVICES - 1,
	   "a dump of %d devices", DOMUS_MAX_DEVICES);
	dev_disk("more");
	put32(&dev, DOMUS_A_DEV_FLAGS, DOMUS_DEV_FLAG_READONLY);
	refuse(DOMUS_CMD_DEV_NEW, ENOSPC, "one more");
	for (int i = 0; i < DOMUS_MAX_DEVICES - 1; i++) {
		snprintf(name, sizeof(name), "d%d", i);
		dev_named(name);
		good &= !ask(DOMUS_CMD_DEV_DEL);
	}
	ok(good && count(&answer) == 1, "a dump that begins with empty slots");
	snprintf(name, sizeof(name), "d%d", DOMUS_MAX_DEVICES - 1);
	dev_named(name);
	ok(!ask(DOMUS_CMD_DEV_DEL) && count(&answer) == 0, "all gone");
}

/* ---- 5. Who may see what ------------------------------------------------------------ */

static bool sees_nothing(void)
{
	static struct answer answer;
	int good = count(&answer) == 0;

	dev_disk("mine");
	good &= ask(DOMUS_CMD_DEV_NEW) == -ENOENT;
	dev_named("d");
	return good && ask(DOMUS_CMD_DEV_DEL) == -ENOENT && ask(DOMUS_CMD_DEV_SET) == -ENOENT;
}

/* The socket is root's, who uses it is not. */
static bool borrowed_socket(void *arg)
{
	(void)arg;
	sock = open_socket();
	return !setresuid(NOBODY, NOBODY, NOBODY) && sees_nothing();
}

/* The socket is nobody's, and root is made to write to it. */
static bool lent_socket(void *arg)
{
	(void)arg;
	if (setresuid(NOBODY, NOBODY, 0))
		return false;
	sock = open_socket();
	return !setresuid(0, 0, 0) && sees_nothing();
}

static void test_visibility(void)
{
	static struct answer answer;

	dev_disk("d");
	ok(!ask(DOMUS_CMD_DEV_NEW), "a device of root's");
	ok(child_says(borrowed_socket, NULL), "another user with root's socket sees nothing");
	ok(child_says(lent_socket, NULL), "root with another user's socket sees nothing");
	ok(count(&answer) == 1, "and it is there still");
}

/* ---- 6. Random messages -------------------------------------------------------------- */

static uint64_t rnd(void)
{
	static uint64_t state = 88172645463325252ULL;

	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return state;
}

/* Never an answer that does not come. */
static void test_random(int number)
{
	static struct answer answer;
	unsigned int silent = 0;
	struct message m;

	for (int i = 0; i < number; i++) {
		if (rnd() % 4)
			dev_disk("d");
		else
			dev_named("d");
		for (uint64_t n = rnd() % 3; n; n--)
			put64(&dev, rnd() % (DOMUS_A_DEV_MAX + 2), rnd() >> rnd() % 64);
		m = wrap(DOMUS_CMD_DEV_NEW + rnd() % 3, "dev", NLA_F_NESTED);
		for (uint64_t n = rnd() % 4; n; n--)
			m.data[rnd() % (m.nh.nlmsg_len - NLMSG_HDRLEN - GENL_HDRLEN)] ^=
				(char)(1 << rnd() % 8);
		silent += talk(&m, &answer) == -EPIPE;
	}
	ok(!silent, "%d random messages: all were answered", number);
	ok(count(&answer) <= DOMUS_MAX_DEVICES, "and devices can be listed");
}

int main(int argc, char **argv)
{
	puts("KTAP version 1");
	sock = open_socket();
	image = memfd_create("image", MFD_CLOEXEC);
	if (ftruncate(image, MIB) || !resolve() || !make_domain()) {
		puts("Bail out! no module, or no root");
		return 1;
	}
	test_missing();
	test_new_values();
	test_files();
	test_others();
	test_life();
	test_many();
	test_visibility();
	test_random(argc > 1 ? atoi(argv[1]) : 2000);
	printf("1..%d\n", results);
	return failures != 0;
}
