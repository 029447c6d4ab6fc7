// SPDX-License-Identifier: GPL-2.0-only
/*
 * Counters in debugfs: domus/domains lists every domain, its shadow's counters
 * and each vCPU's exits by cause. For people; tools use netlink.
 */
#include <linux/debugfs.h>
#include <linux/kernel.h>
#include <linux/module.h>
#include <linux/seq_file.h>
#include <linux/slab.h>
#include <linux/stddef.h>
#include <linux/string.h>

#include "domain.h"
#include "shadow.h"
#include "stats.h"
#include "vcpu.h"

#define CREATE_TRACE_POINTS
#include "trace.h"

static struct dentry *stats_dir;

static const char *const state_names[] = {
	[DOMUS_STATE_NEW]	= "new",
	[DOMUS_STATE_RUNNING]	= "running",
	[DOMUS_STATE_REBOOT]	= "reboot",
	[DOMUS_STATE_DEAD]	= "dead",
};

#define COUNTER(field) { #field, offsetof(struct shadow_stats, field) }

static const struct {
	const char *name;
	size_t offset;
} shadow_counters[] = {
	COUNTER(large_fills),
	COUNTER(spurious),
	COUNTER(retries),
	COUNTER(conflicts),
	COUNTER(flush_zaps),
	COUNTER(notifier_zaps),
	COUNTER(rmap_overflows),
	COUNTER(evictions),
	COUNTER(drops),
	COUNTER(remote_flushes),
	COUNTER(fill_waits),
	COUNTER(rmap_waits),
};

static_assert(ARRAY_SIZE(shadow_counters) * sizeof(atomic64_t) == sizeof(struct shadow_stats));

static void show_shadow(struct seq_file *m, const struct shadow *sh)
{
	const char *base = (const char *)&sh->stats;
	u64 fills, prefills;
	unsigned int i;

	fills = shadow_fills(sh, &prefills);
	seq_printf(m, "  shadow pages %llu roots %u fills %llu prefills %llu", shadow_pages(sh),
		   READ_ONCE(sh->nr_roots), fills, prefills);
	for (i = 0; i < ARRAY_SIZE(shadow_counters); i++)
		seq_printf(m, " %s %lld", shadow_counters[i].name,
			   atomic64_read((const atomic64_t *)(base + shadow_counters[i].offset)));
	seq_putc(m, '\n');
}

static void show_vcpu(struct seq_file *m, struct domus_vcpu *v)
{
	struct vcpu_stats stats;
	unsigned int i;

	vcpu_stats(v, &stats);
	seq_printf(m, "  vcpu %u %s runtime_ns %llu passes %llu exits %llu", v->id,
		   stats.state == DOMUS_VCPU_ONLINE ? "online" : "offline",
		   stats.runtime_ns, stats.passes, stats.exits);
	for (i = 0; i < VCPU_NR_CAUSES; i++)
		seq_printf(m, " %s %llu", vcpu_cause_names[i], stats.by_cause[i]);
	seq_putc(m, '\n');
	/* where it was at its last exit: racy, and good enough to find a hang */
	seq_printf(m, "    last vector %#llx error %#llx rip %#llx rsp %#llx cr2 %#llx rax %#llx\n",
		   v->data->regs.vector, v->data->regs.error, v->data->regs.ip,
		   v->data->regs.sp, v->data->cr2, v->data->regs.ax);
	seq_printf(m, "    faults %llu flushes %llu pcid_flushes %llu aborts %llu nmi %llu %llu mc %llu %llu db_absorbed %llu sel_fixups %llu\n",
		   v->data->faults, v->data->flushes, v->pcid_flushes, v->data->aborts,
		   v->data->nmi_ring0,
		   v->data->nmi_ring3, v->data->mc_ring0, v->data->mc_ring3,
		   v->data->db_absorbed, v->data->sel_fixups);
	seq_printf(m, "    halt_attempted_poll %llu halt_successful_poll %llu halt_poll_success_ns %llu halt_poll_fail_ns %llu halt_poll_spent %llu halt_poll_window_ns %u\n",
		   stats.halt.attempted, stats.halt.successful, stats.halt.success_ns,
		   stats.halt.fail_ns, stats.halt.spent, stats.halt.window_ns);
}

static int domains_seq_show(struct seq_file *m, void *p)
{
	struct domus_domain *d = list_entry(p, struct domus_domain, link);
	u32 state = READ_ONCE(d->state);
	unsigned int i;

	seq_printf(m, "domain %u %s %s vcpus %u memory %llu reboots %u console_dropped %llu\n",
		   d->id, d->name,
		   state == DOMUS_STATE_RUNNING && domain_paused(d) ? "paused" :
								      state_names[state],
		   d->nr_vcpus, gmem_size(&d->gmem),
		   READ_ONCE(d->reboots), READ_ONCE(d->console.dropped));
	show_shadow(m, &d->shadow);
	for (i = 0; i < d->nr_vcpus; i++)
		show_vcpu(m, d->vcpus[i]);
	return 0;
}

static void *domains_seq_start(struct seq_file *m, loff_t *pos)
{
	mutex_lock(&domus_list_lock);
	return seq_list_start(&domus_domains, *pos);
}

static void *domains_seq_next(struct seq_file *m, void *p, loff_t *pos)
{
	return seq_list_next(p, &domus_domains, pos);
}

static void domains_seq_stop(struct seq_file *m, void *p)
{
	mutex_unlock(&domus_list_lock);
}

static const struct seq_operations domains_seq_sops = {
	.start	= domains_seq_start,
	.next	= domains_seq_next,
	.stop	= domains_seq_stop,
	.show	= domains_seq_show,
};

static int domains_seq_open(struct inode *inode, struct file *file)
{
	return seq_open(file, &domains_seq_sops);
}

static const struct file_operations domains_fops = {
	.owner		= THIS_MODULE,
	.open		= domains_seq_open,
	.read		= seq_read,
	.llseek		= seq_lseek,
	.release	= seq_release,
};

/* "NAME ADDRESS DEEP": see shadow_plant(). */
#ifdef DOMUS_DEBUG
#define PLANT_LINE	128

static int plant(char *line)
{
	char *name = strsep(&line, " "), *va_text = strsep(&line, " ");
	struct domus_domain *d;
	unsigned int deep;
	u64 va;
	int r;

	if (!va_text || !line || kstrtou64(va_text, 0, &va) || kstrtouint(line, 0, &deep))
		return -EINVAL;
	d = domain_find(name, 0);
	if (!d)
		return -ENODEV;
	r = shadow_plant(&d->shadow, va, deep);
	domain_put(d);
	return r;
}

static ssize_t plant_write(struct file *file, const char __user *from, size_t count,
			   loff_t *pos)
{
	char *line;
	int r;

	if (count > PLANT_LINE)
		return -EINVAL;
	line = memdup_user_nul(from, count);
	if (IS_ERR(line))
		return PTR_ERR(line);
	r = plant(strim(line));
	kfree(line);
	return r ?: count;
}

static const struct file_operations plant_fops = {
	.owner		= THIS_MODULE,
	.open		= simple_open,
	.write		= plant_write,
	.llseek		= noop_llseek,
};
#endif

void stats_init(void)
{
	stats_dir = debugfs_create_dir("domus", NULL);
	debugfs_create_file("domains", 0400, stats_dir, NULL, &domains_fops);
#ifdef DOMUS_DEBUG
	debugfs_create_file("plant", 0200, stats_dir, NULL, &plant_fops);
#endif
}

void stats_exit(void)
{
	debugfs_remove(stats_dir);
}
