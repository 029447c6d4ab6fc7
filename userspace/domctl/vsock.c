// SPDX-License-Identifier: GPL-2.0-only
/*
 * vsock.c: see vsock.h.
 *
 *   1. vhost
 *   2. the thread: what the module wants of it
 *   3. attaching
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/domus.h>
#include <linux/vhost.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/random.h>
#include <unistd.h>

#include "nl_small.h"
#include "size.h"
#include "thread.h"
#include "vsock.h"

#define DEVICE		"/dev/vhost-vsock"
#define AUTO_FIRST	1024U	/* small numbers are for who chooses */
#define AUTO_NUMBER	(1U << 20)
#define AUTO_TRIES	4096U

enum { KICK, CALL = KICK + DOMUS_VHOST_QUEUES, ERR = CALL + DOMUS_VHOST_QUEUES };

/**
 * struct vsock
 * @vhost, @device: files
 * @events: eventfds, as DOMUS_A_DEV_EVENTFDS
 * @memory, @size: of the domain; @cid: of the guest; @features: of vhost
 */
struct vsock {
	int vhost;
	int device;
	void *memory;
	uint64_t size;
	uint64_t cid;
	uint64_t features;
	int events[DOMUS_DEV_EVENTFDS];
};

int vsock_parse(uint64_t *cid, const char *text, struct error *error)
{
	*cid = 0;
	if (!strcmp(text, "auto"))
		return 0;
	return number_parse(text, "vsock", VSOCK_CID_MIN, VSOCK_CID_MAX, cid, error);
}

/* ---- 1. vhost ---------------------------------------------------------------- */

static int set_ring(const struct vsock *v, unsigned int nr, const struct domus_vhost_queue *q)
{
	struct vhost_vring_state size = { .index = nr, .num = q->size };
	struct vhost_vring_state base = { .index = nr };
	struct vhost_vring_addr addr = {
		.index = nr,
		.desc_user_addr = q->desc,
		.avail_user_addr = q->avail,
		.used_user_addr = q->used,
	};
	struct vhost_vring_file kick = { .index = nr, .fd = v->events[KICK + nr] };
	struct vhost_vring_file call = { .index = nr, .fd = v->events[CALL + nr] };
	struct vhost_vring_file err = { .index = nr, .fd = v->events[ERR] };

	return ioctl(v->vhost, VHOST_SET_VRING_NUM, &size) ||
	       ioctl(v->vhost, VHOST_SET_VRING_BASE, &base) ||
	       ioctl(v->vhost, VHOST_SET_VRING_ADDR, &addr) ||
	       ioctl(v->vhost, VHOST_SET_VRING_CALL, &call) ||
	       ioctl(v->vhost, VHOST_SET_VRING_ERR, &err) ||
	       ioctl(v->vhost, VHOST_SET_VRING_KICK, &kick);
}

static void signal_event(int fd)
{
	const uint64_t one = 1;

	(void)!write(fd, &one, sizeof(one));
}

static int take_cid(struct vsock *v, uint64_t cid)
{
	if (ioctl(v->vhost, VHOST_VSOCK_SET_GUEST_CID, &cid))
		return -1;
	v->cid = cid;
	return 0;
}

/* The guest's own, or with 0 one that is free. Return: 0, or -1. */
static int set_cid(struct vsock *v, struct error *error)
{
	uint32_t first = 0;

	if (v->cid) {
		if (!take_cid(v, v->cid))
			return 0;
		return error_set(error, EXIT_REFUSED, "vsock", "%" PRIu64 ": %s", v->cid,
				 errno == EADDRINUSE ? "another guest has this CID" :
						       strerror(errno));
	}
	/* Of a guest that reboots it is free for a moment: the first free one could be that. */
	(void)!getrandom(&first, sizeof(first), GRND_NONBLOCK);
	for (unsigned int i = 0; i < AUTO_TRIES; i++) {
		if (!take_cid(v, AUTO_FIRST + (first + i) % AUTO_NUMBER))
			return 0;
		if (errno != EADDRINUSE)
			break;
	}
	return error_errno(error, "vsock", "no CID", errno);
}

static int open_vhost(struct vsock *v, struct error *error)
{
	struct {
		struct vhost_memory head;
		struct vhost_memory_region region;
	} table = {
		.head.nregions = 1,
		.region = { .memory_size = v->size, .userspace_addr = (uintptr_t)v->memory },
	};

	v->vhost = open(DEVICE, O_RDWR | O_CLOEXEC);
	if (v->vhost < 0)
		return error_set(error, EXIT_REFUSED, "vsock", DEVICE ": %s%s", strerror(errno),
				 errno == ENOENT ? " (modprobe vhost_vsock)" : "");
	if (ioctl(v->vhost, VHOST_SET_OWNER) ||
	    ioctl(v->vhost, VHOST_GET_FEATURES, &v->features) ||
	    ioctl(v->vhost, VHOST_SET_MEM_TABLE, &table))
		return error_errno(error, "vsock", DEVICE, errno);
	return set_cid(v, error);
}

/*
 * A new one in its place: only so are the host's ends of all connections reset, those whose
 * CID nobody has when a file of vhost's is closed. So it cannot be kept meanwhile, and
 * VHOST_RESET_OWNER is not for sockets. The rings are not used any more when it returns.
 */
static void renew_vhost(struct vsock *v)
{
	struct error error = { 0 };

	if (v->vhost >= 0)
		close(v->vhost);
	/* Without it the next start fails, and says so. */
	if (open_vhost(v, &error) && v->vhost >= 0) {
		close(v->vhost);
		v->vhost = -1;
	}
}

/* What cannot be started is broken, for the guest and for domctl show. */
static void start_vhost(const struct vsock *v, const struct domus_vhost *wanted)
{
	uint64_t features = wanted->features;
	int running = 1;
	int result = ioctl(v->vhost, VHOST_SET_FEATURES, &features);

	for (unsigned int i = 0; i < DOMUS_VHOST_QUEUES && !result; i++)
		result = set_ring(v, i, &wanted->queues[i]);
	if (!result)
		result = ioctl(v->vhost, VHOST_VSOCK_SET_RUNNING, &running);
	if (result) {
		signal_event(v->events[ERR]);
		return;
	}
	/* Doorbells may have come before. */
	for (unsigned int i = 0; i < DOMUS_VHOST_QUEUES; i++)
		signal_event(v->events[KICK + i]);
}

/* ---- 2. The thread ------------------------------------------------------------ */

static void free_vsock(struct vsock *v)
{
	for (unsigned int i = 0; i < DOMUS_DEV_EVENTFDS; i++)
		if (v->events[i] >= 0)
			close(v->events[i]);
	if (v->vhost >= 0)
		close(v->vhost);
	free(v);
}

static void *serve(void *arg)
{
	struct domus_vhost wanted = { .generation = 0 };
	struct vsock *v = arg;
	bool ran = false;
	int result;

	for (;;) {
		memset(wanted.reserved, 0, sizeof(wanted.reserved));
		result = ioctl(v->device, DOMUS_IOC_VHOST, &wanted);
		if (result && (errno == EINTR || errno == EAGAIN))
			continue;
		if (result)
			break;
		/* It may have stopped and started again since the last time. */
		if (ran)
			renew_vhost(v);
		ran = wanted.running;
		if (wanted.running)
			start_vhost(v, &wanted);
	}
	/* The domain has ended, or the device was taken away: its CID is free. */
	free_vsock(v);
	return NULL;
}

/* ---- 3. Attaching --------------------------------------------------------------- */

static int attach(struct vsock *v, struct control *c, const struct control_ref *ref,
		  struct error *error)
{
	pthread_t thread;
	int err;

	for (unsigned int i = 0; i < DOMUS_DEV_EVENTFDS; i++) {
		v->events[i] = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
		if (v->events[i] < 0)
			return error_errno(error, "vsock", "", errno);
	}
	if (open_vhost(v, error) ||
	    control_vsock_new(c, ref, VSOCK_NAME, v->cid, v->features, v->events, error))
		return -1;
	err = thread_start(&thread, serve, v);
	if (err)
		return error_errno(error, "vsock", "no thread", err);
	(void)pthread_setname_np(thread, "vsock");
	(void)pthread_detach(thread);
	return 0;
}

int vsock_attach(struct control *c, const struct control_ref *ref, int device, void *memory,
		 uint64_t size, uint64_t cid, struct error *error)
{
	struct vsock *v = calloc(1, sizeof(*v));

	if (!v)
		return error_set(error, EXIT_REFUSED, "vsock", "no memory");
	v->device = device;
	v->memory = memory;
	v->size = size;
	v->cid = cid;
	v->vhost = -1;
	for (unsigned int i = 0; i < DOMUS_DEV_EVENTFDS; i++)
		v->events[i] = -1;
	if (!attach(v, c, ref, error))
		return 0;
	free_vsock(v);
	return -1;
}
