// SPDX-License-Identifier: GPL-2.0-only
/*
 * Makes those who start direct I/O of files late: it is complete before they know that
 * it is under way.
 *
 * iomap_dio_rw() says -EIOCBQUEUED when the device has not answered yet, and the file system
 * has a few instructions left to do with the iocb. Here they come after the completion:
 * whoever frees the iocb by that has them use freed memory.
 */
#include <linux/delay.h>
#include <linux/fs.h>
#include <linux/kprobes.h>
#include <linux/module.h>

/* Completions that need the thread that is held back here do not come in that time, either. */
#define PATIENCE_US	5000

static int late;
module_param(late, int, 0444);
MODULE_PARM_DESC(late, "starts that came after their completion");

static int note_inode(struct kretprobe_instance *instance, struct pt_regs *regs)
{
	const struct kiocb *iocb = (const void *)regs_get_kernel_argument(regs, 0);

	*(struct inode **)instance->data = file_inode(iocb->ki_filp);
	return 0;
}

/* The file is open for as long as anybody of the test is here. */
static int hold_back(struct kretprobe_instance *instance, struct pt_regs *regs)
{
	const struct inode *inode = *(struct inode **)instance->data;
	int us;

	if ((long)regs_return_value(regs) != -EIOCBQUEUED)
		return 0;
	for (us = 0; us < PATIENCE_US && atomic_read(&inode->i_dio_count); us++)
		udelay(1);
	if (us < PATIENCE_US)
		late++;
	return 0;
}

static struct kretprobe start = {
	.kp.symbol_name = "iomap_dio_rw",
	.entry_handler = note_inode,
	.handler = hold_back,
	.data_size = sizeof(struct inode *),
	.maxactive = 64,
};

static int __init late_init(void)
{
	return register_kretprobe(&start);
}

static void __exit late_exit(void)
{
	unregister_kretprobe(&start);
}

module_init(late_init);
module_exit(late_exit);

MODULE_DESCRIPTION("lets direct I/O be complete before it is under way");
MODULE_AUTHOR("The domus developers");
MODULE_LICENSE("GPL");
