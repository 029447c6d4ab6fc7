// SPDX-License-Identifier: GPL-2.0-only
/*
 * domus: a paravirtual hypervisor. Module init and exit.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/cc_platform.h>
#include <linux/module.h>
#include <linux/preempt.h>
#include <linux/printk.h>
#include <asm/cpufeature.h>

#include "bus.h"
#include "cell.h"
#include "control.h"
#include "file.h"
#include "pcid.h"
#include "pge.h"
#include "stats.h"
#include "time.h"

/* Why this host cannot hold domains, or NULL. */
static const char * __init host_refusal(void)
{
	if (boot_cpu_has(X86_FEATURE_XENPV))
		return "the host is a paravirtual Xen guest: it does not own its page tables";
	if (boot_cpu_has(X86_FEATURE_TDX_GUEST))
		return "the host is a TDX guest: the switcher cannot handle #VE";
	if (cc_platform_has(CC_ATTR_GUEST_STATE_ENCRYPT))
		return "the host is an SEV-ES guest: the switcher cannot handle #VC";
	if (IS_ENABLED(CONFIG_PREEMPT_RT))
		return "the host has PREEMPT_RT: its spinlocks sleep, where domus must not";
	return NULL;
}

static int __init domus_init(void)
{
	const char *why = host_refusal();
	int r;

	if (why) {
		pr_err("%s\n", why);
		return -ENODEV;
	}
	r = cell_text_init();
	if (r) {
		pr_err("no copy of the switcher: error %d\n", r);
		return r;
	}
	pcid_init();
	r = pge_init();
	if (r)
		goto err_pcid;
	r = time_init();
	if (r) {
		pr_err("clock cannot be followed: error %d\n", r);
		goto err_pge;
	}
	r = bus_init();
	if (r) {
		pr_err("no work queue: error %d\n", r);
		goto err_time;
	}
	/*
	 * For good, not per vCPU: the key's first user and its last one patch the
	 * scheduler, which stops every CPU of the host. Set without a notifier it
	 * costs one look at an empty list per context switch.
	 */
	preempt_notifier_inc();
	r = control_init();
	if (r) {
		pr_err("netlink family cannot be registered: error %d\n", r);
		goto err_notifiers;
	}
	r = file_init();
	if (r) {
		pr_err("/dev/domus cannot be registered: error %d\n", r);
		goto err_control;
	}
	stats_init();
	return 0;

err_control:
	control_exit();
err_notifiers:
	preempt_notifier_dec();
	bus_exit();
err_time:
	time_exit();
err_pge:
	pge_exit();
err_pcid:
	pcid_exit();
	cell_text_exit();
	return r;
}

static void __exit domus_exit(void)
{
	stats_exit();
	file_exit();
	control_exit();
	preempt_notifier_dec();
	bus_exit();
	time_exit();
	pge_exit();
	pcid_exit();
	cell_text_exit();
}

module_init(domus_init);
module_exit(domus_exit);

MODULE_DESCRIPTION("domus paravirtual hypervisor");
MODULE_AUTHOR("The domus developers");
MODULE_LICENSE("GPL");
MODULE_VERSION("0.1");
