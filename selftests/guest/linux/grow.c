// SPDX-License-Identifier: GPL-2.0-only
/*
 * grow.c: what resize2fs does to a mounted ext4 whose disk has grown.
 *
 *   grow DIR DISK    the file system there has all of the disk from here on
 */
#include <fcntl.h>
#include <linux/fs.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/statfs.h>

#define EXT4_IOC_RESIZE_FS	_IOW('f', 16, uint64_t)

int main(int argc, char **argv)
{
	int dir = argc == 3 ? open(argv[1], O_RDONLY) : -1;
	int disk = argc == 3 ? open(argv[2], O_RDONLY) : -1;
	struct statfs fs;
	uint64_t size;

	if (dir < 0 || disk < 0 || fstatfs(dir, &fs) || ioctl(disk, BLKGETSIZE64, &size)) {
		fprintf(stderr, "usage: grow DIR DISK\n");
		return 2;
	}
	size /= (uint64_t)fs.f_bsize;
	if (ioctl(dir, EXT4_IOC_RESIZE_FS, &size)) {
		perror("grow");
		return 1;
	}
	return 0;
}
