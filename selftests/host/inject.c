// SPDX-License-Identifier: GPL-2.0-only
/*
 * Every allocation, and every copy from and to user space, that a step in a domain's life
 * makes fails once: the first one, the second one, and so on until the step has no more of
 * them. As KTAP, on a kernel that fails them on demand (/proc/self/fail-nth).
 *
 *   1. failures on demand
 *   2. a domain's life, in steps
 *   3. what there is: a refused step must have changed nothing
 *   4. step by step
 *   5. RUN, of a guest
 *
 * A step is refused, and the same step goes through afterwards; or it is done all the same;
 * or it is done and only the answer is lost. A guest that runs gets what its call says, or
 * dies for a reason. inject.sh looks for what is left.
 *
 *	inject steps
 *	inject run EVERY IMAGE VCPUS [COMMAND LINE]	of a guest's, one of so many
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <errno.h>
#include <fcntl.h>
#include <linux/domus.h>
#include <net/if.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/rseq.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

#include <asm/domus_guest.h>

#include "load.h"
#include "messages.h"

#define MIB		(1UL << 20)
#define MEMORY_SIZE	(16 * MIB)
#define MOST		20000	/* failures of one step: more is a loop */

/* ---- 1. Failures on demand ---------------------------------------------------- */

static int fail_nth = -1;
static unsigned int nth;	/* the next call's; 0: none */
static bool hit;		/* it had so many */

static void set_nth(unsigned int n)
{
	char text[16];
	int size = snprintf(text, sizeof(text), "%u", n);

	/* This is a copy from user space, too, of which one may be failed. */
	for (int i = 0; i < 2; i++)
		if (pwrite(fail_nth, text, (size_t)size, 0) == size)
			return;
	perror("fail-nth");
	exit(1);
}

static void arm(void)
{
	if (!nth)
		return;
	hit = false;
	set_nth(nth);
}

static void disarm(void)
{
	char text[16] = "";
	int saved = errno;

	if (!nth)
		return;
	/* Where this copy is the one that fails, the call's own were not so many. */
	if (pread(fail_nth, text, sizeof(text) - 1, 0) > 0)
		hit = *text == '0';
	if (!hit)
		set_nth(0);
	errno = saved;
}

#define FAILING(call)						\
({								\
	typeof(call) __result;					\
								\
	arm();							\
	__result = (call);					\
	disarm();						\
	__result;						\
})

/* ---- 2. Steps ------------------------------------------------------------------ */

static int device = -1;
static char *memory;
static unsigned int vcpus = 2;
static int image, port, events[DOMUS_DEV_EVENTFDS];
static struct load_start start;
static const char *guest = "/tests/guest/hello", *cmdline = "";
static struct answer answer;
static bool lost;	/* the last request was carried out, or not: nobody says */

static int request(struct message *m)
{
	int err = FAILING(tell(sock, m, m->nh.nlmsg_len));

	lost = false;
	if (err)
		return err;
	err = hear(sock, &answer);
	lost = err == -ENOBUFS;
	return err;
}

static struct message named(uint8_t command)
{
	struct message m = begin(family, command, 0);

	put_text(&m, DOMUS_A_NAME, "inject");
	return m;
}

static int step_open(void)
{
	device = FAILING(open("/dev/domus", O_RDWR | O_NONBLOCK | O_CLOEXEC));
	lost = false;
	return device < 0 ? -errno : 0;
}

static int step_new(void)
{
	struct message m = named(DOMUS_CMD_DOMAIN_NEW), slot = begin(0, 0, 0);

	put64(&slot, DOMUS_A_SLOT_GPA, 0);
	put64(&slot, DOMUS_A_SLOT_SIZE, MEMORY_SIZE);
	put64(&slot, DOMUS_A_SLOT_HVA, (uintptr_t)memory);
	put32(&m, DOMUS_A_FD, (uint32_t)device);
	put32(&m, DOMUS_A_VCPUS, vcpus);
	put(&m, DOMUS_A_MEMORY | NLA_F_NESTED, slot.data,
	    slot.nh.nlmsg_len - NLMSG_HDRLEN - GENL_HDRLEN);
	return request(&m);
}

static struct message dev;	/* what goes into DEV */

static void dev_of(const char *name, uint32_t kind)
{
	dev = begin(0, 0, 0);
	put_text(&dev, DOMUS_A_DEV_NAME, name);
	if (kind)
		put32(&dev, DOMUS_A_DEV_KIND, kind);
}

static int of_dev(uint8_t command)
{
	struct message m = named(command);

	put(&m, DOMUS_A_DEV | NLA_F_NESTED, dev.data,
	    dev.nh.nlmsg_len - NLMSG_HDRLEN - GENL_HDRLEN);
	return request(&m);
}

static int new_disk(void)
{
	dev_of("d", DOMUS_DEV_KIND_BLK);
	put32(&dev, DOMUS_A_DEV_FD, (uint32_t)image);
	put32(&dev, DOMUS_A_DEV_QUEUES, 2);
	return of_dev(DOMUS_CMD_DEV_NEW);
}

static int new_nic(void)
{
	static const unsigned char station[6] = { 2, 0, 0, 0, 0, 9 };

	dev_of("n", DOMUS_DEV_KIND_NET);
	put_text(&dev, DOMUS_A_DEV_IFNAME, "inject0");
	put(&dev, DOMUS_A_DEV_MAC, station, sizeof(station));
	return of_dev(DOMUS_CMD_DEV_NEW);
}

static int new_entropy(void)
{
	dev_of("r", DOMUS_DEV_KIND_RNG);
	return of_dev(DOMUS_CMD_DEV_NEW);
}

static int new_balloon(void)
{
	dev_of("b", DOMUS_DEV_KIND_BALLOON);
	return of_dev(DOMUS_CMD_DEV_NEW);
}

static int new_console(void)
{
	struct message one = begin(0, 0, 0);

	put_text(&one, DOMUS_A_PORT_NAME, "p");
	put32(&one, DOMUS_A_PORT_FD, (uint32_t)port);
	dev_of("c", DOMUS_DEV_KIND_CONSOLE);
	put(&dev, DOMUS_A_DEV_PORT | NLA_F_NESTED, one.data,
	    one.nh.nlmsg_len - NLMSG_HDRLEN - GENL_HDRLEN);
	return of_dev(DOMUS_CMD_DEV_NEW);
}

static int new_sockets(void)
{
	dev_of("v", DOMUS_DEV_KIND_VSOCK);
	put64(&dev, DOMUS_A_DEV_CID, 5);
	put(&dev, DOMUS_A_DEV_EVENTFDS, events, sizeof(events));
	return of_dev(DOMUS_CMD_DEV_NEW);
}

static int dump(uint8_t command)
{
	struct message m = named(command);

	m.nh.nlmsg_flags |= NLM_F_DUMP;
	return request(&m);
}

static int get_domain(void)
{
	struct message m = named(DOMUS_CMD_DOMAIN_GET);

	return request(&m);
}

static int get_vcpus(void) { return dump(DOMUS_CMD_VCPU_GET); }
static int get_devices(void) { return dump(DOMUS_CMD_DEV_GET); }
static int get_domains(void) { return dump(DOMUS_CMD_DOMAIN_GET); }

static int set_vcpus(void)
{
	struct message m = named(DOMUS_CMD_VCPU_SET), one = begin(0, 0, 0);
	const uint8_t wanted = 0;

	put32(&one, DOMUS_A_VCPU_ID, 1);
	put(&one, DOMUS_A_VCPU_WANTED, &wanted, sizeof(wanted));
	put(&m, DOMUS_A_VCPU | NLA_F_NESTED, one.data,
	    one.nh.nlmsg_len - NLMSG_HDRLEN - GENL_HDRLEN);
	return request(&m);
}

static int set_size(void)
{
	dev_of("d", 0);
	put64(&dev, DOMUS_A_DEV_SIZE, 2 * MIB);
	return of_dev(DOMUS_CMD_DEV_SET);
}

static int set_rate(void)
{
	dev_of("n", 0);
	put64(&dev, DOMUS_A_DEV_RATE_BYTES, 1000000);
	return of_dev(DOMUS_CMD_DEV_SET);
}

static int set_target(void)
{
	dev_of("b", 0);
	put64(&dev, DOMUS_A_DEV_TARGET, 8 * MIB);
	return of_dev(DOMUS_CMD_DEV_SET);
}

static int del(const char *name)
{
	dev_of(name, 0);
	put(&dev, DOMUS_A_DEV_FORCE, "", 0);
	return of_dev(DOMUS_CMD_DEV_DEL);
}

static int del_disk(void) { return del("d"); }
static int del_nic(void) { return del("n"); }
static int del_entropy(void) { return del("r"); }
static int del_balloon(void) { return del("b"); }
static int del_console(void) { return del("c"); }
static int del_sockets(void) { return del("v"); }

/* The module does not wait for memory there: see touch() in the holder. */
static int step_start(void)
{
	struct message m;

	(void)madvise(memory, MEMORY_SIZE, MADV_DONTNEED);
	(void)madvise(memory, MEMORY_SIZE, MADV_POPULATE_WRITE);
	if (!load_guest(guest, memory, MEMORY_SIZE, vcpus, cmdline, &start))
		return -ENOEXEC;
	m = load_message("inject", &start);
	return request(&m);
}

static int step_reset(void)
{
	struct message m = named(DOMUS_CMD_DOMAIN_RESET);

	return request(&m);
}

/* Until it ends: -EINTR is for the kernel's own work. */
static int run(uint32_t nr)
{
	struct domus_run how = { .vcpu = nr };

	while (ioctl(device, DOMUS_IOC_RUN, &how))
		if (errno != EINTR && errno != EAGAIN)
			return -errno;
	return 0;
}

static int step_run(void)
{
	lost = false;
	return FAILING(run(0));
}

static int step_read(void)
{
	char text[64];
	ssize_t n = FAILING(read(device, text, sizeof(text)));

	lost = false;
	return n < 0 ? -errno : 0;
}

static int step_write(void)
{
	ssize_t n = FAILING(write(device, "abc", 3));

	lost = false;
	return n < 0 ? -errno : 0;
}

static int step_del(void)
{
	struct message m = named(DOMUS_CMD_DOMAIN_DEL);

	put_text(&m, DOMUS_A_REASON, "by its test");
	return request(&m);
}

/* A file is closed whatever close() says, so this is never refused. */
static int step_close(void)
{
	int err = FAILING(close(device)) ? -errno : 0;

	device = -1;
	lost = err;
	return err;
}

static const struct step {
	const char *name;
	int (*fn)(void);
} steps[] = {
	{ "open", step_open },
	{ "DOMAIN_NEW", step_new },
	{ "VCPU_SET", set_vcpus },
	{ "DEV_NEW of a disk", new_disk },
	{ "DEV_NEW of an interface", new_nic },
	{ "DEV_NEW of an entropy device", new_entropy },
	{ "DEV_NEW of a balloon", new_balloon },
	{ "DEV_NEW of a console", new_console },
	{ "DEV_NEW of a socket device", new_sockets },
	{ "DOMAIN_GET", get_domain },
	{ "DOMAIN_GET of all", get_domains },
	{ "VCPU_GET", get_vcpus },
	{ "DEV_GET", get_devices },
	{ "DEV_SET of a size", set_size },
	{ "DEV_SET of a rate", set_rate },
	{ "DEV_SET of a target", set_target },
	{ "DEV_DEL of a disk", del_disk },
	{ "DEV_DEL of an interface", del_nic },
	{ "DEV_DEL of an entropy device", del_entropy },
	{ "DEV_DEL of a balloon", del_balloon },
	{ "DEV_DEL of a console", del_console },
	{ "DEV_DEL of a socket device", del_sockets },
	{ "DOMAIN_START", step_start },
	{ "DOMAIN_RESET", step_reset },
	{ "DOMAIN_START once more", step_start },
	{ "write to the console", step_write },
	{ "RUN", step_run },
	{ "read from the console", step_read },
	{ "DOMAIN_DEL", step_del },
	{ "close", step_close },
};

#define STEPS	(sizeof(steps) / sizeof(*steps))

/* ---- 3. What there is ------------------------------------------------------------- */

struct there {
	int found;		/* DOMAIN_GET */
	uint32_t state;
	unsigned int devices;
	unsigned int nic;
	int file;
};

static struct there look(void)
{
	const unsigned int was = nth;
	struct there t = { .file = device };

	nth = 0;
	t.found = get_domain();
	t.state = t.found ? 0 : get32(&answer, DOMUS_A_STATE);
	t.devices = t.found || get_devices() ? 0 : answer.messages;
	t.nic = if_nametoindex("inject0");
	nth = was;
	return t;
}

static bool same(const struct there *a, const struct there *b)
{
	if (a->found == b->found && a->state == b->state && a->devices == b->devices &&
	    a->nic == b->nic && a->file == b->file)
		return true;
	printf("# before: %d, state %u, %u devices, interface %u, file %d\n", a->found, a->state,
	       a->devices, a->nic, a->file);
	printf("# after: %d, state %u, %u devices, interface %u, file %d\n", b->found, b->state,
	       b->devices, b->nic, b->file);
	return false;
}

/* All of what was made goes. */
static bool nothing(void)
{
	struct there t;

	nth = 0;
	if (device >= 0)
		step_close();
	t = look();
	if (t.found == -ENOENT && !t.nic)
		return true;
	printf("# left: %d, interface %u\n", t.found, t.nic);
	return false;
}

/* A world in which the first @n steps are done. */
static bool build(size_t n)
{
	if (!nothing())
		return false;
	for (size_t i = 0; i < n; i++) {
		int err = steps[i].fn();

		if (err) {
			printf("# %s: %s: %s\n", steps[i].name, strerror(-err), answer.text);
			return false;
		}
	}
	return true;
}

/* ---- 4. Step by step ---------------------------------------------------------------- */

/* struct tally - what came of the failures of a step */
struct tally {
	unsigned int points, refused, done, lost;
};

/*
 * One failure. @before: what there is, and again is afterwards. Return: 1: one more may come;
 * 0: that was the last one; -1: not good
 */
static int fail_one(size_t k, unsigned int n, struct there *before, struct tally *tally)
{
	struct there after;
	int err;

	nth = n;
	err = steps[k].fn();
	nth = 0;
	if (!hit) {
		if (err)
			printf("# without a failure (%u): %s: %s\n", n, strerror(-err),
			       answer.text);
		return err ? -1 : 0;
	}
	tally->points++;
	if (lost || !err) {
		tally->lost += lost;
		tally->done += !lost;
	} else {
		tally->refused++;
	}
	/* what is refused by a dead domain is so for ever */
	if (lost || !err || steps[k].fn == step_run) {
		if (!build(k))
			return -1;
		*before = look();
		return 1;
	}
	after = look();
	if (same(before, &after))
		return 1;
	printf("# failure %u: %s: %s\n", n, strerror(-err), answer.text);
	return -1;
}

static bool test_step(size_t k)
{
	struct there before = look();
	struct tally tally = { 0 };
	int more = 1;

	/* The last one, which none hits, is the step itself. */
	for (unsigned int n = 1; more > 0 && n < MOST; n++)
		more = fail_one(k, n, &before, &tally);
	return ok(!more, "%s: %u failures: %u refused, %u done all the same, %u without an answer",
		  steps[k].name, tally.points, tally.refused, tally.done, tally.lost) ||
	       build(k + 1);
}

static void test_steps(void)
{
	for (size_t k = 0; k < STEPS; k++)
		if (!test_step(k))
			break;
	ok(nothing(), "nothing is left");
}

/* ---- 5. RUN ----------------------------------------------------------------------------- */

static void leave_rseq(void)
{
	if (__rseq_size)
		(void)syscall(SYS_rseq, (char *)__builtin_thread_pointer() + __rseq_offset,
			      sizeof(struct rseq), RSEQ_FLAG_UNREGISTER, RSEQ_SIG);
}

static void *run_other(void *arg)
{
	leave_rseq();
	(void)run((uint32_t)(uintptr_t)arg);
	return NULL;
}

/* A life of the guest's, in which the @n-th one fails. Return: the reason's code, or -1. */
static int live(unsigned int n)
{
	pthread_t others[DOMUS_MAX_VCPUS];
	uint32_t reason;
	int err;

	if (step_open() || step_new() || new_disk() || new_entropy() || step_start()) {
		printf("# the world is not made: %s\n", answer.text);
		return -1;
	}
	for (uintptr_t i = 1; i < vcpus; i++)
		if (pthread_create(&others[i], NULL, run_other, (void *)i))
			return -1;
	nth = n;
	err = step_run();
	nth = 0;
	if (err)
		step_del();
	for (unsigned int i = 1; i < vcpus; i++)
		pthread_join(others[i], NULL);
	reason = get_domain() ? 0 : get32(&answer, DOMUS_A_REASON_CODE);
	if (!reason || !*get_text(&answer, DOMUS_A_REASON)) {
		printf("# failure %u: RUN %d, and no reason\n", n, err);
		return -1;
	}
	if (reason == DOMUS_REASON_SWITCHER || !nothing()) {
		printf("# failure %u: %s\n", n, get_text(&answer, DOMUS_A_REASON));
		return -1;
	}
	return (int)reason;
}

static void test_guest(unsigned int every)
{
	unsigned int reasons[__DOMUS_REASON_MAX] = { 0 };
	unsigned int n, points = 0;
	int reason = 0;
	char *name = strrchr(guest, '/');

	for (n = 1; n < MOST; n += every) {
		reason = live(n);
		if (reason < 0 || !hit)
			break;
		points++;
		reasons[reason]++;
	}
	ok(points && reason == DOMUS_REASON_POWEROFF && !hit,
	   "%s: %u failures: %u went on, %u crashed, %u had no memory, %u for other reasons",
	   name ? name + 1 : guest, points, reasons[DOMUS_REASON_POWEROFF],
	   reasons[DOMUS_REASON_CRASH], reasons[DOMUS_REASON_MEMORY],
	   points - reasons[DOMUS_REASON_POWEROFF] - reasons[DOMUS_REASON_CRASH] -
	   reasons[DOMUS_REASON_MEMORY]);
}

/* ---- All of it ------------------------------------------------------------------------------ */

static bool set_up(void)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };

	leave_rseq();
	fail_nth = open("/proc/thread-self/fail-nth", O_RDWR | O_CLOEXEC);
	sock = open_socket();
	image = memfd_create("image", MFD_CLOEXEC);
	port = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	for (int i = 0; i < DOMUS_DEV_EVENTFDS; i++)
		events[i] = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	memory = mmap(NULL, MEMORY_SIZE + 2 * MIB, PROT_READ | PROT_WRITE,
		      MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (fail_nth < 0 || memory == MAP_FAILED || ftruncate(image, (off_t)(4 * MIB)) ||
	    bind(port, (struct sockaddr *)&address, sizeof(address.sun_family)) ||
	    listen(port, 1))
		return false;
	memory = (char *)(((uintptr_t)memory + 2 * MIB - 1) & ~(2 * MIB - 1));
	return resolve();
}

int main(int argc, char **argv)
{
	bool guests = argc >= 5 && !strcmp(argv[1], "run");

	puts("KTAP version 1");
	if (!set_up() || (!guests && (argc != 2 || strcmp(argv[1], "steps")))) {
		puts("Bail out! no module, no root, or no failures on demand");
		return 1;
	}
	if (guests) {
		guest = argv[3];
		vcpus = (unsigned int)atoi(argv[4]);
		cmdline = argc > 5 ? argv[5] : "";
		test_guest((unsigned int)atoi(argv[2]) ?: 1);
	} else {
		test_steps();
	}
	printf("1..%d\n", results);
	return failures != 0;
}
