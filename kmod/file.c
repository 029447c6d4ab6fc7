// SPDX-License-Identifier: GPL-2.0-only
/*
 * /dev/domus: each open file is a domain; RUN, VHOST, and the console as a stream.
 */
#include <linux/err.h>
#include <linux/fs.h>
#include <linux/miscdevice.h>
#include <linux/module.h>
#include <linux/nospec.h>
#include <linux/poll.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/uaccess.h>

#include "domain.h"
#include "file.h"
#include "vcpu.h"
#include "vsock.h"

static int domus_open(struct inode *inode, struct file *file)
{
	struct domus_domain *d = domain_open();

	if (IS_ERR(d))
		return PTR_ERR(d);
	file->private_data = d;
	return stream_open(inode, file);
}

static int domus_release(struct inode *inode, struct file *file)
{
	domain_release(file->private_data);
	return 0;
}

/* ---- RUN ---------------------------------------------------------------------- */

static long domus_ioctl_run(struct domus_domain *d, struct domus_run __user *arg)
{
	struct domus_run run;
	unsigned int nr;
	int r;

	if (copy_from_user(&run, arg, sizeof(run)))
		return -EFAULT;
	if (memchr_inv(run.reserved, 0, sizeof(run.reserved)))
		return -EINVAL;
	/* 0 before DOMAIN_NEW; what it counts and d->mm came before */
	nr = smp_load_acquire(&d->nr_vcpus);
	if (run.vcpu >= nr)
		return -EINVAL;
	if (current->mm != d->mm)
		return -EIO;
	domain_get(d);
	r = vcpu_run(d->vcpus[array_index_nospec(run.vcpu, nr)], &run);
	domain_put(d);
	if (r)
		return r;
	return copy_to_user(arg, &run, sizeof(run)) ? -EFAULT : 0;
}

/* ---- VHOST -------------------------------------------------------------------- */

static long domus_ioctl_vhost(struct domus_domain *d, struct domus_vhost __user *arg)
{
	struct domus_vhost v;
	int r;

	if (copy_from_user(&v, arg, sizeof(v)))
		return -EFAULT;
	if (memchr_inv(v.reserved, 0, sizeof(v.reserved)))
		return -EINVAL;
	/* 0 before DOMAIN_NEW */
	if (!smp_load_acquire(&d->nr_vcpus))
		return -ENODEV;
	if (current->mm != d->mm)
		return -EIO;
	r = vsock_wait(d, &v);
	if (r)
		return r;
	return copy_to_user(arg, &v, sizeof(v)) ? -EFAULT : 0;
}

static long domus_ioctl(struct file *file, unsigned int cmd, unsigned long arg)
{
	switch (cmd) {
	case DOMUS_IOC_VERSION:
		return DOMUS_HOST_ABI;
	case DOMUS_IOC_RUN:
		return domus_ioctl_run(file->private_data, (struct domus_run __user *)arg);
	case DOMUS_IOC_VHOST:
		return domus_ioctl_vhost(file->private_data, (struct domus_vhost __user *)arg);
	default:
		return -ENOTTY;
	}
}

/* ---- Console -------------------------------------------------------------------- */

/* Move what is there, up to count. Return: bytes, 0 when there was none, or -EFAULT. */
static ssize_t drain_output(struct domus_console *c, char __user *to, size_t count,
			    char *page)
{
	size_t done = 0, n;

	while (done < count) {
		n = console_take_output(c, page, min_t(size_t, count - done, PAGE_SIZE));
		if (!n)
			break;
		if (copy_to_user(to + done, page, n))
			return done ?: -EFAULT;
		done += n;
	}
	return done;
}

static ssize_t domus_read(struct file *file, char __user *to, size_t count, loff_t *pos)
{
	struct domus_domain *d = file->private_data;
	struct domus_console *c = &d->console;
	char *page;
	ssize_t r;
	bool dead;

	if (!count)
		return 0;
	page = kmalloc(PAGE_SIZE, GFP_KERNEL_ACCOUNT);
	if (!page)
		return -ENOMEM;
	for (;;) {
		dead = domain_dead(d);
		smp_rmb();	/* dead first: its last output is seen then */
		r = drain_output(c, to, count, page);
		if (r || dead)
			break;
		if (file->f_flags & O_NONBLOCK) {
			r = -EAGAIN;
			break;
		}
		r = wait_event_interruptible(c->wait, console_has_output(c) || domain_dead(d));
		if (r)
			break;
	}
	kfree(page);
	return r;
}

static ssize_t domus_write(struct file *file, const char __user *from, size_t count,
			   loff_t *pos)
{
	struct domus_domain *d = file->private_data;
	struct domus_console *c = &d->console;
	char *buf;
	ssize_t r;

	if (!count)
		return 0;
	count = min_t(size_t, count, CONSOLE_IN_SIZE);
	buf = memdup_user(from, count);
	if (IS_ERR(buf))
		return PTR_ERR(buf);
	for (;;) {
		r = -EPIPE;
		if (domain_dead(d))
			break;
		r = console_give_input(c, buf, count);
		if (r) {
			event_signal_kind(d, DOMUS_PORT_CONSOLE);
			break;
		}
		r = -EAGAIN;
		if (file->f_flags & O_NONBLOCK)
			break;
		r = wait_event_interruptible(c->wait, console_has_room(c) || domain_dead(d));
		if (r)
			break;
	}
	kfree(buf);
	return r;
}

static __poll_t domus_poll(struct file *file, poll_table *wait)
{
	struct domus_domain *d = file->private_data;
	struct domus_console *c = &d->console;
	__poll_t mask = 0;

	poll_wait(file, &c->wait, wait);
	if (domain_dead(d))
		mask |= EPOLLHUP | EPOLLIN | EPOLLRDNORM;
	else if (console_has_room(c))
		mask |= EPOLLOUT | EPOLLWRNORM;
	if (console_has_output(c))
		mask |= EPOLLIN | EPOLLRDNORM;
	return mask;
}

/* ---- The device ------------------------------------------------------------------- */

static const struct file_operations domus_fops = {
	.owner		= THIS_MODULE,
	.open		= domus_open,
	.release	= domus_release,
	.unlocked_ioctl	= domus_ioctl,
	.read		= domus_read,
	.write		= domus_write,
	.poll		= domus_poll,
	.llseek		= no_llseek,
};

static struct miscdevice domus_device = {
	.minor	= MISC_DYNAMIC_MINOR,
	.name	= "domus",
	.fops	= &domus_fops,
};

struct domus_domain *domain_of_file(struct file *file)
{
	return file->f_op == &domus_fops ? file->private_data : NULL;
}

int file_init(void)
{
	return misc_register(&domus_device);
}

void file_exit(void)
{
	misc_deregister(&domus_device);
}
