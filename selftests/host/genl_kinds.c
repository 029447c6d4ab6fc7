// SPDX-License-Identifier: GPL-2.0-only
/*
 * Control of devices from below, kind by kind: raw generic netlink, as KTAP. What is
 * refused is refused with the words that say which attribute it was, and its limit.
 *
 *   1. a domain, messages
 *   2. network interfaces
 *   3. entropy, balloon
 *   4. consoles
 *   5. sockets
 *   6. disks
 *   7. what is set, on devices of which kind
 *   8. a domain that ends
 *
 * Needs root, the module, and with --module brd /dev/ram0.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <linux/domus.h>
#include <linux/fs.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <asm/domus_guest.h>

#include "messages.h"

#define MIB (1024UL * 1024)

/* ---- 1. A domain, messages ---------------------------------------------------- */

static int device;	/* holds the domain */

static bool make_domain(const char *name)
{
	struct message m = begin(family, DOMUS_CMD_DOMAIN_NEW, 0);
	struct message slot = begin(0, 0, 0);
	static struct answer answer;
	char *memory = mmap(NULL, 4 * MIB, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
			    -1, 0);

	device = open("/dev/domus", O_RDWR | O_NONBLOCK);
	put64(&slot, DOMUS_A_SLOT_GPA, 0);
	put64(&slot, DOMUS_A_SLOT_SIZE, 4 * MIB);
	put64(&slot, DOMUS_A_SLOT_HVA, (uintptr_t)memory);
	put32(&m, DOMUS_A_FD, (uint32_t)device);
	put_text(&m, DOMUS_A_NAME, name);
	put32(&m, DOMUS_A_VCPUS, 1);
	put(&m, DOMUS_A_MEMORY | NLA_F_NESTED, slot.data,
	    slot.nh.nlmsg_len - NLMSG_HDRLEN - GENL_HDRLEN);
	return !talk(&m, &answer);
}

static struct message dev;	/* what goes into DEV */
static const char *domain = "kinds";

static void dev_of(const char *name, uint32_t kind)
{
	dev = begin(0, 0, 0);
	put_text(&dev, DOMUS_A_DEV_NAME, name);
	if (kind)
		put32(&dev, DOMUS_A_DEV_KIND, kind);
}

static int ask(uint8_t command, struct answer *answer)
{
	struct message m = begin(family, command, 0);

	put_text(&m, DOMUS_A_NAME, domain);
	put(&m, DOMUS_A_DEV | NLA_F_NESTED, dev.data,
	    dev.nh.nlmsg_len - NLMSG_HDRLEN - GENL_HDRLEN);
	return talk(&m, answer);
}

/* What @dev says is refused with these words; NULL: of the kernel's own. */
static void refuse(uint8_t command, int err, const char *text, const char *name)
{
	static struct answer answer;
	int got = ask(command, &answer);

	if (!ok(got == -err && *answer.text && (!text || !strcmp(answer.text, text)),
		"refused: %s", name))
		printf("# got %d (%s), expected %d; text: %s\n", got, strerror(-got), -err,
		       answer.text);
}

static void refuse_new(int err, const char *text, const char *name)
{
	refuse(DOMUS_CMD_DEV_NEW, err, text, name);
}

static void refuse_set(int err, const char *text, const char *name)
{
	refuse(DOMUS_CMD_DEV_SET, err, text, name);
}

static void works(uint8_t command, const char *name)
{
	static struct answer answer;
	int got = ask(command, &answer);

	if (!ok(!got, "%s", name))
		printf("# %s; text: %s\n", strerror(-got), answer.text);
}

static void del(const char *name)
{
	static struct answer answer;

	dev_of(name, 0);
	put(&dev, DOMUS_A_DEV_FORCE, "", 0);
	ok(!ask(DOMUS_CMD_DEV_DEL, &answer), "%s is taken away", name);
}

static unsigned int count(void)
{
	struct message m = begin(family, DOMUS_CMD_DEV_GET, NLM_F_DUMP);
	static struct answer answer;

	return talk(&m, &answer) ? ~0U : answer.messages;
}

/* ---- 2. Network interfaces -------------------------------------------------------- */

static const unsigned char station[6] = { 2, 0, 0, 0, 0, 1 };

static void dev_net(const char *ifname, const void *mac, size_t bytes)
{
	dev_of("n", DOMUS_DEV_KIND_NET);
	if (ifname)
		put_text(&dev, DOMUS_A_DEV_IFNAME, ifname);
	if (mac)
		put(&dev, DOMUS_A_DEV_MAC, mac, bytes);
}

static void net_with(uint16_t type, uint32_t value, int err, const char *text, const char *name)
{
	dev_net("kinds0", station, 6);
	put32(&dev, type, value);
	refuse_new(err, text, name);
}

/* A new process without CAP_NET_ADMIN, and with all else. */
static bool without_net_admin(void *arg)
{
	struct __user_cap_header_struct head = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[2];
	static struct answer answer;

	if (syscall(SYS_capget, &head, data))
		return false;
	data[0].effective &= ~(1U << CAP_NET_ADMIN);
	if (syscall(SYS_capset, &head, data))
		return false;
	dev_net("kinds0", station, 6);
	return ask(DOMUS_CMD_DEV_NEW, &answer) == -EPERM &&
	       !strcmp(answer.text, "a network interface of the host needs CAP_NET_ADMIN");
}

static void test_net(void)
{
	static const char needs[] = "NET needs DEV_MAC and DEV_IFNAME";
	static const char bad_name[] = "not a name for a network device";
	static const char bad_mac[] = "MAC address: not that of one station";
	static const char bad_size[] = "queue-size: a power of two, 16 to 1024";
	static const char *const names[] = { "", ".", "..", "a/b", "a b", "a:b", "a%s%d", "a%x" };
	static const unsigned char zero[6], group_mac[6] = { 1, 0, 0, 0, 0, 1 },
				   all[6] = { 255, 255, 255, 255, 255, 255 };

	dev_net(NULL, station, 6);
	refuse_new(EINVAL, needs, "a NIC without DEV_IFNAME");
	dev_net("kinds0", NULL, 0);
	refuse_new(EINVAL, needs, "a NIC without DEV_MAC");
	dev_net("kinds0", station, 5);
	refuse_new(ERANGE, NULL, "DEV_MAC of 5 bytes");
	dev_net("kinds0", "1234567", 7);
	refuse_new(ERANGE, NULL, "DEV_MAC of 7 bytes");
	dev_net("kinds0", zero, 6);
	refuse_new(EINVAL, bad_mac, "an address of nobody");
	dev_net("kinds0", group_mac, 6);
	refuse_new(EINVAL, bad_mac, "an address of a group");
	dev_net("kinds0", all, 6);
	refuse_new(EINVAL, bad_mac, "an address of all");
	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
		dev_net(names[i], station, 6);
		refuse_new(EINVAL, bad_name, "DEV_IFNAME that is no name");
	}
	dev_net("sixteen-letters-", station, 6);
	refuse_new(EINVAL, NULL, "DEV_IFNAME that is too long");
	dev_net("lo", station, 6);
	refuse_new(EEXIST, "a network device of this name exists", "DEV_IFNAME lo");
	net_with(DOMUS_A_DEV_MTU, 67, ERANGE, NULL, "MTU 67");
	net_with(DOMUS_A_DEV_MTU, 65536, ERANGE, NULL, "MTU 65536");
	net_with(DOMUS_A_DEV_MTU, UINT32_MAX, ERANGE, NULL, "MTU -1");
	net_with(DOMUS_A_DEV_QUEUES, 9, EINVAL, "queues: a network interface has at most 8",
		 "QUEUES 9");
	net_with(DOMUS_A_DEV_QUEUES, 0, ERANGE, NULL, "QUEUES 0");
	net_with(DOMUS_A_DEV_QUEUE_SIZE, 8, EINVAL, bad_size, "QUEUE_SIZE 8");
	net_with(DOMUS_A_DEV_QUEUE_SIZE, 1000, EINVAL, bad_size, "QUEUE_SIZE 1000");
	net_with(DOMUS_A_DEV_QUEUE_SIZE, 2048, ERANGE, NULL, "QUEUE_SIZE 2048");
	ok(child_says(without_net_admin, NULL), "refused: without CAP_NET_ADMIN");
	ok(count() == 0 && access("/sys/class/net/kinds0", F_OK), "and nothing is left of them");

	dev_net("kinds0", station, 6);
	works(DOMUS_CMD_DEV_NEW, "a NIC");
	ok(!access("/sys/class/net/kinds0", F_OK), "the host's end is there");
	dev_net("kinds1", station, 6);
	refuse_new(EEXIST, "MAC address: another interface of a domain has it", "its MAC again");
	dev_net("kinds0", (unsigned char[6]) { 2, 0, 0, 0, 0, 2 }, 6);
	refuse_new(EEXIST, "a network device of this name exists", "its DEV_IFNAME again");
	dev_net("kinds1", (unsigned char[6]) { 2, 0, 0, 0, 0, 2 }, 6);
	refuse_new(EEXIST, "the domain has a device of this name", "its DEV_NAME again");
	ok(access("/sys/class/net/kinds1", F_OK), "of which no host's end is left");
}

/* ---- 3. Entropy, balloon ------------------------------------------------------------ */

/* One of those that all attach a balloon. */
static bool attaches_balloon(unsigned int who)
{
	static struct answer answer;
	char name[8];
	int err;

	sock = open_socket();
	snprintf(name, sizeof(name), "b%u", who);
	dev_of(name, DOMUS_DEV_KIND_BALLOON);
	err = ask(DOMUS_CMD_DEV_NEW, &answer);
	if (err && (err != -EEXIST || strcmp(answer.text, "the domain has a balloon") != 0))
		printf("# %s: %s\n", strerror(-err), answer.text);
	return !err;
}

/* Return: how many of them had it. The balloon is taken away. */
static unsigned int all_at_once(unsigned int all)
{
	static struct answer answer;
	unsigned int made = 0;
	bool has[8];
	char name[8];
	pid_t pids[8];
	int status;

	fflush(stdout);
	for (unsigned int i = 0; i < all; i++) {
		pids[i] = fork();
		if (!pids[i]) {
			status = attaches_balloon(i);
			fflush(stdout);
			_exit(status);
		}
	}
	for (unsigned int i = 0; i < all; i++) {
		if (waitpid(pids[i], &status, 0) != pids[i] || !WIFEXITED(status))
			return 0;
		has[i] = WEXITSTATUS(status);
		made += has[i];
	}
	for (unsigned int i = 0; i < all; i++) {
		if (!has[i])
			continue;
		snprintf(name, sizeof(name), "b%u", i);
		dev_of(name, 0);
		ask(DOMUS_CMD_DEV_DEL, &answer);
	}
	return made;
}

static void test_single(void)
{
	unsigned int round, made = 1;

	for (round = 0; round < 20 && made == 1; round++)
		made = all_at_once(4);
	if (!ok(made == 1, "four ask for a balloon at once: one has it"))
		printf("# %u have it in round %u\n", made, round);
}

static void test_small(void)
{
	dev_of("r", DOMUS_DEV_KIND_RNG);
	works(DOMUS_CMD_DEV_NEW, "entropy");
	refuse_new(EEXIST, "the domain has a device of this name", "the same once more");
	dev_of("b", DOMUS_DEV_KIND_BALLOON);
	put32(&dev, DOMUS_A_DEV_REPORTING, 1);
	refuse_new(ERANGE, NULL, "REPORTING with a value");
	dev_of("b", DOMUS_DEV_KIND_BALLOON);
	put64(&dev, DOMUS_A_DEV_TARGET, MIB);
	refuse_new(EINVAL, NULL, "a balloon with TARGET, which is of DEV_SET");
	dev_of("b", DOMUS_DEV_KIND_BALLOON);
	works(DOMUS_CMD_DEV_NEW, "a balloon");
	dev_of("b2", DOMUS_DEV_KIND_BALLOON);
	refuse_new(EEXIST, "the domain has a balloon", "a second one");
}

/* ---- 4. Consoles ---------------------------------------------------------------------- */

static int listener(int type, bool listens)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, type | SOCK_CLOEXEC, 0);

	/* without a path: autobind */
	if (bind(fd, (struct sockaddr *)&address, sizeof(address.sun_family)) ||
	    (listens && listen(fd, 1)))
		return -1;
	return fd;
}

static void add_port(const char *name, int fd, bool terminal)
{
	struct message port = begin(0, 0, 0);

	if (name)
		put_text(&port, DOMUS_A_PORT_NAME, name);
	if (fd != -2)
		put32(&port, DOMUS_A_PORT_FD, (uint32_t)fd);
	if (terminal)
		put(&port, DOMUS_A_PORT_TERMINAL, "", 0);
	put(&dev, DOMUS_A_DEV_PORT | NLA_F_NESTED, port.data,
	    port.nh.nlmsg_len - NLMSG_HDRLEN - GENL_HDRLEN);
}

static void port_of(const char *name, int fd, int err, const char *text, const char *what)
{
	dev_of("c", DOMUS_DEV_KIND_CONSOLE);
	add_port(name, fd, false);
	refuse_new(err, text, what);
}

static void test_consoles(int good)
{
	static const char not_one[] = "a port needs a UNIX stream socket that listens";
	static const char bad_name[] =
		"port name: letters, digits and ._- only, a letter or digit first";
	static const char needs[] = "a port needs PORT_NAME and PORT_FD";
	char name[16];

	dev_of("c", DOMUS_DEV_KIND_CONSOLE);
	refuse_new(EINVAL, "CONSOLE needs a DEV_PORT", "a console without ports");
	port_of(NULL, good, EINVAL, needs, "a port without PORT_NAME");
	port_of("p", -2, EINVAL, needs, "a port without PORT_FD");
	port_of("p", -1, ERANGE, NULL, "PORT_FD -1");
	port_of("p", 1000, EBADF, "fd: no open file of the asker", "PORT_FD that is not open");
	port_of("p", sock, ENOTSOCK, not_one, "a socket of netlink");
	port_of("p", open("/dev/null", O_RDWR), ENOTSOCK, not_one, "/dev/null");
	port_of("p", open("/dev/domus", O_RDWR), ENOTSOCK, not_one, "/dev/domus");
	port_of("p", listener(SOCK_STREAM, false), ENOTSOCK, not_one, "a socket that is idle");
	port_of("p", listener(SOCK_DGRAM, false), ENOTSOCK, not_one, "a datagram socket");
	port_of("p", listener(SOCK_SEQPACKET, true), ENOTSOCK, not_one, "a socket of packets");
	port_of("", good, EINVAL, bad_name, "a port without a name");
	port_of("a/b", good, EINVAL, bad_name, "a port with a slash");
	port_of("12345678901234567890123456789012345678901234567890", good, EINVAL, NULL,
		"a port's name that is too long");
	dev_of("c", DOMUS_DEV_KIND_CONSOLE);
	add_port("p", good, false);
	add_port("p", good, false);
	refuse_new(EEXIST, "two ports have the same name", "two ports of a name");
	dev_of("c", DOMUS_DEV_KIND_CONSOLE);
	add_port("p", good, false);
	add_port("t", good, true);
	refuse_new(EINVAL, "only the first port of a device can be a terminal",
		   "a second port that is a terminal");
	dev_of("c", DOMUS_DEV_KIND_CONSOLE);
	for (int i = 0; i < DOMUS_DEV_PORTS_MAX + 1; i++) {
		snprintf(name, sizeof(name), "p%d", i);
		add_port(name, good, false);
	}
	refuse_new(E2BIG, "a device has at most 15 ports", "16 ports");
	dev_of("c", DOMUS_DEV_KIND_CONSOLE);
	add_port("p", good, false);
	works(DOMUS_CMD_DEV_NEW, "a console of one port, no terminal");
}

/* ---- 5. Sockets ------------------------------------------------------------------------- */

static uint32_t events[DOMUS_DEV_EVENTFDS];

static void dev_vsock(uint64_t cid, const void *fds, size_t bytes)
{
	dev_of("v", DOMUS_DEV_KIND_VSOCK);
	put64(&dev, DOMUS_A_DEV_CID, cid);
	put(&dev, DOMUS_A_DEV_EVENTFDS, fds, bytes);
}

static bool from_another(void *arg)
{
	static struct answer answer;

	dev_vsock(5, events, sizeof(events));
	return ask(DOMUS_CMD_DEV_NEW, &answer) == -EIO &&
	       !strcmp(answer.text, "only the holder can make a socket device");
}

/* Refused ones are freed late: what they had been given to listen to still speaks. */
static bool speaks_to_the_refused(void)
{
	static struct answer answer;
	uint64_t one = 1;
	int i, k;

	for (i = 0; i < 50; i++) {
		dev_vsock(6, events, sizeof(events));
		if (ask(DOMUS_CMD_DEV_NEW, &answer) != -EEXIST)
			return false;
		for (k = 0; k < DOMUS_DEV_EVENTFDS; k++)
			if (write((int)events[k], &one, sizeof(one)) != sizeof(one))
				return false;
	}
	return true;
}

/* Nothing would obey a limit: its packets are vhost's. @set: of the device that there is. */
static void vsock_rate(bool set, uint16_t type, uint64_t value, size_t bytes, const char *text)
{
	char what[64];

	if (set)
		dev_of("v", 0);
	else
		dev_vsock(5, events, sizeof(events));
	put(&dev, type, &value, bytes);
	snprintf(what, sizeof(what), "attribute %u %s a socket device", type,
		 set ? "of" : "for");
	refuse(set ? DOMUS_CMD_DEV_SET : DOMUS_CMD_DEV_NEW, EOPNOTSUPP, text, what);
}

static void vsock_rates(bool set)
{
	vsock_rate(set, DOMUS_A_DEV_RATE_BYTES, MIB, 8, "rate: a socket device has no limits");
	vsock_rate(set, DOMUS_A_DEV_RATE_BYTES, 0, 8, "rate: a socket device has no limits");
	vsock_rate(set, DOMUS_A_DEV_RATE_OPS, 1000, 8, "ops: a socket device has no limits");
	vsock_rate(set, DOMUS_A_DEV_RATE_BURST_MS, 100, 4, "burst: a socket device has no limits");
}

static void test_vsock(void)
{
	static const uint64_t cids[] = { 0, 1, 2, UINT32_MAX, 1ULL << 32, UINT64_MAX };
	static const char bad_fds[] = "eventfds: five files of the asker that are ones";
	static const char needs[] = "VSOCK needs DEV_CID and DEV_EVENTFDS";
	uint32_t fds[DOMUS_DEV_EVENTFDS + 1];

	for (size_t i = 0; i < DOMUS_DEV_EVENTFDS; i++)
		events[i] = (uint32_t)eventfd(0, EFD_CLOEXEC);
	dev_of("v", DOMUS_DEV_KIND_VSOCK);
	put64(&dev, DOMUS_A_DEV_CID, 5);
	refuse_new(EINVAL, needs, "a socket device without DEV_EVENTFDS");
	dev_of("v", DOMUS_DEV_KIND_VSOCK);
	put(&dev, DOMUS_A_DEV_EVENTFDS, events, sizeof(events));
	refuse_new(EINVAL, needs, "a socket device without DEV_CID");
	for (size_t i = 0; i < sizeof(cids) / sizeof(*cids); i++) {
		dev_vsock(cids[i], events, sizeof(events));
		refuse_new(ERANGE, NULL, "a CID that is none");
	}
	dev_vsock(5, events, sizeof(events) - 4);
	refuse_new(ERANGE, NULL, "four eventfds");
	memcpy(fds, events, sizeof(events));
	dev_vsock(5, fds, sizeof(fds));
	refuse_new(ERANGE, NULL, "six eventfds");
	for (size_t i = 0; i < DOMUS_DEV_EVENTFDS; i++) {
		memcpy(fds, events, sizeof(events));
		fds[i] = (uint32_t)sock;
		dev_vsock(5, fds, sizeof(events));
		refuse_new(EINVAL, bad_fds, "an eventfd that is none");
		fds[i] = 1000;
		dev_vsock(5, fds, sizeof(events));
		refuse_new(EBADF, bad_fds, "an eventfd that is not open");
	}
	ok(child_says(from_another, NULL), "refused: by another process than the holder");
	vsock_rates(false);
	dev_vsock(5, events, sizeof(events));
	works(DOMUS_CMD_DEV_NEW, "a socket device");
	dev_vsock(6, events, sizeof(events));
	refuse_new(EEXIST, "the domain has a socket device", "a second one");
	ok(speaks_to_the_refused(), "eventfds of refused ones");
	vsock_rates(true);
	del("v");
}

/* ---- 6. Disks ----------------------------------------------------------------------------- */

static void dev_disk(const char *name, int fd, uint32_t flags)
{
	dev_of(name, DOMUS_DEV_KIND_BLK);
	put32(&dev, DOMUS_A_DEV_FD, (uint32_t)fd);
	put32(&dev, DOMUS_A_DEV_FLAGS, flags);
}

static int again(int fd, int flags)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	return open(path, flags | O_CLOEXEC);
}

static void test_disks(int image)
{
	int ram = open("/dev/ram0", O_RDWR | O_CLOEXEC), yes = 1, no = 0, alone;

	dev_disk("d", image, 0);
	works(DOMUS_CMD_DEV_NEW, "a disk");
	dev_disk("e", image, 0);
	refuse_new(EBUSY, "another disk writes to this image", "its image, to write");
	dev_disk("e", again(image, O_RDONLY), DOMUS_DEV_FLAG_READONLY);
	refuse_new(EBUSY, "another disk writes to this image", "its image, to read");
	del("d");
	dev_disk("d", again(image, O_RDONLY), DOMUS_DEV_FLAG_READONLY);
	works(DOMUS_CMD_DEV_NEW, "a disk that is read-only");
	dev_disk("e", image, 0);
	refuse_new(EBUSY, "another disk reads this image", "its image, to write");
	dev_of("d", 0);
	put64(&dev, DOMUS_A_DEV_SIZE, MIB);
	refuse_set(EROFS, "size: the disk is read-only", "the size of a read-only disk");
	if (ram < 0)
		return;
	ioctl(ram, BLKROSET, &yes);
	dev_disk("e", ram, 0);
	refuse_new(EROFS, "the block device is read-only", "a read-only block device, to write");
	ioctl(ram, BLKROSET, &no);
	/* the module opens nothing and writes nothing back, which could wait for the device */
	dev_disk("e", ram, 0);
	refuse_new(EBUSY, "a block device that is written to must be open exclusively (O_EXCL)",
		   "a block device that anybody may have");
	alone = open("/dev/ram0", O_RDWR | O_EXCL | O_CLOEXEC);
	dev_disk("e", ram, 0);
	refuse_new(EBUSY, "the block device is in use, perhaps mounted",
		   "a block device that somebody else has");
	ok(pwrite(alone, "domus", 5, 0) == 5, "something is written to it");
	dev_disk("e", alone, 0);
	refuse_new(EBUSY, "the block device's cache is not written back yet (fsync)",
		   "while it is in the cache");
	fsync(alone);
	dev_disk("e", alone, 0);
	works(DOMUS_CMD_DEV_NEW, "a block device");
	close(alone);
	dev_of("e", 0);
	put64(&dev, DOMUS_A_DEV_SIZE, MIB);
	refuse_set(EINVAL, "size: only that of a file can be set", "the size of a block device");
	ok(open("/dev/ram0", O_RDWR | O_EXCL) < 0 && errno == EBUSY, "it is in use");
	del("e");
}

/* ---- 7. What is set ---------------------------------------------------------------------------- */

static void set_of(const char *name, uint16_t type, uint64_t value, size_t bytes, int err,
		   const char *text)
{
	char what[64];

	dev_of(name, 0);
	put(&dev, type, &value, bytes);
	snprintf(what, sizeof(what), "attribute %u of %s", type, name);
	refuse_set(err, text, what);
}

static void test_set(void)
{
	static const char *const devices[] = { "n", "r", "b", "c", "d" };
	static const char both[] = "a terminal has both DEV_COLS and DEV_ROWS";

	for (size_t i = 0; i < sizeof(devices) / sizeof(*devices); i++) {
		const char *name = devices[i];

		if (*name != 'd') {
			set_of(name, DOMUS_A_DEV_RESIZE, 0, 0, EOPNOTSUPP,
			       "the device is no disk");
			set_of(name, DOMUS_A_DEV_SIZE, MIB, 8, EOPNOTSUPP,
			       "the device is no disk");
		}
		if (*name != 'b') {
			set_of(name, DOMUS_A_DEV_TARGET, MIB, 8, EOPNOTSUPP,
			       "the device is no balloon");
			set_of(name, DOMUS_A_DEV_STATS, 0, 0, EOPNOTSUPP,
			       "the device is no balloon");
		}
		set_of(name, DOMUS_A_DEV_COLS, 80, 4, EINVAL, both);
		set_of(name, DOMUS_A_DEV_ROWS, 25, 4, EINVAL, both);
		dev_of(name, 0);
		put32(&dev, DOMUS_A_DEV_COLS, 80);
		put32(&dev, DOMUS_A_DEV_ROWS, 25);
		refuse_set(EOPNOTSUPP, "the device has no terminal", "the size of a terminal");
		set_of(name, DOMUS_A_DEV_COLS, 32768, 4, ERANGE, NULL);
		set_of(name, DOMUS_A_DEV_TARGET, 1, 4, EINVAL, NULL);
		set_of(name, DOMUS_A_DEV_MTU, 1500, 4, EINVAL, NULL);
		set_of(name, DOMUS_A_DEV_KIND, 1, 4, EINVAL, NULL);
		set_of(name, DOMUS_A_DEV_RATE_OPS, DOMUS_DEV_RATE_MAX + 1, 8, ERANGE, NULL);
	}
	set_of("b", DOMUS_A_DEV_TARGET, 5 * MIB, 8, EINVAL,
	       "target: more than the domain's memory");
	set_of("b", DOMUS_A_DEV_TARGET, UINT64_MAX & ~4095ULL, 8, EINVAL,
	       "target: more than the domain's memory");
	set_of("b", DOMUS_A_DEV_TARGET, 0, 8, EINVAL,
	       "target: less than 1 MiB, or no multiple of 4 KiB");
	set_of("b", DOMUS_A_DEV_TARGET, 2 * MIB + 1, 8, EINVAL,
	       "target: less than 1 MiB, or no multiple of 4 KiB");
	set_of("b", DOMUS_A_DEV_STATS, 0, 0, EOPNOTSUPP,
	       "no driver of the guest has statistics");
	for (size_t i = 0; i < sizeof(devices) / sizeof(*devices); i++) {
		del(devices[i]);
		dev_of(devices[i], 0);
		refuse(DOMUS_CMD_DEV_DEL, ENOENT, "the domain has no device of this name",
		       "taken away twice");
		refuse_set(ENOENT, "the domain has no device of this name", "set though it is gone");
	}
	ok(count() == 0, "all are gone");
	ok(access("/sys/class/net/kinds0", F_OK), "and the host's end");
}

/* ---- 8. A domain that ends ------------------------------------------------------------------------ */

static int end_domain(void)
{
	struct message m = begin(family, DOMUS_CMD_DOMAIN_DEL, 0);
	static struct answer answer;

	put_text(&m, DOMUS_A_NAME, domain);
	return talk(&m, &answer);
}

/* Attaches until the domain is dead: each time it is done, or refused with words. */
static bool attaches(void *arg)
{
	static struct answer answer;
	char name[16];
	int err;

	sock = open_socket();
	for (unsigned int i = 0;; i++) {
		snprintf(name, sizeof(name), "x%u", i % 40);
		dev_of(name, DOMUS_DEV_KIND_RNG);
		err = ask(DOMUS_CMD_DEV_NEW, &answer);
		if (!err || (*answer.text && (err == -EEXIST || err == -ENOSPC)))
			continue;
		if (err == -ESHUTDOWN && !strcmp(answer.text, "the domain is dead"))
			return true;
		printf("# %s: %s\n", strerror(-err), answer.text);
		return false;
	}
}

static bool ends(void *arg)
{
	sock = open_socket();
	usleep(300000);
	return !end_domain();
}

static bool both(void *arg)
{
	pid_t pid = fork();
	bool refused;
	int status;

	if (!pid)
		_exit(!ends(NULL));
	refused = attaches(NULL);
	/* Both have the domain's device open, and with it its name. */
	return pid > 0 && waitpid(pid, &status, 0) == pid && !status && refused;
}

static void test_end(void)
{
	domain = "kinds";
	ok(child_says(both, NULL), "attached to a domain that is taken away: done, or refused");
	dev_of("z", DOMUS_DEV_KIND_RNG);
	refuse_new(ESHUTDOWN, "the domain is dead", "attached to one that is dead");
	/* its name is there until the holder lets go of it */
	close(device);
	refuse_new(ENOENT, "no such domain", "attached to one that is gone");
	dev_of("z", 0);
	refuse(DOMUS_CMD_DEV_DEL, ENOENT, "no such domain", "detached from one that is gone");
}

int main(void)
{
	int image = memfd_create("image", MFD_CLOEXEC);

	puts("KTAP version 1");
	sock = open_socket();
	if (ftruncate(image, (off_t)MIB) || !resolve() || !make_domain(domain)) {
		puts("Bail out! no module, or no root");
		return 1;
	}
	test_net();
	test_single();
	test_small();
	test_consoles(listener(SOCK_STREAM, true));
	test_vsock();
	test_disks(image);
	test_set();
	test_end();
	printf("1..%d\n", results);
	return failures != 0;
}
