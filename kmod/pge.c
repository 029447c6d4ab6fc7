// SPDX-License-Identifier: GPL-2.0-only
/*
 * CR4.PGE off while domains exist, where the administrator wants it: then no global TLB
 * entry of the host's is ever in a guest's way.
 *
 * The bit is changed through the host's own word for CR4 (cr4_update_irqsoff()): KVM loads
 * what that says behind its guests, and whoever changes another bit writes this one back.
 * A CPU that comes online begins with the bit on, and is told before it may run a vCPU; one
 * that goes offline, sleeps or enters another kernel (kexec) writes CR4 anew when it is back.
 *
 * With PCIDs but without page-table isolation the host must keep its global entries: its
 * own addresses are then in the TLB under every PCID, of which INVLPG, all that it uses for
 * its own addresses, would reach the loaded one's alone.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/cpu.h>
#include <linux/cpuhotplug.h>
#include <linux/lockdep.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/printk.h>
#include <linux/smp.h>
#include <asm/cpufeature.h>
#include <asm/processor-flags.h>
#include <asm/tlbflush.h>

#include "pge.h"

static bool no_global;
module_param(no_global, bool, 0444);
MODULE_PARM_DESC(no_global,
		 "keep CR4.PGE off while domains exist, so that no global TLB entry of the host is in a guest's way (N)");

/* Domains with cells; under pge_lock, and read by hotplug, which waits for who changes it. */
static unsigned int users;
static DEFINE_MUTEX(pge_lock);
static int hotplug_state;
static bool active;

static void set_pge(void *on)
{
	if (on)
		cr4_set_bits_irqsoff(X86_CR4_PGE);
	else
		cr4_clear_bits_irqsoff(X86_CR4_PGE);
}

/* On a CPU that is online, but not yet one that tasks are moved to. */
static int cpu_comes(unsigned int cpu)
{
	unsigned long flags;

	if (!READ_ONCE(users))
		return 0;
	local_irq_save(flags);
	set_pge(NULL);
	local_irq_restore(flags);
	return 0;
}

int pge_init(void)
{
	int r;

	if (!no_global || !(__read_cr4() & X86_CR4_PGE))
		return 0;
	if ((__read_cr4() & X86_CR4_PCIDE) && !boot_cpu_has(X86_FEATURE_PTI)) {
		pr_err("no_global: the host has PCIDs and no page-table isolation: its kernel relies on global TLB entries (boot it with nopcid or pti=on)\n");
		return -EOPNOTSUPP;
	}
	r = cpuhp_setup_state_nocalls(CPUHP_AP_ONLINE_DYN, "domus:pge", cpu_comes, NULL);
	if (r < 0) {
		pr_err("no_global: CPUs that come online cannot be followed: error %d\n", r);
		return r;
	}
	hotplug_state = r;
	active = true;
	return 0;
}

void pge_exit(void)
{
	if (!active)
		return;
	WARN_ON_ONCE(users);
	cpuhp_remove_state_nocalls(hotplug_state);
	active = false;
}

void pge_get(void)
{
	if (!active)
		return;
	cpus_read_lock();
	mutex_lock(&pge_lock);
	if (!users++)
		on_each_cpu(set_pge, NULL, 1);
	mutex_unlock(&pge_lock);
	cpus_read_unlock();
}

void pge_put(void)
{
	if (!active)
		return;
	cpus_read_lock();
	mutex_lock(&pge_lock);
	if (!--users)
		on_each_cpu(set_pge, (void *)1UL, 1);
	mutex_unlock(&pge_lock);
	cpus_read_unlock();
}
