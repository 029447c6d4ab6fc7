// SPDX-License-Identifier: GPL-2.0-only
/*
 * holder.c: the process that owns a domain.
 *
 *   1. becoming a process of its own
 *   2. making the domain: memory, image, DOMAIN_NEW, devices
 *   3. booting: builder, DOMAIN_START, a thread for each vCPU
 *   4. what the main thread waits for, and does then
 *   5. the life of a domain
 *
 * The main thread serves console, creator and signals; vCPU threads do nothing but
 * ioctl(RUN). When the guest reboots or ends, every RUN returns, the threads wait,
 * and the main thread decides what comes next.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/domus.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/rseq.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "backing.h"
#include "build.h"
#include "cgroup.h"
#include "console.h"
#include "device.h"
#include "disk.h"
#include "holder.h"
#include "image.h"
#include "netattach.h"
#include "nic.h"
#include "nl.h"
#include "nl_dev.h"
#include "nl_small.h"
#include "runtime.h"
#include "softcpu.h"
#include "thread.h"
#include "vsock.h"
#include "wire.h"

/* How often the first call of the guest is looked for; the module sends no word. */
#define FIRST_CALL_MS 10
/* How long clients may take to read the end of a console, workers of the host to end. */
#define FAREWELL_MS 2000

struct holder_state;

/**
 * struct vcpu_thread - one vCPU, over all reboots: its affinity, which others set, stays
 * @made: there is a thread, and @go
 * @go: what it waits for after a RUN that was the last one of a life
 * @err: errno of that RUN, or 0
 */
struct vcpu_thread {
	struct holder_state *h;
	pthread_t thread;
	sem_t go;
	uint32_t nr;
	int err;
	bool made;
};

/**
 * struct holder_state - everything that the holder knows
 * @cmdline: the kernel's, with addresses
 * @creator: socket to domctl create; -1 when it has gone or LEFT
 * @stop: the holder shall end, whatever the domain does
 * @started: the guest has made its first call, and the creator knows
 * @over: vCPU threads that wait shall end
 * @before: the cgroup that we were in
 * @left: the domain's, of which @cgroup_events tells; -1: there is none
 * @done: eventfd; counts vCPU threads that do not run any more
 * @running: number of vCPU threads that do
 * @begun: a thread that was made is in @soft
 */
struct holder_state {
	const struct holder_config *config;
	struct control *control;
	struct control_info info;
	struct image_host host;
	struct error error;
	struct control_ref ref;
	char cmdline[BUILD_CMDLINE_MAX + 1];
	int device;
	void *memory;
	int creator;
	int signals;
	int done;
	bool tied;
	bool stop;
	bool started;
	bool over;
	uint32_t reboots;
	uint32_t running;
	sem_t begun;
	struct softcpus soft;
	struct vcpu_thread threads[DOMUS_MAX_VCPUS];
	struct console console;
	struct cgroup before;
	struct cgroup left;
	int cgroup_events;
};

/* ---- 1. A process of its own ---------------------------------------------- */

/* Lets go of all files of the shell that started us: pipes wait for their end. */
static void close_others(int a, int b, int c)
{
	const int keep[] = { 2, a, b, c };
	unsigned int from = 3;

	for (;;) {
		unsigned int next = ~0U;

		for (size_t i = 0; i < sizeof(keep) / sizeof(*keep); i++)
			if (keep[i] >= (int)from && (unsigned int)keep[i] < next)
				next = (unsigned int)keep[i];
		if (next > from)
			(void)close_range(from, next == ~0U ? ~0U : next - 1, 0);
		if (next == ~0U)
			return;
		from = next + 1;
	}
}

static int detach_process(struct holder_state *h)
{
	char title[16];
	sigset_t signals;
	int null;

	setsid();
	snprintf(title, sizeof(title), "domus:%s", h->config->name);
	(void)prctl(PR_SET_NAME, title);
	null = open("/dev/null", O_RDWR);
	if (null < 0)
		return error_errno(&h->error, "/dev/null", "", errno);
	for (int fd = 0; fd < 3; fd++)
		(void)dup2(null, fd);
	close_others(h->config->kernel, h->config->initrd, h->creator);
	/* Blocked here, so in every thread: they are read from a file. */
	sigemptyset(&signals);
	sigaddset(&signals, SIGTERM);
	sigaddset(&signals, SIGINT);
	sigaddset(&signals, SIGHUP);
	(void)pthread_sigmask(SIG_SETMASK, &signals, NULL);
	(void)signal(SIGPIPE, SIG_IGN);
	h->signals = signalfd(-1, &signals, SFD_NONBLOCK | SFD_CLOEXEC);
	h->done = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC | EFD_SEMAPHORE);
	if (h->signals < 0 || h->done < 0)
		return error_errno(&h->error, "holder", "", errno);
	return 0;
}

/* ---- 2. Making the domain ------------------------------------------------- */

/* Opens and checks the image, without putting it anywhere. */
static int open_image(struct holder_state *h, struct image *image)
{
	if (image_open(image, h->config->kernel, &h->error))
		return -1;
	if (!image_check(image, &h->host, &h->error))
		return 0;
	image_close(image);
	return -1;
}

static int open_log(struct holder_state *h)
{
	const char *path = h->config->log;
	int fd;

	if (!path)
		return -1;
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOCTTY, 0644);
	if (fd < 0)
		error_errno(&h->error, "log", path, errno);
	return fd;
}

static int connect_module(struct holder_state *h)
{
	if (control_open(&h->control, &h->info, &h->error))
		return -1;
	h->host = (struct image_host) {
		.abi = h->info.abi_guest,
		.features = h->info.features,
	};
	h->device = device_open(&h->error);
	return h->device < 0 ? -1 : 0;
}

/* Paths are the creator's, whose directory we are still in. */
static int attach_disks(struct holder_state *h)
{
	int result = 0;

	for (size_t i = 0; i < h->config->nr_disks && !result; i++) {
		int fd = disk_open(&h->config->disks[i], &h->error);

		if (fd < 0)
			return -1;
		result = control_disk_new(h->control, &h->ref, &h->config->disks[i], fd,
					  &h->error);
		close(fd);
	}
	return result;
}

/* What the guest is told of network @network of its interface @index. */
static int tell_address(struct holder_state *h, uint32_t network, unsigned int index)
{
	const char *cmdline = h->config->cmdline;
	char ip[256];

	if (net_cmdline_has_ip(cmdline))
		return 0;
	net_cmdline(ip, sizeof(ip), network, h->config->name, index, net_resolver());
	/* In front: what is said to programs may go on to the line's end. */
	if (snprintf(h->cmdline, sizeof(h->cmdline), "%s%s%s", ip, *cmdline ? " " : "",
		     cmdline) > BUILD_CMDLINE_MAX)
		return error_set(&h->error, EXIT_USAGE, "append", "is longer than %d bytes with %s",
				 BUILD_CMDLINE_MAX, ip);
	return 0;
}

static int attach_nics(struct holder_state *h)
{
	bool told = false;

	snprintf(h->cmdline, sizeof(h->cmdline), "%s", h->config->cmdline);
	for (size_t i = 0; i < h->config->nr_nics; i++) {
		struct nic nic = h->config->nics[i];
		uint32_t network = 0;

		if (net_attach(h->control, &h->ref, &nic, &network, &h->error))
			return -1;
		/* The parameter is for one interface, the first one. */
		if (network && !told && tell_address(h, network, (unsigned int)i))
			return -1;
		told |= network;
	}
	return 0;
}

static int attach_vsock(struct holder_state *h)
{
	if (!h->config->small.vsock)
		return 0;
	return vsock_attach(h->control, &h->ref, h->device, h->memory,
			    h->config->max_memory, h->config->small.cid, &h->error);
}

/* Before anything is charged to us, and the host has workers for our devices. */
static int enter_cgroup(struct holder_state *h)
{
	const struct limits *limits = &h->config->limits;
	struct cgroup cgroup;

	return limits_said(limits) ?
	       cgroup_make(h->config->name, 0, limits, &cgroup, &h->error) : 0;
}

/* What the guest is told as soon as it has a driver. */
static int inflate(struct holder_state *h)
{
	const struct holder_config *config = h->config;

	return config->memory < config->max_memory ?
	       control_balloon_set(h->control, &h->ref, SMALL_BALLOON, config->memory, &h->error) :
	       0;
}

/* What a client asks for that does not want the console. */
static void serve_affinity(void *soft, int fd, const struct wire *wire)
{
	if (wire->head.type == WIRE_AFFINITY)
		softcpus_serve(soft, fd, wire);
}

static int make_domain(struct holder_state *h)
{
	const struct holder_config *config = h->config;
	int listen;
	int log;

	if (runtime_prepare(&h->error))
		return -1;
	h->memory = backing_map(&config->backing, config->max_memory, &h->error);
	if (!h->memory)
		return -1;
	if (control_domain_new(h->control, h->device, config->name, config->max_vcpus,
			       config->vcpus, h->memory, config->max_memory, &h->ref.id,
			       &h->error) ||
	    (config->paused && control_domain_pause(h->control, &h->ref, true, &h->error)) ||
	    enter_cgroup(h) || attach_disks(h) || attach_nics(h) ||
	    control_small_new(h->control, &h->ref, &config->small, &h->error) ||
	    inflate(h) || attach_vsock(h))
		return -1;
	log = open_log(h);
	if (h->error.status)
		return -1;
	listen = runtime_listen(config->name, &h->error);
	if (listen < 0)
		return -1;
	(void)chdir("/");
	if (console_init(&h->console, h->device, listen, log, &h->error))
		return -1;
	h->soft.domain = h->ref.id;
	h->console.asked = serve_affinity;
	h->console.asked_arg = &h->soft;
	return 0;
}

/* ---- 3. Booting ----------------------------------------------------------- */

/*
 * The C library registers every thread for restartable sequences, and the kernel then
 * has something to tell it after each change of the CPU or of the task: RUN would come
 * back each time.
 */
static void leave_rseq(void)
{
	if (__rseq_size)
		(void)syscall(SYS_rseq, (char *)__builtin_thread_pointer() + __rseq_offset,
			      sizeof(struct rseq), RSEQ_FLAG_UNREGISTER, RSEQ_SIG);
}

/* Until the guest reboots or ends. Return: errno of a RUN that failed, or 0. */
static int run_vcpu(const struct vcpu_thread *t)
{
	for (;;) {
		struct domus_run run = { .vcpu = t->nr };

		if (ioctl(t->h->device, DOMUS_IOC_RUN, &run)) {
			if (errno != EINTR && errno != EAGAIN)
				return errno;
		} else if (run.exit == DOMUS_EXIT_DEAD || run.exit == DOMUS_EXIT_REBOOT) {
			return 0;
		}
	}
}

static void *vcpu_main(void *arg)
{
	struct vcpu_thread *t = arg;
	const uint64_t one = 1;

	leave_rseq();
	t->h->soft.tids[t->nr] = gettid();
	(void)sem_post(&t->h->begun);
	while (!t->h->over) {
		t->err = run_vcpu(t);
		/* Cannot fail: the counter has room for all threads there are. */
		(void)!write(t->h->done, &one, sizeof(one));
		while (sem_wait(&t->go))
			;
	}
	return NULL;
}

/* Others find it by its name (process.c). Return: 0 or errno. */
static int make_thread(struct vcpu_thread *t)
{
	char title[16];
	int err;

	if (sem_init(&t->go, 0, 0))
		return errno;
	err = thread_start(&t->thread, vcpu_main, t);
	if (err) {
		(void)sem_destroy(&t->go);
		return err;
	}
	t->made = true;
	while (sem_wait(&t->h->begun))
		;
	snprintf(title, sizeof(title), "vcpu%" PRIu32, t->nr);
	(void)pthread_setname_np(t->thread, title);
	return 0;
}

static int start_threads(struct holder_state *h)
{
	for (uint32_t i = 0; i < h->config->max_vcpus; i++) {
		struct vcpu_thread *t = &h->threads[i];
		int err = 0;

		if (t->made) {
			(void)sem_post(&t->go);
		} else {
			t->h = h;
			t->nr = i;
			err = make_thread(t);
		}
		if (err)
			return error_errno(&h->error, "vcpus", "no thread", err);
		h->running++;
	}
	return 0;
}

/* None of them runs. */
static void end_threads(struct holder_state *h)
{
	h->over = true;
	for (uint32_t i = 0; i < h->config->max_vcpus; i++) {
		struct vcpu_thread *t = &h->threads[i];

		if (!t->made)
			continue;
		(void)sem_post(&t->go);
		(void)pthread_join(t->thread, NULL);
		(void)sem_destroy(&t->go);
		t->made = false;
	}
	softcpus_end(&h->soft);
}

/* Pages of the start are there and writable, for a moment at least, or START says so. */
static void touch(const struct holder_state *h, const struct build_start *start)
{
	const uint64_t pages[] = {
		start->event_page_gpa, start->hypercall_gpa, start->vcpu_page_gpa,
	};

	for (size_t i = 0; i < sizeof(pages) / sizeof(*pages); i++)
		(void)madvise((char *)h->memory + pages[i], 4096, MADV_POPULATE_WRITE);
}

/* The module does not wait for memory here, which may be swapped out again meanwhile. */
static int start_domain(struct holder_state *h, const struct image *image,
			const struct build_start *start)
{
	uint32_t abi = (uint32_t)image->note.abi_major << 16 | image->note.abi_minor;
	struct error refusal;
	int tries = 100;

	do {
		refusal = (struct error) { 0 };
		touch(h, start);
		if (!control_domain_start(h->control, &h->ref, abi, image->note.required, start,
					  &refusal))
			return 0;
	} while (refusal.err == EAGAIN && --tries);
	h->error = refusal;
	return -1;
}

/* Fills the memory, which is zero, and lets the guest go. */
static int boot(struct holder_state *h, struct image *image)
{
	const struct build build = {
		.memory = h->memory,
		.size = h->config->max_memory,
		.least = h->config->memory,
		.image = image,
		.host = h->host,
		.cmdline = h->cmdline,
		.initrd = h->config->initrd,
		.vcpus = h->config->max_vcpus,
	};
	struct build_start start;

	if (build_domain(&build, &start, &h->error) || start_domain(h, image, &start))
		return -1;
	return start_threads(h);
}

/* ---- 4. Waiting ----------------------------------------------------------- */

enum {
	POLL_CREATOR,
	POLL_SIGNALS,
	POLL_DONE,
	POLL_CGROUP,
	POLL_SOFT,
	POLL_CONSOLE,
	POLL_NR = POLL_CONSOLE + CONSOLE_POLLFDS,
};

/* Ends the domain; the vCPU threads follow. The holder stays to tell of it. */
static void kill_domain(struct holder_state *h, const char *reason)
{
	struct error ignored = { 0 };

	(void)control_domain_del(h->control, &h->ref, reason, &ignored);
}

/* Ends the domain and, after it, the holder. */
static void destroy(struct holder_state *h, const char *reason)
{
	h->stop = true;
	kill_domain(h, reason);
}

static void leave_creator(struct holder_state *h)
{
	close(h->creator);
	h->creator = -1;
	h->tied = false;
}

/* After the end, a creator that goes is one that has read it. */
static void serve_creator(struct holder_state *h)
{
	struct wire wire;
	int result = wire_receive(h->creator, &wire);

	if (result < 0)
		return;
	if (result && wire.head.type == WIRE_LEAVE) {
		leave_creator(h);
	} else if (result && wire.head.type == WIRE_END) {
		destroy(h, wire.data);
	} else if (!result) {
		bool ends = h->tied || !h->started || h->console.ended;

		leave_creator(h);
		if (ends)
			destroy(h, "its creator went away");
	}
}

static void serve_signals(struct holder_state *h)
{
	struct signalfd_siginfo info;

	if (read(h->signals, &info, sizeof(info)) == (ssize_t)sizeof(info) &&
	    info.ssi_signo != SIGHUP)
		destroy(h, "its holder was told to end");
}

static void look_for_first_call(struct holder_state *h)
{
	struct wire_head head = { .type = WIRE_STARTED, .id = h->ref.id };
	struct error ignored = { 0 };
	struct control_domain domain;

	if (control_domain_get(h->control, &h->ref, &domain, &ignored) ||
	    (!domain.guest_started && !domain.paused))
		return;
	h->started = true;
	if (h->creator >= 0)
		(void)wire_send(h->creator, &head, NULL, 0);
}

/* One round. @timeout: milliseconds, or -1. */
static void serve(struct holder_state *h, int timeout)
{
	struct pollfd fds[POLL_NR] = {
		[POLL_CREATOR] = { .fd = h->creator, .events = POLLIN },
		[POLL_SIGNALS] = { .fd = h->signals, .events = POLLIN },
		[POLL_DONE] = { .fd = h->running ? h->done : -1, .events = POLLIN },
		[POLL_CGROUP] = { .fd = h->cgroup_events, .events = POLLPRI },
		[POLL_SOFT] = { .fd = h->soft.timer, .events = POLLIN },
	};
	uint64_t count;

	console_poll(&h->console, fds + POLL_CONSOLE);
	if (poll(fds, POLL_NR, timeout) < 0)
		return;
	if (fds[POLL_DONE].revents & POLLIN && read(h->done, &count, sizeof(count)) > 0)
		h->running--;
	if (fds[POLL_SOFT].revents & POLLIN)
		softcpus_tick(&h->soft);
	console_serve(&h->console, fds + POLL_CONSOLE);
	if (fds[POLL_CGROUP].revents && cgroup_remove(&h->left, h->cgroup_events))
		h->cgroup_events = -1;
	if (fds[POLL_CREATOR].revents)
		serve_creator(h);
	if (fds[POLL_SIGNALS].revents & POLLIN)
		serve_signals(h);
}

/* ---- 5. A life ------------------------------------------------------------ */

/* Until no vCPU thread runs any more. Return: errno of a RUN that failed, or 0. */
static int run(struct holder_state *h)
{
	uint32_t all = h->running;
	int err = 0;

	while (h->running) {
		if (!h->started)
			look_for_first_call(h);
		serve(h, h->started ? -1 : FIRST_CALL_MS);
		/* One that cannot go on must not leave the others waiting for it. */
		for (uint32_t i = 0; i < all && h->running < all && !err; i++) {
			err = h->threads[i].err;
			if (err)
				kill_domain(h, "a vCPU of its holder failed");
		}
	}
	if (!h->started)
		look_for_first_call(h);
	return err;
}

/* Back to a new domain's state, and up again. */
static int reboot(struct holder_state *h)
{
	struct image image;
	int result;

	h->reboots++;
	/* before the memory is cleared: until then devices write to it */
	if (control_domain_reset(h->control, &h->ref, &h->error))
		return -1;
	if (backing_clear(&h->config->backing, h->memory, h->config->max_memory, &h->error) ||
	    open_image(h, &image))
		return -1;
	result = boot(h, &image);
	image_close(&image);
	return result;
}

/* Tells all who want to know why the domain has ended. */
static void tell_end(struct holder_state *h, uint32_t code, const char *text)
{
	struct wire_head head = {
		.type = WIRE_ENDED,
		.code = code,
		.id = h->ref.id,
		.reboots = h->reboots,
	};
	char whole[DOMUS_REASON_MAX + 1];

	console_end(&h->console, &head, text);
	snprintf(whole, sizeof(whole), "%s", text);
	if (h->console.log_error && strlen(whole) + 80 < sizeof(whole))
		snprintf(whole + strlen(whole), sizeof(whole) - strlen(whole),
			 " (log incomplete: %s)", strerror(h->console.log_error));
	snprintf(h->console.end_text, sizeof(h->console.end_text), "%s", whole);
	/* Before its first call the creator listens to us, later to the console. */
	if (h->creator >= 0)
		(void)wire_send(h->creator, &head, whole, strlen(whole));
}

/* The reason as the module has it, or the failure that came before. */
static void end(struct holder_state *h, int run_err)
{
	struct error ignored = { 0 };
	struct control_domain domain;
	char text[DOMUS_REASON_MAX + 1];

	if (run_err) {
		snprintf(text, sizeof(text), "RUN: %s", strerror(run_err));
		tell_end(h, DOMUS_REASON_HOLDER, text);
	} else if (h->error.status) {
		snprintf(text, sizeof(text), "reboot: %.120s: %.1200s", h->error.what,
			 h->error.why);
		tell_end(h, DOMUS_REASON_HOLDER, text);
	} else if (control_domain_get(h->control, &h->ref, &domain, &ignored)) {
		tell_end(h, DOMUS_REASON_NONE, "unknown: the module does not know it any more");
	} else if (domain.state == DOMUS_STATE_REBOOT) {
		snprintf(text, sizeof(text), "reboot loop: the guest rebooted %" PRIu32 " times",
			 h->reboots + 1);
		kill_domain(h, text);
		tell_end(h, DOMUS_REASON_REBOOT, text);
	} else {
		h->stop |= domain.reason_code == DOMUS_REASON_DESTROYED;
		tell_end(h, domain.reason_code, domain.reason);
	}
	control_ports_remove(h->control, &h->ref);
	munmap(h->memory, h->config->max_memory);
	h->memory = NULL;
	/* It goes with the domain, though we stay to tell of that. */
	h->cgroup_events = cgroup_leave(h->config->name, h->ref.id, &h->before, &h->left);
}

/* Runs the guest through its reboots to its end. */
static void live(struct holder_state *h)
{
	struct error ignored = { 0 };
	struct control_domain domain;
	int err;

	for (;;) {
		err = run(h);
		if (err || h->stop ||
		    control_domain_get(h->control, &h->ref, &domain, &ignored) ||
		    domain.state != DOMUS_STATE_REBOOT || h->reboots >= h->config->max_reboots)
			break;
		if (reboot(h)) {
			/* Threads that were started return with the domain's end. */
			char text[DOMUS_DEL_REASON_MAX + 1];

			snprintf(text, sizeof(text), "reboot: %.100s: %.120s", h->error.what,
				 h->error.why);
			kill_domain(h, text);
			(void)run(h);
			break;
		}
	}
	end_threads(h);
	end(h, err);
}

static int64_t now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000LL + ts.tv_nsec / 1000000;
}

/* Dead: history and reason stay until they are not wanted any more. */
static void linger(struct holder_state *h)
{
	int64_t deadline;

	while (!h->stop)
		serve(h, -1);
	deadline = now_ms() + FAREWELL_MS;
	while (!console_all_told(&h->console) && now_ms() < deadline)
		serve(h, 100);
}

/* All up to the first instruction of the guest. */
static int begin(struct holder_state *h)
{
	struct image image;
	int result;

	/* The image before the domain: what cannot run leaves no trace at all. */
	if (detach_process(h) || connect_module(h) || open_image(h, &image))
		return -1;
	result = make_domain(h);
	if (!result)
		result = boot(h, &image);
	image_close(&image);
	return result;
}

/* The holder's main(). Return: exit status. */
static int holder_main(struct holder_state *h)
{
	cgroup_here(&h->before);
	if (begin(h)) {
		(void)cgroup_leave(h->config->name, h->ref.id, &h->before, &h->left);
		wire_fail(h->creator, &h->error);
		if (h->ref.id)
			control_ports_remove(h->control, &h->ref);
		/* Our end closes the file, which ends the domain and what runs in it. */
		if (h->console.history)
			runtime_remove(h->config->name);
		return EXIT_REFUSED;
	}
	live(h);
	linger(h);
	runtime_remove(h->config->name);
	/* Workers of devices end with the file at last. */
	close(h->device);
	if (h->cgroup_events >= 0)
		cgroup_wait(&h->left, h->cgroup_events, FAREWELL_MS);
	return 0;
}

int holder_fork(const struct holder_config *config, struct holder *holder,
		struct error *error)
{
	struct holder_state *h;
	int pair[2];

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair))
		return error_errno(error, "holder", "", errno);
	holder->pid = fork();
	if (holder->pid < 0) {
		close(pair[0]);
		close(pair[1]);
		return error_errno(error, "holder", "", errno);
	}
	if (holder->pid) {
		close(pair[1]);
		holder->socket = pair[0];
		return 0;
	}
	close(pair[0]);
	h = calloc(1, sizeof(*h));
	if (!h)
		_exit(EXIT_REFUSED);
	h->config = config;
	h->creator = pair[1];
	h->device = -1;
	h->cgroup_events = -1;
	softcpus_init(&h->soft);
	(void)sem_init(&h->begun, 0, 0);
	h->tied = config->tied;
	h->ref.name = config->name;
	_exit(holder_main(h));
}
