/* SPDX-License-Identifier: GPL-2.0-only WITH Linux-syscall-note */
/*
 * The host's side of domus: generic netlink family "domus" and the ioctls of
 * /dev/domus. uapi/domus.yaml says the same for tools.
 *
 * A domain lives as long as the open file of /dev/domus that it was made on.
 *
 * Commands and their attributes (n: nested, []: repeated; -> what is answered).
 * Unless said otherwise a domain is named by exactly one of NAME and ID.
 * Attributes that a command does not list are refused. Each refusal carries an
 * extended acknowledgment: a text, and the attribute or the policy's limits; "refused"
 * is the text where the errno says it all. Where two numbers of bytes belong to the
 * text, a size and a block's, they are its cookie (NLMSGERR_ATTR_COOKIE), as u64.
 *
 *   DOMUS_CMD_INFO_GET      -> ABI_HOST, ABI_GUEST, FEATURES, MAX_VCPUS, MAX_DOMAINS,
 *                              VERSION
 *   DOMUS_CMD_DOMAIN_NEW    FD (of /dev/domus, opened by this process), NAME, VCPUS,
 *                           VCPUS_WANTED (optional, 1 to VCPUS: as many from 0 on are
 *                           wanted; all), MEMORY[] n { SLOT_GPA, SLOT_SIZE, SLOT_HVA }
 *                           -> ID. The memory is of the calling process.
 *   DOMUS_CMD_DOMAIN_START  ABI_GUEST (what the image asks), FEATURES (required),
 *                           START_RIP, START_RSI, ROOT_GPA, HYPERCALL_GPA,
 *                           VCPU_PAGE_GPA, EVENT_PAGE_GPA; from the holder only.
 *                           EAGAIN: one of these pages is not in memory, touch them
 *                           (writing) and ask again
 *   DOMUS_CMD_DOMAIN_RESET  back to the state after NEW (reboot); from the holder. EAGAIN:
 *                           devices wait for the host, ask again
 *                           only, with no vCPU running
 *   DOMUS_CMD_DOMAIN_DEL    REASON (optional: more for the reason's text)
 *                           kills the domain with reason "destroyed"; its name is
 *                           free when the holder has closed the file. Of a dead
 *                           one: 0, the first reason stays
 *   DOMUS_CMD_DOMAIN_PAUSE  keeps all vCPUs out of the guest, over reboots, too; devices
 *                           go on with what they have. 0: none is in it; EAGAIN: that
 *                           takes longer than a second, ask again; EALREADY
 *   DOMUS_CMD_DOMAIN_UNPAUSE the other way. EALREADY: it is not paused
 *   DOMUS_CMD_DOMAIN_GET    (one, or a dump: of all without NAME and ID)
 *                           -> ID, NAME, STATE, REASON_CODE, REASON, UID, PID, VCPUS,
 *                           VCPUS_WANTED, VCPUS_HEARD, MEMORY_SIZE, SHADOW_PAGES,
 *                           RUNTIME_NS, GUEST_STARTED, REBOOTS, PAUSED; when a vCPU was the reason: REGS n { REGS_VCPU,
 *                           REGS_USER, REGS_RIP ... REGS_GS_BASE }
 *   DOMUS_CMD_VCPU_GET      (dump only: of all without NAME and ID)
 *                           -> ID, VCPU n { VCPU_ID, VCPU_STATE, VCPU_WANTED,
 *                           VCPU_RUNTIME_NS, VCPU_PASSES, VCPU_EXITS,
 *                           VCPU_EXIT[] n { EXIT_NAME, EXIT_COUNT } }
 *   DOMUS_CMD_VCPU_SET      VCPU[] n { VCPU_ID, VCPU_WANTED }
 *                           which vCPUs the guest is to have online: all that is said, or
 *                           nothing. The guest is told, and not waited for; it holds
 *                           until the domain ends, over reboots, too. vCPU 0, which
 *                           boots the guest, is always wanted. Of a dead one: ESHUTDOWN
 *   DOMUS_CMD_DEV_NEW       DEV n { DEV_KIND, DEV_NAME, and by kind:
 *                             BLK: DEV_FD (of a block device or a file, open for
 *                             what is wanted of it; a device that is written to and
 *                             not shared with O_EXCL, and after fsync), DEV_FLAGS, DEV_SERIAL
 *                             NET: DEV_MAC, DEV_IFNAME (of the host's end, made in
 *                             the asker's network namespace, for which he needs
 *                             CAP_NET_ADMIN; may have one %d), DEV_MTU (optional)
 *                             RNG: nothing; without DEV_RATE_* 1 MiB per second
 *                             BALLOON: DEV_REPORTING (optional)
 *                             CONSOLE: DEV_PORT[] n { PORT_NAME, PORT_FD (of a UNIX
 *                             stream socket that listens), PORT_TERMINAL (optional,
 *                             the first one) }
 *                             VSOCK, by the holder alone: DEV_CID, DEV_FEATURES (of
 *                             vhost-vsock), DEV_EVENTFDS: kick and kick, call and call
 *                             of its rings 0 and 1, err of both; see DOMUS_IOC_VHOST }
 *                             all kinds, optional: DEV_QUEUES, DEV_QUEUE_SIZE,
 *                             DEV_FLAGS (for all but BLK: SPLIT alone),
 *                             DEV_RATE_BYTES, DEV_RATE_OPS, DEV_RATE_BURST_MS (but for
 *                             VSOCK, whose packets are vhost's: EOPNOTSUPP)
 *                           plugs a device; before START or later
 *   DOMUS_CMD_DEV_DEL       DEV n { DEV_NAME, DEV_TIMEOUT_MS (optional, 0),
 *                             DEV_FORCE (optional), DEV_AGAIN (optional) }
 *                           asks the guest to let go and waits; -ETIMEDOUT: still
 *                           plugged, and the guest is not asked any more, but with
 *                           DEV_AGAIN: the next request goes on with it. Forced: at
 *                           once, what is under way is lost
 *   DOMUS_CMD_DEV_SET       DEV n { DEV_NAME, and what is to change: DEV_RATE_*
 *                             (of all kinds but VSOCK),
 *                             DEV_RESIZE (take the size that the backing has now),
 *                             DEV_SIZE (of a file: make it this size, then the same),
 *                             DEV_TARGET (of a balloon), DEV_STATS (of a balloon: ask
 *                             the guest for new counters, and wait a moment),
 *                             DEV_COLS and DEV_ROWS (of a terminal) }
 *   DOMUS_CMD_DEV_GET       (dump only: of all without NAME and ID)
 *                           -> ID, NAME, DEV n { DEV_NAME, DEV_KIND, DEV_SLOT,
 *                             DEV_FLAGS, DEV_STATUS, DEV_FEATURES, DEV_SIZE,
 *                             DEV_SERIAL, DEV_FILE, DEV_BROKEN, DEV_LEAVING,
 *                             DEV_RATE_*, DEV_MAC, DEV_IFNAME, DEV_IFINDEX, DEV_MTU,
 *                             DEV_REPORTING, DEV_TARGET, DEV_ACTUAL, DEV_CID, DEV_PORT[] n {
 *                             PORT_ID, PORT_NAME, PORT_TERMINAL, PORT_GUEST, PORT_HOST,
 *                             PORT_PATH },
 *                             DEV_QUEUE[] n { QUEUE_ID, QUEUE_SIZE, QUEUE_KICKS,
 *                             QUEUE_BUFFERS, QUEUE_SIGNALS, QUEUE_REQUESTS },
 *                             DEV_COUNTER[] n { COUNTER_NAME, COUNTER_VALUE } }
 *   DOMUS_CMD_DOMAIN_NTF    (event, group "events" of the first network namespace,
 *                           for CAP_NET_ADMIN) EVENT, ID, NAME, STATE, UID,
 *                           REASON_CODE, REASON
 *   DOMUS_CMD_LISTEN        this socket is sent DOMAIN_NTF of all domains that the asker may
 *                           see now or later, until it is closed; in any network
 *                           namespace. ENOSPC: 16 sockets of a user listen, or 256
 *
 * Dumps resume by ID: what is made or ends meanwhile is listed or not, nothing is
 * listed twice. The family is there in every network namespace: domains belong
 * to the host and to a user, not to a network.
 *
 * Domains of other users are neither shown nor touched without CAP_NET_ADMIN
 * in the user namespace that owns them.
 */
#ifndef _UAPI_LINUX_DOMUS_H
#define _UAPI_LINUX_DOMUS_H

#include <linux/ioctl.h>
#include <linux/types.h>

#define DOMUS_GENL_NAME			"domus"
#define DOMUS_GENL_VERSION		1
#define DOMUS_GENL_MCGRP_EVENTS		"events"

#define DOMUS_HOST_ABI			1	/* of this header; DOMUS_A_ABI_HOST */
#define DOMUS_NAME_MAX			63	/* bytes; [A-Za-z0-9][A-Za-z0-9._-]* */
#define DOMUS_REASON_MAX		1535	/* bytes of DOMUS_A_REASON */
#define DOMUS_DEL_REASON_MAX		255	/* bytes of it in DOMAIN_DEL */
#define DOMUS_SLOTS_MAX			8
#define DOMUS_DOMAINS_MAX		256	/* DOMUS_A_MAX_DOMAINS */
#define DOMUS_MEMORY_MIN		(1024ULL * 1024)
#define DOMUS_MEMORY_MAX		(4096ULL * 1024 * 1024 * 1024)

enum domus_cmd {
	DOMUS_CMD_UNSPEC,
	DOMUS_CMD_INFO_GET,
	DOMUS_CMD_DOMAIN_NEW,
	DOMUS_CMD_DOMAIN_START,
	DOMUS_CMD_DOMAIN_RESET,
	DOMUS_CMD_DOMAIN_DEL,
	DOMUS_CMD_DOMAIN_GET,
	DOMUS_CMD_DOMAIN_NTF,
	DOMUS_CMD_VCPU_GET,
	DOMUS_CMD_DEV_NEW,
	DOMUS_CMD_DEV_DEL,
	DOMUS_CMD_DEV_SET,
	DOMUS_CMD_DEV_GET,
	DOMUS_CMD_VCPU_SET,
	DOMUS_CMD_DOMAIN_PAUSE,
	DOMUS_CMD_DOMAIN_UNPAUSE,
	DOMUS_CMD_LISTEN,
	__DOMUS_CMD_MAX
};

#define DOMUS_CMD_MAX (__DOMUS_CMD_MAX - 1)

enum domus_attr {
	DOMUS_A_UNSPEC,
	DOMUS_A_PAD,
	DOMUS_A_ABI_HOST,	/* u32 */
	DOMUS_A_ABI_GUEST,	/* u32: major << 16 | minor */
	DOMUS_A_FEATURES,	/* u64 */
	DOMUS_A_VERSION,	/* string */
	DOMUS_A_MAX_VCPUS,	/* u32 */
	DOMUS_A_MAX_DOMAINS,	/* u32 */
	DOMUS_A_ID,		/* u32 */
	DOMUS_A_NAME,		/* string */
	DOMUS_A_FD,		/* u32 */
	DOMUS_A_VCPUS,		/* u32 */
	DOMUS_A_MEMORY,		/* nested, repeated: DOMUS_A_SLOT_* */
	DOMUS_A_MEMORY_SIZE,	/* u64, bytes */
	DOMUS_A_START_RIP,	/* u64 */
	DOMUS_A_START_RSI,	/* u64 */
	DOMUS_A_ROOT_GPA,	/* u64 */
	DOMUS_A_HYPERCALL_GPA,	/* u64 */
	DOMUS_A_VCPU_PAGE_GPA,	/* u64 */
	DOMUS_A_EVENT_PAGE_GPA,	/* u64 */
	DOMUS_A_STATE,		/* u32: enum domus_state */
	DOMUS_A_REASON_CODE,	/* u32: enum domus_reason */
	DOMUS_A_REASON,		/* string */
	DOMUS_A_UID,		/* u32 */
	DOMUS_A_PID,		/* u32, of the holder in the asker's pid namespace, 0: unseen or ended */
	DOMUS_A_SHADOW_PAGES,	/* u64 */
	DOMUS_A_RUNTIME_NS,	/* u64: CPU time spent in the guest */
	DOMUS_A_GUEST_STARTED,	/* flag: the guest has made its first call */
	DOMUS_A_REBOOTS,	/* u32 */
	DOMUS_A_EVENT,		/* u32: enum domus_event */
	DOMUS_A_VCPU,		/* nested, in VCPU_SET repeated: DOMUS_A_VCPU_* */
	DOMUS_A_REGS,		/* nested: DOMUS_A_REGS_* */
	DOMUS_A_DEV,		/* nested: DOMUS_A_DEV_* */
	DOMUS_A_VCPUS_WANTED,	/* u32 */
	DOMUS_A_VCPUS_HEARD,	/* flag: the guest listens to which vCPUs are wanted */
	DOMUS_A_PAUSED,		/* flag */
	__DOMUS_A_MAX
};

#define DOMUS_A_MAX (__DOMUS_A_MAX - 1)

enum domus_attr_slot {
	DOMUS_A_SLOT_UNSPEC,
	DOMUS_A_SLOT_PAD,
	DOMUS_A_SLOT_GPA,	/* u64, 2 MiB aligned */
	DOMUS_A_SLOT_SIZE,	/* u64, 4 KiB aligned */
	DOMUS_A_SLOT_HVA,	/* u64, 4 KiB aligned (2 MiB for large pages) */
	__DOMUS_A_SLOT_MAX
};

#define DOMUS_A_SLOT_MAX (__DOMUS_A_SLOT_MAX - 1)

enum domus_attr_vcpu {
	DOMUS_A_VCPU_UNSPEC,
	DOMUS_A_VCPU_PAD,
	DOMUS_A_VCPU_ID,	/* u32 */
	DOMUS_A_VCPU_STATE,	/* u32: DOMUS_VCPU_OFFLINE or _ONLINE of asm/domus_guest.h */
	DOMUS_A_VCPU_RUNTIME_NS, /* u64: CPU time spent in the guest */
	DOMUS_A_VCPU_PASSES,	/* u64: switcher passes (tier 1) */
	DOMUS_A_VCPU_EXITS,	/* u64: full exits (tier 2) */
	DOMUS_A_VCPU_EXIT,	/* nested, repeated: DOMUS_A_EXIT_* */
	DOMUS_A_VCPU_WANTED,	/* u8: 0 or 1: the host wants it online */
	__DOMUS_A_VCPU_MAX
};

#define DOMUS_A_VCPU_MAX (__DOMUS_A_VCPU_MAX - 1)

enum domus_attr_exit {
	DOMUS_A_EXIT_UNSPEC,
	DOMUS_A_EXIT_PAD,
	DOMUS_A_EXIT_NAME,	/* string */
	DOMUS_A_EXIT_COUNT,	/* u64 */
	__DOMUS_A_EXIT_MAX
};

#define DOMUS_A_EXIT_MAX (__DOMUS_A_EXIT_MAX - 1)

/* Of the vCPU that ended its domain, when it did. All but the first three are u64. */
enum domus_attr_regs {
	DOMUS_A_REGS_UNSPEC,
	DOMUS_A_REGS_PAD,
	DOMUS_A_REGS_VCPU,	/* u32 */
	DOMUS_A_REGS_USER,	/* flag: it was in user mode */
	DOMUS_A_REGS_RIP,
	DOMUS_A_REGS_RSP,
	DOMUS_A_REGS_RFLAGS,
	DOMUS_A_REGS_RAX,
	DOMUS_A_REGS_RBX,
	DOMUS_A_REGS_RCX,
	DOMUS_A_REGS_RDX,
	DOMUS_A_REGS_RSI,
	DOMUS_A_REGS_RDI,
	DOMUS_A_REGS_RBP,
	DOMUS_A_REGS_R8,
	DOMUS_A_REGS_R9,
	DOMUS_A_REGS_R10,
	DOMUS_A_REGS_R11,
	DOMUS_A_REGS_R12,
	DOMUS_A_REGS_R13,
	DOMUS_A_REGS_R14,
	DOMUS_A_REGS_R15,
	DOMUS_A_REGS_FS_BASE,
	DOMUS_A_REGS_GS_BASE,
	__DOMUS_A_REGS_MAX
};

#define DOMUS_A_REGS_MAX (__DOMUS_A_REGS_MAX - 1)

enum domus_attr_dev {
	DOMUS_A_DEV_UNSPEC,
	DOMUS_A_DEV_PAD,
	DOMUS_A_DEV_NAME,	/* string, DOMUS_DEV_NAME_MAX: as a domain's name */
	DOMUS_A_DEV_KIND,	/* u32: enum domus_dev_kind */
	DOMUS_A_DEV_SLOT,	/* u32 */
	DOMUS_A_DEV_FD,		/* u32 */
	DOMUS_A_DEV_FLAGS,	/* u32: DOMUS_DEV_FLAG_* */
	DOMUS_A_DEV_SERIAL,	/* string, DOMUS_DEV_SERIAL_MAX */
	DOMUS_A_DEV_QUEUES,	/* u32: 1 to DOMUS_DEV_QUEUES_MAX */
	DOMUS_A_DEV_QUEUE_SIZE,	/* u32: descriptors of each, a power of two, 2 to 1024 */
	DOMUS_A_DEV_SIZE,	/* u64, bytes */
	DOMUS_A_DEV_STATUS,	/* u32: device status of VIRTIO */
	DOMUS_A_DEV_FEATURES,	/* u64: those negotiated */
	DOMUS_A_DEV_BROKEN,	/* string: how the guest broke it; a reset mends it */
	DOMUS_A_DEV_LEAVING,	/* flag: the guest is asked to let go of it */
	DOMUS_A_DEV_RATE_BYTES,	/* u64: bytes per second, 0: no limit */
	DOMUS_A_DEV_RATE_OPS,	/* u64: operations per second, 0: no limit */
	DOMUS_A_DEV_RATE_BURST_MS, /* u32: how much of a pause may be made up for, ms */
	DOMUS_A_DEV_TIMEOUT_MS,	/* u32, at most DOMUS_DEV_TIMEOUT_MS_MAX */
	DOMUS_A_DEV_FORCE,	/* flag */
	DOMUS_A_DEV_RESIZE,	/* flag */
	DOMUS_A_DEV_QUEUE,	/* nested, repeated: DOMUS_A_QUEUE_* */
	DOMUS_A_DEV_COUNTER,	/* nested, repeated: DOMUS_A_COUNTER_* */
	DOMUS_A_DEV_AGAIN,	/* flag */
	DOMUS_A_DEV_FILE,	/* string: path of the image; left out when it is long */
	DOMUS_A_DEV_MAC,	/* 6 bytes: the guest's address */
	DOMUS_A_DEV_IFNAME,	/* string, less than IFNAMSIZ */
	DOMUS_A_DEV_IFINDEX,	/* u32, in the namespace of the host's end */
	DOMUS_A_DEV_MTU,	/* u32, bytes: 68 to 65535 */
	DOMUS_A_DEV_REPORTING,	/* flag: the guest may report free pages */
	DOMUS_A_DEV_TARGET,	/* u64, bytes: what the guest is to go on with, of 4 KiB */
	DOMUS_A_DEV_ACTUAL,	/* u64, bytes: what it has, as it says */
	DOMUS_A_DEV_STATS,	/* flag */
	DOMUS_A_DEV_PORT,	/* nested, repeated: DOMUS_A_PORT_* */
	DOMUS_A_DEV_COLS,	/* u32, at most 32767 */
	DOMUS_A_DEV_ROWS,	/* u32, at most 32767 */
	DOMUS_A_DEV_CID,	/* u64: of the guest, AF_VSOCK: 3 to 2^32 - 2 */
	DOMUS_A_DEV_EVENTFDS,	/* binary: DOMUS_DEV_EVENTFDS times u32, see DEV_NEW */
	__DOMUS_A_DEV_MAX
};

#define DOMUS_A_DEV_MAX (__DOMUS_A_DEV_MAX - 1)

enum domus_attr_queue {
	DOMUS_A_QUEUE_UNSPEC,
	DOMUS_A_QUEUE_PAD,
	DOMUS_A_QUEUE_ID,	/* u32 */
	DOMUS_A_QUEUE_SIZE,	/* u32: descriptors, 0: not enabled */
	DOMUS_A_QUEUE_KICKS,	/* u64: times that the host looked for buffers */
	DOMUS_A_QUEUE_BUFFERS,	/* u64: given back */
	DOMUS_A_QUEUE_SIGNALS,	/* u64: to the guest */
	DOMUS_A_QUEUE_REQUESTS,	/* u32: under way */
	__DOMUS_A_QUEUE_MAX
};

#define DOMUS_A_QUEUE_MAX (__DOMUS_A_QUEUE_MAX - 1)

enum domus_attr_counter {
	DOMUS_A_COUNTER_UNSPEC,
	DOMUS_A_COUNTER_PAD,
	DOMUS_A_COUNTER_NAME,	/* string */
	DOMUS_A_COUNTER_VALUE,	/* u64 */
	__DOMUS_A_COUNTER_MAX
};

#define DOMUS_A_COUNTER_MAX (__DOMUS_A_COUNTER_MAX - 1)

enum domus_attr_port {
	DOMUS_A_PORT_UNSPEC,
	DOMUS_A_PORT_PAD,
	DOMUS_A_PORT_ID,	/* u32 */
	DOMUS_A_PORT_NAME,	/* string, DOMUS_DEV_NAME_MAX: as a domain's name */
	DOMUS_A_PORT_FD,	/* u32 */
	DOMUS_A_PORT_TERMINAL,	/* flag: a console of the guest */
	DOMUS_A_PORT_GUEST,	/* flag: the guest has opened it */
	DOMUS_A_PORT_HOST,	/* flag: a client is connected */
	DOMUS_A_PORT_PATH,	/* string: of the socket, if it has one */
	__DOMUS_A_PORT_MAX
};

#define DOMUS_A_PORT_MAX (__DOMUS_A_PORT_MAX - 1)

enum domus_dev_kind {
	DOMUS_DEV_KIND_UNSPEC,
	DOMUS_DEV_KIND_BLK,
	DOMUS_DEV_KIND_NET,
	DOMUS_DEV_KIND_RNG,
	DOMUS_DEV_KIND_BALLOON,
	DOMUS_DEV_KIND_CONSOLE,
	DOMUS_DEV_KIND_VSOCK,
	__DOMUS_DEV_KIND_MAX
};

#define DOMUS_DEV_KIND_MAX (__DOMUS_DEV_KIND_MAX - 1)

/* DOMUS_A_DEV_FLAGS */
#define DOMUS_DEV_FLAG_READONLY		(1 << 0) /* the guest cannot write */
#define DOMUS_DEV_FLAG_SHARED		(1 << 1) /* though another domain has it, too */
#define DOMUS_DEV_FLAG_WRITETHROUGH	(1 << 2) /* each write is on the disk when it is done */
#define DOMUS_DEV_FLAG_SPLIT		(1 << 3) /* of rings only split ones are offered */
#define DOMUS_DEV_FLAG_FORCE		(1 << 4) /* though others are not SHARED; itself it is */
#define DOMUS_DEV_FLAGS			31	/* what DEV_NEW takes */
#define DOMUS_DEV_FLAG_DIRECT		(1 << 5) /* past the host's page cache; only told */

#define DOMUS_DEV_SERIAL_MAX		20	/* bytes */
#define DOMUS_DEV_QUEUES_MAX		16
#define DOMUS_DEV_PORTS_MAX		15
#define DOMUS_DEV_RATE_MAX		1000000000000ULL /* bytes or operations per second */
#define DOMUS_DEV_RATE_BURST_MS_MAX	60000
#define DOMUS_DEV_TIMEOUT_MS_MAX	1000

enum domus_state {
	DOMUS_STATE_NEW,	/* made, image not started */
	DOMUS_STATE_RUNNING,
	DOMUS_STATE_REBOOT,	/* asked for a reboot; waits for the holder's RESET */
	DOMUS_STATE_DEAD,	/* see the reason */
};

/* Why a domain ended. The text in DOMUS_A_REASON says more. */
enum domus_reason {
	DOMUS_REASON_NONE,
	DOMUS_REASON_POWEROFF,		/* the guest asked */
	DOMUS_REASON_REBOOT,		/* the guest asked (not dead) */
	DOMUS_REASON_CRASH,		/* the guest said so: panic */
	DOMUS_REASON_SUSPEND,
	DOMUS_REASON_DESTROYED,		/* DOMAIN_DEL */
	DOMUS_REASON_DOUBLE_FAULT,
	DOMUS_REASON_BAD_CALL,		/* broke the para-API */
	DOMUS_REASON_BAD_ENTRY,		/* exception without an entry */
	DOMUS_REASON_MEMORY,		/* host could not provide memory */
	DOMUS_REASON_MACHINE_CHECK,
	DOMUS_REASON_SWITCHER,		/* fault inside the switcher: a bug of domus */
	DOMUS_REASON_HOLDER,		/* the holder went away */
	__DOMUS_REASON_MAX
};

enum domus_event {
	DOMUS_EVENT_CREATED,
	DOMUS_EVENT_STARTED,	/* the guest made its first call */
	DOMUS_EVENT_REBOOT,
	DOMUS_EVENT_DIED,
	DOMUS_EVENT_GONE,
	DOMUS_EVENT_PAUSED,
	DOMUS_EVENT_UNPAUSED,
};

/* Why DOMUS_IOC_RUN came back with 0 */
#define DOMUS_EXIT_DEAD		1	/* the domain is dead: see DOMAIN_GET */
#define DOMUS_EXIT_REBOOT	2	/* every vCPU must leave, then RESET */

/**
 * struct domus_run - argument of DOMUS_IOC_RUN
 * @vcpu: in: number of the vCPU
 * @exit: out: DOMUS_EXIT_*
 */
struct domus_run {
	__u32 vcpu;
	__u32 exit;
	__u64 reserved[3];	/* zero */
};

#define DOMUS_VHOST_QUEUES	2	/* receive, transmit */
#define DOMUS_DEV_EVENTFDS	5	/* DOMUS_A_DEV_EVENTFDS */

/* A ring, by addresses of the holder. */
struct domus_vhost_queue {
	__u64 desc;
	__u64 avail;
	__u64 used;
	__u32 size;
	__u32 reserved;
};

/**
 * struct domus_vhost - argument of DOMUS_IOC_VHOST
 * @generation: in: the last answer's that was carried out, 0 at first; out: of this one
 * @running: out: vhost is to use @queues, with @features; or to use nothing any more
 */
struct domus_vhost {
	__u32 generation;
	__u32 running;
	__u64 features;
	struct domus_vhost_queue queues[DOMUS_VHOST_QUEUES];
	__u64 reserved[2];	/* zero */
};

/*
 * ioctls of /dev/domus. RUN runs one vCPU in the calling thread until the domain
 * ends, waiting while it is offline. -EINTR: a signal, or work of the kernel that is
 * done on the way to user space; call again. A thread that is registered with rseq(2)
 * has such work after every change of the task: RUN's should not be. -EIO from
 * another process than the one that made the domain, -EBUSY when another thread
 * runs this vCPU, or it is being reset.
 *
 * VHOST waits until the domain's socket device wants something else of the host's
 * vhost-vsock than the answer before. A guest that resets the device waits until the
 * holder has stopped vhost and called again. -ENODEV: there is none (any more),
 * -ESHUTDOWN: the domain is dead.
 *
 * read() takes console output (blocks unless O_NONBLOCK; 0 when the domain is
 * dead and all was read), write() gives console input, poll() as usual;
 * POLLHUP: the domain is dead.
 */
#define DOMUS_IOC_VERSION	_IO('D', 0x00)	/* -> DOMUS_HOST_ABI */
#define DOMUS_IOC_RUN		_IOWR('D', 0x01, struct domus_run)
#define DOMUS_IOC_VHOST		_IOWR('D', 0x02, struct domus_vhost)

#endif /* _UAPI_LINUX_DOMUS_H */
