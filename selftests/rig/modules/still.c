// SPDX-License-Identifier: GPL-2.0-only
/*
 * Keeps the scheduler's code as it is while domus comes and goes.
 *
 * The first user of preempt notifiers and the last one patch __schedule(). On real
 * CPUs that is the kernel's daily business. QEMU 7.2, emulating several CPUs in
 * parallel, now and then keeps its translation of the breakpoint that is there in
 * between, and that CPU takes it for ever: about once in 100 loads of domus. So
 * the rig loads this before it brings the other CPUs up, and nothing is patched later.
 */
#include <linux/module.h>
#include <linux/preempt.h>

static int __init still_init(void)
{
	preempt_notifier_inc();
	return 0;
}

/* No exit: it stays for as long as the machine does. */
module_init(still_init);

MODULE_DESCRIPTION("keeps the scheduler unpatched in an emulated machine");
MODULE_AUTHOR("The domus developers");
MODULE_LICENSE("GPL");
