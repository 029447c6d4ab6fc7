// SPDX-License-Identifier: GPL-2.0-only
/*
 * The para-API's layout, asserted: a change of any of these is another ABI.
 * No code comes of this file.
 */
#include <linux/build_bug.h>
#include <linux/stddef.h>
#include <linux/types.h>

#include <uapi/asm/domus_guest.h>
#include <uapi/linux/domus.h>

#define SIZE(type, size)	static_assert(sizeof(struct type) == (size))
#define AT(type, field, off)	static_assert(offsetof(struct type, field) == (off))

SIZE(domus_image_note, 80);
AT(domus_image_note, abi_major, 0);
AT(domus_image_note, abi_minor, 2);
AT(domus_image_note, flags, 4);
AT(domus_image_note, required, 8);
AT(domus_image_note, supported, 16);
AT(domus_image_note, entry, 24);
AT(domus_image_note, hypercall_page, 32);
AT(domus_image_note, map_base, 40);
AT(domus_image_note, map_size, 48);
AT(domus_image_note, direct_base, 56);
AT(domus_image_note, name, 64);

SIZE(domus_memmap, 24);
AT(domus_memmap, start, 0);
AT(domus_memmap, size, 8);
AT(domus_memmap, type, 16);
AT(domus_memmap, pad, 20);

SIZE(domus_start_info, 864);
AT(domus_start_info, magic, 0);
AT(domus_start_info, size, 8);
AT(domus_start_info, abi_major, 12);
AT(domus_start_info, abi_minor, 14);
AT(domus_start_info, features, 16);
AT(domus_start_info, memory, 24);
AT(domus_start_info, cmdline_gpa, 32);
AT(domus_start_info, cmdline_len, 40);
AT(domus_start_info, vcpus, 44);
AT(domus_start_info, initrd_gpa, 48);
AT(domus_start_info, initrd_size, 56);
AT(domus_start_info, root_gpa, 64);
AT(domus_start_info, vcpu_page_gpa, 72);
AT(domus_start_info, event_page_gpa, 80);
AT(domus_start_info, console_port, 88);
AT(domus_start_info, memmap_count, 92);
AT(domus_start_info, memmap, 96);

SIZE(domus_frame, 128);
AT(domus_frame, rip, 0);
AT(domus_frame, cs, 8);
AT(domus_frame, rflags, 16);
AT(domus_frame, rsp, 24);
AT(domus_frame, ss, 32);
AT(domus_frame, error, 40);
AT(domus_frame, vector, 48);
AT(domus_frame, cr2, 56);
AT(domus_frame, rcx, 64);
AT(domus_frame, r11, 72);
AT(domus_frame, reserved, 80);

SIZE(domus_return, 128);
AT(domus_return, rip, 0);
AT(domus_return, cs, 8);
AT(domus_return, rflags, 16);
AT(domus_return, rsp, 24);
AT(domus_return, ss, 32);
AT(domus_return, rax, 40);
AT(domus_return, rcx, 48);
AT(domus_return, r11, 56);
AT(domus_return, fill, 64);
AT(domus_return, reserved, 72);

SIZE(domus_vcpu_page, 4096);
AT(domus_vcpu_page, vif, 0x0);
AT(domus_vcpu_page, pending, 0x1);
AT(domus_vcpu_page, busy, 0x2);
AT(domus_vcpu_page, preempted, 0x3);
AT(domus_vcpu_page, id, 0x4);
AT(domus_vcpu_page, port_select, 0x8);
AT(domus_vcpu_page, steal_ns, 0x10);
AT(domus_vcpu_page, timer_ns, 0x18);
AT(domus_vcpu_page, timer_from_ns, 0x20);
AT(domus_vcpu_page, reserved0, 0x28);
AT(domus_vcpu_page, frame, 0x40);
AT(domus_vcpu_page, ret, 0xc0);
AT(domus_vcpu_page, kernel_sp, 0x140);
AT(domus_vcpu_page, kernel_gs, 0x148);
AT(domus_vcpu_page, user_gs, 0x150);
AT(domus_vcpu_page, reserved1, 0x158);

SIZE(domus_event_page, 4096);
AT(domus_event_page, pending, 0);
AT(domus_event_page, mask, 512);
AT(domus_event_page, reserved, 1024);

SIZE(domus_clock_page, 4096);
AT(domus_clock_page, version, 0);
AT(domus_clock_page, pad0, 4);
AT(domus_clock_page, tsc_timestamp, 8);
AT(domus_clock_page, system_time, 16);
AT(domus_clock_page, tsc_to_system_mul, 24);
AT(domus_clock_page, tsc_shift, 28);
AT(domus_clock_page, flags, 29);
AT(domus_clock_page, pad1, 30);
AT(domus_clock_page, wall_base_ns, 32);
AT(domus_clock_page, tsc_khz, 40);
AT(domus_clock_page, reserved, 48);

SIZE(domus_vcpu_init, 64);
AT(domus_vcpu_init, rip, 0);
AT(domus_vcpu_init, rsp, 8);
AT(domus_vcpu_init, rdi, 16);
AT(domus_vcpu_init, root_gpa, 24);
AT(domus_vcpu_init, vcpu_page_gpa, 32);
AT(domus_vcpu_init, kernel_gs, 40);
AT(domus_vcpu_init, reserved, 48);

SIZE(domus_dev_info, 80);
AT(domus_dev_info, handle, 0);
AT(domus_dev_info, features, 8);
AT(domus_dev_info, type, 16);
AT(domus_dev_info, vendor, 20);
AT(domus_dev_info, queues, 24);
AT(domus_dev_info, queue_max, 28);
AT(domus_dev_info, config_size, 32);
AT(domus_dev_info, flags, 36);
AT(domus_dev_info, name, 40);
AT(domus_dev_info, reserved, 72);

SIZE(domus_dev_queue, 48);
AT(domus_dev_queue, size, 0);
AT(domus_dev_queue, vcpu, 4);
AT(domus_dev_queue, desc, 8);
AT(domus_dev_queue, driver, 16);
AT(domus_dev_queue, device, 24);
AT(domus_dev_queue, reserved, 32);

SIZE(domus_multicall, 64);
AT(domus_multicall, call, 0);
AT(domus_multicall, args, 8);
AT(domus_multicall, result, 56);

/* What assembly sees of the vCPU page */
AT(domus_vcpu_page, vif, DOMUS_VP_VIF);
AT(domus_vcpu_page, pending, DOMUS_VP_PENDING);
AT(domus_vcpu_page, busy, DOMUS_VP_BUSY);
AT(domus_vcpu_page, frame, DOMUS_VP_FRAME);
AT(domus_vcpu_page, frame.rip, DOMUS_VP_FRAME_RIP);
AT(domus_vcpu_page, frame.cs, DOMUS_VP_FRAME_CS);
AT(domus_vcpu_page, frame.rflags, DOMUS_VP_FRAME_RFLAGS);
AT(domus_vcpu_page, frame.rsp, DOMUS_VP_FRAME_RSP);
AT(domus_vcpu_page, frame.ss, DOMUS_VP_FRAME_SS);
AT(domus_vcpu_page, frame.error, DOMUS_VP_FRAME_ERROR);
AT(domus_vcpu_page, frame.vector, DOMUS_VP_FRAME_VECTOR);
AT(domus_vcpu_page, frame.cr2, DOMUS_VP_FRAME_CR2);
AT(domus_vcpu_page, frame.rcx, DOMUS_VP_FRAME_RCX);
AT(domus_vcpu_page, frame.r11, DOMUS_VP_FRAME_R11);
AT(domus_vcpu_page, ret, DOMUS_VP_RET);
AT(domus_vcpu_page, ret.rip, DOMUS_VP_RET_RIP);
AT(domus_vcpu_page, ret.cs, DOMUS_VP_RET_CS);
AT(domus_vcpu_page, ret.rflags, DOMUS_VP_RET_RFLAGS);
AT(domus_vcpu_page, ret.rsp, DOMUS_VP_RET_RSP);
AT(domus_vcpu_page, ret.ss, DOMUS_VP_RET_SS);
AT(domus_vcpu_page, ret.rax, DOMUS_VP_RET_RAX);
AT(domus_vcpu_page, ret.rcx, DOMUS_VP_RET_RCX);
AT(domus_vcpu_page, ret.r11, DOMUS_VP_RET_R11);
AT(domus_vcpu_page, ret.fill, DOMUS_VP_RET_FILL);
AT(domus_vcpu_page, kernel_sp, DOMUS_VP_KERNEL_SP);
AT(domus_vcpu_page, kernel_gs, DOMUS_VP_KERNEL_GS);
AT(domus_vcpu_page, user_gs, DOMUS_VP_USER_GS);

/* Limits that structures and numbers share */
static_assert(DOMUS_NR_CALLS <= DOMUS_HC_PAGE_CALLS);
static_assert(DOMUS_HC_PAGE_CALLS * DOMUS_HC_STUB_SIZE == 4096);
static_assert(DOMUS_MAX_PORTS / 64 <= 64);	/* port_select has a bit for each word */
static_assert(DOMUS_MAX_VCPUS <= 64);		/* masks of vCPUs are one word */

/* The ioctl's argument */
SIZE(domus_run, 32);
AT(domus_run, vcpu, 0);
AT(domus_run, exit, 4);
AT(domus_run, reserved, 8);
