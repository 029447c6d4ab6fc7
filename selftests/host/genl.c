// SPDX-License-Identifier: GPL-2.0-only
/*
 * The module's control from below: raw generic netlink, as KTAP.
 *
 *   1. a domain that is only made, never started
 *   2. DOMAIN_NEW: everything that must be refused
 *   3. the other commands
 *   4. who may see what
 *   5. events
 *      several in one send
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
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <asm/domus_guest.h>

#include "messages.h"

#define MIB (1024UL * 1024)
#define NOBODY 65534

/* ---- 1. A domain ---------------------------------------------------------- */

#define MEMORY_SIZE (4 * MIB)

static int device;
static char *memory;

struct slot {
	uint64_t gpa, size, hva;
	unsigned int without;	/* bit n: leave attribute n out */
};

static void put_slot(struct message *m, uint16_t flag, const struct slot *s)
{
	struct message inner = begin(0, 0, 0);

	if (!(s->without & 1 << DOMUS_A_SLOT_GPA))
		put64(&inner, DOMUS_A_SLOT_GPA, s->gpa);
	if (!(s->without & 1 << DOMUS_A_SLOT_SIZE))
		put64(&inner, DOMUS_A_SLOT_SIZE, s->size);
	if (!(s->without & 1 << DOMUS_A_SLOT_HVA))
		put64(&inner, DOMUS_A_SLOT_HVA, s->hva);
	put(m, DOMUS_A_MEMORY | flag, inner.data,
	    inner.nh.nlmsg_len - NLMSG_HDRLEN - GENL_HDRLEN);
}

/* struct make - a DOMAIN_NEW; zero fields take what is right */
struct make {
	const char *name;
	int fd;
	int vcpus;
	unsigned int without;	/* bit n: leave attribute n out */
	unsigned int slots;
	struct slot slot[10];
	bool plain;		/* MEMORY without the flag that it is nested */
};

static struct message new_message(const struct make *how)
{
	struct message m = begin(family, DOMUS_CMD_DOMAIN_NEW, 0);
	struct slot whole = { .size = MEMORY_SIZE, .hva = (uintptr_t)memory };
	uint16_t flag = how->plain ? 0 : NLA_F_NESTED;

	if (!(how->without & 1 << DOMUS_A_FD))
		put32(&m, DOMUS_A_FD, (uint32_t)(how->fd ? how->fd : device));
	if (!(how->without & 1 << DOMUS_A_NAME))
		put_text(&m, DOMUS_A_NAME, how->name ? how->name : "genl");
	if (!(how->without & 1 << DOMUS_A_VCPUS))
		put32(&m, DOMUS_A_VCPUS, how->vcpus == 0 ? 1 : how->vcpus < 0 ? 0 : how->vcpus);
	if (!(how->without & 1 << DOMUS_A_MEMORY) && !how->slots)
		put_slot(&m, flag, &whole);
	for (unsigned int i = 0; i < how->slots; i++)
		put_slot(&m, flag, &how->slot[i]);
	return m;
}

static int make_domain(const char *name)
{
	struct make how = { .name = name };
	struct message m = new_message(&how);
	static struct answer answer;

	return talk(&m, &answer);
}

static struct message named(uint8_t command, const char *name)
{
	struct message m = begin(family, command, 0);

	put_text(&m, DOMUS_A_NAME, name);
	return m;
}

static int command_on(int fd, uint8_t command, const char *name, struct answer *answer)
{
	struct message m = named(command, name);

	return talk_on(fd, &m, answer);
}

/* ---- 2. DOMAIN_NEW -------------------------------------------------------- */

static void refuse_new(struct make how, int err, const char *name)
{
	struct message m = new_message(&how);

	refused(&m, err, name);
}

static void test_new_attributes(void)
{
	char longest[DOMUS_NAME_MAX + 2] = "";
	struct message m;

	refuse_new((struct make) { .without = 1 << DOMUS_A_FD }, EINVAL, "without FD");
	refuse_new((struct make) { .without = 1 << DOMUS_A_NAME }, EINVAL, "without NAME");
	refuse_new((struct make) { .without = 1 << DOMUS_A_VCPUS }, EINVAL, "without VCPUS");
	refuse_new((struct make) { .without = 1 << DOMUS_A_MEMORY }, EINVAL, "without MEMORY");
	refuse_new((struct make) { .fd = 1 }, EINVAL, "FD is not of /dev/domus");
	refuse_new((struct make) { .fd = 900 }, EBADF, "FD is not open");
	refuse_new((struct make) { .fd = -1 }, ERANGE, "FD beyond INT_MAX");
	refuse_new((struct make) { .vcpus = -1 }, ERANGE, "no vCPU");
	refuse_new((struct make) { .vcpus = 65 }, ERANGE, "65 vCPUs");
	refuse_new((struct make) { .name = "" }, EINVAL, "an empty name");
	refuse_new((struct make) { .name = "a/b" }, EINVAL, "a name with a slash");
	refuse_new((struct make) { .name = ".a" }, EINVAL, "a name that begins with a dot");
	refuse_new((struct make) { .name = "a\nb" }, EINVAL, "a name with a line feed");
	memset(longest, 'n', DOMUS_NAME_MAX + 1);
	refuse_new((struct make) { .name = longest }, EINVAL, "a name of 64 bytes");
	refuse_new((struct make) { .plain = true }, EINVAL, "MEMORY is not marked as nested");
	m = new_message(&(struct make) { .without = 1 << DOMUS_A_NAME });
	put(&m, DOMUS_A_NAME, "abc", 3);
	refused(&m, EINVAL, "a name without its NUL");
	m = new_message(&(struct make) { 0 });
	put32(&m, DOMUS_A_ID, 1);
	refused(&m, EINVAL, "an attribute of other commands");
	m = new_message(&(struct make) { 0 });
	put32(&m, 300, 1);
	refused(&m, EINVAL, "an attribute that does not exist");
	m = new_message(&(struct make) { .without = 1 << DOMUS_A_VCPUS });
	put64(&m, DOMUS_A_VCPUS, 1);
	refused(&m, EINVAL, "an attribute of another size");
}

/* An attribute whose header lies about its length, or that holds itself. */
static void test_malformed(void)
{
	struct slot slot = { .size = MEMORY_SIZE, .hva = (uintptr_t)memory };
	const struct make no_memory = { .without = 1 << DOMUS_A_MEMORY };
	struct message m = new_message(&(struct make) { 0 });
	struct message inner;
	struct nlattr *a;

	m.nh.nlmsg_len -= 4;
	refused(&m, EINVAL, "a message cut in its last attribute");
	m = new_message(&(struct make) { 0 });
	m.nh.nlmsg_len = NLMSG_HDRLEN + GENL_HDRLEN + 2;
	refused(&m, EINVAL, "a message cut in an attribute's header");
	m = new_message(&no_memory);
	put(&m, DOMUS_A_MEMORY | NLA_F_NESTED, NULL, 0);
	refused(&m, EINVAL, "an empty MEMORY");
	m = new_message(&no_memory);
	put(&m, DOMUS_A_MEMORY | NLA_F_NESTED, "abc", 3);
	refused(&m, ERANGE, "MEMORY of three bytes");
	m = new_message(&no_memory);
	put_slot(&m, NLA_F_NESTED, &slot);
	a = (void *)(m.data + m.nh.nlmsg_len - NLMSG_HDRLEN - GENL_HDRLEN - NLA_HDRLEN - 8);
	a->nla_len = 0xffff;
	refused(&m, EINVAL, "a slot's attribute that is longer than the slot");
	a->nla_len = 2;
	refused(&m, EINVAL, "a slot's attribute that is shorter than its header");
	m = new_message(&no_memory);
	inner = begin(0, 0, 0);
	put_slot(&inner, NLA_F_NESTED, &slot);
	put(&m, DOMUS_A_MEMORY | NLA_F_NESTED, inner.data,
	    inner.nh.nlmsg_len - NLMSG_HDRLEN - GENL_HDRLEN);
	refused(&m, EINVAL, "MEMORY inside of MEMORY");
	m = new_message(&(struct make) { .without = 1 << DOMUS_A_VCPUS });
	put32(&m, DOMUS_A_VCPUS | NLA_F_NESTED, 1);
	refused(&m, EINVAL, "a number marked as nested");
	m = begin(family, DOMUS_CMD_DOMAIN_NEW, 0);
	m.gh.version = 200;
	refused(&m, EINVAL, "nothing at all, in another version of the family");
}

/* Where the last page of user space would be: with 5 levels of tables it is far up. */
static uint64_t end_of_space(void)
{
	void *wide = mmap((void *)(1UL << 50), 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	bool five = wide != MAP_FAILED && (uintptr_t)wide >> 47;

	if (wide != MAP_FAILED)
		munmap(wide, 4096);
	return (five ? 1ULL << 56 : 1ULL << 47) - 4096;
}

static void refuse_slot(struct slot slot, int err, const char *name)
{
	struct make how = { .slots = 1 };

	if (!slot.hva)
		slot.hva = (uintptr_t)memory;
	if (!slot.size)
		slot.size = MEMORY_SIZE;
	how.slot[0] = slot;
	refuse_new(how, err, name);
}

static void test_new_slots(void)
{
	struct make how = { .slots = 9 };

	refuse_slot((struct slot) { .without = 1 << DOMUS_A_SLOT_GPA }, EINVAL,
		    "a slot without GPA");
	refuse_slot((struct slot) { .without = 1 << DOMUS_A_SLOT_SIZE }, EINVAL,
		    "a slot without SIZE");
	refuse_slot((struct slot) { .without = 1 << DOMUS_A_SLOT_HVA }, EINVAL,
		    "a slot without HVA");
	refuse_slot((struct slot) { .size = 1 }, ERANGE, "a slot of a byte");
	refuse_slot((struct slot) { .size = MEMORY_SIZE + 1 }, EINVAL, "a misaligned size");
	refuse_slot((struct slot) { .size = 4096 }, EINVAL, "less memory than 1 MiB");
	refuse_slot((struct slot) { .size = DOMUS_MEMORY_MAX + 4096 }, ERANGE,
		    "more memory than 4 TiB");
	refuse_slot((struct slot) { .size = ~0ULL }, ERANGE, "a size of 2^64 - 1");
	refuse_slot((struct slot) { .gpa = 4096 }, EINVAL, "a misaligned guest address");
	refuse_slot((struct slot) { .gpa = DOMUS_MEMORY_MAX }, EINVAL,
		    "a slot that ends beyond 4 TiB");
	refuse_slot((struct slot) { .gpa = ~0ULL << 21 }, ERANGE, "a slot at the end of it all");
	refuse_slot((struct slot) { .hva = (uintptr_t)memory + 8 }, EINVAL,
		    "a misaligned host address");
	refuse_slot((struct slot) { .hva = 0xffffffff81000000ULL }, EINVAL,
		    "host memory of the kernel");
	refuse_slot((struct slot) { .hva = end_of_space() }, EINVAL,
		    "host memory that runs into the kernel's");
	refuse_slot((struct slot) { .hva = ~0ULL << 12 }, EINVAL, "host memory that wraps");
	for (unsigned int i = 0; i < 9; i++)
		how.slot[i] = (struct slot) { .gpa = i * 2 * MIB, .size = MIB / 4,
					      .hva = (uintptr_t)memory };
	refuse_new(how, ENOSPC, "nine slots");
	how.slots = 2;
	how.slot[1].gpa = 0;
	refuse_new(how, EINVAL, "less memory than 1 MiB in two slots");
	how.slot[0].size = 2 * MIB;
	how.slot[1].size = 2 * MIB;
	refuse_new(how, EINVAL, "slots that overlap");
	how.slot[0].gpa = 4 * MIB;
	refuse_new(how, EINVAL, "slots in descending order");
}

/* ---- 3. Other commands ---------------------------------------------------- */

static struct message start_message(uint16_t without, uint16_t change, uint64_t value)
{
	struct message m = named(DOMUS_CMD_DOMAIN_START, "genl");
	static const struct {
		uint16_t type;
		uint64_t value;
	} wide[] = {
		{ DOMUS_A_FEATURES, 0 }, { DOMUS_A_START_RIP, 0xffffffff80200000 },
		{ DOMUS_A_START_RSI, 0 }, { DOMUS_A_ROOT_GPA, 0x1000 },
		{ DOMUS_A_HYPERCALL_GPA, 0x2000 }, { DOMUS_A_VCPU_PAGE_GPA, 0x3000 },
		{ DOMUS_A_EVENT_PAGE_GPA, 0x4000 },
	};

	if (without != DOMUS_A_ABI_GUEST)
		put32(&m, DOMUS_A_ABI_GUEST, change == DOMUS_A_ABI_GUEST ? (uint32_t)value :
		      DOMUS_ABI_MAJOR << 16);
	for (size_t i = 0; i < sizeof(wide) / sizeof(*wide); i++)
		if (wide[i].type != without)
			put64(&m, wide[i].type,
			      wide[i].type == change ? value : wide[i].value);
	return m;
}

static void refuse_start(uint16_t without, uint16_t change, uint64_t value, int err,
			 const char *name)
{
	struct message m = start_message(without, change, value);

	refused(&m, err, name);
}

static void test_start(void)
{
	static const uint16_t all[] = {
		DOMUS_A_ABI_GUEST, DOMUS_A_FEATURES, DOMUS_A_START_RIP, DOMUS_A_START_RSI,
		DOMUS_A_ROOT_GPA, DOMUS_A_HYPERCALL_GPA, DOMUS_A_VCPU_PAGE_GPA,
		DOMUS_A_EVENT_PAGE_GPA,
	};
	static const uint16_t pages[] = {
		DOMUS_A_ROOT_GPA, DOMUS_A_HYPERCALL_GPA, DOMUS_A_VCPU_PAGE_GPA,
		DOMUS_A_EVENT_PAGE_GPA,
	};
	static const uint64_t wrong[] = {
		MEMORY_SIZE, MEMORY_SIZE - 8, 0x1008, ~0ULL, ~0ULL << 12, 1ULL << 63,
	};
	char name[64];

	/* netlink does not wait for memory, which might never come */
	for (size_t i = 1; i < sizeof(pages) / sizeof(*pages); i++) {
		memset(memory, 0, MEMORY_SIZE);
		madvise(memory + (i + 1) * 4096, 4096, MADV_DONTNEED);
		snprintf(name, sizeof(name), "START, what attribute %u names is not there",
			 pages[i]);
		refuse_start(0, 0, 0, EAGAIN, name);
	}
	memset(memory, 0, MEMORY_SIZE);
	for (size_t i = 0; i < sizeof(all) / sizeof(*all); i++) {
		snprintf(name, sizeof(name), "START without attribute %u", all[i]);
		refuse_start(all[i], 0, 0, EINVAL, name);
	}
	refuse_start(0, DOMUS_A_ABI_GUEST, 2 << 16, EPROTO, "START of ABI 2.0");
	refuse_start(0, DOMUS_A_ABI_GUEST, 1 << 16 | 9, EPROTO, "START of ABI 1.9");
	refuse_start(0, DOMUS_A_FEATURES, 1ULL << 63, EOPNOTSUPP, "START with feature 63");
	for (size_t i = 0; i < sizeof(pages) / sizeof(*pages); i++)
		for (size_t j = 0; j < sizeof(wrong) / sizeof(*wrong); j++) {
			snprintf(name, sizeof(name), "START with attribute %u = %#llx", pages[i],
				 (unsigned long long)wrong[j]);
			refuse_start(0, pages[i], wrong[j], wrong[j] % 4096 ? EINVAL : EFAULT,
				     name);
		}
	refuse_start(0, DOMUS_A_START_RIP, 1ULL << 63, EINVAL, "START at a non-canonical address");
}

static void test_which(void)
{
	static const uint8_t commands[] = {
		DOMUS_CMD_DOMAIN_RESET, DOMUS_CMD_DOMAIN_DEL, DOMUS_CMD_DOMAIN_GET,
	};
	static struct answer answer;
	struct message m;
	uint32_t id;

	for (size_t i = 0; i < sizeof(commands); i++) {
		m = begin(family, commands[i], 0);
		refused(&m, EINVAL, "neither NAME nor ID");
		m = named(commands[i], "genl");
		put32(&m, DOMUS_A_ID, 1);
		refused(&m, EINVAL, "NAME and ID");
		m = named(commands[i], "nobody");
		refused(&m, ENOENT, "an unknown NAME");
		m = begin(family, commands[i], 0);
		put32(&m, DOMUS_A_ID, 0);
		refused(&m, ENOENT, "ID 0");
		m = named(commands[i], "genl");
		put32(&m, DOMUS_A_VCPUS, 1);
		refused(&m, EINVAL, "an attribute of DOMAIN_NEW");
	}
	ok(!command_on(sock, DOMUS_CMD_DOMAIN_GET, "genl", &answer) && answer.messages == 1 &&
	   get32(&answer, DOMUS_A_STATE) == DOMUS_STATE_NEW &&
	   get32(&answer, DOMUS_A_PID) == (uint32_t)getpid() &&
	   get32(&answer, DOMUS_A_VCPUS) == 1 && get32(&answer, DOMUS_A_UID) == 0 &&
	   !strcmp(get_text(&answer, DOMUS_A_NAME), "genl"), "GET by name");
	id = get32(&answer, DOMUS_A_ID);
	m = begin(family, DOMUS_CMD_DOMAIN_GET, 0);
	put32(&m, DOMUS_A_ID, id);
	ok(!talk(&m, &answer) && get32(&answer, DOMUS_A_ID) == id, "GET by id");
	m = begin(family, DOMUS_CMD_DOMAIN_GET, NLM_F_DUMP);
	ok(!talk(&m, &answer) && answer.messages == 1, "GET as a dump");
	m = begin(family, DOMUS_CMD_VCPU_GET, NLM_F_DUMP);
	put32(&m, DOMUS_A_ID, id);
	ok(!talk(&m, &answer) && answer.messages == 1 &&
	   find(answer.data, answer.size, DOMUS_A_VCPU), "VCPU_GET of one domain");
	m = begin(family, DOMUS_CMD_VCPU_GET, NLM_F_DUMP);
	put32(&m, DOMUS_A_ID, id + 1);
	refused(&m, ENOENT, "VCPU_GET of an unknown domain");
	m = named(DOMUS_CMD_DOMAIN_GET, "genl");
	m.nh.nlmsg_flags |= NLM_F_DUMP;
	put32(&m, DOMUS_A_ID, id);
	refused(&m, EINVAL, "a dump with NAME and ID");
	m = begin(family, DOMUS_CMD_DOMAIN_GET, NLM_F_DUMP);
	put32(&m, DOMUS_A_VCPUS, 1);
	refused(&m, EINVAL, "a dump with an unknown attribute");
	m = begin(family, DOMUS_CMD_INFO_GET, 0);
	ok(!talk(&m, &answer) && get32(&answer, DOMUS_A_ABI_HOST) == DOMUS_HOST_ABI &&
	   get32(&answer, DOMUS_A_MAX_VCPUS) == DOMUS_MAX_VCPUS, "INFO_GET");
	put32(&m, DOMUS_A_ID, 1);
	refused(&m, EINVAL, "INFO_GET with an attribute");
	m = begin(family, DOMUS_CMD_DOMAIN_NTF, 0);
	ok(talk(&m, &answer) == -EOPNOTSUPP, "the event is no command");
	m = begin(family, DOMUS_CMD_MAX + 1, 0);
	ok(talk(&m, &answer) == -EOPNOTSUPP, "a command that does not exist");
}

/* In a child: the file is open here too, but the memory is not the domain's. */
static bool not_holder(void *arg)
{
	struct message start = start_message(0, 0, 0);
	struct domus_run run = { 0 };
	static struct answer answer;
	int own = open_socket();
	bool good;

	(void)arg;
	good = talk_on(own, &start, &answer) == -EIO && *answer.text &&
	       command_on(own, DOMUS_CMD_DOMAIN_RESET, "genl", &answer) == -EIO && *answer.text;
	return good && ioctl(device, DOMUS_IOC_RUN, &run) < 0 && errno == EIO;
}

static void test_ioctls(void)
{
	struct domus_run beyond = { .vcpu = 1 };
	struct domus_run far = { .vcpu = ~0U };
	struct domus_run reserved = { .reserved = { 0, 0, 1 } };

	ok(ioctl(device, DOMUS_IOC_VERSION) == DOMUS_HOST_ABI, "VERSION");
	ok(ioctl(device, DOMUS_IOC_RUN, &beyond) < 0 && errno == EINVAL, "RUN of a vCPU too many");
	ok(ioctl(device, DOMUS_IOC_RUN, &far) < 0 && errno == EINVAL, "RUN of vCPU 2^32 - 1");
	ok(ioctl(device, DOMUS_IOC_RUN, &reserved) < 0 && errno == EINVAL,
	   "RUN with a reserved field set");
	ok(ioctl(device, DOMUS_IOC_RUN, NULL) < 0 && errno == EFAULT, "RUN without an argument");
	ok(ioctl(device, _IO('D', 0x7f)) < 0 && errno == ENOTTY, "an unknown ioctl");
}

/* A second name, a second domain, a second holder. */
static bool same_name(void *arg)
{
	(void)arg;
	sock = open_socket();
	device = open("/dev/domus", O_RDWR | O_NONBLOCK);
	return make_domain("genl") == -EEXIST && !make_domain("other");
}

static void test_doubles(void)
{
	int first = device;
	int other = open("/dev/domus", O_RDWR | O_NONBLOCK);
	struct message m = new_message(&(struct make) { .name = "more" });

	refused(&m, EBUSY, "a second domain on one file");
	device = other;
	m = new_message(&(struct make) { .name = "more" });
	refused(&m, EBUSY, "a second domain in one process");
	device = first;
	close(other);
	ok(child_says(same_name, NULL), "another process: a taken name is refused, another works");
}

/* A process that makes a domain and waits for its end. Return: it, or -1. */
static pid_t hold_domain(uid_t user, unsigned int number, int *err, char *text, size_t size)
{
	static struct answer answer;
	struct message m;
	char name[16];
	int fds[2];
	pid_t pid;

	if (pipe(fds))
		return -1;
	fflush(stdout);
	pid = fork();
	if (pid) {
		close(fds[1]);
		if (read(fds[0], &answer, sizeof(answer.err) + sizeof(answer.text)) <= 0)
			answer.err = -EPIPE;
		close(fds[0]);
		*err = answer.err;
		snprintf(text, size, "%s", answer.text);
		return pid;
	}
	if (setresuid(user, user, user))
		_exit(1);
	sock = open_socket();
	device = open("/dev/domus", O_RDWR | O_NONBLOCK);
	snprintf(name, sizeof(name), "limit-%u", number);
	m = new_message(&(struct make) { .name = name });
	talk(&m, &answer);
	if (write(fds[1], &answer, sizeof(answer.err) + sizeof(answer.text)) > 0)
		pause();
	_exit(1);
}

static void end_all(const pid_t *pids, unsigned int n)
{
	for (unsigned int i = 0; i < n; i++) {
		kill(pids[i], SIGKILL);
		waitpid(pids[i], NULL, 0);
	}
}

/* Another user cannot take them all. */
static void test_user_limit(void)
{
	static pid_t pids[DOMUS_DOMAINS_MAX + 1];
	char text[512] = "";
	unsigned int n = 0;
	struct stat st = { 0 };
	int err = 0;

	if (stat("/dev/domus", &st) || chmod("/dev/domus", 0666))
		err = -errno;
	while (n < DOMUS_DOMAINS_MAX && !err) {
		pids[n] = hold_domain(NOBODY, n, &err, text, sizeof(text));
		n++;
	}
	ok(n == 65 && err == -ENOSPC, "domain %u of a user is refused: %s", n, text);
	pids[n] = hold_domain(0, n, &err, text, sizeof(text));
	ok(!err, "root can make one");
	end_all(pids, n + 1);
	(void)chmod("/dev/domus", st.st_mode & 07777);
}

/* As many as there may be, one more, one less, one again. */
static void test_limit(void)
{
	struct message m = begin(family, DOMUS_CMD_DOMAIN_GET, NLM_F_DUMP);
	static pid_t pids[DOMUS_DOMAINS_MAX + 2];
	static struct answer answer;
	char text[512] = "";
	unsigned int n = 0;
	int err = 0;

	while (n <= DOMUS_DOMAINS_MAX && !err) {
		pids[n] = hold_domain(0, n, &err, text, sizeof(text));
		n++;
	}
	ok(n == DOMUS_DOMAINS_MAX + 1 && err == -ENOSPC &&
	   !strcmp(text, "this host has its 256 domains, the most that it can have"),
	   "domain %u is refused: %s", n, text);
	ok(!talk(&m, &answer) && answer.messages == DOMUS_DOMAINS_MAX, "all others are listed");
	kill(pids[0], SIGKILL);
	waitpid(pids[0], NULL, 0);
	pids[0] = hold_domain(0, n, &err, text, sizeof(text));
	ok(!err, "one is ended: its place is free");
	end_all(pids, n);
	m = begin(family, DOMUS_CMD_DOMAIN_GET, NLM_F_DUMP);
	ok(!talk(&m, &answer) && !answer.messages, "all are ended: none is left");
}

static void test_death(void)
{
	char reason[DOMUS_DEL_REASON_MAX + 2];
	static struct answer answer;
	struct domus_run run = { 0 };
	struct message m;

	memset(reason, 'x', sizeof(reason) - 1);
	reason[sizeof(reason) - 1] = '\0';
	m = named(DOMUS_CMD_DOMAIN_DEL, "genl");
	put_text(&m, DOMUS_A_REASON, reason);
	refused(&m, EINVAL, "DEL with a reason of 256 bytes");
	m = named(DOMUS_CMD_DOMAIN_DEL, "genl");
	put_text(&m, DOMUS_A_REASON, "%s%n 100%");
	ok(!talk(&m, &answer), "DEL");
	ok(!command_on(sock, DOMUS_CMD_DOMAIN_GET, "genl", &answer) &&
	   get32(&answer, DOMUS_A_STATE) == DOMUS_STATE_DEAD &&
	   get32(&answer, DOMUS_A_REASON_CODE) == DOMUS_REASON_DESTROYED &&
	   !strcmp(get_text(&answer, DOMUS_A_REASON), "destroyed by user 0: %s%n 100%"),
	   "GET tells the reason");
	ok(!command_on(sock, DOMUS_CMD_DOMAIN_DEL, "genl", &answer) &&
	   !command_on(sock, DOMUS_CMD_DOMAIN_GET, "genl", &answer) &&
	   !strcmp(get_text(&answer, DOMUS_A_REASON), "destroyed by user 0: %s%n 100%"),
	   "DEL of a dead domain: done, the first reason stays");
	m = start_message(0, 0, 0);
	ok(talk(&m, &answer) < 0 && *answer.text, "START of a dead domain is refused");
	ok(command_on(sock, DOMUS_CMD_DOMAIN_RESET, "genl", &answer) < 0 && *answer.text,
	   "RESET of a dead domain is refused");
	ok(!ioctl(device, DOMUS_IOC_RUN, &run) && run.exit == DOMUS_EXIT_DEAD,
	   "RUN of a dead domain returns");
	ok(read(device, reason, sizeof(reason)) == 0, "read: the end");
	ok(write(device, "x", 1) < 0, "write is refused");
	close(device);
	ok(command_on(sock, DOMUS_CMD_DOMAIN_GET, "genl", &answer) == -ENOENT,
	   "closed: it is gone");
}

/* Most of it is never touched, and costs the kernel next to nothing. */
static bool makes_largest(void *arg)
{
	void *area = mmap(NULL, DOMUS_MEMORY_MAX, PROT_NONE,
			  MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	struct make how = {
		.name = "largest",
		.slots = 1,
		.slot = { { .size = DOMUS_MEMORY_MAX, .hva = (uintptr_t)area } },
	};
	static struct answer answer;
	struct message m;

	(void)arg;
	sock = open_socket();
	device = open("/dev/domus", O_RDWR);
	m = new_message(&how);
	return area != MAP_FAILED && device >= 0 && !talk(&m, &answer);
}

/* ---- 4. Visibility -------------------------------------------------------- */

static bool sees_nothing(int fd)
{
	static struct answer answer;
	struct message m = begin(family, DOMUS_CMD_DOMAIN_GET, NLM_F_DUMP);
	struct message v = begin(family, DOMUS_CMD_VCPU_GET, NLM_F_DUMP);

	return command_on(fd, DOMUS_CMD_DOMAIN_GET, "genl", &answer) == -ENOENT &&
	       command_on(fd, DOMUS_CMD_DOMAIN_DEL, "genl", &answer) == -ENOENT &&
	       command_on(fd, DOMUS_CMD_DOMAIN_RESET, "genl", &answer) == -ENOENT &&
	       !talk_on(fd, &m, &answer) && !answer.messages &&
	       !talk_on(fd, &v, &answer) && !answer.messages;
}

static bool as_nobody(void *arg)
{
	(void)arg;
	return !setresuid(NOBODY, NOBODY, NOBODY) && sees_nothing(open_socket());
}

/* The socket is root's, who uses it is not. */
static bool borrowed_socket(void *arg)
{
	int fd = open_socket();

	(void)arg;
	return !setresuid(NOBODY, NOBODY, NOBODY) && sees_nothing(fd);
}

/* The socket is nobody's, and root is made to write to it. */
static bool lent_socket(void *arg)
{
	int fd;

	(void)arg;
	if (setresuid(NOBODY, NOBODY, 0))
		return false;
	fd = open_socket();
	return !setresuid(0, 0, 0) && sees_nothing(fd);
}

/* root, and CAP_NET_ADMIN, of a namespace that anybody can make. */
static bool own_namespace(void *arg)
{
	(void)arg;
	if (setresuid(NOBODY, NOBODY, NOBODY) || unshare(CLONE_NEWUSER | CLONE_NEWNET))
		return false;
	return sees_nothing(open_socket());
}

static bool may_join(int fd)
{
	return !setsockopt(fd, SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, &group, sizeof(group));
}

static bool joins_as_nobody(void *arg)
{
	(void)arg;
	return !setresuid(NOBODY, NOBODY, NOBODY) && !may_join(open_socket()) && errno == EPERM;
}

static void test_visibility(void)
{
	ok(child_says(as_nobody, NULL), "another user sees and touches nothing");
	ok(child_says(borrowed_socket, NULL), "nor with a socket of root's");
	ok(child_says(lent_socket, NULL), "nor by making root write to his");
	ok(child_says(own_namespace, NULL), "nor as root of a user namespace of his own");
	ok(child_says(joins_as_nobody, NULL), "another user cannot listen to events");
}

/* ---- 5. Events ------------------------------------------------------------ */

/* The next event within a second: its number, or -1. */
static int next_event(int fd, struct answer *answer)
{
	static char buffer[65536];
	struct pollfd p = { .fd = fd, .events = POLLIN };
	struct nlmsghdr *nh = (void *)buffer;
	ssize_t n;

	if (poll(&p, 1, 1000) <= 0)
		return -1;
	n = recv(fd, buffer, sizeof(buffer), 0);
	if (n < NLMSG_HDRLEN + GENL_HDRLEN || nh->nlmsg_type != family ||
	    ((struct genlmsghdr *)NLMSG_DATA(nh))->cmd != DOMUS_CMD_DOMAIN_NTF)
		return -1;
	answer->size = nh->nlmsg_len - NLMSG_HDRLEN - GENL_HDRLEN;
	memcpy(answer->data, (char *)NLMSG_DATA(nh) + GENL_HDRLEN, answer->size);
	return (int)get32(answer, DOMUS_A_EVENT);
}

static bool deaf_namespace(void *arg)
{
	static struct answer answer;
	int *fds = arg;
	char c = 'r';
	int fd;

	if (setresuid(NOBODY, NOBODY, NOBODY) || unshare(CLONE_NEWUSER | CLONE_NEWNET))
		return false;
	fd = open_socket();
	(void)may_join(fd);
	if (write(fds[1], &c, 1) != 1)
		return false;
	return next_event(fd, &answer) == -1 && next_event(fd, &answer) == -1;
}

static void test_events(void)
{
	static struct answer answer;
	int fd = open_socket();
	int fds[2];
	pid_t pid;
	int status;
	int made;
	char c;

	if (!ok(may_join(fd), "root can listen to events") || pipe(fds))
		return;
	fflush(stdout);
	pid = fork();
	if (!pid)
		_exit(deaf_namespace(fds) ? 0 : 1);
	if (read(fds[0], &c, 1) != 1)
		c = 0;
	device = open("/dev/domus", O_RDWR | O_NONBLOCK);
	made = make_domain("event");
	ok(!made && next_event(fd, &answer) == DOMUS_EVENT_CREATED &&
	   !strcmp(get_text(&answer, DOMUS_A_NAME), "event"), "CREATED (%d)", made);
	command_on(sock, DOMUS_CMD_DOMAIN_DEL, "event", &answer);
	ok(next_event(fd, &answer) == DOMUS_EVENT_DIED &&
	   get32(&answer, DOMUS_A_REASON_CODE) == DOMUS_REASON_DESTROYED, "DIED, with its reason");
	close(device);
	ok(next_event(fd, &answer) == DOMUS_EVENT_GONE, "GONE");
	ok(waitpid(pid, &status, 0) == pid && WIFEXITED(status) && !WEXITSTATUS(status),
	   "who is root in a namespace of his own hears nothing");
	close(fd);
}

/* What does something comes alone: others of the host wait for all that is in a send. */
static void test_batch(void)
{
	static const uint8_t commands[] = {
		DOMUS_CMD_DOMAIN_NEW, DOMUS_CMD_DOMAIN_START, DOMUS_CMD_DOMAIN_RESET,
		DOMUS_CMD_DOMAIN_DEL, DOMUS_CMD_DEV_NEW, DOMUS_CMD_DEV_DEL, DOMUS_CMD_DEV_SET,
		DOMUS_CMD_VCPU_SET, DOMUS_CMD_DOMAIN_PAUSE, DOMUS_CMD_DOMAIN_UNPAUSE,
		DOMUS_CMD_LISTEN, DOMUS_CMD_INFO_GET,
	};
	struct message behind = begin(family, DOMUS_CMD_INFO_GET, 0);
	static struct answer answer;

	behind.nh.nlmsg_flags = NLM_F_REQUEST;
	for (size_t i = 0; i < sizeof(commands); i++) {
		struct message m = begin(family, commands[i], 0);
		size_t at = NLMSG_ALIGN(m.nh.nlmsg_len);
		bool may = commands[i] == DOMUS_CMD_INFO_GET;

		memcpy((char *)&m + at, &behind, behind.nh.nlmsg_len);
		talk_sized(sock, &m, at + behind.nh.nlmsg_len, &answer);
		ok(may ? !answer.err : answer.err == -EINVAL && strstr(answer.text, "same send"),
		   "command %u with another behind it: %s", commands[i],
		   may ? "both" : "refused");
	}
}

/* ---- 6. Random messages --------------------------------------------------- */

static uint64_t rnd(void)
{
	static uint64_t state = 88172645463325252ULL;

	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return state;
}

/* Never an answer that does not come, never a domain that stays. */
static void test_random(int count)
{
	static struct answer answer;
	struct message all = begin(family, DOMUS_CMD_DOMAIN_GET, NLM_F_DUMP);
	struct message m;
	unsigned int silent = 0;

	for (int i = 0; i < count; i++) {
		device = open("/dev/domus", O_RDWR | O_NONBLOCK);
		m = rnd() % 2 ? new_message(&(struct make) { .name = "random" }) :
				start_message(0, 0, 0);
		if (rnd() % 4 == 0)
			m.gh.cmd = rnd() % (DOMUS_CMD_MAX + 2);
		for (uint64_t n = rnd() % 6; n; n--)
			m.data[rnd() % (m.nh.nlmsg_len - NLMSG_HDRLEN - GENL_HDRLEN)] ^=
				(char)(1 << rnd() % 8);
		/* The length of the message itself: less than there is. */
		if (rnd() % 8 == 0)
			m.nh.nlmsg_len -= rnd() % (m.nh.nlmsg_len - NLMSG_HDRLEN);
		silent += talk(&m, &answer) == -EPIPE;
		close(device);
	}
	ok(!silent, "%d random messages: all were answered", count);
	ok(!talk(&all, &answer) && !answer.messages, "and no domain stays");
}

int main(int argc, char **argv)
{
	puts("KTAP version 1");
	sock = open_socket();
	memory = mmap(NULL, MEMORY_SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1,
		      0);
	device = open("/dev/domus", O_RDWR | O_NONBLOCK);
	if (device < 0 || !resolve() || memory == MAP_FAILED) {
		puts("Bail out! no module, or no root");
		return 1;
	}
	test_new_attributes();
	test_malformed();
	test_new_slots();
	ok(child_says(makes_largest, NULL), "a domain of 4 TiB, of which nothing is there");
	ok(!make_domain("genl"), "after all that: DOMAIN_NEW works on the same file");
	test_doubles();
	test_which();
	test_start();
	test_ioctls();
	ok(child_says(not_holder, NULL), "START, RESET, RUN: refused to another process");
	test_visibility();
	test_death();
	test_events();
	test_user_limit();
	test_limit();
	test_batch();
	test_random(argc > 1 ? atoi(argv[1]) : 5000);
	printf("1..%d\n", results);
	return failures != 0;
}
