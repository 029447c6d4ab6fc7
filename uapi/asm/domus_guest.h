/* SPDX-License-Identifier: GPL-2.0-only WITH Linux-syscall-note */
/*
 * The domus para-API: everything that a guest kernel and the hypervisor share.
 *
 * The prose is in uapi/PARA-API.md; this file is its layout, in this order:
 *   1. versions and feature bits
 *   2. the ELF note by which an image says what it is and needs
 *   3. the start info page
 *   4. the vCPU page
 *   5. the event page and ports
 *   6. the clock page
 *   7. calls, their arguments and structures
 *
 * Rules: little endian, x86-64; every structure has the same layout in every
 * compiler (fixed-width types, explicit padding, sizes asserted in
 * kmod/abi_check.c); reserved fields are zero when written and ignored when read.
 * May be included from assembly: only the constants are visible there.
 */
#ifndef _UAPI_ASM_DOMUS_GUEST_H
#define _UAPI_ASM_DOMUS_GUEST_H

#ifndef __ASSEMBLER__
#include <linux/types.h>
#endif

/* ---- 1. Versions and features ------------------------------------------- */

/* A guest runs under a hypervisor of the same major and of no lower minor. */
#define DOMUS_ABI_MAJOR			1
#define DOMUS_ABI_MINOR			0

/* Feature bits; those offered are in start_info.features and DOMUS_HC_FEATURES. */
#define DOMUS_F_COMMON_UPPER		0	/* upper half is equal in all roots (required) */
#define DOMUS_F_FLUSH_VCPU_MASK		1	/* MMU_FLUSH honours its vCPU mask */
#define DOMUS_F_MULTICALL		2	/* DOMUS_HC_MULTICALL */
#define DOMUS_F_FILL_HINT		3	/* return frames carry the address just mapped */
#define DOMUS_F_FSGSBASE		4	/* rd/wr{fs,gs}base work in ring 3 */
#define DOMUS_F_TSC_CLOCK		5	/* the clock page is exact: user space may read it */
#define DOMUS_F_CONSOLE			6	/* DOMUS_HC_CONSOLE_* */
#define DOMUS_F_EVENTS			7	/* ports */
#define DOMUS_F_SMP			8	/* DOMUS_HC_VCPU_UP and friends start vCPUs */
#define DOMUS_F_DEVICES			9	/* DOMUS_HC_DEV_* */
#define DOMUS_F_STEAL			10	/* steal_ns and preempted of vCPU pages are kept */
#define DOMUS_F_VCPU_WAIT		11	/* DOMUS_HC_VCPU_WAIT, _KICK and _YIELD_TO */
#define DOMUS_F_TIMER_PAGE		12	/* timer_ns and timer_from_ns of vCPU pages */
#define DOMUS_F_FLUSH_LEAVES		13	/* MMU_FLUSH has LEAVES */

/* ---- 2. ELF note --------------------------------------------------------- */

#define DOMUS_NOTE_NAME			"domus"
#define DOMUS_NOTE_IMAGE		1	/* descriptor: struct domus_image_note */

/* Bits of domus_image_note.flags */
#define DOMUS_IMAGE_MAP_DIRECT		(1 << 0) /* builder maps all memory at direct_base too */

/* ---- 4. vCPU page: offsets for assembly, asserted against the structure -- */

#define DOMUS_VP_VIF			0x000
#define DOMUS_VP_PENDING		0x001
#define DOMUS_VP_BUSY			0x002
#define DOMUS_VP_FRAME			0x040
#define DOMUS_VP_FRAME_RIP		0x040
#define DOMUS_VP_FRAME_CS		0x048
#define DOMUS_VP_FRAME_RFLAGS		0x050
#define DOMUS_VP_FRAME_RSP		0x058
#define DOMUS_VP_FRAME_SS		0x060
#define DOMUS_VP_FRAME_ERROR		0x068
#define DOMUS_VP_FRAME_VECTOR		0x070
#define DOMUS_VP_FRAME_CR2		0x078
#define DOMUS_VP_FRAME_RCX		0x080
#define DOMUS_VP_FRAME_R11		0x088
#define DOMUS_VP_RET			0x0c0
#define DOMUS_VP_RET_RIP		0x0c0
#define DOMUS_VP_RET_CS			0x0c8
#define DOMUS_VP_RET_RFLAGS		0x0d0
#define DOMUS_VP_RET_RSP		0x0d8
#define DOMUS_VP_RET_SS			0x0e0
#define DOMUS_VP_RET_RAX		0x0e8
#define DOMUS_VP_RET_RCX		0x0f0
#define DOMUS_VP_RET_R11		0x0f8
#define DOMUS_VP_RET_FILL		0x100
#define DOMUS_VP_KERNEL_SP		0x140
#define DOMUS_VP_KERNEL_GS		0x148
#define DOMUS_VP_USER_GS		0x150

/* Selector values that frames show. The hardware selectors are the hypervisor's. */
#define DOMUS_KERNEL_CS			0x10
#define DOMUS_KERNEL_SS			0x18
#define DOMUS_USER_CS			0x33
#define DOMUS_USER_SS			0x2b

/* ---- 5. Ports ------------------------------------------------------------ */

#define DOMUS_MAX_PORTS			4096
#define DOMUS_MAX_VCPUS			64

/* Kinds of port, for DOMUS_HC_EVENT_BIND */
#define DOMUS_PORT_TIMER		1	/* the vCPU's one-shot timer */
#define DOMUS_PORT_IPI			2	/* signalled by DOMUS_HC_EVENT_SEND only */
#define DOMUS_PORT_CONSOLE		3	/* console input arrived */
#define DOMUS_PORT_BUS			4	/* devices came, or are to leave */
#define DOMUS_PORT_DEVICE		5	/* of a device; bound by DOMUS_HC_DEV_* only */
#define DOMUS_PORT_VCPUS		6	/* the host wants other vCPUs online than before */

/* ---- 7. Calls ------------------------------------------------------------ */

/* Entry points, for DOMUS_HC_SET_ENTRY: 0..31 are the exception vectors. */
#define DOMUS_ENTRY_EVENT		32
#define DOMUS_ENTRY_SYSCALL		33
#define DOMUS_NR_ENTRIES		34

/* Call numbers. The stub of call N is at hypercall page + 32 * N. */
#define DOMUS_HC_RETURN			0
#define DOMUS_HC_SYSRET			1
#define DOMUS_HC_VERSION		2
#define DOMUS_HC_FEATURES		3
#define DOMUS_HC_CONSOLE_WRITE		4
#define DOMUS_HC_CONSOLE_READ		5
#define DOMUS_HC_SET_ENTRY		6
#define DOMUS_HC_SET_VCPU_PAGE		7
#define DOMUS_HC_SET_CLOCK_PAGE		8
#define DOMUS_HC_LOAD_ROOT		9
#define DOMUS_HC_MMU_FLUSH		10
#define DOMUS_HC_RELEASE_ROOT		11
#define DOMUS_HC_SET_SEGMENT		12
#define DOMUS_HC_SET_TLS		13
#define DOMUS_HC_SET_DEBUGREG		14
#define DOMUS_HC_GET_DEBUGREG		15
#define DOMUS_HC_CPUID			16
#define DOMUS_HC_RDMSR			17
#define DOMUS_HC_WRMSR			18
#define DOMUS_HC_SET_TIMER		19
#define DOMUS_HC_GET_TIME		20
#define DOMUS_HC_BLOCK			21
#define DOMUS_HC_YIELD			22
#define DOMUS_HC_IBPB			23
#define DOMUS_HC_DELIVER		24
#define DOMUS_HC_VCPU_UP		25
#define DOMUS_HC_VCPU_DOWN		26
#define DOMUS_HC_VCPU_STATE		27
#define DOMUS_HC_EVENT_BIND		28
#define DOMUS_HC_EVENT_CLOSE		29
#define DOMUS_HC_EVENT_UNMASK		30
#define DOMUS_HC_EVENT_SEND		31
#define DOMUS_HC_DEV_CONFIG		32
#define DOMUS_HC_DEV_QUEUE		33
#define DOMUS_HC_DEV_NOTIFY		34
#define DOMUS_HC_SHUTDOWN		35
#define DOMUS_HC_MULTICALL		36
#define DOMUS_HC_VCPU_WAIT		37
#define DOMUS_HC_VCPU_KICK		38
#define DOMUS_HC_YIELD_TO		39
#define DOMUS_NR_CALLS			40

#define DOMUS_HC_STUB_SIZE		32
#define DOMUS_HC_PAGE_CALLS		128	/* stubs beyond DOMUS_NR_CALLS answer -ENOSYS */

/* DOMUS_HC_MMU_FLUSH operations */
#define DOMUS_FLUSH_ALL			0	/* every root, upper half too */
#define DOMUS_FLUSH_ROOT		1	/* all of one root's lower half */
#define DOMUS_FLUSH_RANGE		2	/* [start, end) of one root or of the upper half */
#define DOMUS_FLUSH_WRPROTECT		3	/* the same range loses write access only */
#define DOMUS_FLUSH_LEAVES		4	/* the same as RANGE, no entry above a leaf changed */

/* DOMUS_HC_SET_SEGMENT */
#define DOMUS_SEG_FS_BASE		0
#define DOMUS_SEG_KERNEL_GS_BASE	1
#define DOMUS_SEG_USER_GS_BASE		2
#define DOMUS_SEG_USER_GS_SEL		3	/* load a user %gs selector; its base becomes user_gs */

/* DOMUS_HC_GET_TIME */
#define DOMUS_TIME_MONOTONIC		0	/* ns since the domain was started */
#define DOMUS_TIME_WALL			1	/* ns since 1970-01-01 UTC */

/* DOMUS_HC_SHUTDOWN */
#define DOMUS_SHUTDOWN_POWEROFF		0
#define DOMUS_SHUTDOWN_REBOOT		1
#define DOMUS_SHUTDOWN_CRASH		2
#define DOMUS_SHUTDOWN_SUSPEND		3

/* DOMUS_HC_DEV_CONFIG operations. A handle is of DOMUS_DEV_INFO. */
#define DOMUS_DEV_INFO			0	/* (slot, gpa): what is there */
#define DOMUS_DEV_READ			1	/* (handle, offset, gpa, bytes): config space */
#define DOMUS_DEV_WRITE			2	/* (handle, offset, gpa, bytes) */
#define DOMUS_DEV_GET_STATUS		3	/* (handle) */
#define DOMUS_DEV_SET_STATUS		4	/* (handle, status): 0 resets */
#define DOMUS_DEV_SET_FEATURES		5	/* (handle, features) */
#define DOMUS_DEV_PORT			6	/* (handle, vcpu): port of config changes */
#define DOMUS_DEV_LET_GO		7	/* (handle): the guest is done with it */

/* DOMUS_HC_DEV_QUEUE operations: (op, handle, queue, ...) */
#define DOMUS_QUEUE_ENABLE		0	/* (gpa of struct domus_dev_queue): port */
#define DOMUS_QUEUE_DISABLE		1
#define DOMUS_QUEUE_SET_VCPU		2	/* (vcpu) */

#define DOMUS_MAX_DEVICES		64	/* slots of a domain */
#define DOMUS_MAX_QUEUES		32	/* of a device */
#define DOMUS_DEV_NAME_MAX		31	/* bytes */

/* domus_dev_info.flags */
#define DOMUS_DEV_LEAVING		(1 << 0) /* the host wants it back: let go of it */
#define DOMUS_DEV_ENDING		(1 << 1) /* and takes it: now, whoever uses it */

/* DOMUS_HC_VCPU_STATE: one of the first two, and the flag */
#define DOMUS_VCPU_OFFLINE		0
#define DOMUS_VCPU_ONLINE		1
#define DOMUS_VCPU_UNWANTED		(1 << 1) /* the host wants it offline, and DOMUS_HC_VCPU_UP fails */

#define DOMUS_TIMER_OFF			(~0ULL)

/* DOMUS_HC_MULTICALL */
#define DOMUS_MULTICALL_MAX		128

#ifndef __ASSEMBLER__

/**
 * struct domus_image_note - descriptor of the DOMUS_NOTE_IMAGE note
 * @abi_major: DOMUS_ABI_MAJOR the image was built for
 * @abi_minor: lowest minor that it runs with
 * @required: feature bits (1 << DOMUS_F_x) without which it does not run
 * @supported: feature bits that it makes use of when offered
 * @entry: virtual address of the first instruction
 * @hypercall_page: virtual address of a 4 KiB aligned page in the image, in the
 *	kernel mapping, that the hypervisor fills with call stubs
 * @map_base: virtual address at which the builder maps guest physical 0
 *	(2 MiB aligned, upper half; read, write, execute)
 * @map_size: how much it maps there at most, in bytes (2 MiB aligned)
 * @direct_base: virtual address of a second mapping of all memory (read, write;
 *	1 GiB aligned), used with DOMUS_IMAGE_MAP_DIRECT
 * @flags: DOMUS_IMAGE_*
 * @name: name of the guest's kind, NUL padded, for messages
 */
struct domus_image_note {
	__u16 abi_major;
	__u16 abi_minor;
	__u32 flags;
	__u64 required;
	__u64 supported;
	__u64 entry;
	__u64 hypercall_page;
	__u64 map_base;
	__u64 map_size;
	__u64 direct_base;
	char  name[16];
};

/* ---- 3. Start info -------------------------------------------------------- */

#define DOMUS_START_MAGIC		0x73756d6f64ULL	/* "domus", little endian */
#define DOMUS_START_MEMMAP_MAX		32

/* domus_memmap.type */
#define DOMUS_MEM_RAM			1	/* free from the start */
#define DOMUS_MEM_BOOT			2	/* builder's data: free once the guest is done with it */
#define DOMUS_MEM_IMAGE			3	/* the loaded kernel image */

struct domus_memmap {
	__u64 start;	/* guest physical, bytes, 4 KiB aligned */
	__u64 size;	/* bytes, 4 KiB aligned */
	__u32 type;	/* DOMUS_MEM_* */
	__u32 pad;
};

/**
 * struct domus_start_info - one page; RSI holds its virtual address at entry
 *
 * All _gpa fields are guest physical addresses and 0 when absent.
 */
struct domus_start_info {
	__u64 magic;		/* DOMUS_START_MAGIC */
	__u32 size;		/* sizeof(struct domus_start_info) as the builder knows it */
	__u16 abi_major;	/* of the hypervisor */
	__u16 abi_minor;
	__u64 features;		/* offered */
	__u64 memory;		/* bytes, from guest physical 0 */
	__u64 cmdline_gpa;	/* NUL terminated */
	__u32 cmdline_len;	/* without the NUL */
	__u32 vcpus;		/* that may be brought up */
	__u64 initrd_gpa;
	__u64 initrd_size;	/* bytes */
	__u64 root_gpa;		/* the root that is loaded */
	__u64 vcpu_page_gpa;	/* vCPU page of vCPU 0 */
	__u64 event_page_gpa;
	__u32 console_port;	/* 0: none bound yet, use EVENT_BIND */
	__u32 memmap_count;
	struct domus_memmap memmap[DOMUS_START_MEMMAP_MAX]; /* sorted, no overlap, covers memory */
};

/**
 * struct domus_frame - what an entry interrupted; written by the hypervisor
 *
 * @rflags: IF is the virtual interrupt flag at the time of the event
 * @rcx, @r11: not used. At the syscall entry the registers RCX and R11 are
 *	lost: user RIP and RFLAGS are here
 */
struct domus_frame {
	__u64 rip;
	__u64 cs;	/* DOMUS_KERNEL_CS or DOMUS_USER_CS: tells the mode */
	__u64 rflags;
	__u64 rsp;
	__u64 ss;	/* DOMUS_KERNEL_SS or DOMUS_USER_SS */
	__u64 error;	/* hardware error code, 0 where the vector has none */
	__u64 vector;	/* 0..31, DOMUS_ENTRY_EVENT, DOMUS_ENTRY_SYSCALL */
	__u64 cr2;	/* vector 14: fault address; vector 1: DR6 */
	__u64 rcx;
	__u64 r11;
	__u64 reserved[6];
};

/**
 * struct domus_return - operand of DOMUS_HC_RETURN and DOMUS_HC_SYSRET
 * @cs: DOMUS_USER_CS returns to user mode, DOMUS_KERNEL_CS to kernel mode
 * @fill: page-aligned address that the guest has just mapped for the
 *	interrupted code to touch, or 0; a hint, may be ignored; set to 0 by the
 *	hypervisor when used
 */
struct domus_return {
	__u64 rip;
	__u64 cs;
	__u64 rflags;	/* IF: virtual interrupt flag after the return (user: taken as set) */
	__u64 rsp;
	__u64 ss;	/* not read */
	__u64 rax;
	__u64 rcx;	/* DOMUS_HC_RETURN only */
	__u64 r11;	/* DOMUS_HC_RETURN only */
	__u64 fill;
	__u64 reserved[7];
};

/**
 * struct domus_vcpu_page - shared by one vCPU and the hypervisor; 4 KiB aligned
 * @vif: guest writes 1 to enable events and 0 to disable; entries set it to 0
 * @pending: hypervisor sets to 1 when a port of this vCPU became deliverable;
 *	the guest sets to 0 at the start of its event handler, before it reads
 *	@port_select
 * @busy: hypervisor sets to 1 when it fills @frame; the entry stub sets to 0
 *	when it has copied it. An event with @busy set is a double fault. The
 *	syscall entry fills only rip, rflags and rsp of @frame, not @busy.
 * @id: number of this vCPU
 * @kernel_sp: RSP at every entry from user mode
 * @kernel_gs: GS base in kernel mode, loaded at every entry from user mode
 * @user_gs: GS base of user mode: written by entries, loaded by returns
 * @port_select: bit n: word n of the event page's pending bits has news
 * @steal_ns: time this vCPU was runnable and did not run, since the domain started
 * @preempted: 1 while the vCPU's thread is not on a CPU though the vCPU does not wait: other
 *	vCPUs may look at it
 * @timer_ns: deadline of the vCPU's timer, as of DOMUS_HC_SET_TIMER, which writes it, too, or
 *	DOMUS_TIMER_OFF; the guest may write another one, see PARA-API 7. The hypervisor sets
 *	it to DOMUS_TIMER_OFF when it has signalled the timer's port
 * @timer_from_ns: deadlines from then on need no call; hypervisor writes
 */
struct domus_vcpu_page {
	__u8  vif;
	__u8  pending;
	__u8  busy;
	__u8  preempted;
	__u32 id;
	__u64 port_select;
	__u64 steal_ns;
	__u64 timer_ns;
	__u64 timer_from_ns;
	__u64 reserved0[3];
	struct domus_frame frame;	/* 0x040 */
	struct domus_return ret;	/* 0x0c0 */
	__u64 kernel_sp;		/* 0x140 */
	__u64 kernel_gs;		/* 0x148 */
	__u64 user_gs;			/* 0x150 */
	__u64 reserved1[469];
};

/* struct domus_event_page - one per domain, 4 KiB aligned */
struct domus_event_page {
	__u64 pending[DOMUS_MAX_PORTS / 64];
	__u64 mask[DOMUS_MAX_PORTS / 64];
	__u64 reserved[384];
};

/**
 * struct domus_clock_page - 4 KiB, nothing else on the page; may be shown to user space
 *
 * The first 32 bytes have the layout of the pvclock interface that KVM and Xen
 * share: ns = system_time + scale(rdtsc - tsc_timestamp), valid while @version
 * is even and unchanged around the reads.
 */
struct domus_clock_page {
	__u32 version;
	__u32 pad0;
	__u64 tsc_timestamp;
	__u64 system_time;	/* ns, DOMUS_TIME_MONOTONIC */
	__u32 tsc_to_system_mul;
	__s8  tsc_shift;
	__u8  flags;		/* DOMUS_CLOCK_* */
	__u8  pad1[2];
	/* wall clock at system_time 0, same version rule */
	__u64 wall_base_ns;
	__u64 tsc_khz;
	__u64 reserved[506];
};

#define DOMUS_CLOCK_STABLE		(1 << 0) /* exact on every vCPU (DOMUS_F_TSC_CLOCK) */
#define DOMUS_CLOCK_STOPPED		(1 << 1) /* by a pause; the guest clears it */

/* DOMUS_HC_VCPU_UP: initial state of a vCPU */
struct domus_vcpu_init {
	__u64 rip;
	__u64 rsp;
	__u64 rdi;		/* handed to the code at rip */
	__u64 root_gpa;
	__u64 vcpu_page_gpa;
	__u64 kernel_gs;
	__u64 reserved[2];
};

/**
 * struct domus_dev_info - a device, for DOMUS_DEV_INFO
 * @handle: names it in other calls; another device in the slot has another one
 * @features: offered, of VIRTIO
 * @type: device ID of VIRTIO
 * @vendor: "dmus"
 * @queues: queue 0 to @queues - 1 exist
 * @queue_max: most descriptors of a queue
 * @config_size: bytes of config space
 * @flags: DOMUS_DEV_*
 * @name: the host's name for it, NUL padded
 */
struct domus_dev_info {
	__u64 handle;
	__u64 features;
	__u32 type;
	__u32 vendor;
	__u32 queues;
	__u32 queue_max;
	__u32 config_size;
	__u32 flags;
	char  name[DOMUS_DEV_NAME_MAX + 1];
	__u64 reserved;
};

#define DOMUS_DEV_VENDOR		0x73756d64U	/* "dmus" */

/**
 * struct domus_dev_queue - a virtqueue, for DOMUS_QUEUE_ENABLE
 * @size: descriptors: at most queue_max; a power of two but in packed rings
 * @vcpu: which its port signals
 * @desc, @driver, @device: guest physical addresses of the areas, aligned as VIRTIO says
 */
struct domus_dev_queue {
	__u32 size;
	__u32 vcpu;
	__u64 desc;
	__u64 driver;
	__u64 device;
	__u64 reserved[2];
};

/* One element of DOMUS_HC_MULTICALL's array */
struct domus_multicall {
	__u64 call;		/* PARA-API.md says which not */
	__u64 args[6];
	__s64 result;
};

#endif /* __ASSEMBLER__ */
#endif /* _UAPI_ASM_DOMUS_GUEST_H */
