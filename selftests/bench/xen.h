/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * As much of Xen's ABI for PV kernels (x86-64) as it takes to measure: the numbers and
 * layouts of xen/include/public.
 */
#ifndef XEN_H
#define XEN_H

/* Calls, by their place in the hypercall page. */
#define XEN_SET_CALLBACKS	4
#define XEN_UPDATE_VA_MAPPING	14
#define XEN_VERSION		17
#define XEN_CONSOLE_IO		18
#define XEN_VCPU_OP		24
#define XEN_MMUEXT_OP		26
#define XEN_SCHED_OP		29
#define XEN_EVENT_CHANNEL_OP	32

#define DOMID_SELF		0x7ff0

#define CONSOLEIO_WRITE		0
#define VCPUOP_INITIALISE	0
#define VCPUOP_UP		1
#define VCPUOP_DOWN		2
#define VCPUOP_IS_UP		3
#define SCHEDOP_BLOCK		1
#define SCHEDOP_SHUTDOWN	2
#define SHUTDOWN_REBOOT		1
#define EVTCHNOP_SEND		4
#define EVTCHNOP_BIND_IPI	7

/* UPDATE_VA_MAPPING: what to flush besides; a pointer to a mask of CPUs may be added. */
#define UVMF_INVLPG		2

#define MMUEXT_INVLPG_MULTI	9
struct xen_mmuext {
	unsigned int cmd;
	unsigned long va;
	const void *vcpumask;
};

/* Flat segments of Xen's own GDT; all kernels and programs of its guests are in ring 3. */
#define XEN_CS			0xe033
#define XEN_SS			0xe02b

struct xen_vcpu_info {
	unsigned char pending, masked;
	unsigned long select, arch[2], time[4];
};

struct xen_shared_info {
	struct xen_vcpu_info vcpu[32];
	unsigned long pending[64], mask[64];
};

struct xen_start_info {
	char magic[32];
	unsigned long nr_pages, shared_info;
	unsigned int flags;
	unsigned long store_mfn;
	unsigned int store_port;
	unsigned long console[2];
	unsigned long pt_base, nr_pt_frames;
	const unsigned long *mfn_list;
};

struct xen_regs {
	unsigned long r15, r14, r13, r12, rbp, rbx, r11, r10, r9, r8, rax, rcx, rdx, rsi, rdi;
	unsigned long error_and_vector, rip;
	unsigned long cs, rflags, rsp, ss, es, ds, fs, gs;
};

#define VGCF_IN_KERNEL		(1UL << 2)

struct xen_vcpu_context {
	unsigned char fpu[512];
	unsigned long flags;
	struct xen_regs regs;
	struct {
		unsigned char vector, flags;
		unsigned short cs;
		unsigned long rip;
	} trap[256];
	unsigned long ldt[2], gdt_frames[16], gdt_entries;
	unsigned long kernel_ss, kernel_sp;
	unsigned long cr[8], dr[8];
	unsigned long event, failsafe, syscall, vm_assist;
	unsigned long fs_base, kernel_gs, user_gs;
} __attribute__((aligned(16)));

/* Of the kernel itself, and what its assembly calls. */
extern unsigned char hypercall_page[], xen_cpu[];
void xen_main(const struct xen_start_info *start_info);
void cpu_main(unsigned long nr);
void take_event(void);

#endif /* XEN_H */
