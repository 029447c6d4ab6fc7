#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# diskbroken.sh [ROUNDS]: Linux in a domain with ext4 on a disk that fails, that is full,
# that is pulled out, as KTAP: programs get EIO, the guest lives, and can be ended. The same
# for a guest that looks at each request is selftests/guest/devbroken.sh.
#
# With --module brd, dm-mod, sd_mod, scsi_debug and ext4; mkfs.ext4.
# shellcheck disable=SC2016,SC2086,SC2154,SC2181
set -u
. /tests/host/common.sh
. /tests/host/netlib.sh
. /tests/guest/dm.sh

SECTORS=65536
GOOD="0 $SECTORS linear /dev/ram0 0"
BAD="0 $SECTORS error"
MNT=/tmp/diskbroken.fs

# attach IMAGE: mounted at /m, with 2 MiB of data in /m/a, and 4 in /m/b
attach() {
	domctl disk attach one $1 --name d > /dev/null &&
		works one "until [ -b /dev/vda ]; do usleep 10000; done; mkdir -p /m; \
mount -t ext4 /dev/vda /m && dd if=/dev/urandom of=/m/a bs=64k count=32 2> /dev/null && \
dd if=/dev/urandom of=/m/b bs=64k count=64 2> /dev/null && sync && md5sum /m/a > /a.sum"
}

# It gets EIO, and says so; eio() of the guest.
eio='eio() { "$@" > /tmp/said 2>&1; [ $? != 0 ] && grep "nput/output error" /tmp/said && return; \
cat /tmp/said; return 1; }'

overwrite="dd if=/dev/zero of=/m/b bs=4k count=16 conv=notrunc"

# What was there is there, after a new mount.
whole() {
	works one "umount /m && mount -t ext4 /dev/vda /m && md5sum -c /a.sum && touch /m/new && sync"
}

# Programs that read and write without an end.
load() {
	works one "for j in 1 2 3 4; do (while :; do dd if=/dev/zero of=/m/load\$j bs=64k count=8 \
conv=fsync; echo 3 > /proc/sys/vm/drop_caches; cat /m/a; done) > /dev/null 2>&1 & done"
}

errors() {
	table dm "$GOOD" && mkfs.ext4 -q -F /dev/dm-0 && attach /dev/dm-0
	result "ext4 on a device that works"
	table dm "$BAD" && works one "eio $overwrite oflag=direct"
	result "it has nothing but errors: a write gets EIO"
	works one "eio dd if=/m/b of=/dev/null bs=4k iflag=direct"
	result "a read, too"
	works one "echo 3 > /proc/sys/vm/drop_caches; eio cat /m/a"
	result "one through the cache, too"
	works one "eio $overwrite,fsync || grep 'ead-only' /tmp/said"
	result "and an fsync"
	works one "eio dd if=/dev/vda of=/dev/null bs=4k count=1 iflag=direct && ls / && mkdir /tmp/x"
	result "the guest lives"
	domctl -p disk list one | awk '/"errors":/ { exit !($2 + 0 > 3) }'
	result "list counts the errors"
	table dm "$GOOD" && whole
	result "it works again: mounted anew nothing is lost"
	load && table dm "$BAD" && works one "until eio $overwrite oflag=direct; do :; done"
	result "it fails with programs at work"
	works one "echo alive"
	result "the guest lives"
	timeout $((20 * ${SLOW:-1})) domctl destroy one && nothing_left
	result "and is destroyed"
	table dm "$GOOD" && e2fsck -fy /dev/dm-0 > $DIR/fsck 2>&1
	[ $? -le 1 ] && mount -t ext4 /dev/dm-0 $MNT && umount $MNT && dm remove dm
	result "the device is free"
}

full() {
	mkfs.ext4 -q -F -m 0 /dev/ram1 && mount -t ext4 /dev/ram1 $MNT && truncate -s 16M $MNT/sparse &&
		mkfs.ext4 -q -F $MNT/sparse && cat $MNT/sparse > $MNT/image && rm $MNT/sparse &&
		attach $MNT/image
	result "ext4 on a file on ext4"
	works one "fstrim /m && fallocate -l 4m /m/room && sync"
	result "what it does not use is a hole on the host"
	fill $MNT/rest
	into="dd if=/m/b of=/m/room bs=64k conv=notrunc"
	works one "eio $into oflag=direct"
	result "there is no room on the host: the write gets EIO"
	works one "$overwrite oflag=direct && md5sum -c /a.sum && touch /m/new && sync"
	result "what has room already can be written, and the guest's file system lives"
	rm $MNT/rest && works one "$into oflag=direct && sync && cmp /m/b /m/room"
	result "there is room: the same write works"
	whole
	result "nothing is lost"
	fill $MNT/rest
	load
	timeout $((20 * ${SLOW:-1})) domctl destroy one && nothing_left && umount $MNT
	result "destroyed while it is full"
}

# The one that was pulled out before, which the host may not be done with yet, and $disk
found() {
	echo "- - -" > "$(ls /sys/class/scsi_host/host*/scan)"
	disk=$(ls /sys/bus/pseudo/drivers/scsi_debug/adapter0/host*/target*/*/block 2> /dev/null) &&
		[ -b /dev/$disk ]
}

pulled() {
	soon found && mkfs.ext4 -q -F /dev/$disk && attach /dev/$disk && load
	result "ext4 on a SCSI disk"
	echo 1 > /sys/block/$disk/device/delete
	works one "until eio $overwrite oflag=direct; do :; done"
	result "is pulled out: EIO"
	works one "eio dd if=/dev/vda of=/dev/null bs=4k count=1 iflag=direct && ls /"
	result "the guest lives"
	domctl disk detach one d --force
	result "what is left of the disk is taken away"
	works one "umount -l /m && ls /" && timeout $((20 * ${SLOW:-1})) domctl destroy one && nothing_left
	result "the guest lives without it, and is destroyed"
}

# new NAME: a domain whose shell knows eio()
new() {
	guest_start one && works one "$eio"
	needed "a domain"
}

begin
mkdir -p $MNT
for _ in $(seq ${1:-1}); do
	for failure in errors full pulled; do
		new
		$failure
		# what its file system says of such a disk is no complaint of the kernel's
		guests_well
		result "the guest's kernel is well"
	done
done
[ $failed -eq 0 ] || note "$(tail -n 40 $DIR/one.log | tr -d '\r')"
finish
