#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# early.sh: a disk's file whose I/O is complete before the host's file system is through with
# starting it (selftests/rig/modules/late.c). What is free then is poisoned (slub_debug=P):
# who still uses it is an oops of the host's.
#
# With --module null_blk, which answers by a timer, crc32c_generic, ext4 and mkfs.ext4.
mkfs.ext4 -q -F /dev/nullb0 && mount -t ext4 -o noatime /dev/nullb0 /mnt &&
	truncate -s 4M /mnt/disk.img && insmod /lib/modules/late.ko || exit 4
/tests/guest/beside.sh devices --disk /mnt/disk.img,direct,name=d,serial=S1 \
	--append "disk=d serial=S1"
status=$?
late=$(cat /sys/module/late/parameters/late)
rmmod late && umount /mnt || status=1
echo "# $late of them"
[ "$late" -gt 20 ] || { echo "too few"; status=1; }
exit $status
